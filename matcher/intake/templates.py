"""Files we write for people to fill in or to mend: templates and rejected rows."""

from __future__ import annotations

import csv
import io
from pathlib import Path
from typing import Any

from matcher.intake.checks import Intake
from matcher.intake.fields import FIELDS
from matcher.intake.formats import FORMULA
from matcher.languages import render, translate


def template(what: str, lang: str = "zh", fmt: str = "csv") -> bytes:
    """Give a table with a bilingual header and one example row, as CSV (for Excel) or XLSX."""
    header = [f"{f.zh} {f.name}" if lang == "zh" else f.name for f in FIELDS[what]]
    example = [f.example for f in FIELDS[what]]
    return _xlsx([header, example]) if fmt == "xlsx" else _csv([header, example])


def write_rejected(intake: Intake, path: Path, lang: str = "zh") -> None:
    """Write the rejected rows as CSV: row number, reasons, then the cells as they were."""
    header = list(dict.fromkeys(name for row in intake.rejected.values() for name in row))
    ours = [translate("rejected row", lang), translate("why it was rejected", lang)]
    rows: list[list[Any]] = [[*ours, *(name.removeprefix("\0") for name in header)]]
    for number, row in intake.rejected.items():
        reasons = "; ".join(f"{p.column}: {render(p.wanted, lang)}" for p in intake.problems
                            if p.row == number and p.fatal)
        rows.append([number, reasons, *(row.get(name, "") for name in header)])
    path.write_bytes(_csv(rows))


def guard(value: Any) -> Any:
    """Put an apostrophe before text that a spreadsheet would run as a formula."""
    return f"'{value}" if isinstance(value, str) and value.startswith(FORMULA) else value


def _csv(rows: list[list[Any]]) -> bytes:
    text = io.StringIO()
    csv.writer(text, lineterminator="\r\n").writerows([guard(c) for c in row] for row in rows)
    return text.getvalue().encode("utf-8-sig")


def _xlsx(rows: list[list[Any]]) -> bytes:
    import xlsxwriter

    buffer = io.BytesIO()
    options = {"in_memory": True, "strings_to_formulas": False, "strings_to_urls": False}
    with xlsxwriter.Workbook(buffer, options) as book:
        sheet = book.add_worksheet("template")
        for number, row in enumerate(rows):
            sheet.write_row(number, 0, row)
        sheet.freeze_panes(1, 0)
        sheet.set_column(0, len(rows[0]), 20, book.add_format({"num_format": "@"}))
    return buffer.getvalue()
