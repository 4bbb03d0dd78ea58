"""The short version of a long journal: of every 256 reports the few that a curve is drawn from.

The host writes it beside the journal as it goes; who comes late or falls far behind takes it for the journal's
past, and the journal itself from there on. Nothing but time depends on it: without it the journal is read whole.
"""

from __future__ import annotations

import contextlib
import math
import os
from pathlib import Path

import msgspec

from engine.host import journal
from engine.host.journal import Event

SPAN = 256
"""Events that are thinned together."""
RARE = 32
"""Reports without a loss (samples, say) that are kept of a span, the latest."""
FAR = 4 << 20
"""Bytes of journal (some 14,000 reports) that are read as they are, in a fifth of a second."""
LINES = 2_000
"""Messages before the present that are kept whatever else is left out: what a log shows."""
_BLOCK = 4 << 20
_MESSAGE = b'"message":"'


class Kept(msgspec.Struct, frozen=True):
    """What is kept of the events before byte `upto` of the journal (and after the line before)."""

    upto: int
    events: list[Event]


_decoder = msgspec.json.Decoder(Kept)


def path(journal: Path) -> Path:
    """Where the short version of `journal` lies."""
    return journal.with_suffix(".thin")


def _number(value: object) -> float:
    return float(value) if isinstance(value, int | float) else math.nan


class Thinner:
    """The writing end. A fault of the disk ends it quietly; the journal is what counts."""

    def __init__(self, journal: Path) -> None:
        self._path = path(journal)
        self._span: list[tuple[Event, bytes]] = []
        self._handle = -1
        self._over = False

    def add(self, event: Event, line: bytes, upto: int) -> None:
        """`event` was written as `line`, which ends at byte `upto`."""
        self._span.append((event, line))
        if len(self._span) == SPAN:
            span, self._span = self._span, []
            if not self._over:
                self._write(b'{"upto":%d,"events":[%s]}\n' % (upto, b",".join(chosen(span))))

    def _write(self, data: bytes) -> None:
        try:
            if self._handle < 0:
                flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND | os.O_CLOEXEC
                self._handle = os.open(self._path, flags, 0o600)
            self._over = os.write(self._handle, data) < len(data)
        except OSError:
            self._over = True

    def close(self) -> None:
        if self._handle >= 0:
            os.close(self._handle)
            self._handle = -1


def chosen(span: list[tuple[Event, bytes]]) -> list[bytes]:
    """Lines of the events that stand for `span`: its last one, the lowest and highest loss, the lowest validation
    loss, the first loss that is not a number, the very first one, what is no report, and the latest reports of
    anything but a loss."""
    keep, rare = {len(span) - 1}, []
    losses, valid = [], []
    for at, (event, _) in enumerate(span):
        if event.what != "progress":
            keep.add(at)
        elif "loss" in event.values:
            if event.values.get("update") == 1:  # by which a reader knows that nothing came before
                keep.add(at)
            losses.append((_number(event.values["loss"]), at))
            valid.append((_number(event.values.get("valid")), at))
        elif event.values:
            rare.append(at)
    keep.update(at for loss, at in [loss for loss in losses if math.isnan(loss[0])][:1])
    finite = [loss for loss in losses if not math.isnan(loss[0])]
    if finite:
        keep |= {min(finite)[1], max(finite)[1], finite[-1][1]}
    finite = [loss for loss in valid if not math.isnan(loss[0])]
    if finite:
        keep.add(min(finite)[1])
    keep.update(rare[-RARE:])
    return [span[at][1] for at in sorted(keep)]


def read(file: Path, offset: int = 0) -> tuple[list[Event], int]:
    """As `journal.read`, but the past that is far behind the end comes thinned, in one piece."""
    with contextlib.suppress(OSError):
        if file.stat().st_size - offset > FAR:
            kept = [one for one in _spans(path(file)) if one.upto > offset]
            if kept:
                upto = kept[-1].upto
                events = {event.n: event for one in kept for event in one.events}
                events |= {event.n: event for event in _messages(file, offset, upto)}
                return [events[n] for n in sorted(events)], upto
    return journal.read(file, offset)


def _spans(thin: Path) -> list[Kept]:
    found = []
    for line in thin.read_bytes().splitlines():
        with contextlib.suppress(msgspec.MsgspecError, UnicodeDecodeError):
            found.append(_decoder.decode(line))
    return found


def _messages(file: Path, start: int, end: int) -> list[Event]:
    """The last `LINES` events with a message of those that lie between two bytes, found from the end."""
    found: list[Event] = []
    with file.open("rb") as journal_file:
        rest = b""  # the beginning of a line whose end has been looked at in the block after
        while end > start and len(found) < LINES:
            begin = max(start, end - _BLOCK)
            journal_file.seek(begin)
            block = journal_file.read(end - begin) + rest
            whole = 0 if begin == start else block.find(b"\n") + 1
            at = len(block)
            while len(found) < LINES and (at := block.rfind(_MESSAGE, whole, at)) >= 0:
                first = max(block.rfind(b"\n", 0, at) + 1, whole)
                event = journal.decode(block[first : block.find(b"\n", at)])
                if event is not None and event.message:
                    found.append(event)
                at = first
            rest, end = block[:whole], begin
    return found
