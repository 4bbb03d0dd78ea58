"""What a book is taken apart into on its way to passages."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple

BEYOND = "beyond target"
"""Why a passage is left out that nothing is wrong with: there were tokens enough."""


def count_words(text: str) -> int:
    """Words as white space parts them: the one unit every count in this room is in."""
    return len(text.split())


def word_set(words: str) -> frozenset[str]:
    """The words of a list written as a text."""
    return frozenset(words.split())


class Line(NamedTuple):
    """A line of a source. `number` counts from 1, in the file itself or in the text taken out of it.

    `role` is what the file's own markup says of it: ``heading``, ``list``, ``table``, ``verse``, ``note``,
    ``code``, ``page`` (a page begins here), or the name of a part of the book such as ``copyright``. Plain
    text says nothing.
    """

    text: str
    number: int
    role: str = ""


@dataclass(slots=True)
class Block:
    """Lines that stand together. `blanks` empty lines and, if `turned`, the turn of a page come before it."""

    lines: list[Line]
    blanks: int = 0
    turned: bool = False

    @property
    def number(self) -> int:
        return self.lines[0].number

    @property
    def role(self) -> str:
        return self.lines[0].role

    @property
    def text(self) -> str:
        """The lines as they stand, stripped, joined by single spaces: for judging, not for keeping."""
        return " ".join(" ".join(line.text.split()) for line in self.lines)

    @property
    def words(self) -> int:
        return sum(count_words(line.text) for line in self.lines)


@dataclass(frozen=True, slots=True)
class Removal:
    """Text that was taken out, why, and where it stood. A mark inside a word counts 0 words."""

    reason: str
    source: str
    line: int
    text: str
    words: int


@dataclass(frozen=True, slots=True)
class Paragraph:
    """Prose that survived. `opens` is true where something stood before it that no passage may span, `kept` where
    the user wants it whatever the rules say."""

    text: str
    source: str
    line: int
    words: int
    sentences: int
    opens: bool
    kept: bool = False


@dataclass(frozen=True, slots=True)
class Candidate:
    """Text cut to a passage's size and not yet judged. `line` is where its first paragraph begins, `follows` says
    that it goes on from the candidate before it, `borrowed` how many of its words are that one's last, and `kept`
    that the user wants it."""

    text: str
    source: str
    line: int
    words: int
    sentences: int
    follows: bool = False
    borrowed: int = 0
    kept: bool = False


@dataclass(slots=True)
class Tally:
    """How many pieces, and how many words in them."""

    pieces: int = 0
    words: int = 0

    def add(self, words: int) -> None:
        self.pieces += 1
        self.words += words


def whole(lines: Iterable[Line]) -> str:
    """The lines as a reader would see them, for the record of a removal."""
    return "\n".join(line.text.strip() for line in lines).strip()
