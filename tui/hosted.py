"""The app's connection to the host: attach, follow what changes, and whether another host is started when one goes."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping, Sequence
from typing import Any

from engine.errors import StyloraError
from engine.host import address
from engine.host.client import HostClient
from engine.host.journal import JobState
from engine.host.survey import Survey
from engine.workspace import Workspace
from tui import keymap
from tui.screens.base import StyloraScreen
from tui.typed_ahead import TypedAhead

AGAIN_SECONDS = 30.0
"""A host that dies twice within this time is not started a third time by itself."""
LOOK_SECONDS = 1.0
"""Between two looks for a host that somebody else has started again."""


class Hosted(TypedAhead):
    """What the app knows of the host. `trouble` is why there is none, for the line that screens show of jobs."""

    workspace: Workspace | None
    survey: Survey | None = None
    client: HostClient | None = None
    trouble = ""
    _key_trouble = ""
    _lost_at = 0.0

    def __init__(self, host_command: Sequence[str] | None, *, ansi_color: bool | None = None) -> None:
        super().__init__(ansi_color=ansi_color)
        self._host_command = host_command
        self._stages: dict[str, str] = {}
        """Of the demos seen so far."""
        self._answered = asyncio.Event()
        """A host has answered, or none will by itself."""

    def complain(self, line: str) -> None:
        """One line about what went wrong, and what to do."""
        raise NotImplementedError

    def reload(self) -> None:
        """Look at the workspace's files again."""
        raise NotImplementedError

    def _redraw(self) -> None:
        """Draw what is in sight again."""
        raise NotImplementedError

    @property
    def opening(self) -> bool:
        return super().opening or (self.workspace is not None and self.survey is None)

    # -- attaching ------------------------------------------------------------------------------------

    def attend(self) -> None:
        """Attach to the host, starting one where none answers; any earlier attachment is given up."""
        self._answered.clear()
        self.run_worker(self._attend(), group="host", exclusive=True)

    async def _attend(self) -> None:
        """Attach to the host, tell the screens what changes, and start another one if it dies."""
        assert self.workspace
        found: HostClient | None = None
        while True:
            try:
                self.client = found or await HostClient.connect(self.workspace, command=self._host_command)
            except StyloraError as error:
                self.trouble = str(error)
                self._answered.set()
                self._redraw()
                return
            self.trouble = ""
            self._answered.set()
            self._redraw()
            async for changed in self.client.changes():
                self._changed(changed)
            if self.client.stopped:
                found = await self._another(self.client)
            elif self._died():
                found = None
            else:
                return

    async def _another(self, gone: HostClient) -> HostClient:
        """The host was told to stop, so that it stays away: say so, and wait until somebody has started one."""
        assert self.workspace
        self.trouble = f"the host was stopped; {keymap.key('app.reload')} or any job starts it again"
        self._redraw()
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            told = address.find(self.workspace)
            if told and (told.pid != gone.host_pid or not told.stopped):
                try:
                    if found := await HostClient.attach(self.workspace):
                        return found
                except StyloraError:
                    continue

    def _changed(self, changed: set[str]) -> None:
        assert self.client
        jobs = [self.client.jobs[job] for job in changed]
        # A demo leaves files at each of its stages.
        begun = {job.job: job.stage.partition(":")[0] for job in jobs if job.kind == "demo"}
        if any(not job.active for job in jobs) or begun.items() - self._stages.items():
            self.reload()
        self._stages |= begun
        screen = self.screen
        if isinstance(screen, StyloraScreen) and screen.is_mounted:
            screen.show_jobs()

    def _died(self) -> bool:
        """The host is gone: say so, and whether to start another one."""
        assert self.client
        cut = [state for state in self.client.jobs.values() if state.status == "interrupted" and not state.ended]
        again = time.monotonic() - self._lost_at > AGAIN_SECONDS
        self._lost_at = time.monotonic()
        what = f"the host stopped and its {cut[-1].kind} job with it" if cut else "the host stopped"
        then = "starting another" if again else f"press {keymap.key('app.reload')} to start another"
        self.trouble = f"{what}; {then}"
        if cut:
            self.complain(f"{what}; its log is .stylora/logs/host.log")
        self._redraw()
        return again

    # -- what the screens use -------------------------------------------------------------------------

    def job_line(self) -> tuple[list[JobState], JobState | None, str]:
        """Active jobs, the last one that ended, and what is wrong with the host or the settings."""
        jobs = list(self.client.jobs.values()) if self.client else []
        ended = [state for state in jobs if not state.active]
        trouble = self.trouble or (self.survey.problem if self.survey else "") or self._key_trouble
        return [state for state in jobs if state.active], ended[-1] if ended else None, trouble

    async def start_job(self, kind: str, params: Mapping[str, Any]) -> str:
        """Start a job on the host, and the host where it was stopped; raises `StyloraError` with the reason why not."""
        if self.client and self.client.stopped:
            self.attend()
            await self._answered.wait()
        if self.client is None or (self.client.lost and self.trouble):
            raise StyloraError(self.trouble or "the host is still starting; try again in a moment")
        return await self.client.start(kind, params)
