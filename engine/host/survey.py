"""The real state of a workspace, read from its files alone: cheap, tolerant of what is missing or broken.

Nothing here raises for a file that is absent, half written or of another version; it is shown as not there.
"""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

import msgspec

from engine.atomic import atomic_path
from engine.curation.overrides import digest, read_history, standing
from engine.curation.pieces import BEYOND as BEYOND
from engine.digests import sha256_of
from engine.errors import StyloraError
from engine.recipe import RECIPE_FILE, Recipe, load_recipe
from engine.settings import Settings
from engine.workspace import Workspace, slug
from engine.worldview import is_built_with

READABLE = (".txt", ".md", ".html", ".htm", ".xhtml", ".epub", ".pdf")
"""Endings of the files that curation reads."""
_COUNTED_BYTES = 32 << 20
_RAW_ENDING = "_full"
_TOKENS_PER_WORD = 1.35


@dataclass(frozen=True)
class RawFile:
    path: Path
    size: int
    words: int | None
    """None where counting would need a reader (EPUB, PDF) or too long."""


@dataclass(frozen=True)
class Corpus:
    """A curated corpus; words `removed` by cleaning and passages `dropped` by selection, by reason."""

    path: Path
    passages: int
    words: int
    tokens: int
    estimated: bool
    """`tokens` is a guess from the words: no tokenizer has counted them."""
    removed: Mapping[str, int]
    dropped: Mapping[str, int]
    settings: Mapping[str, Any]
    thresholds: tuple[tuple[int, int, int], ...] = ()
    """Passages and words there would be at other shortest lengths: (words at least, passages, words)."""
    waiting: bool = False
    """The user has decided otherwise on some of its text since it was made."""
    author: str = ""
    """The name it was curated under."""


@dataclass(frozen=True)
class DatasetState:
    path: Path
    rows: Mapping[str, int]
    """By split; only complete datasets are listed."""
    counts: Mapping[str, int]
    inputs: Mapping[str, int]
    dropped: Mapping[str, int]
    checks: tuple[tuple[str, bool, str], ...]
    """Name, passed, detail of each line of the validation checkpoint."""
    stale: bool
    """The corpus has changed since."""
    fallbacks: Mapping[str, int] = field(default_factory=dict)
    """Texts left to the rules, by reason."""
    retried: Mapping[str, int] = field(default_factory=dict)
    """Variants that failed a check and were made again, by kind."""
    passages: int = 0
    """Of the corpus it was built from."""
    recipe: Recipe | None = None
    """None where it is missing or of another version."""
    other_worldview: bool = False
    """The worldview file has changed since."""


@dataclass(frozen=True)
class AdapterState:
    path: Path
    complete: bool
    """Weights and recipe are there, so it can rewrite."""
    run: Mapping[str, Any]
    """What `run.toml` says, empty where there is none."""
    modified: float


@dataclass(frozen=True)
class AuthorState:
    name: str
    slug: str
    raw: tuple[RawFile, ...]
    corpus: Corpus | None
    dataset: DatasetState | None
    adapter: AdapterState | None


@dataclass(frozen=True)
class ModelState:
    name: str
    path: Path
    present: bool
    instruct: bool
    source: str
    location: str
    q_bits: int


@dataclass(frozen=True)
class Survey:
    root: Path
    settings: Settings
    problem: str
    """Why `stylora.toml` could not be read; the defaults stand in for it."""
    authors: tuple[AuthorState, ...]
    models: tuple[ModelState, ...]

    def author(self, name: str) -> AuthorState | None:
        """The author whose slug is `name`."""
        return next((author for author in self.authors if author.slug == name), None)


def _toml(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}


def _table(value: object) -> dict[str, Any]:
    return dict(value) if isinstance(value, dict) else {}


def _counts(value: object, of: str = "") -> dict[str, int]:
    """Counts by name; with `of`, that field of a tally (``{"pieces": 3, "words": 40}``)."""
    counts = {key: _table(tally).get(of) if of else tally for key, tally in _table(value).items()}
    return {key: int(n) for key, n in counts.items() if isinstance(n, int | float) and (n or not of)}


@lru_cache(maxsize=512)
def _words(path: str, size: int, _mtime: int) -> int | None:
    if size > _COUNTED_BYTES or Path(path).suffix not in (".txt", ".md"):
        return None
    try:
        return len(Path(path).read_bytes().split())
    except OSError:
        return None


@lru_cache(maxsize=512)
def _passages(path: str, _size: int, _mtime: int) -> int:
    try:
        return sum(1 for block in Path(path).read_bytes().split(b"\n\n") if block.strip())
    except OSError:
        return 0


def _owner(stem: str) -> str:
    """The author part of a raw file's name: ``melville_full_2`` is Melville's second file."""
    return re.sub(rf"{_RAW_ENDING}(_\d+)?$", "", stem)


def _raw(entry: Path) -> RawFile:
    found = entry.stat()
    return RawFile(entry, found.st_size, _words(str(entry), found.st_size, found.st_mtime_ns))


def _record_header(path: Path) -> dict[str, Any]:
    try:
        with path.open("rb") as file:
            return _table(msgspec.json.decode(file.readline(1 << 20)))
    except (OSError, ValueError):
        return {}


def _corpus(path: Path) -> Corpus | None:
    try:
        found = path.stat()
    except OSError:
        return None
    header = _record_header(path.with_suffix(".curation.jsonl"))
    if not header:
        return None
    key = (str(path), found.st_size, found.st_mtime_ns)
    figures = _counts(header)
    words = figures.get("words") or _words(*key) or 0
    return Corpus(
        path,
        figures.get("passages") or _passages(*key),
        words,
        figures.get("tokens") or int(words * _TOKENS_PER_WORD),
        bool(header.get("tokens_estimated", "tokens" not in figures)),
        _counts(header.get("removed"), "words"),
        _counts(header.get("dropped"), "pieces"),
        _table(header.get("settings")),
        _thresholds(header.get("thresholds")),
        _waiting(path, _table(header.get("overrides"))),
        str(header.get("author") or ""),
    )


def _waiting(path: Path, done: Mapping[str, Any]) -> bool:
    try:
        return digest(standing(read_history(path))) != done.get("digest", "")
    except StyloraError:  # curation will say what is wrong with the file
        return True


def _thresholds(value: object) -> tuple[tuple[int, int, int], ...]:
    rows = [_counts(row) for row in value] if isinstance(value, list) else []
    keys = ("min_para_words", "passages", "words")
    return tuple(tuple(row[key] for key in keys) for row in rows if all(key in row for key in keys))  # type: ignore[misc]


def _recipe(folder: Path) -> Recipe | None:
    try:
        return load_recipe(folder / RECIPE_FILE)
    except StyloraError:
        return None


@lru_cache(maxsize=64)
def _sha256(path: str, _size: int, _mtime: int) -> str:
    try:
        return sha256_of(Path(path))
    except OSError:
        return ""


def corpus_changed(corpus: Path, manifest: Path, told: Mapping[str, Any]) -> bool:
    """Whether `corpus` is another text than the one that the dataset was built from whose `manifest` says `told`.

    The content decides, for a copied file is newer and the same; the time only where a manifest has no digest.
    """
    built = _table(told.get("corpus")).get("sha256")
    found = corpus.stat()
    if not built:
        return found.st_mtime > manifest.stat().st_mtime
    return _sha256(str(corpus), found.st_size, found.st_mtime_ns) != built


def _dataset(workspace: Workspace, folder: Path, corpus: Corpus | None) -> tuple[DatasetState | None, str]:
    """The dataset in `folder` and the author's name as its manifest has it."""
    path = folder / "manifest.toml"
    manifest = _toml(path)
    if not manifest:
        return None, ""
    checks = tuple(
        (str(check.get("name", "")), bool(check.get("passed")), str(check.get("detail", "")))
        for check in manifest.get("checks", [])
        if isinstance(check, dict)
    )
    stale = corpus is not None and corpus_changed(corpus.path, path, manifest)
    rows, counts = _counts(manifest.get("rows")), _counts(manifest.get("counts"))
    inputs, dropped = _counts(manifest.get("inputs")), _counts(manifest.get("dropped"))
    author, recipe = str(manifest.get("author", "")), _recipe(folder)
    state = DatasetState(
        folder,
        rows,
        counts,
        inputs,
        dropped,
        checks,
        stale,
        _counts(manifest.get("fallbacks")),
        _counts(manifest.get("retried")),
        _counts(manifest.get("corpus")).get("passages", 0),
        recipe,
        recipe is not None and author != "" and not is_built_with(workspace, author, recipe.worldview),
    )
    return state, author


def _adapter(folder: Path) -> AdapterState | None:
    weights, recipe = folder / "adapters.safetensors", folder / "recipe.toml"
    run = _toml(folder / "run.toml")
    if not run and not weights.exists():
        return None
    newest = max((p.stat().st_mtime for p in (weights, folder / "run.toml") if p.exists()), default=0.0)
    return AdapterState(folder, weights.exists() and recipe.exists(), run, newest)


def _is_authors(adapter: Path) -> bool:
    """Whether an adapter folder is an author's own, and not a further run or an imported adapter beside it. One without
    a recipe is whoever's: an author who is only training has a dataset, and is known by that."""
    if (adapter / "imported.toml").exists():
        return False
    author = _toml(adapter / "recipe.toml").get("author")
    try:
        return bool(author) and slug(str(author)) == adapter.name
    except StyloraError:
        return False


def _folders(parent: Path) -> list[Path]:
    try:
        return sorted(p for p in parent.iterdir() if p.is_dir() and not p.name.startswith("."))
    except OSError:
        return []


def _models(workspace: Workspace, settings: Settings) -> tuple[ModelState, ...]:
    models = []
    for name, source in settings.models.items():
        try:
            path = workspace.inside(source.path)
        except StyloraError:
            continue
        present = (path / "config.json").exists()
        models.append(ModelState(name, path, present, source.instruct, source.source, source.location, source.q_bits))
    listed = {model.path for model in models}
    for path in _folders(workspace.models):
        if path not in listed and (path / "config.json").exists():
            models.append(ModelState(path.name, path, True, False, "folder", str(path), 0))
    return tuple(models)


def _author(workspace: Workspace, key: str, raw: list[Path], settings: Settings) -> AuthorState:
    corpus = _corpus(workspace.styles / f"{key}.txt")
    dataset, name = _dataset(workspace, workspace.root / "data" / "training" / key, corpus)
    adapter = _adapter(workspace.root / "lora_adapters" / key)
    name = name or (corpus.author if corpus else "")
    if not name and slug(settings.author) == key:
        name = settings.author
    name = name or key.replace("_", " ").title()
    return AuthorState(name, key, tuple(map(_raw, raw)), corpus, dataset, adapter)


def survey(workspace: Workspace) -> Survey:
    """Look at everything a screen shows. Reads small files and counts words; milliseconds once cached."""
    problem = ""
    try:
        settings = Workspace(workspace.root).settings
    except StyloraError as error:
        settings, problem = Settings(), str(error).replace(f"{workspace.root}{os.sep}", "")
    sources: dict[str, list[Path]] = {}
    curated = set()
    try:
        files = sorted(p for p in workspace.styles.iterdir() if p.is_file() and p.suffix.lower() in READABLE)
    except OSError:
        files = []
    for path in files:
        if path.with_suffix(".curation.jsonl").exists():
            curated.add(path.stem)
            continue
        with contextlib.suppress(StyloraError):  # a file whose name has no Latin letter has no author yet
            sources.setdefault(slug(_owner(path.stem)), []).append(path)
    keys = {*sources, *curated, slug(settings.author)}
    keys |= {folder.name for folder in _folders(workspace.root / "data" / "training")}
    keys |= {folder.name for folder in _folders(workspace.root / "lora_adapters") if _is_authors(folder)}
    first = slug(settings.author)
    authors = tuple(
        _author(workspace, key, sources.get(key, []), settings)
        for key in sorted(keys, key=lambda key: (key != first, key))
    )
    return Survey(workspace.root, settings, problem, authors, _models(workspace, settings))


def add_source(workspace: Workspace, path: Path, author: str) -> Path:
    """Copy a file into `styles/` as a source of `author` and return the copy.

    Raises `StyloraError` for a path that is not a readable, non-empty file of a known kind.
    """
    path = path.expanduser()
    suffix = path.suffix.lower()
    if not path.is_file():
        raise StyloraError(f"{path}: no such file")
    if suffix not in READABLE:
        raise StyloraError(f"{path}: {suffix or 'no ending'} is not read; use one of {', '.join(READABLE)}")
    if path.stat().st_size == 0:
        raise StyloraError(f"{path}: empty")
    if not os.access(path, os.R_OK):
        raise StyloraError(f"{path}: may not be read; check its permissions")
    stem = slug(author) + _RAW_ENDING
    target = next(
        candidate
        for number in range(1, 10_000)
        if not (candidate := workspace.styles / f"{stem}{'' if number == 1 else f'_{number}'}{suffix}").exists()
    )
    with atomic_path(target) as temporary:
        shutil.copyfile(path, temporary)
    return target
