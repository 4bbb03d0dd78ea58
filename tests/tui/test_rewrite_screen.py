"""The fourth screen by keyboard: knobs, lists, streaming, diff, details, history, comparison, and what is found again.

One host for all tests; each has an author of its own, and so a history of its own.
"""

from __future__ import annotations

import asyncio
import itertools
import os
import shutil
import signal
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import cast

import msgspec
import pytest
from app_pilot import COMMAND, shown, until
from street_host import PROSE
from textual import events
from textual.pilot import Pilot
from textual.widgets import Input, OptionList, Static, TextArea

from engine.generation.conversation import Conversation, Written
from engine.host.client import HostClient
from engine.host.journal import JobState
from engine.host.voices import turns
from engine.report.chosen import choose, forget
from engine.workspace import Workspace
from tui.app import StyloraApp
from tui.memory import Memory, remember
from tui.screens.rewrite import RewriteScreen
from tui.screens.rewrite_details import DetailsScreen
from tui.screens.rewrite_history import HistoryScreen
from tui.widgets.exchange import Exchange
from tui.widgets.picker import Picker

AUTHORS = [f"voice_{number}" for number in range(24)]
_NEXT = itertools.count()
Opened = Callable[..., AbstractAsyncContextManager[Pilot[None]]]


@pytest.fixture(scope="module")
def street(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workspace]:
    """A workspace with an adapter for every author; the host that the first test starts serves all of them."""
    home = tmp_path_factory.mktemp("rewrite")
    (home / "run").mkdir()
    root = home / "work"
    (root / "styles").mkdir(parents=True)
    (root / "stylora.toml").write_text('author = "Voice 0"\n[rewrite]\nvariations = 3\n')
    for name in AUTHORS:
        folder = root / "lora_adapters" / name
        folder.mkdir(parents=True)
        (folder / "recipe.toml").write_text(f'author = "{name.replace("_", " ").title()}"\n')
        (folder / "adapters.safetensors").touch()
        for update, valid in ((20, 3.5), (40, 3.25)):
            checkpoint = folder / "checkpoints" / f"update-{update:06d}"
            checkpoint.mkdir(parents=True)
            (checkpoint / "adapters.safetensors").touch()
            (checkpoint / "state.json").write_bytes(msgspec.json.encode({"update": update}))
            with (folder / "journal.jsonl").open("ab") as journal:
                journal.write(msgspec.json.encode({"kind": "validation", "update": update, "loss": valid}) + b"\n")
        for link in ("best", "last"):
            (folder / "checkpoints" / link).symlink_to("update-000040")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_RUNTIME_DIR", str(home / "run"))
        yield Workspace(root)

        async def stop() -> None:
            if client := await HostClient.attach(Workspace(root)):
                await client.stop(force=True)

        asyncio.run(stop())


@pytest.fixture
def author() -> str:
    return AUTHORS[next(_NEXT)]


@pytest.fixture
def opened(street: Workspace, author: str) -> Opened:
    """``async with opened(size) as pilot``: the app on the fourth screen, with this test's author."""

    @asynccontextmanager
    async def open_app(size: tuple[int, int] = (120, 40), fresh: bool = True) -> AsyncIterator[Pilot[None]]:
        if fresh:
            remember(street, Memory(screen="rewrite", author=author))
        app = StyloraApp(street, host_command=COMMAND)
        async with app.run_test(size=size, notifications=True) as pilot:
            await until(pilot, lambda: app.client and app.survey and isinstance(app.screen, RewriteScreen))
            await until(pilot, lambda: screen_of(pilot).voices)
            yield pilot

    return open_app


def screen_of(pilot: Pilot[None]) -> RewriteScreen:
    return cast(RewriteScreen, pilot.app.screen)


def said(pilot: Pilot[None]) -> str:
    return " ".join(shown(pilot).split())


def newest(pilot: Pilot[None]) -> JobState:
    client = cast(StyloraApp, pilot.app).client
    assert client
    return list(client.jobs.values())[-1]


def exchanges(pilot: Pilot[None]) -> list[Exchange]:
    return screen_of(pilot).timeline.exchanges


async def ask(pilot: Pilot[None], text: str) -> Exchange:
    """Rewrite `text` and wait for its turn of the history; the keys are free afterwards."""
    before = len(screen_of(pilot).timeline.entries)
    screen_of(pilot).prompt.text = text
    await pilot.press("ctrl+r")
    await until(pilot, lambda: len(screen_of(pilot).timeline.entries) > before)
    await until(pilot, lambda: screen_of(pilot).timeline.entries[-1].number == before + 1)
    await until(pilot, lambda: exchanges(pilot)[-1].over)
    if isinstance(pilot.app.focused, TextArea):
        await pilot.press("escape")
    return exchanges(pilot)[-1]


def write(street: Workspace, author: str, *texts: str) -> None:
    """Turns in the history, as `stylora rewrite` leaves them."""
    conversation = Conversation(street, street.root / "lora_adapters" / author)
    found = Written(text=PROSE.replace("wheel", "wheel 1"), findings=("number 1848 is missing",), grades=("minor",))
    steps = {"source": "", "told": "", "neutral": "A plain wheel.", "noised": "A plian wheel."}
    for text in texts:
        conversation.add(
            text, [Written(text=PROSE), found], settings={"strength": 1.0, "seed": 42}, steps=[steps | {"source": text}]
        )


async def shows(pilot: Pilot[None], number: int) -> None:
    """Wait until the history is there, and free the keys."""
    await until(pilot, lambda: exchanges(pilot) and exchanges(pilot)[-1].entry.number == number)
    if isinstance(pilot.app.focused, TextArea):
        await pilot.press("escape")


# -- knobs and lists ----------------------------------------------------------------------------------


async def test_checkpoint_is_picked_by_its_key_and_the_next_rewrite_asks_it(opened: Opened, author: str) -> None:
    asked = f"{author.replace('_', ' ').title()} · best"
    async with opened((80, 24)) as pilot:
        await pilot.press("escape", "c")
        await until(pilot, lambda: isinstance(pilot.app.screen, Picker))
        assert "update 20, held-out loss 3.500" in shown(pilot)
        await pilot.press("c", "j", "k", "enter")
        assert asked in said(pilot)
        await ask(pilot, "It stopped.")
        assert newest(pilot).params["checkpoint"] == "best"
        assert "checkpoint best" in shown(pilot)
        await pilot.press("c", "1")
        assert asked not in said(pilot)


async def test_knobs_start_from_what_was_chosen_for_the_adapter(opened: Opened, street: Workspace, author: str) -> None:
    adapter = street.root / "lora_adapters" / author
    choose(adapter, {"checkpoint": 20, "strength": 0.75})
    async with opened((120, 40)) as pilot:
        await until(pilot, lambda: "· update 20 strength 0.75 chosen" in said(pilot))
        await ask(pilot, "It stopped.")
        assert (newest(pilot).params["strength"], newest(pilot).params["checkpoint"]) == (0.75, "20")
        await pilot.press("s", "c")
        await until(pilot, lambda: "update 20, held-out loss 3.500, as chosen" in shown(pilot))
        await pilot.press("1")
        assert "update 20 strength" not in said(pilot)
        assert "chosen" not in said(pilot)
        await ask(pilot, "It stopped again.")
        assert newest(pilot).params["checkpoint"] == "none"
    async with opened((120, 40), fresh=False) as pilot:  # what was turned stays, until something else is chosen
        await until(pilot, lambda: "strength 0.8" in said(pilot))
        assert screen_of(pilot).knobs.checkpoint == ""  # type: ignore[union-attr]
        choose(adapter, {"strength": 1.25})
        await pilot.press("escape", "ctrl+l")
        await until(pilot, lambda: "· update 20 strength 1.25 chosen" in said(pilot))
        forget(adapter)
        await pilot.press("ctrl+l")
        await until(pilot, lambda: "strength 1.0" in said(pilot) and "update 20 strength" not in said(pilot))


async def test_adapter_is_picked_among_all_and_has_its_own_history(opened: Opened, author: str) -> None:
    async with opened() as pilot:
        await ask(pilot, "First of the one.")
        await pilot.press("a")
        await until(pilot, lambda: isinstance(pilot.app.screen, Picker))
        await pilot.press("a" if author != AUTHORS[-1] else "k", "enter")
        await until(pilot, lambda: screen_of(pilot).adapter != author)
        await until(pilot, lambda: not screen_of(pilot).timeline.entries)
        assert "First of the one." not in shown(pilot)
        await pilot.press("left_square_bracket" if author != AUTHORS[-1] else "right_square_bracket")
        await until(pilot, lambda: "First of the one." in shown(pilot))


async def test_further_knobs_are_checked_sent_and_shown(opened: Opened) -> None:
    async with opened((80, 24)) as pilot:
        await pilot.press("escape", "m")
        await until(pilot, lambda: "Repetition penalty" in shown(pilot))
        form = pilot.app.screen
        form.query_one("#top_p", Input).value = "7"
        await pilot.press("enter")
        assert "Top-p: '7' is not a number that fits" in said(pilot)
        form.query_one("#top_p", Input).value = "0.9"
        form.query_one("#words", Input).value = "120"
        form.query_one("#seed", Input).value = "7"
        form.query_one("#perspective").focus()
        await pilot.press("right", "ctrl+r")
        await until(pilot, lambda: "top-p 0.9" in shown(pilot))
        await ask(pilot, "It stopped.")
        params = newest(pilot).params
        assert (params["top_p"], params["words"], params["seed"], params["perspective"]) == (0.9, 120, 7, "first")
        assert "min_p" not in params


# -- asking -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [(60, 18), (120, 40)])
async def test_variations_stream_beside_each_other_where_there_is_room(
    opened: Opened, street: Workspace, size: tuple[int, int]
) -> None:
    (street.root / "hold-rewrite").touch()
    (street.root / "hold-load").touch()
    async with opened(size) as pilot:
        await pilot.press(*"load", "ctrl+r")
        await until(pilot, lambda: "loading tiny x stops" in said(pilot))
        (street.root / "hold-load").unlink()
        await until(pilot, lambda: exchanges(pilot) and all(card.text for card in exchanges(pilot)[-1].variations))
        cards = exchanges(pilot)[-1].variations
        beside = {card.region.y for card in cards}
        assert len(beside) == (1 if size[0] >= 110 else 3)
        assert "writing… x stops" in said(pilot)
        assert {card.text for card in cards} == {"The wheel, which nobody had "}
        (street.root / "hold-rewrite").unlink()
        await until(pilot, lambda: exchanges(pilot)[-1].over)
        assert [card.best for card in cards] == [True, False, False]
        await pilot.press("escape", "right", "right")
        assert "! minor: number 1848 is missing" in said(pilot)


async def test_a_stopped_rewrite_keeps_what_there_was_and_can_be_asked_again(opened: Opened, street: Workspace) -> None:
    (street.root / "hold-rewrite").touch()
    async with opened() as pilot:
        await pilot.press(*"Halt", "ctrl+r")
        await until(pilot, lambda: exchanges(pilot) and exchanges(pilot)[-1].variations[0].text)
        await pilot.press("escape", "f")
        await until(pilot, lambda: "still being written: the diff comes" in said(pilot))
        assert screen_of(pilot).timeline.against == ""
        await pilot.press("x")
        await until(pilot, lambda: exchanges(pilot)[-1].over)
        assert "■ stopped; g asks again" in said(pilot)
        assert "The wheel, which nobody had" in said(pilot)
        (street.root / "hold-rewrite").unlink()
        await pilot.press("g")
        await until(pilot, lambda: len(exchanges(pilot)) == 2 and exchanges(pilot)[-1].over)
        assert newest(pilot).params["seed"] == 43

        await pilot.press("i", *"refuse", "ctrl+r")  # and a failed one is one line, without empty cards
        await until(pilot, lambda: len(exchanges(pilot)) == 3 and exchanges(pilot)[-1].over)
        assert "✗ a paragraph of 900 words is longer than 600" in said(pilot)
        assert "nothing came of it" not in shown(pilot)


async def test_rewrites_are_judged_edited_and_asked_again_with_the_next_seed(
    opened: Opened, street: Workspace, author: str
) -> None:
    async with opened() as pilot:
        await pilot.press("escape", "v", "i")
        cards = (await ask(pilot, "It stopped.")).variations
        assert "45 words ★ best" in said(pilot)
        assert "✓ nothing found against it" in str(cards[0].content)
        assert "! minor: number 1848 is missing" in str(cards[1].content)
        assert "✗ serious: number 1848 is missing" in str(cards[3].content)
        await pilot.press("e")
        assert screen_of(pilot).prompt.text == "It stopped."
        await pilot.press("X", "ctrl+r")
        await until(pilot, lambda: len(turns(street, author)) == 2)
        assert newest(pilot).params["again"] == 1
        await until(pilot, lambda: len(exchanges(pilot)) == 2 and exchanges(pilot)[1].over)
        await pilot.press("escape", "p", "g")
        await until(pilot, lambda: len(turns(street, author)) == 3)
        assert newest(pilot).params["seed"] == 43
        assert newest(pilot).params["text"] == "It stopped."
        await until(pilot, lambda: "again (1) · strength" in said(pilot))


async def test_while_it_trains_the_running_training_answers(opened: Opened, street: Workspace, author: str) -> None:
    (street.root / "hold-train").touch()
    async with opened((80, 24)) as pilot:
        app = cast(StyloraApp, pilot.app)
        job = await app.start_job("train", {"author": author.replace("_", " ").title()})
        try:
            await until(pilot, lambda: "these weights answer; c chooses others" in said(pilot))
            made = await ask(pilot, "It stopped.")
            assert "checkpoint" not in newest(pilot).params
            assert "by the running training, at update 120" in str(made.query_one(".status", Static).content)
            await pilot.press("escape", "c")
            await until(pilot, lambda: "the finished adapter from before this training" in shown(pilot))
            await pilot.press("2", "i")
            await until(pilot, lambda: "but the adapter on the disk answers; c chooses" in said(pilot))
            await ask(pilot, "It stopped again.")
            assert newest(pilot).params["checkpoint"] == "none"
            await pilot.press("escape", "b")
            await until(pilot, lambda: "the weights in training" in shown(pilot))
            await pilot.press("escape")
            new = street.root / "lora_adapters" / author / "checkpoints" / "update-000240"
            shutil.copytree(new.with_name("update-000040"), new)
            (new / "state.json").write_bytes(msgspec.json.encode({"update": 240}))
            assert app.client
            await app.client.steer(job, "checkpoint")
            await until(pilot, lambda: "240" in {one.name for one in screen_of(pilot).voice.checkpoints})
        finally:
            assert app.client
            await app.client.cancel(job)
            (street.root / "hold-train").unlink()
        await until(pilot, lambda: app.client and not app.client.active())
        await until(pilot, lambda: "on the disk" not in said(pilot))  # it was chosen for the training's time alone


async def test_a_training_of_another_run_says_that_rewriting_waits_and_can_be_chosen(
    opened: Opened, street: Workspace, author: str
) -> None:
    (street.root / "hold-load").touch()
    async with opened((80, 24)) as pilot:
        app = cast(StyloraApp, pilot.app)
        try:
            job = await app.start_job("train", {"author": author.replace("_", " ").title(), "adapter": "try"})
            await until(pilot, lambda: "try is being prepared for training: what is asked" in said(pilot))
            await pilot.press("escape", "a")
            await until(pilot, lambda: isinstance(pilot.app.screen, Picker))
            await pilot.press("home")  # the authors of this file's tests are more than fit
            await until(pilot, lambda: "try, in training" in shown(pilot))
            await pilot.press("escape", "3")
            await until(pilot, lambda: "loading smollm2-135m" in shown(pilot))
            assert shown(pilot).count("loading smollm2-135m") <= 3  # plan, log and job line
            assert app.client
            await app.client.cancel(job)
        finally:
            (street.root / "hold-load").unlink()
        await until(pilot, lambda: app.client and not app.client.active())


async def test_without_an_adapter_one_line_says_what_to_do(street: Workspace, opened: Opened) -> None:
    (street.root / "styles" / "nobody_full.txt").write_text("A sea rose. " * 100)
    remember(street, Memory(screen="rewrite", author="nobody"))
    async with opened((80, 24), fresh=False) as pilot:
        await until(pilot, lambda: "Nobody: no adapter yet" in said(pilot))
        assert "to curate the corpus" in said(pilot)
        await pilot.press(*"text", "ctrl+r")
        await until(pilot, lambda: said(pilot).count("to curate the corpus") == 2)
        await pilot.press("escape", "c", "b")
        assert isinstance(pilot.app.screen, RewriteScreen)
    (street.root / "styles" / "nobody_full.txt").unlink()


async def test_a_paste_of_fifty_thousand_words_is_held_beside_the_prompt(opened: Opened) -> None:
    long = "word " * 50_000
    async with opened((80, 24)) as pilot:
        prompt = screen_of(pilot).prompt
        await pilot.press(*"So")
        pilot.app.post_message(events.Paste(long))
        await until(pilot, lambda: "50,000 words pasted" in said(pilot))
        assert prompt.text == "So"
        assert prompt.whole().startswith("So\n\nword word")
        await pilot.press("escape", "z")
        assert "words pasted" not in said(pilot)
        await pilot.press("i")
        pilot.app.post_message(events.Paste("short"))
        await until(pilot, lambda: prompt.text == "Soshort")
        pilot.app.post_message(events.Paste(long))
        await ask(pilot, "Big")
        assert len(newest(pilot).params["text"].split()) == 50_001
        assert "(50,001 words in all)" in said(pilot)
        await pilot.press("e")
        assert "50,001 words pasted" in said(pilot)
        prompt.let_go()


# -- reading ------------------------------------------------------------------------------------------


async def test_a_variation_is_compared_word_by_word_and_opened_with_every_step(
    opened: Opened, street: Workspace, author: str
) -> None:
    write(street, author, "The mill, which nobody had oiled")
    async with opened() as pilot:
        await shows(pilot, 1)
        cards = exchanges(pilot)[0].variations
        await pilot.press("right", "f")
        assert "The [-mill,-] {+wheel,+} which nobody had oiled {+since" in str(cards[0].content)
        await pilot.press("f")
        assert "against the plain text: [-3 out-] {+" in str(cards[0].content)
        await pilot.press("f")
        assert str(cards[1].content).count("{+") == 2
        assert "against variation 1: " in str(cards[1].content)
        assert "[-wheel,-] {+wheel 1,+}" in str(cards[1].content)
        await pilot.press("f")
        assert "[-" not in said(pilot)

        await pilot.press("right", "o")
        await until(pilot, lambda: isinstance(pilot.app.screen, DetailsScreen))
        assert "Variation 2 of 2" in said(pilot)
        assert "! minor: number 1848 is missing" in said(pilot)
        await pilot.press("space")
        for part in ("references out", "(unchanged)", "neutral", "A plain wheel.", "noise", "A plian wheel."):
            assert part in said(pilot)
        await pilot.press("u", "down", "j", "up", "k", "escape")
        assert isinstance(pilot.app.screen, RewriteScreen)
        await pilot.press("e")  # the keys are back, not the prompt
        assert screen_of(pilot).prompt.text == "The mill, which nobody had oiled"


async def test_history_is_searched_and_walked(opened: Opened, street: Workspace, author: str) -> None:
    texts = (
        "The gate was closed.",
        "A sea rose.",
        "It stopped.",
        "A gate again.",
        *("More." for _ in range(8)),
        "Two.",
    )
    write(street, author, *texts)
    async with opened((80, 24)) as pilot:
        await shows(pilot, 13)
        assert len(exchanges(pilot)) < 10
        await pilot.press("slash")
        await until(pilot, lambda: isinstance(pilot.app.screen, HistoryScreen))
        assert "13 of 13 exchanges" in said(pilot)
        await pilot.press(*"gate")
        await until(pilot, lambda: "2 of 13 exchanges" in said(pilot))
        await pilot.press("down")
        assert pilot.app.screen.query_one(OptionList).highlighted == 1
        await pilot.press("enter")
        await until(pilot, lambda: "The gate was closed." in shown(pilot))
        timeline = screen_of(pilot).timeline
        await until(pilot, lambda: (here := timeline.current()) and here.entry.number == 1)
        await pilot.press("n")
        await until(pilot, lambda: (here := timeline.current()) and here.entry.number == 2)
        await pilot.press("p", "p")
        await until(pilot, lambda: (here := timeline.current()) and here.entry.number == 1)
        await pilot.press("escape")
        await until(pilot, lambda: (here := timeline.current()) and here.entry.number == 13)


async def test_what_the_command_line_wrote_is_kept_copied_and_compared_on(
    opened: Opened, street: Workspace, author: str
) -> None:
    write(street, author, "It stopped.")
    async with opened() as pilot:
        await shows(pilot, 1)
        await pilot.press("right", "right", "k")
        await until(pilot, lambda: "✓ kept" in shown(pilot))
        assert turns(street, author)[0].kept == 1
        await pilot.press("y")
        saved = street.root / "rewrites" / f"{author}-turn-1-2.txt"
        await until(pilot, lambda: f"saved as rewrites/{saved.name}" in said(pilot))
        assert pilot.app.clipboard + "\n" == saved.read_text()

        await pilot.press("b")
        await until(pilot, lambda: "2 sides: strength 0.6 · strength 1" in said(pilot))
        pilot.app.screen.query_one("#strengths", Input).value = "1"
        await until(pilot, lambda: "two strengths, two checkpoints or two adapters" in said(pilot))
        pilot.app.screen.query_one("#strengths", Input).value = "0.5 1 1.5"
        await pilot.press("enter")
        await until(pilot, lambda: len(turns(street, author)) == 2)
        await until(pilot, lambda: len(exchanges(pilot)) == 2 and exchanges(pilot)[-1].over)
        params = newest(pilot).params
        assert (params["strengths"], params["text"]) == ([0.5, 1.0, 1.5], "It stopped.")
        cards = exchanges(pilot)[-1].variations
        assert [card.label for card in cards] == ["strength 0.5", "strength 1", "strength 1.5"]
        assert len({card.region.y for card in cards}) == 1
        await pilot.press("g")
        await until(pilot, lambda: "this was a comparison" in said(pilot))

        await pilot.press("B")
        await until(pilot, lambda: "strength 0.6 against strength 1; the votes are saved" in said(pilot))
        await pilot.press("enter")
        await until(pilot, lambda: "1 of 3  which is better?" in shown(pilot))
        assert newest(pilot).params["sides"] == [f"{author}:@0.6", f"{author}:@1"]


# -- the next visit -----------------------------------------------------------------------------------


async def test_place_draft_and_knobs_are_found_again(opened: Opened, street: Workspace, author: str) -> None:
    write(street, author, "The gate was closed.", "A sea rose.", "It stopped.")
    async with opened((80, 24)) as pilot:
        await pilot.press("i", *"half a thought")
        await shows(pilot, 3)
        await pilot.press("s", "right", "p", "p")
        timeline = screen_of(pilot).timeline
        await until(pilot, lambda: (here := timeline.current()) and here.entry.number == 1)
        await pilot.press("right", "down")
        await pilot.pause(0.05)
        before = (1, 1, timeline.scroll_y)
        assert timeline.chosen
        assert timeline.chosen.number == 1
    async with opened((80, 24), fresh=False) as pilot:
        await until(pilot, lambda: screen_of(pilot).timeline.chosen)
        timeline = screen_of(pilot).timeline
        await until(pilot, lambda: timeline.scroll_y == before[2])
        assert (timeline.current().entry.number, timeline.chosen.number) == before[:2]  # type: ignore[union-attr]
        assert "half a thought" in shown(pilot)
        assert "strength 1.1" in shown(pilot)


async def test_lost_host_is_said_at_the_exchange(opened: Opened, street: Workspace) -> None:
    (street.root / "hold-rewrite").touch()
    async with opened((80, 24)) as pilot:
        await pilot.press(*"Halt", "ctrl+r")
        await until(pilot, lambda: exchanges(pilot) and exchanges(pilot)[-1].variations[0].text)
        app = cast(StyloraApp, pilot.app)
        assert app.client
        os.kill(app.client.host_pid, signal.SIGKILL)
        await until(pilot, lambda: exchanges(pilot)[-1].over)
        assert "the host stopped while it was at it; g asks again" in said(pilot)
        (street.root / "hold-rewrite").unlink()
