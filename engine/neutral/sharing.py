"""Gives each of two coordinated objects, complements or reports a sentence with its own subject and verb."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.neutral.clause import Clause, Piece
from engine.neutral.coordination import conjunction
from engine.neutral.cutting import Cut, extent, trimmed
from engine.neutral.grammar import finite_word, stands, subject_token

if TYPE_CHECKING:
    from spacy.tokens import Token

_LEAST = 3
"""Words a second object needs to be worth a sentence."""


def _verb_group(clause: Clause, verb: Token, until: int) -> list[Token] | None:
    """The words of the verb itself up to place `until`, or None if a long object stands between."""
    kinds = {"aux", "auxpass", "neg", "prt", "dobj", "dative", "advmod", "acomp", "oprd"}
    found = [verb]
    for child in verb.children:
        if child.dep_ in kinds and child.i < until and child.i in clause.indices:
            if sum(1 for _ in child.subtree) > 2:
                return None
            found += child.subtree
    return sorted(found, key=lambda token: token.i)


def _cut(clause: Clause, item: Token, core: list[Token], lead: list[Piece]) -> Cut | None:
    joint = conjunction(clause, item, core[0].i)
    if joint is None or joint.lower_ != "and" or clause.subject is None:
        return None
    taken = {token.i for token in clause.within(item.subtree)} | {joint.i}
    pieces = (Piece(clause.subject.text), *lead, *clause.pieces_of(core))
    return Cut(taken, Clause(clause.reading, pieces, clause.head, clause.subject), level=True)


def _alone(item: Token) -> bool:
    """Whether `item` is the second of just two."""
    first = item.head
    others = [child for child in first.children if child.dep_ == "conj"]
    return others == [item] and not any(child.dep_ == "conj" for child in item.children)


def reports(clause: Clause, verb: Token) -> Cut | None:
    """As in: He said that it rained and that he was wet. -> He said that it rained. He said that he was wet."""
    if verb.dep_ != "conj" or verb.head.dep_ != "ccomp" or verb.head.head != clause.head or clause.question:
        return None
    mark = next((child for child in verb.children if child.dep_ == "mark" and child.lower_ == "that"), None)
    tokens, subject = extent(clause, verb), subject_token(verb)
    if mark is None or tokens is None or subject is None or not stands(verb, subject) or not _alone(verb):
        return None
    core = trimmed(tokens)
    group = _verb_group(clause, clause.head, verb.head.left_edge.i)
    if group is None or core[0] != mark or clause.head.i > verb.head.i:
        return None
    return _cut(clause, verb, core, clause.pieces_of(group))


def infinitives(clause: Clause, verb: Token) -> Cut | None:
    """As in: He chose to sail home and to marry her. -> He chose to sail home. He chose to marry her."""
    base = verb.head
    if verb.dep_ != "conj" or verb.tag_ != "VB" or base.dep_ != "xcomp" or base.head != clause.head or clause.question:
        return None
    particle = next((child for child in base.children if child.tag_ == "TO" and child.dep_ == "aux"), None)
    tokens = extent(clause, verb)
    if particle is None or tokens is None or subject_token(verb) is not None or not _alone(verb):
        return None
    group = _verb_group(clause, clause.head, particle.i)
    core = trimmed(tokens)
    if group is None or len(core) < _LEAST - 1 or base.i < clause.head.i or core[0].i < base.i:
        return None
    own = [] if any(child.tag_ == "TO" for child in verb.children) else clause.pieces_of([particle])
    return _cut(clause, verb, core, [*clause.pieces_of(group), *own])


def objects(clause: Clause, noun: Token) -> Cut | None:
    """As in: He saw the old house and the trees behind it. -> He saw the old house. He saw the trees behind it."""
    first, verb = noun.head, clause.head
    if noun.dep_ != "conj" or first.dep_ != "dobj" or first.head != verb or verb.pos_ != "VERB" or clause.question:
        return None
    if noun.pos_ not in {"NOUN", "PROPN"} or not _alone(noun) or any(child.dep_ == "neg" for child in verb.children):
        return None
    if any(child.lower_ in {"both", "between", "either", "neither"} for child in (*first.children, *verb.children)):
        return None
    tokens = extent(clause, noun)
    if tokens is None or any(child.i > noun.i and child.dep_ in {"prep", "xcomp", "advcl"} for child in verb.children):
        return None
    core = trimmed(tokens)
    # The second thing must be a phrase with a determiner of its own: "salt and fresh water" is one thing.
    if len(core) < _LEAST or core[0].dep_ not in {"det", "poss", "nummod"} or first.i < verb.i:
        return None
    group = _verb_group(clause, verb, first.left_edge.i)
    return None if group is None else _cut(clause, noun, core, clause.pieces_of(group))


def predicates(clause: Clause, adjective: Token) -> Cut | None:
    """As in: The new work was coarse, bold and clumsy. -> The new work was coarse. It was bold. It was clumsy."""
    if adjective.dep_ != "conj" or adjective.tag_ not in {"JJ", "VBN"} or adjective.head.i not in clause.indices:
        return None
    verb, first = clause.head, adjective.head
    while first.dep_ == "conj":
        first = first.head
    subject, tense = clause.subject, clause.tense
    if verb.lemma_ != "be" or subject is None or tense is None or clause.question or finite_word(verb) != verb:
        return None
    if first.head != verb or first.dep_ != "acomp" or first.tag_ != "JJ":
        return None
    if any(
        child.dep_ in {"neg", "preconj"} or child.lower_ in {"so", "too", "as", "both"}
        for child in (*verb.children, *first.children)
    ):
        return None
    tokens = extent(clause, adjective)
    core = trimmed(tokens) if tokens else []
    joint = conjunction(clause, adjective, core[0].i) if core else None
    if not core or (joint is not None and joint.lower_ not in {"and", "but"}) or core[0].i < first.i:
        return None
    if any(child.dep_ in {"nsubj", "mark", "det"} for child in adjective.children):
        return None
    taken = {token.i for token in clause.within(adjective.subtree)} | ({joint.i} if joint is not None else set())
    opening = "But" if joint is not None and joint.lower_ == "but" else ""
    pieces = (Piece(subject.text), Piece(subject.verb("be", tense)), *clause.pieces_of(core))
    return Cut(taken, Clause(clause.reading, pieces, verb, subject, opening), level=True, least=2)
