"""Commands for earlier trainings: list, describe, compare, delete."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Annotated, Any

import typer

from engine.errors import StyloraError
from engine.workspace import Workspace
from tui.commands.options import Json, app

runs = typer.Typer(help="List, show, compare and delete trainings.", rich_markup_mode=None)
app.add_typer(runs, name="runs")

Name = Annotated[str, typer.Argument(help="Name of a run: its folder in lora_adapters/.")]
_BARS = "▁▂▃▄▅▆▇█"


@runs.callback(invoke_without_command=True)
def listed(context: typer.Context, json: Json = False) -> None:
    """List the trainings of this workspace, the newest first."""
    if context.invoked_subcommand is not None:
        return
    from engine.host import runs as earlier
    from tui import console

    found = earlier.all_runs(Workspace.find())
    if json:
        console.as_json([_plain(run) for run in found])
        return
    if not found:
        console.line("no runs yet; make one with 'stylora train'")
    width = max((len(run.name) for run in found), default=0)
    for run in found:
        planned = f" of {run.planned}" if run.planned and run.planned != run.updates else ""
        held_out = f"{_loss(run.first_valid)} -> {_loss(run.best_valid)}"
        console.line(
            f"{run.name:<{width}}  {_when(run.modified)}  {run.status:<11}  {f'{run.updates}{planned} updates':<20}  "
            f"held-out loss {held_out}  {_speed(run.tokens_per_second)}  rank {run.config.get('rank', '–')}"
            f"{f'  rewrites with {chosen}' if (chosen := _chosen(run.path)) else ''}"
        )


@runs.command()
def show(name: Name, json: Json = False) -> None:
    """Describe one training: settings, losses, speed, files."""
    from engine.host import runs as earlier
    from tui import console

    workspace = Workspace.find()
    run, curve = earlier.find(workspace, name), earlier.curve(workspace, name)
    if json:
        console.as_json({**_plain(run), "curve": _plain(curve)})
        return
    best = f"{_loss(run.best_valid)} at update {run.best_update}" if run.best_update is not None else "–"
    console.counts(
        f"{run.name} ({run.status})",
        {
            "folder": run.path,
            "author": run.author or "– (no recipe: it cannot rewrite)",
            "last written": _when(run.modified),
            "updates": f"{run.updates} of {run.planned}" if run.planned else run.updates,
            "examples": run.examples if run.examples is not None else "–",
            "held-out loss, before": _loss(run.first_valid),
            "held-out loss, best": best,
            "training loss, smoothed": _loss(run.smoothed),
            "speed": _speed(run.tokens_per_second),
            "time": f"{run.seconds / 60:.0f} min" if run.seconds else "–",
            "on disk": f"{run.bytes / 1e6:.0f} MB",
            "checkpoints": ", ".join(map(str, run.checkpoints)) or "none",
            "rewrites with": _chosen(run.path) or "the adapter as trained",
            "base model": (run.base or "–")[:12],
        },
    )
    if curve.train:
        console.line(f"training loss  {sparkline([loss for _, loss in curve.train])}")
    if len(curve.valid) > 1:
        console.line(f"held-out loss  {sparkline([loss for _, loss in curve.valid])}")
    console.counts("settings", {key: _short(value) for key, value in sorted(run.config.items())})


@runs.command()
def compare(names: Annotated[list[str], typer.Argument(help="Two or more runs.")], json: Json = False) -> None:
    """Compare trainings: settings that differ, losses at the same update, best loss, speed."""
    from engine.host import runs as earlier
    from tui import console

    compared = earlier.compare(Workspace.find(), names)
    if json:
        console.as_json(_plain(compared))
        return
    if not compared.same_rows:
        console.line("! trained on different rows: their losses compare only roughly")
    if not compared.same_base:
        console.line("! trained on different base models")
    columns = list(compared.names)
    same = {"none that matter": ["" for _ in columns]}
    settings = {key: [_short(value) for value in values] for key, values in compared.settings.items()}
    console.columns("settings that differ", columns, settings or same)
    for title, losses in (("held-out loss", compared.valid), ("training loss, smoothed", compared.train)):
        console.columns(
            title, columns, {f"at update {at}": [_loss(value) for value in values] for at, values in losses.items()}
        )
    figures = compared.figures
    console.columns(
        "in all",
        columns,
        {
            "updates": [str(value) for value in figures["updates"]],
            "best held-out loss": [_loss(value) for value in figures["best_valid"]],
            "at update": [str(value if value is not None else "–") for value in figures["best_update"]],
            "speed": [_speed(value) for value in figures["tokens_per_second"]],
            "on disk": [f"{value / 1e6:.0f} MB" for value in figures["bytes"]],
        },
    )
    if compared.best:
        console.line(f"lowest held-out loss: {compared.best}")


@runs.command()
def delete(
    name: Name,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    json: Json = False,
) -> None:
    """Delete a training with its adapter and checkpoints."""
    from engine.host import runs as earlier
    from tui import console

    workspace = Workspace.find()
    run = earlier.find(workspace, name)
    if not yes:
        try:
            sure = typer.confirm(
                f"delete {run.path} ({run.bytes / 1e6:.0f} MB, adapter and all checkpoints)?", err=True
            )
        except typer.Abort:
            raise StyloraError("nothing was deleted; give --yes to delete without being asked") from None
        if not sure:
            raise StyloraError("nothing was deleted")
    earlier.delete(workspace, name)
    if json:
        console.as_json({"deleted": run.path, "bytes": run.bytes})
        return
    console.line(f"deleted {run.path}")


def sparkline(values: list[float], width: int = 48) -> str:
    """`values` as a line of bars, each the mean of its share of them, from the lowest to the highest."""
    shares = [values[len(values) * at // width : len(values) * (at + 1) // width] for at in range(width)]
    means = [sum(share) / len(share) for share in (shares if len(values) > width else [[value] for value in values])]
    low, span = min(means), (max(means) - min(means)) or 1.0
    bars = "".join(_BARS[min(7, int(8 * (mean - low) / span))] for mean in means)
    return f"{means[0]:.3f} {bars} {means[-1]:.3f}"


def _plain(value: Any) -> Any:
    import msgspec

    return msgspec.to_builtins(value, str_keys=True)


def _chosen(folder: str) -> str:
    """What a run's adapter is rewritten with, where that was chosen."""
    from engine.report.chosen import read_chosen

    try:
        return read_chosen(Path(folder)).line
    except StyloraError as error:
        return f"? ({error})"


def _loss(value: float | None) -> str:
    return "–" if value is None else f"{value:.3f}"


def _speed(value: float | None) -> str:
    return "–" if value is None else f"{value:.0f} tokens/s"


def _when(seconds: float) -> str:
    return time.strftime("%Y-%m-%d %H:%M", time.localtime(seconds))


def _short(value: object) -> str:
    if isinstance(value, list | tuple):
        return " ".join(str(one).rpartition(".")[2] for one in value)
    return "–" if value is None else f"{value:g}" if isinstance(value, float) else str(value)
