"""Words that one text denies and another affirms: what no sentence embedding notices."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from spacy.tokens import Doc, Token

_NEGATORS = frozenset(
    "not never ne'er no nor neither nothing naught nought nobody none nowhere without hardly scarcely "
    "cannot nay".split()
)
_EMPTY = frozenset("be have do can could may might must shall should will would".split())
_SAYING = ("acomp", "attr", "oprd", "dobj", "xcomp", "ccomp", "prep", "pobj", "nsubj")
"""Where the word that is denied stands below an empty verb, in order of preference: "was not happy"."""
_AFFIRMED_BY = frozenset("but only merely simply alone".split())
"""What turns the denial before it into its opposite: "nothing but", "not only"."""
_NOTHING = frozenset("nothing naught nought nobody none nowhere".split())
"""What takes a "but" also a few words later: "nothing now but a wish"."""
_ANY = frozenset("any anyone anybody anything anywhere either".split())


def _plain(token: Token) -> str:
    """The word, also where a dash before it was not told from it ("hatches—don't")."""
    return token.lower_.replace("’", "'").rsplit("—", 1)[-1]


def _denies(token: Token) -> bool:
    """Whether `token` is a word of denial that is not at once taken back."""
    word = _plain(token)
    if word not in _NEGATORS and not word.endswith("n't"):
        return False
    if word in _NOTHING and any(following.lower_ == "but" for following in token.doc[token.i + 1 : token.i + 4]):
        return False
    return token.i + 1 == len(token.doc) or token.nbor().lower_ not in _AFFIRMED_BY


def _answers(token: Token) -> bool:
    """Whether a denial stands for a whole sentence ("No, he went", "nay, more"): it denies nothing by its side."""
    return token.lower_ in {"no", "nay"} and (
        token.dep_ == "intj" or token.i + 1 == len(token.doc) or token.nbor().is_punct
    )


def _said(word: Token, negator: Token) -> Token | None:
    """`word`, or below an empty verb the word that says what is denied."""
    for _ in range(3):
        if word.lemma_.lower() not in _EMPTY and word.pos_ not in {"ADP", "AUX", "PRON"}:
            break
        below = [child for name in _SAYING for child in word.children if child.dep_ == name and child != negator]
        if not below:
            break
        word = below[0]
    return None if word.i == negator.i else word


def _denied(negator: Token) -> set[int]:
    """Indices of the words that `negator` denies: its verb or what an empty verb says, and the noun of "no" or "any".

    "Saw no light" and "did not see any light" deny the same words.
    """
    word = negator.head
    if negator.dep_ == "prep":  # "without"
        word = next((child for child in negator.children if child.dep_ in {"pobj", "pcomp"}), negator)
    words = [word]
    if negator.lower_ == "no" and negator.dep_ == "det":
        verb = word.head
        while verb.pos_ == "ADP" and verb.head.i != verb.i:
            verb = verb.head
        if verb.pos_ in {"VERB", "AUX"}:
            words.append(verb)
    words += [one.head for one in word.subtree if one.lower_ in _ANY and one.dep_ == "det" and one.i > negator.i]
    return {found.i for one in words if (found := _said(one, negator)) is not None}


def negators(doc: Doc) -> int:
    """How often `doc` denies anything."""
    return sum(_denies(token) for token in doc)


def denials(doc: Doc) -> set[int]:
    """Index of each word of `doc` that is denied an odd number of times."""
    found: Counter[int] = Counter()
    for token in doc:
        if _denies(token) and not _answers(token):
            found.update(_denied(token))
    return {index for index, times in found.items() if times % 2}


def inverted(source: Doc, output: Doc, key: Callable[[Token], str], counts: Callable[[Token], bool]) -> list[str]:
    """Words denied in one text and affirmed in the other, as `source` spells them, in order and once each.

    `key` says by what words are compared and `counts` which ones are. A word is judged only where both texts have it,
    and only if as many mentions changed sides: an author who denies more than the source is not accused.
    """
    sides: list[tuple[Counter[str], Counter[str]]] = []
    for doc in (source, output):
        denied = denials(doc)
        affirming: Counter[str] = Counter()
        denying: Counter[str] = Counter()
        for token in doc:
            if counts(token):
                (denying if token.i in denied else affirming)[key(token)] += 1
        sides.append((affirming, denying))
    (said, unsaid), (says, unsays) = sides
    found = {}
    for token in source:
        word = key(token)
        if not counts(token) or word in found:
            continue
        turned = not unsaid[word] and unsays[word] and says[word] < said[word]
        back = unsaid[word] and not unsays[word] and says[word] > said[word]
        if turned or back:
            found[word] = token.text
    return list(found.values())
