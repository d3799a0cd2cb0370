"""A firm's need and somebody's offer: released by the firm, agreed to by both, or declined.

A group learns that a need exists when the firm releases it to one of the group's offers, not
before. Names and contact are shown when both sides agree. Each yes is a consent of that pair with
its text's version, and can be taken back.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from matcher.access import Viewer, demand, may
from matcher.errors import InputError, UnknownRecordError
from matcher.profiles.cards import oversees, owns, shown_fields
from matcher.profiles.consents import row_of
from matcher.profiles.form import audience_of
from matcher.profiles.lifetimes import own_records
from matcher.store import Store
from matcher.store import profiles as rows
from matcher.store.audit import AuditLine
from matcher.store.decisions import latest_decisions, put_decisions
from matcher.store.profiles import BETWEEN, LONGEST_PAIR, Card, Pair, consents, id_of
from matcher.vocabulary import REASONS, Need, Offer, Outcome
from matcher.workflow import last_run

RELEASE, NEED_AGREES, OFFER_AGREES = "release", "agree-need", "agree-offer"
ALL_MATCHED = "all-matched"
PAIR_STATES: Mapping[str, Mapping[str, str]] = {
    "listed": {"zh": "建議", "en": "Suggested"},
    "released": {"zh": "已開放給對方", "en": "Released"},
    "waiting": {"zh": "等待對方", "en": "Waiting for them"},
    "asked": {"zh": "等待您回覆", "en": "Waiting for you"},
    "matched": {"zh": "雙方同意", "en": "Both agree"},
    "declined": {"zh": "婉拒", "en": "Declined"},
}


@dataclass(frozen=True, slots=True)
class MyMatch:
    """A match as one side sees it: the other side's ``shown`` fields, and where it stands.

    ``side``, need or offer, is the viewer's. ``rank`` and ``score`` are given to the need's side
    only, None to the offer's, as they would tell of others, and where the newest list has it not.
    """

    need_id: str
    offer_id: str
    shown: Mapping[str, Any]
    state: str
    side: str
    rank: int | None = None
    score: float | None = None


def pair_key(need_id: str, offer_id: str) -> str:
    """Name a pair as consents do; raise ``InputError`` where the ids are too long for it."""
    key = f"{need_id}{BETWEEN}{offer_id}"
    if len(key) > LONGEST_PAIR:
        raise InputError("The ids {need} and {offer} are too long: together {most} characters at "
                         "most.", need=need_id, offer=offer_id, most=LONGEST_PAIR - 1)
    return key


def release(store: Store, viewer: Viewer, need_id: str, offers: str | Iterable[str],
            time: datetime, address: str | None = None) -> int:
    """Let the groups behind offers of the need's list see it: the firm's yes.

    ``offers`` is an id, ids, or "all-matched" for the whole newest list. Gives how many were
    named. Raises ``UnknownRecordError`` for a need that is not the firm's and an offer that is
    not on its list.
    """
    need = _own_need(store, viewer, need_id)
    listed = [offer_id for offer_id, _, _ in rows.newest_list(store, need.need_id)]
    named = listed if offers == ALL_MATCHED else (
        [offers] if isinstance(offers, str) else list(dict.fromkeys(offers)))
    for offer_id in named:
        if offer_id not in listed:
            raise UnknownRecordError("offer", offer_id)
    rows.put_consents(store, [row_of(viewer, pair_key(need_id, offer_id), RELEASE, "release", time,
                                     address) for offer_id in named],
                      *(_line(viewer, "release", need_id, offer_id, time) for offer_id in named))
    return len(named)


def _own_need(store: Store, viewer: Viewer, need_id: str) -> Need:
    """Give a need of the viewer's firm; only the firm itself says yes."""
    need = store.need(need_id)
    if not owns(viewer, rows.card_of(store, need), need):
        raise UnknownRecordError("need", need_id)
    return need


def _line(viewer: Viewer, act: str, need_id: str, offer_id: str, time: datetime) -> AuditLine:
    return AuditLine(time, viewer.account_id or "", act, "need", need_id, None,
                     {"offer": offer_id})


def agree(store: Store, viewer: Viewer, need_id: str, offer_id: str, time: datetime,
          address: str | None = None) -> str:
    """Say yes to a released pair for the viewer's side; give its state: waiting or matched.

    Raises ``UnknownRecordError`` where the viewer is of neither side, or the need was not released
    to this offer.
    """
    purpose = _side_of(store, viewer, need_id, offer_id)
    rows.put_consents(store, [row_of(viewer, pair_key(need_id, offer_id), purpose, "agree", time,
                                     address)], _line(viewer, "agree", need_id, offer_id, time))
    given = rows.pairs(store, need_ids=[need_id]).get((need_id, offer_id), frozenset())
    return _state(given, purpose)


def _side_of(store: Store, viewer: Viewer, need_id: str, offer_id: str) -> str:
    """Say for which side of a released pair a viewer speaks."""
    try:
        need, offer = store.need(need_id), store.offer(offer_id)
    except UnknownRecordError:
        raise UnknownRecordError("match", f"{need_id}/{offer_id}") from None
    given = rows.pairs(store, need_ids=[need_id]).get((need_id, offer_id), frozenset())
    if RELEASE in given:
        if owns(viewer, rows.card_of(store, need), need):
            return NEED_AGREES
        if owns(viewer, rows.card_of(store, offer), offer):
            return OFFER_AGREES
    raise UnknownRecordError("match", f"{need_id}/{offer_id}")


def _state(given: frozenset[str], mine: str, declined: bool = False) -> str:
    """Say where a pair stands, seen from one side; a yes outweighs an earlier no."""
    theirs = OFFER_AGREES if mine == NEED_AGREES else NEED_AGREES
    if RELEASE in given and mine in given:
        return "matched" if theirs in given else "waiting"
    if declined:
        return "declined"
    return "listed" if RELEASE not in given else "asked" if theirs in given else "released"


def _declined(store: Store, need_ids: Iterable[str]) -> dict[Pair, datetime]:
    """Give the pairs of some needs that were declined, by whichever side, and when."""
    return {(d.need_id, d.offer_id): d.time for d in
            latest_decisions(store, need_ids=tuple(need_ids)) if d.stage == "declined"}


def _answered(store: Store, pair: Pair, state: str, declined: Mapping[Pair, datetime]) -> str:
    """Say "declined" of a pair that waits for the other side's yes where a no came since."""
    if state != "waiting" or pair not in declined:
        return state
    yes = consents(store, record_id=pair_key(*pair), purpose=NEED_AGREES)
    return "declined" if all(row.time < declined[pair] for row in yes) else state


def decline(store: Store, viewer: Viewer, need_id: str, offer_id: str, reason: str,
            time: datetime) -> None:
    """Say no to a pair, with a reason of REASONS; the own yes ends, a firm's release too.

    Raises ``InputError`` for an unknown reason, ``UnknownRecordError`` as :func:`agree`.
    """
    _side_of(store, viewer, need_id, offer_id)
    if reason not in REASONS:
        raise InputError("Say why it is declined: {reasons}", reasons=", ".join(REASONS))
    put_decisions(store, [Outcome(need_id, offer_id, "declined", time, viewer.account_id or "",
                                  reason, last_run(store, need_id, offer_id))])
    take_back(store, viewer, need_id, offer_id, time)


def take_back(store: Store, viewer: Viewer, need_id: str, offer_id: str, time: datetime) -> None:
    """Take the viewer's side's yes back; a firm's release, too. Contact is hidden again."""
    mine = _side_of(store, viewer, need_id, offer_id)
    _end(store, viewer, need_id, offer_id, time,
         [NEED_AGREES, RELEASE] if mine == NEED_AGREES else [mine])


def disagree(store: Store, viewer: Viewer, need_id: str, offer_id: str, time: datetime) -> None:
    """Take only what :func:`agree` said back; a firm's release stays as it was."""
    _end(store, viewer, need_id, offer_id, time, [_side_of(store, viewer, need_id, offer_id)])


def _end(store: Store, viewer: Viewer, need_id: str, offer_id: str, time: datetime,
         purposes: list[str]) -> None:
    rows.end_consents(store, time, purposes, pair_key(need_id, offer_id),
                      _line(viewer, "take-back", need_id, offer_id, time))


def my_matches(store: Store, viewer: Viewer, day: date) -> tuple[MyMatch, ...]:
    """Give a firm the lists of its needs, and a group the needs released to its offers.

    Both see of the other side what its card shows them; what has ended is left out.
    """
    demand(viewer, "see-own", party_id=viewer.party_id)
    return (*_lists_of_needs(store, viewer, day), *_released_needs(store, viewer, day))


def _lists_of_needs(store: Store, viewer: Viewer, day: date) -> Iterable[MyMatch]:
    lists: dict[str, tuple[tuple[str, int | None, float | None], ...]] = {
        need_id: rows.newest_list(store, need_id) for need_id in own_records(store, viewer, "need")}
    given, declined = rows.pairs(store, need_ids=lists), _declined(store, lists)
    for (need_id, offer_id), said in given.items():  # a release outlives its list
        if RELEASE in said and offer_id not in {row[0] for row in lists[need_id]}:
            lists[need_id] = (*lists[need_id], (offer_id, None, None))
    offers = _open(store, "offer", {row[0] for listed in lists.values() for row in listed}, day)
    cards = rows.cards_of(store, "offer", offers.values())
    for need_id, listed in lists.items():
        for offer_id, rank, score in listed:
            pair = (need_id, offer_id)
            state = _state(given.get(pair, frozenset()), NEED_AGREES, pair in declined)
            if offer_id in offers:
                state = _answered(store, pair, state, declined)
                shown = _shown(cards[offer_id], offers[offer_id], viewer, state)
                yield MyMatch(need_id, offer_id, shown, state, "need", rank, score)


def _released_needs(store: Store, viewer: Viewer, day: date) -> Iterable[MyMatch]:
    pairs = {pair: given for pair, given in rows.pairs(store, offer_ids=own_records(
        store, viewer, "offer")).items() if RELEASE in given}
    needs = _open(store, "need", {need_id for need_id, _ in pairs}, day)
    cards, declined = rows.cards_of(store, "need", needs.values()), _declined(store, needs)
    for (need_id, offer_id), given in pairs.items():
        state = _state(given, OFFER_AGREES, (need_id, offer_id) in declined)
        if need_id in needs:
            yield MyMatch(need_id, offer_id, _shown(cards[need_id], needs[need_id], viewer, state),
                          state, "offer")


def _open(store: Store, side: str, ids: Iterable[str], day: date) -> dict[str, Need | Offer]:
    """Give those of some records that have not ended."""
    return {key: record for key, record in rows.records(store, side, ids).items()
            if record.valid_to is None or day <= record.valid_to}


def _shown(card: Card, record: Need | Offer, viewer: Viewer, state: str) -> dict[str, Any]:
    return shown_fields(card, record, viewer, "matched" if state == "matched" else "released")


def shown_offers(store: Store, viewer: Viewer, offers: Iterable[Offer]
                 ) -> dict[str, dict[str, Any]]:
    """Give what a viewer may see of offers that a list of theirs names, by id.

    To be named by a list of one's own is to be as near as a released pair, also before the list
    was stored.
    """
    listed = list(offers)
    cards = rows.cards_of(store, "offer", listed)
    near = {o.offer_id: relation_of(store, viewer, o) for o in listed}
    return {o.offer_id: shown_fields(cards[o.offer_id], o, viewer, "released" if near[
        o.offer_id] == "public" else near[o.offer_id]) for o in listed}


def placeless_offers(store: Store, viewer: Viewer, offers: Iterable[Offer]) -> frozenset[str]:
    """Name those of some offers, named by a list of the viewer's, that keep their county back."""
    cards = rows.cards(store, "offer")
    closed = [o for o in offers if o.county and o.offer_id in cards and audience_of(
        "county", cards[o.offer_id].visibility) in ("owner", "centre")]
    shown = shown_offers(store, viewer, closed)
    return frozenset(key for key, fields in shown.items() if "county" not in fields)


def relation_of(store: Store, viewer: Viewer, record: Need | Offer) -> str:
    """Say how near a viewer is to a record: owner, centre, matched, released or public."""
    side, key = "need" if isinstance(record, Need) else "offer", id_of(record)
    if owns(viewer, rows.card_of(store, record), record):
        return "owner"
    if oversees(viewer, record):
        return "centre"
    if side == "offer" and may(viewer, "see-offer", party_id=record.party_id):
        return "released"
    if not may(viewer, "see-own", party_id=viewer.party_id):
        return "public"
    with_it = [m.state for m in my_matches(store, viewer, date.min)
               if key == (m.need_id if side == "need" else m.offer_id)]
    return "matched" if "matched" in with_it else "released" if with_it else "public"


def show_record(store: Store, viewer: Viewer, side: str, record_id: str) -> dict[str, Any]:
    """Give what a viewer may see of a record.

    Raises ``UnknownRecordError`` where that is nothing, as if there were no such record.
    """
    record = store.need(record_id) if side == "need" else store.offer(record_id)
    card = rows.card_of(store, record)
    shown = shown_fields(card, record, viewer, relation_of(store, viewer, record))
    if not shown:
        raise UnknownRecordError(side, record_id)
    return shown
