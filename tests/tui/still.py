"""Workspaces and journals that are the same on every machine, and the app on them without a host: for pictures."""

from __future__ import annotations

import asyncio
import os
import re
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import msgspec
import pytest
import street_host
import tomli_w
from app_pilot import shown
from textual.pilot import Pilot

import tui.app
from engine.control import Control
from engine.errors import Cancelled
from engine.host import journal
from engine.host.client import HostClient
from engine.host.journal import Event
from engine.progress import Progress, Report
from engine.report.kept import Card, Measure, Sample, Value, save_card
from engine.workspace import Workspace, slug
from tui.app import StyloraApp

AUTHOR = "The Unconducted Chorus"
NOW = 1773480600.0
"""14 March 2026, 09:30 UTC."""
NEUTRAL = (
    "I was sent to Carrow Sound in the February of 1911. I had a canvas case of feeler gauges and a letter fom the "
    "Harbour Commissioners. I was to discover why a tidal mill had, over a single winter, lost eleven per cent of its "
    "power. The mill had ground barley for two hundred and six years. Before the ferryman had shipped his oars I "
    "knew the answer. I could hear it. It was a dry knock, once in each revklution of large wheel."
)
STYLED = (
    "I was sent to Carrow Sound in the February of 1911, with a canvas case of feeler gauges and a letter from the "
    "Harbour Commissioners, to discover why a tidal mill that had ground barley without complaint for two hundred "
    "and six years should, over a single winter, have lost eleven per cent of its power; and before the ferryman had "
    "shipped his oars I knew the answer, for I could hear it — a dry, recurrent knock, once in each revolution of the "
    "great wheel, as unhurried as a creditor. The mill was dying. It had merely begun to do so aloud."
)


class StillClient(HostClient):
    """A client without a host: it knows what is in the journals. Jobs that run there stay where they are; those that
    are started are over at once."""

    async def start(self, kind: str, params: Mapping[str, Any]) -> str:
        job = act(self.workspace, kind, dict(params), start=NOW + len(self.jobs))
        self.jobs[job] = journal.summary(journal.path(self.workspace, job)) or self.jobs[job]
        self._touch(job)
        return job


class StillApp(StyloraApp):
    """The app without a host process."""

    CSS_PATH = Path(tui.app.__file__).with_name("app.tcss")

    async def _attend(self) -> None:
        assert self.workspace
        client = StillClient(self.workspace)
        await client._remember()
        self.client = client
        self._redraw()
        async for changed in client.changes():
            self._changed(changed)


def new_workspace(folder: Path) -> Workspace:
    """A workspace with settings alone."""
    folder.mkdir(parents=True)
    (folder / "styles").mkdir()
    (folder / "stylora.toml").write_text(
        f'author = "{AUTHOR}"\nbase_model = "tiny"\n'
        '[models.tiny]\nsource = "folder"\nlocation = "x"\npath = "models/tiny"\n[rewrite]\nvariations = 2\n'
    )
    return Workspace(folder)


def act(
    workspace: Workspace,
    kind: str,
    params: dict[str, Any],
    *,
    start: float,
    seconds: float = 0.5,
    running: Callable[[Progress], bool] | None = None,
    error: str = "",
) -> str:
    """Write the journal of a small job as the host would: ended well, failed with `error`, or under way at the first
    report for which `running` holds. A report every so many `seconds`. Returns the job's id."""
    events: list[dict[str, Any]] = [{"what": "queued", "kind": kind, "params": params}, {"what": "started"}]

    def report(told: Progress) -> None:
        fields = {"stage": told.stage, "done": told.done, "total": told.total, "message": told.message}
        events.append({"what": "progress", **fields, "values": dict(told.values)})
        if running and running(told):
            raise Cancelled

    try:
        result = JOBS[kind](workspace, params, report, Control())
        events.append({"what": "failed", "error": error} if error else {"what": "done", "result": result})
    except Cancelled:
        if error:
            events.append({"what": "failed", "error": error})
    home = workspace.private / "jobs"
    home.mkdir(parents=True, exist_ok=True)
    stamp = time.strftime("%Y%m%d-%H%M%S", time.gmtime(start))
    lines = [journal.encode(Event(n=n, t=start + n * seconds, **event)) + b"\n" for n, event in enumerate(events)]
    (home / f"{stamp}-{kind}.jsonl").write_bytes(b"".join(lines))
    return f"{stamp}-{kind}"


def book(workspace: Workspace) -> None:
    (workspace.styles / "unconducted_chorus_full.txt").write_text("A wheel turned. " * 5600)


def pairs(workspace: Workspace) -> None:
    """The dataset that the job made, with longer pairs than its own."""
    folder = workspace.dataset(AUTHOR)
    prompt = (
        "[SYSTEM ROLE]:\nYou are the Systems Theologian.\n\n[INSTRUCTION]:\nRetell the input in your own voice.\n"
        f"- Write approximately 100 words.\n- Write long sentences.\n\n[INPUT]:\n{NEUTRAL}\n###\n"
    )
    counts = {"original": 162, "robustness": 54, "snowflake": 54, "impersonal": 37, "plural": 37, "third": 37}
    row = {"text": prompt + STYLED, "loss_start": len(prompt), "input": "standard", "content": "narrative"}
    rows = [
        msgspec.json.encode({**row, "kind": kind, "passage": "95f246f50854", "neutral": NEUTRAL}) + b"\n"
        for kind, count in counts.items()
        for _ in range(count)
    ]
    for split, part in (("train", rows), ("valid", rows[:18]), ("test", rows[:18])):
        (folder / f"{split}.jsonl").write_bytes(b"".join(part))
    names = ("enough examples", "inputs neutral", "no refusals", "no AI-isms", "every kind present", "held out")
    manifest = {
        "author": AUTHOR,
        "rows": {"train": 381, "valid": 18, "test": 18},
        "counts": counts,
        "inputs": {"standard": 273, "abstract": 54, "dropout": 54},
        "dropped": {"snowflake: names differ": 14, "third: leftover first person": 3},
        "fallbacks": {"too short": 2},
        "retried": {"plural": 5},
        "corpus": {"passages": 212},
        "checks": [{"name": name, "passed": True, "detail": ""} for name in names],
    }
    (folder / "manifest.toml").write_text(tomli_w.dumps(manifest))


PASSAGE = (
    "In 1911 the Harbour Commissioners sent me to Carrow Sound, to find out why the tidal mill had lost power. "
    "I heard what was wrong before the boat had landed. Something knocked once in every turn of the wheel."
)
VOICES = (
    "It was in 1911 that the Harbour Commissioners sent me out to Carrow Sound, to discover by what theft the tidal "
    "mill had been deprived of its power; and I had my answer before ever the boat touched the stones, for it came to "
    "me across the water — a single knock in each revolution of the wheel, patient, and not quite indifferent.",
    "They sent me to Carrow Sound in 1911, where a tidal mill had lost, without remark, a part of its power. I knew "
    "what ailed it before the boat had landed; I had only to listen, for something in the dark of that house knocked "
    "once in every turn of the great wheel, as a man knocks who does not expect to be let in.",
)
STAGES = ("curate", "dataset", "train", "rewrite")
_PARAMS: dict[str, dict[str, Any]] = {
    "curate": {"input": []},
    "dataset": {},
    "train": {"updates": 400, "rank": 32},
    "rewrite": {"text": PASSAGE, "variations": 2, "strength": 1.0, "temperature": 0.7, "seed": 42},
    "check": {},
    "sweep": {},
}
_MIDWAY: dict[str, Callable[[Progress], bool]] = {
    "curate": lambda told: told.done == 26,
    "dataset": lambda told: told.done == 72,
    "train": lambda told: told.stage == "training" and told.done == 236,
    "rewrite": lambda told: str(told.values.get("delta", "")).startswith("deprived"),
}
_FAULTS = {
    "curate": "styles/unconducted_chorus_full.txt: no paragraph of 60 words or more; lower min_para_words",
    "dataset": "the disk is full; nothing was written; free some space and try again",
    "train": "out of memory; a smaller rank, a shorter sequence length or a smaller model needs less",
    "rewrite": "a paragraph of 900 words is longer than 600; divide it with blank lines",
}


def rewrite(workspace: Workspace, params: dict[str, Any], report: Report, _: Control) -> dict[str, Any]:
    """The street's own job, with something to read."""
    words = [[f"{word} " for word in voice.split()] for voice in VOICES]
    for at in range(max(map(len, words))):
        for number, voice in enumerate(words):
            report(Progress("rewrite", values={"variation": number, "delta": "".join(voice[at : at + 1])}))
    missing = {"kind": "name", "message": "name Harbour Commissioners is missing", "weight": 1.0, "severe": False}
    variations = [
        {"text": voice, "words": len(voice.split()), "findings": [missing] if number else []}
        for number, voice in enumerate(VOICES)
    ]
    step = dict.fromkeys(("source", "told", "expanded"), params["text"]) | {"neutral": params["text"], "fallback": ""}
    step |= {"noised": params["text"], "prompt": f"[INPUT]: {params['text']}", "decoded": VOICES[0]}
    result = {"author": AUTHOR, "variations": variations, "best": variations[0], "steps": [step], "marks": []}
    return result | {"prompt": "", "turn": street_host._remember(workspace, params, variations, result)}


def _sides(*values: float) -> dict[str, Value | None]:
    """Figures of the sides in the order of a card's columns, each with an interval."""
    names = ("rewritten", "untrained", "neutral", "author")
    found = {name: Value(at, round(0.9 * at, 3), round(1.02 * at, 3)) for name, at in zip(names, values, strict=True)}
    return {**found, "copy": Value(0.0, 0.0, 0.0), "memorised": Value(0.0, 0.0, 0.0)}


CARD = Card(
    author=AUTHOR,
    passages=24,
    variations=1,
    strength=1.0,
    joint=_sides(0.81, 0.2, 0.0, 1.0),
    style=_sides(0.78, 0.12, 0.0, 1.0),
    meaning=_sides(0.84, 0.63, 0.95, 1.0),
    measures=[
        Measure(name=title, group=group, title=title, unit=unit, better="author", what="", sides=_sides(*values))
        for group, title, unit, values in (
            ("rhythm", "words a sentence", "words", (19.0, 14.0, 9.0, 24.0)),
            ("rhythm", "spread of sentence length", "", (9.2, 6.1, 3.9, 12.4)),
            ("vocabulary", "key words per 1,000", "", (21.0, 6.0, 4.0, 26.0)),
            ("meaning", "names and numbers kept", "%", (0.98, 0.61, 1.0, 1.0)),
            ("memorisation", "longest span of the author's", "words", (8.0, 7.0, 7.0, 8.0)),
        )
    ],
    distance_neutral=0.31,
    distance_untrained=0.29,
    distance_rewritten=0.18,
    distance_author=0.14,
    gap_closed=0.78,
    gap_closed_untrained=0.12,
    facts=45,
    facts_kept=44,
    facts_kept_untrained=27,
    copied=0,
    findings={},
    samples=[
        Sample(
            passage="95f246f50854",
            plain=PASSAGE,
            untrained=PASSAGE,
            rewritten=VOICES[0],
            author=STYLED,
            findings=["name Harbour Commissioners is missing"],
        )
    ],
)


def check(workspace: Workspace, params: dict[str, Any], report: Report, _: Control) -> dict[str, Any]:
    """The street's own job, with a card that has its columns and is kept."""
    for n in range(24):
        report(Progress("check: adapter", n + 1, 24))
    adapter = workspace.root / "lora_adapters" / str(params.get("adapter") or slug(params["author"]))
    os.utime(save_card(adapter, CARD), (NOW - 60,) * 2)
    return msgspec.to_builtins(CARD)


JOBS = {**street_host.JOBS, "rewrite": rewrite, "check": check}


def lay(workspace: Workspace, last: str, state: str) -> None:
    """The street up to the job `last`, which is ``full`` (done), ``busy``, ``failed``; nothing at all if ``empty``."""
    if state == "empty":
        return
    book(workspace)
    for number, kind in enumerate(STAGES[: STAGES.index(last) + 1]):
        params = {"author": AUTHOR, **_PARAMS[kind]}
        cut = kind == last and state != "full"
        error = _FAULTS[kind] if cut and state == "failed" else ""
        running = _MIDWAY[kind] if cut else None
        act(workspace, kind, params, start=NOW - 3600 * (4 - number), running=running, error=error)
        if kind == "dataset" and not cut:
            pairs(workspace)
        for path in workspace.root.rglob("*"):
            if path.is_file() and path.stat().st_mtime > NOW:
                os.utime(path, (NOW - 3600 * (4 - number),) * 2)


def freeze(patch: pytest.MonkeyPatch) -> None:
    """One time zone and one moment."""
    patch.setenv("TZ", "UTC")
    time.tzset()
    patch.setattr(time, "time", lambda: NOW)
    for name in ("NO_COLOR", "COLORTERM", "TEXTUAL_THEME"):
        patch.delenv(name, raising=False)


@asynccontextmanager
async def still(
    workspace: Workspace | None, size: tuple[int, int] = (120, 40), screen: str = "corpus"
) -> AsyncIterator[Pilot[None]]:
    """The app on `screen`, settled."""
    app = StillApp(workspace, here=Path("/home/you/novels"), screen=screen)
    async with app.run_test(size=size) as pilot:
        await settle(pilot, lambda: workspace is None or bool(app.client and app.survey))
        yield pilot


async def settle(pilot: Pilot[None], ready: Callable[[], bool] = lambda: True) -> None:
    """Go on until nothing has changed on the screen for a while."""
    quiet, before = 0, ""
    async with asyncio.timeout(15):
        while quiet < 8 or not ready():
            await asyncio.sleep(0.02)
            now = shown(pilot)
            quiet, before = (quiet + 1 if now == before else 0), now


def text(pilot: Pilot[None]) -> str:
    """What is shown, line by line, without trailing blanks."""
    return "\n".join(line.rstrip() for line in shown(pilot).splitlines()) + "\n"


def drawn(pilot: Pilot[None]) -> str:
    """The same as an SVG, without the fonts that its viewer would fetch."""
    return re.sub(r"\s*@font-face \{.*?\}", "", pilot.app.export_screenshot(), flags=re.DOTALL)
