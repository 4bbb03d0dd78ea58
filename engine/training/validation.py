"""What is looked at between updates and changes nothing: the loss on held-out rows, and texts the model writes."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from random import Random
from typing import Any

from engine.models.decoding import decode
from engine.models.sampling import Sampling
from engine.prompting import SEPARATOR
from engine.training.batches import Example, in_order
from engine.training.checkpoint import State
from engine.training.loss import LossFunction

VALID_ROWS = 4
"""Rows of a validation batch."""
_GREEDY = Sampling(temperature=0.0)


@dataclass(frozen=True, slots=True)
class Sample:
    """What the model writes for a held-out prompt; the same `number` is the same prompt throughout a run."""

    number: int
    prompt: str
    text: str
    cut: bool
    """The model would have gone on: it was stopped at the most tokens that a sample has."""


def validate(loss: LossFunction, examples: Sequence[Example], between: Callable[[int], None]) -> float:
    """Mean loss over the styled tokens of all `examples`, in a fixed order and without dropout.

    `between` gets the number of examples done, before each batch. Raises `FloatingPointError` for a loss that is
    no number.
    """
    total, count, done = 0.0, 0, 0
    for batch in in_order(examples, VALID_ROWS):
        between(done)
        total += loss.value(batch)
        count += len(batch.targets)
        done += batch.rows
    if not math.isfinite(total):
        raise FloatingPointError
    return total / count


def record(state: State, loss: float) -> bool:
    """Enter a validation of the present weights into `state`; returns whether it is the best so far.

    The untrained adapter is validated too, but is never the best: it is the base model.
    """
    state.validated, state.last_valid = state.update, loss
    state.history.append((state.update, loss))
    if state.first_valid is None:
        state.first_valid = loss
    better = state.update > 0 and (state.best_valid is None or loss < state.best_valid)
    if better:
        state.best_valid, state.best_update, state.without_better = loss, state.update, 0
        state.train_at_best = state.smoothed
    elif state.update > 0:
        state.without_better += 1
    return better


def standing(state: State, better: bool) -> str:
    """How the last validation compares, for the end of a line; `better` is what `record` has said of it."""
    if not better:
        return ""
    assert state.last_valid is not None
    assert state.first_valid is not None
    return " (best so far)" if state.last_valid < state.first_valid else " (no better than untrained)"


def overfitting(state: State) -> str:
    """What to warn of where validation has risen again while training went on falling; empty where it has not."""
    then, now = state.train_at_best, state.smoothed
    rising = len(state.history) > 1 and state.history[-1][1] > state.history[-2][1]
    if not rising or state.without_better < 2 or then is None or now is None or now >= then:
        return ""
    return (
        f"overfitting: since update {state.best_update} validation rose from {state.best_valid:.4f} to "
        f"{state.last_valid:.4f} while training fell from {then:.4f} to {now:.4f}; the best adapter is kept"
    )


def chosen(examples: Sequence[Example], count: int, seed: int) -> list[Example]:
    """The rows whose prompts are sampled: drawn by `seed`, the same throughout a run."""
    numbers = Random(f"{seed}:samples:0").sample(range(len(examples)), min(count, len(examples)))
    return [examples[number] for number in sorted(numbers)]


def samples(model: Any, tokenizer: Any, prompts: Sequence[Example], max_tokens: int, seed: int) -> list[Sample]:
    """Continue each prompt greedily by at most `max_tokens`; leaves no trace in the model or in random states."""
    ids = [list(one.ids[: one.loss_start]) for one in prompts]
    decoded = decode(model, tokenizer, ids, max_tokens=max_tokens, sampling=_GREEDY, seed=seed, stop=(SEPARATOR,))
    return [
        Sample(number, tokenizer.decode(prompt), " ".join(one.text.split()), one.finish == "length")
        for number, (prompt, one) in enumerate(zip(ids, decoded, strict=True))
    ]
