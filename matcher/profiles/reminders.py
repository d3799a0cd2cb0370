"""Mails before a record ends: to the account that owns it, 30 and 7 days ahead, once each."""

from __future__ import annotations

from datetime import date, datetime
from urllib.parse import quote

from matcher.mail import queue
from matcher.profiles.lifetimes import Own, expiring
from matcher.store import Store
from matcher.store.accounts import account
from matcher.store.profiles import id_of
from matcher.vocabulary import Message

AHEAD_DAYS = (30, 7)


def remind(store: Store, address: str, lang: str, day: date, time: datetime) -> int:
    """Queue the reminders that are due; give how many are new.

    ``address`` is that of the page; ``lang`` for who chose none. A mail is due from its day on, so
    that a day on which nobody asked loses none; of two that are due only the later is sent. After
    a renewal there is a new last day, and with it new reminders.
    """
    return sum(_remind(store, own, address, lang, day, time)
               for own in expiring(store, day, max(AHEAD_DAYS)))


def _remind(store: Store, own: Own, address: str, lang: str, day: date, time: datetime) -> bool:
    owner, end = account(store, account_id=own.card.account_id), own.record.valid_to
    if owner is None or not owner.active or end is None:
        return False
    ahead = min(days for days in AHEAD_DAYS if (end - day).days <= days)
    record_id = id_of(own.record)
    fields = {"title": own.record.title or record_id, "day": end.isoformat(),
              "address": f"{address}/mine#own-{quote(record_id)}"}
    body = (Message("“{title}” ends on {day} and is then in no list any more. Renew it here: "
                    "{address}", fields) if own.may_renew else
            Message("“{title}” ends on {day} and is then in no list any more. It was renewed "
                    "before: look it through here and submit it again: {address}", fields))
    return queue(store, f"end:{own.side}:{record_id}:{end}:{ahead}", owner.email,
                 Message("Your record ends soon"), body, owner.lang or lang, time)
