"""Journals without a host: broken lines, short versions of long ones, and a disk that fills up."""

from __future__ import annotations

import json
import math
import os
import resource
import signal
import stat
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path

import pytest

from engine.host import journal, log, thinning
from engine.host.journal import JobState, Journal
from engine.workspace import Workspace


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    (tmp_path / "stylora.toml").write_text('author = "Small"\n')
    return Workspace(tmp_path)


def training(workspace: Workspace, updates: int, said_every: int = 10) -> Path:
    """The journal of a training whose lowest loss, highest loss, gap and sample are where one can find them."""
    written = Journal(workspace, "train")
    written.append("queued", kind="train", params={"author": "Small"})
    written.append("started")
    for n in range(1, updates + 1):
        loss = {300: -5.0, 400: 99.0, 500: math.nan}.get(n, 3.0 + (n % 7) / 10)
        valid = 1.0 if n == 600 else 2.0
        message = f"update {n}: loss {loss:.4f}" if n % said_every == 0 else ""
        values = {"update": n, "loss": loss, "smoothed": 3.0, "valid": valid, "padding": "." * 600}
        written.append("progress", stage="training", done=n, total=updates, values=values, message=message)
        if n == 700:
            written.append("progress", stage="sample", values={"update": n, "sample": 1, "text": "A wheel turned."})
    written.append("done", result={"updates": updates})
    written.close()
    return journal.path(workspace, written.job)


def test_mutilated_lines_are_passed_over(workspace: Workspace) -> None:
    written = Journal(workspace, "count")
    written.append("queued", kind="count")
    path = journal.path(workspace, written.job)
    with path.open("ab") as file:
        file.write(b'{"n":1,"t":\n' + json.dumps({"n": 2, "t": 1.0, "what": "started"}).encode() + b"\n{torn")
    assert [event.n for event in journal.replay(path)] == [0, 2]
    journal.mark_interrupted(workspace)
    state = journal.summary(path)
    assert state
    assert state.status == "interrupted"
    written.close()


def test_not_a_number_is_a_gap(workspace: Workspace) -> None:
    written = Journal(workspace, "train")
    written.append("progress", stage="train", values={"loss": float("nan")})
    (event,) = journal.replay(journal.path(workspace, written.job))
    assert event.values == {"loss": None}
    written.close()


@pytest.mark.parametrize("end", [b"", b'{"n":9'])
def test_result_longer_than_any_tail_is_known_to_be_one(workspace: Workspace, end: bytes) -> None:
    written = Journal(workspace, "rewrite")
    written.append("queued", kind="rewrite")
    written.append("started")
    written.append("done", result={"text": "word " * 60_000})
    written.close()
    path = journal.path(workspace, written.job)
    with path.open("ab") as file:
        file.write(end)
    journal.mark_interrupted(workspace)
    state = journal.summary(path)
    assert state
    assert (state.status, len(state.result["text"])) == ("done", 300_000)


def test_merged_reports_leave_the_same_state_as_all_of_them(workspace: Workspace) -> None:
    path = training(workspace, 800)
    lines = path.read_bytes().splitlines()
    for start, end in ((0, len(lines)), (0, 40), (650, 710)):
        whole, short = JobState("a"), JobState("a")
        for line in lines[:start]:
            for state in (whole, short):
                state.apply(journal.decode(line))  # type: ignore[arg-type]
        for line in lines[start:end]:
            whole.apply(journal.decode(line))  # type: ignore[arg-type]
        merged = journal.merged(lines[start:end])
        assert len(merged) < 12
        for line in merged:
            short.apply(journal.decode(line))  # type: ignore[arg-type]
        assert short == whole


def test_short_version_has_what_curve_and_log_show(workspace: Workspace) -> None:
    path = training(workspace, 6_000)
    assert path.stat().st_size > thinning.FAR
    assert stat.S_IMODE(thinning.path(path).stat().st_mode) == 0o600
    assert [state.status for state in journal.summaries(workspace)] == ["done"]

    whole = list(journal.replay(path))
    events, offset = thinning.read(path)
    rest, end = thinning.read(path, offset)
    assert end == path.stat().st_size
    short = events + rest
    assert len(short) < 1_000
    numbers = [event.n for event in short]
    assert numbers == sorted(set(numbers))
    assert set(map(repr, short)) <= set(map(repr, whole))
    assert [e.message for e in short if e.message] == [e.message for e in whole if e.message]
    losses = [event.values["loss"] for event in short if "loss" in event.values]
    assert (min(x for x in losses if x is not None), max(x for x in losses if x is not None)) == (-5.0, 99.0)
    assert None in losses
    assert 1.0 in [event.values.get("valid") for event in short]
    assert "A wheel turned." in [event.values.get("text") for event in short]
    assert (short[0].what, short[-1].what) == ("queued", "done")
    assert next(event.values["update"] for event in short if "update" in event.values) == 1
    gaps = [b.n - a.n for a, b in pairwise(short)]
    assert max(gaps) <= thinning.SPAN

    assert thinning.read(path, offset - 1_000)[0] == journal.read(path, offset - 1_000)[0]  # near the end: all of it
    thinning.path(path).unlink()
    assert thinning.read(path) == journal.read(path)


def test_messages_are_found_across_blocks(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(thinning, "_BLOCK", 1_000)
    path = training(workspace, 800, said_every=7)
    whole = [event for event in journal.replay(path) if event.message]
    found = thinning._messages(path, 0, path.stat().st_size)
    assert found[::-1] == whole
    middle = path.read_bytes().index(b'"update 350: loss')
    end = path.read_bytes().index(b"\n", middle) + 1
    assert thinning._messages(path, 0, end)[0].message.startswith("update 350:")


def test_full_log_is_put_aside_and_stays_private(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(log, "MOST", 1_000)
    say = (
        "import os, sys; from pathlib import Path; from engine.host import log; from engine.workspace import Workspace;"
        "log.MOST = 1_000\n"
        "for n in range(5): os.write(2, b'x' * 600); log.turn_over(Workspace(Path(sys.argv[1])))\n"
        "os.write(1, b'the last word')"
    )
    log.log_path(workspace).parent.mkdir(parents=True)
    log.log_path(workspace).touch(0o644)
    handle = log.open_log(workspace)
    subprocess.run([sys.executable, "-c", say, str(workspace.root)], stdout=handle, stderr=handle, check=True)
    os.close(handle)
    files = sorted(log.log_path(workspace).parent.iterdir())
    assert [(path.name, path.stat().st_size) for path in files] == [("host.log", 613), ("host.old.log", 1_200)]
    assert {stat.S_IMODE(path.stat().st_mode) for path in files} == {0o600}
    log.turn_over(workspace)  # whose standard error is elsewhere leaves it alone


@contextmanager
def full_disk(room: int) -> Iterator[None]:
    """No file of this process may grow beyond `room` bytes."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (room, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, handler)


def test_full_disk_delays_the_journal_and_loses_nothing(workspace: Workspace) -> None:
    written = Journal(workspace, "train")
    path = journal.path(workspace, written.job)
    with full_disk(1_000):
        for n in range(50):
            written.append("progress", stage="training", done=n)
        assert written.fault.startswith("the journal cannot be written (")
        cut = path.read_bytes()
        assert cut.endswith(b"}\n")
        assert len(cut) <= 1_000
    written.append("done")
    assert written.fault == ""
    written.close()
    assert [event.n for event in journal.replay(path)] == list(range(51))
