"""How long a record is open: expiring soon, renewed once, closed; and its withdrawal."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta

from matcher.access import Viewer, demand
from matcher.errors import InputError, UnknownRecordError
from matcher.profiles.cards import owns
from matcher.profiles.content import LONGEST_DAYS
from matcher.profiles.drafts import my_drafts, take_down, withdraw
from matcher.profiles.form import SIDES
from matcher.store import Store
from matcher.store import profiles as rows
from matcher.store.audit import AuditLine
from matcher.store.profiles import Card, Draft, id_of
from matcher.vocabulary import Need, Offer

NOTICE_DAYS = 14


@dataclass(frozen=True, slots=True)
class Own:
    """A record of the viewer's with its card and state (published, expired)."""

    side: str
    record: Need | Offer
    card: Card
    state: str
    may_renew: bool


def state_of(found: Draft, record: Need | Offer | None, day: date) -> str:
    """Give a draft's state on a day: a published one whose last day has passed is expired."""
    ended = record is not None and record.valid_to is not None and record.valid_to < day
    return "expired" if found.status == "published" and ended else found.status


def expiring(store: Store, day: date, within: int = NOTICE_DAYS) -> tuple[Own, ...]:
    """Give every record of an account that ends within some days, the earliest first."""
    last = day + timedelta(days=within)
    sides: Mapping[str, Iterable[Need | Offer]] = {"need": store.needs(), "offer": store.offers()}
    found = [own for side, records in sides.items() for own in _owned(store, side, [
        r for r in records if r.valid_to is not None and day <= r.valid_to <= last], day)
        if own.card.account_id is not None]
    return tuple(sorted(found, key=lambda own: (own.record.valid_to or day, id_of(own.record))))


def my_records(store: Store, viewer: Viewer, day: date) -> tuple[Own, ...]:
    """Give the records of the viewer's account, firm or group by side and id."""
    return tuple(own for side in SIDES for own in _owned(store, side, own_records(
        store, viewer, side).values(), day))


def own_records(store: Store, viewer: Viewer, side: str) -> dict[str, Need | Offer]:
    """Give the needs or offers of the viewer's account, firm or group by id."""
    party = viewer.party_id if viewer.role in ("firm", "researcher") else None
    return rows.records_of(store, side, viewer.account_id, party) if viewer.is_known else {}


def _owned(store: Store, side: str, records: Iterable[Need | Offer], day: date) -> list[Own]:
    listed = list(records)
    cards = rows.cards_of(store, side, listed)
    return [Own(side, record, cards[id_of(record)],
                "expired" if record.valid_to is not None and record.valid_to < day else
                "published", cards[id_of(record)].renewed is None) for record in listed]


def renew(store: Store, viewer: Viewer, side: str, record_id: str, day: date, time: datetime
          ) -> date:
    """Open a record for another year, once; give its new last day.

    Raises ``InputError`` where it was renewed before: then it is looked through again in a new
    draft. ``UnknownRecordError`` for records that are not the viewer's.
    """
    record, card = _own(store, viewer, side, record_id)
    if card.renewed is not None:
        raise InputError("This was renewed before; look it through in a new draft and submit it "
                         "again.")
    end = day + timedelta(days=LONGEST_DAYS)
    rows.put_lifetime(store, replace(card, renewed=time), end,
                      _line(viewer, "renew", card, record, end, time))
    return end


def close(store: Store, viewer: Viewer, side: str, record_id: str, day: date, time: datetime
          ) -> None:
    """End a record: from this day on it is matched no more; what became of it stays."""
    record, card = _own(store, viewer, side, record_id)
    end = day - timedelta(days=1)
    if record.valid_to is None or record.valid_to > end:
        rows.put_lifetime(store, card, end, _line(viewer, "close", card, record, end, time))


def _own(store: Store, viewer: Viewer, side: str, record_id: str) -> tuple[Need | Offer, Card]:
    record = store.need(record_id) if side == "need" else store.offer(record_id)
    card = rows.card_of(store, record)
    if not owns(viewer, card, record):
        demand(viewer, f"edit-{side}", centre=record.centre, party_id=record.party_id, what=side,
               record_id=record_id)
    return record, card


def _line(viewer: Viewer, act: str, card: Card, record: Need | Offer, end: date, time: datetime
          ) -> AuditLine:
    before = record.valid_to and record.valid_to.isoformat()
    return AuditLine(time, viewer.account_id or "", act, card.side, card.record_id,
                     {"valid_to": before}, {"valid_to": end.isoformat()})


def withdraw_consent(store: Store, viewer: Viewer, side: str, record_id: str, time: datetime
                     ) -> None:
    """Take the consent to a publication back: a record leaves all lists at once, a draft review.

    Raises ``UnknownRecordError`` for records that are not the viewer's.
    """
    own = [d for d in my_drafts(store, viewer) if (d.side, d.record_id) == (side, record_id)]
    published = record_id in own_records(store, viewer, side)
    if not own and not published:
        raise UnknownRecordError(side, record_id)
    for draft in own:
        if draft.status == "submitted":
            withdraw(store, viewer, draft.draft_id, time)
    if published:
        take_down(store, viewer, side, record_id, "withdraw-consent", time)
    else:
        rows.end_consents(store, time, ["publish"], record_id, AuditLine(
            time, viewer.account_id or "", "withdraw-consent", side, record_id))
