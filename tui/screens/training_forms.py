"""What is asked before a training starts: its settings, its plan with the verdict, and an earlier run's fate."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from functools import partial
from typing import Any

from textual import on
from textual.widget import Widget
from textual.widgets import Input

from engine.errors import StyloraError
from engine.host.runs import Run
from engine.host.survey import AuthorState, ModelState, Survey
from tui import keymap, text
from tui.screens import training_figures as numbers
from tui.widgets.form import Field, Form, Values, count, positive
from tui.widgets.run_list import run_status

_GIB = 1 << 30
_FATES = (("no", "go on with it"), ("yes", "start afresh"))
_ENDED = frozenset({"finished", "patience"})


def _name(told: str) -> str:
    if told in (".", "..") or "/" in told or told.startswith("-"):
        raise StyloraError(f"Run name: {told!r} is no plain folder name")
    return told


def train_form(author: AuthorState, survey: Survey, runs: Sequence[Run]) -> Form:
    """Settings of a new training, from those of the workspace."""
    assert author.dataset
    settings, rows = survey.settings.training, author.dataset.rows.get("train", 0)
    model = numbers.model_of(survey)
    choices = [(one.name, f"{one.name}{_standing(one)}") for one in survey.models]
    known = {run.name: run for run in runs}

    def note(told: Values) -> str:
        updates = numbers.updates(survey, rows, told["epochs"])
        box = f", stopped after {told['minutes']:g} minutes" if told["minutes"] else ""
        said = (
            f"{text.whole(rows)} pairs × {numbers.epochs_of(told['epochs'])} = about {text.whole(updates)} updates{box}"
        )
        absent = [one for one in survey.models if [one.name] == told["model"] and not one.present]
        if absent and absent[0].source != "package":
            prepare = keymap.key("training.model")
            said += f"\n✗ {absent[0].name} is not here yet: Esc, then {prepare}, prepares it; or choose another."
        run = known.get(told["adapter"] or author.slug)
        if run is not None and run.checkpoints:
            said += f"\nlora_adapters/{run.name}: {text.some(run.updates, 'update')}, {run_status(run)}. "
            other = _otherwise(run, told)
            if told["fresh"] == ["yes"]:
                said += "Its curve and checkpoints go."
            elif other:
                said += f"It was begun with {other}: it cannot go on with these. Start afresh, or give a run name."
            elif run.status in _ENDED:
                said += "There is nothing to go on with. Start afresh, or give a run name."
            else:
                said += "It goes on with its own settings."
        return said

    fields = [
        Field("rank", "LoRA rank", str(settings.rank), kind=count),
        Field("learning_rate", "Learning rate", text.rate(settings.learning_rate, exact=True), kind=positive),
        Field("epochs", "Epochs", f"{settings.epochs:g}", kind=positive),
        Field("minutes", "Minutes at most", hint="empty: as long as it takes", kind=positive, optional=True),
        Field("adapter", "Run name", hint=f"empty: {author.slug}", kind=_name, optional=True),
    ]
    begun = {run.name for run in runs if run.checkpoints}
    if begun:
        # Even where that leads nowhere: a finished adapter is not thrown away by pressing Enter.
        fields.append(Field("fresh", "Earlier run there", choices=_FATES, ticked=["no"], inline=True))
    fields.append(Field("model", "Base model", choices=choices, ticked=[model.name] if model else (), one=True))
    if not any(field.name == "fresh" for field in fields):
        return Form(f"Train {author.name}", fields, lambda told: note({**told, "fresh": ["no"]}), send="train")
    return TrainForm(f"Train {author.name}", fields, note, begun, author.slug)


def _otherwise(run: Run, told: Mapping[str, Any]) -> str:
    """Settings of `run` that are not those of the form: ``rank 32, epochs 2``; empty where they agree."""
    shown: dict[str, Callable[[Any], str]] = {
        "rank": str,
        "learning_rate": partial(text.rate, exact=True),
        "epochs": lambda value: f"{value:g}",
    }
    other = [name for name in shown if run.config.get(name) is not None and run.config[name] != told[name]]
    return ", ".join(f"{name.replace('_', ' ')} {shown[name](run.config[name])}" for name in other)


class TrainForm(Form):
    """The form of a training; what becomes of an earlier run is asked only where the run name is that of one."""

    def __init__(
        self, title: str, fields: Sequence[Field], note: Callable[[Values], str], begun: Collection[str], usual: str
    ) -> None:
        super().__init__(title, fields, note, send="train")
        self._begun, self._usual = begun, usual

    def on_mount(self) -> None:
        self._ask_fate()

    @on(Input.Changed, "#adapter")
    def _ask_fate(self) -> None:
        name = self.query_one("#adapter", Input).value.strip() or self._usual
        row = self.query_one("#fresh").parent
        assert isinstance(row, Widget)
        row.display = name in self._begun


def params_of(told: Values) -> dict[str, Any]:
    """The answers as a job's parameters."""
    told = dict(told)
    (model,) = told.pop("model")
    fresh = told.pop("fresh", ["no"]) == ["yes"]
    given = {name: value for name, value in told.items() if value is not None}
    return {**given, "model": model, **({"fresh": True} if fresh else {})}


def plan_form(author: str, plan: Mapping[str, Any], minutes: float | None) -> Form:
    """The plan of a training with its verdict, before it starts; asks what to do where it does not fit. `minutes` is
    the limit it was given."""
    measured = bool(plan.get("measured"))
    room = f" of {plan['available'] / _GIB:.1f}" if plan.get("available") else ""
    parts = ", ".join(f"{name} {size / _GIB:.1f}" for name, size in plan["memory"].items())
    how = "measured" if measured else "estimated"
    lines = [
        f"{text.whole(plan['examples'])} examples, {text.whole(plan['updates'])} updates, about {plan['time']} "
        f"({plan['time_known']})",
        f"memory, {how}: {plan['peak'] / _GIB:.1f}{room} GiB ({parts})",
        f"{plan['verdict']}, by {'a measured step' if measured else 'this estimate; the first step measures it'}"
        f"{'; activations computed twice' if plan['grad_checkpoint'] else ''}",
    ]
    if minutes:
        lines.insert(1, f"stopped after {minutes:g} minutes at most, whatever it has reached")
    if plan.get("too_long"):
        lines.insert(1, f"{text.some(plan['too_long'], 'row')} too long and left out: raise max_seq_length")
    if plan["advice"] and plan["verdict"] != "fits":
        lines.append(f"less memory: {', then '.join(plan['advice'])}")
    fits = plan["verdict"] == "fits"
    choices = [("no", "stop and say so"), ("yes", "take the first of these that fits")]
    field = Field("auto_fit", "If memory does not suffice", choices=choices, ticked=["no" if fits else "yes"], one=True)
    return Form(f"Train {author}: {plan['verdict']}", [field], "\n".join(lines), send="train")


def delete_form(run: Run) -> Form:
    """The one question this screen asks before it destroys something."""
    note = f"{run.path}\n{text.size(run.bytes)}: adapter, curve, samples and all checkpoints. Nothing brings them back."
    return Form(f"Delete the run {run.name}?", [], note, send="delete")


def interval_form(now: int) -> Form:
    return Form("Validation", [Field("updates", "Updates in between", str(now), kind=count)], send="set")


def model_form(absent: Sequence[ModelState]) -> Form:
    choices = [(model.name, f"{model.name}  from {model.source} {model.location}") for model in absent]
    fields = [Field("model", "Model", choices=choices, ticked=[choices[0][0]], one=True)]
    return Form("Prepare a model", fields, send="prepare")


def _standing(model: ModelState) -> str:
    parts = ["" if model.present else "comes with Stylora" if model.source == "package" else "not here yet"]
    parts.append("instruct" if model.instruct else "")
    said = ", ".join(filter(None, parts))
    return f"  ({said})" if said else ""
