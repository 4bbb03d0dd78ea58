"""From knobs and an author to a job's parameters, and which training answers."""

from __future__ import annotations

from typing import Any

from engine.host.client import HostClient
from engine.host.journal import JobState
from engine.host.survey import AuthorState
from tui.screens.rewrite_knobs import Knobs
from tui.screens.training_steering import STEPPING

LONGEST = 4 << 20
"""Characters of one request; the host takes a longer line for garbage."""


def params_of(knobs: Knobs, author: AuthorState, text: str, again: int) -> dict[str, Any]:
    """Parameters of a ``rewrite`` job; `again` is the turn that it says once more, or 0."""
    told: dict[str, Any] = {"author": author.name, "text": text, **knobs.params()}
    if knobs.adapter:
        told["adapter"] = knobs.adapter
    if knobs.checkpoint:
        told["checkpoint"] = knobs.checkpoint
    if again:
        told["again"] = again
    return told


def live_training(client: HostClient | None) -> JobState | None:
    """The training that runs, if one does."""
    running = [one for one in (client.jobs.values() if client else ()) if one.status == "running"]
    demos = [one for one in running if one.kind == "demo" and one.stage in STEPPING]
    return next((one for one in running if one.kind == "train" or one in demos), None)
