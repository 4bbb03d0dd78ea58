"""What the user decides against curation is done, goes where it belongs, and is remembered by its text."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest

from engine.curation.corpus import KeptRow, RemovedRow, read_corpus, read_header, read_rows
from engine.curation.curate import Curated, curate
from engine.curation.overrides import DROPPED, overrides_path
from engine.errors import StyloraError
from engine.host.review import DECIDED, KEPT, Piece, Review
from engine.workspace import bundled

BOOK = bundled("styles", "unconducted_chorus_full.txt")


def made(folder: Path, **settings: Any) -> Curated:
    return curate([BOOK], folder / "chorus.txt", **settings)


@pytest.fixture(scope="module")
def once(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("styles")
    made(folder)
    return folder


@pytest.fixture
def styles(once: Path, tmp_path: Path) -> Path:
    shutil.copytree(once, tmp_path / "styles")
    return tmp_path / "styles"


def opened(styles: Path) -> Review:
    review = Review(styles / "chorus.txt")
    for _ in review.scan():
        pass
    return review


def taken(review: Review, reason: str) -> Piece:
    piece = review.piece(0, reason)
    assert piece
    return piece


def texts(styles: Path) -> list[str]:
    return [passage.text for passage in read_corpus(styles / "chorus.txt")]


def test_every_piece_can_be_read_with_reason_source_and_line(styles: Path) -> None:
    review = opened(styles)
    assert review.count(KEPT) == len(texts(styles))
    first = review.piece(0, KEPT)
    assert first
    assert (first.text, first.reason, first.source, first.inside) == (texts(styles)[0], "", BOOK.name, True)
    preface = taken(review, "preface")
    assert not preface.inside
    assert preface.text.split()[0] in BOOK.read_text(encoding="utf-8").split("\n")[preface.line - 1]
    assert review.views[0] == ""
    assert review.views[-1] == KEPT
    assert "preface" in review.views
    assert sum(review.count(view) for view in review.views[1:-1]) == review.count()
    assert review.piece(10**6) is None


def test_a_dropped_passage_is_gone_with_the_next_curation_and_its_neighbours_stay(styles: Path) -> None:
    before = texts(styles)
    review = opened(styles)
    piece = review.piece(10, KEPT)
    assert piece
    assert review.decide(piece, "drop")
    assert review.waiting
    assert texts(styles) == before
    result = made(styles)
    assert texts(styles) == before[:10] + before[11:]
    assert result.removed[DROPPED].pieces == 1
    assert (result.overrides.keep, result.overrides.drop, result.overrides.unmatched) == (0, 1, [])
    assert not opened(styles).waiting
    (row,) = (row for row in read_rows(styles / "chorus.txt") if isinstance(row, RemovedRow) and row.reason == DROPPED)
    assert row.text == before[10]


def test_a_removed_text_that_is_kept_stands_where_the_book_has_it(styles: Path) -> None:
    review = opened(styles)
    preface = next(p for n in range(9) if (p := review.piece(n, "preface")) and p.words > 60)
    assert review.decide(preface, "keep")
    made(styles)
    found = next(n for n, text in enumerate(texts(styles)) if " ".join(preface.text.split())[:60] in text)
    assert found == 0  # it stands before the first chapter
    assert len(texts(styles)) > review.count(KEPT)
    kept = [row for row in read_rows(styles / "chorus.txt") if isinstance(row, KeptRow)]
    assert kept[0].kept
    assert not kept[1].kept


def test_a_chapter_title_that_is_kept_begins_its_chapter_whole(tmp_path: Path) -> None:
    book = BOOK.read_text(encoding="utf-8")
    paragraph = book.index("\n\n", book.index("I was sent to Carrow") + 30_000)
    titled = f"{book[:paragraph]}\n\n\nCHAPTER 92. The Carpet-Bag.\n\n{book[paragraph:].lstrip()}"
    (tmp_path / "book.txt").write_text(titled, encoding="utf-8")
    output = tmp_path / "chorus.txt"
    curate([tmp_path / "book.txt"], output)
    before = [passage.text for passage in read_corpus(output)]
    review = Review(output)
    list(review.scan())
    title = next(p for n in range(99) if (p := review.piece(n, "chapter title")) and "Carpet" in p.text)
    assert review.decide(title, "keep")
    result = curate([tmp_path / "book.txt"], output)
    after = [passage.text for passage in read_corpus(output)]
    assert result.overrides.unmatched == []
    (at,) = (n for n, text in enumerate(after) if "Carpet-Bag" in text)
    assert after[at] == f"CHAPTER 92. The Carpet-Bag. {before[at]}"
    assert after[:at] + after[at + 1 :] == before[:at] + before[at + 1 :]


def test_a_passage_the_gates_dropped_is_kept_whatever_it_is(tmp_path: Path) -> None:
    book = BOOK.read_text(encoding="utf-8")
    start = book.index("I was sent to Carrow")
    middle = book.index("\n\n", start + 30_000)
    odd = "One day like this, and " * 14 + "nothing else. It was so."
    (tmp_path / "book.txt").write_text(f"{book[:middle]}\n\n* * *\n\n{odd}\n\n* * *\n{book[middle:]}", encoding="utf-8")
    output = tmp_path / "chorus.txt"
    curate([tmp_path / "book.txt"], output)
    review = Review(output)
    list(review.scan())
    assert review.decide(taken(review, "repetition"), "keep")
    after = curate([tmp_path / "book.txt"], output)
    passages = [passage.text for passage in read_corpus(output)]
    assert 20 < passages.index(odd) < len(passages) - 20
    assert "repetition" not in after.dropped
    small = curate([tmp_path / "book.txt"], output, target_tokens=3_000)
    assert odd in [passage.text for passage in read_corpus(output)]
    assert small.tokens <= 3_000


def test_decisions_outlive_other_thresholds_and_changed_files(styles: Path) -> None:
    review = opened(styles)
    dropped, kept = review.piece(30, KEPT), taken(review, "colophon")
    assert dropped
    review.decide(dropped, "drop")
    review.decide(kept, "keep")
    for least in (40, 100):
        result = made(styles, min_para_words=least)
        assert result.overrides.unmatched == []
        whole = "\n".join(texts(styles))
        assert dropped.text not in whole
        assert " ".join(kept.text.split())[:50] in whole
    changed = styles / "book.txt"
    text = BOOK.read_text(encoding="utf-8")
    place = text.index("I was sent to Carrow")
    changed.write_text("\n\n\n" + text[:place] + "I had slept badly. " + text[place:], encoding="utf-8")
    result = curate([changed], styles / "chorus.txt")
    assert result.overrides.unmatched == []
    assert dropped.text not in "\n".join(texts(styles))


def test_a_decision_whose_text_is_gone_is_said_and_kept(styles: Path) -> None:
    review = opened(styles)
    piece = review.piece(10, KEPT)
    assert piece
    review.decide(piece, "drop")
    book = BOOK.read_text(encoding="utf-8")
    words = piece.text.split()
    other = styles / "book.txt"
    other.write_text(book.replace(words[0] + " " + words[1] + " " + words[2], "Then"), encoding="utf-8")
    result = curate([other], styles / "chorus.txt")
    assert result.overrides.unmatched == [piece.id]
    header = read_header(styles / "chorus.txt")
    assert header
    assert header.overrides == result.overrides
    assert made(styles).overrides.unmatched == []


def test_decisions_are_taken_back_one_by_one_and_last_first(styles: Path) -> None:
    before = (styles / "chorus.txt").read_bytes()
    review = opened(styles)
    passage, removed = review.piece(3, KEPT), taken(review, "dedication")
    assert passage
    assert not review.decide(passage, "keep")  # it is in already
    assert review.decide(passage, "drop")
    assert not review.decide(passage, "drop")
    assert review.decide(removed, "keep")
    assert [review.piece(n, DECIDED).decision for n in range(review.count(DECIDED))] == ["drop", "keep"]  # type: ignore[union-attr]
    again = opened(styles)
    assert again.decisions == review.decisions
    assert again.decide(passage, "keep")  # takes the decision back
    assert list(again.decisions) == [removed.id]
    assert again.undo()
    assert list(again.decisions) == [passage.id, removed.id]
    assert again.undo()
    assert again.undo()
    assert again.undo() is None
    assert not overrides_path(styles / "chorus.txt").exists()
    made(styles)
    assert (styles / "chorus.txt").read_bytes() == before


def test_a_dropped_passage_can_be_had_back_from_the_removed(styles: Path) -> None:
    before = texts(styles)
    review = opened(styles)
    piece = review.piece(5, KEPT)
    assert piece
    review.decide(piece, "drop")
    made(styles)
    review = opened(styles)
    gone = taken(review, DROPPED)
    assert gone.id == piece.id
    assert gone.decision == "drop"
    assert gone.done
    assert review.decide(gone, "keep")
    assert review.waiting
    made(styles)
    assert texts(styles) == before


def test_overlapping_passages_are_dropped_without_their_neighbours(styles: Path) -> None:
    made(styles, min_para_words=100, overlap=2)
    review = opened(styles)
    rows = [row for row in read_rows(styles / "chorus.txt") if isinstance(row, KeptRow)]
    number = next(n for n, row in enumerate(rows) if row.borrowed and n > 5)
    piece = review.piece(number, KEPT)
    assert piece
    whole = texts(styles)[number]
    assert whole.endswith(piece.text)
    assert len(whole) > len(piece.text)
    review.decide(piece, "drop")
    result = made(styles, min_para_words=100, overlap=2)
    assert result.removed[DROPPED].words == piece.words
    assert texts(styles)[number - 1].endswith(whole[: -len(piece.text)].strip())


def test_the_same_decisions_give_the_same_bytes(styles: Path) -> None:
    review = opened(styles)
    for number in (3, 40, 90):
        piece = review.piece(number, KEPT)
        assert piece
        review.decide(piece, "drop")
    runs = []
    for _ in range(2):
        result = made(styles)
        runs.append((result.output.read_bytes(), result.record.read_bytes()))
    assert runs[0] == runs[1]


def test_a_damaged_file_of_decisions_stops_curation_and_loses_nothing(styles: Path) -> None:
    path = overrides_path(styles / "chorus.txt")
    before = (styles / "chorus.txt").read_bytes()
    path.write_text('{"action": "drop", "id": "x"\n')
    with pytest.raises(StyloraError, match=r"overrides\.jsonl, line 1"):
        made(styles)
    assert (styles / "chorus.txt").read_bytes() == before


def test_a_piece_is_found_by_the_beginning_of_its_id(styles: Path) -> None:
    review = opened(styles)
    piece = review.piece(7, KEPT)
    assert piece
    assert review.find(piece.id[:8]) == piece
    with pytest.raises(StyloraError, match="no text has"):
        review.find("zzzzzz")
