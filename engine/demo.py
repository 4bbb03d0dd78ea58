"""The whole street on the bundled author in a few minutes: book, corpus, dataset, adapter, rewritten passages."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable

import msgspec

from engine.atomic import write_bytes
from engine.control import Control
from engine.curation.curate import curate
from engine.dataset.build import build
from engine.errors import StyloraError
from engine.generation.document import AT_ONCE
from engine.generation.rewriter import Rewriter
from engine.models import registry
from engine.models.decoding import Sampling
from engine.models.loading import Loaded
from engine.progress import Progress, Report, silent
from engine.recipe import Recipe
from engine.report.card import Card, check
from engine.training.config import TrainingConfig
from engine.training.trainer import Trained, train
from engine.workspace import BUNDLED_AUTHOR, Workspace, bundled, slug

MODEL = "smollm2-135m"

SHARE_FOR_CHECKING = 0.34
"""Of the time box, kept free for rewriting the held-out passages; measured 194 s of 10 minutes."""

ENOUGH_FOR_ALL = 190.0
"""Seconds within which two cores rewrite sixteen passages; with less left, half as many are rewritten."""

VARIATIONS = 3
SHORTEST_MINUTES = 2.0


class DemoResult(msgspec.Struct, frozen=True, kw_only=True):
    """What the demo made and measured."""

    author: str
    model: str
    passages: int
    rows: int
    trained: Trained
    card: Card
    files: dict[str, str]
    seconds: dict[str, float]
    """Wall time by stage; stages found finished from an earlier start are 0."""


def demo(
    workspace: Workspace,
    *,
    minutes: float = 10,
    fresh: bool = False,
    report: Report = silent,
    control: Control | None = None,
    ready: Callable[[Loaded, Recipe | None], None] | None = None,
) -> DemoResult:
    """Curate the bundled book, build a dataset, train the embedded model, rewrite held-out passages and measure.

    `minutes` bounds the wall time on two CPU cores: training is what gives way, and the result says so. Stopped and
    started again it goes on where it was; `fresh` starts over. A finished demo is not run again, only shown. `control`
    steers its training, and `ready` gets the model under it, as `engine.training.trainer.train` has them.
    """
    if minutes < SHORTEST_MINUTES:
        raise StyloraError(f"--minutes {minutes:g}: too short to train anything; give at least {SHORTEST_MINUTES:g}")
    began = time.monotonic()
    corpus, dataset, adapter = (
        workspace.corpus(BUNDLED_AUTHOR),
        workspace.dataset(BUNDLED_AUTHOR),
        workspace.adapter(BUNDLED_AUTHOR),
    )
    finished = workspace.private / "demo.json"
    if fresh:
        finished.unlink(missing_ok=True)
        for folder in (dataset, adapter):
            shutil.rmtree(folder, ignore_errors=True)
    elif finished.exists() and (adapter / "adapters.safetensors").exists():
        return msgspec.json.decode(finished.read_bytes(), type=DemoResult, dec_hook=lambda kind, value: kind(value))
    seconds: dict[str, float] = {}

    def timed(stage: str, since: float) -> float:
        seconds[stage] = round(time.monotonic() - since, 1)
        return time.monotonic()

    clock = time.monotonic()
    report(Progress("model", message=f"preparing {MODEL}, the embedded base model"))
    model = registry.ensure(workspace, MODEL, report)
    clock = timed("model", clock)

    book = workspace.styles / f"{slug(BUNDLED_AUTHOR)}_full.txt"
    if not book.exists():
        write_bytes(book, bundled("styles", book.name).read_bytes())
    _, count_tokens = registry.token_counter(workspace, report, name=MODEL)
    curated = curate(
        [book],
        corpus,
        author=BUNDLED_AUTHOR,
        count_tokens=count_tokens,
        seed=workspace.settings.seed,
        report=report,
    )
    clock = timed("corpus", clock)
    report(
        Progress(
            "curate",
            curated.passages,
            curated.passages,
            message=f"{curated.passages} passages, {curated.words:,} words of {BUNDLED_AUTHOR}",
        )
    )

    built = build(
        corpus,
        dataset,
        author=BUNDLED_AUTHOR,
        worldview=workspace.worldview(BUNDLED_AUTHOR),
        seed=workspace.settings.seed,
        report=report,
    )
    clock = timed("dataset", clock)
    told = f"{built.rows['train']} training pairs, {built.passages} passages"
    report(Progress("dataset", built.passages, built.passages, message=told))

    left = minutes * 60 * (1 - SHARE_FOR_CHECKING) - (time.monotonic() - began)
    trained = train(
        data=dataset,
        base=model.path,
        output=adapter,
        config=training_config(max(left, 30.0), workspace.settings.seed),
        report=report,
        control=control,
        ready=ready,
    )
    clock = timed("training", clock)
    if trained.stopped == "cancelled":
        raise StyloraError("demo stopped during training; its checkpoint is saved: start 'stylora demo' again to go on")

    rewriter = Rewriter.open(workspace, adapter, report)
    left = minutes * 60 - (time.monotonic() - began)
    card = check(
        rewriter,
        dataset=dataset,
        corpus=corpus,
        passages=2 * AT_ONCE if left > ENOUGH_FOR_ALL else AT_ONCE,
        variations=VARIATIONS,
        inputs=(),  # its time is short: modern texts and nouns are for 'stylora check'
        sampling=Sampling.of(workspace.settings.rewrite),
        seed=workspace.settings.seed,
        report=report,
    )
    timed("check", clock)
    result = DemoResult(
        author=BUNDLED_AUTHOR,
        model=MODEL,
        passages=curated.passages,
        rows=built.rows["train"],
        trained=trained,
        card=card,
        files={
            "corpus": str(corpus),
            "dataset": str(dataset),
            "adapter": str(adapter),
            "model": str(model.path),
        },
        seconds=seconds,
    )
    write_bytes(finished, msgspec.json.encode(result, enc_hook=str))
    return result


def training_config(seconds: float, seed: int) -> TrainingConfig:
    """The demo's settings for the embedded 135M model; measured, where the mission's suit a 14B one.

    A rank of 32 and a rate of 4e-4 close most of the style distance within a few hundred pairs.
    """
    return TrainingConfig(
        rank=32,
        learning_rate=4e-4,
        grad_accumulation=2,
        epochs=1.0,
        time_limit=seconds,
        seed=seed,
        save_every=20,
        steps_per_eval=10**6,
        samples=0,  # its time is short, and it rewrites whole passages at its end
    )
