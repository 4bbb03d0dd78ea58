"""The arithmetic of the loss chart: what is kept, what falls into a column, axes, and moving through a run."""

from __future__ import annotations

import math
from collections.abc import Iterator
from itertools import pairwise

import pytest

from tui.curve import MOST_POINTS, Column, Curve, reach
from tui.plot import NARROWEST, Scale, Sight, decades, nice_above, ticks
from tui.widgets.chart_cells import OVER, SMOOTH, VALID, Plot


def falling(count: int) -> Iterator[dict[str, float]]:
    return ({"update": n, "loss": 3 - n / count, "learning_rate": 1e-5} for n in range(1, count + 1))


def curve_of(count: int) -> Curve:
    curve = Curve()
    curve.add(falling(count))
    return curve


# -- the numbers -------------------------------------------------------------------------------------------


def test_best_validation_is_never_the_untrained_models() -> None:
    curve = Curve()
    curve.add([{"update": 0, "valid": 1.0}, {"update": 10, "valid": 2.0}, {"update": 20, "valid": 1.5}])
    curve.add([{"update": 30, "valid": 1.8}, {"update": 31, "valid": 1.8}])
    assert curve.best == (20, 1.5)
    assert [update for update, _ in curve.valid] == [0, 10, 20, 30]
    assert curve.valid_at(25) == (20, 1.5)
    assert Curve().valid_at(3) is None


def test_run_that_went_back_overwrites_its_later_validations() -> None:
    curve = Curve()
    curve.add([{"update": n, "valid": 3 - n / 100} for n in (10, 20, 30, 40)])
    curve.add([{"update": 25, "valid": 9.0}, {"update": 30, "valid": 8.0}])
    assert curve.valid == [(10, 2.9), (20, 2.8), (25, 9.0), (30, 8.0)]


class Looked(list[tuple[float, float]]):
    """A list that counts how many of its items were looked at."""

    looks = 0

    def __getitem__(self, place: object) -> object:  # type: ignore[override]
        self.looks += 1
        return super().__getitem__(place)  # type: ignore[call-overload]

    def __iter__(self) -> Iterator[tuple[float, float]]:
        self.looks += len(self)
        return super().__iter__()


def test_each_of_twenty_thousand_validations_is_looked_at_once_or_twice() -> None:
    curve = Curve()
    seen = curve.valid = Looked()
    curve.add([{"update": n, "valid": 3 - n / 30_000} for n in range(1, 20_001)])
    assert curve.valid is seen
    assert len(seen) == 20_000
    assert seen.looks <= 2 * 20_000


def test_run_that_went_back_overwrites_its_later_points() -> None:
    curve = Curve()
    curve.add({"update": n, "loss": math.nan if n > 6 else 3.0, "valid": 2.0} for n in range(10))
    curve.add([{"update": 4, "loss": 9.0, "valid": 8.0}])
    assert list(curve.updates) == [0, 1, 2, 3, 4]
    assert curve.gaps == []
    assert curve.valid[-1] == (4, 8.0)


def test_resumed_run_gets_its_beginning_in_front() -> None:
    early, late = curve_of(60), Curve()
    early.add([{"update": 50, "valid": 2.5}])
    late.add([{"update": n, "loss": 1.0, "valid": 2.5} for n in range(41, 81)])
    late.precede(early)
    assert list(late.updates) == list(range(1, 81))
    assert late.losses[39] == early.losses[39]
    assert late.losses[40] == 1.0


def test_bounded_number_of_points() -> None:
    curve = Curve()
    curve.add({"update": n, "loss": 1.0} for n in range(MOST_POINTS + 2))
    assert len(curve) <= MOST_POINTS / 2 + 1
    assert curve.newest == MOST_POINTS + 1


def test_columns_keep_the_extremes_and_the_gaps() -> None:
    curve = Curve()
    losses = {50: 9.0, 51: 0.1, 75: math.nan}
    curve.add({"update": n, "loss": losses.get(n, 2.0), "smoothed": 2.0} for n in range(100))
    columns = curve.columns(0, 100, 10)
    five, seven = columns[5], columns[7]
    assert five
    assert seven
    assert (five.low, five.high, five.smoothed, five.gap) == (0.1, 9.0, 2.0, False)
    assert seven.gap
    assert seven.low == 2.0
    assert curve.columns(200, 300, 3) == [None, None, None]


def test_columns_grown_are_columns_drawn_afresh() -> None:
    grown = Curve()
    for n in range(1, 400):
        grown.add([{"update": n, "loss": math.nan if n % 37 == 0 else 2 + math.sin(n)}])
        columns = grown.columns(0, 400, 57)
    fresh = Curve()
    fresh.add({"update": n, "loss": math.nan if n % 37 == 0 else 2 + math.sin(n)} for n in range(1, 400))
    assert str(columns) == str(fresh.columns(0, 400, 57))
    grown.add([{"update": 200, "loss": 7.0}])
    assert grown.columns(0, 400, 57)[40:] == [None] * 17


def test_wild_losses_do_not_flatten_the_curve() -> None:
    curve = Curve()
    curve.add({"update": n, "loss": 900.0 if n == 50 else 3.0, "smoothed": 3.0} for n in range(200))
    assert reach(curve.columns(0, 200, 200), []) == (3.0, 3.0)
    assert reach([], []) is None


def test_points_that_came_since_are_all_that_is_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    curve, looked = curve_of(100_000), 0
    plain = Curve._column

    def counted(self: Curve, first: int, last: int) -> Column:
        nonlocal looked
        looked += last - first
        return plain(self, first, last)

    monkeypatch.setattr(Curve, "_column", counted)
    curve.columns(0, 100_000, 226)
    assert looked == 100_000  # each point once
    curve.add([{"update": 100_001, "loss": 1.0}])
    curve.columns(0, 100_000, 226)
    assert looked < 100_000 + 3 * 100_000 / 226


# -- axes --------------------------------------------------------------------------------------------------


def test_axes_are_round() -> None:
    assert [nice_above(value) for value in (3, 11, 240, 1000, 1001)] == [10, 15, 300, 1000, 1500]
    assert ticks(2.6, 4.1, 5) == [2.5, 3.0, 3.5, 4.0, 4.5]
    assert decades(0.03, 4) == pytest.approx([0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5])


@pytest.mark.parametrize("log", [False, True])
@pytest.mark.parametrize("span", [(2.0, 2.0), (0.01, 8.0), (1.4, 2.7), (0.0, 0.0), (0.0, 5.0), (3.1, 3.11)])
def test_scale_spans_what_it_shows(span: tuple[float, float], log: bool) -> None:
    scale = Scale.over(span, 80, 6, log)
    assert scale.row(scale.high) == 0
    assert scale.row(scale.low) == 79
    assert scale.row(span[1]) <= scale.row(span[0])
    assert scale.row(1e9) == 0
    assert scale.row(-1.0) == 79
    rows = sorted(scale.labels())
    assert rows
    assert all(second - first >= 2 for first, second in pairwise(rows))


def test_equal_factors_are_equally_far_on_a_logarithmic_scale() -> None:
    scale = Scale.over((0.1, 10.0), 101, 6, log=True)
    assert scale.row(0.1) - scale.row(1) == scale.row(1) - scale.row(10)


# -- moving ------------------------------------------------------------------------------------------------


def test_zoom_keeps_the_crosshair_or_the_newest_in_sight() -> None:
    near = Sight().zoomed(240, into=True)
    assert (near.width, near.follow) == (150, True)
    start, end = near.window(240)
    assert start <= 240 <= end
    crossed = Sight(cursor=60.0).zoomed(240, into=True)
    assert not crossed.follow
    assert crossed.window(240) == (0, 150)
    sight = Sight()
    for _ in range(20):
        sight = sight.zoomed(240, into=True)
    assert sight.width == NARROWEST
    for _ in range(20):
        sight = sight.zoomed(240, into=False)
    assert sight == Sight()


def test_live_tail_moves_in_steps_and_stops_when_panned() -> None:
    sight = Sight(width=100.0)
    windows = {sight.window(newest) for newest in range(201, 300)}
    assert windows == {(125.0, 225.0), (150.0, 250.0), (175.0, 275.0), (200.0, 300.0)}
    held = sight.panned(240, -1)
    assert not held.follow
    assert held.window(240) == held.window(400) == (100, 200)
    assert held.panned(240, 1).follow
    assert held.live().window(400) == (300, 400)


def test_crosshair_goes_by_points_or_by_columns_and_pulls_the_picture_along() -> None:
    few, many = curve_of(50), curve_of(100_000)
    at_end = Sight().moved(few.updates, 50, 200, -1)
    assert at_end.cursor == 50
    assert at_end.moved(few.updates, 50, 200, -1).cursor == 49
    assert at_end.moved(few.updates, 50, 200, -10).cursor == 40
    assert at_end.moved(few.updates, 50, 200, 10).cursor == 50
    coarse = Sight(cursor=5000.0).moved(many.updates, 100_000, 100, 1)
    assert coarse.cursor == 6000
    assert coarse.moved(many.updates, 100_000, 100, -1).cursor == 5000
    zoomed = Sight(width=20.0, start=100.0, follow=False, cursor=120.0).moved(many.updates, 100_000, 200, 1)
    assert zoomed.cursor == 121
    assert zoomed.window(100_000)[0] > 100
    assert Sight().moved([], 0, 100, 1) == Sight()


# -- cells -------------------------------------------------------------------------------------------------


def test_gap_interrupts_the_line_and_is_marked() -> None:
    curve = Curve()
    curve.add({"update": n, "loss": math.nan if 40 <= n < 60 else 2.0} for n in range(1, 101))
    plot = Plot(0, 100, 50, 5, Scale.over((1.0, 3.0), 20, 3, log=False))
    plot.curves(curve.columns(0, 100, 100), [])
    drawn = [x for x in range(50) if any(row[x][1] == SMOOTH for row in plot.rows)]
    assert not set(drawn) & set(range(20, 30))
    assert {plot.rows[-1][x][0] for x in range(21, 29)} == {"×"}


def test_steep_line_has_no_holes() -> None:
    curve = Curve()
    curve.add({"update": n, "loss": 1.0 if n < 50 else 3.0} for n in range(1, 101))
    curve.smoothed[:] = curve.losses
    plot = Plot(0, 100, 50, 6, Scale.over((1.0, 3.0), 24, 3, log=False))
    plot.curves(curve.columns(0, 100, 100), [])
    assert all(any(cell[1] == SMOOTH for cell in row) for row in plot.rows)


def test_runs_and_validations_are_told_apart_without_colour() -> None:
    curve, other = curve_of(100), Curve()
    curve.add([{"update": 80, "valid": 2.6}, {"update": 90, "valid": 2.7}])
    other.add({"update": n, "loss": 1.0, "valid": 1.5 if n >= 50 else None} for n in range(1, 101))
    plot = Plot(0, 100, 50, 10, Scale.over((1.0, 3.0), 40, 3, log=False))
    plot.curves(curve.columns(0, 100, 100), [other.columns(0, 100, 100)])
    plot.letters("a", other)
    plot.validations(curve)
    signs = [sign for row in plot.rows for sign, layer in row if layer in (VALID, OVER)]
    assert signs.count("a") == 2
    text = "".join(sign for row in plot.rows for sign, _ in row)
    assert text.count("◆") == text.count("★") == 1
    dotted = [sign for row in plot.rows for sign, layer in row if layer == OVER and sign != "a"]
    assert dotted
    assert "⠤" not in dotted
