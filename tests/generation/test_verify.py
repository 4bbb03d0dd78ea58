"""What verification finds in a rewrite."""

import pytest

from engine.generation.limits import Limits
from engine.generation.verify import verify, verify_all
from engine.measures.degeneration import CorpusIndex

SOURCE = (
    "The bridge at Carrow was closed in 1987. A cable had broken near the northern pier. The engineer, Marta Ellwood, "
    "counted 14 broken wires and wrote to the council in Ludford."
)
GOOD = (
    "It was in 1987 that the bridge at Carrow was closed, a cable having parted near the northern pier; and Marta "
    "Ellwood, who was the engineer, counted 14 broken wires there, and wrote of them to the council in Ludford."
)


def kinds(rewrite: str, source: str = SOURCE, **options: object) -> set[str]:
    return {finding.kind for finding in verify(source, rewrite, **options).findings}  # type: ignore[arg-type]


def severe(rewrite: str, source: str = SOURCE) -> set[str]:
    return {finding.kind for finding in verify(source, rewrite).findings if finding.severe}


def test_a_faithful_rewrite_has_nothing_against_it() -> None:
    verdict = verify(SOURCE, GOOD)
    assert verdict.findings == ()
    assert verdict.passed
    assert verdict.facts_kept == verdict.facts_total >= 5


@pytest.mark.parametrize("lost", ["Carrow", "Ellwood", "1987", "14", "Ludford"])
def test_a_lost_name_or_number_is_found_and_named(lost: str) -> None:
    verdict = verify(SOURCE, GOOD.replace(lost, "it"))
    assert [finding.kind for finding in verdict.findings] == ["facts"]
    assert lost in verdict.findings[0].message
    assert not verdict.passed


def test_a_lost_time_of_day_is_named_as_it_was_written() -> None:
    source = "Marta Ellwood left Carrow at 5:40 with 5 men and 40 ropes."
    lost = verify(source, "Marta Ellwood left Carrow in the afternoon, with men and ropes.")
    assert lost.findings[0].message == "missing: 5:40"
    assert "missing: 40" in verify(source, "Marta Ellwood left Carrow after 5 with men and ropes.").findings[0].message


def test_a_line_of_names_and_dates_may_come_back_as_it_is() -> None:
    byline = "Prepared by Dr. Helen Marsh for the Northfield Trust of Ludford, 12 May 2019."
    assert verify(byline, byline).findings == ()
    assert "echo" in severe(SOURCE)


def test_a_name_said_twice_may_be_a_pronoun_once() -> None:
    source = "Marta Ellwood came to Carrow. Marta Ellwood counted the wires."
    assert verify(source, "Marta Ellwood came to Carrow, and she counted the wires.").passed


def test_a_changed_number_is_lost_and_made_up() -> None:
    assert severe(GOOD.replace("14", "41")) == {"facts", "invented"}


def test_a_number_changed_in_one_of_two_places_is_made_up() -> None:
    source = "He had 14 men and 14 boats when he left."
    assert severe("When he left he had 14 men and 23 boats.", source) == {"invented"}


def test_somebody_who_was_never_mentioned_is_named() -> None:
    verdict = verify(SOURCE, GOOD.replace("northern pier", "northern pier, with Pemberton,"))
    assert [(one.kind, "Pemberton" in one.message) for one in verdict.findings] == [("invented", True)]


def test_a_name_in_the_place_of_another_is_found_though_both_are_still_there() -> None:
    source = "Marta saw the ship. Peter did not. Marta went home to Ludford, and Peter slept."
    rewrite = "Marta saw the ship, which Peter did not; and Peter went home to Ludford, and Peter slept."
    found = [one for one in verify(source, rewrite).findings if one.kind == "swapped"]
    assert found
    assert "Peter where the source has Marta" in found[0].message


def test_a_sentence_left_out_is_found_and_quoted() -> None:
    rewrite = GOOD.replace(", a cable having parted near the northern pier", "")
    found = [finding for finding in verify(SOURCE, rewrite).findings if finding.kind == "omitted"]
    assert len(found) == 1
    assert "cable" in found[0].message


def test_a_sentence_said_in_other_words_is_not_left_out() -> None:
    source = "The old captain walked slowly to the harbour. His daughter baked bread for the wedding feast."
    rewrite = "Slowly the aged captain went down to the port; his daughter made loaves for the marriage banquet."
    assert "omitted" not in kinds(rewrite, source)


def test_a_denial_added_or_lost_is_found() -> None:
    assert "negation" in severe(GOOD.replace("was closed", "was not closed"))
    denied = SOURCE.replace("was closed", "was not closed")
    assert "negation" in severe(GOOD, denied)
    assert verify(denied, GOOD.replace("was closed", "was never closed")).passed


@pytest.mark.parametrize(
    ("source", "rewrite"),
    [
        (
            'He asked, "Do you know who made you, Captain? You do not know this, spirit." The mate said nothing.',
            "“Knowest thou who made thee, Captain?—Thou knowest it not, thou spirit,” asked he; the mate said nothing.",
        ),
        (
            'Peleg shouted, "Have you shipped on the Pequod? Yes? Then it is nothing to me." He went to the cabin.',
            "“Hast thou shipped on the Pequod?—Aye?—’Tis naught to me, then!”—shouted Peleg, going to the cabin.",
        ),
    ],
)
def test_speech_of_another_age_says_the_same(source: str, rewrite: str) -> None:
    assert verify(source, rewrite).findings == ()


def test_a_name_between_marks_without_spaces_is_a_name() -> None:
    source = 'He cried, "Is it the captain? Ahab is here." They went below at once.'
    assert "invented" in severe("“Is it the captain?—Starbuck is here,” he cried; and they went below at once.", source)
    assert "invented" not in severe("“Is it the captain?—Ahab is here,” he cried, and they went below at once.", source)


@pytest.mark.parametrize(
    "looping",
    [
        GOOD + " and the wires and the wires" * 12,
        GOOD + " and wrote of them to the council" * 4,
        f"{GOOD} {GOOD}",
    ],
)
def test_a_loop_is_found(looping: str) -> None:
    assert "loop" in severe(looping)


def test_a_rewrite_much_shorter_or_longer_is_found() -> None:
    assert "length" in kinds("Carrow, 1987: 14 wires; Marta Ellwood; Ludford.")
    assert "length" in kinds(f"{GOOD} {GOOD.lower()}")
    assert "length" not in kinds(f"{GOOD} {GOOD.lower()}", words=70)


def test_an_unfinished_rewrite_is_found() -> None:
    assert "unfinished" in kinds(GOOD, finish="length")
    assert "unfinished" in kinds(GOOD, finish="cancelled")
    assert "unfinished" in kinds(GOOD.removesuffix(" in Ludford."))
    assert "unfinished" not in kinds("The bridge", "The bridge")


@pytest.mark.parametrize("nothing", ["", " … ", "###"])
def test_nothing_at_all_is_found(nothing: str) -> None:
    assert "empty" in severe(nothing)


@pytest.mark.parametrize(
    "said",
    [
        "As an AI, I have no bridges.",
        "I'm sorry, but I can’t assist with that.",
        "I cannot fulfill this request.",
        "Let me know if you would like another version.",
    ],
)
def test_a_refusal_or_a_remark_is_found(said: str) -> None:
    assert "refusal" in severe(f"{GOOD} {said}")
    assert "refusal" in severe(f"{said} {GOOD}")


def test_a_preamble_is_found() -> None:
    assert "refusal" in severe(f"Sure! Here's the rewritten passage: {GOOD}")


def test_the_input_coming_back_is_found() -> None:
    assert "echo" in severe(SOURCE)
    assert "echo" in kinds(GOOD, given=GOOD)


def test_a_copied_span_is_found_wherever_it_stands() -> None:
    passage = " ".join(f"word{i}" for i in range(30))
    index = CorpusIndex([passage])
    assert "copied" in kinds(f"{GOOD} {passage}.", corpus=index)
    assert "copied" in kinds(f"{passage}. {GOOD}", corpus=index)
    assert "copied" not in kinds(GOOD, corpus=index)


def test_what_the_source_itself_takes_from_the_author_is_only_noted() -> None:
    index = CorpusIndex([GOOD])
    verdict = verify(SOURCE, GOOD, corpus=index)
    assert [one.kind for one in verdict.findings] == ["author's words"]
    assert verdict.weight == 0


def test_phrases_of_language_models_count_against_the_authors_own_rate() -> None:
    rewrite = GOOD.replace("and wrote", "and, moreover, wrote")
    assert kinds(rewrite) == {"ai-ism"}
    assert verify(SOURCE, rewrite).passed
    assert not kinds(rewrite, limits=Limits(ai_isms={"moreover": 3.0}))
    assert not kinds(rewrite, SOURCE + " Moreover, it was so.") & {"ai-ism"}


def test_a_kind_that_the_author_sets_off_himself_is_not_severe() -> None:
    verdict = verify(SOURCE, GOOD.replace("Carrow", "it"), limits=Limits(demoted=("facts",)))
    assert [one.kind for one in verdict.findings] == ["facts"]
    assert verdict.passed


def test_several_rewrites_get_the_verdicts_they_would_get_alone() -> None:
    rewrites = [GOOD, GOOD.replace("14", "41"), ""]
    assert verify_all(SOURCE, rewrites, finishes=["stop"] * 3) == [verify(SOURCE, rewrite) for rewrite in rewrites]


@pytest.mark.parametrize("odd", ["🙂 🙂 🙂", "שלום עולם, זה טקסט.", "### <|im_end|> [INPUT]", "a\x00b", "Ha!"])
def test_odd_texts_are_judged_without_a_crash(odd: str) -> None:
    assert verify(odd, GOOD).facts_total >= 0
    assert not verify(SOURCE, odd).passed
