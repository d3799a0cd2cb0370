"""Nouns as rows: insert what is new, update what changed, read back; mark that data changed."""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import date
from functools import cache
from itertools import chain
from operator import attrgetter
from types import UnionType
from typing import Any, TypeVar, cast, get_args, get_origin, get_type_hints

from sqlalchemy import (
    Column,
    ColumnElement,
    Connection,
    Select,
    String,
    Table,
    bindparam,
    insert,
    select,
    update,
)
from sqlalchemy.dialects import postgresql, sqlite

from matcher.errors import InputError
from matcher.store import schema
from matcher.vocabulary import Conflict, Evidence, JudgedPair, Need, Offer, Party

Noun = TypeVar("Noun")
PORTION = 500
# What the marks of changes are kept by.
DATA, ERASED, CUT = "data", "erased", "sentences"
# So many rows are read sooner in one pass over a table than each by its key, where the table does
# not hold many times as many.
MANY = 5_000
NOUNS: Mapping[str, tuple[type, Table]] = {
    "parties": (Party, schema.parties), "needs": (Need, schema.needs),
    "offers": (Offer, schema.offers), "evidence": (Evidence, schema.evidence),
    "judged": (JudgedPair, schema.judged), "conflicts": (Conflict, schema.conflicts),
}
# What a need is matched with. A snapshot that changed with needs would tell of hidden ones.
MATCHED = frozenset({"parties", "offers", "evidence", "conflicts"})


@dataclass(frozen=True, slots=True)
class Changes:
    """How many records a write inserted, updated and left as they were."""

    inserted: int = 0
    updated: int = 0
    unchanged: int = 0


def put_records(connection: Connection, what: str, records: Iterable[Any]) -> Changes:
    """Insert new records, update changed ones; the last of two records with one id wins."""
    table = NOUNS[what][1]
    keys = [column.name for column in table.primary_key.columns]
    wanted = {tuple(row[k] for k in keys): row for row in map(_plain_record, records)}
    if what == "evidence":
        _check_offers(connection, wanted.values())
    present = _present(connection, table, keys, [key[0] for key in wanted])
    fresh = [row for key, row in wanted.items() if key not in present]
    changed = [row for key, row in wanted.items() if key in present and present[key] != row]
    for part in portions(fresh):
        connection.execute(insert(table), part)
    if changed:
        statement = update(table).where(*(table.c[k] == bindparam(f"key_{k}") for k in keys))
        values: dict[str, Any] = {c.name: bindparam(c.name) for c in table.columns
                                  if c.name not in keys}
        connection.execute(statement.values(values), [
            {**{k: v for k, v in row.items() if k not in keys},
             **{f"key_{k}": row[k] for k in keys}} for row in changed])
    return Changes(len(fresh), len(changed), len(wanted) - len(fresh) - len(changed))


def _present(connection: Connection, table: Table, keys: list[str],
             ids: list[str]) -> dict[tuple[Any, ...], dict[str, Any]]:
    """Read the stored rows whose first key is among these ids."""
    found = {}
    for part in portions(list(dict.fromkeys(ids))):
        rows = connection.execute(select(table).where(table.c[keys[0]].in_(part))).mappings()
        found.update({tuple(row[k] for k in keys): dict(row) for row in rows})
    return found


def _check_offers(connection: Connection, rows: Iterable[Mapping[str, Any]]) -> None:
    """Refuse evidence of unknown offers, naming all of it."""
    listed = list(rows)
    known = _present(connection, schema.offers, ["offer_id"], [r["offer_id"] for r in listed])
    lost = [r for r in listed if (r["offer_id"],) not in known]
    if lost:
        named = ", ".join(f"{r['evidence_id']} → {r['offer_id']}" for r in lost[:20])
        named += " …" if len(lost) > 20 else ""
        raise InputError("{count} evidence texts name an offer that is not in the store: {named}. "
                         "Nothing was stored; import the offers first.", count=len(lost),
                         named=named)


def put_once(connection: Connection, table: Table, row: Mapping[str, Any]) -> bool:
    """Insert a row unless its key is there; say whether it is new. Of two at once one inserts."""
    new = _insert(connection, table).values(**row).on_conflict_do_nothing().inline()
    counted = new.execution_options(preserve_rowcount=True)
    return bool(connection.execute(counted).rowcount == 1)


def put_missing(connection: Connection, table: Table, rows: list[dict[str, Any]]) -> None:
    """Insert rows whose key is not there yet; of two that insert one at once neither fails."""
    statement = _insert(connection, table).on_conflict_do_nothing()
    for part in portions(rows):
        connection.execute(statement, part)


def _insert(connection: Connection, table: Table) -> Any:
    kinds: dict[str, Any] = {"sqlite": sqlite.insert, "postgresql": postgresql.insert}
    return kinds[connection.dialect.name](table)


def touch(connection: Connection, name: str = DATA, stamp: str = "") -> None:
    """Change the snapshot, or another mark, in the same transaction as the data."""
    table = schema.revision
    stamp = stamp or secrets.token_hex(4)
    done = connection.execute(update(table).where(table.c.name == name).values(
        number=table.c.number + 1, stamp=stamp))
    if not done.rowcount:
        connection.execute(insert(table), {"name": name, "number": 1, "stamp": stamp})


def mark_of(connection: Connection, name: str) -> str:
    """Name the last change of a kind; "0" where there was none."""
    query = select(schema.revision.c.number, schema.revision.c.stamp).filter_by(name=name)
    row = connection.execute(query).first()
    return f"{row.number}-{row.stamp}" if row else "0"


def in_order(dialect: str, columns: Iterable[Column[Any]]) -> list[ColumnElement[Any]]:
    """Give what to order by: text by its bytes, where a PostgreSQL would follow its own language.

    The order of records decides ties: every database gives the same lists.
    """
    return [column.collate("C") if dialect == "postgresql" and isinstance(column.type, String)
            else column for column in columns]


def portions(rows: list[Any]) -> Iterator[list[Any]]:
    """Cut a list into parts that fit a statement's parameters."""
    return (rows[start : start + PORTION] for start in range(0, len(rows), PORTION))


def rows_by_key(connection: Connection, query: Select[Any], keys: Iterable[str]
                ) -> Iterator[Any]:
    """Give the rows of a query whose first column is among some keys, each once."""
    wanted = list(dict.fromkeys(keys))
    if len(wanted) > MANY:
        known = set(wanted)
        for rows in connection.execute(query).partitions(PORTION):  # not fetched one by one
            yield from (row for row in rows if row[0] in known)
        return
    column: Any = query.selected_columns[0]
    chosen = query.where(column.in_(bindparam("keys", expanding=True)))
    for part in portions(wanted):
        yield from connection.execute(chosen, {"keys": part}).all()


def _plain_record(record: Any) -> dict[str, Any]:
    return {f.name: list(v) if isinstance(v := getattr(record, f.name), tuple) else v
            for f in fields(record)}


def read_rows(connection: Connection, query: Select[Any]) -> list[dict[str, Any]]:
    """Give the rows of a query as plain dicts: many rows at once, quicker than one by one."""
    found = connection.execute(query)
    names = list(found.keys())
    return [dict(zip(names, row, strict=True)) for row in found.all()]


def read_nouns(connection: Connection, noun: type[Noun], query: Select[Any]) -> list[Noun]:
    """Give the nouns of a query's rows, made column by column: quicker than ``to_noun`` of each."""
    found = connection.execute(query)
    names, rows = list(found.keys()), found.all()
    if not rows:
        return []
    columns = dict(zip(names, zip(*rows, strict=True), strict=True))
    return list(map(noun, *(_column(name, columns[name]) for name in field_names(cast(Any, noun)))))


def _column(name: str, values: Sequence[Any]) -> Sequence[Any]:
    """Give a column's values as a noun has them: lists as tuples, ISO text as dates."""
    kinds = set(map(type, values))
    if str in kinds and name.startswith("valid_"):
        return [date.fromisoformat(v) if isinstance(v, str) else v for v in values]
    return [tuple(v) if isinstance(v, list) else v for v in values] if list in kinds else values


def to_noun(noun: type[Noun], row: Mapping[str, Any]) -> Noun:
    """Make a noun of a row: lists to tuples, ISO text to dates."""
    return noun(*(_column(name, [row[name]])[0] for name in field_names(cast(Any, noun))))


@cache
def field_names(noun: Any) -> tuple[str, ...]:
    """Give the names of a noun's fields; asked for once a row they took a third of the time."""
    return tuple(f.name for f in fields(noun))


def all_fit(records: Sequence[Any]) -> bool:
    """Say whether no record is a ``misfit``: by the types in each field, not one by one."""
    noun: Any = type(records[0]) if records else None
    for name, kinds, is_many in _kinds_of(noun) if noun else ():
        values: Iterable[Any] = map(attrgetter(name), records)
        if is_many:
            values = chain.from_iterable(v if isinstance(v, tuple) else (v,) for v in values)
        if not all(issubclass(kind, kinds) for kind in set(map(type, values))):
            return False
    return True


def misfit(record: Any) -> str | None:
    """Name the first field whose value is of another kind than the noun's.

    Its value may be private, and is not named.

    SQLite keeps any value in any column: only another program, or damage, puts one there.
    """
    noun: Any = type(record)
    for name, kinds, is_many in _kinds_of(noun):
        value = getattr(record, name)
        parts = value if is_many and isinstance(value, tuple) else (value,)
        if not all(isinstance(part, kinds) for part in parts):
            return str(name)
    return None


@cache
def _kinds_of(noun: Any) -> tuple[tuple[str, tuple[type, ...], bool], ...]:
    """Give each field's name, the types its value may have, and whether it holds many of them."""
    found = []
    for name, hint in get_type_hints(noun).items():
        if get_origin(hint) is tuple:
            found.append((name, (get_args(hint)[0],), True))
        else:
            parts = get_args(hint) if isinstance(hint, UnionType) else (hint,)
            found.append((name, tuple(get_origin(part) or part for part in parts), False))
    return tuple(found)
