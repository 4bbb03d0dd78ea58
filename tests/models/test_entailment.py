"""A model that judges contradiction: what PyTorch makes of the same folder, labels by name, a line for all else."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tiny_nli import KINDS, WORDS, weights, write_tensors, write_tiny_nli

from engine.errors import StyloraError
from engine.models import entailment_folder, mlx_thread, registry
from engine.models.entailment import Entailment, batches, open_entailment
from engine.workspace import Workspace

PAIRS = [
    ("The bridge at Carrow was closed.", "The bridge was open."),
    ("Nobody saw it.", "Everybody saw it and the old woman never slept in the empty boat."),
    (
        "The keeper watched all night and the boat came back empty and the old woman and her sister wrote a letter "
        "and burned it, and never kept it.",
        "The river rose and fell, and nobody stood at the gate, and the keeper slept.",
    ),
]
REFERENCE = {
    "bert": [[1.27714, 0.22971, 1.42271], [2.8845, 1.34892, 0.20135], [0.92408, 0.2865, 1.16231]],
    "roberta": [[0.38405, -0.18349, 1.68382], [-0.28302, -0.75744, -0.15818], [0.38638, 0.31382, 0.5595]],
    "xlm-roberta": [[0.38409, -0.18351, 1.6838], [-0.28372, -0.75828, -0.15962], [0.38649, 0.31335, 0.55957]],
    "deberta v3": [[1.48813, -2.46752, -3.18811], [2.16131, -3.1651, -0.94438], [2.49836, -3.00009, -3.51074]],
    "deberta v2 xlarge": [
        [-2.44049, -0.20226, -1.63458],
        [-2.96261, -0.88937, -1.56643],
        [-2.44499, -0.40239, -1.36185],
    ],
    "deberta, all apart": [
        [-0.14887, 1.91385, 0.63323],
        [-1.51682, 1.29123, -0.58959],
        [-1.34826, 1.98979, -0.07158],
    ],
}
"""Logits of `PAIRS`, padded to one batch, for the models that `tiny_nli` writes: by transformers 5.23
(AutoModelForSequenceClassification, which took every tensor and missed none) and torch 2.13 in fp32 on a CPU."""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_tiny_nli(tmp_path_factory.mktemp("nli") / "tiny")


@pytest.fixture(scope="module")
def model(folder: Path) -> Entailment:
    return Entailment(folder)


def logits(path: Path, pairs: list[tuple[str, str]]) -> np.ndarray:
    """What the network gives, before anything is made of it."""
    made = Entailment(path)
    return mlx_thread.run(lambda: np.array(made._scores([made._tokenizer.encode(*pair) for pair in pairs])))


@pytest.mark.parametrize("kind", KINDS)
def test_the_networks_are_those_that_pytorch_runs(kind: str, tmp_path: Path) -> None:
    path = write_tiny_nli(tmp_path / "model", kind)
    assert np.abs(logits(path, PAIRS) - np.array(REFERENCE[kind])).max() < 5e-5


@pytest.mark.parametrize("kind", ["roberta", "deberta v2 xlarge"])
def test_padding_changes_nothing(kind: str, tmp_path: Path) -> None:
    path = write_tiny_nli(tmp_path / "model", kind)
    alone = [logits(path, [pair])[0] for pair in PAIRS]
    assert np.abs(logits(path, PAIRS) - np.stack(alone)).max() < 2e-5


def test_answers_come_in_the_order_of_the_questions_whatever_else_is_asked(model: Entailment) -> None:
    alone = [model.contradictions([pair])[0] for pair in PAIRS]
    assert model.contradictions([*reversed(PAIRS), *PAIRS]) == pytest.approx([*reversed(alone), *alone], abs=1e-4)
    assert model.contradictions(PAIRS) == model.contradictions(PAIRS)
    assert model.contradictions([]) == []
    assert all(0 < share < 1 for share in alone)


def test_batches_have_like_lengths_and_no_more_than_their_share() -> None:
    lengths = [10] * 70 + [500] * 20
    made = list(batches(range(90), lengths))
    assert [one for batch in made for one in batch] == list(range(90))
    assert [len(batch) for batch in made] == [32, 32, 8, 8, 8, 2]


def test_labels_are_found_by_name_in_any_order_and_case(model: Entailment, tmp_path: Path) -> None:
    turned = write_tiny_nli(tmp_path / "turned", id2label={"0": "CONTRADICTION", "1": " Neutral", "2": "Entailment"})
    tensors = weights(turned)
    for name in ("classifier.weight", "classifier.bias"):
        tensors[name] = tensors[name][::-1]
    write_tensors(turned / "model.safetensors", tensors)
    assert Entailment(turned).contradictions(PAIRS) == pytest.approx(model.contradictions(PAIRS), abs=1e-4)


def test_an_early_model_and_one_in_several_files_are_read_alike(model: Entailment, tmp_path: Path) -> None:
    early = write_tiny_nli(tmp_path / "early")
    names = {"LayerNorm.weight": "LayerNorm.gamma", "LayerNorm.bias": "LayerNorm.beta"}
    tensors = {_renamed(name, names): value for name, value in weights(early).items()}
    tensors["deberta.embeddings.position_ids"] = np.zeros((1, 66), dtype=np.float32)
    tensors["lm_predictions.lm_head.bias"] = np.zeros(64, dtype=np.float32)
    half = list(tensors)[: len(tensors) // 2]
    parts = {
        "model-00001-of-00002.safetensors": {name: tensors[name] for name in half},
        "model-00002-of-00002.safetensors": {name: tensors[name] for name in tensors if name not in half},
    }
    for file, part in parts.items():
        write_tensors(early / file, part)
    listed = {name: file for file, part in parts.items() for name in part}
    (early / "model.safetensors.index.json").write_text(json.dumps({"weight_map": listed}))
    (early / "model.safetensors").unlink()
    assert Entailment(early).contradictions(PAIRS) == model.contradictions(PAIRS)
    (early / "model-00002-of-00002.safetensors").unlink()
    with pytest.raises(StyloraError, match=r"model-00002-of-00002\.safetensors: missing"):
        Entailment(early)


def _renamed(name: str, names: dict[str, str]) -> str:
    return next((name.removesuffix(new) + old for new, old in names.items() if name.endswith(new)), name)


def test_what_does_not_fit_is_cut_from_the_longer_text(folder: Path, tmp_path: Path) -> None:
    config = entailment_folder.check(folder)
    read = entailment_folder.tokenizer(folder, config).encode("the bridge " * 200, "nobody saw it")
    assert len(read.ids) == config.longest == 66
    assert sum(read.type_ids) == 4
    roberta = entailment_folder.check(write_tiny_nli(tmp_path / "roberta", "roberta"))
    assert roberta.longest == 64  # its positions begin behind the padding's


def test_a_training_between_whose_steps_it_judges_draws_the_same(folder: Path) -> None:
    import mlx.core as mx

    def steps(ask: bool) -> tuple[list[float], list[float]]:
        def train() -> list[float]:
            mx.random.seed(3)
            drawn = []
            for step in range(4):
                if ask and step == 1:
                    waiting.append(pool.submit(Entailment(folder).contradictions, PAIRS))
                    while not mlx_thread.serve_waiting():
                        assert not waiting[0].done(), "it came to its end without being asked of this thread"
                drawn.append(mx.random.uniform().item())
            return drawn  # type: ignore[return-value]

        waiting: list[Any] = []
        with ThreadPoolExecutor(1) as pool:
            drawn = mlx_thread.run(train)
            return drawn, waiting[0].result() if waiting else []

    alone, judged = steps(ask=False), steps(ask=True)
    assert judged[0] == alone[0]
    assert judged[1] == Entailment(folder).contradictions(PAIRS)


def spoilt(folder: Path, **changes: Any) -> None:
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**config, **changes}))


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"model_type": "llama"}, "model_type 'llama' is none that can judge; known: bert, roberta"),
        ({"id2label": {"0": "LABEL_0", "1": "LABEL_1", "2": "LABEL_2"}}, "are LABEL_0, LABEL_1, LABEL_2; an NLI model"),
        ({"id2label": {"0": "entailment", "1": "not_entailment"}}, "are entailment, not_entailment; an NLI model"),
        ({"id2label": None}, "are none; an NLI model names"),
        ({"id2label": {"1": "entailment", "2": "contradiction"}}, "does not number its labels from 0"),
        ({"hidden_act": "xielu"}, "hidden_act"),
        ({"hidden_size": 0}, "hidden_size"),
        ({"num_attention_heads": 3}, "hidden_size is no multiple of num_attention_heads"),
        ({"position_embedding_type": "relative_key"}, "position_embedding_type"),
        ({"intermediate_size": 25}, "intermediate.dense.weight is 24 × 16 where its config.json asks for 25 × 16"),
        ({"num_hidden_layers": 3}, "weights lack deberta.encoder.layer.2"),
        ({"num_hidden_layers": 1}, "weights have deberta.encoder.layer.1"),
        ({"norm_rel_ebd": "none"}, "weights have deberta.encoder.LayerNorm"),
    ],
)
def test_another_model_is_refused_in_one_line(changes: dict[str, Any], said: str, tmp_path: Path) -> None:
    spoilt(write_tiny_nli(tmp_path / "m"), **changes)
    with pytest.raises(StyloraError) as caught:
        Entailment(tmp_path / "m")
    assert said in str(caught.value)
    assert str(tmp_path / "m") in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_folder_that_is_not_whole_is_refused_in_one_line(tmp_path: Path) -> None:
    with pytest.raises(StyloraError, match="no such folder; put the NLI model there"):
        Entailment(tmp_path / "none")
    path = write_tiny_nli(tmp_path / "m")
    tokenizer, whole = (path / "tokenizer.json").read_text(), (path / "model.safetensors").read_bytes()
    plain = json.loads(tokenizer)
    for text, said in (
        (None, "tokenizer.json: missing"),
        ("{", "no tokenizer that can be read"),
        (json.dumps({**plain, "post_processor": None}), "does not say how two texts are joined"),
    ):
        (path / "tokenizer.json").unlink(missing_ok=True)
        if text is not None:
            (path / "tokenizer.json").write_text(text)
        with pytest.raises(StyloraError, match=said):
            Entailment(path)
    (path / "tokenizer.json").write_text(tokenizer)
    (path / "model.safetensors").write_bytes(whole[:-40])
    with pytest.raises(StyloraError, match="ends after"):
        Entailment(path)
    (path / "model.safetensors").rename(path / "pytorch_model.bin")
    with pytest.raises(StyloraError, match=r"no model.safetensors in it; pickled weights .* are never read"):
        Entailment(path)


def test_more_words_than_weights_are_refused(tmp_path: Path) -> None:
    path = write_tiny_nli(tmp_path / "m", vocab_size=len(WORDS))
    with pytest.raises(StyloraError, match=f"has {len(WORDS) + 4} tokens, the model's weights only {len(WORDS)}"):
        Entailment(path)


def test_the_settings_name_a_folder_or_a_model_and_no_setting_none(folder: Path, tmp_path: Path) -> None:
    workspace = Workspace.create(tmp_path / "w")
    assert open_entailment(workspace) is None
    write_tiny_nli(workspace.models / "judge")
    (workspace.models / "judge" / "tokenizer_config.json").write_text("{}")
    told = '[models.judge]\nsource = "folder"\nlocation = "models/judge"\npath = "models/judge"\n'
    for nli, more in (("models/judge", ""), (str(folder), ""), ("judge", told)):
        (workspace.root / "stylora.toml").write_text(f'[verify]\nnli = "{nli}"\n{more}')
        made = open_entailment(Workspace(workspace.root))
        assert made is not None
        assert made is open_entailment(Workspace(workspace.root))
    (workspace.root / "stylora.toml").write_text('[verify]\nnli = "models/judge"\n')
    assert "judge" not in {entry.name for entry in registry.available(Workspace(workspace.root))}
