"""What the four screens share: the bars around them, the workspace's state, and following one job's events."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar, cast

from textual.app import ComposeResult
from textual.await_remove import AwaitRemove
from textual.containers import Container
from textual.events import Mount
from textual.message import Message
from textual.screen import Screen
from textual.widget import Widget

from engine.errors import StyloraError
from engine.host.journal import Event, JobState
from engine.host.survey import AuthorState, Survey
from engine.workspace import BUNDLED_AUTHOR, slug
from tui.steps import next_step
from tui.widgets.bars import JobBar, KeyBar, NavBar

if TYPE_CHECKING:
    from tui.app import StyloraApp

Value = TypeVar("Value")


class JobEvents(Message):
    """A batch of a followed job's events, in order. The next one is read when this one is `taken`."""

    def __init__(self, job: str, events: list[Event]) -> None:
        super().__init__()
        self.job, self.events, self.taken = job, events, asyncio.Event()


class StyloraScreen(Screen[None]):
    """A screen named `NAME`. The newest job of one of its `KINDS` is followed, from its journal's beginning."""

    NAME: ClassVar[str]
    KINDS: ClassVar[frozenset[str]] = frozenset()
    THIN: ClassVar[bool] = False
    """Whether a long job's far past may come as the few events that `engine.host.thinning` keeps of it."""
    SCROLLED: ClassVar[tuple[str, ...]] = ()
    """Selectors of scrolling parts that are found again where they were left; for parts there from the beginning."""

    def __init__(self) -> None:
        super().__init__()
        self.followed = ""
        self._wanted: dict[str, int] = {}

    @property
    def stylora(self) -> StyloraApp:
        return cast("StyloraApp", self.app)

    @property
    def survey(self) -> Survey | None:
        return self.stylora.survey

    @property
    def author(self) -> AuthorState | None:
        return self.stylora.author

    def next_step(self, here: int = 0) -> str:
        """What to do next for the author, in a sentence; empty once everything is there."""
        active = self.stylora.client.active() if self.stylora.client else []
        author = self.author
        making = (
            author is not None
            and author.slug == slug(BUNDLED_AUTHOR)
            and not (author.adapter and author.adapter.complete)
        )
        return next_step(author, here, demo=making and any(job.kind == "demo" for job in active))

    # -- what is found again at the next start ---------------------------------------------------------

    def kept(self, name: str, default: Value) -> Value:
        """What this screen kept as `name` at any earlier visit; `default` where that is nothing or of another type."""
        return self.stylora.memory.kept(self.NAME, name, default)

    def keep(self, **values: Any) -> None:
        """Remember plain values (numbers, texts, lists, dicts) for the next start: ``self.keep(zoom=2, log=True)``."""
        if self.stylora.memory.keep(self.NAME, **values):
            self.stylora.remember_soon()

    def _on_mount(self, event: Mount) -> None:
        for part in self.SCROLLED:
            if wanted := self.kept(f"scroll {part}", 0):
                self._wanted[part] = wanted
            widget = self.query_one(part)
            self.watch(widget, "scroll_y", partial(self._scrolled, part), init=False)
            self.watch(widget, "virtual_size", partial(self._grown, part, widget), init=False)

    def _scrolled(self, part: str, y: float) -> None:
        if y and part in self._wanted:  # whoever scrolls first has moved on
            del self._wanted[part]
        if part not in self._wanted:
            self.keep(**{f"scroll {part}": round(y)})

    def _grown(self, part: str, widget: Widget) -> None:
        """What is to be scrolled comes in pieces: scroll as soon as there is enough of it."""
        wanted = self._wanted.get(part, 0)
        if wanted and widget.max_scroll_y >= wanted:
            self.call_after_refresh(widget.scroll_to, y=wanted, animate=False)

    # -- what is shown ---------------------------------------------------------------------------------

    def compose(self) -> ComposeResult:
        yield NavBar(self.NAME)
        with Container(id="body"):
            yield from self.body()
        yield JobBar()
        yield KeyBar()

    def body(self) -> Iterable[Widget]:
        """The screen's own widgets."""
        raise NotImplementedError

    def show(self) -> None:
        """Draw what the survey says; it may be None before the first look at the files."""
        raise NotImplementedError

    def take(self, events: list[Event]) -> None:
        """Draw what the followed job tells."""

    def forget(self) -> None:
        """Another job is followed from now on: clear what the last one told."""

    def on_screen_resume(self) -> None:
        self.redraw()

    def redraw(self) -> None:
        """Show the app's state, and follow the newest job of this screen's kinds."""
        if self.is_mounted and self.query(JobBar):
            self.query_one(NavBar).show(self.author.name if self.author else "")
            self.show_jobs()
            self.show()

    def show_jobs(self) -> None:
        """The job line, and the job to follow."""
        if not self.query(JobBar):  # the app is closing, and has taken its widgets down already
            return
        active, last, trouble = self.stylora.job_line()
        client = self.stylora.client
        self.query_one(JobBar).show(active, last, trouble, meant=client is not None and client.stopped)
        job = self.newest()
        if job and job.job != self.followed and client:
            self.followed = job.job
            self.forget()
            self.run_worker(self._follow(job.job), group="follow", exclusive=True)
        self.refresh_bindings()

    def newest(self) -> JobState | None:
        """The job this screen is about: the one that runs, else the newest."""
        client = self.stylora.client
        mine = [state for state in client.jobs.values() if self.is_mine(state)] if client else []
        running = [state for state in mine if state.status == "running"]
        begun = [state for state in mine if state.status != "queued"]
        return next(iter(running or begun[::-1] or mine[::-1]), None)

    def is_mine(self, state: JobState) -> bool:
        return state.kind in self.KINDS

    async def _follow(self, job: str) -> None:
        client = self.stylora.client
        assert client
        async for events in client.follow(job, thin=self.THIN):
            message = JobEvents(job, events)
            if self.post_message(message):
                await message.taken.wait()

    def on_job_events(self, message: JobEvents) -> None:
        message.taken.set()
        if message.job == self.followed:
            self.take(message.events)

    def remove(self) -> AwaitRemove:
        """Take the screen down; its workers first, for its parts go before it does, and they would miss them."""
        for node in self.walk_children(with_self=True):
            self.workers.cancel_node(node)
        return super().remove()

    async def start(self, kind: str, params: Mapping[str, Any]) -> str | None:
        """Start a job, or say why not."""
        try:
            return await self.stylora.start_job(kind, params)
        except StyloraError as error:
            self.stylora.complain(str(error))
            return None
