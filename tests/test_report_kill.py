"""A report's job is killed with SIGKILL at any point and run again: the same files, one mail a reader.

A server may have accepted a mail in the moment before the job dies, and the job never noted it. Nobody
can tell this from a mail that was never sent, so after the hour of its claim it is sent again: with the
same Message-ID and the same content, by which mail programs show it once. In all other cases there is
one mail.
"""

from __future__ import annotations

import os
import shutil
import signal
import time
from collections import Counter
from datetime import UTC, date, datetime, timedelta
from email import message_from_bytes
from email.policy import default
from random import Random

import pytest
from conftest import account_in, smtp_server
from report_child import FORMATS, LANGS, PROCESSES, run, settings_of
from simulated_year import Year

from matcher import mail
from matcher.accounts import by_email, viewer_of
from matcher.report.job import Tools, make_report
from matcher.report.subscriptions import Wish, subscribe
from matcher.store import open_store
from matcher.store.outbox import mails
from matcher.store.reports import report_row

NOW = datetime(2027, 1, 2, 4, tzinfo=UTC)
STEPS = ["claimed", "read", "matched", "facts", "content", "files", "mails", "finished"]
# Who gets the report: role → what they want of it. The last two get none: an alert, and a centre that is not theirs.
READERS = {
    "reader": Wish("CTSP", "zh", "html"), "centre-admin": Wish("CTSP", "en", "xlsx"),
    "system-admin": Wish("CTSP", "zh", "json", ("summary", "gaps")), "alerted": Wish("CTSP", threshold=0.9), "elsewhere": Wish("STSP"),
}
REPORTED = {"reader@example.org", "centre-admin@example.org", "system-admin@example.org"}


class Server:
    """Takes mail; once told so, it kills the sender after it accepted a mail, before it says so."""

    def __init__(self):
        self.mails, self.victim = [], None

    async def handle_DATA(self, server, session, envelope):  # noqa: N802
        self.mails.append((envelope.rcpt_tos[0], envelope.content))
        if self.victim:
            os.kill(self.victim, signal.SIGKILL)
            self.victim = None
            time.sleep(0.1)
        return "250 OK"


@pytest.fixture(scope="module")
def server():
    with smtp_server(Server()) as box:
        yield box


@pytest.fixture(scope="module")
def prepared(tmp_path_factory):
    """A store with a month that was reported, one that is to be, and subscribers."""
    home = tmp_path_factory.mktemp("prepared")
    region = Year(open_store(settings_of(home, "").database_url), needs=8, offers=16, evidence=24)
    make_report(region.space, "CTSP", date(2026, 11, 1), region.rules, Tools(lambda: NOW - timedelta(days=31), lambda *a: None), lambda made: None)
    region.live(date(2026, 12, 1), busy=False)
    for name, wish in READERS.items():
        role = {"alerted": "centre-admin", "elsewhere": "reader"}.get(name, name)
        account_in(region.store, role=role, centre=None if role == "system-admin" else wish.centre, name=name)
        subscribe(region.store, viewer_of(by_email(region.store, f"{name}@example.org")), wish, NOW)
    region.store._engine.dispose()
    return home


@pytest.fixture(scope="module")
def whole(prepared, server, tmp_path_factory):
    """The uninterrupted run: its files and the names of its points."""
    home = copy_of(prepared, tmp_path_factory.mktemp("whole"))
    start(home, server).join(60)
    found = files_of(home), (home / "points").read_text("utf-8").split()
    told = [who for who, _ in server.mails]
    server.mails.clear()
    assert len(found[0]) == len(FORMATS) * len(LANGS)
    assert Counter(told) == dict.fromkeys(REPORTED, 1)
    return found


def copy_of(prepared, folder):
    return shutil.copytree(prepared, folder / "home")


def start(home, server, stop_at=0):
    child = PROCESSES.Process(target=run, args=(str(home), server.url, NOW.isoformat(), stop_at))
    child.start()
    return child


def files_of(home):
    """Every file of the folder, parts of files too."""
    return {file.name: file.read_bytes() for file in (home / "reports").glob("*")}


def finish(home, server):
    """Run again until the job ends by itself; then send what waits out its hour."""
    for _ in range(3):
        child = start(home, server)
        child.join(60)
        if child.exitcode == 0:
            break
    assert child.exitcode == 0
    store = open_store(settings_of(home, server.url).database_url)
    waited = mail.deliver(store, settings_of(home, server.url), NOW + timedelta(hours=2)).sent
    found, left = report_row(store, "2026-12-CTSP"), [m for m in mails(store) if m.sent is None]
    store._engine.dispose()
    assert (found.finished, found.made, left) == (NOW, NOW, [])
    return waited


def check(home, server, whole):
    """The same bytes as without interruption; one message a reader."""
    assert files_of(home) == whole[0]
    told = {(who, message_from_bytes(content, policy=default)["Message-ID"]) for who, content in server.mails}
    assert sorted(who for who, _ in told) == sorted(REPORTED)
    contents = {who: {content for other, content in server.mails if other == who} for who in REPORTED}
    assert all(len(different) == 1 for different in contents.values()) or same_but_for_boundaries(contents)


def same_but_for_boundaries(contents):
    """Two sendings of one mail differ in the random line between its parts only."""
    for different in contents.values():
        parts = {tuple(bytes(part.get_payload(decode=True) or b"") for part in message_from_bytes(c, policy=default).walk()) for c in different}
        if len(parts) != 1:
            return False
    return True


def killed_at(point, prepared, server, whole, folder):
    """Kill the job at its point-th point, finish it, and look at files and mails."""
    home = copy_of(prepared, folder)
    child = start(home, server, point)
    child.join(60)
    assert child.exitcode == -signal.SIGKILL, child.exitcode
    finish(home, server)
    check(home, server, whole)
    assert len(server.mails) == len(REPORTED)
    server.mails.clear()


def test_every_step_is_a_point(whole):
    steps = [name for name in whole[1] if name in STEPS]
    assert steps == STEPS
    assert len(whole[1]) > len(STEPS) + 4


@pytest.mark.slow
@pytest.mark.parametrize("step", ["read", "match", "content", "files", "finished"])
def test_killed_at_a_step_and_run_again(step, prepared, server, whole, tmp_path):
    killed_at(whole[1].index(step) + 1, prepared, server, whole, tmp_path)


def test_killed_after_the_server_accepted_a_mail_and_before_that_was_noted(prepared, server, whole, tmp_path):
    home = copy_of(prepared, tmp_path)
    child = start(home, server)
    server.victim = child.pid
    child.join(60)
    assert child.exitcode == -signal.SIGKILL
    assert finish(home, server) == 1
    check(home, server, whole)
    assert len(server.mails) == len(REPORTED) + 1, "the mail whose acceptance was never noted comes twice, as one message"
    server.mails.clear()


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(50))
def test_killed_at_a_random_point(seed, prepared, server, whole, tmp_path):
    """Half the points are counted, half are delays from the start to past the end."""
    random = Random(seed)
    if seed % 2:
        killed_at(random.randint(1, len(whole[1])), prepared, server, whole, tmp_path)
        return
    home = copy_of(prepared, tmp_path)
    child = start(home, server)
    time.sleep(random.uniform(0.05, 2.0))
    child.kill()
    child.join(60)
    finish(home, server)
    check(home, server, whole)
    server.mails.clear()
