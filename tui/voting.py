"""A blind trial on a plain terminal: two texts, one key, the next. Keys from a pipe do as well."""

from __future__ import annotations

import sys
import textwrap
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, cast

import msgspec
from rich.text import Text

from tui import console

if TYPE_CHECKING:
    from engine.report.blind import Choice, Outcome, Question

_WIDEST = 92
_ASK = "a, b, = no difference, s the source, u undo, q leave: "


def run(place: Path, *, json: bool) -> None:
    """Ask for every vote that is missing in the trial at `place`, then say what the votes come to."""
    from engine.report import blind

    if not json:
        _ask(place)
    result = blind.outcome(place)
    if json:
        console.as_json({**msgspec.to_builtins(result), "sentence": result.sentence, "folder": str(place)})
    else:
        show(result)


def _ask(place: Path) -> None:
    from engine.report import blind

    asked, cast_votes = blind.questions(place), blind.votes(place)
    open_ones = [question for question in asked if question.input not in cast_votes]
    if not open_ones:
        return
    if cast_votes:
        console.line(f"going on: {len(cast_votes)} of {len(asked)} voted")
    at = 0
    with _keys() as keys:
        while at < len(open_ones):
            _show(open_ones[at], len(asked) - len(open_ones) + at + 1, len(asked))
            key = _key(keys, open_ones[at])
            if key == "q":
                console.line("left; the same command goes on here")
                return
            if key == "u":
                at = max(0, at - 1)
                continue
            blind.vote(place, open_ones[at], cast("Choice", key))
            at += 1


def _show(question: Question, number: int, of: int) -> None:
    width = min(_WIDEST, console.out.width)
    console.out.rule(Text(f"{number} of {of}"), style="dim")
    for letter, text in (("A", question.a), ("B", question.b)):
        console.out.print(Text(letter, "bold cyan"))
        console.out.print(Text("\n".join(textwrap.wrap(text, width - 2)) or "(nothing was written)"))
        console.out.print()


def _key(keys: Iterator[str], question: Question) -> str:
    while True:
        console.out.print(Text(_ASK, "dim"), end="")
        key = next(keys, "q").lower()
        console.out.print(key)
        if key == "s":
            console.passage("source", question.source)
        elif key in "ab=uq":
            return key


@contextmanager
def _keys() -> Iterator[Iterator[str]]:
    """Single keys from the terminal, without Enter; from anything else, its characters but blanks."""
    if not sys.stdin.isatty():
        yield (character for line in sys.stdin for character in line if not character.isspace())
        return
    import termios
    import tty

    handle = sys.stdin.fileno()
    before = termios.tcgetattr(handle)

    def pressed() -> Iterator[str]:
        while key := sys.stdin.read(1):
            if key == "\x1b":  # an arrow or Esc: never a vote
                continue
            yield "q" if key == "\x04" else key

    try:
        tty.setcbreak(handle)
        yield pressed()
    finally:
        termios.tcsetattr(handle, termios.TCSADRAIN, before)


def show(result: Outcome) -> None:
    """Print what the votes come to; which side was which is told only now."""
    console.line(result.sentence)
    if sum(result.wins) + result.ties < result.inputs:
        return
    if sum(result.wins):
        console.line(f"a split as uneven comes by chance {result.chance:.0%} of the time")
