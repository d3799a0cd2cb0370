"""What a report is: sections of sentences, tables and charts, in nobody's language yet.

A report is made once and kept as JSON; every file is written from it, so that any file of any
language can be written again, byte by byte. Cells are plain values, :class:`Message` (a sentence of
the catalogues) or :class:`Names` (one name in each language).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Any

from matcher.vocabulary import Message

# A figure of fewer firms than this could be told apart: it is not shown to report readers.
SMALL = 3
HIDDEN = Message("not shown (fewer than {least} firms)", {"least": SMALL})


def at_least(count: int) -> Message:
    """Say a figure of which readers see a part."""
    return Message("{count} or more", {"count": count})


@dataclass(frozen=True, slots=True)
class Names:
    """One name in each language of the interface."""

    zh: str
    en: str


@dataclass(frozen=True, slots=True)
class Told:
    """A cell that the office reads otherwise than report readers do."""

    office: Any
    readers: Any


Cell = str | int | float | date | Message | Names | Told | None
Row = tuple[Cell, ...]


@dataclass(frozen=True, slots=True)
class Column:
    """One column: key, title (catalogue key) and kind, which says how cells are written.

    ``score`` has two decimals, ``percent`` is a share 0…1, ``money`` whole NT$, ``change`` a
    number with its sign.
    """

    key: str
    title: str
    kind: str = "text"


@dataclass(frozen=True, slots=True)
class Table:
    """Rows under columns. ``internal``: for the office only, not for report readers."""

    key: str
    title: str
    columns: tuple[Column, ...]
    rows: tuple[Row, ...]
    note: Message | None = None
    internal: bool = False


@dataclass(frozen=True, slots=True)
class Chart:
    """Numbers as a picture, ``bar`` (lying bars) or ``line``; ``table`` names its table.

    ``series`` are (name, values) with one value a label; None: nothing to show there.
    """

    key: str
    title: str
    kind: str
    labels: tuple[Cell, ...]
    series: tuple[tuple[Cell, tuple[float | Told | None, ...]], ...]
    table: str = ""

    @property
    def numbers(self) -> tuple[tuple[float | None, ...], ...]:
        """Give the values of each series; where no side was chosen, what readers see."""
        return tuple(tuple(value.readers if isinstance(value, Told) else value for value in values)
                     for _, values in self.series)


@dataclass(frozen=True, slots=True)
class Section:
    """One section: its sentences first, then tables, each chart before its table."""

    key: str
    title: str
    sentences: tuple[Message, ...] = ()
    tables: tuple[Table, ...] = ()
    charts: tuple[Chart, ...] = ()
    internal: bool = False


@dataclass(frozen=True, slots=True)
class Report:
    """One centre's half-open month ``[first, end)`` in Asia/Taipei as it stood at ``made``."""

    centre: str
    name: Names
    first: date
    end: date
    made: datetime
    run_id: str
    sections: tuple[Section, ...] = ()
    draft: bool = False

    def for_readers(self) -> Report:
        """Give the report without what is for the office only."""
        kept = (replace(s, tables=tuple(t for t in s.tables if not t.internal))
                for s in self.sections if not s.internal)
        return replace(self, sections=tuple(_as_told(s, "readers") for s in kept))

    def for_office(self) -> Report:
        """Give the report as the office reads it."""
        return replace(self, sections=tuple(_as_told(s, "office") for s in self.sections))

    def only(self, keys: Iterable[str]) -> Report:
        """Give the report with the named sections alone, in the report's order."""
        wanted = set(keys)
        return replace(self, sections=tuple(s for s in self.sections if s.key in wanted))

    def section(self, key: str) -> Section:
        """Find a section; raise ``KeyError``."""
        return {section.key: section for section in self.sections}[key]

    def table(self, key: str) -> Table:
        """Find a table of any section; raise ``KeyError``."""
        return {table.key: table for section in self.sections for table in section.tables}[key]


def _as_told(value: Any, to: str) -> Any:
    """Choose what is told to one side, in all cells, fields and charts of a section."""
    if isinstance(value, Told):
        return _as_told(getattr(value, to), to)
    if isinstance(value, Message):
        return Message(value.id, {k: _as_told(v, to) for k, v in value.fields.items()})
    if isinstance(value, tuple):
        return tuple(_as_told(part, to) for part in value)
    if isinstance(value, (Table, Chart, Section)):
        return type(value)(**{n: _as_told(getattr(value, n), to) for n in type(value).__slots__})
    return value


def to_plain(value: Any) -> Any:
    """Give a report, or any part of it, as JSON values; :func:`to_report` reads it back."""
    if isinstance(value, Message):
        return {"say": value.id, "fields": {k: to_plain(v) for k, v in value.fields.items()}}
    if isinstance(value, Names):
        return {"zh": value.zh, "en": value.en}
    if isinstance(value, Told):
        return {"office": to_plain(value.office), "readers": to_plain(value.readers)}
    if isinstance(value, date):
        return {"date" if not isinstance(value, datetime) else "time": value.isoformat()}
    if isinstance(value, (tuple, list)):
        return [to_plain(part) for part in value]
    if isinstance(value, (Column, Table, Chart, Section, Report)):
        return {name: to_plain(getattr(value, name)) for name in type(value).__slots__}
    return value


def from_plain(value: Any) -> Any:
    """Read cells, messages and tuples of them back."""
    if isinstance(value, list):
        return tuple(from_plain(part) for part in value)
    if not isinstance(value, Mapping):
        return value
    if "say" in value:
        return Message(value["say"], {k: from_plain(v) for k, v in value["fields"].items()})
    if "office" in value:
        return Told(from_plain(value["office"]), from_plain(value["readers"]))
    if "date" in value:
        return date.fromisoformat(value["date"])
    if "time" in value:
        return datetime.fromisoformat(value["time"])
    return Names(value["zh"], value["en"])


def to_report(plain: Mapping[str, Any]) -> Report:
    """Read a report back from its JSON values."""
    sections = tuple(_section(row) for row in plain["sections"])
    values = {k: from_plain(v) for k, v in plain.items() if k != "sections"}
    return Report(**values, sections=sections)


def _section(row: Mapping[str, Any]) -> Section:
    tables = tuple(Table(**{**_cells(t, "columns"),
                            "columns": tuple(Column(**c) for c in t["columns"])})
                   for t in row["tables"])
    charts = tuple(Chart(**_cells(c)) for c in row["charts"])
    return Section(**_cells(row, "tables", "charts"), tables=tables, charts=charts)


def _cells(row: Mapping[str, Any], *left_out: str) -> dict[str, Any]:
    return {k: from_plain(v) for k, v in row.items() if k not in left_out}
