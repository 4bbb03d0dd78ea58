"""How surprised the base model is by a text: its perplexity, without prompt and without adapter."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from engine.models import mlx_thread
from engine.models.adapters import set_strength
from engine.models.cpu import quick

TOKENS = 48
"""Tokens of each text that are read, from its beginning. Chosen: what makes a text fluent shows early, and every
further token costs as much as one of a prompt."""
FEWEST = 8
"""Tokens that a text needs to be read. Chosen: a phrase of fewer is common or rare, and neither is fluent."""


_LOGITS = 1 << 24
"""Logits held at once (64 MiB in fp32)."""


@mlx_thread.owned
def surprise(model: Any, tokenizer: Any, texts: Sequence[str], *, tokens: int = TOKENS) -> np.ndarray:
    """Nats and tokens of each text under the base model, shape (texts, 2); zeros for a text of less than `FEWEST`.

    exp(sum of nats / sum of tokens) is the perplexity of any set of them. Leaves the adapter at strength 0. On the
    MLX thread.
    """
    import mlx.core as mx

    training = model.training
    model.eval()
    set_strength(model, 0.0)
    ids = [tokenizer.encode(text, add_special_tokens=False)[:tokens] for text in texts]
    asked = [row for row, one in enumerate(ids) if len(one) >= FEWEST]
    found = np.zeros((len(texts), 2))
    size = 1
    try:
        with quick(model):
            while asked:
                mlx_thread.stop_if_abandoned()
                part, asked = asked[:size], asked[size:]
                padded = np.zeros((len(part), max(len(ids[row]) for row in part)), dtype=np.int32)
                for place, row in enumerate(part):
                    padded[place, : len(ids[row])] = ids[row]
                logits = model(mx.array(padded[:, :-1])).astype(mx.float32)
                mx.eval(logits)
                nats = _nats(np.asarray(logits), padded[:, 1:])
                for place, row in enumerate(part):
                    # The first token follows nothing, so it is read and not judged.
                    found[row] = nats[place, : len(ids[row]) - 1].sum(), len(ids[row]) - 1
                size = max(1, _LOGITS // (logits.shape[-1] * tokens))
    finally:
        model.train(training)
    return found


def _nats(logits: np.ndarray, wanted: np.ndarray) -> np.ndarray:
    """Surprise at each of the `wanted` tokens (rows, tokens), from `logits` (rows, tokens, vocabulary), used up.

    In NumPy on every device: MLX's exponential is slow on a CPU, and on a GPU these are few.
    """
    top = logits.max(-1, keepdims=True)
    chosen = np.take_along_axis(logits, wanted[..., None], axis=-1)[..., 0] - top[..., 0]
    logits -= top
    mass: np.ndarray = np.log(np.exp(logits, out=logits).sum(-1, dtype=np.float64)) - chosen
    return mass
