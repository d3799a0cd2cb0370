"""Assignment: many lists at once, under loads, conflicts, quotas and floors.

``solve`` gives the best pairs, checked against every rule, or a ``Clash``: the smallest set
of rules that cannot hold together, with the smallest change that mends it. ``front`` shows what
a floor for the worst-off need costs. Pure: no store, no clock, no chance.

    problem     the nouns: sides, pairs, group rules, the answer
    rules       one rule in words, and changing it
    model       the rules as rows of a linear programme
    optimise    HiGHS: relaxation, then whole numbers over the columns that matter
    answer      from columns to pairs: ties, alternates, sums
    floor       the worst-off need: how high, at what cost
    conflict    why there is no answer
    check       a second, independent count of every answer
    solve       the verbs
"""

from matcher.assignment.check import check, find_breaches
from matcher.assignment.conflict import Clash
from matcher.assignment.floor import FrontPoint, front, highest_floor
from matcher.assignment.optimise import CANCELLED, OPTIMAL, TIME_LIMIT, Limits, Step
from matcher.assignment.problem import (
    CONFLICT,
    FORCED,
    FREE,
    AssignedPair,
    Assignment,
    GroupRule,
    Overrun,
    Problem,
    Side,
    exposure_floor,
)
from matcher.assignment.rules import Change, Rule, apply_changes, describe_rule
from matcher.assignment.solve import solve

__all__ = [
    "CANCELLED", "CONFLICT", "FORCED", "FREE", "OPTIMAL", "TIME_LIMIT", "AssignedPair",
    "Assignment", "Change", "Clash", "FrontPoint", "GroupRule", "Limits", "Overrun", "Problem",
    "Rule", "Side", "Step", "apply_changes", "check", "describe_rule", "exposure_floor",
    "find_breaches", "front", "highest_floor", "solve",
]
