"""Signs that a model has stopped writing and started looping, and spans it copied.

The thresholds were calibrated on 1,312 genuine paragraphs of one author: each lies beyond what that author does
(given in brackets), so a genuine paragraph is hardly ever flagged.
"""

from __future__ import annotations

import itertools
import zlib
from collections.abc import Iterable
from dataclasses import dataclass

from engine.language import words

COMPRESSION_LIMIT = 2.4
"""Length in bytes over zlib-compressed length (genuine maximum 2.399)."""
REPEATED_FOURGRAMS_LIMIT = 0.10
"""Share of 4-grams that occurred before (genuine maximum .050)."""
DISTINCT_BIGRAMS_LIMIT = 0.90
"""Share of distinct bigrams (1st percentile .907)."""
RUN_LIMIT = 12
"""Words of a run that says one thing at least three times on end (maximum 3 in 150 passages of two authors)."""
AGAIN_LIMIT = 16
"""Words of a span that comes twice (maximum 11 in the same)."""
COPIED_SPAN_LIMIT = 20
"""Words in one span shared with the corpus (1.07% of genuine paragraphs share one by chance)."""
COPIED_SHARE_LIMIT = 0.12
"""Share of a text's 8-word sequences that the corpus has (99th percentile .115)."""

_SPAN = 8
"""Words of the sequences a corpus is indexed by."""
_PERIOD = 24
"""Words of the longest phrase whose repetition on end is looked for."""


def plain_words(text: str) -> list[str]:
    """The words and numbers of `text` without case, marks or the shape of apostrophes."""
    return words(text.lower().replace("’", "'"))


def _ngrams(stream: list[str], size: int) -> list[tuple[str, ...]]:
    return [tuple(stream[i : i + size]) for i in range(len(stream) - size + 1)]


def _run(stream: list[str]) -> int:
    """Words of the longest run in which one phrase comes at least three times on end."""
    longest = 0
    for period in range(1, min(_PERIOD, len(stream) // 3) + 1):
        same = 0
        for index in range(period, len(stream)):
            same = same + 1 if stream[index] == stream[index - period] else 0
            if same >= 2 * period:
                longest = max(longest, same + period)
    return longest


def _again(stream: list[str]) -> int:
    """Words of the longest span that comes twice without overlap."""
    size = 0
    while True:
        first: dict[tuple[str, ...], int] = {}
        for index, gram in enumerate(_ngrams(stream, size + 1)):
            if index - first.setdefault(gram, index) > size:
                break
        else:
            return size
        size += 1


@dataclass(frozen=True)
class DegenerationLimits:
    """What a text may reach before it counts as looping; published unless calibrated on the author."""

    compression: float = COMPRESSION_LIMIT
    repeated_fourgrams: float = REPEATED_FOURGRAMS_LIMIT
    distinct_bigrams: float = DISTINCT_BIGRAMS_LIMIT
    run: int = RUN_LIMIT
    again: int = AGAIN_LIMIT


@dataclass(frozen=True)
class Degeneration:
    compression: float
    repeated_fourgrams: float
    distinct_bigrams: float
    run: int = 0
    """Words of the longest run in which one phrase comes at least three times on end."""
    again: int = 0
    """Words of the longest span that comes twice."""

    @property
    def findings(self) -> list[str]:
        """A line per published limit passed; empty for a healthy text."""
        return self.past(DegenerationLimits())

    def past(self, limits: DegenerationLimits) -> list[str]:
        """A line per limit passed; empty for a healthy text."""
        found = []
        if self.compression > limits.compression:
            found.append(f"loops: compresses {self.compression:.1f}-fold")
        if self.repeated_fourgrams > limits.repeated_fourgrams:
            found.append(f"loops: {self.repeated_fourgrams:.0%} of 4-word sequences repeated")
        if self.distinct_bigrams < limits.distinct_bigrams:
            found.append(f"loops: only {self.distinct_bigrams:.0%} of word pairs are new")
        if self.run > limits.run:
            found.append(f"loops: one phrase on end for {self.run} words")
        if self.again > limits.again:
            found.append(f"loops: {self.again} words come twice")
        return found

    def loops(self, limits: DegenerationLimits) -> bool:
        """Whether the limits passed are a loop beyond doubt: word pairs that come again are a habit as well as a sign,
        so that alone they prove none."""
        lines = self.past(limits)
        return len(lines) > 1 or (len(lines) == 1 and self.distinct_bigrams >= limits.distinct_bigrams)


def degeneration(text: str) -> Degeneration:
    """Repetition figures of `text`. A text of fewer than 8 words has nothing to repeat and is healthy."""
    stream = plain_words(text)
    if len(stream) < 8:
        return Degeneration(1.0, 0.0, 1.0)
    fourgrams, bigrams = _ngrams(stream, 4), _ngrams(stream, 2)
    data = text.encode()
    return Degeneration(
        compression=len(data) / len(zlib.compress(data)),
        repeated_fourgrams=1 - len(set(fourgrams)) / len(fourgrams),
        distinct_bigrams=len(set(bigrams)) / len(bigrams),
        run=_run(stream),
        again=_again(stream),
    )


@dataclass(frozen=True)
class Copied:
    """What a text shares with a corpus, word for word."""

    spans: tuple[str, ...]
    """Shared spans of 8 words or more in plain words, the longest first."""
    share: float
    """Share of the text's 8-word sequences that the corpus has."""

    @property
    def longest(self) -> int:
        """Words of the longest shared span; 0 for none."""
        return len(self.spans[0].split()) if self.spans else 0


class CorpusIndex:
    """Finds what a text shares with a corpus, in time linear in the text.

    Spans are chained from shared 8-word sequences, so that two neighbouring places of the corpus could pass for one.
    """

    def __init__(self, passages: Iterable[str]) -> None:
        """Index every 8-word sequence of the passages."""
        self._seen = {hash(gram) for passage in passages for gram in _ngrams(plain_words(passage), _SPAN)}

    def shared(self, text: str) -> Copied:
        """What of `text` the corpus has too."""
        stream = plain_words(text)
        there = [hash(gram) in self._seen for gram in _ngrams(stream, _SPAN)]
        spans, start = [], 0
        for known, run in itertools.groupby(there):
            length = len(list(run))
            if known:
                spans.append(stream[start : start + length + _SPAN - 1])
            start += length
        spans.sort(key=len, reverse=True)
        return Copied(tuple(" ".join(span) for span in spans), sum(there) / len(there) if there else 0.0)

    def copied(self, text: str) -> int:
        """Words of the longest span of `text` that the corpus has; 0 when shorter than 8."""
        return self.shared(text).longest
