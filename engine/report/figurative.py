"""Markers of figurative language, counted. A count says that figures are there, never that they are good ones.

What is counted: comparisons ("like a ...", "as ... as", "as if", "as though", "resembled"), nouns that equate something
concrete with something abstract ("the market is an ocean"), and "X of Y" with the concrete thing first ("an ocean of
greed"). Metaphors in a verb ("greed swallowed the town") are not seen.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.variation.lexicon import lexicon

if TYPE_CHECKING:
    from spacy.tokens import Doc, Token

_MEASURES = frozenset(
    "kind sort piece part number lot pair group set series bit side top end middle bottom edge back front hour day "
    "year glass cup bottle box page line city town island street house church university county state man woman "
    "child people member king queen son daughter author owner".split()
)
"""Concrete nouns whose "of" tells what it is made of, whose it is or where: no figure."""
_LIKENING = frozenset({"resemble", "liken"})


def figures(doc: Doc) -> list[str]:
    """The markers in `doc`, as they are spelt, in order."""
    found: list[tuple[int, str]] = []
    for token in doc:
        span = _comparison(token) or _equation(token) or _genitive(token)
        if span is not None:
            found.append((token.i, doc[min(span) : max(span) + 1].text))
    return [text for _, text in sorted(found)]


def _comparison(token: Token) -> tuple[int, int] | None:
    doc, lower = token.doc, token.lower_
    following = doc[token.i + 1].lower_ if token.i + 1 < len(doc) else ""
    if lower == "like" and token.pos_ in {"ADP", "SCONJ"}:
        said = next((child for child in token.children if child.dep_ == "pobj" and child.pos_ != "PRON"), None)
        return (token.i, said.i) if said is not None else None
    if lower == "as" and following in {"if", "though"}:
        return token.i, token.i + 1
    if lower == "as" and token.i + 2 < len(doc) and doc[token.i + 2].lower_ == "as":
        quality, compared = doc[token.i + 1], doc[token.i + 3 : token.i + 6]
        noun = next((one for one in compared if one.pos_ == "NOUN"), None)
        if quality.pos_ == "ADJ" and noun is not None:
            return token.i, noun.i
    if token.lemma_ in _LIKENING and token.pos_ == "VERB":
        return token.i, token.i
    return None


def _equation(token: Token) -> tuple[int, int] | None:
    """ "The market is an ocean": subject and noun of "be", one concrete and one not."""
    if token.lemma_ != "be":
        return None
    subject = next((child for child in token.children if child.dep_ == "nsubj" and child.pos_ == "NOUN"), None)
    said = next((child for child in token.children if child.dep_ == "attr" and child.pos_ == "NOUN"), None)
    if subject is None or said is None or said.lemma_.lower() in _MEASURES or _concrete(subject) == _concrete(said):
        return None
    return min(subject.i, said.i), max(subject.i, said.i)


def _genitive(token: Token) -> tuple[int, int] | None:
    """ "An ocean of greed": a concrete noun, "of", and an abstract one without an article."""
    if token.lower_ != "of" or token.head.pos_ != "NOUN" or token.head.i > token.i:
        return None
    said = next((child for child in token.children if child.dep_ == "pobj" and child.pos_ == "NOUN"), None)
    if said is None or any(child.dep_ in {"det", "poss", "nummod"} for child in said.children):
        return None
    head = token.head
    if head.lemma_.lower() in _MEASURES or not _concrete(head) or _concrete(said) or said.tag_ == "NNS":
        return None
    return head.i, said.i


def _concrete(token: Token) -> bool:
    return lexicon().concrete(token.lemma_.lower())
