"""Decisions: stages, grades, undo, the board, the calendar, and their commands."""

from __future__ import annotations

import io
import json
from datetime import date, timedelta

import pytest
from click.testing import CliRunner
from conftest import DAY, NEEDS, NOW, OFFERS, PARTIES
from openpyxl import load_workbook
from sqlalchemy import event

from matcher import decisions, workflow
from matcher.access import Viewer
from matcher.cli import main
from matcher.decisions import (
    REASON_NAMES,
    STAGE_NAMES,
    Change,
    board,
    calendar,
    decide,
    history_of,
    judge,
    stages_of,
    undo,
    undo_last,
)
from matcher.errors import ForbiddenError, InputError, UnknownRecordError
from matcher.languages import render
from matcher.store.decisions import Decision, history, last_runs, latest_decisions, put_decisions
from matcher.vocabulary import REASONS, STAGES, JudgedPair, Outcome

ADMIN = Viewer("a1", "centre-admin", centre="CTSP")
OTHER = Viewer("a2", "centre-admin", centre="PABP")
COLLEAGUE = Viewer("a3", "centre-admin", centre="CTSP")


@pytest.fixture
def filled(store):
    store.put(parties=PARTIES, needs=NEEDS, offers=OFFERS)
    return store


def stages(store):
    return [(d.offer_id, d.stage) for d in latest_decisions(store, "CTSP")]


def test_stages_go_forward_may_skip_and_the_last_one_counts(filled):
    for n, stage in enumerate(("shortlisted", "meeting", "contract")):
        decide(filled, ADMIN, Change("N1", "O1", stage), NOW + timedelta(days=n))
    decide(filled, ADMIN, Change("N1", "O3", "declined", "far"), NOW)
    assert stages(filled) == [("O1", "contract"), ("O3", "declined")]
    assert stages_of(filled, "N1") == {"O1": "contract", "O3": "declined"}
    assert stages_of(filled, "N2") == {}
    assert [d.stage for d in history(filled, "N1", "O1")] == ["shortlisted", "meeting", "contract"]


@pytest.mark.parametrize(("change", "words"), [
    (Change("N1", "O1", "wedding"), "no stage “wedding”"), (Change("N1", "O1", "declined"), "Say why it is declined: Off topic, Wrong TRL"),
    (Change("N1", "O1", "declined", "ugly"), "Say why it is declined"),
    (Change("N1", "O1", "meeting", "far"), "Only a declined match has a reason, found “Too far”"),
    (Change("N1", "O1", "contacted"), "stands at “Meeting” already"),
    (Change("N1", "O3", "contacted"), "stands at “Declined” already"),
    (Change("N1", "O1", "mou", note="x" * 2001), "up to 2000 characters; this has 2001"),
    (Change("N1", "O1", "mou", next_date=date(9999, 12, 31)), "wanted a year from 1900 to 2100"),
    (Change("N1", "O1", "contract", licences=2 ** 31), "Licences: wanted a whole number from 0 to 2,147,483,647"),
    (Change("N1", "O1", "contract", jobs=-1), "Jobs: wanted a whole number from 0 to 2,147,483,647"),
    (Change("N1", "O1", "contract", value_ntd=10 ** 13 + 1), "Value of the contract, NT$: wanted a whole number from 0 to 10,000,000,000,000"),
])
def test_a_decision_that_does_not_fit_is_refused_in_words(filled, change, words):
    decide(filled, ADMIN, Change("N1", "O1", "meeting"), NOW)
    decide(filled, ADMIN, Change("N1", "O3", "declined", "trl"), NOW)
    with pytest.raises(InputError) as refused:
        decide(filled, ADMIN, change, NOW)
    assert words in render(refused.value.message, "en")
    assert stages(filled) == [("O1", "meeting"), ("O3", "declined")]


def test_reopening_goes_back_and_another_centre_sees_nothing(filled):
    number = decide(filled, ADMIN, Change("N1", "O1", "meeting"), NOW)
    decide(filled, ADMIN, Change("N1", "O1", "contacted"), NOW, reopen=True)
    assert stages(filled) == [("O1", "contacted")]
    for attempt in (lambda: decide(filled, OTHER, Change("N1", "O1", "mou"), NOW),
                    lambda: decide(filled, ADMIN, Change("N1", "O99", "mou"), NOW),
                    lambda: judge(filled, OTHER, "N1", "O1", 2, DAY),
                    lambda: history_of(filled, OTHER, "N1", "O1")):
        with pytest.raises(UnknownRecordError):
            attempt()
    with pytest.raises(ForbiddenError):
        board(filled, OTHER, "CTSP", DAY)
    assert board(filled, OTHER, "PABP", DAY).columns["contacted"] == ()
    words = []
    for viewer, asked in ((OTHER, number), (ADMIN, 999)):
        with pytest.raises(UnknownRecordError) as refused:
            undo(filled, viewer, asked, NOW)
        words.append(str(refused.value).replace(str(asked), "N"))
    assert words[0] == words[1]


def test_what_stands_already_is_not_said_twice(filled):
    change = Change("N1", "O1", "contacted", note=" 電話\r\n明天\x0b ")
    assert decide(filled, ADMIN, change, NOW) == decide(filled, COLLEAGUE, change, NOW)
    (found,) = history(filled, "N1", "O1")
    assert (found.note, found.who) == ("電話\n明天", "a1")


def test_of_two_who_decide_in_one_moment_the_second_is_told(filled, monkeypatch):
    monkeypatch.setattr(decisions, "latest_decisions", lambda *a, **k: ())
    decide(filled, ADMIN, Change("N1", "O1", "contacted"), NOW)
    with pytest.raises(InputError, match="in this moment; nothing was stored"):
        decide(filled, COLLEAGUE, Change("N1", "O1", "meeting"), NOW)
    assert stages(filled) == [("O1", "contacted")]


def test_a_decision_stands_under_the_run_that_last_showed_the_pair(filled):
    filled.put_outcomes([Outcome("N1", o, "shown", NOW, run_id=run)
                              for o, run in (("O1", "old"), ("O1", "new"), ("O3", "new"))])
    decide(filled, ADMIN, Change("N1", "O1", "contacted"), NOW)
    decide(filled, ADMIN, Change("N1", "O2", "contacted"), NOW)
    assert [o.run_id for o in filled.outcomes("N1", ("contacted",))] == ["new", None]
    assert last_runs(filled, ["N1"]) == {
        ("N1", o): workflow.last_run(filled, "N1", o) for o in ("O1", "O3")}


def test_undo_takes_the_last_decision_back_once(filled):
    first = decide(filled, ADMIN, Change("N1", "O1", "shortlisted"), NOW)
    second = decide(filled, ADMIN, Change("N1", "O1", "declined", "busy"), NOW)
    with pytest.raises(InputError, match="a later one stands upon it"):
        undo(filled, ADMIN, first, NOW)
    undo(filled, COLLEAGUE, second, NOW)
    assert stages(filled) == [("O1", "shortlisted")]
    with pytest.raises(InputError, match="undone before"):
        undo(filled, ADMIN, second, NOW)
    undo(filled, ADMIN, first, NOW)
    assert (stages(filled), filled.outcomes("N1")) == ([], ())
    assert [(d.stage, d.undone, d.undone_by) for d in history_of(filled, ADMIN, "N1", "O1")] == [
        ("shortlisted", NOW, "a1"), ("declined", NOW, "a3")]


def test_one_key_takes_back_what_one_decided_last_oneself(filled):
    decide(filled, ADMIN, Change("N1", "O1", "shortlisted"), NOW)
    decide(filled, ADMIN, Change("N1", "O3", "contacted"), NOW)
    decide(filled, COLLEAGUE, Change("N1", "O2", "meeting"), NOW)
    assert [undo_last(filled, ADMIN, NOW).offer_id for _ in range(2)] == ["O3", "O1"]
    assert stages(filled) == [("O2", "meeting")]
    for nobody in (ADMIN, Viewer()):
        with pytest.raises(InputError, match="no decision that could be undone"):
            undo_last(filled, nobody, NOW)


def test_the_board_counts_days_in_the_stage_and_names_what_is_overdue(filled):
    decide(filled, ADMIN, Change("N1", "O1", "contacted", note="電話", next_date=date(2026, 11, 30)), NOW)
    decide(filled, ADMIN, Change("N1", "O1", "contacted", next_date=date(2026, 12, 3)), NOW + timedelta(days=5))
    decide(filled, ADMIN, Change("N1", "O3", "contract", next_date=date(2026, 11, 25)), NOW)
    found = board(filled, ADMIN, "CTSP", date(2026, 12, 4))
    assert (tuple(found.columns), found.counts["contacted"], found.counts["mou"]) == (STAGES, 1, 0)
    (card,) = found.columns["contacted"]
    assert (card.decision.offer_id, card.since, card.days, card.overdue) == ("O1", DAY, 10, True)
    assert (card.decision.note, card.last_note) == (None, "電話")
    assert [c.decision.offer_id for c in found.overdue] == ["O1"]


def test_days_count_from_the_last_time_the_stage_was_reached(filled):
    for n, stage in enumerate(("meeting", "contacted", "meeting", "meeting")):
        decide(filled, ADMIN, Change("N1", "O1", stage, note=f"{n}"), NOW + timedelta(days=n), reopen=True)
    (card,) = board(filled, ADMIN, "CTSP", DAY + timedelta(days=9)).columns["meeting"]
    assert (card.days, card.last_note) == (7, "3")


def test_the_board_asks_the_database_once_however_many_pairs(filled):
    for offer in ("O1", "O2", "O3"):
        decide(filled, ADMIN, Change("N1", offer, "contacted"), NOW)
    asked = []
    event.listen(filled._engine, "before_cursor_execute", lambda *a: asked.append(a[2]))
    board(filled, ADMIN, "CTSP", DAY)
    assert len([statement for statement in asked if "SELECT" in statement]) == 1


def test_grades_are_kept_by_judge(filled):
    judge(filled, ADMIN, "N1", "O1", 2, DAY)
    judge(filled, ADMIN, "N1", "O1", 3, DAY, "same machine")
    judge(filled, COLLEAGUE, "N1", "O1", 0, DAY)
    assert filled.judged() == (JudgedPair("N1", "O1", 3, "a1", DAY, "same machine"), JudgedPair("N1", "O1", 0, "a3", DAY))
    with pytest.raises(InputError, match="0 to 3, found “4”"):
        judge(filled, ADMIN, "N1", "O1", 4, DAY)


def test_a_decision_made_upon_another_is_not_written(filled):
    number = decide(filled, ADMIN, Change("N1", "O1", "contacted"), NOW)
    late, grade = [Outcome("N1", "O1", "meeting", NOW)], [JudgedPair("N1", "O1", 2, "a1")]
    assert put_decisions(filled, late, {("N1", "O1"): 0}, grade) is None
    assert filled.judged() == ()
    assert len(put_decisions(filled, late, {("N1", "O1"): number}, grade)) == 1
    assert len(filled.judged()) == 1


# ---- the calendar ---------------------------------------------------------------------------


def events(content):
    """Read a calendar back: each event as {name: value}, folded lines joined."""
    blocks = content.decode().replace("\r\n ", "").split("BEGIN:VEVENT\r\n")[1:]
    return [dict(line.split(":", 1) for line in block.split("\r\nEND:VEVENT")[0].split("\r\n")) for block in blocks]


def test_the_calendar_is_folded_escaped_and_all_day(filled):
    note = "帶樣品; 二樓, 會議室\\\n" + "長" * 60 + "x" * 80
    decide(filled, ADMIN, Change("N1", "O1", "meeting", note=note, next_date=date(2026, 12, 31)), NOW)
    decide(filled, ADMIN, Change("N1", "O3", "contacted"), NOW)
    content = calendar([(d, "主軸 → 熱\x1b誤差") for d in latest_decisions(filled)], NOW)
    lines = content.split(b"\r\n")
    assert (max(map(len, lines)), lines[-1], b"\n" in content.replace(b"\r\n", b"")) == (75, b"", False)
    assert [line.decode() for line in lines]  # no character is cut in two
    (found,) = events(content)
    assert (found["DTSTART;VALUE=DATE"], found["DTEND;VALUE=DATE"]) == ("20261231", "20270101")
    assert found["SUMMARY"] == "主軸 → 熱誤差"
    assert found["DESCRIPTION"] == "帶樣品\\; 二樓\\, 會議室\\\\\\n" + "長" * 60 + "x" * 80


def row(need, offer, stage="meeting", number=1):
    return Decision(number, need, offer, stage, NOW, "a1", "", None, DAY)


def test_a_pair_keeps_its_uid_no_other_has_it_and_a_later_file_wins():
    first, moved = (events(calendar([(row("N", "O", number=n), "t")], NOW + timedelta(minutes=m)))[0]
                    for n, m in ((9, 0), (2, 1)))
    assert first["UID"] == moved["UID"]
    assert int(first["SEQUENCE"]) < int(moved["SEQUENCE"])
    pairs = [("a.b", "c"), ("a", "b.c"), ("a\r\nb", "c")]
    assert len({e["UID"] for e in events(calendar([(row(*pair), "t") for pair in pairs], NOW))}) == 3


def test_a_calendar_without_dates_still_has_a_component():
    content = calendar([(row("N", "O", "declined"), "t")], NOW)
    assert events(content) == []
    assert content.startswith(b"BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:")
    assert b"BEGIN:VTIMEZONE\r\nTZID:Asia/Taipei\r\n" in content


def test_every_stage_and_reason_has_a_name():
    assert (tuple(STAGE_NAMES), tuple(REASON_NAMES)) == (STAGES, REASONS)


# ---- commands -------------------------------------------------------------------------------


def type_into(path, row_number, header, value):
    book = load_workbook(io.BytesIO(path.read_bytes()))
    places = {cell.value: cell.column for cell in book.worksheets[0][1]}
    book.worksheets[0].cell(row_number, places[header]).value = value
    book.save(path)


def test_the_commands_go_out_and_in(filled, tmp_path, monkeypatch):
    monkeypatch.setenv("MATCHER_HOME", str(tmp_path))
    out = tmp_path / "d.xlsx"
    run = CliRunner().invoke
    assert "d.xlsx" in run(main, ["decisions", "export", "--centre", "CTSP", "--out", str(out)]).output
    type_into(out, 2, "階段", "會議")
    type_into(out, 2, "評分", 3)
    tried = run(main, ["decisions", "import", str(out), "--dry-run"])
    assert "1 列將變更" in tried.output, tried
    assert "N1 ↔ O1" in tried.output
    assert json.loads(run(main, ["decisions", "import", str(out), "--json"]).output)["changes"][0]["row"] == 2
    shown = run(main, ["decisions", "board", "--centre", "CTSP"]).output
    assert "會議 (1)" in shown
    assert "已復原" in run(main, ["decisions", "undo", shown.split("會議 (1)")[1].split()[0]]).output
    assert run(main, ["decisions", "import", str(out)]).exit_code == 0
    assert "已復原" in run(main, ["decisions", "undo"]).output
    assert run(main, ["decisions", "undo"]).exit_code == 2
    type_into(out, 2, "階段", "結婚")
    failed = run(main, ["decisions", "import", str(out)])
    assert (failed.exit_code, "第 2 列" in failed.output, "沒有任何變更" in failed.output) == (2, True, True)
