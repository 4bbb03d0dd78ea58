"""spaCy's attribute ruler and rule lemmatizer with a memory: the same answers, at a fraction of a parse's time.

Both look every token up anew, though what they say depends on little: the ruler's patterns on word, tag and relation
of one token (a few on its neighbour too), the lemmatizer on word, part of speech and form. Here each case is worked out
once. Without named entities they are half of a parse otherwise.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from spacy.language import Language
    from spacy.tokens import Doc, Token
    from spacy.vocab import Vocab

_CASES = 500_000
"""Cases remembered at once by each of the two: some 100 MB, more than one author's books have."""

_Case = tuple[int, int, int]
_Pair = tuple[int, Sequence[Mapping[str, Any]], int, Mapping[str, Any]]
"""A pattern of two tokens: its number, its parts, which of the two it speaks of, and what it says."""
_Settled = tuple[int | None, Any, int | None, tuple[tuple[str, str], ...]]
"""Part of speech, form and lemma that a token gets, as spaCy's numbers, and other attributes by name."""


def remember(nlp: Language) -> None:
    """Let `nlp` remember what its attribute ruler and its lemmatizer said; the ruler stays as it is where it has
    patterns of another kind than the ones known here."""
    from spacy.language import Language

    known = {"attribute_ruler": ruler(nlp.get_pipe("attribute_ruler")), "lemmatizer": lemmatizer(nlp)}
    for name, component in known.items():
        if component is not None:
            Language.component(f"remembered_{name}", func=component)
            nlp.add_pipe(f"remembered_{name}", after=name)
            nlp.disable_pipe(name)


def lemmatizer(nlp: Language) -> Callable[[Doc], Doc]:
    """The pipeline's rule lemmatizer, as a function on documents that have parts of speech."""
    stock: Any = nlp.get_pipe("lemmatizer")
    known: dict[_Case, int] = {}

    def lemmatize(doc: Doc) -> Doc:
        for token in doc:
            if token.lemma:
                continue
            case = token.orth, token.pos, token.morph.key
            lemma = known.get(case)
            if lemma is None:
                if len(known) >= _CASES:
                    known.clear()
                lemma = known[case] = doc.vocab.strings.add(stock.lemmatize(token)[0])
            token.lemma = lemma
        return doc

    return lemmatize


def ruler(stock: Any) -> Callable[[Doc], Doc] | None:
    """The attribute ruler `stock`, as a function on tagged and parsed documents; None if it has unknown patterns."""
    # By the tag that a pattern's first token must have, or "" where it may have any.
    single: dict[str, list[tuple[int, Mapping[str, Any], Mapping[str, Any]]]] = defaultdict(list)
    pairs: dict[str, list[_Pair]] = defaultdict(list)
    for number, rule in enumerate(stock.patterns):
        for pattern in rule["patterns"]:
            if not 1 <= len(pattern) <= 2 or not all(_understood(part) for part in pattern):
                return None
            tag = pattern[0].get("TAG", "")
            place = tag if isinstance(tag, str) else ""
            if len(pattern) == 1:
                single[place].append((number, pattern[0], rule["attrs"]))
            else:
                pairs[place].append((number, pattern, rule["index"], rule["attrs"]))
    known: dict[_Case, tuple[_Settled, Sequence[_Pair]]] = {}

    def case_of(token: Token) -> tuple[_Settled, Sequence[_Pair]]:
        """What the patterns of one token say, and the patterns of two that may begin here."""
        may_begin = [*pairs.get(token.tag_, ()), *pairs.get("", ())]
        return _settled(alone(token), token.vocab), [pair for pair in may_begin if _fits(token, pair[1][0])]

    def alone(token: Token) -> dict[int, Mapping[str, Any]]:
        may_say = [*single.get(token.tag_, ()), *single.get("", ())]
        return {number: attrs for number, part, attrs in may_say if _fits(token, part)}

    def rule_over(doc: Doc) -> Doc:
        found: list[_Settled] = []
        paired: dict[int, dict[int, Mapping[str, Any]]] = {}
        for token in doc:
            case = token.lower, token.tag, token.dep
            remembered = known.get(case)
            if remembered is None:
                if len(known) >= _CASES:
                    known.clear()
                remembered = known[case] = case_of(token)
            found.append(remembered[0])
            for number, (_, second), index, attrs in remembered[1]:
                if token.i + 1 < len(doc) and _fits(token.nbor(1), second):
                    paired.setdefault(token.i + index % 2, {})[number] = attrs
        for at, more in paired.items():
            # Rare enough to be worked out anew, in the order of all the patterns.
            found[at] = _settled(alone(doc[at]) | more, doc.vocab)
        for token, (pos, morph, lemma, others) in zip(doc, found, strict=True):
            if pos is not None:
                token.pos = pos
            if morph is not None:
                token.morph = morph
            if lemma is not None:
                token.lemma = lemma
            for name, value in others:
                setattr(token, name, value)
        return doc

    return rule_over


def _settled(said: Mapping[int, Mapping[str, Any]], vocab: Vocab) -> _Settled:
    """What patterns set, by their numbers, ready to be put on a token: the later one's word holds."""
    from spacy.parts_of_speech import IDS
    from spacy.tokens import MorphAnalysis

    merged: dict[str, Any] = {}
    for number in sorted(said):
        merged |= said[number]
    pos, morph, lemma = (merged.pop(name, None) for name in ("POS", "MORPH", "LEMMA"))
    return (
        None if pos is None else IDS[pos],
        None if morph is None else MorphAnalysis(vocab, morph),
        None if lemma is None else vocab.strings.add(lemma),
        tuple((f"{name.lower()}_", value) for name, value in merged.items()),
    )


def _understood(part: Mapping[str, Any]) -> bool:
    if not set(part) <= {"TAG", "LOWER", "DEP", "IS_SPACE"}:
        return False
    return all(not isinstance(value, dict) or set(value) <= {"IN", "NOT_IN", "REGEX"} for value in part.values())


def _fits(token: Token, part: Mapping[str, Any]) -> bool:
    for name, wanted in part.items():
        if name == "IS_SPACE":
            if token.is_space != wanted:
                return False
            continue
        has = {"TAG": token.tag_, "LOWER": token.lower_, "DEP": token.dep_}[name]
        if isinstance(wanted, dict):
            if has not in wanted.get("IN", (has,)) or has in wanted.get("NOT_IN", ()):
                return False
            if not re.search(wanted.get("REGEX", ""), has):
                return False
        elif has != wanted:
            return False
    return True
