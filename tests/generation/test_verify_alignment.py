"""Names that took each other's place, and stretches left out."""

from engine.generation.alignment import content, exchanged, in_order
from engine.generation.omissions import LIMIT, omissions
from engine.language import parse

SOURCE = (
    "Marta came to Carrow in the evening. Peter left the house and locked the heavy door behind his old dog. "
    "Marta slept in Carrow until the morning."
)


def swaps(output: str, source: str = SOURCE) -> list[tuple[str, str]]:
    before, after = content(parse(source)), content(parse(output))
    return exchanged(before, after, in_order(before.keys, after.keys))


def left_out(output: str, source: str = SOURCE) -> list[str]:
    before, after = content(parse(source)), content(parse(output))
    found = omissions(before, after, in_order(before.keys, after.keys), output)
    return [one.text for one in found if one.points > LIMIT]


def test_the_longest_common_order_is_found() -> None:
    assert in_order("abcd", "xbdy") == {1: 0 + 1, 3: 2}
    assert in_order("", "abc") == {}


def test_a_name_beside_the_place_excuses_nothing_where_it_stands_for_another_mention() -> None:
    source = "The rumours that Ward had heard of Curwen were vital to him, in whom flowed Curwen's blood."
    assert swaps(source.replace("Curwen's", "Ward's"), source) == [("Curwen", "Ward")]


def test_a_name_that_took_the_place_of_another_is_a_swap() -> None:
    assert swaps(SOURCE.replace("Marta slept", "Peter slept")) == [("Marta", "Peter")]
    assert swaps(SOURCE) == []


def test_a_pronoun_for_a_name_or_a_name_for_a_pronoun_is_none() -> None:
    assert swaps(SOURCE.replace("Marta slept", "She slept")) == []
    assert swaps(SOURCE.replace("until", "until Marta saw")) == []


def test_names_in_another_order_are_none() -> None:
    assert swaps("Carrow saw Marta come in the evening. Peter left.", SOURCE[:57]) == []


def test_each_stretch_left_out_is_quoted() -> None:
    source = f"{SOURCE} A wolf had killed eleven sheep in the hills. Snow lay on the road."
    assert left_out(f"{SOURCE} Snow lay on the road.", source) == ["A wolf had killed eleven sheep in the hills."]
    assert left_out(source, source) == []


def test_sentences_joined_and_turned_are_all_there() -> None:
    output = (
        "In the evening came Marta to Carrow, where, Peter having left the house and locked behind his old dog the "
        "heavy door, she slept until the morning."
    )
    assert left_out(output) == []
