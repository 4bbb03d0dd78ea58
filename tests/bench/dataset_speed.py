"""Speed of the pair builder beside a bare spaCy pass (tagger, parser, named entities) over the texts it neutralises.

    python tests/bench/dataset_speed.py BOOK [--passages 120] [--turns 3] [--workers 2]

A builder with one process and the bare pass take turns; the medians of their CPU-seconds are compared per word
neutralised. Pairs a second are stated by the wall clock, for one process and for --workers. Peak memory is that of the
building process (and of its largest worker).
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import random
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))
WORLDVIEW = ROOT / "prompts" / "default_worldview.txt"


def building(corpus: Path, workers: int) -> dict[str, Any]:
    """Build once in this process, its pipeline loaded beforehand."""
    from engine import language
    from engine.dataset.build import build
    from engine.dataset.rows import SPLITS, read_rows, split_file
    from engine.measures import facts, meaning

    # What the first text would load, since the bare pass has loaded its pipeline too.
    facts.facts(language.parse("A man of Nantucket saw 3 ships in 1840."))
    meaning.encode(["A man of Nantucket saw 3 ships in 1840."])
    with tempfile.TemporaryDirectory() as folder:
        began, cpu = time.monotonic(), _cpu()
        build(corpus, Path(folder), author="The Author", worldview=WORLDVIEW, workers=workers)
        seconds, cpu = time.monotonic() - began, _cpu() - cpu
        rows = [row for split in SPLITS for row in read_rows(split_file(Path(folder), split))]
    texts = list(dict.fromkeys(row.styled for row in rows))
    return {"seconds": seconds, "cpu": cpu, "rows": len(rows), "texts": texts, **_memory()}


def bare(texts: list[str]) -> dict[str, Any]:
    """The pass that any reader of these texts with spaCy pays: the stock pipeline, in batches."""
    import spacy

    from engine.language import PIPELINE

    stock = spacy.load(PIPELINE)
    stock("Warm.")
    began, cpu = time.monotonic(), _cpu()
    for _ in stock.pipe(texts, batch_size=64):
        pass
    return {"seconds": time.monotonic() - began, "cpu": _cpu() - cpu, **_memory()}


def _cpu() -> float:
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(one.ru_utime + one.ru_stime for one in used)


def _memory() -> dict[str, float]:
    unit = 1 if sys.platform == "darwin" else 1024
    used = [resource.getrusage(who).ru_maxrss for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return {"megabytes": used[0] * unit / 1e6, "worker_megabytes": used[1] * unit / 1e6}


def in_child(*arguments: str) -> dict[str, Any]:
    """One measurement in a process of its own: no cache and no memory of the one before."""
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    run = subprocess.run(
        [sys.executable, __file__, *arguments], capture_output=True, text=True, check=True, env=environment
    )
    measured: dict[str, Any] = json.loads(run.stdout)
    return measured


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("book", type=Path, nargs="?")
    parser.add_argument("--passages", type=int, default=120)
    parser.add_argument("--turns", type=int, default=3)
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--measure", nargs=2, help=argparse.SUPPRESS)
    parser.add_argument("--texts", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.measure:
        corpus, workers = arguments.measure
        print(json.dumps(building(Path(corpus), int(workers))))
        return
    if arguments.texts:
        print(json.dumps(bare(json.loads(arguments.texts.read_text()))))
        return
    if arguments.book is None:
        parser.error("give a BOOK")
    from engine.curation.corpus import read_corpus
    from engine.curation.curate import curate

    with tempfile.TemporaryDirectory() as folder:
        corpus, listed = Path(folder) / "corpus.txt", Path(folder) / "texts.json"
        curate([arguments.book], corpus)
        passages = [passage.text for passage in read_corpus(corpus)]
        random.Random("bench:passages").shuffle(passages)
        corpus.write_text("\n\n".join(passages[: arguments.passages]) + "\n", encoding="utf-8")
        corpus.with_suffix(".curation.jsonl").unlink(missing_ok=True)
        ours, theirs = [], []
        for _ in range(arguments.turns):
            ours.append(in_child("--measure", str(corpus), "1"))
            listed.write_text(json.dumps(ours[-1]["texts"]))
            theirs.append(in_child("--texts", str(listed)))
        many = in_child("--measure", str(corpus), str(arguments.workers))
    words = sum(len(text.split()) for text in ours[0]["texts"])
    cpu = statistics.median(one["cpu"] for one in ours)
    wall = statistics.median(one["seconds"] for one in ours)
    plain = statistics.median(one["cpu"] for one in theirs)
    machine = f"{os.cpu_count()} cores, {platform.processor() or platform.machine()}"
    rows, per_word = ours[0]["rows"], 1e6 / words
    print(f"machine: {machine}, Python {platform.python_version()}; medians of {arguments.turns}")
    print(f"{len(ours[0]['texts'])} texts of {words:,} words neutralised, {rows} rows")
    print(f"bare spaCy pass   {plain:6.1f} CPU-s   {plain * per_word:6.0f} us a word")
    print(
        f"whole builder     {cpu:6.1f} CPU-s   {cpu * per_word:6.0f} us a word   {cpu / plain:.2f} times the bare pass"
    )
    print(f"pairs a second    {rows / wall:6.1f} by one process, {rows / many['seconds']:.1f} by {arguments.workers}")
    print(
        f"peak memory       {max(one['megabytes'] for one in ours):6.0f} MB one process; "
        f"{many['megabytes']:.0f} and {many['worker_megabytes']:.0f} a worker; "
        f"{max(one['megabytes'] for one in theirs):.0f} the bare pass"
    )


if __name__ == "__main__":
    main()
