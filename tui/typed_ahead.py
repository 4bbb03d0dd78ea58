"""Keys typed ahead: each is done with before the next is looked at, and waits while a screen is still opening.

Textual hands a key to the screen in front when it arrives. Of "4Hello" in one burst, as a slow line delivers it, the
letters would go to the screen that the 4 leaves, or to the new one's single keys before its prompt is there.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections import deque
from typing import Any

from textual import events
from textual.app import App
from textual.dom import DOMNode
from textual.message_pump import MessagePump
from textual.screen import Screen

HELD_SECONDS = 5.0
"""A screen that is not open after this long gets its keys all the same. Chosen: longer, and one thinks it is dead."""
_LOOK_SECONDS = 0.01
_TURNS = 3
"""Turns of the loop that a worker, started by a key, is given to put its form in front."""


class TypedAhead(App[None]):
    """An app whose keys and pasted texts are taken one by one, in the order they came."""

    def __init__(self, *, ansi_color: bool | None = None) -> None:
        super().__init__(ansi_color=ansi_color)
        self._typed: deque[events.Key | events.Paste] = deque()
        self._typing: asyncio.Task[None] | None = None
        self._open: Screen[Any] | None = None
        """The screen that has had a key already."""
        self._tired = False
        """A key was held in vain: the next ones are not."""

    @property
    def opening(self) -> bool:
        """Whether what the screen in front needs for its keys is not there yet."""
        screens = self._screen_stacks.get(self._current_mode)
        return not (screens and screens[-1].is_mounted)

    async def on_event(self, event: events.Event) -> None:
        if isinstance(event, events.Key | events.Paste) and not event.is_forwarded:
            self._typed.append(event)
            if self._typing is None or self._typing.done():
                self._typing = asyncio.create_task(self._take())
        else:
            await super().on_event(event)

    async def _take(self) -> None:
        while self._typed:
            since = time.monotonic()
            while self.opening and not self._tired and time.monotonic() - since < HELD_SECONDS:
                await asyncio.sleep(_LOOK_SECONDS)
            self._tired = self.opening
            if not self.is_running:
                return
            if self.screen is not self._open:
                await self._passed(self.screen)  # what it has still to do on opening
                self._open = self.screen
            taken = asyncio.Event()
            if not self.call_later(self._press, self._typed.popleft(), taken):
                return
            await taken.wait()
            await self._bubbled(self.focused or self.screen)
            for _ in range(_TURNS):
                await asyncio.sleep(0)

    async def _press(self, event: events.Event, taken: asyncio.Event) -> None:
        try:
            await super().on_event(event)
        finally:
            taken.set()

    async def _bubbled(self, target: DOMNode) -> None:
        """Wait until what was forwarded to `target` has come up to the app and is done with."""
        for node in (*target.ancestors_with_self, self):
            await self._passed(node)

    @staticmethod
    async def _passed(node: MessagePump) -> None:
        """Wait until `node` has handled what is in its queue now."""
        passed = asyncio.Event()
        if node.call_later(passed.set):  # one that closes takes nothing more, and may not come to it
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(passed.wait(), HELD_SECONDS)
