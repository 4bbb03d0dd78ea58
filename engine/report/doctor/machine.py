"""The machine and the installation: MLX, BLAS, memory, the parser."""

from __future__ import annotations

import os
import platform
from collections.abc import Iterator

from engine.report.doctor.finding import Finding, ill, well

SLOW_GFLOPS = 20.0
"""fp32 matrix products below this are MLX's bundled reference BLAS, measured at 2.4 to 5; OpenBLAS reached 30 to 64
and MKL 160 to 340 on two x86 cores."""

LEAST_MEMORY = 1.5
"""GiB available: what the smallest training there is, of the embedded model, was measured to take."""


def machine() -> Iterator[Finding]:
    """Findings about what every workspace on this machine shares."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    yield well(
        "machine",
        f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores, {memory:.0f} GiB, "
        f"Python {platform.python_version()}",
    )
    yield from _mlx()
    yield from _memory()
    yield _parser()


def _mlx() -> Iterator[Finding]:
    from engine.models import acceleration

    try:
        state = acceleration.accelerate()
        gflops = acceleration.measure_gflops()
        import importlib.metadata

        yield well("mlx", f"{importlib.metadata.version('mlx')}, device {acceleration.device()}")
        live = acceleration.live_library()
        detail = f"{state.blas}, {gflops:.0f} GFLOP/s in fp32" + (f", {live.name}" if live else "")
        note = f"; {state.note}" if state.note else ""
        if gflops >= SLOW_GFLOPS:
            yield well("BLAS", detail + note)
        else:
            slow = "; training will be very slow: reinstall with 'uv sync', or install OpenBLAS"
            yield ill("BLAS", detail + slow + note)
    except ImportError as error:
        yield ill("mlx", f"cannot be imported ({error}); reinstall with 'uv sync'")


def _memory() -> Iterator[Finding]:
    from engine.training.memory import GIB, available_memory

    available = available_memory()
    if available is None:
        yield well("memory", "this system does not say how much is available")
        return
    detail = f"{available / GIB:.1f} GiB available to a model"
    if available / GIB < LEAST_MEMORY:
        yield ill("memory", f"{detail}, {LEAST_MEMORY:g} wanted; close other programs")
    else:
        yield well("memory", detail)


def _parser() -> Finding:
    from engine import language

    name = "spaCy pipeline"
    try:
        tokens = len(language.parse("The bridge was closed in 1987."))
    except (ImportError, OSError) as error:
        return ill(name, f"{error}; reinstall with 'uv sync'")
    if tokens != 7:
        return ill(name, f"{language.PIPELINE_VERSION} reads 7 words and marks as {tokens}; reinstall with 'uv sync'")
    return well(name, language.PIPELINE_VERSION)
