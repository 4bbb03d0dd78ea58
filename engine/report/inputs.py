"""The fixed inputs of every report card beside the held-out passages: modern texts of several kinds, and bare nouns."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from functools import cache
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Input:
    name: str
    kind: str
    """news, technical, dialogue, list, numbers or noun."""
    text: str


@dataclass(frozen=True, slots=True)
class Inputs:
    version: int
    all: tuple[Input, ...]
    """The texts, then the nouns."""

    @property
    def texts(self) -> tuple[Input, ...]:
        return tuple(one for one in self.all if one.kind != "noun")

    @property
    def nouns(self) -> tuple[Input, ...]:
        return tuple(one for one in self.all if one.kind == "noun")


@cache
def fixed_inputs() -> Inputs:
    """The inputs of `inputs.toml`, each text in one line."""
    read = tomllib.loads(Path(__file__).with_name("inputs.toml").read_text(encoding="utf-8"))
    texts = [Input(one["name"], one["kind"], " ".join(one["text"].split())) for one in read["texts"]]
    return Inputs(read["version"], (*texts, *(Input(noun, "noun", noun) for noun in read["nouns"])))
