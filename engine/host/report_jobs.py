"""Jobs that judge: report cards, sweeps, blind trials; and what an adapter is rewritten with after them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from engine.errors import StyloraError
from engine.host.model_jobs import Result, adapter_folder, given
from engine.host.open_models import live, open_rewriter
from engine.host.rewriting import refuse_untrained
from engine.progress import Progress, Report
from engine.settings import changed
from engine.workspace import Workspace

if TYPE_CHECKING:
    from engine.report.kept import Card


def use(
    workspace: Workspace,
    report: Report,
    *,
    adapter: str | Path | None = None,
    author: str | None = None,
    reset: bool = False,
    why: str = "",
    **changes: Any,
) -> Result:
    """Choose what an adapter is rewritten with from now on; without `changes` only say what was chosen.

    `changes` are fields of `engine.report.chosen.Chosen`; None means unchanged.
    """
    from engine.report import chosen

    folder = adapter_folder(workspace, adapter, author)
    refuse_untrained(folder)
    told = {name: value for name, value in changes.items() if value is not None}
    if reset:
        chosen.forget(folder)
    now = chosen.choose(folder, told, why=why) if told else chosen.kept_chosen(folder)
    void = chosen.void(folder, now) if now else ""
    plain = msgspec.to_builtins(now) if now else {}
    return {"adapter": folder.name, "line": now.line if now else "", "void": void, "chosen": plain}


def calibrated(workspace: Workspace, adapter: Path, data: Path, corpus: Path | None, report: Report) -> Any:
    """The thresholds of an adapter's author, measured now unless they are kept; defaults where nothing is at hand."""
    from engine.dataset.rows import split_file
    from engine.generation.calibration import calibrated as run
    from engine.generation.limits import DEFAULT
    from engine.recipe import RECIPE_FILE, load_recipe

    if not (adapter / RECIPE_FILE).is_file():
        return DEFAULT
    recipe = load_recipe(adapter / RECIPE_FILE)
    corpus = corpus or workspace.corpus(recipe.author)
    if not (corpus.is_file() and split_file(data, "valid").is_file() and split_file(data, "train").is_file()):
        return DEFAULT
    return run(adapter, dataset=data, corpus=corpus, recipe=recipe, workspace=workspace, report=report)


def check(
    workspace: Workspace,
    report: Report,
    *,
    author: str | None = None,
    adapter: str | Path | None = None,
    checkpoint: str | int | None = None,
    data: str | Path | None = None,
    corpus: str | Path | None = None,
    passages: int = 24,
    variations: int = 1,
    retries: int | None = None,
    draws: int = 1,
    strength: float | None = None,
    temperature: float | None = None,
    seed: int | None = None,
    inputs: bool = True,
    html: str | Path | None = None,
) -> Result:
    """Held-out passages, modern texts and bare nouns rewritten and measured: the report card.

    It is kept beside the adapter, and with `html` written as a page as well. Checkpoint and strength are those that
    rewriting would take unless they are given, and so are `retries` where there are several `variations`: a single one
    is what the model writes at once. Without `inputs` only held-out passages are rewritten.
    """
    from engine.models.sampling import Sampling
    from engine.report.card import check as measure
    from engine.report.chosen import checkpoint_folder, taken, update_of
    from engine.report.kept import save_card
    from engine.report.page import write_page

    folder = adapter_folder(workspace, adapter, author)
    refuse_untrained(folder)
    knobs: dict[str, Any] = {"strength": strength, "temperature": temperature}
    if folder not in live:
        checkpoint, knobs, _ = taken(folder, checkpoint, knobs)
    update = update_of(folder, checkpoint)
    settings = changed(workspace.settings.rewrite, knobs)
    at = checkpoint_folder(folder, update)
    rewriter = open_rewriter(workspace, at, report)
    pairs = given(data, workspace.dataset(rewriter.recipe.author))
    text = given(corpus, workspace.corpus(rewriter.recipe.author))
    rewriter.limits = calibrated(workspace, folder, pairs, text, report)
    card = measure(
        rewriter,
        dataset=pairs,
        corpus=text,
        passages=passages,
        variations=variations,
        retries=_retries(workspace, variations, retries),
        draws=draws,
        strength=settings.strength,
        sampling=Sampling.of(settings),
        seed=workspace.settings.seed if seed is None else seed,
        inputs=None if inputs else (),
        checkpoint=at.name if update is not None else "",
        styles=workspace.styles,
        cache=workspace.private / "cards",
        report=report,
    )
    if not rewriter.in_training:
        save_card(folder, card)
    if html is not None:
        write_page(given(html, Path()), card)
    result: Result = msgspec.to_builtins(card)
    return result


def _retries(workspace: Workspace, variations: int, asked: int | None) -> int:
    if asked is not None:
        return asked
    return workspace.settings.rewrite.retries if variations > 1 else 0


def blind(
    workspace: Workspace,
    report: Report,
    *,
    adapters: Sequence[str | Path] = (),
    author: str | None = None,
    checkpoints: Sequence[str | int] = (),
    strengths: Sequence[float] = (),
    sides: Sequence[str] = (),
    on: str | Path = "modern",
    passages: int = 16,
    variations: int = 1,
    seed: int | None = None,
) -> Result:
    """Two adapters, checkpoints or strengths write the same inputs for a blind trial; what is written is kept.

    `on` is "modern" for the fixed modern texts, "held-out" for passages that the first adapter's author wrote and no
    training saw, or a file of passages between blank lines. `sides` names the two outright, each as
    ``adapter:checkpoint@strength`` with any part left out, which is then as it was chosen for the adapter; checkpoint
    "none" is the adapter as it lies. Returns the trial's folder for `engine.report.blind`.
    """
    from itertools import product

    from engine.generation.document import AT_ONCE
    from engine.models.sampling import Sampling
    from engine.report import blind as trials
    from engine.report.chosen import checkpoint_folder, update_of
    from engine.report.sweep import weights_digest

    settings = workspace.settings
    folders = [adapter_folder(workspace, one) for one in adapters] or [adapter_folder(workspace, None, author)]
    for folder in folders:
        refuse_untrained(folder)
    named = list(product(folders, checkpoints or (None,), strengths or (None,)))
    if sides:
        named = [_side(workspace, one, folders[0]) for one in sides]
    wanted = [_as_chosen(*one, settings.rewrite.strength) for one in named]
    if len(wanted) != 2:
        raise StyloraError(
            f"a blind trial has two sides, and this names {len(wanted)}: give two adapters, two checkpoints or two "
            "strengths"
        )
    if wanted[0] == wanted[1]:
        raise StyloraError("a blind trial of something against itself tells nothing: name two different sides")
    places = [checkpoint_folder(folder, update_of(folder, checkpoint)) for folder, checkpoint, _ in wanted]
    folders = [folder for folder, _, _ in wanted]
    two = [
        trials.Side(adapter=folder.name, checkpoint=checkpoint, strength=strength)
        for folder, checkpoint, strength in wanted
    ]
    trial = trials.Trial(
        sides=(two[0], two[1]),
        inputs=tuple(_inputs(workspace, folders[0], on)[:passages]),
        seed=settings.seed if seed is None else seed,
        variations=variations,
        weights=(weights_digest(places[0]), weights_digest(places[1])),
    )
    if trial.weights[0] == trial.weights[1] and two[0].strength == two[1].strength:
        names = " and ".join(f"{side.adapter}:{side.checkpoint or 'none'}" for side in two)
        raise StyloraError(f"{names} are the same weights: name two different sides")
    place = trials.begin(workspace.root / "blind", trial)
    written = trials.texts(place)
    total = 2 * len(trial.inputs)
    for side, (path, one) in enumerate(zip(places, two, strict=True)):
        missing = [number for number in range(len(trial.inputs)) if (number, side) not in written]
        if not missing:
            continue
        rewriter = open_rewriter(workspace, path, report)
        for start in range(0, len(missing), AT_ONCE):
            batch = missing[start : start + AT_ONCE]
            report(Progress("blind", len(written), total))
            made = rewriter.rewrite(
                [trial.inputs[number][1] for number in batch],
                variations=variations,
                strength=one.strength,
                sampling=Sampling.of(settings.rewrite),
                seed=trial.seed,
            )
            for number, rewritten in zip(batch, made, strict=True):
                text = rewritten.variations[rewritten.best].text
                trials.append(place, trials.Written(input=number, side=side, text=text))
                written[number, side] = text
    report(Progress("blind", total, total))
    return {"folder": str(place), "inputs": len(trial.inputs), "votes": len(trials.votes(place))}


def _as_chosen(
    adapter: Path, checkpoint: str | int | None, strength: float | None, default: float
) -> tuple[Path, str | None, float]:
    """A side with what it leaves out: as it was chosen for the adapter, else the adapter as it lies at `default`."""
    from engine.report.chosen import taken

    checkpoint, knobs, _ = taken(adapter, checkpoint, {"strength": strength})
    return adapter, None if checkpoint in (None, "none") else str(checkpoint), float(knobs.get("strength", default))


def _side(workspace: Workspace, told: str, default: Path) -> tuple[Path, str | None, float | None]:
    """Adapter, checkpoint and strength of ``adapter:checkpoint@strength``; None for what is left out."""
    rest, _, at = told.partition("@")
    name, _, checkpoint = rest.partition(":")
    try:
        return adapter_folder(workspace, name) if name else default, checkpoint or None, float(at) if at else None
    except ValueError:
        raise StyloraError(
            f"{told!r}: no side; write adapter:checkpoint@strength, such as lovecraft:best@0.8"
        ) from None


def _inputs(workspace: Workspace, adapter: Path, on: str | Path) -> list[tuple[str, str]]:
    if on == "modern":
        from engine.report.inputs import fixed_inputs

        return [(one.name, one.text) for one in fixed_inputs().texts]
    if on == "held-out":
        from engine.recipe import RECIPE_FILE, load_recipe
        from engine.report.card import held_out

        return held_out(workspace.dataset(load_recipe(adapter / RECIPE_FILE).author), 1000)
    path = Path(on).expanduser()
    try:
        parts = path.read_bytes().decode("utf-8-sig").split("\n\n")
    except (OSError, UnicodeDecodeError) as error:
        said = error.strerror if isinstance(error, OSError) else "not UTF-8 text"
        raise StyloraError(f"{path}: {said}; give 'modern', 'held-out', or a file of passages") from None
    found = [" ".join(part.split()) for part in parts if any(character.isalpha() for character in part)]
    if not found:
        raise StyloraError(f"{path}: has no passage; put blank lines between passages")
    return [(f"{path.stem} {number}", text) for number, text in enumerate(found, 1)]


def sweep(
    workspace: Workspace,
    report: Report,
    *,
    adapter: str | Path | None = None,
    author: str | None = None,
    data: str | Path | None = None,
    corpus: str | Path | None = None,
    checkpoints: Sequence[str | int] = (),
    strengths: Sequence[float] = (),
    passages: int = 12,
    variations: int = 1,
    draws: int = 1,
    temperature: float | None = None,
    seed: int | None = None,
    use_best: bool = False,
) -> Result:
    """Report cards of an adapter's checkpoints at several strengths, ranked; with `use_best` the best is chosen.

    The base model is loaded once, and what the cards are held against is prepared once. Cells that an earlier start of
    the same sweep has measured are not measured again.
    """
    from engine.models.sampling import Sampling
    from engine.report import card as cards
    from engine.report import sweep as sweeping

    folder = adapter_folder(workspace, adapter, author)
    refuse_untrained(folder)
    wanted = sweeping.cells(folder, checkpoints, strengths)
    settings = changed(workspace.settings.rewrite, {"temperature": temperature})
    sampling = Sampling.of(settings)
    seed = workspace.settings.seed if seed is None else seed
    opener = _Opener(workspace, folder, report)
    name = opener.recipe.author
    dataset, book = given(data, workspace.dataset(name)), given(corpus, workspace.corpus(name))
    limits = calibrated(workspace, folder, dataset, book, report)
    retries = _retries(workspace, variations, None)
    how = {"passages": passages, "variations": variations, "seed": seed, "sampling": repr(sampling)}
    if retries:
        how["retries"] = retries
    if draws > 1:
        how["draws"] = draws
    place = sweeping.place_of(folder, dataset=dataset, corpus=book, how=how)
    cache = workspace.private / "cards"
    against = None
    if len(sweeping.kept(folder, wanted, place)) < len(wanted):
        # Before the first cell: what is wrong with the dataset or the corpus is wrong for all of them.
        against = cards.prepare(
            name,
            dataset=dataset,
            corpus=book,
            passages=passages,
            seed=seed,
            styles=workspace.styles,
            cache=cache,
            report=report,
        )

    def measure(weights: Path, cell: sweeping.Cell) -> Card:
        rewriter = opener.open(weights)
        rewriter.limits = limits
        return cards.check(
            rewriter,
            dataset=dataset,
            corpus=book,
            passages=passages,
            variations=variations,
            retries=retries,
            draws=draws,
            strength=cell.strength,
            sampling=sampling,
            seed=seed,
            inputs=(),
            against=against,
            checkpoint=weights.name if cell.checkpoint is not None else "",
            cache=cache,
            report=report,
        )

    swept = sweeping.sweep(folder, wanted, place, measure, report=report)
    result: Result = {**msgspec.to_builtins(swept), "sure": swept.sure, "used": ""}
    if use_best and swept.best and swept.best.joint > 0:
        result["used"] = sweeping.use_best(folder, swept).line
    return result


class _Opener:
    """Opens one checkpoint after the other on one base model, with one neutralizer that is asked for a text once."""

    def __init__(self, workspace: Workspace, adapter: Path, report: Report) -> None:
        from engine.recipe import RECIPE_FILE, load_recipe

        self.workspace, self.report = workspace, report
        self.recipe = load_recipe(adapter / RECIPE_FILE)
        self._neutralizer: Any = None
        self._last: Any = None

    def open(self, weights: Path) -> Any:
        """The rewriter of the weights in a folder; the last one again, where it is of the same."""
        from engine.generation.rewriter import Rewriter
        from engine.report.sweep import Once

        if self._last is not None and self._last.adapter == weights:
            return self._last
        # The first through the host's own table, so that a base model it holds already is not loaded beside itself.
        first = self._last or open_rewriter(self.workspace, weights, self.report)
        self._last = Rewriter.open(self.workspace, weights, self.report, base=first.loaded)
        if self._last.neutralizer.kind == "rules":  # the others keep what they made by themselves
            self._neutralizer = self._neutralizer or Once(self._last.neutralizer)
            self._last.neutralizer = self._neutralizer
        return self._last
