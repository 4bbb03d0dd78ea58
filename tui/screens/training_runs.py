"""The keys about earlier runs: overlay them on the chart, describe, compare, delete; and their samples."""

from __future__ import annotations

import asyncio
from string import ascii_lowercase

from textual import work
from textual.css.query import NoMatches

from engine.errors import StyloraError
from engine.host import runs as earlier
from engine.host import samples as sampled
from engine.host.runs import Run
from tui import keymap
from tui.curve import Curve
from tui.screens import run_pages as pages
from tui.screens import training_forms as forms
from tui.screens.training_steering import Steering
from tui.widgets.chart import LossChart
from tui.widgets.run_list import RunList
from tui.widgets.samples import SamplesView

MOST_OVERLAID = 6
"""More curves in one chart are not told apart."""


class EarlierRuns(Steering):
    """What screen 3 does with the runs on disk, all of it read in threads."""

    def __init__(self) -> None:
        super().__init__()
        self._curves: dict[str, tuple[float, Curve]] = {}
        """Of overlaid runs, with the time of the files they were read from."""

    # -- reading --------------------------------------------------------------------------------------

    @work(group="runs", exclusive=True)
    async def read_runs(self) -> None:
        """Look at the runs on disk again, then at the curves of those overlaid."""
        workspace = self.stylora.workspace
        if workspace is None:
            return
        self.runs = await asyncio.to_thread(earlier.all_runs, workspace)
        try:
            self.runs_read()
            await self._read_overlays()
        except NoMatches:  # the screen has gone meanwhile
            pass

    def runs_read(self) -> None:
        """Draw what the runs say."""
        raise NotImplementedError

    async def _read_overlays(self) -> None:
        workspace, known = self.stylora.workspace, {run.name: run for run in self.runs}
        assert workspace
        for name in self.overlaid():
            run = known.get(name)
            if run is None or self._curves.get(name, (0.0, None))[0] == run.modified:
                continue
            try:
                reports, _ = await asyncio.to_thread(earlier.reports, workspace, name)
            except StyloraError:
                continue
            curve = Curve()
            curve.add(reports)
            self._curves[name] = (run.modified, curve)
        self.show_overlays()

    @work(group="samples", exclusive=True)
    async def read_samples(self, name: str) -> None:
        """Read what the run called `name` has written so far."""
        workspace = self.stylora.workspace
        if workspace and name:
            found = await asyncio.to_thread(sampled.read, workspace, name)
            if name == self.run_name and self.query(SamplesView):
                self.query_one(SamplesView).show(found)

    # -- overlays -------------------------------------------------------------------------------------

    def overlaid(self) -> list[str]:
        """Names of the runs overlaid, in the order of their letters; the run in the chart itself is not among them."""
        return [name for name in self.kept("overlays", list[str]()) if isinstance(name, str) and name != self.run_name]

    def show_overlays(self) -> None:
        names = [run.name for run in self.runs]
        letters = dict(zip([name for name in self.overlaid() if name in names], ascii_lowercase, strict=False))
        chart = self.query_one(LossChart)
        chart.overlays = {
            letter: (name, self._curves[name][1]) for name, letter in letters.items() if name in self._curves
        }
        chart.show()
        self.query_one(RunList).show(self.runs, letters, self.run_name)

    def _chosen(self) -> Run | None:
        return self.query_one(RunList).chosen

    def action_overlay(self) -> None:
        """The chosen run onto the chart, or off it."""
        run = self._chosen()
        if run is None:
            return
        if run.name == self.run_name:
            self.stylora.tell("this run is the chart itself; overlay another one")
            return
        names = self.overlaid()
        if run.name not in names and len(names) >= MOST_OVERLAID:
            self.stylora.tell(f"{MOST_OVERLAID} runs are overlaid already; take one off first")
            return
        self.keep(overlays=[name for name in names if name != run.name] + [run.name] * (run.name not in names))
        self.show_overlays()
        self.read_runs()

    # -- pages ----------------------------------------------------------------------------------------

    @work
    async def action_describe(self) -> None:
        run, workspace = self._chosen(), self.stylora.workspace
        if run and workspace:
            found = await asyncio.to_thread(sampled.read, workspace, run.name)
            self.app.push_screen(pages.PageScreen(run.name, pages.described(run, found)))

    @work
    async def action_compare(self) -> None:
        """The chosen run beside those overlaid, or beside the run in the chart."""
        run, workspace = self._chosen(), self.stylora.workspace
        if run is None or workspace is None:
            return
        known = {one.name for one in self.runs}
        others = [name for name in self.overlaid() if name in known and name != run.name] or [self.run_name]
        names = [name for name in dict.fromkeys([run.name, *others]) if name in known]
        if len(names) < 2:
            overlay = keymap.key("training.overlay")
            self.stylora.tell(f"overlay another run with {overlay} first: this one is compared with those overlaid")
            return
        try:
            found = await asyncio.to_thread(earlier.compare, workspace, names)
        except StyloraError as error:
            self.stylora.complain(str(error))
            return
        self.app.push_screen(pages.PageScreen("Runs compared", pages.compared(found)))

    @work
    async def action_delete(self) -> None:
        run, workspace = self._chosen(), self.stylora.workspace
        if run is None or workspace is None:
            return
        if await self.app.push_screen_wait(forms.delete_form(run)) is None:
            return
        try:
            await asyncio.to_thread(earlier.delete, workspace, run.name)
        except StyloraError as error:
            self.stylora.complain(str(error))
            return
        self.stylora.tell(f"{run.name} is deleted")
        self.stylora.reload()
        self.read_runs()
