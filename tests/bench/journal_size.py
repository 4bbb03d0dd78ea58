"""A journal of a million events: how soon the app shows its curve, and what memory it takes to.

    python tests/bench/journal_size.py [--events 1000000] [--turns 3] [--talk 10]

The journal is written by the host's own code, with what a training reports; every `--talk`-th report has a message.
Attach time is a client's, from nothing to the last event of the thinned history in hand. The app's is from its
process' start to the last update's number on the training screen, less the same for a journal of 200 events; its
memory is the most that was resident ever.
"""

from __future__ import annotations

import argparse
import asyncio
import random
import statistics
import time
from pathlib import Path

from scene import APP, PRETENDED, report_of, workspace
from terminal import Terminal, machine, resident

from engine.host import journal
from engine.host.client import HostClient
from engine.workspace import Workspace
from tui.text import whole

MOST_SECONDS, MOST_MEMORY = 2.0, 300 << 20


def write(place: Workspace, events: int, talk: int) -> Path:
    """The journal of a training that is over after so many events."""
    written, draw = journal.Journal(place, "train"), random.Random("bench:journal:0")
    written.append("queued", kind="train", params={"author": "Small Voice"})
    written.append("started")
    for n in range(1, events - 2):
        message = f"update {n}: loss {draw.random():.4f}, smoothed {draw.random():.4f}" if n % talk == 0 else ""
        values = report_of(n, events, draw)
        written.append("progress", stage="training", done=n, total=events, message=message, values=values)
    written.append("done", result={"updates": events - 3})
    written.close()
    return journal.path(place, written.job)


async def attach(place: Workspace) -> tuple[float, int]:
    """Seconds from nothing to the whole curve in hand, and the number of events it came in."""
    client = await HostClient.connect(place, command=PRETENDED)
    client.close()
    began, count = time.monotonic(), 0
    client = await HostClient.connect(place)
    (job,) = client.jobs
    async for events in client.follow(job, thin=True):
        count += len(events)
    took = time.monotonic() - began
    client.close()
    return took, count


def shown(place: Workspace, env: dict[str, str], update: str) -> tuple[float, int]:
    """Seconds until the app shows `update` on the training screen, from its start, and its greatest memory."""
    with Terminal(APP, (120, 40), cwd=place.root, env=env) as terminal:
        terminal.wait_for("Corpus", 60)
        terminal.press("3")
        terminal.wait_for(update, 120)
        took = time.monotonic() - terminal.began
        terminal.quiet(1.0)
        return took, resident(terminal.pid)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--events", type=int, default=1_000_000)
    parser.add_argument("--turns", type=int, default=3)
    parser.add_argument("--talk", type=int, default=10)
    options = parser.parse_args()
    app: dict[str, list[float]] = {}
    memory = 0
    for name, events in (("short", 200), ("long", options.events)):
        with workspace() as (place, env):
            began = time.monotonic()
            path = write(place, events, options.talk)
            size = path.stat().st_size / 1e6
            print(f"{name}: {events:,} events, {size:.0f} MB, written in {time.monotonic() - began:.1f} s")
            took = [asyncio.run(attach(place)) for _ in range(options.turns)]
            seconds = statistics.median(one[0] for one in took)
            print(f"{name}: attached in {seconds:.2f} s (at most {MOST_SECONDS:g}), by {took[0][1]:,} events")
            last = events - 3
            for _ in range(options.turns):
                seconds, most = shown(place, env, whole(last))
                app.setdefault(name, []).append(seconds)
                memory = max(memory, most)
    extra = statistics.median(app["long"]) - statistics.median(app["short"])
    print(f"app: long journal shown {extra:+.2f} s after the short one's time (at most {MOST_SECONDS:g})")
    print(f"app: {memory >> 20} MiB resident at most (at most {MOST_MEMORY >> 20})")
    print(machine())


if __name__ == "__main__":
    main()
