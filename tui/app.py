"""The app: which screen is shown, the connection to the host, and what the screens share.

Nothing here or below imports models or parsers: everything heavy happens in the host.
"""

from __future__ import annotations

import asyncio
import contextlib
import sys
import time
from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, ClassVar

from textual.app import App, SystemCommand
from textual.screen import Screen
from textual.timer import Timer

from engine.errors import StyloraError
from engine.host.client import HostClient
from engine.host.journal import JobState
from engine.host.survey import AuthorState, Survey, survey
from engine.workspace import Workspace
from tui import actions, crash
from tui.memory import Memory, recall, remember
from tui.screens.base import StyloraScreen
from tui.themes import DARK, LIGHT

REST_SECONDS = 1.0
AGAIN_SECONDS = 30.0
"""A host that dies twice within this time is not started a third time by itself."""


def _corpus() -> Screen[Any]:
    from tui.screens.corpus import CorpusScreen

    return CorpusScreen()


def _dataset() -> Screen[Any]:
    from tui.screens.dataset import DatasetScreen

    return DatasetScreen()


def _training() -> Screen[Any]:
    from tui.screens.training import TrainingScreen

    return TrainingScreen()


def _rewrite() -> Screen[Any]:
    from tui.screens.rewrite import RewriteScreen

    return RewriteScreen()


def _welcome() -> Screen[Any]:
    from tui.screens.welcome import WelcomeScreen

    return WelcomeScreen()


class StyloraApp(App[None]):
    """Four screens on one workspace; the welcome screen where there is none yet."""

    TITLE = "Stylora"
    CSS_PATH = "app.tcss"
    BINDINGS = actions.bindings("app")
    MODES: ClassVar = {
        "corpus": _corpus,
        "dataset": _dataset,
        "training": _training,
        "rewrite": _rewrite,
        "welcome": _welcome,
    }
    DEFAULT_MODE = "corpus"
    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (76, "-normal"), (110, "-wide")]  # noqa: RUF012
    VERTICAL_BREAKPOINTS = [(0, "-short"), (30, "-tall")]  # noqa: RUF012

    def __init__(
        self, workspace: Workspace | None, *, host_command: Sequence[str] | None = None, here: Path | None = None
    ) -> None:
        """`host_command` starts another host than ours (the workspace is appended); `here` is the folder that the
        welcome screen offers, by default the current one."""
        super().__init__()
        self.workspace, self.here = workspace, here or Path.cwd()
        self.memory = recall(workspace) if workspace else Memory()
        for theme in (DARK, LIGHT):
            self.register_theme(theme)
        self.theme = LIGHT.name if self.memory.light else DARK.name
        self.client: HostClient | None = None
        self.survey: Survey | None = None
        self.trouble = ""
        self._host_command = host_command
        self._author = self.memory.author
        self._lost_at = 0.0
        self._resting: Timer | None = None

    def on_mount(self) -> None:
        self.animation_level = "none"
        if self.workspace:
            self.action_go(self.memory.screen)
            self.call_after_refresh(self.open_workspace)
        else:
            self.switch_mode("welcome")

    def open_workspace(self) -> None:
        """Look at the files and attach to the host, behind the first paint."""
        self.reload()
        self.run_worker(self._attend(), group="host", exclusive=True)

    def get_theme_variable_defaults(self) -> dict[str, str]:
        return DARK.variables

    # -- state the screens share ----------------------------------------------------------------------

    @property
    def author(self) -> AuthorState | None:
        if self.survey is None:
            return None
        return self.survey.author(self._author) or next(iter(self.survey.authors), None)

    def choose_author(self, slug: str) -> None:
        if slug != self._author:
            self._author = slug
            self._redraw()

    def job_line(self) -> tuple[list[JobState], JobState | None, str]:
        """Active jobs, the last one that ended, and what is wrong with the host or the settings."""
        jobs = list(self.client.jobs.values()) if self.client else []
        ended = [state for state in jobs if not state.active]
        trouble = self.trouble or (self.survey.problem if self.survey else "")
        return [state for state in jobs if state.active], ended[-1] if ended else None, trouble

    def reload(self) -> None:
        """Look at the workspace's files again, in a thread."""
        self.run_worker(self._survey(), group="survey", exclusive=True)

    async def _survey(self) -> None:
        assert self.workspace
        self.survey = await asyncio.to_thread(survey, self.workspace)
        self._redraw()

    def _redraw(self) -> None:
        screen = self.screen
        if isinstance(screen, StyloraScreen):
            screen.redraw()

    def complain(self, line: str) -> None:
        """One line about what went wrong, and what to do."""
        self.notify(line, severity="error", timeout=12, markup=False)

    def tell(self, line: str) -> None:
        self.notify(line, timeout=6, markup=False)

    # -- the host -------------------------------------------------------------------------------------

    async def _attend(self) -> None:
        """Attach to the host, tell the screens what changes, and start another one if it dies."""
        assert self.workspace
        while True:
            try:
                self.client = await HostClient.connect(self.workspace, command=self._host_command)
            except StyloraError as error:
                self.trouble = str(error)
                self._redraw()
                return
            self.trouble = ""
            self._redraw()
            async for changed in self.client.changes():
                self._changed(changed)
            if not self._died():
                return

    def _changed(self, changed: set[str]) -> None:
        assert self.client
        if any(not self.client.jobs[job].active for job in changed):
            self.reload()
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
        self.trouble = f"{what}; {'starting another' if again else 'press ^l to start another'}"
        if cut:
            self.complain(f"{what}; its log is .stylora/logs/host.log")
        self._redraw()
        return again

    async def start_job(self, kind: str, params: Mapping[str, Any]) -> str:
        """Start a job on the host; raises `StyloraError` with the reason why not."""
        if self.client is None:
            raise StyloraError(self.trouble or "the host is still starting; try again in a moment")
        return await self.client.start(kind, params)

    # -- actions --------------------------------------------------------------------------------------

    def action_go(self, name: str) -> None:
        if self.workspace and self.current_mode != name and name in self.MODES:
            self.switch_mode(name)
            self.remember_soon()

    def action_author(self, step: int) -> None:
        if self.survey and self.author:
            slugs = [author.slug for author in self.survey.authors]
            self.choose_author(slugs[(slugs.index(self.author.slug) + step) % len(slugs)])

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        if action == "cancel":
            return bool(self.client and self.client.active())
        return True

    async def action_cancel(self) -> None:
        """Cancel the job in front: what this screen is about first, else what runs."""
        active = self.client.active() if self.client else []
        screen = self.screen
        mine = [state for state in active if isinstance(screen, StyloraScreen) and screen.is_mine(state)]
        if self.client and (mine or active):
            state = (mine or active)[0]
            try:
                await self.client.cancel(state.job)
            except StyloraError as error:
                self.complain(str(error))
            else:
                self.tell(f"{state.kind}: stopping at the next point it can go on from")

    async def action_demo(self) -> None:
        if self.workspace is None:
            return
        from tui.screens.report import ReportScreen

        jobs = list(self.client.jobs.values()) if self.client else []
        demos = [state for state in jobs if state.kind == "demo"]
        if demos and (demos[-1].active or demos[-1].status == "done"):
            self.push_screen(ReportScreen(demos[-1].job))
            return
        try:
            self.push_screen(ReportScreen(await self.start_job("demo", {})))
        except StyloraError as error:
            self.complain(str(error))

    async def begin_demo(self) -> None:
        """Start the demo as soon as the host answers."""
        for _ in range(200):
            if self.client or self.trouble:
                break
            await asyncio.sleep(0.1)
        await self.action_demo()

    def action_theme(self) -> None:
        self.theme = LIGHT.name if self.theme == DARK.name else DARK.name
        self.remember_soon()

    def action_reload(self) -> None:
        if self.workspace:
            if self.client is None or self.client.lost:
                self.run_worker(self._attend(), group="host", exclusive=True)
            self.reload()

    def action_help(self) -> None:
        from tui.screens.help import HelpScreen

        if not isinstance(self.screen, HelpScreen):
            self.push_screen(HelpScreen(getattr(self.screen, "NAME", "")))

    def action_leave(self) -> None:
        self.exit()

    def on_unmount(self) -> None:
        if self.client:
            self.client.close()
        self._remember()

    def remember_soon(self) -> None:
        """Write down what is worth remembering once the hands rest: a closed terminal gives no time for it."""
        if self._resting:
            self._resting.stop()
        self._resting = self.set_timer(REST_SECONDS, self._remember)

    def _remember(self) -> None:
        if self.workspace:
            self.memory.screen, self.memory.author = self.current_mode, self._author
            self.memory.light = self.theme == LIGHT.name
            remember(self.workspace, self.memory)

    def get_system_commands(self, screen: Screen[Any]) -> Iterable[SystemCommand]:
        """The palette: the actions that have a meaning on this screen."""
        names = {"app": self, getattr(screen, "NAME", ""): screen}
        for action in actions.ACTIONS:
            if node := names.get(action.where):
                title = f"{action.help}  ({actions.written(action)})"
                call = partial(self.run_action, action.name, node)
                yield SystemCommand(title, actions.TITLES[action.where], call)

    # -- crashes --------------------------------------------------------------------------------------

    def _handle_exception(self, error: Exception) -> None:
        """Write the traceback where only the user can read it; Textual would print it with the user's text."""
        line = crash.record(error)
        super()._handle_exception(error)
        self._exit_renderables = [line]


def run(workspace: Workspace | None = None) -> None:
    """Show the app for `workspace`, by default the one around the current folder, until the user leaves.

    Exits with code 1 after a crash.
    """
    if workspace is None:
        with contextlib.suppress(StyloraError):
            workspace = Workspace.find()
    app = StyloraApp(workspace)
    app.run()
    if app.return_code:
        sys.exit(app.return_code)
