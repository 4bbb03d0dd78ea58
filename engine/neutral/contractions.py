"""Contractions in full, and hyphened nouns as two words."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from spacy.tokens import Token


_FULL = {"'ll": "will", "'re": "are", "'ve": "have", "'m": "am"}
_STEMS = {"ca": "can", "wo": "will", "sha": "will"}


def written_out(token: Token, following: Token | None) -> str | None:
    """Contractions in full, except where the subject follows ("don't you")."""
    lower = token.lower_
    inverted = any(child.dep_ == "nsubj" and child.i > token.i for child in token.head.children)
    if lower == "n't":
        return "not" if not inverted and token.nbor(-1).lower_ != "ai" else None
    if lower in _STEMS:
        return _STEMS[lower] if following is not None and following.lower_ == "n't" and not inverted else None
    if lower in _FULL:
        return _FULL[lower]
    if lower == "'d" and token.tag_ in {"MD", "VBD"}:
        return "would" if token.tag_ == "MD" and token.head.tag_ != "VBN" else "had"
    if (
        lower == "'s"
        and token.tag_ == "VBZ"
        and token.i > 0
        and token.nbor(-1).tag_ in {"PRP", "EX", "WP", "DT", "WRB"}
    ):
        perfect = token.dep_ == "aux" and token.head.tag_ == "VBN"
        owning = following is not None and following.lower_ in {"got", "been", "had"}
        return "has" if perfect or owning else "is"
    if lower == "'s" and token.tag_ == "PRP":
        return "us"
    return None


def unhyphened(token: Token, following: Token | None) -> str | None:
    """As in: street-lamps -> street lamps."""
    if following is None or token.i == 0 or token.whitespace_ or token.nbor(-1).whitespace_:
        return None
    left = token.nbor(-1)
    whole = left.dep_ == "compound" and left.head == following and left.text.islower() and following.text.islower()
    plain = len(left) > 2 and not (left.i > 0 and left.nbor(-1).text == "-") and following.tag_ in {"NN", "NNS"}
    after = following.nbor(1).text if following.i + 1 < len(token.doc) else ""
    return "" if whole and plain and after != "-" else None
