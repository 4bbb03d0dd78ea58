"""Thresholds measured on one author: on genuine passages beside their neutral texts, and with planted faults."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from engine.curation.corpus import read_corpus
from engine.dataset.rows import read_rows, split_file
from engine.generation.alignment import content, in_order, plainly
from engine.generation.faults import ANSWERS, FAULTS
from engine.generation.limits import CONTRADICTION, FORMAT, Limits, Source, Threshold, read_limits, write_limits
from engine.generation.omissions import omissions
from engine.generation.verify import Contradictions, Verdict, echoed, stretches, verify
from engine.language import PIPELINE_VERSION, parse_many
from engine.measures import degeneration
from engine.measures.ai_isms import rates
from engine.measures.degeneration import CorpusIndex
from engine.models.entailment import open_entailment
from engine.neutral import open_neutralizer
from engine.progress import Progress, Report, silent
from engine.recipe import Recipe
from engine.workspace import Workspace

PASSAGES = 100
"""Genuine pairs that are enough: a threshold lets one of them through."""
FEWEST = 20
"""Below so many pairs a share means nothing, and the defaults stand."""
REPETITIVE = 400
"""Passages over which an author's repetition is measured: no parse is needed for it."""
ALARMS = 0.01
"""Share of genuine pairs that one threshold may flag."""
TOO_MANY = 0.05
"""Share of genuine pairs from which a kind of finding is no longer severe."""
PLANTED = 12
"""Faults of each kind planted to say how many are found."""
_ROOM = 0.3
"""How much further than the author's own passages a rewrite's length may lie from what was asked. Chosen."""

Pair = tuple[str, str]
"""Neutral text and the author's."""


def calibrate(
    pairs: Sequence[Pair],
    others: Sequence[str],
    *,
    author: str = "",
    made_of: str = "",
    nli: Contradictions | None = None,
    nli_identity: str = "",
) -> Limits:
    """The thresholds of an author from `pairs` and `others`, the author's passages that are in none of them.

    `nli` judges contradictions, as the model of identity `nli_identity` does.
    """
    nli = nli and _remembering(nli)
    styled = [text for _, text in pairs]
    index = CorpusIndex(others)
    thresholds: dict[str, Any] = {
        "omission": _omission(pairs),
        **_repetition([*styled, *others][:REPETITIVE]),
        **_copying(styled, index),
        **_likeness(pairs),
    }
    if nli is not None:
        thresholds |= {"contradiction": _contradiction(pairs, nli), "nli": nli_identity}
    limits = Limits(
        author=author,
        made_of=made_of,
        passages=len(pairs),
        **thresholds,
        ai_isms=rates([*styled, *others]),
    )
    verdicts = [verify(neutral, text, corpus=index, limits=limits, nli=nli) for neutral, text in pairs]
    alarms = Counter(kind for verdict in verdicts for kind in {finding.kind for finding in verdict.findings})
    severe = Counter(kind for verdict in verdicts for kind in _severe(verdict))
    return msgspec.structs.replace(
        limits,
        alarms={kind: round(count / len(pairs), 4) for kind, count in sorted(alarms.items())},
        demoted=tuple(sorted(kind for kind, count in severe.items() if count > TOO_MANY * len(pairs))),
        planted=_planted(pairs, others, index, limits, nli),
    )


def _severe(verdict: Verdict) -> set[str]:
    return {finding.kind for finding in verdict.findings if finding.severe}


def _measured(values: Sequence[float], least: float, most: float, known: Source = "published") -> Threshold:
    """The smallest figure that no more than `ALARMS` of `values` pass, from `least`, which is `known`, to `most`."""
    ordered = sorted(values)
    value = ordered[max(0, len(ordered) - 1 - int(ALARMS * len(ordered)))]
    source: Source = "measured" if value > least else known
    value = round(min(max(value, least), most), 4)
    return Threshold(value, source, round(sum(one > value for one in values) / len(values), 4))


def _omission(pairs: Sequence[Pair]) -> Threshold:
    neutral = parse_many((plainly(pair[0]) for pair in pairs), entities=False)
    styled = parse_many((plainly(pair[1]) for pair in pairs), entities=False)
    points = []
    for source, output in zip(neutral, styled, strict=True):
        said, told = content(source), content(output)
        found = omissions(said, told, in_order(said.keys, told.keys), output.text)
        points.append(max((one.points for one in found), default=0.0))
    # One word alone is never a sentence left out; past four or five, a short sentence is missed by any author.
    return _measured(points, 2.0, 10.0, "chosen")


def _repetition(passages: Sequence[str]) -> dict[str, Threshold]:
    """No tighter than published: an author who repeats more is granted it, one who repeats less is not held to it."""
    figures = [degeneration.degeneration(passage) for passage in passages]
    limits = degeneration.DegenerationLimits()
    found = {
        "compression": _measured([one.compression for one in figures], limits.compression, 4.0),
        "repeated_fourgrams": _measured([one.repeated_fourgrams for one in figures], limits.repeated_fourgrams, 0.2),
        "run": _measured([float(one.run) for one in figures], float(limits.run), 40.0, "chosen"),
        "again": _measured([float(one.again) for one in figures], float(limits.again), 40.0, "chosen"),
    }
    same = _measured([-one.distinct_bigrams for one in figures], -limits.distinct_bigrams, -0.75)
    return {**found, "distinct_bigrams": Threshold(-same.value, same.source, same.false_alarms)}


def _copying(styled: Sequence[str], index: CorpusIndex) -> dict[str, Threshold]:
    shared = [index.shared(text) for text in styled]
    published = degeneration.COPIED_SPAN_LIMIT
    rate = sum(one.longest >= published for one in shared) / len(shared)
    return {
        # What an author copies from himself is no licence to copy more of it: only the rate is measured.
        "copied_span": Threshold(published, "published", round(rate, 4)),
        "copied_share": _measured([one.share for one in shared], degeneration.COPIED_SHARE_LIMIT, 0.3),
    }


def _likeness(pairs: Sequence[Pair]) -> dict[str, Threshold]:
    """Length and sameness of genuine passages beside their neutral texts, with room for a rewrite's."""
    lengths = np.array([len(styled.split()) / max(len(neutral.split()), 1) for neutral, styled in pairs])
    same = [echoed(neutral, styled) for neutral, styled in pairs]
    shortest, longest = (float(round(value, 2)) for value in np.quantile(lengths, [0.01, 0.99]))
    low, high = max(0.5, shortest - _ROOM), min(1.8, longest + _ROOM)
    return {
        "shortest": Threshold(round(low, 2), "measured", float(round(np.mean(lengths < low), 4))),
        "longest": Threshold(round(high, 2), "measured", float(round(np.mean(lengths > high), 4))),
        "echo": _measured([value + 0.02 for value in same], 0.93, 0.97, "chosen"),
    }


def _contradiction(pairs: Sequence[Pair], nli: Contradictions) -> Threshold:
    """The surest contradiction of each genuine pair, which is none, and a little over it: at the threshold is found."""
    asked = [
        (number, premise, sentence)
        for number, (neutral, styled) in enumerate(pairs)
        for _, premise, sentence in stretches(neutral, [styled])
    ]
    surest = [0.0] * len(pairs)
    shares = nli([(premise, sentence) for _, premise, sentence in asked])
    for (number, _, _), share in zip(asked, shares, strict=True):
        surest[number] = max(surest[number], share)
    # A model that is all but certain of genuine pairs is not to be met with an ever higher threshold, but demoted.
    found = _measured([share + 0.005 for share in surest], CONTRADICTION, 0.99, "chosen")
    alarms = sum(share >= found.value for share in surest) / len(surest)
    return Threshold(found.value, found.source, round(alarms, 4))


def _remembering(nli: Contradictions) -> Contradictions:
    """`nli`, asked for each pair once."""
    known: dict[tuple[str, str], float] = {}

    def asked(pairs: Sequence[tuple[str, str]]) -> list[float]:
        new = [pair for pair in dict.fromkeys(pairs) if pair not in known]
        known.update(zip(new, nli(new) if new else [], strict=True))
        return [known[pair] for pair in pairs]

    return asked


def _planted(
    pairs: Sequence[Pair],
    others: Sequence[str],
    index: CorpusIndex,
    limits: Limits,
    nli: Contradictions | None,
) -> dict[str, float]:
    """Share of planted faults found, by fault; a fault that fits too few passages is left out."""
    shares = {}
    for fault, plant in FAULTS.items():
        found = planted = 0
        for number, (neutral, styled) in enumerate(pairs):
            faulty = plant(styled, random.Random(f"calibration:{fault}:{number}"), others)
            if faulty is None or faulty == styled:
                continue
            verdict = verify(neutral, faulty, corpus=index, limits=limits, nli=nli)
            found += bool({finding.kind for finding in verdict.findings} & ANSWERS[fault])
            planted += 1
            if planted == PLANTED:
                break
        if planted >= PLANTED // 2:
            shares[fault] = round(found / planted, 4)
    return shares


def calibrated(
    adapter: Path,
    *,
    dataset: Path,
    corpus: Path,
    recipe: Recipe,
    workspace: Workspace | None = None,
    report: Report = silent,
) -> Limits:
    """The thresholds kept with an adapter; made and kept now where there are none or they are of another making.

    The pairs are validation and training passages, never test ones, which the report card uses first.
    Where neutral text comes from a model, the dataset's own is taken, noise and all: a model is not asked again.
    The NLI model is the one that the workspace's settings name.
    """
    entailment = open_entailment(workspace) if workspace is not None else None
    passages = {passage.id: passage.text for passage in read_corpus(corpus)}
    rows = {
        row.passage: row
        for split in ("valid", "train")
        for row in read_rows(split_file(dataset, split))
        if row.kind == "original" and row.input == "standard" and row.passage in passages
    }
    chosen = sorted(rows, key=lambda identity: random.Random(f"calibration:{identity}").random())[:PASSAGES]
    made_of = "; ".join(
        (
            f"format {FORMAT}",
            PIPELINE_VERSION,
            f"neutral {recipe.neutral.kind} {recipe.neutral.version}",
            f"{len(passages)} passages, {chosen[0] if chosen else 'none'} to {chosen[-1] if chosen else 'none'}",
            *([f"nli {entailment.identity}"] if entailment is not None else []),
        )
    )
    kept = read_limits(adapter)
    if kept is not None and kept.made_of == made_of:
        return kept
    if len(chosen) < FEWEST:
        return Limits(author=recipe.author, made_of=made_of, nli=entailment.identity if entailment is not None else "")
    report(Progress("calibrate", message=f"measuring thresholds on {len(chosen)} passages of {recipe.author}"))
    styled = [rows[identity].styled for identity in chosen]
    if recipe.neutral.kind == "rules":
        neutral = open_neutralizer("rules", recipe.neutral.settings, workspace, report).neutralize(styled)
    else:
        neutral = [rows[identity].neutral for identity in chosen]
    others = [text for identity, text in passages.items() if identity not in set(chosen)]
    limits = calibrate(
        list(zip(neutral, styled, strict=True)),
        others,
        author=recipe.author,
        made_of=made_of,
        nli=entailment.contradictions if entailment is not None else None,
        nli_identity=entailment.identity if entailment is not None else "",
    )
    write_limits(adapter, limits)
    return limits
