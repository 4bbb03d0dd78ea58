"""Commands around the host: look at it, follow its jobs, stop it, and serve the app as a web page."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
import time
from collections.abc import Coroutine
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import typer

from engine.errors import StyloraError
from engine.workspace import Workspace
from tui.commands.options import Json, app

if TYPE_CHECKING:
    from engine.host.client import HostClient
    from engine.host.journal import JobState

SCREENS = {
    "curate": "corpus",
    "dataset": "dataset",
    "train": "training",
    "plan": "training",
    "convert": "training",
    "check": "training",
    "sweep": "training",
    "demo": "training",
}
"""Where a job is watched; rewrites on the screen of that name."""
BACKLOG = 5
"""Messages shown of what a job said before one looked."""
LEAVE_SECONDS = 5.0
TELL_SECONDS = 5.0
"""Between two lines about what a stop waits for."""

Result = TypeVar("Result")


def _patiently(work: Coroutine[Any, Any, Result], left: str) -> Result:
    """Run `work`; Ctrl-C ends it with the line `left` and nothing else."""
    from tui import console

    try:
        return asyncio.run(work)
    except KeyboardInterrupt:
        console.line(left)
        raise typer.Exit(130) from None


@app.command()
def status(json: Json = False) -> None:
    """Say whether the host runs and what it does; the exit code is 1 where none runs."""
    from tui import console

    found = asyncio.run(_status(Workspace.find()))
    if json:
        console.as_json(found)
    else:
        _say(found)
    if not found["running"]:
        raise typer.Exit(1)


async def _status(workspace: Workspace) -> dict[str, Any]:
    from importlib.metadata import version

    from engine.host import address, journal
    from engine.host.client import HostClient
    from engine.host.log import log_path

    client = await HostClient.attach(workspace)
    told = address.find(workspace)
    states = list(client.jobs.values()) if client else journal.summaries(workspace)
    if client:
        client.close()
    ended = [state for state in states if not state.active or client is None]
    return {
        "workspace": str(workspace.root),
        "version": version("stylora"),
        "running": client is not None,
        "stopping": bool(client and told and told.stopped),
        "pid": client.host_pid if client else None,
        "same_code": told.build == address.build() if client and told else None,
        "log": str(log_path(workspace)),
        "jobs": [_job(state) for state in states if client and state.active],
        "last": _job(ended[-1], cut=client is None) if ended else None,
    }


def _job(state: JobState, cut: bool = False) -> dict[str, Any]:
    """What is known of a job, without the user's text. With `cut` no host is there to finish it."""
    left = state.seconds_left()
    numbers = {name: value for name, value in state.values.items() if isinstance(value, int | float)}
    return {
        "job": state.job,
        "kind": state.kind,
        "author": state.params.get("author"),
        "status": "interrupted" if cut and state.active else state.status,
        "stage": state.stage,
        "done": state.done,
        "total": state.total,
        "eta_seconds": round(left, 1) if left is not None and state.active and not cut else None,
        "started": state.started or None,
        "ended": state.ended or None,
        "error": state.error,
        "values": numbers,
    }


def _say(found: dict[str, Any]) -> None:
    from tui import console, text

    if found["running"]:
        older = "" if found["same_code"] else "; of other code than this command, and replaced once it is idle"
        verb = "is stopping" if found["stopping"] else "runs"
        console.line(f"host {verb} (process {found['pid']}, Stylora {found['version']}){older}")
    else:
        console.line("no host runs; one is started with the next job")
    for job in found["jobs"]:
        name = text.NAMES.get(job["kind"], job["kind"])
        status = "paused" if job["values"].get("paused") else job["status"]
        parts = [f"{name} {status}" + (f", {job['stage']}" if job["stage"] not in ("", name) else "")]
        if job["total"]:
            parts.append(f"{job['done'] / job['total']:.0%} ({job['done']:,.0f} of {job['total']:,.0f})")
        if job["eta_seconds"] is not None:
            parts.append(f"{text.duration(job['eta_seconds'])} left")
        console.line(f"  {'  '.join(parts)}")
    if found["running"] and not found["jobs"]:
        console.line("  idle")
    if last := found["last"]:
        when = f" at {text.clock(last['ended'])}" if last["ended"] else ""
        why = f": {last['error']}" if last["error"] else ""
        console.line(f"last job: {text.NAMES.get(last['kind'], last['kind'])} {last['status']}{when}{why}")


async def _attached(workspace: Workspace) -> HostClient:
    """The running host; raises `StyloraError` where there is none."""
    from engine.host.client import HostClient

    client = await HostClient.attach(workspace)
    if client is None:
        raise StyloraError("nothing runs in the background of this workspace; 'stylora' opens the app")
    return client


@app.command()
def attach(
    plain: Annotated[bool, typer.Option("--plain", help="Follow by lines of text, without the app.")] = False,
) -> None:
    """Watch the job that runs in the background: in the app, or by lines where there is no terminal."""
    workspace = Workspace.find()
    if plain or not sys.stdout.isatty() or not sys.stdin.isatty():
        failed = _patiently(_follow(workspace), "left; the job goes on in the background")
        raise typer.Exit(1 if failed else 0)
    kind = asyncio.run(_running(workspace))
    from tui.app import run

    run(workspace, SCREENS.get(kind, "rewrite"))


async def _running(workspace: Workspace) -> str:
    client = await _attached(workspace)
    active = sorted(client.active(), key=lambda state: state.status != "running")
    client.close()
    if not active:
        raise StyloraError("the host is idle: there is no job to watch; 'stylora' opens the app")
    return active[0].kind


async def _follow(workspace: Workspace) -> bool:
    """Print what the active jobs tell until there are none; returns whether one of them failed."""
    from tui import console, text

    client = await _attached(workspace)
    failed = False
    try:
        if not client.active():
            raise StyloraError("the host is idle: there is no job to follow")
        while waiting := sorted(client.active(), key=lambda state: state.status != "running"):
            state = waiting[0]
            console.errors.print(f"following {text.NAMES.get(state.kind, state.kind)} ({state.job}); Ctrl-C leaves it")
            await _tell(client, state)
            console.line(text.outcome(state))
            failed = failed or state.status in ("failed", "interrupted")
    finally:
        client.close()
    return failed


async def _tell(client: HostClient, state: JobState) -> None:
    """One job's reports on standard error, from its last few messages on."""
    from engine.progress import Progress
    from tui import console

    known, earlier = state.last, list[str]()
    with console.Display() as display:
        signal.signal(signal.SIGINT, signal.default_int_handler)  # leave the job, not stop it

        def catch_up() -> None:
            for message in earlier:
                display(Progress("", message=message))
            earlier.clear()

        async for events in client.follow(state.job):
            for event in events:
                if event.what == "progress" and event.n <= known:
                    earlier[:] = [*earlier, *filter(None, [event.message])][-BACKLOG:]
                elif event.what == "progress":
                    catch_up()
                    display(Progress(event.stage, event.done, event.total, event.message, event.values))
            if events[-1].n >= known:
                catch_up()


@app.command()
def stop(
    now: Annotated[
        bool, typer.Option("--now", help="Do not wait for jobs to save; kill the host if it must be.")
    ] = False,
) -> None:
    """Stop the host; running jobs save first, and go on from there when they are started again."""
    _patiently(_stop(Workspace.find(), now), "not waited for; the host stops once its jobs have saved")


async def _stop(workspace: Workspace, now: bool) -> None:
    from engine.host.client import HostClient
    from tui import console, text

    client = await HostClient.attach(workspace)
    if client is None:
        console.line("no host runs")
        return
    try:
        active = client.active()
        names = ", ".join(f"{text.NAMES.get(state.kind, state.kind)} ({state.status})" for state in active)
        if names:
            console.errors.print(f"stopping {names}" + ("" if now else "; it saves what it has first"))
        await client.stop(force=True)
        began = told = time.monotonic()
        while not client.lost and not (now and time.monotonic() - began > LEAVE_SECONDS):
            await asyncio.sleep(0.03)
            if time.monotonic() - told >= TELL_SECONDS:
                told = time.monotonic()
                console.errors.print(_waiting(client, round(told - began)))
        if not client.lost:
            with contextlib.suppress(ProcessLookupError):
                os.kill(client.host_pid, signal.SIGKILL)
    finally:
        client.close()
    for state in active:
        console.line(text.outcome(state))
    console.line("host stopped")


def _waiting(client: HostClient, seconds: int) -> str:
    """What a host that was told to stop is still at."""
    from tui import text

    state = next((state for state in client.active() if state.status == "running"), None)
    if state is None:
        return f"{seconds} s: waiting for the host to leave"
    name = text.NAMES.get(state.kind, state.kind)
    at = f", {state.stage}" if state.stage not in ("", name) else ""
    return f"{seconds} s: waiting for {name}{at} to come to a point it can stop at; 'stylora stop --now' does not wait"


@app.command()
def keys(json: Json = False) -> None:
    """List the app's actions with their keys and the names that the [keys] table of stylora.toml knows them by."""
    from tui import console, keymap

    try:
        keymap.use(keymap.read(Workspace.find().settings.keys))
    except StyloraError as error:
        if "[keys]" in str(error):
            raise
    rows = keymap.rows()
    if json:
        console.as_json([{"action": action, "keys": names.split(), "help": told} for action, names, told in rows])
        return
    width = max(len(action) for action, _, _ in rows)
    for action, names, told in rows:
        console.line(f"{action:<{width}}  {names:<12}  {told}")


@app.command()
def serve(
    host: Annotated[str, typer.Option(help="Address to listen at; others than this machine's own are a risk.")] = (
        "127.0.0.1"
    ),
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port to listen at; 0 takes a free one.")] = 8000,
) -> None:
    """Serve the app as a web page, to this machine alone, behind a secret in the address it prints."""
    from tui.serve import serve_app

    serve_app(Workspace.find(), host, port)
