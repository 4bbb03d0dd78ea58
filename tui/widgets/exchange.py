"""One request of the rewrite screen and what came back: the source, and its variations as they stream in."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from textual.app import ComposeResult
from textual.containers import Grid, Vertical
from textual.content import Content
from textual.widgets import Static

from engine.host.journal import Event
from tui.text import some

NARROWEST = 36
"""Columns a variation needs to be readable beside another one."""
SOURCE_LINES = 3


def finding_line(finding: object) -> str:
    """A finding as one line, whether it came as text or as a table with a message."""
    return str(finding.get("message") or finding.get("kind")) if isinstance(finding, Mapping) else str(finding)


class Variation(Static):
    """One rewrite: number and length, text, and what was found about it."""

    def __init__(self, number: int) -> None:
        super().__init__("", markup=False, classes="variation")
        self.number = number
        self.text = ""
        self.findings: list[str] | None = None

    def add(self, delta: str) -> None:
        self.text += delta

    def settle(self, text: str, findings: Sequence[object]) -> None:
        """The final text, which is what was checked."""
        self.text, self.findings = text, [finding_line(finding) for finding in findings]

    def show(self, state: str) -> None:
        """Draw; `state` stands in for the text while there is none."""
        words = len(self.text.split())
        parts = [
            Content.assemble(
                (f"{self.number + 1}", "bold $primary"), (f"  {some(words, 'word')}" if words else "", "$quiet")
            ),
            Content(self.text.strip()) if self.text.strip() else Content.styled(state, "$quiet"),
        ]
        if self.findings is not None:
            parts += [Content.styled(f"! {line}", "$warning") for line in self.findings]
            if not self.findings:
                parts.append(Content.styled("✓ nothing found against it", "$success"))
        self.update(Content("\n").join(parts))


class Exchange(Vertical):
    """A rewrite job on the screen. `job` is its id; `variations` its cards in order."""

    def __init__(self, job: str, params: Mapping[str, Any]) -> None:
        super().__init__(classes="exchange")
        self.job, self.params = job, params
        self.variations: list[Variation] = []
        self.over = False
        self._state = "waiting for its turn…"

    def compose(self) -> ComposeResult:
        source = str(self.params.get("text", ""))
        yield Static(self._heading(), classes="heading")
        yield Static(source, classes="source", markup=False)
        self.variations = [Variation(n) for n in range(int(self.params.get("variations") or 1))]
        with Grid(classes="variations"):
            yield from self.variations

    def _heading(self) -> Content:
        params = self.params
        said = [
            f"strength {params['strength']:.1f}" if "strength" in params else "",
            f"temperature {params['temperature']:.1f}" if "temperature" in params else "",
            f"seed {params['seed']}" if "seed" in params else "",
        ]
        return Content.assemble(
            (str(params.get("author", "")), "bold $secondary"), ("  " + " · ".join(filter(None, said)), "$quiet")
        )

    def on_mount(self) -> None:
        self._draw()

    def on_resize(self) -> None:
        columns = max(1, min(len(self.variations), (self.size.width + 2) // NARROWEST))
        self.query_one(Grid).styles.grid_size_columns = columns

    def take(self, events: Sequence[Event]) -> None:
        """Apply a batch of the job's events and draw once."""
        for event in events:
            if event.what == "progress" and "delta" in event.values:
                number = int(event.values.get("variation") or 0)
                if 0 <= number < len(self.variations):
                    self.variations[number].add(str(event.values["delta"]))
                self._state = "writing…"
            elif event.what == "progress":
                self._state = event.message or self._state
            elif event.what == "started":
                self._state = "preparing…"
            elif event.what == "done":
                for card, told in zip(self.variations, event.result.get("variations", []), strict=False):
                    card.settle(str(told.get("text", "")), told.get("findings", []))
                self._end("nothing came of it")
            elif event.what != "queued":
                self._end(event.error or event.what)
        self._draw()

    def _end(self, state: str) -> None:
        self.over, self._state = True, state

    def _draw(self) -> None:
        for card in self.variations:
            card.show(self._state)
