"""Every key, from the actions table: those of the screen one came from first."""

from __future__ import annotations

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import VerticalScroll
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Static

from tui import actions


class HelpScreen(ModalScreen[None]):
    """A page of keys; any of the usual keys closes it."""

    CSS_PATH = "help.tcss"
    BINDINGS: ClassVar = [Binding("escape,q,question_mark,f1", "dismiss(None)", "back")]

    def __init__(self, where: str) -> None:
        super().__init__()
        self._where = where

    def compose(self) -> ComposeResult:
        with VerticalScroll(id="help"):
            yield Static(self._page())
        yield Static("↑↓ scroll · Esc back", id="keys", markup=False)

    def _page(self) -> Content:
        here = [self._where] if self._where in actions.TITLES else []
        lines = []
        for where in [*here, *(name for name in actions.TITLES if name not in (*here, "welcome"))]:
            lines.append(Content.styled(actions.TITLES[where], "bold $primary"))
            for action in actions.of(where):
                lines.append(
                    Content.assemble((f"  {actions.written(action):<8}", "bold $strong"), (action.help, "$foreground"))
                )
            lines.append(Content(""))
        return Content("\n").join(lines)
