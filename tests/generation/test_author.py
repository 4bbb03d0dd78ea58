"""What a rewriter knows of its author's text, and that it is read once for as long as it stays the same."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from engine.errors import StyloraError
from engine.generation.author import UNKNOWN, known_author

PASSAGE = "The wheel turned slowly in the dark below the mill, and nobody in the town had oiled it since the flood."


def test_same_file_is_read_once_and_a_changed_one_again(tmp_path: Path) -> None:
    corpus = tmp_path / "small_voice_full.txt"
    corpus.write_text("\n\n".join([PASSAGE] * 80))
    known = known_author(corpus)
    assert known.profile is not None
    assert known.corpus is not None
    assert known.corpus.copied(PASSAGE) == 21
    assert known_author(corpus) is known
    corpus.write_text("Nothing of this was there before, and it is all that there is of the author now.")
    os.utime(corpus, ns=(1, 1))
    again = known_author(corpus)
    assert again.corpus is not None
    assert again.corpus.copied(PASSAGE) == 0
    assert again.profile is None  # too few words to know a voice by


def test_author_without_a_corpus_is_unknown(tmp_path: Path) -> None:
    assert known_author(tmp_path / "nobody_full.txt") is UNKNOWN


def test_corpus_that_is_no_text_is_said_in_a_line(tmp_path: Path) -> None:
    corpus = tmp_path / "small_voice_full.txt"
    corpus.write_bytes(b"\xff\xfe\x00a")
    with pytest.raises(StyloraError, match=r"small_voice_full\.txt: not readable as the author's corpus .*curate"):
        known_author(corpus)
