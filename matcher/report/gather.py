"""Read a centre's month from the store at one instant, match it, and keep what it is made of."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Any

from matcher import workflow
from matcher.forking import Beside, can_fork
from matcher.report.calendar import last_day, next_month, starts
from matcher.report.choice import choose
from matcher.report.facts import Entry, Event, Facts, Owner, Pair, Rules
from matcher.report.market import LARGEST, measure_market
from matcher.report.matching import match_all
from matcher.report.quarantine import prepared
from matcher.report.writing import Earlier
from matcher.store import Store
from matcher.store.decisions import Decision, decided_in, ever_shown, places_in_lists
from matcher.vocabulary import Evidence, MatchList, Need, Offer, Party, is_open
from matcher.workflow import make_run
from matcher.workspace import Progress, Workspace

# What matching reads of a need or offer; dates decide by themselves and are kept apart.
_APART = frozenset({"need_id", "offer_id", "valid_from", "valid_to"})


@dataclass(frozen=True)
class Gathered:
    """The facts of a month, the lists of its run, and how many texts had to be encoded."""

    facts: Facts
    lists: tuple[MatchList, ...]
    encoded: int


def gather(space: Workspace, store: Store, centre: str, first: date, rules: Rules, made: datetime,
           progress: Progress, before: Earlier) -> Gathered:
    """Match a centre's open needs as of the month's last day; ``store`` is a frozen one.

    ``before`` is the last report, which alone knows needs that have gone since.
    Records that cannot be read or encoded are left out and named.
    """
    day = last_day(first)
    batch, skipped = prepared(space, store, progress)
    needs = [n for n in batch.store.needs(centre) if is_open(n.valid_from, n.valid_to, day)]
    listed = match_all(batch, needs, day, rules, progress)
    run = listed.lists[0].run if listed.lists else make_run(
        batch, (), day, rules.top, least=rules.threshold)
    is_large = listed.interest.size > LARGEST
    with Beside(lambda: measure_market(listed.interest, listed.welcome), is_large and can_fork()
                ) as market:
        records = _records(batch.store, centre, day, before.facts)
        choice = choose(listed.lists, rules, records["offers"], records["owners"])
        happened = _happened(batch.store, centre, first, before.facts)
        measured = market.result()
    facts = Facts(
        centre, first, next_month(first), made, run, rules, scores=listed.scores,
        listed={f.need.need_id: tuple(m.offer_id for m in f.matches) for f in listed.lists},
        steps={f.need.need_id: f.scope for f in listed.lists}, chosen=choice.pairs,
        full=choice.full, quotas=choice.quotas,
        skipped=(*skipped, *listed.skipped), rescored=len(listed.lists),
        texts=len(batch.pool().texts), market=measured,
        **records, **happened)
    return Gathered(facts, listed.lists, batch.encoded)


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


