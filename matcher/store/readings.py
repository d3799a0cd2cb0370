"""Readings of texts (``matcher.reading``), by text hash and the rules they were read by."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from sqlalchemy import delete, select

from matcher.store import schema
from matcher.store.records import ERASED, mark_of, put_missing, rows_by_key
from matcher.store.store import Store

_table = schema.readings


def readings(store: Store, rules: str, hashes: Sequence[str]) -> dict[str, bytes]:
    """Give the kept readings of these text hashes; unknown ones are absent."""
    query = select(_table.c.hash, _table.c.content).where(_table.c.rules == rules)
    with store.reading() as connection:
        return {row[0]: row[1] for row in rows_by_key(connection, query, hashes)}


def put_readings(store: Store, rules: str, read: Mapping[str, bytes],
                 since: str | None = None) -> None:
    """Keep readings by text hash; those of other rules go. ``since``: as ``put_vectors``."""
    rows = [{"rules": rules, "hash": key, "content": content} for key, content in read.items()]
    with store.writing() as connection:
        if since not in (None, mark_of(connection, ERASED)):
            return
        connection.execute(delete(_table).where(_table.c.rules != rules))
        put_missing(connection, _table, rows)
