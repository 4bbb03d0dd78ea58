"""A host process as its clients meet it: jobs, journals, other clients, bad ones, and sudden death."""

from __future__ import annotations

import asyncio
import contextlib
import os
import resource
import signal
import socket
import stat
import sys
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest

from engine.errors import StyloraError
from engine.host import address, journal, protocol
from engine.host.client import PACE_SECONDS, HostClient
from engine.host.journal import Event, JobState
from engine.host.log import log_path
from engine.host.server import Host
from engine.workspace import Workspace

COMMAND = (sys.executable, str(Path(__file__).with_name("small_host.py")))


@pytest.fixture(scope="module", autouse=True)
def runtime(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_RUNTIME_DIR", str(tmp_path_factory.mktemp("run")))
        yield


def made(root: Path) -> Workspace:
    root.mkdir()
    (root / "stylora.toml").write_text('author = "Small"\n')
    return Workspace(root)


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workspace]:
    """What the tests share with whose host nothing happens; the first `client` starts it."""
    workspace = made(tmp_path_factory.mktemp("shared") / "work")
    yield workspace
    asyncio.run(stopped(workspace))


@pytest.fixture
async def client(workspace: Workspace) -> AsyncIterator[HostClient]:
    client = await HostClient.connect(workspace, command=COMMAND)
    yield client
    for state in client.active():
        with contextlib.suppress(StyloraError):
            await client.cancel(state.job)
    (workspace.root / "go").unlink(missing_ok=True)
    client.close()


@pytest.fixture
async def fresh(tmp_path: Path) -> AsyncIterator[Workspace]:
    """A workspace whose host may suffer."""
    workspace = made(tmp_path / "work")
    yield workspace
    await stopped(workspace)


async def stopped(workspace: Workspace) -> None:
    if client := await HostClient.attach(workspace):
        await client.stop(force=True)
        await gone(client)


async def gone(client: HostClient) -> None:
    async with asyncio.timeout(10):
        while not client.lost:
            await asyncio.sleep(0.01)


async def events(client: HostClient, job: str) -> list[Event]:
    async with asyncio.timeout(20):
        return [event async for batch in client.follow(job) for event in batch]


async def running(client: HostClient, job: str) -> None:
    async with asyncio.timeout(10):
        while client.jobs[job].last < 2:
            await asyncio.sleep(0.01)


async def test_job_reports_and_ends_with_its_result(client: HostClient) -> None:
    job = await client.start("count", {"to": 3, "talk": True})
    told = await events(client, job)
    assert [event.what for event in told] == ["queued", "started", "progress", "progress", "progress", "done"]
    assert [event.n for event in told] == list(range(6))
    assert [event.message for event in told[2:5]] == ["line 0", "line 1", "line 2"]
    assert told[-1].result == {"counted": 3}
    assert told[0].params == {"to": 3, "talk": True}


async def test_journal_alone_rebuilds_what_live_clients_saw(client: HostClient, workspace: Workspace) -> None:
    job = await client.start("count", {"to": 50})
    live = await events(client, job)
    assert list(journal.replay(journal.path(workspace, job))) == live
    state = journal.summary(journal.path(workspace, job))
    assert state
    assert (state.status, state.done, state.total, state.result) == ("done", 50, 50, {"counted": 50})


async def test_second_client_sees_the_same_from_the_beginning(client: HostClient, workspace: Workspace) -> None:
    job = await client.start("gate", {"until": "go"})
    await running(client, job)
    second = await HostClient.connect(workspace, command=COMMAND)
    assert second.host_pid == client.host_pid
    assert second.jobs[job].status == "running"
    following = [asyncio.create_task(events(each, job)) for each in (client, second)]
    (workspace.root / "go").touch()
    first, other = await asyncio.gather(*following)
    assert first == other
    assert first[-1].what == "done"
    second.close()


async def test_jobs_run_one_at_a_time_in_order(client: HostClient, workspace: Workspace) -> None:
    first = await client.start("gate", {"until": "go"})
    second = await client.start("count", {})
    await running(client, first)
    assert [(state.job, state.status) for state in client.active()] == [(first, "running"), (second, "queued")]
    (workspace.root / "go").touch()
    told = await events(client, second)
    assert told[1].t >= (await events(client, first))[-1].t


async def test_cancel_stops_a_running_job_and_a_waiting_one_at_once(client: HostClient) -> None:
    first = await client.start("gate", {"until": "never"})
    second = await client.start("count", {})
    await running(client, first)
    await client.cancel(second)
    assert [event.what for event in await events(client, second)] == ["queued", "cancelled"]
    assert client.jobs[first].status == "running"
    await client.cancel(first)
    assert (await events(client, first))[-1].what == "cancelled"
    with pytest.raises(StyloraError, match="nothing to cancel"):
        await client.cancel(first)


async def said(client: HostClient, job: str, message: str) -> None:
    async with asyncio.timeout(10):
        while client.jobs[job].message != message:
            await asyncio.sleep(0.01)


async def test_job_that_listens_is_steered_from_outside(client: HostClient) -> None:
    job = await client.start("steps", {})
    await said(client, job, "under way")
    await client.steer(job, "pause")
    await said(client, job, "paused")
    await client.steer(job, "resume")
    await said(client, job, "going on")
    await client.steer(job, "validate_every", 25)
    await said(client, job, "validate_every 25")
    with pytest.raises(StyloraError, match="no such request"):
        await client.steer(job, "explode")
    await client.steer(job, "stop")
    assert (await events(client, job))[-1].result == {"told": ["validate_every", "stop"]}
    deaf = await client.start("gate", {"until": "open"})
    await running(client, deaf)
    with pytest.raises(StyloraError, match="only a training that is under way"):
        await client.steer(deaf, "pause")
    await client.cancel(deaf)


async def test_paused_job_is_cancelled_at_once(client: HostClient) -> None:
    job = await client.start("steps", {})
    await said(client, job, "under way")
    await client.steer(job, "pause")
    await said(client, job, "paused")
    await client.cancel(job)
    assert (await events(client, job))[-1].what == "cancelled"


async def test_rewrite_runs_beside_a_job_that_listens_and_waits_for_others(client: HostClient) -> None:
    steps = await client.start("steps", {})
    await said(client, steps, "under way")
    beside = await client.start("rewrite", {"text": "one"})
    assert (await events(client, beside))[-1].result == {"rewritten": "one"}
    assert client.jobs[steps].active
    after = await client.start("count", {})
    await client.steer(steps, "stop")
    await events(client, after)
    assert [client.jobs[job].status for job in (steps, after)] == ["done", "done"]

    await _waits_for_one_that_hears_nothing(client)


async def test_rewrite_asked_while_a_job_starts_is_answered_as_soon_as_it_listens(
    client: HostClient, workspace: Workspace
) -> None:
    steps = await client.start("steps", {"ready": "ready"})
    await said(client, steps, "starting")
    early = [await client.start(kind, {"text": kind}) for kind in ("rewrite", "count", "rewrite")]
    assert {client.jobs[job].status for job in early} == {"queued"}
    (workspace.root / "ready").touch()
    for job in (early[0], early[2]):
        assert (await events(client, job))[-1].result == {"rewritten": "rewrite"}
    assert client.jobs[steps].active
    assert client.jobs[early[1]].status == "queued"  # this one computes, and waits for the end
    await client.steer(steps, "stop")
    assert (await events(client, early[1]))[-1].what == "done"
    (workspace.root / "ready").unlink()


async def _waits_for_one_that_hears_nothing(client: HostClient) -> None:
    gate = await client.start("gate", {"until": "open"})
    await running(client, gate)
    waiting = await client.start("rewrite", {"text": "two"})
    await asyncio.sleep(0.05)
    assert client.jobs[waiting].status == "queued"
    await client.cancel(gate)
    assert (await events(client, waiting))[-1].what == "done"


async def test_user_error_is_its_line_and_a_crash_hides_the_text(client: HostClient, workspace: Workspace) -> None:
    refused = (await events(client, await client.start("refuse", {})))[-1]
    assert (refused.what, refused.error) == ("failed", "book.txt: no such file")
    crashed = (await events(client, await client.start("crash", {"text": "mine"})))[-1]
    assert crashed.what == "failed"
    assert "ValueError at small_host.py" in crashed.error
    assert "mine" not in crashed.error
    assert "Traceback" in log_path(workspace).read_text()
    assert (await events(client, await client.start("count", {})))[-1].what == "done"


async def test_host_that_cannot_compute_any_more_makes_room_for_another(fresh: Workspace) -> None:
    client = await HostClient.connect(fresh, command=COMMAND)
    job = await client.start("spend", {})
    assert (await events(client, job))[-1].error == "out of memory; the last checkpoint is kept"
    await gone(client)
    other = await HostClient.connect(fresh, command=COMMAND)
    assert other.host_pid != client.host_pid
    assert (await events(other, await other.start("count", {})))[-1].what == "done"
    await other.stop(force=True)
    await gone(other)


async def test_host_that_was_told_to_stop_is_told_from_one_that_died(fresh: Workspace) -> None:
    first = await HostClient.connect(fresh, command=COMMAND)
    other = await HostClient.connect(fresh, command=COMMAND)
    await other.start("gate", {"until": "never"})
    await other.stop(force=True)
    for client in (first, other):
        await gone(client)
        assert client.stopped
        assert [state.status for state in client.jobs.values()] == ["cancelled"]
    second = await HostClient.connect(fresh, command=COMMAND)
    assert not second.stopped
    os.kill(second.host_pid, signal.SIGKILL)
    await gone(second)
    assert not second.stopped


async def test_host_that_waits_for_a_deaf_job_says_so_and_can_still_be_asked(fresh: Workspace) -> None:
    client = await HostClient.connect(fresh, command=COMMAND)
    job = await client.start("deaf", {"until": "go"})
    await running(client, job)
    assert not client.jobs[job].stopping
    await client.stop(force=True)
    async with asyncio.timeout(10):
        while not client.jobs[job].stopping:
            await asyncio.sleep(0.01)
    assert (client.lost, client.jobs[job].status) == (False, "running")
    late = await HostClient.attach(fresh)
    assert late
    assert late.host_pid == client.host_pid
    with pytest.raises(StyloraError, match="the host is leaving"):
        await late.start("count", {})
    (fresh.root / "go").touch()
    assert (await events(client, job))[-1].what == "cancelled"
    for one in (client, late):
        await gone(one)
        assert one.stopped


async def test_unknown_job_is_refused_with_the_known_ones(client: HostClient) -> None:
    with pytest.raises(StyloraError, match="no such job; there are count, crash"):
        await client.start("dance", {})


async def test_what_the_user_wrote_is_readable_by_the_user_alone(client: HostClient, workspace: Workspace) -> None:
    job = await client.start("count", {"text": "private"})
    await events(client, job)
    found = address.find(workspace)
    assert found
    files = [journal.path(workspace, job), log_path(workspace), Path(found.socket)]
    assert all(stat.S_IMODE(path.stat().st_mode) == 0o600 for path in files)
    assert stat.S_IMODE(Path(found.socket).parent.stat().st_mode) == 0o700


async def raw(workspace: Workspace) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    found = address.find(workspace)
    assert found
    return await asyncio.open_unix_connection(found.socket)


@pytest.mark.parametrize(
    "garbage",
    [
        b"\x00\xff\xfe\n",
        b'{"type":"start"}\n',
        b'{"type":"start","ref":1,"kind":"count","params":{}}\n',
        b'{"type":"start","ref":1,"kind":"count","params":{"deep":' + b"[" * 9_999 + b"]" * 9_999 + b"}}\n",
    ],
    ids=["bytes", "half", "no hello", "depth"],
)
async def test_garbage_ends_only_its_sender(client: HostClient, workspace: Workspace, garbage: bytes) -> None:
    reader, writer = await raw(workspace)
    writer.write(garbage)
    assert protocol.answer((await reader.readline()).rstrip()).error  # type: ignore[union-attr]
    assert await reader.read() == b""
    writer.close()
    assert (await events(client, await client.start("count", {})))[-1].what == "done"


async def test_endless_line_ends_its_sender(client: HostClient, workspace: Workspace) -> None:
    reader, writer = await raw(workspace)
    writer.write(b"x" * (protocol.LONGEST_LINE + (1 << 20)))
    with contextlib.suppress(ConnectionError):
        await reader.read()
    writer.close()
    assert (await events(client, await client.start("count", {})))[-1].what == "done"


async def test_client_that_never_reads_is_dropped_and_slows_nobody(client: HostClient, workspace: Workspace) -> None:
    found = address.find(workspace)
    assert found
    question = protocol.pack(protocol.Cancel(1, "x" * 100_000))  # the answer says its name again

    def ask_without_listening() -> None:
        with contextlib.closing(socket.socket(socket.AF_UNIX)) as deaf, contextlib.suppress(ConnectionError):
            deaf.connect(found.socket)
            deaf.sendall(protocol.pack(protocol.Hello(protocol.PROTOCOL)))
            for _ in range(1_000):
                deaf.sendall(question)
            pytest.fail("never dropped")

    asking = asyncio.create_task(asyncio.to_thread(ask_without_listening))
    job = await client.start("flood", {"lines": 20_000})
    told = await events(client, job)
    assert told[-1].what == "done"
    assert len(told) == 20_003
    await asking
    assert "does not read" in log_path(workspace).read_text()


async def test_flood_of_reports_is_little_news(workspace: Workspace, client: HostClient) -> None:
    reader, writer = await raw(workspace)
    writer.write(protocol.pack(protocol.Hello(protocol.PROTOCOL)))
    job = await client.start("flood", {"lines": 20_000, "width": 100})
    heard, last = 0, None
    async with asyncio.timeout(20):
        while last is None or last.what not in journal.ENDS:
            told = protocol.answer((await reader.readline()).rstrip())
            if isinstance(told, protocol.News):
                heard, last = heard + 1, journal.decode(told.event)
    assert last.what == "done"
    writer.close()
    assert heard < 1_000
    began, batches = time.monotonic(), 0
    job = await client.start("flood", {"lines": 20_000, "width": 10})
    async with asyncio.timeout(20):
        async for _ in client.follow(job):
            batches += 1
    assert batches <= 2 + (time.monotonic() - began) / PACE_SECONDS
    async with asyncio.timeout(10):
        while client.jobs[job].active:
            await asyncio.sleep(0.01)
    state = JobState(job)
    for event in journal.replay(journal.path(workspace, job)):
        state.apply(event)
    assert client.jobs[job] == state


async def test_request_that_is_too_long_is_refused_before_it_is_sent(client: HostClient) -> None:
    with pytest.raises(StyloraError, match="8 MiB are too much"):
        await client.start("count", {"text": "x" * protocol.LONGEST_LINE})
    job = await client.start("count", {"text": "x" * (protocol.LONGEST_LINE - 1_000)})
    assert (await events(client, job))[-1].what == "done"


@pytest.mark.skipif(not hasattr(resource, "prlimit"), reason="needs prlimit to fill one process's disk")
async def test_full_disk_is_said_and_does_not_end_the_job(fresh: Workspace) -> None:
    client = await HostClient.connect(fresh, command=COMMAND)
    job = await client.start("gate", {"until": "go"})
    await running(client, job)
    size = journal.path(fresh, job).stat().st_size
    resource.prlimit(client.host_pid, resource.RLIMIT_FSIZE, (size + 1_000, resource.RLIM_INFINITY))
    async with asyncio.timeout(10):
        while not client.jobs[job].trouble:
            await asyncio.sleep(0.01)
    assert "the journal cannot be written" in client.jobs[job].trouble
    assert client.jobs[job].active
    late = await HostClient.connect(fresh, command=COMMAND)
    resource.prlimit(client.host_pid, resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    async with asyncio.timeout(10):
        while client.jobs[job].trouble:
            await asyncio.sleep(0.01)
    (fresh.root / "go").touch()
    told = await events(late, job)
    assert told[-1].what == "done"
    assert [event.n for event in told] == list(range(len(told)))
    for each in (client, late):
        each.close()


async def test_host_that_hangs_is_named(fresh: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    client = await HostClient.connect(fresh, command=COMMAND)
    monkeypatch.setattr("engine.host.client.REPLY_SECONDS", 0.2)
    monkeypatch.setattr("engine.host.client.START_SECONDS", 1.0)
    os.kill(client.host_pid, signal.SIGSTOP)
    with pytest.raises(StyloraError, match=f"process {client.host_pid}, does not answer; 'kill -9 {client.host_pid}'"):
        await HostClient.connect(fresh, command=COMMAND)
    os.kill(client.host_pid, signal.SIGKILL)
    await gone(client)


@pytest.mark.parametrize("busy", [False, True])
async def test_host_of_another_protocol_is_replaced_when_it_is_idle(fresh: Workspace, busy: bool) -> None:
    code = f"import runpy, sys; from engine.host import protocol; protocol.PROTOCOL = 99; del sys.argv[0]; {RUN}"
    future = await HostClient._start_host(fresh, (sys.executable, "-c", code, COMMAND[1]))
    if busy:
        await future.start("gate", {"until": "never"})
        with pytest.raises(StyloraError, match=f"another version is busy here \\(process {future.host_pid}\\)"):
            await HostClient.connect(fresh, command=COMMAND)
        future.close()
    else:
        ours = await HostClient.connect(fresh, command=COMMAND)
        assert ours.host_pid != future.host_pid
        assert future.lost
        ours.close()


RUN = "runpy.run_path(sys.argv[0], run_name='__main__')"


async def test_client_that_was_cut_off_comes_back_and_misses_nothing(client: HostClient) -> None:
    job = await client.start("flood", {"lines": 5_000})
    assert client._transport
    client._transport.abort()
    told = [event async for batch in client.follow(job) for event in batch]
    assert told[-1].what == "done"
    assert len(told) == 5_003
    assert not client.lost
    assert client.jobs[job].status == "done"
    assert (await events(client, await client.start("count", {})))[-1].what == "done"


async def test_killed_host_is_noticed_at_once_and_its_job_is_interrupted(fresh: Workspace) -> None:
    client = await HostClient.connect(fresh, command=COMMAND)
    job = await client.start("gate", {"until": "never"})
    await running(client, job)
    began = time.monotonic()
    os.kill(client.host_pid, signal.SIGKILL)
    assert (await events(client, job))[-1].what == "interrupted"
    assert time.monotonic() - began < 1
    assert client.jobs[job].status == "interrupted"
    with pytest.raises(StyloraError, match="host is gone"):
        await client.start("count", {})

    successor = await HostClient.connect(fresh, command=COMMAND)  # over the dead one's socket
    assert successor.jobs[job].status == "interrupted"
    assert (await events(successor, job))[-1].what == "interrupted"
    await successor.stop()
    await gone(successor)


async def test_stale_or_foreign_file_at_the_socket_is_replaced(fresh: Workspace) -> None:
    address.socket_path(fresh).write_text("stale")
    client = await HostClient.connect(fresh, command=COMMAND)
    await client.stop()
    await gone(client)


async def test_two_clients_starting_at_once_share_one_host(fresh: Workspace) -> None:
    clients = await asyncio.gather(*(HostClient.connect(fresh, command=COMMAND) for _ in range(3)))
    assert len({client.host_pid for client in clients}) == 1
    await clients[0].stop()
    for client in clients:
        await gone(client)


async def test_idle_host_of_older_code_is_replaced(fresh: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    old = await HostClient.connect(fresh, command=COMMAND)
    monkeypatch.setattr(address, "build", lambda: "newer")
    new = await HostClient.connect(fresh, command=COMMAND)
    assert new.host_pid != old.host_pid
    assert old.lost
    await new.stop()
    await gone(new)


async def test_hang_up_and_interrupt_do_not_reach_the_host(client: HostClient) -> None:
    for number in (signal.SIGHUP, signal.SIGINT):
        os.kill(client.host_pid, number)
    assert (await events(client, await client.start("count", {})))[-1].what == "done"
    assert os.getsid(client.host_pid) == client.host_pid != os.getsid(0)


async def test_terminated_host_lets_its_job_stop_in_order(fresh: Workspace) -> None:
    client = await HostClient.connect(fresh, command=COMMAND)
    job = await client.start("gate", {"until": "never"})
    await running(client, job)
    os.kill(client.host_pid, signal.SIGTERM)
    assert (await events(client, job))[-1].what == "cancelled"
    await gone(client)


async def test_idle_host_leaves_and_cleans_up(fresh: Workspace) -> None:
    client = await HostClient.connect(fresh, command=(*COMMAND[:1], "-c", LEAVES_SOON))
    found = address.find(fresh)
    assert found
    client.close()
    await gone(client)
    async with asyncio.timeout(10):
        while Path(found.socket).exists():
            await asyncio.sleep(0.02)
    assert await HostClient.attach(fresh) is None


LEAVES_SOON = """
import sys
from pathlib import Path
from engine.host.server import serve
from engine.workspace import Workspace
serve(Workspace(Path(sys.argv[1])), {}, idle_minutes=0.005)
"""


async def test_swept_away_socket_comes_back(fresh: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    client = await HostClient.connect(fresh, command=(*COMMAND[:1], "-c", LEAVES_SOON))
    found = address.find(fresh)
    assert found
    Path(found.socket).unlink()
    async with asyncio.timeout(10):
        while not Path(found.socket).exists():
            await asyncio.sleep(0.02)
    second = await HostClient.attach(fresh)
    assert second
    assert second.host_pid == client.host_pid
    for each in (client, second):
        each.close()


@pytest.mark.skipif(os.getuid() != 0, reason="needs root to become someone else")
async def test_other_users_are_refused_even_through_an_open_door(fresh: Workspace) -> None:
    client = await HostClient.connect(fresh, command=COMMAND)
    found = address.find(fresh)
    assert found
    door = Path(found.socket)
    for folder in [door.parent, *door.parent.parents]:
        if folder != Path("/"):
            folder.chmod(folder.stat().st_mode | 0o755)
    door.chmod(0o666)
    intruder = await asyncio.create_subprocess_exec(
        sys.executable,
        "-c",
        "import os, socket, sys; os.setuid(65534); s = socket.socket(socket.AF_UNIX); s.connect(sys.argv[1]);"
        's.sendall(b\'{"type":"hello","protocol":1}\\n\'); print(len(s.recv(100)))',
        found.socket,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, err = await intruder.communicate()
    assert out.strip() in (b"0", b"")
    assert b"PermissionError" not in err
    assert (await events(client, await client.start("count", {})))[-1].what == "done"


def test_folder_of_someone_else_is_refused(tmp_path: Path) -> None:
    link = tmp_path / "link"
    link.symlink_to(tmp_path)
    with pytest.raises(StyloraError, match="not a folder of yours"):
        address.private_folder(link)


async def test_rewrite_asked_for_while_a_training_begins_to_listen_is_answered_by_it(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between the look at who listens and the queue, a training begins to: what it then finds is not there yet."""
    host = Host(workspace, {"train": lambda *_: {}, "rewrite": lambda *_: {}}, 1)
    host._loop, host._leaving = asyncio.get_running_loop(), asyncio.Event()
    training = host.runs[host._start("train", {})]
    made, listening = journal.Journal, contextlib.ExitStack()

    def begins(*named: Any) -> journal.Journal:
        listening.enter_context(training.control.heard())
        return made(*named)

    monkeypatch.setattr(journal, "Journal", begins)
    with listening:
        rewrite = host.runs[host._start("rewrite", {})]
        assert host._beside.get_nowait() is rewrite
    assert host._queue.get_nowait() is training
    assert host._queue.empty()
    for run in (training, rewrite):
        host._end(run, "cancelled")
        host._ended(run)
