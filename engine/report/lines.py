"""The lines of a report card over held-out passages: what each measures, how, and which way is better."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from engine.measures.resampling import Figure, estimate, ratio, share
from engine.report import sides as of
from engine.report.kept import Measure, Value
from engine.report.reference import Reference
from engine.report.sides import Side


@dataclass(frozen=True)
class Line:
    name: str
    group: str
    title: str
    unit: str
    better: str
    what: str
    figure: Callable[[Side, Reference], Figure | np.ndarray]
    """The figure of any draw; for a share of the texts, the texts it is true of."""


LINES = (
    Line(
        "sentence_distance", "rhythm", "sentence lengths, distance", "words", "lower",
        "Earth mover's distance between the distributions of sentence length here and in the author's other text: how "
        "many words longer or shorter a sentence would have to be, on average (Vallender 1974).",
        of.sentence_distance,
    ),
    Line(
        "sentence_spread", "rhythm", "sentence lengths, spread", "words", "author",
        "Standard deviation of the sentence length.",
        lambda side, _: of.sentence_spread(side),
    ),
    Line(
        "clause_depth", "rhythm", "clauses inside one another", "", "author",
        "How many clauses stand one inside another at the deepest place of a sentence, mean over the sentences; from "
        "the parse.",
        lambda side, _: ratio(side.depth[:, 0], side.depth[:, 1]),
    ),
    Line(
        "marks", "rhythm", "punctuation, distance", "", "lower",
        "Differences in marks per 100 words from the author's other text, summed over ten marks.",
        of.mark_distance,
    ),
    Line(
        "key_rate", "vocabulary", "key words per 1,000", "", "author",
        "The author's key words (log-likelihood against wordfreq's English: Dunning 1993, Rayson and Garside 2000), "
        "function words and names aside, per 1,000 words. More than the author's own rate is stuffing.",
        lambda side, _: _scaled(ratio(side.keys, side.words), 1000),
    ),
    Line(
        "stuffed", "vocabulary", "stuffed with key words", "%", "lower",
        "Share of texts with more key words than 99 in 100 of the author's passages (measured on the author).",
        lambda side, _: side.stuffed,
    ),
    Line(
        "delta", "style", "style distance (Delta)", "", "lower",
        "Burrows's Delta (2002) of the pooled texts to the author's other text, over its 150 commonest words and "
        "marks.",
        of.delta,
    ),
    Line(
        "margin", "style", "authorship, log-odds", "", "higher",
        "Log-odds that a text is the author's and not plain, another author's or a pastiche: character 2- to 4-grams "
        "and a logistic regression (Stamatatos 2009), mean over the texts.",
        lambda side, _: ratio(side.margin),
    ),
    Line(
        "coverage", "meaning", "what was given is said", "", "higher",
        "Likeness of each sentence of the plain text to what says it best, by sentence embeddings, mean.",
        lambda side, _: ratio(side.said),
    ),
    Line(
        "omitted", "meaning", "sentences left out", "%", "lower",
        "Share of the plain text's sentences whose likeness is below .45 (measured: 3 in 4 sentences taken out are).",
        lambda side, _: ratio(side.omitted[:, 0], side.omitted[:, 1]),
    ),
    Line(
        "support", "meaning", "what is said was given", "", "higher",
        "Likeness of each sentence written to what the plain text has of it, mean: what is made up lowers it.",
        lambda side, _: ratio(side.backed),
    ),
    Line(
        "facts", "meaning", "names and numbers kept", "%", "higher",
        "Share of the different name words and numbers of the passage that are there.",
        lambda side, _: ratio(side.facts[:, 0], side.facts[:, 1]),
    ),
    Line(
        "perplexity", "fluency", "perplexity", "", "author",
        "Of the base model, without prompt or adapter, over the first 48 tokens of each text. Far above the author's "
        "own is broken English, far below it is a loop.",
        lambda side, _: of.perplexity(side),
    ),
    Line(
        "copied_span", "memorisation", "longest copied span", "words", "lower",
        "Words in a row that the author's whole other text has, in the worst of the texts; 20 and more is copied "
        "(published; 1% of genuine passages share as many by chance).",
        lambda side, _: of.longest(side),
    ),
    Line(
        "copied_share", "memorisation", "copied 8-word sequences", "%", "author",
        "Share of all sequences of 8 words that the author's whole other text has.",
        lambda side, _: ratio(side.copied[:, 0], side.copied[:, 1]),
    ),
    Line(
        "looping", "degeneration", "texts that loop", "%", "lower",
        "Share of texts past the adapter's calibrated limits of repetition.",
        lambda side, _: side.looping,
    ),
    Line(
        "sound", "degeneration", "sound texts", "%", "higher",
        "Share of texts that are neither copied nor looping nor a refusal nor empty.",
        lambda side, _: side.sound,
    ),
    Line(
        "length", "length", "words over words given", "", "author",
        "Words of the text over words of the plain text, mean.",
        lambda side, _: ratio(side.ratio),
    ),
)  # fmt: skip
"""In the order of the card."""


def _scaled(figure: Figure, by: float) -> Figure:
    return lambda drawn: by * figure(drawn)


def value(figures: np.ndarray, *, part: bool = False) -> Value | None:
    """The figure of the passages as they are, the first of `figures`, with its interval; None where it is no number.

    That of a `part` of something stays within 0 and 1.
    """
    found = estimate(figures, within=(0.0, 1.0) if part else (-np.inf, np.inf))
    return Value(found.value, found.low, found.high) if found is not None else None


def valued(figure: Figure | np.ndarray, drawn: np.ndarray, unit: str) -> Value | None:
    """The value of a line's `figure`, as `Line` has it, over `drawn`."""
    if not isinstance(figure, np.ndarray):
        return value(figure(drawn), part=unit == "%")
    found = share(figure)
    return Value(found.value, found.low, found.high) if found is not None else None


def measures(sides: Mapping[str, Side], reference: Reference, drawn: np.ndarray) -> list[Measure]:
    """Every line over every side; `drawn` are the weights of the resamplings."""
    return [
        Measure(
            name=line.name,
            group=line.group,
            title=line.title,
            unit=line.unit,
            better=line.better,
            what=line.what,
            sides={name: valued(line.figure(side, reference), drawn, line.unit) for name, side in sides.items()},
        )
        for line in LINES
    ]
