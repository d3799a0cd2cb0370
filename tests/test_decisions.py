"""Decisions: stages, undo, the board, the calendar; and the workbook that brings them back."""

from __future__ import annotations

import io
import json
from dataclasses import replace
from datetime import date, timedelta

import pytest
from click.testing import CliRunner
from conftest import DAY, NEEDS, NOW, OFFERS
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from openpyxl import load_workbook

from matcher import sheets, workflow
from matcher.access import Viewer
from matcher.cli import main
from matcher.decisions import (
    REASON_NAMES,
    STAGE_NAMES,
    Change,
    board,
    calendar,
    decide,
    judge,
    undo,
)
from matcher.errors import FileFormatError, InputError, UnknownRecordError
from matcher.languages import render
from matcher.store.decisions import history, latest_decisions, put_decisions
from matcher.vocabulary import REASONS, STAGES, Outcome

ADMIN = Viewer("a1", "centre-admin", centre="CTSP")
OTHER = Viewer("a2", "centre-admin", centre="PABP")


def stages(store):
    return [(d.offer_id, d.stage) for d in latest_decisions(store, "CTSP")]


def test_stages_go_forward_may_skip_and_the_last_one_counts(space):
    for n, stage in enumerate(("shortlisted", "meeting", "contract")):
        decide(space.store, ADMIN, Change("N1", "O1", stage), NOW + timedelta(days=n))
    decide(space.store, ADMIN, Change("N1", "O3", "declined", "far"), NOW)
    assert stages(space.store) == [("O1", "contract"), ("O3", "declined")]
    assert [d.stage for d in history(space.store, "N1", "O1")] == ["shortlisted", "meeting", "contract"]


@pytest.mark.parametrize(("change", "words"), [
    (Change("N1", "O1", "wedding"), "no stage “wedding”"), (Change("N1", "O1", "declined"), "Say why it is declined"),
    (Change("N1", "O1", "declined", "ugly"), "Say why it is declined"),
    (Change("N1", "O1", "meeting", "far"), "Only a declined match has a reason, found “far”"),
    (Change("N1", "O1", "contacted"), "stands at “Meeting” already"),
    (Change("N1", "O1", "mou", note="x" * 2001), "up to 2000 characters; this has 2001"),
])
def test_a_decision_that_does_not_fit_is_refused_in_words(space, change, words):
    decide(space.store, ADMIN, Change("N1", "O1", "meeting"), NOW)
    with pytest.raises(InputError) as refused:
        decide(space.store, ADMIN, change, NOW)
    assert words in render(refused.value.message, "en")
    assert stages(space.store) == [("O1", "meeting")]


def test_reopening_goes_back_and_another_centre_sees_nothing(space):
    number = decide(space.store, ADMIN, Change("N1", "O1", "meeting"), NOW)
    decide(space.store, ADMIN, Change("N1", "O1", "contacted"), NOW, reopen=True)
    assert stages(space.store) == [("O1", "contacted")]
    for attempt in (lambda: decide(space.store, OTHER, Change("N1", "O1", "mou"), NOW),
                    lambda: undo(space.store, OTHER, number, NOW), lambda: undo(space.store, ADMIN, 999, NOW),
                    lambda: decide(space.store, ADMIN, Change("N1", "O99", "mou"), NOW)):
        with pytest.raises(UnknownRecordError):
            attempt()
    assert board(space.store, OTHER, "PABP", DAY).columns["contacted"] == ()


def test_undo_takes_the_last_decision_back_once(space):
    first = decide(space.store, ADMIN, Change("N1", "O1", "shortlisted"), NOW)
    second = decide(space.store, ADMIN, Change("N1", "O1", "declined", "busy"), NOW)
    with pytest.raises(InputError, match="a later one stands upon it"):
        undo(space.store, ADMIN, first, NOW)
    undo(space.store, ADMIN, second, NOW)
    assert stages(space.store) == [("O1", "shortlisted")]
    with pytest.raises(InputError, match="undone before"):
        undo(space.store, ADMIN, second, NOW)
    undo(space.store, ADMIN, first, NOW)
    assert stages(space.store) == []
    assert space.store.outcomes("N1") == ()


def test_the_board_counts_days_and_names_what_is_overdue(space):
    decide(space.store, ADMIN, Change("N1", "O1", "contacted", note="電話", next_date=date(2026, 11, 30)), NOW)
    decide(space.store, ADMIN, Change("N1", "O3", "contract", next_date=date(2026, 11, 25)), NOW)
    found = board(space.store, ADMIN, "CTSP", date(2026, 12, 4))
    assert list(found.columns) == list(STAGES)
    assert [(c.decision.offer_id, c.days, c.overdue) for c in found.columns["contacted"]] == [("O1", 10, True)]
    assert [c.decision.offer_id for c in found.overdue] == ["O1"]


def test_grades_are_kept_by_judge(space):
    judge(space.store, ADMIN, "N1", "O1", 2, DAY)
    judge(space.store, ADMIN, "N1", "O1", 3, DAY)
    assert [(j.grade, j.judge) for j in space.store.judged()] == [(3, "a1")]
    with pytest.raises(InputError, match="0 to 3, found “4”"):
        judge(space.store, ADMIN, "N1", "O1", 4, DAY)


def test_a_decision_made_upon_another_is_not_written(space):
    number = decide(space.store, ADMIN, Change("N1", "O1", "contacted"), NOW)
    late = [Outcome("N1", "O1", "meeting", NOW)]
    assert put_decisions(space.store, late, {("N1", "O1"): 0}) is None
    assert len(put_decisions(space.store, late, {("N1", "O1"): number})) == 1


def test_the_calendar_is_folded_escaped_and_keeps_its_uid(space):
    decide(space.store, ADMIN, Change("N1", "O1", "meeting", note="帶樣品; 二樓, 會議室\n" + "長" * 60, next_date=date(2026, 12, 31)), NOW)
    content = calendar([(d, "主軸 → 熱誤差") for d in latest_decisions(space.store)], NOW)
    lines = content.split(b"\r\n")
    assert max(map(len, lines)) <= 75
    text = content.decode().replace("\r\n ", "")
    for word in ("UID:N1.O1@matcher", "DTSTART;VALUE=DATE:20261231", "DTEND;VALUE=DATE:20270101",
                 "帶樣品\\; 二樓\\, 會議室\\n長", "SUMMARY:主軸 → 熱誤差", "END:VCALENDAR"):
        assert word in text, word


def test_every_stage_and_reason_has_a_name():
    assert tuple(STAGE_NAMES) == STAGES
    assert tuple(REASON_NAMES) == REASONS


# ---- the workbook ---------------------------------------------------------------------------


@pytest.fixture
def listed(space):
    space.store.put(needs=[replace(NEEDS[0], kinds=())], offers=[replace(OFFERS[1], title="=HYPERLINK(1)")])
    return space


def exported(space, lang="zh", viewer=ADMIN):
    lists = list(workflow.match(space, centre="CTSP", day=DAY))
    return sheets.to_decision_sheet(lists, space.store, viewer, lang)


def edited(content, *edits, drop=()):
    """Type into cells: (row, Chinese header, value)."""
    book = load_workbook(io.BytesIO(content))
    sheet = book.worksheets[0]
    places = {cell.value: cell.column for cell in sheet[1]}
    for row, header, value in edits:
        sheet.cell(row, places[header]).value = value
    for header in drop:
        sheet.delete_cols(places[header])
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def test_a_sheet_shows_the_decisions_frozen_filtered_and_with_choices(listed):
    decide(listed.store, ADMIN, Change("N1", "O1", "declined", "far", "太遠", date(2026, 12, 1)), NOW)
    sheet = load_workbook(io.BytesIO(exported(listed))).worksheets[0]
    rows = list(sheet.values)
    assert rows[0][:3] == ("需求編號", "供給編號", "版本")
    assert next(r for r in rows if r[1] == "O1")[9:] == ("婉拒", "距離太遠", None, "太遠", "2026-12-01")
    assert (sheet.freeze_panes, sheet.auto_filter.ref) == ("D2", "A1:N4")
    assert len(sheet.data_validations.dataValidation) == 3
    assert all(not str(cell).startswith("=") for row in rows for cell in row)


def test_exactly_the_edited_rows_change_and_a_second_time_nothing(listed):
    content = edited(exported(listed), (2, "階段", "已聯繫"), (2, "備註", "=1+1"), (3, "階段", "declined"), (3, "婉拒原因", "成熟度不合"),
                     (4, "評分", 2), (2, "下次日期", "115/12/31"))
    found = sheets.apply_sheet(listed.store, ADMIN, content, NOW)
    assert (found.errors, found.rows, [c.row for c in found.changes]) == ((), 3, [2, 3, 4])
    pairs = [row[1] for row in list(load_workbook(io.BytesIO(content)).worksheets[0].values)[1:]]
    assert stages(listed.store) == [(pairs[0], "contacted"), (pairs[1], "declined")]
    assert latest_decisions(listed.store)[0].next_date == date(2026, 12, 31)
    assert [(j.offer_id, j.grade) for j in listed.store.judged()] == [(pairs[2], 2)]
    again = sheets.apply_sheet(listed.store, ADMIN, exported(listed), NOW)
    assert (again.changes, again.errors) == ((), ())
    assert sheets.read_decision_sheet(listed.store, ADMIN, content).changes == ()


@pytest.mark.parametrize(("edits", "row", "column", "words"), [
    ([(3, "階段", "結婚")], 3, "階段", "應為其中之一"), ([(2, "階段", "婉拒")], 2, "婉拒原因", "婉拒的原因"),
    ([(2, "評分", 7)], 2, "評分", "0 到 3"), ([(2, "階段", "會議"), (2, "下次日期", "2026-02-30")], 2, "下次日期", "沒有這一天"),
    ([(2, "需求編號", "N9")], 2, "需求編號", "您的園區沒有這個需求"), ([(2, "供給編號", "O9")], 2, "供給編號", "沒有這個供給"),
    ([(2, "備註", "只有備註")], 2, "階段", "需要先填階段"), ([(3, "階段", "會議"), (3, "版本", "5")], 3, "階段", "已有人"),
])
def test_rows_that_do_not_fit_are_refused_by_number_and_nothing_changes(listed, edits, row, column, words):
    content = edited(exported(listed), (4, "階段", "會議"), *edits)
    found = sheets.apply_sheet(listed.store, ADMIN, content, NOW)
    assert [(e.row, e.column) for e in found.errors] == [(row, column)]
    assert words in render(found.errors[0].wanted, "zh")
    assert stages(listed.store) == []


def test_a_decision_made_meanwhile_is_named_and_kept(listed):
    content = edited(exported(listed), (2, "階段", "會議"))
    pair = list(load_workbook(io.BytesIO(content)).worksheets[0].values)[1][1]
    decide(listed.store, ADMIN, Change("N1", pair, "contract"), NOW)
    (error,) = sheets.apply_sheet(listed.store, ADMIN, content, NOW).errors
    assert "合約" in render(error.wanted, "zh")
    assert stages(listed.store) == [(pair, "contract")]


@pytest.mark.parametrize(("content", "words"), [
    (b"need_id,offer_id", "no XLSX workbook"), (b"PK\x03\x04cut", "no XLSX workbook"), (b"", "no XLSX workbook")])
def test_a_file_that_is_no_workbook_is_refused(listed, content, words):
    with pytest.raises(FileFormatError, match=words):
        sheets.read_decision_sheet(listed.store, ADMIN, content)


def test_missing_columns_and_double_rows_are_named(listed):
    with pytest.raises(FileFormatError, match="lacks the columns 版本"):
        sheets.read_decision_sheet(listed.store, ADMIN, edited(exported(listed), drop=["版本"]))
    double = edited(exported(listed), (5, "需求編號", "N1"), (5, "供給編號", "O1"), (5, "版本", "0"))
    (error,) = sheets.read_decision_sheet(listed.store, ADMIN, double).errors
    assert (error.row, "row" in error.wanted.fields) == (5, True)


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.dictionaries(st.sampled_from([2, 3, 4]), st.sampled_from(STAGES), max_size=3))
def test_any_edits_come_back_and_no_others(listed, wanted):
    before = dict(stages(listed.store))
    content = exported(listed)
    pairs = [row[1] for row in list(load_workbook(io.BytesIO(content)).worksheets[0].values)]
    edits = [(row, "階段", STAGE_NAMES[stage]["zh"]) for row, stage in wanted.items()]
    edits += [(row, "婉拒原因", "距離太遠" if stage == "declined" else None) for row, stage in wanted.items()]
    assert sheets.apply_sheet(listed.store, ADMIN, edited(content, *edits), NOW).errors == ()
    assert dict(stages(listed.store)) == before | {pairs[row - 1]: stage for row, stage in wanted.items()}


def test_the_commands_go_out_and_in(listed, tmp_path, monkeypatch):
    monkeypatch.setenv("MATCHER_HOME", str(tmp_path))
    out = tmp_path / "d.xlsx"
    run = CliRunner().invoke
    assert "d.xlsx" in run(main, ["decisions", "export", "--centre", "CTSP", "--out", str(out)]).output
    out.write_bytes(edited(out.read_bytes(), (2, "階段", "會議")))
    assert "1 列將變更" in run(main, ["decisions", "import", str(out), "--dry-run"]).output
    assert json.loads(run(main, ["decisions", "import", str(out), "--json"]).output)["changes"][0]["row"] == 2
    shown = run(main, ["decisions", "board", "--centre", "CTSP"]).output
    assert "會議 (1)" in shown
    number = shown.split("會議 (1)")[1].split()[0]
    assert "已復原" in run(main, ["decisions", "undo", number]).output
    out.write_bytes(edited(out.read_bytes(), (2, "階段", "結婚")))
    failed = run(main, ["decisions", "import", str(out)])
    assert failed.exit_code == 2
    assert "第 2 列" in failed.output
    assert "沒有任何變更" in failed.output
