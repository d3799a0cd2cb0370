"""Read one file: choose the format by its ending, guard its size, check its rows."""

from __future__ import annotations

from pathlib import Path

from matcher.errors import FileFormatError
from matcher.intake.checks import Intake, check
from matcher.intake.fields import FIELDS
from matcher.intake.formats import FORMATS, LARGEST_BYTES, MOST_COLUMNS, MOST_ROWS, Format


def read(path: Path, what: str, *, keep_good: bool = False) -> Intake:
    """Read and check a file of parties, needs, offers, evidence or judged pairs.

    Bad rows never raise: they are in ``problems``, all at once. Raises
    ``FileFormatError`` for a file that cannot be read as a whole, ``KeyError`` for a
    ``what`` that is not in ``FIELDS``.
    """
    if what not in FIELDS:
        raise KeyError(what)
    content = format_of(path).read(path)
    if len(content.header) > MOST_COLUMNS or len(content.rows) > MOST_ROWS:
        raise FileFormatError("The table has {rows} rows and {columns} columns; at most {most} "
                              "rows and {wide} columns are read. Split it.",
                              rows=len(content.rows), columns=len(content.header),
                              most=MOST_ROWS, wide=MOST_COLUMNS)
    return check(what, content.header, content.rows, keep_good=keep_good,
                 encoding=content.encoding)


def format_of(path: Path) -> Format:
    """Find the format by the file's ending; raise ``FileFormatError`` naming those known."""
    if not path.is_file():
        raise FileFormatError("There is no file {file}.", file=str(path))
    if path.stat().st_size > LARGEST_BYTES:
        raise FileFormatError("The file has {size} MB; at most {limit} MB are read. Split it.",
                              size=path.stat().st_size // 1_000_000,
                              limit=LARGEST_BYTES // 1_000_000)
    for row in FORMATS:
        if path.suffix.lower() in row.endings:
            return row
    raise FileFormatError("The ending “{ending}” is not known; wanted one of: {known}.",
                          ending=path.suffix, known=" ".join(e for f in FORMATS for e in f.endings))
