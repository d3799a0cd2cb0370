"""Figures with intervals, and the metrics of ranked lists.

Gains are linear in the grade and the discount is log2(rank + 1), as in trec_eval; a query
without a relevant document is left out.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Grades = Mapping[str, Mapping[str, int]]
METRICS = ("nDCG@10", "MRR@10", "recall@100", "P@1")
RESAMPLES = 2000


@dataclass(frozen=True, slots=True)
class Figure:
    """A mean over queries with its 95 % percentile bootstrap interval; all in 0…1."""

    mean: float
    low: float
    high: float
    queries: int

    def __str__(self) -> str:
        return f"{self.mean:.3f} [{self.low:.3f}, {self.high:.3f}]"


def measure(lists: Mapping[str, Sequence[str]], grades: Grades) -> dict[str, Figure]:
    """Measure ranked ids (best first) against grades; a need without a list scores 0."""
    judged = [need for need, row in sorted(grades.items()) if any(g > 0 for g in row.values())]
    values = np.array([_measure_one(lists.get(need, ()), grades[need]) for need in judged])
    return {name: bootstrap(values[:, i]) for i, name in enumerate(METRICS)} if judged else {}


def _measure_one(ranked: Sequence[str], grades: Mapping[str, int]) -> tuple[float, ...]:
    """Give the four metrics of one list, in the order of ``METRICS``."""
    gains = np.array([grades.get(offer, 0) for offer in ranked[:100]], float)
    relevant = sum(g > 0 for g in grades.values())
    hits = np.flatnonzero(gains > 0)
    first = float(hits[0]) if hits.size else np.inf
    ideal = np.array(sorted(grades.values(), reverse=True), float)
    return (dcg(gains[:10]) / dcg(ideal[:10]), 1 / (first + 1) if first < 10 else 0.0,
            hits.size / relevant, float(first == 0))


def dcg(gains: NDArray[np.float64]) -> float:
    """Sum gains (k,) in rank order, each divided by log2(rank + 1)."""
    return float((gains / np.log2(np.arange(2, gains.size + 2))).sum())


def bootstrap(values: NDArray[np.float64], seed: int = 20261124) -> Figure:
    """Give mean and 95 % interval of values (n,) by resampling queries, with a fixed seed."""
    draws = np.random.default_rng(seed).integers(0, values.size, (RESAMPLES, values.size))
    low, high = np.percentile(values[draws].mean(axis=1), [2.5, 97.5])
    return Figure(float(values.mean()), float(low), float(high), values.size)
