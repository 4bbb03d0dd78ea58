"""Screen 2: how many pairs of each kind there are, whether they pass the checks, and what they look like."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable

from textual import work
from textual.containers import Container, Vertical, VerticalScroll
from textual.content import Content
from textual.widget import Widget
from textual.widgets import Static

from engine.host.survey import DatasetState
from tui import actions, text
from tui.rows import Pair, RowIndex
from tui.screens.base import StyloraScreen
from tui.steps import next_step
from tui.widgets.figures import Tally, Tiles, checklist
from tui.widgets.form import Field, Form


class DatasetScreen(StyloraScreen):
    NAME = "dataset"
    KINDS = frozenset({"dataset"})
    CSS_PATH = "dataset.tcss"
    BINDINGS = actions.bindings("dataset")
    AUTO_FOCUS = ""

    def __init__(self) -> None:
        super().__init__()
        self._index: RowIndex[Pair] | None = None
        self._of: tuple[str, float] = ("", 0.0)
        self._kind, self._at = "", 0

    def body(self) -> Iterable[Widget]:
        yield Static("", id="empty", markup=False)
        with VerticalScroll(id="overview"):
            yield Tiles(id="figures")
            yield Static("Training pairs by kind", classes="title")
            yield Tally(id="counts")
            yield Static("Checks", id="checks-title", classes="title gap")
            yield Static("", id="checks")
            yield Static("By input", id="inputs-title", classes="title gap")
            yield Tally(id="inputs")
            yield Static("Dropped, by reason", id="dropped-title", classes="title gap")
            yield Tally(id="dropped")
        with Vertical(id="browser"):
            yield Static("", id="place")
            with Container(id="pair"):
                with VerticalScroll(id="left"):
                    yield Static("input", classes="side", markup=False)
                    yield Static("", id="input", markup=False)
                with VerticalScroll(id="right"):
                    yield Static("the author's side", classes="side", markup=False)
                    yield Static("", id="styled", markup=False)

    def show(self) -> None:
        dataset = self.author.dataset if self.author else None
        for name in ("overview", "browser"):
            self.query_one(f"#{name}").display = dataset is not None
        empty = self.query_one("#empty", Static)
        empty.display = dataset is None
        if dataset is None:
            hint = next_step(self.author, 2) if self.survey else "looking…"
            empty.update(f"No dataset for {self.author.name} yet.\n\n→ {hint}" if self.author else hint)
            return
        self._show_counts(dataset)
        path = dataset.path / "train.jsonl"
        stamp = (str(path), path.stat().st_mtime if path.exists() else 0.0)
        if stamp != self._of:
            self._of, self._kind, self._at = stamp, "", 0
            self._index = RowIndex(path, Pair)
            self._scan(self._index)

    def _show_counts(self, dataset: DatasetState) -> None:
        passed = sum(1 for _, good, _ in dataset.checks if good)
        checks = (f"{passed} of {len(dataset.checks)}", "$success" if passed == len(dataset.checks) else "$error")
        tiles = [(split, text.whole(rows)) for split, rows in dataset.rows.items()]
        self.query_one("#figures", Tiles).show([*tiles, ("checks", *checks)] if dataset.checks else tiles)
        self.query_one("#counts", Tally).show(dataset.counts, self._kind)
        self.query_one("#inputs", Tally).show(dataset.inputs)
        self.query_one("#dropped", Tally).show(dataset.dropped)
        self.query_one("#checks", Static).update(checklist(dataset.checks))
        for name, there in (("inputs", dataset.inputs), ("dropped", dataset.dropped), ("checks", dataset.checks)):
            self.query_one(f"#{name}-title").display = bool(there)

    @work(group="scan", exclusive=True)
    async def _scan(self, index: RowIndex[Pair]) -> None:
        """Index the file a piece at a time, off the loop; the first pair shows at once."""
        pieces = index.scan()
        shown = False
        while (rows := await asyncio.to_thread(next, pieces, None)) is not None:
            if self._index is not index:
                return
            if not shown:
                self._show_pair()
            shown = rows > 0
            self._show_place()
        self._show_pair()

    def _show_pair(self) -> None:
        pair = self._index.row(self._at, self._kind) if self._index else None
        self.query_one("#input", Static).update(pair.shown_input if pair else "")
        self.query_one("#styled", Static).update(pair.styled if pair else "")
        for name in ("left", "right"):
            self.query_one(f"#{name}").scroll_home(animate=False)
        self._show_place(pair)

    def _show_place(self, pair: Pair | None = None) -> None:
        if self._index is None:
            return
        pair = pair or self._index.row(self._at, self._kind)
        count = self._index.count(self._kind)
        what = " · ".join(filter(None, [pair.kind * (not self._kind), pair.input, pair.content])) if pair else ""
        self.query_one("#place", Static).update(
            Content.assemble(
                ("Pair ", "bold $primary"),
                (f"{text.whole(min(self._at + 1, count))} of {text.whole(count)}", "bold $strong"),
                (f" {self._kind}" if self._kind else "", "$primary"),
                (f"  {what}" if what else "", "$quiet"),
            )
        )

    def action_move(self, step: int) -> None:
        if self._index:
            last = max(0, self._index.count(self._kind) - 1)
            self._at = min(last, max(0, self._at + step)) if step else 0
            self._show_pair()

    def action_kind(self) -> None:
        """All, then each kind in turn."""
        if self._index and self.author and self.author.dataset:
            self._kind, self._at = self._index.after(self._kind), 0
            self.query_one("#counts", Tally).show(self.author.dataset.counts, self._kind)
            self._show_pair()

    @work
    async def action_build(self) -> None:
        author = self.author
        if author is None or author.corpus is None:
            self.stylora.complain(f"no corpus yet. {next_step(author, 2)}")
            return
        choices = [("perspective", "perspective variants: we, the observer, it was observed")]
        field = Field("extra", "Also build", choices=choices, ticked=["perspective"], optional=True)
        note = f"{text.whole(author.corpus.passages)} passages. A build that was stopped goes on where it was."
        told = await self.app.push_screen_wait(Form(f"Build the dataset of {author.name}", [field], note, send="build"))
        if told is not None:
            skip = "perspective" not in told["extra"]
            await self.start("dataset", {"author": author.name, "skip_perspective": skip})
