"""A clause under the knife: words taken from a parsed sentence, its verb, and who its subject is."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Literal

from engine.language import inflect

if TYPE_CHECKING:
    from spacy.tokens import Doc, Token

Number = Literal["first", "singular", "plural"]
Tense = Literal["past", "present"]

SUBJECTS = frozenset({"nsubj", "nsubjpass", "expl", "csubj", "csubjpass"})
BREAKS = frozenset({",", ";", ":", "-", "–", "—", "--", "(", ")", "...", "…"})
_OBJECT = {"i": "me", "he": "him", "she": "her", "we": "us", "they": "them", "who": "whom"}
_POSSESSIVE = {"i": "my", "he": "his", "she": "her", "it": "its", "we": "our", "they": "their", "you": "your"}
_PRONOUN_NUMBER: dict[str, Number] = {
    "i": "first", "he": "singular", "she": "singular", "it": "singular",
    "we": "plural", "you": "plural", "they": "plural", "this": "singular",
}  # fmt: skip
_KEPT_DETERMINERS = frozenset("the this that these those my your his her its our their".split())
_QUANTIFIERS = frozenset("no every each any neither either such what which few another many some all both".split())
_VAGUE_NOUNS = frozenset(
    "one ones number lot rest kind sort type pair part piece bit couple means way manner fact something anything "
    "nothing everything someone anyone everyone nobody none some all most many few others other more any each "
    "both either neither much half enough same latter former".split()
)
_PEOPLE = frozenset(
    "man woman boy girl child baby king queen prince captain mate uncle aunt nephew niece cousin youth lad maid priest "
    "monk nun saint pope bishop chief thief guide savage chap fellow hand cook clerk smith scribe judge nurse wife bride "
    "son friend guest host ghost god goddess devil demon knight lord lady duke earl baron squire page slave heir orphan "
    "widow witch wizard giant dwarf fool coward ally enemy rival victim patient student agent poet prophet pilot pirate "
    "adult parent sage magistrate apprentice advocate candidate delegate associate companion native cannibal artist "
    "husband mother father sister brother daughter male female person human individual infant servant merchant sergeant "
    "lieutenant general colonel major private corporal president boss bully guard spy expert suspect subject creature "
    "crew family company people folk couple pair band group crowd party team army police council committee".split()
)
_PERSON_ENDINGS = ("er", "or", "ar", "eer", "ist", "ian", "man", "woman", "ess", "ee", "ant", "ent", "ic", "eur", "ier")
_PAST_MODALS = frozenset({"would", "could", "should", "might", "'d", "’d"})


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


@dataclass(frozen=True)
class Reading:
    """A parsed text with what was decided of its words."""

    doc: Doc
    changed: Mapping[int, str]
    """Replacement by token index; empty drops the word."""
    lemmas: Mapping[int, str]
    """Plain lemma of the words that were replaced, by token index."""
    names: frozenset[int]
    quoted: tuple[tuple[int, int], ...]
    """First and last token of each quotation that stays word for word."""

    def text(self, token: Token) -> str:
        return self.changed.get(token.i, token.text)

    def lemma(self, token: Token) -> str:
        return self.lemmas.get(token.i, token.lemma_.lower())

    def in_quotation(self, token: Token) -> bool:
        return any(start <= token.i <= end for start, end in self.quoted)

    def cuts_quotation(self, indices: set[int]) -> bool:
        """Whether taking `indices` out would tear a quotation apart."""
        return any(0 < sum(start <= index <= end for index in indices) < end - start + 1 for start, end in self.quoted)


@dataclass(frozen=True, slots=True)
class Piece:
    """A word on its way to the output: a token of the text, or one put in."""

    text: str
    token: Token | None = None


@dataclass(frozen=True)
class Clause:
    """Words in order, the verb that holds them together, and how their subject is called."""

    reading: Reading
    pieces: tuple[Piece, ...]
    head: Token
    subject: Subject | None
    opening: str = ""
    """A connective before the clause: "But", "Then"."""
    question: bool = False
    indices: frozenset[int] = field(init=False)

    def __post_init__(self) -> None:
        held = frozenset(piece.token.i for piece in self.pieces if piece.token is not None)
        object.__setattr__(self, "indices", held)

    def tokens(self) -> list[Token]:
        return [piece.token for piece in self.pieces if piece.token is not None]

    def within(self, tokens: Iterable[Token]) -> list[Token]:
        return sorted((token for token in tokens if token.i in self.indices), key=lambda token: token.i)

    @property
    def words(self) -> int:
        """Words left once the decoration is gone."""
        return sum(1 for piece in self.pieces if piece.text and piece.text[0].isalnum())

    @property
    def tense(self) -> Tense | None:
        return tense_of(self.head)

    def pieces_of(self, tokens: Iterable[Token]) -> list[Piece]:
        return [Piece(self.reading.text(token), token) for token in tokens]

    def without(self, taken: set[int], *, level: bool = False) -> Clause:
        """The clause less the tokens `taken`, and less the marks that set them off.

        With `level` a mark after them stays: it divides what is left.
        """
        keep = [not (piece.token is not None and piece.token.i in taken) for piece in self.pieces]
        position = 0
        while position < len(keep):
            if keep[position]:
                position += 1
                continue
            end = position
            while end < len(keep) and (not keep[end] or self.pieces[end].text == ""):
                end += 1
            before, after = position - 1, end
            while before >= 0 and self.pieces[before].text == "":
                before -= 1
            opened = before >= 0 and self.pieces[before].text in BREAKS
            closed = after < len(keep) and self.pieces[after].text in BREAKS
            if opened:
                keep[before] = False
            if closed and (before < 0 or (opened and not level)):
                keep[after] = False
            position = end
        return replace(self, pieces=tuple(piece for piece, kept in zip(self.pieces, keep, strict=True) if kept))


def finite_word(verb: Token) -> Token | None:
    """The word of the verb's group that carries tense, or None for infinitives and participles."""
    for child in verb.children:
        if child.dep_ in {"aux", "auxpass"} and child.tag_ in {"VBD", "VBZ", "VBP", "MD"}:
            return child
    if verb.tag_ in {"VBD", "VBZ", "VBP", "MD"} and not any(child.tag_ == "TO" for child in verb.children):
        return verb
    return None


def tense_of(verb: Token) -> Tense | None:
    word = finite_word(verb)
    if word is None:
        return None
    if word.tag_ == "MD":
        return "past" if word.lower_ in _PAST_MODALS else "present"
    return "past" if word.tag_ == "VBD" else "present"


def subject_token(verb: Token) -> Token | None:
    return next((child for child in verb.children if child.dep_ in SUBJECTS), None)


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

    Bare nouns become pronouns as subjects ("Whales eat. They sleep.") but are repeated as antecedents of a
    relative clause, where a pronoun could mean anything.
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
    return _named(reading, noun, antecedent)


def _named(reading: Reading, noun: Token, antecedent: bool) -> Subject | None:
    plural = noun.tag_ in {"NNS", "NNPS"}
    number: Number = "plural" if plural else "singular"
    determiner = next((child for child in noun.children if child.dep_ in {"det", "poss", "predet"}), None)
    if plural and not antecedent and (determiner is None or determiner.lower_ not in _QUANTIFIERS):
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
        if antecedent:
            return Subject(f"{pointed} {core}", number)
        return Subject("it", "singular")
    if determiner.dep_ == "poss":
        if determiner.tag_ == "PRP$":
            return Subject(f"{determiner.lower_} {core}", number)
        if determiner.i in reading.names and determiner.nbor(1).tag_ == "POS":
            return Subject(f"{determiner.text}'s {core}", number)
        return Subject(f"the {core}", number)
    if antecedent and noun.i not in reading.names:
        return Subject(f"{pointed} {core}", number)
    if noun.tag_ == "NN" and noun.i not in reading.names and not _person(noun):
        return Subject("it", "singular")
    word = determiner.lower_ if determiner.lower_ in {"this", "these", "that"} else "the"
    return Subject(f"{word} {core}", number)


def _person(noun: Token) -> bool:
    """Whether a common noun may mean a person, whom "it" would insult; errs on that side."""
    return noun.lemma_.lower() in _PEOPLE or noun.lower_.endswith(_PERSON_ENDINGS)


def _spell(reading: Reading, tokens: list[Token]) -> str:
    text = ""
    for token in tokens:
        word = reading.text(token)
        if token.i not in reading.names and token.tag_ not in {"NNP", "NNPS"}:
            word = word.lower() if token.is_sent_start else word
        joined = not token.whitespace_ and token is not tokens[-1]
        text += word + ("" if joined else " ")
    return text.strip()


_LEAD = re.compile(
    r"^((?:In|On|At|For|From|After|Before|During|Under|With|By|Over|Above|Near|Then|Now|Here|There|Later|Soon|Perhaps"
    r"|Meanwhile|Finally|Afterward|Sometimes|Once|Today)(?: [\w'-]+){0,4}), (?=(?:the|a|an|this|these|his|her|its|my|our|their|your"
    r"|he|she|it|we|they|you|I|there|one|some)\b)"
)
"""A short phrase before the subject, with the comma that plain prose leaves out."""


def realise(clause: Clause) -> str:
    """The clause as a sentence of its own: spaced, capitalised, with one mark at the end; empty if it has no words."""
    parts: list[str] = []
    last: Token | None = None
    pieces = [piece for piece in clause.pieces if piece.text]
    for piece in pieces:
        token = piece.token
        text = piece.text
        if (
            token is not None
            and token.is_sent_start
            and (parts or clause.opening)
            and token.i not in clause.reading.names
        ):
            text = text if text in {"I", "I'm"} or text.isupper() else text[:1].lower() + text[1:]
        follows = last is not None and token is not None and token.i == last.i + 1 and not last.whitespace_
        written_out = (
            follows and token is not None and token.text[0] in "'n" and text[0].isalpha() and text != token.text
        )
        attached = (follows and not written_out) or text.startswith(("'s", "n't"))
        if parts and not attached:
            parts.append(" ")
        parts.append(text)
        last = token
    text = "".join(parts)
    text = re.sub(r"\s*(?:--|—|–(?!\d))\s*", ", ", text)
    text = re.sub(r"\s+([,;:.?!)])", r"\1", text)
    text = re.sub(r", ((?:and|or) )", r" \1", text)
    text = _LEAD.sub(r"\1 ", text)
    text = re.sub(r"\(\s*[,;:]*\s*\)", "", text)
    text = re.sub(r"[,;:]+\s*([,;:])", r"\1", re.sub(r"([,;:])\s*(?=[.?!]|$)", "", text))
    text = re.sub(r"^[\s,;:.)\-]+", "", text)
    text = re.sub(r"^(?:and|or)\b,?\s+", "", text, flags=re.I)
    text = re.sub(r"[,;]\s*(?:and|or|but|for|nor|yet)$", "", text.rstrip(" ,;:-("))
    if not re.search(r"\w", text):
        return ""
    if clause.opening:
        text = f"{clause.opening} {text}"
    mark = text[-1] if text[-1] in ".?!" else ""
    closing = text[-1] in "\"')" and len(text) > 1 and text[-2] in ".?!"
    if not mark and not closing:
        text += "?" if clause.question else "."
    elif mark == "!":
        text = text.rstrip("!") + "."
    return text if _goes_on(pieces) and not clause.opening else text[0].upper() + text[1:]


def _goes_on(pieces: list[Piece]) -> bool:
    """Whether the "sentence" is the rest of one after a quotation: \"Go!\" cried Stubb."""
    first = pieces[0].token
    if first is None or not first.is_sent_start or not first.text[0].islower():
        return False
    return first.i == 0 or first.nbor(-1).text in {'"', "'"}
