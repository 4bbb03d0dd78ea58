"""Where a workspace's host listens, who may run it, and who may talk to it.

The lock lives in the workspace, so there is one host per workspace whatever the environment; the socket
lives in a short private folder (socket paths end at 104 bytes on macOS), and the lock file says where.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import socket
import stat
import struct
import sys
import tempfile
from pathlib import Path

import msgspec

from engine.errors import StyloraError
from engine.workspace import Workspace

LONGEST_PATH = 100
"""Bytes a socket path may have: 103 on macOS, 107 on Linux, less a margin."""


class Address(msgspec.Struct, frozen=True):
    """What a running host writes into its lock file."""

    pid: int
    socket: str
    build: str
    stopped: bool = False
    """It was told to leave, and does."""


def build() -> str:
    """A stamp of the code: hosts started by older code are recognised and replaced when they are idle."""
    home = Path(__file__).resolve().parent.parent
    return f"{max(path.stat().st_mtime_ns for path in home.rglob('*.py')):x}"


def private_folder(path: Path) -> Path:
    """`path`, made if missing, open to nobody else. Raises `StyloraError` if it belongs to someone else."""
    try:
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
        found = path.lstat()
        if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.getuid():
            raise StyloraError(f"{path}: not a folder of yours; remove it or set XDG_RUNTIME_DIR to one that is")
        if stat.S_IMODE(found.st_mode) & 0o077:
            path.chmod(0o700)
    except OSError as error:
        raise StyloraError(f"{path}: {error.strerror}; the host needs a private folder there") from None
    return path


def _runtime_folder() -> Path:
    candidates = [Path(tempfile.gettempdir()), Path("/tmp")]  # noqa: S108 (0700 and owner are checked)
    runtime = os.environ.get("XDG_RUNTIME_DIR")
    if runtime and Path(runtime).is_dir():
        candidates.insert(0, Path(runtime))
    folders = [folder / f"stylora-{os.getuid()}" for folder in candidates]
    return next((f for f in folders if len(os.fsencode(f)) + 22 <= LONGEST_PATH), folders[-1])


def socket_path(workspace: Workspace) -> Path:
    """Where a new host of this workspace should listen; its folder exists and is private afterwards."""
    name = hashlib.sha256(os.fsencode(workspace.root)).hexdigest()[:16]
    return private_folder(_runtime_folder()) / f"{name}.sock"


def _lock_path(workspace: Workspace) -> Path:
    return workspace.private / "host.lock"


def acquire(workspace: Workspace) -> int | None:
    """A descriptor that holds the workspace's lock until it is closed, or None where another host has it."""
    private_folder(workspace.private)
    handle = os.open(_lock_path(workspace), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(handle)
        return None
    except OSError as error:
        os.close(handle)
        raise StyloraError(f"{workspace.root}: cannot be locked ({error.strerror}); use a local disk") from None
    return handle


def announce(handle: int, address: Address) -> None:
    """Write `address` into the lock file that `handle` holds."""
    data = msgspec.json.encode(address)
    os.pwrite(handle, data, 0)
    os.ftruncate(handle, len(data))


def find(workspace: Workspace) -> Address | None:
    """What the latest host of this workspace wrote; it may be long gone."""
    try:
        return msgspec.json.decode(_lock_path(workspace).read_bytes(), type=Address)
    except (OSError, msgspec.MsgspecError):
        return None


def peer_user(connection: socket.socket) -> int:
    """User id of the process at the other end of a Unix socket."""
    if sys.platform == "darwin":  # struct xucred: version, uid, ...; SOL_LOCAL 0, LOCAL_PEERCRED 1
        return struct.unpack("=II", connection.getsockopt(0, 1, 76)[:8])[1]
    return struct.unpack("=iII", connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12))[1]


def is_mine(connection: socket.socket) -> bool:
    """Whether the other end runs as this user; nobody else is ever talked to, root included."""
    try:
        return peer_user(connection) == os.getuid()
    except OSError:
        return False
