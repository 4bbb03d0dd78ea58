from engine.language import parse
from engine.measures.changed import Changed, changed, renumbered, swapped


def compare(source: str, output: str) -> Changed:
    return changed(parse(source), parse(output))


def test_the_same_facts_in_other_words_are_no_change() -> None:
    assert compare("Marta saw 14 ships in Egypt.", "Fourteen were the ships that Egyptian Marta saw.") == Changed()


def test_names_and_numbers_that_are_not_in_the_source_are_listed() -> None:
    found = compare("He saw the ship.", "He saw the ship of Pemberton, with 37 men.")
    assert (found.names, found.numbers) == (("Pemberton",), ("37",))


def test_figures_of_speech_and_personifications_are_told_apart() -> None:
    found = compare("He saw the ship.", "He saw the ship, and Nature, and a thousand terrors.")
    assert (found.names, found.numbers) == ((), ())
    assert found.personified == ("Nature",)
    assert found.round_numbers == ("thousand (1000)",)


def test_a_name_that_took_the_place_of_another_is_a_swap() -> None:
    source = parse("Marta came to Carrow. Peter left. Marta slept in Carrow.")
    assert swapped(source, parse("Marta came to Carrow. Peter left. Peter slept in Carrow.")) == [("Marta", "Peter")]
    assert swapped(source, source) == []


def test_a_pronoun_for_a_name_or_a_name_for_a_pronoun_is_none() -> None:
    source = parse("Marta came to Carrow. Peter left. Marta slept in Carrow.")
    assert swapped(source, parse("Marta came to Carrow. Peter left. She slept in Carrow.")) == []
    assert swapped(source, parse("Marta came to Carrow. Peter left. Marta slept in Carrow, and Marta woke.")) == []


def test_a_number_in_the_place_of_another_of_the_text_is_named() -> None:
    source = parse("We left at 7:15 and came at 8:15, with 17–18 men and three boats.")
    assert renumbered(source, parse("We left at 8:15 and came at 8:15, with 17–18 men and three boats.")) == [
        ("7", "8")
    ]
    assert renumbered(source, parse("At 8:15 we came, having left at 7:15, three boats, 17–18 men.")) == []
    assert renumbered(source, source) == []


def test_a_name_that_stands_in_small_letters_elsewhere_was_not_replaced() -> None:
    source = parse("They took him. Constrainings take you. I see. Something shot from me. He has it.")
    assert swapped(source, parse("They took him. Ah! constrainings seize thee. I see. Something shot from me.")) == []
    assert swapped(source, parse("They took him. Thou who didst it. Constrainings seize thee. I see.")) == []
