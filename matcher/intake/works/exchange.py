"""JSON that other systems write of works: ORCID records (public API 3.0) and CSL-JSON.

ORCID: the ``works`` export, a full record (with its fundings as projects) and single works with
their abstracts. Only identifiers of the work itself count, not those of what it is part of.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Any

from matcher.errors import FileFormatError, RowError
from matcher.intake.works.proposal import Found, person, propose
from matcher.vocabulary import Message

ORCID_KINDS = {"patent": "patent", "invention": "patent", "license": "case",
               "spin-off-company": "case", "physical-object": "equipment"}
CSL_KINDS = {"patent": "patent", "grant": "project", "project": "project"}
_OWN = ("self", "version-of", None)


def load_json(text: str) -> Any:
    """Read JSON; raises ``FileFormatError``, also for NaN, endless nesting and keys twice."""
    try:
        return json.loads(text, parse_constant=_refuse, object_pairs_hook=_once)
    except json.JSONDecodeError as problem:
        raise FileFormatError("The JSON is broken in line {line}, column {column}. Export the "
                              "file again. Nothing was stored.", line=problem.lineno,
                              column=problem.colno) from None
    except (ValueError, RecursionError):
        raise FileFormatError("The JSON holds a key twice, or a number or nesting that no export "
                              "of works has. Export the file again. Nothing was stored."
                              ) from None


def _refuse(name: str) -> Any:
    raise ValueError(name)


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a key stands twice")
    return found


def is_orcid(value: Any) -> bool:
    """Say whether a JSON value is one of ORCID's exports."""
    marks = {"group", "activities-summary", "bulk", "orcid-identifier", "work-summary"}
    return isinstance(value, dict) and (bool(marks & set(value)) or _is_work(value))


def is_csl(value: Any) -> bool:
    """Say whether a JSON value is CSL-JSON: items (in a list, alone or under ``items``)."""
    items = _csl_items(value)
    return bool(items) and any(
        isinstance(item, dict) and "title" in item and
        bool({"type", "issued", "author", "DOI", "container-title"} & set(item)) for item in items)


def _is_work(value: Mapping[str, Any]) -> bool:
    return "put-code" in value and "title" in value


def read_orcid(value: Any) -> Found:
    """Give a proposal for each work of an ORCID export; ``place`` counts them from 1."""
    for place, (item, kind) in enumerate(_orcid_items(value), start=1):
        yield from _guarded(place, item, partial(_orcid, kind=kind))


def _orcid_items(value: Any) -> Iterator[tuple[Any, str]]:
    """Give (summary, kind) of everything in an export; of a group the one that says most."""
    activities = _dict(_get(value, "activities-summary")) or _dict(value)
    works = _dict(activities.get("works")) or activities
    for group in _list(works.get("group")):
        summaries = [s for s in _list(_get(group, "work-summary")) if isinstance(s, dict)]
        yield max(summaries, key=_fullness, default=group), ""
    for entry in _list(works.get("bulk")):
        yield _get(entry, "work") or entry, ""
    if _is_work(_dict(value)):
        yield value, ""
    for group in _list(_get(activities, "fundings", "group")):
        summaries = [s for s in _list(_get(group, "funding-summary")) if isinstance(s, dict)]
        yield max(summaries, key=_fullness, default=group), "project"


def _fullness(summary: Mapping[str, Any]) -> tuple[int, int]:
    """Order summaries of one work: what its owner prefers, then what has most fields filled."""
    index = _text(summary.get("display-index"))
    return int(index) if index.isdecimal() and len(index) < 9 else 0, sum(
        value not in (None, "", [], {}) for value in summary.values())


def _orcid(place: int, item: Mapping[str, Any], kind: str) -> Found:
    title = _text(_get(item, "title", "title", "value"))
    subtitle = _text(_get(item, "title", "subtitle", "value"))
    names = [_text(_get(c, "credit-name", "value"))
             for c in _list(_get(item, "contributors", "contributor"))]
    dois = [_text(_get(e, "external-id-value")) for e in
            _list(_get(item, "external-ids", "external-id"))
            if _get(e, "external-id-type") == "doi"
            and _lower(_get(e, "external-id-relationship")) in _OWN]
    when = _get(item, "publication-date", "year", "value") or _get(item, "start-date", "year",
                                                                   "value")
    venue = _get(item, "journal-title", "value") or _get(item, "organization", "name")
    yield from propose(
        place, "ORCID", title=": ".join(filter(None, (title, subtitle))), authors=names,
        text=_text(item.get("short-description")), year=_text(when), venue=_text(venue),
        kind=kind or ORCID_KINDS.get(_lower(item.get("type")) or "", "publication"),
        doi=" ".join(dois), key=_text(item.get("put-code")))


def read_csl(value: Any) -> Found:
    """Give a proposal for each CSL-JSON item; ``place`` counts them from 1."""
    for place, item in enumerate(_csl_items(value), start=1):
        yield from _guarded(place, item, _csl)


def _csl_items(value: Any) -> list[Any]:
    if isinstance(value, dict):
        return _list(value.get("items")) or [value]
    return _list(value)


def _csl(place: int, item: Mapping[str, Any]) -> Found:
    issued = _get(item, "issued", "date-parts")
    when = _text(_list(_list(issued)[0])[0]) if _list(issued) and _list(_list(issued)[0]) else \
        _text(_get(item, "issued", "literal") or _get(item, "issued", "raw"))
    names = [_text(_get(a, "literal")) or person(_text(_get(a, "family")), _text(_get(a, "given")))
             for a in _list(item.get("author"))]
    yield from propose(
        place, "CSL-JSON", title=_text(item.get("title")), text=_text(item.get("abstract")),
        year=when, authors=names, venue=_text(item.get("container-title")
                                              or item.get("publisher")),
        kind=CSL_KINDS.get(_lower(item.get("type")) or "", "publication"),
        doi=_text(item.get("DOI")) or _text(item.get("URL")), key=_text(item.get("id")))


def _guarded(place: int, item: Any, read: Callable[[int, Mapping[str, Any]], Found]) -> Found:
    if isinstance(item, dict):
        yield from read(place, item)
    else:
        yield RowError(place, "item", _text(item)[:40], Message(
            "wanted an object with a title; it was left out"))


def _get(value: Any, *path: str) -> Any:
    """Follow keys; ``None`` where one is missing or holds something else."""
    for name in path:
        value = value.get(name) if isinstance(value, dict) else None
    return value


def _dict(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _text(value: Any) -> str:
    """Give a text or number as text, of a list its first; anything else is empty."""
    if isinstance(value, list):
        return _text(value[0]) if value and not isinstance(value[0], list) else ""
    return str(value) if isinstance(value, (str, int)) and not isinstance(value, bool) else ""


def _lower(value: Any) -> str | None:
    """Give a code in ORCID's lower-case spelling (older exports write JOURNAL_ARTICLE)."""
    return _text(value).lower().replace("_", "-") or None
