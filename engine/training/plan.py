"""What a run will do and whether it fits, from row lengths and a model's config.json alone: nothing is loaded."""

from __future__ import annotations

import dataclasses
import sys
from collections.abc import Sequence
from dataclasses import dataclass

from engine.training.batches import Order
from engine.training.config import TrainingConfig
from engine.training.ladder import ladder
from engine.training.memory import GIB, Device, ModelSize, Verdict, available_memory, estimate, judge

_HOPELESS = 1.5
"""An estimate so many times the memory is believed without a trial, which could bring the machine to its knees."""


@dataclass(frozen=True, slots=True)
class Measured:
    """What one step on the run's largest micro-batch took: `peak` in bytes, `seconds` for `tokens`."""

    peak: int
    seconds: float
    tokens: int


@dataclass(frozen=True, slots=True)
class Plan:
    """What a run will do. Memory in bytes; `seconds` None where the speed is not known."""

    examples: int
    too_long: int
    """Rows longer than `max_seq_length`, left out: cut in the middle of a sentence they would teach to end there."""
    micro_batches: int
    updates: int
    epochs: float
    tokens: int
    styled_tokens: int
    longest: int
    largest: int
    """Number of the micro-batch that takes most memory, padding included."""
    lora_parameters: int
    grad_checkpoint: bool
    memory: dict[str, int]
    """Estimated bytes by part: weights, optimizer, activations, loss, reserve."""
    peak: int
    available: int | None
    verdict: Verdict
    seconds: float | None
    advice: tuple[str, ...]
    """What to change, mildest first, should it not fit."""
    speed_of: str = ""
    """The earlier run whose speed `seconds` follows from; empty for none."""
    measured: bool = False
    """Whether `peak` and `seconds` come from a step really taken, and not from the estimate by parts."""

    def calibrated(self, found: Measured) -> Plan:
        """The plan with a measurement in the estimates' place. What was measured did run: at worst it is tight."""
        verdict = judge(found.peak, self.available)
        return dataclasses.replace(
            self,
            peak=found.peak,
            verdict="tight" if verdict == "will not fit" else verdict,
            seconds=self.tokens * found.seconds / found.tokens,
            speed_of="",
            measured=True,
        )

    def at(self, tokens_per_second: float, speed_of: str = "") -> Plan:
        """The plan with the time it takes at a speed, which may be that of an earlier run."""
        return dataclasses.replace(self, seconds=self.tokens / tokens_per_second, speed_of=speed_of)

    @property
    def time_known(self) -> str:
        """Where `seconds` come from, for people."""
        if self.measured:
            return "by a measured step"
        return f"as fast as {self.speed_of} was" if self.speed_of else "a first guess"

    @property
    def hopeless(self) -> bool:
        """Whether the estimate is so far beyond the memory that no step is tried at all."""
        return self.available is not None and self.peak > _HOPELESS * self.available

    def taken(self, config: TrainingConfig) -> TrainingConfig:
        """`config` with what this plan chose where it leaves a choice."""
        return dataclasses.replace(config, grad_checkpoint=self.grad_checkpoint)

    @property
    def line(self) -> str:
        """The plan in one line for a log."""
        left_out = ""
        if self.too_long:
            left_out = f" ({self.too_long} too long and left out; raise max_seq_length or lower max_para_words)"
        time = f", about {span(self.seconds)}" if self.seconds else ""
        return (
            f"{self.examples} examples{left_out}: {self.updates} updates, {self.epochs:.2f} epochs, "
            f"{self.tokens:,} tokens{time}; {self.memory_line}"
        )

    @property
    def memory_line(self) -> str:
        """Memory and verdict, and what to do where it does not fit."""
        room = f" of {self.available / GIB:.1f}" if self.available else ""
        source = "measured on the longest batch" if self.measured else "an estimate"
        text = f"about {self.peak / GIB:.1f}{room} GiB of memory, {source}: {self.verdict}"
        if self.verdict == "will not fit" and self.advice:
            text += f"; try {', then '.join(self.advice)}"
        return text


def span(seconds: float) -> str:
    """A length of time for people: ``40 s``, ``12 min``, ``3 h 20 min``."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 90 else f"{minutes // 60} h {minutes % 60:02} min"


def plan(
    lengths: Sequence[tuple[int, int]],
    model: ModelSize,
    config: TrainingConfig,
    *,
    too_long: int = 0,
    device: Device | None = None,
    available: int | None = None,
) -> Plan:
    """The plan for rows given as (tokens, index of the first trained token).

    `device` defaults to this machine's, `available` (bytes) to what it has for a model. With
    ``grad_checkpoint="auto"`` the fastest setting that fits is chosen: without, unless memory asks for it.
    """
    device = device or ("gpu" if sys.platform == "darwin" else "cpu")
    available = available if available is not None else available_memory()
    order = Order([length for length, _ in lengths], config.batch_size, config.seed)
    updates = config.updates(order.per_epoch)
    micro_batches = updates * config.grad_accumulation
    seen = [row for number in range(micro_batches) for row in order[number]]
    tokens = sum(lengths[row][0] - 1 for row in seen)
    styled = sum(lengths[row][0] - lengths[row][1] for row in seen)

    def size(number: int) -> tuple[int, int]:
        rows = order[number]
        return len(rows) * (max(lengths[row][0] for row in rows) - 1), sum(
            lengths[row][0] - lengths[row][1] for row in rows
        )

    largest = max(range(micro_batches), key=size)
    fed, with_loss = size(largest)
    choices = [config.grad_checkpoint] if config.grad_checkpoint != "auto" else [False, True]
    verdict: Verdict = "unknown"
    for checkpointed in choices:
        parts = estimate(
            model,
            config,
            device,
            tokens=fed,
            width=fed // len(order[largest]),
            styled=with_loss,
            checkpointed=bool(checkpointed),
        )
        peak = sum(parts.values())
        verdict = judge(peak, available)
        if verdict != "will not fit":
            break
    longest = max(length for length, _ in lengths)
    taken = dataclasses.replace(config, grad_checkpoint=bool(checkpointed))
    rungs = ladder(taken, longest=longest, layers=model.layers)
    return Plan(
        examples=len(lengths),
        too_long=too_long,
        micro_batches=micro_batches,
        updates=updates,
        epochs=len(seen) / len(lengths),
        tokens=tokens,
        styled_tokens=styled,
        longest=longest,
        largest=largest,
        lora_parameters=model.lora_parameters(config),
        grad_checkpoint=bool(checkpointed),
        memory=parts,
        peak=peak,
        available=available,
        verdict=verdict,
        seconds=None,
        advice=tuple(rung.words for rung in rungs),
    )
