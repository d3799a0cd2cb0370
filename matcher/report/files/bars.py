"""Lying bars: a group of bars a label, its value at each bar's end."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from matcher.report.files.plot import (
    SIZE,
    WIDTH,
    Bar,
    Picture,
    Plot,
    Rule,
    Shape,
    Text,
    breadth,
    shorten,
)

_LABELS = 220.0
_GAP = 9.0
Scale = Callable[[float], float]


def lay_out(plot: Plot) -> Picture:
    """Lay the bars out under a legend (when there are several series)."""
    many = len(plot.names) > 1
    legend, top = _legend(plot) if many else ([], 6.0)
    thick = 13.0 if many else 16.0
    labels = [shorten(label, _LABELS) for label in plot.labels]
    left = max((breadth(label) for label in labels), default=0.0) + 10
    across = _scale(plot, left)
    group = thick * len(plot.names) + _GAP
    bottom = top + group * len(labels)
    shapes = [*legend, *_axis(plot, across, top, bottom)]
    for place, label in enumerate(labels):
        start = top + place * group + _GAP / 2
        shapes.append(Text(left - 8, start + (group - _GAP) / 2 + SIZE * 0.36, label, "end"))
        shapes += _group(plot, place, across, start, thick)
    return Picture(bottom + 24, tuple(shapes), plot.left_out)


def _group(plot: Plot, place: int, across: Scale, start: float, thick: float) -> Iterator[Shape]:
    """Give one label's bars; a value to the left of zero says so on the left."""
    zero = across(0)
    for series, values in enumerate(plot.values):
        value = values[place]
        if value is None:
            continue
        end, y = across(value), start + series * thick
        yield Bar(min(zero, end), y, abs(end - zero), thick - 2, series)
        yield Text(max(zero, end) + 5, y + thick / 2 + SIZE * 0.28, plot.say(value, series))


def _scale(plot: Plot, left: float) -> Scale:
    """Place values between the labels and the room that the longest value needs."""
    room = max((breadth(plot.say(v, s)) for s, row in enumerate(plot.values) for v in row
                if v is not None), default=0.0) + 12
    return lambda value: left + plot.axis.share(value) * (WIDTH - left - room)


def _axis(plot: Plot, across: Scale, top: float, bottom: float) -> Iterator[Shape]:
    for tick in plot.axis.ticks():
        x = across(tick)
        yield Rule(x, top, x, bottom, strong=tick == 0)
        yield Text(x, bottom + 16, plot.say(tick), "middle")


def _legend(plot: Plot) -> tuple[list[Shape], float]:
    """Give the legend and the y under it; names flow over as many lines as they need."""
    shapes: list[Shape] = []
    x, y = 0.0, 6.0
    for series, name in enumerate(plot.names):
        text = shorten(name, _LABELS)
        if x and x + 34 + breadth(text) > WIDTH:
            x, y = 0.0, y + 18
        shapes += [Bar(x, y, 12, 12, series), Text(x + 17, y + 10.5, text)]
        x += 34 + breadth(text)
    return shapes, y + 22
