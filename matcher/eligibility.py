"""Eligibility: which offers may be matched with a need at all, and why others may not."""

from __future__ import annotations

from collections.abc import Callable, Container, Sequence, Set
from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np
from numpy.typing import NDArray

from matcher.vocabulary import Message, Need, Offer, is_open


def eligible(need: Need, offers: Sequence[Offer], day: date | None,
             banned: Set[tuple[str, str]] = frozenset(),
             kept: dict[object, Any] | None = None) -> NDArray[np.bool_]:
    """Say which offers may be matched at all, (n_offers,): kind, dates, reach, conflict.

    ``kept`` outlives the call: offers that are alike to an exclusion are asked about once.
    """
    ok, kept = np.ones(len(offers), bool), {} if kept is None else kept
    for exclusion in EXCLUSIONS:
        if exclusion.concerns(need, banned):
            kinds, places = alike(offers, exclusion.fields, kept)
            barred = [exclusion.bars(need, offer, day, banned) for offer in kinds]
            ok &= ~np.array(barred, bool)[places]
    return ok


def alike(offers: Sequence[Offer], names: tuple[str, ...], kept: dict[object, Any]
          ) -> tuple[list[Offer], NDArray[np.intp]]:
    """Give one offer of each combination of values, and which of them stands for each offer."""
    key = ("alike", names)
    if key not in kept:
        first: dict[tuple[object, ...], int] = {}
        kinds: list[Offer] = []
        places = np.zeros(len(offers), np.intp)
        for place, offer in enumerate(offers):
            values = tuple(getattr(offer, name) for name in names)
            if values not in first:
                first[values] = len(kinds)
                kinds.append(offer)
            places[place] = first[values]
        kept[key] = kinds, places
    found: tuple[list[Offer], NDArray[np.intp]] = kept[key]
    return found


def exclusions(need: Need, offer: Offer, day: date | None,
               banned: Set[tuple[str, str]] = frozenset()) -> tuple[Message, ...]:
    """Say every reason why an offer may not be matched with a need; none when it may."""
    return tuple(e.reason for e in EXCLUSIONS if e.bars(need, offer, day, banned))


def reaches(offer: Offer, need: Need) -> bool:
    """An offer kept to its own centre is seen by that centre's needs only."""
    return reaches_centre(offer, need.centre)


def reaches_centre(offer: Offer, centre: str | None) -> bool:
    """Say whether an offer may be matched with some need of a centre; None: of no centre."""
    return offer.reach != "centre" or offer.centre is None or offer.centre == centre


def in_conflict(one: str | None, other: str | None, banned: Container[tuple[str, str]]) -> bool:
    """Say whether two parties are a pair that must not meet, in either order."""
    if one is None or other is None:
        return False
    return (one, other) in banned or (other, one) in banned


Banned = Set[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class Exclusion:
    """One reason why a pair may not be matched.

    ``bars`` takes need, offer, day and pairs of parties in conflict; of the offer it looks at
    ``fields`` alone. ``concerns`` says whether any offer can be barred from a need at all.
    """

    reason: Message
    fields: tuple[str, ...]
    bars: Callable[[Need, Offer, date | None, Banned], bool]
    concerns: Callable[[Need, Banned], bool] = lambda need, banned: True


EXCLUSIONS: tuple[Exclusion, ...] = (
    Exclusion(Message("the need is not open on that day"), (),
              lambda n, o, day, b: not is_open(n.valid_from, n.valid_to, day)),
    Exclusion(Message("the offer is not open on that day"), ("valid_from", "valid_to"),
              lambda n, o, day, b: not is_open(o.valid_from, o.valid_to, day)),
    Exclusion(Message("the need asks for other kinds of offers"), ("kind",),
              lambda n, o, day, b: bool(n.kinds) and o.kind not in n.kinds),
    Exclusion(Message("the offer is for its own centre only"), ("reach", "centre"),
              lambda n, o, day, b: not reaches(o, n)),
    Exclusion(Message("need and offer are of one and the same party"), ("party_id",),
              lambda n, o, day, b: n.party_id is not None and n.party_id == o.party_id,
              lambda n, b: n.party_id is not None),
    Exclusion(Message("the two parties declared a conflict of interest"), ("party_id",),
              lambda n, o, day, b: in_conflict(n.party_id, o.party_id, b),
              lambda n, b: any(n.party_id in pair for pair in b)),
)
