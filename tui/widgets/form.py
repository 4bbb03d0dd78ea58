"""A small form over the screen: labelled fields, checked before they are sent, on Enter or Ctrl+R."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Vertical, VerticalScroll
from textual.screen import ModalScreen
from textual.widgets import Input, SelectionList, Static
from textual.widgets.selection_list import Selection

from engine.errors import StyloraError

Values = dict[str, Any]


class Ticks(SelectionList[str]):
    """A list to tick with Space; Enter sends the form, as in its other fields."""

    BINDINGS = [Binding("enter", "screen.send", "start", show=False)]


@dataclass(frozen=True)
class Field:
    """One line of a form. `kind` converts the text (it may raise `StyloraError` or `ValueError`); an empty
    text is None where `optional`. With `choices` (value, label), it is a list to tick instead."""

    name: str
    label: str
    value: str = ""
    hint: str = ""
    kind: Callable[[str], object] = str
    optional: bool = False
    choices: Sequence[tuple[str, str]] = ()
    ticked: Sequence[str] = field(default_factory=tuple)
    one: bool = False
    """Of `choices`, exactly one."""


class Form(ModalScreen[Values | None]):
    """Ask for some values; the result is None where one thought better of it."""

    BINDINGS = [
        Binding("escape", "cancel", "back"),
        Binding("ctrl+r", "send", "start", key_display="^r", priority=True),
    ]
    DEFAULT_CSS = """
    Form { align: center middle; background: $background 60%; }
    Form > #box { width: 72; max-width: 96%; height: auto; max-height: 94%; background: $surface; padding: 1 2; }
    Form #title { text-style: bold; color: $primary; margin-bottom: 1; }
    Form #fields { height: auto; max-height: 1fr; }
    Form .label { color: $quiet; }
    Form Input { height: 1; border: none; background: $panel; padding: 0 1; margin-bottom: 1; }
    Form Input:focus { border: none; background: $panel; text-style: bold; }
    Form SelectionList { height: auto; max-height: 8; border: none; background: $panel; padding: 0 1; margin-bottom: 1; }
    Form SelectionList:focus { border: none; }
    Form #note { color: $secondary; height: auto; }
    Form #fault { color: $error; height: auto; }
    Form #keys { color: $quiet; margin-top: 1; }
    """

    def __init__(
        self, title: str, fields: Sequence[Field], note: Callable[[Values], str] | str = "", send: str = "start"
    ) -> None:
        super().__init__()
        self._title, self._fields, self._note, self._send = title, fields, note, send

    def compose(self) -> ComposeResult:
        with Vertical(id="box"):
            yield Static(self._title, id="title", markup=False)
            with VerticalScroll(id="fields", can_focus=False):
                for one in self._fields:
                    label = f"{one.label}  {one.hint}" if one.hint else one.label
                    yield Static(label, classes="label", markup=False)
                    if one.choices:
                        options = [Selection(text, value, value in one.ticked) for value, text in one.choices]
                        yield Ticks(*options, id=one.name)
                    else:
                        entry = Input(one.value, id=one.name, compact=True)
                        entry.cursor_blink = False
                        yield entry
            yield Static("", id="note", markup=False)
            yield Static("", id="fault", markup=False)
            yield Static(f"Enter {self._send} · Tab next · Space ticks · Esc back", id="keys", markup=False)

    def on_mount(self) -> None:
        self._say()

    def values(self) -> Values:
        """What the fields say now; raises `StyloraError` with the first thing that is wrong."""
        told: Values = {}
        for one in self._fields:
            if one.choices:
                told[one.name] = list(self.query_one(f"#{one.name}", SelectionList).selected)
                if not told[one.name] and not one.optional:
                    raise StyloraError(f"{one.label}: tick at least one, with Space")
                continue
            text = self.query_one(f"#{one.name}", Input).value.strip()
            if not text:
                if not one.optional:
                    raise StyloraError(f"{one.label}: not given")
                told[one.name] = None
                continue
            try:
                told[one.name] = one.kind(text)
            except ValueError:
                raise StyloraError(f"{one.label}: {text!r} is not a number that fits") from None
        return told

    @on(Input.Changed)
    @on(SelectionList.SelectedChanged)
    def _say(self) -> None:
        note, fault = self._note if isinstance(self._note, str) else "", ""
        try:
            told = self.values()
            note = self._note if isinstance(self._note, str) else self._note(told)
        except StyloraError as error:
            fault = str(error)
        self.query_one("#note", Static).update(note)
        self.query_one("#fault", Static).update(fault)

    @on(SelectionList.SelectionToggled)
    def _only_one(self, event: SelectionList.SelectionToggled[str]) -> None:
        one = next(one for one in self._fields if one.name == event.selection_list.id)
        value = event.selection.value
        if one.one and value in event.selection_list.selected:
            for other in [other for other in event.selection_list.selected if other != value]:
                event.selection_list.deselect(other)

    @on(Input.Submitted)
    def action_send(self) -> None:
        try:
            self.dismiss(self.values())
        except StyloraError as error:
            self.query_one("#fault", Static).update(str(error))

    def action_cancel(self) -> None:
        self.dismiss(None)


def positive(text: str) -> float:
    """A number above zero; commas may group its digits."""
    number = float(text.replace(",", ""))
    if not 0 < number < float("inf"):
        raise ValueError
    return number


def count(text: str) -> int:
    """A whole number above zero; commas may group its digits."""
    number = int(text.replace(",", ""))
    if number < 1:
        raise ValueError
    return number
