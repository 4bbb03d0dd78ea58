"""Steering a run between its steps."""

from __future__ import annotations

import dataclasses
import json
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from training_rows import write_rows

from engine.control import Control
from engine.errors import Cancelled, StyloraError
from engine.progress import Progress
from engine.training import checkpoint
from engine.training.config import TrainingConfig
from engine.training.status import Clock
from engine.training.trainer import Trained, train

CONFIG = TrainingConfig(
    rank=4, learning_rate=5e-3, grad_accumulation=2, iters=10, save_every=100, steps_per_eval=5, samples=0
)
Go = Callable[..., Trained]


@pytest.fixture
def steered(tiny_model: Path, tmp_path: Path) -> Go:
    """Train with a control, asking `what` of it when `at` updates (or parts of one) are done."""
    data = write_rows(tmp_path / "data")

    def go(at: float, what: Callable[[Control], object], **changes: Any) -> Trained:
        control, asked = Control(), []

        def report(progress: Progress) -> None:
            if progress.stage == "training" and progress.done == at and not asked:
                asked.append(what(control))

        config = dataclasses.replace(CONFIG, **changes)
        return train(data=data, base=tiny_model, output=tmp_path / "run", config=config, report=report, control=control)

    return go


def journal(tmp_path: Path, kind: str) -> list[dict[str, Any]]:
    lines = [json.loads(line) for line in (tmp_path / "run" / "journal.jsonl").read_text().splitlines()]
    return [line for line in lines if line["kind"] == kind]


def test_stop_and_save_validates_first_and_can_go_on(steered: Go, tmp_path: Path) -> None:
    trained = steered(3.5, lambda control: control.ask("stop"))
    assert (trained.stopped, trained.updates) == ("stopped", 3)
    assert [line["update"] for line in journal(tmp_path, "validation")] == [0, 3]
    assert checkpoint.read_state(tmp_path / "run" / "checkpoints" / "last").update == 3
    again = steered(99, lambda control: None)
    assert (again.stopped, again.updates) == ("finished", 10)


@pytest.mark.parametrize(("at", "saved"), [(4.0, 4), (4.5, 5)])
def test_checkpoint_asked_for_is_made_at_the_updates_end(steered: Go, tmp_path: Path, at: float, saved: int) -> None:
    steered(at, lambda control: control.ask("checkpoint"), keep=9)
    assert saved in [int(path.name[-6:]) for path in checkpoint.existing(tmp_path / "run" / "checkpoints")]
    if saved != 5:  # 5 is a validation's, which says something else
        assert f"update {saved}: checkpoint saved" in [line["message"] for line in journal(tmp_path, "note")]


def test_validation_interval_changes_and_outlives_a_stop(steered: Go, tmp_path: Path) -> None:
    def ask(control: Control) -> None:
        control.ask("validate_every", 2)

    steered(3.0, ask, time_limit=None)
    assert [line["update"] for line in journal(tmp_path, "validation")] == [0, 4, 6, 8, 10]
    assert checkpoint.read_state(tmp_path / "run" / "checkpoints" / "last").valid_every == 2


def test_paused_run_answers_and_can_be_stopped(steered: Go, tmp_path: Path) -> None:
    def pause(control: Control) -> None:
        control.ask("pause")
        threading.Timer(0.1, control.ask, ("checkpoint",)).start()
        threading.Timer(0.2, control.ask, ("stop",)).start()

    trained = steered(2.0, pause)
    assert (trained.stopped, trained.updates) == ("stopped", 2)
    notes = [line["message"] for line in journal(tmp_path, "note")]
    assert notes[1:3] == ["update 2: paused", "update 2: checkpoint saved"]
    assert trained.seconds < 30


def test_paused_run_is_cancelled_at_once(steered: Go) -> None:
    def pause(control: Control) -> None:
        control.ask("pause")
        threading.Timer(0.1, control.cancel).start()

    trained = steered(2.5, pause)
    assert (trained.stopped, trained.updates) == ("cancelled", 2)


def test_pause_does_not_count_as_time(steered: Go) -> None:
    def pause(control: Control) -> None:
        control.ask("pause")
        threading.Timer(1.5, control.ask, ("resume",)).start()

    began = time.monotonic()
    trained = steered(2.0, pause, time_limit=60.0)
    assert trained.stopped == "finished"
    assert trained.seconds < time.monotonic() - began - 1.4


def test_who_cancels_while_the_largest_steps_are_taken_is_heard(tiny_model: Path, tmp_path: Path) -> None:
    asked: list[float] = []

    def report(progress: Progress) -> None:
        if progress.stage == "plan" and progress.total:
            asked.append(progress.done)
            if len(asked) == 2:
                raise Cancelled

    data = write_rows(tmp_path / "data")
    with pytest.raises(Cancelled):
        train(data=data, base=tiny_model, output=tmp_path / "run", config=CONFIG, report=report)
    assert asked == [0, 1]
    assert not list((tmp_path / "run").glob("checkpoints/*"))


def test_requests_nobody_can_answer_are_refused() -> None:
    control = Control()
    with pytest.raises(StyloraError, match="only a training that is under way"):
        control.ask("pause")
    with control.heard():
        with pytest.raises(StyloraError, match="no such request; there are pause, resume"):
            control.ask("explode")
        with pytest.raises(StyloraError, match="must be a whole number of updates"):
            control.ask("validate_every", 0)
        control.ask("pause")
        assert control.paused
    assert not control.paused


def test_time_aside_is_counted_once_however_deep() -> None:
    clock = Clock(100.0)
    with clock.aside():
        time.sleep(0.05)
        with clock.aside():
            time.sleep(0.05)
    assert 100.0 <= clock.seconds < 100.05
