"""Does a score of 0.7 come true in seven of ten cases? The reliability curve."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from matcher.errors import InputError
from matcher.evaluation.figures import Z95

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class ReliabilityBin:
    """Pairs of like score: their mean score, the share that came true with its 95 % interval."""

    score: float
    share: float
    low: float
    high: float
    pairs: int


def reliability_curve(scores: Floats, targets: Floats, bins: int = 10
                      ) -> tuple[ReliabilityBin, ...]:
    """Compare scores (n,) with targets (n,), both 0…1, in bins of about equal size.

    Pairs of equal score stay together, so there may be fewer bins. The interval is
    Wilson's (1927). Raises ``InputError`` where there is nothing to compare or a value is
    outside 0…1.
    """
    both = np.concatenate([scores, targets])
    if not len(scores) or len(scores) != len(targets) or both.min() < 0 or both.max() > 1:
        raise InputError("A reliability curve wants as many targets as scores, at least one of "
                         "each, all between 0 and 1; found {scores} scores and {targets} targets.",
                         scores=len(scores), targets=len(targets))
    edges = np.unique(np.quantile(scores, np.linspace(0, 1, bins + 1)[1:-1]))
    numbers = np.searchsorted(edges, scores, side="right")
    return tuple(_bin(scores[numbers == b], targets[numbers == b]) for b in np.unique(numbers))


def _bin(scores: Floats, targets: Floats) -> ReliabilityBin:
    count, share = len(scores), float(targets.mean())
    unit = Z95**2 / count
    middle = (share + unit / 2) / (1 + unit)
    half = float(Z95 / (1 + unit) * np.sqrt(share * (1 - share) / count + unit / (4 * count)))
    return ReliabilityBin(float(scores.mean()), share, max(min(middle - half, share), 0.0),
                          min(max(middle + half, share), 1.0), count)


def calibration_error(curve: Sequence[ReliabilityBin]) -> float:
    """Give the mean distance of score and share over all pairs, 0…1 (0 is perfect)."""
    pairs = sum(b.pairs for b in curve)
    return sum(b.pairs * abs(b.score - b.share) for b in curve) / pairs
