"""Runs of words as 64-bit numbers: what two texts share can be found in millions of words at eight bytes a run."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from functools import lru_cache

import numpy as np

from engine.measures.degeneration import plain_words

LEAK_SPAN = 13
"""Words that two passages must share to count as overlapping; 13-grams are the usual unit for contamination
(Brown et al. 2020, appendix C)."""

_FACTOR = 0x9E3779B97F4A7C15
"""Odd, so that its powers never vanish modulo 2^64: the golden ratio, as in Knuth's multiplicative hashing."""


@lru_cache(maxsize=200_000)
def _number(word: str) -> int:
    return int.from_bytes(hashlib.blake2b(word.encode(), digest_size=8).digest(), "little")


def span_hashes(text: str, size: int = LEAK_SPAN) -> np.ndarray:
    """One uint64 for every run of `size` words of `text`, in order; case and marks aside. Shape (words - size + 1,).

    A polynomial hash modulo 2^64, the same in every process. Two different runs among ten million share a number with
    a chance of about 3 in 10^6.
    """
    numbers = np.array([_number(word) for word in plain_words(text)], dtype=np.uint64)
    count = len(numbers) - size + 1
    if count <= 0:
        return np.empty(0, dtype=np.uint64)
    hashes = np.zeros(count, dtype=np.uint64)
    factor = np.uint64(_FACTOR)
    with np.errstate(over="ignore"):
        for offset in range(size):
            hashes = hashes * factor + numbers[offset : offset + count]
    return hashes


def unseen(texts: Sequence[str], others: Iterable[str], size: int = LEAK_SPAN) -> list[str]:
    """Those of `texts` that share no run of `size` words with any of `others`, in order.

    Memory goes with `texts` alone; `others` may be as long as a library.
    """
    own = [span_hashes(text, size) for text in texts]
    wanted = np.unique(np.concatenate([*own, np.empty(0, dtype=np.uint64)]))
    if not len(wanted):
        return list(texts)
    met = np.zeros(len(wanted), dtype=bool)
    for other in others:
        found = span_hashes(other, size)
        at = np.minimum(np.searchsorted(wanted, found), len(wanted) - 1)
        met[at[wanted[at] == found]] = True
    return [text for text, found in zip(texts, own, strict=True) if not met[np.searchsorted(wanted, found)].any()]
