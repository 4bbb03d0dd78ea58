"""Which words of a text may go because they only adorn it: stacked adjectives, manner adverbs, interjections."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from engine.neutral.grammar import NEGATIVES

if TYPE_CHECKING:
    from spacy.tokens import Doc, Token

RARE = 3.2
"""Zipf frequency (log10 per billion words) below which a word of a stack adorns more than it tells (chosen: "unusually
sleepy", 3.8, and "faulty", 3.6, are facts, "curiously", 3.2, and "hideously", 2.5, are a voice)."""

_EMPTY = frozenset(
    "indeed truly verily assuredly forsooth moreover furthermore utterly veritably literally simply somehow thus "
    "besides likewise".split()
)
_PRAISE = frozenset(
    "beautiful lovely comely exquisite magnificent splendid glorious superb gorgeous wonderful marvellous marvelous "
    "wondrous delightful charming horrible terrible dreadful hideous frightful ghastly awful monstrous loathsome "
    "abominable ugly grotesque weird strange uncanny bizarre singular peculiar nameless unspeakable indescribable "
    "unutterable sublime majestic stately noble mighty awesome solemn grim sinister fiendish infernal accursed "
    "wretched miserable".split()
)
"""Adjectives that say what the writer feels of a thing, and so may go where another says what it is."""
_INTERJECTIONS = frozenset("oh o ah alas lo hark behold fie pshaw hurrah hurra ha aha hey heigho well why now".split())
_ANSWERS = frozenset({"yes", "no", "yea", "nay", "aye"})
_TELLING = frozenset(
    "only early nearly hardly barely scarcely rarely seldom mostly partly mainly possibly probably likely daily "
    "weekly monthly yearly hourly usually generally finally firstly secondly lastly recently lately formerly suddenly "
    "exactly immediately directly shortly originally previously initially eventually equally entirely approximately "
    "apparently evidently nightly jointly separately alternately respectively similarly presumably supposedly "
    "reportedly virtually practically merely newly publicly privately legally financially family italy reply "
    "simultaneously automatically locally manually fully badly heavily frequently occasionally regularly constantly "
    "continually repeatedly invariably normally typically commonly annually briefly temporarily permanently officially "
    "unanimously narrowly".split()
)
_ACTIVE = frozenset({"VBD", "VBZ", "VBP", "VBG", "VB"})
_DOUBTING = NEGATIVES | frozenset("if unless until whether before little barely only".split())


@cache
def zipf(word: str) -> float:
    from wordfreq import zipf_frequency

    return zipf_frequency(word, "en")


def dropped(doc: Doc, reading_names: frozenset[int], numbers: frozenset[int], quoted: frozenset[int]) -> set[int]:
    """Indices of the tokens that only adorn, with the commas and conjunctions that held them."""
    gone: set[int] = set()
    kept = reading_names | numbers | quoted
    for token in doc:
        if token.i in kept or token.i in gone:
            continue
        if token.tag_ == "RB":
            gone |= _adverb(token, kept)
        elif (token.tag_ == "UH" and token.lower_ not in _ANSWERS) or token.lower_ in _INTERJECTIONS:
            gone |= _interjection(token)
        elif token.pos_ in {"NOUN", "PROPN"}:
            gone |= _adjectives(token, kept)
    return {index for index in gone if index not in kept}


def _adverb(token: Token, kept: frozenset[int]) -> set[int]:
    lower = token.lower_
    empty = lower in _EMPTY
    head = token.head
    manner = lower.endswith("ly") and lower not in _TELLING and token.i < head.i
    # "seriously hurt", "newly built": before what is no verb of the clause, a common adverb says which.
    manner = manner and (head.tag_ in _ACTIVE or zipf(lower) < RARE)
    if token.dep_ != "advmod" or any(True for _ in token.children) or not (empty or manner):
        return set()
    if head.i in kept or _under_condition(token):
        return set()
    if token.i > head.i and lower == "thus":
        return set()
    if (
        token.i > 0
        and token.nbor(-1).lower_
        in {"so", "as", "too", "how", "more", "most", "less", "very", "not", "and", "or", "but", ","}
        and not (token.nbor(-1).lower_ == "," and empty)
    ):
        return set()
    following = token.nbor(1) if token.i + 1 < len(token.doc) else None
    if following is None or following.lower_ in {"and", "or", "but"}:
        return set()
    gone = {token.i}
    if following.text == "," and (token.is_sent_start or token.nbor(-1).text in {",", ";", ":"}):
        gone.add(following.i)
        if token.i > 0 and token.nbor(-1).text == "," and not token.is_sent_start:
            gone.add(token.i - 1)
    return gone


def _under_condition(token: Token) -> bool:
    """Whether its clause is denied, doubted or asked for: "none was seriously hurt", "if it is firmly shut"."""
    earlier = token.doc[token.sent.start : token.i]
    return any(word.dep_ == "neg" or word.lower_ in _DOUBTING for word in earlier)


def _interjection(token: Token) -> set[int]:
    following = token.nbor(1) if token.i + 1 < len(token.doc) else None
    if not token.is_sent_start or following is None or following.text not in {",", "!"}:
        return set()
    if following.i + 1 >= token.sent.end:
        return set()
    return {token.i, following.i}


def _adjectives(noun: Token, kept: frozenset[int]) -> set[int]:
    """Of several words before `noun`, those that adorn it; the last one stays, whatever it is."""
    standing = [child for child in noun.children if child.dep_ == "amod" and child.i < noun.i]
    stack = [word for word in standing if word.i not in kept]
    gone = {index for word in stack for index in _second(word, noun, kept)}
    left = len(standing)
    for word in sorted(stack, key=lambda word: (zipf(word.lower_), word.i)):
        if left > 1 and _adorns(word, kept):
            gone |= set(range(word.left_edge.i, word.i + 1)) | _comma_after(word, noun)
            left -= 1
    return gone | _comma_left(noun, gone)


def _adorns(word: Token, kept: frozenset[int]) -> bool:
    if _hyphenated(word, kept):
        return True
    open_class = word.tag_ in {"JJ", "VBN", "VBG"} and _bare(word)
    return open_class and (word.lower_ in _PRAISE or zipf(word.lower_) < RARE)


def _comma_left(noun: Token, gone: set[int]) -> set[int]:
    """The comma that would stand right before the noun once the words between are gone."""
    start = noun.i
    while start - 1 >= noun.left_edge.i and noun.doc[start - 1].dep_ == "compound":
        start -= 1
    before = start - 1
    while before in gone:
        before -= 1
    bare = before < start - 1 and before > noun.left_edge.i and noun.doc[before].text == ","
    return {before} if bare else set()


def _hyphenated(word: Token, kept: frozenset[int]) -> bool:
    """Whether `word` ends a compound like "forest-darkened" that adorns its noun."""
    tokens = list(word.doc[word.left_edge.i : word.i + 1])
    marks = [token for token in tokens if token.text == "-"]
    if not marks or len(tokens) > 5 or not all(token.text.islower() or token.text == "-" for token in tokens):
        return False
    first = tokens[0].lower_
    return not any(token.i in kept for token in tokens) and first not in {
        "non",
        "well",
        "self",
        "mid",
        "so",
        "pre",
        "ex",
    }


def _bare(word: Token) -> bool:
    if word.i > 0 and word.nbor(-1).lower_ in {
        "most",
        "more",
        "less",
        "least",
        "too",
        "so",
        "as",
        "very",
        "not",
        "how",
    }:
        return False
    return all(
        child.dep_ in {"conj", "cc", "punct"} or child.tag_ == "RB" and child.lower_.endswith("ly")
        for child in word.children
    )


def _second(word: Token, noun: Token, kept: frozenset[int]) -> set[int]:
    """The second half of "ponderous and forbidding slab", with its conjunction, where it only adorns."""
    gone: set[int] = set()
    for child in word.children:
        if child.dep_ == "conj" and child.pos_ in {"ADJ", "VERB"} and child.i < noun.i and _adorns(child, kept):
            span = set(range(word.i + 1, child.right_edge.i + 1))
            if any(token.pos_ in {"NOUN", "PROPN"} for token in word.doc[word.i + 1 : child.i]):
                continue
            text = {token.lower_ for token in word.doc[word.i + 1 : child.right_edge.i + 1]}
            if child.right_edge.i < noun.i and not text & {"or", "but", "not", "nor", "yet"} and not span & kept:
                gone |= span
    return gone


def _comma_after(word: Token, noun: Token) -> set[int]:
    following = word.nbor(1)
    gone = {child.i for child in word.children if child.i < word.i}
    if following.text == "," and following.i < noun.i:
        gone.add(following.i)
    elif word.i > 0 and word.nbor(-1).text == "," and word.nbor(-1).head in {noun, word}:
        gone.add(word.i - 1)
    return gone
