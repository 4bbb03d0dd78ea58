"""Neutralizers: one interface for turning any prose into the flat text the model is trained to start from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, get_args, get_type_hints

from engine.errors import StyloraError
from engine.progress import Report, silent
from engine.settings import NeutralSettings, nearest
from engine.workspace import Workspace

KINDS: tuple[str, ...] = get_args(get_type_hints(NeutralSettings)["kind"])

ALONE = frozenset({"model", "server"})
"""Kinds that one process must run: one owns the MLX thread there, the other counts its own requests."""


@dataclass(frozen=True, slots=True)
class Neutral:
    """A neutral text. `fallback` says why it, or a piece of it, had to be left to gentler rules; else it is empty."""

    text: str
    fallback: str = ""


class Neutralizer(Protocol):
    """Turns texts neutral. The recipe names its kind, version and settings; inference opens the same one."""

    @property
    def kind(self) -> str: ...

    @property
    def version(self) -> str: ...

    @property
    def settings(self) -> dict[str, Any]: ...

    def neutralize(self, texts: Sequence[str]) -> list[str]:
        """The neutral form of each text, in order; the same text always gives the same bytes."""
        ...


def trace(neutralizer: Neutralizer, texts: Sequence[str]) -> list[Neutral]:
    """The neutral form of each of `texts`, in order, and whether it is of the kind that was asked for."""
    from engine.neutral.round_trip import RoundTrip
    from engine.neutral.rules import RulesNeutralizer

    if isinstance(neutralizer, RoundTrip | RulesNeutralizer):
        return neutralizer.trace(texts)
    return [Neutral(text) for text in neutralizer.neutralize(texts)]


def choose_neutralizer(neutral: NeutralSettings, workspace: Workspace | None, report: Report = silent) -> Neutralizer:
    """The neutralizer that a workspace's settings ask for, to build a dataset with.

    All it does follows from its `settings`, which go into the recipe; opened again with those, it does the same.
    """
    if neutral.kind == "rules":
        return open_neutralizer("rules")
    if neutral.kind == "translation":
        from engine.neutral.translation import recipe_settings

        return open_neutralizer("translation", recipe_settings(), workspace, report)
    from engine.neutral import model

    home = _needed(workspace, neutral.kind)
    make = model.local_settings if neutral.kind == "model" else model.server_settings
    return open_neutralizer(neutral.kind, make(neutral, home, report), home, report)


def open_neutralizer(
    kind: str,
    settings: Mapping[str, Any] | None = None,
    workspace: Workspace | None = None,
    report: Report = silent,
) -> Neutralizer:
    """The neutralizer of `kind` with its own `settings`, as a recipe has them.

    `workspace` is where its models, its server's address and its cache are. Raises `StyloraError` for an unknown
    kind or setting, naming the nearest, and for a model that is not the one of the settings, naming both.
    """
    if kind not in KINDS:
        raise StyloraError(f"neutralizer {kind!r}: no such kind{nearest(kind, list(KINDS))}")
    if kind == "rules":
        from engine.neutral.rules import RulesNeutralizer

        if settings:
            name = next(iter(settings))
            raise StyloraError(f"neutralizer 'rules': unknown setting {name!r}; it takes none")
        return RulesNeutralizer()
    if kind == "translation":
        from engine.neutral.translation import open_translation

        return open_translation(settings or {}, workspace, report)
    from engine.neutral import model

    home = _needed(workspace, kind)
    return (model.open_local if kind == "model" else model.open_server)(settings or {}, home, report)


def _needed(workspace: Workspace | None, kind: str) -> Workspace:
    if workspace is None:
        raise StyloraError(f"neutralizer {kind!r}: needs a workspace, for its model and its cache")
    return workspace
