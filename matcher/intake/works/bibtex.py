"""BibTeX and BibLaTeX: one pass over the text, each broken entry reported and left out.

Own reader, because a faulty file must say which line is wrong: an entry that is never closed
ends where the next line begins with ``@name{``. Values join with ``#``, ``@string`` names and
months are filled in, ``crossref`` gives what an entry lacks.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Generator, Iterator, Mapping
from dataclasses import dataclass, field

from matcher.errors import RowError
from matcher.intake.works.latex import decode_latex
from matcher.intake.works.proposal import LONGEST_FIELD, Found, person, propose, tidy
from matcher.vocabulary import Message

MOST_PARTS = 1000
START = re.compile(r"@\s*([A-Za-z]+)\s*([{(])")
_LINE_START = re.compile(r"^[ \t]*@\s*[A-Za-z]+\s*[{(]", re.M)
_NAME = re.compile(r"\s*([^\s=,{}()\"#]{1,100})\s*=\s*")
_KEY = re.compile(r"\s*+([^\s,={}\"]{0,200})\s*+,")
_BARE = re.compile(r"[^\s,{}()\"#=]{1,200}")
_BRACE = re.compile(r"[{}]")
_QUOTED = re.compile(r"[{}\"]")
_AND = re.compile(" and ", re.I)
_NEXT = re.compile(r"[\s,]+")
_SPACE = re.compile(r"\s+")
_MONTHS = dict(zip("jan feb mar apr may jun jul aug sep oct nov dec".split(), (
    "January", "February", "March", "April", "May", "June", "July", "August", "September",
    "October", "November", "December"), strict=True))
KINDS = {"patent": "patent", "project": "project", "grant": "project"}
# What only holds other entries' works, when another entry refers to it.
_VOLUMES = frozenset({"proceedings", "mvproceedings", "collection", "mvcollection"})
_FALLBACKS = {"venue": ("journal", "journaltitle", "booktitle", "publisher", "school",
                        "institution", "howpublished"),
              "year": ("year", "date"), "text": ("abstract",), "doi": ("doi", "url", "note")}


class _BrokenError(Exception):
    """An entry that cannot be read; the argument is the sentence for people."""


@dataclass
class _Entry:
    """One entry as read: its line, type, key and raw fields by lower-case name."""

    line: int
    kind: str
    key: str
    fields: dict[str, str] = field(default_factory=dict)


class _Text:
    """The text with the places where lines and entries begin."""

    def __init__(self, text: str) -> None:
        self.text = text
        self._lines = [found.end() for found in re.finditer("\n", text)]
        self._starts = [found.start() for found in _LINE_START.finditer(text)]

    def line(self, place: int) -> int:
        """Give the line of a place, from 1."""
        return bisect_right(self._lines, place) + 1

    def limit(self, place: int) -> int:
        """Give where the next line that begins an entry starts."""
        after = bisect_right(self._starts, place)
        return self._starts[after] if after < len(self._starts) else len(self.text)


def read_bibtex(text: str) -> Found:
    """Give a proposal for each entry, and each fault by its line."""
    entries: list[_Entry] = []
    for found in _read_entries(_Text(text)):
        if isinstance(found, RowError):
            yield found
        else:
            entries.append(found)
    by_key: dict[str, _Entry] = {}
    for entry in entries:
        first = by_key.setdefault(entry.key.lower(), entry)
        if first is not entry and entry.key:
            yield RowError(entry.line, "key", entry.key, Message(
                "this key also stands in line {line}; both were kept", {"line": first.line}), False)
    parents = {e.fields["crossref"].strip().lower() for e in entries if "crossref" in e.fields}
    for entry in entries:
        if entry.kind not in _VOLUMES or entry.key.lower() not in parents:
            yield from _propose(entry, by_key)


def _read_entries(source: _Text) -> Iterator[_Entry | RowError]:
    """Walk from entry to entry; after a broken one go on where the next line begins one."""
    strings: dict[str, str] = dict(_MONTHS)
    place = 0
    while (start := START.search(source.text, place)) is not None:
        limit = source.limit(start.start())
        kind, line = start[1].lower(), source.line(start.start())
        if kind in ("comment", "preamble"):
            place = _skip(source.text, start.end(), limit)
            continue
        entry = _Entry(line, kind, "")
        try:
            place = yield from _read_body(source, start, limit, entry, strings)
        except _BrokenError as problem:
            found = tidy(source.text[start.start():start.start() + 40])
            yield RowError(line, entry.key or kind, found, Message(str(problem)))
            place = limit
            continue
        if kind == "string":
            strings.update(entry.fields)
        else:
            yield entry


def _skip(text: str, place: int, limit: int) -> int:
    """Pass a comment's braces; where they do not close, go on at the next entry."""
    try:
        return _closing(text, place, limit) + 1
    except _BrokenError:
        return limit


def _read_body(source: _Text, start: re.Match[str], limit: int, entry: _Entry,
               strings: Mapping[str, str]) -> Generator[RowError, None, int]:
    """Read key and fields into ``entry``; return the place behind the entry."""
    text, place = source.text, start.end()
    closing = "}" if start[2] == "{" else ")"
    if entry.kind != "string":
        key = _KEY.match(text, place, limit)
        if key is not None:
            entry.key, place = key[1], key.end()
        elif _NAME.match(text, place, limit) is None:
            raise _BrokenError("this entry has no key and no fields; it was left out")
        if not entry.key:
            yield RowError(entry.line, entry.kind, "", Message("this entry has no key"), False)
    while True:
        place = _pass(_NEXT, text, place, limit)
        if place < limit and text[place] == closing:
            return place + 1
        name = _NAME.match(text, place, limit)
        if name is None:
            raise _BrokenError("this entry is never closed, or a field lacks its name or “=”; "
                               "it was left out")
        value, place = _read_value(text, name.end(), limit, strings)
        entry.fields.setdefault(name[1].lower(), value)
        if place < limit and text[place] not in (",", closing):
            yield RowError(source.line(place), name[1], value[:40], Message(
                "a comma is missing behind this field"), False)


def _read_value(text: str, place: int, limit: int, strings: Mapping[str, str]) -> tuple[str, int]:
    """Read parts joined with ``#``; give the value and the place of what follows it."""
    value = ""
    for _ in range(MOST_PARTS):
        part, place = _read_part(text, place, limit, strings)
        value += part[:LONGEST_FIELD - len(value)]
        place = _pass(_SPACE, text, place, limit)
        if place >= limit or text[place] != "#":
            return value, place
        place = _pass(_SPACE, text, place + 1, limit)
    raise _BrokenError("a field of this entry joins more than 1000 parts; it was left out")


def _pass(passed: re.Pattern[str], text: str, place: int, limit: int) -> int:
    found = passed.match(text, place, limit)
    return found.end() if found else place


def _read_part(text: str, place: int, limit: int, strings: Mapping[str, str]) -> tuple[str, int]:
    if text.startswith("{", place):
        end = _closing(text, place + 1, limit)
        return text[place + 1:end], end + 1
    if text.startswith('"', place):
        end = _closing_quote(text, place + 1, limit)
        return text[place + 1:end], end + 1
    bare = _BARE.match(text, place, limit)
    if bare is None:
        raise _BrokenError("a field of this entry has no value; it was left out")
    return strings.get(bare[0].lower(), bare[0]), bare.end()


def _closing(text: str, place: int, limit: int) -> int:
    """Find the brace that closes one opened just before ``place``."""
    depth = 1
    for brace in _BRACE.finditer(text, place, limit):
        depth += 1 if brace[0] == "{" else -1
        if depth == 0:
            return brace.start()
    raise _BrokenError("a curly bracket of this entry is never closed; it was left out")


def _closing_quote(text: str, place: int, limit: int) -> int:
    """Find the quotation mark that closes a value; one inside braces is only a character."""
    depth = 0
    for mark in _QUOTED.finditer(text, place, limit):
        if mark[0] == '"' and depth == 0:
            return mark.start()
        depth += {"{": 1, "}": -1}.get(mark[0], 0)
    raise _BrokenError('a quotation mark " of this entry is never closed; it was left out')


def _propose(entry: _Entry, by_key: Mapping[str, _Entry]) -> Found:
    """Make the proposal of one entry, completed from the one it refers to."""
    fields = dict(entry.fields)
    parent = by_key.get(fields.get("crossref", "").strip().lower())
    if parent is not None and parent is not entry:
        inherited = {**parent.fields, "booktitle": parent.fields.get("booktitle")
                     or parent.fields.get("title", "")}
        left = {"title", "doi", "url", "abstract", "note", "author"}
        fields = {n: v for n, v in inherited.items() if n not in left} | fields
    pick = {name: next((fields[n] for n in names if fields.get(n)), "")
            for name, names in _FALLBACKS.items()}
    title = ": ".join(filter(None, (fields.get("title"), fields.get("subtitle"))))
    names = [_author(name) for name in _AND.split(" ".join(fields.get("author", "").split()))[:200]]
    kind = "patent" if fields.get("type", "").startswith("patent") else entry.kind
    yield from propose(
        entry.line, "BibTeX", title=decode_latex(title), text=decode_latex(pick["text"]),
        kind=KINDS.get(kind, "publication"), year=pick["year"], authors=names,
        venue=decode_latex(pick["venue"]), key=entry.key,
        doi=pick["doi"].replace("\\_", "_").replace("{", "").replace("}", ""))


def _author(name: str) -> str:
    """Write “Last, First” in reading order; a name in braces is a body's and stays."""
    if name.startswith("{") and name.endswith("}"):
        return decode_latex(name)
    family, _, given = decode_latex(name).partition(",")
    return person(family, given.rpartition(",")[2])
