"""A report card as one HTML page for people: plots drawn in it, nothing loaded from elsewhere, no script."""

from __future__ import annotations

from collections.abc import Iterable
from html import escape
from itertools import groupby
from pathlib import Path

from engine.atomic import write_text
from engine.report.kept import SIDES, Card, Measure, Sample, Trial, Value
from engine.report.plots import NAMES, bars, distribution, plane

_STYLE = """
:root { color-scheme: light dark; --paper: #fdfcf9; --ink: #22201c; --quiet: #6f6a60; --rule: #ddd8cd;
  --rewritten: #b3341f; --author: #1d6b54; --neutral: #8a8478; --untrained: #4a68a8; --copy: #a88a3c;
  --memorised: #7b4f9d; --book: #1d6b54; }
@media (prefers-color-scheme: dark) { :root { --paper: #191816; --ink: #e9e5db; --quiet: #9c968a; --rule: #3a3732;
  --rewritten: #f07a62; --author: #5fc3a3; --neutral: #a39d90; --untrained: #8fa9e8; --copy: #d9bc6b;
  --memorised: #c296e6; --book: #5fc3a3; } }
body { background: var(--paper); color: var(--ink); font: 16px/1.5 Georgia, 'Times New Roman', serif; margin: 2rem auto;
  max-width: 62rem; padding: 0 1rem; }
h1, h2, h3 { font-weight: normal; line-height: 1.2; } h2 { margin-top: 2.5rem; border-bottom: 1px solid var(--rule); }
table { border-collapse: collapse; width: 100%; font: 14px/1.5 ui-monospace, Menlo, Consolas, monospace; }
th, td { text-align: right; padding: .15rem .5rem; vertical-align: top; }
th { color: var(--quiet); font-weight: normal; }
th:first-child, td:first-child { text-align: left; } tbody + tbody tr:first-child td { padding-top: .8rem; }
td.own { color: var(--rewritten); font-weight: bold; white-space: nowrap; } td small { color: var(--quiet); }
.wide { overflow-x: auto; } .quiet, summary { color: var(--quiet); } summary { cursor: pointer; }
.plots { display: flex; flex-wrap: wrap; gap: 1.5rem; } figure { margin: 0; flex: 1 1 26rem; }
figcaption { color: var(--quiet); font-size: 14px; } svg { width: 100%; height: auto; } svg text { fill: var(--quiet);
  font: 11px ui-monospace, Menlo, Consolas, monospace; } svg .axis { stroke: var(--rule); fill: none; }
.sides { display: grid; grid-template-columns: repeat(auto-fit, minmax(17rem, 1fr)); gap: 1rem 1.5rem; }
.sides h4 { margin: 0 0 .2rem; font: 13px ui-monospace, Menlo, Consolas, monospace; color: var(--quiet); }
.sides p { margin: 0; overflow-wrap: anywhere; } .finding { color: var(--rewritten); }
"""


def write_page(path: Path, card: Card) -> None:
    """Write `card` to `path`, whole or not at all."""
    write_text(path, page(card))


def page(card: Card) -> str:
    """The HTML of a card; the same card gives the same bytes."""
    of = " · ".join(
        part
        for part in (
            f"adapter {card.adapter}" if card.adapter else "",
            card.checkpoint,
            f"strength {card.strength:g}",
            f"{card.passages} held-out passages",
            f"best of {card.variations}" if card.variations > 1 else "",
            f"seed {card.seed}",
        )
        if part
    )
    title = escape(f"Report card: {card.author}")
    parts = [
        f"<h1>{title}</h1><p class=quiet>{escape(of)}</p>",
        _joint(card),
        "<h2>In pictures</h2><div class=plots>",
        plane(card),
        distribution(card) if card.sentences else "",
        bars(card) if card.marks else "",
        "</div>",
        "<h2>Every measure</h2>",
        _measures(card.measures),
        f"<p class=quiet>The author's key words, the strongest first: {escape(', '.join(card.keywords))}.</p>"
        if card.keywords
        else "",
        _trials(card.trials),
        _samples(card.samples),
    ]
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{title}</title><style>{_STYLE}</style></head><body>\n"
        + "\n".join(filter(None, parts))
        + "\n</body></html>\n"
    )


def number(value: float, unit: str) -> str:
    """A figure for people: shares in per cent, others with three digits that count."""
    if unit == "%":
        return f"{value:.0%}"
    if unit == "words" and value == int(value):
        return f"{value:.0f}"
    size = abs(value)
    return f"{value:.0f}" if size >= 100 else f"{value:.1f}" if size >= 10 else f"{value:.2f}"


def _cell(value: Value | None, unit: str) -> str:
    if value is None:
        return "<td>–</td>"
    between = f"{number(value.low, unit)} to {number(value.high, unit)}"
    return f'<td title="{between}">{number(value.value, unit)}</td>'


def _own(value: Value | None, unit: str) -> str:
    if value is None:
        return "<td class=own>–</td>"
    return (
        f"<td class=own>{number(value.value, unit)} "
        f"<small>{number(value.low, unit)} to {number(value.high, unit)}</small></td>"
    )


def _head(first: str) -> str:
    names = "".join(f"<th>{escape(NAMES[side])}</th>" for side in SIDES)
    return f"<thead><tr><th>{first}</th>{names}</tr></thead>"


def _row(title: str, sides: dict[str, Value | None], unit: str) -> str:
    cells = "".join(_cell(sides.get(side), unit) for side in SIDES[1:])
    return f"<tr><td>{title}</td>{_own(sides.get('rewritten'), unit)}{cells}</tr>"


def _joint(card: Card) -> str:
    if not card.joint:
        return ""
    rows = [
        _row("<b>joint score</b>", card.joint, ""),
        _row("style", card.style, ""),
        _row("meaning", card.meaning, ""),
    ]
    return (
        f"<div class=wide><table>{_head('')}<tbody>{''.join(rows)}</tbody></table></div>"
        "<p class=quiet>Joint score: the square root of style times meaning, times the share of sound texts. Style is "
        "0 for the input given back and 1 for the author's own unseen passages, meaning is 0 for another passage and 1 "
        "for the author's own: neither copying nor inventing can win. Behind each of the adapter's figures, "
        "and over the others where you point at them, stands the 90% interval: what drawing the passages again leaves "
        "it in, and for shares of the texts Wilson's.</p>"
    )


def _measures(measures: Iterable[Measure]) -> str:
    bodies = []
    for group, lines in groupby(measures, key=lambda one: one.group):
        rows = [f"<tr><th>{escape(group)}</th></tr>"]
        for one in lines:
            unit = f" <small>{escape(one.unit)}</small>" if one.unit and one.unit != "%" else ""
            better = {"lower": "lower is better", "higher": "higher is better"}.get(one.better, "as the author has it")
            name = (
                f"<details><summary>{escape(one.title)}{unit}</summary><small>{escape(one.what)} "
                f"<i>{better}</i></small></details>"
            )
            rows.append(_row(name, one.sides, one.unit))
        bodies.append(f"<tbody>{''.join(rows)}</tbody>")
    return f"<div class=wide><table>{_head('')}{''.join(bodies)}</table></div>"


def _sides(sides: Iterable[tuple[str, str]], findings: Iterable[str]) -> str:
    cells = "".join(f"<div><h4>{escape(title)}</h4><p>{escape(text) or '–'}</p></div>" for title, text in sides)
    found = "".join(f"<div class=finding>! {escape(one)}</div>" for one in findings)
    return f"<div class=sides>{cells}</div>{found}"


def _told(trial: Trial) -> Iterable[str]:
    """The figures of a modern text or a noun, in words."""
    named = (("style", ""), ("meaning", ""), ("facts", "%"))
    yield from (f"{name} {number(trial.figures[name], unit)}" for name, unit in named if name in trial.figures)
    if trial.kind == "noun" and trial.figures:
        yield f"{trial.figures['figurative']:.0f} figurative"
        yield "on its subject" if trial.figures["topic"] else "off its subject"


def _trials(trials: Iterable[Trial]) -> str:
    parts = [
        f"<details><summary>{escape(one.name)} <small>{escape(' · '.join((one.kind, *_told(one))))}</small></summary>"
        + _sides(
            (("plain", one.plain), ("untrained model", one.untrained), ("with the adapter", one.rewritten)),
            one.findings,
        )
        + "</details>"
        for one in trials
    ]
    return "<h2>Modern texts and bare nouns</h2>" + "".join(parts) if parts else ""


def _samples(samples: Iterable[Sample]) -> str:
    parts = [
        f"<details{' open' if number == 0 else ''}><summary>passage {escape(one.passage)}</summary>"
        + _sides(
            (
                ("plain", one.plain),
                ("untrained model", one.untrained),
                ("with the adapter", one.rewritten),
                ("the author's own, never seen in training", one.author),
            ),
            one.findings,
        )
        + "</details>"
        for number, one in enumerate(samples)
    ]
    return "<h2>Held-out passages</h2>" + "".join(parts) if parts else ""
