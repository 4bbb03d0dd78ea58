"""Typing errors of the input that a text is not to repeat: where it is about to spell one, it spells the word meant.

A model learns to mend the noise of its inputs, but a small one, or one trained for half an hour, copies some of it.
Nothing is changed after decoding: among the next tokens, the one that would make the word a mistyped one is barred, and
where it was about to come, the one that goes on with the word meant takes its place.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

_GOES_ON = 4.0
"""Logits by which the word meant then goes before everything else: other tokens begin the same wrong word in other
pieces. Chosen; a fiftieth of the likelihood is left to others."""
_LIKELY = 3.0
"""Logits that the wrong token may be behind the likeliest and is still about to come: a twentieth of its likelihood, as
the default `min_p`. Otherwise something else is being written, and the wrong token is only barred."""


@dataclass(frozen=True, slots=True)
class Turn:
    """After the tokens `before`, `wrong` would spell a mistyped word (whatever else comes, where it is None), and
    `right` goes on with the word meant (None where that is at its end)."""

    before: tuple[int, ...]
    wrong: int | None
    right: int | None


def turns(tokenizer: Any, mistyped: Iterable[tuple[str, str]]) -> tuple[Turn, ...]:
    """Where the spellings of mistyped words, each given with the word meant, turn off from those.

    A word is looked at where a space goes before it: its first letters alone may be anything inside another word.
    """
    found: list[Turn] = []
    for wrong, meant in mistyped:
        ids = tuple(tokenizer.encode(" " + wrong, add_special_tokens=False))
        written = ""
        for number, token in enumerate(ids):
            after = tokenizer.decode(list(ids[: number + 1])).removeprefix(" ")
            if not meant.startswith(after):
                found.append(Turn(ids[:number], token, _first(tokenizer, meant, written)))
                break
            written = after
        else:
            found.append(Turn(ids, None, _first(tokenizer, meant, written)))
    return tuple(dict.fromkeys(found))


def _first(tokenizer: Any, word: str, written: str) -> int | None:
    """The token that goes on with `word` after its first letters `written`."""
    rest = word[len(written) :] if written else " " + word
    return tokenizer.encode(rest, add_special_tokens=False)[0] if rest else None


def respell(scores: np.ndarray, generated: Sequence[int], found: Sequence[Turn]) -> np.ndarray:
    """The logits `scores` (vocabulary,) after the `generated` tokens, with each of the turns `found` taken rightly."""
    mine = scores
    for turn in found:
        if turn.before and not ends_with(generated, turn.before):
            continue
        if not turn.before and turn.right in generated:
            continue  # the word is there, so that what begins like the wrong one is another
        if mine is scores:
            mine = scores.copy()
        # What is written may be the whole of the wrong word: as likely as not, any other token would begin the next.
        likely = turn.wrong is None or mine[turn.wrong] > mine.max() - _LIKELY
        if turn.wrong is not None:
            mine[turn.wrong] = -np.inf
        if likely and turn.right is not None:
            mine[turn.right] = mine.max() + _GOES_ON
    return mine


def ends_with(generated: Sequence[int], ids: Sequence[int]) -> bool:
    """Whether the last of the `generated` tokens are `ids`, of which there is at least one."""
    return tuple(generated[-len(ids) :]) == tuple(ids)
