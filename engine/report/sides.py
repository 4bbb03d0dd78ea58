"""The texts of one side of a report card as numbers by passage, and the figures drawn from them.

Every figure is a function of weights (draws, passages), so that intervals come from drawing the passages again.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np

from engine.generation.limits import Limits
from engine.language import parse_many, sentences
from engine.language import words as words_of
from engine.measures import keyness, rhythm
from engine.measures.degeneration import degeneration, plain_words
from engine.measures.facts import Facts, kept
from engine.measures.meaning import OMITTED, likeness
from engine.measures.refusal import refuses, remarks
from engine.measures.resampling import Figure
from engine.measures.style_distance import tokens
from engine.report.reference import Reference

NOTHING = "."
"""Stands for an empty text: it has no style, and this keeps pooled figures defined and far from any author."""


@dataclass(frozen=True)
class Given:
    """What a passage's rewrites have to say again."""

    source: str
    plain: str
    facts: Facts


@dataclass(frozen=True)
class Side:
    """Numbers of each text of a side; arrays have the texts first."""

    features: np.ndarray
    """How often each feature of the style profile comes, and all tokens in the last column."""
    margin: np.ndarray
    """Log-odds of the author by the classifier."""
    lengths: np.ndarray
    marks: np.ndarray
    words: np.ndarray
    depth: np.ndarray
    """Columns: clause depths of its sentences summed, sentences."""
    keys: np.ndarray
    """Key words."""
    stuffed: np.ndarray
    said: np.ndarray
    """Mean likeness of what was given to what is said."""
    omitted: np.ndarray
    """Columns: sentences given that are not said, sentences given."""
    backed: np.ndarray
    """Mean likeness of what is said to what was given."""
    facts: np.ndarray
    """Columns: kept, stated."""
    surprise: np.ndarray
    """Columns: nats, tokens."""
    span: np.ndarray
    """Words of the longest span that the author's other text has."""
    copied: np.ndarray
    """Columns: 8-word sequences that it has, all."""
    looping: np.ndarray
    refused: np.ndarray
    sound: np.ndarray
    """1 where a text is neither copied nor looping nor a refusal nor empty."""
    ratio: np.ndarray
    """Words over the words of what was given."""


def measured(
    texts: Sequence[str], given: Sequence[Given], reference: Reference, limits: Limits, surprise: np.ndarray
) -> Side:
    """Measure the `texts` of one side beside what was `given`; `surprise` comes from the base model."""
    texts = [text if any(sign.isalnum() for sign in text) else NOTHING for text in texts]
    docs = list(parse_many(texts, entities=False))
    depths = [rhythm.clause_depths(doc) for doc in docs]
    words = np.array([len(text.split()) for text in texts], dtype=np.float64)
    known = {one.word for one in reference.author.keywords}
    keys = np.array([keyness.used(text, known) for text in texts], dtype=np.float64)
    shared = [reference.index.shared(text) for text in texts]
    span = np.array([one.longest for one in shared], dtype=np.float64)
    grams = np.array([max(len(plain_words(text)) - 7, 0) for text in texts], dtype=np.float64)
    share = np.array([one.share for one in shared])
    copying = (span >= limits.copied_span.value) | (share > limits.copied_share.value)
    looping = np.array([bool(degeneration(text).past(limits.looping)) for text in texts])
    refused = np.array([refuses(text) or bool(remarks(text)) for text in texts])
    empty = np.array([text == NOTHING for text in texts])
    meant = [_meaning(one.plain, text) for one, text in zip(given, texts, strict=True)]
    found = [kept(one.facts, text, each=False) for one, text in zip(given, texts, strict=True)]
    return Side(
        features=np.array([_features(text, reference) for text in texts]),
        margin=reference.author.classifier.scores(texts),
        lengths=np.array([rhythm.length_counts(text) for text in texts]),
        marks=np.array([rhythm.mark_counts(text) for text in texts]),
        words=words,
        depth=np.array([(sum(found), len(found)) for found in depths], dtype=np.float64),
        keys=keys,
        stuffed=(1000 * keys / np.maximum(words, 1) > reference.author.key_most).astype(np.float64),
        said=np.array([one[0] for one in meant]),
        omitted=np.array([one[2:] for one in meant], dtype=np.float64),
        backed=np.array([one[1] for one in meant]),
        facts=np.array(
            [(one.names_kept + one.numbers_kept, one.names_total + one.numbers_total) for one in found],
            dtype=np.float64,
        ),
        surprise=surprise,
        span=span,
        copied=np.stack([share * grams, grams], axis=1),
        looping=looping.astype(np.float64),
        refused=refused.astype(np.float64),
        sound=(~(copying | looping | refused | empty)).astype(np.float64),
        ratio=words / np.array([max(len(one.plain.split()), 1) for one in given]),
    )


def averaged(sides: Sequence[Side]) -> Side:
    """One side of several draws of the same passages: each passage's mean over them, and its longest span of all."""
    if len(sides) == 1:
        return sides[0]
    found = {field.name: np.mean([getattr(one, field.name) for one in sides], axis=0) for field in fields(Side)}
    return Side(**{**found, "span": np.max([one.span for one in sides], axis=0)})


def _features(text: str, reference: Reference) -> np.ndarray:
    stream = tokens(text)
    place = {feature: at for at, feature in enumerate(reference.author.profile.features)}
    found = np.zeros(len(place) + 1)
    for token in stream:
        if token in place:
            found[place[token]] += 1
    found[-1] = len(stream)
    return found


def _meaning(plain: str, text: str) -> tuple[float, float, int, int]:
    """Mean likeness of the sentences of `plain` to `text` and the other way round, sentences omitted, all."""
    wanted, says = _sentences(plain), _sentences(text)
    if text == plain:
        return 1.0, 1.0, 0, len(wanted)
    forth, back = likeness(wanted, text), likeness(says, plain)
    return (
        float(np.clip(forth, 0, 1).mean()) if wanted else 1.0,
        float(np.clip(back, 0, 1).mean()) if says else 0.0,
        int((forth < OMITTED).sum()),
        len(wanted),
    )


def _sentences(text: str) -> list[str]:
    stated = [sentence for sentence in sentences(text) if words_of(sentence)]
    return [sentence for sentence in stated if len(words_of(sentence)) > 2] or stated


def delta(side: Side, reference: Reference) -> Figure:
    """Burrows's Delta of the pooled texts (`engine.measures.style_distance`)."""
    profile = reference.author.profile

    def figure(drawn: np.ndarray) -> np.ndarray:
        pooled = drawn @ side.features
        with np.errstate(invalid="ignore", divide="ignore"):
            frequency = pooled[:, :-1] / pooled[:, -1:]
        return np.mean(np.abs(frequency - profile.frequency) / profile.spread, axis=1)

    return figure


def sentence_distance(side: Side, reference: Reference) -> Figure:
    return lambda drawn: rhythm.wasserstein(drawn @ side.lengths, reference.author.lengths)


def sentence_spread(side: Side) -> Figure:
    return lambda drawn: rhythm.spread(drawn @ side.lengths)


def mark_distance(side: Side, reference: Reference) -> Figure:
    """Sum over the marks of the difference in marks per 100 words."""

    def figure(drawn: np.ndarray) -> np.ndarray:
        rates = 100 * (drawn @ side.marks) / np.maximum(drawn @ side.words, 1)[:, None]
        return np.abs(rates - reference.author.marks).sum(1)

    return figure


def perplexity(side: Side) -> Figure:
    def figure(drawn: np.ndarray) -> np.ndarray:
        with np.errstate(invalid="ignore", divide="ignore", over="ignore"):
            return np.exp((drawn @ side.surprise[:, 0]) / (drawn @ side.surprise[:, 1]))

    return figure


def longest(side: Side) -> Figure:
    return lambda drawn: np.where(drawn > 0, side.span, 0).max(1)


def meaning(side: Side) -> np.ndarray:
    """Meaning kept by each text, from 0 to 1: the harmonic mean of what was given and is said and of what is said and
    was given (as van Rijsbergen's F), times the share of names and numbers kept."""
    both = np.maximum(side.said + side.backed, 1e-9)
    share = np.where(side.facts[:, 1] > 0, side.facts[:, 0] / np.maximum(side.facts[:, 1], 1), 1.0)
    return 2 * side.said * side.backed / both * share
