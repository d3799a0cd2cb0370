"""Decisions about matches as rows: outcomes that name a stage; the latest of a pair holds."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, fields
from datetime import UTC, date, datetime
from typing import Any

from sqlalchemy import Connection, func, insert, select, update

from matcher.store import schema
from matcher.store.damage import but_for
from matcher.store.notes import outcome_row
from matcher.store.records import put_records
from matcher.store.store import Store
from matcher.vocabulary import STAGES, JudgedPair, Outcome

Pair = tuple[str, str]
PORTION = 500
_rows = schema.outcomes.c
_DECIDED = _rows.stage.in_(STAGES)
_HOLDS = _DECIDED & _rows.undone.is_(None)


@dataclass(frozen=True, slots=True)
class Decision:
    """One row of what was decided about a pair; ``undone`` is when it was taken back.

    ``run_id`` names the run that had shown the pair.
    """

    number: int
    need_id: str
    offer_id: str
    stage: str
    time: datetime
    who: str
    reason: str
    note: str | None
    next_date: date | None
    undone: datetime | None = None
    undone_by: str | None = None
    run_id: str | None = None
    value_ntd: int | None = None
    licences: int | None = None
    jobs: int | None = None


_FIELDS = tuple(f.name for f in fields(Decision))


@dataclass(frozen=True, slots=True)
class Standing:
    """A pair's present decision, when it came to that stage, and the last note about it."""

    decision: Decision
    since: datetime
    note: str | None


def put_decisions(store: Store, decided: Iterable[Outcome],
                  expected: Mapping[Pair, int] | None = None,
                  judged: Iterable[JudgedPair] = ()) -> list[int] | None:
    """Append decisions and put grades in one transaction; give the decisions' numbers.

    ``expected`` maps pairs to the number of the decision they were made upon (0: none); where
    another came in between nothing is written, and None is given.
    """
    numbers = []
    with store.writing() as connection:
        if expected and _present(connection, expected) != dict(expected):
            return None
        for outcome in decided:
            done = connection.execute(insert(schema.outcomes), outcome_row(outcome))
            numbers.append(int((done.inserted_primary_key or [0])[0]))
        put_records(connection, "judged", judged)
    return numbers


def _present(connection: Connection, pairs: Collection[Pair]) -> dict[Pair, int]:
    """Give the number of the decision that holds for each pair, 0 where none does."""
    found = dict.fromkeys(pairs, 0)
    for part in _portions({need for need, _ in pairs}):
        for row in connection.execute(_all(_HOLDS, _rows.need_id.in_(part))):
            if (row.need_id, row.offer_id) in found:
                found[row.need_id, row.offer_id] = row.number
    return found


def latest_decisions(store: Store, centre: str | None = None,
                     need_ids: Collection[str] | None = None) -> tuple[Decision, ...]:
    """Give each pair's present decision in the order they were made; see :func:`standings`."""
    return tuple(found.decision for found in standings(store, centre, need_ids))


def standings(store: Store, centre: str | None = None, need_ids: Collection[str] | None = None
              ) -> tuple[Standing, ...]:
    """Give where each decided pair stands, in the order of the present decisions.

    Of all needs, of those of a centre, or of those named. One query over all decisions: to group
    them in the database took SQLite twice as long.
    """
    where: list[Any] = [_HOLDS]
    if centre is not None:
        where.append(_rows.need_id.in_(
            select(schema.needs.c.need_id).where(schema.needs.c.centre == centre)))
    if need_ids is not None:
        where.append(_rows.need_id.in_(sorted(set(need_ids))))
    with store.reading() as connection:
        return _stand(connection.execute(_all(*where)).all())


def _stand(rows: Iterable[Any]) -> tuple[Standing, ...]:
    """Fold decisions in their order into one standing a pair."""
    last: dict[Pair, Any] = {}
    since: dict[Pair, datetime] = {}
    notes: dict[Pair, str] = {}
    for row in rows:
        pair = (row.need_id, row.offer_id)
        before = last.pop(pair, None)  # and put in again: the order is that of the last decision
        if before is None or before.stage != row.stage:
            since[pair] = row.time
        if row.note:
            notes[pair] = row.note
        last[pair] = row
    return tuple(Standing(_to_decision(row), _aware(since[pair]), notes.get(pair))
                 for pair, row in last.items())


def _all(*where: Any) -> Any:
    return select(*(_rows[name] for name in _FIELDS)).where(*where).order_by(_rows.number)


def history(store: Store, need_id: str, offer_id: str) -> tuple[Decision, ...]:
    """Give all decisions about a pair in order, undone ones too."""
    return _read(store, _DECIDED, _rows.need_id == need_id, _rows.offer_id == offer_id)


def decided_in(store: Store, centre: str, before: datetime, gone: Collection[str] = ()
               ) -> tuple[Decision, ...]:
    """Give what was decided about a centre's needs before a time, in order, nothing undone.

    ``gone`` names needs that were the centre's: where such a one is no more, it counts too.
    """
    needs = schema.needs.c
    of_centre = select(needs.need_id).where(needs.centre == centre)
    in_time = _HOLDS & (_rows.time < before.astimezone(UTC))
    found = list(_read(store, in_time, _rows.need_id.in_(of_centre)))
    for part in _portions(gone):
        found += _read(store, in_time, _rows.need_id.in_(part),
                       _rows.need_id.not_in(select(needs.need_id)))
    return tuple(sorted(found, key=lambda d: d.number))


def places_in_lists(store: Store, decided: Iterable[Decision]
                    ) -> dict[int, tuple[int, float]]:
    """Give (rank, score) in the list that had shown the pair, by the decision's number."""
    table = schema.matches
    wanted = [d for d in decided if d.run_id]
    found: dict[tuple[str, str, str], tuple[int, float]] = {}
    with store.reading() as connection:
        for part in _portions({d.run_id for d in wanted if d.run_id}):
            query = select(table.c.run_id, table.c.need_id, table.c.offer_id, table.c.rank,
                           table.c.score).where(table.c.run_id.in_(part))
            found |= {(row[0], row[1], row[2]): (row[3], row[4])
                      for row in connection.execute(query)}
    return {d.number: found[key] for d in wanted
            if (key := (d.run_id or "", d.need_id, d.offer_id)) in found}


def ever_shown(store: Store, before: datetime) -> frozenset[str]:
    """Name the offers that some list had shown before a time."""
    query = select(_rows.offer_id).where(_rows.stage == "shown",
                                         _rows.time < before.astimezone(UTC)).distinct()
    with store.reading() as connection:
        return frozenset(connection.scalars(query))


def decision(store: Store, number: int) -> Decision | None:
    """Find a decision by its number."""
    return next(iter(_read(store, _DECIDED, _rows.number == number)), None)


def last_decision_of(store: Store, who: str) -> Decision | None:
    """Find the newest decision of an account that was not undone."""
    return next(iter(_read(store, _rows.number == select(func.max(_rows.number)).where(
        _HOLDS, _rows.who == who).scalar_subquery())), None)


def last_runs(store: Store, need_ids: Collection[str]) -> dict[Pair, str | None]:
    """Name the run that last showed each pair of these needs; pairs never shown are absent."""
    found: dict[Pair, str | None] = {}
    with store.reading() as connection:
        for part in _portions(need_ids):
            newest = select(func.max(_rows.number)).where(
                _rows.need_id.in_(part), _rows.stage == "shown", _rows.undone.is_(None)
                ).group_by(_rows.need_id, _rows.offer_id)
            query = select(_rows.need_id, _rows.offer_id, _rows.run_id).where(
                _rows.number.in_(newest))
            found |= {(row.need_id, row.offer_id): row.run_id
                      for row in connection.execute(query)}
    return found


def undo_decision(store: Store, number: int, who: str, time: datetime) -> bool:
    """Mark a decision undone if it is the one that holds; of two who try only one does."""
    this, later = schema.outcomes.alias("this"), schema.outcomes.alias("later")
    overtaken = (select(later.c.number).join(this, (this.c.need_id == later.c.need_id)
                                             & (this.c.offer_id == later.c.offer_id))
                 .where(this.c.number == number, later.c.number > number,
                        later.c.stage.in_(STAGES), later.c.undone.is_(None)).exists())
    with store.writing() as connection:
        done = connection.execute(update(schema.outcomes).where(
            _rows.number == number, _HOLDS, ~overtaken).values(undone=time.astimezone(UTC),
                                                               undone_by=who))
    return bool(done.rowcount)


def _read(store: Store, *where: Any) -> tuple[Decision, ...]:
    if hidden := store.left_out.get("outcomes"):
        where = (*where, but_for(schema.outcomes, hidden))
    with store.reading() as connection:
        return tuple(map(_to_decision, connection.execute(_all(*where))))


def _to_decision(row: Any) -> Decision:
    values = dict(zip(_FIELDS, row, strict=True))
    undone = values["undone"]
    return Decision(**{**values, "time": _aware(values["time"]),
                       "undone": undone and _aware(undone)})


def _aware(time: datetime) -> datetime:
    """Give a time in UTC; SQLite forgets the zone."""
    return time if time.tzinfo else time.replace(tzinfo=UTC)


def _portions(ids: Collection[str]) -> Iterator[list[str]]:
    """Cut ids into parts that fit a statement's parameters."""
    listed = sorted(set(ids))
    return (listed[start : start + PORTION] for start in range(0, len(listed), PORTION))
