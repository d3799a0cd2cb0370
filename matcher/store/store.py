"""The store: nouns in, nouns out; each write is one transaction.

Records are keyed by id and compared with what is stored, so a re-import changes only
what changed. Vectors are keyed by text hash and encoder. ``snapshot()`` changes
with every change of what needs are matched with, never with the needs themselves.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection, Engine, bindparam, delete, false, func, insert, select, update

from matcher.errors import UnknownRecordError
from matcher.forking import stay_here
from matcher.store import schema
from matcher.store.damage import Key, but_for, sound_records
from matcher.store.database import in_words, open_engine
from matcher.store.notes import outcome_row, put_lists, read_lists, to_outcome
from matcher.store.records import (
    DATA,
    ERASED,
    MATCHED,
    NOUNS,
    Changes,
    in_order,
    mark_of,
    portions,
    put_missing,
    put_records,
    read_nouns,
    rows_by_key,
    touch,
)
from matcher.store.vectors import check_dimensions, stack_rows
from matcher.vocabulary import (
    Conflict,
    Evidence,
    JudgedPair,
    MatchList,
    Need,
    Offer,
    Outcome,
    Party,
)

Floats = NDArray[np.float32]


def text_hash(text: str) -> str:
    """Name a text by its content: sha256 of its UTF-8 bytes, hexadecimal."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def open_store(url: str) -> Store:
    """Open a database, making or migrating it as needed; raises ``StoreError``."""
    return Store(open_engine(url), url)


class Store:
    """All records of one installation. Reading methods give them in order of id."""

    def __init__(self, engine: Engine, url: str, frozen: Connection | None = None,
                 left_out: Mapping[str, Mapping[Key, str]] | None = None,
                 records: Mapping[str, tuple[Any, ...]] | None = None) -> None:
        """Use :func:`open_store`; what follows ``url`` is for :meth:`frozen`.

        ``records`` were read already (kind → all records, by key).
        """
        self._engine = engine
        self._url = url
        self._frozen = frozen
        self.left_out = left_out or {}
        self._records = records or {}
        self._snapshot = ""

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """Read in one transaction; for the files of this room only."""
        stay_here()
        if self._frozen is not None:
            with in_words(self._url):
                yield self._frozen
            return
        with in_words(self._url), self._engine.connect() as connection, connection.begin():
            yield connection

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """Write in one transaction; for the files of this room only."""
        stay_here()
        with (in_words(self._url),
              self._engine.connect().execution_options(writing=True) as connection,
              connection.begin()):
            yield connection

    def check_writable(self) -> None:
        """Raise ``StoreError`` where nothing can be written; nothing is changed."""
        with self.writing() as connection:
            connection.execute(update(schema.revision).where(false()).values(number=0))

    @contextmanager
    def frozen(self) -> Iterator[Store]:
        """Give the store as it stands at this moment: what others write meanwhile is not seen.

        Rows that cannot be read are ``left_out`` (kind → key → what is wrong). For one thread.
        """
        options = {} if self._engine.dialect.name == "sqlite" else {
            "isolation_level": "REPEATABLE READ"}
        with (in_words(self._url), self._engine.connect().execution_options(**options)
              as connection, connection.begin()):
            store = Store(self._engine, self._url, connection)
            store.snapshot()  # SQLite's view begins with the first look
            yield Store(self._engine, self._url, connection, *sound_records(connection))

    def without(self, what: str, faults: Mapping[Key, str]) -> Store:
        """Give the same store in which some records of a kind are left out, each with why."""
        if not faults:
            return self
        read = {kind: records for kind, records in self._records.items() if kind != what}
        return Store(self._engine, self._url, self._frozen,
                     {**self.left_out, what: {**self.left_out.get(what, {}), **faults}}, read)

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

    def torn_offers(self) -> frozenset[str]:
        """Name the offers of which an evidence text is left out."""
        table, lost = schema.evidence, [key[0] for key in self.left_out.get("evidence", ())]
        query = select(table.c.offer_id).where(table.c.evidence_id.in_(
            bindparam("ids", expanding=True)))
        with self.reading() as connection:
            return frozenset(str(offer) for part in portions(lost)
                             for offer in connection.scalars(query, {"ids": part}))

    def judged(self) -> tuple[JudgedPair, ...]:
        """Give all judged pairs."""
        return self._all("judged")

    def conflicts(self) -> tuple[Conflict, ...]:
        """Give all declared conflicts.

        One whose reason cannot be read bars its pair all the same.
        """
        found = self._all("conflicts")
        kept = [Conflict(*key) for key in self.left_out.get("conflicts", ())
                if all(isinstance(part, str) for part in key)]
        return tuple(sorted((*found, *kept), key=lambda c: (c.party_id, c.other_party_id))
                     ) if kept else found

    def need(self, need_id: str) -> Need:
        """Give one need; raise ``UnknownRecordError``."""
        return cast(Need, self._one("needs", "need", need_id=need_id))

    def offer(self, offer_id: str) -> Offer:
        """Give one offer; raise ``UnknownRecordError``."""
        return cast(Offer, self._one("offers", "offer", offer_id=offer_id))

    def _all(self, what: str, **where: str) -> tuple[Any, ...]:
        if what in self._records and not where:
            return self._records[what]
        if what in self._records:
            return tuple(record for record in self._records[what]
                         if all(getattr(record, name) == value for name, value in where.items()))
        noun, table = NOUNS[what]
        query = select(table).filter_by(**where).order_by(
            *in_order(self._engine.dialect.name, table.primary_key.columns))
        if hidden := self.left_out.get(what):
            query = query.where(but_for(table, hidden))
        with self.reading() as connection:
            return tuple(read_nouns(connection, noun, query))

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
                       for part in portions(list(ids)))
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
        if self._frozen is not None and self._snapshot:
            return self._snapshot
        with self.reading() as connection:
            self._snapshot = mark_of(connection, DATA)
        return self._snapshot

    def last_erasure(self) -> str:
        """Name the last erasure of records, as the store stands: see ``put_vectors``."""
        with self.reading() as connection:
            return mark_of(connection, ERASED)

    def presence(self) -> tuple[str, frozenset[str]]:
        """Name the snapshot and the needs there are: equal while no text has gone."""
        with self.reading() as connection:
            return self.snapshot(), frozenset(connection.scalars(select(schema.needs.c.need_id)))

    # ---- vectors -------------------------------------------------------------------------

    def vectors(self, encoder: str, hashes: Sequence[str]) -> dict[str, Floats]:
        """Give the stored vectors (d,) of these text hashes; unknown ones are absent."""
        return dict(zip(*self.vector_rows(encoder, hashes), strict=True))

    def vector_rows(self, encoder: str, hashes: Sequence[str], dimensions: int | None = None
                    ) -> tuple[list[str], Floats]:
        """Give those of these text hashes that have stored vectors, in order, and these, (n, d).

        A hash that stands there twice is given twice. Raises ``StoreError`` when the vectors are
        not all of one length, that of ``dimensions``.
        """
        table = schema.vectors
        query = select(table.c.hash, table.c.content).where(table.c.encoder == encoder)
        with self.reading() as connection:
            return stack_rows(encoder, hashes, rows_by_key(connection, query, hashes), dimensions)

    def first_vectors(self, encoder: str, most: int, dimensions: int) -> tuple[list[str], Floats]:
        """Give an encoder's stored vectors, ``most`` of them at most, as ``vector_rows`` does."""
        table = schema.vectors
        query = select(table.c.hash, table.c.content).where(table.c.encoder == encoder)
        with self.reading() as connection:
            found = connection.execute(query.order_by(table.c.hash).limit(most)).all()
        return stack_rows(encoder, [row[0] for row in found], iter(found), dimensions)

    def put_vectors(self, encoder: str, vectors: Mapping[str, Floats],
                    since: str | None = None) -> bool:
        """Store vectors by text hash; all of one encoder must have one length d.

        False, and nothing is stored, where another erasure followed ``since``, the last one when
        the texts were read: one of them may be gone. Raises ``StoreError`` when a vector has
        another length than those stored.
        """
        rows = [{"encoder": encoder, "hash": key, "dimensions": len(v),
                 "content": np.asarray(v, "<f4").tobytes()} for key, v in vectors.items()]
        with self.writing() as connection:
            if since not in (None, mark_of(connection, ERASED)):
                return False
            check_dimensions(connection, encoder, {len(v) for v in vectors.values()})
            put_missing(connection, schema.vectors, rows)
        return True

    def drop_vectors(self, hashes: Iterable[str]) -> None:
        """Delete the vectors of some texts, of whatever encoder."""
        with self.writing() as connection:
            for part in portions(sorted(hashes)):
                connection.execute(delete(schema.vectors).where(schema.vectors.c.hash.in_(part)))

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
            for part in portions(sorted(stored - keep)):
                connection.execute(delete(schema.vectors).where(schema.vectors.c.hash.in_(part)))
        return len(stored - keep)

    # ---- lists and outcomes ----------------------------------------------------------------

    def put_match_lists(self, lists: Iterable[MatchList]) -> None:
        """Store lists with their runs; a list already stored is replaced by itself."""
        with self.writing() as connection:
            put_lists(connection, lists)

    def put_shown(self, found: MatchList, shown: Iterable[Outcome]) -> None:
        """Store a list and that it was shown, both or neither; once for each run and need."""
        outcomes = schema.outcomes.c
        known = select(outcomes.number).where(
            outcomes.run_id == found.run.run_id, outcomes.need_id == found.need.need_id,
            outcomes.stage == "shown").limit(1)
        with self.writing() as connection:
            if connection.execute(known).first() is None:
                put_lists(connection, [found])
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
        found = self.match_lists(run_id, [need_id])
        if not found:
            raise UnknownRecordError("match list", f"{run_id}/{need_id}")
        return found[need_id]

    def match_lists(self, run_id: str, needs: Sequence[str]) -> dict[str, MatchList]:
        """Give the stored lists of one run, by need; those that are not there are absent."""
        with self.reading() as connection:
            return read_lists(connection, run_id, needs)

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
        if hidden := self.left_out.get("outcomes"):
            query = query.where(but_for(schema.outcomes, hidden))
        if stages is not None:
            query = query.where(schema.outcomes.c.stage.in_(sorted(stages)))
        if need_id is not None:
            query = query.where(schema.outcomes.c.need_id == need_id)
        with self.reading() as connection:
            return tuple(to_outcome(dict(r)) for r in connection.execute(query).mappings())
