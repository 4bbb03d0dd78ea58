"""What may be turned about a rewrite: the knobs on single keys, the further ones of a form, and how they are told."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from textual.content import Content

from engine.errors import StyloraError
from engine.host.voices import Chosen
from engine.settings import RewriteSettings, Settings, changed
from tui.text import tenths
from tui.widgets.form import Field, Form, Values

MOST_VARIATIONS = 8
"""On single keys; the settings allow more."""
_PERSPECTIVES = (
    ("keep", "as the text is"),
    ("first", "first person: I saw"),
    ("plural", "we saw"),
    ("third", "third person: the observer saw"),
    ("impersonal", "impersonal: it was observed"),
)
_YES_NO = (("yes", "yes"), ("no", "no"))
_SAID = {
    "top_p": "top-p",
    "min_p": "min-p",
    "repetition_penalty": "penalty",
    "hold": "hold",
    "words": "words",
    "perspective": "told",
    "retries": "retries",
    "apply_input_perturbation": "noise",
    "expand_for_texture": "expand",
}
"""The further knobs as they are called on the screen, in order."""


@dataclass(frozen=True)
class Knobs:
    """Strength is relative to the trained one; `further` are parameters that differ from `stylora.toml`."""

    strength: float = 1.0
    temperature: float = 0.7
    variations: int = 3
    seed: int = 42
    adapter: str = ""
    """Folder name; empty for the author's own."""
    checkpoint: str = ""
    """Best, last or an update; empty for the finished adapter."""
    choice: str = ""
    """What was chosen for the adapter, in a line, when they last started from that."""
    further: Mapping[str, Any] = field(default_factory=dict)

    def turned(self, name: str, step: int) -> Knobs:
        """One step of a single key."""
        if name == "variations":
            return replace(self, variations=min(MOST_VARIATIONS, max(1, self.variations + step)))
        return replace(self, **{name: round(min(2.0, max(0.0, getattr(self, name) + 0.1 * step)), 1)})

    def params(self) -> dict[str, Any]:
        """All of them as parameters of a ``rewrite`` job, but for whose voice it is."""
        told = {
            "variations": self.variations,
            "strength": self.strength,
            "temperature": self.temperature,
            "seed": self.seed,
        }
        return {**told, **self.further}

    def plain(self) -> dict[str, Any]:
        """For the memory."""
        kept = {"adapter": self.adapter, "checkpoint": self.checkpoint, "choice": self.choice}
        return {**self.params(), "further": dict(self.further), **kept}

    def started(self, adapter: str, chosen: Chosen, own: RewriteSettings) -> Knobs:
        """They start from what was chosen for `adapter`, once for every choice: what is turned after that stays."""
        choice = f"{adapter}: {chosen.line}" if chosen.line else ""
        if choice == self.choice:
            return self
        strength = own.strength if chosen.strength is None else chosen.strength
        return replace(self, strength=strength, checkpoint=_named(chosen.checkpoint), choice=choice)

    def as_chosen(self, chosen: Chosen) -> bool:
        """Whether strength and checkpoint are those that were chosen."""
        strength = chosen.strength in (None, self.strength)
        return bool(chosen.line) and strength and self.checkpoint == _named(chosen.checkpoint)


def recalled(told: Mapping[str, Any], settings: Settings) -> Knobs:
    """The knobs as they were left, those that still fit; otherwise as `stylora.toml` has them."""
    own = settings.rewrite
    knobs = Knobs(own.strength, own.temperature, own.variations, settings.seed)
    for name in ("strength", "temperature", "variations", "seed", "adapter", "checkpoint", "choice"):
        value, before = told.get(name), getattr(knobs, name)
        if isinstance(value, type(before)) or (isinstance(before, float) and isinstance(value, int)):
            knobs = replace(knobs, **{name: value})  # type: ignore[arg-type]
    further = told.get("further")
    if isinstance(further, dict):
        knobs = replace(knobs, further={name: value for name, value in further.items() if name in _SAID})
    try:
        changed(own, {name: value for name, value in knobs.params().items() if name not in ("seed", "words")})
    except StyloraError:
        return Knobs(own.strength, own.temperature, own.variations, settings.seed)
    return knobs


def _named(checkpoint: int | None) -> str:
    return "" if checkpoint is None else str(checkpoint)


def line(knobs: Knobs, who: str, ready: bool, width: int, chosen: bool = False) -> Content:
    """The line above the exchanges: whose voice, and how it is asked, with strength and checkpoint as `chosen` if so.
    Shorter names where there is little room."""
    for names in (("strength", "temperature", "variations", "seed"), ("str", "temp", "var", "seed")):
        turned = [(names[0], tenths(knobs.strength) + " chosen" * chosen), (names[1], tenths(knobs.temperature))]
        turned += [(names[2], str(knobs.variations)), (names[3], str(knobs.seed))]
        turned += [(_SAID[name], _plain(value)) for name, value in knobs.further.items() if name in _SAID]
        told = Content.assemble(
            *(part for name, value in turned for part in ((f"  {name} ", "$quiet"), (value, "bold $primary")))
        )
        if 2 + Content(who).cell_length + told.cell_length <= width:
            break
    room = max(12, width - 2 - told.cell_length)
    name = Content(who).truncate(room, ellipsis=True).stylize("bold $strong" if ready else "$quiet")
    return Content.assemble(("✓ " if ready else "· ", "$success" if ready else "$quiet"), name, told)


def _plain(value: object) -> str:
    return {True: "yes", False: "no"}.get(value, "") if isinstance(value, bool) else f"{value}"


def _within(low: float, high: float, whole: bool = False, above: bool = False) -> Callable[[str], object]:
    def read(text: str) -> object:
        number = int(text) if whole else float(text)
        if not (low < number if above else low <= number) or number > high:
            raise ValueError
        return number

    return read


def further_form(knobs: Knobs, own: RewriteSettings) -> Form:
    """Everything that the command line can turn as well and no single key does."""
    now: dict[str, Any] = {name: getattr(own, name, None) for name in _SAID} | dict(knobs.further)

    def number(name: str, label: str, hint: str, kind: Callable[[str], object], optional: bool = False) -> Field:
        value = now.get(name)
        return Field(name, label, "" if value is None else f"{value:g}", hint, kind, optional)

    def one_of(name: str, label: str, choices: tuple[tuple[str, str], ...], value: str) -> Field:
        return Field(name, label, choices=choices, ticked=[value], one=True, inline=True)

    yes_no = {True: "yes", False: "no"}
    fields = [
        number("top_p", "Top-p", "above 0, to 1", _within(0, 1, above=True)),
        number("min_p", "Min-p", "0 to 1", _within(0, 1)),
        number("repetition_penalty", "Repetition penalty", "1 for none", _within(0, 3, above=True)),
        number("hold", "Hold names, numbers", "0 to 5", _within(0, 5)),
        number("words", "Words to write", "as many as the text has", _within(1, 1_000_000, whole=True), optional=True),
        one_of("perspective", "Told first as", _PERSPECTIVES, str(now["perspective"])),
        one_of("apply_input_perturbation", "Noise, as trained", _YES_NO, yes_no[bool(now["apply_input_perturbation"])]),
        one_of("expand_for_texture", "Detail added first", _YES_NO, yes_no[bool(now["expand_for_texture"])]),
        number("retries", "More tries if all fail", "0 to 5", _within(0, 5, whole=True)),
        Field("seed", "Seed", str(knobs.seed), "0 or more", _within(0, 2**31 - 1, whole=True)),
    ]
    return Form("Further knobs", fields, "For the next rewrites; what stylora.toml says stays there.", "take them")


def taken(knobs: Knobs, told: Values, own: RewriteSettings) -> Knobs:
    """The knobs with what the form says; what is as in `stylora.toml` is left to it."""
    values = {name: value for name, value in told.items() if name != "seed"}
    values["perspective"] = told["perspective"][0]
    for name in ("apply_input_perturbation", "expand_for_texture"):
        values[name] = told[name][0] == "yes"
    further = {name: values[name] for name in _SAID if values[name] != getattr(own, name, None)}
    return replace(knobs, seed=int(told["seed"]), further=further)
