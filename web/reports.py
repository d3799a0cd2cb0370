"""Monthly reports: which there are, each in every format, and who gets them by mail."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from flask import Blueprint, Response, g, redirect, render_template, request, url_for

from matcher.errors import InputError
from matcher.languages import render
from matcher.reference import centres
from matcher.report import reading, subscriptions
from matcher.report.calendar import taiwan_time
from matcher.report.delivery import file_name
from matcher.report.files import FORMATS, format_of
from matcher.report.sections import SECTION_TITLES
from matcher.vocabulary import Message
from web.access import allow, now
from web.lists import workspace
from web.shell import notice, page_language

pages = Blueprint("reports", __name__)
# A report brings its own style inside; it may load nothing, run nothing and send nothing.
OWN_STYLE = ("default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; "
             "form-action 'none'; frame-ancestors 'none'; sandbox")


@pages.get("/reports")
@allow("see-report")
def show() -> str:
    """List the reports the viewer may read, and the viewer's subscriptions."""
    store = workspace().store
    return render_template(
        "reports.html", reports=reading.readable_reports(store, g.viewer), formats=FORMATS,
        own=subscriptions.own_subscriptions(store, g.viewer), titles=SECTION_TITLES,
        sections=subscriptions.sections_for(g.viewer.role), at=_at,
        codes=[g.viewer.centre] if g.viewer.role != "system-admin" else list(centres()),
        is_office=subscriptions.is_office(g.viewer))


@pages.get("/reports/<report_id>.<key>")
@allow("see-report")
def file(report_id: str, key: str) -> Response:
    """Give a report in a format: HTML to be read here, the others to be kept."""
    row, lang = format_of(key), page_language()
    found = reading.report_for(workspace().store, g.viewer, report_id)
    kept = {} if key == "html" else {
        "Content-Disposition": f"attachment; filename={file_name(found, lang, row)}"}
    return Response(row.write(found, lang), content_type=row.media_type,
                    headers={"Content-Security-Policy": OWN_STYLE, **kept})


@pages.post("/reports/subscriptions")
@allow("see-report")
def subscribe() -> Any:
    """Note a subscription or an alert."""
    subscriptions.subscribe(workspace().store, g.viewer, _wish(request.form), now())
    notice(Message("Your subscription is noted."))
    return redirect(url_for("reports.show"))


@pages.post("/reports/subscriptions/<int(max=2147483647):number>/end")
@allow("see-report")
def unsubscribe(number: int) -> Any:
    """End one of the viewer's own subscriptions."""
    subscriptions.unsubscribe(workspace().store, g.viewer, number)
    notice(Message("Your subscription has ended."))
    return redirect(url_for("reports.show"))


def _wish(form: Any) -> subscriptions.Wish:
    chosen = tuple(key for key in SECTION_TITLES if key in form.getlist("section"))
    threshold = _score(form.get("threshold", "")) if form.get("what") == "alert" else None
    return subscriptions.Wish(form.get("centre", ""), form.get("lang", page_language()),
                              form.get("format", "pdf"), chosen,
                              form.get("need", "").strip() or None, threshold)


def _score(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise InputError("A threshold is a score from 0 to 1; found {found}.",
                         found=text) from None


def _at(moment: datetime) -> str:
    return render(taiwan_time(moment), page_language())
