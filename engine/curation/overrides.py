"""What the user decided against curation: texts to keep that it takes out, and texts to drop that it keeps.

A decision is remembered by the text itself, so that it holds when thresholds, settings or other parts of the files
change. The decisions lie beside the corpus, one a line, in the order they were made.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import accumulate
from pathlib import Path
from typing import Literal

import msgspec

from engine.atomic import write_bytes
from engine.curation.headings import CHAPTER
from engine.curation.pieces import Paragraph, Removal, count_words
from engine.curation.sentences import count_sentences
from engine.errors import StyloraError

DROPPED = "dropped by you"
_PREFIX = 24  # characters by which a text is looked for at the beginning of every word
_WORD = re.compile(r"\S+")

Action = Literal["keep", "drop", "reset"]


class Override(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A decision on `text`, which had been removed for `reason` (empty: it was in the corpus). ``reset`` takes back
    what was decided on the same text before."""

    action: Action
    id: str
    text: str
    reason: str = ""
    source: str = ""
    line: int = 0


def plain_text(text: str) -> str:
    """`text` with its white space made single spaces: what ids and comparisons are about."""
    return " ".join(text.split())


def text_id(text: str) -> str:
    """First 12 hex digits of the SHA-256 of `text`, white space aside; for a passage, its id."""
    return hashlib.sha256(plain_text(text).encode()).hexdigest()[:12]


def overrides_path(corpus: Path) -> Path:
    """Where the decisions on a corpus lie: ``styles/x.overrides.jsonl`` for ``styles/x.txt``."""
    return corpus.with_name(f"{corpus.stem}.overrides.jsonl")


def read_history(corpus: Path) -> list[Override]:
    """Every decision on the corpus, oldest first; none where there is no file.

    Raises `StyloraError` for a file that cannot be read or is damaged: decisions are never passed over silently.
    """
    path = overrides_path(corpus)
    try:
        rows = path.read_bytes().splitlines()
    except FileNotFoundError:
        return []
    except OSError as error:
        raise StyloraError(f"{path}: cannot be read ({error.strerror}); check its permissions") from None
    history = []
    for number, row in enumerate(rows, 1):
        try:
            history.append(msgspec.json.decode(row, type=Override))
        except (msgspec.MsgspecError, UnicodeDecodeError) as error:
            raise StyloraError(f"{path}, line {number}: {error}; mend or delete the line") from None
    return history


def write_history(corpus: Path, history: Sequence[Override]) -> None:
    """Write the decisions, whole or not at all; without any the file goes away."""
    path = overrides_path(corpus)
    if history:
        write_bytes(path, b"".join(msgspec.json.encode(row) + b"\n" for row in history))
    else:
        path.unlink(missing_ok=True)


def standing(history: Iterable[Override]) -> dict[str, Override]:
    """The decisions that hold, by id: the latest on each text, those taken back left out."""
    latest: dict[str, Override] = {}
    for row in history:
        latest.pop(row.id, None)
        if row.action != "reset":
            latest[row.id] = row
    return latest


def digest(decisions: dict[str, Override]) -> str:
    """First 12 hex digits of a SHA-256 that tells one set of decisions from another; empty for none."""
    told = "\n".join(f"{one.action} {name}" for name, one in sorted(decisions.items()))
    return hashlib.sha256(told.encode()).hexdigest()[:12] if told else ""


@dataclass
class Decisions:
    """The decisions that hold while a corpus is made. `met` are the ids of those that found their text.

    What cleaning takes out is asked for by `keeps`; spans of prose are found by `applied`.
    """

    by_id: dict[str, Override]
    met: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        self._keeps = {name for name, one in self.by_id.items() if one.action == "keep"}
        self._starts: dict[str, list[Override]] = {}
        for one in self.by_id.values():
            text = plain_text(one.text)
            if text:
                self._starts.setdefault(text[:_PREFIX], []).append(one)
        for alike in self._starts.values():
            alike.sort(key=lambda one: -len(one.text))  # the longest that fits is the one that was meant
        self._lengths = sorted({len(start) for start in self._starts}, reverse=True)

    def keeps(self, text: str) -> bool:
        """Whether the user wants `text` kept, which is about to be taken out."""
        if not self._keeps:
            return False
        name = text_id(text)
        if name not in self._keeps:
            return False
        self.met.add(name)
        return True

    def applied(self, paragraphs: Sequence[Paragraph]) -> list[Paragraph | Removal]:
        """`paragraphs` with the spans that were decided on apart: dropped ones as removals, kept ones as paragraphs
        of their own. Nothing is joined across either, but for a chapter's title that is kept: it begins its chapter."""
        if not self._starts:
            return list(paragraphs)
        starts = list(accumulate((len(paragraph.text) + 1 for paragraph in paragraphs), initial=0))
        joined = "".join(("\n" if paragraph.opens else " ") + paragraph.text for paragraph in paragraphs)
        spans = list(self._spans(joined[1:]))
        if not spans:
            return list(paragraphs)
        return list(_parted(paragraphs, starts[:-1], spans))

    def _spans(self, text: str) -> Iterator[tuple[int, int, Override]]:
        free = 0
        for word in _WORD.finditer(text):
            start = word.start()
            if start < free:
                continue
            for length in self._lengths:
                for one in self._starts.get(text[start : start + length], ()):
                    wanted = plain_text(one.text)
                    end = start + len(wanted)
                    if text.startswith(wanted, start) and (end == len(text) or text[end].isspace()):
                        self.met.add(one.id)
                        free = end
                        yield start, end, one
                        break
                if free > start:
                    break

    def unmatched(self) -> list[str]:
        """Ids of the decisions whose text was not met, in the order they were made."""
        return [name for name in self.by_id if name not in self.met]


def _parted(
    paragraphs: Sequence[Paragraph], starts: Sequence[int], spans: Sequence[tuple[int, int, Override]]
) -> Iterator[Paragraph | Removal]:
    waiting = list(spans)[::-1]
    opens = False
    for paragraph, start in zip(paragraphs, starts, strict=True):
        at, end = start, start + len(paragraph.text)
        while waiting and waiting[-1][0] < end:
            first, last, one = waiting[-1]
            if first > at:
                yield _part(paragraph, paragraph.text[at - start : first - start], opens or at > start)
            if first >= start:  # told once, where it begins
                whole = plain_text(one.text)
                if one.action == "drop":
                    yield Removal(DROPPED, paragraph.source, paragraph.line, whole, count_words(whole))
                else:
                    yield replace(_part(paragraph, whole, True), kept=True)
            at, opens = min(last + 1, end), one.action == "drop" or one.reason != CHAPTER
            if last > end:
                break
            waiting.pop()
        if at < end:
            yield _part(paragraph, paragraph.text[at - start :], opens or at > start)
            opens = False


def _part(paragraph: Paragraph, text: str, opens: bool) -> Paragraph:
    text = text.strip()
    return replace(
        paragraph,
        text=text,
        words=count_words(text),
        sentences=count_sentences(text),
        opens=opens or paragraph.opens,
    )
