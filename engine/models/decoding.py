"""Prompts in, texts out: one batch, every prompt computed once, the same words for the same seed.

Knows tokens and logits, nothing of styles or prompts. A rewrite may be decoded in the middle of training:
it leaves no trace in the model and none in MLX's random state.
"""

from __future__ import annotations

import copy
import random
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np

from engine.errors import Cancelled, StyloraError
from engine.models import mlx_thread
from engine.models.growing_text import GrowingText
from engine.models.sampling import Sampling, choose

Finish = Literal["stop", "length", "cancelled"]
OnTokens = Callable[[int, str], None]
"""Called on the MLX thread with a prompt's index and the text it grew by; may raise `Cancelled`."""

WIDTH = 16
"""Rows decoded together; further prompts take the places of finished ones. Wider gains little on a CPU."""
_PREFILL = 512
"""Prompt tokens computed at a time, between which a cancelled call can stop."""
_WIRED_SHARE = 0.8
"""Share of the GPU's recommended working set kept resident while decoding (Metal only)."""


@dataclass(frozen=True, slots=True)
class Decoded:
    """One finished text, stop string removed. `tokens` are all tokens generated, without the end token."""

    text: str
    tokens: tuple[int, ...]
    finish: Finish


@dataclass(slots=True)
class _Row:
    """One prompt on its way to a text."""

    index: int
    prompt: list[int]
    limit: int
    draw: random.Random
    text: GrowingText
    tokens: list[int] = field(default_factory=list)
    finish: Finish | None = None


@mlx_thread.owned
def decode(
    model: Any,
    tokenizer: Any,
    prompts: Sequence[list[int]],
    *,
    max_tokens: int | Sequence[int],
    sampling: Sampling,
    seed: int,
    stop: Sequence[str] = ("###",),
    on_tokens: OnTokens | None = None,
) -> list[Decoded]:
    """Continue every prompt (token ids) until an end token, a stop string or its `max_tokens`.

    Equal prompts are computed once, and so is what neighbouring prompts begin with. Results come in the
    order of `prompts` and are the same for the same model, prompts, settings and seed. `on_tokens` gets text
    as it grows, never half a character nor part of a stop string. If it raises `Cancelled`, or the caller
    of the MLX thread has gone, every row returns what it has. Raises `StyloraError` for an empty prompt
    and for a model whose outputs are not numbers.
    """
    limits = [max_tokens] * len(prompts) if isinstance(max_tokens, int) else list(max_tokens)
    if len(limits) != len(prompts):
        raise ValueError(f"{len(limits)} limits for {len(prompts)} prompts")
    if not all(prompts):
        raise StyloraError("nothing to decode: a prompt has no tokens")
    rows = [
        _Row(index, list(prompt), limit, random.Random(f"{seed}:decode:{index}"), GrowingText(tokenizer, stop))
        for index, (prompt, limit) in enumerate(zip(prompts, limits, strict=True))
    ]
    for row in rows:
        if row.limit < 1:
            row.finish = "length"
    training = model.training
    model.eval()  # no dropout: it would spoil the text and draw from training's random numbers
    try:
        with _wired():
            _decode_rows(model, tokenizer.eos_token_ids, rows, sampling, on_tokens)
    except Cancelled:
        pass
    finally:
        model.train(training)
    return [Decoded(row.text.finished(), tuple(row.tokens), row.finish or "cancelled") for row in rows]


def _decode_rows(model: Any, ends: set[int], rows: list[_Row], sampling: Sampling, on_tokens: OnTokens | None) -> None:
    import mlx.core as mx

    # Sorted, prompts that begin alike stand side by side, and each starts from its neighbour's cache.
    prefill = _Prefill(model)
    waiting = deque(sorted((row for row in rows if row.finish is None), key=lambda row: row.prompt))
    active: list[_Row] = []
    batch: list[Any] = []
    step = 0
    while waiting or active:
        if waiting and len(active) < WIDTH:
            # One prompt (and its copies) a step, so that the first rows already grow while others are prefilled.
            joining = [waiting.popleft()]
            while waiting and waiting[0].prompt == joining[0].prompt and len(active) + len(joining) < WIDTH:
                joining.append(waiting.popleft())
            cache = prefill(joining[0].prompt[:-1])
            joined = [layer.merge([layer] * len(joining)) for layer in cache]
            if active:
                for mine, other in zip(batch, joined, strict=True):
                    mine.extend(other)
            else:
                batch = joined
            active += joining
        mlx_thread.stop_if_abandoned()
        last = mx.array([(row.tokens or row.prompt)[-1] for row in active])
        logits = model(last[:, None], cache=batch)[:, -1, :].astype(mx.float32)
        for row, scores in zip(active, np.asarray(logits), strict=True):
            _advance(row, choose(scores, row.tokens, sampling, row.draw), ends, on_tokens)
        keep = [place for place, row in enumerate(active) if row.finish is None]
        if len(keep) < len(active):
            active = [active[place] for place in keep]
            if active:
                for layer in batch:
                    layer.filter(keep)
        step += 1
        if step % 256 == 0:
            mx.clear_cache()


def _advance(row: _Row, token: int, ends: set[int], on_tokens: OnTokens | None) -> None:
    """Take `token` into `row`; set `row.finish` when it was the last one."""
    if token in ends:
        row.finish = "stop"
        grown = row.text.end()
    else:
        row.tokens.append(token)
        grown = row.text.add(token)
        if row.text.stopped:
            row.finish = "stop"
        elif len(row.tokens) >= row.limit:
            grown += row.text.end()
            row.finish = "stop" if row.text.stopped else "length"
    if grown and on_tokens is not None:
        on_tokens(row.index, grown)


class _Prefill:
    """Caches of prompts, each grown from the previous one's as far as the two agree."""

    def __init__(self, model: Any) -> None:
        self._model = model
        self._tokens: list[int] = []
        self._cache: list[Any] | None = None

    def __call__(self, tokens: list[int]) -> list[Any]:
        """The model's cache after `tokens`. The same object for the same tokens: merge it, do not write to it."""
        import mlx.core as mx
        from mlx_lm.models.cache import can_trim_prompt_cache, make_prompt_cache, trim_prompt_cache

        if self._cache is not None and tokens == self._tokens:
            return self._cache
        shared = _agreement(tokens, self._tokens)
        if self._cache is not None and shared and can_trim_prompt_cache(self._cache):
            cache = copy.deepcopy(self._cache)
            trim_prompt_cache(cache, len(self._tokens) - shared)
        else:
            shared, cache = 0, make_prompt_cache(self._model)
        for start in range(shared, len(tokens), _PREFILL):
            mlx_thread.stop_if_abandoned()
            self._model(mx.array([tokens[start : start + _PREFILL]]), cache=cache)
            mx.eval([layer.state for layer in cache])
        mx.clear_cache()
        self._tokens, self._cache = tokens, cache
        return cache


def _agreement(one: Sequence[int], other: Sequence[int]) -> int:
    """How many tokens two sequences have in common at their beginning."""
    return next((at for at, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), min(len(one), len(other)))


@contextmanager
def _wired() -> Iterator[None]:
    """Keep the weights in GPU memory while decoding, as mlx-lm does; nothing to do on a CPU."""
    import mlx.core as mx

    recommended: Any = mx.device_info().get("max_recommended_working_set_size")
    if recommended is None:
        yield
        return
    before = mx.set_wired_limit(int(_WIRED_SHARE * recommended))
    try:
        yield
    finally:
        mx.synchronize()
        mx.set_wired_limit(before)
