"""Names and numbers a text states, and how many of them another text still states."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

from engine.language import is_word, parse

if TYPE_CHECKING:
    from spacy.tokens import Doc, Span, Token

_NOT_NAMES = frozenset("i mr mrs ms dr st messrs o oh ah tis twas twere twould twill methinks methought".split())
SMALL_WORDS = frozenset(
    "oh ah alas nay aye ye thee thou thy thine lo hast hadst canst couldst wilt wouldst didst dost wert wast "
    "shouldst mayst shall unto upon ere whilst betwixt hath doth thereupon "
    "whereupon".split()
)
OLD_WORDS = SMALL_WORDS | frozenset("thither hither whither thence hence whence yonder perchance".split())
"""Words that a tagger which never met them takes for names where they begin a sentence."""
_OPENERS = frozenset("\"“”'‘’([{—–-:;.!?…*_")
_POSSESSIVE = re.compile(r"['’](?:s|S)?$")
_PIECE = re.compile(r"\d+(?:,\d{3})*(?:\.\d+)?(?:st|nd|rd|th)?|[^\W\d_]+(?:['’][^\W\d_]+)*")

_UNITS = {
    word: value
    for value, word in enumerate(
        "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen "
        "seventeen eighteen nineteen".split()
    )
}
_TENS = {
    word: 10 * value
    for value, word in enumerate("twenty thirty forty fifty sixty seventy eighty ninety".split(), start=2)
}
_SCALES = {"hundred": 100, "thousand": 1000, "million": 10**6, "billion": 10**9}
_ORDINALS = {
    "first": 1, "second": 2, "third": 3, "fifth": 5, "eighth": 8, "ninth": 9, "twelfth": 12,
    **{f"{word}th": value for word, value in _UNITS.items() if value not in {1, 2, 3, 5, 8, 9, 12}},
    **{f"{word[:-1]}ieth": value for word, value in _TENS.items()},
    **{f"{word}th": value for word, value in _SCALES.items()},
}  # fmt: skip
_VAGUE = frozenset({"one", "first", "second"})
"""Number words that are mostly pronouns, adverbs and nouns: facts only where the grammar says so."""


@dataclass(frozen=True, slots=True)
class Facts:
    """Multisets of what a text states: lower-case name words without possessive, numbers in digits."""

    names: Counter[str]
    numbers: Counter[str]


@dataclass(frozen=True, slots=True)
class Kept:
    """How many name words and numbers of a source another text has; `missing` lists the others in order."""

    names_total: int
    names_kept: int
    numbers_total: int
    numbers_kept: int
    missing: tuple[str, ...]

    @property
    def share(self) -> float:
        """Kept facts over all facts; 1 where the source states none."""
        total = self.names_total + self.numbers_total
        return (self.names_kept + self.numbers_kept) / total if total else 1.0


def _key(word: str) -> str:
    return _POSSESSIVE.sub("", word).replace("’", "'").lower().lstrip("'")


def pieces(text: str) -> list[str]:
    """The words and numbers of `text` as facts are compared: lower case, without possessive."""
    return [_key(piece) for piece in _PIECE.findall(text)]


@cache
def common_word(word: str) -> bool:
    """Whether the lower-case `word` is an English word other than a name."""
    from spacy.lang.en.stop_words import STOP_WORDS

    return word in STOP_WORDS or word in SMALL_WORDS or is_word(word) or word.endswith(("n't", "ly"))


def _number(words: list[str]) -> int:
    total, current = 0, 0
    for word in words:
        value = _UNITS.get(word, _TENS.get(word))
        if value is None:
            value = _ORDINALS.get(word)
        if word in _SCALES or (value in _SCALES.values() and word in _ORDINALS):
            scale = _SCALES.get(word, value or 1)
            current = max(current, 1) * scale
            if scale > 100:
                total, current = total + current, 0
        else:
            current += value or 0
    return total + current


def _continues(run: list[str], word: str) -> bool:
    """Whether `word` goes on with the number spelt so far: "twenty" "five", "two" "hundred"."""
    last = run[-1]
    if last in _ORDINALS:
        return False
    if word in _SCALES or word in {"hundredth", "thousandth", "millionth"}:
        return True
    small = _UNITS.get(word) or _ORDINALS.get(word) or 0
    if last in _TENS:
        return 0 < small < 10
    return last in _SCALES


def numbers_in(text: str, *, vague: bool = True) -> Iterator[tuple[int, str]]:
    """Start offset and canonical digits of each number in `text`, spelt or in figures, ordinals as cardinals.

    With `vague` "one", "first" and "second" count too, whatever they mean.
    """
    run: list[str] = []
    start = end = 0
    for found in _PIECE.finditer(text):
        word = found[0].lower()
        gap = text[end : found.start()]
        spelt = word in _UNITS or word in _TENS or word in _SCALES or word in _ORDINALS
        if run and (word == "and" and run[-1] in _SCALES and gap == " "):
            run.append(word)
            end = found.end()
            continue
        if run and not (spelt and gap in {" ", "-", "–"} and _continues([w for w in run if w != "and"], word)):
            yield from _spelt(run, start, vague)
            run = []
        if spelt:
            if not run:
                start = found.start()
            run.append(word)
        elif word[0].isdigit():
            yield found.start(), re.sub(r"(?:st|nd|rd|th)$|,", "", word)
        elif word in {"thrice", "dozen"}:
            yield found.start(), {"thrice": "3", "dozen": "12"}[word]
        end = found.end()
    if run:
        yield from _spelt(run, start, vague)


def _spelt(run: list[str], start: int, vague: bool) -> Iterator[tuple[int, str]]:
    words = [word for word in run if word != "and"]
    if vague or words[0] not in _VAGUE or len(words) > 1:
        yield start, str(_number(words))


def _starts_sentence(token: Token) -> bool:
    """Whether a capital says nothing at this place: first in a sentence, a quotation or after a break."""
    if token.i == 0 or token.is_sent_start:
        return True
    before = token.nbor(-1).text
    return before[-1] in _OPENERS and before not in {"'s", "’s", "-"}


def _named_beside(token: Token) -> bool:
    """Whether a word that begins a sentence or a bracket is joined to a name: "Marsh and Ode found it"."""
    following = token.doc[token.i + 1 : token.i + 3]
    return len(following) == 2 and following[0].lower_ in {"and", "&"} and following[1].pos_ == "PROPN"


def _is_name(token: Token, seen_inside: set[str]) -> bool:
    text = token.text
    if not text[0].isupper() or not text[0].isalpha() or _key(text) in _NOT_NAMES or "I'" in text.replace("’", "'"):
        return False
    lower = _key(text)
    if not _starts_sentence(token):
        # Shouted words are names only if no dictionary has them.
        shouted = text.isupper() and len(text) > 1
        return not (shouted and common_word(lower)) and (
            token.tag_ not in {"PRP", "PRP$", "DT", "UH"} or not common_word(lower)
        )
    if common_word(lower):
        return token.pos_ == "PROPN" and (lower in seen_inside or _named_beside(token))
    return lower in seen_inside or token.pos_ in {"PROPN", "NOUN"}


def name_tokens(doc: Doc) -> list[Token]:
    """Tokens of `doc` that are words of a name.

    The small pipeline's named entities miss many, so they are not asked: a capital inside a sentence makes a name,
    and one at the start of a sentence does where the tagger says so and the word is in no dictionary, or where it
    stands inside a sentence elsewhere. (On 300 passages each of two authors the entities added 3 names in 4,891.)
    """
    inside = {_key(token.text) for token in doc if token.text[0].isupper() and not _starts_sentence(token)}
    return [token for token in doc if _is_name(token, inside)]


def number_tokens(doc: Doc) -> list[tuple[int, str]]:
    """Index of the first token of each number stated in `doc`, with its canonical digits; "7:15" states two."""
    found = list(numbers_in(doc.text))
    by_offset = {token.idx: token for token in doc} if found else {}
    stated = []
    for offset, digits in found:
        token = by_offset.get(offset)
        if token is None:
            token = next(candidate for candidate in reversed(doc) if candidate.idx <= offset)
        if token.lower_ in _VAGUE and len(digits) == 1:
            counts = (
                token.dep_ in {"nummod", "amod"} and token.head.i > token.i and token.head.pos_ in {"NOUN", "PROPN"}
            )
            if not counts or token.head.lower_ in {"time", "place", "glance", "sight", "day", "thing", "hand"}:
                continue
        stated.append((token.i, digits))
    return stated


def facts(text: Doc | str) -> Facts:
    """Names and numbers of `text`; a string is parsed first."""
    doc = parse(text, entities=False) if isinstance(text, str) else text
    return _gathered(name_tokens(doc), number_tokens(doc))


def facts_of_spans(doc: Doc, spans: Sequence[Span]) -> list[Facts]:
    """Names and numbers of each of `spans`, found in the light of the whole `doc`."""
    names, numbers = name_tokens(doc), number_tokens(doc)
    return [
        _gathered(
            [token for token in names if span.start <= token.i < span.end],
            [(index, digits) for index, digits in numbers if span.start <= index < span.end],
        )
        for span in spans
    ]


def _gathered(tokens: list[Token], numbers: list[tuple[int, str]]) -> Facts:
    names = (_key(piece) for token in tokens for piece in _PIECE.findall(token.text) if len(piece) > 1)
    return Facts(Counter(names), Counter(digits for _, digits in numbers))


def kept(source: Doc | str | Facts, output: str, *, each: bool = True) -> Kept:
    """How many facts of `source` the plain text `output` still states, compared without case and possessive.

    With `each` a name stated twice must be there twice; without, once is enough (a rewrite may use a pronoun).
    """
    stated = source if isinstance(source, Facts) else facts(source)
    there = Counter(_key(piece) for piece in _PIECE.findall(output))
    digits = Counter(number for _, number in numbers_in(output))
    totals, keeps = [0, 0], [0, 0]
    missing: list[str] = []
    for kind, (wanted, found) in enumerate(((stated.names, there), (stated.numbers, digits))):
        for fact, count in wanted.items():
            count = count if each else 1
            have = min(count, found[fact])
            totals[kind] += count
            keeps[kind] += have
            missing += [fact] * (count - have)
    return Kept(totals[0], keeps[0], totals[1], keeps[1], tuple(missing))
