"""The thresholds a rewrite is judged by: published or chosen ones, or those calibrated on an author."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Literal

import msgspec
import tomli_w

from engine.atomic import write_text
from engine.errors import StyloraError
from engine.generation.omissions import LIMIT
from engine.measures import degeneration

CALIBRATION_FILE = "calibration.toml"
FORMAT = 1

CONTRADICTION = 0.8
"""No NLI model could be tried while this was chosen: most are surer than they are right, and the finding is severe."""

Source = Literal["measured", "published", "chosen"]
"""Where a threshold comes from: this author's passages, a publication of the measure, or a choice."""


class Threshold(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A figure that a rewrite is held against."""

    value: float
    source: Source
    false_alarms: float | None = None
    """Share of this author's genuine passages on its wrong side; none where nobody measured."""


class Limits(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """All thresholds of one author; the defaults stand for an author of whom nothing is known."""

    format: int = FORMAT
    author: str = ""
    made_of: str = ""
    """Versions and passages that it was calibrated with: another value calls for a new calibration."""
    passages: int = 0
    """Genuine pairs calibrated on; 0 for the defaults."""
    omission: Threshold = Threshold(LIMIT, "chosen")
    """Points of a stretch left out (`engine.generation.omissions`)."""
    compression: Threshold = Threshold(degeneration.COMPRESSION_LIMIT, "published")
    repeated_fourgrams: Threshold = Threshold(degeneration.REPEATED_FOURGRAMS_LIMIT, "published")
    distinct_bigrams: Threshold = Threshold(degeneration.DISTINCT_BIGRAMS_LIMIT, "published")
    run: Threshold = Threshold(degeneration.RUN_LIMIT, "chosen")
    again: Threshold = Threshold(degeneration.AGAIN_LIMIT, "chosen")
    copied_span: Threshold = Threshold(degeneration.COPIED_SPAN_LIMIT, "published")
    """Words from which a span is copied."""
    copied_share: Threshold = Threshold(degeneration.COPIED_SHARE_LIMIT, "published")
    shortest: Threshold = Threshold(0.5, "chosen")
    """Words over the words asked for below which something was left out, and above `longest` made up."""
    longest: Threshold = Threshold(1.8, "chosen")
    echo: Threshold = Threshold(0.93, "chosen")
    """Share of 4-word sequences that are the input's, from which the input came back."""
    contradiction: Threshold = Threshold(CONTRADICTION, "chosen")
    """Probability, by the NLI model `nli`, from which a rewrite contradicts a sentence of its source."""
    nli: str = ""
    """Identity of the NLI model that was calibrated with; empty where there was none."""
    ai_isms: dict[str, float] = {}
    """The author's own rate of each phrase per 10,000 words."""
    alarms: dict[str, float] = {}
    """Share of the genuine pairs with a finding of each kind."""
    planted: dict[str, float] = {}
    """Share of planted faults that were found, by fault."""
    demoted: tuple[str, ...] = ()
    """Kinds of finding that this author's genuine pairs set off too often to be severe."""

    @property
    def looping(self) -> degeneration.DegenerationLimits:
        """The thresholds of repetition."""
        return degeneration.DegenerationLimits(
            self.compression.value,
            self.repeated_fourgrams.value,
            self.distinct_bigrams.value,
            int(self.run.value),
            int(self.again.value),
        )

    def judged_by(self, nli: str) -> Limits:
        """These thresholds where contradictions are found by the NLI model of identity `nli`.

        What was measured with another says nothing of it: the default stands until the author is calibrated again.
        """
        if nli == self.nli:
            return self
        others = tuple(kind for kind in self.demoted if kind != "contradicted")
        return msgspec.structs.replace(self, contradiction=DEFAULT.contradiction, nli=nli, demoted=others)


DEFAULT = Limits()


def read_limits(folder: Path) -> Limits | None:
    """The calibration kept in an adapter's folder; None where there is none or it is of another format."""
    path = folder / CALIBRATION_FILE
    if not path.is_file():
        return None
    try:
        raw = tomllib.loads(path.read_text(encoding="utf-8"))
        return msgspec.convert(raw, Limits) if raw.get("format") == FORMAT else None
    except (OSError, ValueError) as error:  # ValidationError, UnicodeDecodeError and TOMLDecodeError are ValueErrors
        raise StyloraError(
            f"{path}: not a calibration ({error}); delete it, and 'stylora check' makes a new one"
        ) from None


def kept_limits(adapter: Path) -> Limits | None:
    """The calibration of an adapter, or of the run that one of its checkpoints is of; None where there is none."""
    return next((found for folder in (adapter, *adapter.parents[:2]) if (found := read_limits(folder))), None)


def write_limits(folder: Path, limits: Limits) -> None:
    """Keep `limits` in an adapter's folder, as `calibration.toml`."""
    plain = {key: _plain(value) for key, value in msgspec.to_builtins(limits).items()}
    write_text(folder / CALIBRATION_FILE, tomli_w.dumps(plain))


def _plain(value: object) -> object:
    """`value` without what TOML has no word for: a share that nobody measured."""
    return {key: one for key, one in value.items() if one is not None} if isinstance(value, dict) else value
