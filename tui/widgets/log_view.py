"""A bounded log that draws only the lines in sight and follows its end until one scrolls up."""

from __future__ import annotations

from collections.abc import Iterable

from rich.segment import Segment
from textual.geometry import Size
from textual.scroll_view import ScrollView
from textual.strip import Strip

MOST_LINES = 2_000


class LogView(ScrollView, can_focus=True):
    """Lines as they came, cut at the right edge; the journal keeps all of them."""

    def __init__(self, **arguments: str) -> None:
        super().__init__(**arguments)  # type: ignore[arg-type]
        self._lines: list[str] = []

    def clear(self) -> None:
        self._lines = []
        self._resize()

    def extend(self, lines: Iterable[str]) -> None:
        """Append; call it once per batch."""
        fresh = [" ".join(line.split()) for line in lines]
        if fresh:
            self._lines = (self._lines + fresh)[-MOST_LINES:]
            self._resize()

    def _resize(self) -> None:
        at_end = self.scroll_offset.y >= self.max_scroll_y - 1
        self.virtual_size = Size(self.size.width, len(self._lines))
        if at_end:
            self.scroll_end(animate=False, immediate=True, x_axis=False)
        self.refresh()

    def render_line(self, y: int) -> Strip:
        at = y + self.scroll_offset.y
        line = self._lines[at] if at < len(self._lines) else ""
        strip = Strip([Segment(line, self.rich_style)])
        return strip.adjust_cell_length(self.size.width, self.rich_style)
