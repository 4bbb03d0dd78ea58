"""How a text moves: the lengths of its sentences, how deep its clauses nest, and its marks."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from engine.language import sentences, words

if TYPE_CHECKING:
    from spacy.tokens import Doc, Token

LONGEST = 120
"""Words from which sentences count as equally long: 4 in 1,000 of Melville's are, and 4 in 10,000 of Lovecraft's."""
MARKS = (",", ";", ":", "—", "(", "“", "!", "?", ".", "…")
"""Dashes of all kinds are one mark, and so are straight and curly quotation marks; brackets count once a pair."""

_CLAUSES = frozenset({"ccomp", "xcomp", "advcl", "relcl", "acl", "csubj", "csubjpass", "pcomp"})
"""Dependencies that hang one clause below another."""


def length_counts(text: str) -> np.ndarray:
    """How many sentences of `text` have 0, 1, ... `LONGEST` words or more, shape (LONGEST + 1,)."""
    lengths = [min(len(words(sentence)), LONGEST) for sentence in sentences(text)]
    return np.bincount([length for length in lengths if length], minlength=LONGEST + 1).astype(np.float64)


def wasserstein(shares: np.ndarray, others: np.ndarray) -> np.ndarray:
    """Earth mover's distance, in words, of distributions of sentence length.

    In one dimension it is the area between the two cumulative distributions (Vallender 1974). The last axis is the
    length; counts are made shares first, and where there are none the distance is not a number.
    """
    return np.abs(_cumulative(shares) - _cumulative(others))[..., :-1].sum(-1)


def spread(shares: np.ndarray) -> np.ndarray:
    """Standard deviation of the sentence length, in words; the last axis of `shares` is the length."""
    lengths = np.arange(shares.shape[-1])
    total = _total(shares)[..., 0]
    mean = (shares * lengths).sum(-1) / total
    return np.sqrt(np.maximum((shares * lengths**2).sum(-1) / total - mean**2, 0))


def _total(shares: np.ndarray) -> np.ndarray:
    total = shares.sum(-1, keepdims=True).astype(np.float64)
    return np.where(total > 0, total, np.nan)


def _cumulative(shares: np.ndarray) -> np.ndarray:
    return np.cumsum(shares, -1) / _total(shares)


def mark_counts(text: str) -> np.ndarray:
    """How often each of `MARKS` comes in `text`, shape (len(MARKS),)."""
    plain = text.replace("...", "…").replace("--", "—").replace("–", "—").replace(" - ", " — ")
    quotes = sum(plain.count(mark) for mark in '"“”') / 2
    return np.array([quotes if mark == "“" else plain.count(mark) for mark in MARKS], dtype=np.float64)


def clause_depths(doc: Doc) -> list[int]:
    """How many clauses stand one inside another at the deepest place of each sentence; 0 for a simple one."""
    found = []
    for sentence in doc.sents:
        if any(token.is_alpha for token in sentence):
            found.append(max((_depth(token) for token in sentence if token.dep_ in _CLAUSES), default=0))
    return found


def _depth(token: Token) -> int:
    return (token.dep_ in _CLAUSES) + sum(above.dep_ in _CLAUSES for above in token.ancestors)
