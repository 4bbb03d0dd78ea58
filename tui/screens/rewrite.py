"""Screen 4: a passage in, its variations in the author's voice out, as a conversation that both terminals see."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import astuple, dataclass, replace

from textual import events, work
from textual.containers import Vertical, VerticalScroll
from textual.content import Content
from textual.widget import Widget
from textual.widgets import Static, TextArea

from engine.atomic import atomic_path
from engine.errors import StyloraError
from engine.host.journal import JobState
from tui import actions
from tui.screens.base import StyloraScreen
from tui.steps import next_step
from tui.widgets.exchange import Exchange, Variation
from tui.widgets.form import Field, Form

REMEMBERED = 4
"""Earlier rewrites shown on arrival; the journals keep all of them."""


@dataclass(frozen=True)
class Knobs:
    """What single keys change. Strength is relative to the trained one."""

    strength: float = 1.0
    temperature: float = 0.7
    variations: int = 3
    seed: int = 42

    def turned(self, name: str, step: int) -> Knobs:
        if name == "variations":
            return replace(self, variations=min(8, max(1, self.variations + step)))
        top = 2.0
        return replace(self, **{name: round(min(top, max(0.0, getattr(self, name) + 0.1 * step)), 1)})


class RewriteScreen(StyloraScreen):
    NAME = "rewrite"
    KINDS = frozenset({"rewrite"})
    CSS_PATH = "rewrite.tcss"
    BINDINGS = actions.bindings("rewrite")
    AUTO_FOCUS = "#prompt"

    def __init__(self) -> None:
        super().__init__()
        self.knobs: Knobs | None = None
        self._exchanges: list[Exchange] = []
        self._chosen: Variation | None = None

    def body(self) -> Iterable[Widget]:
        yield Static("", id="knobs")
        with VerticalScroll(id="exchanges"):
            yield Static("", id="empty")
        with Vertical(id="ask"):
            prompt = TextArea(
                self.stylora.memory.draft,
                id="prompt",
                compact=True,
                placeholder="A passage to rewrite. Ctrl+R sends it.",
            )
            prompt.cursor_blink = False
            yield prompt

    def show(self) -> None:
        if self.survey is None:
            return
        if self.knobs is None:
            own = self.survey.settings.rewrite
            told = (own.strength, own.temperature, own.variations, self.survey.settings.seed)
            self.knobs = Knobs(*(self.stylora.memory.knobs or told))
        ready = self._ready()
        knobs = self.knobs
        name = self.author.name if self.author else ""
        self.query_one("#knobs", Static).update(
            Content.assemble(
                ("✓ " if ready else "· ", "$success" if ready else "$quiet"),
                (name if ready else f"{name}: no adapter yet", "bold $strong" if ready else "$quiet"),
                *(
                    part
                    for label, value in (
                        ("strength", f"{knobs.strength:.1f}"),
                        ("temperature", f"{knobs.temperature:.1f}"),
                        ("variations", str(knobs.variations)),
                        ("seed", str(knobs.seed)),
                    )
                    for part in ((f"  {label} ", "$quiet"), (value, "bold $primary"))
                ),
            )
        )
        empty = self.query_one("#empty", Static)
        empty.display = not self._exchanges
        hint = (
            "Write or paste a passage below and press Ctrl+R.\nEsc leaves the prompt for the single keys; i goes back."
            if ready
            else f"→ {next_step(self.author)}"
        )
        empty.update(Content.styled(hint, "$secondary"))

    def _ready(self) -> bool:
        return bool(self.author and self.author.adapter and self.author.adapter.complete)

    # -- jobs -----------------------------------------------------------------------------------------

    def show_jobs(self) -> None:
        super().show_jobs()
        client = self.stylora.client
        if client is None:
            return
        shown = {exchange.job for exchange in self._exchanges}
        mine = [state for state in client.jobs.values() if state.kind == "rewrite" and state.params]
        for state in mine[-REMEMBERED:]:
            if state.job not in shown:
                self._add(state)

    def _add(self, state: JobState) -> None:
        exchange = Exchange(state.job, state.params)
        self._exchanges.append(exchange)
        self.query_one("#empty").display = False
        area = self.query_one("#exchanges", VerticalScroll)
        area.mount(exchange)
        while len(self._exchanges) > 4 * REMEMBERED:
            self._exchanges.pop(0).remove()
        self._listen(exchange)

    @work
    async def _listen(self, exchange: Exchange) -> None:
        client = self.stylora.client
        assert client
        area = self.query_one("#exchanges", VerticalScroll)
        async for batch in client.follow(exchange.job):
            if not exchange.is_attached:
                return
            exchange.take(batch)
            if exchange is self._exchanges[-1] and not self._chosen:  # from its first line on, as far as it goes
                self.call_after_refresh(area.scroll_to_widget, exchange, top=True, animate=False)

    # -- actions --------------------------------------------------------------------------------------

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        writing = isinstance(self.focused, TextArea)
        return {"keys": writing, "write": not writing}.get(action, True)

    def on_text_area_changed(self, event: TextArea.Changed) -> None:
        self.stylora.memory.draft = event.text_area.text
        self.stylora.remember_soon()

    def action_keys(self) -> None:
        self.set_focus(None)

    def action_write(self) -> None:
        self.query_one("#prompt").focus()

    def action_knob(self, name: str, step: int) -> None:
        if self.knobs:
            self.knobs = self.knobs.turned(name, step)
            self.stylora.memory.knobs = astuple(self.knobs)
            self.stylora.remember_soon()
            self.show()

    @work
    async def action_rewrite(self) -> None:
        prompt = self.query_one("#prompt", TextArea)
        if not prompt.text.strip():
            self.stylora.complain("nothing to rewrite yet: write or paste a passage first")
        elif await self._send(prompt.text.strip()):
            prompt.clear()

    @work
    async def action_again(self) -> None:
        if self._exchanges and self.knobs:
            self.knobs = replace(self.knobs, seed=self.knobs.seed + 1)
            self.show()
            await self._send(str(self._exchanges[-1].params.get("text", "")))

    async def _send(self, passage: str) -> bool:
        if not self._ready() or self.author is None or self.knobs is None:
            self.stylora.complain(next_step(self.author) or "the workspace is still being read")
            return False
        knobs = self.knobs
        self._choose(None)
        return bool(
            await self.start(
                "rewrite",
                {
                    "author": self.author.name,
                    "text": passage,
                    "variations": knobs.variations,
                    "strength": knobs.strength,
                    "temperature": knobs.temperature,
                    "seed": knobs.seed,
                },
            )
        )

    @work
    async def action_adapter(self) -> None:
        survey = self.survey
        authors = [one for one in survey.authors if one.adapter and one.adapter.complete] if survey else []
        if not authors:
            self.stylora.complain(f"no adapter yet. {next_step(self.author)}")
            return
        choices = [(one.slug, one.name) for one in authors]
        here = self.author.slug if self.author else ""
        field = Field("adapter", "Whose voice", choices=choices, ticked=[here], one=True)
        told = await self.app.push_screen_wait(Form("Adapter", [field], send="choose"))
        if told is not None:
            self.stylora.choose_author(told["adapter"][0])

    def action_edit(self) -> None:
        if self._exchanges:
            prompt = self.query_one("#prompt", TextArea)
            prompt.text = str(self._exchanges[-1].params.get("text", ""))
            prompt.focus()

    def action_choose(self, step: int) -> None:
        cards = [card for exchange in self._exchanges for card in exchange.variations]
        if cards:
            newest = self._exchanges[-1].variations
            at = cards.index(self._chosen) + step if self._chosen in cards else cards.index(newest[0])
            self._choose(cards[max(0, min(len(cards) - 1, at))])

    def _choose(self, card: Variation | None) -> None:
        if self._chosen and self._chosen.is_attached:
            self._chosen.remove_class("-chosen")
        self._chosen = card
        if card:
            card.add_class("-chosen")
            card.scroll_visible(animate=False)

    def action_copy(self) -> None:
        if self._chosen is None:
            self.action_choose(0)
        card, workspace = self._chosen, self.stylora.workspace
        if card is None or workspace is None or not card.text.strip():
            self.stylora.complain("nothing to copy yet")
            return
        exchange = next(one for one in self._exchanges if card in one.variations)
        path = workspace.root / "rewrites" / f"{exchange.job}-{card.number + 1}.txt"
        try:
            with atomic_path(path) as temporary:
                temporary.write_text(card.text.strip() + "\n", encoding="utf-8")
            path.chmod(0o600)
        except (StyloraError, OSError) as error:
            self.stylora.complain(str(error))
            return
        self.app.copy_to_clipboard(card.text.strip())
        self.stylora.tell(
            f"variation {card.number + 1} saved as rewrites/{path.name}; also sent to the clipboard, "
            "which Apple's Terminal ignores"
        )

    def action_scroll_exchanges(self, step: int) -> None:
        self.query_one("#exchanges").scroll_relative(y=2 * step, animate=False)

    def on_descendant_focus(self, event: events.DescendantFocus) -> None:
        self.refresh_bindings()

    def on_descendant_blur(self, event: events.DescendantBlur) -> None:
        self.refresh_bindings()
