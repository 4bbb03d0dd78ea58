"""The jobs of a workspace: what the command line runs in the foreground and the host runs for the screens.

Each takes a workspace, a report and plain keyword values, and returns a JSON-able dictionary. What an argument leaves
out comes from the workspace's `stylora.toml`. Heavy rooms are imported when a job runs, not before.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from engine.control import Control
from engine.errors import StyloraError
from engine.host.comparing import compare
from engine.host.model_jobs import adapter_export, adapter_folder, adapter_import, fuse, given, models
from engine.host.open_models import live, noting, opened
from engine.host.report_jobs import blind, calibrated, check, sweep, use
from engine.host.rewriting import again, history, keep, rewrite
from engine.progress import Progress, Report
from engine.settings import PERSPECTIVES, changed, nearest
from engine.workspace import BUNDLED_AUTHOR, Workspace, slug

if TYPE_CHECKING:
    from engine.models.registry import ModelEntry
    from engine.training.config import TrainingConfig
    from engine.training.speed import Earlier

Result = dict[str, Any]


def curate(
    workspace: Workspace,
    report: Report,
    *,
    author: str | None = None,
    input: Sequence[str | Path] = (),
    output: str | Path | None = None,
    target_tokens: int | None = None,
    min_para_words: int | None = None,
    max_para_words: int | None = None,
    overlap: int | None = None,
) -> Result:
    """Books in, a curated corpus out. Without `input` the author's `styles/<author>_full.txt` is taken."""
    from engine.curation.curate import curate as run
    from engine.curation.reading import gather
    from engine.models import registry

    settings = workspace.settings
    author = author or settings.author
    target = given(output, workspace.corpus(author))
    inputs = [given(path, Path()) for path in input] or [workspace.styles / f"{slug(author)}_full.txt"]
    gather(inputs, target)  # says what is wrong with them before a model is made for its tokenizer
    model, count_tokens = registry.token_counter(workspace, report)
    curated = run(
        inputs,
        target,
        author=author,
        target_tokens=target_tokens or settings.curation.target_tokens,
        min_para_words=min_para_words or settings.curation.min_para_words,
        max_para_words=max_para_words or settings.curation.max_para_words,
        overlap=settings.curation.overlap if overlap is None else overlap,
        count_tokens=count_tokens,
        seed=settings.seed,
        report=report,
    )
    return {
        "author": author,
        "tokenizer": model,
        **_plain(curated),
        "removed": {reason: tally.words for reason, tally in curated.removed.items() if tally.words},
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
    variants: Sequence[str] | None = None,
    inputs: Sequence[str] | None = None,
    noise: float | None = None,
    robustness_noise: float | None = None,
    neutralizer: str | None = None,
    neutral_model: str | None = None,
    worldview: str | Path | None = None,
    fresh: bool = False,
) -> Result:
    """A curated corpus in, training pairs out. `noise` and `robustness_noise` are shares of words, from 0 to 1;
    `neutralizer` and `neutral_model` are ``neutral.kind`` and ``neutral.model`` of the settings."""
    from engine.dataset.build import build

    settings = workspace.settings
    author = author or settings.author
    chosen = {"variants": variants, "inputs": inputs, "noise": noise, "robustness_noise": robustness_noise}
    kinds = changed(settings.dataset, chosen)
    if skip_perspective:
        kept = tuple(kind for kind in kinds.variants if kind not in PERSPECTIVES)
        kinds = msgspec.structs.replace(kinds, variants=kept)
    persona = given(worldview, workspace.worldview(author))
    neutral = changed(settings.neutral, {"kind": neutralizer, "model": neutral_model})
    if "model" in (neutral.kind, kinds.engine):
        opened.clear()  # A model kept for rewriting would take the memory of the one that is asked.
    built = build(
        given(corpus, workspace.corpus(author)),
        given(output, workspace.dataset(author)),
        author=author,
        worldview=persona,
        settings=kinds,
        neutral=neutral,
        seed=settings.seed,
        fresh=fresh,
        workspace=workspace,
        report=report,
    )
    return {"author": author, "worldview": persona.name, **_plain(built)}


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
    target = given(mlx_path, workspace.models / f"{Path(hf_path).name}-MLX")
    converting.convert(hf_path, target, q_bits=q_bits or 0, group_size=group_size, report=report)
    return {"model": hf_path, "path": str(target)}


@dataclass(frozen=True)
class _Training:
    """What a training is of, from arguments, a config.yaml and the settings."""

    author: str
    data: Path
    adapter: Path
    model: ModelEntry
    config: TrainingConfig


def _training(
    workspace: Workspace,
    report: Report,
    *,
    author: str | None,
    config: str | Path | None,
    data: str | Path | None,
    adapter: str | Path | None,
    model: str | None,
    overrides: dict[str, Any],
) -> _Training:
    import dataclasses

    from engine.dataset.build import read_manifest
    from engine.models import registry
    from engine.training.config import TrainingConfig

    settings = workspace.settings
    minutes = overrides.pop("minutes", None)
    changes = {key: value for key, value in overrides.items() if value is not None}
    if minutes is not None:
        if minutes <= 0:
            raise StyloraError(f"minutes {minutes:g}: must be above 0; leave them out for no limit")
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
        values = dataclasses.replace(file.config, **changes)
        folder, target = Path(file.data or folder), Path(file.adapter_path or target)
        model = model or file.model
    else:
        values = TrainingConfig.from_settings(settings, **changes)
    folder = given(data, folder)
    target = target.expanduser().absolute() if adapter is None else adapter_folder(workspace, adapter)
    read_manifest(folder)  # says what to do where there is no dataset, before a model is loaded
    entry = registry.ensure(workspace, model or settings.base_model, report)
    if entry.advice:
        report(Progress("plan", message=entry.advice))
    return _Training(author, folder, target, entry, values)


def plan(
    workspace: Workspace,
    report: Report,
    *,
    author: str | None = None,
    config: str | Path | None = None,
    data: str | Path | None = None,
    adapter: str | Path | None = None,
    model: str | None = None,
    measure: bool = False,
    export: str | Path | None = None,
    **overrides: Any,
) -> Result:
    """What a training would do and whether it fits; takes what `train` takes, and trains nothing.

    Without `measure` no weights are loaded; with it the largest step is really taken, in a process of its own.
    `export` names a config.yaml to write, by which stock mlx-lm takes the same steps.
    """
    from engine.training import config_file
    from engine.training.calibrate import try_out
    from engine.training.plan import span
    from engine.training.trainer import preview

    asked = _training(
        workspace, report, author=author, config=config, data=data, adapter=adapter, model=model, overrides=overrides
    )
    report(Progress("plan", message=f"reading the rows of {asked.data.name}"))
    planned = preview(asked.data, asked.model.path, asked.config, _earlier(workspace))
    fits = True
    if measure:
        report(Progress("plan", message="taking the largest step once"))
        found = try_out(asked.data, asked.model.path, asked.config, lambda: report(Progress("plan")))
        fits = found is not None
        planned = planned.calibrated(found) if found is not None else planned
    if export is not None:
        file = config_file.RunFile(
            planned.taken(asked.config), str(asked.model.path), str(asked.data), str(asked.adapter)
        )
        per_epoch = -(-planned.examples // asked.config.batch_size)
        config_file.write(Path(export).expanduser(), file, micro_batches=per_epoch)
    return {
        "author": asked.author,
        "model": asked.model.name,
        **_plain(planned),
        "verdict": planned.verdict if fits else "will not fit",
        "line": planned.line,
        "time": span(planned.seconds) if planned.seconds else "unknown",
        "time_known": planned.time_known,
    }


def _earlier(workspace: Workspace) -> list[Earlier]:
    """The trainings of a workspace that tell how fast one is, the newest first."""
    from engine.host.runs import all_runs
    from engine.training.speed import Earlier

    return [
        Earlier(run.name, run.base, run.machine, run.config, bool(run.grad_checkpoint), run.tokens_per_second)
        for run in all_runs(workspace)
        if run.base and run.machine and run.tokens_per_second
    ]


def train(
    workspace: Workspace,
    report: Report,
    *,
    author: str | None = None,
    config: str | Path | None = None,
    data: str | Path | None = None,
    adapter: str | Path | None = None,
    model: str | None = None,
    fresh: bool = False,
    auto_fit: bool = False,
    control: Control | None = None,
    **overrides: Any,
) -> Result:
    """A dataset in, an adapter out. `overrides` are fields of the training settings; None means unset.

    `fresh` starts over where a run was begun; with `auto_fit` settings that do not fit in memory give way.
    """
    from engine.training.trainer import train as run

    asked = _training(
        workspace, report, author=author, config=config, data=data, adapter=adapter, model=model, overrides=overrides
    )
    opened.clear()  # A base model kept for rewriting would take the memory that training needs.
    try:
        trained = run(
            data=asked.data,
            base=asked.model.path,
            output=asked.adapter,
            config=asked.config,
            report=noting(asked.adapter, report),
            control=control,
            resume=not fresh,
            auto_fit=auto_fit,
            ready=lambda loaded, recipe: live.update({asked.adapter: (loaded, recipe)}),
        )
    finally:
        live.clear()
    if trained.stopped != "cancelled":
        calibrated(workspace, asked.adapter, asked.data, None, report)
    return {
        "author": asked.author,
        "model": asked.model.name,
        "valid_before": trained.first_valid_loss,
        "valid_after": trained.best_valid_loss,
        "tokens_per_second": trained.tokens / max(trained.seconds, 1e-9),
        **_plain(trained),
    }


def demo(
    workspace: Workspace,
    report: Report,
    *,
    minutes: float = 10,
    fresh: bool = False,
    control: Control | None = None,
) -> Result:
    """The whole street on the bundled author, inside a time box."""
    from engine.demo import demo as run

    opened.clear()
    adapter = workspace.adapter(BUNDLED_AUTHOR)

    def told(progress: Progress) -> None:
        if progress.stage.startswith("check"):
            live.clear()  # its training is over
        report(progress)

    try:
        made = run(
            workspace,
            minutes=minutes,
            fresh=fresh,
            report=noting(adapter, told),
            control=control,
            ready=lambda loaded, recipe: live.update({adapter: (loaded, recipe)}),
        )
    finally:
        live.clear()
    return _plain(made)


def _plain(value: Any) -> Result:
    return msgspec.to_builtins(value, str_keys=True, enc_hook=str)


def _checked(function: Callable[..., Result]) -> Callable[..., Result]:
    steered = "control" in inspect.signature(function).parameters
    known = [
        name
        for name, one in inspect.signature(function).parameters.items()
        if one.kind is one.KEYWORD_ONLY and name != "control"
    ]
    open_ended = any(one.kind is one.VAR_KEYWORD for one in inspect.signature(function).parameters.values())

    def job(workspace: Workspace, params: dict[str, Any], report: Report, control: Control | None = None) -> Result:
        for name in params:
            if name == "control" or (name not in known and not open_ended):
                raise StyloraError(f"{function.__name__}: unknown parameter {name!r}{nearest(name, known)}")
        return function(workspace, report, **params, **({"control": control} if steered else {}))

    return job


JOBS: Mapping[str, Callable[..., Result]] = {
    function.__name__: _checked(function)
    for function in (
        *(curate, dataset, convert, plan, train, check, demo),
        *(rewrite, again, compare, history, keep),
        *(models, fuse, adapter_export, adapter_import),
        *(sweep, blind, use),
    )
}
