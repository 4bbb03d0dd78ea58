"""Words that a text is to have: likelier where their turn has come, spelt to their end, and waited for.

A small model knows that a name belongs here and writes a pronoun instead, begins "Aldebaran" and ends elsewhere, or
ends a text whose last sentence is still to come. The idea is that of constrained decoding (NeuroLogic,
arXiv:2010.12884) at its lightest: logits are nudged, nothing is forced and nothing barred, so a text that has no use
for a word goes on without it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from engine.models.respelling import Turn, ends_with

_DUE = 3
"""Words not said yet whose turn may have come, in the order of the source: a rewrite tells things in order. Chosen."""
_SPELLING = 4.0
"""What the next token of a word begun gets, over what its first one does; and what an end loses while the last word of
the source is not said: a text that passed over a word in its middle may end. Chosen."""


@dataclass(frozen=True, slots=True)
class Word:
    """The token sequences that spell one word: inside a sentence, and where no space goes before it."""

    spellings: tuple[tuple[int, ...], ...]


def words(tokenizer: Any, texts: Sequence[str]) -> tuple[Word, ...]:
    """The words of `texts` as `tokenizer` spells them, in order and once each."""
    found = []
    for text in dict.fromkeys(texts):
        both = (tokenizer.encode(before + text, add_special_tokens=False) for before in (" ", ""))
        found.append(Word(tuple(dict.fromkeys(tuple(ids) for ids in both if ids))))
    return tuple(found)


@dataclass(slots=True)
class Held:
    """The words that one text on its way is to have, and which of them it has."""

    words: Sequence[Word]
    ends: frozenset[int] = frozenset()
    """Tokens that end the text."""
    said: set[int] = field(default_factory=set)
    tokens: frozenset[int] = frozenset()
    """All of their tokens, which no repetition penalty is to bear on."""
    turns: Sequence[Turn] = ()
    """Where it is not to spell a mistyped word."""

    def __post_init__(self) -> None:
        self.tokens = frozenset(token for word in self.words for ids in word.spellings for token in ids)

    def take(self, generated: Sequence[int]) -> None:
        """Note what the last of the `generated` tokens completes."""
        for number, word in enumerate(self.words):
            if any(ends_with(generated, ids) for ids in word.spellings):
                self.said.add(number)

    def nudges(self, generated: Sequence[int], nudge: float) -> dict[int, float]:
        """What to add to the logits of which tokens next, where a word that is due gets `nudge` on its first token."""
        found: dict[int, float] = {}
        if self.words and len(self.words) - 1 not in self.said:
            found |= dict.fromkeys(self.ends, -_SPELLING * nudge)
        due = [number for number in range(len(self.words)) if number not in self.said][:_DUE]
        for number in due:
            for ids in self.words[number].spellings:
                found[ids[0]] = nudge
        for word in self.words:
            for ids in word.spellings:
                for size in range(1, len(ids)):
                    if ends_with(generated, ids[:size]):
                        found[ids[size]] = _SPELLING * nudge
        return found
