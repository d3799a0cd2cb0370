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
from matcher.vocabulary import Message

Bound = tuple[int, str]
TINY = 1e-6
REDUCED = 300
TRIED = 3
# What a unit of slack costs: one pair more or less, one point of a need's total, one forced
# pair set free. A conflict is never lifted.
WEIGHTS = {"need": 1.0, "offer": 1.0, "group": 1.0, "floor": 1.0, "pair": 2.0}


@dataclass(frozen=True, slots=True)
class Clash:
    """Rules that cannot hold together, and changes after which an assignment exists.

    Without any one of ``rules`` the others can hold (unless ``irreducible`` is False: more
    than 300 rules are not taken apart one by one); ``messages`` say them in words. All
    ``changes`` together mend the problem, other clashes included: see ``apply_changes``.
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
    found = [c for c in _certificates(model, limits) if not _can_hold(model, c, limits)]
    if not found:  # fractions could keep the rules: only whole pairs make it impossible
        return _reduce(model, [], model.hard_bounds(), limits), True
    short = [c for c in found if len(c) <= REDUCED]
    if not short:
        return found[0], False
    reduced = [_reduce(model, [], order, limits) for c in short[:TRIED] for order in (c, c[::-1])]
    return min(reduced, key=len), True


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


def _can_hold(model: Model, bounds: Sequence[Bound], limits: Limits) -> bool:
    """Tell whether some pairs keep just these rules."""
    if not limits.goes_on(Step(None, np.inf)):
        raise cancelled()
    rows = np.array(sorted({row for row, _ in bounds}), np.intp)
    low, high = np.full(len(model.low), -np.inf), np.full(len(model.low), np.inf)
    for row, bound in bounds:
        side, limit = (low, model.low) if bound == AT_LEAST else (high, model.high)
        side[row] = limit[row]
    matrix = model.matrix[rows].tocsc()
    matrix = matrix[:, np.flatnonzero(np.diff(matrix.indptr))]
    ones = np.ones(matrix.shape[1])
    programme = Programme(0 * ones, matrix.tocsr(), low[rows], high[rows], ones, ones > 0)
    return optimise(programme, replace(limits, on_step=None)).state != IMPOSSIBLE


def _reduce(model: Model, kept: list[Bound], bounds: Sequence[Bound], limits: Limits,
            added: bool = False) -> list[Bound]:
    """QuickXplain: the rules of ``bounds`` that, with ``kept``, clash and are all needed."""
    if added and not _can_hold(model, kept, limits):
        return []
    if len(bounds) == 1:
        return list(bounds)
    first, second = bounds[:len(bounds) // 2], bounds[len(bounds) // 2:]
    late = _reduce(model, [*kept, *first], second, limits, True)
    early = _reduce(model, [*kept, *late], first, limits, bool(late))
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
