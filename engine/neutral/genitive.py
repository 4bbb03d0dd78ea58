"""Two long-winded turns made plain: "the master of the house" -> "the house's master", passives with an agent."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from engine.language import inflect
from engine.neutral.clause import Clause, Piece
from engine.neutral.subjects import Subject, reference

if TYPE_CHECKING:
    from spacy.tokens import Token

_NOT_OWNED = frozenset(
    "part parts side sides top end ends edge middle centre center kind sort type rest number lot group pair piece "
    "sense thought idea fear use act absence presence loss lack sight matter state form means case time times day days "
    "age year years title subject course process way manner purpose front back bottom heart midst depth depths "
    "length height size amount quantity majority most one ones some mass sound smell touch feeling feel hope love "
    "hatred desire knowledge memory story tale account news question problem point line lines row series range "
    "cup glass bottle bag box heap flight herd band crowd army fleet company remainder remains bit half quarter "
    "third art science history study name names word words picture image shape figure body cause reason example "
    "instance kingdom city town isle island land valley gulf cape month body effect face advantage habit "
    "possibility chance danger risk hour night morning evening moment period lord god gods king queen prince power "
    "strength light colour color man men son daughter truth law idea board house sea world book field style "
    "value north south east west".split()
)
_LONGEST_OWNER = 3
_MATERIALS = frozenset(
    "stone wood gold silver iron brass marble granite brick glass bone ivory silk leather steel bronze paper clay oak "
    "copper lead tin ebony jade onyx basalt crystal straw pine wool cotton linen velvet".split()
)


def own(clause: Clause) -> Clause:
    """Every "the X of the Y" in `clause` with a short Y as "the Y's X"."""
    for token in clause.tokens():
        if token.lower_ == "of" and token.dep_ == "prep":
            clause = _owned(clause, token)
    return clause


def _run(clause: Clause, tokens: list[Token]) -> tuple[int, int] | None:
    """First and last place of `tokens` among the pieces of `clause`, or None unless they are one stretch."""
    held = {token.i for token in tokens}
    places = [i for i, piece in enumerate(clause.pieces) if piece.token is not None and piece.token.i in held]
    if not places or len(places) != len(held) or places[-1] - places[0] + 1 != len(places):
        return None
    return places[0], places[-1]


def _owned(clause: Clause, of: Token) -> Clause:
    noun = of.head
    made = _made_of(clause, of)
    if made is not None:
        return made
    owner = next((child for child in of.children if child.dep_ == "pobj"), None)
    if owner is None or noun.pos_ != "NOUN" or noun.lower_ in _NOT_OWNED or noun.i != of.i - 1:
        return clause
    if noun.i in clause.reading.names or clause.reading.in_quotation(noun) or owner.tag_ not in {"NN", "NNP", "NNS"}:
        return clause
    left = [child for child in noun.children if child.i < noun.i]
    if not left or left[0].lower_ != "the" or any(child.dep_ not in {"det", "amod", "compound"} for child in left):
        return clause
    if any(child.tag_ in {"JJS", "RBS", "CD"} or child.lower_ in {"only", "first", "last"} for child in left):
        return clause
    owning = sorted(owner.subtree, key=lambda token: token.i)
    first = owning[0]
    definite = first.lower_ in {"the", "this", "that"} or first.tag_ == "PRP$" or owner.i in clause.reading.names
    simple = all(token.dep_ in {"det", "amod", "compound", "poss"} or token == owner for token in owning)
    if not (definite and simple) or len(owning) > _LONGEST_OWNER or owning[-1] != owner or first.i != of.i + 1:
        return clause
    if owner.text.endswith("s") and owner.i in clause.reading.names:
        return clause
    head = list(clause.reading.doc[left[0].i + 1 : noun.i + 1])
    run = _run(clause, [left[0], *head, of, *owning])
    if run is None:
        return clause
    pieces = clause.pieces[run[0] : run[1] + 1]
    by_token = {piece.token.i: piece for piece in pieces if piece.token is not None}
    last = by_token[owner.i].text
    if not last or any(not by_token[token.i].text and token == noun for token in head):
        return clause
    ending = "'" if owner.tag_ == "NNS" and last.endswith("s") else "'s"
    moved = [*(by_token[token.i] for token in owning[:-1]), Piece(last + ending, owner)]
    moved += [Piece(by_token[token.i].text, token) for token in head]
    return replace(clause, pieces=(*clause.pieces[: run[0]], *moved, *clause.pieces[run[1] + 1 :]))


def _made_of(clause: Clause, of: Token) -> Clause | None:
    """As in: the walls of stone -> the stone walls."""
    noun, material = of.head, next((child for child in of.children if child.dep_ == "pobj"), None)
    if material is None or material.lower_ not in _MATERIALS or noun.pos_ != "NOUN" or material.i != of.i + 1:
        return None
    lonely = not any(True for _ in material.children) and noun.i == of.i - 1 and noun.lower_ not in _NOT_OWNED
    run = _run(clause, [noun, of, material])
    if not lonely or run is None or any(child.i > of.i for child in noun.children):
        return None
    first, _, last = clause.pieces[run[0] : run[1] + 1]
    return replace(clause, pieces=(*clause.pieces[: run[0]], last, first, *clause.pieces[run[1] + 1 :]))


_LONGEST_ACTOR = 8
_MANNERS = frozenset(
    "hand email mail post letter phone telephone radio cable train car bus taxi boat ship plane air sea land water "
    "road rail night day daylight moonlight candlelight mistake accident chance force law right rights rule sight ear "
    "heart name nature birth degrees turns default design means definition weight age size colour color number".split()
)
"""How something is done and not who does it, where nothing stands between it and "by"."""


def active(clause: Clause) -> Clause:
    """ "The chains were loosened by him" -> "He loosened the chains", where both are short and nothing else moves."""
    verb = clause.head
    if verb.tag_ != "VBN" or clause.question or verb.i not in clause.indices:
        return clause
    agent = next((child for child in verb.children if child.dep_ == "agent" and child.i == verb.i + 1), None)
    patient = next((child for child in verb.children if child.dep_ == "nsubjpass" and child.i < verb.i), None)
    if agent is None or patient is None or any(child.dep_ in {"conj", "neg"} for child in verb.children):
        return clause
    actor = next((child for child in agent.children if child.dep_ == "pobj"), None)
    if actor is None or actor.pos_ not in {"NOUN", "PROPN", "PRON"} or actor.tag_ in {"WP", "WDT"}:
        return clause
    if patient.lower_ == "it" or any(child.dep_ == "conj" for child in actor.children):
        # "It was proposed by both that the fair be moved"
        return clause
    if (actor.lower_ in _MANNERS and actor.i == agent.i + 1) or actor.lower_.endswith("ful"):
        # "closed by hand", "sold by the handful"
        return clause
    doing, done = (sorted(noun.subtree, key=lambda token: token.i) for noun in (actor, patient))
    if any(token.dep_ in {"neg", "pcomp"} or token.tag_ == "WP" for token in (*doing, *done)):
        # "Not every cough is caused by a virus", "by two men of hiding it", "by nine men, the last of whom"
        return clause
    if max(len(doing), len(done)) > _LONGEST_ACTOR or any(token.dep_ in {"relcl", "acl"} for token in (*doing, *done)):
        return clause
    helpers = [child for child in verb.children if child.dep_ in {"aux", "auxpass"}]
    runs = (_run(clause, done), _run(clause, helpers), _run(clause, [verb, agent, *doing]))
    subject = reference(clause.reading, actor)
    if None in runs or subject is None:
        return clause
    patient_run, helper_run, agent_run = (run for run in runs if run is not None)
    if patient_run[1] + 1 != helper_run[0] or helper_run[1] + 1 != agent_run[0]:
        return clause
    rest = clause.pieces[agent_run[1] + 1 :]
    verbal = bool(rest) and rest[0].token is not None and rest[0].token.pos_ == "VERB"  # "by a girl ranked below her"
    if verbal or (rest and rest[0].text == ",") or doing[-1].text == ",":
        # "by the solicitor, Mr. Pryce, to come": what stands there says something of the agent, or may.
        return clause
    verbs = _active_verb(clause, verb, helpers, subject)
    if verbs is None:
        return clause
    objects = list(clause.pieces[patient_run[0] : patient_run[1] + 1])
    if len(objects) == 1:
        objects = [Piece(Subject(objects[0].text, "singular").object, objects[0].token)]
    doers = list(clause.pieces[agent_run[0] + 2 : agent_run[1] + 1])
    if actor.tag_ == "PRP":
        nominative = {"me": "I", "him": "he", "her": "she", "us": "we", "them": "they"}
        doers = [Piece(nominative.get(actor.lower_, actor.lower_))]
    pieces = (
        *clause.pieces[: patient_run[0]], *doers, *verbs, *objects, *clause.pieces[agent_run[1] + 1 :],
    )  # fmt: skip
    return replace(clause, pieces=pieces, subject=subject)


def _active_verb(clause: Clause, verb: Token, helpers: list[Token], subject: Subject) -> list[Piece] | None:
    lemma = clause.reading.lemma(verb)
    first, _, rest = lemma.partition(" ")
    particle = f" {rest}" if rest else ""
    forms = [helper.lower_ for helper in helpers]
    if forms in (["was"], ["were"]):
        return [Piece(subject.verb(lemma, "past"), verb)]
    if forms in (["is"], ["are"], ["am"]):
        return [Piece(subject.verb(lemma, "present"), verb)]
    participle = inflect(first, "VBN") + particle
    if forms == ["had", "been"]:
        return [Piece(f"had {participle}", verb)]
    if forms in (["has", "been"], ["have", "been"]):
        return [Piece(f"{subject.verb('have', 'present')} {participle}", verb)]
    if len(forms) == 2 and forms[1] == "be" and helpers[0].tag_ == "MD":
        return [Piece(f"{clause.reading.text(helpers[0])} {lemma}", verb)]
    return None
