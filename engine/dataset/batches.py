"""Making rows batch by batch: by several processes, kept on disk as they come, picked up where a build stopped."""

from __future__ import annotations

import contextlib
import signal
import time
from collections import Counter, deque
from collections.abc import Generator, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, field
from multiprocessing import get_context
from pathlib import Path

import msgspec

from engine.curation.corpus import Passage
from engine.dataset.pairs import make_rows
from engine.dataset.rows import Row
from engine.dataset.split import Split
from engine.errors import StyloraError
from engine.neutral import ALONE, Neutralizer, open_neutralizer
from engine.progress import Progress, Report
from engine.recipe import Recipe
from engine.variation.engines import Engine, Rules
from engine.workspace import Workspace

BATCH = 16
"""Passages made at a time: what a killed build has to do again."""


class Batch(msgspec.Struct):
    """What one batch of passages gave, as kept on disk until the build is complete."""

    start: int
    rows: list[Row]
    dropped: dict[str, int]
    fallbacks: dict[str, int] = {}
    retried: dict[str, int] = {}


@dataclass
class Totals:
    """What the batches so far gave, without their rows."""

    kinds: Counter[str] = field(default_factory=Counter)
    dropped: Counter[str] = field(default_factory=Counter)
    fallbacks: Counter[str] = field(default_factory=Counter)
    retried: Counter[str] = field(default_factory=Counter)

    def add(self, other: Totals) -> None:
        self.kinds += other.kinds
        self.dropped += other.dropped
        self.fallbacks += other.fallbacks
        self.retried += other.retried


def _totals(batch: Batch) -> Totals:
    return Totals(
        Counter(row.kind for row in batch.rows),
        Counter(batch.dropped),
        Counter(batch.fallbacks),
        Counter(batch.retried),
    )


def make_all(
    passages: Sequence[tuple[Passage, Split]],
    recipe: Recipe,
    neutralizer: Neutralizer,
    partial: Path,
    workers: int,
    report: Report,
    workspace: Workspace | None = None,
    engine: Engine | None = None,
) -> Totals:
    """Make all rows, in passage order, into the file `partial`; batches that are there already are not made again.

    Some neutralizers and every `engine` but the rules must be run by one process; then there is none but this one.
    The others are opened by every worker for itself, in `workspace`.
    """
    finished = {batch.start: _totals(batch) for batch in _finished_batches(partial)}
    starts = range(0, len(passages), BATCH)
    missing = [start for start in starts if start not in finished]
    batches = _make_batches(
        [(start, passages[start : start + BATCH]) for start in missing],
        recipe,
        neutralizer,
        1 if neutralizer.kind in ALONE or not (engine is None or isinstance(engine, Rules)) else workers,
        workspace,
        engine,
    )
    began, before = time.monotonic(), sum(done.kinds.total() for done in finished.values())
    made, new = Totals(), 0
    with contextlib.closing(batches):
        for start in starts:
            done = finished.get(start)
            if done is None:
                batch = next(batches)
                _append(partial, batch)
                done = _totals(batch)
                new += 1
            made.add(done)
            pairs, seconds = made.kinds.total(), max(time.monotonic() - began, 1e-9)
            report(
                Progress(
                    "dataset",
                    min(start + BATCH, len(passages)),
                    len(passages),
                    values={
                        "pairs": pairs,
                        "dropped": made.dropped.total(),
                        "fallbacks": made.fallbacks.total(),
                        "pairs_per_second": max(pairs - before, 0) / seconds,
                        "eta": seconds / new * (len(missing) - new) if new else None,
                        **{f"kind: {kind}": count for kind, count in made.kinds.items()},
                        **{f"dropped: {reason}": count for reason, count in made.dropped.items()},
                        **{f"fallback: {reason}": count for reason, count in made.fallbacks.items()},
                    },
                )
            )
    return made


def rows_made(partial: Path) -> Iterator[Row]:
    """The rows of a complete `partial`, in passage order, one batch in memory at a time."""
    for batch in _finished_batches(partial):
        yield from batch.rows


Job = tuple[int, Sequence[tuple[Passage, Split]]]


def _make_batch(job: Job, recipe: Recipe, neutralizer: Neutralizer, engine: Engine | None = None) -> Batch:
    start, passages = job
    made = make_rows(passages, recipe, neutralizer, engine)
    return Batch(start, made.rows, dict(made.dropped), dict(made.fallbacks), dict(made.retried))


_worker: tuple[Recipe, Neutralizer] | None = None


def _become_worker(recipe: Recipe, workspace: Workspace | None) -> None:
    global _worker
    # Ctrl-C reaches every process of the terminal; only the parent decides what it means.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    _worker = recipe, open_neutralizer(recipe.neutral.kind, recipe.neutral.settings, workspace)


def _work(job: Job) -> Batch:
    assert _worker is not None
    return _make_batch(job, *_worker)


def _make_batches(
    jobs: Sequence[Job],
    recipe: Recipe,
    neutralizer: Neutralizer,
    workers: int,
    workspace: Workspace | None,
    engine: Engine | None,
) -> Generator[Batch, None, None]:
    """The batches in order; by `workers` processes where there is enough to do to pay for starting them."""
    workers = min(workers, len(jobs) // 2)
    if workers < 2:
        for job in jobs:
            yield _make_batch(job, recipe, neutralizer, engine)
        return
    pool = ProcessPoolExecutor(workers, get_context("spawn"), _become_worker, (recipe, workspace))
    try:
        waiting = deque(pool.submit(_work, job) for job in jobs[: 2 * workers])
        for following in [*jobs[2 * workers :], *[None] * len(waiting)]:
            yield waiting.popleft().result()
            if following is not None:
                waiting.append(pool.submit(_work, following))
    except BrokenProcessPool:
        raise StyloraError(
            "a worker process died, most likely for lack of memory; what is finished is kept: close other programs "
            "and start the same command again"
        ) from None
    finally:
        # Waited for: the interpreter would do so at its exit, where its own wake-up call may find the pipe closed.
        pool.shutdown(cancel_futures=True)


def _append(partial: Path, batch: Batch) -> None:
    try:
        partial.parent.mkdir(parents=True, exist_ok=True)
        with partial.open("ab") as file:
            file.write(msgspec.json.encode(batch) + b"\n")
            file.flush()
    except OSError as error:
        raise StyloraError(
            f"{partial.parent}: cannot be written ({error.strerror}); what is finished is kept; "
            "free some space and start the same command again"
        ) from None


def _finished_batches(partial: Path) -> Iterator[Batch]:
    """Batches of an earlier, stopped build. A torn last line is what was being written when it died: cut off."""
    if not partial.exists():
        return
    whole = 0
    with partial.open("rb") as file:
        for line in file:
            try:
                batch = msgspec.json.decode(line, type=Batch)
            except msgspec.MsgspecError:
                break
            whole += len(line)
            yield batch
    with partial.open("ab") as file:
        file.truncate(whole)
