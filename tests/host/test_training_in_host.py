"""A real training in a real host: steered by messages, and answering rewrites with the weights as they are."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import signal
import time
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import Future
from pathlib import Path

import msgspec
import pytest
from small_adapter import small_recipe

from engine.control import Control
from engine.dataset.rows import split_file
from engine.errors import StyloraError
from engine.host import jobs, open_models
from engine.host.client import HostClient
from engine.host.journal import Event
from engine.progress import Progress
from engine.recipe import RECIPE_FILE, load_recipe, save_recipe
from engine.training import memory
from engine.workspace import Workspace, bundled

NOTE = "The bridge at Carrow was closed in 1987, and nobody saw it go."


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory, tiny_model: Path) -> Iterator[Workspace]:
    """All tests share it and its host, which the first one starts."""
    made = ready_to_train(tmp_path_factory.mktemp("host") / "w", tiny_model)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_RUNTIME_DIR", str(tmp_path_factory.mktemp("run")))
        patch.setenv("OMP_NUM_THREADS", "1")
        yield made
        asyncio.run(stopped(made))


def ready_to_train(root: Path, tiny_model: Path) -> Workspace:
    """A workspace with a tiny model and pairs that no parser has made. Without a corpus no thresholds are measured
    after a training, which would take longer than all the rest."""
    made = Workspace.create(root)
    shutil.copytree(tiny_model, made.models / "tiny")
    (made.root / "stylora.toml").write_text(
        'author = "Small Voice"\nbase_model = "tiny"\n'
        '[models.tiny]\nsource = "folder"\nlocation = "models/tiny"\npath = "models/tiny"\n'
    )
    book = bundled("styles", "unconducted_chorus_full.txt").read_text(encoding="utf-8")
    passages = [" ".join(part.split()) for part in book.split("\n\n") if 50 <= len(part.split()) <= 110][:24]
    rows = []
    for number, passage in enumerate(passages):
        neutral = " ".join(word for at, word in enumerate(passage.lower().split()) if at % 6)
        prompt = f"{neutral}\n###\n"
        row = {"text": prompt + passage, "loss_start": len(prompt), "passage": f"p{number}", "neutral": neutral}
        rows.append(row | {"kind": "original", "input": "standard", "content": "narrative"})
    folder = made.dataset("Small Voice")
    folder.mkdir(parents=True)
    for split, part in {"train": rows[:20], "valid": rows[20:22], "test": rows[22:]}.items():
        split_file(folder, split).write_bytes(b"".join(msgspec.json.encode(row) + b"\n" for row in part))
    save_recipe(small_recipe(author="Small Voice"), folder / RECIPE_FILE)
    (folder / "manifest.toml").write_text('author = "Small Voice"\n')
    return Workspace(made.root)


async def stopped(workspace: Workspace) -> None:
    if client := await HostClient.attach(workspace):
        await client.stop(force=True)
        await gone(client)


async def gone(client: HostClient) -> None:
    async with asyncio.timeout(30):
        while not client.lost:
            await asyncio.sleep(0.01)


@pytest.fixture
async def client(workspace: Workspace) -> AsyncIterator[HostClient]:
    client = await HostClient.connect(workspace)
    yield client
    for state in client.active():
        with contextlib.suppress(StyloraError):
            await client.cancel(state.job)
    client.close()


async def until(client: HostClient, job: str, text: str) -> None:
    """Wait until a message of the job begins with `text`."""
    async with asyncio.timeout(60):
        while not client.jobs[job].message.startswith(text):
            assert client.jobs[job].active, client.jobs[job].error
            await asyncio.sleep(0.01)


async def paused(client: HostClient, training: str) -> int:
    """Pause a training and wait until it stands still; the update it stands at."""
    await client.steer(training, "pause")
    async with asyncio.timeout(60):
        while not client.jobs[training].values.get("paused"):
            assert client.jobs[training].active, "it ended before it could pause"
            await asyncio.sleep(0.01)
    return int(client.jobs[training].done)


async def events(client: HostClient, job: str) -> list[Event]:
    async with asyncio.timeout(60):
        return [event async for batch in client.follow(job) for event in batch]


async def test_rewrites_are_answered_while_training_and_while_it_is_paused(
    client: HostClient, workspace: Workspace
) -> None:
    settings = {"rank": 4, "iters": 1_000_000, "learning_rate": 1e-3, "samples": 0, "grad_accumulation": 1}
    training = await client.start("train", settings)
    await until(client, training, "update 10:")
    asked = {"text": NOTE, "variations": 1, "strength": 0.5, "retries": 0}
    during = (await events(client, await client.start("rewrite", asked)))[-1]
    assert during.what == "done", during.error
    assert during.result["variations"]
    assert client.jobs[training].active

    at = await paused(client, training)
    first, second = [(await events(client, await client.start("rewrite", asked)))[-1] for _ in range(2)]
    assert first.result["variations"] == second.result["variations"], "the weights stand still"
    assert first.result["update"] == at
    assert f"by the running training, at update {at}" in first.result["marks"]
    assert client.jobs[training].done == at
    workspace.adapter("Herman Melville").mkdir(parents=True)
    other = (await events(client, await client.start("rewrite", asked | {"author": "Herman Melville"})))[-1]
    assert other.what == "failed"
    assert "no finished adapter there yet; only the weights in training can be asked" in other.error
    compared = (
        await events(client, await client.start("compare", {"text": NOTE, "strengths": [0.0, 1.0], "retries": 0}))
    )[-1]
    assert compared.what == "done", compared.error
    assert [side["label"] for side in compared.result["sides"]] == ["strength 0", "strength 1"]
    assert f"by the running training, at update {at}" in compared.result["sides"][0]["marks"]

    await client.steer(training, "resume")
    await client.steer(training, "validate_every", 10**6)
    async with asyncio.timeout(60):
        while client.jobs[training].done <= at + 1:
            assert client.jobs[training].active, client.jobs[training].error
            await asyncio.sleep(0.01)
    await client.steer(training, "stop")
    end = (await events(client, training))[-1]
    assert (end.what, end.result["stopped"]) == ("done", "stopped")
    assert end.result["updates"] > at
    finished = (await events(client, await client.start("rewrite", asked)))[-1]
    assert finished.what == "done", finished.error
    gone = (await events(client, await client.start("rewrite", asked | {"checkpoint": "live"})))[-1]
    assert "small_voice is not in training, so it has no live weights" in gone.error


async def test_adapters_and_checkpoints_on_disk_answer_beside_the_training_and_leave_no_trace_in_it(
    client: HostClient, workspace: Workspace
) -> None:
    settings = {"rank": 4, "iters": 60, "steps_per_eval": 10, "samples": 0, "grad_accumulation": 1, "dropout": 0.1}
    settings["learning_rate"] = 1e-3
    asked = {"text": NOTE, "variations": 1, "retries": 0, "remember": False}

    async def said(**more: object) -> Event:
        return (await events(client, await client.start("rewrite", {**asked, **more})))[-1]

    first = await client.start(
        "train", {**settings, "iters": 10, "adapter": "first", "rank": 8, "keys": ["self_attn.v_proj"]}
    )
    assert (await events(client, first))[-1].what == "done"
    quiet = await client.start("train", {**settings, "adapter": "quiet"})
    assert (await events(client, quiet))[-1].what == "done"
    alone = await said(adapter="first")

    foreign = workspace.root / "lora_adapters" / "foreign"
    shutil.copytree(workspace.root / "lora_adapters" / "first", foreign)
    recipe = load_recipe(foreign / RECIPE_FILE)
    save_recipe(msgspec.structs.replace(recipe, base="f" * 64), foreign / RECIPE_FILE)

    training = await client.start("train", {**settings, "adapter": "asked"})
    await until(client, training, "update 10: validation")
    at = await paused(client, training)
    assert 10 <= at < 60

    beside = await said(adapter="first")
    assert beside.result["variations"] == alone.result["variations"]
    assert "by first, as it lies on the disk, not by the weights in training" in beside.result["marks"]
    live, best, early = [await said(adapter="asked", checkpoint=one) for one in ("live", "none", "10")]
    assert f"by the running training, at update {at}" in live.result["marks"]
    assert "by asked, as it lies on the disk, not by the weights in training" in best.result["marks"]
    assert "by asked, checkpoint 10, not by the weights in training" in early.result["marks"]
    compared = {"text": NOTE, "adapters": ["asked"], "checkpoints": ["live", "10"], "retries": 0}
    sides = (await events(client, await client.start("compare", compared)))[-1].result["sides"]
    assert [side["text"] for side in sides] == [one.result["variations"][0]["text"] for one in (live, early)]
    refused = await said(adapter="foreign")
    assert "foreign stands on another base model than asked, which is in training" in refused.error
    waiting = await client.start("compare", compared | {"adapters": ["asked", "foreign"], "checkpoints": []})
    await until(client, waiting, "waits for the training's end: foreign stands on another base model than asked")
    assert client.jobs[waiting].status == "queued"
    await client.cancel(waiting)

    await client.steer(training, "resume")
    assert (await events(client, training))[-1].what == "done"
    assert losses(workspace, "asked") == losses(workspace, "quiet")


def test_an_adapter_that_does_not_fit_beside_the_training_is_refused(
    workspace: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    refused: list[str] = []
    settings = {"rank": 4, "grad_accumulation": 1, "samples": 0, "control": Control()}
    jobs.train(workspace, lambda _: None, adapter=tmp_path / "small", iters=1, **settings)
    monkeypatch.setattr(memory, "available_memory", lambda: 1 << 20)

    def report(progress: Progress) -> None:
        if open_models.live and not refused:
            with pytest.raises(StyloraError) as error:
                open_models.open_rewriter(workspace, tmp_path / "small", lambda _: None)
            refused.append(str(error.value))

    jobs.train(workspace, report, adapter=tmp_path / "run", iters=1, **settings)
    assert "small: 0.0 GiB more do not fit beside the training of run; ask its own weights" in refused[0]


async def test_only_a_training_under_way_is_steered(client: HostClient) -> None:
    with pytest.raises(StyloraError, match="not running, so there is nothing to steer"):
        await client.steer("20260101-000000-train", "pause")


async def test_plan_is_made_without_weights_and_measured_on_request(client: HostClient) -> None:
    guessed, measured = [
        (await events(client, await client.start("plan", {"rank": 4, "epochs": 2, "measure": measure})))[-1].result
        for measure in (False, True)
    ]
    assert guessed["measured"] is False
    assert measured["measured"] is True
    assert guessed["updates"] == measured["updates"]
    assert {guessed["verdict"], measured["verdict"]} == {"fits"}


def losses(workspace: Workspace, adapter: str) -> list[tuple[int, float]]:
    """What the training in `adapter` wrote down, update by update."""
    lines = (workspace.root / "lora_adapters" / adapter / "journal.jsonl").read_bytes().splitlines()
    entries = [msgspec.json.decode(line) for line in lines]
    return [(entry["update"], entry["loss"]) for entry in entries if entry["kind"] == "update"]


async def test_killed_host_loses_nothing_that_matters(client: HostClient, workspace: Workspace) -> None:
    settings = {"rank": 4, "iters": 24, "save_every": 8, "samples": 0, "grad_accumulation": 1, "dropout": 0.1}
    whole = await client.start("train", {**settings, "adapter": "whole"})
    assert (await events(client, whole))[-1].what == "done"
    cut = await client.start("train", {**settings, "adapter": "cut"})
    async with asyncio.timeout(60):
        while client.jobs[cut].done < 12:
            assert client.jobs[cut].active, client.jobs[cut].error
            await asyncio.sleep(0.005)
    began = time.monotonic()
    os.kill(client.host_pid, signal.SIGKILL)
    await gone(client)
    assert time.monotonic() - began < 1
    assert client.jobs[cut].status == "interrupted"
    assert len(losses(workspace, "cut")) < 24

    other = await HostClient.connect(workspace)
    assert other.jobs[cut].status == "interrupted"
    again = await other.start("train", {**settings, "adapter": "cut"})
    assert (await events(other, again))[-1].what == "done"
    other.close()
    assert losses(workspace, "cut") == losses(workspace, "whole")
    assert [update for update, _ in losses(workspace, "cut")] == list(range(1, 25))


def test_strength_of_a_rewrite_ends_with_it(workspace: Workspace, tmp_path: Path) -> None:
    from engine.models import adapters, mlx_thread

    scales: list[float] = []
    answers: list[Future[None]] = []

    def report(progress: Progress) -> None:
        live = list(open_models.live.values())
        if live and progress.stage == "training":
            model = live[0][0].model
            scales.append(adapters.lora_modules(model)[0][1].scale)
            if progress.done == 1 and not answers:
                answers.append(mlx_thread.submit(adapters.set_strength, model, 0.25, between_steps=True))

    jobs.train(
        workspace,
        report,
        adapter=tmp_path / "run",
        rank=4,
        iters=3,
        grad_accumulation=1,
        samples=0,
        control=Control(),
    )
    assert answers[0].done()
    assert set(scales) == {2.0}
