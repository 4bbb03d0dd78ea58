"""The host: a process of its own session that runs a workspace's jobs one at a time and tells every client.

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
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec

from engine.errors import Cancelled, StyloraError
from engine.host import address, journal, protocol
from engine.host.protocol import Lines, Message, News, Reply, Welcome
from engine.progress import Progress, Report
from engine.workspace import Workspace

Jobs = Mapping[str, Callable[[Workspace, dict[str, Any], Report], dict[str, Any]]]

IDLE_MINUTES = 10.0
"""Without jobs and clients for this long, the host leaves."""
MOST_BUFFERED = 4 << 20
"""Bytes a client may leave unread before it is dropped; it can come back and replay the journal."""
MOST_CLIENTS = 64
HELLO_SECONDS = 10.0
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
    cancelled: threading.Event = field(default_factory=threading.Event)
    started: bool = False
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


class _Client(asyncio.Protocol):
    """One connection. Says nothing of its own; a fault in what it hears ends it, and only it."""

    def __init__(self, host: Host) -> None:
        self.host = host
        self.lines = Lines()
        self.greeted = False
        self.transport: asyncio.Transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        if len(self.host.clients) >= MOST_CLIENTS or not address.is_mine(transport.get_extra_info("socket")):
            transport.abort()
            return
        self.host.clients.add(self)
        asyncio.get_running_loop().call_later(HELLO_SECONDS, self._greeted_or_gone)

    def _greeted_or_gone(self) -> None:
        if not self.greeted:
            self.transport.abort()

    def data_received(self, data: bytes) -> None:
        try:
            for line in self.lines.feed(data):
                self._heard(protocol.request(line))
        except StyloraError as error:
            self.send(Reply(0, error=str(error)))
            self.transport.close()

    def _heard(self, message: protocol.Request) -> None:
        if isinstance(message, protocol.Hello):
            self.greeted = True
            active = [run.journal.job for run in self.host.runs.values()]
            self.send(Welcome(protocol.PROTOCOL, self.host.build, os.getpid(), active))
        elif not self.greeted:
            raise StyloraError("say hello first")
        else:
            self.send(self.host.answer(message))

    def send(self, message: Message) -> None:
        self.write(protocol.pack(message))

    def write(self, data: bytes) -> None:
        if not self.transport.is_closing():
            self.transport.write(data)
            if self.transport.get_write_buffer_size() > MOST_BUFFERED:
                log.warning("a client does not read; dropped")
                self.transport.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        self.host.clients.discard(self)
        self.host.touched = time.monotonic()


class Host:
    """Socket, queue and worker of one workspace. `runs` (by id) belongs to the event loop's thread."""

    def __init__(self, workspace: Workspace, jobs: Jobs | None, idle_minutes: float) -> None:
        self.workspace, self.table, self.idle_seconds = workspace, jobs, idle_minutes * 60
        self.build = address.build()
        self.clients: set[_Client] = set()
        self.runs: dict[str, _Run] = {}
        self.touched = time.monotonic()
        self._queue: queue.SimpleQueue[_Run | None] = queue.SimpleQueue()
        self._outbox: list[bytes] = []
        self._outbox_lock = threading.Lock()
        self._turn = threading.Lock()
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
        run = _Run(kind, params, journal.Journal(self.workspace, kind))
        self.runs[run.journal.job] = run
        self._record(run, "queued", kind=kind, params=params)
        self._queue.put(run)
        return run.journal.job

    def _cancel(self, job: str) -> str:
        run = self.runs.get(job)
        if run is None:
            raise StyloraError(f"{job}: not running, so there is nothing to cancel")
        run.cancelled.set()
        with self._turn:
            run.over = not run.started
        if run.over:
            self._end(run, "cancelled")
            self._ended(run)
        return job

    def _stop(self, message: protocol.Stop) -> Reply:
        if self.runs and not message.force:
            return Reply(message.ref, error=f"{len(self.runs)} jobs are active; cancel them first")
        self.leave()
        return Reply(message.ref)

    def leave(self) -> None:
        """Cancel what runs, let it save what it must, then exit."""
        for job in list(self.runs):
            self._cancel(job)
        self._leaving.set()

    # -- the worker's thread --------------------------------------------------------------------------

    def _work(self) -> None:
        while (run := self._queue.get()) is not None:
            self._run(run)

    def _run(self, run: _Run) -> None:
        assert self.table is not None

        def report(progress: Progress) -> None:
            if run.cancelled.is_set():
                raise Cancelled
            self._progress(run, progress)

        with self._turn:
            if run.over:
                return
            run.started = True
        ending: tuple[journal.What, str] | None = ("cancelled", "")
        try:
            self._record(run, "started")
            result = self.table[run.kind](self.workspace, run.params, report)
            self._settle(run)
            stopped = run.cancelled.is_set() and result.get("stopped") == "cancelled"  # in order, with a result
            self._record(run, "cancelled" if stopped else "done", result=result)
            ending = None
        except Cancelled:
            pass
        except BaseException as error:
            ending = ("failed", explain(error))
            log.error("%s failed", run.journal.job, exc_info=not isinstance(error, StyloraError))
        if ending:
            self._end(run, *ending)
        self._loop.call_soon_threadsafe(self._ended, run)

    def _end(self, run: _Run, what: journal.What, error: str = "") -> None:
        try:
            self._settle(run)
            self._record(run, what, error=error)
        except OSError as fault:
            log.error("%s: journal not written: %s", run.journal.job, fault)

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
        line = run.journal.append(what, **fields)
        news = protocol.pack(News(run.journal.job, msgspec.Raw(line)))
        with self._outbox_lock:
            self._outbox.append(news)
            wake = len(self._outbox) == 1
        if wake:
            self._loop.call_soon_threadsafe(self._loop.call_later, FLUSH_SECONDS, self._flush)

    # -- the loop's thread again ----------------------------------------------------------------------

    def _flush(self) -> None:
        with self._outbox_lock:
            news, self._outbox = self._outbox, []
        data = b"".join(news)
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
            return await self._loop.create_unix_server(lambda: _Client(self), str(path))
        finally:
            os.umask(umask)

    async def serve(self, lock: int) -> None:
        """Answer clients until told to leave or idle for long; `lock` is the workspace's."""
        self._loop, self._leaving = asyncio.get_running_loop(), asyncio.Event()
        self._loop.add_signal_handler(signal.SIGTERM, self.leave)
        for ignored in (signal.SIGHUP, signal.SIGINT):
            signal.signal(ignored, signal.SIG_IGN)
        path = address.socket_path(self.workspace)
        server = await self._listen(path)
        address.announce(lock, address.Address(os.getpid(), str(path), self.build))
        worker = threading.Thread(target=self._work, name="jobs")
        worker.start()
        log.info("host %d listens at %s", os.getpid(), path)
        server = await self._watch(path, server)
        path.unlink(missing_ok=True)
        self._queue.put(None)
        while worker.is_alive():
            await asyncio.sleep(0.02)
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
