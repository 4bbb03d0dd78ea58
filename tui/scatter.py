"""A plot of points from 0 to 1 in both directions, as lines of text: what a letter stands for, its table says."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

Point = tuple[float, float]

LETTERS = "abcdefghijklmnopqrstuvwxyz"


def letter(number: int) -> str:
    """The letter of the point numbered from 0; behind z all are "·"."""
    return LETTERS[number] if number < len(LETTERS) else "·"


def scatter(
    points: Sequence[Point], marks: Mapping[str, Point], *, width: int, height: int, x: str, y: str
) -> list[str]:
    """`points` as letters in their order and `marks` by their own letter, over axes named `x` and `y`.

    `width` and `height` are columns and lines in all; the axes zoom to what there is, in steps of a tenth. Of several
    points in one place the first is shown.
    """
    inner, rows = max(width - 7, 10), max(height - 2, 3)
    everything = [*points, *marks.values()]
    left, right = _range([one[0] for one in everything])
    low, high = _range([one[1] for one in everything])
    grid = [[" "] * inner for _ in range(rows)]

    def put(point: Point, sign: str) -> None:
        column = round((point[0] - left) / (right - left) * (inner - 1))
        row = rows - 1 - round((point[1] - low) / (high - low) * (rows - 1))
        grid[row][column] = sign

    for sign, point in marks.items():
        put(point, sign)
    for number in reversed(range(len(points))):
        put(points[number], letter(number))
    lines = []
    for row, cells in enumerate(grid):
        at = f"{high:.1f}" if row == 0 else f"{low:.1f}" if row == rows - 1 else ""
        lines.append(f"{at:>5} │{''.join(cells)}".rstrip())
    lines.append(f"{y[:5]:>5} └{'─' * inner}")
    ends = f"{left:.1f}{x:^{max(inner - 6, len(x))}}{right:.1f}"
    lines.append(f"       {ends}")
    return lines


def _range(values: Sequence[float]) -> tuple[float, float]:
    """From the tenth below the lowest to the tenth above the highest, at least two tenths wide."""
    low = int(min(values, default=0.0) * 10) / 10
    high = -(int(-max(values, default=1.0) * 10 - 0.999)) / 10
    return (low, high) if high - low >= 0.2 else (max(0.0, low - 0.1), low + 0.2)
