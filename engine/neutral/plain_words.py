"""Plain words for literary and archaic ones, in the same grammatical form."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from engine.language import inflect, is_verb, match_case

if TYPE_CHECKING:
    from spacy.tokens import Token

TABLE = Path(__file__).with_name("plain_words.txt")

_SECTIONS = {
    "VERB": "verb", "NOUN": "noun", "ADJ": "adjective", "ADV": "adverb",
    "ADP": "any", "SCONJ": "any", "AUX": "any", "PRON": "any", "PART": "any", "DET": "any", "CCONJ": "any",
}  # fmt: skip
_PARTICLES = frozenset("up out off away down back apart on".split())
_GOING = frozenset({"go", "run", "fall", "come"})
_PREPOSITIONS = frozenset({"according", "considering", "regarding", "concerning"})
"""Participles that are no verbs any more: "according to the log" has nothing to do with giving."""
_JUDGING = frozenset({"consider", "contemplate", "conceive"})
"""Verbs whose plain form takes another preposition, and so does not go into the passive."""
_COMPARED = frozenset({"JJR", "JJS", "RBR", "RBS"})


def _bound(token: Token) -> bool:
    """Whether the word is part of a compound or a phrasal verb, where another would not do."""
    hyphen = token.i + 1 < len(token.doc) and token.nbor(1).text == "-" and not token.whitespace_
    hyphen = hyphen or (token.i > 0 and token.nbor(-1).text == "-" and not token.nbor(-1).whitespace_)
    phrasal = any(child.dep_ == "prt" for child in token.children)
    if token.pos_ == "NOUN" and any(child.dep_ == "compound" and child.i < token.i for child in token.children):
        # "blood vessel" is no ship.
        return True
    compound = token.dep_ == "compound" and token.head.i > token.i
    return (
        hyphen
        or phrasal
        or compound
        or (token.lemma_ == "dwell" and any(c.lower_ in {"on", "upon"} for c in token.children))
    )


@cache
def table() -> dict[tuple[str, str], str]:
    """Plain lemma by part of speech and ornate lemma, read from `plain_words.txt`."""
    found: dict[tuple[str, str], str] = {}
    section = ""
    for line in TABLE.read_text(encoding="utf-8").splitlines():
        if line.startswith("["):
            section = line.strip("[] ")
        elif line and not line.startswith("#"):
            plain, _, ornate = line.partition(":")
            for word in ornate.split():
                found[section, word.replace("_", " ")] = plain.replace("_", " ")
    return found


def plain_lemma(token: Token) -> str | None:
    """Lemma of the plain word for `token`, or None if it is plain already or nothing is known for it."""
    section = _SECTIONS.get(token.pos_)
    if section is None or token.lower_ in _PREPOSITIONS or (token.lemma_ in _JUDGING and token.tag_ == "VBN"):
        return None
    if token.lower_ == "shall" and not any(child.lower_ in {"i", "we"} for child in token.head.children):
        # "It shall not be withheld" is a duty.
        return None
    plain = _plain_lemma(token, section)
    if plain is None or _bound(token):
        return None
    if section == "adjective" and token.i > 0 and token.nbor(-1).lower_ in {"more", "most"}:
        # "more spacious" would become "more large".
        return None
    return plain


def _plain_lemma(token: Token, section: str) -> str | None:
    known, lemma = table(), token.lemma_
    if section == "verb" and lemma == "return":
        # "was stolen and returned": the passive is shared; "took his hat and returned": the hat is not.
        own = any(child.dep_ in {"dobj", "auxpass"} for child in token.children)
        shared = token.dep_ == "conj" and any(child.dep_ == "auxpass" for child in token.head.children)
        return None if own or shared else "come back"
    plain = known.get((section, lemma.lower()))
    if plain is None and not (section == "verb" and lemma.lower() != token.lower_ and is_verb(lemma.lower())):
        # As it stands, for what the tagger knows no lemma of; but "had wound the clock" is "to wind", not "to wound".
        plain = known.get((section, token.lower_))
    if plain is None and section in {"adverb", "any"}:
        plain = known.get(("any" if section == "adverb" else "adverb", token.lower_))
    if plain is None and section == "adjective" and token.tag_ in {"VBN", "VBG"}:
        plain = known.get(("verb", lemma.lower()))
    return plain


def _tag(token: Token) -> str:
    """The token's tag, mended where a past form was taken for a base form ("had I beheld") or for a participle."""
    if token.tag_ == "VBN":
        under = {child.dep_ for child in token.children}
        return "VBD" if "nsubj" in under and not under & {"aux", "auxpass"} else "VBN"
    if token.tag_ not in {"VB", "VBP"} or is_verb(token.lower_):
        return token.tag_
    perfect = any(
        word.lemma_ in {"have", "be"} and word.pos_ in {"AUX", "VERB"} for word in (token.head, *token.children)
    )
    return "VBN" if perfect else "VBD"


def plain_word(token: Token, lemma: str) -> str | None:
    """`lemma` in the form and case of `token`, or None where the form would not exist."""
    tag = _tag(token)
    if tag in _COMPARED:
        form = inflect(lemma, tag)
        if form == lemma or len(lemma) > 6:
            return None
        return match_case(form, token.text)
    if token.pos_ == "ADJ" and tag in {"VBN", "VBG"}:
        return match_case(lemma, token.text)
    if token.dep_ == "amod" and token.pos_ == "VERB" and " " in lemma:
        return None
    first, _, rest = lemma.partition(" ")
    if rest and token.i + 1 < len(token.doc) and token.nbor(1).lower_ == rest:
        # "seeking for" is "looking for" once.
        rest = ""
    kinds = {child.dep_ for child in token.children}
    if rest and kinds & {"xcomp", "oprd"}:
        return None
    if rest and token.pos_ == "VERB" and rest not in _PARTICLES and "dobj" not in kinds:
        # "a reward awaits" is not "waits for", and "was awaited" not "was waited for".
        return None
    if first in _GOING and rest and "dobj" in kinds:
        # One flees a town, but does not "run away" it.
        return None
    if lemma == "say" and kinds & {"dobj", "oprd", "auxpass"}:
        # A plan is announced and a war declared, but neither is said.
        return None
    if rest and any(child.dep_ == "dobj" and child.tag_ == "PRP" for child in token.children) and rest in _PARTICLES:
        # "take away it" is not English, and moving the pronoun is not worth it.
        return None
    if token.pos_ == "VERB":
        form = inflect(first, tag) + (f" {rest}" if rest else "")
    elif tag in {"NNS", "NNPS"} and lemma != "people":
        form = inflect(lemma, "NNS")
    else:
        form = lemma
    return match_case(form, token.text)
