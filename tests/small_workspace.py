"""A workspace with a tiny model and a small dataset, ready to train in."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from once import once

from engine.curation.corpus import Passage, read_corpus
from engine.curation.curate import curate
from engine.host import jobs
from engine.progress import silent
from engine.workspace import Workspace, bundled


def copied_workspace(factory: pytest.TempPathFactory, name: str, tiny_model: Path) -> Workspace:
    """A workspace as `make_workspace` makes it, to write into; the dataset is built once for all test files."""
    made = once(factory, "small-workspace", lambda root: make_workspace(root, tiny_model))
    root = Path(shutil.copytree(made, factory.mktemp(name) / "w"))
    manifest = Workspace(root).dataset("Small Voice") / "manifest.toml"
    manifest.write_text(manifest.read_text(encoding="utf-8").replace(str(made), str(root)), encoding="utf-8")
    return Workspace(root)


def curated_book(factory: pytest.TempPathFactory) -> list[Passage]:
    """The passages of the bundled book, curated once for all test files."""
    book = bundled("styles", "unconducted_chorus_full.txt")
    return read_corpus(once(factory, "whole.txt", lambda path: curate([book], path)))


def make_workspace(root: Path, tiny_model: Path) -> Workspace:
    """A workspace at `root` of an author whose dataset has originals alone."""
    made = Workspace.create(root)
    shutil.copytree(tiny_model, made.models / "tiny")
    (made.root / "stylora.toml").write_text(
        'author = "Small Voice"\nbase_model = "tiny"\n[dataset]\nvariants = []\ninputs = ["standard"]\n'
        '[models.tiny]\nsource = "folder"\nlocation = "models/tiny"\npath = "models/tiny"\n'
    )
    book = bundled("styles", "unconducted_chorus_full.txt").read_text(encoding="utf-8")
    passages = [" ".join(part.split()) for part in book.split("\n\n") if 50 <= len(part.split()) <= 110]
    made.corpus("Small Voice").write_text("\n\n".join(passages[10:34]) + "\n", encoding="utf-8")
    made = Workspace(made.root)
    jobs.dataset(made, silent)
    return made
