"""The trainings of a workspace as a list to choose from: how each ended, and the letter of those overlaid."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from textual.containers import VerticalScroll
from textual.content import Content
from textual.widgets import Static

from engine.host.runs import RUNNING, Run
from tui import text

_ONE_LINE = 74
"""Columns from which a run is written in one line."""


def run_status(run: Run) -> str:
    """How a run ended, in words."""
    return {"time": "time limit reached", "patience": "no better for long", RUNNING: "running"}.get(
        run.status, run.status
    )


class RunList(VerticalScroll):
    """Shows `runs`; `chosen` is the one the keys are about, None where there is none."""

    DEFAULT_CSS = """
    RunList > Static { height: auto; }
    """

    def __init__(self, id: str | None = None) -> None:
        super().__init__(can_focus=False, id=id)
        self.runs: Sequence[Run] = ()
        self.letters: Mapping[str, str] = {}
        self.here = ""
        self.name_chosen = ""
        self._drawn: Content | None = None

    def compose(self) -> list[Static]:
        return [Static("", markup=False)]

    def on_resize(self) -> None:
        self.draw()

    @property
    def _place(self) -> int:
        return next((at for at, run in enumerate(self.runs) if run.name == self.name_chosen), 0)

    @property
    def chosen(self) -> Run | None:
        return self.runs[self._place] if self.runs else None

    def show(self, runs: Sequence[Run], letters: Mapping[str, str], here: str) -> None:
        """`letters` of overlaid runs by name; `here` is the run that the chart is about."""
        self.runs, self.letters, self.here = runs, letters, here
        self.draw()

    def move(self, step: int) -> None:
        if self.runs:
            self.name_chosen = self.runs[min(len(self.runs) - 1, max(0, self._place + step))].name
            self.draw()
            above = self._place * self._lines - max(0, self.size.height - self._lines) // 2
            self.scroll_to(y=max(0, above), animate=False, immediate=True)

    @property
    def _lines(self) -> int:
        return 1 if self.size.width >= _ONE_LINE else 2

    def draw(self) -> None:
        content = Content("\n").join(self._run(run) for run in self.runs)
        if not self.runs:
            content = Content.styled("none yet: t trains the first", "$quiet")
        if self.is_mounted and content != self._drawn and self.query(Static):
            self._drawn = content
            self.query_one(Static).update(content)

    def _run(self, run: Run) -> Content:
        chosen = run is self.chosen
        mark = "◉" if run.usable and run.name == self.here else self.letters.get(run.name, " ")
        planned = f" / {text.whole(run.planned)}" if run.planned and run.planned != run.updates else ""
        loss = f"{text.number(run.first_valid, 2)} → {text.number(run.best_valid, 2)}"
        head = Content.assemble(
            ("▸" if chosen else " ", "$primary"),
            (f"{mark} ", "$success" if mark == "◉" else "bold $strong"),
            (run.name, "bold $strong" if chosen else "$foreground"),
            (f"  {run_status(run)}", "$quiet"),
        )
        rank = f"rank {run.config['rank']}  " if "rank" in run.config else ""
        tail = f"{loss}  {text.whole(run.updates)}{planned}  {rank}{text.clock(run.modified)}"
        width = max(20, self.size.width)
        if self._lines == 1:
            return Content.assemble(head, ("  " + tail, "$quiet")).truncate(width, ellipsis=True)
        return Content("\n").join(
            [head.truncate(width, ellipsis=True), Content.styled(f"   {tail}", "$quiet").truncate(width, ellipsis=True)]
        )
