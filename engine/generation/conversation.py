"""The history of what an adapter was asked and wrote, in plain files: JSONL to go on from, and a text for reading."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal

import msgspec

from engine.atomic import write_text
from engine.errors import StyloraError
from engine.workspace import Workspace

How = Literal["asked", "again", "edited", "compared"]
Grade = Literal["serious", "minor", "note"]
"""What a finding means for its text: it says something else than its source, is a matter of taste, or nothing."""


def grade(finding: Mapping[str, Any]) -> Grade:
    """How serious a finding of `engine.generation.verify` is, given as plain values."""
    return "serious" if finding.get("severe") else "minor" if finding.get("weight", 1.0) else "note"


class Written(msgspec.Struct, frozen=True, kw_only=True):
    """One text that an adapter wrote."""

    text: str
    findings: tuple[str, ...] = ()
    grades: tuple[Grade, ...] = ()
    """One per finding; none in histories of earlier versions."""
    label: str = ""
    """What it was written with, where the texts of a turn differ in that: in comparisons."""


class Turn(msgspec.Struct, frozen=True, kw_only=True):
    """One request and what came of it. `kept` is the text that was chosen by hand, None where none was."""

    number: int
    how: How = "asked"
    of: int | None = None
    """The turn that it says again, or says with another text."""
    text: str
    settings: dict[str, Any]
    """What has to be given to `stylora rewrite` for the same result."""
    written: tuple[Written, ...]
    best: int = 0
    marks: tuple[str, ...] = ()
    steps: tuple[dict[str, str], ...] = ()
    """Of each passage, the text after every step that changed it (`engine.generation.document.Steps`)."""
    kept: int | None = None


class _Keep(msgspec.Struct, frozen=True, tag="keep"):
    number: int
    written: int


class _Say(msgspec.Struct, frozen=True, tag="turn"):
    turn: Turn


_LINE = msgspec.json.Decoder(_Keep | _Say)


class Conversation:
    """The turns with one adapter, in `rewrites/<adapter>.jsonl`, which is only ever added to, and `.md` beside it."""

    def __init__(self, workspace: Workspace, adapter: Path) -> None:
        name = adapter.name if "checkpoints" not in adapter.parts else adapter.parents[1].name
        self.adapter = name
        self.path = workspace.root / "rewrites" / f"{name}.jsonl"
        self.readable = self.path.with_suffix(".md")

    def turns(self) -> list[Turn]:
        """All turns in order, numbered from 1. A line that was cut off when the machine stopped is passed over."""
        try:
            lines = self.path.read_bytes().splitlines()
        except FileNotFoundError:
            return []
        except OSError as error:
            raise StyloraError(f"{self.path}: {error.strerror}; check the file's permissions") from None
        found: list[Turn] = []
        for number, line in enumerate(lines, 1):
            try:
                entry = _LINE.decode(line)
            except msgspec.MsgspecError as error:
                if number == len(lines):
                    break
                raise StyloraError(f"{self.path}:{number}: not a turn of a conversation: {error}") from None
            if isinstance(entry, _Say):
                found.append(entry.turn)
            elif 1 <= entry.number <= len(found):
                found[entry.number - 1] = msgspec.structs.replace(found[entry.number - 1], kept=entry.written)
        return found

    def turn(self, number: int | None = None) -> Turn:
        """The turn of that number, default the last; `StyloraError` where there is none."""
        turns = self.turns()
        if not turns:
            raise StyloraError(f"{self.adapter}: nothing was rewritten with it yet; start with 'stylora rewrite'")
        number = len(turns) if number is None else number
        if not 1 <= number <= len(turns):
            raise StyloraError(f"{self.adapter}: there is no turn {number}; the last one is {len(turns)}")
        return turns[number - 1]

    def add(
        self,
        text: str,
        written: Sequence[Written],
        *,
        settings: Mapping[str, Any],
        best: int = 0,
        marks: Sequence[str] = (),
        steps: Sequence[Mapping[str, str]] = (),
        how: How = "asked",
        of: int | None = None,
    ) -> Turn:
        """Append a turn and return it."""
        with self._alone():
            turns = self.turns()
            turn = Turn(
                number=len(turns) + 1,
                how=how,
                of=of,
                text=text,
                settings={name: value for name, value in settings.items() if value is not None},
                written=tuple(written),
                best=best,
                marks=tuple(marks),
                steps=tuple(map(_changes, steps)),
            )
            self._append(_Say(turn))
            self._tell([*turns, turn])
        return turn

    def keep(self, number: int | None = None, written: int | None = None) -> Turn:
        """Mark one of a turn's texts (from 0, default its best) as the one chosen; the last choice counts."""
        with self._alone():
            turn = self.turn(number)
            chosen = turn.best if written is None else written
            if not 0 <= chosen < len(turn.written):
                raise StyloraError(f"turn {turn.number} has {len(turn.written)} texts; there is no {chosen + 1}")
            self._append(_Keep(turn.number, chosen))
            self._tell(self.turns())
        return msgspec.structs.replace(turn, kept=chosen)

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """One writer at a time: the host, a command and a screen may all have something to add."""
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            handle = os.open(self.path.parent, os.O_RDONLY | os.O_CLOEXEC)
        except OSError as error:
            raise StyloraError(f"{self.path}: {error.strerror}; the history cannot be written") from None
        try:
            fcntl.flock(handle, fcntl.LOCK_EX)
            yield
        finally:
            os.close(handle)

    def _append(self, entry: _Keep | _Say) -> None:
        try:
            with self.path.open("a+b") as file:
                if file.tell():
                    file.seek(-1, os.SEEK_END)
                    if file.read(1) != b"\n":
                        self._drop_torn()
                file.write(msgspec.json.encode(entry) + b"\n")
                file.flush()
                os.fsync(file.fileno())
        except OSError as error:
            raise StyloraError(f"{self.path}: {error.strerror}; the rewrite is not in the history") from None

    def _drop_torn(self) -> None:
        whole = self.path.read_bytes()
        os.truncate(self.path, whole.rfind(b"\n") + 1)

    def _tell(self, turns: Sequence[Turn]) -> None:
        write_text(self.readable, f"# Rewrites with {self.adapter}\n\n" + "\n".join(map(_readable, turns)))


def _changes(steps: Mapping[str, str]) -> dict[str, str]:
    """`steps` without those that left the text as it was, and what is empty."""
    kept: dict[str, str] = {}
    before = ""
    for name, text in steps.items():
        if text and text != before:
            kept[name] = text
        before = text or before
    return kept


def _readable(turn: Turn) -> str:
    settings = ", ".join(f"{name} {value}" for name, value in turn.settings.items() if not isinstance(value, list))
    origin = {"again": f", turn {turn.of} again", "edited": f", turn {turn.of} edited", "compared": ", compared"}
    lines = [f"## {turn.number}{origin.get(turn.how, '')}", "", settings, "", _quoted(turn.text), ""]
    lines += [f"- note: {mark}" for mark in turn.marks] + [""] * bool(turn.marks)
    for number, one in enumerate(turn.written):
        notes = [one.label] if one.label else []
        notes += ["kept"] if number == turn.kept else ["best"] if number == turn.best and not one.label else []
        lines += [f"### {turn.number}.{number + 1}" + (f" ({', '.join(notes)})" if notes else ""), "", one.text, ""]
        lines += [f"- {finding}" for finding in one.findings] + [""] * bool(one.findings)
    return "\n".join(lines)


def _quoted(text: str) -> str:
    return "\n".join(f"> {line}" if line else ">" for line in text.split("\n"))
