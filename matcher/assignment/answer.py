"""From the solver's columns to an answer: ties settled, summed up, with alternates."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from matcher.assignment.model import Model
from matcher.assignment.optimise import Found, pick
from matcher.assignment.problem import CONFLICT, AssignedPair, Assignment, Overrun, Problem

Places = NDArray[np.intp]
TIE = 1e-9


def describe(model: Model, found: Found, alternates: int) -> Assignment:
    """Sum an answer up; positions are those of the model's problem, which is in id order.

    Raises ``MatcherError`` when the solver has none.
    """
    problem = model.problem
    chosen = _settle(model, np.flatnonzero(pick(found)[:len(problem.need)] > 0.5))
    chosen = chosen[np.lexsort((problem.offer[chosen], -problem.score[chosen],
                                problem.need[chosen]))]
    pairs = tuple(AssignedPair(problem.needs.ids[problem.need[j]],
                               problem.offers.ids[problem.offer[j]], float(problem.score[j]))
                  for j in chosen)
    overruns = tuple(_overruns(problem, chosen))
    total = float(problem.score[chosen].sum())
    value = total - sum(overrun.penalty for overrun in overruns)
    return Assignment(pairs, chosen, total, _worst(problem, chosen), value,
                      max(found.bound, value), found.state,
                      _alternates(problem, chosen, alternates), overruns)


class _Ledger:
    """What is chosen and what each row of the rules adds up to, while pairs are moved."""

    def __init__(self, model: Model, chosen: Places) -> None:
        self.active = np.zeros(len(model.problem.need), bool)
        self.active[chosen] = True
        self.columns = model.matrix.tocsc()
        self.sums = self.columns @ self.active.astype(float)
        hard = np.isinf(model.penalty)  # soft rows keep their sums: their cost must not change
        self.low = np.where(hard, model.low, self.sums) - TIE
        self.high = np.where(hard, model.high, self.sums) + TIE

    def move(self, *pairs: int) -> None:
        """Put pairs in or out, each to the other state, if every rule then holds."""
        spans = [slice(*self.columns.indptr[pair:pair + 2]) for pair in pairs]
        rows = np.concatenate([self.columns.indices[span] for span in spans])
        steps = np.concatenate([self.columns.data[span] * (-1 if self.active[pair] else 1)
                                for span, pair in zip(spans, pairs, strict=True)])
        np.add.at(self.sums, rows, steps)
        if ((self.sums[rows] >= self.low[rows]) & (self.sums[rows] <= self.high[rows])).all():
            self.active[list(pairs)] ^= True
        else:
            np.subtract.at(self.sums, rows, steps)


def _settle(model: Model, chosen: Places) -> Places:
    """Leave out pairs of score 0 that no rule asks for; give ties to the smaller offer id."""
    ledger = _Ledger(model, chosen)
    for pair in chosen[model.problem.score[chosen] == 0]:
        ledger.move(int(pair))
    for pair, other in zip(*_ties(model.problem, ledger.active), strict=True):
        if ledger.active[pair] and not ledger.active[other]:
            ledger.move(int(pair), int(other))
    return np.flatnonzero(ledger.active)


def _ties(problem: Problem, active: NDArray[np.bool_]) -> tuple[Places, Places]:
    """List (assigned pair, free pair before it) of one need and one score, in order."""
    order = np.lexsort((problem.offer, problem.score, problem.need))
    need, score = problem.need[order], problem.score[order]
    starts = np.r_[True, (np.diff(need) != 0) | (np.diff(score) != 0)]
    first = np.flatnonzero(starts)[np.cumsum(starts) - 1]
    spots = np.flatnonzero(active[order])
    before = [np.arange(first[spot], spot) for spot in spots]
    pairs = np.repeat(order[spots], [len(b) for b in before])
    others = order[np.concatenate(before)] if before else np.array([], np.intp)
    return pairs.astype(np.intp), others.astype(np.intp)


def _worst(problem: Problem, chosen: Places) -> float | None:
    totals = np.bincount(problem.need[chosen], problem.score[chosen], len(problem.needs.ids))
    asked = problem.needs.bounds[1] > 0
    return float(totals[asked].min()) if asked.any() else None


def _overruns(problem: Problem, chosen: Places) -> Iterator[Overrun]:
    """List the soft rules that are not kept."""
    for rule in problem.groups:
        count = int(problem.is_member(rule)[chosen].sum()) if rule.penalty else 0
        beyond = max(rule.least - count, 0 if rule.most is None else count - rule.most, 0)
        if rule.penalty and beyond:
            yield Overrun(rule.label, beyond, rule.penalty * beyond)


def _alternates(problem: Problem, chosen: Places, count: int) -> dict[str, tuple[str, ...]]:
    """Give each need its next-best offers (at most ``count``) that have load left."""
    load = np.bincount(problem.offer[chosen], minlength=len(problem.offers.ids))
    free = (load < problem.offers.bounds[1])[problem.offer] & (problem.verdicts != CONFLICT)
    free[chosen] = False
    pairs = np.flatnonzero(free)
    pairs = pairs[np.lexsort((problem.offer[pairs], -problem.score[pairs], problem.need[pairs]))]
    starts = np.searchsorted(problem.need[pairs], np.arange(len(problem.needs.ids) + 1))
    return {need_id: tuple(problem.offers.ids[i]
                           for i in problem.offer[pairs[start:min(start + count, end)]])
            for need_id, start, end in zip(problem.needs.ids, starts, starts[1:], strict=False)}
