"""A healthy small workspace that the tests of sweeps and of the doctor share: copy it before spoiling anything."""

from __future__ import annotations

from pathlib import Path

import planted
import pytest

from engine.workspace import Workspace


@pytest.fixture(scope="session")
def healthy(tiny_model: Path, tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    return planted.make_planted(tmp_path_factory, tiny_model)
