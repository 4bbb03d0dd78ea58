"""What tests of the app say in a word: wait until, and what is shown."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from pathlib import Path

from textual.pilot import Pilot

COMMAND = (sys.executable, str(Path(__file__).with_name("street_host.py")))
"""Starts a host with small jobs."""

Open = Callable[..., AbstractAsyncContextManager[Pilot[None]]]


async def until(pilot: Pilot[None], condition: Callable[[], object]) -> None:
    """Let the app go on until `condition` holds."""
    async with asyncio.timeout(20):
        while not condition():
            await pilot.pause(0.01)
    await pilot.pause()


def shown(pilot: Pilot[None]) -> str:
    """What the terminal shows, as text."""
    screen = pilot.app.screen
    return "\n".join(strip.text for strip in screen._compositor.render_strips())
