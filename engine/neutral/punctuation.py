"""Prose in plain marks and plain phrases before it is parsed: straight quotes, no italics, no "thou hast"."""

from __future__ import annotations

import re

from engine.language import inflect, is_verb, is_word, match_case, words

LONGEST_QUOTATION = 20
"""Words up to which a quotation stays word for word; a longer one is a speech, and is neutralised like prose."""

_MARKS = {
    "“": '"', "”": '"', "„": '"', "«": '"', "»": '"', "‘": "'", "’": "'", "‚": "'", "′": "'",
    "…": "...", "\u00a0": " ", "\u00ad": "", "\u2009": " ", "\ufeff": "",
}  # fmt: skip
_TRANSLATION = str.maketrans(_MARKS)

_PHRASES = {
    "by virtue of": "because of", "by reason of": "because of", "on account of": "because of",
    "in consequence of": "because of", "owing to": "because of", "in spite of": "despite",
    "with a view to": "for", "in order to": "to", "in order that": "so that", "so as to": "to",
    "for the nonce": "for now", "for the most part": "mostly", "in the midst of": "among", "in lieu of": "instead of",
    "in respect to": "about", "with regard to": "about", "in regard to": "about", "with respect to": "about",
    "a great many": "many", "a good many": "many", "not a few": "many", "no little": "much",
    "of a sudden": "suddenly", "all of a sudden": "suddenly", "on a sudden": "suddenly",
    "by and by": "soon", "ere long": "soon", "ere now": "before now", "of yore": "long ago", "as it were": "",
    "so to speak": "", "in a word": "", "in short": "", "in truth": "", "in sooth": "", "to be sure": "",
    "of a truth": "", "for my part": "", "as for me": "", "methinks": "I think", "methought": "I thought",
    "inasmuch as": "because", "insomuch that": "so that", "for as much as": "because", "even as": "as",
    "little short of": "almost", "nigh unto": "near",
    "in the act of": "while", "make haste": "hurry", "made haste": "hurried", "take leave of": "leave",
    "took leave of": "left", "gave vent to": "made", "give vent to": "make", "set forth": "set out",
    "could not but": "had to", "cannot but": "must", "can not but": "must", "one and all": "all",
    "each and every": "every", "over and above": "besides", "to and fro": "back and forth",
    "as though": "as if", "even though": "although", "once more": "again",
    "all at once": "suddenly", "all round": "around",
    "all around": "around", "all through": "through", "for some time": "for a while", "by no means": "not",
    "by means of": "with",
    "hither and thither": "here and there", "now and anon": "now and then", "null and void": "void",
}  # fmt: skip
_ARCHAIC = {
    "thou art": "you are", "art thou": "are you", "thou wert": "you were", "thou wast": "you were",
    "thine is": "yours is", "mine eyes": "my eyes", "mine own": "my own", "mine eye": "my eye",
    "thou": "you", "thee": "you", "thy": "your", "thine": "your", "thyself": "yourself", "ye": "you",
    "hast": "have", "hath": "has", "doth": "does", "dost": "do", "didst": "did", "hadst": "had", "wilt": "will",
    "shalt": "will", "canst": "can", "couldst": "could", "wouldst": "would", "shouldst": "should", "mayst": "may",
    "can'st": "can", "could'st": "could", "would'st": "would", "did'st": "did",
    "mightst": "might", "'tis": "it is", "'twas": "it was", "'twere": "it were", "'twould": "it would",
    "'twill": "it will", "o'er": "over", "e'er": "ever", "ne'er": "never", "'em": "them", "unto": "to",
    "saith": "says", "spake": "spoke", "sayeth": "says", "cometh": "comes", "goeth": "goes", "nay": "no",
    "yea": "yes", "aye": "yes", "ay": "yes", "oft": "often", "whence": "from where", "whither": "where",
    "thereof": "of it", "therein": "in it", "thereon": "on it", "thereto": "to it", "therefrom": "from it",
    "thereby": "by this", "therewith": "with it", "thereat": "at this", "hereof": "of this", "herein": "in this",
    "whereof": "of which", "wherein": "in which", "whereon": "on which", "whereto": "to which", "whereby": "by which",
    "wherewith": "with which", "whereat": "at which", "wherefrom": "from which",
    "howsoever": "however", "whatsoever": "whatever", "whomsoever": "whoever", "whosoever": "whoever",
    "wheresoever": "wherever", "shew": "show", "shews": "shows", "shewed": "showed",
    "shewn": "shown", "shewing": "showing", "to-day": "today", "to-night": "tonight", "to-morrow": "tomorrow",
    "for ever": "forever",
    "ere": "before", "betwixt": "between", "aught": "anything", "naught": "nothing", "fain": "gladly",
    "nought": "nothing", "thither": "there", "amidst": "among", "athwart": "across", "whilst": "while",
    "amongst": "among", "anon": "soon", "perchance": "perhaps", "mayhap": "perhaps", "peradventure": "perhaps",
}  # fmt: skip


def _pattern(table: dict[str, str]) -> re.Pattern[str]:
    ordered = sorted(table, key=lambda phrase: (-len(phrase), phrase))
    return re.compile(rf"(?<![\w'-])(?:{'|'.join(map(re.escape, ordered))})(?![\w'-])", re.I)


_ARCHAIC_WORDS = _pattern(_ARCHAIC)
_SET_PHRASES = _pattern({phrase: plain for phrase, plain in _PHRASES.items() if plain})
_EMPTY_PHRASES = "|".join(re.escape(phrase) for phrase, plain in _PHRASES.items() if not plain)
_PARENTHETIC = re.compile(rf"(^|[.;:!?\"] |, )(?:{_EMPTY_PHRASES}), ?(?=(\w))", re.I)
_QUOTATION = re.compile(r'"[^"]*"')


def straighten(text: str) -> str:
    """`text` with plain quotes, spaces, dots and dashes, and without italics marks; its words untouched."""
    text = text.translate(_TRANSLATION)
    text = re.sub(r"(?<!\w)_+(?=\w)|(?<=[\w.,!?;:])_+(?!\w)", "", text)
    text = re.sub(r"\.(?: \.){2,}", "...", text)
    text = re.sub(r"\s*(?:—+|--+|–(?!\d))\s*", " — ", text)
    text = re.sub(r"\*+", "", text)
    text = re.sub(r"([!?])\1+", r"\1", text)
    text = re.sub(r"\s+—\s*(?=[,;:.!?]|\"(?!\w))", "", text)
    text = re.sub(r"(?<=[,;:])\s*—\s*", " ", text)
    return re.sub(r"\s+", " ", text).strip()


_OLD_VERBS = re.compile(
    r"(?<=\b[Yy]ou )([a-z]{2,})['e]?(?:st)\b|\b([A-Za-z][a-z]+)['e]?st(?= you\b)|\b([a-z]{2,})eth\b"
)
_NOT_OLD = frozenset(
    "interest digest earnest honest modest request suggest invest best most just least last first must".split()
)


def _left_out(found: re.Match[str]) -> str:
    """What stays where a phrase between marks says nothing: ", as it were," leaves a space."""
    return " " if found[1] == ", " else found[1]


def _modern_verb(found: re.Match[str]) -> str:
    """As in: you knowest -> you know, goeth -> goes."""
    stem = (found[1] or found[2] or found[3]).lower()
    if found[0].lower() in _NOT_OLD or is_word(found[0].lower()):
        return found[0]
    base = next((form for form in (stem, stem.removesuffix("e"), stem + "e") if is_verb(form)), None)
    if base is None:
        return found[0]
    return match_case(inflect(base, "VBZ") if found[3] else base, found[0])


def _plain(text: str) -> str:
    def replaced(table: dict[str, str], found: re.Match[str]) -> str:
        plain = table[found[0].lower()]
        return plain if plain.startswith("I ") else match_case(plain, found[0].lstrip("'") if found[0] != "I" else "i")

    text = re.sub(r"\bthine(?=\s*(?:[.,;!?]|$))", "yours", text)
    text = _ARCHAIC_WORDS.sub(lambda found: replaced(_ARCHAIC, found), text)
    text = _OLD_VERBS.sub(_modern_verb, text)
    text = _PARENTHETIC.sub(_left_out, text)
    return _SET_PHRASES.sub(lambda found: replaced(_PHRASES, found), text)


def modernise(text: str) -> str:
    """Straightened `text` with archaic words and set phrases made plain, short quotations left as they are."""
    parts, start = [], 0
    for quotation in _QUOTATION.finditer(text):
        if len(words(quotation[0])) > LONGEST_QUOTATION:
            continue
        parts += [_plain(text[start : quotation.start()]), quotation[0]]
        start = quotation.end()
    text = "".join([*parts, _plain(text[start:])])
    text = re.sub(r",\s*,", ",", text)
    return re.sub(r"\s{2,}", " ", text).strip()
