"""What became of last month's matches, and why: new, continuing, risen, fallen, gone.

A match's rank is one more than the number of offers in the need's list with a higher score, so
that the random order of near-ties moves nothing. A move is laid to the pair's own score where its
new score among the others' old ones would have moved it so, and to the others where their new
scores around its old one would have; where neither alone would, to both.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from matcher.errors import InputError
from matcher.report.causes import Cause, Months
from matcher.report.facts import Facts, Pair

CHANGES = ("new", "risen", "fallen", "continuing", "gone")
NAMED = 5
# Causes that decide alone, by the end of their key.
ALONE = frozenset({"new", "opened", "reopened", "postponed", "expired", "withdrawn", "moved",
                   "skipped", "restored", "conflict", "lifted"})


@dataclass(frozen=True, slots=True)
class Difference:
    """One match beside last month's: ``rank`` and ``score`` now (None: gone), and before."""

    need: str
    offer: str
    change: str
    rank: int | None
    rank_before: int | None
    score: float | None
    score_before: float | None
    causes: tuple[Cause, ...] = ()


def compare_months(before: Facts, now: Facts) -> tuple[Difference, ...]:
    """Compare the matches of two months, each difference with its causes."""
    months, old, new = Months(before, now), set(before.chosen), set(now.chosen)
    found = [_difference(months, pair, pair in old, pair in new) for pair in sorted(old | new)]
    return tuple(sorted(found, key=lambda d: (CHANGES.index(d.change), d.need, d.rank or 0,
                                              d.offer)))


def compare_reports(before: Facts, now: Facts) -> tuple[Difference, ...]:
    """Compare any two reports of one centre, the earlier first; raise ``InputError`` else."""
    if before.centre != now.centre or before.first >= now.first:
        raise InputError("Two reports of one centre are compared, the earlier one first.")
    return compare_months(before, now)


def _difference(months: Months, pair: Pair, was: bool, is_now: bool) -> Difference:
    need, offer = pair
    now = _Seen(months.now, need, offer) if is_now else None
    before = _Seen(months.before, need, offer) if was else None
    rank, rank_before = (seen.rank if seen else None for seen in (now, before))
    change = _change(rank, rank_before)
    causes = () if change == "continuing" else tuple(_causes(months, pair, change))
    return Difference(need, offer, change, rank, rank_before, now.score if now else None,
                      before.score if before else None, causes)


def _change(rank: int | None, before: int | None) -> str:
    if before is None:
        return "new"
    if rank is None:
        return "gone"
    return "risen" if rank < before else "fallen" if rank > before else "continuing"


@dataclass(frozen=True)
class _Seen:
    """A pair in one month: its score, and those of the offers in the need's list."""

    month: Facts
    need: str
    offer: str

    @property
    def score(self) -> float:
        """Give the pair's score; 0 where it is not among the need's best fifty."""
        return self.month.scores.get(self.need, {}).get(self.offer, 0.0)

    @property
    def others(self) -> dict[str, float]:
        """Give the scores of the other offers in the list."""
        scores = self.month.scores.get(self.need, {})
        return {o: scores.get(o, 0.0) for o in self.month.listed.get(self.need, ())
                if o != self.offer}

    @property
    def rank(self) -> int:
        """Give the pair's rank."""
        return rank_among(self.score, self.others)

    @property
    def is_listed(self) -> bool:
        """Say whether the list holds the pair with a good score."""
        return (self.offer in self.month.listed.get(self.need, ())
                and self.score >= self.month.rules.threshold)

    def holds(self, score: float) -> bool:
        """Say whether a score would stand in the list and be good."""
        return (rank_among(score, self.others) <= self.month.rules.top
                and score >= self.month.rules.threshold)


def rank_among(score: float, others: dict[str, float]) -> int:
    """Give one more than the number of higher scores."""
    return 1 + sum(other > score for other in others.values())


def _causes(months: Months, pair: Pair, change: str) -> Iterable[Cause]:
    """Name the causes of a difference, what decides alone first."""
    need, offer = pair
    of_need, of_offer = months.of_need(need), months.of_offer(need, offer)
    for found in (of_need, of_offer):
        alone = [c for c in found if c.key.split("-")[-1] in ALONE]
        if alone:
            return alone
    old, new = _Seen(months.before, need, offer), _Seen(months.now, need, offer)
    loads = _of_loads(months, old, new, change)
    if loads is not None:
        return [*loads, *(c for c in months.general() if c.key == "rules")]
    own, others = _movers(old, new, change)
    found = [*months.general(), *of_need]
    found += of_offer if own else []
    found += _of_others(months, old, new, change) if others or not found else []
    if not found and of_offer:
        found = list(of_offer)
    if not found and months.before.steps.get(need) != months.now.steps.get(need):
        found = [Cause("scope")]
    in_both = change in ("new", "gone") and old.is_listed and new.is_listed
    return found or [Cause("shared" if in_both else "pool")]


def _of_loads(months: Months, old: _Seen, new: _Seen, change: str) -> list[Cause] | None:
    """Say whether loads alone decided: the pair stood in both lists with a good score."""
    if change not in ("new", "gone") or not (old.is_listed and new.is_listed):
        return None
    seen, key = (old, "capacity-freed") if change == "new" else (new, "capacity")
    return [Cause(key)] if _is_crowded_out(seen) else None


def _is_crowded_out(seen: _Seen) -> bool:
    """Say whether the offer was full of matches at least as good, though the need had room."""
    month = seen.month
    mine = sum(need == seen.need for need, _ in month.chosen)
    rivals = [month.scores.get(need, {}).get(offer, 0.0) for need, offer in month.chosen
              if offer == seen.offer]
    return (seen.offer in month.full and mine < month.rules.per_need
            and all(score >= seen.score for score in rivals))


def _movers(old: _Seen, new: _Seen, change: str) -> tuple[bool, bool]:
    """Say whether the pair's own score, and whether the others', would move it alone."""
    if change in ("risen", "fallen"):
        sign = 1 if change == "fallen" else -1
        own = sign * (rank_among(new.score, old.others) - old.rank) > 0
        others = sign * (rank_among(old.score, new.others) - old.rank) > 0
    else:
        wanted = change == "new"
        own, others = old.holds(new.score) == wanted, new.holds(old.score) == wanted
    return (own, others) if own or others else (True, True)


def _of_others(months: Months, old: _Seen, new: _Seen, change: str) -> list[Cause]:
    """Name the other offers that came before the pair, or no longer stand there."""
    came = change in ("fallen", "gone")
    there, then = (new, old) if came else (old, new)
    before = {o for o, score in then.others.items() if score > then.score}
    moved = [o for o, score in sorted(there.others.items(), key=lambda item: -item[1])
             if score > there.score and o not in before]
    named = [o for o in moved if months.of_offer(there.need, o)]
    if not named:
        return []
    return [Cause("came" if came else "left", tuple(named[:NAMED]))]
