"""What the tests of curation share: a text typed into a file, cleaned."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from textwrap import dedent

import pytest

from engine.curation.cleaning import Cleaned, clean
from engine.curation.pieces import Paragraph, Removal
from engine.curation.reading import read


@dataclass
class Result:
    paragraphs: list[Paragraph]
    removals: list[Removal]
    cleaned: Cleaned

    @property
    def texts(self) -> list[str]:
        return [paragraph.text for paragraph in self.paragraphs]

    def gone(self, reason: str) -> list[str]:
        return [removal.text for removal in self.removals if removal.reason == reason]

    @property
    def reasons(self) -> list[str]:
        return [removal.reason for removal in self.removals]


def _clean(path: Path) -> Result:
    cleaned = Cleaned()
    pieces = [piece for stretch in clean(read(path), path.name, cleaned) for piece in stretch]
    paragraphs = [piece for piece in pieces if isinstance(piece, Paragraph)]
    return Result(paragraphs, [piece for piece in pieces if isinstance(piece, Removal)], cleaned)


@pytest.fixture
def clean_file() -> Callable[[Path], Result]:
    """Clean a file."""
    return _clean


@pytest.fixture
def cleaner(tmp_path: Path) -> Callable[..., Result]:
    """Clean a typed text, or bytes, as a file of the given suffix."""

    def run(text: str | bytes, suffix: str = ".txt") -> Result:
        path = tmp_path / f"book{suffix}"
        path.write_bytes(text if isinstance(text, bytes) else dedent(text).lstrip("\n").encode())
        return _clean(path)

    return run
