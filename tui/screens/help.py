"""Every key, from the actions table: those of the screen one came from first."""

from __future__ import annotations

from textwrap import wrap
from typing import ClassVar

from textual import events
from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import VerticalScroll
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Static

from tui import actions, keymap

GAP = 2
NOTE = "Other keys: the [keys] table of stylora.toml; 'stylora keys' lists the names of all actions."


class HelpScreen(ModalScreen[None]):
    """A page of keys; any of the usual keys closes it."""

    CSS_PATH = "help.tcss"
    BINDINGS: ClassVar = [Binding("escape,q,question_mark,f1", "dismiss(None)", "back")]

    def __init__(self, where: str) -> None:
        super().__init__()
        self._where = where

    def compose(self) -> ComposeResult:
        with VerticalScroll(classes="page"):
            yield Static("", id="help")
        yield Static("↑↓ scroll · Esc back", classes="keys", markup=False)

    def on_resize(self, event: events.Resize) -> None:
        self.call_after_refresh(self._draw)

    def _draw(self) -> None:
        page = self.query_one("#help", Static)
        page.update(self.page(page.size.width))

    def page(self, width: int) -> Content:
        """The whole page, wrapped to `width` columns."""
        here = [self._where] if self._where in actions.TITLES else []
        others = [name for name in actions.TITLES if name not in (*here, "app", "welcome")]
        lines: list[Content] = []
        for where in [*here, "app", *others]:
            lines.append(Content.styled(actions.TITLES[where], "bold $primary"))
            rows = keymap.rows(where)
            column = min(12, max(len(keys) for _, keys, _ in rows)) + GAP
            for _, keys, told in rows:
                first, *rest = wrap(told, max(20, width - column - GAP)) or [""]
                lines.append(
                    Content.assemble((" " * GAP + f"{keys:<{column}}", "bold $strong"), (first, "$foreground"))
                )
                lines += [Content.styled(" " * (GAP + column) + line, "$foreground") for line in rest]
            lines.append(Content(""))
        return Content("\n").join([*lines, *(Content.styled(line, "$quiet") for line in wrap(NOTE, max(20, width)))])
