"""Checkpoints times strengths, each measured by a report card on the same held-out passages, and the best of them.

A cell is kept when it is done, so that a sweep that was killed goes on with the next one.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import msgspec

from engine.digests import sha256_of
from engine.errors import Spent, StyloraError
from engine.generation.limits import CALIBRATION_FILE
from engine.neutral import Neutralizer
from engine.progress import Progress, Report, silent
from engine.report import chosen, stored
from engine.report.kept import FORMAT, Card, load_cards, save_card
from engine.report.reference import PASTICHE

FOLDER = "sweep"
"""Where an adapter's sweeps are kept, each under a name that follows from what is measured how."""

STRENGTHS = (0.75, 1.0, 1.25)
"""Strengths tried unless others are asked for. Chosen: a quarter less and more than trained is where a style is traded
for meaning; half as strong is hardly the author, half again as strong breaks small models."""


class Cell(msgspec.Struct, frozen=True, kw_only=True):
    """A checkpoint by its update (None: the adapter as it lies) at a strength."""

    checkpoint: int | None
    strength: float

    @property
    def label(self) -> str:
        where = "as it lies" if self.checkpoint is None else f"checkpoint {self.checkpoint}"
        return f"{where}, strength {self.strength:g}"


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """A cell that was measured. Figures are the card's; intervals hold 90% of resamplings of the passages."""

    cell: Cell
    joint: float
    low: float
    high: float
    style: float
    meaning: float
    gap_closed: float
    facts_kept: float
    """Share of names and numbers."""


class Swept(msgspec.Struct, frozen=True, kw_only=True):
    """A sweep as far as it has come."""

    adapter: str
    author: str
    passages: int
    total: int
    """Cells asked for."""
    rows: tuple[Row, ...]
    """The best first; of equals the earlier checkpoint and the lower strength."""
    failed: dict[str, str]
    """Why a cell could not be measured, by its label: a checkpoint that went, or weights that are no numbers."""
    anchors: dict[str, tuple[float, float]]
    """Style and meaning of the card's known goods and bads: neutral, untrained, copy, memorised, author."""
    folder: str

    @property
    def best(self) -> Row | None:
        return self.rows[0] if self.rows else None

    @property
    def sure(self) -> bool:
        """Whether the best one's interval lies above the value of the second."""
        return len(self.rows) > 1 and self.rows[0].low > self.rows[1].joint


def cells(adapter: Path, checkpoints: Sequence[str | int] = (), strengths: Sequence[float] = ()) -> list[Cell]:
    """What to measure of `adapter`: every checkpoint but the untrained one, at every one of `STRENGTHS`.

    At strength 0 all checkpoints are the base model, which is measured once.
    """
    updates: list[int | None] = [chosen.update_of(adapter, one) for one in checkpoints]
    updates = updates or [update for update in chosen.updates_of(adapter) if update] or [None]
    for strength in strengths:
        if not 0 <= strength <= 4:
            raise StyloraError(f"strength {strength:g}: must lie between 0 and 4")
    wanted = sorted(set(strengths or STRENGTHS))
    found = [
        Cell(checkpoint=update, strength=strength)
        for update in dict.fromkeys(updates)
        for strength in wanted
        if strength
    ]
    return ([Cell(checkpoint=updates[0], strength=0.0)] if 0 in wanted else []) + found


def place_of(adapter: Path, *, dataset: Path, corpus: Path, how: dict[str, Any]) -> Path:
    """The folder of a sweep: other passages, another seed, way to decode or to measure is another sweep."""
    made_of = hashlib.sha256(msgspec.json.encode([FORMAT, stored.FORMAT, how], order="sorted"))
    pastiche = corpus.with_name(f"{corpus.stem}{PASTICHE}.txt")
    for path in (dataset / "test.jsonl", dataset / "valid.jsonl", corpus, pastiche, adapter / CALIBRATION_FILE):
        made_of.update(path.read_bytes() if path.is_file() else b"")
    return adapter / FOLDER / made_of.hexdigest()[:12]


def sweep(
    adapter: Path,
    wanted: Sequence[Cell],
    place: Path,
    measure: Callable[[Path, Cell], Card],
    *,
    report: Report = silent,
) -> Swept:
    """Measure those of `wanted` that are not kept in `place` yet, and rank them all.

    `measure` makes the card of the weights in a folder at a cell's strength. Each report of stage ``sweep`` counts
    cells and has the row of the last one in its values. A cell that cannot be measured does not end the others; the
    first one's fault is raised where none could be. Raises `Cancelled` from `report`; what is done is kept.
    """
    done = kept(adapter, wanted, place)
    failed: dict[str, str] = {}
    for cell in wanted:
        if cell in done:
            continue
        begun = len(done) + len(failed)
        report(Progress("sweep", begun, len(wanted), message=f"measuring {cell.label}"))
        try:
            card = measure(chosen.checkpoint_folder(adapter, cell.checkpoint), cell)
        except Spent:
            raise
        except StyloraError as error:
            failed[cell.label] = str(error)
            report(Progress("sweep", begun + 1, len(wanted), message=f"{cell.label} is left out: {error}"))
            continue
        save_card(place, card)
        done[cell] = card
        values = {name: value for name, value in msgspec.to_builtins(row_of(cell, card)).items() if name != "cell"}
        at = {"checkpoint": cell.checkpoint, "strength": cell.strength}
        report(Progress("sweep", begun + 1, len(wanted), values={**at, **values}))
    if failed and not done:
        raise StyloraError(next(iter(failed.values())))
    return ranked(adapter, wanted, done, place, failed)


def kept(adapter: Path, wanted: Sequence[Cell], place: Path) -> dict[Cell, Card]:
    """Cards of an earlier start of this sweep, of those of `wanted` whose weights are still the same."""
    digests: dict[Path, str] = {}
    found = {}
    cards = {(card.checkpoint, card.strength): card for card in load_cards(place)}
    for cell in wanted:
        folder = chosen.checkpoint_folder(adapter, cell.checkpoint)
        card = cards.get((folder.name if cell.checkpoint is not None else "", cell.strength))
        if card is None or not (folder / "adapters.safetensors").is_file():
            continue
        if folder not in digests:
            digests[folder] = weights_digest(folder)
        if not card.weights or card.weights == digests[folder]:
            found[cell] = card
    return found


def ranked(adapter: Path, wanted: Sequence[Cell], done: dict[Cell, Card], place: Path, failed: dict[str, str]) -> Swept:
    """The sweep as far as it is done."""
    rows = sorted(
        (row_of(cell, done[cell]) for cell in wanted if cell in done),
        key=lambda row: (-row.joint, -row.meaning, row.cell.checkpoint or 0, row.cell.strength),
    )
    card = next(iter(done.values()), None)
    return Swept(
        adapter=adapter.name,
        author=card.author if card else "",
        passages=card.passages if card else 0,
        total=len(wanted),
        rows=tuple(rows),
        failed=failed,
        anchors=_anchors(card) if card else {},
        folder=str(place),
    )


def row_of(cell: Cell, card: Card) -> Row:
    """The line of a cell's card in the table; a joint score that could not be told counts as 0."""
    joint, style, meaning = (part.get("rewritten") for part in (card.joint, card.style, card.meaning))
    return Row(
        cell=cell,
        joint=joint.value if joint else 0.0,
        low=joint.low if joint else 0.0,
        high=joint.high if joint else 0.0,
        style=style.value if style else 0.0,
        meaning=meaning.value if meaning else 0.0,
        gap_closed=card.gap_closed,
        facts_kept=card.facts_kept / max(card.facts, 1),
    )


def _anchors(card: Card) -> dict[str, tuple[float, float]]:
    return {
        side: (style.value, meaning.value)
        for side in card.style
        if side != "rewritten" and (style := card.style.get(side)) and (meaning := card.meaning.get(side))
    }


def use_best(adapter: Path, swept: Swept) -> chosen.Chosen:
    """Let `adapter` be rewritten with the best cell from now on."""
    best = swept.best
    if best is None:
        raise StyloraError(f"{adapter.name}: nothing was measured yet, so there is no best one to use")
    why = f"best of {len(swept.rows)} in a sweep: joint score {best.joint:.2f} on {swept.passages} passages"
    return chosen.choose(adapter, {"checkpoint": best.cell.checkpoint, "strength": best.cell.strength}, why=why)


def weights_digest(folder: Path) -> str:
    """SHA-256 of the weights in an adapter's or a checkpoint's folder."""
    weights = folder / "adapters.safetensors"
    if not weights.is_file():
        raise StyloraError(f"{folder}: no adapter there; train one with 'stylora train'")
    return sha256_of(weights)


class Once:
    """A neutralizer that is asked for each text once, however many cells rewrite it."""

    def __init__(self, inner: Neutralizer) -> None:
        self.inner = inner
        self.kind, self.version, self.settings = inner.kind, inner.version, inner.settings
        self._made: dict[str, str] = {}

    def neutralize(self, texts: Sequence[str]) -> list[str]:
        new = [text for text in dict.fromkeys(texts) if text not in self._made]
        if new:
            self._made.update(zip(new, self.inner.neutralize(new), strict=True))
        return [self._made[text] for text in texts]
