"""Words a text is to have: which token is nudged when, and that a text in truth has them more often."""

from __future__ import annotations

import random
from pathlib import Path

import numpy as np
import pytest

from engine.models.decoding import decode
from engine.models.holding import Held, Word, words
from engine.models.loading import Loaded, load
from engine.models.sampling import Sampling, choose

ARTHUR, ELLEN, MARSH = Word(((1, 2, 3), (9, 2, 3))), Word(((4, 5),)), Word(((6,),))
LATER = Word(((7, 8),))


@pytest.fixture(scope="module")
def tiny(tiny_model: Path) -> Loaded:
    return load(tiny_model)


def test_the_first_tokens_of_the_words_that_are_due_are_nudged() -> None:
    assert Held([ARTHUR, ELLEN, MARSH, LATER]).nudges([], 1.5) == {1: 1.5, 9: 1.5, 4: 1.5, 6: 1.5}


def test_a_word_begun_is_nudged_to_its_end_in_either_spelling() -> None:
    held = Held([ARTHUR])
    assert held.nudges([50, 1], 1.0)[2] > held.nudges([50], 1.0)[1]
    assert held.nudges([50, 9, 2], 1.0)[3] == held.nudges([50, 1], 1.0)[2]
    assert 3 not in held.nudges([2], 1.0)  # its middle alone begins nothing


def test_a_word_once_said_is_no_longer_due_but_still_spelt_to_its_end() -> None:
    held = Held([ARTHUR, ELLEN, MARSH, LATER])
    for size in range(1, 4):
        held.take([1, 2, 3][:size])
    assert 1 not in held.nudges([50], 1.0)
    assert held.nudges([50], 1.0)[7] == 1.0  # another one's turn has come
    assert 2 in held.nudges([50, 1], 1.0)


def test_an_end_is_put_off_while_the_last_word_is_to_come_and_not_for_one_passed_over() -> None:
    held = Held([ARTHUR, ELLEN, MARSH], frozenset({0, 51}))
    nudges = held.nudges([50], 1.0)
    assert nudges[0] == nudges[51] < -1
    held.take([50, 6])
    assert not {0, 51} & set(held.nudges([50, 6], 1.0))


def test_the_repetition_penalty_does_not_bear_on_held_words() -> None:
    scores = np.zeros(60, dtype=np.float32)
    scores[[2, 50]] = 2.0, 1.9
    sampling = Sampling(temperature=0, repetition_penalty=2.0, hold=0.0)
    assert choose(scores, [2], sampling, random.Random(1)) == 50
    assert choose(scores, [2], sampling, random.Random(1), Held([ARTHUR])) == 2


def test_held_words_stand_in_more_texts_and_others_are_left_as_they_were(tiny: Loaded) -> None:
    prompt = tiny.tokenizer.encode("Rewrite the passage below.", add_special_tokens=False)
    held = words(tiny.tokenizer, ["Carrow", "1987"])

    def texts(hold: float, given: list[tuple[Word, ...]] | None) -> list[str]:
        sampling = Sampling(temperature=1.0, min_p=0, hold=hold)
        made = decode(
            tiny.model, tiny.tokenizer, [prompt] * 8, max_tokens=60, sampling=sampling, seed=1, hold=given, stop=()
        )
        return [one.text for one in made]

    free = texts(0.0, None)
    assert texts(0.0, [held] * 8) == free
    assert texts(3.0, [()] * 8) == free
    nudged = texts(3.0, [held] * 4 + [()] * 4)
    assert nudged[4:] == free[4:]
    assert sum("Carrow" in text for text in nudged[:4]) > sum("Carrow" in text for text in free[:4])
