"""Nouns by what they name, and what each is called in the mundane domains that snowflakes move to (`nouns.toml`)."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path


def listed(words: str) -> frozenset[str]:
    """The words of a listing, as a set."""
    return frozenset(words.split())


_INTANGIBLE = frozenset({"event", "story", "craft"})


@dataclass(frozen=True)
class Lexicon:
    """`count`, `mass` and `plain` give the kind of a lower-case lemma, for example ``count["pistol"] == "tool"``."""

    count: Mapping[str, str]
    mass: Mapping[str, str]
    plain: Mapping[str, str]
    domains: Mapping[str, Mapping[str, tuple[str, ...]]]
    """Domain -> kind -> its nouns; every domain has every kind."""
    names: Mapping[str, tuple[str, ...]]
    """Mundane names: ``given``, ``surname``, ``place``, ``range``, ``firm``, ``people``."""

    def concrete(self, lemma: str) -> bool:
        """Whether `lemma` names something that can be seen, touched or heard."""
        kind = self.count.get(lemma) or self.mass.get(lemma) or self.plain.get(lemma)
        return kind is not None and kind not in _INTANGIBLE


def _kinds(tables: Mapping[str, str]) -> dict[str, str]:
    kinds: dict[str, str] = {}
    for kind, nouns in tables.items():
        for noun in nouns.split():
            kinds.setdefault(noun, kind)
    return kinds


def _lists(tables: Mapping[str, str]) -> dict[str, tuple[str, ...]]:
    return {kind: tuple(noun.replace("-", " ") for noun in nouns.split()) for kind, nouns in tables.items()}


@cache
def lexicon() -> Lexicon:
    """The lexicon, read once."""
    tables = tomllib.loads(Path(__file__).with_name("nouns.toml").read_text(encoding="utf-8"))
    shared = _lists(tables["shared"])
    return Lexicon(
        count=_kinds(tables["count"]),
        mass=_kinds(tables["mass"]),
        plain=_kinds(tables["plain"]),
        domains={name: shared | _lists(domain) for name, domain in tables["domains"].items()},
        names=_lists(tables["names"]),
    )
