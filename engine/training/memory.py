"""How much memory a training takes and how much there is, from a model's config.json and row lengths alone.

The figures are estimates and are named so. Their formulas are fitted to measurements: on Metal of mlx-lm's LoRA
training, on a CPU of our own.
"""

from __future__ import annotations

import contextlib
import os
import re
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from engine.errors import StyloraError
from engine.training.config import TrainingConfig

Device = Literal["cpu", "gpu"]
Verdict = Literal["fits", "tight", "will not fit", "unknown"]

GIB = 1 << 30
KEPT_SQUARES = 512
"""Tokens of a row up to which training on a CPU keeps a layer's attention: beyond, T² outgrows the rest."""
_TIGHT = 0.85
"""Share of the memory from which on a plan is called tight."""

_EFFICIENCY = 0.4
"""Share of the speed of bare matrix products that a whole training step reaches; measured on a CPU."""


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

    def tokens_per_second(self, flops: float, config: TrainingConfig) -> float:
        """A first guess at a training's speed where matrix products alone run at `flops`."""
        return _EFFICIENCY * flops / self.operations(config)

    def operations(self, config: TrainingConfig) -> float:
        """What a trained token takes of products.

        One forward and one for the activations' gradient, two operations a weight each; half again where
        activations are computed twice. Prompt and styled side count alike, the head for the styled half.
        """
        head = self.vocabulary * self.hidden
        body = self.parameters - head * (1 if self.tied else 2)
        products = 6 if config.grad_checkpoint is True else 4
        return products * (body + 0.5 * head) + 6 * self.lora_parameters(config)

    def trained_layers(self, config: TrainingConfig) -> int:
        return self.layers if config.num_layers == -1 else min(config.num_layers, self.layers)

    def lora_parameters(self, config: TrainingConfig) -> int:
        per_layer = sum(config.rank * sum(self.linear(key)) for key in config.keys)
        return self.trained_layers(config) * per_layer


def estimate(
    model: ModelSize,
    config: TrainingConfig,
    device: Device,
    *,
    tokens: int,
    width: int,
    styled: int,
    checkpointed: bool,
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
        # Adapter, Adam's two means and the summed gradients stay; an update goes tensor by tensor. At 968 tokens and
        # rank 64 it is 10% (16% with checkpointing) above the resident peak measured: rather too much than too little.
        queries, keys = model.heads * model.head_dim, model.kv_heads * model.head_dim
        kept = 4 * tokens * (2 * model.hidden + 2 * queries + 2 * keys + 3 * model.intermediate + 7 * config.rank)
        kept += tokens * (2 * model.hidden + queries + model.intermediate)
        square = 4 * model.heads * tokens * width
        kept += square if width <= KEPT_SQUARES else 0
        boundaries = 4 * tokens * model.hidden * layers if checkpointed else 0
        parts = {
            "weights": 4 * model.parameters,
            "optimizer": 16 * lora,
            "activations": kept * (1 if checkpointed else layers) + boundaries + 3 * square + kept,
            "loss": 8 * min(styled * model.vocabulary, 1 << 24),
            "reserve": 0.15 * GIB,
        }
    return {name: int(value) for name, value in parts.items()}


def judge(peak: int, available: int | None) -> Verdict:
    """What to think of a peak of so many bytes."""
    if available is None:
        return "unknown"
    return "fits" if peak <= _TIGHT * available else "tight" if peak <= available else "will not fit"


def available_memory() -> int | None:
    """Bytes this process may grow to: three quarters of a Mac's memory, what it has and Linux calls available."""
    if sys.platform == "darwin":
        return int(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") * 0.75)
    try:
        found = re.search(r"MemAvailable:\s+(\d+) kB", Path("/proc/meminfo").read_text(encoding="ascii"))
        own = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except OSError:
        return None
    room = [int(found[1]) * 1024 + own] if found else []
    with contextlib.suppress(OSError, ValueError):  # no control group, or no limit in it
        room.append(int(Path("/sys/fs/cgroup/memory.max").read_text(encoding="ascii")))
    return min(room, default=None)
