"""Turns participial phrases into sentences with a finite verb."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.language import is_verb
from engine.neutral.clause import Clause, Piece
from engine.neutral.cutting import Cut, after, before, extent, set_off, trimmed
from engine.neutral.grammar import RELATIVE_TAGS, Tense, finite_word, subject_token
from engine.neutral.relatives import may_widen
from engine.neutral.subjects import Subject, reference

if TYPE_CHECKING:
    from spacy.tokens import Token

# The pipeline leaves these as they are where they help another verb.
_AUXILIARY = {"having": "have", "being": "be"}


def participle(clause: Clause, verb: Token) -> Cut | None:
    """As in: He walked on, thinking of home -> He walked on. He thought of home. Likewise built of stone."""
    if verb.dep_ not in {"advcl", "acl"} or verb.tag_ not in {"VBG", "VBN"} or clause.question:
        return None
    tokens = extent(clause, verb)
    tense = clause.tense
    if tokens is None or len(tokens) < 3 or tense is None or finite_word(verb) is not None:
        return None
    core = trimmed(tokens)
    if any(child.dep_ in {"mark", "cc"} and child.i < verb.i or child.tag_ in RELATIVE_TAGS for child in verb.children):
        return None
    own = subject_token(verb)
    if own is not None and (own.i > verb.i or own.dep_ == "expl"):
        return None
    left = before(clause, core[0])
    first = left is None
    if left is not None and left.dep_ == "cc" and verb.dep_ == "acl":
        # "threw open a chest, and drawing forth a paper, sat down": not the chest drew it.
        return None
    if verb.dep_ == "advcl" and any(child.dep_ == "expl" for child in clause.head.children):
        return None
    if not set_off(clause, core) and (own is not None or not _trailing_attribute(clause, verb, core)):
        return None
    if verb.dep_ == "acl" and verb.head.dep_ == "pobj" and verb.head.head.dep_ == "agent":
        # "washed by the assistant, dried and weighed": the tubes were.
        return None
    if any(child.dep_ == "agent" for child in verb.children) and any(
        token.dep_ in {"pcomp", "acl"} for token in verb.subtree
    ):
        # "accused by two men of hiding it", "followed by two nurses pushing a bed": the agent's words end anywhere.
        return None
    if verb.tag_ == "VBN" and any(child.dep_ == "conj" and child.tag_ == "VBD" for child in verb.children):
        # "She shelled peas, hummed, and sang": no participle, but one of three past tenses.
        return None
    perfect = any(child.dep_ == "aux" and child.lemma_ == "have" for child in clause.head.children)
    dated = any((t.tag_ == "CD" and t.dep_ == "pobj") or t.dep_ == "npadvmod" for t in core)
    if verb.tag_ == "VBN" and (perfect or dated):
        # "We have seen the wall put up in August", "The temple, built in 1200, stands": it was.
        tense = "past"
    if verb.tag_ == "VBN" and core[0].tag_ == "RB":
        # "first published in 1974": the adverb would have to move.
        return None
    if verb.tag_ == "VBN" and tense == "present" and not any(c.dep_ in {"aux", "auxpass"} for c in verb.children):
        # "The strip is an addition, painted in a hurry": it is not, it was.
        return None
    subject = _doer(clause, verb, own, first)
    if subject is None:
        return None
    pieces = _made_finite(clause, verb, core, own, subject, tense)
    if pieces is None:
        return None
    return Cut(
        {token.i for token in tokens}, Clause(clause.reading, tuple(pieces), verb, subject, made=tense), before=first
    )


def _trailing_attribute(clause: Clause, verb: Token, core: list[Token]) -> bool:
    """Whether "a door leading to the hall" may become a sentence of its own."""
    made = verb.tag_ == "VBG" or any(child.lower_ in {"by", "of", "in", "from", "into"} for child in verb.children)
    return (
        verb.dep_ == "acl"
        and made
        and verb.head.i < core[0].i
        and after(clause, core[-1]) in {None, clause.tokens()[-1]}
        and may_widen(clause, verb.head, len(core))
    )


def _doer(clause: Clause, verb: Token, own: Token | None, first: bool) -> Subject | None:
    if own is not None:
        return reference(clause.reading, own)
    if verb.dep_ == "acl":
        noun = verb.head
        if first or noun.i > verb.i or any(child.dep_ == "conj" for child in noun.children):
            return clause.subject if first and verb.head == subject_token(clause.head) else None
        return reference(clause.reading, noun, antecedent=True)
    chain = verb.head
    while chain != clause.head:
        if chain.dep_ != "conj":
            return None
        chain = chain.head
    subject, named = clause.subject, subject_token(clause.head)
    if first and subject is not None and subject.text == "they" and named is not None and named.tag_ != "PRP":
        # "Driven out, farmers fled": nobody would know yet who "they" are.
        return None
    if first and subject is not None and subject.text.startswith(("the ", "this ")):
        definite = named is not None and any(child.lower_ in {"the", "this", "these"} for child in named.children)
        return subject if definite else None
    return subject


def _made_finite(
    clause: Clause, verb: Token, core: list[Token], own: Token | None, subject: Subject, tense: Tense
) -> list[Piece] | None:
    """The phrase with a finite verb: "having seen" -> "had seen", "not knowing" -> "did not know"."""
    auxiliaries = [child for child in verb.children if child.dep_ in {"aux", "auxpass"} and child.i < verb.i]
    negation = next((child for child in verb.children if child.dep_ == "neg" and child.i < verb.i), None)
    if any(word.tag_ == "TO" for word in auxiliaries):
        return None
    if not auxiliaries and verb.tag_ == "VBG" and not is_verb(verb.lemma_.lower()):
        # "unthinking" has no verb to go back to.
        return None
    carrier = auxiliaries[0] if auxiliaries else verb
    if auxiliaries and carrier.tag_ != "VBG":
        return None
    joined = [
        other
        for other in verb.conjuncts
        if carrier == verb and other.tag_ == "VBG" and other.i > verb.i and subject_token(other) is None
    ]
    if any(other.tag_ == "VBG" and other not in joined and other.i > verb.i for other in verb.conjuncts):
        return None
    made: list[Piece] = []
    if verb.tag_ == "VBN" and not auxiliaries:
        if own is not None and subject.verb(verb.lemma_.lower(), "past") == verb.lower_:
            # "his face shone": a past tense as likely as a participle.
            return None
        made = [Piece(subject.verb("be", tense))]
        carrier = None
    pieces: list[Piece] = []
    group_start = min([verb.i, *(word.i for word in auxiliaries), *([negation.i] if negation is not None else [])])
    lemma = _AUXILIARY.get(carrier.lower_, carrier.lemma_.lower()) if carrier is not None else ""
    if carrier is not None and carrier == verb:
        lemma = clause.reading.lemma(verb)
    for token in core:
        if own is not None and token.i <= own.right_edge.i and token.i >= own.left_edge.i:
            pieces.append(Piece(clause.reading.text(token), token))
            continue
        if token.i == group_start or (group_start not in {t.i for t in core} and token == verb):
            if own is None and not pieces:
                pieces.append(Piece(subject.text))
            pieces += made
            if negation is not None and carrier is not None and lemma not in {"be", "have"}:
                pieces.append(Piece(f"{subject.verb('do', tense)} not"))
            elif negation is not None and carrier is not None:
                pieces.append(Piece(f"{subject.verb(lemma, tense)} not"))
            elif negation is not None:
                pieces.append(Piece("not"))
        if negation is not None and token == negation:
            continue
        if carrier is not None and token == carrier:
            if negation is None:
                pieces.append(Piece(subject.verb(lemma, tense), token))
            elif lemma not in {"be", "have"}:
                pieces.append(Piece(lemma, token))
            continue
        if token in joined and negation is None:
            pieces.append(Piece(subject.verb(clause.reading.lemma(token), tense), token))
            continue
        pieces.append(Piece(clause.reading.text(token), token))
    if own is not None or any(piece.text == subject.text and piece.token is None for piece in pieces):
        return pieces
    start = next((i for i, piece in enumerate(pieces) if piece.token is None or piece.token.i >= group_start), 0)
    lead = trimmed([piece.token for piece in pieces[:start] if piece.token is not None])
    if any(token.tag_ not in {"RB", "UH"} for token in lead) and lead[0].dep_ not in {"prep", "npadvmod"}:
        # "the youngest getting the poorest": it has a subject that the parse did not see.
        return None
    if len(lead) == 1 and lead[0].text[0].isupper():
        return [Piece(lead[0].text, lead[0]), Piece(subject.text), *pieces[start:]]
    if len(lead) > 1 and lead[0].dep_ in {"prep", "npadvmod"}:
        return [*clause.pieces_of(lead), Piece(subject.text), *pieces[start:]]
    return [Piece(subject.text), *pieces]
