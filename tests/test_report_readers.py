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
    Names,
    Report,
    Section,
    Table,
    Told,
    at_least,
    to_plain,
    to_report,
)
from matcher.report.month import Month, stage_counts, term, total, without_zeros
from matcher.report.sections.fairness import fairness
from matcher.report.sections.pipeline import outcomes, pipeline
from matcher.report.sections.quality import quality
from matcher.report.sections.region import gaps
from matcher.report.sections.summary import summary
from matcher.report.wording import Wording
from matcher.vocabulary import THEMES, Message, Run

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
    ((contract(1, 1, 10, 1), contract(2, 2, 10, 2), contract(3, 3, 10, 3), contract(4, 4, 12, 100)), 106, at_least(6)),
    # One a month: shown once three have come together.
    ((contract(1, 1, 10, 1), contract(2, 2, 11, 2), contract(3, 3, 12, 3)), 6, 6),
    ((contract(1, 1, 10, 1), contract(2, 1, 11, 2), contract(3, 1, 12, 3)), 3, HIDDEN),
    # What fell through, or was only a meeting, brought nothing.
    ((contract(1, 1, 10, 1), contract(2, 2, 10, 2), contract(3, 3, 10, 3), contract(4, 3, 11, None, "declined")), 3, HIDDEN),
])
def test_sums_grow_for_readers_by_three_firms_at_once(events, office, readers):
    found = total(month_of(*events), "value_ntd", None)
    assert (found.office, found.readers) == (office, readers) if isinstance(found, Told) else found == office == readers


def told_to_readers(month, make):
    """The tables and sentences of a section as readers see them; HIDDEN as "–"."""
    report = Report("CTSP", Names("z", "e"), FIRST, FIRST, datetime(2027, 1, 1, tzinfo=UTC), "r", (make(month),)).for_readers()
    section = report.sections[0]
    def plain(cell):
        return "–" if cell == HIDDEN else Wording("en").cell(cell, Column("c", "")) if isinstance(cell, (Message, Names)) else cell
    tables = {t.key: [tuple(map(plain, row)) for row in t.rows] for t in section.tables}
    return tables, [Wording("en").sentence(s) for s in section.sentences], section


# (firm, year, month, value): contracts; and the value readers see of this month, this year and since the start.
@pytest.mark.parametrize(("signed", "readers"), [
    # What firm 4 signed last year is no difference between the columns.
    (((4, 2025, 12, 100), (1, 2026, 3, 1), (2, 2026, 4, 2), (3, 2026, 5, 3)), (0, "–", "103 or more")),
    (((4, 2026, 11, 100), (1, 2026, 12, 1), (2, 2026, 12, 2), (3, 2026, 12, 3)), ("–", 106, 106)),
    (((1, 2025, 1, 1), (2, 2025, 1, 2), (3, 2025, 1, 3), (1, 2026, 1, 4), (2, 2026, 1, 5), (3, 2026, 1, 6)), (0, 15, 21)),
])
def test_no_two_spans_differ_by_what_one_firm_signed(signed, readers):
    events = [Event(i, f"N{firm}", f"O{i}", "contract", datetime(year, month, 9, tzinfo=UTC), "", 1, 0.9, value, None, None)
              for i, (firm, year, month, value) in enumerate(signed, start=1)]
    tables, _, _ = told_to_readers(month_of(*events), outcomes)
    assert tables["outcomes"][3] == ("Value of contracts, NT$", *readers)


# Meetings as firm × month; what readers see of them this month, this year and since the start.
# Of the chart they see November and December, or nothing.
@pytest.mark.parametrize(("met", "readers", "drawn"), [
    ("1:12 2:12 3:12", (3, 3, 3), (0.0, 3.0)),
    ("4:11 1:12 2:12 3:12", ("–", 4, 4), (None, None)),  # November's one would be the difference to last month's report
    ("4:11 5:11 6:11 1:12 2:12", ("–", "3 or more", "3 or more"), (None, None)),
    ("1:12 2:12 3:12 4:11 5:11 6:10", (3, 6, 6), (None, None)),
])
def test_no_two_spans_or_months_differ_by_what_few_firms_decided(met, readers, drawn):
    events = [contract(i, *map(int, pair.split(":")), None, "meeting") for i, pair in enumerate(met.split(), start=1)]
    tables, _, section = told_to_readers(month_of(*events), outcomes)
    assert tables["outcomes"][0] == ("Meeting", *readers)
    assert told_to_readers(month_of(*events), pipeline)[0]["decided"][2] == ("Meeting", readers[0])
    assert section.charts[0].numbers[0][-2:] == drawn


def test_no_part_of_the_declined_is_told_from_the_rest():
    events = [replace(contract(i, i, 12, None, "declined"), reason="trl" if i < 4 else "busy") for i in range(1, 5)]
    tables, _, _ = told_to_readers(month_of(*events), pipeline)
    assert [row[1] for row in tables["reasons"]] == ["–", "–"]
    assert [row[1] for row in pipeline(month_of(*events[:3])).tables[3].rows] == [3]


def test_no_place_in_the_list_is_told_from_those_above():
    events = [Event(i, f"N{i}", f"O{i}", "contacted" if i < 4 else "declined", datetime(2026, 12, 9, tzinfo=UTC), "", 1 if i < 4 else 5, 0.5,
                    None, None, None) for i in range(1, 5)]
    tables, _, _ = told_to_readers(month_of(*events), quality)
    assert [row[4] for row in tables["acceptance"]] == [3, 3, "–"]
    more = [*events, *(replace(events[3], number=9 + i, need=f"N{5 + i}") for i in range(2))]
    assert [row[4] for row in told_to_readers(month_of(*more), quality)[0]["acceptance"]] == [3, 3, 6]


@pytest.mark.parametrize(("alone", "hidden"), [(0, False), (1, True), (3, False), (8, True), (9, False)])
def test_needs_without_an_offer_of_few_firms_are_hidden(alone, hidden):
    listed = {f"N{i}": () if i <= alone else ("O0",) for i in range(1, 10)}
    month = month_of(parties=[("P", "臺中市")])
    month = replace(month, facts=replace(month.facts, listed=listed, chosen=tuple((n, "O0") for n, found in listed.items() if found),
                                         grades={n: {"O0": 1} for n in listed if listed[n]}))
    tables, said, _ = told_to_readers(month, summary)
    assert (tables["figures"][1][1] == "–", tables["figures"][2][1] == "–") == (hidden, hidden)
    assert [("not shown" in said[i]) for i in (0, 4)] == [hidden, hidden]
    judged = told_to_readers(month, quality)[0]["judged"]
    assert not judged or (judged[0][4] == "–") == (9 - alone < 3)


# Firms by the stage they stand at; readers see no stage before one that few firms are at.
@pytest.mark.parametrize(("stand", "funnel", "here", "stale"), [
    ({"contract": (1, 2, 3), "contacted": (4,)}, ("–", "–", 3, 3, 3), ("–", "–", "–", "–", 3, "–"), "–"),
    ({"contract": (1, 2, 3), "contacted": (4, 5, 6)}, (6, 6, 3, 3, 3), (0, 3, 0, 0, 3, 0), "3"),
])
def test_no_difference_of_stages_tells_of_few_firms(stand, funnel, here, stale):
    events = [contract(firm, firm, 10, None, stage) for stage, firms in stand.items() for firm in firms]
    tables, _, _ = told_to_readers(month_of(*events), pipeline)
    assert tuple(row[1] for row in tables["funnel"]) == funnel
    assert tuple(row[3] for row in tables["times"]) == here
    said = told_to_readers(month_of(*events), summary)[1][4].replace(str(Wording("en").sentence(HIDDEN)), "–")
    assert f"; {stale} matches have waited" in said


def test_a_draft_counts_days_up_to_its_making():
    month = month_of(contract(1, 1, 11, None, "contacted"))  # of 9 November
    for made, days in ((datetime(2026, 12, 5, tzinfo=UTC), 26), (datetime(2027, 1, 3, tzinfo=UTC), 53)):
        drafted = replace(month, facts=replace(month.facts, made=made))
        row = next(row for row in pipeline(drafted).tables[2].rows if row[0].en == "Contacted")
        assert round(row[4].office) == days
        assert len(pipeline(drafted).tables[4].rows) == (days > 30)


def test_a_part_of_a_sum_is_said_to_be_one():
    events = [contract(i, i, 10 if i < 4 else 12, 1_000_000 * i) for i in range(1, 5)]
    _, said, _ = told_to_readers(month_of(*events), summary)
    assert "since the start NT$ 6000000 or more" in said[3].replace(",", "")
    assert "worth not shown" in said[3]
    report = Report("CTSP", Names("z", "e"), FIRST, FIRST, datetime(2027, 1, 1, tzinfo=UTC), "r", (summary(month_of(*events)),))
    assert "開辦以來 新臺幣 至少 6,000,000 元" in Wording("zh").sentence(report.for_readers().sections[0].sentences[3])


@pytest.mark.parametrize(("firms", "readers"), [(1, "–"), (4, 4)])
def test_scores_and_acceptance_of_few_firms_are_hidden(firms, readers):
    events = [Event(i, f"N{i % firms + 1}", f"O{i}", "contacted" if i % 2 else "declined", datetime(2026, 12, 9, tzinfo=UTC), "", 1,
                    0.3 + 0.03 * i, None, None, None) for i in range(20)]
    tables, said, section = told_to_readers(month_of(*events), quality)
    assert [row[4] for row in tables["calibration"]] == [readers] * 5
    assert [None in values for values in section.charts[0].numbers] == [False, firms == 1]
    assert ("not shown" in said[0]) == (firms == 1)


def test_themes_stand_in_an_order_that_readers_may_know():
    for secret in THEMES:
        month = month_of(needs=1)
        month.facts.needs["N1"] = replace(ENTRY, party="F1", themes=(secret,))
        month = replace(month, facts=replace(month.facts, listed={"N1": ()}))
        tables, _, _ = told_to_readers(month, gaps)
        assert [row[0] for row in tables["gaps"]] == [term("themes", t).en for t in sorted(THEMES)]
        assert {row[1] for row in tables["gaps"]} == {"–"}


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
