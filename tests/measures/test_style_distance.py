"""Burrows's Delta and the gap closed, on the bundled author's book."""

import re

import pytest

from engine.errors import StyloraError
from engine.measures.degeneration import CorpusIndex, degeneration
from engine.measures.style_distance import author_profile, gap_closed, tokens
from engine.workspace import bundled

BOOK = bundled("styles", "unconducted_chorus_full.txt").read_text(encoding="utf-8")
PASSAGES = [" ".join(part.split()) for part in BOOK.split("\n\n") if len(part.split()) > 60]


def flat(text: str) -> str:
    """The same words without the author's joints: every comma, dash and semicolon a full stop."""
    return re.sub(r"\b(?:and|which|that|had|upon|of)\b", "", re.sub(r"[,;:—]", ".", text))


def test_words_and_marks_are_counted_alike_for_curly_and_straight_quotes() -> None:
    assert tokens("It’s “late”—go!") == ["it's", "“", "late", "”", "—", "go", "!"]
    assert tokens("it's") == tokens("It’s")


def test_held_out_text_is_nearer_to_its_author_than_flattened_text() -> None:
    profile = author_profile(PASSAGES[0::2])
    held_out = PASSAGES[1::2]
    assert 1.5 * profile.delta(held_out) < profile.delta([flat(text) for text in held_out])


def test_the_gap_is_closed_by_the_author_and_not_by_the_neutral_text() -> None:
    profile, held_out = author_profile(PASSAGES[0::2]), PASSAGES[1::2]
    neutral = [flat(text) for text in held_out]
    assert gap_closed(profile, neutral=neutral, rewritten=held_out, genuine=held_out).share == pytest.approx(1)
    assert gap_closed(profile, neutral=neutral, rewritten=neutral, genuine=held_out).share == pytest.approx(0)


def test_the_profile_does_not_depend_on_the_order_of_ties() -> None:
    assert author_profile(PASSAGES).features == author_profile(PASSAGES).features


def test_too_little_text_for_a_profile_is_one_line() -> None:
    with pytest.raises(StyloraError, match="1,000 are needed"):
        author_profile(["A short text."])


def test_genuine_paragraphs_are_not_called_degenerate() -> None:
    flagged = [text for text in PASSAGES if degeneration(text).findings]
    assert len(flagged) <= 0.01 * len(PASSAGES)


def test_loops_are_found() -> None:
    assert degeneration("The gear turned and the gear turned. " * 8).findings
    assert not degeneration("No.").findings


def test_a_copied_span_is_found_and_measured() -> None:
    index = CorpusIndex(PASSAGES)
    words = PASSAGES[3].split()
    assert index.copied(" ".join(words[:30])) == 30
    assert index.copied(" ".join(["Meanwhile", *words[:25], "it", "rained"])) >= 25
    assert index.copied(" ".join(sorted(words))) == 0
    assert index.copied("Short.") == 0
