"""Lines to running text: hard-wrapped lines joined, broken words healed, interrupted paragraphs made whole."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from functools import cache

from engine.curation.layout import WORD, Evidence, ended
from engine.curation.pieces import Block, Line, word_set

_HYPHENATED = re.compile(r"([^\W\d_]+(?:['’-][^\W\d_]+)*)(?:-|\xad)$")
# Zipf frequencies (wordfreq). A word below 2 (one in ten million) is not known; a compound that people also write
# solid by mistake ("longterm") is this much rarer than its rarer half; tried on 52 compounds and 51 solid words.
_KNOWN_WHOLE = 2.0
_KNOWN_PART = 3.0
_MISSPELT = 2.45
_PREFIXES = word_set("anti counter dis fore hyper inter intra mis out over pre sub super trans un under")
_EMPHASIS = re.compile(r"(?<!\w)_(?=\S)([^_]{1,400}?)(?<=\S)_(?!\w)")


def joined(lines: Sequence[Line], evidence: Evidence, healed: Counter[str]) -> str:
    """The text of `lines` as one, words broken at line ends healed; each repair is counted in `healed`."""
    text = ""
    for line in lines:
        text = append(text, " ".join(line.text.split()), evidence, healed)
    return text


def append(text: str, more: str, evidence: Evidence, healed: Counter[str]) -> str:
    """`more` set on to `text` as it would have run on without the line break between them."""
    if not text or not more:
        return text + more
    broken = _HYPHENATED.search(text)
    if broken and more[0].isalpha():
        healed["broken words"] += 1
        keep = more[0].isupper() or _compound(broken[1].lower(), WORD.match(more)[0].lower(), evidence.vocabulary)  # type: ignore[index]
        return text.rstrip("-\xad") + ("-" if keep else "") + more
    if text[-1] in "-—–" and len(text) > 1 and not text[-2].isspace() and (text[-1] != "-" or more[0].isdigit()):
        healed["dashes at line ends"] += 1
        return text + more
    if text.endswith("--") and not text.endswith(" --"):
        healed["dashes at line ends"] += 1
        return text + more
    return f"{text} {more}"


def _compound(head: str, tail: str, vocabulary: Counter[str]) -> bool:
    """Whether the hyphen between `head` and `tail` is the word's own.

    The book's own spelling inside lines decides; then whether the parts joined are a word; then whether each
    part is one.
    """
    if "-" in tail:
        return True
    last = head.rsplit("-", 1)[-1]
    whole, hyphenated = vocabulary[last + tail], vocabulary[f"{last}-{tail}"] + vocabulary[f"{head}-{tail}"]
    if whole != hyphenated:
        return hyphenated > whole
    joint, rarer = _frequency(last + tail), min(_frequency(last), _frequency(tail))
    if joint >= _KNOWN_WHOLE and joint >= rarer - _MISSPELT:
        return False
    if last in _PREFIXES:
        return False
    return all(len(part) > 1 and (vocabulary[part] or _frequency(part) >= _KNOWN_PART) for part in (last, tail))


@cache
def _frequency(word: str) -> float:
    from wordfreq import zipf_frequency

    return float(zipf_frequency(word, "en"))


def interrupted(above: Block, text: str, below: Block, evidence: Evidence, *, page: bool, note: bool) -> bool:
    """Whether the paragraph ending in `text` goes on in `below`.

    `page` says that the turn of a page stood between them, `note` that a footnote or a picture did.
    """
    after = below.text
    first = after.lstrip("“\"‘'([")[:1]
    if page or note:
        if not ended(text) and not (text.endswith(":") and not first.islower()):
            return True
        if first.islower() and not after.startswith(("—", "–")):
            return True
    elif not ended(text) and first.islower() and after[0].isalpha() and below.blanks <= 1:
        return text[-1].isalpha() or text[-1] in ",-"
    if not page or not evidence.width or _indented(below):
        return False
    # A paragraph that ends with its page leaves its last line short; one that goes on fills it.
    room = evidence.width - len(above.lines[-1].text.rstrip()) - len(after.split(maxsplit=1)[0]) - 1
    return room < 0 and after[0] not in '“"‘'


def _indented(block: Block) -> bool:
    rows = [len(line.text) - len(line.text.lstrip()) for line in block.lines[:2]]
    return len(rows) == 2 and rows[0] >= rows[1] + 2


def plain(text: str, healed: Counter[str]) -> str:
    """`text` without the underscores that mark emphasis in plain-text editions, and without soft hyphens."""
    if "_" in text:
        text, count = _EMPHASIS.subn(r"\1", text)
        healed["emphasis marks"] += count
    return re.sub(r"\s{2,}", " ", text.replace("\xad", "")).strip()
