"""Typing errors of the input that a text does not repeat: where it turns off from them, and to what."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from engine.models.decoding import decode
from engine.models.holding import Held
from engine.models.loading import Loaded, load
from engine.models.respelling import Turn, respell, turns
from engine.models.sampling import GREEDY, Sampling, choose


@pytest.fixture(scope="module")
def tiny(tiny_model: Path) -> Loaded:
    return load(tiny_model)


class Letters:
    """A tokenizer whose tokens are letters, and the space with the first one behind it."""

    def encode(self, text: str, *, add_special_tokens: bool) -> list[int]:
        assert not add_special_tokens
        pieces = [text[:2], *text[2:]] if text.startswith(" ") else list(text)
        return [ord(piece[-1]) + 200 * piece.startswith(" ") for piece in pieces]

    def decode(self, ids: list[int]) -> str:
        return "".join(" " + chr(token - 200) if token > 200 else chr(token) for token in ids)


def ids(text: str) -> tuple[int, ...]:
    return tuple(Letters().encode(text, add_special_tokens=False))


@pytest.mark.parametrize(
    ("wrong", "meant", "before", "at", "instead"),
    [
        ("lettets", "letters", " lette", "t", "r"),
        ("ltters", "letters", " l", "t", "e"),
        ("thenn", "then", " then", "n", None),
        ("hav", "have", " hav", None, "e"),
        ("qnd", "and", "", " q", " a"),
    ],
)
def test_a_mistyped_word_turns_off_where_it_is_no_beginning_of_the_word_meant(
    wrong: str, meant: str, before: str, at: str | None, instead: str | None
) -> None:
    found = turns(Letters(), [(wrong, meant), (wrong, meant)])
    assert found == (Turn(ids(before), ids(at)[0] if at else None, ids(instead)[0] if instead else None),)


def scored(**logits: float) -> np.ndarray:
    scores = np.full(400, -9.0, dtype=np.float32)
    for letter, logit in logits.items():
        scores[ord(letter)] = logit
    return scores


def test_the_wrong_token_is_barred_and_the_right_one_takes_its_place_where_it_was_likely() -> None:
    found = turns(Letters(), [("lettets", "letters")])
    likely = respell(scored(t=5, r=1, x=4), ids("the lette"[3:]), found)
    assert likely[ord("t")] == -np.inf
    assert likely.argmax() == ord("r")
    other = respell(scored(t=0, r=1, x=4), ids(" lette"), found)
    assert other[ord("t")] == -np.inf
    assert other.argmax() == ord("x")


def test_elsewhere_nothing_is_touched() -> None:
    found = turns(Letters(), [("lettets", "letters")])
    scores = scored(t=5)
    for text in (" lett", " bette", ""):
        assert respell(scores, ids(text), found) is scores


def test_what_is_the_wrong_word_already_goes_on_as_the_word_meant() -> None:
    found = turns(Letters(), [("hav", "have")])
    assert respell(scored(x=7), ids(" hav"), found).argmax() == ord("e")


def test_a_word_that_begins_wrongly_is_let_alone_once_the_word_meant_has_begun() -> None:
    """The wrong word's first letters are those of other words too."""
    found = turns(Letters(), [("qnd", "and")])
    scores = np.full(400, -9.0, dtype=np.float32)
    scores[ids(" q")[0]] = 3.0
    assert respell(scores, ids("the"), found).argmax() == ids(" a")[0]
    assert respell(scores, ids(" and"), found).argmax() == ids(" q")[0]


def test_the_choice_of_a_token_takes_the_turn() -> None:
    scores = scored(t=5, r=1)
    held = Held((), turns=turns(Letters(), [("lettets", "letters")]))
    draw = random.Random(1)
    assert choose(scores, list(ids(" lette")), GREEDY, draw) == ord("t")
    assert choose(scores, list(ids(" lette")), GREEDY, draw, held) == ord("r")
    assert held.nudges([], 1.0) == {}


def test_a_text_that_would_have_the_wrong_word_has_the_one_meant(tiny: Loaded) -> None:
    tokenizer: Any = tiny.tokenizer
    prompt = tokenizer.encode("Rewrite the passage below.", add_special_tokens=False)
    settings: dict[str, Any] = {"max_tokens": 80, "sampling": Sampling(temperature=1.0, min_p=0), "seed": 1, "stop": ()}
    free = [one.text for one in decode(tiny.model, tokenizer, [prompt] * 8, **settings)]
    # The model is random, and so are its words: one of them plays the mistyped one.
    wrong = next(word for text in free for word in text.split(" ")[1:-1] if word.isalpha() and word.isascii())
    given = turns(tokenizer, [(wrong, f"{wrong[0]}ighthouse")])
    made = [one.text for one in decode(tiny.model, tokenizer, [prompt] * 8, turns=[given] * 4 + [()] * 4, **settings)]
    assert any(f" {wrong} " in text for text in free[:4])
    assert not any(f" {wrong} " in text for text in made[:4])
    assert made[4:] == free[4:]
