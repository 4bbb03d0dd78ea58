"""From a source's lines to paragraphs of prose, with a record of everything that is not in them.

A source is worked through in stretches of bounded length, so that memory does not grow with the file.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from engine.curation.headings import ORNAMENT, is_broken
from engine.curation.joining import append, interrupted, joined, plain
from engine.curation.labels import bracketed, speeches, without_labels
from engine.curation.layout import Evidence, blocks, ended, study
from engine.curation.matter import judge
from engine.curation.notes import label, mark_notes, without_marks
from engine.curation.openings import surely_copyright
from engine.curation.overrides import Decisions
from engine.curation.pieces import Block, Line, Paragraph, Removal, count_words, whole
from engine.curation.reading import Source
from engine.curation.sentences import count_sentences

STRETCH = 2_000_000  # characters cleaned at once: about 350,000 words; most books are one stretch
_THROUGH = frozenset(("footnote", "illustration", "rule"))  # a paragraph may go on behind these
_KEEPS_TOGETHER = _THROUGH | {"footnote mark", "page number", "running head"}


@dataclass
class Cleaned:
    """What came of one source beside its paragraphs, filled in while they are made."""

    words: int = 0
    healed: Counter[str] = field(default_factory=Counter)
    decisions: Decisions = field(default_factory=lambda: Decisions({}))
    """What the user wants kept."""


def clean(source: Source, name: str, cleaned: Cleaned) -> Iterator[list[Paragraph | Removal]]:
    """Paragraphs and removals of `source` in reading order, a list for each stretch of it.

    `name` is what records call the source. Every word of the source is in one of the two, but for the page
    turns and line ends that `cleaned.healed` counts.
    """
    evidence = study(source)
    cleaned.words += evidence.words
    carried: str | None = None
    heads_met: set[str] = set()
    for lines in _stretches(source.lines()):
        removed: list[Removal] = []
        keeps = cleaned.decisions.keeps
        found = list(blocks(lines, evidence, name, removed, heads_met, keeps))
        reasons, kinds, carried = judge(found, evidence, carried)
        mark_notes(found, reasons)
        _judge_shapes(found, kinds, reasons, evidence)
        scenes = speeches(found, reasons)
        bracketed(found, scenes, reasons)
        wanted = {index for index, block in enumerate(found) if reasons[index] and keeps(whole(block.lines))}
        reasons = ["" if index in wanted else reason for index, reason in enumerate(reasons)]
        kept = _paragraphs(found, reasons, scenes, wanted, evidence, name, cleaned, removed)
        yield sorted([*kept, *removed], key=lambda piece: piece.line)


def _stretches(lines: Iterable[Line]) -> Iterator[list[Line]]:
    """Runs of about `STRETCH` characters that end between paragraphs."""
    stretch: list[Line] = []
    size = 0
    text = ""
    for line in lines:
        boundary = not line.text.strip() and ended(text)
        if stretch and (size > 2 * STRETCH or (size > STRETCH and boundary)):
            yield stretch
            stretch, size = [], 0
        stretch.append(line)
        size += len(line.text)
        text = line.text.strip() or text
    if stretch:
        yield stretch


def _judge_shapes(found: Sequence[Block], kinds: Sequence[str], reasons: list[str], evidence: Evidence) -> None:
    """What is not prose by its shape: ornaments, verse, lists, tables, and lines that are no sentence."""
    for index, block in enumerate(found):
        if reasons[index]:
            continue
        text = block.text
        if ORNAMENT.match(text):
            after = reasons[index + 1] if index + 1 < len(found) else ""
            reasons[index] = "rule" if after == "footnote" and text[0] in "_—–-" else "scene break"
        elif surely_copyright(block):
            reasons[index] = "copyright"
        elif len(block.lines) >= 2 and _is_table(block):
            reasons[index] = "table"
        elif is_broken(block, evidence.width):
            reasons[index] = _broken_kind(block)
        elif re.match(r"^(?:[•◦▪‣·*+-]\s|\(?\d{1,3}\)\s)", text) and block.words < 40:
            reasons[index] = "list"
        elif block.words <= 20 and not _sentence(text) and not _goes_on(found, index, evidence):
            reasons[index] = "stray line"
    _spread_strays(found, reasons)


def _goes_on(found: Sequence[Block], index: int, evidence: Evidence) -> bool:
    """Whether a block that stops in mid-sentence does so because its page ends, or because someone speaks or is
    quoted next."""
    if index + 1 == len(found):
        return False
    block, after = found[index], found[index + 1]
    small = len(re.findall(r"(?<![\w’'])[a-z]+", block.text))
    if block.words >= 12 and small * 2 > block.words and not re.search(r"\d", block.text):
        return True
    if block.words >= 10 and block.text.endswith(",") and after.text[0] in "“\"‘'":
        return True
    full = evidence.width and len(block.lines[-1].text.rstrip()) > 0.8 * evidence.width
    return bool(full) and (after.turned or block.words > 12)


def _is_table(block: Block) -> bool:
    columns = sum(bool(re.search(r"\S {3,}\S|\S\s*\|\s*\S", line.text)) for line in block.lines)
    return columns * 2 > len(block.lines)


def _broken_kind(block: Block) -> str:
    rows = [line.text.strip() for line in block.lines]
    if sum(bool(re.match(r"(?:[•◦▪‣·*+-]|\(?\w{1,3}[.)])\s", row)) for row in rows) * 2 > len(rows):
        return "list"
    if len(rows) >= 3 or not ended(rows[-1]):
        return "verse" if sum(count_words(row) >= 4 for row in rows) * 2 > len(rows) else "stray line"
    return ""


def _sentence(text: str) -> bool:
    """Whether a short line is a sentence, or leads in to one: it stops like one and has a word in small letters."""
    stops = ended(text) or text.endswith((":", ";", "—", "–", "--", "-"))
    spoken = text[0] in "“\"‘'—" or text[-1] in "?!"
    return stops and (spoken or bool(re.search(r"(?<![\w’'])[a-z]{2,}", text)))


def _spread_strays(found: Sequence[Block], reasons: list[str]) -> None:
    """Short lines beside strays are strays too: a line between two, a salutation or a closing that stops at no
    sentence's end, the last line of verse set as paragraphs."""
    for index, block in enumerate(found):
        if reasons[index] or block.words > 10:
            continue
        before = index > 0 and reasons[index - 1] == "stray line"
        after = index + 1 < len(found) and reasons[index + 1] == "stray line"
        formula = block.words <= 6 and not ended(block.text)
        if (before and (after or _runs_on(found, reasons, index - 1))) or (formula and (before or after)):
            reasons[index] = "stray line"


def _runs_on(found: Sequence[Block], reasons: Sequence[str], index: int) -> bool:
    """Whether a stray looks like verse that the next block ends."""
    block = found[index]
    if block.words < 3 or ended(block.text):
        return False
    return block.text[-1] in ",;" or (index > 0 and reasons[index - 1] == "stray line" and block.words >= 5)


def _paragraphs(
    found: Sequence[Block],
    reasons: Sequence[str],
    scenes: set[int],
    wanted: set[int],
    evidence: Evidence,
    source: str,
    cleaned: Cleaned,
    removed: list[Removal],
) -> Iterator[Paragraph]:
    healed, keeps = cleaned.healed, cleaned.decisions.keeps
    numbered = frozenset(label(block) for block, reason in zip(found, reasons, strict=True) if reason == "footnote") - {
        ""
    }
    text = ""
    start = 0
    last: Block | None = None
    opens = True
    page = note = barred = speech = kept = False

    def finished() -> Iterator[Paragraph]:
        # Of a text that is wanted, the heading in it is too.
        whole_text, labels = without_labels(plain(text, healed), (lambda _: True) if kept else keeps, speech=speech)
        whole_text, marks = without_marks(whole_text, numbered, keeps)
        removed.extend(Removal(reason, source, start, mark, words) for reason, mark, words in [*labels, *marks])
        whole_text = " ".join(whole_text.split())
        if whole_text:
            words, ends = count_words(whole_text), count_sentences(whole_text)
            yield Paragraph(whole_text, source, start, words, ends, opens, kept)

    for index, (block, reason) in enumerate(zip(found, reasons, strict=True)):
        page = page or block.turned
        if reason:
            removed.append(Removal(reason, source, block.number, whole(block.lines), block.words))
            note = note or reason in _THROUGH
            barred = barred or reason not in _KEEPS_TOGETHER
            continue
        alone = kept or index in wanted
        if (
            last is not None
            and not (barred or alone)
            and interrupted(last, text, block, evidence, page=page, note=note)
        ):
            healed["interrupted paragraphs"] += 1
            text = append(text, joined(block.lines, evidence, healed), evidence, healed)
        else:
            if last is not None:
                yield from finished()
                opens = barred
            text, start = joined(block.lines, evidence, healed), block.number
            speech, kept = index in scenes, index in wanted
        last, page, note, barred = block, False, False, False
    if last is not None:
        yield from finished()
