"""The numbers behind the loss chart: every point of a run, and what of it falls into each column of a picture.

A million points are kept as plain columns of numbers (32 MB); a picture takes slices of them, so that its cost grows
with its width and hardly with the run's length.
"""

from __future__ import annotations

import math
from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

MOST_POINTS = 1 << 20
"""Reached, every other point is let go; the journal keeps every one."""

SMOOTHING = 0.95
"""Weight of the past in our own moving average, used where a report has no ``smoothed``."""

WILDEST = 50
"""One column in so many, at each end, is too wild to decide the axis."""


@dataclass(frozen=True, slots=True)
class Column:
    """The points in one column of a picture: raw losses from `low` to `high`, the mean of the smoothed ones."""

    low: float
    high: float
    smoothed: float
    gap: bool
    """A loss in it was not a number."""


_NUMBERS = (int, float)


def _finite(value: object) -> float:
    return float(value) if isinstance(value, _NUMBERS) and math.isfinite(value) else math.nan


class Curve:
    """Training and validation loss by update, fed with the values of progress reports."""

    def __init__(self) -> None:
        self.clear()

    def clear(self) -> None:
        self.updates, self.losses = array("d"), array("d")
        self.smoothed, self.rates = array("d"), array("d")
        self.gaps: list[int] = []
        """Places of losses that were not a number."""
        self.valid: list[tuple[float, float]] = []
        self._average = math.nan
        self._asked, self._seen = (0.0, 0.0, 0), 0
        self._found: list[Column | None] = []

    def __len__(self) -> int:
        return len(self.updates)

    def __bool__(self) -> bool:
        return bool(self.updates or self.valid)

    def add(self, reports: Iterable[Mapping[str, Any]]) -> None:
        """Take in ``values`` with ``update`` and ``loss``, ``smoothed``, ``learning_rate`` or ``valid``. A run that
        went back to a checkpoint overwrites what came after it."""
        known = self.valid[-1][1] if self.valid else None
        for values in reports:
            update = _finite(values.get("update"))
            if update != update:
                continue
            told = values.get("valid")  # the latest one, which every report repeats
            if told is not None and told != known and not math.isnan(valid := _finite(told)):
                while self.valid and self.valid[-1][0] >= update:
                    self.valid.pop()
                self.valid.append((update, valid))
                known = valid
            if "loss" in values:
                if self.updates and self.updates[-1] >= update:
                    self._cut(bisect_left(self.updates, update))
                loss = _finite(values["loss"])
                if loss != loss:
                    self.gaps.append(len(self.updates))
                self.updates.append(update)
                self.losses.append(loss)
                self.smoothed.append(self._smooth(loss, values.get("smoothed")))
                self.rates.append(_finite(values.get("learning_rate")))
        if len(self.updates) > MOST_POINTS:
            self._thin()

    def precede(self, earlier: Curve) -> None:
        """Put in front what `earlier` has of the updates before the first one here."""
        first = self.updates[0] if self.updates else math.inf
        end = bisect_left(earlier.updates, first)
        for name in ("updates", "losses", "smoothed", "rates"):
            setattr(self, name, getattr(earlier, name)[:end] + getattr(self, name))
        self.gaps = [place for place, loss in enumerate(self.losses) if math.isnan(loss)]
        before = [point for point in earlier.valid if point[0] < first]
        self.valid = before + [point for point in self.valid if not before or point[0] > before[-1][0]]
        self._seen = 0

    def _cut(self, length: int) -> None:
        for column in (self.updates, self.losses, self.smoothed, self.rates):
            del column[length:]
        self._seen = 0
        del self.gaps[bisect_left(self.gaps, length) :]

    def _thin(self) -> None:
        self.updates, self.losses = self.updates[1::2], self.losses[1::2]
        self.smoothed, self.rates = self.smoothed[1::2], self.rates[1::2]
        self.gaps = [place for place, loss in enumerate(self.losses) if math.isnan(loss)]
        self._seen = 0

    def _smooth(self, loss: float, given: object) -> float:
        if math.isnan(loss):
            return math.nan
        if not math.isnan(told := _finite(given)):
            self._average = told
        elif math.isnan(self._average):
            self._average = loss
        else:
            self._average = SMOOTHING * self._average + (1 - SMOOTHING) * loss
        return self._average

    # -- what is asked of it --------------------------------------------------------------------------

    @property
    def newest(self) -> float:
        """The last update of all; 0 where there is nothing."""
        return max(self.updates[-1] if self.updates else 0.0, self.valid[-1][0] if self.valid else 0.0)

    @property
    def best(self) -> tuple[float, float] | None:
        """Update and loss of the best validation; that before the first update is the base model's, and never it."""
        return min((point for point in self.valid if point[0] > 0), key=lambda point: point[1], default=None)

    def nearest(self, update: float) -> int | None:
        """The place of the point nearest to `update`; None where there are no points."""
        if not self.updates:
            return None
        after = bisect_left(self.updates, update)
        near = [place for place in (after - 1, after) if 0 <= place < len(self.updates)]
        return min(near, key=lambda place: abs(self.updates[place] - update))

    def valid_at(self, update: float) -> tuple[float, float] | None:
        """The latest validation at or before `update`, as (update, loss)."""
        place = bisect_right(self.valid, update, key=lambda point: point[0])
        return self.valid[place - 1] if place else None

    def columns(self, start: float, end: float, count: int) -> list[Column | None]:
        """The points from update `start` to `end` in `count` columns of equal width; None where there are none.

        Asked for the same again after more points have come, it looks only at these.
        """
        width, found = (end - start) / count, list[Column | None]()
        if self._asked == (start, end, count) and self._seen:
            last = self.updates[self._seen - 1]  # the column it is in may have got more
            found = self._found[: min(count - 1, max(0, int((last - start) / width) - 1))]
        edges = [bisect_left(self.updates, start + width * number) for number in range(len(found), count)]
        edges.append(bisect_right(self.updates, end))
        found += [self._column(first, last) if first < last else None for first, last in pairwise(edges)]
        self._asked, self._seen, self._found = (start, end, count), len(self.updates), found
        return found

    def _column(self, first: int, last: int) -> Column:
        raw, smoothed = self.losses[first:last], self.smoothed[first:last]
        place = bisect_left(self.gaps, first)
        if place == len(self.gaps) or self.gaps[place] >= last:
            return Column(min(raw), max(raw), sum(smoothed) / len(smoothed), False)
        found = [loss for loss in raw if not math.isnan(loss)]
        if not found:
            return Column(math.nan, math.nan, math.nan, True)
        means = [loss for loss in smoothed if not math.isnan(loss)]
        return Column(min(found), max(found), sum(means) / len(means), True)


def reach(columns: Iterable[Column | None], valid: Iterable[float]) -> tuple[float, float] | None:
    """The losses worth showing of a picture: all validations and smoothed ones, and raw ones but for those of the
    wildest 2% of its columns at each end. None where there are none."""
    there = [column for column in columns if column is not None and not math.isnan(column.low)]
    shown = [*valid, *(column.smoothed for column in there)]
    if there:
        edge = len(there) // WILDEST
        shown += [sorted(column.low for column in there)[edge], sorted(column.high for column in there)[-1 - edge]]
    return (min(shown), max(shown)) if shown else None
