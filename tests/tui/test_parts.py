"""The parts of the screens by themselves: pairs, the actions table, the survey."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

import pytest
from rich.cells import cell_len

from engine.errors import StyloraError
from engine.host.journal import Event, JobState
from engine.host.survey import add_source, survey
from engine.workspace import Workspace
from tui import actions, text
from tui.app import StyloraApp
from tui.screens.blind import BlindScreen
from tui.screens.corpus import CorpusScreen
from tui.screens.dataset import DatasetScreen
from tui.screens.doctor import DoctorScreen
from tui.screens.removed import RemovedScreen
from tui.screens.report import ReportScreen
from tui.screens.rewrite import RewriteScreen
from tui.screens.rewrite_details import DetailsScreen
from tui.screens.sweep import SweepScreen
from tui.screens.training import TrainingScreen
from tui.screens.welcome import WelcomeScreen
from tui.screens.worldview import WorldviewScreen
from tui.widgets.log_view import wrapped

CLASSES = {
    "app": StyloraApp,
    "corpus": CorpusScreen,
    "dataset": DatasetScreen,
    "training": TrainingScreen,
    "rewrite": RewriteScreen,
    "details": DetailsScreen,
    "report": ReportScreen,
    "removed": RemovedScreen,
    "worldview": WorldviewScreen,
    "welcome": WelcomeScreen,
    "doctor": DoctorScreen,
    "sweep": SweepScreen,
    "blind": BlindScreen,
}


@pytest.mark.parametrize("action", actions.ACTIONS, ids=lambda action: f"{action.where}-{action.name}")
def test_every_action_of_the_table_exists(action: actions.Action) -> None:
    name = action.name.split("(")[0]
    target = StyloraApp if name.startswith("app.") else CLASSES[action.where]
    assert hasattr(target, f"action_{name.removeprefix('app.')}")
    assert action.help


@pytest.mark.parametrize("where", [name for name in CLASSES if name not in ("app", "welcome")])
def test_no_key_means_two_things_on_one_screen(where: str) -> None:
    keys = [key for action in actions.of(where) for key in action.keys.split(",")]
    assert len(keys) == len(set(keys))
    everywhere = {key for action in actions.of("app") for key in action.keys.split(",")}
    assert everywhere.isdisjoint(keys)


@pytest.mark.parametrize("action", actions.ACTIONS, ids=lambda action: f"{action.where}-{action.name}")
def test_every_key_comes_through_an_ssh_terminal(action: actions.Action) -> None:
    plain = {"up", "down", "left", "right", "enter", "escape", "tab", "space", "backspace", "pageup", "pagedown", "f1"}
    named = {"question_mark", "left_square_bracket", "right_square_bracket", "slash", "equals_sign"}
    for key in action.keys.split(","):
        control = key.startswith("ctrl+") and len(key) == 6 and key[-1].isalpha()
        assert len(key) == 1 or key in plain | named or control


@pytest.mark.parametrize(
    ("seconds", "written"), [(0, "0s"), (45, "45s"), (725, "12m 5s"), (12000, "3h 20m"), (3600, "1h"), (None, "–")]
)
def test_durations(seconds: float | None, written: str) -> None:
    assert text.duration(seconds) == written


def test_time_left_follows_the_pace_of_the_stage() -> None:
    state = JobState("x")
    for n in range(5):
        state.apply(Event(n=n, t=100.0 + 2 * n, what="progress", stage="s", done=10 * n, total=100))
    assert state.seconds_left() == pytest.approx(12.0)


@pytest.fixture
def bare(tmp_path: Path) -> Workspace:
    (tmp_path / "stylora.toml").write_text('author = "Small Voice"\n')
    return Workspace(tmp_path)


def test_survey_of_an_empty_workspace_shows_its_author(bare: Workspace) -> None:
    seen = survey(bare)
    assert [author.name for author in seen.authors] == ["Small Voice"]
    assert seen.authors[0].corpus is None


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"\xff\xfe", b'{"counts": 3}', b'{"counts": {"removed": "x"}}'])
def test_survey_survives_broken_files(bare: Workspace, content: bytes) -> None:
    for path in (
        bare.styles / "small_voice.curation.jsonl",
        bare.dataset("Small Voice") / "manifest.toml",
        bare.adapter("Small Voice") / "run.toml",
    ):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    (bare.styles / "small_voice.txt").write_text("A passage.\n\nAnother one.")
    (bare.styles / "東京.txt").write_text("no Latin letter in the name")
    (bare.adapter("Small Voice") / "adapters.safetensors").touch()
    (author,) = survey(bare).authors
    assert author.adapter
    assert not author.adapter.complete


def test_a_run_without_a_recipe_is_no_author(bare: Workspace) -> None:
    (bare.root / "lora_adapters" / "try").mkdir(parents=True)
    (bare.root / "lora_adapters" / "try" / ".lock").touch()
    assert [author.name for author in survey(bare).authors] == ["Small Voice"]


def test_a_copied_corpus_is_the_same_and_another_text_is_not(bare: Workspace) -> None:
    corpus, manifest = bare.corpus("Small Voice"), bare.dataset("Small Voice") / "manifest.toml"
    for path in (corpus, manifest):
        path.parent.mkdir(parents=True, exist_ok=True)
    corpus.write_text("A passage.")
    corpus.with_suffix(".curation.jsonl").write_text('{"passages": 1}\n')
    digest = hashlib.sha256(b"A passage.").hexdigest()
    manifest.write_text(f'author = "Small Voice"\n[corpus]\npath = "/elsewhere"\nsha256 = "{digest}"\n')
    os.utime(manifest, (1, 1))
    (author,) = survey(bare).authors
    assert author.dataset
    assert not author.dataset.stale
    corpus.write_text("Another passage.")
    (author,) = survey(bare).authors
    assert author.dataset
    assert author.dataset.stale


def test_files_of_one_author_are_found_by_name(bare: Workspace) -> None:
    bare.styles.mkdir()
    for name in ("small_voice_full.txt", "small_voice_full_2.epub", "melville.md"):
        (bare.styles / name).write_text("word " * 10)
    first, second = survey(bare).authors
    assert [book.path.name for book in first.raw] == ["small_voice_full.txt", "small_voice_full_2.epub"]
    assert [book.words for book in first.raw] == [10, None]
    assert (second.name, second.raw[0].words) == ("Melville", 10)


@pytest.mark.parametrize("name", ["none.txt", "empty.txt", "picture.png"])
def test_what_is_no_book_is_refused(bare: Workspace, tmp_path: Path, name: str) -> None:
    (tmp_path / "empty.txt").touch()
    (tmp_path / "picture.png").write_bytes(b"x")
    with pytest.raises(StyloraError, match=name):
        add_source(bare, tmp_path / name, "Someone")
    assert not bare.styles.exists() or not list(bare.styles.iterdir())


def test_added_books_never_overwrite_each_other(bare: Workspace, tmp_path: Path) -> None:
    (tmp_path / "book.txt").write_text("words")
    names = [add_source(bare, tmp_path / "book.txt", "Some One").name for _ in range(3)]
    assert names == ["some_one_full.txt", "some_one_full_2.txt", "some_one_full_3.txt"]


def test_long_lines_are_folded_by_the_cells_they_take_and_short_ones_left_alone() -> None:
    line = "update 3: loss 2.1000"
    assert wrapped(line, 21) == [line]
    assert wrapped(line, 12) == ["update 3:", "  loss", "  2.1000"]
    wide = "更新 3: 損失 2.1000 " + "水車" * 9
    parts = wrapped(wide, 14)
    assert all(cell_len(part) <= 14 for part in parts)
    assert "".join("".join(parts).split()) == "".join(wide.split())
    assert all(part.startswith("  ") for part in parts[1:])
    assert wrapped("", 14) == [""]


def test_plain_line_that_fits_is_not_measured(monkeypatch: pytest.MonkeyPatch) -> None:
    """A flood of log lines has ten thousand of them a second."""

    def measured(_: str) -> int:
        raise AssertionError

    monkeypatch.setattr("tui.widgets.log_view.cell_len", measured)
    line = "update 12: loss 0.1234, and what else there is to say of it"
    assert wrapped(line, 80) == [line]
    assert len(wrapped(line, 20)) == 4
