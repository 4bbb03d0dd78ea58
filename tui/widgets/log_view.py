"""A bounded log that draws only the lines in sight and follows its end until one scrolls up."""

from __future__ import annotations

from collections.abc import Iterable
from textwrap import wrap

from rich.segment import Segment
from textual.geometry import Size
from textual.scroll_view import ScrollView
from textual.strip import Strip

MOST_LINES = 2_000


class LogView(ScrollView, can_focus=True):
    """Lines as they came, wrapped; the journal keeps all of them."""

    DEFAULT_CSS = """
    LogView { overflow-x: hidden; overflow-y: auto; }
    """

    def __init__(self, **arguments: str) -> None:
        super().__init__(**arguments)  # type: ignore[arg-type]
        self._lines: list[str] = []
        self._wrapped: list[str] = []
        self._following, self._placing = True, False

    def clear(self) -> None:
        self._lines, self._wrapped, self._following = [], [], True
        self._resized()

    def extend(self, lines: Iterable[str]) -> None:
        """Append; call it once per batch."""
        fresh = [" ".join(line.split()) for line in lines][-MOST_LINES:]
        if fresh:
            self._lines = (self._lines + fresh)[-MOST_LINES:]
            self._wrapped = (self._wrapped + self._wrap(fresh))[-2 * MOST_LINES :]
            self._resized()

    def on_resize(self) -> None:
        self._wrapped = self._wrap(self._lines)
        self._resized()
        self.call_after_refresh(self._to_end)  # once the layout knows how much is in sight

    def _wrap(self, lines: Iterable[str]) -> list[str]:
        width = max(10, self.scrollable_content_region.width)
        return [part for line in lines for part in wrap(line, width, subsequent_indent="  ") or [""]]

    def _resized(self) -> None:
        self._placing = True  # what the layout does to the place says nothing of the reader's will
        self.virtual_size = Size(self.scrollable_content_region.width, len(self._wrapped))
        self._to_end()
        self._placing = False
        self.refresh()

    def _to_end(self) -> None:
        if self._following:
            self.scroll_end(animate=False, immediate=True, force=True, x_axis=False)

    def watch_scroll_y(self, old_value: float, new_value: float) -> None:
        super().watch_scroll_y(old_value, new_value)
        if not self._placing:
            self._following = new_value >= self.max_scroll_y - 1

    def render_line(self, y: int) -> Strip:
        at = y + self.scroll_offset.y
        line = self._wrapped[at] if at < len(self._wrapped) else ""
        strip = Strip([Segment(line, self.rich_style)])
        return strip.adjust_cell_length(self.size.width, self.rich_style)
