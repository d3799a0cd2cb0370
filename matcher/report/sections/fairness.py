"""Fairness: whose offers are seen, and what lists that know both sides would bring."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable

import numpy as np

from matcher.market import POLICIES, gini
from matcher.report.model import HIDDEN, SMALL, Cell, Chart, Column, Names, Row, Section, Table
from matcher.report.month import Month, share
from matcher.report.sections.parts import COUNT
from matcher.vocabulary import Message

UNKNOWN = Message("not stated")


def fairness(month: Month) -> Section:
    """Compare exposure with what there is, by size and county of the offering party."""
    seen = exposure(month)
    spread = gini(np.array([seen.get(o, 0.0) for o in _eligible(month)]))
    by_county = _by(month, seen, "county", "Exposure by county", _county)
    tables = (_by(month, seen, "size", "Exposure by size of the party", _size), by_county,
              _policies(month))
    said = (Message("Exposure is spread with a Gini of {gini} (0: all offers alike, 1: one has "
                    "all).", {"gini": 0 if spread is None else round(spread, 2)}),)
    shown = [row for row in by_county.rows if isinstance(row[2], float)]
    chart = Chart("county_chart", by_county.title, "bar", tuple(r[0] for r in shown), (
        (Message("Share of offers"), tuple(_number(r[2]) for r in shown)),
        (Message("Share of exposure"), tuple(_number(r[3]) for r in shown))), by_county.key)
    return Section("fairness", "Fairness", said, tables, (chart,) if shown else ())


def exposure(month: Month) -> dict[str, float]:
    """Sum 1 / place over the lists in which an offer stands."""
    found: dict[str, float] = defaultdict(float)
    for listed in month.facts.listed.values():
        for place, offer in enumerate(listed, start=1):
            found[offer] += 1 / place
    return found


def _eligible(month: Month) -> list[str]:
    """Name the open offers that the centre's needs may see."""
    facts = month.facts
    return sorted(key for key, e in facts.offers.items() if e.is_open(facts.day)
                  and (e.reach != "centre" or e.centre in (None, facts.centre)))


def _size(month: Month, offer: str) -> str | None:
    owner = month.owner(offer)
    return owner.size if owner else None


def _county(month: Month, offer: str) -> str | None:
    owner = month.owner(offer)
    return month.facts.offers[offer].county or (owner.county if owner else None)


def _by(month: Month, seen: dict[str, float], key: str, title: str,
        group_of: Callable[[Month, str], str | None]) -> Table:
    """Put offers and exposure together by group; groups of few parties are hidden."""
    groups: dict[str, list[str]] = defaultdict(list)
    for offer in _eligible(month):
        groups[group_of(month, offer) or ""].append(offer)
    total, every = sum(seen.values()), sum(map(len, groups.values()))
    rows: list[Row] = []
    for name, offers in sorted(groups.items(), key=lambda item: (not item[0], item[0])):
        parties = {month.facts.offers[o].party or o for o in offers}
        label: Cell = name or UNKNOWN
        if len(parties) < SMALL:
            rows.append((label, HIDDEN, HIDDEN, HIDDEN))
        else:
            rows.append((label, len(offers), share(len(offers), every),
                         share(sum(seen.get(o, 0.0) for o in offers), total)))
    columns = (Column(key, "Group"), COUNT, Column("offers", "Share of offers", "percent"),
               Column("exposure", "Share of exposure", "percent"))
    return Table(f"exposure_{key}", title, columns, tuple(rows), Message(
        "Groups of fewer than {least} parties are not shown.", {"least": SMALL}))


def _policies(month: Month) -> Table:
    labels = {p.key: Names(p.label["zh"], p.label["en"]) for p in POLICIES}
    columns = (Column("policy", "Lists"), Column("matches", "Expected matches", "number"),
               Column("envies", "Envies", "number"), Column("gini", "Gini of exposure", "score"))
    return Table("market", "Lists for one side and for both", columns, tuple(
        (labels.get(m.policy, m.policy), round(m.matches, 2), m.envies, m.gini)
        for m in month.facts.market),
        Message("Expected matches: pairs that look at and want each other; an envy: somebody would "
                "expect more in another's place."))


def _number(value: Cell) -> float:
    return value if isinstance(value, float) else 0.0
