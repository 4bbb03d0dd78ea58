"""Bytes a second that the app sends to its terminal: on the training screen with one report a second, and idle.

    python tests/bench/app_bytes.py [--seconds 30] [--size 120x40]

The host is real, its training reports what a training reports and computes nothing, first 3,000 updates at once, so
that the chart is full. Idle means no job: each screen is looked at for a third of the time.
"""

from __future__ import annotations

import argparse
import asyncio

from scene import APP, pretended, workspace
from terminal import Terminal, machine

SCREENS = {"1": "corpus", "2": "dataset", "3": "training", "4": "rewrite"}
MOST_BUSY, MOST_IDLE = 3_000, 50


async def training(size: tuple[int, int], seconds: float) -> float:
    with workspace() as (place, env):
        async with pretended(place, a_second=1, at_once=3_000):
            await asyncio.sleep(2)
            with Terminal(APP, size, cwd=place.root, env=env) as terminal:
                terminal.quiet(0.4, most=5)
                terminal.press("3")
                terminal.wait_for("tokens/s")
                terminal.read(4)
                sent = len(terminal.read(seconds)) / seconds
                terminal.must_live()
    return sent


def idle(size: tuple[int, int], seconds: float) -> dict[str, float]:
    found = {}
    with workspace() as (place, env), Terminal(APP, size, cwd=place.root, env=env) as terminal:
        terminal.quiet(1.5)
        for key, name in SCREENS.items():
            terminal.press(key)
            terminal.quiet(1.5)
            found[name] = len(terminal.read(seconds)) / seconds
            terminal.must_live()
            if name == "rewrite":
                terminal.press("\x1b")  # out of the prompt, whose keys these are
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=30)
    parser.add_argument("--size", default="120x40")
    options = parser.parse_args()
    columns, rows = (int(part) for part in options.size.split("x"))
    for name, sent in idle((columns, rows), options.seconds / 3).items():
        print(f"idle, {name:<10} {sent:>8.0f} bytes/s (at most {MOST_IDLE})")
    sent = asyncio.run(training((columns, rows), options.seconds))
    print(f"training, 1 report/s {sent:>4.0f} bytes/s (at most {MOST_BUSY})")
    print(machine())


if __name__ == "__main__":
    main()
