"""The pipeline: how far matches came, how long they stay in a stage, what they brought."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from datetime import date, timedelta
from statistics import median

from matcher.insight.overview import funnel
from matcher.report.calendar import starts
from matcher.report.facts import Event, Pair
from matcher.report.model import SMALL, Chart, Column, Row, Section, Table
from matcher.report.month import Month, reason_name, stage_name, total
from matcher.report.sections.parts import COUNT, NEED, NEED_TITLE, OFFER, OFFER_TITLE
from matcher.vocabulary import STAGES, Message
from matcher.workflow import TAIPEI

DAY = timedelta(days=1)
_STAGE = Column("stage", "Stage")


def pipeline(month: Month) -> Section:
    """Count pairs that came to each stage or beyond, and how long they stayed."""
    latest = [e.stage for e in month.latest.values()]
    reached = Table("funnel", "Matches that came so far", (_STAGE, COUNT),
                    tuple((stage_name(s), n) for s, n in funnel(latest)))
    this = Counter(e.stage for e in month.events(month.facts.first))
    decided = Table("decided", "Decisions this month", (_STAGE, COUNT),
                    tuple((stage_name(s), this[s]) for s in STAGES))
    chart = Chart("funnel_chart", reached.title, "bar", tuple(r[0] for r in reached.rows),
                  ((Message("Matches"), tuple(float(str(r[1])) for r in reached.rows)),), "funnel")
    return Section("pipeline", "Pipeline", (), (reached, decided, _times(month), _reasons(month),
                                                _waiting(month)), (chart,))


def stays(events: Sequence[Event]) -> dict[str, list[float]]:
    """Give, for each stage, the days that pairs stayed in it before they went on."""
    last: dict[Pair, Event] = {}
    found: dict[str, list[float]] = defaultdict(list)
    for event in events:
        pair = (event.need, event.offer)
        before = last.get(pair)
        if before is None or before.stage != event.stage:
            if before is not None:
                found[before.stage].append((event.time - before.time) / DAY)
            last[pair] = event
    return found


def _times(month: Month) -> Table:
    found, end = stays(month.facts.events), starts(month.facts.end)
    waiting: dict[str, list[float]] = defaultdict(list)
    for event in since_of(month.facts.events).values():
        waiting[event.stage].append((end - event.time) / DAY)
    columns = (_STAGE, Column("left", "Went on", "number"),
               Column("median", "Median days before they went on", "number"),
               Column("here", "Are in it", "number"),
               Column("waiting", "Median days in it so far", "number"))
    rows = tuple((stage_name(s), len(found[s]), _median(found[s]), len(waiting[s]),
                  None if s in ("contract", "declined") else _median(waiting[s])) for s in STAGES)
    return Table("times", "Time in each stage", columns, rows)


def since_of(events: Iterable[Event]) -> dict[Pair, Event]:
    """Give, for each pair, the decision that brought it to its present stage."""
    found: dict[Pair, Event] = {}
    for event in events:
        pair = (event.need, event.offer)
        if pair not in found or found[pair].stage != event.stage:
            found[pair] = event
    return found


def _median(days: Sequence[float]) -> float | None:
    return round(median(days), 1) if days else None


def _reasons(month: Month) -> Table:
    counts = Counter(e.reason for e in month.events(month.facts.first) if e.stage == "declined")
    rows: tuple[Row, ...] = tuple((reason_name(reason), count) for reason, count in
                                  sorted(counts.items(), key=lambda i: (-i[1], i[0])))
    return Table("reasons", "Why matches were declined this month",
                 (Column("reason", "Reason"), COUNT), rows)


def _waiting(month: Month) -> Table:
    """List open matches that have stayed in their stage for more than 30 days."""
    end = starts(month.facts.end)
    rows = [(e.need, month.title(e.need), e.offer, month.title(e.offer), stage_name(e.stage),
             int((end - e.time) / DAY)) for e in since_of(month.facts.events).values()
            if e.stage not in ("contract", "declined") and (end - e.time) / DAY > 30]
    columns = (NEED, NEED_TITLE, OFFER, OFFER_TITLE, _STAGE, Column("days", "Days", "number"))
    rows.sort(key=lambda row: (-row[-1], row[0], row[2]))
    return Table("waiting", "Matches that wait", columns, tuple(rows), internal=True)


def outcomes(month: Month) -> Section:
    """Sum up what matches brought this month, this year and since the start."""
    first = month.facts.first
    spans: tuple[tuple[str, date | None], ...] = (
        ("This month", first), ("This year", first.replace(month=1)), ("Since the start", None))
    columns = (Column("what", "What"), *(Column(f"span{i}", title, "money")
                                         for i, (title, _) in enumerate(spans)))
    found = [month.events(day) for _, day in spans]
    kinds = ("meeting", "mou", "contract")
    rows: list[Row] = [(stage_name(s), *(sum(e.stage == s for e in part) for part in found))
                       for s in kinds]
    rows += [(Message(title), *(total(month, name, day) for _, day in spans)) for title, name in (
        ("Value of contracts, NT$", "value_ntd"), ("Licences", "licences"), ("Jobs", "jobs"))]
    note = Message("Sums over fewer than {least} firms are not shown.", {"least": SMALL})
    return Section("outcomes", "Outcomes", (), (
        Table("outcomes", "Outcomes", columns, tuple(rows), note), _contracts(month)),
        (_monthly(month),))


def _contracts(month: Month) -> Table:
    """List what was noted with each contract of the year."""
    columns = (Column("day", "Day", "date"), NEED, NEED_TITLE, OFFER, OFFER_TITLE,
               Column("value", "Value, NT$", "money"), Column("licences", "Licences", "number"),
               Column("jobs", "Jobs", "number"))
    rows = tuple((e.time.astimezone(TAIPEI).date(), e.need, month.title(e.need), e.offer,
                  month.title(e.offer), e.value_ntd, e.licences, e.jobs)
                 for e in month.events(month.facts.first.replace(month=1))
                 if e.stage == "contract")
    return Table("contracts", "Contracts of this year", columns, rows, internal=True)


def _monthly(month: Month) -> Chart:
    """Show decisions of the last twelve months."""
    firsts = _months_back(month.facts.first, 12)
    series = []
    for stage in ("meeting", "mou", "contract"):
        counts = Counter(_first_of(e) for e in month.facts.events if e.stage == stage)
        series.append((stage_name(stage), tuple(float(counts[first]) for first in firsts)))
    return Chart("months_chart", "Outcomes by month", "line",
                 tuple(f"{first:%Y-%m}" for first in firsts), tuple(series), "outcomes")


def _first_of(event: Event) -> date:
    return event.time.astimezone(TAIPEI).date().replace(day=1)


def _months_back(first: date, count: int) -> list[date]:
    """Give the first days of so many months up to and with one."""
    found = [first]
    while len(found) < count:
        found.append((found[-1] - DAY).replace(day=1))
    return found[::-1]
