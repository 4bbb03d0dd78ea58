"""The first screen in a folder that is no workspace yet: two keys lead to the demo."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from textual import work
from textual.app import ComposeResult
from textual.containers import Middle
from textual.content import Content
from textual.screen import Screen
from textual.widgets import Static

from engine.errors import StyloraError
from engine.workspace import Workspace
from tui import actions, keymap
from tui.widgets.bars import KeyBar
from tui.widgets.form import Form

if TYPE_CHECKING:
    from tui.app import StyloraApp


class WelcomeScreen(Screen[None]):
    NAME = "welcome"
    CSS_PATH = "welcome.tcss"
    BINDINGS = actions.bindings("welcome")

    @property
    def stylora(self) -> StyloraApp:
        return cast("StyloraApp", self.app)

    def compose(self) -> ComposeResult:
        with Middle():
            yield Static(self._page(), id="welcome")
        yield KeyBar()

    def _page(self) -> Content:
        here = self.stylora.here
        return Content.assemble(
            ("Stylora", "bold $primary"),
            "\nRewrites any passage in an author's voice,\nwith a language model trained and run on this machine.\n\n",
            (f"{here}\n", "bold $strong"),
            ("is not a workspace yet.\n\n", "$quiet"),
            (" d ", "bold reverse $primary"),
            "  make it one and run the demo, about 10 minutes:\n     a bundled author's book becomes an adapter\n\n",
            (" n ", "bold reverse $primary"),
            "  make it one, to begin with your own author\n\n",
            (" q ", "bold reverse $primary"),
            ("  leave; nothing has been written\n", "$quiet"),
        )

    @work
    async def action_create(self) -> None:
        if await self._create("New workspace"):
            self.stylora.tell(f"{keymap.key('corpus.add')} adds a book of your own author; the bundled one is to try")

    @work
    async def action_create_demo(self) -> None:
        if await self._create("New workspace, and the demo in it", " The demo begins at once."):
            await self.stylora.begin_demo()

    async def _create(self, title: str, more: str = "") -> bool:
        app = self.stylora
        told = await app.push_screen_wait(
            Form(
                title,
                (),
                f"In {app.here}: stylora.toml, styles/ and prompts/ with the bundled author. "
                f"Files there are kept.{more}",
                send="make it",
            )
        )
        if told is None:
            return False
        try:
            app.workspace = Workspace.create(app.here)
        except (StyloraError, OSError) as error:
            app.complain(str(error))
            return False
        await app.switch_mode("corpus")
        app.open_workspace()
        return True
