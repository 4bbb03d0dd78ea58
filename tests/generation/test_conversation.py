"""The history of an adapter: asked, asked again, edited, kept, compared; plain files that survive a torn line."""

from __future__ import annotations

import json
import threading
from pathlib import Path

import pytest
from small_adapter import write_small_adapter

from engine.errors import Cancelled, StyloraError
from engine.generation.conversation import Conversation, Written, grade
from engine.host import comparing, rewriting
from engine.progress import Progress, silent
from engine.report.chosen import choose, forget
from engine.workspace import Workspace

NOTE = "The gate was closed in 1987, and nobody saw it."


@pytest.fixture
def conversation(tmp_path: Path) -> Conversation:
    return Conversation(Workspace.create(tmp_path / "w"), tmp_path / "w" / "lora_adapters" / "poe")


def test_turns_are_read_back_as_they_were(conversation: Conversation) -> None:
    assert conversation.turns() == []
    written = (Written(text="One.", findings=("left out: x",)), Written(text="Two [é].\n\nParagraph."))
    first = conversation.add("Text.\n\nMore.", written, settings={"seed": 42, "words": None}, best=1, marks=["a note"])
    second = conversation.add("Text.", written[:1], settings={"seed": 43}, how="again", of=1)
    assert conversation.turns() == [first, second]
    assert (first.number, second.number, second.of) == (1, 2, 1)
    assert first.settings == {"seed": 42}
    assert len(conversation.path.read_bytes().splitlines()) == 2


def test_the_readable_file_has_everything_a_reader_wants(conversation: Conversation) -> None:
    conversation.add("Text.\n\nMore.", [Written(text="One."), Written(text="Two.")], settings={"seed": 42}, best=1)
    conversation.keep(1, 0)
    text = conversation.readable.read_text()
    for part in ("# Rewrites with poe", "> Text.\n>\n> More.", "seed 42", "### 1.1 (kept)", "### 1.2 (best)", "Two."):
        assert part in text


def test_the_last_choice_is_the_one_kept(conversation: Conversation) -> None:
    conversation.add("Text.", [Written(text="One."), Written(text="Two.")], settings={}, best=1)
    assert conversation.keep().kept == 1
    assert conversation.keep(1, 0).kept == 0
    assert conversation.turn().kept == 0
    with pytest.raises(StyloraError, match="has 2 texts; there is no 3"):
        conversation.keep(1, 2)
    with pytest.raises(StyloraError, match="no turn 7; the last one is 1"):
        conversation.keep(7)


def test_a_torn_last_line_is_passed_over_and_a_damaged_one_named(conversation: Conversation) -> None:
    conversation.add("Text.", [Written(text="One.")], settings={})
    whole = conversation.path.read_bytes()
    conversation.path.write_bytes(whole + b'{"type": "turn", "tu')
    assert len(conversation.turns()) == 1
    conversation.add("Text.", [Written(text="Two.")], settings={})
    assert [turn.written[0].text for turn in conversation.turns()] == ["One.", "Two."]
    conversation.path.write_bytes(b"{}\n" + whole)
    with pytest.raises(StyloraError, match=r"poe\.jsonl:1"):
        conversation.turns()


def test_nothing_yet_is_one_line(conversation: Conversation) -> None:
    with pytest.raises(StyloraError, match="nothing was rewritten with it yet"):
        conversation.turn()


def test_a_checkpoint_belongs_to_the_history_of_its_adapter(tmp_path: Path) -> None:
    workspace = Workspace.create(tmp_path / "w")
    folder = workspace.root / "lora_adapters" / "poe" / "checkpoints" / "update-000200"
    assert Conversation(workspace, folder).path.name == "poe.jsonl"


def test_steps_that_changed_nothing_are_not_written_down(conversation: Conversation) -> None:
    step = {
        "source": "A gate.",
        "told": "A gate.",
        "neutral": "A gate",
        "noised": "A gaet",
        "prompt": "P",
        "fallback": "",
    }
    conversation.add("A gate.", [Written(text="One.")], settings={}, steps=[step])
    assert conversation.turn().steps == ({"source": "A gate.", "neutral": "A gate", "noised": "A gaet", "prompt": "P"},)


def test_findings_have_grades() -> None:
    assert grade({"severe": True, "weight": 2.0}) == "serious"
    assert grade({"severe": False, "weight": 0.5}) == "minor"
    assert grade({"weight": 0.0}) == "note"


def test_two_writers_at_once_number_their_turns_apart(conversation: Conversation) -> None:
    def add(name: str) -> None:
        for _ in range(5):
            conversation.add(name, [Written(text="One.")], settings={})

    writers = [threading.Thread(target=add, args=(name,)) for name in "ab"]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    assert [turn.number for turn in conversation.turns()] == list(range(1, 11))


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory, tiny_model: Path) -> Workspace:
    made = Workspace.create(tmp_path_factory.mktemp("conversation") / "w")
    (made.root / "stylora.toml").write_text(
        f'base_model = "tiny"\n[models.tiny]\nsource = "folder"\nlocation = "{tiny_model}"\npath = "{tiny_model}"\n'
        "[rewrite]\nvariations = 2\nretries = 0\n"
    )
    home = made.root / "lora_adapters" / "unconducted_chorus"
    write_small_adapter(home, tiny_model, size=40, seed=1)
    write_small_adapter(home / "checkpoints" / "update-000020", tiny_model, size=40, seed=30)
    (home / "checkpoints" / "best").symlink_to("update-000020")
    return Workspace(made.root)


def test_a_conversation_goes_its_way(workspace: Workspace) -> None:
    first = rewriting.rewrite(workspace, silent, text=NOTE, temperature=0.9)
    again = rewriting.again(workspace, silent)
    assert (first["turn"], again["turn"], again["seed"]) == (1, 2, first["seed"] + 1)
    assert again["best"]["text"] != first["best"]["text"]
    edited = rewriting.again(workspace, silent, turn=1, text="The gate was open in 1987, and nobody saw it.")
    assert edited["seed"] == first["seed"]
    same = rewriting.again(workspace, silent, turn=1, seed=first["seed"])
    assert same["best"]["text"] == first["best"]["text"]
    kept = rewriting.keep(workspace, silent, turn=2, variation=1)
    assert kept["text"] == again["variations"][0]["text"]
    turns = rewriting.history(workspace, silent)["turns"]
    assert [turn["how"] for turn in turns] == ["asked", "again", "edited", "again"]
    assert [turn["settings"]["temperature"] for turn in turns] == [0.9] * 4
    assert turns[1]["kept"] == 0
    assert json.dumps(turns)


def test_the_best_of_several_passages_is_a_text_of_its_own_in_the_history(workspace: Workspace) -> None:
    text = "\n\n".join(f"The gate {number} was closed in 1987, and nobody saw it." for number in range(6))
    made = rewriting.rewrite(workspace, silent, text=text)
    turn = rewriting.history(workspace, silent)["turns"][-1]
    assert turn["written"][turn["best"]]["text"] == made["best"]["text"]
    assert len(turn["steps"]) == 6
    assert all(len(one["grades"]) == len(one["findings"]) for one in turn["written"])


def test_a_rewrite_that_was_stopped_is_shown_and_not_remembered(workspace: Workspace) -> None:
    before = len(rewriting.history(workspace, silent)["turns"])

    def stop(progress: Progress) -> None:
        if "delta" in progress.values:
            raise Cancelled

    made = rewriting.rewrite(workspace, stop, text=NOTE)
    assert made["stopped"] == "cancelled"
    assert len(made["variations"]) == 2
    assert len(rewriting.history(workspace, silent)["turns"]) == before


def test_sides_are_compared_from_one_seed(workspace: Workspace) -> None:
    made = comparing.compare(workspace, silent, text=NOTE, strengths=[0.0, 1.0])
    assert [side["label"] for side in made["sides"]] == ["strength 0", "strength 1"]
    alone = rewriting.rewrite(workspace, silent, text=NOTE, strength=0.0, variations=1, remember=False)
    assert made["sides"][0]["text"] == alone["best"]["text"]
    assert made["sides"][0]["text"] != made["sides"][1]["text"]
    made = comparing.compare(workspace, silent, text=NOTE, checkpoints=["best", "20"], strengths=[1.0])
    assert made["sides"][0]["text"] == made["sides"][1]["text"]
    with pytest.raises(StyloraError, match="nothing to compare"):
        comparing.compare(workspace, silent, text=NOTE)
    with pytest.raises(StyloraError, match="is a comparison"):
        rewriting.again(workspace, silent)
    with pytest.raises(StyloraError, match="best, last, or updates 20"):
        rewriting.rewrite(workspace, silent, text=NOTE, checkpoint="77")


def test_what_was_chosen_is_what_a_side_leaves_out(workspace: Workspace) -> None:
    home = workspace.root / "lora_adapters" / "unconducted_chorus"
    choose(home, {"checkpoint": 20, "strength": 0.5})
    try:
        one, other = comparing.compare(workspace, silent, text=NOTE, checkpoints=["20", "none"])["sides"]
        assert one["marks"][-1] == "strength 0.5, as chosen for this adapter"
        assert "as chosen" not in " ".join(other["marks"])
        one, other = comparing.compare(workspace, silent, text=NOTE, strengths=[0.5, 1.0])["sides"]
        assert one["marks"][-1] == other["marks"][-1] == "checkpoint 20, as chosen for this adapter"
        asked = {"text": NOTE, "variations": 1, "remember": False}
        assert one["text"] == rewriting.rewrite(workspace, silent, **asked)["best"]["text"]
        as_it_lies = rewriting.rewrite(workspace, silent, checkpoint="none", strength=1.0, **asked)
        assert not [mark for mark in as_it_lies["marks"] if "chosen" in mark]
    finally:
        forget(home)
