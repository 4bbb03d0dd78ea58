"""What can be said against a rewrite, before anyone is shown it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from engine.measures.degeneration import COPIED_SPAN_LIMIT, CorpusIndex, degeneration
from engine.measures.facts import kept

LENGTH_LIMITS = (0.5, 1.8)
"""Words of a rewrite over words of its source: chosen; outside, something was left out or made up."""

_REFUSAL = re.compile(r"\bas an AI\b|\blanguage model\b|\bI (?:cannot|can't|am unable to) (?:assist|help|comply)", re.I)


@dataclass(frozen=True)
class Finding:
    """One thing wrong with a rewrite. `weight` orders rewrites: 1 is one lost fact."""

    kind: str
    message: str
    weight: float


@dataclass(frozen=True)
class Verdict:
    findings: tuple[Finding, ...]
    facts_total: int
    """Different name words and numbers in the source; one said twice counts once, since a rewrite may say "he"."""
    facts_kept: int

    @property
    def weight(self) -> float:
        return sum(finding.weight for finding in self.findings)


def _as_written(fact: str, source: str) -> str:
    found = re.search(rf"(?<!\w){re.escape(fact)}(?!\w)", source, re.IGNORECASE)
    return found[0] if found else fact


def verify(source: str, rewrite: str, *, finish: str = "stop", corpus: CorpusIndex | None = None) -> Verdict:
    """Check a final text against its source; `finish` is how decoding ended ("stop" or "length")."""
    findings: list[Finding] = []
    facts = kept(source, rewrite, each=False)
    if facts.missing:
        missing = ", ".join(_as_written(fact, source) for fact in facts.missing)
        findings.append(Finding("facts", f"missing: {missing}", float(len(facts.missing))))
    findings += [Finding("loop", message, 5.0) for message in degeneration(rewrite).findings]
    ratio = len(rewrite.split()) / max(len(source.split()), 1)
    if not LENGTH_LIMITS[0] <= ratio <= LENGTH_LIMITS[1]:
        findings.append(Finding("length", f"{ratio:.0%} of the source's length", 2.0))
    if finish == "length":
        findings.append(Finding("unfinished", "stopped at the length limit, without an end", 2.0))
    if _REFUSAL.search(rewrite) and not _REFUSAL.search(source):
        findings.append(Finding("refusal", "reads like a refusal", 5.0))
    if corpus is not None and (span := corpus.copied(rewrite)) >= COPIED_SPAN_LIMIT:
        findings.append(Finding("copied", f"{span} words in a row copied from the author's books", 3.0))
    return Verdict(
        tuple(findings),
        facts_total=facts.names_total + facts.numbers_total,
        facts_kept=facts.names_kept + facts.numbers_kept,
    )


def best(verdicts: Sequence[Verdict]) -> int:
    """Index of the verdict with the least weight against it; the first of equals."""
    return min(range(len(verdicts)), key=lambda index: verdicts[index].weight)
