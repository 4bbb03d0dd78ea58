"""What a new user should do next for an author, in words that name the keys."""

from __future__ import annotations

from engine.host.survey import AuthorState
from tui import keymap
from tui.widgets.bars import SCREENS


def next_step(author: AuthorState | None, here: int = 0, *, demo: bool = False) -> str:
    """One sentence for whoever is on screen `here` (0: elsewhere); empty once everything is there. With `demo`, which
    takes every step by itself, there is nothing to do but to look."""

    def press(screen: int, action: str) -> str:
        name = SCREENS[screen - 1][0]
        there, then = keymap.key(f"app.go-{name}"), keymap.key(f"{name}.{action}")
        return f"Press {then}" if screen == here else f"Press {there}, then {then},"

    if demo:
        return f"The demo makes all of it by itself; {keymap.key('app.demo')} shows how far it is."
    if author is None or (not author.raw and author.corpus is None):
        return f"{press(1, 'add')} to add a book of this author: .txt, .md, .html, .epub or .pdf."
    if author.corpus is None:
        return f"{press(1, 'curate')} to curate the corpus from the book."
    if author.corpus.waiting:
        return f"You decided otherwise on some text. {press(1, 'curate')} to curate again."
    if author.dataset is None:
        return f"{press(2, 'build')} to build the training pairs."
    if author.dataset.stale:
        return f"The corpus has changed. {press(2, 'build')} to build the pairs again."
    if author.adapter is None or not author.adapter.complete:
        return f"{press(3, 'train')} to train an adapter."
    return ""


def trail(author: AuthorState) -> list[tuple[str, bool]]:
    """The stations of the street, and whether the author has reached them."""
    return [
        ("book", bool(author.raw)),
        ("corpus", author.corpus is not None),
        ("dataset", author.dataset is not None),
        ("adapter", bool(author.adapter and author.adapter.complete)),
    ]
