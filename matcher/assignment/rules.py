"""One rule of a problem at a time: its sentence, and how to change it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from matcher.assignment.problem import FREE, Problem, Side
from matcher.vocabulary import Message

AT_LEAST, AT_MOST = "at least", "at most"


@dataclass(frozen=True, slots=True)
class Rule:
    """One bound: ``kind`` is need, offer, pair, floor or group; ``bound`` at least or at most.

    ``who`` names whom it binds: one need id, one offer id, a need id and an offer id, or the
    label of a group; a floor without a need is that of all. A forced pair is a pair "at
    least" once, a conflict "at most" never.
    """

    kind: str
    who: tuple[str, ...]
    bound: str


@dataclass(frozen=True, slots=True)
class Change:
    """Give a rule another number: a load, a quota or a floor; a forced pair becomes free."""

    rule: Rule
    value: float
    message: Message


RULE_SENTENCES = {
    ("need", AT_LEAST): "Offers for need {need}: at least {least} (candidates: {candidates}).",
    ("need", AT_MOST): "Offers for need {need}: at most {most}.",
    ("offer", AT_LEAST): "Needs for offer {offer}: at least {least} (candidates: {candidates}).",
    ("offer", AT_MOST): "Needs for offer {offer}: at most {most}.",
    ("pair", AT_LEAST): "Need {need} and offer {offer} are forced together.",
    ("pair", AT_MOST): "Need {need} and offer {offer} are in conflict.",
    ("floor", AT_LEAST): "The scores of need {need} add up to at least {floor}.",
    ("group", AT_LEAST): "Pairs of the group “{group}”: at least {least} (candidates: "
                         "{candidates}).",
    ("group", AT_MOST): "Pairs of the group “{group}”: at most {most}.",
}
TOGETHER_SENTENCES = {
    ("need", AT_LEAST): "Offers for {count} needs together: at least {sum}. The needs: {names}.",
    ("need", AT_MOST): "Offers for {count} needs together: at most {sum}. The needs: {names}.",
    ("offer", AT_LEAST): "Needs for {count} offers together: at least {sum}. The offers: {names}.",
    ("offer", AT_MOST): "Needs for {count} offers together: at most {sum}. The offers: {names}.",
    ("pair", AT_LEAST): "{count} pairs are forced together: {names}.",
    ("pair", AT_MOST): "{count} pairs are in conflict: {names}.",
    ("floor", AT_LEAST): "The scores of each of {count} needs add up to at least {floor}. The "
                         "needs: {names}.",
}
CHANGE_SENTENCES = {
    ("need", AT_LEAST): "Offers for need {need}: at least {value} instead of {least}.",
    ("need", AT_MOST): "Offers for need {need}: at most {value} instead of {most}.",
    ("offer", AT_LEAST): "Needs for offer {offer}: at least {value} instead of {least}.",
    ("offer", AT_MOST): "Needs for offer {offer}: at most {value} instead of {most}.",
    ("pair", AT_LEAST): "Do not force need {need} and offer {offer} together.",
    ("floor", AT_LEAST): "Lower the floor from {floor} to {value}.",
    ("group", AT_LEAST): "Pairs of the group “{group}”: at least {value} instead of {least}.",
    ("group", AT_MOST): "Pairs of the group “{group}”: at most {value} instead of {most}.",
}
SINGLY = 3
NAMES = 12


def describe_rule(problem: Problem, rule: Rule) -> Message:
    """Say one rule in words."""
    return Message(RULE_SENTENCES[rule.kind, rule.bound], _fields(problem, rule))


def describe_rules(problem: Problem, rules: Sequence[Rule]) -> tuple[Message, ...]:
    """Say rules in words; more than three of a kind share one sentence (groups never do)."""
    messages: list[Message] = []
    for key in dict.fromkeys((rule.kind, rule.bound) for rule in rules):
        alike = [rule for rule in rules if (rule.kind, rule.bound) == key]
        if len(alike) > SINGLY and key in TOGETHER_SENTENCES:
            messages.append(_describe_together(problem, alike))
        else:
            messages.extend(describe_rule(problem, rule) for rule in alike)
    return tuple(messages)


def _describe_together(problem: Problem, rules: Sequence[Rule]) -> Message:
    kind, bound = rules[0].kind, rules[0].bound
    side = problem.offers if kind == "offer" else problem.needs
    load = dict(zip(side.ids, side.bounds[bound == AT_MOST].tolist(), strict=True))
    names = [" – ".join(rule.who) for rule in rules]
    return Message(TOGETHER_SENTENCES[kind, bound], {
        "count": len(rules), "sum": sum(load.get(rule.who[0], 0) for rule in rules),
        "floor": problem.floor,
        "names": ", ".join(names[:NAMES]) + (" …" if len(names) > NAMES else "")})


def describe_change(problem: Problem, rule: Rule, value: float) -> Change:
    """Put a change of one rule to ``value`` into words."""
    shown = value if rule.kind == "floor" else int(value)
    fields = {**_fields(problem, rule), "value": shown}
    return Change(rule, shown, Message(CHANGE_SENTENCES[rule.kind, rule.bound], fields))


def _fields(problem: Problem, rule: Rule) -> dict[str, object]:
    """Give everything a sentence about a rule may name."""
    if rule.kind == "group":
        group = problem.groups[_group_place(problem, rule)]
        return {"group": group.label, "least": group.least, "most": group.most,
                "candidates": int(problem.is_member(group).sum())}
    if rule.kind == "floor" and not rule.who:
        return {"floor": problem.floor}
    if rule.kind == "pair":
        return {"need": rule.who[0], "offer": rule.who[1]}
    name = "offer" if rule.kind == "offer" else "need"
    side = problem.side(name)
    place = side.ids.index(rule.who[0])
    least, most = side.bounds
    pairs = problem.need if name == "need" else problem.offer
    return {name: rule.who[0], "least": int(least[place]), "most": int(most[place]),
            "floor": problem.floor, "candidates": int((pairs == place).sum())}


def _group_place(problem: Problem, rule: Rule) -> int:
    return [group.label for group in problem.groups].index(rule.who[0])


def apply_changes(problem: Problem, changes: Sequence[Change]) -> Problem:
    """Give the problem with every change made."""
    for change in changes:
        problem = _apply(problem, change.rule, change.value)
    return problem


def _apply(problem: Problem, rule: Rule, value: float) -> Problem:
    if rule.kind == "floor":
        return replace(problem, floor=float(value))
    if rule.kind == "pair":
        return _set_free(problem, *rule.who)
    if rule.kind == "group":
        groups, place = list(problem.groups), _group_place(problem, rule)
        groups[place] = (replace(groups[place], least=int(value)) if rule.bound == AT_LEAST
                         else replace(groups[place], most=int(value)))
        return replace(problem, groups=tuple(groups))
    side = _with_load(problem.side(rule.kind), rule, value)
    return (replace(problem, needs=side) if rule.kind == "need"
            else replace(problem, offers=side))


def _set_free(problem: Problem, need_id: str, offer_id: str) -> Problem:
    need, offer = problem.needs.ids.index(need_id), problem.offers.ids.index(offer_id)
    pair = (problem.need == need) & (problem.offer == offer)
    return replace(problem, verdict=np.where(pair, FREE, problem.verdicts))


def _with_load(side: Side, rule: Rule, value: float) -> Side:
    bounds = [np.array(bound) for bound in side.bounds]
    bounds[rule.bound == AT_MOST][side.ids.index(rule.who[0])] = int(value)
    return Side(side.ids, *bounds)
