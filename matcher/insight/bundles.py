"""Bundles: one offer for each facet a start-up lacks (fund, talent, site, equipment), in budget."""

from __future__ import annotations

import heapq
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from matcher.reference import terms
from matcher.vocabulary import Message, Offer, is_open

Chosen = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Facet:
    """One thing wanted: its kind of offer, whether it must be there, and each offer's score."""

    kind: str
    must: bool
    scores: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Bundle:
    """Offer ids by facet kind, the sum of their scores, the cost in NT$, and what is missing."""

    offers: Chosen
    score: float
    cost_ntd: int
    missing: tuple[Message, ...] = ()


def form_bundles(facets: Sequence[Facet], offers: Mapping[str, Offer], budget_ntd: int | None,
                 day: date, most: int = 3) -> tuple[Bundle, ...]:
    """Give the best bundles, best first: the highest sum of scores within budget and dates.

    Exact: an offer is passed over only where ``most`` others of its kind are at least as good and
    as cheap. Funds bring money and cost nothing; a facet nobody can fill is left out and named
    with the reason. Gives nothing when no choice of what must be there is within the budget.
    """
    open_now = [(facet, _undominated(_options(facet, offers, day), offers, most))
                for facet in facets]
    missing = tuple(_missing(facet, offers, day) for facet, options in open_now if not options)
    possible = [(facet, options) for facet, options in open_now if options]
    found: list[tuple[float, tuple[str, ...], int]] = []
    for score, chosen, cost in _combinations(possible, offers, budget_ntd):
        heapq.heappush(found, (score, chosen, cost))
        if len(found) > most:
            heapq.heappop(found)
    kinds = [facet.kind for facet, _ in possible]
    return tuple(Bundle({k: o for k, o in zip(kinds, chosen, strict=True) if o}, score, cost,
                        missing)
                 for score, chosen, cost in sorted(found, key=lambda f: (-f[0], f[1])))


def _options(facet: Facet, offers: Mapping[str, Offer], day: date) -> list[tuple[float, str]]:
    """List the facet's open offers, best first."""
    found = [(score, key) for key, score in facet.scores.items()
             if (offer := offers[key]).kind == facet.kind
             and is_open(offer.valid_from, offer.valid_to, day)]
    return sorted(found, key=lambda row: (-row[0], row[1]))


def _undominated(options: Sequence[tuple[float, str]], offers: Mapping[str, Offer], most: int
                 ) -> list[tuple[float, str]]:
    """Keep the options (best first) that fewer than ``most`` better ones undercut."""
    kept: list[tuple[float, str]] = []
    costs: list[int] = []
    for score, key in options:
        cost = _cost(offers[key])
        if sum(c <= cost for c in costs) < most:
            kept.append((score, key))
        costs.append(cost)
    return kept



def _missing(facet: Facet, offers: Mapping[str, Offer], day: date) -> Message:
    """Say why no offer fills a facet."""
    label = terms("offer_kinds")[facet.kind].name
    of_kind = [key for key in facet.scores if offers[key].kind == facet.kind]
    if not of_kind:
        return Message("no offer of the kind {kind} is in reach", {"kind": label})
    return Message("none of {count} offers of the kind {kind} is open on {day}",
                   {"count": len(of_kind), "kind": label, "day": day})


def _cost(offer: Offer) -> int:
    return 0 if offer.kind == "fund" else offer.money_min_ntd or 0


def _combinations(facets: Sequence[tuple[Facet, list[tuple[float, str]]]],
                  offers: Mapping[str, Offer], budget: int | None
                  ) -> Iterator[tuple[float, tuple[str, ...], int]]:
    """Walk every affordable choice; a facet that is only nice may stay empty (score 0)."""
    if not facets:
        yield 0.0, (), 0
        return
    facet, options = facets[0]
    choices = options if facet.must else [*options, (0.0, "")]
    for score, chosen, cost in _combinations(facets[1:], offers, budget):
        for own, key in choices:
            total = cost + (_cost(offers[key]) if key else 0)
            if budget is None or total <= budget:
                yield score + own, (key, *chosen), total
