"""A blind trial: sides hidden by a drawn order, votes saved one by one, a result that says how sure it is."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from small_adapter import write_small_adapter
from typer.testing import CliRunner

from engine.errors import StyloraError
from engine.host import open_models, report_jobs
from engine.progress import silent
from engine.report import blind
from engine.report.chosen import choose, forget
from engine.workspace import Workspace
from tui.cli import app

SIDES = (blind.Side(adapter="one", strength=0.5), blind.Side(adapter="one", strength=1.0))


def trial(count: int = 20, seed: int = 1) -> blind.Trial:
    return blind.Trial(sides=SIDES, inputs=tuple((f"n{at}", f"source {at}") for at in range(count)), seed=seed)


def begun(folder: Path, count: int = 20) -> Path:
    place = blind.begin(folder, trial(count))
    for number in range(count):
        for side in (0, 1):
            blind.append(place, blind.Written(input=number, side=side, text=f"text {number} of side {side}"))
    return place


def test_which_side_is_which_is_drawn_by_the_seed_and_evenly() -> None:
    orders = [blind.order(trial(), number) for number in range(200)]
    assert orders == [blind.order(trial(), number) for number in range(200)]
    assert 70 < sum(first == 0 for first, _ in orders) < 130
    assert orders != [blind.order(trial(seed=2), number) for number in range(200)]


def test_a_vote_counts_for_the_side_behind_its_letter(tmp_path: Path) -> None:
    place = begun(tmp_path)
    for question in blind.questions(place):
        blind.vote(place, question, "a" if question.a.endswith("side 1") else "b")
    found = blind.outcome(place)
    assert (found.wins, found.ties) == ((0, 20), 0)
    assert found.chance < 0.001
    assert "strength 1 was preferred in 20 of 20 decided votes (100%" in found.sentence
    assert "better than strength 0.5" in found.sentence


def test_votes_are_there_after_a_crash_in_the_middle_of_one(tmp_path: Path) -> None:
    place = begun(tmp_path)
    asked = blind.questions(place)
    blind.vote(place, asked[0], "a")
    with (place / "votes.jsonl").open("ab") as file:
        file.write(b'{"input": 3, "cho')
    blind.vote(place, asked[1], "=")
    assert set(blind.votes(place)) == {asked[0].input, asked[1].input}
    assert blind.outcome(place).ties == 1


def test_the_last_vote_on_an_input_counts(tmp_path: Path) -> None:
    place = begun(tmp_path)
    question = blind.questions(place)[0]
    blind.vote(place, question, "a")
    blind.vote(place, question, "b")
    assert blind.outcome(place).wins[question.order[1]] == 1


def test_few_votes_are_said_to_be_few(tmp_path: Path) -> None:
    place = begun(tmp_path)
    assert blind.outcome(place).sentence == "no votes yet"
    for question in blind.questions(place)[:3]:
        blind.vote(place, question, "a" if question.order[0] == 0 else "b")
    found = blind.outcome(place)
    assert found.wins == (3, 0)
    assert "may be chance" in found.sentence


def test_texts_that_are_the_same_are_not_asked_about(tmp_path: Path) -> None:
    place = begun(tmp_path)
    (texts := place / "texts.jsonl").unlink()
    count = len(blind.read_trial(place).inputs)
    for number in range(count):
        for side in (0, 1):
            text = "alike" if number else f"side {side}"
            blind.append(place, blind.Written(input=number, side=side, text=text))
    (question,) = blind.questions(place)
    assert {question.a, question.b} == {"side 0", "side 1"}
    blind.vote(place, question, "a")
    assert f"; {count - 1} written alike by both" in blind.outcome(place).sentence
    texts.unlink()
    (place / "votes.jsonl").unlink()
    for number in range(count):
        for side in (0, 1):
            blind.append(place, blind.Written(input=number, side=side, text="alike"))
    assert blind.outcome(place).sentence == f"both wrote the same for every one of {count} inputs"


@pytest.fixture(scope="module")
def workspace(tiny_model: Path, tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    made = Workspace.create(tmp_path_factory.mktemp("blind") / "w")
    (made.root / "stylora.toml").write_text(
        f'base_model = "tiny"\n[models.tiny]\nsource = "folder"\nlocation = "{tiny_model}"\npath = "{tiny_model}"\n'
    )
    made = Workspace(made.root)
    write_small_adapter(made.root / "lora_adapters" / "small", tiny_model)
    (made.root / "inputs.txt").write_text("The mill was old.\n\nNobody came there.\n\nA dog barked.\n")
    return made


def asked(workspace: Workspace, **changes: object) -> dict[str, object]:
    told = {"adapters": ["small"], "strengths": [0.0, 1.0], "on": workspace.root / "inputs.txt", **changes}
    return report_jobs.blind(workspace, silent, **told)  # type: ignore[arg-type]


def test_a_trial_is_written_once_and_then_only_read(workspace: Workspace) -> None:
    first = asked(workspace)
    place = Path(str(first["folder"]))
    before = (place / "texts.jsonl").read_bytes()
    lines = before.splitlines(keepends=True)
    assert len(lines) == 6
    (place / "texts.jsonl").write_bytes(b"".join(lines[:4]))  # killed before the last two
    assert asked(workspace) == first
    assert sorted((place / "texts.jsonl").read_bytes().splitlines()) == sorted(before.splitlines())
    open_models.opened.clear()
    assert asked(workspace, seed=9)["folder"] != first["folder"]


def test_sides_may_be_named_outright(workspace: Workspace) -> None:
    place = Path(str(asked(workspace, strengths=[], sides=["small@0", "@1"])["folder"]))
    assert blind.read_trial(place).sides == (
        blind.Side(adapter="small", strength=0.0),
        blind.Side(adapter="small", strength=1.0),
    )
    for sides, said in (
        (["small@weak", "@1"], "write adapter:checkpoint@strength"),
        (["@1", "small"], "against itself"),
    ):
        with pytest.raises(StyloraError, match=said):
            asked(workspace, strengths=[], sides=sides)


def test_the_same_weights_under_two_names_are_one_side(workspace: Workspace) -> None:
    adapter = workspace.root / "lora_adapters" / "small"
    for update in ("update-000010", "update-000020"):
        shutil.copytree(adapter, adapter / "checkpoints" / update, ignore=shutil.ignore_patterns("checkpoints"))
    with pytest.raises(StyloraError, match="the same weights"):
        asked(workspace, strengths=[1.0], checkpoints=[10, 20])
    shutil.rmtree(adapter / "checkpoints")


@pytest.mark.parametrize(("strengths", "count"), [([1.0], 1), ([0.5, 1.0, 1.5], 3)])
def test_a_trial_has_two_sides(workspace: Workspace, strengths: list[float], count: int) -> None:
    with pytest.raises(StyloraError, match=f"two sides, and this names {count}"):
        asked(workspace, strengths=strengths)


def test_a_trial_is_voted_on_with_keys_and_goes_on_where_it_was_left(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked(workspace)
    monkeypatch.chdir(workspace.root)
    command = ["blind", "--adapter", "small", "--strength", "0", "--strength", "1", "--on", "inputs.txt"]

    def stylora(*more: str, keys: str = "") -> str:
        done = CliRunner().invoke(app, [*command, *more], input=keys, catch_exceptions=False)
        assert done.exit_code == 0
        return done.stdout

    first = stylora(keys="xs=q")
    assert "1 of 3" in first
    assert "source" in first
    assert "the same command goes on here" in first
    second = stylora(keys="ab")
    assert "going on: 1 of 3 voted" in second
    assert "3 of 3" in second
    found = json.loads(stylora("--json"))
    assert sum(found["wins"]) == 2
    assert found["ties"] == 1


def test_what_was_chosen_is_what_a_side_leaves_out(workspace: Workspace) -> None:
    folder = workspace.root / "lora_adapters" / "small"
    choose(folder, {"strength": 0.5})
    try:
        place = Path(str(asked(workspace, strengths=[], sides=["small", "@1"], passages=1)["folder"]))
    finally:
        forget(folder)
    assert [side.strength for side in blind.read_trial(place).sides] == [0.5, 1.0]
