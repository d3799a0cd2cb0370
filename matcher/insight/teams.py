"""Teams: the smallest set of offers that together cover the aspects of a need.

An aspect is a sentence of the need. How well an offer covers it is the log-mean-exp of its
texts' cosines with that sentence, divided by the best any offer reaches, so that every aspect
counts alike. The value of a team is the sum over aspects of its best member: monotone and
submodular, so that greedy choice is within 1 - 1/e of the best (Nemhauser, Wolsey & Fisher
1978); exchanges of one member then mend most of the rest.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from matcher.pool import Floats, Pool
from matcher.ranking import log_mean_exp

Rows = NDArray[np.intp]
COVERED = 0.8
LEAST_GAIN = 0.02


@dataclass(frozen=True, slots=True)
class Team:
    """Members (places in the pool), who covers each aspect (None: nobody), and the value 0…1."""

    members: tuple[int, ...]
    covered_by: tuple[int | None, ...]
    value: float


def aspect_coverage(aspects: Floats, pool: Pool) -> Floats:
    """Give how well each offer covers each aspect, (n_aspects, n_offers) in 0…1.

    ``aspects`` (n_aspects, d) are unit rows.
    """
    if not len(aspects) or not pool.offers:
        return np.zeros((len(aspects), len(pool.offers)), np.float32)
    affinity = np.stack([log_mean_exp(row, pool) for row in aspects @ pool.vectors.T])
    best = affinity.max(axis=1, keepdims=True)
    return np.asarray(np.clip(affinity / np.maximum(best, 1e-9), 0, 1), np.float32)


def form_team(coverage: Floats, candidates: Sequence[int], most: int, *,
              kinds: Mapping[int, str] | None = None, wanted: Iterable[str] = (),
              conflicts: Iterable[tuple[int, int]] = ()) -> Team:
    """Choose at most ``most`` of the candidates so that every aspect is covered best.

    ``coverage`` is (n_aspects, n_offers); ``kinds`` names each candidate's kind and ``wanted``
    kinds are taken first, one member each where a candidate has it; members in ``conflicts``
    do not stand together. A member that adds less than 0.02 of the value is left out.
    """
    banned = {frozenset(pair) for pair in conflicts}
    places = {kind: [c for c in candidates if (kinds or {}).get(c) == kind] for kind in wanted}
    asked = [p for p in places.values() if p][:most]
    members, slots = _one_of_each(coverage, asked, banned)
    first = len(members)
    while len(members) < most:
        chosen = _best_addition(coverage, members, candidates, banned)
        if chosen is None or _gain(coverage, members, chosen) < LEAST_GAIN:
            break
        members, slots = [*members, chosen], [*slots, candidates]
    members = _exchanged(coverage, members, slots, banned)
    return _as_team(coverage, _without_idle(coverage, members, first))


def _one_of_each(coverage: Floats, asked: Sequence[Sequence[int]], banned: set[frozenset[int]]
                 ) -> tuple[list[int], list[Sequence[int]]]:
    """Choose the best of each asked kind, one that leaves the next kinds somebody if there is one.

    Also gives what each was chosen from; a kind whose every candidate is in conflict has none.
    """
    members: list[int] = []
    slots: list[Sequence[int]] = []
    for number, slot in enumerate(asked):
        roomy = [c for c in slot if all(any(_fits(o, [*members, c], banned) for o in later)
                                        for later in asked[number + 1:])]
        chosen = _best_addition(coverage, members, roomy, banned)
        if chosen is None:
            chosen = _best_addition(coverage, members, slot, banned)
        if chosen is not None:
            members.append(chosen)
            slots.append(slot)
    return members, slots


def value_of(coverage: Floats, members: Sequence[int]) -> float:
    """Give the mean over aspects of the best member's coverage, 0…1."""
    if not members or not len(coverage):
        return 0.0
    return float(coverage[:, list(members)].max(axis=1).mean())


def _gain(coverage: Floats, members: Sequence[int], new: int) -> float:
    return value_of(coverage, [*members, new]) - value_of(coverage, members)


def _best_addition(coverage: Floats, members: Sequence[int], slot: Sequence[int],
                   banned: set[frozenset[int]]) -> int | None:
    free = [c for c in slot if _fits(c, members, banned)]
    return max(free, key=lambda c: (_gain(coverage, members, c), -c), default=None)


def _fits(new: int, members: Sequence[int], banned: set[frozenset[int]]) -> bool:
    return new not in members and not any(frozenset((new, m)) in banned for m in members)


def _exchanged(coverage: Floats, members: list[int], slots: Sequence[Sequence[int]],
               banned: set[frozenset[int]]) -> list[int]:
    """Exchange single members while that helps; each gain is larger than rounding."""
    improved = True
    while improved:
        improved = False
        for place in range(len(members)):
            rest = members[:place] + members[place + 1 :]
            better = _best_addition(coverage, rest, slots[place], banned)
            if better is not None and (value_of(coverage, [*rest, better])
                                       > value_of(coverage, members) + 1e-6):
                members = [*members[:place], better, *members[place + 1 :]]
                improved = True
    return members


def _without_idle(coverage: Floats, members: list[int], asked: int) -> list[int]:
    """Leave out members that others made superfluous; the first ``asked`` were asked for."""
    for member in members[asked:]:
        rest = [m for m in members if m != member]
        if rest and _gain(coverage, rest, member) < LEAST_GAIN:
            members = rest
    return members


def _as_team(coverage: Floats, members: Sequence[int]) -> Team:
    covered = [max(members, key=lambda m: row[m], default=None) for row in coverage]
    named = tuple(m if m is not None and row[m] >= COVERED else None
                  for m, row in zip(covered, coverage, strict=True))
    return Team(tuple(members), named, value_of(coverage, members))
