"""One plain choice for each small word that literary prose varies: "upon", "yet", "such", "certain", "which"."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from engine.language import inflect, match_case
from engine.neutral.choices import CHOICES
from engine.neutral.contractions import unhyphened, written_out
from engine.neutral.grammar import TIMES

if TYPE_CHECKING:
    from spacy.tokens import Doc, Token

_INTENSIFIERS = frozenset("very quite rather so too exceedingly extremely pretty fairly much".split())
_SAYING = frozenset("say think know believe feel suppose hope find see hear tell fear guess swear wish imagine".split())
_SIMPLE = {"almost": "nearly", "beyond": "past", "till": "until"}


def plain_function_words(doc: Doc, kept: frozenset[int]) -> dict[int, str]:
    """Replacement by token index; empty drops the word. Tokens in `kept` are not touched."""
    changed: dict[int, str] = {}
    for token in doc:
        if token.i in kept or _in_compound(token):
            continue
        plain = _plain(token)
        if plain is not None:
            changed[token.i] = match_case(plain, token.text) if plain else ""
    return changed


def _in_compound(token: Token) -> bool:
    """Whether the word is tied to another by a hyphen: "great-grandfather", "part-time"."""
    if token.text == "-":
        return False
    doc, i = token.doc, token.i
    after = i + 1 < len(doc) and doc[i + 1].text == "-" and not token.whitespace_
    return after or (i > 0 and doc[i - 1].text == "-" and not doc[i - 1].whitespace_)


def negated_verbs(doc: Doc, kept: frozenset[int], lemmas: Mapping[int, str]) -> dict[int, str]:
    """Replacements that turn "saw no" into "did not see any", "could see no" into "could not see any"."""
    changed: dict[int, str] = {}
    for token in doc:
        verb = _verb_of_no(token) if token.lower_ == "no" and token.i not in kept else None
        if verb is None or verb.i in kept:
            continue
        lemma = lemmas.get(verb.i, verb.lemma_.lower())
        changed[verb.i] = f"did not {lemma}" if verb.tag_ == "VBD" else f"not {lemma}"
    return changed


def _next(token: Token) -> Token | None:
    return token.nbor(1) if token.i + 1 < len(token.doc) and not token.nbor(1).is_sent_start else None


def _plain(token: Token) -> str | None:
    following = _next(token)
    rule = _RULES.get(token.lower_)
    if rule is not None:
        plain = rule(token, following)
        if plain is not None:
            return plain
    choice = CHOICES.get(token.lower_)
    if choice is not None:
        plain = choice(token, following)
        if plain is not None:
            return plain
    if token.lower_ in _INTENSIFIERS:
        return _intensifier(token, following)
    if token.text[0] == "'" or token.lower_ in {"n't", "ca", "wo", "sha"}:
        return written_out(token, following)
    if token.text == "-":
        return unhyphened(token, following)
    return None


def _intensifier(token: Token, following: Token | None) -> str | None:
    """Dropped before an adjective or adverb it merely strengthens ("very old"), not in "so old that"."""
    head = token.head
    if token.dep_ != "advmod" or following is None or head.i <= token.i or token.tag_ != "RB":
        return None
    if token.i > 0 and token.nbor(-1).lower_ in {"not", "n't", "no", "how", "too", "so", "as", "by"}:
        return None
    if token.i > 0 and token.nbor(-1).text in {",", ";"}:
        # "I was ill, so bad news came on foot"
        return None
    if head.tag_ not in {"JJ", "RB", "VBN"} or following.lower_ in {
        "much",
        "many",
        "few",
        "little",
        "as",
        "far",
        "long",
    }:
        return None
    if token.lower_ in {"so", "too"} and any(
        later.lower_ in {"that", "as", "to", "for"} for later in token.sent if later.i > token.i
    ):
        return None
    if head.i + 1 < len(token.doc) and head.nbor(1).lower_ in {"a", "an"}:
        return None
    if token.lower_ in {"so", "too", "much"} and head.dep_ != "amod" and token.lower_ != "so":
        return None
    return "" if following == head else None


def _though(token: Token, following: Token | None) -> str | None:
    if token.dep_ == "mark" and not (token.i > 0 and token.nbor(-1).lower_ == "as"):
        return "although"
    return None


def _yet(token: Token, following: Token | None) -> str | None:
    if any(other.lower_ in {"though", "although"} for other in token.sent if other.i < token.i):
        # "Although he was old, yet he came": "but" would be one too many.
        return None
    return "but" if token.dep_ == "cc" or (token.is_sent_start and token.dep_ == "advmod") else None


def _certain(token: Token, following: Token | None) -> str | None:
    if token.dep_ != "amod" or token.head.i < token.i:
        return None
    if token.head.tag_ == "NNS" and token.i > 0 and token.nbor(-1).tag_ not in {"DT", "PRP$", "CD"}:
        return "some"
    return "" if token.i > 0 and token.nbor(-1).lower_ in {"a", "an"} else None


def _such(token: Token, following: Token | None) -> str | None:
    if following is None:
        return None
    if following.lower_ == "as":
        return ""
    if any(later.lower_ in {"that", "as"} for later in token.sent if later.i > token.i):
        return None
    if token.head.tag_ == "NNS" and token.head.i > token.i and token.dep_ in {"amod", "det", "predet"}:
        return "these"
    return None


def _as(token: Token, following: Token | None) -> str | None:
    """As in: such as apples -> like apples. Else "as" is a time or a reason, and only its reader knows which."""
    return "like" if token.i > 0 and token.nbor(-1).lower_ == "such" else None


def _for(token: Token, following: Token | None) -> str | None:
    """As in: he ran, for he was late -> he ran, because he was late."""
    if following is None or following.is_punct:
        return None
    if any(child.tag_ == "TO" for child in token.head.children):
        return None
    if token.dep_ in {"mark", "cc"}:
        return "" if token.is_sent_start else "because"
    after_mark = token.i > 0 and token.nbor(-1).text in {",", ";"}
    subject = following.dep_ in {"nsubj", "nsubjpass", "expl"} or (
        following.dep_ in {"det", "poss", "amod"} and following.head.dep_ in {"nsubj", "nsubjpass"}
    )
    return "because" if after_mark and subject else None


def _but(token: Token, following: Token | None) -> str | None:
    return "only" if token.dep_ == "advmod" and token.tag_ in {"RB", "CC"} and token.head.i > token.i else None


def _once(token: Token, following: Token | None) -> str | None:
    """Dropped between "had" and its verb."""
    perfect = token.i > 0 and token.nbor(-1).lower_ == "had" and following is not None and following.tag_ == "VBN"
    return "" if perfect and token.dep_ == "advmod" else None


def _great(token: Token, following: Token | None) -> str | None:
    if token.head.tag_ == "NNP":
        return None
    deal = following is not None and following.lower_ in {"deal", "many"}
    return "big" if token.tag_ == "JJ" and token.dep_ in {"amod", "acomp", "attr"} and not deal else None


def _little(token: Token, following: Token | None) -> str | None:
    if token.head.tag_ == "NN" and token.i > 0 and token.nbor(-1).lower_ == "a":
        # "a little boy" or "a little oil": only the noun's sense tells.
        return None
    return (
        "small"
        if token.tag_ == "JJ"
        and token.dep_ == "amod"
        and token.head.tag_ in {"NN", "NNS"}
        and following is not None
        and following.pos_ in {"NOUN", "ADJ"}
        else None
    )


def _own(token: Token, following: Token | None) -> str | None:
    return (
        ""
        if token.dep_ == "amod"
        and token.i > 0
        and token.nbor(-1).tag_ == "PRP$"
        and following is not None
        and following.pos_ in {"NOUN", "ADJ"}
        else None
    )


def _those(token: Token, following: Token | None) -> str | None:
    pointed = token.dep_ == "det" and token.head.tag_ == "NNS" and token.head.lemma_.lower() not in TIMES
    return "these" if pointed else None


_PHRASE_STARTS = frozenset({"PRP", "DT", "PRP$", "EX", "NNP", "NNS", "NN", "JJ", "CD"})


def _that(token: Token, following: Token | None) -> str | None:
    """As in: he said that it rained -> he said it rained; that house -> the house."""
    if token.dep_ == "det" and token.head.tag_ == "NN" and token.head.i > token.i and not token.is_sent_start:
        return "this" if token.head.lower_ not in TIMES else None
    if token.dep_ == "mark" and token.i > 0 and token.nbor(-1).lower_ == "so":
        return "" if following is not None and following.tag_ in _PHRASE_STARTS else None
    if token.tag_ in {"WDT", "IN"} and token.dep_ == "dobj":
        return _which(token, following)
    if token.dep_ == "mark" and token.head.dep_ == "ccomp" and token.head.head.lemma_ in _SAYING:
        simple = following is not None and following.tag_ in _PHRASE_STARTS
        return "" if simple and token.i > 0 and token.nbor(-1) == token.head.head else None
    return None


def _which(token: Token, following: Token | None) -> str | None:
    if token.head.head.dep_ in {"appos", "npadvmod"}:
        # "from June, a step that doctors wanted": without it the step would seem to be the doctors'.
        return None
    if token.dep_ == "dobj" and token.head.dep_ == "relcl" and token.i > 0 and token.nbor(-1).pos_ in {"NOUN", "PROPN"}:
        # The relative pronoun of an object is left out: "the language which he spoke".
        return "" if following is not None and following.tag_ in _PHRASE_STARTS - {"NN", "JJ"} else None
    restrictive = token.i > 0 and token.nbor(-1).pos_ in {"NOUN", "PROPN"} and token.head.dep_ == "relcl"
    return "that" if restrictive and token.dep_ in {"nsubj", "nsubjpass", "dobj"} else None


def _only(token: Token, following: Token | None) -> str | None:
    """As in: only two men -> just two men, only a boy -> just a boy; "we only miss them once they are gone" stays."""
    if following is None or token.tag_ != "RB":
        return None
    if following.lower_ == "just":
        return ""
    return "just" if following.tag_ == "CD" or following.lower_ in {"a", "an"} else None


def _might(token: Token, following: Token | None) -> str | None:
    guess = token.tag_ == "MD" and following is not None and following.lower_ not in {"not", "have"}
    return "could" if guess else None


_TELLING = frozenset(
    "tell speak talk dream think hear know read learn story tale rumour rumor account news idea legend".split()
)


def _seemed(token: Token, following: Token | None) -> str | None:
    """As in: seemed eager -> looked eager; seemed to sleep -> appeared to sleep."""
    kinds = {child.dep_ for child in token.children}
    plain = "look" if "acomp" in kinds and not kinds & {"xcomp", "ccomp", "oprd"} else "appear"
    return inflect(plain, token.tag_) if token.tag_ in {"VBD", "VBZ", "VBP", "VB"} and kinds & _COMPLEMENTS else None


_COMPLEMENTS = frozenset({"acomp", "xcomp", "oprd", "ccomp"})


def _too(token: Token, following: Token | None) -> str | None:
    apart = token.dep_ == "advmod" and token.i > 0 and token.nbor(-1).text == ","
    return "also" if apart and following is not None and following.text == "," else None


def _of(token: Token, following: Token | None) -> str | None:
    complete = any(child.dep_ == "pobj" for child in token.children)
    if complete and token.dep_ == "prep" and token.head.lemma_ in _TELLING and token.head.i == token.i - 1:
        return (
            "about"
            if not (token.head.pos_ == "VERB" and token.head.tag_ == "VBN" and token.head.dep_ == "acl")
            else None
        )
    return None


def _no(token: Token, following: Token | None) -> str | None:
    """As in: he saw no door -> he did not see any door (the verb is seen to by `_verb_of_no`)."""
    return "any" if _verb_of_no(token) is not None else None


def _verb_of_no(token: Token) -> Token | None:
    """The plain past or modal verb whose object "no" negates, if "not ... any" can take its place."""
    noun, verb = token.head, token.head.head
    if token.lower_ != "no" or token.dep_ != "det" or noun.dep_ != "dobj" or verb.i > noun.i or verb.pos_ != "VERB":
        return None
    kinds = [child for child in verb.children if child.dep_ in {"aux", "auxpass", "neg", "conj", "cc", "prt"}]
    subject = [child for child in verb.children if child.dep_ == "nsubj" and child.i < verb.i]
    if not subject or subject[0].lower_ in {"nobody", "none", "who", "no"} or noun.lower_ in {"longer", "doubt", "one"}:
        return None
    if any(child.i > noun.i and child.dep_ in {"conj", "cc"} for child in noun.children):
        return None
    if not kinds and verb.tag_ == "VBD" and verb.dep_ in {"ROOT", "ccomp", "relcl", "advcl"}:
        return verb
    if len(kinds) == 1 and kinds[0].tag_ == "MD" and verb.tag_ == "VB" and kinds[0].i == verb.i - 1:
        return verb
    return None


def _most(token: Token, following: Token | None) -> str | None:
    return "" if token.tag_ == "RBS" and token.i > 0 and token.nbor(-1).lower_ in {"a", "an"} else None


def _must(token: Token, following: Token | None) -> str | None:
    if token.dep_ != "aux" or following is None or following.tag_ != "VB" or following.lower_ in {"have", "be"}:
        return None
    subject = next((child for child in token.head.children if child.dep_ == "nsubj"), None)
    if subject is None or subject.i > token.i:
        return None
    many = (
        subject.tag_ == "NNS"
        or subject.lower_ in {"i", "you", "we", "they"}
        or any(c.dep_ == "conj" for c in subject.children)
    )
    if subject.tag_ not in {"NN", "NNP", "NNS", "PRP"}:
        return None
    if token.head.dep_ in {"ccomp", "advcl", "relcl", "conj"} and token.head.head.tag_ == "VBD":
        return "had to"
    return "have to" if many else "has to"


def _whole(token: Token, following: Token | None) -> str | None:
    return "entire" if token.dep_ == "amod" and token.head.i > token.i else None


def _simple(token: Token, following: Token | None) -> str | None:
    return _SIMPLE[token.lower_] if token.pos_ in {"ADV", "ADP", "SCONJ"} else None


_RULES = {
    "though": _though, "yet": _yet, "certain": _certain, "such": _such, "as": _as, "for": _for, "great": _great,
    "little": _little, "own": _own, "those": _those, "that": _that, "which": _which, "only": _only,
    "must": _must, "might": _might, "almost": _simple, "beyond": _simple, "till": _simple, "whole": _whole,
    "of": _of, "no": _no, "most": _most,
    "seemed": _seemed, "seems": _seemed, "seem": _seemed, "too": _too, "whom": _which, "but": _but,
    "once": _once,
}  # fmt: skip
