"""What a run does to the machine and what the machine does to a run: limits, peaks, and memory or disk running out."""

from __future__ import annotations

import contextlib
import errno
import os
import platform
import re
import resource
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import mlx.core as mx

from engine.errors import Spent, StyloraError
from engine.training.ladder import Rung

_WIRED_SHARE, _CACHE_SHARE = 0.8, 0.125
_OUT_OF_MEMORY = (
    "insufficient memory",  # Metal's command buffer
    "kiogpucommandbuffercallbackerroroutofmemory",
    "[metal::malloc]",  # MLX: one buffer larger than the device allows
    "[malloc",  # MLX on a CPU: "[malloc_or_wait]", "[malloc]"
    "unable to allocate",  # NumPy and MLX
    "std::bad_alloc",
    "out of memory",
    "outofmemory",
)
_POISONED = ("command buffer", "kiogpucommandbuffer")
"""Metal's encoder is beyond use after these; a single buffer refused ("[metal::malloc]") leaves it as it was."""
_DISK_FULL = ("[write]", "[save_safetensors] failed to write")
"""MLX says of a failed write only that it failed."""


@contextmanager
def metal_limits() -> Iterator[None]:
    """Wire at most 80% of what Metal recommends and cache at most an eighth of it, for the time of a run.

    Without a limit MLX's cache of freed buffers grows to the largest of everything that was ever needed at once.
    """
    recommended = mx.device_info().get("max_recommended_working_set_size") if mx.metal.is_available() else None
    if recommended is None:
        yield
        return
    wired = mx.set_wired_limit(int(_WIRED_SHARE * int(recommended)))
    cached = mx.set_cache_limit(int(_CACHE_SHARE * int(recommended)))
    try:
        yield
    finally:
        mx.set_wired_limit(wired)
        mx.set_cache_limit(cached)


def forget_peak() -> None:
    """From now on `peak_memory` counts afresh."""
    mx.reset_peak_memory()
    with contextlib.suppress(OSError):  # Linux: 5 resets the high-water mark of the resident set, see proc(5)
        Path("/proc/self/clear_refs").write_text("5")


def peak_memory() -> int:
    """Most bytes in use at once since `forget_peak`: MLX's own on a GPU, the process's resident set on a CPU.

    Where the system does not let the resident mark be reset, it is that of the whole life of the process.
    """
    if mx.default_device() != mx.Device(mx.cpu):
        return int(mx.get_peak_memory())
    with contextlib.suppress(OSError):
        found = re.search(r"VmHWM:\s+(\d+) kB", Path("/proc/self/status").read_text(encoding="ascii"))
        if found:
            return int(found[1]) * 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)


def this_machine() -> str:
    """What a speed was measured on: the device's name and its cores."""
    return f"{mx.device_info().get('device_name', platform.machine())}, {os.cpu_count()} cores"


def is_out_of_memory(error: BaseException) -> bool:
    """Whether `error` is how Metal, MLX, NumPy or C++ say that memory ran out."""
    text = str(error).lower()
    return isinstance(error, MemoryError) or any(sign in text for sign in _OUT_OF_MEMORY)


def explained(error: Exception, output: Path, rungs: Sequence[Rung]) -> Exception:
    """Out of memory or disk as a line with what to do, `rungs` being what is left to try; any other error as it is."""
    text = str(error).lower()
    if any(sign in text for sign in _DISK_FULL) or (
        isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT)
    ):
        return StyloraError(f"{output}: the disk is full; free some space and start again: the last checkpoint is kept")
    if not is_out_of_memory(error):
        return error
    kind = Spent if any(sign in text for sign in _POISONED) else StyloraError
    if not rungs:
        return kind(f"{output}: out of memory at the smallest settings there are; take a smaller base model")
    return kind(
        f"{output}: out of memory; the last checkpoint is kept. Next to try is {rungs[0].words} "
        f"({rungs[0].command}); 'stylora train --auto-fit --fresh' looks for the first setting that fits"
    )
