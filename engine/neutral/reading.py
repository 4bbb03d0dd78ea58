"""A parsed text with every decision about its single words: replaced, dropped, or left as they stand."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from engine.measures.facts import name_tokens, number_tokens
from engine.neutral.decoration import dropped
from engine.neutral.function_words import negated_verbs, plain_function_words
from engine.neutral.plain_words import plain_lemma, plain_word
from engine.neutral.punctuation import LONGEST_QUOTATION

if TYPE_CHECKING:
    from spacy.tokens import Doc, Span, Token


@dataclass(frozen=True)
class Reading:
    """A parsed text with what was decided of its words."""

    doc: Doc
    changed: Mapping[int, str]
    """Replacement by token index; empty drops the word."""
    lemmas: Mapping[int, str]
    """Plain lemma of the words that were replaced, by token index."""
    names: frozenset[int]
    quoted: tuple[tuple[int, int], ...]
    """First and last token of each quotation that stays word for word."""

    def text(self, token: Token) -> str:
        return self.changed.get(token.i, token.text)

    def lemma(self, token: Token) -> str:
        return self.lemmas.get(token.i, token.lemma_.lower())

    def in_quotation(self, token: Token) -> bool:
        return any(start <= token.i <= end for start, end in self.quoted)

    def cuts_quotation(self, indices: set[int]) -> bool:
        """Whether taking `indices` out would tear a quotation apart."""
        return any(0 < sum(start <= index <= end for index in indices) < end - start + 1 for start, end in self.quoted)


def read(doc: Doc, known: frozenset[str] = frozenset()) -> Reading:
    """What may be changed of each word of `doc`, and what must stay; `known` are names found before."""
    names = frozenset(token.i for token in name_tokens(doc))
    names |= {token.i for token in doc if token.text[0].isupper() and token.lower_ in known}
    numbers = frozenset(index for index, _ in number_tokens(doc))
    quoted = tuple(quotations(doc))
    inside = frozenset(index for start, end in quoted for index in range(start, end + 1))
    changed: dict[int, str] = {}
    lemmas: dict[int, str] = {}
    for token in doc:
        if token.i in names or token.i in numbers or token.i in inside:
            continue
        lemma = plain_lemma(token)
        form = plain_word(token, lemma) if lemma is not None else None
        if lemma is not None and form is not None:
            changed[token.i], lemmas[token.i] = form, lemma
    changed.update(_doublets(doc, changed))
    changed.update(plain_function_words(doc, names | numbers | inside))
    changed.update(negated_verbs(doc, names | numbers | inside, lemmas))
    for index in dropped(doc, names, numbers, inside):
        changed[index] = ""
    return Reading(doc, changed, lemmas, names, quoted)


def _doublets(doc: Doc, changed: Mapping[int, str]) -> dict[int, str]:
    """Drops the second of two words that became the same: "wary and cautious" is not "careful and careful"."""
    gone: dict[int, str] = {}
    for token in doc:
        first = token.head
        if token.dep_ != "conj" or token.i not in changed or first.i > token.i:
            continue
        between = doc[first.i + 1 : token.i]
        if changed[token.i] == changed.get(first.i, first.text) and all(
            word.dep_ in {"cc", "punct"} for word in between
        ):
            gone.update(dict.fromkeys(range(first.i + 1, token.i + 1), ""))
    return gone


def quotations(doc: Doc) -> list[tuple[int, int]]:
    """First and last token of every short quotation."""
    found, start = [], None
    for token in doc:
        if token.text != '"':
            continue
        if start is None:
            start = token.i
        else:
            if token.i - start - 1 <= LONGEST_QUOTATION + 4:
                found.append((start, token.i))
            start = None
    return found


def sentence_spans(doc: Doc) -> list[Span]:
    """The sentences of `doc`, joined again where the parser ended one without any mark."""
    spans: list[Span] = []
    for span in doc.sents:
        closed = not spans or spans[-1].text.rstrip()[-1:] in set(".?!:;\"'”’)]*")
        if closed:
            spans.append(span)
        else:
            spans[-1] = doc[spans[-1].start : span.end]
    return spans
