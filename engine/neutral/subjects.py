"""How to name someone or something again when a clause becomes a sentence of its own."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from engine.language import inflect
from engine.neutral.grammar import BREAKS, Number, Tense, subject_token
from engine.neutral.reading import Reading

if TYPE_CHECKING:
    from spacy.tokens import Token


_OBJECT = {"i": "me", "he": "him", "she": "her", "we": "us", "they": "them", "who": "whom"}
_POSSESSIVE = {"i": "my", "he": "his", "she": "her", "it": "its", "we": "our", "they": "their", "you": "your"}
_PRONOUN_NUMBER: dict[str, Number] = {
    "i": "first", "he": "singular", "she": "singular", "it": "singular",
    "we": "plural", "you": "plural", "they": "plural", "this": "singular",
}  # fmt: skip
_QUANTIFIERS = frozenset("no every each any neither either such what which few another many some all both".split())
_VAGUE_NOUNS = frozenset(
    "one ones number lot rest kind sort type pair part piece bit couple means way manner fact something anything "
    "nothing everything someone anyone everyone nobody none some all most many few others other more any each "
    "both either neither much half enough same latter former".split()
)


@dataclass(frozen=True, slots=True)
class Subject:
    """How to name someone or something again: "I", "the old door", "Wilcox"; `text` as it stands inside a sentence."""

    text: str
    number: Number

    @property
    def object(self) -> str:
        return _OBJECT.get(self.text.lower(), self.text)

    @property
    def possessive(self) -> str:
        pronoun = _POSSESSIVE.get(self.text.lower())
        if pronoun:
            return pronoun
        return self.text + ("'" if self.text.endswith("s") and self.number == "plural" else "'s")

    def verb(self, lemma: str, tense: Tense) -> str:
        """The finite form of `lemma` that goes with this subject."""
        if lemma == "be":
            if tense == "past":
                return "were" if self.number == "plural" else "was"
            return {"first": "am", "singular": "is", "plural": "are"}[self.number]
        first, _, rest = lemma.partition(" ")
        form = inflect(first, "VBD" if tense == "past" else "VBZ" if self.number == "singular" else "VB")
        return f"{form} {rest}" if rest else form


def subject_of(reading: Reading, verb: Token) -> Subject | None:
    """How to repeat the subject of `verb`, looking up through coordinated verbs; None where it cannot be repeated."""
    while True:
        found = subject_token(verb)
        if found is not None:
            return reference(reading, found) if found.dep_ in {"nsubj", "nsubjpass"} else None
        if verb.dep_ != "conj" or verb.head.pos_ not in {"VERB", "AUX"}:
            return None
        verb = verb.head


def reference(reading: Reading, noun: Token, *, antecedent: bool = False) -> Subject | None:
    """A short way to name `noun` again, or None where a repetition would say something else ("no man", "each").

    Bare plurals become pronouns as subjects ("Whales eat. They sleep.") but are repeated as antecedents of a
    relative clause, where a pronoun could mean anything. No noun becomes "it": it may be a person, or a board.
    """
    lower = noun.lower_
    if any(child.dep_ == "conj" for child in noun.children):
        pronouns = {token.lower_ for token in (noun, *noun.conjuncts)}
        return Subject("we", "plural") if pronouns & {"i", "we", "me", "us"} else Subject("they", "plural")
    if noun.tag_ == "PRP":
        number = _PRONOUN_NUMBER.get(lower)
        return Subject("I" if lower == "i" else lower, number) if number else None
    if lower in {"this", "that"} and noun.tag_ == "DT":
        return Subject("this", "singular")
    if lower in {"these", "those"}:
        return None
    if noun.pos_ not in {"NOUN", "PROPN"} or lower in _VAGUE_NOUNS or reading.in_quotation(noun):
        return None
    if noun.tag_ == "NNS" and any(child.lower_ in {"a", "an"} for child in noun.children if child.dep_ == "det"):
        # "a thin film forms": a verb that the parse took for a noun.
        return None
    return _named(reading, noun, antecedent)


def _named(reading: Reading, noun: Token, antecedent: bool) -> Subject | None:
    plural = noun.tag_ in {"NNS", "NNPS"}
    number: Number = "plural" if plural else "singular"
    determiner = next((child for child in noun.children if child.dep_ in {"det", "poss", "predet"}), None)
    if plural and not antecedent and determiner is None:
        return Subject("they", "plural")
    if determiner is not None and determiner.lower_ in _QUANTIFIERS:
        return Subject("they", "plural") if plural and determiner.lower_ in {"some", "many", "all", "few"} else None
    if any(child.dep_ in {"nummod", "relcl"} and child.i > noun.i + 40 for child in noun.children):
        return None
    start = noun.i
    while start > 0 and reading.doc[start - 1].dep_ == "compound" and reading.doc[start - 1].i >= noun.left_edge.i:
        start -= 1
    tokens = list(reading.doc[start : noun.i + 1])
    if any(token.text in BREAKS for token in tokens):
        tokens = [noun]
    core = _spell(reading, tokens)
    if not core:
        return None
    pointed = "these" if plural else "this"
    if determiner is None:
        if noun.i in reading.names:
            return Subject(core, number)
        # A bare singular ("Slept badly, woke late") may be anything; a capital is no common noun's.
        common = antecedent and noun.tag_ in {"NN", "NNS"}
        return Subject(f"{pointed} {core}", number) if common else None
    if determiner.dep_ == "poss":
        if determiner.tag_ == "PRP$":
            return Subject(f"{determiner.lower_} {core}", number)
        if determiner.i in reading.names and determiner.nbor(1).tag_ == "POS":
            return Subject(f"{determiner.text}'s {core}", number)
        return Subject(f"the {core}", number)
    if antecedent and noun.i not in reading.names:
        return Subject(f"{pointed} {core}", number)
    word = determiner.lower_ if determiner.lower_ in {"this", "these", "that"} else "the"
    return Subject(f"{word} {core}", number)


def _spell(reading: Reading, tokens: list[Token]) -> str:
    text = ""
    for token in tokens:
        word = reading.text(token)
        if token.i not in reading.names and token.tag_ not in {"NNP", "NNPS"}:
            word = word.lower() if token.is_sent_start else word
        joined = not token.whitespace_ and token is not tokens[-1]
        text += word + ("" if joined else " ")
    return text.strip()
