import pytest

from engine.language import parse
from engine.measures.negation import inverted, negators


def words(source: str, output: str) -> list[str]:
    return inverted(parse(source), parse(output), lambda token: token.lemma_.lower(), lambda token: token.is_alpha)


@pytest.mark.parametrize(
    ("source", "output", "turned"),
    [
        ("He saw the ship.", "The ship he did not see.", "saw"),
        ("He was not happy.", "Happy he was.", "happy"),
        ("The captain never returned.", "The captain returned.", "returned"),
        ("He came without a lantern.", "He came with a lantern.", "lantern"),
    ],
)
def test_a_word_that_changed_sides_is_named(source: str, output: str, turned: str) -> None:
    assert turned in words(source, output)


def test_the_same_denial_in_another_form_is_none() -> None:
    assert words("He did not see the ship.", "The ship he never saw.") == []
    assert words("He saw the ship.", "He saw the ship, which had no sail.") == []


def test_denials_are_counted() -> None:
    assert negators(parse("He didn't see it, nor could he; nobody ever did.")) == 3
    assert negators(parse("He saw it.")) == 0


@pytest.mark.parametrize(
    ("source", "output"),
    [
        ("I knew nobody in the place. He slept.", "I knew no one in the place. He never did not sleep."),
        ("He did not feel any joy.", "He felt no joy."),
        ("No, what thing is more striking?", "Nay, what thing is more striking?"),
        ("His brow must be unmistakable.", "His brow could not but be unmistakable."),
        ("The captain saw the whale and the boats.", "The captain saw not only the whale but the boats."),
    ],
)
def test_a_denial_said_otherwise_or_taken_back_turns_nothing(source: str, output: str) -> None:
    assert words(source, output) == []


def test_an_answer_and_a_denial_taken_back_are_told_from_a_denial() -> None:
    assert negators(parse("Nothing but the sea was there, and not only he saw it.")) == 0
    assert negators(parse("No, he went.")) == negators(parse("Nay, he went.")) == 1
    assert negators(parse("I felt nothing now but a wish to go.")) == 0
    assert negators(parse("The hatches—don’t you hear it?")) == 1
