"""LoRA on, off, swapped, turned, written and read."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import mlx.core as mx
import pytest

from engine.errors import StyloraError
from engine.models import adapters, mlx_thread
from engine.models.loading import load

PROBE = [[5, 6, 7, 8, 9]]


def on_mlx(test: Any) -> Any:
    return mlx_thread.owned(test)


def logits(model: Any) -> mx.array:
    return model(mx.array(PROBE))


def filled(model: Any, seed: int = 0) -> None:
    """Give every B a value, so that the adapter does something."""
    adapters.set_weights(
        model,
        {
            name: 0.1 * mx.random.normal(value.shape, key=mx.random.key(seed + index))
            for index, (name, value) in enumerate(adapters.weights(model).items())
        },
    )


@pytest.fixture(scope="module")
def saved(tiny_model: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two adapters, of rank 4 and 8, and the logits they give."""
    folder = tmp_path_factory.mktemp("adapters")

    def make() -> None:
        model = load(tiny_model).model
        for rank in (4, 8):
            adapters.attach(model, rank=rank, scale=2.0, dropout=0.1)
            filled(model, rank)
            (folder / str(rank)).mkdir()
            adapters.save_adapter(model, folder / str(rank))
            (folder / str(rank) / "recipe.toml").write_text("")
            model.eval()
            mx.save_safetensors(str(folder / f"{rank}.safetensors"), {"logits": logits(model)})

    mlx_thread.run(make)
    return folder


def expected(saved: Path, rank: int) -> mx.array:
    return mx.load(str(saved / f"{rank}.safetensors"))["logits"]


@on_mlx
def test_fresh_adapter_changes_nothing_and_detaching_leaves_the_base(tiny_model: Path) -> None:
    model = load(tiny_model).model
    base = logits(model)
    adapters.attach(model, rank=4, scale=2.0)
    assert mx.array_equal(logits(model), base)
    filled(model)
    assert not mx.array_equal(logits(model), base)
    adapters.detach(model)
    assert mx.array_equal(logits(model), base)
    assert adapters.attached(model) is None
    assert not adapters.weights(model)


@on_mlx
def test_attaching_twice_does_not_nest(tiny_model: Path) -> None:
    model = load(tiny_model).model
    adapters.attach(model, rank=4, scale=2.0)
    adapters.attach(model, rank=8, scale=1.0)
    names = list(adapters.weights(model))
    assert len(names) == 2 * 7 * 2
    assert not any("linear.lora" in name or "linear.linear" in name for name in names)
    assert len(adapters.lora_modules(model)) == 14


@on_mlx
def test_strength_is_relative_to_the_trained_scale_and_zero_is_the_base(tiny_model: Path, saved: Path) -> None:
    model = load(tiny_model).model
    base = logits(model)
    adapters.load_adapter(model, saved / "4")
    adapters.set_strength(model, 0.0)
    assert mx.array_equal(logits(model), base)
    adapters.set_strength(model, 1.0)
    assert mx.array_equal(logits(model), expected(saved, 4))
    adapters.set_strength(model, 0.5)
    assert adapters.lora_modules(model)[0][1].scale == 1.0


@on_mlx
def test_adapters_are_swapped_on_one_base(tiny_model: Path, saved: Path) -> None:
    model = load(tiny_model).model
    for rank in (4, 8, 8, 4):
        shape = adapters.load_adapter(model, saved / str(rank))
        assert shape.rank == rank
        assert mx.array_equal(logits(model), expected(saved, rank))


@on_mlx
def test_stock_mlx_lm_loads_the_folder_as_it_lies(tiny_model: Path, saved: Path) -> None:
    from mlx_lm.utils import load_adapters

    model = load_adapters(load(tiny_model).model, str(saved / "8"))
    model.eval()
    assert mx.array_equal(logits(model), expected(saved, 8))


@on_mlx
def test_adapter_of_the_last_layers_only(tiny_model: Path, tmp_path: Path) -> None:
    model = load(tiny_model).model
    adapters.attach(model, rank=4, scale=2.0, keys=("mlp.down_proj",), num_layers=1)
    assert [name for name, _ in adapters.lora_modules(model)] == ["model.layers.1.mlp.down_proj"]
    adapters.save_adapter(model, tmp_path)
    adapters.detach(model)
    adapters.load_adapter(model, tmp_path, need_recipe=False)
    assert len(adapters.weights(model)) == 2


@on_mlx
def test_only_the_adapter_is_trainable(tiny_model: Path) -> None:
    from mlx.utils import tree_flatten

    model = load(tiny_model).model
    adapters.attach(model, rank=4, scale=2.0, dropout=0.1)
    assert sorted(name for name, _ in tree_flatten(model.trainable_parameters())) == list(adapters.weights(model))


@on_mlx
def test_dropout_mask_follows_from_the_seed_alone(tiny_model: Path) -> None:
    model = load(tiny_model).model
    adapters.attach(model, rank=4, scale=2.0, dropout=0.5)
    filled(model)
    model.train()
    adapters.reseed(model, 1)
    first = logits(model)
    mx.eval(first, mx.random.normal((3,)))
    assert mx.array_equal(logits(model), first)
    adapters.reseed(model, 2)
    assert not mx.array_equal(logits(model), first)


@on_mlx
def test_seed_decides_the_first_weights(tiny_model: Path) -> None:
    model = load(tiny_model).model

    def drawn(seed: int) -> mx.array:
        adapters.attach(model, rank=4, scale=2.0, seed=seed)
        return adapters.weights(model)["model.layers.0.mlp.up_proj.lora_a"]

    first = drawn(1)
    mx.eval(mx.random.normal((3,)))
    assert mx.array_equal(drawn(1), first)
    assert not mx.array_equal(drawn(2), first)


@on_mlx
def test_unknown_key_names_the_nearest(tiny_model: Path) -> None:
    with pytest.raises(StyloraError, match=r"did you mean 'self_attn\.q_proj'"):
        adapters.attach(load(tiny_model).model, rank=4, scale=2.0, keys=("self_attn.q_prj",))


def damaged(saved: Path, folder: Path, kind: str) -> Path:
    for file in (saved / "4").iterdir():
        (folder / file.name).write_bytes(file.read_bytes())
    weights, config = folder / adapters.WEIGHTS_FILE, folder / adapters.CONFIG_FILE
    if kind == "truncated":
        weights.write_bytes(weights.read_bytes()[:-100])
    elif kind == "strange type":
        whole = weights.read_bytes()
        weights.write_bytes(whole.replace(b'"F32"', b'"F99"', 1))
    elif kind == "no weights":
        weights.unlink()
    elif kind == "no recipe":
        (folder / "recipe.toml").unlink()
    elif kind == "no config":
        config.unlink()
    elif kind == "other rank":
        content = json.loads(config.read_text())
        content["lora_parameters"]["rank"] = 16
        config.write_text(json.dumps(content))
    elif kind == "other base":
        mx.save_safetensors(str(weights), {"model.layers.0.mlp.up_proj.lora_a": mx.zeros((576, 4))})
    elif kind == "dora":
        config.write_text(config.read_text().replace('"lora"', '"dora"'))
    elif kind == "no folder":
        return folder / "nowhere"
    return folder


@pytest.mark.parametrize(
    ("kind", "message"),
    [
        ("truncated", "truncated or damaged"),
        ("strange type", "adapters.safetensors: damaged"),
        ("no weights", "adapters.safetensors: missing"),
        ("no recipe", "no recipe.toml"),
        ("no config", "no adapter_config.json, so this is no adapter"),
        ("other rank", "lora_a is .*the model needs"),
        ("other base", "does not fit this base model"),
        ("dora", "a 'dora' adapter"),
        ("no folder", "no such folder"),
    ],
)
@on_mlx
def test_bad_folder_is_one_clear_line_and_the_model_stays_as_it_was(
    tiny_model: Path, saved: Path, tmp_path: Path, kind: str, message: str
) -> None:
    model = load(tiny_model).model
    adapters.load_adapter(model, saved / "8")
    with pytest.raises(StyloraError, match=message) as error:
        adapters.load_adapter(model, damaged(saved, tmp_path, kind))
    assert "\n" not in str(error.value)
    assert mx.array_equal(logits(model), expected(saved, 8))
