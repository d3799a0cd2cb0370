"""A report's cells and sentences in a reader's language, with its numbers and dates."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date, datetime

from babel import Locale
from babel.dates import format_date, format_datetime
from babel.numbers import format_decimal, format_percent

from matcher.languages import LANGUAGES, render, translate
from matcher.report.model import Cell, Column, Names, Report, Table, Told
from matcher.vocabulary import Message
from matcher.workflow import TAIPEI

NOTHING = "–"
# Files cannot carry these: control characters but the line feed, surrogates, non-characters.
_UNWRITABLE = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]")
_PLACES = {"score": "0.00", "number": "#,##0.##", "money": "#,##0", "change": "+#,##0.##;−#,##0.##"}


@dataclass(frozen=True, slots=True)
class Wording:
    """Writes what a report holds in one language of the interface (zh, en)."""

    lang: str

    @property
    def locale(self) -> Locale:
        """The Babel locale of numbers and dates."""
        return Locale.parse(LANGUAGES[self.lang].locale or "en")

    @property
    def tag(self) -> str:
        """The BCP 47 tag, e.g. zh-Hant-TW."""
        return str(self.locale).replace("_", "-")

    def title(self, key: str) -> str:
        """Translate a title; empty stays empty."""
        return clean(translate(key, self.lang)) if key else ""

    def cell(self, value: Cell, column: Column | None = None) -> str:
        """Write a cell as its column's kind says; without a column by the value's own type."""
        if isinstance(value, Told):  # nobody chose a side: the one that may see less
            return self.cell(value.readers, column)
        if value is None or value == "":
            return NOTHING
        if isinstance(value, Message):
            return self.sentence(value)
        if isinstance(value, Names):
            return clean(str(getattr(value, self.lang)))
        if isinstance(value, date):
            return self.day(value)
        if isinstance(value, str):
            return clean(value)
        return self.number(value, column.kind if column else "number")

    def number(self, value: float, kind: str = "number") -> str:
        """Write a number of a kind of column."""
        if kind == "percent":
            return str(format_percent(value, "0.0 %" if self.lang == "en" else "0.0%",
                                      locale=self.locale))
        if kind == "change" and not value:
            return "0"
        return str(format_decimal(value, _PLACES.get(kind, _PLACES["number"]), locale=self.locale))

    def day(self, value: date) -> str:
        """Write a date, or a time in Taiwan to the minute."""
        if isinstance(value, datetime):
            return str(format_datetime(in_taiwan(value), "y-MM-dd HH:mm", locale=self.locale))
        return value.isoformat()

    def month(self, first: date) -> str:
        """Write a month: 2026年10月, October 2026."""
        return str(format_date(first, "y年M月" if self.lang == "zh" else "MMMM y", self.locale))

    def sentence(self, message: Message) -> str:
        """Write a sentence; numbers and dates inside it by the language's rules."""
        fields = {name: self._field(value) for name, value in message.fields.items()}
        return clean(render(Message(message.id, fields), self.lang))

    def _field(self, value: object) -> object:
        if isinstance(value, (tuple, list)):
            return ("、" if self.lang == "zh" else ", ").join(self.cell(v) for v in value)
        if isinstance(value, (int, float, date, Message, Names, Told)):
            return self.cell(value)
        return value


def as_text(report: Report, lang: str) -> str:
    """Give a report as text for a terminal."""
    words = Wording(lang)
    lines = [f"{words.cell(report.name)} {words.month(report.first)}"]
    for section in report.sections:
        lines += ["", f"# {words.title(section.title)}"]
        lines += [words.sentence(sentence) for sentence in section.sentences]
        for table in section.tables:
            lines += ["", f"## {words.title(table.title)}", *_table_lines(table, words)]
    return "\n".join(lines)


def _table_lines(table: Table, words: Wording) -> list[str]:
    if not table.rows:
        return [words.title("Nothing this month.")]
    head = "  ".join(words.title(column.title) for column in table.columns)
    return [head, *("  ".join(words.cell(cell, column) for cell, column in
                              zip(row, table.columns, strict=True)) for row in table.rows)]


def clean(text: str) -> str:
    """Take out what a file cannot carry; a tab or a carriage return becomes a space."""
    return _UNWRITABLE.sub("", text.replace("\r\n", "\n").replace("\t", " ").replace("\r", " "))


def in_taiwan(moment: datetime) -> datetime:
    """Give a time in Taiwan; a time without zone is one already."""
    return moment.astimezone(TAIPEI) if moment.tzinfo else moment.replace(tzinfo=TAIPEI)
