"""What a run needs in memory: measured, judged, and what gives way where it does not suffice."""

from __future__ import annotations

import dataclasses
import gc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import mlx.core as mx
import pytest
from training_rows import QWEN_14B, write_rows

from engine.errors import Spent, StyloraError
from engine.models import mlx_thread
from engine.progress import Progress
from engine.training import calibrate, checkpoint, machine
from engine.training.config import TrainingConfig
from engine.training.fit import first_that_fits
from engine.training.ladder import ladder
from engine.training.loss import LossFunction
from engine.training.memory import GIB, ModelSize
from engine.training.plan import Measured, Plan, plan
from engine.training.trainer import preview, rehearse, train

SMALL = TrainingConfig(rank=4, grad_accumulation=2, iters=4, samples=0, steps_per_eval=2)
OUT_OF_MEMORY = (
    "[METAL] Command buffer execution failed: Insufficient Memory",
    "[METAL] Command buffer execution failed (00000008:kIOGPUCommandBufferCallbackErrorOutOfMemory)",
    "[metal::malloc] Attempting to allocate 20401094656 bytes which is greater than the maximum allowed buffer size",
    "[malloc] Unable to allocate 123 bytes.",
    "std::bad_alloc",
)


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return write_rows(tmp_path / "data")


# -- the ladder -------------------------------------------------------------------------------------------------------


def test_ladder_is_the_missions_and_each_rung_keeps_those_above() -> None:
    rungs = ladder(TrainingConfig(), longest=1500, layers=48)
    assert [rung.words for rung in rungs] == [
        "grad_checkpoint: true",
        "rank: 32",
        "rank: 16",
        "max_seq_length: 1024",
        "num_layers: 16",
        "num_layers: 8",
    ]
    last = rungs[-1].config
    assert (last.grad_checkpoint, last.rank, last.max_seq_length, last.num_layers) == (True, 16, 1024, 8)
    assert {rung.config.scale for rung in rungs} == {2.0}
    assert rungs[0].command == "stylora train --grad-checkpoint"
    assert rungs[1].command == "stylora train --rank 32 --fresh"


def test_rungs_already_taken_are_left_out() -> None:
    config = TrainingConfig(grad_checkpoint=True, rank=16, num_layers=16)
    assert [rung.words for rung in ladder(config, longest=800, layers=48)] == ["num_layers: 8"]
    assert ladder(dataclasses.replace(config, num_layers=8), longest=800, layers=48) == ()


def planner(available: float) -> Callable[[TrainingConfig], Plan]:
    size = ModelSize.from_config(QWEN_14B)
    return lambda config: plan([(1000, 500)], size, config, device="gpu", available=int(available * GIB))


def test_auto_fit_takes_the_first_rung_whose_step_fits() -> None:
    told: list[str] = []

    def trial(config: TrainingConfig) -> Measured | None:
        return None if config.rank > 16 else Measured(14 * GIB, 10.0, 1000)

    found = first_that_fits(TrainingConfig(), layers=48, planned=planner(16), trial=trial, tell=told.append)
    assert (found.grad_checkpoint, found.rank, found.num_layers) == (True, 16, -1)
    assert told == [
        "auto-fit, as configured: out of memory",  # the plan has chosen checkpointing already
        "auto-fit, rank: 32: out of memory",
        "auto-fit, rank: 16: fits, 14.0 GiB measured",
    ]


def test_auto_fit_passes_over_what_measures_too_much_and_tries_nothing_hopeless() -> None:
    told: list[str] = []
    tried: list[TrainingConfig] = []

    def trial(config: TrainingConfig) -> Measured:
        tried.append(config)
        return Measured((12 if config.num_layers == 16 else 17) * GIB, 10.0, 1000)

    config = TrainingConfig(grad_checkpoint=False)
    found = first_that_fits(config, layers=48, planned=planner(16), trial=trial, tell=told.append)
    assert found.num_layers == 16
    assert "will not fit" in told[0]
    assert all(one.grad_checkpoint is True for one in tried), "a plan of three times the memory is believed"
    assert told[1] == "auto-fit, grad_checkpoint: true: 17.0 GiB measured, 16.0 there are"


def test_auto_fit_says_where_nothing_fits() -> None:
    with pytest.raises(StyloraError, match="no setting of the ladder fits"):
        first_that_fits(TrainingConfig(), layers=48, planned=planner(4), trial=lambda _: None, tell=lambda _: None)


# -- measuring --------------------------------------------------------------------------------------------------------


def test_measured_step_replaces_the_estimate(data: Path, tiny_model: Path, tmp_path: Path) -> None:
    told: list[str] = []
    train(data=data, base=tiny_model, output=tmp_path / "run", config=SMALL, report=lambda p: told.append(p.message))
    assert any("measured on the longest batch: fits" in line for line in told)
    planned, found = rehearse(data, tiny_model, SMALL)
    calibrated = planned.calibrated(found)
    assert calibrated.measured
    assert calibrated.peak == found.peak > 0
    assert calibrated.seconds == pytest.approx(planned.tokens * found.seconds / found.tokens)


def test_measuring_leaves_no_trace_in_the_run(
    data: Path, tiny_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from engine.training.run import Run

    train(data=data, base=tiny_model, output=tmp_path / "measured", config=SMALL)
    monkeypatch.setattr(Run, "calibrate", lambda _: None)
    train(data=data, base=tiny_model, output=tmp_path / "plain", config=SMALL)
    files = [tmp_path / name / "checkpoints" / "last" / "adapters.safetensors" for name in ("measured", "plain")]
    assert files[0].read_bytes() == files[1].read_bytes()


@pytest.mark.parametrize(("accumulation", "samples"), [(1, 0), (4, 2)])
def test_what_was_measured_is_what_the_run_then_takes(
    data: Path, tiny_model: Path, tmp_path: Path, accumulation: int, samples: int
) -> None:
    settings = {"rank": 64, "grad_accumulation": accumulation, "iters": 3, "samples": samples, "sample_tokens": 20}
    config = dataclasses.replace(SMALL, **settings)  # type: ignore[arg-type]
    _, found = rehearse(data, tiny_model, config)
    arrays = mlx_thread.run(mx.get_peak_memory)
    gc.collect()  # the model that was tried out
    train(
        data=data,
        base=tiny_model,
        output=tmp_path / "run",
        config=config,
        ready=lambda *_: machine.forget_peak(),
    )
    assert found.peak >= 0.9 * mlx_thread.run(machine.peak_memory)
    # The process holds much beside a tiny model; MLX's own count has nothing but the model and its training.
    assert arrays >= 0.9 * mlx_thread.run(mx.get_peak_memory)


def test_trial_in_a_process_of_its_own_measures_the_same_step(data: Path, tiny_model: Path) -> None:
    found = calibrate.try_out(data, tiny_model, SMALL)
    assert found is not None
    assert found.tokens == rehearse(data, tiny_model, SMALL)[1].tokens
    assert 50 << 20 < found.peak < 8 << 30
    with pytest.raises(StyloraError, match=r"LoRA key 'nose': this model has no such layer"):
        calibrate.try_out(data, tiny_model, dataclasses.replace(SMALL, keys=("nose",)))


def test_auto_fit_trains_with_what_fitted_and_goes_on_with_it(
    data: Path, tiny_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def only_small(data: Path, base: Path, config: TrainingConfig, waiting: object) -> Measured | None:
        return Measured(1 << 20, 1.0, 10) if config.rank <= 32 else None

    monkeypatch.setattr(calibrate, "try_out", only_small)
    config = dataclasses.replace(SMALL, rank=64, iters=3)
    told: list[str] = []

    def stop(progress: Progress) -> None:
        told.append(progress.message)
        if progress.stage == "training" and progress.done >= 2:
            raise KeyboardInterrupt

    options: dict[str, Any] = {"data": data, "base": tiny_model, "output": tmp_path / "run", "auto_fit": True}
    with pytest.raises(KeyboardInterrupt):
        train(**options, config=config, report=stop)
    assert told[:3] == [
        "auto-fit, as configured: out of memory",
        "auto-fit, grad_checkpoint: true: out of memory",
        "auto-fit, rank: 32: fits, 0.0 GiB measured",
    ]
    monkeypatch.setattr(calibrate, "try_out", lambda *_: pytest.fail("a run begun is not fitted again"))
    assert train(**options, config=config).stopped == "finished"
    assert checkpoint.read_state(tmp_path / "run" / "checkpoints" / "last").config["rank"] == 32


def test_plan_loads_no_weights_and_knows_how_long_it_will_take(data: Path, tiny_model: Path, tmp_path: Path) -> None:
    bare = tmp_path / "bare"
    bare.mkdir()
    for name in ("config.json", "tokenizer.json", "tokenizer_config.json"):
        (bare / name).write_bytes((tiny_model / name).read_bytes())
    (bare / "model.safetensors").write_bytes(b"\x02\0\0\0\0\0\0\0{}")  # whole, and empty
    found = preview(data, bare, SMALL)
    assert (found.updates, found.examples, found.measured) == (4, 12, False)
    assert found.seconds is not None
    assert found.seconds > 0
    assert set(found.memory) == {"weights", "optimizer", "activations", "loss", "reserve"}


def test_plan_far_beyond_the_memory_is_refused_before_a_step(
    data: Path, tiny_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("engine.training.plan.available_memory", lambda: 50 << 20)
    monkeypatch.setattr(LossFunction, "gradients", lambda *_: pytest.fail("a step was tried"))
    with pytest.raises(StyloraError, match=r"an estimate: will not fit; .*--auto-fit looks for what fits"):
        train(data=data, base=tiny_model, output=tmp_path / "run", config=SMALL)


# -- running out ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("text", OUT_OF_MEMORY)
def test_running_out_in_mid_run_stops_with_the_next_rung_and_the_checkpoint_safe(
    text: str, data: Path, tiny_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    proper, calls = LossFunction.gradients, []

    def fail(self: LossFunction, *given: Any) -> Any:
        calls.append(1)
        if len(calls) == 9:
            raise RuntimeError(text)
        return proper(self, *given)

    with monkeypatch.context() as broken:
        broken.setattr(LossFunction, "gradients", fail)
        with pytest.raises(StyloraError, match=r"out of memory; the last checkpoint is kept") as error:
            train(data=data, base=tiny_model, output=tmp_path / "run", config=SMALL)
    assert "Next to try is grad_checkpoint: true (stylora train --grad-checkpoint)" in str(error.value)
    assert "\n" not in str(error.value)
    assert checkpoint.read_state(tmp_path / "run" / "checkpoints" / "last").update == 2
    config = dataclasses.replace(SMALL, grad_checkpoint=True)
    assert train(data=data, base=tiny_model, output=tmp_path / "run", config=config).stopped == "finished"


def test_python_running_out_is_recognised_and_other_faults_are_not() -> None:
    assert machine.is_out_of_memory(MemoryError())
    assert not machine.is_out_of_memory(RuntimeError("[matmul] Last dimension of first input"))
    error = RuntimeError("[matmul] shapes")
    assert machine.explained(error, Path("run"), ()) is error


def test_failed_command_buffer_ends_the_process_that_owns_the_gpu() -> None:
    kinds = [type(machine.explained(RuntimeError(text), Path("run"), ())) for text in OUT_OF_MEMORY]
    assert kinds == [Spent, Spent, StyloraError, StyloraError, StyloraError]


def test_smallest_settings_leave_a_smaller_model() -> None:
    told = machine.explained(MemoryError(), Path("run"), ())
    assert "take a smaller base model" in str(told)


# -- the machine ------------------------------------------------------------------------------------------------------


def test_metal_is_wired_and_cached_within_bounds_and_left_as_it_was(monkeypatch: pytest.MonkeyPatch) -> None:
    limits = {"wired": 111, "cache": 222}
    seen: list[tuple[str, int]] = []

    def setter(name: str) -> Callable[[int], int]:
        def change(value: int) -> int:
            before, limits[name] = limits[name], value
            seen.append((name, value))
            return before

        return change

    monkeypatch.setattr(mx.metal, "is_available", lambda: True)
    monkeypatch.setattr(mx, "device_info", lambda: {"max_recommended_working_set_size": 25 * GIB})
    monkeypatch.setattr(mx, "set_wired_limit", setter("wired"))
    monkeypatch.setattr(mx, "set_cache_limit", setter("cache"))

    def fail() -> None:
        with machine.metal_limits():
            raise RuntimeError("in the middle")

    with pytest.raises(RuntimeError, match="in the middle"):
        mlx_thread.run(fail)
    assert seen[:2] == [("wired", 20 * GIB), ("cache", 25 * GIB // 8)]
    assert limits == {"wired": 111, "cache": 222}


def test_peak_counts_from_where_it_was_forgotten() -> None:
    def measure() -> tuple[int, int]:
        machine.forget_peak()
        before = machine.peak_memory()
        held = mx.ones((64, 1024, 1024))
        mx.eval(held)
        return before, machine.peak_memory()

    before, after = mlx_thread.run(measure)
    assert after - before > 100 << 20
