"""What a workspace's `stylora.toml` may say. It belongs to the user: read strictly, never rewritten."""

from __future__ import annotations

import difflib
import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar, get_args, get_type_hints

import msgspec

from engine.errors import StyloraError

Fraction = Annotated[float, msgspec.Meta(ge=0, le=1)]
Positive = Annotated[float, msgspec.Meta(gt=0)]
Count = Annotated[int, msgspec.Meta(ge=1)]
Whole = Annotated[int, msgspec.Meta(ge=0)]

VariantKind = Literal["snowflake", "robustness", "plural", "third", "impersonal"]
InputKind = Literal["standard", "dropout", "abstract"]
Perspective = Literal["keep", "first", "plural", "third", "impersonal"]
PERSPECTIVES: tuple[VariantKind, ...] = ("plural", "third", "impersonal")
"""The variants that differ in who speaks."""


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
    overlap: Annotated[int, msgspec.Meta(ge=0, le=5)] = 0
    """Sentences that a passage shares with the one it goes on from."""


class DatasetSettings(_Strict, frozen=True):
    variants: tuple[VariantKind, ...] = get_args(VariantKind)
    inputs: tuple[InputKind, ...] = get_args(InputKind)
    engine: Literal["rules", "model", "server"] = "rules"
    """What makes snowflakes and perspectives; what a model gets wrong is left to the rules."""
    engine_model: str = ""
    """For "model" an instruct model's name in `models`; for "server" what the server at `neutral.url` calls it."""
    noise: Fraction = 0.08
    robustness_noise: Fraction = 0.15
    valid: Fraction = 0.05
    test: Fraction = 0.05


class NeutralSettings(_Strict, frozen=True):
    kind: Literal["rules", "model", "server", "translation"] = "rules"
    model: str = ""
    """For "model" a name in `models`; for "server" what the server calls it."""
    pivot: Annotated[str, msgspec.Meta(min_length=2, max_length=60)] = "Mandarin Chinese"
    """Language of the round trip, as an instruct model understands it."""
    attempts: Count = 3
    """Answers asked for before a text is left to the rules."""
    piece_words: Annotated[int, msgspec.Meta(ge=20)] = 180
    """Words translated at once; longer texts go piece by piece, whole sentences each."""
    url: str = ""
    """Root of the server's OpenAI interface, for example ``http://127.0.0.1:8080/v1``."""
    key_env: str = ""
    """Name of the environment variable that holds the server's key; never the key."""
    concurrency: Annotated[int, msgspec.Meta(ge=1, le=64)] = 4
    timeout: Positive = 120.0
    """Seconds for one answer."""
    plain_http_key: bool = False
    """Whether the key may travel unencrypted to another machine."""


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
    warmup: Whole = 20
    """Updates of linear warm-up; never more than a tenth of the run."""
    num_layers: int = -1
    """Layers from the last that get an adapter; -1 is all of them."""
    grad_checkpoint: Literal["auto"] | bool = "auto"
    """Whether activations are computed twice instead of kept; "auto" does where memory asks for it."""
    save_every: Count = 200
    steps_per_report: Count = 10
    steps_per_eval: Count = 200
    patience: Count | None = None
    """Stop after this many validations in a row without a better one; left out, the run goes to its end."""
    keep: Count = 2
    """Newest checkpoints kept, beside the best."""
    samples: Whole = 2
    """Held-out prompts the model writes for at each validation; 0 for none."""
    sample_tokens: Count = 80


class RewriteSettings(_Strict, frozen=True):
    variations: Annotated[int, msgspec.Meta(ge=1, le=32)] = 5
    temperature: Annotated[float, msgspec.Meta(ge=0, le=5)] = 0.6
    top_p: Annotated[float, msgspec.Meta(gt=0, le=1)] = 1.0
    min_p: Fraction = 0.05
    repetition_penalty: Positive = 1.1
    repetition_window: Count = 256
    """Tokens of the text so far that the penalty bears on."""
    hold: Annotated[float, msgspec.Meta(ge=0, le=5)] = 1.0
    """Logits added to a name or number of the text whose turn has come; with 0 the noise's typing errors are copied as
    well, as the model likes."""
    strength: Annotated[float, msgspec.Meta(ge=0, le=4)] = 1.0
    """LoRA scale relative to the trained one: 1 is the adapter as trained, 0 the base model."""
    scale: Positive | None = None
    """The LoRA scale itself; refused unless it is the one the adapter was trained with."""
    narrativize_input: bool | None = None
    """Tell the input in the first person first; unset: where the adapter was not trained on every perspective."""
    perspective: Perspective = "keep"
    """Point of view the input is told from before it is rewritten; one that the adapter was trained on."""
    apply_input_perturbation: bool = True
    """Noise in the input as in training; a result without it is marked."""
    expand_for_texture: bool = False
    """Let the base model lengthen the input first, for an author who says the same with more words."""
    use_persona: bool = True
    """Only true is accepted: no adapter was ever trained without its persona."""
    tolerance: Annotated[float, msgspec.Meta(ge=0, le=0.5)] = 0.15
    """By how much a rewrite may miss the number of words it was asked for."""
    retries: Annotated[int, msgspec.Meta(ge=0, le=5)] = 2
    """How often a passage is tried again while something severe is found in every variation: cooler and with a
    new seed, then with less strength as well. What is found is shown either way."""
    remember: bool = True
    """Keep rewritten passages in `rewrites/`, one history per adapter."""


class VerifySettings(_Strict, frozen=True):
    nli: str = ""
    """Folder of a model of natural-language inference, or its name in `models`: it looks for what a rewrite
    contradicts. Empty for no such check."""


class AppSettings(_Strict, frozen=True):
    theme: Literal["dark", "light", "terminal"] = "dark"
    """What the app starts with until another one is chosen in it; "terminal" takes the terminal's own colours."""


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
    verify: VerifySettings = VerifySettings()
    app: AppSettings = AppSettings()
    keys: dict[str, str | tuple[str, ...]] = {}
    """Keys of the app by action, as `stylora keys` lists them; `tui.keymap` reads them."""


Part = TypeVar("Part", bound=_Strict)


def changed(settings: Part, changes: Mapping[str, Any]) -> Part:
    """`settings` with `changes`, None meaning unchanged; raises `StyloraError` for a value that does not fit."""
    given = {name: value for name, value in changes.items() if value is not None}
    try:
        return msgspec.convert({**msgspec.structs.asdict(settings), **given}, type(settings))
    except msgspec.ValidationError as error:
        raise StyloraError(_plainly(str(error))) from None


_KINDS = {
    "int": "a whole number",
    "float": "a number",
    "str": "text",
    "bool": "true or false",
    "array": "a list",
    "object": "a table",
    "null": "nothing",
}
"""msgspec's words for what a value is, and a user's."""


def _plainly(reason: str) -> str:
    """msgspec's reason why a value does not fit, in plain words and with the value's name in front."""
    said, _, at = reason.partition(" - at `$")
    said = re.sub(r"`([a-z |]+)`", lambda kinds: " or ".join(_KINDS.get(k, k) for k in kinds[1].split(" | ")), said)
    said = re.sub(r"^Expected (.+), got (.+)", r"must be \1, not \2", said)
    said = re.sub(r"^Expected (.+?)(\d)\.0$", r"Expected \1\2", said)
    said = re.sub(r"^Expected ", "must be ", said)
    name = at.strip(".`")
    if wrong := re.match(r"Invalid enum value (.+)", said):
        choices = get_args(_hint(name))
        known = f"; known: {', '.join(choices)}" if choices and all(isinstance(one, str) for one in choices) else ""
        said = f"{wrong[1]} is not one of its values{known}"
    return f"{name}: {said}" if name else said


def _hint(name: str) -> Any:
    """The type of the setting called `name`, such as ``rewrite.perspective``; None for one in a list or table."""
    table: Any = Settings
    for part in name.split("."):
        hints = get_type_hints(table) if isinstance(table, type) else {}
        if part not in hints:
            return None
        table = hints[part]
    return table


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
        raise StyloraError(f"{where}: {_plainly(reason)}") from None


def load_settings(path: Path) -> Settings:
    """Settings of the workspace file at `path`."""
    try:
        return parse_settings(path.read_text(encoding="utf-8"), str(path))
    except UnicodeDecodeError:
        raise StyloraError(f"{path}: not UTF-8 text; save it as UTF-8") from None
    except OSError as error:
        raise StyloraError(f"{path}: {error.strerror}; run 'stylora init' to make a workspace") from None
