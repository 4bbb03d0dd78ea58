"""Which of several rewrites is shown first, and what is tried where none of them is sound."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from engine.generation.verify import Verdict

WEAKER = 0.8
"""Strength of each further try over that of the one before, from the second on: a weaker adapter strays less."""
COOLER = 0.7
"""Temperature of every further try over that of the rewrite itself. Chosen: of an author's held-out passages 90% of the
names and numbers came back at .7 and 94% at .5, with less of the style; so only what failed is written cooler."""
_APART = 1_000_003
"""Between the seeds of two tries; a prime beyond any number of variations."""


@dataclass(frozen=True)
class Try:
    """Seed and strength of a try."""

    number: int
    """0 for the rewrite itself, 1 for the first after it."""
    seed: int
    strength: float
    cooling: float = 1.0
    """Its temperature over the one asked for."""

    @property
    def suffix(self) -> str:
        """Tells its random draws from those of the others."""
        return f":retry{self.number}" if self.number else ""


def tries(seed: int, strength: float, retries: int) -> Iterator[Try]:
    """At most `retries` more tries: the first with a new seed and cooler, the others with a lower strength as well."""
    for number in range(1, retries + 1):
        yield Try(number, seed + number * _APART, strength * WEAKER ** (number - 1), COOLER)


def failed(verdicts: Sequence[Verdict]) -> bool:
    """Whether something severe was found in every rewrite."""
    return not any(verdict.passed for verdict in verdicts)


def best(verdicts: Sequence[Verdict]) -> int:
    """Index of the verdict with the least against it; the first of equals.

    What is severe decides, then what is mild, then the share of facts kept, the worst stretch left out, and last
    the style distance.
    """

    def against(index: int) -> tuple[float, ...]:
        verdict = verdicts[index]
        severe = sum(finding.weight for finding in verdict.findings if finding.severe)
        kept = verdict.facts_kept / verdict.facts_total if verdict.facts_total else 1.0
        return severe, verdict.weight - severe, -kept, verdict.omitted, verdict.distance

    return min(range(len(verdicts)), key=against)
