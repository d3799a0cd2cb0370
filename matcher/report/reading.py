"""Who may read which report: the office all of it, readers what is not for the office only."""

from __future__ import annotations

from matcher.access import Viewer, demand, may
from matcher.errors import UnknownRecordError
from matcher.report.job import stored_report
from matcher.report.model import Report
from matcher.report.subscriptions import is_office
from matcher.store import Store
from matcher.store.reports import ReportRow, report_row, report_rows


def readable_reports(store: Store, viewer: Viewer) -> tuple[ReportRow, ...]:
    """Give the finished reports that a viewer may read, the newest month first."""
    found = [row for row in report_rows(store) if row.finished is not None
             and may(viewer, "see-report", centre=row.centre)]
    return tuple(sorted(found, key=lambda row: (-row.month.toordinal(), row.centre)))


def report_for(store: Store, viewer: Viewer, report_id: str) -> Report:
    """Give a finished report as a viewer may read it; raise ``UnknownRecordError`` otherwise."""
    row = report_row(store, report_id)
    if row is None or row.finished is None:
        raise UnknownRecordError("report", report_id)
    demand(viewer, "see-report", centre=row.centre, what="report", record_id=report_id)
    found = stored_report(store, report_id)
    return found.for_office() if is_office(viewer) else found.for_readers()
