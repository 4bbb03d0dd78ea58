"""What fixes an adapter, as a plain value that rooms without MLX can hold."""

from __future__ import annotations

from dataclasses import dataclass

ALL_SEVEN = (
    "self_attn.q_proj",
    "self_attn.k_proj",
    "self_attn.v_proj",
    "self_attn.o_proj",
    "mlp.gate_proj",
    "mlp.up_proj",
    "mlp.down_proj",
)
"""Attention for rhythm, MLP for vocabulary: every linear layer of a decoder block."""


@dataclass(frozen=True, slots=True)
class Shape:
    """What fixes an adapter's tensors and how they act; `num_layers` counts from the last, -1 is all of them."""

    rank: int
    scale: float
    dropout: float
    keys: tuple[str, ...]
    num_layers: int = -1
