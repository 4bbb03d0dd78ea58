"""The plan before anything is loaded."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import pytest
from training_rows import QWEN_14B, write_rows

from engine.errors import StyloraError
from engine.models import mlx_thread
from engine.models.loading import load
from engine.training.batches import load_examples
from engine.training.config import TrainingConfig
from engine.training.memory import GIB, ModelSize
from engine.training.plan import plan
from engine.training.trainer import train


def test_sizes_of_the_missions_model() -> None:
    size = ModelSize.from_config(QWEN_14B)
    assert size.parameters == pytest.approx(14.77e9, rel=0.01)
    assert size.lora_parameters(TrainingConfig()) == pytest.approx(275e6, rel=0.01)
    assert size.bits == 4.5


@pytest.mark.parametrize(("tokens", "gib"), [(512, 18.3), (1024, 19.5)])
def test_memory_of_the_missions_settings_is_what_was_measured(tokens: int, gib: float) -> None:
    config = TrainingConfig(grad_checkpoint=True)
    found = plan([(tokens, tokens // 2)], ModelSize.from_config(QWEN_14B), config, device="gpu", available=25 * GIB)
    assert found.peak / GIB == pytest.approx(gib, rel=0.1)
    assert found.verdict == "fits"
    assert sum(found.memory.values()) == found.peak


def test_checkpointing_is_chosen_only_where_memory_asks_for_it() -> None:
    size, lengths = ModelSize.from_config(QWEN_14B), [(1024, 500)]
    ample = plan(lengths, size, TrainingConfig(), device="gpu", available=200 * GIB)
    scarce = plan(lengths, size, TrainingConfig(), device="gpu", available=25 * GIB)
    none = plan(lengths, size, TrainingConfig(), device="gpu", available=12 * GIB)
    assert (ample.grad_checkpoint, ample.verdict) == (False, "fits")
    assert (scarce.grad_checkpoint, scarce.verdict) == (True, "fits")
    assert (none.grad_checkpoint, none.verdict) == (True, "will not fit")
    assert none.advice == ("rank: 32", "rank: 16", "num_layers: 16", "num_layers: 8")


def test_mission_counts() -> None:
    found = plan([(300, 150)] * 3770, ModelSize.from_config(QWEN_14B), TrainingConfig()).at(100)
    assert found.updates == round(2.2 * 3770 / 4)
    assert found.epochs == pytest.approx(2.2, abs=0.001)
    assert found.tokens == found.updates * 4 * 299
    assert found.seconds == found.tokens / 100


def test_plan_is_what_then_runs(tmp_path: Path, tiny_model: Path) -> None:
    data = write_rows(tmp_path / "data", train=11, valid=11)
    tokenizer = mlx_thread.run(lambda: load(tiny_model).tokenizer)
    rows = load_examples(data / "train.jsonl", tokenizer, max_seq_length=2048)
    median = sorted(len(item.ids) for item in rows.items)[5]
    config = TrainingConfig(rank=4, epochs=1.5, batch_size=2, grad_accumulation=2, max_seq_length=median)
    rows = load_examples(data / "train.jsonl", tokenizer, max_seq_length=median)
    size = ModelSize.from_config(json.loads((tiny_model / "config.json").read_text()))
    lengths = [(len(item.ids), item.loss_start) for item in rows.items]
    planned = plan(lengths, size, config, too_long=rows.too_long)
    trained = train(data=data, base=tiny_model, output=tmp_path / "run", config=config)
    assert 0 < planned.too_long < 11
    assert (trained.updates, trained.tokens) == (planned.updates, planned.tokens)
    assert trained.examples / planned.examples == planned.epochs


def test_longer_rows_and_higher_ranks_need_more() -> None:
    size = ModelSize.from_config(QWEN_14B)
    base = plan([(512, 256)], size, TrainingConfig(), device="cpu", available=None)
    longer = plan([(1024, 512)], size, TrainingConfig(), device="cpu", available=None)
    lower = plan([(512, 256)], size, dataclasses.replace(TrainingConfig(), rank=16), device="cpu", available=None)
    assert lower.peak < base.peak < longer.peak


def test_model_that_is_no_decoder_is_refused() -> None:
    with pytest.raises(StyloraError, match=r"config.json has no 'num_attention_heads'"):
        ModelSize.from_config({"hidden_size": 5})
