"""The cells of a loss chart: curves in braille dots, letters and marks on them, the crosshair, and the axes around."""

from __future__ import annotations

import math

from tui import text
from tui.curve import Column, Curve
from tui.plot import Scale, ticks

BITS = ((0x01, 0x02, 0x04, 0x40), (0x08, 0x10, 0x20, 0x80))
"""Braille dots by column and row of a cell (Unicode block 2800)."""
AXIS = 7
"""Columns left of the plot, for the loss labels."""
APART = 6
"""Half-columns between two validation marks, at least."""
LAYERS = ("raw", "smooth", "valid", "best", "label", "over", "cross", "word")
RAW, SMOOTH, VALID, BEST, LABEL, OVER, CROSS, WORD = range(1, 9)

Cell = tuple[str, int]
"""A character and its layer, which decides its style; the second column of a wide character is empty."""
Grid = list[list[int]]
"""Braille dots of each cell."""


class Plot:
    """One picture in the making: where losses and updates lie, and the cells so far."""

    def __init__(self, start: float, end: float, width: int, height: int, scale: Scale) -> None:
        self.start, self.end, self.width, self.height, self.scale = start, end, width, height, scale
        self.rows: list[list[Cell]] = []

    def column(self, update: float) -> int:
        """The half-column of `update`."""
        share = (update - self.start) / (self.end - self.start)
        return min(2 * self.width - 1, max(0, int(share * 2 * self.width)))

    def sees(self, update: float) -> bool:
        return self.start <= update <= self.end

    def _blank(self) -> Grid:
        return [[0] * self.width for _ in range(self.height)]

    def curves(self, columns: list[Column | None], others: list[list[Column | None]]) -> None:
        """The lines of all: where two meet in a cell, which has one colour, the brighter one's dots win."""
        raw, smooth, over = self._blank(), self._blank(), self._blank()
        for x, column in enumerate(columns):
            if column is not None and not math.isnan(column.low):
                for loss in {column.low, column.high}:
                    if self.scale.low <= loss <= self.scale.high or column.low == column.high:
                        y = self.scale.row(loss)
                        raw[y >> 2][x >> 1] |= BITS[x & 1][y & 3]
        self._line(smooth, columns)
        for other in others:
            self._line(over, other, every=3)
        self.rows = [
            [
                (chr(0x2800 | bright), SMOOTH)
                if bright
                else (chr(0x2800 | dotted), OVER)
                if dotted
                else (chr(0x2800 | dim), RAW)
                if dim
                else (" ", 0)
                for dim, bright, dotted in zip(*three, strict=True)
            ]
            for three in zip(raw, smooth, over, strict=True)
        ]
        for x, column in enumerate(columns):
            if column is not None and column.gap and self.rows[-1][x >> 1] == (" ", 0):
                self.rows[-1][x >> 1] = ("×", LABEL)

    def _line(self, dots: Grid, columns: list[Column | None], every: int = 1) -> None:
        """A line through the smoothed losses, broken at gaps; of its dots only one in `every`."""
        last: tuple[int, int] | None = None
        for x, column in enumerate(columns):
            if column is None:
                continue
            if math.isnan(column.smoothed):
                last = None
                continue
            y = self.scale.row(column.smoothed)
            if last is None or column.gap:
                last = (x - 1, y)
            above = last[1]
            for between in range(last[0] + 1, x + 1):
                at = round(last[1] + (y - last[1]) * (between - last[0]) / (x - last[0]))
                for dot in _between(above, at) if every == 1 else (at,) * (between % every == 0):
                    dots[dot >> 2][between >> 1] |= BITS[between & 1][dot & 3]
                above = at
            last = (x, y)

    def letters(self, letter: str, curve: Curve) -> None:
        """An overlaid run's letter at its validations and its end."""
        places = [(update, loss) for update, loss in curve.valid if self.sees(update)]
        if len(curve) and self.sees(curve.updates[-1]) and not math.isnan(curve.smoothed[-1]):
            places.append((curve.updates[-1], curve.smoothed[-1]))
        for update, loss in places:
            self.rows[self.scale.row(loss) >> 2][self.column(update) >> 1] = (letter, OVER)

    def validations(self, curve: Curve) -> None:
        marked = -APART
        for update, loss in curve.valid:
            if self.sees(update) and self.column(update) - marked >= APART:  # closer ones would hide the curve
                marked = self.column(update)
                self.rows[self.scale.row(loss) >> 2][marked >> 1] = ("◆", VALID)
        if (best := curve.best) and self.sees(best[0]):
            self.rows[self.scale.row(best[1]) >> 2][self.column(best[0]) >> 1] = ("★", BEST)

    def crosshair(self, update: float, loss: float) -> None:
        if not self.sees(update):
            return
        x = self.column(update) >> 1
        for row in self.rows:
            row[x] = ("┊", CROSS) if row[x][0] == " " else (row[x][0], CROSS)
        if not math.isnan(loss):
            row = self.rows[self.scale.row(loss) >> 2]
            row[x] = row[x] if row[x][0] in "◆★" else ("┼", CROSS)

    def with_axes(self) -> list[list[Cell]]:
        labels = self.scale.labels()
        digits = AXIS - 2
        full = [
            [(sign, LABEL) for sign in f"{labels.get(y, ''):>{digits}.{digits}} {'┤' if y in labels else '│'}"] + cells
            for y, cells in enumerate(self.rows)
        ]
        bottom = [" "] * (AXIS + self.width)
        most = max(3, min(7, self.width // 14))
        free = 0
        for mark in ticks(self.start, self.end, most):
            if self.sees(mark) and mark == int(mark):
                label = text.whole(mark)
                at = min(AXIS + (self.column(mark) >> 1) - len(label) // 2, AXIS + self.width - len(label))
                if at >= free:
                    bottom[at : at + len(label)] = label
                    free = at + len(label) + 1
        full.append([(sign, LABEL) for sign in bottom])
        return full


def _between(before: int, at: int) -> range:
    """The rows of dots that join one column's `before` to the next one's `at`, as far as they are that one's."""
    return range(min(at, before + 1), at + 1) if at >= before else range(at, before)
