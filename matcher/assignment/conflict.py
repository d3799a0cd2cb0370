"""Why no assignment exists: the smallest set of rules that clash, and the smallest change.

Every hard rule is given slack at a price and the slack is minimised (elastic programming;
Chinneck and Dravnieks 1991). The rules whose price in that optimum is not zero form a
certificate that they cannot hold together (Farkas); QuickXplain (Junker 2004) takes out of it
what is not needed. The change is the cheapest slack in whole numbers over all rules.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
from scipy import sparse
from scipy.sparse.csgraph import connected_components

from matcher.assignment.floor import keepable_floor
from matcher.assignment.model import Model, build_model
from matcher.assignment.optimise import (
    IMPOSSIBLE,
    Limits,
    Programme,
    Step,
    cancelled,
    optimise,
    pick,
    relax,
)
from matcher.assignment.problem import Problem
from matcher.assignment.rules import (
    AT_LEAST,
    AT_MOST,
    Change,
    Rule,
    apply_changes,
    describe_change,
    describe_rules,
)
from matcher.errors import MatcherError
from matcher.vocabulary import Message

Bound = tuple[int, str]
TINY = 1e-6
REDUCED = 300
TRIED = 3
# Taking a clash apart asks some hundred times whether fewer rules can hold: what part of the time
# limit each question gets, and after how many without an answer no more are asked.
PART, UNANSWERED = 1 / 50, 10
# What a unit of slack costs: one pair more or less, one point of a need's total, one forced
# pair set free. A conflict is never lifted.
WEIGHTS = {"need": 1.0, "offer": 1.0, "group": 1.0, "floor": 1.0, "pair": 2.0}


@dataclass(frozen=True, slots=True)
class Clash:
    """Rules that cannot hold together, and changes after which an assignment exists.

    Without any one of ``rules`` the others can hold (unless ``irreducible`` is False: more
    than 300 rules are not taken apart one by one, and whether some can hold may not be known
    in time); ``messages`` say them in words. All ``changes`` together mend the problem, other
    clashes included: see ``apply_changes``.
    """

    rules: tuple[Rule, ...]
    messages: tuple[Message, ...]
    changes: tuple[Change, ...]
    irreducible: bool = True


def explain_clash(model: Model, limits: Limits) -> Clash:
    """Explain a model that has no answer.

    Raises ``MatcherError`` when the time limit comes first.
    """
    bounds, irreducible = _clashing(model, limits)
    rules = tuple(model.rule(*bound) for bound in sorted(bounds))
    return Clash(rules, describe_rules(model.problem, rules), _mend(model, limits), irreducible)


def _clashing(model: Model, limits: Limits) -> tuple[list[Bound], bool]:
    """Find the smallest clash, and tell whether it was taken apart to the last rule."""
    ask = _Questions(model, limits)
    found = [c for c in _certificates(model, limits) if not ask.can_hold(c)]
    # Where there is none, fractions could keep the rules: only whole pairs make it impossible.
    sets = found or [model.hard_bounds()]
    short = [c for c in sets if len(c) <= REDUCED]
    reduced = [_reduce(ask, [], order)
               for c in short[:TRIED] for order in ((c, c[::-1]) if found else (c,))]
    return min(reduced or sets, key=len), bool(reduced) and not ask.unsure


def _certificates(model: Model, limits: Limits) -> list[list[Bound]]:
    """Cut the rules with a price in the elastic optimum into sets without a common pair.

    The shortest first; at least one of them cannot hold, unless only whole pairs clash.
    """
    bounds = model.hard_bounds()
    relaxed = relax(_elastic(model, bounds), limits.seconds)
    prices = np.zeros(len(model.low)) if relaxed is None else relaxed.prices
    rows = np.flatnonzero(np.abs(prices) > TINY)
    touching = abs(model.matrix[rows])
    count, part = connected_components(touching @ touching.T, directed=False)
    sets = [[(int(row), AT_MOST if prices[row] > 0 else AT_LEAST) for row in rows[part == p]]
            for p in range(count)]
    return sorted(sets, key=len)


def _elastic(model: Model, bounds: Sequence[Bound]) -> Programme:
    """Minimise the weighted slack of ``bounds``, one column each, after those of the pairs.

    Rules that are not in ``bounds`` stay as they are; soft rules do not count.
    """
    pairs, rows = len(model.problem.need), [row for row, _ in bounds]
    signs = [1.0 if bound == AT_LEAST else -1.0 for _, bound in bounds]
    slack = sparse.csr_array((signs, (rows, np.arange(len(rows)))),
                             shape=(len(model.low), len(rows)))
    hard = np.isinf(model.penalty)
    return Programme(np.r_[np.zeros(pairs), [-WEIGHTS[model.kinds[row]] for row in rows]],
                     sparse.hstack([model.matrix, slack]).tocsr(),
                     np.where(hard, model.low, -np.inf), np.where(hard, model.high, np.inf),
                     np.r_[np.ones(pairs), np.full(len(rows), np.inf)],
                     np.r_[np.ones(pairs, bool), np.zeros(len(rows), bool)])


class _Questions:
    """Asks whether some rules can hold; ``unsure`` counts answers not found in their time."""

    def __init__(self, model: Model, limits: Limits) -> None:
        self.model, self.unsure = model, 0
        self.goes_on = limits.goes_on
        self.limits = replace(limits, seconds=limits.seconds * PART, on_step=None)

    def can_hold(self, bounds: Sequence[Bound]) -> bool:
        """Tell whether some pairs keep just these rules; where that is not known, they may."""
        if not self.goes_on(Step(None, np.inf)):
            raise cancelled()
        if self.unsure >= UNANSWERED:
            return True
        try:
            found = optimise(_just(self.model, bounds), self.limits)
        except MatcherError:  # not even the relaxation was solved in time
            self.unsure += 1
            return True
        self.unsure += found.x is None and found.state != IMPOSSIBLE
        return found.state != IMPOSSIBLE


def _just(model: Model, bounds: Sequence[Bound]) -> Programme:
    """Give the programme of just these rules, in which all pairs are worth the same."""
    rows = np.array(sorted({row for row, _ in bounds}), np.intp)
    low, high = np.full(len(model.low), -np.inf), np.full(len(model.low), np.inf)
    for row, bound in bounds:
        side, limit = (low, model.low) if bound == AT_LEAST else (high, model.high)
        side[row] = limit[row]
    matrix = model.matrix[rows].tocsc()
    matrix = matrix[:, np.flatnonzero(np.diff(matrix.indptr))]
    ones = np.ones(matrix.shape[1])
    return Programme(0 * ones, matrix.tocsr(), low[rows], high[rows], ones, ones > 0)


def _reduce(ask: _Questions, kept: list[Bound], bounds: Sequence[Bound], added: bool = False
            ) -> list[Bound]:
    """QuickXplain: the rules of ``bounds`` that, with ``kept``, clash and are all needed."""
    if added and not ask.can_hold(kept):
        return []
    if len(bounds) == 1:
        return list(bounds)
    first, second = bounds[:len(bounds) // 2], bounds[len(bounds) // 2:]
    late = _reduce(ask, [*kept, *first], second, True)
    early = _reduce(ask, [*kept, *late], first, bool(late))
    return [*early, *late]


def _mend(model: Model, limits: Limits) -> tuple[Change, ...]:
    """Find the cheapest whole slack for all rules but the floor; then lower the floor if need be.

    A load is a fact and the floor a wish: no load is changed for its sake.
    """
    problem = replace(model.problem, floor=None)
    bare = build_model(problem)
    bounds = [bound for bound in bare.hard_bounds()
              if (bare.kinds[bound[0]], bound[1]) != ("pair", AT_MOST)]
    found = optimise(_elastic(bare, bounds), limits)
    amounts = pick(found)[len(problem.need):]
    changes = [_change(bare, *bound, amount) for bound, amount in zip(bounds, amounts, strict=True)
               if amount > TINY]
    return (*changes, *_lowered(model.problem, changes, limits))


def _change(model: Model, row: int, bound: str, amount: float) -> Change:
    limit = model.low[row] - amount if bound == AT_LEAST else model.high[row] + amount
    return describe_change(model.problem, model.rule(row, bound), round(float(limit)))


def _lowered(problem: Problem, changes: Sequence[Change], limits: Limits) -> Iterator[Change]:
    """Lower the floor to what can be kept once the other changes are made."""
    if not problem.floor:
        return
    floor = keepable_floor(apply_changes(problem, changes), limits)
    if floor < problem.floor:
        yield describe_change(problem, Rule("floor", (), AT_LEAST), floor)
