"""Rows that cannot be read, found one by one and named by key and field, never by their values."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, Table, select, tuple_

from matcher.store import schema
from matcher.store.notes import to_outcome
from matcher.store.records import NOUNS, all_fit, in_order, misfit, read_nouns, read_rows, to_noun
from matcher.vocabulary import STAGES

# The whole primary key of a row.
Key = tuple[Any, ...]
# What a row that cannot be read raises.
ROW_FAULTS = (ValueError, TypeError, LookupError)
Make = Callable[[Mapping[str, Any]], Any]
Read = Callable[[Select[Any]], Sequence[Any]]
Faults = dict[Key, str]


def sound_records(connection: Connection
                  ) -> tuple[dict[str, Faults], dict[str, tuple[Any, ...]]]:
    """Read every record, and every decision, to find those that cannot be read.

    Gives, by kind, the faulty ones with the field, and all records of kinds without any.
    """
    faults, records = {}, {}
    for what, (noun, table) in NOUNS.items():
        faults[what], read = _read(connection, table, partial(to_noun, noun),
                                   partial(read_nouns, connection, noun))
        if not faults[what]:
            records[what] = read
    stages = schema.outcomes.c.stage.in_(STAGES)
    faults["outcomes"], _ = _read(
        connection, schema.outcomes, to_outcome,
        lambda query: [to_outcome(row) for row in read_rows(connection, query)], stages)
    return faults, records


def but_for(table: Table, hidden: Iterable[Key]) -> ColumnElement[bool]:
    """Leave out the rows of these keys."""
    columns, keys = tuple(table.primary_key.columns), list(hidden)
    if len(columns) == 1:
        return columns[0].not_in([key[0] for key in keys])
    return tuple_(*columns).not_in(keys)


def _read(connection: Connection, table: Table, make: Make, read: Read, *where: ColumnElement[bool]
          ) -> tuple[Faults, tuple[Any, ...]]:
    """Read a table in the order of its keys; where a row breaks that, each row alone."""
    keys = tuple(table.primary_key.columns)
    order = in_order(connection.dialect.name, keys)
    query = select(table).where(*where).order_by(*order)
    try:
        made = tuple(read(query))
        if all_fit(made):
            return {}, made
        found = connection.execute(select(*keys).where(*where).order_by(*order)).all()
        return {tuple(key): field for key, record in zip(found, made, strict=True)
                if (field := misfit(record))}, made
    except ROW_FAULTS:
        found = connection.execute(select(*keys).where(*where).order_by(*order)).all()
        return {tuple(key): field for key in found
                if (field := _fault(connection, table, make, tuple(key)))}, ()


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
