"""Every exchange with an adapter as a list, newest first, narrowed down by what is typed; Enter goes there."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Vertical
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Input, OptionList, Static
from textual.widgets.option_list import Option

from tui.text import some, visible, whole
from tui.widgets.exchange import Entry

MOST = 200
"""Lines listed; who looks for an older one types a word of it."""
_START = 300
_WIDEST = 104


class HistoryScreen(ModalScreen[int | None]):
    """The place among `entries` that was chosen; None where one thought better of it."""

    BINDINGS: ClassVar = [
        Binding("escape", "dismiss(None)", "back"),
        Binding("down", "move(1)", show=False, priority=True),
        Binding("up", "move(-1)", show=False, priority=True),
        Binding("pagedown", "move(8)", show=False, priority=True),
        Binding("pageup", "move(-8)", show=False, priority=True),
    ]
    DEFAULT_CSS = """
    HistoryScreen { align: center middle; background: $background 60%; }
    HistoryScreen > #box { width: 104; max-width: 98%; height: 90%; background: $surface; padding: 1 2; }
    HistoryScreen #wanted { height: 1; border: none; background: $panel; padding: 0 1; }
    HistoryScreen #wanted:focus { border: none; background-tint: $foreground 10%; }
    HistoryScreen OptionList { height: 1fr; background: $surface; margin-top: 1; text-wrap: nowrap; }
    HistoryScreen #keys { color: $quiet; height: 1; }
    HistoryScreen.-short > #box { padding: 0 1; height: 100%; }
    """

    def __init__(self, entries: Sequence[Entry], wanted: str = "") -> None:
        super().__init__()
        self.wanted = wanted
        self._entries = entries
        self._texts = [_searched(entry) for entry in entries]

    def compose(self) -> ComposeResult:
        with Vertical(id="box"):
            line = Input(self.wanted, placeholder="words of the input or of what came back", id="wanted", compact=True)
            line.cursor_blink = False
            yield line
            yield OptionList(compact=True, markup=False)
            yield Static("", id="keys", markup=False)

    def on_mount(self) -> None:
        self._list_them()

    @on(Input.Changed)
    def _list_them(self) -> None:
        self.wanted = self.query_one(Input).value
        words = self.wanted.casefold().split()
        places = [at for at, text in enumerate(self._texts) if all(word in text for word in words)][::-1]
        listed = self.query_one(OptionList)
        listed.clear_options()
        width = min(_WIDEST, int(self.app.size.width * 0.98)) - 7
        listed.add_options([Option(_line(self._entries[at], width), id=str(at)) for at in places[:MOST]])
        if places:
            listed.highlighted = 0
        else:
            listed.add_option(Option("nothing found: other words, or none for all of them", disabled=True))
        more = f", the newest {MOST} of them listed" if len(places) > MOST else ""
        found = f"{whole(len(places))} of {some(len(self._texts), 'exchange')}{more}"
        self.query_one("#keys", Static).update(f"{found} · ↑↓ · Enter goes there · Esc back")

    def action_move(self, step: int) -> None:
        listed = self.query_one(OptionList)
        if listed.option_count:
            listed.highlighted = max(0, min(listed.option_count - 1, (listed.highlighted or 0) + step))

    @on(Input.Submitted)
    def _told(self, event: Input.Submitted) -> None:
        event.stop()
        listed = self.query_one(OptionList)
        if listed.highlighted is not None:
            self.dismiss(int(listed.get_option_at_index(listed.highlighted).id or 0))

    @on(OptionList.OptionSelected)
    def _picked(self, event: OptionList.OptionSelected) -> None:
        event.stop()
        self.dismiss(int(event.option_id or 0))


def _searched(entry: Entry) -> str:
    texts = [one.text for one in entry.turn.written] if entry.turn else []
    return "\n".join([entry.text, *texts]).casefold()


def _line(entry: Entry, width: int) -> Content:
    """An exchange in one line: its number, how its text begins, and what came of it."""
    turn = entry.turn
    notes = [some(len(turn.written), "text") if turn else "not finished"]
    if turn and turn.how != "asked":
        notes.append(f"{turn.how} ({turn.of})" if turn.of else turn.how)
    if turn and turn.kept is not None:
        notes.append(f"kept {turn.kept + 1}")
    number = Content.styled(f"{turn.number if turn else '–':>4}  ", "bold $primary")
    told = Content.styled(f"  {' · '.join(notes)}", "$quiet")
    room = max(10, width - number.cell_length - told.cell_length)
    start = Content(visible(" ".join(entry.text[:_START].split()))).truncate(room, ellipsis=True, pad=True)
    return Content.assemble(number, start, told)
