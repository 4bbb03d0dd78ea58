"""Which blocks are headings, and what kind of part each begins."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import pairwise

from engine.curation.layout import Evidence, ended, roman
from engine.curation.pieces import Block, word_set

CHAPTER = "chapter title"
TITLE = "title"  # worded like a title, but nothing says of what

_ONES = "one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|thirteen|fourteen|fifteen|sixteen|seventeen"
_ORDINALS = "first|second|third|fourth|fifth|sixth|seventh|eighth|ninth|tenth|eleventh|twelfth|last"
_NUMBER = (
    rf"(?:\d{{1,3}}|[IVXLCivxlc]{{1,8}}|(?:the\s+)?(?:{_ONES}|{_ORDINALS}|eighteen|nineteen|"
    rf"(?:twenty|thirty|forty|fifty|sixty)(?:[- ](?:{_ONES}|{_ORDINALS}))?))"
)
_UNIT = "chapter|chap\\.|book|part|volume|vol\\.|canto|stave|letter|act|scene|section|episode|tale|story|lecture|essay"
_EXPLICIT = re.compile(rf"^(?:the\s+)?(?:{_UNIT})\s+{_NUMBER}(?![\w’'])(?P<rest>.*)$", re.IGNORECASE | re.DOTALL)
_COUNTED = re.compile(rf"^(?:the\s+)?(?:{_ORDINALS})\s+(?:{_UNIT})(?![\w’'])(?P<rest>.*)$", re.IGNORECASE | re.DOTALL)
_NUMERAL = re.compile(r"^(?:§\s*)?(?:(?P<roman>[IVXLC]{1,8})[.:)]?|\d{1,3}[.)]?)$")
_NUMERAL_TITLE = re.compile(r"^(?P<number>[IVXLC]{1,8}|\d{1,3})(?:[.:]|\s*[—–-])\s+(?P<rest>\S.*)$", re.DOTALL)
_NAMED = re.compile(
    r"^(?:prologue|epilogue|interlude|intermezzo|coda|conclusion|postscript|finale|induction|proem|envoi)[.:]?$",
    re.IGNORECASE,
)
_SMALL = word_set(
    "a an and as at but by for from in into nor of on or over so than that the to under upon with de la le du des der "
    "von van und et no is it its not vs & my his her our your their who he she we"
)
_FRONT = {
    "preface": r"preface|foreword|introduction|introductory|prefatory|note on the text|to the reader",
    "dedication": r"dedication",
    "copyright": r"copyright",
    "contents": r"contents|table of contents|list of contents|list of (?:illustrations|plates|maps|tables|figures|"
    r"chapters)|illustrations|chapters",
    "acknowledgements": r"acknowledge?ments?",
}
_BACK = {
    "index": r"(?:general |subject )?index(?: of .{1,30})?",
    "about the author": r"(?:about|note on|notes? about|a note (?:about|on)) (?:the|this) (?:author|authors|editor|"
    r"translator|publisher|book|edition|series)",
    "colophon": r"colophon|(?:a )?note on the (?:type|typeface|typography|font)",
    "footnote": r"(?:foot|end)?notes|notes (?:to|on) .{1,40}",
    "bibliography": r"(?:select(?:ed)? )?bibliography|works cited|references|further reading",
    "glossary": r"glossary(?: of .{1,30})?",
    "afterword": r"afterword",
    "advertisement": r"advertisements?|(?:also|other (?:books|works|titles)|(?:books|works)|more) by .{1,40}|"
    r"by the same author",
    "transcriber's note": r"transcriber['’]?s?['’]? (?:end)?notes?",
}
_SUFFIX = r"(?: (?:to|by|from|of) .{1,60})?"
_WHOSE = r"(?:(?:the |an? )?(?:author|editor|publisher|translator|writer)(?:['’]?s['’]?) )?"
FRONT = tuple(_FRONT)
BACK = tuple(_BACK)
_MATTER = [
    *((reason, re.compile(rf"^{_WHOSE}(?:{names}){_SUFFIX}$", re.IGNORECASE)) for reason, names in _FRONT.items()),
    ("preface", re.compile(rf"^{_WHOSE}note{_SUFFIX}$", re.IGNORECASE)),
    *((reason, re.compile(rf"^(?:{names})$", re.IGNORECASE)) for reason, names in _BACK.items()),
]
_END_MARK = re.compile(
    r"^[\W_]*(?:the end|end|fin|finis|(?:the )?end of (?:the )?(?:\w+\s+)?(?:book|volume|vol|part|story|tale)\b.{0,30})"
    r"[\W_]*$",
    re.IGNORECASE,
)
ORNAMENT = re.compile(r"^(?:[\s*·•.~#+=_—–\-<>oO⁂†‡❦☙❧◆◇■□●○✦✻]|\\/)*$")
MAX_HEADING_WORDS = 25


def is_title(text: str) -> bool:
    """Whether `text` is capitalised as a title is: every word but the small ones, or all of it."""
    words = re.findall(r"[^\W_]+(?:['’][^\W_]+)*", text)
    if not words or not any(character.isupper() for character in text):
        return False
    if not (words[0][0].isupper() or words[0][0].isdigit()):
        return False
    return all(word[0].isupper() or word[0].isdigit() or word.lower() in _SMALL for word in words)


def heading(block: Block, above: Block | None, above_kind: str) -> str:
    """The kind of heading a block is: `CHAPTER`, `TITLE`, a reason of `FRONT` or `BACK`, ``end mark``, or empty.

    `above` is the block before it, if any, and `above_kind` the kind of heading that one is.
    """
    if block.role and block.role != "heading":
        return ""
    text = block.text.strip(" _*=")
    if not text or block.words > MAX_HEADING_WORDS or len(block.lines) > 4:
        return ""
    bare = text.strip("[](){}.:;—–- ")
    for reason, pattern in _MATTER:
        if pattern.match(bare) and (block.role or is_title(bare) or bare.isupper()):
            return reason
    if _END_MARK.match(text) and (block.role or is_title(bare) or not block.text[0].isalpha()):
        return "end mark"
    if _chapter(text):
        return CHAPTER
    if block.role == "heading":
        return TITLE
    if text[0] in "“\"‘'’(—–-" or text[-1] in ',;:?!”"’)':
        return ""
    apart = above is None or block.blanks >= 2 or bool(above_kind)
    if (
        _capitals(text)
        and block.words <= 15
        and (apart or (above is not None and ended(above.text) and not ended(text)))
    ):
        return TITLE
    if apart and not ended(text) and is_title(text) and block.words <= 10 and len(block.lines) == 1:
        return TITLE
    return ""


def _capitals(text: str) -> bool:
    return text.isupper() and sum(character.isalpha() for character in text) >= 2


def _chapter(text: str) -> bool:
    found = _EXPLICIT.match(text) or _COUNTED.match(text)
    if found and text[0].isupper():
        rest = found["rest"].strip()
        return not rest or rest[0] in ".:;—–-([{" or is_title(rest)
    numeral = _NUMERAL.match(text)
    if numeral:
        return not numeral["roman"] or roman(numeral["roman"]) > 0
    titled = _NUMERAL_TITLE.match(text)
    if titled and (titled["number"].isdigit() or roman(titled["number"])):
        return is_title(titled["rest"]) and len(titled["rest"].split()) <= 14 and ";" not in titled["rest"]
    return bool(_NAMED.match(text))


def is_broken(block: Block, width: int) -> bool:
    """Whether most lines of a block end where the next word would have fitted: verse, a table, an address.

    A block set narrower than the page, but not much, is measured by its own width. In prose a few lines fall
    short where an edition was changed after it was set; in verse lines begin with capitals or stand indented.
    """
    if len(block.lines) < 2 or not width:
        return False
    rows = [line.text.strip() for line in block.lines]
    starts = [row.lstrip("“\"‘'(—[*")[:1] for row in rows]
    capitals = sum(start.isupper() for start in starts)
    short = sum(len(row) < 0.85 * width for row in rows[:-1])
    if len(rows) >= 4 and capitals == len(rows) and short * 2 > len(rows) - 1:
        return True
    own = max(map(len, rows))
    width = own if len(rows) >= 4 and own > 0.7 * width else width
    early = [
        len(above) + 1 + len(below.split(maxsplit=1)[0]) + width // 10 <= width and above[-1] not in "-—"
        for above, below in pairwise(rows)
    ]
    if sum(early) * 2 <= len(early):
        return False
    small = sum(start.islower() for start in starts)
    return small * 5 <= len(rows) or all(line.text.startswith("  ") for line in block.lines)


def is_prose(block: Block, width: int, least: int = 40) -> bool:
    """Whether a block is at least `least` words of running text."""
    text = block.text
    if block.role or block.words < least or not re.search(r"[.!?…][”’\"')\]*]*(?:\s|$)", text):
        return False
    return not is_broken(block, width) and not re.search(r"(?:\.\s?){5,}\s*\d|[.\s]{6,}\d+\s*$", text)


def prose_near(blocks: Sequence[Block], reasons: Sequence[str], index: int, evidence: Evidence, reach: int = 3) -> bool:
    """Whether one of the `reach` blocks after `index` is prose, those that have a reason to go aside."""
    after = range(index + 1, min(index + 1 + reach, len(blocks)))
    return any(not reasons[i] and is_prose(blocks[i], evidence.width, 25) for i in after)
