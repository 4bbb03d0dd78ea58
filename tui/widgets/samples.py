"""Samples by step: what a run's model wrote for the same prompts as it learnt, one step at a time, with the plain text
and the author's own passage beside it."""

from __future__ import annotations

from textual.containers import VerticalScroll
from textual.content import Content
from textual.widgets import Static

from engine.host.samples import Samples
from tui import text, word_diff
from tui.text import visible

CUT = " … (cut here, it would go on)"
"""Said where the model was stopped at the most tokens that a sample has."""


class SamplesView(VerticalScroll):
    """Scrub with `step` and `number`; follows the newest step until one goes back."""

    DEFAULT_CSS = """
    SamplesView > Static { height: auto; }
    SamplesView #scrub { height: auto; }
    """

    def __init__(self, id: str | None = None) -> None:
        super().__init__(can_focus=False, id=id)
        self.samples = Samples()
        self.at: int | None = None
        """The update whose samples are shown; None for the newest."""
        self.number = 0
        self.diff = False
        self._drawn: Content | None = None

    def compose(self) -> list[Static]:
        return [Static("", id="scrub", markup=False)]

    def on_resize(self) -> None:
        self.draw()

    def show(self, samples: Samples) -> None:
        self.samples = samples
        self.number = min(self.number, max(0, len(samples.prompts) - 1))
        self.draw()

    # -- scrubbing ------------------------------------------------------------------------------------

    @property
    def update(self) -> int | None:
        """The step in sight."""
        return self.samples.steps[self._place] if self.samples.steps else None

    @property
    def _place(self) -> int:
        steps = self.samples.steps
        if self.at is None:
            return len(steps) - 1
        return max(0, sum(step <= self.at for step in steps) - 1)

    def step(self, count: int) -> int | None:
        """Go to another step; returns the update it was taken at."""
        steps = self.samples.steps
        if steps:
            place = min(len(steps) - 1, max(0, self._place + count))
            self.at = None if place == len(steps) - 1 else steps[place]
            self.draw()
        return self.update

    def go(self, update: float | None) -> None:
        """Show the step at or before `update`; None for the newest."""
        before, self.at = self._place if self.samples.steps else 0, None if update is None else int(update)
        if self.samples.steps and self._place != before:
            self.draw()

    def turn(self, count: int) -> None:
        """Another prompt."""
        if self.samples.prompts:
            self.number = (self.number + count) % len(self.samples.prompts)
            self.draw()

    # -- drawing --------------------------------------------------------------------------------------

    def draw(self) -> None:
        content = self._content()
        if self.is_mounted and content != self._drawn and self.query("#scrub"):
            self._drawn = content
            self.query_one("#scrub", Static).update(content)

    def _content(self) -> Content:
        samples, update = self.samples, self.update
        if update is None or not samples.prompts:
            return Content.styled(
                "No samples yet: the model writes for a few held-out prompts at each validation.", "$quiet"
            )
        prompt = samples.prompts[self.number]
        written = samples.texts.get((update, self.number), "")
        goes_on = Content.styled(CUT, "$quiet") if (update, self.number) in samples.cut else Content("")
        parts = [self._scrub(), self._title(update), self._written(written) + goes_on]
        if prompt.author:
            parts += [
                Content.styled("the author's own", "$secondary"),
                Content(visible(prompt.author)).stylize("$quiet"),
            ]
        parts += [
            Content.styled("from this plain text", "$secondary"),
            Content(visible(prompt.input)).stylize("$quiet"),
        ]
        return Content("\n").join(parts)

    def _scrub(self) -> Content:
        """The steps as a row of beads, the one in sight filled; what does not fit is dots."""
        steps, place = self.samples.steps, self._place
        room = max(3, (self.size.width or 40) - 16)
        first = min(max(0, place - room // 2), max(0, len(steps) - room))
        beads = ["●" if at == place else "○" for at in range(first, min(len(steps), first + room))]
        left, right = "…" if first else "", "…" if first + room < len(steps) else ""
        line = left + "".join(beads) + right
        return Content.assemble(
            (f"update {text.whole(steps[place])} ", "bold $primary"),
            (line, "$primary"),
        )

    def _title(self, update: int) -> Content:
        count = len(self.samples.prompts)
        which = f"prompt {self.number + 1} of {count}, n next" if count > 1 else ""
        since = self._before()
        how = f"w compares with update {text.whole(since)}" if since is not None and not self.diff else ""
        if self.diff and since is not None:
            how = f"{{+new+}} and [-gone-] since update {text.whole(since)}"
        return Content.styled(" · ".join(filter(None, [which, how])), "$quiet")

    def _before(self) -> int | None:
        return self.samples.steps[self._place - 1] if self._place else None

    def _written(self, written: str) -> Content:
        since = self._before()
        if not self.diff or since is None:
            return (
                Content.styled(visible(written), "$strong")
                if written
                else Content.styled("(it writes nothing yet)", "$quiet")
            )
        parts = word_diff.word_diff(visible(self.samples.texts.get((since, self.number), "")), visible(written))
        return word_diff.drawn(parts or [(" ", visible(written))])
