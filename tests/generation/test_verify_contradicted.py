"""What a rewrite contradicts, by a model of natural-language inference where one is set, and nothing where none is."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path

import msgspec
import numpy as np
import pytest
from small_adapter import small_recipe, write_small_adapter
from tiny_nli import weights, write_tensors, write_tiny_nli

from engine.errors import StyloraError
from engine.generation.calibration import _contradiction, calibrate, calibrated
from engine.generation.limits import DEFAULT, Limits, Threshold, read_limits, write_limits
from engine.generation.rewriter import Rewriter
from engine.generation.verify import verify, verify_all
from engine.measures.meaning import best_said, likeness
from engine.models.entailment import open_entailment
from engine.models.loading import load
from engine.models.sampling import GREEDY
from engine.report.doctor.workspace import _nli
from engine.workspace import Workspace

SOURCE = "The bridge at Carrow was closed. The keeper watched it all night. Ha!"
GOOD = "All night the keeper kept his watch upon it; and the bridge at Carrow was closed."
TURNED = "All night the keeper slept; and the bridge at Carrow was closed."


class Judge:
    """Finds a contradiction where the premise has the word; remembers what it was asked."""

    def __init__(self, word: str = "slept", share: float = 0.97) -> None:
        self.word, self.share = word, share
        self.asked: list[list[tuple[str, str]]] = []

    def __call__(self, pairs: Sequence[tuple[str, str]]) -> list[float]:
        self.asked.append(list(pairs))
        return [self.share if self.word in premise else 0.01 for premise, _ in pairs]


def contradicted(rewrite: str, judge: Judge, limits: Limits = DEFAULT) -> list[str]:
    found = verify(SOURCE, rewrite, nli=judge, limits=limits).findings
    return [one.message for one in found if one.kind == "contradicted" and one.severe]


def test_a_sentence_that_is_contradicted_is_quoted_and_severe() -> None:
    assert contradicted(TURNED, Judge()) == ["contradicts: The keeper watched it all night. (97% sure)"]
    assert contradicted(GOOD, Judge()) == []
    assert not [one for one in verify(SOURCE, TURNED).findings if one.kind == "contradicted"]


def test_every_sentence_is_held_against_the_stretch_that_says_it_best() -> None:
    judge = Judge()
    verify(SOURCE, TURNED, nli=judge)
    assert judge.asked == [
        [
            ("and the bridge at Carrow was closed.", "The bridge at Carrow was closed."),
            ("All night the keeper slept;", "The keeper watched it all night."),
        ]
    ]
    wanted = ["The bridge at Carrow was closed.", "The keeper watched it all night."]
    assert [one.likeness for one in best_said(wanted, TURNED)] == likeness(wanted, TURNED).tolist()


def test_all_variations_are_asked_about_at_once_and_each_has_its_own_verdict() -> None:
    judge = Judge()
    rewrites = [GOOD, TURNED, "", "…"]
    verdicts = verify_all(SOURCE, rewrites, finishes=["stop"] * 4, nli=judge)
    assert len(judge.asked) == 1
    assert [any(one.kind == "contradicted" for one in verdict.findings) for verdict in verdicts] == [0, 1, 0, 0]
    assert verify("", "", nli=judge).facts_total == 0  # nothing to ask, nothing asked
    assert len(judge.asked) == 1


def test_at_the_threshold_it_is_a_finding_and_where_an_author_sets_it_off_a_mild_one() -> None:
    at = Limits(contradiction=Threshold(0.97, "measured", 0.01))
    assert contradicted(TURNED, Judge(share=0.97), at)
    assert not contradicted(TURNED, Judge(share=0.9699), at)
    mild = verify(SOURCE, TURNED, nli=Judge(), limits=Limits(demoted=("contradicted",))).findings
    assert [one.severe for one in mild if one.kind == "contradicted"] == [False]


PASSAGES = (
    "In the winter of that year the ferry at Holm was laid up, and the ferryman went inland to his brother's farm.",
    "She had counted the stones of the wall, and there were fewer of them every morning.",
    "Nothing was said at table; the rain alone was talkative, and it had only the one story.",
)


@pytest.mark.parametrize(
    ("share", "value", "source", "alarms"),
    [(0.3, 0.8, "chosen", 0.0), (0.9, 0.905, "measured", 0.0), (0.9999, 0.99, "measured", 1.0)],
)
def test_the_threshold_is_measured_on_genuine_pairs(share: float, value: float, source: str, alarms: float) -> None:
    made = _contradiction([(text, text) for text in PASSAGES], Judge("", share))
    assert made == Threshold(value, source, alarms)  # type: ignore[arg-type]


def test_a_model_that_doubts_genuine_pairs_is_only_listened_to(tmp_path: Path) -> None:
    judge = Judge("", 0.9999)
    made = calibrate([(PASSAGES[0], PASSAGES[0])], PASSAGES[1:], nli=judge, nli_identity="one")
    assert "contradicted" in made.demoted
    assert made.alarms["contradicted"] == 1.0
    asked = [pair for each in judge.asked for pair in each]
    assert len(asked) == len(set(asked))  # a question costs time, and has one answer
    write_limits(tmp_path, made)
    assert read_limits(tmp_path) == made


def test_what_another_model_measured_does_not_hold() -> None:
    measured = Limits(nli="one", contradiction=Threshold(0.93, "measured", 0.01), demoted=("contradicted", "facts"))
    assert measured.judged_by("one") is measured
    other = measured.judged_by("other")
    assert (other.contradiction, other.nli, other.demoted) == (DEFAULT.contradiction, "other", ("facts",))


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory, endless_model: Path) -> Workspace:
    """With an adapter, and a model that finds a contradiction in everything."""
    made = Workspace.create(tmp_path_factory.mktemp("contradicted") / "w")
    (made.root / "stylora.toml").write_text(
        f'base_model = "tiny"\n[models.tiny]\nsource = "folder"\n'
        f'location = "{endless_model}"\npath = "{endless_model}"\n'
        '[verify]\nnli = "models/judge"\n'
    )
    write_small_adapter(made.root / "lora_adapters" / "one", endless_model, size=40, seed=1)
    judge = write_tiny_nli(made.models / "judge")
    tensors = weights(judge)
    tensors["classifier.bias"] = np.array([0, 0, 50], dtype=np.float32)
    write_tensors(judge / "model.safetensors", tensors)
    return Workspace(made.root)


def test_rewriting_takes_the_model_from_the_settings(workspace: Workspace) -> None:
    rewriter = Rewriter.open(workspace, workspace.root / "lora_adapters" / "one")
    assert rewriter.nli is not None
    assert rewriter.limits.nli == rewriter.nli.identity
    note = "The bridge at Carrow was closed, and nobody saw it."
    made = rewriter.rewrite([note, "The Stock Market"], variations=2, sampling=GREEDY)
    for variation in made[0].variations:
        assert f"contradicts: {note} (100% sure)" in [one.message for one in variation.verdict.findings]
    assert not any(one.kind == "contradicted" for found in made[1].variations for one in found.verdict.findings)
    training = Rewriter.of_training(workspace, rewriter.loaded, rewriter.recipe)
    assert training.nli is rewriter.nli


def test_without_a_setting_nothing_is_asked(tmp_path: Path, tiny_model: Path) -> None:
    rewriter = Rewriter(load(tiny_model), small_recipe(tiny_model), workspace=Workspace.create(tmp_path / "w"))
    rewriter._judge_by(open_entailment(Workspace(tmp_path / "w")))
    assert rewriter.nli is None
    assert rewriter.limits is DEFAULT


def test_another_model_means_a_new_calibration(workspace: Workspace, tmp_path: Path) -> None:
    (tmp_path / "train.jsonl").touch()
    (tmp_path / "valid.jsonl").touch()
    corpus = tmp_path / "corpus.txt"
    corpus.write_text("\n\n".join(f"Day {number}. {PASSAGES[0]}" for number in range(20)))

    def made(where: Workspace | None) -> Limits:
        return calibrated(tmp_path, dataset=tmp_path, corpus=corpus, recipe=small_recipe(), workspace=where)

    judged, without = made(workspace), made(None)
    assert judged.nli
    assert judged.made_of == f"{without.made_of}; nli {judged.nli}"
    write_limits(tmp_path, msgspec.structs.replace(judged, passages=50))
    assert made(workspace).passages == 50
    assert made(None).passages == 0


def test_a_folder_that_is_gone_is_said_before_anything_is_loaded(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert [one.passed for one in _nli(workspace)] == [True]
    judge = workspace.models / "judge"
    hidden = Path(shutil.move(judge, workspace.root / "hidden"))
    monkeypatch.setattr("engine.generation.rewriter.load", lambda path: pytest.fail("the base model was loaded"))
    with pytest.raises(StyloraError, match="judge: no such folder; put the NLI model there"):
        Rewriter.open(workspace, workspace.root / "lora_adapters" / "one")
    assert "no such folder" in next(_nli(workspace)).detail
    hidden.rename(judge)
