"""Linear programmes with 0/1 columns, solved to proven optimality by SciPy's HiGHS.

The relaxation is solved first. Pure network rules (loads, quotas that nest) have whole
corners, and then it is the answer. Otherwise a search for whole numbers follows, over few columns:
with relaxed value z and reduced gains r ≤ 0, an answer that uses column j has at most
z + r_j, so that columns below the best answer known may be left out without loss
(reduced-cost fixing; Dantzig, Fulkerson and Johnson 1954).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.optimize import Bounds, LinearConstraint, linprog, milp

from matcher.errors import MatcherError

Floats = NDArray[np.float64]
WHOLE = 1e-6
FIRST_WIDTH = 0.05
WIDER = 8.0
FIRST_SLICE_S = 2.0
OPTIMAL, TIME_LIMIT, CANCELLED = "optimal", "time limit", "cancelled"
IMPOSSIBLE = "impossible"


@dataclass(frozen=True, eq=False)
class Programme:
    """Maximise gain @ x where low ≤ matrix @ x ≤ high and 0 ≤ x ≤ most.

    ``gain``, ``most`` and ``whole`` are (n,), ``matrix`` sparse (m, n), ``low`` and ``high``
    (m,), infinite where there is no bound. Columns with ``whole`` are 0 or 1 in the answer.
    """

    gain: Floats
    matrix: Any
    low: Floats
    high: Floats
    most: Floats
    whole: NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Step:
    """How far a solution is: the best value so far (None: no answer yet) and its upper bound."""

    value: float | None
    bound: float


OnStep = Callable[[Step], bool]


@dataclass(frozen=True, slots=True)
class Limits:
    """When to stop: after ``seconds`` of search, or within ``gap`` (a share of the bound).

    ``on_step`` is called between two parts of the work; False cancels. HiGHS cannot be stopped
    inside a part: the relaxation is one part, then come slices of 2, 4, 8 … seconds of
    search. A slice cannot go on where the last one stopped; it begins anew with fewer columns.
    The limits hold for one solve; prices, the points of a front and the explanation of a clash
    are solves of their own.
    """

    seconds: float = 60.0
    gap: float = 1e-6
    on_step: OnStep | None = None

    def goes_on(self, step: Step) -> bool:
        """Report a step; tell whether to go on."""
        return self.on_step is None or self.on_step(step)


@dataclass(frozen=True, eq=False)
class Found:
    """The best answer: x (n,) with its value, what none can exceed, and why the work ended.

    ``x`` is None and ``value`` is -inf when there is no answer (``impossible``) or none yet.
    """

    x: Floats | None
    value: float
    bound: float
    state: str


@dataclass(frozen=True, eq=False)
class Relaxed:
    """The best answer in fractions; ``prices`` (m,) is the gain for one more unit of a bound."""

    x: Floats
    value: float
    prices: Floats


NOTHING = Found(None, -np.inf, -np.inf, IMPOSSIBLE)


def optimise(programme: Programme, limits: Limits) -> Found:
    """Find the best answer in 0/1, or what there is when time or patience end.

    Raises ``MatcherError`` when not even the relaxation is solved in time.
    """
    if not len(programme.gain):
        possible = bool(((programme.low <= 0) & (programme.high >= 0)).all())
        return Found(programme.gain, 0.0, 0.0, OPTIMAL) if possible else NOTHING
    relaxed = relax(programme, limits.seconds)
    if relaxed is None:
        return NOTHING
    fractions = relaxed.x[programme.whole]
    if np.abs(fractions - np.round(fractions)).max(initial=0.0) <= WHOLE:
        x = np.where(programme.whole, np.round(relaxed.x), relaxed.x)
        return Found(x, float(programme.gain @ x), relaxed.value, OPTIMAL)
    return _search(programme, relaxed, limits)


def pick(found: Found) -> Floats:
    """Give the answer's columns; raise ``MatcherError`` when there are none."""
    if found.x is not None:
        return found.x
    if found.state == CANCELLED:
        raise cancelled()
    raise MatcherError("No assignment was found within the time limit, and none was ruled out.")


def cancelled() -> MatcherError:
    """Make the error for work that was called off too early."""
    return MatcherError("The assignment was cancelled before a first answer was found.")


def relax(programme: Programme, seconds: float) -> Relaxed | None:
    """Solve the programme with fractions allowed; None when even that is impossible."""
    low, high, matrix = programme.low, programme.high, programme.matrix
    equal, above = low == high, np.isfinite(high) & (low < high)
    below = np.isfinite(low) & (low < high)
    done = linprog(
        -programme.gain, A_ub=sparse.vstack([matrix[above], -matrix[below]]).tocsr(),
        b_ub=np.r_[high[above], -low[below]], A_eq=matrix[equal], b_eq=low[equal],
        bounds=np.column_stack([np.zeros(len(programme.most)), programme.most]),
        method="highs", options={"time_limit": seconds})
    if done.status == 2:
        return None
    if done.status != 0:
        raise MatcherError("The solver gave up: {cause}", cause=done.message)
    prices = np.zeros(len(low))
    prices[above] -= done.ineqlin.marginals[:above.sum()]
    prices[below] += done.ineqlin.marginals[above.sum():]
    prices[equal] = -done.eqlin.marginals
    return Relaxed(done.x, -float(done.fun), prices)


def _search(programme: Programme, relaxed: Relaxed, limits: Limits) -> Found:
    """Search in 0/1 over the columns that could be in a better answer, in slices of time."""
    reach = np.where(programme.whole, programme.matrix.T @ relaxed.prices - programme.gain, -np.inf)
    best = Found(None, -np.inf, relaxed.value, CANCELLED)
    width, spent, slice_s = FIRST_WIDTH, 0.0, FIRST_SLICE_S
    while limits.goes_on(Step(None if best.x is None else best.value, best.bound)):
        columns = np.flatnonzero(reach <= width)
        part = _solve_part(programme, columns, min(slice_s, limits.seconds - spent), limits.gap)
        left_out = relaxed.value - width if len(columns) < len(reach) else -np.inf
        bound = min(best.bound, max(part.bound, left_out))
        best = replace(max(part, best, key=lambda found: found.value), bound=bound, state=CANCELLED)
        if bound == -np.inf:
            return NOTHING
        if _is_proven(best, left_out, part, limits.gap):
            return replace(best, bound=max(bound, best.value), state=OPTIMAL)
        if part.state == TIME_LIMIT:
            spent, slice_s = spent + slice_s, slice_s * 2
        if spent >= limits.seconds:
            return replace(best, state=TIME_LIMIT)
        width = width * WIDER if best.x is None else relaxed.value - best.value + WHOLE
    return best


def _is_proven(best: Found, left_out: float, part: Found, gap: float) -> bool:
    """Nothing better is left: within the gap, or the search ended and was wide enough."""
    if best.x is None:
        return False
    ended = part.state != TIME_LIMIT and left_out <= best.value
    return ended or best.bound - best.value <= gap * max(abs(best.bound), 1.0)


def _solve_part(programme: Programme, columns: NDArray[np.intp], seconds: float,
                gap: float) -> Found:
    """Search with all other columns at 0."""
    done = milp(
        -programme.gain[columns], integrality=programme.whole[columns].astype(int),
        bounds=Bounds(0, programme.most[columns]),
        constraints=LinearConstraint(programme.matrix[:, columns], programme.low, programme.high),
        options={"time_limit": seconds, "mip_rel_gap": gap / 2})
    if done.status not in (0, 1, 2):
        raise MatcherError("The solver gave up: {cause}", cause=done.message)
    if done.status == 2:
        return NOTHING
    bound = np.inf if done.mip_dual_bound is None else -float(done.mip_dual_bound)
    state = OPTIMAL if done.status == 0 else TIME_LIMIT
    if done.x is None:
        return Found(None, -np.inf, bound, state)
    x = np.zeros(len(programme.gain))
    x[columns] = np.where(programme.whole[columns], np.round(done.x), done.x)
    return Found(x, float(programme.gain @ x), bound, state)
