"""What a workspace's `stylora.toml` may say. It belongs to the user: read strictly, never rewritten."""

from __future__ import annotations

import difflib
import re
import tomllib
from pathlib import Path
from typing import Annotated, Literal, get_args, get_type_hints

import msgspec

from engine.errors import StyloraError

Fraction = Annotated[float, msgspec.Meta(ge=0, le=1)]
Positive = Annotated[float, msgspec.Meta(gt=0)]
Count = Annotated[int, msgspec.Meta(ge=1)]
Whole = Annotated[int, msgspec.Meta(ge=0)]

VariantKind = Literal["snowflake", "robustness", "plural", "third", "impersonal"]
InputKind = Literal["standard", "dropout", "abstract"]


class _Strict(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    pass


class ModelSource(_Strict, frozen=True):
    """Where a base model comes from: a hub repository, a local folder, or an installed package."""

    source: Literal["hub", "folder", "package"]
    location: str
    """Hub repository name, folder (relative to the workspace), or distribution name."""
    path: str
    """Folder of the MLX weights, relative to the workspace; made by `stylora convert`."""
    q_bits: Literal[0, 2, 3, 4, 6, 8] = 0
    """Bits per weight when converted; 0 keeps the source's precision."""
    instruct: bool = False


class CurationSettings(_Strict, frozen=True):
    target_tokens: Count = 900_000
    min_para_words: Count = 60
    max_para_words: Count = 400


class DatasetSettings(_Strict, frozen=True):
    variants: tuple[VariantKind, ...] = get_args(VariantKind)
    inputs: tuple[InputKind, ...] = get_args(InputKind)
    noise: Fraction = 0.08
    robustness_noise: Fraction = 0.15
    valid: Fraction = 0.05
    test: Fraction = 0.05


class NeutralSettings(_Strict, frozen=True):
    kind: Literal["rules"] = "rules"


class TrainingSettings(_Strict, frozen=True):
    """The mission's defaults, tuned for a 14B base model; the demo brings its own for the embedded one."""

    rank: Count = 64
    scale: Positive = 2.0
    dropout: Fraction = 0.1
    learning_rate: Positive = 1e-5
    batch_size: Count = 1
    grad_accumulation: Count = 4
    epochs: Positive = 2.2
    max_seq_length: Count = 2048
    save_every: Count = 200
    steps_per_eval: Count = 200


class RewriteSettings(_Strict, frozen=True):
    variations: Count = 5
    temperature: Annotated[float, msgspec.Meta(ge=0, le=5)] = 0.7
    min_p: Fraction = 0.05
    repetition_penalty: Positive = 1.1
    strength: Annotated[float, msgspec.Meta(ge=0, le=4)] = 1.0
    """LoRA scale relative to the trained one: 1 is the adapter as trained, 0 the base model."""


class Settings(_Strict, frozen=True):
    author: str = "The Unconducted Chorus"
    base_model: str = "qwen2.5-14b"
    seed: Whole = 42
    models: dict[str, ModelSource] = {}
    curation: CurationSettings = CurationSettings()
    dataset: DatasetSettings = DatasetSettings()
    neutral: NeutralSettings = NeutralSettings()
    training: TrainingSettings = TrainingSettings()
    rewrite: RewriteSettings = RewriteSettings()


def nearest(name: str, names: list[str]) -> str:
    """The hint `; did you mean ...?` for a mistyped `name`, or the list of what there is."""
    close = difflib.get_close_matches(name, names, n=1)
    return f"; did you mean {close[0]!r}?" if close else f"; known: {', '.join(sorted(names))}"


def _known_fields(at: str) -> list[str]:
    """Field names of the table at a msgspec path such as ``$.training`` or ``$.models[...]``."""
    table: type = Settings
    for part in re.findall(r"\.(\w+)", at):
        hint = get_type_hints(table)[part]
        arguments = get_args(hint)
        table = arguments[-1] if arguments else hint
    return list(table.__struct_fields__)  # type: ignore[attr-defined]


def parse_settings(text: str, where: str) -> Settings:
    """Settings from TOML text; `where` names the file in errors.

    Raises `StyloraError` for broken TOML, an unknown key (naming the nearest known one) or a bad value.
    """
    try:
        return msgspec.convert(tomllib.loads(text), Settings)
    except tomllib.TOMLDecodeError as error:
        raise StyloraError(f"{where}: not valid TOML: {error}") from None
    except msgspec.ValidationError as error:
        reason = str(error)
        unknown = re.match(r"Object contains unknown field `(.+?)`(?: - at `(.+)`)?", reason)
        if unknown:
            name, at = unknown[1], unknown[2] or "$"
            section = at.removeprefix("$").strip(".") or "the top level"
            raise StyloraError(
                f"{where}: unknown key {name!r} in {section}{nearest(name, _known_fields(at))}"
            ) from None
        raise StyloraError(f"{where}: {reason.replace('`$.', '`')}") from None


def load_settings(path: Path) -> Settings:
    """Settings of the workspace file at `path`."""
    try:
        return parse_settings(path.read_text(encoding="utf-8"), str(path))
    except UnicodeDecodeError:
        raise StyloraError(f"{path}: not UTF-8 text; save it as UTF-8") from None
    except OSError as error:
        raise StyloraError(f"{path}: {error.strerror}; run 'stylora init' to make a workspace") from None
