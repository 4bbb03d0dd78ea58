"""What a user may give by mistake: one clear line each, and nothing of what was there is lost."""

from __future__ import annotations

import os
import resource
import subprocess
import sys
import zipfile
from pathlib import Path

import pypdf
import pytest
from test_curation_books import PROSE, epub, pdf

from engine.curation.corpus import read_header
from engine.curation.curate import curate
from engine.curation.reading import gather, read
from engine.errors import StyloraError
from engine.host import jobs
from engine.progress import silent
from engine.workspace import Workspace, bundled

BOOK = bundled("styles", "unconducted_chorus_full.txt")
HOME = Path(__file__).resolve().parents[2]


def refused(*inputs: Path, output: Path, author: str = "") -> str:
    """The one line that curation ends with."""
    with pytest.raises(StyloraError) as refusal:
        curate(inputs, output, author=author)
    message = str(refusal.value)
    assert "\n" not in message
    return message


LANGUAGES = {
    "German": "Es war einmal ein Müller Nummer {0}, der hatte drei Söhne und eine Mühle. Als er starb, teilten die "
    "Söhne sich die Erbschaft {0}, der älteste bekam die Mühle, der zweite den Esel, der dritte den Kater.",
    "French": "Il y avait une fois un meunier numéro {0} qui avait trois fils, son moulin, un âne et un chat. Les "
    "fils partagèrent tout {0} : l'aîné eut le moulin, le second eut l'âne, et le plus jeune n'eut que le chat.",
    "Spanish": "Había una vez un molinero número {0} que tenía tres hijos, su molino, un burro y un gato. Los hijos se "
    "repartieron la herencia {0}: el mayor recibió el molino, el segundo el burro y el menor se quedó con el gato.",
    "Russian": "Жил-был мельник номер {0}, и было у него три сына, мельница, осёл и кот. Когда он умер, сыновья "
    "поделили наследство {0}: старший взял мельницу, средний взял осла, а младшему достался только кот.",
}


@pytest.mark.parametrize("name", LANGUAGES)
def test_a_book_in_another_language_is_refused_by_its_name(tmp_path: Path, name: str) -> None:
    path = tmp_path / "a.txt"
    path.write_text("\n\n".join(f"{LANGUAGES[name].format(n)} " * 3 for n in range(40)), encoding="utf-8")
    assert f"not English but {name}" in refused(path, output=tmp_path / "out.txt")
    assert list(tmp_path.iterdir()) == [path]


def test_a_book_in_another_script_is_refused_by_what_it_is(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_text("吾輩は猫である。名前はまだ無い。どこで生れたかとんと見当がつかぬ。\n\n" * 300, encoding="utf-8")
    assert "Japanese" in refused(path, output=tmp_path / "out.txt")


def test_utf16_is_read_with_and_without_its_mark(tmp_path: Path) -> None:
    for encoding in ("utf-16", "utf-16-le", "utf-16-be"):
        path = tmp_path / f"{encoding}.txt"
        path.write_bytes(f"{PROSE}\r\nThe café was closed.\r\n".encode(encoding))
        assert [line.text for line in read(path).lines()] == [PROSE, "The café was closed."]


def test_two_gigabytes_are_refused_at_once(tmp_path: Path) -> None:
    for name in ("a.txt", "a.epub", "a.pdf"):
        path = tmp_path / name
        with path.open("wb") as stream:
            stream.truncate(2 << 30)
        assert "2,048 MB; at most" in refused(path, output=tmp_path / "out.txt")


def test_an_epub_of_too_many_members_or_with_a_bomb_inside_is_not_opened(tmp_path: Path) -> None:
    many = tmp_path / "many.epub"
    with zipfile.ZipFile(many, "w") as book:
        for number in range(20_001):
            book.writestr(f"{number}.txt", "")
    assert "not a book" in refused(many, output=tmp_path / "out.txt")
    bomb = epub(tmp_path / "bomb.epub", {"one": f"<p>{PROSE}</p>"})
    with zipfile.ZipFile(bomb, "a", zipfile.ZIP_DEFLATED) as book:
        book.writestr("OEBPS/big.xhtml", b"\0" * 60_000_000)
    assert "not a book" in refused(bomb, output=tmp_path / "out.txt")


def test_encrypted_members_and_pdfs_are_refused(tmp_path: Path) -> None:
    locked = epub(tmp_path / "locked.epub", {"one": f"<p>{PROSE}</p>"})
    data = bytearray(locked.read_bytes())
    at = data.rindex(b"PK\x01\x02")  # the last member's entry in the directory
    data[at + 8] |= 1  # its flag says encrypted
    locked.write_bytes(data)
    assert "copy-protected" in refused(locked, output=tmp_path / "out.txt")
    secret = tmp_path / "secret.pdf"
    writer = pypdf.PdfWriter(clone_from=pdf(tmp_path / "open.pdf", [[PROSE[:60]]]))
    writer.encrypt("word", algorithm="RC4-128")
    writer.write(secret)
    assert "password" in refused(secret, output=tmp_path / "out.txt")


def test_a_pdf_of_pictures_says_what_to_do(tmp_path: Path) -> None:
    path = pdf(tmp_path / "scan.pdf", [[], []])
    assert "text recognition" in refused(path, output=tmp_path / "out.txt")


@pytest.mark.parametrize("name", ["../../etc/passwd", "a/b", "..\\c", "/"])
def test_no_authors_name_leads_out_of_the_workspace(tmp_path: Path, name: str) -> None:
    workspace = Workspace.create(tmp_path / "w")
    with pytest.raises(StyloraError, match="a name, not a path"):
        workspace.corpus(name)


@pytest.mark.parametrize("name", ["..", " ", "日本"])
def test_an_authors_name_without_letters_is_refused_before_anything_is_made(tmp_path: Path, name: str) -> None:
    workspace = Workspace.create(tmp_path / "w")
    before = set(tmp_path.rglob("*"))
    with pytest.raises(StyloraError, match="no letter or digit"):
        jobs.curate(workspace, silent, author=name, input=[BOOK])
    assert set(tmp_path.rglob("*")) == before


def test_another_authors_corpus_is_not_overwritten(tmp_path: Path) -> None:
    output = tmp_path / "out.txt"
    curate([BOOK], output, author="Ann Miller")
    before = output.read_bytes()
    assert "the corpus of Ann Miller" in refused(BOOK, output=output, author="Bob Wright")
    assert output.read_bytes() == before
    assert curate([BOOK], output, author="Ann Miller").passages > 100


def test_a_text_of_the_users_own_is_not_overwritten(tmp_path: Path) -> None:
    output = tmp_path / "novel.txt"
    output.write_text("My unpublished novel.")
    assert "no corpus that curation made" in refused(BOOK, output=output)
    assert output.read_text() == "My unpublished novel."
    output.unlink()
    curate([BOOK], output)
    edited = output.read_text(encoding="utf-8").replace("tidal", "wind")
    output.write_text(edited, encoding="utf-8")
    assert "edited since" in refused(BOOK, output=output)
    assert output.read_text(encoding="utf-8") == edited


def test_loops_of_links_end_and_linked_books_are_read(tmp_path: Path) -> None:
    books = tmp_path / "books"
    (books / "one").mkdir(parents=True)
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "b.txt").write_text("b")
    (books / "one" / "a.txt").write_text("a")
    (books / "one" / "up").symlink_to(books)
    (books / "one" / "there").symlink_to(tmp_path / "elsewhere")
    (books / "self.txt").symlink_to(books / "self.txt")
    (books / "again.txt").symlink_to(books / "one" / "a.txt")
    assert [path.name for path in gather([books])] == ["again.txt", "b.txt"]
    assert "no such file" in refused(books / "self.txt", output=tmp_path / "out.txt")


def test_a_folder_with_nothing_readable_says_what_it_has(tmp_path: Path) -> None:
    for name in ("cover.png", "notes.docx", "a.mobi", "b.mobi", "c.mobi"):
        (tmp_path / name).write_text("x")
    message = refused(tmp_path, output=tmp_path / "out.txt")
    assert "passed over: a.mobi, b.mobi, c.mobi, cover.png and 1 more" in message


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_what_may_not_be_read_is_named(tmp_path: Path) -> None:
    path = tmp_path / "books" / "a.txt"
    path.parent.mkdir()
    path.write_text("x")
    path.chmod(0)
    assert "check the name and permissions" in refused(path, output=tmp_path / "out.txt")
    path.parent.chmod(0)
    assert "check its permissions" in refused(path.parent, output=tmp_path / "out.txt")
    path.parent.chmod(0o700)


def test_where_no_more_can_be_written_the_corpus_that_was_there_stays(tmp_path: Path) -> None:
    output = tmp_path / "chorus.txt"
    curate([BOOK], output, min_para_words=100)
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    code = (
        "import signal, sys; from pathlib import Path; from engine.curation.curate import curate; "
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN); curate([Path(sys.argv[1])], Path(sys.argv[2]))"
    )
    for limit in (5_000, 100_000):  # while the passages wait, and while the corpus is written
        done = subprocess.run(
            [sys.executable, "-c", code, str(BOOK), str(output)],
            cwd=HOME,
            capture_output=True,
            text=True,
            check=False,
            preexec_fn=lambda limit=limit: resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit)),  # type: ignore[misc]
        )
        assert done.returncode
        assert "disk is full" in done.stderr.splitlines()[-1]
        assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before


def test_a_broken_file_among_many_is_named_and_the_corpus_stays(tmp_path: Path) -> None:
    books, output = tmp_path / "books", tmp_path / "out.txt"
    books.mkdir()
    (books / "a.txt").write_bytes(BOOK.read_bytes())
    curate([books], output)
    before = output.read_bytes()
    (books / "b.epub").write_bytes(b"PK\x03\x04 broken")
    assert "b.epub: damaged" in refused(books, output=output)
    assert output.read_bytes() == before
    assert read_header(output)
