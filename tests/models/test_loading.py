from __future__ import annotations

import contextlib
import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from engine.errors import StyloraError
from engine.models import folder, mlx_thread
from engine.models.loading import load

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def copy(tiny_model: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(tiny_model, tmp_path / "copy"))


def one_line(path: Path) -> str:
    with pytest.raises(StyloraError) as caught:
        load(path)
    message = str(caught.value)
    assert "\n" not in message
    return message


def test_a_loaded_model_has_its_weights_and_a_tokenizer(tiny_model: Path) -> None:
    loaded = load(tiny_model)
    ids = loaded.tokenizer.encode("In 1847 the gears turned.", add_special_tokens=False)
    assert loaded.tokenizer.decode(ids) == "In 1847 the gears turned."
    assert loaded.tokenizer.eos_token_id == 0
    assert loaded.tokenizer.eos_token_ids == {0}
    assert loaded.config["num_hidden_layers"] == 2
    assert loaded.identity == folder.identity(tiny_model)

    def forward() -> tuple[int, ...]:
        import mlx.core as mx

        return loaded.model(mx.array([ids])).shape

    assert mlx_thread.run(forward) == (1, len(ids), loaded.config["vocab_size"])


def test_on_a_cpu_all_weights_are_fp32_and_quantised_ones_lose_nothing(copy: Path) -> None:
    def store_quantised() -> list[float]:
        import mlx.core as mx

        weights = mx.load(str(copy / "model.safetensors"))
        stored, expected = {}, []
        for name, value in weights.items():
            if "norm" in name:
                stored[name] = value.astype(mx.float16)
                continue
            packed, scales, biases = mx.quantize(value.astype(mx.float16), group_size=32, bits=4)
            base = name.removesuffix("weight")
            stored |= {name: packed, f"{base}scales": scales, f"{base}biases": biases}
            if name == "model.layers.1.mlp.down_proj.weight":
                exact = mx.dequantize(packed, scales.astype(mx.float32), biases.astype(mx.float32), 32, 4)
                expected = exact.flatten().tolist()
        mx.save_safetensors(str(copy / "model.safetensors"), stored)
        return expected

    def is_cpu() -> bool:
        import mlx.core as mx

        return bool(mx.default_device() == mx.Device(mx.cpu))

    if not mlx_thread.run(is_cpu):
        pytest.skip("weights are cast on a CPU only")
    expected = mlx_thread.run(store_quantised)
    config = json.loads((copy / "config.json").read_text())
    config["quantization"] = {"group_size": 32, "bits": 4}
    (copy / "config.json").write_text(json.dumps(config))
    assert folder.quantization(copy) == "4-bit, groups of 32"
    loaded = load(copy)

    def seen() -> tuple[set[str], list[float]]:
        from mlx.utils import tree_flatten

        parameters = dict(tree_flatten(loaded.model.parameters()))
        down = parameters["model.layers.1.mlp.down_proj.weight"].flatten().tolist()
        return {str(value.dtype) for value in parameters.values()}, down

    types, down = mlx_thread.run(seen)
    assert types == {"mlx.core.float32"}
    assert down == expected


def test_loading_writes_nothing_on_the_terminal(tiny_model: Path) -> None:
    code = "import sys, pathlib; from engine.models.loading import load; load(pathlib.Path(sys.argv[1]))"
    ran = subprocess.run([sys.executable, "-c", code, str(tiny_model)], cwd=ROOT, capture_output=True, text=True)
    assert (ran.returncode, ran.stdout, ran.stderr) == (0, "", "")


def test_a_missing_folder_is_named(tmp_path: Path) -> None:
    assert "no such model folder" in one_line(tmp_path / "nowhere")


@pytest.mark.parametrize("name", ["config.json", "tokenizer.json", "tokenizer_config.json"])
def test_a_missing_file_is_named(copy: Path, name: str) -> None:
    (copy / name).unlink()
    assert f"{name}: missing" in one_line(copy)


def test_missing_weights_are_named(copy: Path) -> None:
    (copy / "model.safetensors").unlink()
    assert "no model*.safetensors" in one_line(copy)


@pytest.mark.parametrize("keep", [0, 5, 60, 5_000, -1])
def test_truncated_weights_are_recognised(copy: Path, keep: int) -> None:
    weights = copy / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:keep])
    message = one_line(copy)
    assert "model.safetensors" in message
    assert "copy the model again" in message


def test_weights_that_are_something_else_are_recognised(copy: Path) -> None:
    (copy / "model.safetensors").write_bytes(b"\x80\x04\x95" + b"pickle" * 1000)
    assert "not a whole safetensors file" in one_line(copy)


def test_a_shard_that_the_index_lists_but_is_not_there_is_named(copy: Path) -> None:
    index = {"weight_map": {"a": "model.safetensors", "b": "model-00002-of-00002.safetensors"}}
    (copy / "model.safetensors.index.json").write_text(json.dumps(index))
    assert "model-00002-of-00002.safetensors: missing" in one_line(copy)


@pytest.mark.parametrize(
    ("file", "content"),
    [("config.json", "{"), ("config.json", "[]"), ("tokenizer.json", "{}"), ("tokenizer.json", "no json")],
)
def test_damaged_json_is_one_clear_line(copy: Path, file: str, content: str) -> None:
    (copy / file).write_text(content)
    assert str(copy) in one_line(copy)


def test_an_unsupported_architecture_is_one_clear_line(copy: Path) -> None:
    config = json.loads((copy / "config.json").read_text()) | {"model_type": "no_such_model"}
    (copy / "config.json").write_text(json.dumps(config))
    assert "no_such_model" in one_line(copy)


def test_code_in_a_model_folder_is_never_run(copy: Path) -> None:
    (copy / "evil.py").write_text(f"open({str(copy / 'ran')!r}, 'w')")
    config = json.loads((copy / "config.json").read_text()) | {"model_file": "evil.py"}
    (copy / "config.json").write_text(json.dumps(config))
    one_line(copy)
    tokenizer = json.loads((copy / "tokenizer_config.json").read_text())
    tokenizer |= {"tokenizer_class": "Evil", "auto_map": {"AutoTokenizer": ["evil.Evil", "evil.Evil"]}}
    (copy / "tokenizer_config.json").write_text(json.dumps(tokenizer))
    (copy / "config.json").write_text(json.dumps({k: v for k, v in config.items() if k != "model_file"}))
    with contextlib.suppress(StyloraError):
        load(copy)
    assert not (copy / "ran").exists()


def test_the_identity_follows_the_model_and_nothing_else(copy: Path, tiny_model: Path) -> None:
    same = folder.identity(copy)
    assert same == folder.identity(tiny_model)
    config = json.loads((copy / "config.json").read_text()) | {"transformers_version": "9", "_name_or_path": "x"}
    (copy / "config.json").write_text(json.dumps(config, indent=3))
    assert folder.identity(copy) == same
    split_into_two_files(copy)
    assert folder.identity(copy) == same
    changed = {"rope_theta": 5.0}
    (copy / "config.json").write_text(json.dumps(config | changed))
    assert folder.identity(copy) != same


def split_into_two_files(path: Path) -> None:
    def split() -> None:
        import mlx.core as mx

        weights = mx.load(str(path / "model.safetensors"))
        mx.eval(weights)
        names = sorted(weights)
        for number, part in enumerate((names[::2], names[1::2]), start=1):
            file = path / f"model-0000{number}-of-00002.safetensors"
            mx.save_safetensors(str(file), {name: weights[name] for name in part})

    mlx_thread.run(split)
    (path / "model.safetensors").unlink()


def test_other_weights_have_another_identity(copy: Path) -> None:
    before = folder.identity(copy)

    def nudge() -> None:
        import mlx.core as mx

        weights = mx.load(str(copy / "model.safetensors"))
        mx.eval(weights)
        weights["model.norm.weight"] = weights["model.norm.weight"] * 1.01
        mx.save_safetensors(str(copy / "model.safetensors"), weights)

    mlx_thread.run(nudge)
    assert folder.identity(copy) != before
