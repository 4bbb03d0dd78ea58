"""A corpus read piece by piece: what curation took out and what it kept, and the keys that say otherwise."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from pathlib import Path

from textual import work
from textual.containers import VerticalScroll
from textual.content import Content
from textual.widget import Widget
from textual.widgets import Static

from engine.errors import StyloraError
from engine.host.review import DECIDED, KEPT, Piece, Review, Wish
from engine.host.survey import BEYOND
from tui import actions, text
from tui.screens.base import StyloraScreen

_VIEWS = {"": "Removed", KEPT: "Kept", DECIDED: "Decided by you"}


class RemovedScreen(StyloraScreen):
    NAME = "removed"
    CSS_PATH = "removed.tcss"
    BINDINGS = actions.bindings("removed")
    AUTO_FOCUS = ""

    def __init__(self, corpus: Path) -> None:
        super().__init__()
        self._corpus = corpus
        self._review: Review | None = None
        self._view, self._at = "", 0

    def body(self) -> Iterable[Widget]:
        yield Static("", id="place")
        yield Static("", id="said", markup=False)
        with VerticalScroll(id="piece"):
            yield Static("", id="text", markup=False)

    def on_mount(self) -> None:
        self._scan()

    async def action_back(self) -> None:
        await self.stylora.action_back()
        self.stylora.reload()  # the corpus screen says that decisions wait

    def show(self) -> None:
        review = self._review
        place, said = self.query_one("#place", Static), self.query_one("#said", Static)
        piece = review.piece(self._at, self._view) if review else None
        if review is None or piece is None:
            empty = "looking…" if review is None else "Nothing here." if self._view else "Nothing was removed."
            place.update(Content.styled(empty, "$secondary"))
            said.update("")
            self.query_one("#text", Static).update("")
            return
        only = f" · {self._view}" if self._view not in _VIEWS else ""
        reason = f"  {piece.reason}" if piece.reason and not only else ""
        place.update(
            Content.assemble(
                (f"{_VIEWS.get(self._view, 'Removed')}{only} ", "bold $primary"),
                (f"{text.whole(self._at + 1)} of {text.whole(review.count(self._view))}", "bold $strong"),
                (reason, "$warning"),
                (f"  {piece.source}, line {text.whole(piece.line)} · {text.some(piece.words, 'word')}", "$quiet"),
            )
        )
        said.update(self._told(review, piece))
        self.query_one("#text", Static).update(piece.text)

    @staticmethod
    def _told(review: Review, piece: Piece) -> Content:
        marks = {"keep": ("✓ you keep this", "bold $success"), "drop": ("✗ you drop this", "bold $error")}
        enough = ": nothing wrong with it, the token target was full" if piece.reason == BEYOND else ""
        where = "in the corpus" if piece.inside else f"not in the corpus{enough}"
        mine = marks.get(piece.decision, (where, "$quiet"))
        count = len(review.decisions)
        waiting = f"  {text.some(count, 'decision')}; back, then c, to apply" if count else "  back, then c, to apply"
        return Content.assemble(mine, (waiting if review.waiting else "", "$secondary"))

    @work(exclusive=True)
    async def _scan(self) -> None:
        try:
            review = await asyncio.to_thread(Review, self._corpus)
        except StyloraError as error:
            self.stylora.complain(str(error))
            return
        pieces = review.scan()
        while await asyncio.to_thread(next, pieces, None) is not None:
            self._review = review
            self.show()

    def action_move(self, step: int) -> None:
        if self._review:
            last = max(0, self._review.count(self._view) - 1)
            self._go(self._view, min(last, max(0, self._at + step)))

    def action_reason(self, step: int = 1) -> None:
        """All that was taken out, each reason in turn, what was kept, what you decided."""
        if self._review:
            self._go(self._review.after(self._view, step), 0)

    def _go(self, view: str, at: int) -> None:
        self._view, self._at = view, at
        self.query_one("#piece").scroll_home(animate=False)
        self.show()

    def action_scroll(self, lines: int) -> None:
        self.query_one("#piece").scroll_relative(y=lines, animate=False)

    def action_decide(self, wish: Wish) -> None:
        """Say that the piece belongs in the corpus, or not."""
        review = self._review
        piece = review.piece(self._at, self._view) if review else None
        if review is None or piece is None:
            return
        try:
            changed = review.decide(piece, wish)
        except StyloraError as error:
            self.stylora.complain(str(error))
            return
        if not changed:
            self.stylora.tell("it is in the corpus already" if wish == "keep" else "it is not in the corpus")
        self._stay(review)

    def action_undo(self) -> None:
        """Take back the last decision."""
        if self._review is None:
            return
        try:
            last = self._review.undo()
        except StyloraError as error:
            self.stylora.complain(str(error))
            return
        self.stylora.tell("taken back" if last else "nothing to take back")
        self._stay(self._review)

    def _stay(self, review: Review) -> None:
        """Show the place again, or the nearest there still is."""
        if not review.count(self._view):
            self._view = ""
        self._at = min(self._at, max(0, review.count(self._view) - 1))
        self.show()
