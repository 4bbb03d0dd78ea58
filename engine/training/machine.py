"""What a run does to the machine and what the machine does to a run: Metal's limits, and memory or disk running out."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import mlx.core as mx

from engine.errors import StyloraError
from engine.training.config import TrainingConfig


@contextmanager
def metal_limits() -> Iterator[None]:
    """Wire at most 80% of what Metal recommends and cache at most an eighth of it, for the time of a run."""
    if not mx.metal.is_available():
        yield
        return
    recommended = int(mx.device_info()["max_recommended_working_set_size"])
    wired, cached = mx.set_wired_limit(recommended * 8 // 10), mx.set_cache_limit(recommended // 8)
    try:
        yield
    finally:
        mx.set_wired_limit(wired)
        mx.set_cache_limit(cached)


def explained(error: RuntimeError | OSError, output: Path, config: TrainingConfig) -> Exception:
    """Out of memory or disk as a line with what to do; any other error as it is."""
    text = str(error).lower()
    # MLX says of a failed write only that it failed.
    if "[write]" in text or (isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT)):
        return StyloraError(f"{output}: the disk is full; free some space and start again: the last checkpoint is kept")
    if not any(sign in text for sign in ("insufficient memory", "unable to allocate", "out of memory", "[malloc")):
        return error
    ladder = [] if config.grad_checkpoint is True else ["grad_checkpoint: true"]
    ladder += [f"rank: {rank}" for rank in (32, 16) if rank < config.rank] + ["max_seq_length: 1024", "num_layers: 16"]
    return StyloraError(f"out of memory; the last checkpoint is kept; try, in this order: {', '.join(ladder)}")
