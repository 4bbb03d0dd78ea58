"""How commands talk on a plain terminal: progress on standard error, results on standard output."""

from __future__ import annotations

import json
import signal
import sys
import time
from collections.abc import Iterable, Mapping
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeRemainingColumn
from rich.table import Table
from rich.text import Text

from engine.errors import Cancelled
from engine.progress import Progress as Event

# Into a file or a pipe a line goes whole: whoever reads it there wants to find a path in it.
errors = Console(stderr=True, highlight=False, soft_wrap=not sys.stderr.isatty())
out = Console(highlight=False, soft_wrap=not sys.stdout.isatty())

PLAIN_EVERY = 10.0
"""Seconds between progress lines where standard error is not a terminal."""

_SHOWN = {
    "loss": "loss {:.3f}",
    "smoothed": "loss {:.3f}",
    "tokens_per_second": "{:.0f} tokens/s",
    "words_per_second": "{:.1f} words/s",
    "pairs": "{:.0f} pairs",
    "pairs_per_second": "{:.1f} pairs/s",
    "valid": "held-out {:.3f}",
    "fallbacks": "{:.0f} left to the rules",
}


class Display:
    """Draws progress reports: bars with remaining time on a terminal, a line now and then elsewhere.

    It is a context manager and, called with an event, an `engine.progress.Report`.
    """

    def __init__(self, *, quiet: bool = False) -> None:
        self.quiet = quiet
        self.live = errors.is_terminal and not quiet
        self.bars = Progress(
            TextColumn("{task.description:<24}"),
            BarColumn(bar_width=24),
            MofNCompleteColumn(),
            TimeRemainingColumn(),
            TextColumn("{task.fields[values]}", markup=False),
            console=errors,
            disable=not self.live,
        )
        self.tasks: dict[str, TaskID] = {}
        self.last_line = 0.0
        self.stopping = self.begun = False

    def __enter__(self) -> Display:
        self.previous = signal.signal(signal.SIGINT, self._interrupt)
        self.bars.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.bars.stop()
        signal.signal(signal.SIGINT, self.previous)

    def _interrupt(self, *_: object) -> None:
        """The first Ctrl-C stops the work at a point it can go on from; the second one kills it."""
        self.stopping = True
        signal.signal(signal.SIGINT, self.previous)
        errors.print("stopping at the next safe point; press Ctrl-C again to kill", style="dim")

    def __call__(self, event: Event) -> None:
        self.begun = True
        if self.stopping:
            raise Cancelled
        if self.quiet:
            return
        if event.message:
            errors.print(Text(event.message), style="dim" if self.live else "")
        if event.total is None:
            return
        values = "  ".join(
            form.format(value)
            for key, form in _SHOWN.items()
            if isinstance(value := event.values.get(key), int | float)
        )
        if self.live:
            task = self.tasks.get(event.stage)
            if task is None:
                task = self.tasks[event.stage] = self.bars.add_task(event.stage, total=event.total, values="")
            self.bars.update(task, completed=event.done, total=event.total, values=values)
        elif time.monotonic() - self.last_line > PLAIN_EVERY:
            self.last_line = time.monotonic()
            errors.print(Text(f"{event.stage}: {event.done:.0f} of {event.total:.0f}  {values}"))


def as_json(result: Any) -> None:
    """Print a result for machines: one JSON document on standard output."""
    sys.stdout.write(json.dumps(result, ensure_ascii=False, indent=2) + "\n")


def counts(title: str, rows: Mapping[str, Any]) -> None:
    """Print a two-column table, or nothing where there are no rows."""
    if not rows:
        return
    line(title)
    table = Table(show_header=False, box=None, padding=(0, 2, 0, 2))
    table.add_column()
    table.add_column(justify="right")
    for name, value in rows.items():
        table.add_row(Text(str(name)), Text(f"{value:,}" if isinstance(value, int) else str(value)))
    out.print(table)


def columns(title: str, names: Iterable[str], rows: Mapping[str, Iterable[str]]) -> None:
    """Print a table with a column for each of `names`, or nothing where there are no rows."""
    if not rows:
        return
    table = Table(box=None, padding=(0, 2, 0, 2))
    table.add_column(Text(title), justify="left")
    for name in names:
        table.add_column(Text(name), justify="right")
    for label, values in rows.items():
        table.add_row(Text(label), *map(Text, values))
    out.print(table)


def checks(rows: Iterable[Mapping[str, Any]]) -> None:
    """Print a checklist: pass or fail per line, in words and not by colour alone."""
    for row in rows:
        mark = Text("pass", "green") if row["passed"] else Text("FAIL", "bold red")
        out.print(Text("  ") + mark + Text(f"  {row['name']}: {row['detail']}"), soft_wrap=True)


def passage(title: str, text: str) -> None:
    """Print a passage under its title, wrapped to the terminal."""
    out.print(Text(title, style="bold"))
    out.print(Text(text))
    out.print()


def line(text: str) -> None:
    """Print one line of a result, unbroken however narrow the terminal; user text is never read as markup."""
    out.print(Text(text), soft_wrap=True)
