"""Every screen, empty, busy, failed and full, as it was when somebody last looked; and the README's four pictures.

When a screen was changed on purpose, ``STYLORA_PICTURES=1 pytest tests/tui/test_snapshots.py -n 0``; look at the diff.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import pytest
from still import AUTHOR, drawn, freeze, lay, new_workspace, settle, still, text
from textual.pilot import Pilot

from tui.screens.doctor import DoctorScreen

PICTURES = Path(__file__).with_name("pictures")
RENEW = bool(os.environ.get("STYLORA_PICTURES"))
SIZES = ((120, 40), (80, 24))
SCREENS = {"corpus": "curate", "dataset": "dataset", "training": "train", "rewrite": "rewrite"}
STATES = ("empty", "busy", "failed", "full")
README = {("corpus", "full"), ("dataset", "full"), ("training", "busy"), ("rewrite", "full")}

ILL = [
    {"name": "MLX", "passed": True, "detail": "0.31", "symptom": None, "why": "", "fixes": []},
    {
        "name": "style",
        "passed": False,
        "detail": "31% of the way to the author, at strength 0.6",
        "symptom": "weak style",
        "why": "the adapter is turned down",
        "fixes": [
            {"number": 1, "words": "rewrite at the trained strength", "command": "stylora use --strength 1"},
            {"number": 2, "words": "train longer", "command": "stylora train --epochs 3"},
        ],
    },
]
"""What a doctor says that was found."""


@pytest.fixture(autouse=True)
def same_everywhere(monkeypatch: pytest.MonkeyPatch) -> None:
    freeze(monkeypatch)


def same(name: str, found: str) -> None:
    """Compare with the picture of this name, or make it."""
    path = PICTURES / name
    if RENEW:
        path.write_text(found, encoding="utf-8")
    assert path.exists(), f"{name} is missing: run this module with STYLORA_PICTURES=1, and look at it"
    assert found == path.read_text(encoding="utf-8"), f"{name}: run with STYLORA_PICTURES=1, and look at the diff"


async def both_sizes(pilot: Pilot[None], name: str, *, picture: bool = False) -> None:
    for width, height in SIZES:
        await pilot.resize_terminal(width, height)
        await settle(pilot)
        same(f"{name}-{width}x{height}.txt", text(pilot))
        if picture and (width, height) == SIZES[0]:
            same(f"{name.split('-')[0]}.svg", drawn(pilot))


@pytest.mark.parametrize("state", STATES)
@pytest.mark.parametrize("screen", SCREENS)
async def test_screen(screen: str, state: str, tmp_path: Path) -> None:
    workspace = new_workspace(tmp_path / "work")
    lay(workspace, "rewrite" if state == "full" else SCREENS[screen], state)
    async with still(workspace, screen=screen) as pilot:
        await both_sizes(pilot, f"{screen}-{state}", picture=(screen, state) in README)


async def test_welcome() -> None:
    async with still(None) as pilot:
        await both_sizes(pilot, "welcome")


async def test_help(tmp_path: Path) -> None:
    async with still(new_workspace(tmp_path / "work"), screen="dataset") as pilot:
        await pilot.press("f1")
        await both_sizes(pilot, "help")


FURTHER: dict[str, tuple[str, tuple[str, ...]]] = {
    "report": ("training", ("k",)),
    "kept": ("training", ("k", "escape", "k")),
    "card": ("training", ("k", "escape", "V")),
    "asked": ("rewrite", ("escape", "r", "escape", "r")),
    "sweep": ("training", ("S", "enter")),
    "blind": ("training", ("S", "enter", "v")),
    "runs": ("training", ("v", "v")),
    "samples": ("training", ("v",)),
    "worldview": ("dataset", ("w",)),
    "pairs": ("dataset", ("v",)),
    "details": ("rewrite", ("escape", "right", "o")),
}
"""Screens and pages over the four, the one to begin with, and the keys from there."""


@pytest.mark.parametrize("name", FURTHER)
async def test_further_screen(name: str, tmp_path: Path) -> None:
    workspace = new_workspace(tmp_path / "work")
    lay(workspace, "rewrite", "full")
    workspace.worldview(AUTHOR)
    screen, keys = FURTHER[name]
    async with still(workspace, screen=screen) as pilot:
        for key in keys:
            await pilot.press(key)
            await settle(pilot)
        await both_sizes(pilot, name)


async def test_doctor(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(DoctorScreen, "COMMAND", (sys.executable, str(Path(__file__).with_name("street_stylora.py"))))
    workspace = new_workspace(tmp_path / "work")
    lay(workspace, "rewrite", "full")
    (workspace.root / "doctor.json").write_text(json.dumps(ILL))
    async with still(workspace) as pilot:
        await pilot.press("ctrl+d")
        await settle(pilot, lambda: "wrong of" in text(pilot))
        await both_sizes(pilot, "doctor")


async def test_review_of_the_corpus(tmp_path: Path) -> None:
    workspace = new_workspace(tmp_path / "work")
    lay(workspace, "curate", "full")
    async with still(workspace) as pilot:
        await pilot.press("r")
        await both_sizes(pilot, "review")
