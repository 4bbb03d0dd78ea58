import pytest

from engine.measures.agreement import disagreements, per_hundred


@pytest.mark.parametrize(
    "wrong",
    [
        "The men was walking along the shore.",
        "She walk to the town every day.",
        "The old houses is very dark.",
        "They has seen the ship.",
        "The captain have seen the ship.",
        "I is the master of this house.",
        "The dog were hungry all day.",
        "We was late for the meeting.",
    ],
)
def test_planted_errors_are_caught(wrong: str) -> None:
    assert len(disagreements(wrong)) == 1


@pytest.mark.parametrize(
    "right",
    [
        "The men were walking along the shore, and she walks to the town.",
        "If I were you, I would go.",
        "Such, gentlemen, is the life of the sea.",
        "A number of sailors were asleep.",
        "The man who walks there and his dog are old.",
        "He must have seen what they have seen.",
        "All the crew was asleep, and the people were too.",
    ],
)
def test_sound_sentences_pass(right: str) -> None:
    assert not disagreements(right)


def test_the_rate_counts_sentences() -> None:
    assert per_hundred(["The men was there. The dog was there."]) == 50
    assert per_hundred([]) == 0
