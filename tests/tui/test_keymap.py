"""The `[keys]` table of stylora.toml: what it changes, and what it refuses in one line."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import cast

import pytest
from app_pilot import shown
from still import new_workspace, settle, still

from engine.errors import StyloraError
from engine.host.journal import JobState
from engine.workspace import Workspace
from tui import actions, keymap, text
from tui.app import StyloraApp
from tui.steps import next_step


@pytest.fixture(autouse=True)
def usual_keys_after() -> Iterator[None]:
    yield
    keymap.use({})


def with_keys(folder: Path, table: str) -> Workspace:
    workspace = new_workspace(folder / "work")
    with (workspace.root / "stylora.toml").open("a") as file:
        file.write(f"[keys]\n{table}\n")
    return workspace


def test_every_action_has_a_name_of_its_own() -> None:
    names = [action.id for action in actions.ACTIONS]
    assert len(names) == len(set(names))
    assert {"training.pause", "app.go-rewrite", "dataset.page-previous", "dataset.move-last"} <= set(names)


def test_the_table_itself_would_be_accepted() -> None:
    """Whoever writes down every key as it is changes nothing, and is refused nothing."""
    table = {action.id: list(keymap.keys_of(action)) for action in actions.ACTIONS}
    assert keymap.read(table) == {action.id: keymap.keys_of(action) for action in actions.ACTIONS}


def test_keys_are_read_as_people_write_them() -> None:
    told = {"corpus.add": "+", "corpus.curate": ["^y", "F5"], "app.help": ["?", "f1"], "removed.back": "Esc"}
    assert keymap.read(told) == {
        "corpus.add": ("plus",),
        "corpus.curate": ("ctrl+y", "f5"),
        "app.help": ("question_mark", "f1"),
        "removed.back": ("escape",),
    }


def test_two_actions_may_change_places() -> None:
    assert keymap.read({"corpus.add": "c", "corpus.curate": "a"})


@pytest.mark.parametrize(
    ("table", "reason"),
    [
        ({"training.pasue": "P"}, "is no action; did you mean 'training.pause'?"),
        ({"Ω": "P"}, "is no action; 'stylora keys' lists what there is"),
        ({"corpus.add": "c"}, """'c' is the key of "corpus.curate" """),
        ({"corpus.add": "x"}, """'x' is the key of "app.cancel" """),
        ({"corpus.add": "z", "corpus.curate": "z"}, """'z' is the key of "corpus.curate" """),
        ({"corpus.add": "alt+a"}, "none that Apple's Terminal sends through SSH"),
        ({"corpus.add": "ctrl+shift+a"}, "none that Apple's Terminal sends through SSH"),
        ({"corpus.add": "f12"}, "none that Apple's Terminal sends through SSH"),
        ({"corpus.add": "ctrl+i"}, "arrives as Backspace, Tab or Enter"),
        ({"corpus.add": "ctrl+c"}, "copies"),
        ({"corpus.add": "shift+a"}, "write 'shift+a' as the character it makes, 'A'"),
        ({"corpus.add": "pagedown"}, "PgDn scrolls Apple's Terminal itself; give one more key, such as a"),
        ({"corpus.add": []}, "has no key; give it one more key, such as a"),
        ({"rewrite.rewrite": "r"}, "has to work while writing, where 'r' is text"),
    ],
)
def test_what_cannot_work_is_refused_in_one_line(table: dict[str, str], reason: str) -> None:
    with pytest.raises(StyloraError) as refused:
        keymap.read(table)
    assert reason in str(refused.value)
    assert "\n" not in str(refused.value)
    assert str(refused.value).startswith("stylora.toml, [keys]: ")


async def test_bindings_bar_help_palette_and_hints_follow(tmp_path: Path) -> None:
    workspace = with_keys(tmp_path, '"corpus.add" = "A"\n"app.go-dataset" = "f2"\n"app.theme" = "ctrl+n"')
    async with still(workspace) as pilot:
        assert "A add file" in shown(pilot)
        assert "F2 Dataset" in shown(pilot)
        assert "Press A to add a book" in " ".join(shown(pilot).split())
        assert next_step(None) == ("Press 1, then A, to add a book of this author: .txt, .md, .html, .epub or .pdf.")
        await pilot.press("a")
        assert len(pilot.app.screen_stack) == 1
        await pilot.press("A")
        await settle(pilot)
        assert "Path of the book" in shown(pilot)
        await pilot.press("escape", "f1")
        await settle(pilot)
        assert "A  add a book by its path" in shown(pilot)
        await pilot.press("escape", "ctrl+n", "ctrl+p")
        assert pilot.app.theme == "stylora-light"
        assert cast(StyloraApp, pilot.app)._said[-1].line == "theme: light"
        await settle(pilot, lambda: "(A)" in shown(pilot))
        await pilot.press("escape", "f2")
        await settle(pilot)
        assert "No dataset" in shown(pilot)
        interrupted = JobState("j", "dataset", status="interrupted")
        assert "press b on screen F2" in text.outcome(interrupted)


async def test_palette_finds_what_another_screen_does_and_goes_there(tmp_path: Path) -> None:
    async with still(new_workspace(tmp_path / "work")) as pilot:
        await pilot.press("ctrl+p", *"report card")
        await settle(pilot, lambda: "report card of the adapter" in shown(pilot))
        await pilot.press("escape", "ctrl+p", *"below the chart: log")
        await settle(pilot, lambda: "what is below the chart" in shown(pilot))
        await pilot.press("enter")
        await settle(pilot, lambda: getattr(pilot.app.screen, "view", "") == "samples")


async def test_help_stands_on_nothing_else(tmp_path: Path) -> None:
    async with still(new_workspace(tmp_path / "work"), (80, 24)) as pilot:
        await pilot.press("f1")
        await settle(pilot, lambda: "Esc back" in shown(pilot))
        (line,) = [line for line in shown(pilot).splitlines() if "Esc back" in line]
        assert line.strip() == "↑↓ scroll · Esc back"


async def test_wrong_keys_are_said_and_the_usual_ones_work(tmp_path: Path) -> None:
    async with still(with_keys(tmp_path, '"corpus.ad" = "A"')) as pilot:
        assert """[keys]: "corpus.ad" is no action; did you mean 'corpus.add'?""" in shown(pilot)
        assert "a add file" in shown(pilot)


async def test_keys_changed_while_the_app_runs_are_taken_over_on_reload(tmp_path: Path) -> None:
    workspace = new_workspace(tmp_path / "work")
    async with still(workspace) as pilot:
        assert "a add file" in shown(pilot)
        with_file = workspace.root / "stylora.toml"
        with_file.write_text(with_file.read_text() + '[keys]\n"corpus.add" = "A"\n')
        await pilot.press("ctrl+l")
        await settle(pilot, lambda: "A add file" in shown(pilot))


async def test_a_letter_given_to_an_action_is_still_a_letter_in_the_prompt(tmp_path: Path) -> None:
    async with still(with_keys(tmp_path, '"app.demo" = "w"'), screen="rewrite") as pilot:
        await pilot.press("w", "d")
        await settle(pilot)
        assert "wd" in shown(pilot)
        assert len(pilot.app.screen_stack) == 1
