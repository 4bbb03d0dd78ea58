"""Faults planted into good rewrites on purpose, to see whether verification finds them."""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Mapping, Sequence

from engine.language import sentences, words
from engine.measures.facts import facts

_CAPITAL = re.compile(r"(?<=[a-z,;] )[A-Z][a-z]{3,}\b")
_FIGURE = re.compile(
    r"\b(?:\d+|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|fifteen|twenty|thirty|forty|fifty|hundred)\b"
)
_SPELT = "two three four five six seven eight nine ten eleven twelve fifteen twenty thirty forty fifty".split()
_STRANGERS = (
    "Harrington Pemberton Vasquez Okonkwo Lindqvist Marlborough Tanaka Featherstone Dubois Kowalski Abernathy "
    "Castellan Rotterdam Valparaiso Edinburgh Kamchatka Bucharest Saskatoon Montevideo Ravensworth Ellery "
    "Thorne Winslow Gideon"
).split()
_REFUSALS = (
    "I'm sorry, but I can't assist with that request.",
    "As an AI language model, I cannot rewrite this passage.",
    "I cannot fulfill this request.",
    "I am unable to help with this.",
    "Here is the rewritten passage:",
    "Sure! Here's the text in the author's style:",
    "I apologize, but I cannot generate this content.",
    "I'm an AI and cannot provide that.",
    "Rewritten version:",
    "Let me know if you would like any changes.",
)
_WITH = re.compile(r"(?<=[a-z])(?=[,;.])")
_TURNED = re.compile(
    r"\b(was|were|is|had|could|would|did|must|should)\b(?! not\b|n['’]t|\s+(?:no|never|nothing|scarcely))"
)

Plant = Callable[[str, random.Random, Sequence[str]], str | None]
"""Takes a text, a random source and the author's other passages; None where the text has no room for the fault."""


def dropped_sentence(text: str, draw: random.Random, others: Sequence[str]) -> str | None:
    """One sentence of five words or more is gone; there must be three."""
    parts = sentences(text)
    long = [index for index, part in enumerate(parts) if len(words(part)) >= 5]
    if len(parts) < 3 or not long:
        return None
    gone = draw.choice(long)
    return " ".join(part for index, part in enumerate(parts) if index != gone)


def changed_number(text: str, draw: random.Random, others: Sequence[str]) -> str | None:
    """One number, in digits or words, is another."""
    found = list(_FIGURE.finditer(text))
    if not found:
        return None
    one = draw.choice(found)
    if one[0].isdigit():
        other = str(int(one[0]) + draw.choice([1, 2, 3, 10, 20]))
    else:
        other = draw.choice([word for word in _SPELT if not re.search(rf"\b{word}\b", text)])
    return text[: one.start()] + other + text[one.end() :]


def _names(text: str) -> list[re.Match[str]]:
    known = facts(text).names
    return [found for found in _CAPITAL.finditer(text) if found[0].lower() in known]


def swapped_name(text: str, draw: random.Random, others: Sequence[str]) -> str | None:
    """One mention of a name is another name: of the same text where it has two, else of another passage."""
    found = _names(text)
    if not found:
        return None
    one = draw.choice(found)
    rest = sorted({name[0] for name in found} - {one[0]})
    if not rest:
        elsewhere = {name[0] for other in others[:20] for name in _names(other)}
        rest = sorted(name for name in elsewhere if name not in text)
    return text[: one.start()] + draw.choice(rest) + text[one.end() :] if rest else None


def invented_name(text: str, draw: random.Random, others: Sequence[str]) -> str | None:
    """Somebody or some place that was never mentioned stands at the end of a clause."""
    places = list(_WITH.finditer(text))
    if not places:
        return None
    at = draw.choice(places).start()
    name = draw.choice([one for one in _STRANGERS if one not in text])
    return f"{text[:at]} {draw.choice(['with', 'near', 'before', 'like'])} {name}{text[at:]}"


def loop(text: str, draw: random.Random, others: Sequence[str]) -> str | None:
    """From some place on, one phrase of four to twelve words comes again and again."""
    stream = text.split()
    size = draw.randint(4, 12)
    if len(stream) < 2 * size:
        return None
    at = draw.randint(size, len(stream))
    return " ".join(stream[:at] + stream[at - size : at] * draw.randint(3, 6))


def copied_span(text: str, draw: random.Random, others: Sequence[str]) -> str | None:
    """25 words in a row of another passage stand between two sentences."""
    long = [other.split() for other in others if len(other.split()) >= 40]
    if not long:
        return None
    stream = draw.choice(long)
    start = draw.randint(0, len(stream) - 25)
    parts = sentences(text)
    at = draw.randint(0, len(parts))
    return " ".join([*parts[:at], " ".join(stream[start : start + 25]), *parts[at:]])


def refusal(text: str, draw: random.Random, others: Sequence[str]) -> str | None:
    """A model speaks: before the text, behind it or instead of it."""
    said = draw.choice(_REFUSALS)
    return draw.choice([f"{said} {text}", f"{text} {said}", said])


def turned(text: str, draw: random.Random, others: Sequence[str]) -> str | None:
    """One sentence denies what it affirmed."""
    found = list(_TURNED.finditer(text))
    if not found:
        return None
    at = draw.choice(found).end()
    return f"{text[:at]} not{text[at:]}"


FAULTS: Mapping[str, Plant] = {
    "dropped sentence": dropped_sentence,
    "changed number": changed_number,
    "swapped name": swapped_name,
    "invented name": invented_name,
    "loop": loop,
    "copied span": copied_span,
    "refusal": refusal,
    "negation flip": turned,
}

ANSWERS: Mapping[str, frozenset[str]] = {
    "dropped sentence": frozenset({"omitted", "facts"}),
    "changed number": frozenset({"facts", "invented", "embellished", "swapped"}),
    "swapped name": frozenset({"facts", "swapped", "invented"}),
    "invented name": frozenset({"invented"}),
    "loop": frozenset({"loop"}),
    "copied span": frozenset({"copied"}),
    "refusal": frozenset({"refusal"}),
    "negation flip": frozenset({"negation", "contradicted"}),
}
"""Kinds of finding that name each fault for what it is."""
