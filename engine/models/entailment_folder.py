"""What a folder with a model of natural-language inference has to hold: labels, sizes, weights, tokenizer. Never MLX.

Four architectures of sequence classification, as the hub lays them out; whatever else there is gets one clear line.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import msgspec

from engine.errors import StyloraError
from engine.models import folder
from engine.workspace import Workspace

if TYPE_CHECKING:
    from tokenizers import Tokenizer

Count = Annotated[int, msgspec.Meta(ge=1)]
Whole = Annotated[int, msgspec.Meta(ge=0)]
Activation = Literal["gelu", "gelu_python", "gelu_new", "gelu_pytorch_tanh", "relu", "silu", "swish", "tanh"]
Shapes = dict[str, tuple[int, ...]]

PREFIXES = {"bert": "bert", "roberta": "roberta", "xlm-roberta": "roberta", "deberta-v2": "deberta"}
"""First part of the tensors' names by `model_type`."""
_DEFAULTS: dict[str, dict[str, Any]] = {
    "bert": {"type_vocab_size": 2, "layer_norm_eps": 1e-12, "pad_token_id": 0},
    "roberta": {"type_vocab_size": 2, "layer_norm_eps": 1e-12, "pad_token_id": 1},
    "xlm-roberta": {"type_vocab_size": 2, "layer_norm_eps": 1e-12, "pad_token_id": 1},
    "deberta-v2": {"type_vocab_size": 0, "layer_norm_eps": 1e-7, "pad_token_id": 0},
}
"""What a `config.json` that leaves a key out means, as transformers 5 has it."""
_FLOATS = ("F32", "F16", "BF16")
_BUFFERS = (".position_ids", ".token_type_ids")


class Config(msgspec.Struct, frozen=True, kw_only=True):
    """A `config.json`; keys have their names there, and those that do not matter here are passed over."""

    model_type: Literal["bert", "roberta", "xlm-roberta", "deberta-v2"]
    vocab_size: Count
    hidden_size: Count
    num_hidden_layers: Count
    num_attention_heads: Count
    intermediate_size: Count
    max_position_embeddings: Annotated[int, msgspec.Meta(ge=8)] = 512
    type_vocab_size: Whole
    layer_norm_eps: float
    pad_token_id: Whole
    hidden_act: Activation = "gelu"
    id2label: dict[str, str] = {}
    position_embedding_type: Literal["absolute"] = "absolute"
    is_decoder: Literal[False] = False
    # Only of deberta-v2:
    relative_attention: bool = False
    max_relative_positions: int = -1
    position_buckets: int = -1
    position_biased_input: bool = True
    pos_att_type: list[str] | str = []
    share_att_key: bool = False
    norm_rel_ebd: str = "none"
    conv_kernel_size: Whole = 0
    conv_groups: Count = 1
    conv_act: Activation = "tanh"
    embedding_size: Count | None = None
    attention_head_size: Count | None = None
    pooler_hidden_size: Count | None = None
    pooler_hidden_act: Activation = "gelu"

    @property
    def prefix(self) -> str:
        return PREFIXES[self.model_type]

    @property
    def labels(self) -> tuple[str, ...]:
        """Names of the classes, in lower case and in order."""
        return tuple(self.id2label[str(place)].strip().lower() for place in range(len(self.id2label)))

    @property
    def contradiction(self) -> int:
        """Which class is contradiction."""
        return self.labels.index("contradiction")

    @property
    def head_size(self) -> int:
        return self.attention_head_size or self.hidden_size // self.num_attention_heads

    @property
    def distances(self) -> tuple[str, ...]:
        """Of "c2p" and "p2c", the kinds of relative position that attention looks at."""
        told = self.pos_att_type.split("|") if isinstance(self.pos_att_type, str) else self.pos_att_type
        return tuple(kind for kind in ("c2p", "p2c") if kind in [one.strip().lower() for one in told])

    @property
    def furthest(self) -> int:
        """Tokens apart beyond which all distances are one."""
        return self.max_relative_positions if self.max_relative_positions > 0 else self.max_position_embeddings

    @property
    def span(self) -> int:
        """Half of the relative positions that have a vector."""
        return self.position_buckets if self.position_buckets > 0 else self.furthest

    @property
    def normed_distances(self) -> bool:
        return "layer_norm" in [part.strip() for part in self.norm_rel_ebd.lower().split("|")]

    @property
    def longest(self) -> int:
        """Tokens of a pair, those between and around the two texts included."""
        # RoBERTa counts positions from behind the padding's number.
        taken = self.pad_token_id + 1 if self.prefix == "roberta" else 0
        return self.max_position_embeddings - taken


def nli_folder(workspace: Workspace) -> Path | None:
    """The folder that ``[verify] nli`` names, as a path or by a name in `models`; None where nothing is set."""
    told = workspace.settings.verify.nli
    if not told:
        return None
    named = workspace.settings.models.get(told)
    return workspace.inside(named.path if named is not None else told)


def check(path: Path) -> Config:
    """The configuration of the model in folder `path`, after checking that it is whole and one that can be used.

    Reads headers, no weights. Raises `StyloraError` in one line: missing or damaged files, another architecture,
    labels without names, tensors that are missing, of other shapes, or unknown.
    """
    if not path.is_dir():
        raise StyloraError(
            f"{path}: no such folder; put the NLI model there, correct verify.nli in stylora.toml, or take it out"
        )
    for name in ("config.json", "tokenizer.json"):
        if not (path / name).is_file():
            raise StyloraError(f"{path / name}: missing; an NLI model needs config.json, tokenizer.json and weights")
    config = read_config(path / "config.json")
    found = dict(_tensors(path))
    wanted = shapes(config)
    for name, shape in wanted.items():
        if name not in found:
            raise StyloraError(f"{path}: its weights lack {name}; they are not those of its config.json")
        kind, has = found[name]
        if has != shape:
            raise StyloraError(f"{path}: {name} is {_by(has)} where its config.json asks for {_by(shape)}")
        if kind not in _FLOATS:
            raise StyloraError(f"{path}: {name} is stored as {kind}; take the model in {', '.join(_FLOATS)}")
    for name in sorted(found.keys() - wanted.keys()):
        if name.startswith(f"{config.prefix}.") and not _unused(name, config):
            raise StyloraError(f"{path}: its weights have {name}, which no {config.model_type} that is known here has")
    return config


def read_config(file: Path) -> Config:
    """The `config.json` of a model of natural-language inference; `StyloraError` for one of anything else."""
    raw = {key: value for key, value in folder.read_json(file).items() if value is not None}
    kind = raw.get("model_type")
    if kind not in PREFIXES:
        raise StyloraError(f"{file}: model_type {kind!r} is none that can judge; known: {', '.join(PREFIXES)}")
    try:
        config = msgspec.convert({**_DEFAULTS[kind], **raw}, Config)
    except msgspec.ValidationError as error:
        raise StyloraError(f"{file}: {str(error).replace('`$.', '`')}; no model that can be run here") from None
    try:
        labels = config.labels
    except KeyError:
        raise StyloraError(f"{file}: id2label does not number its labels from 0") from None
    if any(labels.count(name) != 1 for name in ("entailment", "contradiction")):
        said = ", ".join(config.id2label.values()) or "none"
        raise StyloraError(
            f"{file}: its labels (id2label) are {said}; an NLI model names entailment and contradiction among them"
        )
    size = config.embedding_size or config.hidden_size
    odd = {
        "hidden_size is no multiple of num_attention_heads": config.hidden_size % config.num_attention_heads,
        "embedding_size is another than hidden_size": size != config.hidden_size and kind != "deberta-v2",
        "attention_head_size is an unusual one": config.head_size * config.num_attention_heads != config.hidden_size,
        "pooler_hidden_size is another than hidden_size": config.pooler_hidden_size not in (None, config.hidden_size),
        "conv_kernel_size is even": config.conv_kernel_size and not config.conv_kernel_size % 2,
        "conv_groups is no divisor of hidden_size": config.hidden_size % config.conv_groups,
        "position_buckets is 1": config.position_buckets == 1,
        "max_position_embeddings leaves no room for a text": config.longest < 8,
    }
    if wrong := next((said for said, so in odd.items() if so), None):
        raise StyloraError(f"{file}: {wrong}; no model that can be run here")
    return config


def shapes(config: Config) -> Shapes:
    """Name and shape of every tensor that a model of this configuration computes with, as the hub names them."""
    wide, prefix, count = config.hidden_size, config.prefix, len(config.id2label)
    size = (config.embedding_size or wide) if prefix == "deberta" else wide
    wanted: Shapes = {f"{prefix}.embeddings.word_embeddings.weight": (config.vocab_size, size)}
    if prefix != "deberta" or config.position_biased_input:
        wanted[f"{prefix}.embeddings.position_embeddings.weight"] = (config.max_position_embeddings, size)
    if config.type_vocab_size:
        wanted[f"{prefix}.embeddings.token_type_embeddings.weight"] = (config.type_vocab_size, size)
    if size != wide:
        wanted[f"{prefix}.embeddings.embed_proj.weight"] = (wide, size)
    wanted |= _norm(f"{prefix}.embeddings.LayerNorm", wide)
    if prefix == "deberta":
        wanted |= _of_distances(config)
    for number in range(config.num_hidden_layers):
        layer = f"{prefix}.encoder.layer.{number}"
        for name in projections(config):
            wanted |= _linear(f"{layer}.attention.self.{name}", wide, wide)
        if prefix == "deberta" and config.relative_attention and not config.share_att_key:
            for kind in config.distances:
                name = "pos_key_proj" if kind == "c2p" else "pos_query_proj"
                wanted |= _linear(f"{layer}.attention.self.{name}", wide, wide)
        wanted |= _linear(f"{layer}.attention.output.dense", wide, wide)
        wanted |= _norm(f"{layer}.attention.output.LayerNorm", wide)
        wanted |= _linear(f"{layer}.intermediate.dense", wide, config.intermediate_size)
        wanted |= _linear(f"{layer}.output.dense", config.intermediate_size, wide)
        wanted |= _norm(f"{layer}.output.LayerNorm", wide)
    pooler, last = heads(config)
    return {**wanted, **_linear(pooler, wide, wide), **_linear(last, wide, count)}


def projections(config: Config) -> tuple[str, str, str]:
    """Names of the layers that make queries, keys and values."""
    names = ("query", "key", "value")
    return ("query_proj", "key_proj", "value_proj") if config.prefix == "deberta" else names


def heads(config: Config) -> tuple[str, str]:
    """Names of the two layers from the first token's vector to the labels."""
    if config.prefix == "roberta":
        return "classifier.dense", "classifier.out_proj"
    return ("bert.pooler.dense" if config.prefix == "bert" else "pooler.dense"), "classifier"


def weight_files(path: Path) -> list[Path]:
    """The safetensors files of the model in folder `path`; `StyloraError` where there are none or not all."""
    whole = path / "model.safetensors"
    files = [whole] if whole.is_file() else folder.weight_files(path)
    if not files:
        raise StyloraError(f"{path}: no model.safetensors in it; pickled weights (.bin, .pt) are never read")
    if whole not in files:
        folder.check_weights(path, files)
    return files


def called(name: str) -> str:
    """A tensor's name as it is today: early models said gamma and beta."""
    return name.replace("LayerNorm.gamma", "LayerNorm.weight").replace("LayerNorm.beta", "LayerNorm.bias")


def tokenizer(path: Path, config: Config) -> Tokenizer:
    """The tokenizer of the model in folder `path`: joins two texts and cuts the longer one where there is no room."""
    from tokenizers import Tokenizer

    file = path / "tokenizer.json"
    try:
        made = Tokenizer.from_file(str(file))
        made.no_padding()
        made.enable_truncation(config.longest, strategy="longest_first")
        pair = made.encode("a", "b")
    except Exception as error:  # the library raises plain Exceptions
        raise StyloraError(f"{file}: no tokenizer that can be read ({' '.join(str(error).split())[:120]})") from None
    if made.get_vocab_size() > config.vocab_size:
        raise StyloraError(f"{file}: has {made.get_vocab_size()} tokens, the model's weights only {config.vocab_size}")
    if sum(pair.special_tokens_mask) < 2:
        raise StyloraError(f"{file}: does not say how two texts are joined; take the model's fast tokenizer")
    if config.prefix != "roberta" and config.type_vocab_size and max(pair.type_ids) >= config.type_vocab_size:
        raise StyloraError(f"{file}: tells more kinds of text apart than the model's weights")
    return made


def _tensors(path: Path) -> Iterator[tuple[str, tuple[str, tuple[int, ...]]]]:
    for file in weight_files(path):
        for name, entry in folder.tensors(file)[1].items():
            yield called(name), (str(entry["dtype"]), tuple(entry["shape"]))


def _of_distances(config: Config) -> Shapes:
    wide, wanted = config.hidden_size, Shapes()
    if config.relative_attention:
        wanted["deberta.encoder.rel_embeddings.weight"] = (2 * config.span, wide)
    if config.normed_distances:
        wanted |= _norm("deberta.encoder.LayerNorm", wide)
    if size := config.conv_kernel_size:
        wanted["deberta.encoder.conv.conv.weight"] = (wide, wide // config.conv_groups, size)
        wanted["deberta.encoder.conv.conv.bias"] = (wide,)
        wanted |= _norm("deberta.encoder.conv.LayerNorm", wide)
    return wanted


def _linear(name: str, inputs: int, outputs: int) -> Shapes:
    return {f"{name}.weight": (outputs, inputs), f"{name}.bias": (outputs,)}


def _norm(name: str, wide: int) -> Shapes:
    return {f"{name}.weight": (wide,), f"{name}.bias": (wide,)}


def _unused(name: str, config: Config) -> bool:
    """Whether checkpoints of this kind may carry the tensor without computing with it."""
    left_over = {"roberta": "roberta.pooler.", "deberta": "deberta.embeddings.position_embeddings."}
    return name.endswith(_BUFFERS) or name.startswith(left_over.get(config.prefix, "\0"))


def _by(shape: tuple[int, ...]) -> str:
    return " × ".join(map(str, shape)) or "one number"
