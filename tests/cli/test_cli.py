"""The command line: help for everything, one line for every mistake, JSON for machines, pipes."""

import json
import os
import shutil
import signal
import subprocess
import sys
from importlib import metadata
from pathlib import Path

import pytest
from warm import WARM

from engine.language import sentences
from engine.workspace import Workspace

COMMANDS = [
    "init",
    "curate",
    "dataset",
    "models",
    "convert",
    "fuse",
    "adapter",
    "runs",
    "train",
    "rewrite",
    "check",
    "sweep",
    "blind",
    "use",
    "doctor",
    "demo",
    "attach",
    "status",
    "stop",
    "keys",
    "serve",
]


def stylora(
    *arguments: str, cwd: Path, stdin: str | None = None, python: tuple[str, ...] = WARM
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*python, "-m", "tui.cli", *arguments],
        cwd=cwd,
        input=stdin,
        capture_output=True,
        text=True,
        timeout=120,
        env={**os.environ, "OMP_NUM_THREADS": "1", "COLUMNS": "100"},
    )


def complaint(result: subprocess.CompletedProcess[str]) -> str:
    """The one line an error must be; fails on a traceback, on several lines, on success."""
    assert result.returncode == 1, result.stderr
    lines = [line for line in result.stderr.splitlines() if line.startswith("stylora: ")]
    assert len(lines) == 1, result.stderr
    assert "Traceback" not in result.stderr
    assert result.stderr.splitlines()[-1] == lines[0]
    return lines[0]


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    return Workspace.create(tmp_path / "w").root


def test_every_command_explains_itself(tmp_path: Path) -> None:
    overview = stylora("--help", cwd=tmp_path).stdout
    for command in COMMANDS:
        assert f" {command} " in overview


@pytest.mark.parametrize(
    ("command", "options"),
    [
        ("curate", ["--input", "--output", "--target-tokens", "--min-para-words"]),
        ("dataset", ["--corpus", "--author", "--output", "--skip-perspective"]),
        ("convert", ["--hf-path", "--q-bits", "--mlx-path"]),
        ("train", ["--config"]),
    ],
)
def test_a_command_has_the_missions_options(tmp_path: Path, command: str, options: list[str]) -> None:
    text = stylora(command, "--help", cwd=tmp_path).stdout
    for option in [*options, "--json"]:
        assert option in text


def test_outside_a_workspace_the_way_in_is_named(tmp_path: Path) -> None:
    assert "stylora init" in complaint(stylora("curate", cwd=tmp_path))


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("missing.txt", None, "no such file"),
        ("empty.txt", b"", "empty"),
        ("picture.txt", b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR" + bytes(500), "a picture, not text"),
        ("binary.txt", bytes(range(256)) * 9, "binary.txt"),
        ("short.txt", b"Only a few words stand here. " * 9, "passages"),
    ],
    ids=["missing", "empty", "picture", "binary", "short"],
)
def test_a_bad_book_is_one_line_and_writes_nothing(
    workspace: Path, name: str, content: bytes | None, message: str
) -> None:
    if content is not None:
        (workspace / name).write_bytes(content)
    before = sorted((workspace / "styles").iterdir())
    error = complaint(stylora("curate", "--input", name, "--output", "styles/out.txt", cwd=workspace))
    assert message in error
    assert name in error
    assert sorted((workspace / "styles").iterdir()) == before


def test_a_corpus_of_fifty_words_is_refused_by_the_dataset_too(workspace: Path) -> None:
    (workspace / "tiny.txt").write_text("word " * 50, encoding="utf-8")
    error = complaint(stylora("dataset", "--corpus", "tiny.txt", "--output", "out", cwd=workspace))
    assert "tiny.txt" in error
    assert not list((workspace / "out").glob("*.jsonl"))


def test_an_adapter_without_a_recipe_is_refused(workspace: Path) -> None:
    folder = workspace / "lora_adapters" / "bare"
    folder.mkdir(parents=True)
    (folder / "adapters.safetensors").write_bytes(b"")
    error = complaint(stylora("rewrite", "A bridge fell.", "--adapter", "lora_adapters/bare", cwd=workspace))
    assert "recipe" in error


def test_training_without_a_dataset_names_the_command_that_makes_one(workspace: Path) -> None:
    assert "stylora dataset" in complaint(stylora("train", "--model", "smollm2-135m", cwd=workspace))


def test_a_wrong_option_is_a_usage_error(workspace: Path) -> None:
    for arguments, said in (
        (("curate", "--min-para-words", "none"), "invalid value for '--min-para-words': "),
        (("curate", "--nosuch"), "no such option: --nosuch"),
        (("curat",), "no such command 'curat'"),
        (("steer",), "missing argument 'action'"),
    ):
        result = stylora(*arguments, cwd=workspace)
        assert (result.returncode, result.stdout) == (2, "")
        assert result.stderr.startswith(f"stylora: {said}")
        assert result.stderr.endswith(" --help'\n")
        assert result.stderr.count("\n") == 1


def test_the_version_is_the_packages(workspace: Path) -> None:
    assert stylora("--version", cwd=workspace).stdout == f"stylora {metadata.version('stylora')}\n"


def test_a_mistyped_setting_stops_every_command(workspace: Path) -> None:
    path = workspace / "stylora.toml"
    path.write_text(path.read_text(encoding="utf-8").replace("rank =", "rnk ="), encoding="utf-8")
    assert "did you mean 'rank'?" in complaint(stylora("curate", cwd=workspace))


def test_the_bundled_author_is_curated_and_told_as_json(workspace: Path) -> None:
    result = stylora("curate", "--json", cwd=workspace)
    assert result.returncode == 0, result.stderr
    curated = json.loads(result.stdout)
    assert curated["passages"] >= 120
    assert curated["words"] >= 12_000
    assert "footnote" in curated["removed"]
    assert 0 not in curated["removed"].values()
    corpus = Path(curated["output"]).read_text(encoding="utf-8")
    for furniture in ("CHAPTER", "Copyright", "THE UNCONDUCTED CHORUS", "[1]", "- 12 -", "fer-\nryman"):
        assert furniture not in corpus
    assert all(len(passage.split()) >= 60 for passage in corpus.strip().split("\n\n"))


def test_models_lists_the_embedded_one_and_how_to_get_the_other(workspace: Path) -> None:
    rows = {row["name"]: row for row in json.loads(stylora("models", "--json", cwd=workspace).stdout)["models"]}
    assert rows["smollm2-135m"]["kind"] == "instruct"
    assert "stylora convert" in rows["qwen2.5-14b"]["problem"]


def test_the_doctor_finds_this_machine_fit(workspace: Path) -> None:
    result = stylora("doctor", "--json", cwd=workspace, python=(sys.executable,))
    rows = {row["name"]: row for row in json.loads(result.stdout)}
    assert rows["mlx"]["passed"]
    assert "GFLOP/s" in rows["BLAS"]["detail"]
    assert rows["spaCy pipeline"]["passed"]


@pytest.mark.skipif(sys.platform != "linux" or os.geteuid() != 0, reason="mounting a small disk needs root on Linux")
def test_a_full_disk_is_one_line_and_leaves_nothing_half_written(workspace: Path) -> None:
    disk = workspace / "disk"
    disk.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(disk)], capture_output=True)
    if mounted.returncode:
        pytest.skip("this machine does not let a small disk be mounted")
    try:
        error = complaint(stylora("curate", "--output", "disk/corpus.txt", cwd=workspace))
        assert "disk is full" in error
        assert os.listdir(disk) == []
    finally:
        subprocess.run(["umount", str(disk)], check=True)


def test_init_twice_is_refused(workspace: Path) -> None:
    assert "never rewritten" in complaint(stylora("init", cwd=workspace))
    shutil.rmtree(workspace)


def test_ctrl_c_stops_a_build_where_it_can_go_on(workspace: Path) -> None:
    (workspace / "stylora.toml").write_text('[dataset]\nvariants = []\ninputs = ["standard"]\n')
    book = (workspace / "styles" / "unconducted_chorus_full.txt").read_text(encoding="utf-8")
    told = sorted(set(sentences(" ".join(book.split()))), key=lambda sentence: (len(sentence), sentence))
    chosen = [sentence for sentence in told if len(sentence.split()) >= 20][:80]
    Workspace(workspace).corpus("The Unconducted Chorus").write_text("\n\n".join(chosen), encoding="utf-8")
    building = subprocess.Popen(
        [sys.executable, "-m", "tui.cli", "dataset"],
        cwd=workspace,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    assert building.stderr is not None
    first = building.stderr.readline()
    assert first.startswith("dataset: 16 of 80"), first
    os.killpg(building.pid, signal.SIGINT)
    _, rest = building.communicate(timeout=60)
    assert building.returncode == 130, rest
    assert rest.splitlines()[-1] == "stylora: stopped; start the same command again to go on"
    folder = workspace / "data" / "training" / "unconducted_chorus"
    assert not (folder / "manifest.toml").exists()
    kept = next((folder / ".building").iterdir()).read_bytes().count(b"\n")
    assert 1 <= kept < 5


@pytest.mark.parametrize(
    ("author", "said"),
    [("", "no letter or digit to make a file name of"), ("../x", "a name, not a path")],
)
def test_author_that_is_no_name_is_refused_and_nothing_written(workspace: Path, author: str, said: str) -> None:
    before = sorted(workspace.rglob("*"))
    line = complaint(stylora("curate", "--author", author, "--input", "styles", cwd=workspace))
    assert line.startswith(f"stylora: --author {author!r}: ")
    assert said in line
    assert sorted(workspace.rglob("*")) == before


def test_missing_book_is_said_before_any_model_is_made(workspace: Path) -> None:
    line = complaint(stylora("curate", "--input", "missing.txt", cwd=workspace))
    assert line.endswith("missing.txt: no such file or folder; check the name")
    assert not any(workspace.glob("models/*"))


@pytest.mark.parametrize("command", ["check", "sweep", "use"])
def test_measuring_without_an_adapter_says_that_there_is_none(workspace: Path, command: str) -> None:
    line = complaint(stylora(command, "--author", "Nobody", cwd=workspace))
    assert "lora_adapters/nobody: no adapter there yet; train one with 'stylora train'" in line


def test_a_time_limit_of_nothing_is_refused_in_the_words_of_its_option(workspace: Path) -> None:
    line = complaint(stylora("train", "--minutes", "0", cwd=workspace))
    assert line.startswith("stylora: minutes 0: must be above 0")
