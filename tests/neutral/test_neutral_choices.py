import pytest

from engine.neutral import open_neutralizer
from engine.neutral.light_marks import lighten


def flat(text: str) -> str:
    return open_neutralizer("rules").neutralize([text])[0]


@pytest.mark.parametrize(
    ("ornate", "plain"),
    [
        ("We saw many ships near the shore.", "We saw a lot of ships near the shore."),
        ("He did not say how many ships there were.", "He did not say how many ships there were."),
        ("Every sailor knew the old song.", "Each sailor knew the old song."),
        ("Some men went to the river.", "Some men went to the river."),
        ("Some fifty men went to the river.", "About fifty men went to the river."),
        ("It may rain before the night comes.", "It may rain before the night comes."),
        ("They walked round the old house.", "They walked around the old house."),
        ("The sea was like a mirror.", "The sea was similar to a mirror."),
        ("All was quiet in the house.", "Everything was quiet in the house."),
        ("The captain called all the sailors.", "The captain called all the sailors."),
        ("There was no wind on the water.", "There was not any wind on the water."),
        ("He went out with no coat.", "He went out without any coat."),
        ("No one came to the house.", "Nobody came to the house."),
        ("Those men knew that house.", "These men knew this house."),
        ("He had never seen such a night.", "He had never seen this kind of night."),
        ("Come back as soon as the rain stops.", "Come back as soon as the rain stops."),
    ],
)
def test_small_words_have_one_plain_form(ornate: str, plain: str) -> None:
    assert flat(ornate) == plain


@pytest.mark.parametrize(
    ("heavy", "light"),
    [
        ("But, he came. Soon, the rain stopped.", "But he came. Soon the rain stopped."),
        ("He came in, because it rained.", "He came in because it rained."),
        ("The ship sailed south, with a fair wind.", "The ship sailed south with a fair wind."),
        ("In the rain, in the dark, he came.", "In the rain, in the dark, he came."),
        ("Queequeg, with his harpoon, stood up.", "Queequeg, with his harpoon, stood up."),
        ("He saw ships, boats, men.", "He saw ships, boats, men."),
    ],
)
def test_plain_prose_has_few_commas(heavy: str, light: str) -> None:
    assert lighten(heavy) == light


@pytest.mark.parametrize(
    ("ornate", "plain"),
    [
        (
            "The old men sat near the fire until it had gone out, the children slept in the barn.",
            "The old men sat near the fire until it had gone out. The children slept in the barn.",
        ),
        (
            "The old men sat near the fire, and the children slept.",
            "The old men sat near the fire and the children slept.",
        ),
        ("“We must go back to the ship,” said I.", '"We must go back to the ship," I said.'),
        (
            "The interval after the war, was a fatal one for the men.",
            "The interval after the war was a fatal one for the men.",
        ),
        ("The log was kept according to the rule.", "The log was kept according to the rule."),
    ],
)
def test_clauses_and_speakers_stand_in_plain_order(ornate: str, plain: str) -> None:
    assert flat(ornate) == plain
