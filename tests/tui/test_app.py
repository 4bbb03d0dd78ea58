"""The app as its user meets it: four screens that show the workspace, start jobs, follow and cancel them."""

from __future__ import annotations

import os
import signal
import stat
from pathlib import Path
from typing import cast

import pytest
from app_pilot import COMMAND, Open, shown, until
from textual.pilot import Pilot
from textual.widgets import Input, OptionList, Static, TextArea
from textual.worker import WorkerFailed

from engine.host import address
from engine.host.client import HostClient
from engine.workspace import Workspace
from tui.app import StyloraApp
from tui.memory import Memory, recall, remember
from tui.screens.base import StyloraScreen
from tui.screens.dataset import DatasetScreen
from tui.screens.report import ReportScreen
from tui.screens.rewrite import RewriteScreen
from tui.screens.training import TrainingScreen
from tui.widgets.chart import LossChart
from tui.widgets.exchange import Exchange

SIZES = [(60, 18), (80, 24), (120, 40)]


def app_of(pilot: Pilot[None]) -> StyloraApp:
    return cast(StyloraApp, pilot.app)


async def finished(pilot: Pilot[None], kind: str) -> None:
    """Wait for the newest job of `kind` to end, and for the survey that follows."""
    app = app_of(pilot)
    assert app.client
    client = app.client
    await until(pilot, lambda: [s for s in client.jobs.values() if s.kind == kind and not s.active])
    await pilot.pause(0.15)


async def walk_to_adapter(pilot: Pilot[None]) -> None:
    """Corpus, dataset and adapter through the host, without the keys."""
    app = app_of(pilot)
    author = {"author": "Small Voice"}
    for kind, params in (("curate", {"input": []}), ("dataset", {"skip_perspective": False}), ("train", {})):
        await app.start_job(kind, author | params)
    await finished(pilot, "train")
    await until(pilot, lambda: app.author and app.author.adapter)


@pytest.mark.parametrize("size", SIZES)
async def test_whole_street_by_keyboard(open_app: Open, workspace: Workspace, size: tuple[int, int]) -> None:
    async with open_app(size) as pilot:
        assert "Small Voice" in shown(pilot)
        assert "Press c to curate" in " ".join(shown(pilot).split())
        await pilot.press("c")
        await until(pilot, lambda: "Paragraph words" in shown(pilot))
        await pilot.press("enter")
        await finished(pilot, "curate")
        assert "14,203" in shown(pilot)

        await pilot.press("2")
        await until(pilot, lambda: "No dataset" in shown(pilot))
        await pilot.press("b", "enter")
        await finished(pilot, "dataset")
        await until(pilot, lambda: "1 of 120" in shown(pilot))
        assert "There was a wheel below" in shown(pilot)

        await pilot.press("3")
        await until(pilot, lambda: "Press t to train" in " ".join(shown(pilot).split()))
        await pilot.press("t")
        await until(pilot, lambda: "updates" in shown(pilot))
        await pilot.press("enter")
        await until(pilot, lambda: "66 updates, about 12 min" in shown(pilot))
        assert "fits" in shown(pilot)
        await pilot.press("enter")
        await finished(pilot, "train")
        await until(pilot, lambda: "240 / 240" in shown(pilot))

        await pilot.press("4")
        await until(pilot, lambda: isinstance(pilot.app.focused, TextArea))
        await pilot.press(*"It stopped", "ctrl+r")
        await finished(pilot, "rewrite")
        await until(pilot, lambda: "45 words" in shown(pilot))
        exchange = pilot.app.screen.query_one(Exchange)
        assert [card.findings for card in exchange.variations] == [[], ["number 1848 is missing"], []]


async def test_training_is_followed_live_and_cancelled(open_app: Open, workspace: Workspace) -> None:
    (workspace.root / "hold-train").touch()
    async with open_app((120, 40)) as pilot:
        await pilot.press("3")
        await app_of(pilot).start_job("train", {"author": "Small Voice"})
        await until(pilot, lambda: "validation 3.055" in shown(pilot))
        screen = pilot.app.screen
        assert isinstance(screen, TrainingScreen)
        assert len(screen.query_one(LossChart).curve) == 240
        assert "● training" in shown(pilot)
        await pilot.press("x")
        await finished(pilot, "train")
        await until(pilot, lambda: "training cancelled; press R on screen 3" in shown(pilot))


async def test_training_is_steered_by_keys(open_app: Open, workspace: Workspace) -> None:
    (workspace.root / "hold-train").touch()
    async with open_app((120, 40)) as pilot:
        await pilot.press("3")
        await app_of(pilot).start_job("train", {"author": "Small Voice"})
        await until(pilot, lambda: "240 / 240" in shown(pilot))
        await pilot.press("p")
        await until(pilot, lambda: "paused, started" in shown(pilot))
        await pilot.press("p")
        await until(pilot, lambda: "training, started" in shown(pilot))
        await pilot.press("c")
        await until(pilot, lambda: "update 240: checkpoint saved" in shown(pilot))
        await pilot.press("i")
        await until(pilot, lambda: "Updates in between" in shown(pilot))
        pilot.app.screen.query_one("#updates", Input).value = "25"
        await pilot.press("enter")
        await until(pilot, lambda: "validate_every 25" in shown(pilot))
        await pilot.press("s")
        await finished(pilot, "train")


@pytest.mark.parametrize("key", ["p", "s", "c", "i"])
async def test_steering_a_training_that_is_still_starting_says_when(
    open_app: Open, workspace: Workspace, key: str
) -> None:
    (workspace.root / "hold-load").touch()
    async with open_app((120, 40)) as pilot:
        await pilot.press("3")
        await app_of(pilot).start_job("train", {"author": "Small Voice"})
        await until(pilot, lambda: "starting, started" in shown(pilot))
        await pilot.press(key)
        await until(pilot, lambda: f"still starting: {key} works from its first step" in shown(pilot))


async def test_plan_that_does_not_fit_offers_to_give_way(open_app: Open) -> None:
    async with open_app((120, 40)) as pilot:
        app = app_of(pilot)
        for kind, params in (("curate", {"input": []}), ("dataset", {"skip_perspective": False})):
            await app.start_job(kind, {"author": "Small Voice", **params})
            await finished(pilot, kind)
        await pilot.press("3")
        await until(pilot, lambda: "Press t to train" in " ".join(shown(pilot).split()))
        await pilot.press("t")
        await until(pilot, lambda: "LoRA rank" in shown(pilot))
        pilot.app.screen.query_one("#rank", Input).value = "128"
        await pilot.press("enter")
        await until(pilot, lambda: "Train Small Voice: will not fit" in shown(pilot))
        assert "less memory: rank: 32" in shown(pilot)
        await pilot.press("enter")
        await finished(pilot, "train")
        assert app.client
        assert list(app.client.jobs.values())[-1].params["auto_fit"] is True


async def test_second_terminal_sees_the_first_ones_training(open_app: Open, workspace: Workspace) -> None:
    (workspace.root / "hold-train").touch()
    async with open_app() as pilot:
        other = await HostClient.connect(workspace, command=COMMAND)
        await other.start("train", {"author": "Small Voice"})
        await pilot.press("3")
        await until(pilot, lambda: "update 240: validation" in shown(pilot))
        (workspace.root / "hold-train").unlink()
        await finished(pilot, "train")
        other.close()


async def test_curve_is_rebuilt_from_the_journal_by_a_new_app(open_app: Open, workspace: Workspace) -> None:
    async with open_app() as pilot:
        await walk_to_adapter(pilot)
    async with open_app() as pilot:
        await pilot.press("3")
        await until(pilot, lambda: "240 / 240" in shown(pilot))
        assert len(pilot.app.screen.query_one(LossChart).curve) == 240


async def test_killed_host_is_said_within_a_second_and_replaced(open_app: Open, workspace: Workspace) -> None:
    (workspace.root / "hold-train").touch()
    async with open_app((120, 40)) as pilot:
        app = app_of(pilot)
        await pilot.press("3")
        job = await app.start_job("train", {"author": "Small Voice"})
        assert app.client
        first = app.client
        await until(pilot, lambda: first.jobs[job].status == "running")
        os.kill(first.host_pid, signal.SIGKILL)
        await until(pilot, lambda: first.lost and "host stopped" in shown(pilot))
        await until(pilot, lambda: app.client is not first and not app.trouble)
        await until(pilot, lambda: "training interrupted; press R" in shown(pilot))


async def test_host_that_was_told_to_stop_stays_stopped_until_it_is_wanted(
    open_app: Open, workspace: Workspace
) -> None:
    async def stopped() -> None:
        assert app.client
        first = app.client
        other = await HostClient.attach(workspace)
        assert other
        await other.stop()
        other.close()
        await until(pilot, lambda: first.lost and "host was stopped; ^l or any job starts it again" in shown(pilot))

    def pid() -> int:
        found = address.find(workspace)
        assert found
        return found.pid

    async with open_app((80, 24)) as pilot:
        app = app_of(pilot)
        before = pid()
        await stopped()
        await pilot.pause(1.2)  # somebody else's host is looked for meanwhile
        assert pid() == before
        await pilot.press("ctrl+l")
        await until(pilot, lambda: app.client and not app.client.lost and not app.trouble)

        await stopped()
        job = await app.start_job("curate", {"author": "Small Voice", "input": []})
        await until(pilot, lambda: app.client and app.client.jobs[job].status == "done")

        await stopped()
        other = await HostClient.connect(workspace, command=COMMAND)
        await until(pilot, lambda: app.client and app.client.host_pid == other.host_pid)
        assert not app.trouble
        other.close()


async def test_leaving_leaves_the_job_running(open_app: Open, workspace: Workspace) -> None:
    (workspace.root / "hold-train").touch()
    async with open_app() as pilot:
        job = await app_of(pilot).start_job("train", {"author": "Small Voice"})
        await pilot.press("q")
    client = await HostClient.attach(workspace)
    assert client
    assert client.jobs[job].active
    client.close()


async def test_pairs_are_browsed_by_kind(open_app: Open) -> None:
    async with open_app((120, 40)) as pilot:
        await walk_to_adapter(pilot)
        await pilot.press("2")
        await until(pilot, lambda: "1 of 120" in shown(pilot))
        await pilot.press("down", "down", "k")
        assert "2 of 120  snowflake · standard" in shown(pilot)
        await pilot.press("f")
        assert "1 of 20 original" in shown(pilot)
        await pilot.press("j", "j")
        assert "12. There was a wheel" in shown(pilot)
        assert "3 of 3" in shown(pilot)


async def test_single_keys_turn_the_knobs_and_the_next_rewrite_obeys(open_app: Open) -> None:
    async with open_app((120, 40)) as pilot:
        await walk_to_adapter(pilot)
        await pilot.press("4")
        await until(pilot, lambda: isinstance(pilot.app.focused, TextArea))
        await pilot.press(*"Svst", "escape", "s", "s", "T", "V", "i", "ctrl+r")
        await finished(pilot, "rewrite")
        client = app_of(pilot).client
        assert client
        params = list(client.jobs.values())[-1].params
        assert (params["strength"], params["temperature"], params["variations"]) == (1.2, 0.5, 2)
        assert params["text"] == "Svst"
        await pilot.press("escape", "g")
        await until(pilot, lambda: len(pilot.app.screen.query(Exchange)) == 2)
        assert list(client.jobs.values())[-1].params["seed"] == params["seed"] + 1


async def test_copy_saves_a_private_file_and_says_so(open_app: Open, workspace: Workspace) -> None:
    async with open_app((120, 40)) as pilot:
        await walk_to_adapter(pilot)
        await pilot.press("4")
        await until(pilot, lambda: isinstance(pilot.app.focused, TextArea))
        await pilot.press(*"It stopped", "ctrl+r")
        await finished(pilot, "rewrite")
        await pilot.press("escape", "right", "y")
        await until(pilot, lambda: "saved as rewrites/" in shown(pilot))
        (saved,) = (workspace.root / "rewrites").glob("*.txt")
        assert "[as I lay awake]" in saved.read_text()
        assert stat.S_IMODE(saved.stat().st_mode) == 0o600
        assert pilot.app.clipboard == saved.read_text().strip()


async def test_refused_job_says_why_in_one_line(open_app: Open) -> None:
    async with open_app((120, 40)) as pilot:
        await walk_to_adapter(pilot)
        await app_of(pilot).start_job("rewrite", {"author": "Small Voice", "text": "refuse", "variations": 1})
        await finished(pilot, "rewrite")
        await until(pilot, lambda: "rewrite failed: a paragraph of 900 words is longer than 600" in shown(pilot))


async def test_books_are_added_by_path(open_app: Open, workspace: Workspace, tmp_path: Path) -> None:
    (tmp_path / "moby.txt").write_text("Call me Ishmael. " * 50)
    async with open_app() as pilot:
        await pilot.press("a")
        await until(pilot, lambda: "Path of the book" in shown(pilot))
        pilot.app.screen.query_one("#path", Input).value = str(tmp_path / "moby.txt")
        pilot.app.screen.query_one("#author", Input).value = "Herman Melville"
        await pilot.press("enter")
        await until(pilot, lambda: "Herman Melville" in shown(pilot))
        assert (workspace.styles / "herman_melville_full.txt").read_text().startswith("Call me Ishmael.")

        await pilot.press("a")
        await until(pilot, lambda: "Path of the book" in shown(pilot))
        pilot.app.screen.query_one("#path", Input).value = str(tmp_path / "none.txt")
        assert pilot.app.screen.query_one("#author", Input).value == "Herman Melville"  # it is theirs that was added
        await pilot.press("enter")
        await until(pilot, lambda: "no such file" in " ".join(shown(pilot).split()))
        assert pilot.app.screen.query_one("#path", Input).value == str(tmp_path / "none.txt")
        await pilot.press("escape")
        await until(pilot, lambda: "Path of the book" not in shown(pilot))


async def test_numbers_lead_to_the_screens_themselves(open_app: Open) -> None:
    async with open_app() as pilot:
        app = app_of(pilot)
        for screen in ("dataset", "training"):
            await pilot.press(str(["corpus", "dataset", "training"].index(screen) + 1))
            await until(pilot, lambda screen=screen: app.current_mode == screen)
            await pilot.press("d")
            await until(pilot, lambda: isinstance(app.screen, ReportScreen))
        await pilot.press("3")
        await until(pilot, lambda: isinstance(app.screen, TrainingScreen))
        await pilot.press("2")
        await until(pilot, lambda: isinstance(app.screen, DatasetScreen))


async def test_demo_is_followed_on_every_screen_and_its_training_steered(open_app: Open, workspace: Workspace) -> None:
    (workspace.root / "stylora.toml").write_text('author = "The Unconducted Chorus"\n')
    for name in ("hold-dataset", "hold-train"):
        (workspace.root / name).touch()
    async with open_app((120, 40)) as pilot:
        await app_of(pilot).start_job("demo", {})
        await until(pilot, lambda: "14,203" in shown(pilot))  # its corpus is seen as soon as it is made
        assert "The demo makes all of it by itself; d shows" in shown(pilot)
        await pilot.press("3")
        await until(pilot, lambda: "the demo's own" in shown(pilot))
        (workspace.root / "hold-dataset").unlink()
        await until(pilot, lambda: "240 / 240" in shown(pilot))
        await pilot.press("p")
        await until(pilot, lambda: "paused, started" in shown(pilot))
        await pilot.press("p", "s")
        await finished(pilot, "demo")


async def test_form_names_what_is_wrong_and_starts_nothing(open_app: Open) -> None:
    async with open_app() as pilot:
        await pilot.press("c")
        await until(pilot, lambda: "Paragraph words" in shown(pilot))
        field = pilot.app.screen.query_one("#min_para_words", Input)
        before = field.value
        field.focus()
        await pilot.press("space")
        assert field.value == before  # it ticks in other fields
        field.value = "many"
        await pilot.press("enter")
        await until(pilot, lambda: "'many' is not a number that fits" in shown(pilot))
        await pilot.press("escape")
        client = app_of(pilot).client
        assert client
        assert not client.jobs


async def test_author_is_chosen_once_for_all_screens(open_app: Open) -> None:
    async with open_app() as pilot:
        await pilot.press("right_square_bracket", "2")
        await until(pilot, lambda: "No dataset for Other Voice" in shown(pilot))
        await pilot.press("left_square_bracket")
        await until(pilot, lambda: "No dataset for Small Voice" in shown(pilot))


async def test_help_shows_this_screens_keys_even_while_writing(open_app: Open) -> None:
    async with open_app((80, 24)) as pilot:
        await pilot.press("4")
        await until(pilot, lambda: isinstance(pilot.app.focused, TextArea))
        await pilot.press("question_mark")
        assert isinstance(pilot.app.screen, RewriteScreen)
        await pilot.press("f1")
        await until(pilot, lambda: "strength of the adapter up" in shown(pilot))
        await pilot.press("escape")
        assert isinstance(pilot.app.screen, RewriteScreen)


async def test_themes_take_turns_dark_light_and_the_terminals_own(open_app: Open) -> None:
    async with open_app() as pilot:
        seen = [pilot.app.theme]
        for _ in range(3):
            await pilot.press("ctrl+t")
            seen.append(pilot.app.theme)
        assert seen == ["stylora-dark", "stylora-light", "stylora-terminal", "stylora-dark"]


async def test_first_start_leads_to_the_demo_in_two_keys(open_app: Open, workspace: Workspace, tmp_path: Path) -> None:
    here = tmp_path / "empty"
    here.mkdir()
    async with open_app((80, 24), here=here) as pilot:
        await until(pilot, lambda: "is not a workspace yet" in shown(pilot))
        assert list(here.iterdir()) == []
        await pilot.press("d")
        await until(pilot, lambda: "stylora.toml, styles/" in shown(pilot))
        await pilot.press("enter")
        await until(pilot, lambda: (here / "stylora.toml").exists())
        await until(pilot, lambda: "66%" in shown(pilot))
        assert "gap closed" in shown(pilot)
        await pilot.press("escape", "3")
        await until(pilot, lambda: "★" in shown(pilot))
        client = app_of(pilot).client
        assert client
        await client.stop()


async def test_broken_settings_are_said_and_the_rest_still_shown(open_app: Open, workspace: Workspace) -> None:
    (workspace.root / "stylora.toml").write_text("autor = 1\n")
    async with open_app((100, 30)) as pilot:
        await until(pilot, lambda: "did you mean 'author'" in " ".join(shown(pilot).split()))
        assert "Small Voice" in shown(pilot)


async def test_crash_prints_one_line_and_none_of_the_users_text(
    open_app: Open, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.setenv("HOME", str(tmp_path))
    with pytest.raises(ZeroDivisionError):
        async with open_app() as pilot:
            secret = "my unpublished novel"

            def fall() -> None:
                held = secret
                assert held
                raise ZeroDivisionError

            pilot.app.call_later(fall)
            await pilot.pause(0.2)
    told = capsys.readouterr()
    assert secret not in told.out + told.err
    (log,) = tmp_path.rglob("errors.log")
    assert stat.S_IMODE(log.stat().st_mode) == 0o600
    assert "ZeroDivisionError" in log.read_text()


async def test_crash_of_a_worker_is_logged_with_where_it_happened(
    open_app: Open, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.setenv("HOME", str(tmp_path))
    with pytest.raises(WorkerFailed):
        async with open_app() as pilot:

            async def fall() -> None:
                raise ZeroDivisionError

            pilot.app.run_worker(fall())
            await pilot.pause(0.2)
    (log,) = tmp_path.rglob("errors.log")
    assert "in fall" in log.read_text()


async def test_command_palette_knows_every_action(open_app: Open) -> None:
    async with open_app((100, 40)) as pilot:
        await pilot.press("ctrl+p")
        await pilot.pause(0.2)
        await pilot.press(*"next theme")
        await until(pilot, lambda: "Everywhere" in shown(pilot))
        await pilot.press("enter")
        await until(pilot, lambda: pilot.app.current_theme.dark is False)


async def test_removed_text_is_read_piece_by_piece(open_app: Open) -> None:
    async with open_app((100, 30)) as pilot:
        await app_of(pilot).start_job("curate", {"author": "Small Voice", "input": []})
        await finished(pilot, "curate")
        await until(pilot, lambda: "r review" in shown(pilot))
        await pilot.press("r")
        await until(pilot, lambda: "1 of 5" in shown(pilot))
        assert "1. [A footnotes]" in shown(pilot)
        await pilot.press("j", "f", "f")
        assert "preface 1 of 1" in shown(pilot)
        await pilot.press("escape")
        assert "14,203" in shown(pilot)


async def test_next_visit_finds_screen_theme_author_and_draft_as_they_were(
    open_app: Open, workspace: Workspace
) -> None:
    async with open_app() as pilot:
        await pilot.press("ctrl+t", "right_square_bracket", "4")
        await until(pilot, lambda: isinstance(pilot.app.focused, TextArea))
        await pilot.press(*"half a thought", "escape", "s")
    async with open_app() as pilot:
        await until(pilot, lambda: "half a thought" in shown(pilot))
        assert pilot.app.current_theme.dark is False
        assert "strength 1.1" in shown(pilot)
        assert "Other Voice" in shown(pilot)
    assert stat.S_IMODE((workspace.private / "screen.json").stat().st_mode) == 0o600


async def test_news_of_a_job_after_the_widgets_are_gone_are_no_crash(open_app: Open) -> None:
    """Closing takes the widgets down first; the host may still have something to say."""
    async with open_app() as pilot:
        screen = app_of(pilot).screen
        assert isinstance(screen, StyloraScreen)
        await screen.query("*").remove()
        assert screen.is_mounted
        screen.show_jobs()
        screen.redraw()


async def test_jump_letters_every_part_and_goes_there(open_app: Open) -> None:
    async with open_app() as pilot:
        await pilot.press("ctrl+o")
        await until(pilot, lambda: " a " in shown(pilot) and " s " in shown(pilot))
        await pilot.press("s")
        await until(pilot, lambda: len(pilot.app.screen_stack) == 1)
        chain = pilot.app.screen.focus_chain
        assert pilot.app.focused is chain[1]
        await pilot.press("ctrl+o", "1", "escape")
        assert pilot.app.focused is chain[1]
        assert app_of(pilot).current_mode == "corpus"


async def test_what_was_said_is_read_again_in_full(open_app: Open) -> None:
    line = "a line longer than the terminal is wide, which a bar would cut off, and which ends with what to do: breathe"
    async with open_app((80, 24)) as pilot:
        app_of(pilot).complain(line)
        await app_of(pilot).start_job("rewrite", {"author": "Small Voice", "text": "refuse", "variations": 1})
        await finished(pilot, "rewrite")
        await pilot.press("ctrl+g")
        await until(pilot, lambda: "What was said" in shown(pilot))
        told = " ".join(str(part.content) for part in pilot.app.screen.query(Static))
        assert line in told
        assert "rewrite failed: a paragraph of 900 words is longer than 600; divide it with blank lines" in told
        assert "host.log" in told


async def test_without_colour_nothing_is_coloured_and_the_screen_is_still_marked(
    open_app: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    async with open_app() as pilot:
        styles = [
            segment.style
            for strip in pilot.app.screen._compositor.render_strips()
            for segment in strip.apply_filter(pilot.app._filters[-1], pilot.app.screen.background_colors[1])
            if segment.style
        ]
        assert {style.color.name for style in styles if style.color} <= {"default"}
        assert {style.bgcolor.name for style in styles if style.bgcolor} <= {"default"}
        assert any(style.reverse for style in styles)
        listing = pilot.app.screen.query_one(OptionList)
        chosen, other = ({bool(part.style and part.style.underline) for part in listing.render_line(y)} for y in (0, 1))
        assert (chosen, other) == ({True}, {False})
        await pilot.press("ctrl+t")
        await until(pilot, lambda: "NO_COLOR is set" in shown(pilot))


def test_garbage_in_the_memory_is_forgotten_and_the_rest_kept(workspace: Workspace) -> None:
    path = workspace.private / "screen.json"
    workspace.private.mkdir()
    path.write_text('{"screen": 3, "author": "other_voice", "screens": {"a": 1}, "light": true}')
    memory = recall(workspace)
    assert (memory.screen, memory.author, memory.screens) == ("corpus", "other_voice", {})
    for garbage in (b"", b"\xff\x00", b"[]", b"[" * 100_000, b"x" * (5 << 20)):
        path.write_bytes(garbage)
        assert recall(workspace) == Memory()
    assert memory.keep("training", zoom=2, log=True)
    assert not memory.keep("training", zoom=2)
    remember(workspace, memory)
    again = recall(workspace)
    assert again.kept("training", "zoom", 1.0) == 2.0
    assert again.kept("training", "zoom", "off") == "off"
    assert again.kept("training", "log", default=False) is True
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [one.name for one in workspace.private.iterdir()] == ["screen.json"]


async def test_a_scrolled_part_is_found_where_it_was_left(open_app: Open) -> None:
    async with open_app((60, 18)) as pilot:
        await app_of(pilot).start_job("curate", {"author": "Small Voice", "input": []})
        await finished(pilot, "curate")
        part = pilot.app.screen.query_one("#author")
        await until(pilot, lambda: part.max_scroll_y >= 3)
        part.scroll_to(y=3, animate=False)
        await until(pilot, lambda: part.scroll_y == 3)
    async with open_app((60, 18)) as pilot:
        part = pilot.app.screen.query_one("#author")
        await until(pilot, lambda: part.scroll_y == 3)


async def test_pairs_are_found_where_one_left_them(open_app: Open) -> None:
    async with open_app((120, 40)) as pilot:
        await walk_to_adapter(pilot)
        await pilot.press("2")
        await until(pilot, lambda: "1 of 120" in shown(pilot))
        await pilot.press("v", "f", "j", "j")
        assert "3 of 20 original" in shown(pilot)
    async with open_app((120, 40)) as pilot:
        await until(pilot, lambda: "3 of 20 original" in shown(pilot))
