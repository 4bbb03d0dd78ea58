"""The forms for a comparison: one text with several strengths, checkpoints or adapters; or two of them, blind."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product
from typing import Any

from engine.errors import StyloraError
from engine.host.voices import Voice
from tui.screens.rewrite_knobs import Knobs
from tui.text import some
from tui.widgets.exchange import sides
from tui.widgets.form import Field, Form, Values, count

MOST = 8
"""Sides of one comparison; each is written by itself."""


def strengths_of(text: str) -> list[float]:
    """Strengths as written: numbers with spaces or commas between them."""
    found = [float(word) for word in text.replace(",", " ").split()]
    if any(not 0 <= one <= 4 for one in found):
        raise ValueError
    return list(dict.fromkeys(found))


def compare_form(knobs: Knobs, voice: Voice, voices: Sequence[Voice], text: str, live: str = "") -> Form:
    """What to compare; the note says which sides that makes, or what is missing. `live` is the adapter in training:
    its weights as they are can be a side too."""
    words = some(len(text.split()), "word")
    fields = _fields(knobs, voice, voices, live)
    return Form(f"Compare on {words}", fields, lambda told: _note(params(told, knobs, voice, live)), "compare")


def blind_form(knobs: Knobs, voice: Voice, voices: Sequence[Voice]) -> Form:
    """Which two to judge without knowing which is which, and on what."""
    on = [("modern", "modern texts that come with Stylora"), ("held-out", "passages that no training saw")]
    fields = [
        *_fields(knobs, voice, voices),
        Field("on", "On", choices=on, ticked=["modern"], inline=True),
        Field("passages", "At most", "16", "texts, each a question", kind=count),
    ]

    def note(told: Values) -> str:
        blind_params(told, knobs, voice)  # raises what is wrong with them
        one, other = sides(_asked(told, knobs, voice))
        return f"{one} against {other}; the votes are saved, and the same trial goes on where it was left"

    return Form("Blind trial: judge without knowing which is which", fields, note, "begin")


def blind_params(told: Values, knobs: Knobs, voice: Voice) -> dict[str, Any]:
    """Parameters of the ``blind`` job; `StyloraError` where there are not exactly two sides."""
    asked = _asked(told, knobs, voice)
    made = len(sides(asked))
    if made != 2:
        raise StyloraError(f"a blind trial has two sides, and this makes {made}: name two of one kind")
    named = product(asked["adapters"], asked["checkpoints"] or [""], asked["strengths"])
    return {
        "sides": [f"{adapter}:{checkpoint}@{strength:g}" for adapter, checkpoint, strength in named],
        "on": told["on"][0],
        "passages": told["passages"],
    }


def _fields(knobs: Knobs, voice: Voice, voices: Sequence[Voice], live: str = "") -> list[Field]:
    other = 0.6 if knobs.strength > 0.8 else 1.0
    fields = [
        Field(
            "strengths",
            "Strengths",
            f"{min(other, knobs.strength):g}, {max(other, knobs.strength):g}",
            "such as 0.6, 1, 1.4",
            strengths_of,
            optional=True,
        )
    ]
    choices = [(one.name, checkpoint_line(one.name, one.update, one.valid)) for one in voice.distinct()]
    if live == voice.name and voice.modified:
        choices = [("live", "the weights in training"), ("none", "the adapter on the disk"), *choices]
    if choices:
        fields.append(Field("checkpoints", "Checkpoints", choices=choices, optional=True))
    if len(voices) > 1:
        choices = [(one.name, f"{one.name}: {one.author}") for one in voices]
        fields.append(Field("adapters", "Adapters", choices=choices, ticked=[voice.name]))
    return fields


def checkpoint_line(name: str, update: int, valid: float | None) -> str:
    told = f"update {name}" if name.isdigit() else f"{name}, update {update}"
    return told + (f", held-out loss {valid:.3f}" if valid is not None else "")


def params(told: Values, knobs: Knobs, voice: Voice, live: str = "") -> dict[str, Any]:
    """Parameters of the ``compare`` job but for the text; `StyloraError` where there are not two sides, or too many."""
    asked = _asked(told, knobs, voice, live)
    made = len(sides(asked))
    if made < 2:
        raise StyloraError("two strengths, two checkpoints or two adapters make a comparison")
    if made > MOST:
        raise StyloraError(f"that makes {made} sides; {MOST} at most fit on a screen")
    further = {name: value for name, value in knobs.params().items() if name not in ("strength", "variations")}
    return {**asked, **further}


def _asked(told: Values, knobs: Knobs, voice: Voice, live: str = "") -> dict[str, Any]:
    adapters = told.get("adapters") or [voice.name]
    return {
        "adapters": adapters,
        "checkpoints": told.get("checkpoints") or _as_now(knobs, voice, len(adapters) > 1, live),
        "strengths": told.get("strengths") or [knobs.strength],
    }


def _as_now(knobs: Knobs, voice: Voice, several: bool, live: str) -> list[str]:
    """The checkpoint that is asked now. None is named where each of `several` adapters answers with its own choice, or
    the one in training with its weights, and the finished adapter is where another checkpoint was chosen."""
    if not knobs.checkpoint and live == voice.name:
        return []
    if several and (not knobs.checkpoint or knobs.as_chosen(voice.chosen)):
        return []
    return [knobs.checkpoint or "none"] if knobs.checkpoint or voice.chosen.checkpoint is not None else []


def _note(asked: dict[str, Any]) -> str:
    labels = sides(asked)
    return f"{len(labels)} sides: {' · '.join(labels)}"
