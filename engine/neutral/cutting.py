"""Taking clauses out of a sentence until none can be taken: the frame every rule of splitting works in."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from engine.neutral.clause import Clause, Piece
from engine.neutral.grammar import BREAKS, RELATIVE_TAGS, SUBJECTS, finite_word, subject_token
from engine.neutral.subjects import subject_of

if TYPE_CHECKING:
    from spacy.tokens import Token


SHORT = 12
"""Words up to which a sentence is plain already and is left whole (chosen: plain-language guides ask for 15 to 20; each
cut can go wrong, and over 120 passages of Lovecraft those down to 6 words moved the style distance by .001 in .22)."""
LEAST = 3
"""Words a clause needs to stand alone, unless its cut says otherwise."""
STRONG = frozenset({";", ":", "—", "–", "--", "(", ")"})
"""Marks that part clauses, not words."""


@dataclass(frozen=True, slots=True)
class Cut:
    """A clause taken out of another: the tokens it takes away, and whether it is said before or after the rest."""

    taken: set[int]
    clause: Clause
    before: bool = False
    opening: str | None = None
    """New connective for the rest."""
    level: bool = False
    """Whether the two stood side by side, so that a mark after the cut still belongs to the rest."""
    least: int = LEAST
    """Words either part needs."""
    reworded: Mapping[int, str] | None = None
    """Words of the rest that change, by token index."""


Rule = Callable[[Clause, "Token"], Cut | None]


def extent(clause: Clause, token: Token) -> list[Token] | None:
    """Tokens of `clause` under `token`, or None if they are not one stretch (marks aside)."""
    tokens = clause.within(token.subtree)
    if not tokens:
        return None
    held = {held.i for held in tokens}
    for between in clause.tokens():
        if tokens[0].i < between.i < tokens[-1].i and between.i not in held and between.text not in BREAKS:
            return None
    return tokens


def trimmed(tokens: list[Token]) -> list[Token]:
    """`tokens` without the marks at either end."""
    start, end = 0, len(tokens)
    while start < end and tokens[start].text in BREAKS:
        start += 1
    while end > start and (tokens[end - 1].text in BREAKS or tokens[end - 1].text in ".?!"):
        end -= 1
    return tokens[start:end]


def before(clause: Clause, token: Token) -> Token | None:
    """The word or mark of the clause that stands before `token`."""
    earlier = [candidate for candidate in clause.tokens() if candidate.i < token.i and candidate.text.strip()]
    return max(earlier, key=lambda candidate: candidate.i, default=None)


def after(clause: Clause, token: Token) -> Token | None:
    """The word or mark of the clause that stands after `token`."""
    later = [candidate for candidate in clause.tokens() if candidate.i > token.i and candidate.text.strip()]
    return min(later, key=lambda candidate: candidate.i, default=None)


def set_off(clause: Clause, tokens: list[Token], marks: frozenset[str] = BREAKS) -> bool:
    """Whether a mark stands on the inner side of `tokens`: before them, or after them where they come first."""
    left = before(clause, tokens[0])
    if left is None:
        right = after(clause, tokens[-1])
        return right is not None and right.text in marks
    return left.text in marks


def anchored(clause: Clause) -> bool:
    """Whether the clause has a finite verb and its subject, so that it stands when something is taken out."""
    if clause.head.i not in clause.indices or finite_word(clause.head) is None:
        # A clause made by a rule has its verb or its subject put in.
        return any(piece.token is None for piece in clause.pieces)
    found = subject_token(clause.head)
    return (found is not None and found.i in clause.indices) or any(piece.token is None for piece in clause.pieces)


def flatten(clause: Clause, rules: tuple[Rule, ...]) -> list[Clause]:
    """`clause` cut by `rules` until none applies; what comes out reads in order."""
    if clause.words <= SHORT and not any(piece.text in STRONG for piece in clause.pieces):
        return [clause]
    places = [token for token in clause.tokens() if token.i != clause.head.i and token.head.i in clause.indices]
    for rule in rules:
        for token in reversed(places):
            cut = rule(clause, token)
            if cut is None or clause.reading.cuts_quotation(cut.taken) or clause.head.i in cut.taken:
                continue
            if not cut.before and _orphans(clause, cut.taken):
                continue
            rest = clause.without(cut.taken, level=cut.level)
            if cut.reworded:
                rest = rest.reworded(cut.reworded)
            if rest.words < cut.least or cut.clause.words < cut.least:
                continue
            if clause.reading.in_quotation(token) and not clause.reading.in_quotation(clause.head):
                continue
            if cut.before:
                moved = replace(cut.clause, opening=cut.clause.opening or clause.opening)
                rest = replace(rest, opening=cut.opening if cut.opening is not None else "")
                return flatten(moved, rules) + flatten(rest, rules)
            return flatten(rest, rules) + flatten(cut.clause, rules)
    return leftover(clause)


_SINGULAR = frozenset({"it", "its", "itself"})
_PLURAL = frozenset({"they", "them", "their", "themselves"})


def _orphans(clause: Clause, taken: set[int]) -> bool:
    """Whether a pronoun behind what is taken away may mean a noun in it: "those who saw the bones say they are old"."""
    behind = {token.lower_ for token in clause.tokens() if token.i > max(taken)}
    tags = {token.tag_ for token in clause.tokens() if token.i in taken}
    pointing = any(token.tag_ == "DT" and token.dep_ in SUBJECTS for token in clause.tokens() if token.i > max(taken))
    return pointing or bool((behind & _SINGULAR and "NN" in tags) or (behind & _PLURAL and "NNS" in tags))


def leftover(clause: Clause) -> list[Clause]:
    """Clauses on either side of a semicolon that the parse did not see as such, if each has a subject and a verb."""
    position = next((i for i, piece in enumerate(clause.pieces) if piece.text in {";", ":", "—", "--"}), None)
    if position is None or clause.head.i not in clause.indices:
        return [clause]
    left, right = clause.pieces[:position], clause.pieces[position + 1 :]
    heads = [_carrier(clause, side) for side in (left, right)]
    if heads[0] is None or heads[1] is None:
        return [clause]
    first = replace(clause, pieces=left, head=heads[0], subject=subject_of(clause.reading, heads[0]) or clause.subject)
    second = replace(clause, pieces=right, head=heads[1], subject=subject_of(clause.reading, heads[1]), opening="")
    return [first, *leftover(second)]


def _carrier(clause: Clause, pieces: tuple[Piece, ...]) -> Token | None:
    """The verb that lets `pieces` stand alone: finite, its subject among them, not subordinate."""
    tokens = [piece.token for piece in pieces if piece.token is not None]
    held = {token.i for token in tokens}
    if clause.reading.cuts_quotation(held) or sum(piece.text == '"' for piece in pieces) % 2:
        return None
    start = next((token for token in tokens if token.text not in BREAKS), None)
    if (
        start is None
        or start.tag_ in RELATIVE_TAGS
        or start.dep_ == "mark"
        or start.lower_ in {"that", "as", "if", "or", "nor"}
    ):
        return None
    for token in tokens:
        if token.dep_ not in SUBJECTS or token.head.i not in held or token.tag_ in RELATIVE_TAGS:
            continue
        verb = token.head
        if finite_word(verb) is None or verb.dep_ in {"relcl", "pcomp"}:
            continue
        if any(child.dep_ == "mark" or child.tag_ in RELATIVE_TAGS for child in verb.children):
            continue
        if verb.head.i in held and verb.dep_ != "ROOT":
            continue
        under = {member.i for member in verb.subtree}
        if all(member.i in under or member.text in BREAKS or member.dep_ in {"cc", "punct"} for member in tokens):
            return verb
    return None
