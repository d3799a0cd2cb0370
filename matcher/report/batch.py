"""The month's reports of several centres, one after the other; one that fails stops no other."""

from __future__ import annotations

import logging
import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from pathlib import Path
from typing import Any

from matcher import mail
from matcher.allocation import read_group
from matcher.errors import (
    InputError,
    MatcherError,
    SettingError,
    UnknownRecordError,
    system_message,
)
from matcher.reference import centres
from matcher.report.calendar import check_month
from matcher.report.delivery import Queued, Written, queue_mails, write_files
from matcher.report.facts import Quota, Rules
from matcher.report.job import (
    Made,
    Tools,
    draft_report,
    hand_on,
    make_report,
    report_id_of,
    stored_report,
)
from matcher.report.model import Report
from matcher.report.subscriptions import recipients
from matcher.settings import Settings
from matcher.store.outbox import drop_report_mails, mails, report_key
from matcher.store.reports import report_row
from matcher.vocabulary import Message
from matcher.workspace import Workspace

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Order:
    """What is to be made: the month's first day, centres, formats, languages, folder."""

    first: date
    centres: tuple[str, ...]
    formats: tuple[str, ...]
    langs: tuple[str, ...]
    folder: Path
    rules: Rules
    draft: bool = False
    again: bool = False


@dataclass(frozen=True, slots=True)
class Status:
    """What became of one centre's report; ``state``: made, found, draft, planned or failed.

    ``code`` is the exit code a failure asks for; ``problems`` what could not be done.
    """

    report_id: str
    state: str
    files: tuple[Path, ...] = ()
    mails: int = 0
    encoded: int = 0
    skipped: int = 0
    code: int = 0
    problems: tuple[Message, ...] = ()

    def as_json(self) -> dict[str, Any]:
        """Give the status as plain values for a scheduler."""
        return {"report": self.report_id, "state": self.state, "files": list(self.files),
                "mails": self.mails, "texts_encoded": self.encoded,
                "records_left_out": self.skipped, "exit_code": self.code}


def rules_of(settings: Settings) -> Rules:
    """Give the rules of reports that the settings say; raise ``SettingError`` for a bad quota."""
    texts = [text for text in re.split("[;；]", settings.values["QUOTAS"]) if text.strip()]
    try:
        quotas = tuple(dict.fromkeys(Quota(*read_group(text)) for text in texts))
    except InputError as problem:
        raise SettingError("The setting MATCHER_QUOTAS: {problem}", problem=problem.message
                           ) from problem
    return Rules(settings.threshold, *settings.loads, quotas=quotas)


def run_reports(space: Workspace, settings: Settings, order: Order, tools: Tools) -> list[Status]:
    """Make the reports of an order, then send what mail is due, that of a job that died too.

    A setting of mail that cannot be used is a problem of the last status: the reports are made, and
    their mails wait. Raises ``InputError`` for a month that is not over.
    """
    check_month(order.first, tools.now(), order.draft)
    found = [_one(space, order, code, tools) for code in order.centres]
    if not found or order.draft or not mails(space.store, due=tools.now()):
        return found
    try:
        mail.deliver(space.store, settings, tools.now())
    except SettingError as problem:
        last = found[-1]
        found[-1] = replace(last, problems=(*last.problems, problem.message),
                            code=max(last.code, problem.exit_code))
    return found


def plan_reports(space: Workspace, order: Order, tools: Tools) -> list[Status]:
    """Say what an order would do; nothing is written, matched or mailed."""
    check_month(order.first, tools.now(), order.draft)
    return [_planned(space, order, code) for code in order.centres]


def _planned(space: Workspace, order: Order, code: str) -> Status:
    report_id = report_id_of(code, order.first)
    if order.draft:
        return Status(report_id, "draft")
    wanted = [account.account_id for wish, account in recipients(space.store, code)
              if not wish.is_alert]
    row = report_row(space.store, report_id)
    if row and row.finished and not order.again:  # only who has subscribed since gets a mail
        known, start = {m.key for m in mails(space.store)}, report_key(report_id, row.made)
        return Status(report_id, "found", mails=sum(start + a not in known for a in wanted))
    return Status(report_id, "planned", mails=len(wanted))


def _one(space: Workspace, order: Order, code: str, tools: Tools) -> Status:
    report_id = report_id_of(code, order.first)
    try:
        if code not in centres():
            raise UnknownRecordError("centre", code)
        if order.draft:
            return _drafted(space, order, code, tools)
        return _made(space, order, code, tools)
    except MatcherError as problem:
        return Status(report_id, "failed", code=problem.exit_code, problems=(problem.message,))
    except OSError as problem:
        return Status(report_id, "failed", code=1,
                      problems=(system_message(problem, order.folder),))
    except Exception:  # the other centres' reports are made all the same
        log.exception("the report %s failed", report_id)
        return Status(report_id, "failed", code=1,
                      problems=(Message("Something went wrong; it was written down."),))


def _drafted(space: Workspace, order: Order, code: str, tools: Tools) -> Status:
    report = draft_report(space, code, order.first, order.rules, tools)
    written = write_files(report, order.folder, order.formats, order.langs)
    return Status(report_id_of(code, order.first), "draft", written.files,
                  skipped=_left_out(report), code=_code(written.problems),
                  problems=written.problems)


@dataclass
class _Finish:
    """What a job does with a report: files, then mails."""

    space: Workspace
    order: Order
    tools: Tools
    written: Written = field(default_factory=lambda: Written(()))
    queued: Queued = field(default_factory=lambda: Queued(0))

    def __call__(self, made: Made) -> None:
        self.written = write_files(made.report, self.order.folder, self.order.formats,
                                   self.order.langs)
        self.tools.step("files")
        self.queued = queue_mails(self.space.store, made.report_id, made.report, self.tools.now())


def _made(space: Workspace, order: Order, code: str, tools: Tools) -> Status:
    finish = _Finish(space, order, tools)
    made = make_report(space, code, order.first, order.rules, tools, finish, order.again)
    if not made.fresh:  # what could not be written or mailed then is now; the rest is there
        made = hand_on(space.store, made.report_id, made, finish)
    problems = (*finish.written.problems, *finish.queued.problems)
    return Status(made.report_id, "made" if made.fresh else "found", finish.written.files,
                  finish.queued.mails, made.encoded, _left_out(made.report), _code(problems),
                  problems)


def _code(problems: Sequence[Message]) -> int:
    return 3 if problems else 0


def _left_out(report: Report) -> int:
    return len(report.table("skipped").rows)


def resend(space: Workspace, settings: Settings, report_id: str, only: Sequence[str], tools: Tools
           ) -> Queued:
    """Mail a stored report once more to its subscribers, or to some of them.

    Raises ``UnknownRecordError`` for a report that is not there, and ``InputError`` for addresses
    that do not get it.
    """
    report = stored_report(space.store, report_id)
    known = {account.email for wish, account in recipients(space.store, report.centre)
             if not wish.is_alert}
    only = [address.strip().lower() for address in only]
    if strangers := [address for address in dict.fromkeys(only) if address not in known]:
        raise InputError("No subscribers of the report {report}: {found}; nothing was mailed.",
                         report=report_id, found=", ".join(strangers))
    queued = queue_mails(space.store, report_id, report, tools.now(), only, again=True)
    while (present := stored_report(space.store, report_id)) != report:  # a text was erased
        report = present
        with space.store.writing() as connection:
            drop_report_mails(connection, report_id)
        queued = queue_mails(space.store, report_id, report, tools.now(), only, again=True)
    mail.deliver(space.store, settings, tools.now())
    return queued
