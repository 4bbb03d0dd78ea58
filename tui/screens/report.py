"""A demo or a check as it goes and then its report card, or the cards that are kept of an adapter: figures first,
held-out passages to read after."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from typing import Any

from textual import work
from textual.containers import VerticalScroll
from textual.content import Content
from textual.widget import Widget
from textual.widgets import Static

from engine.host.cards import kept_cards
from engine.host.journal import Event, JobState
from tui import actions, card_page, card_rows, keymap, text
from tui.screens.base import StyloraScreen
from tui.widgets.figures import Tiles

STAGES = {
    "model": "base model",
    "clean": "reading the book",
    "curate": "corpus",
    "select": "choosing passages",
    "write": "corpus file",
    "dataset": "training pairs",
    "plan": "time and memory",
    "training": "training (3 shows its chart)",
    "validation": "held-out loss",
    "load": "adapter",
    "calibrate": "thresholds of the author",
    "check": "report card",
}
SAMPLE_SIDES = (
    ("plain", "plain", "$quiet"),
    ("untrained", "untrained model", "$quiet"),
    ("rewritten", "with the adapter", "$strong"),
    ("author", "the author's own", "$quiet"),
)


class ReportScreen(StyloraScreen):
    NAME = "report"
    CSS_PATH = "report.tcss"
    BINDINGS = actions.bindings("report")
    AUTO_FOCUS = ""

    def __init__(self, job: str = "", adapter: str = "") -> None:
        """What `job` comes to; without one, the cards kept of `adapter`, which is measured now if there are none."""
        super().__init__()
        self._job, self._adapter = job, adapter
        self._cards: list[Mapping[str, Any]] = []
        self._at = 0
        self._stages: dict[str, str] = {}
        self._over = ""

    def on_mount(self) -> None:
        if not self._job:
            self._look()

    @work
    async def _look(self) -> None:
        """Read the cards kept of the adapter."""
        assert self.stylora.workspace
        self._cards = [*await asyncio.to_thread(kept_cards, self.stylora.workspace, self._adapter)]
        if not self._cards:
            await self.action_measure()
        elif self.query("#card"):
            self._turn_to(0)

    def _turn_to(self, at: int) -> None:
        self._at = at % len(self._cards)
        self._show_card(self._cards[self._at])
        self.query_one("#page").scroll_home(animate=False)
        self.show()
        self.refresh_bindings()

    def is_mine(self, state: JobState) -> bool:
        return state.job == self._job

    def body(self) -> Iterable[Widget]:
        with VerticalScroll(id="page", can_focus=False):
            yield Static("", id="heading", classes="title", markup=False)
            yield Static("", id="stages")
            yield Tiles(id="figures")
            yield Static("", id="card")
            yield Static("", id="samples")

    def show(self) -> None:
        client = self.stylora.client
        state = client.jobs.get(self._job) if client else None
        kind = text.NAMES.get(state.kind, state.kind) if state else ""
        self.query_one("#heading", Static).update(self._kept() if not self._job else f"The {kind}" if kind else "")
        lines = []
        for number, (stage, message) in enumerate(self._stages.items(), 1):
            past = number < len(self._stages) or self._over == "done"
            mark, style = ("✓", "$success") if past else ("●", "$primary")
            if self._over in ("failed", "cancelled", "interrupted") and not past:
                mark, style = "✗", "$error"
            name = STAGES.get(stage, stage)
            lines.append(Content.assemble((f"{mark} ", style), f"{name:<28} ", (message, "$quiet")))
        self.query_one("#stages", Static).update(Content("\n").join(lines))
        self.query_one("#stages").display = bool(lines)

    def _kept(self) -> Content:
        """Which of the kept cards this is."""
        if not self._cards:
            return Content("")
        card, count = self._cards[self._at], len(self._cards)
        which = f", {self._at + 1} of {count}: {card['checkpoint'] or 'the adapter itself'}" if count > 1 else ""
        measure = keymap.key("report.measure")
        stale = f"; trained again since: {measure} measures it" if card["stale"] else f"; {measure} measures it again"
        return Content.assemble(
            (f"Report card of {text.visible(self._adapter)}", "bold $strong"),
            (f"{which}, written {text.clock(card['written'])}", "$quiet"),
            (stale, "$warning" if card["stale"] else "$quiet"),
        )

    def take(self, events: list[Event]) -> None:
        for event in events:
            if event.what == "progress" and event.stage:
                stage = event.stage.split(":")[0]
                self._stages[stage] = event.message or self._stages.get(stage, "")
            elif event.what in ("done", "failed", "cancelled", "interrupted"):
                self._over = event.what
                if event.what == "done":
                    self._show_card(event.result)
        self.show()

    def _show_card(self, result: Mapping[str, Any]) -> None:
        card = result.get("card", result)
        trained = result.get("trained") or {}
        tiles: list[tuple[str, str] | tuple[str, str, str]] = []
        if trained:
            tiles.append(("loss before", text.number(trained.get("first_valid_loss"), 2)))
            tiles.append(("loss after", text.number(trained.get("best_valid_loss"), 2), "$primary"))
        if isinstance(card.get("gap_closed"), int | float):
            tiles.append(("gap closed", f"{card['gap_closed']:.0%}", "$primary"))
            tiles.append(("gap, untrained", f"{card.get('gap_closed_untrained', 0):.0%}"))
        if card.get("facts"):
            tiles.append(("facts kept", f"{card.get('facts_kept', 0)} of {card['facts']}"))
        score = (card.get("joint") or {}).get("rewritten")
        if score:
            tiles.insert(2 if trained else 0, ("joint score", card_rows.figure(score["value"]), "$primary"))
        self.query_one("#figures", Tiles).show(tiles)
        self.query_one("#card", Static).update(self._next(result) + card_page.page(card))
        passages = [*card.get("samples", []), *self._trials(card)]
        self.query_one("#samples", Static).update(Content("\n\n").join(self._samples(passages)))

    @staticmethod
    def _next(result: Mapping[str, Any]) -> Content:
        """After a demo: how much of its pairs there was time for, and what to do now."""
        trained, rows = result.get("trained") or {}, result.get("rows")
        if not (trained.get("examples") and rows):
            return Content("")
        rewrite, go, train = (keymap.key(one) for one in ("app.go-rewrite", "app.go-training", "training.train"))
        seen = f"There was time for {text.whole(trained['examples'])} of {text.whole(rows)} pairs."
        then = f"{rewrite} rewrites a passage of yours with it; {go}, then {train}, trains for longer."
        return Content.styled(f"→ {seen} {then}\n\n", "$secondary")

    @staticmethod
    def _trials(card: Mapping[str, Any]) -> Iterable[Mapping[str, Any]]:
        """Modern texts and nouns in the form of samples."""
        for trial in card.get("trials", []):
            yield {
                **trial,
                "plain": f"{trial['kind']}: {trial['plain']}" if trial["kind"] != "noun" else trial["plain"],
            }

    @staticmethod
    def _samples(samples: Iterable[Mapping[str, Any]]) -> Iterable[Content]:
        for sample in samples:
            for name, title, style in SAMPLE_SIDES:
                if sample.get(name):
                    yield Content.assemble((title, "bold $secondary"), "\n", (str(sample[name]).strip(), style))
            for finding in sample.get("findings", []):
                yield Content.styled(f"! {finding}", "$warning")
            yield Content.styled("─" * 20, "$faint")

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        if action == "measure":
            return bool(self._adapter) and (not self._job or self._over != "")
        return len(self._cards) > 1 and not self._job if action == "card" else True

    async def action_measure(self) -> None:
        """Measure the adapter once more, and look on."""
        job = await self.start("check", {"adapter": self._adapter})
        if job and self.query("#card"):
            self._job, self._over, self._stages = job, "", {}
            self.query_one("#figures", Tiles).show([])
            for part in ("#card", "#samples"):
                self.query_one(part, Static).update("")
            self.redraw()

    def action_card(self, step: int) -> None:
        self._turn_to(self._at + step)

    def action_scroll(self, step: int) -> None:
        self.query_one("#page").scroll_relative(y=step, animate=False)
