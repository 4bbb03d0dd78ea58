"""The doctor: looks at the machine, the installation and the workspace, and says what to do about what it finds."""

from __future__ import annotations

import os
import platform
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from engine.errors import StyloraError
from engine.workspace import Workspace

SLOW_GFLOPS = 20.0
"""fp32 matrix products below this are MLX's bundled reference BLAS, measured at 2.4 to 5; OpenBLAS reached 30 to 64
and MKL 160 to 340 on two x86 cores."""

LEAST_DISK = 2e9
"""Bytes: the embedded model, an adapter with checkpoints and a dataset take about 1.5 GB."""


@dataclass(frozen=True)
class Finding:
    name: str
    passed: bool
    detail: str


def examine(workspace: Workspace | None) -> list[Finding]:
    """Everything the doctor looks at, in a fixed order; the workspace's part is left out where there is none."""
    return [*_machine(), *(_workspace(workspace) if workspace else _no_workspace())]


def _machine() -> Iterator[Finding]:
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    yield Finding(
        "machine",
        True,
        f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores, {memory:.0f} GiB, "
        f"Python {platform.python_version()}",
    )
    from engine.models import acceleration

    try:
        state = acceleration.accelerate()
        gflops = acceleration.measure_gflops()
        import importlib.metadata

        yield Finding("mlx", True, f"{importlib.metadata.version('mlx')}, device {acceleration.device()}")
        live = acceleration.live_library()
        detail = f"{state.blas}, {gflops:.0f} GFLOP/s in fp32" + (f", {live.name}" if live else "")
        if gflops < SLOW_GFLOPS:
            detail += "; training will be very slow: reinstall with 'uv sync', or install OpenBLAS"
        yield Finding("BLAS", gflops >= SLOW_GFLOPS, f"{detail}; {state.note}" if state.note else detail)
    except ImportError as error:
        yield Finding("mlx", False, f"cannot be imported ({error}); reinstall with 'uv sync'")
    from engine import language

    try:
        tokens = len(language.parse("The bridge was closed in 1987."))
        yield Finding("spaCy pipeline", tokens == 7, language.PIPELINE_VERSION)
    except (ImportError, OSError) as error:
        yield Finding("spaCy pipeline", False, f"{error}; reinstall with 'uv sync'")


def _no_workspace() -> Iterator[Finding]:
    yield Finding("workspace", True, "none here; 'stylora init' makes one")


def _workspace(workspace: Workspace) -> Iterator[Finding]:
    try:
        settings = workspace.settings
    except StyloraError as error:
        yield Finding("stylora.toml", False, str(error))
        return
    yield Finding("stylora.toml", True, str(workspace.root))
    free = shutil.disk_usage(workspace.root).free
    yield Finding("disk", free > LEAST_DISK, f"{free / 1e9:.1f} GB free, {LEAST_DISK / 1e9:.0f} wanted")
    yield from _models(workspace)
    for folder in _folders(workspace.root / "data" / "training"):
        yield _dataset(folder)
    for folder in _folders(workspace.root / "lora_adapters"):
        yield _adapter(workspace, folder)
    worldview = workspace.worldview(settings.author)
    yield Finding("worldview", True, f"{settings.author}: {worldview}")


def _models(workspace: Workspace) -> Iterator[Finding]:
    from engine.models import registry

    entries = registry.available(workspace)
    here = [entry.name for entry in entries if entry.present]
    yield Finding("models", True, f"present: {', '.join(here) or 'none yet; the embedded one is made when needed'}")
    wanted = workspace.settings.base_model
    if wanted not in {entry.name for entry in entries}:
        yield Finding("base_model", False, f"{wanted!r} is not among [models] of stylora.toml")
    elif wanted not in here:
        yield Finding(
            "base_model",
            True,
            f"{wanted} is not made yet: {next(entry.problem for entry in entries if entry.name == wanted)}",
        )


def _folders(parent: Path) -> list[Path]:
    return sorted(path for path in parent.glob("*") if path.is_dir()) if parent.is_dir() else []


def _dataset(folder: Path) -> Finding:
    from engine.dataset.build import read_manifest
    from engine.recipe import RECIPE_FILE, load_recipe

    try:
        manifest = read_manifest(folder)
        load_recipe(folder / RECIPE_FILE)
    except StyloraError as error:
        return Finding(f"dataset {folder.name}", False, str(error))
    failed = [check["name"] for check in manifest["checks"] if not check["passed"]]
    detail = f"{manifest['rows']['train']} training rows"
    return Finding(f"dataset {folder.name}", not failed, f"{detail}; failed: {', '.join(failed)}" if failed else detail)


def _adapter(workspace: Workspace, folder: Path) -> Finding:
    from engine.generation.rewriter import check_recipe
    from engine.models import registry
    from engine.recipe import RECIPE_FILE, load_recipe

    name = f"adapter {folder.name}"
    try:
        recipe = load_recipe(folder / RECIPE_FILE)
        check_recipe(recipe)
        if recipe.base is None:
            return Finding(name, False, "its recipe names no base model; train it with 'stylora train'")
        entry = registry.with_identity(workspace, recipe.base)
    except StyloraError as error:
        return Finding(name, False, str(error))
    return Finding(name, True, f"{recipe.author}, on {entry.name}, scale {recipe.scale:g}")
