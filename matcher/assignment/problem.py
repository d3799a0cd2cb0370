"""The nouns of an assignment: two sides with loads, candidate pairs, and rules over groups."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import ArrayLike, NDArray

from matcher.errors import InputError
from matcher.vocabulary import Message

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
CONFLICT, FREE, FORCED = -1, 0, 1
SIDES = ("need", "offer")
SHOWN_FAULTS = 20


@dataclass(frozen=True, eq=False, slots=True)
class Side:
    """All needs, or all offers: ids (n,), and how many pairs each must have and may have.

    ``least`` and ``most`` (n,) are whole numbers, 0 ≤ least ≤ most; one number stands for all.
    Raises ``InputError`` for a load that is no whole number.
    """

    ids: tuple[str, ...]
    least: ArrayLike = 0
    most: ArrayLike = 1

    def __post_init__(self) -> None:
        object.__setattr__(self, "ids", tuple(self.ids))
        for name in ("least", "most"):
            given = np.asarray(getattr(self, name))
            wrong = ~(np.isfinite(given) & (given == np.round(given)))
            if wrong.any():
                raise InputError("A load is a whole number of pairs; found {found}.",
                                 found=given[wrong].flat[0])
            shaped = np.broadcast_to(given, len(self.ids)) if given.ndim == 0 else given
            object.__setattr__(self, name, shaped.astype(np.int64))

    @property
    def bounds(self) -> tuple[Ints, Ints]:
        """``least`` and ``most`` as arrays (n,)."""
        return np.asarray(self.least, np.int64), np.asarray(self.most, np.int64)


@dataclass(frozen=True, slots=True)
class GroupRule:
    """At least, or at most, so many pairs for the members (a county, a size, a kind) together.

    ``members`` are ids of one side. ``penalty`` None makes a hard rule; a number > 0 makes a
    soft one, which costs that much score for every pair too few or too many. ``priced``
    asks what the rule costs in score (an exposure floor; see ``Assignment.prices``).
    """

    label: str
    side: str
    members: frozenset[str]
    least: int = 0
    most: int | None = None
    penalty: float | None = None
    priced: bool = False


def exposure_floor(label: str, offer_ids: Sequence[str], least: int) -> GroupRule:
    """Make the rule that these offers (small labs, SMEs) together get at least so many pairs."""
    return GroupRule(label, "offer", frozenset(offer_ids), least, priced=True)


@dataclass(frozen=True, eq=False, slots=True)
class Problem:
    """Who may be assigned to whom, and under which rules.

    ``need`` and ``offer`` (n_pairs,) are positions in the two sides, ``score`` (n_pairs,) is
    0…1, ``verdict`` (n_pairs,) is -1 conflict, 0 free, +1 forced; a pair that is not listed
    cannot be assigned. ``floor`` is the lowest total score that any need may end with (needs
    that may have no pair at all are left out of it).

    Raises ``InputError`` with all faults at once.
    """

    needs: Side
    offers: Side
    need: Ints
    offer: Ints
    score: Floats
    verdict: Ints | None = None
    groups: tuple[GroupRule, ...] = ()
    floor: float | None = None

    def __post_init__(self) -> None:
        verdict = np.zeros(len(self.need)) if self.verdict is None else self.verdict
        arrays = {"need": np.int64, "offer": np.int64, "score": np.float64, "verdict": np.int64}
        for name, kind in arrays.items():
            given = verdict if name == "verdict" else getattr(self, name)
            object.__setattr__(self, name, np.asarray(given, kind))
        found = list(_faults(self))
        if found:
            texts = [m.id.format(**m.fields) for m in found[:SHOWN_FAULTS]]
            raise InputError("The assignment has {count} faults: {faults}", count=len(found),
                             faults=" ".join(texts))

    @property
    def verdicts(self) -> Ints:
        """``verdict`` (n_pairs,), all 0 where none was given."""
        return np.zeros(len(self.need), np.int64) if self.verdict is None else self.verdict

    def side(self, name: str) -> Side:
        """Give the needs or the offers."""
        return self.needs if name == "need" else self.offers

    def is_member(self, rule: GroupRule) -> NDArray[np.bool_]:
        """Tell which pairs count for a group, (n_pairs,)."""
        inside = np.array([i in rule.members for i in self.side(rule.side).ids], bool)
        return np.asarray(inside[self.need if rule.side == "need" else self.offer], bool)


@dataclass(frozen=True, slots=True)
class AssignedPair:
    """One need and one offer fixed together; ``score`` 0…1."""

    need_id: str
    offer_id: str
    score: float


@dataclass(frozen=True, slots=True)
class Overrun:
    """A soft rule that is not kept: by how many pairs, and what that cost in score."""

    label: str
    pairs: int
    penalty: float


@dataclass(frozen=True, eq=False, slots=True)
class Assignment:
    """The best pairs found, checked against every rule.

    ``chosen`` are the positions of the pairs in the problem, in the order of ``pairs``: by
    need id, best score first. ``total`` is the sum of scores, ``worst`` the lowest total of a
    need (None without needs), ``value`` is ``total`` less the penalties of ``overruns``; no
    assignment can have more than ``bound``. ``state`` is ``optimal``, ``time limit`` or
    ``cancelled``. ``alternates`` gives for each need id the next-best offers that have load
    left; ``prices`` gives for each priced rule the value lost to it, unless working that out
    was cut short.
    """

    pairs: tuple[AssignedPair, ...]
    chosen: NDArray[np.intp]
    total: float
    worst: float | None
    value: float
    bound: float
    state: str
    alternates: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    overruns: tuple[Overrun, ...] = ()
    prices: Mapping[str, float] = field(default_factory=dict)

    @property
    def gap(self) -> float:
        """How far ``value`` may be from the best possible, as a share of ``bound``, ≥ 0."""
        return max(self.bound - self.value, 0.0) / max(abs(self.bound), 1e-12)


def in_id_order(problem: Problem) -> tuple[Problem, NDArray[np.intp]]:
    """Sort needs, offers, pairs and groups by id, so that their given order changes nothing.

    Also gives (n_pairs,): where each sorted pair stood.
    """
    needs, need_rank = _sorted(problem.needs)
    offers, offer_rank = _sorted(problem.offers)
    need, offer = need_rank[problem.need], offer_rank[problem.offer]
    order = np.lexsort((offer, need))
    groups = tuple(sorted(problem.groups, key=lambda rule: rule.label))
    return replace(problem, needs=needs, offers=offers, need=need[order], offer=offer[order],
                   score=problem.score[order], verdict=problem.verdicts[order],
                   groups=groups), order


def _sorted(side: Side) -> tuple[Side, Ints]:
    order = sorted(range(len(side.ids)), key=side.ids.__getitem__)
    rank = np.empty(len(order), np.int64)
    rank[order] = np.arange(len(order))
    least, most = side.bounds
    return Side(tuple(side.ids[i] for i in order), least[order], most[order]), rank


def _faults(problem: Problem) -> Iterator[Message]:
    """Say everything that is wrong with a problem, one sentence each."""
    for name in SIDES:
        yield from _side_faults(name, problem.side(name))
    sizes = {len(problem.need), len(problem.offer), len(problem.score), len(problem.verdicts)}
    if len(sizes) > 1:
        yield Message("The arrays of pairs differ in length: {sizes}.", {"sizes": sorted(sizes)})
    else:
        yield from _pair_faults(problem)
    for rule in problem.groups:
        yield from _group_faults(problem, rule)
    labels = [rule.label for rule in problem.groups]
    for label in sorted({label for label in labels if labels.count(label) > 1}):
        yield Message("Two groups have the label “{label}”.", {"label": label})
    if problem.floor is not None and not 0 <= problem.floor < np.inf:
        yield Message("The floor is {floor}; wanted a number ≥ 0.", {"floor": problem.floor})


def _side_faults(name: str, side: Side) -> Iterator[Message]:
    least, most = side.bounds
    if len(set(side.ids)) < len(side.ids):
        yield Message("Two {side}s have the same id.", {"side": name})
    if least.shape != most.shape or len(least) != len(side.ids):
        yield Message("The loads of the {side}s are not one for each id.", {"side": name})
        return
    for i in np.flatnonzero((least < 0) | (least > most)):
        yield Message("The load of {side} {id} is at least {least} and at most {most}.",
                      {"side": name, "id": side.ids[i], "least": least[i], "most": most[i]})


def _pair_faults(problem: Problem) -> Iterator[Message]:
    for name in SIDES:
        places, count = getattr(problem, name), len(problem.side(name).ids)
        for place in np.unique(places[(places < 0) | (places >= count)]):
            yield Message("There is no {side} at position {place}; there are {count}.",
                          {"side": name, "place": place, "count": count})
    for i in np.flatnonzero(~((problem.score >= 0) & (problem.score <= 1))):
        yield Message("The score of pair {place} is {score}; wanted 0…1.",
                      {"place": i, "score": problem.score[i]})
    for i in np.flatnonzero(np.abs(problem.verdicts) > 1):
        yield Message("The verdict on pair {place} is {verdict}; wanted -1, 0 or 1.",
                      {"place": i, "verdict": problem.verdicts[i]})
    keys = problem.need * (len(problem.offers.ids) + 1) + problem.offer
    repeated = len(keys) - len(np.unique(keys))
    if repeated:
        yield Message("{count} pairs are listed twice.", {"count": repeated})


def _group_faults(problem: Problem, rule: GroupRule) -> Iterator[Message]:
    where = {"label": rule.label}
    if rule.side not in SIDES:
        yield Message("The group “{label}” is of the side “{side}”; wanted need or offer.",
                      {**where, "side": rule.side})
        return
    unknown = sorted(rule.members - set(problem.side(rule.side).ids))
    if unknown:
        yield Message("The group “{label}” has members that are not in the problem: {ids}.",
                      {**where, "ids": ", ".join(unknown)})
    if rule.least < 0 or (rule.most is not None and rule.most < rule.least):
        yield Message("The group “{label}” wants at least {least} and at most {most} pairs.",
                      {**where, "least": rule.least, "most": rule.most})
    if rule.penalty is not None and not 0 < rule.penalty < np.inf:
        yield Message("The penalty of the group “{label}” is {penalty}; wanted a number > 0.",
                      {**where, "penalty": rule.penalty})
