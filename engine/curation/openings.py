"""How books and chapters open: title, copyright and dedication pages, subtitles, epigraphs."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from engine.curation.headings import CHAPTER, TITLE, is_broken, is_prose, is_title, prose_near
from engine.curation.layout import Evidence, ended
from engine.curation.pieces import Block

_COPYRIGHT = re.compile(
    r"©|\(c\)\s?\d{4}|\bcopyright\b|all rights reserved|\bISBN\b|library of congress|first (?:published|edition|"
    r"printing)|\b(?:re)?printed (?:in|by|at)\b|\bpublished by\b|no part of this (?:book|publication|work)|any "
    r"resemblance|work of fiction|entered according to act|\b(?:under|licensed under) the .{0,40}\blicen[cs]e\b",
    re.IGNORECASE,
)
_SURELY_COPYRIGHT = re.compile(r"all rights reserved|\bISBN[\s:-]|(?:©|copyright|\(c\))\s*\d{4}", re.IGNORECASE)
_DEDICATION = re.compile(
    r"^\W*(?:to|for|in memory of|in memoriam|dedicated to|\w[\w\s]{0,40}\binscribed (?:to|with))\b", re.IGNORECASE
)
_INSCRIBED = re.compile(r"\b(?:is|are) (?:\w+ )?(?:inscribed|dedicated)\b|\bdedicated to\b", re.IGNORECASE)
_ATTRIBUTION = re.compile(r"^[—–-]{1,2}\s?[A-Z“\"(_][^!?]{0,80}$|^_[A-Z][^_]{3,60}_\.?$")
_SIGNED = re.compile(r"^[“\"‘'(].*[”\"’'][)\s]*[—–-]{1,2}\s?[A-Z][\w.,’' -]{2,60}$", re.DOTALL)
_YEAR = re.compile(r"^[(\[]?(?:\w+ )?(?:\d{1,2},? )?1[0-9]{3}(?:\s?[-–—]\s?\d{2,4})?[)\]]?\.?$|^\(?circa \d{4}\)?$")
_SALUTATION = re.compile(r"^(?:by|edited by|translated by|illustrated by|written by|with)\b", re.IGNORECASE)

FRONT_SHARE = 0.15  # of a source's lines, within which a title page may stand
EPIGRAPH_WORDS = 300
COPYRIGHT_WORDS = 600  # a page with a rights notice on it goes as a whole up to this length


def front_pages(blocks: Sequence[Block], kinds: Sequence[str], reasons: list[str], evidence: Evidence) -> None:
    """Title, copyright and dedication pages: what stands before the first chapter or the first prose."""
    pages = list(_pages(blocks, kinds, reasons))
    for page in pages:
        if blocks[page[0]].number > max(60, FRONT_SHARE * evidence.last) or kinds[page[0]] == CHAPTER:
            return
        whole_page = any(_SURELY_COPYRIGHT.search(blocks[index].text) for index in page)
        if whole_page and page is not pages[-1] and sum(blocks[index].words for index in page) < COPYRIGHT_WORDS:
            for index in page:
                reasons[index] = "copyright"
            continue
        for index in page:
            block = blocks[index]
            if _COPYRIGHT.search(block.text) and (block.words <= 40 or surely_copyright(block)):
                reasons[index] = "copyright"
                continue
            if kinds[index] == TITLE and prose_near(blocks, reasons, index, evidence, 1):
                return
            quoted = block.text.startswith(("“", '"', "‘", "'"))
            stop = _epigraph_end(blocks, reasons, index, evidence) if quoted else index
            reasons[index:stop] = ["epigraph"] * (stop - index)
            if reasons[index]:
                continue
            if not kinds[index] and _reads(block, evidence):
                return
            reasons[index] = "dedication" if _dedicates(block) else "title page"


def _pages(blocks: Sequence[Block], kinds: Sequence[str], reasons: Sequence[str]) -> Iterator[list[int]]:
    """Blocks not yet judged, in groups as wide gaps, page turns and chapter headings part them."""
    page: list[int] = []
    for index, block in enumerate(blocks):
        if reasons[index]:
            if page:
                yield page
            page = []
            continue
        if page and (block.blanks >= 2 or block.turned or kinds[index] == CHAPTER):
            yield page
            page = []
        page.append(index)
    if page:
        yield page


def _reads(block: Block, evidence: Evidence) -> bool:
    """Whether a block is a sentence of prose rather than a line of a title page."""
    if is_prose(block, evidence.width, 25):
        return True
    text = block.text
    lower = len(re.findall(r"(?<![\w’'])[a-z]{2,}", text))
    if block.words >= 15 and lower * 2 > block.words and not is_broken(block, evidence.width):
        return True
    return ended(text) and block.words >= 3 and lower > 0 and not _dedicates(block) and not _SALUTATION.match(text)


def _dedicates(block: Block) -> bool:
    text = block.text
    if block.words > 60:
        return False
    return bool(_INSCRIBED.search(text)) or (bool(_DEDICATION.match(text)) and block.words <= 30 and not ended(text))


def below_headings(blocks: Sequence[Block], kinds: list[str], reasons: list[str], evidence: Evidence) -> None:
    """Subtitles, years, dedications and epigraphs between a chapter's heading and its prose."""
    _subtitles(blocks, kinds, reasons)
    for index, kind in enumerate(kinds):
        if kind not in (CHAPTER, TITLE) or reasons[index] != CHAPTER:
            continue
        after = index + 1
        while after < len(blocks) and (reasons[after] or _belongs_to_heading(blocks[after])):
            if not reasons[after]:
                text = blocks[after].text
                dedicated = _INSCRIBED.search(text) or re.match(r"\W*to\b", text, re.IGNORECASE)
                reasons[after] = "dedication" if dedicated else CHAPTER
            after += 1
        for index_ in range(after, _epigraph_end(blocks, reasons, after, evidence)):
            reasons[index_] = reasons[index_] or "epigraph"


def _subtitles(blocks: Sequence[Block], kinds: Sequence[str], reasons: list[str]) -> None:
    """Short lines below chapter headings, however they are worded, where most chapters have one."""
    below = [
        index + 1
        for index, kind in enumerate(kinds[:-2])
        if kind == CHAPTER and reasons[index] == CHAPTER and kinds[index + 1] != CHAPTER
    ]
    short = [
        index
        for index in below
        if not reasons[index] and len(blocks[index].lines) == 1 and blocks[index].words <= 12 <= blocks[index + 1].words
    ]
    titled = sum(reasons[index] == CHAPTER for index in below)
    if len(short) >= 3 and (len(short) + titled) * 10 >= len(below) * 6:
        for index in short:
            reasons[index] = CHAPTER


def _belongs_to_heading(block: Block) -> bool:
    text = block.text
    if block.words > 12 or text[0] in '“"‘—–':
        return False
    if _YEAR.match(text) or re.match(r"^\(.*\)$", text):
        return True
    if re.match(r"^to\b", text, re.IGNORECASE) and is_title(text) and block.words <= 6:
        return True
    return is_title(text) and not ended(text)


def _epigraph_end(blocks: Sequence[Block], reasons: Sequence[str], start: int, evidence: Evidence) -> int:
    """One past the attribution that closes an epigraph beginning at `start`; `start` if there is none."""
    words = 0
    for index in range(start, min(start + 10, len(blocks))):
        block = blocks[index]
        if reasons[index]:
            continue
        last = block.lines[-1].text.strip()
        if _ATTRIBUTION.match(last) and (index > start or len(block.lines) > 1):
            return index + 1
        if index == start and _SIGNED.search(block.text) and block.words <= EPIGRAPH_WORDS:
            return index + 1
        quoted = block.text.startswith(("“", '"', "‘", "'", "(“", '("')) or index > start
        words += block.words
        if words > EPIGRAPH_WORDS or not (quoted or is_broken(block, evidence.width) or block.words <= 12):
            return start
    return start


def surely_copyright(block: Block) -> bool:
    """A rights notice, wherever it stands: the books of a collection each bring their own."""
    return block.words <= 120 and bool(_SURELY_COPYRIGHT.search(block.text))
