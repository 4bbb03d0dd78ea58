"""A stylesheet that remembers: the same rules as Textual's own, parsed once."""

from __future__ import annotations

from typing import Any

import pytest
from textual.css import stylesheet
from textual.css.stylesheet import Stylesheet, StylesheetError

from tui.stylesheet import RememberingStylesheet

MANY = 100
"""More sources than Textual remembers."""


def filled(made: Stylesheet) -> Stylesheet:
    for n in range(MANY):
        made.add_source(f"#part-{n} {{ color: $ink; width: {n}; }}", read_from=("", f"{n}"), tie_breaker=n)
    made.reparse()
    return made


def said(made: Stylesheet) -> list[str]:
    return [rule.css for rule in made.rules]


def test_what_has_not_changed_is_parsed_once(monkeypatch: pytest.MonkeyPatch) -> None:
    parsed: list[str] = []
    parse = stylesheet.parse

    def counted(scope: str, css: str, *rest: Any, **more: Any) -> Any:
        parsed.append(css)
        return parse(scope, css, *rest, **more)

    monkeypatch.setattr(stylesheet, "parse", counted)
    made = filled(RememberingStylesheet(variables={"ink": "red"}))
    made.set_variables({"ink": "red"})
    made.add_source("#late { height: 3; }", read_from=("", "late"))
    made.reparse()
    assert len(parsed) == MANY + 1
    assert said(made)[-1].startswith("#late")


def test_other_variables_and_a_fault_are_taken_as_textual_takes_them() -> None:
    ours, theirs = filled(RememberingStylesheet(variables={"ink": "red"})), filled(Stylesheet(variables={"ink": "red"}))
    assert said(ours) == said(theirs)
    for one in (ours, theirs):
        one.set_variables({"ink": "blue"})
        one.reparse()
    assert said(ours) == said(theirs)
    assert "#0000FF" in said(ours)[0]
    before = said(ours)
    ours.add_source("#late { height: nonsense; }", read_from=("", "late"))
    with pytest.raises(StylesheetError):
        ours.reparse()
    assert [rule.css for rule in ours._rules] == before
