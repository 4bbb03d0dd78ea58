"""What a run will do and whether it fits, from row lengths and a model's config.json alone: nothing is loaded.

The memory figures are estimates and are named so. Their formulas are fitted to measurements: on Metal of mlx-lm's
LoRA training, on a CPU of our own.
"""

from __future__ import annotations

import contextlib
import os
import re
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from engine.errors import StyloraError
from engine.training.batches import Order
from engine.training.config import TrainingConfig

Device = Literal["cpu", "gpu"]
Verdict = Literal["fits", "tight", "will not fit", "unknown"]

GIB = 1 << 30
KEPT_SQUARES = 512
"""Tokens of a row up to which training on a CPU keeps a layer's attention: beyond, T² outgrows the rest."""
_TIGHT = 0.85
"""Share of the memory from which on a plan is called tight."""


@dataclass(frozen=True, slots=True)
class ModelSize:
    """Dimensions of a decoder as its config.json has them; `bits` per stored weight, quantization's own included."""

    hidden: int
    layers: int
    vocabulary: int
    intermediate: int
    heads: int
    kv_heads: int
    head_dim: int
    tied: bool
    bits: float

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> ModelSize:
        """Raises `StyloraError` where a dimension is missing, as in a model that is no plain decoder."""
        try:
            hidden, heads = int(config["hidden_size"]), int(config["num_attention_heads"])
            quantization = config.get("quantization")
            group = quantization.get("group_size", 64) if quantization else 64
            return cls(
                hidden=hidden,
                layers=int(config["num_hidden_layers"]),
                vocabulary=int(config["vocab_size"]),
                intermediate=int(config["intermediate_size"]),
                heads=heads,
                kv_heads=int(config.get("num_key_value_heads") or heads),
                head_dim=int(config.get("head_dim") or hidden // heads),
                tied=bool(config.get("tie_word_embeddings", True)),
                # A scale and a bias of 16 bits per group.
                bits=quantization["bits"] + 32 / group if quantization else 16,
            )
        except KeyError as error:
            raise StyloraError(
                f"the model's config.json has no {error}; only plain decoder models can be trained"
            ) from None

    def linear(self, key: str) -> tuple[int, int]:
        """Inputs and outputs of the projection that a LoRA key names, (0, 0) for one not known here."""
        queries, keys = self.heads * self.head_dim, self.kv_heads * self.head_dim
        known = {
            "q_proj": (self.hidden, queries),
            "k_proj": (self.hidden, keys),
            "v_proj": (self.hidden, keys),
            "o_proj": (queries, self.hidden),
            "gate_proj": (self.hidden, self.intermediate),
            "up_proj": (self.hidden, self.intermediate),
            "down_proj": (self.intermediate, self.hidden),
        }
        return known.get(key.rpartition(".")[2], (0, 0))

    @property
    def parameters(self) -> int:
        names = ("q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj")
        per_layer = sum(inputs * outputs for inputs, outputs in map(self.linear, names)) + 2 * self.hidden
        return self.layers * per_layer + self.hidden + self.vocabulary * self.hidden * (1 if self.tied else 2)

    def trained_layers(self, config: TrainingConfig) -> int:
        return self.layers if config.num_layers == -1 else min(config.num_layers, self.layers)

    def lora_parameters(self, config: TrainingConfig) -> int:
        per_layer = sum(config.rank * sum(self.linear(key)) for key in config.keys)
        return self.trained_layers(config) * per_layer


@dataclass(frozen=True, slots=True)
class Plan:
    """What a run will do. Memory in bytes; `seconds` None where the speed is not known."""

    examples: int
    too_long: int
    micro_batches: int
    updates: int
    epochs: float
    tokens: int
    styled_tokens: int
    longest: int
    lora_parameters: int
    grad_checkpoint: bool
    memory: dict[str, int]
    """Estimated bytes by part: weights, optimizer, activations, loss, reserve."""
    peak: int
    available: int | None
    verdict: Verdict
    seconds: float | None
    advice: tuple[str, ...]
    """What to change, mildest first, where it does not fit."""

    @property
    def line(self) -> str:
        """The plan in one line for a log."""
        left_out = f", {self.too_long} too long and left out" if self.too_long else ""
        room = f" of {self.available / GIB:.0f}" if self.available else ""
        memory = f"about {self.peak / GIB:.1f}{room} GiB of memory, an estimate: {self.verdict}"
        if self.verdict == "will not fit" and self.advice:
            memory += f"; try {', then '.join(self.advice)}"
        return (
            f"{self.examples} examples{left_out}: {self.updates} updates, {self.epochs:.2f} epochs, "
            f"{self.tokens:,} tokens; {memory}"
        )


def plan(
    lengths: Sequence[tuple[int, int]],
    model: ModelSize,
    config: TrainingConfig,
    *,
    too_long: int = 0,
    device: Device | None = None,
    available: int | None = None,
    tokens_per_second: float | None = None,
) -> Plan:
    """The plan for rows given as (tokens, index of the first trained token).

    `device` defaults to this machine's, `available` (bytes) to what it has free for a model. With
    ``grad_checkpoint="auto"`` the fastest setting that fits is chosen.
    """
    device = device or ("gpu" if sys.platform == "darwin" else "cpu")
    available = available if available is not None else available_memory()
    order = Order([length for length, _ in lengths], config.batch_size, config.seed)
    updates = config.updates(order.per_epoch)
    micro_batches = updates * config.grad_accumulation
    seen = [row for number in range(micro_batches) for row in order[number]]
    tokens = sum(lengths[row][0] - 1 for row in seen)
    styled = sum(lengths[row][0] - lengths[row][1] for row in seen)
    longest = max(length for length, _ in lengths)
    trained = max(length - start for length, start in lengths)

    def memory(checkpointed: bool) -> dict[str, int]:
        return _memory(
            model, config, device, config.batch_size * longest, longest, config.batch_size * trained, checkpointed
        )

    choices = [config.grad_checkpoint] if config.grad_checkpoint != "auto" else [False, True]
    verdict: Verdict = "unknown"
    for checkpointed in choices:
        parts = memory(bool(checkpointed))
        peak = sum(parts.values())
        verdict = _verdict(peak, available)
        if verdict != "will not fit":
            break
    return Plan(
        examples=len(lengths),
        too_long=too_long,
        micro_batches=micro_batches,
        updates=updates,
        epochs=len(seen) / len(lengths),
        tokens=tokens,
        styled_tokens=styled,
        longest=longest,
        lora_parameters=model.lora_parameters(config),
        grad_checkpoint=bool(checkpointed),
        memory=parts,
        peak=peak,
        available=available,
        verdict=verdict,
        seconds=tokens / tokens_per_second if tokens_per_second else None,
        advice=_advice(config, longest) if verdict in ("tight", "will not fit") else (),
    )


def _memory(
    model: ModelSize, config: TrainingConfig, device: Device, tokens: int, width: int, styled: int, checkpointed: bool
) -> dict[str, int]:
    """Estimated bytes by part for a micro-batch of `tokens` tokens in rows of `width`, `styled` of them with a loss."""
    layers = model.trained_layers(config)
    lora = model.lora_parameters(config)
    if device == "gpu":
        # Fitted to peaks measured with mlx-lm on Metal: 16-bit activations, fp32 adapter and Adam.
        block = 85 * tokens * model.hidden
        activations = 1.87 * tokens * model.hidden * model.layers + block if checkpointed else block * layers
        parts = {
            "weights": model.parameters * model.bits / 8,
            "optimizer": 22 * lora,
            "activations": activations,
            "loss": 8 * styled * model.vocabulary,
            "reserve": 1.5 * GIB + 0.1 * GIB * tokens / 1000,
        }
        parts["reserve"] += 0.15 * sum(parts.values())
    else:
        # What `engine.training.cpu` keeps of a layer: fp32 activations, dropout masks of a byte, attention's squares.
        # Within 12% of the resident peaks measured for six shapes of the embedded model.
        queries, keys = model.heads * model.head_dim, model.kv_heads * model.head_dim
        kept = 4 * tokens * (4 * model.hidden + 2 * queries + 2 * keys + 4 * model.intermediate + 7 * config.rank)
        kept += tokens * (2 * model.hidden + queries + model.intermediate)
        square = 4 * model.heads * tokens * width
        kept += square if width <= KEPT_SQUARES else 0
        boundaries = 4 * tokens * model.hidden * layers if checkpointed else 0
        parts = {
            "weights": 4 * model.parameters,
            "optimizer": 20 * lora,
            "activations": kept * (1 if checkpointed else layers) + boundaries + 3 * square + kept,
            "loss": 8 * min(styled * model.vocabulary, 1 << 24),
            "reserve": 0.22 * GIB,
        }
    return {name: int(value) for name, value in parts.items()}


def _verdict(peak: int, available: int | None) -> Verdict:
    if available is None:
        return "unknown"
    return "fits" if peak <= _TIGHT * available else "tight" if peak <= available else "will not fit"


def _advice(config: TrainingConfig, longest: int) -> tuple[str, ...]:
    """The mission's ladder, less the rungs already taken."""
    ladder = []
    if config.grad_checkpoint is False:
        ladder.append("grad_checkpoint: true")
    ladder += [f"rank: {rank}" for rank in (32, 16) if rank < config.rank]
    if longest > 1024:
        ladder.append("max_seq_length: 1024")
    if config.num_layers == -1 or config.num_layers > 16:
        ladder.append("num_layers: 16")
    return tuple(ladder)


def available_memory() -> int | None:
    """Bytes this machine can give a model: three quarters of a Mac's memory, what Linux calls available."""
    if sys.platform == "darwin":
        return int(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") * 0.75)
    try:
        found = re.search(r"MemAvailable:\s+(\d+) kB", Path("/proc/meminfo").read_text(encoding="ascii"))
    except OSError:
        return None
    free = [int(found[1]) * 1024] if found else []
    with contextlib.suppress(OSError, ValueError):  # no control group, or no limit in it
        free.append(int(Path("/sys/fs/cgroup/memory.max").read_text(encoding="ascii")))
    return min(free, default=None)
