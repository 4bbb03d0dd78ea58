"""Typing errors in a rewrite: those that noise put into the model's input and it took for words, and its own.

An author's rare words are unknown to every dictionary, so being unknown is not enough: a misspelt word also looks like
a word of the source that the rewrite does not have.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from difflib import SequenceMatcher

from engine.language import is_word, match_case
from engine.variation.synonyms import synonyms

_WORD = re.compile(r"(?<![\w’'\-])[a-z]{3,}(?![\w’'\-])")
_WORDS = re.compile(r"[^\W\d_]+(?:['’\-][^\W\d_]+)*")
_ALIKE = 0.75
"""Ratio of `difflib` from which two words look alike: "lettets" and "letters" .86, "usd" and "used" .86, "elstric" and
"electric" .8. Chosen; nothing was found in 300 genuine passages of two authors beside their noised neutral texts."""


def mistyped(neutral: str, given: str) -> list[tuple[str, str]]:
    """The typing errors that noise made out of `neutral` in `given`, each with its word; none that is a word too.

    In lower case as well where a sentence begins with it: a rewrite may have it elsewhere.
    """
    before, after = (_WORDS.findall(text) for text in (neutral, given))
    known = {word.lower() for word in before}
    found: dict[tuple[str, str], None] = {}
    for tag, i, j, k, m in SequenceMatcher(None, before, after, autojunk=False).get_opcodes():
        if tag != "replace":
            continue
        for wrong in after[k:m]:
            low = wrong.lower()
            if low in known or _known(low):
                continue
            if meant := _nearest(low, (word.lower() for word in before[i:j])):
                found |= dict.fromkeys(((wrong, match_case(meant, wrong)), (low, meant)))
    return list(found)


def misspelt(text: str, source: str, given: str) -> list[tuple[str, str]]:
    """Words of `text` that are misspelt, each with the word of `source` that it stands for.

    `given` is what the model was given in the source's place, noise and all.
    """
    written, known = set(_WORD.findall(text)), set(re.findall(r"[a-z]{3,}", source.lower()))
    missing, noised = known - written, set(_WORD.findall(given))
    found = []
    for word in sorted(written - known):
        if _known(word) or not (word in noised or _unknown(word)):
            continue
        # The noise's are wrong whether or not the word meant stands elsewhere.
        if meant := _nearest(word, known if word in noised else missing):
            found.append((word, meant))
    return found


def _known(word: str) -> bool:
    """Whether a dictionary has `word`, or the noise for another one: no dictionary of content words has "amid"."""
    return is_word(word) or word in synonyms()


def _unknown(word: str) -> bool:
    from wordfreq import zipf_frequency

    return zipf_frequency(word, "en") == 0


def _nearest(word: str, others: Iterable[str]) -> str:
    near = [other for other in others if other[0] == word[0] and abs(len(other) - len(word)) <= 2]
    rated = [(SequenceMatcher(None, word, other, autojunk=False).ratio(), other) for other in sorted(near)]
    best = max(rated, default=(0.0, ""))
    return best[1] if best[0] >= _ALIKE else ""
