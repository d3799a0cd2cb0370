"""Policies: the ways to make the lists of both sides."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from matcher.market.sides import Floats, Market, mutual_scores
from matcher.market.solution import solve_market
from matcher.vocabulary import Message

TIE_DECIMALS = 9


@dataclass(frozen=True, eq=False, slots=True)
class Scores:
    """By what a policy lists: ``for_needs`` (n, m), ``for_offers`` (m, n), more is earlier."""

    for_needs: Floats
    for_offers: Floats
    note: Message | None = None


@dataclass(frozen=True, slots=True)
class Policy:
    """One way to make the lists of both sides: its key, computation and label."""

    key: str
    score: Callable[[Market], Scores]
    label: Mapping[str, str]


def one_sided(market: Market) -> Scores:
    """List by one's own interest alone."""
    return Scores(market.p, market.q.T)


def product(market: Market) -> Scores:
    """List by the mutual score."""
    scores = mutual_scores(market)
    return Scores(scores, scores.T)


def in_market(market: Market) -> Scores:
    """List by ln μ of the market solution, rounded so that equal offers tie."""
    found = solve_market(market)
    with np.errstate(divide="ignore"):
        scores: Floats = np.log(found.matches).round(TIE_DECIMALS)
    return Scores(scores, scores.T, found.note)


POLICIES: tuple[Policy, ...] = (
    Policy("one-sided", one_sided, {"zh": "單邊名單", "en": "One-sided lists"}),
    Policy("product", product, {"zh": "雙邊分數名單", "en": "Mutual-score lists"}),
    Policy("market", in_market, {"zh": "市場均衡名單", "en": "Market lists"}),
)


@dataclass(frozen=True, eq=False, slots=True)
class Lists:
    """For each need the positions of offers, best first, and for each offer those of needs."""

    for_needs: tuple[NDArray[np.intp], ...]
    for_offers: tuple[NDArray[np.intp], ...]


def make_lists(market: Market, scores: Scores, shown: int | None = None) -> Lists:
    """List the eligible pairs by score, at most ``shown`` each; ties in the given order."""
    return Lists(_ranked(scores.for_needs, market.eligible, shown),
                 _ranked(scores.for_offers, market.eligible.T, shown))


def _ranked(scores: Floats, eligible: NDArray[np.bool_], shown: int | None
            ) -> tuple[NDArray[np.intp], ...]:
    # An eligible pair may score -inf (no interest): it stands last, before what is left out.
    order = np.lexsort((-scores, ~eligible), axis=1)
    lengths = np.minimum(eligible.sum(axis=1), scores.shape[1] if shown is None else shown)
    return tuple(row[:length] for row, length in zip(order, lengths, strict=True))
