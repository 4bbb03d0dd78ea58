"""The offline neutralizer: flattens prose to short plain sentences with rules over one parse."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, ClassVar

from engine.language import PIPELINE_VERSION, articles, parse, parse_many, tidy, words
from engine.measures.agreement import disagreements
from engine.measures.facts import Facts, facts_of_spans, kept
from engine.neutral import Neutral
from engine.neutral.adverbials import adverbial
from engine.neutral.clause import Clause, Piece, realise
from engine.neutral.coordination import coordination, juxtaposition, splice
from engine.neutral.cutting import Rule, flatten
from engine.neutral.gate import LEAST_MEANING, kept_meaning, sources, suspicious
from engine.neutral.grammar import SUBJECTS, finite_word
from engine.neutral.light_marks import lighten
from engine.neutral.order import straighten_order
from engine.neutral.participles import participle
from engine.neutral.punctuation import modernise, straighten
from engine.neutral.reading import Reading, read, sentence_spans
from engine.neutral.relatives import relative
from engine.neutral.subjects import subject_of
from engine.variation.grammar import parsed as initials_apart

if TYPE_CHECKING:
    from spacy.tokens import Doc, Span, Token

RULES: tuple[Rule, ...] = (juxtaposition, splice, coordination, adverbial, participle, relative)
"""What divides a sentence, from the surest and largest cut to the smallest. Rules for smaller phrases (appositions,
objects, "with" and "like", purposes), for causes and for times were wrong too often; leaving them out, one group at a
time, moved the style distance of 120 passages of Lovecraft by .001 to .004 in .239."""

LEAST = 0.6
"""Share of a text's words its neutral form keeps at least."""
_LEAST_OF_SENTENCE = 0.5
_BATCH = 128
"""Texts whose parses are held at once."""


@dataclass(frozen=True)
class RulesNeutralizer:
    """Turns ornate prose into flat neutral text: no model, no randomness, the same bytes every time."""

    kind: ClassVar[str] = "rules"
    version: ClassVar[str] = f"6/{PIPELINE_VERSION}"
    settings: dict[str, object] = field(default_factory=dict)

    def neutralize(self, texts: Sequence[str]) -> list[str]:
        """The neutral form of each of `texts`, in order. Text without words comes back as it is.

        Two rounds: what the first cut is parsed again, shorter and so more surely. A sentence whose pieces are
        then unsound, or lost a fact, is taken back to its own words in plain form. A sentence whose meaning is
        gone, by the sentence encoder, is made again with fewer changes.
        """
        return [one.text for one in self.trace(texts)]

    def trace(self, texts: Sequence[str]) -> list[Neutral]:
        """As `neutralize`, with what had to be made more gently told in `fallback`."""
        return [
            neutral for start in range(0, len(texts), _BATCH) for neutral in _neutralized(texts[start : start + _BATCH])
        ]


GENTLER = "a sentence flattened less, to keep its meaning"
"""Said of a text in which the gate took a sentence back."""


def _neutralized(texts: Sequence[str]) -> list[Neutral]:
    plain = (modernise(straighten(text)) for text in texts)
    rounds = [_Text(initials_apart(doc)) for doc in parse_many(plain, entities=False)]
    pieces = [sentence.text for text in rounds for sentence in text.sentences]
    second = iter(parse_many(pieces, entities=False))
    flattened = [[text.finish(sentence, next(second)) for sentence in text.sentences] for text in rounds]
    done = []
    for original, parts, gentler in zip(texts, *_gated(rounds, texts, flattened), strict=True):
        neutral = _joined(parts)
        if len(words(neutral)) < LEAST * len(words(original)):
            neutral = straighten(original)
        done.append(Neutral(neutral, GENTLER if gentler else "") if words(original) else Neutral(original))
    return done


def _gated(
    rounds: Sequence[_Text], texts: Sequence[str], flattened: list[list[str]]
) -> tuple[list[list[str]], list[bool]]:
    """`flattened` with every sentence made again that lost its meaning, and which texts had one."""
    doubtful = [
        (number, source.text, places)
        for number, (text, original) in enumerate(zip(rounds, texts, strict=True))
        for source in sources(original, text.reading.doc.text)
        if (places := text.places(source.start, source.end))
        and suspicious(source.text, _joined([flattened[number][place] for place in places]))
    ]
    outputs = [(source, _joined([flattened[number][place] for place in places])) for number, source, places in doubtful]
    gentler = [False] * len(rounds)
    for (number, source, places), score in zip(doubtful, kept_meaning(outputs), strict=True):
        if score >= LEAST_MEANING:
            continue
        chosen = [flattened[number][place] for place in places]
        for forms in rounds[number].gentler(places, source):
            again = kept_meaning([(source, _joined(forms))])[0]
            if again > score:
                score, chosen, gentler[number] = again, forms, True
            if score >= LEAST_MEANING:
                break
        for place, form in zip(places, chosen, strict=True):
            flattened[number][place] = form
    return flattened, gentler


@dataclass(frozen=True, slots=True)
class _Sentence:
    """One sentence of the source: cut and plain, and only plain."""

    text: str
    light: str
    facts: Facts
    span: Span
    sound: bool
    """Whether it had a subject and a finite verb to begin with."""
    marks: tuple[bool, bool]
    """Whether a speech opens, and whether it closes, with this sentence."""


class _Text:
    """A text between the two rounds."""

    def __init__(self, doc: Doc) -> None:
        self.reading = read(doc)
        spans = sentence_spans(doc)
        by_span = facts_of_spans(doc, spans)
        self.names = frozenset(name for stated in by_span for name in stated.names)
        self.sentences = [self._first(span, stated) for span, stated in zip(spans, by_span, strict=True)]

    def _first(self, span: Span, stated: Facts) -> _Sentence:
        span, marks = speech(span, self.reading)
        light = realise(_clause(self.reading, span))
        return _Sentence(_cut(self.reading, span, RULES), light, stated, span, sound(span), marks)

    def finish(self, sentence: _Sentence, doc: Doc) -> str:
        """The sentence after the second round, or its light form where cutting did harm."""
        return _spoken(sentence, self._cut_again(sentence, doc) or self._careful(sentence) or sentence.light)

    def places(self, start: int, end: int) -> list[int]:
        """Which sentences of the parse have words between two characters of the text."""
        return [
            place
            for place, sentence in enumerate(self.sentences)
            if sentence.span.start_char < end and sentence.span.end_char > start
        ]

    def gentler(self, places: Sequence[int], source: str) -> Iterator[list[str]]:
        """The sentences at `places` with ever less changed: uncut, then only their marks, then `source` itself."""
        held = [self.sentences[place] for place in places]
        yield [_spoken(sentence, sentence.light) for sentence in held]
        untouched = replace(self.reading, changed={}, lemmas={})
        yield [_spoken(sentence, realise(_clause(untouched, sentence.span))) for sentence in held]
        if len(held) == 1 and len(words(held[0].span.text)) <= len(words(source)) + 1:
            yield [straighten(source)]

    def _cut_again(self, sentence: _Sentence, doc: Doc) -> str:
        if not self._holds(sentence, doc):
            return ""
        reading = read(initials_apart(doc), self.names)
        text = " ".join(filter(None, (_cut(reading, span, RULES) for span in sentence_spans(doc))))
        return text if self._complete(sentence, text) else ""

    def _careful(self, sentence: _Sentence) -> str:
        """The sentence cut only where marks divide it, empty where that too does harm."""
        text = _cut(self.reading, sentence.span, (juxtaposition,))
        if text == sentence.light:
            return ""
        holds = self._holds(sentence, parse(text, entities=False)) and self._complete(sentence, text)
        return text if holds else ""

    @staticmethod
    def _holds(sentence: _Sentence, doc: Doc) -> bool:
        """Whether every piece is a sentence and its verbs agree, as far as the source's own did."""
        if not sentence.sound:
            return True
        spans = sentence_spans(doc)
        whole = all(sound(span, scrap=len(spans) == 1) and not stranded(span) for span in spans)
        return whole and not disagreements(doc)

    @staticmethod
    def _complete(sentence: _Sentence, text: str) -> bool:
        enough = len(words(text)) >= _LEAST_OF_SENTENCE * len(words(sentence.light))
        return enough and not kept(sentence.facts, text).missing


def _spoken(sentence: _Sentence, text: str) -> str:
    """`text` between the quotation marks of the speech that opens or closes with `sentence`."""
    opening, closing = ('"' if mark else "" for mark in sentence.marks)
    return f"{opening}{text.replace(';', ',')}{closing}" if text else ""


def speech(span: Span, reading: Reading) -> tuple[Span, tuple[bool, bool]]:
    """`span` without the marks that open or close a speech longer than a quotation, and which of the two it had."""

    def mark(token: Token) -> bool:
        return token.text == '"' and not reading.in_quotation(token)

    start, end = span.start, span.end
    opens, closes = len(span) > 1 and mark(span[0]), len(span) > 1 and mark(span[-1])
    if len(span) == 2 and opens and closes:
        return span, (False, False)
    return span.doc[start + opens : end - closes], (opens, closes)


def _cut(reading: Reading, span: Span, rules: tuple[Rule, ...]) -> str:
    """The sentence in its plain pieces."""
    torn = any(token.text == '"' and not reading.in_quotation(token) for token in span)
    torn = torn or sum(token.dep_ == "ROOT" for token in span) > 1
    parts = flatten(_clause(reading, span), () if torn else rules)
    asking = {"WP", "WRB", "WDT", "MD"}
    done = []
    for part in parts:
        first = next(iter(part.tokens()), None)
        inverted = first is not None and (
            first.tag_ in asking or first.dep_ == "aux" or first.lemma_ in {"be", "do", "have"}
        )
        done.append(
            realise(straighten_order(replace(part, question=part.question and (part is parts[-1] or inverted))))
        )
    return " ".join(filter(None, done))


def sound(span: Span, *, scrap: bool = True) -> bool:
    """Whether a sentence has a finite verb with a subject, or asks or orders something, or is a scrap of three words.

    Without `scrap` no scrap will do: it was cut off from something.
    """
    if any(token.dep_ in SUBJECTS and _main(token.head) for token in span):
        return True
    return (scrap and len(span) <= 3) or span.root.tag_ == "VB" or span.text.rstrip("\"' ").endswith(("?", "!"))


def stranded(span: Span) -> bool:
    """Whether a statement breaks off at a preposition that nothing earlier explains."""
    closing = next((token for token in reversed(span) if not token.is_punct), None)
    if closing is None or closing.dep_ != "prep" or closing.tag_ != "IN" or span.text.rstrip("\"' ").endswith("?"):
        return False
    return not any(token.tag_ in {"WDT", "WP", "WRB"} or token.dep_ in {"relcl", "xcomp", "auxpass"} for token in span)


def _main(verb: Token) -> bool:
    if finite_word(verb) is None:
        return False
    while verb.dep_ in {"conj", "ccomp", "parataxis", "dep"} and verb.head != verb:
        verb = verb.head
    return verb.dep_ == "ROOT"


def _joined(parts: list[str]) -> str:
    return articles(lighten(tidy(" ".join(filter(None, parts)))))


def _clause(reading: Reading, span: Span) -> Clause:
    pieces = tuple(Piece(reading.text(token), token) for token in span)
    question = span.text.rstrip("\"' )").endswith("?")
    return Clause(reading, pieces, span.root, subject_of(reading, span.root), question=question)
