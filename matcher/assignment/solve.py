"""Solve an assignment: the best pairs under all rules, or which rules cannot hold together."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from matcher.assignment.answer import describe
from matcher.assignment.check import check
from matcher.assignment.conflict import Clash, explain_clash
from matcher.assignment.model import build_model, build_programme
from matcher.assignment.optimise import IMPOSSIBLE, OPTIMAL, Limits, optimise
from matcher.assignment.problem import Assignment, Problem, in_id_order


def solve(problem: Problem, limits: Limits | None = None,
          alternates: int = 3) -> Assignment | Clash:
    """Find the pairs with the highest sum of scores that keep every rule.

    ``alternates`` offers with load left are named for each need. Equal problems give equal
    answers, in whatever order their parts are listed; among offers of equal score a need
    gets the one with the smaller id where the rules let it, and a pair of score 0 is left out
    where no rule asks for it. (An answer cut short by the time limit is as good as the
    machine was fast.)

    Raises ``MatcherError`` when the time ends before a first answer, or when an answer
    fails its check.
    """
    limits = limits or Limits()
    ordered, order = in_id_order(problem)
    model = build_model(ordered)
    found = optimise(build_programme(model), limits)
    if found.state == IMPOSSIBLE:
        return explain_clash(model, limits)
    answer = describe(model, found, alternates)
    answer = replace(answer, chosen=order[answer.chosen],
                     prices=dict(_prices(ordered, answer, limits)))
    check(problem, answer)
    return answer


def _prices(problem: Problem, answer: Assignment, limits: Limits) -> Iterator[tuple[str, float]]:
    """Solve again without each priced rule; the difference is what the rule costs, ≥ 0."""
    for priced in problem.groups:
        rest = tuple(rule for rule in problem.groups if rule.label != priced.label)
        if priced.priced:
            found = optimise(build_programme(build_model(replace(problem, groups=rest))), limits)
            if found.state == OPTIMAL:
                yield priced.label, max(found.value - answer.value, 0.0)
