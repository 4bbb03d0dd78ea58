"""A loss chart in braille on the Line API: raw losses dim, smoothed bright, validation as diamonds, the best as a
star; gaps where the loss was not a number. Only the cells that changed are sent to the terminal."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import ClassVar

from rich.segment import Segment
from rich.style import Style
from textual.geometry import Region
from textual.strip import Strip
from textual.widget import Widget

from tui.curve import Curve
from tui.text import whole

BITS = ((0x01, 0x02, 0x04, 0x40), (0x08, 0x10, 0x20, 0x80))
"""Braille dots by column and row of a cell (Unicode block 2800)."""
AXIS = 7
"""Columns left of the plot, for the loss labels."""
APART = 6
"""Half-columns between two validation marks, at least."""
_RAW, _SMOOTH, _VALID, _BEST, _LABEL = range(1, 6)

Cell = tuple[str, int]
"""A character and its layer, which decides its style."""


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


class LossChart(Widget):
    """Draws a `Curve`. Call `show` after feeding the curve."""

    COMPONENT_CLASSES: ClassVar = {"chart--raw", "chart--smooth", "chart--valid", "chart--best", "chart--label"}
    DEFAULT_CSS = """
    LossChart { min-height: 5; }
    LossChart .chart--raw { color: $faint; }
    LossChart .chart--smooth { color: $primary; text-style: bold; }
    LossChart .chart--valid { color: $secondary; text-style: bold; }
    LossChart .chart--best { color: $success; text-style: bold; }
    LossChart .chart--label { color: $quiet; }
    """

    def __init__(self, **arguments: str) -> None:
        super().__init__(**arguments)  # type: ignore[arg-type]
        self.curve = Curve()
        self._cells: list[list[Cell]] = []

    def on_resize(self) -> None:
        self._cells = []
        self.show()

    def show(self) -> None:
        """Draw again and refresh what differs from the last drawing."""
        before, self._cells = self._cells, self._draw()
        if [len(row) for row in before] != [len(row) for row in self._cells]:
            self.refresh()
            return
        regions = []
        for y, (old, new) in enumerate(zip(before, self._cells, strict=True)):
            if old != new:
                changed = [x for x, (a, b) in enumerate(zip(old, new, strict=True)) if a != b]
                start = changed[0]
                for last, following in zip(changed, [*changed[1:], 1 << 30], strict=True):
                    if following - last > 8:  # moving the cursor costs about as much as this many cells
                        regions.append(Region(start, y, last - start + 1, 1))
                        start = following
        if regions:
            self.refresh(*regions)

    def render_line(self, y: int) -> Strip:
        width = self.size.width
        background = self.rich_style
        if y >= len(self._cells):
            return Strip.blank(width, background)
        names = ("raw", "smooth", "valid", "best", "label")
        styles = [background] + [background + self._component(name) for name in names]
        segments: list[Segment] = []
        text, layer = "", 0
        for character, its_layer in self._cells[y]:
            if its_layer != layer and text:
                segments.append(Segment(text, styles[layer]))
                text = ""
            text, layer = text + character, its_layer
        segments.append(Segment(text, styles[layer]))
        return Strip(segments).adjust_cell_length(width, background)

    def _component(self, name: str) -> Style:
        return self.get_component_rich_style(f"chart--{name}", partial=True)

    def _draw(self) -> list[list[Cell]]:
        width, height = self.size.width, self.size.height
        span = self.curve.span()
        if span is None or width < AXIS + 10 or height < 4:
            return []
        plot_width, plot_height = width - AXIS, height - 1
        marks = ticks(*span, most=max(3, min(7, plot_height // 2)))
        step = (marks[1] - marks[0]) / 4  # the range moves in steps, so that most reports redraw few cells
        low, high = math.floor(span[0] / step) * step, math.ceil(span[1] / step) * step + (span[1] == span[0]) * step
        marks = [mark for mark in marks if low <= mark <= high]
        newest = self.curve.points[-1].update if self.curve.points else self.curve.valid[-1][0]
        end = nice_above(max(newest, self.curve.valid[-1][0] if self.curve.valid else 0))

        def column(update: float) -> int:
            return min(2 * plot_width - 1, int(update / end * (2 * plot_width - 1)))

        def row(loss: float) -> int:
            share = (high - loss) / (high - low)
            return min(4 * plot_height - 1, max(0, round(share * (4 * plot_height - 1))))

        raw = [[0] * plot_width for _ in range(plot_height)]
        smooth = [[0] * plot_width for _ in range(plot_height)]

        def line(dots: list[list[int]], x: int, top: int, bottom: int) -> None:
            for y in range(top, bottom + 1):
                dots[y >> 2][x >> 1] |= BITS[x & 1][y & 3]

        last: tuple[int, int] | None = None
        for point in self.curve.points:
            if math.isnan(point.low):
                last = None
                continue
            x, y = column(point.update), row(point.smoothed)
            line(raw, x, row(point.high), row(point.high))
            line(raw, x, row(point.low), row(point.low))
            if last and last[0] < x:  # a line from dot to dot
                for between in range(last[0] + 1, x + 1):
                    share = (between - last[0]) / (x - last[0])
                    at = round(last[1] + (y - last[1]) * share)
                    line(smooth, between, at, at)
            else:
                line(smooth, x, y, y)
            last = (x, y)

        rows = [self._merge(raw[y], smooth[y]) for y in range(plot_height)]
        best = self.curve.best
        marked = -APART
        for update, loss in self.curve.valid:
            if column(update) - marked >= APART:  # closer ones would hide the curve
                marked = column(update)
                rows[row(loss) >> 2][marked >> 1] = ("◆", _VALID)
        if best:
            rows[row(best[1]) >> 2][column(best[0]) >> 1] = ("★", _BEST)
        return self._with_axes(rows, marks, row, end)

    @staticmethod
    def _merge(raw: list[int], smooth: list[int]) -> list[Cell]:
        """A cell has one colour: where the smoothed line passes, its dots win."""
        return [
            (chr(0x2800 | bright), _SMOOTH) if bright else (chr(0x2800 | dim), _RAW) if dim else (" ", 0)
            for dim, bright in zip(raw, smooth, strict=True)
        ]

    @staticmethod
    def _with_axes(
        rows: list[list[Cell]], marks: list[float], row: Callable[[float], int], end: float
    ) -> list[list[Cell]]:
        digits = next((n for n in range(1, 5) if all(math.isclose(m, round(m, n)) for m in marks)), 5)
        labels = {row(mark) >> 2: f"{mark:.{digits}f}" for mark in marks}
        full = [
            [(character, _LABEL) for character in f"{labels.get(y, ''):>{AXIS - 2}} {'┤' if y in labels else '│'}"]
            + cells
            for y, cells in enumerate(rows)
        ]
        width = len(rows[0])
        bottom = [" "] * (AXIS + width)
        parts = next(n for n in (4, 5, 3, 2, 1) if end % n == 0)
        for part in range(parts + 1):
            label = whole(end * part / parts)
            at = AXIS + round(part / parts * (width - 1)) - (len(label) // 2 if part < parts else len(label) - 1)
            bottom[max(0, at) : at + len(label)] = label
        full.append([(character, _LABEL) for character in bottom[: AXIS + width]])
        return full
