"""Verbs of drafts: save, submit, take back.

    draft ⇄ submitted → returned (with reasons) | published → withdrawn

"expired" is a published record whose last day has passed (see lifetimes). A published record is
changed by a new draft of it; the old one stands until the new one is accepted. Versions count
changes: who saves over a version they did not see gets both texts back, and nothing is lost.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from matcher.access import Viewer, demand, may
from matcher.errors import InputError, UnknownRecordError
from matcher.profiles.consents import has_consent, note_consent
from matcher.profiles.content import Content, Filled, fill, keep
from matcher.profiles.form import AUDIENCES, CONTACT, SIDES, audience_of, label_of
from matcher.reference import centre_code
from matcher.store import Store
from matcher.store import profiles as rows
from matcher.store.audit import AuditLine
from matcher.store.profiles import Draft
from matcher.vocabulary import Message, together
from matcher.workflow import TAIPEI

STATES: Mapping[str, Mapping[str, str]] = {
    "draft": {"zh": "草稿", "en": "Draft"}, "submitted": {"zh": "審查中", "en": "In review"},
    "returned": {"zh": "退回修改", "en": "Returned"},
    "published": {"zh": "已刊登", "en": "Published"},
    "expired": {"zh": "已到期", "en": "Expired"}, "withdrawn": {"zh": "已撤下", "en": "Withdrawn"},
}
EDITABLE = ("draft", "returned", "withdrawn")
_DRAFT_ID = re.compile(r"[0-9a-f]{16,40}")
PREFIX = {"need": "N-", "offer": "O-"}


class DraftConflictError(InputError):
    """Somebody saved in between: ``stored`` is theirs, ``yours`` what was to be saved."""

    def __init__(self, stored: Draft, yours: Content) -> None:
        self.stored, self.yours = stored, yours
        super().__init__("This draft was changed in between (version {version}). Both texts are "
                         "kept: compare them and save again.", version=stored.version)

    @property
    def fields(self) -> tuple[str, ...]:
        """Name the fields in which the two differ."""
        keys = dict.fromkeys([*self.stored.content, *self.yours])
        return tuple(k for k in keys if self.stored.content.get(k) != self.yours.get(k))


def new_draft_id() -> str:
    """Name a draft before it is first saved, so that a form sent twice makes one draft."""
    return secrets.token_hex(8)


def save_draft(store: Store, viewer: Viewer, draft_id: str | None, content: Content, version: int,
               time: datetime, *, side: str | None = None) -> Draft:
    """Store a form as far as it is filled in; a new draft has version 0 and needs its ``side``.

    Raises ``DraftConflictError`` where ``version`` is not the newest, ``InputError`` for content
    that is no form or a draft that is in review or published, ``UnknownRecordError`` for one that
    is not the viewer's. The same content sent twice is saved once.
    """
    kept = keep(content)
    found = rows.draft(store, draft_id) if draft_id else None
    if found is None:
        return _start(store, viewer, draft_id or new_draft_id(), kept, version, time, side)
    _demand_own(viewer, found)
    if found.version != version:
        if dict(found.content) == kept and found.version == version + 1:
            return found
        raise DraftConflictError(found, kept)
    if found.status not in EDITABLE:
        raise InputError("This is {state}; take it back, or change it in a new draft.",
                         state=STATES[found.status])
    changed = replace(found, content=kept, version=version + 1, changed=time,
                      centre=_centre(kept, found.centre),
                      status="draft" if found.status == "withdrawn" else found.status)
    if not rows.change_draft(store, changed, version):
        raise DraftConflictError(rows.draft(store, found.draft_id) or found, kept)
    return changed


def _start(store: Store, viewer: Viewer, draft_id: str, content: dict[str, Any], version: int,
           time: datetime, side: str | None) -> Draft:
    if version != 0 or side is None or side not in SIDES or not _DRAFT_ID.fullmatch(draft_id):
        raise UnknownRecordError("draft", draft_id)
    demand(viewer, f"edit-{side}", centre=viewer.centre, party_id=viewer.party_id)
    made = Draft(draft_id, side, PREFIX[side] + draft_id, viewer.account_id or "",
                 viewer.party_id, _centre(content, viewer.centre), "draft", content, 1, time, time)
    if rows.insert_draft(store, made) is None:
        found = rows.draft(store, draft_id)  # perhaps the same form, sent twice in one moment
        if found is None or not is_own(viewer, found):
            raise UnknownRecordError("draft", draft_id)
        if dict(found.content) != content:
            raise DraftConflictError(found, content)
        return found
    return made


def _centre(content: Content, usual: str | None) -> str | None:
    """Give the centre whose office reviews: as the form says."""
    found = content.get("centre")
    return centre_code(found) if isinstance(found, str) and found else usual


def is_own(viewer: Viewer, found: Draft) -> bool:
    """Say whether a draft is of the viewer's account, firm or group."""
    colleague = viewer.role in ("firm", "researcher") and viewer.party_id is not None
    return viewer.is_known and (viewer.account_id == found.account_id
                                or (colleague and viewer.party_id == found.party_id))


def _demand_own(viewer: Viewer, found: Draft) -> None:
    if not is_own(viewer, found):
        raise UnknownRecordError("draft", found.draft_id)


def reviews(viewer: Viewer, found: Draft) -> bool:
    """Say whether a draft is before the viewer's office: what is not sent in is its writer's."""
    return found.status in ("submitted", "published") and may(viewer, "review-drafts",
                                                              centre=found.centre)


def show_draft(store: Store, viewer: Viewer, draft_id: str) -> Draft:
    """Give a draft to its writer, or to the office that reviews it, as far as it may see it.

    Raises ``UnknownRecordError`` for all others.
    """
    found = rows.draft(store, draft_id)
    if found is None or not (is_own(viewer, found) or reviews(viewer, found)):
        raise UnknownRecordError("draft", draft_id)
    return found if is_own(viewer, found) else for_office(found)


def for_office(found: Draft) -> Draft:
    """Give a draft without the contact data that its writer keeps to themselves."""
    chosen = found.content.get("visibility", {})
    private = {key for key in CONTACT if audience_of(key, chosen) == next(iter(AUDIENCES))}
    return replace(found, content={k: v for k, v in found.content.items() if k not in private})


def my_drafts(store: Store, viewer: Viewer) -> tuple[Draft, ...]:
    """Give the drafts of the viewer's account, firm or group, the latest change first."""
    own = [d for d in rows.drafts(store, account_id=viewer.account_id, party_id=viewer.party_id)
           if is_own(viewer, d)] if viewer.is_known else []
    return tuple(sorted(own, key=lambda d: (d.changed, d.draft_id), reverse=True))


def give_consent(store: Store, viewer: Viewer, draft_id: str, version: str, time: datetime,
                 lang: str, address: str | None = None) -> None:
    """Agree to the publication of an own draft; ``version`` is of the text that was shown.

    Raises ``InputError`` where there is a newer text, ``UnknownRecordError`` for others' drafts.
    """
    note_consent(store, viewer, _own_draft(store, viewer, draft_id), version, time, lang, address)


def submit(store: Store, viewer: Viewer, draft_id: str, version: int, time: datetime) -> Draft:
    """Hand a draft in for review; one handed in already stays as it is.

    Raises ``InputError`` naming every problem of the content, and where the consent is missing;
    ``DraftConflictError`` where another version was seen.
    """
    found = _own_draft(store, viewer, draft_id)
    if found.status == "submitted":
        return found
    if found.status == "published":
        raise InputError("This is {state}; take it back, or change it in a new draft.",
                         state=STATES[found.status])
    if found.version != version:
        raise DraftConflictError(found, found.content)
    checked(store, found, time)
    return move(store, viewer, found, "submitted", "submit", time)


def _own_draft(store: Store, viewer: Viewer, draft_id: str) -> Draft:
    found = rows.draft(store, draft_id)
    if found is None or not is_own(viewer, found):
        raise UnknownRecordError("draft", draft_id)
    return found


def checked(store: Store, found: Draft, time: datetime) -> Filled:
    """Make the record of a draft; raise ``InputError`` with every problem and a missing consent."""
    filled = fill(found.side, found.content, found.record_id, found.party_id,
                  time.astimezone(TAIPEI).date())
    wrong = [Message("{field}: {wanted}", {"field": label_of(p.column), "wanted": p.wanted})
             for p in filled.problems if p.fatal]
    if not has_consent(store, found.record_id):
        wrong.append(Message("the consent to publication is missing"))
    if wrong:
        raise InputError("The form cannot be published yet: {problems}",
                         problems=together(wrong))
    return filled


def move(store: Store, viewer: Viewer, found: Draft, status: str, act: str, time: datetime,
          **changes: Any) -> Draft:
    """Give a draft another state, with a line in the audit."""
    moved = replace(found, status=status, version=found.version + 1, changed=time, **changes)
    if not rows.change_draft(store, moved, found.version, line_of(viewer, found, moved, act)):
        raise DraftConflictError(rows.draft(store, found.draft_id) or found, found.content)
    return moved


def line_of(viewer: Viewer, found: Draft, moved: Draft, act: str) -> AuditLine:
    """Tell the audit of a draft that went from one state to another."""
    return AuditLine(moved.changed, viewer.account_id or "", act, found.side, found.record_id,
                     {"status": found.status, "draft": found.draft_id},
                     {"status": moved.status, "draft": found.draft_id, "version": moved.version})


def withdraw(store: Store, viewer: Viewer, draft_id: str, time: datetime) -> Draft:
    """Take a draft out of review, a published record out of all lists, or put a draft aside.

    What was published goes at once: record, evidence, card, vectors, what lists say of it.
    """
    found = _own_draft(store, viewer, draft_id)
    if found.status == "published":
        take_down(store, viewer, found.side, found.record_id, "withdraw", time)
        return rows.draft(store, draft_id) or found
    return put_aside(store, viewer, draft_id, time)


def put_aside(store: Store, viewer: Viewer, draft_id: str, time: datetime) -> Draft:
    """Take a draft out of review, or put it aside.

    Raises ``InputError`` for one that was published, also if that was only just.
    """
    found = _own_draft(store, viewer, draft_id)
    if found.status == "withdrawn":
        return found
    if found.status == "published":
        raise InputError("This is published; change it from My records.")
    status = "draft" if found.status == "submitted" else "withdrawn"
    return move(store, viewer, found, status, "take-back", time)


def take_down(store: Store, viewer: Viewer, side: str, record_id: str, act: str, time: datetime
              ) -> None:
    """Remove a published record, with the vectors of texts that nobody else has."""
    rows.take_down(store, side, record_id, time,
                   AuditLine(time, viewer.account_id or "", act, side, record_id))
