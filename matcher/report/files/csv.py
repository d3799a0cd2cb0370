"""The report as one CSV file for spreadsheets: plain values, each row led by where it stands."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from datetime import date, datetime

from matcher.intake.templates import guard
from matcher.report.model import Cell, Report, Section, Table
from matcher.report.wording import Wording, in_taiwan

Line = list[str | int | float]


def write(report: Report, lang: str) -> bytes:
    """Give every sentence and every table, one after the other.

    UTF-8 with a mark, so that Excel reads it; a share is 0.123, a date 2026-10-31, no value is
    an empty cell; text that a spreadsheet would run as a formula has an apostrophe before it.
    """
    text = io.StringIO()
    csv.writer(text, lineterminator="\r\n").writerows(_lines(report, Wording(lang)))
    return text.getvalue().encode("utf-8-sig")


def _lines(report: Report, words: Wording) -> Iterator[Line]:
    yield from _head(report, words)
    for section in report.sections:
        yield from _section(section, words)


def _head(report: Report, words: Wording) -> Iterator[Line]:
    title = words.title("Monthly match report")
    facts: tuple[tuple[str, Cell], ...] = (
        ("Centre", report.name), ("Month", f"{report.first:%Y-%m}"),
        ("As it stood at", report.made), ("Run", report.run_id))
    for key, value in (*facts, ("Draft", words.title("yes" if report.draft else "no"))):
        yield [title, "", words.title(key), _plain(value, words)]


def _section(section: Section, words: Wording) -> Iterator[Line]:
    title = guard(words.title(section.title))
    for sentence in section.sentences:
        yield [title, "", guard(words.sentence(sentence))]
    for table in section.tables:
        for line in _table(table, words):
            yield [title, guard(words.title(table.title)), *line]


def _table(table: Table, words: Wording) -> Iterator[Line]:
    yield [guard(words.title(column.title)) for column in table.columns]
    if not table.rows:
        yield [words.title("Nothing this month.")]
    for row in table.rows:
        yield [_plain(cell, words) for cell in row]
    if table.note:
        yield [guard(words.sentence(table.note))]


def _plain(value: Cell, words: Wording) -> str | int | float:
    """Give a number or a date as it is, and everything else as guarded text."""
    if value is None:
        return ""
    if isinstance(value, datetime):
        return in_taiwan(value).isoformat(timespec="minutes")
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, (int, float)):
        return value
    return str(guard(words.cell(value))) if value != "" else ""
