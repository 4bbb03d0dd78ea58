"""The `stylora` command: every stage of the work as a sub-command, and without one the terminal app."""

from __future__ import annotations

import os
import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import typer

from engine.errors import Cancelled, StyloraError
from engine.workspace import Workspace

app = typer.Typer(
    name="stylora",
    help="Rewrite any passage in an author's voice, with a language model trained and run on this machine.\n\n"
    "Without a command: open the terminal app.",
    no_args_is_help=False,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)

Author = Annotated[str | None, typer.Option(help="The author's name; default: the one in stylora.toml.")]
Json = Annotated[bool, typer.Option("--json", help="Print the result as JSON on standard output.")]
Adapter = Annotated[Path | None, typer.Option(help="Adapter folder; default: the author's in lora_adapters/.")]
Model = Annotated[str | None, typer.Option(help="Base model by its name in stylora.toml; see 'stylora models'.")]


def _run(job: Callable[..., dict[str, Any]], *, json: bool, workspace: Workspace | None = None, **params: Any) -> Any:
    """Run a job in the foreground with progress on standard error; print its result if `json`, else return it."""
    from tui import console

    with console.Display(quiet=json) as display:
        result = job(workspace or Workspace.find(), display, **params)
    if json:
        console.as_json(result)
        raise typer.Exit
    return result


@app.callback(invoke_without_command=True)
def main_screen(context: typer.Context) -> None:
    if context.invoked_subcommand is None:
        from tui.app import run

        run()


@app.command()
def init(
    folder: Annotated[Path, typer.Argument(help="Folder to make a workspace; made if it is not there.")] = Path(),
    json: Json = False,
) -> None:
    """Make a workspace: stylora.toml, prompts/ and styles/ with the bundled author."""
    from tui import console

    workspace = Workspace.create(folder)
    if json:
        console.as_json({"workspace": str(workspace.root)})
    else:
        console.line(f"workspace made in {workspace.root}")
        console.line("next: put an author's books into styles/, or see it work: stylora demo")


@app.command()
def curate(
    input: Annotated[
        list[Path] | None, typer.Option(help="A book, or a folder of books; may be given several times.")
    ] = None,
    output: Annotated[Path | None, typer.Option(help="The curated corpus; default: styles/<author>.txt.")] = None,
    author: Author = None,
    target_tokens: Annotated[int | None, typer.Option(min=1, help="Keep at most this many tokens.")] = None,
    min_para_words: Annotated[int | None, typer.Option(min=1, help="Shortest passage worth keeping.")] = None,
    json: Json = False,
) -> None:
    """Clean an author's books and keep the passages worth learning from."""
    from engine.host import jobs
    from tui import console

    result = _run(
        jobs.curate,
        json=json,
        input=input or [],
        output=output,
        author=author,
        target_tokens=target_tokens,
        min_para_words=min_para_words,
    )
    console.line(
        f"{result['passages']:,} passages, {result['words']:,} words, {result['tokens']:,} tokens "
        f"({result['tokenizer']}) in {result['output']}"
    )
    console.counts("removed, words by reason", result["removed"])
    console.counts("dropped, passages by reason", result["dropped"])
    console.line("next: stylora dataset")


@app.command()
def dataset(
    corpus: Annotated[Path | None, typer.Option(help="A curated corpus; default: styles/<author>.txt.")] = None,
    author: Author = None,
    output: Annotated[Path | None, typer.Option(help="Dataset folder; default: data/training/<author>.")] = None,
    skip_perspective: Annotated[bool, typer.Option(help="No perspective variants: faster, fewer rows.")] = False,
    fresh: Annotated[bool, typer.Option(help="Build again even if nothing changed.")] = False,
    json: Json = False,
) -> None:
    """Make neutral-to-styled training pairs from a curated corpus."""
    from engine.host import jobs
    from tui import console

    result = _run(
        jobs.dataset,
        json=json,
        corpus=corpus,
        author=author,
        output=output,
        skip_perspective=skip_perspective,
        fresh=fresh,
    )
    rows = result["rows"]
    console.line(
        f"{rows['train']:,} training rows, {rows['valid']} for validation, {rows['test']} for test "
        f"in {result['output']}"
    )
    console.counts("training rows by kind", result["counts"])
    console.counts("dropped by reason", result["dropped"])
    console.line("validation checkpoint")
    console.checks(result["checks"])
    console.line("next: stylora train")


@app.command()
def models(json: Json = False) -> None:
    """List the base models of this workspace: what is here, what it takes to get the others."""
    from engine.models import registry
    from tui import console

    rows: list[dict[str, Any]] = [
        {
            "name": entry.name,
            "present": entry.present,
            "bytes": entry.size,
            "kind": "instruct" if entry.instruct else "base",
            "quantization": entry.quantization,
            "path": str(entry.path),
            "problem": entry.problem,
        }
        for entry in registry.available(Workspace.find())
    ]
    if json:
        console.as_json(rows)
        return
    for row in rows:
        here = f"{row['bytes'] / 1e9:.2f} GB, {row['quantization']}, in {row['path']}"
        console.line(f"{row['name']:<16} {row['kind']:<9} {here if row['present'] else row['problem']}")


@app.command()
def convert(
    hf_path: Annotated[str | None, typer.Option(help="Hub name or local folder of a Hugging Face model.")] = None,
    mlx_path: Annotated[Path | None, typer.Option(help="Folder to make; default: models/<name>-MLX.")] = None,
    q_bits: Annotated[int | None, typer.Option(help="Bits per weight; default: no quantisation.")] = None,
    group_size: Annotated[int, typer.Option(help="Weights that share a scale when quantised: 32, 64 or 128.")] = 64,
    model: Model = None,
    json: Json = False,
) -> None:
    """Convert a base model to MLX weights, quantised if asked."""
    from engine.host import jobs
    from tui import console

    result = _run(
        jobs.convert, json=json, hf_path=hf_path, mlx_path=mlx_path, q_bits=q_bits, group_size=group_size, model=model
    )
    console.line(f"{result['model']} is in {result['path']}")


@app.command()
def train(
    config: Annotated[Path | None, typer.Option(help="A config.yaml; options given beside it win.")] = None,
    author: Author = None,
    data: Annotated[Path | None, typer.Option(help="Dataset folder; default: data/training/<author>.")] = None,
    adapter: Annotated[Path | None, typer.Option(help="Folder to make; default: lora_adapters/<author>.")] = None,
    model: Model = None,
    rank: Annotated[int | None, typer.Option(min=1, help="LoRA rank.")] = None,
    learning_rate: Annotated[float | None, typer.Option(help="Peak learning rate.")] = None,
    epochs: Annotated[float | None, typer.Option(help="Passes over the training rows.")] = None,
    minutes: Annotated[float | None, typer.Option(help="Stop training after this long, decaying the rate.")] = None,
    json: Json = False,
) -> None:
    """Train a LoRA adapter on a dataset; started again it goes on where it stopped."""
    from engine.host import jobs
    from tui import console

    result = _run(
        jobs.train,
        json=json,
        config=config,
        author=author,
        data=data,
        adapter=adapter,
        model=model,
        rank=rank,
        learning_rate=learning_rate,
        epochs=epochs,
        minutes=minutes,
    )
    console.line(
        f"{result['updates']} updates ({result['stopped']}), loss on held-out passages "
        f"{result['valid_before']:.3f} -> {result['valid_after']:.3f}, {result['tokens_per_second']:.0f} tokens/s"
    )
    console.line(f"adapter in {result['adapter']}")
    console.line("next: stylora rewrite 'Your own passage.'")


@app.command()
def rewrite(
    text: Annotated[str | None, typer.Argument(help="The passage; '-' or nothing reads standard input.")] = None,
    file: Annotated[Path | None, typer.Option(help="Read the passage from a file.")] = None,
    output: Annotated[Path | None, typer.Option(help="Write the best rewrite to a file.")] = None,
    author: Author = None,
    adapter: Adapter = None,
    variations: Annotated[int | None, typer.Option(min=1, max=32, help="How many rewrites to choose from.")] = None,
    strength: Annotated[float | None, typer.Option(min=0, max=4, help="1 as trained, 0 the base model.")] = None,
    temperature: Annotated[float | None, typer.Option(min=0, max=5)] = None,
    seed: Annotated[int | None, typer.Option(min=0)] = None,
    all: Annotated[bool, typer.Option("--all", help="Print every variation with its findings.")] = False,
    explain: Annotated[bool, typer.Option(help="Print the text after every step.")] = False,
    json: Json = False,
) -> None:
    """Rewrite a passage in the author's voice: standard input to standard output."""
    from engine.host import jobs
    from tui import console

    result = _run(
        jobs.rewrite,
        json=json,
        text=_passage(text, file),
        author=author,
        adapter=adapter,
        variations=variations,
        strength=strength,
        temperature=temperature,
        seed=seed,
    )
    if explain:
        for step in result["steps"]:
            console.passage("neutral", step["neutral"])
            console.passage("with noise", step["noised"])
            console.passage("prompt", step["prompt"])
    if all:
        for number, variation in enumerate(result["variations"], 1):
            console.passage(f"variation {number}", variation["text"])
            _findings(variation["findings"])
    if output is not None:
        from engine.atomic import write_text

        write_text(output, result["best"]["text"] + "\n")
        console.errors.print(f"written to {output}", markup=False)
    elif not all:
        # Plain write: a pipe must get the text as it is, not wrapped to a terminal's width.
        sys.stdout.write(result["best"]["text"] + "\n")
    _findings(result["best"]["findings"])


def _findings(findings: list[dict[str, Any]]) -> None:
    from tui import console

    for finding in findings:
        console.errors.print(f"  ! {finding['message']}", style="yellow", markup=False)


def _passage(text: str | None, file: Path | None) -> str:
    if file is not None:
        try:
            return file.read_text(encoding="utf-8-sig")
        except UnicodeDecodeError:
            raise StyloraError(f"{file}: not UTF-8 text; save it as plain text") from None
        except OSError as error:
            raise StyloraError(f"{file}: {error.strerror}") from None
    if text is not None and text != "-":
        return text
    if sys.stdin.isatty():
        raise StyloraError("nothing to rewrite: give a passage, --file, or pipe text in")
    return sys.stdin.read()


@app.command()
def check(
    author: Author = None,
    adapter: Adapter = None,
    data: Annotated[Path | None, typer.Option(help="Dataset whose held-out passages are used.")] = None,
    corpus: Annotated[Path | None, typer.Option(help="Curated corpus; default: styles/<author>.txt.")] = None,
    passages: Annotated[int, typer.Option(min=1, help="Held-out passages to rewrite.")] = 24,
    variations: Annotated[int, typer.Option(min=1, max=32, help="Rewrites per passage; the best one counts.")] = 1,
    strength: Annotated[float | None, typer.Option(min=0, max=4)] = None,
    temperature: Annotated[float | None, typer.Option(min=0, max=5)] = None,
    seed: Annotated[int | None, typer.Option(min=0)] = None,
    json: Json = False,
) -> None:
    """Measure an adapter on held-out passages: style, facts, copying."""
    from engine.host import jobs
    from tui import results

    card = _run(
        jobs.check,
        json=json,
        author=author,
        adapter=adapter,
        data=data,
        corpus=corpus,
        passages=passages,
        variations=variations,
        strength=strength,
        temperature=temperature,
        seed=seed,
    )
    results.card(card, samples=1)


@app.command()
def doctor(json: Json = False) -> None:
    """Check this machine and workspace: what works, what does not, what to do about it."""
    from engine.report.doctor import examine
    from tui import console

    try:
        workspace: Workspace | None = Workspace.find()
    except StyloraError:
        workspace = None
    findings = examine(workspace)
    rows = [{"name": one.name, "passed": one.passed, "detail": one.detail} for one in findings]
    if json:
        console.as_json(rows)
    else:
        console.checks(rows)
    if not all(row["passed"] for row in rows):
        raise typer.Exit(1)


@app.command()
def demo(
    minutes: Annotated[float, typer.Option(help="Wall time on two CPU cores; training gives way to keep it.")] = 10,
    fresh: Annotated[bool, typer.Option(help="Start over, and show nothing from an earlier demo.")] = False,
    json: Json = False,
) -> None:
    """See the whole of it work on the bundled author: corpus, dataset, training, rewriting."""
    from engine.host import jobs
    from tui import results

    try:
        workspace = Workspace.find()
    except StyloraError:
        workspace = Workspace.create(Path("stylora-demo"))
    result = _run(jobs.demo, json=json, workspace=workspace, minutes=minutes, fresh=fresh)
    results.demo(result, workspace)


def main() -> None:
    """Run the command; a user's mistake is one line and exit code 1, ours a private log and exit code 70."""
    try:
        app()
    except StyloraError as error:
        _complain(str(error))
        sys.exit(1)
    except Cancelled:
        _complain("stopped; start the same command again to go on")
        sys.exit(130)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(141)
    except Exception:
        from engine.logs import private_log

        path = private_log(traceback.format_exc())
        _complain(f"an error in Stylora, not in what you did; details are in {path}")
        sys.exit(70)


def _complain(text: str) -> None:
    sys.stderr.write(f"stylora: {' '.join(text.split())}\n")


if __name__ == "__main__":
    main()
