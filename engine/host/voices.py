"""What can be asked for rewrites: the adapters of a workspace and their checkpoints; and what was asked of them.

Read from files alone, as `engine.host.survey` is: no model is loaded for it, and what is half written is not there.
"""

from __future__ import annotations

import contextlib
import tomllib
from dataclasses import dataclass, field
from pathlib import Path

import msgspec

from engine.errors import StyloraError
from engine.generation.conversation import Conversation, Turn, Written, grade
from engine.report.chosen import Chosen, read_chosen
from engine.workspace import Workspace

__all__ = ["Checkpoint", "Chosen", "Turn", "Voice", "Written", "grade", "keep", "turns", "voices"]


@dataclass(frozen=True)
class Checkpoint:
    """A checkpoint: `name` is what ``rewrite --checkpoint`` takes."""

    name: str
    update: int
    valid: float | None
    """Held-out loss at this very update; None where none was measured there."""


@dataclass(frozen=True)
class Voice:
    """An adapter that can rewrite. `name` is its folder's."""

    name: str
    author: str
    path: Path
    checkpoints: tuple[Checkpoint, ...]
    """Best and last first, then by their updates, newest first."""
    modified: float
    base: str
    """Digest of the base model it was trained on; empty where its recipe has none."""
    chosen: Chosen = field(default_factory=Chosen)
    """What it is rewritten with unless a request says otherwise."""

    def distinct(self, *named: str) -> list[Checkpoint]:
        """The checkpoints, those of the same weights once, by their first name; those that are `named` in any case."""
        first = {one.update: one.name for one in reversed(self.checkpoints)}
        return [one for one in self.checkpoints if first[one.update] == one.name or one.name in named]


class _State(msgspec.Struct):
    update: int


class _Validation(msgspec.Struct):
    update: int
    loss: float | None = None


def voices(workspace: Workspace) -> list[Voice]:
    """The workspace's finished adapters, by name."""
    try:
        folders = sorted(one for one in (workspace.root / "lora_adapters").iterdir() if one.is_dir())
    except OSError:
        return []
    return [voice for folder in folders if (voice := _voice(folder))]


def _voice(folder: Path) -> Voice | None:
    weights = folder / "adapters.safetensors"
    try:
        recipe = tomllib.loads((folder / "recipe.toml").read_text(encoding="utf-8"))
        modified = weights.stat().st_mtime
    except (OSError, ValueError):
        return None
    author, base = recipe.get("author"), recipe.get("base")
    points = _checkpoints(folder)
    return Voice(folder.name, str(author or folder.name), folder, points, modified, str(base or ""), _chosen(folder))


def _chosen(folder: Path) -> Chosen:
    try:
        return read_chosen(folder)
    except StyloraError:  # rewriting with it will say what is wrong with the file
        return Chosen()


def _checkpoints(folder: Path) -> tuple[Checkpoint, ...]:
    root = folder / "checkpoints"
    try:
        numbered = sorted((one for one in root.glob("update-*") if one.name[7:].isdigit()), reverse=True)
    except OSError:
        return ()
    named = [(name, root / name) for name in ("best", "last")]
    losses = _validations(folder)
    found = [(name, _state(path)) for name, path in (*named, *((str(int(one.name[7:])), one) for one in numbered))]
    return tuple(Checkpoint(name, state.update, losses.get(state.update)) for name, state in found if state)


def _validations(folder: Path) -> dict[int, float | None]:
    """Held-out losses by update, from the run's journal."""
    decoder, losses = msgspec.json.Decoder(_Validation), dict[int, float | None]()
    try:
        with (folder / "journal.jsonl").open("rb") as file:
            for raw in file:
                if raw.startswith(b'{"kind":"validation"'):
                    with contextlib.suppress(msgspec.MsgspecError):
                        line = decoder.decode(raw)
                        losses[line.update] = line.loss
    except OSError:
        pass
    return losses


def _state(checkpoint: Path) -> _State | None:
    if not (checkpoint / "adapters.safetensors").exists() and not (checkpoint / "adapter_config.json").exists():
        return None
    try:
        return msgspec.json.decode((checkpoint / "state.json").read_bytes(), type=_State)
    except (OSError, msgspec.MsgspecError):
        return None


def turns(workspace: Workspace, adapter: str) -> list[Turn]:
    """What was asked of `adapter` (its folder's name) so far; `StyloraError` for a damaged history."""
    return Conversation(workspace, workspace.root / "lora_adapters" / _plain(adapter)).turns()


def keep(workspace: Workspace, adapter: str, turn: int, written: int) -> Turn:
    """Mark text `written` (from 0) of a turn as the one chosen."""
    return Conversation(workspace, workspace.root / "lora_adapters" / _plain(adapter)).keep(turn, written)


def _plain(adapter: str) -> str:
    if adapter in ("", ".", "..") or Path(adapter).name != adapter:
        raise StyloraError(f"{adapter!r}: not the name of an adapter")
    return adapter
