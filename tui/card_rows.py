"""A report card as rows of short strings, for the terminal and for the screen alike."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

SIDES = (
    ("untrained", "untrained"),
    ("neutral", "plain"),
    ("author", "author"),
)
"""Anchors that stand beside every measure, with their headings: 80 columns have no room for more."""
ANCHORS = (*SIDES[:2], ("copy", "input"), ("memorised", "other"), SIDES[2])
"""Anchors of the joint score: also the input given back, and another passage of the author."""
TITLE = 31
"""Columns of the longest title."""


@dataclass(frozen=True, slots=True)
class Row:
    """One line: what is measured, the adapter's figure with its interval, and the anchors."""

    group: str
    title: str
    value: str
    interval: str
    anchors: tuple[str, ...]


def figure(value: object, unit: str = "") -> str:
    """A figure in at most five characters: shares in per cent, others with three digits; a dash for none."""
    if not isinstance(value, int | float):
        return "–"
    if unit == "%":
        return f"{value:.0%}"
    if unit == "words" and value == int(value):
        return f"{value:.0f}"
    size = abs(value)
    return f"{value:.0f}" if size >= 100 else f"{value:.1f}" if size >= 10 else f"{value:.2f}"


def _row(group: str, title: str, sides: Mapping[str, Any], anchors: tuple[tuple[str, str], ...], unit: str = "") -> Row:
    own = sides.get("rewritten")
    return Row(
        group,
        title,
        figure(own["value"], unit) if own else "–",
        f"{figure(own['low'], unit)} to {figure(own['high'], unit)}" if own else "",
        tuple(figure((sides.get(name) or {}).get("value"), unit) for name, _ in anchors),
    )


def joint(card: Mapping[str, Any]) -> list[Row]:
    """The joint score and its parts, beside every anchor; nothing for a card without them."""
    named = (("joint", "joint score"), ("style", "  style"), ("meaning", "  meaning"))
    return [_row("", title, card[name], ANCHORS) for name, title in named if card.get(name)]


def measures(card: Mapping[str, Any]) -> Iterator[Row]:
    """Every measure, beside the anchors of `SIDES`."""
    for one in card.get("measures", []):
        yield _row(one["group"], one["title"], one["sides"], SIDES, one["unit"])


def heading(card: Mapping[str, Any]) -> str:
    """What a card is of, in a line."""
    parts = [f"{card.get('passages', 0)} held-out passages of {card.get('author', 'an author')}"]
    if card.get("trials"):
        nouns = sum(one["kind"] == "noun" for one in card["trials"])
        texts = len(card["trials"]) - nouns
        parts.append(f"{texts} modern text{'s' * (texts != 1)}, {nouns} noun{'s' * (nouns != 1)}")
    if card.get("checkpoint"):
        parts.append(str(card["checkpoint"]))
    if card.get("strength", 1) != 1:
        parts.append(f"strength {card['strength']:g}")
    return "; ".join(parts)


def lines(card: Mapping[str, Any]) -> Iterator[tuple[str, str, str]]:
    """The whole card in lines of no more than 77 columns, each as title, the adapter's figure, and the rest.

    A line of headings has no figure; an empty one parts the groups.
    """
    scores = joint(card)
    if scores:
        yield f"{'':15}", "", f"{'adapter':>8}{'90% interval':>14}{_aligned(name for _, name in ANCHORS)}"
        for row in scores:
            yield f"{row.title:15}", f"{row.value:>8}", f"{row.interval:>14}{_aligned(row.anchors)}"
        yield "", "", ""
    group = ""
    for row in measures(card):
        if not group:
            yield f"{'':{TITLE}}", "", f"{'adapter':>8}{'90% interval':>14}{_aligned(name for _, name in SIDES)}"
        elif row.group != group:
            yield "", "", ""
        group = row.group
        yield f"{row.title:{TITLE}}", f"{row.value:>8}", f"{row.interval:>14}{_aligned(row.anchors)}"


def narrow(card: Mapping[str, Any]) -> Iterator[tuple[str, str, str]]:
    """The same in lines of no more than 42 columns: the adapter's figures beside the author's own."""
    yield f"{'':26}", "", f"{'adapter':>8}{'author':>8}"
    for row in (*joint(card), *measures(card)):
        title = row.title if len(row.title) <= 26 else f"{row.title[:25]}…"
        yield f"{title:26}", f"{row.value:>8}", f"{row.anchors[-1]:>8}"


def _aligned(cells: Iterable[str]) -> str:
    return "".join(f"{cell:>{10 if at == 0 else 7}}" for at, cell in enumerate(cells))
