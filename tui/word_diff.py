"""What differs between two texts, word by word, in marks that are read without colour: ``[-old-]`` and ``{+new+}``."""

from __future__ import annotations

import re
from collections.abc import Sequence
from difflib import SequenceMatcher

from textual.content import Content

LONGEST = 1500
"""Words of either text; more would hold up the screen, and nobody reads such a diff in a terminal."""
_SMALL = 3
"""Letters of a word that says nothing by being the same between two changes."""
_TOKEN = re.compile(r"\n\s*|\S+")
_ALIKE = str.maketrans("‘’“”", "''\"\"")
"""Quotation marks and apostrophes, which an author's books set in their own way, are the same word's."""

Part = tuple[str, str]
"""`` ``, ``-`` or ``+``, and the words it is about."""


def word_diff(before: str, after: str) -> list[Part] | None:
    """The parts of both texts in order, None where they are too long to be compared word by word.

    A small word or two that happen to stand in both texts between two changes count as changed: prose that was
    rewritten reads better as whole phrases than as a rain of single words.
    """
    old, new = _TOKEN.findall(before), _TOKEN.findall(after)
    if max(len(old), len(new)) > LONGEST:
        return None
    runs: list[tuple[bool, list[str], list[str]]] = []
    one, other = ([token.translate(_ALIKE) for token in tokens] for tokens in (old, new))
    opcodes = SequenceMatcher(None, one, other, autojunk=False).get_opcodes()
    for number, (tag, start, end, begin, stop) in enumerate(opcodes):
        gone, come = old[start:end], new[begin:stop]
        same = tag == "equal" and (number in (0, len(opcodes) - 1) or not _small(gone))
        if runs and runs[-1][0] == same:
            runs[-1][1].extend(gone)
            runs[-1][2].extend(come)
        else:
            runs.append((same, gone, come))
    parts: list[Part] = []
    for same, gone, come in runs:
        parts += [(" ", _joined(gone))] if same else [("-", _joined(gone)), ("+", _joined(come))]
    return [(mark, text) for mark, text in parts if text]


def _small(words: Sequence[str]) -> bool:
    return len(words) <= 2 and all(len(word) <= _SMALL and "\n" not in word for word in words)


def _joined(tokens: Sequence[str]) -> str:
    lines = "".join("\n" * min(2, token.count("\n")) if "\n" in token else f" {token}" for token in tokens)
    return lines.replace("\n ", "\n").removeprefix(" ")


def drawn(parts: Sequence[Part]) -> Content:
    """The parts as one text with marks, and colours where there are any."""
    marks = {"-": ("[-", "-]", "$error"), "+": ("{+", "+}", "$success")}
    pieces: list[Content] = []
    for mark, text in parts:
        opened, closed, style = marks.get(mark, ("", "", ""))
        if pieces and not text.startswith("\n") and not pieces[-1].plain.endswith("\n"):
            pieces.append(Content(" "))
        pieces.append(Content.styled(f"{opened}{text}{closed}", style) if style else Content(text))
    return Content("").join(pieces)


def changed_words(parts: Sequence[Part]) -> tuple[int, int]:
    """How many words are gone, and how many have come."""
    counts = {mark: sum(len(text.split()) for one, text in parts if one == mark) for mark in "-+"}
    return counts["-"], counts["+"]
