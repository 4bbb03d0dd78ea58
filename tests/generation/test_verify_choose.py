"""Which rewrite is preferred, and how often it is tried again."""

from engine.generation.choose import best, failed, tries
from engine.generation.verify import Finding, Verdict, verify

SOURCE = "The bridge at Carrow was closed in 1987."
GOOD = "It was in 1987 that the bridge at Carrow was closed."


def verdict(*findings: Finding, kept: int = 3, omitted: float = 0.0, distance: float = 0.0) -> Verdict:
    return Verdict(findings, 3, kept, omitted, distance)


MILD = Finding("length", "too long", 1.0)
SEVERE = Finding("facts", "missing: Carrow", 1.0, severe=True)


def test_the_rewrite_with_the_least_against_it_is_chosen_and_the_first_of_equals() -> None:
    assert best([verify(SOURCE, text) for text in (GOOD.replace("Carrow", "it"), GOOD, GOOD)]) == 1


def test_what_is_severe_outweighs_any_number_of_mild_findings() -> None:
    assert best([verdict(SEVERE), verdict(*[MILD] * 9)]) == 1


def test_ties_are_broken_by_facts_then_coverage_then_style() -> None:
    assert best([verdict(kept=2), verdict()]) == 1
    assert best([verdict(omitted=2.0), verdict(omitted=1.0)]) == 1
    assert best([verdict(distance=1.2), verdict(distance=0.9)]) == 1


def test_only_what_is_severe_in_every_variation_is_tried_again() -> None:
    assert failed([verdict(SEVERE), verdict(SEVERE, MILD)])
    assert not failed([verdict(SEVERE), verdict(MILD)])


def test_a_retry_is_cooler_with_a_new_seed_and_the_next_one_has_less_strength() -> None:
    made = list(tries(42, 1.0, 3))
    assert len({42, *(one.seed for one in made)}) == 4
    assert [one.strength for one in made] == [1.0, 0.8, 0.8**2]
    assert all(one.cooling < 1 for one in made)
    assert made == list(tries(42, 1.0, 3))
    assert not list(tries(42, 1.0, 0))
