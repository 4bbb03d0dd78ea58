"""Turns relative clauses into sentences about their noun."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.neutral.clause import Clause, Piece
from engine.neutral.cutting import Cut, after, extent, set_off, trimmed
from engine.neutral.grammar import NEGATIVES, RELATIVE_TAGS, SUBJECTS, TIMES, finite_word, subject_token
from engine.neutral.subjects import Subject, reference, subject_of

if TYPE_CHECKING:
    from spacy.tokens import Token


_SHORTEST_RELATIVE = 4
_SHORTEST_RESTRICTIVE = 4
_CLAUSES = frozenset({"VERB", "AUX"})
_BOUND = frozenset("no any every each such same only first last all few what next very".split())
_LOOSE_NOUNS = frozenset("way time place day moment fact reason manner case point extent degree sense people".split())
_OBJECTS = frozenset({"dobj", "dative", "prt", "acomp", "attr", "oprd"})


def relative(clause: Clause, verb: Token) -> Cut | None:
    """As in: The man, who was old, slept -> The man slept. The man was old."""
    if verb.dep_ != "relcl" or verb.pos_ not in _CLAUSES or verb.head.pos_ not in {"NOUN", "PROPN"} or clause.question:
        return None
    tokens = extent(clause, verb)
    if tokens is None or len(tokens) < _SHORTEST_RELATIVE:
        return None
    core = trimmed(tokens)
    if core and core[0].dep_ == "cc":
        return None
    noun = verb.head
    if noun.dep_ == "relcl" or _cleft(clause, noun) or verb.lemma_ == "do":
        # "..., which most people will never do" is about what was said.
        return None
    if core and core[0].tag_ in RELATIVE_TAGS and core[0].lower_.endswith("ever"):
        # "whatever that may be" is about no noun.
        return None
    if _ends_early(clause, core) or _runs_into_verb(clause, noun, core):
        return None
    if any(t.tag_ in RELATIVE_TAGS for t in noun.subtree if t.i < core[0].i):
        return None
    result = any(child.lower_ in {"so", "such"} for child in (*noun.children, *noun.head.children))
    if result and core[0].lower_ == "that":
        return None
    if core[0].tag_ == "WRB" and core[0].lower_ == "when":
        # The lamp lights when the battery is low: that is no noun's clause.
        return None
    if noun.dep_ == "dative" and not _apart_at_end(clause, core):
        # "gave the boy whose leg was broken by a dog a pound": where the clause ends is a guess.
        return None
    if noun.i > core[0].i or noun.lemma_.lower() in _LOOSE_NOUNS and core[0].tag_ == "WRB":
        return None
    apart = set_off(clause, core)
    if not apart and (noun.dep_ in {"appos", "npadvmod"} or not may_widen(clause, noun, len(core))):
        # "from June, a step that they have asked for": of the apposition too little would be left.
        return None
    if apart and core[0].tag_ in RELATIVE_TAGS and not _plainly_about(clause, noun, core):
        return None
    if _is_another_number(verb, noun):
        return None
    word = _relative_word(verb, core)
    antecedent = reference(clause.reading, noun, antecedent=True)
    if antecedent is None or (word is not None and _unresolved(core, word)):
        return None
    if noun.dep_ in {"conj"} or any(child.dep_ == "conj" for child in noun.children):
        antecedent = _among_several(clause, noun, verb, antecedent)
        if antecedent is None:
            return None
    pieces = _resolve(clause, verb, core, word, antecedent) if word else _contact(clause, verb, core, antecedent)
    if pieces is None:
        return None
    own = subject_token(verb)
    subject = antecedent if own is not None and own == word else subject_of(clause.reading, verb)
    return Cut({token.i for token in tokens}, Clause(clause.reading, tuple(pieces), verb, subject))


def _cleft(clause: Clause, noun: Token) -> bool:
    """Whether "it was" only points at the noun: "It was the tax that drove them out", "not the chairman, who"."""
    if any(child.dep_ == "neg" for child in noun.children):
        return True
    subject = subject_token(clause.head)
    outer = noun.head if noun.dep_ in {"conj", "appos"} else noun
    outer = outer.head if outer.dep_ == "pobj" else outer
    pointing = clause.head.lemma_ == "be" and subject is not None and subject.lower_ == "it"
    return pointing and outer.head == clause.head and outer.dep_ in {"attr", "prep"}


def _apart_at_end(clause: Clause, core: list[Token]) -> bool:
    """Whether a comma or the end follows, so that the clause surely ends there and swallowed no object."""
    return set_off(clause, core) and core[-1].dep_ != "pobj"


def _plainly_about(clause: Clause, noun: Token, core: list[Token]) -> bool:
    """Whether nothing else may be meant: "the date in the letter, which was lost", "until next year, which hurt"."""
    left = [token for token in clause.tokens() if token.i < core[0].i and not token.is_punct]
    if not left or left[-1] != noun or noun.lemma_.lower() in TIMES:
        return False
    for word in (noun, *noun.ancestors):
        if word != noun and word.pos_ in {"NOUN", "PROPN"}:
            return False
        if word == clause.head:
            break
    return True


def _ends_early(clause: Clause, core: list[Token]) -> bool:
    """Whether half of "the day before" is left behind, or another clause about the noun: "whom he met, and who"."""
    following = after(clause, core[-1])
    if following is not None and following.lower_ in {"before", "after", "earlier", "later", "ago"}:
        return True
    if following is not None and following.dep_ == "cc":
        # "where you can buy soup and a bed": what follows may belong to the clause.
        return True
    joint = after(clause, following) if following is not None and following.text == "," else following
    then = after(clause, joint) if joint is not None and joint.dep_ == "cc" else None
    return then is not None and then.tag_ in RELATIVE_TAGS


def _runs_into_verb(clause: Clause, noun: Token, core: list[Token]) -> bool:
    """Whether a verb with no subject of its own is left behind: the parse ended the clause too early."""
    following = after(clause, core[-1])
    if following is None or following.tag_ not in {"MD", "VBD", "VBZ", "VBP"}:
        return False
    return following not in {clause.head, finite_word(clause.head)} and noun.dep_ not in SUBJECTS


def _relative_word(verb: Token, tokens: list[Token]) -> Token | None:
    for token in tokens[:6]:
        if token.tag_ not in RELATIVE_TAGS and not (
            token.lower_ == "that" and token.dep_ in {"nsubj", "nsubjpass", "dobj"}
        ):
            continue
        holder = token.head
        while holder != verb and holder.pos_ not in {"VERB", "AUX"} and holder.head != holder:
            holder = holder.head
        return token if holder == verb and token.i < verb.i else None
    return None


def may_widen(clause: Clause, noun: Token, length: int) -> bool:
    """Whether the sentence still says the same thing without the clause that narrows `noun` down.

    Only where it tells something of one thing ("He met a man who sold clocks"), and not what holds for all of a kind.
    """
    if length < _SHORTEST_RESTRICTIVE or noun.lemma_.lower() in _LOOSE_NOUNS | TIMES or noun.tag_ != "NN":
        return False
    one = {"a", "an", "the", "this", "that"} if clause.tense == "past" else {"a", "an"}
    if not any(child.dep_ == "det" and child.lower_ in one for child in noun.children):
        return False
    if any(child.lower_ in _BOUND or child.tag_ in {"JJS", "RBS"} for child in noun.subtree if child.i < noun.i):
        return False
    if any(token.lower_ in NEGATIVES for token in clause.tokens() if token.i < noun.i):
        return False
    ancestor = noun
    while ancestor != clause.head and ancestor.head != ancestor:
        ancestor = ancestor.head
        if any(
            child.dep_ == "neg"
            or (child.dep_ == "mark" and child.lower_ in {"if", "unless", "whether", "than"})
            or (child.dep_ == "aux" and child.tag_ in {"MD", "TO"})
            for child in ancestor.children
        ):
            # "must repair goods that arrive broken", "rare to find a book that can be read"
            return False
        if ancestor.tag_ == "VBG" and not any(child.dep_ == "aux" for child in ancestor.children):
            return False
    return True


def _agrees(verb: Token, subject: Subject) -> bool:
    word = finite_word(verb)
    if word is None:
        return False
    form = word.lower_
    if form in {"was", "is", "has", "does"} or word.tag_ == "VBZ":
        return subject.number == "singular"
    if form in {"were", "are", "have", "do"} or word.tag_ == "VBP":
        return subject.number == "plural"
    return True


def _is_another_number(verb: Token, noun: Token) -> bool:
    """Whether the clause says that many things were one: "a bar near the docks that had been a chapel"."""
    told = next((child for child in verb.children if child.dep_ == "attr"), None)
    return verb.lemma_ == "be" and told is not None and noun.tag_ == "NNS" and told.tag_ == "NN"


def _among_several(clause: Clause, noun: Token, verb: Token, single: Subject) -> Subject | None:
    """The antecedent where the noun is one of several: the number of the verb decides between it and all of them."""
    word = finite_word(verb)
    if _agrees(verb, single) and word is not None and word.tag_ != "VBD":
        return single
    if word is not None and word.lower_ in {"was", "has", "is"}:
        return single if single.number == "singular" else None
    if word is not None and word.lower_ in {"were", "are", "have"}:
        return Subject("they", "plural")
    return None


def _unresolved(tokens: list[Token], word: Token) -> bool:
    """Whether another relative word joined by "and" also waits for the antecedent."""
    return any(
        token.tag_ in RELATIVE_TAGS
        and token != word
        and token.i > 0
        and (token.nbor(-1).dep_ == "cc" or token.nbor(-1).tag_ == "IN" and token.nbor(-2).dep_ == "cc")
        for token in tokens
    )


def _resolve(clause: Clause, verb: Token, tokens: list[Token], word: Token, antecedent: Subject) -> list[Piece] | None:
    """The relative clause with its pronoun replaced and everything in the order of a main clause."""
    pieces = clause.pieces_of(tokens)
    position = tokens.index(word)
    own = subject_token(verb)
    if word.dep_ in {"nsubj", "nsubjpass"} and word.head == verb:
        if position != 0 or not _agrees(verb, antecedent):
            return None
        return [Piece(antecedent.text), *pieces[1:]]
    if own is None or finite_word(verb) is None or own.i > verb.i:
        return None
    if word.tag_ == "WRB":
        if position != 0 or word.lower_ not in {"where", "when"}:
            return None
        return [Piece("there" if word.lower_ == "where" else "then"), *pieces[1:]]
    if word.tag_ == "WP$":
        return _possessed(clause, verb, tokens, word, antecedent)
    whole = not _for_two(verb) and not any(_stranded(child) for child in verb.children)
    if word.dep_ == "dobj" and word.head == verb and position == 0 and whole:
        return _insert(clause, verb, tokens[1:], [Piece(antecedent.object)], objects=False)
    if word.dep_ == "pobj" and word.head.dep_ == "prep":
        if position == 1 and word.head == tokens[0] and word.head.head == verb:
            phrase = [*pieces[:1], Piece(antecedent.object)]
            return _insert(clause, verb, tokens[2:], phrase, objects=True)
        inside = own in {word.head.head, *word.head.head.ancestors}
        if position and inside and tokens[0] in own.subtree:
            return [*pieces[:position], Piece(antecedent.object), *pieces[position + 1 :]]
    return None


def _for_two(verb: Token) -> bool:
    """Whether the noun is what a second verb is done to as well: "the clocks that he had repaired and never sold"."""
    return any(
        child.dep_ == "conj" and child.pos_ == "VERB" and not {own.dep_ for own in child.children} & {"dobj", *SUBJECTS}
        for child in verb.children
    )


def _stranded(token: Token) -> bool:
    """Whether it is a preposition without its noun: "the budget, which they asked about"."""
    return token.dep_ == "prep" and not any(True for _ in token.children)


def _contact(clause: Clause, verb: Token, tokens: list[Token], antecedent: Subject) -> list[Piece] | None:
    """As in: the books he had brought from Spain -> He had brought the books from Spain."""
    own = subject_token(verb)
    if own is None or own.i > verb.i or finite_word(verb) is None or len(tokens) < _SHORTEST_RESTRICTIVE:
        return None
    if _for_two(verb):
        return None
    if tokens[0] not in own.subtree or any(
        child.dep_ in {"dobj", "ccomp", "attr", "acomp", "prt"} for child in verb.children
    ):
        return None
    if any(_stranded(child) for child in verb.children):
        return None
    if any(child.dep_ in {"xcomp", "mark"} for child in verb.children) or verb.tag_ == "VBG":
        return None
    return _insert(clause, verb, tokens, [Piece(antecedent.object)], objects=False)


def _possessed(
    clause: Clause, verb: Token, tokens: list[Token], word: Token, antecedent: Subject
) -> list[Piece] | None:
    noun = word.head
    own = subject_token(verb)
    pieces = clause.pieces_of(tokens)
    if own is not None and noun == own and tokens[0] == word:
        return [Piece(antecedent.possessive), *pieces[1:]]
    phrase = [token for token in tokens if token.i <= noun.right_edge.i and (token == word or token in noun.subtree)]
    if own is not None and own.i > noun.i and noun.dep_ == "dobj" and tokens[0] == word and not _for_two(verb):
        moved = [Piece(antecedent.possessive), *clause.pieces_of(phrase[1:])]
        return _insert(clause, verb, tokens[len(phrase) :], moved, objects=False)
    if own is not None and noun.dep_ == "pobj" and noun.head == tokens[0] and noun.head.head == verb:
        moved = [pieces[0], Piece(antecedent.possessive), *clause.pieces_of(phrase[1:])]
        return _insert(clause, verb, tokens[1 + len(phrase) :], moved, objects=True)
    return None


def _insert(
    clause: Clause, verb: Token, tokens: list[Token], phrase: list[Piece], *, objects: bool
) -> list[Piece] | None:
    """`tokens` with `phrase` put behind the verb, or behind its objects."""
    if verb not in tokens:
        return None
    last = verb.i
    for child in verb.children:
        if child.i > verb.i and (child.dep_ == "prt" or _stranded(child) or (objects and child.dep_ in _OBJECTS)):
            last = max(last, child.right_edge.i)
    place = max(index for index, token in enumerate(tokens) if token.i <= last) + 1
    pieces = clause.pieces_of(tokens)
    return [*pieces[:place], *phrase, *pieces[place:]]
