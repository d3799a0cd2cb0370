"""The month's matches: of all pairs that score well those with the highest sum, under the rules.

A quota is kept as far as it can be: a match too few or too many costs more than any other match
brings. So a quota that the month cannot keep stops no report; the report says what is missing.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from matcher.allocation import grouped_values
from matcher.assignment import Assignment, GroupRule, Limits, Problem, Side, solve
from matcher.report.facts import Entry, Owner, Pair, Quota, QuotaKept, Rules
from matcher.vocabulary import MatchList

SECONDS = 60.0
PENALTY = 10.0
Offers = Mapping[str, Entry]
Owners = Mapping[str, Owner]


@dataclass(frozen=True)
class Choice:
    """The chosen pairs, the offers at their load, and how each quota was kept."""

    pairs: tuple[Pair, ...] = ()
    full: tuple[str, ...] = ()
    quotas: tuple[QuotaKept, ...] = ()


def choose(lists: Sequence[MatchList], rules: Rules, offers: Offers, owners: Owners) -> Choice:
    """Choose the month's matches under the loads of both sides and the quotas."""
    pairs = [(f.need.need_id, m.offer_id, m.score) for f in lists for m in f.matches
             if m.score >= rules.threshold]
    groups = [_group(quota, offers, owners) for quota in rules.quotas]
    total, chosen = _solve(pairs, rules, groups)
    loads = Counter(offer for _, offer in chosen)
    quotas = tuple(QuotaKept(quota, sum(loads[o] for o in group.members),
                             _price(pairs, rules, groups, group, total))
                   for quota, group in zip(rules.quotas, groups, strict=True))
    full = tuple(sorted(o for o, load in loads.items() if load >= rules.per_offer))
    return Choice(tuple(sorted(chosen)), full, quotas)


def _solve(pairs: Sequence[tuple[str, str, float]], rules: Rules, groups: Sequence[GroupRule]
           ) -> tuple[float, list[Pair]]:
    """Give the highest sum of scores under the rules, and its pairs."""
    if not pairs:
        return 0.0, []
    needs = sorted({need for need, _, _ in pairs})
    offers = sorted({offer for _, offer, _ in pairs})
    row, column = ({key: i for i, key in enumerate(keys)} for keys in (needs, offers))
    answer = solve(Problem(Side(tuple(needs), 0, rules.per_need),
                           Side(tuple(offers), 0, rules.per_offer),
                           np.array([row[n] for n, _, _ in pairs]),
                           np.array([column[o] for _, o, _ in pairs]),
                           np.array([s for _, _, s in pairs]), groups=tuple(groups)),
                   Limits(SECONDS), alternates=0)
    assert isinstance(answer, Assignment)  # loads from 0 and soft rules can always be kept
    return answer.total, [(p.need_id, p.offer_id) for p in answer.pairs]


def _price(pairs: Sequence[tuple[str, str, float]], rules: Rules, groups: Sequence[GroupRule],
           group: GroupRule, total: float) -> float:
    """Give how much higher the sum of scores would be without one quota, ≥ 0."""
    return max(_solve(pairs, rules, [g for g in groups if g is not group])[0] - total, 0.0)


def _group(quota: Quota, offers: Offers, owners: Owners) -> GroupRule:
    members = frozenset(key for key, entry in offers.items()
                        if quota.value in grouped_values(entry, owners.get(entry.party or ""),
                                                         quota.field))
    return GroupRule(f"{quota.field}={quota.value}:{quota.least}-{quota.most}", "offer", members,
                     quota.least, quota.most, PENALTY)
