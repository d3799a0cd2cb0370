"""Who may do what: a table of roles and verbs."""

from __future__ import annotations

from dataclasses import replace

import pytest

from matcher.access import ANONYMOUS, PERMISSIONS, ROLES, Viewer, demand, may, may_somewhere
from matcher.errors import ForbiddenError, UnknownRecordError

FIRM = Viewer("f", "firm", party_id="P1")
GROUP = Viewer("g", "researcher", party_id="P2")
ADMIN = Viewer("a", "centre-admin", centre="CTSP")
READER = Viewer("r", "reader", centre="CTSP")
ROOT = Viewer("s", "system-admin")
HERE, THERE = {"centre": "CTSP", "party_id": "P1"}, {"centre": "PABP", "party_id": "P3"}


@pytest.mark.parametrize(("verb", "here", "there"), [
    ("see-need", {"firm", "centre-admin", "system-admin"}, {"system-admin"}),
    ("see-offer", {"centre-admin", "system-admin"}, {"centre-admin", "system-admin"}),
    ("judge", {"centre-admin", "system-admin"}, {"system-admin"}),
    ("see-centre", {"centre-admin", "system-admin"}, {"system-admin"}),
    ("see-report", {"centre-admin", "reader", "system-admin"}, {"system-admin"}),
    ("edit-need", {"firm", "centre-admin", "system-admin"}, {"system-admin"}),
    ("manage-accounts", {"centre-admin", "system-admin"}, {"system-admin"}),
    ("configure", {"system-admin"}, {"system-admin"}),
])
def test_each_role_does_a_verb_where_it_may_and_nowhere_else(verb, here, there):
    viewers = (ANONYMOUS, FIRM, GROUP, ADMIN, READER, ROOT)
    assert {v.role for v in viewers if may(v, verb, **HERE)} == here
    assert {v.role for v in viewers if may(v, verb, **THERE)} == there


def test_a_role_without_party_or_centre_has_none_of_them():
    for viewer in (replace(FIRM, party_id=None), replace(ADMIN, centre=None)):
        assert not any(may(viewer, verb) for verb in ("see-need", "judge", "see-own", "see-report"))


def test_what_the_table_does_not_allow_is_forbidden_and_a_record_unknown():
    assert all(role in ROLES for roles in PERMISSIONS.values() for role in roles)
    with pytest.raises(UnknownRecordError, match="no need with the id “N1”"):
        demand(GROUP, "see-need", centre="CTSP", party_id="P1", what="need", record_id="N1")
    with pytest.raises(ForbiddenError, match="Your account may not do that"):
        demand(GROUP, "judge", centre="CTSP")


def test_a_visitor_may_do_nothing_that_is_not_for_anybody_and_a_reader_nothing_but_read_reports():
    open_to = {role: {verb for verb in PERMISSIONS if may_somewhere(viewer, verb)}
               for role, viewer in (("anonymous", ANONYMOUS), ("reader", READER))}
    assert open_to == {"anonymous": {"anybody"}, "reader": {"anybody", "signed-in", "see-report"}}
