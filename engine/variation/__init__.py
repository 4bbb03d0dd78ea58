"""Ways to say the same with other words, from another point of view, or with less: what makes the dataset varied."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Variant:
    """A transformed passage. `changes` counts the words that were replaced, added or removed."""

    text: str
    changes: int


@dataclass(frozen=True, slots=True)
class Rejected:
    """A passage that could not be transformed well enough; `reason` is short and fit for counting."""

    reason: str
