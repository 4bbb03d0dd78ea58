"""How a caller steers long work: requests it looks at between its steps. The counterpart of `engine.progress`."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Literal, get_args

from engine.errors import StyloraError

Action = Literal["pause", "resume", "stop", "checkpoint", "validate_every"]
ACTIONS: tuple[Action, ...] = get_args(Action)


class Control:
    """Requests on their way to one piece of work. Safe from any thread; a request is answered at the next step."""

    def __init__(self, heard: Callable[[], None] | None = None) -> None:
        """`heard` is called, by the work's own thread, when it begins to listen."""
        self._heard = heard
        self._changed = threading.Condition()
        self._listening = False
        self._paused = False
        self._cancelled = False
        self._waiting: list[tuple[Action, int | None]] = []

    # -- whoever steers -------------------------------------------------------------------------------

    def ask(self, action: str, value: int | None = None) -> None:
        """Ask for `action`; `value` is the number of updates between validations for ``validate_every``.

        Raises `StyloraError` for an unknown action, a bad value, or work that nobody can steer (yet, or any more).
        """
        if action not in ACTIONS:
            raise StyloraError(f"{action!r}: no such request; there are {', '.join(ACTIONS)}")
        if action == "validate_every" and (not isinstance(value, int) or isinstance(value, bool) or value < 1):
            raise StyloraError(f"validate_every {value!r}: must be a whole number of updates, at least 1")
        with self._changed:
            if not self._listening:
                raise StyloraError(f"{action}: only a training that is under way can do this")
            if action in ("pause", "resume"):
                self._paused = action == "pause"
            else:
                self._waiting.append((action, value))
            self._changed.notify_all()

    def cancel(self) -> None:
        """Ask any work to stop at the next point it can resume from."""
        with self._changed:
            self._cancelled = True
            self._changed.notify_all()

    @property
    def cancelled(self) -> bool:
        return self._cancelled

    @property
    def listening(self) -> bool:
        """Whether the work is at a point where it can be steered, and answers between its steps."""
        return self._listening

    # -- the work -------------------------------------------------------------------------------------

    @contextmanager
    def heard(self) -> Iterator[None]:
        """Requests are accepted within this context, and those left at its end are dropped."""
        with self._changed:
            self._listening = True
        if self._heard is not None:
            self._heard()
        try:
            yield
        finally:
            with self._changed:
                self._listening = self._paused = False
                self._waiting.clear()

    @property
    def paused(self) -> bool:
        return self._paused

    def taken(self) -> list[tuple[Action, int | None]]:
        """Requests that came since the last time, oldest first; pausing is a state and not among them."""
        if not self._waiting:
            return []
        with self._changed:
            waiting, self._waiting = self._waiting, []
        return waiting

    def wait(self, seconds: float) -> None:
        """While paused: sleep until something is asked, at most so long."""
        with self._changed:
            if self._paused and not self._cancelled and not self._waiting:
                self._changed.wait(seconds)
