"""One request of the rewrite screen and what came back: the source, and its variations as they stream in."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import product
from typing import Any, Literal

from rich.cells import cell_len, chop_cells
from textual.app import ComposeResult
from textual.containers import Grid, Vertical
from textual.content import Content
from textual.widgets import Static

from engine.host.journal import Event, JobState
from engine.host.voices import Turn, Written
from tui.text import some, tenths, visible
from tui.widgets.variation import Variation, written

SIDE_BY_SIDE = 110
"""Columns of the terminal from which on variations stand beside each other."""
ABREAST = 3
_SHORT = 30
"""Lines of a terminal below which a source gets two lines instead of three."""

Against = Literal["", "input", "plain", "best"]
AGAINST: tuple[Against, ...] = ("", "input", "plain", "best")
"""What variations are compared with, word by word: nothing, the input, the neutral text, the best of them."""
_NOT_OVER = {
    "failed": "✗ {error}",
    "cancelled": "■ stopped; g asks again",
    "interrupted": "✗ the host stopped while it was at it; g asks again",
}


def sides(params: Mapping[str, Any]) -> list[str]:
    """Labels of what a ``compare`` job will write, in its order."""
    adapters, checkpoints, strengths = (
        list(params.get(name) or ()) for name in ("adapters", "checkpoints", "strengths")
    )
    return [
        ", ".join(
            told
            for told, several in (
                (f"{adapter}", len(adapters) > 1),
                (f"checkpoint {checkpoint}", len(checkpoints) > 1),
                (f"strength {strength:g}" if strength is not None else "", len(strengths) > 1),
            )
            if several
        )
        for adapter, checkpoint, strength in product(adapters or [""], checkpoints or [""], strengths or [None])
    ]


@dataclass(frozen=True)
class Entry:
    """A request: a job that is known, a turn of the history, or both where the job has become that turn."""

    text: str
    settings: Mapping[str, Any] = field(default_factory=dict)
    kind: str = "rewrite"
    job: str = ""
    turn: Turn | None = None

    @property
    def number(self) -> int:
        """The turn's, 0 where it is none yet."""
        return self.turn.number if self.turn else 0

    def same(self, other: Entry) -> bool:
        return (bool(self.job) and self.job == other.job) or (self.number > 0 and self.number == other.number)


def of_turn(turn: Turn, job: str = "") -> Entry:
    return Entry(turn.text, turn.settings, "compare" if turn.how == "compared" else "rewrite", job, turn)


def of_job(state: JobState) -> Entry:
    return Entry(str(state.params.get("text", "")), state.params, state.kind, state.job)


class Exchange(Vertical):
    """An entry on the screen. `variations` are its cards in order."""

    def __init__(self, entry: Entry, repeated: bool = False) -> None:
        """`repeated` says that the exchange before has the same text, so that its first line will do."""
        super().__init__(classes="exchange -repeated" if repeated else "exchange")
        self.entry = entry
        labels = sides(entry.settings) if entry.kind == "compare" else []
        count = len(labels) or int(entry.settings.get("variations") or 1)
        if entry.turn:
            labels, count = [one.label for one in entry.turn.written], len(entry.turn.written)
        self.variations = [Variation(n, labels[n] if labels else "") for n in range(count)]
        self._grid = Grid(classes="variations")
        self.against: Against = ""
        self.over = False
        self.marks: Sequence[str] = ()
        self.steps: Sequence[Mapping[str, str]] = ()
        self.waiting = ""
        """What it waits for while it is queued."""
        self._state, self._error, self._trouble = "queued", "", False

    @property
    def job(self) -> str:
        return self.entry.job

    @property
    def best(self) -> int:
        return next((card.number for card in self.variations if card.best), 0)

    def compose(self) -> ComposeResult:
        yield Static("", classes="heading", markup=False)
        text = " ".join(visible(self.entry.text).split())
        size = self.app.size
        lines = 1 if self.has_class("-repeated") else 2 if size.height < _SHORT else 3
        room = max(20, lines * (size.width - 8) - 30)
        rest = f"… ({some(text.count(' ') + 1, 'word')} in all)"
        if max(len(text), cell_len(text[: room + len(rest)])) >= room + len(rest):
            text = chop_cells(text[:room], room)[0].rsplit(" ", 1)[0] + rest
        yield Static(text, classes="source", markup=False)
        yield Static("", classes="status", markup=False)
        with self._grid:
            yield from self.variations

    def on_mount(self) -> None:
        if self.entry.turn:
            self._take_turn(self.entry.turn)
        self.draw()

    def on_resize(self) -> None:
        self._arrange()

    def _arrange(self) -> None:
        cards = len(self.variations)
        columns = 1 if self.app.size.width < SIDE_BY_SIDE else 2 if cards == 4 else min(ABREAST, cards)
        self._grid.styles.grid_size_columns = max(1, columns)

    # -- what is told ---------------------------------------------------------------------------------

    def take(self, events: Sequence[Event]) -> None:
        """Apply a batch of the job's events and draw once."""
        for event in events:
            if event.what == "progress":
                self._progress(event)
            elif event.what == "started":
                self._state = "preparing…"
            elif event.what in ("done", "cancelled"):
                self._settle(event.result)
                self._end("" if event.what == "done" else event.what)
            elif event.what != "queued":
                self._end(event.what, event.error)
        self.draw()

    def _progress(self, event: Event) -> None:
        delta = event.values.get("delta")
        if delta is not None:
            number = int(event.values.get("variation") or 0)
            if 0 <= number < len(self.variations):
                self.variations[number].add(str(delta))
            self._state = self._state if self._state.startswith("writing") else "writing…"
            return
        update, left = event.values.get("update"), event.values.get("seconds_left")
        if update is not None:
            self.marks = (f"answered by the running training, update {update}",)
        elif event.stage == "rewrite" and event.total and left is not None:
            self._state = f"writing… {event.done:.0f} of {some(event.total, 'word')}, about {left:.0f}s left"
        elif event.message:
            self._state = event.message

    def _settle(self, result: Mapping[str, Any]) -> None:
        """The texts of a result, which are what was checked. A stopped job may have none."""
        said = [written(one) for one in result.get("variations", [])]
        said += [written(one, str(one.get("label", ""))) for one in result.get("sides", [])]
        best = result.get("best")
        if said and isinstance(best, Mapping) and best.get("text") not in [one.text for one in said]:
            said.append(written(best, "best of each passage"))
        self.marks = tuple(result.get("marks", ())) or self.marks
        self.steps = result.get("steps", ())
        at = [one.text for one in said].index(str(best.get("text"))) if said and isinstance(best, Mapping) else None
        if result.get("stopped"):  # nothing is best of what has no end
            at = None
        self._show(said, at)

    def _take_turn(self, turn: Turn) -> None:
        self.marks, self.steps = turn.marks, turn.steps
        self._show(turn.written, None if turn.how == "compared" else turn.best)
        self._end("")

    def _show(self, said: Sequence[Written], best: int | None) -> None:
        while len(self.variations) < len(said):  # further tries, or the best of several passages
            self.variations.append(Variation(len(self.variations)))
            if self._grid.is_attached:  # a job may tell its end before there is anything on the screen
                self._grid.mount(self.variations[-1])
        for number, (card, one) in enumerate(zip(self.variations, said, strict=False)):
            card.settle(one)
            card.best = number == best and len(said) > 1
        self._arrange()

    def _end(self, state: str, error: str = "") -> None:
        self.over, self._state, self._error = True, state, error

    def link(self, entry: Entry) -> None:
        """The same request, of which more is known: the turn it became, the text that was kept."""
        self.entry = entry
        self.draw()

    # -- drawing --------------------------------------------------------------------------------------

    def draw(self) -> None:
        if not self.query(".heading"):  # not composed yet, or taken down already
            return
        kept = self.entry.turn.kept if self.entry.turn else None
        self.query_one(".heading", Static).update(self._heading())
        status = self.query_one(".status", Static)
        lines = self._status()
        status.display = bool(lines)
        status.update(Content("\n").join(lines))
        self._grid.display = not self.over or any(card.text for card in self.variations)
        for card in self.variations:
            card.kept = card.number == kept
            card.diff = self._reference(card) if self.over else None
            card.show("nothing came of it" if self.over else "…")

    def _reference(self, card: Variation) -> tuple[str, str] | None:
        if self.against == "input":
            return "the input", self.entry.text
        if self.against == "plain":
            plain = self.plain()
            return ("the plain text", plain) if plain else None
        if self.against == "best" and card.number != self.best and card.number < len(self.variations):
            other = self.variations[self.best]
            return f"{other.label or f'variation {other.number + 1}'}", other.text
        return None

    def plain(self) -> str:
        """The neutral text that the model was given, as far as it is known."""
        found = [
            next((step[name] for name in ("neutral", "expanded", "told", "source") if step.get(name)), "")
            for step in self.steps
        ]
        return "\n\n".join(filter(None, found))

    def _heading(self) -> Content:
        told, turn = self.entry.settings, self.entry.turn
        origin = {"again": "again", "edited": "edited"}.get(turn.how, "") if turn else ""
        said = [
            f"{origin} ({turn.of})" if turn and turn.of and origin else "",
            "comparison" if self.entry.kind == "compare" else "",
            f"checkpoint {told['checkpoint']}" if told.get("checkpoint") not in (None, "", "none") else "",
            f"strength {tenths(told['strength'])}" if "strength" in told else "",
            f"temperature {tenths(told['temperature'])}" if "temperature" in told else "",
            f"seed {told['seed']}" if "seed" in told else "",
            f"best: {self.best + 1} of {len(self.variations)}" if any(card.best for card in self.variations) else "",
        ]
        number = f"{turn.number}  " if turn else ""
        return Content.assemble((number, "bold $primary"), (" · ".join(filter(None, said)), "$quiet"))

    def _status(self) -> list[Content]:
        lines = [Content.styled(f"· {mark}", "$secondary") for mark in self.marks]
        if not self.over:
            state = self.waiting or "waiting for its turn…" if self._state == "queued" else self._state
            lines.append(Content.assemble(("● ", "$primary"), (visible(state), "$secondary"), ("  x stops", "$quiet")))
        elif self._state:
            said = _NOT_OVER.get(self._state, "✗ {error}").format(error=visible(self._error))
            lines.append(Content.styled(said, "$warning" if self._state == "cancelled" else "$error"))
        return lines
