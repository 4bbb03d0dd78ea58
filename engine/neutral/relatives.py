"""Turns what hangs on a noun or a verb into sentences: relative clauses, participial phrases, appositions."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.neutral.clause import (
    BREAKS,
    SUBJECTS,
    Clause,
    Piece,
    Subject,
    Tense,
    finite_word,
    reference,
    subject_of,
    subject_token,
)
from engine.neutral.splitting import Cut, after, before, extent, set_off, trimmed

if TYPE_CHECKING:
    from spacy.tokens import Token

_RELATIVE_TAGS = frozenset({"WDT", "WP", "WP$", "WRB"})
_SHORTEST_RELATIVE = 4
_SHORTEST_RESTRICTIVE = 4
_BOUND = frozenset("no any every each such same only first last all few what next very".split())
_LOOSE_NOUNS = frozenset("way time place day moment fact reason manner case point extent degree sense people".split())
_OBJECTS = frozenset({"dobj", "dative", "prt", "acomp", "attr", "oprd"})


def _runs_into_verb(clause: Clause, noun: Token, core: list[Token]) -> bool:
    """Whether a verb with no subject of its own is left behind: the parse ended the clause too early."""
    following = after(clause, core[-1])
    if following is None or following.tag_ not in {"MD", "VBD", "VBZ", "VBP"}:
        return False
    return following not in {clause.head, finite_word(clause.head)} and noun.dep_ not in SUBJECTS


def _relative_word(verb: Token, tokens: list[Token]) -> Token | None:
    for token in tokens[:6]:
        if token.tag_ not in _RELATIVE_TAGS and not (
            token.lower_ == "that" and token.dep_ in {"nsubj", "nsubjpass", "dobj"}
        ):
            continue
        holder = token.head
        while holder != verb and holder.pos_ not in {"VERB", "AUX"} and holder.head != holder:
            holder = holder.head
        return token if holder == verb and token.i < verb.i else None
    return None


def _restrictive_may_go(clause: Clause, noun: Token, length: int) -> bool:
    """Whether the sentence still says the same thing without the clause that narrows `noun` down."""
    if length < _SHORTEST_RESTRICTIVE or noun.lower_ in _LOOSE_NOUNS or noun.tag_ not in {"NN", "NNS"}:
        return False
    if any(child.lower_ in _BOUND or child.tag_ in {"JJS", "RBS"} for child in noun.subtree if child.i < noun.i):
        return False
    ancestor = noun
    while ancestor != clause.head and ancestor.head != ancestor:
        ancestor = ancestor.head
        if any(
            child.dep_ == "mark" and child.lower_ in {"if", "unless", "whether", "than"} for child in ancestor.children
        ):
            return False
        if any(child.dep_ == "neg" for child in ancestor.children):
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


def relative(clause: Clause, verb: Token) -> Cut | None:
    """As in: "The man, who was old, slept" -> "The man slept." "The man was old."."""
    if verb.dep_ != "relcl" or verb.head.pos_ not in {"NOUN", "PROPN"} or clause.question:
        return None
    tokens = extent(clause, verb)
    if tokens is None or len(tokens) < _SHORTEST_RELATIVE:
        return None
    core = trimmed(tokens)
    if core and core[0].dep_ == "cc":
        return None
    noun = verb.head
    if _runs_into_verb(clause, noun, core) or any(t.tag_ in _RELATIVE_TAGS for t in noun.subtree if t.i < core[0].i):
        return None
    result = any(child.lower_ in {"so", "such"} for child in (*noun.children, *noun.head.children))
    if result and core[0].lower_ == "that":
        return None
    if noun.i > core[0].i or noun.lower_ in _LOOSE_NOUNS and core[0].tag_ == "WRB":
        return None
    if not set_off(clause, core) and not _restrictive_may_go(clause, noun, len(core)):
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
        token.tag_ in _RELATIVE_TAGS
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
    if word.dep_ == "dobj" and word.head == verb and position == 0:
        return _insert(clause, verb, tokens[1:], [Piece(antecedent.object)], objects=False)
    if word.dep_ == "pobj" and word.head.dep_ == "prep":
        if position == 1 and word.head == tokens[0] and word.head.head == verb:
            phrase = [*pieces[:1], Piece(antecedent.object)]
            return _insert(clause, verb, tokens[2:], phrase, objects=True)
        inside = own in {word.head.head, *word.head.head.ancestors}
        if position and inside and tokens[0] in own.subtree:
            return [*pieces[:position], Piece(antecedent.object), *pieces[position + 1 :]]
    return None


def _contact(clause: Clause, verb: Token, tokens: list[Token], antecedent: Subject) -> list[Piece] | None:
    """As in: the books he had brought from Spain -> He had brought the books from Spain."""
    own = subject_token(verb)
    if own is None or own.i > verb.i or finite_word(verb) is None or len(tokens) < _SHORTEST_RESTRICTIVE:
        return None
    if tokens[0] not in own.subtree or any(
        child.dep_ in {"dobj", "ccomp", "attr", "acomp", "prt"} for child in verb.children
    ):
        return None
    if any(child.dep_ == "prep" and not any(True for _ in child.children) for child in verb.children):
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
    if own is not None and own.i > noun.i and noun.dep_ == "dobj" and tokens[0] == word:
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
        stranded = child.dep_ == "prep" and not any(True for _ in child.children)
        if child.i > verb.i and (child.dep_ == "prt" or stranded or (objects and child.dep_ in _OBJECTS)):
            last = max(last, child.right_edge.i)
    place = max(index for index, token in enumerate(tokens) if token.i <= last) + 1
    pieces = clause.pieces_of(tokens)
    return [*pieces[:place], *phrase, *pieces[place:]]


def participle(clause: Clause, verb: Token) -> Cut | None:
    """As in: "He walked on, thinking of home" -> "He walked on." "He thought of home."; likewise ", built of stone"."."""
    if verb.dep_ not in {"advcl", "acl"} or verb.tag_ not in {"VBG", "VBN"} or clause.question:
        return None
    tokens = extent(clause, verb)
    tense = clause.tense
    if tokens is None or len(tokens) < 3 or tense is None or finite_word(verb) is not None:
        return None
    core = trimmed(tokens)
    if any(
        child.dep_ in {"mark", "cc"} and child.i < verb.i or child.tag_ in _RELATIVE_TAGS for child in verb.children
    ):
        return None
    own = subject_token(verb)
    if own is not None and (own.i > verb.i or own.dep_ == "expl"):
        return None
    left = before(clause, core[0])
    first = left is None
    if not set_off(clause, core) and (own is not None or not _trailing_attribute(clause, verb, core)):
        return None
    subject = _doer(clause, verb, own, first)
    if subject is None:
        return None
    pieces = _made_finite(clause, verb, core, own, subject, tense)
    if pieces is None:
        return None
    return Cut({token.i for token in tokens}, Clause(clause.reading, tuple(pieces), verb, subject), before=first)


def _trailing_attribute(clause: Clause, verb: Token, core: list[Token]) -> bool:
    """Whether "a door leading to the hall" may become a sentence of its own."""
    made = verb.tag_ == "VBG" or any(child.lower_ in {"by", "of", "in", "from", "into"} for child in verb.children)
    return (
        verb.dep_ == "acl"
        and made
        and verb.head.i < core[0].i
        and after(clause, core[-1]) in {None, clause.tokens()[-1]}
        and _restrictive_may_go(clause, verb.head, len(core))
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
    subject = clause.subject
    if first and subject is not None and subject.text.startswith(("the ", "this ")):
        noun = subject_token(clause.head)
        definite = noun is not None and any(child.lower_ in {"the", "this"} for child in noun.children)
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
    lemma = carrier.lemma_.lower() if carrier is not None else ""
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
    if len(lead) > 1 and lead[0].dep_ in {"prep", "npadvmod"}:
        return [*clause.pieces_of(lead), Piece(subject.text), *pieces[start:]]
    return [Piece(subject.text), *pieces]


def apposition(clause: Clause, noun: Token) -> Cut | None:
    """As in: "Wilcox, a young man, came" -> "Wilcox came." "Wilcox was a young man."."""
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
    between = clause.reading.doc[named.i + 1 : core[0].i]
    if any(token.pos_ in {"VERB", "AUX"} for token in between):
        return None
    if any(token.lemma_ == noun.lemma_ for token in clause.reading.doc[noun.sent.start : core[0].i]):
        return None
    verb = Piece(subject.verb("be", clause.tense))
    pieces = (Piece(subject.text), verb, *clause.pieces_of(core))
    return Cut({token.i for token in tokens}, Clause(clause.reading, pieces, clause.head, subject))


def accompaniment(clause: Clause, preposition: Token) -> Cut | None:
    """As in: The land was fair, with green hedges and groves. -> The land was fair. There were green hedges and groves."""
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
