"""A verdict in the light of what was asked for and given: a subject, a number of words, noise, text made by rules."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from engine.generation.limits import DEFAULT
from engine.generation.preparing import Prepared
from engine.generation.spelling import misspelt
from engine.generation.verify import Finding, Verdict

_OF_ANY_TEXT = frozenset({"empty", "unfinished", "loop", "refusal", "echo", "copied", "ai-ism"})
"""Findings that make sense of a text that had only a subject to go by, and no facts to keep."""
_SUBJECT = 4
"""Words over those of a bare subject that a text about it has to have."""


def in_context(verdict: Verdict, prepared: Prepared, text: str, words: int | None, tolerance: float) -> Verdict:
    """`verdict` on `text`, for which `words` were asked within `tolerance`, or None where nobody said how many."""
    findings = list(verdict.findings)
    if prepared.concept:
        findings = [finding for finding in findings if finding.kind in _OF_ANY_TEXT]
        if words is None and text.strip():
            findings += _explained(prepared, text)
    if words is not None:
        findings = [finding for finding in findings if finding.kind != "length"]
        made = len(text.split())
        if abs(made - words) > tolerance * words:
            findings.append(Finding("length", f"{made} words, where {words} ± {tolerance:.0%} were asked for", 1.0))
    if wrong := misspelt(text, f"{prepared.source} {prepared.neutral}", prepared.prompt.input):
        told = ", ".join(f"{word} ({meant})" for word, meant in wrong)
        findings.append(Finding("misspelt", f"misspelt: {told}", 0.5 * len(wrong)))
    if prepared.fallback:
        # It speaks against none of the variations, but against all of them being what they could be.
        findings.append(Finding("neutral", f"plain text made by rules ({prepared.fallback})", 0.0))
    return replace(verdict, findings=tuple(findings))


def _explained(prepared: Prepared, text: str) -> Iterator[Finding]:
    """What is wrong with the length of a text about a subject: the subject alone explains nothing."""
    made, asked = len(text.split()), prepared.prompt.words
    if made <= len(prepared.source.split()) + _SUBJECT:
        yield Finding("empty", "says nothing of the subject", 5.0, severe=True)
    elif made < asked * DEFAULT.shortest.value:
        yield Finding("length", f"{made} words, where about {asked} were asked for", 1.0)
