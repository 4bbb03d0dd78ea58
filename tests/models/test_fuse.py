"""Adapters fused into their base model: the same texts, whole folders, and a measure of what quantising costs."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path

import mlx.core as mx
import numpy as np
import pytest
from tiny import write_tiny_model

from engine.errors import Cancelled, StyloraError
from engine.models import adapters, folder, likeness, mlx_thread
from engine.models.convert import convert
from engine.models.fuse import fuse
from engine.models.loading import load
from engine.progress import Progress

SAMPLES = [("[INPUT]:\nI saw the tower.\n###\n", "The gears of the world turn."), ("I found 12 ships", "")]


def make_adapter(model: Path, path: Path, *, strength: float) -> Path:
    """An adapter with random weights on every projection."""

    def make() -> None:
        base = load(model).model
        adapters.attach(base, rank=4, scale=2.0)
        tensors = adapters.weights(base)
        keys = mx.random.split(mx.random.key(3), len(tensors))
        drawn = {
            name: strength * mx.random.normal(value.shape, key=key)
            for (name, value), key in zip(tensors.items(), keys, strict=True)
            if name.endswith("lora_b")
        }
        adapters.set_weights(base, drawn)
        adapters.save_adapter(base, path)

    mlx_thread.run(make)
    return path


@pytest.fixture(scope="module")
def adapter(tiny_model: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_adapter(tiny_model, tmp_path_factory.mktemp("adapter"), strength=0.5)


@pytest.fixture(scope="module")
def quantised(tiny_model: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tiny model in 4 bits, its scales in bfloat16, as a converted hub model has them."""
    source = write_tiny_model(tmp_path_factory.mktemp("bf16"), dtype="bfloat16")
    return convert(str(source), tmp_path_factory.mktemp("q") / "tiny-4bit", q_bits=4, group_size=32)


def stock_logits(model: Path, adapter: Path | None = None) -> np.ndarray:
    """What mlx-lm makes of a folder as it lies."""

    def forward() -> np.ndarray:
        from mlx_lm.utils import load_adapters, load_model

        loaded = load_model(model)[0]
        if adapter:
            load_adapters(loaded, str(adapter)).eval()
        return np.asarray(loaded(mx.array([[5, 60, 7]]))[0].astype(mx.float32))

    return mlx_thread.run(forward)


def test_fused_the_model_computes_what_base_and_adapter_do(tiny_model: Path, adapter: Path, tmp_path: Path) -> None:
    fused = fuse(tiny_model, adapter, tmp_path / "fused", samples=SAMPLES)
    assert np.abs(stock_logits(fused.path) - stock_logits(tiny_model, adapter)).max() < 1e-3
    assert np.abs(stock_logits(fused.path) - stock_logits(tiny_model)).max() > 0.5
    alike = fused.likeness
    assert (alike.prompts, alike.agreement, alike.greedy_agreement) == (2, 1.0, 1.0)
    assert alike.max_difference < 1e-3
    assert alike.effect > 0.01
    assert alike.kept > 0.9999
    assert fused.quantization == "float32"
    assert tomllib.loads((fused.path / folder.NOTE_FILE).read_text())["base"] == folder.identity(tiny_model)


def test_a_quantised_base_is_dequantised_into_its_own_type(quantised: Path, tmp_path: Path) -> None:
    adapter = make_adapter(quantised, tmp_path / "adapter", strength=0.5)
    fused = fuse(quantised, adapter, tmp_path / "fused", samples=SAMPLES)
    assert fused.quantization == "bfloat16"
    assert "quantization" not in json.loads((fused.path / "config.json").read_text())
    assert fused.likeness.kept > 0.99
    exact = fuse(quantised, adapter, tmp_path / "exact", samples=SAMPLES, dtype="float32")
    assert exact.likeness.kept > 0.9999
    assert exact.likeness.max_difference < fused.likeness.max_difference


def test_quantised_again_what_is_lost_is_measured(quantised: Path, tmp_path: Path) -> None:
    weak = make_adapter(quantised, tmp_path / "weak", strength=0.01)
    coarse = fuse(quantised, weak, tmp_path / "coarse", samples=SAMPLES, q_bits=2, group_size=32)
    fine = fuse(quantised, weak, tmp_path / "fine", samples=SAMPLES, q_bits=8, group_size=32)
    assert (coarse.quantization, fine.quantization) == ("2-bit, groups of 32", "8-bit, groups of 32")
    assert coarse.bytes < fine.bytes
    assert coarse.likeness.kept < 0.5
    assert coarse.likeness.kept < fine.likeness.kept


def test_a_fused_folder_appears_whole_or_not_at_all(tiny_model: Path, adapter: Path, tmp_path: Path) -> None:
    def stop(progress: Progress) -> None:
        if progress.message.startswith("comparing"):
            raise Cancelled

    with pytest.raises(Cancelled):
        fuse(tiny_model, adapter, tmp_path / "fused", samples=SAMPLES, report=stop)
    assert list(tmp_path.iterdir()) == []
    (tmp_path / "fused").mkdir()
    with pytest.raises(StyloraError, match="already there"):
        fuse(tiny_model, adapter, tmp_path / "fused", samples=SAMPLES)


def test_an_adapter_of_another_base_is_refused(tiny_model: Path, tmp_path: Path) -> None:
    (tmp_path / "adapter").mkdir()
    mx.save_safetensors(
        str(tmp_path / "adapter" / adapters.WEIGHTS_FILE), {"model.layers.0.mlp.up_proj.lora_a": mx.zeros((576, 4))}
    )
    (tmp_path / "adapter" / adapters.CONFIG_FILE).write_text(
        '{"lora_parameters": {"rank": 4, "scale": 2.0, "keys": ["mlp.up_proj"]}}'
    )
    with pytest.raises(StyloraError, match="does not fit this base model"):
        fuse(tiny_model, tmp_path / "adapter", tmp_path / "fused", samples=SAMPLES)
    assert not (tmp_path / "fused").exists()


def test_the_embedded_model_writes_the_same_with_an_adapter_in_stock_mlx_lm_and_fused(
    embedded_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Greedy texts: ours at strength 1, `mlx_lm.generate` with the adapter folder as it lies, and the fused model."""
    import mlx_lm

    from engine.models.decoding import decode
    from engine.models.sampling import GREEDY

    adapter = make_adapter(embedded_model, tmp_path / "adapter", strength=0.002)
    prompt = "The old keeper of the lighthouse said that"

    def ours() -> tuple[int, ...]:
        loaded = load(embedded_model)
        adapters.load_adapter(loaded.model, adapter, need_recipe=False)
        ids = loaded.tokenizer.encode(prompt, add_special_tokens=False)
        return decode(loaded.model, loaded.tokenizer, [ids], max_tokens=6, sampling=GREEDY, seed=0)[0].tokens

    def theirs() -> tuple[int, ...]:
        model, tokenizer = mlx_lm.load(str(embedded_model), adapter_path=str(adapter))
        ids = tokenizer.encode(prompt, add_special_tokens=False)
        return tuple(step.token for step in mlx_lm.stream_generate(model, tokenizer, ids, max_tokens=6))

    assert mlx_thread.run(ours) == mlx_thread.run(theirs)
    monkeypatch.setattr(likeness, "POSITIONS", 6)
    fused = fuse(embedded_model, adapter, tmp_path / "fused", samples=[(prompt, "")])
    assert fused.likeness.greedy_agreement == 1.0
    assert fused.likeness.kept > 0.9999
