"""Jobs on models and adapters beside converting: what is here and fits, fusing, and PEFT adapters in and out."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from engine.errors import StyloraError
from engine.progress import Report
from engine.workspace import Workspace

if TYPE_CHECKING:
    from engine.models.registry import ModelEntry
    from engine.recipe import Recipe

Result = dict[str, Any]

_PROMPTS = 4
"""Held-out passages that a fused model is compared on."""
_PLAIN = (
    "The bridge over the river was closed in 1987 because a cable broke.",
    "A man lived by himself in a house near the sea. He went out each morning to look at the water.",
    "The town has two churches and one school. Most people work in the mill.",
    "We found an old letter in the drawer. Nobody knew who had written it.",
)
"""Plain sentences to compare on where no dataset is at hand."""


def given(path: str | Path | None, default: Path) -> Path:
    """A path as the user gave it (relative to where the user stands), or the workspace's own."""
    return default if path is None else Path(path).expanduser().absolute()


def adapter_folder(workspace: Workspace, adapter: str | Path | None, author: str | None = None) -> Path:
    """The adapter folder that is meant: a path, the bare name of a run in `lora_adapters/`, or the author's own.

    A bare name means a folder where the user stands only if that is an adapter and there is none of this name there.
    """
    if adapter is None:
        return workspace.adapter(author or workspace.settings.author)
    path = Path(adapter).expanduser()
    named = workspace.root / "lora_adapters" / path.name
    bare = path.name == str(adapter) and path.name != ".."
    return named if bare and (named.exists() or not (path / "adapter_config.json").exists()) else path.absolute()


def models(workspace: Workspace, report: Report) -> Result:
    """Every base model of the workspace, what it is and whether it fits on this machine."""
    from engine.report.models import overview
    from engine.training.memory import available_memory

    return {
        "available": available_memory(),
        "models": [msgspec.to_builtins(one) for one in overview(workspace)],
    }


def fuse(
    workspace: Workspace,
    report: Report,
    *,
    adapter: str | Path | None = None,
    author: str | None = None,
    model: str | None = None,
    output: str | Path | None = None,
    q_bits: int = 0,
    group_size: int = 64,
    dtype: str | None = None,
) -> Result:
    """An adapter put into its base model: a folder for any MLX program, compared with base and adapter."""
    from engine.models import adapters
    from engine.models.fuse import WEAK
    from engine.models.fuse import fuse as run

    if dtype not in (None, "float16", "bfloat16", "float32"):
        raise StyloraError(f"dtype {dtype!r}: must be float16, bfloat16 or float32")
    folder = adapter_folder(workspace, adapter, author)
    adapters.read_shape(folder)  # says what is wrong with the folder before a base model is looked for
    entry, recipe = _base(workspace, report, folder, model)
    target = given(output or None, workspace.models / f"{entry.path.name}-{folder.name}")
    samples = _samples(workspace, recipe)
    fused = run(
        entry.path,
        folder,
        target,
        samples=samples,
        q_bits=q_bits,
        group_size=group_size,
        dtype=dtype,  # type: ignore[arg-type]
        report=report,
    )
    return {
        **msgspec.to_builtins(fused, enc_hook=str),
        "base": entry.name,
        "adapter": str(folder),
        "weak": fused.likeness.kept < WEAK,
    }


def adapter_export(
    workspace: Workspace,
    report: Report,
    *,
    output: str | Path,
    adapter: str | Path | None = None,
    author: str | None = None,
    base_name: str | None = None,
) -> Result:
    """An adapter as a folder of Hugging Face PEFT."""
    from engine.models import adapters
    from engine.models.peft import to_peft

    folder = adapter_folder(workspace, adapter, author)
    adapters.read_shape(folder)
    rounded = ""
    if base_name is None:
        entry, _ = _base(workspace, report, folder, None)
        base_name = _origin(folder).get("made_for") or entry.hub_name
        rounded = entry.quantization if "bit" in entry.quantization else ""
    made = to_peft(folder, Path(output).expanduser().absolute(), base_name=base_name)
    return {**msgspec.to_builtins(made, enc_hook=str), "base_quantization": rounded}


def adapter_import(
    workspace: Workspace,
    report: Report,
    *,
    source: str | Path,
    name: str | None = None,
    model: str | None = None,
    recipe: str | Path | None = None,
) -> Result:
    """A PEFT folder as an adapter in `lora_adapters/`, for a base model that is here."""
    from engine.models import registry
    from engine.models.peft import from_peft

    folder = Path(source).expanduser().absolute()
    if name is not None and (Path(name).name != name or name == ".."):
        raise StyloraError(f"--name {name}: give a plain name; the adapter is put into lora_adapters/ under it")
    target = workspace.root / "lora_adapters" / (name or folder.name)
    entry = registry.ensure(workspace, model or workspace.settings.base_model, report)
    record = Path(recipe).expanduser().absolute() if recipe else None
    made = from_peft(folder, target, base=entry.path, recipe=record)
    return {**msgspec.to_builtins(made, enc_hook=str), "base": entry.name}


def _base(workspace: Workspace, report: Report, folder: Path, model: str | None) -> tuple[ModelEntry, Recipe | None]:
    """The base model of an adapter: the one its recipe or its origin names, or `model` where neither does."""
    from engine.models import registry
    from engine.recipe import RECIPE_FILE, load_recipe

    recipe = load_recipe(folder / RECIPE_FILE) if (folder / RECIPE_FILE).is_file() else None
    known = (recipe.base if recipe else None) or _origin(folder).get("base")
    if known is not None:
        return registry.with_identity(workspace, known, report), recipe
    if model is None:
        raise StyloraError(f"{folder}: says nothing of its base model; name it with --model")
    return registry.ensure(workspace, model, report), recipe


def _origin(folder: Path) -> dict[str, Any]:
    """Where an imported adapter came from; empty for one trained here."""
    import tomllib

    from engine.models.peft import ORIGIN_FILE

    try:
        return tomllib.loads((folder / ORIGIN_FILE).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}


def _samples(workspace: Workspace, recipe: Recipe | None) -> list[tuple[str, str]]:
    """Prompts as the adapter was trained on, with the author's text where held-out passages are at hand."""
    if recipe is None:
        return [(sentence, "") for sentence in _PLAIN]
    from engine import prompting
    from engine.dataset.rows import read_rows, split_file

    files = [split_file(workspace.dataset(recipe.author), split) for split in ("test", "valid")]
    rows = [row for file in files if file.is_file() for row in read_rows(file)]
    rows.sort(key=lambda row: (row.kind != "original", row.input != "standard"))  # plain ones first
    if rows:
        return [(row.prompt, row.styled) for row in rows[:_PROMPTS]]
    return [
        (prompting.prepare(recipe, text, content="narrative", words=80, name=f"fuse:{number}").text, "")
        for number, text in enumerate(_PLAIN)
    ]
