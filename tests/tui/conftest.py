"""A real app on a real host process with small jobs, in a workspace of its own."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from app_pilot import COMMAND, Open, until
from textual.pilot import Pilot

from engine.host.client import HostClient
from engine.workspace import Workspace
from tui.app import StyloraApp


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
