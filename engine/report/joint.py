"""One score for style and meaning together, which neither copying nor inventing can win.

    style    how far the texts went from the input to the author: the mean of two shares, that of the way in Burrows's
             Delta and that in the log-odds of the authorship classifier, each cut to -1..1, so that neither drowns the
             other. 0 is the input given back (with noise or without, whichever is nearer to the author), 1 the
             author's own held-out passages. Where so few passages do not bring the author's own nearer than the
             input, Delta says nothing, and the log-odds alone count.
    meaning  how much is said of what was given, and nothing else (`engine.report.sides.meaning`): 0 is another passage
             of the author, 1 the author's own held-out passages.
    sound    the share of the texts that are neither copied from the author's other text nor looping, refusing or empty.

    joint = sqrt(style x meaning) x sound, both cut to 0..1

The input given back has no style and another passage no meaning, so that both score 0, however much they have of the
other; the author's own text scores `sound`, nearly 1. The formula is chosen: a geometric mean, since an arithmetic one
would give half of everything to either.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from engine.report.reference import Reference
from engine.report.sides import Side, delta, meaning


@dataclass(frozen=True)
class Parts:
    """Of each draw: shape (draws,)."""

    style: np.ndarray
    meaning: np.ndarray
    joint: np.ndarray


def parts(sides: Mapping[str, Side], reference: Reference, drawn: np.ndarray) -> dict[str, Parts]:
    """Style, meaning and joint score of every side. `sides` has the anchors neutral, copy, memorised and author."""
    styles = style(sides, reference, drawn)
    means = {name: _mean(meaning(side), drawn) for name, side in sides.items()}
    found = {}
    for name, side in sides.items():
        went = np.clip(styles[name], 0, 1)
        told = np.clip(_share(means[name] - means["memorised"], means["author"] - means["memorised"]), 0, 1)
        found[name] = Parts(went, told, np.sqrt(went * told) * _mean(side.sound, drawn))
    return found


def style(sides: Mapping[str, Side], reference: Reference, drawn: np.ndarray) -> dict[str, np.ndarray]:
    """How far each side went from the input to the author, not cut to 0..1; shape (draws,) each."""
    distances = {name: delta(side, reference)(drawn) for name, side in sides.items()}
    margins = {name: _mean(side.margin, drawn) for name, side in sides.items()}
    far = np.minimum(distances["neutral"], distances["copy"])
    plain = np.maximum(margins["neutral"], margins["copy"])
    found = {}
    for name in sides:
        way = np.clip(_share(far - distances[name], far - distances["author"]), -1, 1)
        odds = np.clip(_share(margins[name] - plain, margins["author"] - plain), -1, 1)
        found[name] = np.where(np.isnan(way), odds, (way + odds) / 2)
    return found


def style_of(side: Side, sides: Mapping[str, Side]) -> np.ndarray:
    """Style of each text by the classifier alone, 0 the plain held-out text and 1 the author's; shape (texts,)."""
    plain = float(sides["neutral"].margin.mean())
    return _share(side.margin - plain, np.full(len(side.margin), float(sides["author"].margin.mean()) - plain))


def _mean(values: np.ndarray, drawn: np.ndarray) -> np.ndarray:
    found: np.ndarray = drawn @ values / drawn.sum(1)
    return found


def _share(part: np.ndarray, whole: np.ndarray) -> np.ndarray:
    """`part` of `whole`; not a number where there is no way to go."""
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(whole > 0, part / whole, np.nan)
