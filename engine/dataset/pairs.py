"""From one passage of the author to its training rows: styled variants, their neutral texts, noise, prompts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from engine import language, prompting
from engine.classifier import classify
from engine.curation.corpus import Passage
from engine.dataset.rows import Row
from engine.dataset.split import Split
from engine.measures.facts import kept
from engine.neutral import Neutralizer
from engine.recipe import Recipe
from engine.variation import Rejected, Variant
from engine.variation.inputs import abstract, dropout
from engine.variation.perspective import shift
from engine.variation.snowflake import snowflake

if TYPE_CHECKING:
    from spacy.tokens import Doc

SHORTEST_INPUT = 0.6
"""Words of a standard input over words of its styled side: below this the row would teach recitation."""

PERSPECTIVES = ("plural", "third", "impersonal")


@dataclass
class Made:
    """Rows of some passages, and how many were dropped by reason."""

    rows: list[Row] = field(default_factory=list)
    dropped: Counter[str] = field(default_factory=Counter)


def styled_variants(passage: Passage, doc: Doc, recipe: Recipe) -> tuple[dict[str, str], Counter[str]]:
    """The styled texts made of a passage by kind, and the kinds that failed their own checks by reason."""
    styled = {"original": passage.text}
    failed: Counter[str] = Counter()
    for kind in recipe.variants:
        made: Variant | Rejected
        if kind == "snowflake":
            made = snowflake(doc, seed=recipe.seed, name=passage.id)
        elif kind in PERSPECTIVES:
            made = shift(doc, kind)  # type: ignore[arg-type]
        else:
            continue
        if isinstance(made, Rejected):
            failed[f"{kind}: {made.reason}"] += 1
        else:
            styled[kind] = made.text
    return styled, failed


def make_rows(passages: Sequence[tuple[Passage, Split]], recipe: Recipe, neutralizer: Neutralizer) -> Made:
    """Every row of `passages`, in order. Held-out passages give their original with a standard input only."""
    made = Made()
    jobs: list[tuple[Passage, Split, str, str]] = []
    originals = list(language.parse_many([passage.text for passage, _ in passages]))
    for (passage, split), doc in zip(passages, originals, strict=True):
        styled = {"original": passage.text}
        if split == "train":
            styled, failed = styled_variants(passage, doc, recipe)
            made.dropped += failed
        jobs += [(passage, split, kind, text) for kind, text in styled.items()]
    # Every text is parsed once here, in batches, and the parse handed on: parsing is most of the cost.
    neutral_texts = neutralizer.neutralize([text for *_, text in jobs])
    neutral_docs = language.parse_many(neutral_texts)
    styled_docs = iter(language.parse_many([text for *_, kind, text in jobs if kind != "original"]))
    known = {passage.id: doc for (passage, _), doc in zip(passages, originals, strict=True)}
    for (passage, split, kind, styled_text), neutral in zip(jobs, neutral_docs, strict=True):
        styled_doc = known[passage.id] if kind == "original" else next(styled_docs)
        if reason := _unfit(styled_doc, neutral.text):
            made.dropped[f"{kind}: {reason}"] += 1
        else:
            made.rows += _rows_of(passage, split, kind, styled_text, neutral, recipe)
    return made


def _unfit(styled: Doc, neutral: str) -> str:
    """Why a pair must not be trained on; empty if it may."""
    if len(neutral.split()) < SHORTEST_INPUT * len(styled.text.split()):
        return "neutral text too short"
    return "neutral text lost a name or number" if kept(styled, neutral).missing else ""


def _rows_of(passage: Passage, split: Split, kind: str, styled: str, neutral: Doc, recipe: Recipe) -> list[Row]:
    content = classify(neutral).content
    texts = [(kind, "standard", neutral.text)]
    if kind == "original" and split == "train":
        if "dropout" in recipe.inputs:
            texts.append((kind, "dropout", dropout(neutral)))
        if "abstract" in recipe.inputs:
            texts.append((kind, "abstract", abstract(neutral)))
        if "robustness" in recipe.variants:
            texts.append(("robustness", "standard", neutral.text))
    rows = []
    for row_kind, variant, text in texts:
        prompt = prompting.prepare(
            recipe,
            text,
            content=content,
            words=prompting.word_target(styled),
            name=f"{passage.id}:{row_kind}:{variant}",
            styled=styled,
            robust=row_kind == "robustness",
        )
        rows.append(
            Row(
                text=prompt.text + styled,
                loss_start=len(prompt.text),
                kind=row_kind,
                input=variant,
                content=content,
                passage=passage.id,
                neutral=prompt.input,
            )
        )
    return rows
