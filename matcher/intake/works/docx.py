"""DOCX: paragraphs and tables of the text, as a person sees them.

The archive's sizes are checked before anything is unpacked. XML goes through expat with
document types refused, so that no entity exists. Hidden, white, tiny and deleted text is left
out: nobody who looks at the page would read it.
"""

from __future__ import annotations

import io
import re
import zipfile
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain
from xml.parsers import expat

from matcher.errors import FileFormatError
from matcher.intake.works.lists import Line, heading_kind, propose_items
from matcher.intake.works.proposal import Found, Proposal, find_doi, propose
from matcher.intake.works.references import item_year

BODY = "word/document.xml"
UNPACKED_BYTES = 100_000_000
BODY_BYTES = 20_000_000
PACKING_RATIO = 200
MOST_PARTS = 5_000
MOST_CELLS = 50
_SPACE = "http://schemas.openxmlformats.org/wordprocessingml/2006/main "
_TINY_HALF_POINTS = 6
_HEADERS = (
    ("title", "名稱 題目 題名 標題 title 論文 專利 計畫 設備 儀器 證書 案例 equipment "
              "project patent certificate".split()),
    ("year", "年度 年份 年 日期 期間 起迄 起訖 year date period".split()),
    ("text", "摘要 說明 內容 abstract description summary".split()),
)


def read_docx(content: bytes) -> Found:
    """Give a proposal for each list item and table row; ``place`` is its paragraph.

    Raises ``FileFormatError`` for an archive that is broken, encrypted or made to explode.
    """
    body = _parse(_unpack(content))
    found = chain(propose_items("DOCX", body.lines), *map(_propose_rows, body.tables))
    yield from sorted(found, key=lambda f: f.place if isinstance(f, Proposal) else f.row)


def _unpack(content: bytes) -> bytes:
    """Give the text's XML; sizes are checked as declared, then held to while unpacking."""
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            parts = archive.infolist()
            unpacked = sum(part.file_size for part in parts)
            if (unpacked > UNPACKED_BYTES or unpacked > PACKING_RATIO * len(content)
                    or len(parts) > MOST_PARTS or archive.getinfo(BODY).file_size > BODY_BYTES):
                raise FileFormatError("The document unpacks to {size} MB in {parts} parts, which "
                                      "is not a document people make; refused.",
                                      size=unpacked // 1_000_000, parts=len(parts))
            with archive.open(BODY) as body:
                return body.read(BODY_BYTES)
    except (zipfile.BadZipFile, zlib.error, KeyError, RuntimeError, NotImplementedError, OSError,
            EOFError, ValueError):
        raise FileFormatError("The document is damaged or encrypted. Open it in a word processor "
                              "and save it again as .docx without a password.") from None


@dataclass(frozen=True, slots=True)
class _Row:
    place: int
    cells: tuple[str, ...]


@dataclass
class _Body:
    """What was read so far; ``tables`` have their kind by the heading above them."""

    lines: list[Line] = field(default_factory=list)
    tables: list[tuple[str | None, list[_Row]]] = field(default_factory=list)


class _Reader:
    """Handlers of one pass through the XML."""

    def __init__(self) -> None:
        self.body = _Body()
        self._text: list[str] = []
        self._cells: list[list[str]] = []
        self._heading: str | None = None
        self._paragraph = self._tables = self._skipped = 0
        self._in_text = self._marked = self._hidden = self._in_run = False

    def start(self, name: str, attributes: Mapping[str, str]) -> None:
        """Take note of what begins."""
        tag = name.removeprefix(_SPACE)
        value = attributes.get(f"{_SPACE}val", "")
        if name.endswith(("compatibility/2006 Fallback", " txbxContent")) or self._skipped:
            self._skipped += 1
        elif tag == "p":
            self._paragraph += 1
            self._text, self._marked = [], False
        elif tag == "r":
            self._hidden, self._in_run = False, True
        elif tag in ("numPr", "pStyle"):
            self._marked |= tag == "numPr" or value.lower().startswith("list")
        elif tag in ("vanish", "color", "sz") and self._in_run:
            self._hidden |= _is_hidden(tag, value)
        elif tag in ("t", "tab", "br"):
            self._in_text = tag == "t"
            self._text.append("" if tag == "t" else " ")
        elif tag in ("tbl", "tr", "tc"):
            self._start_table(tag)

    def _start_table(self, tag: str) -> None:
        if tag == "tbl":
            self._tables += 1
            if self._tables == 1:
                self.body.tables.append((self._heading, []))
        elif self._tables == 1 and tag == "tr":
            self._cells = []
        elif self._tables == 1:
            self._cells.append([])

    def text(self, found: str) -> None:
        """Keep the characters of visible text."""
        if self._in_text and not self._hidden and not self._skipped:
            self._text.append(found)

    def end(self, name: str) -> None:
        """Close what ends: a paragraph becomes a line or part of a cell, a row a row."""
        tag = name.removeprefix(_SPACE)
        if self._skipped:
            self._skipped -= 1
        elif tag == "t":
            self._in_text = False
        elif tag == "r":
            self._in_run = False
        elif tag == "p" and self._tables:
            if self._cells:
                self._cells[-1].append("".join(self._text))
        elif tag == "p":
            line = Line(self._paragraph, "".join(self._text), self._marked, whole=True)
            self.body.lines.append(line)
            kind = heading_kind(line.text)
            self._heading = self._heading if kind is None else kind
        elif tag == "tr" and self._tables == 1:
            cells = tuple(" ".join(cell).strip() for cell in self._cells[:MOST_CELLS])
            self.body.tables[-1][1].append(_Row(self._paragraph, cells))
        elif tag == "tbl":
            self._tables -= 1


def _is_hidden(tag: str, value: str) -> bool:
    if tag == "vanish":
        return value not in ("0", "false", "off")
    if tag == "color":
        return value.upper() == "FFFFFF"
    return value.isdecimal() and int(value) <= _TINY_HALF_POINTS


def _parse(xml: bytes) -> _Body:
    """Read the XML; raises ``FileFormatError`` for broken XML and for any document type."""
    reader = _Reader()
    parser = expat.ParserCreate(namespace_separator=" ")
    parser.buffer_text = True
    parser.StartDoctypeDeclHandler = _refuse_doctype
    parser.StartElementHandler = reader.start
    parser.EndElementHandler = reader.end
    parser.CharacterDataHandler = reader.text
    try:
        parser.Parse(xml, True)
    except expat.ExpatError as problem:
        raise FileFormatError("The document's text is damaged in line {line}. Open it in a word "
                              "processor and save it again as .docx.", line=problem.lineno
                              ) from None
    return reader.body


def _refuse_doctype(*_: object) -> None:
    raise FileFormatError("The document declares XML entities, which no word processor writes; "
                          "refused.")


def _propose_rows(table: tuple[str | None, Sequence[_Row]]) -> Found:
    """Give a proposal for each row of a table of works, by its header where it has one."""
    above, rows = table
    header = _columns(rows[0].cells) if rows else {}
    kind = above or (next(filter(None, map(_kind_of, rows[0].cells)), None) if header else None)
    if above == "":
        return
    for row in rows[1:] if header else rows:
        picked = _by_header(row.cells, header) if header else _by_guess(row.cells)
        if picked is not None:
            yield from propose(row.place, "DOCX", kind=kind or "publication",
                               doi=find_doi(" ".join(row.cells)) or "", **picked)


def _kind_of(cell: str) -> str | None:
    return heading_kind(re.sub(r"名稱|題目|編號|title|name", " ", cell, flags=re.I))


def _columns(cells: Sequence[str]) -> dict[str, int]:
    """Find which column is the title, the year, the text; empty when there is no header."""
    found: dict[str, int] = {}
    if any(len(cell) > 30 for cell in cells):
        return found
    for name, words in _HEADERS:
        for word in words:
            place = next((n for n, cell in enumerate(cells) if word in cell.lower()
                          and n not in found.values()), None)
            if place is not None:
                found[name] = place
                break
    return found if "title" in found else {}


def _by_header(cells: Sequence[str], header: Mapping[str, int]) -> dict[str, str] | None:
    picked = {name: cells[place] if place < len(cells) else "" for name, place in header.items()}
    rest = "; ".join(cell for n, cell in enumerate(cells) if cell and n not in header.values())
    if not picked["title"]:
        return None
    return {**picked, "year": picked.get("year") or item_year(rest), "venue": rest}


def _by_guess(cells: Sequence[str]) -> dict[str, str] | None:
    """Take the longest cell for the title, where the row has a year at all."""
    when = item_year(" ".join(cells))
    title = max(cells, key=len, default="")
    if not when or len(title) < 8:
        return None
    return {"title": title, "year": when,
            "venue": "; ".join(cell for cell in cells if cell and cell != title)}


def is_docx(content: bytes) -> bool:
    """Say whether an archive names a Word document's text."""
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            return BODY in archive.namelist()
    except (zipfile.BadZipFile, ValueError, OSError, NotImplementedError):
        return False
