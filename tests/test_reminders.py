"""Mails before a need or an offer ends: to its owner, once each, in their language."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from click.testing import CliRunner
from conftest import DAY, EVIDENCE, NEEDS, NOW, OFFERS, PARTIES, account_in

from matcher import accounts, profiles
from matcher.access import Viewer
from matcher.cli import main
from matcher.store import open_store, schema
from matcher.store.outbox import mails
from matcher.workflow import today

SITE = "https://match.example.tw"
END = DAY + timedelta(days=40)


@pytest.fixture
def firm(store):
    """A firm whose need N1 ends in forty days; O1, which ends then too, is nobody's account's."""
    store.put(parties=PARTIES, needs=[replace(NEEDS[0], valid_to=END), NEEDS[1]], offers=[replace(OFFERS[0], valid_to=END)], evidence=EVIDENCE[:1])
    made = account_in(store, role="firm", party_id="P1", name="firm")
    own(store, "N1", made.account_id)
    return made


def own(store, record_id, account_id, side="need"):
    with store.writing() as connection:
        connection.execute(schema.cards.insert(), {"side": side, "record_id": record_id, "party_id": "P1", "account_id": account_id,
                                                   "anonymous": False, "contact": {}, "visibility": {}})


def remind(store, ahead, lang="zh"):
    """Give how many reminders are new so many days before the end."""
    return profiles.remind(store, SITE, lang, END - timedelta(days=ahead), NOW)


@pytest.mark.parametrize(("looks", "new"), [
    ((31,), [0]), ((30,), [1]), ((7,), [1]), ((0,), [1]), ((-1,), [0]), ((30, 30, 29, 8), [1, 0, 0, 0]),
    ((30, 7, 7, 1), [1, 1, 0, 0]), ((20, 3), [1, 1]), ((40, 31), [0, 0]),
])
def test_a_record_is_told_of_thirty_and_seven_days_ahead_once_each(store, firm, looks, new):
    assert [remind(store, ahead) for ahead in looks] == new


@pytest.mark.parametrize(("lang", "subject", "words"), [
    ("zh", "您的檔案即將到期", "「主軸熱變位補償」將於 2027-01-03 到期，之後不再列入名單。請在此展延：https://match.example.tw/mine#own-N1"),
    ("en", "Your record ends soon", "“主軸熱變位補償” ends on 2027-01-03 and is then in no list any more. Renew it here: https://match.example.tw/mine#own-N1"),
])
def test_it_is_told_in_the_owners_language_with_the_way_to_renew_it(store, firm, lang, subject, words):
    accounts.change_profile(store, firm.account_id, "firm", lang)
    remind(store, 30, "en")
    (mail,) = mails(store)
    assert (mail.recipient, mail.subject, mail.body) == ("firm@example.org", subject, words)


def test_after_a_renewal_the_new_last_day_counts_and_a_second_renewal_is_not_promised(store, firm):
    viewer = Viewer(firm.account_id, "firm", "P1")
    assert remind(store, 7) == 1
    end = profiles.renew(store, viewer, "need", "N1", END, NOW)
    assert remind(store, 0) == 0
    assert profiles.remind(store, SITE, "en", end - timedelta(days=30), NOW) == 1
    assert "It was renewed before: look it through here and submit it again" in mails(store)[-1].body


def test_a_disabled_account_gets_no_mail(store, firm):
    accounts.set_active(store, firm.account_id, False)
    assert remind(store, 30) == 0


def test_the_command_queues_them_once(tmp_path):
    store = open_store(f"sqlite:///{tmp_path / 'matcher.db'}")
    store.put(parties=PARTIES, needs=[replace(NEEDS[0], valid_to=today() + timedelta(days=5))])
    own(store, "N1", account_in(store, role="firm", party_id="P1", name="firm").account_id)
    environ = {"MATCHER_HOME": str(tmp_path), "MATCHER_LANG": "en"}
    assert [CliRunner().invoke(main, ["remind"], env=environ).output for _ in range(2)] == [
        "Reminders queued: 1.\n", "Reminders queued: 0.\n"]
    assert CliRunner().invoke(main, ["remind", "--json"], env=environ).output.split() == ["{", '"queued":', "0", "}"]
    assert mails(store)[0].body.endswith("http://127.0.0.1:8321/mine#own-N1")
