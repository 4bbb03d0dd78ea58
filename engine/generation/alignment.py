"""Two texts laid beside each other by their content words: the ground for what was left out and what was exchanged."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

from engine.measures.facts import OLD_WORDS, name_tokens
from engine.neutral.plain_words import table
from engine.neutral.punctuation import modernise, straighten
from engine.variation.synonyms import synonyms

if TYPE_CHECKING:
    from spacy.tokens import Doc, Token

_CONTENT = frozenset({"NOUN", "VERB", "ADJ", "PROPN", "NUM", "ADV"})
_STEM = 5
"""Letters compared of a word: "avoided", "avoidance"."""
_KIN = 4
"""Letters two forms of one name share: "Cave", "Caves"."""
_BESIDE = 3
"""Content words around a gap in which a name counts as only moved."""


@dataclass(frozen=True, slots=True)
class Content:
    """A text's content words in order."""

    keys: tuple[str, ...]
    """Stem of the plain word for each."""
    spelt: tuple[str, ...]
    """Stem of each as it stands."""
    sentence: tuple[int, ...]
    """Index of the sentence each stands in."""
    place: tuple[int, ...]
    """Index of each among all words, as in `every`."""
    names: tuple[str, ...]
    """Each as it stands where it is a name beyond doubt, else empty."""
    proper: tuple[str, ...]
    """The same for what may be one: "Peter" at the start of a sentence is a name, or a verb."""
    every: tuple[frozenset[str], ...]
    """Both stems of every word, function words included."""
    sentences: tuple[str, ...]


def plainly(text: str) -> str:
    """`text` as it is read beside another: in the marks and old words' plain forms that neutral text starts from.

    Otherwise "Captain?—Thou" is one word to the parser, and "thou knowest" has nothing to do with "you know".
    """
    return modernise(straighten(text))


@cache
def _plain() -> dict[str, str]:
    """One word for all the words that can stand for one another."""
    one: dict[str, str] = {}
    for (_, ornate), plain in table().items():
        one.setdefault(ornate, plain.split()[0])
    return one


def key(token: Token) -> str:
    """What a word is compared by: the stem of the plain word that stands for it."""
    plain = _plain().get(token.lemma_.lower(), token.lemma_.lower())
    others = synonyms().get(plain, ())
    return min((plain, *others))[:_STEM]


def says(token: Token) -> bool:
    """Whether a word says something by itself."""
    return token.is_alpha and token.pos_ in _CONTENT and not token.is_stop


def _proper(token: Token) -> bool:
    return token.pos_ == "PROPN" and token.text[0].isupper() and len(token) > 1 and token.lower_ not in OLD_WORDS


def content(doc: Doc) -> Content:
    """The content words of `doc`."""
    names = {token.i for token in name_tokens(doc) if len(token) > 1 and token.lower_ not in OLD_WORDS}
    places = {token.i: place for place, token in enumerate(token for token in doc if token.is_alpha)}
    rows = [
        (key(token), token.lower_[:_STEM], number, token)
        for number, sentence in enumerate(doc.sents)
        for token in sentence
        if says(token)
    ]
    return Content(
        tuple(row[0] for row in rows),
        tuple(row[1] for row in rows),
        tuple(row[2] for row in rows),
        tuple(places[row[3].i] for row in rows),
        tuple(row[3].text if row[3].i in names else "" for row in rows),
        tuple(row[3].text if row[3].i in names or _proper(row[3]) else "" for row in rows),
        tuple(frozenset((key(token), token.lower_[:_STEM])) for token in doc if token.is_alpha),
        tuple(sentence.text for sentence in doc.sents),
    )


def in_order(first: Sequence[str], second: Sequence[str]) -> dict[int, int]:
    """Index in `second` by index in `first` of a longest common subsequence."""
    rows = [[0] * (len(second) + 1) for _ in range(len(first) + 1)]
    for i in range(len(first) - 1, -1, -1):
        row, below, word = rows[i], rows[i + 1], first[i]
        for j in range(len(second) - 1, -1, -1):
            row[j] = below[j + 1] + 1 if word == second[j] else max(below[j], row[j + 1])
    i = j = 0
    found = {}
    while i < len(first) and j < len(second):
        if first[i] == second[j]:
            found[i] = j
            i, j = i + 1, j + 1
        elif rows[i + 1][j] >= rows[i][j + 1]:
            i += 1
        else:
            j += 1
    return found


def exchanged(source: Content, output: Content, matched: Mapping[int, int]) -> list[tuple[str, str]]:
    """Names of `source` in whose place, between the same two words, `output` has another name, with that other.

    A name that stands beside the place, and there in no other's stead, has only moved. Two names that change places
    within a sentence are not found: their order alone cannot be told from a passive.
    """
    found: list[tuple[str, str]] = []
    # A mention that answers another one is no witness that the one in question has moved there.
    answering = set(matched.values())
    before, other_before = -1, -1
    for after, other_after in [*sorted(matched.items()), (len(source.keys), len(output.keys))]:
        near = range(max(0, other_before + 1 - _BESIDE), min(other_after + _BESIDE, len(output.keys)))
        other_near = range(max(0, before + 1 - _BESIDE), min(after + _BESIDE, len(source.keys)))
        beside = {output.keys[i] for i in near if i not in answering}
        other_beside = {source.keys[i] for i in other_near if i not in matched}
        gone = [i for i in range(before + 1, after) if source.names[i] and source.keys[i] not in beside]
        come = [i for i in range(other_before + 1, other_after) if output.proper[i]]
        come = [i for i in come if output.keys[i] not in other_beside]
        pairs = [(source.names[old], output.proper[new]) for old, new in zip(gone, come, strict=False)]
        found += [(old, new) for old, new in pairs if old[:_KIN].lower() != new[:_KIN].lower()]
        before, other_before = after, other_after
    return list(dict.fromkeys(found))
