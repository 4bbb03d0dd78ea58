"""The way of a passage to its prompt, in the one order there is: perspective, texture, neutral text, noise, prompt.

What a workspace may choose is checked against the adapter's recipe: refused where the adapter has never seen the like,
and marked on the result where it is only unusual.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from engine import prompting
from engine.classifier import classify
from engine.errors import StyloraError
from engine.language import is_word, parse, with_entities
from engine.neutral import Neutralizer, trace
from engine.recipe import Content, Recipe
from engine.settings import PERSPECTIVES, Perspective, RewriteSettings
from engine.variation import Rejected
from engine.variation.inputs import abstract, dropout
from engine.variation.perspective import narrativize, shift

CONCEPT_WORDS = 8
"""A text without a finite verb and of no more words than this names a subject, and says nothing about it."""
CONCEPT_LENGTH = 120
"""Words written about a bare subject where the recipe does not say how long the author's passages are."""
ENGLISH = 0.3
"""Share of its words that a dictionary of English has, below which a text is taken for another language.

Names and small words are not in it. Of 400 passages by two authors none has less than .60, and their first fifteen
words alone hardly ever less than this; sentences in six other languages had .16 at most.
"""

_LONGEST_WORD = 40
"""Characters of a word that may name a subject."""
_LONGER = 1.5
"""Words asked for over those of the longest trained passages, from which that is said."""

_ESCAPE = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)|[@-Z\\^_])")
"""A terminal's commands: colours and titles that were copied along with a text."""
_INVISIBLE = re.compile(r"[\xad\u200b\u2060\u202a-\u202e\u2066-\u2069\ufeff]")
"""Places for hyphens and breaks, and turns of the writing direction: nothing that is read."""
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x84\x86-\x9f\ufffe\uffff]")

Expand = Callable[[Sequence[str], Sequence[str]], list[str | None]]
"""Longer versions of texts, with a name each for its random draws; None where none was good."""


@dataclass(frozen=True)
class Choices:
    """What may be chosen about the way to the prompt; the defaults are what the adapter's recipe says."""

    narrativize_input: bool | None = None
    """None: where the adapter was not trained on every perspective."""
    apply_input_perturbation: bool = True
    expand_for_texture: bool = False
    perspective: Perspective = "keep"
    tolerance: float = 0.15
    """By how much a rewrite may miss the number of words it was asked for."""
    retries: int = 0
    """How often a passage is tried again while something severe is found in every variation."""


@dataclass(frozen=True)
class Prepared:
    """A passage on its way to the model: the text after each step."""

    source: str
    told: str
    """Seen from another point of view, where it had to be."""
    expanded: str
    neutral: str
    prompt: prompting.Prompt
    fallback: str = ""
    """Why the neutral text is not of the trained kind, or a part of it, but made by `rules`; empty where it is."""
    marks: tuple[str, ...] = ()
    """Where this differs from what the adapter was trained on, each in one line."""
    concept: bool = False
    """Whether the source only names a subject, which is to be explained rather than retold."""


def choices(recipe: Recipe, settings: RewriteSettings) -> Choices:
    """What `settings` say about the way to the prompt, `StyloraError` where the recipe rules it out."""
    if not settings.use_persona:
        raise StyloraError(
            "rewrite.use_persona = false: every prompt this adapter was trained on has its persona; "
            "leave it true, or use rewrite.strength = 0 to see the base model"
        )
    if settings.scale is not None and recipe.scale is not None and settings.scale != recipe.scale:
        raise StyloraError(
            f"rewrite.scale = {settings.scale:g}: the adapter was trained with {recipe.scale:g}; to turn it on "
            f"purpose, leave scale out and set rewrite.strength = {settings.scale / recipe.scale:g}"
        )
    wanted = settings.perspective
    if wanted in PERSPECTIVES and wanted not in recipe.variants:
        raise StyloraError(
            f"rewrite.perspective = {wanted!r}: the adapter was trained on {', '.join(recipe.variants)}; "
            "take one of those, or build the dataset with it"
        )
    if wanted != "keep" and settings.narrativize_input is False:
        raise StyloraError(
            f"rewrite.perspective = {wanted!r} starts from first-person text, and rewrite.narrativize_input = false "
            "forbids to make it; take one of the two out"
        )
    return Choices(
        settings.narrativize_input,
        settings.apply_input_perturbation,
        settings.expand_for_texture,
        wanted,
        settings.tolerance,
        settings.retries,
    )


def clean(text: str) -> str:
    """`text` in one line, without control characters, invisible ones and halves of characters."""
    whole = _ESCAPE.sub("", text.encode("utf-8", "replace").decode())
    return " ".join(_CONTROL.sub(" ", _INVISIBLE.sub("", whole)).split())


def names_a_subject(text: str) -> bool:
    """Whether `text` is a bare noun such as "The Stock Market": few words, none of them a finite verb."""
    words = text.split()
    if len(words) > CONCEPT_WORDS or text.rstrip("\"”’')").endswith(("!", "?", ":")):
        return False
    if len(words) == 1:
        return len(text) <= _LONGEST_WORD  # else of a language that writes without spaces
    # Capitals make names of verbs and nouns alike, so both readings have to agree.
    readings = [parse(text.strip(" ."), entities=False), parse(text.strip(" .").lower(), entities=False)]
    finite = [any(token.tag_ in {"VBD", "VBP", "VBZ", "MD"} for token in doc) for doc in readings]
    return not all(finite) and any(token.pos_ in {"NOUN", "PROPN"} for token in readings[0])


def length_of_concept(recipe: Recipe) -> int:
    """Words to write about a bare subject: as many as half of the author's passages have."""
    return recipe.words[0] if recipe.words else CONCEPT_LENGTH


def prepare(
    recipe: Recipe,
    neutralizer: Neutralizer,
    sources: Sequence[str],
    names: Sequence[str],
    *,
    styled: Sequence[str | None] | None = None,
    rows: Sequence[tuple[str, str]] | None = None,
    words: Sequence[int | None] | None = None,
    chosen: Choices | None = None,
    expand: Expand | None = None,
) -> list[Prepared]:
    """Everything up to decoding, with one name per source for its random draws.

    `styled` gives the text that is known to follow and `rows` the kind and input of a training row; with both, and
    the row's name, the prompt is that row's, byte for byte. `words` to write, where given, are for each source as
    many as it has.
    """
    chosen = chosen or Choices()
    follows = styled or [None] * len(sources)
    concepts = [styled is None and names_a_subject(source) for source in sources]
    notes: list[list[str]] = [_foreign(source) for source in sources]
    told = [
        source if concept or styled is not None else _told(source, recipe, chosen, mine)
        for source, concept, mine in zip(sources, concepts, notes, strict=True)
    ]
    expanded = list(told)
    if chosen.expand_for_texture:
        longer = expand(told, names) if expand is not None else [None] * len(told)
        for number, text in enumerate(longer):
            if concepts[number]:
                continue
            before = len(told[number].split())
            if text is None:
                notes[number].append("could not be expanded without losing or inventing something; left as it was")
            else:
                expanded[number] = text
                notes[number].append(f"expanded from {before} to {len(text.split())} words before it was rewritten")
    plain = [text for text, concept in zip(expanded, concepts, strict=True) if not concept]
    neutral = iter(trace(neutralizer, plain))
    prepared = []
    for number, (source, name) in enumerate(zip(sources, names, strict=True)):
        kind, form = rows[number] if rows else ("original", "standard")
        content: Content = "conceptual"
        asked = words[number] if words else None
        if asked and recipe.words and asked > _LONGER * recipe.words[1]:
            notes[number].append(
                f"{asked} words asked for, where the adapter was trained to write {recipe.words[1]} at once: may ramble"
            )
        length = asked or length_of_concept(recipe)
        text, fallback = expanded[number], ""
        if concepts[number]:
            notes[number].append("names a subject without saying anything of it: explained, not retold")
        else:
            made = next(neutral)
            text, fallback = made.text, made.fallback
            doc = parse(text, entities=False)
            content = classify(doc).content
            length = asked or len(expanded[number].split())
            if form != "standard":
                text = (dropout if form == "dropout" else abstract)(with_entities(doc))
        prompt = prompting.prepare(
            recipe if chosen.apply_input_perturbation else _without_noise(recipe, notes[number]),
            text,
            content=content,
            words=prompting.to_tens(length),
            name=name,
            styled=follows[number],
            robust=kind == "robustness",
        )
        prepared.append(
            Prepared(
                source, told[number], expanded[number], text, prompt, fallback, tuple(notes[number]), concepts[number]
            )
        )
    return prepared


def _told(source: str, recipe: Recipe, chosen: Choices, notes: list[str]) -> str:
    every = set(PERSPECTIVES) <= set(recipe.variants)
    wanted = chosen.perspective
    first = chosen.narrativize_input if chosen.narrativize_input is not None else not every
    if wanted == "keep" and not first:
        if not every and narrativize(source) != source:
            notes.append("not told in the first person, which is what the adapter was trained on")
        return source
    text = narrativize(source)
    if text != source and (every or wanted != "keep"):
        notes.append("told in the first person before it was rewritten")
    if wanted in {"keep", "first"}:
        return text
    shifted = shift(text, wanted)  # type: ignore[arg-type]
    if isinstance(shifted, Rejected):
        notes.append(f"could not be told as {wanted!r}: {shifted.reason}")
        return source
    notes.append(f"told as {wanted!r} before it was rewritten")
    return shifted.text


def _without_noise(recipe: Recipe, notes: list[str]) -> Recipe:
    import msgspec

    if recipe.noise:
        notes.append(f"input without noise, where the adapter was trained with {recipe.noise:.0%} of the words changed")
    return msgspec.structs.replace(recipe, noise=0.0)


def _foreign(source: str) -> list[str]:
    letters = [letter for letter in source if letter.isalpha()]
    other_script = sum(letter > "\u024f" for letter in letters) > len(letters) / 2
    words = re.findall(r"[^\W\d_]{3,}", source.lower())
    known = sum(is_word(word) for word in words)
    if not other_script and (len(words) < CONCEPT_WORDS or known >= ENGLISH * len(words)):
        return []
    return ["reads like another language than English, which is all that the steps before the model understand"]
