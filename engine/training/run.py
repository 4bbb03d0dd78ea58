"""The loop of one training run, from its first update to its last, on the MLX thread.

Between two steps it says where it is, answers what waits for the MLX thread, and does what its control asks.
"""

from __future__ import annotations

import dataclasses
import os
from functools import partial
from pathlib import Path

import mlx.optimizers as optimizers
import msgspec

from engine.control import Control
from engine.errors import Cancelled, StyloraError
from engine.models import adapters, mlx_thread
from engine.models.loading import Loaded
from engine.progress import Progress, Report, Value
from engine.recipe import Recipe
from engine.training import checkpoint
from engine.training.batches import Batch, collate, in_order
from engine.training.calibrate import measure
from engine.training.checkpoint import State, Stopped
from engine.training.config import TrainingConfig, learning_rate
from engine.training.distributed import ALONE, Enough, Group
from engine.training.journal import Journal
from engine.training.loss import LossFunction
from engine.training.plan import Measured, Plan, span
from engine.training.result import Trained, came_to, publish, write_run
from engine.training.rows import Rows
from engine.training.status import Clock, Status
from engine.training.update import accumulate, apply
from engine.training.validation import VALID_ROWS, chosen, overfitting, record, samples, standing, validate

_SETBACKS = 2
"""Times a run that diverged is taken back to its last checkpoint before it is given up."""
_SMOOTHING = 0.9
_SHOWN = 240
"""Characters of a sampled text in its message; the journal has all of it."""
_GLANCE = 0.1
"""Seconds between two looks at what waits for the MLX thread while the run is paused."""
_MEASURING = "taking the largest steps once, to know time and memory"


class Run:
    """A training run in the folder `output`. `fresh` puts it at update 0, `resume` where a checkpoint left it."""

    def __init__(
        self,
        *,
        loaded: Loaded,
        rows: Rows,
        plan: Plan,
        output: Path,
        config: TrainingConfig,
        recipe: Recipe | None,
        report: Report,
        control: Control,
        group: Group = ALONE,
    ) -> None:
        self.config, self.output, self.recipe, self.control = config, output, recipe, control
        self.group, self.report = group, group.held(report)
        self.root = output / "checkpoints"
        self.model, self.tokenizer = loaded.model, loaded.tokenizer
        self.rows = rows
        self.order = rows.order(config)
        self.state = State(config=config.binding(), data=rows.digest, base=loaded.identity)
        self.journal = Journal(output / "journal.jsonl" if group.leads else Path(os.devnull))
        self.prompts = chosen(rows.valid.items, config.samples, config.seed) if rows.valid else []
        self.status = Status(config, plan.updates, self.order.per_epoch)
        self.rows_changed = False
        self.save_asked = self.enough = False
        self.fresh(plan)

    def fresh(self, plan: Plan) -> None:
        """Put a fresh adapter and optimizer on the model, and follow `plan`."""
        self.plan, self.total = plan, plan.updates
        adapters.attach(self.model, **dataclasses.asdict(self.config.shape), seed=self.config.seed)
        self.loss = LossFunction(self.model, checkpointed=plan.grad_checkpoint)
        rate, decay = self.config.learning_rate, self.config.weight_decay
        self.optimizer: optimizers.Optimizer = (
            optimizers.AdamW(rate, weight_decay=decay, bias_correction=True)
            if decay
            else optimizers.Adam(rate, bias_correction=True)
        )
        self.optimizer.init(adapters.weights(self.model))
        self.status.planned = plan.seconds

    def measured(self) -> Measured:
        """What the run's largest updates take. It spends the adapter: go on with `fresh`."""
        ranked = sorted(range(min(self.plan.micro_batches, self.order.per_epoch)), key=self._fed)
        quarter = len(ranked) // 4
        small, low, middle, high = (ranked[part * quarter] for part in range(4))

        def batches(numbers: list[int]) -> list[Batch]:
            chosen = [*numbers, self.plan.largest][-self.config.grad_accumulation :]
            return [collate([self.rows.train.items[row] for row in self.order[number]]) for number in chosen]

        held = (
            sorted(in_order(self.rows.valid.items, VALID_ROWS), key=lambda one: one.ids.size) if self.rows.valid else []
        )
        return measure(
            self.model,
            self.loss,
            self.optimizer,
            [batches([small, middle]), batches([high, low])],
            [held[len(held) // 2], held[-1]] if len(held) > 1 else held,
            lambda: samples(self.model, self.tokenizer, self.prompts, min(self.config.sample_tokens, 2), 0),
            # A loaded machine takes minutes for this: whoever asks to stop is heard here too.
            lambda done, total: self.report(Progress("plan", done, total, "" if done else _MEASURING)),
        )

    def _fed(self, number: int) -> int:
        """Tokens of a micro-batch, padding included."""
        lengths = [self.order.lengths[row] for row in self.order[number]]
        return len(lengths) * (max(lengths) - 1)

    def calibrate(self) -> None:
        """Put a measurement where the plan has an estimate; checkpoint after all, where it is too much and may be."""
        plan = self.plan
        try:
            found = self.measured()
            too_much = plan.available is not None and found.peak > plan.available
            if too_much and self.config.grad_checkpoint == "auto" and not plan.grad_checkpoint:
                plan = dataclasses.replace(plan, grad_checkpoint=True)
                self.fresh(plan)
                found = self.measured()
            plan = plan.calibrated(found)
        except FloatingPointError:  # the loop has its own way with numbers gone bad
            pass
        self.fresh(plan)

    def forget(self) -> None:
        """Drop what an earlier run left; its adapter stays until this run has a better one to put there."""
        for path in checkpoint.existing(self.root):
            checkpoint.remove(path)
        for name in ("best", "last"):
            (self.root / name).unlink(missing_ok=True)
        self.journal.keep_until(-1, -1)

    def resume(self, path: Path) -> None:
        """Take up the run whose newest checkpoint is `path`; refuse one begun under other conditions."""
        before = checkpoint.read_state(path)
        again = "; give it another output folder, or start it afresh with --fresh"
        for name, value in self.state.config.items():
            if before.config.get(name) != value:
                old = before.config.get(name)
                raise StyloraError(f"{self.output}: this run was begun with {name} = {old!r}, not {value!r}{again}")
        if before.data != self.state.data:
            raise StyloraError(f"{self.output}: the dataset has changed since this run was begun{again}")
        if before.base != self.state.base:
            raise StyloraError(f"{self.output}: this run was begun on another base model{again}")
        self.state = checkpoint.restore(path, self.model, self.optimizer)
        self.journal.keep_until(self.state.update, self.state.validated)
        if self.state.stopped not in ("finished", "patience"):
            self.state.stopped = None

    def go(self) -> Trained:
        """Train to the end, or to where the report, the control or the time limit ends it; everything is saved."""
        self._handed()
        state, config = self.state, self.config
        if state.stopped is not None:
            self._tell(f"This run ended at update {state.update}; nothing is left to do.")
            return self._ended()
        if state.update:
            self.status.clock = Clock(state.seconds)
        try:
            with self.control.heard():
                resumed = f"Going on at update {state.update} of {self.total}. " if state.update else ""
                limit = f"; stopped after {span(config.time_limit)} at most" if config.time_limit else ""
                self._tell(f"{resumed}{self.plan.line}{limit}")
                if not checkpoint.existing(self.root):
                    self._save()
                stopped: Stopped | None = None
                while stopped is None:
                    try:
                        stopped = self.group.agreed(self._over)
                        if self.group.agreed(partial(self._validation_due, over=stopped is not None)):
                            self._validate()
                        if stopped is None:
                            if self.state.update and self.state.update % config.save_every == 0:
                                self._save_once()
                            self._update()
                    except FloatingPointError:
                        stopped = None
                        self._step_back()
                    except Enough:
                        self.enough = True
                self.state.stopped = stopped
        except Cancelled:
            self.state.stopped = "cancelled"
        self._save()
        if self.state.stopped == "time" and not self.state.update:
            limit, taken = span(config.time_limit or 0), span(self.status.valid_seconds)
            raise StyloraError(
                f"{self.output.name}: no update was made in the {limit} allowed, of which validating took {taken}; "
                "allow more, and it goes on from here"
            )
        return self._ended()

    def _over(self) -> Stopped | None:
        """Why the run is to end before its next update, None if it goes on."""
        config, state = self.config, self.state
        if state.update >= self.total:
            return "finished"
        if self.enough:
            return "stopped"
        if config.patience is not None and state.without_better >= config.patience:
            return "patience"
        left = self.status.left()
        if left is not None:
            last_things = self.status.valid_seconds if state.validated != state.update else 0.0
            if left < (self.status.pace.seconds(1) or 0.0) + last_things:
                return "time"
        return None

    # -- steps ----------------------------------------------------------------------------------------

    def _update(self) -> None:
        """One optimizer update over the next micro-batches; raises `FloatingPointError` where a number went bad."""
        config, state, status = self.config, self.state, self.status
        began, first, count = status.clock.seconds, state.cursor, config.grad_accumulation
        summed = self.group.reduced(
            lambda: accumulate(
                self.loss,
                self.rows.train.items,
                self.order,
                self.group.share(range(first, first + count)),
                seed=config.seed,
                between=lambda number: self._between((number - first) / count),
            )
        )
        time_share = self.group.agreed(lambda: status.time_share)
        rate = learning_rate(config, state.update, self.total, time_share) * state.rate_factor
        norm = apply(self.model, self.optimizer, summed, rate=rate, clip=config.clip)
        loss = summed.loss / summed.styled
        state.update += 1
        state.cursor += count
        state.examples += summed.rows
        state.tokens += summed.tokens
        state.smoothed = loss if state.smoothed is None else _SMOOTHING * state.smoothed + (1 - _SMOOTHING) * loss
        state.seconds = status.clock.seconds
        status.pace.add(summed.tokens, state.seconds - began)
        status.latest = {"loss": loss, "learning_rate": rate, "gradient_norm": norm}
        self.journal.write("update", state.update, status.values(state))
        said = state.update % config.steps_per_report == 0
        self._report(0, f"update {state.update}: loss {loss:.4f}, smoothed {state.smoothed:.4f}" if said else "")

    def _validation_due(self, over: bool) -> bool:
        state = self.state
        every = state.valid_every or self.config.steps_per_eval
        return self.rows.valid is not None and state.validated != state.update and (over or state.update % every == 0)

    def _validate(self) -> None:
        """The loss on all validation rows and a few sampled texts; keeps the best weights so far."""
        assert self.rows.valid is not None
        state, began = self.state, self.status.clock.seconds
        total = len(self.rows.valid.items)

        def between(done: int) -> None:
            self.report(Progress("validation", done, total))
            self._serve()

        def judged() -> float:
            assert self.rows.valid is not None
            found = validate(self.loss, self.rows.valid.items, between)
            self._sample()
            return found

        loss = self.group.agreed(judged)
        seconds = self.status.valid_seconds = self.status.clock.seconds - began
        better = record(state, loss)
        self.journal.write("validation", state.update, {"loss": loss, "seconds": seconds})
        self._report(0, f"update {state.update}: validation loss {loss:.4f}{standing(state, better)}")
        if warning := overfitting(state):
            self._tell(warning)
        if better and self.group.leads:
            path = self._save()
            checkpoint.point(self.root, "best", path)
            publish(path, self.output)

    def _sample(self) -> None:
        """Let the model write for the fixed prompts, so that a reader sees what the loss means."""
        if not self.prompts:
            return
        state = self.state
        self.report(Progress("sample", 0, len(self.prompts)))
        mlx_thread.stop_if_abandoned()
        written = samples(self.model, self.tokenizer, self.prompts, self.config.sample_tokens, self.config.seed)
        mlx_thread.stop_if_abandoned()
        for one in written:
            values: dict[str, Value] = {"sample": one.number, "text": one.text, "cut": one.cut}
            self.journal.write("sample", state.update, {**values, "prompt": one.prompt})
            goes_on = "…" if one.cut or len(one.text) > _SHOWN else ""
            said = f"update {state.update} writes: {one.text[:_SHOWN]}{goes_on}"
            self.report(Progress("sample", one.number + 1, len(written), said, {"update": state.update, **values}))

    # -- checkpoints ----------------------------------------------------------------------------------

    def _handed(self) -> None:
        """Let every process of the group go on from process 0's state, weights and optimizer."""
        if self.group.size > 1:
            self.state = msgspec.convert(self.group.agreed(lambda: msgspec.to_builtins(self.state)), State)
            adapters.set_weights(self.model, self.group.given(adapters.weights(self.model)))
            self.optimizer.state = self.group.given(self.optimizer.state)

    def _save(self) -> Path:
        if not self.group.leads:
            return checkpoint.path_of(self.root, self.state.update)
        self.state.seconds = self.status.clock.seconds
        path = checkpoint.save(self.root, self.model, self.optimizer, self.state, self.recipe)
        checkpoint.prune(self.root, self.config.keep)
        self.save_asked = False
        if not self.rows_changed and self.rows.changed():
            self.rows_changed = True
            self._tell(
                "the dataset's files have changed since this run began: it goes on with the rows it read, "
                "but could not be resumed after a stop"
            )
        return path

    def _save_once(self) -> None:
        """Save unless a better validation has just done so."""
        if not checkpoint.path_of(self.root, self.state.update).exists():
            self._save()
            self._tell(f"update {self.state.update}: checkpoint saved")
        self.save_asked = False

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
        if self.group.leads:
            newest = checkpoint.existing(self.root)[-1]
            self.state = checkpoint.restore(newest, self.model, self.optimizer)
        self._handed()
        self.state.setbacks, self.state.rate_factor, self.state.stopped = setbacks, rate_factor, None
        self.journal.keep_until(self.state.update, self.state.validated)
        self._save()
        self._tell(
            f"update {where}: the loss was no number; back to update {self.state.update} at {rate_factor:g} of the rate"
        )

    def _ended(self) -> Trained:
        """Put the best weights (the last, without validation) in place, write `run.toml`, and say what came of it."""
        if not self.group.leads:
            return came_to(self.state, self.output)
        if checkpoint.pointed(self.root, "best") is None:
            publish(checkpoint.path_of(self.root, self.state.update), self.output)
        return write_run(self.output, self.state, self.config, self.plan)

    # -- between the steps ----------------------------------------------------------------------------

    def _between(self, within: float) -> None:
        """Between two micro-batches, `within` the present update (0 to 1): report, answer and obey."""
        if within:
            self._report(within)
        self._serve()
        self._obey(within)
        while self.control.paused:
            self._pause(within)

    def _serve(self) -> None:
        """Answer what waits for the MLX thread, with the weights as they are."""
        with self.status.clock.aside():
            if mlx_thread.serve_waiting():
                adapters.set_strength(self.model, 1.0)
        if self.control.cancelled:
            raise Cancelled

    def _obey(self, within: float) -> None:
        for action, value in self.control.taken():
            if action == "stop":
                raise Enough
            if action == "checkpoint":
                self.save_asked = True
            elif action == "validate_every":
                self.state.valid_every = value
                self._tell(f"update {self.state.update}: validation every {value} updates from now on")
        # A half-summed update is in no checkpoint: one asked for in its middle is made at its end.
        if self.save_asked and within == 0:
            self._save_once()

    def _pause(self, within: float) -> None:
        self._tell(f"update {self.state.update}: paused", paused=True)
        with self.status.clock.aside():
            while self.control.paused:
                self.control.wait(_GLANCE)
                self._serve()
                self._obey(within)
        self._tell(f"update {self.state.update}: going on", paused=False)

    def _report(self, within: float, message: str = "") -> None:
        """Say where the run is, `within` the present update (0 to 1)."""
        values = self.status.values(self.state) if message or within == 0 else {}
        total = self.status.expected_total(self.state)
        self.report(Progress("training", self.state.update + within, total, message, values))

    def _tell(self, message: str, **values: Value) -> None:
        """A line worth keeping, in the journal too."""
        self.journal.write("note", self.state.update, {"message": message, **values})
        said = {**self.status.values(self.state), **values}
        self.report(Progress("training", self.state.update, self.status.expected_total(self.state), message, said))
