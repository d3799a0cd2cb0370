"""What the month's lists bring as a market, beside lists that know both sides."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from matcher.forking import on_one_thread
from matcher.market import Market as Sides
from matcher.market import compare_lists
from matcher.report.facts import Market

SHOWN = 10
CAPACITY = 3
# Pairs of a market that is measured whole.
LARGEST = 400_000
BEST = 50


@on_one_thread  # no figure changes with their number
def measure_market(interest: NDArray[np.float64], welcome: NDArray[np.float64]
                   ) -> tuple[Market, ...]:
    """Measure one-sided, mutual and market lists of scores (n_needs, n_offers), NaN where barred.

    A market of more than 400,000 pairs is measured on the offers that stand most often among
    the needs' fifty best.
    """
    if not interest.size or not np.isfinite(interest).any():
        return ()
    if interest.size > LARGEST:
        kept = _best_columns(interest)
        interest, welcome = interest[:, kept], welcome[:, kept]
    found = compare_lists(Sides(interest, welcome.T, 1, CAPACITY), SHOWN)
    return tuple(Market(m.policy, m.expected_matches, m.envies, m.exposure_gini) for m in found)


def _best_columns(interest: NDArray[np.float64]) -> NDArray[np.intp]:
    """Give the offers that are looked at most, so many that the market stays small enough."""
    counts = np.zeros(interest.shape[1], np.intp)
    for row in interest:  # row by row: a row fits into the processor's cache
        known = np.where(np.isnan(row), -1.0, row)
        counts += known >= (np.partition(known, -BEST)[-BEST] if len(known) > BEST else known)
    most = max(BEST, LARGEST // len(interest))
    return np.sort(np.argsort(-counts, kind="stable")[:most])
