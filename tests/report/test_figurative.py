"""Markers of figurative language: what counts and what does not."""

from __future__ import annotations

import pytest

from engine.language import parse
from engine.report.figurative import figures


@pytest.mark.parametrize(
    "text",
    [
        "The market moved like a wounded animal.",
        "It was as cold as a stone.",
        "He stood as if he were dead.",
        "It was an ocean of greed.",
        "The market resembled a wheel.",
        "Memory is a locked door.",
    ],
)
def test_a_figure_is_counted_once(text: str) -> None:
    assert len(figures(parse(text))) == 1, text


@pytest.mark.parametrize(
    "text",
    [
        "I like the house.",
        "He is a doctor.",
        "The door of the house was open.",
        "She works as a nurse.",
        "A cup of tea stood on the table.",
    ],
)
def test_plain_speech_has_none(text: str) -> None:
    assert figures(parse(text)) == [], text
