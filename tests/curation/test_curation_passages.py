from __future__ import annotations

import random

from engine.curation.passages import cut_passages, overlapping
from engine.curation.pieces import Candidate, Paragraph, count_words
from engine.curation.sentences import count_sentences, sentences

SENTENCE = "The great wheel went round {} times before the tide let go of it."  # 14 words


def prose(count: int, start: int = 0) -> str:
    return " ".join(SENTENCE.format(start + number) for number in range(count))


def paragraph(text: str, line: int = 1, *, opens: bool = False) -> Paragraph:
    return Paragraph(text, "book.txt", line, count_words(text), count_sentences(text), opens)


def cut(*paragraphs: Paragraph, least: int = 60, most: int = 400) -> list[Candidate]:
    return list(cut_passages(paragraphs, least, most))


def test_sentences_end_where_a_reader_would_end_them() -> None:
    text = (
        "Mr. H. P. Vane met Dr. Orne at St. John’s, No. 4, at 6 p.m. on Feb. 8. “Who is it?” he "
        "asked. “No. I won’t.” It was "
        ". . . the thing. . . . Then it spoke! Was it i.e. or e.g.? (So he said.) I saw him, and so "
        "did I. Nobody else… We left."
    )
    assert sentences(text) == [
        "Mr. H. P. Vane met Dr. Orne at St. John’s, No. 4, at 6 p.m. on Feb. 8.",
        "“Who is it?” he asked.",
        "“No.",
        "I won’t.”",
        "It was . . . the thing. . . .",
        "Then it spoke!",
        "Was it i.e. or e.g.?",
        "(So he said.)",
        "I saw him, and so did I.",
        "Nobody else…",
        "We left.",
    ]


def test_a_paragraph_long_enough_is_a_passage() -> None:
    found = cut(paragraph(prose(5), 3), paragraph(prose(6, 10), 9))
    assert [(candidate.text, candidate.line) for candidate in found] == [(prose(5), 3), (prose(6, 10), 9)]
    assert [candidate.follows for candidate in found] == [False, True]


def test_lines_of_dialogue_are_merged() -> None:
    said = [paragraph(f"“{SENTENCE.format(number)}”", number) for number in range(1, 11)]
    found = cut(*said)
    assert [candidate.line for candidate in found] == [1, 6]
    assert found[0].text == " ".join(line.text for line in said[:5])


def test_a_short_paragraph_joins_the_neighbour_it_belongs_to() -> None:
    leading = cut(paragraph(prose(5)), paragraph("Then the miller spoke:", 2), paragraph(prose(9), 3))
    assert [candidate.line for candidate in leading] == [1, 2]
    trailing = cut(paragraph(prose(9)), paragraph("and so it ended.", 2), paragraph(prose(5), 3))
    assert [candidate.line for candidate in trailing] == [1, 3]
    shorter = cut(paragraph(prose(9)), paragraph("He waited.", 2), paragraph(prose(5), 3))
    assert [candidate.line for candidate in shorter] == [1, 2]


def test_no_passage_spans_a_heading() -> None:
    found = cut(paragraph(prose(5)), paragraph("The end of it.", 2), paragraph("A new thing.", 5, opens=True))
    assert [candidate.text for candidate in found] == [f"{prose(5)} The end of it.", "A new thing."]


def test_a_long_paragraph_is_cut_evenly_at_sentence_ends() -> None:
    text = prose(70)
    found = cut(paragraph(text, 7))
    assert " ".join(candidate.text for candidate in found) == text
    assert len(found) == 3
    assert max(candidate.words for candidate in found) <= 400
    assert min(candidate.words for candidate in found) >= 280
    assert all(candidate.text.endswith(".") for candidate in found)
    assert {candidate.line for candidate in found} == {7}


def test_a_part_of_merged_paragraphs_knows_the_line_it_begins_on() -> None:
    found = cut(paragraph(prose(28), 1), paragraph("And then:", 2), paragraph(prose(8), 5), paragraph("Yes.", 9))
    assert [candidate.line for candidate in found] == [1, 2]
    found = cut(paragraph(prose(2), 1), paragraph(prose(60, 2), 5), paragraph("Yes.", 9))
    assert [candidate.line for candidate in found] == [1, 5, 5]


def test_a_sentence_longer_than_a_passage_is_cut_at_its_clauses() -> None:
    clause = "though the wheel went round and round before the tide let go of it"
    text = "It began, " + "; ".join([clause] * 60) + "; and there it ended."
    found = cut(paragraph(text))
    assert " ".join(candidate.text for candidate in found) == text
    assert max(candidate.words for candidate in found) <= 400


def test_one_long_sentence_is_merged_to_make_two() -> None:
    single = "It was " + "a very long and unhurried way, " * 12 + "down to the sea."
    found = cut(paragraph(single), paragraph(prose(6), 2))
    assert [candidate.sentences for candidate in found] == [7]


def test_no_word_is_lost_or_doubled_whatever_the_paragraphs() -> None:
    chance = random.Random("passages")
    for _ in range(60):
        paragraphs = [
            paragraph(prose(chance.choice([1, 1, 1, 2, 5, 12, 40]), 100 * line), line, opens=chance.random() < 0.2)
            for line in range(1, 15)
        ]
        found = cut(*paragraphs)
        assert " ".join(candidate.text for candidate in found) == " ".join(whole.text for whole in paragraphs)
        assert all(candidate.words <= 400 for candidate in found)
        lines = [candidate.line for candidate in found]
        assert lines == sorted(lines)


def test_overlap_repeats_the_last_sentences_within_a_section_only() -> None:
    source = [paragraph(prose(70), 1), paragraph(prose(6, 200), 2, opens=True)]
    plain = cut(*source)
    shared = list(overlapping(plain, 2, 400))
    assert shared[0] == plain[0]
    assert shared[3] == plain[3]
    for before, after, original in zip(plain, shared[1:3], plain[1:3], strict=False):
        assert after.text == " ".join([*sentences(before.text)[-2:], original.text])
        assert after.words == original.words + 28
    assert list(overlapping(plain, 0, 400)) == plain
    assert list(overlapping(plain, 2, 340))[1].words == plain[1].words + 14
