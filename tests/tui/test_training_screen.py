"""The training screen by its keys: chart, samples, runs, going on; one host for all, as a real user would have."""

from __future__ import annotations

import asyncio
import fcntl
import shutil
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path

import msgspec
import pytest
from app_pilot import COMMAND, shown, until
from textual import events
from textual.pilot import Pilot
from textual.widget import Widget
from textual.widgets import Input, Static

from engine.host import runs as earlier
from engine.host.client import HostClient
from engine.host.journal import JobState
from engine.workspace import Workspace
from tui.app import StyloraApp
from tui.plot import Sight
from tui.screens import training_live
from tui.screens.training import TrainingScreen
from tui.widgets.chart import LossChart
from tui.widgets.form import Pick
from tui.widgets.samples import SamplesView

Visit = Callable[..., AbstractAsyncContextManager[Pilot[None]]]
SETTINGS = """
author = "Small Voice"
base_model = "tiny"
[models.tiny]
source = "folder"
location = "x"
path = "models/tiny"
"""


async def job(client: HostClient, kind: str, **params: object) -> JobState:
    """Start a job and wait for its end."""
    name = await client.start(kind, {"author": "Small Voice", **params})
    async for _ in client.follow(name):
        pass
    return client.jobs[name]


@pytest.fixture(scope="module")
def street(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workspace]:
    """A workspace with a dataset, an earlier run `second` and the author's own of 240 updates; its host stays."""
    root = tmp_path_factory.mktemp("street")
    (root / "run").mkdir()
    work = root / "work"
    (work / "styles").mkdir(parents=True)
    (work / "styles" / "small_voice_full.txt").write_text("A wheel turned. " * 200)
    (work / "styles" / "other_voice_full.txt").write_text("A sea rose. " * 100)
    (work / "stylora.toml").write_text(SETTINGS)
    workspace = Workspace(work)

    async def walk() -> None:
        client = await HostClient.connect(workspace, command=COMMAND)
        for kind, params in (("curate", {"input": []}), ("dataset", {}), ("train", {"adapter": "second", "rank": 8})):
            await job(client, kind, **params)
        await job(client, "train")
        client.close()

    async def leave() -> None:
        if client := await HostClient.attach(workspace):
            await client.stop(force=True)
            client.close()

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_RUNTIME_DIR", str(root / "run"))
        asyncio.run(walk())
        yield workspace
        asyncio.run(leave())


@pytest.fixture
def visit(street: Workspace) -> Visit:
    """``async with visit((80, 24)) as pilot``: the app on screen 3, the newest training in its chart."""

    @asynccontextmanager
    async def opened(size: tuple[int, int] = (120, 40), fresh: bool = True) -> AsyncIterator[Pilot[None]]:
        if fresh:
            (street.private / "screen.json").unlink(missing_ok=True)
        app = StyloraApp(street, host_command=COMMAND)
        async with app.run_test(size=size, notifications=True) as pilot:
            await until(pilot, lambda: app.client is not None and app.survey is not None)
            await press(pilot, "3")
            await until(pilot, lambda: isinstance(app.screen, TrainingScreen) and app.screen.followed)
            await until(pilot, lambda: len(screen_of(pilot).query_one(LossChart).curve) == 240)
            await until(pilot, lambda: "240 / 240" in shown(pilot) and screen_of(pilot).runs)
            yield pilot

    return opened


async def press(pilot: Pilot[None], *keys: str) -> None:
    """As fast fingers do: the next key does not wait for the last one's picture."""
    for key in keys:
        pilot.app.post_message(events.Key(key, key if len(key) == 1 else None))
    await pilot.pause()


def said(pilot: Pilot[None]) -> str:
    """The note of the form in front."""
    return str(pilot.app.screen.query_one("#note", Static).content)


def screen_of(pilot: Pilot[None]) -> TrainingScreen:
    screen = pilot.app.screen
    assert isinstance(screen, TrainingScreen)
    return screen


def sight(pilot: Pilot[None]) -> Sight:
    return screen_of(pilot).query_one(LossChart).sight


async def test_crosshair_zoom_pan_and_scale_by_keys(visit: Visit) -> None:
    async with visit() as pilot:
        await until(pilot, lambda: screen_of(pilot).query_one(SamplesView).update == 240)
        await press(pilot, "left")
        assert "update 240  loss" in shown(pilot)
        await press(pilot, "left", "h", "right", "H")
        cursor = sight(pilot).cursor
        assert cursor
        assert 210 <= cursor < 240
        assert f"update {cursor:.0f}  loss" in shown(pilot)
        assert "◆ 3.0" in shown(pilot)
        assert "rate 1.0e-5" in shown(pilot)
        await press(pilot, "L", "l", "G")
        assert "smoothed" in shown(pilot)
        await press(pilot, "z", "z")
        assert "live" in shown(pilot)
        assert sight(pilot).width == 75
        await press(pilot, "b")
        assert "held, G follows" in shown(pilot)
        await press(pilot, "f", "f")
        assert "live" in shown(pilot)
        await press(pilot, "b", "b", "Z", "y")
        assert sight(pilot).log
        await press(pilot, "g")
        assert sight(pilot).cursor == 1
        await press(pilot, "escape", "escape", "y")
        assert sight(pilot) == Sight()
        await press(pilot, "g", *["L"] * 5)
        cursor = sight(pilot).cursor
        assert cursor
        assert screen_of(pilot).query_one(SamplesView).update == cursor // 40 * 40  # the samples went along
        await press(pilot, "escape")
        gap = [line for line in shown(pilot).splitlines() if "×" in line]
        assert len(gap) == 1


@pytest.mark.parametrize("size", [(60, 18), (120, 40)])
async def test_samples_are_scrubbed_and_the_style_arrives(visit: Visit, size: tuple[int, int]) -> None:
    async with visit(size) as pilot:
        await press(pilot, "v", "e")
        samples = screen_of(pilot).query_one(SamplesView)
        await until(pilot, lambda: samples.update == 240)
        flat = " ".join(shown(pilot).split())
        assert "update 240 ○○○○○●" in flat
        assert "in the dark below the mill" in flat
        assert "the author's own" in flat
        await press(pilot, "e", "e", "left", "left")
        assert samples.update == 160
        assert sight(pilot).cursor == 160
        await press(pilot, "H", "e")
        assert "The wheel, which nobody had oiled since" not in " ".join(shown(pilot).split()).split("the author's")[0]
        await press(pilot, "right", "w")
        flat = " ".join(shown(pilot).split())
        assert "{+since the second flood, went on turning+}" in flat or "{+the second flood," in flat
        await press(pilot, "n")
        assert "prompt 2 of 2" in shown(pilot)
        await press(pilot, "N", "G")
        assert samples.update == 240


async def test_figures_and_log_below_the_chart(visit: Visit) -> None:
    async with visit((80, 24)) as pilot:
        assert "update 240: validation 3.055" in " ".join(shown(pilot).split())
        await press(pilot, "V", "V", "e")
        flat = " ".join(shown(pilot).split())
        for said in ("update 240 of 240", "tokens seen 96,000", "memory, cache 100 MiB", "gradient norm 0.800"):
            assert said in flat
        assert "★ best 3.0403 at update 200" in flat
        await press(pilot, "down", "J", "K", "up")
        await press(pilot, "m")
        await until(pilot, lambda: "Prepare a model" in shown(pilot))
        await pilot.press("escape", "k")
        await until(pilot, lambda: "66%" in shown(pilot))


async def test_runs_are_overlaid_described_compared_and_deleted(visit: Visit, street: Workspace) -> None:
    async with visit() as pilot:
        chart = screen_of(pilot).query_one(LossChart)
        assert not screen_of(pilot).check_action("overlay", ())
        await press(pilot, "v", "v")
        await until(pilot, lambda: "second" in shown(pilot))
        assert "▸◉ small_voice" in shown(pilot)
        await press(pilot, "o")
        await until(pilot, lambda: "this run is the chart itself" in " ".join(shown(pilot).split()))
        await press(pilot, "down", "o")
        await until(pilot, lambda: "a second (dotted)" in shown(pilot))
        assert "▸a second" in shown(pilot)
        assert len(chart.overlays["a"][1]) == 240
        await press(pilot, "left")
        assert "a 2.9" in shown(pilot)
        await press(pilot, "enter")
        await until(pilot, lambda: "What it wrote at update 240" in shown(pilot))
        await pilot.press("escape", "a")
        await until(pilot, lambda: "Runs compared" in shown(pilot))
        assert "rank" in shown(pilot)
        await pilot.press("escape", "o")
        await until(pilot, lambda: not chart.overlays)
        await press(pilot, "D")
        await until(pilot, lambda: "Delete the run second?" in shown(pilot))
        await press(pilot, "escape")
        assert (street.root / "lora_adapters" / "second").exists()
        await press(pilot, "D")
        await until(pilot, lambda: "Delete the run second?" in shown(pilot))
        await press(pilot, "enter")
        await until(pilot, lambda: len(screen_of(pilot).runs) == 1)
        assert not (street.root / "lora_adapters" / "second").exists()


async def test_a_run_that_was_deleted_is_followed_no_longer(visit: Visit, street: Workspace) -> None:
    async with visit() as pilot:
        await job(pilot.app.client, "train", adapter="fourth")  # type: ignore[attr-defined]
        await until(pilot, lambda: "as fourth" in shown(pilot) and "done" in shown(pilot))
        await until(pilot, lambda: any(run.name == "fourth" for run in screen_of(pilot).runs))
        shutil.rmtree(street.root / "lora_adapters" / "fourth")
        await press(pilot, "ctrl+l")
        await until(pilot, lambda: "as fourth" not in shown(pilot))
        await until(pilot, lambda: screen_of(pilot).run_name == "small_voice")


async def test_next_visit_finds_zoom_scale_view_overlays_and_scroll(visit: Visit, street: Workspace) -> None:
    async with visit((80, 24)) as pilot:
        await press(pilot, "z", "z", "b", "y", "left", "V", "V")
        await press(pilot, "down", "down")
        was = sight(pilot)
        screen_of(pilot).keep(overlays=["gone", 7])
    async with visit((80, 24), fresh=False) as pilot:
        assert sight(pilot) == was
        assert screen_of(pilot).view == "figures"
        assert screen_of(pilot).overlaid() == ["gone"]
        await until(pilot, lambda: screen_of(pilot).query_one("#facts-box").scroll_y == 2)


async def test_failed_training_says_why_and_goes_on_by_a_key(visit: Visit, street: Workspace) -> None:
    async with visit() as pilot:
        client = pilot.app.client  # type: ignore[attr-defined]
        broken = await job(client, "train", model="broken", minutes=3)
        assert broken.status == "failed"
        await until(pilot, lambda: "✗ out of memory at update 120" in " ".join(shown(pilot).split()))
        await until(pilot, lambda: screen_of(pilot).resumable)
        (street.root / "hold-train").touch()
        before = set(client.jobs)
        await press(pilot, "R")
        await until(pilot, lambda: set(client.jobs) - before)
        (again,) = set(client.jobs) - before
        assert client.jobs[again].params == {"author": "Small Voice", "model": "broken"}
        # the second half comes with the job, the first from the run's own journal
        await until(pilot, lambda: screen_of(pilot).followed == again)
        chart = screen_of(pilot).query_one(LossChart)
        await until(pilot, lambda: list(chart.curve.updates) == list(range(1, 241)))
        await press(pilot, "x")
        await until(pilot, lambda: client.jobs[again].status == "cancelled")
        (street.root / "hold-train").unlink()
        await until(
            pilot,
            lambda: "R goes on from the last checkpoint or: stylora train --author" in " ".join(shown(pilot).split()),
        )
        await job(client, "train", fresh=True)


async def test_training_is_planned_named_and_begun_afresh(visit: Visit, street: Workspace) -> None:
    async with visit() as pilot:
        client = pilot.app.client  # type: ignore[attr-defined]
        await press(pilot, "t")
        await until(pilot, lambda: "It was begun with rank 32" in said(pilot))
        assert "lora_adapters/small_voice: 240 updates, finished" in said(pilot)
        # Enter alone throws nothing away.
        assert pilot.app.screen.query_one("#fresh", Pick).selected == ["no"]
        pilot.app.screen.query_one("#adapter", Input).value = "../else"
        await press(pilot, "enter")
        await until(pilot, lambda: "is no plain folder name" in shown(pilot))
        fate = pilot.app.screen.query_one("#fresh").parent
        assert isinstance(fate, Widget)
        pilot.app.screen.query_one("#adapter", Input).value = ""
        pilot.app.screen.query_one("#fresh", Pick).action_turn(1)
        await until(pilot, lambda: "checkpoints go" in said(pilot))
        assert fate.display
        pilot.app.screen.query_one("#adapter", Input).value = "third"
        await until(pilot, lambda: not fate.display)
        (street.root / "hold-plan").touch()
        await press(pilot, "enter")
        await until(pilot, lambda: "→ planning: reading the rows" in shown(pilot))
        (street.root / "hold-plan").unlink()
        await until(pilot, lambda: "66 updates, about 12 min (as fast as second was)" in shown(pilot))
        assert "memory, estimated: 3.0 of 8.0 GiB" in said(pilot)
        assert "fits, by this estimate" in said(pilot)
        await press(pilot, "enter")
        await until(pilot, lambda: any(state.params.get("adapter") == "third" for state in client.jobs.values()))
        params = next(
            s.params for s in client.jobs.values() if s.kind == "train" and s.params.get("adapter") == "third"
        )
        assert params["fresh"] is True
        await until(pilot, lambda: "as third" in shown(pilot) and "done" in shown(pilot))


async def test_author_without_a_training_sees_the_plan(visit: Visit) -> None:
    async with visit((80, 24)) as pilot:
        await press(pilot, "right_square_bracket")
        await until(
            pilot, lambda: "Other Voice" in shown(pilot) and "Press 1, then c" in " ".join(shown(pilot).split())
        )
        assert "┤" not in shown(pilot)
        await press(pilot, "left_square_bracket")
        await until(pilot, lambda: "┤" in shown(pilot))


async def test_run_that_has_just_ended_stays_in_sight(visit: Visit) -> None:
    """What was read of its files while it ran says that somebody trains there."""
    async with visit((80, 24)) as pilot:
        screen = screen_of(pilot)
        await until(pilot, lambda: bool(screen.runs) and bool(screen.followed))
        job = screen.newest()
        assert job
        stale = [msgspec.structs.replace(run, status=earlier.RUNNING, modified=job.ended - 1) for run in screen.runs]
        screen.runs = stale
        assert screen.newest() is job
        screen.runs = [msgspec.structs.replace(run, modified=job.ended + 1) for run in stale]
        assert screen.newest() is None


async def test_run_of_another_program_is_followed_in_its_files(
    street: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As `stylora train` leaves it: no job of the host knows of it."""
    monkeypatch.setattr(training_live, "LOOK_SECONDS", 0.02)
    folder = street.root / "lora_adapters" / "small_voice"
    (street.private / "jobs").rename(tmp_path / "jobs")
    try:
        with (folder / ".lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            app = StyloraApp(street, host_command=COMMAND)
            async with app.run_test(size=(120, 40)) as pilot:
                await until(pilot, lambda: app.survey is not None)
                await press(pilot, "3")
                await until(pilot, lambda: "small_voice, running" in shown(pilot) and "┤" in shown(pilot))
                count = len(screen_of(pilot).query_one(LossChart).curve)
                with (folder / "journal.jsonl").open("a") as file:
                    file.write('{"kind":"update","update":500,"loss":2.5,"smoothed":2.5}\n')
                await until(pilot, lambda: len(screen_of(pilot).query_one(LossChart).curve) == count + 1)
                assert screen_of(pilot).check_action("pause", ()) is False
    finally:
        (tmp_path / "jobs").rename(street.private / "jobs")
