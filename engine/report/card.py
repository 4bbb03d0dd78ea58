"""The report card: held-out passages, modern texts and bare nouns rewritten, and measured beside known good and bad."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from engine.errors import StyloraError
from engine.generation.rewriter import Rewriter, Rewritten
from engine.measures import rhythm
from engine.measures.degeneration import COPIED_SPAN_LIMIT
from engine.measures.facts import facts
from engine.measures.resampling import weights
from engine.models import mlx_thread
from engine.models.decoding import Sampling
from engine.progress import Progress, Report, silent
from engine.report.fluency import surprise
from engine.report.inputs import Input, fixed_inputs
from engine.report.joint import Parts, parts
from engine.report.kept import Card, Sample, Spectrum, Trial, Value
from engine.report.lines import measures, value
from engine.report.reference import PASTICHE, Reference, held_out, other_voices, reference, whole_book
from engine.report.sides import Given, Side, averaged, delta, measured
from engine.report.stored import stored
from engine.report.trials import Answers, tried

__all__ = ["Base", "Card", "check", "held_out", "prepare"]

_WIDTH = 5
"""Words of a bar in the plot of sentence lengths."""
_FEWEST = 2
"""Held-out passages that a card needs."""
_UNREAD = frozenset({"memorised"})
"""Anchors whose fluency is not measured: it is the author's, which the author's own held-out text tells."""


class Base(msgspec.Struct, frozen=True, kw_only=True):
    """What does not depend on the adapter's weights: the base model's texts, and how it reads the anchors."""

    texts: list[str]
    """What the base model makes of the held-out passages, then of the fixed inputs."""
    surprise: dict[str, list[tuple[float, float]]]
    """Nats and tokens of each held-out passage, by side."""


def prepare(
    author: str,
    *,
    dataset: Path,
    corpus: Path,
    passages: int = 24,
    seed: int = 42,
    styles: Path | None = None,
    cache: Path | None = None,
    report: Report = silent,
) -> Reference:
    """What rewrites of an author are held against; the same for every checkpoint and strength.

    The author's text is the whole curated book. `styles` is the workspace's folder of corpora, where other authors and
    a pastiche may lie; `cache` a folder for what takes long. Raises `StyloraError` for less than two held-out passages:
    one has no interval, and a figure without one would pass for sure.
    """
    report(Progress("check: author", message="measuring the author's own text"))
    chosen = held_out(dataset, passages, cache)
    if len(chosen) < _FEWEST:
        raise StyloraError(
            f"{dataset}: {len(chosen)} held-out passage{'s' * (len(chosen) != 1)} to check with, {_FEWEST} are needed; "
            "ask for more passages, or raise dataset.test and build it again"
        )
    pastiche = corpus.with_name(f"{corpus.stem}{PASTICHE}.txt")
    imitated = pastiche.read_text(encoding="utf-8", errors="replace").split("\n\n") if pastiche.is_file() else []
    return reference(
        chosen,
        whole_book(corpus),
        others=other_voices(author, styles),
        pastiche=imitated,
        seed=seed,
        cache=cache,
    )


def check(
    rewriter: Rewriter,
    *,
    dataset: Path,
    corpus: Path,
    passages: int = 24,
    variations: int = 1,
    retries: int = 0,
    draws: int = 1,
    strength: float = 1.0,
    sampling: Sampling | None = None,
    seed: int = 42,
    inputs: Sequence[Input] | None = None,
    against: Reference | None = None,
    checkpoint: str = "",
    styles: Path | None = None,
    cache: Path | None = None,
    report: Report = silent,
) -> Card:
    """Rewrite held-out passages and the fixed inputs, and measure them beside the anchors of `kept.SIDES`.

    With several `variations` the one with the least against it counts, and a passage whose every one has something
    severe is tried again up to `retries` times, as when rewriting. With several `draws` the held-out passages are
    written anew with so many seeds, and each passage's figures are its means, so that chance has less of a say where
    two checkpoints are near. The base model gets one variation of the same
    prompts, once and with nothing held (`Sampling.hold`); what it wrote is kept in the folder `cache`. With `inputs` of
    none only the held-out passages are rewritten. `against` is what an earlier `prepare` made, for many cards of one
    author.
    """
    reference = against or prepare(
        rewriter.recipe.author,
        dataset=dataset,
        corpus=corpus,
        passages=passages,
        seed=seed,
        styles=styles,
        cache=cache,
        report=report,
    )
    sampling = sampling or Sampling()
    fixed = fixed_inputs().all if inputs is None else inputs
    texts = [*reference.texts, *(one.text for one in fixed)]
    count = len(reference.texts)
    # Coming close to the author's own passage is the aim here; only what it takes from the others is copied.
    rewriter = rewriter.knowing(reference.index, reference.author.profile)
    trying = rewriter.choosing(replace(rewriter.chosen, retries=retries))
    trained = _rewritten(trying, texts, variations, strength, sampling, seed, "check: adapter", report)
    picked = [one.variations[one.best] for one in trained]
    own = [one.text for one in picked]
    plain = [one.prepared.neutral for one in trained]
    anchors = {
        "neutral": plain[:count],
        "copy": [one.prepared.prompt.input for one in trained[:count]],
        "memorised": list(reference.memorised),
        "author": reference.texts,
    }
    base = _base(rewriter, texts, anchors, sampling, seed, cache, report)
    report(Progress("check: measures", message="measuring"))
    given = [Given(source, neutral, facts(source)) for source, neutral in zip(reference.texts, plain, strict=False)]
    said = {"untrained": base.texts[:count], **anchors}
    limits = rewriter.limits
    of_base = [reference.made_of, base, plain, limits]
    written = [own[:count]]
    for draw in range(1, draws):
        again = _rewritten(
            trying, reference.texts, variations, strength, sampling, seed + draw, "check: adapter", report
        )
        written.append([one.variations[one.best].text for one in again])
    measures_of = [measured(one, given, reference, limits, np.array(_read(rewriter, one))) for one in written]
    sides = {"rewritten": averaged(measures_of)}
    for name, side in base.surprise.items():
        sides[name] = stored(
            cache,
            "anchor",
            [name, *of_base],
            lambda said=said[name], side=side: measured(said, given, reference, limits, np.array(side)),  # type: ignore[misc]
            Side,
        )
    drawn = weights(count, seed=seed)
    scored = parts(sides, reference, drawn)
    lines = measures(sides, reference, drawn)
    trials: list[Trial] = []
    if fixed:
        found = tuple(tuple(finding.message for finding in one.verdict.findings) for one in picked[count:])
        answers = {
            "rewritten": Answers(tuple(own[count:]), found),
            "untrained": Answers(tuple(base.texts[count:])),
        }
        more, trials = tried(fixed, plain[count:], answers, sides, reference, limits, seed)
        lines += more
    report(Progress("check: measures", 1, 1))
    return Card(
        author=rewriter.recipe.author,
        adapter=_name(rewriter, checkpoint),
        checkpoint=checkpoint,
        weights=rewriter.writer.weights_digest(),
        seed=seed,
        passages=count,
        variations=variations,
        retries=retries,
        draws=draws,
        strength=strength,
        profile_words=reference.author.words,
        measures=lines,
        joint=_values(scored, "joint"),
        style=_values(scored, "style"),
        meaning=_values(scored, "meaning"),
        sentences=_sentence_spectrum(sides, reference),
        marks=_mark_spectrum(sides, reference),
        trials=trials,
        keywords=[one.word for one in reference.author.keywords[:30]],
        **_figures(sides, reference),
        findings=dict(
            sorted(Counter(kind for one in picked[:count] for kind in {f.kind for f in one.verdict.findings}).items())
        ),
        samples=[
            Sample(
                passage=identity,
                plain=neutral,
                untrained=untrained,
                rewritten=one.text,
                author=text,
                findings=[finding.message for finding in one.verdict.findings],
            )
            for (identity, text), neutral, untrained, one in zip(
                reference.held_out, plain, base.texts, picked, strict=False
            )
        ],
    )


def _figures(sides: dict[str, Side], reference: Reference) -> dict[str, Any]:
    """The figures that stand for the card in a line: distances, the gap closed, facts, copies."""
    whole = np.ones((1, len(reference.held_out)))
    far = {name: float(delta(side, reference)(whole)[0]) for name, side in sides.items()}
    gap = far["neutral"] - far["author"]

    def closed(name: str) -> float:
        return round((far["neutral"] - far[name]) / gap, 6) if gap > 0 else 0.0

    return {
        "distance_neutral": round(far["neutral"], 6),
        "distance_untrained": round(far["untrained"], 6),
        "distance_rewritten": round(far["rewritten"], 6),
        "distance_author": round(far["author"], 6),
        "gap_closed": closed("rewritten"),
        "gap_closed_untrained": closed("untrained"),
        "facts": int(sides["rewritten"].facts[:, 1].sum()),
        "facts_kept": round(float(sides["rewritten"].facts[:, 0].sum())),
        "facts_kept_untrained": int(sides["untrained"].facts[:, 0].sum()),
        "copied": int((sides["rewritten"].span >= COPIED_SPAN_LIMIT).sum()),
    }


def _values(scored: dict[str, Parts], part: str) -> dict[str, Value | None]:
    return {name: value(getattr(one, part), part=True) for name, one in scored.items()}


def _sentence_spectrum(sides: dict[str, Side], reference: Reference) -> Spectrum:
    edges = range(0, rhythm.LONGEST + 1, _WIDTH)

    def shares(counts: np.ndarray) -> list[float]:
        total = max(float(counts.sum()), 1.0)
        return [round(float(counts[edge : edge + _WIDTH].sum()) / total, 4) for edge in edges]

    found = {name: shares(side.lengths.sum(0)) for name, side in sides.items()}
    return Spectrum(bins=[str(edge) for edge in edges], sides={**found, "book": shares(reference.author.lengths)})


def _mark_spectrum(sides: dict[str, Side], reference: Reference) -> Spectrum:
    def rates(side: Side) -> list[float]:
        return [round(float(rate), 4) for rate in 100 * side.marks.sum(0) / max(float(side.words.sum()), 1.0)]

    found = {name: rates(side) for name, side in sides.items()}
    return Spectrum(
        bins=list(rhythm.MARKS), sides={**found, "book": [round(float(rate), 4) for rate in reference.author.marks]}
    )


def _name(rewriter: Rewriter, checkpoint: str) -> str:
    if rewriter.adapter is None:
        return ""
    return rewriter.adapter.parent.parent.name if checkpoint else rewriter.adapter.name


def _rewritten(
    rewriter: Rewriter,
    texts: Sequence[str],
    variations: int,
    strength: float,
    sampling: Sampling,
    seed: int,
    stage: str,
    report: Report,
) -> list[Rewritten]:
    """All texts in one call: the decoder keeps its rows full to the end. Reports how far they have come, each taken to
    be as long as what it is made of."""
    written = [0.0] * len(texts)

    def heard(passage: int, variation: int, delta: str) -> None:
        written[passage] += len(delta) / (variations * len(texts[passage]))
        report(Progress(stage, sum(min(one, 1.0) for one in written), len(texts)))

    made_by = "the adapter" if strength else "the untrained model"
    report(Progress(stage, 0, len(texts), f"{len(texts)} texts rewritten by {made_by}"))
    done = rewriter.rewrite(
        texts, variations=variations, strength=strength, sampling=sampling, seed=seed, on_text=heard
    )
    report(Progress(stage, len(texts), len(texts)))
    return done


def _read(rewriter: Rewriter, texts: Sequence[str]) -> list[tuple[float, float]]:
    found = mlx_thread.run(
        lambda: surprise(rewriter.loaded.model, rewriter.loaded.tokenizer, texts), between_steps=rewriter.in_training
    )
    return [(round(float(nats), 4), float(tokens)) for nats, tokens in found]


def _base(
    rewriter: Rewriter,
    texts: Sequence[str],
    anchors: dict[str, list[str]],
    sampling: Sampling,
    seed: int,
    cache: Path | None,
    report: Report,
) -> Base:
    """The base model's side, from the folder `cache` where it is there."""
    made_of = (
        rewriter.recipe.digest,
        rewriter.loaded.identity,
        repr(replace(sampling, hold=0.0)),
        repr(rewriter.chosen),
        seed,
        texts,
    )

    def make() -> Base:
        # Left to itself: words held for a model that never gets to them only make it ramble to its limit.
        free = replace(sampling, hold=0.0)
        made = _rewritten(rewriter, texts, 1, 0.0, free, seed, "check: untrained model", report)
        own = [one.variations[0].text for one in made]
        read = {"untrained": own[: len(anchors["author"])], **anchors}
        surprise = {name: _read(rewriter, one) for name, one in read.items() if name not in _UNREAD}
        return Base(texts=own, surprise=surprise | {name: [(0.0, 0.0)] * len(anchors[name]) for name in _UNREAD})

    return stored(cache, "base", [made_of, anchors], make, Base)
