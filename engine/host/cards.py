"""Report cards that are kept beside an adapter, as plain values for whoever shows them: nothing is measured here."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import msgspec

from engine.report.kept import card_file, load_cards
from engine.workspace import Workspace

Plain = dict[str, Any]


def kept_cards(workspace: Workspace, adapter: str) -> list[Plain]:
    """Every readable card of an adapter (its folder's name): its own first, then by checkpoint and strength.

    Each has the card's own fields, "written", the time of its file, and "stale": weights written after it are not
    those it measured.
    """
    folder = workspace.root / "lora_adapters" / Path(adapter).name
    found = []
    for card in load_cards(folder):
        place = folder / "checkpoints" / card.checkpoint if card.checkpoint else folder
        written = _modified(card_file(folder, card))
        stale = _modified(place / "adapters.safetensors") > written
        found.append({**msgspec.to_builtins(card), "written": written, "stale": stale})
    return found


def _modified(path: Path) -> float:
    try:
        return os.stat(path).st_mtime
    except OSError:
        return 0.0
