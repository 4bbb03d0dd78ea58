"""Jobs that judge: the doctor with all it has to be told, what an adapter is rewritten with, sweeps, blind trials."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from engine.errors import StyloraError
from engine.host import journal, runs
from engine.host.model_jobs import adapter_folder, given
from engine.progress import Progress, Report
from engine.workspace import Workspace

if TYPE_CHECKING:
    from engine.report.doctor.evidence import Evidence, Failure
    from engine.report.doctor.finding import Finding
    from engine.report.kept import Card

Result = dict[str, Any]

_TURNS = 40
"""Latest rewrites that the doctor reads."""


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
    told = {name: value for name, value in changes.items() if value is not None}
    if reset:
        chosen.forget(folder)
    now = chosen.choose(folder, told, why=why) if told else chosen.kept_chosen(folder)
    void = chosen.void(folder, now) if now else ""
    plain = msgspec.to_builtins(now) if now else {}
    return {"adapter": folder.name, "line": now.line if now else "", "void": void, "chosen": plain}


def doctor(workspace: Workspace | None, report: Report) -> list[Finding]:
    """Everything the doctor looks at, in a fixed order; without a workspace the machine alone."""
    from engine.report.doctor.examine import examine

    if workspace is None:
        return examine(None, report=report)
    try:
        _ = workspace.settings
    except StyloraError:
        return examine(workspace, report=report)
    return examine(workspace, evidence(workspace), failures(workspace), report=report)


def failures(workspace: Workspace) -> list[Failure]:
    """The last job of each kind and author, where it failed."""
    from engine.report.doctor.evidence import Failure

    last: dict[tuple[str, str], journal.JobState] = {}
    for state in journal.summaries(workspace):
        if state.status in ("done", "failed"):
            last[state.kind, str(state.params.get("adapter") or state.params.get("author") or "")] = state
    found = [state for state in last.values() if state.status == "failed"]
    return [Failure(kind=state.kind, error=state.error, params=state.params) for state in found]


def evidence(workspace: Workspace) -> list[Evidence]:
    """What is known of every adapter of the workspace, by name."""
    return [_evidence(workspace, run) for run in sorted(runs.all_runs(workspace), key=lambda run: run.name)]


def _evidence(workspace: Workspace, run: runs.Run) -> Evidence:
    from engine.generation.conversation import Conversation
    from engine.models import registry
    from engine.report.doctor.evidence import Evidence, Point, Training, of_card, of_trials, of_turns

    folder = Path(run.path)
    reports = runs.reports(workspace, run.name)[0]
    updates = [one for one in reports if "smoothed" in one]
    valid = [(one["update"], one["valid"]) for one in reports if "valid" in one and "smoothed" not in one]
    epochs = [one["update"] / one["epoch"] for one in updates if one.get("epoch")]
    model = next((one.name for one in registry.available(workspace) if one.present and one.identity == run.base), "")
    card = card_of(folder)
    turns = Conversation(workspace, folder).turns()[-_TURNS:]
    return Evidence(
        training=Training(
            name=run.name,
            folder=folder,
            status=run.status,
            author=run.author or "",
            model=model,
            config=run.config,
            updates=run.updates,
            per_epoch=epochs[-1] if epochs else None,
            train=tuple(Point(update=one["update"], loss=_number(one.get("smoothed"))) for one in updates),
            valid=tuple((update, loss) for update, loss in valid if isinstance(loss, int | float)),
            best_update=run.best_update,
            setbacks=_setbacks(folder, run),
            checkpoints=run.checkpoints,
        ),
        card=card,
        checked=of_card(card) if card else (),
        tried=of_trials(card) if card else (),
        used=of_turns(turns),
    )


def card_of(adapter: Path) -> Card | None:
    """The report card of what `adapter` is rewritten with now, or the nearest to it of the same weights."""
    from engine.report.chosen import checkpoint_folder, read_chosen
    from engine.report.kept import load_cards

    try:
        chosen = read_chosen(adapter)
    except StyloraError:
        return None
    folder = checkpoint_folder(adapter, chosen.checkpoint)
    name, strength = folder.name if chosen.checkpoint is not None else "", chosen.strength or 1.0
    cards = [card for card in load_cards(adapter) if card.checkpoint == name and _of(card, folder)]
    return min(cards, key=lambda card: abs(card.strength - strength), default=None)


def _of(card: Card, folder: Path) -> bool:
    """Whether a card is of the weights that lie in `folder`; one that does not say is taken at its word."""
    return not card.weights or ((folder / "adapters.safetensors").is_file() and _weights(folder) == card.weights)


def _setbacks(folder: Path, run: runs.Run) -> int:
    for update in reversed(run.checkpoints):
        try:
            state = msgspec.json.decode((folder / "checkpoints" / f"update-{update:06d}" / "state.json").read_bytes())
            return int(state.get("setbacks", 0))
        except (OSError, ValueError, AttributeError):
            continue
    return 0


def _number(value: object) -> float | None:
    return float(value) if isinstance(value, int | float) and value == value else None


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
    ``adapter:checkpoint@strength`` with any part left out. Returns the trial's folder for `engine.report.blind`.
    """
    from itertools import product

    from engine.generation.document import AT_ONCE
    from engine.host import rewriting
    from engine.report import blind as trials
    from engine.report.chosen import checkpoint_folder, update_of

    settings = workspace.settings
    folders = [adapter_folder(workspace, one) for one in adapters] or [adapter_folder(workspace, None, author)]
    wanted = list(product(folders, checkpoints or (None,), strengths or (settings.rewrite.strength,)))
    if sides:
        wanted = [_side(workspace, one, folders[0], settings.rewrite.strength) for one in sides]
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
        trials.Side(adapter=folder.name, checkpoint=None if checkpoint is None else str(checkpoint), strength=strength)
        for folder, checkpoint, strength in wanted
    ]
    trial = trials.Trial(
        sides=(two[0], two[1]),
        inputs=tuple(_inputs(workspace, folders[0], on)[:passages]),
        seed=settings.seed if seed is None else seed,
        variations=variations,
        weights=(_weights(places[0]), _weights(places[1])),
    )
    place = trials.begin(workspace.root / "blind", trial)
    written = trials.texts(place)
    total = 2 * len(trial.inputs)
    for side, (path, one) in enumerate(zip(places, two, strict=True)):
        missing = [number for number in range(len(trial.inputs)) if (number, side) not in written]
        if not missing:
            continue
        rewriter = rewriting.open_rewriter(workspace, path, report)
        for start in range(0, len(missing), AT_ONCE):
            batch = missing[start : start + AT_ONCE]
            report(Progress("blind", len(written), total))
            made = rewriter.rewrite(
                [trial.inputs[number][1] for number in batch],
                variations=variations,
                strength=one.strength,
                sampling=rewriting.sampling_of(settings.rewrite),
                seed=trial.seed,
            )
            for number, rewritten in zip(batch, made, strict=True):
                text = rewritten.variations[rewritten.best].text
                trials.append(place, trials.Written(input=number, side=side, text=text))
                written[number, side] = text
    report(Progress("blind", total, total))
    return {"folder": str(place), "inputs": len(trial.inputs), "votes": len(trials.votes(place))}


def _side(workspace: Workspace, told: str, default: Path, strength: float) -> tuple[Path, str | None, float]:
    """Adapter, checkpoint and strength of ``adapter:checkpoint@strength``."""
    rest, _, at = told.partition("@")
    name, _, checkpoint = rest.partition(":")
    try:
        return adapter_folder(workspace, name) if name else default, checkpoint or None, float(at) if at else strength
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


def _weights(folder: Path) -> str:
    import hashlib

    weights = folder / "adapters.safetensors"
    if not weights.is_file():
        raise StyloraError(f"{folder}: no adapter there; train one with 'stylora train'")
    with weights.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


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
    temperature: float | None = None,
    seed: int | None = None,
    use_best: bool = False,
) -> Result:
    """Report cards of an adapter's checkpoints at several strengths, ranked; with `use_best` the best is chosen.

    The base model is loaded once, and what the cards are held against is prepared once. Cells that an earlier start of
    the same sweep has measured are not measured again.
    """
    from engine.host import rewriting
    from engine.report import card as cards
    from engine.report import sweep as sweeping
    from engine.settings import changed

    folder = adapter_folder(workspace, adapter, author)
    wanted = sweeping.cells(folder, checkpoints, strengths)
    settings = changed(workspace.settings.rewrite, {"temperature": temperature})
    sampling = rewriting.sampling_of(settings)
    seed = workspace.settings.seed if seed is None else seed
    opener = _Opener(workspace, folder, report)
    name = opener.recipe.author
    dataset = given(data or None, workspace.dataset(name))
    book = given(corpus or None, workspace.corpus(name))
    how = {"passages": passages, "variations": variations, "seed": seed, "sampling": repr(sampling)}
    place = sweeping.place_of(folder, dataset=dataset, corpus=book, how=how)
    cache = workspace.private / "cards"
    against = None

    def measure(weights: Path, cell: sweeping.Cell) -> Card:
        nonlocal against
        rewriter = opener.open(weights)
        if against is None:
            against = cards.prepare(
                rewriter,
                dataset=dataset,
                corpus=book,
                passages=passages,
                seed=seed,
                styles=workspace.styles,
                cache=cache,
                report=report,
            )
        return cards.check(
            rewriter,
            dataset=dataset,
            corpus=book,
            passages=passages,
            variations=variations,
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
        from engine.host import rewriting
        from engine.report.sweep import Once

        if self._last is not None and self._last.adapter == weights:
            return self._last
        if self._last is None:
            # Through the host's own table, so that a base model it holds already is not loaded beside itself.
            base = rewriting.open_rewriter(self.workspace, weights, self.report).loaded
        else:
            base = self._last.loaded
        self._last = Rewriter.open(self.workspace, weights, self.report, base=base)
        if self._last.neutralizer.kind == "rules":  # the others keep what they made by themselves
            self._neutralizer = self._neutralizer or Once(self._last.neutralizer)
            self._last.neutralizer = self._neutralizer
        return self._last
