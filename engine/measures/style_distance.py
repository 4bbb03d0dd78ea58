"""Burrows's Delta between a text and an author, and how much of the distance a rewrite closes."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from engine.errors import StyloraError

_TOKEN = re.compile(r"[^\W\d_]+(?:['’][^\W\d_]+)*|[.,;:!?—\"“”()-]")

FEATURES = 150
"""Commonest words and marks compared; Burrows (2002, "Delta") used the 150 commonest words."""

CHUNK = 250
"""Tokens per chunk over which an author's own spread is measured: about one long paragraph."""


def tokens(text: str) -> list[str]:
    """Lower-case words and punctuation marks; curly apostrophes and single quotes are straightened first."""
    return [token.lower() for token in _TOKEN.findall(text.replace("’", "'"))]


@dataclass(frozen=True)
class AuthorProfile:
    """Relative frequency of each feature in the author's text, and its standard deviation between chunks."""

    features: tuple[str, ...]
    frequency: np.ndarray
    """Shape (features,), shares of all tokens."""
    spread: np.ndarray
    """Shape (features,), standard deviation of the share between chunks of `CHUNK` tokens."""

    def delta(self, texts: Iterable[str]) -> float:
        """Burrows's Delta of the pooled `texts` to the author: mean absolute difference of z-scores, 0 = identical.

        The texts are pooled first, so the figure falls with their total length even for the author's own text:
        compare only sets of similar size.
        """
        counts = Counter(token for text in texts for token in tokens(text))
        total = sum(counts.values())
        if not total:
            raise StyloraError("style distance: the text has no words; give at least one sentence")
        frequency = np.array([counts[feature] / total for feature in self.features])
        return float(np.mean(np.abs(frequency - self.frequency) / self.spread))


def author_profile(texts: Sequence[str]) -> AuthorProfile:
    """The profile of an author from passages of theirs; needs at least four chunks (1,000 words and marks)."""
    stream = [token for text in texts for token in tokens(text)]
    chunks = [Counter(stream[start : start + CHUNK]) for start in range(0, len(stream) - CHUNK + 1, CHUNK)]
    if len(chunks) < 4:
        raise StyloraError(f"style distance: {len(stream)} words are too few for an author's profile; 1,000 are needed")
    counts = Counter(stream)
    # Ties are broken by the word itself, so that the order of the passages cannot change the features.
    features = tuple(sorted(counts, key=lambda token: (-counts[token], token))[:FEATURES])
    by_chunk = np.array([[chunk[feature] / CHUNK for feature in features] for chunk in chunks])
    spread = by_chunk.std(axis=0)
    varied = spread > 0
    return AuthorProfile(
        features=tuple(feature for feature, keep in zip(features, varied, strict=True) if keep),
        frequency=np.array([counts[feature] / len(stream) for feature in features])[varied],
        spread=spread[varied],
    )


@dataclass(frozen=True)
class GapClosed:
    """Style distances of one set of passages in three forms, and the share of the way the rewrite went."""

    neutral: float
    rewritten: float
    genuine: float

    @property
    def share(self) -> float:
        """(neutral - rewritten) / (neutral - genuine): 0 is no change, 1 is the author's own distance."""
        gap = self.neutral - self.genuine
        return (self.neutral - self.rewritten) / gap if gap > 0 else float("nan")


def gap_closed(
    profile: AuthorProfile, *, neutral: Sequence[str], rewritten: Sequence[str], genuine: Sequence[str]
) -> GapClosed:
    """How much of the distance from `neutral` to the author's `genuine` passages the `rewritten` ones closed.

    The three hold the same passages in the same order, so that their pooled sizes are comparable. The profile
    must not contain the genuine passages.
    """
    if not len(neutral) == len(rewritten) == len(genuine):
        raise ValueError("neutral, rewritten and genuine must be the same passages")
    return GapClosed(profile.delta(neutral), profile.delta(rewritten), profile.delta(genuine))
