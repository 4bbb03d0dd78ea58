"""Signs that a model has stopped writing and started looping, and spans it copied.

The thresholds were calibrated on 1,312 genuine paragraphs of one author: each lies beyond what that author does
(given in brackets), so a genuine paragraph is hardly ever flagged.
"""

from __future__ import annotations

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
COPIED_SPAN_LIMIT = 20
"""Words in one span shared with the corpus (1.07% of genuine paragraphs share one by chance)."""


def plain_words(text: str) -> list[str]:
    """The words and numbers of `text` without case, marks or the shape of apostrophes."""
    return words(text.lower().replace("’", "'"))


def _ngrams(stream: list[str], size: int) -> list[tuple[str, ...]]:
    return [tuple(stream[i : i + size]) for i in range(len(stream) - size + 1)]


@dataclass(frozen=True)
class Degeneration:
    compression: float
    repeated_fourgrams: float
    distinct_bigrams: float

    @property
    def findings(self) -> list[str]:
        """A line per limit passed; empty for a healthy text."""
        found = []
        if self.compression > COMPRESSION_LIMIT:
            found.append(f"loops: compresses {self.compression:.1f}-fold")
        if self.repeated_fourgrams > REPEATED_FOURGRAMS_LIMIT:
            found.append(f"loops: {self.repeated_fourgrams:.0%} of 4-word sequences repeated")
        if self.distinct_bigrams < DISTINCT_BIGRAMS_LIMIT:
            found.append(f"loops: only {self.distinct_bigrams:.0%} of word pairs are new")
        return found


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
    )


class CorpusIndex:
    """Finds the longest span of words a text shares with a corpus, in time linear in the text."""

    def __init__(self, passages: Iterable[str], span: int = COPIED_SPAN_LIMIT) -> None:
        """Index every `span`-word sequence of the passages."""
        self.span = span
        self._seen = {hash(gram) for passage in passages for gram in _ngrams(plain_words(passage), span)}

    def copied(self, text: str) -> int:
        """Words in the longest run of indexed sequences in `text`; 0 when shorter than the indexed span."""
        longest = run = 0
        for gram in _ngrams(plain_words(text), self.span):
            run = run + 1 if hash(gram) in self._seen else 0
            longest = max(longest, run)
        return longest + self.span - 1 if longest else 0
