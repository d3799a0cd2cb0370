"""A job that makes a month's reports in a process of its own, and can be made to die at any point."""

from __future__ import annotations

import os
import signal
import time
from datetime import date, datetime
from multiprocessing import get_context
from pathlib import Path

from simulated_year import Concepts

from matcher.ranker import load_ranker
from matcher.report import job
from matcher.report.batch import Order, run_reports
from matcher.report.facts import Rules
from matcher.report.job import Tools
from matcher.settings import load_settings
from matcher.store import open_store
from matcher.workspace import Workspace

FORMATS, LANGS = ("html", "xlsx", "csv", "json"), ("zh", "en")
PROCESSES = get_context("forkserver")
PROCESSES.set_forkserver_preload(["matcher.report.batch", "matcher.report.files.xlsx", "matcher.report.files.html", "matcher.ranking",
                                  "matcher.store.database", "alembic.command", "sqlalchemy.dialects.sqlite"])


class Points:
    """Counts every step and every report of progress; at the one that is named the process kills itself."""

    def __init__(self, stop_at):
        self.count, self.stop_at, self.names = 0, stop_at, []

    def __call__(self, name, *_):
        self.count += 1
        self.names.append(name)
        if self.count == self.stop_at:
            os.kill(os.getpid(), signal.SIGKILL)


def settings_of(home, url):
    return load_settings({"MATCHER_HOME": str(home), "MATCHER_SMTP_URL": url, "MATCHER_MAIL_FROM": "office@park.tw"})


def order_of(home, first=date(2026, 12, 1), centres=("CTSP",), **more):
    return Order(first, centres, FORMATS, LANGS, Path(home) / "reports", Rules(0.3, 4, 3, 10), **more)


def run(home, url, now, stop_at=0):
    """Run the job; leaves the names of its points in HOME/points, whom it waits for in HOME/waits."""
    settings, points = settings_of(home, url), Points(stop_at)
    job.WORTH_TWO = 1  # what the report says is written in one more process, on two processors
    clock, waits = lambda: datetime.fromisoformat(now), Path(home) / "waits"
    space = Workspace(open_store(settings.database_url), Concepts(), load_ranker())
    run_reports(space, settings, order_of(home), Tools(
        clock, points, points, lambda row: waits.write_text(row.owner or "", "utf-8"), lambda seconds: time.sleep(seconds / 10)))
    (Path(home) / "points").write_text("\n".join(points.names), "utf-8")
