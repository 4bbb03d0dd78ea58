"""The other way round: impersonal and "we" prose told as "I", in the past tense, as the adapter's training saw it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.language import inflect
from engine.variation.grammar import Draft, agreeing, cased, first_person, lemma, man, parsed, quoted
from engine.variation.impersonal import REPORTED
from engine.variation.lexicon import listed

if TYPE_CHECKING:
    from spacy.tokens import Doc, Token

_I = {"we": "I", "us": "me", "our": "my", "ours": "mine", "ourselves": "myself"}
_HE = {"he": "I", "him": "me", "his": "my", "himself": "myself"}
_PAST = {
    "am": "was", "are": "was", "'re": "was", "is": "was", "were": "was", "have": "had", "has": "had", "'ve": "had",
    "do": "did", "does": "did", "can": "could", "will": "would", "shall": "would", "'ll": "would", "may": "might",
    "ca": "could", "wo": "would", "sha": "would",
}  # fmt: skip
_SEEN = listed(
    "see hear find observe notice discover detect perceive note glimpse discern behold watch recognise recognize"
)
_OBJECTIVE = {"he": "him", "she": "her", "they": "them", "i": "me"}
_DETERMINED = {"det", "amod", "nummod", "prep", "relcl", "compound", "acl"}


def narrativize(passage: Doc | str) -> str:
    """`passage` as a first-person narrative in the past tense, for text that is to meet a first-person adapter.

    "We trace", "one traces" and "the observer traces" become "I traced", "it was found that" becomes "I found
    that", "a light was seen" becomes "I saw a light". A passage that says "I" already, or in which nobody looks on,
    comes back unchanged.
    """
    doc = parsed(passage)
    if first_person(doc):
        return doc.text
    draft = Draft(doc)
    inside = quoted(doc)
    tokens = [token for token in doc if token.i not in inside]
    tellers = {token.i for token in tokens if _teller(token)}
    alone = tellers and not any(man(token) for token in tokens if token.lower_ not in _HE)
    one = any(_generic(token) and token.dep_ in {"nsubj", "nsubjpass"} for token in tokens)
    for token in tokens:
        low = token.lower_
        if low in _I and token.text != "US":
            _tell(draft, token, _I[low])
        elif token.i in tellers or (one and _generic(token)):
            for child in token.children:
                if child.dep_ in {"det", "case", "amod"}:
                    draft.put(child, "")
            own = token.dep_ == "poss"
            _tell(draft, token, "I" if token.dep_ in {"nsubj", "nsubjpass"} else "my" if own else "me")
        elif one and low == "oneself":
            draft.put(token, "myself")
        elif alone and low in _HE:
            _tell(draft, token, _HE[low])
        elif token.dep_ == "auxpass":
            _active(draft, token)
    return draft.text() if draft.touched else doc.text


def _teller(token: Token) -> bool:
    """Whether `token` is "the observer", "the narrator" or "the present writer"."""
    described = [child for child in token.children if child.dep_ in _DETERMINED]
    present = any(child.lower_ == "present" for child in described)
    if token.tag_ != "NN" or lemma(token) not in {"observer", "narrator", "writer", "author"}:
        return False
    if lemma(token) in {"writer", "author"} and not present:
        return False
    return all(child.lower_ in {"the", "present"} for child in described) and len(described) == 1 + present


def _generic(token: Token) -> bool:
    """Whether `token` is the pronoun "one", not the number."""
    if token.lower_ != "one" or any(child.dep_ in _DETERMINED for child in token.children):
        return False
    following = token.doc[token.i + 1].lower_ if token.i + 1 < len(token.doc) else ""
    return token.dep_ in {"nsubj", "nsubjpass", "poss", "pobj", "dobj"} and following not in {"of", "another"}


def _tell(draft: Draft, token: Token, word: str) -> None:
    draft.put(token, word if word == "I" else cased(token, word))
    if word != "I":
        return
    for verb in agreeing(token):
        low = verb.lower_.replace("’", "'")
        if low in _PAST:
            draft.put(verb, _PAST[low])
            if low[0] == "'":
                draft.part(verb)
        elif verb.tag_ in {"VBP", "VBZ"}:
            draft.put(verb, inflect(lemma(verb), "VBD"))
        if lemma(verb) == "be":
            _single(draft, token.head)


def _single(draft: Draft, verb: Token) -> None:
    """ "We are students" names several: "I was a student"."""
    for noun in verb.children:
        if noun.dep_ == "attr" and noun.tag_ == "NNS":
            draft.put(noun, noun.lemma_)
            if not any(child.dep_ in {"det", "poss", "nummod"} for child in noun.children):
                draft.lead(noun.left_edge, "a")


def _active(draft: Draft, auxiliary: Token) -> None:
    """Give the passive of `auxiliary` the narrator for a subject where it says what was perceived or found."""
    verb = auxiliary.head
    if lemma(verb) not in REPORTED | _SEEN or any(c.dep_ in {"agent", "conj", "xcomp"} for c in verb.children):
        return
    subjects = [child for child in verb.children if child.dep_ in {"nsubjpass", "nsubj", "expl"}]
    if len(subjects) == 1 and subjects[0].lower_ == "it" and any(c.dep_ == "ccomp" for c in verb.children):
        if _regroup(draft, verb):
            draft.put(subjects[0], "I")
    elif len(subjects) == 1 and lemma(verb) in _SEEN:
        start, end = subjects[0].left_edge.i, subjects[0].right_edge.i + 1
        group = [child.i for child in verb.children if child.dep_ in {"aux", "auxpass"}]
        phrase = verb.doc[start:end]
        plain = not any(token.is_punct or token.tag_ in {"WDT", "WP", "EX"} for token in phrase) and len(phrase) <= 12
        if plain and min(group) == end and verb.dep_ != "relcl" and _regroup(draft, verb):
            first = phrase[0]
            if len(phrase) == 1 and first.lower_ in _OBJECTIVE:
                draft.put(first, _OBJECTIVE[first.lower_])
            elif first.pos_ not in {"PROPN"} and draft.words[first.i] == first.text:
                draft.put(first, first.lower_)
            draft.lead(verb.doc[end], "I")
            draft.move(end, verb.i + 1, before=start)


def _regroup(draft: Draft, verb: Token) -> bool:
    """Make the verb group of a passive active and past; False where it is of a kind not known."""
    helpers = [child for child in verb.children if child.dep_ in {"aux", "auxpass"}]
    negated = any(child.dep_ == "neg" for child in verb.children)
    first = helpers[0]
    if len(helpers) == 1 and first.lower_ in {"was", "were", "is", "are"}:
        draft.put(first, "did" if negated else "")
        draft.put(verb, verb.lemma_ if negated else inflect(verb.lemma_, "VBD"))
    elif len(helpers) == 2 and first.lower_ in {"has", "have", "had"}:
        draft.put(first, "had")
        draft.put(helpers[1], "")
    elif len(helpers) == 2 and first.tag_ == "MD":
        draft.put(first, _PAST.get(first.lower_, first.text))
        draft.put(helpers[1], "")
        draft.put(verb, verb.lemma_)
    else:
        return False
    return True
