"""Datasets: every rule of the validation checkpoint, looked at again in the files as they are now."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from engine.curation.corpus import read_header
from engine.dataset.rows import SPLITS, Row, read_rows, split_file
from engine.digests import sha256_of
from engine.errors import StyloraError
from engine.recipe import RECIPE_FILE, Recipe, load_recipe
from engine.report.doctor.finding import Finding, Fix, fix, ill, well
from engine.workspace import Workspace
from engine.worldview import is_built_with

LABELLED = 40
"""Rows whose content label is looked at again. Chosen: `MISLABELLED` is told of as many."""

MISLABELLED = 0.2
"""Share of labels that may differ from what this classifier says of the input as it stands, noise and all. Measured on
a dataset of 4,830 rows (775 standard originals): .014 differ, and at worst .10 of any forty."""

_AGAIN: dict[str, str] = {
    "enough examples": "a corpus of more text: add books, or lower min_para_words",
    "inputs neutral, outputs styled": "neutral text that is further from the author",
    "every kind present": "every kind of variant that the recipe names",
}


def dataset(workspace: Workspace, folder: Path) -> Iterator[Finding]:
    """Findings about one dataset folder of a workspace. Reads every row once."""
    from engine.dataset.build import read_manifest
    from engine.dataset.checks import validate

    name = f"dataset {folder.name}"
    try:
        manifest = read_manifest(folder)
        recipe = load_recipe(folder / RECIPE_FILE)
        checks = validate(lambda split: read_rows(split_file(folder, split)), recipe)
        rows, built = _said(folder, manifest)
    except StyloraError as error:
        yield ill(name, str(error), "", *_rebuild(workspace, folder, _author(workspace, folder)))
        return
    again = _rebuild(workspace, folder, recipe.author, manifest)
    failed = [check for check in checks if not check.passed]
    if failed:
        said = "; ".join(f"{check.name}: {check.detail}" for check in failed)
        wanted = next((_AGAIN[check.name] for check in failed if check.name in _AGAIN), "")
        yield ill(name, said, f"it wants {wanted}" if wanted else "", *again)
    else:
        yield well(name, f"{rows:,} training rows; all {len(checks)} rules of the validation checkpoint hold")
    if edited := _edited(folder, built):
        yield ill(f"{name}, files", f"{edited} changed after it was built", "", *again)
    if changed := _sources_changed(workspace, manifest, recipe):
        why = "what was trained on it, or will be, knows only what they were"
        yield ill(f"{name}, sources", f"{changed} since it was built", why, *again)


def _author(workspace: Workspace, folder: Path) -> str:
    """Whose dataset a folder without a readable recipe is, by its name; '' where nothing tells."""
    known = [workspace.settings.author]
    for record in sorted(workspace.styles.glob("*.curation.jsonl")):
        with contextlib.suppress(StyloraError):
            header = read_header(record.with_name(record.name.replace(".curation.jsonl", ".txt")))
            known += [header.author] if header is not None and header.author else []
    return next((author for author in known if workspace.dataset(author) == folder), "")


def _rebuild(
    workspace: Workspace, folder: Path, author: str, manifest: Mapping[str, Any] | None = None
) -> tuple[Fix, ...]:
    """How to build a dataset again; nothing where that might put another author's in its place."""
    from engine.dataset.build import MANIFEST_FILE

    if not author:
        return ()
    corpus = _corpus(workspace, author, manifest or {})
    named = ("--corpus", str(corpus)) if corpus != workspace.corpus(author) else ()
    command = ("dataset", "--author", author, *named, "--output", str(folder))
    if not (folder / MANIFEST_FILE).exists():  # the last thing written: a build that was stopped can go on
        return (fix("build the dataset", command),)
    return (fix("build the dataset again", (*command, "--fresh")),)


def _said(folder: Path, manifest: dict[str, Any]) -> tuple[int, dict[str, str]]:
    """Training rows, and the digest of each split's file when it was built."""
    from engine.dataset.build import MANIFEST_FILE

    try:
        return int(manifest["rows"]["train"]), {split: str(manifest["sha256"][split]) for split in SPLITS}
    except (KeyError, TypeError, ValueError):
        raise StyloraError(f"{folder / MANIFEST_FILE}: not the whole of a manifest; build the dataset again") from None


def _corpus(workspace: Workspace, author: str, manifest: Mapping[str, Any]) -> Path:
    """The corpus that a dataset was built from, where it would be found now.

    The author's own, though the workspace was moved or copied since; another one only where another was named.
    """
    told = manifest.get("corpus")
    named, own = Path(str(told.get("path", ""))) if isinstance(told, dict) else Path(), workspace.corpus(author)
    return own if named.name in ("", own.name) else named


def _sources_changed(workspace: Workspace, manifest: Mapping[str, Any], recipe: Recipe) -> str:
    """What a dataset was built from and is not what it was, by content; '' where all of it is, or is not here."""
    corpus, told = _corpus(workspace, recipe.author, manifest), manifest.get("corpus")
    built = told.get("sha256") if isinstance(told, dict) else None
    found = [f"the corpus {corpus.name}"] if built and corpus.is_file() and sha256_of(corpus) != built else []
    if not is_built_with(workspace, recipe.author, recipe.worldview):
        found.append(f"the worldview {recipe.worldview.source}")
    return f"{' and '.join(found)} changed" if found else ""


def _edited(folder: Path, built: dict[str, str]) -> str:
    """Splits whose file is not the one that was built."""
    files = {split_file(folder, split): digest for split, digest in built.items()}
    return ", ".join(file.name for file, digest in files.items() if sha256_of(file) != digest)


def labels(folder: Path) -> tuple[int, int]:
    """Rows whose label is not what the classifier says of their input now, and rows looked at.

    Validation and test rows first, then training ones: standard originals, which no variant has changed.
    """
    from engine.classifier import classify
    from engine.language import parse_many

    rows = _standard(folder)
    found = [classify(doc).content for doc in parse_many([row.neutral for row in rows], entities=False)]
    return sum(row.content != content for row, content in zip(rows, found, strict=True)), len(rows)


def _standard(folder: Path) -> Sequence[Row]:
    rows: list[Row] = []
    for split in ("valid", "test", "train"):
        if not split_file(folder, split).is_file():
            continue
        for row in read_rows(split_file(folder, split)):
            if row.kind == "original" and row.input == "standard":
                rows.append(row)
                if len(rows) == LABELLED:
                    return rows
    return rows
