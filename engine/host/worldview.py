"""An author's worldview file, for a screen that shows it, checks what is being written, and saves it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from engine.atomic import write_text
from engine.errors import StyloraError
from engine.workspace import Workspace, slug
from engine.worldview import parse_worldview


@dataclass(frozen=True)
class WorldviewFile:
    """`text` is what is used for the author now; it comes from `path` and is saved into `target`.

    The two differ for an author who has no worldview of their own yet: the default stays as it is for the others.
    """

    path: Path
    target: Path
    text: str


def open_worldview(workspace: Workspace, author: str) -> WorldviewFile:
    """What the author's prompts are made of now; raises `StyloraError` for a file that cannot be read."""
    path = workspace.worldview(author)
    try:
        text = path.read_text(encoding="utf-8-sig").replace("\r\n", "\n")
    except UnicodeDecodeError:
        raise StyloraError(f"{path}: not UTF-8 text; save it as UTF-8") from None
    except OSError as error:
        raise StyloraError(f"{path}: {error.strerror}") from None
    return WorldviewFile(path, workspace.prompts / f"{slug(author)}_worldview.txt", text)


def check_worldview(text: str, author: str) -> str:
    """What a worldview `text` holds, in a few words; raises `StyloraError` with what is wrong with it."""
    persona = parse_worldview(text, author, "", where="this text")
    frames = [
        f"{len(found)} {name} frame{'' if len(found) == 1 else 's'}"
        for name, found in (("narrative", persona.narrative), ("conceptual", persona.conceptual))
    ]
    return ", ".join(["role", *frames, "instruction" if persona.instruction else "no instruction"])


def save_worldview(opened: WorldviewFile, text: str, author: str) -> WorldviewFile:
    """Write `text`, whole or not at all, and return it as opened anew.

    Raises `StyloraError` for a text that could not be read back, and for a file that somebody else has changed since
    it was opened.
    """
    check_worldview(text, author)
    target = opened.target
    try:
        now = target.read_text(encoding="utf-8-sig").replace("\r\n", "\n") if target.exists() else None
    except (OSError, UnicodeDecodeError):
        now = ""
    if now != (opened.text if opened.path == target else None):
        raise StyloraError(f"{target.name}: changed by somebody else since it was opened; go back and open it again")
    try:
        write_text(target, text)
    except OSError as error:
        raise StyloraError(f"{target}: {error.strerror}") from None
    return WorldviewFile(target, target, text)
