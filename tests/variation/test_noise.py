"""Noise changes exactly the stated share of the words, and only words that may change."""

import re
from difflib import SequenceMatcher

import pytest

from engine.variation.noise import perturb
from engine.variation.synonyms import synonyms

TEXT = (
    "The old house stood near the river. It was dark and the road was wet. A man named Carter walked to the gate "
    "and looked at the 13 windows. He did not see the light that had been in the cellar. In March 1923 nobody came. "
    "The strange sound was never heard again, but Dr. West and Alice Brown had gathered three reports of it. "
    "Then the stones began to move, and the people of New Haven were very afraid of the silent thing in the swamp."
)


def rows(count: int, rate: float) -> list[str]:
    return [perturb(TEXT, rate=rate, seed=7, name=f"row-{index}").text for index in range(count)]


@pytest.mark.parametrize("rate", [0.08, 0.15])
def test_the_share_of_changed_words_is_the_rate_over_many_rows(rate: float) -> None:
    made = [perturb(TEXT, rate=rate, seed=7, name=f"row-{index}") for index in range(300)]
    share = sum(row.changed for row in made) / sum(row.words for row in made)
    assert share == pytest.approx(rate, abs=0.005)


def test_changed_counts_words_that_really_differ() -> None:
    for index in range(100):
        noised = perturb(TEXT, rate=0.15, seed=7, name=f"row-{index}")
        steps = SequenceMatcher(None, TEXT.split(), noised.text.split(), autojunk=False).get_opcodes()
        differing = sum(max(i2 - i1, j2 - j1) for kind, i1, i2, j1, j2 in steps if kind != "equal")
        assert differing == pytest.approx(noised.changed, abs=1)


def test_names_numbers_negations_and_placeholders_survive() -> None:
    text = TEXT + " The [THING] of Boston was not on the [THING]."
    for index in range(200):
        noised = perturb(text, rate=0.3, seed=1, name=str(index)).text
        for kept in ("Carter", "13", "March 1923", "Dr. West", "Alice Brown", "New Haven", "Boston", "three"):
            assert kept in noised
        for negation in (" not ", " never ", "nobody"):
            assert noised.count(negation) == text.count(negation)
        assert noised.count("[THING]") == 2


def test_a_name_that_is_a_word_too_survives_where_a_sentence_or_bracket_begins() -> None:
    text = "Marsh and Ode found it. It was known (Marsh and Ode, 2018). “Stone came,” said Bell. Brook left early."
    for index in range(300):
        noised = perturb(text, rate=0.4, seed=3, name=f"row-{index}").text
        assert all(name in noised for name in ("Marsh and Ode", "(Marsh", "“Stone", "Bell", "Brook")), noised


def test_what_tells_a_passive_from_an_active_or_some_from_all_is_never_left_out() -> None:
    text = "Ships were lost, three been found, but only three, while it was almost over: they are gone, it is sad."
    for index in range(300):
        noised = perturb(text, rate=0.4, seed=3, name=f"row-{index}").text
        assert len(noised.split()) == len(text.split()), noised


def test_what_the_caller_protects_survives() -> None:
    for index in range(100):
        noised = perturb(TEXT, rate=0.5, seed=1, name=str(index), protected={"river", "swamp", "gate"}).text
        assert {"river", "swamp", "gate"} <= set(re.findall(r"\w+", noised))


def test_spacing_marks_and_capitals_stay_whole() -> None:
    for noised in rows(200, 0.3):
        assert not re.search(r"\s{2}|\s[,.;:!?]|^\s|\s$", noised)
        assert all(part[0].isupper() for part in re.split(r"(?<=[a-z0-9]\.) ", noised))


def test_small_words_inside_a_name_are_part_of_it() -> None:
    text = "They went to the House of the Dead and to the Gulf of Mexico in the summer."
    for index in range(200):
        noised = perturb(text, rate=0.5, seed=2, name=str(index)).text
        assert "House of the Dead" in noised
        assert "Gulf of Mexico" in noised


def test_the_same_seed_and_name_give_the_same_text_and_others_do_not() -> None:
    assert rows(5, 0.08) == rows(5, 0.08)
    assert len(set(rows(20, 0.08))) > 15
    assert perturb(TEXT, rate=0.08, seed=1, name="a") != perturb(TEXT, rate=0.08, seed=2, name="a")


def test_all_three_kinds_occur() -> None:
    words = set(re.findall(r"[a-z]+", TEXT.lower()))
    known = {other for others in synonyms().values() for other in others}
    new = {word for row in rows(100, 0.15) for word in re.findall(r"[a-z]+", row.lower())} - words
    assert new & known
    assert new - known
    assert any(len(row.split()) < len(TEXT.split()) for row in rows(100, 0.15))


@pytest.mark.parametrize("text", ["", "The Stock Market", "13", "Carter!", "a"])
def test_a_text_with_nothing_to_change_comes_back(text: str) -> None:
    noised = perturb(text, rate=0.9, seed=1, name="x")
    assert noised.text == text
    assert noised.changed == 0


def test_rate_zero_changes_nothing_and_a_rate_beyond_one_is_refused() -> None:
    assert perturb(TEXT, rate=0, seed=1, name="x").text == TEXT
    with pytest.raises(ValueError, match="rate"):
        perturb(TEXT, rate=8, seed=1, name="x")


def test_synonyms_keep_the_inflection() -> None:
    table = synonyms()
    assert "vessels" in table["ships"]
    assert table["discovered"] == ("found",)
    assert "wandering" in table["roaming"]
    assert all(word not in others for word, others in table.items())


def test_ordinals_spelt_out_are_numbers_too() -> None:
    text = "It bent by the fortieth part of a second, the twenty-third in all, a hundredth of a thousandth."
    for index in range(60):
        noised = perturb(text, rate=0.5, seed=1, name=str(index)).text
        for ordinal in ("fortieth", "twenty-third", "hundredth", "thousandth"):
            assert ordinal in noised
