import pytest

from engine.language import words
from engine.measures import meaning
from engine.neutral import open_neutralizer, trace
from engine.neutral.gate import LEAST_MEANING, kept_meaning, sources, suspicious
from engine.neutral.punctuation import modernise, straighten
from engine.neutral.rules import GENTLER

PARADISE = (
    "He turned from the rail, and went down into the cabin. Oh, woe on woe! The old captain slept below, and the ship "
    "sailed on toward the south."
)


@pytest.mark.parametrize("short", ["Oh, woe on woe!", "Well, well, so be it!", "Ah! constrainings seize thee!"])
def test_no_sentence_loses_its_meaning(short: str) -> None:
    text = PARADISE.replace("Oh, woe on woe!", short)
    neutral = open_neutralizer("rules").neutralize([text])[0]
    assert meaning.coverage(text, neutral).worst >= LEAST_MEANING
    assert meaning.coverage(text, neutral).uncovered == ()


def test_a_sentence_flattened_less_is_counted_as_such() -> None:
    rules = open_neutralizer("rules")
    kept, plain = trace(rules, [PARADISE, "He turned from the rail. He went down into the cabin."])
    assert kept.fallback == GENTLER
    assert plain.fallback == ""
    assert "woe on woe" in kept.text
    assert rules.neutralize([PARADISE]) == [kept.text]


def test_only_sentences_with_many_changed_words_are_weighed() -> None:
    assert suspicious("It's very queer.", "It is strange.")
    assert not suspicious("He went down into the cabin of the ship.", "He went down into the ship's cabin.")
    long = "The captain beheld the ponderous vessel, and bade the mariners haul upon the main brace till dusk came."
    assert not suspicious(
        long, "The captain saw the big ship. He told the sailors to haul on the brace till dusk came."
    )


def test_the_score_is_that_of_the_best_stretch() -> None:
    high, low = kept_meaning(
        [
            ("The whale sank.", "The boats came back to the ship at dusk. The whale sank. Nobody spoke on the deck."),
            ("The whale sank.", "He paid for his dinner."),
        ]
    )
    assert high > 0.9
    assert low < LEAST_MEANING
    assert kept_meaning([]) == []


def test_each_sentence_of_the_author_is_found_in_the_modernised_text() -> None:
    text = "“’Tis done! I see thee—there; thou hast it.” Whither, then, shall we go? Ha!"
    modern = modernise(straighten(text))
    for source in sources(text, modern):
        first = words(modernise(straighten(source.text)))[0]
        assert first.lower() in modern[source.start : source.end].lower()
    # "Ha!" says nothing by itself.
    assert [len(words(source.text)) > 2 for source in sources(text, modern)].count(False) == 0
