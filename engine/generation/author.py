"""The author's own text as a rewriter knows it: to look for copied spans in, and to know the voice by."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from pathlib import Path

from engine.errors import StyloraError
from engine.measures.degeneration import CorpusIndex
from engine.measures.style_distance import AuthorProfile, author_profile

_PROFILED, _FEWEST_WORDS = 500, 1200
"""Passages that the voice is known by, and the words below which they say nothing of it. Chosen."""


@dataclass(frozen=True)
class Author:
    """An author's text, measured; None for what is too little to measure."""

    corpus: CorpusIndex | None
    profile: AuthorProfile | None


UNKNOWN = Author(None, None)


def known_author(corpus: Path) -> Author:
    """What is known from the file `corpus`, read once for as long as it stays the same: a rewriter on a training's
    weights is made anew for each request, between two of its steps. Raises `StyloraError` for a file that is no text.
    """
    try:
        state = corpus.stat()
        return _read(corpus, state.st_mtime_ns, state.st_size, state.st_ino)
    except FileNotFoundError:
        return UNKNOWN
    except (OSError, UnicodeDecodeError) as error:
        raise StyloraError(f"{corpus}: not readable as the author's corpus ({error}); curate it again") from None


@functools.lru_cache(maxsize=4)
def _read(corpus: Path, *_: int) -> Author:
    passages = corpus.read_text(encoding="utf-8").split("\n\n")
    sample = passages[:: max(1, len(passages) // _PROFILED)]
    enough = sum(len(passage.split()) for passage in sample) >= _FEWEST_WORDS
    return Author(CorpusIndex(passages), author_profile(sample) if enough else None)
