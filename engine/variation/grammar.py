"""What the transformations need to know of a parsed passage: what is quoted, where sentences start, which verbs must
agree with a subject, and a draft in which words are replaced and phrases moved."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from engine.language import articles, inflect, match_case, parse
from engine.variation.lexicon import listed

if TYPE_CHECKING:
    from spacy.tokens import Doc, Token

_SINGLE_QUOTED = re.compile(r"(?<![^\W_])‘[^“”]{1,400}?’(?![^\W_])")
_SINGULAR_FORMS = frozenset({"i", "me", "my", "mine", "myself"})
_PLURAL_FORMS = frozenset({"we", "us", "our", "ours", "ourselves"})
_MEN = listed(
    """man boy father uncle brother son husband grandfather cousin friend fellow companion guide host captain doctor
    professor priest servant driver clerk guard watchman physician surgeon lawyer gentleman stranger farmer youth lad
    student king prince emperor lord master soldier sailor artist poet scholar ancestor detective policeman
    inspector neighbour neighbor visitor guest landlord mate harpooneer chief officer"""
)
_WISHED = listed("like prefer wish love hate hope think say imagine suppose fancy")
"""With "should" these are only what a first person would do."""
_HYPHENS = frozenset({"-", "‐", "‑"})
_NUMBERED = listed("part book chapter volume act scene canto section figure table war appendix")
SPEECH = listed(
    "ask cry say shout whisper exclaim answer inquire demand murmur reply return mutter begin continue think"
)


def parsed(passage: Doc | str) -> Doc:
    """`passage` parsed, if it is not already, and "said I." cut into three tokens: the tokeniser sees an initial."""
    doc = parse(passage) if isinstance(passage, str) else passage
    joined = [token for token in doc[1:] if token.text == "I." and _before_i(token.nbor(-1))]
    for token in joined:
        verb = token.nbor(-1)
        if verb.head == token:  # "thought I." read as a name: each would become the other's head
            verb.dep_ = token.dep_
            verb.head = verb if token.head == token else token.head
    joined = [token for token in joined if token not in token.nbor(-1).ancestors]
    if joined:
        with doc.retokenize() as retokenizer:
            for token in joined:
                attributes = {"POS": ["PRON", "PUNCT"], "TAG": ["PRP", "."], "DEP": ["nsubj", "punct"]}
                retokenizer.split(token, ["I", "."], heads=[token.nbor(-1), (token, 0)], attrs=attributes)
    return doc


def _before_i(token: Token) -> bool:
    return token.tag_ in {"VBD", "VBP", "MD", "VBZ"} or token.lower_ in {"than", "as", "and", "or", "nor", "but"}


def quoted_spans(text: str) -> list[tuple[int, int]]:
    """Character ranges of quotations and dialogue in `text`, marks included.

    A quotation left open runs to the end of the passage (speech of several paragraphs), one closed without having
    been opened starts at the beginning.
    """
    spans: list[tuple[int, int]] = []
    opened: int | None = None
    for found in re.finditer(r"[“”\"]", text):
        at, mark = found.start(), found[0]
        opens = mark == "“" or (mark == '"' and opened is None)
        if opens:
            opened = at if opened is None else opened
        else:
            if opened is not None:
                spans.append((opened, at + 1))
            elif not spans and mark == "”":
                spans.append((0, at + 1))
            opened = None
    if opened is not None:
        spans.append((opened, len(text)))
    spans += [found.span() for found in _SINGLE_QUOTED.finditer(text)]
    return spans


def quoted(doc: Doc) -> frozenset[int]:
    """Indices of the tokens inside quotations."""
    spans = quoted_spans(doc.text)
    return frozenset(token.i for token in doc if any(start <= token.idx < end for start, end in spans))


def first_person(doc: Doc, *, plural: bool = False) -> list[Token]:
    """The pronouns of the first person outside quotations: singular, or plural ("US" and "mine" as nouns excepted)."""
    inside = quoted(doc)
    forms = _PLURAL_FORMS if plural else _SINGULAR_FORMS
    found = [token for token in doc if token.i not in inside and token.lower_ in forms and _is_pronoun(token)]
    # "Let's" has an "us" in it.
    lets = [token for token in doc[1:] if token.lower_ in {"'s", "’s"} and token.nbor(-1).lower_ == "let"]
    return sorted([*found, *(token for token in lets if token.i not in inside)]) if plural and lets else found


def narrator(token: Token) -> str:
    """The pronoun that `token` is, in lower case: "us" for that of "let's"."""
    return "us" if token.lower_ in {"'s", "’s"} else token.lower_


def _is_pronoun(token: Token) -> bool:
    if token.lower_ == "i":
        # "Part I", "George I": a numeral after a capitalised word, and not a subject.
        before = token.nbor(-1) if token.i else None
        if before is None or not before.is_title or before.pos_ not in {"PROPN", "NOUN"}:
            return token.text == "I"
        numbered = before.lower_ in _NUMBERED
        return token.text == "I" and not numbered and token.dep_ in {"nsubj", "nsubjpass", "conj"}
    if token.lower_ == "mine":
        noun = any(child.dep_ in {"det", "amod", "compound", "nummod"} for child in token.children)
        return not noun and token.dep_ != "compound" and (token.i == 0 or token.nbor(-1).pos_ != "DET")
    return token.text != "US"


def subject_of(token: Token) -> Token | None:
    """The subject of the clause around `token`, shared subjects of joined verbs included; None where there is none."""
    for verb in token.ancestors:
        if verb.pos_ not in {"VERB", "AUX"}:
            continue
        for child in verb.children:
            if child.dep_ in {"nsubj", "nsubjpass"}:
                return child
        loose = verb.tag_ in {"VBG", "VB", "VBN"} and verb.dep_ in {"xcomp", "advcl", "prep", "pcomp"}
        if not loose and verb.dep_ != "conj":
            return None
    return None


def coordinated(token: Token) -> bool:
    """Whether `token` shares its place with another: "West and I", "my uncle and me"."""
    nominal = {"NOUN", "PROPN", "PRON"}
    if token.dep_ == "conj" or any(child.dep_ == "conj" and child.pos_ in nominal for child in token.children):
        return True
    if token.i < 2 or token.nbor(-1).lower_ not in {"and", "or", "nor"} or token.head.dep_ == "conj":
        return False
    return token.nbor(-2).pos_ in nominal and token.lower_ != "my"


def described(token: Token) -> bool:
    """Whether a noun in apposition follows: "I, a mere boy, ..."."""
    return any(child.dep_ == "appos" and child.pos_ in {"NOUN", "PROPN"} for child in token.children)


def opens_sentence(token: Token) -> bool:
    """Whether a sentence starts at `token`, judged by the marks before it rather than by the parser."""
    at = token.i - 1
    doc = token.doc
    while at >= 0 and doc[at].text in {"“", "‘", '"', "'", "(", "["}:
        at -= 1
    if at < 0:
        return True
    if doc[at].text in {"”", "’", '"', "'", ")"} and at > 0:
        ending = doc[at - 1].text
        if ending in {"!", "?", "!?"}:
            return token.head.lemma_ not in SPEECH
        return ending in {".", "...", "…"}
    return doc[at].text in {".", "!", "?"} or doc[at].is_space


def cased(token: Token, word: str) -> str:
    """`word` as it is written in the place of `token`: with a capital where a sentence starts."""
    return word[:1].upper() + word[1:] if opens_sentence(token) else word


def man(token: Token) -> bool:
    """Whether `token` names another to whom "he" might refer."""
    if token.lower_ in {"he", "him", "himself", "his"}:
        return True
    return token.ent_type_ == "PERSON" or (token.tag_ == "NN" and lemma(token) in _MEN)


def lemma(token: Token) -> str:
    return token.lemma_.lower()


def finite(verb: Token) -> Token | None:
    """The token of the verb group of `verb` that carries person: its first auxiliary, or itself."""
    helpers = [child for child in verb.children if child.dep_ in {"aux", "auxpass"} and child.text.lower() != "to"]
    if helpers:
        return helpers[0]
    return verb if verb.pos_ in {"VERB", "AUX"} or verb.tag_.startswith("VB") else None


def shared(verb: Token) -> Iterator[Token]:
    """`verb` and the verbs joined to it that have no subject of their own."""
    yield verb
    for child in verb.children:
        if child.dep_ != "conj" or child.pos_ not in {"VERB", "AUX"}:
            continue
        if not any(grand.dep_ in {"nsubj", "nsubjpass", "expl", "csubj"} for grand in child.children):
            yield from shared(child)


def agreeing(subject: Token) -> list[Token]:
    """The person-bearing tokens of every verb whose subject is `subject`, relative clauses about it included."""
    heads = [subject.head] if subject.dep_ in {"nsubj", "nsubjpass"} else []
    for child in subject.children:
        if child.dep_ == "relcl" and any(
            grand.dep_ in {"nsubj", "nsubjpass"} and grand.lower_ in {"who", "that"} for grand in child.children
        ):
            heads.append(child)
    found: list[Token] = []
    for head in heads:
        for index, verb in enumerate(shared(head)):
            token = finite(verb)
            # A joined verb under a shared auxiliary ("had seen and heard") is not finite itself.
            joined = {"VBP", "VBD", "VBZ"} | ({"VB"} if head.tag_ == "VBP" else set())
            if token is not None and token.lower_ == "save" and token.i and token.nbor(-1).is_punct:
                continue  # "Nothing, save such as": a preposition.
            if token is not None and (index == 0 or token is not verb or verb.tag_ in joined):
                found.append(token)
    return found


def is_past(doc: Doc) -> bool:
    """Whether the passage is told in the past tense, by its finite verbs."""
    past = sum(token.tag_ == "VBD" for token in doc)
    return past >= sum(token.tag_ in {"VBP", "VBZ"} for token in doc)


def third_person(token: Token, past: bool) -> str:
    """The third person singular of a finite verb or auxiliary that stood with "I" or "we"."""
    low = token.lower_.replace("’", "'")
    known = {"am": "is", "are": "is", "'m": "is", "'re": "is", "were": "was", "have": "has", "'ve": "has", "do": "does"}
    if low == "were" and token.nbor(-1).lower_ == "i":
        return token.text
    if low in known:
        return match_case(known[low], token.text)
    if low == "shall":
        return match_case("will", token.text)
    if low == "should" and lemma(token.head) in _WISHED:
        return match_case("would", token.text)
    if low == "'ll":
        return "will"
    if low == "'d":
        return "had" if token.head.tag_ == "VBN" else "would"
    if token.tag_ not in {"VBP", "VB"}:
        return token.text
    if token.i and token.nbor(-1).lower_ in {"'d", "’d", "'ll", "’ll"}:
        return token.text
    if token.tag_ == "VB" and (low == "be" or any(child.lower_ == "lest" for child in token.children)):
        return token.text
    if past and (low in {"lay", "fell"} or inflect(lemma(token), "VBD") == low):
        return token.text
    if lemma(token) in {"dare", "need"} and _bare(token):
        return token.text
    return match_case(inflect(lemma(token), "VBZ"), token.text)


def _bare(token: Token) -> bool:
    """Whether "dare" or "need" stands as a modal, before "not" or an infinitive without "to"."""
    following = token.doc[token.i + 1] if token.i + 1 < len(token.doc) else None
    return following is not None and (following.lower_ in {"not", "n't"} or following.tag_ == "VB")


class Draft:
    """A passage under revision: words replaced or dropped, phrases moved, spacing kept."""

    def __init__(self, doc: Doc) -> None:
        self.doc = doc
        self.words = [token.text for token in doc]
        self.spaces = [token.whitespace_ for token in doc]
        self.order = list(range(len(doc)))
        self.leads: dict[int, str] = {}
        self.touched: set[int] = set()

    def put(self, token: Token, text: str) -> None:
        """Replace `token`; an empty text drops it together with the space after it."""
        if text != self.words[token.i]:
            self.words[token.i] = text
            self.touched.add(token.i)

    def lead(self, token: Token, text: str) -> None:
        """Set `text` before whatever stands for `token`."""
        self.leads[token.i] = text
        self.touched.add(token.i)

    def part(self, token: Token) -> None:
        """Part a contraction: a space between `token` and the one before it."""
        self.spaces[token.i - 1] = " "

    def move(self, start: int, end: int, before: int) -> None:
        """Move the tokens from `start` up to `end` to just before the earlier token `before`."""
        moved = [index for index in self.order if start <= index < end]
        rest = [index for index in self.order if not start <= index < end]
        at = rest.index(before)
        self.order = rest[:at] + moved + rest[at:]
        self.spaces[rest[rest.index(start - 1)]] = self.spaces[end - 1]
        self.spaces[end - 1] = " "
        self.touched.update(moved)

    def text(self) -> str:
        """The passage as it stands, "a" or "an" agreeing with every word that changed."""
        parts: list[str] = []
        last = article = dropped = -1
        """Index of the last word written, part that holds an article just before, last token dropped since."""
        for index in self.order:
            word = self.words[index]
            if index in self.leads:
                word = f"{self.leads[index]} {word}".rstrip()
            if not word:
                dropped = index
                continue
            if dropped >= 0 and parts:
                opening = not self.spaces[last] and not self.words[last][-1].isalnum()
                attached = not self.spaces[dropped] and not word[0].isalnum()
                parts[-1] = parts[-1].rstrip() + ("" if opening or attached else " ")
            if article >= 0 and (dropped >= 0 or index in self.touched):
                parts[article] = articles(parts[article] + word).removesuffix(word)
            parts.append(word + self.spaces[index])
            article = len(parts) - 1 if word.lower() in {"a", "an"} else -1
            last, dropped = index, -1
        return "".join(parts).strip()


def hyphenated(token: Token) -> tuple[int, int]:
    """Start and end of the hyphenated word around `token` ("ice-cold" is three tokens); of itself where it is none."""
    doc = token.doc
    start, end = token.i, token.i + 1
    while start > 1 and doc[start - 1].text in _HYPHENS and not doc[start - 1].whitespace_ + doc[start - 2].whitespace_:
        start -= 2
    while end + 1 < len(doc) and doc[end].text in _HYPHENS and not doc[end - 1].whitespace_ + doc[end].whitespace_:
        end += 2
    return start, end


def agree(draft: Draft, subject: Token, past: bool) -> None:
    """Put the verbs of `subject`, a former "I" or "we", into the third person, its contraction first: "we'd"."""
    verbs = agreeing(subject)
    following = subject.doc[subject.i + 1] if subject.i + 1 < len(subject.doc) else None
    if following is not None and following.lower_ in {"'d", "’d", "'ll", "’ll"} and following not in verbs:
        verbs.append(following)
    for verb in verbs:
        draft.put(verb, third_person(verb, past))
        if verb.text[0] in "'’":
            draft.part(verb)
