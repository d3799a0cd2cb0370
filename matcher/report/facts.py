"""What a report is made of: one centre's data at one instant, as plain values.

Everything a report says follows from the facts of the month, those of the month before, and the
lists of the two runs; so a report can be made again from the store, byte by byte.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from datetime import date, datetime
from typing import Any, cast

from matcher.store.notes import message_row, to_message
from matcher.store.records import field_names
from matcher.vocabulary import Message, Run, is_open

Pair = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Quota:
    """How many matches offers of one county, kind, theme, size or kind of party get together."""

    field: str
    value: str
    least: int
    most: int | None = None


def quota_text(quota: Quota) -> str:
    """Write a quota as the settings do, e.g. ``county=屏東縣:2-9``."""
    most = "" if quota.most is None else f"-{quota.most}"
    return f"{quota.field}={quota.value}:{quota.least}{most}"


@dataclass(frozen=True, slots=True)
class Rules:
    """What the month's matches keep: score at least ``threshold``, loads, and quotas."""

    threshold: float = 0.2
    per_need: int = 5
    per_offer: int = 10
    top: int = 10
    quotas: tuple[Quota, ...] = ()


@dataclass(frozen=True, slots=True)
class Entry:
    """A need or an offer as the report knows it. ``mark`` changes with what matching reads.

    ``texts`` counts evidence texts, ``length`` the characters of the entry's own words.
    """

    title: str
    mark: str
    party: str | None
    centre: str | None
    county: str | None
    kind: str
    themes: tuple[str, ...]
    since: date | None
    until: date | None
    lang: str | None
    reach: str
    texts: int
    length: int
    trl: int | None

    def is_open(self, day: date) -> bool:
        """Say whether it may be matched on a day."""
        return is_open(self.since, self.until, day)


@dataclass(frozen=True, slots=True)
class Owner:
    """The party of a need or offer."""

    name: str
    kind: str
    size: str | None
    county: str | None


@dataclass(frozen=True, slots=True)
class Event:
    """One step of a pair to a stage, with the place and score its list had given it."""

    number: int
    need: str
    offer: str
    stage: str
    time: datetime
    reason: str
    rank: int | None
    score: float | None
    value_ntd: int | None
    licences: int | None
    jobs: int | None


@dataclass(frozen=True, slots=True)
class Market:
    """What lists of one policy would bring (``matcher.market.Measures``)."""

    policy: str
    matches: float
    envies: int
    gini: float | None


@dataclass(frozen=True, slots=True)
class QuotaKept:
    """A quota, how many matches its offers got, and what it cost in the sum of scores, ≥ 0."""

    quota: Quota
    matches: int
    price: float


@dataclass(frozen=True, slots=True)
class Skipped:
    """A record the job could not use, and why."""

    what: str
    record_id: str
    problem: Message


@dataclass(frozen=True)
class Facts:
    """A centre's month. ``needs`` are the centre's, ``offers`` all there are.

    ``scores`` (need → offer → score) hold each open need's fifty best offers and those of its
    list, ``listed`` the ids of that in order, ``steps`` how far the list looks; ``chosen`` are the
    month's matches, ``full`` the offers at their load, ``quotas`` how each was kept; ``records``
    (offer → firms, successes) what became of earlier matches; ``themes`` counts open needs and
    their firms by centre and theme; ``torn`` are offers of which a text was left out, ``moved``
    needs that went to another centre since the month before.
    """

    centre: str
    first: date
    end: date
    made: datetime
    run: Run
    rules: Rules
    needs: Mapping[str, Entry]
    offers: Mapping[str, Entry]
    owners: Mapping[str, Owner] = field(default_factory=dict)
    conflicts: tuple[Pair, ...] = ()
    records: Mapping[str, tuple[int, int]] = field(default_factory=dict)
    scores: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    listed: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    steps: Mapping[str, str] = field(default_factory=dict)
    chosen: tuple[Pair, ...] = ()
    full: tuple[str, ...] = ()
    quotas: tuple[QuotaKept, ...] = ()
    events: tuple[Event, ...] = ()
    shown: tuple[str, ...] = ()
    grades: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    market: tuple[Market, ...] = ()
    themes: tuple[tuple[str, str, int, int], ...] = ()
    skipped: tuple[Skipped, ...] = ()
    torn: tuple[str, ...] = ()
    moved: tuple[str, ...] = ()
    texts: int = 0
    rescored: int = 0

    @property
    def day(self) -> date:
        """The day whose dates decide: the month's last."""
        return self.run.day

    @property
    def open_needs(self) -> tuple[str, ...]:
        """Give the needs open on that day that were matched, by id."""
        return tuple(sorted(self.listed))


KINDS: Mapping[str, Any] = {"needs": Entry, "offers": Entry, "owners": Owner}
ROWS: Mapping[str, Any] = {"events": Event, "market": Market, "skipped": Skipped,
                           "quotas": QuotaKept}


# Most values of facts are of these types; JSON has them as they are.
SIMPLE = frozenset({str, int, float, bool, type(None)})


def to_json(facts: Facts) -> dict[str, Any]:
    """Give facts as JSON values."""
    return {f.name: _plain(getattr(facts, f.name)) for f in fields(Facts)}


def _plain(value: Any) -> Any:
    if type(value) in SIMPLE:
        return value
    if isinstance(value, Mapping):
        return (dict(value) if SIMPLE.issuperset(map(type, value.values())) else
                {k: _plain(v) for k, v in value.items()})
    if isinstance(value, Message):
        return message_row(value)
    if isinstance(value, Skipped):
        return {"what": value.what, "record_id": value.record_id, "problem": _plain(value.problem)}
    if isinstance(value, (Run, Rules, Quota, Entry, Owner, Event, Market, QuotaKept)):
        return {name: _plain(getattr(value, name)) for name in field_names(cast(Any, type(value)))}
    if isinstance(value, date):
        return value.isoformat()
    return [_plain(v) for v in value] if isinstance(value, (tuple, list)) else value


def from_json(plain: Mapping[str, Any]) -> Facts:
    """Read facts back."""
    values = {name: _frozen(value) for name, value in plain.items()
              if name not in KINDS and name not in ROWS}
    for name, kind in KINDS.items():
        values[name] = {key: _noun(kind, row) for key, row in plain[name].items()}
    for name, kind in ROWS.items():
        values[name] = tuple(_noun(kind, row) for row in plain.get(name, ()))
    run = {**plain["run"], "day": date.fromisoformat(plain["run"]["day"])}
    return Facts(**values | {
        "first": date.fromisoformat(plain["first"]), "end": date.fromisoformat(plain["end"]),
        "made": datetime.fromisoformat(plain["made"]), "run": Run(**run),
        "rules": _rules(plain["rules"])})


def _rules(row: Mapping[str, Any]) -> Rules:
    return Rules(**{**row, "quotas": tuple(Quota(**q) for q in row.get("quotas", ()))})


def _frozen(value: Any) -> Any:
    """Lists become tuples, all the way down."""
    if isinstance(value, list):
        return tuple(value) if SIMPLE.issuperset(map(type, value)) else tuple(map(_frozen, value))
    if isinstance(value, dict) and not SIMPLE.issuperset(map(type, value.values())):
        return {k: _frozen(v) for k, v in value.items()}
    return value


def _noun(kind: Any, row: Mapping[str, Any]) -> Any:
    values = {name: _frozen(value) for name, value in row.items()}
    for name in ("since", "until"):
        if values.get(name):
            values[name] = date.fromisoformat(values[name])
    if "time" in values:
        values["time"] = datetime.fromisoformat(values["time"])
    if "quota" in values:
        values["quota"] = Quota(**row["quota"])
    if "problem" in values:
        values["problem"] = to_message(row["problem"])
    return kind(**values)
