"""A letter on every part of the screen that can be focused: pressing it goes there."""

from __future__ import annotations

from collections.abc import Sequence

from textual import events
from textual.app import ComposeResult
from textual.screen import ModalScreen, Screen
from textual.widget import Widget
from textual.widgets import Static

LETTERS = "asdfghjklqwertyuiopzxcvbnm"


def parts(screen: Screen[object]) -> list[Widget]:
    """What can be focused and is in sight, in the order of Tab."""
    sight = screen.region
    return [part for part in screen.focus_chain if part.region.overlaps(sight) and part.size.area][: len(LETTERS)]


class JumpScreen(ModalScreen[Widget | None]):
    """Lies over the screen whose `targets` it letters; the result is the part to go to."""

    DEFAULT_CSS = """
    JumpScreen { background: $background 0%; }
    JumpScreen > Static { position: absolute; width: 3; height: 1; background: $primary; color: $background; }
    JumpScreen > Static { text-style: bold; }
    JumpScreen:ansi > Static { text-style: bold reverse; color: $primary; background: ansi_default; }
    """

    def __init__(self, targets: Sequence[Widget]) -> None:
        super().__init__()
        self._targets = dict(zip(LETTERS, targets, strict=False))

    def compose(self) -> ComposeResult:
        taken: set[tuple[int, int]] = set()
        for letter, target in self._targets.items():
            x, y = target.region.offset
            while (x, y) in taken:  # a part within a part begins where that begins
                x += 3
            taken.add((x, y))
            label = Static(f" {letter} ", markup=False)
            label.styles.offset = (x, y)
            yield label

    def on_key(self, event: events.Key) -> None:
        event.stop()
        if event.key == "escape" or event.key in self._targets:
            self.dismiss(self._targets.get(event.key))

    def on_click(self) -> None:
        self.dismiss(None)
