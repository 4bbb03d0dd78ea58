"""What goes and what stays, each case typed as it looks in a book."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

Clean = Callable[..., Any]

FIRST = """\
I was sent to Carrow Sound in the February of 1911, with a canvas
case of feeler gauges and a letter from the Harbour Commissioners,
to discover why a tidal mill that had ground barley without any
complaint for two hundred years should have lost its power."""
SECOND = """\
The miller led me down a ladder of nineteen rungs into the pit,
where the lantern showed a world already half returned to the sea.
He spoke of the knock as one speaks of a lodger. It had come, he
said, at Michaelmas, and it had not paid."""
THIRD = """\
A tidal mill is the most honest of engines, since it makes no
pretence of generating what it spends. The moon lifts the water,
a gate detains it, and for five hours in every twelve the detained
water is permitted to go home by way of a wheel."""


def flat(text: str) -> str:
    return " ".join(text.split())


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
    assert result.texts == [flat(FIRST), flat(SECOND), flat(THIRD[: THIRD.index("to go")]) + " sufficient to go home by way of a wheel."]
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


@pytest.mark.parametrize(
    "heading",
    [
        "CHAPTER I",
        "Chapter 12. Loomings.",
        "CHAPTER 56. Of the Less Erroneous Pictures of Whales, and the True\nPictures of Whaling Scenes.",
        "BOOK THE FIRST",
        "Part Two: The Sea",
        "XIV.",
        "3.",
        "IV. The Scream of the Dead",
        "EPILOGUE",
        "THE LAST OF THE MILL",
        "THE END",
    ],
)
def test_headings_go(cleaner: Clean, heading: str) -> None:
    result = cleaner(f"{FIRST}\n\n{SECOND}\n\n\n{heading}\n\n{THIRD}\n")
    assert result.texts == [flat(FIRST), flat(SECOND), flat(THIRD)]
    assert [removal.text for removal in result.removals] == [heading]
    assert result.paragraphs[2].opens
    assert not result.paragraphs[1].opens


@pytest.mark.parametrize(
    "prose",
    [
        "Part II of his plan was simpler, and it failed at once.",
        "Chapter 3 was the hardest to write. He wept over it.",
        "I. am not a number, he wrote, and went on to the next line.",
        "“NO!” he said.",
        "“THE BELL HAS RUNG.”",
        "“What?”",
        "He opened the door.",
        "1851 was a bad year for the mill.",
        "To my surprise the gate was open, and the mill was turning.",
        "Then he cried:",
        "Contents of the box were as follows; he read them out to me.",
        "The Preface was what he read first, he told me, and the only part.",
        "“All in Teloth must toil,” replied the archon, “for that is the law.” Then said Iranon,",
    ],
)
def test_short_prose_is_not_a_heading(cleaner: Clean, prose: str) -> None:
    result = cleaner(f"CHAPTER I\n\n{FIRST}\n\n{prose}\n\n“{SECOND}\n\n{THIRD}\n")
    assert prose in result.texts
    assert result.reasons == ["chapter title"]


def test_front_matter_goes_page_by_page(cleaner: Clean) -> None:
    result = cleaner(
        f"""
                     THE MILL

                     A Novel

                       by

                  A. N. MILLER



Copyright © 1921 by A. N. Miller

All rights reserved. No part of it may be ground, sifted
or baked without the consent of the miller and his heirs.



               To the memory of my aunt



CONTENTS

   Preface ........................ v
   I. The Wheel ................... 1
   II. The Stone .................. 9

LIST OF ILLUSTRATIONS

The wheel, from the east
The stone

PREFACE

{FIRST}

{SECOND}

A. N. M.

CHAPTER I

THE WHEEL

{THIRD}

CHAPTER II

THE STONE

{FIRST}
"""
    )
    assert result.texts == [flat(THIRD), flat(FIRST)]
    assert len(result.gone("title page")) == 4
    assert len(result.gone("copyright")) == 2
    assert result.gone("dedication") == ["To the memory of my aunt"]
    assert len(result.gone("contents")) == 4
    assert len(result.gone("preface")) == 4
    assert result.gone("chapter title") == ["CHAPTER I", "THE WHEEL", "CHAPTER II", "THE STONE"]


def test_a_text_without_front_matter_loses_none_of_its_beginning(cleaner: Clean) -> None:
    for beginning in ("“Who is there?”", "Call me Ishmael.", "I knew the answer, with or without a poet’s licence."):
        result = cleaner(f"{beginning}\n\n{FIRST}\n\n{SECOND}\n")
        assert result.texts == [beginning, flat(FIRST), flat(SECOND)]
        assert not result.removals


def test_contents_without_leaders_end_where_an_entry_comes_again(cleaner: Clean) -> None:
    entries = ["The Wheel", "The Stone", "The Gate"]
    chapters = "".join(
        f"\n\n\n{entry}\n\n{text}\n" for entry, text in zip(entries, (FIRST, SECOND, THIRD), strict=True)
    )
    result = cleaner("Contents\n\n" + "\n".join(entries) + chapters)
    assert result.texts == [flat(FIRST), flat(SECOND), flat(THIRD)]
    assert result.gone("chapter title") == entries
    assert result.gone("contents") == ["Contents", "The Wheel\nThe Stone\nThe Gate"]


def test_back_matter_goes_to_the_end(cleaner: Clean) -> None:
    story = "\n\n".join([FIRST, SECOND, THIRD] * 8)
    result = cleaner(
        f"""
CHAPTER I

{story}

THE END

A NOTE ON THE TYPE

This book has no type. It was prepared as plain text, in the
columns of an ordinary terminal.

ABOUT THE AUTHOR

The miller lives in Ludford with his wife. He would be glad to
hear from anyone who has worked at a tidal mill.

INDEX

A

abrasion, 3, 9
almanac, 12

B

barley, 1, 4
"""
    )
    assert len(result.texts) == 24
    assert result.gone("end mark") == ["THE END"]
    assert len(result.gone("colophon")) == 2
    assert len(result.gone("about the author")) == 2
    assert len(result.gone("index")) == 5


def test_a_chapter_called_index_in_the_middle_of_a_book_is_a_chapter(cleaner: Clean) -> None:
    story = "\n\n".join([FIRST, SECOND, THIRD] * 4)
    result = cleaner(f"CHAPTER I\n\n{story}\n\nINDEX\n\n{story}\n\nGLOSSARY\n\n{story}\n\n{story}\n")
    assert len(result.texts) == 48
    assert result.gone("chapter title") == ["CHAPTER I", "INDEX", "GLOSSARY"]


def test_an_introduction_as_long_as_the_book_is_the_book(cleaner: Clean) -> None:
    story = "\n\n".join([FIRST, SECOND, THIRD] * 40)
    assert len(cleaner(f"INTRODUCTION\n\n{story}\n\nCHAPTER I\n\n{SECOND}\n").texts) == 121


def test_dedications_years_and_epigraphs_below_a_title_go(cleaner: Clean) -> None:
    epigraph = "“Of such great powers there may be conceivably a survival, of a hugely remote period.”"
    result = cleaner(
        f"{flat(FIRST)}\n\n\n\n\n\nThe Haunter\n\n\n(1935)\n\n(Dedicated to a friend)\n\nI have seen the dark universe "
        f"yawning\n\nWhere the black planets roll without aim—\n\n—Nemesis.\n\n{flat(SECOND)}\n\n\n\n\n\nThe Call\n\n"
        f"{epigraph}\n\n—Algernon Blackwood.\n\n{flat(THIRD)}\n"
    )
    assert result.texts == [flat(FIRST), flat(SECOND), flat(THIRD)]
    assert result.gone("chapter title") == ["The Haunter", "(1935)", "The Call"]
    assert result.gone("dedication") == ["(Dedicated to a friend)"]
    assert len(result.gone("epigraph")) == 5


@pytest.mark.parametrize(("mark", "note"), [("[1]", "[1] "), ("*", "* "), ("†", "†"), ("¹", "¹ "), ("[A]", "[Footnote A: ")])
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
        f"{FIRST[:cut].rstrip()[:-1]}[1]\n\n[1] He was eighty.\n\n- 1 -\n\nTHE MILL\n\n{FIRST[cut:]}\n\n{SECOND}\n\n- 2 -\n\n"
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
    quoted = "\n".join("    " + line for line in (THIRD + " It has been so\nfor as long as there were mills.").split("\n"))
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


MODERN = """\
The Project Gutenberg eBook of The Mill

This ebook is for the use of anyone anywhere in the United States and
most other parts of the world at no cost and with almost no restrictions
whatsoever. You may copy it, give it away or re-use it under the terms
of the Project Gutenberg License included with this ebook or online
at www.gutenberg.org.

Title: The Mill

Author: A. N. Miller

*** START OF THE PROJECT GUTENBERG EBOOK THE MILL ***




Produced by Some Body and the Online Distributed Proofreading
Team at https://www.pgdp.net

[Illustration: The wheel]

[Transcriber's Note: Obvious errors of the press have been mended.

Greek has been left as it is.]

CHAPTER I

{body}

*** END OF THE PROJECT GUTENBERG EBOOK THE MILL ***




Updated editions will replace the previous one—the old editions will
be renamed.

START: FULL LICENSE

THE FULL PROJECT GUTENBERG LICENSE

To protect the Project Gutenberg™ mission of promoting the free
distribution of electronic works, by using or distributing this work
you agree to comply with all the terms. It is a very long licence.
"""

OLD = """\
***The Project Gutenberg Etext of The Mill, by A. N. Miller***

Copyright laws are changing all over the world, be sure to check
the copyright laws for your country before posting these files!!

The Mill

by A. N. Miller

March, 1994  [Etext #0000]

Information about Project Gutenberg (one page)

We produce about two million dollars for each hour we work. The
fifty hours is one conservative estimate for how long it we take.

***START**THE SMALL PRINT!**FOR PUBLIC DOMAIN ETEXTS**START***
Why is this "Small Print!" statement here? You know: lawyers.
They tell us you might sue us if there is something wrong.
*END*THE SMALL PRINT! FOR PUBLIC DOMAIN ETEXTS*Ver.04.29.93*END*



THE MILL

CHAPTER I

{body}

End of the Project Gutenberg Etext of The Mill
"""


@pytest.mark.parametrize("edition", [MODERN, OLD], ids=["modern", "old"])
def test_project_gutenberg_goes_and_the_book_stays(cleaner: Clean, edition: str) -> None:
    result = cleaner(edition.replace("{body}", f"{FIRST}\n\n{SECOND}\n\n{THIRD}"))
    assert result.texts == [flat(FIRST), flat(SECOND), flat(THIRD)]
    assert set(result.reasons) <= {
        "licence", "production note", "illustration", "transcriber's note", "chapter title", "title page"
    }  # fmt: skip
    assert len(result.gone("chapter title")) + len(result.gone("title page")) <= 2


def test_two_books_of_an_archive_in_one_file_are_both_kept(cleaner: Clean) -> None:
    text = MODERN.replace("{body}", f"{FIRST}\n\n{SECOND}") + "\n\n\n" + MODERN.replace("{body}", THIRD)
    assert cleaner(text).texts == [flat(FIRST), flat(SECOND), flat(THIRD)]


def test_no_word_is_lost_without_a_record(cleaner: Clean) -> None:
    text = MODERN.replace("{body}", f"{FIRST}[1]\n\n[1] He was eighty.\n\n- 1 -\n\n{SECOND}\n\n* * *\n\n{THIRD}")
    result = cleaner(text)
    kept = sum(paragraph.words for paragraph in result.paragraphs)
    gone = sum(removal.words for removal in result.removals)
    assert kept + gone == result.cleaned.words == len(text.split())
    numbers = [removal.line for removal in result.removals]
    assert numbers == sorted(numbers)
    rows = text.split("\n")
    for removal in result.removals:
        assert not removal.words or removal.text.split()[0] in rows[removal.line - 1]
