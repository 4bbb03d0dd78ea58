"""What verification finds in a rewrite, and which of several it prefers."""

import pytest

from engine.generation.verify import best, verify
from engine.measures.degeneration import CorpusIndex

SOURCE = (
    "The bridge at Carrow was closed in 1987. A cable had broken near the northern pier. The engineer, Marta Ellwood, "
    "counted 14 broken wires and wrote to the council in Ludford."
)
GOOD = (
    "It was in 1987 that the bridge at Carrow was closed, a cable having parted near the northern pier; and Marta "
    "Ellwood, who was the engineer, counted 14 broken wires there, and wrote of them to the council in Ludford."
)


def kinds(rewrite: str, **options: object) -> set[str]:
    return {finding.kind for finding in verify(SOURCE, rewrite, **options).findings}  # type: ignore[arg-type]


def test_a_faithful_rewrite_has_nothing_against_it() -> None:
    verdict = verify(SOURCE, GOOD)
    assert verdict.findings == ()
    assert verdict.facts_kept == verdict.facts_total >= 5


@pytest.mark.parametrize("lost", ["Carrow", "Ellwood", "1987", "14", "Ludford"])
def test_a_lost_name_or_number_is_found_and_named(lost: str) -> None:
    verdict = verify(SOURCE, GOOD.replace(lost, "it"))
    assert [finding.kind for finding in verdict.findings] == ["facts"]
    assert lost in verdict.findings[0].message


def test_a_changed_number_counts_as_lost() -> None:
    assert "facts" in kinds(GOOD.replace("14", "41"))


def test_a_loop_is_found() -> None:
    assert "loop" in kinds(GOOD + " and the wires and the wires" * 12)


def test_a_rewrite_much_shorter_or_longer_is_found() -> None:
    assert "length" in kinds("Carrow, 1987: 14 wires; Marta Ellwood; Ludford.")
    assert "length" in kinds(f"{GOOD} {GOOD.lower()}")


def test_an_unfinished_rewrite_is_found() -> None:
    assert "unfinished" in kinds(GOOD, finish="length")


def test_a_refusal_is_found() -> None:
    assert "refusal" in kinds(f"{GOOD} As an AI, I have no bridges.")


def test_a_copied_span_is_found() -> None:
    passage = " ".join(f"word{i}" for i in range(30))
    assert "copied" in kinds(f"{GOOD} {passage}", corpus=CorpusIndex([passage]))


def test_the_rewrite_with_the_least_against_it_is_chosen_and_the_first_of_equals() -> None:
    verdicts = [verify(SOURCE, text) for text in (GOOD.replace("Carrow", "it"), GOOD, GOOD)]
    assert best(verdicts) == 1
