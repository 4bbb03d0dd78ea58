"""Prompts in, texts out: one batch, every prompt computed once, the same words for the same seed.

Knows tokens and logits, nothing of styles or prompts. A rewrite may be decoded in the middle of training:
it leaves no trace in the model and none in MLX's random state.
"""

from __future__ import annotations

import random
import re
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from engine.errors import Cancelled, StyloraError
from engine.models import mlx_thread
from engine.models.growing_text import GrowingText
from engine.models.holding import Held, Word
from engine.models.prefixes import Prefixes, trimmed, usable
from engine.models.respelling import Turn
from engine.models.sampling import Sampling, choose

if TYPE_CHECKING:
    from engine.models.cpu import Join

Finish = Literal["stop", "length", "cancelled"]
OnTokens = Callable[[int, str], None]
"""Called on the MLX thread with a prompt's index and the text it grew by; may raise `Cancelled`."""

WIDTH, WIDTH_ON_CPU = 16, 32
"""Rows decoded together; further prompts take the places of finished ones. A CPU reads every weight from memory for
each step: 42 prompts of a report card took 78 s with 32 rows and 90 s with 16. A GPU's memory goes to keys instead, 3
GiB of them for 32 rows of a 14B model."""
_PREFILL = 512
"""Prompt tokens computed at a time, between which a cancelled call can stop."""
_WIRED_SHARE = 0.8
"""Share of the GPU's recommended working set kept resident while decoding (Metal only)."""


_SENTENCE_END = re.compile(r"\w{3}[.!?][\"”’)]*\s*$")


@dataclass(frozen=True, slots=True)
class Length:
    """How many words a text is to have: before `least` it cannot end, from `most` on its sentence is the last."""

    least: int
    most: int


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
    length: Length | None = None
    keep: int = 0
    held: Held | None = None
    tokens: list[int] = field(default_factory=list)
    words: int = 0
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
    draws: Sequence[str] | None = None,
    lengths: Sequence[Length | None] | None = None,
    prefixes: Prefixes | None = None,
    keep: Sequence[int] | None = None,
    hold: Sequence[Sequence[Word]] | None = None,
    turns: Sequence[Sequence[Turn]] | None = None,
    on_tokens: OnTokens | None = None,
) -> list[Decoded]:
    """Continue every prompt (token ids) until an end token, a stop string or its `max_tokens`.

    Equal prompts are computed once, and so is what neighbouring prompts begin with. Results come in the
    order of `prompts` and are the same for the same model, prompts, settings and seed. `on_tokens` gets text
    as it grows, never half a character nor part of a stop string. `draws` names each row's random draws (default:
    its index), for rows that should not depend on their place. `lengths` bounds the words of each text. `prefixes`
    are what earlier calls computed: prompts go on from there, and leave their first `keep` tokens behind. `hold` are
    the words that each text is to have, as far as `sampling.hold` sees to it, and `turns` say where each would spell
    one wrongly.

    If `on_tokens` raises `Cancelled`, or the caller of the MLX thread has gone, every row returns what it has.
    Raises `StyloraError` for an empty prompt and for a model whose outputs are not numbers.
    """
    limits = [max_tokens] * len(prompts) if isinstance(max_tokens, int) else list(max_tokens)
    if len(limits) != len(prompts):
        raise ValueError(f"{len(limits)} limits for {len(prompts)} prompts")
    if not all(prompts):
        raise StyloraError("nothing to decode: a prompt has no tokens")
    ends = _Ends(tokenizer, stop if lengths or hold else ())
    rows = [
        _Row(
            index,
            list(prompt),
            limit,
            random.Random(f"{seed}:decode:{draw}"),
            GrowingText(tokenizer, stop),
            lengths[index] if lengths else None,
            min(keep[index], len(prompt) - 1) if keep else 0,
            _held(hold[index] if hold and sampling.hold else (), turns[index] if turns else (), ends),
        )
        for index, (prompt, limit, draw) in enumerate(zip(prompts, limits, draws or range(len(prompts)), strict=True))
    ]
    for row in rows:
        if row.limit < 1:
            row.finish = "length"
    from engine.models.cpu import quick

    training = model.training
    model.eval()  # no dropout: it would spoil the text and draw from training's random numbers
    try:
        with _wired(), quick(model) as join:
            _decode_rows(model, ends, rows, sampling, prefixes or Prefixes(), on_tokens, join, _width())
    except Cancelled:
        pass
    finally:
        model.train(training)
    return [Decoded(row.text.finished(), tuple(row.tokens), row.finish or "cancelled") for row in rows]


def _held(words: Sequence[Word], turns: Sequence[Turn], ends: _Ends) -> Held | None:
    return Held(words, ends.barred, turns=turns) if words or turns else None


def _width() -> int:
    import mlx.core as mx

    return WIDTH_ON_CPU if mx.default_device() == mx.Device(mx.cpu) else WIDTH


class _Ends:
    """The tokens that end a text, and with them those that begin a stop string: barred while it is too short to end."""

    def __init__(self, tokenizer: Any, stop: Sequence[str]) -> None:
        self.tokens: set[int] = set(tokenizer.eos_token_ids)
        first = (tokenizer.encode(mark + text, add_special_tokens=False) for text in stop for mark in ("", "\n"))
        self.barred = frozenset(self.tokens | {ids[-1] for ids in first if ids})


def _decode_rows(
    model: Any,
    ends: _Ends,
    rows: list[_Row],
    sampling: Sampling,
    prefixes: Prefixes,
    on_tokens: OnTokens | None,
    join: Join,
    width: int,
) -> None:
    import mlx.core as mx

    # Those that may grow longest go first, so that the batch is full to the end. Among equals, prompts that begin alike
    # stand side by side, and each starts from its neighbour's cache, or from a kept one.
    prefill = _Prefill(model, prefixes)
    waiting = deque(sorted((row for row in rows if row.finish is None), key=lambda row: (-row.limit, row.prompt)))
    active: list[_Row] = []
    batch: list[Any] = []
    step = 0
    while waiting or active:
        if waiting and len(active) < width:
            # One prompt (and its copies) a step, so that the first rows already grow while others are prefilled.
            joining = [waiting.popleft()]
            while waiting and waiting[0].prompt == joining[0].prompt and len(active) + len(joining) < width:
                joining.append(waiting.popleft())
            cache = prefill(joining[0].prompt[:-1], joining[0].keep)
            joined = join(cache, len(joining))
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
            if row.length is not None and row.words < row.length.least:
                scores = scores.copy()
                scores[list(ends.barred)] = -np.inf
            _advance(row, choose(scores, row.tokens, sampling, row.draw, row.held), ends.tokens, on_tokens)
        keep = _closed([place for place, row in enumerate(active) if row.finish is None])
        if len(keep) < len(active):
            active = [active[place] for place in keep]
            if active:
                for layer in batch:
                    layer.filter(keep)
        step += 1
        if step % 256 == 0:
            mx.clear_cache()


def _closed(places: list[int]) -> list[int]:
    """The same `places`, with the last of them in the gaps: the others stay where they are, and need not be copied."""
    staying = {place for place in places if place < len(places)}
    moved = [place for place in places if place >= len(places)]
    return [place if place in staying else moved.pop() for place in range(len(places))]


def _advance(row: _Row, token: int, ends: set[int], on_tokens: OnTokens | None) -> None:
    """Take `token` into `row`; set `row.finish` when it was the last one."""
    if token in ends:
        row.finish = "stop"
        grown = row.text.end()
    else:
        row.tokens.append(token)
        if row.held is not None:
            row.held.take(row.tokens)
        grown = row.text.add(token)
        if row.length is not None and grown:
            row.words = len(row.text.shown.split())
        full = row.length is not None and row.words >= row.length.most
        if row.text.stopped or (full and _SENTENCE_END.search(row.text.shown)):
            row.finish = "stop"
        elif len(row.tokens) >= row.limit:
            grown += row.text.end()
            row.finish = "stop" if row.text.stopped else "length"
    if grown and on_tokens is not None:
        on_tokens(row.index, grown)


class _Prefill:
    """Caches of prompts, each grown from the previous one's, or from one kept, as far as the two agree."""

    def __init__(self, model: Any, prefixes: Prefixes) -> None:
        self._model = model
        self._prefixes = prefixes
        self._tokens: list[int] = []
        self._cache: list[Any] | None = None

    def __call__(self, tokens: list[int], keep: int) -> list[Any]:
        """The model's cache after `tokens`. The same object for the same tokens: merge it, do not write to it.

        The first `keep` tokens stay among the prefixes.
        """
        import mlx.core as mx
        from mlx_lm.models.cache import make_prompt_cache

        if self._cache is not None and tokens == self._tokens:
            return self._cache
        done, cache = self._prefixes.longest(tokens)
        if self._cache is not None and (shared := usable(self._cache, self._tokens, tokens)) > done:
            done, cache = shared, trimmed(self._cache, len(self._tokens) - shared)
        if cache is None:
            cache = make_prompt_cache(self._model)
        for end in ([keep] if done < keep else []) + [len(tokens)]:
            while done < end:
                mlx_thread.stop_if_abandoned()
                step = tokens[done : min(end, done + _PREFILL)]
                self._model(mx.array([step]), cache=cache)
                mx.eval([layer.state for layer in cache])
                done += len(step)
            if keep and end == keep:
                self._prefixes.keep(tokens[:keep], cache)
        mx.clear_cache()
        self._tokens, self._cache = tokens, cache
        return cache


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
