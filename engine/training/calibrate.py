"""Two real updates that hold the largest micro-batch of a run, to put a measurement where the plan has an estimate.

In the training process they come before the first. To try out settings that may not fit, that is a process of
its own: running out of memory takes that process down (the kernel's killer, a Metal encoder that is beyond use), not
the one that asked. ``python -m engine.training.calibrate`` reads a `Trial` as JSON and prints a `Measured`.
"""

from __future__ import annotations

import math
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import mlx.nn as nn
import mlx.optimizers as optimizers
import msgspec

from engine.errors import StyloraError
from engine.processes import environment
from engine.training.batches import Batch
from engine.training.config import TrainingConfig
from engine.training.loss import LossFunction
from engine.training.machine import forget_peak, is_out_of_memory, peak_memory
from engine.training.plan import Measured
from engine.training.update import Summed, apply

_KILLED = (-9, -6, 137, 134)
"""Ends of a process that ran out of memory: by the kernel's killer, or aborted by Metal."""
_WAIT_SECONDS = 0.2


class Trial(msgspec.Struct, frozen=True):
    """What is tried out: rows, base model and settings."""

    data: str
    base: str
    config: TrainingConfig


def measure(
    model: nn.Module,
    loss: LossFunction,
    optimizer: optimizers.Optimizer,
    updates: Sequence[Sequence[Batch]],
    held: Sequence[Batch],
    aside: Callable[[], object],
    told: Callable[[int, int], object] = lambda done, total: None,
) -> Measured:
    """Take `updates`, each over its micro-batches as a run takes them, the largest last, and look at `held` after each.

    One update would not do: the optimizer's means and the pages that the allocator cannot give to a batch of another
    size are there from the second on. `aside` is whatever else a run does between two updates. The time is that of the
    last micro-batch. Adapter and optimizer are spent afterwards: make fresh ones. `told` hears before each pass over a
    batch how many are done and how many there are; what it raises ends the measurement.
    """
    forget_peak()
    done, total = 0, sum(len(batches) + len(held) for batches in updates)
    for batches in updates:
        summed = Summed()
        for batch in batches:
            told(done, total)
            done += 1
            began = time.perf_counter()
            value, gradients = loss.gradients(batch, 0, summed.gradients)
            if not math.isfinite(value):
                raise FloatingPointError
            seconds = time.perf_counter() - began
            styled = summed.styled + len(batch.targets)
            summed = Summed(value, styled, batch.tokens, batch.rows, gradients)
        apply(model, optimizer, summed, rate=0.0, clip=1)
        for one in held:
            told(done, total)
            done += 1
            loss.value(one)
    aside()
    return Measured(peak_memory(), seconds, batches[-1].tokens)


def try_out(
    data: Path, base: Path, config: TrainingConfig, waiting: Callable[[], object] = lambda: None
) -> Measured | None:
    """`measure` in a process of its own; None where memory ran out. Other faults are raised as `StyloraError`.

    `waiting` is called several times a second meanwhile; what it raises ends that process.
    """
    command, piped = [sys.executable, "-P", "-m", "engine.training.calibrate"], subprocess.PIPE
    asked: bytes | None = msgspec.json.encode(Trial(str(data), str(base), config))
    with subprocess.Popen(command, stdin=piped, stdout=piped, stderr=piped, env=environment()) as process:
        try:
            while True:
                try:
                    out, err = process.communicate(asked, timeout=_WAIT_SECONDS)
                    break
                except subprocess.TimeoutExpired:
                    asked = None  # what was begun to be sent is sent on
                    waiting()
        except BaseException:
            process.kill()
            raise
    if process.returncode == 0:
        return msgspec.json.decode(out.splitlines()[-1], type=Measured)
    last = (err.decode(errors="replace").strip().splitlines() or [""])[-1]
    if process.returncode in _KILLED or is_out_of_memory(RuntimeError(last)):
        return None
    raise StyloraError(last.removeprefix("stylora: ") or f"the trial step ended with code {process.returncode}")


def main() -> None:
    from engine.training.trainer import rehearse

    trial = msgspec.json.decode(sys.stdin.buffer.read(), type=Trial)
    try:
        _, found = rehearse(Path(trial.data), Path(trial.base), trial.config)
    except StyloraError as error:
        sys.exit(f"stylora: {error}")
    sys.stdout.buffer.write(msgspec.json.encode(found) + b"\n")


if __name__ == "__main__":
    main()
