"""How surprised the base model is by a text: its perplexity, without prompt and without adapter."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from engine.models import mlx_thread
from engine.models.adapters import set_strength

TOKENS = 48
"""Tokens of each text that are read, from its beginning. Chosen: what makes a text fluent shows early, and every
further token costs as much as one of a prompt."""
FEWEST = 8
"""Tokens that a text needs to be read. Chosen: a phrase of fewer is common or rare, and neither is fluent."""


@mlx_thread.owned
def surprise(model: Any, tokenizer: Any, texts: Sequence[str], *, tokens: int = TOKENS) -> np.ndarray:
    """Nats and tokens of each text under the base model, shape (texts, 2); zeros for a text of less than `FEWEST`.

    exp(sum of nats / sum of tokens) is the perplexity of any set of them. Leaves the adapter at strength 0. On the
    MLX thread.
    """
    from engine.training.batches import Example, collate
    from engine.training.loss import LossFunction

    training = model.training
    model.eval()
    set_strength(model, 0.0)
    loss = LossFunction(model, checkpointed=False)
    found = np.zeros((len(texts), 2))
    try:
        for number, text in enumerate(texts):
            mlx_thread.stop_if_abandoned()
            ids = tokenizer.encode(text, add_special_tokens=False)[:tokens]
            if len(ids) < FEWEST:
                continue
            # The first token follows nothing, so it is read and not judged.
            found[number] = loss.value(collate([Example(tuple(ids), 1)])), len(ids) - 1
    finally:
        model.train(training)
    return found
