"""A sweep as it fills: the table of checkpoints and strengths, and the plot of style against meaning."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from textual.containers import VerticalScroll
from textual.content import Content
from textual.widget import Widget
from textual.widgets import Static

from engine.host.journal import Event, JobState
from tui import actions, keymap, text
from tui.scatter import letter, scatter
from tui.screens.base import StyloraScreen
from tui.widgets.form import Field, Form, Values, count

PLOT_LINES = 11
ANCHORS = {"N": "neutral", "U": "untrained", "A": "author"}
_COLUMNS = (
    f"   {'checkpoint':<11} {'strength':>8} {'joint':>6} {'90% interval':>13} {'style':>6} {'meaning':>8} {'facts':>6}"
)


def _strengths(typed: str) -> list[float]:
    found = [float(one) for one in typed.replace(",", " ").split()]
    if not found or not all(0 <= one <= 4 for one in found):
        raise ValueError
    return found


def sweep_form(author: str, adapter: Path) -> Form:
    """What to measure of an adapter."""
    updates = [one.name.removeprefix("update-") for one in adapter.glob("checkpoints/update-*")]
    checkpoints = max(1, sum(update.isdigit() and int(update) > 0 for update in updates))

    def note(told: Values) -> str:
        cells = checkpoints * len(told["strengths"])
        return (
            f"{text.some(checkpoints, 'checkpoint')} × {len(told['strengths'])} = {text.some(cells, 'report card')} of "
            f"{told['passages']} held-out passages each. What an earlier sweep measured the same way is not measured "
            "again; x ends it, and it goes on from there."
        )

    fields = [
        Field("strengths", "Strengths", "0.75 1 1.25", kind=_strengths),
        Field("passages", "Held-out passages", "12", kind=count),
    ]
    return Form(f"Sweep the checkpoints of {author}", fields, note, send="measure")


class SweepScreen(StyloraScreen):
    NAME = "sweep"
    CSS_PATH = "sweep.tcss"
    BINDINGS = actions.bindings("sweep")
    AUTO_FOCUS = ""

    def __init__(self, job: str) -> None:
        super().__init__()
        self._job = job
        self.rows: list[Mapping[str, Any]] = []
        self._anchors: Mapping[str, Any] = {}
        self._said, self._done, self._total = "", 0.0, 0.0
        self._over = ""

    def is_mine(self, state: JobState) -> bool:
        return state.job == self._job

    def body(self) -> Iterable[Widget]:
        yield Static("", id="heading", classes="title", markup=False)
        with VerticalScroll(id="page", can_focus=False):
            yield Static("", id="table")
        yield Static("", id="plot")

    def forget(self) -> None:
        self.rows, self._over = [], ""

    def take(self, events: list[Event]) -> None:
        for event in events:
            if event.what == "progress" and event.stage == "sweep":
                if event.total:
                    self._done, self._total = event.done, event.total
                self._said = event.message or self._said
                if "joint" in event.values:
                    self.rows.append(event.values)
            elif event.what == "progress" and event.total:
                self._said = f"{event.stage.removeprefix('check: ')}, {event.done:.0f} of {event.total:.0f}"
            elif event.what in ("done", "failed", "cancelled", "interrupted"):
                self._over, self._said = event.what, event.error
                if event.what == "done":
                    self.rows = [{**row["cell"], **row} for row in event.result.get("rows", [])]
                    self._anchors = event.result.get("anchors", {})
                    self._done = self._total = float(event.result.get("total") or len(self.rows))
        self.rows = sorted(self.rows, key=lambda row: -float(row["joint"]))
        self.show()

    def show(self) -> None:
        heading = f"Sweep  {self._done:.0f} of {self._total:.0f} cells  {self._over or self._said}"
        if self._over == "failed":
            heading = f"Sweep failed: {text.visible(self._said)}"
        self.query_one("#heading", Static).update(heading)
        if not self.rows:
            self.query_one("#table", Static).update(Content.styled("nothing measured yet", "$quiet"))
            return
        lines = [Content.styled(_COLUMNS, "$quiet")]
        lines += [Content.styled(_row(n, row), "bold $success" if n == 0 else "") for n, row in enumerate(self.rows)]
        self.query_one("#table", Static).update(Content("\n").join(lines))
        points = [(float(row["meaning"]), float(row["style"])) for row in self.rows]
        marks = {sign: (at[1], at[0]) for sign, name in ANCHORS.items() if (at := self._anchors.get(name))}
        width = max(20, min(self.size.width - 4, 90))
        height = PLOT_LINES if self.size.height >= 30 else 8
        plot = scatter(points, marks, width=width, height=height, x="meaning kept", y="style")
        self.query_one("#plot", Static).update(Content("\n".join(plot)))
        self.refresh_bindings()

    def on_resize(self) -> None:
        self.show()

    # -- actions --------------------------------------------------------------------------------------

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        if action == "use_best":
            return bool(self.rows)
        return len(self.rows) > 1 if action == "blind" else True

    async def action_use_best(self) -> None:
        """Let the adapter be rewritten with the first row from now on."""
        client = self.stylora.client
        state = client.jobs.get(self._job) if client else None
        if state is None or not self.rows:
            return
        best = self.rows[0]
        if best["joint"] <= 0:
            doctor = keymap.key("app.doctor")
            self.stylora.complain(f"none of them scores above 0, so there is no best one; {doctor} looks for the cause")
            return
        checkpoint = "none" if best["checkpoint"] is None else best["checkpoint"]
        named = {name: state.params[name] for name in ("adapter", "author") if name in state.params}
        why = f"best of {len(self.rows)} in a sweep: joint score {best['joint']:.2f}"
        told = {**named, "checkpoint": checkpoint, "strength": best["strength"], "why": why}
        if await self.start("use", told):
            where = "the adapter as it lies" if checkpoint == "none" else f"checkpoint {checkpoint}"
            self.stylora.tell(f"from now on: {where} at strength {best['strength']:g}")

    async def action_blind(self) -> None:
        """The first row against the second, by votes."""
        from tui.screens.blind import BlindScreen

        client = self.stylora.client
        state = client.jobs.get(self._job) if client else None
        if state is None:
            return
        named = {name: state.params[name] for name in ("author",) if name in state.params}
        name = str(state.params.get("adapter", ""))
        places = ["none" if row["checkpoint"] is None else row["checkpoint"] for row in self.rows[:2]]
        sides = [f"{name}:{at}@{row['strength']:g}" for at, row in zip(places, self.rows, strict=False)]
        if job := await self.start("blind", {**named, "sides": sides}):
            self.app.push_screen(BlindScreen(job))

    def action_scroll(self, step: int) -> None:
        self.query_one("#page").scroll_relative(y=step, animate=False)


def _row(number: int, row: Mapping[str, Any]) -> str:
    where = "as it lies" if row["checkpoint"] is None else str(row["checkpoint"])
    between = f"{row['low']:.2f}–{row['high']:.2f}"
    return (
        f"{letter(number)}  {where:<11} {row['strength']:>8g} {row['joint']:>6.2f} {between:>13} "
        f"{row['style']:>6.2f} {row['meaning']:>8.2f} {row['facts_kept']:>6.0%}"
    )
