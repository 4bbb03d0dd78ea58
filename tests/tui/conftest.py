"""A real app on a real host process with small jobs, in a workspace of its own."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path

import pytest
from textual.pilot import Pilot

from engine.host.client import HostClient
from engine.workspace import Workspace
from tui.app import StyloraApp

COMMAND = (sys.executable, str(Path(__file__).with_name("street_host.py")))
Open = Callable[..., AbstractAsyncContextManager[Pilot[None]]]


@pytest.fixture
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Workspace:
    (tmp_path / "run").mkdir()
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path / "run"))
    root = tmp_path / "work"
    (root / "styles").mkdir(parents=True)
    (root / "styles" / "small_voice_full.txt").write_text("A wheel turned. " * 200)
    (root / "styles" / "other_voice_full.txt").write_text("A sea rose. " * 100)
    (root / "stylora.toml").write_text(
        'author = "Small Voice"\nbase_model = "tiny"\n'
        '[models.tiny]\nsource = "folder"\nlocation = "x"\npath = "models/tiny"\n'
        "[rewrite]\nvariations = 3\n"
    )
    return Workspace(root)


@pytest.fixture
async def open_app(workspace: Workspace) -> AsyncIterator[Open]:
    """``async with open_app(size=(80, 24)) as pilot``; the host is stopped after the test."""

    @asynccontextmanager
    async def opened(size: tuple[int, int] = (100, 30), here: Path | None = None) -> AsyncIterator[Pilot[None]]:
        app = StyloraApp(None if here else workspace, host_command=COMMAND, here=here)
        async with app.run_test(size=size, notifications=True) as pilot:
            if not here:
                await until(pilot, lambda: app.client is not None and app.survey is not None)
            yield pilot

    yield opened
    if client := await HostClient.attach(workspace):
        await client.stop(force=True)


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
