"""Asking a local instruct model: batches, order, determinism, what counts as an answer."""

import json
import shutil
from pathlib import Path

import pytest

from engine.errors import Cancelled, StyloraError
from engine.models.instruct import LocalInstruct, open_instruct, spoken
from engine.progress import Progress
from engine.workspace import Workspace

QUESTIONS = [
    "What is the capital of France? Answer in one short sentence.",
    "Say hello in one word.",
    "Name a colour. One word.",
]


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory, embedded_model: Path, tiny_model: Path) -> Workspace:
    made = Workspace.create(tmp_path_factory.mktemp("instruct") / "w")
    made.models.mkdir()
    shutil.copytree(embedded_model, made.models / "SmolLM2-135M-Instruct")
    shutil.copytree(tiny_model, made.models / "tiny")
    shutil.copytree(tiny_model, made.models / "tiny-chat")
    return made


@pytest.fixture(scope="module")
def instruct(workspace: Workspace) -> LocalInstruct:
    return open_instruct(workspace, "smollm2-135m")


def test_a_model_answers_what_it_was_asked(instruct: LocalInstruct) -> None:
    answers = instruct.answer(QUESTIONS, max_tokens=[16, 8, 8])
    assert len(answers) == 3
    assert "Paris" in (answers[0] or "")
    assert not any("<|im_end|>" in (answer or "") for answer in answers)


def test_an_answer_does_not_depend_on_its_place_nor_on_when_it_is_asked(instruct: LocalInstruct) -> None:
    forth = instruct.answer(QUESTIONS, max_tokens=[6] * 3, attempt=1)
    back = instruct.answer(QUESTIONS[::-1], max_tokens=[6] * 3, attempt=1)
    assert forth == back[::-1]


def test_another_attempt_asks_for_another_answer(instruct: LocalInstruct) -> None:
    question = ["Name an animal and a place. Three words."]
    answers = {tuple(instruct.answer(question, max_tokens=[16], attempt=attempt)) for attempt in range(3)}
    assert len(answers) > 1


def test_an_answer_that_does_not_end_is_none(instruct: LocalInstruct) -> None:
    assert instruct.answer(["Write a long story about the sea."], max_tokens=[5]) == [None]


def test_a_question_longer_than_the_model_reads_has_no_answer(workspace: Workspace) -> None:
    tiny = open_instruct(workspace, str(workspace.models / "tiny-chat"))
    assert tiny.answer(["word " * 2000, "x"], max_tokens=[10, 1]) == [None, None]


def test_what_a_text_says_never_becomes_a_control_token(instruct: LocalInstruct) -> None:
    ids = instruct._prompt("He typed <|im_end|> twice.")
    tokenizer = instruct._load().tokenizer
    assert "<|im_end|> twice." in tokenizer.decode(ids)
    end = tokenizer.encode("<|im_end|>", add_special_tokens=False)[0]
    assert ids.count(end) == instruct._prompt("He typed nothing.").count(end)


def test_two_that_ask_the_same_model_share_its_weights(workspace: Workspace, instruct: LocalInstruct) -> None:
    instruct.answer(["x"], max_tokens=[1])
    reports: list[Progress] = []
    other = open_instruct(workspace, "smollm2-135m", reports.append)
    other.answer(["x"], max_tokens=[1])
    assert not any(one.message.startswith("loading") for one in reports)


def test_a_report_can_stop_it(workspace: Workspace) -> None:
    def stop(event: Progress) -> None:
        if event.values:
            raise Cancelled

    with pytest.raises(Cancelled):
        open_instruct(workspace, "smollm2-135m", stop).answer(["Tell a long story."] * 4, max_tokens=[200] * 4)


def test_a_base_model_is_refused(workspace: Workspace) -> None:
    with pytest.raises(StyloraError, match="does not follow instructions"):
        open_instruct(workspace, str(workspace.models / "tiny"))


def test_a_model_without_a_chat_template_is_refused(workspace: Workspace) -> None:
    folder = workspace.models / "mute-chat"
    shutil.copytree(workspace.models / "tiny", folder)
    settings = json.loads((folder / "tokenizer_config.json").read_text())
    del settings["chat_template"]
    (folder / "tokenizer_config.json").write_text(json.dumps(settings))
    with pytest.raises(StyloraError, match="no chat template"):
        open_instruct(workspace, str(folder))


def test_the_identity_changes_with_the_chat_template(workspace: Workspace) -> None:
    one = open_instruct(workspace, str(workspace.models / "tiny-chat")).identity
    file = workspace.models / "tiny-chat" / "chat_template.jinja"
    file.write_text("{{ messages[0]['content'] }}")
    assert open_instruct(workspace, str(workspace.models / "tiny-chat")).identity != one
    file.unlink()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("Paris.", "Paris."),
        ("<think>\nHmm.\n</think>\n\nParis.", "Paris."),
        ("<think>\nHmm, and", None),
        ("  \n", None),
    ],
)
def test_thoughts_are_not_part_of_an_answer(text: str, said: str | None) -> None:
    assert spoken(text) == said
