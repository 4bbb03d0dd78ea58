"""The `stylora` command: every stage of the work as a sub-command, and without one the terminal app."""

from __future__ import annotations

import errno
import os
import sys
import traceback
from typing import TYPE_CHECKING, Any, NoReturn

from engine.errors import Cancelled, StyloraError

if TYPE_CHECKING:
    import typer

    app: typer.Typer


_NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


def _commands() -> typer.Typer:
    """All commands. Opening the screens needs none of them, nor the libraries they are made with."""
    from tui.commands import corpus, host, models, report, rewriting, runs, training  # noqa: F401
    from tui.commands.options import app

    return app


def __getattr__(name: str) -> Any:
    if name == "app":
        return _commands()
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def main() -> None:
    """Run the command; a user's mistake is one line and exit code 1 (2 for one in the command line itself), ours a
    private log and exit code 70."""
    code = 0
    try:
        try:
            if sys.argv[1:]:
                code = _commands()(standalone_mode=False) or 0
            else:
                from tui.app import run

                run()
        finally:
            sys.stdout.flush()  # what cannot be written is told here, and not by the interpreter at its exit
    except StyloraError as error:
        _complain(str(error))
        sys.exit(1)
    except Cancelled:
        _complain("stopped; start the same command again to go on")
        sys.exit(130)
    except BrokenPipeError:
        _drop_output()
        sys.exit(141)
    except OSError as error:
        if error.errno not in _NO_ROOM:
            _unexpected()
        _drop_output()
        _complain(f"{error.filename or 'standard output'}: {error.strerror}; what was written is not whole")
        sys.exit(1)
    except Exception as error:
        if not hasattr(error, "format_message"):
            _unexpected()
        _misused(error)
    sys.exit(code)


def _misused(error: Any) -> NoReturn:
    """Say what typer has against the command line, in one line instead of four; it exports no class for that."""
    said = error.format_message().replace("Value error, ", "").rstrip(".")
    context = getattr(error, "ctx", None)
    _complain(f"{said[:1].lower()}{said[1:]}; see '{context.command_path if context else 'stylora'} --help'")
    sys.exit(error.exit_code)


def _unexpected() -> NoReturn:
    from engine.logs import private_log

    path = private_log(traceback.format_exc())
    _complain(f"an error in Stylora, not in what you did; details are in {path}")
    sys.exit(70)


def _drop_output() -> None:
    """Let what is still to be written go nowhere, or the interpreter would try once more."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _complain(text: str) -> None:
    sys.stderr.write(f"stylora: {' '.join(text.split())}\n")


if __name__ == "__main__":
    main()
