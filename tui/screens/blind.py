"""A blind trial: two rewrites of one text, A or B or no difference, and which was which only at the end."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import cast

from textual.containers import Container, VerticalScroll
from textual.content import Content
from textual.widget import Widget
from textual.widgets import Static

from engine.errors import StyloraError
from engine.host import voting
from engine.host.journal import Event, JobState
from tui import actions, text
from tui.screens.base import StyloraScreen


class BlindScreen(StyloraScreen):
    NAME = "blind"
    CSS_PATH = "blind.tcss"
    BINDINGS = actions.bindings("blind")
    AUTO_FOCUS = ""

    def __init__(self, job: str) -> None:
        super().__init__()
        self._job = job
        self._place: Path | None = None
        self._asked: list[voting.Question] = []
        self._at, self._source = 0, False
        self._said = "writing both sides …"

    def is_mine(self, state: JobState) -> bool:
        return state.job == self._job

    def body(self) -> Iterable[Widget]:
        yield Static("", id="heading", classes="title", markup=False)
        with VerticalScroll(id="page", can_focus=False):
            yield Static("", id="source", markup=False)
            with Container(id="sides"):
                yield Static("", id="a")
                yield Static("", id="b")

    def take(self, events: list[Event]) -> None:
        for event in events:
            if event.what == "progress" and event.total:
                self._said = f"writing both sides: {event.done:.0f} of {event.total:.0f}"
            elif event.what == "queued":
                self._said = "waiting for what runs now"
            elif event.what == "started":
                self._said = "writing both sides …"
            elif event.what == "done":
                self._place = Path(event.result["folder"])
                self._asked, self._at = voting.asked(self._place)
            elif event.what in ("failed", "cancelled", "interrupted"):
                self._said = f"{event.what}: {text.visible(event.error)}" if event.error else event.what
        self.show()

    @property
    def question(self) -> voting.Question | None:
        """What is asked now; None before the texts are there and after the last vote."""
        return self._asked[self._at] if self._at < len(self._asked) else None

    def show(self) -> None:
        heading, question = self._said, self.question
        if self._place and question:
            heading = f"{self._at + 1} of {len(self._asked)}  which is better?"
        elif self._place:
            heading = voting.outcome(self._place).sentence
        self.query_one("#heading", Static).update(f"Blind trial  {heading}")
        self.query_one("#source", Static).update(question.source if question and self._source else "")
        for letter in ("a", "b"):
            shown = Content("")
            if question:
                said = text.visible(getattr(question, letter)) or "(nothing was written)"
                shown = Content.assemble((letter.upper(), "bold $secondary"), "\n", said)
            self.query_one(f"#{letter}", Static).update(shown)
        self.refresh_bindings()

    # -- actions --------------------------------------------------------------------------------------

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        if action in ("vote", "source"):
            return self.question is not None
        return self._at > 0 if action == "undo" else True

    def action_vote(self, choice: str) -> None:
        if self._place is None or self.question is None:
            return
        try:
            voting.vote(self._place, self.question, cast("voting.Choice", choice))
        except StyloraError as error:
            self.stylora.complain(str(error))
            return
        self._at += 1
        self.query_one("#page").scroll_home(animate=False)
        self.show()

    def action_undo(self) -> None:
        """Back to the question before, whose new vote counts in place of the old one."""
        self._at = max(0, self._at - 1)
        self.show()

    def action_source(self) -> None:
        self._source = not self._source
        self.show()

    def action_scroll(self, step: int) -> None:
        self.query_one("#page").scroll_relative(y=step, animate=False)
