"""Neutralizers: one interface for turning any prose into the flat text the model is trained to start from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

from engine.errors import StyloraError
from engine.settings import nearest


class Neutralizer(Protocol):
    """Turns texts neutral. The recipe names its kind, version and settings; inference opens the same one."""

    @property
    def kind(self) -> str: ...

    @property
    def version(self) -> str: ...

    @property
    def settings(self) -> dict[str, object]: ...

    def neutralize(self, texts: Sequence[str]) -> list[str]:
        """The neutral form of each text, in order; the same text always gives the same bytes."""
        ...


KINDS = ("rules",)


def open_neutralizer(kind: str, settings: Mapping[str, object] | None = None) -> Neutralizer:
    """The neutralizer of `kind` with its own `settings`.

    Raises `StyloraError` for an unknown kind or setting, naming the nearest.
    """
    if kind not in KINDS:
        raise StyloraError(f"neutralizer {kind!r}: no such kind{nearest(kind, list(KINDS))}")
    from engine.neutral.rules import RulesNeutralizer

    if settings:
        name = next(iter(settings))
        raise StyloraError(f"neutralizer 'rules': unknown setting {name!r}; it takes none")
    return RulesNeutralizer()
