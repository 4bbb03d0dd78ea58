"""The run that screen 3 is about: fed by its job's events or by its files, drawn ten times a second at most."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Mapping, Sequence
from typing import Any

from textual import work
from textual.content import Content
from textual.css.query import NoMatches
from textual.widgets import Static

from engine.errors import StyloraError
from engine.host import runs as earlier
from engine.host.cards import kept_cards
from engine.host.journal import Event
from tui import card_page, text
from tui.curve import Curve
from tui.plot import Sight
from tui.screens import training_figures as numbers
from tui.screens import training_words as words
from tui.screens.training_runs import EarlierRuns
from tui.widgets.chart import LossChart
from tui.widgets.figures import TILE, Facts, Tiles
from tui.widgets.log_view import MOST_LINES, LogView
from tui.widgets.samples import SamplesView

STAGE = "training"
DRAW_SECONDS = 0.1
FLOOD, FLOOD_SECONDS = 500, 0.25
"""From so many reports at once on, the next picture may take longer, so that keys are answered between pictures."""
LOOK_SECONDS = 1.0
"""Between two looks at the journal of a run that another program trains."""


class LiveRun(EarlierRuns):
    """What screen 3 knows of the run in its chart."""

    view = "log"

    def __init__(self) -> None:
        super().__init__()
        self._last: dict[str, object] = {}
        """The latest value of each kind."""
        self._total: float | None = None
        self._drawing = False
        self._told: list[str] = []
        """Lines for the log at the next drawing."""
        self._shown = self._job = ""
        """The run in the chart, and the job that was followed last."""

    def show_state(self) -> None:
        """Draw how the run stands."""
        raise NotImplementedError

    def forget(self) -> None:
        self._last, self._total, self._told = {}, None, []
        chart = self.query_one(LossChart)
        chart.curve.clear()
        self.query_one(LogView).clear()
        self.query_one(SamplesView).at = None
        self._shown = ""
        if self.followed:
            self._about(self.run_name, self.followed)
        chart.show()
        self.read_samples(self.run_name)
        self.read_runs()

    def _about(self, name: str, job: str) -> None:
        """The chart is about the run called `name` from now on, as `job` (empty: its files) tells of it. What was in
        sight stays so at a new start of the app, and is forgotten where another run takes the place of one."""
        chart, before = self.query_one(LossChart), self._job
        self._shown, self._job = name, job or before
        if self.kept("of", name) != name or (job and before and job != before):
            chart.sight = Sight(log=chart.sight.log)
        if name:
            self.keep(of=name)

    def take(self, events: list[Event]) -> None:
        """Feed chart, tiles and log. Tiles keep the latest value of each kind."""
        mine = [event for event in events if event.what == "progress" and event.stage.partition(":")[0] == STAGE]
        told = [event for event in events if event.message or event.what in ("failed", "cancelled", "interrupted")]
        told = told[-MOST_LINES:]
        minutes = {event.t // 60: event.t for event in told}
        clock = {minute: text.clock(t) for minute, t in minutes.items()}
        lines = [f"{clock[one.t // 60]}  {one.message or one.error or one.what}" for one in told]
        self._told = (self._told + lines)[-MOST_LINES:]
        self.feed([event.values for event in mine if "update" in event.values])
        self._total = next((event.total for event in reversed(mine) if event.total), self._total)
        if any(event.stage == "sample" for event in events):
            self.read_samples(self.run_name)
        if events[-1].what in ("done", "failed", "cancelled", "interrupted"):
            self.read_runs()

    def feed(self, reports: Sequence[Mapping[str, Any]]) -> None:
        """Take in a batch of progress values, and draw soon."""
        curve = self.query_one(LossChart).curve
        before = len(curve)
        curve.add(reports)
        for values in reports:
            known = values
            if None in values.values():
                known = {name: value for name, value in values.items() if value is not None}
            self._last.update(known)
        if self.followed and not before and len(curve) and curve.updates[0] > 1:
            self._read_before(self.followed, self.run_name)
        if not self._drawing:  # a long journal comes in many batches; the eye needs ten pictures a second
            self._drawing = True
            self.set_timer(FLOOD_SECONDS if before and len(reports) > FLOOD else DRAW_SECONDS, self._draw)

    @work(group="before", exclusive=True)
    async def _read_before(self, job: str, name: str) -> None:
        """The part of a resumed run's curve that an earlier job has drawn."""
        workspace = self.stylora.workspace
        assert workspace
        with contextlib.suppress(StyloraError, NoMatches):
            reports, _ = await asyncio.to_thread(earlier.reports, workspace, name)
            if job == self.followed:
                curve = Curve()
                curve.add(reports)
                chart = self.query_one(LossChart)
                chart.curve.precede(curve)
                chart.show()

    @work(group="follow", exclusive=True)
    async def read_run(self, name: str) -> None:
        """Show a run that no job of ours is about, from its files; and follow it while another program trains it."""
        self._shown = name
        workspace, offset = self.stylora.workspace, 0
        if not self.query(LossChart):
            return
        self.forget()
        self._about(name, "")
        while workspace and not self.followed and self._shown == name:
            try:
                reports, offset = await asyncio.to_thread(earlier.reports, workspace, name, offset)
                run = await asyncio.to_thread(earlier.find, workspace, name)
            except StyloraError:
                return
            if self.followed or self._shown != name or not self.query(LossChart):
                return
            self._total = run.planned
            self.feed(reports)
            said = [line for line in reports if "message" in line]
            self.query_one(LogView).extend([f"{line['update']:>6}  {line['message']}" for line in said[-MOST_LINES:]])
            if run.status != earlier.RUNNING:
                return
            await asyncio.sleep(LOOK_SECONDS)

    @work(group="card", exclusive=True)
    async def read_card(self, name: str) -> None:
        """Read and draw the report card of the run called `name`, where that is what one looks at."""
        workspace = self.stylora.workspace
        if workspace is None or self.view != "card":
            return
        cards = await asyncio.to_thread(kept_cards, workspace, name) if name else []
        if name == self.run_name and self.query("#card"):
            page = (
                card_page.page(cards[0], self.query_one("#card-box").scrollable_content_region.width) if cards else None
            )
            hint = Content.styled(f"no report card yet: {words.key('check')} measures the adapter", "$secondary")
            self.query_one("#card", Static).update(page or hint)

    def on_screen_resume(self) -> None:
        self.read_card(self.run_name)
        self._draw()

    def _draw(self) -> None:
        self._drawing = False
        if not self.query(LossChart) or self not in self.app.screen_stack:  # nobody looks; coming back draws it
            return
        self.query_one(LogView).extend(self._told)
        self._told = []
        if not self.has_class("-drawn") and self._last:
            self.show()
        self.show_state()
        self.show_figures()
        self.query_one(LossChart).show()
        self.refresh_bindings()

    def show_figures(self) -> None:
        state, run, curve = self.state, self.run_here, self.query_one(LossChart).curve
        total = self._total or (run.planned if run else None)
        running = state.active if state else bool(run and run.status == earlier.RUNNING)
        tiles = numbers.tiles(self._last, total, curve.best, running)
        width = self.size.width - (48 if self.has_class("-wide") and not self.has_class("-above") else 2)
        rows = 2 if width >= 60 and self.size.height >= 34 else 1
        self.query_one(Tiles).show(tiles[: rows * max(1, min(6, width // TILE))])
        if self.view == "figures":
            self.query_one(Facts).show(numbers.figures(self._last, total, curve, state, run))
