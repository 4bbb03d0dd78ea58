"""`stylora train --plan` and `stylora steer`, as a user types them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml
from small_workspace import copied_workspace
from typer.testing import CliRunner

from engine.errors import StyloraError
from engine.workspace import Workspace
from tui.cli import app


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory, tiny_model: Path) -> Workspace:
    return copied_workspace(tmp_path_factory, "cli", tiny_model)


@pytest.fixture(autouse=True)
def in_workspace(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(workspace.root)


def test_plan_says_what_would_be_done_and_trains_nothing(workspace: Workspace) -> None:
    done = CliRunner().invoke(app, ["train", "--plan", "--rank", "8"])
    assert done.exit_code == 0, done.output
    for name in ("examples", "updates", "epochs", "tokens", "time", "memory, weights", "memory, peak", "verdict"):
        assert any(line.startswith(name) for line in done.stdout.splitlines()), name
    assert "fits" in done.stdout
    assert not workspace.adapter("Small Voice").exists()


def test_plan_as_json_and_as_a_file_for_stock_training(workspace: Workspace, tmp_path: Path) -> None:
    file = tmp_path / "config.yaml"
    done = CliRunner().invoke(app, ["train", "--plan", "--json", "--epochs", "3", "--export", str(file)])
    assert done.exit_code == 0, done.output
    plan = json.loads(done.stdout)
    stock = yaml.safe_load(file.read_text())
    assert stock["iters"] == 4 * plan["updates"]
    assert stock["grad_accumulation_steps"] == 4
    assert stock["data"] == str(workspace.dataset("Small Voice"))
    again = CliRunner().invoke(app, ["train", "--plan", "--json", "--config", str(file)])
    assert json.loads(again.stdout)["updates"] == plan["updates"]


def test_measuring_and_exporting_go_with_a_plan() -> None:
    done = CliRunner().invoke(app, ["train", "--measure"])
    assert isinstance(done.exception, StyloraError)
    assert "go with --plan" in str(done.exception)


def test_steering_needs_a_training_in_the_background() -> None:
    done = CliRunner().invoke(app, ["steer", "pause"])
    assert isinstance(done.exception, StyloraError)
    assert "nothing runs in the background" in str(done.exception)
