"""The host: a process of its own session that runs a workspace's jobs one at a time and tells every client.

A rewrite does not wait for a training: it runs beside it and is answered between two of its steps.

It knows jobs only as functions in a table; what they do with models is theirs. Run as
``python -m engine.host.server WORKSPACE``; the client starts it when none answers.
"""

from __future__ import annotations

import asyncio
import contextlib
import faulthandler
import logging
import os
import queue
import signal
import sys
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from engine.control import Control
from engine.errors import Cancelled, Spent, StyloraError
from engine.host import address, journal, protocol
from engine.host.connection import Connection
from engine.host.log import turn_over
from engine.host.protocol import News, Reply
from engine.progress import Progress, Report
from engine.workspace import Workspace

Jobs = Mapping[str, Callable[[Workspace, dict[str, Any], Report, Control], dict[str, Any]]]
BESIDE = frozenset({"rewrite", "again", "compare", "history", "keep"})
"""Kinds of job that work which listens to its control answers between its steps, unless it cannot give them."""

IDLE_MINUTES = 10.0
"""Without jobs and clients for this long, the host leaves."""
TICK_SECONDS = 0.1
"""Progress without message and values is recorded at most this often: the latest counts."""
FLUSH_SECONDS = 0.03
MOST_QUEUED = 100

log = logging.getLogger("stylora.host")


@dataclass
class _Run:
    """One job from its queueing to its end. The journal is the worker's as soon as the job has started."""

    kind: str
    params: dict[str, Any]
    journal: journal.Journal
    control: Control
    started: bool = False
    last: bytes = b""
    """The line recorded last."""
    over: bool = False
    """Cancelled before it started; the worker passes over it."""
    tick: Progress | None = None
    ticked: float = 0


def explain(error: BaseException) -> str:
    """One line for the screens. What is not meant for users is named by type and place, never by content:
    an exception's text may hold the user's."""
    if isinstance(error, StyloraError):
        return " ".join(str(error).split())
    if isinstance(error, OSError) and error.strerror:
        return f"{error.filename}: {error.strerror}" if error.filename else error.strerror
    if isinstance(error, MemoryError):
        return "out of memory; a smaller rank, a shorter sequence length or a smaller model needs less"
    frame = error.__traceback__
    while frame and frame.tb_next:
        frame = frame.tb_next
    place = f" at {Path(frame.tb_frame.f_code.co_filename).name}:{frame.tb_lineno}" if frame else ""
    return f"unexpected {type(error).__name__}{place}; the details are in .stylora/logs/host.log"


class Host:
    """Socket, queue and worker of one workspace. `runs` (by id) belongs to the event loop's thread."""

    def __init__(self, workspace: Workspace, jobs: Jobs | None, idle_minutes: float) -> None:
        self.workspace, self.table, self.idle_seconds = workspace, jobs, idle_minutes * 60
        self.build = address.build()
        self.clients: set[Connection] = set()
        self.runs: dict[str, _Run] = {}
        self.touched = time.monotonic()
        self._queue: queue.SimpleQueue[_Run | None] = queue.SimpleQueue()
        self._beside: queue.SimpleQueue[_Run | None] = queue.SimpleQueue()
        self._busy_beside = threading.Lock()
        self._sorting = threading.Lock()
        self._outbox: dict[str, list[bytes]] = {}
        self._outbox_lock = threading.Lock()
        self._turn = threading.Lock()
        self._lock = -1
        self._address: address.Address
        self._leaving: asyncio.Event
        self._loop: asyncio.AbstractEventLoop

    # -- requests, on the loop's thread ---------------------------------------------------------------

    def answer(self, message: protocol.Request) -> Reply:
        """Carry out a client's request."""
        assert not isinstance(message, protocol.Hello)
        try:
            if isinstance(message, protocol.Start):
                return Reply(message.ref, job=self._start(message.kind, message.params))
            if isinstance(message, protocol.Cancel):
                return Reply(message.ref, job=self._cancel(message.job))
            if isinstance(message, protocol.Steer):
                return Reply(message.ref, job=self._steer(message))
            return self._stop(message)
        except Exception as error:
            if not isinstance(error, StyloraError):
                log.exception("request refused")
            return Reply(message.ref, error=explain(error))

    def _start(self, kind: str, params: dict[str, Any]) -> str:
        if self._leaving.is_set():
            raise StyloraError("the host is leaving; try again in a moment")
        if self.table is None:
            from engine.host.jobs import JOBS

            self.table = JOBS
        if kind not in self.table:
            raise StyloraError(f"{kind!r}: no such job; there are {', '.join(sorted(self.table))}")
        if len(self.runs) >= MOST_QUEUED:
            raise StyloraError(f"{MOST_QUEUED} jobs are waiting already; cancel some first")
        why = ""
        if kind in BESIDE and self._answers_between():
            from engine.host.open_models import waits

            why = waits(self.workspace, kind, params)
        run = _Run(kind, params, journal.Journal(self.workspace, kind), Control(self._overtake))
        self.runs[run.journal.job] = run
        self._record(run, "queued", kind=kind, params=params)
        if why:
            self._record(run, "progress", stage=kind, message=why)
        self._queue.put(run)
        if kind in BESIDE and self._answers_between():  # asked behind the queue: one may have begun to a moment ago
            self._overtake()
        return run.journal.job

    def _answers_between(self) -> bool:
        """Whether a job is under way that answers others between its steps."""
        return any(run.control.listening for run in list(self.runs.values()))

    def _overtake(self) -> None:
        """A job answers others between its steps: let those it can answer not wait for its end."""
        from engine.host.open_models import waits

        later: list[_Run | None] = []
        with self._sorting:
            with contextlib.suppress(queue.Empty):
                while True:
                    run = self._queue.get_nowait()
                    beside = run is not None and run.kind in BESIDE and not waits(self.workspace, run.kind, run.params)
                    if beside:
                        self._beside.put(run)
                    else:
                        later.append(run)
            for run in later:
                self._queue.put(run)

    def _steer(self, message: protocol.Steer) -> str:
        run = self.runs.get(message.job)
        if run is None:
            raise StyloraError(f"{message.job}: not running, so there is nothing to steer")
        run.control.ask(message.action, message.value)
        return message.job

    def _cancel(self, job: str) -> str:
        run = self.runs.get(job)
        if run is None:
            raise StyloraError(f"{job}: not running, so there is nothing to cancel")
        run.control.cancel()
        with self._turn:
            run.over = not run.started
        if run.over:
            self._end(run, "cancelled")
            self._ended(run)
        else:
            self._tell(run)  # that it is stopping: it may be long until it says anything itself
        return job

    def _stop(self, message: protocol.Stop) -> Reply:
        if self.runs and not message.force:
            return Reply(message.ref, error=f"{len(self.runs)} jobs are active; cancel them first")
        self.obey()
        return Reply(message.ref)

    def obey(self) -> None:
        """Leave as one who was told to: clients find it written in the lock file, and start no other by themselves."""
        with contextlib.suppress(OSError):
            address.announce(self._lock, msgspec.structs.replace(self._address, stopped=True))
        self.leave()

    def leave(self) -> None:
        """Cancel what runs, let it save what it must, then exit."""
        for job in list(self.runs):
            self._cancel(job)
        self._leaving.set()

    # -- the worker's thread --------------------------------------------------------------------------

    def _work(self) -> None:
        while (run := self._queue.get()) is not None:
            with self._busy_beside:  # what began beside the last job ends before the next begins
                pass
            self._run(run)

    def _work_beside(self) -> None:
        while (run := self._beside.get()) is not None:
            with self._busy_beside:
                if self._answers_between():
                    self._run(run)
                else:  # the job it would have run beside has just ended: its turn comes as any other's
                    self._queue.put(run)

    def _run(self, run: _Run) -> None:
        assert self.table is not None

        def report(progress: Progress) -> None:
            if run.control.cancelled:
                raise Cancelled
            self._progress(run, progress)

        with self._turn:
            if run.over:
                return
            run.started = True
        ending: tuple[journal.What, str] | None = ("cancelled", "")
        try:
            self._record(run, "started")
            result = self.table[run.kind](self.workspace, run.params, report, run.control)
            self._settle(run)
            stopped = run.control.cancelled and result.get("stopped") == "cancelled"  # in order, with a result
            self._record(run, "cancelled" if stopped else "done", result=result)
            ending = None
        except Cancelled:
            pass
        except BaseException as error:
            ending = ("failed", explain(error))
            log.error("%s failed", run.journal.job, exc_info=not isinstance(error, StyloraError))
            if isinstance(error, Spent):  # the next request starts another host, which can compute again
                self._loop.call_soon_threadsafe(self.leave)
        if ending:
            self._end(run, *ending)
        self._loop.call_soon_threadsafe(self._ended, run)

    def _end(self, run: _Run, what: journal.What, error: str = "") -> None:
        self._settle(run)
        self._record(run, what, error=error)

    def _progress(self, run: _Run, progress: Progress) -> None:
        if not progress.message and not progress.values:
            now = time.monotonic()
            if now - run.ticked < TICK_SECONDS:
                run.tick = progress
                return
            run.ticked = now
        else:
            self._settle(run)
        run.tick = None
        self._record_progress(run, progress)

    def _settle(self, run: _Run) -> None:
        """Record the tick that was held back, if any."""
        if run.tick:
            self._record_progress(run, run.tick)
            run.tick = None

    def _record_progress(self, run: _Run, progress: Progress) -> None:
        self._record(
            run,
            "progress",
            stage=progress.stage,
            done=progress.done,
            total=progress.total,
            message=progress.message,
            values=dict(progress.values),
        )

    def _record(self, run: _Run, what: journal.What, **fields: Any) -> None:
        """Append to the journal, then tell the clients: whoever reads the journal on hearing it finds it."""
        trouble = run.journal.fault
        line = run.journal.append(what, **fields)
        if run.journal.fault != trouble:
            log.error("%s: %s", run.journal.job, run.journal.fault or "the journal is written again")
        run.last = line
        self._tell(run)

    def _tell(self, run: _Run) -> None:
        """Tell the clients, soon, what was recorded last, and how things stand."""
        with self._outbox_lock:
            wake = not self._outbox
            self._outbox.setdefault(run.journal.job, []).append(run.last)
        if wake:
            self._loop.call_soon_threadsafe(self._loop.call_later, FLUSH_SECONDS, self._flush)

    # -- the loop's thread again ----------------------------------------------------------------------

    def _flush(self) -> None:
        with self._outbox_lock:
            outbox, self._outbox = self._outbox, {}
        news = []
        for job, lines in outbox.items():
            run = self.runs.get(job)
            trouble, stopping = (run.journal.fault, run.control.cancelled) if run else ("", False)
            news += [News(job, msgspec.Raw(line), trouble, stopping) for line in journal.merged(lines)]
        data = b"".join(map(protocol.pack, news))
        for client in [client for client in self.clients if client.greeted]:
            client.write(data)

    def _ended(self, run: _Run) -> None:
        self.runs.pop(run.journal.job, None)
        run.journal.close()
        self.touched = time.monotonic()

    async def _watch(self, path: Path, server: asyncio.Server) -> asyncio.Server:
        """Wait until it is time to leave; a socket swept away with a log-out or by a cleaner is made anew."""
        while not self._leaving.is_set():
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._leaving.wait(), min(5.0, self.idle_seconds))
            turn_over(self.workspace)
            if not path.exists():
                server.close()
                server = await self._listen(path)
            if self.clients or self.runs:
                self.touched = time.monotonic()
            elif time.monotonic() - self.touched >= self.idle_seconds or not self.workspace.root.is_dir():
                self._leaving.set()
        return server

    async def _listen(self, path: Path) -> asyncio.Server:
        address.private_folder(path.parent)
        path.unlink(missing_ok=True)
        umask = os.umask(0o177)
        try:
            return await self._loop.create_unix_server(lambda: Connection(self), str(path))
        finally:
            os.umask(umask)

    async def serve(self, lock: int) -> None:
        """Answer clients until told to leave or idle for long; `lock` is the workspace's."""
        self._loop, self._leaving = asyncio.get_running_loop(), asyncio.Event()
        self._loop.add_signal_handler(signal.SIGTERM, self.obey)
        for ignored in (signal.SIGHUP, signal.SIGINT):
            signal.signal(ignored, signal.SIG_IGN)
        path = address.socket_path(self.workspace)
        server = await self._listen(path)
        self._lock, self._address = lock, address.Address(os.getpid(), str(path), self.build)
        address.announce(lock, self._address)
        workers = [threading.Thread(target=work, name="jobs") for work in (self._work_beside, self._work)]
        for worker in workers:
            worker.start()
        log.info("host %d listens at %s", os.getpid(), path)
        server = await self._watch(path, server)
        # The side queue first: what it gives back still has its turn.
        for waiting, worker in zip((self._beside, self._queue), workers, strict=True):
            waiting.put(None)
            while worker.is_alive():
                await asyncio.sleep(0.02)
        path.unlink(missing_ok=True)  # not before: while a job saves, one can still ask how it stands, and kill us
        await asyncio.sleep(2 * FLUSH_SECONDS)
        server.close()
        for client in list(self.clients):
            client.transport.close()


def serve(workspace: Workspace, jobs: Jobs | None = None, idle_minutes: float = IDLE_MINUTES) -> None:
    """Be the host of `workspace` until it is time to leave; returns at once where there is one already.

    `jobs` defaults to `engine.host.jobs.JOBS`, imported when the first job is started.
    """
    lock = address.acquire(workspace)
    if lock is None:
        log.info("another host has %s", workspace.root)
        return
    try:
        journal.mark_interrupted(workspace)
        asyncio.run(Host(workspace, jobs, idle_minutes).serve(lock))
    finally:
        os.close(lock)


def main() -> None:
    logging.basicConfig(stream=sys.stderr, level=logging.INFO, format="%(asctime)s %(message)s")
    faulthandler.enable()
    try:
        serve(Workspace.find(Path(sys.argv[1])))
    except StyloraError as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
