import pytest

from engine.measures.facts import facts, kept, numbers_in


def test_names_are_found_where_the_entities_alone_would_miss_them() -> None:
    text = "In 1847 Captain Ahab sailed the Pequod from Nantucket. Wilcox heard it. I told him of Ishmael’s book."
    names = facts(text).names
    assert {"ahab", "pequod", "nantucket", "wilcox", "ishmael"} <= set(names)
    assert "in" not in names
    assert "i" not in names


def test_a_common_word_joined_to_a_name_is_one_where_a_sentence_begins() -> None:
    assert set(facts("Marsh and Ode found it in 1998.").names) == {"marsh", "ode"}
    assert set(facts("Dogs and cats came to Carrow.").names) == {"carrow"}


def test_common_words_at_the_start_of_a_sentence_are_no_names() -> None:
    assert not facts("Never did I see it. “Methinks so,” he said. Perhaps. Walls fell.").names


@pytest.mark.parametrize(
    ("spelt", "digits"),
    [
        ("eleven men", ["11"]),
        ("1,200 rats", ["1200"]),
        ("two hundred and fifty men", ["250"]),
        ("twenty-five dogs", ["25"]),
        ("the seventeenth of June and the 17th", ["17", "17"]),
        ("two or three", ["2", "3"]),
        ("nineteen hundred and twenty six", ["1926"]),
        ("a hundred thousand", ["100000"]),
        ("thrice", ["3"]),
        ("one hundred and one, and two", ["101", "2"]),
    ],
)
def test_numbers_are_equal_however_they_are_written(spelt: str, digits: list[str]) -> None:
    assert [number for _, number in numbers_in(spelt)] == digits


def test_one_counts_only_as_a_number() -> None:
    assert facts("One man saw it.").numbers == {"1": 1}
    assert not facts("One cannot know which one it was.").numbers


def test_kept_ignores_case_and_possessive_and_counts_each_mention() -> None:
    source = "They met Wilcox and the eleven sailors of the Pequod. The Pequod left in 1847."
    assert kept(source, source).share == 1
    lost = kept(source, "They met WILCOX and the Pequod's 11 sailors in May.")
    assert (lost.names_total, lost.names_kept, lost.numbers_total, lost.numbers_kept) == (3, 2, 2, 1)
    assert lost.missing == ("pequod", "1847")
    assert kept(source, "The Pequod, Wilcox, 11, 1847", each=False).share == 1


def test_a_text_without_facts_keeps_them_all() -> None:
    assert kept("it rained", "").share == 1


def test_both_numbers_of_a_clock_time_are_stated() -> None:
    assert facts("We left at 7:15.").numbers == {"7": 1, "15": 1}
