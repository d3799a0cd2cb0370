"""Decisions about matches as rows: outcomes other than "shown", the latest of each pair first."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any

from sqlalchemy import func, insert, select, update

from matcher.store import schema
from matcher.store.notes import outcome_row
from matcher.store.store import Store
from matcher.vocabulary import Outcome


@dataclass(frozen=True, slots=True)
class Decision:
    """One row of what was decided about a pair; ``undone`` is when it was taken back."""

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


def put_decisions(store: Store, decided: Iterable[Outcome],
                  expected: Mapping[tuple[str, str], int] | None = None) -> list[int] | None:
    """Append decisions in one transaction; give their numbers.

    ``expected`` maps pairs to the number of the decision they were made upon (0: none); where
    another came in between nothing is written, and None is given.
    """
    table, numbers = schema.outcomes, []
    with store.writing() as connection:
        if expected is not None:
            present = dict.fromkeys(expected, 0) | {
                (row["need_id"], row["offer_id"]): row["number"]
                for row in connection.execute(_latest()).mappings()
                if (row["need_id"], row["offer_id"]) in expected}
            if present != dict(expected):
                return None
        for outcome in decided:
            done = connection.execute(insert(table), outcome_row(outcome))
            numbers.append(int((done.inserted_primary_key or [0])[0]))
    return numbers


def latest_decisions(store: Store, centre: str | None = None, need_id: str | None = None
                     ) -> tuple[Decision, ...]:
    """Give each pair's present decision, in the order of time; of a centre's needs, or of one."""
    query = _latest()
    if centre is not None:
        query = query.join(schema.needs, schema.needs.c.need_id == schema.outcomes.c.need_id
                           ).where(schema.needs.c.centre == centre)
    if need_id is not None:
        query = query.where(schema.outcomes.c.need_id == need_id)
    with store.reading() as connection:
        return tuple(_to_decision(row) for row in connection.execute(query).mappings())


def _latest() -> Any:
    table = schema.outcomes
    newest = (select(func.max(table.c.number).label("number"))
              .where(table.c.stage != "shown", table.c.undone.is_(None))
              .group_by(table.c.need_id, table.c.offer_id).subquery())
    return (select(table).join(newest, newest.c.number == table.c.number)
            .order_by(table.c.number))


def history(store: Store, need_id: str, offer_id: str) -> tuple[Decision, ...]:
    """Give all decisions about a pair in order, undone ones too."""
    table = schema.outcomes
    query = (select(table).filter_by(need_id=need_id, offer_id=offer_id)
             .where(table.c.stage != "shown").order_by(table.c.number))
    with store.reading() as connection:
        return tuple(_to_decision(row) for row in connection.execute(query).mappings())


def decision(store: Store, number: int) -> Decision | None:
    """Find a decision by its number."""
    query = select(schema.outcomes).where(schema.outcomes.c.number == number,
                                          schema.outcomes.c.stage != "shown")
    with store.reading() as connection:
        row = connection.execute(query).mappings().first()
    return None if row is None else _to_decision(row)


def undo_decision(store: Store, number: int, who: str, time: datetime) -> bool:
    """Mark a decision undone; of two who try only one does."""
    table = schema.outcomes
    with store.writing() as connection:
        done = connection.execute(update(table).where(
            table.c.number == number, table.c.undone.is_(None)).values(undone=time, undone_by=who))
    return bool(done.rowcount)


def _to_decision(row: Any) -> Decision:
    values = {name: row[name] for name in Decision.__slots__}
    for name in ("time", "undone"):
        if values[name] is not None and values[name].tzinfo is None:
            values[name] = values[name].replace(tzinfo=UTC)
    return Decision(**values)
