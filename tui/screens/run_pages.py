"""Pages about earlier trainings: one described, or several side by side."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from textual.containers import VerticalScroll
from textual.content import Content
from textual.widget import Widget
from textual.widgets import Static

from engine.host.runs import Comparison, Run
from engine.host.samples import Samples
from tui import actions, text
from tui.screens.base import StyloraScreen
from tui.text import visible
from tui.widgets.run_list import run_status
from tui.widgets.samples import CUT


class PageScreen(StyloraScreen):
    """Something to read and scroll; Esc leads back."""

    NAME = "report"
    CSS_PATH = "report.tcss"
    BINDINGS = actions.bindings("report")
    AUTO_FOCUS = ""

    def __init__(self, title: str, content: Content) -> None:
        super().__init__()
        self._title_line, self._content = title, content

    def body(self) -> Iterable[Widget]:
        with VerticalScroll(id="page", can_focus=False):
            yield Static(self._title_line, id="heading", classes="title", markup=False)
            yield Static(self._content)

    def show(self) -> None:
        """It says the same as long as it is open."""

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        return action not in ("measure", "card")

    def action_scroll(self, step: int) -> None:
        self.query_one("#page").scroll_relative(y=step, animate=False)


def described(run: Run, samples: Samples) -> Content:
    """Figures, settings and last samples of a run."""
    best = f"{text.number(run.best_valid)} at update {text.whole(run.best_update)}" if run.best_valid else "–"
    rows = [
        ("author", run.author or "– (no recipe: it cannot rewrite)"),
        ("ended", run_status(run)),
        ("updates", f"{text.whole(run.updates)}{f' of {text.whole(run.planned)}' if run.planned else ''}"),
        ("held-out loss, before", text.number(run.first_valid)),
        ("held-out loss, best", best),
        ("held-out loss, last", text.number(run.last_valid)),
        ("training loss, smoothed", text.number(run.smoothed)),
        ("examples", text.whole(run.examples)),
        ("tokens", text.whole(run.tokens)),
        ("tokens/s", text.whole(run.tokens_per_second)),
        ("time", text.duration(run.seconds)),
        ("checkpoints", ", ".join(map(text.whole, run.checkpoints)) or "none"),
        ("on disk", text.size(run.bytes)),
        ("folder", run.path),
        ("last written", text.clock(run.modified)),
        ("base model", (run.base or "–")[:12]),
    ]
    parts = [
        _table(rows),
        Content(""),
        _title("Settings"),
        _table(sorted((k, _short(v)) for k, v in run.config.items())),
    ]
    if samples.steps:
        parts += [Content(""), _title(f"What it wrote at update {text.whole(samples.steps[-1])}")]
        for number, prompt in enumerate(samples.prompts):
            at = (samples.steps[-1], number)
            goes_on = Content.styled(CUT * (at in samples.cut), "$quiet")
            parts += [Content(visible(samples.texts.get(at, ""))) + goes_on, Content("")]
            if prompt.author:
                parts += [Content.styled(f"the author: {visible(prompt.author)}", "$quiet"), Content("")]
    return Content("\n").join(parts)


def compared(found: Comparison) -> Content:
    """Runs side by side: what differs, losses at the same updates, and the best."""
    warnings = []
    if not found.same_rows:
        warnings.append("! trained on different rows: their losses compare only roughly")
    if not found.same_base:
        warnings.append("! trained on different base models")
    names = list(found.names)
    parts = [Content.styled(line, "$warning") for line in warnings]
    settings = {key: [_short(value) for value in values] for key, values in found.settings.items()}
    parts += [_title("Settings that differ"), _columns(names, settings) if settings else Content("none that matter")]
    for title, losses in (("Held-out loss", found.valid), ("Training loss, smoothed", found.train)):
        lines = {f"at update {text.whole(at)}": [text.number(value) for value in row] for at, row in losses.items()}
        if lines:
            parts += [Content(""), _title(title), _columns(names, lines)]
    figures = found.figures
    parts += [
        Content(""),
        _title("In all"),
        _columns(
            names,
            {
                "updates": [text.whole(value) for value in figures["updates"]],
                "best held-out loss": [text.number(value) for value in figures["best_valid"]],
                "at update": [text.whole(value) for value in figures["best_update"]],
                "tokens/s": [text.whole(value) for value in figures["tokens_per_second"]],
                "time": [text.duration(value) for value in figures["seconds"]],
                "on disk": [text.size(value) for value in figures["bytes"]],
            },
        ),
    ]
    if found.best:
        parts += [Content(""), Content.assemble("★ lowest held-out loss: ", (found.best, "bold $success"))]
    return Content("\n").join(parts)


def _title(words: str) -> Content:
    return Content.styled(words, "bold $primary")


def _table(rows: Iterable[tuple[str, str]]) -> Content:
    rows = list(rows)
    width = max((len(name) for name, _ in rows), default=0)
    return Content("\n").join(
        Content.assemble((f"{name:<{width}}  ", "$quiet"), (visible(value), "$foreground")) for name, value in rows
    )


def _columns(names: Sequence[str], lines: dict[str, list[str]]) -> Content:
    first = max(map(len, lines), default=0)
    widths = [max(len(name), *(len(row[at]) for row in lines.values())) for at, name in enumerate(names)]
    head = "  ".join(f"{name:>{width}}" for name, width in zip(names, widths, strict=True))
    rows = [Content.styled(f"{'':<{first}}  {head}", "$quiet")]
    for name, row in lines.items():
        cells = "  ".join(f"{cell:>{width}}" for cell, width in zip(row, widths, strict=True))
        rows.append(Content.assemble((f"{name:<{first}}  ", "$quiet"), (cells, "$foreground")))
    return Content("\n").join(rows)


def _short(value: object) -> str:
    if isinstance(value, list | tuple):
        return " ".join(str(one).rpartition(".")[2] for one in value)
    return "–" if value is None else f"{value:g}" if isinstance(value, float) else str(value)
