"""Stopped anywhere, by any means, a run goes on exactly there: later losses and final weights are the same bits."""

from __future__ import annotations

import dataclasses
import json
import os
import signal
import subprocess
import threading
from pathlib import Path
from random import Random
from typing import Any

import pytest
from training_rows import write_rows
from warm import WARM

from engine.control import Control
from engine.errors import StyloraError
from engine.models import adapters, mlx_thread
from engine.models.decoding import decode
from engine.models.loading import Loaded
from engine.models.sampling import Sampling
from engine.progress import Progress
from engine.training import checkpoint
from engine.training.config import TrainingConfig
from engine.training.trainer import Trained, train

CONFIG = TrainingConfig(
    rank=4,
    learning_rate=5e-3,
    grad_accumulation=2,
    iters=12,
    warmup=2,
    save_every=4,
    steps_per_eval=3,
    steps_per_report=2,
    sample_tokens=6,
)


def journal(output: Path, kind: str) -> list[dict[str, Any]]:
    lines = [json.loads(line) for line in (output / "journal.jsonl").read_text().splitlines()]
    return [line for line in lines if line["kind"] == kind]


def told(output: Path) -> list[tuple[Any, ...]]:
    """Losses, validations and samples of a run, in order."""
    lines = [json.loads(line) for line in (output / "journal.jsonl").read_text().splitlines()]
    return [
        (line["kind"], line["update"], line.get("loss"), line.get("text")) for line in lines if line["kind"] != "note"
    ]


def weights(output: Path) -> dict[str, bytes]:
    return {file.name: file.read_bytes() for file in sorted((output / "checkpoints" / "last").glob("*.safetensors"))}


@pytest.fixture(scope="module")
def whole(tiny_model: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path, Trained]:
    """An uninterrupted run: its dataset, its output and its result."""
    folder = tmp_path_factory.mktemp("whole")
    data = write_rows(folder / "data")
    return data, folder / "run", train(data=data, base=tiny_model, output=folder / "run", config=CONFIG)


KILLED = """
import os, signal, sys
from pathlib import Path
from engine.training.config import TrainingConfig
from engine.training.trainer import train
data, base, output, steps, config = sys.argv[1:]
left = int(steps)
def report(progress):
    global left
    left -= 1
    if left == 0:
        os.kill(os.getpid(), signal.SIGKILL)
train(data=Path(data), base=Path(base), output=Path(output), config=eval(config), report=report)
"""


def test_run_killed_at_five_random_steps_goes_on_bit_for_bit(
    whole: tuple[Path, Path, Trained], tiny_model: Path, tmp_path: Path
) -> None:
    data, output = whole[0], tmp_path / "whole"
    config = dataclasses.replace(CONFIG, iters=30)
    train(data=data, base=tiny_model, output=output, config=config)
    random = Random("resume:kill:0")
    reached = []
    for _ in range(5):
        steps = random.randint(8, 26)  # reports: several an update, and those of validations and samples
        arguments = [str(data), str(tiny_model), str(tmp_path / "run"), str(steps), repr(config)]
        environment = {**os.environ, "OMP_NUM_THREADS": "1"}
        killed = subprocess.run([*WARM, "-c", KILLED, *arguments], env=environment, check=False)
        assert killed.returncode == -signal.SIGKILL
        reached.append(checkpoint.read_state(tmp_path / "run" / "checkpoints" / "last").update)
    assert reached == sorted(reached)
    assert len(set(reached)) > 1
    assert reached[-1] < 30
    trained = train(data=data, base=tiny_model, output=tmp_path / "run", config=config)
    assert trained.stopped == "finished"
    assert told(tmp_path / "run") == told(output)
    assert weights(tmp_path / "run") == weights(output)


def test_paused_run_goes_on_bit_for_bit(whole: tuple[Path, Path, Trained], tiny_model: Path, tmp_path: Path) -> None:
    data, output, _ = whole
    control = Control()
    events: list[object] = []
    at = [2.5, 7.0]

    def steer(progress: Progress) -> None:
        events.append(progress.values.get("paused"))
        if progress.stage == "training" and progress.done in at:
            at.remove(progress.done)
            control.ask("pause")
            threading.Timer(0.2, control.ask, ("resume",)).start()

    train(data=data, base=tiny_model, output=tmp_path / "run", config=CONFIG, report=steer, control=control)
    assert [event for event in events if event is not None] == [True, False] * 2
    assert told(tmp_path / "run") == told(output)
    assert weights(tmp_path / "run") == weights(output)


def test_rewrite_in_the_middle_leaves_the_run_bit_for_bit(
    whole: tuple[Path, Path, Trained], tiny_model: Path, tmp_path: Path
) -> None:
    data, output, _ = whole
    models: list[Loaded] = []
    answers = []

    def rewrite(loaded: Loaded) -> tuple[int, ...]:
        adapters.set_strength(loaded.model, 0.5)
        sampling = Sampling(temperature=1.0)
        (one,) = decode(loaded.model, loaded.tokenizer, [[5, 6, 7]], max_tokens=8, sampling=sampling, seed=1)
        return one.tokens

    def ask(progress: Progress) -> None:
        if progress.stage == "training" and progress.done in (2.5, 6.5):
            answers.append(mlx_thread.submit(rewrite, models[0], between_steps=True))

    train(
        data=data,
        base=tiny_model,
        output=tmp_path / "run",
        config=CONFIG,
        report=ask,
        ready=lambda loaded, _: models.append(loaded),
    )
    assert [len(answer.result()) for answer in answers] == [8, 8]
    assert answers[0].result() != answers[1].result(), "answered with the weights as they are"
    assert told(tmp_path / "run") == told(output)
    assert weights(tmp_path / "run") == weights(output)


def test_samples_and_how_often_is_validated_change_no_weight(
    whole: tuple[Path, Path, Trained], tiny_model: Path, tmp_path: Path
) -> None:
    data, output, _ = whole
    config = dataclasses.replace(CONFIG, samples=0)
    train(data=data, base=tiny_model, output=tmp_path / "run", config=config)
    assert weights(tmp_path / "run") == weights(output)
    assert len(journal(output, "sample")) == 2 * 5
    assert not journal(tmp_path / "run", "sample")


def test_samples_are_of_the_same_prompts_throughout(whole: tuple[Path, Path, Trained]) -> None:
    found = journal(whole[1], "sample")
    assert [line["update"] for line in found] == [0, 0, 3, 3, 6, 6, 9, 9, 12, 12]
    prompts = {number: {line["prompt"] for line in found if line["sample"] == number} for number in (0, 1)}
    assert all(len(one) == 1 for one in prompts.values())
    assert all(next(iter(one)).endswith("###\n") for one in prompts.values())
    assert len({line["text"] for line in found}) > 2


def test_truncated_checkpoint_is_named(whole: tuple[Path, Path, Trained], tiny_model: Path, tmp_path: Path) -> None:
    data, _, _ = whole

    def stop(progress: Progress) -> None:
        if progress.stage == "training" and progress.done >= 5:
            os.truncate(tmp_path / "run" / "checkpoints" / "last" / name, 100)
            raise KeyboardInterrupt

    for name in (adapters.WEIGHTS_FILE, checkpoint.OPTIMIZER_FILE):
        with pytest.raises(KeyboardInterrupt):
            train(data=data, base=tiny_model, output=tmp_path / "run", config=CONFIG, report=stop, resume=False)
        with pytest.raises(StyloraError, match=f"{name}: truncated or damaged") as error:
            train(data=data, base=tiny_model, output=tmp_path / "run", config=CONFIG)
        assert "\n" not in str(error.value)


def test_run_begun_on_another_base_model_is_not_resumed(whole: tuple[Path, Path, Trained], tmp_path: Path) -> None:
    from tiny import write_tiny_model

    data, output, _ = whole
    other = write_tiny_model(tmp_path / "other", seed=5)
    with pytest.raises(StyloraError, match="begun on another base model"):
        train(data=data, base=other, output=output, config=CONFIG)
