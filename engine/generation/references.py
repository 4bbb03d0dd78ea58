"""Footnote marks, citations, links and emphasis: out of a text before it is rewritten, and back at the right word.

What comes back are marks and the words they already stood at; no word of the rewrite is changed.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

_PERSONS = r"[A-Z][\w’'\-]+(?:,?\s(?:(?:and|&)\s)?(?:et\sal\.|[A-Z][\w’'\-.]+))*"
_WORK = rf"{_PERSONS},?\s(?:1[4-9]|20)\d\d[a-z]?(?:,\s?(?:pp?|ch|vol|fig)\.\s?\w+(?:[-–]\w+)?)?"
_MARK = re.compile(
    rf"""
    (?P<authors>\((?:(?:see|cf\.|e\.g\.,?)\s)?(?:also\s)?{_WORK}(?:;\s?{_WORK})*\)) |"""
    r"""
    (?P<code>(?P<ticks>`+)(?P<inside>[^`\n]+)(?P=ticks))
    | (?P<image>!\[[^\]]*\](?:\([^()\s]*(?:\s"[^"]*")?\)|\[[^\]]*\]))
    | (?P<note>\[\^[^\]\s]+\] | \^\[[^\]]+\])
    | (?P<citation>\[\d{1,4}(?:\s?[-–,;]\s?\d{1,4})*\](?![(]) | \[-?@[^\]]+\])
    | \[(?P<text>[^\[\]]+)\](?P<target>\([^()\s]*(?:\([^()\s]*\))?[^()\s]*(?:\s"[^"]*")?\) | \[[^\[\]^]*\])
    | (?P<url><(?:https?|mailto):[^>\s]+> | https?://[^\s<>]*[\w/#=&])
    | (?P<tag><!--.*?--> | <sup>[^<]*</sup> | </?[a-zA-Z][^<>]*>)
    | (?P<raised>(?:(?<=[^\W\d]{3})|(?<=[.,;:!?”"’)]))[¹²³⁴-⁹⁰]+)
    | (?P<emphasis>(?<![\\\w*_])(?P<stars>\*{1,3}|_{1,3})(?=[^\s*_])(?P<marked>(?:(?!(?P=stars))[^\n])+?)
      (?<=[^\s*_])(?P=stars)(?![\w*_]))
    """,
    re.VERBOSE,
)
_WORD = re.compile(r"[^\W_]+(?:['’\-][^\W_]+)*")
_END = re.compile(r"[.!?…]+[\"”’')\]]*(?=\s|$)")
_LIGHT = frozenset(
    """a an the of to in on at by for with from into and or but nor as if than that this these those it its he his him
    she her they their them we our us i my me you your is are was were be been being am do does did have has had will
    would shall should may might can could must not no so there here which who whom whose what when where""".split()
)
_LONGEST = 1_500
"""Words of a text in which words are still matched one by one; beyond it places follow from their share of the text."""


@dataclass(frozen=True, slots=True)
class Mark:
    """Something that stood in a text: around `text[start:end]`, or at one place where the two are equal."""

    start: int
    end: int
    opening: str
    closing: str
    loose: bool = False
    """Whether a space stood before it."""
    needed: bool = True
    """Whether it has to come back even where its words did not: emphasis need not."""


@dataclass(frozen=True, slots=True)
class Taken:
    """A text without its marks, and the marks."""

    text: str
    marks: tuple[Mark, ...] = ()


def take_out(text: str) -> Taken:
    """`text` in one line without its reference marks. `restore` undoes it."""
    return _taken(" ".join(text.split()))


def _taken(line: str) -> Taken:
    plain, marks, at = "", [], 0
    for found in _MARK.finditer(line):
        plain += line[at : found.start()]
        at = found.end()
        inner, opening, closing = None, "", found[0]
        if found["text"] is not None and re.search(r"\w", found["text"]):
            inner, opening, closing = found["text"], "[", f"]{found['target']}"
        elif found["emphasis"]:
            inner, opening, closing = found["marked"], found["stars"], found["stars"]
        elif found["code"] and re.fullmatch(r"[^\W\d_]{2,}(?: [^\W\d_]{2,})*", found["inside"]):
            inner, opening, closing = found["inside"], found["ticks"], found["ticks"]
        if inner is not None:
            start = len(plain)
            within = _taken(inner)
            marks += [replace(mark, start=mark.start + start, end=mark.end + start) for mark in within.marks]
            plain += within.text
            marks.append(Mark(start, len(plain), opening, closing, needed=not found["emphasis"]))
            continue
        loose = plain.endswith(" ") or not plain
        if loose and (at == len(line) or line[at] in " .,;:!?)”"):
            plain = plain.rstrip(" ")
        marks.append(Mark(len(plain), len(plain), "", closing, loose=loose))
        if not plain and line[at : at + 1] == " ":
            at += 1
    return Taken(plain + line[at:], tuple(marks))


def restore(taken: Taken) -> str:
    """The text with its marks where they were."""
    return _insert(taken.text, taken.marks)


def cut(taken: Taken, start: int, end: int) -> Taken:
    """The part of a text between two characters, with the marks that belong to it: those at its end, not its start."""

    def belongs(mark: Mark) -> bool:
        if mark.start == mark.end:
            return start < mark.end <= end or mark.end == start == 0
        return mark.start < end and start < mark.end

    marks = [
        replace(mark, start=max(mark.start, start) - start, end=min(mark.end, end) - start)
        for mark in taken.marks
        if belongs(mark)
    ]
    return Taken(taken.text[start:end], tuple(marks))


def put_in(taken: Taken, rewrite: str) -> str:
    """`rewrite`, made from the text of `taken`, with the marks at the words that answer those they stood at.

    Words are matched in order, rare ones before common ones. A mark at the end of a sentence goes to the end of the
    sentence that says the same; one at a word without an answer, between the answers of its neighbours. Emphasis
    without an answer is left out; everything else comes back.
    """
    if not taken.marks:
        return rewrite
    there = _Places(taken.text, rewrite)
    placed, last = [], 0
    for mark in taken.marks:
        if mark.start == mark.end:
            at = max(last, there.point(mark.start))
            placed.append(replace(mark, start=at, end=at))
            last = at
        elif (span := there.span(mark.start, mark.end, mark.needed)) is not None:
            placed.append(replace(mark, start=span[0], end=span[1]))
    return _insert(rewrite, _untangled(placed))


def _untangled(marks: Sequence[Mark]) -> list[Mark]:
    """`marks` without emphasis that would cross another, and with links cut back where they would overlap."""
    kept: list[Mark] = []
    for mark in sorted((mark for mark in marks if mark.start < mark.end), key=lambda mark: not mark.needed):
        crossing = any(mark.start < other.end and other.start < mark.end and not _nested(mark, other) for other in kept)
        if not crossing:
            kept.append(mark)
        elif mark.needed:
            kept.append(replace(mark, start=mark.end, opening="", closing=f" {mark.opening}…{mark.closing}"))
    points = [mark for mark in marks if mark.start == mark.end]
    return kept + points


def _nested(one: Mark, other: Mark) -> bool:
    inner, outer = sorted((one, other), key=lambda mark: mark.end - mark.start)
    same = (outer.start, outer.end) == (inner.start, inner.end)
    return outer.start <= inner.start and inner.end <= outer.end and not same


def _insert(text: str, marks: Sequence[Mark]) -> str:
    # At one place: what closes (the inner before the outer), then points, then what opens (the outer first).
    pieces: list[tuple[int, int, int, str]] = []
    for order, mark in enumerate(marks):
        if mark.start == mark.end:
            space = " " if mark.loose and mark.start and not text[: mark.start].endswith(" ") else ""
            after = " " if not mark.start and text and mark.loose else ""
            pieces.append((mark.start, 1, order, space + mark.opening + mark.closing + after))
        else:
            pieces.append((mark.end, 0, -mark.start, mark.closing))
            pieces.append((mark.start, 2, -mark.end, mark.opening))
    made, at = "", 0
    for place, _, _, piece in sorted(pieces, key=lambda piece: piece[:3]):
        made += text[at:place] + piece
        at = place
    return made + text[at:]


class _Places:
    """Which place of a rewrite answers which place of its source."""

    def __init__(self, source: str, rewrite: str) -> None:
        self.source, self.rewrite = source, rewrite
        self.mine = [(found.start(), found.end()) for found in _WORD.finditer(source)]
        self.theirs = [(found.start(), found.end()) for found in _WORD.finditer(rewrite)]
        mine = [_key(source[start:end]) for start, end in self.mine]
        theirs = [_key(rewrite[start:end]) for start, end in self.theirs]
        self.weights = [_weight(word) for word in mine]
        small = max(len(mine), len(theirs)) <= _LONGEST
        self.pairs = dict(_matched(mine, theirs, self.weights)) if small else {}
        self.moved = _moved(mine, theirs, self.weights, self.pairs)
        self.ends = [found.end() for found in _END.finditer(rewrite)]
        self.own_ends = [found.end() for found in _END.finditer(source)]

    def point(self, at: int) -> int:
        """The place in the rewrite for a mark that stood before character `at`."""
        if not self.theirs:
            return len(self.rewrite)
        if at == 0:
            return 0
        after_stop = any(end == at for end in self.own_ends)
        if after_stop or re.match(r"[.!?…]+[\"”’')\]]*(?=\s|$)", self.source[at:]):
            end = self._sentence_end(at)
            return end if after_stop else len(self.rewrite[:end].rstrip(".!?…\"”’')]"))
        word = bisect_right([start for start, _ in self.mine], at - 1) - 1
        if word < 0:
            return 0
        place = self.theirs[self._answer(word)][1]
        # After the comma where it stood after one.
        if self.source[at - 1] in ",;:" and self.rewrite[place : place + 1] in {",", ";", ":"}:
            place += 1
        return place

    def span(self, start: int, end: int, needed: bool) -> tuple[int, int] | None:
        """The stretch of the rewrite that answers `source[start:end]`; None if it must not be guessed."""
        words = [number for number, (a, b) in enumerate(self.mine) if a < end and start < b]
        found = {**self.moved, **self.pairs}
        answers = [found[word] for word in words if word in found]
        if answers and max(answers) - min(answers) >= len(words) + 1:
            answers = [found[word] for word in words if word in found and self.weights[word] >= 1] or answers
        if answers and max(answers) - min(answers) <= 2 * len(words):
            first, last = min(answers), max(answers)
        elif not needed:
            return None
        elif not self.theirs or not words:
            return len(self.rewrite), len(self.rewrite)
        else:
            first = last = self._answer(words[-1])
        return self.theirs[first][0], self.theirs[last][1]

    def _answer(self, word: int) -> int:
        """Number of the rewrite's word that answers the source's: its match, or a word between its neighbours'."""
        if word in self.pairs or word in self.moved:
            return self.pairs.get(word, self.moved.get(word, 0))
        before = max((known for known in self.pairs if known < word), default=-1)
        after = min((known for known in self.pairs if known > word), default=len(self.mine))
        low = self.pairs.get(before, -1)
        high = self.pairs.get(after, len(self.theirs))
        guess = low + round((high - low) * (word - before) / (after - before))
        guess = min(max(guess, 0, low), len(self.theirs) - 1)
        while guess + 1 < high and self.rewrite[slice(*self.theirs[guess])].lower() in _LIGHT:
            guess += 1  # never between an article and its noun
        while guess - 1 > low and self.rewrite[slice(*self.theirs[guess])].lower() in _LIGHT:
            guess -= 1
        return min(guess, len(self.theirs) - 1)

    def _sentence_end(self, at: int) -> int:
        """End of the rewrite's sentence that says most of what the source's sentence before `at` says."""
        ends = self.ends if self.ends and self.ends[-1] >= self.theirs[-1][1] else [*self.ends, len(self.rewrite)]
        begin = max((end for end in self.own_ends if end < at), default=0)
        words = [number for number, (a, _) in enumerate(self.mine) if begin <= a < at]
        score: dict[int, float] = {}
        for word in words:
            if word in self.pairs:
                sentence = bisect_right(ends, self.theirs[self.pairs[word]][0])
                score[sentence] = score.get(sentence, 0.0) + self.weights[word]
        if score and max(score.values()) >= 1:
            # Where the sentence was divided, its mark goes to the last part that holds a good deal of it.
            good = max(score.values()) * 0.6
            return ends[min(max(sentence for sentence, found in score.items() if found >= good), len(ends) - 1)]
        share = at / max(len(self.source), 1) * len(self.rewrite)
        return min(ends, key=lambda end: abs(end - share))


def _key(word: str) -> str:
    low = re.sub(r"['’]s$", "", word.lower())
    for ending in ("ing", "ed", "es", "ly", "s"):
        if low.endswith(ending) and len(low) - len(ending) >= 4:
            return low[: -len(ending)].rstrip("e")
    return low.rstrip("e") if len(low) > 4 else low


def _weight(word: str) -> float:
    return 0.2 if word in _LIGHT else 1.0 + min(len(word), 10) / 10


def _matched(mine: Sequence[str], theirs: Sequence[str], weights: Sequence[float]) -> list[tuple[int, int]]:
    """Pairs of equal words in order, of the greatest weight together (a weighted longest common subsequence)."""
    width = len(theirs) + 1
    table = [[0.0] * width]
    for word, weight in zip(mine, weights, strict=True):
        above, row = table[-1], [0.0] * width
        for column, other in enumerate(theirs, 1):
            best = max(above[column], row[column - 1])
            row[column] = max(best, above[column - 1] + weight) if word == other else best
        table.append(row)
    pairs, row_number, column = [], len(mine), len(theirs)
    while row_number and column:
        here = table[row_number][column]
        if here == table[row_number - 1][column]:
            row_number -= 1
        elif here == table[row_number][column - 1]:
            column -= 1
        else:
            row_number, column = row_number - 1, column - 1
            pairs.append((row_number, column))
    pairs.reverse()
    return [pair for pair, keep in zip(pairs, _trusted(pairs, weights), strict=True) if keep]


def _moved(
    mine: Sequence[str], theirs: Sequence[str], weights: Sequence[float], pairs: Mapping[int, int]
) -> dict[int, int]:
    """Words that stand elsewhere in the other text: only such as both have once."""
    once = {word: at for at, word in enumerate(theirs) if theirs.count(word) == 1}
    return {
        at: once[word]
        for at, (word, weight) in enumerate(zip(mine, weights, strict=True))
        if at not in pairs and weight >= 1 and word in once and mine.count(word) == 1
    }


def _trusted(pairs: Sequence[tuple[int, int]], weights: Sequence[float]) -> list[bool]:
    """Small words count only beside another match: "the" answers "the" anywhere."""
    following = [(b[0] - a[0], b[1] - a[1]) == (1, 1) for a, b in pairwise(pairs)]
    return [
        weights[mine] >= 1 or (number > 0 and following[number - 1]) or (number < len(following) and following[number])
        for number, (mine, _) in enumerate(pairs)
    ]
