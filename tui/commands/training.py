"""The commands that plan, train and steer adapters."""

from __future__ import annotations

import asyncio
import shlex
from pathlib import Path
from typing import Annotated, Any

import typer

from engine.control import ACTIONS
from engine.errors import StyloraError
from engine.workspace import Workspace
from tui.commands.options import Author, Json, Model, app, run_job

GIB = 1 << 30


@app.command()
def train(
    config: Annotated[Path | None, typer.Option(help="A config.yaml; options given beside it win.")] = None,
    author: Author = None,
    data: Annotated[Path | None, typer.Option(help="Dataset folder; default: data/training/<author>.")] = None,
    adapter: Annotated[
        Path | None, typer.Option(help="Name in lora_adapters/, or folder; default: the author's.")
    ] = None,
    model: Model = None,
    rank: Annotated[int | None, typer.Option(min=1, help="LoRA rank.")] = None,
    learning_rate: Annotated[float | None, typer.Option(help="Peak learning rate.")] = None,
    epochs: Annotated[float | None, typer.Option(help="Passes over the training rows.")] = None,
    minutes: Annotated[float | None, typer.Option(help="Stop training after this long, decaying the rate.")] = None,
    max_seq_length: Annotated[int | None, typer.Option(min=1, help="Leave out rows of more tokens.")] = None,
    num_layers: Annotated[int | None, typer.Option(help="Layers from the last to train; -1: all.")] = None,
    grad_checkpoint: Annotated[
        bool | None,
        typer.Option("--grad-checkpoint/--no-grad-checkpoint", help="Compute activations twice to save memory."),
    ] = None,
    patience: Annotated[
        int | None, typer.Option(min=1, help="Stop after so many validations without a better.")
    ] = None,
    plan: Annotated[
        bool, typer.Option("--plan", help="Say what would be done and whether it fits; train nothing.")
    ] = False,
    measure: Annotated[bool, typer.Option("--measure", help="With --plan: take the largest step once.")] = False,
    export: Annotated[
        Path | None, typer.Option(help="With --plan: write it as a config.yaml that stock mlx_lm.lora trains as well.")
    ] = None,
    auto_fit: Annotated[
        bool,
        typer.Option("--auto-fit", help="If it does not fit: checkpointing, rank 32, 16, shorter rows, fewer layers."),
    ] = False,
    fresh: Annotated[bool, typer.Option("--fresh", help="Start over instead of going on where a run stopped.")] = False,
    json: Json = False,
) -> None:
    """Train a LoRA adapter on a dataset; started again it goes on where it stopped.

    With several processes or Macs: mlx.launch -n 2 -- stylora train ..., or mlx.launch --hostfile hosts.json -- stylora
    train ..., with the workspace at the same path on each. They share the micro-batches of every update.
    """
    from engine.host import jobs
    from tui import console

    asked: dict[str, Any] = {
        "config": config,
        "author": author,
        "data": data,
        "adapter": adapter,
        "model": model,
        "rank": rank,
        "learning_rate": learning_rate,
        "epochs": epochs,
        "minutes": minutes,
        "max_seq_length": max_seq_length,
        "num_layers": num_layers,
        "grad_checkpoint": grad_checkpoint,
        "patience": patience,
    }
    if plan:
        _show_plan(run_job(jobs.plan, json=json, measure=measure, export=export, **asked))
        return
    if measure or export:
        raise StyloraError("--measure and --export go with --plan; a training measures its largest step by itself")
    result = run_job(jobs.train, json=json, auto_fit=auto_fit, fresh=fresh, **asked)
    losses = ""
    if result["valid_after"] is not None:
        losses = f", loss on held-out passages {result['valid_before']:.3f} -> {result['valid_after']:.3f}"
    console.line(
        f"{result['updates']} updates ({result['stopped']}){losses}, {result['tokens_per_second']:.0f} tokens/s"
    )
    console.line(f"adapter in {result['adapter']}")
    named = ["--adapter", str(adapter)] if adapter else ["--author", author] if author else []
    console.line(f"next: {shlex.join(['stylora', 'rewrite', *named])} 'Your own passage.'")


def _show_plan(plan: dict[str, Any]) -> None:
    from tui import console

    rows = [
        ("author", plan["author"]),
        ("base model", plan["model"]),
        ("examples", f"{plan['examples']:,}, the longest of {plan['longest']:,} tokens"),
        ("left out", f"{plan['too_long']:,} too long; raise max_seq_length or lower max_para_words"),
        ("micro-batches", f"{plan['micro_batches']:,}"),
        ("updates", f"{plan['updates']:,}"),
        ("epochs", f"{plan['epochs']:.2f}"),
        ("tokens", f"{plan['tokens']:,}, of them with a loss {plan['styled_tokens']:,}"),
        ("LoRA parameters", f"{plan['lora_parameters'] / 1e6:.1f} million"),
        ("activations", "computed twice (grad_checkpoint)" if plan["grad_checkpoint"] else "kept"),
        ("time", f"{plan['time']}, {plan['time_known']}"),
        *((f"memory, {name}", f"{size / GIB:.2f} GiB, estimated") for name, size in plan["memory"].items()),
        ("memory, peak", f"{plan['peak'] / GIB:.2f} GiB, {'measured' if plan['measured'] else 'estimated'}"),
        ("memory, there is", f"{plan['available'] / GIB:.2f} GiB" if plan["available"] else "unknown"),
        ("verdict", plan["verdict"]),
    ]
    for name, value in rows:
        if name != "left out" or plan["too_long"]:
            console.line(f"{name:<18} {value}")
    if plan["advice"] and plan["verdict"] != "fits":
        console.line(f"{'to make it fit':<18} {', then '.join(plan['advice'])}; or --auto-fit")


@app.command()
def steer(
    action: Annotated[str, typer.Argument(help=f"One of {', '.join(ACTIONS)}.")],
    updates: Annotated[int | None, typer.Argument(help="For validate_every: updates between validations.")] = None,
) -> None:
    """Steer the training that runs in the background: pause, resume, stop and save, checkpoint, validation interval."""
    from tui import console

    asyncio.run(_steer(Workspace.find(), action, updates))
    console.line(f"asked to {action.replace('_', ' ')}{'' if updates is None else f' {updates} updates'}")


async def _steer(workspace: Workspace, action: str, updates: int | None) -> None:
    from engine.host.client import HostClient

    client = await HostClient.attach(workspace)
    if client is None:
        raise StyloraError(
            "nothing runs in the background of this workspace; a training is started with 't' in the app"
        )
    try:
        trainings = [state for state in client.active() if state.kind == "train" and state.status == "running"]
        if not trainings:
            raise StyloraError("no training runs in the background of this workspace")
        await client.steer(trainings[0].job, action, updates)
    finally:
        client.close()
