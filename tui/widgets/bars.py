"""The three lines around every screen: where one is, what runs, and which keys there are."""

from __future__ import annotations

from textual.app import RenderResult
from textual.content import Content
from textual.widget import Widget

from engine.host.journal import JobState
from tui import keymap, text

SCREENS = (("corpus", "Corpus"), ("dataset", "Dataset"), ("training", "Training"), ("rewrite", "Rewrite"))


class NavBar(Widget):
    """Top line: the screens with their keys, and whose voice it is about."""

    def __init__(self, here: str) -> None:
        super().__init__()
        self._here, self._author = here, ""

    def show(self, author: str) -> None:
        if author != self._author:
            self._author = author
            self.refresh()

    def render(self) -> RenderResult:
        roomy = self.size.width >= 62 + len(self._author)
        parts: list[Content | tuple[str, str]] = [("Stylora  ", "bold $primary") if roomy else ("", "")]
        marked = "bold reverse" if self.app.no_color else "bold $background on $primary"
        for name, title in SCREENS:
            here = name == self._here
            parts.append((f" {keymap.key(f'app.go-{name}')} ", marked if here else "$primary"))
            parts.append((f"{' ' if here else ''}{title}  ", "bold $strong" if here else "$quiet"))
        left = Content.assemble(*parts)
        room = self.size.width - left.cell_length
        if room < 8:
            return left
        author = Content(self._author).truncate(room, ellipsis=True)
        return Content.assemble(left, " " * (room - author.cell_length), author.stylize("$quiet"))


class JobBar(Widget):
    """One line about the job that runs: stage, progress, time left. Else what became of the last one."""

    def __init__(self) -> None:
        super().__init__()
        self._line = Content("")

    def show(self, active: list[JobState], last: JobState | None, trouble: str, *, meant: bool = False) -> None:
        """`trouble` is said when there is no host; it is no fault where that is `meant`."""
        said = next((state.trouble for state in active if state.trouble), "")
        line = self._busy(active) if active and not said else self._idle(last, said or trouble, meant and not said)
        if line != self._line:
            self._line = line
            self.refresh()

    def _idle(self, last: JobState | None, trouble: str, meant: bool) -> Content:
        if trouble and meant:
            return Content.assemble(("■ ", "$warning"), (trouble, "$warning"))
        if trouble:
            return Content.assemble(("✗ ", "bold $error"), (trouble, "$error"))
        if last is None:
            return Content("")
        style = {"failed": "$error", "interrupted": "$warning", "cancelled": "$warning"}.get(last.status, "$quiet")
        mark = "$success" if last.status == "done" else style
        return Content.assemble((text.GLYPHS[last.status] + " ", mark), (text.outcome(last), style))

    def _busy(self, active: list[JobState]) -> Content:
        state = active[0]
        name = text.NAMES.get(state.kind, state.kind)
        stage = state.stage if state.stage and state.stage not in (state.kind, name) else ""
        parts: list[tuple[str, str]] = [
            ("● " if state.status == "running" else "○ ", "$primary"),
            (name, "bold $strong"),
            (f" {stage}" if stage else "", "$quiet"),
            (", stopping" if state.stopping else ", paused" if state.values.get("paused") else "", "$warning"),
            ("  ", ""),
        ]
        if state.total:
            share = min(1.0, state.done / state.total)
            width = max(6, min(30, self.size.width - 54))
            full = round(share * width)
            parts += [("━" * full, "$primary"), ("━" * (width - full), "$faint")]
            parts.append((f" {share:4.0%}  {text.whole(state.done)}/{text.whole(state.total)}", "$foreground"))
            if (left := state.seconds_left()) is not None:
                parts.append((f"  {text.duration(left)} left", "$quiet"))
        elif state.message:
            parts.append((state.message, "$quiet"))
        if len(active) > 1:
            parts.append((f"  +{len(active) - 1} waiting", "$quiet"))
        return Content.assemble(*parts)

    def render(self) -> RenderResult:
        return self._line.truncate(self.size.width, ellipsis=True)


class KeyBar(Widget):
    """Bottom line: the keys that do something here and now, made from the actions table's bindings."""

    def on_mount(self) -> None:
        self._line = Content("")
        self.screen.bindings_updated_signal.subscribe(self, self._update)

    def on_resize(self) -> None:
        self._update()

    def _update(self, *_: object) -> None:
        line = self._keys()
        if line != self._line:
            self._line = line
            self.refresh()

    def render(self) -> RenderResult:
        return self._line

    def _keys(self) -> Content:
        focused = self.screen.focused

        def typed(key: str) -> bool:
            return bool(focused and focused.check_consume_key(key, keymap.character(key)))

        writing = typed("a")
        keys: dict[str, tuple[str, str]] = {}
        for active in self.screen.active_bindings.values():
            binding = active.binding
            if binding.show and active.enabled and binding.action not in keys and not typed(binding.key):
                shown = keymap.sign(binding.key) if writing else self.app.get_key_display(binding)
                keys[binding.action] = (shown, binding.description)
        if writing:
            keys.pop("leave", None)
        tail = [keys.pop(action) for action in ("help", "leave") if action in keys]
        right = self._written(tail)
        left = Content("")
        for key in keys.values():
            longer = left + self._written([key])
            if longer.cell_length + right.cell_length > self.size.width:
                break
            left = longer
        return Content.assemble(left, " " * max(0, self.size.width - left.cell_length - right.cell_length), right)

    @staticmethod
    def _written(keys: list[tuple[str, str]]) -> Content:
        return Content.assemble(
            *(part for key, label in keys for part in ((key, "bold $primary"), (f" {label}  ", "$quiet")))
        )
