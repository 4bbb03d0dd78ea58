"""What the app remembers between visits: screen, author, theme, and whatever each screen wants to find again.

One file per workspace, in its private folder and readable by the user alone, since a draft is the user's text.
"""

from __future__ import annotations

import contextlib
import os
import tempfile
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from engine.workspace import Workspace

LARGEST = 4 << 20
"""Bytes; a larger file is not ours."""

Value = TypeVar("Value")


class Memory(msgspec.Struct):
    """All of it. A field that is missing or broken has its default; fields of other versions are forgotten."""

    screen: str = "corpus"
    author: str = ""
    theme: str = ""
    screens: dict[str, dict[str, Any]] = {}
    """By screen name, what `tui.screens.base.StyloraScreen.keep` was given."""

    def kept(self, screen: str, name: str, default: Value) -> Value:
        """What `screen` kept as `name`, if it is of the default's type (or `default` is None); else `default`."""
        value = self.screens.get(screen, {}).get(name, default)
        if isinstance(default, float) and isinstance(value, int) and not isinstance(value, bool):
            value = float(value)
        return value if default is None or type(value) is type(default) else default

    def keep(self, screen: str, **values: Any) -> bool:
        """Keep `values` (plain JSON values) for `screen`; returns whether anything is new."""
        mine = self.screens.setdefault(screen, {})
        fresh = {name: value for name, value in values.items() if name not in mine or mine[name] != value}
        mine.update(fresh)
        return bool(fresh)


def _path(workspace: Workspace) -> Path:
    return workspace.private / "screen.json"


def recall(workspace: Workspace) -> Memory:
    """What is remembered of `workspace`; what cannot be read or understood is forgotten, each field by itself."""
    memory = Memory()
    try:
        if _path(workspace).stat().st_size > LARGEST:
            return memory
        found = msgspec.json.decode(_path(workspace).read_bytes())
    except (OSError, msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return memory
    for field in msgspec.structs.fields(Memory) if isinstance(found, dict) else ():
        with contextlib.suppress(KeyError, msgspec.ValidationError):
            setattr(memory, field.name, msgspec.convert(found[field.name], field.type))
    return memory


def remember(workspace: Workspace, memory: Memory) -> None:
    """Write it down, whole or not at all; a workspace that cannot be written is not worth a word here."""
    fresh = ""
    try:
        data = msgspec.json.encode(memory)
        workspace.private.mkdir(mode=0o700, exist_ok=True)
        handle, fresh = tempfile.mkstemp(prefix=".screen.", dir=workspace.private)  # 0600, as mkstemp makes them
        with os.fdopen(handle, "wb") as file:
            file.write(data)
        Path(fresh).replace(_path(workspace))
    except OSError:
        if fresh:
            Path(fresh).unlink(missing_ok=True)
