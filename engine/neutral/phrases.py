"""Turns phrases without a verb into sentences: appositions, trailing adjectives, "with" and "like" phrases."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.neutral.clause import Clause, Piece
from engine.neutral.cutting import Cut, after, before, extent, set_off, trimmed
from engine.neutral.grammar import BREAKS
from engine.neutral.relatives import may_widen
from engine.neutral.subjects import Subject, reference

if TYPE_CHECKING:
    from spacy.tokens import Token


def apposition(clause: Clause, noun: Token) -> Cut | None:
    """As in: Wilcox, a young man, came -> Wilcox came. Wilcox was a young man."""
    if noun.dep_ != "appos" or noun.tag_ not in {"NN", "NNS"} or clause.tense is None or clause.question:
        return None
    tokens = extent(clause, noun)
    named = noun.head
    if tokens is None or named.i > noun.i or any(token.dep_ == "relcl" and token.head == named for token in tokens):
        return None
    core = trimmed(tokens)
    if not core:
        return None
    determiner = core[0]
    if determiner.dep_ not in {"det", "poss"} or determiner.lower_ in {"no", "all", "each", "every", "what", "both"}:
        return None
    if determiner.head != noun or (named.tag_ in {"NNS", "NNPS"}) != (noun.tag_ == "NNS"):
        return None
    crowd = {"conj", "cc"}
    if named.dep_ == "conj" or any(child.dep_ in crowd for owner in (named, noun) for child in owner.children):
        return None
    closing = after(clause, core[-1])
    if not set_off(clause, core) or (closing is not None and closing.text not in BREAKS and closing.text not in ".?!"):
        return None
    subject = reference(clause.reading, named, antecedent=True)
    if subject is None or named.pos_ not in {"NOUN", "PROPN"}:
        return None
    if any(child.dep_ == "case" for child in named.children):  # "at Harlan's, a bar": it is no Harlan
        return None
    between = clause.reading.doc[named.i + 1 : core[0].i]
    if any(token.pos_ in {"VERB", "AUX"} for token in between):
        return None
    if any(token.lemma_ == noun.lemma_ for token in clause.reading.doc[noun.sent.start : core[0].i]):
        return None
    verb = Piece(subject.verb("be", clause.tense))
    pieces = (Piece(subject.text), verb, *clause.pieces_of(core))
    return Cut({token.i for token in tokens}, Clause(clause.reading, pieces, clause.head, subject))


def accompaniment(clause: Clause, preposition: Token) -> Cut | None:
    """As in: The land was fair, with hedges and groves. -> The land was fair. There were hedges and groves."""
    if preposition.lower_ != "with" or preposition.dep_ != "prep" or clause.tense is None or clause.question:
        return None
    noun = next((child for child in preposition.children if child.dep_ == "pobj"), None)
    tokens = extent(clause, preposition)
    if noun is None or tokens is None or noun.pos_ != "NOUN" or len(tokens) < 4 or tokens[0] != preposition:
        return None
    core = trimmed(tokens)
    left, right = before(clause, preposition), after(clause, core[-1])
    if left is None or left.text != "," or (right is not None and right.text not in ".;"):
        return None
    if any(child.dep_ in {"acl", "relcl", "pcomp", "advcl"} for child in (*noun.children, *preposition.children)):
        return None
    if (
        core[1].dep_ not in {"amod", "nummod", "compound"}
        and core[1] != noun
        and core[1].lower_ not in {"a", "an", "many", "some"}
    ):
        return None
    plural = noun.tag_ == "NNS" or (
        any(child.dep_ == "conj" for child in noun.children) and core[1].lower_ not in {"a", "an"}
    )
    verb = Subject("there", "plural" if plural else "singular").verb("be", clause.tense)
    pieces = (Piece("there"), Piece(verb), *clause.pieces_of(core[1:]))
    return Cut({token.i for token in tokens}, Clause(clause.reading, pieces, clause.head, None))


_END = frozenset({".", ";", ":", ",", "?", "!", "—", ")", '"'})
_LINKS = frozenset("be look seem sound feel appear smell taste become act behave".split())
_SCENE = frozenset(
    "in on at under over above beneath near across through during along within inside outside behind".split()
)
_MANNER = frozenset(
    "regard respect reference difficulty ease care help aid effort exception view aim purpose intention intent result "
    "hope fear joy delight pleasure success trouble interest patience attention caution haste speed violence force "
    "reluctance surprise relief satisfaction".split()
)
"""What one does things with, without having it: "I took it down with some difficulty"."""
_DEALINGS = frozenset(
    "arrangement contact relation relationship meeting interview conversation talk war trouble business touch "
    "connection acquaintance agreement contract dealing affair quarrel fight battle interference problem".split()
)
_LONG_SENTENCE = 13
"""Words from which a phrase that would be clear where it stands is still given a sentence."""


def _ends(clause: Clause, tokens: list[Token]) -> bool:
    """Whether nothing but a mark follows `tokens`."""
    following = after(clause, tokens[-1])
    return following is None or following.text in _END


def _simple(clause: Clause, token: Token) -> list[Token] | None:
    """The phrase under `token` as one stretch at the end of something, or None; the clause must be a statement."""
    if clause.question or clause.tense is None or clause.head.i not in clause.indices:
        return None
    tokens = extent(clause, token)
    if tokens is None:
        return None
    core = trimmed(tokens)
    return core if core and core[0] == token and _ends(clause, core) else None


def possession(clause: Clause, preposition: Token) -> Cut | None:
    """As in: He built a house with many windows. -> He built a house. This house had many windows."""
    noun = preposition.head
    if preposition.lower_ != "with" or preposition.dep_ != "prep" or noun.pos_ != "NOUN":
        return None
    core = _simple(clause, preposition)
    thing = next((child for child in preposition.children if child.dep_ == "pobj"), None)
    if (
        core is None
        or thing is None
        or thing.pos_ != "NOUN"
        or len(core) < 3
        or not may_widen(clause, noun, len(core) + 2)
    ):
        return None
    if any(child.dep_ in {"conj", "cc"} for child in noun.children) or noun.i < clause.head.i:
        return None
    if core[1].lower_ in {"the", "this", "that", "these", "those", "which"} or noun.lemma_.lower() in _DEALINGS:
        return None
    if thing.lower_ in _MANNER or any(child.tag_ == "NNP" and child.dep_ == "poss" for child in thing.children):
        return None
    subject = reference(clause.reading, noun, antecedent=True)
    if subject is None or clause.tense is None:
        return None
    verb = Piece(subject.verb("have", clause.tense))
    pieces = (Piece(subject.text), verb, *clause.pieces_of(core[1:]))
    return Cut({token.i for token in core}, Clause(clause.reading, pieces, clause.head, subject))


def likeness(clause: Clause, preposition: Token) -> Cut | None:
    """As in: The town lay below us like a dream. -> The town lay below us. It was like a dream."""
    if preposition.lower_ != "like" or preposition.dep_ != "prep" or preposition.head != clause.head:
        return None
    core = _simple(clause, preposition)
    subject = clause.subject
    if core is None or subject is None or clause.tense is None or len(core) < 3 or clause.head.lemma_ in _LINKS:
        return None
    if any(child.dep_ in {"advcl", "pcomp", "neg"} for child in (*preposition.children, *clause.head.children)):
        return None
    pieces = (Piece(subject.text), Piece(subject.verb("be", clause.tense)), *clause.pieces_of(core))
    return Cut({token.i for token in core}, Clause(clause.reading, pieces, clause.head, subject))


def setting(clause: Clause, preposition: Token) -> Cut | None:
    """As in: He came back, in the middle of the night. -> He came back. This was in the middle of the night."""
    if preposition.dep_ != "prep" or preposition.head != clause.head or preposition.lower_ not in _SCENE:
        return None
    core = _simple(clause, preposition)
    left = before(clause, preposition)
    if core is None or clause.tense is None or len(core) < 4 or left is None or left.text != ",":
        return None
    if any(child.dep_ in {"pcomp", "neg"} for child in (*preposition.children, *clause.head.children)):
        return None
    verb = Piece("was" if clause.tense == "past" else "is")
    pieces = (Piece("this"), verb, *clause.pieces_of(core))
    return Cut({token.i for token in core}, Clause(clause.reading, pieces, clause.head, None))


def purpose(clause: Clause, verb: Token) -> Cut | None:
    """As in: She went back there to find her friend. -> She went back there. She did this to find her friend."""
    if verb.dep_ != "advcl" or verb.tag_ != "VB" or verb.head != clause.head or clause.words < _LONG_SENTENCE:
        return None
    if clause.head.lemma_ == "do" and any(child.lower_ == "this" for child in clause.head.children):
        return None
    core = _purpose_phrase(clause, verb)
    subject = clause.subject
    if (
        core is None
        or subject is None
        or clause.tense is None
        or clause.head.lemma_ in {"be", "have", "seem", "need", "want"}
    ):
        return None
    actor = subject.text.lower() in {"i", "he", "she", "we", "they", "you"} or subject.text[0].isupper()
    passive = any(child.dep_ in {"auxpass", "neg"} or child.tag_ == "MD" for child in clause.head.children)
    if not actor or passive or any(child.dep_ in {"acomp", "xcomp", "oprd"} for child in clause.head.children):
        return None
    pieces = (Piece(subject.text), Piece(subject.verb("do", clause.tense)), Piece("this"), *clause.pieces_of(core))
    return Cut({token.i for token in core}, Clause(clause.reading, pieces, clause.head, subject))


def _purpose_phrase(clause: Clause, verb: Token) -> list[Token] | None:
    tokens = extent(clause, verb)
    core = trimmed(tokens) if tokens else []
    if len(core) < 4 or core[0].tag_ != "TO" or not _ends(clause, core) or core[0].i < clause.head.i or clause.question:
        return None
    left = before(clause, core[0])
    degree = any(
        token.lower_ in {"too", "enough", "so", "such", "as"} for token in clause.tokens() if token.i < core[0].i
    )
    return None if degree or left is None or left.i <= clause.head.i or left.lower_ in {"order", "as"} else core


def quality(clause: Clause, adjective: Token) -> Cut | None:
    """As in: He saw the shore, bright and beautiful. -> He saw the shore. This shore was bright and beautiful."""
    if (
        adjective.tag_ != "JJ"
        or adjective.dep_ not in {"amod", "acl", "appos", "advcl"}
        or adjective.i < adjective.head.i
    ):
        return None
    core = _simple(clause, adjective) or _simple_before(clause, adjective)
    if core is None or clause.tense is None or not set_off(clause, core):
        return None
    noun = adjective.head
    if noun == clause.head:
        subject = clause.subject if noun.lemma_ != "be" else None
    else:
        several = noun.dep_ == "conj" or any(child.dep_ in {"conj", "cc"} for child in noun.children)
        subject = None if several or noun.pos_ != "NOUN" else reference(clause.reading, noun, antecedent=True)
    if subject is None or any(child.dep_ in {"nsubj", "mark", "det"} for child in adjective.children):
        return None
    pieces = (Piece(subject.text), Piece(subject.verb("be", clause.tense)), *clause.pieces_of(core))
    return Cut({token.i for token in core}, Clause(clause.reading, pieces, clause.head, subject), least=2)


def _simple_before(clause: Clause, adjective: Token) -> list[Token] | None:
    """As `_simple`, for a phrase led by an adverb ("so bright")."""
    tokens = extent(clause, adjective)
    core = trimmed(tokens) if tokens else []
    fine = (
        core
        and core[0].dep_ == "advmod"
        and core[0].head == adjective
        and core[0].lower_ not in {"so", "as", "too", "how"}
    )
    return core if fine and _ends(clause, core) and clause.tense is not None and not clause.question else None
