"""Attention and gates of a Llama-shaped model on a CPU, while texts are decoded.

MLX's CPU backend spends 12 to 25 ns on an exponential where NumPy spends half a nanosecond, and multiplies each head by
itself, with the key it shares with others read anew. Here heads that share a key are rows of one product, which reaches
the BLAS, and the exponentials are NumPy's, in the memory of MLX's arrays: each is evaluated and nobody else's. Nothing
is differentiated; training has a room of its own.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any

import mlx.core as mx
import mlx.nn as nn
import numpy as np
from mlx_lm.models import llama, qwen2

_BLOCK = 64
"""Rows of a causal score matrix handled at once: what lies right of the block is never computed."""


@contextmanager
def quick(model: nn.Module) -> Iterator[None]:
    """Let this model's layers, and no other model's, compute as this room does; nothing changes on another device."""
    swapped: list[tuple[nn.Module, type]] = []
    if mx.default_device() == mx.Device(mx.cpu) and type(model) in (llama.Model, qwen2.Model):
        for layer in model.layers:
            for part in (layer.self_attn, layer.mlp):
                kind: type = type(part)
                if (own := _own(kind)) is not None:
                    swapped.append((part, kind))
                    part.__class__ = own
    try:
        yield
    finally:
        for part, kind in swapped:
            part.__class__ = kind


@cache
def _own(kind: type) -> type | None:
    """The class that stands in for `kind`; None for one that this room does not know."""
    if kind in (llama.Attention, qwen2.Attention):
        return type(kind.__name__, (_Attention, kind), {})
    return type(kind.__name__, (_Gated, kind), {}) if kind in (llama.MLP, qwen2.MLP) else None


class _Attention:
    """Stands before the model's own attention class, whose arithmetic it repeats."""

    def __call__(self: Any, x: mx.array, mask: Any = None, cache: Any = None) -> mx.array:
        if hasattr(cache, "bits") or x.dtype != mx.float32:
            return super().__call__(x, mask, cache)  # type: ignore[misc]
        rows, tokens, _ = x.shape
        heads, shared = self.n_heads, self.n_kv_heads

        def by_head(flat: mx.array, count: int) -> mx.array:
            return flat.reshape(rows, tokens, count, -1).transpose(0, 2, 1, 3)

        start = 0 if cache is None else cache.offset
        q = self.rope(by_head(self.q_proj(x), heads), offset=start)
        k = self.rope(by_head(self.k_proj(x), shared), offset=start)
        v = by_head(self.v_proj(x), shared)
        if cache is not None:
            k, v = cache.update_and_fetch(k, v)
        scores = q.reshape(rows, shared, heads // shared * tokens, -1) @ k.swapaxes(-1, -2)
        mx.eval(scores)
        _softmax(np.asarray(scores).reshape(rows, heads, tokens, -1), self.scale, mask)
        mixed = (scores @ v).reshape(rows, heads, tokens, -1).transpose(0, 2, 1, 3).reshape(rows, tokens, -1)
        return self.o_proj(mixed)


class _Gated:
    def __call__(self: Any, x: mx.array) -> mx.array:
        gate, up = self.gate_proj(x), self.up_proj(x)
        if gate.dtype != mx.float32:
            return super().__call__(x)  # type: ignore[misc]
        mx.eval(gate, up)
        active, chance = np.asarray(gate), np.negative(np.asarray(gate))
        # Far below zero the exponential overflows to infinity, and what is divided by it is the right zero.
        with np.errstate(over="ignore"):
            np.exp(chance, out=chance)
        chance += 1
        active /= chance
        active *= np.asarray(up)
        return self.down_proj(gate)


def _softmax(scores: np.ndarray, scale: float, mask: Any) -> None:
    """Turn scores [rows, heads, tokens, known] into the softmax of scale·scores over what `mask` lets be seen.

    `mask` is MLX's: None, "causal" (the tokens are the last of the known ones), or True where a token is seen.
    """
    tokens, known = scores.shape[2:]
    hidden = None if mask is None or isinstance(mask, str) else ~np.asarray(mask)
    for start in range(0, tokens, _BLOCK):
        end = min(start + _BLOCK, tokens)
        part = scores[:, :, start:end]
        if isinstance(mask, str):
            seen = known - tokens + end
            part[..., seen:] = 0
            part = part[..., :seen]
            part[..., seen - (end - start) :][..., _future(end - start)] = -np.inf
        part *= np.float32(scale)
        if hidden is not None:
            np.copyto(part, -np.inf, where=hidden[..., start:end, :])
        part -= part.max(-1, keepdims=True)
        np.exp(part, out=part)
        part /= part.sum(-1, keepdims=True)


@cache
def _future(size: int) -> np.ndarray:
    """True right of the diagonal."""
    return np.triu(np.ones((size, size), dtype=bool), 1)
