"""Prompts in, texts out: one batch, every prompt computed once, the same words for the same seed.

Knows tokens and logits, nothing of styles or prompts. Numbers are drawn in Python, row by row, so a
rewrite answered in the middle of training leaves MLX's random state as it was, and a row's text does not
depend on its neighbours' draws.
"""

from __future__ import annotations

import copy
import math
import random
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np

from engine.errors import Cancelled, StyloraError
from engine.models import mlx_thread

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
class Sampling:
    """How the next token is chosen. Temperature 0 takes the likeliest.

    `top_p` and `min_p` cut the tail before the temperature is applied, as mlx-lm does; 1 and 0 switch them
    off, and only `top_p` has to sort the vocabulary. `repetition_penalty` (arXiv:1909.05858) bears on the
    last `repetition_window` *generated* tokens: the prompt holds the names and facts that have to come back.
    """

    temperature: float = 0.7
    top_p: float = 1.0
    min_p: float = 0.05
    repetition_penalty: float = 1.1
    repetition_window: int = 256


GREEDY = Sampling(temperature=0.0, min_p=0.0, repetition_penalty=1.0)


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
    text: _Text
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
        _Row(index, list(prompt), limit, random.Random(f"{seed}:decode:{index}"), _Text(tokenizer, stop))
        for index, (prompt, limit) in enumerate(zip(prompts, limits, strict=True))
    ]
    for row in rows:
        if row.limit < 1:
            row.finish = "length"
    try:
        with _wired():
            _decode_rows(model, tokenizer.eos_token_ids, rows, sampling, on_tokens)
    except Cancelled:
        pass
    return [Decoded(row.text.finished(), tuple(row.tokens), row.finish or "cancelled") for row in rows]


def _decode_rows(
    model: Any, ends: set[int], rows: list[_Row], sampling: Sampling, on_tokens: OnTokens | None
) -> None:
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


def choose(scores: np.ndarray, generated: Sequence[int], sampling: Sampling, draw: random.Random) -> int:
    """The next token for logits `scores` (vocabulary,), after the `generated` tokens of the same text."""
    if sampling.repetition_penalty != 1.0 and generated:
        seen = np.unique(np.asarray(generated[-sampling.repetition_window :]))
        scores = scores.copy()
        at = scores[seen]
        scores[seen] = np.where(at < 0, at * sampling.repetition_penalty, at / sampling.repetition_penalty)
    best = int(scores.argmax())
    top = float(scores[best])
    if not math.isfinite(top):
        raise StyloraError("the model's outputs are not numbers: its weights are damaged; use an earlier checkpoint")
    if sampling.temperature == 0:
        return best
    below = scores - top  # log-probabilities up to a constant, at most 0
    floor = math.log(sampling.min_p) if sampling.min_p > 0 else -math.inf
    if sampling.top_p < 1:
        # The smallest set of likeliest tokens that holds top_p of the probability. Tokens under (1 - top_p) / V
        # cannot be in it, which leaves few to sort.
        total = float(np.exp(below).sum(dtype=np.float64))
        likely = below[below >= math.log(max(1 - sampling.top_p, 1e-9) * total / len(below))]
        likely = -np.sort(-likely)
        mass = np.cumsum(np.exp(likely), dtype=np.float64)
        floor = max(floor, float(likely[min(int(np.searchsorted(mass, sampling.top_p * total)), len(likely) - 1)]))
    kept = np.flatnonzero(below >= floor)
    weights = np.cumsum(np.exp(below[kept] / sampling.temperature), dtype=np.float64)
    return int(kept[min(int(np.searchsorted(weights, draw.random() * weights[-1], side="right")), len(kept) - 1)])


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


class _Text:
    """Tokens one by one into text, held back while it may still change or turn out to be a stop string."""

    def __init__(self, tokenizer: Any, stop: Sequence[str]) -> None:
        self._tokenizer = tokenizer
        self._stop = [text for text in stop if text]
        self._tokens: list[int] = []
        self._settled = 0  # tokens whose text is in _text; those before the last settled group give context
        self._context = 0
        self._text = ""
        self._given = 0
        self.stopped = False

    def _decoded(self, tokens: list[int]) -> str:
        return self._tokenizer.decode(tokens, skip_special_tokens=True, clean_up_tokenization_spaces=False)

    def add(self, token: int) -> str:
        """The text that can be shown now that `token` has come."""
        self._tokens.append(token)
        # Decoding a token together with those before it keeps the spaces some tokenizers drop at a beginning.
        before = self._decoded(self._tokens[self._context : self._settled])
        grown = self._decoded(self._tokens[self._context :])
        if grown.endswith("\ufffd"):  # the first bytes of a character
            return ""
        self._context, self._settled = self._settled, len(self._tokens)
        return self._show(grown[len(before) :])

    def end(self) -> str:
        """The text still held back, at the end of the row."""
        rest = ""
        if self._settled < len(self._tokens):
            before = self._decoded(self._tokens[self._context : self._settled])
            rest = self._decoded(self._tokens[self._context :])[len(before) :].rstrip("\ufffd")
            self._settled = len(self._tokens)
        shown = self._show(rest)
        if not self.stopped:
            shown += self._text[self._given :]
            self._given = len(self._text)
        return shown

    def _show(self, grown: str) -> str:
        if self.stopped:
            return ""
        longest = max(map(len, self._stop), default=1)
        search = max(0, len(self._text) - longest + 1)
        self._text += grown
        found = [at for stop in self._stop if (at := self._text.find(stop, search)) >= 0]
        if found:
            self._text = self._text[: min(found)]
            self.stopped = True
            safe = len(self._text)
        else:
            safe = len(self._text) - _unfinished(self._text, self._stop)
        shown, self._given = self._text[self._given : safe], max(safe, self._given)
        return shown

    def finished(self) -> str:
        """The whole text."""
        self.end()
        return self._text


def _unfinished(text: str, stops: Sequence[str]) -> int:
    """Length of the longest end of `text` that may be the beginning of a stop string."""
    longest = max((len(stop) - 1 for stop in stops), default=0)
    sizes = range(min(longest, len(text)), 0, -1)
    return next((size for size in sizes if any(stop.startswith(text[-size:]) for stop in stops)), 0)


@contextmanager
def _wired() -> Iterator[None]:
    """Keep the weights in GPU memory while decoding, as mlx-lm does; nothing to do on a CPU."""
    import mlx.core as mx

    recommended = mx.device_info().get("max_recommended_working_set_size")
    if recommended is None:
        yield
        return
    before = mx.set_wired_limit(int(_WIRED_SHARE * recommended))
    try:
        yield
    finally:
        mx.synchronize()
        mx.set_wired_limit(before)
