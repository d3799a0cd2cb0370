"""Accounts: invitations, passwords, links, locks; and what happens at the same moment."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from dataclasses import replace
from datetime import timedelta

import pytest
from argon2 import PasswordHasher
from conftest import NOW, PARTIES, PASSWORD, account_in
from sqlalchemy import event

from matcher import accounts, mail
from matcher.access import Viewer
from matcher.errors import InputError, UnknownRecordError
from matcher.languages import render
from matcher.passwords import check_password, fits, hashed, nobody
from matcher.store import accounts as rows
from matcher.store import outbox
from matcher.vocabulary import Message


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    """Make hashing cheap, but where the real one is looked at."""
    monkeypatch.setattr("matcher.passwords._hasher", lambda: PasswordHasher(1, 8, 1))
    nobody.cache_clear()
    yield
    nobody.cache_clear()


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
    ({"email": "a@b,c@d.tw"}, "no e-mail address"), ({"email": "a@[.tw"}, "no e-mail address"),
    ({"role": "reader", "centre": None}, "needs a centre, found “”"), ({"name": "x" * 101}, "up to 100 characters; this has 101"),
])
def test_an_invitation_that_cannot_be_made_says_why(people, change, words):
    account_in(people, role="firm", party_id="P1")
    asked = replace(accounts.Invitation("new@example.org", "system-admin"), **change)
    with pytest.raises(InputError) as refused:
        accounts.invite(people, asked, NOW)
    assert words in render(refused.value.message, "en")


@pytest.mark.parametrize("password", [
    "123456789012", "qwertyuiop12", "1qaz2wsx3edc", "administrator", "1q2w3e4r5t6y", "abcdefghijkl", "p@ssw0rd1234", "q1w2e3r4t5y6",
    "zaq12wsxcde3", "changeme1234", "lkjhgfdsa987", "passwordpassword", "Password123456", "aaaaaaaaaaaaaaaa", "qwertyqwerty12",
    "ｐａｓｓｗｏｒｄ１２３４", "密碼密碼密碼密碼123456", "mei-lin.chen is here", "herons of 王小明 fly", "chen chen chen", "example.org1",
])
def test_a_password_that_is_guessed_first_or_is_ones_own_name_is_refused(password):
    with pytest.raises(InputError, match="easy to guess"):
        check_password(password, "mei-lin.chen@example.org", "王小明")


@pytest.mark.parametrize(("length", "found"), [(11, 11), (129, 129), (0, 0), (200_000, 200_000)])
def test_a_password_has_twelve_to_a_hundred_and_twenty_eight_characters(length, found):
    with pytest.raises(InputError, match=f"12 to 128 characters; this has {found}"):
        check_password("x" * length, "a@example.org", "A")


@pytest.mark.parametrize("password", [PASSWORD, "中文詞句也可以很好記的呀", "a" * 3 + "long passphrase of words", "x7#kQ2!vLm9$",
                                      "tea, 1234 cups and a password", "w" * 60 + "xyzab" * 13])
def test_long_chinese_and_random_passwords_are_welcome(password):
    check_password(password, "mei-lin.chen@example.org", "王小明")


def test_a_password_is_kept_as_argon2id_with_the_librarys_parameters_and_hashed_anew_when_they_change(people, monkeypatch):
    monkeypatch.setattr("matcher.passwords._hasher", PasswordHasher)
    made = account_in(people, role="reader", centre="CTSP")
    assert made.password.startswith("$argon2id$v=19$m=65536,t=3,p=4$")
    monkeypatch.setattr("matcher.passwords._hasher", lambda: PasswordHasher(1, 8, 1))
    again = accounts.sign_in(people, made.email, PASSWORD, NOW)
    assert again.password.startswith("$argon2id$v=19$m=8,t=1,p=1$")
    assert accounts.sign_in(people, made.email, PASSWORD, NOW).password == again.password


def test_a_password_is_the_same_from_every_keyboard():
    assert fits(hashed("ｔｅａ cups é 茶"), "tea cups é 茶")
    assert not fits("no hash", PASSWORD)
    assert not fits(hashed(PASSWORD), "\ud800" * 12)


def test_a_weak_password_is_refused_and_the_link_still_works(people):
    secret = accounts.invite(people, accounts.Invitation("firm@example.org", "firm", None, "P1"), NOW)
    with pytest.raises(InputError, match="12 to 128"):
        accounts.accept(people, secret, "firm", "short", NOW)
    assert accounts.accept(people, secret, "  Firm \n One ", PASSWORD, NOW).name == "Firm One"


def test_a_newer_invitation_takes_the_place_of_an_older_and_of_two_accounts_there_is_one(people):
    asked = accounts.Invitation("firm@example.org", "firm", None, "P1")
    old, new = accounts.invite(people, asked, NOW), accounts.invite(people, replace(asked, role="researcher"), NOW)
    with pytest.raises(InputError, match="used up or too old"):
        accounts.invited(people, old, NOW)
    assert accounts.accept(people, new, "A", PASSWORD, NOW).role == "researcher"
    twin = rows.Account("twin", "firm@example.org", "Twin", "firm", NOW, "P1")
    assert not rows.add_account(people, twin)
    assert [a.name for a in accounts.listed(people)] == ["A"]


def test_an_invited_firm_belongs_to_the_centre_of_its_party_and_a_system_administrator_to_none(people):
    assert account_in(people, role="firm", party_id="P3").centre == "PABP"
    assert account_in(people, role="system-admin", centre="CTSP").centre is None
    assert account_in(people, role="reader", centre="CTSP", party_id="P3").party_id is None


CTSP = Viewer("a", "centre-admin", centre="CTSP")


@pytest.mark.parametrize(("viewer", "seen", "withdrawn"), [
    (None, ["ctsp", "pabp", "root"], {"ctsp", "pabp", "root"}), (Viewer("s", "system-admin"), ["ctsp", "pabp", "root"], {"ctsp", "pabp", "root"}),
    (CTSP, ["ctsp"], {"ctsp"}), (Viewer("r", "reader", centre="CTSP"), [], set()),
])
def test_an_invitation_is_withdrawn_by_who_manages_its_centre(people, viewer, seen, withdrawn):
    asked = {"ctsp": ("reader", "CTSP"), "pabp": ("reader", "PABP"), "root": ("system-admin", None)}
    made = {name: accounts.invite(people, accounts.Invitation(f"{name}@example.org", *place), NOW) for name, place in asked.items()}
    for name, secret in made.items():
        mail.queue(people, accounts.mail_key("invite", secret), f"{name}@example.org", Message("Your invitation"), Message("Your invitation"), "zh", NOW)
    assert [t.email.split("@")[0] for t in accounts.invitations(people, viewer, NOW)] == seen
    for name, secret in made.items():
        with nullcontext() if name in withdrawn else pytest.raises(UnknownRecordError, match="no invitation with the id"):
            accounts.withdraw(people, viewer, f" {name}@Example.org", NOW)
        with pytest.raises(InputError, match="used up or too old") if name in withdrawn else nullcontext():
            accounts.invited(people, secret, NOW)
    assert {m.recipient.split("@")[0] for m in outbox.mails(people)} == set(asked) - withdrawn
    assert accounts.invitations(people, None, NOW + timedelta(days=15)) == ()


@pytest.mark.parametrize(("asked", "words"), [
    (("firm", "CTSP", "P3"), "needs a party of the store, found “P3”"), (("researcher", "PABP", "P3"), "found “P3”"),
    (("system-admin", None, None), "only a system administrator invites another"), (("reader", "PABP", None), None), (("firm", None, "P1"), None),
])
def test_an_administrator_invites_to_the_own_centre_and_for_its_parties(people, asked, words):
    invitation = accounts.Invitation("new@example.org", *asked)
    if words is None:
        made = accounts.accept(people, accounts.invite(people, invitation, NOW, CTSP), "N", PASSWORD, NOW)
        assert made.centre == "CTSP"
        return
    with pytest.raises(InputError) as refused:
        accounts.invite(people, invitation, NOW, CTSP)
    assert words in render(refused.value.message, "en")


def test_an_administrator_manages_the_own_centre_and_nobody_above(people):
    for role, centre in (("centre-admin", "CTSP"), ("reader", "PABP"), ("system-admin", None)):
        account_in(people, role=role, centre=centre)
    rows.add_account(people, rows.Account("x", "x@example.org", "X", "system-admin", NOW, None, "CTSP"))
    people_of = {viewer: [a.role for a in accounts.managed(people, viewer)]
                 for viewer in (CTSP, replace(CTSP, role="reader"), replace(CTSP, centre=None), replace(CTSP, role="system-admin"))}
    assert list(people_of.values()) == [["centre-admin"], [], [], ["centre-admin", "reader", "system-admin", "system-admin"]]
    assert {p.party_id for p in accounts.parties_for(people, CTSP)} == {"P1", "P2"}


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


def wrong(people, email, password="wrong wrong wrong", now=NOW):
    """Give the words of a refused sign-in."""
    with pytest.raises(InputError) as refused:
        accounts.sign_in(people, email, password, now)
    return str(refused.value)


def test_unknown_wrong_disabled_and_resting_are_refused_in_the_same_words(people):
    made = account_in(people, role="reader", centre="CTSP")
    accounts.set_active(people, account_in(people, role="firm", party_id="P1").account_id, False)
    said = {wrong(people, "x@example.org"), wrong(people, ""), wrong(people, "firm@example.org", PASSWORD)}
    said |= {wrong(people, made.email) for _ in range(5)} | {wrong(people, made.email, PASSWORD)}
    assert said == {"E-mail or password is wrong. After five wrong tries an account rests for a quarter of an hour."}


def test_five_failures_lock_an_account_for_a_quarter_of_an_hour(people):
    made = account_in(people, role="reader", centre="CTSP")
    for _ in range(4):
        wrong(people, made.email)
    assert accounts.sign_in(people, made.email, PASSWORD, NOW).failures == 0
    for _ in range(5):
        wrong(people, made.email)
    for password in ("wrong wrong wrong",) * 5 + (PASSWORD,):  # which does not make it longer
        wrong(people, made.email, password, NOW + timedelta(minutes=14, seconds=59))
    assert accounts.sign_in(people, made.email, PASSWORD, NOW + timedelta(minutes=15)).failures == 0


def test_guesses_at_the_same_moment_are_all_counted(people):
    made = account_in(people, role="reader", centre="CTSP")
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda _: rows.count_failure(people, made.account_id, 100, NOW), range(20)))
    assert accounts.by_email(people, made.email).failures == 20


def during_the_hash(monkeypatch, act):
    """Let something happen while a password is compared, which takes its time."""
    def slow(kept, password):
        act()
        return fits(kept, password)

    monkeypatch.setattr("matcher.accounts.fits", slow)


def test_a_slow_sign_in_neither_enables_an_account_nor_brings_an_old_password_back(people, monkeypatch):
    made = account_in(people, role="reader", centre="CTSP")
    new = hashed("another good sentence")
    during_the_hash(monkeypatch, lambda: rows.set_password(people, made, new))
    wrong(people, made.email, PASSWORD)
    assert accounts.by_email(people, made.email).password == new
    during_the_hash(monkeypatch, lambda: accounts.set_active(people, made.account_id, False))
    wrong(people, made.email, "another good sentence")
    assert not accounts.by_email(people, made.email).active
    accounts.set_active(people, made.account_id, True)
    during_the_hash(monkeypatch, lambda: rows.count_failure(people, made.account_id, 1, NOW + timedelta(minutes=15)))
    wrong(people, made.email, "another good sentence")


@pytest.mark.parametrize(("change", "left"), [
    ({"active": False}, ["invite:1"]), ({"role": "firm"}, ["invite:1"]), ({"centre": "STSP"}, ["invite:1"]),
    ({"name": "Lin", "lang": "en"}, ["invite:1", "report/2026-12-CTSP/1/a", "alert/a/1"]), ({"active": True}, ["invite:1", "report/2026-12-CTSP/1/a", "alert/a/1"]),
])
def test_with_the_right_go_the_reports_and_alerts_that_wait_to_be_mailed(people, change, left):
    made, other = account_in(people, role="centre-admin", centre="CTSP"), account_in(people, role="reader", centre="CTSP")
    for key in ("invite:1", "report/2026-12-CTSP/1/a", "alert/a/1"):
        mail.queue(people, key, made.email, Message("Your invitation"), Message("Your invitation"), "zh", NOW)
    mail.queue(people, "report/2026-12-CTSP/1/b", other.email, Message("Your invitation"), Message("Your invitation"), "zh", NOW)
    if "active" in change:
        accounts.set_active(people, made.account_id, change["active"])
    else:
        rows.change_account(people, made.account_id, **change)
    assert [m.key for m in outbox.mails(people)] == [*left, "report/2026-12-CTSP/1/b"]


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


def test_guessing_the_present_password_locks_as_signing_in_does(people):
    made = account_in(people, role="reader", centre="CTSP")
    for _ in range(5):
        with pytest.raises(InputError, match="present password is wrong"):
            accounts.change_password(people, made.account_id, "no", "yet another sentence", NOW)
    with pytest.raises(InputError, match="rests for a quarter of an hour"):
        accounts.change_password(people, made.account_id, PASSWORD, "yet another sentence", NOW)
    later = NOW + timedelta(minutes=15)
    accounts.change_password(people, made.account_id, PASSWORD, "yet another sentence", later)
    assert accounts.sign_in(people, made.email, "yet another sentence", later).name == "reader"


def test_reset_mails_are_five_minutes_apart_and_a_new_link_ends_the_old(people):
    made = account_in(people, role="reader", centre="CTSP")
    first = accounts.ask_reset(people, made.email, NOW)
    assert accounts.ask_reset(people, made.email, NOW + timedelta(minutes=4)) is None
    second = accounts.ask_reset(people, f" {made.email.upper()} ", NOW + timedelta(minutes=5))
    with pytest.raises(InputError, match="used up or too old"):
        accounts.reset(people, first, "another good sentence", NOW + timedelta(minutes=5))
    with pytest.raises(InputError, match="used up or too old"):
        accounts.reset(people, second, "another good sentence", NOW + timedelta(minutes=65))


def test_of_those_who_ask_for_a_reset_at_the_same_moment_one_gets_a_link(people):
    made = account_in(people, role="reader", centre="CTSP")
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda _: accounts.ask_reset(people, made.email, NOW), range(16)))
    assert len([secret for secret in found if secret]) == 1


def writings(store, act):
    """Count the transactions of an act that wrote a row: each waits for the disk, which a stranger can time."""
    wrote, count = [], 0

    def note(connection, cursor, statement, *rest):
        if not statement.startswith("SELECT") and cursor.rowcount > 0:
            wrote.append(statement)

    def end(connection):
        nonlocal count
        count += bool(wrote)
        wrote.clear()

    listeners = (("after_cursor_execute", note), ("commit", end))
    for name, call in listeners:
        event.listen(store._engine, name, call)
    act()
    for name, call in listeners:
        event.remove(store._engine, name, call)
    return count


def test_as_much_is_written_for_an_unknown_account_as_for_a_known_one(people):
    made = account_in(people, role="reader", centre="CTSP")
    emails = (made.email, "nobody@example.org")
    assert [writings(people, lambda e=e: wrong(people, e)) for e in emails] == [1, 1]
    assert [writings(people, lambda e=e: accounts.ask_reset(people, e, NOW)) for e in (*emails, made.email)] == [1, 1, 1]
    assert writings(people, lambda: accounts.send_nothing(people)) == writings(people, lambda: mail.queue(
        people, "reset:1", made.email, Message("Set a new password"), Message("Set a new password"), "zh", NOW)) == 1


def test_the_person_at_the_machine_gets_a_reset_link_of_a_known_and_active_account_only(people):
    made = account_in(people, role="reader", centre="CTSP")
    accounts.reset(people, accounts.reset_link(people, made.email, NOW), "another good sentence", NOW)
    with pytest.raises(UnknownRecordError, match="no account with the id “no@"):
        accounts.reset_link(people, "no@example.org", NOW)
    accounts.set_active(people, made.account_id, False)
    with pytest.raises(InputError, match="disabled; enable it first"):
        accounts.reset_link(people, made.email, NOW)


@pytest.mark.parametrize(("name", "lang", "words"), [(" ", "en", "Write a name"), ("x" * 101, "en", "up to 100"), ("A", "fr", "“fr” is no language")])
def test_a_bad_name_or_language_is_refused(people, name, lang, words):
    made = account_in(people, role="reader", centre="CTSP")
    with pytest.raises(InputError, match=words):
        accounts.change_profile(people, made.account_id, name, lang)
    accounts.change_profile(people, made.account_id, "林  小姐", None)
    assert accounts.by_email(people, made.email).name == "林 小姐"


def test_a_session_that_ended_is_not_written_again_and_what_is_over_is_swept(people):
    made = account_in(people, role="reader", centre="CTSP")
    for key, seen, expires in (("now", NOW, 1), ("idle", NOW - timedelta(hours=8), 1), ("old", NOW, 0)):
        rows.put_session(people, rows.Session(key, made.account_id, {}, NOW, seen, NOW + timedelta(days=expires)))
    accounts.invite(people, accounts.Invitation("new@example.org", "firm", None, "P1"), NOW - timedelta(days=14))
    rows.sweep(people, NOW, NOW - timedelta(hours=8))
    assert [s.token_hash for s in rows.sessions_of(people, made.account_id)] == ["now"]
    assert rows.waiting_tokens(people, "invite", NOW - timedelta(days=20)) == ()
    rows.end_sessions(people, account_id=made.account_id)
    assert not rows.touch_session(people, "now", {"a": 1}, NOW)
    assert rows.session(people, "now") is None


def test_the_database_holds_no_secret(people, tmp_path):
    account_in(people, role="reader", centre="CTSP")
    secret = accounts.ask_reset(people, "reader@example.org", NOW)
    assert secret[:8] not in accounts.mail_key("reset", secret)
    content = b"".join(f.read_bytes() for f in tmp_path.glob("matcher.db*"))
    assert secret.encode() not in content
    assert PASSWORD.encode() not in content
