"""Keys in one burst, as a slow line delivers them: each reaches the screen that the ones before it have opened."""

from __future__ import annotations

import asyncio

import pytest
from app_pilot import COMMAND, Open, shown, until
from textual import events
from textual.pilot import Pilot
from textual.widgets import Input

from engine.workspace import Workspace
from tui import app as app_module
from tui import typed_ahead
from tui.app import StyloraApp
from tui.screens.rewrite import RewriteScreen
from tui.widgets.prompt import Prompt


def burst(pilot: Pilot[None], keys: str) -> None:
    """All of them at once."""
    for key in keys:
        pilot.app.post_message(events.Key({" ": "space", "\r": "enter"}.get(key, key), key))


async def test_text_typed_behind_the_screens_key_is_in_its_prompt(open_app: Open) -> None:
    async with open_app() as pilot:
        burst(pilot, "4Hello there")
        await until(pilot, lambda: isinstance(pilot.app.screen, RewriteScreen))
        await until(pilot, lambda: pilot.app.screen.query_one(Prompt).text == "Hello there")


async def test_what_is_typed_behind_a_forms_key_is_in_its_field(open_app: Open) -> None:
    async with open_app() as pilot:
        burst(pilot, "1abooks/one.txt")
        await until(pilot, lambda: "Add a book" in shown(pilot))
        await until(pilot, lambda: pilot.app.screen.query_one("#path", Input).value == "books/one.txt")


async def test_pasted_text_waits_its_turn(open_app: Open) -> None:
    async with open_app() as pilot:
        burst(pilot, "4")
        pilot.app.post_message(events.Paste("A wheel."))
        burst(pilot, " It")
        await until(pilot, lambda: isinstance(pilot.app.screen, RewriteScreen))
        await until(pilot, lambda: pilot.app.screen.query_one(Prompt).text == "A wheel. It")


class Slow(StyloraApp):
    """Reads the files when it is told to."""

    CSS_PATH = app_module.__file__.replace("app.py", "app.tcss")

    def __init__(self, workspace: Workspace) -> None:
        super().__init__(workspace, host_command=COMMAND)
        self.may_read = asyncio.Event()

    async def _survey(self) -> None:
        await self.may_read.wait()
        await super()._survey()


async def test_keys_wait_until_the_files_are_read(workspace: Workspace) -> None:
    """At the very start the screens know nothing yet: t would train nobody."""
    app = Slow(workspace)
    async with app.run_test(notifications=True) as pilot:
        burst(pilot, "3t")
        for _ in range(20):
            await pilot.pause()
        assert app.survey is None
        assert app.current_mode == "corpus"
        app.may_read.set()
        await until(pilot, lambda: app.current_mode == "training")
        await until(pilot, lambda: "no dataset of Small Voice yet" in " ".join(shown(pilot).split()))


async def test_keys_do_not_wait_for_ever(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(typed_ahead, "HELD_SECONDS", 0.1)
    app = Slow(workspace)
    async with app.run_test() as pilot:
        burst(pilot, "34")
        await until(pilot, lambda: app.current_mode == "rewrite")
        assert app.survey is None
