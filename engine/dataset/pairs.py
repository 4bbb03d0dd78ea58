"""From one passage of the author to its training rows: styled variants, their neutral texts, noise, prompts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from engine import language, prompting
from engine.classifier import classify
from engine.curation import Passage
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
    docs = language.parse_many([passage.text for passage, _ in passages])
    for (passage, split), doc in zip(passages, docs, strict=True):
        if split == "train":
            styled, failed = styled_variants(passage, doc, recipe)
            made.dropped += failed
        else:
            styled = {"original": passage.text}
        jobs += [(passage, split, kind, text) for kind, text in styled.items()]
    neutral_texts = neutralizer.neutralize([text for *_, text in jobs])
    for (passage, split, kind, styled_text), neutral in zip(jobs, neutral_texts, strict=True):
        _rows_of(passage, split, kind, styled_text, neutral, recipe, made)
    return made


def _rows_of(passage: Passage, split: Split, kind: str, styled: str, neutral: str, recipe: Recipe, made: Made) -> None:
    if len(neutral.split()) < SHORTEST_INPUT * len(styled.split()):
        made.dropped[f"{kind}: neutral text too short"] += 1
        return
    facts = kept(styled, neutral)
    if facts.missing:
        made.dropped[f"{kind}: neutral text lost a name or number"] += 1
        return
    content = classify(neutral).content
    inputs = {"standard": neutral}
    if kind == "original" and split == "train":
        if "dropout" in recipe.inputs:
            inputs["dropout"] = dropout(neutral)
        if "abstract" in recipe.inputs:
            inputs["abstract"] = abstract(neutral)
    rows = [(kind, variant, text) for variant, text in inputs.items()]
    if kind == "original" and split == "train" and "robustness" in recipe.variants:
        rows.append(("robustness", "standard", neutral))
    for row_kind, variant, text in rows:
        prompt = prompting.prepare(
            recipe,
            text,
            content=content,
            words=prompting.word_target(styled),
            name=f"{passage.id}:{row_kind}:{variant}",
            styled=styled,
            robust=row_kind == "robustness",
        )
        made.rows.append(
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
