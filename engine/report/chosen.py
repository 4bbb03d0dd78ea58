"""What an adapter is rewritten with unless a request says otherwise: a checkpoint, a strength, and ways to the prompt.

Kept in the adapter's folder, since a choice made on its report cards holds for no other. The recipe is not touched:
how an adapter was trained is not a choice. What was chosen stands above `[rewrite]` of `stylora.toml`, and what a
request says above both.
"""

from __future__ import annotations

import hashlib
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import msgspec
import tomli_w

from engine.atomic import write_text
from engine.errors import StyloraError
from engine.recipe import RECIPE_FILE, without_none
from engine.settings import Perspective

CHOSEN_FILE = "chosen.toml"
FORMAT = 1


class Chosen(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A choice. None leaves a value to the settings; names and ranges are those of ``[rewrite]`` in `stylora.toml`."""

    format: int = FORMAT
    checkpoint: int | None = None
    """Update of the checkpoint; None is the adapter as it lies, which is its best validation."""
    strength: Annotated[float, msgspec.Meta(ge=0, le=4)] | None = None
    apply_input_perturbation: bool | None = None
    narrativize_input: bool | None = None
    perspective: Perspective | None = None
    expand_for_texture: bool | None = None
    why: str = ""
    """What it was chosen for, in a line."""
    of: str = ""
    """`weights_of` the weights it was chosen for."""

    @property
    def knobs(self) -> dict[str, Any]:
        """The settings of ``[rewrite]`` that it says something about."""
        names = ("strength", "apply_input_perturbation", "narrativize_input", "perspective", "expand_for_texture")
        return {name: value for name in names if (value := getattr(self, name)) is not None}

    @property
    def line(self) -> str:
        """What was chosen, for people; empty where nothing was."""
        parts = [f"checkpoint {self.checkpoint}"] if self.checkpoint is not None else []
        parts += [f"strength {self.strength:g}"] if self.strength is not None else []
        said = {name: value for name, value in self.knobs.items() if name != "strength"}
        parts += [f"{name} = {str(value).lower()}" for name, value in said.items()]
        return ", ".join(parts)


def weights_of(folder: Path) -> str:
    """What the weights in an adapter's or a checkpoint's folder come from, in 16 hex digits; '' for none.

    A run's state says it for a checkpoint, and for an adapter the run's end: training anew gives another one, going on
    with a run does not change that of its checkpoints. Weights that are no run's are told by their size.
    """
    for name in ("state.json", "run.toml"):
        if (folder / name).is_file():
            found = _run(folder / name)
            return hashlib.sha256(msgspec.json.encode(found, order="sorted")).hexdigest()[:16]
    weights = folder / "adapters.safetensors"
    if not weights.is_file():
        return ""
    recipe = (folder / RECIPE_FILE).read_bytes() if (folder / RECIPE_FILE).is_file() else b""
    return hashlib.sha256(recipe + str(weights.stat().st_size).encode()).hexdigest()[:16]


def _run(path: Path) -> dict[str, Any]:
    """The part of a state or a run's end that follows from its weights alone."""
    try:
        text = path.read_text(encoding="utf-8")
        found = msgspec.json.decode(text) if path.suffix == ".json" else tomllib.loads(text)
    except (OSError, ValueError):
        return {}
    result = found.get("result", found)
    best = path.suffix == ".toml" and result.get("best_update") is not None
    kept = ("best_update", "best_valid_loss") if best else ("update", "updates", "tokens", "smoothed")
    return {"base": found.get("base"), "data": found.get("data"), **{name: result.get(name) for name in kept}}


def checkpoint_folder(adapter: Path, checkpoint: int | None) -> Path:
    """The folder that holds the weights of `checkpoint`, which need not be there."""
    return adapter if checkpoint is None else adapter / "checkpoints" / f"update-{checkpoint:06d}"


def read_chosen(adapter: Path) -> Chosen:
    """What was chosen for `adapter`; an empty choice where nothing was, or where it was for weights that are gone."""
    found = kept_chosen(adapter)
    return found if found is not None and not void(adapter, found) else Chosen()


def taken(
    adapter: Path, checkpoint: str | int | None, knobs: Mapping[str, Any]
) -> tuple[str | int | None, dict[str, Any], str]:
    """What a request that says `checkpoint` and `knobs` (None: nothing) is answered with, and what of it was chosen.

    What the request says stands; a strength chosen for one checkpoint is not taken for another.
    """
    said = {name: value for name, value in knobs.items() if value is not None}
    kept = kept_chosen(adapter)
    if kept is None:
        return checkpoint, said, ""
    if reason := void(adapter, kept):
        return checkpoint, said, f"{reason}; as trained instead"
    knobs_kept = kept.knobs
    if checkpoint is not None and str(checkpoint) != str(kept.checkpoint).lower():  # "none" is the adapter as it lies
        knobs_kept.pop("strength", None)
    elif checkpoint is None and kept.checkpoint is not None:
        checkpoint = kept.checkpoint
    added = {name: value for name, value in knobs_kept.items() if name not in said}
    told = msgspec.structs.replace(
        Chosen(),
        checkpoint=checkpoint if isinstance(checkpoint, int) and checkpoint == kept.checkpoint else None,
        **added,
    )
    return checkpoint, {**said, **added}, f"{told.line}, as chosen for this adapter" if told.line else ""


def kept_chosen(adapter: Path) -> Chosen | None:
    """The choice in an adapter's folder as it stands, void or not; None where there is none."""
    path = adapter / CHOSEN_FILE
    if not path.is_file():
        return None
    try:
        raw = tomllib.loads(path.read_text(encoding="utf-8"))
        return msgspec.convert(raw, Chosen) if raw.get("format") == FORMAT else None
    except (OSError, ValueError) as error:
        raise StyloraError(f"{path}: not a choice ({error}); 'stylora use --reset' forgets it") from None


def void(adapter: Path, chosen: Chosen) -> str:
    """Why a choice does not hold any more, in a line; '' where it does."""
    folder = checkpoint_folder(adapter, chosen.checkpoint)
    if not (folder / "adapters.safetensors").is_file():
        return f"checkpoint {chosen.checkpoint}, which was chosen, is gone" if chosen.checkpoint is not None else ""
    if chosen.of and weights_of(folder) != chosen.of:
        return f"{chosen.line or 'what'} was chosen for an earlier training of this adapter"
    return ""


def choose(adapter: Path, changes: Mapping[str, Any], *, why: str = "") -> Chosen:
    """Keep a choice for `adapter`: what was chosen before, with `changes`.

    ``checkpoint`` may be "best" or "last" too; "none" is the adapter as it lies. Raises `StyloraError` for a
    checkpoint that is not there and for a value that does not fit.
    """
    if not (adapter / "adapters.safetensors").is_file():
        raise StyloraError(f"{adapter}: no adapter there; train one with 'stylora train'")
    told = {**msgspec.structs.asdict(read_chosen(adapter)), **changes, "why": why}
    told["checkpoint"] = update_of(adapter, told["checkpoint"])
    try:
        chosen = msgspec.convert(told, Chosen)
    except msgspec.ValidationError as error:
        raise StyloraError(str(error).replace("`$.", "`")) from None
    chosen = msgspec.structs.replace(chosen, of=weights_of(checkpoint_folder(adapter, chosen.checkpoint)))
    write_text(adapter / CHOSEN_FILE, tomli_w.dumps(without_none(msgspec.to_builtins(chosen))))
    return chosen


def forget(adapter: Path) -> bool:
    """Take back what was chosen for `adapter`; returns whether there was anything."""
    path = adapter / CHOSEN_FILE
    there = path.is_file()
    path.unlink(missing_ok=True)
    return there


def updates_of(adapter: Path) -> list[int]:
    """The updates of the checkpoints that an adapter has, oldest first."""
    # A copy made by hand ("update-000040 copy") is none of the run's.
    folders = (one for one in (adapter / "checkpoints").glob("update-*") if one.name[7:].isdecimal())
    return sorted(int(one.name[7:]) for one in folders if (one / "adapters.safetensors").is_file())


def update_of(adapter: Path, checkpoint: str | int | None) -> int | None:
    """The update of a checkpoint that is there; None for the adapter as it lies."""
    if checkpoint in (None, "none"):
        return None
    known = updates_of(adapter)
    if str(checkpoint) in ("best", "last"):
        link = adapter / "checkpoints" / str(checkpoint)
        checkpoint = link.resolve().name[7:] if link.exists() else checkpoint
    if not str(checkpoint).isdecimal() or int(checkpoint) not in known:
        there = ", ".join(map(str, known)) or "none"
        raise StyloraError(
            f"{adapter.name}: no checkpoint {str(checkpoint)!r}; there are: best, last, or updates {there}"
        )
    return int(checkpoint)
