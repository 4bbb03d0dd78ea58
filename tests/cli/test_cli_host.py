"""`stylora status`, `attach`, `stop`, `keys` and `serve`, as a user types them, on a real host with small jobs."""

from __future__ import annotations

import asyncio
import json
import os
import re
import subprocess
import sys
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp.test_utils import TestClient, TestServer
from click.testing import Result
from typer.testing import CliRunner

from engine.errors import StyloraError
from engine.host.client import HostClient
from engine.workspace import Workspace
from tui.cli import app
from tui.commands import host as commands
from tui.serve import PrivateServer, _free_port, is_loopback

STREET = (sys.executable, str(Path(__file__).parents[1] / "tui" / "street_host.py"))


@pytest.fixture
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Workspace]:
    (tmp_path / "run").mkdir()
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path / "run"))
    root = tmp_path / "work"
    (root / "styles").mkdir(parents=True)
    (root / "stylora.toml").write_text('author = "Small Voice"\n[keys]\n"training.pause" = "P"\n')
    monkeypatch.chdir(root)
    workspace = Workspace(root)
    yield workspace
    asyncio.run(_end(workspace))


async def _end(workspace: Workspace) -> None:
    if client := await HostClient.attach(workspace):
        await client.stop(force=True)
        client.close()


def begin(workspace: Workspace, kind: str, stage: str, *, hold: bool = False, **params: Any) -> None:
    """Start a job on a host and wait until it is at `stage`, or where `hold` keeps it; the host goes on alone."""

    async def started() -> None:
        if hold:
            (workspace.root / f"hold-{kind}").touch()
        client = await HostClient.connect(workspace, command=STREET)
        job = await client.start(kind, {"author": "Small Voice", **params})
        async with asyncio.timeout(20):
            async for events in client.follow(job):
                if hold and any(event.stage == stage for event in events):
                    break
        client.close()

    asyncio.run(started())


def stylora(*arguments: str) -> Result:
    return CliRunner().invoke(app, list(arguments))


def test_status_of_no_host_is_said_and_fails(workspace: Workspace) -> None:
    done = stylora("status")
    assert done.exit_code == 1
    assert "no host runs" in done.stdout
    told = json.loads(stylora("status", "--json").stdout)
    assert (told["running"], told["pid"], told["jobs"], told["last"]) == (False, None, [], None)


def test_status_tells_of_the_running_job_but_not_of_its_text(workspace: Workspace) -> None:
    begin(workspace, "train", "training", hold=True, updates=40, text="my unpublished novel")
    done = stylora("status")
    assert done.exit_code == 0, done.output
    assert "host runs (process" in done.stdout
    assert "training running" in done.stdout
    told = json.loads(stylora("status", "--json").stdout)
    (job,) = told["jobs"]
    assert (job["kind"], job["status"], job["author"], job["total"]) == ("train", "running", "Small Voice", 40)
    assert job["values"]["smoothed"] > 0
    assert "novel" not in json.dumps(told)
    assert told["same_code"] is True


def test_stop_lets_the_job_save_and_says_how_it_goes_on(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(commands, "TELL_SECONDS", 0.0)
    begin(workspace, "train", "training", hold=True, updates=40)
    done = stylora("stop")
    assert done.exit_code == 0, done.output
    assert "stopping training (running); it saves what it has first" in done.stderr
    assert "0 s: waiting for" in done.stderr
    assert "on screen 3 to go on from the last checkpoint" in done.stdout
    assert "host stopped" in done.stdout
    assert stylora("status").exit_code == 1
    assert "training cancelled" in stylora("status").stdout
    assert "no host runs" in stylora("stop").stdout


def test_stop_now_kills_a_host_that_does_not_leave(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(commands, "LEAVE_SECONDS", 0.0)
    begin(workspace, "curate", "curate", hold=True)
    done = stylora("stop", "--now")
    assert "host stopped" in done.stdout, done.output
    assert stylora("status").exit_code == 1


def test_attach_without_a_terminal_follows_by_lines_to_the_end(workspace: Workspace) -> None:
    begin(workspace, "curate", "curate", hold=True)
    (workspace.root / "hold-curate").unlink()
    done = stylora("attach")
    # it may have ended before one looked
    assert (done.exit_code == 0 and "curation done at" in done.stdout) or "idle" in str(done.exception)
    begin(workspace, "train", "training", hold=True, updates=40)
    pipes = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    attached = subprocess.Popen([sys.executable, "-m", "tui.cli", "attach"], text=True, **pipes)
    assert attached.stderr is not None
    seen = attached.stderr.readline()  # it looks: only now may the training end
    (workspace.root / "hold-train").unlink()
    told, more = attached.communicate(timeout=60)
    assert attached.returncode == 0
    assert "update 40: validation" in seen + more
    assert "training done at" in told
    begin(workspace, "rewrite", "rewrite", text="refuse", variations=1)
    assert "last job: rewrite failed" in stylora("status").stdout
    assert "the host is idle" in str(stylora("attach", "--plain").exception)


def test_attach_without_a_host_says_what_to_do(workspace: Workspace) -> None:
    done = stylora("attach", "--plain")
    assert isinstance(done.exception, StyloraError)
    assert "nothing runs in the background" in str(done.exception)


def test_keys_lists_every_action_with_the_key_in_use(workspace: Workspace) -> None:
    rows = {row["action"]: row["keys"] for row in json.loads(stylora("keys", "--json").stdout)}
    assert rows["training.pause"] == ["P"]
    assert rows["app.help"] == ["?", "F1"]
    assert "training.stop" in stylora("keys").stdout
    (workspace.root / "stylora.toml").write_text('[keys]\n"training.pasue" = "P"\n')
    assert "did you mean 'training.pause'?" in str(stylora("keys").exception)


# -- the web page -------------------------------------------------------------------------------------


@asynccontextmanager
async def page(server: PrivateServer) -> AsyncIterator[TestClient[Any, Any]]:
    async with TestClient(TestServer(await server._make_app(), host="127.0.0.1", port=server.port)) as client:
        yield client


async def test_the_page_opens_only_with_its_key_and_to_no_other_page(workspace: Workspace) -> None:
    server = PrivateServer("127.0.0.1", _free_port("127.0.0.1", 0), "true")
    async with page(server) as client:
        for path in ("/", "/?key=wrong", "/ws", "/static/js/textual.js", "/download/x"):
            assert (await client.get(path)).status == 403
        opened = await client.get(f"/?key={server.secret}", allow_redirects=False)
        assert (opened.status, opened.headers["Location"]) == (303, "/")
        cookie = opened.headers["Set-Cookie"]
        assert "HttpOnly" in cookie
        assert "SameSite=Strict" in cookie
        shown = await client.get("/")
        text = await shown.text()
        assert shown.status == 200
        assert f"ws://127.0.0.1:{server.port}/ws" in text
        assert "default-src 'self'" in shown.headers["Content-Security-Policy"]
        assert "<title>Stylora</title>" in text
        parts = set(re.findall(r"/static/[\w./-]+", text))
        assert len(parts) >= 4
        assert [(await client.get(part)).status for part in parts] == [200] * len(parts)
        assert not re.findall(r"https?://", text), "the page asks nothing of anybody's network"
        for strange in ({"Origin": "http://evil.example"}, {"Origin": "http://127.0.0.1:9"}, {"Host": "evil.example"}):
            assert (await client.get("/", headers=strange)).status == 403
            with pytest.raises(aiohttp.WSServerHandshakeError):
                await client.ws_connect("/ws", headers=strange)


async def test_the_page_drives_the_real_app(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    """The socket as the page's script uses it: bytes for the terminal come, keys go."""
    monkeypatch.setitem(os.environ, "OMP_NUM_THREADS", "1")
    server = PrivateServer("127.0.0.1", _free_port("127.0.0.1", 0))
    async with page(server) as client, asyncio.timeout(30):
        await client.get(f"/?key={server.secret}")
        socket = await client.ws_connect(
            "/ws?width=100&height=30", headers={"Origin": f"http://127.0.0.1:{server.port}"}
        )
        await told(socket, b"Authors")
        await socket.send_json(["stdin", "?"])
        await told(socket, b"make the corpus")
        await socket.send_json(["resize", {"width": 60, "height": 18}])
        await socket.send_json(["stdin", "q"])  # closes the help
        await told(socket, b"Authors")
        await socket.send_json(["stdin", "q"])
        async for _ in socket:
            pass
        assert socket.closed
        while any("waitpid" in thread.name for thread in threading.enumerate()):
            await asyncio.sleep(0.02)  # the app's process is seen off by asyncio's own thread, which wants this loop
        await asyncio.sleep(0.02)


async def told(socket: aiohttp.ClientWebSocketResponse, what: bytes) -> None:
    """Wait until the app has drawn `what`."""
    seen = b""
    async for message in socket:
        seen += message.data if isinstance(message.data, bytes) else b""
        if what in seen:
            return
    raise AssertionError(seen[-500:])


def test_only_this_machines_own_addresses_are_safe_and_a_port_in_use_is_one_line() -> None:
    assert [is_loopback(host) for host in ("127.0.0.1", "::1", "localhost", "0.0.0.0", "mac.local")] == [
        True,
        True,
        True,
        False,
        False,
    ]
    import socket

    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        with pytest.raises(StyloraError, match="is in use; give another --port"):
            _free_port("127.0.0.1", taken.getsockname()[1])
