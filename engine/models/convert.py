"""A Hugging Face model, from a local folder or from the hub, into an MLX folder: `stylora convert`."""

from __future__ import annotations

import re
from importlib.metadata import version
from pathlib import Path

import tomli_w

from engine.atomic import atomic_folder
from engine.errors import StyloraError
from engine.models import folder, mlx_thread
from engine.models.loading import hush, in_one_line
from engine.progress import Progress, Report, silent

BITS = (2, 3, 4, 5, 6, 8)
GROUP_SIZES = (32, 64, 128)

_STAGE = "convert"
_HUB_NAME = re.compile(r"[\w.-]+/[\w.-]+")
_TOKENIZERS = ("tokenizer.json", "tokenizer.model", "vocab.json", "tiktoken.model")
_PICKLES = ("*.bin", "*.pt", "*.pth", "*.ckpt", "*.pkl")


@mlx_thread.owned
def convert(hf_path: str, mlx_path: Path, *, q_bits: int = 0, group_size: int = 64, report: Report = silent) -> Path:
    """Write the model `hf_path` (a folder, or a hub name such as ``Qwen/Qwen2.5-14B``) to the folder `mlx_path`.

    With `q_bits` the linear layers and embeddings are quantised in groups of `group_size` weights; 0 keeps
    the source's precision. The folder appears whole or not at all; a hub download that breaks off goes on
    from where it was. Code that comes with a model is never run nor copied, and pickled weights are refused.
    Raises `StyloraError` for a source that cannot be read or supported and for a target that exists.
    """
    mlx_path = Path(mlx_path)
    if mlx_path.exists():
        raise StyloraError(f"{mlx_path}: already there; delete it or give another --mlx-path")
    if q_bits and q_bits not in BITS:
        raise StyloraError(f"--q-bits {q_bits}: must be one of {', '.join(map(str, BITS))}, or 0 to keep the precision")
    if q_bits and group_size not in GROUP_SIZES:
        raise StyloraError(f"--group-size {group_size}: must be one of {', '.join(map(str, GROUP_SIZES))}")
    source = _source(hf_path)
    report(Progress(_STAGE, 0, 3, f"reading {hf_path}" if source else f"downloading {hf_path} from the model hub"))
    hush()
    from mlx_lm.utils import _download

    try:
        local = source or Path(_download(hf_path))
    except Exception as error:
        raise StyloraError(
            f"{hf_path}: no such folder, and the model hub did not give it: {in_one_line(error)}"
        ) from error
    _check_source(local)
    report(Progress(_STAGE, 1, 3, "converting" + (f" to {q_bits} bits, groups of {group_size}" if q_bits else "")))
    with atomic_folder(mlx_path) as made:
        _convert(local, made, q_bits, group_size)
        note = {"source": hf_path, "q_bits": q_bits, "mlx_lm": version("mlx-lm")}
        if q_bits:
            note["group_size"] = group_size
        (made / "stylora_model.toml").write_text(tomli_w.dumps(note), encoding="utf-8")
        report(Progress(_STAGE, 2, 3, "checking"))
        folder.check(made)
    report(Progress(_STAGE, 3, 3, f"{mlx_path} is ready"))
    return mlx_path


def _source(hf_path: str) -> Path | None:
    """The local folder that is meant, None for a hub name."""
    path = Path(hf_path).expanduser()
    if path.is_dir():
        return path
    if path.exists():
        raise StyloraError(f"{hf_path}: is a file; give the folder of a Hugging Face model")
    if not _HUB_NAME.fullmatch(hf_path) or hf_path.startswith("."):
        raise StyloraError(f"{hf_path}: no such folder; give a Hugging Face model's folder or its name on the hub")
    return None


def _check_source(path: Path) -> None:
    if not (path / "config.json").is_file():
        raise StyloraError(f"{path}: no config.json in it, so this is no Hugging Face model folder")
    if not folder.weight_files(path):
        if any(next(path.glob(pattern), None) for pattern in _PICKLES):
            raise StyloraError(
                f"{path}: has pickled weights only, which can run code when opened; get the model as safetensors"
            )
        raise StyloraError(f"{path}: no model*.safetensors in it; is the download complete?")
    for file in folder.weight_files(path):
        folder.tensors(file)
    if not any((path / name).is_file() for name in _TOKENIZERS):
        raise StyloraError(f"{path}: no tokenizer in it ({', '.join(_TOKENIZERS)}); is the download complete?")


def _convert(source: Path, made: Path, q_bits: int, group_size: int) -> None:
    from mlx_lm.convert import convert as mlx_convert

    made.rmdir()  # mlx-lm wants to make it itself
    try:
        mlx_convert(
            str(source),
            str(made),
            quantize=bool(q_bits),
            q_bits=q_bits or None,
            q_group_size=group_size if q_bits else None,
            trust_remote_code=False,
        )
    except OSError:
        raise
    except Exception as error:
        raise StyloraError(f"{source}: this model cannot be converted: {in_one_line(error)}") from error
    for code in made.glob("*.py"):
        code.unlink()
