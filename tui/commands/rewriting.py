"""The commands that rewrite: a passage or a document, once more, compared with other settings, and what was kept."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from engine import settings
from engine.errors import Cancelled, StyloraError
from tui.commands.options import Adapter, Author, Json, app, run_job

Text = Annotated[str | None, typer.Argument(help="The passage; '-' or nothing reads standard input.")]
Variations = Annotated[int | None, typer.Option(min=1, max=32, help="How many rewrites to choose from.")]
Strength = Annotated[float | None, typer.Option(min=0, max=4, help="1 as trained, 0 the base model.")]
Temperature = Annotated[float | None, typer.Option(min=0, max=5)]
TopP = Annotated[float | None, typer.Option(min=0.01, max=1)]
MinP = Annotated[float | None, typer.Option(min=0, max=1)]
Penalty = Annotated[float | None, typer.Option(min=0.01, max=3, help="On words of the text so far; 1 for none.")]
Hold = Annotated[
    float | None, typer.Option(min=0, max=5, help="How strongly names and numbers are held to; 0 leaves them alone.")
]
Seed = Annotated[int | None, typer.Option(min=0)]
Words = Annotated[int | None, typer.Option(min=1, help="Words to write; default: as many as the text has.")]
Perspective = Annotated[
    settings.Perspective | None,
    typer.Option(help="Who speaks in the input before it is rewritten; default: whoever does."),
]
Narrativize = Annotated[
    bool | None,
    typer.Option("--narrativize/--no-narrativize", help="Tell the input in the first person; default: if needed."),
]
Noise = Annotated[bool | None, typer.Option("--noise/--no-noise", help="Noise in the input, as in training.")]
Expand = Annotated[
    bool | None, typer.Option("--expand/--no-expand", help="Let the base model add detail to the input first.")
]
Retries = Annotated[
    int | None,
    typer.Option(min=0, max=5, help="Further tries where something is wrong with all; default: [rewrite] retries."),
]
Checkpoint = Annotated[str | None, typer.Option(help="A checkpoint of the adapter: best, last, or its update.")]
All = Annotated[bool, typer.Option("--all", help="Print every variation with its findings.")]
Turn = Annotated[int | None, typer.Argument(help="Number of the turn; default: the last.")]


@app.command()
def rewrite(
    text: Text = None,
    file: Annotated[Path | None, typer.Option(help="Read a text or Markdown document from a file.")] = None,
    output: Annotated[Path | None, typer.Option(help="Write the best rewrite to a file.")] = None,
    author: Author = None,
    adapter: Adapter = None,
    checkpoint: Checkpoint = None,
    variations: Variations = None,
    strength: Strength = None,
    temperature: Temperature = None,
    top_p: TopP = None,
    min_p: MinP = None,
    repetition_penalty: Penalty = None,
    hold: Hold = None,
    seed: Seed = None,
    words: Words = None,
    perspective: Perspective = None,
    narrativize: Narrativize = None,
    noise: Noise = None,
    expand: Expand = None,
    retries: Retries = None,
    all: All = False,
    diff: Annotated[bool, typer.Option("--diff", help="Print a unified diff.")] = False,
    side_by_side: Annotated[bool, typer.Option("--side-by-side", help="Print both texts in columns.")] = False,
    explain: Annotated[bool, typer.Option("--explain", help="Print the text after every step.")] = False,
    json: Json = False,
) -> None:
    """Rewrite a passage or a document in the author's voice: standard input to standard output.

    Headings, code, tables, lists and quotations pass unchanged; footnotes, citations and links come back at their
    words. A document on its way to --output that was stopped goes on when the same command is started again.
    """
    from engine.host import rewriting
    from tui import console

    if sum((diff, side_by_side, all)) > 1:
        raise StyloraError("--diff, --side-by-side and --all: choose one way to print the result")
    if text is not None and file is not None:
        raise StyloraError("a passage and --file: give one of the two")
    source = _passage(text, file)
    try:
        result = run_job(
            rewriting.rewrite,
            json=json,
            text=source,
            author=author,
            adapter=adapter,
            checkpoint=checkpoint,
            seed=seed,
            words=words,
            markdown=file is not None and file.suffix.lower() in {".md", ".markdown", ".mdown"},
            output=output,
            beside="diff" if diff else "columns" if side_by_side else None,
            width=console.out.width if console.out.is_terminal else 160,
            name=file.name if file is not None else "passage",
            variations=variations,
            strength=strength,
            temperature=temperature,
            top_p=top_p,
            min_p=min_p,
            repetition_penalty=repetition_penalty,
            hold=hold,
            perspective=perspective,
            narrativize_input=narrativize,
            apply_input_perturbation=noise,
            expand_for_texture=expand,
            retries=retries,
            remember=False if file is not None else None,
        )
    except Cancelled:
        if output is not None:
            raise
        console.errors.print("stopped; a document on its way to --output could go on from there", markup=False)
        raise typer.Exit(130) from None
    best = result["best"]["text"]
    if explain:
        _explain(result["steps"])
    if all:
        _variations(result)
    if diff or side_by_side:
        sys.stdout.write(result["beside"])
    elif output is None and not all:
        # Plain write: a pipe must get the text as it is, not wrapped to a terminal's width.
        sys.stdout.write(best if best.endswith("\n") else best + "\n")
    if output is not None:
        console.errors.print(f"written to {output}", markup=False)
    _notes(result["marks"], [] if all else result["best"]["findings"])
    if result.get("stopped"):
        raise typer.Exit(130)


@app.command()
def again(
    turn: Turn = None,
    text: Annotated[str | None, typer.Option(help="Another text in its place, with the same seed.")] = None,
    author: Author = None,
    adapter: Adapter = None,
    variations: Variations = None,
    strength: Strength = None,
    temperature: Temperature = None,
    seed: Seed = None,
    retries: Retries = None,
    all: All = False,
    json: Json = False,
) -> None:
    """Rewrite an earlier passage once more: with the next seed, or with the text changed."""
    from engine.host import rewriting

    result = run_job(
        rewriting.again,
        json=json,
        turn=turn,
        text=text,
        author=author,
        adapter=adapter,
        variations=variations,
        strength=strength,
        temperature=temperature,
        seed=seed,
        retries=retries,
    )
    if all:
        _variations(result)
    else:
        sys.stdout.write(result["best"]["text"] + "\n")
    _notes(result["marks"], [] if all else result["best"]["findings"])
    if result.get("stopped"):
        raise typer.Exit(130)


@app.command()
def compare(
    text: Text = None,
    adapter: Annotated[list[Path] | None, typer.Option(help="Adapter to compare; give it several times.")] = None,
    checkpoint: Annotated[list[str] | None, typer.Option(help="Checkpoint to compare; several times.")] = None,
    strength: Annotated[list[float] | None, typer.Option(min=0, max=4, help="Strength to compare; several.")] = None,
    author: Author = None,
    variations: Variations = None,
    temperature: Temperature = None,
    seed: Seed = None,
    words: Words = None,
    retries: Retries = None,
    json: Json = False,
) -> None:
    """Rewrite one passage with two adapters, checkpoints or strengths, from the same seed.

    What is left out is as 'stylora use' chose it for the adapter.
    """
    from engine.host import comparing
    from tui import console

    result = run_job(
        comparing.compare,
        json=json,
        text=_passage(text, None),
        adapters=adapter or [],
        checkpoints=checkpoint or [],
        strengths=strength or [],
        author=author,
        seed=seed,
        words=words,
        temperature=temperature,
        variations=variations or 1,
        retries=retries,
    )
    for side in result["sides"]:
        console.passage(side["label"], side["text"])
        _notes(side["marks"], side["findings"])


@app.command()
def history(
    turn: Turn = None,
    author: Author = None,
    adapter: Adapter = None,
    json: Json = False,
) -> None:
    """What was rewritten with an adapter; with a number, that turn in full."""
    from engine.host import rewriting
    from tui import console

    result = run_job(rewriting.history, json=json, author=author, adapter=adapter)
    turns = result["turns"]
    if turn is not None:
        if not 1 <= turn <= len(turns):
            last = f"the last one is {len(turns)}" if turns else "nothing was rewritten yet"
            raise StyloraError(f"there is no turn {turn}; {last}")
        told = turns[turn - 1]
        console.passage("text", told["text"])
        for number, one in enumerate(told["written"]):
            mark = "kept" if told["kept"] == number else one["label"] or "best" if told["best"] == number else ""
            console.passage(f"{number + 1}" + (f" ({mark})" if mark else ""), one["text"])
        return
    for told in turns:
        how = told["how"] + (f" of {told['of']}" if told["of"] else "")
        kept = f", kept {told['kept'] + 1}" if told["kept"] is not None else ""
        start = " ".join(told["text"].split())[:60]
        console.line(f"{told['number']:>4}  {how}, {len(told['written'])} texts{kept}: {start}")
    console.line(f"in full: {result['readable']}" if turns else "nothing yet; start with 'stylora rewrite'")


@app.command()
def keep(
    turn: Turn = None,
    variation: Annotated[int | None, typer.Option(min=1, help="Which of its texts; default: the best.")] = None,
    author: Author = None,
    adapter: Adapter = None,
    json: Json = False,
) -> None:
    """Mark a rewrite in the history as the one chosen."""
    from engine.host import rewriting
    from tui import console

    result = run_job(rewriting.keep, json=json, turn=turn, variation=variation, author=author, adapter=adapter)
    console.line(f"kept {result['turn']}.{result['variation']}: {' '.join(result['text'].split())[:80]}")


def _explain(steps: list[dict[str, Any]]) -> None:
    from tui import console
    from tui.text import STEPS

    for step in steps:
        before = None
        for name, title in STEPS:
            console.passage(title, "(unchanged)" if step[name] == before else step[name])
            before = step[name]


def _variations(result: dict[str, Any]) -> None:
    from tui import console

    best, said = result["best"], result["variations"]
    titles = [f"variation {number}" for number in range(1, len(said) + 1)]
    if best["text"] in (texts := [one["text"] for one in said]):
        titles[texts.index(best["text"])] += " (best)"
    else:
        said, titles = [*said, best], [*titles, "best of each passage"]
    for title, one in zip(titles, said, strict=True):
        console.passage(title, "\n".join([one["text"], *(f"  ! {finding['message']}" for finding in one["findings"])]))


def _notes(marks: list[str], findings: list[dict[str, Any]]) -> None:
    from tui import console

    for mark in marks:
        console.errors.print(f"  note: {mark}", style="cyan", markup=False)
    _findings(findings)


def _findings(findings: list[dict[str, Any]]) -> None:
    from tui import console

    for finding in findings:
        console.errors.print(f"  ! {finding['message']}", style="yellow", markup=False)


def _passage(text: str | None, file: Path | None) -> str:
    if file is not None:
        try:
            return file.read_bytes().decode("utf-8-sig")  # line ends as they are
        except UnicodeDecodeError:
            raise StyloraError(f"{file}: not UTF-8 text; save it as plain text in UTF-8") from None
        except OSError as error:
            raise StyloraError(f"{file}: {error.strerror}") from None
    if text is not None and text != "-":
        if any("\ud800" <= character <= "\udfff" for character in text):  # bytes that were no UTF-8
            raise StyloraError("the passage: not UTF-8 text; set the terminal to UTF-8, or use --file")
        return text
    if sys.stdin.isatty():
        raise StyloraError("nothing to rewrite: give a passage, --file, or pipe text in")
    try:
        return sys.stdin.buffer.read().decode("utf-8-sig")
    except UnicodeDecodeError:
        raise StyloraError("standard input: not UTF-8 text; convert it first") from None
