"""What the reading of a corpus brings in: passages and removals on their way to disk.

Texts wait in temporary files; of each passage a few bytes stay in memory, so that ten million words fit.
"""

from __future__ import annotations

import hashlib
from collections import Counter, deque
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from tempfile import TemporaryFile
from types import TracebackType
from typing import NamedTuple

import msgspec

from engine.atomic import atomic_path
from engine.curation.cleaning import Cleaned, clean
from engine.curation.corpus import (
    FORMAT,
    MIN_PASSAGES,
    Decided,
    Header,
    Input,
    KeptRow,
    RemovedRow,
    Threshold,
    passage_id,
    record_path,
)
from engine.curation.diversity import Wordings
from engine.curation.duplicates import Sketches
from engine.curation.overrides import Decisions, digest
from engine.curation.passages import cut_passages, overlapping
from engine.curation.pieces import BEYOND, Candidate, Paragraph, Removal, Tally
from engine.curation.quality import fault
from engine.curation.reading import read
from engine.curation.tongues import language, script
from engine.errors import StyloraError
from engine.progress import Progress, Report

CountTokens = Callable[[list[str]], list[int]]

THRESHOLDS = (20, 30, 40, 60, 80, 100, 150)
TOKENS_PER_WORD = 1.35  # the estimate where no tokenizer counts: English prose under byte-level BPE
_BATCH = 256
_SENTENCE_ROOM = 45  # words of a passage left free for each sentence it may borrow; nine of ten are shorter


class _Row(NamedTuple):
    offset: int
    size: int
    id: str
    source: str
    line: int
    words: int
    chain: str
    borrowed: int
    kept: bool


class Harvest:
    """Passages that passed every gate, in reading order, and the record of what did not. Use it as a context."""

    def __init__(
        self,
        *,
        count_tokens: CountTokens | None,
        min_words: int,
        max_words: int,
        overlap: int,
        decisions: Decisions,
        seed: int,
    ) -> None:
        self.count_tokens = count_tokens
        self.decisions = decisions
        self.min_words = min_words
        self.max_words = max_words
        self.overlap = overlap
        self.tokens: list[int] = []
        self._rows: list[_Row] = []
        self._inputs: list[Input] = []
        self._removed: dict[str, Tally] = {}
        self._dropped: dict[str, Tally] = {}
        self._healed: Counter[str] = Counter()
        self._costs: dict[int, Tally] = {}
        self._waiting: list[Candidate] = []
        self._foreign: deque[str] = deque(maxlen=20)  # some of what may not be English, to tell what it is
        self._sketches = Sketches(seed)
        self._texts = TemporaryFile()  # noqa: SIM115 (closed when the harvest is)
        self._removals = TemporaryFile()  # noqa: SIM115

    def __enter__(self) -> Harvest:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._texts.close()
        self._removals.close()

    def take(self, path: Path, name: str, report: Report, index: int, total: int) -> None:
        """Bring in the file `path`, number `index` of `total`, which records call `name`."""
        source = read(path)
        cleaned = Cleaned(healed=self._healed, decisions=self.decisions)
        for pieces in clean(source, name, cleaned):
            report(Progress("clean", index, total, values={"source": name, "passages": len(self._rows)}))
            decided = self.decisions.applied([piece for piece in pieces if isinstance(piece, Paragraph)])
            for piece in [*pieces, *decided]:
                if isinstance(piece, Removal):
                    self._remove(self._removed, piece)
            self._cut([piece for piece in decided if isinstance(piece, Paragraph)])
        self._inputs.append(Input(name, source.sha256, cleaned.words))
        report(Progress("clean", index + 1, total, f"{name}: {cleaned.words:,} words"))

    def _cut(self, paragraphs: list[Paragraph]) -> None:
        for least in sorted({*THRESHOLDS, self.min_words}):
            cost = self._costs.setdefault(least, Tally())
            for candidate in cut_passages(paragraphs, least, max(self.max_words, 2 * least)):
                if candidate.words >= least:
                    cost.add(candidate.words)
        # Where passages overlap, what they are cut to leaves room for the sentences they borrow.
        most = max(self.max_words - self.overlap * _SENTENCE_ROOM, self.min_words, self.max_words // 2)
        for candidate in overlapping(cut_passages(paragraphs, self.min_words, most), self.overlap, self.max_words):
            reason = "" if candidate.kept else fault(candidate, self.min_words)
            if reason:
                self._drop(reason, candidate)
                continue
            self._waiting.append(candidate)
            if len(self._waiting) >= _BATCH:
                self._flush()

    def _flush(self) -> None:
        """Sketch and count the passages that wait for company: both are cheaper by the batch."""
        batch, self._waiting = self._waiting, []
        texts = [candidate.text for candidate in batch]
        if not texts:
            return
        self._sketches.add(texts)
        if self.count_tokens:
            counts = self.count_tokens(texts)
        else:
            counts = [round(candidate.words * TOKENS_PER_WORD) for candidate in batch]
        for candidate, count in zip(batch, counts, strict=True):
            data = candidate.text.encode()
            name = passage_id(candidate.text)
            before = self._rows[-1] if self._rows else None
            chain = (before.chain or before.id) if before and candidate.borrowed else ""
            place = (self._texts.tell(), len(data), name, candidate.source, candidate.line, candidate.words)
            self._rows.append(_Row(*place, chain, candidate.borrowed, candidate.kept))
            self._texts.write(data)
            self.tokens.append(count)

    def settle(self) -> None:
        """All is in: drop what is nearly the same as a passage before it, and note the wording of the rest."""
        self._flush()
        repeats = {index for index in self._sketches.repeats() if not self._rows[index].kept}
        for index in sorted(repeats):
            self._drop_row("near-duplicate", index)
        self._rows = [row for index, row in enumerate(self._rows) if index not in repeats]
        self.tokens = [count for index, count in enumerate(self.tokens) if index not in repeats]

    def wordings(self) -> Wordings:
        """The distinct words of every passage, read back from disk."""
        found = Wordings()
        for index in range(len(self._rows)):
            found.add(self.text(index))
        return found

    def _drop_row(self, reason: str, index: int) -> None:
        row = self._rows[index]
        self._drop(reason, Candidate(self.text(index), row.source, row.line, row.words, 0))

    def _drop(self, reason: str, candidate: Candidate) -> None:
        self._remove(self._dropped, Removal(reason, candidate.source, candidate.line, candidate.text, candidate.words))

    def _remove(self, tallies: dict[str, Tally], removal: Removal) -> None:
        tallies.setdefault(removal.reason, Tally()).add(removal.words)
        if removal.reason == "not English" or not removal.text[:200].isascii():
            self._foreign.append(removal.text[:2000])
        row = RemovedRow(removal.reason, removal.source, removal.line, removal.words, removal.text)
        self._removals.write(msgspec.json.encode(row) + b"\n")

    @property
    def words_in(self) -> int:
        return sum(read_in.words for read_in in self._inputs)

    def text(self, index: int) -> str:
        row = self._rows[index]
        self._texts.seek(row.offset)
        return self._texts.read(row.size).decode()

    def refuse_too_little(self, where: str) -> None:
        """Raise `StyloraError` if there are too few passages to learn from, with what would help."""
        found = len(self._rows)
        if found >= MIN_PASSAGES:
            return
        foreign = self._dropped.get("not English", Tally()).pieces
        if foreign > found:
            share = f"{foreign} of {foreign + found}"
            name = language(self._foreign)
            tongue = f"not English but {name}" if name else "not English"
            raise StyloraError(f"{where}: {share} passages are {tongue}; only English can be curated")
        letters = script(" ".join(self._foreign))
        if letters:
            name = language(self._foreign) or letters
            raise StyloraError(f"{where}: not English but {name}; only English can be curated")
        lower = [least for least in THRESHOLDS if least < self.min_words and self._costs[least].pieces >= MIN_PASSAGES]
        hint = "give more text"
        if lower:
            hint = f"lower --min-para-words ({lower[-1]} would give {self._costs[lower[-1]].pieces})"
        raise StyloraError(
            f"{where}: {found} passages of at least {self.min_words} words in {self.words_in:,} words, "
            f"at least {MIN_PASSAGES} are needed; {hint}"
        )

    def write(self, output: Path, author: str, chosen: Sequence[int], settings: dict[str, int]) -> Header:
        """Write `author`'s corpus of the passages `chosen`, ascending, and its record; both whole or neither."""
        kept = set(chosen)
        for index in range(len(self._rows)):
            if index not in kept:
                self._drop_row(BEYOND, index)
        sha256 = hashlib.sha256()
        with atomic_path(output) as corpus, atomic_path(record_path(output)) as record:
            with corpus.open("wb") as stream:
                for position, index in enumerate(chosen):
                    data = (b"\n" if position else b"") + self.text(index).encode() + b"\n"
                    sha256.update(data)
                    stream.write(data)
            header = self._header(output, author, sha256.hexdigest(), chosen, settings)
            with record.open("wb") as stream:
                stream.writelines(self._record(header, chosen))
        return header

    def _header(
        self, output: Path, author: str, sha256: str, chosen: Sequence[int], settings: dict[str, int]
    ) -> Header:
        return Header(
            format=FORMAT,
            corpus=output.name,
            corpus_sha256=sha256,
            inputs=self._inputs,
            settings=settings,
            words_in=self.words_in,
            passages=len(chosen),
            words=sum(self._rows[index].words for index in chosen),
            tokens=sum(self.tokens[index] for index in chosen),
            tokens_estimated=self.count_tokens is None,
            removed=dict(sorted(self._removed.items())),
            dropped=dict(sorted(self._dropped.items())),
            healed=dict(sorted(self._healed.items())),
            overrides=self._decided(),
            author=author,
            thresholds=[Threshold(least, cost.pieces, cost.words) for least, cost in sorted(self._costs.items())],
        )

    def _decided(self) -> Decided:
        actions = Counter(one.action for one in self.decisions.by_id.values())
        unmatched = self.decisions.unmatched()
        return Decided(actions["keep"], actions["drop"], unmatched, digest(self.decisions.by_id))

    @property
    def kept(self) -> list[int]:
        """Indexes of the passages that the user wants whatever the rules say."""
        return [index for index, row in enumerate(self._rows) if row.kept]

    def _record(self, header: Header, chosen: Sequence[int]) -> Iterator[bytes]:
        yield msgspec.json.encode(header) + b"\n"
        for index in chosen:
            row = self._rows[index]
            kept = KeptRow(row.id, row.source, row.line, row.words, row.chain, row.borrowed, row.kept)
            yield msgspec.json.encode(kept) + b"\n"
        self._removals.seek(0)
        yield from self._removals
