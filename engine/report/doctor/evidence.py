"""What is known of an adapter without asking its model: how its training went, and texts it has written.

Plain values: whoever calls the doctor gathers them, so that a test can plant them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import msgspec

from engine.generation.conversation import Turn
from engine.report.kept import Card


class Failure(msgspec.Struct, frozen=True, kw_only=True):
    """A job that ended badly, and was not done since."""

    kind: str
    error: str
    params: Mapping[str, Any] = {}


class Point(msgspec.Struct, frozen=True, kw_only=True):
    """The training loss at an update, smoothed; None where it was no number."""

    update: int
    loss: float | None


class Training(msgspec.Struct, frozen=True, kw_only=True):
    """How a run went, from the files in its folder."""

    name: str
    folder: Path
    status: str = ""
    """As `engine.host.runs` calls it."""
    author: str = ""
    model: str = ""
    """Its base model's name in this workspace; empty where it is not here."""
    config: Mapping[str, Any] = {}
    updates: int = 0
    per_epoch: float | None = None
    """Updates of an epoch, where they are known."""
    train: tuple[Point, ...] = ()
    valid: tuple[tuple[int, float], ...] = ()
    best_update: int | None = None
    setbacks: int = 0
    """Times it was taken back to a checkpoint because the loss was no number."""
    checkpoints: tuple[int, ...] = ()


class Output(msgspec.Struct, frozen=True, kw_only=True):
    """A text that the adapter wrote, and what there is to compare it with."""

    text: str
    plain: str = ""
    """The neutral text it was given."""
    author: str = ""
    """The author's own passage, where it was made from one."""
    asked: int | None = None
    """Words asked for, where that was said."""
    marks: tuple[str, ...] = ()
    """Where it was made unlike the adapter was trained."""


class Evidence(msgspec.Struct, frozen=True, kw_only=True):
    """All there is about one adapter. `card` is the report card of its present weights at what it is rewritten with, or
    the nearest to that."""

    training: Training
    card: Card | None = None
    checked: tuple[Output, ...] = ()
    """Held-out passages of the report card."""
    tried: tuple[Output, ...] = ()
    """Its modern texts and bare nouns."""
    used: tuple[Output, ...] = ()
    """The latest rewrites, the best of each."""
    damaged: str = ""
    """What is wrong with the file of rewrites, where it cannot be read."""


def of_card(card: Card) -> tuple[Output, ...]:
    """The held-out passages of a report card."""
    return tuple(
        Output(text=one.rewritten, plain=one.plain, author=one.author, asked=len(one.author.split()) or None)
        for one in card.samples
    )


def of_trials(card: Card) -> tuple[Output, ...]:
    """The modern texts and bare nouns of a report card."""
    return tuple(Output(text=one.rewritten, plain=one.plain) for one in card.trials)


def of_turns(turns: Iterable[Turn]) -> tuple[Output, ...]:
    """The best rewrite of each turn that was no comparison; comparisons show what nobody would use."""
    return tuple(
        Output(
            text=turn.written[turn.best].text,
            plain=turn.text,
            asked=turn.settings.get("words"),
            marks=turn.marks,
        )
        for turn in turns
        if turn.how != "compared" and turn.written
    )
