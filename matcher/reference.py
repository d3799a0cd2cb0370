"""Reference facts shipped with the package: centres, counties, themes, kinds and modes.

Read once from ``data/reference``; data/README.md says where each fact is from.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Any

from matcher.vocabulary import Centre, Site

EARTH_KM = 6371.0


@dataclass(frozen=True, slots=True)
class Term:
    """A word of a list people choose from: key, name in zh and en, other spellings."""

    key: str
    name: Mapping[str, str]
    aliases: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class County:
    """One of the 22 counties; the coordinate (degrees) is its centre, approximate."""

    code: str
    name: Mapping[str, str]
    aliases: tuple[str, ...]
    lat: float
    lng: float


def embedded_data() -> Path:
    """Find the folder of data files: in the installed package, or beside it in a checkout."""
    beside = Path(__file__).parent.parent / "data"
    try:
        inside = Path(str(resources.files("matcher._data")))
    except ModuleNotFoundError:
        inside = beside
    return inside if (inside / "reference").is_dir() else beside


def _rows(name: str) -> list[dict[str, Any]]:
    file = embedded_data() / "reference" / f"{name}.json"
    return list(json.loads(file.read_text("utf-8")))


@cache
def centres() -> Mapping[str, Centre]:
    """Give all centres by code, parks first, partner parks last."""
    return {row["code"]: Centre(**{**row, "sites": tuple(Site(**s) for s in row["sites"])})
            for row in _rows("centres")}


@cache
def counties() -> Mapping[str, County]:
    """Give the 22 counties by their Chinese name."""
    return {row["name"]["zh"]: County(row["code"], row["name"], tuple(row["aliases"]),
                                      row["lat"], row["lng"]) for row in _rows("counties")}


@cache
def terms(name: str) -> Mapping[str, Term]:
    """Give a list of terms by key: themes, offer_kinds, modes, party_kinds, evidence_kinds."""
    return {row["key"]: Term(row["key"], row["name"], tuple(row["aliases"]))
            for row in _rows(name)}


@cache
def spellings(name: str) -> Mapping[str, str]:
    """Map every spelling of a list's terms (key, names, aliases; folded) to its key."""
    return {fold(s): term.key for term in terms(name).values()
            for s in (term.key, *term.name.values(), *term.aliases)}


def fold(text: str) -> str:
    """Fold what people vary in writing: case, spaces, dashes, middle dots, 台/臺."""
    dropped = {ord(c): None for c in " \u3000-_·‧・.,，()（）"}
    return text.strip().lower().translate(dropped).replace("台", "臺")


def centre_code(text: str) -> str | None:
    """Find a centre by code or name; None when there is no such centre."""
    return _centre_spellings().get(fold(text))


@cache
def _centre_spellings() -> Mapping[str, str]:
    found = {fold(s): c.code for c in centres().values() for s in (c.code, *c.name.values())}
    short = {"竹科": "HSP", "中科": "CTSP", "南科": "STSP", "農科": "PABP", "農科園區": "PABP",
             "新竹園區": "HSP", "中部園區": "CTSP", "南部園區": "STSP"}
    return found | {fold(name): code for name, code in short.items()}


def fold_county(text: str) -> str | None:
    """Find the county a text names or begins with (an address); None when it names none.

    >>> fold_county("台南市新市區南科三路1號")
    '臺南市'
    """
    wanted = fold(text).lstrip("0123456789")
    for spelling, name in _county_spellings():
        if wanted.startswith(spelling):
            return name
    return None


@cache
def _county_spellings() -> tuple[tuple[str, str], ...]:
    """List every spelling of every county, longest first."""
    found = [(fold(s), zh) for zh, county in counties().items()
             for s in (county.code, *county.name.values(), *county.aliases)]
    return tuple(sorted(found, key=lambda pair: -len(pair[0])))


def place(centre: str | None, county: str | None) -> tuple[float, float] | None:
    """Give the coordinate (degrees) of a record: its county's when known, else its centre's.

    A site of the centre that lies in that county is more exact and wins.
    """
    found = centres().get(centre or "")
    at = counties().get(county or "")
    for site in found.sites if found else ():
        if site.county == county and site.lat is not None and site.lng is not None:
            return site.lat, site.lng
    if found and (county is None or found.county == county or at is None):
        return found.lat, found.lng
    return (at.lat, at.lng) if at else None


def distance_km(one: tuple[float, float], other: tuple[float, float]) -> float:
    """Great-circle distance of two coordinates in degrees, on a sphere of 6371 km."""
    lat1, lng1, lat2, lng2 = map(math.radians, (*one, *other))
    half = (math.sin((lat2 - lat1) / 2) ** 2
            + math.cos(lat1) * math.cos(lat2) * math.sin((lng2 - lng1) / 2) ** 2)
    return 2 * EARTH_KM * math.asin(math.sqrt(half))
