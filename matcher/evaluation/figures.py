"""Figures with intervals, the metrics of ranked lists, and the one bootstrap all of it uses.

Gains are linear in the grade, a grade below 0 gains nothing, and the discount is log2(rank + 1),
as in trec_eval; a query without a relevant document is left out.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Grades = Mapping[str, Mapping[str, int]]
Lists = Mapping[str, Sequence[str]]
METRICS = ("nDCG@10", "MRR@10", "recall@100", "P@1")
RESAMPLES = 2000
SEED = 20261124
Z95 = 1.959964
DEPTH = 10
LISTED = 100
NOTHING = 1e-9


@dataclass(frozen=True, slots=True)
class Interval:
    """An estimate with its 95 % interval."""

    value: float
    low: float
    high: float

    def __str__(self) -> str:
        return f"{self.value:.3f} [{self.low:.3f}, {self.high:.3f}]"


@dataclass(frozen=True, slots=True)
class Figure:
    """A mean over queries with its 95 % percentile bootstrap interval; all in 0…1."""

    mean: float
    low: float
    high: float
    queries: int

    def __str__(self) -> str:
        return f"{self.mean:.3f} [{self.low:.3f}, {self.high:.3f}]"


@dataclass(frozen=True)
class Units:
    """What each need (or reviewer) got on each metric, as a part of a whole.

    ``parts`` and ``wholes`` are (units, metrics); a metric's figure is Σ parts / Σ wholes. Where
    the figure is a plain mean, every whole is 1.
    """

    ids: tuple[str, ...]
    metrics: tuple[str, ...]
    parts: Floats
    wholes: Floats

    def figures(self) -> dict[str, Figure]:
        """Give each metric with its interval over units; nothing where there are no units."""
        return {name: share(self.parts[:, i], self.wholes[:, i])
                for i, name in enumerate(self.metrics) if self.ids}


def measure(lists: Lists, grades: Grades) -> dict[str, Figure]:
    """Measure ranked ids (best first) against grades; a need without a list scores 0."""
    return units_of(lists, grades).figures()


def units_of(lists: Lists, grades: Grades) -> Units:
    """Measure each judged need by itself; one without a relevant offer is left out."""
    judged = [need for need, row in sorted(grades.items()) if any(g > 0 for g in row.values())]
    values = [_measure_one(lists.get(need, ()), grades[need]) for need in judged]
    parts = np.array(values, float).reshape(-1, len(METRICS))
    return Units(tuple(judged), METRICS, parts, np.ones_like(parts))


def _measure_one(ranked: Sequence[str], grades: Mapping[str, int]) -> tuple[float, ...]:
    """Give the four metrics of one list, in the order of ``METRICS``."""
    gains = np.array([grades.get(offer, 0) for offer in ranked[:LISTED]], float)
    relevant = sum(g > 0 for g in grades.values())
    hits = np.flatnonzero(gains > 0)
    first = float(hits[0]) if hits.size else np.inf
    return (ndcg(gains, np.array(list(grades.values()), float)),
            1 / (first + 1) if first < DEPTH else 0.0, hits.size / relevant, float(first == 0))


def ndcg(gains: NDArray[np.generic], grades: NDArray[np.generic], depth: int = DEPTH) -> float:
    """Give nDCG of one list, 0…1, by the grades (k,) in rank order and all grades given (n,).

    At least one of ``grades`` must be above 0.
    """
    best = np.sort(grades)[::-1]
    return _dcg(gains[:depth]) / _dcg(best[:depth])


def _dcg(gains: NDArray[np.generic]) -> float:
    """Sum gains (k,) in rank order, each divided by log2(rank + 1)."""
    return float((np.maximum(gains, 0) / np.log2(np.arange(2, gains.size + 2))).sum())


def bootstrap(values: Floats, seed: int = SEED) -> Figure:
    """Give mean and 95 % interval of values (n,) by resampling queries, with a fixed seed."""
    return share(values, np.ones_like(values), seed)


def share(parts: Floats, wholes: Floats, seed: int = SEED) -> Figure:
    """Give Σ parts / Σ wholes, both (n,), with its interval; 0 where there is no whole at all."""
    found = resample(np.column_stack([parts, wholes]), ratio, np.random.default_rng(seed))
    return Figure(found.value, found.low, found.high, len(parts))


def ratio(means: Floats) -> Floats:
    """Give the first of means (..., 2) over the second; NaN where the second is 0."""
    part, whole = means[..., 0], means[..., 1]
    return np.asarray(np.where(whole > 0, part / np.maximum(whole, NOTHING), np.nan))


def resample(parts: Floats, statistic: Callable[[Floats], Floats],
             random: np.random.Generator) -> Interval:
    """Estimate a statistic of mean parts, units (n, p) drawn with replacement 2,000 times.

    The interval lies between the 2.5th and the 97.5th percentile (Efron 1979).
    ``statistic`` turns means (..., p) into values (...). Draws of which it knows none, NaN, are
    passed over; where it knows none at all, everything is 0.
    """
    draws = random.integers(0, len(parts), (RESAMPLES, len(parts)))
    means = np.stack([column[draws].mean(axis=1) for column in parts.T], axis=-1)
    values = statistic(means)
    known = values[~np.isnan(values)]
    if not known.size:
        return Interval(0.0, 0.0, 0.0)
    low, high = np.percentile(known, [2.5, 97.5])
    return Interval(float(statistic(parts.mean(axis=0))), float(low), float(high))
