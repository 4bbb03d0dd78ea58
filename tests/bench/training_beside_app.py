"""What a training loses to an app that looks at it: tokens a second with and without, in turn; Linux only.

    python tests/bench/training_beside_app.py [--turns 6] [--seconds 20] [--model smollm2-135m]

The host trains for real. In every other stretch of `--seconds` the app shows the training screen on a pty, which is
read all the time. Speeds come from the tokens that the training counted between its first and last update in a
stretch; each stretch with the app is compared with its neighbours, and the median of these ratios counts. On a busy
machine look at the other line: the CPU time that the app took as a share of all cores.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import statistics
import time

from scene import APP, EMBEDDED, training, workspace
from terminal import Terminal, machine, seconds_of_cpu

from engine.host import journal

MOST = 0.02


async def compare(turns: int, seconds: float, model: str) -> None:
    with workspace(trained=True) as (place, env):
        client, job = await training(place, model=model)
        stretches: list[tuple[bool, float, float]] = []
        shares, hosts = [], {True: [], False: []}  # type: ignore[var-annotated]
        for turn in range(2 * turns + 1):
            looking = turn % 2 == 1
            terminal = Terminal(APP, (120, 40), cwd=place.root, env=env) if looking else None
            if terminal:
                await asyncio.to_thread(terminal.quiet, 1.0, 6)
                terminal.press("3")
                await asyncio.to_thread(terminal.wait_for, "tokens/s")
            taken = [seconds_of_cpu(pid) for pid in (client.host_pid, terminal.pid if terminal else os.getpid())]
            began, first = time.time(), time.monotonic()
            if terminal:
                await asyncio.to_thread(terminal.read, seconds)
            else:
                await asyncio.sleep(seconds)
            spent = time.monotonic() - first
            stretches.append((looking, began, time.time()))
            hosts[looking].append((seconds_of_cpu(client.host_pid) - taken[0]) / spent)
            if terminal:
                shares.append((seconds_of_cpu(terminal.pid) - taken[1]) / spent / (os.cpu_count() or 1))
                terminal.must_live()
                terminal.kill()
        if not client.jobs[job].active:
            raise SystemExit("the training ended before its time")
        events = [event for event in journal.replay(journal.path(place, job)) if "tokens" in event.values]
        client.close()
    speeds = []
    for _, began, over in stretches:
        inside = [event for event in events if began <= event.t <= over]
        tokens = inside[-1].values["tokens"] - inside[0].values["tokens"]
        speeds.append(tokens / (inside[-1].t - inside[0].t))
    ratios = [2 * speeds[at] / (speeds[at - 1] + speeds[at + 1]) for at in range(1, len(speeds), 2)]
    alone, beside = statistics.median(speeds[::2]), statistics.median(speeds[1::2])
    print(f"{model}: {alone:.1f} tokens/s alone, {beside:.1f} beside the app; medians of {turns} stretches and more")
    print(f"slowed by {100 * (1 - statistics.median(ratios)):+.1f}% (at most {100 * MOST:g}%); by stretch:", end=" ")
    print(*(f"{100 * (1 - ratio):+.1f}" for ratio in ratios))
    print(f"the app took {100 * statistics.median(shares):.2f}% of all cores", end="; ")
    cores = {looking: statistics.median(share) for looking, share in hosts.items()}
    print(f"the host had {cores[False]:.2f} cores alone, {cores[True]:.2f} beside the app")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--turns", type=int, default=6)
    parser.add_argument("--seconds", type=float, default=20)
    parser.add_argument("--model", default=EMBEDDED)
    options = parser.parse_args()
    asyncio.run(compare(options.turns, options.seconds, options.model))
    print(machine())


if __name__ == "__main__":
    main()
