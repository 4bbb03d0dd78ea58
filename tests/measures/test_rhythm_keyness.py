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


def test_a_name_is_no_key_word_for_its_comma() -> None:
    passages = ["Then Flask, who was hideous, ran; Flask’s oar was hideous. “Flask!” the hideous abyss cried."] * 40
    found = {one.word for one in keyness.keywords(passages)}
    assert {"hideous", "abyss"} <= found
    assert "flask" not in found


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


@pytest.mark.parametrize(
    ("count", "of", "low", "high"),
    [(0, 0, 0, 1), (10, 10, 0.7225, 1), (5, 10, 0.2366, 0.7634), (81, 263, 0.2553, 0.3662)],
)
def test_the_interval_of_a_share_is_wilsons(count: int, of: int, low: float, high: float) -> None:
    # The last one is example 1 of R. G. Newcombe, Statistics in Medicine 17 (1998), method 3.
    assert resampling.wilson(count, of) == pytest.approx((low, high), abs=1e-4)


def test_no_fault_in_a_small_set_does_not_prove_that_there_are_none() -> None:
    found = resampling.share(np.zeros(24))
    assert found is not None
    assert (found.value, found.low) == (0.0, 0.0)
    assert found.high == pytest.approx(0.1013, abs=1e-4)
    assert resampling.share(np.zeros(0)) is None


def test_an_interval_stays_within_what_a_figure_can_be() -> None:
    values = np.array([1.0] * 23 + [0.6])
    draws = np.concatenate([[0.0], np.linspace(0, 0.3, 400)])  # a score cut at 0 whose draws are not
    found = resampling.estimate(draws, within=(0.0, 1.0))
    assert found is not None
    assert (found.value, found.low) == (0.0, 0.0)
    found = resampling.estimate(resampling.ratio(values)(resampling.weights(24, seed=1)), within=(0.0, 1.0))
    assert found is not None
    assert found.high <= 1.0


def test_a_figure_that_is_no_number_has_no_interval() -> None:
    assert resampling.estimate(resampling.ratio(np.zeros(3), np.zeros(3))(resampling.weights(3, seed=1))) is None
