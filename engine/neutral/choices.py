"""One plain choice for more of the small words: quantities, possibility, likeness, and what only points."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from spacy.tokens import Token

    Choice = Callable[[Token, Token | None], str | None]

_DEGREES = frozenset(
    "so how however as too not n't very a an the these those my his her its our their no great good".split()
)
_FIXED_EVERY = frozenset("now other once way kind sort bit inch thing body one so".split())


_RESULTS = frozenset({"that", "as"})
_LOOK_AHEAD = 12


def _before(token: Token) -> str:
    return token.nbor(-1).lower_ if token.i > 0 else ""


def _amount(token: Token, following: Token | None) -> str | None:
    """As in: many men -> a lot of men; much water -> a lot of water."""
    noun = token.head
    if token.dep_ != "amod" or noun.i < token.i or following is None or _before(token) in _DEGREES:
        return None
    if noun.tag_ != ("NNS" if token.lower_ == "many" else "NN") or token.left_edge != token:
        return None
    return "a lot of" if following == noun or following.pos_ == "ADJ" else None


def _every(token: Token, following: Token | None) -> str | None:
    plain = token.dep_ == "det" and token.head.tag_ == "NN" and following is not None
    return "each" if plain and following is not None and following.lower_ not in _FIXED_EVERY else None


def _some(token: Token, following: Token | None) -> str | None:
    """As in: some fifty men -> about fifty men."""
    if following is None:
        return None
    return "about" if following.tag_ == "CD" and following.lower_ != "one" else None


def _round(token: Token, following: Token | None) -> str | None:
    return "around" if token.pos_ in {"ADP", "ADV"} and token.dep_ in {"prep", "advmod", "prt"} else None


def _like(token: Token, following: Token | None) -> str | None:
    """As in: it was like a dream -> it was similar to a dream."""
    told = token.dep_ == "prep" and token.head.lemma_ == "be" and token.head.i == token.i - 1
    return (
        "similar to" if told and following is not None and following.pos_ in {"DET", "NOUN", "PROPN", "ADJ"} else None
    )


def _all(token: Token, following: Token | None) -> str | None:
    """As in: all was still -> everything was still; all alone -> alone."""
    if following is None:
        return None
    if token.pos_ == "PRON":
        verb = token.head
        single = token.dep_ == "nsubj" and any(word.lower_ in {"was", "is", "has"} for word in (verb, *verb.children))
        told = following.tag_ in {"WDT", "PRP"} and following.lower_ in {"that", "i", "he", "she", "we", "they", "you"}
        return "everything" if single or told else None
    return "" if token.dep_ == "advmod" and following.pos_ in {"ADJ", "ADP"} and following == token.head else None


def _no(token: Token, following: Token | None) -> str | None:
    """As in: there was no wind -> there was not any wind; with no coat -> without any coat; no one -> nobody."""
    if following is None:
        return None
    if following.lower_ == "one":
        return "nobody" if not (following.i + 1 < len(token.doc) and following.nbor(1).lower_ == "of") else None
    if token.dep_ != "det" or following.lower_ in {"doubt", "longer", "more", "less", "other"}:
        return None
    verb = token.head.head
    there = verb.lemma_ == "be" and verb.i == token.i - 1 and any(child.dep_ == "expl" for child in verb.children)
    if there and not any(child.dep_ in {"cc", "conj"} for child in token.head.children):
        return "not any"
    return "any" if _before(token) == "with" and token.nbor(-1) == token.head.head else None


def _one(token: Token, following: Token | None) -> str | None:
    of = following is not None and following.lower_ == "of"
    return "" if _before(token) == "no" and not of else None


def _with(token: Token, following: Token | None) -> str | None:
    no = following is not None and following.lower_ == "no" and following.dep_ == "det"
    return "without" if no and following is not None and following.head.head == token else None


def _as(token: Token, following: Token | None) -> str | None:
    """As in: as to the ship -> about the ship."""
    return "about" if following is not None and following.lower_ == "to" and following.tag_ == "IN" else None


def _to(token: Token, following: Token | None) -> str | None:
    return "" if token.tag_ == "IN" and _before(token) == "as" and following is not None else None


def _such(token: Token, following: Token | None) -> str | None:
    """As in: such a night -> this kind of night."""
    return "this kind of" if _pointing_such(token) else None


def _pointing_such(token: Token) -> bool:
    doc, i = token.doc, token.i
    if token.lower_ != "such" or i + 2 >= len(doc) or doc[i + 1].lower_ not in {"a", "an"} or token.head.tag_ != "NN":
        return False
    ahead = [later.lower_ for later in doc[i + 2 : i + 2 + _LOOK_AHEAD]]
    plain = token.head.i == i + 2 and token.head.lower_ not in {"way", "manner", "thing", "kind", "one"}
    return plain and not _RESULTS & set(ahead) and _before(token) not in {"no", "not", "any", "with", "in"}


def _article(token: Token, following: Token | None) -> str | None:
    return "" if token.i > 0 and _pointing_such(token.nbor(-1)) else None


def _so(token: Token, following: Token | None) -> str | None:
    """Dropped before an adjective that it only strengthens."""
    degree = token.dep_ == "advmod" and following is not None and following == token.head and following.tag_ == "JJ"
    if not degree or following is None or _before(token) in {"not", "n't", "and", "or", "ever", "how"}:
        return None
    ahead = {later.lower_ for later in token.doc[following.i + 1 : following.i + _LOOK_AHEAD]}
    many = following.lower_ in {"much", "many", "few", "little", "far", "long"} or _before(token) in {",", ";"}
    if many or ahead & {*_RESULTS, "a", "an"} or following.dep_ != "acomp":
        return None
    return "" if following.head.i < token.i else None


def _very(token: Token, following: Token | None) -> str | None:
    """As in: the very centre -> the centre."""
    return "" if token.tag_ == "JJ" and token.dep_ == "amod" and token.head.i > token.i else None


def _now(token: Token, following: Token | None) -> str | None:
    """As in: Now the whale was old. -> The whale was old."""
    led = token.is_sent_start and token.dep_ == "advmod" and following is not None
    return "" if led and following is not None and following.tag_ in {"DT", "PRP", "EX", "PRP$"} else None


CHOICES: dict[str, Choice] = {
    "many": _amount, "much": _amount, "every": _every, "some": _some, "round": _round, "like": _like,
    "all": _all, "no": _no, "one": _one, "with": _with, "as": _as, "to": _to, "such": _such, "a": _article,
    "an": _article, "so": _so, "very": _very, "now": _now,
}  # fmt: skip
