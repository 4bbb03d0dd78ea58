"""What a rewrite left out: stretches of its source whose words it neither has nor replaces.

An embedding alone cannot tell: the neighbours of a sentence left out resemble it, and a short sentence resembles
nothing. So the words speak first (which content words of the source have no answer near their place, and does
the rewrite have new ones there instead?), and the sentence encoder then acquits what was said in other words.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from engine.generation.alignment import Content
from engine.measures.meaning import likeness

MISSING, KEPT, NEW = 2.5, 0.5, 1.0
"""Points of a stretch: for each content word without answer, against each kept, against each new one in its place.

Fitted on 300 passages of two authors beside their neutral texts, and 494 times the same with a sentence taken out.
"""
LIMIT = 2.0
"""Points above which a stretch counts as left out (there: 0.3% of genuine passages, 97% of the others)."""
SAID_OTHERWISE = 0.7
"""Cosine with the best stretch of the rewrite from which nothing was left out; fitted with the points."""

_NEAR = 60
"""Words to either side of its relative place where a word of the source is looked for."""
_FEWEST, _SHORT = 2, 5
"""Content words without answer in a stretch of fewer words than that: "Idiots." may have become another word."""
_LONGEST = 5
"""Sentences of the source in the longest stretch: neutral text cuts one sentence of the author into several."""


@dataclass(frozen=True, slots=True)
class Omission:
    """A stretch of the source that a rewrite does not say; `points` as in `MISSING`."""

    text: str
    points: float


def _missing(source: Content, output: Content, matched: Mapping[int, int]) -> list[bool]:
    scale = len(output.every) / max(len(source.keys), 1)
    missing = []
    for index, (word, spelt) in enumerate(zip(source.keys, source.spelt, strict=True)):
        place = int(index * scale)
        near = output.every[max(0, place - _NEAR) : place + _NEAR]
        missing.append(index not in matched and not any(word in one or spelt in one for one in near))
    return missing


def unanswered(source: Content, output: Content, matched: Mapping[int, int]) -> list[tuple[int, int, float]]:
    """Stretches of the source by first and one past the last sentence, with their points above 0, highest first.

    They do not overlap. What the rewrite says in other words is among them: see `omissions`.
    """
    missing = _missing(source, output, matched)
    known = frozenset[str]().union(*source.every)
    answering = set(matched.values())
    new = [
        index not in answering and output.keys[index] not in known and output.spelt[index] not in known
        for index in range(len(output.keys))
    ]
    before, after, last = [], [0] * len(missing), -1
    for index in range(len(missing)):
        before.append(last)
        last = matched.get(index, last)
    following = len(new)
    for index in reversed(range(len(missing))):
        after[index] = following
        following = matched.get(index, following)
    stretches = []
    lengths = [len(sentence.split()) for sentence in source.sentences]
    for start in range(len(source.sentences)):
        for end in range(start + 1, min(len(source.sentences), start + _LONGEST) + 1):
            words = [index for index, sentence in enumerate(source.sentence) if start <= sentence < end]
            lost = [index for index in words if missing[index]]
            if len(lost) >= _FEWEST or (lost and sum(lengths[start:end]) >= _SHORT):
                instead = sum(new[before[lost[0]] + 1 : after[lost[-1]]])
                points = MISSING * len(lost) - KEPT * (len(words) - len(lost)) - NEW * instead
                if points > 0:
                    stretches.append((start, end, points))
    chosen: list[tuple[int, int, float]] = []
    for start, end, points in sorted(stretches, key=lambda one: (-one[2], one[0], one[1])):
        if all(end <= other[0] or start >= other[1] for other in chosen):
            chosen.append((start, end, points))
    return chosen


def omissions(source: Content, output: Content, matched: Mapping[int, int], output_text: str) -> list[Omission]:
    """What `output` left out of `source`, highest first: stretches that it neither says nor paraphrases.

    `matched` is how the two lie beside each other (`engine.generation.alignment.in_order`).
    """
    suspects = unanswered(source, output, matched)
    texts = [" ".join(source.sentences[start:end]) for start, end, _ in suspects]
    if not texts:
        return []
    return [
        Omission(text, points)
        for text, (_, _, points), said in zip(texts, suspects, likeness(texts, output_text), strict=True)
        if said < SAID_OTHERWISE
    ]
