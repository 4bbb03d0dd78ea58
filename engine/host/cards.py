"""Report cards that are kept beside an adapter, as plain values for whoever shows them: nothing is measured here."""

from __future__ import annotations

import os
from functools import lru_cache
from pathlib import Path
from typing import Any

import msgspec

from engine.digests import sha256_of
from engine.report.kept import card_file, load_cards
from engine.workspace import Workspace

Plain = dict[str, Any]


def kept_cards(workspace: Workspace, adapter: str) -> list[Plain]:
    """Every readable card of an adapter (its folder's name): its own first, then by checkpoint and strength.

    Each has the card's own fields, "written", the time of its file, and "stale": the weights there are not those that
    it measured.
    """
    folder = workspace.root / "lora_adapters" / Path(adapter).name
    found = []
    for card in load_cards(folder):
        place = folder / "checkpoints" / card.checkpoint if card.checkpoint else folder
        written = _modified(card_file(folder, card))
        weights = place / "adapters.safetensors"
        # A copied workspace has the times of its copying: then the weights themselves are looked at.
        stale = (modified := _modified(weights)) > written and _digest(weights, modified) != card.weights
        found.append({**msgspec.to_builtins(card), "written": written, "stale": stale})
    return found


@lru_cache(maxsize=64)
def _digest(weights: Path, modified: float) -> str:
    """SHA-256 of a file as it was at the time `modified`; empty where it cannot be read."""
    try:
        return sha256_of(weights)
    except OSError:
        return ""


def _modified(path: Path) -> float:
    try:
        return os.stat(path).st_mtime
    except OSError:
        return 0.0
