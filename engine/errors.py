"""The one exception a user is meant to read."""


class StyloraError(Exception):
    """A fault of the input or of the machine, not of the program.

    Its text is a single line that says what is wrong, where, and what to do about it.
    Screens and commands show the text and no traceback.
    """


class Cancelled(Exception):
    """Raised from a progress report to ask the work to stop at the next point it can resume from."""
