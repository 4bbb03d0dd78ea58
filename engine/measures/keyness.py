"""The words an author uses more than English does, by log-likelihood, and how densely a text is packed with them."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from engine.language import is_word, words
from engine.measures.degeneration import plain_words
from engine.measures.facts import SMALL_WORDS

WORDS = 100
"""Key words kept, at most. Chosen: with fewer, a passage of 100 words often has none."""
CRITICAL = 15.13
"""Log-likelihood from which a difference has a chance below 1 in 10,000 (Rayson, Berridge and Francis 2004)."""
REFERENCE = 10**8
"""Words that the reference frequencies are taken to rest on: wordfreq's lists rest on more, and from here on their
own error no longer shows in the figure."""
_RAREST = 1e-8
"""Frequency of a word that the reference does not have. Chosen: one in `REFERENCE`."""
_PASSAGES = 0.01
"""Share of the passages that have to have a word: one story's hero's trade is not the author's vocabulary. Chosen."""


@dataclass(frozen=True, slots=True)
class KeyWord:
    word: str
    score: float
    """Log-likelihood, in the sense of Dunning (1993)."""
    rate: float
    """Per 1,000 words of the author."""


def log_likelihood(count: int, size: int, other: float, other_size: float) -> float:
    """Dunning's G² for a word that comes `count` times in `size` words and `other` times in `other_size`.

    In the form for two corpora of Rayson and Garside (2000, "Comparing corpora using frequency profiling").
    """
    share = (count + other) / (size + other_size)
    parts = ((count, size * share), (other, other_size * share))
    return 2 * sum(found * math.log(found / expected) for found, expected in parts if found > 0)


def keywords(passages: Sequence[str], most: int = WORDS) -> list[KeyWord]:
    """The key words of an author, the strongest first; names and function words are left out.

    Compared with wordfreq's frequencies of English. A word counts when it is in a dictionary of content words, is
    mostly written without a capital, comes in 1% of the passages (and 3 of them), and passes `CRITICAL`.
    """
    from spacy.lang.en.stop_words import STOP_WORDS
    from wordfreq import word_frequency

    counts: Counter[str] = Counter()
    spread: Counter[str] = Counter()
    capital: Counter[str] = Counter()
    for passage in passages:
        stream = plain_words(passage)
        counts.update(stream)
        spread.update(set(stream))
        capital.update(word.lower() for word in words(passage.replace("’", "'")) if word[:1].isupper())
    size = sum(counts.values())
    least = max(3, _PASSAGES * len(passages))
    found = []
    for word, count in counts.items():
        if spread[word] < least or not word.isalpha() or len(word) < 3 or 2 * capital[word] > count:
            continue
        usual = max(word_frequency(word, "en"), _RAREST)
        if count / size <= usual or word in STOP_WORDS or word in SMALL_WORDS or not is_word(word):
            continue
        score = log_likelihood(count, size, usual * REFERENCE, REFERENCE)
        if score >= CRITICAL:
            found.append(KeyWord(word, round(score, 2), round(1000 * count / size, 4)))
    return sorted(found, key=lambda one: (-one.score, one.word))[:most]


def used(text: str, known: Collection[str]) -> int:
    """How often any of the `known` words (lower case) comes in `text`."""
    return sum(word in known for word in plain_words(text))
