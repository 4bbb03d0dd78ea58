"""Earlier trainings, from what real ones left: listed, described, compared, deleted, and nothing else touched."""

from __future__ import annotations

import dataclasses
import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
from training_rows import write_rows
from warm import WARM

from engine.errors import Cancelled, StyloraError
from engine.host import runs
from engine.host.survey import survey
from engine.progress import Progress
from engine.training.config import TrainingConfig
from engine.training.journal import locked
from engine.training.trainer import train
from engine.workspace import Workspace

CONFIG = TrainingConfig(
    rank=4, learning_rate=5e-3, grad_accumulation=2, iters=8, warmup=2, save_every=4, steps_per_eval=2, samples=0
)


@pytest.fixture(scope="module")
def trained(tiny_model: Path, tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """Three runs: one finished, one of rank 8 at another rate, one stopped at update 3."""
    workspace = Workspace.create(tmp_path_factory.mktemp("runs") / "w")
    data = write_rows(workspace.root / "rows")

    def stop(progress: Progress) -> None:
        if progress.stage == "training" and progress.done >= 3:
            raise Cancelled

    for name, changes, report in (
        ("first", {}, None),
        ("second", {"rank": 8, "learning_rate": 1e-3}, None),
        ("stopped", {}, stop),
    ):
        config = dataclasses.replace(CONFIG, **changes)
        options = {"report": report} if report else {}
        train(data=data, base=tiny_model, output=runs.folder(workspace) / name, config=config, **options)
    return workspace


@pytest.fixture
def workspace(trained: Workspace, tmp_path: Path) -> Workspace:
    """A copy to write into."""
    return Workspace(Path(shutil.copytree(trained.root, tmp_path / "w", symlinks=True)))


def stylora(workspace: Workspace, *arguments: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*WARM, "-m", "tui.cli", "runs", *arguments],
        cwd=workspace.root,
        input=stdin,
        capture_output=True,
        text=True,
        env={**os.environ, "OMP_NUM_THREADS": "1", "COLUMNS": "100", "PYTHONPATH": str(Path(__file__).parents[2])},
    )


def test_every_run_is_listed_with_what_it_came_to(trained: Workspace) -> None:
    found = {run.name: run for run in runs.all_runs(trained)}
    assert set(found) == {"first", "second", "stopped"}
    first = found["first"]
    assert (first.status, first.updates, first.planned, first.examples) == ("finished", 8, 8, 16)
    assert first.best_valid is not None
    assert first.first_valid is not None
    assert first.best_valid < first.first_valid
    assert first.tokens_per_second
    assert first.bytes > 10_000
    assert first.config["rank"] == 4
    assert not first.usable  # these rows have no recipe
    assert (found["stopped"].status, found["stopped"].updates) == ("cancelled", 3)


def test_a_curve_holds_every_update_and_validation(trained: Workspace) -> None:
    curve = runs.curve(trained, "first")
    assert [update for update, _ in curve.train] == list(range(1, 9))
    assert [update for update, _ in curve.valid] == [0, 2, 4, 6, 8]
    assert dict(curve.valid)[8] == runs.find(trained, "first").last_valid


def test_runs_are_compared_at_the_same_updates(trained: Workspace) -> None:
    compared = runs.compare(trained, ["first", "second", "stopped"])
    assert compared.settings == {"learning_rate": [5e-3, 1e-3, 5e-3], "rank": [4, 8, 4]}
    assert compared.same_rows
    assert compared.same_base
    assert list(compared.valid) == [0, 2]
    curves = [dict(runs.curve(trained, name).valid) for name in compared.names]
    assert compared.valid[2] == [curve[2] for curve in curves]
    assert compared.train[3][0] == dict(runs.curve(trained, "first").train)[3]
    assert compared.train[3][0] == compared.train[3][2]  # the same settings and seed
    losses = compared.figures["best_valid"]
    assert compared.best == compared.names[losses.index(min(losses))]
    with pytest.raises(StyloraError, match="two or more"):
        runs.compare(trained, ["first", "first"])


def test_a_run_at_work_is_seen_and_not_deleted(workspace: Workspace) -> None:
    with locked(runs.folder(workspace) / "first"):
        assert runs.find(workspace, "first").status == "running"
        with pytest.raises(StyloraError, match="at work"):
            runs.delete(workspace, "first")
    assert runs.find(workspace, "first").status == "finished"


def test_a_killed_run_is_interrupted_and_known_by_its_last_checkpoint(workspace: Workspace) -> None:
    path = runs.folder(workspace) / "stopped"
    (path / "run.toml").unlink()
    state = sorted((path / "checkpoints").glob("update-*"))[-1] / "state.json"
    state.write_text(json.dumps({**json.loads(state.read_text()), "stopped": None}))
    with (path / "journal.jsonl").open("ab") as journal:
        journal.write(b'{"kind":"upd')
    run = runs.find(workspace, "stopped")
    assert (run.status, run.updates, run.config["rank"]) == ("interrupted", 3, 4)


def test_deleting_takes_the_run_and_nothing_else(workspace: Workspace, tmp_path: Path) -> None:
    assert runs.delete(workspace, "second").name == "second"
    assert sorted(path.name for path in runs.folder(workspace).iterdir()) == ["first", "stopped"]
    outside = tmp_path / "precious"
    shutil.copytree(runs.folder(workspace) / "first", outside, symlinks=True)
    (runs.folder(workspace) / "link").symlink_to(outside)
    for name in ("link", "..", ".", "", "../w", str(outside), "first/checkpoints", "nothing"):
        with pytest.raises(StyloraError, match="no such run"):
            runs.delete(workspace, name)
    assert (outside / "run.toml").exists()
    with pytest.raises(StyloraError, match="did you mean 'first'"):
        runs.find(workspace, "frist")


def test_what_is_broken_or_no_run_is_no_obstacle(workspace: Workspace) -> None:
    folder = runs.folder(workspace)
    (folder / "notes.txt").touch()
    (folder / "empty").mkdir()
    broken = folder / "broken"
    broken.mkdir()
    (broken / "run.toml").write_text("= nonsense")
    (broken / "journal.jsonl").write_bytes(b'\xff\n[1]\n{"kind": "update", "update": "x"}\n')
    found = {run.name: run for run in runs.all_runs(workspace)}
    assert set(found) == {"first", "second", "stopped", "broken"}
    assert (found["broken"].updates, found["broken"].best_valid) == (0, None)
    assert runs.curve(workspace, "broken").train == ()
    assert runs.compare(workspace, ["first", "broken"]).best == "first"


def test_a_further_run_is_no_author_of_its_own(workspace: Workspace) -> None:
    (runs.folder(workspace) / "second" / "recipe.toml").write_text('author = "Herman Melville"\n')
    names = {author.slug for author in survey(workspace).authors}
    assert not names & {"first", "second"}  # one names no author, the other a further run's


def test_the_commands_say_it_in_words_and_json(workspace: Workspace) -> None:
    listed = stylora(workspace)
    assert listed.returncode == 0, listed.stderr
    assert len(listed.stdout.splitlines()) == 3
    assert "finished" in listed.stdout
    rows: list[dict[str, Any]] = json.loads(stylora(workspace, "--json").stdout)
    assert {row["name"] for row in rows} == {"first", "second", "stopped"}
    shown = stylora(workspace, "show", "first").stdout
    assert "held-out loss, best" in shown
    assert "▁" in shown
    assert json.loads(stylora(workspace, "show", "first", "--json").stdout)["curve"]["train"][0][0] == 1
    compared = stylora(workspace, "compare", "first", "second").stdout
    assert "learning_rate" in compared
    assert "lowest held-out loss" in compared
    for answer in ("n\n", ""):
        refused = stylora(workspace, "delete", "second", stdin=answer)
        assert refused.returncode == 1
        assert "nothing was deleted" in refused.stderr.splitlines()[-1]
    assert stylora(workspace, "delete", "second", stdin="y\n").returncode == 0
    assert json.loads(stylora(workspace, "delete", "stopped", "--yes", "--json").stdout)["bytes"] > 0
    assert [run.name for run in runs.all_runs(workspace)] == ["first"]
