"""Rewriting a text of several paragraphs: the prose of it, side by side in batches; everything else stays as it is."""

from __future__ import annotations

import hashlib
import re
import time
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import msgspec

from engine.errors import Cancelled, StyloraError
from engine.generation import blocks
from engine.generation.partial import Partial
from engine.generation.pieces import pieces
from engine.generation.preparing import Prepared, clean
from engine.generation.references import take_out
from engine.generation.rewriter import Rewriter
from engine.generation.verify import Finding
from engine.models.decoding import Sampling
from engine.progress import Progress, Report, silent

AT_ONCE = 16
"""Sequences decoded together, and lost when the process is killed: more gains little on two CPU cores."""
_LABEL = re.compile(r"^ {0,3}\[([^\]^][^\]]*)\]:\s", re.MULTILINE)
_SHORT_LINK = re.compile(r"(?<![\]!\\])\[([^\[\]^]+)\](?:\[\])?(?![\[(:])")
_NAMED = 5
"""Words that a passage of a document is told by."""
_TICK = 0.2
"""Seconds between two reports of progress at least, and so until a document hears that it is to stop."""


@dataclass(frozen=True)
class DocumentVariation:
    """One whole rewrite of the text."""

    text: str
    words: int
    findings: tuple[Finding, ...]


@dataclass(frozen=True)
class Steps:
    """The text of one passage after each step, from its source to what came back."""

    source: str
    """Without reference marks."""
    told: str
    """From another point of view, where it had to be."""
    expanded: str
    neutral: str
    noised: str
    prompt: str
    decoded: str
    """What the model wrote in the best variation, before the reference marks came back."""
    fallback: str = ""
    """Why the neutral text, or a piece of it, was made by `rules` where the adapter was trained on another kind."""


@dataclass(frozen=True)
class Pair:
    """A block of the text and of the best rewrite; the same where it passed unchanged."""

    before: str
    after: str
    rewritten: bool


@dataclass(frozen=True)
class Document:
    """Rewrites of a text. Each passage of the `best` one is the variation with the least against it."""

    variations: tuple[DocumentVariation, ...]
    best: DocumentVariation
    steps: tuple[Steps, ...]
    """One per rewritten passage."""
    pairs: tuple[Pair, ...]
    marks: tuple[str, ...] = ()
    """Where the way to the prompts differed from what the adapter was trained on, each in one line."""
    cancelled: bool = False
    """Whether this is a single passage that was stopped: it has no end."""


class Done(msgspec.Struct, frozen=True):
    """What came of one passage: a text and its findings per variation, and the steps that led there."""

    texts: list[str]
    findings: list[list[Finding]]
    best: int
    steps: Steps
    marks: list[str]
    cancelled: bool = False


@dataclass(frozen=True)
class _Passage:
    """A piece of prose that is given to the model at once."""

    block: int
    text: str
    words: int | None


def rewrite_document(
    rewriter: Rewriter,
    text: str,
    *,
    variations: int,
    strength: float,
    sampling: Sampling,
    seed: int,
    words: int | None = None,
    markdown: bool = False,
    partial: Path | None = None,
    on_text: Callable[[int, str], None] | None = None,
    report: Report = silent,
) -> Document:
    """Rewrite every paragraph of prose in `text` in `variations` ways; `words` are asked for in all.

    Paragraphs longer than what training saw are cut at sentence ends and joined again. `on_text` gets the variation's
    index and what was added to it, token by token for a single passage, else passage by passage.

    `partial` is a file where finished passages are kept until all are done: called again with the same text and
    settings, the work goes on from there. It stays for the caller to remove when the result is safe. A `Cancelled`
    from `report` or `on_text` ends the work: a single passage comes back as far as it got, of several `Cancelled` is
    raised.
    """
    newline = "\r\n" if "\r\n" in text else "\n"
    parts = blocks.parse(text.replace("\r\n", "\n").replace("\r", "\n").strip("\ufeff"), markdown=markdown)
    prose = [number for number, block in enumerate(parts) if block.prose] or _only(parts)
    if not prose:
        raise StyloraError(
            "nothing to rewrite: no paragraph of prose; headings, code, tables, lists and quotations stay as they are"
            if any(block.text for block in parts)
            else "nothing to rewrite: the text is empty; give at least one sentence"
        )
    passages = _passages(rewriter, parts, prose, words)
    # The identity takes a look at all of the weights, so only where something is kept.
    kept = Partial(partial, _identity(rewriter, variations, strength, sampling, seed) if partial else "")
    done = [kept.get(passage.text, passage.words) for passage in passages]
    progress = _Counter(passages, done, variations, report, rewriter.expected)
    if any(_has_words(passage.text) for passage in passages):
        done = [one or _as_it_is(passage, variations) for passage, one in zip(passages, done, strict=True)]
    # Passages of like length go together, so that a batch does not wait for its longest.
    waiting = sorted(
        (number for number, one in enumerate(done) if one is None), key=lambda number: len(passages[number].text)
    )
    at_once = max(1, AT_ONCE // variations)
    told = 0
    for start in range(0, len(waiting), at_once):
        batch = waiting[start : start + at_once]
        made = _rewrite(rewriter, passages, batch, variations, strength, sampling, seed, progress, on_text)
        for number, one in zip(batch, made, strict=True):
            done[number] = one
            if not one.cancelled:
                kept.put(passages[number].text, passages[number].words, one)
        if any(one.cancelled for one in made) and len(passages) > 1:
            raise Cancelled
        while on_text is not None and len(passages) > 1 and told < len(done) and (ready := done[told]) is not None:
            for variation, written in enumerate(ready.texts):
                on_text(variation, written + "\n\n")
            told += 1
    finished = [one for one in done if one is not None]
    return _assembled(parts, passages, finished, variations, newline)


def _only(parts: Sequence[blocks.Block]) -> list[int]:
    """The one block of a text that has no other: somebody wants it rewritten, whatever it looks like."""
    written = [number for number, block in enumerate(parts) if block.text]
    return written if len(written) == 1 and not blocks.verbatim(parts[written[0]].text) else []


def _has_words(text: str) -> bool:
    return any(character.isalpha() for character in take_out(text).text)


def _as_it_is(passage: _Passage, variations: int) -> Done | None:
    """What comes of a piece of a long paragraph that has figures and marks alone: itself. None for any other."""
    if _has_words(passage.text):
        return None
    text = passage.text
    return Done([text] * variations, [[]] * variations, 0, Steps(text, text, text, text, text, "", text), [])


def _passages(
    rewriter: Rewriter, parts: Sequence[blocks.Block], prose: Sequence[int], words: int | None
) -> list[_Passage]:
    labels = {_folded(label) for part in parts if not part.prose for label in _LABEL.findall(part.text)}
    cut = [
        (number, piece)
        for number in prose
        for piece in pieces(_labelled(clean(parts[number].text), labels), rewriter.longest)
    ]
    total = sum(len(piece.split()) for _, piece in cut)
    return [
        _Passage(number, piece, max(1, round(words * len(piece.split()) / total)) if words else None)
        for number, piece in cut
    ]


def _labelled(text: str, labels: Collection[str]) -> str:
    """`text` with its short links `[words]` as `[words][words]`: their words may be others in the rewrite."""

    def whole(found: re.Match[str]) -> str:
        return f"[{found[1]}][{found[1]}]" if _folded(found[1]) in labels else found[0]

    return _SHORT_LINK.sub(whole, text) if labels else text


def _folded(label: str) -> str:
    return " ".join(label.casefold().split())


def _rewrite(
    rewriter: Rewriter,
    passages: Sequence[_Passage],
    batch: Sequence[int],
    variations: int,
    strength: float,
    sampling: Sampling,
    seed: int,
    progress: _Counter,
    on_text: Callable[[int, str], None] | None,
) -> list[Done]:
    def hear(passage: int, variation: int, delta: str) -> None:
        if delta and on_text is not None and len(passages) == 1:
            on_text(variation, delta)
        progress.grew(batch[passage], delta)

    results = rewriter.rewrite(
        [passages[number].text for number in batch],
        variations=variations,
        strength=strength,
        sampling=sampling,
        seed=seed,
        words=[passages[number].words for number in batch],
        on_text=hear,
    )
    return [
        Done(
            [variation.text for variation in result.variations],
            [list(variation.verdict.findings) for variation in result.variations],
            result.best,
            _steps(result.prepared, result.variations[result.best].decoded),
            list(result.prepared.marks),
            any(variation.finish == "cancelled" for variation in result.variations),
        )
        for result in results
    ]


def _steps(made: Prepared, decoded: str) -> Steps:
    return Steps(
        made.source,
        made.told,
        made.expanded,
        made.neutral,
        made.prompt.input,
        made.prompt.text,
        decoded,
        made.fallback,
    )


def _assembled(
    parts: Sequence[blocks.Block],
    passages: Sequence[_Passage],
    done: Sequence[Done],
    variations: int,
    newline: str,
) -> Document:
    if len(done) == 1:
        variations = len(done[0].texts)  # with those that were tried because the first ones had failed
    whole: list[DocumentVariation] = []
    pairs: list[Pair] = []
    for number in range(variations + 1):
        texts: dict[int, list[str]] = {}
        findings: list[Finding] = []
        for passage, one in zip(passages, done, strict=True):
            chosen = one.best if number == variations else number
            texts.setdefault(passage.block, []).append(one.texts[chosen])
            findings += _placed(one.findings[chosen], passage.text) if len(passages) > 1 else one.findings[chosen]
        laid_out = [
            block.with_text(" ".join(texts[place])) if place in texts else block.text
            for place, block in enumerate(parts)
        ]
        text = "".join(new + block.after for new, block in zip(laid_out, parts, strict=True))
        # A lone passage comes without the line ends around it: it may have come from a prompt, not from a file.
        text = text.strip("\n") if len(passages) == 1 and len(parts) == 1 else text
        counted = sum(len(part.split()) for part in text.split("\n"))
        whole.append(DocumentVariation(text.replace("\n", newline), counted, tuple(findings)))
        if number == variations:
            pairs = [
                Pair(block.text, new, place in texts)
                for place, (block, new) in enumerate(zip(parts, laid_out, strict=True))
                if block.text
            ]
    marks = tuple(dict.fromkeys(mark for one in done for mark in one.marks))
    return Document(
        tuple(whole[:variations]),
        whole[variations],
        tuple(one.steps for one in done),
        tuple(pairs),
        marks,
        any(one.cancelled for one in done),
    )


def _placed(findings: Sequence[Finding], passage: str) -> list[Finding]:
    """`findings` with the words that their passage begins with: of a whole document nobody knows it else."""
    words = take_out(passage).text.split()
    start = " ".join(words[:_NAMED]) + ("…" if len(words) > _NAMED else "")
    return [replace(one, message=f"“{start}”: {one.message}") for one in findings]


def _identity(rewriter: Rewriter, variations: int, strength: float, sampling: Sampling, seed: int) -> str:
    """What the rewrite of a passage depends on besides the passage."""
    made = (
        rewriter.recipe.digest,
        rewriter.writer.weights_digest(),
        rewriter.chosen,
        replace(sampling),
        (variations, strength, seed),
    )
    return hashlib.sha256(repr(made).encode()).hexdigest()


class _Counter:
    """Words written against words to write, told now and then with the seconds that are left."""

    def __init__(
        self,
        passages: Sequence[_Passage],
        done: Sequence[Done | None],
        variations: int,
        report: Report,
        expected: Callable[[str], int],
    ) -> None:
        self.variations, self.report = variations, report
        self.wanted = [passage.words or expected(passage.text) for passage in passages]
        self.total = float(sum(self.wanted))
        self.grown = [float(words) if one else 0.0 for words, one in zip(self.wanted, done, strict=True)]
        self.before = sum(self.grown)
        self.began = self.told = time.monotonic()
        if self.before:
            self.report(Progress("rewrite", self.before, self.total, message="going on where it was stopped"))

    def grew(self, passage: int, delta: str) -> None:
        """Count `delta`, written in one of the variations of `passage`; empty while it is tried again."""
        added = (delta.count(" ") + delta.count("\n")) / self.variations
        self.grown[passage] = min(self.grown[passage] + added, float(self.wanted[passage]))
        now = time.monotonic()
        if now - self.told < _TICK:
            return
        self.told = now
        if not delta:  # it is tried again: nothing grows, and what was said of that stands
            self.report(Progress("retry"))
            return
        done = sum(self.grown)
        speed = (done - self.before) / max(now - self.began, 1e-9)
        left = (self.total - done) / speed if speed else None
        values = {"words_per_second": speed, "seconds_left": left}
        self.report(Progress("rewrite", round(done), round(self.total), values=values))
