"""What was said in passing, in full: errors, what became of jobs, and where the logs are."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import VerticalScroll
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Static

from engine.host.journal import JobState
from tui import keymap, text

KEPT = 200


@dataclass(frozen=True)
class Said:
    """One line told to the user. `t` is Unix time in seconds."""

    t: float
    line: str
    wrong: bool = False


def ended(jobs: Iterable[JobState]) -> list[Said]:
    """What became of jobs that did not end well, as messages."""
    bad = [state for state in jobs if state.status in ("failed", "interrupted", "cancelled")]
    return [Said(state.ended or state.seen, text.outcome(state), state.status == "failed") for state in bad]


class MessagesScreen(ModalScreen[None]):
    """The newest first; any of the usual keys closes it."""

    CSS_PATH = "help.tcss"
    BINDINGS: ClassVar = [Binding("escape,q,ctrl+g", "dismiss(None)", "back")]

    def __init__(self, said: Iterable[Said], logs: Iterable[str]) -> None:
        super().__init__()
        self._said, self._logs = sorted(said, key=lambda one: one.t, reverse=True), list(logs)

    def compose(self) -> ComposeResult:
        with VerticalScroll(classes="page"):
            yield Static(Content.styled("What was said", "bold $primary"))
            if not self._said:
                yield Static(Content.styled("Nothing yet.", "$quiet"))
            for one in self._said[:KEPT]:
                mark, style = ("✗", "$error") if one.wrong else ("·", "$quiet")
                yield Static(
                    Content.assemble(
                        (f"{text.clock(one.t)} ", "$quiet"),
                        (f"{mark} ", style),
                        (text.visible(one.line), "$foreground"),
                    )
                )
            yield Static(Content.styled("Logs, readable by you alone", "bold $primary"), classes="gap")
            for line in self._logs:
                yield Static(line, markup=False)
        yield Static(f"↑↓ scroll · {keymap.sign('escape')} back", classes="keys", markup=False)
