"""Facts that a text states and its source does not: names and numbers made up, or names in another's place."""

from __future__ import annotations

import difflib
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from engine.measures.facts import OLD_WORDS, common_word, name_tokens, number_tokens, numbers_in, pieces

if TYPE_CHECKING:
    from spacy.tokens import Doc, Token

_KIN = 5
"""Letters two names share when one is made from the other: "Egypt", "Egyptians"."""
_SPEECH = frozenset("one two three dozen hundred thousand million".split())
"""Number words that are mostly figures of speech: "two or three", "a thousand terrors"."""


@dataclass(frozen=True, slots=True)
class Changed:
    """What a text states beyond its source, as it is spelt there, in order and once each."""

    names: tuple[str, ...] = ()
    """Names that the source has no word like."""
    personified: tuple[str, ...] = ()
    """Capitalised dictionary words that the source does not have: "Nature", or a name that is also a word."""
    numbers: tuple[str, ...] = ()
    round_numbers: tuple[str, ...] = ()
    """Numbers that may be a figure of speech."""


def changed(source: Doc, output: Doc) -> Changed:
    """What `output` states that `source` does not."""
    known = {piece for token in source for piece in pieces(token.text)}
    kin = {word[:_KIN] for word in known if len(word) >= _KIN}
    names: dict[str, str] = {}
    personified: dict[str, str] = {}
    for token in name_tokens(output):
        for word in pieces(token.text):
            if word in OLD_WORDS:
                continue
            if len(word) > 1 and word not in known and not (len(word) >= _KIN and word[:_KIN] in kin):
                (personified if common_word(word) else names).setdefault(word, token.text)
    stated = {digits for _, digits in numbers_in(source.text)}
    numbers: dict[str, str] = {}
    rounded: dict[str, str] = {}
    for index, digits in number_tokens(output):
        if digits not in stated:
            spelt = output[index].text
            speech = spelt.lower() in _SPEECH
            (rounded if speech else numbers).setdefault(digits, spelt if spelt == digits else f"{spelt} ({digits})")
    return Changed(
        tuple(names.values()),
        tuple(personified.values()),
        tuple(numbers.values()),
        tuple(rounded.values()),
    )


def swapped(source: Doc, output: Doc) -> list[tuple[str, str]]:
    """Names of `source` that are rarer in `output`, each with the commoner one that stands where it stood.

    The names are read off both texts in order; the pairs are as they are spelt, in order and once each.
    """
    certain = {_key(token) for token in name_tokens(source)}
    names = _names(source)
    before, after = _mentions(source, names), _mentions(output, names | _names(output))
    had, has = (Counter(map(_key, doc)) for doc in (source, output))  # a name may stand there in small letters
    return _replaced(before, after, had, has, certain)


def renumbered(source: Doc, output: Doc) -> list[tuple[str, str]]:
    """The same for numbers, by their digits; those that are mostly figures of speech are left out."""
    before, after = (
        [(digits, digits) for index, digits in number_tokens(doc) if doc[index].lower_ not in _SPEECH]
        for doc in (source, output)
    )
    had, has = (Counter(digits for _, digits in numbers_in(doc.text)) for doc in (source, output))
    return _replaced(before, after, had, has, set(had))


def _replaced(
    before: Sequence[tuple[str, str]],
    after: Sequence[tuple[str, str]],
    had: Counter[str],
    has: Counter[str],
    certain: set[str],
) -> list[tuple[str, str]]:
    """Of mentions in order, by key and as spelt: each of the `certain` that became rarer and what replaced it."""
    found = []
    matcher = difflib.SequenceMatcher(None, [key for key, _ in before], [key for key, _ in after], autojunk=False)
    for kind, start, end, other_start, other_end in matcher.get_opcodes():
        if kind == "replace":
            fewer = [text for key, text in before[start:end] if key in certain and has[key] < had[key]]
            more = [text for key, text in after[other_start:other_end] if has[key] > had[key]]
            found += list(zip(fewer, more, strict=False))
    return list(dict.fromkeys(found))


def _names(doc: Doc) -> set[str]:
    """Keys of the names of `doc`, with those at the start of a sentence that are words too: "Peter", "Rose"."""
    proper = {_key(token) for token in doc if token.pos_ == "PROPN" and token.text[:1].isupper() and not token.is_stop}
    return (proper | {_key(token) for token in name_tokens(doc)}) - OLD_WORDS


def _mentions(doc: Doc, names: set[str]) -> list[tuple[str, str]]:
    """Names in order, by key and as spelt; parts of one name ("Marta Ellwood") are mentions of their own."""
    return [(key, token.text) for token in doc if token.text[:1].isupper() and (key := _key(token)) in names]


def _key(token: Token) -> str:
    found = pieces(token.text)
    return found[0] if found else token.lower_
