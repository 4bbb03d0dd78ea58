"""The jobs of a workspace: what the command line runs in the foreground and the host runs for the screens.

Each takes a workspace, a report and plain keyword values, and returns a JSON-able dictionary. What an argument leaves
out comes from the workspace's `stylora.toml`. Heavy rooms are imported when a job runs, not before.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec

from engine.errors import StyloraError
from engine.progress import Progress, Report
from engine.settings import nearest
from engine.workspace import Workspace, slug

Result = dict[str, Any]


def _given(path: str | Path | None, default: Path) -> Path:
    """A path as the user gave it (relative to where the user stands), or the workspace's own."""
    return default if path is None else Path(path).expanduser().absolute()


def curate(
    workspace: Workspace,
    report: Report,
    *,
    author: str | None = None,
    input: Sequence[str | Path] = (),
    output: str | Path | None = None,
    target_tokens: int | None = None,
    min_para_words: int | None = None,
) -> Result:
    """Books in, a curated corpus out. Without `input` the author's `styles/<author>_full.txt` is taken."""
    from engine.curation.curate import curate as run
    from engine.models import registry

    settings = workspace.settings
    author = author or settings.author
    inputs = [_given(path, Path()) for path in input] or [workspace.styles / f"{slug(author)}_full.txt"]
    model, count_tokens = registry.token_counter(workspace, report)
    curated = run(
        inputs,
        _given(output, workspace.corpus(author)),
        target_tokens=target_tokens or settings.curation.target_tokens,
        min_para_words=min_para_words or settings.curation.min_para_words,
        max_para_words=settings.curation.max_para_words,
        count_tokens=count_tokens,
        seed=settings.seed,
        report=report,
    )
    return {
        "author": author,
        "tokenizer": model,
        **_plain(curated),
        "removed": {reason: tally.words for reason, tally in curated.removed.items()},
        "dropped": {reason: tally.pieces for reason, tally in curated.dropped.items()},
    }


def dataset(
    workspace: Workspace,
    report: Report,
    *,
    author: str | None = None,
    corpus: str | Path | None = None,
    output: str | Path | None = None,
    skip_perspective: bool = False,
    fresh: bool = False,
) -> Result:
    """A curated corpus in, training pairs out."""
    from engine.dataset.build import build
    from engine.dataset.pairs import PERSPECTIVES

    settings = workspace.settings
    author = author or settings.author
    kinds = settings.dataset
    if skip_perspective:
        kept = tuple(kind for kind in kinds.variants if kind not in PERSPECTIVES)
        kinds = msgspec.structs.replace(kinds, variants=kept)
    built = build(
        _given(corpus, workspace.corpus(author)),
        _given(output, workspace.dataset(author)),
        author=author,
        worldview=workspace.worldview(author),
        settings=kinds,
        neutral=settings.neutral,
        seed=settings.seed,
        fresh=fresh,
        report=report,
    )
    return {"author": author, "worldview": workspace.worldview(author).name, **_plain(built)}


def convert(
    workspace: Workspace,
    report: Report,
    *,
    hf_path: str | None = None,
    mlx_path: str | Path | None = None,
    q_bits: int | None = None,
    group_size: int = 64,
    model: str | None = None,
) -> Result:
    """A Hugging Face model in, MLX weights out; or a model of `stylora.toml` by its name."""
    from engine.models import convert as converting
    from engine.models import registry

    if hf_path is None:
        entry = registry.ensure(workspace, model or workspace.settings.base_model, report, convert=True)
        return {"model": entry.name, "path": str(entry.path)}
    target = _given(mlx_path, workspace.models / f"{Path(hf_path).name}-MLX")
    converting.convert(hf_path, target, q_bits=q_bits or 0, group_size=group_size, report=report)
    return {"model": hf_path, "path": str(target)}


def train(
    workspace: Workspace,
    report: Report,
    *,
    author: str | None = None,
    config: str | Path | None = None,
    data: str | Path | None = None,
    adapter: str | Path | None = None,
    model: str | None = None,
    **overrides: Any,
) -> Result:
    """A dataset in, an adapter out. `overrides` are fields of the training settings; None means unset."""
    import dataclasses

    from engine.dataset.build import read_manifest
    from engine.models import registry
    from engine.training.config import TrainingConfig
    from engine.training.trainer import train as run

    settings = workspace.settings
    minutes = overrides.pop("minutes", None)
    changes = {key: value for key, value in overrides.items() if value is not None}
    if minutes is not None:
        changes["time_limit"] = 60 * minutes
    known = [field.name for field in dataclasses.fields(TrainingConfig)]
    for name in changes:
        if name not in known:
            raise StyloraError(f"train: unknown parameter {name!r}{nearest(name, known)}")
    author = author or settings.author
    folder, target = workspace.dataset(author), workspace.adapter(author)
    if config is not None:
        from engine.training import config_file

        file = config_file.read(Path(config))
        plan = dataclasses.replace(file.config, **changes)
        folder, target = Path(file.data or folder), Path(file.adapter_path or target)
        model = model or file.model
    else:
        plan = TrainingConfig.from_settings(settings, **changes)
    folder, target = _given(data, folder), _given(adapter, target)
    read_manifest(folder)  # says what to do where there is no dataset, before a model is loaded
    entry = registry.ensure(workspace, model or settings.base_model, report)
    _opened.clear()  # A base model kept for rewriting would take the memory that training needs.
    trained = run(data=folder, base=entry.path, output=target, config=plan, report=report)
    return {
        "author": author,
        "model": entry.name,
        "valid_before": trained.first_valid_loss,
        "valid_after": trained.best_valid_loss,
        "tokens_per_second": trained.tokens / max(trained.seconds, 1e-9),
        **_plain(trained),
    }


def rewrite(
    workspace: Workspace,
    report: Report,
    *,
    text: str,
    adapter: str | Path | None = None,
    author: str | None = None,
    variations: int | None = None,
    strength: float | None = None,
    temperature: float | None = None,
    seed: int | None = None,
) -> Result:
    """A text in, several rewrites out, streamed as progress of stage ``rewrite`` with values variation and delta."""
    from engine.generation.document import rewrite_document
    from engine.models.decoding import Sampling

    settings = workspace.settings.rewrite
    rewriter = _rewriter(workspace, _adapter(workspace, adapter, author), report)

    def on_text(variation: int, delta: str) -> None:
        report(Progress("rewrite", values={"variation": variation, "delta": delta}))

    rewritten = rewrite_document(
        rewriter,
        text,
        variations=variations or settings.variations,
        strength=settings.strength if strength is None else strength,
        sampling=Sampling(
            temperature=settings.temperature if temperature is None else temperature,
            min_p=settings.min_p,
            repetition_penalty=settings.repetition_penalty,
        ),
        seed=workspace.settings.seed if seed is None else seed,
        on_text=on_text,
    )
    return {"author": rewriter.recipe.author, **_plain(rewritten)}


def check(
    workspace: Workspace,
    report: Report,
    *,
    author: str | None = None,
    adapter: str | Path | None = None,
    data: str | Path | None = None,
    corpus: str | Path | None = None,
    passages: int = 24,
    variations: int = 1,
    strength: float | None = None,
    temperature: float | None = None,
    seed: int | None = None,
) -> Result:
    """Held-out passages rewritten and measured: the report card."""
    from engine.models.decoding import Sampling
    from engine.report.card import check as measure

    settings = workspace.settings.rewrite
    rewriter = _rewriter(workspace, _adapter(workspace, adapter, author), report)
    card = measure(
        rewriter,
        dataset=_given(data, workspace.dataset(rewriter.recipe.author)),
        corpus=_given(corpus, workspace.corpus(rewriter.recipe.author)),
        passages=passages,
        variations=variations,
        strength=settings.strength if strength is None else strength,
        sampling=Sampling(
            temperature=settings.temperature if temperature is None else temperature,
            min_p=settings.min_p,
            repetition_penalty=settings.repetition_penalty,
        ),
        seed=workspace.settings.seed if seed is None else seed,
        report=report,
    )
    return _plain(card)


def demo(workspace: Workspace, report: Report, *, minutes: float = 10, fresh: bool = False) -> Result:
    """The whole street on the bundled author, inside a time box."""
    from engine.demo import demo as run

    _opened.clear()
    return _plain(run(workspace, minutes=minutes, fresh=fresh, report=report))


def _adapter(workspace: Workspace, adapter: str | Path | None, author: str | None) -> Path:
    return _given(adapter, workspace.adapter(author or workspace.settings.author))


_opened: dict[tuple[Path, int], Any] = {}


def _rewriter(workspace: Workspace, adapter: Path, report: Report) -> Any:
    """The rewriter of an adapter, kept for the next request while its weights file is the same."""
    from engine.generation.rewriter import Rewriter

    weights = adapter / "adapters.safetensors"
    key = (weights, weights.stat().st_mtime_ns if weights.exists() else 0)
    if key not in _opened:
        _opened.clear()  # One base model at a time: two would not fit beside each other on most machines.
        _opened[key] = Rewriter.open(workspace, adapter, report)
    return _opened[key]


def _plain(value: Any) -> Result:
    return msgspec.to_builtins(value, str_keys=True, enc_hook=str)


def _checked(function: Callable[..., Result]) -> Callable[[Workspace, dict[str, Any], Report], Result]:
    known = [name for name, one in inspect.signature(function).parameters.items() if one.kind is one.KEYWORD_ONLY]
    open_ended = any(one.kind is one.VAR_KEYWORD for one in inspect.signature(function).parameters.values())

    def job(workspace: Workspace, params: dict[str, Any], report: Report) -> Result:
        for name in params:
            if name not in known and not open_ended:
                raise StyloraError(f"{function.__name__}: unknown parameter {name!r}{nearest(name, known)}")
        return function(workspace, report, **params)

    return job


JOBS: Mapping[str, Callable[[Workspace, dict[str, Any], Report], Result]] = {
    function.__name__: _checked(function) for function in (curate, dataset, convert, train, rewrite, check, demo)
}
