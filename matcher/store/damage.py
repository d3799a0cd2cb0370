"""Rows that cannot be read, found one by one and named by key and field, never by their values."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial
from typing import Any

from sqlalchemy import ColumnElement, Connection, Table, select, tuple_

from matcher.store import schema
from matcher.store.notes import to_outcome
from matcher.store.records import NOUNS, misfit, to_noun
from matcher.vocabulary import STAGES

# The whole primary key of a row.
Key = tuple[Any, ...]
# What a row that cannot be read raises.
ROW_FAULTS = (ValueError, TypeError, LookupError)
Make = Callable[[dict[str, Any]], Any]


def damaged(connection: Connection) -> dict[str, dict[Key, str]]:
    """Name the records of every kind, and the decisions, that cannot be read, with the field."""
    found = {what: _faults(connection, table, partial(to_noun, noun))
             for what, (noun, table) in NOUNS.items()}
    stages = schema.outcomes.c.stage.in_(STAGES)
    return found | {"outcomes": _faults(connection, schema.outcomes, to_outcome, stages)}


def but_for(table: Table, hidden: Iterable[Key]) -> ColumnElement[bool]:
    """Leave out the rows of these keys."""
    columns, keys = tuple(table.primary_key.columns), list(hidden)
    if len(columns) == 1:
        return columns[0].not_in([key[0] for key in keys])
    return tuple_(*columns).not_in(keys)


def _faults(connection: Connection, table: Table, make: Make, *where: ColumnElement[bool]
            ) -> dict[Key, str]:
    keys = tuple(table.primary_key.columns)
    query = select(table).where(*where).order_by(*keys)
    try:
        rows = connection.execute(query).mappings().all()
        return {tuple(row[column.name] for column in keys): field for row in rows
                if (field := misfit(make(dict(row))))}
    except ROW_FAULTS:
        found = connection.execute(select(*keys).where(*where).order_by(*keys)).all()
        return {tuple(key): field for key in found
                if (field := _fault(connection, table, make, tuple(key)))}


def _fault(connection: Connection, table: Table, make: Make, key: Key) -> str | None:
    """Name the field for which one row cannot be read."""
    is_it = [c == part for c, part in zip(table.primary_key.columns, key, strict=True)]
    try:
        row = connection.execute(select(table).where(*is_it)).mappings().one()
        return misfit(make(dict(row)))
    except ROW_FAULTS:
        return next((c.name for c in table.columns if not _can_read(connection, c, is_it)),
                    table.name)


def _can_read(connection: Connection, column: Any, is_it: Iterable[ColumnElement[bool]]) -> bool:
    try:
        connection.execute(select(column).where(*is_it)).all()
    except ROW_FAULTS:
        return False
    return True
