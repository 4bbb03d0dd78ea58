"""Rows of a JSONL file, found by their place in it: only the one that is shown is ever in memory."""

from __future__ import annotations

from array import array
from collections.abc import Iterator
from pathlib import Path
from typing import Generic, Protocol, TypeVar

import msgspec

_AT_ONCE = 500


class Row(Protocol):
    """What an index needs of a row: the kind it can be filtered by."""

    @property
    def kind(self) -> str: ...


R = TypeVar("R", bound=Row)


class Pair(msgspec.Struct, frozen=True):
    """A training pair. `neutral` is empty in rows that do not carry it apart from the prompt."""

    text: str
    loss_start: int
    kind: str = ""
    input: str = ""
    content: str = ""
    neutral: str = ""

    @property
    def shown_input(self) -> str:
        return self.neutral or self.text[: self.loss_start]

    @property
    def styled(self) -> str:
        return self.text[self.loss_start :].strip()


class Removed(msgspec.Struct, frozen=True):
    """A piece that curation took out; rows of a record that are something else do not decode as one."""

    reason: str
    source: str
    line: int
    words: int
    text: str

    @property
    def kind(self) -> str:
        return self.reason


class RowIndex(Generic[R]):
    """Offsets of the rows of type `row` in `path`, by kind. Sixteen bytes a row."""

    def __init__(self, path: Path, row: type[R]) -> None:
        self.path = path
        self.kinds: dict[str, array[int]] = {"": array("Q")}
        self._decoder = msgspec.json.Decoder(row)

    def scan(self) -> Iterator[int]:
        """Read the file once, yielding the number of rows so far now and then. A missing file has none."""
        everything = self.kinds[""]
        try:
            with self.path.open("rb") as file:
                offset = 0
                for line in file:
                    if row := self._decoded(line):
                        everything.append(offset)
                        self.kinds.setdefault(row.kind, array("Q")).append(offset)
                        if len(everything) % _AT_ONCE == 0:
                            yield len(everything)
                    offset += len(line)
        except OSError:
            pass
        yield len(everything)

    def _decoded(self, line: bytes) -> R | None:
        try:
            return self._decoder.decode(line)
        except (msgspec.MsgspecError, UnicodeDecodeError):
            return None

    def count(self, kind: str = "") -> int:
        return len(self.kinds.get(kind, ()))

    def after(self, kind: str) -> str:
        """The next kind, and after the last one all of them."""
        kinds = list(self.kinds)
        return kinds[(kinds.index(kind) + 1) % len(kinds)]

    def row(self, number: int, kind: str = "") -> R | None:
        """The row at place `number` among those of `kind`; None where it cannot be read."""
        try:
            with self.path.open("rb") as file:
                file.seek(self.kinds[kind][number])
                return self._decoded(file.readline())
        except (OSError, KeyError, IndexError):
            return None
