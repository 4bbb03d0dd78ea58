"""Screen 3: the plan before, the loss and the samples during, and the earlier runs after a training."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable
from typing import Any

import msgspec
from textual.app import ComposeResult
from textual.containers import Container, Vertical, VerticalScroll
from textual.content import Content
from textual.widget import Widget
from textual.widgets import Static

from engine.host import runs as earlier
from engine.host.journal import JobState
from engine.host.survey import Survey
from tui import actions
from tui.plot import Sight
from tui.screens import training_figures as numbers
from tui.screens import training_words as words
from tui.screens.training_keys import SHARES, VIEWS, Moving
from tui.widgets.chart import LossChart
from tui.widgets.figures import Facts, Tiles
from tui.widgets.log_view import LogView
from tui.widgets.run_list import RunList
from tui.widgets.samples import SamplesView


class TrainingScreen(Moving):
    NAME = "training"
    KINDS = frozenset({"train", "demo"})
    THIN = True
    SCROLLED = ("#log", "#samples", "#runs", "#facts-box", "#card-box")
    CSS_PATH = "training.tcss"
    BINDINGS = actions.bindings("training")
    AUTO_FOCUS = ""
    _seen: Survey | None = None

    def body(self) -> Iterable[Widget]:
        with Container(id="columns"):
            with Vertical(id="run"):
                yield Static("", id="headline", markup=False)
                yield Static("", id="notice", markup=False)
                yield Tiles(id="figures")
                yield LossChart(id="chart")
                yield Static("", id="empty", markup=False)
            with Vertical(id="lower"):
                yield Static("", id="views", markup=False)
                log = LogView(id="log")
                log.can_focus = False  # the arrows are the crosshair's
                yield log
                yield SamplesView(id="samples")
                yield RunList(id="runs")
                with VerticalScroll(id="facts-box", can_focus=False):
                    yield Facts(id="facts")
                with VerticalScroll(id="card-box", can_focus=False):
                    yield Static("", id="card", markup=False)

    def compose(self) -> ComposeResult:
        yield from super().compose()
        self.view = self.kept("view", "log")
        self.share = self.kept("share", "both")

    def on_mount(self) -> None:
        chart, samples = self.query_one(LossChart), self.query_one(SamplesView)
        with contextlib.suppress(msgspec.ValidationError):
            chart.sight = msgspec.convert(self.kept("sight", dict[str, Any]()), Sight)
        samples.number, samples.diff = self.kept("prompt", 0), self.kept("diff", False)
        self.query_one(RunList).name_chosen = self.kept("run", "")

    # -- the state of things --------------------------------------------------------------------------

    def newest(self) -> JobState | None:
        """The training that runs, whoever's; else the chosen author's newest, unless files are newer."""
        client, author = self.stylora.client, self.author
        jobs = [state for state in client.jobs.values() if self.is_mine(state)] if client else []
        if running := [state for state in jobs if state.status == "running"]:
            return running[0]
        if author is None:
            return None
        mine = [state for state in jobs if words.slug_of(state, self.survey) == author.slug]
        ended = next((state for state in reversed(mine) if not (state.active or self._deleted(state))), None)
        if ended:
            run = next((run for run in self.runs if run.name == words.run_of(ended, self.survey)), None)
            # Another program trains there now; what was read before our own training ended says nothing of that.
            if run and run.status == earlier.RUNNING and run.modified > ended.ended:
                return None
            return ended
        waiting = [state for state in mine if state.active]
        return waiting[-1] if waiting else None

    def _deleted(self, state: JobState) -> bool:
        """Whether the run that a training made is no more."""
        workspace, name = self.stylora.workspace, words.run_of(state, self.survey)
        return (
            state.status == "done" and workspace is not None and not (workspace.root / "lora_adapters" / name).is_dir()
        )

    def show_jobs(self) -> None:
        if self.followed and self.author and self.newest() is None:  # another author, without a training
            self.followed = ""
            self.workers.cancel_group(self, "follow")
            self.forget()
        super().show_jobs()

    def show(self) -> None:
        if not self.query(LossChart):
            return
        if self.survey is not self._seen:  # the files were looked at again: runs may have come or gone
            self._seen = self.survey
            self.read_runs()
        if not self.followed and self._shown != (name := self.run_name) and name:
            self.read_run(name)
        drawn = bool(self.query_one(LossChart).curve)
        self.set_class(drawn, "-drawn")
        for share in SHARES:
            self.set_class(self.share == share and drawn, f"-{share}")
        for view, part in VIEWS.items():
            self.query_one(part).display = view == self.view
            self.set_class(view == self.view, f"-see-{view}")
        self._show_views()
        self.show_state()
        self.show_figures()

    def on_resize(self) -> None:
        self.call_after_refresh(self.show)
        self.call_after_refresh(self.read_card, self.run_name)

    def runs_read(self) -> None:
        name = self.run_name
        gone = not any(run.name == name for run in self.runs)
        if not self.followed and self._shown == name and gone and self.query_one(LossChart).curve:
            self.forget()  # it was deleted
            self._about(name, "")
        self.show_overlays()
        self.read_card(name)
        self.show_jobs()
        self.show()
        self.refresh_bindings()

    def _show_views(self) -> None:
        parts = [
            (f" {name} ", "bold reverse $primary") if name == self.view else (f" {name} ", "$quiet") for name in VIEWS
        ]
        self._update("#views", Content.assemble(*parts))

    def _update(self, part: str, content: Content) -> None:
        widget = self.query_one(part, Static)
        if widget.content != content:  # what stays the same is not sent again
            widget.update(content)

    def show_state(self) -> None:
        """Headline, what to do, and the plan where there is nothing to draw yet."""
        state, run, author = self.state, self.run_here, self.author
        line = words.headline(state, self.survey) if state else words.headline_of(run) if run else Content("")
        notice = words.notice(state, run, author.name if author else "") if state or run else Content("")
        planning = "planning: reading the rows and estimating memory" if self.planning else ""
        if planning and self.has_class("-drawn"):
            notice = Content.styled(f"→ {planning}", "$secondary")
        self._update("#headline", line)
        self._update("#notice", notice)
        self.query_one("#headline").display = bool(line.plain)
        self.query_one("#notice").display = bool(notice.plain)
        if not self.has_class("-drawn"):
            said = planning
            if state and state.active:
                said = state.message or f"{state.status}…"
            if author and self.survey:
                active = state if state and state.active else None
                demo, params = bool(active and active.kind == "demo"), active.params if active else {}
                plan = numbers.plan_page(author, self.survey, said, self.next_step(3), demo=demo, params=params)
                self._update("#empty", plan)
            else:
                self._update("#empty", Content.styled("looking…", "$quiet"))

    # -- keys ------------------------------------------------------------------------------------------

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        if action == "model":
            return bool(self.survey and not all(model.present for model in self.survey.models))
        if action == "check":
            return bool(self.author and self.author.adapter and self.author.adapter.complete)
        if action in ("pause", "stop", "save", "interval"):
            return self.running() is not None
        if action == "resume":
            return self.resumable
        if action in ("overlay", "describe", "compare", "delete"):
            return self.view == "runs" and bool(self.runs)
        if action in ("prompt", "words"):
            return self.view == "samples"
        if action in ("cross", "zoom", "pan", "first", "live", "log_scale", "enlarge"):
            return self.has_class("-drawn")
        return True
