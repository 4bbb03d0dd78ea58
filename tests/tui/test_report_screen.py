"""The report card in the app: measured by a key where there is none, shown as it is kept, and measured again."""

from __future__ import annotations

import os
from pathlib import Path

import msgspec
import pytest
from app_pilot import shown
from still import AUTHOR, CARD, NOW, freeze, lay, new_workspace, settle, still

from engine.report.kept import save_card
from engine.workspace import Workspace
from tui.screens.report import ReportScreen


@pytest.fixture
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Workspace:
    freeze(monkeypatch)
    made = new_workspace(tmp_path / "work")
    lay(made, "rewrite", "full")
    return made


@pytest.mark.parametrize(("screen", "keys"), [("training", ("k",)), ("rewrite", ("escape", "r"))])
async def test_card_is_measured_where_there_is_none_and_then_kept(
    workspace: Workspace, screen: str, keys: tuple[str, ...]
) -> None:
    async with still(workspace, screen=screen) as pilot:
        for key in keys:
            await pilot.press(key)
        await settle(pilot, lambda: "joint score" in shown(pilot))
        assert isinstance(pilot.app.screen, ReportScreen)
        assert "✓ report card" in shown(pilot)
        await pilot.press("escape", keys[-1])
        await settle(
            pilot, lambda: "Report card of the_unconducted_chorus" in shown(pilot) or "written" in shown(pilot)
        )
        assert "m measures it again" in shown(pilot)
        await pilot.press("m")
        await settle(pilot, lambda: "✓ report card" in shown(pilot))
    checks = sorted((workspace.private / "jobs").glob("*-check.jsonl"))
    assert len(checks) == 2


async def test_kept_cards_are_turned_and_an_older_one_says_so(workspace: Workspace) -> None:
    adapter = workspace.adapter(AUTHOR)
    os.utime(save_card(adapter, CARD), (NOW - 90_000,) * 2)  # before the adapter, which an hour ago was made
    other = msgspec.structs.replace(CARD, strength=0.75, joint={"rewritten": None})
    os.utime(save_card(adapter, other), (NOW - 60,) * 2)
    async with still(workspace, screen="training") as pilot:
        await pilot.press("k")
        await settle(pilot, lambda: "1 of 2" in shown(pilot))
        assert "trained again" in shown(pilot)
        await pilot.press("right")
        await settle(pilot, lambda: "2 of 2" in shown(pilot))
        assert "strength 0.75" in shown(pilot)
        assert "trained again" not in shown(pilot)
        await pilot.press("right")
        await settle(pilot, lambda: "1 of 2" in shown(pilot))


async def test_card_is_a_view_below_the_chart_too(workspace: Workspace) -> None:
    async with still(workspace, (80, 24), screen="training") as pilot:
        await pilot.press("V")
        await settle(pilot, lambda: "no report card yet" in shown(pilot))
        await pilot.press("k")
        await settle(pilot, lambda: "joint score" in shown(pilot))
        await pilot.press("escape")
        await settle(pilot, lambda: "90% interval" in shown(pilot))
        await pilot.resize_terminal(120, 40)
        await settle(pilot, lambda: "words a sentence" in shown(pilot))
        assert "90% interval" not in shown(pilot)  # there is room for the author's figures alone
