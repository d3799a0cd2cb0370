"""The files of a report: ``FORMATS`` is the catalogue, one writer a format.

Each writer is pure: the same report and language give the same bytes, on the same machine.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module

from matcher.errors import InputError
from matcher.report.model import Report

Writer = Callable[[Report, str], bytes]


@dataclass(frozen=True, slots=True)
class Format:
    """One kind of file; ``write`` takes a report and a language of the interface (zh, en)."""

    key: str
    suffix: str
    media_type: str
    write: Writer


def _writer(module: str) -> Writer:
    """Read a writer's libraries only when it writes: the page starts without them."""

    def write(report: Report, lang: str) -> bytes:
        content: bytes = import_module(f"{__name__}.{module}").write(report, lang)
        return content

    return write


_SHEET = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
FORMATS: tuple[Format, ...] = (
    Format("html", ".html", "text/html; charset=utf-8", _writer("html")),
    Format("pdf", ".pdf", "application/pdf", _writer("pdf")),
    Format("xlsx", ".xlsx", _SHEET, _writer("xlsx")),
    Format("csv", ".csv", "text/csv; charset=utf-8", _writer("csv")),
    Format("json", ".json", "application/json", _writer("json")),
)


def format_of(key: str) -> Format:
    """Find a format by its key; raise ``InputError`` naming the known ones."""
    found = {row.key: row for row in FORMATS}.get(key)
    if found is None:
        raise InputError("There is no report format “{key}”. Known: {known}.", key=key,
                         known=", ".join(row.key for row in FORMATS))
    return found
