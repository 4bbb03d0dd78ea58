"""Pairs side by side: one at a time, filtered by kind, input and split, searched, and found by number."""

from __future__ import annotations

import asyncio
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, ClassVar

from textual import on, work
from textual.containers import Container, Vertical, VerticalScroll
from textual.content import Content
from textual.css.query import NoMatches
from textual.message import Message
from textual.widgets import Input, Static

from tui import text
from tui.rows import Pair, PairIndex, after
from tui.screens.dataset_pages import SPLITS
from tui.text import visible

_ASKS = {"search": "search: a word, then Enter", "row": "row number, then Enter"}
_PROMPT_MARK = re.compile(r"^(\[[A-Z ]+\]:|###)$|^(- .*)$", re.MULTILINE)


class PairBrowser(Vertical):
    """Shows the rows of a dataset folder; `counted` is filled while its files are read behind the first picture."""

    DEFAULT_CSS: ClassVar[str] = """
    PairBrowser { width: 1fr; height: 1fr; }
    PairBrowser #place { height: auto; max-height: 2; margin-bottom: 1; }
    PairBrowser #pair { layout: vertical; height: 1fr; }
    PairBrowser #left, PairBrowser #right { height: 1fr; }
    PairBrowser #left { color: $quiet; margin-bottom: 1; }
    PairBrowser .side { color: $secondary; text-style: bold; height: 1; text-wrap: nowrap; text-overflow: ellipsis; }
    PairBrowser .half { height: auto; }
    PairBrowser #line { height: 1; border: none; background: $panel; padding: 0 1; }
    PairBrowser #line:focus { border: none; background-tint: $foreground 10%; }
    """

    class Counted(Message):
        """More rows were counted, or another kind, input or split is shown."""

    class Moved(Message):
        """Another pair is shown."""

    def __init__(self) -> None:
        super().__init__(id="browser")
        self.folder: Path | None = None
        self.split, self.kind, self.input, self.at = "train", "", "", 0
        self.wanted = ""
        self._asked = ""
        self._indexes: dict[str, PairIndex] = {}
        self._prompt = False
        self._said = ""

    def compose(self) -> Iterable[Static | Container | Input]:
        yield Static("", id="place", markup=False)
        with Container(id="pair"):
            with VerticalScroll(id="left"):
                yield Static("input", classes="side", markup=False, id="left-title")
                yield Static("", id="input", classes="half", markup=False)
            with VerticalScroll(id="right"):
                yield Static("the author's side", classes="side", markup=False, id="right-title")
                yield Static("", id="styled", classes="half", markup=False)
        line = Input(id="line", compact=True)
        line.cursor_blink, line.display = False, False
        yield line

    # -- the files ------------------------------------------------------------------------------------

    @property
    def index(self) -> PairIndex | None:
        return self._indexes.get(self.split)

    @property
    def counted(self) -> dict[str, Counter[tuple[str, str]]]:
        """Rows by kind and input of each split, as far as read."""
        return {split: index.counts for split, index in self._indexes.items()}

    def open(self, folder: Path, place: Sequence[Any] = ()) -> None:
        """Show the rows of `folder`, from `place` (as `place` tells it) where it is one of this folder's."""
        self.folder, self.split, self.kind, self.input, self.at, self.wanted = folder, "train", "", "", 0, ""
        if [folder.name, *map(type, place[1:])] == [*place[:1], str, str, str, int] and place[1] in SPLITS:
            _, self.split, self.kind, self.input, self.at = place
        self._indexes = {split: PairIndex(folder / f"{split}.jsonl") for split in SPLITS}
        self._scan(list(self._indexes.values()))

    @work(group="scan", exclusive=True)
    async def _scan(self, indexes: list[PairIndex]) -> None:
        """Index the files a piece at a time, off the loop; the first pair shows at once."""
        for index in indexes:
            pieces, drawn = index.scan(), False
            while (rows := await asyncio.to_thread(next, pieces, None)) is not None:
                if self._indexes.get("train") is not indexes[0]:
                    return
                if index is self.index and not drawn:
                    self.draw()
                    drawn = rows > 0
                self._place()
                self.post_message(self.Counted())
        if self.index:
            self.at = max(0, min(self.at, self.index.count(self.kind, self.input) - 1))
        self.draw()

    @property
    def place(self) -> list[str | int]:
        """Where one is: folder, split, kind, input, and the place among those."""
        return [self.folder.name if self.folder else "", self.split, self.kind, self.input, self.at]

    # -- what is shown --------------------------------------------------------------------------------

    def pair(self) -> Pair | None:
        return self.index.pair(self.at, self.kind, self.input) if self.index else None

    def draw(self) -> None:
        """Show the pair at the place, from its beginning."""
        pair = self.pair()
        left = right = Content("")
        if pair:
            left = _prompt(visible(pair.prompt)) if self._prompt else Content(visible(pair.shown_input))
            right = Content(visible(pair.styled))
        words = [len(side.split()) for side in (pair.shown_input, pair.styled)] if pair else [0, 0]
        titles = (f"input · {text.some(words[0], 'word')}", f"the author's side · {text.some(words[1], 'word')}")
        self.query_one("#left-title", Static).update("the whole prompt" if self._prompt else titles[0])
        self.query_one("#right-title", Static).update(titles[1])
        self.query_one("#input", Static).update(self._marked(left))
        self.query_one("#styled", Static).update(self._marked(right))
        for name in ("left", "right"):
            self.query_one(f"#{name}").scroll_home(animate=False)
        self._place(pair)

    def _marked(self, side: Content) -> Content:
        return (
            side.highlight_regex(re.compile(re.escape(self.wanted), re.IGNORECASE), style="reverse")
            if (self.wanted)
            else side
        )

    def _place(self, pair: Pair | None = None) -> None:
        if self.index is None or not self.is_mounted:
            return
        pair = pair or self.pair()
        count = self.index.count(self.kind, self.input)
        only = " ".join(filter(None, [self.kind, self.input, "" if self.split == "train" else f"({self.split})"]))
        what = [pair.kind * (not self.kind), pair.input * (not self.input), pair.content, pair.passage] if pair else []
        unread = "" if self.index.complete else "+"
        self.query_one("#place", Static).update(
            Content.assemble(
                ("Pair ", "bold $primary"),
                (f"{text.whole(min(self.at + 1, count))} of {text.whole(count)}{unread}", "bold $strong"),
                (f" {only}" if only else "", "$primary"),
                (f"  {self._said}", "$warning") if self._said else (f"  {' · '.join(filter(None, what))}", "$quiet"),
            )
        )

    # -- moving ---------------------------------------------------------------------------------------

    def go(self, at: int, said: str = "") -> None:
        """Show the pair at place `at` of what is shown, or the nearest there is."""
        if self.index:
            self._said = said
            self.at = min(max(0, self.index.count(self.kind, self.input) - 1), max(0, at))
            self.draw()
            self.post_message(self.Moved())

    def filter(self, **changes: str) -> None:
        """Show another `split`, `kind` or `input`, from the first."""
        for name, value in changes.items():
            setattr(self, name, value)
        if self.index and not self.index.count(self.kind, self.input):
            self.kind = self.input = ""
        self.go(0)
        self.post_message(self.Counted())

    def next_kind(self, step: int) -> None:
        if self.index:
            self.filter(kind=after(self.index.kinds(), self.kind, step), input="")

    def next_input(self) -> None:
        if self.index:
            self.filter(input=after(self.index.inputs(self.kind), self.input))

    def next_split(self) -> None:
        self.filter(split=SPLITS[(SPLITS.index(self.split) + 1) % len(SPLITS)])

    def toggle_prompt(self) -> None:
        self._prompt = not self._prompt
        self.set_class(self._prompt, "-prompt")
        self.draw()

    def scroll_texts(self, lines: int) -> None:
        for name in ("left", "right"):
            self.query_one(f"#{name}").scroll_relative(y=lines, animate=False)

    # -- the line at the bottom -----------------------------------------------------------------------

    def ask(self, what: str) -> None:
        """Open the line for a ``search`` or a ``row``."""
        self._asked = what
        line = self.query_one("#line", Input)
        line.value, line.placeholder, line.display = (self.wanted if what == "search" else ""), _ASKS[what], True
        line.focus()

    def leave_line(self) -> bool:
        """Close the line, or else forget what was searched; whether there was anything to do."""
        line = self.query_one("#line", Input)
        if line.display:
            line.display = False
            self.screen.set_focus(None)
            return True
        searched, self.wanted, self._said = bool(self.wanted), "", ""
        if searched:
            self.draw()
        return searched

    @on(Input.Submitted, "#line")
    def _told(self, event: Input.Submitted) -> None:
        event.stop()
        told, asked = event.value.strip(), self._asked
        self.leave_line()
        if asked == "search":
            self.wanted = told
            if told:
                self.find(1, self.at)
            else:
                self.draw()
        elif told.replace(",", "").isdigit() and int(told.replace(",", "")) > 0:
            self.go(int(told.replace(",", "")) - 1)
        elif told:
            self.go(self.at, f"{told!r} is not a row number")

    @work(group="find", exclusive=True)
    async def find(self, step: int, start: int | None = None) -> None:
        """Go to the next (1) or previous (-1) pair that holds what was searched, around the end."""
        index = self.index
        if index is None:
            return
        if not self.wanted:
            self.go(self.at, "nothing searched yet: press /")
            return
        begin = self.at + step if start is None else start
        places = index.find(self.wanted, begin, step, self.kind, self.input)
        self._said = "searching…"
        try:
            self._place()
            while True:
                found = await asyncio.to_thread(next, places, -1)
                if index is not self.index:
                    return
                if found is not None:
                    break
        except NoMatches:  # the screen has gone meanwhile
            return
        if found < 0:
            self.go(self.at, f"{self.wanted!r} is in no pair shown")
        else:
            around = (found < begin) if step > 0 else (found > begin)
            self.go(found, "found around the end" if around and start is None else "")


def _prompt(prompt: str) -> Content:
    """A prompt with its section marks and constraints to be seen."""
    parts: list[Content | tuple[str, str]] = []
    end = 0
    for match in _PROMPT_MARK.finditer(prompt):
        parts += [Content(prompt[end : match.start()]), (match[0], "bold $secondary" if match[1] else "$primary")]
        end = match.end()
    return Content.assemble(*parts, Content(prompt[end:]))
