"""Charts as shapes on a plane, drawn alike in HTML (SVG) and in PDF."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from matcher.report.files import bars, lines
from matcher.report.files.plot import Picture, Plot, plot_of, shorten
from matcher.report.model import Chart, Section, Table
from matcher.report.wording import Wording

_LAYOUTS: Mapping[str, Callable[[Plot], Picture]] = {"bar": bars.lay_out, "line": lines.lay_out}


def picture(chart: Chart, table: Table | None, words: Wording) -> Picture | None:
    """Lay a chart out; None when it has nothing but zeros to show: its table says that."""
    plot = plot_of(chart, table, words)
    if not any(value for row in plot.values for value in row):
        return None
    return _LAYOUTS[chart.kind](plot)


def spoken(chart: Chart, table: Table | None, words: Wording) -> str:
    """Say the chart's numbers, for those who hear it."""
    plot = plot_of(chart, table, words)
    rows = (f"{name}: " + "; ".join(f"{label} {plot.say(value, place)}"
                                    for label, value in zip(plot.labels, values, strict=True)
                                    if value is not None)
            for place, (name, values) in enumerate(zip(plot.names, plot.values, strict=True)))
    return shorten(". ".join(rows), 8000)


Pair = tuple[tuple[Chart, ...], Table | None]


def arranged(section: Section) -> list[Pair]:
    """Give a section's tables, each with its charts before it; charts of no table come first."""
    keys = {table.key for table in section.tables}
    alone = tuple(chart for chart in section.charts if chart.table not in keys)
    pairs: list[Pair] = [(tuple(c for c in section.charts if c.table == table.key), table)
                         for table in section.tables]
    return [(alone, None), *pairs] if alone else pairs
