"""How fast a training will be: as an earlier one on this machine was, or else by what the machine's products allow."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from engine.training.config import TrainingConfig
from engine.training.memory import ModelSize


@dataclasses.dataclass(frozen=True, slots=True)
class Earlier:
    """A training that has ended: its settings, and what it came to, validations included."""

    name: str
    base: str
    """Identity of its base model."""
    machine: str
    """As `engine.training.machine.this_machine` calls it."""
    config: Mapping[str, Any]
    grad_checkpoint: bool
    tokens_per_second: float


def expected(
    size: ModelSize,
    config: TrainingConfig,
    base: str,
    machine: str,
    earlier: Sequence[Earlier],
    flops: Callable[[], float],
) -> tuple[float, str]:
    """Tokens a second of a training with `config`, and the name of the earlier one that says so; '' for none.

    Of `earlier`, newest first, the first on the same base model and machine counts, in proportion to the operations
    that a token takes under its settings and under `config`. Without one, `flops` are measured.
    """
    for one in earlier:
        if (one.base, one.machine) == (base, machine) and one.tokens_per_second > 0:
            shape = {name: one.config[name] for name in ("rank", "num_layers") if name in one.config}
            keys = tuple(one.config.get("keys") or config.keys)
            before = dataclasses.replace(config, **shape, keys=keys, grad_checkpoint=one.grad_checkpoint)
            return one.tokens_per_second * size.operations(before) / size.operations(config), one.name
    return size.tokens_per_second(flops(), config), ""
