"""Attention and gates of a Llama-shaped model on a CPU, while texts are decoded.

MLX's CPU backend spends 12 to 25 ns on an exponential where NumPy spends half a nanosecond, and multiplies each head by
itself, with the key it shares with others read anew. Here heads that share a key are rows of one product, and the
exponentials are NumPy's, in the memory of MLX's arrays: each is evaluated and nobody else's. The keys of a batch stay
where they are while rows come and go. Nothing is differentiated; training has a room of its own.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from typing import Any

import mlx.core as mx
import mlx.nn as nn
import numpy as np
from mlx_lm.models import llama, qwen2
from mlx_lm.models.cache import KVCache, make_prompt_cache

_BLOCK = 64
"""Rows of a causal score matrix handled at once: what lies right of the block is never computed."""
_STEP = 256
"""Tokens by which the room for keys grows."""

Join = Callable[[Sequence[Any], int], list[Any]]
"""Turns a prompt's cache, a layer each, into that of a batch with so many rows of it."""


@contextmanager
def quick(model: nn.Module) -> Iterator[Join]:
    """Let this model's layers, and no other model's, compute as this room does; nothing changes on another device.

    Gives what makes a batch of a prompt; the batch can be extended by another one's and filtered, as MLX's own can.
    """
    if not _ours(model):
        yield _merged
        return
    parts: list[nn.Module] = [part for layer in model.layers for part in (layer.self_attn, layer.mlp)]
    kinds: list[type] = [type(part) for part in parts]
    for part, kind in zip(parts, kinds, strict=True):
        part.__class__ = _STAND_IN[kind]
    try:
        yield _slots
    finally:
        for part, kind in zip(parts, kinds, strict=True):
            part.__class__ = kind


def _ours(model: nn.Module) -> bool:
    if mx.default_device() != mx.Device(mx.cpu) or type(model) not in (llama.Model, qwen2.Model):
        return False
    single = model.model.norm.weight.dtype == mx.float32
    known = all(type(layer.self_attn) in _STAND_IN and type(layer.mlp) in _STAND_IN for layer in model.layers)
    return single and known and all(type(layer) is KVCache for layer in make_prompt_cache(model))


def _merged(cache: Sequence[Any], count: int) -> list[Any]:
    return [layer.merge([layer] * count) for layer in cache]


def _slots(cache: Sequence[Any], count: int) -> list[Any]:
    return [Slots(layer, count) for layer in cache]


class Slots:
    """A layer's keys and values for the rows of a batch, each row from the beginning of a place of its own.

    MLX's own batch copies all of them whenever a row comes or goes: a fifth of a second for 16 rows of 400 tokens.
    """

    def __init__(self, layer: KVCache, count: int) -> None:
        parts = layer.keys_and_values() if layer.offset else (np.zeros((1, 0, 0, 0), np.float32),) * 2
        self.keys, self.values = (np.repeat(np.array(part), count, axis=0) for part in parts)
        self.lengths = np.full(count, layer.offset)

    @property
    def offset(self) -> mx.array:
        """Tokens of each row so far."""
        return mx.array(self.lengths.astype(np.int32))

    def make_mask(self, _tokens: int, **_: Any) -> np.ndarray:
        """What each row sees when one token has been added to it, shape (rows, 1, 1, known)."""
        return (np.arange(self.lengths.max() + 1) <= self.lengths[:, None])[:, None, None]

    def add(self, keys: np.ndarray, values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Add a token's keys and values (rows, heads, width) to every row; returns those of all tokens."""
        rows = len(self.lengths)
        known = int(self.lengths.max()) + 1
        self._grow(rows, known, keys)
        self.keys[np.arange(rows), :, self.lengths] = keys
        self.values[np.arange(rows), :, self.lengths] = values
        self.lengths = self.lengths + 1
        return self.keys[:rows, :, :known], self.values[:rows, :, :known]

    def extend(self, other: Slots) -> None:
        """Take the rows of `other` in behind these."""
        rows, more, known = len(self.lengths), len(other.lengths), int(other.lengths.max())
        if known:
            self._grow(rows + more, known, other.keys)
            self.keys[rows : rows + more, :, :known] = other.keys[:more, :, :known]
            self.values[rows : rows + more, :, :known] = other.values[:more, :, :known]
        self.lengths = np.concatenate([self.lengths, other.lengths])

    def filter(self, keep: Sequence[int]) -> None:
        """Keep these rows, in this order; a row may only move forward, over one that is not kept or has moved."""
        for place, row in enumerate(keep):
            if row != place:
                known = self.lengths[row]
                self.keys[place, :, :known] = self.keys[row, :, :known]
                self.values[place, :, :known] = self.values[row, :, :known]
        self.lengths = self.lengths[list(keep)]

    def _grow(self, rows: int, tokens: int, like: np.ndarray) -> None:
        """Make room for such rows as `like` has. It holds zeros: what a row does not see is multiplied by nothing."""
        there, _, known, _ = self.keys.shape
        if rows <= there and tokens <= known:
            return
        places = there if rows <= there else 1 << (rows - 1).bit_length()
        room = known if tokens <= known else (tokens // _STEP + 1) * _STEP
        for name in ("keys", "values"):
            grown = np.zeros((places, like.shape[1], room, like.shape[-1]), np.float32)
            if known:
                grown[:there, :, :known] = getattr(self, name)
            setattr(self, name, grown)


class _Attention:
    """Stands before the model's own attention class, whose arithmetic it repeats."""

    def __call__(self: Any, x: mx.array, mask: Any = None, cache: Any = None) -> mx.array:
        rows, tokens, _ = x.shape
        heads, shared = self.n_heads, self.n_kv_heads

        def by_head(flat: mx.array, count: int) -> mx.array:
            return flat.reshape(rows, tokens, count, -1).transpose(0, 2, 1, 3)

        start = 0 if cache is None else cache.offset
        q = self.rope(by_head(self.q_proj(x), heads), offset=start)
        k = self.rope(by_head(self.k_proj(x), shared), offset=start)
        v = by_head(self.v_proj(x), shared)
        if isinstance(cache, Slots):
            mx.eval(q, k, v)
            known, said = cache.add(np.asarray(k)[:, :, 0], np.asarray(v)[:, :, 0])
            chances = np.asarray(q).reshape(rows, shared, heads // shared, -1) @ known.swapaxes(-1, -2)
            _softmax(chances.reshape(rows, heads, 1, -1), self.scale, mask)
            return self.o_proj(mx.array((chances @ said).reshape(rows, 1, -1)))
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
        mx.eval(gate, up)
        active, chance = np.asarray(gate), np.negative(np.asarray(gate))
        # Far below zero the exponential overflows to infinity, and what is divided by it is the right zero.
        with np.errstate(over="ignore"):
            np.exp(chance, out=chance)
        chance += 1
        active /= chance
        active *= np.asarray(up)
        return self.down_proj(gate)


_STAND_IN: dict[type, type] = {
    llama.Attention: type("Attention", (_Attention, llama.Attention), {}),
    qwen2.Attention: type("Attention", (_Attention, qwen2.Attention), {}),
    llama.MLP: type("MLP", (_Gated, llama.MLP), {}),
    qwen2.MLP: type("MLP", (_Gated, qwen2.MLP), {}),
}


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
