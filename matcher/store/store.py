"""The store: nouns in, nouns out; each write is one transaction.

Records are keyed by id and compared with what is stored, so a re-import changes only
what changed. Vectors are keyed by text hash and encoder. ``snapshot()`` changes
with every change of what needs are matched with, never with the needs themselves.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, fields
from datetime import UTC, date
from typing import Any, TypeVar, cast

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection, Engine, Table, bindparam, delete, func, insert, select, update

from matcher.errors import InputError, StoreError, UnknownRecordError
from matcher.store import schema
from matcher.store.database import in_words, open_engine
from matcher.store.notes import outcome_row, put_list, to_match, to_message
from matcher.vocabulary import (
    Conflict,
    Evidence,
    JudgedPair,
    MatchList,
    Need,
    Offer,
    Outcome,
    Party,
    Run,
)

Noun = TypeVar("Noun")
Floats = NDArray[np.float32]
PORTION = 500
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


def text_hash(text: str) -> str:
    """Name a text by its content: sha256 of its UTF-8 bytes, hexadecimal."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def open_store(url: str) -> Store:
    """Open a database, making or migrating it as needed; raises ``StoreError``."""
    return Store(open_engine(url), url)


class Store:
    """All records of one installation. Reading methods give them in order of id."""

    def __init__(self, engine: Engine, url: str) -> None:
        self._engine = engine
        self._url = url

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """Read in one transaction; for the files of this room only."""
        with in_words(self._url), self._engine.connect() as connection, connection.begin():
            yield connection

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """Write in one transaction; for the files of this room only."""
        with (in_words(self._url),
              self._engine.connect().execution_options(writing=True) as connection,
              connection.begin()):
            yield connection

    # ---- records -------------------------------------------------------------------------

    def put(self, **records: Iterable[Any]) -> dict[str, Changes]:
        """Write parties, needs, offers, evidence, judged, conflicts in one transaction.

        Raises ``InputError`` naming every evidence text whose offer is unknown; then
        nothing at all is kept.
        """
        with self.writing() as connection:
            changes = {what: put_records(connection, what, records[what])
                       for what in NOUNS if what in records}
            if any(c.inserted or c.updated for what, c in changes.items() if what in MATCHED):
                touch(connection)
        return changes

    def parties(self) -> dict[str, Party]:
        """Give all parties by id."""
        return {party.party_id: party for party in self._all("parties")}

    def needs(self, centre: str | None = None) -> tuple[Need, ...]:
        """Give all needs, or one centre's."""
        return self._all("needs", **({"centre": centre} if centre else {}))

    def offers(self, centre: str | None = None) -> tuple[Offer, ...]:
        """Give all offers, or one centre's."""
        return self._all("offers", **({"centre": centre} if centre else {}))

    def evidence(self, offer_id: str | None = None) -> tuple[Evidence, ...]:
        """Give all evidence, or one offer's."""
        return self._all("evidence", **({"offer_id": offer_id} if offer_id else {}))

    def judged(self) -> tuple[JudgedPair, ...]:
        """Give all judged pairs."""
        return self._all("judged")

    def conflicts(self) -> tuple[Conflict, ...]:
        """Give all declared conflicts."""
        return self._all("conflicts")

    def need(self, need_id: str) -> Need:
        """Give one need; raise ``UnknownRecordError``."""
        return cast(Need, self._one("needs", "need", need_id=need_id))

    def offer(self, offer_id: str) -> Offer:
        """Give one offer; raise ``UnknownRecordError``."""
        return cast(Offer, self._one("offers", "offer", offer_id=offer_id))

    def _all(self, what: str, **where: str) -> tuple[Any, ...]:
        noun, table = NOUNS[what]
        query = select(table).filter_by(**where).order_by(*table.primary_key.columns)
        with self.reading() as connection:
            return tuple(to_noun(noun, dict(r)) for r in connection.execute(query).mappings())

    def _one(self, what: str, name: str, **where: str) -> Any:
        found = self._all(what, **where)
        if not found:
            raise UnknownRecordError(name, next(iter(where.values())))
        return found[0]

    def delete(self, what: str, ids: Iterable[str]) -> int:
        """Delete needs, offers (with their evidence) or evidence by id; give how many went.

        Vectors of texts that nobody has any more go by :meth:`sweep_vectors`.
        """
        table = NOUNS[what][1]
        key = next(iter(table.primary_key.columns))
        with self.writing() as connection:
            gone = sum(connection.execute(delete(table).where(key.in_(part))).rowcount
                       for part in _portions(list(ids)))
            if gone and what in MATCHED:
                touch(connection)
        return gone

    def counts(self) -> dict[str, int]:
        """Count the records of every kind."""
        with self.reading() as connection:
            return {what: int(connection.scalar(select(func.count()).select_from(table)) or 0)
                    for what, (_, table) in NOUNS.items()}

    def needs_by_centre(self) -> dict[str, int]:
        """Count the needs of each centre that has any."""
        query = (select(schema.needs.c.centre, func.count()).group_by(schema.needs.c.centre)
                 .order_by(schema.needs.c.centre))
        with self.reading() as connection:
            return {centre: number for centre, number in connection.execute(query) if centre}

    def snapshot(self) -> str:
        """Name the present state of parties, offers, evidence and conflicts."""
        query = select(schema.revision.c.number, schema.revision.c.stamp)
        with self.reading() as connection:
            row = connection.execute(query).first()
        return f"{row.number}-{row.stamp}" if row else "0"

    # ---- vectors -------------------------------------------------------------------------

    def vectors(self, encoder: str, hashes: Sequence[str]) -> dict[str, Floats]:
        """Give the stored vectors (d,) of these text hashes; unknown ones are absent."""
        table = schema.vectors
        query = select(table.c.hash, table.c.content).where(
            table.c.encoder == encoder, table.c.hash.in_(bindparam("hashes", expanding=True)))
        found: dict[str, Floats] = {}
        with self.reading() as connection:
            for part in _portions(list(dict.fromkeys(hashes))):
                for key, content in connection.execute(query, {"hashes": part}):
                    found[key] = np.frombuffer(content, "<f4").astype(np.float32)
        return found

    def put_vectors(self, encoder: str, vectors: Mapping[str, Floats]) -> None:
        """Store vectors by text hash; all of one encoder must have one length d.

        Raises ``StoreError`` when a vector has another length than those stored.
        """
        rows = [{"encoder": encoder, "hash": key, "dimensions": len(v),
                 "content": np.asarray(v, "<f4").tobytes()} for key, v in vectors.items()]
        with self.writing() as connection:
            _check_dimensions(connection, encoder, {len(v) for v in vectors.values()})
            for part in _portions(rows):
                known = set(connection.scalars(select(schema.vectors.c.hash).where(
                    schema.vectors.c.encoder == encoder,
                    schema.vectors.c.hash.in_([row["hash"] for row in part]))))
                fresh = [row for row in part if row["hash"] not in known]
                if fresh:
                    connection.execute(insert(schema.vectors), fresh)

    def vector_counts(self) -> dict[str, int]:
        """Count the stored vectors by encoder."""
        query = select(schema.vectors.c.encoder, func.count()).group_by(schema.vectors.c.encoder)
        with self.reading() as connection:
            return {row[0]: row[1] for row in connection.execute(query)}

    def sweep_vectors(self, wanted: Iterable[str]) -> int:
        """Delete vectors whose text hash is not in ``wanted``; give how many went."""
        keep = set(wanted)
        with self.writing() as connection:
            stored = set(connection.scalars(select(schema.vectors.c.hash)))
            for part in _portions(sorted(stored - keep)):
                connection.execute(delete(schema.vectors).where(schema.vectors.c.hash.in_(part)))
        return len(stored - keep)

    # ---- lists and outcomes ----------------------------------------------------------------

    def put_match_lists(self, lists: Iterable[MatchList]) -> None:
        """Store lists with their runs; a list already stored is replaced by itself."""
        with self.writing() as connection:
            for found in lists:
                put_list(connection, found)

    def put_shown(self, found: MatchList, shown: Iterable[Outcome]) -> None:
        """Store a list and that it was shown, both or neither; once for each run and need."""
        outcomes = schema.outcomes.c
        known = select(outcomes.number).where(
            outcomes.run_id == found.run.run_id, outcomes.need_id == found.need.need_id,
            outcomes.stage == "shown").limit(1)
        with self.writing() as connection:
            if connection.execute(known).first() is None:
                put_list(connection, found)
                connection.execute(insert(schema.outcomes), [outcome_row(o) for o in shown])

    def has_match_list(self, run_id: str, need_id: str) -> bool:
        """Say whether a list is stored."""
        query = select(schema.match_lists.c.run_id).filter_by(run_id=run_id, need_id=need_id)
        with self.reading() as connection:
            return connection.execute(query).first() is not None

    def shown_lists(self) -> tuple[MatchList, ...]:
        """Give every stored list of which some match was shown, by run and need."""
        query = select(schema.outcomes.c.run_id, schema.outcomes.c.need_id).where(
            schema.outcomes.c.run_id.is_not(None)).distinct()
        with self.reading() as connection:
            keys = sorted(tuple(row) for row in connection.execute(query))
        return tuple(self.match_list(*key) for key in keys if self.has_match_list(*key))

    def match_list(self, run_id: str, need_id: str) -> MatchList:
        """Give a stored list; raise ``UnknownRecordError``."""
        where = {"run_id": run_id, "need_id": need_id}
        with self.reading() as connection:
            head = connection.execute(select(schema.match_lists).filter_by(**where)).mappings()
            row = head.first()
            query = select(schema.matches).filter_by(**where).order_by(schema.matches.c.rank)
            rows = list(connection.execute(query).mappings())
        if row is None:
            raise UnknownRecordError("match list", f"{run_id}/{need_id}")
        run = Run(**{f.name: row[f.name] for f in fields(Run)})
        return MatchList(to_noun(Need, row["need"]), tuple(to_match(dict(r)) for r in rows), run,
                         row["eligible"], row["scope"] or "",
                         row["widened"] and to_message(row["widened"]))

    def put_outcomes(self, outcomes: Iterable[Outcome]) -> None:
        """Append outcomes; nothing is ever changed or removed."""
        rows = [outcome_row(o) for o in outcomes]
        if rows:
            with self.writing() as connection:
                connection.execute(insert(schema.outcomes), rows)

    def outcomes(self, need_id: str | None = None, stages: Iterable[str] | None = None
                 ) -> tuple[Outcome, ...]:
        """Give outcomes in the order they were appended: all, or one need's, or of some stages.

        What was undone is left out.
        """
        query = (select(schema.outcomes).where(schema.outcomes.c.undone.is_(None))
                 .order_by(schema.outcomes.c.number))
        if stages is not None:
            query = query.where(schema.outcomes.c.stage.in_(sorted(stages)))
        if need_id is not None:
            query = query.where(schema.outcomes.c.need_id == need_id)
        with self.reading() as connection:
            return tuple(_to_outcome(dict(r)) for r in connection.execute(query).mappings())


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
    for part in _portions(fresh):
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
    for part in _portions(list(dict.fromkeys(ids))):
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


def _check_dimensions(connection: Connection, encoder: str, found: set[int]) -> None:
    stored = connection.scalar(select(schema.vectors.c.dimensions)
                               .where(schema.vectors.c.encoder == encoder).limit(1))
    wanted = {stored} if stored is not None else found
    if found and (len(wanted) > 1 or found != wanted):
        raise StoreError("The encoder {encoder} gave vectors of length {found}; those stored have "
                         "{stored}.", encoder=encoder, found=sorted(found), stored=stored)


def touch(connection: Connection) -> None:
    """Change the snapshot, in the same transaction as the data."""
    table = schema.revision
    stamp = secrets.token_hex(4)
    done = connection.execute(update(table).where(table.c.name == "data").values(
        number=table.c.number + 1, stamp=stamp))
    if not done.rowcount:
        connection.execute(insert(table), {"name": "data", "number": 1, "stamp": stamp})


def _portions(rows: list[Any]) -> Iterator[list[Any]]:
    """Cut a list into parts that fit a statement's parameters."""
    return (rows[start : start + PORTION] for start in range(0, len(rows), PORTION))


def _plain_record(record: Any) -> dict[str, Any]:
    return {f.name: list(v) if isinstance(v := getattr(record, f.name), tuple) else v
            for f in fields(record)}


def to_noun(noun: type[Noun], row: Mapping[str, Any]) -> Noun:
    """Make a noun of a row: lists to tuples, ISO text to dates."""
    values: dict[str, Any] = {}
    for f in fields(noun):  # type: ignore[arg-type]
        value = row[f.name]
        if isinstance(value, str) and f.name.startswith("valid_"):
            value = date.fromisoformat(value)
        values[f.name] = tuple(value) if isinstance(value, list) else value
    return noun(**values)


def _to_outcome(row: Mapping[str, Any]) -> Outcome:
    values = {f.name: row[f.name] for f in fields(Outcome)}
    time = values["time"]
    return Outcome(**{**values, "time": time if time.tzinfo else time.replace(tzinfo=UTC)})
