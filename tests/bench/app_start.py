"""From process start to first paint: Stylora beside other terminal apps, one after another in turn.

    python tests/bench/app_start.py [--turns 7] [--size 120x40] [--peer "NAME=COMMAND" ...]

A peer is any command that opens a full-screen app, for example ``--peer "demo=/venv/bin/python -m textual"``. Each
is started on a pty of its own; the clock stops when 100 visible characters have come (a frame, whatever its colours),
and "complete" is the last output before half a second of quiet. Medians over all turns. Ours opens a workspace, and
its host is running already or not, by turns of the same number. Then the modules of our process are looked at.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import shlex
import statistics
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "tests" / "bench")]

from terminal import Terminal, machine, visible  # noqa: E402

from engine.host.client import HostClient  # noqa: E402
from engine.workspace import Workspace  # noqa: E402

FIRST = 100
"""Visible characters of a first paint."""
HEAVY = ("mlx", "mlx_lm", "spacy", "transformers", "numpy", "tokenizers", "sklearn")
"""What has no business in the app's process."""
WATCHED = """
import atexit, json, sys
atexit.register(lambda: open(sys.argv[1], "w").write(json.dumps(sorted(sys.modules))))
from tui.app import run
run()
"""


def workspace(folder: Path) -> dict[str, str]:
    """An author's workspace in `folder`, and the environment in which its host is not the user's."""
    (folder / "styles").mkdir()
    (folder / "run").mkdir()
    (folder / "stylora.toml").write_text('author = "Small Voice"\n')
    (folder / "styles" / "small_voice_full.txt").write_text("A wheel turned in the dark. " * 400)
    return {"XDG_RUNTIME_DIR": str(folder / "run"), "PYTHONPATH": str(ROOT)}


def start(command: list[str], size: tuple[int, int], cwd: Path, env: dict[str, str]) -> tuple[float, float]:
    """Seconds to the first paint and to the complete picture."""
    with Terminal(command, size, cwd=cwd, env=env) as terminal:
        terminal.read(30, until=lambda: visible(bytes(terminal.seen)) >= FIRST)
        first = terminal.last - terminal.began
        if visible(bytes(terminal.seen)) < FIRST:
            sys.exit(f"{shlex.join(command)}: no picture in 30 seconds; it said:\n{terminal.text()[-1500:]}")
        terminal.quiet(0.5, most=6)
        return first, terminal.last - terminal.began


def stop_host(cwd: Path) -> None:
    """End the workspace's host, if there is one."""

    async def stop() -> None:
        if client := await HostClient.attach(Workspace(cwd)):
            await client.stop(force=True)
            while not client.lost:
                await asyncio.sleep(0.01)

    asyncio.run(stop())


def modules(size: tuple[int, int], cwd: Path, env: dict[str, str]) -> list[str]:
    """Every module of our process when it is left by its own key."""
    told = cwd / "modules.json"
    with Terminal([sys.executable, "-c", WATCHED, str(told)], size, cwd=cwd, env=env) as terminal:
        terminal.quiet(1.0)
        terminal.press("\x11")  # ^q
        deadline = time.monotonic() + 15
        while not told.exists() and time.monotonic() < deadline:
            terminal.read(0.1)
    return list(json.loads(told.read_text()))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--turns", type=int, default=7)
    parser.add_argument("--size", default="120x40")
    parser.add_argument("--peer", action="append", default=[], metavar="NAME=COMMAND")
    options = parser.parse_args()
    columns, rows = (int(part) for part in options.size.split("x"))

    with tempfile.TemporaryDirectory(prefix="stylora-bench-") as name:
        home = Path(name)
        ours, elsewhere = home / "ours", home / "elsewhere"
        ours.mkdir()
        elsewhere.mkdir()
        env = workspace(ours)
        stylora = [sys.executable, "-m", "tui.cli"]
        sides = {"stylora": stylora, "stylora, no host yet": stylora}
        for peer in options.peer:
            title, _, command = peer.partition("=")
            sides[title] = shlex.split(command)
        figures: dict[str, list[tuple[float, float]]] = {title: [] for title in sides}
        for turn in range(options.turns + 1):  # the first is for the disk's cache
            for title, command in sides.items():
                if title == "stylora, no host yet":
                    stop_host(ours)
                mine = title.startswith("stylora")
                took = start(command, (columns, rows), ours if mine else elsewhere, env if mine else {})
                if turn:
                    figures[title].append(took)
        print(f"{'':<22}{'first paint':>12}{'complete':>12}   medians of {options.turns} turns, seconds")
        medians = {
            title: [statistics.median(side) for side in zip(*took, strict=True)] for title, took in figures.items()
        }
        for title, (first, complete) in sorted(medians.items(), key=lambda item: item[1]):
            print(f"{title:<22}{first:>12.3f}{complete:>12.3f}")
        fastest = min((median[0] for title, median in medians.items() if not title.startswith("stylora")), default=0)
        if fastest:
            print(f"ratio to the fastest peer: {medians['stylora'][0] / fastest:.2f} (must be below 1)")
        loaded = modules((columns, rows), ours, env)
        stop_host(ours)
        heavy = sorted({name.partition(".")[0] for name in loaded} & set(HEAVY))
        print(f"{len(loaded)} modules in the app's process; heavy ones: {', '.join(heavy) or 'none'}")
    print(machine())
    if heavy:
        sys.exit(1)


if __name__ == "__main__":
    main()
