"""Lines with markers: each named at its end, so that no legend has to be looked up."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby

from matcher.report.files.plot import (
    SIZE,
    WIDTH,
    Marker,
    Path,
    Picture,
    Plot,
    Rule,
    Shape,
    Text,
    breadth,
    shorten,
)

_TOP, _BOTTOM, _HEIGHT = 16.0, 216.0, 244.0
_NAMES = 190.0
_APART = 15.0
_FEW = 14


def lay_out(plot: Plot) -> Picture:
    """Lay the lines out over the labels, which go from left to right."""
    left = max(breadth(plot.say(tick)) for tick in plot.axis.ticks()) + 10
    ends = _ends(plot)
    right = WIDTH - max((breadth(text) for text in ends.values()), default=0.0) - 16
    xs = _places(len(plot.labels), left + 12, right - 8)
    shapes = [*_axis(plot, left, right), *_labels(plot, xs)]
    for series in range(len(plot.names)):
        shapes += _line(plot, series, xs)
    return Picture(_HEIGHT, (*shapes, *_named(plot, ends, right + 6)), plot.left_out)


def _places(count: int, left: float, right: float) -> list[float]:
    if count == 1:
        return [(left + right) / 2]
    return [left + (right - left) * place / (count - 1) for place in range(count)]


def _y(plot: Plot, value: float) -> float:
    return _BOTTOM - plot.axis.share(value) * (_BOTTOM - _TOP)


def _axis(plot: Plot, left: float, right: float) -> Iterator[Shape]:
    for tick in plot.axis.ticks():
        y = _y(plot, tick)
        yield Rule(left, y, right, y, strong=tick == 0)
        yield Text(left - 6, y + SIZE * 0.36, plot.say(tick), "end")


def _labels(plot: Plot, xs: list[float]) -> Iterator[Shape]:
    """Write as many labels as find room, the last always among them."""
    room = max(breadth(label) for label in plot.labels) + 10
    step = xs[1] - xs[0] if len(xs) > 1 else WIDTH
    every = max(1, -int(-min(room, 120.0) // step))
    for place in range(len(xs) - 1, -1, -every):
        text = shorten(plot.labels[place], max(step * every - 6, SIZE * 3))
        if place and place == len(xs) - 1:  # the names of the lines begin at its right
            yield Text(xs[place] + 8, _BOTTOM + 20, text, "end")
        else:
            yield Text(xs[place], _BOTTOM + 20, text, "middle")


def _line(plot: Plot, series: int, xs: list[float]) -> Iterator[Shape]:
    """Draw one series; where a value is missing the line is broken, not guessed."""
    points = [None if value is None else (x, _y(plot, value))
              for x, value in zip(xs, plot.values[series], strict=True)]
    for missing, run in groupby(points, key=lambda point: point is None):
        if not missing:
            yield Path(tuple(point for point in run if point), series)
    yield from (Marker(*point, series) for point in points if point)
    if len(plot.names) == 1 and len(xs) <= _FEW:
        yield from _values(plot, points)


def _values(plot: Plot, points: list[tuple[float, float] | None]) -> Iterator[Shape]:
    """Write each value above its point, in a valley below it; the last stands at the end."""
    for place, (point, value) in enumerate(zip(points[:-1], plot.values[0], strict=False)):
        if point is None or value is None:
            continue
        around = [p[1] for p in (*points[max(0, place - 1):place], points[place + 1]) if p]
        valley = bool(around) and all(y < point[1] for y in around) and point[1] < _BOTTOM - 20
        yield Text(point[0], point[1] + (18 if valley else -8), plot.say(value), "middle")


def _ends(plot: Plot) -> dict[int, str]:
    """Give what stands at the end of each line: name and last value."""
    ends = {}
    for series, (name, values) in enumerate(zip(plot.names, plot.values, strict=True)):
        known = [value for value in values if value is not None]
        if known:
            ends[series] = f"{shorten(name, _NAMES)} {plot.say(known[-1], series)}"
    return ends


def _named(plot: Plot, ends: dict[int, str], x: float) -> Iterator[Shape]:
    """Name the lines at their ends, pushed apart where they would touch."""
    last = {s: next(v for v in reversed(plot.values[s]) if v is not None) for s in ends}
    order = sorted(ends, key=lambda series: (_y(plot, last[series]), series))
    ys = [_y(plot, last[series]) + SIZE * 0.36 for series in order]
    for place in range(1, len(ys)):
        ys[place] = max(ys[place], ys[place - 1] + _APART)
    over = max(0.0, ys[-1] - (_HEIGHT - 8)) if ys else 0.0
    for place in range(len(ys) - 1, -1, -1):
        limit = ys[place + 1] - _APART if place + 1 < len(ys) else ys[place] - over
        ys[place] = min(ys[place], limit)
    for series, y in zip(order, ys, strict=True):
        yield Text(x, y, ends[series], series=series)
