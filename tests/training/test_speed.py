"""How long a training is expected to take: what an earlier one on this machine says, and what is done without one."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest
from training_rows import write_rows

from engine.host import jobs, runs
from engine.training.config import TrainingConfig
from engine.training.memory import ModelSize
from engine.training.speed import Earlier, expected
from engine.training.trainer import preview, train
from engine.workspace import Workspace

SIZE = ModelSize.from_config(
    {
        "hidden_size": 64,
        "intermediate_size": 128,
        "num_hidden_layers": 4,
        "vocab_size": 500,
        "num_attention_heads": 4,
        "tie_word_embeddings": True,
    }
)
CONFIG = TrainingConfig(rank=8)


def earlier(name: str, **changes: object) -> Earlier:
    known = Earlier(name, "base", "here", {"rank": 8, "num_layers": -1, "keys": list(CONFIG.keys)}, False, 200.0)
    return dataclasses.replace(known, **changes)


def speed(known: list[Earlier], config: TrainingConfig = CONFIG) -> tuple[float, str]:
    return expected(SIZE, config, "base", "here", known, lambda: 1e9)


def test_the_newest_run_on_the_same_base_and_machine_says_it() -> None:
    others = [earlier("base", base="other"), earlier("machine", machine="there"), earlier("none", tokens_per_second=0)]
    assert speed([*others, earlier("new"), earlier("old", tokens_per_second=100.0)]) == (200.0, "new")
    guessed, of = speed(others)
    assert (guessed, of) == (SIZE.tokens_per_second(1e9, CONFIG), "")


def test_other_settings_take_time_in_proportion_to_their_work() -> None:
    lower, _ = speed([earlier("new")], dataclasses.replace(CONFIG, rank=64))
    twice, _ = speed([earlier("new")], dataclasses.replace(CONFIG, grad_checkpoint=True))
    again, _ = speed([earlier("new", grad_checkpoint=True)], dataclasses.replace(CONFIG, grad_checkpoint=True))
    assert lower < 200
    assert 200 / 1.5 < twice < 200
    assert again == 200


def test_a_plan_goes_by_what_a_run_of_the_workspace_came_to(tmp_path: Path, tiny_model: Path) -> None:
    workspace = Workspace.create(tmp_path / "w")
    data = write_rows(tmp_path / "data")
    config = TrainingConfig(rank=4, iters=2, grad_accumulation=1, samples=0)
    first = preview(data, tiny_model, config, jobs._earlier(workspace))
    assert (first.speed_of, first.time_known) == ("", "a first guess")
    train(data=data, base=tiny_model, output=runs.folder(workspace) / "first", config=config)
    planned = preview(data, tiny_model, config, jobs._earlier(workspace))
    (run,) = runs.all_runs(workspace)
    assert run.tokens_per_second
    assert planned.seconds == pytest.approx(planned.tokens / run.tokens_per_second)
    assert planned.time_known == "as fast as first was"
