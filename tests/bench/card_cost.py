"""What a report card costs: wall time and processor seconds by part, for one adapter of a workspace.

    python tests/bench/card_cost.py WORKSPACE [--passages 24] [--variations 1] [--fresh] [--json]

Run it in a quiet machine. The first card of a dataset also makes the untrained model's side and the plain texts of the
author, which are kept for the next; --fresh forgets them first. "Generation" is the adapter's rewriting with all of its
verification, as `stylora rewrite` does it; everything else is the card's own.
"""

from __future__ import annotations

import argparse
import json
import shutil
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from engine.host import report_jobs  # noqa: E402
from engine.models import acceleration  # noqa: E402
from engine.progress import silent  # noqa: E402
from engine.workspace import Workspace  # noqa: E402

WALL, OWN = 180.0, 0.10
"""A card of 24 passages takes at most this many seconds on two cores, and this share of it is the card's own."""


class Clock:
    """Wall and processor seconds by part."""

    def __init__(self) -> None:
        self.parts: dict[str, list[float]] = {}

    def timed(self, name: str, work: Callable[..., Any]) -> Callable[..., Any]:
        def measured(*given: Any, **options: Any) -> Any:
            wall, own = time.perf_counter(), time.process_time()
            try:
                return work(*given, **options)
            finally:
                part = self.parts.setdefault(name, [0.0, 0.0])
                part[0] += time.perf_counter() - wall
                part[1] += time.process_time() - own

        return measured


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("workspace", type=Path)
    parser.add_argument("--passages", type=int, default=24)
    parser.add_argument("--variations", type=int, default=1)
    parser.add_argument("--fresh", action="store_true", help="forget what earlier cards kept")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    workspace = Workspace.find(options.workspace)
    if options.fresh:
        shutil.rmtree(workspace.private / "cards", ignore_errors=True)
    acceleration.accelerate()
    from engine.report import card

    clock = Clock()

    def rewritten(*given: Any) -> Any:
        return clock.timed("base generation" if given[3] == 0 else "generation", plain)(*given)

    plain, card._rewritten = card._rewritten, rewritten  # type: ignore[assignment]
    for name, part in (
        ("prepare", "author"), ("_base", "base, all"), ("_read", "perplexity"), ("measured", "sides"),
        ("parts", "joint"), ("measures", "lines and intervals"), ("tried", "modern texts and nouns"),
    ):  # fmt: skip
        setattr(card, name, clock.timed(part, getattr(card, name)))
    for name, part in (("open_rewriter", "loading"), ("calibrated", "calibration")):
        setattr(report_jobs, name, clock.timed(part, getattr(report_jobs, name)))
    wall, own = time.perf_counter(), time.process_time()
    made = report_jobs.check(workspace, silent, passages=options.passages, variations=options.variations)
    wall, own = time.perf_counter() - wall, time.process_time() - own
    parts = {name: {"wall": round(one[0], 2), "processor": round(one[1], 2)} for name, one in clock.parts.items()}
    apart = ("loading", "calibration", "base, all", "generation")
    rest = wall - sum(clock.parts.get(name, [0.0, 0.0])[0] for name in apart)
    rest_own = own - sum(clock.parts.get(name, [0.0, 0.0])[1] for name in apart)
    generation = clock.parts["generation"]
    result = {
        "passages": made["passages"],
        "inputs": len(made["trials"]),
        "wall": round(wall, 1),
        "processor": round(own, 1),
        "parts": parts,
        "own": {"wall": round(rest, 2), "processor": round(rest_own, 2)},
        "own_share": round(rest_own / generation[1], 4),
        "own_share_wall": round(rest / generation[0], 4),
    }
    if options.json:
        print(json.dumps(result, indent=1))
        return
    for name, one in parts.items():
        print(f"{name:24} {one['wall']:8.2f} s wall {one['processor']:8.2f} s processor")
    print(f"{'card, all':24} {wall:8.1f} s wall {own:8.1f} s processor  (at most {WALL:.0f} s wall)")
    print(
        f"the card's own: {rest:.1f} s wall, {rest_own:.1f} s processor, {rest_own / generation[1]:.1%} of generation"
    )
    print(f"{'met' if wall <= WALL and rest_own <= OWN * generation[1] else 'MISSED'}")


if __name__ == "__main__":
    main()
