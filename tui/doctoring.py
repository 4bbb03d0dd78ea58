"""The doctor on a plain terminal: findings, what causes them, numbered fixes, and running one of them."""

from __future__ import annotations

import shlex
import sys
from typing import TYPE_CHECKING

import typer
from rich.text import Text

from engine.errors import StyloraError
from engine.workspace import Workspace
from tui import console

if TYPE_CHECKING:
    from engine.report.doctor.finding import Finding, Fix


def run(*, fix: int | None, all: bool, json: bool) -> None:
    """Examine and print, or run the fix numbered `fix`. Exits with 1 where something is wrong and was not put right."""
    from engine.host import examining

    try:
        workspace: Workspace | None = Workspace.find()
    except StyloraError:
        workspace = None
    with console.Display(quiet=json or not console.errors.is_terminal) as display:
        found = examining.doctor(workspace, display)
    fixes = [one for finding in found for one in finding.fixes]
    if fix is not None:
        if fix > len(fixes):
            count = f"there are {len(fixes)}" if fixes else "there is nothing to fix"
            raise StyloraError(f"--fix {fix}: no such fix; {count}")
        apply(fixes[fix - 1])
        return
    if json:
        console.as_json(rows(found))
    else:
        show(found, all=all)
        if fixes and sys.stdin.isatty() and sys.stdout.isatty() and (number := _asked(len(fixes))):
            apply(fixes[number - 1])
            return
    if not all_well(found):
        raise typer.Exit(1)


def all_well(found: list[Finding]) -> bool:
    return all(finding.passed for finding in found)


def rows(found: list[Finding]) -> list[dict[str, object]]:
    """Findings as plain values, their fixes numbered as `--fix` takes them."""
    number, told = 0, []
    for finding in found:
        fixes = []
        for one in finding.fixes:
            number += 1
            fixes.append({"number": number, "words": one.words, "command": one.shown})
        told.append(
            {
                "name": finding.name,
                "passed": finding.passed,
                "detail": finding.detail,
                "symptom": finding.symptom,
                "why": finding.why,
                "fixes": fixes,
            }
        )
    return told


def show(found: list[Finding], *, all: bool) -> None:
    """Print what is wrong with its fixes; of what is well only how much there is, unless `all`."""
    number = 0
    well = [finding for finding in found if finding.passed]
    ill = [finding for finding in found if not finding.passed]
    for finding in well if all or not ill else ():
        console.out.print(Text("  ") + Text("pass", "green") + Text(f"  {finding.name}: {finding.detail}"))
    for finding in ill:
        console.out.print(Text("  ") + Text("FAIL", "bold red") + Text(f"  {finding.name}: {finding.detail}"))
        if finding.why:
            console.out.print(Text(f"        because {finding.why}", "dim"))
        for one in finding.fixes:
            number += 1
            console.out.print(Text(f"    {number:>2}  ", "bold cyan") + Text(one.words))
            console.out.print(Text(f"        {one.shown}", "cyan"), soft_wrap=True)
    if not ill:
        console.line("all is well")
        return
    console.line(
        f"{len(well)} of {len(found)} are well{'' if all else '; --all prints them'}"
        + ("; 'stylora doctor --fix N' runs a fix" if number else "")
    )


def _asked(count: int) -> int | None:
    """The number of the fix that the user wants now; None for none."""
    said = typer.prompt(f"run a fix now? 1-{count}, or Enter for none", default="", show_default=False, err=True)
    if not said.strip():
        return None
    if not said.strip().isdigit() or not 1 <= int(said) <= count:
        raise StyloraError(f"{said.strip()!r}: no number of a fix; nothing was run")
    return int(said)


def apply(fix: Fix) -> None:
    """Run the commands of a fix one after the other, as if they had been typed; the first that fails ends it."""
    from tui.commands.options import app

    for command in fix.commands:
        console.errors.print(Text(f"$ stylora {shlex.join(command)}", "bold"))
        try:
            app(list(command), standalone_mode=False)
        except typer.Exit as end:
            if end.exit_code:
                raise
