"""The arithmetic of the loss chart: round axes, the part of a run in sight, and moving through it with keys."""

from __future__ import annotations

import math
from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, replace

NARROWEST = 16
"""Updates in sight, at least."""
_DECADE = 4.0
"""A logarithmic axis over less than this factor has the round values of a linear one."""
_NARROW = 0.005
"""An axis over less than this share of its losses would show noise as mountains."""
_SMALLEST = 1e-4
"""Losses below this are drawn as this, on a logarithmic axis."""


def nice_above(value: float) -> float:
    """The next of 1, 1.5, 2, 3, 4, 6, 8 × 10ⁿ: an axis end that a growing run seldom moves."""
    if value <= 10:
        return 10.0
    power = 10.0 ** math.floor(math.log10(value))
    return next(step * power for step in (1, 1.5, 2, 3, 4, 6, 8, 10) if step * power >= value)


def ticks(low: float, high: float, most: int) -> list[float]:
    """At most `most` round values that span from below `low` to above `high`."""
    span = max(high - low, 1e-6)
    rough = span / max(1, most - 1)
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(size * power for size in (1, 2, 2.5, 5, 10, 20) if size * power >= rough)
    first, last = math.floor(low / step), math.ceil(high / step)
    return [index * step for index in range(first, last + 1)]


def decades(low: float, high: float) -> list[float]:
    """1, 2 and 5 × 10ⁿ from below `low` to above `high`."""
    first, last = math.floor(math.log10(low)), math.ceil(math.log10(high))
    marks = [size * 10.0**power for power in range(first, last + 1) for size in (1, 2, 5)]
    below = [mark for mark in marks if mark <= low * 1.0000001]
    above = [mark for mark in marks if mark >= high * 0.9999999]
    return [mark for mark in marks if below[-1] <= mark <= above[0]]


@dataclass(frozen=True)
class Scale:
    """A vertical axis from `low` to `high` over `dots` rows of dots, linear or logarithmic."""

    low: float
    high: float
    dots: int
    log: bool
    marks: tuple[float, ...]

    @classmethod
    def over(cls, span: tuple[float, float], dots: int, most: int, log: bool) -> Scale:
        """An axis for the losses in `span`. Its ends move in steps, so that most reports redraw few cells."""
        low, high = span
        if high - low < _NARROW * max(abs(low), 1.0):  # a level line, in the middle
            low, high = low - 10 * _NARROW * max(abs(low), 1.0), high + 10 * _NARROW * max(abs(low), 1.0)
        if log:
            low, high = max(low, _SMALLEST), max(high, 1.01 * _SMALLEST)
            if high / low >= _DECADE:
                marks = decades(low, high)
                return cls(marks[0], marks[-1], dots, True, tuple(marks))
        marks = ticks(low, high, most)
        step = (marks[1] - marks[0]) / 4
        low = math.floor(low / step) * step
        high = math.ceil(high / step) * step
        if log:
            low = max(low, _SMALLEST)
        return cls(low, high, dots, log, tuple(mark for mark in marks if low <= mark <= high))

    def row(self, loss: float) -> int:
        """The row of dots of `loss`, 0 at the top; what lies beyond an end is drawn on it."""
        if self.log:
            share = math.log(self.high / max(loss, _SMALLEST)) / math.log(self.high / self.low)
        else:
            share = (self.high - loss) / (self.high - self.low)
        return min(self.dots - 1, max(0, round(share * (self.dots - 1))))

    def labels(self) -> dict[int, str]:
        """What stands beside which row of cells (four dots each), two rows apart at least."""
        digits = next((n for n in range(1, 5) if all(math.isclose(m, round(m, n)) for m in self.marks)), 5)
        found: dict[int, str] = {}
        last = -2
        for mark in sorted(self.marks, reverse=True):
            at = self.row(mark) >> 2
            if at - last >= 2 or not found:
                last, found[at] = at, f"{mark:.{digits}f}"
        return found


@dataclass(frozen=True)
class Sight:
    """What of a run is in sight, and where the crosshair stands. Each method returns the sight after a key."""

    width: float | None = None
    """Updates in sight; None for the whole run."""
    start: float = 0.0
    follow: bool = True
    """The newest update stays in sight."""
    cursor: float | None = None
    """The crosshair's update."""
    log: bool = False

    def window(self, newest: float) -> tuple[float, float]:
        """First and last update of the picture. While it follows, it goes on by quarters of its width: between two
        such steps only the newest cells change."""
        whole = nice_above(newest)
        if self.width is None or self.width >= whole:
            return 0.0, whole
        if self.follow:
            step = self.width / 4
            end = max(self.width, math.ceil(newest / step) * step)
            return end - self.width, end
        start = min(max(0.0, self.start), max(0.0, newest - self.width / 4))
        return start, start + self.width

    def zoomed(self, newest: float, into: bool) -> Sight:
        """Twice as near or far, around the crosshair, the newest point (while following) or the middle."""
        start, end = self.window(newest)
        width = float(round((end - start) / 2 if into else (end - start) * 2))
        if width >= nice_above(newest):
            return replace(self, width=None, start=0.0, follow=True)
        width = max(width, float(NARROWEST))
        if self.cursor is None and self.follow:
            return replace(self, width=width)
        centre = (start + end) / 2 if self.cursor is None else self.cursor
        return replace(self, width=width, start=max(0.0, centre - width / 2), follow=False)

    def panned(self, newest: float, direction: int) -> Sight:
        """Half a picture further; at the newest point it follows again."""
        if self.width is None:
            return self
        start, end = self.window(newest)
        start += direction * (end - start) / 2
        if start + self.width >= newest and direction > 0:
            return replace(self, follow=True, cursor=None)
        return replace(self, start=max(0.0, start), follow=False, cursor=None)

    def at(self, update: float, newest: float) -> Sight:
        """The crosshair at `update`, brought into sight. In a part of the run it ends the following."""
        start, end = self.window(newest)
        if self.width is None:
            return replace(self, cursor=update)
        if not start <= update <= end:
            start = max(0.0, update - self.width * (0.9 if update > end else 0.1))
        return replace(self, cursor=update, start=start, follow=False)

    def moved(self, updates: Sequence[float], newest: float, columns: int, steps: int) -> Sight:
        """The crosshair by so many points, or columns of the picture where a column holds several points."""
        if not updates:
            return self
        start, end = self.window(newest)
        if self.cursor is None:  # it enters at the last point in sight
            place = bisect_right(updates, end) - 1
            return self.at(updates[max(0, place)], newest)
        column = (end - start) / columns
        if steps > 0:
            place = max(
                bisect_right(updates, self.cursor) + steps - 1, bisect_left(updates, self.cursor + steps * column)
            )
        else:
            place = min(
                bisect_left(updates, self.cursor) + steps, bisect_right(updates, self.cursor + steps * column) - 1
            )
        return self.at(updates[min(len(updates) - 1, max(0, place))], newest)

    def live(self) -> Sight:
        """Back to the newest point, without a crosshair."""
        return replace(self, follow=True, cursor=None)
