"""Names of base models, as `stylora.toml` gives them, and what of each is on this disk. Needs no MLX to look."""

from __future__ import annotations

import re
import shlex
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from engine.errors import StyloraError
from engine.models import embedded, folder
from engine.models.entailment_folder import nli_folder
from engine.progress import Report, silent
from engine.settings import ModelSource, nearest
from engine.workspace import Workspace

EMBEDDED = "smollm2-135m"
"""The name under which the model that comes with Stylora is always there, whatever the settings say."""

_INSTRUCT = frozenset({"instruct", "chat", "it", "assistant", "dpo", "sft", "rlhf"})
"""Words in a model's name that say it was tuned to follow instructions."""

_EMBEDDED_SOURCE = ModelSource(
    source="package", location=embedded.PACKAGE, path="models/SmolLM2-135M-Instruct", instruct=True
)
_MAKERS: Mapping[str, Callable[[Path, Report], None]] = {embedded.PACKAGE: embedded.make}


@dataclass(frozen=True)
class ModelEntry:
    """One base model. `path` is where its folder is or would be; `problem` says why it cannot be used, or ''."""

    name: str
    source: ModelSource
    path: Path
    problem: str = ""

    @property
    def present(self) -> bool:
        """Whether the model can be loaded as it lies."""
        return not self.problem

    @cached_property
    def instruct(self) -> bool:
        """True for a model tuned to follow instructions; a base model takes a style better.

        As the settings say, or as the names of the model, its folder or what it was converted from do.
        """
        names = [Path(name).name.lower() for name in (self.source.location, str(self.path), *_origin(self.path))]
        return self.source.instruct or any(_INSTRUCT.intersection(re.split(r"[^a-z0-9]+", name)) for name in names)

    @property
    def advice(self) -> str:
        """What to know before training on it, '' for a base model."""
        if not self.instruct:
            return ""
        if self.name == EMBEDDED:
            return f"{self.name} is an instruct model, and small: it is for trying; train on a base model for real work"
        return (
            f"{self.name} is an instruct model: its adapters may refuse (“I cannot…”) or lecture; "
            "for a style, switch to the base model of the same family"
        )

    @property
    def hub_name(self) -> str | None:
        """The model's name on the hub, None where nobody noted one."""
        if self.source.location == embedded.PACKAGE:
            return embedded.HUB_NAME
        names = ([self.source.location] if self.source.source == "hub" else []) + _origin(self.path)
        return next((name for name in names if re.fullmatch(r"\w[\w.-]*/[\w.-]+", name)), None)

    @cached_property
    def size(self) -> int:
        """Bytes on disk."""
        return folder.size_on_disk(self.path) if self.path.is_dir() else 0

    @cached_property
    def quantization(self) -> str:
        """For example ``4-bit, groups of 64`` or ``bfloat16``; '' for a model that is not there."""
        return folder.quantization(self.path) if self.present else ""

    @cached_property
    def identity(self) -> str:
        """What an adapter remembers its base model by: `engine.models.folder.identity`, '' if not there."""
        return folder.identity(self.path) if self.present else ""


def available(workspace: Workspace) -> list[ModelEntry]:
    """Every model the workspace names, and the embedded one, present or not, in the settings' order.

    Then the model folders in `models/` that no setting names, under their folders' names; one that judges and does not
    write is none of them.
    """
    named = [_entry(workspace, name, source) for name, source in _known(workspace).items()]
    paths, names = {entry.path for entry in named} | {nli_folder(workspace)}, {entry.name for entry in named}
    try:
        folders = sorted(path for path in workspace.models.iterdir() if (path / "config.json").is_file())
    except OSError:
        folders = []
    for path in folders:
        if path not in paths and path.name not in names and not path.name.startswith("."):
            location = str(path.relative_to(workspace.root))
            named.append(_entry(workspace, path.name, ModelSource(source="folder", location=location, path=location)))
    return named


def resolve(workspace: Workspace, name: str) -> ModelEntry:
    """The model called `name`, or the one in the folder `name` (as the mission's `config.yaml` gives it).

    It need not be present: see `ModelEntry.problem`, or use `ensure`. Raises `StyloraError` for a name
    that is neither.
    """
    known = _known(workspace)
    if name in known:
        return _entry(workspace, name, known[name])
    path = workspace.inside(name)
    for called, source in known.items():
        if workspace.inside(source.path) == path:
            return _entry(workspace, called, source)
    if (path / "config.json").is_file():
        return _entry(workspace, path.name, ModelSource(source="folder", location=name, path=name))
    unnamed = {entry.name: entry for entry in available(workspace)}
    if name in unnamed:
        return unnamed[name]
    raise StyloraError(f"model {name!r}: neither a name in stylora.toml nor a model folder{nearest(name, [*unnamed])}")


def ensure(workspace: Workspace, name: str, report: Report = silent, *, convert: bool = False) -> ModelEntry:
    """The model called `name`, ready to be loaded. The embedded one is made on the spot.

    One that has to be converted first is converted if `convert` says so; otherwise a `StyloraError` gives the
    exact command.
    """
    entry = resolve(workspace, name)
    if entry.present:
        return entry
    if entry.source.source == "package" and entry.source.location in _MAKERS:
        _MAKERS[entry.source.location](entry.path, report)
    elif convert and not entry.path.exists() and entry.source.location != entry.source.path:
        from engine.models import convert as converting

        location = entry.source.location
        if entry.source.source == "folder":
            location = str(workspace.inside(location))
        converting.convert(location, entry.path, q_bits=entry.source.q_bits, report=report)
    else:
        raise StyloraError(f"model {entry.name!r} is not ready: {entry.problem}")
    return resolve(workspace, name)


def how_to_get(workspace: Workspace, name: str) -> str:
    """What has to happen before the model called `name` can be used, in a line; '' when nothing has to."""
    return resolve(workspace, name).problem


def with_identity(workspace: Workspace, identity: str, report: Report = silent) -> ModelEntry:
    """The model an adapter was trained on, by what the adapter remembers of it. `StyloraError` if it is not here.

    The embedded model is always here: it is made where it was not yet.
    """
    present = [entry for entry in available(workspace) if entry.present]
    for entry in present:
        if entry.identity == identity:
            return entry
    if identity == embedded.IDENTITY and (made := ensure(workspace, EMBEDDED, report)).identity == identity:
        return made
    names = ", ".join(entry.name for entry in present) or "none"
    raise StyloraError(
        f"the base model this adapter was trained on ({identity[:12]}…) is none of the models here ({names}); "
        "bring it back, or train the adapter again"
    )


def token_counter(
    workspace: Workspace, report: Report = silent, *, name: str | None = None
) -> tuple[str, Callable[[list[str]], list[int]]]:
    """The name of the model that counts, and a function from texts to the number of tokens each has for it.

    It is the model called `name` (default: the base model). While that model is not here, the embedded one's
    tokenizer counts instead; the name tells.
    """
    from tokenizers import Tokenizer

    entry = resolve(workspace, name or workspace.settings.base_model)
    if not entry.present:
        entry = ensure(workspace, EMBEDDED, report)
    tokenizer = Tokenizer.from_file(str(entry.path / "tokenizer.json"))
    tokenizer.no_truncation()
    tokenizer.no_padding()

    def count(texts: list[str]) -> list[int]:
        return [len(encoding) for encoding in tokenizer.encode_batch_fast(texts, add_special_tokens=False)]

    return entry.name, count


def convert_command(source: ModelSource) -> str:
    """The command that makes the model folder of a hub or folder source."""
    bits = ["--q-bits", str(source.q_bits)] if source.q_bits else []
    return shlex.join(["stylora", "convert", "--hf-path", source.location, *bits, "--mlx-path", source.path])


def _known(workspace: Workspace) -> dict[str, ModelSource]:
    return {**workspace.settings.models, EMBEDDED: workspace.settings.models.get(EMBEDDED, _EMBEDDED_SOURCE)}


def _entry(workspace: Workspace, name: str, source: ModelSource) -> ModelEntry:
    path = workspace.inside(source.path)
    return ModelEntry(name, source, path, _problem(path, source))


def _problem(path: Path, source: ModelSource) -> str:
    packaged = source.source == "package"
    if packaged and source.location not in _MAKERS:
        return f"the package {source.location!r} holds no model Stylora knows; known: {', '.join(_MAKERS)}"
    if not path.exists():
        if packaged:
            return "comes with Stylora, made by itself at first use"
        if source.location == source.path:
            return f"{path}: no such folder; copy the model there"
        return f"make it with: {convert_command(source)}"
    try:
        folder.check(path)
    except StyloraError as error:
        return str(error)
    if packaged and not _current(path):
        return "made by an earlier version of Stylora; it is made anew at next use"
    return ""


def _origin(path: Path) -> list[str]:
    """What the model in folder `path` was converted from, as its note says; empty without one."""
    try:
        note = tomllib.loads((path / folder.NOTE_FILE).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return []
    return [source] if isinstance(source := note.get("source"), str) else []


def _current(path: Path) -> bool:
    """Whether the embedded model in `path` is the one this version makes."""
    try:
        note = tomllib.loads((path / folder.NOTE_FILE).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return False
    return note.get("sha256") == embedded.SHA256 and note.get("converter") == embedded.VERSION
