"""Brings a clause into the order subject, verb, object where that is safe."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from engine.neutral.clause import Clause, Piece
from engine.neutral.genitive import active, own
from engine.neutral.grammar import BREAKS, finite_word

if TYPE_CHECKING:
    from spacy.tokens import Token

_NEGATIVE = frozenset({"never", "nor", "scarcely", "seldom", "rarely", "hardly", "neither"})
_SPEECH = frozenset("say cry ask reply answer exclaim shout whisper murmur mutter think".split())
_MOVABLE = frozenset(
    "of in on at from through to with by under above upon among over beneath beside across into near".split()
)
_CONNECTIVES = (
    "at the same time",
    "after that",
    "in the end",
    "at last",
    "at once",
    "in fact",
    "for example",
    "from then",
)
_LONGEST_MOVED = 9
_LONGEST_REST = 16


def straighten_order(clause: Clause) -> Clause:
    """`clause` in plain order, or as it is."""
    for step in (_negation, _location, _speech, _fronted, active, own, _undivided):
        clause = step(clause)
    return clause


def _undivided(clause: Clause) -> Clause:
    """As in: The whale that sank, was old -> without the comma that old prose puts before a verb."""
    subject, verb = _subject(clause), finite_word(clause.head)
    if subject is None or verb is None or not subject.i < verb.i:
        return clause
    places = [i for i, piece in enumerate(clause.pieces) if piece.token is not None and piece.token.i == verb.i]
    if not places or places[0] < 2 or clause.pieces[places[0] - 1].text != ",":
        return clause
    comma = places[0] - 1
    single = sum(piece.text in BREAKS or piece.text == '"' for piece in clause.pieces[: places[0]]) == 1
    ends = clause.pieces[comma - 1].token
    # "Slept badly, dreamt of it": a bare word in front may be a verb that the parse did not see.
    bare = subject.tag_ == "NN" and subject.left_edge == subject and subject.i not in clause.reading.names
    conjoined = any(child.dep_ == "conj" for child in subject.children)
    # "The duke, warned by his cook, fled": the comma opens what another one closes.
    reduced = verb.tag_ == "VBD" and any(piece.text == "," for piece in clause.pieces[places[0] :])
    if not single or ends is None or ends not in subject.subtree or bare or conjoined or reduced:
        return clause
    return replace(clause, pieces=(*clause.pieces[:comma], *clause.pieces[comma + 1 :]))


def _tokens(clause: Clause) -> list[Token]:
    return [token for token in clause.tokens() if clause.reading.text(token)]


def _subject(clause: Clause) -> Token | None:
    return next(
        (child for child in clause.head.children if child.dep_ in {"nsubj", "nsubjpass"} and child.i in clause.indices),
        None,
    )


def _positions(clause: Clause, token: Token) -> list[int]:
    held = {member.i for member in token.subtree}
    return [i for i, piece in enumerate(clause.pieces) if piece.token is not None and piece.token.i in held]


def _solid(positions: list[int]) -> bool:
    return bool(positions) and positions[-1] - positions[0] + 1 == len(positions)


def _negation(clause: Clause) -> Clause:
    """As in: Never had I seen it -> I had never seen it; nor could I tell -> I could not tell."""
    subject, words = _subject(clause), _tokens(clause)
    if subject is None or clause.question or len(words) < 4:
        return clause
    first = words[0]
    auxiliary = finite_word(clause.head)
    if first.lower_ not in _NEGATIVE or auxiliary is None or not first.i < auxiliary.i < subject.i:
        return clause
    moved = _positions(clause, subject)
    if not _solid(moved) or (auxiliary != clause.head and clause.head.i < subject.i):
        return clause
    adverb = "not" if first.lower_ in {"nor", "neither"} else first.lower_
    front = [p for p in clause.pieces[: moved[0]] if p.token is None or p.token not in {first, auxiliary}]
    middle = [Piece(clause.reading.text(auxiliary), auxiliary), Piece(adverb, first)]
    pieces = [*front, *clause.pieces[moved[0] : moved[-1] + 1], *middle, *clause.pieces[moved[-1] + 1 :]]
    return replace(clause, pieces=tuple(pieces))


def _location(clause: Clause) -> Clause:
    """As in: Above the steps arched a passage -> A passage arched above the steps."""
    verb, words = clause.head, _tokens(clause)
    if clause.question or not words or words[0].dep_ != "prep" or words[0].head != verb or words[0].i > verb.i:
        return clause
    if words[0].lower_ not in _MOVABLE - {"of", "with", "by"}:
        return clause
    if any(child.dep_ in {"aux", "auxpass", "expl"} for child in verb.children) or finite_word(verb) is None:
        return clause
    left = {"nsubj", "nsubjpass", "csubj"}
    if any(child.dep_ in left and child.i < verb.i for child in verb.children):
        return clause
    noun = next((c for c in verb.children if c.dep_ in {"nsubj", "dobj", "attr"} and c.i > verb.i), None)
    if noun is None or noun.pos_ not in {"NOUN", "PROPN"}:
        return clause
    phrase, moved = _positions(clause, words[0]), _positions(clause, noun)
    place = next((i for i, piece in enumerate(clause.pieces) if piece.token == verb), -1)
    if not (_solid(phrase) and _solid(moved)) or phrase[0] != 0 or moved[0] != place + 1:
        return clause
    between = clause.pieces[phrase[-1] + 1 : place]
    if any(piece.text not in BREAKS for piece in between if piece.text):
        return clause
    pieces = (
        *clause.pieces[moved[0] : moved[-1] + 1],
        clause.pieces[place],
        *clause.pieces[phrase[0] : phrase[-1] + 1],
        *clause.pieces[moved[-1] + 1 :],
    )
    return replace(clause, pieces=pieces)


def _speech(clause: Clause) -> Clause:
    """As in: said he -> he said."""
    for verb in clause.tokens():
        if verb.lemma_ not in _SPEECH or verb.tag_ not in {"VBD", "VBZ"} or clause.reading.in_quotation(verb):
            continue
        subject = next((c for c in verb.children if c.dep_ == "nsubj" and c.i > verb.i), None)
        if subject is None:
            continue
        place = next(i for i, piece in enumerate(clause.pieces) if piece.token == verb)
        # The marks of the speech may hang on the speaker: "cried I, "which way?"
        moved = [i for i in _positions(clause, subject) if clause.pieces[i].text[:1].isalnum()]
        if not _solid(moved) or moved[0] != place + 1 or len(moved) > 4:
            continue
        pieces = (
            *clause.pieces[:place],
            *clause.pieces[moved[0] : moved[-1] + 1],
            clause.pieces[place],
            *clause.pieces[moved[-1] + 1 :],
        )
        clause = replace(clause, pieces=pieces)
    return clause


def _fronted(clause: Clause) -> Clause:
    """As in: Of graves and tombs I knew much -> I knew much of graves and tombs."""
    subject, words = _subject(clause), _tokens(clause)
    if subject is None or clause.question or clause.opening or len(words) < 5:
        return clause
    first = words[0]
    if first.dep_ != "prep" or first.head != clause.head or first.lower_ not in _MOVABLE or subject.i > clause.head.i:
        return clause
    phrase = _positions(clause, first)
    if " ".join(token.lower_ for token in words[:4]).startswith(_CONNECTIVES):
        return clause
    if first.lower_ == "of" and any(token.tag_ == "CD" or token.dep_ in {"det", "poss"} for token in first.subtree):
        # "Of the five brothers only Ivan could read": they are what he is one of.
        return clause
    if not _solid(phrase) or phrase[0] != 0 or len(phrase) > _LONGEST_MOVED or len(words) - len(phrase) > _LONGEST_REST:
        return clause
    if any(clause.pieces[i].text in BREAKS for i in phrase):
        return clause
    if words[0].right_edge.dep_ in {"prep", "det", "amod", "cc"}:
        return clause
    rest = list(clause.pieces[phrase[-1] + 1 :])
    while rest and (rest[0].text in BREAKS or not rest[0].text):
        rest.pop(0)
    heads = {"ccomp", "advcl", "relcl", "xcomp", "conj", "parataxis"}
    if any(piece.token is not None and piece.token.dep_ in heads for piece in rest):
        return clause
    if not rest or rest[0].token is None or rest[0].token not in subject.subtree:
        return clause
    end = len(rest)
    while end and (rest[end - 1].text in {".", "?", "!", ""} or rest[end - 1].text in BREAKS):
        end -= 1
    return replace(clause, pieces=(*rest[:end], *clause.pieces[phrase[0] : phrase[-1] + 1], *rest[end:]))
