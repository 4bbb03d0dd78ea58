"""A sweep: every checkpoint at every strength, kept cell by cell, ranked by the joint score, the best one used."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import msgspec
import planted
import pytest

from engine.dataset.rows import split_file
from engine.errors import Cancelled, StyloraError
from engine.host import open_models, report_jobs, rewriting
from engine.progress import Progress, silent
from engine.report import chosen, sweep
from engine.report.kept import Card, Value
from engine.report.sweep import Cell
from engine.workspace import Workspace


@pytest.fixture
def adapter(healthy: Workspace, tmp_path: Path) -> Path:
    return planted.copied(healthy, tmp_path / "w").adapter(planted.AUTHOR)


def card(healthy: Workspace, checkpoint: int | None, strength: float, joint: float, **changes: object) -> Card:
    (found,) = planted.cards(healthy)
    values = {"checkpoint": f"update-{checkpoint:06d}" if checkpoint else "", "strength": strength, "weights": ""}
    told = {"rewritten": Value(joint, joint - 0.02, joint + 0.02), "neutral": Value(0.0, 0.0, 0.0)}
    return msgspec.structs.replace(found, **values, joint=told, style=told, meaning=told, **changes)


def test_every_checkpoint_but_the_untrained_one_at_every_strength(adapter: Path) -> None:
    shutil.copytree(adapter / "checkpoints" / "update-000040", adapter / "checkpoints" / "update-000000")
    found = sweep.cells(adapter)
    assert {cell.checkpoint for cell in found} == {40, 60, 80}
    assert {cell.strength for cell in found} == set(sweep.STRENGTHS)
    assert sweep.cells(adapter, ["best", 60], [0, 1]) == [
        Cell(checkpoint=80, strength=0.0),  # the base model, whatever the checkpoint
        Cell(checkpoint=80, strength=1.0),
        Cell(checkpoint=60, strength=1.0),
    ]


@pytest.mark.parametrize(("checkpoints", "strengths"), [([50], []), (["newest"], []), ([], [7.0]), ([], [-1.0])])
def test_what_is_not_there_is_refused(adapter: Path, checkpoints: list[str | int], strengths: list[float]) -> None:
    with pytest.raises(StyloraError, match=r"no checkpoint|between 0 and 4"):
        sweep.cells(adapter, checkpoints, strengths)


def test_a_sweep_that_was_killed_goes_on_with_the_next_cell(healthy: Workspace, adapter: Path, tmp_path: Path) -> None:
    wanted = sweep.cells(adapter, [40, 80], [0.5, 1.0])
    measured: list[Cell] = []

    def measure(folder: Path, cell: Cell) -> Card:
        measured.append(cell)
        return card(healthy, cell.checkpoint, cell.strength, joint=0.4 + cell.strength / 10)

    def killed(progress: Progress) -> None:
        if progress.done == 2 and progress.values:
            raise Cancelled

    with pytest.raises(Cancelled):
        sweep.sweep(adapter, wanted, tmp_path / "s", measure, report=killed)
    assert measured == wanted[:2]
    found = sweep.sweep(adapter, wanted, tmp_path / "s", measure)
    assert measured == wanted
    assert [row.cell for row in found.rows] == [wanted[1], wanted[3], wanted[0], wanted[2]]
    assert found.anchors["neutral"] == (0.0, 0.0)


def test_a_cell_of_other_weights_is_measured_again(healthy: Workspace, adapter: Path, tmp_path: Path) -> None:
    wanted = sweep.cells(adapter, [40], [1.0])
    digest = sweep.weights_digest(adapter / "checkpoints" / "update-000040")
    made = card(healthy, 40, 1.0, 0.5)
    made = msgspec.structs.replace(made, weights=digest)
    sweep.sweep(adapter, wanted, tmp_path / "s", lambda *_: made)
    assert sweep.kept(adapter, wanted, tmp_path / "s")
    weights = adapter / "checkpoints" / "update-000040" / "adapters.safetensors"
    weights.write_bytes(weights.read_bytes() + b" ")
    assert not sweep.kept(adapter, wanted, tmp_path / "s")


def test_a_cell_that_cannot_be_measured_leaves_the_others(healthy: Workspace, adapter: Path, tmp_path: Path) -> None:
    wanted = sweep.cells(adapter, [40, 60, 80], [1.0])
    said: list[str] = []

    def measure(folder: Path, cell: Cell) -> Card:
        if cell.checkpoint == 40:
            shutil.rmtree(adapter / "checkpoints" / "update-000060", ignore_errors=True)  # a training beside it
        if cell.checkpoint == 80:
            raise StyloraError("the model's outputs are not numbers")
        made = card(healthy, cell.checkpoint, cell.strength, joint=0.5)
        return msgspec.structs.replace(made, weights=sweep.weights_digest(folder))

    found = sweep.sweep(adapter, wanted, tmp_path / "s", measure, report=lambda event: said.append(event.message))
    assert [row.cell.checkpoint for row in found.rows] == [40]
    assert set(found.failed) == {"checkpoint 60, strength 1", "checkpoint 80, strength 1"}
    assert "no adapter there" in found.failed["checkpoint 60, strength 1"]
    assert any("is left out" in one for one in said)
    shutil.rmtree(adapter / "checkpoints" / "update-000040")
    with pytest.raises(StyloraError, match="no adapter there"):  # nothing is left to rank
        sweep.sweep(adapter, wanted, tmp_path / "s", measure)


def test_another_way_to_measure_is_another_sweep(adapter: Path, tmp_path: Path) -> None:
    def place() -> Path:
        return sweep.place_of(adapter, dataset=tmp_path, corpus=tmp_path / "a.txt", how={"passages": 12})

    first = place()
    (adapter / "calibration.toml").write_text("format = 1\n")
    calibrated = place()
    (tmp_path / "a_pastiche.txt").write_text("As if by him.")
    assert len({first, calibrated, place()}) == 3


def test_a_folder_copied_by_hand_is_no_checkpoint(adapter: Path) -> None:
    shutil.copytree(adapter / "checkpoints" / "update-000040", adapter / "checkpoints" / "update-000040 copy")
    assert chosen.updates_of(adapter) == [40, 60, 80]


def test_a_damaged_choice_says_how_to_be_rid_of_it_and_that_works(healthy: Workspace, tmp_path: Path) -> None:
    workspace = planted.copied(healthy, tmp_path / "w")
    (workspace.adapter(planted.AUTHOR) / "chosen.toml").write_text("format = 1\ncheckpoint = [")
    with pytest.raises(StyloraError, match="'stylora use --reset' forgets it"):
        report_jobs.use(workspace, silent, adapter=planted.NAME, strength=1.0)
    report_jobs.use(workspace, silent, adapter=planted.NAME, reset=True)
    assert report_jobs.use(workspace, silent, adapter=planted.NAME, strength=1.0)["line"] == "strength 1"


def test_the_best_cell_becomes_what_is_rewritten_with(healthy: Workspace, adapter: Path, tmp_path: Path) -> None:
    wanted = sweep.cells(adapter, [40, 60], [1.0])
    recipe = (adapter / "recipe.toml").read_bytes()
    joint = {40: 0.7, 60: 0.5}
    found = sweep.sweep(
        adapter,
        wanted,
        tmp_path / "s",
        lambda _, cell: card(healthy, cell.checkpoint, 1.0, joint[cell.checkpoint or 0]),
    )
    assert found.sure
    sweep.use_best(adapter, found)
    kept = chosen.read_chosen(adapter)
    assert (kept.checkpoint, kept.strength) == (40, 1.0)
    assert "joint score 0.70" in kept.why
    assert (adapter / "recipe.toml").read_bytes() == recipe


def test_what_a_request_says_stands_above_what_was_chosen(adapter: Path) -> None:
    chosen.choose(adapter, {"checkpoint": 40, "strength": 0.8, "apply_input_perturbation": True})
    checkpoint, knobs, line = chosen.taken(adapter, None, {"variations": 2})
    assert (checkpoint, knobs["strength"], knobs["variations"]) == (40, 0.8, 2)
    assert line == "checkpoint 40, strength 0.8, apply_input_perturbation = true, as chosen for this adapter"
    assert chosen.taken(adapter, None, {"strength": 1.2})[1]["strength"] == 1.2
    checkpoint, knobs, _ = chosen.taken(adapter, 60, {})
    assert checkpoint == 60
    assert "strength" not in knobs


def test_a_rewrite_is_made_with_what_was_chosen_and_says_so(healthy: Workspace, tmp_path: Path) -> None:
    workspace = planted.copied(healthy, tmp_path / "w")
    asked: dict[str, Any] = {"text": "The mill was old.", "adapter": planted.NAME, "variations": 1, "retries": 0}
    base = rewriting.rewrite(workspace, silent, **asked, strength=0.0)
    report_jobs.use(workspace, silent, adapter=planted.NAME, checkpoint=60, strength=0.0)
    chosen_one = rewriting.rewrite(workspace, silent, **asked)
    assert chosen_one["best"]["text"] == base["best"]["text"]
    assert "checkpoint 60, strength 0, as chosen for this adapter" in chosen_one["marks"]
    said = rewriting.rewrite(workspace, silent, **asked, strength=1.0)
    assert not any("strength" in mark for mark in said["marks"])
    again = rewriting.again(workspace, silent, adapter=planted.NAME, turn=2, seed=workspace.settings.seed)
    assert again["best"]["text"] == base["best"]["text"]
    open_models.opened.clear()


def test_a_choice_for_an_earlier_training_is_passed_over_and_said(adapter: Path) -> None:
    chosen.choose(adapter, {"checkpoint": 40})
    state = adapter / "checkpoints" / "update-000040" / "state.json"
    state.write_text(state.read_text().replace('"tokens": 4000', '"tokens": 4001'))
    assert chosen.read_chosen(adapter).checkpoint is None
    checkpoint, _, line = chosen.taken(adapter, None, {})
    assert checkpoint is None
    assert "earlier training" in line
    shutil.rmtree(state.parent)
    assert "gone" in chosen.taken(adapter, None, {})[2]


@pytest.fixture
def few(healthy: Workspace, tmp_path: Path) -> Workspace:
    """A workspace with too few pairs to measure thresholds on, which would take longer than all the rest."""
    workspace = planted.copied(healthy, tmp_path / "w")
    train = split_file(workspace.dataset(planted.AUTHOR), "train")
    train.write_bytes(b"".join(train.read_bytes().splitlines(keepends=True)[:12]))
    return workspace


def test_a_real_sweep_of_a_small_adapter_measures_each_cell_once(few: Workspace) -> None:
    events: list[Progress] = []
    asked: dict[str, Any] = {"adapter": planted.NAME, "checkpoints": [60, 80], "strengths": [1.0], "passages": 2}
    first = report_jobs.sweep(few, events.append, **asked, use_best=True)
    assert [row["cell"]["checkpoint"] for row in first["rows"]]
    assert len(first["rows"]) == first["total"] == 2
    assert first["used"] == ""  # random weights: nothing scores, so nothing is chosen
    cells = [event.values for event in events if event.stage == "sweep" and event.values]
    assert [one["checkpoint"] for one in cells] == [60, 80]
    again: list[Progress] = []
    second = report_jobs.sweep(few, again.append, **asked)
    assert second["rows"] == first["rows"]
    assert not [event for event in again if event.values]


def test_what_is_wrong_for_every_cell_is_said_once(few: Workspace) -> None:
    for split in ("test", "valid"):
        (few.dataset(planted.AUTHOR) / f"{split}.jsonl").write_text("")
    said: list[str] = []
    with pytest.raises(StyloraError, match="no held-out passage"):
        report_jobs.sweep(few, lambda event: said.append(event.stage), adapter=planted.NAME)
    assert "sweep" not in said


def test_use_says_and_takes_back_what_was_chosen(healthy: Workspace, tmp_path: Path) -> None:
    workspace = planted.copied(healthy, tmp_path / "w")
    assert report_jobs.use(workspace, silent, adapter=planted.NAME)["line"] == ""
    told = report_jobs.use(workspace, silent, adapter=planted.NAME, checkpoint="best", strength=0.9)
    assert told["line"] == "checkpoint 80, strength 0.9"
    assert (
        report_jobs.use(workspace, silent, adapter=planted.NAME, strength=1.1)["line"] == "checkpoint 80, strength 1.1"
    )
    with pytest.raises(StyloraError, match="strength"):
        report_jobs.use(workspace, silent, adapter=planted.NAME, strength=9.0)
    assert report_jobs.use(workspace, silent, adapter=planted.NAME, reset=True)["line"] == ""
