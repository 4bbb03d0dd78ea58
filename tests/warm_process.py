"""Both ends of `warm`: a process that imports what is heavy and forks for whoever asks, and what asks it.

``python -S warm_process.py ADDRESS OWNER -c CODE …`` or ``… -m MODULE …`` is, for the one who starts it, that very
Python: same pipes, folder, environment and exit code; signals are passed on. The first one starts the warm process,
which leaves when the process OWNER has.
"""

from __future__ import annotations

import contextlib
import fcntl
import importlib
import json
import os
import selectors
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from types import FrameType, ModuleType
from typing import Any

PASSED_ON = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
LONGEST = 1 << 18


def warmed() -> None:
    """Import what takes long, and use nothing of it: threads would not come along into a fork."""
    import gc

    from engine.language import pipeline
    from engine.models.loading import hush

    hush()  # imports mlx-lm, and MLX after the library that multiplies for it
    for name in ("mlx.optimizers", "mlx_lm.tuner.lora", "transformers.models.auto.tokenization_auto"):
        importlib.import_module(name)
    pipeline()
    gc.freeze()


def become(request: dict[str, Any], files: list[int], added: dict[str, str]) -> Callable[[], None]:
    """In a fork: take on what belongs to the one who asked; returns what is left to be done."""
    for number, file in enumerate(files):
        os.dup2(file, number)
    os.closerange(3, 4096)
    os.chdir(request["cwd"])
    os.environ.clear()
    os.environ.update(added | request["environment"])
    kind, what, *arguments = request["arguments"]
    sys.path[0] = request["cwd"] if kind == "-m" else ""
    sys.argv = [kind, *arguments]

    def run() -> None:
        if kind == "-m":
            import runpy

            runpy.run_module(what, run_name="__main__", alter_sys=True)
        else:
            sys.modules["__main__"] = main = ModuleType("__main__")
            exec(compile(what, "<string>", "exec"), main.__dict__)

    return run


def serve(address: str, owner: int) -> Callable[[], None] | None:
    """Fork for everybody who asks at `address` until `owner` has ended. In a fork it returns what that has to do."""
    before = dict(os.environ)
    warmed()
    added = {name: value for name, value in os.environ.items() if name not in before}
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    listener.bind(address)
    listener.listen(64)
    waiting = selectors.DefaultSelector()
    waiting.register(listener, selectors.EVENT_READ)
    waiting.register(os.pidfd_open(owner), selectors.EVENT_READ)
    asking: dict[int, socket.socket] = {}
    """By the process that was forked for it."""
    while True:
        for ready, _ in waiting.select():
            if ready.fileobj is listener:
                asker = listener.accept()[0]
                data, files, _, _ = socket.recv_fds(asker, LONGEST, 3)
                process = os.fork()
                if not process:
                    # Now, or a collector closes their numbers later, when other files have them.
                    for handle in (waiting, listener, asker, *asking.values()):
                        handle.close()
                    return become(json.loads(data), files, added)
                for file in files:
                    os.close(file)
                with contextlib.suppress(OSError):  # one killed before it heard: seen below, by its closed end
                    asker.send(str(process).encode())
                asking[process] = asker
                waiting.register(os.pidfd_open(process), selectors.EVENT_READ, process)
                waiting.register(asker, selectors.EVENT_READ, -process)
            elif ready.data is None:
                return None
            elif ready.data < 0:
                if -ready.data in asking:  # the one who asked was killed
                    waiting.unregister(ready.fileobj)
                    os.kill(-ready.data, signal.SIGKILL)
            else:
                asker = asking.pop(ready.data)
                code = os.waitstatus_to_exitcode(os.waitpid(ready.data, 0)[1])
                for handle in (ready.fileobj, asker):
                    with contextlib.suppress(KeyError):
                        waiting.unregister(handle)
                os.close(ready.fd)
                with contextlib.suppress(OSError):
                    asker.send(str(code).encode())
                asker.close()


def reach(address: str, owner: str) -> socket.socket:
    """A connection to the warm process, which is started if there is none."""
    asking = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with open(f"{address}.lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        started: subprocess.Popen[bytes] | None = None
        while True:
            with contextlib.suppress(OSError):
                asking.connect(address)
                return asking
            if started is None:
                with open(f"{address}.log", "wb") as log:
                    started = subprocess.Popen(
                        [sys.executable, __file__, address, owner],
                        stdin=subprocess.DEVNULL,
                        stdout=log,
                        stderr=log,
                        cwd=os.path.dirname(os.path.dirname(os.path.abspath(__file__))),
                        start_new_session=True,
                    )
            if started.poll() is not None:
                with open(f"{address}.log") as log:
                    raise SystemExit(f"the warm process did not start: {log.read()}")
            time.sleep(0.02)


def ask(address: str, owner: str, arguments: list[str]) -> int:
    """Have `arguments` run by a fork of the warm process; its exit code, negative for a signal."""
    asking = reach(address, owner)
    request = {"cwd": os.getcwd(), "environment": dict(os.environ), "arguments": arguments}
    socket.send_fds(asking, [json.dumps(request).encode()], [0, 1, 2])
    process = int(asking.recv(100))

    def pass_on(number: int, _: FrameType | None) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.kill(process, number)

    for number in PASSED_ON:
        signal.signal(number, pass_on)
    return int(asking.recv(100))


if __name__ == "__main__":
    if sys.argv[3:]:
        code = ask(sys.argv[1], sys.argv[2], sys.argv[3:])
        if code < 0:
            if code != -signal.SIGKILL:
                signal.signal(-code, signal.SIG_DFL)
            os.kill(os.getpid(), -code)
        sys.exit(code)
    elif (run := serve(sys.argv[1], int(sys.argv[2]))) is not None:
        run()
