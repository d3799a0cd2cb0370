"""Match a month's needs: list every one as the page does, on two processors where there are two."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np
from numpy.typing import NDArray

from matcher.errors import MatcherError
from matcher.forking import Step, can_fork, do_all, on_one_thread, shared_array
from matcher.ranking import Ranking, block_size
from matcher.report.facts import Rules, Skipped
from matcher.report.quarantine import FAULTS
from matcher.vocabulary import MatchList, Message, Need, Offer, Run
from matcher.workflow import Asked, ask, list_of, make_run, rank_one
from matcher.workspace import Progress, Workspace

KEPT = 50
DIGITS = 6
# Pairs of a need and a text for which a second process is worth its start: half a second's.
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


@on_one_thread  # each process has its own; and no figure changes with their number
def match_all(batch: Workspace, needs: Sequence[Need], day: date, rules: Rules,
              progress: Progress) -> Listed:
    """List every need as the page does; a need that cannot be matched is named and left out."""
    batch.recall_sentences()
    matching, size = Matching(batch, needs, day, rules), block_size(batch.pool())
    parts = [slice(start, start + size) for start in range(0, len(needs), size)]
    is_worth = len(needs) * len(batch.pool().texts) >= WORTH_TWO and len(parts) > 1
    done = do_all(lambda part, step: list(matching.part(parts[part], step)), len(parts),
                  lambda count: progress("match", min(count, len(needs)), len(needs)),
                  is_worth and can_fork())
    each = [one for part in done for one in part]
    matched = [one for one in each if isinstance(one, Matched)]
    rows = [one.place for one in matched]
    interest, welcome = (side if len(rows) == len(side) else side[rows]
                         for side in matching.chances)
    return Listed(tuple(one.found for one in matched),
                  {one.found.need.need_id: one.scores for one in matched}, interest, welcome,
                  tuple(one for one in each if isinstance(one, Skipped)))


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

    def part(self, part: slice, step: Step) -> Iterator[Matched | Skipped]:
        """Match some of the needs."""
        for place, (need, ranking) in enumerate(self._rankings(part), part.start):
            try:
                if isinstance(ranking, Exception):
                    raise ranking
                yield self._matched(place, ranking)
            except FAULTS as problem:
                yield Skipped("need", need.need_id, _reason(problem))
            step()

    def _rankings(self, part: slice) -> Iterator[tuple[Need, Ranking | Exception]]:
        """Rank needs together; where one of them breaks that, each alone."""
        needs, done = self.needs[part], 0
        try:
            if self.asked:
                for need, ranking in zip(needs, self.asked.rank(part), strict=True):
                    yield need, ranking
                    done += 1
        except FAULTS:
            pass
        for need in needs[done:]:
            try:
                yield need, rank_one(self.batch, need, self.day)
            except FAULTS as problem:
                yield need, problem

    def _matched(self, place: int, ranking: Ranking) -> Matched:
        listed = list_of(self.batch, ranking, self.run, self.rules.top, self.rules.threshold)
        # A list looks no farther than it must: its offers need not be among the best of all.
        scores = _best(ranking, self.offers) | {
            m.offer_id: round(m.score, DIGITS) for m in listed.matches}
        for chances, found in zip(self.chances, (ranking.scores, ranking.welcome), strict=True):
            chances[place] = np.where(ranking.eligible, found, np.nan)
        return Matched(place, listed, scores)


def _reason(problem: Exception) -> Message:
    return problem.message if isinstance(problem, MatcherError) else Message(
        "{problem}", {"problem": str(problem)})


def _best(ranking: Ranking, offers: Sequence[Offer]) -> dict[str, float]:
    """Give the scores of the fifty best eligible offers, best first."""
    rows = np.flatnonzero(ranking.eligible)
    if len(rows) > KEPT:  # to sort all of them takes longer than the rest
        rows = rows[ranking.scores[rows] >= np.partition(ranking.scores[rows], -KEPT)[-KEPT]]
    rows = rows[np.argsort(-ranking.scores[rows], kind="stable")][:KEPT]
    return {offers[row].offer_id: round(float(ranking.scores[row]), DIGITS)
            for row in rows.tolist()}
