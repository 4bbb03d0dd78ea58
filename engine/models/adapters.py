"""LoRA on a loaded model: put it on, take it off, swap it, turn its strength, write and read it.

All of it on the MLX thread. The files are mlx-lm's own: ``mlx_lm.generate --adapter-path`` reads a folder as it lies.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import mlx.core as mx
import mlx.nn as nn
import msgspec
from mlx.utils import tree_flatten, tree_unflatten
from mlx_lm.tuner.lora import LoRALinear
from mlx_lm.tuner.utils import linear_to_lora_layers

from engine.atomic import atomic_path, write_text
from engine.errors import StyloraError
from engine.models import folder as folders
from engine.models.seal import refuse_changed_recipe, seal
from engine.models.shape import ALL_SEVEN, Shape
from engine.recipe import RECIPE_FILE
from engine.settings import nearest

WEIGHTS_FILE = "adapters.safetensors"
CONFIG_FILE = "adapter_config.json"


class KeyedDropout(nn.Module):
    """Dropout whose mask follows from a key set by `reseed`, not from the thread's random state.

    So a mask is the same when a checkpointed layer is computed again for its gradient, whatever else was
    drawn in between, and after a resume.
    """

    def __init__(self, rate: float) -> None:
        super().__init__()
        self.keep = 1.0 - rate
        self._key = mx.random.key(0)

    def __call__(self, x: mx.array) -> mx.array:
        if not self.training or self.keep == 1.0:
            return x
        return mx.where(mx.random.bernoulli(self.keep, x.shape, key=self._key), x / self.keep, 0.0).astype(x.dtype)


def lora_modules(model: nn.Module) -> list[tuple[str, LoRALinear]]:
    """The model's LoRA layers with their names, sorted by name."""
    return sorted((name, module) for name, module in model.named_modules() if isinstance(module, LoRALinear))


def attached(model: nn.Module) -> Shape | None:
    """Shape of the adapter on `model`, None if there is none."""
    return getattr(model, "adapter_shape", None)


def attach(
    model: nn.Module,
    *,
    rank: int,
    scale: float,
    dropout: float = 0.0,
    keys: tuple[str, ...] = ALL_SEVEN,
    num_layers: int = -1,
    seed: int = 0,
) -> Shape:
    """Put a fresh adapter on `model`, in place of any other; only its weights are trainable then.

    It changes nothing yet (B is zero). A is drawn from `seed` as mlx-lm draws it: uniform within ±1/√inputs.
    Raises `StyloraError` for a key that names no linear layer of this model.
    """
    shape = Shape(rank, scale, dropout, tuple(keys), num_layers)
    detach(model)
    known = {name for layer in model.layers for name, module in layer.named_modules() if hasattr(module, "weight")} | {
        name for name, module in model.named_modules() if hasattr(module, "weight")
    }
    for key in shape.keys:
        if key not in known:
            inside = sorted(name for name in known if name.endswith("_proj") and not name.startswith("model."))
            raise StyloraError(f"LoRA key {key!r}: this model has no such layer{nearest(key, inside or sorted(known))}")
    model.freeze()
    parameters = {"rank": rank, "scale": scale, "dropout": dropout, "keys": set(shape.keys)}
    linear_to_lora_layers(model, num_layers, parameters)
    modules = lora_modules(model)
    for (_, module), drawn in zip(modules, mx.random.split(mx.random.key(seed), max(len(modules), 2)), strict=False):
        module.trained_scale = scale
        module.dropout = KeyedDropout(dropout)
        bound = 1 / math.sqrt(module.lora_a.shape[0])
        module.lora_a = mx.random.uniform(-bound, bound, module.lora_a.shape, key=drawn)
    model.adapter_shape = shape
    mx.eval(weights(model))
    return shape


def detach(model: nn.Module) -> None:
    """Take the adapter off: `model` is the base model again, its weights untouched."""
    bases = [(name, module.linear) for name, module in lora_modules(model)]
    if bases:
        model.update_modules(tree_unflatten(bases))
    if attached(model) is not None:
        del model.adapter_shape


def set_strength(model: nn.Module, strength: float) -> None:
    """Let the adapter act at `strength` times the scale it was trained with; 0 is the base model bit for bit.

    Prefix caches made before are void. Without an adapter nothing happens.
    """
    for _, module in lora_modules(model):
        module.scale = module.trained_scale * strength


def reseed(model: nn.Module, seed: int) -> None:
    """Fix every dropout mask of the next forward pass; layers that share an input share its mask."""
    modules = [module for _, module in lora_modules(model)]
    groups = [_input_of(name) for name, _ in lora_modules(model)]
    names = sorted(set(groups))
    keys = dict(zip(names, mx.random.split(mx.random.key(seed), max(len(names), 2)), strict=False))
    for module, group in zip(modules, groups, strict=True):
        module.dropout._key = keys[group]


def _input_of(name: str) -> str:
    """Name of the activation a projection reads: q, k and v read one, gate and up another."""
    for shared in (("q_proj", "k_proj", "v_proj"), ("gate_proj", "up_proj")):
        if name.endswith(shared):
            return f"{name.rpartition('.')[0]}.{shared[0]}"
    return name


def weights(model: nn.Module) -> dict[str, mx.array]:
    """The adapter's tensors by name (``model.layers.0.self_attn.q_proj.lora_a``), sorted."""
    tensors = tree_flatten(model.parameters())
    return dict(sorted((name, value) for name, value in tensors if name.endswith((".lora_a", ".lora_b"))))


def set_weights(model: nn.Module, tensors: dict[str, mx.array]) -> None:
    """Replace tensors of the adapter by name; shapes are the caller's business."""
    model.update(tree_unflatten(list(tensors.items())))


def read_tensors(file: Path) -> dict[str, mx.array]:
    """The tensors of a safetensors file, by name; `StyloraError` for one whose parts do not fit together."""
    try:
        tensors = mx.load(str(file))
    except RuntimeError as error:
        reason = " ".join(str(error).split())
        raise StyloraError(f"{file}: damaged; copy it or train this adapter again ({reason})") from None
    assert isinstance(tensors, dict)
    return tensors


def write_tensors(file: Path, tensors: dict[str, mx.array], metadata: dict[str, str] | None = None) -> None:
    """Write a safetensors file, whole or not at all."""
    with atomic_path(file) as temporary:
        mx.save_safetensors(str(temporary), tensors, metadata)


def save_adapter(model: nn.Module, folder: Path) -> None:
    """Write the adapter on `model` into `folder`: `adapters.safetensors` and `adapter_config.json`. The weights are
    sealed to the recipe that is there."""
    shape = attached(model)
    if shape is None:
        raise ValueError("the model has no adapter to save")
    write_adapter(folder, shape, weights(model))


def write_adapter(folder: Path, shape: Shape, tensors: dict[str, mx.array]) -> None:
    """Write an adapter's tensors (named as `weights` names them) and configuration into `folder`."""
    recipe = folder / RECIPE_FILE
    write_tensors(folder / WEIGHTS_FILE, tensors, seal(recipe) if recipe.is_file() else None)
    parameters = asdict(shape)
    num_layers = parameters.pop("num_layers")
    config = {"fine_tune_type": "lora", "num_layers": num_layers, "lora_parameters": parameters}
    write_text(folder / CONFIG_FILE, json.dumps(config, indent=2) + "\n")


class _Parameters(msgspec.Struct, frozen=True):
    rank: int
    scale: float
    dropout: float = 0.0
    keys: tuple[str, ...] | None = None


class _Config(msgspec.Struct, frozen=True):
    lora_parameters: _Parameters
    num_layers: int = -1
    fine_tune_type: str = "lora"


def read_shape(folder: Path) -> Shape:
    """Shape of the adapter in `folder`, from its configuration; raises `StyloraError` if that is missing or odd."""
    file = folder / CONFIG_FILE
    try:
        config = msgspec.json.decode(file.read_bytes(), type=_Config)
    except FileNotFoundError:
        what = "no such folder" if not folder.is_dir() else f"no {CONFIG_FILE}, so this is no adapter"
        raise StyloraError(f"{folder}: {what}; train one with 'stylora train'") from None
    except (OSError, msgspec.MsgspecError) as error:
        raise StyloraError(f"{file}: not readable as an adapter's configuration ({error}); restore it") from None
    if config.fine_tune_type != "lora":
        raise StyloraError(f"{file}: a {config.fine_tune_type!r} adapter; only LoRA adapters can be used")
    parameters = config.lora_parameters
    keys = parameters.keys
    if keys is None:
        _, header = folders.tensors(folder / WEIGHTS_FILE)
        keys = tuple(sorted({name.split(".", 3)[-1].rpartition(".")[0] for name in header}))
    return Shape(parameters.rank, parameters.scale, parameters.dropout, keys, config.num_layers)


def load_adapter(model: nn.Module, folder: Path, *, need_recipe: bool = True) -> Shape:
    """Put the adapter in `folder` on `model` at strength 1, in place of any other; the base is not reloaded.

    Everything is checked before the model is touched. Raises `StyloraError` for a folder without a recipe
    (unless `need_recipe` is false), a missing or truncated file, or tensors that do not fit this base model.
    """
    folder = Path(folder)
    shape = read_shape(folder)
    if need_recipe and not (folder / RECIPE_FILE).is_file():
        raise StyloraError(
            f"{folder}: no {RECIPE_FILE}, so what it was trained on is unknown; use a folder 'stylora train' made"
        )
    _refuse_misfit(model, shape, tensor_shapes(folder), folder / WEIGHTS_FILE)
    refuse_changed_recipe(folder / WEIGHTS_FILE)
    tensors = read_tensors(folder / WEIGHTS_FILE)
    present = attached(model)
    same = present is not None and present.rank == shape.rank and present.keys == shape.keys
    if same and present is not None and present.num_layers == shape.num_layers:
        for _, module in lora_modules(model):
            module.trained_scale, module.dropout = shape.scale, KeyedDropout(shape.dropout)
        model.adapter_shape = shape
    else:
        attach(model, **asdict(shape))
    set_weights(model, tensors)
    set_strength(model, 1.0)
    model.eval()
    mx.eval(weights(model))
    return shape


def tensor_shapes(folder: Path) -> dict[str, tuple[int, ...]]:
    """Names and shapes of the tensors of the adapter in `folder`, after checking that their file is whole."""
    file = folder / WEIGHTS_FILE
    if not file.is_file():
        raise StyloraError(f"{file}: missing; this adapter is incomplete, copy or train it again")
    try:
        _, header = folders.tensors(file)
    except StyloraError:
        raise StyloraError(f"{file}: truncated or damaged; copy or train this adapter again") from None
    return {name: tuple(entry["shape"]) for name, entry in header.items()}


def _refuse_misfit(model: nn.Module, shape: Shape, found: dict[str, tuple[int, ...]], file: Path) -> None:
    expected = dict(_expected(model, shape))
    for name in sorted(expected.keys() | found.keys()):
        if expected.get(name) != found.get(name):
            have, want = (
                f"{value[0]}×{value[1]}" if value else "nothing" for value in (found.get(name), expected.get(name))
            )
            raise StyloraError(
                f"{file}: does not fit this base model: {name} is {have}, the model needs {want}; "
                "use the base model it was trained on"
            )


def _expected(model: nn.Module, shape: Shape) -> Iterator[tuple[str, tuple[int, int]]]:
    """Names and shapes of the tensors an adapter of `shape` has on `model`, whatever is on it now."""
    loras = {name: module.linear for name, module in lora_modules(model)}
    layers = len(model.layers)
    first = layers - shape.num_layers if 0 < shape.num_layers < layers else 0
    chosen: dict[str, Any] = {}
    for name, module in model.named_modules():
        parts = name.split(".layers.")
        inner = parts[1].partition(".") if len(parts) == 2 else None
        if name in shape.keys or (inner and inner[2] in shape.keys and int(inner[0]) >= first):
            chosen[name] = loras.get(name, module)
    for name, module in chosen.items():
        if "weight" not in module:
            continue
        outputs, inputs = module.weight.shape
        if isinstance(module, nn.QuantizedLinear):
            inputs = inputs * 32 // module.bits
        yield f"{name}.lora_a", (inputs, shape.rank)
        yield f"{name}.lora_b", (shape.rank, outputs)
