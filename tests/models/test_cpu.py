"""Attention and gates on a CPU: what MLX's own compute, sooner."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import mlx.core as mx
import numpy as np
import pytest
from mlx.utils import tree_map
from mlx_lm.models import llama, qwen2
from mlx_lm.models.cache import make_prompt_cache

from engine.models import mlx_thread
from engine.models.cpu import Join, quick

Model = llama.Model | qwen2.Model

pytestmark = pytest.mark.skipif(mx.default_device() != mx.Device(mx.cpu), reason="there is a GPU")


def small_llama() -> Model:
    return llama.Model(llama.ModelArgs("llama", 48, 3, 96, 6, 1e-5, 130, num_key_value_heads=2))


def small_qwen() -> Model:
    return qwen2.Model(qwen2.ModelArgs("qwen2", 48, 3, 96, 4, 1e-6, 130, 2, rope_theta=1e4, tie_word_embeddings=False))


def merged(cache: Sequence[Any], count: int) -> list[Any]:
    """A batch as mlx-lm makes it."""
    return [layer.merge([layer] * count) for layer in cache]


def drawn(make: Callable[[], Model]) -> Model:
    """Weights large enough for attention to be sharp and gates to close."""
    mx.random.seed(3)
    model = make()
    model.update(tree_map(lambda value: mx.random.normal(value.shape) / value.shape[-1] ** 0.5, model.parameters()))
    mx.eval(model.parameters())
    return model


def logits(model: Model, join: Join) -> list[np.ndarray]:
    """Of a prompt in two parts, the second over a block's length; then of steps of a batch whose rows come and go."""
    ids = mx.random.randint(0, 130, (1, 260), key=mx.random.key(5))
    long, short, none = make_prompt_cache(model), make_prompt_cache(model), make_prompt_cache(model)
    found = [model(ids[:, :100], cache=long), model(ids[:, 100:], cache=long), model(ids[:, :30], cache=short)]

    def step(batch: list[Any], tokens: list[int]) -> None:
        found.append(model(mx.array(tokens)[:, None], cache=batch)[:, -1])

    batch = join(short, 2)
    step(batch, [7, 9])
    for mine, other in zip(batch, join(long, 1), strict=True):
        mine.extend(other)
    step(batch, [1, 2, 3])
    for mine, other in zip(batch, join(none, 1), strict=True):  # a prompt of one token has nothing before it
        mine.extend(other)
    step(batch, [4, 5, 6, 8])
    for layer in batch:
        layer.filter([3, 1, 2])
    step(batch, [11, 12, 13])
    for layer in batch:
        layer.filter([2])
    step(batch, [14])
    lone = join(none, 2)
    step(lone, [1, 3])
    found.append(model(ids[:, :80]))  # without a cache
    return [np.array(one) for one in found]


@pytest.mark.parametrize("make", [small_llama, small_qwen])
def test_prompts_and_batches_get_the_logits_that_mlx_gives_them(make: Callable[[], Model]) -> None:
    def both() -> None:
        model = drawn(make)
        own = type(model.layers[0].self_attn)
        wanted = logits(model, merged)
        with quick(model) as join:
            assert type(model.layers[0].self_attn) is not own
            with quick(model) as inner:  # asked in the middle of it
                assert inner is not join
            found = logits(model, join)
        assert type(model.layers[0].self_attn) is own
        for one, other in zip(found, wanted, strict=True):
            np.testing.assert_allclose(one, other, atol=2e-5 * np.abs(other).max())

    mlx_thread.run(both)


def test_weights_of_another_size_are_left_to_mlx() -> None:
    def half() -> None:
        model = drawn(small_llama)
        model.update(tree_map(lambda value: value.astype(mx.float16), model.parameters()))
        wanted = logits(model, merged)
        with quick(model) as join:
            found = logits(model, join)
        for one, other in zip(found, wanted, strict=True):
            assert (one == other).all()

    mlx_thread.run(half)
