"""What lies in a model folder: whether it is whole, how big, which model. Reads files, never MLX."""

from __future__ import annotations

import hashlib
import json
import struct
from pathlib import Path
from typing import Any

from engine.errors import StyloraError

NOTE_FILE = "stylora_model.toml"
"""Where a converted model came from; written beside its weights."""
_NEEDED = ("config.json", "tokenizer.json", "tokenizer_config.json")
_NOISE = ("_name_or_path", "transformers_version")
_SAMPLE = 512
_LONGEST_HEADER = 100_000_000  # the format's own limit
_METADATA = "__metadata__"
_TYPES = {"F32": "float32", "F16": "float16", "BF16": "bfloat16"}
_AGAIN = "the file is damaged or incomplete; convert or copy the model again"


def read_json(file: Path) -> dict[str, Any]:
    """The JSON object in `file`; `StyloraError` for anything else."""
    try:
        content = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise StyloraError(f"{file}: not readable as JSON ({error}); convert or copy the model again") from None
    if not isinstance(content, dict):
        raise StyloraError(f"{file}: not a JSON object; {_AGAIN}")
    return content


def weight_files(path: Path) -> list[Path]:
    """The safetensors files mlx-lm reads from the model folder `path`, sorted."""
    return sorted(path.glob("model*.safetensors"))


def _header(file: Path, size: int) -> tuple[int, dict[str, Any]]:
    """Length and content of a safetensors file's header, as it stands; several kinds of errors where it is none."""
    with file.open("rb") as stream:
        (length,) = struct.unpack("<Q", stream.read(8))
        if length > min(size - 8, _LONGEST_HEADER):
            raise ValueError
        return length, json.loads(stream.read(length))


def tensors(file: Path) -> tuple[int, dict[str, dict[str, Any]]]:
    """Where the data of a safetensors file starts, and its tensors: name → dtype, shape, data_offsets.

    Format: 8 bytes of little-endian header length, a JSON header, the data. Raises `StyloraError` for a
    file that is truncated or is something else.
    """
    try:
        size = file.stat().st_size
        length, header = _header(file, size)
        header.pop(_METADATA, None)
        end = 0
        for entry in header.values():
            first, last = entry["data_offsets"]
            if not 0 <= first <= last or min(entry["shape"], default=0) < 0:
                raise ValueError
            end = max(end, last)
    except (struct.error, ValueError, KeyError, TypeError, AttributeError, IndexError, RecursionError):
        raise StyloraError(f"{file}: not a whole safetensors file; {_AGAIN}") from None
    except OSError as error:
        raise StyloraError(f"{file}: cannot be read ({error.strerror})") from None
    start = 8 + length
    if start + end > size:
        raise StyloraError(f"{file}: ends after {size:,} of {start + end:,} bytes; {_AGAIN}")
    return start, header


def metadata(file: Path) -> dict[str, str]:
    """What a safetensors file that `tensors` has found whole says of itself; empty where it says nothing."""
    told = _header(file, file.stat().st_size)[1].get(_METADATA)
    return {str(name): str(value) for name, value in told.items()} if isinstance(told, dict) else {}


def check(path: Path) -> dict[str, Any]:
    """The configuration of the model folder `path`, after checking that all its parts are there and whole.

    Raises `StyloraError` naming the first missing or damaged file.
    """
    if not path.is_dir():
        raise StyloraError(f"{path}: no such model folder; 'stylora models' lists what there is")
    for name in _NEEDED:
        if not (path / name).is_file():
            raise StyloraError(f"{path / name}: missing, so this is no complete model; make it with 'stylora convert'")
    files = weight_files(path)
    if not files:
        raise StyloraError(f"{path}: no model*.safetensors in it; make the model with 'stylora convert'")
    check_weights(path, files)
    return read_json(path / "config.json")


def check_weights(path: Path, files: list[Path]) -> None:
    """Raise `StyloraError` unless every weights file that the folder's index names is there, and all are whole."""
    index = path / "model.safetensors.index.json"
    if index.is_file():
        weight_map = read_json(index).get("weight_map", {})
        listed = {str(name) for name in weight_map.values()} if isinstance(weight_map, dict) else set()
        missing = sorted(listed - {file.name for file in files})
        if missing:
            raise StyloraError(f"{path / missing[0]}: missing, though the model's index lists it; copy it again")
    for file in files:
        tensors(file)


def identity(path: Path) -> str:
    """A SHA-256 (64 hexadecimal digits) that tells the model in folder `path` from any other.

    Over the configuration, the tokenizer, and each tensor's name, type, shape and two 512-byte samples of
    its data: milliseconds where hashing a 14B model whole takes a minute. How the tensors are spread over
    files, and how the JSON is laid out, does not count, so converting again gives the same identity.
    """
    digest = hashlib.sha256()
    for name, ignored in (("config.json", _NOISE), ("tokenizer.json", ("padding", "truncation"))):
        content = {key: value for key, value in read_json(path / name).items() if key not in ignored}
        digest.update(json.dumps(content, sort_keys=True, separators=(",", ":")).encode())
    samples: dict[str, bytes] = {}
    for file in weight_files(path):
        start, header = tensors(file)
        with file.open("rb") as stream:
            for name, entry in header.items():
                first, last = entry["data_offsets"]
                described = f"{name} {entry['dtype']} {entry['shape']} ".encode()
                parts = []
                for offset in (first, (first + last) // 2):
                    stream.seek(start + offset)
                    parts.append(stream.read(min(_SAMPLE, last - offset)))
                samples[name] = described + b"".join(parts)
    for name in sorted(samples):
        digest.update(hashlib.sha256(samples[name]).digest())
    return digest.hexdigest()


def size_on_disk(path: Path) -> int:
    """Bytes in the model folder `path`."""
    return sum(file.stat().st_size for file in path.rglob("*") if file.is_file())


def quantization(path: Path) -> str:
    """How the weights of the model in folder `path` are stored: ``4-bit, groups of 64``, or ``bfloat16``."""
    settings = read_json(path / "config.json").get("quantization")
    if isinstance(settings, dict) and "bits" in settings:
        return f"{settings['bits']}-bit, groups of {settings.get('group_size', 64)}"
    for file in weight_files(path):
        for entry in tensors(file)[1].values():
            if len(entry["shape"]) == 2:
                return _TYPES.get(entry["dtype"], entry["dtype"])
    return "unknown"
