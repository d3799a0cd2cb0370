"""What is stored about an account, and taking it out again so that no byte of it is left.

Lists, reports, outcomes, judgements and the audit keep ids, numbers and codes; their texts go.
Vectors are the text in another form: those of texts nobody else has go too.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any

from sqlalchemy import Column, Connection, delete, func, null, or_, select, update

from matcher.integrity import read_fairly
from matcher.languages import sentences
from matcher.store import schema
from matcher.store.audit import AuditLine, append, aware
from matcher.store.blanking import blank_reports
from matcher.store.notes import clear, empty_lists
from matcher.store.outbox import drop_mails_about
from matcher.store.records import ERASED, portions, touch
from matcher.store.store import Store, text_hash

Records = Mapping[str, Sequence[str]]


@dataclass(frozen=True, slots=True)
class Person:
    """An account with what is its own: needs and offers by id, and its party where nobody else's.

    ``party_id`` is None where others belong to the party too: then its row stays.
    """

    account_id: str
    email: str
    needs: tuple[str, ...]
    offers: tuple[str, ...]
    party_id: str | None


def person(store: Store, account_id: str) -> Person | None:
    """Find what is an account's own: records its cards name, or all of a party that it is alone."""
    with store.reading() as connection:
        return _person(connection, account_id)


def _person(connection: Connection, account_id: str) -> Person | None:
    accounts = schema.accounts
    row = connection.execute(select(accounts).filter_by(account_id=account_id)).mappings().first()
    if row is None:
        return None
    others = connection.scalar(select(func.count()).where(
        accounts.c.party_id == row["party_id"], accounts.c.account_id != account_id))
    alone = row["party_id"] if row["party_id"] and not others else None
    needs, offers = (_own(connection, side, account_id, alone) for side in ("need", "offer"))
    return Person(account_id, row["email"], needs, offers, alone)


def _own(connection: Connection, side: str, account_id: str, party_id: str | None
         ) -> tuple[str, ...]:
    cards, table = schema.cards, schema.needs if side == "need" else schema.offers
    found = set(connection.scalars(select(cards.c.record_id).where(
        cards.c.side == side, cards.c.account_id == account_id)))
    if party_id is not None:
        key = next(iter(table.primary_key.columns))
        found |= set(connection.scalars(select(key).where(table.c.party_id == party_id)))
    return tuple(sorted(found))


def remove_records(connection: Connection, records: Records) -> None:
    """Remove needs and offers with evidence, cards and vectors; what lists say of them, too.

    Reports and alerts that wait to be mailed and hold their texts go, to whomever they were.
    """
    needs, offers = records.get("need", ()), records.get("offer", ())
    lone = _lone_hashes(connection, needs, offers)
    touch(connection, ERASED)
    drop_mails_about(connection, _pairs(connection, needs, offers),
                     blank_reports(connection, (*needs, *offers)))
    empty_lists(connection, needs, offers)
    for side, table, ids in (("need", schema.needs, needs), ("offer", schema.offers, offers)):
        key = next(iter(table.primary_key.columns))
        connection.execute(delete(schema.cards).where(schema.cards.c.side == side,
                                                      schema.cards.c.record_id.in_(ids)))
        connection.execute(delete(table).where(key.in_(ids)))
    for table in (schema.vectors, schema.readings):
        for part in portions(sorted(lone)):
            connection.execute(delete(table).where(table.c.hash.in_(part)))


def _pairs(connection: Connection, needs: Sequence[str], offers: Sequence[str]
           ) -> Iterator[tuple[str, str]]:
    """Give every pair, need and offer, that some records are in."""
    yield from product(needs, connection.scalars(select(schema.offers.c.offer_id)).all())
    yield from product(connection.scalars(select(schema.needs.c.need_id)).all(), offers)


def _lone_hashes(connection: Connection, needs: Sequence[str], offers: Sequence[str]) -> set[str]:
    """Name the texts of some records that no other record has, as encoded, and their sentences.

    A text that another has in other words but is encoded alike is named too: its vector is made
    again when it is next needed. A damaged text was never encoded.
    """
    asked = _lone(connection, schema.needs.c.need_id, needs,
                  ("title", "description", "requirements"))
    found = _lone(connection, schema.offers.c.offer_id, offers, ("title", "description"))
    found |= _lone(connection, schema.evidence.c.offer_id, offers, ("title", "text"))
    read = asked | found | {read_fairly(text).text for text in found}
    return {text_hash(part) for text in read for part in (text, *sentences(text))}


def _lone(connection: Connection, key: Column[Any], ids: Sequence[str], names: Sequence[str]
          ) -> set[str]:
    columns = [key.table.c[name] for name in names]
    mine = {tuple(row) for row in connection.execute(select(*columns).where(key.in_(ids)))}
    alike = select(*columns).where(key.not_in(ids), columns[1].in_({row[1] for row in mine}))
    others = {tuple(row) for row in connection.execute(alike)} if mine else set()
    return {"\n".join(filter(None, row)) for row in mine - others
            if all(part is None or isinstance(part, str) for part in row)}


def erase(store: Store, account_id: str, lines: Callable[[Person], Iterable[AuditLine]]) -> bool:
    """Erase an account and all that is its own in one transaction, then compact the file.

    ``lines`` tell of it. Gives whether the file was compacted; False: another program was at it,
    compact it later.
    """
    with store.writing() as connection:
        who = _person(connection, account_id)  # now: of colleagues who go at once one is the last
        if who is not None:
            _erase(connection, who)
            append(connection, *lines(who))
    return compact(store)


def _erase(connection: Connection, who: Person) -> None:
    remove_records(connection, {"need": who.needs, "offer": who.offers})
    clear(connection, schema.outcomes, who.needs, who.offers, {"note": null()})
    clear(connection, schema.judged, who.needs, who.offers, {"reason": ""})
    _erase_account(connection, who)
    _erase_audit(connection, who)
    if who.offers or who.party_id:
        touch(connection)


def _erase_account(connection: Connection, who: Person) -> None:
    """Remove account, drafts, consents, links and mail, and the party that was it alone."""
    own, email = {"account_id": who.account_id}, who.email
    for table in (schema.drafts, schema.consents, schema.sessions, schema.identities,
                  schema.subscriptions, schema.accounts):
        connection.execute(delete(table).filter_by(**own))
    # A colleague's, too: it is a copy of the record.
    drafts = schema.drafts.c
    connection.execute(delete(schema.drafts).where(or_(
        (drafts.side == "need") & drafts.record_id.in_(who.needs),
        (drafts.side == "offer") & drafts.record_id.in_(who.offers))))
    connection.execute(delete(schema.tokens).filter_by(email=email))
    connection.execute(delete(schema.outbox).filter_by(recipient=email))
    connection.execute(update(schema.cards).filter_by(**own).values(account_id=None))
    if who.party_id is not None:
        conflicts = schema.conflicts.c
        connection.execute(delete(schema.drafts).filter_by(party_id=who.party_id))
        connection.execute(delete(schema.conflicts).where(or_(
            conflicts.party_id == who.party_id, conflicts.other_party_id == who.party_id)))
        connection.execute(delete(schema.parties).filter_by(party_id=who.party_id))
        drop_mails_about(connection, (), blank_reports(connection, (), who.party_id))


def _erase_audit(connection: Connection, who: Person) -> None:
    table, ids = schema.audit, (*who.needs, *who.offers, who.account_id)
    connection.execute(update(table).where(or_(
        table.c.who == who.account_id, table.c.record_id.in_(ids))).values(
        before=null(), after=null()))


def compact(store: Store) -> bool:
    """Rewrite a SQLite file so that nothing of what was deleted is left in it or its log.

    Gives False where another program is reading or writing it. Other databases clean up after
    themselves.
    """
    engine = store._engine
    if engine.dialect.name != "sqlite":
        return True
    connection = engine.raw_connection()
    try:
        cursor = connection.cursor()
        cursor.execute("VACUUM")
        busy = cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0]
    except sqlite3.OperationalError:
        return False
    finally:
        connection.close()
    return not busy


def rows_about(store: Store, who: Person) -> dict[str, list[dict[str, Any]]]:
    """Give what is stored about an account as rows: account, identities, party, decisions.

    Neither colleagues' notes nor who decided are in them, and no numbers that count what others
    did. Decisions about offers name needs: whoever shows them leaves out those not released.
    """
    outcomes, accounts = schema.outcomes, schema.accounts
    hidden = {"password", "failures", "locked_until"}
    with store.reading() as connection:
        own = connection.execute(select(accounts).filter_by(account_id=who.account_id)).mappings()
        known = connection.execute(select(schema.identities).filter_by(account_id=who.account_id))
        party = connection.execute(select(schema.parties).filter_by(party_id=who.party_id))
        decided = connection.execute(select(
            outcomes.c.need_id, outcomes.c.offer_id, outcomes.c.stage, outcomes.c.time,
            outcomes.c.reason).where(
            outcomes.c.stage != "shown", outcomes.c.undone.is_(None),
            or_(outcomes.c.need_id.in_(who.needs), outcomes.c.offer_id.in_(who.offers))
            ).order_by(outcomes.c.number))
        return {"account": [{k: v for k, v in aware(dict(row)).items() if k not in hidden}
                            for row in own],
                "identities": [aware(dict(row)) for row in known.mappings()],
                "party": [dict(row) for row in party.mappings()],
                "decisions": [aware(dict(row)) for row in decided.mappings()]}
