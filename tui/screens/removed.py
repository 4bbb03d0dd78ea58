"""What curation took out of an author's books, piece by piece, with the reason and the place it stood."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from pathlib import Path

from textual import work
from textual.containers import VerticalScroll
from textual.content import Content
from textual.widget import Widget
from textual.widgets import Static

from tui import actions, text
from tui.rows import Removed, RowIndex
from tui.screens.base import StyloraScreen


class RemovedScreen(StyloraScreen):
    NAME = "removed"
    CSS_PATH = "removed.tcss"
    BINDINGS = actions.bindings("removed")
    AUTO_FOCUS = ""

    def __init__(self, record: Path) -> None:
        super().__init__()
        self._index = RowIndex(record, Removed)
        self._reason, self._at = "", 0

    def body(self) -> Iterable[Widget]:
        yield Static("", id="place")
        with VerticalScroll(id="piece"):
            yield Static("", id="text", markup=False)

    def on_mount(self) -> None:
        self._scan()

    def show(self) -> None:
        index = self._index
        row = index.row(self._at, self._reason)
        if row is None:
            self.query_one("#place", Static).update(Content.styled("Nothing was removed.", "$secondary"))
            return
        place = f"{text.whole(self._at + 1)} of {text.whole(index.count(self._reason))}"
        where = f"  {row.source}, line {text.whole(row.line)} · {text.some(row.words, 'word')}"
        self.query_one("#place", Static).update(
            Content.assemble(
                ("Removed ", "bold $primary"),
                (place, "bold $strong"),
                (f"  {row.reason}", "$warning"),
                ("  (only these)" if self._reason else "", "$primary"),
                (where, "$quiet"),
            )
        )
        self.query_one("#text", Static).update(row.text)
        self.query_one("#piece").scroll_home(animate=False)

    @work(exclusive=True)
    async def _scan(self) -> None:
        pieces = self._index.scan()
        while await asyncio.to_thread(next, pieces, None) is not None:
            self.show()

    def action_move(self, step: int) -> None:
        last = max(0, self._index.count(self._reason) - 1)
        self._at = min(last, max(0, self._at + step))
        self.show()

    def action_reason(self) -> None:
        """All, then each reason in turn."""
        self._reason, self._at = self._index.after(self._reason), 0
        self.show()
