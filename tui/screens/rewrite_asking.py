"""From knobs and an author to a job's parameters, and back from a job to the adapter it is about."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import PurePath
from typing import Any

from engine.errors import StyloraError
from engine.host.client import HostClient
from engine.host.journal import JobState
from engine.host.survey import AuthorState
from engine.workspace import slug
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


def asked_of(params: Mapping[str, Any], default: str) -> str:
    """Folder name of the adapter that a job with these parameters asks or trains."""
    adapter = params.get("adapter") or next(iter(params.get("adapters") or ()), None)
    if adapter:
        return PurePath(str(adapter)).name
    try:
        return slug(str(params.get("author") or default))
    except StyloraError:
        return ""


def live_training(client: HostClient | None) -> JobState | None:
    """The training that runs, if one does."""
    running = [one for one in (client.jobs.values() if client else ()) if one.status == "running"]
    demos = [one for one in running if one.kind == "demo" and one.stage in STEPPING]
    return next((one for one in running if one.kind == "train" or one in demos), None)
