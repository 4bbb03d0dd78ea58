"""An adapter's weights know the recipe they were trained with."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest
from small_adapter import small_recipe

from engine.errors import StyloraError
from engine.models import adapters, mlx_thread
from engine.models.loading import load
from engine.models.seal import is_broken
from engine.recipe import RECIPE_FILE, save_recipe


def test_an_edited_recipe_is_refused_and_weights_of_other_programs_need_no_seal(
    tiny_model: Path, tmp_path: Path
) -> None:
    recipe = small_recipe(tiny_model)
    save_recipe(recipe, tmp_path / RECIPE_FILE)
    weights = tmp_path / adapters.WEIGHTS_FILE

    def work() -> None:
        model = load(tiny_model).model
        adapters.attach(model, rank=4, scale=2.0)
        adapters.save_adapter(model, tmp_path)
        adapters.load_adapter(model, tmp_path)
        assert not is_broken(weights)
        save_recipe(msgspec.structs.replace(recipe, noise=0.2), tmp_path / RECIPE_FILE)
        assert is_broken(weights)
        with pytest.raises(StyloraError, match="changed since this adapter was trained"):
            adapters.load_adapter(model, tmp_path)
        save_recipe(recipe, tmp_path / RECIPE_FILE)  # brought back
        adapters.load_adapter(model, tmp_path)
        (tmp_path / RECIPE_FILE).unlink()
        adapters.save_adapter(model, tmp_path)
        save_recipe(recipe, tmp_path / RECIPE_FILE)
        adapters.load_adapter(model, tmp_path)

    mlx_thread.run(work)
