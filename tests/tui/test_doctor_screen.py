"""The doctor and the sweep in the app: what is wrong is shown with its fixes, and a key runs one."""

from __future__ import annotations

import contextlib
import json
import signal
import sys
from pathlib import Path
from typing import cast

import pytest
from app_pilot import Open, shown, until

from engine.workspace import Workspace
from tui.app import StyloraApp
from tui.scatter import scatter
from tui.screens.doctor import DoctorScreen
from tui.screens.sweep import SweepScreen


def finding(name: str, *commands: str, first: int = 1) -> dict[str, object]:
    fixes = [
        {"number": first + n, "words": f"fix {name}", "command": f"stylora {one}"} for n, one in enumerate(commands)
    ]
    return {"name": name, "passed": not commands, "detail": "was [seen]", "symptom": None, "why": "", "fixes": fixes}


@pytest.fixture
def command(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(DoctorScreen, "COMMAND", (sys.executable, str(Path(__file__).with_name("street_stylora.py"))))


@pytest.mark.usefixtures("command")
@pytest.mark.parametrize("size", [(60, 18), (80, 24)])
async def test_the_doctor_shows_what_is_wrong_and_runs_the_marked_fix(
    open_app: Open, workspace: Workspace, size: tuple[int, int]
) -> None:
    many = [finding(f"ill {n}", f"use --strength {n}", first=n) for n in range(1, 9)]
    (workspace.root / "doctor.json").write_text(json.dumps([finding("mlx"), *many]))
    async with open_app(size) as pilot:
        await pilot.press("ctrl+d")
        await until(pilot, lambda: "8 things wrong of 9" in shown(pilot))
        assert "was [seen]" in shown(pilot)
        assert "mlx" not in shown(pilot)
        for _ in range(7):
            await pilot.press("j")
        assert "→  8" in shown(pilot)
        await pilot.press("enter")
        await until(pilot, lambda: "7 things wrong of 8" in shown(pilot))
        await pilot.press("a")
        assert "mlx" in "".join(line.plain for line in cast(DoctorScreen, pilot.app.screen)._lines())
        await pilot.press("escape")
        assert not isinstance(pilot.app.screen, DoctorScreen)


@pytest.mark.usefixtures("command")
async def test_a_fix_that_fails_says_why(open_app: Open, workspace: Workspace) -> None:
    (workspace.root / "doctor.json").write_text(json.dumps([finding("ill", "use --adapter nobody")]))
    async with open_app() as pilot:
        await pilot.press("ctrl+d")
        await until(pilot, lambda: "1 thing wrong" in shown(pilot))
        await pilot.press("enter")
        await until(pilot, lambda: "no adapter there" in shown(pilot))


async def test_fix_on_the_terminal_is_asked_about_and_its_ctrl_c_is_its_own(
    open_app: Open, workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ctrl-C reaches every process of a terminal: the command ends of it, the app goes on."""
    interrupted = (
        sys.executable,
        "-c",
        "import os, signal; os.kill(os.getppid(), signal.SIGINT); raise SystemExit(130)",
    )
    monkeypatch.setattr(DoctorScreen, "COMMAND", interrupted)
    monkeypatch.setattr(StyloraApp, "suspend", lambda _: contextlib.nullcontext())
    monkeypatch.setattr(DoctorScreen, "_wait_for_enter", lambda _: None)
    looked: list[bool] = []
    monkeypatch.setattr(DoctorScreen, "look", lambda _: looked.append(True))
    before = signal.getsignal(signal.SIGINT)
    async with open_app((80, 24)) as pilot:
        await pilot.press("ctrl+d")
        await until(pilot, lambda: isinstance(pilot.app.screen, DoctorScreen))
        screen = cast(DoctorScreen, pilot.app.screen)
        screen.findings = [finding("ill", "train --fresh")]
        inside = signal.getsignal(signal.SIGINT)
        await pilot.press("enter")
        await until(pilot, lambda: "Run: stylora train --fresh" in shown(pilot))
        await pilot.press("escape")
        await until(pilot, lambda: pilot.app.screen is screen)
        assert len(looked) == 1
        await pilot.press("enter")
        await until(pilot, lambda: "Run: stylora train --fresh" in shown(pilot))
        await pilot.press("enter")
        await until(pilot, lambda: len(looked) == 2)
        assert pilot.app.is_running
        assert signal.getsignal(signal.SIGINT) is inside
    assert signal.getsignal(signal.SIGINT) is before


async def test_a_sweep_fills_its_table_and_the_best_is_used(open_app: Open, workspace: Workspace) -> None:
    (workspace.root / "hold-sweep").touch()
    async with open_app((80, 24)) as pilot:
        app = cast(StyloraApp, pilot.app)
        for kind in ("dataset", "train"):
            await app.start_job(kind, {"author": "Small Voice", "updates": 2})
        await until(pilot, lambda: app.author and app.author.adapter and app.author.adapter.complete)
        await pilot.press("3")
        await pilot.press("S")
        await until(pilot, lambda: "1 checkpoint × 3 = 3 report cards of 12 held-out" in " ".join(shown(pilot).split()))
        await pilot.press("enter")
        await until(pilot, lambda: "2 of 4 cells" in shown(pilot))
        assert "meaning kept" in shown(pilot)
        (workspace.root / "hold-sweep").unlink()
        await until(pilot, lambda: "4 of 4 cells" in shown(pilot) and "done" in shown(pilot))
        rows = [line.split() for line in shown(pilot).splitlines() if line.strip().startswith(("a  ", "b  "))]
        assert rows[0][:4] == ["a", "80", "1", "0.58"]
        assert isinstance(app.screen, SweepScreen)
        await pilot.press("u")
        file = workspace.adapter("Small Voice") / "chosen.json"
        await until(pilot, file.exists)
        assert json.loads(file.read_text())["checkpoint"] == 80

        await pilot.press("v")
        await until(pilot, lambda: "1 of 3" in shown(pilot))
        assert "Source" not in shown(pilot)
        await pilot.press("s")
        await until(pilot, lambda: "Source" in shown(pilot))
        await pilot.press("a", "u", "=", "b", "a")
        await until(pilot, lambda: "was preferred in" in shown(pilot) or "no difference" in shown(pilot))
        (votes,) = (workspace.root / "blind").glob("*/votes.jsonl")
        assert [json.loads(line)["choice"] for line in votes.read_text().splitlines()] == ["a", "=", "b", "a"]


def test_points_lie_where_their_figures_say() -> None:
    lines = scatter([(0.9, 0.2), (0.5, 0.8)], {"A": (1.0, 1.0)}, width=40, height=9, x="meaning", y="style")
    assert len(lines) == 9
    assert all(len(line) <= 40 for line in lines)
    assert lines[0].endswith("A")
    places = {sign: (row, line.index(sign)) for row, line in enumerate(lines[:-2]) for sign in "ab" if sign in line[6:]}
    assert places["a"][0] > places["b"][0]
    assert places["a"][1] > places["b"][1]


def test_one_point_or_none_can_be_drawn() -> None:
    for points in ([], [(0.0, 0.0)], [(1.0, 1.0)], [(0.33, 0.33)] * 30):
        assert len(scatter(points, {}, width=30, height=6, x="x", y="y")) == 6
