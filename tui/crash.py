"""What is left of a crash: a traceback in a private file, and one line that names it but quotes nothing."""

from __future__ import annotations

import traceback

from engine.host.log import log_path
from engine.logs import errors_path, private_log
from engine.workspace import Workspace


def record(error: BaseException) -> str:
    """Log the traceback of `error`, without local variables; returns the line to print."""
    what = type(error).__name__
    try:
        path = private_log("".join(traceback.format_exception(error)))
    except OSError:
        return f"Stylora crashed ({what}) and could not write why; running jobs go on."
    return f"Stylora crashed ({what}); running jobs go on. Details for a report, yours to read first: {path}"


def logs(workspace: Workspace | None) -> list[str]:
    """Where details are to be found, one place a line."""
    host = [f"the host and its jobs: {log_path(workspace)}"] if workspace else []
    return [*host, f"the app and the commands: {errors_path()}"]
