"""Neutral text through a server: a real one with the embedded model, and a scripted one that translates well."""

import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from scripted_server import Reply, Scripted, completion, serving
from small_workspace import curated_book
from translating_server import translate

from engine.curation.corpus import read_corpus
from engine.dataset.build import Built, build, read_manifest
from engine.dataset.rows import SPLITS, Row, read_rows, split_file
from engine.errors import Cancelled, StyloraError
from engine.generation.document import rewrite_document
from engine.generation.rewriter import Rewriter
from engine.models.endpoint import Endpoint, Server
from engine.models.loading import load
from engine.models.sampling import Sampling
from engine.neutral import Neutralizer, choose_neutralizer, open_neutralizer, trace
from engine.neutral.model import PROMPTS
from engine.neutral.punctuation import straighten
from engine.progress import Progress
from engine.recipe import load_recipe
from engine.settings import DatasetSettings
from engine.workspace import BUNDLED_AUTHOR, SETTINGS_FILE, Workspace, bundled

WORLDVIEW = bundled("prompts", "unconducted_chorus_worldview.txt")
TEXTS = [
    "The wheel turned, and in all that time nobody had asked it why; it stopped in 1847.",
    "Silas Thorn, who was the miller, told me that the sea drove the wheel.",
]
KEY = "sk-very-secret-0123"


def workspace_at(folder: Path, url: str, **neutral: object) -> Workspace:
    made = Workspace.create(folder)
    lines = {"kind": "server", "model": "m", "url": url, **neutral}
    said = "\n".join(
        f"{name} = {str(value).lower() if isinstance(value, bool) else repr(value)}" for name, value in lines.items()
    )
    path = made.root / SETTINGS_FILE
    path.write_text(f"{path.read_text(encoding='utf-8')}\n[neutral]\n{said}\n", encoding="utf-8")
    return Workspace(made.root)


def opened(workspace: Workspace) -> Neutralizer:
    return choose_neutralizer(workspace.settings.neutral, workspace)


@pytest.fixture(scope="module")
def translator() -> Iterator[Scripted]:
    with serving(translate) as server:
        yield server


@pytest.fixture(scope="module")
def mlx_server(embedded_model: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Address of a real `mlx_lm.server` with the embedded model."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    log = tmp_path_factory.mktemp("server") / "log.txt"
    command = [sys.executable, "-m", "mlx_lm", "server", "--model", str(embedded_model), "--host", "127.0.0.1"]
    with log.open("wb") as file:
        process = subprocess.Popen([*command, "--port", str(port)], stdout=file, stderr=subprocess.STDOUT)
    try:
        for _ in range(600):
            try:
                urllib.request.urlopen(f"http://127.0.0.1:{port}/health", timeout=2)
                break
            except OSError:
                assert process.poll() is None, log.read_text()
                time.sleep(0.1)
        yield f"http://127.0.0.1:{port}/v1"
    finally:
        process.kill()
        process.wait()


def test_a_real_server_answers(mlx_server: str) -> None:
    endpoint = Endpoint(Server(url=mlx_server, model="default_model", concurrency=2))
    answers = endpoint.answer(
        ["What is the capital of France? Answer in one short sentence.", "Write a story."], max_tokens=[24, 4]
    )
    assert "Paris" in (answers[0] or "")
    assert answers[1] is None


def test_a_real_server_that_lacks_the_model_is_one_line(mlx_server: str) -> None:
    endpoint = Endpoint(Server(url=mlx_server, model="no-such-owner/no-such-model"))
    with pytest.raises(StyloraError, match="refuses to answer with model 'no-such-owner/no-such-model'"):
        endpoint.answer(["Say hello."], max_tokens=[4])


def test_a_real_server_makes_nothing_that_is_not_checked(mlx_server: str, tmp_path: Path) -> None:
    workspace = workspace_at(tmp_path / "w", mlx_server, model="default_model", attempts=1)
    for name in PROMPTS:  # both ways there and back, and quickly
        (workspace.prompts / name).write_text("Answer with one word: yes.\n\n{text}", encoding="utf-8")
    short = ["Silas stopped the wheel in 1847, and nobody asked him why."]
    made = trace(opened(workspace), short)
    assert made[0].fallback in ("too short", "lost a name or number", "no answer", "not English")
    assert made[0].text == open_neutralizer("rules").neutralize(short)[0]


def test_a_good_translator_is_believed(translator: Scripted, tmp_path: Path) -> None:
    made = trace(opened(workspace_at(tmp_path / "w", translator.url)), TEXTS)
    assert [one.text for one in made] == TEXTS
    assert not any(one.fallback for one in made)


def test_the_recipe_names_neither_address_nor_key(
    translator: Scripted, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STYLORA_TEST_KEY", KEY)
    workspace = workspace_at(tmp_path / "w", translator.url, key_env="STYLORA_TEST_KEY")
    neutralizer = opened(workspace)
    trace(neutralizer, TEXTS)
    said = repr(neutralizer.settings)
    assert neutralizer.settings["model"] == "m"
    assert "127.0.0.1" not in said
    assert "STYLORA_TEST_KEY" not in said
    for path in workspace.root.rglob("*"):
        assert not path.is_file() or KEY.encode() not in path.read_bytes()


def test_another_model_behind_the_address_is_refused_with_both(translator: Scripted, tmp_path: Path) -> None:
    settings = opened(workspace_at(tmp_path / "w", translator.url)).settings
    other = workspace_at(tmp_path / "other", translator.url, model="another")
    with pytest.raises(StyloraError, match="trained with 'm', here it is 'another'"):
        open_neutralizer("server", settings, other)
    nowhere = Workspace.create(tmp_path / "nowhere")
    with pytest.raises(StyloraError, match=r"comes from model 'm' behind a server; say where it is: \[neutral\] url"):
        open_neutralizer("server", settings, nowhere)


def test_a_missing_key_is_said_before_any_work(translator: Scripted, tmp_path: Path) -> None:
    with pytest.raises(StyloraError, match="STYLORA_NO_KEY"):
        opened(workspace_at(tmp_path / "w", translator.url, key_env="STYLORA_NO_KEY"))


# The dataset built with it.


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The 20 shortest passages of the bundled book: two batches of a build."""
    folder = tmp_path_factory.mktemp("corpus")
    passages = sorted((one.text for one in curated_book(tmp_path_factory)), key=len)[:20]
    path = folder / "chorus.txt"
    path.write_text("\n\n".join(passages) + "\n", encoding="utf-8")
    return path


SETTINGS = DatasetSettings(variants=("robustness",))


def build_in(workspace: Workspace, corpus: Path, **options: object) -> Built:
    return build(
        corpus,
        workspace.dataset(BUNDLED_AUTHOR),
        author=BUNDLED_AUTHOR,
        worldview=WORLDVIEW,
        settings=SETTINGS,
        neutral=workspace.settings.neutral,
        workspace=workspace,
        seed=7,
        **options,  # type: ignore[arg-type]
    )


@pytest.fixture(scope="module")
def workspace(translator: Scripted, tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    return workspace_at(tmp_path_factory.mktemp("street") / "w", translator.url)


@pytest.fixture(scope="module")
def built(workspace: Workspace, corpus: Path) -> Built:
    return build_in(workspace, corpus)


def rows_of(workspace: Workspace) -> dict[str, list[Row]]:
    folder = workspace.dataset(BUNDLED_AUTHOR)
    return {split: list(read_rows(split_file(folder, split))) for split in SPLITS}


def digests(workspace: Workspace) -> dict[str, object]:
    return dict(read_manifest(workspace.dataset(BUNDLED_AUTHOR))["sha256"])


def test_a_dataset_is_built_from_the_servers_text(built: Built, workspace: Workspace) -> None:
    folder = workspace.dataset(BUNDLED_AUTHOR)
    recipe = load_recipe(folder / "recipe.toml")
    assert recipe.neutral.kind == "server"
    assert "Translate" in recipe.neutral.settings["to_pivot"]
    assert read_manifest(folder)["fallbacks"] == built.fallbacks
    assert built.rows["train"] > 40
    # Noise aside, what the scripted translator gives back is the author's text itself.
    row = next(row for row in rows_of(workspace)["valid"])
    theirs, mine = set(straighten(row.styled).split()), set(row.neutral.split())
    assert len(theirs & mine) > 0.8 * len(theirs)


def test_what_the_server_spoils_is_left_to_the_rules_and_counted(corpus: Path, tmp_path: Path) -> None:
    def spoil(question: str, times: int) -> Reply:
        return (200, {}, b"<html>") if "Text:\nA" in question else translate(question, times)

    with serving(spoil) as server:
        workspace = workspace_at(tmp_path / "w", server.url, attempts=1)
        # One try each: the pauses between tries are not what is tested here.
        reports: list[Progress] = []
        neutralizer = choose_neutralizer(workspace.settings.neutral, workspace, reports.append)
        neutralizer.rephrase.instruct.tries = 1  # type: ignore[attr-defined]
        passages = [one.text for one in read_corpus(corpus)]
        made = trace(neutralizer, passages)
    spoilt = [passage.startswith("A") for passage in passages]
    assert [one.fallback == "no answer" for one in made] == spoilt
    assert any(spoilt)
    assert reports[-1].values["fallbacks"] == sum(spoilt)


def test_a_rewrite_of_a_text_left_to_the_rules_says_so(
    built: Built, workspace: Workspace, translator: Scripted, tiny_model: Path
) -> None:
    recipe = load_recipe(workspace.dataset(BUNDLED_AUTHOR) / "recipe.toml")
    rewriter = Rewriter(load(tiny_model), recipe, workspace=workspace)
    translator.script = lambda *_: completion("Yes.")
    try:
        document = rewrite_document(rewriter, " ".join(TEXTS), variations=2, strength=1.0, sampling=Sampling(), seed=1)
    finally:
        translator.script = translate
    assert document.steps[0].fallback == "too short"
    for variation in (*document.variations, document.best):
        notes = [finding for finding in variation.findings if finding.kind == "neutral"]
        assert [(note.message, note.weight) for note in notes] == [("plain text made by rules (too short)", 0.0)]


def test_a_second_build_asks_nothing(built: Built, workspace: Workspace, translator: Scripted, corpus: Path) -> None:
    before, asked = digests(workspace), len(translator.asked)
    assert build_in(workspace, corpus, fresh=True).rows == built.rows
    assert digests(workspace) == before
    assert len(translator.asked) == asked


def test_a_stopped_build_goes_on_and_ends_in_the_same_bytes(
    built: Built, workspace: Workspace, translator: Scripted, corpus: Path, tmp_path: Path
) -> None:
    other = workspace_at(tmp_path / "w", translator.url)

    def stop(event: Progress) -> None:
        if event.stage == "neutral text" and event.done:
            raise Cancelled

    for _ in range(2):
        with pytest.raises(Cancelled):
            build_in(other, corpus, report=stop)
    assert build_in(other, corpus).rows == built.rows
    assert digests(other) == digests(workspace)


def test_a_build_killed_with_its_process_goes_on_and_ends_in_the_same_bytes(
    built: Built, workspace: Workspace, translator: Scripted, corpus: Path, tmp_path: Path
) -> None:
    other = workspace_at(tmp_path / "w", translator.url)
    code = f"""
from pathlib import Path
from engine.dataset.build import build
from engine.settings import DatasetSettings
from engine.workspace import Workspace
workspace = Workspace(Path({str(other.root)!r}))
build(Path({str(corpus)!r}), workspace.dataset({BUNDLED_AUTHOR!r}), author={BUNDLED_AUTHOR!r},
      worldview=Path({str(WORLDVIEW)!r}), settings=DatasetSettings(variants=("robustness",)),
      neutral=workspace.settings.neutral, workspace=workspace, seed=7)
"""
    asked = len(translator.asked)
    process = subprocess.Popen([sys.executable, "-c", code], cwd=Path(__file__).parents[2])
    # Killed while it asks: some groups are kept, the rest is not.
    while len(translator.asked) < asked + 20 and process.poll() is None:
        time.sleep(0.01)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    assert not (other.dataset(BUNDLED_AUTHOR) / "manifest.toml").exists()
    assert build_in(other, corpus).rows == built.rows
    assert digests(other) == digests(workspace)


def test_a_server_that_goes_away_loses_nothing(
    corpus: Path, tmp_path: Path, built: Built, workspace: Workspace
) -> None:
    def until(event: Progress) -> None:
        if event.stage == "dataset" and event.done:
            server.script = lambda *_: (402, {}, b'{"error": {"message": "Insufficient Balance"}}')

    with serving(translate) as server:
        other = workspace_at(tmp_path / "w", server.url)
        with pytest.raises(StyloraError, match=r"\(status 402: Insufficient Balance\)"):
            build_in(other, corpus, report=until)
        finished = len(server.asked)
        server.script = translate
        assert build_in(other, corpus).rows == built.rows
        assert digests(other) == digests(workspace)
        texts = [one["messages"][0]["content"] for one in server.asked]
        assert not set(texts[: finished - 8]) & set(texts[finished:])
