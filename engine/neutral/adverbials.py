"""Cuts adverbial clauses: though, while, when, because, before, after, so great that."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.neutral.clause import Clause
from engine.neutral.coordination import coordinated
from engine.neutral.cutting import LEAST, Cut, after, anchored, before, extent, set_off, trimmed
from engine.neutral.grammar import finite_word, stands, subject_token, subordinate, tense_of
from engine.neutral.subjects import subject_of

if TYPE_CHECKING:
    from spacy.tokens import Token


_LONG = 14
"""Words from which even a clause without a comma is cut off."""
_MARKS: dict[str, tuple[str | None, str | None, str | None]] = {
    # mark: (opening of the clause when it comes last, opening of the rest when it comes first, present tense too)
    "though": ("But", "But", None),
    "although": ("But", "But", None),
    "whereas": ("But", "But", None),
    "while": ("At the same time", "At the same time", None),
    "whilst": ("At the same time", "At the same time", None),
    "when": ("Then", "Then", "past"),
    "whereupon": ("Then", None, "past"),
    "because": ("This was because", None, None),
    "for": ("This was because", None, None),
    "since": ("This was because", None, None),
    "before": ("After that", None, "past"),
    "after": (None, "After that", "past"),
    "until": ("In the end", None, "past"),
    "till": ("In the end", None, "past"),
}

_WIDE = frozenset({"because", "for", "though", "although", "whereas", "while", "whilst"})
"""Marks of clauses that, set off at the end, go with all that was said before, whatever verb the parse gives them."""


def adverbial(clause: Clause, verb: Token) -> Cut | None:
    """As in: Though it rained, he went. -> It rained. But he went. Likewise while, when, because, before, after."""
    if verb.dep_ != "advcl" or clause.question:
        return None
    nested = not (verb.head == clause.head or coordinated(clause, verb.head))
    if not anchored(clause):
        return None
    tokens = extent(clause, verb)
    subject = subject_token(verb)
    if tokens is None or subject is None or not stands(verb, subject) or subordinate(clause.head):
        return None
    core = trimmed(tokens)
    mark, rest = core[0], core[1:]
    if mark.dep_ not in {"mark", "advmod"} or len(rest) < LEAST:
        return None
    first = before(clause, core[0]) is None
    apart = set_off(clause, core)
    if not apart and not _runs_on(clause, core) and (first or clause.words < _LONG or len(rest) < LEAST + 1):
        return None
    taken = {token.i for token in tokens}
    past = tense_of(verb) == "past" and clause.tense == "past"
    word = clause.reading.text(mark).lower() or mark.lower_
    if word == "as" and rest[0].lower_ in {"if", "though"} and not first:
        here = "It was as" if past else "It is as"
        new = Clause(clause.reading, tuple(clause.pieces_of(rest)), verb, None, here)
        return Cut(taken, new) if apart or clause.words >= _LONG else None
    openings = _MARKS.get(word)
    if nested and (first or not apart or word not in _WIDE or not _last(clause, core)):
        return None
    if openings is None or rest[0].dep_ == "mark" or (openings[2] and not past):
        return None
    if not first and any(child.dep_ == "neg" for child in clause.head.children):
        return None
    if word in {"before", "until", "till"} and finite_word(verb).tag_ == "MD":  # type: ignore[union-attr]
        return None
    if word == "when" and not first and not (apart and _under_way(clause.head)):
        # "Two were hurt when the crowd was driven back": "then" would put the one after the other.
        return None
    if word in {"since", "until", "till", "before", "when"} and not apart and not past:
        return None
    opening = openings[1] if first else openings[0]
    if opening is None or (first and clause.opening):
        return None
    if not past and opening == "This was because":
        opening = "This is because"
    here, there = ("", opening) if first else (opening, None)
    new = Clause(clause.reading, tuple(clause.pieces_of(rest)), verb, subject_of(clause.reading, verb), here)
    return Cut(taken, new, before=first, opening=there)


def _under_way(verb: Token) -> bool:
    """Whether the verb tells what had happened or was going on: "had driven for hours", "was asleep" is none."""
    helpers = [child for child in verb.children if child.dep_ == "aux"]
    return verb.tag_ in {"VBN", "VBG"} and any(word.lower_ in {"had", "was", "were"} for word in helpers)


def _last(clause: Clause, tokens: list[Token]) -> bool:
    following = after(clause, tokens[-1])
    return following is None or following.text in {".", "!", '"'}


def _runs_on(clause: Clause, tokens: list[Token]) -> bool:
    """Whether a clause in front is followed by the subject of the main one without a comma."""
    if before(clause, tokens[0]) is not None:
        return False
    subject = subject_token(clause.head)
    following = after(clause, tokens[-1])
    return subject is not None and following is not None and subject.left_edge.i == following.i


def result(clause: Clause, verb: Token) -> Cut | None:
    """As in: It was so dark that I saw nothing. -> It was very dark. So I saw nothing."""
    if verb.dep_ not in {"ccomp", "advcl", "relcl"} or clause.question or not anchored(clause):
        return None
    mark = next((child for child in verb.children if child.dep_ == "mark" and child.lower_ == "that"), None)
    subject, tokens = subject_token(verb), extent(clause, verb)
    if mark is None or subject is None or tokens is None or not stands(verb, subject):
        return None
    core = trimmed(tokens)
    so = next((token for token in clause.tokens() if token.lower_ == "so" and token.i < mark.i), None)
    if so is None or core[0] != mark or so.i == mark.i - 1 or clause.reading.text(so) != so.text:
        return None
    degree = so.dep_ == "advmod" and so.head.tag_ in {"JJ", "RB"} and so.nbor(1) == so.head
    article = so.nbor(2).lower_ in {"a", "an"} if so.i + 2 < len(so.doc) else False
    if not degree or article or so.head.lower_ in {"much", "many", "far", "long"} or so.i < clause.head.i:
        return None
    new = Clause(clause.reading, tuple(clause.pieces_of(core[1:])), verb, subject_of(clause.reading, verb), "So")
    return Cut({token.i for token in tokens}, new, reworded={so.i: "very"})
