"""The dataset screen as its user meets it: choosing, building, watching, reading pairs, editing the worldview."""

from __future__ import annotations

from pathlib import Path
from typing import Any, cast

import msgspec
import pytest
import tomli_w
from app_pilot import Open, shown, until
from still import NEUTRAL, STYLED
from textual.pilot import Pilot
from textual.widgets import Input, Static, TextArea

from engine.errors import StyloraError
from engine.host import jobs
from engine.host.journal import JobState
from engine.host.survey import survey
from engine.host.worldview import check_worldview, open_worldview, save_worldview
from engine.progress import silent
from engine.recipe import load_recipe
from engine.workspace import Workspace
from tui.app import StyloraApp
from tui.rows import PairIndex, after
from tui.screens.build_form import percent
from tui.screens.dataset import DatasetScreen, Page
from tui.screens.worldview import WorldviewScreen

SIZES = [(60, 18), (80, 24), (120, 40)]


def app_of(pilot: Pilot[None]) -> StyloraApp:
    return cast(StyloraApp, pilot.app)


def said(pilot: Pilot[None]) -> str:
    """What is shown, as one line of words."""
    return " ".join(shown(pilot).split())


def last(pilot: Pilot[None]) -> JobState:
    client = app_of(pilot).client
    assert client
    return list(client.jobs.values())[-1]


def row(neutral: str, styled: str, kind: str = "original", input: str = "standard", passage: str = "p0") -> bytes:
    prompt = (
        "[SYSTEM ROLE]:\nYou are the Systems Theologian.\n\n[INSTRUCTION]:\nRetell the input in your own voice.\n"
        f"- Write approximately 100 words.\n- Write long sentences.\n\n[INPUT]:\n{neutral}\n###\n"
    )
    pair = {"text": prompt + styled, "loss_start": len(prompt), "kind": kind, "input": input}
    return msgspec.json.encode(pair | {"content": "narrative", "passage": passage, "neutral": neutral}) + b"\n"


def lay(workspace: Workspace, rows: list[bytes], held_out: list[bytes] | None = None, **manifest: Any) -> Path:
    """A finished dataset of Small Voice, as a build would have left it; the corpus is older."""
    folder = workspace.dataset("Small Voice")
    folder.mkdir(parents=True)
    (folder / "train.jsonl").write_bytes(b"".join(rows))
    for split in ("valid", "test"):
        (folder / f"{split}.jsonl").write_bytes(b"".join(held_out or []))
    counted = {"train": len(rows), "valid": len(held_out or []), "test": len(held_out or [])}
    (folder / "manifest.toml").write_text(tomli_w.dumps({"author": "Small Voice", "rows": counted, **manifest}))
    return folder


def leaf(pilot: Pilot[None]) -> str:
    """The page beside the pairs, all of it, as one line of words."""
    return " ".join(str(pilot.app.screen.query_one(Page).content).split())


def place(pilot: Pilot[None]) -> str:
    """The line above the pair."""
    return str(pilot.app.screen.query_one("#place", Static).content)


async def curated(pilot: Pilot[None]) -> None:
    await app_of(pilot).start_job("curate", {"author": "Small Voice", "input": []})
    await until(pilot, lambda: app_of(pilot).author and app_of(pilot).author.corpus)  # type: ignore[union-attr]
    await pilot.press("2")


async def built(pilot: Pilot[None]) -> None:
    """A dataset by the host, shown."""
    await curated(pilot)
    await app_of(pilot).start_job("dataset", {"author": "Small Voice"})
    await until(pilot, lambda: "Pair 1 of 120" in shown(pilot))


# -- building -----------------------------------------------------------------------------------------


async def test_what_is_chosen_is_the_jobs_parameters_and_what_differs_is_said(
    open_app: Open, workspace: Workspace
) -> None:
    (workspace.root / "mine.txt").write_text("You are Mine.")
    async with open_app((80, 24)) as pilot:
        await curated(pilot)
        await pilot.press("b")
        await until(pilot, lambda: "As stylora.toml has it" in said(pilot))
        assert "1,549 pairs at most: 191 × 8.0 + 21 held out" in said(pilot)
        await pilot.press("space", "tab", "down", "space")  # no snowflakes, no abstract inputs
        screen = pilot.app.screen
        screen.query_one("#noise", Input).value = "10"
        screen.query_one("#worldview", Input).value = "mine.txt"
        await until(pilot, lambda: "no snowflake; no abstract; noise 10% (8%); mine.txt" in said(pilot))
        assert "191 × 6.0 + 21 held out" in said(pilot)
        await pilot.press("enter")
        await until(pilot, lambda: "120 training pairs" in said(pilot))
        assert last(pilot).params == {
            "author": "Small Voice",
            "variants": ["robustness", "plural", "third", "impersonal"],
            "inputs": ["standard", "dropout"],
            "noise": 0.1,
            "robustness_noise": 0.15,
            "neutralizer": "rules",
            "neutral_model": None,
            "worldview": str(workspace.root / "mine.txt"),
            "fresh": False,
        }


@pytest.mark.parametrize("size", SIZES)
async def test_form_names_what_is_missing_before_anything_starts(open_app: Open, size: tuple[int, int]) -> None:
    async with open_app(size) as pilot:
        await curated(pilot)
        await pilot.press("b")
        await until(pilot, lambda: "‹ rules: offline ›" in shown(pilot))
        pilot.app.screen.query_one("#neutralizer").focus()
        await pilot.press("right")
        await until(pilot, lambda: "name the one that 'model' is to use" in said(pilot))
        await pilot.press("right")
        pilot.app.screen.query_one("#neutral_model", Input).value = "qwen"
        await until(pilot, lambda: "'server' needs neutral.url in stylora.toml" in said(pilot))
        await pilot.press("left", "left")
        pilot.app.screen.query_one("#worldview", Input).value = "nowhere.txt"
        await until(pilot, lambda: "nowhere.txt: no such file" in said(pilot))
        assert "Enter build" in shown(pilot)
        await pilot.press("enter", "escape")
        assert last(pilot).kind == "curate"


@pytest.mark.parametrize("size", SIZES)
async def test_build_is_watched_stopped_and_gone_on_with(
    open_app: Open, workspace: Workspace, size: tuple[int, int]
) -> None:
    (workspace.root / "hold-dataset").touch()
    async with open_app(size) as pilot:
        await curated(pilot)
        await pilot.press("b")
        await until(pilot, lambda: "Earlier build" in shown(pilot) or size[1] < 20)
        pilot.app.screen.query_one("#noise", Input).value = "12"
        await pilot.press("enter")
        await until(pilot, lambda: "81 of 120 passages" in said(pilot))
        assert "80 pairs, 7.2 a second" in said(pilot)
        assert "about 20s left" in said(pilot)
        assert "snowflake 13" in said(pilot)
        assert "x stops it; what is made is kept" in said(pilot)
        await pilot.press("G" if size[1] < 20 else "v", "J", "J", "J", "J")
        if size[1] > 20:
            assert "third: leftover first person 2" in said(pilot)
        await pilot.press("x")
        await until(pilot, lambda: "■ cancelled" in shown(pilot))
        assert "b and the same choices go on from here" in said(pilot)
        (workspace.root / "hold-dataset").unlink()

        await pilot.press("b")
        await until(pilot, lambda: "→ goes on from the stopped build" in said(pilot))
        assert pilot.app.screen.query_one("#noise", Input).value == "12"
        assert "at 7.2 a second" in said(pilot)
        pilot.app.screen.query_one("#noise", Input).value = "8"
        await until(pilot, lambda: "→ other choices: begins anew" in said(pilot))
        await pilot.press("enter")
        await until(pilot, lambda: "Pair 1 of 120" in shown(pilot))
        assert "cancelled" not in shown(pilot)


async def test_build_of_one_author_is_not_shown_as_anothers(open_app: Open, workspace: Workspace) -> None:
    (workspace.root / "hold-dataset").touch()
    async with open_app((80, 24)) as pilot:
        await curated(pilot)
        await app_of(pilot).start_job("dataset", {"author": "Small Voice"})
        await until(pilot, lambda: "81 of 120 passages" in said(pilot))
        await pilot.press("right_square_bracket")
        await until(pilot, lambda: "No dataset for Other Voice" in shown(pilot))
        await pilot.press("left_square_bracket")
        await until(pilot, lambda: "81 of 120 passages" in said(pilot))


async def test_choices_reach_the_recipe_of_a_real_build(tmp_path: Path) -> None:
    workspace = Workspace.create(tmp_path / "work")
    corpus = tmp_path / "corpus.txt"
    corpus.write_text("\n\n".join(f"I saw {n} wheels, as I lay awake. The sea drove them." for n in range(20)))
    (tmp_path / "mine.txt").write_text("You are Mine.")
    made = jobs.dataset(
        workspace,
        silent,
        corpus=corpus,
        variants=["robustness"],
        inputs=["standard"],
        noise=0.1,
        neutralizer="rules",
        worldview=tmp_path / "mine.txt",
    )
    recipe = load_recipe(Path(made["output"]) / "recipe.toml")
    assert (recipe.variants, recipe.inputs, recipe.noise) == (("robustness",), ("standard",), 0.1)
    assert recipe.worldview.role == "You are Mine."
    assert set(made["counts"]) == {"original", "robustness"}
    for wrong in ({"noise": 8}, {"variants": ["plurel"]}, {"neutralizer": "magic"}):
        with pytest.raises(StyloraError):
            jobs.JOBS["dataset"](workspace, {"corpus": corpus, **wrong}, silent)


# -- counts, checks, recipe ---------------------------------------------------------------------------


@pytest.mark.parametrize("size", SIZES)
async def test_every_view_says_its_part(open_app: Open, size: tuple[int, int]) -> None:
    async with open_app(size) as pilot:
        await built(pilot)
        views = {
            "Counts": ["3 of 3 checks pass", "snowflake 20 2 2", "all 120 8 8", "standard 120 8 8"],
            "Checks": ["pass enough examples", "120 training pairs", "pass no refusals"],
            "Dropped": ["snowflake: names differ 14", "too short 2", "plural 5"],
            "Recipe": ["digest", "40 passages", "rules 2", "8%, 15% robust", "50% Write long sentences."],
            "Persona": ["default_worldview.txt", "You are Small Voice", "You are telling what happened"],
        }
        if size[0] < 76:
            await pilot.press("v")
        for view, words in views.items():
            assert [word for word in words if word not in leaf(pilot)] == [], view
            await pilot.press("v")
        await pilot.press("V")
        assert "default_worldview.txt" in said(pilot) or size[0] < 76


async def test_failed_check_is_said_in_words(open_app: Open) -> None:
    async with open_app((80, 24)) as pilot:
        await curated(pilot)
        await app_of(pilot).start_job("dataset", {"author": "Small Voice", "variants": ["snowflake"]})
        await until(pilot, lambda: "2 of 3 checks pass, see Checks" in said(pilot))
        await pilot.press("v")
        assert "FAIL all perspectives" in said(pilot)


async def test_dataset_without_recipe_or_checks_is_still_shown(open_app: Open, workspace: Workspace) -> None:
    lay(workspace, [row(NEUTRAL, STYLED)])
    async with open_app((80, 24)) as pilot:
        await pilot.press("2")
        await until(pilot, lambda: "1 of 1" in shown(pilot))
        await pilot.press("v")
        assert "not checked" in shown(pilot)
        await pilot.press("v", "v")
        assert "press b to build again" in said(pilot)


# -- pairs --------------------------------------------------------------------------------------------


def some_rows() -> list[bytes]:
    inputs = ("standard", "dropout", "abstract")
    rows = [row(f"{n} plain words", f"{n} styled words", "original", inputs[n % 3], f"p{n}") for n in range(9)]
    rows += [row(f"{n} plain words", f"{n} Ornate words", "plural", "standard", f"p{n}") for n in range(9, 12)]
    return rows


@pytest.mark.parametrize("size", SIZES)
async def test_pairs_are_filtered_by_kind_input_and_split(
    open_app: Open, workspace: Workspace, size: tuple[int, int]
) -> None:
    lay(workspace, some_rows(), [row("held plain", "held styled")])
    async with open_app(size) as pilot:
        await pilot.press("2")
        await until(pilot, lambda: "1 of 12" in shown(pilot))
        await pilot.press("f")
        assert "1 of 9 original" in said(pilot)
        await pilot.press("i", "i")
        assert "1 of 3 original dropout" in said(pilot)
        assert "1 plain words" in said(pilot)
        await pilot.press("down")
        assert "4 plain words" in said(pilot)
        await pilot.press("f")
        assert "1 of 3 plural" in said(pilot)
        await pilot.press("F", "F")
        assert "1 of 12" in said(pilot)
        await pilot.press("s")
        assert "1 of 1 (valid)" in said(pilot)
        assert "held styled" in said(pilot)
        await pilot.press("s", "s", "G")
        assert "12 of 12" in said(pilot)
        await pilot.press("g")
        assert "1 of 12" in said(pilot)


async def test_pairs_are_searched_both_ways_and_found_by_number(open_app: Open, workspace: Workspace) -> None:
    lay(workspace, some_rows())
    async with open_app((80, 24)) as pilot:
        await pilot.press("2")
        await until(pilot, lambda: "1 of 12" in shown(pilot))
        await pilot.press("n")
        await until(pilot, lambda: "nothing searched yet: press /" in place(pilot))
        await pilot.press("slash", *"ornate", "enter")
        await until(pilot, lambda: "10 of 12" in shown(pilot))
        await pilot.press("n")
        await until(pilot, lambda: "11 of 12" in shown(pilot))
        await pilot.press("N", "N")
        await until(pilot, lambda: "12 of 12" in shown(pilot) and "around the end" in place(pilot))
        await pilot.press("n")
        await until(pilot, lambda: "10 of 12" in shown(pilot) and "around the end" in place(pilot))
        await pilot.press("slash", *"xyz", "enter")
        await until(pilot, lambda: "'xyz' is in no pair shown" in place(pilot))
        await pilot.press("escape", "r", *"7", "enter")
        await until(pilot, lambda: "7 of 12" in shown(pilot))
        await pilot.press("r", *"x", "enter")
        await until(pilot, lambda: "'x' is not a row number" in place(pilot))
        await pilot.press("r", "escape", "down")
        assert "8 of 12" in shown(pilot)


async def test_whole_prompt_with_its_constraints_is_on_a_key(open_app: Open, workspace: Workspace) -> None:
    lay(workspace, [row(NEUTRAL, STYLED)])
    async with open_app((120, 40)) as pilot:
        await pilot.press("2")
        await until(pilot, lambda: "letter fom the" in said(pilot))
        await pilot.press("p")
        assert "the whole prompt" in said(pilot)
        assert "- Write long sentences." in said(pilot)
        assert "[SYSTEM ROLE]:" in said(pilot)
        await pilot.press("space", "pageup", "p")
        assert "[SYSTEM ROLE]:" not in said(pilot)


async def test_markup_wide_and_control_characters_are_only_text(open_app: Open, workspace: Workspace) -> None:
    odd = "[bold]not bold[/bold] [/] 日本語の機械 \x1b[31mred\x07"
    lay(workspace, [row(odd, odd), row("plain", "styled")])
    async with open_app((120, 40)) as pilot:
        await pilot.press("2")
        await until(pilot, lambda: "1 of 2" in shown(pilot))
        assert said(pilot).count("[bold]not bold[/bold] [/]") == 2
        assert "日本語の機械" in shown(pilot)
        assert "\x1b" not in shown(pilot)
        assert "␛[31mred␇" in said(pilot)


async def test_sixty_thousand_rows_open_at_once(open_app: Open, workspace: Workspace) -> None:
    line = row(NEUTRAL, STYLED)
    lay(workspace, [line] * 59_999 + [row("the very last", "one", "plural")])
    async with open_app((80, 24)) as pilot:
        await pilot.press("2")
        await until(pilot, lambda: "letter fom the" in said(pilot))  # before the file is read to its end
        await until(pilot, lambda: "1 of 60,000 " in shown(pilot))
        await pilot.press("G")
        assert "the very last" in said(pilot)


def test_first_pair_is_there_before_the_rest_is_read(tmp_path: Path) -> None:
    path = tmp_path / "train.jsonl"
    path.write_bytes(row(NEUTRAL, STYLED) * 2_000)
    index = PairIndex(path)
    pieces = index.scan()
    assert next(pieces) < 2_000
    assert index.pair(0)
    assert not index.complete
    assert list(pieces)[-1] == 2_000


def test_torn_and_foreign_lines_are_passed_over(tmp_path: Path) -> None:
    path = tmp_path / "train.jsonl"
    path.write_bytes(row("a", "b") + b'{"half": 1}\n\xff\xfe\n' + row("c", "d", "plural") + b"{torn")
    index = PairIndex(path)
    assert list(index.scan())[-1] == 2
    pair = index.pair(0, "plural")
    assert pair
    assert (pair.shown_input, pair.styled) == ("c", "d")
    assert index.pair(99) is None
    missing = PairIndex(tmp_path / "none.jsonl")
    assert list(missing.scan()) == [0]
    assert missing.pair(0) is None
    assert list(missing.find("a", 0, 1)) == []


def test_filters_go_around() -> None:
    assert [after(["a", "b"], name) for name in ("", "a", "b", "gone")] == ["a", "b", "", ""]
    assert after(["a", "b"], "", -1) == "b"


def test_percentages() -> None:
    assert [percent(typed) for typed in ("8", "8%", "12,5")] == [0.08, 0.08, 0.125]
    with pytest.raises(ValueError, match="could not convert"):
        percent("much")


# -- the worldview ------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", SIZES)
async def test_worldview_is_edited_in_place_and_the_dataset_said_to_be_older(
    open_app: Open, workspace: Workspace, size: tuple[int, int]
) -> None:
    async with open_app(size) as pilot:
        await built(pilot)
        await pilot.press("w")
        await until(pilot, lambda: "role, 1 narrative frame, 1 conceptual frame, instruction" in said(pilot))
        area = pilot.app.screen.query_one(TextArea)
        await pilot.press(*"[FOO]:", "enter")
        await until(pilot, lambda: "✗ this text: unknown section [FOO]" in said(pilot))
        await pilot.press("ctrl+s")
        assert not (workspace.prompts / "small_voice_worldview.txt").exists()
        await pilot.press("escape")
        await until(pilot, lambda: "not saved: ^s saves it, Esc again throws it away" in said(pilot))
        for _ in range(9):
            await pilot.press("ctrl+z")
        assert area.text.startswith("[SYSTEM ROLE]:")
        area.text = "[SYSTEM ROLE]:\nYou are a 機械 of {author}.\n"
        await pilot.press("ctrl+s")
        await until(pilot, lambda: "saved; datasets built before" in said(pilot))
        assert (workspace.prompts / "small_voice_worldview.txt").read_text() == area.text
        await pilot.press("escape")
        assert isinstance(pilot.app.screen, DatasetScreen)
        if size[0] < 76:
            await pilot.press("v")
        await until(pilot, lambda: "built with the earlier worldview: press b to build again" in leaf(pilot))


async def test_unsaved_worldview_is_thrown_away_only_on_the_second_escape(open_app: Open, workspace: Workspace) -> None:
    async with open_app((80, 24)) as pilot:
        await pilot.press("2", "w")
        await until(pilot, lambda: "You write as in your published books" in said(pilot))
        await pilot.press("x", "escape")
        assert isinstance(pilot.app.screen, WorldviewScreen)
        await pilot.press("escape")
        await until(pilot, lambda: isinstance(pilot.app.screen, DatasetScreen))
        assert not (workspace.prompts / "small_voice_worldview.txt").exists()


def test_worldview_changed_by_another_program_is_not_overwritten(workspace: Workspace) -> None:
    workspace.prompts.mkdir()
    path = workspace.prompts / "small_voice_worldview.txt"
    path.write_text("You are one.")
    opened = open_worldview(workspace, "Small Voice")
    path.write_text("You are two.")
    with pytest.raises(StyloraError, match="changed by somebody else"):
        save_worldview(opened, "You are three.", "Small Voice")
    assert path.read_text() == "You are two."
    again = save_worldview(open_worldview(workspace, "Small Voice"), "You are three.", "Small Voice")
    assert save_worldview(again, "You are four.", "Small Voice").text == "You are four."
    with pytest.raises(StyloraError, match="say there who is speaking"):
        check_worldview("  \n", "Small Voice")


def test_worldview_that_cannot_be_read_is_one_line(workspace: Workspace) -> None:
    workspace.prompts.mkdir()
    (workspace.prompts / "small_voice_worldview.txt").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(StyloraError, match="not UTF-8"):
        open_worldview(workspace, "Small Voice")
    assert survey(workspace).author("small_voice")


# -- how it looks -------------------------------------------------------------------------------------


@pytest.mark.parametrize("theme", ["dark", "light"])
async def test_every_kind_is_counted_in_every_theme(open_app: Open, workspace: Workspace, theme: str) -> None:
    kinds = {"original": 54, "robustness": 54, "snowflake": 54, "impersonal": 37, "plural": 37, "third": 37}
    rows = [row(NEUTRAL, STYLED, kind, passage="95f246f50854") for kind, count in kinds.items() for _ in range(count)]
    rows[1:1] = [row(NEUTRAL, STYLED, "original", input) for input in ("dropout", "abstract") for _ in range(54)]
    kinds["original"] += 108
    checks = [
        "enough examples",
        "inputs neutral",
        "no refusals",
        "no AI-isms",
        "every kind present",
        "unseen",
        "held out",
    ]
    lay(
        workspace,
        rows,
        rows[:1] * 3,
        counts=kinds,
        inputs={"standard": 273, "abstract": 54, "dropout": 54},
        checks=[{"name": name, "passed": True, "detail": ""} for name in checks],
    )
    async with open_app((120, 30)) as pilot:
        if theme == "light":
            await pilot.press("ctrl+t")
        await pilot.press("2")
        await until(pilot, lambda: "all 381 3 3" in said(pilot))
