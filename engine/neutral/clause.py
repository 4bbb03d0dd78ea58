"""A clause under the knife: words taken from a parsed sentence, its verb, and who its subject is."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from engine.neutral.grammar import BREAKS, Tense, tense_of
from engine.neutral.reading import Reading
from engine.neutral.subjects import Subject

if TYPE_CHECKING:
    from spacy.tokens import Token


@dataclass(frozen=True, slots=True)
class Piece:
    """A word on its way to the output: a token of the text, or one put in."""

    text: str
    token: Token | None = None


@dataclass(frozen=True)
class Clause:
    """Words in order, the verb that holds them together, and how their subject is called."""

    reading: Reading
    pieces: tuple[Piece, ...]
    head: Token
    subject: Subject | None
    opening: str = ""
    """A connective before the clause: "But", "Then"."""
    question: bool = False
    made: Tense | None = None
    """Tense of a clause whose verb was made finite; None where the verb itself has it."""
    indices: frozenset[int] = field(init=False)

    def __post_init__(self) -> None:
        held = frozenset(piece.token.i for piece in self.pieces if piece.token is not None)
        object.__setattr__(self, "indices", held)

    def tokens(self) -> list[Token]:
        return [piece.token for piece in self.pieces if piece.token is not None]

    def within(self, tokens: Iterable[Token]) -> list[Token]:
        return sorted((token for token in tokens if token.i in self.indices), key=lambda token: token.i)

    @property
    def words(self) -> int:
        """Words left once the decoration is gone."""
        return sum(1 for piece in self.pieces if piece.text and piece.text[0].isalnum())

    @property
    def tense(self) -> Tense | None:
        return tense_of(self.head) or self.made

    def pieces_of(self, tokens: Iterable[Token]) -> list[Piece]:
        return [Piece(self.reading.text(token), token) for token in tokens]

    def reworded(self, words: Mapping[int, str]) -> Clause:
        """The clause with some tokens' words replaced, by token index."""
        pieces = (
            Piece(words.get(piece.token.i, piece.text), piece.token) if piece.token is not None else piece
            for piece in self.pieces
        )
        return replace(self, pieces=tuple(pieces))

    def without(self, taken: set[int], *, level: bool = False) -> Clause:
        """The clause less the tokens `taken`, and less the marks that set them off.

        With `level` a mark after them stays: it divides what is left.
        """
        keep = [not (piece.token is not None and piece.token.i in taken) for piece in self.pieces]
        position = 0
        while position < len(keep):
            if keep[position]:
                position += 1
                continue
            end = position
            while end < len(keep) and (not keep[end] or self.pieces[end].text == ""):
                end += 1
            before, after = position - 1, end
            while before >= 0 and self.pieces[before].text == "":
                before -= 1
            opened = before >= 0 and self.pieces[before].text in BREAKS
            closed = after < len(keep) and self.pieces[after].text in BREAKS
            if opened:
                keep[before] = False
            quoting = after + 1 < len(keep) and self.pieces[after + 1].text == '"'  # the comma before a speech
            if closed and (before < 0 or (opened and not level)) and not quoting:
                keep[after] = False
            position = end
        return replace(self, pieces=tuple(piece for piece, kept in zip(self.pieces, keep, strict=True) if kept))


_LEAD = re.compile(
    r"^((?:In|On|At|For|From|After|Before|During|Under|With|By|Over|Above|Near|Then|Now|Here|There|Later|Soon|Perhaps"
    r"|Meanwhile|Finally|Afterward|Sometimes|Once|Today)(?: [\w'-]+){0,4}), "
    r"(?=(?:the|a|an|this|these|his|her|its|my|our|their|your|he|she|it|we|they|you|I|there|one|some)\b)"
)
"""A short phrase before the subject, with the comma that plain prose leaves out."""


def realise(clause: Clause) -> str:
    """The clause as a sentence of its own: spaced, capitalised, with one mark at the end; empty if it has no words."""
    parts: list[str] = []
    last: Token | None = None
    pieces = [piece for piece in clause.pieces if piece.text]
    for piece in pieces:
        token = piece.token
        text = piece.text
        if (
            token is not None
            and token.is_sent_start
            and (parts or clause.opening)
            and token.i not in clause.reading.names
        ):
            text = text if text in {"I", "I'm"} or text.isupper() else text[:1].lower() + text[1:]
        follows = last is not None and token is not None and token.i == last.i + 1 and not last.whitespace_
        written_out = (
            follows and token is not None and token.text[0] in "'n" and text[0].isalpha() and text != token.text
        )
        attached = (follows and not written_out) or text.startswith(("'s", "n't"))
        if parts and not attached:
            parts.append(" ")
        parts.append(text)
        last = token
    text = "".join(parts)
    text = re.sub(r"\s*(?:--|—|–(?!\d))\s*", ", ", text)
    text = re.sub(r"\s+([,;:.?!)])", r"\1", text)
    text = re.sub(r", ((?:and|or) )", r" \1", text)
    text = _LEAD.sub(r"\1 ", text)
    text = re.sub(r"\(\s*[,;:]*\s*\)", "", text)
    text = re.sub(r"[,;:]+\s*([,;:])", r"\1", re.sub(r"([,;:])\s*(?=[.?!]|$)", "", text))
    text = re.sub(r"^[\s,;:.)\-]+", "", text)
    text = re.sub(r"^(?:and|or)\b,?\s+", "", text, flags=re.I)
    text = re.sub(r"(?:[,;]\s*(?:for|yet)|[,;]?\s+(?:and|or|but|nor))$", "", text.rstrip(" ,;:-("))
    text = re.sub(r"(?:[,;]|[,;]?\s+(?:and|or|but|nor)),?\.$", ".", text)
    if not re.search(r"\w", text):
        return ""
    if clause.opening:
        text = f"{clause.opening} {text}"
    mark = text[-1] if text[-1] in ".?!" else ""
    closing = text[-1] in "\"')" and len(text) > 1 and text[-2] in ".?!"
    if not mark and not closing:
        text += "?" if clause.question else "."
    elif mark == "!":
        text = text.rstrip("!") + "."
    return text if _goes_on(pieces) and not clause.opening else text[0].upper() + text[1:]


def _goes_on(pieces: list[Piece]) -> bool:
    """Whether the "sentence" is the rest of one after a quotation: \"Go!\" cried Stubb."""
    first = pieces[0].token
    if first is None or not first.is_sent_start or not first.text[0].islower():
        return False
    return first.i == 0 or first.nbor(-1).text in {'"', "'"}
