"""The report card on a tiny model: what it holds, that it is kept, and that the anchors stand where they have to."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path

import msgspec
import numpy as np
import planted
import pytest
from small_adapter import write_small_adapter
from small_workspace import copied_workspace

from engine.curation.corpus import MIN_PASSAGES
from engine.curation.pieces import BEYOND
from engine.errors import StyloraError
from engine.generation.limits import DEFAULT
from engine.host import open_models
from engine.measures.facts import facts
from engine.progress import Progress, Report, silent
from engine.recipe import load_recipe
from engine.report import card as cards
from engine.report.inputs import fixed_inputs
from engine.report.kept import SIDES, Card, Trial, load_cards, read_card, save_card
from engine.report.page import number, page
from engine.report.reference import Reference, held_out, other_voices, whole_book
from engine.report.sides import Given, averaged, measured
from engine.report.stored import stored
from engine.report.trials import Answers, tried
from engine.workspace import BUNDLED_AUTHOR, Workspace


@dataclass(frozen=True)
class Part:
    values: np.ndarray
    names: tuple[str, ...]


FEW = (fixed_inputs().texts[-2], fixed_inputs().nouns[0])


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory, tiny_model: Path) -> Workspace:
    """A small workspace with an untrained adapter that changes what the model writes."""
    made = copied_workspace(tmp_path_factory, "card", tiny_model)
    base = made.models / "tiny"
    recipe = load_recipe(made.dataset("Small Voice") / "recipe.toml")
    fields = {name: getattr(recipe, name) for name in recipe.__struct_fields__ if name not in ("base", "scale")}
    write_small_adapter(made.adapter("Small Voice"), base, size=2.0, **fields)
    return made


def checked(workspace: Workspace, report: Report = silent) -> Card:
    """The card of two passages, a modern text and a noun, kept beside the adapter."""
    rewriter = open_models.open_rewriter(workspace, workspace.adapter("Small Voice"), report)
    card = cards.check(
        rewriter,
        dataset=workspace.dataset("Small Voice"),
        corpus=workspace.corpus("Small Voice"),
        passages=2,
        inputs=FEW,
        cache=workspace.private / "cards",
        report=report,
    )
    save_card(workspace.adapter("Small Voice"), card)
    return card


@pytest.fixture(scope="module")
def card(workspace: Workspace) -> Card:
    return checked(workspace)


def test_a_passage_that_fails_is_tried_again_as_often_as_asked_and_the_base_model_never(
    workspace: Workspace, card: Card
) -> None:
    told: list[Progress] = []
    rewriter = open_models.open_rewriter(workspace, workspace.adapter("Small Voice"), told.append)
    again = cards.check(
        rewriter,
        dataset=workspace.dataset("Small Voice"),
        corpus=workspace.corpus("Small Voice"),
        passages=2,
        retries=1,
        inputs=(),
        report=told.append,
    )
    assert (card.retries, again.retries) == (0, 1)
    assert [one.stage for one in told].count("retry") == 1  # untrained text fails as well
    assert all(any("tried again" in line for line in one.findings) for one in again.samples)
    assert not any("tried again" in line for one in card.samples for line in one.findings)
    assert [one.untrained for one in again.samples] == [one.untrained for one in card.samples]


def test_every_line_stands_beside_every_anchor(card: Card) -> None:
    groups = {one.group for one in card.measures}
    assert groups == {
        "rhythm", "vocabulary", "style", "meaning", "fluency", "memorisation", "degeneration", "length", "invention",
        "modern",
    }  # fmt: skip
    for one in card.measures:
        if one.group not in ("invention", "modern"):
            assert set(one.sides) == set(SIDES), one.name
        for side, value in one.sides.items():
            assert value is None or value.low <= value.value <= value.high or one.name == "copied_span", (one, side)


def test_neither_copying_nor_inventing_scores(card: Card) -> None:
    for side in ("neutral", "copy", "memorised"):
        value = card.joint[side]
        assert value is not None
        assert value.value == 0, side
    author = card.joint["author"]
    assert author is not None
    assert author.value > 0.9
    facts, memorised = card.measure("facts"), card.measure("copied_share")
    assert facts is not None
    assert facts.sides["copy"] is not None
    assert facts.sides["copy"].value == 1.0
    assert memorised is not None
    assert memorised.sides["memorised"] is not None
    assert memorised.sides["memorised"].value == 1.0


def test_the_fixed_inputs_are_tried_and_shown(card: Card) -> None:
    assert [one.name for one in card.trials] == [one.name for one in FEW]
    assert {one.kind for one in fixed_inputs().all} == {"news", "technical", "dialogue", "list", "numbers", "noun"}
    assert len(fixed_inputs().texts) == 12
    assert len(fixed_inputs().nouns) == 6


def test_the_same_seed_gives_the_same_card(workspace: Workspace, card: Card) -> None:
    stages: list[str] = []

    def heard(event: Progress) -> None:
        stages.append(event.stage)

    kept = workspace.adapter("Small Voice") / "report.json"
    before = kept.read_bytes()
    checked(workspace, heard)
    assert kept.read_bytes() == before
    assert "check: adapter" in stages
    assert "check: untrained model" not in stages  # kept from the first


def test_what_was_kept_is_read_back_and_what_is_damaged_is_made_again(tmp_path: Path) -> None:
    made: list[int] = []

    def make() -> Part:
        made.append(1)
        return Part(np.arange(6.0).reshape(2, 3), ("a", "b"))

    for _ in range(2):
        found = stored(tmp_path, "part", ["of", 1], make, Part)
        assert found.names == ("a", "b")
        assert np.array_equal(found.values, np.arange(6.0).reshape(2, 3))
    assert len(made) == 1
    stored(tmp_path, "part", ["of", 2], make, Part)
    assert len(made) == 2
    for path in tmp_path.iterdir():
        path.write_bytes(b"not what it was")
    stored(tmp_path, "part", ["of", 1], make, Part)
    assert len(made) == 3


def test_cards_are_kept_by_checkpoint_and_strength(card: Card, tmp_path: Path) -> None:
    assert (card.checkpoint, card.strength, card.adapter) == ("", 1.0, "small_voice")
    for checkpoint, strength in (("update-000020", 0.8), ("", 1.0), ("update-000020", 1.0), ("", 0.5)):
        save_card(tmp_path, msgspec.structs.replace(card, checkpoint=checkpoint, strength=strength))
    (tmp_path / "report-of-mine.json").write_text("{}")
    (tmp_path / "report-strength-2.json").write_text("half a")
    assert [(one.checkpoint, one.strength) for one in load_cards(tmp_path)] == [
        ("", 1.0), ("", 0.5), ("update-000020", 1.0), ("update-000020", 0.8),
    ]  # fmt: skip
    with pytest.raises(StyloraError, match="delete it"):
        read_card(tmp_path / "report-strength-2.json")


def test_the_page_stands_alone_and_hides_no_markup(card: Card) -> None:
    written = page(card)
    assert written.count("<svg") == 3
    for outside in ("<script", "http://", "https://", "src=", "@import", "url("):
        assert outside not in written
    assert "prefers-color-scheme: dark" in written
    delta = card.measure("delta")
    assert delta is not None
    assert delta.author is not None
    assert f'title="{number(delta.author.low, "")} to {number(delta.author.high, "")}"' in written
    assert "on its subject" in written or "off its subject" in written
    evil = msgspec.structs.replace(
        card,
        author="<b>Nobody</b>",
        samples=[msgspec.structs.replace(card.samples[0], rewritten="<script>alert('x')</script>", findings=["<i>"])],
    )
    text = page(evil)
    assert "<script" not in text
    assert "<b>Nobody" not in text
    assert "&lt;script&gt;alert" in text


def test_the_terminal_shows_the_card_in_eighty_columns(card: Card) -> None:
    from tui import card_rows

    result = msgspec.to_builtins(card)
    lines = ["".join(parts) for parts in card_rows.lines(result)]
    assert max(map(len, lines)) <= 80
    assert any(line.startswith("joint score") for line in lines)
    assert sum("style distance (Delta)" in line for line in lines) == 1
    assert "1 modern text, 1 noun" in card_rows.heading(result)


def test_the_whole_book_is_what_the_author_is_measured_by(workspace: Workspace, tmp_path: Path) -> None:
    from engine.curation.curate import curate

    book = tmp_path / "book.txt"
    text = (workspace.styles / "unconducted_chorus_full.txt").read_text(encoding="utf-8")
    book.write_text(text, encoding="utf-8")
    corpus = tmp_path / "small.txt"
    curated = curate(
        [book], corpus, author="Small", target_tokens=4000, count_tokens=lambda texts: [len(t.split()) for t in texts]
    )
    assert curated.dropped[BEYOND].pieces > 0
    assert len(whole_book(corpus)) == curated.passages + curated.dropped[BEYOND].pieces


def prepared(workspace: Workspace, passages: int) -> Reference:
    return cards.prepare(
        "Small Voice",
        dataset=workspace.dataset("Small Voice"),
        corpus=workspace.corpus("Small Voice"),
        passages=passages,
        cache=workspace.private / "cards",
    )


def test_draws_of_a_passage_are_averaged(workspace: Workspace) -> None:
    reference, limits = prepared(workspace, 2), DEFAULT
    given = [Given(text, text, facts(text)) for text in reference.texts]
    one, other = (
        measured(texts, given, reference, limits, np.full((2, 2), nats))
        for texts, nats in ((reference.texts, 4.0), (list(reference.memorised), 8.0))
    )
    assert averaged([one]) is one
    both = averaged([one, other])
    assert both.surprise.tolist() == [[6.0, 6.0]] * 2
    assert both.words.tolist() == ((one.words + other.words) / 2).tolist()
    assert both.span.tolist() == other.span.tolist()  # the longest: another passage is all the author's
    assert both.sound.tolist() == [0.5, 0.5]


def test_further_draws_are_the_cards_of_other_seeds(workspace: Workspace, card: Card) -> None:
    twice = cards.check(
        open_models.open_rewriter(workspace, workspace.adapter("Small Voice"), silent),
        dataset=workspace.dataset("Small Voice"),
        corpus=workspace.corpus("Small Voice"),
        passages=2,
        inputs=(),
        draws=2,
        cache=workspace.private / "cards",
    )
    assert (card.draws, twice.draws) == (1, 2)
    assert [one.rewritten for one in twice.samples] == [one.rewritten for one in card.samples]
    assert card.distance_neutral == twice.distance_neutral
    assert card.distance_rewritten != twice.distance_rewritten


def test_one_passage_is_too_few_for_an_interval_and_so_for_a_card(workspace: Workspace) -> None:
    with pytest.raises(StyloraError, match="1 held-out passage to check with, 2 are needed"):
        prepared(workspace, 1)


@pytest.mark.parametrize("kind", [one.kind for one in FEW])
def test_inputs_of_one_sort_alone_are_measured(workspace: Workspace, card: Card, kind: str) -> None:
    reference, limits = prepared(workspace, 2), DEFAULT
    inputs = [one for one in FEW if one.kind == kind]
    texts = [one.text for one in inputs]
    plain = [Given(text, text, facts(text)) for text in reference.texts]
    anchors = {
        name: measured(side, plain, reference, limits, np.zeros((2, 2)))
        for name, side in (("neutral", list(reference.memorised)), ("author", reference.texts))
    }
    answers = {name: Answers(tuple(texts), ((),)) for name in ("rewritten", "untrained")}
    lines, trials = tried(inputs, texts, answers, anchors, reference, limits, seed=1)
    assert {one.group for one in lines} == {"invention" if kind == "noun" else "modern"}
    assert [one.name for one in trials] == [one.name for one in inputs]
    if kind == "noun":
        figurative = next(one for one in lines if one.name == "figurative")
        assert figurative.author is not None
        assert figurative.author.low < figurative.author.value < figurative.author.high


def test_a_style_that_cannot_be_told_is_left_out_and_the_trial_can_be_read_again(
    workspace: Workspace, card: Card
) -> None:
    reference, limits = prepared(workspace, 2), DEFAULT
    inputs = [one for one in FEW if one.kind != "noun"]
    texts = [one.text for one in inputs]
    given = [Given(text, text, facts(text)) for text in reference.texts]
    same = measured(reference.texts, given, reference, limits, np.zeros((2, 2)))
    answers = {name: Answers(tuple(texts), ((),)) for name in ("rewritten", "untrained")}
    _, trials = tried(inputs, texts, answers, {"neutral": same, "author": same}, reference, limits, seed=1)
    assert all("style" not in one.figures and "meaning" in one.figures for one in trials)
    assert msgspec.json.decode(msgspec.json.encode(trials), type=list[Trial]) == trials


def test_no_text_of_the_author_is_taken_for_somebody_elses(workspace: Workspace, tmp_path: Path) -> None:
    for name, author in (("one", "SMALL VOICE"), ("two", "Large Voice"), ("three", "Third Voice")):
        passages = (f"Passage {number} of {name}." for number in range(MIN_PASSAGES))
        (tmp_path / f"{name}.txt").write_text("\n\n".join(passages))
        planted.write_record(tmp_path / f"{name}.txt", author)
    (tmp_path / "three.curation.jsonl").write_text("{")  # the fault of somebody else's corpus is none of this card's
    found = other_voices("Small Voice", tmp_path)
    assert "Passage 0 of two." in found
    assert not {"Passage 0 of one.", "Passage 0 of three."} & set(found)
    assert other_voices(BUNDLED_AUTHOR, None) == []


def test_held_out_passages_share_nothing_with_training(workspace: Workspace) -> None:
    from engine.dataset.rows import read_rows, split_file
    from engine.measures.spans import unseen

    folder = workspace.dataset("Small Voice")
    chosen = [text for _, text in held_out(folder, 24)]
    assert unseen(chosen, [row.styled for row in read_rows(split_file(folder, "train"))]) == chosen


def test_held_out_passages_are_looked_for_once(
    workspace: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = Path(shutil.copytree(workspace.dataset("Small Voice"), tmp_path / "data"))
    cache = tmp_path / "cards"
    found = held_out(folder, 24, cache)
    assert found == held_out(folder, 24)
    with monkeypatch.context() as patched:
        patched.setattr("engine.report.reference.read_rows", lambda path: pytest.fail(f"read {path.name} again"))
        assert held_out(folder, 24, cache) == found
        assert held_out(folder, 1, cache) == found[:1]
    # One passage less in the files is one less to find.
    rows = (folder / "test.jsonl").read_bytes().splitlines(keepends=True)
    (folder / "test.jsonl").write_bytes(b"".join(row for row in rows if f'"{found[0][0]}"'.encode() not in row))
    assert held_out(folder, 24, cache) == found[1:]
