"""The formats: one reader each → header, then (row number, {header: cell}).

Limits guard against files made to exhaust memory: 100 MB, 200,000 rows, 200 columns, and
for XLSX 300 MB unpacked at most 200 times the packed size.
"""

from __future__ import annotations

import csv
import io
import json
import zipfile
import zlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any

from matcher.errors import FileFormatError
from matcher.intake.checks import CellError, Row
from matcher.vocabulary import Message

LARGEST_BYTES = 100_000_000
MOST_ROWS = 200_000
MOST_COLUMNS = 200
UNPACKED_BYTES = 300_000_000
PACKING_RATIO = 200
EXTRA = "\0column {number}"
# What a spreadsheet would run as a formula; files we write have an apostrophe before it.
FORMULA = ("=", "+", "-", "@", "\t", "\r", "＝", "＋", "－", "＠")


@dataclass(frozen=True, slots=True)
class Content:
    """A file as read: header, rows and the text encoding (None where there is none)."""

    header: Sequence[str]
    rows: list[Row]
    encoding: str | None = None


@dataclass(frozen=True, slots=True)
class Format:
    """One file format: its endings, its name for people, its reader."""

    endings: tuple[str, ...]
    name: str
    read: Callable[[Path], Content]


def decode(content: bytes) -> tuple[str, str]:
    """Decode text: UTF-16 by its mark, UTF-8 (with or without mark), else cp950 (Big5).

    Raises ``FileFormatError`` naming the line of the first byte that fits neither.
    """
    if content.startswith((b"\xff\xfe", b"\xfe\xff")):
        return content.decode("utf-16", "replace"), "utf-16"
    try:
        return content.decode("utf-8-sig"), "utf-8"
    except UnicodeDecodeError as utf8:
        try:
            return content.decode("cp950"), "cp950"
        except UnicodeDecodeError as big5:
            place = max(utf8.start, big5.start)
            raise FileFormatError(
                "The text is neither UTF-8 nor Big5 (cp950): line {line}, byte {byte}. Save the "
                "file as “CSV UTF-8” and try again. Nothing was stored.",
                line=content[:place].count(b"\n") + 1, byte=place) from None


def read_csv(path: Path) -> Content:
    """Read comma-, tab- or semicolon-separated text with quoted cells."""
    text, encoding = decode(path.read_bytes())
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    first = text.lstrip("\n").split("\n", 1)[0]
    mark = max(",\t;", key=first.count)
    csv.field_size_limit(LARGEST_BYTES)
    _refuse_open_quote(text, mark)
    lines = csv.reader(io.StringIO(text), delimiter=mark, strict=False)
    rows = [(n, cells) for n, cells in enumerate(lines, start=1) if any(c.strip() for c in cells)]
    if not rows:
        raise FileFormatError("The file is empty.")
    header = _names(rows[0][1], [cells for _, cells in rows])
    return Content(header, [(n, dict(_pair(header, map(_unguarded, cells))))
                            for n, cells in rows[1:]], encoding)


def _unguarded(cell: str) -> str:
    """Give a cell without the apostrophe that our own files put before a formula's beginning."""
    return cell[1:] if cell[:1] == "'" and cell[1:].startswith(FORMULA) else cell


def _pair(header: Sequence[str], cells: Iterable[Any]) -> Iterator[tuple[str, Any]]:
    """Pair cells with headers; cells beyond the header keep a name of their own."""
    cells = list(cells)
    yield from zip(header, cells, strict=False)
    for number, cell in enumerate(cells[len(header):], start=len(header) + 1):
        if str(cell or "").strip():
            yield EXTRA.format(number=number), cell


def _refuse_open_quote(text: str, mark: str) -> None:
    """Refuse a quoted cell that is never closed: everything after it would be one cell.

    A quotation mark inside a cell (1/2" thread) is only a character.
    """
    lines = csv.reader(io.StringIO(text), delimiter=mark, strict=True)
    last = 0
    try:
        for _ in lines:
            last = lines.line_num
    except csv.Error as problem:
        if "unexpected end of data" in str(problem):
            raise FileFormatError('A quotation mark " opened in line {line} is never closed. '
                                  "Nothing was stored.", line=last + 1) from None


def read_jsonl(path: Path) -> Content:
    """Read one JSON object a line; lists become ``;`` text; line numbers are row numbers."""
    text, encoding = decode(path.read_bytes())
    rows: list[Row] = []
    header: dict[str, None] = {}
    for number, line in enumerate(text.split("\n"), start=1):
        if line.strip():
            row = _read_object(number, line)
            header.update(dict.fromkeys(row))
            rows.append((number, row))
    if not rows:
        raise FileFormatError("The file is empty.")
    return Content(list(header), rows, encoding)


def _read_object(number: int, line: str) -> dict[str, Any]:
    try:
        found = json.loads(line, object_pairs_hook=_once, parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as problem:
        raise FileFormatError("Line {line} is no JSON object: {problem}. Nothing was stored.",
                              line=number, problem=str(problem)[:120]) from None
    if not isinstance(found, dict):
        raise FileFormatError("Line {line} is no JSON object: {problem}. Nothing was stored.",
                              line=number, problem=type(found).__name__)
    row = {key: _flat(value) for key, value in found.items()}
    if any(_is_broken(part) for pair in row.items() for part in pair):
        raise FileFormatError("Line {line} is no JSON object: {problem}. Nothing was stored.",
                              line=number, problem="\\ud800-\\udfff stand for no character")
    return row


def _is_broken(text: Any) -> bool:
    """Say whether a text has half of a pair of code units, which no file can hold."""
    return isinstance(text, str) and any("\ud800" <= sign <= "\udfff" for sign in text)


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    if len({key for key, _ in pairs}) != len(pairs):
        raise ValueError("a key stands twice")
    return dict(pairs)


def _refuse_constant(name: str) -> Any:
    raise ValueError(f"{name} is no number")


def _flat(value: Any) -> Any:
    """Make a JSON value a cell: lists to ``;`` text, objects refused by the cell's check."""
    if isinstance(value, list):
        return ";".join(str(part) for part in value)
    if isinstance(value, dict):
        return CellError("{…}", Message("wanted text or a number, not an object"))
    return None if value is None else str(value)


def read_xlsx(path: Path) -> Content:
    """Read the first visible sheet; dates, numbers and text as a person sees them."""
    from openpyxl import load_workbook
    from openpyxl.utils.exceptions import InvalidFileException

    _refuse_bad_zip(path)
    try:
        with closing(load_workbook(path, read_only=True, data_only=True)) as book:
            sheet = next((s for s in book.worksheets if s.sheet_state == "visible"), None)
            if sheet is None:
                raise FileFormatError("The file is empty.")
            formulas = _formula_cells(path, sheet.title)
            rows = [(n, [_cell(c) for c in row]) for n, row in enumerate(
                sheet.iter_rows(max_row=MOST_ROWS + 2, max_col=MOST_COLUMNS + 1), start=1)]
    # What openpyxl, its XML parser and the unpacking raise on files that are damaged.
    except (InvalidFileException, zipfile.BadZipFile, zlib.error, SyntaxError, EOFError,
            LookupError, ValueError, TypeError, AttributeError, OSError) as problem:
        raise FileFormatError("The workbook cannot be opened: {problem}. Save it again as .xlsx.",
                              problem=type(problem).__name__) from problem
    filled = [(n, cells) for n, cells in rows if any(c is not None for c in cells)]
    if not filled:
        raise FileFormatError("The file is empty.")
    names = _names(filled[0][1], [cells for _, cells in filled])
    return Content(names, [(n, _with_formulas(dict(_pair(names, cells)), n, names, formulas))
                           for n, cells in filled[1:]])


def _names(cells: Sequence[Any], rows: Iterable[Sequence[Any]]) -> list[str]:
    """Give a header's names; an empty one has its place as name.

    Empty ones at the end go where nothing stands below them.
    """
    header = [str(cell or "").strip() for cell in cells]
    used = max((place for row in rows for place, cell in enumerate(row, start=1)
                if str(cell or "").strip()), default=0)
    return [name or f"({place})" for place, name in enumerate(header[:used], start=1)]


def _formula_cells(path: Path, sheet: str) -> set[tuple[int, int]]:
    """List cells (row, column) that hold a formula, to tell one without a value from an empty."""
    from openpyxl import load_workbook

    book = load_workbook(path, read_only=True, data_only=False)
    try:
        return {(cell.row, cell.column) for row in book[sheet].iter_rows(
                    max_row=MOST_ROWS + 1, max_col=MOST_COLUMNS)
                for cell in row if cell.data_type == "f"}
    finally:
        book.close()


def _with_formulas(row: dict[str, Any], number: int, names: Sequence[str],
                   formulas: set[tuple[int, int]]) -> dict[str, Any]:
    for place, name in enumerate(names, start=1):
        if row.get(name) is None and (number, place) in formulas:
            row[name] = CellError("=…", Message(
                "this cell is a formula without a stored value; paste its value instead"))
    return row


def _cell(cell: Any) -> Any:
    """Give one cell as text: whole numbers without .0, days as ISO text, errors as such."""
    value = cell.value
    if cell.data_type == "e":
        return CellError(str(value), Message("this cell holds a spreadsheet error"))
    if isinstance(value, datetime):
        return value.date().isoformat() if value.time() == value.min.time() else str(value)
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return None if value is None or str(value).strip() == "" else str(value)


def _refuse_bad_zip(path: Path) -> None:
    """Refuse what only pretends to be .xlsx, and archives made to explode."""
    start = path.read_bytes()[:8]
    if start.startswith(b"\xd0\xcf\x11\xe0"):
        raise FileFormatError("This is an old .xls or an encrypted workbook. Remove the password "
                              "and save it as .xlsx.")
    if not zipfile.is_zipfile(path):
        raise FileFormatError("This is not an .xlsx workbook, whatever its name says. Open it in "
                              "a spreadsheet program and save it as .xlsx.")
    with zipfile.ZipFile(path) as archive:
        unpacked = sum(item.file_size for item in archive.infolist())
    if unpacked > UNPACKED_BYTES or unpacked > PACKING_RATIO * max(path.stat().st_size, 1):
        raise FileFormatError("The workbook unpacks to {size} MB, which is not a table people "
                              "make; refused.", size=unpacked // 1_000_000)


FORMATS: tuple[Format, ...] = (
    Format((".csv", ".tsv", ".txt"), "CSV", read_csv),
    Format((".xlsx",), "XLSX", read_xlsx),
    Format((".jsonl", ".ndjson"), "JSONL", read_jsonl),
)

