"""What the doctor says: something looked at, whether it is well, and commands that put it right."""

from __future__ import annotations

import shlex
from typing import Literal

import msgspec

Symptom = Literal[
    "out of memory",
    "gibberish or loops",
    "refuses",
    "style too weak",
    "mechanical",
    "impersonal",
    "does not expand",
    "wrong persona frame",
]
"""The rows of the mission's troubleshooting table, in its order."""

SYMPTOMS: tuple[Symptom, ...] = Symptom.__args__  # type: ignore[attr-defined]


class Fix(msgspec.Struct, frozen=True, kw_only=True):
    """Something to do about a finding: commands to run one after the other."""

    words: str
    """What it does, for whoever decides."""
    commands: tuple[tuple[str, ...], ...]
    """Each the arguments of one `stylora` command."""

    @property
    def shown(self) -> str:
        """The commands as they are typed."""
        return " && ".join(f"stylora {shlex.join(command)}" for command in self.commands)


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that was looked at. `detail` says what was seen and, where it is not well, what that means."""

    name: str
    passed: bool
    detail: str
    symptom: Symptom | None = None
    """The row of the troubleshooting table that it is."""
    why: str = ""
    """What most probably causes it, from the evidence at hand."""
    fixes: tuple[Fix, ...] = ()
    """The likeliest first."""


def well(name: str, detail: str) -> Finding:
    """A finding that calls for nothing."""
    return Finding(name=name, passed=True, detail=detail)


def ill(name: str, detail: str, why: str = "", *fixes: Fix, symptom: Symptom | None = None) -> Finding:
    """A finding that calls for something."""
    return Finding(name=name, passed=False, detail=detail, symptom=symptom, why=why, fixes=fixes)


def fix(words: str, *commands: str | tuple[str, ...]) -> Fix:
    """A fix from commands, each a line or its arguments."""
    return Fix(
        words=words, commands=tuple(tuple(shlex.split(one)) if isinstance(one, str) else one for one in commands)
    )
