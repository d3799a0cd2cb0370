"""Match a month's needs: list every one as the page does, on two processors where there are two."""

from __future__ import annotations

import copyreg
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import date
from itertools import pairwise
from operator import attrgetter
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from matcher.errors import MatcherError
from matcher.forking import (
    LeftBehindError,
    Step,
    Told,
    can_fork,
    do_all,
    on_one_thread,
    shared_array,
)
from matcher.ranking import Ranking, block_size
from matcher.report.facts import Rules, Skipped
from matcher.report.quarantine import FAULTS
from matcher.store.records import field_names
from matcher.vocabulary import (
    EvidencePair,
    Influence,
    Match,
    MatchList,
    Message,
    Need,
    Offer,
    Run,
)
from matcher.workflow import Asked, ask, list_of, make_run, rank_one
from matcher.workspace import Progress, Workspace

KEPT = 50
DIGITS = 6
# Pairs of a need and a text for which a second process is worth its start: half a second's work.
WORTH_TWO = 3_000_000
Scores = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Matched:
    """A need's list and the scores of its best offers; ``place`` is the need's among all."""

    place: int
    found: MatchList
    scores: dict[str, float]


@dataclass(frozen=True)
class Listed:
    """The needs that were matched, by id, and those that could not be.

    ``interest`` and ``welcome`` (n_needs, n_offers), of the needs matched, are NaN where a pair is
    barred.
    """

    lists: tuple[MatchList, ...]
    scores: dict[str, dict[str, float]]
    interest: Scores
    welcome: Scores
    skipped: tuple[Skipped, ...]


def _send_as_made(kind: Any) -> None:
    """Send records of a kind as they are made: in half the time that their own way takes.

    Only between this process and the one it forked: nothing of it is ever read from a file.
    """
    values = attrgetter(*field_names(kind))
    copyreg.pickle(kind, lambda record: (kind, values(record)))


for sent in (Match, EvidencePair, Influence, Message):
    _send_as_made(sent)

# None: left to the first process.
Done = Matched | Skipped | None


@on_one_thread  # each process has its own; and no figure changes with their number
def match_all(batch: Workspace, needs: Sequence[Need], day: date, rules: Rules,
              progress: Progress) -> Listed:
    """List every need as the page does; a need that cannot be matched is named and left out."""
    is_large = len(needs) * len(batch.pool().texts) >= WORTH_TWO
    if is_large:
        with suppress(*FAULTS):  # a damaged one is met again by the needs that want it, if any
            batch.recall_sentences()
    matching, size = Matching(batch, needs, day, rules), block_size(batch.pool())
    parts = cut(len(needs), size)
    done = do_all(lambda part, step: matching.part(parts[part], step), len(parts),
                  _rising(progress, len(needs)), is_large and len(parts) > 1 and can_fork())
    each = [one for part, found in zip(parts, done, strict=True)
            for one in matching.completed(part, found)]
    matched = [one for one in each if isinstance(one, Matched)]
    rows = [one.place for one in matched]
    interest, welcome = (side if len(rows) == len(side) else side[rows]
                         for side in matching.chances)
    return Listed(tuple(one.found for one in matched),
                  {one.found.need.need_id: one.scores for one in matched}, interest, welcome,
                  tuple(one for one in each if isinstance(one, Skipped)))


def cut(count: int, size: int) -> list[slice]:
    """Cut places into parts, from both ends by ``size``; into small ones where two meet.

    Whoever comes first has little to wait for.
    """
    ends = max(count - size, 0) // (2 * size) * size
    small = max(size // 4, 1)
    edges = [*range(0, ends, size), *range(ends, count - ends, small),
             *range(count - ends, count, size), count]
    return [slice(one, other) for one, other in pairwise(edges)]


class Matching:
    """The needs of a month, to be matched in parts."""

    def __init__(self, batch: Workspace, needs: Sequence[Need], day: date, rules: Rules) -> None:
        """Get everything ready that a second process could not."""
        self.batch, self.needs, self.day, self.rules = batch, needs, day, rules
        self.offers = batch.pool().offers
        # Both sides' chances of every pair; filled in either process.
        self.chances = [shared_array((len(needs), len(self.offers))) for _ in range(2)]
        self.run: Run = make_run(batch, needs, day, rules.top, least=rules.threshold)
        self.asked = self._asked()

    def _asked(self) -> Asked | None:
        """Get the needs ready; None where one of them breaks that."""
        try:
            return ask(self.batch, self.needs, self.day)
        except FAULTS:
            return None

    def part(self, part: slice, step: Step) -> list[Done]:
        """Match some of the needs; None for one that a forked process must leave to the first."""
        places, found = range(part.start, part.start + len(self.needs[part])), []
        for one in self._each(part, places):
            found.append(one)
            step()
        return found

    def completed(self, part: slice, found: Sequence[Done]) -> list[Matched | Skipped]:
        """Give what a part found, with the needs of it that were left to this process."""
        places = [place for place, one in enumerate(found, part.start) if one is None]
        left = self._each(part, places)
        return [cast(Matched | Skipped, next(left) if one is None else one) for one in found]

    def _each(self, part: slice, places: Sequence[int]) -> Iterator[Done]:
        """Match the needs of a part at these places."""
        for place, ranking in self._rankings(part, places):
            try:
                if isinstance(ranking, Exception):
                    raise ranking
                yield self._matched(place, ranking)
            except LeftBehindError:
                yield None
            except FAULTS as problem:
                yield Skipped("need", self.needs[place].need_id, _reason(problem))

    def _rankings(self, part: slice, places: Sequence[int]
                  ) -> Iterator[tuple[int, Ranking | Exception]]:
        """Rank needs together; where one of them breaks that, each alone."""
        done, problem = 0, None
        while self.asked and done < len(places) and not problem:
            try:
                only = {place - part.start for place in places[done:]}
                for ranking in self.asked.rank(part, only):
                    yield places[done], ranking
                    done += 1
            except LeftBehindError as left:
                yield places[done], left
                done += 1
            except FAULTS as fault:
                problem = fault
        for place in places[done:]:
            yield place, self._alone(place)

    def _alone(self, place: int) -> Ranking | Exception:
        try:
            return rank_one(self.batch, self.needs[place], self.day)
        except (*FAULTS, LeftBehindError) as problem:
            return problem

    def _matched(self, place: int, ranking: Ranking) -> Matched:
        listed = list_of(self.batch, ranking, self.run, self.rules.top, self.rules.threshold)
        # A list looks no farther than it must: its offers need not be among the best of all.
        scores = _best(ranking, self.offers) | {
            m.offer_id: round(m.score, DIGITS) for m in listed.matches}
        for chances, found in zip(self.chances, (ranking.scores, ranking.welcome), strict=True):
            chances[place] = np.where(ranking.eligible, found, np.nan)
        return Matched(place, listed, scores)


def _rising(progress: Progress, total: int) -> Told:
    """Tell progress only where it is one: what another process was about may be done here again."""
    told = [0]

    def tell(count: int) -> None:
        if told[0] < min(count, total):
            told[0] = min(count, total)
            progress("match", told[0], total)

    return tell


def _reason(problem: Exception) -> Message:
    return problem.message if isinstance(problem, MatcherError) else Message(
        "{problem}", {"problem": str(problem)})


def _best(ranking: Ranking, offers: Sequence[Offer]) -> dict[str, float]:
    """Give the scores of the fifty best eligible offers, best first."""
    rows = np.flatnonzero(ranking.eligible)
    if len(rows) > KEPT:  # to sort all of them takes longer than the rest
        rows = rows[ranking.scores[rows] >= np.partition(ranking.scores[rows], -KEPT)[-KEPT]]
    rows = rows[np.argsort(-ranking.scores[rows], kind="stable")][:KEPT]
    return {offers[row].offer_id: round(score, DIGITS)
            for row, score in zip(rows.tolist(), ranking.scores[rows].tolist(), strict=True)}
