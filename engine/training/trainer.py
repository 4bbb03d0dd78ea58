"""Training, from the outside: rows and a base model in, an adapter out; stopped anywhere, it goes on exactly there."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import mlx.core as mx
import msgspec

from engine.control import Control
from engine.errors import StyloraError
from engine.models import adapters, folder, mlx_thread
from engine.models.acceleration import measure_gflops
from engine.models.loading import Loaded, load, tokenizer_of
from engine.progress import Progress, Report, silent
from engine.recipe import RECIPE_FILE, Recipe, load_recipe
from engine.training import calibrate, checkpoint
from engine.training.config import TrainingConfig
from engine.training.distributed import Group
from engine.training.fit import first_that_fits
from engine.training.journal import locked
from engine.training.ladder import Rung, ladder
from engine.training.machine import explained, metal_limits, this_machine
from engine.training.memory import Device, ModelSize
from engine.training.plan import Measured, Plan, plan
from engine.training.result import Trained
from engine.training.rows import Rows
from engine.training.run import Run
from engine.training.speed import Earlier, expected

__all__ = ["Trained", "preview", "rehearse", "train"]


@mlx_thread.owned
def preview(data: Path, base: Path, config: TrainingConfig, earlier: Sequence[Earlier] = ()) -> Plan:
    """The plan of a training, from the rows and the model's tokenizer and dimensions: no weights are loaded.

    Its time follows from the `earlier` trainings, newest first, where one of them was like it.
    """
    tokenizer, found = tokenizer_of(base)
    planned = _planned(Rows.read(data, tokenizer, config), found, config)
    size, taken = ModelSize.from_config(found), planned.taken(config)
    return planned.at(
        *expected(size, taken, folder.identity(base), this_machine(), earlier, lambda: measure_gflops() * 1e9)
    )


@mlx_thread.owned
def rehearse(data: Path, base: Path, config: TrainingConfig) -> tuple[Plan, Measured]:
    """The plan and what the run's largest step really takes; nothing is written."""
    loaded = load(base)
    rows = Rows.read(data, loaded.tokenizer, config)
    run = Run(
        loaded=loaded,
        rows=rows,
        plan=_planned(rows, loaded.config, config),
        output=data,
        config=config,
        recipe=None,
        report=silent,
        control=Control(),
    )
    with metal_limits():
        return run.plan, run.measured()


def train(
    *,
    data: Path,
    base: Path | Loaded,
    output: Path,
    config: TrainingConfig,
    recipe: Path | None = None,
    report: Report = silent,
    control: Control | None = None,
    resume: bool = True,
    auto_fit: bool = False,
    ready: Callable[[Loaded, Recipe | None], None] | None = None,
) -> Trained:
    """Train an adapter for `base` on ``data/train.jsonl``, judged by ``data/valid.jsonl`` if that is there.

    Runs on the MLX thread. `output` gets the best weights as an adapter folder, `run.toml`, `journal.jsonl` and
    `checkpoints/`. `recipe` defaults to the dataset's own; its copy beside the adapter names base and scale. A run
    already begun in `output` is continued (or, if it ended, its result returned) unless `resume` is false. A `report`
    that raises `Cancelled` ends the run with everything saved; `control` steers it between its steps. With `auto_fit`
    settings that do not fit in memory give way by the mission's ladder, before the first step and never later. A
    `Loaded` base is handed back without an adapter. `ready` is called before the first step with what the run has
    loaded: a short call to the MLX thread may use it between two steps, with the weights as they are then.

    Raises `StyloraError` for bad rows or settings, for another run at work in `output`, for a run begun with other
    settings, rows or base, when memory runs out, and when training diverges a third time.
    """
    return mlx_thread.run(
        _train, Path(data), base, Path(output), config, recipe, report, control or Control(), resume, auto_fit, ready
    )


def _train(
    data: Path,
    base: Path | Loaded,
    output: Path,
    config: TrainingConfig,
    recipe: Path | None,
    report: Report,
    control: Control,
    resume: bool,
    auto_fit: bool,
    ready: Callable[[Loaded, Recipe | None], None] | None,
) -> Trained:
    group = Group.joined()
    if config.grad_accumulation < group.size:
        raise StyloraError(
            f"grad_accumulation = {config.grad_accumulation}: {group.size} processes share an update's micro-batches, "
            f"so there must be at least {group.size}"
        )
    with locked(output) if group.leads else nullcontext():
        root = output / "checkpoints"
        newest = None
        if group.leads:
            checkpoint.sweep(root)
            newest = checkpoint.existing(root)[-1] if resume and checkpoint.existing(root) else None
        if auto_fit and group.size > 1:
            raise StyloraError(
                "--auto-fit looks at one machine; find settings that fit all with 'stylora train --plan' first"
            )
        if auto_fit:
            path = base.path if isinstance(base, Loaded) else base
            config = _fitted(data, path, config, newest, report)
        loaded = base if isinstance(base, Loaded) else load(base)
        rungs: Sequence[Rung] = ()
        try:
            rows = Rows.read(data, loaded.tokenizer, config)
            planned = _planned(rows, loaded.config, config)
            rungs = ladder(planned.taken(config), longest=planned.longest, layers=len(loaded.model.layers))
            run = Run(
                loaded=loaded,
                rows=rows,
                plan=planned,
                output=output,
                config=config,
                recipe=_completed(recipe, data, loaded, config),
                report=report,
                control=control,
                group=group,
            )
            conditions = {"settings": config.digest, "dataset": rows.digest, "base model": loaded.identity}
            group.must_match({name: str(value) for name, value in conditions.items()})

            def begin() -> None:
                if newest is not None:
                    run.resume(newest)
                else:
                    if planned.hopeless:
                        raise StyloraError(f"{output}: {planned.memory_line}; --auto-fit looks for what fits")
                    run.calibrate()
                    run.forget()
                if ready is not None:
                    ready(loaded, run.recipe)

            with metal_limits():
                group.agreed(begin)
                return run.go()
        except (RuntimeError, OSError, MemoryError) as error:
            raise explained(error, output, rungs) from error
        finally:
            adapters.detach(loaded.model)
            loaded.model.eval()


def _planned(rows: Rows, config_of_model: dict[str, Any], config: TrainingConfig) -> Plan:
    device: Device = "cpu" if mx.default_device() == mx.Device(mx.cpu) else "gpu"
    size = ModelSize.from_config(config_of_model)
    return plan(
        rows.lengths,
        size,
        config,
        too_long=rows.train.too_long,
        device=device,
    )


def _fitted(data: Path, base: Path, config: TrainingConfig, begun: Path | None, report: Report) -> TrainingConfig:
    """The first settings down the ladder that fit; those of the run that `begun` is a checkpoint of, if it is one."""
    tokenizer, found = tokenizer_of(base)
    layers = ModelSize.from_config(found).layers

    def planned(one: TrainingConfig) -> Plan:
        return _planned(Rows.read(data, tokenizer, one), found, one)

    if begun is not None:
        before = checkpoint.read_state(begun).config
        rungs = ladder(config, longest=planned(config).longest, layers=layers)
        for one in (config, *(rung.config for rung in rungs)):
            if one.binding() == before:
                return one
        raise StyloraError(
            f"{begun.parents[1]}: the run begun there has other settings than these and --auto-fit allow; "
            "start it afresh with --fresh"
        )
    return first_that_fits(
        config,
        layers=layers,
        planned=planned,
        trial=lambda one: calibrate.try_out(data, base, one, lambda: report(Progress("plan"))),
        tell=lambda message: report(Progress("plan", message=message)),
    )


def _completed(path: Path | None, data: Path, loaded: Loaded, config: TrainingConfig) -> Recipe | None:
    """The recipe that will lie beside the adapter, None if the dataset has none."""
    if path is None and not (data / RECIPE_FILE).is_file():
        return None
    recipe = load_recipe(path or data / RECIPE_FILE)
    return msgspec.structs.replace(
        recipe, base=loaded.identity, scale=config.scale, max_seq_length=config.max_seq_length
    )
