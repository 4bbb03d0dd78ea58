"""A bounded log that draws only the lines in sight and follows its end until one scrolls up."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from rich.cells import cell_len, chop_cells
from rich.segment import Segment
from rich.style import Style
from textual.geometry import Size
from textual.scroll_view import ScrollView
from textual.strip import Strip

from tui.text import visible

MOST_LINES = 2_000
_INDENT = "  "


def wrapped(line: str, width: int) -> list[str]:
    """`line` in parts of at most `width` cells, those after the first indented. It is made for a host that tells ten
    thousand lines a second: a tenth of what `textwrap` takes, and nothing for a line that fits."""
    fits = len(line) <= width
    if line.isascii():
        return [line] if fits else list(_cut(line, width))
    return [line] if fits and cell_len(line) <= width else list(_cut_wide(line, width))


def _cut(line: str, width: int) -> Iterator[str]:
    while len(line) > width:
        at = line.rfind(" ", len(_INDENT), width + 1)
        at = width if at < 0 else at
        yield line[:at].rstrip()
        line = _INDENT + line[at:].lstrip()
    if line.strip():
        yield line


def _cut_wide(line: str, width: int) -> Iterator[str]:
    part = ""
    for word in line.split():
        spaced = f"{part} {word}" if part.strip() else part + word
        if cell_len(spaced) <= width:
            part = spaced
            continue
        if part.strip():
            yield part
        room = width - len(_INDENT)
        *whole, rest = chop_cells(word, room) if cell_len(word) > room else [word]
        yield from (_INDENT + piece for piece in whole)
        part = _INDENT + rest
    if part.strip():
        yield part


class LogView(ScrollView, can_focus=True):
    """Lines as they came, wrapped; the journal keeps all of them."""

    DEFAULT_CSS = """
    LogView { overflow-x: hidden; overflow-y: auto; scrollbar-gutter: stable; }
    """

    def __init__(self, **arguments: str) -> None:
        super().__init__(**arguments)  # type: ignore[arg-type]
        self._lines: list[str] = []
        self._wrapped: list[str] = []
        self._following, self._placing = True, False
        self._style: Style | None = None

    def notify_style_update(self) -> None:
        super().notify_style_update()
        self._style = None

    def clear(self) -> None:
        self._lines, self._wrapped, self._following = [], [], True
        self._resized()

    def extend(self, lines: Sequence[str]) -> None:
        """Append; call it once per batch."""
        printable = [line if line.isprintable() else visible(line) for line in lines[-MOST_LINES:]]
        fresh = [" ".join(line.split()) for line in printable]
        if fresh:
            self._lines = (self._lines + fresh)[-MOST_LINES:]
            self._wrapped = (self._wrapped + self._wrap(fresh))[-2 * MOST_LINES :]
            self._resized()

    def on_resize(self) -> None:
        self._wrapped = self._wrap(self._lines)
        self._resized()
        self.call_after_refresh(self._to_end)  # once the layout knows how much is in sight

    def _wrap(self, lines: Sequence[str]) -> list[str]:
        width = max(10, self.scrollable_content_region.width)
        return [part for line in lines for part in wrapped(line, width)]

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
        style = self._style = self._style or self.rich_style
        return Strip([Segment(line, style)]).adjust_cell_length(self.size.width, style)
