"""One variation in full: its text, everything found about it, and the text after each step on the way to the prompt."""

from __future__ import annotations

from collections.abc import Iterable

from textual.containers import VerticalScroll
from textual.content import Content
from textual.widget import Widget
from textual.widgets import Static

from tui import actions
from tui.screens.base import StyloraScreen
from tui.text import STEPS, some, visible
from tui.widgets.exchange import Exchange
from tui.widgets.variation import Variation, finding_lines

_LONGEST = 60_000
"""Characters of one text shown here; the file that copying saves has all of it."""
_PASSAGES = 12


class DetailsScreen(StyloraScreen):
    NAME = "details"
    BINDINGS = actions.bindings("details")
    AUTO_FOCUS = ""
    DEFAULT_CSS = """
    DetailsScreen #page { height: 1fr; }
    DetailsScreen .part { height: auto; }
    """

    def __init__(self, exchange: Exchange, card: Variation) -> None:
        super().__init__()
        self._parts = list(page(exchange, card))

    def body(self) -> Iterable[Widget]:
        with VerticalScroll(id="page", can_focus=False):
            for part in self._parts:
                yield Static(part, classes="part", markup=False)

    def show(self) -> None:
        """It shows what was there when it was opened."""

    def action_back(self) -> None:
        self.dismiss(None)

    def action_scroll(self, lines: int) -> None:
        self.query_one("#page").scroll_relative(y=lines, animate=False)


def page(exchange: Exchange, card: Variation) -> Iterable[Content]:
    """The parts of the page, from the top."""
    marks = "  ★ best" * card.best + "  ✓ kept" * card.kept
    name = card.label or f"Variation {card.number + 1} of {len(exchange.variations)}"
    yield Content.assemble((name, "bold $primary"), (f"  {some(len(card.text.split()), 'word')}{marks}", "$quiet"))
    yield _cut(card.text.strip()) if card.text.strip() else Content.styled("nothing was written", "$quiet")
    if card.said is not None:
        yield _title("What was found")
        yield Content("\n").join(finding_lines(card.said))
    told = [f"{name.replace('_', ' ')} {value}" for name, value in exchange.entry.settings.items() if _tells(name)]
    yield _title("Asked with")
    yield Content.styled(" · ".join(told) or "nothing in particular", "$foreground")
    for mark in exchange.marks:
        yield Content.styled(f"· {mark}", "$secondary")
    if exchange.steps:
        yield from _steps(exchange)
    else:
        yield _title("Source")
        yield _cut(exchange.entry.text.strip())
        why = "a comparison keeps no steps" if exchange.entry.kind == "compare" else "not known (yet)"
        yield Content.styled(f"The text after each step: {why}.", "$quiet")


def _tells(name: str) -> bool:
    return name not in ("text", "author", "again")


def _steps(exchange: Exchange) -> Iterable[Content]:
    count = len(exchange.steps)
    for number, step in enumerate(exchange.steps[:_PASSAGES], 1):
        of = f", passage {number} of {count}" if count > 1 else ""
        before = None
        for name, title in STEPS:
            text = step.get(name) or before
            yield _title(f"{title}{of}")
            if text is None or text == before:
                yield Content.styled("(unchanged)", "$quiet")
            else:
                yield _cut(text)
            if name == "neutral" and step.get("fallback"):
                yield Content.styled(f"! made by rules: {step['fallback']}", "$warning")
            before = text
    if count > _PASSAGES:
        yield Content.styled(f"… and {some(count - _PASSAGES, 'passage')} more", "$quiet")


def _title(name: str) -> Content:
    return Content.styled(f"\n{name}", "bold $secondary")


def _cut(text: str) -> Content:
    rest = len(text[_LONGEST:].split())
    more = Content.styled(f"\n… {some(rest, 'word')} more: y saves all of it", "$quiet") if rest else Content("")
    return Content(visible(text[:_LONGEST])) + more
