"""A short list over the screen to pick one line of: with the arrows, with the key that opened it, or by its number."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from textual import events
from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Vertical
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import OptionList, Static


class Picker(ModalScreen[str | None]):
    """The value of the line that was picked; None where one thought better of it."""

    BINDINGS: ClassVar = [
        Binding("escape,q", "dismiss(None)", "back"),
        Binding("j", "move(1)", show=False),
        Binding("k", "move(-1)", show=False),
    ]
    DEFAULT_CSS = """
    Picker { align: center middle; background: $background 60%; }
    Picker > #box { width: 74; max-width: 98%; height: auto; max-height: 96%; background: $surface; padding: 1 2; }
    Picker #title { text-style: bold; color: $primary; margin-bottom: 1; }
    Picker OptionList { height: auto; max-height: 14; background: $surface; }
    Picker #note { color: $secondary; height: auto; margin-top: 1; }
    Picker #keys { color: $quiet; margin-top: 1; }
    """

    def __init__(
        self, title: str, choices: Sequence[tuple[str, str]], chosen: str, key: str = "", note: str = ""
    ) -> None:
        """`choices` are values and lines; `key` goes on to the next one, as it opened the list."""
        super().__init__()
        self._title, self._choices, self._chosen, self._key, self._note = title, list(choices), chosen, key, note

    def compose(self) -> ComposeResult:
        with Vertical(id="box"):
            yield Static(self._title, id="title", markup=False)
            yield OptionList(
                *(
                    Content(f"{'•' if value == self._chosen else ' '} {number if number < 10 else ' '}  {told}")
                    for number, (value, told) in enumerate(self._choices, 1)
                ),
                compact=True,
                markup=False,
            )
            if self._note:
                yield Static(self._note, id="note", markup=False)
            again = f"{self._key} or " if self._key else ""
            yield Static(f"{again}↓ next · Enter or its number picks · Esc back", id="keys", markup=False)

    def on_mount(self) -> None:
        values = [value for value, _ in self._choices]
        self._list.highlighted = values.index(self._chosen) if self._chosen in values else 0

    @property
    def _list(self) -> OptionList:
        return self.query_one(OptionList)

    def action_move(self, step: int) -> None:
        self._list.highlighted = ((self._list.highlighted or 0) + step) % len(self._choices)

    def on_key(self, event: events.Key) -> None:
        if self._key and event.character == self._key:
            self.action_move(1)
        elif event.character and event.character.isdigit() and 1 <= int(event.character) <= len(self._choices):
            self.dismiss(self._choices[int(event.character) - 1][0])
        else:
            return
        event.stop()

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        event.stop()
        self.dismiss(self._choices[event.option_index][0])
