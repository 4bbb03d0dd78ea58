"""The app: which screen is shown, the connection to the host, and what the screens share.

Nothing here or below imports models or parsers: everything heavy happens in the host.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import sys
import time
from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, ClassVar

from textual import work
from textual.app import SystemCommand
from textual.screen import Screen
from textual.timer import Timer
from textual.worker import WorkerFailed

from engine.errors import StyloraError
from engine.host.survey import AuthorState, survey
from engine.settings import Settings
from engine.workspace import Workspace
from tui import actions, crash, keymap, themes
from tui.hosted import Hosted
from tui.memory import Memory, recall, remember
from tui.screens.base import StyloraScreen
from tui.screens.messages import Said
from tui.stylesheet import RememberingStylesheet
from tui.widgets.bars import SCREENS

REST_SECONDS = 1.0


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


def _entry(action: actions.Action, screen: str = "") -> tuple[str, str]:
    """An action in the palette: what it does, with its keys (`screen` is that of another screen), and its name."""
    keys = f"{screen}, {keymap.written(action)}" if screen else keymap.written(action)
    label = "" if action.label.casefold() in action.help.casefold() else f"{action.label}: "
    return f"{label}{action.help}  ({keys})", f"{actions.TITLES[action.where]} · {action.id}"


class StyloraApp(Hosted):
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
        self,
        workspace: Workspace | None,
        *,
        host_command: Sequence[str] | None = None,
        here: Path | None = None,
        screen: str = "",
    ) -> None:
        """`host_command` starts another host than ours (the workspace is appended); `here` is the folder that the
        welcome screen offers, by default the current one; `screen` is the one to begin with, by default the last."""
        # With NO_COLOR Textual would send shades of grey, unless it is to leave colours to the terminal.
        super().__init__(host_command, ansi_color=True if "NO_COLOR" in os.environ else None)
        self.stylesheet = RememberingStylesheet(variables=self.get_css_variables())
        self.workspace, self.here = workspace, here or Path.cwd()
        self.memory = recall(workspace) if workspace else Memory()
        if screen:
            self.memory.screen = screen
        for theme in themes.THEMES:
            self.register_theme(theme)
        self._keys: Mapping[str, Any] | None = None
        self._said: deque[Said] = deque(maxlen=200)
        self._dress(self._settings())
        self._author = self.memory.author
        self._resting: Timer | None = None

    def _settings(self) -> Settings:
        """What stylora.toml says; the defaults where it says nothing, or nothing that can be read: the survey tells."""
        with contextlib.suppress(StyloraError):
            if self.workspace:
                return self.workspace.settings
        return Settings()

    def _dress(self, settings: Settings) -> None:
        """Theme and keys."""
        if self._keys is None:
            known = self.memory.theme if self.memory.theme in self.available_themes else settings.app.theme
            self.theme = themes.TERMINAL.name if self.no_color else themes.named(known).name
        if settings.keys != self._keys:
            self._keys, self._key_trouble = settings.keys, ""
            keys: keymap.Keys = {}
            try:
                keys = keymap.read(settings.keys)
            except StyloraError as error:
                self._key_trouble = str(error)
            keymap.use(keys)
            self.set_keymap(keymap.for_textual(keys))

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
        self.attend()

    def get_theme_variable_defaults(self) -> dict[str, str]:
        return themes.DARK.variables

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

    def reload(self) -> None:
        """Look at the workspace's files again, in a thread."""
        self.run_worker(self._survey(), group="survey", exclusive=True)

    async def _survey(self) -> None:
        assert self.workspace
        self.survey = await asyncio.to_thread(survey, self.workspace)
        if not self.survey.problem:
            self._dress(self.survey.settings)
        self._redraw()

    def _redraw(self) -> None:
        screen = self.screen
        if isinstance(screen, StyloraScreen):
            screen.redraw()

    def complain(self, line: str) -> None:
        """One line about what went wrong, and what to do."""
        self._said.append(Said(time.time(), line, wrong=True))
        self.notify(line, severity="error", timeout=12, markup=False)

    def tell(self, line: str) -> None:
        self._said.append(Said(time.time(), line))
        self.notify(line, timeout=6, markup=False)

    # -- actions --------------------------------------------------------------------------------------

    def action_go(self, name: str) -> None:
        """One of the four screens itself: what was opened over it is closed."""
        if self.workspace and name in dict(SCREENS):
            if self.current_mode != name:
                self.switch_mode(name)
                self.remember_soon()
            for _ in self.screen_stack[1:]:
                self.pop_screen()

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

    def show_card(self, adapter: str) -> None:
        """The report card of an adapter: as it is measured, if it is, or as it is kept."""
        from tui.screens.report import ReportScreen
        from tui.screens.training_words import run_of

        jobs = self.client.active() if self.client else []
        going = [job for job in jobs if job.kind == "check" and run_of(job, self.survey) == adapter]
        self.push_screen(ReportScreen(going[-1].job if going else "", adapter))

    def action_doctor(self) -> None:
        from tui.screens.doctor import DoctorScreen

        if self.workspace and not isinstance(self.screen, DoctorScreen):
            self.push_screen(DoctorScreen())

    @work
    async def action_sweep(self) -> None:
        """A sweep of the author's adapter: the one under way, else a new one. What was measured before is kept."""
        from tui.screens.sweep import SweepScreen, sweep_form

        author = self.author
        if author is None or not (author.adapter and author.adapter.complete):
            self.complain("no adapter to sweep yet; train one first")
            return
        active = self.client.active() if self.client else []
        going = [job.job for job in active if job.kind == "sweep" and job.params.get("author") == author.name]
        if not going:
            told = await self.push_screen_wait(sweep_form(author.name, author.adapter.path))
            if told is None:
                return
            try:
                going = [await self.start_job("sweep", {"author": author.name, **told})]
            except StyloraError as error:
                self.complain(str(error))
                return
        self.push_screen(SweepScreen(going[-1]))

    async def begin_demo(self) -> None:
        """Start the demo as soon as the host answers."""
        for _ in range(200):
            if self.client or self.trouble:
                break
            await asyncio.sleep(0.1)
        await self.action_demo()

    def action_theme(self) -> None:
        if self.no_color:
            self.tell("NO_COLOR is set, so there are no colours to choose")
            return
        self.theme = themes.after(self.theme).name
        self.tell(f"theme: {themes.said(self.theme)}")
        self.memory.theme = self.theme
        self.remember_soon()

    async def action_jump(self) -> None:
        from tui.screens.jump import JumpScreen, parts

        screen = self.screen
        if targets := parts(screen):
            self.push_screen(JumpScreen(targets), lambda part: screen.set_focus(part) if part else None)
        else:
            self.tell("nothing on this screen to jump to")

    def action_messages(self) -> None:
        from tui.screens.messages import MessagesScreen, ended

        jobs = self.client.jobs.values() if self.client else ()
        trouble = self.job_line()[2]
        now = [Said(time.time(), trouble, wrong=True)] if trouble else []
        self.push_screen(MessagesScreen([*self._said, *ended(jobs), *now], crash.logs(self.workspace)))

    def action_reload(self) -> None:
        if self.workspace:
            if self.client is None or self.client.lost:
                self.attend()
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
        """Write down what is worth remembering within a second: a closed terminal gives no time for it."""
        if self._resting is None:
            self._resting = self.set_timer(REST_SECONDS, self._remember)

    def _remember(self) -> None:
        self._resting = None
        if self.workspace:
            if self.current_mode in dict(SCREENS):
                self.memory.screen = self.current_mode
            self.memory.author = self._author
            remember(self.workspace, self.memory)

    def get_system_commands(self, screen: Screen[Any]) -> Iterable[SystemCommand]:
        """The palette: every action that a key finds on this screen or on one of the four, its own first. The name that
        the key bar has for it is found as well."""
        nodes = {getattr(screen, "NAME", ""): screen, "app": self}
        for where, node in nodes.items():
            for action in actions.of(where):
                if action.name != "command_palette":
                    yield SystemCommand(*_entry(action), partial(self.run_action, action.name, node))
        if self.workspace is None:
            return
        for where in dict(SCREENS):
            for action in actions.of(where) if where not in nodes else ():
                yield SystemCommand(*_entry(action, keymap.key(f"app.go-{where}")), partial(self._elsewhere, action))

    async def _elsewhere(self, action: actions.Action) -> None:
        """Go to the screen that an action is of, and do it there."""
        self.action_go(action.where)
        screen = self.screen

        async def there() -> None:
            if not await self.run_action(action.name, screen):
                self.tell(f"nothing there now for: {action.help}")

        if getattr(screen, "NAME", "") == action.where:
            screen.call_after_refresh(there)
        else:
            self.tell(f"{keymap.sign('escape')} closes what is open on that screen; then {keymap.written(action)}")

    async def _shutdown(self) -> None:
        """Take everything down; the workers first, for those of the app would find no screen in front."""
        self.workers.cancel_all()
        await super()._shutdown()

    # -- crashes --------------------------------------------------------------------------------------

    def _handle_exception(self, error: Exception) -> None:
        """Write the traceback where only the user can read it; Textual would print it with the user's text."""
        # A worker's failure names what it met, but its own traceback is empty.
        line = crash.record(error.error if isinstance(error, WorkerFailed) else error)
        super()._handle_exception(error)
        self._exit_renderables = [line]


def run(workspace: Workspace | None = None, screen: str = "") -> None:
    """Show the app for `workspace`, by default the one around the current folder, until the user leaves; it begins
    with `screen`, by default with the last one. Exits with code 1 after a crash.
    """
    if workspace is None:
        with contextlib.suppress(StyloraError):
            workspace = Workspace.find()
    app = StyloraApp(workspace, screen=screen)
    app.run()
    if app.return_code:
        sys.exit(app.return_code)
