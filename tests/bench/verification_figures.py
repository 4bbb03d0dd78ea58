"""What verification finds: faults planted in genuine pairs, and alarms on pairs that have none.

    python tests/bench/verification_figures.py CORPUS [CORPUS ...] [--each 50] [--half second] [--draw NAME] [--json]

A genuine pair is a passage of the author as the "rewrite" of its own neutral text, made by the rules. Thresholds are
calibrated on 100 passages of one half of each corpus, and every figure is taken over passages of the other half (as
many faults of each kind as --each says over all corpora, drawn with a fixed seed). With --defaults nothing is
calibrated. Copied spans are looked for in all of the author's other passages.

A fault counts as found when a finding of its own kind is severe; a negation also where it is mild. A pair is a false
alarm when anything severe is found in it ("severe"), or anything that counts against it ("any").
"""

from __future__ import annotations

import argparse
import difflib
import itertools
import json
import random
import sys
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from engine.generation.calibration import PASSAGES, calibrate  # noqa: E402
from engine.generation.faults import ANSWERS, FAULTS  # noqa: E402
from engine.generation.limits import DEFAULT, Limits  # noqa: E402
from engine.generation.rewriter import settled  # noqa: E402
from engine.generation.verify import Verdict, verify, verify_all  # noqa: E402
from engine.measures.degeneration import CorpusIndex  # noqa: E402
from engine.neutral import open_neutralizer  # noqa: E402

FOUND, ALARMS = 0.95, 0.05
"""At least this share of each fault, and at most this share of genuine pairs."""
TIMED = 12


@dataclass(frozen=True)
class Author:
    """One corpus, its thresholds, and the pairs the figures are taken over."""

    name: str
    passages: list[str]
    limits: Limits
    pairs: list[tuple[str, str]]
    others: list[str]
    corpus: CorpusIndex
    seconds: float
    """Processor seconds of the calibration."""


def drawn(stem: str, half: str, draw: str, indices: Sequence[int], count: int) -> list[int]:
    """`count` of `indices`, as a draw of that name takes them."""
    return random.Random(f"figures:{stem}:{half}{draw}").sample(indices, min(count, len(indices)))


def prepare(
    path: Path, half: str, count: int, calibrated: bool, draw: str, burnt: Sequence[str] = (), part: int = 0
) -> Author:
    passages = [" ".join(one.split()) for one in path.read_text(encoding="utf-8").split("\n\n") if one.strip()]
    middle = len(passages) // 2
    halves = {"first": range(middle), "second": range(middle, len(passages))}
    other = "first" if half == "second" else "second"
    used = sorted(drawn(path.stem, half, draw, halves[half], count))
    if burnt:
        seen = {index for name in burnt for index in drawn(path.stem, half, name, halves[half], count)}
        fresh = [index for index in halves[half] if index not in seen]
        used = sorted(drawn(path.stem, half, draw, fresh, len(fresh))[part * count : (part + 1) * count])
    rules = open_neutralizer("rules")

    def pairs(indices: Sequence[int]) -> list[tuple[str, str]]:
        styled = [passages[index] for index in indices]
        return list(zip(rules.neutralize(styled), styled, strict=True))

    limits, seconds = DEFAULT, 0.0
    if calibrated:
        learnt = sorted(random.Random(f"calibrate:{path.stem}").sample(halves[other], min(PASSAGES, middle)))
        rest = [passage for index, passage in enumerate(passages) if index not in set(learnt)]
        clock = time.process_time()
        limits = calibrate(pairs(learnt), rest, author=path.stem)
        seconds = time.process_time() - clock
    others = [passage for index, passage in enumerate(passages) if index not in set(used)]
    return Author(path.stem, passages, limits, pairs(used), others, CorpusIndex(others), seconds)


def severe(verdict: Verdict) -> set[str]:
    return {finding.kind for finding in verdict.findings if finding.severe}


def against(verdict: Verdict) -> set[str]:
    return {finding.kind for finding in verdict.findings if finding.weight > 0}


def planted(author: Author, each: int, missed: list[str]) -> dict[str, tuple[int, int]]:
    """Faults found and planted, by kind."""
    figures = {}
    for fault, plant in FAULTS.items():
        found, seen = 0, set[str]()
        # A fault that few passages have room for (a number, a name) is planted in some of them twice, in two places.
        for turn, (number, (neutral, styled)) in itertools.product(range(4), enumerate(author.pairs)):
            faulty = plant(styled, random.Random(f"figures:{author.name}:{fault}:{number}:{turn}"), author.others)
            if faulty is None or faulty == styled or faulty in seen or len(seen) == each:
                continue
            seen.add(faulty)
            verdict = verify(neutral, faulty, corpus=author.corpus, limits=author.limits)
            kinds = against(verdict) if fault == "negation flip" else severe(verdict)
            if kinds & ANSWERS[fault]:
                found += 1
            else:
                missed.append(
                    f"{author.name} {number} {fault}: {sorted(against(verdict))}: {_difference(styled, faulty)}"
                )
        figures[fault] = (found, len(seen))
    return figures


def _difference(styled: str, faulty: str) -> str:
    before, after = styled.split(), faulty.split()
    matcher = difflib.SequenceMatcher(None, before, after, autojunk=False)
    changes = [
        (" ".join(before[a:b]), " ".join(after[c:d])) for kind, a, b, c, d in matcher.get_opcodes() if kind != "equal"
    ]
    return "; ".join(f"{old[:60]!r} -> {new[:60]!r}" for old, new in changes)


def milliseconds(author: Author) -> float:
    """Processor time to verify five variations of a passage, on average."""
    pairs = author.pairs[:TIMED]
    clock = time.process_time()
    for number, (neutral, styled) in enumerate(pairs):
        made = [plant(styled, random.Random(str(number)), author.others) or styled for plant in FAULTS.values()][:4]
        verify_all(neutral, [styled, *made], finishes=["stop"] * 5, corpus=author.corpus, limits=author.limits)
    return 1000 * (time.process_time() - clock) / len(pairs)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("corpus", nargs="+", type=Path)
    parser.add_argument("--each", type=int, default=50)
    parser.add_argument("--passages", type=int, default=75, help="pairs taken from each corpus")
    parser.add_argument("--half", choices=["first", "second"], default="second", help="the half that is reported on")
    parser.add_argument("--draw", default="", help="another name takes other passages of the same half")
    parser.add_argument("--burnt", nargs="*", default=(), metavar="DRAW", help="take only passages these draws left")
    parser.add_argument("--part", type=int, default=0, help="with --burnt: 1 takes others than 0 of the same draw")
    parser.add_argument("--defaults", action="store_true", help="judge by the defaults, not by a calibration")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    authors = [
        prepare(path, options.half, options.passages, not options.defaults, options.draw, options.burnt, options.part)
        for path in options.corpus
    ]
    missed: list[str] = []
    faults: dict[str, list[int]] = {fault: [0, 0] for fault in FAULTS}
    alarms: Counter[str] = Counter()
    kinds: Counter[str] = Counter()
    pairs = unchanged = passages = 0
    for author in authors:
        for fault, (found, count) in planted(author, options.each // len(authors), missed).items():
            faults[fault][0] += found
            faults[fault][1] += count
        for number, (neutral, styled) in enumerate(author.pairs):
            verdict = verify(neutral, styled, corpus=author.corpus, limits=author.limits)
            pairs += 1
            alarms["severe"] += bool(severe(verdict))
            alarms["any"] += bool(against(verdict))
            kinds.update(against(verdict))
            if against(verdict):
                missed.append(f"{author.name} {number} genuine: {[one.message for one in verdict.findings]}")
        passages += len(author.passages)
        unchanged += sum(settled(passage) == passage for passage in author.passages)
    result = {
        "faults": {fault: {"found": found, "planted": count} for fault, (found, count) in faults.items()},
        "pairs": pairs,
        "alarms": dict(alarms),
        "kinds": dict(kinds),
        "passages": passages,
        "unchanged": unchanged,
        "milliseconds": {author.name: round(milliseconds(author), 1) for author in authors},
        "calibration_seconds": {author.name: round(author.seconds, 1) for author in authors},
    }
    if options.json:
        print(json.dumps({**result, "cases": missed}, indent=1))
        return
    for fault, (found, count) in faults.items():
        wanted = "" if fault == "negation flip" else f"  wanted {FOUND:.0%}  {_met(found >= FOUND * count)}"
        print(f"{fault:18} {found:4} of {count:4} found  {found / max(count, 1):6.1%}{wanted}")
    for kind in ("severe", "any"):
        share = alarms[kind] / pairs
        line = f"false alarms, {kind:6} {alarms[kind]:3} of {pairs}  {share:6.1%}"
        print(f"{line}  wanted {ALARMS:.0%}  {_met(share <= ALARMS)}")
    print(f"by kind: {dict(kinds)}")
    print(f"post-step leaves unchanged {unchanged} of {passages} genuine passages  {_met(unchanged == passages)}")
    print(f"processor ms to verify five variations: {result['milliseconds']}")
    print(f"processor s to calibrate: {result['calibration_seconds']}")
    for line in missed:
        print("  ", line[:240])


def _met(met: bool) -> str:
    return "met" if met else "MISSED"


if __name__ == "__main__":
    main()
