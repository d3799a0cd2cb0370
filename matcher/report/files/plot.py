"""The shapes and numbers charts are made of.

Lengths are units of a picture :data:`WIDTH` units wide, y goes down, text stands on its y. Widths
of text are estimated, not measured, so that every drawer gets the same picture.
"""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass, field
from math import ceil, floor, log10

from matcher.report.model import Cell, Chart, Table
from matcher.report.wording import Wording

WIDTH = 640.0
SIZE = 12.0
MOST_SERIES = 8
# What fits on a page.
MOST_BARS, MOST_LABELS = 48, 30
# Told apart by eyes that see no red or green, and at least 3:1 on white and on near-black.
COLOURS = ("#0072b2", "#d55e00", "#009e73", "#b0679a", "#767676", "#a07800", "#7f5fc9", "#9a5b45")
# Lines are told apart in black and white too: (dash, gap), none is a whole line.
DASHES: tuple[tuple[float, float] | None, ...] = (
    None, (7, 3), (2, 2), (10, 4), None, (7, 3), (2, 2), (10, 4))


@dataclass(frozen=True, slots=True)
class Text:
    """A line of text; ``anchor`` is start, middle or end; ``series`` None: the ink of the page."""

    x: float
    y: float
    text: str
    anchor: str = "start"
    series: int | None = None


@dataclass(frozen=True, slots=True)
class Bar:
    """A filled rectangle in the colour of a series."""

    x: float
    y: float
    width: float
    height: float
    series: int


@dataclass(frozen=True, slots=True)
class Path:
    """A line through points in the colour and dashes of a series."""

    points: tuple[tuple[float, float], ...]
    series: int


@dataclass(frozen=True, slots=True)
class Marker:
    """A point of a series: round, square, diamond or triangle (``series`` modulo four)."""

    x: float
    y: float
    series: int


@dataclass(frozen=True, slots=True)
class Rule:
    """A line of the axis; ``strong`` for zero."""

    x1: float
    y1: float
    x2: float
    y2: float
    strong: bool = False


Shape = Text | Bar | Path | Marker | Rule


@dataclass(frozen=True, slots=True)
class Picture:
    """Shapes in order of drawing; ``left_out`` counts labels that found no room."""

    height: float
    shapes: tuple[Shape, ...]
    left_out: int = 0


@dataclass(frozen=True, slots=True)
class Axis:
    """The numbers an axis runs over; zero is always among them."""

    low: float
    high: float
    step: float

    def ticks(self) -> list[float]:
        """Give the round numbers on the axis."""
        count = round((self.high - self.low) / self.step)
        return [round(self.low + place * self.step, 10) for place in range(count + 1)]

    def share(self, value: float) -> float:
        """Say where a value stands between low 0 and high 1."""
        return (value - self.low) / (self.high - self.low)


@dataclass(frozen=True, slots=True)
class Plot:
    """A chart's words and numbers, ready to be laid out."""

    labels: tuple[str, ...]
    names: tuple[str, ...]
    values: tuple[tuple[float | None, ...], ...]
    words: Wording
    kinds: tuple[str, ...]
    left_out: int = 0
    axis: Axis = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "axis", axis_of([v for row in self.values for v in row
                                                  if v is not None]))

    def say(self, value: float, series: int = 0) -> str:
        """Write a value as the chart's table writes it."""
        return self.words.number(value, self.kinds[series])


def plot_of(chart: Chart, table: Table | None, words: Wording) -> Plot:
    """Write labels and names in a language; leave out what no picture can show."""
    shown = chart.series[:MOST_SERIES]
    most = len(chart.labels)
    if chart.kind == "bar":
        most = min(MOST_LABELS, MOST_BARS // max(1, len(shown)))
    return Plot(labels=tuple(words.cell(label) for label in chart.labels[:most]),
                names=tuple(words.cell(name) for name, _ in shown),
                values=tuple(values[:most] for values in chart.numbers[:MOST_SERIES]), words=words,
                kinds=tuple(kind_of(name, table, words) for name, _ in shown),
                left_out=max(0, len(chart.labels) - most) + len(chart.series) - len(shown))


def kind_of(name: Cell, table: Table | None, words: Wording) -> str:
    """Find how a series' numbers are written: as its table's column, or its table's only kind."""
    columns = [c for c in (table.columns if table else ()) if c.kind not in ("text", "id", "date")]
    named = [c.kind for c in columns if words.title(c.title) == words.cell(name)]
    kinds = {c.kind for c in columns}
    return named[0] if named else kinds.pop() if len(kinds) == 1 else "number"


def axis_of(values: list[float]) -> Axis:
    """Choose round ends and steps of 1, 2 or 5, from zero on."""
    low, high = min([0.0, *values]), max([0.0, *values])
    if low == high:
        return Axis(0, 1, 1)
    raw = (high - low) / 4
    tens = 10.0 ** floor(log10(raw))
    step = next(tens * part for part in (1, 2, 5, 10) if tens * part >= raw * 0.999)
    if all(float(value).is_integer() for value in values):
        step = max(1.0, step)
    return Axis(floor(low / step) * step, ceil(high / step) * step, step)


def breadth(text: str, size: float = SIZE) -> float:
    """Estimate a text's width: a Han character is as wide as high, a Latin one six tenths."""
    return size * sum(1.0 if unicodedata.east_asian_width(char) in "WF" else 0.6 for char in text)


def shorten(text: str, width: float) -> str:
    """Cut a text that is too wide, and show by … that it was cut."""
    text = text.replace("\n", " ")
    if breadth(text) <= width:
        return text
    while text and breadth(text + "…") > width:
        text = text[:-max(1, int((breadth(text) - width) // SIZE))]
    return text.rstrip() + "…"
