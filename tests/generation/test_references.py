"""Footnotes, citations, links and emphasis leave a text before it is rewritten and come back at their words."""

from __future__ import annotations

import random

import pytest

from engine.generation.references import cut, put_in, restore, take_out

MARKED = (
    "The bridge[^1] was shut in **1987** because [a cable](http://x.y/z) broke.[2] See https://a.b/c for more [1, 3].",
    'He said "no".[^a] Then `foo(x)` ran, and `grep` too[^2], at 5 m² of land² here.',
    "[1] opens. A *very _odd_ case*. An image ![x](y.png) stands here <!-- c --> now.",
    "[sic] [THING] a_b_c 2*3*4 [x](y)[^1]",
    "Both[1][2] notes, [a link][id], [@doe2020; @roe], the rest<br>, a note^[in the line].",
    "It failed (Marsh and Ode, 2018, p. 44), as others saw (see Hale et al., 2003a; Ode & Roe 1999).",
    "A link ([name](http://a.b/c_(d))) in brackets, and <https://e.f> as it is.",
)
PLAIN = (
    "The old keeper of the lighthouse lived with his daughter Anna near the northern cape. In 1911 a storm broke the "
    "great lamp, and eleven ships were lost before the morning. Nobody was ever charged with it, but the company paid "
    "each family forty pounds. Anna left the island in the spring and never spoke of what she had seen."
)


@pytest.mark.parametrize("text", MARKED)
def test_what_is_taken_out_can_be_put_back_as_it_was(text: str) -> None:
    taken = take_out(text)
    assert taken.marks
    assert restore(taken) == text
    assert put_in(taken, taken.text) == text


def test_the_text_without_marks_reads_as_prose() -> None:
    assert take_out(MARKED[0]).text == "The bridge was shut in 1987 because a cable broke. See for more."
    assert take_out(MARKED[1]).text == 'He said "no". Then ran, and grep too, at 5 m² of land here.'


@pytest.mark.parametrize(
    "text",
    ["It was 5 * 3 [THING] long.", "snake_case and a*b*c", "[sic]", "x² and m²", "a `b", "(in 1998)", "(He came.)"],
)
def test_what_is_no_reference_stays(text: str) -> None:
    assert take_out(text).marks == ()
    assert take_out(text).text == text


def test_a_citation_by_author_and_year_is_taken_out_whole() -> None:
    taken = take_out("The roof failed (Marsh and Ode, 2018, p. 44). It was old (Hale, 1999).")
    assert taken.text == "The roof failed. It was old."
    assert put_in(taken, "It was old, and the roof failed.").count("(Marsh and Ode, 2018, p. 44)") == 1


def test_marks_come_back_at_the_same_words_of_another_text() -> None:
    taken = take_out(MARKED[0])
    rewrite = (
        "In that year of 1987 the great bridge, iron and doomed, was shut; for a single cable had broken. "
        "Let them seek more elsewhere."
    )
    assert put_in(taken, rewrite) == (
        "In that year of **1987** the great bridge[^1], iron and doomed, was shut; for a single "
        "[cable](http://x.y/z) had broken.[2] Let https://a.b/c them seek more elsewhere [1, 3]."
    )


def test_a_footnote_goes_to_the_sentence_that_says_the_same() -> None:
    taken = take_out("The lamp was lit at dusk.[^1] Anna read the letters aloud.[^2] Then both slept.[^3]")
    rewrite = "At dusk, when the wind had fallen, the lamp was lit! Letters Anna read, aloud; the two then slept."
    assert put_in(taken, rewrite) == (
        "At dusk, when the wind had fallen, the lamp was lit![^1] Letters Anna read, aloud; the two then slept.[^2][^3]"
    )


def test_a_mark_before_the_full_stop_stays_before_it() -> None:
    taken = take_out("The lamp was lit at dusk [12].")
    assert put_in(taken, "At dusk they had lit the lamp.") == "At dusk they had lit the lamp [12]."


def test_nothing_needed_is_lost_however_little_the_texts_share() -> None:
    taken = take_out("A [red](u) fox[^1] ran *fast* home.[2]")
    for rewrite in ("", "Entirely other.", "No words answer here; none at all, in two sentences. None.", "?!"):
        made = put_in(taken, rewrite)
        for mark in ("](u)", "[^1]", "[2]"):
            assert mark in made
        assert "*" not in made
    assert put_in(taken, "Entirely other.").index("[^1]") < put_in(taken, "Entirely other.").index("[2]")


def test_only_marks_are_added() -> None:
    draw = random.Random(3)
    for _ in range(200):
        words = PLAIN.split()
        for number, at in enumerate(sorted(draw.sample(range(len(words)), 5), reverse=True)):
            words[at] += f"[^{number}]"
        rewrite = PLAIN.split()
        for at in draw.sample(range(len(rewrite)), 20):
            rewrite[at] = draw.choice(["thereupon", "the", "Carter", "and,", "fell."])
        made = put_in(take_out(" ".join(words)), " ".join(rewrite))
        assert take_out(made).text == " ".join(rewrite)
        assert len(take_out(made).marks) == 5


def test_a_mark_finds_its_word_although_the_words_around_it_moved() -> None:
    rewrite = (
        "Near that northern cape there lived, with Anna his daughter, the keeper, an old man, of the lighthouse. A "
        "storm of the year 1911 shattered its great lamp; before morning eleven ships had gone down, lost. For this "
        "nobody was charged, ever; though forty pounds were paid by the company to each family. In spring Anna went "
        "from the island, and of all she had seen she never again spoke."
    )
    inside = ("keeper", "storm", "lamp", "ships", "charged", "company", "family", "spring")
    for anchor, wanted in [*zip(inside, inside, strict=True), ("morning.", "lost."), ("seen.", "spoke.")]:
        made = put_in(take_out(PLAIN.replace(anchor, f"{anchor}[^1]", 1)), rewrite)
        assert made[: made.index("[^1]")].endswith(wanted), anchor


def test_a_part_takes_its_own_marks_along() -> None:
    taken = take_out("One[^1] two. **Three** four.[^2]")
    middle = taken.text.index("Three") - 1
    assert restore(cut(taken, 0, middle)) == "One[^1] two."
    assert restore(cut(taken, middle + 1, len(taken.text))) == "**Three** four.[^2]"
