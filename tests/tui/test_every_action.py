"""Every action of the table is run by its key, by a pilot, on a screen that has something to do it with."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest
from still import AUTHOR, CARD, NOW, StillApp, act, freeze, lay, new_workspace, settle
from textual import events
from textual.pilot import Pilot
from textual.widget import Widget
from textual.widgets import TextArea

from engine.report.kept import save_card
from engine.workspace import Workspace
from tui import actions, keymap
from tui.screens.help import HelpScreen


@pytest.fixture(autouse=True)
def same_everywhere(monkeypatch: pytest.MonkeyPatch) -> None:
    freeze(monkeypatch)


class HeardApp(StillApp):
    """Notes which action each key has run."""

    def __init__(self, *given: Any, **named: Any) -> None:
        super().__init__(*given, **named)
        self.heard: list[str] = []

    async def run_action(self, action: Any, *given: Any, **named: Any) -> bool:
        done = await super().run_action(action, *given, **named)
        if done and isinstance(action, str):
            self.heard.append(action)
        return done

    def exit(self, *_: Any, **__: Any) -> None:
        """Stay, for the next key."""


def whole(workspace: Workspace, state: str, last: str) -> None:
    """The whole street, a check of it and a card of another strength; or the street up to a job that runs."""
    lay(workspace, last, state)
    if state == "full":
        act(workspace, "check", {"author": AUTHOR}, start=NOW - 60)
        save_card(workspace.adapter(AUTHOR), msgspec.structs.replace(CARD, strength=0.75))
    workspace.worldview(AUTHOR)


KEYS_TO: dict[str, tuple[str, tuple[str, ...]]] = {
    "app": ("corpus", ()),
    "removed": ("corpus", ("r",)),
    "worldview": ("dataset", ("w",)),
    "report": ("training", ("k",)),
    "details": ("rewrite", ("escape", "right", "o")),
    "sweep": ("training", ("S", "enter")),
    "blind": ("training", ("S", "enter", "v")),
}
"""The screen to begin with, and the keys from there."""
TURN = {"training": "v"}
"""The key that shows another part of a screen, where some actions belong."""
ELSEWHERE = {"doctor": "test_doctor_screen.py"}
"""Screens that need a program of their own, and the pilot that uses them."""
LAST = {"rewrite": "rewrite", "corpus": "curate", "dataset": "dataset", "training": "train"}


async def back(app: HeardApp, base: int, mode: str) -> None:
    """Away with whatever the last action has put over the screen."""
    if app.current_mode != mode:
        await app.switch_mode(mode)
    while len(app.screen_stack) > base:
        await app.pop_screen()


async def pressed(pilot: Pilot[None], keys: tuple[str, ...]) -> None:
    for key in keys:
        await pilot.press(key)
        await settle(pilot)


async def run(app: HeardApp, pilot: Pilot[None], action: actions.Action, key: str) -> bool:
    """Whether `key` runs the action, with the focus where it is, or with none, or on each of the parts."""
    places: list[Callable[[], Any]] = [lambda: None, lambda: app.screen.set_focus(None)]
    if action.where == "rewrite":
        places += [lambda part=part: app.screen.set_focus(part) for part in app.screen.focus_chain]
    base, mode = len(app.screen_stack), app.current_mode
    focused: Widget | None = app.screen.focused
    turn = TURN.get(action.where, "")
    for place in places * (4 if turn else 1):
        place()
        app.heard.clear()
        await pilot.press(key)
        done = action.name in app.heard
        await back(app, base, mode)
        app.screen.set_focus(focused if focused and focused.is_attached else None)
        if done:
            return True
        if turn and place is places[-1]:
            await pilot.press(turn)
    return False


def _late(action: actions.Action) -> int:
    """What ends something comes after what needs it."""
    return 2 if action.name.endswith("back") else int(action.name.startswith(("vote", "undo", "measure")))


async def missing(workspace: Workspace | None, where: str, still_missing: list[actions.Action]) -> list[actions.Action]:
    """Those of the actions that no key of theirs could run here."""
    screen, keys = KEYS_TO.get(where, (where, ()))
    app = HeardApp(workspace, here=Path("/home/you/novels"), screen=screen if workspace else "")
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot, lambda: workspace is None or bool(app.client and app.survey))
        await pressed(pilot, keys)
        if where == "rewrite":
            app.screen.query_one(TextArea).post_message(events.Paste("A long passage. " * 1000))
            await settle(pilot)
        here = getattr(app.screen, "NAME", "")
        if where not in ("app", here):
            return still_missing
        left = []
        for action in sorted(still_missing, key=_late):
            if getattr(app.screen, "NAME", "") != here:
                await pressed(pilot, keys)
            if not await run(app, pilot, action, keymap.keys_of(action)[0]):
                left.append(action)
        return left


@pytest.mark.parametrize("where", list(actions.TITLES))
async def test_every_action_is_run_by_its_key(where: str, tmp_path: Path) -> None:
    left = actions.of(where)
    assert left
    if where in ELSEWHERE:
        assert "pilot.press" in Path(__file__).with_name(ELSEWHERE[where]).read_text()
        return
    for state in ("full", "busy", "failed"):
        workspace = None if where == "welcome" else new_workspace(tmp_path / state)
        if workspace:
            screen = KEYS_TO.get(where, (where, ()))[0]
            whole(workspace, state, "rewrite" if state == "full" else LAST[screen])
        left = await missing(workspace, where, left)
        if not left:
            break
    assert not left, [action.id for action in left]


@pytest.mark.parametrize("where", list(actions.TITLES))
def test_every_action_is_in_the_help_of_its_screen(where: str) -> None:
    for width in (54, 74):
        page = HelpScreen(where).page(width)
        words = " ".join(page.plain.split())
        for action in actions.of(where):
            assert " ".join(action.help.split()) in words
            assert keymap.written(action) or action.display
        assert max(len(line) for line in page.plain.splitlines()) <= width
