"""A dataset's rows, found by their place in the file: only the one that is shown is ever in memory."""

from __future__ import annotations

from array import array
from collections.abc import Iterator
from pathlib import Path

import msgspec

_AT_ONCE = 500


class _Kinds(msgspec.Struct):
    kind: str = ""
    input: str = ""


class Pair(msgspec.Struct, frozen=True):
    """One row as it is shown. `neutral` is empty in rows that do not carry it apart from the prompt."""

    text: str
    loss_start: int = 0
    kind: str = ""
    input: str = ""
    content: str = ""
    passage: str = ""
    neutral: str = ""

    @property
    def shown_input(self) -> str:
        return self.neutral or self.text[: self.loss_start]

    @property
    def styled(self) -> str:
        return self.text[self.loss_start :].strip()


class PairIndex:
    """Offsets of the rows in `path`, by kind. Eight bytes a row."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.kinds: dict[str, array[int]] = {"": array("Q")}
        self._decoder = msgspec.json.Decoder(Pair)

    def scan(self) -> Iterator[int]:
        """Read the file once, yielding the number of rows so far now and then. A missing file has none."""
        decoder = msgspec.json.Decoder(_Kinds)
        everything = self.kinds[""]
        try:
            with self.path.open("rb") as file:
                offset = 0
                for line in file:
                    try:
                        kind = decoder.decode(line).kind
                    except msgspec.MsgspecError:
                        kind = None
                    if kind is not None:
                        everything.append(offset)
                        self.kinds.setdefault(kind, array("Q")).append(offset)
                        if len(everything) % _AT_ONCE == 0:
                            yield len(everything)
                    offset += len(line)
        except OSError:
            pass
        yield len(everything)

    def count(self, kind: str = "") -> int:
        return len(self.kinds.get(kind, ()))

    def pair(self, number: int, kind: str = "") -> Pair | None:
        """The row at place `number` among those of `kind`; None where it cannot be read."""
        try:
            with self.path.open("rb") as file:
                file.seek(self.kinds[kind][number])
                return self._decoder.decode(file.readline())
        except (OSError, KeyError, IndexError, msgspec.MsgspecError):
            return None
