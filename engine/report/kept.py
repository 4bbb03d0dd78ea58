"""The report card as a value, and where cards are kept: beside the adapter they are of, one file a checkpoint and
strength."""

from __future__ import annotations

import re
from pathlib import Path

import msgspec

from engine.atomic import write_bytes
from engine.errors import StyloraError

FORMAT = 1
STEM = "report"

SIDES = ("rewritten", "untrained", "neutral", "copy", "memorised", "author")
"""What every measure is taken of. The last five are anchors, known to be good or bad: what the base model makes of the
same prompts, the plain text, the input given back with its noise, another passage of the author in its place, and the
author's own, never seen in training."""


class Value(msgspec.Struct, frozen=True):
    """A figure with its 90% interval (`engine.measures.resampling`)."""

    value: float
    low: float
    high: float


class Measure(msgspec.Struct, frozen=True, kw_only=True):
    """One line of the card."""

    name: str
    """What code asks for it by: "delta", "facts"; stable."""
    group: str
    """rhythm, vocabulary, style, meaning, fluency, memorisation, degeneration, length, invention or modern."""
    title: str
    unit: str
    """"%" where the figure is a share from 0 to 1, else what it counts; '' for a plain number."""
    better: str
    """"lower", "higher" or "author": as near to the author's own figure as can be."""
    what: str
    """What is measured and how, with its source, in a sentence or two."""
    sides: dict[str, Value | None]
    """By name of the side; None where it says nothing of this side or nothing could be measured."""

    @property
    def rewritten(self) -> Value | None:
        return self.sides.get("rewritten")

    @property
    def author(self) -> Value | None:
        return self.sides.get("author")


class Sample(msgspec.Struct, frozen=True, kw_only=True):
    """One held-out passage in every form, for people to read."""

    passage: str
    plain: str
    """The neutral text the model was given, before noise."""
    untrained: str
    """What the base model made of the same prompt."""
    rewritten: str
    author: str
    """The author's own passage, which the model has never seen."""
    findings: list[str]


class Trial(msgspec.Struct, frozen=True, kw_only=True):
    """A modern text or a bare noun, and what was made of it."""

    name: str
    kind: str
    """news, technical, dialogue, list, numbers or noun."""
    plain: str
    untrained: str
    rewritten: str
    findings: list[str]
    figures: dict[str, float]
    """Of the rewrite: style (0 the plain text, 1 the author), facts, coverage, length; of a noun: style, topic,
    figurative."""


class Spectrum(msgspec.Struct, frozen=True, kw_only=True):
    """A distribution for plotting: `bins` are the left edges or the names, `sides` the share in each."""

    bins: list[str]
    sides: dict[str, list[float]]


class Card(msgspec.Struct, frozen=True, kw_only=True):
    """Figures over `passages` held-out passages. Style distances are Burrows's Delta to the author's other text."""

    format: int = FORMAT
    author: str
    adapter: str = ""
    """Name of the adapter's folder; empty for one under training."""
    checkpoint: str = ""
    """Name of the checkpoint's folder ("update-000154"); empty for the adapter itself."""
    weights: str = ""
    """SHA-256 of the adapter's weights: a card of other weights is out of date."""
    seed: int = 42
    passages: int
    variations: int
    retries: int = 0
    """More tries that a passage had, at most, where every variation had something severe."""
    draws: int = 1
    """Seeds that each passage was written with; its figures are the means."""
    strength: float
    profile_words: int = 0
    """Words of the author that the figures are held against."""
    measures: list[Measure] = []
    joint: dict[str, Value | None] = {}
    """The joint score by side, from 0 to 1 (`engine.report.joint`)."""
    style: dict[str, Value | None] = {}
    """Its style part by side: 0 the plain text, 1 the author's own."""
    meaning: dict[str, Value | None] = {}
    """Its meaning part by side: 0 an unrelated passage of the author, 1 the author's own."""
    sentences: Spectrum | None = None
    """Share of sentences by length in words."""
    marks: Spectrum | None = None
    """Marks per 100 words."""
    trials: list[Trial] = []
    keywords: list[str] = []
    """The author's key words, the strongest first."""
    distance_neutral: float
    distance_untrained: float
    distance_rewritten: float
    distance_author: float
    gap_closed: float
    gap_closed_untrained: float
    facts: int
    """Names and numbers in the passages."""
    facts_kept: int
    facts_kept_untrained: int
    copied: int
    """Rewrites with a span of 20 words or more from the author's other text."""
    findings: dict[str, int]
    """Rewrites with a finding, by its kind."""
    samples: list[Sample]

    def measure(self, name: str) -> Measure | None:
        """The line of that name; None on a card without it."""
        return next((one for one in self.measures if one.name == name), None)


def card_file(adapter: Path, card: Card) -> Path:
    """Where a card is kept: `report.json` for the adapter at strength 1, else with checkpoint and strength named."""
    parts = [STEM, card.checkpoint, f"strength-{card.strength:g}" if card.strength != 1 else ""]
    return adapter / f"{'-'.join(part for part in parts if part)}.json"


def save_card(adapter: Path, card: Card) -> Path:
    """Keep `card` in the adapter's folder, in place of an earlier one of the same checkpoint and strength."""
    path = card_file(adapter, card)
    write_bytes(path, msgspec.json.format(msgspec.json.encode(card), indent=1) + b"\n")
    return path


def read_card(path: Path) -> Card:
    """The card at `path`; raises `StyloraError` for one that is damaged or of another format."""
    try:
        card = msgspec.json.decode(path.read_bytes(), type=Card)
    except OSError as error:
        raise StyloraError(f"{path}: {error.strerror}; 'stylora check' makes a card") from None
    except msgspec.MsgspecError as error:
        raise StyloraError(f"{path}: not a report card ({error}); delete it, 'stylora check' makes a new one") from None
    if card.format != FORMAT:
        raise StyloraError(f"{path}: a card of format {card.format}, this version reads {FORMAT}; run 'stylora check'")
    return card


def load_cards(adapter: Path) -> list[Card]:
    """Every readable card kept with an adapter: its own first, then by checkpoint and strength.

    Damaged ones and those of another format are left out: a new check replaces them.
    """
    cards = []
    for path in sorted(adapter.glob(f"{STEM}*.json")):
        if re.fullmatch(rf"{STEM}(-update-\d+)?(-strength-[\d.e-]+)?", path.stem):
            try:
                cards.append(read_card(path))
            except StyloraError:
                continue
    return sorted(cards, key=lambda card: (card.checkpoint, card.strength != 1, card.strength))
