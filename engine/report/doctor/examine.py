"""Everything the doctor looks at, in a fixed order."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from engine.errors import StyloraError
from engine.progress import Progress, Report, silent
from engine.recipe import RECIPE_FILE, Recipe, load_recipe
from engine.report.chosen import Chosen, read_chosen
from engine.report.doctor import adapters, curve, datasets, memory
from engine.report.doctor.evidence import Evidence, Failure
from engine.report.doctor.finding import Finding, Fix, ill, well
from engine.report.doctor.machine import machine
from engine.report.doctor.workspace import workspace_itself
from engine.workspace import Workspace


def examine(
    workspace: Workspace | None,
    evidence: Sequence[Evidence] = (),
    failures: Sequence[Failure] = (),
    *,
    report: Report = silent,
) -> list[Finding]:
    """Findings about the machine, then `workspace` with its failed jobs, its datasets and the adapters of `evidence`.

    Reads files and the machine; loads no model, trains nothing, changes nothing.
    """
    report(Progress("doctor", message="looking at the machine"))
    found = list(machine())
    if workspace is None:
        return [*found, well("workspace", "none here; 'stylora init' makes one")]
    try:
        _ = workspace.settings
    except StyloraError as error:
        return [*found, ill("stylora.toml", str(error))]
    found += workspace_itself(workspace)
    found += memory.failed(failures)
    for folder in _folders(workspace.root / "data" / "training"):
        report(Progress("doctor", message=f"reading the dataset of {folder.name}"))
        found += datasets.dataset(workspace, folder)
    for one in evidence:
        report(Progress("doctor", message=f"looking at the adapter {one.training.name}"))
        found += of_adapter(workspace, one)
    return found


def _folders(parent: Path) -> list[Path]:
    return sorted(path for path in parent.glob("*") if path.is_dir()) if parent.is_dir() else []


def of_adapter(workspace: Workspace, one: Evidence) -> Iterator[Finding]:
    """Findings about one adapter: its recipe and files, how its training went, and the symptoms of its texts."""
    run = one.training
    try:
        recipe = load_recipe(run.folder / RECIPE_FILE)
    except StyloraError as error:
        if run.status == "running":
            yield well(f"adapter {run.name}", "its training has begun, and has nothing to look at yet")
            return
        from engine.models.peft import ORIGIN_FILE

        # Only where no checkpoint has a recipe of its own does it have to be trained again; an import never can be.
        imported = (run.folder / ORIGIN_FILE).is_file()
        why = "it was imported without one: import it again with --recipe, under another name" if imported else ""
        fixes = () if imported else adapters.from_checkpoint(run) or (curve.retrain(run, "train it anew"),)
        yield ill(f"adapter {run.name}", str(error), why, *fixes)
        return
    yield from adapters.adapter(workspace, run, recipe)
    if (said := curve.curve(run)) is not None:
        yield said
    yield from _frames(workspace, one, recipe)
    yield from _texts(workspace, one, recipe)


def _frames(workspace: Workspace, one: Evidence, recipe: Recipe) -> Iterator[Finding]:
    """Whether the rows it was trained on have the persona frames that rewriting would give their inputs."""
    folder = workspace.dataset(recipe.author)
    try:
        differing, looked_at = datasets.labels(folder)
    except StyloraError:
        return  # said of the dataset
    if looked_at and differing > datasets.MISLABELLED * looked_at:
        train = curve.retrain(one.training, "").commands
        build = ("dataset", "--author", recipe.author, "--fresh")
        yield ill(
            f"{one.training.name}: wrong persona frame",
            f"{differing} of {looked_at} rows have another content label than the classifier gives their input",
            "its rows were labelled by another classifier, or edited",
            Fix(words="build the dataset with this classifier, and train anew", commands=(build, *train)),
            symptom="wrong persona frame",
        )


def _texts(workspace: Workspace, one: Evidence, recipe: Recipe) -> Iterator[Finding]:
    from engine.generation.limits import DEFAULT, kept_limits
    from engine.models import registry
    from engine.report.doctor.symptoms import case, symptoms

    run = one.training
    if one.damaged:
        yield ill(f"{run.name}, history", f"{one.damaged}; take that line out, or move the file away")
    try:
        limits = kept_limits(run.folder)
    except StyloraError as error:
        limits = None
        yield ill(f"{run.name}, thresholds", str(error))
    try:
        chosen = read_chosen(run.folder)
    except StyloraError:
        chosen = Chosen()  # said of the adapter
    entries = registry.available(workspace)
    plain = sorted((entry for entry in entries if not entry.instruct), key=lambda entry: not entry.present)
    base = next((entry for entry in entries if entry.present and entry.identity == recipe.base), None)
    found = list(
        symptoms(
            case(
                one,
                recipe,
                workspace.settings.rewrite,
                chosen,
                limits or DEFAULT,
                instruct=base is not None and base.instruct,
                base_models=tuple(entry.name for entry in plain),
            )
        )
    )
    yield from found
    if limits is not None:
        worst = sorted(limits.alarms.items(), key=lambda item: -item[1])[:2]
        alarms = ", ".join(f"{kind} {share:.0%}" for kind, share in worst) or "none"
        planted = min(limits.planted.values(), default=None)
        caught = f"; of planted faults it finds at least {planted:.0%} of each kind" if planted is not None else ""
        detail = f"of {limits.passages} genuine passages; false alarms: {alarms}{caught}"
        yield well(
            f"{run.name}, thresholds", detail if limits.passages else "the defaults; too few passages to measure"
        )
    texts = len(one.checked) + len(one.tried) + len(one.used)
    if not texts:
        yield well(f"{run.name}, texts", "none to judge by yet; 'stylora check' measures it on held-out passages")
    elif not any(finding.symptom for finding in found):
        closed = f", {one.card.gap_closed:.0%} of the gap to the author closed" if one.card is not None else ""
        yield well(f"{run.name}, texts", f"{texts} texts without a symptom{closed}")
