"""The loop on the tiny model: it learns, it can be stopped anywhere, and it goes on exactly there."""

from __future__ import annotations

import dataclasses
import json
import re
import tomllib
from pathlib import Path
from typing import Any

import mlx.core as mx
import pytest
from training_rows import write_rows

from engine.errors import Cancelled, StyloraError
from engine.models import adapters, mlx_thread
from engine.models.loading import load
from engine.progress import Progress
from engine.training import checkpoint
from engine.training.config import TrainingConfig
from engine.training.journal import locked
from engine.training.loss import LossFunction
from engine.training.rows import Rows
from engine.training.trainer import Trained, train
from engine.training.validation import validate

CONFIG = TrainingConfig(
    rank=4,
    learning_rate=5e-3,
    grad_accumulation=2,
    iters=12,
    warmup=2,
    save_every=4,
    steps_per_eval=3,
    steps_per_report=2,
)


def journal(output: Path, kind: str = "update") -> list[dict[str, Any]]:
    lines = [json.loads(line) for line in (output / "journal.jsonl").read_text().splitlines()]
    return [line for line in lines if line["kind"] == kind]


def losses(output: Path) -> list[tuple[int, float]]:
    return [(line["update"], line["loss"]) for line in journal(output)]


def bytes_of(folder: Path) -> dict[str, bytes]:
    return {file.name: file.read_bytes() for file in sorted(folder.glob("*.safetensors"))}


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return write_rows(tmp_path / "data")


@pytest.fixture(scope="module")
def whole(tiny_model: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path, Trained]:
    """An uninterrupted run: its dataset, its output and its result."""
    folder = tmp_path_factory.mktemp("whole")
    data = write_rows(folder / "data")
    return data, folder / "run", train(data=data, base=tiny_model, output=folder / "run", config=CONFIG)


def test_training_lowers_the_validation_loss(whole: tuple[Path, Path, Trained]) -> None:
    _, output, trained = whole
    assert trained.stopped == "finished"
    assert trained.updates == 12
    assert trained.examples == 24
    assert trained.first_valid_loss is not None
    assert trained.best_valid_loss is not None
    assert trained.best_valid_loss < trained.first_valid_loss - 0.3
    assert [line["update"] for line in journal(output, "validation")] == [0, 3, 6, 9, 12]


def test_output_is_an_adapter_that_stock_mlx_lm_loads(whole: tuple[Path, Path, Trained], tiny_model: Path) -> None:
    _, output, trained = whole
    assert trained.adapter == output

    def logits() -> tuple[mx.array, mx.array]:
        from mlx_lm.tuner.utils import load_adapters

        ours, theirs = load(tiny_model), load(tiny_model)
        adapters.load_adapter(ours.model, output, need_recipe=False)
        load_adapters(theirs.model, str(output)).eval()
        return ours.model(mx.array([[5, 6, 7]])), theirs.model(mx.array([[5, 6, 7]]))

    ours, theirs = mlx_thread.run(logits)
    assert mlx_thread.run(lambda: mx.array_equal(ours, theirs).item())


def test_root_holds_the_best_weights_and_run_toml_the_result(whole: tuple[Path, Path, Trained]) -> None:
    _, output, trained = whole
    best = output / "checkpoints" / "best"
    assert (output / adapters.WEIGHTS_FILE).read_bytes() == (best / adapters.WEIGHTS_FILE).read_bytes()
    run = tomllib.loads((output / "run.toml").read_text())
    assert run["result"]["best_valid_loss"] == trained.best_valid_loss
    assert run["config"]["rank"] == 4
    assert checkpoint.read_state(output / "checkpoints" / "last").update == 12


def test_only_the_newest_checkpoints_and_the_best_are_kept(whole: tuple[Path, Path, Trained]) -> None:
    root = whole[1] / "checkpoints"
    best = checkpoint.pointed(root, "best")
    assert best is not None
    kept = checkpoint.existing(root)
    assert best in kept
    assert len([path for path in kept if path != best]) <= CONFIG.keep


def test_same_seed_gives_the_same_bytes(whole: tuple[Path, Path, Trained], tiny_model: Path, tmp_path: Path) -> None:
    data, output, _ = whole
    train(data=data, base=tiny_model, output=tmp_path / "again", config=CONFIG)
    assert losses(tmp_path / "again") == losses(output)
    assert bytes_of(tmp_path / "again") == bytes_of(output)


@pytest.mark.parametrize("at", [0.5, 1.0, 5.5, 8.0])
def test_cancelled_run_goes_on_bit_for_bit(
    whole: tuple[Path, Path, Trained], tiny_model: Path, tmp_path: Path, at: float
) -> None:
    data, output, trained = whole

    def stop(progress: Progress) -> None:
        if progress.stage == "training" and progress.done == at:
            raise Cancelled

    first = train(data=data, base=tiny_model, output=tmp_path / "run", config=CONFIG, report=stop)
    assert first.stopped == "cancelled"
    assert first.updates == int(at)
    second = train(data=data, base=tiny_model, output=tmp_path / "run", config=CONFIG)
    assert dataclasses.replace(second, seconds=0, adapter=output) == dataclasses.replace(trained, seconds=0)
    assert losses(tmp_path / "run") == losses(output)
    assert bytes_of(tmp_path / "run" / "checkpoints" / "last") == bytes_of(output / "checkpoints" / "last")


def test_finished_run_is_returned_and_not_trained_again(
    whole: tuple[Path, Path, Trained], tiny_model: Path, tmp_path: Path
) -> None:
    data, output, trained = whole
    before = bytes_of(output)
    again = train(data=data, base=tiny_model, output=output, config=CONFIG)
    assert again == trained
    assert bytes_of(output) == before


def test_fresh_start_forgets_the_earlier_run(data: Path, tiny_model: Path, tmp_path: Path) -> None:
    short = dataclasses.replace(CONFIG, iters=2)
    first = train(data=data, base=tiny_model, output=tmp_path / "run", config=short)
    other = dataclasses.replace(short, seed=1)
    with pytest.raises(StyloraError, match=r"begun with seed = 42, not 1"):
        train(data=data, base=tiny_model, output=tmp_path / "run", config=other)
    fresh = train(data=data, base=tiny_model, output=tmp_path / "run", config=other, resume=False)
    assert fresh.updates == first.updates
    assert len(losses(tmp_path / "run")) == 2


def test_edited_dataset_is_not_resumed(data: Path, tiny_model: Path, tmp_path: Path) -> None:
    def stop(progress: Progress) -> None:
        if progress.stage == "training" and progress.done >= 1:
            raise Cancelled

    train(data=data, base=tiny_model, output=tmp_path / "run", config=CONFIG, report=stop)
    write_rows(data, seed=1)
    with pytest.raises(StyloraError, match="dataset has changed"):
        train(data=data, base=tiny_model, output=tmp_path / "run", config=CONFIG)


def test_edited_rows_are_noticed_while_running_and_touched_ones_are_not(
    data: Path, tiny_model: Path, tmp_path: Path
) -> None:
    notes: list[str] = []
    rows = data / "train.jsonl"

    def edit(progress: Progress) -> None:
        if "dataset's files have changed" in progress.message:
            notes.append(progress.message)
        if progress.stage == "training" and progress.done == 1:
            rows.touch()
        if progress.stage == "training" and progress.done == 5:
            assert not notes
            rows.write_text(rows.read_text().replace("the", "a", 1))

    train(data=data, base=tiny_model, output=tmp_path / "run", config=CONFIG, report=edit)
    assert len(notes) == 1


def test_bad_rows_leave_no_folder_behind(data: Path, tiny_model: Path, tmp_path: Path) -> None:
    (data / "train.jsonl").write_text("nonsense")
    with pytest.raises(StyloraError, match=r"train.jsonl:1: not a training row"):
        train(data=data, base=tiny_model, output=tmp_path / "run", config=CONFIG)
    assert not (tmp_path / "run").exists()


def test_second_trainer_on_a_run_is_refused(data: Path, tiny_model: Path, tmp_path: Path) -> None:
    with locked(tmp_path / "run"), pytest.raises(StyloraError, match="another training run"):
        train(data=data, base=tiny_model, output=tmp_path / "run", config=CONFIG)


def test_time_limit_ends_the_run_with_a_last_validation(data: Path, tiny_model: Path, tmp_path: Path) -> None:
    config = dataclasses.replace(CONFIG, iters=100_000, time_limit=4.0, steps_per_eval=50_000, samples=0)
    trained = train(data=data, base=tiny_model, output=tmp_path / "run", config=config)
    assert trained.stopped == "time"
    assert 0 < trained.updates < 100_000
    assert trained.last_valid_loss is not None
    assert trained.last_valid_loss != trained.first_valid_loss
    assert trained.seconds < 8
    rates = [line["learning_rate"] for line in journal(tmp_path / "run")]
    assert rates[-1] < 0.2 * max(rates)


def test_a_time_limit_without_room_for_an_update_is_said_and_gone_on_from(
    data: Path, tiny_model: Path, tmp_path: Path
) -> None:
    config = dataclasses.replace(CONFIG, iters=2, time_limit=1e-6)
    with pytest.raises(StyloraError, match="no update was made in the 0 s allowed"):
        train(data=data, base=tiny_model, output=tmp_path / "run", config=config)
    assert not (tmp_path / "run" / "adapters.safetensors").exists()
    trained = train(data=data, base=tiny_model, output=tmp_path / "run", config=dataclasses.replace(CONFIG, iters=2))
    assert (trained.updates, trained.stopped) == (2, "finished")


def test_loaded_base_comes_back_without_an_adapter(data: Path, tiny_model: Path, tmp_path: Path) -> None:
    loaded = load(tiny_model)
    probe = mlx_thread.run(lambda: loaded.model(mx.array([[1, 2, 3]])).tolist())
    train(data=data, base=loaded, output=tmp_path / "run", config=dataclasses.replace(CONFIG, iters=2))
    assert mlx_thread.run(lambda: loaded.model(mx.array([[1, 2, 3]])).tolist()) == probe


def test_short_calls_are_answered_between_steps(data: Path, tiny_model: Path, tmp_path: Path) -> None:
    answers = []

    def ask(progress: Progress) -> None:
        if progress.stage != "training":
            return
        if progress.done == 1.5:
            answers.append(mlx_thread.submit(lambda: "answered", between_steps=True))
        if progress.done >= 2:
            assert answers[0].done()

    train(data=data, base=tiny_model, output=tmp_path / "run", config=dataclasses.replace(CONFIG, iters=3), report=ask)
    assert answers[0].result() == "answered"


def test_number_gone_bad_goes_back_with_a_lower_rate(
    data: Path, tiny_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    proper, calls, told = LossFunction.gradients, [], []

    def bad_once(self: LossFunction, *given: Any) -> Any:
        calls.extend([1] if given[1] else [])  # without a seed it is only being measured
        loss, gradients = proper(self, *given)
        return (float("nan") if len(calls) == 9 and given[1] else loss), gradients

    monkeypatch.setattr(LossFunction, "gradients", bad_once)
    run = tmp_path / "run"
    trained = train(data=data, base=tiny_model, output=run, config=CONFIG, report=lambda p: told.append(p.message))
    assert trained.stopped == "finished"
    assert [update for update, _ in losses(run)] == list(range(1, 13))
    assert any("no number; back to update 4 at 0.5 of the rate" in message for message in told)


def test_last_validation_gone_bad_goes_back_and_tries_again(
    data: Path, tiny_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    proper, spoilt = LossFunction.value, []

    def bad_at_the_end(self: LossFunction, batch: Any) -> float:
        begun = (tmp_path / "run" / "journal.jsonl").exists()
        if begun and not spoilt and [line["update"] for line in journal(tmp_path / "run")][-1:] == [12]:
            spoilt.append(1)
            return float("nan")
        return proper(self, batch)

    monkeypatch.setattr(LossFunction, "value", bad_at_the_end)
    trained = train(data=data, base=tiny_model, output=tmp_path / "run", config=CONFIG)
    assert (trained.stopped, trained.updates) == ("finished", 12)
    assert [update for update, _ in losses(tmp_path / "run")] == list(range(1, 13))
    assert any(
        "the loss was no number; back to update" in line["message"] for line in journal(tmp_path / "run", "note")
    )


def test_checkpointing_changes_no_bit(data: Path, tiny_model: Path, tmp_path: Path) -> None:
    for name, wanted in (("kept", False), ("again", True)):
        config = dataclasses.replace(CONFIG, iters=3, grad_checkpoint=wanted)
        train(data=data, base=tiny_model, output=tmp_path / name, config=config)
    assert losses(tmp_path / "kept") == losses(tmp_path / "again")
    assert bytes_of(tmp_path / "kept") == bytes_of(tmp_path / "again")


def test_run_that_keeps_diverging_is_given_up(
    data: Path, tiny_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(LossFunction, "gradients", lambda *_: (float("nan"), {}))
    with pytest.raises(StyloraError, match="diverged again at update 0"):
        train(data=data, base=tiny_model, output=tmp_path / "run", config=CONFIG)


def test_disk_that_fills_leaves_the_checkpoint_before(
    data: Path, tiny_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    proper, calls = mx.save_safetensors, []

    def full(*arguments: Any, **options: Any) -> None:
        calls.append(1)
        if len(calls) > 5:
            raise RuntimeError("[write] Unable to write 751 bytes to file.")
        proper(*arguments, **options)

    run = tmp_path / "run"
    with monkeypatch.context() as broken:
        broken.setattr(mx, "save_safetensors", full)
        with pytest.raises(StyloraError, match="the disk is full"):
            train(data=data, base=tiny_model, output=run, config=CONFIG)
    assert [path.name for path in checkpoint.existing(run / "checkpoints")] == ["update-000000", "update-000003"]
    assert train(data=data, base=tiny_model, output=run, config=CONFIG).stopped == "finished"


def test_patience_ends_a_run_that_no_longer_improves(data: Path, tiny_model: Path, tmp_path: Path) -> None:
    config = dataclasses.replace(CONFIG, iters=400, learning_rate=0.05, steps_per_eval=2, patience=2)
    trained = train(data=data, base=tiny_model, output=tmp_path / "run", config=config)
    assert trained.stopped == "patience"
    assert trained.best_valid_loss is not None
    assert trained.last_valid_loss is not None
    assert trained.best_valid_loss < trained.last_valid_loss


def test_overfitting_is_said_with_its_figures_and_the_best_is_kept(
    data: Path, endless_model: Path, tmp_path: Path
) -> None:
    config = dataclasses.replace(CONFIG, iters=60, learning_rate=0.03, steps_per_eval=4, save_every=5, keep=1)
    run, told = tmp_path / "run", []
    trained = train(data=data, base=endless_model, output=run, config=config, report=lambda p: told.append(p.message))
    warned = [message for message in told if message.startswith("overfitting: since update ")]
    assert warned
    assert "while training fell from" in warned[0]
    best = checkpoint.pointed(run / "checkpoints", "best")
    assert best is not None
    assert checkpoint.read_state(best).best_valid == trained.best_valid_loss
    assert (run / adapters.WEIGHTS_FILE).read_bytes() == (best / adapters.WEIGHTS_FILE).read_bytes()
    assert len(checkpoint.existing(run / "checkpoints")) == 2, "best and last"
    assert checkpoint.pointed(run / "checkpoints", "last") == checkpoint.existing(run / "checkpoints")[-1] != best


def test_validation_is_the_same_twice_and_has_no_effect_on_training(
    whole: tuple[Path, Path, Trained], tiny_model: Path, tmp_path: Path
) -> None:
    data, output, _ = whole
    often = dataclasses.replace(CONFIG, steps_per_eval=1)
    train(data=data, base=tiny_model, output=tmp_path / "run", config=often)
    assert losses(tmp_path / "run") == losses(output)
    twice = [
        {line["update"]: line["loss"] for line in journal(run, "validation")} for run in (tmp_path / "run", output)
    ]
    assert {update: twice[0][update] for update in twice[1]} == twice[1]

    def validated() -> tuple[float, float]:
        loaded = load(tiny_model)
        adapters.load_adapter(loaded.model, output, need_recipe=False)
        rows = Rows.read(data, loaded.tokenizer, CONFIG)
        assert rows.valid is not None
        loss = LossFunction(loaded.model, checkpointed=False)
        first, second = (validate(loss, rows.valid.items, lambda _: None) for _ in range(2))
        return first, second

    first, second = mlx_thread.run(validated)
    assert first == second == whole[2].best_valid_loss


def test_rows_left_out_are_counted_with_what_to_do(data: Path, tiny_model: Path, tmp_path: Path) -> None:
    told: list[str] = []
    config = dataclasses.replace(CONFIG, iters=1, max_seq_length=40)
    train(data=data, base=tiny_model, output=tmp_path / "run", config=config, report=lambda p: told.append(p.message))
    assert re.search(r"\d+ too long and left out; raise max_seq_length or lower max_para_words", " ".join(told))


def test_progress_carries_what_a_screen_plots(data: Path, tiny_model: Path, tmp_path: Path) -> None:
    seen: list[Progress] = []
    config = dataclasses.replace(CONFIG, iters=3)
    train(data=data, base=tiny_model, output=tmp_path / "run", config=config, report=seen.append)
    last = seen[-1]
    wanted = "step update epoch loss smoothed valid learning_rate gradient_norm tokens_per_second tokens memory eta"
    wanted += " memory_cache memory_peak"
    assert set(wanted.split()) <= last.values.keys()
    assert last.values["update"] == 3
    assert last.total == 3
    assert {progress.stage for progress in seen} == {"plan", "training", "validation", "sample"}


def test_a_sample_that_was_stopped_says_so(data: Path, endless_model: Path, tmp_path: Path) -> None:
    said: list[str] = []

    def report(progress: Progress) -> None:
        if progress.stage == "sample" and progress.message:
            said.append(progress.message)

    config = dataclasses.replace(CONFIG, iters=1, samples=1, sample_tokens=5)
    train(data=data, base=endless_model, output=tmp_path / "run", config=config, report=report)
    written = journal(tmp_path / "run", "sample")
    assert [line["cut"] for line in written] == [True, True]  # an untrained model never ends by itself
    assert all(line.endswith("…") for line in said)


def test_training_without_validation_rows_publishes_the_last_weights(
    data: Path, tiny_model: Path, tmp_path: Path
) -> None:
    (data / "valid.jsonl").unlink()
    trained = train(data=data, base=tiny_model, output=tmp_path / "run", config=dataclasses.replace(CONFIG, iters=2))
    assert trained.best_valid_loss is None
    last = tmp_path / "run" / "checkpoints" / "last" / adapters.WEIGHTS_FILE
    assert (tmp_path / "run" / adapters.WEIGHTS_FILE).read_bytes() == last.read_bytes()
