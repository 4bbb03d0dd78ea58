"""LoRA adapters to and from the folders of Hugging Face PEFT: `adapter_model.safetensors` and `adapter_config.json`.

PEFT keeps ``lora_A.weight`` as rank × inputs, ``lora_B.weight`` as outputs × rank, and adds ``B A x`` times a factor
that follows from its configuration; MLX keeps both transposed, and the factor as ``scale``. No pickle is opened.
"""

from __future__ import annotations

import json
import math
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import mlx.core as mx
import msgspec
import tomli_w

from engine.atomic import atomic_folder
from engine.errors import StyloraError
from engine.models import adapters, mlx_thread
from engine.models import folder as folders
from engine.models.peft_config import CONFIG_FILE, read_config
from engine.models.shape import ALL_SEVEN, Shape
from engine.recipe import RECIPE_FILE, Recipe, load_recipe, save_recipe, without_none

WEIGHTS_FILE = "adapter_model.safetensors"
ORIGIN_FILE = "imported.toml"
"""Beside an imported adapter: where it came from and what it was made for."""

_PREFIX = "base_model.model."
_TENSOR = re.compile(r"(?:base_model\.model\.)?(?P<module>.+)\.lora_(?P<side>[AB])(?:\.[^.]+)?\.weight")
_IN_LAYER = re.compile(r"model\.layers\.(\d+)\.(.+)")


@dataclass(frozen=True, slots=True)
class Converted:
    """An adapter in its new folder. `made_for` is the base model its source names, `recipe` whether it has one."""

    path: Path
    modules: int
    rank: int
    scale: float
    made_for: str | None
    recipe: bool


@mlx_thread.owned
def to_peft(adapter: Path, target: Path, *, base_name: str | None = None) -> Converted:
    """Write the adapter folder `adapter` as the PEFT folder `target`, which must not exist.

    `base_name` is the model on the hub it was trained on, for PEFT to load by itself. The recipe goes along.
    Raises `StyloraError` for a damaged adapter.
    """
    _refuse_existing(target)
    shape = adapters.read_shape(adapter)
    names = sorted({name.rpartition(".")[0] for name in adapters.tensor_shapes(adapter)})
    for name in names:
        if not _IN_LAYER.fullmatch(name) and name != "lm_head":
            raise StyloraError(
                f"{adapter}: {name} has no counterpart in PEFT; only plain decoder models can be exported"
            )
    tensors = adapters.read_tensors(adapter / adapters.WEIGHTS_FILE)
    sides = {
        f"{_PREFIX}{name}.lora_{side}.weight": mx.contiguous(tensors[f"{name}.lora_{side.lower()}"].T)
        for name in names
        for side in "AB"
    }
    alpha = _alpha(shape)
    layers = sorted({int(found[1]) for name in names if (found := _IN_LAYER.fullmatch(name))})
    config: dict[str, Any] = {
        "alpha_pattern": {},
        "auto_mapping": None,
        "base_model_name_or_path": base_name,
        "bias": "none",
        "fan_in_fan_out": False,
        "inference_mode": True,
        "init_lora_weights": True,
        "layers_pattern": None if shape.num_layers == -1 else "layers",
        "layers_to_transform": None if shape.num_layers == -1 else layers,
        "lora_alpha": int(alpha) if alpha == int(alpha) else alpha,
        "lora_dropout": shape.dropout,
        "modules_to_save": None,
        "peft_type": "LORA",
        "r": shape.rank,
        "rank_pattern": {},
        "revision": None,
        "target_modules": list(shape.keys)
        if any(_IN_LAYER.fullmatch(key) for key in shape.keys)
        else [key.rpartition(".")[2] for key in shape.keys],
        "task_type": "CAUSAL_LM",
        "use_dora": False,
        "use_rslora": False,
    }
    with atomic_folder(target) as made:
        mx.save_safetensors(str(made / WEIGHTS_FILE), dict(sorted(sides.items())), metadata={"format": "pt"})
        (made / CONFIG_FILE).write_text(json.dumps(config, indent=2) + "\n", encoding="utf-8")
        has_recipe = (adapter / RECIPE_FILE).is_file()
        if has_recipe:
            save_recipe(load_recipe(adapter / RECIPE_FILE), made / RECIPE_FILE)
    return Converted(target, len(names), shape.rank, shape.scale, base_name, has_recipe)


def _alpha(shape: Shape) -> float:
    """`lora_alpha` whose quotient by the rank is the scale to the last bit, where floating point allows it."""
    alpha = shape.scale * shape.rank
    near = (alpha, math.nextafter(alpha, math.inf), math.nextafter(alpha, 0.0))
    return next((one for one in near if one / shape.rank == shape.scale), alpha)


@mlx_thread.owned
def from_peft(source: Path, target: Path, *, base: Path, recipe: Path | None = None) -> Converted:
    """Write the PEFT folder `source` as the adapter folder `target` (which must not exist) for the model in `base`.

    Ranks that differ between layers are padded with zeros, factors that differ are taken into B, other floating-point
    types become fp32: it acts as its source does. A recipe is written only where `recipe` names one, or where the
    folder brings the one it was exported with and the base model is the same: without, what it was trained to
    rewrite is unknown. Raises `StyloraError` for what is damaged, acts in another way, or does not fit `base`.
    """
    _refuse_existing(target)
    config = read_config(source)
    file = source / WEIGHTS_FILE
    if not file.is_file():
        if any(next(source.glob(pattern), None) for pattern in ("*.bin", "*.pt", "*.pth")):
            raise StyloraError(
                f"{source}: has pickled weights only, which can run code when opened; save as safetensors"
            )
        raise StyloraError(f"{file}: missing; this adapter is incomplete, copy it again")
    shapes = _pairs(file)
    linears, layers = _linears(base)
    ranks, factors = {}, {}
    for module, (a, b) in shapes.items():
        ranks[module] = config.rank(module)
        factors[module] = config.factor(module)
        _refuse_misfit(file, module, a, b, ranks[module], linears.get(module))
    rank, scale = max(ranks.values()), _commonest([factor for factor in factors.values() if factor] or [1.0])
    keys, num_layers = _cover(set(shapes), layers)
    shape = Shape(rank, scale, config.lora_dropout, keys, num_layers)
    tensors = _converted(adapters.read_tensors(file), rank, {name: factor / scale for name, factor in factors.items()})
    known = _recipe(source, recipe, base, scale)
    with atomic_folder(target) as made:
        if known is not None:
            save_recipe(known, made / RECIPE_FILE)
        adapters.write_adapter(made, shape, tensors)
        origin = {"source": str(source), "made_for": config.base_model_name_or_path, "base": folders.identity(base)}
        (made / ORIGIN_FILE).write_text(tomli_w.dumps(without_none(origin)), encoding="utf-8")
    return Converted(target, len(shapes), rank, scale, config.base_model_name_or_path, known is not None)


def _refuse_existing(target: Path) -> None:
    if target.exists():
        raise StyloraError(f"{target}: already there; delete it or give another name")


def _pairs(file: Path) -> dict[str, tuple[tuple[int, ...], tuple[int, ...]]]:
    """Shapes of A and B by the module's name in MLX; every tensor of the file must belong to such a pair."""
    found: dict[str, dict[str, tuple[int, ...]]] = {}
    for name, entry in folders.tensors(file)[1].items():
        match = _TENSOR.fullmatch(name)
        if match is None:
            raise StyloraError(f"{file}: {name} is no LoRA weight of a linear layer; only those can be imported")
        found.setdefault(_module(match["module"]), {})[match["side"]] = tuple(entry["shape"])
    if not found:
        raise StyloraError(f"{file}: holds no weights")
    for module, sides in found.items():
        if len(sides) != 2:
            raise StyloraError(f"{file}: {module} has only its {next(iter(sides))} side; copy the adapter again")
    return {module: (sides["A"], sides["B"]) for module, sides in sorted(found.items())}


def _module(name: str) -> str:
    """The module's name in MLX; an adapter trained on a model without its head lacks the first part."""
    return f"model.{name}" if name.startswith("layers.") else name


def _linears(base: Path) -> tuple[dict[str, tuple[int, int]], int]:
    """Outputs and inputs of the linear layers of the model in folder `base`, by name, and its number of blocks."""
    config = folders.check(base)
    header = {name: entry for file in folders.weight_files(base) for name, entry in folders.tensors(file)[1].items()}
    quantization: Any = config.get("quantization") or {}
    linears = {}
    for name, entry in header.items():
        module, _, kind = name.rpartition(".")
        if kind != "weight" or len(entry["shape"]) != 2 or "embed" in module:
            continue
        outputs, inputs = entry["shape"]
        if f"{module}.scales" in header:
            group = (quantization.get(module) or quantization).get("group_size", 64)
            inputs = header[f"{module}.scales"]["shape"][1] * group
        linears[module] = (outputs, inputs)
    return linears, int(config.get("num_hidden_layers", 0))


def _refuse_misfit(
    file: Path, module: str, a: tuple[int, ...], b: tuple[int, ...], rank: int, linear: tuple[int, int] | None
) -> None:
    if linear is None:
        raise StyloraError(f"{file}: adapts {module}, which this base model has not; give the model it was made for")
    outputs, inputs = linear
    if a != (rank, inputs) or b != (outputs, rank):
        have = " and ".join("×".join(map(str, side)) for side in (a, b))
        raise StyloraError(
            f"{file}: does not fit this base model: {module} is {have}, "
            f"needed are {rank}×{inputs} and {outputs}×{rank}; give the model it was made for"
        )


def _commonest(values: list[float]) -> float:
    return max(sorted(set(values)), key=values.count)


def _cover(modules: set[str], layers: int) -> tuple[tuple[str, ...], int]:
    """Keys and number of last layers that name just these modules; full names where no such number does."""
    blocks: dict[int, set[str]] = {}
    for module in modules:
        found = _IN_LAYER.fullmatch(module)
        if found is None:
            return tuple(sorted(modules)), -1
        blocks.setdefault(int(found[1]), set()).add(found[2])
    inner = next(iter(blocks.values()))
    first = layers - len(blocks)
    if set(blocks) != set(range(first, layers)) or any(block != inner for block in blocks.values()):
        return tuple(sorted(modules)), -1
    order = {key: number for number, key in enumerate(ALL_SEVEN)}
    return tuple(sorted(inner, key=lambda key: (order.get(key, len(order)), key))), -1 if first == 0 else len(blocks)


def _converted(tensors: dict[str, mx.array], rank: int, factors: dict[str, float]) -> dict[str, mx.array]:
    made = {}
    for name, value in tensors.items():
        match = _TENSOR.fullmatch(name)
        assert match is not None
        module = _module(match["module"])
        value = value.astype(mx.float32).T
        missing = rank - value.shape[1 if match["side"] == "A" else 0]
        if match["side"] == "A":
            value = mx.pad(value, [(0, 0), (0, missing)])
        else:
            value = mx.pad(value, [(0, missing), (0, 0)])
            if factors[module] != 1.0:
                value = value * factors[module]
        made[f"{module}.lora_{match['side'].lower()}"] = mx.contiguous(value)
    if not all(mx.isfinite(value).all().item() for value in made.values()):
        raise StyloraError("the adapter holds values that are no numbers: it is damaged, or was trained to pieces")
    return dict(sorted(made.items()))


def _recipe(source: Path, given: Path | None, base: Path, scale: float) -> Recipe | None:
    """The recipe that was given, or that came along for this very base model and scale."""
    identity = folders.identity(base)
    if given is not None:
        recipe = load_recipe(given / RECIPE_FILE if given.is_dir() else given)
    elif (source / RECIPE_FILE).is_file():
        recipe = load_recipe(source / RECIPE_FILE)
        if (recipe.base, recipe.scale) != (identity, scale):
            return None
    else:
        return None
    return msgspec.structs.replace(recipe, base=identity, scale=scale)
