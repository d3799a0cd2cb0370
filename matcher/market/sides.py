"""The two sides: what needs and offers want of each other, and how much each can take."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import ArrayLike, NDArray

from matcher.errors import InputError
from matcher.vocabulary import Message

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Market:
    """What n needs and m offers want of each other, and how many matches each can take.

    ``need_interest`` (n, m) and ``offer_interest`` (m, n) are 0…1, the chance that one says
    yes to the other; NaN or -inf in either marks a pair that is not eligible. Capacities (n,)
    and (m,) are whole numbers ≥ 0; one number stands for all. Derived: ``eligible`` (n, m),
    which leaves out who has no capacity; ``p`` and ``q`` (n, m), the interests of the needs and
    of the offers pair by pair, 0 where not eligible.

    Raises ``InputError`` with all faults at once.
    """

    need_interest: Floats
    offer_interest: Floats
    need_capacity: ArrayLike = 1
    offer_capacity: ArrayLike = 1
    eligible: NDArray[np.bool_] = field(init=False)
    p: Floats = field(init=False)
    q: Floats = field(init=False)

    def __post_init__(self) -> None:
        for name in ("need_interest", "offer_interest", "need_capacity", "offer_capacity"):
            object.__setattr__(self, name, np.asarray(getattr(self, name), np.float64))
        found = [m.id.format(**m.fields) for m in _faults(self)]
        if found:
            raise InputError("The market has {count} faults: {faults}", count=len(found),
                             faults=" ".join(found))
        needs, offers = self.capacities
        eligible = _given(self.need_interest) & _given(self.offer_interest).T
        eligible &= (needs > 0)[:, None] & (offers > 0)
        object.__setattr__(self, "eligible", eligible)
        object.__setattr__(self, "p", np.where(eligible, self.need_interest, 0.0))
        object.__setattr__(self, "q", np.where(eligible, self.offer_interest.T, 0.0))

    @property
    def capacities(self) -> tuple[Floats, Floats]:
        """Capacities of needs (n,) and offers (m,)."""
        needs, offers = self.need_interest.shape
        return (np.broadcast_to(np.asarray(self.need_capacity, np.float64), needs),
                np.broadcast_to(np.asarray(self.offer_capacity, np.float64), offers))


def _given(interest: Floats) -> NDArray[np.bool_]:
    return ~(np.isnan(interest) | np.isneginf(interest))


def _faults(market: Market) -> Iterator[Message]:
    shape = market.need_interest.shape
    if len(shape) != 2 or market.offer_interest.shape != shape[::-1]:
        yield Message("The offers' interest must have the shape of the needs' interest turned "
                      "round; found {offers} and {needs}.",
                      {"offers": market.offer_interest.shape, "needs": shape})
        return
    for side, interest in (("need", market.need_interest), ("offer", market.offer_interest)):
        wrong = np.argwhere(_given(interest) & ~((interest >= 0) & (interest <= 1)))
        if len(wrong):
            yield Message("The interest of {side} no. {place} must be 0 to 1; found {value}.",
                          {"side": side, "place": wrong[0][0] + 1,
                           "value": interest[tuple(wrong[0])]})
    for side, given, count in (("need", market.need_capacity, shape[0]),
                               ("offer", market.offer_capacity, shape[1])):
        capacity = np.asarray(given)
        if capacity.shape not in ((), (count,)):
            yield Message("There must be one capacity for each {side}: {count}; found {found}.",
                          {"side": side, "count": count, "found": capacity.shape})
        whole = np.isfinite(capacity) & (capacity >= 0) & (capacity == np.floor(capacity))
        for value in capacity[~whole][:1]:
            yield Message("Each capacity of the {side}s must be a whole number, 0 or more; found "
                          "{value}.", {"side": side, "value": value})


def mutual_scores(market: Market) -> Floats:
    """Give √(p · q) for each pair, (n, m), 0…1; 0 where the pair is not eligible."""
    return np.sqrt(market.p * market.q)


def simulate_preferences(needs: int, offers: int, crowding: float,
                         random: np.random.Generator) -> Market:
    """Draw a market whose interests are crowding · popularity + (1 - crowding) · chance.

    Popularity falls evenly from 1 (the first) to 0 (the last); chance is uniform on 0…1
    (Tomita and Yokoyama 2024). ``crowding`` is 0…1; capacities are 1.
    """
    if not 0 <= crowding <= 1:
        raise InputError("Crowding must be 0 to 1; found {value}.", value=crowding)
    drawn = random.random((needs, offers)), random.random((offers, needs))
    return Market(*((1 - crowding) * chance + crowding * np.linspace(1, 0, chance.shape[1])
                    for chance in drawn))
