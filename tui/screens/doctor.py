"""The doctor: what is wrong, why, and fixes to run with a key.

It looks in a process of its own, because the host may be what is wrong, or busy with a training for hours.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import shlex
import sys
from collections.abc import Iterable, Mapping
from typing import Any, ClassVar

from textual import work
from textual.app import SuspendNotSupported
from textual.containers import VerticalScroll
from textual.content import Content
from textual.widget import Widget
from textual.widgets import Static

from tui import actions, text
from tui.screens.base import StyloraScreen
from tui.widgets.form import Form

QUICK = frozenset({"use"})
"""Commands that are done at once; the others show their progress on the terminal itself."""


class DoctorScreen(StyloraScreen):
    NAME = "doctor"
    CSS_PATH = "doctor.tcss"
    BINDINGS = actions.bindings("doctor")
    AUTO_FOCUS = ""
    COMMAND: ClassVar[tuple[str, ...]] = (sys.executable, "-m", "tui.cli")
    """Starts `stylora`."""

    def __init__(self) -> None:
        super().__init__()
        self.findings: list[Mapping[str, Any]] = []
        self.whole = False
        self._said = "looking …"
        self._chosen = 0

    def body(self) -> Iterable[Widget]:
        yield Static("", id="heading", classes="title", markup=False)
        with VerticalScroll(id="page", can_focus=False):
            yield Static("", id="found")

    def on_mount(self) -> None:
        self.look()

    @property
    def fixes(self) -> list[Mapping[str, Any]]:
        """Every fix on the screen, in order."""
        return [fix for finding in self.findings for fix in finding["fixes"]]

    def show(self) -> None:
        self.query_one("#heading", Static).update(f"Doctor  {self._said}")
        self.query_one("#found", Static).update(Content("\n").join(self._lines()))

    def _lines(self) -> Iterable[Content]:
        ill = [finding for finding in self.findings if not finding["passed"]]
        well = [finding for finding in self.findings if finding["passed"]]
        for finding in ill:
            name, detail = text.visible(finding["name"]), text.visible(finding["detail"])
            yield Content.assemble(("✗ ", "$error"), (name, "bold $strong"), f": {detail}")
            if finding["why"]:
                yield Content.styled(f"  because {text.visible(finding['why'])}", "$quiet")
            for fix in finding["fixes"]:
                here = fix["number"] - 1 == self._chosen
                mark = ("→", "bold $primary") if here else (" ", "")
                yield Content.assemble(mark, (f"{fix['number']:>3}  ", "$secondary"), fix["words"])
                yield Content.styled(f"      {fix['command']}", "$primary" if here else "$quiet")
            yield Content("")
        if self.whole or not ill:
            for finding in well:
                detail = text.visible(f"{finding['name']}: {finding['detail']}")
                yield Content.assemble(("✓ ", "$success"), (detail, "$quiet"))

    @work(exclusive=True, group="doctor")
    async def look(self) -> None:
        """Examine, and show what was found."""
        self._said = "looking …"
        self.show()
        code, out, err = await self._stylora("doctor", "--json")
        try:
            found = json.loads(out)
        except ValueError:
            self._said = f"could not look: {text.visible(err.strip().splitlines()[-1] if err.strip() else str(code))}"
            self.show()
            return
        self.findings = found
        self._chosen = min(self._chosen, max(len(self.fixes) - 1, 0))
        wrong = sum(not finding["passed"] for finding in found)
        self._said = f"{text.some(wrong, 'thing')} wrong of {len(found)}" if wrong else "all is well"
        self.show()
        self.refresh_bindings()

    async def _stylora(self, *command: str) -> tuple[int, str, str]:
        assert self.stylora.workspace
        process = await asyncio.create_subprocess_exec(
            *self.COMMAND,
            *command,
            cwd=self.stylora.workspace.root,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
        )
        try:
            out, err = await process.communicate()
        except asyncio.CancelledError:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            raise
        return process.returncode or 0, out.decode(errors="replace"), err.decode(errors="replace")

    # -- actions --------------------------------------------------------------------------------------

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        return bool(self.fixes) if action in ("fix", "choose") else True

    def action_choose(self, step: int) -> None:
        self._chosen = max(0, min(len(self.fixes) - 1, self._chosen + step))
        self.show()
        lines = list(self._lines())
        marked = next((at for at, line in enumerate(lines) if line.plain.startswith("→")), 0)
        width = max(self.query_one("#found").size.width, 20)
        above = sum(max(1, -(-len(line.plain) // width)) for line in lines[:marked])
        self.query_one("#page").scroll_to(y=max(0, above - 4), animate=False)

    def action_scroll(self, step: int) -> None:
        self.query_one("#page").scroll_relative(y=step, animate=False)

    def action_whole(self) -> None:
        self.whole = not self.whole
        self.show()

    def action_look(self) -> None:
        self.look()

    @work
    async def action_fix(self) -> None:
        """Run the chosen fix: at once where it only changes a choice, else on the terminal, where it can be watched."""
        command = str(self.fixes[self._chosen]["command"])
        lines = [shlex.split(one.strip())[1:] for one in command.split(" && ")]
        if all(line[0] in QUICK for line in lines):
            for line in lines:
                code, out, err = await self._stylora(*line)
                if code:
                    self.stylora.complain((err.strip().splitlines() or ["it failed"])[-1])
                    return
                self.stylora.tell((out.strip().splitlines() or ["done"])[-1])
        else:
            note = "It runs on the terminal itself, where it can be watched; Enter leads back here when it is done."
            if await self.app.push_screen_wait(Form(f"Run: {command}", (), note, send="run it")) is None:
                return
            if not await self._on_terminal(lines):
                return
        self.stylora.reload()
        self.look()

    @staticmethod
    def _wait_for_enter() -> None:
        os.write(1, b"Enter goes back to the doctor ")
        os.read(0, 1024)

    async def _on_terminal(self, lines: Iterable[list[str]]) -> bool:
        """Leave the screen to the commands until they are done, and Enter is pressed; False where that cannot be."""
        import signal
        import subprocess

        assert self.stylora.workspace
        # Ctrl-C is the command's: it reaches every process of the terminal, and would end the app as well. A handler
        # and not `SIG_IGN`, which the command would inherit.
        before = signal.signal(signal.SIGINT, lambda *_: None)
        try:
            with self.app.suspend():
                for line in lines:
                    os.write(1, f"$ stylora {shlex.join(line)}\n".encode())
                    if subprocess.run([*self.COMMAND, *line], cwd=self.stylora.workspace.root).returncode:
                        break
                self._wait_for_enter()
        except SuspendNotSupported:
            self.stylora.complain("this terminal cannot be lent to a command; type it in another one")
            return False
        finally:
            signal.signal(signal.SIGINT, before)
        return True
