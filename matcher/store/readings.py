"""Readings of texts (``matcher.reading``), by text hash and the rules they were read by."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from sqlalchemy import delete, select

from matcher.store import schema
from matcher.store.records import CUT, ERASED, mark_of, put_missing, rows_by_key, touch
from matcher.store.store import Floats, Store

_table = schema.readings
# What the name of an encoder's vectors of single sentences ends in.
SENTENCE = "/sentence"


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


def put_sentences(store: Store, encoder: str, rules: str, vectors: Mapping[str, Floats]) -> None:
    """Keep vectors of sentences; where texts were cut by other rules before, all others go.

    An erasure could not find them: it looks for the sentences as texts are cut now.
    """
    name, table = schema.revision.c.name, schema.vectors
    with store.writing() as connection:
        known = connection.scalar(select(schema.revision.c.stamp).where(name == CUT))
        if known != rules:
            connection.execute(delete(table).where(table.c.encoder.endswith(SENTENCE)))
            touch(connection, CUT, rules)
    store.put_vectors(encoder + SENTENCE, vectors)
