"""A real host whose jobs walk the street in miniature: they report and leave files as the real ones do, without a
model. ``python street_host.py WORKSPACE``. A job with a parameter or an author named in `GATES` waits for a file."""

from __future__ import annotations

import logging
import math
import random
import shutil
import sys
import time
from pathlib import Path
from typing import Any

import msgspec
import tomli_w

from engine.control import Control
from engine.curation.pieces import BEYOND
from engine.errors import StyloraError
from engine.generation.conversation import Conversation, How, Written, grade
from engine.host.server import serve
from engine.progress import Progress, Report
from engine.recipe import Constraint, Neutralizing, Recipe, Worldview, save_recipe
from engine.workspace import Workspace, slug
from engine.worldview import read_worldview

PROSE = (
    "The wheel, which nobody had oiled since the second flood, went on turning in the dark below the mill, and it "
    "seemed to me [as I lay awake] that the whole of the town had been hung from it like a clock from its weight."
)


def _pause(workspace: Workspace, name: str, report: Report) -> None:
    """While the file `hold-<name>` exists, the job stays where it is, and can be cancelled."""
    while (workspace.root / f"hold-{name}").exists():
        report(Progress(name))
        time.sleep(0.01)


def _steered(workspace: Workspace, update: int, report: Report, control: Control) -> str:
    """`_pause` of a training, which tells what it is asked; returns how it ended."""
    paused = False
    while (workspace.root / "hold-train").exists():
        report(Progress("training", update, update))
        if control.paused != paused:
            paused = control.paused
            report(Progress("training", update, update, "paused" if paused else "going on", {"paused": paused}))
        for action, value in control.taken():
            if action == "stop":
                return "stopped"
            said = f"update {update}: checkpoint saved" if action == "checkpoint" else f"{action} {value or 'now'}"
            report(Progress("training", update, update, said))
        time.sleep(0.01)
    return "finished"


def curate(workspace: Workspace, params: dict[str, Any], report: Report, _: Control) -> dict[str, Any]:
    for n in range(40):
        report(Progress("curate", n + 1, 40, values={"passages": n}))
    _pause(workspace, "curate", report)
    corpus = workspace.corpus(params["author"])
    corpus.write_text("\n\n".join([PROSE] * 212))
    removed = {"footnotes": 1204, "preface": 861, "chapter titles": 122, "page numbers": 96}
    header = {
        "format": 1,
        "settings": {"min_para_words": 60},
        "passages": 212,
        "words": 14203,
        "tokens": 18460,
        "removed": {reason: {"pieces": 3, "words": words} for reason, words in removed.items()},
        "dropped": {"too short": {"pieces": 12, "words": 190}, BEYOND: {"pieces": 31, "words": 2100}},
        "corpus": corpus.name,
        "corpus_sha256": "",
        "inputs": [],
        "words_in": 16_700,
        "tokens_estimated": False,
        "healed": {},
        "thresholds": [
            {"min_para_words": least, "passages": 300 - least, "words": 15_000 - 10 * least} for least in (30, 60, 100)
        ],
    }
    pieces = [
        {"reason": reason, "source": "book.txt", "line": 7, "words": 4, "text": f"1. [A {reason}]"}
        for reason in (*removed, BEYOND)
    ]
    rows = [header, {"id": "a1", "source": "book.txt", "line": 1, "words": 45}, *pieces]
    corpus.with_suffix(".curation.jsonl").write_bytes(b"".join(msgspec.json.encode(row) + b"\n" for row in rows))
    return {"output": str(corpus), "passages": 212, "words": 14203, "tokens": 18460}


def _pair(n: int, kind: str) -> dict[str, Any]:
    neutral = f"{n}. There was a wheel below the mill. It was not oiled. It turned at night."
    head = "[SYSTEM ROLE]:\nYou are the Systems Theologian.\n\n[INSTRUCTION]:\n- Write long sentences.\n\n[INPUT]:\n"
    text = f"{head}{neutral}\n###\n{PROSE}"
    row = {"text": text, "loss_start": len(text) - len(PROSE), "kind": kind, "input": "standard"}
    return row | {"content": "narrative", "passage": f"p{n}", "neutral": neutral}


def _recipe(params: dict[str, Any], worldview: Worldview) -> Recipe:
    return Recipe(
        author=params["author"],
        prompt="1",
        worldview=worldview,
        constraints=(Constraint(text="Write long sentences.", test="long_sentences", chance=0.5, rate=0.8),),
        classifier="1",
        pipeline="en-1",
        neutral=Neutralizing(kind=params.get("neutralizer", "rules"), version="2"),
        noise_version="1",
        noise=params.get("noise", 0.08),
        robustness_noise=0.15,
        variants=("snowflake",),
        inputs=("standard",),
        seed=42,
    )


def dataset(workspace: Workspace, params: dict[str, Any], report: Report, _: Control) -> dict[str, Any]:
    folder = workspace.dataset(params["author"])
    folder.mkdir(parents=True, exist_ok=True)
    kinds = ["original", "snowflake", "robustness", "plural", "third", "impersonal"]
    rows = []
    for n in range(120):
        values: dict[str, Any] = {"pairs": n, "pairs_per_second": 7.2, "eta": 0.5 * (120 - n)}
        values |= {f"kind: {kind}": n // 6 for kind in kinds} | {"dropped: third: leftover first person": n // 40}
        values |= {"fallback: too short": n // 60}
        report(Progress("dataset", n + 1, 120, values=values))
        rows.append(_pair(n, kinds[n % 6]))
        if n == 80:
            _pause(workspace, "dataset", report)
    for split, count in (("train", 120), ("valid", 8), ("test", 8)):
        lines = [msgspec.json.encode(row) + b"\n" for row in rows[:count]]
        (folder / f"{split}.jsonl").write_bytes(b"".join(lines))
    spoken = {"plural", "third", "impersonal"} <= set(params.get("variants", kinds))
    checks = [
        {"name": "enough examples", "passed": True, "detail": "120 training pairs"},
        {"name": "all perspectives", "passed": spoken, "detail": "plural, third, impersonal"},
        {"name": "no refusals", "passed": True, "detail": "0 of 120"},
    ]
    counts = dict.fromkeys(kinds, 20)
    manifest = {
        "author": params["author"],
        "rows": {"train": 120, "valid": 8, "test": 8},
        "counts": counts,
        "inputs": {"standard": 120},
        "dropped": {"snowflake: names differ": 14, "third: leftover first person": 3},
        "fallbacks": {"too short": 2},
        "retried": {"plural": 5},
        "corpus": {"passages": 40},
        "checks": checks,
    }
    worldview = Path(params.get("worldview") or workspace.worldview(params["author"]))
    save_recipe(_recipe(params, read_worldview(worldview, params["author"])), folder / "recipe.toml")
    (folder / "manifest.toml").write_text(tomli_w.dumps(manifest))
    return {"output": str(folder), "rows": manifest["rows"], "counts": counts}


def plan(workspace: Workspace, params: dict[str, Any], report: Report, _: Control) -> dict[str, Any]:
    _pause(workspace, "plan", report)
    fits = params.get("rank", 64) <= 64
    return {
        "examples": 120,
        "updates": 66,
        "time": "12 min",
        "time_known": "as fast as second was",
        "peak": 3 << 30,
        "available": 8 << 30,
        "memory": {"weights": 2 << 30, "optimizer": 1 << 30},
        "grad_checkpoint": False,
        "verdict": "fits" if fits else "will not fit",
        "advice": [] if fits else ["rank: 32"],
    }


def _journal(folder: Path, kind: str, update: int, values: dict[str, Any]) -> None:
    with (folder / "journal.jsonl").open("ab") as file:
        file.write(msgspec.json.encode({"kind": kind, "update": update, **values}) + b"\n")


def _sample(folder: Path, update: int, report: Report) -> None:
    """What the model writes for two held-out rows: every forty updates seven words more of the author's."""
    for number in range(2):
        text = " ".join(PROSE.split()[number : number + update // 6])
        cut = not PROSE.endswith(text)
        pair = _pair(number, "original")
        prompt = pair["text"][: pair["loss_start"]]
        _journal(folder, "sample", update, {"sample": number, "prompt": prompt, "text": text, "cut": cut})
        values: dict[str, Any] = {"update": update, "sample": number, "text": text, "cut": cut}
        report(Progress("sample", number + 1, 2, f"update {update} writes: {text[:40]}{'…' * cut}", values))


def _checkpoint(folder: Path, update: int, params: dict[str, Any], stopped: str | None) -> None:
    path = folder / "checkpoints" / f"update-{update:07}"
    path.mkdir(parents=True, exist_ok=True)
    config = {"rank": params.get("rank", 32), "learning_rate": params.get("learning_rate", 1e-5)}
    state = {"update": update, "config": config, "stopped": stopped, "data": "d", "base": "b", "first_valid": 4.05}
    (path / "state.json").write_bytes(msgspec.json.encode({**state, "best_valid": 3.05, "best_update": update}))


def train(workspace: Workspace, params: dict[str, Any], report: Report, control: Control) -> dict[str, Any]:
    report(Progress("load", message="loading smollm2-135m"))
    _pause(workspace, "load", report)
    folder = workspace.root / "lora_adapters" / (params.get("adapter") or slug(params["author"]))
    folder.mkdir(parents=True, exist_ok=True)
    saved = sorted((folder / "checkpoints").glob("*"))
    begun = 0 if (folder / "run.toml").exists() or not saved else int(saved[-1].name.removeprefix("update-"))
    if not begun:
        shutil.rmtree(folder / "checkpoints", ignore_errors=True)
        (folder / "journal.jsonl").write_bytes(b"")
    (folder / "run.toml").unlink(missing_ok=True)
    valid = None
    draw, smoothed, updates = random.Random(7), 4.1, params.get("updates", 240)
    with control.heard():  # from the first step on, as a real one
        for n in range(1, updates + 1):
            loss = 2.9 + 1.2 * math.exp(-n / 70) + draw.gauss(0, 0.16)
            smoothed = 0.93 * smoothed + 0.07 * loss
            if n <= begun:  # a run that goes on
                continue
            values: dict[str, Any] = {
                "update": n,
                "epoch": n / updates * 2.2,
                "loss": math.nan if 100 < n < 104 else loss,
                "smoothed": smoothed,
                "learning_rate": params.get("learning_rate", 1e-5),
                "gradient_norm": 0.8,
                "tokens_per_second": 103.0,
                "tokens": 400 * n,
                "memory": 900 << 20,
                "memory_cache": 100 << 20,
                "memory_peak": 1200 << 20,
                "eta": (updates - n) * 2.5,
            }
            message = ""
            _journal(folder, "update", n, values)
            if n % 40 == 0:
                _sample(folder, n, report)
                valid = 2.95 + 1.1 * math.exp(-n / 80) + (0.05 if n > 200 else 0)
                message = f"update {n}: validation {valid:.3f}, checkpoint saved"
                _journal(folder, "validation", n, {"loss": valid})
            values["valid"] = valid  # the latest, in every report
            report(Progress("training", n, updates, message, values))
            if n == 120:
                _checkpoint(folder, n, params, None)
                if params.get("model") == "broken":
                    raise StyloraError("out of memory at update 120; a smaller rank needs less")
            time.sleep(params.get("pace", 0))
        stopped = _steered(workspace, updates, report, control)
    (folder / "adapters.safetensors").touch()
    (folder / "recipe.toml").write_text(tomli_w.dumps({"author": params["author"]}))
    _checkpoint(folder, updates, params, stopped)
    result = {"updates": updates, "first_valid_loss": 4.05, "best_valid_loss": 3.05, "stopped": stopped}
    run = {"config": {"rank": params.get("rank", 32)}, "planned_updates": updates, "data": "d", "result": result}
    (folder / "run.toml").write_text(tomli_w.dumps(run))
    return {"adapter": str(folder), "valid_before": 4.05, "valid_after": 3.05, **result}


def _finding(n: int) -> list[dict[str, Any]]:
    number = {"kind": "number", "message": "number 1848 is missing", "weight": 1.0, "severe": n % 4 == 3}
    return [number] if n % 2 else []


def rewrite(workspace: Workspace, params: dict[str, Any], report: Report, control: Control) -> dict[str, Any]:
    if "refuse" in params["text"]:
        raise StyloraError("a paragraph of 900 words is longer than 600; divide it with blank lines")
    live = {"update": 120} if "hold-train" in {path.name for path in workspace.root.iterdir()} else {}
    if "load" in params["text"]:
        report(Progress("load", message="loading tiny"))
        _pause(workspace, "load", report)
    if live:
        report(Progress("rewrite", message="answered by the running training", values=live))
    count = params.get("variations") or len(_sides(params))
    words = [f"{word} " for word in PROSE.split()]
    for at, word in enumerate(words):
        for variation in range(count):
            report(Progress("rewrite", values={"variation": variation, "delta": word}))
        if at == 4:
            _pause(workspace, "rewrite", report)
    variations = [
        {"text": PROSE.replace("wheel", f"wheel {n}") if n else PROSE, "words": len(words), "findings": _finding(n)}
        for n in range(count)
    ]
    step = {"source": params["text"], "told": params["text"], "expanded": params["text"], "neutral": "A plain wheel."}
    step |= {"noised": "A plian wheel.", "prompt": "[INPUT]: A plian wheel.", "decoded": PROSE, "fallback": ""}
    result = {"author": params.get("author", ""), "variations": variations, "best": variations[0], "steps": [step]}
    result |= {"marks": ["by the running training, at update 120"] if live else [], "prompt": ""}
    return result | {"turn": _remember(workspace, params, result["variations"], result)}


def _sides(params: dict[str, Any]) -> list[float]:
    return params.get("strengths", [])


def _remember(workspace: Workspace, params: dict[str, Any], told: list[dict[str, Any]], result: dict[str, Any]) -> int:
    adapter = params.get("adapter") or (params.get("adapters") or [slug(params.get("author") or "")])[0]
    written = [
        Written(
            text=one["text"],
            findings=tuple(finding["message"] for finding in one["findings"]),
            grades=tuple(grade(finding) for finding in one["findings"]),
            label=one.get("label", ""),
        )
        for one in told
    ]
    of = params.get("again")
    how: How = "compared" if "sides" in result else "again" if of else "asked"
    settings = {name: value for name, value in params.items() if name not in ("text", "author", "again")}
    turn = Conversation(workspace, workspace.root / "lora_adapters" / adapter).add(
        params["text"],
        written,
        settings=settings,
        steps=result.get("steps", ()),
        marks=result.get("marks", ()),
        how=how,
        of=of,
    )
    return turn.number


def compare(workspace: Workspace, params: dict[str, Any], report: Report, control: Control) -> dict[str, Any]:
    made = [f"strength {strength:g}" for strength in _sides(params)]
    for n, label in enumerate(made):
        report(Progress("rewrite", values={"variation": n, "delta": label}))
    _pause(workspace, "compare", report)
    sides = [{"label": label, "text": f"{PROSE} {label}", "findings": _finding(n)} for n, label in enumerate(made)]
    return {"seed": 42, "sides": sides, "turn": _remember(workspace, params, sides, {"sides": sides})}


def demo(workspace: Workspace, params: dict[str, Any], report: Report, control: Control) -> dict[str, Any]:
    author = {"author": workspace.settings.author}
    report(Progress("model", message="preparing smollm2-135m"))
    curate(workspace, {**author, "input": []}, report, control)
    dataset(workspace, {**author, "skip_perspective": False}, report, control)
    trained = train(workspace, author, report, control)
    trained = {"first_valid_loss": trained["valid_before"], "best_valid_loss": trained["valid_after"]}
    return {"trained": trained, "card": check(workspace, author, report, control)}


def check(workspace: Workspace, params: dict[str, Any], report: Report, _: Control) -> dict[str, Any]:
    for n in range(8):
        report(Progress("check: rewriting", n + 1, 8))
    sample = {"plain": "A wheel turned.", "untrained": "A wheel.", "rewritten": PROSE, "author": PROSE, "findings": []}
    figures = {"gap_closed": 0.66, "gap_closed_untrained": 0.08, "facts": 45, "facts_kept": 41}
    return {**figures, "samples": [sample]}


def sweep(workspace: Workspace, params: dict[str, Any], report: Report, _: Control) -> dict[str, Any]:
    rows = []
    for n, (checkpoint, strength) in enumerate([(40, 0.75), (40, 1.0), (80, 0.75), (80, 1.0)]):
        cell = {"checkpoint": checkpoint, "strength": strength}
        joint = 0.4 + checkpoint / 1000 + strength / 10
        values = {"joint": joint, "low": joint - 0.05, "high": joint + 0.05, "style": joint, "meaning": 0.9 - n / 20}
        values |= {"gap_closed": joint, "facts_kept": 0.9, "severe": 1}
        report(Progress("sweep", n + 1, 4, values=cell | values))
        rows.append({"cell": cell, **values})
        if n == 1:
            _pause(workspace, "sweep", report)
    rows.sort(key=lambda row: -row["joint"])
    return {"rows": rows, "total": 4, "anchors": {"neutral": [0.0, 0.95], "author": [1.0, 1.0]}}


def blind(workspace: Workspace, params: dict[str, Any], report: Report, _: Control) -> dict[str, Any]:
    from engine.report import blind as trials

    inputs = tuple((f"n{n}", f"Source {n}.") for n in range(3))
    sides = [trials.Side(adapter=one) for one in params["sides"]]
    place = trials.begin(workspace.root / "blind", trials.Trial(sides=(sides[0], sides[1]), inputs=inputs, seed=1))
    for n in range(3):
        report(Progress("blind", n, 3))
        for side in (0, 1):
            trials.append(place, trials.Written(input=n, side=side, text=f"{PROSE} ({n} by {'XY'[side]})"))
    return {"folder": str(place), "inputs": 3, "votes": 0}


def use(workspace: Workspace, params: dict[str, Any], report: Report, _: Control) -> dict[str, Any]:
    (workspace.adapter(params["author"]) / "chosen.json").write_bytes(msgspec.json.encode(params))
    return {"line": f"checkpoint {params['checkpoint']}"}


JOBS = {
    function.__name__: function
    for function in (curate, dataset, plan, train, rewrite, compare, check, sweep, blind, use, demo)
}

if __name__ == "__main__":
    logging.basicConfig(stream=sys.stderr, level=logging.INFO)
    serve(Workspace.find(Path(sys.argv[1])), JOBS, 0.2)
