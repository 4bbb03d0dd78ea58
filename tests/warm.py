"""Python processes that have not to import what is heavy, each a fork of one that has: a second less for each.

A test sees no difference: it starts ``[*WARM, "-c", code]`` as it would ``[sys.executable, "-c", code]``. What is
proved about imports, and about variables that a library reads when it is imported, needs an ordinary process.
"""

from __future__ import annotations

import atexit
import os
import shutil
import sys
import tempfile
from pathlib import Path

_HOME = "STYLORA_TESTS_WARM"
"""In the environment: the folder and the process of the whole test session, which its test processes inherit."""


def _command() -> tuple[str, ...]:
    if sys.platform != "linux":  # elsewhere a fork of a process that has such libraries is not safe
        return (sys.executable,)
    if _HOME not in os.environ:
        home = tempfile.mkdtemp(prefix="stylora-tests-")
        os.environ[_HOME] = f"{home}:{os.getpid()}"
        atexit.register(shutil.rmtree, home, ignore_errors=True)
    home, _, owner = os.environ[_HOME].rpartition(":")
    return (sys.executable, "-S", str(Path(__file__).with_name("warm_process.py")), f"{home}/warm", owner)


WARM = _command()
"""Starts a Python in which MLX, mlx-lm and spaCy's pipeline are imported but not used."""
