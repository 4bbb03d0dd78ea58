"""Several processes of one training on this machine, joined over loopback as `mlx.launch` joins them."""

from __future__ import annotations

import json
import os
import socket
import subprocess
from pathlib import Path
from typing import Any

from warm import WARM

TRAIN = """
import json, os, signal, sys
from pathlib import Path
from engine.errors import Cancelled, StyloraError
from engine.training.config import TrainingConfig
from engine.training.trainer import train
from engine.training.loss import LossFunction
base, config, jobs = sys.argv[1:]
rank = int(os.environ["MLX_RANK"])
proper, steps = LossFunction.gradients, []
def gradients(self, *given):
    loss, found = proper(self, *given)
    steps.append(1)
    return (float("nan") if job.get("kind") == f"nan {rank}" and len(steps) == job["at"] else loss), found
LossFunction.gradients = gradients
for job in json.loads(jobs):
    steps.clear()
    def report(progress):
        if progress.stage == "training" and progress.done >= job.get("at", 0):
            if job.get("kind") == f"kill {rank}":
                os.kill(os.getpid(), signal.SIGKILL)
            if job.get("kind") == f"cancel {rank}":
                raise Cancelled
    try:
        data = Path(job["data"][rank])
        trained = train(data=data, base=Path(base), output=Path(job["output"]), config=eval(config), report=report)
        print(trained.stopped, trained.updates, trained.best_valid_loss, flush=True)
    except StyloraError as error:
        print(error, flush=True)
"""


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def job(data: Path | list[Path], output: Path, kind: str = "", at: float = 0) -> dict[str, Any]:
    """One training; ``kill 1`` as `kind` lets process 1 die at update `at`, ``cancel 0`` asks process 0 to stop there.

    With ``nan 1`` process 1's loss is no number in its micro-batch number `at`. `data` may differ by process.
    """
    rows = data if isinstance(data, list) else [data, data]
    return {"data": list(map(str, rows)), "output": str(output), "kind": kind, "at": at}


def in_two_processes(folder: Path, base: Path, config: Any, jobs: list[dict[str, Any]]) -> list[tuple[int, list[str]]]:
    """Do `jobs` one after the other in two processes; each one's exit code, and the lines it printed, one a job."""
    hosts = folder / "hosts.json"
    hosts.write_text(json.dumps([[f"127.0.0.1:{free_port()}"] for _ in range(2)]))
    running = [
        subprocess.Popen(
            [*WARM, "-c", TRAIN, str(base), repr(config), json.dumps(jobs)],
            cwd=Path(__file__).resolve().parents[2],
            env={**os.environ, "OMP_NUM_THREADS": "1", "MLX_RANK": str(rank), "MLX_HOSTFILE": str(hosts)},
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        for rank in range(2)
    ]
    try:
        said = [process.communicate(timeout=90)[0] for process in running]
    finally:
        for process in running:
            process.kill()
    return [(process.wait(), text.splitlines()) for process, text in zip(running, said, strict=True)]
