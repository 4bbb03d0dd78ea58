"""The numbers behind the loss chart: bounded in memory and in work per repaint, however long the run."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

MOST_POINTS = 8_192
"""Reached, neighbouring points are merged two by two; the journal keeps every one."""

SMOOTHING = 0.95
"""Weight of the past in our own moving average, used where a report has no ``smoothed``."""


@dataclass(frozen=True, slots=True)
class Point:
    """Raw losses from `low` to `high` at one or more merged updates; NaN marks a gap."""

    update: float
    low: float
    high: float
    smoothed: float


def _finite(value: object) -> float:
    return float(value) if isinstance(value, int | float) and math.isfinite(value) else math.nan


class Curve:
    """Training and validation loss by update, fed with the values of progress reports."""

    def __init__(self) -> None:
        self.points: list[Point] = []
        self.valid: list[tuple[float, float]] = []
        self._average = math.nan

    def clear(self) -> None:
        self.points, self.valid, self._average = [], [], math.nan

    def add(self, reports: Iterable[Mapping[str, Any]]) -> None:
        """Take in ``values`` with ``update`` and ``loss``, ``smoothed`` or ``valid``. A run that went back
        to a checkpoint overwrites what came after it."""
        for values in reports:
            update = _finite(values.get("update"))
            if math.isnan(update):
                continue
            valid = _finite(values.get("valid"))  # the latest one, which every report repeats
            if not math.isnan(valid) and (not self.valid or self.valid[-1][1] != valid):
                self.valid = [point for point in self.valid if point[0] < update] + [(update, valid)]
            if "loss" in values:
                while self.points and self.points[-1].update >= update:
                    self.points.pop()
                loss = _finite(values["loss"])
                self.points.append(Point(update, loss, loss, self._smooth(loss, values.get("smoothed"))))
        if len(self.points) > MOST_POINTS:
            self.points = list(_merged(self.points))

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

    @property
    def best(self) -> tuple[float, float] | None:
        """Update and loss of the best validation."""
        return min(self.valid, key=lambda point: point[1], default=None)

    def span(self) -> tuple[float, float] | None:
        """Losses worth showing: all validations and smoothed values, and raw ones but for the wildest 2%."""
        raw = sorted(p for point in self.points for p in (point.low, point.high) if not math.isnan(p))
        shown = [point.smoothed for point in self.points if not math.isnan(point.smoothed)]
        shown += [loss for _, loss in self.valid]
        if raw:
            edge = len(raw) // 50
            shown += [raw[edge], raw[-1 - edge]]
        return (min(shown), max(shown)) if shown else None


def _merged(points: list[Point]) -> Iterator[Point]:
    for first, second in zip(points[::2], points[1::2], strict=False):
        if math.isnan(first.low) or math.isnan(second.low):
            yield first if math.isnan(first.low) else second
        else:
            low, high = min(first.low, second.low), max(first.high, second.high)
            yield Point(second.update, low, high, second.smoothed)
    if len(points) % 2:
        yield points[-1]
