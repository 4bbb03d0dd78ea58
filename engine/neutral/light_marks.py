"""Leaves out the commas that old prose puts where plain prose has none."""

from __future__ import annotations

import re

_STARTS = r"(?:(?<=[.!?] )|(?<=[.!?]\" )|(?<=[.!?] \")|(?<=^)|(?<=^\"))"
_OPENING = re.compile(
    _STARTS + r"(But|So|Then|Now|Soon|Suddenly|Finally|Meanwhile|Again|Also|Still|Perhaps|Here|There|Later|Afterward|"
    r"Sometimes|Once|Often|Today|At last|At first|At once|In the end|After that|At the same time|[A-Z][a-z]{3,}ly), "
    r"(?=(?:the|a|an|this|these|his|her|its|my|our|their|your|he|she|it|we|they|you|I|there|one|some|when|while|if|"
    r"as|in|on|at|with|by|for|from|all|each|[A-Z][a-z]+)\b)"
)
_SUBORDINATE = re.compile(
    r"(?<![^.?!])([^,.?!]*), (?=(?:because|while|until|when|before|after|unless|as if|as though|so that) )"
)
"""Only the first comma of a sentence: a second one may close what the first one opened."""
_PLACE = "with|in|on|at|from|by|under|over|among|between|into|without|through|across|toward|near|behind|above|below"
_TRAILING = re.compile(
    _STARTS + rf"(?!(?:{_PLACE}|for|of|to|if|when|while|as|because|before|after|what|how|who|where|why|not|all)\b)"
    rf"([^,;:.!?\"()]+), (?=(?:{_PLACE}) [^,;:.!?\"()]*[.!?])",
    re.I,
)


def lighten(text: str) -> str:
    """`text` without commas after an opening word, before "because" and its like, and before a last phrase of place.

    As in: But, he came, because it rained. -> But he came because it rained.
    """
    text = _OPENING.sub(r"\1 ", text)
    text = _SUBORDINATE.sub(r"\1 ", text)
    return _TRAILING.sub(r"\1 ", text)
