"""Reports as rows: who is at work on one, what it is made of, what it says.

What a report is made of (``facts``) and the lists of its run are written in one transaction, and
so is what it says (``content``): a job that is stopped at any point finds either all or nothing.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import Connection, RowMapping, delete, func, select, update

from matcher.store import schema
from matcher.store.audit import aware
from matcher.store.blanking import Plain, blank_gone, unpack
from matcher.store.notes import put_lists
from matcher.store.outbox import drop_report_mails
from matcher.store.records import put_once
from matcher.store.store import Store
from matcher.vocabulary import MatchList

_table = schema.reports
# Ends the id of a report while it is made once more: the finished one stays until then.
AGAIN = "+"


@dataclass(frozen=True, slots=True)
class ReportRow:
    """One report: ``owner`` is at work on it until ``lease_until``; ``made`` is its instant.

    ``mark`` names the state of the data at that instant.
    """

    report_id: str
    centre: str
    month: date
    made: datetime
    mark: str
    attempts: int
    owner: str | None
    lease_until: datetime | None
    finished: datetime | None


def claim_report(store: Store, report_id: str, centre: str, month: date, owner: str,
                 now: datetime, until: datetime, is_gone: Callable[[str], bool]) -> ReportRow:
    """Take a report for making, unless it is finished or another owner is at it.

    ``is_gone`` says of an owner that it surely works no more. Gives the row as it is then. What is
    made once more is begun anew each time.
    """
    with store.writing() as connection:
        is_new = put_once(connection, _table, {
            "report_id": report_id, "centre": centre, "month": month, "made": now, "mark": "",
            "attempts": 1, "owner": owner, "lease_until": until})
        found = _find(connection, report_id, lock=True)
        if not is_new and found and not found.finished and _is_free(found, owner, now, is_gone):
            anew = {"facts": None, "content": None, "mark": ""} if is_again(report_id) else {}
            connection.execute(update(_table).filter_by(report_id=report_id).values(
                owner=owner, lease_until=until, attempts=found.attempts + 1, **anew))
        row = _find(connection, report_id)
    assert row is not None
    return row


def is_again(report_id: str) -> bool:
    """Say whether it is a report that is made once more."""
    return report_id.endswith(AGAIN)


def _is_free(row: ReportRow, owner: str, now: datetime, is_gone: Callable[[str], bool]) -> bool:
    return (row.owner in (None, owner) or row.lease_until is None or row.lease_until <= now
            or is_gone(row.owner or ""))


def extend_lease(store: Store, report_id: str, owner: str, until: datetime) -> bool:
    """Keep a report for longer; False: another has taken it over."""
    return _write(store, report_id, owner, {"lease_until": until})


def put_instant(store: Store, report_id: str, owner: str, made: datetime, mark: str) -> bool:
    """Note the instant whose data the report shows."""
    return _write(store, report_id, owner, {"made": made, "mark": mark})


def put_facts(store: Store, report_id: str, owner: str, facts: Callable[[], bytes],
              lists: Iterable[MatchList]) -> bool:
    """Store what the report is made of, its lists with it; False where another took over.

    ``facts`` gives the packed facts. It is asked once the lists are written, as another process
    may be at it, and nobody else writes meanwhile. What was erased since the records were read is
    not stored.
    """
    with store.writing() as connection:
        if not _hold(connection, report_id, owner):
            return False
        put_lists(connection, lists)
        _set(connection, report_id, owner, {"facts": facts()})
        blank_gone(connection, report_id)
    return True


def put_content(store: Store, report_id: str, owner: str, content: bytes,
                made_from: Mapping[str, bytes]) -> bool:
    """Store what the report says, unless the facts it was made from are stored so no more.

    ``made_from`` are those of this report and of the one before, by id; all is packed.
    """
    with store.writing() as connection:
        if not _hold(connection, report_id, owner):
            return False
        query = select(_table.c.report_id, _table.c.facts).where(_table.c.report_id.in_(made_from))
        if {row[0]: row[1] for row in connection.execute(query)} == made_from:
            _set(connection, report_id, owner, {"content": content})
    return True


def finish_report(store: Store, report_id: str, owner: str, now: datetime) -> bool:
    """Mark a report as finished and free it; one made once more takes the old one's place."""
    done = {"finished": now, "owner": None, "lease_until": None}
    with store.writing() as connection:
        if not _set(connection, report_id, owner, done):
            return False
        blank_gone(connection, report_id)
        if is_again(report_id):
            name = report_id.removesuffix(AGAIN)
            drop_report_mails(connection, name)  # the old one's
            connection.execute(delete(_table).filter_by(report_id=name))
            connection.execute(update(_table).filter_by(report_id=report_id).values(
                report_id=name))
    return True


def free_report(store: Store, report_id: str, owner: str) -> bool:
    """Give a report up, so that another may go on with it at once; once more, it is dropped."""
    if is_again(report_id):
        with store.writing() as connection:
            return bool(connection.execute(delete(_table).filter_by(
                report_id=report_id, owner=owner)).rowcount)
    return _write(store, report_id, owner, {"owner": None, "lease_until": None})


def report_rows(store: Store, centre: str | None = None) -> tuple[ReportRow, ...]:
    """Give all reports, or a centre's, by month and centre, but what is made once more."""
    query = (select(*_columns()).where(~_table.c.report_id.endswith(AGAIN))
             .order_by(_table.c.month, _table.c.centre))
    if centre is not None:
        query = query.where(_table.c.centre == centre)
    with store.reading() as connection:
        return tuple(_to_row(row) for row in connection.execute(query).mappings())


def report_row(store: Store, report_id: str) -> ReportRow | None:
    """Find a report by its id."""
    with store.reading() as connection:
        return _find(connection, report_id)


def packed_facts(store: Store, report_id: str) -> bytes | None:
    """Give what a report is made of as it is stored, once it is; ``unpack`` reads it."""
    with store.reading() as connection:
        return connection.scalar(select(_table.c.facts).filter_by(report_id=report_id))


def content_of(store: Store, report_id: str) -> dict[str, Any] | None:
    """Give what a report says, once that is stored."""
    with store.reading() as connection:
        found = connection.scalar(select(_table.c.content).filter_by(report_id=report_id))
    return unpack(found) if found else None


def _write(store: Store, report_id: str, owner: str, values: Plain) -> bool:
    with store.writing() as connection:
        return _set(connection, report_id, owner, values)


def _hold(connection: Connection, report_id: str, owner: str) -> bool:
    """Lock a row that is still its owner's until the transaction ends."""
    return _set(connection, report_id, owner, {"owner": owner})


def _set(connection: Connection, report_id: str, owner: str, values: Plain) -> bool:
    """Change a row that is still its owner's."""
    done = connection.execute(update(_table).filter_by(report_id=report_id, owner=owner)
                              .values(**values))
    return bool(done.rowcount)


def _columns() -> list[Any]:
    return [_table.c[name] for name in ReportRow.__slots__]


def _find(connection: Connection, report_id: str, lock: bool = False) -> ReportRow | None:
    query = select(*_columns()).filter_by(report_id=report_id)
    query = query.with_for_update() if lock else query
    row = connection.execute(query).mappings().first()
    return _to_row(row) if row else None


def _to_row(row: RowMapping) -> ReportRow:
    return ReportRow(**aware(dict(row)))


def state_of(store: Store) -> str:
    """Name the state of everything that a report is made of."""
    outcomes, judged = schema.outcomes.c, store.judged()
    query = select(func.count(), func.max(outcomes.number), func.count(outcomes.undone))
    with store.reading() as connection:
        happened = tuple(connection.execute(query).one())
    state = (store.snapshot(), store.needs(), judged, happened, store.left_out)
    return hashlib.sha256(repr(state).encode("utf-8", "surrogatepass")).hexdigest()
