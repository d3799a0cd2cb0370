"""What a report is about: one centre, one half-open month, the lists of its last day."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta

from matcher import workflow
from matcher.reference import centres
from matcher.vocabulary import Centre, MatchList, Offer, Run
from matcher.workflow import Progress, Workspace

TOP = 10


@dataclass(frozen=True)
class Month:
    """One centre's month ``[first, end)`` in Asia/Taipei with everything its sections read.

    ``threshold`` is the score below which a need counts as without an offer.
    """

    centre: Centre
    first: date
    end: date
    lists: tuple[MatchList, ...]
    offers: Mapping[str, Offer]
    parties: Mapping[str, str]
    threshold: float
    run: Run


def next_month(first: date) -> date:
    """Give the first day of the month after."""
    return (first.replace(day=28) + timedelta(days=4)).replace(day=1)


def month_of(space: Workspace, centre: str, first: date, threshold: float,
             progress: Progress) -> Month:
    """Match a centre's needs as of the month's last day, ten offers a need."""
    end = next_month(first)
    day = end - timedelta(days=1)
    lists = tuple(workflow.match(space, centre=centre, top=TOP, day=day, progress=progress))
    space.store.put_match_lists(lists)
    return Month(centres()[centre], first, end, lists,
                 {offer.offer_id: offer for offer in space.store.offers()},
                 {key: party.name for key, party in space.store.parties().items()},
                 threshold, workflow.make_run(space, [found.need for found in lists], day, TOP))
