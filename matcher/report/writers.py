"""Write a month: one self-contained HTML file and one CSV file, whole or not at all."""

from __future__ import annotations

import csv
import io
import os
from collections.abc import Iterable
from datetime import date
from pathlib import Path

from matcher.intake.templates import guard
from matcher.languages import LANGUAGES, translate
from matcher.report.month import Month, month_of
from matcher.report.sections import SECTIONS
from matcher.workflow import Progress, Workspace


def write_reports(space: Workspace, first: date, centre: str | None, folder: Path, *,
                  threshold: float, lang: str, progress: Progress) -> list[Path]:
    """Write the reports of one centre, or of every centre that has needs; give the files."""
    chosen = [centre] if centre else list(space.store.needs_by_centre())
    files: list[Path] = []
    for code in chosen:
        month = month_of(space, code, first, threshold, progress)
        stem = folder / f"{first:%Y-%m}-{code}"
        files += [write_whole(stem.with_suffix(".html"), to_html(month, lang).encode()),
                  write_whole(stem.with_suffix(".csv"), to_csv(month, lang))]
    return files


def write_whole(path: Path, content: bytes) -> Path:
    """Write a file so that a reader sees the old or the new one, never a half."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(path.name + ".part")
    with part.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    part.replace(path)
    return path


def to_html(month: Month, lang: str) -> str:
    """Give the report as one HTML page without scripts or outside parts."""
    from jinja2 import Environment, PackageLoader

    page = Environment(loader=PackageLoader("matcher.report"), autoescape=True)
    sections = [(translate(s.title, lang), [_label(c, lang) for c in s.columns],
                 [[_label(cell, lang) if s.columns[0] == "" and place == 0 else cell
                   for place, cell in enumerate(row)] for row in s.rows(month)])
                for s in SECTIONS]
    return page.get_template("report.html").render(
        month=month, sections=sections, lang=str(LANGUAGES[lang].locale).replace("_", "-"),
        centre=month.centre.name[lang], title=translate("Monthly match report", lang),
        empty=translate("Nothing this month.", lang))


def _label(cell: object, lang: str) -> str:
    return translate(str(cell), lang) if cell else ""


def to_csv(month: Month, lang: str) -> bytes:
    """Give every section as CSV, one after the other, each row led by its section's title."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\r\n")
    for section in SECTIONS:
        title = translate(section.title, lang)
        if section.columns[0]:
            writer.writerow([title, *(translate(c, lang) for c in section.columns)])
        writer.writerows(_guarded([title, *row]) for row in section.rows(month))
    return text.getvalue().encode("utf-8-sig")


def _guarded(row: Iterable[object]) -> list[object]:
    return [guard(cell) for cell in row]
