"""Whether the report card ranks checkpoints alike on one half of the held-out passages and on the other.

    python tests/bench/sweep_ranking.py WORKSPACE [--passages 24] [--checkpoints 25 50 ...] [--draws 1] [--strength 1]

Prints each checkpoint's joint score and validation loss, and Spearman's rank correlation between the halves (wanted: .7
or more), between a half and the other's style, and between the joint score and the validation loss. Nothing is changed
in the workspace but its caches.
"""

from __future__ import annotations

import argparse
import dataclasses
import sys
import time
from collections.abc import Sequence
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from engine.host import report_jobs, runs
from engine.host.model_jobs import adapter_folder
from engine.models.sampling import Sampling
from engine.progress import silent
from engine.report import card as cards
from engine.report import chosen
from engine.workspace import Workspace


def ranks(values: Sequence[float]) -> list[float]:
    """Ranks from 1, equal values sharing theirs."""
    ordered = sorted(values)
    return [ordered.index(value) + (ordered.count(value) + 1) / 2 for value in values]


def spearman(one: Sequence[float], other: Sequence[float]) -> float:
    """Pearson's correlation of the ranks."""
    a, b = ranks(one), ranks(other)
    middle_a, middle_b = sum(a) / len(a), sum(b) / len(b)
    both = sum((x - middle_a) * (y - middle_b) for x, y in zip(a, b, strict=True))
    spread = (sum((x - middle_a) ** 2 for x in a) * sum((y - middle_b) ** 2 for y in b)) ** 0.5
    return both / spread if spread else float("nan")


def main() -> None:
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("workspace", type=Path)
    asked.add_argument("--adapter", default=None)
    asked.add_argument("--passages", type=int, default=24, help="in both halves together")
    asked.add_argument("--checkpoints", type=int, nargs="*", default=None)
    asked.add_argument("--draws", type=int, default=1, help="seeds that each passage is written with")
    asked.add_argument("--strength", type=float, default=1.0)
    told = asked.parse_args()
    workspace = Workspace.find(told.workspace)
    folder = adapter_folder(workspace, told.adapter)
    updates = told.checkpoints or [update for update in chosen.updates_of(folder) if update]
    if len(updates) < 3:
        sys.exit(f"{folder} keeps the checkpoints {updates}; train with a larger [training] keep for six of them")
    opener = report_jobs._Opener(workspace, folder, silent)
    author = opener.recipe.author
    dataset, corpus = workspace.dataset(author), workspace.corpus(author)
    cache = workspace.private / "cards"
    sampling = Sampling.of(workspace.settings.rewrite)
    whole = None
    scores: list[tuple[float, float]] = []
    styles: list[tuple[float, float]] = []
    began = time.monotonic()
    for update in updates:
        rewriter = opener.open(chosen.checkpoint_folder(folder, update))
        whole = whole or cards.prepare(
            author, dataset=dataset, corpus=corpus, passages=told.passages, styles=workspace.styles, cache=cache
        )
        found = []
        for half in (slice(0, None, 2), slice(1, None, 2)):
            against = dataclasses.replace(whole, held_out=whole.held_out[half], memorised=whole.memorised[half])
            made = cards.check(
                rewriter,
                dataset=dataset,
                corpus=corpus,
                draws=told.draws,
                strength=told.strength,
                sampling=sampling,
                inputs=(),
                against=against,
                checkpoint=f"update-{update:06d}",
                cache=cache,
            )
            joint, style = made.joint["rewritten"], made.style["rewritten"]
            found.append((joint.value if joint else 0.0, style.value if style else 0.0))
        scores.append((found[0][0], found[1][0]))
        styles.append((found[0][1], found[1][1]))
        print(f"checkpoint {update:>6}: joint {found[0][0]:.3f} and {found[1][0]:.3f}", flush=True)
    losses = dict(runs.curve(workspace, folder.name).valid)
    first, second = zip(*scores, strict=True)
    both = [(a + b) / 2 for a, b in scores]
    print(f"{len(updates)} checkpoints, {told.passages} passages, {time.monotonic() - began:.0f} s")
    print(f"Spearman between the halves, joint score: {spearman(first, second):.2f} (wanted: at least .70)")
    print(f"Spearman between the halves, style alone: {spearman(*zip(*styles, strict=True)):.2f}")
    if all(update in losses for update in updates):
        print(f"Spearman of joint score and falling loss: {spearman(both, [-losses[one] for one in updates]):.2f}")


if __name__ == "__main__":
    main()
