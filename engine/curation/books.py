"""HTML, EPUB and PDF files to lines, with bounds on what a file may unpack to."""

from __future__ import annotations

import logging
import posixpath
import re
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from engine.curation.markup import html_lines
from engine.curation.pieces import Line
from engine.curation.reading import mended
from engine.errors import StyloraError

MAX_MEMBERS = 20_000
MAX_MEMBER_BYTES = 64 * 2**20
MAX_TEXT_BYTES = 256 * 2**20  # everything an EPUB's text may unpack to: about 40 million words
MAX_RATIO = 200  # of unpacked to packed bytes; prose packs to between a half and a tenth
MAX_PAGES = 20_000


def read_book(path: Path, encoding: str) -> tuple[str, tuple[Line, ...]]:
    """Title and lines of an HTML (in `encoding`), EPUB or PDF file.

    Raises `StyloraError` for one that is damaged, protected, too big unpacked, or has no text.
    """
    reader = {".epub": _epub, ".pdf": _pdf}.get(path.suffix.lower())
    title, lines = reader(path) if reader else html_lines(path.read_text(encoding=encoding, errors="replace"))
    kept = tuple(Line(mended(line.text), line.number, line.role) for line in lines)
    if not any(line.text for line in kept):
        raise StyloraError(f"{path}: no text in it; give another edition")
    return title, kept


def _epub(path: Path) -> tuple[str, list[Line]]:
    try:
        with zipfile.ZipFile(path) as book:
            _refuse_bomb(path, book)
            package = _package(book)
            opf = _member(path, book, package)
            folder = posixpath.dirname(package)
            lines: list[Line] = []
            unpacked = 0
            for name, role in _spine(opf, folder):
                if name not in book.NameToInfo:
                    continue
                html = _member(path, book, name)
                unpacked += len(html)
                if unpacked > MAX_TEXT_BYTES:
                    raise StyloraError(f"{path}: unpacks to more than {MAX_TEXT_BYTES // 2**20} MB; not a book")
                _, chapter = html_lines(html, len(lines) + 1)
                lines += [Line(text, number, role or own) for text, number, own in chapter]
                lines.append(Line("", len(lines) + 1, "page"))
    except (zipfile.BadZipFile, KeyError, ValueError, EOFError, NotImplementedError, zipfile.zlib.error):  # type: ignore[attr-defined]
        raise StyloraError(f"{path}: damaged, or not an EPUB; get it again, or save the book as .txt") from None
    except RuntimeError:  # zipfile's word for an encrypted member
        raise StyloraError(f"{path}: copy-protected; give an edition that is not") from None
    title = re.search(r"<dc:title\b[^>]*>([^<]*)<", opf)
    return (" ".join(title[1].split()) if title else ""), lines


def _refuse_bomb(path: Path, book: zipfile.ZipFile) -> None:
    members = book.infolist()
    names = {member.filename for member in members}
    encrypted = {"META-INF/rights.xml", "META-INF/sinf.xml"} & names or any(m.flag_bits & 1 for m in members)
    if encrypted:
        raise StyloraError(f"{path}: copy-protected; give an edition that is not")
    packed = sum(member.compress_size for member in members)
    unpacked = sum(member.file_size for member in members)
    if len(members) > MAX_MEMBERS or unpacked > max(packed, 1) * MAX_RATIO:
        raise StyloraError(f"{path}: {packed:,} bytes that unpack to {unpacked:,}; not a book, and not opened")


def _member(path: Path, book: zipfile.ZipFile, name: str) -> str:
    with book.open(name) as stream:  # a header may lie about the size, so what is read is what is bounded
        data = stream.read(MAX_MEMBER_BYTES + 1)
    if len(data) > MAX_MEMBER_BYTES:
        raise StyloraError(f"{path}: {name} unpacks to more than {MAX_MEMBER_BYTES // 2**20} MB; not a book")
    for encoding in ("utf-16",) if data[:2] in (b"\xff\xfe", b"\xfe\xff") else ("utf-8-sig", "cp1252"):
        try:
            return data.decode(encoding)
        except UnicodeDecodeError:
            continue
    return data.decode("utf-8", errors="replace")


def _package(book: zipfile.ZipFile) -> str:
    container = book.read("META-INF/container.xml")[:100_000].decode("utf-8", errors="replace")
    named = re.search(r"<[\w:]*rootfile\b[^>]*\bfull-path\s*=\s*[\"']([^\"']+)", container)
    if not named:
        raise KeyError("rootfile")
    return unquote(named[1])


def _attributes(tag: str) -> dict[str, str]:
    return {name: value for name, _, value in re.findall(r"([\w:-]+)\s*=\s*([\"'])(.*?)\2", tag)}


def _spine(opf: str, folder: str) -> Iterator[tuple[str, str]]:
    """Member names in reading order, with the role of those that are not text."""
    items: dict[str, dict[str, str]] = {}
    for tag in re.findall(r"<(?:\w+:)?item\b([^>]*)>", opf):
        attributes = _attributes(tag)
        items[attributes.get("id", "")] = attributes
    guide = {}
    for attributes in map(_attributes, re.findall(r"<(?:\w+:)?reference\b([^>]*)>", opf)):
        href, kind = attributes.get("href", ""), _GUIDE.get(attributes.get("type", "").lower())
        if kind and "#" not in href:  # a fragment names a place in a file that holds more
            guide[posixpath.normpath(posixpath.join(folder, unquote(href)))] = kind
    for tag in re.findall(r"<(?:\w+:)?itemref\b([^>]*)>", opf):
        item = items.get(_attributes(tag).get("idref", ""), {})
        if "html" in item.get("media-type", "html") and item.get("href"):
            name = posixpath.normpath(posixpath.join(folder, unquote(item["href"])))
            yield name, "contents" if "nav" in item.get("properties", "").split() else guide.get(name, "")


_GUIDE = {  # OPF 2.0 guide types
    "toc": "contents",
    "title-page": "title page",
    "copyright-page": "copyright",
    "dedication": "dedication",
    "preface": "preface",
    "foreword": "preface",
    "acknowledgements": "acknowledgements",
    "index": "index",
    "glossary": "glossary",
    "bibliography": "bibliography",
    "colophon": "colophon",
    "notes": "note",
}


def _unlocked(document: Any) -> bool:
    try:
        return bool(document.decrypt(""))
    except Exception:  # a cipher that is not installed here
        return False


def _pdf(path: Path) -> tuple[str, list[Line]]:
    import pypdf

    logging.getLogger("pypdf").setLevel(logging.CRITICAL)  # it complains on stderr about every oddity
    lines: list[Line] = []
    try:
        document = pypdf.PdfReader(path)
        if document.is_encrypted and not _unlocked(document):
            raise StyloraError(f"{path}: protected by a password; save it without one")
        if len(document.pages) > MAX_PAGES:
            raise StyloraError(f"{path}: {len(document.pages):,} pages; at most {MAX_PAGES:,}; split it into parts")
        size = 0
        for page in document.pages:
            lines.append(Line("", len(lines) + 1, "page"))
            text = page.extract_text()
            size += len(text)
            if size > MAX_TEXT_BYTES:
                raise StyloraError(f"{path}: more than {MAX_TEXT_BYTES // 2**20} MB of text; split it into parts")
            for row in text.split("\n"):
                lines.append(Line(row.rstrip(), len(lines) + 1))
        title = str((document.metadata or {}).get("/Title") or "")
    except StyloraError:
        raise
    except Exception as error:  # pypdf meets damage with exceptions of every kind, RecursionError among them
        raise StyloraError(f"{path}: damaged PDF ({type(error).__name__}); save it again, or as .txt") from None
    if not any(line.text.strip() for line in lines):
        raise StyloraError(f"{path}: a PDF without text (scanned pages?); run text recognition on it first")
    return title.strip(), lines
