"""Numbers to look at: tiles of single values, tallies with bars, and the lines of a check-list."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from rich.cells import cell_len
from textual.app import RenderResult
from textual.content import Content
from textual.geometry import Region, Size
from textual.widget import Widget

from tui.text import whole

TILE = 12
"""Narrowest tile, in columns."""


class Tiles(Widget):
    """Values above their names, as many in a row as fit; each tile is two lines high."""

    def __init__(self, **arguments: str) -> None:
        super().__init__(**arguments)  # type: ignore[arg-type]
        self._tiles: list[tuple[str, str, str]] = []

    def show(self, tiles: Sequence[tuple[str, str] | tuple[str, str, str]]) -> None:
        """Pairs of name and value, with a style for the value where it means something."""
        full = [(tile[0], tile[1], tile[2] if len(tile) == 3 else "$strong") for tile in tiles]
        before, self._tiles = self._tiles, full
        if [tile[0] for tile in before] != [tile[0] for tile in full]:
            self.refresh(layout=len(before) != len(full))
        elif before != full and self.size.width:  # only the values that changed go to the terminal
            columns = self._columns(self.size.width)
            width = self.size.width // columns
            changed = [at for at, (old, new) in enumerate(zip(before, full, strict=True)) if old != new]
            ends = {at // columns: at % columns + 1 for at in changed}  # Textual sends a line from its left edge on
            self.refresh(*(Region(0, row * 2, end * width, 1) for row, end in ends.items()))

    def _columns(self, width: int) -> int:
        return max(1, min(len(self._tiles) or 1, width // TILE))

    def get_content_height(self, container: Size, viewport: Size, width: int) -> int:
        rows = -(-len(self._tiles) // self._columns(width))
        return rows * 2

    def render(self) -> RenderResult:
        columns = self._columns(self.size.width)
        width = self.size.width // columns
        lines = []
        for start in range(0, len(self._tiles), columns):
            row = self._tiles[start : start + columns]
            lines.append(Content("").join(_cell(value, f"bold {style}", width) for _, value, style in row))
            lines.append(Content("").join(_cell(name, "$quiet", width) for name, _, _ in row))
        return Content("\n").join(lines)


def _cell(value: str, style: str, width: int) -> Content:
    return Content.styled(value, style).truncate(width - 1, ellipsis=True, pad=True) + Content(" ")


class Facts(Widget):
    """Names and values, one pair a line; only the lines that changed go to the terminal."""

    def __init__(self, **arguments: str) -> None:
        super().__init__(**arguments)  # type: ignore[arg-type]
        self._rows: list[tuple[str, str]] = []

    def show(self, rows: Sequence[tuple[str, str]]) -> None:
        before, self._rows = self._rows, list(rows)
        if len(before) != len(rows):
            self.refresh(layout=True)
            return
        changed = [at for at, (old, new) in enumerate(zip(before, self._rows, strict=True)) if old != new]
        if changed and self.size.width:
            self.refresh(*(Region(0, at, self.size.width, 1) for at in changed))

    def get_content_height(self, container: Size, viewport: Size, width: int) -> int:
        return len(self._rows)

    def render(self) -> RenderResult:
        names = max((cell_len(name) for name, _ in self._rows), default=0)
        return Content("\n").join(
            Content.assemble(
                (name + " " * (names - cell_len(name)) + "  ", "$quiet"), (value, "bold $strong")
            ).truncate(max(1, self.size.width), ellipsis=True)
            for name, value in self._rows
        )


class Tally(Widget):
    """Counts by name, each with a bar of its share of the largest."""

    def __init__(self, **arguments: str) -> None:
        super().__init__(**arguments)  # type: ignore[arg-type]
        self._counts: dict[str, int] = {}
        self._chosen = ""

    def show(self, counts: Mapping[str, int], chosen: str = "") -> None:
        """In the order given; `chosen` is marked."""
        if dict(counts) != self._counts or chosen != self._chosen:
            grown = len(counts) != len(self._counts)
            self._counts, self._chosen = dict(counts), chosen
            self.refresh(layout=grown)

    def get_content_height(self, container: Size, viewport: Size, width: int) -> int:
        return len(self._counts)

    def render(self) -> RenderResult:
        if not self._counts:
            return ""
        most = max(self._counts.values()) or 1
        figures = max(len(whole(count)) for count in self._counts.values())
        names = min(max(map(cell_len, self._counts)), max(8, self.size.width - figures - 10))
        room = max(0, min(24, self.size.width - names - figures - 5))
        lines = []
        for name, count in self._counts.items():
            chosen = name == self._chosen
            bar = "▇" * max(1 if count else 0, round(count / most * room))
            lines.append(
                Content.assemble(
                    ("▸" if chosen else " ", "$primary"),
                    Content(name).truncate(names, ellipsis=True, pad=True),
                    (f" {whole(count):>{figures}}  ", "bold $strong" if chosen else "$foreground"),
                    (bar, "$primary" if chosen else "$secondary"),
                )
            )
        return Content("\n").join(lines)


def checklist(checks: Sequence[tuple[str, bool, str]]) -> Content:
    """One line a check: mark, name, and what was found."""
    return Content("\n").join(
        Content.assemble(
            ("✓ " if passed else "✗ ", "$success" if passed else "bold $error"),
            (name, "$foreground"),
            (f"  {detail}" if detail else "", "$quiet"),
        )
        for name, passed, detail in checks
    )
