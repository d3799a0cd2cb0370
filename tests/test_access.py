"""Who may do what, and accounts: a table of roles, passwords, links, locks."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from conftest import NOW, PARTIES, PASSWORD, account_in

from matcher import accounts
from matcher.access import ANONYMOUS, PERMISSIONS, ROLES, Viewer, demand, may
from matcher.errors import ForbiddenError, InputError, UnknownRecordError
from matcher.store import accounts as rows

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


@pytest.fixture
def people(store):
    store.put(parties=PARTIES)
    return store


def test_an_invited_person_chooses_a_password_and_signs_in(people):
    made = account_in(people, role="firm", party_id="P1")
    found = accounts.sign_in(people, " FIRM@Example.org ", PASSWORD, NOW)
    assert (found.account_id, found.role, found.party_id, found.last_seen) == (made.account_id, "firm", "P1", NOW)
    assert found.password.startswith("$argon2id$")


@pytest.mark.parametrize(("change", "words"), [
    ({"email": "nobody"}, "“nobody” is no e-mail address"), ({"email": "a@b.tw\nBcc: c@d.tw"}, "no e-mail address"),
    ({"role": "king"}, "no role “king”"), ({"role": "anonymous"}, "no role “anonymous”"),
    ({"role": "centre-admin", "centre": "XX"}, "needs a centre, found “XX”"),
    ({"role": "firm", "party_id": "P9"}, "needs a party of the store, found “P9”"),
    ({"email": "firm@example.org"}, "is an account of firm@example.org already"),
])
def test_an_invitation_that_cannot_be_made_says_why(people, change, words):
    account_in(people, role="firm", party_id="P1")
    asked = replace(accounts.Invitation("new@example.org", "system-admin"), **change)
    with pytest.raises(InputError) as refused:
        accounts.invite(people, asked, NOW)
    from matcher.languages import render
    assert words in render(refused.value.message, "en")


@pytest.mark.parametrize(("password", "words"), [
    ("short", "12 to 128 characters; this has 5"), ("x" * 129, "this has 129"), ("aaaaaaaaaaaaaaaa", "easy to guess"),
    ("password123456", "easy to guess"), ("firm-firm-firm-firm", "easy to guess"), ("qwertyqwerty12", "easy to guess"),
])
def test_a_weak_password_is_refused_and_the_link_still_works(people, password, words):
    secret = accounts.invite(people, accounts.Invitation("firm@example.org", "firm", None, "P1"), NOW)
    with pytest.raises(InputError, match=words):
        accounts.accept(people, secret, "firm", password, NOW)
    assert accounts.accept(people, secret, "firm", PASSWORD, NOW).email == "firm@example.org"


@pytest.mark.parametrize("password", ["中文密碼也可以很好記的", "a" * 3 + "long passphrase of words"])
def test_long_and_chinese_passwords_are_welcome(people, password):
    accounts.check_password(password.ljust(12, "吧"), "firm@example.org", "某人")


def test_links_work_once_and_not_after_their_time(people):
    invitation = accounts.Invitation("firm@example.org", "firm", None, "P1")
    secret = accounts.invite(people, invitation, NOW)
    with pytest.raises(InputError, match="used up or too old"):
        accounts.accept(people, secret, "firm", PASSWORD, NOW + timedelta(days=14))
    accounts.accept(people, secret, "firm", PASSWORD, NOW)
    for again in (secret, "no such secret", ""):
        with pytest.raises(InputError, match="used up or too old"):
            accounts.accept(people, again, "firm", PASSWORD, NOW)
    enter = accounts.entrance(people, NOW)
    assert accounts.enter(people, enter, NOW).role == "system-admin"
    with pytest.raises(InputError, match="used up or too old"):
        accounts.enter(people, enter, NOW)


def test_unknown_wrong_and_disabled_are_refused_in_the_same_words(people):
    made = account_in(people, role="reader", centre="CTSP")
    accounts.set_active(people, account_in(people, role="firm", party_id="P1").account_id, False)
    for email, password in (("x@example.org", PASSWORD), (made.email, "wrong wrong wrong"), ("firm@example.org", PASSWORD)):
        with pytest.raises(InputError, match=r"^E-mail or password is wrong\.$"):
            accounts.sign_in(people, email, password, NOW)


def test_five_failures_lock_an_account_for_a_quarter_of_an_hour(people):
    made = account_in(people, role="reader", centre="CTSP")
    for _ in range(5):
        with pytest.raises(InputError, match="is wrong"):
            accounts.sign_in(people, made.email, "wrong wrong wrong", NOW)
    with pytest.raises(InputError, match="Too many wrong passwords"):
        accounts.sign_in(people, made.email, PASSWORD, NOW + timedelta(minutes=14))
    assert accounts.sign_in(people, made.email, PASSWORD, NOW + timedelta(minutes=15)).failures == 0


def test_a_new_password_ends_all_sessions_and_the_old_one(people):
    made = account_in(people, role="reader", centre="CTSP")
    rows.put_session(people, rows.Session("hash", made.account_id, {}, NOW, NOW, NOW + timedelta(days=1)))
    secret = accounts.ask_reset(people, made.email, NOW)
    assert accounts.ask_reset(people, "nobody@example.org", NOW) is None
    accounts.reset(people, secret, "another good sentence", NOW)
    assert rows.sessions_of(people, made.account_id) == ()
    with pytest.raises(InputError, match="is wrong"):
        accounts.sign_in(people, made.email, PASSWORD, NOW)
    with pytest.raises(InputError, match="used up or too old"):
        accounts.reset(people, secret, "yet another sentence", NOW)
    with pytest.raises(InputError, match="present password is wrong"):
        accounts.change_password(people, made.account_id, "no", "yet another sentence")


def test_the_database_holds_no_secret(people, tmp_path):
    account_in(people, role="reader", centre="CTSP")
    secret = accounts.ask_reset(people, "reader@example.org", NOW)
    content = b"".join(f.read_bytes() for f in tmp_path.glob("matcher.db*"))
    assert secret.encode() not in content
    assert PASSWORD.encode() not in content
