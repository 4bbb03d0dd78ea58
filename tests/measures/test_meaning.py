from engine.measures.meaning import OMITTED, coverage

SOURCE = (
    "The old captain walked slowly down to the harbour before dawn. "
    "His daughter was baking bread for the wedding feast. "
    "Somewhere in the mountains a wolf had killed eleven sheep."
)


def test_a_text_covers_itself() -> None:
    found = coverage(SOURCE, SOURCE)
    assert found.worst > 0.99
    assert found.uncovered == ()


def test_a_sentence_cut_into_pieces_is_still_covered() -> None:
    cut = (
        "The captain was old. He walked slowly down to the harbour. This was before dawn. His daughter was baking. "
        "She baked bread for the wedding feast. A wolf was in the mountains. The wolf had killed eleven sheep."
    )
    assert coverage(SOURCE, cut).worst > 0.6


def test_an_omitted_sentence_is_found() -> None:
    first, _, last = SOURCE.split(". ")
    found = coverage(SOURCE, f"{first}. {last}")
    assert found.worst < OMITTED
    assert found.uncovered == ("His daughter was baking bread for the wedding feast.",)


def test_empty_texts() -> None:
    assert coverage("", "anything").mean == 1
    assert coverage("A man came in.", "...").worst == 0
