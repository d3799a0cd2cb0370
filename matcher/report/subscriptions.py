"""Verbs of subscriptions: who gets a centre's report in which form, and who is alerted.

Only accounts that may see the centre's report can subscribe, and a mail goes only to those that
still may when it is made.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from matcher.access import Viewer, demand, may
from matcher.accounts import viewer_of
from matcher.errors import InputError, UnknownRecordError
from matcher.languages import INTERFACE_LANGUAGES
from matcher.reference import centres
from matcher.report.files import format_of
from matcher.report.sections import SECTIONS, check_sections
from matcher.store import Store
from matcher.store.accounts import Account, accounts
from matcher.store.subscriptions import (
    Subscription,
    drop_subscription,
    put_subscription,
    subscriptions,
)
from matcher.vocabulary import Need

OFFICE = frozenset({"centre-admin", "system-admin"})
# Sections of which nothing is left for report readers.
OFFICE_SECTIONS = frozenset({"matches", "without_offer"})


@dataclass(frozen=True, slots=True)
class Wish:
    """What somebody wants to get; see ``Subscription``."""

    centre: str
    lang: str = "zh"
    format: str = "pdf"
    sections: tuple[str, ...] = ()
    need_id: str | None = None
    threshold: float | None = None


def subscribe(store: Store, viewer: Viewer, wish: Wish, now: datetime) -> int:
    """Subscribe to a report or to alerts; a wish of the same kind is replaced.

    Raises ``ForbiddenError`` where the viewer may not see the centre's report, and
    ``InputError`` for an unknown format, language or section, a section that holds nothing for the
    viewer's role, a threshold outside 0…1, or a need without one.
    """
    demand(viewer, "see-report", centre=wish.centre)
    _check(wish)
    _check_role(viewer, wish)
    if wish.threshold is not None:
        _check_alert(store, viewer, wish)
    return put_subscription(store, {
        "account_id": viewer.account_id, "centre": wish.centre, "lang": wish.lang,
        "format": wish.format, "sections": wish.sections, "need_id": wish.need_id,
        "threshold": wish.threshold, "created": now})


def _check(wish: Wish) -> None:
    if wish.centre not in centres():
        raise UnknownRecordError("centre", wish.centre)
    format_of(wish.format)
    check_sections(wish.sections)
    if wish.lang not in INTERFACE_LANGUAGES:
        raise InputError("Reports are not written in “{found}”; known: {known}.", found=wish.lang,
                         known=", ".join(INTERFACE_LANGUAGES))
    if wish.threshold is not None and not 0 <= wish.threshold <= 1:
        raise InputError("A threshold is a score from 0 to 1; found {found}.",
                         found=wish.threshold)


    if wish.need_id is not None and wish.threshold is None:
        raise InputError("Only alerts can be of one need: give the score from which they are "
                         "wanted too (--alert 0.8).")


def _check_role(viewer: Viewer, wish: Wish) -> None:
    known = sections_for(viewer.role)
    if closed := [key for key in wish.sections if key not in known]:
        raise InputError("The sections {found} are for the office alone; others: {known}.",
                         found=", ".join(closed), known=", ".join(known))


def sections_for(role: str) -> tuple[str, ...]:
    """Name the sections that hold something for a role, in the order of the report."""
    return tuple(key for key in SECTIONS if role in OFFICE or key not in OFFICE_SECTIONS)


def _check_alert(store: Store, viewer: Viewer, wish: Wish) -> None:
    """Alerts name needs: they are for the office, about needs of the centre."""
    demand(viewer, "request-list", centre=wish.centre)
    if wish.need_id is not None and store.need(wish.need_id).centre != wish.centre:
        raise UnknownRecordError("need", wish.need_id)


def unsubscribe(store: Store, viewer: Viewer, number: int) -> None:
    """Remove one's own subscription; raise ``UnknownRecordError`` where there is none."""
    if not viewer.account_id or not drop_subscription(store, number, viewer.account_id):
        raise UnknownRecordError("subscription", str(number))


def own_subscriptions(store: Store, viewer: Viewer) -> tuple[Subscription, ...]:
    """Give the viewer's own subscriptions."""
    return subscriptions(store, account_id=viewer.account_id) if viewer.account_id else ()


def recipients(store: Store, centre: str) -> list[tuple[Subscription, Account]]:
    """Give who is to get a centre's report now: active accounts that still may see it."""
    people = {account.account_id: account for account in accounts(store)}
    found = [(s, people[s.account_id]) for s in subscriptions(store, centre=centre)
             if s.account_id in people]
    return [(s, account) for s, account in found
            if account.active and may(viewer_of(account), "see-report", centre=centre)]


def is_office(who: Account | Viewer) -> bool:
    """Say whether somebody may see what is for the office only."""
    return who.role in OFFICE


def wanted_needs(found: Sequence[Subscription], needs: Sequence[Need]) -> list[str]:
    """Name the needs that some alerts ask about."""
    named = {s.need_id for s in found if s.is_alert}
    return [n.need_id for n in needs if None in named or n.need_id in named]
