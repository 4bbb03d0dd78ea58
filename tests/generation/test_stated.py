from __future__ import annotations

from engine.generation.stated import stated


def test_names_and_numbers_as_they_are_written_in_order_and_once() -> None:
    source = (
        "In 1847 Thomas Olney of Providence counted twenty-five ships, and Olney's men two hundred more. "
        "Nobody else came before 7:15."
    )
    assert stated([source, "It rained."]) == [
        ("1847", "Thomas", "Olney", "Providence", "twenty", "five", "two", "hundred", "7:15"),
        (),
    ]
