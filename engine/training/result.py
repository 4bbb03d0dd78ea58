"""What a run leaves where others look for it: the adapter in its folder, `run.toml` beside it, a value to return."""

from __future__ import annotations

import dataclasses
import shutil
from dataclasses import dataclass
from pathlib import Path

import tomli_w

from engine.atomic import atomic_path, write_text
from engine.models import adapters
from engine.recipe import without_none
from engine.training.checkpoint import State, Stopped
from engine.training.config import TrainingConfig
from engine.training.machine import this_machine
from engine.training.plan import Plan

RUN_FILE = "run.toml"


@dataclass(frozen=True, slots=True)
class Trained:
    """What a run came to. Losses are means over the styled tokens of the validation rows, None without such rows."""

    updates: int
    examples: int
    tokens: int
    seconds: float
    first_valid_loss: float | None
    best_valid_loss: float | None
    last_valid_loss: float | None
    stopped: Stopped
    adapter: Path


def publish(checkpoint: Path, output: Path) -> None:
    """Make the checkpoint's adapter the one that the folder `output` is."""
    for name in (adapters.CONFIG_FILE, adapters.RECIPE_FILE, adapters.WEIGHTS_FILE):
        if (checkpoint / name).is_file():
            with atomic_path(output / name) as temporary:  # file to file: an adapter may be half a GiB
                shutil.copyfile(checkpoint / name, temporary)
        else:
            (output / name).unlink(missing_ok=True)


def came_to(state: State, output: Path) -> Trained:
    """What an ended run came to; nothing is written."""
    assert state.stopped is not None
    return Trained(
        updates=state.update,
        examples=state.examples,
        tokens=state.tokens,
        seconds=state.seconds,
        first_valid_loss=state.first_valid,
        best_valid_loss=state.best_valid,
        last_valid_loss=state.last_valid,
        stopped=state.stopped,
        adapter=output,
    )


def write_run(output: Path, state: State, config: TrainingConfig, plan: Plan) -> Trained:
    """Write `run.toml` for an ended run and return what came of it."""
    trained = came_to(state, output)
    run = {
        "base": state.base,
        "data": state.data,
        "planned_updates": plan.updates,
        "too_long": plan.too_long,
        "grad_checkpoint": plan.grad_checkpoint,
        "memory_peak": plan.peak,
        "memory_measured": plan.measured,
        "machine": this_machine(),
        "config": dataclasses.asdict(config),
        "result": {**dataclasses.asdict(trained), "adapter": None, "best_update": state.best_update},
    }
    write_text(output / RUN_FILE, tomli_w.dumps(without_none(run)))
    return trained
