"""Measure the monthly report of one big centre, of ten, and after 3 % of the records changed.

    python tests/measure_report.py FOLDER     # makes the database there unless it has one

1,000 needs × 5,000 offers × 50,000 evidence texts (see measure_pages). Reports are made with all
their files left out, then with them. Not collected by pytest; nothing here is a test.
"""

from __future__ import annotations

import gc
import os
import random
import sys
import time
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from measure_pages import CENTRE, SEED, build, say
from sqlalchemy import delete

from matcher.cli.report import COLLECT
from matcher.encoding import load_encoder
from matcher.ranker import load_ranker
from matcher.reference import centres
from matcher.report.delivery import write_files
from matcher.report.facts import Rules
from matcher.report.job import Tools, make_report
from matcher.store import open_store, schema
from matcher.workspace import Workspace, silent

FORMATS = ("html", "pdf", "xlsx", "csv", "json")
CHANGED, OPEN = 0.03, date(2025, 12, 1)


def main(folder: Path) -> None:
    """Make four months' reports and print what each took."""
    gc.set_threshold(*COLLECT)
    if not (folder / "matcher.db").is_file():
        build(folder)
    store = open_store(f"sqlite:///{folder / 'matcher.db'}")
    _clear(store, schema.reports, schema.vectors, schema.readings)
    for what in ("needs", "offers"):  # all open, whatever the sample's own days
        store.put(**{what: [replace(r, valid_from=OPEN, valid_to=None) for r in getattr(store, what)()]})
    full, _ = _reported(store, 1, "nothing kept: every text read and encoded")
    kept, made = _reported(store, 2, "vectors kept, nothing changed")
    began = time.perf_counter()
    write_files(made.report, folder / "reports", FORMATS, ["zh"])
    say(f"{'its files in five formats':48} {time.perf_counter() - began:6.1f} s")
    _edit(store)
    changed, _ = _reported(store, 3, f"{CHANGED:.0%} of needs and offers edited")
    say(f"{'edited, as a share of the full time':48} {changed / full:6.1%}")
    _spread(store)
    began = time.perf_counter()
    space = _workspace(store)
    for code in list(centres())[:10]:
        _made(space, code, 4)
    took = time.perf_counter() - began
    say(f"{'ten centres of 1,000 needs, one job':48} {took:6.1f} s = {took / kept:.1f} × one centre")


def _workspace(store) -> Workspace:
    return Workspace(store, load_encoder(), load_ranker())


def _made(space: Workspace, code: str, month: int):
    first = date(2026, month, 1)
    now = datetime(2026, month, 1, tzinfo=UTC) + timedelta(days=40)
    return make_report(space, code, first, Rules(), Tools(lambda: now, silent), lambda made: None)


def _reported(store, month: int, name: str):
    """Make one month's report in a workspace of its own; give seconds and the report."""
    began = time.perf_counter()
    made = _made(_workspace(store), CENTRE, month)
    took = time.perf_counter() - began
    say(f"{name:48} {took:6.1f} s, {made.encoded} texts encoded")
    return took, made


def _clear(store, *tables) -> None:
    with store.writing() as connection:
        for table in tables:
            connection.execute(delete(table))


def _edit(store) -> None:
    chance = random.Random(SEED)
    for what, said in (("offers", "。新增量產驗證。"), ("needs", "。另需現場驗證。")):
        records = getattr(store, what)()
        some = chance.sample(records, round(CHANGED * len(records)))
        store.put(**{what: [replace(r, description=r.description + said) for r in some]})


def _spread(store) -> None:
    """Give ten centres the same thousand needs each."""
    needs = store.needs(CENTRE)
    for code in list(centres())[:10]:
        store.put(needs=[replace(n, need_id=f"{code}-{n.need_id}", centre=code) for n in needs])


if __name__ == "__main__":
    where = Path(sys.argv[1])
    where.mkdir(parents=True, exist_ok=True)
    os.environ["MATCHER_HOME"] = str(where)
    main(where)
