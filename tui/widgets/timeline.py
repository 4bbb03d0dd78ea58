"""The exchanges with one adapter, oldest first: those around the place are on the screen, the others are a key away."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence

from textual import work
from textual.containers import VerticalScroll
from textual.message import Message

from engine.host.journal import Event
from engine.host.voices import Turn
from tui.widgets.exchange import AGAINST, Against, Entry, Exchange, of_turn
from tui.widgets.variation import Variation

AROUND = 3
"""Exchanges kept on the screen before and after the place; more come when one goes there."""
Follow = Callable[[str], AsyncIterator[list[Event]]]


def merged(turns: Sequence[Turn], jobs: Sequence[tuple[Entry, int]]) -> list[Entry]:
    """The turns of the history with the jobs that have become none: running, failed, stopped.

    `jobs` are in the order they were asked, each with the number of its turn or 0. One without a turn stands after
    the turn of the job before it.
    """
    linked = {number: entry.job for entry, number in jobs if number}
    numbers = {turn.number for turn in turns}
    after: dict[int, list[Entry]] = {}
    known = [number for _, number in jobs if number in numbers]
    place = known[0] - 1 if known else len(turns)
    for entry, number in jobs:
        if number in numbers:
            place = number
        else:
            after.setdefault(place, []).append(entry)
    entries = list(after.get(0, []))
    for turn in turns:
        entries += [of_turn(turn, linked.get(turn.number, "")), *after.get(turn.number, [])]
    return entries


class Timeline(VerticalScroll):
    """`entries` are all there are. The chosen card is what keys work on; without one, the newest exchange is."""

    class Moved(Message):
        """Another card was chosen, or the exchanges were scrolled."""

    def __init__(self) -> None:
        super().__init__(id="exchanges", can_focus=True)
        self.entries: list[Entry] = []
        self.chosen: Variation | None = None
        self.against: Against = ""
        self.follow: Follow | None = None
        self.pinned = True
        """Whether the newest exchange is kept in sight while it grows."""

    @property
    def exchanges(self) -> list[Exchange]:
        """Those on the screen, oldest first."""
        return [one for one in self.children if isinstance(one, Exchange)]

    def current(self) -> Exchange | None:
        """The exchange of the chosen card, else the newest."""
        if self.chosen:
            return self.of(self.chosen)
        found = self.exchanges
        return found[-1] if found and self.entries and found[-1].entry.same(self.entries[-1]) else None

    def of(self, card: Variation) -> Exchange | None:
        return next((one for one in self.exchanges if card in one.variations), None)

    def place(self, entry: Entry) -> int:
        return next((at for at, one in enumerate(self.entries) if one.same(entry)), -1)

    # -- which are on the screen ----------------------------------------------------------------------

    def show(self, entries: Sequence[Entry]) -> None:
        """Take the entries as they are now; a new one at the end comes into sight."""
        before, self.entries = self.entries, list(entries)
        fresh = bool(entries) and (not before or not any(entries[-1].same(one) for one in before))
        taken: set[int] = set()
        for one in self.exchanges:
            at = self.place(one.entry)
            if at < 0 or at in taken:  # a job and the turn it became, each shown before they were known to be one
                if self.chosen in one.variations:
                    self.chosen = None
                one.remove()
                continue
            taken.add(at)
            if self.entries[at] is not one.entry:
                one.link(self.entries[at])
        if fresh and not self.chosen:
            self.go_newest()
        elif not self.exchanges or not before:
            self._window(len(self.entries) - 1)

    def _window(self, at: int) -> None:
        """Have the exchanges around place `at` on the screen, and no others."""
        wanted = self.entries[max(0, at - AROUND) : at + AROUND + 1]
        there = self.exchanges
        for one in there:
            if not any(one.entry.same(entry) for entry in wanted):
                if self.chosen in one.variations:
                    self.chosen = None
                one.remove()
        there = [one for one in there if any(one.entry.same(entry) for entry in wanted)]
        for entry in wanted:
            if any(one.entry.same(entry) for one in there):
                continue
            before = self.place(entry) - 1
            made = Exchange(entry, before >= 0 and self.entries[before].text == entry.text)
            made.against = self.against
            later = next((one for one in there if self.place(one.entry) > self.place(entry)), None)
            self.mount(made, before=later)
            there.append(made)
            there.sort(key=lambda one: self.place(one.entry))
            if not entry.turn and entry.job:
                self._listen(made)

    @work
    async def _listen(self, exchange: Exchange) -> None:
        """Draw what a job tells, from its beginning; at most ten times a second, and once more at its end."""
        if self.follow is None:
            return
        async for batch in self.follow(exchange.job):
            if not exchange.is_attached:
                return
            exchange.take(batch)
            if self.pinned and self.entries and exchange.entry.same(self.entries[-1]):
                self.call_after_refresh(self._to_top, exchange)

    def go_newest(self) -> None:
        """The last exchange in sight, from its first line on, as far as it goes."""
        self._window(len(self.entries) - 1)
        self.pinned = True
        if self.entries:
            last = next((one for one in self.exchanges if one.entry.same(self.entries[-1])), None)
            if last:
                self.call_after_refresh(self._to_top, last)

    def _to_top(self, exchange: Exchange, offset: int = 0) -> None:
        if exchange.is_attached:
            self.scroll_to(y=exchange.virtual_region.y + offset, animate=False, force=True)

    # -- moving ---------------------------------------------------------------------------------------

    def go(self, at: int, card: int | None = None, offset: int = 0) -> None:
        """Bring the entry at place `at` to the top, and choose its card (default: the best)."""
        if not self.entries:
            return
        at = max(0, min(len(self.entries) - 1, at))
        self._window(at)
        exchange = next((one for one in self.exchanges if one.entry.same(self.entries[at])), None)
        if exchange:
            self.call_after_refresh(self._arrive, exchange, card, offset)

    def _arrive(self, exchange: Exchange, card: int | None, offset: int) -> None:
        if exchange.is_attached:
            number = exchange.best if card is None else min(card, len(exchange.variations) - 1)
            self.choose(exchange.variations[number] if exchange.variations else None, show=False)
            self.call_after_refresh(self._to_top, exchange, offset)

    def step(self, step: int) -> None:
        """To the exchange before or after the current one."""
        here = self.current()
        self.go(self.place(here.entry) + step if here else len(self.entries) - 1)

    def step_card(self, step: int) -> None:
        """Choose the next card, over the borders of exchanges too."""
        exchange = self.current()
        if exchange is None or not exchange.variations:
            return
        if self.chosen is None:
            self.choose(exchange.variations[0 if step > 0 else -1] if step else exchange.variations[exchange.best])
            return
        at = exchange.variations.index(self.chosen) + step
        if 0 <= at < len(exchange.variations):
            self.choose(exchange.variations[at])
        elif 0 <= self.place(exchange.entry) + step < len(self.entries):
            self.go(self.place(exchange.entry) + step, 0 if step > 0 else 1_000)

    def choose(self, card: Variation | None, show: bool = True) -> None:
        if self.chosen and self.chosen.is_attached:
            self.chosen.remove_class("-chosen")
        self.chosen = card
        if card:
            self.pinned = False
            card.add_class("-chosen")
            if show:
                self.scroll_to_widget(card, animate=False)
        self.post_message(self.Moved())

    def scroll_lines(self, lines: int) -> None:
        """Scroll by hand: from now on the place is the reader's."""
        self.pinned = False
        self.scroll_relative(y=lines, animate=False)

    def on_mouse_scroll_up(self) -> None:
        self.pinned = False

    # -- comparing ------------------------------------------------------------------------------------

    def compare_next(self) -> Against:
        """Show what differs from the next thing there is to compare with."""
        self.against = AGAINST[(AGAINST.index(self.against) + 1) % len(AGAINST)]
        for one in self.exchanges:
            one.against = self.against
            one.draw()
        return self.against

    def watch_scroll_y(self, old: float, new: float) -> None:
        super().watch_scroll_y(old, new)
        if round(old) != round(new):
            self.post_message(self.Moved())
