"""A report's files on disk, its mails, and alerts of strong new matches.

Each recipient gets one mail a report, in the language and form of the subscription, with no more in
it than the role may see.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path

from matcher import mail, workflow
from matcher.errors import MatcherError
from matcher.report.calendar import next_month, taiwan_time
from matcher.report.facts import Facts
from matcher.report.files import Format, format_of
from matcher.report.job import earlier, is_gone, own_name
from matcher.report.model import Report
from matcher.report.quarantine import prepared
from matcher.report.subscriptions import is_office, recipients, wanted_needs
from matcher.store import Store
from matcher.store.accounts import Account
from matcher.store.outbox import alert_key, report_key
from matcher.store.subscriptions import Subscription
from matcher.vocabulary import Match, Message, Need
from matcher.workspace import Progress, Workspace


@dataclass(frozen=True, slots=True)
class Written:
    """The files of a report, and the formats that could not be written with why."""

    files: tuple[Path, ...]
    problems: tuple[Message, ...] = ()


def write_files(report: Report, folder: Path, formats: Iterable[str], langs: Iterable[str]
                ) -> Written:
    """Write a report in some formats and languages, each file whole or not at all.

    A format that cannot be written on this machine is left out and named.
    """
    files, problems, report = [], [], report.for_office()
    for row in map(format_of, dict.fromkeys(formats)):
        try:
            files += [write_whole(folder / file_name(report, lang, row), row.write(report, lang))
                      for lang in dict.fromkeys(langs)]
        except MatcherError as problem:
            problems.append(problem.message)
    return Written(tuple(files), tuple(problems))


def file_name(report: Report, lang: str, row: Format) -> str:
    """Name a report's file, e.g. 2026-10-CTSP.zh.pdf."""
    draft = ".draft" if report.draft else ""
    return f"{report.first:%Y-%m}-{report.centre}{draft}.{lang}{row.suffix}"


def write_whole(path: Path, content: bytes) -> Path:
    """Write a file so that a reader sees the old or the new one, never a half.

    Files, and a folder made for them, are for the account of this program alone.
    """
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    part = path.with_name(f"{path.name}.{own_name().replace(':', '+')}.part")
    _sweep(path)
    try:
        part.unlink(missing_ok=True)
        part.touch(0o600)
        with part.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)
    except OSError:
        part.unlink(missing_ok=True)
        raise
    return path


def _sweep(path: Path) -> None:
    """Remove what jobs that were killed while they wrote the file have left of it."""
    for part in path.parent.glob(f"{path.name}.*.part"):
        if is_gone(part.name[len(path.name) + 1:-len(".part")].replace("+", ":")):
            part.unlink(missing_ok=True)


@dataclass(frozen=True, slots=True)
class Queued:
    """Mails that were queued, and what could not be made for whom."""

    mails: int
    problems: tuple[Message, ...] = ()


def queue_mails(store: Store, report_id: str, report: Report, now: datetime,
                only: Sequence[str] = (), again: bool = False) -> Queued:
    """Queue a mail for each subscriber, once a recipient and report.

    ``only`` names e-mail addresses; ``again`` sends what was sent before once more.
    """
    count, problems = 0, []
    for wish, account in recipients(store, report.centre):
        if wish.is_alert or (only and account.email not in only):
            continue
        row = format_of(wish.format)
        own = report.for_office() if is_office(account) else report.for_readers()
        own = own.only(wish.sections) if wish.sections else own
        if not own.sections:  # all that was chosen is for the office, and this is no longer of it
            continue
        key = report_key(report_id, report.made) + account.account_id
        try:
            content = row.write(own, wish.lang)
        except MatcherError as problem:
            problems.append(problem.message)
            continue
        count += mail.queue(store, f"{key}/{now.timestamp():.0f}" if again else key, account.email,
                            SUBJECT.of(report), BODY.of(report), wish.lang, now,
                            [(file_name(own, wish.lang, row), row.media_type.split(";")[0],
                              content)])
    return Queued(count, tuple(problems))


@dataclass(frozen=True, slots=True)
class _Text:
    """A sentence about a report."""

    id: str

    def of(self, report: Report) -> Message:
        return Message(self.id, {
            "month": f"{report.first:%Y-%m}", "made": taiwan_time(report.made),
            "centre": {"zh": report.name.zh, "en": report.name.en}})


SUBJECT = _Text("Monthly match report {month}: {centre}")
BODY = _Text("The monthly match report of {centre} for {month} is attached. It shows the data as "
             "they stood at {made}.")


def send_alerts(space: Workspace, centre: str, day: date, now: datetime, progress: Progress) -> int:
    """Queue a mail for each match above an alert's threshold that was not told of before.

    What stood above the threshold in the centre's last report is not new. Records that cannot be
    read are left out, as they are in the report, which names them.
    """
    found = [(s, account) for s, account in recipients(space.store, centre)
             if s.is_alert and is_office(account)]
    if not found:
        return 0
    with space.store.frozen() as frozen:
        batch, _ = prepared(space, frozen, progress)
        needs = wanted_needs([s for s, _ in found], batch.store.needs(centre))
        lists = list(workflow.match(batch, needs=needs, top=10, day=day, progress=progress))
        titles = {o.offer_id: o.title for o in batch.store.offers()}
    before = earlier(space.store, centre, next_month(day)).facts
    return sum(_alert(space.store, wish, account, listed.need, match, titles, now)
               for wish, account in found for listed in lists
               if wish.need_id in (None, listed.need.need_id)
               for match in listed.matches if _is_new(match, wish.threshold or 0.0, before))


def _is_new(match: Match, threshold: float, before: Facts | None) -> bool:
    known = before.scores.get(match.need_id, {}).get(match.offer_id) if before else None
    return match.score >= threshold and (known is None or known < threshold)


def _alert(store: Store, wish: Subscription, account: Account, need: Need, match: Match,
           titles: Mapping[str, str], now: datetime) -> bool:
    """Queue one mail a match; a pair that was told of is not told again."""
    return mail.queue(
        store, alert_key(account.account_id, need.need_id, match.offer_id), account.email,
        Message("New match for {need}", {"need": need.need_id}),
        Message("The need “{title}” has a match with a score of {score}: {offer}.",
                {"title": need.title or need.need_id, "score": f"{match.score:.2f}",
                 "offer": titles.get(match.offer_id) or match.offer_id}), wish.lang, now,
        about=(need.need_id, match.offer_id))
