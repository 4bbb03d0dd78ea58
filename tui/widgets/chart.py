"""A loss chart in braille on the Line API: raw losses dim, smoothed bright, validation as diamonds, the best as a
star, earlier runs dotted and lettered; gaps where the loss was not a number. Only the cells that changed are sent to
the terminal."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import ClassVar

from rich.cells import cell_len, get_character_cell_size
from rich.segment import Segment
from rich.style import Style
from textual.geometry import Region
from textual.strip import Strip
from textual.widget import Widget

from tui import text
from tui.curve import Curve, reach
from tui.plot import Scale, Sight
from tui.widgets.chart_cells import AXIS, BEST, LABEL, LAYERS, OVER, RAW, SMOOTH, VALID, WORD, Cell, Plot


class LossChart(Widget):
    """Draws a `Curve`, and those of `overlays` by letter and name. Call `show` after feeding or moving it."""

    COMPONENT_CLASSES: ClassVar = {f"chart--{name}" for name in LAYERS}
    DEFAULT_CSS = """
    LossChart { min-height: 5; }
    LossChart .chart--raw { color: $faint; }
    LossChart .chart--smooth { color: $primary; text-style: bold; }
    LossChart .chart--valid { color: $secondary; text-style: bold; }
    LossChart .chart--best { color: $success; text-style: bold; }
    LossChart .chart--label { color: $quiet; }
    LossChart .chart--over { color: $quiet; }
    LossChart .chart--cross { color: $strong; text-style: bold; }
    LossChart .chart--word { color: $strong; text-style: bold; }
    """

    def __init__(self, **arguments: str) -> None:
        super().__init__(**arguments)  # type: ignore[arg-type]
        self.curve = Curve()
        self.overlays: Mapping[str, tuple[str, Curve]] = {}
        self.sight = Sight()
        self._cells: list[list[Cell]] = []
        self._styles: list[Style] | None = None

    def notify_style_update(self) -> None:
        super().notify_style_update()
        self._styles = None

    def on_resize(self) -> None:
        self._cells = []
        self.show()

    # -- moving ---------------------------------------------------------------------------------------

    @property
    def newest(self) -> float:
        """The last update that can be shown, those of overlaid runs included while the whole run is in sight."""
        if self.sight.width is not None:
            return self.curve.newest
        return max([self.curve.newest, *(curve.newest for _, curve in self.overlays.values())])

    @property
    def columns(self) -> int:
        """Half-columns of the plot."""
        return max(1, 2 * (self.size.width - AXIS))

    def moved(self, steps: int) -> Sight:
        """The sight with the crosshair so many points (or columns, where they hold several) further."""
        return self.sight.moved(self.curve.updates, self.newest, self.columns, steps)

    def look(self, sight: Sight) -> None:
        """Show `sight`."""
        self.sight = sight
        self.show()

    # -- painting -------------------------------------------------------------------------------------

    def show(self) -> None:
        """Draw again and refresh what differs from the last drawing."""
        before, self._cells = self._cells, self._draw()
        if [len(row) for row in before] != [len(row) for row in self._cells]:
            self.refresh()
            return
        regions = []
        for y, (old, new) in enumerate(zip(before, self._cells, strict=True)):
            if old != new:  # Textual sends a line from the widget's left edge on: one region a line is the cheapest
                last = max(x for x, (a, b) in enumerate(zip(old, new, strict=True)) if a != b)
                regions.append(Region(0, y, last + 1, 1))
        if regions:
            self.refresh(*regions)

    def render_line(self, y: int) -> Strip:
        width = self.size.width
        if self._styles is None:
            background = self.rich_style
            self._styles = [background] + [background + self._component(name) for name in LAYERS]
        styles = self._styles
        if y >= len(self._cells):
            return Strip.blank(width, styles[0])
        segments: list[Segment] = []
        said, layer = "", 0
        for character, its_layer in self._cells[y]:
            if character == " ":  # has no colour of its own to switch to
                said += character
                continue
            if its_layer != layer and said.strip():
                segments.append(Segment(said, styles[layer]))
                said = ""
            said, layer = said + character, its_layer
        segments.append(Segment(said, styles[layer]))
        return Strip(segments).adjust_cell_length(width, styles[0])

    def _component(self, name: str) -> Style:
        return self.get_component_rich_style(f"chart--{name}", partial=True)

    def _draw(self) -> list[list[Cell]]:
        width, height = self.size.width, self.size.height
        if not self.curve or width < AXIS + 10 or height < 5:
            return []
        start, end = self.sight.window(self.newest)
        plot_width, plot_height = width - AXIS, height - 2
        lines = [
            (curve, curve.columns(start, end, 2 * plot_width))
            for curve in (self.curve, *(curve for _, curve in self.overlays.values()))
        ]
        spans = [
            reach(columns, (loss for update, loss in curve.valid if start <= update <= end)) for curve, columns in lines
        ]
        known = [span for span in spans if span] or [(0.0, 1.0)]
        span = min(low for low, _ in known), max(high for _, high in known)
        scale = Scale.over(span, 4 * plot_height, max(3, min(7, plot_height // 2)), self.sight.log)
        plot = Plot(start, end, plot_width, plot_height, scale)
        plot.curves(lines[0][1], [columns for _, columns in lines[1:]])
        for letter, (_, curve) in self.overlays.items():
            plot.letters(letter, curve)
        plot.validations(self.curve)
        if self.sight.cursor is not None:
            place = self.curve.nearest(self.sight.cursor)
            if place is not None:
                plot.crosshair(self.curve.updates[place], self.curve.smoothed[place])
        return [self._top(width), *plot.with_axes()]

    def _top(self, width: int) -> list[Cell]:
        """What the crosshair is at, or else what the marks mean and which part is in sight."""
        cells: list[Cell] = []
        for word, layer in self._readout() or self._legend(width):
            for character in word:
                cells += [(character, layer)] + [("", layer)] * (get_character_cell_size(character) - 1)
        cells = cells[:width]
        if cells and get_character_cell_size(cells[-1][0] or " ") == 2:
            cells[-1] = (" ", 0)
        return cells + [(" ", 0)] * (width - len(cells))

    def _readout(self) -> list[tuple[str, int]]:
        place = None if self.sight.cursor is None else self.curve.nearest(self.sight.cursor)
        if place is None:
            return []
        curve = self.curve
        update = curve.updates[place]
        words = [
            *(("update ", LABEL), (text.whole(update), WORD)),
            *(("  loss ", LABEL), (text.number(curve.losses[place]), WORD)),
            *(("  smoothed ", LABEL), (text.number(curve.smoothed[place]), SMOOTH)),
        ]
        if found := curve.valid_at(update):
            at = "" if found[0] == update else f" at {text.whole(found[0])}"
            words += [("  ◆ ", LABEL), (text.number(found[1]), VALID), (at, LABEL)]
        if not math.isnan(curve.rates[place]):
            words += [("  rate ", LABEL), (text.rate(curve.rates[place]), WORD)]
        for letter, (_, other) in self.overlays.items():
            near = other.nearest(update)
            if near is not None and update <= other.newest:
                words += [(f"  {letter} ", OVER), (text.number(other.smoothed[near]), WORD)]
        return words

    def _legend(self, width: int) -> list[tuple[str, int]]:
        sight, words = self.sight, list[tuple[str, int]]()
        if sight.width is not None:
            start, end = sight.window(self.newest)
            words.append((f"{text.whole(start)}–{text.whole(end)}", WORD))
            words.append((" live  " if sight.follow else " held, G follows  ", LABEL))
        if sight.log:
            words.append(("log  ", WORD))
        marks = (("⠤", SMOOTH, "smoothed"), ("⠂", RAW, "raw"), ("◆", VALID, "validation"), ("★", BEST, "best"))
        others = [(letter, WORD, f"{name} (dotted)") for letter, (name, _) in self.overlays.items()]
        room = width - sum(len(word) for word, _ in words)
        roomy = room >= sum(cell_len(name) + 4 for _, _, name in (*marks, *others))
        for mark, layer, name in (*others, *marks):
            words += [(mark, layer), (f" {name}  " if roomy or layer == WORD else "  ", LABEL)]
        return words
