"""Finished passages of a document on the way, in a file beside its output: what was stopped or killed goes on there."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from engine.errors import StyloraError

if TYPE_CHECKING:
    from engine.generation.document import Done


def partial_file(output: Path) -> Path:
    """Where the passages of the document that will be `output` are kept meanwhile."""
    return output.with_name(f".{output.name}.partial.jsonl")


class _Line(msgspec.Struct):
    key: str
    done: msgspec.Raw


class Partial:
    """Passages by the digest of all they depend on; nothing is kept where there is no path."""

    def __init__(self, path: Path | None, identity: str) -> None:
        self._path = path
        self._identity = identity
        self._known: dict[str, msgspec.Raw] = {}
        try:
            lines = path.read_bytes().splitlines() if path is not None else []
        except FileNotFoundError:
            lines = []
        except OSError as error:
            raise StyloraError(f"{path}: {error.strerror}; remove it to start over") from None
        for line in lines:
            try:
                entry = msgspec.json.decode(line, type=_Line)
            except msgspec.MsgspecError:  # cut off in the middle when the process was killed
                continue
            self._known[entry.key] = entry.done

    def _key(self, text: str, words: int | None) -> str:
        return hashlib.sha256(f"{self._identity}\n{words}\n{text}".encode()).hexdigest()[:32]

    def get(self, text: str, words: int | None) -> Done | None:
        """What came of the passage `text`, if it is here."""
        from engine.generation.document import Done

        found = self._known.get(self._key(text, words))
        try:
            return msgspec.json.decode(found, type=Done) if found is not None else None
        except msgspec.MsgspecError:
            return None

    def put(self, text: str, words: int | None, done: Done) -> None:
        """Keep what came of a passage; it is on the disk when this returns."""
        if self._path is None:
            return
        line = msgspec.json.encode({"key": self._key(text, words), "done": done}) + b"\n"
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            new = not self._path.exists()
            with self._path.open("ab") as file:
                if new:
                    self._path.chmod(0o600)
                elif file.tell() and not self._ends_whole():
                    file.write(b"\n")
                file.write(line)
                file.flush()
                os.fsync(file.fileno())
        except OSError as error:
            raise StyloraError(f"{self._path}: {error.strerror}; nothing is lost of what is there already") from None

    def _ends_whole(self) -> bool:
        assert self._path is not None
        with self._path.open("rb") as file:
            file.seek(-1, os.SEEK_END)
            return file.read(1) == b"\n"
