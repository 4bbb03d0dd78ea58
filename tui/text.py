"""How numbers, times and jobs are written on the screens."""

from __future__ import annotations

import time

from engine.host.journal import JobState
from tui import keymap

NAMES = {
    "curate": "curation",
    "dataset": "dataset",
    "train": "training",
    "rewrite": "rewrite",
    "convert": "model",
    "check": "check",
    "sweep": "sweep",
    "blind": "blind trial",
    "use": "choice",
    "demo": "demo",
}
GLYPHS = {"queued": "○", "running": "●", "done": "✓", "failed": "✗", "cancelled": "■", "interrupted": "✗"}
_AGAIN = {
    "curate": ("corpus", "corpus.curate", "to start it again"),
    "dataset": ("dataset", "dataset.build", "to go on with it"),
    "train": ("training", "training.resume", "to go on from the last checkpoint"),
    "rewrite": ("rewrite", "rewrite.again", "to ask again"),
    "convert": ("training", "training.model", "to start it again"),
    "check": ("training", "training.check", "to start it again"),
    "sweep": ("training", "training.sweep", "to go on with it"),
    "demo": ("", "app.demo", "to go on with it"),
}
"""How a job that was cut off goes on: the screen, the action there, and what it does."""
STEPS = (
    ("source", "references out"),
    ("told", "perspective"),
    ("expanded", "texture"),
    ("neutral", "neutral"),
    ("noised", "noise"),
    ("prompt", "prompt"),
    ("decoded", "decoded"),
)
"""What a rewrite keeps of the way to its prompt and back, in that order, under the names they are shown by."""


_CONTROL = {code: 0x2400 + code for code in range(32) if chr(code) not in "\n\t"} | dict.fromkeys(range(127, 160), 0xB7)


def visible(text: str) -> str:
    """`text` with pictures for control characters, which a terminal would obey."""
    return text.translate(_CONTROL)


def whole(number: float | None) -> str:
    """14203 → 14,203; nothing known → a dash."""
    return "–" if number is None else f"{number:,.0f}"


def short(number: float) -> str:
    """Three digits: 873, 2.96k, 19.1k, 452k, 1.20M."""
    if number < 1000:
        return f"{number:.0f}"
    value, unit = (number / 1e6, "M") if number >= 999_500 else (number / 1000, "k")
    return f"{value:.{max(0, 3 - len(f'{value:.0f}'))}f}{unit}"


def compact(count: float) -> str:
    """An update in five characters: 236, 12400, 102k."""
    return f"{count:.0f}" if count < 100_000 else short(count)


def number(value: object, digits: int = 3) -> str:
    """A measured value with so many digits after the point; a dash for what is not a number."""
    if not isinstance(value, int | float) or isinstance(value, bool) or value != value:
        return "–"
    return f"{value:.{digits}f}"


def tenths(value: float) -> str:
    """A knob's value: 1.0, 0.8, and 0.75 where it stands between two tenths."""
    return f"{value:.1f}" if round(value, 1) == value else f"{value:g}"


def some(count: float | None, what: str) -> str:
    """1 word, 2 words."""
    return f"{whole(count)} {what}{'' if count == 1 else 's'}"


def rate(value: object, *, exact: bool = False) -> str:
    """A learning rate: 1e-05 → 1.0e-5; with two digits, or all that it has where it is one that was set."""
    if not isinstance(value, int | float):
        return "–"
    written = (f"{value:.{digits}e}" for digits in range(1, 17))
    mantissa, exponent = next(one for one in written if not exact or float(one) == value).split("e")
    return f"{mantissa}e{int(exponent)}"


def duration(seconds: float | None) -> str:
    """At most two units: 45s, 12m 5s, 3h 20m, 2d 4h."""
    if seconds is None:
        return "–"
    left = max(0, round(seconds))
    units = (("d", 86400), ("h", 3600), ("m", 60), ("s", 1))
    parts: list[str] = []
    for unit, size in units:
        amount, left = divmod(left, size)
        if amount or parts:
            parts.append(f"{amount}{unit}")
    return " ".join([part for part in parts[:2] if not part.startswith("0")]) or "0s"


def clock(timestamp: float) -> str:
    """Local time of day, with the date when it is not today."""
    then, now = time.localtime(timestamp), time.localtime()
    return time.strftime("%H:%M" if then[:3] == now[:3] else "%d %b %H:%M", then)


def size(count: int) -> str:
    """Bytes as B, KB, MB, GB (powers of 1,000)."""
    amount = float(count)
    for unit in ("B", "KB", "MB"):
        if amount < 1000:
            return f"{amount:.0f} {unit}" if unit != "MB" else f"{amount:.1f} {unit}"
        amount /= 1000
    return f"{amount:.1f} GB"


def outcome(state: JobState) -> str:
    """What became of a job, in one line: its figures, its error, or how to go on."""
    name = NAMES.get(state.kind, state.kind)
    if state.status == "failed":
        return f"({keymap.key('app.doctor')}: doctor) {name} failed: {state.error}"
    if state.status in ("cancelled", "interrupted"):
        return f"{name} {state.status}; {_again(state.kind)}"
    return f"{name} done at {clock(state.ended)}{_figures(state)}"


def _again(kind: str) -> str:
    if kind not in _AGAIN:
        return "it can be started again"
    screen, action, what = _AGAIN[kind]
    where = f" on screen {keymap.key(f'app.go-{screen}')}" if screen else ""
    return f"press {keymap.key(action)}{where} {what}"


def _figures(state: JobState) -> str:
    result = state.result
    if state.kind == "curate" and "passages" in result:
        return f" · {whole(result['passages'])} passages, {whole(result.get('words'))} words"
    if state.kind == "dataset" and isinstance(result.get("rows"), dict):
        return f" · {whole(result['rows'].get('train'))} training pairs"
    if state.kind == "train" and "valid_after" in result:
        before, after = number(result.get("valid_before")), number(result["valid_after"])
        return f" · held-out loss {before} → {after}"
    if state.kind == "rewrite" and isinstance(result.get("variations"), list):
        return f" · {len(result['variations'])} variations"
    return ""
