"""Worldview files: the persona of an author's prompts as people write it, and as the recipe keeps it.

Light enough for a screen to check a text while it is being written.
"""

from __future__ import annotations

import re
from pathlib import Path

from engine.errors import StyloraError
from engine.recipe import Worldview
from engine.workspace import Workspace

SECTION = re.compile(r"^\[([A-Z ]+)\]:[ \t]*$", re.MULTILINE)
"""A line that begins a section of a worldview file or of a prompt."""
_KNOWN_SECTIONS = {"SYSTEM ROLE", "NARRATIVE FRAME", "CONCEPTUAL FRAME", "INSTRUCTION", "INPUT"}


def read_worldview(path: Path, author: str) -> Worldview:
    """The worldview in the file at `path`; see `parse_worldview`."""
    try:
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError:
        raise StyloraError(f"{path}: not UTF-8 text; save it as UTF-8") from None
    except OSError as error:
        raise StyloraError(f"{path}: {error.strerror}; write a worldview prompt there") from None
    return parse_worldview(text, author, path.name, where=str(path))


def parse_worldview(text: str, author: str, source: str, *, where: str) -> Worldview:
    """Parse a worldview in the mission's format: ``[SYSTEM ROLE]:``, ``[INSTRUCTION]:``, ``[INPUT]:``.

    ``[NARRATIVE FRAME]:`` and ``[CONCEPTUAL FRAME]:`` are optional; each may hold several frames separated by blank
    lines. ``{author}`` stands for the author's name. A text without sections is one role for everything. `source` is
    the name the recipe keeps, `where` begins the errors.
    """
    text = text.replace("\r\n", "\n").replace("{author}", author)
    parts = SECTION.split(text)
    sections = {name: body.strip() for name, body in zip(parts[1::2], parts[2::2], strict=True)}
    if unknown := sorted(set(sections) - _KNOWN_SECTIONS):
        raise StyloraError(f"{where}: unknown section [{unknown[0]}]; known: {', '.join(sorted(_KNOWN_SECTIONS))}")
    before = parts[0].strip()
    if sections and before:
        raise StyloraError(f"{where}: {_begun(before)!r} stands before every section; begin with [SYSTEM ROLE]:")
    role = sections.get("SYSTEM ROLE", before)
    if not role:
        raise StyloraError(f"{where}: no [SYSTEM ROLE]: section and no text; say there who is speaking")
    for name, body in (sections or {"SYSTEM ROLE": role}).items():
        if name == "INPUT" and re.fullmatch(r"\{\w+\}", body):
            continue
        if line := next((line for line in body.splitlines() if "{" in line or "}" in line), ""):
            allowed = "{user_input} alone" if name == "INPUT" else "{author} alone between braces"
            raise StyloraError(f"{where}: {_begun(line)!r} in [{name}]: it takes {allowed}")
    return Worldview(
        source=source,
        role=role,
        narrative=_frames(sections.get("NARRATIVE FRAME", "")),
        conceptual=_frames(sections.get("CONCEPTUAL FRAME", "")),
        instruction=sections.get("INSTRUCTION", ""),
    )


def _begun(text: str) -> str:
    line = text.splitlines()[0].strip()
    return line if len(line) <= 40 else f"{line[:39]}…"


def is_built_with(workspace: Workspace, author: str, persona: Worldview) -> bool:
    """Whether the worldview file that `persona` was read from still says the same; True where it cannot be read."""
    named = workspace.prompts / persona.source
    try:
        return read_worldview(named if named.is_file() else workspace.worldview(author), author) == persona
    except StyloraError:
        return True


def _frames(section: str) -> tuple[str, ...]:
    return tuple(" ".join(frame.split()) for frame in re.split(r"\n\s*\n", section) if frame.strip())
