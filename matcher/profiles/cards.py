"""What of a record a viewer may see: pure rules over a card, a record and a relation.

A relation says how near the viewer is: "owner" wrote it, "centre" is the office responsible,
"matched" has agreed with the owner as the owner has with them, "released" was allowed to read it
by the owner (a group, a firm's need; a firm, an offer on its list), "public" is anybody.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from matcher.access import Viewer
from matcher.profiles.form import AUDIENCES, CONTACT, FORM_FIELDS, NAMING, audience_of
from matcher.store.profiles import Card, id_of
from matcher.vocabulary import Message, Need, Offer, Party

RELATIONS = ("owner", "centre", "matched", "released", "public")
STAFF = ("centre-admin", "system-admin")
_ENDINGS = re.compile(r"(股份有限公司|有限公司|公司|企業社|工作室|（樣本）|\(sample\)"
                      r"|\b(co\.?|corp\.?|inc\.?|ltd\.?|llc|company|corporation|limited)(?=[\s,.]|$)"
                      r"|[\s,.()（）]+)", re.IGNORECASE)
_SIGNS = (
    # Begun at the start of a run only: from every letter of a long one it would take hours.
    ("an e-mail address", re.compile(r"(?<![\w.+-])[\w.+-]+@[\w-]+(\.[\w-]+)+")),
    ("a web address", re.compile(r"https?://[^\s，。]+|\bwww\.[\w.-]+\w", re.IGNORECASE)),
    ("a telephone number", re.compile(
        r"(?<![\d.])(\+886[- ]?|0)\d{1,3}[- ]?\d{3,4}[- ]?\d{3,4}(?!\d)")),
    ("a patent number", re.compile(
        r"\b(TW|US|EP|CN|JP|KR|WO)[- ]?[IMD]?\d[\d,/.]{4,12}\d([- ]?[A-Z]\d?)?\b"
        r"|(?<![A-Za-z0-9])[IMD]\d{6}(?!\d)|專利(證書)?(字|號|第)[^，。\s]{0,8}\d{5,}",
        re.IGNORECASE)),
)


def owns(viewer: Viewer, card: Card, record: Need | Offer) -> bool:
    """Say whether a record is the viewer's own: of its account, or of its firm or group."""
    party = record.party_id if viewer.role in ("firm", "researcher") else None
    return viewer.is_known and (viewer.account_id == card.account_id
                                or (party is not None and party == viewer.party_id))


def oversees(viewer: Viewer, record: Need | Offer) -> bool:
    """Say whether a viewer is of the office of a record's centre, or of all."""
    return viewer.is_known and (viewer.role == "system-admin" or (
        viewer.role == "centre-admin" and viewer.centre is not None
        and viewer.centre == record.centre))


def nearest(viewer: Viewer, card: Card, record: Need | Offer, relation: str) -> str:
    """Give the relation that holds: what is claimed but not the viewer's is not granted."""
    if relation not in RELATIONS or not viewer.is_known:
        return "public"
    if relation == "owner" and not owns(viewer, card, record):
        return "public"
    if relation == "centre" and not oversees(viewer, record):
        return "public"
    return relation


def shown_fields(card: Card, record: Need | Offer, viewer: Viewer, relation: str
                 ) -> dict[str, Any]:
    """Give the fields of a record, its contact and its organisation that a viewer may see.

    Who made it is shown to others when both sides agree, unless its owner opened a field to all;
    of an anonymous record never before. Empty fields are left out, days are ISO text.
    """
    held = nearest(viewer, card, record, relation)
    values = {field.key: getattr(record, field.key, None) for field in FORM_FIELDS}
    values |= {f"contact_{key}": text for key, text in card.contact.items()}
    values |= {"organisation": card.organisation, "party_id": record.party_id,
               "anonymous": "yes" if card.anonymous else None}
    shown = {key: _plain(value) for key, value in values.items()
             if value not in (None, "", ()) and _may_see(card, key, held)}
    return {"id": id_of(record), **shown} if shown else {}


def _may_see(card: Card, key: str, relation: str) -> bool:
    """Compare a field's audience with the viewer's relation; names have rules of their own."""
    audience = audience_of(key, card.visibility)
    if relation in ("owner", "centre", "matched"):
        order = tuple(AUDIENCES)
        return order.index(relation) <= order.index(audience)
    if key in NAMING and card.anonymous:
        return False
    if key in CONTACT or relation == "public":
        return audience == "public"
    return audience in ("matched", "public")


def _plain(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else (
        value.isoformat() if hasattr(value, "isoformat") else value)


def naming_problems(text: str, party: Party | None, contact: Mapping[str, str] | None = None
                    ) -> tuple[Message, ...]:
    """Warn of what in the text of an anonymous need says whose it is.

    Looked for: the firm's names (also without Co., Ltd. and the like), its tax id, its contact,
    and any e-mail, web address, telephone or patent number.
    """
    folded, found = _fold(text), []
    names = (party.name, party.name_en, party.tax_id, party.website) if party else ()
    for name in dict.fromkeys(filter(None, (*names, *(contact or {}).values()))):
        if len(_fold(name)) >= 2 and _fold(name) in folded:
            found.append(Message("“{name}” in the text says who you are", {"name": name}))
    for what, sign in _SIGNS:
        hit = sign.search(text)
        if hit:
            found.append(Message("“{found}” looks like {what}, which says who you are",
                                 {"found": hit[0].strip(), "what": Message(what)}))
    return tuple(found)


def _fold(text: str) -> str:
    return _ENDINGS.sub("", text).casefold()


def texts_of(content: Mapping[str, Any]) -> Iterable[str]:
    """Give the texts of a content that others may read."""
    return (str(content.get(f.key) or "") for f in FORM_FIELDS if f.input in ("text", "long")
            and f.key not in CONTACT)
