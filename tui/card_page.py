"""A report card on a screen: its lines in colour, as wide as there is room."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from textual.content import Content

from tui import card_rows

WIDE = 77
"""Columns of the whole card."""


def page(card: Mapping[str, Any], width: int = WIDE) -> Content:
    """The card's heading and lines: all anchors in `WIDE` columns, the author's alone in fewer."""
    return Content("\n").join(_lines(card, card_rows.lines(card) if width >= WIDE else card_rows.narrow(card)))


def _lines(card: Mapping[str, Any], rows: Iterable[tuple[str, str, str]]) -> Iterator[Content]:
    yield Content.styled(card_rows.heading(card), "$quiet") if card.get("author") else Content("")
    for title, own, rest in rows:
        if own:
            yield Content.assemble((title, "$foreground"), (own, "bold $strong"), (rest, "$quiet"))
        else:
            yield Content.styled(f"{title}{rest}", "$secondary")
