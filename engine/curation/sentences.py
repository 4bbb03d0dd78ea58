"""Where sentences end, by rule: fast, linear, and good enough to count and to cut passages."""

from __future__ import annotations

import re

from engine.curation.pieces import word_set

_END = re.compile(r"(?P<stop>[.!?…][.!?…]*|\.(?: \.){2,})(?P<close>[”’\"'\])]*)\s+(?=[“‘\"'(\[—]*[A-ZÀ-ÖØ-Þ0-9])")
_TITLES = word_set(
    "Mr Mrs Ms Messrs Mme Mlle Dr St Prof Rev Hon Esq Jr Sr Capt Col Gen Lt Lieut Sgt Maj Adm Cmdr Gov Sen Rep Pres "
    "No Nos Vol Vols Chap Ch Fig Figs Jan Feb Mar Apr Jun Jul Aug Sept Oct Nov Dec Mt Ft Bros Dept Univ Bart"
)
_COUNTING = frozenset(("No", "Nos", "nos", "Fig", "Figs", "Ch", "p", "pp"))  # words too, unless a figure follows
_ABBREVIATIONS = word_set("vol vols chap p pp fig figs cf viz vs al eds eg ie approx nos")
_WORD_BEFORE = re.compile(r"([^\W_]+(?:\.[^\W_]+)*)$")


def sentence_ends(text: str) -> list[int]:
    """Offsets at which a sentence has ended, before the white space that follows; the text's end is the last."""
    ends = []
    for found in _END.finditer(text):
        if found["stop"] == "." and not found["close"]:
            word = _WORD_BEFORE.search(text, max(0, found.start() - 24), found.start())
            if word and _abbreviates(word[1]) and (word[1] not in _COUNTING or text[found.end()].isdigit()):
                continue
        ends.append(found.end("close"))
    if not ends or ends[-1] < len(text):
        ends.append(len(text))
    return ends


def _abbreviates(word: str) -> bool:
    initial = len(word) == 1 and word.isupper() and word != "I"
    return initial or "." in word or word in _TITLES or word in _ABBREVIATIONS


def sentences(text: str) -> list[str]:
    """The sentences of `text`, stripped."""
    found, start = [], 0
    for end in sentence_ends(text):
        sentence = text[start:end].strip()
        if sentence:
            found.append(sentence)
        start = end
    return found


def count_sentences(text: str) -> int:
    return len(sentence_ends(text))
