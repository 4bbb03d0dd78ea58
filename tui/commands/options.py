"""What the commands share: the typer application, options that mean the same everywhere, and running a job."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from engine.errors import StyloraError
from engine.workspace import Workspace, slug

app = typer.Typer(
    name="stylora",
    help="Rewrite any passage in an author's voice, with a language model trained and run on this machine.\n\n"
    "Without a command: open the terminal app.",
    no_args_is_help=False,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)


def _version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        typer.echo(f"stylora {version('stylora')}")
        raise typer.Exit


@app.callback(invoke_without_command=True)
def main_screen(
    context: typer.Context,
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Say which it is.")
    ] = False,
) -> None:
    if context.invoked_subcommand is None:
        from tui.app import run

        run()


def _name(given: str | None) -> str | None:
    """An author's name that is one: an empty variable of a shell must not come to mean the default author."""
    if given is not None:
        try:
            slug(given)
        except StyloraError as error:
            raise StyloraError(f"--{error}") from None
    return given


Author = Annotated[
    str | None, typer.Option(help="The author's name; default: the one in stylora.toml.", callback=_name)
]
Json = Annotated[bool, typer.Option("--json", help="Print the result as JSON on standard output.")]
Adapter = Annotated[
    Path | None, typer.Option(help="Adapter: a name in lora_adapters/ or a folder; default: the author's.")
]
Model = Annotated[str | None, typer.Option(help="Base model by its name in stylora.toml; see 'stylora models'.")]


def _launcher_ends(*_: object) -> None:
    """`mlx.launch` ends the other processes when one has died; they may be waiting for it where no Python runs."""
    sys.stderr.write("stylora: another process of this training has ended; the last checkpoint is safe\n")
    sys.stderr.flush()
    os._exit(143)


def failed(workspace: Workspace, kind: str, params: Mapping[str, Any], error: Exception) -> Exception:
    """The error of a job that had begun, with where to look for its cause.

    One of memory is noted as the host notes those of its jobs, so that the doctor finds it; texts are left out.
    """
    from engine.host import journal
    from engine.training.machine import is_out_of_memory

    if is_out_of_memory(error):
        told = {name: value for name, value in params.items() if value is not None and name not in ("text", "input")}
        with contextlib.suppress(OSError):
            log = journal.Journal(workspace, kind)
            log.append("queued", kind=kind, params=told)
            log.append("failed", error=" ".join(str(error).split()) or "out of memory")
            log.close()
        if not isinstance(error, StyloraError):
            return StyloraError(f"{kind}: out of memory; 'stylora doctor' says what needs less")
    if not isinstance(error, StyloraError):
        return error
    return type(error)(f"{error} ('stylora doctor' looks for the cause)")


def done(workspace: Workspace, kind: str, params: Mapping[str, Any]) -> None:
    """Take back what the doctor holds against a job of this kind that had failed."""
    from engine.host import examining

    with contextlib.suppress(OSError, ValueError):
        examining.forgive(workspace, kind, params)


def run_job(
    job: Callable[..., dict[str, Any]],
    *,
    json: bool,
    quiet: bool = False,
    workspace: Workspace | None = None,
    **params: Any,
) -> Any:
    """Run a job in the foreground with progress on standard error; print its result if `json`, else return it.

    Of several processes that `mlx.launch` started for one training, only the first says anything but an error.
    """
    from tui import console

    rank = os.environ.get("MLX_RANK")
    if rank is not None:
        signal.signal(signal.SIGTERM, _launcher_ends)
    home = workspace or Workspace.find()
    with console.Display(quiet=json or quiet or bool(rank and rank != "0")) as display:
        try:
            result = job(home, display, **params)
        except (StyloraError, RuntimeError, MemoryError) as error:
            told = failed(home, job.__name__, params, error) if display.begun and not rank else error
            if told is error:
                raise
            raise told from error
        if not rank:
            done(home, job.__name__, params)
    if rank and rank != "0":
        raise typer.Exit
    if json:
        console.as_json(result)
        raise typer.Exit
    return result
