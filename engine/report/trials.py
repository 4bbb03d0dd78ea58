"""Modern texts and bare nouns on the report card: what no author ever wrote about, and how it was said.

The mission's hallucination test is done on the nouns: whether the model explains one in the persona, with figures of
speech, on its subject, and without refusing. What is measured of it are the outward signs, and each line says which.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from engine.generation.limits import Limits
from engine.language import parse_many, sentences
from engine.measures.facts import facts
from engine.measures.meaning import encode
from engine.measures.resampling import Figure, ratio, weights
from engine.report.figurative import figures
from engine.report.inputs import Input
from engine.report.joint import style_of
from engine.report.kept import Measure, Trial
from engine.report.lines import value, valued
from engine.report.reference import Reference
from engine.report.sides import NOTHING, Given, Side, meaning, measured
from engine.report.stored import stored

EXPLAINED = 10
"""Words below which a noun was at best named again. Chosen."""


@dataclass(frozen=True)
class Answers:
    """One side's texts for the fixed inputs, in their order."""

    texts: tuple[str, ...]
    findings: tuple[tuple[str, ...], ...] = ()


@dataclass(frozen=True)
class _Asked:
    """The inputs of one sort, and what the sides made of them; every list and array has the inputs first."""

    at: Sequence[int]
    """Their places among all inputs."""
    texts: dict[str, list[str]]
    """By side: what was said."""
    sides: dict[str, Side]
    style: dict[str, np.ndarray]
    """By side: how far the classifier's log-odds went from plain held-out text (0) to the author's own (1)."""


_Lines = list[tuple[str, str, str, str, dict[str, Figure | np.ndarray], str]]
"""Name, title, unit, which way is better, the figure by side, and what it is."""


def tried(
    inputs: Sequence[Input],
    plain: Sequence[str],
    answers: Mapping[str, Answers],
    anchors: Mapping[str, Side],
    reference: Reference,
    limits: Limits,
    seed: int,
) -> tuple[list[Measure], list[Trial]]:
    """Lines and texts of the fixed `inputs`; `plain` are their neutral texts, `anchors` the sides of the held-out
    passages, which say what plain and what the author is."""

    def asked(at: Sequence[int], given: Sequence[Given], also: str, texts: list[str]) -> _Asked:
        said = {name: [one.texts[index] or NOTHING for index in at] for name, one in answers.items()}
        said[also] = texts
        sides = {name: _side(name, made, given, reference, limits) for name, made in said.items()}
        return _Asked(at, said, sides, {name: style_of(side, anchors) for name, side in sides.items()})

    measures: list[Measure] = []
    of: dict[int, dict[str, float]] = {}
    if nouns := [at for at, one in enumerate(inputs) if one.kind == "noun"]:
        subjects = [inputs[at].text for at in nouns]
        unrelated = [(reference.memorised * len(nouns))[row] for row in range(len(nouns))]
        spoken = asked(nouns, [Given(one, one, facts(one)) for one in subjects], "memorised", unrelated)
        lines, figured = _nouns(subjects, spoken)
        measures += _measures("invention", lines, weights(len(nouns), seed=seed))
        # No author wrote on the nouns: how figurative they are is told by their own passages.
        own = reference.author.figurative
        book = value(_per_hundred(own[:, 0], own[:, 1])(weights(len(own), seed=seed)))
        next(one for one in measures if one.name == "figurative").sides["author"] = book
        of |= figured
    if modern := [at for at, one in enumerate(inputs) if one.kind != "noun"]:
        given = [Given(inputs[at].text, plain[at], facts(inputs[at].text)) for at in modern]
        lines, figured = _modern(asked(modern, given, "neutral", [plain[at] for at in modern]))
        measures += _measures("modern", lines, weights(len(modern), seed=seed))
        of |= figured
    answered = answers["rewritten"]
    trials = [
        Trial(
            name=one.name,
            kind=one.kind,
            plain=plain[at],
            untrained=answers["untrained"].texts[at],
            rewritten=answered.texts[at],
            findings=list(answered.findings[at]),
            # A figure that so few passages do not give is left out: JSON has no word for it.
            figures={name: figure for name, figure in of[at].items() if not math.isnan(figure)},
        )
        for at, one in enumerate(inputs)
    ]
    return measures, trials


def _measures(group: str, lines: _Lines, drawn: np.ndarray) -> list[Measure]:
    return [
        Measure(
            name=name,
            group=group,
            title=title,
            unit=unit,
            better=better,
            what=what,
            sides={side: valued(figure, drawn, unit) for side, figure in sided.items()},
        )
        for name, title, unit, better, sided, what in lines
    ]


def _modern(asked: _Asked) -> tuple[_Lines, dict[int, dict[str, float]]]:
    sides, style = asked.sides, asked.style
    told = {name: meaning(side) for name, side in sides.items()}
    lines: _Lines = [
        ("modern_style", "modern texts: style", "", "higher", {name: ratio(one) for name, one in style.items()},
         "How far the authorship classifier's log-odds went from plain held-out text (0) to the author's own (1), "
         "mean; a modern subject alone lowers it."),
        ("modern_meaning", "modern texts: meaning", "", "higher", {name: ratio(one) for name, one in told.items()},
         "What was given and is said, and the other way round, times the names and numbers kept; 1 is the same text."),
        ("modern_facts", "modern texts: facts kept", "%", "higher",
         {name: ratio(side.facts[:, 0], side.facts[:, 1]) for name, side in sides.items()},
         "Share of the names and numbers of the modern texts that are there."),
        ("modern_sound", "modern texts: sound", "%", "higher", {name: side.sound for name, side in sides.items()},
         "Share that is neither copied nor looping nor a refusal nor empty."),
    ]  # fmt: skip
    own = sides["rewritten"]
    figured = {
        index: {
            "style": round(float(style["rewritten"][row]), 3),
            "meaning": round(float(told["rewritten"][row]), 3),
            "facts": round(float(own.facts[row, 0] / own.facts[row, 1]) if own.facts[row, 1] else 1.0, 3),
            "coverage": round(float(own.said[row]), 3),
            "length": round(float(own.ratio[row]), 3),
        }
        for row, index in enumerate(asked.at)
    }
    return lines, figured


def _nouns(subjects: Sequence[str], asked: _Asked) -> tuple[_Lines, dict[int, dict[str, float]]]:
    sides, style = asked.sides, asked.style
    topic = {name: _on_topic(subjects, texts) for name, texts in asked.texts.items()}
    marked = {name: np.array([len(figures(doc)) for doc in parse_many(texts, entities=False)], dtype=np.float64)
              for name, texts in asked.texts.items()}  # fmt: skip
    lines: _Lines = [
        ("persona", "nouns: in the persona", "", "higher", {name: ratio(one) for name, one in style.items()},
         "How far the authorship classifier's log-odds went from plain held-out text (0) to the author's own (1), "
         "mean."),
        ("figurative", "nouns: figures per 100 words", "", "author",
         {name: _per_hundred(marked[name], side.words) for name, side in sides.items()},
         "Markers of comparison and of something concrete for something abstract: counted, not judged."),
        ("topic", "nouns: on the subject", "%", "higher", dict(topic),
         "Share whose best sentence is nearer to its own noun than to any of the other nouns, by sentence embeddings, "
         f"or that names it; chance is 1 in {len(subjects)}."),
        ("answered", "nouns: answered", "%", "higher",
         {name: side.sound * (side.words >= EXPLAINED) for name, side in sides.items()},
         "Share that says something (10 words or more) and is neither a refusal nor copied nor looping."),
    ]  # fmt: skip
    spoken = {
        index: {
            "style": round(float(style["rewritten"][row]), 3),
            "topic": float(topic["rewritten"][row]),
            "figurative": float(marked["rewritten"][row]),
            "words": float(sides["rewritten"].words[row]),
        }
        for row, index in enumerate(asked.at)
    }
    return lines, spoken


def _side(name: str, texts: Sequence[str], given: Sequence[Given], reference: Reference, limits: Limits) -> Side:
    """The numbers of a side; those of an anchor are kept, since every card of the author has the same."""

    def make() -> Side:
        return measured(texts, given, reference, limits, np.zeros((len(texts), 2)))

    if name == "rewritten":
        return make()
    asked = [(one.source, one.plain) for one in given]
    return stored(reference.cache, "trial", [reference.made_of, texts, asked, limits], make, Side)


def _per_hundred(found: np.ndarray, words: np.ndarray) -> Figure:
    figure = ratio(found, words)
    return lambda drawn: 100 * figure(drawn)


def _on_topic(subjects: Sequence[str], texts: Sequence[str]) -> np.ndarray:
    """1 for each text that is about its own subject rather than another's, 0 for the rest, shape (texts,)."""
    found = np.zeros(len(texts))
    goals = encode(list(subjects))
    for row, text in enumerate(texts):
        parts = sentences(text)
        named = subjects[row].lower().removeprefix("the ").removeprefix("a ").removeprefix("an ")
        if named in text.lower():
            found[row] = 1
        elif any(sign.isalnum() for sign in text):
            near = (encode(parts) @ goals.T).max(0)
            found[row] = float(near.argmax() == row)
    return found
