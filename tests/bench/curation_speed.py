"""Speed and memory of curation against one bare spaCy pass over the same text.

    python tests/bench/curation_speed.py BOOK [BOOK ...] [--minutes 5] [--sample 20000] [--grow 10000000]

The bare pass is the installed English pipeline with the parts that the rest of the street uses: tagger and parser,
with and without NER, on paragraphs in batches, one process. It is slow, so it runs on a seeded sample of paragraphs of
about --sample words and is scaled to the book by words. Curation runs whole: reading, cleaning, cutting, gates,
near-duplicates, tokens counted with the embedded model's own tokenizer, selection, writing. Every measurement is a
process of its own; the sides take turns, and the medians of all turns are compared. Times are those of the work
itself, in wall-clock and in CPU seconds, imports and loading a pipeline or tokenizer aside; on a busy machine compare
the CPU seconds, with OMP_NUM_THREADS=1. Peak memory is that of the curating process, as the system reports it.

With --grow, the books' own sentences are drawn anew into paragraphs until there are so many words: a shelf of a size
that no single author fills, without the near-duplicates that would make it small again.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import re
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from random import Random

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))
SIDES = ("curation", "spaCy: tagger, parser", "spaCy: tagger, parser, NER")


def paragraphs(books: list[Path]) -> list[str]:
    """The books' paragraphs, lines joined; a file that is not plain text is read as curation reads it."""
    from engine.curation.reading import gather, read

    found: list[str] = []
    for book in gather(books):
        lines = [line.text.strip() for line in read(book).lines()]
        found += [" ".join(part.split()) for part in re.split(r"\n\s*\n", "\n".join(lines)) if part.strip()]
    return found


def sample(texts: list[str], words: int) -> list[str]:
    chosen: list[str] = []
    count = 0
    for text in Random("bench:curation:0").sample(texts, len(texts)):
        if count >= words:
            break
        chosen.append(text)
        count += len(text.split())
    return chosen


def grown(books: list[Path], words: int, path: Path) -> Path:
    """A file of about `words` words: the books' sentences in paragraphs of 60 to 160 words, in a seeded order."""
    draw = Random("bench:grow:0")
    sentences = [part for text in paragraphs(books) for part in re.split(r"(?<=[.!?])\s+", text) if part]
    with path.open("w", encoding="utf-8") as file:
        total = 0
        while total < words:
            target, paragraph, count = draw.randrange(60, 160), [], 0
            while count < target:
                paragraph.append(draw.choice(sentences))
                count += len(paragraph[-1].split())
            file.write(" ".join(paragraph) + "\n\n")
            total += count
    return path


def curation(books: list[Path], tokenizer: Path) -> dict[str, float]:
    """One whole curation; the count of words is that of the books."""
    from tokenizers import Tokenizer

    from engine.curation.curate import curate

    loaded = Tokenizer.from_file(str(tokenizer))

    def count(texts: list[str]) -> list[int]:
        return [len(encoding) for encoding in loaded.encode_batch(texts, add_special_tokens=False)]

    count(["warm"])
    with tempfile.TemporaryDirectory() as folder:
        start, used = time.perf_counter(), time.process_time()
        made = curate(books, Path(folder) / "corpus.txt", count_tokens=count)
        seconds, cpu = time.perf_counter() - start, time.process_time() - used
    return {"seconds": seconds, "cpu": cpu, "words": made.words_in, "passages": made.passages}


def bare(books: list[Path], words: int, *, ner: bool) -> dict[str, float]:
    """One pass of the pipeline over the sample."""
    import spacy

    from engine.language import PIPELINE

    nlp = spacy.load(PIPELINE, exclude=[] if ner else ["ner"])
    texts = sample(paragraphs(books), words)
    list(nlp.pipe(texts[:2]))
    start, used = time.perf_counter(), time.process_time()
    for _ in nlp.pipe(texts, batch_size=64):
        pass
    seconds, cpu = time.perf_counter() - start, time.process_time() - used
    return {"seconds": seconds, "cpu": cpu, "words": float(sum(len(text.split()) for text in texts))}


def child(side: str, books: list[Path], words: int, tokenizer: Path) -> dict[str, float]:
    """One measurement in a process of its own."""
    arguments = ["--child", side, "--sample", str(words), "--tokenizer", str(tokenizer), *map(str, books)]
    done = subprocess.run([sys.executable, __file__, *arguments], capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"{side}: {done.stderr.strip()[-500:]}")
    return dict(json.loads(done.stdout.splitlines()[-1]))


def line(side: str, found: dict[str, float], words: float) -> str:
    scale = words / found["words"]
    whole = "" if side == "curation" else f", scaled from {found['words']:,.0f} words"
    return (
        f"{scale * found['seconds']:7.1f} s  {scale * found['cpu']:7.1f} CPU-s  "
        f"{found['words'] / found['cpu']:8,.0f} words per CPU-s  {found['peak']:4.0f} MB{whole}"
    )


def machine() -> str:
    file = Path("/proc/cpuinfo")
    cpu = re.search(r"model name\s*: (.+)", file.read_text()) if file.exists() else None
    name = cpu[1] if cpu else platform.processor()
    return (
        f"{platform.system()} {platform.machine()}, {name}, {os.cpu_count()} cores, Python {platform.python_version()}"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("books", nargs="+", type=Path, metavar="BOOK", help="a file or folder")
    parser.add_argument("--minutes", type=float, default=5.0, help="turns are taken until this much time has gone by")
    parser.add_argument("--sample", type=int, default=20_000, help="words of the sample for the bare pass")
    parser.add_argument("--grow", type=int, default=0, metavar="WORDS", help="make a corpus of so many words of them")
    parser.add_argument("--child", choices=SIDES, help=argparse.SUPPRESS)
    parser.add_argument("--tokenizer", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        if options.child == "curation":
            found = curation(options.books, options.tokenizer)
        else:
            found = bare(options.books, options.sample, ner="NER" in options.child)
        unit = 2**20 if sys.platform == "darwin" else 2**10
        found["peak"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / unit
        print(json.dumps(found))
        return
    print(machine())
    with tempfile.TemporaryDirectory() as folder:
        from engine.models import embedded

        embedded.make(Path(folder) / "embedded")
        if options.grow:
            options.books = [grown(options.books, options.grow, Path(folder) / "grown.txt")]
        results: dict[str, list[dict[str, float]]] = {side: [] for side in SIDES}
        end = time.monotonic() + 60 * options.minutes
        while not results[SIDES[-1]] or time.monotonic() < end:
            for side in SIDES:
                found = child(side, options.books, options.sample, Path(folder) / "embedded" / "tokenizer.json")
                results[side].append(found)
                print(f"  {side:28} {line(side, found, results['curation'][0]['words'])}", flush=True)
    medians = {
        side: {key: statistics.median(turn[key] for turn in turns) for key in turns[0]}
        for side, turns in results.items()
    }
    ours = medians["curation"]
    print(f"medians of {len(results['curation'])} turns, {ours['words']:,.0f} words, {ours['passages']:,.0f} passages:")
    for side, found in medians.items():
        print(f"  {side:28} {line(side, found, ours['words'])}")
        if side != "curation":
            scale = ours["words"] / found["words"]
            ratio = ours["cpu"] / (scale * found["cpu"])
            clock = ours["seconds"] / (scale * found["seconds"])
            print(f"  {'':28} curation takes {ratio:.2f} of it (CPU), {clock:.2f} (clock)")


if __name__ == "__main__":
    main()
