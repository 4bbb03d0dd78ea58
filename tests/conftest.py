"""Fixtures every room's tests share: a tiny random model for speed, the embedded model for truth."""

from __future__ import annotations

import os
import shutil
import signal
from pathlib import Path

import pytest
import warm  # noqa: F401  (before the other test processes start, so that they share what it names)
from tiny import write_tiny_model

# Test processes that each take every core spend most of it waiting for one another. They inherit what the first one,
# which starts them and counts none, has set here, so it may only become less.
_share = max(1, (os.cpu_count() or 1) // int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1")))
for _threads in ("MKL_NUM_THREADS", "OMP_NUM_THREADS"):
    os.environ[_threads] = str(min(_share, int(os.environ.get(_threads, _share))))

# A shell has what it starts in the background ignore Ctrl-C, and so would the programs that tests press it for.
if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

# Before any test module imports mlx, so that tests run on the BLAS that users run on.
from engine.models import embedded  # noqa: E402


@pytest.fixture(scope="session")
def tiny_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder of a tiny random model with a real tokenizer. Shared: do not write into it."""
    return write_tiny_model(tmp_path_factory.mktemp("models") / "tiny")


@pytest.fixture(scope="session")
def endless_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same, but its texts end only where they have to. Shared: do not write into it."""
    return write_tiny_model(tmp_path_factory.mktemp("models") / "endless", endless=True)


@pytest.fixture(scope="session")
def embedded_model(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder of the embedded model, made once and kept in pytest's cache. Shared: do not write into it."""
    cache = getattr(request.config, "cache", None)
    home = cache.mkdir("stylora") if cache else tmp_path_factory.mktemp("embedded")
    kept = Path(home) / f"embedded-{embedded.SHA256[:12]}-{embedded.VERSION}"
    if not (kept / "stylora_model.toml").is_file():
        made = Path(home) / f"{kept.name}.{os.getpid()}"
        embedded.make(made)
        try:
            made.rename(kept)
        except OSError:  # another test process was faster
            shutil.rmtree(made)
    return kept
