"""Who gets which report, and who wants to hear of strong new matches, as rows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import delete, insert, select

from matcher.store import schema
from matcher.store.audit import aware
from matcher.store.store import Store

_table = schema.subscriptions


@dataclass(frozen=True, slots=True)
class Subscription:
    """A centre's report for an account: language, format, sections (none: all of them).

    With a ``threshold`` it is an alert instead: a mail for each new match of that score or
    more, of one need or (None) of all the centre's needs.
    """

    number: int
    account_id: str
    centre: str
    lang: str
    format: str
    sections: tuple[str, ...]
    need_id: str | None
    threshold: float | None
    created: datetime

    @property
    def is_alert(self) -> bool:
        """Say whether it asks for alerts instead of reports."""
        return self.threshold is not None


def put_subscription(store: Store, values: Mapping[str, Any]) -> int:
    """Add a subscription, in the place of the account's same one; give its number."""
    same = {name: values[name] for name in ("account_id", "centre", "need_id")}
    with store.writing() as connection:
        kind = (_table.c.threshold.is_not(None) if values["threshold"] is not None
                else _table.c.threshold.is_(None))
        connection.execute(delete(_table).filter_by(**same).where(kind))
        done = connection.execute(insert(_table), {**values, "sections": list(values["sections"])})
    return int((done.inserted_primary_key or [0])[0])


def subscriptions(store: Store, *, centre: str | None = None, account_id: str | None = None
                  ) -> tuple[Subscription, ...]:
    """Give all subscriptions, or a centre's, or an account's, in their order."""
    where = {k: v for k, v in (("centre", centre), ("account_id", account_id)) if v is not None}
    query = select(_table).filter_by(**where).order_by(_table.c.number)
    with store.reading() as connection:
        return tuple(_to_subscription(row) for row in connection.execute(query).mappings())


def drop_subscription(store: Store, number: int, account_id: str) -> bool:
    """Remove an account's own subscription; say whether there was one."""
    with store.writing() as connection:
        done = connection.execute(delete(_table).filter_by(number=number, account_id=account_id))
    return bool(done.rowcount)


def _to_subscription(row: Any) -> Subscription:
    values = aware(row)
    return Subscription(**{**values, "sections": tuple(values["sections"])})
