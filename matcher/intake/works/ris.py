"""RIS and EndNote's tagged text: one line a field, a record from TY (%0) to ER (blank line)."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence

from matcher.errors import RowError
from matcher.intake.works.proposal import LONGEST_FIELD, Found, person, propose
from matcher.vocabulary import Message

Fields = dict[str, list[str]]
LINE = re.compile(r"\s{0,3}([A-Z][A-Z0-9])\s{1,2}-\s?(.*)$")
ENDNOTE_LINE = re.compile(r"%([0-9A-Z@])\s+(.*)$")
_ENDNOTE = {"0": "TY", "A": "AU", "T": "TI", "D": "PY", "8": "DA", "X": "AB", "R": "DO", "J": "JO",
            "B": "T2", "I": "PB", "U": "UR"}
_KINDS = {"PAT": "patent", "GRANT": "project", "PATENT": "patent"}
_TITLES = ("TI", "T1", "CT", "BT")
_VENUES = ("T2", "JO", "JF", "JA", "BT", "PB")


def read_ris(text: str) -> Found:
    """Give a proposal for each RIS record; a record that never ends is kept with a warning."""
    yield from _read("RIS", _ris_records(text.split("\n")))


def read_endnote(text: str) -> Found:
    """Give a proposal for each record of EndNote's tagged text (%0, %T, %A …)."""
    lines = (_as_ris(line) for line in text.split("\n"))
    yield from _read("EndNote", _ris_records(list(lines)))


def _as_ris(line: str) -> str:
    """Write a %-line as the RIS line that means the same; an unknown tag goes to notes."""
    found = ENDNOTE_LINE.match(line)
    return f"{_ENDNOTE.get(found[1], 'N1')}  - {found[2]}" if found else line


def _ris_records(lines: Sequence[str]) -> Iterator[tuple[int, Fields]]:
    """Give (first line, fields by tag) of each record; untagged lines continue the last field."""
    start, fields, tag = 0, Fields(), ""
    for number, line in enumerate(lines, start=1):
        found = LINE.match(line.rstrip())
        if found is None:
            if tag and line.strip() and len(fields[tag][-1]) < LONGEST_FIELD:
                fields[tag][-1] += f" {line.strip()}"
            continue
        tag = found[1]
        if tag in ("TY", "ER") and fields:
            yield start, fields
            fields = {}
        if tag == "ER":
            tag = ""
            continue
        start = start if fields else number
        fields.setdefault(tag, []).append(found[2].strip())
    if fields:
        yield start, fields


def _read(source: str, records: Iterator[tuple[int, Fields]]) -> Found:
    for line, fields in records:
        if "TY" not in fields:
            yield RowError(line, "TY", next(iter(fields)), Message(
                "this record does not begin with its type (TY or %0)"), False)
        kind = _first(fields, ("TY",)).split(" ")[0].upper()
        title = _first(fields, _TITLES)
        venue = next((v for n in _VENUES for v in fields.get(n, ()) if v != title), "")
        dois = " ".join(v for n in ("DO", "M3", "UR", "L3", "N1") for v in fields.get(n, ()))
        yield from propose(
            line, source, title=title, text=_first(fields, ("AB", "N2")), venue=venue, doi=dois,
            kind=_KINDS.get(kind, "publication"), year=_first(fields, ("PY", "Y1", "DA")),
            authors=[_author(name) for n in ("AU", "A1") for name in fields.get(n, ())],
            key=_first(fields, ("ID",)))


def _first(fields: Mapping[str, list[str]], names: Sequence[str]) -> str:
    return next((v for n in names for v in fields.get(n, ()) if v), "")


def _author(name: str) -> str:
    family, _, given = name.partition(",")
    return person(family, given.split(",")[0])
