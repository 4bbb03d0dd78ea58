"""Where the traceback of our own mistake goes: a file that only the user can read."""

from __future__ import annotations

import os
import time
from pathlib import Path

from platformdirs import user_log_path


def errors_path() -> Path:
    """Where the private error log is, or will be."""
    return user_log_path("stylora", appauthor=False) / "errors.log"


def private_log(text: str) -> Path:
    """Append `text` to the private error log with the time; returns the log's path."""
    path = errors_path()
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    with os.fdopen(handle, "a", encoding="utf-8") as file:
        file.write(f"--- {time.strftime('%Y-%m-%d %H:%M:%S')}\n{text}\n")
    return path
