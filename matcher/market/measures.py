"""Measures of lists: expected matches, envies, exposure."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from matcher.market.lists import POLICIES, Lists, make_lists
from matcher.market.sides import Floats, Market
from matcher.vocabulary import Message

ENVY_TOLERANCE = 1e-9
BLOCK = 512


def reciprocal(positions: Floats) -> Floats:
    """1 / k: the chance that position k = 1, 2, … of a list is looked at."""
    return 1 / positions


def logarithmic(positions: Floats) -> Floats:
    """1 / log2(k + 1), which falls more slowly."""
    return 1 / np.log2(positions + 1)


Examination = Callable[[Floats], Floats]


@dataclass(frozen=True, slots=True)
class Measures:
    """What lists would bring.

    ``expected_matches``: pairs who look at and want each other. ``within_capacity``: at most
    so many of them fit the capacities. Envies: ordered pairs of one side where the first
    would expect more matches if it stood where the second stands in the lists of the other
    side. ``exposure_gini``: 0 all eligible offers are looked at alike … 1 only one of many;
    None where nothing is looked at. ``note``: what is to be said about the lists.
    """

    policy: str
    expected_matches: float
    within_capacity: float
    need_envies: int
    offer_envies: int
    exposure_gini: float | None
    note: Message | None = None

    @property
    def envies(self) -> int:
        """Envies of both sides."""
        return self.need_envies + self.offer_envies


def measure(market: Market, lists: Lists, policy: str = "", note: Message | None = None,
            examination: Examination = reciprocal) -> Measures:
    """Measure lists, however they were made."""
    need_looks = _looks(lists.for_needs, len(lists.for_offers), examination)
    offer_looks = _looks(lists.for_offers, len(lists.for_needs), examination)
    both = market.p * market.q
    matches = both * need_looks * offer_looks.T
    needs, offers = market.capacities
    fitting = min(np.minimum(matches.sum(axis=1), needs).sum(),
                  np.minimum(matches.sum(axis=0), offers).sum())
    return Measures(
        policy, float(matches.sum()), float(fitting),
        _count_envies(both * need_looks, offer_looks.T),
        _count_envies(both.T * offer_looks, need_looks.T),
        gini(need_looks.sum(axis=0)[market.eligible.any(axis=0)]), note)


def _looks(lists: tuple[NDArray[np.intp], ...], count: int, examination: Examination) -> Floats:
    """Give the chance that each list's owner looks at each of the other side, (n, count)."""
    chance = examination(np.arange(1.0, count + 1))
    looks = np.zeros((len(lists), count))
    for row, listed in zip(looks, lists, strict=True):
        row[listed] = chance[:len(listed)]
    return looks


def _count_envies(wanted: Floats, seen: Floats) -> int:
    """Count who would gain in whose place: expected matches of i at k's place are wanted @ seen.T.

    ``wanted`` (n, m): chance of a match if only the other looked; ``seen`` (n, m): it looks.
    """
    own = (wanted * seen).sum(axis=1) + ENVY_TOLERANCE
    return sum(int((wanted[at:at + BLOCK] @ seen.T > own[at:at + BLOCK, None]).sum())
               for at in range(0, len(wanted), BLOCK))


def gini(amounts: Floats) -> float | None:
    """Give the Gini coefficient of amounts (n,) ≥ 0: 0 all equal … 1; None without any amount."""
    total = amounts.sum()
    if total == 0:
        return None
    ranks = np.arange(1, len(amounts) + 1)
    return float(((2 * ranks - len(amounts) - 1) @ np.sort(amounts)) / (len(amounts) * total))


def compare_lists(market: Market, shown: int | None = None,
                  examination: Examination = reciprocal) -> tuple[Measures, ...]:
    """Measure the lists of every policy on a centre's market, in the order of ``POLICIES``.

    ``shown`` is the length of a list; None lists every eligible pair.
    """
    made = ((policy.key, policy.score(market)) for policy in POLICIES)
    return tuple(measure(market, make_lists(market, scores, shown), key, scores.note, examination)
                 for key, scores in made)
