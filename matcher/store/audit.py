"""The audit: who did what to which record and when, as rows that are only ever appended.

Lines hold ids, codes and states, never texts, so that they may outlive what they tell of.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection, insert, or_, select

from matcher.store import schema
from matcher.store.store import Store


@dataclass(frozen=True, slots=True)
class AuditLine:
    """One act; ``what`` is the kind of record (need, offer, draft, account), ``who`` an account."""

    time: datetime
    who: str
    act: str
    what: str
    record_id: str
    before: Mapping[str, Any] | None = None
    after: Mapping[str, Any] | None = None


def append(connection: Connection, *lines: AuditLine) -> None:
    """Write lines in the transaction of what they tell of."""
    if lines:
        connection.execute(insert(schema.audit), [asdict(line) for line in lines])


def note(store: Store, *lines: AuditLine) -> None:
    """Write lines of acts that change nothing themselves, e.g. a look at a record."""
    with store.writing() as connection:
        append(connection, *lines)


def audit_lines(store: Store, who: str | None = None, records: Iterable[tuple[str, str]] = ()
                ) -> tuple[AuditLine, ...]:
    """Give the lines of an account's own acts and those about some (what, id), in their order.

    Without either: all lines.
    """
    table, wanted = schema.audit, set(records)
    query = select(table).order_by(table.c.number)
    if who is not None or wanted:
        ids = sorted({record_id for _, record_id in wanted})
        query = query.where(or_(table.c.who == who, table.c.record_id.in_(ids)))
    with store.reading() as connection:
        found = [AuditLine(**aware({name: row[name] for name in AuditLine.__slots__}))
                 for row in connection.execute(query).mappings()]
    return tuple(line for line in found if (who is None and not wanted) or line.who == who
                 or (line.what, line.record_id) in wanted)


def aware(row: Mapping[str, Any]) -> dict[str, Any]:
    """Give a row with its times in UTC: SQLite gives them without their zone."""
    return {name: value.replace(tzinfo=UTC) if isinstance(value, datetime) and value.tzinfo is None
            else value for name, value in row.items()}
