"""Commands that make a workspace, a corpus and a dataset."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from engine.workspace import Workspace
from tui.commands.options import Author, Json, app, run_job


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
    max_para_words: Annotated[int | None, typer.Option(min=2, help="Longest passage; what is longer is cut.")] = None,
    overlap: Annotated[
        int | None, typer.Option(min=0, max=5, help="Sentences a passage shares with the one before it.")
    ] = None,
    json: Json = False,
) -> None:
    """Clean an author's books and keep the passages worth learning from.

    What was decided with 'stylora review' is done, whatever the rules say.
    """
    from engine.curation.pieces import BEYOND
    from engine.host import jobs
    from tui import console

    result = run_job(
        jobs.curate,
        json=json,
        input=input or [],
        output=output,
        author=author,
        target_tokens=target_tokens,
        min_para_words=min_para_words,
        max_para_words=max_para_words,
        overlap=overlap,
    )
    console.line(
        f"{result['passages']:,} passages, {result['words']:,} words, {result['tokens']:,} tokens "
        f"({result['tokenizer']}) in {result['output']}"
    )
    console.counts("removed, words by reason", result["removed"])
    console.counts("dropped, passages by reason", result["dropped"])
    if result["dropped"].get(BEYOND):
        console.line("  nothing was wrong with those beyond the target; --target-tokens asks for more")
    decided = result["overrides"]
    if decided["keep"] or decided["drop"]:
        lost = len(decided["unmatched"])
        gone = f"; {lost} no longer {'match' if lost > 1 else 'matches'} any text" if lost else ""
        console.line(f"your decisions: {decided['keep']} kept, {decided['drop']} dropped{gone}")
    console.line("next: stylora dataset; to see what was taken out and decide otherwise: stylora review")


@app.command()
def review(
    author: Author = None,
    corpus: Annotated[Path | None, typer.Option(help="A curated corpus; default: styles/<author>.txt.")] = None,
    show: Annotated[
        str, typer.Option(help="What to list: a reason, 'kept', 'decided', or 'removed' for all that was taken out.")
    ] = "removed",
    limit: Annotated[int, typer.Option(min=0, help="List at most this many; 0 for all.")] = 20,
    keep: Annotated[list[str] | None, typer.Option(help="Id of a text to keep after all; may be repeated.")] = None,
    drop: Annotated[list[str] | None, typer.Option(help="Id of a passage to drop; may be repeated.")] = None,
    reset: Annotated[list[str] | None, typer.Option(help="Id of a text to leave to the rules again.")] = None,
    undo: Annotated[bool, typer.Option("--undo", help="Take back the last decision.")] = False,
    json: Json = False,
) -> None:
    """See what curation kept and took out, and decide otherwise; the next 'stylora curate' does it.

    Decisions are remembered by the text itself, in <corpus>.overrides.jsonl, so that they hold when settings or
    other parts of the books change.
    """
    from engine.errors import StyloraError
    from engine.host.review import Review, named
    from engine.settings import nearest
    from tui import console

    if corpus is None:
        workspace = Workspace.find()
        corpus = workspace.corpus(author or workspace.settings.author)
    seen = Review.of(corpus)
    pieces = [*((seen.find(one), "keep") for one in keep or []), *((seen.find(one), "drop") for one in drop or [])]
    for name in reset or []:
        seen.reset(seen.find(name).id)
    for piece, wish in pieces:
        seen.decide(piece, wish)  # type: ignore[arg-type]
    if undo and seen.undo() is None:
        raise StyloraError(f"{corpus}: nothing was decided, so there is nothing to take back")
    if keep or drop or reset or undo:
        show = "decided" if show == "removed" else show
    view = named(show)
    if view not in (*seen.views, "kept", "decided"):
        raise StyloraError(f"{show!r}: nothing was removed for that reason{nearest(show, seen.views[1:])}")
    count = seen.count(view)
    shown = [one for n in range(min(count, limit or count)) if (one := seen.piece(n, view))]
    if json:
        counts = {name or "removed": seen.count(name) for name in seen.views}
        listed = [piece._asdict() for piece in shown]
        console.as_json({"corpus": str(corpus), "counts": counts, "waiting": seen.waiting, "pieces": listed})
        return
    for piece in shown:
        text = " ".join(piece.text.split())
        said = f" [you: {piece.decision}]" if piece.decision else ""
        console.line(f"{piece.id}  {piece.reason or 'kept'}{said}  {piece.source}:{piece.line}  {piece.words} words")
        console.line(f"    {text[:160]}{'…' if len(text) > 160 else ''}")
    if count > len(shown):
        console.line(f"{count - len(shown):,} more; --limit 0 lists all, --show one reason only")
    if view == "":
        console.counts("taken out, pieces by reason", {name: seen.count(name) for name in seen.reasons})
    if seen.waiting:
        console.line("next: stylora curate, to do what you decided")


@app.command()
def dataset(
    corpus: Annotated[Path | None, typer.Option(help="A curated corpus; default: styles/<author>.txt.")] = None,
    author: Author = None,
    output: Annotated[Path | None, typer.Option(help="Dataset folder; default: data/training/<author>.")] = None,
    skip_perspective: Annotated[bool, typer.Option(help="No perspective variants: faster, fewer rows.")] = False,
    variant: Annotated[
        list[str] | None,
        typer.Option(help="Kind of variant: snowflake, robustness, plural, third, impersonal; may be repeated."),
    ] = None,
    input: Annotated[
        list[str] | None, typer.Option(help="Kind of input: standard, dropout, abstract; may be repeated.")
    ] = None,
    noise: Annotated[float | None, typer.Option(min=0, max=1, help="Share of words changed in every input.")] = None,
    neutralizer: Annotated[
        str | None, typer.Option(help="What makes neutral text: rules, model, server or translation.")
    ] = None,
    neutral_model: Annotated[str | None, typer.Option(help="The model that 'model' or 'server' uses.")] = None,
    worldview: Annotated[
        Path | None, typer.Option(help="Worldview file; default: prompts/<author>_worldview.txt.")
    ] = None,
    fresh: Annotated[bool, typer.Option(help="Build again even if nothing changed.")] = False,
    json: Json = False,
) -> None:
    """Make neutral-to-styled training pairs from a curated corpus.

    What is not given here is as stylora.toml has it.
    """
    from engine.host import jobs
    from tui import console

    result = run_job(
        jobs.dataset,
        json=json,
        corpus=corpus,
        author=author,
        output=output,
        skip_perspective=skip_perspective,
        variants=variant,
        inputs=input,
        noise=noise,
        neutralizer=neutralizer,
        neutral_model=neutral_model,
        worldview=worldview,
        fresh=fresh,
    )
    rows = result["rows"]
    console.line(
        f"{rows['train']:,} training rows, {rows['valid']} for validation, {rows['test']} for test "
        f"in {result['output']}"
    )
    console.counts("training rows by kind", result["counts"])
    console.counts("dropped by reason", result["dropped"])
    console.counts("left to the rules, by reason", result["fallbacks"])
    console.line("validation checkpoint")
    console.checks(result["checks"])
    console.line("next: stylora train")
