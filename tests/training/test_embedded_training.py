"""The embedded model, for truth: losses and gradients against a forward pass with all logits.

The reference takes its cross-entropy in double precision: MLX's own sum over 49,152 fp32 terms is off by 1.4e-4 on a
CPU, and its gradients by up to half a percent.
"""

from __future__ import annotations

from pathlib import Path

import mlx.core as mx
import mlx.nn as nn
import numpy as np
import pytest
from mlx.utils import tree_flatten

from engine.models import adapters, mlx_thread
from engine.models.loading import load
from engine.prompting import encode
from engine.training.batches import Example, collate
from engine.training.loss import LossFunction

PROMPT = "[INPUT]:\nThe tower was old. I went up the stairs at night and saw the sea.\n###\n"
STYLED = (
    "It was an ancient tower, whose angles no sane geometer had planned; and ascending its worn stairs by night, "
    "I beheld that indifferent sea upon which no lamp has ever shone."
)


def test_losses_and_gradients_are_those_of_all_logits(embedded_model: Path) -> None:
    def compare() -> tuple[float, float, float]:
        loaded = load(embedded_model)
        ids, start = encode(loaded.tokenizer, PROMPT, STYLED)
        adapters.attach(loaded.model, rank=8, scale=2.0)
        drawn = {
            name: value + 0.01 * mx.random.normal(value.shape, key=mx.random.key(index))
            for index, (name, value) in enumerate(adapters.weights(loaded.model).items())
        }
        adapters.set_weights(loaded.model, drawn)

        def styled_logits(model: nn.Module) -> mx.array:
            return model(mx.array([ids[:-1]]))[0, start - 1 :]

        logits = np.array(styled_logits(loaded.model), dtype=np.float64)
        targets = np.s_[np.arange(len(logits)), ids[start:]]
        mass = np.log(np.exp(logits).sum(-1, keepdims=True))
        wanted = float((mass[:, 0] - logits[targets]).sum())
        slope = np.exp(logits - mass)
        slope[targets] -= 1
        by_logits = mx.array(slope.astype(np.float32))
        _, tree = nn.value_and_grad(loaded.model, lambda model: (styled_logits(model) * by_logits).sum())(loaded.model)

        loss = LossFunction(loaded.model, checkpointed=False)
        assert loss.by_hand == (mx.default_device() == mx.Device(mx.cpu))
        found, gradients = loss.gradients(collate([Example(tuple(ids), start)]), seed=0)
        worst = max(
            (mx.abs(gradients[name] - value).max() / mx.abs(value).max()).item() for name, value in tree_flatten(tree)
        )
        return wanted / len(logits), found / len(logits), worst

    wanted, found, worst = mlx_thread.run(compare)
    assert found == pytest.approx(wanted, abs=1e-5)
    assert worst < 1e-4
