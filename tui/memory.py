"""What the app remembers between visits: screen, author, theme, the unfinished prompt and its knobs.

It lies in the workspace's private folder, readable by the user alone, since a draft is the user's text.
"""

from __future__ import annotations

import os

import msgspec

from engine.workspace import Workspace


class Memory(msgspec.Struct):
    """All of it; unknown or broken content is forgotten."""

    screen: str = "corpus"
    author: str = ""
    light: bool = False
    draft: str = ""
    knobs: tuple[float, float, int, int] | None = None
    """Strength, temperature, variations, seed."""


def recall(workspace: Workspace) -> Memory:
    try:
        return msgspec.json.decode((workspace.private / "screen.json").read_bytes(), type=Memory)
    except (OSError, msgspec.MsgspecError):
        return Memory()


def remember(workspace: Workspace, memory: Memory) -> None:
    """Write it down; a workspace that cannot be written is not worth a word here."""
    path = workspace.private / "screen.json"
    fresh = path.with_suffix(".part")
    try:
        workspace.private.mkdir(mode=0o700, exist_ok=True)
        with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
            file.write(msgspec.json.encode(memory))
        fresh.replace(path)
    except OSError:
        pass
