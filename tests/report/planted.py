"""A small workspace with an adapter that nothing is wrong with, and the parts of one to spoil."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

import msgspec
import pytest
import tomli_w
from small_adapter import write_small_adapter
from small_workspace import copied_workspace

from engine.curation.corpus import FORMAT, Header
from engine.dataset.rows import read_rows, split_file
from engine.host import examining, journal
from engine.recipe import Recipe, load_recipe, save_recipe
from engine.report.doctor.examine import of_adapter
from engine.report.doctor.finding import Finding
from engine.report.doctor.memory import failed
from engine.report.kept import Card, Sample, load_cards, save_card
from engine.workspace import Workspace

AUTHOR, NAME = "Small Voice", "small_voice"
CONFIG = {"rank": 4, "scale": 2.0, "learning_rate": 0.001, "max_seq_length": 600, "epochs": 1.0}
HEALTHY = ((0, 4.0), (20, 3.2), (40, 2.8), (60, 2.6), (80, 2.55))
UPDATES = (40, 60, 80)


def make_planted(factory: pytest.TempPathFactory, tiny_model: Path) -> Workspace:
    """The healthy workspace: a dataset, an adapter trained on it, three checkpoints, a report card."""
    workspace = copied_workspace(factory, "planted", tiny_model)
    folder = workspace.adapter(AUTHOR)
    write_small_adapter(folder, tiny_model)
    made = load_recipe(folder / "recipe.toml")
    theirs = load_recipe(workspace.dataset(AUTHOR) / "recipe.toml")
    save_recipe(msgspec.structs.replace(theirs, base=made.base, scale=2.0, max_seq_length=600), folder / "recipe.toml")
    digests = [
        hashlib.sha256(split_file(workspace.dataset(AUTHOR), split).read_bytes()).hexdigest()[:16]
        for split in ("train", "valid")
    ]
    plant_curve(workspace, HEALTHY, base=made.base or "", data="".join(digests))
    plant_card(workspace)
    return workspace


def copied(workspace: Workspace, target: Path) -> Workspace:
    """A workspace of one's own, to spoil."""
    return Workspace(Path(shutil.copytree(workspace.root, target, symlinks=True)))


def plant_curve(
    workspace: Workspace,
    valid: Sequence[tuple[int, float]],
    *,
    train: Callable[[int], float | None] = lambda update: 2.0 + 2.0 * 0.97**update,
    base: str = "",
    data: str = "",
    config: dict[str, object] | None = None,
    setbacks: int = 0,
) -> None:
    """Journal, run.toml and checkpoints of a run with these validations; the best of them is in place."""
    folder = workspace.adapter(AUTHOR)
    last = valid[-1][0]
    lines: list[dict[str, object]] = [{"kind": "validation", "update": 0, "loss": valid[0][1]}]
    for update in range(1, last + 1):
        loss = train(update)
        values = {"loss": loss, "smoothed": loss, "epoch": update / 40, "tokens": 100 * update, "seconds": update}
        lines.append({"kind": "update", "update": update, **values})
        lines += [{"kind": "validation", "update": at, "loss": value} for at, value in valid if at == update]
    (folder / "journal.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    best, lowest = min(valid[1:], key=lambda point: point[1])
    run = {
        "base": base,
        "data": data,
        "planned_updates": last,
        "config": {**CONFIG, **(config or {})},
        "result": {
            "updates": last,
            "tokens": 100 * last,
            "stopped": "finished",
            "first_valid_loss": valid[0][1],
            "best_valid_loss": lowest,
            "last_valid_loss": valid[-1][1],
            "best_update": best,
        },
    }
    (folder / "run.toml").write_text(tomli_w.dumps(run))
    for update in UPDATES:
        checkpoint = folder / "checkpoints" / f"update-{update:06d}"
        checkpoint.mkdir(parents=True, exist_ok=True)
        for name in ("adapters.safetensors", "adapter_config.json", "recipe.toml"):
            shutil.copy(folder / name, checkpoint / name)
        state = {
            "format": 1,
            "config": run["config"],
            "data": data,
            "base": base,
            "update": update,
            "tokens": 100 * update,
            "smoothed": train(update),
            "first_valid": valid[0][1],
            "best_valid": lowest,
            "best_update": best,
            "last_valid": valid[-1][1],
            "setbacks": setbacks,
            "stopped": "finished",
        }
        (checkpoint / "state.json").write_text(json.dumps(state))
    link = folder / "checkpoints" / "best"
    link.unlink(missing_ok=True)
    link.symlink_to(f"update-{min(UPDATES, key=lambda one: abs(one - best)):06d}")


def pairs(workspace: Workspace) -> list[tuple[str, str]]:
    """Neutral text and the author's, of standard originals."""
    rows = read_rows(split_file(workspace.dataset(AUTHOR), "train"))
    return [(row.neutral, row.styled) for row in rows if row.kind == "original" and row.input == "standard"]


def plant_card(
    workspace: Workspace, spoil: Callable[[str], str] = lambda text: text, *, count: int = 12, gap: float = 0.8
) -> None:
    """A report card whose rewrites are the author's own passages, each spoilt by `spoil`."""
    folder = workspace.adapter(AUTHOR)
    weights = hashlib.sha256((folder / "adapters.safetensors").read_bytes()).hexdigest()
    samples = [
        Sample(passage=f"p{n}", plain=plain, untrained="", rewritten=spoil(author), author=author, findings=[])
        for n, (plain, author) in enumerate(pairs(workspace)[:count])
    ]
    card = Card(
        author=AUTHOR,
        adapter=NAME,
        weights=weights,
        passages=len(samples),
        variations=1,
        strength=1.0,
        distance_neutral=0.3,
        distance_untrained=0.3,
        distance_rewritten=0.3 - 0.2 * gap,
        distance_author=0.1,
        gap_closed=gap,
        gap_closed_untrained=0.0,
        facts=10,
        facts_kept=10,
        facts_kept_untrained=10,
        copied=0,
        findings={},
        samples=samples,
    )
    save_card(folder, card)


def write_record(corpus: Path, author: str) -> None:
    """The record of a corpus by `author` that keeps nothing but its header."""
    header = Header(
        format=FORMAT, corpus=corpus.name, corpus_sha256="", inputs=[], settings={}, words_in=0, passages=0, words=0,
        tokens=0, tokens_estimated=False, removed={}, dropped={}, healed={}, thresholds=[], author=author,
    )  # fmt: skip
    corpus.with_suffix(".curation.jsonl").write_bytes(msgspec.json.encode(header) + b"\n")


def cards(workspace: Workspace) -> list[Card]:
    """The report cards kept with the adapter."""
    return load_cards(workspace.adapter(AUTHOR))


def change_recipe(workspace: Workspace, **changes: object) -> Recipe:
    """Another recipe beside the adapter, and the same in its dataset, as if it had been trained so."""
    for folder in (workspace.adapter(AUTHOR), workspace.dataset(AUTHOR)):
        recipe = msgspec.structs.replace(load_recipe(folder / "recipe.toml"), **changes)
        save_recipe(recipe, folder / "recipe.toml")
    return recipe


def settings(workspace: Workspace, lines: str) -> Workspace:
    """The workspace with more lines in its stylora.toml."""
    file = workspace.root / "stylora.toml"
    file.write_text(file.read_text() + lines)
    return Workspace(workspace.root)


def fail_job(workspace: Workspace, kind: str, error: str, **params: object) -> None:
    """A job of the host that failed."""
    log = journal.Journal(workspace, kind)
    log.append("queued", kind=kind, params={"author": AUTHOR, **params})
    log.append("started")
    log.append("failed", error=error)
    log.close()


def symptoms(workspace: Workspace) -> dict[str, Finding]:
    """What the doctor finds of the troubleshooting table in jobs and adapters, by row; the machine is left out."""
    found = [*failed(examining.failures(workspace))]
    for one in examining.evidence(workspace):
        found += of_adapter(workspace, one)
    runnable(found)
    return {one.symptom: one for one in found if one.symptom}


def runnable(found: Iterable[Finding]) -> None:
    """Every command that is offered is one, and has the options it is given, once each: parsed, and not run."""
    from typer.main import get_command

    from tui.cli import app

    known = get_command(app).commands  # type: ignore[attr-defined]
    for command in (command for one in found for fix in one.fixes for command in fix.commands):
        known[command[0]].make_context(command[0], list(command[1:]))
        options = [part for part in command if part.startswith("--") and part not in ("--variant", "--input")]
        assert len(options) == len(set(options)), command
