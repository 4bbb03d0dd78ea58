"""An adapter against what it was trained with: its recipe, its dataset, its base model, this installation."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec

from engine.errors import StyloraError
from engine.recipe import RECIPE_FILE, Recipe, load_recipe
from engine.report import chosen as choosing
from engine.report.doctor.curve import retrain
from engine.report.doctor.evidence import Training
from engine.report.doctor.finding import Finding, Fix, Symptom, fix, ill, well
from engine.workspace import Workspace

_OF_TRAINING = ("base", "scale", "max_seq_length")
"""Fields of a recipe that training fills in; all others are its dataset's."""


def adapter(workspace: Workspace, run: Training, recipe: Recipe) -> Iterator[Finding]:
    """Findings about one adapter whose recipe has been read; the symptoms of its texts are another's to say."""
    name = f"adapter {run.name}"
    found = [
        *_base(workspace, run, recipe, name),
        *_installation(run, recipe, name),
        *_seal(run, name),
        *_scale(run, recipe, name),
        *_dataset(workspace, run, recipe, name),
        *_files(run, name),
        *_choice(run, name),
    ]
    if all(one.passed for one in found):
        yield well(name, f"{recipe.author}, scale {recipe.scale:g}; recipe, base model, dataset and installation agree")
    yield from found


def _base(workspace: Workspace, run: Training, recipe: Recipe, name: str) -> Iterator[Finding]:
    from engine.models import registry

    if recipe.base is None:
        yield ill(name, "its recipe names no base model", "", retrain(run, "train it anew"))
        return
    try:
        registry.with_identity(workspace, recipe.base)
    except StyloraError as error:
        yield ill(name, str(error), "", retrain(run, "train it anew on the base model that is here"))


def _installation(run: Training, recipe: Recipe, name: str) -> Iterator[Finding]:
    """Every version that has to be the one trained with; rewriting refuses any other."""
    from engine import language, prompting
    from engine.classifier import CLASSIFIER_VERSION
    from engine.neutral import open_neutralizer
    from engine.variation.noise import NOISE_VERSION

    pairs = [
        ("prompt template", recipe.prompt, prompting.PROMPT_VERSION),
        ("noise", recipe.noise_version, NOISE_VERSION),
    ]
    if recipe.neutral.kind == "rules":
        pairs.append(("neutral text", recipe.neutral.version, open_neutralizer("rules").version))
    differing = [f"{what} {trained!r}, here {present!r}" for what, trained, present in pairs if trained != present]
    if differing:
        yield ill(
            name, f"trained with {'; '.join(differing)}", "this is another version of Stylora", _anew(run, recipe)
        )
    labelled = [
        ("classifier", recipe.classifier, CLASSIFIER_VERSION),
        ("spaCy pipeline", recipe.pipeline, language.PIPELINE_VERSION),
    ]
    differing = [f"{what} {trained!r}, here {present!r}" for what, trained, present in labelled if trained != present]
    if differing:
        yield ill(
            name,
            f"trained with {'; '.join(differing)}",
            "another classifier chooses other persona frames than those the adapter knows",
            _anew(run, recipe),
            symptom="wrong persona frame",
        )


def _seal(run: Training, name: str) -> Iterator[Finding]:
    """Whether its recipe is the one its weights were sealed to; rewriting refuses any other."""
    from engine.models import adapters
    from engine.models.seal import is_broken

    with contextlib.suppress(StyloraError):
        adapters.tensor_shapes(run.folder)
        if is_broken(run.folder / adapters.WEIGHTS_FILE):
            yield _spoilt(run, name, "its recipe.toml was changed since it was trained", "the file was edited")


def _scale(run: Training, recipe: Recipe, name: str) -> Iterator[Finding]:
    """The LoRA scale, wherever it is written."""
    told = _adapter_config(run.folder).get("lora_parameters", {}).get("scale")
    said = {"recipe.toml": recipe.scale, "adapter_config.json": told, "run.toml": run.config.get("scale")}
    values = {value for value in said.values() if value is not None}
    if len(values) > 1:
        where = ", ".join(f"{file} {value:g}" for file, value in said.items() if value is not None)
        why = "one of these files was edited: strength 1 is not what was trained"
        yield _spoilt(run, name, f"LoRA scale differs: {where}", why, symptom="style too weak")


def _dataset(workspace: Workspace, run: Training, recipe: Recipe, name: str) -> Iterator[Finding]:
    """Field by field against the dataset it was trained on, where that is still there."""
    folder = workspace.dataset(recipe.author)
    if not (folder / RECIPE_FILE).is_file():
        return
    try:
        theirs = load_recipe(folder / RECIPE_FILE)
    except StyloraError:
        return  # said of the dataset
    differing = [
        field
        for field in theirs.__struct_fields__
        if field not in _OF_TRAINING and getattr(theirs, field) != getattr(recipe, field)
    ]
    trained_on, there = _rows_trained_on(run.folder), _rows_there(folder)
    if trained_on and there and trained_on != there:
        words = f": {', '.join(differing)} differ" if differing else ""
        yield well(f"{name}, dataset", f"built again since it was trained{words}; train it anew to use the new one")
    elif differing:
        frames = {"worldview", "constraints"} & set(differing)
        yield ill(
            name,
            f"its recipe.toml says something else than that of its dataset: {_both(recipe, theirs, differing[0])}",
            "one of the two was edited: prompts are not those it was trained on",
            *from_checkpoint(run),
            _anew(run, recipe, dataset=False),
            symptom="mechanical" if frames else None,
        )


def _both(mine: Recipe, theirs: Recipe, field: str) -> str:
    def short(value: Any) -> str:
        text = msgspec.json.encode(value).decode() if not isinstance(value, str | float | int) else str(value)
        return text if len(text) <= 40 else f"{text[:39]}…"

    one, other = getattr(mine, field), getattr(theirs, field)
    if field == "worldview":
        part = next(part for part in one.__struct_fields__ if getattr(one, part) != getattr(other, part))
        return f"worldview.{part} {short(getattr(one, part))}, there {short(getattr(other, part))}"
    return f"{field} {short(one)}, there {short(other)}"


def _files(run: Training, name: str) -> Iterator[Finding]:
    from engine.models import adapters

    whole = whole_checkpoints(run)
    if damaged := [str(update) for update in run.checkpoints if update not in whole]:
        detail = f"{', '.join(damaged)}: weights missing, truncated or damaged; delete what is in their folders"
        yield ill(f"{name}, checkpoints", detail)
    if run.status == "running":
        return  # its files come as it goes
    try:
        adapters.read_shape(run.folder)
        if (run.folder / adapters.WEIGHTS_FILE).is_file():
            adapters.tensor_shapes(run.folder)
    except StyloraError as error:
        yield _spoilt(run, name, str(error), "")
        return
    if not (run.folder / adapters.WEIGHTS_FILE).is_file():
        yield ill(name, "has no weights yet", "its training was stopped early", fix("go on", _resume(run)))
    elif run.status == "interrupted":
        detail = f"its training was killed at update {run.updates}; the best adapter so far is in place"
        yield ill(
            name, detail, "the machine, or its memory, gave out", fix("go on from its last checkpoint", _resume(run))
        )


def _choice(run: Training, name: str) -> Iterator[Finding]:
    try:
        kept = choosing.kept_chosen(run.folder)
    except StyloraError as error:
        yield ill(name, str(error), "", fix("forget it", ("use", "--adapter", run.name, "--reset")))
        return
    if kept is None:
        return
    if reason := choosing.void(run.folder, kept):
        forget = fix("forget it", ("use", "--adapter", run.name, "--reset"))
        yield ill(name, f"{reason}; it is passed over", "the adapter was trained again", forget)
    elif kept.line:
        why = f" ({kept.why})" if kept.why else ""
        yield well(f"{name}, default", f"rewrites with {kept.line}{why}")


def _resume(run: Training) -> tuple[str, ...]:
    author = ("--author", run.author) if run.author else ()
    return ("train", "--adapter", run.name, *author)


def _anew(run: Training, recipe: Recipe, *, dataset: bool = True) -> Fix:
    """Build the dataset with what is installed now, and train on it."""
    train = retrain(run, "").commands
    if not dataset:
        return Fix(words="train it anew on its dataset", commands=train)
    build = ("dataset", "--author", recipe.author, "--fresh")
    return Fix(words="build the dataset with what is installed here, and train anew", commands=(build, *train))


def whole_checkpoints(run: Training) -> list[int]:
    """The updates of the checkpoints whose weights are all there, by the header of their file."""
    from engine.models import adapters

    found = []
    for update in run.checkpoints:
        with contextlib.suppress(StyloraError):
            adapters.tensor_shapes(choosing.checkpoint_folder(run.folder, update))
            found.append(update)
    return found


def _spoilt(run: Training, name: str, detail: str, why: str, symptom: Symptom | None = None) -> Finding:
    """Something is wrong with the files of the adapter itself, which is no harm where a checkpoint was chosen."""
    with contextlib.suppress(StyloraError):
        kept = choosing.kept_chosen(run.folder)
        if kept is not None and kept.checkpoint in whole_checkpoints(run):
            return well(name, f"{detail}; rewriting takes checkpoint {kept.checkpoint}, whose files are its own")
    return ill(name, detail, why, *from_checkpoint(run), retrain(run, "train it anew"), symptom=symptom)


def from_checkpoint(run: Training) -> tuple[Fix, ...]:
    """Use a checkpoint, whose files are its own, in the adapter's place."""
    whole = [update for update in whole_checkpoints(run) if update]  # update 0 is the base model
    if not whole:
        return ()
    update = run.best_update if run.best_update in whole else whole[-1]
    command = ("use", "--adapter", run.name, "--checkpoint", str(update))
    return (fix(f"rewrite with checkpoint {update}, whose files are its own", command),)


def _adapter_config(folder: Path) -> dict[str, Any]:
    try:
        found = json.loads((folder / "adapter_config.json").read_text(encoding="utf-8"))
        return found if isinstance(found, dict) else {}
    except (OSError, ValueError):
        return {}


def _rows_trained_on(folder: Path) -> str:
    """The first digits of the digests of training and validation rows, as a run has them; '' where unknown."""
    import tomllib

    try:
        return str(tomllib.loads((folder / "run.toml").read_text(encoding="utf-8")).get("data", ""))
    except (OSError, ValueError):
        return ""


def _rows_there(folder: Path) -> str:
    from engine.dataset.build import read_manifest

    try:
        digests = read_manifest(folder).get("sha256", {})
        return f"{digests['train'][:16]}{digests['valid'][:16]}"
    except (StyloraError, KeyError):
        return ""
