"""A training curve: whether a run learnt, too little or too much, or fell apart.

Losses are means over trained tokens; validation is always over the same rows, so its points carry no sampling noise.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from engine.report.doctor.evidence import Training
from engine.report.doctor.finding import Finding, Fix, fix, ill, well

ROSE = 0.02
"""Share of its best value that validation has to rise by, while training falls, to be called overfitting. Chosen: two
validations of the same weights are equal to the last bit, and a run at a low rate wavers by a few thousandths."""

LEARNT = 0.03
"""Share of the untrained loss that validation has to fall by. Chosen: the embedded model's fell by .40 in 154 updates
of one author, and by .39 in the 88 of a ten-minute demo of another."""

STILL_FALLING = 0.25
"""Part of a run's whole gain that came in its last quarter: a straight line, which no schedule that ends at a low rate
would leave of a run that has learnt what there is. Chosen."""

BROKE = 1.3
"""Training loss, smoothed over about ten updates, over its earlier minimum: a run that stays above for ten updates has
broken. Chosen: two healthy runs of 154 and 88 updates had peaks of 1.13 and 1.09, and stayed above 1.04 and 1.01."""
HIGHEST = 1e-3
"""Learning rate above which no further try is made. Chosen: the embedded model's demo trains with it, larger models
with a hundredth of it."""
_STAYS = 10
_OPTIONS = ("rank", "learning_rate", "epochs", "max_seq_length", "num_layers", "grad_checkpoint", "patience")
"""Settings of a training that are options of ``train``; the others are those of `stylora.toml`."""

FEWEST = 60
"""Updates below which too little was learnt for want of updates, above for want of rate. Chosen: three times the
warm-up."""


def curve(run: Training) -> Finding | None:
    """The one thing to be said of how a run went; None where it left nothing to judge by."""
    name = f"training {run.name}"
    train = [point for point in run.train if point.loss is not None]
    found = next(_troubles(run, name), None)
    if found is not None:
        return found
    if not run.valid and not train:
        return None
    if len(run.valid) > 1:
        best = min(run.valid[1:], key=lambda point: point[1])
        return well(name, f"validation loss {run.valid[0][1]:.3f} to {best[1]:.3f} at update {best[0]}; {_ended(run)}")
    last = train[-1].loss if train else run.valid[-1][1]
    return well(name, f"loss {last:.3f} after {run.updates} update{'s' * (run.updates != 1)}; {_ended(run)}")


def _ended(run: Training) -> str:
    """How a run came to its end, for people."""
    told = {"time": "ended at its time limit", "patience": "ended when nothing was learnt any more", "": "ended"}
    return told.get(run.status, run.status)


def _troubles(run: Training, name: str) -> Iterator[Finding]:
    if run.valid and not run.updates and run.status == "time":
        why = "its time limit was over before the first update"
        yield ill(name, "not trained: no update was made", why, *longer(run, 1))
        return
    yield from _broken(run, name)
    yield from _overfit(run, name)
    yield from _underfit(run, name)


def overfit_since(run: Training) -> int | None:
    """The update of the best validation, where it rose from there while training went on falling."""
    if len(run.valid) < 3:
        return None
    best, lowest = min(run.valid, key=lambda point: point[1])
    later = [loss for update, loss in run.valid if update > best]
    if not later or later[-1] < lowest * (1 + ROSE):
        return None
    then, now = _train_at(run, best), _train_at(run, run.valid[-1][0])
    return best if then is None or now is None or now < then else None


def _train_at(run: Training, update: int) -> float | None:
    found = [point.loss for point in run.train if point.update <= update and point.loss is not None]
    return found[-1] if found else None


def _broken(run: Training, name: str) -> Iterator[Finding]:
    lost = sum(point.loss is None for point in run.train)
    lower = _slower(run, 4)
    if run.setbacks or lost:
        seen = f"the loss was no number {run.setbacks or lost} time{'s' * ((run.setbacks or lost) != 1)}"
        yield ill(name, f"diverged: {seen}", f"the learning rate of {_rate(run)} is too high", *lower)
        return
    losses = [point.loss for point in run.train if point.loss is not None]
    lowest = float("inf")
    for at, loss in enumerate(losses):
        lowest = min(lowest, loss) if at >= _STAYS else lowest
        if len(losses) >= at + _STAYS and min(losses[at : at + _STAYS]) > BROKE * lowest:
            rose = f"rose from {lowest:.3f} to {max(losses[at:]):.3f}"
            yield ill(name, f"broke: training loss {rose}", f"the learning rate of {_rate(run)} is too high", *lower)
            return
    if len(run.valid) > 1 and run.valid[-1][1] > run.valid[0][1]:
        seen = f"validation loss ended at {run.valid[-1][1]:.3f}, above the untrained model's {run.valid[0][1]:.3f}"
        yield ill(name, f"worse than untrained: {seen}", f"the learning rate of {_rate(run)} is too high", *lower)


def _overfit(run: Training, name: str) -> Iterator[Finding]:
    best = overfit_since(run)
    if best is None:
        return
    losses = dict(run.valid)
    seen = f"validation loss rose from {losses[best]:.3f} at update {best} to {run.valid[-1][1]:.3f}"
    kept = f"; the adapter in place is the one of update {run.best_update}" if run.best_update == best else ""
    yield ill(
        name, f"overfitted: {seen} while training fell{kept}", "it went on after there was nothing to learn",
        *shorter(run, best),
    )  # fmt: skip


def _underfit(run: Training, name: str) -> Iterator[Finding]:
    if len(run.valid) < 2 or run.status in ("running", "interrupted", "cancelled"):
        return
    first, best = run.valid[0][1], min(loss for _, loss in run.valid[1:])
    if first - best < LEARNT * first:
        seen = f"validation loss went from {first:.3f} to {best:.3f} in {run.updates} updates"
        if run.updates < FEWEST:
            yield ill(name, f"hardly learnt: {seen}", "too few updates", *longer(run, 4))
        else:
            rate = _times(run, 5)
            yield ill(name, f"hardly learnt: {seen}", f"the learning rate of {_rate(run)} is too low", *rate)
        return
    last = run.valid[-1][0]
    before = [loss for update, loss in run.valid if update <= 0.75 * last]
    if len(run.valid) >= 5 and before and min(before) - best > STILL_FALLING * (first - best):
        share = (min(before) - best) / (first - best)
        seen = f"{share:.0%} of all that validation loss fell by came in the last quarter of the run"
        yield ill(name, f"stopped too early: {seen}", "it was still learning", *longer(run, 2))


def _rate(run: Training) -> str:
    rate = run.config.get("learning_rate")
    return f"{rate:g}" if isinstance(rate, int | float) else "this run"


def retrain(run: Training, words: str, **changes: object) -> Fix:
    """Train the same adapter afresh, with the options it had and `changes`, which are options of ``train``."""
    had: dict[str, Any] = {name: getattr(run, name) or None for name in ("author", "model")}
    had |= {name: run.config.get(name) for name in _OPTIONS}
    if isinstance(limit := run.config.get("time_limit"), int | float):
        had["minutes"] = limit / 60
    told = []
    for name, value in {**had, **changes}.items():
        if isinstance(value, bool):
            told.append(f"--{'' if value else 'no-'}{name.replace('_', '-')}")
        elif value not in (None, "auto", -1):  # -1 layers are all of them
            told += [f"--{name.replace('_', '-')}", f"{value:g}" if isinstance(value, float) else str(value)]
    return fix(words, ("train", "--adapter", run.name, *told, "--fresh"))


def shorter(run: Training, update: int) -> tuple[Fix, ...]:
    """Train anew and stop where validation was best."""
    if not run.per_epoch or not update:
        return (retrain(run, "train anew, and stop when validation rises", patience=2),)
    epochs = max(0.01, round(update / run.per_epoch, 2))
    return (retrain(run, f"train anew for {epochs:g} epochs, to where validation was best", epochs=epochs),)


def longer(run: Training, times: int) -> tuple[Fix, ...]:
    if run.status == "time":
        return (retrain(run, "train it anew with no time limit", minutes=None),)
    epochs = run.updates / run.per_epoch if run.per_epoch else None
    more = max(0.01, round(times * epochs, 2)) if epochs else float(run.config.get("epochs", 2.2)) * times
    return (retrain(run, f"train anew, {times} times as long", epochs=more, minutes=None),)


def _times(run: Training, factor: float) -> tuple[Fix, ...]:
    rate = run.config.get("learning_rate")
    return (
        (retrain(run, f"train anew at {factor:g} times the rate", learning_rate=float(rate) * factor),) if rate else ()
    )


def _slower(run: Training, by: float) -> tuple[Fix, ...]:
    rate = run.config.get("learning_rate")
    if not rate:
        return ()
    if float(rate) / by > HIGHEST:
        return (retrain(run, f"train anew at a rate of {HIGHEST:g}", learning_rate=HIGHEST),)
    return (retrain(run, f"train anew at 1/{by:g} of the rate", learning_rate=float(rate) / by),)
