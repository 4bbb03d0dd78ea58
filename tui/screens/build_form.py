"""What a build is asked for before it starts: kinds, inputs, noise, neutralizer, worldview; and what that will make."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, get_args

from textual import events

from engine.errors import StyloraError
from engine.host.survey import AuthorState
from engine.settings import InputKind, Settings, VariantKind
from engine.workspace import Workspace
from tui import text
from tui.widgets.form import Field, Form, Values

_VARIANTS = {
    "snowflake": "snowflake: another topic",
    "robustness": "robustness: heavy noise",
    "plural": "plural: we",
    "third": "third: the observer",
    "impersonal": "impersonal: it was",
}
_INPUTS = {"standard": "standard", "dropout": "dropout: no adjectives", "abstract": "abstract: [THING]"}
_NEUTRALIZERS = {
    "rules": "rules: offline",
    "model": "model: a local one",
    "server": "server: any endpoint",
    "translation": "translation: a package",
}
ROOMY = 36
"""Rows from which the fields stand apart."""
_KEYS = ("variants", "inputs", "noise", "robustness_noise", "neutralizer", "neutral_model", "worldview")


def percent(typed: str) -> float:
    """8 or 8% → 0.08."""
    share = float(typed.removesuffix("%").replace(",", ".")) / 100
    if not 0 <= share <= 1:
        raise ValueError
    return round(share, 6)


@dataclass(frozen=True)
class Offer:
    """A build that could be started: for whom, with what by default, and what is known of earlier ones."""

    workspace: Workspace
    settings: Settings
    author: AuthorState
    stopped: Mapping[str, Any]
    """Parameters of a build that was stopped, empty where there is none."""
    speed: float = 0
    """Pairs a second when last measured, with `speed_of` as the neutralizer; 0 for never."""
    speed_of: str = ""

    def usual(self) -> Values:
        """What `stylora.toml` says."""
        dataset, neutral = self.settings.dataset, self.settings.neutral
        return {
            "variants": list(dataset.variants),
            "inputs": [kind for kind in dataset.inputs if kind != "standard"],
            "noise": dataset.noise,
            "robustness_noise": dataset.robustness_noise,
            "neutralizer": neutral.kind,
            "neutral_model": neutral.model or None,
            "worldview": _short(self.workspace, self.workspace.worldview(self.author.name)),
        }

    def begun(self) -> Values:
        """The same, or where a build was stopped what that one was asked for."""
        asked = {key: self.stopped[key] for key in _KEYS if self.stopped.get(key) is not None}
        if "inputs" in asked:
            asked["inputs"] = [kind for kind in asked["inputs"] if kind != "standard"]
        if "worldview" in asked:
            asked["worldview"] = _short(self.workspace, Path(asked["worldview"]))
        return self.usual() | asked

    def fields(self) -> list[Field]:
        now = self.begun()
        hint = "as stylora.toml names it"
        return [
            Field(
                "variants",
                "Kinds of styled text",
                choices=[(kind, _VARIANTS[kind]) for kind in get_args(VariantKind)],
                ticked=now["variants"],
                optional=True,
            ),
            Field(
                "inputs",
                "Inputs, beside standard",
                choices=[(kind, _INPUTS[kind]) for kind in get_args(InputKind) if kind != "standard"],
                ticked=now["inputs"],
                optional=True,
            ),
            Field("noise", "Noise, % of words", f"{100 * now['noise']:g}", kind=percent),
            Field("robustness_noise", "Noise, robustness", f"{100 * now['robustness_noise']:g}", kind=percent),
            Field(
                "neutralizer",
                "Neutral text by",
                choices=list(_NEUTRALIZERS.items()),
                ticked=[now["neutralizer"]],
                inline=True,
            ),
            Field("neutral_model", "Model of it", now["neutral_model"] or "", hint=hint, optional=True),
            Field("worldview", "Worldview file", now["worldview"], kind=self._worldview),
            Field("fresh", "Earlier build", choices=[("", "goes on, if it can"), ("fresh", "start over")], inline=True),
        ]

    def _worldview(self, typed: str) -> str:
        if not self.path(typed).is_file():
            raise StyloraError(f"Worldview file: {typed}: no such file")
        return typed

    def path(self, typed: str) -> Path:
        """A worldview as it is written in the form, found from the workspace."""
        return self.workspace.root / Path(typed).expanduser()

    def params(self, told: Values) -> Values:
        """The parameters of the job."""
        return {
            "author": self.author.name,
            "variants": told["variants"],
            "inputs": ["standard", *told["inputs"]],
            "noise": told["noise"],
            "robustness_noise": told["robustness_noise"],
            "neutralizer": _one(told["neutralizer"]),
            "neutral_model": told["neutral_model"] if _one(told["neutralizer"]) in ("model", "server") else None,
            "worldview": str(self.path(told["worldview"])),
            "fresh": "fresh" in told["fresh"],
        }

    def note(self, told: Values) -> str:
        """What the choices would make, how long it takes, and where they differ from `stylora.toml`."""
        neutralizer = _one(told["neutralizer"])
        if neutralizer in ("model", "server") and not told["neutral_model"]:
            raise StyloraError(f"Model of it: name the one that '{neutralizer}' is to use")
        if neutralizer == "server" and not self.settings.neutral.url:
            raise StyloraError("Neutral text by: 'server' needs neutral.url in stylora.toml")
        lines = [self._size(told, neutralizer)]
        if self.stopped:
            same = {key: value for key, value in self.params(told).items() if key != "fresh"}
            kept = all(self.stopped.get(key, value) == value for key, value in same.items())
            lines.append("→ goes on from the stopped build" if kept else "→ other choices: begins anew")
        different = self.differing(told)
        lines.append("Differs from stylora.toml: " + "; ".join(different) if different else "As stylora.toml has it.")
        return "\n".join(lines)

    def _size(self, told: Values, neutralizer: str) -> str:
        assert self.author.corpus
        passages = self.author.corpus.passages
        fractions = self.settings.dataset
        trained = round(passages * (1 - fractions.valid - fractions.test))
        each = 1 + len(told["inputs"]) + sum(self._share(kind) for kind in told["variants"])
        rows = round(trained * each) + passages - trained
        about = f"≈ {text.whole(rows)} pairs" if self.author.dataset else f"{text.whole(rows)} pairs at most"
        time = ""
        if self.speed and self.speed_of == neutralizer:
            time = f", {text.duration(rows / self.speed)} at {self.speed:.1f} a second"
        held = f" + {passages - trained} held out" if passages > trained else ""
        return f"{about}: {trained:,} × {each:.1f}{held}{time}"

    def _share(self, kind: str) -> float:
        """Of the passages, those that gave a `kind` in the dataset there is; 1 where that is not known."""
        dataset = self.author.dataset
        if dataset is None or not dataset.counts.get(kind) or not dataset.inputs.get("standard"):
            return 1.0
        inputs = dataset.inputs
        originals = dataset.counts.get("original", 0) - inputs.get("dropout", 0) - inputs.get("abstract", 0)
        return min(1.0, dataset.counts[kind] / max(1, originals))

    def differing(self, told: Values) -> list[str]:
        """What is chosen otherwise than `stylora.toml` has it, each in a few words."""
        usual, said = self.usual(), []
        for key in ("variants", "inputs"):
            off = [kind for kind in usual[key] if kind not in told[key]]
            on = [kind for kind in told[key] if kind not in usual[key]]
            said += [f"no {kind}" for kind in off] + [f"also {kind}" for kind in on]
        for key, name in (("noise", "noise"), ("robustness_noise", "robustness noise")):
            if told[key] != usual[key]:
                said.append(f"{name} {100 * told[key]:g}% ({100 * usual[key]:g}%)")
        neutralizer = _one(told["neutralizer"])
        if neutralizer != usual["neutralizer"]:
            said.append(f"{neutralizer} ({usual['neutralizer']})")
        if neutralizer in ("model", "server") and told["neutral_model"] != usual["neutral_model"]:
            said.append(f"model {told['neutral_model']}")
        if told["worldview"] != usual["worldview"]:
            said.append(Path(told["worldview"]).name)
        return said


def _one(value: Any) -> str:
    return str(value[0]) if isinstance(value, list) else str(value)


def _short(workspace: Workspace, path: Path) -> str:
    return str(path.relative_to(workspace.root)) if path.is_relative_to(workspace.root) else str(path)


class BuildForm(Form):
    """The form of an offer; where the terminal is low its fields scroll."""

    DEFAULT_CSS: ClassVar[str] = """
    BuildForm #note { max-height: 4; }
    BuildForm.-tight .field { margin-bottom: 0; }
    BuildForm.-short > #box { padding: 0 2; }
    BuildForm.-short #title, BuildForm.-short #keys { margin: 0; }
    """

    def __init__(self, offer: Offer) -> None:
        super().__init__(f"Build the dataset of {offer.author.name}", offer.fields(), offer.note, send="build")

    def on_resize(self, event: events.Resize) -> None:
        height = event.size.height
        self.set_class(height < ROOMY, "-tight")
        self.query_one("#fields").styles.max_height = max(3, height - (12 if height >= 30 else 8))
