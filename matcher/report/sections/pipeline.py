"""The pipeline: how far matches came, how long they stay in a stage, what they brought."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from datetime import date, timedelta
from statistics import median

from matcher.report.facts import Event, Pair
from matcher.report.model import HIDDEN, SMALL, Cell, Chart, Column, Row, Section, Table, Told
from matcher.report.month import (
    Month,
    counted,
    counted_of,
    firms_of,
    is_hidden,
    reason_name,
    stage_counts,
    stage_name,
    total,
    without_zeros,
)
from matcher.report.sections.parts import (
    COUNT,
    FEW,
    NEED,
    NEED_TITLE,
    OFFER,
    OFFER_TITLE,
    height,
)
from matcher.vocabulary import STAGES, Message
from matcher.workflow import TAIPEI

DAY = timedelta(days=1)
KINDS = ("meeting", "mou", "contract")
_STAGE = Column("stage", "Stage")


def pipeline(month: Month) -> Section:
    """Count pairs that came to each stage or beyond, and how long they stayed."""
    reached = Table("funnel", "Matches that came so far", (_STAGE, COUNT), _funnel(month),
                    FEW)
    this = stage_counts(month, month.facts.first, STAGES)
    decided = Table("decided", "Decisions this month", (_STAGE, COUNT),
                    tuple((stage_name(s), this[s]) for s in STAGES), FEW)
    chart = Chart("funnel_chart", reached.title, "bar", tuple(r[0] for r in reached.rows),
                  ((Message("Matches"), tuple(height(r[1]) for r in reached.rows)),), "funnel")
    return Section("pipeline", "Pipeline", (), (reached, decided, _times(month), _reasons(month),
                                                _waiting(month)), (chart,))


def _funnel(month: Month) -> tuple[Row, ...]:
    """Count the pairs that came to each stage or beyond.

    Readers see no stage before one that few firms are in: two stages' difference would tell.
    """
    rows: list[Row] = []
    reached: list[str] = []
    is_told = True
    for stage in reversed(STAGES[:-1]):
        here = [e.need for e in month.latest.values() if e.stage == stage]
        reached += here
        is_told &= not is_hidden(counted_of(month, here))
        rows.append((stage_name(stage), len(reached) if is_told else Told(len(reached), HIDDEN)))
    return tuple(reversed(rows))


def stays(events: Sequence[Event]) -> dict[str, list[tuple[str, float]]]:
    """Give, for each stage, need and days of the pairs that stayed in it and went on."""
    last: dict[Pair, Event] = {}
    found: dict[str, list[tuple[str, float]]] = defaultdict(list)
    for event in events:
        before = last.get((event.need, event.offer))
        if before is not None:
            found[before.stage].append((event.need, (event.time - before.time) / DAY))
        last[event.need, event.offer] = event
    return found


def _times(month: Month) -> Table:
    found, end = stays(month.facts.events), month.until
    waiting: dict[str, list[tuple[str, float]]] = defaultdict(list)
    for event in month.latest.values():
        waiting[event.stage].append((event.need, (end - event.time) / DAY))
    columns = (_STAGE, Column("left", "Went on", "number"),
               Column("median", "Median days before they went on", "number"),
               Column("here", "Are in it", "number"),
               Column("waiting", "Median days in it so far", "number"))
    left, left_days = zip(*(_timed(month, found[s], True) for s in STAGES), strict=True)
    here, here_days = zip(*(_timed(month, waiting[s], s not in ("contract", "declined"))
                            for s in STAGES), strict=True)
    rows = tuple(zip(map(stage_name, STAGES), without_zeros(left), left_days,
                     without_zeros(here), here_days, strict=True))
    return Table("times", "Time in each stage", columns, rows, FEW)


def _timed(month: Month, stays: Sequence[tuple[str, float]], is_told: bool) -> tuple[Cell, Cell]:
    """Count stays and give their median days; readers see neither of too few firms."""
    days = round(median(d for _, d in stays), 1) if stays and is_told else None
    count = counted(len(stays), firms_of(month, [need for need, _ in stays]))
    return count, Told(days, HIDDEN) if is_hidden(count) and days is not None else days


def _reasons(month: Month) -> Table:
    needs: dict[str, list[str]] = defaultdict(list)
    for event in month.events(month.facts.first):
        if event.stage == "declined":
            needs[event.reason].append(event.need)
    ordered = sorted(needs.items(), key=lambda i: (-len(i[1]), i[0]))
    cells = _all_or_none([counted_of(month, found) for _, found in ordered])
    rows: tuple[Row, ...] = tuple((reason_name(reason), cell) for (reason, _), cell in
                                  zip(ordered, cells, strict=True))
    return Table("reasons", "Why matches were declined this month",
                 (Column("reason", "Reason"), COUNT), rows, FEW)


def _all_or_none(cells: Sequence[Cell]) -> list[Cell]:
    """Hide all parts of a sum from readers where one is hidden: else it could be told."""
    if not any(map(is_hidden, cells)):
        return list(cells)
    return [cell if isinstance(cell, Told) else Told(cell, HIDDEN) for cell in cells]


def _waiting(month: Month) -> Table:
    """List open matches that have stayed in their stage for more than 30 days."""
    end = month.until
    rows = [(e.need, month.title(e.need), e.offer, month.title(e.offer), stage_name(e.stage),
             int((end - e.time) / DAY)) for e in month.latest.values()
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
    found = [stage_counts(month, day, KINDS) for _, day in spans]
    rows: list[Row] = [(stage_name(s), *(part[s] for part in found)) for s in KINDS]
    rows += [(Message(title), *(total(month, name, day) for _, day in spans)) for title, name in (
        ("Value of contracts, NT$", "value_ntd"), ("Licences", "licences"), ("Jobs", "jobs"))]
    note = Message("Contracts that still stand. Readers see decisions, and what contracts brought, "
                   "once those of {least} firms have come together.", {"least": SMALL})
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
                 for e in month.contracts(month.facts.first.replace(month=1)))
    return Table("contracts", "Contracts of this year", columns, rows, internal=True)


def _monthly(month: Month) -> Chart:
    """Show decisions of the last twelve months."""
    firsts = _months_back(month.facts.first, 12)
    series = []
    for stage in KINDS:
        events = month.contracts() if stage == "contract" else month.facts.events
        needs: dict[date, list[str]] = defaultdict(list)
        for event in events:
            if event.stage == stage:
                needs[_first_of(event)].append(event.need)
        cells = _all_or_none([counted_of(month, needs[first]) for first in firsts])
        series.append((stage_name(stage), tuple(map(height, cells))))
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
