"""The rows of a dataset file: what one looks like, reading and writing them."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from pathlib import Path

import msgspec

from engine.atomic import atomic_path
from engine.errors import StyloraError
from engine.recipe import Content

SPLITS = ("train", "valid", "test")


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """One training pair. `mlx_lm.lora` reads `text` and ignores the rest."""

    text: str
    """The prompt and, right behind it, the styled text."""
    loss_start: int
    """Characters of `text` before the styled side."""
    kind: str
    """What the styled side is: original, snowflake, robustness, plural, third or impersonal."""
    input: str
    """What the neutral side is: standard, dropout or abstract."""
    content: Content
    """Which persona frame the classifier chose."""
    passage: str
    """Id of the author's passage it comes from."""
    neutral: str
    """The neutral text as it stands in the prompt, noise included."""

    @property
    def prompt(self) -> str:
        return self.text[: self.loss_start]

    @property
    def styled(self) -> str:
        return self.text[self.loss_start :]


def split_file(folder: Path, split: str) -> Path:
    """Path of a split's rows in a dataset folder."""
    return folder / f"{split}.jsonl"


def write_rows(path: Path, rows: Iterable[Row]) -> str:
    """Write rows as JSONL, whole or not at all; returns the file's SHA-256 in hex."""
    digest = hashlib.sha256()
    with atomic_path(path) as temporary, temporary.open("wb") as file:
        for row in rows:
            line = msgspec.json.encode(row) + b"\n"
            digest.update(line)
            file.write(line)
    return digest.hexdigest()


def read_rows(path: Path) -> Iterator[Row]:
    """Rows of a JSONL file in order; raises `StyloraError` naming the line of the first bad one."""
    decoder = msgspec.json.Decoder(Row)
    try:
        with path.open("rb") as file:
            for number, line in enumerate(file, 1):
                if line.strip():
                    try:
                        row = decoder.decode(line)
                    except msgspec.MsgspecError as error:
                        raise StyloraError(f"{path}:{number}: not a training row: {error}") from None
                    if not 0 < row.loss_start < len(row.text):
                        raise StyloraError(f"{path}:{number}: the row has no styled side; build the dataset again")
                    yield row
    except OSError as error:
        raise StyloraError(f"{path}: {error.strerror}; run 'stylora dataset' to build it") from None
