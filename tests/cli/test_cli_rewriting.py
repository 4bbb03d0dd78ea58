"""The rewriting commands: pipes, documents, diffs, and the history, with a tiny model."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from small_adapter import write_small_adapter
from test_cli import complaint, stylora

from engine.workspace import Workspace

NOTE = "The gate was closed in 1987, and nobody saw it.[^1]"


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory, tiny_model: Path) -> Path:
    made = Workspace.create(tmp_path_factory.mktemp("cli") / "w")
    (made.root / "stylora.toml").write_text(
        f'base_model = "tiny"\n[models.tiny]\nsource = "folder"\nlocation = "{tiny_model}"\npath = "{tiny_model}"\n'
        "[rewrite]\nvariations = 2\nretries = 0\n"
    )
    write_small_adapter(made.root / "lora_adapters" / "unconducted_chorus", tiny_model, size=40)
    (made.root / "note.md").write_text(f"# Head\n\n{NOTE}\n\n```\n{NOTE}\n```\n", encoding="utf-8")
    return made.root


def test_a_document_goes_to_a_file_and_everything_but_prose_stays(workspace: Path) -> None:
    done = stylora("rewrite", "--file", "note.md", "--output", "out.md", "--diff", "--explain", cwd=workspace)
    assert done.returncode == 0, done.stderr
    text = (workspace / "out.md").read_text(encoding="utf-8")
    assert text.startswith("# Head\n\n")
    assert text.endswith(f"\n\n```\n{NOTE}\n```\n")
    assert text.count("[^1]") == 2
    assert f"\n-{NOTE}\n+" in done.stdout
    for step in ("references out", "perspective", "neutral", "noise", "prompt", "decoded"):
        assert f"\n{step}\n" in f"\n{done.stdout}"
    assert not list(workspace.glob(".*partial*"))


def test_a_passage_goes_through_a_pipe_and_into_the_history(workspace: Path) -> None:
    done = stylora("rewrite", "-", cwd=workspace, stdin=NOTE)
    assert done.returncode == 0, done.stderr
    assert "[^1]" in done.stdout
    assert done.stdout.count("\n") == 1
    kept = stylora("keep", "--variation", "2", cwd=workspace)
    assert kept.stdout.startswith("kept 1.2: "), kept.stderr
    assert "1  asked, 2 texts, kept 2: The gate" in stylora("history", cwd=workspace).stdout


def test_mistakes_are_one_line(workspace: Path) -> None:
    assert "choose one way" in complaint(stylora("rewrite", "x", "--diff", "--all", cwd=workspace))
    assert "nothing to compare" in complaint(stylora("compare", NOTE, cwd=workspace))
    (workspace / "latin.txt").write_bytes(b"caf\xe9")
    assert "not UTF-8" in complaint(stylora("rewrite", "--file", "latin.txt", cwd=workspace))
    assert "one of the two" in complaint(stylora("rewrite", "x", "--file", "note.md", cwd=workspace))
    assert "not UTF-8" in complaint(stylora("rewrite", "caf\udce9", cwd=workspace))
    unknown = stylora("rewrite", NOTE, "--perspective", "second", cwd=workspace)
    assert unknown.returncode == 2
    assert "'plural', 'third'" in unknown.stderr


def test_output_that_nobody_takes_is_no_accident(workspace: Path) -> None:
    def history(stdout: int) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "tui.cli", "history", "--json"]
        return subprocess.run(command, cwd=workspace, stdout=stdout, stderr=subprocess.PIPE, text=True, timeout=60)

    reader, writer = os.pipe()
    os.close(reader)
    try:
        gone = history(writer)
        assert gone.returncode != 0
        assert gone.stderr == ""
    finally:
        os.close(writer)
    if Path("/dev/full").exists():
        with Path("/dev/full").open("w") as full:
            told = history(full.fileno())
        assert told.returncode == 1
        assert told.stderr.startswith("stylora: standard output: No space left")
        assert told.stderr.count("\n") == 1
