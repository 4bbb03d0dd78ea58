"""What can be said against a rewrite, before anyone is shown it.

Severe findings change what the text says or show that the model failed; mild ones are matters of taste. Nothing here
changes a text.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from engine.generation.alignment import content, exchanged, in_order, key, plainly, says
from engine.generation.limits import DEFAULT, Limits
from engine.generation.omissions import omissions
from engine.language import parse_many
from engine.measures.ai_isms import excess
from engine.measures.changed import changed, renumbered, swapped
from engine.measures.degeneration import CorpusIndex, degeneration, plain_words
from engine.measures.facts import facts, kept
from engine.measures.meaning import best_said, statements
from engine.measures.negation import inverted, negators
from engine.measures.refusal import refuses, remarks
from engine.measures.style_distance import AuthorProfile

if TYPE_CHECKING:
    from spacy.tokens import Doc

Contradictions = Callable[[Sequence[tuple[str, str]]], Sequence[float]]
"""For pairs of premise and hypothesis the probability that the one contradicts the other."""

_ENDS = re.compile(r"[.!?…:;*—–-][\"'”’)\]*_]*$|[\"”’)\]]$")
_CLOCK = re.compile(r"\b(\d+):(\d+)\b")
_SHORTEST_ECHO = 12
"""Words below which a rewrite may be its source word for word: there is little to say otherwise."""
_BARE = 0.5
"""Share of a text's words that are names and numbers, above which it has hardly another word. Chosen."""
_GIVEN = 0.6
"""Share of the longer words of a copied span that the source has when it says the same: chosen."""
_QUOTED = 60
"""Characters quoted of what was left out or copied."""


@dataclass(frozen=True)
class Finding:
    """One thing wrong with a rewrite. `weight` orders rewrites: 1 is one lost fact."""

    kind: str
    message: str
    weight: float
    severe: bool = False
    """Whether the text says something else than its source, or is no rewrite at all."""


@dataclass(frozen=True)
class Verdict:
    """Everything found in one rewrite."""

    findings: tuple[Finding, ...]
    facts_total: int
    """Different name words and numbers in the source; one said twice counts once, since a rewrite may say "he"."""
    facts_kept: int
    omitted: float = 0.0
    """Points of the worst stretch left out (`engine.generation.omissions`), below the limit too; 0 for none."""
    distance: float = 0.0
    """Style distance to the author, where a profile is at hand: only told apart where all else is equal."""

    @property
    def weight(self) -> float:
        return sum(finding.weight for finding in self.findings)

    @property
    def passed(self) -> bool:
        """Whether nothing severe was found."""
        return not any(finding.severe for finding in self.findings)


def verify(
    source: str,
    rewrite: str,
    *,
    finish: str = "stop",
    corpus: CorpusIndex | None = None,
    given: str = "",
    limits: Limits = DEFAULT,
    profile: AuthorProfile | None = None,
    words: int | None = None,
    nli: Contradictions | None = None,
) -> Verdict:
    """Check a final text against its source; `finish` is how decoding ended ("stop", "length" or "cancelled").

    `given` is the text that the model was given in the source's place, `words` the length it was asked for, `limits`
    the author's thresholds. Copied spans are looked for in `corpus`, and with `nli` what the rewrite contradicts.
    """
    return verify_all(
        source,
        [rewrite],
        finishes=[finish],
        corpus=corpus,
        given=given,
        limits=limits,
        profile=profile,
        words=words,
        nli=nli,
    )[0]


def verify_all(
    source: str,
    rewrites: Sequence[str],
    *,
    finishes: Sequence[str],
    corpus: CorpusIndex | None = None,
    given: str = "",
    limits: Limits = DEFAULT,
    profile: AuthorProfile | None = None,
    words: int | None = None,
    nli: Contradictions | None = None,
) -> list[Verdict]:
    """`verify` for several rewrites of one source, which is read once; `nli` is asked once, for all of them."""
    docs = list(parse_many(map(plainly, [source, *rewrites]), entities=False))
    stated, said = facts(docs[0]), content(docs[0])
    # A line of names and dates, as under a title, can hardly be said in other words.
    bare = stated.names.total() + stated.numbers.total() > _BARE * len(plain_words(source))
    verdicts = []
    against = _contradicted(source, rewrites, nli, limits) if nli is not None else [[] for _ in rewrites]
    for rewrite, doc, finish, contradicted in zip(rewrites, docs[1:], finishes, against, strict=True):
        missing = kept(stated, doc.text, each=False)
        told = content(doc)
        matched = in_order(said.keys, told.keys)
        left_out = omissions(said, told, matched, doc.text)
        found = [
            *_ending(source, rewrite, finish),
            *_facts(docs[0], doc, missing.missing, exchanged(said, told, matched)),
            *(
                Finding("omitted", f"left out: {_short(one.text)}", 2.0, severe=True)
                for one in left_out
                if one.points > limits.omission.value
            ),
            *_inverted(docs[0], doc),
            *contradicted,
            *(one for one in _failures(source, rewrite, given, limits) if not (bare and one.kind == "echo")),
            *_copied(source, rewrite, corpus, limits),
            *_manner(source, rewrite, words, limits),
        ]
        verdicts.append(
            Verdict(
                tuple(replace(one, severe=False) if one.kind in limits.demoted else one for one in found),
                facts_total=missing.names_total + missing.numbers_total,
                facts_kept=missing.names_kept + missing.numbers_kept,
                omitted=max((one.points for one in left_out), default=0.0),
                distance=profile.delta([rewrite]) if profile is not None and plain_words(rewrite) else 0.0,
            )
        )
    return verdicts


def _ending(source: str, rewrite: str, finish: str) -> Iterator[Finding]:
    if not any(character.isalnum() for character in rewrite):
        yield Finding("empty", "nothing was written", 10.0, severe=True)
    elif finish == "length":
        yield Finding("unfinished", "stopped at the length limit, without an end", 2.0, severe=True)
    elif finish == "cancelled":
        yield Finding("unfinished", "stopped on request, without an end", 2.0, severe=True)
    elif not _ENDS.search(rewrite.rstrip()) and _ENDS.search(source.rstrip()):
        yield Finding("unfinished", "breaks off without a full stop", 1.0, severe=True)


def _facts(source: Doc, output: Doc, missing: Sequence[str], names: Sequence[tuple[str, str]]) -> Iterator[Finding]:
    if missing:
        lost = _as_written(missing, source.text)
        yield Finding("facts", f"missing: {', '.join(lost)}", float(len(missing)), severe=True)
    new = changed(source, output)
    if new.names or new.numbers:
        made_up = (*new.names, *new.numbers)
        yield Finding("invented", f"not in the source: {', '.join(made_up)}", float(len(made_up)), severe=True)
    # What is missing or made up has been said; here both names are the source's, or the new one is a word as well.
    moved = dict.fromkeys([*swapped(source, output), *names])
    moved = {pair: None for pair in moved if pair[0].lower() not in missing and pair[1] not in new.names}
    numbers = [pair for pair in renumbered(source, output) if pair[0] not in missing and pair[1] not in new.numbers]
    for old, other in [*moved, *numbers]:
        yield Finding("swapped", f"{other} where the source has {old}", 1.5, severe=True)
    personified = [name for name in new.personified if name not in {other for _, other in moved}]
    if personified or new.round_numbers:
        made_up = (*personified, *new.round_numbers)
        yield Finding("embellished", f"perhaps not in the source: {', '.join(made_up)}", 0.25 * len(made_up))


def _inverted(source: Doc, output: Doc) -> Iterator[Finding]:
    """A denial more or less. By itself it may be "unable" for "not able"; with a word that changed sides it is one."""
    before, after = negators(source), negators(output)
    if before == after:
        return
    if words := inverted(source, output, key, says):
        yield Finding("negation", f"denied in one text only: {', '.join(words)}", float(len(words)), severe=True)
    else:
        yield Finding("negation", f"{after} denial{'s' * (after != 1)} where the source has {before}", 0.5)


def _contradicted(source: str, rewrites: Sequence[str], nli: Contradictions, limits: Limits) -> list[list[Finding]]:
    """For each rewrite the sentences of `source` that are false if what it says in their place is true."""
    asked = stretches(source, rewrites)
    found: list[list[Finding]] = [[] for _ in rewrites]
    shares = nli([(premise, sentence) for _, premise, sentence in asked]) if asked else []
    for (place, _, sentence), share in zip(asked, shares, strict=True):
        if share >= limits.contradiction.value:
            message = f"contradicts: {_short(sentence)} ({share:.0%} sure)"
            found[place].append(Finding("contradicted", message, 2.0, severe=True))
    return found


def stretches(source: str, rewrites: Sequence[str]) -> list[tuple[int, str, str]]:
    """Which rewrite, its stretch that says a sentence of `source` best, and the sentence: for each of both."""
    stated = statements(source)
    return [
        (place, said.stretch, sentence)
        for place, rewrite in enumerate(rewrites)
        for sentence, said in zip(stated, best_said(stated, rewrite), strict=True)
        if said.stretch
    ]


def _failures(source: str, rewrite: str, given: str, limits: Limits) -> Iterator[Finding]:
    repeated = degeneration(rewrite)
    if lines := repeated.past(limits.looping):
        certain = repeated.loops(limits.looping)
        yield Finding("loop", "; ".join(lines), 5.0 if certain else 1.0, severe=certain)
    if refuses(rewrite) and not refuses(source):
        yield Finding("refusal", "reads like a refusal", 5.0, severe=True)
    if (remark := remarks(rewrite)) and not remarks(source):
        yield Finding("refusal", f"speaks of the task: {_short(remark)}", 3.0, severe=True)
    for text in dict.fromkeys((given, source)):
        if (share := echoed(text, rewrite)) >= limits.echo.value:
            yield Finding("echo", f"{int(100 * share)}% of it is the input, word for word", 3.0, severe=True)
            break


def echoed(given: str, rewrite: str) -> float:
    """Share of the 4-word sequences of `rewrite` that `given` has; 0 for a short text."""
    stream, other = plain_words(rewrite), plain_words(given)
    if len(stream) < _SHORTEST_ECHO:
        return 0.0
    had = set(zip(other, other[1:], other[2:], other[3:], strict=False))
    grams = list(zip(stream, stream[1:], stream[2:], stream[3:], strict=False))
    return sum(gram in had for gram in grams) / len(grams)


def _copied(source: str, rewrite: str, corpus: CorpusIndex | None, limits: Limits) -> Iterator[Finding]:
    if corpus is None:
        return
    found = corpus.shared(rewrite)
    given, longest = _stems(source), limits.copied_span.value
    long = [span for span in found.spans if len(span.split()) >= longest]
    # An author repeats himself: where the source says the same, the words are his but nothing was smuggled in.
    his_own = [span for span in long if len(_stems(span) & given) >= _GIVEN * len(_stems(span))]
    smuggled = [span for span in long if span not in his_own]
    if smuggled:
        message = f"{len(smuggled[0].split())} words in a row copied from the author's books: {_short(smuggled[0])}"
        yield Finding("copied", message, 3.0, severe=True)
    elif his_own:
        message = f"{len(his_own[0].split())} words in a row are the author's, as the source has it: "
        yield Finding("author's words", message + _short(his_own[0]), 0.0)
    if not long and found.share > limits.copied_share.value and len(plain_words(rewrite)) >= longest:
        yield Finding("copied", f"{found.share:.0%} is the author's books, word for word", 1.0)


def _stems(text: str) -> set[str]:
    return {word[:5] for word in plain_words(text) if len(word) > 3}


def _manner(source: str, rewrite: str, words: int | None, limits: Limits) -> Iterator[Finding]:
    asked = words or len(source.split())
    ratio = len(rewrite.split()) / max(asked, 1)
    if not limits.shortest.value <= ratio <= limits.longest.value:
        of = f"the {words} words asked for" if words else "the source's length"
        yield Finding("length", f"{ratio:.0%} of {of}", 1.0)
    if phrases := excess(rewrite, source, limits.ai_isms):
        yield Finding("ai-ism", f"not the author's: {', '.join(phrases)}", 0.5 * len(phrases))


def _as_written(facts: Sequence[str], source: str) -> list[str]:
    """The facts in the words of `source`; a time of day whose two numbers are among them is one ("7:15")."""
    left = list(facts)
    times = []
    for found in _CLOCK.finditer(source):
        if all(part in left for part in found.groups()):
            times.append(found[0])
            for part in found.groups():
                left.remove(part)
    there = [re.search(rf"(?<!\w){re.escape(fact)}(?!\w)", source, re.IGNORECASE) for fact in left]
    return [found[0] if found else fact for found, fact in zip(there, left, strict=True)] + times


def _short(text: str) -> str:
    return text if len(text) <= _QUOTED else text[: _QUOTED - 1].rsplit(" ", 1)[0] + "…"
