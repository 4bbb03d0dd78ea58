"""What is left of a crash: a traceback in a private file, and one line that names it but quotes nothing."""

from __future__ import annotations

import os
import tempfile
import time
import traceback
from pathlib import Path

from engine.workspace import Workspace


def record(error: BaseException, workspace: Workspace | None) -> str:
    """Write the traceback of `error` (without local variables) to a file of mode 0600; returns the line to print."""
    what = type(error).__name__
    try:
        if workspace:
            folder = workspace.private / "logs"
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        else:
            folder = Path(tempfile.gettempdir())
        handle, path = tempfile.mkstemp(prefix=time.strftime("crash-%Y%m%d-%H%M%S-"), suffix=".log", dir=folder)
        with os.fdopen(handle, "w") as file:
            file.writelines(traceback.format_exception(error))
    except OSError:
        return f"Stylora crashed ({what}) and could not write why; running jobs go on."
    return f"Stylora crashed ({what}); running jobs go on. Details for a report, yours to read first: {path}"
