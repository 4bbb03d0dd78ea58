"""The corpus screen and the review of what curation kept and took out."""

from __future__ import annotations

from typing import cast

import pytest
from app_pilot import Open, shown, until
from textual.pilot import Pilot
from textual.widgets import Input

from engine.curation.overrides import read_history
from engine.host.survey import Corpus
from engine.workspace import Workspace
from tui.app import StyloraApp
from tui.screens.corpus import costs

SIZES = [(60, 18), (80, 24), (120, 40)]


async def curated(pilot: Pilot[None]) -> None:
    app = cast(StyloraApp, pilot.app)
    await app.start_job("curate", {"author": "Small Voice", "input": []})
    await until(pilot, lambda: app.author and app.author.corpus)
    await until(pilot, lambda: "r review" in shown(pilot))


@pytest.mark.parametrize("size", SIZES)
async def test_pieces_are_kept_and_dropped_on_single_keys(
    open_app: Open, workspace: Workspace, size: tuple[int, int]
) -> None:
    corpus = workspace.corpus("Small Voice")
    async with open_app(size) as pilot:
        await curated(pilot)
        await pilot.press("r")
        await until(pilot, lambda: "Removed 1 of 5" in shown(pilot))
        assert "not in the corpus" in shown(pilot)
        assert "book.txt, line 7" in " ".join(shown(pilot).split())
        await pilot.press("j", "y")
        assert "you keep this" in shown(pilot)
        (row,) = read_history(corpus)
        assert (row.action, row.reason, row.text) == ("keep", "preface", "1. [A preface]")
        await pilot.press("F")
        assert "Decided by you 1 of 1" in shown(pilot)
        await pilot.press("F")
        assert "Kept 1 of 1" in shown(pilot)
        await pilot.press("n")
        assert "you drop this" in shown(pilot)
        assert [one.action for one in read_history(corpus)] == ["keep", "drop"]
        await pilot.press("u")
        assert "in the corpus" in shown(pilot)
        assert len(read_history(corpus)) == 1
        await pilot.press("f", "n")
        assert "Removed 1 of 5" in shown(pilot)  # the last decision was taken back, so its view is gone
        await pilot.press("y", "escape")
        await until(pilot, lambda: "Press c to curate again" in " ".join(shown(pilot).split()))


async def test_what_is_beyond_the_target_is_said_to_be_good(open_app: Open) -> None:
    async with open_app((100, 30)) as pilot:
        await curated(pilot)
        flat = " ".join(shown(pilot).split())
        assert "Nothing was wrong with those beyond the target: 900,000 tokens were full. c asks for more." in flat
        await pilot.press("r")
        await until(pilot, lambda: "Removed 1 of 5" in shown(pilot))
        assert "nothing wrong" not in shown(pilot)
        await pilot.press(*"jjjj")
        assert "not in the corpus: nothing wrong with it, the token target was full" in shown(pilot)


async def test_a_decision_is_still_there_in_the_next_visit_and_can_be_taken_back(open_app: Open) -> None:
    async with open_app((100, 30)) as pilot:
        await curated(pilot)
        await pilot.press("r")
        await until(pilot, lambda: "Removed 1 of 5" in shown(pilot))
        await pilot.press("y", "escape", "r")
        await until(pilot, lambda: "you keep this" in shown(pilot))
        assert "1 decision; back, then c" in shown(pilot)
        await pilot.press("n")
        assert "not in the corpus" in shown(pilot)
        await pilot.press("u")
        assert "you keep this" in shown(pilot)
        await pilot.press("u")
        assert "decision;" not in shown(pilot)
        await pilot.press("u")
        await until(pilot, lambda: "nothing to take back" in shown(pilot))


async def test_what_is_asked_for_already_is_said(open_app: Open, workspace: Workspace) -> None:
    async with open_app((100, 30)) as pilot:
        await curated(pilot)
        await pilot.press("r")
        await until(pilot, lambda: "Removed 1 of 5" in shown(pilot))
        await pilot.press("n")
        await until(pilot, lambda: "it is not in the corpus" in shown(pilot))
        assert not read_history(workspace.corpus("Small Voice"))


@pytest.mark.parametrize("size", SIZES)
async def test_the_form_shows_what_each_shortest_length_keeps(open_app: Open, size: tuple[int, int]) -> None:
    async with open_app(size) as pilot:
        await pilot.press("c")
        await until(pilot, lambda: "Paragraph words" in shown(pilot))
        assert "Once curated" in shown(pilot)
        await pilot.press("escape")
        await curated(pilot)
        await pilot.press("c")
        await until(pilot, lambda: "▸60" in shown(pilot))
        assert "14.4k" in shown(pilot)
        pilot.app.screen.query_one("#min_para_words", Input).value = "80"
        await until(pilot, lambda: "▸80" in shown(pilot))
        assert "~220" in shown(pilot)
        assert "Enter curate" in shown(pilot)


def test_costs_between_two_lengths_are_estimated_and_marked() -> None:
    thresholds = tuple((least, 300 - least, 150_000 - 100 * least) for least in (20, 30, 60, 100))
    corpus = Corpus(None, 240, 144_000, 190_000, False, {}, {}, {}, thresholds)  # type: ignore[arg-type]
    table = costs(corpus, 80).split("\n")
    assert [line.split() for line in table] == [
        ["≥", "words", "30", "60", "▸80", "100"],
        ["passages", "270", "240", "~220", "200"],
        ["words", "147k", "144k", "~142k", "140k"],
        ["tokens", "~194k", "~190k", "~187k", "~185k"],
    ]
    assert "▸" not in costs(corpus, 500)
