"""The report as a workbook: contents, one sheet a section, and a sheet of charts."""

from __future__ import annotations

import io
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import Any

from matcher.intake.templates import guard
from matcher.report.files.plot import COLOURS, MOST_SERIES, kind_of
from matcher.report.model import Cell, Chart, Column, Report, Section, Table
from matcher.report.wording import Wording, in_taiwan

_OPTIONS = {"in_memory": True, "strings_to_formulas": False, "strings_to_urls": False,
            "strings_to_numbers": False, "nan_inf_to_errors": True}
_NUMBERS = ("number", "score", "percent", "money", "change")
_PLACES = {"score": "0.00", "percent": "0.0%", "money": "#,##0", "change": "+#,##0.##;−#,##0.##;0"}
_STYLES: Mapping[str, Mapping[str, object]] = {
    "title": {"bold": True, "font_size": 15, "font_color": "#0b5d57"},
    "caption": {"bold": True, "font_size": 12},
    "note": {"font_color": "#57606a", "italic": True},
    "header": {"bold": True, "bg_color": "#e3efee", "bottom": 2, "bottom_color": "#0b5d57",
               "text_wrap": True, "valign": "top"},
    "right": {"bold": True, "bg_color": "#e3efee", "bottom": 2, "bottom_color": "#0b5d57",
              "text_wrap": True, "valign": "top", "align": "right"},
    "text": {"text_wrap": True, "valign": "top", "num_format": "@"},
    # Excel keeps such text as text when somebody edits the cell.
    "guarded": {"text_wrap": True, "valign": "top", "num_format": "@", "quote_prefix": True},
    "hidden": {"valign": "top", "align": "right"},
    "draft": {"bold": True, "font_color": "#a40e26"},
    "link": {"font_color": "#0b5d57", "underline": 1},
}
_LONGEST = 32_767
_WIDEST, _NARROWEST = 60, 9
_LINE, _MOST_LINES = 16.5, 24


@dataclass(slots=True)
class _Sheet:
    """One sheet, the row to write next, how wide each column is, and where text may wrap."""

    inner: Any
    name: str
    row: int = 0
    widths: dict[int, int] = field(default_factory=dict)
    texts: list[tuple[int, int, str]] = field(default_factory=list)

    def widen(self, column: int, text: str) -> None:
        """Make a column as wide as a text, within limits."""
        wide = min(max(map(_breadth, text.split("\n")), default=0) + 3, _WIDEST)
        self.widths[column] = max(self.widths.get(column, _NARROWEST), wide)

    def fit(self) -> None:
        """Set the widths, and the height of each row whose text needs several lines."""
        for column, width in self.widths.items():
            self.inner.set_column(column, column, width)
        lines: dict[int, int] = {}
        for row, column, text in self.texts:
            width = max(1, self.widths.get(column, _NARROWEST) - 2)
            needed = sum(max(1, -(-_breadth(part) // width)) for part in text.split("\n"))
            lines[row] = max(lines.get(row, 1), min(needed, _MOST_LINES))
        for row, count in lines.items():
            if count > 1:
                self.inner.set_row(row, count * _LINE)


def write(report: Report, lang: str) -> bytes:
    """Give the report as XLSX; text never becomes a formula, a link or a number."""
    import xlsxwriter

    buffer = io.BytesIO()
    with xlsxwriter.Workbook(buffer, _OPTIONS) as book:
        _Book(book, report, Wording(lang)).fill()
    return buffer.getvalue()


class _Book:
    """Fills one workbook."""

    def __init__(self, book: Any, report: Report, words: Wording) -> None:
        self.book, self.report, self.words = book, report, words
        self.styles = {name: book.add_format(dict(style)) for name, style in _STYLES.items()}
        self.names: set[str] = set()

    def fill(self) -> None:
        """Write every sheet; the contents come first."""
        self._properties()
        contents = self._sheet(self.words.title("Contents"))
        sheets = [self._section(section) for section in self.report.sections]
        charts = self._charts()
        self._contents(contents, sheets, charts)

    def _properties(self) -> None:
        made = in_taiwan(self.report.made).astimezone(UTC).replace(tzinfo=None)
        self.book.set_properties({"title": self._title(), "created": made,
                                  "author": self.words.cell(self.report.name)})

    def _title(self) -> str:
        return f"{self.words.title('Monthly match report')} {self.words.month(self.report.first)}"

    def _sheet(self, title: str) -> _Sheet:
        name = sheet_name(title, self.names)
        self.names.add(name.casefold())
        inner = self.book.add_worksheet(name)
        inner.set_landscape()
        inner.set_paper(9)
        inner.fit_to_pages(1, 0)
        inner.hide_gridlines(2)
        return _Sheet(inner, name)

    def _line(self, sheet: _Sheet, text: str, style: str = "text", column: int = 0) -> None:
        sheet.inner.write_string(sheet.row, column, text[:_LONGEST], self.styles[style])
        if _STYLES[style].get("text_wrap"):
            sheet.texts.append((sheet.row, column, text))

    def _contents(self, sheet: _Sheet, sheets: list[_Sheet], charts: _Sheet | None) -> None:
        words, report = self.words, self.report
        sheet.widths = {0: 28, 1: 100}
        self._line(sheet, f"{words.cell(report.name)} {self._title()}", "title")
        for key, value in (("As it stood at", words.day(report.made)), ("Run", report.run_id)):
            sheet.row += 1
            self._line(sheet, words.title(key), "note")
            self._line(sheet, value, column=1)
        if report.draft:
            sheet.row += 1
            self._line(sheet, words.title("Draft"), "draft")
        for section, target in zip(report.sections, sheets, strict=True):
            self._entry(sheet, target, words.title(section.title))
            for place, sentence in enumerate(section.sentences):
                sheet.row += 1 if place else 0
                self._line(sheet, words.sentence(sentence), column=1)
        if charts:
            self._entry(sheet, charts, words.title("Charts"))
        sheet.fit()

    def _entry(self, sheet: _Sheet, target: _Sheet, title: str) -> None:
        sheet.row += 1
        self._link(sheet, target.name, title)

    def _link(self, sheet: _Sheet, target: str, text: str) -> None:
        quoted = target.replace("'", "''")
        sheet.inner.write_url(sheet.row, 0, f"internal:'{quoted}'!A1", self.styles["link"], text)

    def _section(self, section: Section) -> _Sheet:
        """Write the tables below each other; what the section says stands in the contents."""
        sheet = self._sheet(self.words.title(section.title))
        self._line(sheet, self.words.title(section.title), "title")
        sheet.row = 1
        self._link(sheet, self.words.title("Contents"), self.words.title("Contents"))
        for place, table in enumerate(section.tables):
            sheet.row += 2
            self._table(sheet, table, alone=len(section.tables) == 1, first=place == 0)
        sheet.fit()
        if len(section.tables) != 1:
            sheet.inner.freeze_panes(1, 0)
        return sheet

    def _table(self, sheet: _Sheet, table: Table, *, alone: bool, first: bool) -> None:
        self._line(sheet, self.words.title(table.title), "caption")
        sheet.row += 1
        if table.note:
            self._line(sheet, self.words.sentence(table.note), "note")
            sheet.row += 1
        head = sheet.row
        for place, column in enumerate(table.columns):
            text = self.words.title(column.title)
            self._line(sheet, text, "right" if column.kind in _NUMBERS else "header", place)
            sheet.widen(place, text)
        for row in table.rows:
            sheet.row += 1
            for place, (cell, column) in enumerate(zip(row, table.columns, strict=True)):
                self._cell(sheet, place, cell, column)
        if not table.rows:
            sheet.row += 1
            self._line(sheet, self.words.title("Nothing this month."), "note")
        elif first:
            sheet.inner.autofilter(head, 0, sheet.row, len(table.columns) - 1)
        if alone:
            sheet.inner.freeze_panes(head + 1, 0)
            sheet.inner.repeat_rows(head)

    def _cell(self, sheet: _Sheet, place: int, cell: Cell, column: Column) -> None:
        """Write a value as what it is: number, date or text."""
        if cell is None or cell == "":
            return
        text = self.words.cell(cell, column)
        sheet.widen(place, text)
        if isinstance(cell, date) and cell.year >= 1900:
            day = in_taiwan(cell).replace(tzinfo=None) if isinstance(cell, datetime) else cell
            look = "yyyy-mm-dd hh:mm" if isinstance(cell, datetime) else "yyyy-mm-dd"
            sheet.inner.write_datetime(sheet.row, place, day, self._look(look))
        elif isinstance(cell, (int, float)) and column.kind != "id":
            sheet.inner.write_number(sheet.row, place, cell, self._look(_look_of(cell, column)))
        elif column.kind in _NUMBERS:
            self._line(sheet, text, "hidden", place)
        else:
            self._line(sheet, text, "text" if guard(text) == text else "guarded", place)

    def _look(self, places: str) -> Any:
        if places not in self.styles:
            self.styles[places] = self.book.add_format({"num_format": places, "valign": "top"})
        return self.styles[places]

    def _charts(self) -> _Sheet | None:
        """Write each chart's numbers and the chart beside them."""
        drawn = [(chart, section) for section in self.report.sections for chart in section.charts
                 if any(value for values in chart.numbers for value in values)]
        if not drawn:
            return None
        sheet = self._sheet(self.words.title("Charts"))
        self._link(sheet, self.words.title("Contents"), self.words.title("Contents"))
        sheet.row = 2
        sheet.widths = {0: 30, **dict.fromkeys(range(1, MOST_SERIES + 1), 14)}
        for chart, section in drawn:
            tables = {table.key: table for table in section.tables}
            self._chart(sheet, chart, tables.get(chart.table))
        sheet.fit()
        return sheet

    def _chart(self, sheet: _Sheet, chart: Chart, table: Table | None) -> None:
        self._line(sheet, self.words.title(chart.title), "caption")
        top, series = sheet.row, chart.series[:MOST_SERIES]
        sheet.row += 1
        for place, (name, _) in enumerate(series, 1):
            self._line(sheet, self.words.cell(name), "right", place)
        columns = [Column("", "", kind_of(name, table, self.words)) for name, _ in series]
        for label, *values in zip(chart.labels, *(row for _, row in series), strict=True):
            sheet.row += 1
            self._line(sheet, self.words.cell(label))
            for place, (value, column) in enumerate(zip(values, columns, strict=True), 1):
                self._cell(sheet, place, value, column)
        self._draw(sheet, chart, top + 1, columns)
        sheet.row = max(sheet.row, top + 20) + 2

    def _draw(self, sheet: _Sheet, chart: Chart, head: int, columns: list[Column]) -> None:
        drawn, series = self.book.add_chart({"type": chart.kind}), len(columns)
        for place in range(1, series + 1):
            drawn.add_series({
                "name": [sheet.name, head, place],
                "categories": [sheet.name, head + 1, 0, sheet.row, 0],
                "values": [sheet.name, head + 1, place, sheet.row, place],
                "fill": {"color": COLOURS[place - 1]},
                "line": {"color": COLOURS[place - 1], "width": 2},
                "marker": {"type": "automatic"}, "data_labels": {"value": series == 1}})
        drawn.set_title({"name": self.words.title(chart.title), "name_font": {"size": 12}})
        drawn.set_legend({"position": "bottom"} if series > 1 else {"none": True})
        numbers = {"num_format": _PLACES.get(columns[0].kind, "General"),
                   "major_gridlines": {"visible": True, "line": {"color": "#d0d7de"}}}
        if chart.kind == "bar":
            drawn.set_x_axis(numbers)
            drawn.set_y_axis({"reverse": True, "major_gridlines": {"visible": False}})
        else:
            drawn.set_y_axis({**numbers, "min": 0} if _positive(chart) else numbers)
        drawn.set_size({"width": 640, "height": 380})
        sheet.inner.insert_chart(head - 1, series + 2, drawn)


def _look_of(cell: float, column: Column) -> str:
    whole = "#,##0" if float(cell).is_integer() else "#,##0.00"
    return _PLACES.get(column.kind, whole)


def _positive(chart: Chart) -> bool:
    return all(value is None or value >= 0 for values in chart.numbers for value in values)


def _breadth(text: str) -> int:
    """Count a text's width as Excel does: in Latin digits, a Han character as two."""
    return sum(2 if char > "\u2e7f" else 1 for char in text)


def sheet_name(title: str, taken: set[str]) -> str:
    """Give a title as a sheet's name: 31 characters, none that Excel forbids, none taken."""
    name = re.sub(r"[\[\]:*?/\\]", " ", title).strip("' ")[:31].rstrip("' ") or "–"
    name = f"{name} –" if name.casefold() == "history" else name
    number, plain = 2, name
    while name.casefold() in taken:
        name, number = f"{plain[:31 - len(str(number)) - 1]} {number}", number + 1
    return name
