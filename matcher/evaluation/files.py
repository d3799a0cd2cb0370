"""Files of judged sets: plain or gzipped text in UTF-8; what cannot be read is told in words."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from matcher.errors import FileFormatError


@contextmanager
def readable(file: Path) -> Iterator[None]:
    """Raise ``FileFormatError`` for a file in another encoding, cut short, or no gzip file."""
    try:
        yield
    except UnicodeDecodeError as problem:
        raise FileFormatError("{file} is not UTF-8 text; save it as UTF-8.", file=file.name
                              ) from problem
    except (gzip.BadGzipFile, EOFError, zlib.error) as problem:
        raise FileFormatError("{file} is damaged: {problem}", file=file.name, problem=str(problem)
                              ) from problem


def open_lines(file: Path) -> Iterator[str]:
    """Give the lines of a file, .gz or plain, with their ends; a byte order mark is no text."""
    opener = gzip.open if file.suffix == ".gz" else open
    with readable(file), opener(file, "rt", encoding="utf-8-sig", newline="\n") as lines:
        yield from lines


def whole_text(file: Path) -> str:
    """Give the text of a file, .gz or plain."""
    return "".join(open_lines(file))
