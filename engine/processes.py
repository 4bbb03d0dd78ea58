"""Processes of our own modules, started with the same Python."""

from __future__ import annotations

import os
from pathlib import Path


def environment() -> dict[str, str]:
    """Environment variables with which another Python finds our modules from any folder."""
    told = dict(os.environ)
    home = Path(__file__).resolve().parents[1]
    if (home / "pyproject.toml").exists():  # a checkout, which need not be installed
        told["PYTHONPATH"] = os.pathsep.join(filter(None, [str(home), told.get("PYTHONPATH")]))
    return told
