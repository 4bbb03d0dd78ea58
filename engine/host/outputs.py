"""The file that a rewritten document goes to: looked at before the work, and written whole at its end."""

from __future__ import annotations

import os
from pathlib import Path

from engine.atomic import write_text
from engine.errors import StyloraError


def target_of(output: str | Path) -> Path:
    """Where the result is to go, links followed; `StyloraError` where it cannot, before anything was computed."""
    path = Path(os.path.realpath(os.path.expanduser(output)))
    if path.is_dir():
        raise StyloraError(f"{path}: a folder; name a file in it")
    if path.exists() and not path.is_file():
        raise StyloraError(f"{path}: no plain file; leave the output out, and the text goes to standard output")
    there = next(parent for parent in path.parents if parent.exists())
    if not there.is_dir():
        raise StyloraError(f"{path}: {there} is no folder; name another output")
    if not os.access(there, os.W_OK | os.X_OK):
        raise StyloraError(f"{path}: {there} cannot be written to; name another output, or change its permissions")
    return path


def write_result(target: Path, text: str, partial: Path | None) -> None:
    """Write the finished text, whole or not at all; what was kept of it in `partial` goes when it is safe."""
    try:
        write_text(target, text if text.endswith("\n") else text + "\n")
    except (OSError, StyloraError) as error:
        told = error if isinstance(error, StyloraError) else f"{target}: cannot be written ({error.strerror})"
        kept = "; what was written is kept beside it: start the same command again" if partial is not None else ""
        raise StyloraError(f"{told}{kept}") from None
    if partial is not None:
        partial.unlink(missing_ok=True)
