"""Who can be asked for a rewrite: the adapters held open on one base model, and the one in training as it is now.

MLX has one thread. While it trains, a rewrite is answered between two steps: by the weights in training, or by an
adapter from disk on a twin of their base model, which the training never sees.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from engine.errors import StyloraError
from engine.host.model_jobs import adapter_folder
from engine.progress import Progress, Report
from engine.workspace import Workspace

if TYPE_CHECKING:
    from engine.recipe import Recipe

opened: dict[tuple[Path, int], Any] = {}
"""Rewriters by their weights file and its time: several adapters, one base model."""
live: dict[Path, tuple[Any, Any]] = {}
"""The adapter under training, if one is: its model as it is at this step, and its recipe."""
reached: dict[Path, int] = {}
"""The update that the training of an adapter is at."""

_MOST_OPEN = 4
"""Adapters held open on one base model: to compare two with two takes no more."""
_GIB = 1 << 30


def noting(adapter: Path, report: Report) -> Report:
    """`report` for the training of an adapter, by which rewrites between its steps know the update they are of."""

    def told(progress: Progress) -> None:
        if progress.stage == "training":
            reached[adapter] = int(progress.done)
        report(progress)

    return told


def open_rewriter(workspace: Workspace, adapter: Path, report: Report, *, on_disk: bool = False) -> Any:
    """The rewriter of an adapter, kept for the next request while its weights file is the same.

    The folder of the adapter in training means its weights as they are at this step, unless `on_disk` is wanted.
    """
    from engine.generation.rewriter import Rewriter
    from engine.recipe import RECIPE_FILE, load_recipe

    for trained, (loaded, recipe) in list(live.items()):
        if adapter == trained and not on_disk:
            _refuse_second_model(adapter, recipe)
            return Rewriter.of_training(workspace, loaded, recipe, report)
        return _beside(workspace, adapter, trained, loaded, report)
    weights = adapter / "adapters.safetensors"
    key = (weights, weights.stat().st_mtime_ns if weights.exists() else 0)
    if key not in opened:
        base = next((one.loaded for one in opened.values()), None)
        if base is not None and load_recipe(adapter / RECIPE_FILE).base != base.identity:
            # One base model at a time: two would not fit beside each other on most machines.
            opened.clear()
            base = None
        made = Rewriter.open(workspace, adapter, report, base=base)
        for old in [known for known in opened if known[0] == weights] or list(opened)[: 1 - _MOST_OPEN]:
            del opened[old]
        opened[key] = made
    opened[key] = opened.pop(key)  # the latest stays longest
    opened[key].relay.listener = report
    return opened[key]


def _beside(workspace: Workspace, adapter: Path, trained: Path, loaded: Any, report: Report) -> Any:
    """The rewriter of an adapter from disk while `trained` is in training on `loaded`. It is not held open: what it
    takes of memory is the training's again as soon as it has answered."""
    from engine.generation.rewriter import Rewriter
    from engine.models.twin import twin_of
    from engine.recipe import RECIPE_FILE, load_recipe
    from engine.training.machine import peak_memory
    from engine.training.memory import available_memory

    weights = adapter / "adapters.safetensors"
    if not weights.is_file():
        raise StyloraError(f"{adapter}: no finished adapter there yet; only the weights in training can be asked")
    if why := _on_another_base(adapter, trained, loaded):
        raise StyloraError(f"{why}; ask again when the training has ended")
    _refuse_second_model(adapter, load_recipe(adapter / RECIPE_FILE))
    size, room = weights.stat().st_size, available_memory()
    if room is not None and peak_memory() + size > room:
        raise StyloraError(
            f"{adapter.name}: {size / _GIB:.1f} GiB more do not fit beside the training of {trained.name}; ask its own "
            "weights, or wait for its end"
        )
    return Rewriter.open(workspace, adapter, report, base=twin_of(loaded, between_steps=True), between_steps=True)


def _refuse_second_model(adapter: Path, recipe: Recipe | None) -> None:
    """Beside a training there is no room for the model that makes an adapter's neutral text, nor a turn for it."""
    if recipe is not None and recipe.neutral.kind == "model":
        name = recipe.neutral.settings.get("model", "a local model")
        raise StyloraError(
            f"{adapter.name}: {name} makes its neutral text, and does not fit beside a training; ask again when it has "
            "ended"
        )


def _on_another_base(adapter: Path, trained: Path, loaded: Any) -> str:
    """Why an adapter cannot be asked while `trained` is in training on `loaded`; '' where it can."""
    from engine.recipe import RECIPE_FILE, load_recipe

    if load_recipe(adapter / RECIPE_FILE).base == loaded.identity:
        return ""
    return f"{adapter.name} stands on another base model than {trained.name}, which is in training: two do not fit"


def waits(workspace: Workspace, kind: str, params: Mapping[str, Any]) -> str:
    """Why a comparison is not made between the steps of the training under way but after it, in a line; '' where it is:
    one of its sides stands on another base model."""
    if kind != "compare":
        return ""
    named = [adapter_folder(workspace, one) for one in params.get("adapters") or ()]
    for trained, (loaded, _) in list(live.items()):
        for folder in named or [adapter_folder(workspace, None, params.get("author"))]:
            try:
                why = "" if folder == trained else _on_another_base(folder, trained, loaded)
            except StyloraError:
                continue  # the job itself says what is wrong with it
            if why:
                return f"waits for the training's end: {why}"
    return ""
