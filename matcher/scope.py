"""The scope ladder: own centre → within 45 km → the whole country → partner parks abroad.

A list is widened by one step only while it is thin: while fewer offers than asked for reach
the score below which a need counts as without an offer.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from matcher.eligibility import alike
from matcher.features import NEAR_KM
from matcher.pool import Pool, first_copies, spread_copies
from matcher.ranking import Ranking
from matcher.reference import centres
from matcher.vocabulary import Message, Need, Offer

HOME = "TW"
STEPS = ("own centre", "within 45 km", "whole country", "partner parks")
OPEN = len(STEPS) - 1


@dataclass(frozen=True, slots=True)
class Scope:
    """How far a list looks: its step, and why it was widened to it (None: it was not)."""

    step: str
    reason: Message | None = None


def steps_of(need: Need, offers: Sequence[Offer], distance_km: NDArray[np.float32],
             kept: dict[object, Any] | None = None) -> NDArray[np.intp]:
    """Give the first step of the ladder (place in ``STEPS``) at which each offer is seen, (n,).

    A need without a centre starts from the distance; an offer of unknown place is national.
    ``kept`` outlives the call.
    """
    country = _country(need.centre)
    kinds, places = alike(offers, ("centre",), {} if kept is None else kept)
    own = np.array([bool(need.centre) and o.centre == need.centre for o in kinds], bool)[places]
    home = np.array([_country(o.centre) == country for o in kinds], bool)[places]
    return np.where(own, 0, np.where(distance_km <= NEAR_KM, 1, np.where(home, 2, OPEN)))


def _country(centre: str | None) -> str:
    found = centres().get(centre or "")
    return found.country if found else HOME


def choose_scope(ranking: Ranking, pool: Pool, wanted: int, threshold: float
                 ) -> tuple[NDArray[np.intp], Scope]:
    """Give the order (k,) within the narrowest step that holds enough good offers, and that step.

    Enough are ``wanted`` offers with a score of ``threshold`` (0…1) or more; of near-copies
    only the first two count.
    """
    steps = steps_of(ranking.query.need, pool.offers, ranking.distance_km,
                     pool.kept)[ranking.order]
    good = (ranking.scores[ranking.order] >= threshold) & first_copies(ranking.order, pool.copies)
    counts = [int((good & (steps <= step)).sum()) for step in range(len(STEPS))]
    chosen = next((step for step, count in enumerate(counts) if count >= wanted), OPEN)
    order = spread_copies(ranking.order[steps <= chosen], pool.copies)
    return order, Scope(STEPS[chosen], _reason(chosen, counts, wanted))


def _reason(chosen: int, counts: Sequence[int], wanted: int) -> Message | None:
    if not chosen:
        return None
    return Message("Widened to: {step}. In the narrower scope ({before}) {count} offers fit well; "
                   "{wanted} were asked for.",
                   {"step": Message(STEPS[chosen]), "before": Message(STEPS[chosen - 1]),
                    "count": counts[chosen - 1], "wanted": wanted})
