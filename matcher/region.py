"""The region's overview for a viewer, and what waits on a centre's desk."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from matcher.access import Viewer, demand
from matcher.decisions import board, latest_stages
from matcher.eligibility import reaches_centre
from matcher.insight.overview import Gap, funnel, histogram, theme_gaps, theme_matrix
from matcher.profiles import drafts_to_review
from matcher.reference import centres, counties
from matcher.store.overview import best_of_last_lists, listed_pairs
from matcher.vocabulary import Need, is_open
from matcher.workspace import Workspace

NOW, WEEK = timedelta(0), timedelta(days=7)


@dataclass(frozen=True, slots=True)
class Point:
    """A place on the map, degrees WGS 84; ``kind`` is centre or county."""

    name: dict[str, str]
    kind: str
    lat: float
    lng: float
    needs: int
    offers: int


@dataclass(frozen=True)
class Overview:
    """Everything the region's page shows."""

    needs: int
    offers: int
    gaps: tuple[Gap, ...]
    matrix: dict[tuple[str, str], int]
    stages: tuple[tuple[str, int], ...]
    scores: tuple[tuple[float, float, int], ...]
    points: tuple[Point, ...]


def overview(workspace: Workspace, viewer: Viewer, centre: str | None,
             day: date | None = None) -> Overview:
    """Show a centre (None: all of them); raises ``ForbiddenError`` for another's.

    Themes count what is open on ``day`` (None: everything) and not kept to another centre.
    """
    demand(viewer, "see-report", centre=centre)
    store, offers = workspace.store, workspace.pool().offers
    needs = store.needs(centre)
    asked, given = {n.need_id: n for n in needs}, {o.offer_id: o for o in offers}
    listed = [row for row in listed_pairs(store, centre) if row[0] in asked and row[1] in given]
    return Overview(
        len(needs), len(offers),
        theme_gaps([n for n in needs if is_open(n.valid_from, n.valid_to, day)],
                   [o for o in offers if is_open(o.valid_from, o.valid_to, day)
                    and (centre is None or reaches_centre(o, centre))]),
        dict(theme_matrix((asked[n], given[o]) for n, o, _ in listed)),
        funnel(latest_stages(store, centre)), histogram(score for *_, score in listed),
        _points(Counter(n.centre for n in needs), Counter(o.centre for o in offers),
                Counter(n.county for n in needs if not n.centre),
                Counter(o.county for o in offers if not o.centre)))


def _points(needs: Counter[str | None], offers: Counter[str | None],
            needs_by_county: Counter[str | None], offers_by_county: Counter[str | None]
            ) -> tuple[Point, ...]:
    """Give centres, and counties for records without a centre, that have anything."""
    found = [Point(dict(c.name), "centre", c.lat, c.lng, needs[code], offers[code])
             for code, c in centres().items() if needs[code] or offers[code]]
    found += [Point(dict(c.name), "county", c.lat, c.lng, needs_by_county[name],
                    offers_by_county[name]) for name, c in counties().items()
              if needs_by_county[name] or offers_by_county[name]]
    return tuple(found)


@dataclass(frozen=True, slots=True)
class Desk:
    """What an office finds in the morning, as counts.

    ``without_offer`` counts open needs whose last shown list holds no offer at the threshold; a
    need that was never listed counts among ``undecided`` only.
    """

    needs: int
    new: int
    undecided: int
    without_offer: int
    to_review: int
    overdue: int


def desk(workspace: Workspace, viewer: Viewer, centre: str, day: date,
         needs: Sequence[Need] | None = None) -> Desk:
    """Count what waits for a centre's office; raises ``ForbiddenError`` for another's.

    ``needs`` are the centre's, where the caller has read them.
    """
    demand(viewer, "see-centre", centre=centre)
    store = workspace.store
    needs = store.needs(centre) if needs is None else needs
    found = board(store, viewer, centre, day)
    decided = {card.decision.need_id for cards in found.columns.values() for card in cards}
    waiting = {n.need_id for n in needs if is_open(n.valid_from, n.valid_to, day)}
    best = best_of_last_lists(store, centre)
    return Desk(len(needs), sum(n.valid_from is not None and NOW <= day - n.valid_from < WEEK
                                for n in needs),
                len(waiting - decided),
                sum(score < workspace.threshold for key, score in best.items() if key in waiting),
                len(drafts_to_review(store, viewer, centre)), len(found.overdue))
