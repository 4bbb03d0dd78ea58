"""Build a dataset: every passage through variants, neutral text, noise and prompt, resumable, same seed same bytes."""

from __future__ import annotations

import os
import shutil
import time
import tomllib
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import msgspec
import tomli_w

from engine import language, prompting
from engine.atomic import write_text
from engine.classifier import CLASSIFIER_VERSION
from engine.constraints import constraints_of
from engine.curation.corpus import Passage, read_corpus
from engine.dataset.batches import make_all, rows_made
from engine.dataset.checks import Check, validate
from engine.dataset.rows import SPLITS, Row, read_rows, split_file, write_splits
from engine.dataset.split import split_passages
from engine.dataset.varying import open_engine, varying_of
from engine.digests import sha256_of
from engine.errors import StyloraError
from engine.neutral import Neutralizer, choose_neutralizer
from engine.progress import Progress, Report, silent
from engine.recipe import RECIPE_FILE, Neutralizing, Recipe, Worldview, save_recipe
from engine.settings import DatasetSettings, NeutralSettings
from engine.variation.engines import Engine, Rules
from engine.variation.noise import NOISE_VERSION
from engine.workspace import Workspace
from engine.worldview import read_worldview

MANIFEST_FILE = "manifest.toml"
MANIFEST_FORMAT = 1
MOST_WORKERS = 8


class Built(msgspec.Struct, frozen=True, kw_only=True):
    """What a build made."""

    output: str
    rows: dict[str, int]
    """Rows by split."""
    counts: dict[str, int]
    """Training rows by kind."""
    inputs: dict[str, int]
    """Training rows by kind of input."""
    dropped: dict[str, int]
    """Texts that failed a check, by reason."""
    fallbacks: dict[str, int] = {}
    """Texts that had to be left to `rules`, wholly or in part, by reason: neutral ones, and variants by kind."""
    retried: dict[str, int] = {}
    """Variants that failed a check and were made again, by kind."""
    passages: int
    checks: list[Check]
    seconds: float


def make_recipe(
    author: str,
    passages: Sequence[Passage],
    worldview: Worldview,
    *,
    settings: DatasetSettings,
    neutralizer: Neutralizer,
    seed: int,
    engine: Engine | None = None,
) -> Recipe:
    """The recipe of a dataset about to be built from `passages`."""
    return Recipe(
        author=author,
        prompt=prompting.PROMPT_VERSION,
        worldview=worldview,
        constraints=constraints_of([passage.text for passage in passages]),
        classifier=CLASSIFIER_VERSION,
        pipeline=language.PIPELINE_VERSION,
        neutral=Neutralizing(kind=neutralizer.kind, version=neutralizer.version, settings=dict(neutralizer.settings)),
        noise_version=NOISE_VERSION,
        noise=settings.noise,
        robustness_noise=settings.robustness_noise,
        variants=tuple(settings.variants),
        inputs=tuple(settings.inputs),
        varying=varying_of(engine or Rules(seed)),
        seed=seed,
        words=_usual_words(passages),
    )


def _usual_words(passages: Sequence[Passage]) -> tuple[int, int]:
    counts = sorted(len(passage.text.split()) for passage in passages)
    return counts[len(counts) // 2], counts[(len(counts) - 1) * 9 // 10]


def read_manifest(folder: Path) -> dict[str, Any]:
    """The manifest of a dataset folder; raises `StyloraError` where there is none or it is damaged."""
    path = folder / MANIFEST_FILE
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise StyloraError(f"{folder}: no dataset here; run 'stylora dataset' to build it") from None
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise StyloraError(f"{path}: not readable ({error}); build the dataset again") from None


def build(
    corpus: Path,
    output: Path,
    *,
    author: str,
    worldview: Path,
    settings: DatasetSettings | None = None,
    neutral: NeutralSettings | None = None,
    seed: int = 42,
    fresh: bool = False,
    workers: int | None = None,
    workspace: Workspace | None = None,
    report: Report = silent,
) -> Built:
    """Build `train.jsonl`, `valid.jsonl`, `test.jsonl`, `recipe.toml` and `manifest.toml` in `output`.

    A build that was stopped goes on where it was and ends in the same bytes; a finished one of the same corpus and
    recipe is not repeated, unless `fresh`. `workers` processes share the work (default: one for each core, up to
    eight; each takes about half a gigabyte) and do not change the result. `workspace` holds the models and the cache of
    neutralizers other than `rules`. Raises `StyloraError` for a corpus that cannot be read, or an output folder that
    belongs to another author.
    """
    settings = settings or DatasetSettings()
    began = time.monotonic()
    _refuse_other_author(output, author)
    passages = read_corpus(corpus)
    neutralizer = choose_neutralizer(neutral or NeutralSettings(), workspace, report)
    engine = open_engine(settings, neutral or NeutralSettings(), workspace, seed, report)
    recipe = make_recipe(
        author,
        passages,
        read_worldview(worldview, author),
        settings=settings,
        neutralizer=neutralizer,
        seed=seed,
        engine=engine,
    )
    corpus_digest = sha256_of(corpus)
    if not fresh and (finished := _finished(output, recipe, corpus_digest)):
        return finished
    splits = split_passages(
        {passage.id: passage.text for passage in passages},
        valid=settings.valid,
        test=settings.test,
        seed=seed,
        chains={passage.id: passage.chain for passage in passages},
    )
    partial = output / ".building" / f"{recipe.digest}-{corpus_digest[:16]}.jsonl"
    if fresh:
        shutil.rmtree(partial.parent, ignore_errors=True)
    made = make_all(
        [(passage, splits[passage.id]) for passage in passages],
        recipe,
        neutralizer,
        partial,
        workers or min(os.cpu_count() or 1, MOST_WORKERS),
        report,
        workspace,
        engine,
    )
    rows, kinds, inputs = Counter[str](dict.fromkeys(SPLITS, 0)), Counter[str](), Counter[str]()

    def dealt() -> Iterator[tuple[str, Row]]:
        for row in rows_made(partial):
            split = splits[row.passage]
            rows[split] += 1
            if split == "train":
                kinds[row.kind] += 1
                inputs[row.input] += 1
            yield split, row

    # The manifest goes first on a rebuild and comes last: a folder with one is complete.
    (output / MANIFEST_FILE).unlink(missing_ok=True)
    save_recipe(recipe, output / RECIPE_FILE)
    digests = write_splits(output, dealt())
    report(Progress("dataset: checks", message="running the validation checkpoint"))
    checks = validate(lambda split: read_rows(split_file(output, split)), recipe)
    built = Built(
        output=str(output),
        rows=dict(rows),
        counts=_sorted(kinds),
        inputs=_sorted(inputs),
        dropped=_sorted(made.dropped),
        fallbacks=_sorted(made.fallbacks),
        retried=_sorted(made.retried),
        passages=len(passages),
        checks=checks,
        seconds=time.monotonic() - began,
    )
    manifest = {
        "format": MANIFEST_FORMAT,
        "author": author,
        "recipe": recipe.digest,
        "corpus": {"path": str(corpus), "sha256": corpus_digest, "passages": len(passages)},
        "rows": built.rows,
        "counts": built.counts,
        "inputs": built.inputs,
        "dropped": built.dropped,
        "neutral": recipe.neutral.kind,
        "fallbacks": built.fallbacks,
        "retried": built.retried,
        "sha256": digests,
        "checks": [msgspec.to_builtins(check) for check in checks],
    }
    write_text(output / MANIFEST_FILE, tomli_w.dumps(manifest))
    shutil.rmtree(partial.parent, ignore_errors=True)
    return built


def _finished(output: Path, recipe: Recipe, corpus_digest: str) -> Built | None:
    """What an earlier build of the same recipe and corpus made, if its files are still as it left them."""
    if not (output / MANIFEST_FILE).exists():
        return None
    manifest = read_manifest(output)
    if (manifest.get("recipe"), manifest.get("corpus", {}).get("sha256")) != (recipe.digest, corpus_digest):
        return None
    for split, digest in manifest["sha256"].items():
        path = split_file(output, split)
        if not path.exists() or sha256_of(path) != digest:
            return None
    return msgspec.convert(
        {**manifest, "output": str(output), "passages": manifest["corpus"]["passages"], "seconds": 0.0}, Built
    )


def _sorted(counts: Counter[str]) -> dict[str, int]:
    return dict(sorted(counts.items(), key=lambda item: (-item[1], item[0])))


def _refuse_other_author(output: Path, author: str) -> None:
    if (output / MANIFEST_FILE).exists():
        other = read_manifest(output).get("author")
        if other != author:
            raise StyloraError(f"{output}: holds the dataset of {other!r}, not of {author!r}; choose another --output")
