"""The ranking measured on a store's own judged pairs: as a whole and in parts.

Each need is ranked as on the day it was last judged, so that needs and offers that have closed
since are measured as the judge saw them; today where no judge gave a day. Pairs whose need or
offer is no longer stored are left out. Several judges of one pair: the lower median of their
grades.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from statistics import median_low

from matcher.errors import InputError
from matcher.evaluation import Measurement, Slice, Slicing, slice_all
from matcher.evaluation.figures import Grades, units_of
from matcher.evaluation.paired import Made, check_same, fingerprint
from matcher.evaluation.slices import Values
from matcher.languages import detect, lexical_group
from matcher.ranking import Ranking
from matcher.vocabulary import JudgedPair, Need, Offer
from matcher.workflow import rank_all, track_records
from matcher.workspace import Progress, Workspace, silent

SAME, OTHER = "same", "other"


@dataclass(frozen=True)
class Judged:
    """A measurement on judged pairs, and its parts."""

    measurement: Measurement
    slices: tuple[Slice, ...]


def measure_judged(space: Workspace, name: str, day: date, *, against: Measurement | None = None,
                   progress: Progress = silent) -> Judged:
    """Rank every judged need and measure the lists; ``day`` is today.

    Raises ``InputError`` when no stored need has a judged offer that helps, and, before anything
    is ranked, when ``against`` was measured on other data.
    """
    needs = {need.need_id: need for need in space.store.needs()}
    offers = {offer.offer_id: offer for offer in space.store.offers()}
    pairs = [p for p in space.store.judged() if p.need_id in needs and p.offer_id in offers]
    grades = grades_of(pairs)
    if not any(grade > 0 for row in grades.values() for grade in row.values()):
        raise InputError("No judged pair with a grade above 0 has its need and its offer in the "
                         "store, so there is nothing to measure. Import some with `matcher import "
                         "judged FILE`, name a folder, or add --sample.")
    judged = [needs[need_id] for need_id in grades]
    made = _made(space, name, day, (judged, grades))
    if against:
        check_same(made, against.made)
    lists = rank_judged(space, judged, days_of(pairs), day, progress)
    titles = {need.need_id: need.title or need.description[:60] for need in judged}
    return Judged(Measurement(made, units_of(lists, grades), titles),
                  tuple(slice_all(lists, grades, slicings(needs, offers))))


def grades_of(pairs: Iterable[JudgedPair]) -> dict[str, dict[str, int]]:
    """Give need → offer → grade, in order of ids."""
    given: dict[tuple[str, str], list[int]] = defaultdict(list)
    for pair in pairs:
        given[pair.need_id, pair.offer_id].append(pair.grade)
    grades: dict[str, dict[str, int]] = defaultdict(dict)
    for need, offer in sorted(given):
        grades[need][offer] = median_low(given[need, offer])
    return dict(grades)


def _made(space: Workspace, name: str, day: date, judged: tuple[Sequence[Need], Grades]) -> Made:
    """Say what the measurement is made of: all that is matched, what is known of it, grades."""
    store = space.store
    records = sorted(track_records(store, day).items())
    data = fingerprint(*judged, store.offers(), store.evidence(), store.conflicts(), records)
    return Made(name, data, space.encoder.revision, space.ranker.revision, day)


def days_of(pairs: Iterable[JudgedPair]) -> dict[str, date]:
    """Give the day on which each need was last judged, where one is known."""
    days: dict[str, date] = {}
    for pair in pairs:
        if pair.date is not None:
            days[pair.need_id] = max(pair.date, days.get(pair.need_id, pair.date))
    return days


def rank_judged(space: Workspace, needs: Sequence[Need], days: Mapping[str, date], today: date,
                progress: Progress = silent) -> dict[str, list[str]]:
    """Give every eligible offer of each need, best first, as on its day or today."""
    offers = space.pool(progress).offers
    return {ranking.query.need.need_id: [offers[i].offer_id for i in ranking.order.tolist()]
            for ranking in rank_on_days(space, needs, days, today, progress)}


def rank_on_days(space: Workspace, needs: Sequence[Need], days: Mapping[str, date], today: date,
                 progress: Progress = silent) -> Iterator[Ranking]:
    """Rank all offers for each need as on its day or today, one day after the other."""
    by_day: dict[date, list[Need]] = defaultdict(list)
    for need in needs:
        by_day[days.get(need.need_id, today)].append(need)
    found = (r for day, listed in sorted(by_day.items()) for r in rank_all(space, listed, day))
    for done, ranking in enumerate(found, start=1):
        progress("match", done, len(needs))
        yield ranking


def slicings(needs: Mapping[str, Need], offers: Mapping[str, Offer]) -> tuple[Slicing, ...]:
    """Cut by the need's language, language pair, centre, the offer's kind, the need's theme."""
    spoken = {need_id: need.lang or detect(need.text) for need_id, need in needs.items()}
    asked = {need_id: lexical_group(lang) for need_id, lang in spoken.items()}
    given = {offer_id: lexical_group(offer.lang or detect(offer.text))
             for offer_id, offer in offers.items()}

    def pair(need: str, offer: str) -> Values:
        return (SAME if asked[need] == given[offer] else OTHER,)

    return (Slicing("language", lambda need, _: (spoken[need],)),
            Slicing("pair", pair, by_offer=True),
            Slicing("centre", lambda need, _: (needs[need].centre,)),
            Slicing("kind", lambda _, offer: (offers[offer].kind,), by_offer=True),
            Slicing("theme", lambda need, _: needs[need].themes or (None,)))
