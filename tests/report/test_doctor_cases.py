"""Every row of the troubleshooting table is recognised from a planted case, and none where nothing was planted."""

from __future__ import annotations

from pathlib import Path

import msgspec
import planted
import pytest
from planted import copied, fail_job, plant_card, plant_curve, settings, symptoms

from engine.dataset.rows import read_rows, split_file
from engine.generation.conversation import Conversation, Written
from engine.host import examining, journal
from engine.progress import silent
from engine.recipe import load_recipe
from engine.report import chosen
from engine.report.doctor import machine
from engine.report.doctor.finding import SYMPTOMS, Finding
from engine.report.kept import Value, save_card
from engine.workspace import Workspace


@pytest.fixture
def workspace(healthy: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Workspace:
    monkeypatch.setattr("engine.models.acceleration.measure_gflops", lambda: 100.0)  # half a second a case
    return copied(healthy, tmp_path / "w")


def only(found: dict[str, Finding], row: str) -> Finding:
    assert set(found) == {row}
    return found[row]


def test_a_healthy_adapter_has_no_symptom_and_nothing_ill_but_its_few_rows(workspace: Workspace) -> None:
    found = examining.doctor(workspace, silent)
    assert [one.name for one in found if not one.passed] == ["dataset small_voice"]
    assert not [one for one in found if one.symptom]
    texts = next(one for one in found if one.name == "small_voice, texts")
    assert "12 texts without a symptom" in texts.detail


@pytest.mark.parametrize(
    "error",
    [
        "[METAL] Command buffer execution failed: Insufficient Memory (00000008:kIOGPUCommandBufferCallbackError)",
        "lora_adapters/small_voice: out of memory; the last checkpoint is kept. Next to try is rank: 16",
        "[malloc_or_wait] Unable to allocate 9663676416 bytes.",
    ],
)
def test_out_of_memory_is_told_by_the_failed_job(workspace: Workspace, error: str) -> None:
    fail_job(workspace, "train", error, rank=64)
    finding = only(symptoms(workspace), "out of memory")
    commands = [one.shown for one in finding.fixes]
    assert "--auto-fit --fresh" in commands[0]
    assert any("--grad-checkpoint" in one for one in commands)
    assert any("--rank 16" in one for one in commands)
    assert any("--max-seq-length 1024" in one for one in commands)


def test_out_of_memory_while_measuring_is_answered_with_less_to_measure(workspace: Workspace) -> None:
    fail_job(workspace, "sweep", "[malloc_or_wait] Unable to allocate 9663676416 bytes.", adapter="small_voice")
    finding = only(symptoms(workspace), "out of memory")
    assert "stylora sweep --author 'Small Voice' --adapter small_voice --variations 1" in finding.fixes[1].shown


def test_a_config_file_stays_what_is_trained_by(workspace: Workspace) -> None:
    fail_job(workspace, "train", "out of memory", config="data/config.yaml", minutes=29.0)
    for fix in only(symptoms(workspace), "out of memory").fixes:
        assert "--config data/config.yaml" in fix.shown
        assert "--minutes 29" in fix.shown


def test_a_training_that_worked_since_is_forgiven_its_memory(workspace: Workspace) -> None:
    fail_job(workspace, "train", "out of memory")
    log = journal.Journal(workspace, "train")
    log.append("queued", kind="train", params={"author": planted.AUTHOR})
    log.append("done", result={})
    log.close()
    assert not symptoms(workspace)


def test_loops_are_fried_weights(workspace: Workspace) -> None:
    rising = ((0, 4.0), (20, 3.0), (40, 2.8), (60, 3.0), (80, 3.4))
    plant_curve(workspace, rising)
    plant_card(workspace, lambda text: f"{text[:40]} and the wheel of the mill, " + "and the wheel of the mill, " * 12)
    found = symptoms(workspace)
    finding = found["gibberish or loops"]
    assert "12 of 12" in finding.detail
    assert "rose from update 40" in finding.why
    assert any("train" in one.shown and "--epochs 1" in one.shown for one in finding.fixes)
    assert any("--strength 0.7" in one.shown for one in finding.fixes)


def test_words_of_no_language_are_gibberish_and_an_earlier_checkpoint_is_offered(workspace: Workspace) -> None:
    plant_card(workspace, lambda text: " ".join(f"{word[::-1]}qx" for word in text.split()))
    finding = symptoms(workspace)["gibberish or loops"]
    assert "no words of English" in finding.detail
    assert finding.fixes[0].commands == (("use", "--adapter", "small_voice", "--checkpoint", "60"),)


def test_one_loop_in_many_texts_is_chance(workspace: Workspace) -> None:
    first = planted.pairs(workspace)[0][1]
    plant_card(workspace, lambda text: "the wheel of the mill, " * 20 if text == first else text)
    assert not symptoms(workspace)


def test_refusals_of_an_instruct_model_ask_for_a_base_model(workspace: Workspace) -> None:
    text = (workspace.root / "stylora.toml").read_text()
    (workspace.root / "stylora.toml").write_text(
        f'{text}instruct = true\n[models.plain]\nsource = "hub"\nlocation = "a/plain"\npath = "models/plain"\n'
    )
    workspace = Workspace(workspace.root)
    plant_card(workspace, lambda text: "I cannot assist with that request." if len(text) % 2 else text)
    finding = symptoms(workspace)["refuses"]
    assert "instruct model" in finding.why
    assert [one[0] for one in finding.fixes[0].commands] == ["convert", "train"]
    assert "--model plain" in finding.fixes[0].shown


def test_a_weak_style_at_a_low_strength_asks_for_the_trained_one(workspace: Workspace) -> None:
    plant_card(workspace, gap=0.1)
    workspace = settings(workspace, "[rewrite]\nstrength = 0.4\n")
    finding = only(symptoms(workspace), "style too weak")
    assert "10% of the gap" in finding.detail
    assert "0.4" in finding.why
    assert finding.fixes[0].commands == (("use", "--adapter", "small_voice", "--strength", "1"),)


def test_a_card_of_few_passages_cannot_tell_a_weak_style_nor_can_one_whose_classifier_says_otherwise(
    workspace: Workspace,
) -> None:
    plant_card(workspace, gap=0.1, count=5)
    assert not symptoms(workspace)
    plant_card(workspace, gap=0.1)
    folder = workspace.adapter(planted.AUTHOR)
    (card,) = planted.cards(workspace)
    for style, gap, weak in ((0.45, 0.1, False), (0.2, 0.1, True), (0.2, 0.6, False)):
        told = {"rewritten": Value(style, style - 0.1, style + 0.1)}
        save_card(folder, msgspec.structs.replace(card, style=told, gap_closed=gap))
        assert ("style too weak" in symptoms(workspace)) is weak, (style, gap)
    # So few passages that the author's own were no nearer than plain text: the distance says nothing, and is not 0%.
    far = msgspec.structs.replace(card, distance_author=0.4, gap_closed=0.0)
    save_card(folder, far)
    assert not symptoms(workspace)
    save_card(folder, msgspec.structs.replace(far, style={"rewritten": Value(0.2, 0.1, 0.3)}))
    assert "style of 0.20" in only(symptoms(workspace), "style too weak").detail


def test_a_scale_that_was_edited_is_a_weak_style(workspace: Workspace) -> None:
    file = workspace.adapter(planted.AUTHOR) / "adapter_config.json"
    file.write_text(file.read_text().replace("2.0", "20.0"))
    finding = only(symptoms(workspace), "style too weak")
    assert "recipe.toml 2" in finding.detail
    assert "adapter_config.json 20" in finding.detail
    assert "--checkpoint 80" in finding.fixes[0].shown


def test_a_scale_in_the_settings_that_is_not_the_trained_one_is_a_weak_style(workspace: Workspace) -> None:
    workspace = settings(workspace, "[rewrite]\nscale = 1.0\n")
    assert "scale = 1" in only(symptoms(workspace), "style too weak").why


def test_even_sentences_without_noise_are_mechanical(workspace: Workspace) -> None:
    plant_card(workspace, lambda text: "The mill was very old and it was quite dark there. " * (len(text) // 50))
    workspace = settings(workspace, "[rewrite]\napply_input_perturbation = false\n")
    finding = symptoms(workspace)["mechanical"]
    assert "spread" in finding.detail
    assert "begin alike" in finding.detail
    assert "without noise" in finding.why
    assert finding.fixes[0].commands == (("use", "--adapter", "small_voice", "--noise"),)


def test_persona_frames_that_were_edited_make_it_mechanical(workspace: Workspace) -> None:
    file = workspace.adapter(planted.AUTHOR) / "recipe.toml"
    worldview = load_recipe(file).worldview
    planted.save_recipe(
        msgspec.structs.replace(
            load_recipe(file), worldview=msgspec.structs.replace(worldview, role="You are a clerk.")
        ),
        file,
    )
    assert "worldview.role" in only(symptoms(workspace), "mechanical").detail


def test_input_in_a_person_that_was_not_trained_on_is_impersonal(workspace: Workspace) -> None:
    workspace = settings(workspace, "[rewrite]\nnarrativize_input = false\n")
    finding = only(symptoms(workspace), "impersonal")  # the small dataset has originals alone
    assert "plural, third, impersonal" in finding.why
    assert finding.fixes[0].commands == (("use", "--adapter", "small_voice", "--narrativize"),)
    assert [one[0] for one in finding.fixes[1].commands] == ["dataset", "train"]
    assert "--variant impersonal" in finding.fixes[1].shown


def test_texts_that_nobody_speaks_in_are_impersonal(workspace: Workspace) -> None:
    def retold(text: str) -> str:
        return " ".join("it" if word.strip(",.;").lower() in _PERSONS else word for word in text.split())

    plant_card(workspace, retold)
    assert "first-person words" in symptoms(workspace)["impersonal"].detail


_PERSONS = {"i", "me", "my", "mine", "myself", "we", "us", "our", "ours"}


def test_fewer_words_than_were_asked_for_do_not_expand(workspace: Workspace) -> None:
    conversation = Conversation(workspace, workspace.adapter(planted.AUTHOR))
    text = planted.pairs(workspace)[0][1]
    for _ in range(3):
        conversation.add("The mill was old.", [Written(text=text)], settings={"words": 4 * len(text.split())})
    (workspace.adapter(planted.AUTHOR) / "report.json").unlink()
    finding = only(symptoms(workspace), "does not expand")
    assert "25% of the words asked for" in finding.detail
    assert finding.fixes[0].commands == (("use", "--adapter", "small_voice", "--expand"),)


def test_another_classifier_chooses_other_frames(workspace: Workspace) -> None:
    planted.change_recipe(workspace, classifier="0")
    finding = only(symptoms(workspace), "wrong persona frame")
    assert "classifier '0'" in finding.detail
    assert [one[0] for one in finding.fixes[0].commands] == ["dataset", "train"]


def test_rows_with_labels_of_their_own_have_the_wrong_frame(workspace: Workspace) -> None:
    for split in ("train", "valid", "test"):
        file = split_file(workspace.dataset(planted.AUTHOR), split)
        other = {"narrative": "conceptual", "conceptual": "narrative"}
        rows = [msgspec.structs.replace(row, content=other[row.content]) for row in read_rows(file)]
        file.write_bytes(b"".join(msgspec.json.encode(row) + b"\n" for row in rows))
    found = examining.doctor(workspace, silent)
    assert {one.symptom for one in found if one.symptom} == {"wrong persona frame"}
    assert "changed after it was built" in next(one.detail for one in found if "files" in one.name)


def test_every_row_of_the_table_has_a_case_here() -> None:
    cases = Path(__file__).read_text()
    assert not [row for row in SYMPTOMS if f'"{row}"' not in cases]


def test_what_was_chosen_for_the_adapter_is_what_the_doctor_judges(workspace: Workspace) -> None:
    workspace = settings(workspace, "[rewrite]\napply_input_perturbation = false\n")
    assert "mechanical" in symptoms(workspace)
    chosen.choose(workspace.adapter(planted.AUTHOR), {"apply_input_perturbation": True})
    assert not symptoms(workspace)


def test_a_machine_with_too_little_memory_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("engine.training.memory.available_memory", lambda: 1 << 29)
    (finding,) = machine._memory()
    assert not finding.passed
    assert "0.5 GiB" in finding.detail
