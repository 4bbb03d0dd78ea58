"""Cuts clauses that stand side by side: joined by and, but, so, or by a semicolon, colon, dash or brackets."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from engine.language import inflect
from engine.measures.agreement import disagrees
from engine.neutral.clause import Clause, Piece
from engine.neutral.cutting import STRONG, Cut, after, before, extent, set_off, trimmed
from engine.neutral.grammar import BREAKS, RELATIVE_TAGS, finite_word, stands, subject_token, subordinate
from engine.neutral.subjects import Subject, subject_of

if TYPE_CHECKING:
    from spacy.tokens import Token


_JOINING = frozenset({"and", "but", "yet", "so", "&"})
_REFLEXIVES = {"myself": "i", "yourself": "you", "himself": "he", "herself": "she", "ourselves": "we"}

_TAKEN = frozenset({"dobj", "xcomp", "ccomp", "acomp", "prt"})
"""What only an active verb has after it."""


def coordination(clause: Clause, verb: Token) -> Cut | None:
    """As in: He rose, and went out -> He rose. He went out."""
    if verb.dep_ != "conj" or verb.pos_ not in {"VERB", "AUX"} or not coordinated(clause, verb):
        return None
    if subordinate(clause.head):
        return None
    tokens = extent(clause, verb)
    if tokens is not None and _ambiguous_passive(clause, verb):
        return None
    if tokens is None or verb.head.i > tokens[0].i:
        return None
    joint = conjunction(clause, verb, tokens[0].i)
    word = joint.lower_ if joint is not None else ""
    if word not in _JOINING if joint is not None else not set_off(clause, tokens):
        return None
    if _under_condition(clause) or (joint is None and _reduced(clause, verb.head)):
        return None
    if any(child.dep_ in {"preconj"} for child in verb.head.children):
        return None
    if any(child.dep_ == "mark" for child in verb.children) or _starts_with_wh(tokens):
        return None
    taken = {token.i for token in tokens} | ({joint.i} if joint is not None else set())
    opening = {"but": "But", "yet": "But", "so": "So"}.get(word, "")
    subject = _own_subject(clause, verb)
    if subject is not None:
        aside = after(clause, joint) if joint is not None else None
        led = any(
            token.tag_ in RELATIVE_TAGS
            or (token.pos_ in {"NOUN", "PROPN"} and token.dep_ not in {"pobj", "npadvmod", "compound"})
            for token in tokens
            if token.i < subject.left_edge.i
        )
        # "but no more than two spoons, or it will turn out dry"; "unless it rains, in which case he may stay"
        if led or not stands(verb, subject) or (aside is not None and aside.text == ","):
            # "and, she said, by far the hardest": what she said goes on.
            return None
        new = Clause(clause.reading, tuple(_plain_pieces(clause, tokens)), verb, None, opening, clause.question)
        new = replace(new, subject=subject_of(clause.reading, verb))
        return Cut(taken, new, level=True, least=2, reworded=_last_of_the_rest(clause, verb, word))
    if clause.question or not _left_whole(clause, verb, taken, joint) or _another_begins(clause, verb, taken):
        return None
    if any(token.lower_ in {"i", "he", "she", "we", "they"} and token.i < verb.i for token in tokens):
        return None
    shared = _shared_subject(clause, verb)
    if shared is not None and shared.text.lower() == "it" and any(child.dep_ == "ccomp" for child in verb.children):
        # "It was proposed and seconded that the fair be moved": that is what it is.
        return None
    auxiliaries = _borrowed(clause, verb)
    if shared is None or auxiliaries is None or not _reflects(shared, tokens):
        return None
    own = finite_word(verb)
    if own is not None and not auxiliaries and disagrees(shared.number, own):
        return None
    if len(trimmed(tokens)) == 1 and verb.tag_ != "VBD":
        # "spirals and angles": a lone word may as well be a noun.
        return None
    pieces = introduced(clause, shared, auxiliaries, trimmed(tokens), verb)
    if pieces is None:
        return None
    new = Clause(clause.reading, tuple(pieces), verb, shared, opening)
    return Cut(taken, new, level=True, least=2, reworded=_last_of_the_rest(clause, verb, word))


def _reduced(clause: Clause, verb: Token) -> bool:
    """Whether a comma parts the verb from its subject, as in "The king, warned by his cook, fled"."""
    left = before(clause, verb)
    return verb.tag_ in {"VBD", "VBN"} and left is not None and left.text == "," and subject_token(verb) is not None


def _under_condition(clause: Clause) -> bool:
    """Whether a clause in front holds for all that follows: "If it rains, the match is off, and you are refunded"."""
    subject = subject_token(clause.head)
    return subject is not None and any(
        child.dep_ == "advcl" and child.i in clause.indices and subordinate(child) and finite_word(child) is not None
        for child in clause.head.children
        if child.i < subject.i
    )


def _last_of_the_rest(clause: Clause, verb: Token, word: str) -> dict[int, str]:
    """An "and" before the verb that is last once `verb` is gone: "It expands, cools, and the cycle starts" leaves
    "It expands and cools", since "It expands, cools" is no sentence."""
    base = verb.head
    if word != "and" or base.dep_ != "conj" or subject_token(base) is not None or base.pos_ not in {"VERB", "AUX"}:
        return {}
    mark = before(clause, base)
    # With a space of its own: as a comma it stood close to the word before it.
    return {mark.i: " and"} if mark is not None and mark.text == "," else {}


def juxtaposition(clause: Clause, verb: Token) -> Cut | None:
    """Clauses side by side with a semicolon, colon, dash or brackets between them."""
    if verb.dep_ not in {"ccomp", "parataxis", "advcl", "conj", "dep", "relcl", "acl", "appos"}:
        return None
    if verb.pos_ not in {"VERB", "AUX"}:
        return None
    tokens = extent(clause, verb)
    subject = _own_subject(clause, verb)
    if tokens is None or subject is None or not stands(verb, subject) or subordinate(clause.head):
        return None
    if any(child.dep_ == "mark" and child.lower_ not in {"for"} for child in verb.children):
        return None
    if _starts_with_wh(tokens) or not set_off(clause, tokens, STRONG):
        return None
    core = trimmed(tokens)
    taken = {token.i for token in tokens}
    opening = ""
    while core and core[0].lower_ in {"and", "but", "yet", "so", "for"} and core[0].dep_ in {"cc", "mark", "advmod"}:
        opening = {"but": "But", "yet": "But", "so": "So"}.get(core[0].lower_, "")
        core = core[1:]
    joint = before(clause, tokens[0])
    while joint is not None and (joint.text in BREAKS or joint.dep_ == "cc"):
        if joint.dep_ == "cc":
            if joint.lower_ not in _JOINING:
                return None
            opening = {"but": "But", "yet": "But", "so": "So"}.get(joint.lower_, "")
            taken.add(joint.i)
        joint = before(clause, joint)
    first = tokens[0].i < clause.head.i and before(clause, tokens[0]) is None
    new = Clause(clause.reading, tuple(clause.pieces_of(core)), verb, subject_of(clause.reading, verb), opening)
    return Cut(taken, new, before=first, level=True)


_HOLDING = frozenset(
    "say think know believe suppose guess hope fear swear feel fancy imagine tell ask cry answer reply shout whisper "
    "see mean wish seem appear warrant bet wager trust declare exclaim do".split()
)


def splice(clause: Clause, verb: Token) -> Cut | None:
    """As in: I leap with you, I burn with you. -> I leap with you. I burn with you."""
    if verb.dep_ not in {"ccomp", "parataxis", "conj"} or verb.head != clause.head or clause.question:
        return None
    tokens, subject, other = extent(clause, verb), _own_subject(clause, verb), _own_subject(clause, clause.head)
    if tokens is None or subject is None or other is None or clause.head.lemma_ in _HOLDING:
        return None
    if not (stands(verb, subject) and stands(clause.head, other)) or subordinate(clause.head) or subordinate(verb):
        return None
    core = trimmed(tokens)
    first = core[0].i < clause.head.i
    held = clause.within(clause.head.children)
    if first != (core[-1].i < other.left_edge.i) or not set_off(clause, core, frozenset({","})):
        return None
    if first and core[0].i < subject.left_edge.i:
        # "By the time he came, we had left", "Had he come, we would have left"
        return None
    rest = [token for token in clause.tokens() if token.i > core[-1].i and token.text not in BREAKS]
    if first and rest and rest[0].i < other.left_edge.i and rest[0].dep_ not in {"advmod", "cc"}:
        # "They plan to ban it, a step that doctors have demanded"
        return None
    around = [child.i < clause.head.i for child in held if child.dep_ in {"ccomp", "advcl"}]
    if (verb.i > clause.head.i) in around:
        # "Had he come, the court heard, we would have left"
        return None
    if _more_the_more(core) or _more_the_more(clause.tokens()):
        return None
    if _starts_with_wh(tokens) or core[0].dep_ in {"cc", "mark", "preconj"} or core[0].lower_ in {"so", "as", "nor"}:
        return None
    if conjunction(clause, verb, core[0].i) is not None or (first and before(clause, core[0]) is not None):
        return None
    new = Clause(clause.reading, tuple(clause.pieces_of(core)), verb, subject_of(clause.reading, verb))
    return Cut({token.i for token in tokens}, new, before=first, level=True)


def _more_the_more(tokens: list[Token]) -> bool:
    """Whether a clause is half of "the more he said, the less they believed"."""
    return len(tokens) > 1 and tokens[0].lower_ == "the" and tokens[1].tag_ in {"RBR", "JJR"}


def _ambiguous_passive(clause: Clause, verb: Token) -> bool:
    """Whether `verb`, a form without a helper or object behind a passive, may be passive as well as active.

    "It was burned twice and rebuilt": divided, it would be "It rebuilt".
    """
    if _auxiliaries(verb) or subject_token(verb) is not None or verb.tag_ not in {"VBD", "VBN"}:
        return False
    base = verb.head
    if inflect(verb.lemma_, "VBN") != verb.lower_ or any(child.dep_ in _TAKEN for child in verb.children):
        return False
    passive = any(child.dep_ == "auxpass" for child in base.children) or (base.tag_ == "VBN" and not _auxiliaries(base))
    return passive and (verb.tag_ == "VBD" or not any(child.dep_ == "auxpass" for child in base.children))


def coordinated(clause: Clause, verb: Token) -> bool:
    """Whether `verb` is joined, directly or through other verbs, to the verb of the clause."""
    while verb.dep_ == "conj" and verb.i in clause.indices:
        verb = verb.head
        if verb == clause.head:
            return True
    return False


def conjunction(clause: Clause, verb: Token, start: int) -> Token | None:
    """The "and" or "but" that joins `verb`, whose words begin at `start`, to its head."""
    found = [child for child in verb.head.children if child.dep_ == "cc" and child.i < start and child.i > verb.head.i]
    return found[-1] if found and found[-1].i in clause.indices else None


def _own_subject(clause: Clause, verb: Token) -> Token | None:
    found = subject_token(verb)
    return found if found is not None and found.i in clause.indices else None


def _auxiliaries(verb: Token) -> list[Token]:
    return [child for child in verb.children if child.dep_ in {"aux", "auxpass"} and child.i < verb.i]


def _borrowed(clause: Clause, verb: Token) -> list[Piece] | None:
    """Auxiliaries a coordinated verb shares with the one before it; None where the two do not fit."""
    own = _auxiliaries(verb)
    if any(word.tag_ == "TO" for word in own):
        return None
    if finite_word(verb) is not None and (own or verb.tag_ != "VBP"):
        return []
    base = verb.head
    while base.dep_ == "conj" and not _auxiliaries(base):
        base = base.head
    shared = _auxiliaries(base)
    if verb.tag_ == "VBN" and not own:
        # A passive without its "be": "avoided by men but visited by storms".
        agent = any(child.dep_ == "agent" for child in verb.children)
        active = all(word.lemma_ != "be" for word in shared)
        if active and (agent or base.lemma_ == "be"):
            return None
    if any(child.dep_ == "neg" for child in base.children):
        return None
    if not shared or finite_word(base) is None:
        past = verb.tag_ == "VBN" and not own and inflect(verb.lemma_, "VBD") == verb.lower_
        present = verb.tag_ in {"VB", "VBP"} and base.tag_ == "VBP"
        return [] if past or present else None
    last = shared[-1]
    if verb.tag_ == "VB" and any(
        child.dep_ in {"xcomp", "advcl", "ccomp"} and child.i < verb.i for child in base.children
    ):
        # "would be to thread the streets and talk": the infinitive may be meant.
        return None
    fits = (
        (verb.tag_ in {"VB", "VBP"} and (shared[-1].tag_ == "MD" or last.lemma_ == "do"))
        or (verb.tag_ == "VBN" and (last.lemma_ in {"have", "be"}))
        or (verb.tag_ == "VBG" and last.lemma_ == "be")
    )
    if own:
        shared, fits = shared[:1], finite_word(verb) is None
    if verb.tag_ == "VBP" and not fits:
        return []
    return clause.pieces_of(shared) if fits else None


def introduced(
    clause: Clause, subject: Subject, helpers: list[Piece], tokens: list[Token], verb: Token
) -> list[Piece] | None:
    """Subject, auxiliaries and the rest, with a phrase that led the verb kept in front: "in May" + "he left".

    None where what leads is neither such a phrase nor a mere adverb.
    """
    group = {verb.i, *(child.i for child in verb.children if child.dep_ in {"aux", "auxpass", "neg"})}
    start = next((i for i, token in enumerate(tokens) if token.i in group), 0)
    lead = trimmed(tokens[:start])
    if len(lead) > 1 and lead[0].dep_ in {"prep", "advcl", "npadvmod", "mark", "det", "nummod"}:
        return [*clause.pieces_of(lead), Piece(subject.text), *helpers, *clause.pieces_of(tokens[start:])]
    if len(lead) > 2:
        return None
    return [Piece(subject.text), *helpers, *clause.pieces_of(tokens)]


def _plain_pieces(clause: Clause, tokens: list[Token]) -> list[Piece]:
    return clause.pieces_of(trimmed(tokens))


def _left_whole(clause: Clause, verb: Token, taken: set[int], conjunction: Token | None) -> bool:
    """Whether the verb before a coordinated one keeps an object of its own ("could smell and taste the sea")."""
    base = verb.head
    first = min(taken)
    comma = before(clause, clause.reading.doc[first])
    if comma is not None and comma.text in BREAKS:
        return True
    return any(
        child.i > base.i and child.i < first and child.dep_ not in {"cc", "punct", "conj", "advmod"}
        for child in base.children
    )


def _another_begins(clause: Clause, verb: Token, taken: set[int]) -> bool:
    """Whether a semicolon and then a name, noun or number stand before what is cut: "; two, with the guide, died"."""
    between = [token for token in clause.tokens() if verb.head.i < token.i < min(taken)]
    marks = [token.i for token in between if token.text == ";"]
    return bool(marks) and any(
        token.i > marks[-1] and token.pos_ in {"NOUN", "PROPN", "PRON", "NUM"} for token in between
    )


def _shared_subject(clause: Clause, verb: Token) -> Subject | None:
    """Subject of the nearest verb to the left in the chain, or the clause's own."""
    head = verb.head
    while head != clause.head:
        if subject_token(head) is not None:
            return subject_of(clause.reading, head)
        head = head.head
    return clause.subject


def _reflects(subject: Subject, tokens: list[Token]) -> bool:
    """Whether no reflexive pronoun shows that the verb had another subject ("I urged him to go and save himself")."""
    for token in tokens:
        meant = _REFLEXIVES.get(token.lower_)
        if meant is None or subject.text.lower() == meant:
            continue
        if (
            meant in {"he", "she"}
            and subject.number == "singular"
            and subject.text.lower() not in {"he", "she", "it", "you"}
        ):
            continue
        return False
    return True


def _starts_with_wh(tokens: list[Token]) -> bool:
    core = trimmed(tokens)
    # "many of whom", "neither of which" too.
    return any(token.tag_ in RELATIVE_TAGS for token in core[: 3 if len(core) > 1 and core[1].lower_ == "of" else 2])
