"""Typing errors that noise put into the input and that stand in the rewrite."""

from __future__ import annotations

import dataclasses

import pytest

from engine.generation.context import in_context
from engine.generation.preparing import Prepared
from engine.generation.spelling import misspelt
from engine.generation.verify import verify
from engine.prompting import Prompt

SOURCE = "The clerk left at 5:30 with 12 letters and used the electric light beside the maple."


@pytest.mark.parametrize(
    ("rewrite", "given", "found"),
    [
        ("The clerk, with 12 lettets, left.", "The clerk left 5:30 with 12 lettets.", [("lettets", "letters")]),
        ("He usd the elstric light.", "He usd the elsctric light.", [("elstric", "electric"), ("usd", "used")]),
        ("He usd the light.", SOURCE, []),  # not the noise's, and a word to some
        ("He left with letters, and used the light.", SOURCE, []),
        ("The harpooneer leaned on the mayple; the shoggoths slept.", SOURCE, [("mayple", "maple")]),
        ("The clerk employed the electrical light.", "The clerk employed the electric light.", []),
    ],
)
def test_what_looks_like_a_lost_word_and_is_none_is_misspelt(
    rewrite: str, given: str, found: list[tuple[str, str]]
) -> None:
    assert misspelt(rewrite, SOURCE, given) == found


def test_a_typing_error_of_the_noise_counts_against_a_variation() -> None:
    given = SOURCE.replace("letters", "lettets")
    prompt = Prompt(text=given, input=given, content="narrative", words=20, constraints=())
    prepared = Prepared(source=SOURCE, told=SOURCE, expanded=SOURCE, neutral=SOURCE, prompt=prompt)
    rewrite = "At 5:30 the clerk left with 12 lettets, and used the electric light beside the maple."
    verdict = in_context(verify(SOURCE, rewrite), prepared, rewrite, None, 0.1)
    assert verdict.findings[-1].message == "misspelt: lettets (letters)"
    assert verdict.passed
    sound = rewrite.replace("lettets", "letters")
    assert in_context(verify(SOURCE, sound), prepared, sound, None, 0.1).weight < verdict.weight
    assert dataclasses.replace(verdict, findings=verdict.findings[:-1]).weight == pytest.approx(verdict.weight - 0.5)
