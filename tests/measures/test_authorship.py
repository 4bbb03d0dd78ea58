"""Authorship by character n-grams: the bundled author against plain text."""

from __future__ import annotations

import numpy as np
import pytest

from engine.measures.authorship import BUCKETS, counts, fit, windows
from engine.neutral import open_neutralizer
from engine.workspace import bundled

PLAIN = (
    "The train was late. People stood on the platform and looked at their phones. A man asked when it would come. "
    "Nobody knew. The sign said ten minutes, and then it said twelve. A child ate an apple. It began to rain. ",
    "The shop opens at nine. You can buy bread and milk there. The owner is friendly and talks a lot. On Sundays it "
    "is closed. My sister works there in the summer. She likes it. She gets a discount on everything. ",
    "We fixed the printer on Monday. The cable was loose. I pushed it in and it worked again. Then the paper ran out. "
    "I ordered more. It came on Wednesday. The box was wet, but the paper inside was fine. ",
)


@pytest.fixture(scope="module")
def own() -> list[str]:
    text = bundled("styles", "unconducted_chorus_full.txt").read_text(encoding="utf-8")
    return windows([part for part in text.split("\n\n") if len(part.split()) > 40], 100)[:80]


def test_unseen_text_of_the_author_is_told_from_plain_text(own: list[str]) -> None:
    plain = open_neutralizer("rules").neutralize(own)
    classifier = fit(own[:40], plain[:40])
    assert (classifier.scores(own[40:]) > 0).mean() > 0.8
    assert (classifier.scores(plain[40:]) < 0).mean() > 0.8


def test_scores_are_the_same_however_often_they_are_asked_for(own: list[str]) -> None:
    one, other = (fit(own[:10], list(PLAIN)) for _ in range(2))
    assert np.array_equal(one.scores(own), other.scores(own))
    assert np.allclose(one.scores(own)[:3], one.scores(own[:3]))


def test_the_larger_class_has_no_more_say(own: list[str]) -> None:
    few, many = fit(own[:10], list(PLAIN)), fit(own[:10], list(PLAIN) * 5)
    assert np.abs(few.scores(own[10:]).mean() - many.scores(own[10:]).mean()) < 1.0


def test_dashes_quotes_and_digits_are_alike_and_anything_can_be_counted() -> None:
    assert np.array_equal(counts("“It’s 1987” – so"), counts('"It\'s 2024" — so'))
    assert counts("").shape == (BUCKETS,)
    assert counts("漢字 🙂").sum() > 0


def test_a_class_without_texts_is_refused() -> None:
    with pytest.raises(ValueError, match="both classes"):
        fit([], ["a"])
