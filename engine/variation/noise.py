"""Degrades a text by a stated share of its words: typing errors, missing small words, plain synonyms.

The same function makes every training input, the robustness copies (at a higher rate) and the input at inference.
It knows no grammar, so that it costs next to nothing.
"""

from __future__ import annotations

import random
import re
from collections.abc import Container
from dataclasses import dataclass
from typing import Literal

from engine.language import match_case
from engine.measures.facts import numbers_in
from engine.variation.lexicon import listed
from engine.variation.synonyms import synonyms

NOISE_VERSION = "2"
"""Part of the recipe: raise it with every change that can change a text."""

Kind = Literal["typo", "drop", "synonym"]
SHARES: dict[Kind, float] = {"typo": 0.4, "drop": 0.3, "synonym": 0.3}
"""How often each kind is tried first; where it does not fit, another takes its place."""

_WORD = re.compile(r"\[[^\[\]\s]+\](?:['’]s)?|[^\W_]+(?:['’\-][^\W_]+)*")
_SENTENCE_START = re.compile(r"(?:^|[.!?:…][\"”’')\]]*\s+|\n\s*|[\"“‘(—]\s*)[\"“‘'(]*$")


_NEGATIONS = listed(
    """no not never none nothing nobody nowhere neither nor cannot without hardly scarcely barely seldom rarely
    unless except few less least"""
)
_NUMBERS = listed(
    """zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen
    seventeen eighteen nineteen twenty thirty forty fifty sixty seventy eighty ninety hundred thousand million
    billion dozen score half third quarter first second fourth fifth sixth seventh eighth ninth tenth once twice
    ones twos hundreds thousands millions dozens scores hundredth thousandth"""
)
_KEPT = _NEGATIONS | _NUMBERS
_DROPPABLE = listed(
    """a an the of to in on at that and had has have which very then also just even still quite rather so too now
    there again some such own indeed really ever both"""
)
"""No "was" or "been": "40 ships had been lost" would say that they had lost. No "almost" or "only" either."""
_COMMON = _DROPPABLE | listed(
    """was were is are been almost only this these those they them their theirs when while where what who whose with
    from into over under after before about through because since until though although however during between
    against above below along around behind beside beyond many most more much other another each every some several
    here perhaps soon later once he she it we you his her its our my your if but or as by for how why all any"""
)
_PARTICLES = listed("of the de la le les van von der den du da di del and y al el bin ibn to in")
_KEY_ROWS = ("qwertyuiop", "asdfghjkl", "zxcvbnm")


def _keys() -> dict[str, str]:
    place = {key: (row, column) for row, keys in enumerate(_KEY_ROWS) for column, key in enumerate(keys)}
    return {
        key: "".join(
            other for other, (r, c) in place.items() if other != key and abs(r - row) <= 1 and abs(c - column) <= 1
        )
        for key, (row, column) in place.items()
    }


_ADJACENT = _keys()


@dataclass(frozen=True, slots=True)
class Noised:
    """The noised text, how many of its words were changed or dropped, and how many it had before."""

    text: str
    changed: int
    words: int


def _eligible(text: str, found: list[re.Match[str]], protected: Container[str]) -> list[int]:
    """Indices of the words that may change: no name, number, negation, placeholder or protected word."""
    capital = [match[0][0].isupper() and match[0] != "I" for match in found]
    chosen = []
    for index, match in enumerate(found):
        word, low = match[0], match[0].lower()
        stem = re.sub(r"['’].*", "", word)
        if word[0] == "[" or any(letter.isdigit() for letter in word) or low in _KEPT or "n't" in low or "n’t" in low:
            continue
        if word in protected or low in protected or stem in protected or (len(word) == 1 and low not in _DROPPABLE):
            continue
        if any(part in _NUMBERS for part in low.split("-")) or any(numbers_in(low)):
            continue
        if any(letter.isupper() for letter in word[1:]):
            continue
        if capital[index] and not (
            # "Marsh and Ode found": any other word in its place may be somebody's name.
            low in _COMMON and _SENTENCE_START.search(text[max(0, match.start() - 8) : match.start()])
        ):
            continue
        if low in _PARTICLES and _inside_name(text, found, capital, index):
            continue
        chosen.append(index)
    return chosen


def _inside_name(text: str, found: list[re.Match[str]], capital: list[bool], index: int) -> bool:
    """Whether small words around `index` link two capitalised ones, as in "House of the Dead"."""
    before = after = index
    while before > 0 and index - before < 3 and found[before][0].lower() in _PARTICLES and not capital[before]:
        before -= 1
    while after < len(found) - 1 and after - index < 3 and found[after][0] in _PARTICLES:
        after += 1
    between = text[found[before].end() : found[after].start()]
    return capital[after] and (capital[before] or before == index) and not re.search(r"[.,;:!?—]", between)


def _typo(word: str, random_: random.Random) -> str | None:
    """`word` with one typing error after its first letter, or None where every attempt gave a kept word."""
    spots = [i for i in range(1, len(word)) if word[i].isalpha()]
    if len(word) < 4 or len(spots) < 3:
        return None
    for _ in range(8):
        at = random_.choice(spots)
        way = random_.randrange(4)
        letter = word[at]
        if way == 0 and letter in _ADJACENT:
            mistyped = word[:at] + random_.choice(_ADJACENT[letter]) + word[at + 1 :]
        elif way == 1 and at + 1 < len(word) and word[at + 1].isalpha():
            mistyped = word[:at] + word[at + 1] + letter + word[at + 2 :]
        elif way == 2:
            mistyped = word[: at + 1] + letter + word[at + 1 :]
        elif way == 3:
            mistyped = word[:at] + word[at + 1 :]
        else:
            continue
        if mistyped != word and mistyped.lower() not in _KEPT:
            return mistyped
    return None


def _changed(kind: Kind, text: str, match: re.Match[str], random_: random.Random) -> str | None:
    """What the word becomes under `kind` ("" to drop it), or None where the kind does not fit."""
    word, low = match[0], match[0].lower()
    if kind == "typo":
        return _typo(word, random_)
    if kind == "drop":
        framed = text[match.end() : match.end() + 1] == " " and text[match.start() - 1 : match.start()] == " "
        before, after = text[match.start() - 2 : match.start() - 1], text[match.end() + 1 : match.end() + 2]
        inside = (before.isalnum() or before in ",;") and (after.islower() or after.isdigit())
        return "" if low in _DROPPABLE and word == low and framed and inside else None
    options = synonyms().get(low)
    if not options:
        return None
    if re.search(r"\ban?\s$", text[: match.start()][-4:], re.I):
        options = tuple(other for other in options if (other[0] in "aeiou") == (low[0] in "aeiou"))
    return match_case(random_.choice(options), word) if options else None


def perturb(text: str, *, rate: float, seed: int, name: str, protected: Container[str] = frozenset()) -> Noised:
    """`text` with the share `rate` of its words changed: mistyped, dropped, or replaced by a synonym.

    The number of changes is `rate` x words, rounded up or down at random so that its mean is exact over many
    texts; a text too full of protected words gets fewer. Capitalised words that are no common sentence openers
    count as names; names, numbers, negations, bracketed placeholders and the words in `protected` (as written
    or in lower case) never change, the first word of a sentence keeps its capital and is never dropped.
    Deterministic in `seed` and `name`.
    """
    if not 0 <= rate <= 1:
        raise ValueError(f"rate {rate}: a share of the words, from 0 to 1")
    random_ = random.Random(f"{seed}:{name}")
    found = list(_WORD.finditer(text))
    wanted = int(rate * len(found) + random_.random())
    candidates = _eligible(text, found, protected)
    random_.shuffle(candidates)
    edits: dict[int, str] = {}
    kinds: list[Kind] = list(SHARES)
    # A kind is drawn first and then a word for it: otherwise rare kinds would starve, few words having a synonym.
    while len(edits) < wanted and candidates:
        first = random_.choices(kinds, weights=[SHARES[kind] for kind in kinds])[0]
        for kind in (first, *(other for other in kinds if other != first)):
            edit = None
            for index in candidates:
                edit = _changed(kind, text, found[index], random_)
                if edit is not None:
                    edits[index] = edit
                    candidates.remove(index)
                    break
            if edit is not None:
                break
        else:
            break
    parts: list[str] = []
    end = 0
    for index in sorted(edits):
        match = found[index]
        # A dropped word takes the space before it along.
        start = match.start() - (edits[index] == "")
        parts += text[end:start], edits[index]
        end = match.end()
    return Noised("".join(parts) + text[end:], len(edits), len(found))
