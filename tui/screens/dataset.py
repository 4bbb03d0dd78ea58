"""Screen 2: what a build makes and drops while it runs, the counts and checks after it, and the pairs themselves."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from textual import events, on, work
from textual.containers import Vertical, VerticalScroll
from textual.content import Content
from textual.message import Message
from textual.widget import Widget
from textual.widgets import Static

from engine.host.journal import Event, JobState
from engine.host.survey import DatasetState
from tui import actions
from tui.screens import dataset_live, dataset_pages
from tui.screens.base import StyloraScreen
from tui.screens.build_form import BuildForm, Offer
from tui.screens.dataset_live import Live
from tui.screens.pair_browser import PairBrowser

PAGES = ("Counts", "Checks", "Dropped", "Recipe", "Persona")
DRAW_SECONDS = 0.1
NARROW = 76
"""Columns below which pairs and pages take turns."""


class Page(Static):
    """One page of text; drawn again when there is more room for it or less."""

    class Widened(Message):
        """It has another width."""

    def __init__(self) -> None:
        super().__init__("", id="page", markup=False)
        self._width = 0

    def on_resize(self, event: events.Resize) -> None:
        if event.size.width != self._width:
            self._width = event.size.width
            self.post_message(self.Widened())


class DatasetScreen(StyloraScreen):
    NAME = "dataset"
    KINDS = frozenset({"dataset", "demo"})
    CSS_PATH = "dataset.tcss"
    BINDINGS = actions.bindings("dataset")
    AUTO_FOCUS = ""
    SCROLLED = ("#sheet",)

    def __init__(self) -> None:
        super().__init__()
        self.live = Live()
        self._page = ""
        self._of: tuple[str, float] = ("", 0.0)
        self._speed: tuple[float, str] = (0.0, "")
        self._drawing = False

    def body(self) -> Iterable[Widget]:
        yield Static("", id="empty", markup=False)
        with Vertical(id="overview"):
            yield Static("", id="tabs")
            with VerticalScroll(id="sheet"):
                yield Page()
        yield PairBrowser()

    @property
    def browser(self) -> PairBrowser:
        return self.query_one(PairBrowser)

    @property
    def dataset(self) -> DatasetState | None:
        return self.author.dataset if self.author else None

    @property
    def _narrow(self) -> bool:
        """Whether there is room for one thing only; the class that says so comes a moment after the first picture."""
        return self.app.size.width < NARROW

    # -- what is shown --------------------------------------------------------------------------------

    def show(self) -> None:
        dataset = self.dataset
        if dataset:
            path = dataset.path / "train.jsonl"
            stamp = (str(path), path.stat().st_mtime if path.exists() else 0.0)
            if stamp != self._of:
                place: list[Any] = [] if self._of[0] else self.kept("pairs", [])
                self._of = stamp
                self.browser.open(dataset.path, place)
        self._arrange()

    def on_resize(self) -> None:
        self.call_after_refresh(self._arrange)

    def _pages(self) -> list[str]:
        """The views there are now; where there is room for one thing only, the pairs are one of them."""
        pages = ["Build"] if self._live_here() else []
        if self.dataset:
            pages += ["Pairs"] if self._narrow else []
            pages += PAGES
        return pages

    def _live_here(self) -> bool:
        """Whether the build followed is this author's, and newer than the dataset there is."""
        live, author = self.live, self.author
        if not live.shown or author is None or live.params.get("author", author.name) != author.name:
            return False
        return not (live.stopped and self.dataset and live.ended < self._of[1])

    def _arrange(self) -> None:
        """Show the parts that have something to say, and the page that is chosen."""
        if not self.is_mounted:
            return
        pages, narrow = self._pages(), self._narrow
        if not self._page and (kept := self.kept("page", "")) in pages:
            self._page = kept
        if self._page not in pages and pages:
            self._page = pages[1 if self.dataset and "Build" in pages and not self.live.building else 0]
        overview, empty = self.query_one("#overview"), self.query_one("#empty", Static)
        overview.display = bool(pages) and self._page != "Pairs"
        self.browser.display = self.dataset is not None and (not narrow or self._page == "Pairs")
        empty.display = not pages
        overview.set_class(self.dataset is None, "-alone")
        if not pages:
            hint = self.next_step(2) if self.survey else "looking…"
            empty.update(f"No dataset for {self.author.name} yet.\n\n→ {hint}" if self.author else hint)
        self._draw_page()

    @on(Page.Widened)
    def _draw_page(self) -> None:
        pages = self._pages()
        self._drawing = False
        if not pages or not self.is_mounted:
            return
        self.query_one("#tabs", Static).update(
            Content(" ").join(
                Content.styled(name, "bold reverse $primary" if name == self._page else "$quiet") for name in pages
            )
        )
        page = self.query_one(Page)
        page.update(self._text(max(24, page.size.width)))

    def _text(self, width: int) -> Content:
        if self._page == "Build":
            return dataset_live.page(self.live, width)
        dataset, browser = self.dataset, self.browser
        if dataset is None:
            return Content("")
        if self._page == "Checks":
            return dataset_pages.checks(dataset)
        if self._page == "Dropped":
            return dataset_pages.drops(dataset, width)
        if self._page == "Recipe":
            return dataset_pages.recipe(dataset)
        if self._page == "Persona":
            return dataset_pages.persona(dataset)
        return dataset_pages.counts(dataset, browser.counted, width, browser.kind, browser.input)

    @on(PairBrowser.Moved)
    def _moved(self) -> None:
        self.keep(pairs=self.browser.place)

    @on(PairBrowser.Counted)
    def _counted(self) -> None:
        if self._page == "Counts":
            self._draw_page()

    # -- the build ------------------------------------------------------------------------------------

    def is_mine(self, state: JobState) -> bool:
        name = self.author.name if self.author else ""
        return state.kind in self.KINDS and state.params.get("author", name) == name

    def forget(self) -> None:
        self.live = Live()

    def take(self, events: list[Event]) -> None:
        was = self.live.building
        for event in events:
            self.live.take(event)
            self._measure(event.values, self.live.params)
        if self.live.building and not was:
            self._page = "Build"
        if self.live.building == was and self._page == "Build":
            if not self._drawing:  # the eye needs ten pictures a second
                self._drawing = True
                self.set_timer(DRAW_SECONDS, self._draw_page)
        else:
            self.query_one("#sheet").scroll_home(animate=False)
            self._arrange()

    def _measure(self, values: Mapping[str, Any], params: Mapping[str, Any]) -> None:
        """Remember how fast pairs were made, and what made their neutral text."""
        speed = values.get("pairs_per_second")
        if isinstance(speed, int | float) and speed > 0:
            usual = self.survey.settings.neutral.kind if self.survey else ""
            self._speed = (speed, str(params.get("neutralizer") or usual))

    @work
    async def action_build(self) -> None:
        author, workspace = self.author, self.stylora.workspace
        if author is None or author.corpus is None or self.survey is None or workspace is None:
            self.stylora.complain(f"no corpus yet. {self.next_step(2)}")
            return
        if not self._speed[0] and self.stylora.client:  # the build followed took all from an earlier, stopped one
            for state in self.stylora.client.jobs.values():
                self._measure(state.values, state.params)
        stopped = self.live.params if self.live.stopped and self._live_here() else {}
        offer = Offer(workspace, self.survey.settings, author, stopped, *self._speed)
        told = await self.app.push_screen_wait(BuildForm(offer))
        if told is not None:
            await self.start("dataset", offer.params(told))

    # -- the other actions ----------------------------------------------------------------------------

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        if action in ("move", "kind", "input", "split", "prompt", "ask", "find", "scroll"):
            return self.dataset is not None
        return len(self._pages()) > (action == "page") if action in ("page", "sheet") else True

    def action_page(self, step: int) -> None:
        """Show the next page beside the pairs, or in their place."""
        if pages := self._pages():
            at = pages.index(self._page) if self._page in pages else 0
            self._page = pages[(at + step) % len(pages)]
            self.keep(page=self._page)
            self.query_one("#sheet").scroll_home(animate=False)
            self._arrange()

    def _to_pairs(self) -> PairBrowser:
        """The browser, in front where only one thing has room."""
        if self._narrow and self._page != "Pairs":
            self._page = "Pairs"
            self._arrange()
        return self.browser

    def action_move(self, step: int) -> None:
        """Another pair; where a page has taken their place, further down or up in it."""
        if self._narrow and self._page != "Pairs":
            self.action_sheet(step)
            return
        browser = self.browser
        browser.go(browser.at + step)

    def action_kind(self, step: int) -> None:
        self._to_pairs().next_kind(step)

    def action_input(self) -> None:
        self._to_pairs().next_input()

    def action_split(self) -> None:
        self._to_pairs().next_split()

    def action_prompt(self) -> None:
        self._to_pairs().toggle_prompt()

    def action_ask(self, what: str) -> None:
        self._to_pairs().ask(what)

    def action_find(self, step: int) -> None:
        self._to_pairs().find(step)

    def action_scroll(self, lines: int) -> None:
        self.browser.scroll_texts(lines)

    def action_sheet(self, lines: int) -> None:
        self.query_one("#sheet").scroll_relative(y=lines, animate=False)

    def action_close(self) -> None:
        self.browser.leave_line()

    def action_worldview(self) -> None:
        if self.author:
            from tui.screens.worldview import WorldviewScreen

            self.app.push_screen(WorldviewScreen(self.author.name))
