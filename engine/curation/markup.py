"""Markdown and HTML to lines whose roles their own markup tells."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from engine.curation.pieces import Line, word_set

_SUPERSCRIPT = str.maketrans("0123456789", "⁰¹²³⁴⁵⁶⁷⁸⁹")

_FENCE = re.compile(r"^\s{0,3}(```|~~~)")
_HEADING = re.compile(r"^\s{0,3}#{1,6}\s+(.*?)\s*#*$")
_UNDERLINE = re.compile(r"^\s{0,3}(=+|-+)\s*$")
_ITEM = re.compile(r"^\s{0,3}(?:[-+*]|\d{1,3}[.)])\s+\S")
_ROW = re.compile(r"^\s*\|.*\|\s*$|^\s*:?-{3,}:?\s*(\|\s*:?-{3,}:?\s*)+$")
_NOTE = re.compile(r"^\s{0,3}\[\^([\w-]{1,8})\]:\s*")
_INLINE = (
    (re.compile(r"<!--.*?-->"), ""),
    (re.compile(r"!\[([^\]]*)\]\([^)]*\)"), r"[Illustration: \1]"),
    (re.compile(r"\[\^([\w-]{1,8})\]"), r"[\1]"),
    (re.compile(r"(?<!\w)\[([^\]]+)\]\([^)\s]*(?:\s\"[^\"]*\")?\)"), r"\1"),
    (re.compile(r"(\*{1,3})(?=\S)(.+?)(?<=\S)\1"), r"\2"),
    (re.compile(r"(?<!\w)(_{1,3})(?=\S)(.+?)(?<=\S)\1(?!\w)"), r"\2"),
    (re.compile(r"`([^`]+)`"), r"\1"),
    (re.compile(r"</?[a-zA-Z][^>]*>"), ""),
    (re.compile(r"\\([\\`*_{}\[\]()#+.!>-])"), r"\1"),
)


def markdown_lines(lines: Iterable[Line]) -> Iterator[Line]:
    """Lines of Markdown as plain lines: emphasis and links resolved, headings, lists, tables, code, notes named."""
    fenced = matter = False
    item = False
    held: Line | None = None  # a line is only known to be a heading once its underline is seen
    for line in lines:
        text = line.text
        if line.number == 1 and text.strip() == "---":
            matter = True
        if matter:
            yield Line(text, line.number, "code")
            matter = line.number == 1 or text.strip() not in ("---", "...")
            continue
        fence = bool(_FENCE.match(text))
        if fence or fenced:
            if held:
                yield held
                held = None
            fenced = fenced != fence
            yield Line(text, line.number, "code")
            continue
        if held and _UNDERLINE.match(text):
            yield Line(held.text, held.number, "heading")
            held = None
            continue
        if held:
            yield held
            held = None
        role = line.role
        heading, note = _HEADING.match(text), _NOTE.match(text)
        if heading:
            text, role = heading[1], "heading"
        elif note:
            text, role = f"[{note[1]}] {text[note.end() :]}", "note"
        elif _ROW.match(text):
            role = "table"
        elif _ITEM.match(text) or (item and text.startswith("  ") and text.strip()):
            role = "list"
        item = role == "list"
        shown = Line(_plain(re.sub(r"^\s{0,3}(?:>\s?)+", "", text)), line.number, role)
        if role or not shown.text.strip():
            yield shown
        else:
            held = shown
    if held:
        yield held


def _plain(text: str) -> str:
    for pattern, replacement in _INLINE:
        text = pattern.sub(replacement, text)
    return text


_BLOCKS = word_set(
    "address article aside blockquote body center dd div dl dt fieldset figcaption figure footer form h1 h2 h3 h4 h5 "
    "h6 header hr html li main nav ol p pre section table tbody td tfoot th thead tr ul"
)
_SILENT = word_set("head script style template noscript svg math iframe object audio video")
_ROLES = {
    **dict.fromkeys(("h1", "h2", "h3", "h4", "h5", "h6", "title"), "heading"),
    **dict.fromkeys(("li", "dt", "dd"), "list"),
    **dict.fromkeys(("table", "tr", "td", "th"), "table"),
    **dict.fromkeys(("figcaption", "caption"), "illustration"),
    "nav": "contents",
    "pre": "verse",
}
_PARTS = {  # epub:type, role or class of a section, as the EPUB Structural Semantics vocabulary names them
    "toc": "contents",
    "doc-toc": "contents",
    "landmarks": "contents",
    "loi": "contents",
    "titlepage": "title page",
    "halftitlepage": "title page",
    "copyright-page": "copyright",
    "imprint": "copyright",
    "dedication": "dedication",
    "doc-dedication": "dedication",
    "epigraph": "epigraph",
    "doc-epigraph": "epigraph",
    "preface": "preface",
    "doc-preface": "preface",
    "foreword": "preface",
    "doc-foreword": "preface",
    "acknowledgments": "acknowledgements",
    "doc-acknowledgments": "acknowledgements",
    "footnote": "note",
    "footnotes": "note",
    "doc-footnote": "note",
    "rearnote": "note",
    "rearnotes": "note",
    "endnote": "note",
    "endnotes": "note",
    "doc-endnotes": "note",
    "index": "index",
    "doc-index": "index",
    "colophon": "colophon",
    "doc-colophon": "colophon",
    "bibliography": "bibliography",
    "doc-bibliography": "bibliography",
    "pg-boilerplate": "licence",
    "poem": "verse",
    "poetry": "verse",
    "verse": "verse",
    "stanza": "verse",
}
_NOTE_LINKS = ("noteref", "doc-noteref", "fnanchor", "footnote-ref", "footnoteref")
_PAGE_LINKS = ("pagenum", "pagebreak", "doc-pagebreak", "page-number", "pageno")


def html_lines(html: str, first: int = 1) -> tuple[str, list[Line]]:
    """Title and lines of an HTML document: a line for each block of text, an empty one between blocks.

    Numbers start at `first`. Superscripts stay superscripts and page marks become ``[Pg n]``, so that what takes
    them out of plain text takes them out here.
    """
    from selectolax.lexbor import LexborHTMLParser

    tree = LexborHTMLParser(html)
    head = tree.css_first("title")
    out: list[Line] = []
    text: list[str] = []

    def flush(role: str) -> None:
        rows = [" ".join(row.split()) for row in "".join(text).split("\n")]
        text.clear()
        rows = [row for row in rows if row]
        if not rows:
            return
        if len(rows) > 1 and not role:
            role = "verse" if sum(map(len, rows)) < 60 * len(rows) else ""
        for row in rows if role == "verse" else [" ".join(rows)]:
            out.append(Line(row, first + len(out), role))
        out.append(Line("", first + len(out)))

    # An explicit stack: broken documents can be nested deeper than Python recurses.
    stack: list[tuple[object, str, bool]] = [(tree.body or tree.root, "", False)]
    while stack:
        node, role, leaving = stack.pop()
        if leaving:
            flush(role)
            continue
        tag = node.tag or ""  # type: ignore[attr-defined]
        if tag == "-text":
            raw = node.text_content or ""  # type: ignore[attr-defined]
            text.append(raw if role == "verse" else re.sub(r"\s+", " ", raw))
            continue
        if tag in _SILENT or tag.startswith(("-", "!")):
            continue
        attributes = node.attributes  # type: ignore[attr-defined]
        kinds = _kinds(attributes)
        if tag == "br":
            text.append("\n")
        elif tag == "img":
            text.append(f" [Illustration: {attributes.get('alt') or ''}] ")
        elif any(kind in _PAGE_LINKS for kind in kinds):
            label = re.sub(r"\D", "", node.text() or "") or attributes.get("title") or ""  # type: ignore[attr-defined]
            text.append(f"[Pg {label}]" if label.isdigit() else "")
        elif tag == "sup" or any(kind in _NOTE_LINKS for kind in kinds):
            mark = (node.text() or "").strip().strip("[]()")  # type: ignore[attr-defined]
            text.append(mark.translate(_SUPERSCRIPT) if mark.isdigit() else f"[{mark}]" if len(mark) == 1 else mark)
        else:
            inner = next((_PARTS[kind] for kind in kinds if kind in _PARTS), "") or role or _ROLES.get(tag, "")
            block = tag in _BLOCKS
            if block:
                flush(role)
                stack.append((node, inner, True))
            child = node.last_child  # type: ignore[attr-defined]
            while child is not None:
                stack.append((child, inner, False))
                child = child.prev
            if tag == "hr":
                out.append(Line("* * *", first + len(out)))
                out.append(Line("", first + len(out)))
    flush("")
    title = " ".join((head.text() or "").split()) if head else ""
    return title, out


def _kinds(attributes: dict[str, str | None]) -> list[str]:
    named = " ".join(attributes.get(key) or "" for key in ("epub:type", "role", "class"))
    return named.lower().split()
