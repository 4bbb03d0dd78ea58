"""Screen 1: the authors, their books, and what curation kept and removed."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from textual import on, work
from textual.containers import Vertical, VerticalScroll
from textual.content import Content
from textual.widget import Widget
from textual.widgets import OptionList, Static
from textual.widgets.option_list import Option

from engine.errors import StyloraError
from engine.host.survey import BEYOND, AuthorState, Corpus, add_source
from engine.workspace import slug
from tui import actions, keymap, text
from tui.screens.base import StyloraScreen
from tui.steps import trail
from tui.widgets.figures import Tally, Tiles
from tui.widgets.form import Field, Form, Values, count

_COLUMNS = 6  # lengths shown beside each other: what sixty columns hold


def few(typed: str) -> int:
    """A whole number from 0 to 5."""
    number = int(typed)
    if not 0 <= number <= 5:
        raise ValueError
    return number


def costs(corpus: Corpus | None, least: int) -> str:
    """A small table of what the shortest length of a passage costs, `least` marked; lengths between are estimated."""
    if corpus is None or len(corpus.thresholds) < 2:
        return "Once curated, what each shortest length keeps is shown here."
    table = {at: (float(passages), float(words)) for at, passages, words in corpus.thresholds if at >= 30}
    known = sorted(table)
    if least not in table and known[0] < least < known[-1]:
        below, above = max(at for at in known if at < least), min(at for at in known if at > least)
        share = (least - below) / (above - below)
        low, high = table[below], table[above]
        table[least] = (low[0] + share * (high[0] - low[0]), low[1] + share * (high[1] - low[1]))
    per_word = corpus.tokens / max(1, corpus.words)
    columns = [("≥ words", "passages", "words", "tokens")]
    near = sorted(sorted(table, key=lambda at: abs(at - least))[:_COLUMNS])
    for at, (passages, words) in ((at, table[at]) for at in near):
        head = f"▸{at}" if at == least else str(at)
        about = "" if at in known else "~"
        figures = (about + text.short(passages), about + text.short(words), "~" + text.short(words * per_word))
        columns.append((head, *figures))
    widths = [max(map(len, column)) for column in columns]
    lines = []
    for row in zip(*columns, strict=True):
        cells = [cell.rjust(width) for cell, width in zip(row, widths, strict=True)]
        lines.append(" ".join([row[0].ljust(widths[0]), *cells[1:]]))
    return "\n".join(lines)


class CorpusScreen(StyloraScreen):
    NAME = "corpus"
    KINDS = frozenset({"curate"})
    CSS_PATH = "corpus.tcss"
    BINDINGS = actions.bindings("corpus")
    AUTO_FOCUS = "#list"
    SCROLLED = ("#author",)

    def body(self) -> Iterable[Widget]:
        with Vertical(id="authors"):
            yield Static("Authors", classes="title")
            yield OptionList(id="list", markup=False)
        with VerticalScroll(id="author"):
            yield Static("", id="name", classes="title", markup=False)
            yield Static("", id="trail")
            yield Tiles(id="figures")
            yield Static("", id="next", markup=False)
            yield Static("Books", id="books-title", classes="title gap")
            yield Static("", id="books", markup=False)
            yield Static("Removed words, by reason", id="removed-title", classes="title gap")
            yield Tally(id="removed")
            yield Static("Dropped passages, by reason", id="dropped-title", classes="title gap")
            yield Tally(id="dropped")
            yield Static("", id="beyond", markup=False)

    def show(self) -> None:
        if self.survey is None:
            return
        authors = self.survey.authors
        listing = self.query_one(OptionList)
        chosen = self.author.slug if self.author else ""
        options = [(author.slug, self._line(author)) for author in authors]
        if [(option.id, option.prompt) for option in listing.options] != options:
            with self.prevent(OptionList.OptionHighlighted):
                listing.clear_options()
                listing.add_options([Option(prompt, id=slug) for slug, prompt in options])
        with self.prevent(OptionList.OptionHighlighted):
            listing.highlighted = next((n for n, author in enumerate(authors) if author.slug == chosen), None)
        if self.author:
            self._show_author(self.author)

    @staticmethod
    def _line(author: AuthorState) -> Content:
        dots = "".join("●" if reached else "·" for _, reached in trail(author))
        return Content.assemble((dots, "$secondary"), " ", author.name)

    def _show_author(self, author: AuthorState) -> None:
        self.query_one("#name", Static).update(author.name)
        self.query_one("#trail", Static).update(
            Content("  ").join(
                Content.assemble(("✓ " if reached else "· ", "$success" if reached else "$quiet"), (name, "$quiet"))
                for name, reached in trail(author)
            )
        )
        self.query_one("#figures", Tiles).show(self._figures(author.corpus))
        hint = self.next_step(1)
        self.query_one("#next", Static).update(f"→ {hint}" if hint else "")
        self.query_one("#next").display = bool(hint)
        self.query_one("#books", Static).update(self._books(author))
        corpus = author.corpus
        self._tally("removed", corpus.removed if corpus else {})
        self._tally("dropped", corpus.dropped if corpus else {})
        beyond = self.query_one("#beyond", Static)
        beyond.display = bool(corpus and corpus.dropped.get(BEYOND))
        if corpus:
            beyond.update(
                f"Nothing was wrong with those beyond the target: {self._target(corpus):,} tokens were full. "
                f"{keymap.key('corpus.curate')} asks for more."
            )

    def _target(self, corpus: Corpus) -> int:
        """Tokens that were asked for."""
        assert self.survey
        return int(corpus.settings.get("target_tokens") or self.survey.settings.curation.target_tokens)

    def _figures(self, corpus: Corpus | None) -> list[tuple[str, str]]:
        if corpus is None:
            return []
        tokens = f"{'~' if corpus.estimated else ''}{text.whole(corpus.tokens)}"
        removed = sum(corpus.removed.values())
        return [
            ("passages", text.whole(corpus.passages)),
            ("words kept", text.whole(corpus.words)),
            ("taken out", text.whole(removed)),
            (f"tokens/{self._target(corpus) / 1000:,.0f}k", tokens),
        ]

    def _books(self, author: AuthorState) -> Content:
        if not author.raw:
            return Content.styled("none in styles/ yet", "$quiet")
        lines = []
        for book in author.raw:
            words = f"{text.whole(book.words)} words  " if book.words is not None else ""
            lines.append(Content.assemble(f"{book.path.name}  ", (f"{words}{text.size(book.size)}", "$quiet")))
        return Content("\n").join(lines)

    def _tally(self, name: str, counts: object) -> None:
        assert isinstance(counts, dict)
        self.query_one(f"#{name}", Tally).show(
            {f"{k} (good)" if k == BEYOND else k: n for k, n in sorted(counts.items(), key=lambda item: -item[1]) if n}
        )
        self.query_one(f"#{name}-title").display = bool(counts)

    @on(OptionList.OptionHighlighted)
    def _chosen(self, event: OptionList.OptionHighlighted) -> None:
        if event.option.id:
            self.stylora.choose_author(event.option.id)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        return bool(self.author and self.author.corpus) if action == "removed" else True

    def action_removed(self) -> None:
        if self.author and self.author.corpus:
            from tui.screens.removed import RemovedScreen

            self.app.push_screen(RemovedScreen(self.author.corpus.path))

    @work
    async def action_add(self) -> None:
        path, author = "", self.author.name if self.author else ""
        note = "It is copied into styles/; your file stays as it is."
        while workspace := self.stylora.workspace:
            fields = (
                Field("path", "Path of the book", path, hint="~ is your home folder"),
                Field("author", "Author", author),
            )
            told = await self.app.push_screen_wait(Form("Add a book", fields, note, send="add"))
            if told is None:
                return
            path, author = str(told["path"]), str(told["author"])
            try:
                added = add_source(workspace, self.stylora.here / Path(path.strip("'\"")).expanduser(), author)
            except StyloraError as error:
                note = f"✗ {error}"
                continue
            self.stylora.tell(f"added as styles/{added.name}; press {keymap.key('corpus.curate')} to curate")
            self.stylora.choose_author(slug(author))
            self.stylora.reload()
            return

    @work
    async def action_curate(self) -> None:
        author = self.author
        if author is None or self.survey is None:
            return
        if not author.raw:
            self.stylora.complain(f"{author.name} has no book in styles/ yet; press a to add one")
            return
        settings = self.survey.settings.curation
        books = [(str(book.path), book.path.name) for book in author.raw]
        fields = [
            Field("min_para_words", "Paragraph words ≥", str(settings.min_para_words), kind=count),
            Field("target_tokens", "Corpus tokens ≤", f"{settings.target_tokens:,}", kind=count),
            Field("overlap", "Shared sentences", str(settings.overlap), kind=few),
        ]
        if len(books) > 1:
            fields.append(Field("input", "Books", choices=books, ticked=[path for path, _ in books]))

        def note(values: Values) -> str:
            return costs(author.corpus, int(values["min_para_words"]))

        told = await self.app.push_screen_wait(Form(f"Curate {author.name}", fields, note, send="curate"))
        if told is not None:
            await self.start("curate", self._params(author, told))

    @staticmethod
    def _params(author: AuthorState, told: Values) -> Values:
        return {"author": author.name, "input": [str(book.path) for book in author.raw], **told}
