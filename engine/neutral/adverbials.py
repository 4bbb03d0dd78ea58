"""Cuts clauses of concession and contrast: though, although, whereas.

Other adverbial clauses stay: "while" is a time or a contrast, "as" a time or a reason, and "because" and "when" go with
one part of what was said before, which only its reader knows.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.neutral.clause import Clause
from engine.neutral.coordination import coordinated
from engine.neutral.cutting import LEAST, Cut, after, anchored, before, extent, set_off, trimmed
from engine.neutral.grammar import stands, subject_token, subordinate
from engine.neutral.subjects import subject_of

if TYPE_CHECKING:
    from spacy.tokens import Token

_CONTRASTS = frozenset({"though", "although", "whereas"})


def adverbial(clause: Clause, verb: Token) -> Cut | None:
    """As in: Though it rained, he went. -> It rained. But he went. Likewise: He went, though it rained."""
    if verb.dep_ != "advcl" or clause.question or not anchored(clause):
        return None
    tokens = extent(clause, verb)
    subject = subject_token(verb)
    if tokens is None or subject is None or not stands(verb, subject) or subordinate(clause.head):
        return None
    core = trimmed(tokens)
    mark, rest = core[0], core[1:]
    word = clause.reading.text(mark).lower() or mark.lower_
    if mark.dep_ not in {"mark", "advmod"} or word not in _CONTRASTS or len(rest) < LEAST or rest[0].dep_ == "mark":
        return None
    first = before(clause, core[0]) is None
    if first:
        fits = verb.head == clause.head or coordinated(clause, verb.head)
        fits = fits and not clause.opening and (set_off(clause, core) or _runs_on(clause, core))
    else:
        fits = set_off(clause, core) and _last(clause, core)
    if not fits:
        return None
    here, there = ("", "But") if first else ("But", None)
    new = Clause(clause.reading, tuple(clause.pieces_of(rest)), verb, subject_of(clause.reading, verb), here)
    return Cut({token.i for token in tokens}, new, before=first, opening=there)


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
