"""PDF: the text of its pages as lines; headers, footers and page numbers left out.

Pages are read by ``pages.py`` in a process of its own, at most 30 s and 1.5 GB.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
import unicodedata
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from matcher.errors import FileFormatError
from matcher.intake.works.lists import Line, propose_items
from matcher.intake.works.pages import MOST_PAGES
from matcher.intake.works.proposal import Found

LONGEST_SECONDS = 30
_HAN = r"[\u3400-\u9fff\uf900-\ufaff，。、；：（）「」]"
_SPACED_HAN = re.compile(rf"(?<={_HAN})[ \u00a0](?={_HAN})")
# Ligatures, radicals and compatibility forms that fonts put where the plain letter is meant.
_FORMS = re.compile("[\u2e80-\u2fdf\uf900-\ufaff\ufb00-\ufb06]")


def read_pdf(content: bytes) -> Found:
    """Give a proposal for each item of the lists in a PDF; ``place`` is its page.

    Raises ``FileFormatError`` for a PDF that is protected, damaged, too long or without text.
    """
    pages = _extract(content)
    if not any(page.strip() for page in pages):
        raise FileFormatError("The PDF holds pictures of pages but no text (a scan). Give the list "
                              "as a text, Word or BibTeX file.")
    yield from propose_items("PDF", list(_lines(pages)))


def _extract(content: bytes) -> Sequence[str]:
    """Run the reader of pages; say in words why it has none."""
    command = [sys.executable, "-I", str(Path(__file__).with_name("pages.py"))]
    try:
        done = subprocess.run(command, input=content, capture_output=True, check=False,
                              timeout=LONGEST_SECONDS)
    except subprocess.TimeoutExpired:
        raise FileFormatError("The PDF could not be read within {seconds} seconds. Give the list "
                              "as a text, Word or BibTeX file.", seconds=LONGEST_SECONDS) from None
    found: dict[str, Any] = json.loads(done.stdout) if done.returncode == 0 else {}
    if found.get("problem") == "encrypted":
        raise FileFormatError("The PDF is protected by a password. Save a copy without it and try "
                              "again.")
    if found.get("problem") == "pages":
        raise FileFormatError("The PDF has {pages} pages; at most {limit} are read. Save the pages "
                              "with the list as a file of their own.", pages=found["found"],
                              limit=MOST_PAGES)
    if "pages" not in found:
        raise FileFormatError("The PDF is damaged or made to exhaust its reader. Print it to "
                              "PDF again and try once more.")
    return [str(page) for page in found["pages"]]


def _lines(pages: Sequence[str]) -> Iterator[Line]:
    """Give the lines of pages without page numbers and what repeats on most pages."""
    split = [[_plain(line) for line in page.splitlines()] for page in pages]
    often = Counter(key for lines in split for key in {_outline(line) for line in lines})
    for number, lines in enumerate(split, start=1):
        for line in lines:
            repeats = often[_outline(line)]
            if line and not (repeats >= 3 and repeats * 2 >= len(pages)) and not re.fullmatch(
                    r"[-–— ]*\d{1,4}[-–— ]*", line):
                yield Line(number, line)


def _outline(line: str) -> str:
    """Give a line without its numbers: “Page 3 of 9” repeats."""
    return re.sub(r"\d+", "#", line)


def _plain(line: str) -> str:
    letters = _FORMS.sub(lambda m: unicodedata.normalize("NFKC", m[0]), line)
    return _SPACED_HAN.sub("", letters).strip()
