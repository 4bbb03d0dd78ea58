"""A stylesheet that remembers what it has parsed: Textual parses it all anew when a screen brings its own file."""

from __future__ import annotations

from textual.cache import LRUCache
from textual.css.stylesheet import Stylesheet

REMEMBERED = 1024
"""Sources: chosen, far more than the app and its screens bring (about 70); Textual keeps 64 and so forgets the first
before it comes to the last."""


class RememberingStylesheet(Stylesheet):
    """What has not changed since it was parsed, its variables included, is not parsed again."""

    def __init__(self, *, variables: dict[str, str] | None = None) -> None:
        super().__init__(variables=variables)
        self._parse_cache = LRUCache(REMEMBERED)

    def set_variables(self, variables: dict[str, str]) -> None:
        if variables != self._variables:
            super().set_variables(variables)

    def reparse(self) -> None:
        """Raises what `parse` does, and then stays as it was."""
        self.parse()
