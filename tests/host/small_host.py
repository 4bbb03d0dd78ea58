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

from engine.errors import StyloraError
from engine.host.server import serve
from engine.progress import Progress, Report
from engine.workspace import Workspace


def count(workspace: Workspace, params: dict[str, Any], report: Report) -> dict[str, Any]:
    total = params.get("to", 3)
    for n in range(total):
        report(Progress("count", n + 1, total, values={"n": n}, message=f"line {n}" if params.get("talk") else ""))
    return {"counted": total}


def gate(workspace: Workspace, params: dict[str, Any], report: Report) -> dict[str, Any]:
    """Reports until the file `params["until"]` appears."""
    n = 0
    while not (workspace.root / params["until"]).exists():
        report(Progress("gate", n, values={"n": n}))
        n += 1
        time.sleep(0.01)
    return {"waited": n}


def flood(workspace: Workspace, params: dict[str, Any], report: Report) -> dict[str, Any]:
    for n in range(params["lines"]):
        report(Progress("flood", n, params["lines"], message="x" * params.get("width", 400)))
    return {}


def refuse(workspace: Workspace, params: dict[str, Any], report: Report) -> dict[str, Any]:
    raise StyloraError("book.txt: no such file")


def crash(workspace: Workspace, params: dict[str, Any], report: Report) -> dict[str, Any]:
    raise ValueError(f"a secret passage: {params}")


JOBS = {"count": count, "gate": gate, "flood": flood, "refuse": refuse, "crash": crash}

if __name__ == "__main__":
    logging.basicConfig(stream=sys.stderr, level=logging.INFO)
    serve(Workspace.find(Path(sys.argv[1])), JOBS, float(sys.argv[2]) if len(sys.argv) > 2 else 0.2)
