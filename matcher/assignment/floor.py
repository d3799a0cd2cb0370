"""The floor for the worst-off need: how high it can be, and what it costs.

The sum of scores stays the objective and the floor is a rule: maximising the worst alone is slow
and wastes the rest.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
from scipy import sparse

from matcher.assignment.answer import describe
from matcher.assignment.check import check
from matcher.assignment.model import build_model, build_programme
from matcher.assignment.optimise import CANCELLED, Limits, Programme, cancelled, optimise, relax
from matcher.assignment.problem import Assignment, Problem, in_id_order

CLOSE = 1e-3
TRIES = 10


@dataclass(frozen=True, slots=True)
class FrontPoint:
    """What a floor for the worst-off need costs: sum of scores, and the lowest of a need."""

    floor: float
    total: float
    worst: float | None
    gap: float


def front(problem: Problem, floors: Sequence[float] = (), points: int = 5,
          limits: Limits | None = None) -> Iterator[FrontPoint]:
    """Solve under rising floors for the worst-off need, one point a floor.

    Without ``floors``, ``points`` of them from the worst of the unfloored optimum to the
    highest that can be kept (within 0.001). A floor that no assignment keeps, or for which
    none is found in time, gives no point.
    """
    limits, bare = limits or Limits(), replace(problem, floor=None)
    for floor in list(floors) or _spread_floors(bare, points, limits):
        answer = _try(replace(bare, floor=floor), limits)
        if answer is not None:
            yield FrontPoint(floor, answer.total, answer.worst, answer.gap)


def _spread_floors(problem: Problem, points: int, limits: Limits) -> list[float]:
    lowest, highest = _try(problem, limits), highest_floor(problem, limits)
    if lowest is None or lowest.worst is None or highest is None:
        return []
    top = keepable_floor(replace(problem, floor=highest), limits)
    return [float(floor) for floor in np.linspace(lowest.worst, max(top, lowest.worst), points)]


def _try(problem: Problem, limits: Limits) -> Assignment | None:
    """Solve without alternates and prices; None where nothing is found."""
    ordered, _ = in_id_order(problem)
    model = build_model(ordered)
    found = optimise(build_programme(model), limits)
    if found.state == CANCELLED and found.x is None:
        raise cancelled()
    if found.x is None:
        return None
    answer = describe(model, found, 0)
    check(ordered, answer)
    return answer


def highest_floor(problem: Problem, limits: Limits | None = None) -> float | None:
    """Give an upper bound on the floor, from fractions of pairs.

    None when nothing is possible, or no need may have a pair. The last digits are left off,
    so that rounding in the solver cannot rule the bound out.
    """
    model = build_model(replace(problem, floor=1.0))
    if "floor" not in model.kinds:
        return None
    base = build_programme(model)
    floors = np.array([kind == "floor" for kind in model.kinds])
    lift = sparse.csr_array(-floors.astype(float).reshape(-1, 1))
    relaxed = relax(Programme(
        np.r_[np.zeros(len(base.gain)), 1.0], sparse.hstack([base.matrix, lift]).tocsr(),
        np.where(floors, 0.0, base.low), base.high, np.r_[base.most, np.inf],
        np.r_[base.whole, False]), (limits or Limits()).seconds)
    return None if relaxed is None else _cut(relaxed.value)


def keepable_floor(problem: Problem, limits: Limits) -> float:
    """Find a floor that can be kept, at most 0.001 below the highest (0…``problem.floor``).

    Each try has a tenth of the time limit; one that ends without an answer counts as failed.
    """
    low, high = 0.0, min(problem.floor or 0.0, highest_floor(problem, limits) or 0.0)
    tried, short = high, replace(limits, seconds=limits.seconds / TRIES)
    while True:
        answer = _try(replace(problem, floor=tried), short)
        if answer is None:
            high = tried
        else:
            low = max(low, min(_cut(answer.worst or 0.0), high))
        if high - low <= CLOSE or (answer is not None and tried == high):
            return low
        tried = (low + high) / 2


def _cut(value: float) -> float:
    """Leave off digits beyond the sixth."""
    return float(np.floor(value * 1e6) / 1e6)
