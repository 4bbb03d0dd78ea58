"""The names and numbers of a passage as words: what decoding sees to, since verification will ask for them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from engine.language import parse_many
from engine.measures.facts import name_tokens, number_tokens

if TYPE_CHECKING:
    from spacy.tokens import Doc


def stated(sources: Sequence[str]) -> list[tuple[str, ...]]:
    """The names and numbers of each source as they are written there, word by word, in order and once each."""
    return [_words(doc) for doc in parse_many(sources, entities=False)]


def _words(doc: Doc) -> tuple[str, ...]:
    names = {token.i for token in name_tokens(doc) if len(token) > 1}
    numbers: set[int] = set()
    for index, _ in number_tokens(doc):
        numbers.add(index)
        # "twenty" "-" "five", "two" "hundred": a number goes on in the words behind it.
        while index + 1 < len(doc) and (doc[index + 1].like_num or doc[index + 1].text == "-"):
            index += 1
            if doc[index].like_num:
                numbers.add(index)
    return tuple(dict.fromkeys(doc[index].text for index in sorted(names | numbers)))
