"""Fairness: whose offers are seen, and what lists that know both sides would bring."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable

import numpy as np

from matcher.allocation import grouped_values
from matcher.market import POLICIES, gini
from matcher.report.facts import Quota
from matcher.report.model import (
    HIDDEN,
    SMALL,
    Cell,
    Chart,
    Column,
    Names,
    Row,
    Section,
    Table,
    Told,
)
from matcher.report.month import Month, share, term
from matcher.report.sections.parts import COUNT, height
from matcher.vocabulary import Message

UNKNOWN = Message("not stated")


def fairness(month: Month) -> Section:
    """Compare exposure with what there is, by size and county of the offering party."""
    seen = exposure(month)
    spread = gini(np.array([seen.get(o, 0.0) for o in _eligible(month)]))
    by_county = _by(month, seen, "county", "Exposure by county", _county)
    tables = (_by(month, seen, "size", "Exposure by size of the party", _size), by_county,
              *([_quotas(month)] if month.facts.quotas else []), _policies(month))
    said = (Message("Exposure is spread with a Gini of {gini} (0: all offers alike, 1: one has "
                    "all).", {"gini": 0 if spread is None else round(spread, 2)}),)
    chart = Chart("county_chart", by_county.title, "bar", tuple(r[0] for r in by_county.rows), (
        (Message("Share of offers"), tuple(height(r[2]) for r in by_county.rows)),
        (Message("Share of exposure"), tuple(height(r[3]) for r in by_county.rows))),
        by_county.key)
    return Section("fairness", "Fairness", said, tables, (chart,) if by_county.rows else ())


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
    sizes = {name: len({month.facts.offers[o].party or o for o in offers})
             for name, offers in groups.items()}
    # One hidden group alone could be told from the others: the next smallest is hidden with it.
    hidden = [name for name, size in sizes.items() if size < SMALL]
    second = min((n for n in sizes if n not in hidden), key=lambda n: (sizes[n], n),
                 default=None) if len(hidden) == 1 else None
    rows: list[Row] = []
    for name, offers in sorted(groups.items(), key=lambda item: _place(item[0])):
        label: Cell = name or UNKNOWN
        told = (len(offers), share(len(offers), every),
                share(sum(seen.get(o, 0.0) for o in offers), total))
        few = sizes[name] < SMALL or name == second
        rows.append((label, *(Told(cell, HIDDEN) if few else cell for cell in told)))
    columns = (Column(key, "Group"), COUNT, Column("offers", "Share of offers", "percent"),
               Column("exposure", "Share of exposure", "percent"))
    return Table(f"exposure_{key}", title, columns, tuple(rows), Message(
        "Groups of fewer than {least} parties, and the next smallest beside a single one, are "
        "shown to the office only.", {"least": SMALL}))


def _place(name: str) -> tuple[bool, int, str]:
    """Sort groups: sizes such as 11-49 by their number, others by name, the unknown last."""
    number = re.match(r"\d+", name)
    return not name, int(number[0]) if number else 0, name


def _quotas(month: Month) -> Table:
    """Say how each quota was kept and what it cost; those of few parties are the office's."""
    facts, rows = month.facts, []
    for kept in facts.quotas:
        quota, most = kept.quota, kept.quota.most
        parties = {e.party or key for key, e in facts.offers.items()
                   if quota.value in grouped_values(e, facts.owners.get(e.party or ""),
                                                    quota.field)}
        over = 0 if most is None else max(kept.matches - most, 0)
        told = (kept.matches, max(quota.least - kept.matches, over, 0), round(kept.price, 2))
        few = 0 < len(parties) < SMALL
        rows.append((Message(quota.field), _group_name(quota), quota.least, most,
                     *(Told(cell, HIDDEN) if few else cell for cell in told)))
    columns = (Column("field", "Quota for"), Column("group", "Group"),
               Column("least", "At least", "number"), Column("most", "At most", "number"),
               Column("matches", "Matches", "number"), Column("off", "Too few or many", "number"),
               Column("price", "Price", "number"))
    return Table("quotas", "Quotas", columns, tuple(rows), Message(
        "Price: how much higher the sum of scores would be without the quota. A quota that cannot "
        "be kept is kept as far as it can."))


def _group_name(quota: Quota) -> Cell:
    names = {"kind": "offer_kinds", "theme": "themes", "party-kind": "party_kinds"}
    return term(names[quota.field], quota.value) if quota.field in names else quota.value


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
