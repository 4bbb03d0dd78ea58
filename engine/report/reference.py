"""What rewrites of an author are held against: the whole of the author's text but the held-out passages.

Made once, and used for every checkpoint and strength that is measured.
"""

from __future__ import annotations

import hashlib
import random
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec
import numpy as np

from engine.curation.corpus import RemovedRow, read_corpus, read_header
from engine.curation.corpus import read_rows as read_record
from engine.curation.pieces import BEYOND
from engine.dataset.rows import SPLITS, read_rows, split_file
from engine.digests import sha256_of
from engine.errors import StyloraError
from engine.language import PIPELINE_VERSION, parse_many
from engine.measures import keyness, rhythm
from engine.measures.authorship import Authorship, fit, windows
from engine.measures.degeneration import CorpusIndex
from engine.measures.keyness import KeyWord
from engine.measures.spans import unseen
from engine.measures.style_distance import AuthorProfile, author_profile
from engine.neutral import open_neutralizer
from engine.report.figurative import figures
from engine.report.stored import stored
from engine.workspace import BUNDLED_AUTHOR, bundled, slug

FITTED = 150
"""Texts of each class that the classifier is fitted on; with 250 the accuracy of `tests/bench/card_grades.py` was the
same, .991."""
WINDOW = 150
"""Words of those texts. Chosen: about a passage, so that what is fitted is as long as what is judged."""
_LONG = 40
"""Words from which a passage's rate of key words is a rate. Chosen: one word more is then 25 in 1,000."""
READ = 60
"""Passages of the author that are parsed for figures of speech. Chosen: some 7,000 words."""
PASTICHE = "_pastiche"
"""``styles/<author>_pastiche.txt`` may hold texts that imitate the author: the classifier learns to tell those, too."""


@dataclass(frozen=True)
class Author:
    """An author's whole text without the held-out passages, measured; rates are over all of it."""

    gone: tuple[int, ...]
    """Passages of the book that share text with held-out ones, by number."""
    words: int
    profile: AuthorProfile
    classifier: Authorship
    lengths: np.ndarray
    """Sentences by length (`rhythm.length_counts`)."""
    marks: np.ndarray
    """Marks per 100 words, in the order of `rhythm.MARKS`."""
    keywords: tuple[KeyWord, ...]
    key_most: float
    """Key words per 1,000 words that 99 in 100 passages do not exceed."""
    figurative: np.ndarray
    """Of the passages that were parsed; columns: markers of figurative language, words."""


@dataclass(frozen=True)
class Reference:
    """An author, and what is asked of their rewrites."""

    held_out: tuple[tuple[str, str], ...]
    """Id and text."""
    author: Author
    index: CorpusIndex
    """Of the whole text but the held-out passages."""
    memorised: tuple[str, ...]
    """For each held-out passage another one of the author, of about its length."""
    made_of: str
    """Digest of all that it follows from."""
    cache: Path | None

    @property
    def texts(self) -> list[str]:
        return [text for _, text in self.held_out]


def held_out(dataset: Path, count: int, cache: Path | None = None) -> list[tuple[str, str]]:
    """Id and text of up to `count` held-out passages that share no 13 words in a row with a training text.

    Test passages come first, then validation ones, in the dataset's order. Kept in the folder `cache`: a training set
    may be millions of words, and is the same for every card.
    """

    def find() -> list[tuple[str, str]]:
        texts = {
            row.passage: row.styled
            for split in ("test", "valid")
            for row in read_rows(split_file(dataset, split))
            if row.kind == "original"
        }
        new = set(unseen(list(texts.values()), (row.styled for row in read_rows(split_file(dataset, "train")))))
        return [(passage, text) for passage, text in texts.items() if text in new]

    files = [split_file(dataset, split) for split in SPLITS]
    made_of = [sha256_of(file) if file.is_file() else "" for file in files]
    found = stored(cache, "held-out", made_of, find, list[tuple[str, str]])
    if not found:
        raise StyloraError(f"{dataset}: no held-out passage to check with; raise dataset.test and build it again")
    return found[:count]


def whole_book(corpus: Path) -> list[str]:
    """Every passage of the author that curation found good, those beyond the target too; the corpus alone where it has
    no record of its making."""
    passages = [passage.text for passage in read_corpus(corpus)]
    try:
        recorded = read_header(corpus) is not None
        more = (row for row in read_record(corpus) if isinstance(row, RemovedRow)) if recorded else ()
        return [*passages, *(" ".join(row.text.split()) for row in more if row.reason == BEYOND)]
    except StyloraError:  # the corpus is worth measuring by without its record
        return passages


def reference(
    chosen: Sequence[tuple[str, str]],
    book: Sequence[str],
    *,
    others: Sequence[str] = (),
    pastiche: Sequence[str] = (),
    seed: int = 42,
    cache: Path | None = None,
) -> Reference:
    """Measure an author by `book` without what shares 13 words in a row with the `chosen` held-out passages.

    `others` are texts of somebody else and `pastiche` imitations, for the classifier. What takes long is kept in the
    folder `cache`. Raises `StyloraError` for a book of less than 1,000 words.
    """
    texts = [text for _, text in chosen]
    made_of = hashlib.sha256(
        msgspec.json.encode([PIPELINE_VERSION, texts, list(book), list(others), list(pastiche), seed])
    ).hexdigest()
    author = stored(cache, "author", made_of, lambda: _author(texts, book, others, pastiche, seed), Author)
    gone = set(author.gone)
    own = [text for number, text in enumerate(book) if number not in gone]
    sizes = np.array([len(text.split()) for text in own])
    return Reference(
        held_out=tuple(chosen),
        author=author,
        index=CorpusIndex(own),
        memorised=tuple(_another(text, own, sizes, seed) for text in texts),
        made_of=made_of,
        cache=cache,
    )


def _author(
    chosen: Sequence[str], book: Sequence[str], others: Sequence[str], pastiche: Sequence[str], seed: int
) -> Author:
    own = unseen(book, chosen)
    there = set(own)
    profile = author_profile(own)
    draw = random.Random(f"{seed}:reference")
    sample = [own[at] for at in sorted(draw.sample(range(len(own)), min(FITTED, len(own))))]
    read = sample[:READ]
    marked = [
        (len(figures(doc)), len(text.split())) for doc, text in zip(parse_many(read, entities=False), read, strict=True)
    ]
    keywords = tuple(keyness.keywords(own))
    known = {one.word for one in keywords}
    sizes = np.array([len(text.split()) for text in own])
    uses = np.array([keyness.used(text, known) for text in own])
    long = sizes >= _LONG
    words = int(sizes.sum())
    # Plain text by the rules, whatever the adapter was trained with: any plain text will do here. Half of the sample
    # is plenty, for nothing is told from the author more easily, and making it takes the longest.
    plain = open_neutralizer("rules").neutralize(sample[::2])
    negatives = [*_pieces(plain, draw), *_pieces(others, draw), *_pieces(pastiche, draw)]
    return Author(
        gone=tuple(number for number, text in enumerate(book) if text not in there),
        words=words,
        profile=profile,
        classifier=fit(_pieces(sample, draw), negatives),
        lengths=np.sum([rhythm.length_counts(text) for text in own], axis=0),
        marks=100 * np.sum([rhythm.mark_counts(text) for text in own], axis=0) / words,
        keywords=keywords,
        key_most=float(np.quantile(1000 * uses[long] / sizes[long], 0.99)) if long.any() else 1000.0,
        figurative=np.array(marked, dtype=np.float64),
    )


def _pieces(texts: Sequence[str], draw: random.Random) -> list[str]:
    """Up to `FITTED` pieces of `WINDOW` words of the texts, drawn and in their order."""
    cut = windows(texts, WINDOW)
    return [cut[at] for at in sorted(draw.sample(range(len(cut)), min(FITTED, len(cut))))]


def _another(text: str, own: Sequence[str], sizes: np.ndarray, seed: int) -> str:
    """A passage of the author that has nothing to do with `text`: drawn from the ten nearest to it in length."""
    near = np.argsort(np.abs(sizes - len(text.split())), kind="stable")[:10]
    return own[random.Random(f"{seed}:memorised:{hashlib.sha256(text.encode()).hexdigest()}").choice(near.tolist())]


def other_voices(author: str, styles: Path | None) -> list[str]:
    """Passages of somebody else than `author`: the bundled book, unless it is theirs, and the corpora in `styles`."""
    found: list[str] = []
    if slug(author) != slug(BUNDLED_AUTHOR):
        text = bundled("styles", "unconducted_chorus_full.txt").read_text(encoding="utf-8")
        found += [" ".join(part.split()) for part in text.split("\n\n") if len(part.split()) >= 40]
    for record in sorted(styles.glob("*.curation.jsonl")) if styles is not None else []:
        corpus = record.with_name(record.name.replace(".curation.jsonl", ".txt"))
        try:
            header = read_header(corpus) if corpus.is_file() else None
            if header is not None and header.author and slug(header.author) != slug(author):
                found += [passage.text for passage in read_corpus(corpus)]
        except StyloraError:
            continue  # another author's fault is none of this one's
    return found
