"""A second model over the weights of a loaded one, so that another adapter can answer while the first is in training.

Only the tree of modules is copied. The base's tensors are the very same arrays: the twin takes no memory of its own
until an adapter is put on it, and what is put on it is never seen by the model it was made of.
"""

from __future__ import annotations

import copy
import dataclasses
from typing import Any

import mlx.nn as nn
from mlx_lm.tuner.lora import LoRALinear

from engine.models import mlx_thread
from engine.models.loading import Loaded


def twin_of(loaded: Loaded, *, between_steps: bool = False) -> Loaded:
    """`loaded` with a model of its own that has no adapter.

    Runs on the MLX thread; with `between_steps` in the middle of a training of `loaded`, too.
    """
    return mlx_thread.run(
        lambda: dataclasses.replace(loaded, model=_without_adapter(loaded.model)), between_steps=between_steps
    )


def _without_adapter(model: nn.Module) -> nn.Module:
    made: dict[int, nn.Module] = {}
    twin = _copied(model, made)
    for name in ("adapter_shape", "adapter_stamp"):
        twin.__dict__.pop(name, None)
    twin.eval()
    return twin


def _copied(value: Any, made: dict[int, nn.Module]) -> Any:
    """`value` with modules of its own, each copied once, and its arrays shared."""
    if isinstance(value, LoRALinear):
        return _copied(value.linear, made)
    if isinstance(value, nn.Module):
        if id(value) not in made:
            own = made[id(value)] = copy.copy(value)
            own._no_grad = set(value._no_grad)
            for name, part in value.items():
                own[name] = _copied(part, made)
        return made[id(value)]
    if isinstance(value, list | tuple):
        return type(value)([_copied(part, made) for part in value])
    if isinstance(value, dict):
        return {name: _copied(part, made) for name, part in value.items()}
    return value
