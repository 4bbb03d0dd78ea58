"""Lines to paragraphs, page furniture, footnotes, and what is not prose by its shape, typed as it looks in a book."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from curation_prose import FIRST, SECOND, THIRD, flat

Clean = Callable[..., Any]


def test_hard_wrapped_lines_are_joined(cleaner: Clean) -> None:
    assert cleaner(f"{FIRST}\n\n{SECOND}\n").texts == [flat(FIRST), flat(SECOND)]


def test_lines_that_are_whole_paragraphs_stay_apart(cleaner: Clean) -> None:
    assert cleaner(f"{flat(FIRST)}\n{flat(SECOND)}\n{flat(THIRD)}\n").texts == [flat(FIRST), flat(SECOND), flat(THIRD)]


def test_indented_paragraphs_without_empty_lines_are_told_apart(cleaner: Clean) -> None:
    page = [f"    {text}" for text in (FIRST, SECOND, THIRD)] * 10
    result = cleaner("\n".join(page))
    assert len(result.texts) == 30
    assert result.texts[1] == flat(SECOND)


def test_short_last_lines_part_paragraphs_where_nothing_else_does(cleaner: Clean) -> None:
    result = cleaner("\n".join([SECOND, THIRD] * 15))
    assert len(result.texts) == 30
    assert result.texts[1] == flat(THIRD)


@pytest.mark.parametrize(
    ("above", "below", "whole"),
    [
        ("as the fer-", "ryman had", "the ferryman had"),  # a known word
        ("of inter-", "leaved pages", "of interleaved pages"),  # a prefix
        ("at the Kroxl-", "bergian gate", "the Kroxlbergian gate"),  # neither part is a word
        ("his well-", "known coat", "his well-known coat"),  # two words, and no word together
        ("of twenty-", "four teeth", "of twenty-four teeth"),
        ("the Anglo-", "Saxon name", "the Anglo-Saxon name"),
        ("to the mast-", "head again", "to the mast-head again"),  # as the book has it elsewhere
        ("hear it—", "a dry knock", "hear it—a dry knock"),
        ("hear it —", "a dry knock", "hear it — a dry knock"),
        ("hear it--", "a dry knock", "hear it--a dry knock"),
        ("sof\xad", "tened steel", "softened steel"),
    ],
)
def test_words_broken_at_line_ends_are_healed(cleaner: Clean, above: str, below: str, whole: str) -> None:
    text = f"The mast-head was bare that day, and nobody in the town could say {above}\n{below}, or what it was for.\n"
    assert whole in cleaner(f"{text}\n{FIRST}\n").texts[0]


def test_a_paragraph_interrupted_by_page_furniture_is_joined_again(cleaner: Clean) -> None:
    result = cleaner(
        f"""
THE MILL

{FIRST}

{SECOND[:130].rsplit(" ", 1)[0]}

                               - 1 -

                            THE MILL

{SECOND[:130].rsplit(" ", 1)[1]}{SECOND[130:]}

{THIRD[: THIRD.index("to go")]}suf-

                               - 2 -

                            THE MILL

ficient to go home by way of a wheel.

                               - 3 -
"""
    )
    assert result.texts == [
        flat(FIRST),
        flat(SECOND),
        flat(THIRD[: THIRD.index("to go")]) + " sufficient to go home by way of a wheel.",
    ]
    assert result.gone("page number") == ["- 1 -", "- 2 -", "- 3 -"]
    assert result.gone("running head") == ["THE MILL", "THE MILL"]
    assert result.gone("chapter title") == ["THE MILL"]
    assert result.cleaned.healed["interrupted paragraphs"] == 2


def test_heads_with_page_numbers_in_them_interrupt_nothing(cleaner: Clean) -> None:
    rows = (FIRST + "\n" + SECOND + "\n" + THIRD).split("\n")
    heads = ["12   THE MILL AT CARROW", "THE MILL AT CARROW   13", "14   THE MILL AT CARROW"]
    text = "\n".join([*rows[:3], heads[0], *rows[3:6], heads[1], *rows[6:10], heads[2], *rows[10:]])
    result = cleaner(text)
    assert " ".join(result.texts) == flat(" ".join(rows))
    assert result.gone("running head") == heads


def test_a_complete_paragraph_at_the_foot_of_a_page_stays_complete(cleaner: Clean) -> None:
    result = cleaner(f"{FIRST}\n\n- 1 -\n\n{SECOND}\n\n- 2 -\n\n{THIRD}\n\n- 3 -\n")
    assert result.texts == [flat(FIRST), flat(SECOND), flat(THIRD)]


def test_a_sentence_broken_off_for_a_quotation_is_kept(cleaner: Clean) -> None:
    lead = "Old London Bridge was supported on nineteen arches of stone, each and every one of which"
    result = cleaner(f"{FIRST}\n\n{lead}\n\n    --Would a Rialto make\n    For depth and height.\n\n{SECOND}\n")
    assert lead in result.texts


@pytest.mark.parametrize(
    ("mark", "note"), [("[1]", "[1] "), ("*", "* "), ("†", "†"), ("¹", "¹ "), ("[A]", "[Footnote A: ")]
)
def test_footnotes_and_their_marks_go(cleaner: Clean, mark: str, note: str) -> None:
    first = FIRST.replace("gauges", f"gauges,{mark}").replace("power.", f"power.{mark}")
    closing = "]" if note.startswith("[Foot") else ""
    result = cleaner(f"{first}\n\n{note}They were made in Leeds, by\na cousin of mine.{closing}\n\n{SECOND}\n")
    assert result.texts == [flat(FIRST).replace("gauges", "gauges,"), flat(SECOND)]
    assert result.gone("footnote mark") == [mark, mark]
    assert len(result.gone("footnote")) == 1


def test_a_paragraph_goes_on_behind_a_footnote_and_a_page_turn(cleaner: Clean) -> None:
    cut = FIRST.index("to discover")
    result = cleaner(
        f"{FIRST[:cut].rstrip()[:-1]}[1]\n\n[1] He was eighty.\n\n- 1 -\n\nTHE "
        f"MILL\n\n{FIRST[cut:]}"
        f"\n\n{SECOND}\n\n- 2 -\n\n"
        f"THE MILL\n\n{THIRD}\n\n- 3 -\n\nTHE MILL\n\n{SECOND}\n"
    )
    assert result.texts[0] == flat(FIRST).replace("Commissioners,", "Commissioners")
    assert len(result.texts) == 4


def test_stars_that_point_to_nothing_are_emphasis_or_bullets(cleaner: Clean) -> None:
    result = cleaner(f"{SECOND} It was *not* the *wheel* at all.\n\n* oil\n* grease\n* tallow\n\n{THIRD}\n")
    assert result.texts[0].endswith("It was *not* the *wheel* at all.")
    assert result.reasons == ["list"]


def test_digits_closed_up_to_words_are_marks_where_notes_bear_them(cleaner: Clean) -> None:
    text = f"{flat(FIRST)}1 It weighed 14 tons.2 In 1911, No.7 had gone.\n\n{flat(SECOND)}\n\n"
    notes = "NOTES\n\n1. Leeds, 1868, p. 12.\n\n2. By the ledger.\n"
    assert cleaner(text + notes).texts[0] == f"{flat(FIRST)} It weighed 14 tons. In 1911, No.7 had gone."
    assert "power.1 It" in cleaner(text).texts[0]


def test_verse_lists_tables_and_letterheads_go(cleaner: Clean) -> None:
    result = cleaner(
        f"""
{FIRST}

    The ribs and terrors in the whale,
    Arched over me a dismal gloom,
    While all God’s sun-lit waves rolled by,
    And lift me deepening down to doom.

{SECOND}

1. a lantern
2. a rule
3. a letter

{THIRD}

year        power      grease
1896        100        tallow
1911        89         mineral

{FIRST}

Townshend, Vermont,

Thursday, Sept. 6, 1928.

My dear Wilmarth:—

{SECOND}

Yours in anticipation,

HENRY W. AKELEY

{THIRD}
"""
    )
    assert result.texts == [flat(text) for text in (FIRST, SECOND, THIRD, FIRST, SECOND, THIRD)]
    assert len(result.gone("verse")) == len(result.gone("list")) == len(result.gone("table")) == 1
    assert len(result.gone("stray line")) == 5


def test_indented_quotations_are_prose(cleaner: Clean) -> None:
    quoted = "\n".join(
        "    " + line for line in (THIRD + " It has been so\nfor as long as there were mills.").split("\n")
    )
    assert cleaner(f"{FIRST}\n\n{quoted}\n\n{SECOND}\n").texts[1].startswith(flat(THIRD))


def test_scene_breaks_part_sections(cleaner: Clean) -> None:
    for ornament in ("* * *", "———", "#", "⁂"):
        result = cleaner(f"{FIRST}\n\n{ornament}\n\n{SECOND}\n")
        assert result.texts == [flat(FIRST), flat(SECOND)]
        assert result.reasons == ["scene break"]
        assert result.paragraphs[1].opens


def test_underscores_of_emphasis_go_and_names_keep_theirs(cleaner: Clean) -> None:
    result = cleaner(f"He came aboard the _Pequod_, with my_file and _no\nmore than that_. {FIRST}\n")
    assert result.texts[0].startswith("He came aboard the Pequod, with my_file and no more than that. I was")
    assert result.cleaned.healed["emphasis marks"] == 2
