"""Intervals for figures of small sets: by drawing the passages again (the bootstrap), for shares of them by Wilson."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np

DRAWS = 400
"""Resamplings; with 24 passages an end of the interval moves by 3 to 4% of its width from seed to seed."""
SHARE = 0.90
"""Of the resamplings that the interval holds. Chosen."""

Figure = Callable[[np.ndarray], np.ndarray]
"""Takes weights (draws, passages), how often each passage is in a draw, and gives the figure of each draw (draws,)."""


@dataclass(frozen=True, slots=True)
class Estimate:
    value: float
    low: float
    high: float


def weights(passages: int, *, seed: int, draws: int = DRAWS) -> np.ndarray:
    """How often each passage is drawn, shape (draws + 1, passages); the first row is the set as it is.

    Sides that are to be compared are weighed by the same rows, so that hard passages are hard for all of them.
    """
    random = np.random.default_rng([seed, passages])
    drawn = random.multinomial(passages, np.full(passages, 1 / passages), size=draws)
    return np.concatenate([np.ones((1, passages)), drawn]).astype(np.float64)


def estimate(
    figures: np.ndarray, digits: int = 4, *, within: tuple[float, float] = (-math.inf, math.inf)
) -> Estimate | None:
    """The first of `figures`, with the interval of the others; None where that one is no number.

    The percentile interval of Efron and Tibshirani (1993, chapter 13), moved so that its median is the estimate: a
    distance between distributions grows with every passage that is drawn twice, for the author's own text as well.
    Moved, it could leave the values that the figure can have at all: those are `within`.
    """
    value = float(figures[0])
    drawn = figures[1:][np.isfinite(figures[1:])]
    if not np.isfinite(value):
        return None
    if not len(drawn):
        return Estimate(round(value, digits), round(value, digits), round(value, digits))
    low, middle, high = np.quantile(drawn, [(1 - SHARE) / 2, 0.5, (1 + SHARE) / 2])
    low, high = (min(max(value + float(end - middle), within[0]), within[1]) for end in (low, high))
    return Estimate(round(value, digits), round(low, digits), round(high, digits))


def share(of: np.ndarray, digits: int = 4) -> Estimate | None:
    """The share of texts that something is true of (`of` is 1 there, else 0), with Wilson's interval.

    Drawn again, 24 of 24 give 24 of 24 every time, and an interval of no width for a set that could not show a fault
    in one text of ten. None where there are no texts.
    """
    if not len(of):
        return None
    low, high = wilson(int(of.sum()), len(of), SHARE)
    return Estimate(round(float(of.mean()), digits), round(low, digits), round(high, digits))


def wilson(count: int, of: int, confidence: float = 0.95) -> tuple[float, float]:
    """The interval of a share of `count` in `of`; (0, 1) where there is nothing to go by.

    E. B. Wilson, "Probable Inference, the Law of Succession, and Statistical Inference", 1927.
    """
    if not of:
        return 0.0, 1.0
    z, found = NormalDist().inv_cdf((1 + confidence) / 2), count / of
    middle = found + z * z / (2 * of)
    margin = z * math.sqrt(found * (1 - found) / of + z * z / (4 * of * of))
    scale = 1 + z * z / of
    return max(0.0, (middle - margin) / scale), min(1.0, (middle + margin) / scale)


def ratio(above: np.ndarray, below: np.ndarray | None = None) -> Figure:
    """The figure that is the sum of `above` over the sum of `below` (default: the number of passages)."""
    base = np.ones(len(above)) if below is None else below

    def figure(drawn: np.ndarray) -> np.ndarray:
        with np.errstate(invalid="ignore", divide="ignore"):
            return (drawn @ above) / (drawn @ base)

    return figure
