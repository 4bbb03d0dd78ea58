"""What binds an adapter to the recipe it was trained with: the digest of its recipe, inside the file of its weights."""

from __future__ import annotations

from pathlib import Path

from engine.digests import sha256_of
from engine.errors import StyloraError
from engine.models import folder
from engine.recipe import RECIPE_FILE

_KEY = "recipe_sha256"


def seal(recipe: Path) -> dict[str, str]:
    """Metadata for the weights that were trained with the file `recipe`."""
    return {_KEY: sha256_of(recipe)}


def is_broken(weights: Path) -> bool:
    """Whether the recipe beside the file `weights`, which is whole, is another than they were trained with.

    Weights without a seal (of another program) say nothing of it.
    """
    told = folder.metadata(weights).get(_KEY)
    recipe = weights.with_name(RECIPE_FILE)
    return told is not None and recipe.is_file() and sha256_of(recipe) != told


def refuse_changed_recipe(weights: Path) -> None:
    """Raise `StyloraError` where the recipe was changed since training: the prompts would not be those learnt."""
    if is_broken(weights):
        raise StyloraError(
            f"{weights.with_name(RECIPE_FILE)}: changed since this adapter was trained, so its prompts would be others "
            "than it knows; bring the file back from a copy or a checkpoint, or train again"
        )
