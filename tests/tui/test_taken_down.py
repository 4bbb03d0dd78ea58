"""A screen that is taken down while its workers are at work."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from pathlib import Path

from textual import work
from textual.widget import Widget
from textual.widgets import Static

from tui.app import StyloraApp
from tui.screens.base import StyloraScreen


class Slow(Static):
    """Takes its time to go, so that the parts beside it are gone before the screen is."""

    async def on_unmount(self) -> None:
        await asyncio.sleep(0.05)


class BusyScreen(StyloraScreen):
    NAME = "report"
    drawn = 0

    def body(self) -> Iterable[Widget]:
        yield Static("", id="place")
        yield Slow("")

    def show(self) -> None:
        self.query_one("#place", Static).update(f"{self.drawn}")

    def on_mount(self) -> None:
        self.count()

    @work
    async def count(self) -> None:
        while True:
            self.drawn += 1
            self.show()
            await asyncio.sleep(0)


async def test_workers_of_the_app_end_before_its_screens_do(tmp_path: Path) -> None:
    app = StyloraApp(None, here=tmp_path)
    drawn = 0

    async def count() -> None:
        nonlocal drawn
        while True:
            drawn += 1
            app._redraw()
            await asyncio.sleep(0)

    async with app.run_test() as pilot:
        app.run_worker(count())
        async with asyncio.timeout(20):
            while not drawn:
                await pilot.pause(0.01)
    assert not app.return_code


async def test_workers_of_a_screen_end_before_its_parts_do(tmp_path: Path) -> None:
    app = StyloraApp(None, here=tmp_path)
    async with app.run_test() as pilot:
        screen = BusyScreen()
        await app.push_screen(screen)
        async with asyncio.timeout(20):
            while not screen.drawn:
                await pilot.pause(0.01)
        await app.pop_screen()
        drawn = screen.drawn
        await pilot.pause(0.01)
        assert screen.drawn == drawn
    assert not app.return_code
