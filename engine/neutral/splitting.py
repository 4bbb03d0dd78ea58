"""Cuts a long sentence into clauses that can stand alone: coordinated, adverbial and parenthetical ones."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from engine.language import inflect
from engine.measures.agreement import disagrees, subject_number
from engine.neutral.clause import (
    BREAKS,
    SUBJECTS,
    Clause,
    Piece,
    Subject,
    finite_word,
    subject_of,
    subject_token,
    tense_of,
)

if TYPE_CHECKING:
    from spacy.tokens import Token

SHORT = 8
"""Words up to which a sentence is short already and is left whole."""
_LEAST = 3
"""Words a clause needs to stand alone."""
_WH = frozenset({"WDT", "WP", "WP$", "WRB"})
_STRONG = frozenset({";", ":", "—", "–", "--", "(", ")"})
_JOINING = frozenset({"and", "but", "yet", "so", "&"})


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


Rule = Callable[[Clause, "Token"], Cut | None]


def subordinate(verb: Token) -> bool:
    """Whether the verb of a whole sentence is introduced by "when", "if", "that" (a fragment or a misparse)."""
    return any(child.dep_ == "mark" or (child.tag_ == "WRB" and child.i < verb.i) for child in verb.children)


def stands(verb: Token, subject: Token) -> bool:
    """Whether `verb` is finite, agrees with `subject` and follows it, as in a main clause."""
    word = finite_word(verb)
    if subject.lower_ in {"that", "which", "who"}:
        return False
    if word is None or (subject.i > word.i and subject.dep_ != "expl"):
        return False
    number = subject_number(subject)
    return not disagrees(number, word)


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


def _coordinated(clause: Clause, verb: Token) -> bool:
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


def coordination(clause: Clause, verb: Token) -> Cut | None:
    """As in: "He rose, and went out" -> "He rose." "He went out."."""
    if verb.dep_ != "conj" or verb.pos_ not in {"VERB", "AUX"} or not _coordinated(clause, verb):
        return None
    if subordinate(clause.head):
        return None
    tokens = extent(clause, verb)
    if tokens is None or verb.head.i > tokens[0].i:
        return None
    joint = conjunction(clause, verb, tokens[0].i)
    word = joint.lower_ if joint is not None else ""
    if joint is not None and word not in _JOINING:
        return None
    if any(child.dep_ in {"preconj"} for child in verb.head.children):
        return None
    if any(child.dep_ == "mark" for child in verb.children) or _starts_with_wh(tokens):
        return None
    taken = {token.i for token in tokens} | ({joint.i} if joint is not None else set())
    opening = {"but": "But", "yet": "But", "so": "So"}.get(word, "")
    subject = _own_subject(clause, verb)
    if subject is not None:
        if not stands(verb, subject):
            return None
        new = Clause(clause.reading, tuple(_plain_pieces(clause, tokens)), verb, None, opening, clause.question)
        new = replace(new, subject=subject_of(clause.reading, verb))
        return Cut(taken, new, level=True)
    if clause.question or not _left_whole(clause, verb, taken, joint):
        return None
    if any(token.lower_ in {"i", "he", "she", "we", "they"} and token.i < verb.i for token in tokens):
        return None
    shared = _shared_subject(clause, verb)
    auxiliaries = _borrowed(clause, verb)
    if shared is None or auxiliaries is None or not _reflects(shared, tokens):
        return None
    pieces = introduced(clause, shared, auxiliaries, trimmed(tokens), verb)
    if pieces is None:
        return None
    return Cut(taken, Clause(clause.reading, tuple(pieces), verb, shared, opening), level=True)


def _shared_subject(clause: Clause, verb: Token) -> Subject | None:
    """Subject of the nearest verb to the left in the chain, or the clause's own."""
    head = verb.head
    while head != clause.head:
        if subject_token(head) is not None:
            return subject_of(clause.reading, head)
        head = head.head
    return clause.subject


_REFLEXIVES = {"myself": "i", "yourself": "you", "himself": "he", "herself": "she", "ourselves": "we"}


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
    return any(token.tag_ in _WH for token in trimmed(tokens)[:2])


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
    if _starts_with_wh(tokens) or not set_off(clause, tokens, _STRONG):
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


_LONG = 14
"""Words from which even a clause without a comma is cut off."""
_MARKS: dict[str, tuple[str | None, str | None, str | None]] = {
    # mark: (opening of the clause when it comes last, opening of the rest when it comes first, present tense too)
    "though": ("But", "But", None),
    "although": ("But", "But", None),
    "whereas": ("But", "But", None),
    "while": ("At the same time", "At the same time", None),
    "whilst": ("At the same time", "At the same time", None),
    "when": ("Then", "Then", "past"),
    "whereupon": ("Then", None, "past"),
    "because": ("This was because", None, None),
    "for": ("This was because", None, None),
    "since": ("This was because", None, None),
    "before": ("After that", None, "past"),
    "after": (None, "After that", "past"),
    "until": ("In the end", None, "past"),
    "till": ("In the end", None, "past"),
}


def adverbial(clause: Clause, verb: Token) -> Cut | None:
    """As in: Though it rained, he went. -> It rained. But he went. Likewise while, when, because, before, after."""
    if verb.dep_ != "advcl" or not (verb.head == clause.head or _coordinated(clause, verb.head)) or clause.question:
        return None
    tokens = extent(clause, verb)
    subject = _own_subject(clause, verb)
    if tokens is None or subject is None or not stands(verb, subject) or subordinate(clause.head):
        return None
    core = trimmed(tokens)
    mark, rest = core[0], core[1:]
    if mark.dep_ not in {"mark", "advmod"} or len(rest) < _LEAST:
        return None
    first = before(clause, core[0]) is None
    apart = set_off(clause, core)
    if not apart and not _runs_on(clause, core) and (first or clause.words < _LONG or len(rest) < _LEAST + 1):
        return None
    taken = {token.i for token in tokens}
    past = tense_of(verb) == "past" and clause.tense == "past"
    word = clause.reading.text(mark).lower() or mark.lower_
    if word == "as" and rest[0].lower_ in {"if", "though"} and not first:
        here = "It was as" if past else "It is as"
        new = Clause(clause.reading, tuple(clause.pieces_of(rest)), verb, None, here)
        return Cut(taken, new) if apart or clause.words >= _LONG else None
    openings = _MARKS.get(word)
    if openings is None or rest[0].dep_ == "mark" or (openings[2] and not past):
        return None
    if not first and any(child.dep_ == "neg" for child in clause.head.children):
        return None
    if word in {"before", "until", "till"} and finite_word(verb).tag_ == "MD":  # type: ignore[union-attr]
        return None
    if word == "when" and not first and (not apart or clause.head.lemma_ == "be"):
        return None
    if word in {"since", "until", "till", "before", "when"} and not apart and not past:
        return None
    opening = openings[1] if first else openings[0]
    if opening is None or (first and clause.opening):
        return None
    if not past and opening == "This was because":
        opening = "This is because"
    here, there = ("", opening) if first else (opening, None)
    new = Clause(clause.reading, tuple(clause.pieces_of(rest)), verb, subject_of(clause.reading, verb), here)
    return Cut(taken, new, before=first, opening=there)


def _runs_on(clause: Clause, tokens: list[Token]) -> bool:
    """Whether a clause in front is followed by the subject of the main one without a comma."""
    if before(clause, tokens[0]) is not None:
        return False
    subject = subject_token(clause.head)
    following = after(clause, tokens[-1])
    return subject is not None and following is not None and subject.left_edge.i == following.i


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
    if start is None or start.tag_ in _WH or start.dep_ == "mark" or start.lower_ in {"that", "as", "if", "or", "nor"}:
        return None
    for token in tokens:
        if token.dep_ not in SUBJECTS or token.head.i not in held or token.tag_ in _WH:
            continue
        verb = token.head
        if finite_word(verb) is None or verb.dep_ in {"relcl", "pcomp"}:
            continue
        if any(child.dep_ == "mark" or child.tag_ in _WH for child in verb.children):
            continue
        if verb.head.i in held and verb.dep_ != "ROOT":
            continue
        under = {member.i for member in verb.subtree}
        if all(member.i in under or member.text in BREAKS or member.dep_ in {"cc", "punct"} for member in tokens):
            return verb
    return None


def _anchored(clause: Clause) -> bool:
    """Whether the clause has a finite verb and its subject, so that it stands when something is taken out."""
    if clause.head.i not in clause.indices or finite_word(clause.head) is None:
        # A clause made by a rule has its verb or its subject put in.
        return any(piece.token is None for piece in clause.pieces)
    found = subject_token(clause.head)
    return (found is not None and found.i in clause.indices) or any(piece.token is None for piece in clause.pieces)


def flatten(clause: Clause, rules: tuple[Rule, ...]) -> list[Clause]:
    """`clause` cut by `rules` until none applies; what comes out reads in order."""
    if clause.words <= SHORT and not any(piece.text in _STRONG for piece in clause.pieces):
        return [clause]
    if not _anchored(clause):
        rules = tuple(rule for rule in rules if rule is not adverbial)
    for rule in rules:
        for token in reversed(clause.tokens()):
            if token == clause.head or token.head.i not in clause.indices:
                continue
            cut = rule(clause, token)
            if cut is None or clause.reading.cuts_quotation(cut.taken) or clause.head.i in cut.taken:
                continue
            rest = clause.without(cut.taken, level=cut.level)
            least = 2 if rule is coordination else _LEAST
            if rest.words < least or cut.clause.words < least:
                continue
            if clause.reading.in_quotation(token) and not clause.reading.in_quotation(clause.head):
                continue
            if cut.before:
                moved = replace(cut.clause, opening=cut.clause.opening or clause.opening)
                rest = replace(rest, opening=cut.opening if cut.opening is not None else "")
                return flatten(moved, rules) + flatten(rest, rules)
            return flatten(rest, rules) + flatten(cut.clause, rules)
    return [part for part in leftover(clause)]
