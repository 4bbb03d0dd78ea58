"""What of a document is prose, and that everything else is passed on to the byte."""

from __future__ import annotations

import pytest

from engine.generation.beside import diff, side_by_side
from engine.generation.blocks import Block, parse
from engine.generation.document import Pair
from engine.generation.pieces import pieces

PROSE = "The road was long and nobody had walked it for a year."
DOCUMENT = f"""---
title: A report
---

# Heading one, which has a great many words in it for a heading

{PROSE}
## Another heading
- an item of the list
- another one

  with a paragraph of its own that has a good many words in it.

1. numbered, and with more than five words in it.

> Quoted words, which are more than five in any case.

| a | b |
|---|---|
| 1 | 2 |

```python
x = 1

{PROSE}
```

Short.

Title With an Underline
=======================

[^1]: A footnote definition that has quite a few words in it.
[link]: http://a.b/c "and its title has some words too"

THE WHOLE OF THIS IS A HEADING IN CAPITALS, AND LONG.

$$
{PROSE}
$$

<div>{PROSE}</div>

The road was long,
And I was weary then,
The night came down on me,
And so it went, and went again.

    {PROSE}

Name      Born   Died and buried
Anna      1890   1950 in the north
John      1893   1951 in the south

***

Last paragraph, which is wrapped by hand
so that its lines are of about forty letters
each, as in an old-fashioned plain text.

"""


@pytest.mark.parametrize("markdown", [True, False])
@pytest.mark.parametrize("text", [DOCUMENT, "", "\n\n", "one", f"\n\n{PROSE}\n", f"{PROSE}\n\n\n{PROSE}", "```\nopen"])
def test_the_blocks_put_together_are_the_document(text: str, markdown: bool) -> None:
    assert "".join(block.text + block.after for block in parse(text, markdown=markdown)) == text


def test_only_paragraphs_are_prose() -> None:
    found = [block.text for block in parse(DOCUMENT, markdown=True) if block.prose]
    assert len(found) == 2
    assert found[0] == PROSE
    assert found[1].startswith("Last paragraph")


def test_an_indented_paragraph_is_prose_in_plain_text_and_code_in_markdown() -> None:
    text = f"    {PROSE}\n"
    assert [block.prose for block in parse(text)] == [True]
    assert [block.prose for block in parse(text, markdown=True)] == [False]


@pytest.mark.parametrize(
    "text",
    [
        "1847 was a hard year for the harbour towns.",
        "H. P. Lovecraft was born in the year 1890.",
        "– “Who is there?” asked the old man, and rose.",
        "[The gate] was open, and the guard was gone.",
        "<https://a.b/c> says that the bridge is closed.",
        "It cost 3   dollars, with a wide space in the line.",
    ],
)
def test_prose_that_begins_oddly_is_prose(text: str) -> None:
    assert [block.prose for block in parse(text, markdown=True)] == [True]


@pytest.mark.parametrize(
    "rest",
    [
        "- one of the things\n- another of the things, with a good many words in it.",
        "* one\n* two",
        "1. one of the things, with a good many words in it.\n2. another",
        "> Quoted words, which are more than five in any case.",
        "[^1]: A footnote definition that has quite a few words in it.",
        "| a | b |\n|---|---|\n| 1 | 2 |",
        "<div>Some words of the page that are not for anybody.</div>",
        "***",
        "---",
        ": the definition of a term, in so many words.",
        "::: note",
    ],
)
def test_a_paragraph_ends_where_something_else_begins_without_a_blank_line(rest: str) -> None:
    above = f"The road was long and\n{PROSE}"  # of two lines: under one a rule makes a heading
    blocks = parse(f"{above}\n{rest}\n\n{PROSE}\n", markdown=True)
    assert [block.text for block in blocks if block.prose] == [above, PROSE]
    assert [block.text for block in blocks if not block.prose] == [rest]


def test_a_wrapped_line_that_begins_with_a_number_goes_on_with_its_paragraph() -> None:
    text = "The mill was built before the year\n1987. Nobody knows who built it, or in\n12 months, or why."
    assert [block.text for block in parse(text) if block.prose] == [text]


def test_text_right_below_a_heading_or_a_rule_is_prose() -> None:
    assert [block.text for block in parse(f"Title of it\n===\n{PROSE}\n***\n{PROSE}") if block.prose] == [PROSE, PROSE]


@pytest.mark.parametrize(
    "text",
    [
        f"<pre>\nline one\n\n{PROSE}\n</pre>",
        f"<script>\nlet x = 1;\n\n{PROSE}\n</script>",
        f"!!! note\n    {PROSE}",
        f"{{% include {PROSE} %}}",
        "12 13 14 15 16 17.",
        "-- 1.5 2.5 3.5 4.5 5.5 6.5 7.5 8.5 9.5 10.5 11.5 12.5 13.5",
        "\n".join(["MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEAzoneandtwo0thr33four5ix"] * 13),
        f"It says {'x' * 200}, and so on, and nothing else.",
    ],
)
def test_what_only_a_machine_reads_is_no_prose(text: str) -> None:
    assert not any(block.prose for block in parse(text, markdown=True))


def test_a_wrapped_line_begins_no_list() -> None:
    block = Block("The road was long and\nnobody had walked it", "\n", True)
    made = block.with_text("The road was as long - or so they said - as any; in all 1. or 2. it was > 3 # long.")
    assert not any(line.startswith(("- ", "> ", "# ", "1. ")) for line in made.split("\n"))
    assert " ".join(made.split()) == (
        "The road was as long - or so they said - as any; in all 1. or 2. it was > 3 # long."
    )


def test_lines_as_long_as_paragraphs_are_paragraphs() -> None:
    long = f"{PROSE} " * 4
    blocks = parse(f"{long}\n{long}\n")
    assert [block.prose for block in blocks] == [True, True]


def test_what_was_wrapped_is_wrapped_again() -> None:
    block = Block("  The road was long and\nnobody had walked it\nfor a year.", "\n", True)
    made = block.with_text("Long was the road, and for the space of a whole year nobody had walked it at all.")
    assert made.startswith("  Long was")
    assert max(map(len, made.split("\n"))) <= 23
    assert len(made.split("\n")) > 3
    assert Block("One line.", "", True).with_text("Another " * 30) == "Another " * 30


def test_a_long_paragraph_is_cut_at_sentence_ends_and_nothing_is_lost() -> None:
    paragraph = " ".join(f"Sentence number {n} of them, which has its ten words[^{n}]." for n in range(50))
    made = pieces(paragraph, lambda _: 120)
    assert " ".join(made) == paragraph
    lengths = [len(piece.split()) for piece in made]
    assert max(lengths) <= 120
    assert min(lengths) > 60
    assert all(piece.endswith("].") for piece in made)
    assert pieces(PROSE, lambda _: 120) == [PROSE]


@pytest.mark.parametrize("text", ["word " * 500, "a, " * 500, "بيت " * 500, "x" * 9000, "🙂 " * 400, "One. " * 300])
def test_a_text_without_sentences_is_cut_too(text: str) -> None:
    made = pieces(text.strip(), lambda _: 100)
    assert max(len(piece.split()) for piece in made) <= 100
    assert " ".join(" ".join(made).split()) == " ".join(text.split())


def test_fifty_thousand_words_in_one_paragraph_are_cut_at_once() -> None:
    paragraph = " ".join(f"The clock struck {n} and nobody in the house got up." for n in range(5000))
    made = pieces(paragraph, lambda _: 250)
    assert 220 <= len(made) < 240
    assert " ".join(made) == paragraph


def test_a_diff_is_one_that_patch_understands() -> None:
    made = diff("a\nb\n", "a\nc", "x.md")
    assert made == "--- a/x.md\n+++ b/x.md\n@@ -1,2 +1,2 @@\n a\n-b\n+c\n\\ No newline at end of file\n"
    assert diff("same", "same", "x") == ""


def test_columns_show_what_was_rewritten_on_the_right() -> None:
    pairs = (Pair("Title", "Title", False), Pair("The road was long.", "Long was the road, and dark.", True))
    lines = side_by_side(pairs, 47).splitlines()
    assert lines[0] == "Title                  │"
    assert lines[2].split(" │ ") == ["The road was long.    ", "Long was the road, and"]
    assert lines[3] == "                       │ dark."
