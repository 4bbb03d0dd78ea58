"""Attention and gates on a CPU: what MLX's own compute, sooner."""

from __future__ import annotations

from collections.abc import Callable

import mlx.core as mx
import numpy as np
import pytest
from mlx.utils import tree_map
from mlx_lm.models import llama, qwen2
from mlx_lm.models.cache import make_prompt_cache

from engine.models import mlx_thread
from engine.models.cpu import quick

Model = llama.Model | qwen2.Model

pytestmark = pytest.mark.skipif(mx.default_device() != mx.Device(mx.cpu), reason="there is a GPU")


def small_llama() -> Model:
    return llama.Model(llama.ModelArgs("llama", 48, 3, 96, 6, 1e-5, 130, num_key_value_heads=2))


def small_qwen() -> Model:
    return qwen2.Model(qwen2.ModelArgs("qwen2", 48, 3, 96, 4, 1e-6, 130, 2, rope_theta=1e4, tie_word_embeddings=False))


def drawn(make: Callable[[], Model]) -> Model:
    """Weights large enough for attention to be sharp and gates to close."""
    mx.random.seed(3)
    model = make()
    model.update(tree_map(lambda value: mx.random.normal(value.shape) / value.shape[-1] ** 0.5, model.parameters()))
    mx.eval(model.parameters())
    return model


def logits(model: Model) -> list[np.ndarray]:
    """Of a prompt in two parts, the second over a block's length, and of two steps of it beside a shorter one."""
    ids = mx.random.randint(0, 130, (1, 260), key=mx.random.key(5))
    long, short = make_prompt_cache(model), make_prompt_cache(model)
    found = [model(ids[:, :100], cache=long), model(ids[:, 100:], cache=long), model(ids[:, :30], cache=short)]
    batch = [one.merge([one, other]) for one, other in zip(long, short, strict=True)]
    found += [model(mx.array([[7], [9]]), cache=batch), model(mx.array([[1], [2]]), cache=batch)]
    found.append(model(ids[:, :80]))  # without a cache
    return [np.array(one) for one in found]


@pytest.mark.parametrize("make", [small_llama, small_qwen])
def test_prompts_and_batches_get_the_logits_that_mlx_gives_them(make: Callable[[], Model]) -> None:
    def both() -> None:
        model = drawn(make)
        own = type(model.layers[0].self_attn)
        wanted = logits(model)
        with quick(model):
            assert type(model.layers[0].self_attn) is not own
            found = logits(model)
        assert type(model.layers[0].self_attn) is own
        for one, other in zip(found, wanted, strict=True):
            np.testing.assert_allclose(one, other, atol=2e-5 * np.abs(other).max())

    mlx_thread.run(both)


def test_weights_of_another_size_are_left_to_mlx() -> None:
    def half() -> None:
        model = drawn(small_llama)
        model.update(tree_map(lambda value: value.astype(mx.float16), model.parameters()))
        wanted = logits(model)
        with quick(model):
            found = logits(model)
        for one, other in zip(found, wanted, strict=True):
            assert (one == other).all()

    mlx_thread.run(half)
