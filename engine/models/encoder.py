"""Encoders with a classifying head, as functions of weights: BERT, RoBERTa and DeBERTa-v2. On the MLX thread only.

No `mlx.nn` modules: making one draws random weights, and a training whose steps these are run between would draw others
after it. Nor anything compiled: on a CPU each new kernel would wait for a compiler.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Mapping

import mlx.core as mx
import numpy as np

from engine.models.entailment_folder import Activation, Config, heads, projections

Weights = Mapping[str, mx.array]
"""By the hub's names, as `engine.models.entailment_folder.shapes` lists them."""

_NEVER = -1e9
"""Added to the attention that padding would get."""


def logits(weights: Weights, config: Config, ids: mx.array, types: mx.array, mask: mx.array) -> mx.array:
    """Scores of the classes, shape (texts, classes), before the softmax.

    `ids`, `types` (which of the two texts a token is of) and `mask` (1 for a token, 0 for padding behind it) have the
    shape (texts, tokens). Without dropout, as in evaluation.
    """
    if config.prefix == "deberta":
        x = _deberta(weights, config, ids, types, mask)
        act: Activation = config.pooler_hidden_act
    else:
        x, act = _bert(weights, config, ids, types, mask), "tanh"
    pooler, last = heads(config)
    return _linear(weights, last, _ACTIVATIONS[act](_linear(weights, pooler, x[:, 0])))


def _bert(weights: Weights, config: Config, ids: mx.array, types: mx.array, mask: mx.array) -> mx.array:
    """Devlin et al. 2019; RoBERTa (Liu et al. 2019) differs in its positions, and knows no kinds of text."""
    places = mx.arange(ids.shape[1])
    if config.prefix == "roberta":
        places, types = places + config.pad_token_id + 1, mx.zeros_like(ids)
    x = weights[f"{config.prefix}.embeddings.word_embeddings.weight"][ids]
    x = x + weights[f"{config.prefix}.embeddings.position_embeddings.weight"][places]
    if config.type_vocab_size:
        x = x + weights[f"{config.prefix}.embeddings.token_type_embeddings.weight"][types]
    x = _norm(weights, f"{config.prefix}.embeddings.LayerNorm", x, config)
    padding = _padding(mask)
    for number in range(config.num_hidden_layers):
        x = _layer(weights, config, f"{config.prefix}.encoder.layer.{number}", x, lambda *_: padding, 1)
    return x


def _deberta(weights: Weights, config: Config, ids: mx.array, types: mx.array, mask: mx.array) -> mx.array:
    """He et al. 2021: attention to content and to relative positions apart; version 3 is of the same make."""
    count = ids.shape[1]
    x = weights["deberta.embeddings.word_embeddings.weight"][ids]
    if config.position_biased_input:
        x = x + weights["deberta.embeddings.position_embeddings.weight"][mx.arange(count)]
    if config.type_vocab_size:
        x = x + weights["deberta.embeddings.token_type_embeddings.weight"][types]
    if "deberta.embeddings.embed_proj.weight" in weights:
        x = x @ weights["deberta.embeddings.embed_proj.weight"].T
    x = _norm(weights, "deberta.embeddings.LayerNorm", x, config) * mask[:, :, None]
    padding, factor = _padding(mask), 1 + len(config.distances)
    vectors = _distance_vectors(weights, config)
    apart = mx.array(distances(count, config.position_buckets, config.furthest))
    first = x
    for number in range(config.num_hidden_layers):
        layer = f"deberta.encoder.layer.{number}"

        def bias(queries: mx.array, keys: mx.array, layer: str = layer) -> mx.array:
            if vectors is None:
                return padding
            return padding + _disentangled(weights, config, layer, queries, keys, vectors, apart, factor)

        x = _layer(weights, config, layer, x, bias, factor)
        if number == 0 and config.conv_kernel_size:
            x = _with_neighbours(weights, config, first, x, mask)
    return x


def _layer(
    weights: Weights,
    config: Config,
    layer: str,
    x: mx.array,
    bias: Callable[[mx.array, mx.array], mx.array],
    factor: int,
) -> mx.array:
    """One layer of an encoder; `bias` makes of queries and keys what is added to their products."""
    queries, keys, values = (
        _apart(_linear(weights, f"{layer}.attention.self.{name}", x), config) for name in projections(config)
    )
    seen = mx.fast.scaled_dot_product_attention(
        queries, keys, values, scale=1 / math.sqrt(config.head_size * factor), mask=bias(queries, keys)
    )
    seen = seen.transpose(0, 2, 1, 3).reshape(x.shape)
    x = _norm(weights, f"{layer}.attention.output.LayerNorm", x + _linear(weights, _out(layer), seen), config)
    inner = _ACTIVATIONS[config.hidden_act](_linear(weights, f"{layer}.intermediate.dense", x))
    return _norm(weights, f"{layer}.output.LayerNorm", x + _linear(weights, f"{layer}.output.dense", inner), config)


def _out(layer: str) -> str:
    return f"{layer}.attention.output.dense"


def _distance_vectors(weights: Weights, config: Config) -> mx.array | None:
    """A vector for each relative position, shape (1, 2 × span, width); None where attention does not look at any."""
    if not config.relative_attention or not config.distances:
        return None
    vectors = weights["deberta.encoder.rel_embeddings.weight"]
    if config.normed_distances:
        vectors = _norm(weights, "deberta.encoder.LayerNorm", vectors, config)
    return vectors[None]


def _disentangled(
    weights: Weights,
    config: Config,
    layer: str,
    queries: mx.array,
    keys: mx.array,
    vectors: mx.array,
    apart: mx.array,
    factor: int,
) -> mx.array:
    """What relative positions add to the attention, shape (texts, heads, tokens, tokens)."""
    own = "pos_key_proj", "pos_query_proj"
    key, query = ("key_proj", "query_proj") if config.share_att_key else own
    scale, shape = 1 / math.sqrt(config.head_size * factor), (*queries.shape[:3], queries.shape[2])
    added = mx.zeros(shape)
    if "c2p" in config.distances:
        met = _apart(_linear(weights, f"{layer}.attention.self.{key}", vectors), config)
        places = mx.clip(apart + config.span, 0, 2 * config.span - 1)
        added = added + mx.take_along_axis(
            queries @ met.transpose(0, 1, 3, 2), mx.broadcast_to(places[None, None], shape), axis=-1
        )
    if "p2c" in config.distances:
        met = _apart(_linear(weights, f"{layer}.attention.self.{query}", vectors), config)
        places = mx.clip(config.span - apart, 0, 2 * config.span - 1)
        added = added + mx.take_along_axis(
            keys @ met.transpose(0, 1, 3, 2), mx.broadcast_to(places[None, None], shape), axis=-1
        ).transpose(0, 1, 3, 2)
    return added * scale


def distances(count: int, buckets: int, furthest: int) -> np.ndarray:
    """How far each token is behind each other, shape (count, count); with `buckets` the far ones fall together.

    Half of the buckets are single steps, the others widen with the logarithm, up to `furthest`.
    """
    steps = np.arange(count)
    apart = steps[:, None] - steps[None, :]
    if buckets <= 0:
        return apart.astype(np.int32)
    half = buckets // 2
    far = np.where(np.abs(apart) < half, half - 1, np.abs(apart))
    # In single precision, as the models were trained: a bucket's edge may lie elsewhere in double.
    share = np.log(far.astype(np.float32) / np.float32(half)) / np.log(np.float32((furthest - 1) / half))
    rough = np.ceil(share * np.float32(half - 1)) + half
    return np.where(far <= half, apart, rough * np.sign(apart)).astype(np.int32)


def _with_neighbours(weights: Weights, config: Config, first: mx.array, x: mx.array, mask: mx.array) -> mx.array:
    """The first layer's output with a convolution over its input added, as the larger models have it."""
    kernel = weights["deberta.encoder.conv.conv.weight"].transpose(0, 2, 1)
    made = mx.conv1d(first, kernel, padding=(config.conv_kernel_size - 1) // 2, groups=config.conv_groups)
    made = (made + weights["deberta.encoder.conv.conv.bias"]) * mask[:, :, None]
    x = x + _ACTIVATIONS[config.conv_act](made)
    return _norm(weights, "deberta.encoder.conv.LayerNorm", x, config) * mask[:, :, None]


def _padding(mask: mx.array) -> mx.array:
    return ((1 - mask) * _NEVER)[:, None, None, :]


def _apart(x: mx.array, config: Config) -> mx.array:
    """(texts, tokens, width) → (texts, heads, tokens, head)."""
    return x.reshape(*x.shape[:2], config.num_attention_heads, config.head_size).transpose(0, 2, 1, 3)


def _linear(weights: Weights, name: str, x: mx.array) -> mx.array:
    return x @ weights[f"{name}.weight"].T + weights[f"{name}.bias"]


def _norm(weights: Weights, name: str, x: mx.array, config: Config) -> mx.array:
    return mx.fast.layer_norm(x, weights[f"{name}.weight"], weights[f"{name}.bias"], config.layer_norm_eps)


def _gelu(x: mx.array) -> mx.array:
    return x * 0.5 * (1 + mx.erf(x * (1 / math.sqrt(2))))


def _gelu_tanh(x: mx.array) -> mx.array:
    return x * 0.5 * (1 + mx.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x * x * x)))


def _silu(x: mx.array) -> mx.array:
    return x * mx.sigmoid(x)


_ACTIVATIONS: Mapping[Activation, Callable[[mx.array], mx.array]] = {
    "gelu": _gelu,
    "gelu_python": _gelu,
    "gelu_new": _gelu_tanh,
    "gelu_pytorch_tanh": _gelu_tanh,
    "relu": functools.partial(mx.maximum, 0),
    "silu": _silu,
    "swish": _silu,
    "tanh": mx.tanh,
}
