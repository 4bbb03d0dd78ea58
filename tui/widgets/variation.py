"""One rewrite on the screen: its text as it grows, what was found about it, and what differs from another text."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from textual.content import Content
from textual.widgets import Static

from engine.host.voices import Written, grade
from tui import word_diff
from tui.text import some, visible

GROWING = 2400
"""Characters shown of a text that still grows, its end: what one screen holds, so that a long one costs no more."""
SETTLED = 6000
"""Characters shown of a finished one; the details have all of it."""
FINDINGS = 4

_MARKS = {
    "serious": ("✗ serious: ", "$error"),
    "minor": ("! minor: ", "$warning"),
    "note": ("· ", "$quiet"),
    "": ("! ", "$warning"),
}


def finding_lines(one: Written) -> list[Content]:
    """What was found, one line each, the serious first."""
    grades = [*one.grades, *[""] * (len(one.findings) - len(one.grades))]
    order = ["serious", "minor", "", "note"]
    found = sorted(zip(grades, one.findings, strict=False), key=lambda pair: order.index(pair[0]))
    lines = [Content.styled(_MARKS[grade][0] + visible(message), _MARKS[grade][1]) for grade, message in found]
    if not any(grade != "note" for grade, _ in found):
        lines.insert(0, Content.styled("✓ nothing found against it", "$success"))
    return lines


def written(told: Mapping[str, Any], label: str = "") -> Written:
    """A rewrite as a job's result has it."""
    findings = [
        one if isinstance(one, Mapping) else {"message": str(one), "weight": 1.0} for one in told.get("findings", [])
    ]
    return Written(
        text=str(told.get("text", "")),
        findings=tuple(str(one.get("message") or one.get("kind")) for one in findings),
        grades=tuple(grade(one) for one in findings),
        label=label,
    )


class Variation(Static):
    """A card: number or label, length, marks, text, findings. `said` is None while it is being written."""

    def __init__(self, number: int, label: str = "") -> None:
        super().__init__("", markup=False, classes="variation")
        self.number, self.label = number, label
        self.said: Written | None = None
        self.best = self.kept = False
        self.diff: tuple[str, str] | None = None
        """Name and text of what it is compared with, word by word."""
        self._growing: list[str] = []
        self._drawn: tuple[object, ...] = ()

    @property
    def text(self) -> str:
        if self.said is not None:
            return self.said.text
        self._growing = ["".join(self._growing)]
        return self._growing[0]

    @property
    def findings(self) -> list[str] | None:
        return None if self.said is None else list(self.said.findings)

    def add(self, delta: str) -> None:
        self._growing.append(delta)

    def settle(self, said: Written) -> None:
        """The final text, which is what was checked."""
        self.said = said
        self.label = said.label or self.label

    def show(self, state: str = "…") -> None:
        """Draw what has changed; `state` stands in for the text while there is none."""
        text = self.text
        now = (len(text), self.said, self.best, self.kept, self.diff, state if not text else "")
        if now != self._drawn:
            self._drawn = now
            self.update(Content("\n").join([self._heading(text), *self._body(text.strip(), state)]))

    def _heading(self, text: str) -> Content:
        parts = [(self.label or f"{self.number + 1}", "bold $primary")]
        if text.strip():
            parts.append((f"  {some(len(text.split()), 'word')}", "$quiet"))
        parts += [("  ★ best", "bold $success")] * self.best + [("  ✓ kept", "bold $secondary")] * self.kept
        return Content.assemble(*parts)

    def _body(self, text: str, state: str) -> list[Content]:
        if not text:
            nothing = "nothing was written" if self.said is not None else state
            return [Content.styled(nothing, "$quiet"), *(finding_lines(self.said) if self.said else [])]
        if self.said is None:
            before = f"… {some(len(text[:-GROWING].split()), 'word')} before …\n" if len(text) > GROWING else ""
            return [Content.assemble((before, "$quiet"), visible(text[-GROWING:]))]
        return [*(self._compared(text) if self.diff else self._whole(text)), *self._found(self.said)]

    @staticmethod
    def _whole(text: str) -> list[Content]:
        rest = len(text[SETTLED:].split())
        more = [Content.styled(f"… {some(rest, 'word')} more: o opens all of it", "$quiet")] if rest else []
        return [Content(visible(text[:SETTLED])), *more]

    def _compared(self, text: str) -> list[Content]:
        assert self.diff
        name, other = self.diff
        parts = word_diff.word_diff(visible(other.strip()), visible(text))
        if parts is None:
            return [Content.styled("too long to be compared word by word", "$quiet"), *self._whole(text)]
        gone, come = word_diff.changed_words(parts)
        legend = Content.assemble(
            (f"against {name}: ", "$quiet"), (f"[-{gone} out-]", "$error"), " ", (f"{{+{come} in+}}", "$success")
        )
        return [legend, word_diff.drawn(parts)]

    @staticmethod
    def _found(said: Written) -> Sequence[Content]:
        lines = finding_lines(said)
        if len(lines) > FINDINGS + 1:
            more = f"… {len(lines) - FINDINGS} more: o shows all"
            lines = [*lines[:FINDINGS], Content.styled(more, "$quiet")]
        return lines
