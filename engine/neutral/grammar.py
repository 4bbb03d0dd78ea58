"""What the parse says of verbs: their finite word, their subject, and whether they stand as a main clause."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from engine.measures.agreement import disagrees, subject_number

if TYPE_CHECKING:
    from spacy.tokens import Token


Number = Literal["first", "singular", "plural"]
Tense = Literal["past", "present"]

SUBJECTS = frozenset({"nsubj", "nsubjpass", "expl", "csubj", "csubjpass"})
BREAKS = frozenset({",", ";", ":", "-", "–", "—", "--", "(", ")", "...", "…"})
RELATIVE_TAGS = frozenset({"WDT", "WP", "WP$", "WRB"})
TIMES = frozenset(
    "time day night morning evening afternoon noon midnight dusk dawn sunset sunrise moment instant second minute hour "
    "weekend week month year decade century age season spring summer autumn winter date way sort kind case".split()
)
"""What "that" points to by itself: "that night" is another one than "this night"."""
NEGATIVES = frozenset("no neither nobody none nothing nor never few hardly scarcely rarely seldom without".split())
"""Words that deny what is said after them, where it may still be true of others."""
_PAST_MODALS = frozenset({"would", "could", "should", "might", "'d", "’d"})


def finite_word(verb: Token) -> Token | None:
    """The word of the verb's group that carries tense, or None for infinitives and participles."""
    for child in verb.children:
        if child.dep_ in {"aux", "auxpass"} and child.tag_ in {"VBD", "VBZ", "VBP", "MD"}:
            return child
    if verb.tag_ in {"VBD", "VBZ", "VBP", "MD"} and not any(child.tag_ == "TO" for child in verb.children):
        return verb
    return None


def tense_of(verb: Token) -> Tense | None:
    word = finite_word(verb)
    if word is None:
        return None
    if word.tag_ == "MD":
        return "past" if word.lower_ in _PAST_MODALS else "present"
    return "past" if word.tag_ == "VBD" else "present"


def subject_token(verb: Token) -> Token | None:
    return next((child for child in verb.children if child.dep_ in SUBJECTS), None)


def subordinate(verb: Token) -> bool:
    """Whether the verb of a whole sentence is introduced by "when", "if", "that" (a fragment or a misparse)."""
    return any(child.dep_ == "mark" or (child.tag_ == "WRB" and child.i < verb.i) for child in verb.children)


def stands(verb: Token, subject: Token) -> bool:
    """Whether `verb` is finite, agrees with `subject` and follows it, as in a main clause."""
    word = finite_word(verb)
    if subject.lower_ in {"that", "which", "who"}:
        return False
    if word is None or (subject.i > word.i and subject.dep_ != "expl"):
        return False
    number = subject_number(subject)
    return not disagrees(number, word)
