"""From key press to echo in the rewrite prompt: while the host trains, and under a flood of log lines.

    python tests/bench/app_latency.py [--keys 200] [--model smollm2-135m] [--only training | flood] [--seconds 60]

training  the host trains for real with the embedded model (or the tiny one), the terminal shows the rewrite screen
flood     the host's job logs 10,000 lines a second for `--seconds`; keys are pressed on the rewrite screen, and F1 for
          the help on the training screen, which shows the flood

Every key is another letter, so that its echo is known from whatever else is drawn. Latency is from the write into
the pty to the read that held the letter.
"""

from __future__ import annotations

import argparse
import asyncio
import random
import statistics
import time
from collections.abc import Callable

from scene import APP, EMBEDDED, pretended, training, workspace
from terminal import Terminal, machine

CODES = (*range(0x0400, 0x0460), *range(0x0391, 0x03CA), *range(0x0100, 0x0180))
LETTERS = [chr(code) for code in CODES if chr(code).isalpha()]
HELP = "scroll · Esc back".encode()
"""What only the help says."""
MOST_TRAINING, MOST_FLOOD = 0.050, 0.100
FLOOD = 10_000


def typed(terminal: Terminal, keys: int, *, going: Callable[[], bool] = lambda: True) -> list[float]:
    """Seconds from key to echo of so many letters, pressed at uneven intervals."""
    draw, found = random.Random("bench:keys:0"), []
    for letter in (LETTERS * (1 + keys // len(LETTERS)))[:keys]:
        terminal.read(draw.uniform(0.05, 0.15))
        start, began = len(terminal.seen), time.monotonic()
        terminal.press(letter)
        found.append(terminal.last - began if terminal.shows(letter.encode(), start) else 5.0)
        if not going():
            break
    return found


def helped(terminal: Terminal, keys: int) -> list[float]:
    """Seconds from F1 to the help's first words, on a screen that is busy."""
    found = []
    for _ in range(keys):
        start, began = len(terminal.seen), time.monotonic()
        terminal.press("\x1bOP")
        found.append(terminal.last - began if terminal.shows(HELP, start) else 5.0)
        terminal.press("\x1bOP\x1b")
        terminal.read(0.6)
    return found


def told(name: str, found: list[float], most: float) -> None:
    ordered = sorted(found)
    p95 = ordered[min(len(ordered) - 1, int(0.95 * len(ordered)))]
    print(
        f"{name}: median {1000 * statistics.median(ordered):.0f} ms, p95 {1000 * p95:.0f} ms, "
        f"worst {1000 * ordered[-1]:.0f} ms of {len(ordered)} keys (p95 at most {1000 * most:.0f} ms)"
    )


def open_prompt(terminal: Terminal) -> None:
    terminal.quiet(1.0, most=10)
    terminal.press("4")
    terminal.quiet(1.0, most=5)


async def while_training(keys: int, model: str) -> None:
    with workspace(trained=True) as (place, env):
        client, job = await training(place, model=model)
        with Terminal(APP, (120, 40), cwd=place.root, env=env) as terminal:
            open_prompt(terminal)
            before = float(client.jobs[job].values["update"])
            found = await asyncio.to_thread(typed, terminal, keys)
            await asyncio.sleep(0.2)
            made = float(client.jobs[job].values["update"]) - before
            terminal.must_live()
        client.close()
    told(f"typing while {model} trains ({made:.0f} updates meanwhile)", found, MOST_TRAINING)


async def in_flood(seconds: float, keys: int) -> None:
    with workspace() as (place, env):
        async with pretended(place, a_second=FLOOD, talk=True, updates=int(FLOOD * (seconds + 15))) as client:
            with Terminal(APP, (120, 40), cwd=place.root, env=env) as terminal:
                terminal.quiet(0.3, most=3)
                terminal.press("3")
                await asyncio.to_thread(terminal.wait_for, "tokens/s")
                began = time.monotonic()
                (job,) = client.jobs
                first = client.jobs[job].last
                opened = await asyncio.to_thread(helped, terminal, keys // 5)
                terminal.press("4")
                await asyncio.to_thread(terminal.read, 1.0)
                found = await asyncio.to_thread(typed, terminal, keys, going=lambda: time.monotonic() - began < seconds)
                await asyncio.sleep(0.2)
                pace = (client.jobs[job].last - first) / (time.monotonic() - began)
                terminal.must_live()
    told("help on the training screen in the flood", opened, MOST_FLOOD)
    told(f"typing at {pace:,.0f} log lines a second, for {seconds:.0f} s", found, MOST_FLOOD)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--keys", type=int, default=200)
    parser.add_argument("--model", default=EMBEDDED)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--only", choices=("training", "flood"))
    options = parser.parse_args()
    if options.only != "flood":
        asyncio.run(while_training(options.keys, options.model))
    if options.only != "training":
        asyncio.run(in_flood(options.seconds, options.keys))
    print(machine())


if __name__ == "__main__":
    main()
