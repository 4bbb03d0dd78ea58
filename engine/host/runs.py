"""Trainings of a workspace, from the files they left in `lora_adapters/`: list, describe, compare, delete.

A run is a folder there, named after its author or as `--adapter NAME` called it. Nothing here raises for a file that is
absent or half written: what is not known is None.
"""

from __future__ import annotations

import difflib
import fcntl
import os
import shutil
import tomllib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec

from engine.errors import StyloraError
from engine.workspace import Workspace

RUNNING, INTERRUPTED, IMPORTED = "running", "interrupted", "imported"

_TAIL = 256 << 10
"""Bytes of a journal in which its last update is found, whatever samples follow it."""
_TRAINED = ("journal.jsonl", "run.toml", "state.json", "adapters.safetensors", "recipe.toml", "imported.toml")
"""What a training writes; report cards and the like come later and change nothing of it."""
_LOCK = ".lock"  # held by a trainer, see engine.training.journal
_NOT_SETTINGS = frozenset({"time_limit", "steps_per_report", "save_every", "keep"})
"""Settings that change nothing of what is learnt: left out of comparisons."""


class Run(msgspec.Struct, frozen=True, kw_only=True):
    """One training. Losses are means over trained tokens; `smoothed` is the training loss, the others validation."""

    name: str
    path: str
    author: str | None
    status: str
    """running, interrupted (killed; can go on), imported, or why it ended: finished, time, patience, stopped, …"""
    usable: bool
    """Weights and recipe are there, so it can rewrite."""
    modified: float
    """Seconds since 1970."""
    bytes: int
    base: str | None
    """Identity of the base model."""
    data: str | None
    """Digest of the rows."""
    machine: str | None
    """What it was trained on."""
    grad_checkpoint: bool | None
    """Whether activations were computed twice."""
    updates: int
    planned: int | None
    first_valid: float | None
    best_valid: float | None
    best_update: int | None
    last_valid: float | None
    smoothed: float | None
    examples: int | None
    tokens: int | None
    seconds: float | None
    tokens_per_second: float | None
    checkpoints: tuple[int, ...]
    config: dict[str, Any]


class Curve(msgspec.Struct, frozen=True, kw_only=True):
    """Losses over updates, for a chart: points of (update, loss)."""

    name: str
    train: tuple[tuple[int, float], ...]
    """Smoothed, one point an update."""
    valid: tuple[tuple[int, float], ...]


class Comparison(msgspec.Struct, frozen=True, kw_only=True):
    """Runs side by side. Every list has one entry a run, in the order of `names`."""

    names: tuple[str, ...]
    same_rows: bool
    """Whether all were trained on the same rows; if not, their losses compare only roughly."""
    same_base: bool
    settings: dict[str, list[Any]]
    """Those that differ."""
    valid: dict[int, list[float]]
    """Validation losses at the updates all of them were validated at."""
    train: dict[int, list[float]]
    """Smoothed training losses at quarters of the shortest run."""
    figures: dict[str, list[Any]]
    """updates, examples, best_valid, best_update, tokens_per_second, seconds, bytes."""
    best: str | None
    """The run with the lowest validation loss."""


def folder(workspace: Workspace) -> Path:
    """Where the runs of a workspace are."""
    return workspace.root / "lora_adapters"


def all_runs(workspace: Workspace) -> list[Run]:
    """Every run, the newest first."""
    try:
        folders = [path for path in folder(workspace).iterdir() if _is_run(path)]
    except OSError:
        return []
    return sorted(map(_read, folders), key=lambda run: (-run.modified, run.name))


def find(workspace: Workspace, name: str) -> Run:
    """The run called `name`; a `StyloraError` names the nearest where there is none."""
    return _read(_path(workspace, name))


def curve(workspace: Workspace, name: str) -> Curve:
    """The losses of the run called `name`, from its journal; empty where it has none."""
    train, valid = [], []
    for line in _journal(_path(workspace, name)):
        if line.get("kind") == "validation":
            valid.append((line["update"], line.get("loss")))
        elif line.get("kind") == "update":
            train.append((line["update"], line.get("smoothed", line.get("loss"))))
    return Curve(name=name, train=_points(train), valid=_points(valid))


def reports(workspace: Workspace, name: str, offset: int = 0) -> tuple[list[dict[str, Any]], int]:
    """What the run called `name` reported from byte `offset` of its journal on, and the offset to go on from.

    Each has the ``update`` and the values of a progress report; that of a validation has ``valid``, a note ``message``.
    Only whole lines are read; a journal that is shorter than `offset` was begun again, and is read from its start.
    """
    found = []
    try:
        with (_path(workspace, name) / "journal.jsonl").open("rb") as file:
            offset = offset if offset <= os.fstat(file.fileno()).st_size else 0
            file.seek(offset)
            data = file.read()
    except OSError:
        return [], 0
    data = data[: data.rfind(b"\n") + 1]
    for line in data.splitlines():
        if line.startswith(b'{"kind":"sample"'):
            continue
        try:
            values = msgspec.json.decode(line)
        except msgspec.MsgspecError:
            continue
        if isinstance(values, dict) and isinstance(values.get("update"), int):
            kind = values.pop("kind", "")
            found.append({"update": values["update"], "valid": values.get("loss")} if kind == "validation" else values)
    return found, offset + len(data)


def compare(workspace: Workspace, names: Sequence[str]) -> Comparison:
    """Two or more runs side by side; raises `StyloraError` for fewer, or for a name that is no run's."""
    if len(set(names)) < 2:
        raise StyloraError("a comparison takes two or more different runs; 'stylora runs' lists them")
    runs = [find(workspace, name) for name in names]
    curves = [curve(workspace, name) for name in names]
    keys = sorted({key for run in runs for key in run.config} - _NOT_SETTINGS)
    settings = {key: [run.config.get(key) for run in runs] for key in keys}
    validations = [dict(one.valid) for one in curves]
    common = sorted(set.intersection(*(set(points) for points in validations)))
    trains = [dict(one.train) for one in curves]
    reached = min((max(points, default=0) for points in trains), default=0)
    quarters = sorted({reached * part // 4 for part in (1, 2, 3, 4)} - {0})
    figures = ("updates", "examples", "best_valid", "best_update", "tokens_per_second", "seconds", "bytes")
    measured = [run for run in runs if run.best_valid is not None]
    best = min(measured, key=lambda run: run.best_valid or 0.0).name if measured else None
    return Comparison(
        names=tuple(names),
        same_rows=len({run.data for run in runs}) == 1,
        same_base=len({run.base for run in runs}) == 1,
        settings={key: values for key, values in settings.items() if any(value != values[0] for value in values)},
        valid={update: [points[update] for points in validations] for update in common},
        train={
            update: [points[update] for points in trains]
            for update in quarters
            if all(update in points for points in trains)
        },
        figures={name: [getattr(run, name) for run in runs] for name in figures},
        best=best,
    )


def delete(workspace: Workspace, name: str) -> Run:
    """Remove the run called `name`, its checkpoints included, and return what it was.

    Raises `StyloraError` for a run at work, and for a folder that is a link or no run: nothing but a run's own folder
    is ever removed.
    """
    path = _path(workspace, name)
    run = _read(path)
    try:
        with (path / _LOCK).open("a") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            gone = path.with_name(f".{name}.deleted-{os.getpid()}")
            path.rename(gone)  # at once, so that a reader never meets half a run
        shutil.rmtree(gone)
    except BlockingIOError:
        raise StyloraError(f"{path}: this run is at work; stop it first") from None
    except OSError as error:
        raise StyloraError(f"{path}: cannot be deleted ({error.strerror}); check the folder's permissions") from None
    return run


def _path(workspace: Workspace, name: str) -> Path:
    path = folder(workspace) / name
    if Path(name).name == name and _is_run(path):
        return path
    try:
        names = [one.name for one in folder(workspace).iterdir() if _is_run(one)]
    except OSError:
        names = []
    close = difflib.get_close_matches(name, names, n=1)
    known = f"did you mean {close[0]!r}?" if close else f"there are: {', '.join(sorted(names)) or 'none'}"
    raise StyloraError(f"run {name!r}: no such run in {folder(workspace)}; {known}")


def _is_run(path: Path) -> bool:
    """Whether `path` is a real folder (not a link to one elsewhere) with something of a run in it."""
    if path.name.startswith(".") or path.is_symlink() or not path.is_dir():
        return False
    return any((path / name).exists() for name in ("run.toml", "journal.jsonl", "checkpoints", "adapter_config.json"))


def _read(path: Path) -> Run:
    ended, recipe, origin = (_toml(path / name) for name in ("run.toml", "recipe.toml", "imported.toml"))
    checkpoints = sorted(one for one in (path / "checkpoints").glob("update-*") if (one / "state.json").is_file())
    state = _json(checkpoints[-1] / "state.json") if checkpoints else {}
    result = _table(ended.get("result"))
    lines = _journal(path, _TAIL)
    last: dict[str, Any] = next((line for line in reversed(lines) if line.get("kind") == "update"), {})
    weights = path / "adapters.safetensors"
    if _held(path):
        status = RUNNING
    elif not (state or ended or lines):
        status = IMPORTED if origin else "unknown"
    else:
        status = str(state.get("stopped") or (None if state else result.get("stopped")) or INTERRUPTED)
    seconds, tokens = last.get("seconds", state.get("seconds")), last.get("tokens", state.get("tokens"))
    reached = int(state.get("update") or result.get("updates") or 0)  # the journal may be ahead of what was saved
    update = max(int(last.get("update", 0)), reached)
    files = [file for file in path.rglob("*") if file.is_file() and not file.is_symlink()]
    return Run(
        name=path.name,
        path=str(path),
        author=recipe.get("author"),
        status=status,
        usable=weights.is_file() and bool(recipe),
        modified=max((file.stat().st_mtime for file in files if file.name in _TRAINED), default=0.0),
        bytes=sum(file.stat().st_size for file in files),
        base=state.get("base") or ended.get("base") or recipe.get("base"),
        data=state.get("data") or ended.get("data"),
        machine=ended.get("machine"),
        grad_checkpoint=ended.get("grad_checkpoint"),
        updates=update,
        planned=ended.get("planned_updates"),
        first_valid=state.get("first_valid", result.get("first_valid_loss")),
        best_valid=state.get("best_valid", result.get("best_valid_loss")),
        best_update=state.get("best_update", result.get("best_update")),
        last_valid=state.get("last_valid", result.get("last_valid_loss")),
        smoothed=last.get("smoothed", state.get("smoothed")),
        examples=state.get("examples", result.get("examples")) if update == reached else None,
        tokens=tokens,
        seconds=seconds,
        tokens_per_second=tokens / seconds if tokens and seconds else None,
        checkpoints=tuple(int(one.name.removeprefix("update-")) for one in checkpoints),
        config=_table(state.get("config")) | _table(ended.get("config")) or _shape(path),
    )


def _shape(path: Path) -> dict[str, Any]:
    """What an adapter without a run at least says of itself."""
    return _table(_json(path / "adapter_config.json").get("lora_parameters"))


def _held(path: Path) -> bool:
    """Whether a trainer is at work in `path`."""
    try:
        with (path / _LOCK).open() as lock:
            fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        return False
    return False


def _journal(path: Path, tail: int | None = None) -> list[dict[str, Any]]:
    """Lines of a run's journal, without any that was cut short; those in its last `tail` bytes alone, if given."""
    lines = []
    try:
        with (path / "journal.jsonl").open("rb") as file:
            if tail is not None:
                file.seek(max(0, os.fstat(file.fileno()).st_size - tail))
            data = file.read()
        for line in data.splitlines():
            try:
                entry = msgspec.json.decode(line)
            except msgspec.MsgspecError:
                continue
            if isinstance(entry, dict) and isinstance(entry.get("update"), int):
                lines.append(entry)
    except OSError:
        return []
    return lines


def _points(points: list[tuple[int, Any]]) -> tuple[tuple[int, float], ...]:
    return tuple((update, float(loss)) for update, loss in points if isinstance(loss, int | float))


def _toml(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}


def _json(path: Path) -> dict[str, Any]:
    try:
        return _table(msgspec.json.decode(path.read_bytes()))
    except (OSError, msgspec.MsgspecError):
        return {}


def _table(value: object) -> dict[str, Any]:
    return dict(value) if isinstance(value, dict) else {}
