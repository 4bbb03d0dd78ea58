"""Tells a first-person passage from another point of view: as "we", as "the observer", or impersonally.

Quotations keep their own speakers. What comes out wrong is rejected with a reason rather than passed on.
"""

from __future__ import annotations

import re
from collections import Counter
from typing import TYPE_CHECKING, Literal

from engine.language import inflect
from engine.variation import Rejected, Variant
from engine.variation.grammar import (
    Draft,
    agreeing,
    cased,
    coordinated,
    described,
    first_person,
    is_past,
    lemma,
    man,
    parsed,
    quoted,
    quoted_spans,
    shared,
    subject_of,
    third_person,
)
from engine.variation.impersonal import impersonal
from engine.variation.lexicon import listed
from engine.variation.narrativize import narrativize

if TYPE_CHECKING:
    from spacy.tokens import Doc, Token

__all__ = ["Perspective", "narrativize", "shift"]

Perspective = Literal["plural", "third", "impersonal"]

LENGTH = 0.2
"""By how much of its original's length in words a variant may be longer or shorter."""
SLACK = 4
"""Words by which any variant may differ: in a short sentence "the observer" alone is a quarter more."""

_PLURAL = {"we": "they", "us": "them", "our": "their", "ours": "theirs", "ourselves": "themselves"}
_TO_PLURAL = {"i": "we", "me": "us", "my": "our", "mine": "ours", "myself": "ourselves"}
_AGREE_PLURAL = {"am": "are", "'m": "'re", "’m": "’re", "was": "were"}
_METHINKS = {
    "plural": {"methinks": "we think", "methought": "we thought"},
    "third": {"methinks": "he thinks", "methought": "he thought"},
    "impersonal": {"methinks": "it seems", "methought": "it seemed"},
}
_BODY = listed(
    """head heart mind body face brain soul throat mouth tongue back spine chest breast neck nose forehead brow life
    stomach hand arm foot leg ear eye shoulder voice skull self"""
)
_WORLD = listed("world planet universe earth globe age species race sun system sphere civilisation era galaxy")


def shift(passage: Doc | str, to: Perspective) -> Variant | Rejected:
    """`passage` told as "we" (``plural``), of "the observer" (``third``), or with nobody telling (``impersonal``).

    Only first person singular narrative can be shifted. Rejected are passages without it, and results that keep a
    first person, change length by more than a fifth, lose a name or break agreement.
    """
    doc = parsed(passage)
    singular = first_person(doc)
    if not singular:
        return Rejected("no first person")
    draft = Draft(doc)
    singular = [token for token in singular if not _exclaimed(draft, token)]
    {"plural": _plural, "third": _third, "impersonal": impersonal}[to](draft, singular)
    for token in doc:
        if token.lower_ in _METHINKS[to]:
            draft.put(token, cased(token, _METHINKS[to][token.lower_]))
    text = draft.text()
    if "’" in doc.text:
        text = re.sub(r"(?<=\b[Oo]ne)'(?=s\b)|(?<=observer)'(?=s\b)|(?<=writer)'(?=s\b)", "’", text)
    return Rejected(problem) if (problem := _problem(doc, text, to)) else Variant(text, len(draft.touched))


def _exclaimed(draft: Draft, token: Token) -> bool:
    """Whether `token` only opens an exclamation or an address ("my God!", "my dear Carter"), and is dealt with."""
    if token.lower_ != "my" or token.i + 1 == len(token.doc):
        return False
    following = token.nbor(1)
    if following.lower_ in {"god", "lord", "heavens", "goodness"}:
        draft.put(token, cased(token, "good"))
        return True
    if following.lower_ in {"dear", "good"} and token.head.pos_ == "PROPN":
        draft.put(token, "")
        draft.put(following, cased(token, following.text))
        return True
    return False


def _plural(draft: Draft, singular: list[Token]) -> None:
    for token in singular:
        draft.put(token, cased(token, _TO_PLURAL[token.lower_]))
        for verb in agreeing(token):
            low = verb.lower_
            if low in _AGREE_PLURAL:
                draft.put(verb, _AGREE_PLURAL[low] if verb.text == low else _AGREE_PLURAL[low].capitalize())
        if token.lower_ == "i":
            _plural_predicate(draft, token)
        elif token.lower_ == "my" and lemma(token.head) in _BODY and token.head.tag_ == "NN":
            _plural_noun(draft, token.head)


def _plural_predicate(draft: Draft, subject: Token) -> None:
    """ "I was a boy" names one: "we were boys"."""
    nouns = [child for child in subject.children if child.dep_ == "appos"]
    if subject.dep_ == "nsubj" and lemma(subject.head) in {"be", "become"}:
        nouns += [child for verb in shared(subject.head) for child in verb.children if child.dep_ == "attr"]
    for noun in nouns:
        if noun.tag_ == "NN" and any(child.dep_ == "det" and child.lower_ in {"a", "an"} for child in noun.children):
            _plural_noun(draft, noun)


def _plural_noun(draft: Draft, noun: Token) -> None:
    draft.put(noun, inflect(noun.text, "NNS"))
    for child in noun.children:
        if child.dep_ == "det" and child.lower_ in {"a", "an"}:
            draft.put(child, "")
    if noun.dep_ in {"nsubj", "nsubjpass"}:
        plural = {"was": "were", "is": "are", "has": "have", "does": "do"}
        for verb in agreeing(noun):
            if verb.tag_ == "VBZ" or verb.lower_ == "was":
                draft.put(verb, plural.get(verb.lower_, verb.lemma_))


def _third(draft: Draft, singular: list[Token]) -> None:
    doc = draft.doc
    past = is_past(doc)
    ours = {token.i for token in singular}
    others = {token.i for token in first_person(doc, plural=True)}
    inside = quoted(doc)
    clear = False
    """Whether "he" would be understood as the observer here."""
    company = False
    """Whether another man has been mentioned."""
    since = 0
    """Sentences since the observer was last named."""
    for token in doc:
        if token.i in inside:
            continue
        if token.text in {".", "!", "?"}:
            since += 1
        elif token.i in ours:
            subject = subject_of(token)
            bound = subject is not None and subject.i in ours and subject.i != token.i
            named = _observe(draft, token, pronoun=bound or (clear and since < 3), past=past)
            # As an object beside another man the observer is not who the next "he" would be.
            clear = clear or bound or token.lower_ == "i" or not company
            since = 0 if named else since
        elif token.i in others:
            world = token.lower_ == "our" and lemma(token.head) in _WORLD
            draft.put(token, cased(token, "the" if world else _PLURAL[token.lower_]))
        elif man(token):
            clear, company = False, True


def _observe(draft: Draft, token: Token, *, pronoun: bool, past: bool) -> bool:
    """Put the observer, or his pronoun, for `token`; True where he was named."""
    low = token.lower_
    if low == "myself":
        draft.put(token, "himself")
        return False
    if low in {"my", "mine"}:
        draft.put(token, cased(token, "his" if pronoun else "the observer's"))
        return not pronoun
    named = not pronoun or coordinated(token) or described(token)
    draft.put(token, cased(token, "the observer" if named else "he" if low == "i" else "him"))
    if low == "i" and not coordinated(token):
        for verb in agreeing(token):
            draft.put(verb, third_person(verb, past))
            if verb.text[0] in "'’":
                draft.part(verb)
    return named


def _problem(doc: Doc, text: str, to: Perspective) -> str | None:
    """Why `text` is no good variant of `doc`, or None."""
    plain = _unquoted(text)
    left = sum(not _numeral(found) for found in _FIRST.finditer(plain))
    if to != "plural":
        left += len(re.findall(r"\b(?:[Ww]e|us|[Oo]ur|[Oo]urs|[Oo]urselves)\b", plain))
    if left:
        return "old person left"
    words = len(doc.text.split())
    if abs(len(text.split()) - words) > max(SLACK, LENGTH * words):
        return "length"
    before = Counter(token.text for token in doc if token.pos_ == "PROPN" and token.lower_ != "methought")
    after = Counter(re.findall(r"[^\W_]+(?:[.'’-][^\W_]+)*\.?", text))
    if any(text.count(name) < count for name, count in before.items() if after[name] < count):
        return "name lost"
    return "agreement" if _DISAGREES[to].search(plain) else None


def _numeral(found: re.Match[str]) -> bool:
    """Whether the "I" found is a numeral after a capitalised word ("Book I.")."""
    before = found.string[: found.start()].split(" ")[-2:]
    return found[0] == "I" and len(before) == 2 and before[1] == "" and before[0][:1].isupper()


_FIRST = re.compile(r"\b(?:I|[Mm]e|[Mm]y|[Mm]yself)\b")
_ADVERBS = r"(?:(?:\w+ly|never|ever|also|not|still|now|soon|then|always|himself) )?"
_FREE = (
    r"(?<!can )(?<!could )(?<!may )(?<!might )(?<!must )(?<!shall )(?<!should )(?<!will )(?<!would )(?<!did )(?<!does )"
)
_DISAGREES = {
    "plural": re.compile(rf"\b[Ww]e {_ADVERBS}(?:am|was|is|has|does)\b"),
    "third": re.compile(
        rf"{_FREE}\b(?:(?:[Tt]he observer|[Hh]e) {_ADVERBS}(?:am|are|have|do)|[Tt]hey (?:am|is|was|has))\b"
    ),
    "impersonal": re.compile(rf"{_FREE}\b(?:[Oo]ne|[Tt]he writer|[Ii]t) {_ADVERBS}(?:am|are|have|do)\b"),
}


def _unquoted(text: str) -> str:
    spans = sorted(quoted_spans(text))
    parts, at = [], 0
    for start, end in spans:
        parts.append(text[at : max(at, start)])
        at = max(at, end)
    return " ".join([*parts, text[at:]])
