"""Drafts, cards and consents as rows; a publication is one transaction with its record."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import date, datetime
from typing import Any

from sqlalchemy import Column, ColumnElement, Connection, delete, false, insert, or_, select, update

from matcher.store import schema
from matcher.store.audit import AuditLine, append, aware
from matcher.store.erasure import remove_records
from matcher.store.records import put_records, to_noun, touch
from matcher.store.store import Store
from matcher.vocabulary import Evidence, Need, Offer

TABLES = {"need": schema.needs, "offer": schema.offers}
OPEN = ("draft", "returned", "submitted")
# As an id may hold any character but a control character, the pair of two ids is told by one.
BETWEEN, LONGEST_PAIR = "\t", 100
Pair = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Draft:
    """A need or an offer on its way to publication.

    ``status`` is draft, submitted, returned, published or withdrawn; ``record_id`` is the record
    it becomes; ``version`` counts changes from 1; ``reason`` is JSON of codes and a text.
    """

    draft_id: str
    side: str
    record_id: str
    account_id: str
    party_id: str | None
    centre: str | None
    status: str
    content: Mapping[str, Any]
    version: int
    created: datetime
    changed: datetime
    reason: str = ""
    reviewer: str | None = None


@dataclass(frozen=True, slots=True)
class Card:
    """What of a record may be shown to whom, and whom to contact.

    ``visibility`` maps fields to audiences; ``organisation`` is the party's name, read with it.
    """

    side: str
    record_id: str
    party_id: str | None = None
    account_id: str | None = None
    anonymous: bool = False
    contact: Mapping[str, str] = field(default_factory=dict)
    visibility: Mapping[str, str] = field(default_factory=dict)
    published: datetime | None = None
    renewed: datetime | None = None
    organisation: str | None = None


@dataclass(frozen=True, slots=True)
class ConsentRow:
    """That an account agreed to a text's version; ``address`` is where from (IP)."""

    account_id: str
    record_id: str | None
    purpose: str
    version: str
    lang: str
    time: datetime
    address: str | None = None
    withdrawn: datetime | None = None


# ---- drafts ----------------------------------------------------------------------------------


def draft(store: Store, draft_id: str) -> Draft | None:
    """Find a draft; None where there is none."""
    found = drafts(store, draft_id=draft_id)
    return found[0] if found else None


def drafts(store: Store, *, account_id: str | None = None, party_id: str | None = None,
           statuses: Sequence[str] | None = None, **where: str) -> tuple[Draft, ...]:
    """Give drafts by id: of an account or a party (either will do), of some states."""
    table = schema.drafts
    query = select(table).filter_by(**where).order_by(table.c.draft_id)
    owners = [column == value for column, value in
              ((table.c.account_id, account_id), (table.c.party_id, party_id)) if value]
    if owners:
        query = query.where(or_(*owners))
    if statuses is not None:
        query = query.where(table.c.status.in_(list(statuses)))
    with store.reading() as connection:
        return tuple(_to_draft(row) for row in connection.execute(query).mappings())


def insert_draft(store: Store, made: Draft, revising: bool = False) -> Draft | None:
    """Write a new draft; None where its id or its record's id is taken.

    ``revising`` a record gives its open draft instead, where there is one.
    """
    table = schema.drafts
    with store.writing() as connection:
        if revising:
            found = connection.execute(select(table).filter_by(record_id=made.record_id).where(
                table.c.status.in_(OPEN))).mappings().first()
            if found is not None:
                return _to_draft(found)
        if _is_taken(connection, made, revising):
            return None
        connection.execute(insert(table), asdict(made))
    return made


def _is_taken(connection: Connection, made: Draft, revising: bool) -> bool:
    """Say whether an id is or was somebody's: nobody may write into the place of a record."""
    used = (_key(made.side), schema.drafts.c.record_id, schema.cards.c.record_id,
            schema.audit.c.record_id)
    queries = [select(schema.drafts.c.draft_id).where(schema.drafts.c.draft_id == made.draft_id)]
    if not revising:
        queries += [select(column).where(column == made.record_id) for column in used]
    return any(connection.execute(query.limit(1)).first() for query in queries)


def change_draft(store: Store, changed: Draft, expected: int, *lines: AuditLine) -> bool:
    """Write a draft over its version ``expected``; of two who try only one does."""
    with store.writing() as connection:
        return _change(connection, changed, expected, lines)


def _change(connection: Connection, changed: Draft, expected: int,
            lines: Iterable[AuditLine]) -> bool:
    done = connection.execute(update(schema.drafts).filter_by(
        draft_id=changed.draft_id, version=expected).values(asdict(changed)))
    if done.rowcount:
        append(connection, *lines)
    return bool(done.rowcount)


def publish(store: Store, accepted: Draft, expected: int, record: Need | Offer,
            evidence: Iterable[Evidence], card: Card, line: AuditLine) -> bool:
    """Write record, evidence, card, draft and audit line in one transaction, or none of them.

    Evidence that the new draft no longer holds goes, and so do earlier drafts of the record.
    """
    with store.writing() as connection:
        if not _change(connection, accepted, expected, [line]):
            return False
        listed, table = tuple(evidence), schema.evidence
        put_records(connection, f"{card.side}s", [record])
        if card.side == "offer":
            connection.execute(delete(table).filter_by(offer_id=card.record_id).where(
                table.c.evidence_id.not_in([e.evidence_id for e in listed])))
            put_records(connection, "evidence", listed)
            touch(connection)
        _put_card(connection, card)
        connection.execute(delete(schema.drafts).filter_by(
            side=card.side, record_id=card.record_id, status="published").where(
            schema.drafts.c.draft_id != accepted.draft_id))
    return True


def take_down(store: Store, side: str, record_id: str, time: datetime, *lines: AuditLine) -> None:
    """Remove a published record at once, with what lists say of it, and end its consents."""
    with store.writing() as connection:
        remove_records(connection, {side: [record_id]})
        if side == "offer":
            touch(connection)
        _end_consents(connection, time, record_id=record_id)
        connection.execute(update(schema.drafts).filter_by(
            side=side, record_id=record_id, status="published").values(
            status="withdrawn", changed=time, version=schema.drafts.c.version + 1))
        append(connection, *lines)


# ---- cards -----------------------------------------------------------------------------------


def cards(store: Store, side: str, ids: Iterable[str] | None = None) -> dict[str, Card]:
    """Give the cards of a side by record id: all, or those of some records."""
    table, parties = schema.cards, schema.parties
    query = select(table, parties.c.name.label("organisation")).outerjoin(
        parties, parties.c.party_id == table.c.party_id).where(table.c.side == side)
    if ids is not None:
        query = query.where(table.c.record_id.in_(list(ids)))
    with store.reading() as connection:
        found = [Card(**aware(dict(row))) for row in connection.execute(query).mappings()]
    return {card.record_id: card for card in sorted(found, key=lambda card: card.record_id)}


def cards_of(store: Store, side: str, records: Iterable[Need | Offer]) -> dict[str, Card]:
    """Give the card of each record; one that came without a form has a bare one."""
    owners = {id_of(record): record.party_id for record in records}
    found = cards(store, side, owners)
    bare = {key: party for key, party in owners.items() if key not in found}
    parties = schema.parties.c
    query = select(parties.party_id, parties.name).where(
        parties.party_id.in_({party for party in bare.values() if party}))
    with store.reading() as connection:
        names = {row[0]: row[1] for row in connection.execute(query)} if bare else {}
    return {**found, **{key: Card(side, key, party, organisation=names.get(party))
                        for key, party in bare.items()}}


def card_of(store: Store, record: Need | Offer) -> Card:
    """Give the card of one record."""
    side = "need" if isinstance(record, Need) else "offer"
    return cards_of(store, side, [record])[id_of(record)]


def id_of(record: Need | Offer) -> str:
    """Give the id of a need or an offer."""
    return record.need_id if isinstance(record, Need) else record.offer_id


def records(store: Store, side: str, ids: Iterable[str]) -> dict[str, Need | Offer]:
    """Give some needs or offers by id; unknown ones are absent."""
    return _read(store, side, _key(side).in_(list(ids)))


def records_of(store: Store, side: str, account_id: str | None, party_id: str | None
               ) -> dict[str, Need | Offer]:
    """Give the needs or offers of an account's cards, and those of a party, by id."""
    carded = select(schema.cards.c.record_id).filter_by(side=side, account_id=account_id or "")
    return _read(store, side, or_(_key(side).in_(carded),
                                  TABLES[side].c.party_id == (party_id or "")))


def _key(side: str) -> Column[Any]:
    return next(iter(TABLES[side].primary_key.columns))


def _read(store: Store, side: str, where: ColumnElement[bool]) -> dict[str, Need | Offer]:
    noun: type[Any] = Need if side == "need" else Offer
    query = select(TABLES[side]).where(where).order_by(_key(side))
    with store.reading() as connection:
        found = [to_noun(noun, dict(row)) for row in connection.execute(query).mappings()]
    return {id_of(record): record for record in found}


def put_lifetime(store: Store, card: Card, valid_to: date, *lines: AuditLine) -> None:
    """Set how long a record is open, with its card, in one transaction."""
    table = TABLES[card.side]
    key = {_key(card.side).name: card.record_id}
    with store.writing() as connection:
        connection.execute(update(table).filter_by(**key).values(valid_to=valid_to))
        if card.side == "offer":
            touch(connection)
        _put_card(connection, card)
        append(connection, *lines)


def _put_card(connection: Connection, card: Card) -> None:
    connection.execute(delete(schema.cards).filter_by(side=card.side, record_id=card.record_id))
    row = asdict(card)
    del row["organisation"]
    connection.execute(insert(schema.cards), row)


# ---- consents --------------------------------------------------------------------------------


def consents(store: Store, *, standing: bool = True, **where: str) -> tuple[ConsentRow, ...]:
    """Give consents in order: of an account, record, purpose; ``standing`` ones only."""
    table = schema.consents
    query = select(table).filter_by(**where).order_by(table.c.number)
    if standing:
        query = query.where(table.c.withdrawn.is_(None))
    with store.reading() as connection:
        return tuple(_to_consent(row) for row in connection.execute(query).mappings())


def put_consents(store: Store, given: Iterable[ConsentRow], *lines: AuditLine) -> None:
    """Append consents; one that stands already is not written again."""
    with store.writing() as connection:
        for row in map(asdict, given):
            key = {name: row[name] for name in ("account_id", "record_id", "purpose", "version")}
            query = select(schema.consents.c.number).filter_by(**key, withdrawn=None)
            if connection.execute(query).first() is None:
                connection.execute(insert(schema.consents), row)
        append(connection, *lines)


def end_consents(store: Store, time: datetime, purposes: Iterable[str], record_id: str,
                 *lines: AuditLine) -> int:
    """Mark consents about a record or pair withdrawn; give how many stood."""
    with store.writing() as connection:
        ended = _end_consents(connection, time, record_id=record_id, purposes=purposes)
        if ended:
            append(connection, *lines)
    return ended


def _end_consents(connection: Connection, time: datetime, *, record_id: str,
                  purposes: Iterable[str] = ()) -> int:
    table = schema.consents
    pairs = (table.c.record_id.startswith(record_id + BETWEEN, autoescape=True),
             table.c.record_id.endswith(BETWEEN + record_id, autoescape=True))
    gone = update(table).where(table.c.withdrawn.is_(None))
    if purposes:
        gone = gone.where(table.c.record_id == record_id, table.c.purpose.in_(list(purposes)))
    else:
        gone = gone.where(or_(table.c.record_id == record_id, *pairs))
    return connection.execute(gone.values(withdrawn=time)).rowcount


def pairs(store: Store, *, need_ids: Iterable[str] = (), offer_ids: Iterable[str] = ()
          ) -> dict[Pair, frozenset[str]]:
    """Give the purposes agreed to for each pair of some needs or some offers."""
    column = schema.consents.c.record_id
    wanted = [column.startswith(i + BETWEEN, autoescape=True) for i in need_ids]
    wanted += [column.endswith(BETWEEN + i, autoescape=True) for i in offer_ids]
    found: dict[Pair, frozenset[str]] = {}
    query = select(column, schema.consents.c.purpose).where(
        schema.consents.c.withdrawn.is_(None), or_(false(), *wanted)).distinct()
    with store.reading() as connection:
        for key, purpose in connection.execute(query):
            need_id, _, offer_id = str(key).partition(BETWEEN)
            known = found.get((need_id, offer_id), frozenset())
            found[need_id, offer_id] = known | {purpose}
    return dict(sorted(found.items()))


def newest_list(store: Store, need_id: str) -> tuple[tuple[str, int, float], ...]:
    """Give (offer id, rank, score) of the list of a need that was shown last; empty for none.

    Where none was shown it is the stored one of the latest day.
    """
    lists, rows, shown = schema.match_lists, schema.matches, schema.outcomes
    last_shown = select(shown.c.run_id).where(
        shown.c.need_id == need_id, shown.c.stage == "shown", shown.c.run_id.is_not(None)
    ).order_by(shown.c.number.desc()).limit(1)
    last_made = select(lists.c.run_id).filter_by(need_id=need_id).order_by(
        lists.c.day.desc(), lists.c.run_id).limit(1)
    with store.reading() as connection:
        newest = connection.scalar(last_shown) or connection.scalar(last_made)
        query = select(rows.c.offer_id, rows.c.rank, rows.c.score).where(
            rows.c.need_id == need_id, rows.c.run_id == newest).order_by(rows.c.rank)
        return tuple((row[0], row[1], row[2]) for row in connection.execute(query))


def _to_draft(row: Any) -> Draft:
    return Draft(**aware({name: row[name] for name in Draft.__slots__}))


def _to_consent(row: Any) -> ConsentRow:
    return ConsentRow(**aware({name: row[name] for name in ConsentRow.__slots__}))
