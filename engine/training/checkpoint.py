"""A run's state on disk: folders that appear whole, the newest to resume from and the best to use.

Each is an adapter folder that mlx-lm reads as it lies, with the optimizer and the run's counters beside it. What else
a run depends on (order of the rows, dropout) follows from the seed and the counters, so nothing more needs saving.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Any, Literal

import mlx.core as mx
import mlx.nn as nn
import mlx.optimizers as optimizers
import msgspec

from engine.atomic import atomic_folder
from engine.errors import StyloraError
from engine.models import adapters
from engine.models.folder import tensors
from engine.recipe import RECIPE_FILE, Recipe, save_recipe

STATE_FILE = "state.json"
OPTIMIZER_FILE = "optimizer.safetensors"
_FORMAT = 1

Stopped = Literal["finished", "time", "patience", "stopped", "cancelled"]
"""Why a run ended; "stopped" is by request with a last validation, "cancelled" at once. Both can go on."""


class State(msgspec.Struct, kw_only=True):
    """Everything a run is, beside its tensors. Losses are means over trained tokens."""

    format: int = _FORMAT
    config: dict[str, Any]
    """`TrainingConfig.binding`: what may not change within a run."""
    data: str
    """Digests of the training and validation rows."""
    base: str
    """Identity of the base model."""
    update: int = 0
    cursor: int = 0
    """Micro-batches consumed."""
    examples: int = 0
    tokens: int = 0
    seconds: float = 0.0
    smoothed: float | None = None
    validated: int = -1
    """Update the last validation was made at."""
    first_valid: float | None = None
    last_valid: float | None = None
    best_valid: float | None = None
    best_update: int | None = None
    without_better: int = 0
    train_at_best: float | None = None
    """Smoothed training loss at the best validation."""
    valid_every: int | None = None
    """Updates between validations, where that was changed during the run."""
    history: list[tuple[int, float]] = []
    """Validations: update and loss."""
    rate_factor: float = 1.0
    setbacks: int = 0
    stopped: Stopped | None = None


def path_of(root: Path, update: int) -> Path:
    return root / f"update-{update:06d}"


def existing(root: Path) -> list[Path]:
    """Checkpoint folders in `root`, oldest first."""
    return sorted(path for path in root.glob("update-*") if (path / STATE_FILE).is_file())


def save(root: Path, model: nn.Module, optimizer: optimizers.Optimizer, state: State, recipe: Recipe | None) -> Path:
    """Write a checkpoint folder, whole or not at all, and point ``last`` at it."""
    path = path_of(root, state.update)
    with atomic_folder(path) as folder:
        if recipe is not None:
            save_recipe(recipe, folder / RECIPE_FILE)
        adapters.save_adapter(model, folder)
        adapters.write_tensors(folder / OPTIMIZER_FILE, _flat(optimizer.state))
        (folder / STATE_FILE).write_bytes(msgspec.json.format(msgspec.json.encode(state)))
        for file in folder.iterdir():
            _to_disk(file)
    point(root, "last", path)
    return path


def _to_disk(file: Path) -> None:
    with file.open("rb") as written:
        os.fsync(written.fileno())


def restore(path: Path, model: nn.Module, optimizer: optimizers.Optimizer) -> State:
    """Read the checkpoint at `path` into the model's adapter and the optimizer; returns the run's state."""
    state = read_state(path)
    file = path / OPTIMIZER_FILE
    try:
        tensors(file)
    except StyloraError:
        raise StyloraError(f"{file}: truncated or damaged; delete {path} to resume from the one before") from None
    adapters.load_adapter(model, path, need_recipe=False)
    optimizer.state = _nested(adapters.read_tensors(file))
    optimizer._initialized = True
    return state


def read_state(path: Path) -> State:
    file = path / STATE_FILE
    try:
        state = msgspec.json.decode(file.read_bytes(), type=State)
    except (OSError, msgspec.MsgspecError) as error:
        raise StyloraError(f"{file}: not readable ({error}); delete {path} to resume from the one before") from None
    if state.format != _FORMAT:
        raise StyloraError(f"{file}: format {state.format}, this Stylora reads {_FORMAT}; start the run again")
    return state


def _flat(state: dict[str, Any]) -> dict[str, mx.array]:
    """Tensors by "name:part", sorted: their order decides the file's bytes."""
    flat: dict[str, mx.array] = {}
    for name, value in state.items():
        flat |= (
            {f"{name}:{part}": tensor for part, tensor in value.items()} if isinstance(value, dict) else {name: value}
        )
    return dict(sorted(flat.items()))


def _nested(flat: dict[str, mx.array]) -> dict[str, Any]:
    state: dict[str, Any] = {}
    for name, tensor in flat.items():
        key, colon, part = name.partition(":")
        if colon:
            state.setdefault(key, {})[part] = tensor
        else:
            state[key] = tensor
    return state


def point(root: Path, name: str, path: Path) -> None:
    """Let the link `name` in `root` lead to the checkpoint `path`."""
    temporary = root / f".{name}.new"
    temporary.unlink(missing_ok=True)
    temporary.symlink_to(path.name)
    temporary.replace(root / name)


def pointed(root: Path, name: str) -> Path | None:
    """The checkpoint that the link `name` leads to, if it is there."""
    link = root / name
    return root / os.readlink(link) if link.is_symlink() and link.exists() else None


def prune(root: Path, keep: int) -> None:
    """Delete all but the newest `keep` checkpoints and the best, and what an interrupted save left behind."""
    best = pointed(root, "best")
    for path in existing(root)[:-keep]:
        if path != best:
            shutil.rmtree(path, ignore_errors=True)


def sweep(root: Path) -> None:
    """Remove half-written folders of a killed process; only while no other process can be writing."""
    for path in root.glob(".update-*"):
        shutil.rmtree(path, ignore_errors=True)


def remove(path: Path) -> None:
    """Delete one checkpoint."""
    shutil.rmtree(path, ignore_errors=True)
