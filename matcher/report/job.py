"""The job that makes a month's report: claimed, gathered, written, mailed; each step once.

Every step leaves its result in the store and is found there by the next try, so that a job that was
stopped at any point goes on where it was and writes the same bytes. One report is made by one job
at a time; another waits for it and then finds it finished.
"""

from __future__ import annotations

import hashlib
import os
import socket
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta

from matcher.errors import InputError, UnknownRecordError
from matcher.forking import Beside, can_fork
from matcher.report.calendar import check_month
from matcher.report.facts import Facts, Rules
from matcher.report.gather import gather
from matcher.report.model import Report, to_report
from matcher.report.month import Month
from matcher.report.writing import (
    Earlier,
    PackedReport,
    build_report,
    content_from,
    matched,
    read,
    write,
)
from matcher.store import Store
from matcher.store.outbox import drop_report_mails
from matcher.store.reports import (
    AGAIN,
    ReportRow,
    claim_report,
    content_of,
    extend_lease,
    finish_report,
    free_report,
    is_again,
    packed_facts,
    put_content,
    put_facts,
    put_instant,
    report_row,
    report_rows,
    state_of,
)
from matcher.workspace import Progress, Workspace

LEASE = timedelta(minutes=10)
RENEW_S = 30.0
POLL_S = 1.0
# Lists for which a second process is worth its start, and how long it is waited for while nobody
# else may write: less than they wait.
WORTH_TWO = 200
LOCKED_S = 2.0
Clock = Callable[[], datetime]
# Told of each step by name; the tests stop the job there.
Step = Callable[[str], None]


@dataclass(frozen=True)
class Tools:
    """What a job works with: the clock, who is told of progress and steps, and who waits.

    ``waits`` is told the report and its owner while another job has it.
    """

    now: Clock
    progress: Progress
    step: Step = lambda name: None
    waits: Callable[[ReportRow], None] = lambda row: None
    pause: Callable[[float], None] = time.sleep


@dataclass(frozen=True, slots=True)
class Made:
    """A report that was made or found; ``encoded`` counts the texts this job had to encode."""

    report_id: str
    report: Report
    fresh: bool
    encoded: int = 0


def report_id_of(centre: str, first: date) -> str:
    """Name a report, e.g. 2026-10-CTSP."""
    return f"{first:%Y-%m}-{centre}"


def own_name() -> str:
    """Name who works here among all that may make reports: host, process id, thread but the main.

    Two threads of one process are two jobs.
    """
    here = threading.current_thread()
    thread = "" if here is threading.main_thread() else f":{here.native_id}"
    return f"{socket.gethostname()}:{os.getpid()}{thread}"


def is_gone(owner: str) -> bool:
    """Say whether an owner was a process of this machine that works no more."""
    host, number, *_ = [*owner.split(":"), ""]
    if host != socket.gethostname() or not number.isdecimal():
        return False
    try:
        os.kill(int(number), 0)
    except ProcessLookupError:
        return True
    except OSError:
        return False
    return False


def make_report(space: Workspace, centre: str, first: date, rules: Rules, tools: Tools,
                finish: Callable[[Made], None], again: bool = False) -> Made:
    """Make a centre's report of a month, or find the finished one.

    ``finish`` writes files and queues mails, before the report counts as finished; a job that
    fails frees the report for the next. ``again`` makes a finished one once more: it stays until
    the new one takes its place, before files and mails. Raises ``InputError`` for a month that is
    not over, and where a later report compared with the one to be made again.
    """
    check_month(first, tools.now(), draft=False)
    report_id, owner = report_id_of(centre, first), own_name()
    if again and is_finished(space.store, report_id):
        _check_latest(space.store, centre, first)
        report_id += AGAIN
    row = _claimed(space.store, report_id, centre, first, owner, tools)
    if row.finished is not None:
        return Made(report_id, stored_report(space.store, report_id), fresh=False)
    try:
        return _carried_out(space, row, rules, owner, tools, finish)
    except BaseException:
        free_report(space.store, report_id, owner)
        raise


def _carried_out(space: Workspace, row: ReportRow, rules: Rules, owner: str, tools: Tools,
                 finish: Callable[[Made], None]) -> Made:
    """Do the steps of a claimed report that are not done yet."""
    store, report_id = space.store, row.report_id
    tools.step("claimed")
    written, encoded = _keep_facts(space, row, rules, owner, tools)
    tools.step("facts")
    _keep_content(store, row, owner, written)
    tools.step("content")
    if is_again(report_id):
        _check_latest(store, row.centre, row.month)
    made = Made(report_id.removesuffix(AGAIN), stored_report(store, report_id), True, encoded)
    if is_again(report_id):  # first takes the old one's place: none is mailed that is then dropped
        _kept(finish_report(store, report_id, owner, tools.now()))
        tools.step("finished")
        made = hand_on(store, made.report_id, made, finish)
        tools.step("mails")
        return made
    made = hand_on(store, report_id, made, finish)
    tools.step("mails")
    _kept(finish_report(store, report_id, owner, tools.now()))
    tools.step("finished")
    return made


def hand_on(store: Store, report_id: str, made: Made, finish: Callable[[Made], None]) -> Made:
    """Write files and queue mails; once more where a text was erased while that was done."""
    finish(made)
    while (report := stored_report(store, report_id)) != made.report:
        made = replace(made, report=report)
        with store.writing() as connection:
            drop_report_mails(connection, made.report_id)
        finish(made)
    return made


def draft_report(space: Workspace, centre: str, first: date, rules: Rules, tools: Tools) -> Report:
    """Make the report of a month so far; nothing of it is kept."""
    check_month(first, tools.now(), draft=True)
    before = earlier(space.store, centre, first)
    with space.store.frozen() as frozen:
        gathered = gather(space, frozen, centre, first, rules, _instant(tools.now()),
                          tools.progress, before)
    lists = {found.need.need_id: found for found in gathered.lists}
    return build_report(Month(gathered.facts, lists, before.facts), draft=True)


def stored_report(store: Store, report_id: str) -> Report:
    """Give what a stored report says; raise ``UnknownRecordError``."""
    content = content_of(store, report_id)
    if content is None:
        raise UnknownRecordError("report", report_id)
    return to_report(content)


def stored_facts(store: Store, report_id: str) -> Facts:
    """Give what a stored report is made of; raise ``UnknownRecordError``."""
    return read(_packed(store, report_id))


def _packed(store: Store, report_id: str) -> bytes:
    packed = packed_facts(store, report_id)
    if not packed:
        raise UnknownRecordError("report", report_id)
    return packed


def earlier(store: Store, centre: str, first: date) -> Earlier:
    """Give what the centre's last finished report before a month was made of."""
    finished = [row.report_id for row in report_rows(store, centre)
                if row.month < first and row.finished is not None]
    return Earlier(finished[-1], _packed(store, finished[-1])) if finished else Earlier()


def is_finished(store: Store, report_id: str) -> bool:
    """Say whether a report is there to be read."""
    row = report_row(store, report_id)
    return row is not None and row.finished is not None


def _check_latest(store: Store, centre: str, first: date) -> None:
    """Refuse to make a report again that a later one compared with."""
    later = [row.report_id for row in report_rows(store, centre) if row.month > first]
    if later:
        raise InputError("The report {report} cannot be made again: {later} was compared with it.",
                         report=report_id_of(centre, first), later=later[0])


def _claimed(store: Store, report_id: str, centre: str, first: date, owner: str, tools: Tools
             ) -> ReportRow:
    """Claim a report; wait while another job has it."""
    told: str | None = None
    while True:
        now = tools.now()
        row = claim_report(store, report_id, centre, first, owner, _instant(now), now + LEASE,
                           is_gone)
        if row.finished is not None or row.owner == owner:
            return row
        if row.owner != told:
            tools.waits(row)
            told = row.owner
        tools.pause(POLL_S)


def _keep_facts(space: Workspace, row: ReportRow, rules: Rules, owner: str, tools: Tools
                ) -> tuple[PackedReport | None, int]:
    """Gather and store what the report is made of; None where that was done before.

    Gives how many texts were encoded as well.
    """
    if packed_facts(space.store, row.report_id):
        return None, 0
    before = earlier(space.store, row.centre, row.month)
    with space.store.frozen() as frozen:
        mark = _mark(space, frozen, rules)
        made = row.made if row.mark == mark else _instant(tools.now())
        _kept(put_instant(space.store, row.report_id, owner, made, mark))
        tools.step("read")
        gathered = gather(space, frozen, row.centre, row.month, rules, made,
                          _renewing(space.store, row.report_id, owner, tools), before)
        present = frozen.presence()
    tools.step("matched")
    space.keep_sentences(lambda: space.store.presence() == present)
    is_large = len(gathered.lists) >= WORTH_TWO
    with Beside(lambda: write(gathered.facts, gathered.lists, before),
                is_large and can_fork()) as written:
        if not written.is_beside:  # now, while others may write
            written.result()
        _kept(put_facts(space.store, row.report_id, owner,
                        lambda: written.result(LOCKED_S).facts, gathered.lists))
        return written.result(), gathered.encoded


def _mark(space: Workspace, frozen: Store, rules: Rules) -> str:
    """Name the state of everything a report is made of."""
    parts = (state_of(frozen), space.encoder.revision, space.ranker.revision, rules)
    return hashlib.sha256(repr(parts).encode("utf-8", "surrogatepass")).hexdigest()


def _keep_content(store: Store, row: ReportRow, owner: str, written: PackedReport | None) -> None:
    """Store what the report says; once more where a text of it was erased meanwhile.

    What was ``written`` with the facts holds if nothing was erased since from them or from those
    of the month before.
    """
    while content_of(store, row.report_id) is None:
        packed = packed_facts(store, row.report_id) or b""
        _kept(bool(packed))
        before = earlier(store, row.centre, row.month)
        holds = written and (written.facts, written.before) == (packed, before.packed)
        says = written.content if written and holds else _said(store, packed, before)
        made_from = {row.report_id: packed, **before.by_id}
        _kept(put_content(store, row.report_id, owner, says, made_from))


def _said(store: Store, packed: bytes, before: Earlier) -> bytes:
    """Say what a report says from what is stored of it."""
    facts = read(packed)
    lists = store.match_lists(facts.run.run_id, matched(facts)).values()
    return content_from(facts, lists, before)


def _renewing(store: Store, report_id: str, owner: str, tools: Tools) -> Progress:
    """Give a progress callback that also keeps the report's lease."""
    last = [time.monotonic()]

    def progress(step: str, done: int, total: int) -> None:
        tools.progress(step, done, total)
        if time.monotonic() - last[0] > RENEW_S:
            _kept(extend_lease(store, report_id, owner, tools.now() + LEASE))
            last[0] = time.monotonic()

    return progress


def _kept(still_ours: bool) -> None:
    """Stop where another job has taken the report over."""
    if not still_ours:
        raise InputError("Another job has taken this report over; nothing was lost.")


def _instant(now: datetime) -> datetime:
    return now.replace(microsecond=0)


