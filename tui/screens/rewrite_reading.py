"""What one does with rewrites on the fourth screen: move among them, look closer, search, copy, keep."""

from __future__ import annotations

import asyncio

from textual import work

from engine.atomic import atomic_path
from engine.errors import StyloraError
from engine.host.voices import keep
from tui.screens.base import StyloraScreen
from tui.screens.rewrite_details import DetailsScreen
from tui.screens.rewrite_history import HistoryScreen
from tui.widgets.exchange import Exchange
from tui.widgets.timeline import Timeline
from tui.widgets.variation import Variation

CLIPBOARD = 74_000
"""Characters that a terminal takes as a clipboard; longer ones many of them drop."""


class Reading(StyloraScreen):
    """The part of the screen that reads; `adapter` is the folder name of the one that is asked."""

    def __init__(self) -> None:
        super().__init__()
        self.timeline = Timeline()
        self._searched = ""

    @property
    def adapter(self) -> str:
        raise NotImplementedError

    def look(self) -> None:
        """Read the files again: something has changed there."""
        raise NotImplementedError

    def action_choose(self, step: int) -> None:
        self.timeline.step_card(step)

    def action_step(self, step: int) -> None:
        self.timeline.step(step)

    def action_scroll(self, lines: int) -> None:
        self.timeline.scroll_lines(lines)

    def action_diff(self) -> None:
        current = self.timeline.current()
        if current and not current.over:
            self.stylora.tell("still being written: the diff comes when the texts are complete")
            return
        against = self.timeline.compare_next()
        if against == "plain" and not any(one.plain() for one in self.timeline.exchanges):
            self.timeline.compare_next()  # nobody kept it

    @work
    async def action_search(self) -> None:
        at = await self.app.push_screen_wait(screen := HistoryScreen(self.timeline.entries, self._searched))
        self._searched = screen.wanted
        if at is not None:
            self.set_focus(None)
            self.timeline.go(at)

    def _choice(self) -> tuple[Exchange, Variation] | None:
        """The chosen card; without one, the best of the newest exchange."""
        exchange = self.timeline.current()
        if exchange is None or not exchange.variations:
            return None
        return exchange, self.timeline.chosen or exchange.variations[exchange.best]

    def action_open(self) -> None:
        if found := self._choice():
            self.app.push_screen(DetailsScreen(*found))

    def action_copy(self) -> None:
        found, workspace = self._choice(), self.stylora.workspace
        if found is None or workspace is None or not found[1].text.strip():
            self.stylora.complain("nothing to copy yet")
            return
        exchange, card = found
        stem = exchange.job or f"{self.adapter}-turn-{exchange.entry.number}"
        path = workspace.root / "rewrites" / f"{stem}-{card.number + 1}.txt"
        text = card.text.strip()
        try:
            with atomic_path(path) as temporary:
                temporary.write_text(text + "\n", encoding="utf-8")
            path.chmod(0o600)
        except (StyloraError, OSError) as error:
            self.stylora.complain(str(error))
            return
        self.app.copy_to_clipboard(text)
        said = "sent to the clipboard too (OSC 52): Apple's Terminal ignores that, tmux needs 'set-clipboard on'"
        if len(text) > CLIPBOARD:
            said = "also sent to the clipboard, but many terminals drop a text of this length"
        self.stylora.tell(f"{card.label or f'variation {card.number + 1}'} saved as rewrites/{path.name}; {said}")

    @work
    async def action_hold(self) -> None:
        """Mark the chosen variation in the history as the one to keep."""
        found, workspace = self._choice(), self.stylora.workspace
        if found is None or workspace is None:
            return
        exchange, card = found
        if not exchange.entry.number:
            self.stylora.complain("not in the history yet: only a finished rewrite can be kept")
            return
        try:
            turn = await asyncio.to_thread(keep, workspace, self.adapter, exchange.entry.number, card.number)
        except StyloraError as error:
            self.stylora.complain(str(error))
            return
        self.stylora.tell(f"kept {turn.number}.{card.number + 1}; rewrites/{self.adapter}.md has it marked")
        self.look()
