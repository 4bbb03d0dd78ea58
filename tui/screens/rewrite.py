"""Screen 4: a passage in, its variations in the author's voice out, as a conversation that both terminals see."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

from textual import events, on, work
from textual.containers import Vertical
from textual.content import Content
from textual.widget import Widget
from textual.widgets import Static, TextArea

from engine.errors import StyloraError
from engine.host.voices import Turn, Voice, turns, voices
from tui import actions
from tui.screens.rewrite_asking import LONGEST, live_training, params_of
from tui.screens.rewrite_compare import blind_form, blind_params, compare_form
from tui.screens.rewrite_compare import params as compare_params
from tui.screens.rewrite_knobs import recalled
from tui.screens.rewrite_reading import Reading
from tui.screens.rewrite_turning import Turning
from tui.screens.training_words import run_of
from tui.text import NAMES, some, visible
from tui.widgets.exchange import of_job
from tui.widgets.prompt import Prompt
from tui.widgets.timeline import Timeline, merged


class RewriteScreen(Turning, Reading):
    NAME = "rewrite"
    KINDS = frozenset({"rewrite", "again", "compare"})
    CSS_PATH = "rewrite.tcss"
    BINDINGS = actions.bindings("rewrite")
    AUTO_FOCUS = ""  # a list that is closed gives the keys back, not the prompt

    def __init__(self) -> None:
        super().__init__()
        self._turns: list[Turn] = []
        self._turns_of, self._turns_seen = "", (0, 0)
        self._jobs_seen: object = None
        self._edited: tuple[str, int] | None = None
        self._author_seen = ""
        self._training_seen: object = None
        self._restored = False

    def body(self) -> Iterable[Widget]:
        yield Static("", id="knobs")
        yield Static("", id="live")
        yield Static("", id="empty")
        yield self.timeline
        with Vertical(id="ask"):
            yield Static("", id="held", markup=False)
            yield Prompt(self.kept("draft", ""), self.kept("held", ""))

    def on_mount(self) -> None:
        self.prompt.focus()

    @property
    def prompt(self) -> Prompt:
        return self.query_one(Prompt)

    # -- what is shown --------------------------------------------------------------------------------

    def show(self) -> None:
        if self.survey is None:
            return
        if self.knobs is None:
            self.knobs = recalled(self.kept("knobs", {}), self.survey.settings)
            self._show_held()
        slug = self.author.slug if self.author else ""
        if self._author_seen not in ("", slug) and self.knobs.adapter:
            self.turn(replace(self.knobs, adapter="", checkpoint=""))
        self._author_seen = slug
        self.timeline.follow = self.stylora.client.follow if self.stylora.client else None
        self.look()
        self.show_bar()

    def show_bar(self) -> None:
        if not self.query("#empty"):  # not there yet, or taken down already
            return
        ready = self.show_knobs()
        empty = self.query_one("#empty", Static)
        empty.display = not self.timeline.entries
        hint = (
            "Write or paste a passage below and press Ctrl+R.\n"
            "Esc leaves the prompt for the single keys; i goes back; F1 lists them all."
            if ready
            else f"→ {self.next_step()}"
        )
        empty.update(Content.styled(hint, "$secondary"))

    def _show_held(self) -> None:
        held = self.query_one("#held", Static)
        text = self.prompt.held
        held.display = bool(text)
        if text:
            start = " ".join(visible(text[:80]).split())
            held.update(
                Content.assemble(
                    ("▤ ", "$primary"),
                    (f"{some(len(text.split()), 'word')} pasted", "bold $strong"),
                    ("; ^r sends them, Esc then z drops them  ", "$quiet"),
                    (f"“{start}…”", "$foreground"),
                ).truncate(max(20, self.size.width - 3), ellipsis=True)
            )

    def on_resize(self) -> None:
        self.call_after_refresh(self.show_bar)

    # -- history and jobs -----------------------------------------------------------------------------

    def look(self) -> None:
        self._read()

    @work(group="look", exclusive=True)
    async def _read(self) -> None:
        """Read adapters and history again, in a thread; the history only where its file has changed."""
        workspace = self.stylora.workspace
        if workspace is None:
            return
        self.voices = await asyncio.to_thread(voices, workspace)
        self.forget_lost_checkpoint()
        self.start_from_choice()
        adapter, path = self.adapter, workspace.root / "rewrites" / f"{self.adapter}.jsonl"
        try:
            found = path.stat()
            seen = (found.st_mtime_ns, found.st_size)
        except OSError:
            seen = (0, 0)
        if (adapter, seen) != (self._turns_of, self._turns_seen):
            try:
                read = await asyncio.to_thread(turns, workspace, adapter) if seen[1] else []
            except StyloraError as error:
                self.stylora.complain(str(error))
                read = []
            if not self.query("#empty"):  # the app is closing
                return
            if adapter != self._turns_of:
                self.timeline.choose(None)
                self.timeline.show([])
            self._turns, self._turns_of, self._turns_seen = read, adapter, seen
        self._jobs_seen = None
        self._sync()
        self.show_bar()

    def newest(self) -> None:
        """No single job is followed: every exchange follows its own."""

    def show_jobs(self) -> None:
        super().show_jobs()
        if self.is_mounted and self.query("#live"):
            self._sync()
            self.show_live()
            self._look_at_checkpoints()

    def _look_at_checkpoints(self) -> None:
        """A training under way has validated or saved: there may be another best adapter, and other checkpoints."""
        training = live_training(self.stylora.client)
        if training and (training.values.get("valid") is not None or training.message.endswith("saved")):
            saved = training.message if training.message.endswith("saved") else ""
            seen = (training.job, training.values.get("valid"), saved)
            if seen != self._training_seen:
                self._training_seen = seen
                self.look()

    def _sync(self) -> None:
        """Tell the exchanges of new turns and jobs."""
        client, survey = self.stylora.client, self.survey
        if survey is None or self._turns_of != self.adapter or not self.query("#empty"):
            return
        mine = [
            state
            for state in (list(client.jobs.values()) if client else [])
            if self.is_mine(state) and state.params and run_of(state, survey) == self.adapter
        ]
        seen = [(state.job, state.status) for state in mine]
        waits = self._waits()
        for one in self.timeline.exchanges:
            if one.waiting != waits:
                one.waiting = waits
                one.draw()
        if seen == self._jobs_seen:
            return
        self._jobs_seen = seen
        jobs = [(of_job(state), int(state.result.get("turn") or 0)) for state in mine]
        if client is not None:
            self.timeline.follow = client.follow
        self.timeline.show(merged(self._turns, jobs))
        self.query_one("#empty").display = not self.timeline.entries
        self._restore()
        self.refresh_bindings()

    def _waits(self) -> str:
        client = self.stylora.client
        running = [state for state in client.active() if state.status == "running"] if client else []
        ahead = [state for state in running if not self.is_mine(state)]
        return f"waits until the {NAMES.get(ahead[0].kind, ahead[0].kind)} before it is done…" if ahead else ""

    def _restore(self) -> None:
        """Back to the exchange and the line where the last visit ended."""
        place: dict[str, Any] = self.kept("place", {})
        if self._restored or not self.timeline.entries:
            return
        self._restored = True
        for at, entry in enumerate(self.timeline.entries):
            if (
                place
                and (entry.job, entry.number) == (place.get("job"), place.get("turn"))
                or (place.get("turn") and entry.number == place.get("turn") and place.get("adapter") == self.adapter)
            ):
                self.timeline.go(at, place.get("card", 0), place.get("line", 0))

    @on(Timeline.Moved)
    def _moved(self) -> None:
        timeline = self.timeline
        exchange = timeline.current()
        if timeline.chosen is None or exchange is None:
            self.keep(place={})
            return
        entry = exchange.entry
        told = {"adapter": self.adapter, "job": entry.job, "turn": entry.number, "card": timeline.chosen.number}
        self.keep(place={**told, "line": round(timeline.scroll_y) - exchange.virtual_region.y})

    # -- the prompt -----------------------------------------------------------------------------------

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        writing = isinstance(self.focused, TextArea)
        if action in ("open", "diff", "hold", "copy", "again", "edit", "choose", "step", "search"):
            return bool(self.timeline.entries)
        held = bool(self.query(Prompt) and self.prompt.held)
        return {
            "write": not writing,
            "keys": writing or self.timeline.chosen is not None,
            "let_go": held,
        }.get(action, True)

    @on(TextArea.Changed, "#prompt")
    def _written(self) -> None:
        self.keep(draft=self.prompt.text)

    @on(Prompt.Held)
    def _held(self) -> None:
        self._show_held()
        self.keep(held=self.prompt.held if len(self.prompt.held) <= LONGEST // 4 else "")
        self.refresh_bindings()

    def action_check(self) -> None:
        if self.voice is None:
            self.stylora.complain(f"no adapter to check. {self.next_step()}")
        else:
            self.stylora.show_card(self.adapter)

    def action_keys(self) -> None:
        """Out of the prompt; from there, back to the newest exchange."""
        if isinstance(self.focused, TextArea):
            self.set_focus(None)
        else:
            self.timeline.choose(None)
            self.timeline.go_newest()

    def action_write(self) -> None:
        self.prompt.focus()

    def action_let_go(self) -> None:
        self.prompt.let_go()

    # -- asking ---------------------------------------------------------------------------------------

    @work
    async def action_rewrite(self) -> None:
        text = self.prompt.whole()
        if not text:
            self.stylora.complain("nothing to rewrite yet: write or paste a passage first")
            return
        edited = self._edited[1] if self._edited and self._edited[0] == self.adapter else 0
        if await self._send(text, again=edited):
            self.prompt.empty()
            self._edited = None

    @work
    async def action_again(self) -> None:
        exchange = self.timeline.current()
        if exchange is None or self.knobs is None:
            return
        if exchange.entry.kind == "compare":
            self.stylora.complain("this was a comparison: press b to compare again")
            return
        text = exchange.entry.text
        seeds = [int(one.settings.get("seed") or 0) for one in self.timeline.entries if one.text == text]
        await self._send(text, seed=max(seeds, default=self.knobs.seed) + 1, again=exchange.entry.number)

    async def _send(self, text: str, seed: int | None = None, again: int = 0) -> bool:
        if self.knobs is None or self.author is None or (self.voice is None and self.live() != self.adapter):
            self.stylora.complain(self.next_step() or "the workspace is still being read")
            return False
        knobs = self.asked_knobs or self.knobs
        knobs = knobs if seed is None else replace(knobs, seed=seed)
        params = params_of(knobs, self.author, text, again)
        if not knobs.checkpoint and self.chosen.checkpoint is not None and self.live() != self.adapter:
            params["checkpoint"] = "none"  # said, or what was chosen would be taken
        return await self._ask("rewrite", params)

    async def _ask(self, kind: str, params: dict[str, Any]) -> bool:
        if len(params["text"]) > LONGEST:
            self.stylora.complain("too long for a conversation; use 'stylora rewrite --file' for a whole book")
            return False
        self.timeline.choose(None)
        return bool(await self.start(kind, params))

    @work
    async def action_compare(self) -> None:
        exchange, voice, live = self.timeline.current(), self.voice, self.live()
        if voice is None and self.author and live == self.adapter:  # its first training: there is nothing on disk yet
            voice = Voice(live, self.author.name, Path(live), (), 0.0, "")
        text = self.prompt.whole() or (exchange.entry.text if exchange else "")
        if not text or voice is None or self.knobs is None:
            missing = self.next_step() if text else ""
            self.stylora.complain(missing or "nothing to compare on yet: write or paste a passage first")
            return
        knobs = self.asked_knobs or self.knobs
        told = await self.app.push_screen_wait(compare_form(knobs, voice, self.voices, text, live))
        if told is None:
            return
        if await self._ask("compare", {"text": text, **compare_params(told, knobs, voice, live)}):
            self.prompt.empty()

    @work
    async def action_blind(self) -> None:
        """Two strengths, checkpoints or adapters by votes."""
        from tui.screens.blind import BlindScreen

        voice, knobs = self.voice, self.knobs
        if voice is None or knobs is None:
            self.stylora.complain(
                self.next_step() or "a trial takes what is on the disk, and nothing of it is there yet"
            )
            return
        told = await self.app.push_screen_wait(blind_form(knobs, voice, self.voices))
        if told and (job := await self.start("blind", blind_params(told, knobs, voice))):
            self.app.push_screen(BlindScreen(job))

    def action_edit(self) -> None:
        exchange = self.timeline.current()
        if exchange:
            self.prompt.let_go()
            self.prompt.put(exchange.entry.text)
            self._edited = (self.adapter, exchange.entry.number) if exchange.entry.kind == "rewrite" else None
            self.prompt.focus()

    def on_descendant_focus(self, event: events.DescendantFocus) -> None:
        self.refresh_bindings()

    def on_descendant_blur(self, event: events.DescendantBlur) -> None:
        self.refresh_bindings()
