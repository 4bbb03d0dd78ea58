"""The host's private log: what it, its jobs and their libraries write to standard error; two files of some MiB."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

from engine.host.address import private_folder
from engine.workspace import Workspace

MOST = 4 << 20
"""Bytes from which on a new file is begun; the one before is kept as ``host.old.log``."""


def log_path(workspace: Workspace) -> Path:
    """The host's private log; tracebacks go there."""
    return workspace.private / "logs" / "host.log"


def open_log(workspace: Workspace) -> int:
    """A descriptor that appends to the log, which only its user can read; a log that is full is put aside first."""
    path = log_path(workspace)
    private_folder(workspace.private)
    private_folder(path.parent)
    with contextlib.suppress(OSError):
        if path.stat().st_size > MOST:
            path.replace(path.with_suffix(".old.log"))
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
    os.fchmod(handle, 0o600)
    return handle


def turn_over(workspace: Workspace) -> None:
    """Let this process, if it writes to the log, go on in a new file once the old one is full."""
    with contextlib.suppress(OSError):
        full = log_path(workspace).stat()
        streams = [stream for stream in (1, 2) if os.path.samestat(os.fstat(stream), full)]
        if streams and full.st_size > MOST:
            handle = open_log(workspace)
            for stream in streams:
                os.dup2(handle, stream)
            os.close(handle)
