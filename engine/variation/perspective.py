"""Tells a first-person passage from another point of view: as "we", as "the observer", or impersonally.

Quotations keep their own speakers. What comes out wrong is rejected with a reason rather than passed on.
"""

from __future__ import annotations

import re
from collections import Counter
from typing import TYPE_CHECKING, Literal

from engine.language import articles, inflect
from engine.variation import Rejected, Variant
from engine.variation.grammar import (
    Draft,
    agreeing,
    is_past,
    lemma,
    opens_sentence,
    parsed,
    quoted,
    quoted_spans,
    third_person,
)
from engine.variation.impersonal import impersonal
from engine.variation.narrativize import narrativize

if TYPE_CHECKING:
    from spacy.tokens import Doc, Token

__all__ = ["Perspective", "narrativize", "shift"]

Perspective = Literal["plural", "third", "impersonal"]

LENGTH = (0.8, 1.2)
"""Length of a variant over that of its original, in words, that is still the same passage."""

_SINGULAR = frozenset({"I", "me", "my", "mine", "myself", "Me", "My", "Mine", "Myself"})
_PLURAL = {"we": "they", "us": "them", "our": "their", "ours": "theirs", "ourselves": "themselves"}
_TO_PLURAL = {"i": "we", "me": "us", "my": "our", "mine": "ours", "myself": "ourselves"}
_AGREE_PLURAL = {"am": "are", "'m": "'re", "’m": "’re", "was": "were", "methinks": "we think", "methought": "we thought"}
_BODY = frozenset(
    """head heart mind body face brain soul throat mouth tongue back spine chest breast neck nose forehead brow life
    stomach hand arm foot leg ear eye shoulder voice skull self""".split()
)
_MEN = frozenset(
    """man boy father uncle brother son husband grandfather cousin friend fellow companion guide host captain doctor
    professor priest servant driver clerk guard watchman physician surgeon lawyer gentleman stranger farmer youth lad
    student king prince emperor lord master soldier sailor artist poet scholar ancestor detective policeman
    inspector neighbour neighbor visitor guest landlord old-man mate harpooneer chief officer""".split()
)
_WORLD = frozenset("world planet universe earth globe age species race sun system sphere civilisation era galaxy".split())


def shift(passage: Doc | str, to: Perspective) -> Variant | Rejected:
    """`passage` told as "we" (``plural``), of "the observer" (``third``), or with nobody telling (``impersonal``).

    Only first person singular narrative can be shifted. Rejected are passages without it, and results that keep a
    first person, change length by more than a fifth, lose a name or break agreement.
    """
    doc = parsed(passage)
    singular = first_person(doc)
    if not singular:
        return Rejected("no first person")
    draft = Draft(doc)
    {"plural": _plural, "third": _third, "impersonal": impersonal}[to](draft, singular)
    text = articles(draft.text())
    return Rejected(problem) if (problem := _problem(doc, text, to)) else Variant(text, len(draft.touched))


def _cased(token: Token, word: str) -> str:
    return word[:1].upper() + word[1:] if opens_sentence(token) else word


def _plural(draft: Draft, singular: list[Token]) -> None:
    for token in singular:
        draft.put(token, _cased(token, _TO_PLURAL[token.lower_]))
        for verb in agreeing(token):
            low = verb.lower_
            if low in _AGREE_PLURAL:
                draft.put(verb, _AGREE_PLURAL[low] if verb.text == low else _AGREE_PLURAL[low].capitalize())
        if token.lower_ == "i":
            _plural_predicate(draft, token)
        elif token.lower_ == "my" and lemma(token.head) in _BODY and token.head.tag_ == "NN":
            _plural_noun(draft, token.head)
    for token in draft.doc:
        if token.lower_ in {"methinks", "methought"}:
            draft.put(token, _cased(token, _AGREE_PLURAL[token.lower_]))


def _plural_predicate(draft: Draft, subject: Token) -> None:
    """ "I was a boy" names one: "we were boys"."""
    nouns = [child for child in subject.children if child.dep_ == "appos"]
    if subject.dep_ == "nsubj" and lemma(subject.head) in {"be", "become"}:
        nouns += [child for verb in shared(subject.head) for child in verb.children if child.dep_ == "attr"]
    for noun in nouns:
        if noun.tag_ == "NN" and any(child.dep_ == "det" and child.lower_ in {"a", "an"} for child in noun.children):
            _plural_noun(draft, noun)


def _plural_noun(draft: Draft, noun: Token) -> None:
    draft.put(noun, inflect(noun.text, "NNS"))
    for child in noun.children:
        if child.dep_ == "det" and child.lower_ in {"a", "an"}:
            draft.put(child, "")
    if noun.dep_ in {"nsubj", "nsubjpass"}:
        plural = {"was": "were", "is": "are", "has": "have", "does": "do"}
        for verb in agreeing(noun):
            if verb.tag_ == "VBZ" or verb.lower_ == "was":
                draft.put(verb, plural.get(verb.lower_, verb.lemma_))


def _third(draft: Draft, singular: list[Token]) -> None:
    doc = draft.doc
    past = is_past(doc)
    ours = {token.i for token in singular}
    plural = {token.i for token in first_person(doc, plural=True)}
    inside = quoted(doc)
    named = False
    """Whether the next "he" would be understood as the observer."""
    since = 0
    """Sentences since the observer was last named."""
    for token in doc:
        if token.is_sent_start:
            since += 1
        if token.i in ours:
            subject = subject_of(token)
            bound = subject is not None and subject.i in ours and subject.i != token.i
            ...
