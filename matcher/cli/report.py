"""Commands of the monthly report: run, list, show, diff, resend, subscriptions, alerts."""

from __future__ import annotations

import gc
from collections.abc import Iterable
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from matcher.cli.base import Bar, Month, json_option, language, say, show_json
from matcher.errors import InputError
from matcher.languages import render, translate
from matcher.report import files
from matcher.settings import Settings, load_settings
from matcher.vocabulary import Message

if TYPE_CHECKING:
    from matcher.report.batch import Order, Status
    from matcher.report.job import Tools

FORMATS = tuple(row.key for row in files.FORMATS)
# When to look for cycles of objects that nobody holds: a month's lists are millions without any,
# and to look at each hundred thousand took a fortieth of its time. The job soon ends.
COLLECT = (1_000_000, 10, 10)
centre_option = click.option("--centre", help="Centre code.")


@click.group()
def report() -> None:
    """Monthly match reports."""


def _tools() -> Tools:
    from matcher.report.job import Tools

    return Tools(lambda: datetime.now(UTC), Bar(), waits=lambda row: say(
        "{owner} is making this report since {time}; waiting for it.", owner=row.owner,
        time=_at(row.made)))


@report.command(name="run")
@click.option("--month", type=Month(), help="The month, e.g. 2026-10; without it, the last one.")
@centre_option
@click.option("--all", "everything", is_flag=True, help="Every centre that has needs.")
@click.option("--out", type=click.Path(file_okay=False, path_type=Path), help="Folder.")
@click.option("--format", "formats", multiple=True, type=click.Choice(FORMATS),
              help="May be repeated; without it, all formats.")
@click.option("--lang", "langs", multiple=True, type=click.Choice(("zh", "en")),
              help="May be repeated; without it, the language of the settings.")
@click.option("--draft", is_flag=True, help="The month so far; neither kept nor mailed.")
@click.option("--again", is_flag=True, help="Make a finished report anew.")
@click.option("--dry-run", is_flag=True, help="Say what would be done; write nothing.")
@json_option
def report_run(month: date | None, centre: str | None, everything: bool, out: Path | None,
               formats: tuple[str, ...], langs: tuple[str, ...], draft: bool, again: bool,
               dry_run: bool, as_json: bool) -> None:
    """Make, write and mail the month's report of one centre or of all."""
    from matcher import shows, workflow
    from matcher.report.batch import Order, plan_reports, rules_of, run_reports
    from matcher.report.calendar import last_month

    if bool(centre) == everything:
        raise InputError("Give either --centre CODE or --all.")
    shows.check_centre(centre)
    gc.set_threshold(*COLLECT)
    settings = load_settings()
    space = workflow.open_workspace(settings)
    order = Order(month or last_month(workflow.today()),
                  (centre,) if centre else tuple(space.store.needs_by_centre()),
                  formats or FORMATS, langs or (language(),), out or settings.home / "reports",
                  rules_of(settings), draft, again)
    if dry_run:
        _show(plan_reports(space, order, _tools()), order, as_json)
    else:
        _show(run_reports(space, settings, order, _tools()), order, as_json)


def _show(found: list[Status], order: Order, as_json: bool) -> None:
    """Print what became of each centre's report; leave with the highest exit code."""
    if as_json:
        show_json({"month": f"{order.first:%Y-%m}", "reports": [
            {**s.as_json(), "problems": [render(p, language()) for p in s.problems]}
            for s in found]})
    elif not found:
        say("No centre has needs yet; nothing to report.")
    else:
        for status in found:
            _show_one(status)
    if code := max((s.code for s in found), default=0):
        click.get_current_context().exit(code)


def _show_one(status: Status) -> None:
    say("{report}: {state}; {mails} mails, {encoded} texts encoded, {skipped} records left out",
        report=status.report_id, state=translate(status.state, language()), mails=status.mails,
        encoded=status.encoded, skipped=status.skipped)
    for file in status.files:
        click.echo(f"  {file}")
    _show_problems(status.problems)


def _show_problems(problems: Iterable[Message]) -> None:
    for problem in problems:
        click.echo(f"  {render(problem, language())}", err=True)


@report.command(name="list")
@centre_option
@json_option
def report_list(centre: str | None, as_json: bool) -> None:
    """List the reports that were made or are being made."""
    from matcher import shows
    from matcher.report.wording import in_taiwan
    from matcher.store.reports import report_rows

    shows.check_centre(centre)
    rows = report_rows(_store(), centre)
    if as_json:
        show_json([{"report": row.report_id, "made": in_taiwan(row.made).isoformat(),
                    "finished": row.finished and in_taiwan(row.finished).isoformat(),
                    "at_work": row.owner} for row in rows])
    elif not rows:
        say("There are no reports yet.")
    for row in () if as_json else rows:
        say("{report}: as it stood at {made}; finished {finished}", report=row.report_id,
            made=_at(row.made), finished=_at(row.finished) if row.finished else
            translate("not yet", language()))


def _at(moment: datetime) -> str:
    from matcher.report.calendar import taiwan_time

    return render(taiwan_time(moment), language())


def _store() -> Any:
    from matcher.store import open_store

    return open_store(load_settings().database_url)


@report.command(name="show")
@click.argument("report_id")
@click.option("--section", "sections", multiple=True, help="May be repeated; else all sections.")
@json_option
def report_show(report_id: str, sections: tuple[str, ...], as_json: bool) -> None:
    """Print a stored report."""
    from matcher.report.job import stored_report
    from matcher.report.model import to_plain
    from matcher.report.sections import check_sections
    from matcher.report.wording import as_text

    found = stored_report(_store(), report_id).for_office()
    found = found.only(check_sections(sections)) if sections else found
    if as_json:
        show_json(to_plain(found))
    else:
        click.echo(as_text(found, language()))


@report.command(name="diff")
@click.argument("before")
@click.argument("after")
@json_option
def report_diff(before: str, after: str, as_json: bool) -> None:
    """Compare the matches of two stored reports of a centre, with the causes."""
    from matcher.report.differences import compare_reports
    from matcher.report.job import stored_facts
    from matcher.report.sections.matches import CHANGE_NAMES

    store = _store()
    rows = [{"change": d.change, "need": d.need, "offer": d.offer, "rank": d.rank,
             "rank_before": d.rank_before,
             "causes": [render(c.message, language()) for c in d.causes]}
            for d in compare_reports(stored_facts(store, before), stored_facts(store, after))]
    if as_json:
        show_json(rows)
    elif not rows:
        say("Neither report holds a match.")
    for row in () if as_json else rows:
        click.echo(f"{translate(CHANGE_NAMES[row['change']], language())}  {row['need']} × "  # type: ignore[index]
                   f"{row['offer']}  {row['rank_before'] or '–'} → {row['rank'] or '–'}  "
                   + "; ".join(row["causes"]))  # type: ignore[arg-type]



@report.command(name="resend")
@click.argument("report_id")
@click.option("--to", "only", multiple=True, help="E-mail of a subscriber; may be repeated.")
@json_option
def report_resend(report_id: str, only: tuple[str, ...], as_json: bool) -> None:
    """Mail a stored report once more to its subscribers."""
    from matcher import workflow
    from matcher.report.batch import resend

    settings: Settings = load_settings()
    queued = resend(workflow.open_workspace(settings), settings, report_id, only, _tools())
    if as_json:
        show_json({"mails": queued.mails,
                   "problems": [render(p, language()) for p in queued.problems]})
    else:
        say("{count} mails queued", count=queued.mails)
        _show_problems(queued.problems)
    if queued.problems:
        click.get_current_context().exit(3)


@report.command(name="subscribe")
@click.argument("email")
@click.option("--centre", required=True, help="Centre code.")
@click.option("--format", "form", type=click.Choice(FORMATS), default="pdf", show_default=True)
@click.option("--lang", type=click.Choice(("zh", "en")), default="zh", show_default=True)
@click.option("--section", "sections", multiple=True, help="May be repeated; else all sections.")
@click.option("--alert", type=float, help="A score 0-1: mail each new match from there on.")
@click.option("--need", help="With --alert: of this need only.")
@json_option
def report_subscribe(email: str, centre: str, form: str, lang: str, sections: tuple[str, ...],
                     alert: float | None, need: str | None, as_json: bool) -> None:
    """Send a centre's reports, or alerts of new matches, to an account."""
    from matcher import shows
    from matcher.accounts import by_email, viewer_of
    from matcher.report.subscriptions import Wish, subscribe

    shows.check_centre(centre)
    store = _store()
    number = subscribe(store, viewer_of(by_email(store, email)),
                       Wish(centre, lang, form, sections, need, alert), datetime.now(UTC))
    if as_json:
        show_json({"subscription": number})
    else:
        say("Subscription {number} is noted.", number=number)


@report.command(name="unsubscribe")
@click.argument("email")
@click.argument("number", type=int)
@json_option
def report_unsubscribe(email: str, number: int, as_json: bool) -> None:
    """End a subscription of an account."""
    from matcher.accounts import by_email, viewer_of
    from matcher.report.subscriptions import unsubscribe

    store = _store()
    unsubscribe(store, viewer_of(by_email(store, email)), number)
    if as_json:
        show_json({"subscription": number})
    else:
        say("Subscription {number} has ended.", number=number)


@report.command(name="alerts")
@centre_option
@json_option
def report_alerts(centre: str | None, as_json: bool) -> None:
    """Queue and send alerts of new matches above subscribers' thresholds; for a daily job."""
    from matcher import mail, shows, workflow
    from matcher.report.delivery import send_alerts

    shows.check_centre(centre)
    settings = load_settings()
    space, now = workflow.open_workspace(settings), datetime.now(UTC)
    codes = [centre] if centre else list(space.store.needs_by_centre())
    count = sum(send_alerts(space, code, workflow.today(), now, Bar()) for code in codes)
    mail.deliver(space.store, settings, now)
    if as_json:
        show_json({"mails": count})
    else:
        say("{count} mails queued", count=count)
