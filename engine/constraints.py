"""Checkable lines of a prompt: a line is used in training only where the styled text does what it says."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from random import Random

from engine.recipe import Constraint

_SENTENCE_END = re.compile(r"(?<=[.!?])[\"”’)]*\s+")
_FIRST_PERSON = re.compile(r"\b(?:I|me|my|myself)\b")

# Tiers: a line of the first is always there when it is true, of the second in half of such prompts, of the third
# in a fifth. Rare enough that the model also learns to write without them.
ALWAYS, FREQUENT, ROTATING = 1.0, 0.5, 0.2


def _sentence_words(text: str) -> list[int]:
    return [len(sentence.split()) for sentence in _SENTENCE_END.split(text.strip())]


CHECKS: dict[str, Callable[[str], bool]] = {
    "first_person": lambda text: bool(_FIRST_PERSON.search(text)),
    "no_question": lambda text: "?" not in text,
    "question": lambda text: "?" in text,
    "long_sentence": lambda text: max(_sentence_words(text)) >= 40,
    "long_sentences": lambda text: (lengths := _sentence_words(text)) != [] and sum(lengths) / len(lengths) >= 25,
    "short_sentence": lambda text: min(_sentence_words(text)) <= 8,
    "semicolon": lambda text: ";" in text,
    "dash": lambda text: "—" in text or "--" in text,
    "no_exclamation": lambda text: "!" not in text,
    "no_quotation": lambda text: not re.search(r"[\"“”]", text),
}

LINES: tuple[tuple[str, str, float], ...] = (
    ("first_person", "Speak in the first person.", FREQUENT),
    ("long_sentences", "Write long sentences.", FREQUENT),
    ("long_sentence", "Let one sentence run past forty words.", FREQUENT),
    ("semicolon", "Join thoughts with semicolons.", ROTATING),
    ("dash", "Break a thought with a dash.", ROTATING),
    ("short_sentence", "Include one very short sentence.", ROTATING),
    ("question", "Ask a question.", ROTATING),
    ("no_question", "Ask no questions.", ROTATING),
    ("no_exclamation", "Use no exclamation marks.", ROTATING),
    ("no_quotation", "Quote nobody.", ROTATING),
)


def constraints_of(passages: Sequence[str]) -> tuple[Constraint, ...]:
    """The lines with the author's own rate of satisfying each, over `passages` (at least one)."""
    return tuple(
        Constraint(
            text=text,
            test=test,
            chance=chance,
            rate=round(sum(CHECKS[test](passage) for passage in passages) / len(passages), 4),
        )
        for test, text, chance in LINES
    )


def choose(constraints: Sequence[Constraint], *, seed: int, name: str, styled: str | None) -> tuple[str, ...]:
    """The lines for one prompt, in the recipe's order.

    With the `styled` text (training, or a passage whose original is known) a line is eligible if the text passes
    its check; without (rewriting) it is eligible as often as the author's passages pass it, so that prompts carry
    the same lines equally often on both sides. Eligible lines are kept with their tier's chance. The draw for each
    line depends only on `seed`, `name` and the line.
    """
    chosen = []
    for constraint in constraints:
        draw = Random(f"{seed}:constraint:{name}:{constraint.test}")
        keep, stand_in = draw.random() < constraint.chance, draw.random() < constraint.rate
        if keep and (CHECKS[constraint.test](styled) if styled is not None else stand_in):
            chosen.append(constraint)
    if styled is None:
        chosen = _compatible(chosen)
    return tuple(constraint.text for constraint in chosen)


_OPPOSITES = ({"question", "no_question"},)


def _compatible(chosen: list[Constraint]) -> list[Constraint]:
    """Independent draws may pair a line with its opposite, which no styled text satisfies: the first one stays."""
    kept: list[Constraint] = []
    for constraint in chosen:
        if not any({constraint.test, other.test} in _OPPOSITES for other in kept):
            kept.append(constraint)
    return kept
