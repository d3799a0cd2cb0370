"""The rules of a problem as rows of a linear programme over its pairs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from matcher.assignment.optimise import Programme
from matcher.assignment.problem import CONFLICT, FORCED, Floats, Problem
from matcher.assignment.rules import AT_LEAST, AT_MOST, Rule


@dataclass(frozen=True, eq=False)
class Model:
    """``low`` ≤ ``matrix`` @ x ≤ ``high``, x (n_pairs,) 0 or 1: one row a load, pair or group.

    ``matrix`` is sparse (n_rows, n_pairs); ``kinds`` and ``who`` (n_rows,) say of whom a row
    speaks, as in ``Rule``. ``penalty`` (n_rows,) is the price of a unit beyond the bounds,
    infinite for a hard rule; a bound that can never bind is infinite.
    """

    problem: Problem
    matrix: Any
    low: Floats
    high: Floats
    penalty: Floats
    kinds: tuple[str, ...]
    who: tuple[tuple[str, ...], ...]

    def rule(self, row: int, bound: str) -> Rule:
        """Name the rule behind one bound of one row."""
        return Rule(self.kinds[row], self.who[row], bound)

    def hard_bounds(self) -> list[tuple[int, str]]:
        """List (row, bound) of every hard rule, in the order of the rows."""
        hard = np.isinf(self.penalty)
        rows = np.flatnonzero(hard & (np.isfinite(self.low) | np.isfinite(self.high)))
        return [(int(row), bound) for row in rows
                for bound, limit in ((AT_LEAST, self.low), (AT_MOST, self.high))
                if np.isfinite(limit[row])]


def build_model(problem: Problem) -> Model:
    """Write every rule of a problem as a row: needs, offers, decided pairs, floor, groups."""
    blocks = [_loads(problem, "need"), _loads(problem, "offer"), _decided(problem),
              _floor(problem), _groups(problem)]
    kinds = ("need", "offer", "pair", "floor", "group")
    return Model(
        problem, sparse.vstack([block.matrix for block in blocks]).tocsr(),
        np.concatenate([block.low for block in blocks]),
        np.concatenate([block.high for block in blocks]),
        np.concatenate([np.full(len(block.low), np.inf) for block in blocks[:-1]]
                       + [_penalties(problem)]),
        tuple(kind for kind, block in zip(kinds, blocks, strict=True) for _ in block.low),
        tuple(who for block in blocks for who in block.who))


@dataclass(frozen=True, eq=False)
class _Block:
    matrix: Any
    low: Floats
    high: Floats
    who: list[tuple[str, ...]]


def _incidence(rows: NDArray[Any], values: NDArray[Any], count: int) -> Any:
    """Put the value of each pair in the row it belongs to, (count, n_pairs)."""
    pairs = np.arange(len(rows))
    return sparse.csr_array((values.astype(float), (rows, pairs)), shape=(count, len(rows)))


def _loads(problem: Problem, name: str) -> _Block:
    side = problem.side(name)
    place = problem.need if name == "need" else problem.offer
    least, most = side.bounds
    candidates = np.bincount(place, minlength=len(side.ids))
    return _Block(_incidence(place, np.ones(len(place)), len(side.ids)),
                  np.where(least > 0, least, -np.inf), np.where(most < candidates, most, np.inf),
                  [(i,) for i in side.ids])


def _decided(problem: Problem) -> _Block:
    """One row for each forced pair and each conflict."""
    pairs = np.flatnonzero(problem.verdicts)
    verdict = problem.verdicts[pairs]
    matrix = sparse.csr_array((np.ones(len(pairs)), (np.arange(len(pairs)), pairs)),
                              shape=(len(pairs), len(problem.need)))
    who: list[tuple[str, ...]] = [
        (problem.needs.ids[problem.need[j]], problem.offers.ids[problem.offer[j]]) for j in pairs]
    return _Block(matrix, np.where(verdict == FORCED, 1.0, -np.inf),
                  np.where(verdict == CONFLICT, 0.0, np.inf), who)


def _floor(problem: Problem) -> _Block:
    """One row for each need that may have a pair: its scores add up to the floor or more."""
    asked = np.flatnonzero(problem.needs.bounds[1] > 0) if problem.floor else np.array([], int)
    totals = _incidence(problem.need, problem.score, len(problem.needs.ids))
    return _Block(totals[asked], np.full(len(asked), problem.floor or 0.0),
                  np.full(len(asked), np.inf), [(problem.needs.ids[i],) for i in asked])


def _groups(problem: Problem) -> _Block:
    member = np.array([problem.is_member(rule) for rule in problem.groups], float)
    matrix = sparse.csr_array(member.reshape(len(problem.groups), len(problem.need)))
    low = [float(rule.least) if rule.least > 0 else -np.inf for rule in problem.groups]
    high = [np.inf if rule.most is None else float(rule.most) for rule in problem.groups]
    return _Block(matrix, np.array(low), np.array(high),
                  [(rule.label,) for rule in problem.groups])


def _penalties(problem: Problem) -> Floats:
    return np.array([np.inf if rule.penalty is None else rule.penalty
                     for rule in problem.groups], np.float64)


def build_programme(model: Model) -> Programme:
    """Maximise the scores less the penalties; each soft row gets two columns of overrun."""
    pairs, soft = len(model.problem.need), np.flatnonzero(np.isfinite(model.penalty))
    slack = sparse.csr_array((np.repeat([1.0, -1.0], len(soft)),
                              (np.tile(soft, 2), np.arange(2 * len(soft)))),
                             shape=(len(model.low), 2 * len(soft)))
    return Programme(
        np.r_[model.problem.score, -np.tile(model.penalty[soft], 2)],
        sparse.hstack([model.matrix, slack]).tocsr(), model.low, model.high,
        np.r_[np.ones(pairs), np.full(2 * len(soft), np.inf)],
        np.r_[np.ones(pairs, bool), np.zeros(2 * len(soft), bool)])

