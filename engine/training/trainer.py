"""The loop: rows and a base model in, an adapter out; it can be stopped at any moment and goes on exactly there."""

from __future__ import annotations

import dataclasses
import math
import time
from dataclasses import dataclass
from pathlib import Path
from random import Random

import mlx.core as mx
import mlx.optimizers as optimizers
import msgspec
import tomli_w

from engine.atomic import write_bytes, write_text
from engine.errors import Cancelled, StyloraError
from engine.models import adapters, mlx_thread
from engine.models.loading import Loaded, load
from engine.progress import Progress, Report, Value, silent
from engine.recipe import RECIPE_FILE, Recipe, load_recipe, without_none
from engine.training import checkpoint
from engine.training.batches import Examples, Order, collate, in_order, load_examples
from engine.training.checkpoint import State, Stopped
from engine.training.config import TrainingConfig, learning_rate
from engine.training.journal import Journal, locked
from engine.training.loss import LossFunction
from engine.training.machine import explained, metal_limits
from engine.training.pace import Pace
from engine.training.plan import Device, ModelSize, Plan, plan

RUN_FILE = "run.toml"
_VALID_ROWS = 4
"""Rows of a validation batch."""
_SETBACKS = 2
"""Times a run that diverged is taken back to its last checkpoint before it is given up."""
_SMOOTHING = 0.9


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


def train(
    *,
    data: Path,
    base: Path | Loaded,
    output: Path,
    config: TrainingConfig,
    recipe: Path | None = None,
    report: Report = silent,
    resume: bool = True,
) -> Trained:
    """Train an adapter for `base` on ``data/train.jsonl``, judged by ``data/valid.jsonl`` if that is there.

    Runs on the MLX thread. `output` gets the best weights as an adapter folder, `run.toml`, `journal.jsonl` and
    `checkpoints/`. `recipe` defaults to the dataset's own; its copy beside the adapter names base and scale. A run
    already begun in `output` is continued (or, if it ended, its result returned) unless `resume` is false. A `report`
    that raises `Cancelled` ends the run with everything saved. A `Loaded` base is handed back without an adapter.

    Raises `StyloraError` for bad rows or settings, for another run at work in `output`, for a run begun with other
    settings, rows or base, when memory runs out, and when training diverges a third time.
    """
    return mlx_thread.run(_train, Path(data), base, Path(output), config, recipe, report, resume)


def _train(
    data: Path,
    base: Path | Loaded,
    output: Path,
    config: TrainingConfig,
    recipe: Path | None,
    report: Report,
    resume: bool,
) -> Trained:
    with locked(output):
        root = output / "checkpoints"
        checkpoint.sweep(root)
        loaded = base if isinstance(base, Loaded) else load(base)
        try:
            run = _Run(loaded, data, output, config, _completed(recipe, data, loaded, config), report)
            if not resume:
                run.forget()
            newest = checkpoint.existing(root)
            if newest:
                run.resume(newest[-1])
            with metal_limits():
                return run.go()
        except (RuntimeError, OSError) as error:
            raise explained(error, output, config) from error
        finally:
            adapters.detach(loaded.model)
            loaded.model.eval()


def _completed(path: Path | None, data: Path, loaded: Loaded, config: TrainingConfig) -> Recipe | None:
    """The recipe that will lie beside the adapter, None if the dataset has none."""
    if path is None and not (data / RECIPE_FILE).is_file():
        return None
    return msgspec.structs.replace(load_recipe(path or data / RECIPE_FILE), base=loaded.identity, scale=config.scale)


class _Run:
    """One training run from its first update to its last, on the MLX thread."""

    def __init__(
        self, loaded: Loaded, data: Path, output: Path, config: TrainingConfig, recipe: Recipe | None, report: Report
    ) -> None:
        self.config, self.output, self.recipe, self.report = config, output, recipe, report
        self.root = output / "checkpoints"
        self.model = loaded.model
        self.train = self._examples(data / "train.jsonl", loaded, config.max_examples)
        valid = data / "valid.jsonl"
        has_valid = valid.is_file() and valid.stat().st_size > 0
        self.valid = self._examples(valid, loaded, config.max_valid_examples) if has_valid else None
        self.order = Order([len(item.ids) for item in self.train.items], config.batch_size, config.seed)
        self.plan = self._planned(loaded)
        self.total = self.plan.updates
        adapters.attach(self.model, **dataclasses.asdict(config.shape), seed=config.seed)
        self.loss = LossFunction(self.model, checkpointed=self.plan.grad_checkpoint)
        self.optimizer = self._fresh_optimizer()
        digests = self.train.digest + (self.valid.digest if self.valid else "")
        self.state = State(config=config.binding(), data=digests, base=loaded.identity)
        self.journal = Journal(output / "journal.jsonl")
        self.begun = time.monotonic()
        self.pace = Pace()
        self.latest: dict[str, Value] = {}
        self.valid_seconds = 0.0

    def _examples(self, path: Path, loaded: Loaded, limit: int | None) -> Examples:
        longest = self.config.max_seq_length
        return load_examples(path, loaded.tokenizer, max_seq_length=longest, limit=limit, seed=self.config.seed)

    def _planned(self, loaded: Loaded) -> Plan:
        lengths = [(len(item.ids), item.loss_start) for item in self.train.items]
        device: Device = "cpu" if mx.default_device() == mx.Device(mx.cpu) else "gpu"
        size = ModelSize.from_config(loaded.config)
        return plan(lengths, size, self.config, too_long=self.train.too_long, device=device)

    def _fresh_optimizer(self) -> optimizers.Optimizer:
        rate, decay = self.config.learning_rate, self.config.weight_decay
        optimizer = (
            optimizers.AdamW(rate, weight_decay=decay, bias_correction=True)
            if decay
            else optimizers.Adam(rate, bias_correction=True)
        )
        optimizer.init(adapters.weights(self.model))
        return optimizer

    def forget(self) -> None:
        """Drop what an earlier run left; its adapter stays until this run has a better one to put there."""
        for path in checkpoint.existing(self.root):
            checkpoint.remove(path)
        for name in ("best", "last"):
            (self.root / name).unlink(missing_ok=True)
        self.journal.keep_until(-1)

    def resume(self, path: Path) -> None:
        """Take up the run whose newest checkpoint is `path`; refuse one begun under other conditions."""
        before = checkpoint.read_state(path)
        again = "; give it another output folder, or start it afresh without resuming"
        for name, value in self.state.config.items():
            if before.config.get(name) != value:
                old = before.config.get(name)
                raise StyloraError(f"{self.output}: this run was begun with {name} = {old!r}, not {value!r}{again}")
        if before.data != self.state.data:
            raise StyloraError(f"{self.output}: the dataset has changed since this run was begun{again}")
        if before.base != self.state.base:
            raise StyloraError(f"{self.output}: this run was begun on another base model{again}")
        self.state = checkpoint.restore(path, self.model, self.optimizer)
        self.journal.keep_until(self.state.update)
        if self.state.stopped not in ("finished", "patience"):
            self.state.stopped = None

    def go(self) -> Trained:
        state, config = self.state, self.config
        self.begun = time.monotonic() - state.seconds
        if state.stopped is not None:
            self._tell(f"This run ended at update {state.update}; nothing is left to do.")
            return self._ended()
        try:
            resumed = f"Going on at update {state.update} of {self.total}. " if state.update else ""
            self._tell(f"{resumed}{self.plan.line}")
            if not checkpoint.existing(self.root):
                self._save()
            while (stopped := self._over()) is None:
                try:
                    if self._validation_due():
                        self._validate()
                    if self.state.update and self.state.update % config.save_every == 0:
                        self._save_once()
                    self._update()
                except FloatingPointError:
                    self._step_back()
            self.state.stopped = stopped
            if self.valid is not None and self.state.validated != self.state.update:
                self._validate()
        except Cancelled:
            self.state.stopped = "cancelled"
        self.state.seconds = time.monotonic() - self.begun
        self._save()
        return self._ended()

    def _validation_due(self) -> bool:
        state = self.state
        return (
            self.valid is not None
            and state.update % self.config.steps_per_eval == 0
            and state.validated != state.update
        )

    def _over(self) -> Stopped | None:
        """Why the run is to end before its next update, None if it goes on."""
        config, state = self.config, self.state
        if state.update >= self.total:
            return "finished"
        if config.patience is not None and state.without_better >= config.patience:
            return "patience"
        if config.time_limit is not None:
            last_things = self.valid_seconds if state.validated != state.update else 0.0
            if (self._left() or 0.0) < (self.pace.seconds(1) or 0.0) + last_things:
                return "time"
        return None

    def _update(self) -> None:
        """One optimizer update over the next micro-batches; raises `FloatingPointError` where a number went bad."""
        config, state = self.config, self.state
        began = time.monotonic()
        totals: dict[str, mx.array] = {}
        loss_sum, styled, tokens, rows = 0.0, 0, 0, 0
        for micro in range(config.grad_accumulation):
            self._report(micro / config.grad_accumulation)
            number = state.cursor + micro
            batch = collate([self.train.items[row] for row in self.order[number]])
            seed = Random(f"{config.seed}:dropout:{number}").getrandbits(63)
            loss, gradients = self.loss.gradients(batch, seed)
            if not math.isfinite(loss):
                raise FloatingPointError
            totals = {name: totals[name] + value for name, value in gradients.items()} if totals else gradients
            mx.eval(totals)
            loss_sum += loss
            styled += len(batch.targets)
            tokens += batch.tokens
            rows += batch.rows
        weights = adapters.weights(self.model)
        mean = {name: value / styled for name, value in totals.items()}
        mean, norm = optimizers.clip_grad_norm(mean, config.clip or math.inf)
        gradient_norm = norm.item()
        if not math.isfinite(gradient_norm):
            raise FloatingPointError
        time_share = (time.monotonic() - self.begun) / config.time_limit if config.time_limit else 0.0
        rate = learning_rate(config, state.update, self.total, time_share) * state.rate_factor
        self.optimizer.learning_rate = rate
        updated = self.optimizer.apply_gradients(mean, weights)
        mx.eval(updated, self.optimizer.state)
        adapters.set_weights(self.model, updated)

        loss = loss_sum / styled
        state.update += 1
        state.cursor += config.grad_accumulation
        state.examples += rows
        state.tokens += tokens
        state.smoothed = loss if state.smoothed is None else _SMOOTHING * state.smoothed + (1 - _SMOOTHING) * loss
        state.seconds = time.monotonic() - self.begun
        self.pace.add(tokens, time.monotonic() - began)
        self.latest = {"loss": loss, "learning_rate": rate, "gradient_norm": gradient_norm}
        self.journal.write("update", state.update, self._values())
        said = state.update % config.steps_per_report == 0
        self._report(0.0, f"update {state.update}: loss {loss:.4f}, smoothed {state.smoothed:.4f}" if said else "")

    def _validate(self) -> None:
        """Loss over all validation rows in fixed order, without dropout; keeps the best weights so far."""
        assert self.valid is not None
        state, began = self.state, time.monotonic()
        total, count, done = 0.0, 0, 0
        for batch in in_order(self.valid.items, _VALID_ROWS):
            self.report(Progress("validation", done, len(self.valid.items)))
            mlx_thread.stop_if_abandoned()
            total += self.loss.value(batch)
            count += len(batch.targets)
            done += batch.rows
        loss = total / count
        if not math.isfinite(loss):
            raise FloatingPointError
        self.valid_seconds = time.monotonic() - began
        rising = state.last_valid is not None and loss > state.last_valid
        state.validated, state.last_valid = state.update, loss
        state.history.append((state.update, loss))
        if state.first_valid is None:
            state.first_valid = loss
        better = state.update > 0 and (state.best_valid is None or loss < state.best_valid)
        if better:
            state.best_valid, state.best_update, state.without_better = loss, state.update, 0
        elif state.update > 0:
            state.without_better += 1
        self.journal.write("validation", state.update, {"loss": loss, "seconds": self.valid_seconds})
        self._report(0.0, f"update {state.update}: validation loss {loss:.4f}{' (best so far)' if better else ''}")
        if rising and not better and state.without_better >= 2:
            self._tell(f"Validation has not improved since update {state.best_update}: the adapter may be overfitting.")
        if better:
            path = self._save()
            checkpoint.point(self.root, "best", path)
            self._publish(path)

    def _save(self) -> Path:
        self.state.seconds = time.monotonic() - self.begun
        path = checkpoint.save(self.root, self.model, self.optimizer, self.state, self.recipe)
        checkpoint.prune(self.root, self.config.keep)
        return path

    def _save_once(self) -> None:
        """Save unless a better validation has just done so."""
        if not checkpoint.path_of(self.root, self.state.update).exists():
            self._save()
            self._tell(f"update {self.state.update}: checkpoint saved")

    def _step_back(self) -> None:
        """Return to the newest checkpoint with half the rate; the third time is the last."""
        setbacks = self.state.setbacks + 1
        rate_factor = self.state.rate_factor / 2
        where = self.state.update
        if setbacks > _SETBACKS:
            raise StyloraError(
                f"{self.output}: training diverged again at update {where}, at a quarter of the rate too; "
                f"start afresh with a learning rate well below {self.config.learning_rate:g}"
            )
        newest = checkpoint.existing(self.root)[-1]
        self.state = checkpoint.restore(newest, self.model, self.optimizer)
        self.state.setbacks, self.state.rate_factor, self.state.stopped = setbacks, rate_factor, None
        self.journal.keep_until(self.state.update)
        self._save()
        self._tell(
            f"update {where}: the loss was no number; back to update {self.state.update} at {rate_factor:g} of the rate"
        )

    def _publish(self, path: Path) -> None:
        """Make the checkpoint at `path` the adapter that `output` is."""
        for name in (adapters.CONFIG_FILE, adapters.RECIPE_FILE, adapters.WEIGHTS_FILE):
            if (path / name).is_file():
                write_bytes(self.output / name, (path / name).read_bytes())
            else:
                (self.output / name).unlink(missing_ok=True)

    def _ended(self) -> Trained:
        """Put the best weights (the last, without validation) in place, write `run.toml`, and say what came of it."""
        state = self.state
        best = checkpoint.pointed(self.root, "best")
        if best is None:
            self._publish(checkpoint.path_of(self.root, state.update))
        assert state.stopped is not None
        trained = Trained(
            updates=state.update,
            examples=state.examples,
            tokens=state.tokens,
            seconds=state.seconds,
            first_valid_loss=state.first_valid,
            best_valid_loss=state.best_valid,
            last_valid_loss=state.last_valid,
            stopped=state.stopped,
            adapter=self.output,
        )
        result = {**dataclasses.asdict(trained), "adapter": None, "best_update": state.best_update}
        run = {
            "base": state.base,
            "data": state.data,
            "planned_updates": self.total,
            "too_long": self.train.too_long,
            "grad_checkpoint": self.plan.grad_checkpoint,
            "config": dataclasses.asdict(self.config),
            "result": result,
        }
        write_text(self.output / RUN_FILE, tomli_w.dumps(without_none(run)))
        return trained

    def _report(self, within: float, message: str = "") -> None:
        """Say where the run is, `within` the present update (0 to 1), and answer what waits for the MLX thread."""
        state = self.state
        values = self._values() if message or within == 0 else {}
        self.report(Progress("training", state.update + within, self._expected_total(), message, values))
        if mlx_thread.serve_waiting():
            adapters.set_strength(self.model, 1.0)

    def _tell(self, message: str) -> None:
        self.journal.write("note", self.state.update, {"message": message})
        self.report(Progress("training", self.state.update, self._expected_total(), message, self._values()))

    def _values(self) -> dict[str, Value]:
        state = self.state
        return {
            "step": state.cursor,
            "update": state.update,
            "epoch": state.cursor / self.order.per_epoch,
            "smoothed": state.smoothed,
            "valid": state.last_valid,
            "tokens_per_second": self.pace.tokens_per_second,
            "tokens": state.tokens,
            "seconds": state.seconds,
            "memory": mx.get_active_memory(),
            "memory_peak": mx.get_peak_memory(),
            "eta": self._eta(),
            **self.latest,
        }

    def _left(self) -> float | None:
        """Seconds until the time limit, None without one."""
        limit = self.config.time_limit
        return None if limit is None else limit - (time.monotonic() - self.begun)

    def _eta(self) -> float | None:
        """Seconds to the end, None before the first update."""
        updates = self.total - self.state.update
        needed = self.pace.seconds(updates)
        if needed is None:
            return None
        needed += self.valid_seconds * math.ceil(updates / self.config.steps_per_eval)
        left = self._left()
        return max(0.0, needed if left is None else min(needed, left))

    def _expected_total(self) -> float:
        """Updates the run will come to: fewer than planned where the time limit ends it."""
        left, each = self._left(), self.pace.seconds(1)
        if left is None or not each:
            return self.total
        return min(self.total, self.state.update + max(0.0, left - self.valid_seconds) / each)
