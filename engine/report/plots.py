"""The plots of a report card's page, as SVG inside figures; colours are the page's."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from html import escape

from engine.report.kept import SIDES, Card, Spectrum

NAMES = {
    "rewritten": "adapter",
    "untrained": "untrained",
    "neutral": "plain",
    "copy": "input back",
    "memorised": "other passage",
    "author": "author",
    "book": "author, whole",
}
_WIDTH, _HEIGHT = 480, 300
_LEFT, _TOP, _RIGHT, _BOTTOM = 44, 14, 14, 40
_DRAWN = ("book", "neutral", "untrained", "rewritten")
"""Sides of the spectra, the last on top."""


def plane(card: Card) -> str:
    """Style against meaning: a cross of intervals for the adapter, a dot for each anchor, and lines of equal score."""

    def x(value: float) -> float:
        return _LEFT + value * (_WIDTH - _LEFT - _RIGHT)

    def y(value: float) -> float:
        return _TOP + (1 - value) * (_HEIGHT - _TOP - _BOTTOM)

    parts = [_frame()]
    for score in (0.25, 0.5, 0.75):
        steps = [score**2 + at / 40 * (1 - score**2) for at in range(41)]
        points = " ".join(f"{x(step):.1f},{y(score**2 / step):.1f}" for step in steps)
        parts.append(f'<polyline points="{points}" class="axis" stroke-dasharray="3 4"/>')
        parts.append(f'<text x="{x(1) - 26:.1f}" y="{y(score**2) - 4:.1f}">{score:.2f}</text>')
    for value in (0, 0.5, 1):
        parts.append(f'<text x="{x(value):.1f}" y="{_HEIGHT - 24}" text-anchor="middle">{value:g}</text>')
        parts.append(f'<text x="{_LEFT - 6}" y="{y(value) + 4:.1f}" text-anchor="end">{value:g}</text>')
    parts.append(f'<text x="{_WIDTH / 2:.1f}" y="{_HEIGHT - 6}" text-anchor="middle">style</text>')
    parts.append(f'<text x="12" y="{_HEIGHT / 2:.1f}" transform="rotate(-90 12 {_HEIGHT / 2:.1f})">meaning</text>')
    shown: list[tuple[float, float]] = []
    for name in reversed(SIDES):
        style, meaning = card.style.get(name), card.meaning.get(name)
        if style is None or meaning is None:
            continue
        at, up, colour = x(style.value), y(meaning.value), f"var(--{name})"
        if name == "rewritten":
            for low, high, flat in ((style.low, style.high, True), (meaning.low, meaning.high, False)):
                start, end = (min(max(one, 0), 1) for one in (low, high))
                ends = (x(start), up, x(end), up) if flat else (at, y(start), at, y(end))
                line = " ".join(
                    f'{key}="{value:.1f}"' for key, value in zip(("x1", "y1", "x2", "y2"), ends, strict=True)
                )
                parts.append(f'<line {line} stroke="{colour}" stroke-width="1.5"/>')
        parts.append(f'<circle cx="{at:.1f}" cy="{up:.1f}" r="5" fill="{colour}"/>')
        down = up - 10 if name == "rewritten" else up
        while any(abs(at - one) < 90 and abs(down - other) < 12 for one, other in shown):
            down += 12
        shown.append((at, down))
        anchor, shift = ("end", -9) if style.value > 0.75 else ("start", 9)
        parts.append(
            f'<text x="{at + shift:.1f}" y="{down + 4:.1f}" text-anchor="{anchor}" style="fill:{colour}">'
            f"{escape(NAMES[name])}</text>"
        )
    return _figure(
        parts, "Style against meaning; dashed, equal joint scores of sound texts; the cross is the interval."
    )


def distribution(card: Card) -> str:
    """Share of sentences by length in words."""
    spectrum = card.sentences
    assert spectrum is not None
    last = max((at for side in spectrum.sides.values() for at, share in enumerate(side) if share > 0), default=1)
    last = max(last, 1)
    top = _top(spectrum)
    parts = [_frame()]
    for name in _DRAWN:
        values = spectrum.sides.get(name)
        if values is None:
            continue
        points = [
            f"{_LEFT + at / last * (_WIDTH - _LEFT - _RIGHT):.1f},{_up(value / top):.1f}"
            for at, value in enumerate(values[: last + 1])
        ]
        thick = 2.5 if name == "rewritten" else 1.5
        parts.append(
            f'<polyline points="{" ".join(points)}" fill="none" stroke="var(--{name})" stroke-width="{thick}"/>'
        )
    for at in range(0, last + 1, max(1, last // 6)):
        left = _LEFT + at / last * (_WIDTH - _LEFT - _RIGHT)
        parts.append(f'<text x="{left:.1f}" y="{_HEIGHT - 24}" text-anchor="middle">{escape(spectrum.bins[at])}</text>')
    parts += [_scale(top, True), *_legend(name for name in _DRAWN if name in spectrum.sides)]
    return _figure(parts, "Sentences by their length in words, share of all.")


def bars(card: Card) -> str:
    """Marks per 100 words."""
    spectrum = card.marks
    assert spectrum is not None
    drawn = [name for name in _DRAWN if name in spectrum.sides]
    top = _top(spectrum)
    room = (_WIDTH - _LEFT - _RIGHT) / len(spectrum.bins)
    wide = room * 0.8 / len(drawn)
    parts = [_frame()]
    for at, mark in enumerate(spectrum.bins):
        left = _LEFT + at * room
        for number, name in enumerate(drawn):
            high = _up(spectrum.sides[name][at] / top)
            parts.append(
                f'<rect x="{left + room * 0.1 + number * wide:.1f}" y="{high:.1f}" width="{wide:.1f}" '
                f'height="{_up(0) - high:.1f}" fill="var(--{name})"/>'
            )
        parts.append(f'<text x="{left + room / 2:.1f}" y="{_HEIGHT - 24}" text-anchor="middle">{escape(mark)}</text>')
    parts += [_scale(top, False), *_legend(drawn, _WIDTH * 0.72)]
    return _figure(parts, "Punctuation: marks per 100 words; brackets and quotation marks once a pair.")


def _top(spectrum: Spectrum) -> float:
    return max((value for name in _DRAWN for value in spectrum.sides.get(name, ())), default=0.0) or 1.0


def _up(share: float) -> float:
    share = share if math.isfinite(share) else 0.0
    return _TOP + (1 - share) * (_HEIGHT - _TOP - _BOTTOM)


def _scale(top: float, shares: bool) -> str:
    said = f"{top:.0%}" if shares else f"{top:.1f}"
    return f'<text x="{_LEFT - 6}" y="{_TOP + 8}" text-anchor="end">{said}</text>'


def _legend(names: Iterable[str], right: float = _WIDTH - _RIGHT - 6) -> list[str]:
    return [
        f'<text x="{right:.0f}" y="{_TOP + 14 + 14 * at}" text-anchor="end" style="fill:var(--{name})">'
        f"{escape(NAMES[name])}</text>"
        for at, name in enumerate(names)
    ]


def _frame() -> str:
    return f'<path class="axis" d="M{_LEFT} {_TOP}V{_HEIGHT - _BOTTOM}H{_WIDTH - _RIGHT}"/>'


def _figure(parts: Sequence[str], caption: str) -> str:
    drawing = "".join(parts)
    return (
        f'<figure><svg viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img" aria-label="{escape(caption)}">{drawing}</svg>'
        f"<figcaption>{escape(caption)}</figcaption></figure>"
    )
