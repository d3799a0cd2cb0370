"""Who may do what: one table from verbs to roles; what it does not allow is forbidden.

Pure: no request, no store. A scope says where a role may do a verb: for its own party, in its own
centre, or everywhere. Records that may not be seen are unknown, so that nobody learns from a
refusal that they exist.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from matcher.errors import ForbiddenError, UnknownRecordError

ROLES: Mapping[str, Mapping[str, str]] = {
    "anonymous": {"zh": "訪客", "en": "Visitor"},
    "firm": {"zh": "企業", "en": "Firm"},
    "researcher": {"zh": "研究團隊", "en": "Research group"},
    "centre-admin": {"zh": "園區管理者", "en": "Centre administrator"},
    "reader": {"zh": "月報讀者", "en": "Report reader"},
    "system-admin": {"zh": "系統管理者", "en": "System administrator"},
}
OWN, CENTRE, ALL = "own", "centre", "all"
_STAFF = {"centre-admin": CENTRE, "system-admin": ALL}

# Verb → role → scope. A need is for its own firm and its centre's office; profiles are for the
# offices of all centres, because lists reach beyond their own.
PERMISSIONS: Mapping[str, Mapping[str, str]] = {
    "anybody": dict.fromkeys(ROLES, ALL),
    "signed-in": dict.fromkeys([role for role in ROLES if role != "anonymous"], ALL),
    "see-centre": _STAFF,
    "see-need": {**_STAFF, "firm": OWN},
    "see-offer": {"centre-admin": ALL, "system-admin": ALL, "researcher": OWN},
    "request-list": {"centre-admin": ALL, "system-admin": ALL},
    "judge": _STAFF,
    "record-outcome": _STAFF,
    "export": _STAFF,
    "edit-need": {**_STAFF, "firm": OWN},
    "edit-offer": {**_STAFF, "researcher": OWN, "firm": OWN},
    "see-own": {"firm": OWN, "researcher": OWN},
    "review-drafts": _STAFF,
    "see-report": {**_STAFF, "reader": CENTRE},
    "manage-accounts": _STAFF,
    "configure": {"system-admin": ALL},
}


@dataclass(frozen=True, slots=True)
class Viewer:
    """Who asks: an account with its role, or nobody in particular."""

    account_id: str | None = None
    role: str = "anonymous"
    party_id: str | None = None
    centre: str | None = None
    name: str = ""
    lang: str | None = None

    @property
    def is_known(self) -> bool:
        """Say whether somebody is signed in."""
        return self.account_id is not None


ANONYMOUS = Viewer()


def may(viewer: Viewer, verb: str, *, centre: str | None = None, party_id: str | None = None
        ) -> bool:
    """Say whether a viewer may do a verb to a record of a centre and a party.

    A role kept to its own has to have one: nobody's centre is no one's.
    """
    scope = PERMISSIONS[verb].get(viewer.role)
    if scope == CENTRE:
        return viewer.centre is not None and viewer.centre == centre
    if scope == OWN:
        return viewer.party_id is not None and viewer.party_id == party_id
    return scope == ALL


def may_somewhere(viewer: Viewer, verb: str) -> bool:
    """Say whether a viewer may do a verb to anything at all."""
    return may(viewer, verb, centre=viewer.centre, party_id=viewer.party_id)


def demand(viewer: Viewer, verb: str, *, centre: str | None = None, party_id: str | None = None,
           what: str | None = None, record_id: str = "") -> None:
    """Refuse what a viewer may not do.

    Raises ``UnknownRecordError`` about the record named by ``what`` (e.g. "need") and its id,
    as if it did not exist, and ``ForbiddenError`` where no record is named.
    """
    if may(viewer, verb, centre=centre, party_id=party_id):
        return
    if what is not None:
        raise UnknownRecordError(what, record_id)
    raise ForbiddenError(verb)
