"""Report cards beside an adapter as the app reads them."""

from __future__ import annotations

import os
from pathlib import Path

import msgspec
from still import CARD

from engine.digests import sha256_of
from engine.host.cards import kept_cards
from engine.report.kept import save_card
from engine.workspace import Workspace


def test_cards_come_in_order_and_say_whether_their_weights_are_still_those(tmp_path: Path) -> None:
    workspace = Workspace.create(tmp_path / "w")
    adapter = workspace.root / "lora_adapters" / "voice"
    for name in ("adapters.safetensors", "checkpoints/update-0000040/adapters.safetensors"):
        (adapter / name).parent.mkdir(parents=True, exist_ok=True)
        (adapter / name).touch()
    of_checkpoint = msgspec.structs.replace(CARD, checkpoint="update-0000040", strength=0.5)
    for card, written in ((of_checkpoint, 2_000_000_000), (CARD, 1)):
        os.utime(save_card(adapter, card), (written, written))
    (adapter / "report-update-0000080.json").write_text("{")  # damaged: left out
    found = kept_cards(workspace, "../lora_adapters/voice")
    assert [(card["checkpoint"], card["stale"], card["written"]) for card in found] == [
        ("", True, 1),
        ("update-0000040", False, 2_000_000_000),
    ]
    assert found[0]["joint"]["rewritten"] == {"value": 0.81, "low": 0.729, "high": 0.826}
    assert kept_cards(workspace, "nobody") == []
    copied = save_card(adapter, msgspec.structs.replace(CARD, weights=sha256_of(adapter / "adapters.safetensors")))
    os.utime(copied, (1, 1))
    assert not kept_cards(workspace, "voice")[0]["stale"]
