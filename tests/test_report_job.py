"""The job of a report: claims, clocks, months, faults, mails, alerts, subscriptions."""

from __future__ import annotations

import errno
import json
import os
import subprocess
import sys
import threading
import time
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from types import SimpleNamespace

import pytest
from click.testing import CliRunner
from conftest import account_in, facts_of
from report_child import PROCESSES, order_of, run, settings_of
from simulated_year import Concepts, Year

from matcher import mail
from matcher.accounts import by_email, viewer_of
from matcher.cli import main
from matcher.errors import ForbiddenError, InputError, MissingFontError, UnknownRecordError
from matcher.languages import render
from matcher.report import delivery, job
from matcher.report.batch import plan_reports, resend, run_reports
from matcher.report.calendar import last_day
from matcher.report.delivery import send_alerts
from matcher.report.files import format_of
from matcher.report.job import (
    LEASE,
    Tools,
    draft_report,
    make_report,
    stored_facts,
    stored_report,
)
from matcher.report.subscriptions import (
    Wish,
    own_subscriptions,
    recipients,
    sections_for,
    subscribe,
    unsubscribe,
)
from matcher.report.writing import write
from matcher.store import open_store
from matcher.store.blanking import pack
from matcher.store.decisions import put_decisions
from matcher.store.erasure import remove_records
from matcher.store.outbox import alert_key, mails
from matcher.store.reports import (
    AGAIN,
    claim_report,
    content_of,
    packed_facts,
    put_content,
    put_facts,
    report_row,
    report_rows,
)
from matcher.store.schema import metadata
from matcher.vocabulary import Conflict, JudgedPair, Message, Outcome

pytestmark = pytest.mark.slow

FIRST, NOW = date(2026, 12, 1), datetime(2027, 1, 2, 4, tzinfo=UTC)
REPORT = "2026-12-CTSP"


@pytest.fixture
def region(tmp_path):
    """Six needs and twelve offers in HOME, nothing reported yet."""
    return Year(open_store(settings_of(tmp_path, "").database_url), needs=6, offers=12, evidence=12)


def tools(now=NOW, **more):
    return Tools(lambda: now, more.pop("progress", lambda *a: None), pause=lambda seconds: time.sleep(0.02), **more)


def make(region, first=FIRST, now=NOW, centre="CTSP", again=False, **more):
    return make_report(region.space, centre, first, region.rules, tools(now, **more), lambda made: None, again)


def batch(region, home, now=NOW, url="", **order):
    return run_reports(region.space, settings_of(home, url), order_of(home, **order), tools(now))


def dump(store, without=()):
    """Every row of every table."""
    with store.reading() as connection:
        return {name: connection.execute(table.select()).all() for name, table in metadata.tables.items() if name not in without}


def files_of(home):
    return {file.name: file.read_bytes() for file in sorted((home / "reports").glob("*"))}


def broken(region, sql):
    with region.store.writing() as connection:
        assert connection.exec_driver_sql(sql).rowcount == 1


# ---- two at once -----------------------------------------------------------------------------


def test_a_second_process_waits_is_told_who_works_and_finds_the_report(region, tmp_path):
    child = PROCESSES.Process(target=run, args=(str(tmp_path), "", NOW.isoformat()))

    def at_step(name):
        if name == "matched":  # while this job has the report, the other process wants it
            child.start()
            while not (tmp_path / "waits").exists():
                assert child.is_alive()
                time.sleep(0.05)

    found = run_reports(region.space, settings_of(tmp_path, ""), order_of(tmp_path), tools(step=at_step))
    first = files_of(tmp_path)
    child.join(60)
    assert (found[0].state, child.exitcode) == ("made", 0)
    assert (tmp_path / "waits").read_text("utf-8") == f"{os.uname().nodename}:{os.getpid()}"
    assert (tmp_path / "points").read_text("utf-8") == "files"  # written again, the same
    assert files_of(tmp_path) == first
    assert report_row(region.store, REPORT).attempts == 1


def test_of_two_threads_one_works_and_the_other_is_told(region, tmp_path):
    told, made, started = [], [], threading.Event()

    def second():
        started.wait(20)
        made.append(make(Later(region), waits=lambda row: told.append(row.owner)))

    thread = threading.Thread(target=second)
    thread.start()
    made.append(make(region, step=lambda name: (started.set(), time.sleep(0.3)) if name == "facts" else None))
    thread.join(60)
    assert sorted(m.fresh for m in made) == [False, True]
    assert made[0].report == made[1].report
    assert told == [f"{os.uname().nodename}:{os.getpid()}"]


class Later:
    """The same region through a workspace of another thread."""

    def __init__(self, region):
        self.space, self.rules = region.space.over(region.store), region.rules


def test_a_dead_owners_claim_is_taken_at_once(region):
    dead = subprocess.Popen([sys.executable, "-c", ""])
    dead.wait()
    claim(region, f"{os.uname().nodename}:{dead.pid}")
    assert make(region, waits=pytest.fail).fresh


def claim(region, owner, until=NOW + LEASE):
    claim_report(region.store, REPORT, "CTSP", FIRST, owner, NOW, until, lambda _: False)


def test_a_foreign_hosts_claim_is_taken_after_its_lease(region):
    claim(region, "elsewhere:1")
    clock, told = [NOW], []

    def pause(seconds):
        clock[0] += timedelta(minutes=3)

    made = make_report(region.space, "CTSP", FIRST, region.rules, Tools(lambda: clock[0], lambda *a: None, pause=pause, waits=told.append),
                       lambda made: None)
    assert made.fresh
    assert [row.owner for row in told] == ["elsewhere:1"]
    assert clock[0] >= NOW + LEASE


def test_a_job_that_fails_frees_its_report(region):
    def fail(name):
        if name == "content":
            raise InputError("It failed.")

    with pytest.raises(InputError, match="failed"):
        make(region, step=fail)
    assert report_row(region.store, REPORT).owner is None
    made = make(region)
    assert (made.fresh, made.encoded) == (True, 0)


# ---- clocks and months -------------------------------------------------------------------------


def test_a_clock_set_back_makes_no_second_report(region, tmp_path):
    (first,) = batch(region, tmp_path)
    before, rows = files_of(tmp_path), dump(region.store)
    (second,) = batch(region, tmp_path, NOW - timedelta(hours=1))
    assert (first.state, second.state, second.mails) == ("made", "found", 0)
    assert files_of(tmp_path) == before
    assert dump(region.store) == rows


@pytest.mark.parametrize(("first", "now", "sentence"), [
    (date(2026, 12, 1), datetime(2026, 12, 31, 15, 59, 59, tzinfo=UTC), "2026-12 is not over before 2027-01-01"),
    (date(2028, 2, 1), datetime(2028, 2, 28, 16, tzinfo=UTC), "2028-02 is not over before 2028-03-01"),
    (date(2027, 2, 1), datetime(2027, 1, 31, 15, 59, 59, tzinfo=UTC), "2027-02 has not begun yet"),
])
def test_a_month_that_is_not_over_is_refused(region, first, now, sentence):
    with pytest.raises(InputError) as caught:
        make(region, first, now)
    assert sentence in render(caught.value.message, "en")
    assert "2027-02" not in sentence or "尚未開始" in render(caught.value.message, "zh")
    assert report_row(region.store, f"{first:%Y-%m}-CTSP") is None


@pytest.mark.parametrize(("moment", "month"), [
    (datetime(2027, 1, 31, 15, 59, 59, tzinfo=UTC), "2027-01"), (datetime(2027, 1, 31, 16, tzinfo=UTC), "2027-02"),
    (datetime(2028, 2, 29, 15, 59, 59, tzinfo=UTC), "2028-02"), (datetime(2028, 2, 29, 16, tzinfo=UTC), "2028-03"),
    (datetime(2026, 12, 31, 15, 59, 59, tzinfo=UTC), "2026-12"), (datetime(2026, 12, 31, 16, tzinfo=UTC), "2027-01"),
])
def test_a_decision_counts_in_its_month_of_taiwan(region, moment, month):
    put_decisions(region.store, [Outcome("N001", "O001", "meeting", moment)])
    first = date.fromisoformat(f"{month}-01")
    report = make(region, first, datetime(2029, 1, 1, tzinfo=UTC)).report.for_office()
    counts = {row[0].en: row[1] for row in report.table("decided").rows}
    assert counts["Meeting"] == 1
    assert report.end - timedelta(days=1) == last_day(first)
    assert next(row[1:] for row in report.table("outcomes").rows) == (1, 1, 1)


def test_a_draft_keeps_nothing_and_a_plan_writes_nothing(region, tmp_path):
    before = dump(region.store)
    planned = plan_reports(region.space, order_of(tmp_path), tools())
    assert ([s.state for s in planned], dump(region.store), files_of(tmp_path)) == (["planned"], before, {})
    (status,) = run_reports(region.space, settings_of(tmp_path, ""), order_of(tmp_path, draft=True), tools(datetime(2026, 12, 9, tzinfo=UTC)))
    assert (status.state, status.code) == ("draft", 0)
    assert {name.split(".")[1] for name in files_of(tmp_path)} == {"draft"}
    kept = {"vectors", "readings"}
    assert dump(region.store, kept) == {k: v for k, v in before.items() if k not in kept}
    assert draft_report(region.space, "CTSP", FIRST, region.rules, tools()).draft


@pytest.mark.parametrize(("made", "order", "state", "count"), [
    (False, {}, "planned", 1), (True, {}, "found", 0), (True, {"again": True}, "planned", 1), (False, {"again": True}, "planned", 1),
    (False, {"draft": True}, "draft", 0), (True, {"draft": True}, "draft", 0),
])
def test_a_plan_says_what_the_run_would_do(region, tmp_path, made, order, state, count):
    account_in(region.store, role="reader", centre="CTSP")
    wish(region, "reader", Wish("CTSP", "zh", "html"))
    if made:
        batch(region, tmp_path)
    (planned,) = plan_reports(region.space, order_of(tmp_path, **order), tools())
    assert (planned.state, planned.mails) == (state, count)
    assert batch(region, tmp_path, NOW + timedelta(hours=1), **order)[0].mails == count
    account_in(region.store, role="centre-admin", centre="CTSP")
    wish(region, "centre-admin", Wish("CTSP", "zh", "html"))  # who subscribes now is mailed what is there
    assert plan_reports(region.space, order_of(tmp_path), tools())[0].mails == (2 if state == "draft" and not made else 1)


def test_a_report_is_made_again_only_without_a_later_one(region, tmp_path):
    (first,) = batch(region, tmp_path, again=True)  # never made: it is simply made
    assert (first.state, first.problems, report_row(region.store, REPORT).made) == ("made", (), NOW)
    (again,) = batch(region, tmp_path, NOW + timedelta(hours=1), again=True)
    assert (again.state, report_row(region.store, REPORT).made) == ("made", NOW + timedelta(hours=1))
    make(region, date(2027, 1, 1), datetime(2027, 2, 2, tzinfo=UTC))
    kept = content_of(region.store, REPORT)
    with pytest.raises(InputError) as caught:
        make(region, again=True)
    assert "2027-01-CTSP was compared with it" in render(caught.value.message, "en")
    assert content_of(region.store, REPORT) == kept


@pytest.mark.parametrize("stop", ["claimed", "read", "matched", "facts", "content"])
def test_a_report_stays_whole_until_it_is_made_again(region, stop):
    make(region)
    old = content_of(region.store, REPORT), facts_of(region.store, REPORT), report_rows(region.store)
    assert old[2][0].finished == NOW

    def fail(name):
        assert (content_of(region.store, REPORT), facts_of(region.store, REPORT), report_rows(region.store)) == old
        if name == stop:
            raise InputError("It failed.")

    later = NOW + timedelta(hours=1)
    with pytest.raises(InputError, match="failed"):
        make(region, now=later, again=True, step=fail)
    assert (content_of(region.store, REPORT), facts_of(region.store, REPORT), report_rows(region.store)) == old
    assert make(region, now=later).report == stored_report(region.store, REPORT)
    assert report_row(region.store, REPORT).made == NOW
    made = make(region, now=later, again=True)
    (row,) = report_rows(region.store)
    assert (made.report_id, made.fresh, row.report_id, row.made, row.finished, row.owner) == (REPORT, True, REPORT, later, later, None)
    assert stored_report(region.store, REPORT) == made.report


@pytest.mark.parametrize("moment", ["finished", "files", "mails"])
def test_a_report_made_again_is_the_one_that_is_mailed_once(region, tmp_path, moment):
    account_in(region.store, role="reader", centre="CTSP")
    wish(region, "reader", Wish("CTSP", "en", "csv"))
    batch(region, tmp_path, url="smtp://127.0.0.1:1")  # the old one's mail still waits
    later = NOW + timedelta(days=1)

    def stop(name):
        if name == moment:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run_reports(region.space, settings_of(tmp_path, ""), order_of(tmp_path, again=True), tools(later, step=stop))
    assert report_row(region.store, REPORT).made == later
    mail.deliver(region.store, settings_of(tmp_path, ""), later)
    (status,) = batch(region, tmp_path, later + timedelta(minutes=10))
    assert (status.state, status.mails) == ("found", moment != "mails")
    (sent,) = mails(region.store)
    assert sent.key.split("/")[:3] == ["report", REPORT, f"{later:%Y%m%dT%H%M%S}"]
    assert sent.sent == later + timedelta(minutes=10 if moment != "mails" else 0)


def test_what_a_killed_job_left_of_a_second_making_is_not_used(region):
    make(region)
    claim_report(region.store, REPORT + AGAIN, "CTSP", FIRST, "elsewhere:1", NOW, NOW, lambda _: False)
    put_facts(region.store, REPORT + AGAIN, "elsewhere:1", lambda: pack({**facts_of(region.store, REPORT), "texts": 999}), ())
    assert make(region, now=NOW + timedelta(days=1), again=True).fresh
    assert stored_facts(region.store, REPORT).texts < 999
    assert report_row(region.store, REPORT + AGAIN) is None


# ---- what goes wrong -----------------------------------------------------------------------------


@pytest.mark.parametrize("gone", [("needs", "offers"), ("offers",), ("needs",)])
def test_a_centre_without_needs_or_offers_gets_its_report(region, gone):
    for what in gone:
        region.store.delete(what, [getattr(r, f"{what[:-1]}_id") for r in getattr(region.store, what)()])
    for month in (FIRST, date(2027, 1, 1)):
        report = make(region, month, datetime(2027, 2, 2, tzinfo=UTC)).report
        assert [row[1] for row in report.table("figures").rows][:4] == ([0, 0, 0, 0] if "needs" in gone else [4, 0, 4, 0])
        for form in ("html", "xlsx", "csv", "json"):
            assert format_of(form).write(report, "zh")
    told = [render(row[6], "en") for row in report.table("without_offer").rows]
    assert told == ([] if "needs" in gone else ["no offer may be matched with it"] * 4)


@pytest.mark.parametrize(("sql", "what", "record"), [
    ("UPDATE offers SET themes = '{broken' WHERE offer_id = 'O003'", "offer", "O003"),
    ("UPDATE offers SET valid_to = '2026-13-45' WHERE offer_id = 'O003'", "offer", "O003"),
    ("UPDATE needs SET themes = '{broken' WHERE need_id = 'N002'", "need", "N002"),
    ("UPDATE needs SET valid_from = 'soon' WHERE need_id = 'N002'", "need", "N002"),
    ("UPDATE offers SET themes = '5' WHERE offer_id = 'O003'", "offer", "O003"),
    ("UPDATE offers SET themes = '{\"a\": 1}' WHERE offer_id = 'O003'", "offer", "O003"),
    ("UPDATE offers SET description = x'ff' WHERE offer_id = 'O003'", "offer", "O003"),
    ("UPDATE offers SET trl_now = 'high' WHERE offer_id = 'O003'", "offer", "O003"),
    ("UPDATE needs SET kinds = 'null' WHERE need_id = 'N002'", "need", "N002"),
    ("UPDATE evidence SET text = x'ff' WHERE evidence_id = 'E003'", "evidence", "E003"),
    ("UPDATE parties SET extra = '{broken' WHERE party_id = 'L02'", "party", "L02"),
    ("UPDATE outcomes SET time = 'noon' WHERE number = 1", "decision", "1"),
    ("UPDATE outcomes SET value_ntd = 'much' WHERE number = 1", "decision", "1"),
    ("UPDATE judged SET date = 'never' WHERE need_id = 'N001'", "judged pair", "N001/O001"),
    ("UPDATE conflicts SET reason = x'ff' WHERE party_id = 'F11'", "conflict", "F11/L01"),
])
def test_a_damaged_row_is_left_out_by_name_and_the_rest_goes_on(region, sql, what, record):
    region.store.put(judged=[JudgedPair("N001", "O001", 3, "a", FIRST)], conflicts=[Conflict("F11", "L01", "kin")])
    put_decisions(region.store, [Outcome("N001", "O001", stage, NOW - timedelta(days=9), value_ntd=value) for stage, value in (
        ("meeting", None), ("contract", 5))])
    broken(region, sql)
    report = make(region).report
    ((told, found, problem),) = report.table("skipped").rows
    assert (told.id, found) == (what, record)
    assert render(problem, "en") == sql.split()[3]  # the field, never its value
    facts = stored_facts(region.store, REPORT)
    listed = facts.listed
    assert bool(facts.torn) == (what == "evidence")
    assert [e.number for e in facts.events] == ([2] if what == "decision" else [1, 2])
    assert len(listed) == 4 - (what == "need")
    assert record not in {o for offers in listed.values() for o in offers}


def test_a_need_that_went_to_another_centre_is_no_withdrawn_one(region):
    chosen = stored_facts(region.store, make(region).report_id).chosen
    need = chosen[0][0]
    region.store.put(needs=[replace(region.store.need(need), centre="PABP")])
    later = make(region, date(2027, 1, 1), NOW + timedelta(days=31)).report
    told = {row[1]: [c.id for c in row[-1].fields["causes"]] for row in later.table("differences").rows if row[0].id == "Gone"}
    assert told[need] == ["the need went to another centre"]


def test_a_damaged_conflict_goes_on_barring_its_pair(region):
    listed = stored_facts(region.store, make(region).report_id).listed["N001"]
    firm, owner = region.store.need("N001").party_id, region.store.offer(listed[0]).party_id
    region.store.put(conflicts=[Conflict(firm, owner, "kin"), Conflict(firm, "nobody", "kin")])
    broken(region, "UPDATE conflicts SET reason = x'ff' WHERE other_party_id = 'nobody'")
    assert set(stored_facts(region.store, make(region, again=True).report_id).conflicts) == {(firm, owner), (firm, "nobody")}
    broken(region, f"UPDATE conflicts SET reason = x'ff' WHERE other_party_id = '{owner}'")
    facts = stored_facts(region.store, make(region, again=True).report_id)
    assert listed[0] not in facts.listed["N001"]
    assert set(facts.conflicts) == {(firm, owner), (firm, "nobody")}


class Refusing(Concepts):
    """An encoder that cannot read one text."""

    def __init__(self, word):
        self.word = word

    def encode(self, texts):
        if any(self.word in text for text in texts):
            raise ValueError("the text cannot be read")
        return super().encode(texts)

    encode_query = encode_document = encode


@pytest.mark.parametrize("record", ["O004", "N001"])
def test_a_text_that_the_encoder_refuses_is_left_out_by_name(region, record):
    kind = "offer" if record[0] == "O" else "need"
    found = getattr(region.store, kind)(record)
    region.store.put(**{f"{kind}s": [replace(found, description="UNREADABLE words of one record.")]})
    region.space = region.space.with_encoder(Refusing("UNREADABLE"))
    rows = make(region).report.table("skipped").rows
    assert [(row[0].id, row[1], render(row[2], "en")) for row in rows] == [(kind, record, "the text cannot be read")]
    assert len(stored_facts(region.store, REPORT).listed) == 4 - (kind == "need")
    erase(region, **{kind: [record]})
    rows = stored_report(region.store, REPORT).table("skipped").rows
    assert [(row[1], render(row[2], "en")) for row in rows] == [(record, "")]
    assert [render(s.problem, "en") for s in stored_facts(region.store, REPORT).skipped] == [""]


def erase(region, **records):
    with region.store.writing() as connection:
        remove_records(connection, records)


@pytest.fixture(params=[False, True], ids=["here", "beside"])
def written(request, monkeypatch):
    """Whether what a report says is written in a process of its own."""
    monkeypatch.setattr(job, "can_fork", lambda: request.param)
    monkeypatch.setattr(job, "WORTH_TWO", 1)
    return request.param


@pytest.mark.parametrize("moment", ["read", "matched", "facts", "building", "content", "files", "mails"])
def test_what_is_erased_while_a_report_is_made_is_in_none_of_its_texts(region, monkeypatch, tmp_path, moment, written):
    region.store.put(needs=[replace(region.store.need("N001"), title="CANARY need")],
                     offers=[replace(region.store.offer(o), title="CANARY offer") for o in ("O001", "O002")])

    def at(name):
        if name == moment and "N001" in {n.need_id for n in region.store.needs()}:
            erase(region, need=["N001"], offer=["O001", "O002"])

    monkeypatch.setattr(job, "put_content", lambda *said: (at("building"), put_content(*said))[1])
    account_in(region.store, role="centre-admin", centre="CTSP")
    wish(region, "centre-admin", Wish("CTSP", "en", "json"))
    (status,) = run_reports(region.space, settings_of(tmp_path, "smtp://127.0.0.1:1"), order_of(tmp_path), tools(step=at))
    assert status.state == "made"
    if moment != "mails":  # what is erased later takes what waits along; files on disk are the office's
        assert "CANARY" not in b"".join(files_of(tmp_path).values()).decode("utf-8", "replace")
        (waiting,) = mails(region.store)
        assert "CANARY" not in mail.base64.b64decode(waiting.files[0][2]).decode()
    facts, content = facts_of(region.store, REPORT), content_of(region.store, REPORT)
    assert "N001" in facts["needs"]
    assert "CANARY" not in repr((facts, content, dump(region.store)))


# Erased: a need or an offer; what still waits of the reports of CTSP and STSP and of two alerts.
@pytest.mark.parametrize(("what", "erased", "waits"), [
    ("need", "of STSP", ["CTSP", "alert N001"]),
    ("need", "N001", ["STSP", "alert other"]),
    ("offer", "nobody's", ["CTSP", "STSP", "alert N001", "alert other"]),
])
def test_of_waiting_mails_those_that_hold_what_was_erased_go(region, tmp_path, what, erased, waits):
    other = next(n for n in region.store.needs() if n.centre == "STSP")
    region.store.put(offers=[replace(region.store.offer("O001"), offer_id="nobody's", title="Nobody's offer", kind="fund",
                                     valid_to=date(2026, 1, 1))])
    account_in(region.store, role="system-admin")
    for centre in ("CTSP", "STSP"):
        wish(region, "system-admin", Wish(centre, "en", "json"))
    batch(region, tmp_path, url="smtp://127.0.0.1:1", centres=("CTSP", "STSP"))
    for need in (region.store.need("N001"), other):
        mail.queue(region.store, alert_key("a", need.need_id, "O002"), "a@example.org", Message("New match for {need}", {"need": need.need_id}),
                   Message("{title}", {"title": need.title}), "en", NOW)
    erase(region, **{what: [other.need_id if erased == "of STSP" else erased]})
    names = {alert_key("a", need, "O002"): f"alert {name}" for need, name in ((other.need_id, "other"), ("N001", "N001"))}
    assert [names.get(m.key) or m.key.split("/")[1][-4:] for m in mails(region.store)] == waits


def test_files_and_a_new_folder_are_for_the_program_alone(region, tmp_path):
    batch(region, tmp_path)
    assert {file.stat().st_mode & 0o777 for file in (tmp_path / "reports").iterdir()} == {0o600}
    assert (tmp_path / "reports").stat().st_mode & 0o777 == 0o700


def test_a_full_disk_leaves_no_half_file_and_the_next_run_finishes(region, tmp_path, monkeypatch):
    def full(number):
        raise OSError(errno.ENOSPC, "No space left on device", "reports")

    with monkeypatch.context() as patched:
        patched.setattr(delivery.os, "fsync", full)
        (status,) = batch(region, tmp_path)
    assert (status.state, status.code, files_of(tmp_path)) == ("failed", 1, {})
    assert [render(status.problems[0], lang) for lang in ("en", "zh")] == [
        "reports cannot be used: the disk is full.", "reports 無法使用：磁碟已滿。"]
    (status,) = batch(region, tmp_path)
    assert (status.state, status.encoded, len(files_of(tmp_path))) == ("made", 0, 8)


def test_one_centre_that_fails_stops_no_other(region, tmp_path, monkeypatch):
    real = delivery.write_whole
    monkeypatch.setattr(delivery, "write_whole", lambda path, content: real(path, content) if "STSP" in path.name else fail_with(errno.EACCES))
    found = batch(region, tmp_path, centres=("CTSP", "STSP"))
    assert [(s.report_id, s.state, s.code) for s in found] == [(REPORT, "failed", 1), ("2026-12-STSP", "made", 0)]


def test_what_the_system_refuses_for_an_unknown_reason_is_a_sentence_in_both_languages(region, tmp_path, monkeypatch):
    monkeypatch.setattr(delivery, "write_whole", lambda path, content: fail_with(errno.EIO))
    (status,) = batch(region, tmp_path)
    assert [render(status.problems[0], lang) for lang in ("en", "zh")] == [
        f"reports cannot be used: the system refuses it (error {errno.EIO}).", f"reports 無法使用：系統拒絕此操作（錯誤碼 {errno.EIO}）。"]


@pytest.mark.parametrize("url", ["mail.park.tw:587", "http://mail.park.tw"])
def test_a_bad_mail_server_is_told_beside_the_reports_that_were_made(region, tmp_path, url):
    account_in(region.store, role="reader", centre="CTSP")
    wish(region, "reader", Wish("CTSP", "zh", "html"))
    found = batch(region, tmp_path, url=url, centres=("CTSP", "STSP"))
    assert [(s.state, s.mails, s.code) for s in found] == [("made", 1, 0), ("made", 0, 2)]
    assert "MATCHER_SMTP_URL" in render(found[1].problems[0], "zh")
    assert [m.sent for m in mails(region.store)] == [None]


def fail_with(number):
    raise OSError(number, os.strerror(number), "reports")


def test_while_the_mail_server_is_down_the_report_is_made_and_mails_wait(region, tmp_path):
    account_in(region.store, role="reader", centre="CTSP")
    wish(region, "reader", Wish("CTSP", "zh", "html"))
    (status,) = batch(region, tmp_path, url="smtp://127.0.0.1:1")
    assert (status.state, status.mails, status.code) == ("made", 1, 0)
    (waiting,) = mails(region.store)
    assert (waiting.sent, waiting.recipient, "Refused" in waiting.problem) == (None, "reader@example.org", True)
    batch(region, tmp_path, NOW + timedelta(hours=1))  # now mails become files
    assert mails(region.store)[0].sent == NOW + timedelta(hours=1)
    assert len(mails(region.store)) == 1


def test_what_is_written_during_the_job_is_not_in_its_report(region, tmp_path):
    quiet = draft_report(region.space, "CTSP", FIRST, region.rules, tools())

    def meddle(step, done, total):
        if step == "match" and done == 1:
            region.store.put(offers=[replace(o, title="LATER") for o in region.store.offers()])
            region.store.delete("needs", ["N003"])  # of another centre: the texts of an own one would go

    report = make(region, progress=meddle).report
    assert set(stored_facts(region.store, REPORT).needs) >= {"N001", "N002"}
    assert "LATER" not in repr(report)
    assert [s for s in report.sections if s.key != "method"] == [s for s in quiet.sections if s.key != "method"]
    assert stored_report(region.store, REPORT) == report


def test_what_a_report_says_is_written_beside_and_is_the_same(region, monkeypatch, tmp_path):
    writer = tmp_path / "writer"
    monkeypatch.setattr(job, "write", lambda *made: (writer.write_text(str(os.getpid())), write(*made))[1])
    monkeypatch.setattr(job, "can_fork", lambda: True)
    said = {}
    for worth in (1, 1000):
        monkeypatch.setattr(job, "WORTH_TWO", worth)
        make(region, again=worth > 1)
        said[int(writer.read_text()) == os.getpid()] = (packed_facts(region.store, REPORT), content_of(region.store, REPORT))
    assert said[False] == said[True]


@pytest.mark.parametrize("can_fork", [False, True])
def test_others_write_while_a_report_is_written(region, monkeypatch, can_fork):
    """Where no second process is at it, it is written before its lists, for which all others wait."""
    monkeypatch.setattr(job, "can_fork", lambda: can_fork)
    monkeypatch.setattr(job, "WORTH_TWO", 1)
    monkeypatch.setattr(os, "fork", lambda: (_ for _ in ()).throw(BlockingIOError()))
    monkeypatch.setattr(job, "write", lambda *made: (region.store.check_writable(), write(*made))[1])
    assert make(region).fresh


@pytest.mark.parametrize("moment", ["matched", "facts", "building"])
def test_a_title_erased_from_the_month_before_meanwhile_is_not_said(region, monkeypatch, moment, written):
    january, later = date(2027, 1, 1), datetime(2027, 2, 2, 4, tzinfo=UTC)
    title = stored_facts(region.store, make(region).report_id).needs["N001"].title
    region.store.put(needs=[replace(region.store.need("N001"), centre="HSP")])  # only the month before knows it
    assert title in repr(make(region, january, later).report)

    def at(name):
        if name == moment and "N001" in {n.need_id for n in region.store.needs()}:
            erase(region, need=["N001"])

    monkeypatch.setattr(job, "put_content", lambda *said: (at("building"), put_content(*said))[1])
    erased = make(region, january, later, again=True, step=at)
    assert erased.fresh
    assert title not in repr(erased.report)


# ---- alerts and subscriptions ----------------------------------------------------------------------


def wish(region, name, wanted):
    return subscribe(region.store, viewer_of(by_email(region.store, f"{name}@example.org")), wanted, NOW)


def alert(region, day=date(2026, 12, 20), now=NOW):
    before = {m.key for m in mails(region.store)}
    count = send_alerts(region.space, "CTSP", day, now, lambda *a: None)
    new = [m for m in mails(region.store) if m.key not in before]
    assert count == len(new)
    return new


def test_an_alert_comes_once_a_pair(region):
    account_in(region.store, role="centre-admin", centre="CTSP")
    wish(region, "centre-admin", Wish("CTSP", "en", threshold=0.5))
    first = alert(region)
    assert first
    assert all("has a match with a score of" in m.body and m.recipient == "centre-admin@example.org" for m in first)
    assert alert(region, now=NOW + timedelta(days=1)) == []


def test_what_is_erased_while_lists_are_made_is_in_no_alert(region):
    def meddle(step, done, total):
        if step == "match" and "N001" in {n.need_id for n in region.store.needs()}:
            erase(region, need=["N001"])

    account_in(region.store, role="centre-admin", centre="CTSP")
    wish(region, "centre-admin", Wish("CTSP", "en", threshold=0.5))
    count = send_alerts(region.space, "CTSP", date(2026, 12, 20), NOW, meddle)
    assert "N001" not in {n.need_id for n in region.store.needs()}
    assert count == len(mails(region.store)) > 0
    assert not any("N001" in m.subject for m in mails(region.store))


@pytest.mark.parametrize("row", ["offers SET title = x'ff' WHERE offer_id = 'O003'", "needs SET title = x'ff' WHERE need_id = 'N003'"])
def test_a_damaged_record_stops_no_alert(region, row):
    account_in(region.store, role="centre-admin", centre="CTSP")
    wish(region, "centre-admin", Wish("CTSP", "en", threshold=0.5))
    broken(region, f"UPDATE {row}")
    assert {m.subject for m in alert(region)} >= {"New match for N001"}


def test_an_alert_does_not_tell_what_the_last_report_held(region):
    account_in(region.store, role="centre-admin", centre="CTSP")
    wish(region, "centre-admin", Wish("CTSP", "en", threshold=0.5))
    make(region, date(2026, 11, 1), datetime(2026, 12, 2, tzinfo=UTC))
    assert alert(region) == []
    need = region.store.need("N001")
    region.store.put(offers=[replace(region.store.offer("O001"), offer_id="O900", title=need.title, description=need.description,
                                     themes=need.themes, reach="national", valid_from=None, valid_to=None)])
    assert [m.body.count(need.title) for m in alert(region) if "N001" in m.subject] == [2]  # the need, and the new offer of the same title


@pytest.mark.parametrize(("threshold", "before", "told"), [
    (0.0, None, True), (0.0, {}, True), (0.0, {"N1": {"O9": 0.5}}, True), (0.0, {"N1": {"O1": 0.0}}, False), (0.4, {"N1": {"O1": 0.39}}, True),
    (0.4, {"N1": {"O1": 0.4}}, False), (0.41, None, False), (0.41, {"N1": {"O1": 0.1}}, False),
])
def test_a_match_is_new_that_did_not_stand_above_the_threshold(threshold, before, told):
    facts = before if before is None else SimpleNamespace(scores=before)
    assert delivery._is_new(SimpleNamespace(need_id="N1", offer_id="O1", score=0.4), threshold, facts) is told


def test_the_key_of_an_alert_fits_its_column_however_long_the_ids_are(region):
    account_in(region.store, role="centre-admin", centre="CTSP")
    need, offer = region.store.need("N001"), region.store.offer("O001")
    region.store.put(needs=[replace(need, need_id="N" * 100)],
                     offers=[replace(offer, offer_id="O" * 100, title=need.title, description=need.description, themes=need.themes,
                                     reach="national", valid_from=None, valid_to=None)])
    wish(region, "centre-admin", Wish("CTSP", "en", need_id="N" * 100, threshold=0.0))
    told = alert(region)
    assert len({m.key for m in told}) == len(told) > 1
    assert max(len(m.key) for m in told) <= 200


def test_alerts_are_for_the_office_alone(region):
    account_in(region.store, role="reader", centre="CTSP")
    with pytest.raises(ForbiddenError):
        wish(region, "reader", Wish("CTSP", threshold=0.5))
    account_in(region.store, role="centre-admin", centre="CTSP")
    with pytest.raises(UnknownRecordError):
        wish(region, "centre-admin", Wish("CTSP", need_id="N003", threshold=0.5))  # another centre's need


@pytest.mark.parametrize(("who", "wanted", "error", "words"), [
    ({"role": "firm", "party_id": "F01"}, Wish("CTSP"), ForbiddenError, ""),
    ({"role": "researcher", "party_id": "L01"}, Wish("CTSP"), ForbiddenError, ""),
    ({"role": "reader", "centre": "STSP"}, Wish("CTSP"), ForbiddenError, ""),
    ({"role": "reader", "centre": "CTSP"}, Wish("CTSP", sections=("summary", "gossip")), InputError, "gossip"),
    ({"role": "reader", "centre": "CTSP"}, Wish("CTSP", format="docx"), InputError, "docx"),
    ({"role": "reader", "centre": "CTSP"}, Wish("CTSP", lang="fr"), InputError, "fr"),
    ({"role": "centre-admin", "centre": "CTSP"}, Wish("CTSP", threshold=1.5), InputError, "1.5"),
    ({"role": "centre-admin", "centre": "CTSP"}, Wish("CTSP", need_id="N001"), InputError, "--alert 0.8"),
    ({"role": "centre-admin", "centre": "CTSP"}, Wish("CTSP", need_id="N999", threshold=0.5), UnknownRecordError, "N999"),
    ({"role": "reader", "centre": "CTSP"}, Wish("CTSP", sections=("matches",)), InputError, "matches"),
    ({"role": "reader", "centre": "CTSP"}, Wish("CTSP", sections=("summary", "without_offer")), InputError, "without_offer"),
])
def test_a_subscription_that_cannot_be(region, who, wanted, error, words):
    account_in(region.store, name="somebody", **who)
    with pytest.raises(error) as caught:
        wish(region, "somebody", wanted)
    for lang in ("en", "zh"):
        assert words in render(caught.value.message, lang)
    assert recipients(region.store, "CTSP") == []


def test_a_wish_replaces_the_same_one_and_only_its_owner_ends_it(region):
    account_in(region.store, role="centre-admin", centre="CTSP")
    account_in(region.store, role="reader", centre="CTSP")
    wish(region, "centre-admin", Wish("CTSP", "zh", "pdf"))
    wish(region, "centre-admin", Wish("CTSP", threshold=0.8))
    number = wish(region, "centre-admin", Wish("CTSP", "en", "json", ("summary",)))
    office, reader = (viewer_of(by_email(region.store, f"{name}@example.org")) for name in ("centre-admin", "reader"))
    kept = own_subscriptions(region.store, office)
    assert [(s.is_alert, s.lang, s.format, s.sections) for s in kept] == [(True, "zh", "pdf", ()), (False, "en", "json", ("summary",))]
    with pytest.raises(UnknownRecordError):
        unsubscribe(region.store, reader, number)
    unsubscribe(region.store, office, number)
    assert [s.is_alert for s in own_subscriptions(region.store, office)] == [True]


def test_sections_are_offered_that_hold_something_for_the_role(region):
    report = make(region).report
    assert sections_for("system-admin") == sections_for("centre-admin") == tuple(s.key for s in report.sections)
    assert sections_for("reader") == tuple(s.key for s in report.for_readers().sections)


@pytest.mark.parametrize(("only", "found"), [
    ((), 2), (("reader@example.org",), 1), ((" Reader@Example.ORG",), 1),
    (("reader@example.org", "nobody@example.org", "alerted@example.org"), "nobody@example.org, alerted@example.org"),
])
def test_a_report_is_sent_again_to_its_subscribers_alone(region, tmp_path, only, found):
    for name, role, wanted in (("reader", "reader", Wish("CTSP", "zh", "html")), ("office", "centre-admin", Wish("CTSP", "en", "json")),
                               ("alerted", "centre-admin", Wish("CTSP", threshold=0.9))):
        account_in(region.store, role=role, centre="CTSP", name=name)
        wish(region, name, wanted)
    make(region)
    if isinstance(found, int):
        assert resend(region.space, settings_of(tmp_path, ""), REPORT, only, tools()).mails == found
        return
    with pytest.raises(InputError) as refused:
        resend(region.space, settings_of(tmp_path, ""), REPORT, only, tools())
    assert [found in render(refused.value.message, lang) for lang in ("en", "zh")] == [True, True]
    assert mails(region.store) == ()


def test_sending_again_says_what_could_not_be_made_and_leaves_with_3(region, tmp_path, monkeypatch):
    account_in(region.store, role="reader", centre="CTSP")
    wish(region, "reader", Wish("CTSP", "zh", "pdf"))
    make(region)
    monkeypatch.setenv("MATCHER_HOME", str(tmp_path))
    monkeypatch.setattr(delivery, "format_of", lambda key: replace(format_of("html"), write=without_font))
    done = CliRunner().invoke(main, ["report", "resend", REPORT])
    assert (done.exit_code, done.stdout) == (3, "已排入 0 封郵件\n")
    assert "apt-get install fonts-noto-cjk" in done.stderr


def without_font(report, lang):
    raise MissingFontError


def test_mails_and_lists_tell_the_time_of_taiwan_by_name(region, tmp_path, monkeypatch):
    account_in(region.store, role="reader", centre="CTSP")
    wish(region, "reader", Wish("CTSP", "zh", "html"))
    batch(region, tmp_path, url="smtp://127.0.0.1:1")
    assert "2027-01-02 12:00（臺灣時間）" in mails(region.store)[0].body
    monkeypatch.setenv("MATCHER_HOME", str(tmp_path))
    assert "2027-01-02 12:00（臺灣時間）" in CliRunner().invoke(main, ["report", "list"]).output
    (row,) = json.loads(CliRunner().invoke(main, ["report", "list", "--json"]).output)
    assert (row["made"], row["finished"]) == ("2027-01-02T12:00:00+08:00",) * 2


def test_each_recipient_gets_what_the_role_may_see_in_the_wished_form(region, tmp_path):
    account_in(region.store, role="reader", centre="CTSP")
    account_in(region.store, role="centre-admin", centre="CTSP")
    wish(region, "reader", Wish("CTSP", "zh", "html"))
    wish(region, "centre-admin", Wish("CTSP", "en", "json", ("matches",)))
    batch(region, tmp_path, url="smtp://127.0.0.1:1")
    reader, office = mails(region.store)
    contents = [mail.base64.b64decode(m.files[0][2]).decode() for m in (reader, office)]
    assert [m.files[0][0] for m in (reader, office)] == ["2026-12-CTSP.zh.html", "2026-12-CTSP.en.json"]
    assert ("CANARYSECRET" in contents[0], "CANARYSECRET" in contents[1]) == (False, True)
    assert ("2026-12" in reader.subject, "月報" in reader.subject or "媒合" in reader.subject) == (True, True)


def test_a_centre_that_fails_stops_no_other(region, tmp_path, monkeypatch, caplog):
    real = job.gather

    def gather(space, store, centre, *rest, **named):
        if centre == "PABP":
            raise KeyError("unforeseen")
        return real(space, store, centre, *rest, **named)

    monkeypatch.setattr(job, "gather", gather)
    found = run_reports(region.space, settings_of(tmp_path, ""),
                        order_of(tmp_path, centres=("NOWHERE", "PABP", "CTSP")), tools())
    assert [(s.state, s.code) for s in found] == [("failed", 2), ("failed", 1), ("made", 0)]
    assert "unforeseen" in caplog.text
