"""The keys that move through the chart of screen 3 and through what is below it; all of it is found again later."""

from __future__ import annotations

from dataclasses import asdict, replace

from tui.plot import Sight
from tui.screens.training_live import LiveRun
from tui.widgets.chart import LossChart
from tui.widgets.run_list import RunList
from tui.widgets.samples import SamplesView

VIEWS = {"log": "#log", "samples": "#samples", "runs": "#runs", "figures": "#facts-box", "card": "#card-box"}
"""What is below the chart, and the widget that shows it."""
SHARES = ("both", "below", "above")
"""What the chart and the view below it share the screen as; ``below`` is the view alone."""


class Moving(LiveRun):
    """Crosshair, zoom, pan, scale; views, their share of the screen, and moving in them."""

    share = "both"

    # -- the chart ------------------------------------------------------------------------------------

    def _look(self, sight: Sight) -> None:
        self.query_one(LossChart).look(sight)
        self.keep(sight=asdict(sight))

    def action_cross(self, steps: int) -> None:
        """The crosshair by so many points; in the samples by so many validations."""
        chart, samples = self.query_one(LossChart), self.query_one(SamplesView)
        if self.view == "samples" and samples.samples.steps:
            update = samples.step(1 if steps > 0 else -1) if abs(steps) == 1 else samples.step(steps)
            if update is not None:
                self._look(chart.sight.at(update, chart.newest))
            return
        self._look(chart.moved(steps))
        samples.go(chart.sight.cursor)

    def action_first(self) -> None:
        chart = self.query_one(LossChart)
        if len(chart.curve):
            self._look(chart.sight.at(chart.curve.updates[0], chart.newest))
            self.query_one(SamplesView).go(0)

    def action_live(self) -> None:
        self._look(self.query_one(LossChart).sight.live())
        self.query_one(SamplesView).go(None)

    def action_zoom(self, direction: int) -> None:
        chart = self.query_one(LossChart)
        self._look(chart.sight.zoomed(chart.newest, direction > 0))

    def action_pan(self, direction: int) -> None:
        chart = self.query_one(LossChart)
        self._look(chart.sight.panned(chart.newest, direction))

    def action_log_scale(self) -> None:
        sight = self.query_one(LossChart).sight
        self._look(replace(sight, log=not sight.log))

    def action_clear(self) -> None:
        """The crosshair off; without one, the whole run."""
        sight = self.query_one(LossChart).sight
        self._look(replace(sight, cursor=None) if sight.cursor is not None else Sight(log=sight.log))

    # -- what is below it ------------------------------------------------------------------------------

    def action_view(self, step: int) -> None:
        names = list(VIEWS)
        self.view = names[(names.index(self.view) + step) % len(names)]
        self.share = "both" if self.share == "above" else self.share  # what is turned to is to be seen
        self.keep(view=self.view, share=self.share)
        if self.view == "runs":
            self.read_runs()
        self.read_card(self.run_name)
        self.show()
        self.refresh_bindings()

    def action_enlarge(self) -> None:
        self.share = SHARES[(SHARES.index(self.share) + 1) % len(SHARES)]
        self.keep(share=self.share)
        self.show()

    def action_scroll(self, lines: int) -> None:
        if self.view == "runs":
            runs = self.query_one(RunList)
            runs.move(lines)
            self.keep(run=runs.name_chosen)
        else:
            self.query_one(VIEWS[self.view]).scroll_relative(y=lines, animate=False, immediate=True)

    def action_prompt(self, step: int) -> None:
        samples = self.query_one(SamplesView)
        samples.turn(step)
        self.keep(prompt=samples.number)

    def action_words(self) -> None:
        samples = self.query_one(SamplesView)
        samples.diff = not samples.diff
        samples.draw()
        self.keep(diff=samples.diff)
