"""What screen 3 says of a training: which run it makes, how it stands, how it goes on, and what to press."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from pathlib import PurePath
from typing import Any

from textual.content import Content

from engine.errors import StyloraError
from engine.host.journal import JobState
from engine.host.runs import INTERRUPTED, RUNNING, Run
from engine.host.survey import Survey
from engine.workspace import BUNDLED_AUTHOR, slug
from tui import keymap, text
from tui.widgets.run_list import run_status

BEGUN = frozenset({"stopped", "time", "cancelled", INTERRUPTED})
"""How a run ends that can go on."""
_NOT_AGAIN = frozenset({"fresh", "minutes", "time_limit"})
"""Parameters of a start that going on does not repeat."""


def key(action: str) -> str:
    """The key in use for one of this screen's actions."""
    return keymap.key(f"training.{action}")


# -- which run, and how it goes on ------------------------------------------------------------------------


def run_of(state: JobState, survey: Survey | None) -> str:
    """Folder name in `lora_adapters/` of the adapter that a job makes, measures or asks."""
    adapter = state.params.get("adapter") or next(iter(state.params.get("adapters") or ()), None)
    return PurePath(str(adapter)).name if adapter else slug_of(state, survey)


def slug_of(state: JobState, survey: Survey | None) -> str:
    """Whose voice a job is about, the workspace's author by default."""
    if state.kind == "demo":
        return slug(BUNDLED_AUTHOR)
    return _slug(str(state.params.get("author") or (survey.settings.author if survey else "")))


def resumable(state: JobState | None, run: Run | None) -> bool:
    """Whether there is something to go on with: of the followed job, or else of the run on disk."""
    if state is None:
        return run is not None and run.status in BEGUN and bool(run.checkpoints)
    stopped = state.result.get("stopped") in BEGUN
    return state.kind in ("train", "demo") and (state.status in ("failed", "cancelled", "interrupted") or stopped)


def again(state: JobState | None, run: Run | None, author: str) -> dict[str, Any]:
    """The parameters with which a training goes on where it was."""
    if state is not None:
        return {name: value for name, value in state.params.items() if name not in _NOT_AGAIN}
    assert run
    named = {} if run.name == _slug(run.author or author) else {"adapter": run.name}
    told = {name: value for name, value in run.config.items() if name not in _NOT_AGAIN and value is not None}
    return {"author": run.author or author, **named, **told}


def _slug(author: str) -> str:
    try:
        return slug(author)
    except StyloraError:
        return ""


def command(params: Mapping[str, Any]) -> str:
    """The same as a shell command; what has no option of its own is left to the settings."""
    options = ("config", "author", "data", "adapter", "model", "rank", "learning_rate", "epochs", "max_seq_length")
    parts = ["stylora", "train"]
    for name in options:
        if params.get(name) is not None:
            value, short = params[name], f"{params[name]:g}" if isinstance(params[name], float) else ""
            parts += [f"--{name.replace('_', '-')}", short if short and float(short) == value else str(value)]
    parts += ["--auto-fit"] if params.get("auto_fit") else []
    return shlex.join(parts)


# -- the state in a line ------------------------------------------------------------------------------------


def headline(state: JobState, survey: Survey | None) -> Content:
    """Whose training, on what, and how it stands."""
    model = state.params.get("model") or (survey.settings.base_model if survey else "")
    name = state.params.get("adapter")
    who = str(state.params.get("author") or ("the demo" if state.kind == "demo" else ""))
    status = state.status
    if status == "running":
        status = "paused" if state.values.get("paused") else _phase(state)
        status = "stopping" if state.stopping else status
    status = {"done": _stopped(state)}.get(status, status)
    what = [str(model) if state.kind != "demo" else "", f"as {PurePath(str(name)).name}" if name else ""]
    return Content.assemble(
        (f"{text.GLYPHS[state.status]} ", _style(state.status)),
        (who, "bold $strong"),
        (f"  {' '.join(filter(None, [*what, status]))}, started {text.clock(state.created)}", "$quiet"),
    )


def _phase(state: JobState) -> str:
    """What a running job is at, in a word or two."""
    stages = {"training": "training", "validation": "validating", "sample": "writing samples"}
    stages |= {"calibrate": "trained, measuring its thresholds", "check": "trained, measuring it"}
    return stages.get(state.stage.partition(":")[0], "starting")


def _stopped(state: JobState) -> str:
    return {
        "stopped": "stopped and saved",
        "time": "stopped by its time limit",
        "patience": "done: no better for long",
    }.get(str(state.result.get("stopped")), "done")


def _style(status: str) -> str:
    return {"done": "$success", "failed": "$error", "interrupted": "$warning", "cancelled": "$warning"}.get(
        status, "$primary"
    )


def headline_of(run: Run) -> Content:
    """The same of a run that is known from its files alone."""
    mark = {RUNNING: "●", "finished": "✓"}.get(run.status, "■")
    return Content.assemble(
        (f"{mark} ", "$primary"),
        (run.author or run.name, "bold $strong"),
        (f"  {run.name}, {run_status(run)}, {text.clock(run.modified)}", "$quiet"),
    )


def notice(state: JobState | None, run: Run | None, author: str) -> Content:
    """What one has to know now, and what to press; empty while all goes its way."""
    if state is None:
        if run is None or run.status == RUNNING:
            return Content("")
        if resumable(None, run):
            reached = f"{text.whole(run.updates)}{f' of {text.whole(run.planned)}' if run.planned else ''}"
            return Content.styled(
                f"→ at update {reached}: {key('resume')} goes on from the last checkpoint", "$warning"
            )
        return Content.styled(f"→ {_after()}", "$secondary")
    if state.status == "failed":
        return Content.assemble(
            (f"✗ {state.error}", "$error"),
            (
                f"  → {key('resume')} tries again from the last checkpoint · {key('train')} with other settings",
                "$quiet",
            ),
        )
    if state.status in ("interrupted", "cancelled"):
        how = f"  or: {command(again(state, None, author))}" if state.kind == "train" else ""
        return Content.assemble(
            (f"→ {state.status}: {key('resume')} goes on from the last checkpoint", "$warning"), (how, "$quiet")
        )
    if state.status == "running" and state.values.get("paused"):
        keys = f"{key('pause')} goes on · {key('stop')} ends it and keeps the best adapter · {key('save')} saves now"
        return Content.styled(f"→ paused: {keys}", "$warning")
    if state.status == "done":
        more = f"{key('resume')} goes on with it · " if resumable(state, run) else ""
        return Content.styled(f"→ {more}{_after()}", "$secondary")
    return Content("")


def _after() -> str:
    rewrite = keymap.key("app.go-rewrite")
    return f"{rewrite} rewrites with it · {key('check')} its report card · {key('train')} trains again"
