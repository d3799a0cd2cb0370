"""An estimate with its 95 % interval, by resampling needs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
RESAMPLES = 2000
Z95 = 1.959964


@dataclass(frozen=True, slots=True)
class Interval:
    """An estimate with its 95 % interval, by bootstrap."""

    value: float
    low: float
    high: float

    def __str__(self) -> str:
        return f"{self.value:.3f} [{self.low:.3f}, {self.high:.3f}]"


def resample(parts: Floats, statistic: Callable[[Floats], Floats],
             random: np.random.Generator) -> Interval:
    """Estimate a statistic of mean parts, needs (n, p) drawn with replacement 2,000 times.

    The interval lies between the 2.5th and the 97.5th percentile.
    ``statistic`` turns means (..., p) into values (...).
    """
    count = len(parts)
    times = random.multinomial(count, np.full(count, 1 / count), RESAMPLES)
    low, high = np.percentile(statistic(times @ parts / count), [2.5, 97.5])
    return Interval(float(statistic(parts.mean(axis=0))), float(low), float(high))
