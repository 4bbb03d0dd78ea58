"""What the doctor says of curves, servers, datasets and adapters, and how a fix is run from the command line."""

from __future__ import annotations

import fcntl
import json
import os
import re
import threading
from collections.abc import Iterator, Mapping
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import msgspec
import planted
import pytest
from planted import copied, settings
from typer.testing import CliRunner

from engine.host import examining, report_jobs
from engine.progress import silent
from engine.recipe import load_recipe
from engine.report import chosen
from engine.report.doctor import datasets, examine
from engine.report.doctor import workspace as rooms
from engine.report.doctor.curve import curve
from engine.report.doctor.evidence import Point, Training
from engine.report.doctor.finding import Finding
from engine.report.kept import save_card
from engine.workspace import Workspace
from tui.cli import app
from tui.commands.options import failed, run_job


def run(valid: Mapping[int, float], train: list[float | None], **changes: object) -> Finding:
    """What is said of a run with these validations and one training loss an update."""
    points = tuple(Point(update=at, loss=loss) for at, loss in enumerate(train, 1))
    told = {"learning_rate": 1e-3, "rank": 8}
    values = {"config": told, "updates": len(train), "per_epoch": 100.0, "status": "finished", **changes}
    best = min((update for update in valid if update), key=lambda update: valid[update], default=None)
    found = curve(
        Training(name="x", folder=Path(), train=points, valid=tuple(valid.items()), best_update=best, **values)  # type: ignore[arg-type]
    )
    assert found is not None
    planted.runnable([found])
    return found


def falling(count: int, low: float = 2.0) -> list[float | None]:
    return [low + 2.0 * 0.97**at for at in range(count)]


HEALTHY = {0: 4.0, 50: 2.9, 100: 2.5, 150: 2.35, 200: 2.3}


def test_a_run_that_learnt_and_settled_is_well() -> None:
    assert run(HEALTHY, falling(200)).passed


@pytest.mark.parametrize(
    ("valid", "train", "changes", "said", "fix"),
    [
        ({0: 4.0, 50: 2.5, 100: 2.4, 150: 2.6, 200: 2.9}, falling(200), {}, "overfitted", "--epochs 1"),
        (HEALTHY, falling(200), {"setbacks": 2}, "no number 2 times", "--learning-rate 0.00025"),
        (HEALTHY, [*falling(100), None, *falling(99)], {}, "no number 1 time", "--learning-rate 0.00025"),
        (HEALTHY, [*falling(100), *[5.0] * 60], {}, "broke", "--learning-rate 0.00025"),
        ({0: 4.0, 100: 4.1, 200: 4.3}, falling(200), {}, "worse than untrained", "--learning-rate 0.00025"),
        ({0: 4.0, 100: 3.99, 200: 3.97}, falling(200, 3.9), {}, "rate of 0.001 is too low", "--learning-rate 0.005"),
        ({0: 4.0, 20: 3.98}, falling(20), {}, "too few updates", "--epochs 0.8"),
        ({0: 4.0, 50: 3.8, 100: 3.6, 150: 3.4, 200: 3.0}, falling(200), {}, "too early", "--epochs 4"),
    ],
)
def test_what_went_wrong_in_a_run_is_told_with_the_training_that_would_not(
    valid: dict[int, float], train: list[float | None], changes: dict[str, object], said: str, fix: str
) -> None:
    found = run(valid, train, **changes)
    assert not found.passed
    assert said in f"{found.detail}; {found.why}"
    assert fix in found.fixes[0].shown
    assert found.fixes[0].shown.startswith("stylora train --adapter x")


def test_a_run_that_made_no_update_is_not_trained() -> None:
    found = run({0: 4.0}, [], status="time")
    assert not found.passed
    assert "no update was made" in found.detail
    assert "--minutes" not in found.fixes[0].shown


def test_a_hopeless_rate_is_not_halved_step_by_step_and_no_fix_asks_for_no_epoch() -> None:
    wild = run({0: 1.7, 1: 2.0}, [2.0], config={"learning_rate": 0.5, "rank": 8})
    assert "--learning-rate 0.001" in wild.fixes[0].shown
    short = run({0: 1.7, 1: 1.699}, [2.0], per_epoch=9000.0)
    assert "--epochs 0.01" in short.fixes[0].shown
    boxed = run({0: 1.7, 1: 1.699}, [2.0], per_epoch=9000.0, status="time", config={"epochs": 2.2, "time_limit": 60.0})
    assert "--epochs 2.2" in boxed.fixes[0].shown
    assert "--minutes" not in boxed.fixes[0].shown


def test_one_spike_is_no_break_and_a_short_run_no_verdict() -> None:
    spiked = falling(200)
    spiked[120] = 5.0
    assert run(HEALTHY, spiked).passed
    assert curve(Training(name="x", folder=Path())) is None


@pytest.fixture
def server() -> Iterator[str]:
    """A server that has one model."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            key = self.headers.get("Authorization", "")
            status = 200 if key in ("", "Bearer right") else 401
            body = json.dumps({"data": [{"id": "small"}]}).encode()
            self.send_response(status)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    made = HTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=made.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{made.server_port}/v1"
    made.shutdown()
    made.server_close()


def neutral(tmp_path: Path, lines: str) -> Finding:
    (tmp_path / "stylora.toml").write_text(f'[neutral]\nkind = "server"\n{lines}')
    return rooms._neutral(Workspace(tmp_path))


def test_a_server_for_neutral_text_is_asked_what_it_has(
    tmp_path: Path, server: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert neutral(tmp_path, f'url = "{server}"\nmodel = "small"\n').passed
    missing = neutral(tmp_path, f'url = "{server}"\nmodel = "large"\n')
    assert not missing.passed
    assert "it has small" in missing.detail
    keyed = f'url = "{server}"\nmodel = "small"\nkey_env = "SMALL_KEY"\n'
    assert "SMALL_KEY" in neutral(tmp_path, keyed).detail
    monkeypatch.setenv("SMALL_KEY", "wrong")
    refused = neutral(tmp_path, keyed)
    assert "refuses the key" in refused.detail
    assert "wrong" not in refused.detail
    monkeypatch.setenv("SMALL_KEY", "right")
    assert neutral(tmp_path, keyed).passed
    gone = neutral(tmp_path, 'url = "http://127.0.0.1:9/v1"\nmodel = "small"\n')
    assert "cannot be reached" in gone.detail


@pytest.fixture
def workspace(healthy: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Workspace:
    monkeypatch.setattr("engine.models.acceleration.measure_gflops", lambda: 100.0)
    return copied(healthy, tmp_path / "w")


def ill(workspace: Workspace) -> dict[str, Finding]:
    found = examining.doctor(workspace, silent)
    planted.runnable(found)
    return {one.name: one for one in found if not one.passed and one.name != "dataset small_voice"}


def ill_adapters(workspace: Workspace) -> dict[str, Finding]:
    """As `ill`, of adapters alone, which takes less time."""
    found = [one for known in examining.evidence(workspace) for one in examine.of_adapter(workspace, known)]
    planted.runnable(found)
    return {one.name: one for one in found if not one.passed}


def ill_dataset(workspace: Workspace, name: str) -> Finding:
    """What is said of one dataset."""
    found = next(datasets.dataset(workspace, workspace.root / "data" / "training" / name))
    planted.runnable([found])
    assert not found.passed
    return found


def test_what_is_missing_or_damaged_of_an_adapter_is_told_and_crashes_nothing(workspace: Workspace) -> None:
    folder = workspace.adapter(planted.AUTHOR)
    (folder / "recipe.toml").write_text("format = 1\nauthor = [")
    found = ill(workspace)["adapter small_voice"]
    assert "not readable as a recipe" in found.detail
    assert "--checkpoint 80" in found.fixes[0].shown
    for file in ("adapters.safetensors", "adapter_config.json", "journal.jsonl", "report.json", "run.toml"):
        (folder / file).write_bytes(b"\x00{")
        examining.doctor(workspace, silent)


def test_a_checkpoint_that_was_cut_off_is_told_and_not_offered(workspace: Workspace) -> None:
    folder = workspace.adapter(planted.AUTHOR)
    weights = folder / "checkpoints" / "update-000080" / "adapters.safetensors"
    weights.write_bytes(weights.read_bytes()[:-10])
    assert ill_adapters(workspace)["adapter small_voice, checkpoints"].detail.startswith("80: ")
    (folder / "recipe.toml").unlink()
    assert "--checkpoint 60" in ill_adapters(workspace)["adapter small_voice"].fixes[0].shown


def test_an_adapter_whose_weights_were_cut_off_is_told(workspace: Workspace) -> None:
    weights = workspace.adapter(planted.AUTHOR) / "adapters.safetensors"
    weights.write_bytes(weights.read_bytes()[:-10])
    found = ill_adapters(workspace)["adapter small_voice"]
    assert "truncated or damaged" in found.detail
    assert "--checkpoint 80" in found.fixes[0].shown
    chosen.choose(workspace.adapter(planted.AUTHOR), {"checkpoint": 80})  # as the fix does
    assert "adapter small_voice" not in ill_adapters(workspace)


def test_a_training_that_has_just_begun_is_not_ill_for_what_it_has_not_written_yet(workspace: Workspace) -> None:
    folder = workspace.adapter(planted.AUTHOR)
    for name in ("recipe.toml", "adapters.safetensors", "adapter_config.json", "run.toml", "report.json"):
        (folder / name).unlink()
    with (folder / ".lock").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        assert not ill_adapters(workspace)


def test_a_dataset_without_a_split_is_told_with_how_to_build_it(workspace: Workspace) -> None:
    (workspace.dataset(planted.AUTHOR) / "test.jsonl").unlink()
    found = next(one for one in examining.doctor(workspace, silent) if one.name == "dataset small_voice")
    assert "test.jsonl" in found.detail
    assert found.fixes[0].shown.startswith("stylora dataset --author 'Small Voice'")


def test_a_half_written_manifest_is_told(workspace: Workspace) -> None:
    (workspace.dataset(planted.AUTHOR) / "manifest.toml").write_text("")
    assert "not the whole of a manifest" in ill_dataset(workspace, "small_voice").detail


def sources(workspace: Workspace) -> Finding | None:
    """What is said of the files that the dataset was built from."""
    found = list(datasets.dataset(workspace, workspace.dataset(planted.AUTHOR)))
    planted.runnable(found)
    return next((one for one in found if one.name == "dataset small_voice, sources"), None)


def test_a_corpus_that_changed_since_its_dataset_was_built_is_told_by_its_content(workspace: Workspace) -> None:
    corpus = workspace.corpus(planted.AUTHOR)
    os.utime(corpus)  # newer, and the same
    assert sources(workspace) is None
    corpus.write_text(corpus.read_text() + "\nOne more passage, which no pair was made of.\n")
    found = sources(workspace)
    assert found is not None
    assert found.detail == "the corpus small_voice.txt changed since it was built"
    assert found.fixes[0].shown.endswith("--fresh")
    corpus.unlink()  # not here: nothing can be told of it
    assert sources(workspace) is None


def test_a_dataset_of_another_corpus_is_held_against_that_one(workspace: Workspace, tmp_path: Path) -> None:
    corpus, manifest = workspace.corpus(planted.AUTHOR), workspace.dataset(planted.AUTHOR) / "manifest.toml"
    other = tmp_path / "letters.txt"
    other.write_bytes(corpus.read_bytes())
    manifest.write_text(re.sub(r'path = ".*"', f'path = "{other}"', manifest.read_text()))
    corpus.write_text("Another book.\n")
    assert sources(workspace) is None
    other.write_text("Other letters.\n")
    found = sources(workspace)
    assert found is not None
    assert f"--corpus {other}" in found.fixes[0].shown


def test_a_worldview_that_changed_since_its_dataset_was_built_is_told(workspace: Workspace) -> None:
    file = workspace.prompts / load_recipe(workspace.dataset(planted.AUTHOR) / "recipe.toml").worldview.source
    file.write_text("[SYSTEM ROLE]:\nYou are somebody else.\n\n[INPUT]:\n")
    found = sources(workspace)
    assert found is not None
    assert f"the worldview {file.name} changed" in found.detail


def test_a_dataset_that_nobody_knows_the_author_of_is_not_built_with_another_ones_text(workspace: Workspace) -> None:
    stranger = workspace.root / "data" / "training" / "stranger"
    stranger.mkdir()
    assert ill_dataset(workspace, "stranger").fixes == ()
    planted.write_record(workspace.styles / "herman_melville.txt", "Herman Melville")
    (workspace.styles / "broken.curation.jsonl").write_text("{")
    workspace.dataset("Herman Melville").mkdir()
    (fix,) = ill_dataset(workspace, "herman_melville").fixes
    assert fix.shown.startswith("stylora dataset --author 'Herman Melville'")
    assert "--fresh" not in fix.shown  # it may have been stopped, and can go on


def test_a_damaged_history_is_told_and_ends_no_examination(workspace: Workspace) -> None:
    history = workspace.root / "rewrites" / "small_voice.jsonl"
    history.parent.mkdir()
    history.write_text("{}\n{}\n")
    assert "small_voice.jsonl:1" in ill_adapters(workspace)["small_voice, history"].detail


def test_a_training_anew_has_the_options_that_the_run_had() -> None:
    config = {"rank": 8, "learning_rate": 1e-3, "epochs": 1.0, "num_layers": -1, "grad_checkpoint": True}
    told = run({0: 4.0, 100: 4.1, 200: 4.3}, falling(200), config={**config, "time_limit": 1740.0}, model="tiny")
    assert told.fixes[0].shown == (
        "stylora train --adapter x --model tiny --rank 8 --learning-rate 0.00025 --epochs 1 --grad-checkpoint "
        "--minutes 29 --fresh"
    )
    # More epochs in the same time would be no more.
    longer = run({0: 4.0, 20: 3.98}, falling(20), config={**config, "time_limit": 60.0})
    assert "--minutes" not in longer.fixes[0].shown


def test_the_card_of_what_is_rewritten_with_is_judged(workspace: Workspace) -> None:
    folder = workspace.adapter(planted.AUTHOR)
    (card,) = planted.cards(workspace)
    save_card(folder, msgspec.structs.replace(card, strength=0.0))
    save_card(folder, msgspec.structs.replace(card, strength=0.5))
    for set_to, chosen_one, judged in ((1.0, None, 1.0), (0.4, None, 0.5), (1.0, 0.0, 0.0)):
        chosen.forget(folder)
        if chosen_one is not None:
            chosen.choose(folder, {"strength": chosen_one})
        found = examining.card_of(folder, set_to)
        assert found is not None
        assert found.strength == judged


def test_settings_that_cannot_be_read_end_the_examination_of_the_workspace(workspace: Workspace) -> None:
    assert "did you mean" in ill(settings(workspace, "[rewrite]\nstrenght = 1\n"))["stylora.toml"].detail


def test_a_job_that_failed_is_told(workspace: Workspace) -> None:
    planted.fail_job(workspace, "dataset", "styles/small_voice.txt: no such file")
    assert "no such file" in ill(workspace)["dataset: failed"].detail


def test_a_fix_is_run_by_its_number(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = workspace.adapter(planted.AUTHOR)
    chosen.choose(folder, {"strength": 0.9})
    file = folder / "chosen.toml"
    file.write_text(file.read_text().replace("of = ", "of = 'another' #"))
    monkeypatch.chdir(workspace.root)
    told = CliRunner().invoke(app, ["doctor", "--json"])
    assert told.exit_code == 1
    fixes = [fix for row in json.loads(told.stdout) for fix in row["fixes"]]
    (number,) = [fix["number"] for fix in fixes if fix["command"] == "stylora use --adapter small_voice --reset"]
    done = CliRunner().invoke(app, ["doctor", "--fix", str(number)], catch_exceptions=False)
    assert done.exit_code == 0
    assert not file.exists()
    shown = CliRunner().invoke(app, ["doctor"])
    assert "FAIL" in shown.stdout
    assert "earlier training" not in shown.stdout


def test_memory_that_ran_out_in_the_foreground_is_remembered_without_the_text(workspace: Workspace) -> None:
    error = RuntimeError("[metal::malloc] Attempting to allocate 9 bytes which is greater than the maximum")
    told = failed(workspace, "rewrite", {"text": "secret words", "author": "x", "seed": None}, error)
    assert "stylora doctor" in str(told)
    (journal,) = (workspace.private / "jobs").glob("*.jsonl")
    assert "secret" not in journal.read_text()
    (failure,) = examining.failures(workspace)
    assert failure.kind == "rewrite"
    assert "rewrite: out of memory" in ill(workspace)


def test_what_was_done_since_in_the_foreground_is_forgiven(workspace: Workspace) -> None:
    planted.fail_job(workspace, "use", "out of memory")
    planted.fail_job(workspace, "use", "out of memory", author="Somebody Else")
    # The same adapter, under the name of its folder this time.
    run_job(report_jobs.use, json=False, quiet=True, workspace=workspace, adapter=Path(planted.NAME))
    (failure,) = examining.failures(workspace)
    assert failure.params["author"] == "Somebody Else"


def test_a_base_model_that_is_not_here_is_ill_once_a_dataset_waits_for_it(tmp_path: Path) -> None:
    (tmp_path / "stylora.toml").write_text(
        'base_model = "big"\n[models.big]\nsource = "hub"\nlocation = "them/big"\npath = "models/big"\n'
    )

    def said() -> Finding:
        return next(one for one in rooms._models(Workspace(tmp_path)) if one.name == "base_model")

    assert said().passed
    assert "big is not here: make it with: stylora convert" in said().detail
    dataset = tmp_path / "data" / "training" / "poe"
    dataset.mkdir(parents=True)
    (dataset / "train.jsonl").touch()
    waiting = said()
    assert not waiting.passed
    assert waiting.why == ""
    assert waiting.fixes[0].shown == "stylora convert --model big"
