"""An adapter put into its base model for good: one folder that any MLX program loads, checked to write as before.

Fusing into 4-bit weights can round the adapter away (mlx-lm issues 654 and 1564), so the base is de-quantised unless
asked otherwise, and what is left of the style is measured either way.
"""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any, Literal

import mlx.core as mx
import mlx.nn as nn
import tomli_w
from mlx.utils import tree_flatten, tree_unflatten

from engine.errors import Cancelled, StyloraError
from engine.models import adapters, folder, likeness, mlx_thread
from engine.models.convert import check_quantization
from engine.models.likeness import Likeness
from engine.models.loading import hush, in_one_line, load, to_float32
from engine.models.writing import copy_tokenizer, model_folder, write_model
from engine.progress import Progress, Report, silent
from engine.recipe import RECIPE_FILE

Precision = Literal["float16", "bfloat16", "float32"]

WEAK = 0.9
"""Share of the adapter's effect below which a fused model is said to have lost style."""
_STAGE = "fuse"


@dataclass(frozen=True, slots=True)
class Fused:
    """A fused model's folder, how its weights are stored, its size in bytes, and how alike it writes."""

    path: Path
    quantization: str
    bytes: int
    likeness: Likeness


@mlx_thread.owned
def fuse(
    base: Path,
    adapter: Path,
    target: Path,
    *,
    samples: Sequence[tuple[str, str]],
    q_bits: int = 0,
    group_size: int = 64,
    dtype: Precision | None = None,
    report: Report = silent,
) -> Fused:
    """Write the model in `base` with the adapter in `adapter` put into its weights to the folder `target`.

    The weights are computed in fp32 and written in `dtype` (default: the base's own), or quantised anew with `q_bits`.
    `samples` are prompts with the text that is to follow (or ''), on which the fused model as it lies is compared
    with base and adapter. The folder appears whole or not at all. Raises `StyloraError` for an existing target and
    for an adapter that is damaged or of another base model.
    """
    if target.exists():
        raise StyloraError(f"{target}: already there; delete it or give another name")
    if not samples:
        raise ValueError("nothing to compare on")
    check_quantization(q_bits, group_size)
    report(Progress(_STAGE, message=f"loading {base.name} and the adapter"))
    loaded = load(base)
    adapters.load_adapter(loaded.model, adapter, need_recipe=False)
    adapted = likeness.probe(loaded.model, loaded.tokenizer, samples)
    adapters.set_strength(loaded.model, 0.0)
    plain = likeness.probe(loaded.model, loaded.tokenizer, samples, like=adapted, texts=False)
    del loaded
    mx.clear_cache()
    with model_folder(target) as made:
        report(Progress(_STAGE, message="writing" + (f" in {q_bits} bits, groups of {group_size}" if q_bits else "")))
        try:
            model, config = _fused(base, adapter, dtype, q_bits, group_size)
            copy_tokenizer(base, made)
            write_model(model, config, made, report)
        except (Cancelled, OSError, StyloraError):
            raise
        except Exception as error:
            raise StyloraError(f"{base}: this model cannot be fused: {in_one_line(error)}") from error
        if (adapter / RECIPE_FILE).is_file():
            shutil.copyfile(adapter / RECIPE_FILE, made / RECIPE_FILE)
        folder.check(made)
        report(Progress(_STAGE, message="comparing with base and adapter"))
        loaded = load(made)
        after = likeness.probe(loaded.model, loaded.tokenizer, samples, like=adapted)
        alike = likeness.compare(adapted, after, plain)
        note = {
            "source": str(base),
            "adapter": str(adapter),
            "base": folder.identity(base),
            "mlx_lm": version("mlx-lm"),
            "likeness": asdict(alike),
        }
        (made / folder.NOTE_FILE).write_text(tomli_w.dumps(note), encoding="utf-8")
    report(Progress(_STAGE, message=f"{target} is ready"))
    return Fused(target, folder.quantization(target), folder.size_on_disk(target), alike)


def _fused(
    base: Path, adapter: Path, dtype: Precision | None, q_bits: int, group_size: int
) -> tuple[Any, dict[str, Any]]:
    """The fused model, not yet computed, and its configuration."""
    hush()
    from mlx_lm.utils import load_model, quantize_model

    model, config = load_model(base, lazy=True)
    own = _own_type(model)
    adapters.load_adapter(model, adapter, need_recipe=False)
    to_float32(model)
    model.update_modules(tree_unflatten([(name, _one(module)) for name, module in adapters.lora_modules(model)]))
    kind: Precision = dtype or own
    kept = getattr(model, "cast_predicate", lambda _: True)
    cast = [
        (name, value.astype(getattr(mx, kind)) if kept(name) and mx.issubdtype(value.dtype, mx.floating) else value)
        for name, value in _flat(model)
    ]
    model.update(tree_unflatten(cast))
    for key in ("quantization", "quantization_config", "dtype"):
        config.pop(key, None)
    config["torch_dtype"] = kind
    if q_bits:
        model, config = quantize_model(model, config, group_size, q_bits)
    return model, config


def _flat(model: nn.Module) -> list[tuple[str, mx.array]]:
    flat: Any = tree_flatten(model.parameters())
    return flat


def _own_type(model: nn.Module) -> Precision:
    """What the base model computes in: the commonest floating-point type of its tensors, by number of elements."""
    sizes: dict[Any, int] = {}
    for _, value in _flat(model):
        if mx.issubdtype(value.dtype, mx.floating):
            sizes[value.dtype] = sizes.get(value.dtype, 0) + value.size
    largest = max(sizes, key=lambda kind: sizes[kind])
    names: dict[Any, Precision] = {mx.float16: "float16", mx.bfloat16: "bfloat16"}
    return names.get(largest, "float32")


def _one(module: Any) -> nn.Linear:
    """One linear layer for a LoRA layer with an unquantised base: its weight plus scale · (A B)ᵀ."""
    linear = module.linear
    fused = nn.Linear(*reversed(linear.weight.shape), bias="bias" in linear)
    fused.weight = linear.weight + module.scale * (module.lora_b.T @ module.lora_a.T)
    if "bias" in linear:
        fused.bias = linear.bias
    return fused
