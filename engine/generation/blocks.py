"""A document as blocks: paragraphs of prose, and everything else, which is passed on as it is to the byte."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Callable
from dataclasses import dataclass

from engine.generation.references import take_out

SHORTEST = 5
"""Words a paragraph needs to be rewritten: a heading or a date says nothing in anybody's voice."""
UNENDED = 12
"""Words it needs where it does not end like a sentence: a title does not."""
_LONG_LINE = 160
"""Characters from which a line is a paragraph by itself, not part of one that somebody wrapped."""
_VERSE = 48
"""Characters of a line below which it may be one of verse or of an address."""
_LONG_WORD, _MEAN_WORD = 150, 20
"""Characters of the longest word of prose, and of its mean one: beyond them it is a key, a dump or a code."""

_FENCE = re.compile(r" {0,3}(`{3,}|~{3,})")
_HEADING = re.compile(r" {0,3}#{1,6}(?:\s|$)")
_UNDERLINE = re.compile(r" {0,3}(?:=+|-+)\s*$")
_RULE = re.compile(r"\s*(?:[-*_=~•]\s*){3,}$")
_ITEM = re.compile(r"\s*(?:[-*+•‣]|\(?(?:\d{1,3}|[a-z]|[ivx]{1,4})[.)])\s+")
_QUOTE = re.compile(r" {0,3}>")
_DEFINITION = re.compile(r" {0,3}(?:\[[^\]]+\]:|:)\s")
_DIRECTIVE = re.compile(r" {0,3}(?::::|!!!\s|\?\?\?\+?\s|\{[%{#<]|<%)")
_TAG = re.compile(r" {0,3}<(?!https?:|mailto:)[!/?a-zA-Z]")
_VERBATIM = re.compile(r" {0,3}<(pre|script|style|textarea)\b", re.IGNORECASE)
_TABLE = re.compile(r"\s*\|.*\|\s*$|\s*[+|][-=+:| ]{3,}$|[\s|:]*-{3,}(?:[\s|:]+-{3,})+[\s|:]*$")
_BREAKING = re.compile(
    r" {0,3}(?:[-*+•‣]\s+\S|1[.)]\s+\S|>|\|.*\|\s*$|<!--|\$\$\s*$|</?(?:div|table|details|summary|ul|ol|dl|hr|p)\b)"
)
"""What ends a paragraph without a blank line before it. As in Markdown a number does only where a list begins."""
_OPENING = re.compile(r"\n(\s*)([-+*•‣>]|#{1,6}|1[.)]) ")
"""What a wrapped line must not begin with, or it begins a list, a quotation or a heading."""
_COLUMNS = re.compile(r"\S(?:\t| {3,})\S")
_INDENTED = re.compile(r"(?: {4}|\t)")
_ENDED = re.compile(r"[.!?…:;—][\"'”’)\]*_]*\s*$")
_HARD_BREAK = re.compile(r"\S(?:  +|\\)$")


@dataclass(frozen=True)
class Block:
    """A stretch of a document. The blocks' `text` and `after` put together are the document."""

    text: str
    after: str
    """The line ends and blank lines that follow."""
    prose: bool

    def with_text(self, rewritten: str) -> str:
        """`rewritten`, laid out as this block was: its indent, and lines as long as its own if it was wrapped."""
        lines = self.text.split("\n")
        indent = re.match(r"\s*", self.text)[0]  # type: ignore[index]
        if len(lines) == 1:
            return indent + rewritten
        following = re.match(r"\s*", lines[1])[0]  # type: ignore[index]
        filled = textwrap.fill(
            rewritten,
            width=max(map(len, lines)),
            initial_indent=indent,
            subsequent_indent=following,
            break_long_words=False,
            break_on_hyphens=False,
        )
        return _OPENING.sub(r" \2\n\1", filled)


def parse(text: str, *, markdown: bool = False) -> list[Block]:
    """The blocks of `text`, whose lines end in a plain line feed.

    Headings, code, tables, lists, quotations, verse, definitions and paragraphs of fewer than `SHORTEST` words are
    not prose. `markdown` takes what is indented by four spaces for code; in plain text it is a paragraph.
    """
    lines = text.split("\n")
    groups: list[tuple[int, int, bool]] = []
    at = _front_matter(lines)
    if at:
        groups.append((0, at, False))
    listed = False
    while at < len(lines):
        if not lines[at].strip():
            at += 1
            continue
        end, fixed = _group(lines, at)
        inside = listed and lines[at].startswith((" ", "\t"))
        listed = inside or bool(_ITEM.match(lines[at]) or _DEFINITION.match(lines[at]))
        fixed = fixed or inside or (markdown and all(_INDENTED.match(line) for line in lines[at:end]))
        if not fixed and any(len(line) > _LONG_LINE for line in lines[at:end]):
            groups += [(number, number + 1, _is_prose(lines[number : number + 1])) for number in range(at, end)]
        else:
            groups.append((at, end, not fixed and _is_prose(lines[at:end])))
        at = end
    starts = [0]
    for line in lines:
        starts.append(starts[-1] + len(line) + 1)
    blocks = []
    if groups and groups[0][0] > 0:
        blocks.append(Block("", text[: starts[groups[0][0]]], False))
    for number, (first, last, prose) in enumerate(groups):
        following = starts[groups[number + 1][0]] if number + 1 < len(groups) else len(text)
        end = starts[last] - 1
        blocks.append(Block(text[starts[first] : end], text[end:following], prose))
    return blocks or [Block("", text, False)]


def verbatim(text: str) -> bool:
    """Whether a block is code, a table or front matter: nobody wants it rewritten, even where there is nothing else."""
    lines = text.split("\n")
    marks = (_FENCE, _VERBATIM, _DIRECTIVE)
    return any(mark.match(lines[0]) for mark in marks) or bool(_front_matter(lines)) or _is_table(lines)


def _front_matter(lines: list[str]) -> int:
    if lines[0].rstrip() not in {"---", "+++"}:
        return 0
    end = next((number for number, line in enumerate(lines[1:], 1) if line.rstrip() == lines[0].rstrip()), 0)
    return end + 1 if end and any(re.match(r"\s*[\w-]+\s*[:=]", line) for line in lines[1:end]) else 0


def _group(lines: list[str], at: int) -> tuple[int, bool]:
    """Where the block that begins at line `at` ends, and whether its kind alone says that it is not prose."""
    if fence := _FENCE.match(lines[at]):
        closing = re.compile(rf" {{0,3}}{re.escape(fence[1])}{re.escape(fence[1][0])}*\s*$")
        return _through(lines, at + 1, lambda line: bool(closing.match(line))), True
    if lines[at].strip() == "$$":
        return _through(lines, at + 1, lambda line: line.strip() == "$$"), True
    if lines[at].lstrip().startswith("<!--"):
        return _through(lines, at, lambda line: "-->" in line), True
    if verbatim := _VERBATIM.match(lines[at]):
        return _through(lines, at, lambda line: f"</{verbatim[1].lower()}" in line.lower()), True
    if _HEADING.match(lines[at]):
        return at + 1, True
    if _RULE.match(lines[at]):
        end = next((number for number in range(at, len(lines)) if not lines[number].strip()), len(lines))
        tabular = any(_RULE.match(line) or _TABLE.match(line) or _COLUMNS.search(line) for line in lines[at + 1 : end])
        return end if tabular else at + 1, True
    fixed = any(mark.match(lines[at]) for mark in (_ITEM, _QUOTE, _DEFINITION, _DIRECTIVE, _TAG, _TABLE))
    if not fixed and at + 1 < len(lines) and _UNDERLINE.match(lines[at + 1]):
        return at + 2, True
    end = at + 1
    while end < len(lines) and lines[end].strip() and not _ends_before(lines[end], fixed):
        end += 1
    return end, fixed or _is_table(lines[at:end])


def _through(lines: list[str], start: int, last: Callable[[str], bool]) -> int:
    """Behind the first line from `start` that is the `last` one of its block, or behind all."""
    return next((number for number in range(start, len(lines)) if last(lines[number])), len(lines) - 1) + 1


def _ends_before(line: str, fixed: bool) -> bool:
    """Whether a block ends where `line` begins; in one that is not prose, only what nothing can hold ends it."""
    if _FENCE.match(line) or _HEADING.match(line):
        return True
    return not fixed and any(mark.match(line) for mark in (_BREAKING, _RULE, _DEFINITION, _DIRECTIVE))


def _is_table(lines: list[str]) -> bool:
    if any(_TABLE.match(line) for line in lines):
        return True
    return len(lines) > 1 and sum(bool(_COLUMNS.search(line)) for line in lines) > len(lines) / 2


def _is_prose(lines: list[str]) -> bool:
    text = take_out(" ".join(lines)).text
    words = [word for word in text.split() if any(letter.isalnum() for letter in word)]
    if len(words) < (SHORTEST if _ENDED.search(text) else UNENDED):
        return False
    letters = [letter for word in words for letter in word if letter.isalpha()]
    if sum(letter.isupper() for letter in letters) >= 0.7 * len(letters):  # capitals, or figures alone
        return False
    if max(map(len, words)) > _LONG_WORD or sum(map(len, words)) > _MEAN_WORD * len(words):
        return False
    if any(_HARD_BREAK.search(line) for line in lines[:-1]):
        return False
    return not _is_verse([line.strip() for line in lines])


def _is_verse(lines: list[str]) -> bool:
    """Whether most of at least three lines are short, and begin or end as lines of verse do."""
    half = len(lines) / 2
    ended = sum(line.endswith((",", ".", ";", ":", "!", "?", "—")) for line in lines)
    opened = sum(line[:1].isupper() for line in lines)
    return len(lines) > 2 and sum(len(line) < _VERSE for line in lines) > half and max(ended, opened) > half
