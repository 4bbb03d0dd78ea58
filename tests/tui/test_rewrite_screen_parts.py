"""What the fourth screen is made of, without a screen: word diff, knobs, adapters on disk, the order of exchanges."""

from __future__ import annotations

import random
from dataclasses import replace
from pathlib import Path

import msgspec
import pytest
from textual.app import App, ComposeResult
from textual.widgets import Static

from engine.errors import StyloraError
from engine.host.journal import Event, JobState
from engine.host.survey import Survey
from engine.host.voices import Turn, Voice, Written, keep, turns, voices
from engine.report.chosen import Chosen
from engine.settings import Settings
from engine.workspace import BUNDLED_AUTHOR, Workspace, slug
from tui.screens.rewrite_compare import blind_params, compare_form, params
from tui.screens.rewrite_knobs import Knobs, line, recalled
from tui.screens.training_words import run_of
from tui.widgets.exchange import Entry, Exchange, of_turn, sides
from tui.widgets.timeline import Timeline, merged
from tui.widgets.variation import SETTLED, Variation, finding_lines
from tui.word_diff import LONGEST, changed_words, drawn, word_diff


def test_diff_tells_both_texts_in_marks() -> None:
    parts = word_diff("The gate was closed in 1987.", "The gate stood closed in 1987, and dark.")
    assert parts is not None
    assert drawn(parts).plain == "The gate [-was-] {+stood+} closed in [-1987.-] {+1987, and dark.+}"
    assert changed_words(parts) == (2, 4)


def test_diff_takes_phrases_for_a_rain_of_small_words() -> None:
    parts = word_diff("he went to a shop", "she came to a house")
    assert parts == [("-", "he went to a shop"), ("+", "she came to a house")]


def test_diff_takes_the_marks_of_another_edition_for_the_same() -> None:
    assert word_diff("Her uncle's shop", "Her uncle’s shop") == [(" ", "Her uncle's shop")]


def test_diff_gives_back_both_texts_and_keeps_paragraphs() -> None:
    draw = random.Random("diff")
    words = ["the", "a", "wheel", "gate", "[dark]", "日本", "\n\n", "went"]
    for _ in range(200):
        old, new = (" ".join(draw.choices(words, k=draw.randrange(30))) for _ in range(2))
        parts = word_diff(old, new)
        assert parts is not None
        for text, gone in ((old, "+"), (new, "-")):
            back = " ".join(part for mark, part in parts if mark != gone)
            assert back.split() == text.split()
    kept = word_diff("One.\n\nTwo.", "One.\n\nThree.")
    assert kept is not None
    assert drawn(kept).plain == "One.\n\n[-Two.-] {+Three.+}"


def test_texts_too_long_to_compare_are_said_to_be() -> None:
    assert word_diff("a " * (LONGEST + 1), "a") is None


def test_serious_findings_come_first_and_old_ones_have_no_grade() -> None:
    one = Written(text="x", findings=("a mild one", "a lost fact", "tried again"), grades=("minor", "serious", "note"))
    assert [found.plain for found in finding_lines(one)] == [
        "✗ serious: a lost fact",
        "! minor: a mild one",
        "· tried again",
    ]
    assert [found.plain for found in finding_lines(Written(text="x", findings=("old",)))] == ["! old"]
    noted = Written(text="x", findings=("tried again",), grades=("note",))
    assert finding_lines(noted)[0].plain == "✓ nothing found against it"


def test_a_long_text_costs_no_more_than_a_screen_of_it() -> None:
    card = Variation(0)
    card.add("word " * 50_000)
    assert len("\n".join(part.plain for part in card._body(card.text.strip(), ""))) < 3000
    card.settle(Written(text="word " * 50_000))
    shown = "\n".join(part.plain for part in card._body(card.text.strip(), ""))
    assert len(shown) < SETTLED + 200
    assert "48,800 words more: o opens all of it" in shown


def test_knobs_are_told_in_any_width_and_wide_names_are_cut() -> None:
    knobs = Knobs(further={"top_p": 0.9, "expand_for_texture": True})
    for width in (56, 78, 118):
        told = line(knobs, "夏目漱石 and a name that is a good deal too long for it", True, width)
        assert told.cell_length <= max(width, 12 + 2 + 60)
        assert "top-p 0.9" in told.plain
        assert "expand yes" in told.plain


def test_knobs_of_another_time_are_left_where_they_do_not_fit() -> None:
    settings = Settings()
    assert recalled({"strength": 1.3, "variations": "many", "further": {"top_p": 0.5, "old": 1}}, settings) == Knobs(
        1.3, settings.rewrite.temperature, 5, 42, further={"top_p": 0.5}
    )
    assert recalled({"strength": 9.0}, settings).strength == 1.0
    assert Knobs(strength=1.95).turned("strength", 1).strength == 2.0
    assert Knobs(variations=1).turned("variations", -1).variations == 1


def test_a_comparison_needs_two_sides_and_not_too_many() -> None:
    voice = Voice("poe", "Poe", Path("poe"), (), 0, "")
    asked = params({"strengths": [0.5, 1.0], "checkpoints": ["best", "20"]}, Knobs(), voice)
    assert sides(asked) == [
        "checkpoint best, strength 0.5",
        "checkpoint best, strength 1",
        "checkpoint 20, strength 0.5",
        "checkpoint 20, strength 1",
    ]
    assert "strength" not in asked
    for few in ({}, {"strengths": [1.0], "checkpoints": ["best"]}):
        with pytest.raises(StyloraError, match="make a comparison"):
            params(few, Knobs(), voice)
    chosen = replace(voice, chosen=Chosen(checkpoint=20))
    assert params({"strengths": [0.5, 1.0]}, Knobs(), chosen)["checkpoints"] == ["none"]
    assert params({"adapters": ["poe", "melville"]}, Knobs(), chosen)["checkpoints"] == []
    assert params({"strengths": [0.5, 1.0]}, Knobs(), chosen, live="poe")["checkpoints"] == []
    note = compare_form(Knobs(), voice, [voice], "One two.", live="poe")._note
    assert callable(note)
    assert note({"strengths": [0.5, 1.0]}) == "2 sides: strength 0.5 · strength 1"
    known = {field.name: field for field in compare_form(Knobs(), replace(voice, modified=1.0), [], "x", "poe")._fields}
    assert [value for value, _ in known["checkpoints"].choices] == ["live", "none"]
    with pytest.raises(StyloraError, match="9 sides"):
        params({"strengths": [n / 10 for n in range(9)]}, Knobs(), voice)


def test_a_blind_trial_has_two_sides_named_outright() -> None:
    voice = Voice("poe", "Poe", Path("poe"), (), 0, "")
    on = {"on": ["held-out"], "passages": 8}
    asked = blind_params({"strengths": [0.5, 1.0], **on}, Knobs(checkpoint="20"), voice)
    assert asked == {"sides": ["poe:20@0.5", "poe:20@1"], "on": "held-out", "passages": 8}
    both = blind_params({"adapters": ["poe", "melville"], **on}, Knobs(strength=1.4), voice)
    assert both["sides"] == ["poe:@1.4", "melville:@1.4"]
    for wrong in ({}, {"strengths": [0.5, 1.0, 1.5]}, {"strengths": [0.5, 1.0], "checkpoints": ["best", "20"]}):
        with pytest.raises(StyloraError, match="has two sides"):
            blind_params({**wrong, **on}, Knobs(), voice)


def test_adapters_and_their_checkpoints_are_read_from_their_folders(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path)
    assert voices(workspace) == []
    folder = tmp_path / "lora_adapters" / "poe"
    for update in (20, 100):
        checkpoint = folder / "checkpoints" / f"update-{update:06d}"
        checkpoint.mkdir(parents=True)
        (checkpoint / "adapters.safetensors").touch()
        (checkpoint / "state.json").write_bytes(msgspec.json.encode({"update": update, "last_valid": 7.0}))
    validated = [{"kind": "validation", "update": update, "loss": loss} for update, loss in ((0, 3.0), (20, 2.0))]
    (folder / "journal.jsonl").write_bytes(b"".join(msgspec.json.encode(line) + b"\n" for line in validated))
    (folder / "checkpoints" / "best").symlink_to("update-000020")
    (folder / "checkpoints" / "last").symlink_to("update-000777")  # gone
    (folder / "checkpoints" / "update-000200").mkdir()  # half written
    (folder / "recipe.toml").write_text('author = "E. A. Poe"\n')
    assert voices(workspace) == []
    (folder / "adapters.safetensors").touch()
    (found,) = voices(workspace)
    assert (found.name, found.author) == ("poe", "E. A. Poe")
    assert [(one.name, one.update, one.valid) for one in found.checkpoints] == [
        ("best", 20, 2.0),
        ("100", 100, None),
        ("20", 20, 2.0),
    ]
    assert [one.name for one in found.distinct()] == ["best", "100"]
    assert [one.name for one in found.distinct("20")] == ["best", "100", "20"]


def test_a_name_cannot_lead_out_of_the_adapters_folder(tmp_path: Path) -> None:
    for wrong in ("", "..", "a/b"):
        with pytest.raises(StyloraError, match="not the name of an adapter"):
            turns(Workspace(tmp_path), wrong)
        with pytest.raises(StyloraError, match="not the name of an adapter"):
            keep(Workspace(tmp_path), wrong, 1, 0)


def test_jobs_that_became_no_turn_stand_where_they_were_asked() -> None:
    history = [Turn(number=n, text=f"{n}", settings={}, written=()) for n in (1, 2, 3)]
    jobs = [("a", 2), ("failed", 0), ("b", 3), ("running", 0)]
    entries = merged(history, [(Entry(job, job=job), turn) for job, turn in jobs])
    assert [(one.number, one.job) for one in entries] == [
        (1, ""),
        (2, "a"),
        (0, "failed"),
        (3, "b"),
        (0, "running"),
    ]
    assert [one.job for one in merged([], [(Entry("x", job="x"), 0)])] == ["x"]


async def test_a_job_seen_beside_the_turn_it_became_is_shown_once() -> None:
    class Alone(App[None]):
        def compose(self) -> ComposeResult:
            yield Timeline()

    turn = Turn(number=1, how="asked", of=None, text="x", settings={}, written=(Written(text="y"),), best=0)
    async with Alone().run_test() as pilot:
        timeline = pilot.app.query_one(Timeline)
        timeline.show([of_turn(turn, ""), Entry("x", job="j")])  # the history is read before the job's end is heard
        await pilot.pause()
        assert len(timeline.exchanges) == 2
        timeline.show([of_turn(turn, "j")])
        await pilot.pause()
        assert [one.entry.number for one in timeline.exchanges] == [1]


async def test_a_job_that_is_over_before_its_exchange_is_drawn_is_shown_whole() -> None:
    said = [{"text": "one"}, {"text": "two"}]
    exchange = Exchange(Entry("x", settings={"variations": 1}, job="j"))

    class Alone(App[None]):
        def compose(self) -> ComposeResult:
            exchange.take([Event(n=0, t=0, what="done", result={"variations": said, "best": said[0]})])
            yield exchange

    async with Alone().run_test() as pilot:
        await pilot.pause()
        assert [card.text for card in pilot.app.query(Variation)] == ["one", "two"]


async def test_a_source_of_wide_characters_is_cut_where_its_lines_end() -> None:
    class Alone(App[None]):
        def compose(self) -> ComposeResult:
            yield Exchange(Entry("水車は、" * 200, job="j"))

    async with Alone().run_test(size=(80, 24)) as pilot:
        source = pilot.app.query(Static).filter(".source").first()
        await pilot.pause()
        assert str(source.content).endswith("… (1 word in all)")
        assert source.size.height <= 2


def test_a_job_is_of_the_adapter_it_names_or_of_its_authors(tmp_path: Path) -> None:
    survey = Survey(tmp_path, Settings(author="Default Voice"), "", (), ())

    def named(kind: str = "rewrite", **params: object) -> str:
        return run_of(JobState("j", kind=kind, params=params), survey)

    assert named(adapter="lora_adapters/poe_2") == "poe_2"
    assert named(adapters=["poe", "melville"]) == "poe"
    assert named(author="E. A. Poe") == "e_a_poe"
    assert named() == "default_voice"
    assert named("demo") == slug(BUNDLED_AUTHOR)
