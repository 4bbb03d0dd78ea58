"""Who can be asked for a rewrite while a training runs, and who is refused with what reason."""

from __future__ import annotations

from pathlib import Path

import pytest
from small_adapter import small_recipe

from engine.errors import StyloraError
from engine.host import comparing, open_models, rewriting
from engine.progress import silent
from engine.recipe import Neutralizing
from engine.workspace import Workspace


def test_an_adapter_whose_neutral_text_needs_a_model_is_refused_beside_a_training(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """That model would wait for the training's end, and the rewrite with it, without a word."""
    workspace = Workspace.create(tmp_path / "w")
    folder = workspace.root / "lora_adapters" / "poe"
    recipe = small_recipe(neutral=Neutralizing(kind="model", version="1", settings={"model": "qwen-7b"}))
    monkeypatch.setitem(open_models.live, folder, (object(), recipe))
    with pytest.raises(StyloraError, match="poe: qwen-7b makes its neutral text, and does not fit beside a training"):
        open_models.open_rewriter(workspace, folder, silent)


def test_what_is_asked_wrongly_is_refused_before_a_model_is_opened(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    workspace = Workspace.create(tmp_path / "w")
    (workspace.root / "lora_adapters" / "poe").mkdir(parents=True)
    monkeypatch.setattr(rewriting, "open_rewriter", lambda *_, **__: pytest.fail("a model was opened"))
    with pytest.raises(StyloraError, match="unknown parameter 'strenght'; did you mean 'strength'"):
        rewriting.rewrite(workspace, silent, text="A bridge.", adapter="poe", strenght=1)
    with pytest.raises(StyloraError, match="nobody: no adapter there yet"):
        comparing.compare(workspace, silent, text="A bridge.", adapters=["poe", "nobody"])
