"""What report readers may not see, nor tell from what they see; the office sees it all."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime

import pytest

from matcher.report.facts import Entry, Event, Facts, Rules
from matcher.report.model import (
    HIDDEN,
    Chart,
    Column,
    Report,
    Section,
    Table,
    Told,
    to_plain,
    to_report,
)
from matcher.report.month import Month, stage_counts, total, without_zeros
from matcher.report.sections.fairness import fairness
from matcher.report.wording import Wording
from matcher.vocabulary import Message, Run

ENTRY = Entry("主軸", "m", "F1", "CTSP", "臺中市", "capability", (), None, None, "zh", "national", 1, 80, 5)
FIRST = date(2026, 12, 1)


def contract(number, firm, month, value, stage="contract"):
    return Event(number, f"N{firm}", "O", stage, datetime(2026, month, 9, tzinfo=UTC), "", 1, 0.9, value, None, None)


def month_of(*events, parties=(), needs=9):
    firms = {f"N{i}": replace(ENTRY, party=f"F{i}") for i in range(1, needs + 1)}
    offers = {f"O{i}": replace(ENTRY, party=party, county=county) for i, (party, county) in enumerate(parties)}
    run = Run("r", "e", "k", "d", date(2026, 12, 31))
    return Month(Facts("CTSP", FIRST, date(2027, 1, 1), datetime(2027, 1, 1, tzinfo=UTC), run, Rules(), firms, offers, events=events), {})


@pytest.mark.parametrize(("events", "office", "readers"), [
    ((), 0, 0),
    ((contract(1, 1, 12, 5),), 5, HIDDEN),
    ((contract(1, 1, 12, 5), contract(2, 2, 12, 6), contract(3, 3, 12, 7)), 18, 18),
    # Three firms by October; the one of December would show as the difference to the months before.
    ((contract(1, 1, 10, 1), contract(2, 2, 10, 2), contract(3, 3, 10, 3), contract(4, 4, 12, 100)), 106, 6),
    # One a month: shown once three have come together.
    ((contract(1, 1, 10, 1), contract(2, 2, 11, 2), contract(3, 3, 12, 3)), 6, 6),
    ((contract(1, 1, 10, 1), contract(2, 1, 11, 2), contract(3, 1, 12, 3)), 3, HIDDEN),
    # What fell through, or was only a meeting, brought nothing.
    ((contract(1, 1, 10, 1), contract(2, 2, 10, 2), contract(3, 3, 10, 3), contract(4, 3, 11, None, "declined")), 3, HIDDEN),
])
def test_sums_grow_for_readers_by_three_firms_at_once(events, office, readers):
    found = total(month_of(*events), "value_ntd", None)
    assert (found.office, found.readers) == (office, readers) if isinstance(found, Told) else found == office == readers


def test_counts_of_few_firms_and_the_zeros_beside_them_are_hidden():
    events = [contract(i, i, 12, None, stage) for i, stage in enumerate(["meeting"] * 3 + ["declined"], start=1)]
    found = stage_counts(month_of(*events), FIRST, ("contacted", "meeting", "declined"))
    assert found == {"contacted": Told(0, HIDDEN), "meeting": 3, "declined": Told(1, HIDDEN)}
    assert without_zeros([0, 3, 4]) == [0, 3, 4]


def test_one_small_group_alone_takes_the_next_smallest_with_it():
    parties = [(f"P{i}", "臺中市") for i in range(5)] + [(f"Q{i}", "臺南市") for i in range(3)] + [("R", "屏東縣")]
    table = {t.key: t for t in fairness(month_of(parties=parties)).tables}["exposure_county"]
    assert {row[0]: isinstance(row[1], Told) for row in table.rows} == {"臺中市": False, "臺南市": True, "屏東縣": True}
    assert {row[0]: row[1].office for row in table.rows if isinstance(row[1], Told)} == {"臺南市": 3, "屏東縣": 1}


def test_a_cell_is_told_to_each_side_by_itself_and_to_nobody_in_particular_as_to_readers():
    told = Told(5, HIDDEN)
    section = Section("s", "Outcomes", (Message("{count} mails queued", {"count": told}),),
                      (Table("t", "Outcomes", (Column("c", "Number", "number"),), ((told,),)),),
                      (Chart("h", "Outcomes", "bar", ("a",), ((Message("Needs"), (Told(5.0, None),)),)),))
    report = Report("CTSP", *[None] * 2, FIRST, datetime(2027, 1, 1, tzinfo=UTC), "r", (section,))  # type: ignore[arg-type]
    report = replace(report, first=FIRST)
    assert to_report(to_plain(report)).sections == report.sections
    office, readers = report.for_office().sections[0], report.for_readers().sections[0]
    assert (office.tables[0].rows, readers.tables[0].rows) == (((5,),), ((HIDDEN,),))
    assert [Wording("en").sentence(s.sentences[0]) for s in (office, readers, section)] == [
        "5 mails queued", "not shown (fewer than 3 firms) mails queued", "not shown (fewer than 3 firms) mails queued"]
    assert [s.charts[0].numbers for s in (office, readers, section)] == [((5.0,),), ((None,),), ((None,),)]
