"""Read a centre's month from the store at one instant, match it, and keep what it is made of."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from matcher import workflow
from matcher.errors import MatcherError
from matcher.ranking import Ranking
from matcher.report.calendar import last_day, next_month, starts
from matcher.report.choice import choose
from matcher.report.facts import Entry, Event, Facts, Owner, Pair, Rules, Skipped, to_json
from matcher.report.market import measure_market
from matcher.report.quarantine import prepared
from matcher.store import Store
from matcher.store.decisions import Decision, decided_in, ever_shown, places_in_lists
from matcher.vocabulary import Evidence, MatchList, Message, Need, Offer, Party, is_open
from matcher.workflow import list_of, make_run, rank_all
from matcher.workspace import Progress, Workspace

KEPT = 50
DIGITS = 6
# What matching reads of a need or offer; dates decide by themselves and are kept apart.
_APART = frozenset({"need_id", "offer_id", "valid_from", "valid_to"})


@dataclass(frozen=True)
class Gathered:
    """The facts of a month, the lists of its run, and how many texts had to be encoded."""

    facts: Facts
    lists: tuple[MatchList, ...]
    encoded: int

    @cached_property
    def plain(self) -> dict[str, Any]:
        """The facts as they are stored."""
        return to_json(self.facts)


@dataclass(frozen=True)
class _Listed:
    """Lists with, for each need, the scores of its best offers and both sides' chances."""

    lists: tuple[MatchList, ...]
    scores: Mapping[str, Mapping[str, float]]
    interest: NDArray[np.float64]
    welcome: NDArray[np.float64]
    skipped: tuple[Skipped, ...]


def gather(space: Workspace, store: Store, centre: str, first: date, rules: Rules, made: datetime,
           progress: Progress, before: Facts | None = None) -> Gathered:
    """Match a centre's open needs as of the month's last day; ``store`` is a frozen one.

    ``before`` are the facts of the last report, which alone knows needs that have gone since.
    Records that cannot be read or encoded are left out and named.
    """
    day = last_day(first)
    batch, skipped = prepared(space, store, progress)
    needs = [n for n in batch.store.needs(centre) if is_open(n.valid_from, n.valid_to, day)]
    listed = _match(batch, needs, day, rules, progress)
    run = listed.lists[0].run if listed.lists else make_run(
        batch, (), day, rules.top, least=rules.threshold)
    records = _records(batch.store, centre, day, before)
    choice = choose(listed.lists, rules, records["offers"], records["owners"])
    facts = Facts(
        centre, first, next_month(first), made, run, rules, scores=listed.scores,
        listed={f.need.need_id: tuple(m.offer_id for m in f.matches) for f in listed.lists},
        steps={f.need.need_id: f.scope for f in listed.lists}, chosen=choice.pairs,
        full=choice.full, quotas=choice.quotas,
        skipped=(*skipped, *listed.skipped), rescored=len(listed.lists),
        texts=len(batch.pool().texts), market=measure_market(listed.interest, listed.welcome),
        **records, **_happened(batch.store, centre, first, before))
    return Gathered(facts, listed.lists, batch.encoded)


def _match(batch: Workspace, needs: Sequence[Need], day: date, rules: Rules,
           progress: Progress) -> _Listed:
    """List every need as the page does; a need that cannot be matched is named and left out."""
    run, offers = make_run(
        batch, needs, day, rules.top, least=rules.threshold), batch.pool().offers
    lists, scores, skipped, both = [], {}, [], []
    for done, (need, ranking) in enumerate(_rankings(batch, needs, day), start=1):
        try:
            if isinstance(ranking, Exception):
                raise ranking
            lists.append(list_of(batch, ranking, run, rules.top, rules.threshold))
            # A list looks no farther than it must: its offers need not be among the best of all.
            scores[need.need_id] = _best(ranking, offers) | {
                m.offer_id: round(m.score, DIGITS) for m in lists[-1].matches}
            both.append((np.where(ranking.eligible, ranking.scores, np.nan),
                         np.where(ranking.eligible, ranking.welcome, np.nan)))
        except (MatcherError, ValueError) as problem:
            skipped.append(Skipped("need", need.need_id, _reason(problem)))
        progress("match", done, len(needs))
    pairs: NDArray[np.float64] = np.array(both, float).reshape(
        len(both), 2, len(offers))
    return _Listed(tuple(lists), scores, pairs[:, 0], pairs[:, 1], tuple(skipped))


def _rankings(batch: Workspace, needs: Sequence[Need], day: date
              ) -> Iterator[tuple[Need, Ranking | Exception]]:
    """Rank needs together; where one of them breaks that, each alone."""
    done = 0
    try:
        for need, ranking in zip(needs, rank_all(batch, needs, day), strict=True):
            yield need, ranking
            done += 1
    except (MatcherError, ValueError):
        for need in needs[done:]:
            try:
                yield need, next(rank_all(batch, [need], day))
            except (MatcherError, ValueError) as problem:
                yield need, problem


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


def _records(store: Store, centre: str, day: date, before: Facts | None) -> dict[str, Any]:
    """Give needs, offers and owners as the report knows them, and who must not meet."""
    evidence: dict[str, list[Evidence]] = defaultdict(list)
    for item in store.evidence():
        evidence[item.offer_id].append(item)
    parties, everybody = store.parties(), store.needs()
    needs = {n.need_id: _entry(n) for n in everybody if n.centre == centre}
    offers = {o.offer_id: _entry(o, evidence.get(o.offer_id, ())) for o in store.offers()}
    owners = {e.party: _owner(parties[e.party]) for e in (*needs.values(), *offers.values())
              if e.party in parties and e.party is not None}
    records = {offer: (r.firms, r.successes)
               for offer, r in workflow.track_records(store, day).items()}
    return {"needs": needs, "offers": offers, "owners": owners, "records": records,
            "conflicts": tuple(sorted((c.party_id, c.other_party_id) for c in store.conflicts())),
            "themes": _themes(everybody, day), "torn": tuple(sorted(store.torn_offers())),
            "moved": tuple(n.need_id for n in everybody if n.centre != centre
                           and before is not None and n.need_id in before.needs)}


def _themes(needs: Iterable[Need], day: date) -> tuple[tuple[str, str, int, int], ...]:
    """Count open needs and their firms by centre and theme.

    Needs without a firm count as one firm's together, as in ``Month.firm``.
    """
    firms: dict[tuple[str, str], list[str]] = defaultdict(list)
    for need in needs:
        if need.centre and is_open(need.valid_from, need.valid_to, day):
            for theme in need.themes:
                firms[need.centre, theme].append(need.party_id or "")
    return tuple((centre, theme, len(found), len(set(found)))
                 for (centre, theme), found in sorted(firms.items()))


def _happened(store: Store, centre: str, first: date, before: Facts | None) -> dict[str, Any]:
    """Give decisions up to the month's end, what was shown before it, and judgements."""
    end, gone, listed = starts(next_month(first)), _known_needs(before), _ever_listed(before)
    decided = decided_in(store, centre, end, gone)
    places = places_in_lists(store, decided)
    events = fold_steps(_event(d, places.get(d.number)) for d in decided)
    own = {need.need_id for need in store.needs(centre)}
    grades: dict[str, dict[str, int]] = defaultdict(dict)
    for judged in store.judged():
        if judged.need_id in own and (judged.date is None or judged.date < next_month(first)):
            pair = grades[judged.need_id]
            pair[judged.offer_id] = max(judged.grade, pair.get(judged.offer_id, 0))
    return {"events": events, "shown": tuple(sorted(ever_shown(store, end) | listed)),
            "grades": dict(grades)}


def _known_needs(before: Facts | None) -> set[str]:
    """Name the needs an earlier report knew: what came of them counts when they have gone."""
    return {*before.needs, *(event.need for event in before.events)} if before else set()


def _ever_listed(before: Facts | None) -> set[str]:
    """Name the offers that stood in a list of an earlier report."""
    return {*before.shown, *(o for found in before.listed.values() for o in found)} if before else (
        set())


def fold_steps(events: Iterable[Event]) -> tuple[Event, ...]:
    """Keep one event a step of a pair: who notes more of a stage comes to it no second time.

    The step keeps its first time, rank and score; what was noted last of it holds.
    """
    steps: list[Event] = []
    last: dict[Pair, int] = {}
    for event in events:
        pair = (event.need, event.offer)
        place = last.get(pair)
        if place is not None and steps[place].stage == event.stage:
            steps[place] = replace(steps[place], reason=event.reason, value_ntd=event.value_ntd,
                                   licences=event.licences, jobs=event.jobs)
        else:
            last[pair] = len(steps)
            steps.append(event)
    return tuple(steps)


def _event(found: Decision, place: tuple[int, float] | None) -> Event:
    rank, score = place or (None, None)
    return Event(found.number, found.need_id, found.offer_id, found.stage, found.time,
                 found.reason, rank, score, found.value_ntd, found.licences, found.jobs)


def _entry(record: Need | Offer, evidence: Sequence[Evidence] = ()) -> Entry:
    is_need = isinstance(record, Need)
    kind = "、".join(record.kinds) if isinstance(record, Need) else record.kind
    trl = record.trl_target if isinstance(record, Need) else record.trl_now
    return Entry(record.title or _start(record.description), mark_of(record, evidence),
                 record.party_id, record.centre, record.county, kind, record.themes,
                 record.valid_from, record.valid_to, record.lang,
                 "" if is_need else getattr(record, "reach", ""), len(evidence),
                 len(record.description), trl)


def _start(text: str, most: int = 40) -> str:
    return text if len(text) <= most else text[: most - 1] + "…"


def mark_of(record: Need | Offer, evidence: Sequence[Evidence] = ()) -> str:
    """Name what matching reads of a need, or of an offer with its evidence, but its dates."""
    own = [(name, getattr(record, name)) for name in type(record).__slots__ if name not in _APART]
    backed = sorted((e.evidence_id, e.text, e.title, e.kind, str(e.year), str(e.source))
                    for e in evidence)
    return hashlib.sha256(repr((own, backed)).encode("utf-8", "surrogatepass")).hexdigest()[:16]


def _owner(party: Party) -> Owner:
    return Owner(party.name, party.kind, party.size, party.county)


