from __future__ import annotations

from pathlib import Path

import pytest

from engine.curation import reading
from engine.curation.reading import gather, read
from engine.errors import StyloraError


def lines(path: Path) -> list[str]:
    return [line.text for line in read(path).lines()]


def written(path: Path, data: bytes) -> Path:
    path.write_bytes(data)
    return path


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
def test_text_is_decoded_whatever_its_encoding(tmp_path: Path, encoding: str) -> None:
    text = "The café’s “ordinary” — déjà vu — was closed.\n" * 5
    path = written(tmp_path / "a.txt", text.encode(encoding))
    assert lines(path) == text.splitlines()


def test_a_broken_encoding_is_mended_and_curly_quotes_are_kept(tmp_path: Path) -> None:
    path = written(tmp_path / "a.txt", "He said: â€œItâ€™s the cafÃ©.â€\x9d “Indeed,” she’d\u00a0say.\n".encode())
    assert lines(path) == ["He said: “It’s the café.” “Indeed,” she’d say."]


def test_line_numbers_are_the_files_own_and_a_form_feed_begins_a_page(tmp_path: Path) -> None:
    path = written(tmp_path / "a.txt", b"one\r\ntwo\x0cthree\r\n\r\nfour")
    found = list(read(path).lines())
    assert [(line.text, line.number, line.role) for line in found] == [
        ("one", 1, ""),
        ("two", 2, ""),
        ("", 2, "page"),
        ("three", 2, ""),
        ("", 3, ""),
        ("four", 4, ""),
    ]


def test_a_source_can_be_read_again_and_again(tmp_path: Path) -> None:
    source = read(written(tmp_path / "a.txt", b"one\ntwo\n"))
    assert list(source.lines()) == list(source.lines())


@pytest.mark.parametrize(
    ("name", "data", "complaint"),
    [
        ("a.txt", b"", "empty"),
        ("a.txt", b" \n\t\n", "empty"),
        ("a.txt", b"plain \x00 text", "binary"),
        ("a.txt", bytes(range(1, 9)) * 50, "binary"),
        ("a.txt", b"%PDF-1.7 ...", "a PDF"),
        ("a.txt", b"\x89PNG\r\n\x1a\n....", "a picture"),
        ("a.txt", b"PK\x03\x04....", "zip"),
        ("a.txt", "吾輩は猫である。名前はまだ無い。".encode("shift-jis"), "save it as UTF-8"),
        ("a.txt", "Мы писали, мы писали, наши пальчики устали".encode("koi8-r"), "save it as UTF-8"),
        ("a.docx", b"PK\x03\x04", "not a kind of file"),
        ("a.epub", b"not a zip", "not an EPUB"),
        ("a.pdf", b"%PDF-1.4 nothing else", "damaged PDF"),
        ("a.html", b"<html><body> </body></html>", "no text"),
    ],
)
def test_what_cannot_be_read_is_refused_in_one_line(tmp_path: Path, name: str, data: bytes, complaint: str) -> None:
    path = written(tmp_path / name, data)
    with pytest.raises(StyloraError) as refusal:
        read(path)
    message = str(refusal.value)
    assert complaint in message
    assert str(path) in message
    assert "\n" not in message


def test_a_file_too_big_to_be_a_book_is_refused_before_it_is_read(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    with path.open("wb") as stream:
        stream.truncate(reading.MAX_PLAIN_BYTES + 1)  # sparse: it takes no room
    with pytest.raises(StyloraError, match="at most 512 MB"):
        read(path)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(StyloraError, match="no such file"):
        gather([tmp_path / "gone.txt"])
    with pytest.raises(StyloraError, match="cannot be read"):
        read(tmp_path / "gone.txt")


def test_a_folder_stands_for_its_readable_files_in_order(tmp_path: Path) -> None:
    for name in ("b.txt", "a.md", "sub/c.epub", "notes.docx", ".hidden.txt", ".git/d.txt", "out.txt"):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text("x")
    output = tmp_path / "out.txt"
    assert gather([tmp_path], output) == [tmp_path / "a.md", tmp_path / "b.txt", tmp_path / "sub" / "c.epub"]
    assert gather([tmp_path / "b.txt", tmp_path], output)[0] == tmp_path / "b.txt"
    assert len(gather([tmp_path / "b.txt", tmp_path, tmp_path / "sub" / ".." / "b.txt"], output)) == 3


def test_gathering_nothing_says_so(tmp_path: Path) -> None:
    with pytest.raises(StyloraError, match="no input"):
        gather([])
    with pytest.raises(StyloraError, match="in this folder"):
        gather([tmp_path])
    picture = written(tmp_path / "cover.png", b"\x89PNG")
    with pytest.raises(StyloraError, match="not a kind of file"):
        gather([picture])


def test_the_output_cannot_be_an_input(tmp_path: Path) -> None:
    path = written(tmp_path / "a.txt", b"text")
    with pytest.raises(StyloraError, match="both input and output"):
        gather([path], tmp_path / "." / "a.txt")
