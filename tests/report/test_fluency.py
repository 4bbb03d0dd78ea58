"""Perplexity: each text read by itself, though several are read at once."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest

from engine.models import mlx_thread
from engine.models.adapters import attach
from engine.models.loading import Loaded, load
from engine.report import fluency

TEXTS = [
    "The tower fell in 1847, and nobody who had seen it standing wrote down how high it was.",
    "Rain.",
    "Every engine in the valley turned without regard for those who slept between the wheels and the dusk.",
    "It was a long road, and a longer night, and there was no lamp but the one that the carrier held before him.",
]


@pytest.fixture(scope="module")
def tiny(tiny_model: Path) -> Loaded:
    return load(tiny_model)


def test_a_text_is_read_to_the_limit_and_judged_from_its_second_token(
    tiny: Loaded, monkeypatch: pytest.MonkeyPatch
) -> None:
    def wanted(ids: list[int]) -> float:
        import mlx.core as mx

        logits = np.array(tiny.model(mx.array([ids[:-1]]))[0], dtype=np.float64)
        chances = logits - np.log(np.exp(logits).sum(-1, keepdims=True))
        return -sum(float(chances[at, token]) for at, token in enumerate(ids[1:]))

    found = fluency.surprise(tiny.model, tiny.tokenizer, TEXTS, tokens=20)
    for text, (nats, tokens) in zip(TEXTS, found, strict=True):
        ids = tiny.tokenizer.encode(text, add_special_tokens=False)[:20]
        if len(ids) < fluency.FEWEST:
            assert (nats, tokens) == (0, 0)
            continue
        assert tokens == len(ids) - 1
        assert math.isclose(nats, mlx_thread.run(wanted, ids), rel_tol=1e-5)
    monkeypatch.setattr(fluency, "_LOGITS", 1)  # one at a time
    np.testing.assert_allclose(fluency.surprise(tiny.model, tiny.tokenizer, TEXTS, tokens=20), found, rtol=1e-5)


def test_the_adapter_has_no_say_in_it(tiny_model: Path) -> None:
    def adapted() -> Loaded:
        import mlx.core as mx

        loaded = load(tiny_model)
        attach(loaded.model, rank=4, scale=2.0, seed=1)
        for layer in loaded.model.layers:
            layer.mlp.up_proj.lora_b = mx.ones(layer.mlp.up_proj.lora_b.shape)
        return loaded

    plain = load(tiny_model)
    with_adapter = mlx_thread.run(adapted)
    np.testing.assert_array_equal(
        fluency.surprise(with_adapter.model, with_adapter.tokenizer, TEXTS),
        fluency.surprise(plain.model, plain.tokenizer, TEXTS),
    )
