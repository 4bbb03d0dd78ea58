from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from tiny import write_tiny_model

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
    loaded = load(path)

    def forward() -> list[float]:
        import mlx.core as mx

        return loaded.model(mx.array([[5, 6, 7]]))[0, -1].tolist()

    return mlx_thread.run(forward)


def test_unquantised_the_model_computes_what_the_source_does(source: Path, tmp_path: Path) -> None:
    seen: list[Progress] = []
    made = convert(str(source), tmp_path / "made", report=seen.append)
    assert logits(made) == logits(source)
    assert folder.quantization(made) == "bfloat16"
    assert [(one.done, one.total) for one in seen] == [(0, 3), (1, 3), (2, 3), (3, 3)]
    assert not list(made.glob("*.py"))
    assert f'source = "{source}"' in (made / "stylora_model.toml").read_text()


def test_quantised_it_is_smaller_and_close(source: Path, tmp_path: Path) -> None:
    made = convert(str(source), tmp_path / "made", q_bits=8, group_size=32)
    assert folder.quantization(made) == "8-bit, groups of 32"
    assert logits(made) == pytest.approx(logits(source), abs=0.1)
    assert logits(made) != logits(source)


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
        if progress.done == 2:
            raise Cancelled

    with pytest.raises(Cancelled):
        convert(str(source), tmp_path / "made", report=report)
    assert list(tmp_path.iterdir()) == []


def test_a_hub_that_cannot_be_reached_is_one_clear_line(tmp_path: Path) -> None:
    code = f"""
from pathlib import Path
from engine.errors import StyloraError
from engine.models.convert import convert
try:
    convert("someone/some-model", Path({str(tmp_path / "made")!r}))
except StyloraError as error:
    print(error)
"""
    environment = {"PATH": "/usr/bin:/bin", "HOME": str(tmp_path), "HF_HUB_OFFLINE": "1"}
    ran = subprocess.run([sys.executable, "-c", code], cwd=ROOT, env=environment, capture_output=True, text=True)
    assert ran.stderr == ""
    assert ran.stdout.startswith("someone/some-model: no such folder, and the model hub did not give it")
    assert ran.stdout.count("\n") == 1
    assert not (tmp_path / "made").exists()
