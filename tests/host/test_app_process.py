"""The app's own process on a real host: what must never be in it, since it would delay the first paint."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from engine.host import address
from engine.workspace import Workspace

HEAVY = {"mlx", "mlx_lm", "spacy", "transformers", "tokenizers", "numpy", "sklearn", "typer"}
LOOK_AT_ALL_SCREENS = """
import asyncio, sys
from pathlib import Path
from engine.workspace import Workspace
from tui.app import StyloraApp

async def look():
    app = StyloraApp(Workspace(Path(sys.argv[1])), host_command=sys.argv[2:])
    async with app.run_test(size=(120, 40)) as pilot:
        first = set(sys.modules)
        async with asyncio.timeout(30):
            while app.client is None or app.survey is None:
                await pilot.pause(0.01)
        for key in "2341":
            await pilot.press(key)
            await pilot.pause()
        await app.client.stop()
    return first

first = asyncio.run(look())
print(*sorted({name.partition(".")[0] for name in first}))
print(*sorted({name.partition(".")[0] for name in sys.modules}))
"""


def test_app_never_imports_what_is_heavy(tmp_path: Path) -> None:
    home = Path(__file__).resolve().parents[2]
    work, runtime = tmp_path / "w", tmp_path / "run"
    for folder in (work, runtime):
        folder.mkdir()
    (work / "stylora.toml").write_text('author = "Small"\n')
    host = (sys.executable, str(Path(__file__).with_name("small_host.py")))
    out = subprocess.run(
        [sys.executable, "-c", LOOK_AT_ALL_SCREENS, str(work), *host],
        cwd=home,
        env={**os.environ, "XDG_RUNTIME_DIR": str(runtime)},
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    ).stdout.splitlines()
    at_first_paint, ever = (set(line.split()) for line in out)
    assert "textual" in at_first_paint
    assert HEAVY.isdisjoint(at_first_paint)
    assert HEAVY.isdisjoint(ever)
    assert address.find(Workspace(work)) is not None
