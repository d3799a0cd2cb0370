"""Verbs of the office: what waits, accept or return; and new drafts of what is published."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from matcher.access import Viewer, demand, may_somewhere
from matcher.errors import InputError, UnknownRecordError
from matcher.profiles.cards import naming_problems, texts_of
from matcher.profiles.content import content_of, keep
from matcher.profiles.drafts import (
    DraftConflictError,
    checked,
    for_office,
    is_own,
    line_of,
    move,
    new_draft_id,
    reviews,
)
from matcher.profiles.form import CONTACT
from matcher.store import Store
from matcher.store import profiles as rows
from matcher.store.profiles import Card, Draft
from matcher.vocabulary import Message, Need, Offer

RETURN_REASONS: Mapping[str, Mapping[str, str]] = {
    "unclear": {"zh": "說明不清楚", "en": "Not clear enough"},
    "figures": {"zh": "缺少數據或規格", "en": "Figures or requirements missing"},
    "evidence": {"zh": "缺少依據", "en": "Evidence missing"},
    "several": {"zh": "一份只寫一個主題", "en": "One subject each, please"},
    "names": {"zh": "內容透露身分或聯絡方式", "en": "The text says who you are"},
    "duplicate": {"zh": "與既有檔案重複", "en": "Published already"},
    "centre": {"zh": "應送其他園區", "en": "For another centre"},
    "scope": {"zh": "不屬媒合範圍", "en": "Not for matching"},
}
LONGEST_REASON = 2000


@dataclass(frozen=True, slots=True)
class Review:
    """What the office decided: "accept" or "return", with codes of RETURN_REASONS and a text."""

    decision: str
    codes: tuple[str, ...] = ()
    text: str = ""


def drafts_to_review(store: Store, viewer: Viewer, centre: str | None = None) -> tuple[Draft, ...]:
    """Give the drafts that wait for the viewer's office (of one centre), the oldest first.

    Raises ``ForbiddenError`` for viewers who review nothing.
    """
    if not may_somewhere(viewer, "review-drafts"):
        demand(viewer, "review-drafts", centre=centre)
    waiting = rows.drafts(store, statuses=["submitted"], **({"centre": centre} if centre else {}))
    return tuple(for_office(d) for d in sorted(waiting, key=lambda d: (d.changed, d.draft_id))
                 if reviews(viewer, d))


def review(store: Store, viewer: Viewer, draft_id: str, decided: Review, version: int,
           time: datetime) -> Draft:
    """Accept a submitted draft, which publishes it, or return it with reasons.

    Raises ``InputError`` for a return without a reason, ``DraftConflictError`` where another
    version than the one seen waits, ``UnknownRecordError`` for drafts of other offices. A draft
    accepted already stays as it is.
    """
    found = rows.draft(store, draft_id)
    if found is None or not reviews(viewer, found):
        raise UnknownRecordError("draft", draft_id)
    _check_review(decided)
    if found.status == "published" and decided.decision == "accept":
        return found
    if found.status != "submitted" or found.version != version:
        raise DraftConflictError(for_office(found), {})
    if decided.decision == "accept":
        return _publish(store, viewer, found, time)
    reason = json.dumps({"codes": list(decided.codes), "text": decided.text.strip()},
                        ensure_ascii=False)
    return move(store, viewer, found, "returned", "return", time, reason=reason,
                 reviewer=viewer.account_id)


def _check_review(decided: Review) -> None:
    unknown = [code for code in decided.codes if code not in RETURN_REASONS]
    if decided.decision not in ("accept", "return") or unknown:
        raise InputError("A review is “accept”, or “return” with some of: {reasons}; found "
                         "“{found}”.", reasons=", ".join(RETURN_REASONS),
                         found=", ".join([decided.decision, *unknown]))
    if decided.decision == "return" and not decided.codes and not decided.text.strip():
        raise InputError("Say why it is returned: a reason or a text.")
    if len(decided.text) > LONGEST_REASON:
        raise InputError("A reason has up to {most} characters; this has {found}.",
                         most=LONGEST_REASON, found=len(decided.text))


def reasons_of(found: Draft) -> Review:
    """Give why a draft was returned; of others an acceptance without reasons."""
    if not found.reason:
        return Review("accept")
    said = json.loads(found.reason)
    return Review("return", tuple(said["codes"]), said["text"])


def _publish(store: Store, viewer: Viewer, found: Draft, time: datetime) -> Draft:
    """Write the record of an accepted draft in the place of what was published before."""
    filled = checked(store, found, time)
    accepted = replace(found, status="published", version=found.version + 1, changed=time,
                       reason="", reviewer=viewer.account_id)
    before = rows.cards(store, found.side, [found.record_id]).get(found.record_id)
    owner = before.account_id if before and before.account_id else found.account_id
    card = Card(found.side, found.record_id, found.party_id, owner,
                found.side == "need" and found.content.get("anonymous") == "yes",
                {key.removeprefix("contact_"): str(found.content[key]).strip() for key in CONTACT
                 if found.content.get(key)}, dict(found.content.get("visibility", {})), time)
    if filled.record is None or not rows.publish(
            store, accepted, found.version, filled.record, filled.evidence, card,
            line_of(viewer, found, accepted, "publish")):
        raise DraftConflictError(for_office(found), {})
    return accepted


def revise(store: Store, viewer: Viewer, side: str, record_id: str, time: datetime,
           draft_id: str | None = None) -> Draft:
    """Open a new draft of a published record, or give the one that is open already."""
    record = store.need(record_id) if side == "need" else store.offer(record_id)
    card = rows.card_of(store, record)
    if card.account_id is None or card.account_id != viewer.account_id:
        demand(viewer, f"edit-{side}", centre=record.centre, party_id=record.party_id, what=side,
               record_id=record_id)
    content = keep(_published_content(store, side, record, card))
    made = Draft(draft_id or new_draft_id(), side, record_id, viewer.account_id or "",
                 record.party_id, record.centre, "draft", content, 1, time, time)
    found = rows.insert_draft(store, made, revising=True)
    if found is None or not (is_own(viewer, found) or reviews(viewer, found)):
        raise UnknownRecordError("draft", made.draft_id)
    return found


def _published_content(store: Store, side: str, record: Need | Offer, card: Card
                       ) -> dict[str, Any]:
    """Give what was published as a form: the accepted draft's own fields, the record's days."""
    evidence = store.evidence(card.record_id) if side == "offer" else ()
    plain = content_of(record, evidence)
    accepted = rows.drafts(store, statuses=["published"], side=side, record_id=card.record_id)
    if not accepted:
        return plain
    fresh = ("valid_from", "valid_to", "evidence")
    return {**accepted[0].content, **{key: plain[key] for key in fresh if key in plain}}


def warnings(store: Store, found: Draft) -> tuple[Message, ...]:
    """Warn of what the text of an anonymous need says about whose it is."""
    if found.side != "need" or found.content.get("anonymous") != "yes":
        return ()
    party = store.parties().get(found.party_id or "")
    contact = {key: str(found.content.get(key) or "") for key in CONTACT}
    return naming_problems("\n".join(texts_of(found.content)), party, contact)
