"""The market solution: matches that fill the capacities of both sides at once."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from matcher.errors import InputError
from matcher.market.sides import Floats, Market
from matcher.vocabulary import Message

SHARPNESS = 1.5
DEMAND = 5.0
LEAST_NOISE = 0.01


def additive_surplus(market: Market, noise: float = 1.0) -> Floats:
    """Φ = (p + q) / noise, (n, m), as in Tomita et al. 2023; -inf where not eligible.

    For interests spread over 0…1. Where most are near 0, a sum overrates the pairs that only
    one side wants. Less noise makes sharper matches in more rounds.

    Raises ``InputError`` for a noise below 0.01.
    """
    if not noise >= LEAST_NOISE:
        raise InputError("The noise must be at least {least}; found {value}.", least=LEAST_NOISE,
                         value=noise)
    surplus = (market.p + market.q) / noise
    return np.where(market.eligible, surplus, -np.inf)


def mutual_surplus(market: Market) -> Floats:
    """Φ = 3 · ln(p · q) + a constant, (n, m); -inf where not eligible or one has no interest.

    The constant makes exp(Φ / 2) add up to 5 for each one of the smaller side in the mean, so
    that only ratios of interests count, and large markets are as crowded as small ones. Both
    numbers were chosen on simulated markets: of 30 × 40 to 300 × 1,500, with interests spread
    evenly or most of them near 0, they bring more matches than lists by p · q in every one.
    """
    both = market.p * market.q
    most = both.max(initial=0.0)
    if most == 0:
        return np.full(both.shape, -np.inf)
    weight = np.power(both / most, SHARPNESS)
    size = min(market.eligible.any(axis=1).sum(), market.eligible.any(axis=0).sum())
    with np.errstate(divide="ignore"):
        return np.asarray(2 * np.log(weight * (DEMAND * size / weight.sum())))


@dataclass(frozen=True, eq=False, slots=True)
class Equilibrium:
    """The market solution: ``matches`` (n, m) ≥ 0, their expected number for each pair.

    ``need_unused`` (n,) and ``offer_unused`` (m,) are the capacity left. After ``rounds``
    rounds a capacity was missed by at most the share ``gap``; ``settled`` says whether that is
    within the tolerance.
    """

    matches: Floats
    need_unused: Floats
    offer_unused: Floats
    rounds: int
    gap: float
    settled: bool

    @property
    def note(self) -> Message | None:
        """Say so when the solution did not settle."""
        if self.settled:
            return None
        return Message("The market solution has not settled after {rounds} rounds; capacities "
                       "are missed by up to {percent} %.",
                       {"rounds": self.rounds, "percent": f"{100 * self.gap:.2g}"})


def solve_market(market: Market, surplus: Callable[[Market], Floats] = mutual_surplus,
                 tolerance: float = 1e-9, most_rounds: int = 1000) -> Equilibrium:
    """Find the matches that fill the capacities of both sides at once.

    ``tolerance`` is a share of the capacity. An answer that has not settled after
    ``most_rounds`` is given with ``settled`` False, never silently.
    """
    kernel = np.exp(surplus(market) / 2)
    needs, offers = market.capacities
    drawn, gap, rounds = np.zeros(len(offers)), np.inf, 0
    while gap > tolerance and rounds < most_rounds:
        rounds += 1
        offer_root = _unused_root(drawn, offers)
        need_root = _unused_root(kernel @ offer_root, needs)
        drawn = need_root @ kernel
        missed = np.abs(offer_root * (offer_root + drawn) - offers) / np.maximum(offers, 1)
        gap = float(missed.max(initial=0.0))
    kernel *= need_root[:, None]
    kernel *= offer_root
    return Equilibrium(kernel, need_root**2, offer_root**2, rounds, gap, gap <= tolerance)


def _unused_root(drawn: Floats, capacity: Floats) -> Floats:
    """Solve r² + r · drawn = capacity for r ≥ 0, in the form that loses no digits."""
    half = drawn / 2
    return np.divide(capacity, half + np.sqrt(capacity + half**2), out=np.zeros_like(half),
                     where=capacity > 0)
