"""The first sheet of a workbook as numbered rows of text by column."""

from __future__ import annotations

import io
import zipfile
import zlib
from datetime import date
from typing import Any

from matcher.decisions import tidy
from matcher.errors import FileFormatError
from matcher.sheets.columns import COLUMNS, NEEDED
from matcher.vocabulary import Message

LARGEST = 20_000_000  # bytes of the file, and ten times as much unpacked
MOST_ROWS = 100_000
MOST_COLUMNS = 60


def read_table(content: bytes) -> tuple[dict[str, str], list[tuple[int, dict[str, str | Message]]]]:
    """Read the first sheet: known columns as the file spells them, and numbered rows by column."""
    lines = _lines(content)
    header = [_text(cell) for cell in lines[0][1]] if lines else []
    known = {name.casefold(): key for key, zh, en, _ in COLUMNS for name in (key, zh, en)}
    places: dict[str, int] = {}
    for place, name in enumerate(header):
        key = known.get(str(name).casefold())
        if key in places:
            raise FileFormatError("The column {column} stands twice in the sheet; take one out.",
                                  column=name)
        places |= {key: place} if key else {}
    missing = [zh for key, zh, _, _ in COLUMNS if key in NEEDED and key not in places]
    if missing:
        raise FileFormatError("The sheet lacks the columns {columns}; export it again and type "
                              "into that file.", columns="、".join(missing))
    return ({key: str(header[place]) for key, place in places.items()},
            [(number, {key: _text(cells[place]) if place < len(cells) else ""
                       for key, place in places.items()}) for number, cells in lines[1:]])


def _lines(content: bytes) -> list[tuple[int, tuple[Any, ...]]]:
    """Read the rows that hold anything, numbered as a spreadsheet numbers them."""
    from openpyxl import load_workbook

    try:
        with zipfile.ZipFile(io.BytesIO(content)) as packed:
            unpacked = sum(f.file_size for f in packed.infolist())
        if len(content) > LARGEST or unpacked > 10 * LARGEST:
            raise FileFormatError("The workbook is larger than {most} MB; split it.",
                                  most=LARGEST // 1_000_000)
        book = load_workbook(io.BytesIO(content), read_only=True, keep_links=False)
        lines = [(number, cells) for number, cells in enumerate(book.worksheets[0].iter_rows(
                     max_row=MOST_ROWS + 1, max_col=MOST_COLUMNS), start=1)
                 if any(cell.value is not None for cell in cells)]
    # What openpyxl, its XML parser and the unpacking raise on files that are damaged or locked.
    except (zipfile.BadZipFile, zlib.error, SyntaxError, EOFError, LookupError, ValueError,
            TypeError, AttributeError, OSError, RuntimeError) as problem:
        raise FileFormatError("This is no XLSX workbook; save it as .xlsx in Excel.") from problem
    if lines and lines[-1][0] > MOST_ROWS:
        raise FileFormatError("The sheet has more than {most} rows; split it.", most=MOST_ROWS)
    return lines


def _text(cell: Any) -> str | Message:
    """Give a cell's text: dates as ISO days, whole numbers without .0; what has none, in words."""
    if cell.data_type == "f":
        return Message("this cell holds a formula; paste its value instead")
    if cell.data_type == "e":
        return Message("this cell holds a spreadsheet error")
    if cell.value is None:
        return ""
    if isinstance(cell.value, date):
        return cell.value.isoformat()[:10]
    if isinstance(cell.value, float) and cell.value.is_integer():
        return str(int(cell.value))
    return tidy(str(cell.value)) or ""
