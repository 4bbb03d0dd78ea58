"""The numbers of screen 3: what a training would be, and what it has come to."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from textual.content import Content

from engine.host.journal import JobState
from engine.host.runs import RUNNING, Run
from engine.host.survey import AuthorState, ModelState, Survey
from tui import keymap, text
from tui.curve import Curve
from tui.screens.training_words import key
from tui.widgets.figures import TILE

_GIB = 1 << 30

Tile = tuple[str, str] | tuple[str, str, str]


def number(value: object) -> float | None:
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None


def memory(value: object) -> str:
    """Bytes as GiB, MiB below one."""
    size = number(value)
    if size is None:
        return "–"
    return f"{size / _GIB:.2f} GiB" if size >= _GIB else f"{size / (1 << 20):.0f} MiB"


def tiles(
    last: Mapping[str, object], total: float | None, best: tuple[float, float] | None, running: bool
) -> list[Tile]:
    """The figures to see at a glance, the most wanted first."""
    update, planned = text.whole(number(last.get("update"))), text.whole(total)
    if total and len(f"{update} / {planned}") < TILE:
        update += f" / {planned}"
    return [
        ("loss", text.number(last.get("smoothed", last.get("loss"))), "$primary"),
        ("validation", text.number(last.get("valid")), "$secondary"),
        ("update", update),
        *([("time left", text.duration(number(last.get("eta"))))] if running else []),
        ("★ best", f"{text.number(best[1])} @{text.compact(best[0])}" if best else "–", "$success"),
        ("tokens/s", text.whole(number(last.get("tokens_per_second")))),
        ("epoch", text.number(last.get("epoch"), 2)),
        ("rate", text.rate(last.get("learning_rate"))),
        ("memory", memory(last.get("memory_peak", last.get("memory")))),
        ("gradient", text.number(last.get("gradient_norm"), 2)),
    ]


def figures(
    last: Mapping[str, object], total: float | None, curve: Curve, state: JobState | None, run: Run | None
) -> list[tuple[str, str]]:
    """All there is to know of the run, name by name."""
    running = state.active if state else bool(run and run.status == RUNNING)
    first = curve.valid[0] if curve.valid else None
    rows = [
        ("update", f"{text.whole(number(last.get('update')))} of {text.whole(total)}"),
        ("epoch", text.number(last.get("epoch"), 2)),
        ("loss", text.number(last.get("loss"), 4)),
        ("loss, smoothed", text.number(last.get("smoothed"), 4)),
        ("validation", text.number(last.get("valid"), 4)),
        ("validation, first", f"{text.number(first[1], 4)} at update {text.whole(first[0])}" if first else "–"),
        ("★ best", f"{text.number(curve.best[1], 4)} at update {text.whole(curve.best[0])}" if curve.best else "–"),
        ("learning rate", text.rate(last.get("learning_rate"))),
        ("gradient norm", text.number(last.get("gradient_norm"), 3)),
        ("tokens/s", text.whole(number(last.get("tokens_per_second")))),
        ("tokens seen", text.whole(number(last.get("tokens")))),
        ("time trained", text.duration(number(last.get("seconds")))),
        ("time left", f"about {text.duration(number(last.get('eta')))}" if running and "eta" in last else "–"),
        ("memory, active", memory(last.get("memory"))),
        ("memory, cache", memory(last.get("memory_cache"))),
        ("memory, peak", memory(last.get("memory_peak"))),
    ]
    return rows + [(name, _short(value)) for name, value in (run.config.items() if run else ()) if name in _SHOWN]


_SHOWN = ("rank", "scale", "dropout", "batch_size", "grad_accumulation", "epochs", "max_seq_length", "steps_per_eval")


def _short(value: object) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)


# -- before the start ---------------------------------------------------------------------------------------


def model_of(survey: Survey) -> ModelState | None:
    """The base model the settings name, or else the first there is."""
    models = survey.models
    return next((m for m in models if m.name == survey.settings.base_model), models[0] if models else None)


def updates(survey: Survey, rows: int, epochs: float) -> int:
    settings = survey.settings.training
    return max(1, math.ceil(rows * epochs / (settings.batch_size * settings.grad_accumulation)))


def epochs_of(number: float) -> str:
    """1 epoch, 2.5 epochs."""
    return f"{number:g} {'epoch' if number == 1 else 'epochs'}"


def plan_page(
    author: AuthorState,
    survey: Survey,
    planning: str,
    step: str,
    *,
    demo: bool = False,
    params: Mapping[str, Any] | None = None,
) -> Content:
    """What a training with the workspace's settings would be, and what to press; `planning` while that is found out,
    `step` is what is missing for one. A `demo` under way has settings of its own, and a training those of its
    `params`."""
    params, settings = params or {}, survey.settings.training
    epochs = float(params.get("epochs") or settings.epochs)
    lines = [("Voice", author.name)]
    if author.dataset:
        rows = author.dataset.rows.get("train", 0)
        lines.append(("Pairs", text.whole(rows)))
    if demo:
        lines.append(("Settings", "the demo's own: a small model, for as long as there is time"))
    elif author.dataset:
        lines.append(("Updates", f"about {text.whole(updates(survey, rows, epochs))} in {epochs_of(epochs)}"))
    model = next((one for one in survey.models if one.name == params.get("model")), None) or model_of(survey)
    if model and not demo:
        here = (
            "" if model.present or model.source == "package" else f", not here yet: press {key('model')} to prepare it"
        )
        lines.append(("Model", f"{model.name}{here}"))
    if not demo:
        rank, scale = params.get("rank") or settings.rank, params.get("scale") or settings.scale
        rate = text.rate(params.get("learning_rate") or settings.learning_rate, exact=True)
        lines.append(("LoRA", f"rank {rank}, scale {scale:g}, rate {rate}"))
    hint = (
        planning
        or step
        or f"Press {key('train')} to train again, or {keymap.key('app.go-rewrite')} to rewrite with the adapter."
    )
    return Content("\n").join(
        [
            *(Content.assemble((f"{name:<9}", "$quiet"), (value, "$foreground")) for name, value in lines),
            Content(""),
            Content.styled(f"→ {hint}", "$secondary"),
        ]
    )
