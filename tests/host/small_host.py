"""A real host with small jobs, run as a process of its own: ``python small_host.py WORKSPACE``.

The jobs behave as the real ones do towards their caller, and need no model. `gate` waits for a file, so that
tests decide when a job goes on.
"""

from __future__ import annotations

import logging
import sys
import time
from pathlib import Path
from typing import Any

from engine.control import Control
from engine.errors import Cancelled, Spent, StyloraError
from engine.host.server import serve
from engine.progress import Progress, Report
from engine.workspace import Workspace


def count(workspace: Workspace, params: dict[str, Any], report: Report, _: Control) -> dict[str, Any]:
    total = params.get("to", 3)
    for n in range(total):
        report(Progress("count", n + 1, total, values={"n": n}, message=f"line {n}" if params.get("talk") else ""))
    return {"counted": total}


def gate(workspace: Workspace, params: dict[str, Any], report: Report, _: Control) -> dict[str, Any]:
    """Reports until the file `params["until"]` appears."""
    n = 0
    while not (workspace.root / params["until"]).exists():
        report(Progress("gate", n, values={"n": n}))
        n += 1
        time.sleep(0.01)
    return {"waited": n}


def deaf(workspace: Workspace, params: dict[str, Any], report: Report, _: Control) -> dict[str, Any]:
    """Hears nothing until the file `params["until"]` appears."""
    report(Progress("deaf", message="hears nothing"))
    while not (workspace.root / params["until"]).exists():
        time.sleep(0.01)
    report(Progress("deaf", message="hears again"))
    return {}


def flood(workspace: Workspace, params: dict[str, Any], report: Report, _: Control) -> dict[str, Any]:
    for n in range(params["lines"]):
        report(Progress("flood", n, params["lines"], message="x" * params.get("width", 400)))
    return {}


def refuse(workspace: Workspace, params: dict[str, Any], report: Report, _: Control) -> dict[str, Any]:
    raise StyloraError("book.txt: no such file")


def spend(workspace: Workspace, params: dict[str, Any], report: Report, _: Control) -> dict[str, Any]:
    raise Spent("out of memory; the last checkpoint is kept")


def crash(workspace: Workspace, params: dict[str, Any], report: Report, _: Control) -> dict[str, Any]:
    raise ValueError(f"a secret passage: {params}")


def steps(workspace: Workspace, params: dict[str, Any], report: Report, control: Control) -> dict[str, Any]:
    """Can be steered as a training can: reports what it was asked, until asked to stop. With ``params["ready"]`` it is
    not that far until a file of this name appears."""
    told: list[str] = []
    while "ready" in params and not (workspace.root / params["ready"]).exists():
        report(Progress("steps", message="starting"))
        time.sleep(0.01)
    with control.heard():
        report(Progress("steps", message="under way"))
        while "stop" not in told:
            if control.cancelled:
                raise Cancelled
            if control.paused:
                report(Progress("steps", message="paused"))
                while control.paused and not control.cancelled:
                    control.wait(0.01)
                report(Progress("steps", message="going on"))
            for action, value in control.taken():
                told.append(action)
                report(Progress("steps", message=f"{action} {value}"))
            time.sleep(0.01)
    return {"told": told}


def rewrite(workspace: Workspace, params: dict[str, Any], report: Report, _: Control) -> dict[str, Any]:
    return {"rewritten": params.get("text", "")}


JOBS = {
    "spend": spend,
    "steps": steps,
    "rewrite": rewrite,
    "count": count,
    "gate": gate,
    "deaf": deaf,
    "flood": flood,
    "refuse": refuse,
    "crash": crash,
}

if __name__ == "__main__":
    logging.basicConfig(stream=sys.stderr, level=logging.INFO)
    serve(Workspace.find(Path(sys.argv[1])), JOBS, float(sys.argv[2]) if len(sys.argv) > 2 else 0.2)
