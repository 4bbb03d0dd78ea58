"""The one thread of a process that touches MLX: it loads, seeds, trains, generates and frees.

MLX keeps streams, compiled functions and random state per thread, crashes when two threads use one model,
and aborts at exit when a thread that used it ends without clearing its streams. So everything that touches
MLX goes through `run`; only Python scalars, strings and plain values should come back.

Long work calls `serve_waiting` between its steps, where no array is half made: calls marked
``between_steps`` are then answered with the weights as they are.
"""

from __future__ import annotations

import atexit
import functools
import os
import sys
import threading
from collections import deque
from collections.abc import Callable
from concurrent.futures import CancelledError, Future, wait
from typing import Any, ParamSpec, TypeVar

from engine.errors import Cancelled

P = ParamSpec("P")
R = TypeVar("R")

_GRACE = 60.0
"""Seconds an interrupted caller, or the end of the process, waits for the work under way to reach a step's end."""
_LOOKS = 0.5
"""Seconds after which a caller who waits has a look whether Ctrl-C was pressed meanwhile."""


class _Call:
    """One piece of work on its way to the thread, and the way back for its result."""

    def __init__(self, work: Callable[[], Any], between_steps: bool) -> None:
        self.work = work
        self.between_steps = between_steps
        self.future: Future[Any] = Future()
        self.abandoned = False

    def perform(self) -> None:
        if not self.future.set_running_or_notify_cancel():
            return
        try:
            result = self.work()
        except BaseException as error:
            self.future.set_exception(error)
        else:
            self.future.set_result(result)

    def abandon(self) -> None:
        self.abandoned = True
        self.future.cancel()


class _MlxThread:
    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._waiting: deque[_Call] = deque()
        self._running: list[_Call] = []  # the call under way, and a short one inside it
        self._closing = False
        self._thread: threading.Thread | None = None

    def is_current(self) -> bool:
        return threading.current_thread() is self._thread

    def submit(self, call: _Call) -> None:
        with self._changed:
            if self._closing:
                raise RuntimeError("the MLX thread has been shut down")
            if self._thread is None:
                # A daemon, because Python joins other threads before it runs exit handlers, and ours ends it.
                self._thread = threading.Thread(target=self._live, name="mlx", daemon=True)
                self._thread.start()
            self._waiting.append(call)
            self._changed.notify()

    def _live(self) -> None:
        try:
            while (call := self._next()) is not None:
                self._perform(call)
                del call  # or the last result would be held until the next call
        finally:
            mlx = sys.modules.get("mlx.core")
            if mlx is not None:
                mlx.synchronize()
                mlx.clear_streams()

    def _next(self) -> _Call | None:
        with self._changed:
            self._changed.wait_for(lambda: self._waiting or self._closing)
            return None if self._closing else self._waiting.popleft()

    def _perform(self, call: _Call) -> None:
        self._running.append(call)
        try:
            call.perform()
        finally:
            self._running.pop()

    def stop_if_abandoned(self) -> None:
        if self._closing or any(call.abandoned for call in self._running):
            raise Cancelled

    def serve_waiting(self) -> int:
        self.stop_if_abandoned()
        if len(self._running) != 1:
            return 0
        served = 0
        while (call := self._take_short()) is not None:
            self._perform(call)
            served += 1
        return served

    def _take_short(self) -> _Call | None:
        with self._changed:
            call = next((waiting for waiting in self._waiting if waiting.between_steps), None)
            if call is not None:
                self._waiting.remove(call)
            return call

    def close(self) -> bool:
        """Ask for the end and wait for it; False if the work under way did not reach one in time."""
        with self._changed:
            self._closing = True
            for call in self._waiting:
                call.abandon()
            self._waiting.clear()
            self._changed.notify()
        if self._thread is None or self.is_current():
            return True
        self._thread.join(_GRACE)
        return not self._thread.is_alive()


_the = _MlxThread()


def submit(function: Callable[..., R], *args: Any, between_steps: bool = False, **kwargs: Any) -> Future[R]:
    """Queue ``function(*args, **kwargs)`` for the MLX thread and return at once.

    With `between_steps` the call may also be answered in the middle of long work, whenever that calls
    `serve_waiting`; mark only short ones. Raises `RuntimeError` after `shutdown`.
    """
    call = _Call(functools.partial(function, *args, **kwargs), between_steps)
    _the.submit(call)
    return call.future


def run(function: Callable[..., R], *args: Any, between_steps: bool = False, **kwargs: Any) -> R:
    """Run ``function(*args, **kwargs)`` on the MLX thread and return its result, or raise what it raised.

    On the MLX thread itself it is a plain call. A Ctrl-C while waiting asks the work to stop (its next
    `serve_waiting` or `stop_if_abandoned` raises `Cancelled`), gives it time to, and is raised then; a
    second Ctrl-C does not wait. See `submit` for `between_steps`.
    """
    if _the.is_current():
        return function(*args, **kwargs)
    call = _Call(functools.partial(function, *args, **kwargs), between_steps)
    _the.submit(call)
    try:
        while not call.future.done():
            # Not for ever: a Ctrl-C that comes just before this thread sleeps, or to another one, does not wake it.
            wait([call.future], timeout=_LOOKS)
        return call.future.result()
    except CancelledError:
        raise Cancelled from None
    except KeyboardInterrupt:
        call.abandon()
        if not call.future.done():
            wait([call.future], timeout=_GRACE)
        raise


def owned(function: Callable[P, R]) -> Callable[P, R]:
    """Decorator: whoever calls `function`, it runs on the MLX thread."""

    @functools.wraps(function)
    def on_the_thread(*args: P.args, **kwargs: P.kwargs) -> R:
        return run(functools.partial(function, *args, **kwargs))

    return on_the_thread


def is_current() -> bool:
    """Whether the caller is on the MLX thread."""
    return _the.is_current()


def serve_waiting() -> int:
    """Between two steps of long work: answer the short calls that wait, and return how many there were.

    Raises `Cancelled` when the caller has gone or the process is ending. Their exceptions go to their own
    callers. Does nothing inside a short call, so answers never nest.
    """
    return _the.serve_waiting()


def stop_if_abandoned() -> None:
    """Raise `Cancelled` when the call under way has lost its caller, or the process is ending."""
    _the.stop_if_abandoned()


def shutdown() -> None:
    """Let the work under way reach its next step's end, free MLX's streams and end the thread. For good.

    Registered to run at every normal exit of the interpreter, after exceptions and Ctrl-C too. If the work
    does not stop, or Ctrl-C is pressed again, the process leaves at once with code 130 instead of hanging.
    """
    try:
        ended = _the.close()
    except KeyboardInterrupt:
        ended = False
    if not ended:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(130)


atexit.register(shutdown)
