"""What the training screen is made of: reading runs and samples from their files, states in words, going on."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import pytest
import tomli_w

from engine.host import runs, samples
from engine.host.journal import JobState
from engine.host.survey import AuthorState, Survey, survey
from engine.workspace import Workspace
from tui import text
from tui.curve import Curve
from tui.screens import run_pages as pages
from tui.screens import training_figures as numbers
from tui.screens import training_words as words
from tui.screens.training_forms import plan_form, train_form
from tui.widgets.samples import SamplesView

PROMPT = "[SYSTEM ROLE]:\nYou are small.\n\n[INPUT]:\nThe wheel turned {number}.\n###\n"


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    (tmp_path / "stylora.toml").write_text('author = "Small Voice"\n')
    return Workspace(tmp_path)


def write_run(workspace: Workspace, name: str, lines: list[dict[str, Any]], **state: Any) -> Path:
    folder = workspace.root / "lora_adapters" / name
    (folder / "checkpoints" / "update-0000010").mkdir(parents=True)
    (folder / "checkpoints" / "update-0000010" / "state.json").write_bytes(msgspec.json.encode({"update": 10, **state}))
    (folder / "recipe.toml").write_text(tomli_w.dumps({"author": "Small Voice"}))
    (folder / "journal.jsonl").write_bytes(b"".join(msgspec.json.encode(line) + b"\n" for line in lines))
    return folder


def sample(update: int, number: int, text: str) -> dict[str, Any]:
    return {"kind": "sample", "update": update, "sample": number, "prompt": PROMPT.format(number=number), "text": text}


def test_samples_stand_beside_plain_text_and_the_authors_own(workspace: Workspace) -> None:
    lines = [sample(0, 0, ""), sample(0, 1, "b"), {"kind": "update", "update": 1, "loss": 2.0}, sample(20, 0, "c")]
    folder = write_run(workspace, "small_voice", lines)
    with (folder / "journal.jsonl").open("ab") as file:
        file.write(b'{"kind":"sample","update":30,"sam')
    data = workspace.dataset("Small Voice")
    data.mkdir(parents=True)
    prompt = PROMPT.format(number=1).replace("\n\n", "\n")
    row = {"text": prompt + " The wheel, unoiled.", "loss_start": len(prompt)}
    (data / "valid.jsonl").write_bytes(b"{broken\n" + msgspec.json.encode(row) + b"\n")
    found = samples.read(workspace, "small_voice")
    assert found.steps == (0, 20)
    assert [prompt.input for prompt in found.prompts] == ["The wheel turned 0.", "The wheel turned 1."]
    assert [prompt.author for prompt in found.prompts] == ["", "The wheel, unoiled."]
    assert found.texts == {(0, 0): "", (0, 1): "b", (20, 0): "c"}
    assert samples.read(workspace, "nobody") == samples.Samples()


def test_a_sample_that_was_stopped_is_marked_and_a_whole_one_is_not(workspace: Workspace) -> None:
    lines = [sample(0, 0, "The wheel,") | {"cut": True}, sample(20, 0, "The wheel.") | {"cut": False}]
    write_run(workspace, "small_voice", lines)
    found = samples.read(workspace, "small_voice")
    assert found.cut == {(0, 0)}
    view = SamplesView()
    view.samples = found
    assert "The wheel.\nfrom this plain text" in view._content().plain
    view.at = 0
    assert "The wheel, … (cut here, it would go on)" in view._content().plain
    (run,) = runs.all_runs(workspace)
    assert "cut here" not in pages.described(run, found).plain
    assert "The wheel, … (cut here" in pages.described(run, msgspec.structs.replace(found, steps=(0,))).plain


def test_reports_of_a_run_are_read_on_from_where_one_was(workspace: Workspace) -> None:
    lines = [{"kind": "update", "update": n, "loss": 3.0 - n / 10, "learning_rate": 1e-5} for n in (1, 2)]
    folder = write_run(workspace, "small_voice", [*lines, sample(2, 0, "x")])
    first, offset = runs.reports(workspace, "small_voice")
    assert [line["update"] for line in first] == [1, 2]
    with (folder / "journal.jsonl").open("ab") as file:
        file.write(b'{"kind":"validation","update":2,"loss":2.5,"seconds":1}\n{"kind":"upd')
    second, offset = runs.reports(workspace, "small_voice", offset)
    assert second == [{"update": 2, "valid": 2.5}]
    curve = Curve()
    curve.add(first + second)
    assert (list(curve.updates), curve.valid) == ([1, 2], [(2, 2.5)])
    (folder / "journal.jsonl").write_bytes(msgspec.json.encode(lines[0]) + b"\n")  # begun again
    assert [line["update"] for line in runs.reports(workspace, "small_voice", offset)[0]] == [1]


def test_last_update_of_a_long_journal_is_found_from_its_end(workspace: Workspace) -> None:
    lines = [{"kind": "update", "update": n, "loss": 2.0, "smoothed": 2.0, "more": "x" * 200} for n in range(1, 3000)]
    write_run(workspace, "small_voice", lines, config={"rank": 8})
    (run,) = runs.all_runs(workspace)
    assert (run.updates, run.status, run.config["rank"]) == (2999, "interrupted", 8)


def state_of(status: str, result: dict[str, Any] | None = None, **params: Any) -> JobState:
    return JobState("j", "train", status, params={"author": "Small Voice", **params}, result=result or {})


@pytest.mark.parametrize(
    ("state", "goes_on"),
    [
        (state_of("running"), False),
        (state_of("interrupted"), True),
        (state_of("cancelled"), True),
        (state_of("failed"), True),
        (state_of("done", {"stopped": "finished"}), False),
        (state_of("done", {"stopped": "time"}), True),
        (state_of("done", {"stopped": "stopped"}), True),
    ],
)
def test_what_can_go_on(state: JobState, goes_on: bool) -> None:
    assert words.resumable(state, None) is goes_on


def test_going_on_repeats_the_start_but_for_its_limits(workspace: Workspace) -> None:
    state = state_of("interrupted", rank=8, minutes=5, fresh=True, learning_rate=1e-4, adapter="second run")
    params = words.again(state, None, "Small Voice")
    assert params == {"author": "Small Voice", "rank": 8, "learning_rate": 1e-4, "adapter": "second run"}
    line = "stylora train --author 'Small Voice' --adapter 'second run' --rank 8 --learning-rate 0.0001"
    assert words.command(params) == line
    assert line in words.notice(state, None, "Small Voice").plain

    write_run(workspace, "second", [], config={"rank": 16, "iters": None, "time_limit": 60.0}, stopped="time")
    (run,) = runs.all_runs(workspace)
    assert words.resumable(None, run)
    assert words.again(None, run, "Small Voice") == {"author": "Small Voice", "adapter": "second", "rank": 16}


def with_pairs(workspace: Workspace) -> tuple[Survey, AuthorState]:
    """The workspace as its files have it now, with nine pairs to train on."""
    data = workspace.dataset("Small Voice")
    data.mkdir(parents=True)
    (data / "manifest.toml").write_text('author = "Small Voice"\n[rows]\ntrain = 9\n')
    found = survey(Workspace(workspace.root))
    author = found.author("small_voice")
    assert author
    return found, author


@pytest.mark.parametrize("rate", [1e-5, 1.25e-5, 0.0003, 1.2345678e-4, 0.1])
def test_a_learning_rate_is_offered_with_every_digit_it_was_set_with(workspace: Workspace, rate: float) -> None:
    (workspace.root / "stylora.toml").write_text(f'author = "Small Voice"\n[training]\nlearning_rate = {rate!r}\n')
    found, author = with_pairs(workspace)
    form = train_form(author, found, [])
    assert float(next(field.value for field in form._fields if field.name == "learning_rate")) == rate
    assert f"rate {text.rate(rate, exact=True)}" in numbers.plan_page(author, found, "", "").plain
    assert float(words.command({"learning_rate": rate}).rpartition(" ")[2]) == rate


def test_model_that_is_not_here_is_told_in_the_form(workspace: Workspace) -> None:
    (workspace.root / "stylora.toml").write_text(
        'author = "Small Voice"\nbase_model = "big"\n'
        '[models.big]\nsource = "hub"\nlocation = "x/y"\npath = "models/big"\n'
    )
    found, author = with_pairs(workspace)
    form = train_form(author, found, [])
    told = {"epochs": 1.0, "minutes": 4.0, "adapter": None, "model": ["big"]}
    assert not isinstance(form._note, str)
    assert "✗ big is not here yet: Esc, then m, prepares it; or choose another." in form._note(told)
    shown = numbers.plan_page(author, found, "", "", params={"rank": 16, "learning_rate": 2e-4, "epochs": 3.0}).plain
    assert "rank 16, scale 2, rate 2.0e-4" in shown
    assert "in 3 epochs" in shown


def test_plan_says_the_limit_it_was_given() -> None:
    plan = {"examples": 9, "updates": 3, "time": "5 h", "time_known": "estimated", "memory": {}, "peak": 1 << 30}
    plan |= {"verdict": "fits", "grad_checkpoint": False, "advice": []}
    assert "stopped after 4 minutes at most" in str(plan_form("Small Voice", plan, 4.0)._note)
    assert "stopped after" not in str(plan_form("Small Voice", plan, None)._note)


def test_states_in_words() -> None:
    paused = state_of("running", model="tiny")
    assert "starting" in words.headline(paused, None).plain
    paused.values = {"update": 3, "paused": True}
    assert "paused" in words.headline(paused, None).plain
    assert paused.seconds_left() is None  # nobody knows for how long
    other = state_of("running")
    for stage, said in (("validation", "validating"), ("calibrate", "trained, measuring"), ("training", "training")):
        other.stage = stage
        assert said in words.headline(other, None).plain
    assert "p goes on" in words.notice(paused, None, "").plain
    failed = state_of("failed")
    failed.error = "out of memory"
    assert words.notice(failed, None, "").plain.startswith("✗ out of memory  → R tries again")
    assert "stopped by its time limit" in words.headline(state_of("done", {"stopped": "time"}), None).plain


def test_figures_say_dashes_for_what_is_not_known() -> None:
    rows = dict(numbers.figures({}, None, Curve(), None, None))
    assert rows["update"] == "– of –"
    assert rows["memory, peak"] == "–"
    assert all(isinstance(tile[1], str) for tile in numbers.tiles({}, None, None, running=False))
    narrow = dict(tile[:2] for tile in numbers.tiles({"update": 44}, 495_000, None, running=True))
    assert narrow["update"] == "44"  # with all that are planned it would not fit into a tile
    assert ("update", "44 / 4,950") in numbers.tiles({"update": 44}, 4_950, None, running=True)
    assert ("★ best", "2.500 @12000", "$success") in numbers.tiles({}, None, (12000.0, 2.5), running=True)
    assert numbers.memory(3 << 29) == "1.50 GiB"
    assert numbers.memory(300 << 20) == "300 MiB"
