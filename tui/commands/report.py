"""Commands that measure and examine: the report card, the doctor, the demo."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from engine.errors import StyloraError
from engine.workspace import Workspace
from tui.commands.options import Adapter, Author, Json, app, run_job

Data = Annotated[Path | None, typer.Option(help="Dataset whose held-out passages are used.")]
Corpus = Annotated[Path | None, typer.Option(help="Curated corpus; default: styles/<author>.txt.")]
Variations = Annotated[int, typer.Option(min=1, max=32, help="Rewrites per text; the best one counts.")]
Temperature = Annotated[
    float | None, typer.Option(min=0, max=5, help="How freely words are drawn; default: as stylora.toml has it.")
]
Draws = Annotated[
    int, typer.Option(min=1, max=16, help="Seeds each held-out passage is written with; figures are means over them.")
]
Retries = Annotated[
    int | None,
    typer.Option(
        min=0,
        max=5,
        help="More tries where every variation has something severe; default: as rewriting, none for one variation.",
    ),
]
Seed = Annotated[int | None, typer.Option(min=0, help="Every random choice follows from it.")]


@app.command()
def check(
    author: Author = None,
    adapter: Adapter = None,
    data: Data = None,
    corpus: Corpus = None,
    passages: Annotated[int, typer.Option(min=2, help="Held-out passages to rewrite.")] = 24,
    variations: Variations = 1,
    retries: Retries = None,
    draws: Draws = 1,
    checkpoint: Annotated[
        str | None, typer.Option(help="A checkpoint: best, last or its update; default: what rewriting takes.")
    ] = None,
    strength: Annotated[
        float | None, typer.Option(min=0, max=4, help="1 as trained, 0 the base model; default: what rewriting takes.")
    ] = None,
    temperature: Temperature = None,
    seed: Seed = None,
    inputs: Annotated[
        bool, typer.Option(help="Also try modern texts and bare nouns, the same for every author.")
    ] = True,
    html: Annotated[Path | None, typer.Option(help="Also write the card as a page with plots.")] = None,
    json: Json = False,
) -> None:
    """Measure an adapter: rhythm, vocabulary, style, meaning, fluency, copying, invention.

    Rewrites held-out passages, modern texts and bare nouns, and prints each figure with its interval beside the
    untrained model, the plain text and the author's own. The card is kept beside the adapter.
    """
    from engine.host import jobs
    from tui import console, results

    card = run_job(
        jobs.check,
        json=json,
        author=author,
        adapter=adapter,
        checkpoint=checkpoint,
        data=data,
        corpus=corpus,
        passages=passages,
        variations=variations,
        retries=retries,
        draws=draws,
        strength=strength,
        temperature=temperature,
        seed=seed,
        inputs=inputs,
        html=html,
    )
    results.card(card, samples=1)
    if html is not None:
        console.line(f"page: {html}")


@app.command()
def doctor(
    fix: Annotated[int | None, typer.Option(min=1, help="Run the fix of this number.")] = None,
    all: Annotated[bool, typer.Option("--all", help="Print what is well, too.")] = False,
    json: Json = False,
) -> None:
    """Check this machine, the workspace and its adapters: what is wrong, why, and a command that puts it right.

    Recognises out of memory, loops, refusals, a style too weak, mechanical or impersonal output, output that does not
    expand and wrong persona frames, from report cards, rewrites, journals and training curves.
    """
    from tui import doctoring

    doctoring.run(fix=fix, all=all, json=json)


@app.command()
def use(
    author: Author = None,
    adapter: Adapter = None,
    checkpoint: Annotated[
        str | None, typer.Option(help="A checkpoint: best, last, its update, or none for the adapter as it lies.")
    ] = None,
    strength: Annotated[float | None, typer.Option(min=0, max=4, help="1 as trained, 0 the base model.")] = None,
    noise: Annotated[bool | None, typer.Option("--noise/--no-noise", help="Noise in inputs, as in training.")] = None,
    narrativize: Annotated[
        bool | None, typer.Option("--narrativize/--no-narrativize", help="Tell inputs in the first person first.")
    ] = None,
    perspective: Annotated[
        str | None, typer.Option(help="Tell inputs as keep, first, plural, third or impersonal.")
    ] = None,
    expand: Annotated[
        bool | None, typer.Option("--expand/--no-expand", help="Let the base model add detail to inputs first.")
    ] = None,
    reset: Annotated[bool, typer.Option("--reset", help="Forget what was chosen.")] = False,
    json: Json = False,
) -> None:
    """Choose what an adapter is rewritten with from now on; without options, show what was chosen.

    It stands above [rewrite] of stylora.toml, and what a command says above it. 'stylora sweep' finds the best.
    """
    from engine.host import report_jobs
    from tui import console

    result = run_job(
        report_jobs.use,
        json=json,
        author=author,
        adapter=adapter,
        checkpoint=checkpoint,
        strength=strength,
        apply_input_perturbation=noise,
        narrativize_input=narrativize,
        perspective=perspective,
        expand_for_texture=expand,
        reset=reset,
        why="",
    )
    if result["void"]:
        console.line(f"! {result['void']}; it is passed over ('stylora use --reset' forgets it)")
    if result["line"]:
        console.line(f"{result['adapter']}: rewritten with {result['line']}")
    else:
        console.line(f"{result['adapter']}: rewritten as it was trained; nothing was chosen")


@app.command()
def sweep(
    author: Author = None,
    adapter: Adapter = None,
    checkpoint: Annotated[
        list[str] | None, typer.Option(help="Checkpoint to measure: best, last or its update; several. Default: all.")
    ] = None,
    strength: Annotated[
        list[float] | None, typer.Option(min=0, max=4, help="Strength to measure; several. Default: 0.75, 1, 1.25.")
    ] = None,
    data: Data = None,
    corpus: Corpus = None,
    passages: Annotated[int, typer.Option(min=2, help="Held-out passages to rewrite in each cell.")] = 12,
    variations: Variations = 1,
    draws: Draws = 1,
    temperature: Temperature = None,
    seed: Seed = None,
    use_best: Annotated[bool, typer.Option("--use-best", help="Rewrite with the best cell from now on.")] = False,
    json: Json = False,
) -> None:
    """Find an adapter's best checkpoint and strength: measure all of them on held-out passages, and rank them.

    Each is kept when it is done; the same command goes on where it was stopped.
    """
    from tui import sweeping

    sweeping.run(
        json=json,
        author=author,
        adapter=adapter,
        checkpoints=checkpoint or [],
        strengths=strength or [],
        data=data,
        corpus=corpus,
        passages=passages,
        variations=variations,
        draws=draws,
        temperature=temperature,
        seed=seed,
        use_best=use_best,
    )


@app.command()
def blind(
    adapter: Annotated[list[Path] | None, typer.Option(help="Adapter to judge; give it twice.")] = None,
    checkpoint: Annotated[list[str] | None, typer.Option(help="Checkpoint to judge; twice.")] = None,
    strength: Annotated[list[float] | None, typer.Option(min=0, max=4, help="Strength to judge; twice.")] = None,
    side: Annotated[
        list[str] | None,
        typer.Option(help="A side outright, as adapter:checkpoint@strength; twice. A part left out is as 'use' chose."),
    ] = None,
    author: Author = None,
    on: Annotated[
        str, typer.Option(help="What is rewritten: modern, held-out, or a file of passages between blank lines.")
    ] = "modern",
    passages: Annotated[int, typer.Option(min=1, help="At most so many inputs.")] = 16,
    variations: Variations = 1,
    seed: Seed = None,
    json: Json = False,
) -> None:
    """Judge two adapters, checkpoints or strengths without knowing which is which: A, B or no difference.

    A checkpoint or strength that is left out is as 'stylora use' chose it for the adapter. Votes are saved as they are
    given; the same command goes on where it was left. With --json the texts are made and the result so far is printed,
    and nothing is asked.
    """
    from engine.host import report_jobs
    from tui import voting

    result = run_job(
        report_jobs.blind,
        json=False,
        quiet=json,
        adapters=adapter or [],
        checkpoints=checkpoint or [],
        strengths=strength or [],
        sides=side or [],
        author=author,
        on=on,
        passages=passages,
        variations=variations,
        seed=seed,
    )
    voting.run(Path(result["folder"]), json=json)


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
    result = run_job(jobs.demo, json=json, workspace=workspace, minutes=minutes, fresh=fresh)
    results.demo(result, workspace)
