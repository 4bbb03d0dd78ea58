"""Moves a passage to a mundane topic and keeps how it is built: the same sentences, about laundry.

Concrete nouns become nouns of one everyday domain and names become ordinary names, each consistently; verbs,
function words, adjectives and abstract nouns stay, since they are what the style is made of.
"""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

from engine.language import inflect, match_case
from engine.variation import Rejected, Variant
from engine.variation.grammar import Draft, hyphenated, lemma, opens_sentence, parsed
from engine.variation.lexicon import Lexicon, lexicon, listed

if TYPE_CHECKING:
    from spacy.tokens import Doc, Token

LENGTH = 0.15
"""By how much of its original's length in words a snowflake may be longer or shorter."""

LEAST_REPLACED = 0.03
"""Share of the words that must be replaced for the topic to have changed."""

_TITLES = listed(
    """mr mr. mrs mrs. miss ms ms. dr dr. prof prof. professor captain capt capt. lieut lieut. sir lady lord st st.
    father mother brother sister uncle aunt king queen prince god lord monday tuesday wednesday thursday friday
    saturday sunday january february march april may june july august september october november december christmas
    easter i ii iii iv v vi vii viii ix x"""
)
_OFTEN_WORDS = listed("north south east west may will mark grace")
"""Names only where they are plainly a person's, or have been before."""
_DATED = frozenset({"DATE", "TIME", "CARDINAL", "ORDINAL", "QUANTITY", "MONEY", "PERCENT"})
_NAMED = {"GPE": "place", "LOC": "place", "FAC": "place", "ORG": "firm"}


def snowflake(passage: Doc | str, *, seed: int, name: str) -> Variant | Rejected:
    """`passage` moved to one mundane domain, chosen by `seed` and `name`.

    Rejected where there is too little to replace or the length changes by more than 15%.
    """
    doc = parsed(passage)
    draft = Draft(doc)
    random_ = random.Random(f"{seed}:{name}")
    nouns = lexicon()
    domain = nouns.domains[random_.choice(sorted(nouns.domains))]
    swap = _Swap({kind: _shuffled(words, random_) for kind, words in {**domain, **nouns.names}.items()})
    for token in doc:
        if token.pos_ == "PROPN":
            _rename(draft, token, swap)
        elif token.tag_ in {"NN", "NNS"}:
            kind = _kind(token, nouns)
            if kind is not None:
                draft.put(token, _inflected(swap.word(kind, lemma(token)), token))
    text = draft.text()
    words = len(doc.text.split())
    if len(draft.touched) < LEAST_REPLACED * words:
        return Rejected("too little to replace")
    if abs(len(text.split()) - words) > LENGTH * words:
        return Rejected("length")
    return Variant(text, len(draft.touched))


def _shuffled(words: tuple[str, ...], random_: random.Random) -> list[str]:
    return random_.sample(words, len(words))


class _Swap:
    """What each word became so far, so that it becomes the same again and nothing else does while words last."""

    def __init__(self, words: dict[str, list[str]]) -> None:
        self.words = words
        self.given: dict[tuple[str, str], str] = {}
        self.used: dict[str, int] = {}

    def knows(self, name: str) -> bool:
        return ("name", name) in self.given

    def word(self, kind: str, old: str, *, name: bool = False) -> str:
        # A name keeps its counterpart whatever the entity recogniser takes it for the next time.
        key = ("name" if name else kind, old)
        if key not in self.given:
            choice = self.words[kind]
            at = self.used.get(kind, 0)
            # A word may be in the domain already.
            if choice[at % len(choice)] == old:
                at += 1
            self.used[kind] = at + 1
            self.given[key] = choice[at % len(choice)]
        return self.given[key]


def _kind(token: Token, nouns: Lexicon) -> str | None:
    """The lexicon's kind of the noun as it is used here, or None for one that stays."""
    low = lemma(token)
    if token.ent_type_ in _DATED:
        return None
    if hyphenated(token) != (token.i, token.i + 1):
        return None
    if [near.pos_ for near in token.doc[token.i + 1 : token.i + 3]] == ["ADP", "PRON"] and token.nbor(1).lower_ == "of":
        # "a sheet of it", "a pack of them" only measure.
        return None
    determined = token.tag_ == "NNS" or any(
        child.dep_ in {"det", "poss", "nummod", "predet"} for child in token.children
    )
    if token.dep_ == "compound":
        return nouns.count.get(low) or nouns.mass.get(low)
    if not determined:
        # "in bed", "by train", "man" in general: only stuff can stand bare.
        return nouns.mass.get(low)
    if low in nouns.count:
        return nouns.count[low]
    single = any(child.lower_ in {"a", "an", "each", "every", "one"} for child in token.children)
    return None if token.tag_ == "NNS" or single else nouns.mass.get(low)


def _inflected(word: str, like: Token) -> str:
    *first, last = word.split()
    if like.tag_ == "NNS":
        last = inflect(last, "NNS")
    return match_case(" ".join([*first, last]), like.text)


def _rename(draft: Draft, token: Token, swap: _Swap) -> None:
    """Give a proper noun its mundane counterpart; titles, days and months stay."""
    if token.lower_ in _TITLES or token.ent_type_ in _DATED or not token.text[:1].isupper():
        return
    if token.lower_ in _OFTEN_WORDS and token.ent_type_ != "PERSON" and not swap.knows(token.lower_):
        return
    if not token.ent_type_ and opens_sentence(token) and not swap.knows(token.lower_):
        # As likely an ordinary word that the tagger took for a name because of its capital.
        return
    kind = _NAMED.get(token.ent_type_)
    following = token.doc[token.i + 1] if token.i + 1 < len(token.doc) else None
    joined = following is not None and following.pos_ == "PROPN" and following.ent_type_ == token.ent_type_
    if kind is None:
        draft.put(token, swap.word("given" if joined else "surname", token.lower_, name=True))
    elif joined:
        # "New England" and "Miskatonic University" become one name.
        draft.put(token, "")
    else:
        draft.put(token, swap.word(kind, token.lower_, name=True))
