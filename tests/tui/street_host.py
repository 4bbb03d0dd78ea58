"""A real host whose jobs walk the street in miniature: they report and leave files as the real ones do, without a
model. ``python street_host.py WORKSPACE``. A job with a parameter or an author named in `GATES` waits for a file."""

from __future__ import annotations

import logging
import math
import random
import sys
import time
from pathlib import Path
from typing import Any

import msgspec
import tomli_w

from engine.errors import StyloraError
from engine.host.server import serve
from engine.progress import Progress, Report
from engine.workspace import Workspace

PROSE = (
    "The wheel, which nobody had oiled since the second flood, went on turning in the dark below the mill, and it "
    "seemed to me [as I lay awake] that the whole of the town had been hung from it like a clock from its weight."
)


def _pause(workspace: Workspace, name: str, report: Report) -> None:
    """While the file `hold-<name>` exists, the job stays where it is, and can be cancelled."""
    while (workspace.root / f"hold-{name}").exists():
        report(Progress(name))
        time.sleep(0.01)


def curate(workspace: Workspace, params: dict[str, Any], report: Report) -> dict[str, Any]:
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
        "dropped": {"too short": {"pieces": 12, "words": 190}},
    }
    pieces = [
        {"reason": reason, "source": "book.txt", "line": 7, "words": 4, "text": f"1. [A {reason}]"}
        for reason in removed
    ]
    rows = [header, {"id": "a1", "source": "book.txt", "line": 1, "words": 45}, *pieces]
    corpus.with_suffix(".curation.jsonl").write_bytes(b"".join(msgspec.json.encode(row) + b"\n" for row in rows))
    return {"output": str(corpus), "passages": 212, "words": 14203, "tokens": 18460}


def dataset(workspace: Workspace, params: dict[str, Any], report: Report) -> dict[str, Any]:
    folder = workspace.dataset(params["author"])
    folder.mkdir(parents=True, exist_ok=True)
    kinds = ["original", "snowflake", "robustness", "plural", "third", "impersonal"]
    rows = []
    for n in range(120):
        report(Progress("dataset", n + 1, 120, values={"pairs": n}))
        neutral = f"{n}. There was a wheel below the mill. It was not oiled. It turned at night."
        text = f"You are the Systems Theologian.\n\n{neutral}\n\n###\n\n{PROSE}"
        start = len(text) - len(PROSE)
        row = {"text": text, "loss_start": start, "kind": kinds[n % 6], "input": "standard", "content": "narrative"}
        rows.append(row | {"passage": f"p{n}", "neutral": neutral})
    _pause(workspace, "dataset", report)
    (folder / "train.jsonl").write_bytes(b"".join(msgspec.json.encode(row) + b"\n" for row in rows))
    checks = [
        {"name": "enough examples", "passed": True, "detail": "120 training pairs"},
        {"name": "all perspectives", "passed": not params["skip_perspective"], "detail": "plural, third, impersonal"},
        {"name": "no refusals", "passed": True, "detail": "0 of 120"},
    ]
    counts = dict.fromkeys(kinds, 20)
    manifest = {
        "author": params["author"],
        "rows": {"train": 120, "valid": 8, "test": 8},
        "counts": counts,
        "inputs": {"standard": 120},
        "dropped": {"snowflake: names differ": 14, "third: leftover first person": 3},
        "checks": checks,
    }
    (folder / "manifest.toml").write_text(tomli_w.dumps(manifest))
    return {"output": str(folder), "rows": manifest["rows"], "counts": counts}


def train(workspace: Workspace, params: dict[str, Any], report: Report) -> dict[str, Any]:
    report(Progress("load", message="loading smollm2-135m"))
    valid = None
    draw, smoothed, updates = random.Random(7), 4.1, params.get("updates", 240)
    for n in range(1, updates + 1):
        loss = 2.9 + 1.2 * math.exp(-n / 70) + draw.gauss(0, 0.16)
        smoothed = 0.93 * smoothed + 0.07 * loss
        values: dict[str, Any] = {
            "update": n,
            "epoch": n / updates * 2.2,
            "loss": math.nan if 100 < n < 104 else loss,
            "smoothed": smoothed,
            "learning_rate": params.get("learning_rate", 1e-5),
            "gradient_norm": 0.8,
            "tokens_per_second": 103.0,
            "eta": (updates - n) * 2.5,
        }
        message = ""
        if n % 40 == 0:
            valid = 2.95 + 1.1 * math.exp(-n / 80) + (0.05 if n > 200 else 0)
            message = f"update {n}: validation {valid:.3f}, checkpoint saved"
        values["valid"] = valid  # the latest, in every report
        report(Progress("training", n, updates, message, values))
        time.sleep(params.get("pace", 0))
    _pause(workspace, "train", report)
    folder = workspace.adapter(params["author"])
    folder.mkdir(parents=True, exist_ok=True)
    for name in ("adapters.safetensors", "recipe.toml"):
        (folder / name).touch()
    result = {"updates": updates, "first_valid_loss": 4.05, "best_valid_loss": 3.05, "stopped": "done"}
    (folder / "run.toml").write_text(tomli_w.dumps({"config": {"rank": 32}, "result": result}))
    return {"adapter": str(folder), "valid_before": 4.05, "valid_after": 3.05, **result}


def rewrite(workspace: Workspace, params: dict[str, Any], report: Report) -> dict[str, Any]:
    if "refuse" in params["text"]:
        raise StyloraError("a paragraph of 900 words is longer than 600; divide it with blank lines")
    words = [f"{word} " for word in PROSE.split()]
    for at, word in enumerate(words):
        for variation in range(params["variations"]):
            report(Progress("rewrite", values={"variation": variation, "delta": word}))
        if at == 4:
            _pause(workspace, "rewrite", report)
    findings = [[], [{"kind": "number", "message": "number 1848 is missing", "weight": 1.0}]]
    variations = [
        {"text": PROSE, "words": len(words), "findings": findings[n % 2]} for n in range(params["variations"])
    ]
    return {"author": params["author"], "variations": variations, "prompt": ""}


def demo(workspace: Workspace, params: dict[str, Any], report: Report) -> dict[str, Any]:
    author = {"author": workspace.settings.author}
    report(Progress("model", message="preparing smollm2-135m"))
    curate(workspace, {**author, "input": []}, report)
    dataset(workspace, {**author, "skip_perspective": False}, report)
    trained = train(workspace, author, report)
    trained = {"first_valid_loss": trained["valid_before"], "best_valid_loss": trained["valid_after"]}
    return {"trained": trained, "card": check(workspace, author, report)}


def check(workspace: Workspace, params: dict[str, Any], report: Report) -> dict[str, Any]:
    for n in range(8):
        report(Progress("check: rewriting", n + 1, 8))
    sample = {"plain": "A wheel turned.", "untrained": "A wheel.", "rewritten": PROSE, "author": PROSE, "findings": []}
    figures = {"gap_closed": 0.66, "gap_closed_untrained": 0.08, "facts": 45, "facts_kept": 41}
    return {**figures, "samples": [sample]}


JOBS = {function.__name__: function for function in (curate, dataset, train, rewrite, check, demo)}

if __name__ == "__main__":
    logging.basicConfig(stream=sys.stderr, level=logging.INFO)
    serve(Workspace.find(Path(sys.argv[1])), JOBS, 0.2)
