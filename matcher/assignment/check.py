"""A second look at every answer, counted from the problem itself and not from the model.

Nothing here shares code with the solver: an error in its rows cannot hide.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator

import numpy as np

from matcher.assignment.problem import CONFLICT, FORCED, Assignment, GroupRule, Problem
from matcher.errors import MatcherError
from matcher.vocabulary import Message

# The solver keeps a floor to about 1e-6 in fractions; rounding to whole pairs adds to that.
TOLERANCE = 1e-5


def check(problem: Problem, answer: Assignment) -> None:
    """Raise ``MatcherError`` when an answer breaks a rule or says a wrong figure of itself."""
    broken = list(find_breaches(problem, answer))
    if broken:
        raise MatcherError("The solver's answer fails its check, so it is not used: {breach}",
                           breach=" ".join(m.id.format(**m.fields) for m in broken[:5]))


def find_breaches(problem: Problem, answer: Assignment) -> Iterator[Message]:
    """Say everything that an answer breaks, one sentence each; nothing when it is sound."""
    pairs = [(problem.needs.ids[problem.need[j]], problem.offers.ids[problem.offer[j]])
             for j in answer.chosen]
    if len(set(pairs)) < len(pairs) or pairs != [(p.need_id, p.offer_id) for p in answer.pairs]:
        yield Message("The pairs are repeated or are not those of the problem.")
    yield from _loads(problem, pairs)
    yield from _verdicts(problem, set(pairs))
    yield from _floor(problem, answer)
    for rule in problem.groups:
        yield from _group(rule, pairs, answer)
    yield from _figures(problem, answer)
    yield from _alternates(problem, pairs, answer)


def _loads(problem: Problem, pairs: list[tuple[str, str]]) -> Iterator[Message]:
    for place, name in enumerate(("need", "offer")):
        side, load = problem.side(name), Counter(pair[place] for pair in pairs)
        for who, least, most in zip(side.ids, *(b.tolist() for b in side.bounds), strict=True):
            if not least <= load[who] <= most:
                yield Message("The {side} {id} has {count} pairs; wanted {least}…{most}.",
                              {"side": name, "id": who, "count": load[who], "least": least,
                               "most": most})


def _verdicts(problem: Problem, pairs: set[tuple[str, str]]) -> Iterator[Message]:
    for j in np.flatnonzero(problem.verdicts):
        pair = problem.needs.ids[problem.need[j]], problem.offers.ids[problem.offer[j]]
        if problem.verdicts[j] == CONFLICT and pair in pairs:
            yield Message("{need} and {offer} are in conflict.",
                          {"need": pair[0], "offer": pair[1]})
        if problem.verdicts[j] == FORCED and pair not in pairs:
            yield Message("{need} and {offer} are forced together, and are not.",
                          {"need": pair[0], "offer": pair[1]})


def _totals(answer: Assignment) -> dict[str, float]:
    totals: dict[str, float] = defaultdict(float)
    for pair in answer.pairs:
        totals[pair.need_id] += pair.score
    return totals


def _asked(problem: Problem) -> list[str]:
    """List the needs that may have a pair."""
    return [who for who, most in zip(problem.needs.ids, problem.needs.bounds[1], strict=True)
            if most > 0]


def _floor(problem: Problem, answer: Assignment) -> Iterator[Message]:
    totals = _totals(answer)
    for who in _asked(problem):
        if problem.floor is not None and totals.get(who, 0.0) < problem.floor - TOLERANCE:
            yield Message("The scores of need {need} add up to {total}, below {floor}.",
                          {"need": who, "total": totals.get(who, 0.0), "floor": problem.floor})


def _group(rule: GroupRule, pairs: list[tuple[str, str]], answer: Assignment) -> Iterator[Message]:
    place = 0 if rule.side == "need" else 1
    count = sum(pair[place] in rule.members for pair in pairs)
    beyond = max(rule.least - count, count - (count if rule.most is None else rule.most), 0)
    said = sum(o.pairs for o in answer.overruns if o.label == rule.label)
    if beyond != said or (beyond and rule.penalty is None):
        yield Message("The group “{group}” has {count} pairs; wanted {least}…{most}.",
                      {"group": rule.label, "count": count, "least": rule.least,
                       "most": rule.most})


def _figures(problem: Problem, answer: Assignment) -> Iterator[Message]:
    """Add the scores up again."""
    scores = dict(zip(zip(problem.need.tolist(), problem.offer.tolist(), strict=True),
                      problem.score.tolist(), strict=True))
    total = sum(scores[problem.need[j], problem.offer[j]] for j in answer.chosen)
    cost = sum(o.pairs * (g.penalty or 0.0) for o in answer.overruns for g in problem.groups
               if g.label == o.label)
    totals = _totals(answer)
    worst = min((totals.get(who, 0.0) for who in _asked(problem)), default=None)
    for name, said, found in (("total", answer.total, total), ("value", answer.value, total - cost),
                              ("worst", answer.worst, worst)):
        if (said is None) != (found is None) or abs((said or 0.0) - (found or 0.0)) > TOLERANCE:
            yield Message("The {figure} is said to be {said}, but is {found}.",
                          {"figure": name, "said": said, "found": found})
    if answer.value > answer.bound + TOLERANCE:
        yield Message("The value {value} is above its bound {bound}.",
                      {"value": answer.value, "bound": answer.bound})


def _alternates(problem: Problem, pairs: list[tuple[str, str]],
                answer: Assignment) -> Iterator[Message]:
    """An alternate is another candidate of the need, without conflict, with load left."""
    most = dict(zip(problem.offers.ids, problem.offers.bounds[1].tolist(), strict=True))
    load = Counter(offer for _, offer in pairs)
    allowed = {(problem.needs.ids[n], problem.offers.ids[o])
               for n, o in zip(problem.need[problem.verdicts != CONFLICT],
                               problem.offer[problem.verdicts != CONFLICT], strict=True)}
    allowed -= set(pairs)
    for need, offers in answer.alternates.items():
        for offer in offers:
            if (need, offer) not in allowed or load[offer] >= most[offer]:
                yield Message("The alternate {offer} of need {need} is not free.",
                              {"offer": offer, "need": need})
