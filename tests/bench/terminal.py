"""A terminal for programs under measurement: a pty whose output is counted and timed, and whose keys are pressed."""

from __future__ import annotations

import contextlib
import fcntl
import os
import platform
import pty
import re
import select
import signal
import struct
import sys
import termios
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

_CONTROL = re.compile(rb"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)|P[^\x1b]*\x1b\\|[@-Z\\-_=>78])")
"""Control sequences: CSI, OSC, DCS and the short ones."""


def machine() -> str:
    """One line to print under every figure."""
    kind = f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}"
    return f"{kind}, load {os.getloadavg()[0]:.1f} at the end"


def visible(data: bytes) -> int:
    """Characters of `data` that leave a mark on the screen."""
    return len(b"".join(_CONTROL.sub(b"", data).split()).decode(errors="ignore"))


class Terminal:
    """One program on a pty of `size` (columns, rows). A context manager; at its end the program is killed."""

    def __init__(
        self,
        command: Sequence[str],
        size: tuple[int, int] = (120, 40),
        *,
        cwd: Path | None = None,
        env: Mapping[str, str] | None = None,
    ) -> None:
        environment = {**os.environ, "TERM": "xterm-256color", "COLORTERM": "truecolor", **(env or {})}
        # Compiled modules are kept, as a user has it: without, a start is measured that compiles everything again.
        environment.pop("PYTHONDONTWRITEBYTECODE", None)
        self.began = time.monotonic()
        self.pid, self.handle = pty.fork()
        if self.pid == 0:
            try:
                if cwd:
                    os.chdir(cwd)
                fcntl.ioctl(0, termios.TIOCSWINSZ, struct.pack("HHHH", size[1], size[0], 0, 0))
                os.execvpe(command[0], list(command), environment)
            finally:
                os._exit(127)
        with contextlib.suppress(OSError):
            fcntl.ioctl(self.handle, termios.TIOCSWINSZ, struct.pack("HHHH", size[1], size[0], 0, 0))
        self.seen = bytearray()
        self.last = self.began
        """When output came last."""

    def __enter__(self) -> Terminal:
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()

    def read(self, seconds: float, until: Callable[[], bool] | None = None) -> bytes:
        """What comes within `seconds`, or until `until()` holds, asked after each piece."""
        start, deadline = len(self.seen), time.monotonic() + seconds
        while (left := deadline - time.monotonic()) > 0 and not (until and until()):
            if not select.select([self.handle], [], [], left)[0]:
                break
            try:
                piece = os.read(self.handle, 1 << 16)
            except OSError:  # the program has left
                break
            if not piece:
                break
            self.seen += piece
            self.last = time.monotonic()
        return bytes(self.seen[start:])

    def text(self, start: int = 0) -> str:
        """What was printed from byte `start` on, without control sequences; not what stands on the screen now."""
        return _CONTROL.sub(b" ", bytes(self.seen[start:])).decode(errors="replace")

    def shows(self, data: bytes, start: int, seconds: float = 5.0) -> bool:
        """Read until `data` has come after byte `start`; whether it did in time."""
        self.read(seconds, until=lambda: self.seen.find(data, start) >= 0)
        return self.seen.find(data, start) >= 0

    def wait_for(self, text: str, seconds: float = 30.0, start: int = 0) -> None:
        """Read until `text` was printed; exits with what was, if it never is."""
        deadline = time.monotonic() + seconds
        while text not in self.text(start):
            if time.monotonic() > deadline:
                sys.exit(f"{text!r} never came; the end of what did:\n{self.text()[-1500:]}")
            self.read(0.05)

    def quiet(self, seconds: float, most: float = 30.0) -> None:
        """Read until nothing has come for `seconds`."""
        deadline = time.monotonic() + most
        while time.monotonic() < deadline and self.read(seconds):
            pass

    def must_live(self) -> None:
        """Exit with what the program said last if it has ended."""
        if os.waitpid(self.pid, os.WNOHANG)[0]:
            sys.exit(f"the program has ended; its last words:\n{self.text()[-1500:]}")

    def press(self, keys: str) -> None:
        os.write(self.handle, keys.encode())

    def close(self) -> None:
        """Hang up: the terminal goes away, the program hears of it as over a lost line."""
        if self.handle >= 0:
            os.close(self.handle)
            self.handle = -1

    def kill(self) -> None:
        """End the program with -9, if it is there, and hang up."""
        with contextlib.suppress(ProcessLookupError, ChildProcessError):
            os.kill(self.pid, signal.SIGKILL)
            os.waitpid(self.pid, 0)
        self.close()


def seconds_of_cpu(pid: int) -> float:
    """CPU time a process has taken so far; Linux only."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def resident(pid: int) -> int:
    """Bytes of memory a process has resident, now and at most; Linux only."""
    status = Path(f"/proc/{pid}/status").read_text()
    return int(re.search(r"VmHWM:\s+(\d+)", status)[1]) << 10  # type: ignore[index]
