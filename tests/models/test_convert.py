"""Hugging Face folders and hub models into MLX folders: the same numbers, whole or not at all."""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from small_hub import small_hub
from tiny import write_tiny_model
from warm import WARM

from engine.errors import Cancelled, StyloraError
from engine.models import folder, mlx_thread
from engine.models.convert import convert
from engine.models.loading import load
from engine.progress import Progress

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A random Llama as Hugging Face has it: bfloat16, and a Python file nobody asked for."""
    path = write_tiny_model(tmp_path_factory.mktemp("hf") / "llama", seed=3, dtype="bfloat16")
    (path / "modeling_llama.py").write_text("raise SystemExit")
    return path


def refused(hf_path: Path | str, target: Path, **settings: int) -> str:
    with pytest.raises(StyloraError) as caught:
        convert(str(hf_path), target, **settings)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def logits(path: Path) -> list[float]:
    """What mlx-lm's own loader makes of the folder, computed in the weights' own type."""

    def forward() -> list[float]:
        import mlx.core as mx
        from mlx_lm.utils import load_model

        return load_model(path)[0](mx.array([[5, 6, 7]]))[0, -1].astype(mx.float32).tolist()

    return mlx_thread.run(forward)


def unrounded(path: Path) -> list[float]:
    """The same in fp32, so that only the weights' own rounding counts."""
    loaded = load(path)

    def forward() -> list[float]:
        import mlx.core as mx

        return loaded.model(mx.array([[5, 6, 7]]))[0, -1].tolist()

    return mlx_thread.run(forward)


def write_tiny_qwen2(path: Path) -> Path:
    """A random Qwen2 as Hugging Face has it: biases on q, k and v, untied, its weights in two files with an index."""
    write_tiny_model(path)
    config = json.loads((path / "config.json").read_text())
    config |= {"model_type": "qwen2", "architectures": ["Qwen2ForCausalLM"], "tie_word_embeddings": False}
    del config["head_dim"], config["torch_dtype"]
    config["dtype"] = "float16"  # as newer versions of transformers write it
    (path / "config.json").write_text(json.dumps(config))
    (path / "model.safetensors").unlink()

    def save() -> None:
        import mlx.core as mx
        from mlx.utils import tree_flatten
        from mlx_lm.models import qwen2

        names = sorted(tree_flatten(qwen2.Model(qwen2.ModelArgs.from_dict(config)).parameters()))
        keys = mx.random.split(mx.random.key(5), len(names))
        weights = {
            name: (0.1 * mx.random.normal(value.shape, key=key)).astype(mx.float16)
            for (name, value), key in zip(names, keys, strict=True)
        }
        halves = [list(weights)[:20], list(weights)[20:]]
        files = [f"model-0000{number}-of-00002.safetensors" for number in (1, 2)]
        for file, half in zip(files, halves, strict=True):
            mx.save_safetensors(str(path / file), {name: weights[name] for name in half}, metadata={"format": "pt"})
        index = {name: file for file, half in zip(files, halves, strict=True) for name in half}
        (path / "model.safetensors.index.json").write_text(json.dumps({"metadata": {}, "weight_map": index}))

    mlx_thread.run(save)
    return path


def test_unquantised_the_model_computes_what_the_source_does(source: Path, tmp_path: Path) -> None:
    seen: list[Progress] = []
    made = convert(str(source), tmp_path / "made", report=seen.append)
    assert logits(made) == logits(source)
    assert folder.quantization(made) == "bfloat16"
    written = [one.done / one.total for one in seen if one.total]
    assert written == sorted(written)
    assert (written[0], written[-1]) == (0, 1)
    assert not list(made.glob("*.py"))
    assert f'source = "{source}"' in (made / "stylora_model.toml").read_text()


def test_qwen2_in_several_files_computes_what_the_source_does(tmp_path: Path) -> None:
    source = write_tiny_qwen2(tmp_path / "qwen")
    made = convert(str(source), tmp_path / "made")
    assert logits(made) == logits(source)
    assert folder.quantization(made) == "float16"
    assert load(made).tokenizer.encode("The gears") == load(source).tokenizer.encode("The gears")


def test_quantised_it_is_smaller_and_close(source: Path, tmp_path: Path) -> None:
    made = convert(str(source), tmp_path / "made", q_bits=8, group_size=32)
    assert folder.quantization(made) == "8-bit, groups of 32"
    assert unrounded(made) == pytest.approx(unrounded(source), abs=0.1)
    assert unrounded(made) != unrounded(source)


def test_an_existing_target_is_left_alone(source: Path, tmp_path: Path) -> None:
    target = tmp_path / "made"
    target.mkdir()
    (target / "precious").touch()
    assert "already there" in refused(source, target)
    assert [path.name for path in target.iterdir()] == ["precious"]


def test_pickled_weights_are_refused(source: Path, tmp_path: Path) -> None:
    pickled = Path(shutil.copytree(source, tmp_path / "pickled"))
    (pickled / "model.safetensors").rename(pickled / "pytorch_model.bin")
    assert "pickled weights only" in refused(pickled, tmp_path / "made")


@pytest.mark.parametrize(
    ("missing", "said"),
    [
        ("config.json", "no config.json"),
        ("model.safetensors", "no model*.safetensors"),
        ("tokenizer.json", "tokenizer"),
    ],
)
def test_an_incomplete_source_is_named(source: Path, tmp_path: Path, missing: str, said: str) -> None:
    broken = Path(shutil.copytree(source, tmp_path / "broken"))
    (broken / missing).unlink()
    assert said in refused(broken, tmp_path / "made")


def test_truncated_source_weights_are_refused(source: Path, tmp_path: Path) -> None:
    broken = Path(shutil.copytree(source, tmp_path / "broken"))
    (broken / "model.safetensors").write_bytes((source / "model.safetensors").read_bytes()[:-10])
    assert "ends after" in refused(broken, tmp_path / "made")


def test_numbers_mlx_cannot_do_are_refused(source: Path, tmp_path: Path) -> None:
    assert "--q-bits 7" in refused(source, tmp_path / "made", q_bits=7)
    assert "--group-size 48" in refused(source, tmp_path / "made", q_bits=4, group_size=48)


def test_what_is_neither_a_folder_nor_a_hub_name_is_refused(source: Path, tmp_path: Path) -> None:
    assert "no such folder" in refused(tmp_path / "nowhere", tmp_path / "made")
    assert "no such folder" in refused("./no/where", tmp_path / "made")
    assert "is a file" in refused(source / "config.json", tmp_path / "made")


def test_a_cancelled_conversion_leaves_nothing(source: Path, tmp_path: Path) -> None:
    def report(progress: Progress) -> None:
        if progress.done > 0:
            raise Cancelled

    with pytest.raises(Cancelled):
        convert(str(source), tmp_path / "made", report=report)
    assert list(tmp_path.iterdir()) == []


def test_what_a_killed_conversion_left_is_cleared_away_and_nothing_else(source: Path, tmp_path: Path) -> None:
    target = tmp_path / "made"
    killing = """
import os, signal, sys
from pathlib import Path
from engine.models.convert import convert
def report(progress):
    if progress.done:
        os.kill(os.getpid(), signal.SIGKILL)
convert(sys.argv[1], Path(sys.argv[2]), report=report)
"""
    killed = subprocess.run([*WARM, "-c", killing, str(source), str(target)], cwd=ROOT, check=False)
    assert killed.returncode == -signal.SIGKILL
    assert not target.exists()
    assert [path.suffix for path in tmp_path.iterdir()] == [".part"]
    at_work = tmp_path / ".made.other.part"
    with _lock(at_work):
        convert(str(source), target)
        assert sorted(path.name for path in tmp_path.iterdir()) == [at_work.name, "made"]
    assert logits(target) == logits(source)


@contextmanager
def _lock(path: Path) -> Iterator[None]:
    """What another conversion of the same model holds while it works."""
    path.mkdir()
    handle = os.open(path, os.O_RDONLY)
    fcntl.flock(handle, fcntl.LOCK_EX)
    yield
    os.close(handle)


@pytest.mark.parametrize(
    ("config", "said"),
    [
        ({"model_file": "evil.py"}, "needs code of its own"),
        ({"model_type": ""}, "names no model_type"),
        ({"model_type": "bert"}, "bert not supported"),
        ({"quantization_config": {"quant_method": "awq"}}, "quantised already"),
        ({"hidden_size": 128}, "cannot be converted"),
    ],
)
def test_a_model_that_cannot_be_converted_is_one_clear_line(
    source: Path, tmp_path: Path, config: dict[str, object], said: str
) -> None:
    other = Path(shutil.copytree(source, tmp_path / "other"))
    (other / "config.json").write_text(json.dumps({**json.loads((source / "config.json").read_text()), **config}))
    assert said in refused(other, tmp_path / "made", q_bits=4)
    assert not (tmp_path / "made").exists()


CONVERT = """
import sys
from pathlib import Path
from engine.errors import StyloraError
from engine.models.convert import convert
for name in sys.argv[2:]:
    try:
        convert(name, Path(sys.argv[1]))
    except StyloraError as error:
        print(error)
"""


def from_hub(home: Path, *names: str, **environment: str) -> list[str]:
    """What conversions of the hub models to `home`/made say; it must be one line each at most, and quiet else."""
    quiet = {"PATH": "/usr/bin:/bin", "HOME": str(home), "OMP_NUM_THREADS": "1", **environment}
    command = [sys.executable, "-c", CONVERT, str(home / "made"), *names]
    ran = subprocess.run(command, cwd=ROOT, env=quiet, capture_output=True, text=True)
    assert ran.stderr == ""
    said = ran.stdout.splitlines()
    assert len(said) <= len(names)
    return said


def test_a_hub_that_cannot_be_reached_is_one_clear_line(tmp_path: Path) -> None:
    for environment in ({"HF_HUB_OFFLINE": "1"}, {"HF_ENDPOINT": "http://127.0.0.1:9"}):
        (said,) = from_hub(tmp_path, "someone/some-model", **environment)
        assert said.startswith("someone/some-model: no such folder, and the model hub cannot be reached")
        assert not (tmp_path / "made").exists()


def test_a_model_is_fetched_from_the_hub_without_its_code_and_goes_on_where_the_line_broke(
    source: Path, tmp_path: Path
) -> None:
    with small_hub({"a/model": source}, break_at=20_000) as (address, asked):
        assert from_hub(tmp_path, "a/model", HF_ENDPOINT=address) == []
    assert logits(tmp_path / "made") == logits(source)
    assert asked.count("model.safetensors") == 2
    assert not any(name.endswith(".py") for name in asked)


def test_what_the_hub_does_not_give_is_one_clear_line(source: Path, tmp_path: Path) -> None:
    pickled = Path(shutil.copytree(source, tmp_path / "pickled"))
    (pickled / "model.safetensors").rename(pickled / "pytorch_model.bin")
    with small_hub({"a/gated": "GatedRepo", "a/pickled": pickled}) as (address, asked):
        gated, without_weights, unknown = from_hub(tmp_path, "a/gated", "a/pickled", "a/unknown", HF_ENDPOINT=address)
    assert "accepted its terms" in gated
    assert "pickled weights only" in without_weights
    assert "knows no model of this name" in unknown
    assert asked == []
    assert not (tmp_path / "made").exists()
