"""The gate behind the rules: finds sentences that no longer say what their source said, by the sentence encoder."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from engine.language import sentences, words
from engine.measures import meaning

LEAST_MEANING = 0.5
"""Cosine to its source below which a sentence is made anew, more gently: `meaning.OMITTED` with a margin."""

_SUSPICIOUS = 0.75
_SHORT = 8
_ALIEN = 0.45
"""A sentence is weighed by the encoder if at most `_SUSPICIOUS` of its words are found again and it has no more than
`_SHORT` of them, or if at most `_ALIEN` are. Over 2,700 sentences of two 19th- and 20th-century authors that is one
in sixty; what had lost its meaning was among them, and none of the others scored below .59.
"""
_SURE = 0.6
"""Cosine with all that came of a sentence from which the closer look at its stretches is spared."""
_SLACK = 25
"""Characters by which a guessed place is widened."""
_STEM = 5
"""Letters by which a word is known again in another form."""


@dataclass(frozen=True, slots=True)
class Source:
    """A sentence of the author as it was written, and where its plain form stands in the modernised text."""

    text: str
    start: int
    end: int


def sources(original: str, modern: str) -> list[Source]:
    """The sentences of `original` that the meaning is measured by, with their places in `modern`.

    Where modernising changed how many sentences there are, their places are guessed from how far into the text
    they stand, a few words too wide.
    """
    written, places = _placed(original), [(start, end) for _, start, end in _placed(modern)]
    if len(written) != len(places):
        scale = len(modern) / max(len(original), 1)
        places = [(int(start * scale) - _SLACK, int(end * scale) + _SLACK) for _, start, end in written]
    found = [Source(text, start, end) for (text, *_), (start, end) in zip(written, places, strict=True)]
    stated = [one for one in found if words(one.text)]
    return [one for one in stated if len(words(one.text)) > 2] or stated


def _placed(text: str) -> list[tuple[str, int, int]]:
    """The sentences of `text` with their first and last characters."""
    found, place = [], 0
    for sentence in sentences(text):
        start = text.index(sentence, place)
        place = start + len(sentence)
        found.append((sentence, start, place))
    return found


def suspicious(source: str, output: str) -> bool:
    """Whether so many words of `source` were changed or dropped that its meaning should be weighed."""
    have = {_stem(word) for word in words(output)}
    wanted = [_stem(word) for word in words(source)]
    known = sum(word in have for word in wanted)
    return known <= (_SUSPICIOUS if len(wanted) <= _SHORT else _ALIEN) * len(wanted)


def _stem(word: str) -> str:
    return word.lower().replace("’", "'")[:_STEM]


def kept_meaning(pairs: Sequence[tuple[str, str]]) -> list[float]:
    """How well each output says its source: the cosine of the two, or of the stretch that says it best if higher.

    Pair by pair: the encoder's last digits depend on what else it is given, and a text must come out in a rewrite as
    it did among the others of a dataset.
    """
    scores = []
    for source, output in pairs:
        left, right = meaning.encode([source, output])
        score = float(left @ right)
        if score < _SURE and words(output):
            score = max(score, float(meaning.likeness([source], output)[0]))
        scores.append(score)
    return scores
