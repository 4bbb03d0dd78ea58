"""Figures of a set of texts that a symptom shows in: rhythm, openings, who speaks. Plain counting, no parser."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Sequence

import msgspec

from engine.measures.resampling import wilson

_SENTENCE = re.compile(r"(?<=[.!?])[\"”’)]*\s+")
_WORD = re.compile(r"[^\W\d_][\w'’]*")
_FIRST_PERSON = re.compile(r"\b(?:I|[Mm]e|[Mm]y|[Mm]ine|[Mm]yself|[Ww]e|[Uu]s|[Oo]ur|[Oo]urs)\b")
_PASSIVE = re.compile(
    r"\b(?:is|are|was|were|be|been|being)\s+(?:\w+ly\s+)?"
    r"(?:\w{2,}ed|seen|found|made|done|known|given|told|said|taken|held|heard|left|felt|thought|shown|written|kept)\b",
    re.IGNORECASE,
)


class Figures(msgspec.Struct, frozen=True, kw_only=True):
    """Of texts pooled. Rates are per 100 words."""

    words: int
    sentences: int
    spread: float
    """Standard deviation of the words of a sentence."""
    openings: float
    """Share of the sentences whose first two words another one begins with too."""
    first_person: float
    passive: float


def figures(texts: Sequence[str]) -> Figures:
    """The figures of `texts`; all 0 where there are none."""
    sentences = [words for text in texts for part in _SENTENCE.split(text) if (words := _WORD.findall(part.lower()))]
    lengths = [len(words) for words in sentences]
    total = sum(lengths)
    if not total:
        return Figures(words=0, sentences=0, spread=0.0, openings=0.0, first_person=0.0, passive=0.0)
    mean = total / len(lengths)
    begins = Counter(tuple(words[:2]) for words in sentences)
    return Figures(
        words=total,
        sentences=len(sentences),
        spread=math.sqrt(sum((length - mean) ** 2 for length in lengths) / len(lengths)),
        openings=sum(count for count in begins.values() if count > 1) / len(sentences),
        first_person=100 * sum(len(_FIRST_PERSON.findall(text)) for text in texts) / total,
        passive=100 * sum(len(_PASSIVE.findall(text)) for text in texts) / total,
    )


def at_least(count: int, of: int) -> float:
    """The lower end of the 95% interval of a share of `count` in `of`: what the share surely is above."""
    return wilson(count, of)[0] if of else 0.0
