"""My data (個資法 § 3): view, copy, and delete all that is stored about an account."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict
from datetime import date, datetime
from typing import Any

from matcher.access import Viewer
from matcher.errors import ForbiddenError
from matcher.profiles.drafts import my_drafts
from matcher.profiles.pairs import RELEASE
from matcher.store import Store, erasure
from matcher.store import profiles as rows
from matcher.store.audit import AuditLine, audit_lines
from matcher.store.erasure import Person

FLAT = ("table", "record", "field", "value")


def _person(store: Store, viewer: Viewer) -> Person:
    found = erasure.person(store, viewer.account_id) if viewer.account_id else None
    if found is None:
        raise ForbiddenError("see-own")
    return found


def export_my_data(store: Store, viewer: Viewer) -> dict[str, Any]:
    """Give all that is stored about the viewer as plain values, table by table.

    Nothing of others is in it: needs that were not released to the viewer's offers, colleagues'
    notes and names are left out, and so are all running numbers. Raises ``ForbiddenError`` for
    nobody's account.
    """
    who = _person(store, viewer)
    about = erasure.rows_about(store, who)
    known = {pair for pair, given in rows.pairs(store, offer_ids=who.offers).items()
             if RELEASE in given}
    records = {"need": who.needs, "offer": who.offers}
    found: dict[str, Any] = {
        **about,
        "drafts": [_without(asdict(d), "reviewer") for d in my_drafts(store, viewer)],
        "needs": [asdict(store.need(i)) for i in who.needs],
        "offers": [asdict(store.offer(i)) for i in who.offers],
        "evidence": [asdict(e) for i in who.offers for e in store.evidence(i)],
        "cards": [asdict(card) for side, ids in records.items()
                  for card in rows.cards(store, side, ids).values()],
        "consents": [asdict(c) for c in rows.consents(store, standing=False,
                                                      account_id=who.account_id)],
        "decisions": [d for d in about["decisions"] if d["need_id"] in who.needs
                      or (d["need_id"], d["offer_id"]) in known],
        "audit": [_line(line, who) for line in _lines(store, who)],
    }
    return {table: [_plain(row) for row in listed] for table, listed in found.items()}


def _lines(store: Store, who: Person) -> Iterable[AuditLine]:
    about = [("need", i) for i in who.needs] + [("offer", i) for i in who.offers]
    return audit_lines(store, who.account_id, [*about, ("account", who.account_id)])


def _line(line: AuditLine, who: Person) -> dict[str, Any]:
    """Give a line of the audit; of other people's acts only that there was one."""
    if line.who == who.account_id:
        return asdict(line)
    return {"time": line.time, "act": line.act, "what": line.what, "record_id": line.record_id}


def _without(row: dict[str, Any], key: str) -> dict[str, Any]:
    return {name: value for name, value in row.items() if name != key}


def _plain(value: Any) -> Any:
    """Make a value fit for JSON: tuples to lists, times and days to ISO text."""
    if isinstance(value, Mapping):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    return value.isoformat() if isinstance(value, (date, datetime)) else value


def flat_rows(exported: Mapping[str, Any]) -> list[dict[str, str]]:
    """Give an export as rows for CSV: table, record (counted from 1), field, value."""
    return [{"table": table, "record": str(number), "field": field, "value": text}
            for table, listed in exported.items() for number, row in enumerate(listed, start=1)
            for field, text in _leaves("", row)]


def _leaves(name: str, value: Any) -> Iterable[tuple[str, str]]:
    """Give every text and number inside a value with its dotted name."""
    items: Iterable[tuple[Any, Any]]
    if isinstance(value, Mapping):
        items = value.items()
    elif isinstance(value, list):
        items = enumerate(value, start=1)
    else:
        if value not in (None, ""):
            yield name, str(value)
        return
    for key, item in items:
        yield from _leaves(f"{name}.{key}".lstrip("."), item)


def delete_my_data(store: Store, viewer: Viewer, time: datetime) -> bool:
    """Delete the viewer's account and all that is its own, at once and for good.

    Needs, offers, evidence, drafts, cards, consents, vectors of texts nobody else has, sessions,
    links and mail go; lists, outcomes, judgements and the audit keep ids and numbers only. The
    party goes where it has no other account. Gives whether the file was rewritten without it;
    False: another program was reading, and ``erasure.compact`` is to be called again. A process
    that keeps vectors in memory forgets them when it is started again.
    """
    return erasure.erase(store, _person(store, viewer).account_id, lambda who: [
        AuditLine(time, who.account_id, "erase", what, record_id) for what, record_id in
        [("account", who.account_id), *(("need", i) for i in who.needs),
         *(("offer", i) for i in who.offers)]])
