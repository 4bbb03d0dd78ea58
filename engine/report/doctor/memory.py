"""Failed jobs, and among them the first row of the troubleshooting table: those that memory ran out under."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from engine.errors import StyloraError
from engine.report.doctor.evidence import Failure
from engine.report.doctor.finding import Finding, Fix, fix, ill

_LONGEST = 200
"""Characters of an error's line."""


def failed(failures: Sequence[Failure]) -> Iterator[Finding]:
    """A finding for each failed job. Its error says what to do, except where Metal, MLX, NumPy or C++ had no memory."""
    from engine.training.machine import is_out_of_memory

    for failure in failures:
        if not is_out_of_memory(StyloraError(failure.error)):
            yield ill(f"{failure.kind}: failed", _first(failure.error))
            continue
        fixes = _training(failure) if failure.kind in ("train", "plan", "demo") else _writing(failure)
        yield ill(
            f"{failure.kind}: out of memory",
            _first(failure.error),
            "the largest step needs more than this machine has for it",
            *fixes,
            symptom="out of memory",
        )


def _training(failure: Failure) -> Iterator[Fix]:
    """The mission's ladder, and first what climbs down it by itself. The scale stays: it is what strength means."""
    params = failure.params
    same = [
        part
        for name in ("config", "author", "adapter", "model", "data", "epochs", "minutes", "learning_rate", "num_layers")
        if failure.kind != "demo" and params.get(name) is not None
        for part in (f"--{name.replace('_', '-')}", str(params[name]))
    ]
    train = ("train", *same)
    yield fix("take the first settings that fit", (*train, "--auto-fit", "--fresh"))
    if params.get("grad_checkpoint") is not True:
        yield fix("compute activations twice; goes on with the run", (*train, "--grad-checkpoint"))
    rank = params.get("rank")
    if not isinstance(rank, int) or rank > 16:
        yield fix("a smaller adapter, at the same scale", (*train, "--grad-checkpoint", "--rank", "16", "--fresh"))
    smaller = (*train, "--grad-checkpoint", "--rank", "16", "--max-seq-length", "1024", "--fresh")
    yield fix("leave out rows of more than 1,024 tokens", smaller)


def _writing(failure: Failure) -> Iterator[Fix]:
    yield fix("see which model fits here", "models")
    if failure.kind in ("check", "sweep"):
        named = tuple(part for name in ("author", "adapter") if failure.params.get(name)
                      for part in (f"--{name}", str(failure.params[name])))  # fmt: skip
        few = (failure.kind, *named, "--variations", "1", "--passages", "8")
        yield fix("measure with one variation of few passages", few)


def _first(error: str) -> str:
    line = " ".join(error.split())
    return line if len(line) <= _LONGEST else line[: _LONGEST - 1] + "…"
