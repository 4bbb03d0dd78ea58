"""What the doctor has to be told: failed jobs, and of every adapter its run, its report card, its latest rewrites."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from engine.errors import StyloraError
from engine.host import journal, runs
from engine.progress import Report
from engine.workspace import Workspace, slug

if TYPE_CHECKING:
    from engine.report.doctor.evidence import Evidence, Failure
    from engine.report.doctor.finding import Finding
    from engine.report.kept import Card

_TURNS = 40
"""Latest rewrites that the doctor reads."""


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

    return [Failure(kind=state.kind, error=state.error, params=state.params) for state in _failed(workspace).values()]


def _failed(workspace: Workspace) -> dict[tuple[str, str], journal.JobState]:
    """By kind and what it is about."""
    last: dict[tuple[str, str], journal.JobState] = {}
    for state in journal.summaries(workspace):
        if state.status in ("done", "failed"):
            last[state.kind, _about(workspace, state.params)] = state
    return {about: state for about, state in last.items() if state.status == "failed"}


def forgive(workspace: Workspace, kind: str, params: Mapping[str, Any]) -> None:
    """Note that a job was done that had failed before: what is done in the foreground leaves no journal otherwise."""
    if (kind, _about(workspace, params)) in _failed(workspace):
        told = {name: str(params[name]) for name in ("author", "adapter") if params.get(name) is not None}
        log = journal.Journal(workspace, kind)
        log.append("queued", kind=kind, params=told)
        log.append("done")
        log.close()


def _about(workspace: Workspace, params: Mapping[str, Any]) -> str:
    """The adapter's name that a job is about, or the author's short one, which is the same unless it was told apart."""
    if params.get("adapter"):
        return Path(str(params["adapter"])).name
    try:
        return slug(str(params.get("author") or workspace.settings.author))
    except StyloraError:
        return str(params.get("author") or "")


def evidence(workspace: Workspace) -> list[Evidence]:
    """What is known of every adapter of the workspace, by name."""
    return [_evidence(workspace, run) for run in sorted(runs.all_runs(workspace), key=lambda run: run.name)]


def _evidence(workspace: Workspace, run: runs.Run) -> Evidence:
    from engine.generation.conversation import Conversation, Turn
    from engine.models import registry
    from engine.report.doctor.evidence import Evidence, Point, Training, of_card, of_trials, of_turns

    folder = Path(run.path)
    reports = runs.reports(workspace, run.name)[0]
    updates = [one for one in reports if "smoothed" in one]
    valid = [(one["update"], one["valid"]) for one in reports if "valid" in one and "smoothed" not in one]
    epochs = [one["update"] / one["epoch"] for one in updates if one.get("epoch")]
    model = next((one.name for one in registry.available(workspace) if one.present and one.identity == run.base), "")
    card = card_of(folder, workspace.settings.rewrite.strength)
    turns: list[Turn] = []
    damaged = ""
    try:
        turns = Conversation(workspace, folder).turns()[-_TURNS:]
    except StyloraError as error:
        damaged = str(error)
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
        damaged=damaged,
    )


def card_of(adapter: Path, strength: float) -> Card | None:
    """The report card of what `adapter` is rewritten with now, or the nearest to it of the same weights.

    `strength` is the one of the settings, which holds unless another was chosen for the adapter.
    """
    from engine.report.chosen import checkpoint_folder, read_chosen
    from engine.report.kept import load_cards
    from engine.report.sweep import weights_digest

    try:
        chosen = read_chosen(adapter)
    except StyloraError:
        return None
    folder = checkpoint_folder(adapter, chosen.checkpoint)
    name = folder.name if chosen.checkpoint is not None else ""
    strength = strength if chosen.strength is None else chosen.strength
    cards = [card for card in load_cards(adapter) if card.checkpoint == name]
    if any(card.weights for card in cards):
        there = weights_digest(folder) if (folder / "adapters.safetensors").is_file() else ""
        cards = [card for card in cards if card.weights in ("", there)]  # one that does not say is taken at its word
    return min(cards, key=lambda card: abs(card.strength - strength), default=None)


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
