"""Rewriting a text of several paragraphs: each paragraph is a passage, and the short ones pass unchanged."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from engine.errors import StyloraError
from engine.generation.rewriter import Rewriter
from engine.generation.verify import Finding
from engine.models.decoding import Sampling

SHORTEST = 5
"""Words a paragraph needs to be rewritten: a heading or a date says nothing in anybody's voice."""

LONGEST = 600
"""Words of one paragraph: beyond it the model would be asked for a length it never saw in training."""

AT_ONCE = 8
"""Sequences decoded together: more gains little on two CPU cores and delays the first report."""


@dataclass(frozen=True)
class DocumentVariation:
    """One whole rewrite of the text."""

    text: str
    words: int
    findings: tuple[Finding, ...]


@dataclass(frozen=True)
class Steps:
    """The text of one paragraph after each step, up to the prompt."""

    neutral: str
    noised: str
    prompt: str


@dataclass(frozen=True)
class Document:
    """Rewrites of a text. Each paragraph of the `best` one is the variation with the least against it."""

    variations: tuple[DocumentVariation, ...]
    best: DocumentVariation
    steps: tuple[Steps, ...]
    """One per rewritten paragraph."""


def rewrite_document(
    rewriter: Rewriter,
    text: str,
    *,
    variations: int,
    strength: float,
    sampling: Sampling,
    seed: int,
    on_text: Callable[[int, str], None] | None = None,
) -> Document:
    """Rewrite every paragraph of `text` (blank lines between them) in `variations` ways.

    `on_text` gets the variation's index and what was added to it, paragraph after paragraph.
    """
    paragraphs = [" ".join(part.split()) for part in re.split(r"\n\s*\n", text) if part.strip()]
    if not paragraphs:
        raise StyloraError("nothing to rewrite: the text is empty; give at least one sentence")
    if long := next((part for part in paragraphs if len(part.split()) > LONGEST), None):
        raise StyloraError(
            f"a paragraph of {len(long.split()):,} words ({long[:40]!r}...) is longer than {LONGEST}; "
            "divide it with blank lines"
        )
    jobs = [index for index, part in enumerate(paragraphs) if len(part.split()) >= SHORTEST] or [0]
    texts = [list(paragraphs) for _ in range(variations + 1)]
    findings: list[list[Finding]] = [[] for _ in range(variations + 1)]
    steps: list[Steps] = []
    at_once = max(1, AT_ONCE // variations)
    streaming = on_text if len(jobs) == 1 else None
    for start in range(0, len(jobs), at_once):
        batch = jobs[start : start + at_once]
        results = rewriter.rewrite(
            [paragraphs[index] for index in batch],
            variations=variations,
            strength=strength,
            sampling=sampling,
            seed=seed,
            on_text=None if streaming is None else lambda _, variation, delta: streaming(variation, delta),
        )
        for index, result in zip(batch, results, strict=True):
            made = result.prepared
            steps.append(Steps(made.neutral, made.prompt.input, made.prompt.text))
            for number in range(variations + 1):
                chosen = result.variations[result.best if number == variations else number]
                texts[number][index] = chosen.text
                findings[number] += chosen.verdict.findings
                if on_text is not None and streaming is None and number < variations:
                    on_text(number, chosen.text + "\n\n")
    whole = [
        DocumentVariation("\n\n".join(parts), sum(len(part.split()) for part in parts), tuple(found))
        for parts, found in zip(texts, findings, strict=True)
    ]
    return Document(tuple(whole[:variations]), whole[variations], tuple(steps))
