"""Tiny models of natural-language inference in Hugging Face files: every number in them follows from a formula."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

from engine.models.entailment_folder import read_config, shapes

LABELS = ("entailment", "neutral", "contradiction")
WORDS = (
    "the a of in and not never was were is had bridge at carrow closed open nobody everybody saw it gate stood all "
    "night keeper slept watched boat came back empty full old woman her sister wrote letter burned kept river rose fell"
).split()
_SIZES = {
    "vocab_size": 64,
    "hidden_size": 16,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "intermediate_size": 24,
    "max_position_embeddings": 66,
    "type_vocab_size": 2,
    "hidden_act": "gelu",
}
_ROBERTA = {"type_vocab_size": 1, "layer_norm_eps": 1e-5, "pad_token_id": 1}
_V3 = {
    "model_type": "deberta-v2",
    "type_vocab_size": 0,
    "layer_norm_eps": 1e-7,
    "relative_attention": True,
    "max_relative_positions": -1,
    "position_buckets": 8,
    "norm_rel_ebd": "layer_norm",
    "share_att_key": True,
    "pos_att_type": "p2c|c2p",
    "position_biased_input": False,
}
KINDS: dict[str, dict[str, Any]] = {
    "bert": {"model_type": "bert", "layer_norm_eps": 1e-12, "pad_token_id": 0},
    "roberta": {"model_type": "roberta", **_ROBERTA},
    "xlm-roberta": {"model_type": "xlm-roberta", **_ROBERTA, "hidden_act": "gelu_new"},
    "deberta v3": _V3,
    "deberta v2 xlarge": {**_V3, "conv_kernel_size": 3, "conv_act": "gelu", "attention_head_size": 8},
    "deberta, all apart": {
        **_V3,
        "position_buckets": -1,
        "share_att_key": False,
        "norm_rel_ebd": "none",
        "pos_att_type": ["c2p", "p2c"],
        "position_biased_input": True,
        "type_vocab_size": 2,
        "embedding_size": 12,
        "conv_kernel_size": 3,
        "conv_groups": 2,
    },
}
"""What each kind's config.json has beside the sizes; the last one has what no known model has at once."""


def write_tiny_nli(folder: Path, kind: str = "deberta v3", **changes: Any) -> Path:
    """A model of 16 wide, 2 layers and 64 words; `changes` are keys of its config.json."""
    folder.mkdir(parents=True, exist_ok=True)
    labels = {str(place): name for place, name in enumerate(LABELS)}
    config = {**_SIZES, "pad_token_id": 0, "id2label": labels, **KINDS[kind], **changes}
    (folder / "config.json").write_text(json.dumps(config))
    _write_tokenizer(folder / "tokenizer.json", kind)
    write_tensors(folder / "model.safetensors", weights(folder))
    return folder


def weights(folder: Path) -> dict[str, np.ndarray]:
    """The tensors of the model whose config.json is in `folder`: quickening waves, around 1 where a norm multiplies."""
    made = {}
    for number, (name, shape) in enumerate(sorted(shapes(read_config(folder / "config.json")).items())):
        steps = np.arange(np.prod(shape), dtype=np.float64)
        wave = np.sin(steps * steps * (0.137 + 0.011 * number) + number)
        around = 1.0 if name.endswith("LayerNorm.weight") else 0.0
        made[name] = (around + (0.3 if around else 0.6) * wave).reshape(shape).astype(np.float32)
    return made


def write_tensors(file: Path, tensors: dict[str, np.ndarray]) -> None:
    """A safetensors file: length of the header, header, data."""
    header, data = {}, b""
    for name, value in tensors.items():
        start = len(data)
        data += value.astype("<f4").tobytes()
        header[name] = {"dtype": "F32", "shape": list(value.shape), "data_offsets": [start, len(data)]}
    text = json.dumps({"__metadata__": {"format": "pt"}, **header}).encode()
    file.write_bytes(len(text).to_bytes(8, "little") + text + data)


def _write_tokenizer(file: Path, kind: str) -> None:
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors

    known = ["[CLS]", "[PAD]", "[SEP]", "[UNK]"] if "roberta" in kind else ["[PAD]", "[CLS]", "[SEP]", "[UNK]"]
    vocabulary = {word: number for number, word in enumerate([*known, *WORDS])}
    tokenizer = Tokenizer(models.WordLevel(vocabulary, unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.Lowercase()
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    between = "[SEP] [SEP]" if "roberta" in kind else "[SEP]"
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]",
        pair=f"[CLS] $A {between} $B:1 [SEP]:1",
        special_tokens=[("[CLS]", vocabulary["[CLS]"]), ("[SEP]", vocabulary["[SEP]"])],
    )
    tokenizer.save(str(file))
