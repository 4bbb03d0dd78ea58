"""What screens and commands reach the host through: requests over the socket, state from the journals.

A client never waits for replayed events over the wire: the host's news only say that a journal grew, and
`HostClient.follow` reads the file. So a client that was slow, late or cut off loses nothing.
"""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any

from engine.errors import StyloraError
from engine.host import address, journal, protocol, thinning
from engine.host.journal import Event, JobState
from engine.host.log import log_path, open_log
from engine.host.protocol import Answer, Lines, Message, News, Reply, Welcome
from engine.host.survey import Survey, survey
from engine.processes import environment
from engine.workspace import Workspace

START_SECONDS = 15.0
REPLY_SECONDS = 10.0
PACE_SECONDS = 0.1
"""`changes` and `follow` yield at most this often: a screen repainted faster is not read faster."""


def _spawn(workspace: Workspace, command: Sequence[str] | None) -> subprocess.Popen[bytes]:
    """Start a host in a session of its own, so that it outlives this process and its terminal."""
    handle = open_log(workspace)
    try:
        return subprocess.Popen(
            # -P: a folder named like one of our modules in the workspace is not to be imported
            [*(command or (sys.executable, "-P", "-m", "engine.host.server")), str(workspace.root)],
            stdin=subprocess.DEVNULL,
            stdout=handle,
            stderr=handle,
            start_new_session=True,
            cwd=workspace.root,
            env=environment(),
        )
    finally:
        os.close(handle)


class HostClient(asyncio.Protocol):
    """A connection to the workspace's host, on one event loop. `jobs` holds what is known, oldest first."""

    def __init__(self, workspace: Workspace) -> None:
        self.workspace = workspace
        self.jobs: dict[str, JobState] = {}
        self.lost = False
        self.stopped = False
        """The host is gone because somebody asked it to go, and stays away until somebody asks for it."""
        self.host_pid = 0
        self._lines = Lines()
        self._transport: asyncio.Transport | None = None
        self._replies: dict[int, asyncio.Future[Reply]] = {}
        self._welcome: asyncio.Future[Welcome] = asyncio.get_running_loop().create_future()
        self._early: list[News] | None = []
        self._changed: set[str] = set()
        self._wake: set[asyncio.Event] = set()
        self._refs = 0
        self._closed = False
        self._returning: asyncio.Task[None] | None = None

    # -- connecting -----------------------------------------------------------------------------------

    @classmethod
    async def connect(cls, workspace: Workspace, *, command: Sequence[str] | None = None) -> HostClient:
        """Attach to the workspace's host, starting one (with `command WORKSPACE`) if none answers.

        An idle host of older code is replaced; a busy one is kept while it speaks our protocol.
        Raises `StyloraError` with the reason where there is no way.
        """
        client = await cls.attach(workspace)
        if client and client.outdated():
            await client._replace()
            client = None
        return client or await cls._start_host(workspace, command)

    @classmethod
    async def attach(cls, workspace: Workspace) -> HostClient | None:
        """Attach to a host that runs already, or None."""
        found = address.find(workspace)
        if found is None:
            return None
        client = cls(workspace)
        try:
            transport, _ = await asyncio.get_running_loop().create_unix_connection(lambda: client, found.socket)
        except OSError:
            return None
        if not address.is_mine(transport.get_extra_info("socket")):
            transport.abort()
            raise StyloraError(f"{found.socket}: answered by another user; remove {workspace.private}/host.lock")
        try:
            welcome = await asyncio.wait_for(client._welcome, REPLY_SECONDS)
        except (TimeoutError, ConnectionError):
            transport.abort()
            return None
        client.host_pid = welcome.pid
        await client._remember()
        return client

    @classmethod
    async def _start_host(cls, workspace: Workspace, command: Sequence[str] | None) -> HostClient:
        process = await asyncio.to_thread(_spawn, workspace, command)
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline:
            if client := await cls.attach(workspace):
                return client
            if process.poll():
                break
            await asyncio.sleep(0.03)
        if process.poll() == 0 and (found := address.find(workspace)):  # it saw another one that holds the lock
            raise StyloraError(
                f"the host of this workspace, process {found.pid}, does not answer; 'kill -9 {found.pid}' ends it, "
                "and a training goes on from its last checkpoint when it is started again"
            )
        raise StyloraError(f"the host did not start; {log_path(workspace)} says why")

    def outdated(self) -> bool:
        """Whether the host runs other code than this client and can be replaced, or must be."""
        welcome = self._welcome.result()
        idle = not any(state.active for state in self.jobs.values())
        return welcome.protocol != protocol.PROTOCOL or (idle and welcome.build != address.build())

    async def _replace(self) -> None:
        try:
            await self.stop()
        except StyloraError as error:
            self.close()
            raise StyloraError(f"a host of another version is busy here (process {self.host_pid}): {error}") from None
        for _ in range(int(START_SECONDS / 0.03)):
            if self.lost:
                return
            await asyncio.sleep(0.03)

    async def _remember(self) -> None:
        """Learn the jobs from their journals, then take in the news that came meanwhile."""
        states = await asyncio.to_thread(journal.summaries, self.workspace)
        self.jobs = {state.job: state for state in states}
        early, self._early = self._early or [], None
        for news in early:
            self._learn(news)

    # -- asyncio.Protocol -----------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        transport.write(protocol.pack(protocol.Hello(protocol.PROTOCOL, address.build())))

    def data_received(self, data: bytes) -> None:
        try:
            for line in self._lines.feed(data):
                self._heard(protocol.answer(line))
        except StyloraError:
            assert self._transport
            self._transport.abort()

    def _heard(self, message: Answer) -> None:
        if isinstance(message, Welcome):
            if not self._welcome.done():
                self._welcome.set_result(message)
        elif isinstance(message, Reply):
            if waiting := self._replies.pop(message.ref, None):
                waiting.set_result(message)
        elif self._early is not None:
            self._early.append(message)
        else:
            self._learn(message)

    def _learn(self, news: News) -> None:
        if event := journal.decode(news.event):
            state = self.jobs.setdefault(news.job, JobState(news.job))
            state.apply(event)
            state.trouble, state.stopping = news.trouble, news.stopping
            self._touch(news.job)

    def connection_lost(self, exc: Exception | None) -> None:
        fault = ConnectionResetError("the host went away")
        for waiting in self._replies.values():
            if not waiting.done():
                waiting.set_exception(fault)
        self._transport = None
        known = self._welcome.done() and self._early is None
        if not self._welcome.done():
            self._welcome.set_exception(fault)
            self._welcome.exception()
        if known and not self._closed:
            # A host drops clients that read too slowly: one that still answers is no dead host.
            self._returning = asyncio.get_running_loop().create_task(self._return())
        else:
            self._gone()

    async def _return(self) -> None:
        """Connect again to the same host and catch up from the journals; `lost` only if it does not answer."""
        found = address.find(self.workspace)
        self._lines, self._early = Lines(), []
        self._welcome = asyncio.get_running_loop().create_future()
        try:
            if found is None or found.pid != self.host_pid:
                raise ConnectionResetError
            transport, _ = await asyncio.get_running_loop().create_unix_connection(lambda: self, found.socket)
            if not address.is_mine(transport.get_extra_info("socket")):
                transport.abort()
                raise ConnectionResetError
            await asyncio.wait_for(self._welcome, REPLY_SECONDS)
        except (OSError, TimeoutError):
            self._gone()
            return
        await self._remember()
        self._touch(*self.jobs)

    def _gone(self) -> None:
        found = address.find(self.workspace)
        self.stopped = found is not None and found.pid == self.host_pid and found.stopped
        self.lost = True
        for state in self.jobs.values():
            if state.active:
                state.status = "interrupted"
                self._changed.add(state.job)
        self._touch()

    def _touch(self, *jobs: str) -> None:
        self._changed.update(jobs)
        for event in self._wake:
            event.set()

    # -- what callers use -----------------------------------------------------------------------------

    async def _ask(self, message: Message, ref: int) -> Reply:
        if self.lost or self._transport is None:
            raise StyloraError("the host is gone; its log says why, and pressing the key again starts a new one")
        data = protocol.pack(message)
        if len(data) > protocol.LONGEST_LINE:
            raise StyloraError(f"{len(data) >> 20} MiB are too much for one request; give a file or smaller parts")
        self._replies[ref] = asyncio.get_running_loop().create_future()
        self._transport.write(data)
        try:
            reply = await asyncio.wait_for(self._replies[ref], REPLY_SECONDS)
        except (TimeoutError, ConnectionError):
            raise StyloraError("the host does not answer; nothing is known of the request") from None
        finally:
            self._replies.pop(ref, None)
        if reply.error:
            raise StyloraError(reply.error)
        return reply

    def _ref(self) -> int:
        self._refs += 1
        return self._refs

    async def start(self, kind: str, params: Mapping[str, Any]) -> str:
        """Queue a job and return its id; raises `StyloraError` with the host's reason."""
        ref = self._ref()
        job = (await self._ask(protocol.Start(ref, kind, dict(params)), ref)).job
        self.jobs.setdefault(job, JobState(job, kind, params=dict(params), created=time.time()))
        self._touch(job)
        return job

    async def cancel(self, job: str) -> None:
        """Ask a job to stop at the next point it can resume from."""
        ref = self._ref()
        await self._ask(protocol.Cancel(ref, job), ref)

    async def steer(self, job: str, action: str, value: int | None = None) -> None:
        """Ask a training under way to pause, resume, stop, checkpoint or validate_every; see `engine.control`."""
        ref = self._ref()
        await self._ask(protocol.Steer(ref, job, action, value), ref)

    async def stop(self, force: bool = False) -> None:
        """Ask the host to leave; refused while jobs are active, unless `force`."""
        ref = self._ref()
        await self._ask(protocol.Stop(ref, force), ref)

    def active(self) -> list[JobState]:
        """Jobs that run or wait, in the order they were queued."""
        return [state for state in self.jobs.values() if state.active]

    async def changes(self) -> AsyncIterator[set[str]]:
        """Ids of the jobs whose `jobs` entry changed since the last time; ends when the host is lost."""
        wake = asyncio.Event()
        self._wake.add(wake)
        try:
            while True:
                if self._changed:
                    changed, self._changed = self._changed, set()
                    yield changed
                if self.lost and not self._changed:
                    return
                await wake.wait()
                wake.clear()
                await asyncio.sleep(PACE_SECONDS)
        finally:
            self._wake.discard(wake)

    async def follow(self, job: str, *, thin: bool = False) -> AsyncIterator[list[Event]]:
        """A job's events from its beginning, then as they happen, in batches; ends with the job.

        A host that dies ends it with an ``interrupted`` event. With `thin`, what a long journal holds far back
        comes as the few events that `engine.host.thinning` keeps of it, enough for a curve and a log.
        """
        read = thinning.read if thin else journal.read
        path, offset, last = journal.path(self.workspace, job), 0, -1
        wake = asyncio.Event()
        self._wake.add(wake)
        try:
            while True:
                wake.clear()
                over = self.lost or not (job in self.jobs and self.jobs[job].active)
                events, following = await asyncio.to_thread(read, path, offset)
                if events:
                    last = events[-1].n
                    # The file may be ahead of the news: who is told of an end finds it in `jobs` too.
                    for event in events:
                        self.jobs.setdefault(job, JobState(job)).apply(event)
                    yield events
                    if events[-1].what in journal.ENDS:
                        return
                elif over:
                    yield [Event(n=last + 1, t=time.time(), what="interrupted")]
                    return
                read_up = following - offset < journal.BATCH
                offset = following
                if read_up and not over:  # never faster, however fast it grows
                    await wake.wait()
                    await asyncio.sleep(PACE_SECONDS)
        finally:
            self._wake.discard(wake)

    async def survey(self) -> Survey:
        """What the workspace holds now, read in a thread."""
        return await asyncio.to_thread(survey, self.workspace)

    def close(self) -> None:
        """Leave the host; its jobs go on."""
        self._closed = True
        if self._returning:
            self._returning.cancel()
        if self._transport:
            self._transport.close()
