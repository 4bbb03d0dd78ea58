"""A twin of a loaded model: the same base weights, an adapter of its own."""

from __future__ import annotations

from pathlib import Path

import mlx.core as mx
from mlx.utils import tree_flatten

from engine.models import adapters, mlx_thread
from engine.models.loading import load
from engine.models.twin import twin_of


def test_a_twin_shares_the_base_and_nothing_else(tiny_model: Path) -> None:
    loaded = load(tiny_model)
    prompt = mx.array([[5, 6, 7]])

    def work() -> None:
        bare = loaded.model(prompt)
        adapters.attach(loaded.model, rank=4, scale=2.0, seed=1)
        adapters.set_weights(
            loaded.model, {name: mx.ones_like(one) * 0.1 for name, one in adapters.weights(loaded.model).items()}
        )
        trained, before = loaded.model(prompt), adapters.weights(loaded.model)
        trainable = {name for name, _ in tree_flatten(loaded.model.trainable_parameters())}

        twin = twin_of(loaded).model
        assert adapters.attached(twin) is None
        assert mx.array_equal(twin(prompt), bare).item()
        own = dict(tree_flatten(twin.parameters()))
        base = {name.replace(".linear.", "."): one for name, one in tree_flatten(loaded.model.parameters())}
        assert all(own[name] is base[name] for name in own), "not one tensor is copied"

        adapters.attach(twin, rank=2, scale=1.0, keys=("self_attn.q_proj",), seed=7)
        adapters.set_strength(twin, 0.5)
        twin.train()
        assert mx.array_equal(loaded.model(prompt), trained).item()
        after = adapters.weights(loaded.model)
        assert after.keys() == before.keys()
        assert all(after[name] is before[name] for name in before)
        assert {name for name, _ in tree_flatten(loaded.model.trainable_parameters())} == trainable
        assert adapters.attached(loaded.model) is not None

    mlx_thread.run(work)
