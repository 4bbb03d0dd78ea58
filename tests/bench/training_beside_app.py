"""What a training loses to an app that looks at it: tokens a second with and without, in turn; Linux only.

    python tests/bench/training_beside_app.py [--turns 6] [--seconds 20] [--model smollm2-135m]

The host trains for real. In every other stretch of `--seconds` the app shows the training screen on a pty, which is
read all the time. Speeds come from the tokens that the training counted between its first and last update in a
stretch; each stretch with the app is compared with its neighbours, and the median of these ratios counts. On a busy
machine, where a stretch may have too few updates to tell, the last two lines count: tokens for a second of the host's
own CPU time, and the CPU time that the app took as a share of all cores.
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
FEWEST = 4
"""Updates in a stretch from which on its speed says something. Chosen: one more or less is then a quarter."""


async def compare(turns: int, seconds: float, model: str) -> None:
    with workspace(trained=True) as (place, env):
        client, job = await training(place, model=model)
        stretches: list[tuple[float, float, float]] = []
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
            took = seconds_of_cpu(client.host_pid) - taken[0]
            stretches.append((began, time.time(), took))
            hosts[looking].append(took / spent)
            if terminal:
                shares.append((seconds_of_cpu(terminal.pid) - taken[1]) / spent / (os.cpu_count() or 1))
                terminal.must_live()
                terminal.kill()
        if not client.jobs[job].active:
            raise SystemExit("the training ended before its time")
        events = [event for event in journal.replay(journal.path(place, job)) if "tokens" in event.values]
        client.close()
    speeds, worth, fewest = [], [], FEWEST
    for began, over, took in stretches:
        inside = [event for event in events if began <= event.t <= over]
        fewest = min(fewest, len(inside))
        if len(inside) > 1:
            lasted = inside[-1].t - inside[0].t
            tokens = inside[-1].values["tokens"] - inside[0].values["tokens"]
            speeds.append(tokens / lasted)
            worth.append(tokens / (took * lasted / (over - began)))
    if fewest < FEWEST:
        print(f"{model}: {fewest} updates in a stretch are too few; give it more --seconds or a quieter machine")
    else:
        compared("tokens/s", speeds, model, turns)
        compared("tokens for a second of the host's CPU time", worth, model, turns)
    print(f"the app took {100 * statistics.median(shares):.2f}% of all cores", end="; ")
    cores = {looking: statistics.median(share) for looking, share in hosts.items()}
    print(f"the host had {cores[False]:.2f} cores alone, {cores[True]:.2f} beside the app")


def compared(what: str, values: list[float], model: str, turns: int) -> None:
    """Say what each stretch with the app, every other one, has less than its neighbours."""
    ratios = [2 * values[at] / (values[at - 1] + values[at + 1]) for at in range(1, len(values), 2)]
    alone, beside = statistics.median(values[::2]), statistics.median(values[1::2])
    print(f"{model}: {alone:.1f} {what} alone, {beside:.1f} beside the app; medians of {turns} stretches and more")
    print(f"less by {100 * (1 - statistics.median(ratios)):+.1f}% (at most {100 * MOST:g}%); by stretch:", end=" ")
    print(*(f"{100 * (1 - ratio):+.1f}" for ratio in ratios))


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
