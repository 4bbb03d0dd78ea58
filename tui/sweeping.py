"""A sweep on a terminal: a table and a plot that fill as cells are measured, and what the best one is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import typer
from rich.console import Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

from engine.errors import Cancelled
from engine.progress import Progress
from engine.workspace import Workspace
from tui import console
from tui.scatter import letter, scatter

PLOT_LINES = 9
ANCHORS = {"N": "neutral", "U": "untrained", "A": "author"}
"""Letters in the plot, by the card's anchors they stand for."""


class _Shown:
    """A report that keeps the rows so far, best first, and draws them where there is a terminal."""

    def __init__(self, *, quiet: bool) -> None:
        self.live = console.out.is_terminal and not quiet
        self.quiet, self.said = quiet, ""
        self.rows: list[dict[str, Any]] = []
        self.display = console.Display(quiet=quiet or self.live)
        self.drawn = Live(console=console.out, auto_refresh=False, transient=True)
        self.done = self.total = 0.0

    def __enter__(self) -> _Shown:
        self.display.__enter__()
        if self.live:
            self.drawn.start()
        return self

    def __exit__(self, *told: object) -> None:
        if self.live:
            self.drawn.stop()
        self.display.__exit__(*told)

    def __call__(self, event: Progress) -> None:
        if self.display.stopping:
            raise Cancelled
        if event.stage == "sweep" and event.values:
            self.rows.append(dict(event.values))
            self.rows.sort(key=lambda row: -row["joint"])
            if not self.quiet and not self.live:
                console.errors.print(Text(f"{event.done:.0f} of {event.total:.0f}  {_line(event.values)}"))
        if event.stage == "sweep":
            self.done, self.total = event.done, event.total or 0
            self.said = event.message or self.said
        elif event.total:
            self.said = f"{event.stage.removeprefix('check: ')}, {event.done:.0f} of {event.total:.0f}"
        if self.live:
            heading = Text(f"{self.done:.0f} of {self.total:.0f} cells  {self.said}", "dim")
            lines = max(3, console.out.height - PLOT_LINES - 4)
            self.drawn.update(Group(heading, *drawing(self.rows, {}, lines)), refresh=True)
        else:
            self.display(event)


def _line(row: Mapping[str, Any]) -> str:
    where = "as it lies" if row["checkpoint"] is None else f"checkpoint {row['checkpoint']}"
    return f"{where}, strength {row['strength']:g}: joint {row['joint']:.2f}, style {row['style']:.2f}, " + (
        f"meaning {row['meaning']:.2f}"
    )


def drawing(rows: Sequence[Mapping[str, Any]], anchors: Mapping[str, Sequence[float]], most: int) -> list[Table | Text]:
    """The table of at most `most` rows, and below it the plot of style against meaning."""
    if not rows:
        return []
    table = Table(box=None, pad_edge=False, header_style="dim")
    for name in ("", "checkpoint", "strength", "joint", "90% interval", "style", "meaning", "facts"):
        table.add_column(name, justify="left" if name in ("", "checkpoint") else "right", no_wrap=True)
    for number, row in enumerate(rows[:most]):
        table.add_row(
            letter(number),
            "as it lies" if row["checkpoint"] is None else str(row["checkpoint"]),
            f"{row['strength']:g}",
            f"{row['joint']:.2f}",
            f"{row['low']:.2f}–{row['high']:.2f}",
            f"{row['style']:.2f}",
            f"{row['meaning']:.2f}",
            f"{row['facts_kept']:.0%}",
            style="bold green" if number == 0 else "",
        )
    points = [(row["meaning"], row["style"]) for row in rows]
    marks = {sign: (at[1], at[0]) for sign, name in ANCHORS.items() if (at := anchors.get(name))}
    width = min(console.out.width, 78)
    lines = scatter(points, marks, width=width, height=PLOT_LINES, x="meaning kept", y="style")
    return [table, Text("\n".join(lines))]


def flat(result: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The rows of a sweep's result with their cells' values beside the others."""
    return [{**row["cell"], **{name: value for name, value in row.items() if name != "cell"}} for row in result["rows"]]


def run(*, json: bool, **asked: Any) -> None:
    """Sweep, print the table and what was found."""
    from engine.host import report_jobs
    from tui.commands.options import done

    workspace = Workspace.find()
    with _Shown(quiet=json) as shown:
        result = report_jobs.sweep(workspace, shown, **asked)
    done(workspace, "sweep", asked)
    if json:
        console.as_json(result)
        raise typer.Exit
    rows = flat(result)
    for part in drawing(rows, result["anchors"], len(rows)):
        console.out.print(part)
    legend = ", ".join(f"{sign} {name}" for sign, name in ANCHORS.items() if name in result["anchors"])
    console.line(f"{result['passages']} held-out passages of {result['author']}; {legend}")
    for label, why in result["failed"].items():
        console.line(f"! {label} is left out: {why}")
    best = rows[0]
    if best["joint"] <= 0:
        console.line("none of them scores above 0, so there is no best one; 'stylora doctor' looks for the cause")
        return
    doubt = "" if result["sure"] or len(rows) < 2 else "; its lead over the next may be chance"
    where = "the adapter as it lies" if best["checkpoint"] is None else f"checkpoint {best['checkpoint']}"
    console.line(f"best: {where} at strength {best['strength']:g}, joint score {best['joint']:.2f}{doubt}")
    if result["used"]:
        console.line(f"from now on {result['adapter']} rewrites with {result['used']}")
    else:
        named = f" --checkpoint {best['checkpoint']}" if best["checkpoint"] is not None else ""
        console.line(f"next: stylora use --adapter {result['adapter']}{named} --strength {best['strength']:g}")
