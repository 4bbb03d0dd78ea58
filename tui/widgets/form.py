"""A small form over the screen: labelled fields, checked before they are sent, on Enter or Ctrl+R."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.message import Message
from textual.screen import ModalScreen
from textual.widgets import Input, OptionList, Static

from engine.errors import StyloraError

Values = dict[str, Any]


class Ticks(OptionList):
    """Choices to tick with Space, one of them or several; Enter sends the form, as in its other fields."""

    BINDINGS: ClassVar = [
        Binding("space", "select", "tick", show=False),
        Binding("enter", "screen.send", "start", show=False),
    ]

    class Changed(Message):
        """Something was ticked or unticked."""

    def __init__(self, choices: Sequence[tuple[str, str]], ticked: Sequence[str], one: bool, name: str) -> None:
        super().__init__(id=name, compact=True, markup=False)
        self._choices, self._one = choices, one
        self.selected = [value for value, _ in choices if value in ticked]

    def on_mount(self) -> None:
        self._draw()

    def _draw(self) -> None:
        marks = ("( )", "(•)") if self._one else ("[ ]", "[x]")
        at = self.highlighted
        self.clear_options()
        self.add_options([f"{marks[value in self.selected]} {label}" for value, label in self._choices])
        self.highlighted = at or 0

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        event.stop()
        value = self._choices[event.option_index][0]
        if self._one:
            self.selected = [value]
        elif value in self.selected:
            self.selected.remove(value)
        else:
            self.selected.append(value)
        self._draw()
        self.post_message(self.Changed())


class Pick(Static, can_focus=True):
    """One of some choices, in one line; the arrows and Space change it."""

    BINDINGS: ClassVar = [
        Binding("right,space", "turn(1)", "next", show=False),
        Binding("left", "turn(-1)", "previous", show=False),
    ]

    class Changed(Message):
        """Another one was chosen."""

    def __init__(self, choices: Sequence[tuple[str, str]], chosen: Sequence[str], name: str) -> None:
        super().__init__("", id=name, markup=False)
        self._choices = choices
        self._at = next((at for at, (value, _) in enumerate(choices) if value in chosen), 0)

    @property
    def selected(self) -> list[str]:
        return [self._choices[self._at][0]]

    def on_mount(self) -> None:
        self._draw()

    def _draw(self) -> None:
        self.update(f"‹ {self._choices[self._at][1]} ›")

    def action_turn(self, step: int) -> None:
        self._at = (self._at + step) % len(self._choices)
        self._draw()
        self.post_message(self.Changed())


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
    inline: bool = False
    """The same, and only the chosen one is shown, in one line."""


class Form(ModalScreen[Values | None]):
    """Ask for some values; the result is None where one thought better of it."""

    BINDINGS: ClassVar = [
        Binding("escape", "cancel", "back"),
        Binding("enter", "send", "start", show=False),
        Binding("ctrl+r", "send", "start", key_display="^r", priority=True),
    ]
    DEFAULT_CSS = """
    Form { align: center middle; background: $background 60%; }
    Form > #box { width: 74; max-width: 98%; height: auto; max-height: 96%; background: $surface; padding: 1 2; }
    Form #title { text-style: bold; color: $primary; margin-bottom: 1; }
    Form #fields { height: auto; }
    Form .field { height: auto; margin-bottom: 1; }
    Form .label { width: 27; color: $quiet; }
    Form Input { width: 1fr; height: 1; border: none; background: $panel; padding: 0 1; }
    Form Input:focus { border: none; background-tint: $foreground 10%; }
    Form Ticks { width: 1fr; height: auto; max-height: 6; background: $panel; padding: 0 1; }
    Form Pick { width: 1fr; height: 1; background: $panel; padding: 0 1; }
    Form Pick:focus { background-tint: $foreground 10%; color: $primary; text-style: bold; }
    Form Ticks:focus { background-tint: $foreground 10%; }
    Form #note { color: $secondary; height: auto; }
    Form #fault { color: $error; height: auto; }
    Form #keys { color: $quiet; margin-top: 1; }
    Form.-narrow .label { width: 18; }
    Form.-short .field { margin-bottom: 0; }
    """

    def __init__(
        self, title: str, fields: Sequence[Field], note: Callable[[Values], str] | str = "", send: str = "start"
    ) -> None:
        super().__init__()
        self._title, self._fields, self._note, self._send = title, fields, note, send
        self._tried = False

    def compose(self) -> ComposeResult:
        with Vertical(id="box"):
            yield Static(self._title, id="title", markup=False)
            with VerticalScroll(id="fields", can_focus=False):
                for one in self._fields:
                    with Horizontal(classes="field"):
                        yield Static(one.label, classes="label", markup=False)
                        if one.choices and one.inline:
                            yield Pick(one.choices, one.ticked, one.name)
                        elif one.choices:
                            yield Ticks(one.choices, one.ticked, one.one, one.name)
                        else:
                            # Space, which ticks elsewhere in a form, would take the place of a number that is marked.
                            one_word = r"\S*" if re.fullmatch(r"[\d.,e+-]+", one.value) else None
                            entry = Input(one.value, one.hint, restrict=one_word, id=one.name, compact=True)
                            entry.cursor_blink = False
                            yield entry
            yield Static("", id="note", markup=False)
            yield Static("", id="fault", markup=False)
            ticks = "Space ticks · " if any(one.choices for one in self._fields) else ""
            fields = "Tab next field · " if len(self._fields) > 1 else ""
            yield Static(f"Enter {self._send} · {fields}{ticks}Esc back", id="keys", markup=False)

    def on_mount(self) -> None:
        self._say()

    def values(self) -> Values:
        """What the fields say now; raises `StyloraError` with the first thing that is wrong."""
        return {one.name: self._value(one) for one in self._fields}

    def _value(self, one: Field) -> object:
        if one.choices:
            choice = self.query_one(f"#{one.name}")
            assert isinstance(choice, Ticks | Pick)
            selected = list(choice.selected)
            if not selected and not one.optional:
                raise StyloraError(f"{one.label}: tick at least one, with Space")
            return selected
        text = self.query_one(f"#{one.name}", Input).value.strip()
        if text:
            try:
                return one.kind(text)
            except ValueError:
                raise StyloraError(f"{one.label}: {text!r} is not a number that fits") from None
        if one.optional:
            return None
        raise StyloraError(f"{one.label}: not given" if self._tried else "")

    @on(Input.Changed)
    @on(Ticks.Changed)
    @on(Pick.Changed)
    def _say(self) -> None:
        note, fault = self._note if isinstance(self._note, str) else "", ""
        try:
            told = self.values()
            note = self._note if isinstance(self._note, str) else self._note(told)
        except StyloraError as error:
            fault = str(error)
        self.query_one("#note", Static).update(note)
        self.query_one("#fault", Static).update(fault)

    @on(Input.Submitted)
    def action_send(self) -> None:
        self._tried = True
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
