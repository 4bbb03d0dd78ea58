"""A job's life as an append-only file of JSON lines, and the state any reader folds from it.

Journals hold the user's text (a rewrite's input and output), so only the user can read them.
"""

from __future__ import annotations

import errno
import os
import re
import time
from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO, Literal

import msgspec

from engine.host.address import private_folder
from engine.workspace import Workspace

What = Literal["queued", "started", "progress", "done", "failed", "cancelled", "interrupted"]
ENDS = frozenset({"done", "failed", "cancelled", "interrupted"})
_TAIL = 64 << 10
BATCH = 1 << 20
"""Bytes that `read` takes at once."""
_MOST_WAITING = 10_000
"""Events kept in memory while the disk is full, the latest: the older ones are missing from the journal then."""
_RETRY_SECONDS = 1.0


class Event(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One line of a journal. `n` counts from 0 in each job, `t` is Unix time in seconds.

    ``queued`` carries `kind` and `params`; ``progress`` the fields of `engine.progress.Progress` (a NaN in
    `values` is written as null); ``done`` the `result`; ``failed`` a one-line `error`.
    """

    n: int
    t: float
    what: What
    kind: str = ""
    params: dict[str, Any] = {}
    stage: str = ""
    done: float = 0
    total: float | None = None
    message: str = ""
    values: dict[str, Any] = {}
    result: dict[str, Any] = {}
    error: str = ""


def _plain(value: object) -> object:
    """Numbers of numerical libraries as Python's, anything else (a path) as its text."""
    item = getattr(value, "item", None)
    return item() if callable(item) else str(value)


_encoder = msgspec.json.Encoder(enc_hook=_plain)
_decoder = msgspec.json.Decoder(Event)


def encode(event: Event) -> bytes:
    """`event` as one JSON object, without a newline."""
    return _encoder.encode(event)


def decode(line: bytes | msgspec.Raw) -> Event | None:
    """The event on `line`, or None for a line that a crash or a full disk has mutilated."""
    try:
        return _decoder.decode(line)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return None


def folder(workspace: Workspace) -> Path:
    """Where the workspace keeps its journals."""
    return workspace.private / "jobs"


def path(workspace: Workspace, job: str) -> Path:
    """The journal of `job`, whose name is checked so that it cannot leave the folder."""
    if not re.fullmatch(r"[0-9]{8}-[0-9]{6}-[a-z_]+(-[0-9]+)?", job):
        raise ValueError(f"not a job id: {job!r}")
    return folder(workspace) / f"{job}.jsonl"


class Journal:
    """The writing end of one job's journal: made new, appended to by one thread at a time, never rewritten.

    A disk that is full does not stop the job: `fault` says so, and what could not be written waits in memory.
    """

    def __init__(self, workspace: Workspace, kind: str) -> None:
        """Make the file; the id is the time and the kind, and sorts by age. Raises `OSError` if that fails."""
        from engine.host.thinning import Thinner

        private_folder(workspace.private)
        private_folder(folder(workspace))
        stem = time.strftime("%Y%m%d-%H%M%S-") + kind
        for attempt in range(1, 10_000):
            self.job = stem if attempt == 1 else f"{stem}-{attempt}"
            try:
                flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND | os.O_CLOEXEC
                self._handle = os.open(path(workspace, self.job), flags, 0o600)
                break
            except FileExistsError:
                continue
        self.fault = ""
        self._next, self._size = 0, 0
        self._waiting: deque[tuple[Event, bytes]] = deque(maxlen=_MOST_WAITING)
        self._retry_at = 0.0
        self._thinner = Thinner(path(workspace, self.job))

    def append(self, what: What, **fields: Any) -> bytes:
        """Write one event and return its line without the newline."""
        event = Event(n=self._next, t=round(time.time(), 3), what=what, **fields)
        line = encode(event)
        self._next += 1
        self._waiting.append((event, line))
        if not self.fault or what in ENDS or time.monotonic() >= self._retry_at:
            self._write_waiting()
        return line

    def _write_waiting(self) -> None:
        try:
            while self._waiting:
                event, line = self._waiting[0]
                written = os.write(self._handle, line + b"\n")
                if written <= len(line):
                    os.ftruncate(self._handle, self._size)
                    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
                self._waiting.popleft()
                self._size += written
                self._thinner.add(event, line, self._size)
        except OSError as error:
            self.fault = f"the journal cannot be written ({error.strerror}); the job goes on: free some space"
            self._retry_at = time.monotonic() + _RETRY_SECONDS
        else:
            self.fault = ""

    def close(self) -> None:
        self._write_waiting()
        self._thinner.close()
        os.close(self._handle)


def read(journal: Path, offset: int = 0) -> tuple[list[Event], int]:
    """Up to a mebibyte of complete events from byte `offset` on, and the offset to go on from."""
    try:
        with journal.open("rb") as file:
            file.seek(offset)
            data = file.read(BATCH)
            if data and b"\n" not in data:
                data += file.readline()
    except OSError:
        return [], offset
    data = data[: data.rfind(b"\n") + 1]
    return [event for line in data.splitlines() if (event := decode(line))], offset + len(data)


def replay(journal: Path) -> Iterator[Event]:
    """All complete events of `journal`, in order, in bounded memory."""
    offset = 0
    while True:
        events, following = read(journal, offset)
        yield from events
        if following == offset:
            return
        offset = following


def merged(lines: list[bytes]) -> list[bytes]:
    """Fewer lines that leave a `JobState` as all of them would: reports of one stage in a row become one."""
    if len(lines) < 3:
        return lines
    states: list[Event] = []
    for event in filter(None, map(decode, lines)):
        last = states[-1] if len(states) > 1 else None  # the first report of a stage says when it began
        if last and last.what == event.what == "progress" and last.stage == event.stage == states[-2].stage:
            values, message = last.values | event.values, event.message or last.message
            states[-1] = msgspec.structs.replace(event, values=values, message=message)
        else:
            states.append(event)
    return [encode(event) for event in states]


@dataclass
class JobState:
    """What is known of a job: a fold of its events. `status` is the last decisive event's ``what``,
    with ``started`` shown as ``running``; `trouble` is what the host said of it besides, with its latest news."""

    job: str
    kind: str = ""
    status: str = "queued"
    params: Mapping[str, Any] = field(default_factory=dict)
    stage: str = ""
    done: float = 0
    total: float | None = None
    message: str = ""
    values: dict[str, Any] = field(default_factory=dict)
    result: Mapping[str, Any] = field(default_factory=dict)
    error: str = ""
    created: float = 0
    started: float = 0
    ended: float = 0
    seen: float = 0
    stage_since: float = 0
    stage_from: float = 0
    last: int = -1
    trouble: str = ""
    stopping: bool = False
    """It was asked to stop, and has not come to a point where it can."""

    @property
    def active(self) -> bool:
        return self.status in ("queued", "running")

    def apply(self, event: Event) -> None:
        """Take one event in; those already known are ignored."""
        if event.n <= self.last:
            return
        self.last, self.seen = event.n, event.t
        if event.what == "progress":
            if event.stage != self.stage or not self.stage_since:
                self.stage, self.values = event.stage, {}
                self.stage_since, self.stage_from = event.t, event.done
            self.done, self.total = event.done, event.total
            self.message = event.message or self.message
            self.values.update(event.values)
        elif event.what == "queued":
            self.kind, self.params, self.created = event.kind, event.params, event.t
        elif event.what == "started":
            self.status, self.started = "running", event.t
        else:
            self.status, self.ended = event.what, event.t
            self.result, self.error = event.result, event.error

    def seconds_left(self) -> float | None:
        """Until the current stage's end: what the job says, or else its pace so far; None where unknown."""
        if self.values.get("paused"):
            return None
        eta = self.values.get("eta")
        if isinstance(eta, int | float):
            return float(eta)
        progressed, elapsed = self.done - self.stage_from, self.seen - self.stage_since
        if self.total is None or progressed <= 0 or elapsed < 1:
            return None
        return max(0.0, (self.total - self.done) * elapsed / progressed)


def summary(journal: Path) -> JobState | None:
    """The state of one job from the head and the tail of its journal, whatever its length."""
    state = JobState(journal.stem)
    try:
        with journal.open("rb") as file:
            lines = [file.readline(), *_last_lines(file, file.tell())]
    except OSError:
        return None
    for line in lines:
        event = decode(line)
        if event is not None:
            state.apply(event)
    if state.started == 0 and state.stage:  # the line that said so is between head and tail
        state.started, state.status = state.created, state.status if state.ended else "running"
    return state if state.kind else None


def _last_lines(file: BinaryIO, first: int) -> list[bytes]:
    """Lines at the end of `file`, none of them from before byte `first`: 64 KiB, or more to have one that is whole."""
    tail, end = _TAIL, os.fstat(file.fileno()).st_size
    while True:
        start = max(first, end - tail)
        file.seek(start)
        data = file.read(end - start)
        data = data[: data.rfind(b"\n") + 1]  # what a crash has torn is no line
        whole = 0 if start == first else data.find(b"\n") + 1
        if whole < len(data) or start == first:
            return data[whole:].splitlines()
        tail *= 4


def summaries(workspace: Workspace, newest: int = 100) -> list[JobState]:
    """The workspace's newest jobs, oldest first. Those that a dead host left behind still say they run."""
    try:
        names = os.listdir(folder(workspace))
    except OSError:
        return []
    stems = sorted(name.removesuffix(".jsonl") for name in names if name.endswith(".jsonl"))
    states = (summary(folder(workspace) / f"{stem}.jsonl") for stem in stems[-newest:])
    return sorted((state for state in states if state), key=lambda state: state.created)


def mark_interrupted(workspace: Workspace) -> None:
    """Close the journals of jobs that an earlier host did not finish. Only for the holder of the lock."""
    for state in summaries(workspace, newest=200):
        if state.active:
            event = Event(n=state.last + 1, t=round(time.time(), 3), what="interrupted")
            with path(workspace, state.job).open("r+b") as file:
                file.seek(0, os.SEEK_END)
                if file.tell():
                    file.seek(-1, os.SEEK_END)
                    broken = file.read(1) != b"\n"
                    file.write(b"\n" * broken + encode(event) + b"\n")
