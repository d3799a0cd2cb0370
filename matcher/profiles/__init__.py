"""Profiles and needs from draft to publication, who sees what of them, and the rights of § 3.

``form`` is the table of fields; ``content`` checks what was filled in; ``drafts`` and ``reviews``
are the way to publication; ``consents`` the texts agreed to; ``cards`` says what a viewer may see;
``lifetimes`` renews and ends; ``pairs`` releases, agrees, declines; ``mine`` exports and deletes.
"""

from __future__ import annotations

from matcher.profiles.cards import naming_problems, shown_fields
from matcher.profiles.consents import CONSENTS, POINTS, consent_text, has_consent
from matcher.profiles.content import fill, problems, read_form, with_works
from matcher.profiles.drafts import (
    STATES,
    DraftConflictError,
    give_consent,
    my_drafts,
    new_draft_id,
    put_aside,
    save_draft,
    show_draft,
    submit,
    withdraw,
)
from matcher.profiles.form import (
    AUDIENCES,
    FORM_FIELDS,
    REACH_NAMES,
    SIDES,
    FormField,
    form_fields,
    label_of,
)
from matcher.profiles.lifetimes import (
    close,
    expiring,
    my_records,
    renew,
    state_of,
    withdraw_consent,
)
from matcher.profiles.mine import FLAT, delete_my_data, export_my_data, flat_rows
from matcher.profiles.pairs import (
    ALL_MATCHED,
    PAIR_STATES,
    MyMatch,
    agree,
    decline,
    disagree,
    my_matches,
    placeless_offers,
    relation_of,
    release,
    show_record,
    shown_offers,
    take_back,
)
from matcher.profiles.reminders import remind
from matcher.profiles.reviews import (
    RETURN_REASONS,
    Review,
    drafts_to_review,
    reasons_of,
    review,
    revise,
    warnings,
)

__all__ = [
    "ALL_MATCHED", "AUDIENCES", "CONSENTS", "FLAT", "FORM_FIELDS", "PAIR_STATES", "POINTS",
    "REACH_NAMES", "RETURN_REASONS", "SIDES", "STATES", "DraftConflictError", "FormField",
    "MyMatch", "Review",
    "agree", "close", "consent_text", "decline", "delete_my_data", "disagree", "drafts_to_review",
    "expiring",
    "export_my_data", "fill", "flat_rows", "form_fields", "give_consent", "has_consent",
    "label_of",
    "my_drafts", "my_matches", "my_records", "naming_problems", "new_draft_id",
    "placeless_offers", "problems",
    "put_aside",
    "read_form", "reasons_of", "relation_of", "release", "remind", "renew", "review", "revise",
    "save_draft", "show_draft", "show_record", "shown_fields", "shown_offers", "state_of", "submit",
    "take_back", "warnings", "with_works", "withdraw", "withdraw_consent",
]
