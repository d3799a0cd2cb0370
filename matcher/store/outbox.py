"""Mails that wait to be sent, as rows; each key once, so that a retry makes no second mail.

A mail's text may hold a link that lets somebody in: it is kept until the mail is sent, not longer.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from itertools import starmap
from typing import Any

from sqlalchemy import Connection, delete, or_, select, update

from matcher.store import schema
from matcher.store.audit import aware
from matcher.store.records import portions, put_once
from matcher.store.store import Store


@dataclass(frozen=True, slots=True)
class Mail:
    """One mail; ``files`` are (name, media type, base64) triples as lists."""

    number: int
    key: str
    recipient: str
    subject: str
    body: str
    files: list[list[str]]
    created: datetime
    next_try: datetime
    tries: int
    sent: datetime | None
    problem: str | None


def put_mail(store: Store, row: Mapping[str, Any], about: tuple[str, str] | None = None) -> bool:
    """Queue a mail unless its key was queued before; say whether it is new.

    One that tells of a pair, need and offer, is not queued where either has gone.
    """
    keys = (schema.needs.c.need_id, schema.offers.c.offer_id)
    with store.writing() as connection:
        for key, record_id in zip(keys, about or (), strict=False):
            there = select(key).where(key == record_id).with_for_update(read=True)
            if connection.scalar(there) is None:
                return False
        return put_once(connection, schema.outbox,
                        {**row, "tries": 0, "next_try": row["created"]})


def drop_report_mails(connection: Connection, report_id: str) -> None:
    """Drop a report's mails that were not sent yet."""
    table = schema.outbox.c
    connection.execute(delete(schema.outbox).where(
        table.sent.is_(None), table.key.startswith(f"report/{report_id}/", autoescape=True)))


def report_key(report_id: str, made: datetime) -> str:
    """Give what the keys of a report's mails begin with."""
    return f"report/{report_id}/{made:%Y%m%dT%H%M%S}/"


def alert_key(account_id: str, need_id: str, offer_id: str) -> str:
    """Give the key of an account's alert of a pair."""
    return f"alert/{account_id}/{_pair_name(need_id, offer_id)}"


def _pair_name(need_id: str, offer_id: str) -> str:
    """Name a pair by a hash: its two ids may be longer than a key."""
    return hashlib.sha256(repr((need_id, offer_id)).encode()).hexdigest()[:32]


def drop_office_mails(connection: Connection, recipient: str) -> None:
    """Drop a recipient's reports and alerts that were not sent yet."""
    table = schema.outbox.c
    connection.execute(delete(schema.outbox).where(
        table.sent.is_(None), table.recipient == recipient, or_(
            table.key.startswith("report/"), table.key.startswith("alert/"))))


def drop_mails_about(connection: Connection, pairs: Iterable[tuple[str, str]],
                     silent: Mapping[str, datetime]) -> None:
    """Drop unsent alerts of some pairs, and unsent reports but the ``silent`` ones.

    ``silent`` are reports and their instants. A report can be sent again; an alert comes again
    while its match is new.
    """
    table, kept = schema.outbox.c, tuple(starmap(report_key, silent.items()))
    told = set(starmap(_pair_name, pairs))
    query = select(table.number, table.key).where(table.sent.is_(None))
    gone = [row.number for row in connection.execute(query)
            if (row.key.startswith("report/") and not row.key.startswith(kept))
            or (row.key.startswith("alert/") and row.key.split("/")[-1] in told)]
    for part in portions(gone):
        connection.execute(delete(schema.outbox).where(table.number.in_(part)))


def mails(store: Store, due: datetime | None = None) -> tuple[Mail, ...]:
    """Give all mails in the order they were queued, or those unsent whose time has come."""
    table = schema.outbox
    query = select(table).order_by(table.c.number)
    if due is not None:
        query = query.where(table.c.sent.is_(None), table.c.next_try <= due)
    with store.reading() as connection:
        return tuple(_to_mail(row) for row in connection.execute(query).mappings())


def claim(store: Store, mail: Mail, until: datetime) -> bool:
    """Take a mail for sending until a time; of two senders only one gets it."""
    table = schema.outbox
    with store.writing() as connection:
        done = connection.execute(update(table).where(
            table.c.number == mail.number, table.c.sent.is_(None), table.c.tries == mail.tries
        ).values(tries=mail.tries + 1, next_try=until))
    return bool(done.rowcount)


def mark_sent(store: Store, number: int, time: datetime) -> None:
    """Note that a mail was sent, and forget its text and files."""
    _note(store, number, {"sent": time, "problem": None, "body": "", "files": []})


def mark_failed(store: Store, number: int, problem: str, next_try: datetime) -> None:
    """Note why a mail could not be sent, and when to try again."""
    _note(store, number, {"problem": problem, "next_try": next_try})


def _note(store: Store, number: int, values: Mapping[str, Any]) -> None:
    with store.writing() as connection:
        connection.execute(update(schema.outbox).filter_by(number=number).values(values))


def _to_mail(row: Any) -> Mail:
    return Mail(**aware(row))
