"""The decision workbook: what goes out, and that exactly what was edited comes back."""

from __future__ import annotations

import io
import zipfile
from dataclasses import replace
from datetime import date, timedelta

import pytest
from conftest import DAY, NOW
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from openpyxl import load_workbook

from matcher.access import Viewer
from matcher.decisions import BROUGHT, REASON_NAMES, STAGE_NAMES, Change, decide, judge, says, undo
from matcher.errors import FileFormatError, InputError, UnknownRecordError
from matcher.languages import render
from matcher.sheets import (
    ReadSheet,
    apply_sheet,
    read_decision_sheet,
    reading,
    table,
    to_decision_sheet,
)
from matcher.sheets.columns import COLUMNS
from matcher.sheets.export import LONGEST_SHOWN
from matcher.store.decisions import latest_decisions
from matcher.vocabulary import (
    REASONS,
    STAGES,
    EvidencePair,
    Match,
    MatchList,
    Need,
    Offer,
    Party,
    Run,
)

ADMIN = Viewer("a1", "centre-admin", centre="CTSP")
COLLEAGUE = Viewer("a2", "centre-admin", centre="CTSP")
STRANGER = Viewer("a3", "centre-admin", centre="PABP")
COUNT = 30
PAIRS = [("N1", f"{number:03}") for number in range(COUNT)]  # row 2 is 000, row 31 is 029


@pytest.fixture
def world(store):
    """A store and a list of one need with thirty offers, some of whose texts mean harm."""
    store.put(parties=[Party("P", "=cmd|calc")], needs=[Need("N1", "主軸熱變位", centre="CTSP"), Need("N2", centre="PABP")],
              offers=[Offer(key, f"=HYPERLINK({key})\x1b", party_id="P") for _, key in PAIRS])
    matches = tuple(Match("N1", key, place, 0.5, evidence=(EvidencePair("n", "+長" * 40_000, 0.5),))
                    for place, (_, key) in enumerate(PAIRS, start=1))
    return store, [MatchList(store.need("N1"), matches, Run("r", "e", "k", "d", DAY))]


def exported(world, lang="zh", viewer=ADMIN):
    store, lists = world
    return to_decision_sheet(lists, store, viewer, lang)


def cells(content):
    return [list(row) for row in load_workbook(io.BytesIO(content)).worksheets[0].values]


def edited(content, *edits, change=lambda sheet: None):
    """Type into cells: (row, header, value); then change the sheet as a whole."""
    book = load_workbook(io.BytesIO(content))
    sheet = book.worksheets[0]
    places = {cell.value: cell.column for cell in sheet[1]}
    for row, header, value in edits:
        sheet.cell(row, places[header]).value = value
    change(sheet)
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def stages(store):
    return {d.offer_id: d.stage for d in latest_decisions(store)}


# ---- out ------------------------------------------------------------------------------------


def test_a_sheet_shows_how_the_decisions_stand(world):
    decide(world[0], ADMIN, Change("N1", "001", "declined", "far", "=太遠", date(2026, 12, 1)), NOW)
    judge(world[0], ADMIN, "N1", "001", 1, DAY)
    judge(world[0], COLLEAGUE, "N1", "000", 3, DAY)
    header, first, second, *rest = cells(exported(world))
    assert (header[:3], header[-8:]) == (["需求編號", "供給編號", "版本"], ["階段", "婉拒原因", "評分", "備註", "下次日期", "合約金額（新臺幣）", "授權件數", "新增就業"])
    assert (first[0:2], first[3:5], first[9:]) == (["N1", "000"], ["主軸熱變位", 1], [None] * 8)
    assert second[9:] == ["婉拒", "距離太遠", 1, "=太遠", "2026-12-01", None, None, None]
    assert len(rest) == COUNT - 2
    assert cells(exported(world, "en"))[2][9:11] == ["Declined", "Too far"]


def test_a_sheet_is_frozen_filtered_with_choices_and_ids_that_cannot_be_typed_over(world):
    sheet = load_workbook(io.BytesIO(exported(world))).worksheets[0]
    assert (sheet.freeze_panes, sheet.auto_filter.ref) == ("D2", "A1:Q31")
    rules = {str(rule.sqref): (rule.type, rule.formula1) for rule in sheet.data_validations.dataValidation}
    assert {place: kind for place, (kind, _) in rules.items()} == {
        **dict.fromkeys(("A2:A31", "B2:B31", "C2:C31"), "custom"), **dict.fromkeys(("J2:J31", "K2:K31", "L2:L31"), "list")}
    assert rules["J2:J31"][1] == '"列入,已聯繫,會議,合作備忘錄,合約,婉拒"'
    assert (sheet["M2"].quotePrefix, sheet["M2"].number_format, sheet["M2"].protection.locked) == (True, "@", False)
    assert sheet["A2"].fill.fgColor.rgb == "FFF3F4F5"


def test_texts_of_others_are_no_formulas_and_no_longer_than_people_read(world):
    book = load_workbook(io.BytesIO(exported(world))).worksheets[0]
    assert [book[f"{column}2"].value[:3] for column in "FGI"] == ["'=H", "'=c", "'+長"]
    assert len(book["I2"].value) == LONGEST_SHOWN + 1
    assert {cell.data_type for row in book.iter_rows() for cell in row} == {"s", "n"}


def test_nobody_takes_a_list_out_whose_matches_are_not_theirs_and_lost_offers_are_left_out(world):
    with pytest.raises(UnknownRecordError):
        exported(world, viewer=STRANGER)
    world[0].delete("offers", ["004"])
    assert [row[1] for row in cells(exported(world))[1:]] == [key for _, key in PAIRS if key != "004"]


NOTHING = (None, None, None)  # value, licences, jobs


# ---- in -------------------------------------------------------------------------------------


def test_of_thirty_rows_exactly_the_three_edited_ones_change_and_a_second_time_nothing(world):
    store = world[0]
    decide(store, COLLEAGUE, Change("N1", "005", "contacted", note="先談\n再看"), NOW)
    judge(store, ADMIN, "N1", "006", 2, DAY)
    content = edited(exported(world), (2, "階段", "已聯繫"), (2, "下次日期", "民國115年12月31日"), (12, "階段", "declined"),
                     (12, "婉拒原因", "Wrong TRL"), (22, "評分", 2), (23, "階段", "合約"), (23, "合約金額（新臺幣）", "120萬"), (23, "新增就業", 3))
    tried = apply_sheet(store, ADMIN, content, NOW, dry_run=True)
    assert stages(store) == {"005": "contacted"}
    found = apply_sheet(store, ADMIN, content, NOW)
    assert found == tried
    assert (found.errors, found.rows, [c.row for c in found.changes]) == ((), COUNT, [2, 12, 22, 23])
    assert {d.offer_id: (says(d), d.who) for d in latest_decisions(store)} == {
        "005": (("contacted", "", "先談\n再看", None, *NOTHING), "a2"), "000": (("contacted", "", None, date(2026, 12, 31), *NOTHING), "a1"),
        "010": (("declined", "trl", None, None, *NOTHING), "a1"), "021": (("contract", "", None, None, 1_200_000, None, 3), "a1")}
    assert [(j.offer_id, j.grade, j.date) for j in store.judged()] == [("006", 2, DAY), ("020", 2, DAY)]
    for sheet in (content, exported(world), exported(world, "en")):
        again = apply_sheet(store, ADMIN, sheet, NOW)
        assert (again.changes, again.errors) == ((), ())
    assert len(store.outcomes("N1")) == 4


@pytest.mark.parametrize(("edits", "column", "words"), [
    ([("階段", "結婚")], "階段", "應為其中之一：列入、已聯繫"), ([("階段", "婉拒")], "婉拒原因", "婉拒的原因"),
    ([("階段", "會議"), ("婉拒原因", "距離太遠")], "婉拒原因", "距離太遠"), ([("階段", "婉拒"), ("婉拒原因", "醜")], "婉拒原因", "應為其中之一"),
    ([("階段", "會議"), ("授權件數", 1)], "授權件數", "只有「合約」"), ([("階段", "合約"), ("合約金額（新臺幣）", "很多")], "合約金額（新臺幣）", "整數"),
    ([("評分", 7)], "評分", "0 到 3"), ([("評分", "很好")], "評分", "0 到 3"),
    ([("階段", "會議"), ("下次日期", "2026-02-30")], "下次日期", "沒有這一天"), ([("階段", "會議"), ("備註", "長" * 2001)], "備註", "2000"),
    ([("需求編號", "N9")], "需求編號", "您的園區沒有這個需求"), ([("需求編號", "N2")], "需求編號", "您的園區沒有這個需求"),
    ([("供給編號", "O9")], "供給編號", "沒有這個供給"), ([("備註", "只有備註")], "階段", "需要先填階段"),
    ([("階段", "會議"), ("版本", "0")], "階段", "已有人"), ([("階段", "會議"), ("供給編號", "002")], "供給編號", "第 4 列"),
    ([("備註", "=1+1")], "備註", "formula"), ([("階段", "#REF!")], "階段", "錯誤"),
])
def test_a_row_that_does_not_fit_is_refused_by_number_and_nothing_changes(world, edits, column, words):
    content = edited(exported(world), (2, "階段", "會議"), (2, "評分", 3), *((5, *edit) for edit in edits))
    found = apply_sheet(world[0], ADMIN, content, NOW)
    assert (found.errors[0].row, found.errors[0].column) == (5, column)
    assert words in render(found.errors[0].wanted, "zh" if words != "formula" else "en")
    assert (stages(world[0]), world[0].judged()) == ({}, ())


def test_all_rows_that_do_not_fit_are_named_at_once_in_the_sheets_own_words(world):
    content = edited(exported(world, "en"), (3, "Stage", "wed"), (3, "Grade", 9), (7, "Need id", "?"), (9, "Offer id", None))
    found = read_decision_sheet(world[0], ADMIN, content)
    assert [(e.row, e.column, e.found) for e in found.errors] == [
        (3, "Stage", "wed"), (3, "Grade", "9"), (7, "Need id", "?"), (9, "Offer id", "")]


def test_what_others_decided_about_rows_nobody_edited_is_left_alone(world):
    content = edited(exported(world), (2, "階段", "會議"))
    decide(world[0], COLLEAGUE, Change("N1", "007", "contract"), NOW)
    assert apply_sheet(world[0], ADMIN, content, NOW).errors == ()
    assert stages(world[0]) == {"000": "meeting", "007": "contract"}


@pytest.mark.parametrize(("edit", "theirs", "found", "words"), [
    (("階段", "會議"), Change("N1", "000", "contract", note="急"), "會議", "合約"),
    (("備註", "我"), Change("N1", "000", "contacted", note="他們"), "我", "他們"),
    (("下次日期", "2026-12-24"), Change("N1", "000", "contacted", note="原", next_date=date(2026, 12, 1)), "2026-12-24", "2026-12-01"),
])
def test_a_decision_made_meanwhile_is_named_beside_the_typed_one_and_kept(world, edit, theirs, found, words):
    decide(world[0], ADMIN, Change("N1", "000", "contacted", note="原"), NOW)
    content = edited(exported(world), (2, *edit), (3, "階段", "會議"))
    decide(world[0], COLLEAGUE, theirs, NOW)
    (error,) = apply_sheet(world[0], ADMIN, content, NOW).errors
    assert (error.row, error.column, error.found) == (2, edit[0], found)
    assert words in render(error.wanted, "zh")
    assert says(latest_decisions(world[0])[-1]) == says(theirs)
    assert stages(world[0]) == {"000": theirs.stage}


def test_a_decision_undone_meanwhile_is_a_conflict_only_where_the_row_was_edited(world):
    numbers = [decide(world[0], ADMIN, Change("N1", key, "contacted"), NOW) for key in ("000", "001")]
    content = edited(exported(world), (2, "階段", "會議"))
    for number in numbers:
        undo(world[0], COLLEAGUE, number, NOW)
    (error,) = read_decision_sheet(world[0], ADMIN, content).errors
    assert (error.row, render(error.wanted, "en").endswith("undecided")) == (2, True)


def test_emptied_cells_take_nothing_back_and_deleted_rows_are_not_changed(world):
    decide(world[0], ADMIN, Change("N1", "000", "contacted", note="舊"), NOW)
    judge(world[0], ADMIN, "N1", "001", 2, DAY)
    emptied = edited(exported(world), (2, "階段", None), (2, "備註", None), (3, "評分", None))
    assert [(e.row, e.column) for e in read_decision_sheet(world[0], ADMIN, emptied).errors] == [(2, "階段"), (3, "評分")]
    less = edited(exported(world), (9, "階段", "會議"), change=lambda sheet: sheet.delete_rows(2, 6))
    found = apply_sheet(world[0], ADMIN, less, NOW)
    assert (found.rows, [c.pair for c in found.changes]) == (COUNT - 6, [PAIRS[7]])
    without_note = edited(exported(world), (2, "備註", None))
    apply_sheet(world[0], ADMIN, without_note, NOW)
    assert {d.offer_id: d.note for d in latest_decisions(world[0])} == {"000": None, "007": None}


def test_rows_sorted_and_columns_moved_are_the_same_sheet(world):
    def turn(sheet):
        rows = [list(row) for row in sheet.values]
        for number, row in enumerate([rows[0], *rows[:0:-1]], start=1):
            for place, value in enumerate(reversed(row), start=1):
                sheet.cell(number, place).value = value

    found = apply_sheet(world[0], ADMIN, edited(exported(world), (3, "階段", "會議"), change=turn), NOW)
    assert (found.errors, [c.pair for c in found.changes]) == ((), [PAIRS[1]])


def test_grades_in_the_sheet_of_another_judge_stay_theirs(world):
    judge(world[0], ADMIN, "N1", "000", 3, DAY)
    judge(world[0], COLLEAGUE, "N1", "002", 1, DAY)
    content = edited(exported(world), (3, "評分", 1), (4, "評分", 0))
    (error,) = apply_sheet(world[0], COLLEAGUE, content, NOW).errors
    assert (error.row, error.found, render(error.wanted, "en")[-2:]) == (4, "0", " 1")
    apply_sheet(world[0], COLLEAGUE, edited(exported(world), (3, "評分", 1)), NOW)
    assert [(j.offer_id, j.judge, j.grade) for j in world[0].judged()] == [
        ("000", "a1", 3), ("001", "a2", 1), ("002", "a2", 1)]


def test_grades_and_decisions_are_stored_together_or_not_at_all(world, monkeypatch):
    content = edited(exported(world), (2, "階段", "會議"), (3, "評分", 1))
    found = read_decision_sheet(world[0], ADMIN, content)
    decide(world[0], COLLEAGUE, Change("N1", "000", "contract"), NOW)
    monkeypatch.setattr(reading, "read_decision_sheet", lambda *a: found)
    with pytest.raises(InputError, match="in this moment; nothing was stored"):
        apply_sheet(world[0], ADMIN, content, NOW)
    assert (stages(world[0]), world[0].judged()) == ({"000": "contract"}, ())


def damaged(content, name, change):
    """Change one part of a workbook's archive."""
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(content)) as old, zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as new:
        for part in old.namelist():
            new.writestr(part, change(old.read(part)) if part.endswith(name) else old.read(part))
    return out.getvalue()


@pytest.mark.parametrize("change", [
    lambda c: b"need_id,offer_id", lambda c: b"", lambda c: b"PK\x03\x04cut", lambda c: c[: len(c) // 2],
    lambda c: b"\xd0\xcf\x11\xe0" * 200, lambda c: damaged(c, "sheet1.xml", lambda part: part[:-40]),
    lambda c: damaged(c, "workbook.xml", lambda part: b"<x/>"), lambda c: damaged(c, "sharedStrings.xml", lambda part: b""),
    lambda c: damaged(c, "sheet1.xml", lambda part: part.replace(b'<v>0</v>', b'<v>99999</v>', 1)),
])
def test_a_file_that_is_no_workbook_is_refused(world, change):
    with pytest.raises(FileFormatError, match="no XLSX workbook"):
        read_decision_sheet(world[0], ADMIN, change(exported(world)))


def test_missing_and_double_columns_are_named(world):
    with pytest.raises(FileFormatError, match="lacks the columns 版本"):
        read_decision_sheet(world[0], ADMIN, edited(exported(world), change=lambda sheet: sheet.delete_cols(3)))
    with pytest.raises(FileFormatError, match="column 階段 stands twice"):
        read_decision_sheet(world[0], ADMIN, edited(exported(world), (1, "需求", "Stage")))
    with pytest.raises(FileFormatError, match="lacks the columns 需求編號"):
        read_decision_sheet(world[0], ADMIN, edited(exported(world), change=lambda sheet: sheet.delete_rows(1, 99)))


def test_a_workbook_too_large_is_refused_before_it_is_read(world, monkeypatch):
    monkeypatch.setattr(table, "MOST_ROWS", COUNT)
    with pytest.raises(FileFormatError, match="more than 30 rows"):
        read_decision_sheet(world[0], ADMIN, exported(world))
    monkeypatch.setattr(table, "LARGEST", 1_000_000)
    bomb = damaged(exported(world), "sheet1.xml", lambda part: part + b" " * 10_000_000)
    with pytest.raises(FileFormatError, match="larger than 1 MB"):
        read_decision_sheet(world[0], ADMIN, bomb)


# ---- any edits ------------------------------------------------------------------------------

NOTES = st.text("a=+'-長、\n\r_x0D", max_size=6)
DATES = st.none() | st.dates(date(2026, 1, 1), date(2030, 1, 1))
ROWS = st.tuples(st.sampled_from(STAGES), st.sampled_from(REASONS), NOTES, DATES, st.sampled_from((None, 0, 1, 2, 3)))


@settings(max_examples=10, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.dictionaries(st.integers(2, COUNT + 1), ROWS, max_size=4), st.sampled_from(("zh", "en")), st.integers(2, COUNT + 1))
def test_any_edits_come_back_and_no_others(world, wanted, lang, touched):
    store = world[0]
    names = {key: zh if lang == "zh" else en for key, zh, en, _ in COLUMNS}
    content, edits, expected = exported(world, lang), [], {d.offer_id: says(d) for d in latest_decisions(store)}
    for row, (stage, reason, note, day, _) in wanted.items():
        reason = reason if stage == "declined" else ""
        clean = note.replace("\r\n", "\n").replace("\r", "\n").strip()
        brought = (1_000_000, 0, 2) if stage == "contract" else (None, None, None)
        expected[PAIRS[row - 2][1]] = (stage, reason, clean or None, day, *brought)
        edits += [(row, names[name], value) for name, value in zip(BROUGHT, brought, strict=True)]
        edits += [(row, names["stage"], STAGE_NAMES[stage][lang]), (row, names["next_date"], day and day.isoformat()),
                  (row, names["reason"], REASON_NAMES[reason][lang] if reason else None)]
    grades = {row: grade for row, (*_, grade) in wanted.items() if grade is not None}
    edits += [(row, names["grade"], grade) for row, grade in grades.items()]

    def write_notes(sheet):  # as text: openpyxl would take "=…" for a formula
        for row, (_, _, note, _, _) in wanted.items():
            cell = sheet.cell(row, [key for key, *_ in COLUMNS].index("note") + 1)
            cell.value, cell.data_type = (note, "s") if note else (None, "n")

    if touched not in wanted:  # by a colleague, after the export
        decide(store, COLLEAGUE, Change(*PAIRS[touched - 2], "contract"), NOW, reopen=True)
        expected[PAIRS[touched - 2][1]] = ("contract", "", None, None, None, None, None)
    judged = {j.offer_id: j.grade for j in store.judged()} | {PAIRS[row - 2][1]: grade for row, grade in grades.items()}
    found = apply_sheet(store, ADMIN, edited(content, *edits, change=write_notes), NOW + timedelta(days=1))
    assert found.errors == ()
    assert {c.row for c in found.changes} <= set(wanted)
    assert {d.offer_id: says(d) for d in latest_decisions(store)} == expected
    assert {j.offer_id: j.grade for j in store.judged()} == judged
    assert replace(read_decision_sheet(store, ADMIN, exported(world, lang)), rows=0) == ReadSheet((), (), 0)
