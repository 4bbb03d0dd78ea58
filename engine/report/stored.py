"""What measuring an author takes long to find out and every card of theirs needs again: files in a folder of caches."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import msgspec
import numpy as np

from engine.atomic import write_bytes

FORMAT = 4
"""Raised with every change of what is measured: files of another format are not looked at."""

T = TypeVar("T")


def stored(cache: Path | None, name: str, made_of: object, make: Callable[[], T], kind: type[T]) -> T:
    """What `make` makes, from the folder `cache` where it was made before of the same.

    `kind` is a type that msgspec can read back; NumPy arrays may be anywhere in it. Nothing is kept without a `cache`.
    """
    if cache is None:
        return make()
    digest = hashlib.sha256(msgspec.json.encode([FORMAT, name, made_of], enc_hook=str)).hexdigest()[:24]
    path = cache / f"{name}-{digest}.msgpack"
    if path.is_file():
        try:
            return msgspec.msgpack.decode(path.read_bytes(), type=kind, dec_hook=_decoded)
        except (OSError, ValueError):
            pass  # damaged: made again
    made = make()
    write_bytes(path, msgspec.msgpack.encode(made, enc_hook=_encoded))
    return made


def _encoded(value: Any) -> Any:
    if isinstance(value, np.ndarray):
        return value.dtype.str, value.shape, np.ascontiguousarray(value).tobytes()
    raise NotImplementedError(type(value))


def _decoded(kind: type, value: Any) -> Any:
    if kind is np.ndarray:
        letters, shape, data = value
        return np.frombuffer(data, dtype=letters).reshape(shape)
    raise NotImplementedError(kind)
