"""The parts of a book around its prose: what goes, and what only looks as if it had to."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from curation_prose import FIRST, SECOND, THIRD, flat

Clean = Callable[..., Any]


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


def test_a_publishers_list_after_the_end_goes_but_another_story_does_not(cleaner: Clean) -> None:
    story = "\n\n".join([FIRST, SECOND, THIRD] * 8)
    listed = cleaner(f"CHAPTER I\n\n{story}\n\nTHE END\n\nNEW BOOKS FOR GIRLS\n\n{SECOND}\n\nPrice 2s. 6d.\n")
    assert len(listed.texts) == 24
    assert len(listed.gone("advertisement")) == 3
    stories = cleaner(f"CHAPTER I\n\n{story}\n\nTHE END\n\nCHAPTER I\n\n{SECOND}\n\n{THIRD}\n")
    assert len(stories.texts) == 26


def test_subtitles_that_read_like_sentences_go_where_most_chapters_have_one(cleaner: Clean) -> None:
    subtitles = ["The old Mint and its master.", "Winifred receives two proposals.", "He comes again!", "Of rust."]
    chapters = [f"CHAPTER {number}.\n\n{subtitle}\n\n{THIRD}" for number, subtitle in enumerate(subtitles, 1)]
    result = cleaner("\n\n".join(chapters))
    assert result.texts == [flat(THIRD)] * 4
    once = cleaner(
        f"CHAPTER 1.\n\nCall me Ishmael, he said.\n\n{FIRST}\n\nCHAPTER 2.\n\n{SECOND}\n\nCHAPTER 3.\n\n{THIRD}\n"
    )
    assert once.texts[0] == "Call me Ishmael, he said."


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
        f"yawning\n\nWhere the black planets roll without "
        f"aim—\n\n—Nemesis.\n\n{flat(SECOND)}\n\n\n\n\n\nThe Call\n\n"
        f"{epigraph}\n\n—Algernon Blackwood.\n\n{flat(THIRD)}\n"
    )
    assert result.texts == [flat(FIRST), flat(SECOND), flat(THIRD)]
    assert result.gone("chapter title") == ["The Haunter", "(1935)", "The Call"]
    assert result.gone("dedication") == ["(Dedicated to a friend)"]
    assert len(result.gone("epigraph")) == 5


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
