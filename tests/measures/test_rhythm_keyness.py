"""Rhythm, key words and intervals, on texts whose figures can be counted by hand."""

from __future__ import annotations

import numpy as np
import pytest

from engine.language import parse
from engine.measures import keyness, resampling, rhythm


def test_the_distance_of_sentence_lengths_is_in_words() -> None:
    short, long = (
        rhythm.length_counts("One two three. One two three."),
        rhythm.length_counts("One two three four five."),
    )
    assert rhythm.wasserstein(short, long) == pytest.approx(2.0)
    assert rhythm.wasserstein(short, short) == 0
    assert rhythm.spread(short + long) == pytest.approx(np.std([3, 3, 5]))
    assert np.isnan(rhythm.wasserstein(np.zeros(rhythm.LONGEST + 1), long))


def test_marks_are_counted_by_kind() -> None:
    counted = dict(zip(rhythm.MARKS, rhythm.mark_counts('"Yes," he said -- (no); well... "No!"'), strict=True))
    assert counted == {",": 1, ";": 1, ":": 0, "—": 1, "(": 1, "“": 2, "!": 1, "?": 0, ".": 0, "…": 1}


def test_clauses_are_counted_inside_one_another() -> None:
    doc = parse("It rained. He said that the man who had built the house was dead.")
    simple, nested = rhythm.clause_depths(doc)
    assert simple == 0
    assert nested == 2


def test_key_words_are_those_an_author_has_more_often_than_english() -> None:
    passages = ["The abyss was hideous and the nameless abyss of Arkham was old."] * 40
    found = [one.word for one in keyness.keywords(passages)]
    assert found[0] == "abyss"
    assert {"hideous", "nameless"} <= set(found)
    assert not {"the", "was", "arkham"} & set(found)
    assert keyness.used("An abyss! Hideous abyss.", {"abyss"}) == 2


def test_log_likelihood_is_that_of_the_published_formula() -> None:
    # Equal shares say nothing; 2·(20·ln 2) for a word that only one of two corpora of a size has 20 times.
    assert keyness.log_likelihood(10, 1000, 10, 1000) == pytest.approx(0)
    assert keyness.log_likelihood(20, 1000, 0, 1000) == pytest.approx(40 * np.log(2))


def test_an_interval_holds_the_figure_and_shrinks_with_the_set() -> None:
    def width(count: int) -> float:
        values = np.arange(count) % 2.0
        found = resampling.estimate(resampling.ratio(values)(resampling.weights(count, seed=1)))
        assert found is not None
        assert found.value == 0.5
        assert found.low <= found.value <= found.high
        return found.high - found.low

    assert width(200) < width(20)
    assert width(20) == width(20)


def test_a_figure_that_is_no_number_has_no_interval() -> None:
    assert resampling.estimate(resampling.ratio(np.zeros(3), np.zeros(3))(resampling.weights(3, seed=1))) is None
