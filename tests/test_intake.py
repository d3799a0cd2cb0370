from __future__ import annotations

import json
from datetime import date

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from matcher.errors import FileFormatError, MatcherError
from matcher.intake import FIELDS, FORMATS, check, read, template, write_rejected
from matcher.intake.convert import (
    Refused,
    as_codes,
    as_county,
    as_date,
    as_integer,
    as_trl,
    as_year,
    tax_id_fits,
)
from matcher.languages import render
from matcher.vocabulary import Need

HEADER = ("需求編號", "標題", "需求說明", "供給類型", "預算上限", "有效期限", "縣市")
ROWS = (
    ("001", "主軸熱變位", "伸長 35 µm，碁堃峯", "研發能量；設備", "120萬", "115/12/31", "台南市"),
    ("002", "Vaccine", "oral, \"coated\"", "capability", "1,000,000", "2027-01-31", "Tainan"),
    ("003", "溫室\n降溫", "41 °C", "", "", "", ""),
)
NEEDS = (
    Need("001", "主軸熱變位", "伸長 35 µm，碁堃峯", kinds=("capability", "equipment"),
         budget_max_ntd=1_200_000, valid_to=date(2026, 12, 31), county="臺南市"),
    Need("002", "Vaccine", 'oral, "coated"', kinds=("capability",), budget_max_ntd=1_000_000,
         valid_to=date(2027, 1, 31), county="臺南市"),
    Need("003", "溫室\n降溫", "41 °C"),
)


def as_csv(rows, mark=","):
    return "\r\n".join(mark.join('"' + c.replace('"', '""') + '"' for c in row) for row in rows)


def write_xlsx(path, rows):
    from openpyxl import Workbook

    book = Workbook()
    for row in rows:
        book.active.append(row)
    book.save(path)


def write_as(path, rows=(HEADER, *ROWS), encoding="utf-8", mark=","):
    if path.suffix == ".xlsx":
        write_xlsx(path, rows)
    elif path.suffix == ".jsonl":
        lines = (json.dumps(dict(zip(rows[0], r, strict=True)), ensure_ascii=False) for r in rows[1:])
        path.write_text("\n".join(lines), "utf-8")
    else:
        path.write_bytes(as_csv(rows, mark).encode(encoding))
    return path


@pytest.mark.parametrize(("name", "encoding", "mark"), [
    ("n.csv", "utf-8", ","), ("n.csv", "utf-8-sig", ","), ("n.csv", "utf-16", ","),
    ("n.csv", "utf-8", ";"), ("n.tsv", "utf-8", "\t"), ("n.xlsx", "", ""), ("n.jsonl", "", ""),
])
def test_the_same_three_needs_in_every_format(tmp_path, name, encoding, mark):
    assert read(write_as(tmp_path / name, encoding=encoding, mark=mark), "needs").records == NEEDS


def test_a_big5_file_of_excel_reads_right(tmp_path):
    rows = [HEADER, ("001", "碁銹裏恒粧", "功率元件", "設備", "", "", "")]
    found = read(write_as(tmp_path / "n.csv", rows, "cp950"), "needs")
    assert (found.encoding, found.records[0].title) == ("cp950", "碁銹裏恒粧")


def test_an_inch_mark_is_no_open_quote(tmp_path):
    (tmp_path / "n.csv").write_text('need_id,title\n1,螺紋 1/2"\n2,b\n', "utf-8")
    assert [n.title for n in read(tmp_path / "n.csv", "needs").records] == ['螺紋 1/2"', "b"]


def test_every_format_is_tried_above():
    assert {e for f in FORMATS for e in f.endings} == {".csv", ".tsv", ".txt", ".xlsx", ".jsonl",
                                                       ".ndjson"}


DEFECTS = (
    ("需求編號", "標題", "供給類型", "目前TRL", "預算下限", "預算上限", "生效日", "有效期限", "縣市", "語言"),
    ("1", "好的", "研發能量", "4", "1", "2", "2026-01-01", "2026-12-31", "臺南市", "zh"),
    ("2", "種類錯", "魔法", "", "", "", "", "", "", ""),
    ("3", "TRL 錯", "", "10", "", "", "", "", "", ""),
    ("4", "預算負", "", "", "-5", "", "", "", "", ""),
    ("5", "下大於上", "", "", "300萬", "200萬", "", "", "", ""),
    ("6", "沒有這天", "", "", "", "", "2026-02-30", "", "", ""),
    ("7", "年份不明", "", "", "", "", "02/03/04", "", "", ""),
    ("8", "先後顛倒", "", "", "", "", "2026-12-31", "2026-01-01", "", ""),
    ("9", "縣市錯", "", "", "", "", "", "", "東京都", ""),
    ("", "沒有編號", "", "", "", "", "", "", "", ""),
    ("1", "編號重複", "", "", "", "", "", "", "", "xx"),
)
PROBLEMS = (
    (2, "需求編號", "1", "這個編號也出現在第 12 列；每個編號只能出現一次"),
    (3, "供給類型", "魔法", "應為其中之一：capability, channel, equipment, fund, site, supply, training"),
    (4, "目前TRL", "10", "TRL 應為 1 到 9"),
    (5, "預算下限", "-5", "應為 0 以上的整數，例如 1000000 或 100萬"),
    (6, "預算下限", "3000000", "不可大於「預算上限」欄（2000000）"),
    (7, "生效日", "2026-02-30", "沒有這一天；請寫成 YYYY-MM-DD"),
    (8, "生效日", "02/03/04",
     "日期請寫成 YYYY-MM-DD，例如 2026-02-28（民國115/2/28 也可以）"),
    (9, "生效日", "2026-12-31", "不可大於「有效期限」欄（2026-01-01）"),
    (10, "縣市", "東京都", "應為 22 縣市之一，例如 臺南市"),
    (11, "需求編號", "", "這一格不可空白"),
    (12, "語言", "xx", "應為其中之一：zh, en, ja, ko, vi, id, th, ms"),
    (12, "需求編號", "1", "這個編號也出現在第 2 列；每個編號只能出現一次"),
)


@pytest.mark.parametrize("name", ["n.csv", "n.xlsx"])
def test_ten_defects_give_all_sentences_at_once(tmp_path, name):
    found = read(write_as(tmp_path / name, DEFECTS), "needs")
    assert [(p.row, p.column, p.found, render(p.wanted, "zh")) for p in found.problems] == list(
        PROBLEMS)
    assert (found.records, found.rows, len(found.rejected)) == ((), 11, 11)


def test_good_rows_are_kept_when_asked(tmp_path):
    rows = (*DEFECTS[:4], ("99", "也是好的", *[""] * 8))
    found = read(write_as(tmp_path / "n.csv", rows), "needs", keep_good=True)
    assert [need.need_id for need in found.records] == ["1", "99"]
    write_rejected(found, tmp_path / "bad.csv")
    lines = (tmp_path / "bad.csv").read_text("utf-8-sig").splitlines()
    assert lines[0].startswith("退回列號,退回原因,需求編號")
    assert lines[1].startswith('3,"供給類型: 應為其中之一')


@pytest.mark.parametrize(("content", "sentence"), [
    (b"", "The file is empty."),
    (b"need_id,title\n", "The file has a header but no rows."),
    (b'need_id,title\n1,"open\n2,b\n', 'A quotation mark " opened in line 2 is never closed.'),
    (b"need_id,title,need_id\n1,a,2\n", "The column “need_id” stands twice"),
    (b"title\na\n", "A column is missing: 需求編號 need_id. The file has: title."),
    (b"need_id,county\n1,\xe5\x8f\n", "There is no text column"),
    (b"need_id,title\n1,\xff\xff\n", "neither UTF-8 nor Big5 (cp950): line 2"),
])
def test_a_file_that_cannot_be_read_says_why(tmp_path, content, sentence):
    path = tmp_path / "n.csv"
    path.write_bytes(content)
    with pytest.raises(FileFormatError) as raised:
        read(path, "needs")
    assert sentence in str(raised.value) or "neither UTF-8" in str(raised.value)


@pytest.mark.parametrize(("name", "content", "sentence"), [
    ("a.xlsx", b"<html>", "not an .xlsx workbook"), ("a.xlsx", b"\xd0\xcf\x11\xe0" * 4, "old .xls"),
    ("a.doc", b"x", "The ending “.doc” is not known"), ("a.jsonl", b"[1]", "Line 1 is no JSON"),
    ("a.jsonl", b'{"need_id": NaN}', "NaN is no number"),
    ("a.jsonl", b'{"need_id": 1, "need_id": 2}', "a key stands twice"),
])
def test_other_files_say_why(tmp_path, name, content, sentence):
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(FileFormatError) as raised:
        read(path, "needs")
    assert sentence in str(raised.value)


def test_a_workbook_made_to_explode_is_refused_before_opening(tmp_path):
    import zipfile

    path = tmp_path / "bomb.xlsx"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("xl/worksheets/sheet1.xml", b"0" * 50_000_000)
    with pytest.raises(FileFormatError, match="unpacks to 50 MB"):
        read(path, "needs")


def test_formulas_and_spreadsheet_errors_are_named(tmp_path):
    write_xlsx(tmp_path / "n.xlsx", [("need_id", "title"), ("1", "=A1&B1"), ("2", "#REF!")])
    found = read(tmp_path / "n.xlsx", "needs")
    assert [(p.row, render(p.wanted, "en")) for p in found.problems if p.column == "title"] == [
        (2, "this cell is a formula without a stored value; paste its value instead"),
        (3, "this cell holds a spreadsheet error")]


@pytest.mark.parametrize(("text", "value"), [
    ("1000000", 1_000_000), ("1,000,000", 1_000_000), ("NT$1,000,000", 1_000_000), ("100萬", 1_000_000),
    ("1.5億", 150_000_000), ("二五〇萬", None), ("五〇〇〇", None), ("兩百五", None), ("二萬五", None), ("一百〇五", 105),
    ("一萬零五百", 10_500), ("三十五", 35), ("萬" * 3000, None), ("一百萬", 1_000_000), ("一百二十萬元", 1_200_000), ("１００", 100), ("0", 0),
    ("十萬", 100_000), ("1,5億", None), ("1,00", None), ("1,0000", None), ("-5", None), ("1_000", None), ("1e18", None), ("abc", None), ("٣", None),
])
def test_money(text, value):
    if value is None:
        with pytest.raises(Refused):
            as_integer(text)
    else:
        assert as_integer(text) == value


@pytest.mark.parametrize(("text", "value"), [
    ("2026-02-28", date(2026, 2, 28)), ("115/2/28", date(2026, 2, 28)), ("1150228", date(2026, 2, 28)),
    ("民國115年2月28日", date(2026, 2, 28)), ("２０２６/2/28", date(2026, 2, 28)),
    ("115 年 2 月 28 日", date(2026, 2, 28)), ("2026年2月28日 00:00:00", date(2026, 2, 28)), ("2026 年 2 月 28 日 00:00", date(2026, 2, 28)), ("中華民國115年2月28日", date(2026, 2, 28)), ("民國99年12月31日", date(2010, 12, 31)),
    ("99/12/31", None), ("西元2026年2月28日", date(2026, 2, 28)), ("20260228", date(2026, 2, 28)), ("2026-02-30", None), ("02/03/04", None), ("0001-01-01", None),
    ("9999-12-31", None), ("soon", None),
])
def test_dates(text, value):
    if value is None:
        with pytest.raises(Refused):
            as_date(text)
    else:
        assert as_date(text) == value


def test_years_levels_counties():
    assert [as_year(t) for t in ("2024", "113", "民國113年")] == [2024] * 3
    assert [as_trl(t) for t in ("6", "TRL 6", "６")] == [6, 6, 6]
    assert [as_county(t) for t in ("台南市", "Tainan", "TW-TNN", "71001台南市永康區")] == ["臺南市"] * 4
    for text in ("0", "3.5", "10"):
        with pytest.raises(Refused):
            as_trl(text)


@pytest.mark.parametrize(("text", "fits"), [
    ("04595257", True), ("62140097", True), ("00501508", True), ("00000074", True),
    ("00501502", False), ("12345678", False), ("4595257", False), ("", False),
])
def test_tax_ids(text, fits):
    assert tax_id_fits(text) is fits


def test_an_odd_tax_id_warns_but_is_kept_with_its_zeros(tmp_path):
    (tmp_path / "p.csv").write_text("統一編號,公司名稱\n04595257,甲\n12345678,乙\n", "utf-8")
    found = read(tmp_path / "p.csv", "parties")
    assert [p.party_id for p in found.records] == ["04595257", "12345678"]
    assert [(p.row, p.fatal) for p in found.problems] == [(3, False)]


def test_a_partys_unknown_columns_are_kept_with_it(tmp_path):
    (tmp_path / "p.csv").write_text("代號,公司名稱,實收資本額\n1101,甲,77511817420\n", "utf-8")
    found = read(tmp_path / "p.csv", "parties")
    assert found.records[0].extra == {"實收資本額": "77511817420"}
    assert render(found.problems[0].wanted, "zh") == "不認得這一欄，內容原樣保留在資料中"


@pytest.mark.parametrize("what", sorted(FIELDS))
@pytest.mark.parametrize(("lang", "fmt"), [("zh", "csv"), ("en", "csv"), ("zh", "xlsx")])
def test_a_templates_own_example_imports(tmp_path, what, lang, fmt):
    path = tmp_path / f"t.{fmt}"
    path.write_bytes(template(what, lang, fmt))
    found = read(path, what)
    assert (found.problems, len(found.records)) == ((), 1)


def test_formula_cells_are_disarmed_in_what_we_write(tmp_path):
    (tmp_path / "n.csv").write_text('need_id,title,trl_now\n1,"=HYPERLINK(1)",99\n', "utf-8")
    write_rejected(read(tmp_path / "n.csv", "needs"), tmp_path / "bad.csv")
    assert "'=HYPERLINK(1)" in (tmp_path / "bad.csv").read_text("utf-8-sig")


@settings(max_examples=150, deadline=None)
@given(st.dictionaries(st.sampled_from([f.name for f in FIELDS["needs"]]), st.text(max_size=30)))
def test_no_cell_text_ever_breaks_the_checks(row):
    full = {"need_id": "1", "title": "t", **row}
    try:
        found = check("needs", list(full), [(2, full)])
    except MatcherError:
        return
    assert len(found.records) == (1 if found.ok else 0)


@pytest.mark.parametrize(("text", "wanted"), [
    ("DGBAS 2912；IPC B23Q 11/00", ("DGBAS 2912", "IPC B23Q11/00")), ("ｉｐｃ h01l", ("IPC H01L",)),
    ("CCC 0603.11.00; CCC 06031100", ("CCC 06031100",)), ("DGBAS C", ("DGBAS C",)),
])
def test_codes_are_read_with_their_scheme(text, wanted):
    assert as_codes(text) == wanted


@pytest.mark.parametrize("text", ["2912", "IPC 2912", "NAICS 3335", "DGBAS 29123", "IPC B23Q11/"])
def test_a_code_without_scheme_or_of_another_form_is_refused(text):
    with pytest.raises(Refused, match="wanted a scheme and its code"):
        as_codes(text)


# ---- what comes back, and what must not be lost -----------------------------------------------------


@pytest.mark.parametrize("lang", ["zh", "en"])
def test_a_mended_file_comes_back_as_it_was_written(tmp_path, lang):
    rows = (("party_id", "name", "county", "備註"), ("P1", "-20 °C 冷凍", "火星", "@home"), ("P2", "'=quoted", "台南市", ""),
            ("P3", "甲", "金星", "x", "more"))
    write_as(tmp_path / "p.csv", rows)
    write_rejected(read(tmp_path / "p.csv", "parties", keep_good=True), tmp_path / "mend.csv", lang)
    mended = (tmp_path / "mend.csv").read_text("utf-8-sig")
    assert mended.startswith({"zh": "退回列號,退回原因,party_id", "en": "rejected row,why it was rejected,party_id"}[lang])
    assert "\0" not in mended
    (tmp_path / "mend.csv").write_text(mended.replace("火星", "臺中市").replace("金星", "臺北市"), "utf-8-sig")
    back = {p.party_id: p for p in read(tmp_path / "mend.csv", "parties").records}
    assert (back["P1"].name, back["P1"].extra) == ("-20 °C 冷凍", {"備註": "@home"})
    assert back["P3"].extra == {"備註": "x", "column 5": "more"}


@pytest.mark.parametrize("name", ["n.csv", "n.xlsx"])
def test_rows_are_numbered_as_a_spreadsheet_shows_them(tmp_path, name):
    rows = [HEADER, ROWS[0], [""] * 7, ROWS[1], [""] * 7, ("004", "t", "", "nonsense", "", "", "")]
    write_as(tmp_path / name, rows)
    assert [p.row for p in read(tmp_path / name, "needs").problems] == [6]


@pytest.mark.parametrize(("content", "told", "kept"), [
    ("need_id,title,\nN1,a,lost", [(1, "(3)", "")], 1),
    ("need_id,title\nN1,a,lost", [(2, "column 3", "lost")], 0),
    ("need_id,,title\nN1,lost,a", [(1, "(2)", "")], 1),
    ("need_id,title,,\nN1,a,,", [], 1),  # columns without name and cells, as Excel leaves them
])
def test_a_column_without_a_name_is_told_where_it_holds_something(tmp_path, content, told, kept):
    (tmp_path / "n.csv").write_text(content, "utf-8")
    found = read(tmp_path / "n.csv", "needs", keep_good=True)
    assert ([(p.row, p.column, p.found) for p in found.problems], len(found.records)) == (told, kept)


@pytest.mark.parametrize(("rows", "columns"), [(200_001, 2), (2, 201)])
def test_a_workbook_beyond_the_limits_is_refused_not_cut(tmp_path, monkeypatch, rows, columns):
    from matcher.intake import formats, reader

    for room in (formats, reader):
        monkeypatch.setattr(room, "MOST_ROWS", 20)
        monkeypatch.setattr(room, "MOST_COLUMNS", 10)
    header = ["need_id", "title", *(f"c{i}" for i in range(min(columns, 11) - 2))]
    write_xlsx(tmp_path / "n.xlsx", [header, *([str(i), "t", *"x" * (len(header) - 2)] for i in range(min(rows, 21)))])
    with pytest.raises(FileFormatError, match="at most 20 rows and 10 columns"):
        read(tmp_path / "n.xlsx", "needs")


@pytest.mark.parametrize(("part", "damage"), [
    ("xl/worksheets/sheet1.xml", lambda b: b[: len(b) // 2]), ("xl/workbook.xml", lambda b: b[:60]), ("xl/styles.xml", lambda b: b[:80]),
    ("xl/worksheets/sheet1.xml", lambda b: b.replace(b"<sheetData>", b'<sheetData><row r="9"><c r="A9" t="n"><v>x</v></c></row>')),
    ("xl/workbook.xml", lambda b: b.replace(b'state="visible"', b'state="hidden"')),
])
def test_a_damaged_workbook_is_refused_in_words(tmp_path, part, damage):
    import zipfile

    write_xlsx(tmp_path / "whole.xlsx", [HEADER, *ROWS])
    with zipfile.ZipFile(tmp_path / "whole.xlsx") as whole, zipfile.ZipFile(tmp_path / "n.xlsx", "w") as broken:
        for item in whole.infolist():
            content = whole.read(item)
            broken.writestr(item.filename, damage(content) if item.filename == part else content)
    with pytest.raises(FileFormatError, match=r"cannot be opened|is empty"):
        read(tmp_path / "n.xlsx", "needs")


def test_half_a_character_is_refused_where_it_stands(tmp_path):
    (tmp_path / "n.jsonl").write_text('{"need_id": "N1", "title": "x"}\n{"need_id": "N2", "title": "\\ud800x"}', "utf-8")
    with pytest.raises(FileFormatError, match="Line 2 is no JSON object"):
        read(tmp_path / "n.jsonl", "needs")


def test_a_judged_pairs_reason_comes_back_from_the_mended_file(tmp_path):
    (tmp_path / "j.csv").write_text("need_id,offer_id,grade,judge,reason\nN1,O1,9,me,very good\n", "utf-8")
    for lang in ("zh", "en"):
        write_rejected(read(tmp_path / "j.csv", "judged"), tmp_path / "mend.csv", lang)
        mended = (tmp_path / "mend.csv").read_text("utf-8-sig").replace(",9,", ",3,")
        (tmp_path / "mend.csv").write_text(mended, "utf-8-sig")
        assert [(j.grade, j.reason) for j in read(tmp_path / "mend.csv", "judged").records] == [(3, "very good")]
    (tmp_path / "own.csv").write_text("row,reason,need_id,offer_id,grade,judge\n1,very good,N1,O1,3,me\n", "utf-8")
    assert read(tmp_path / "own.csv", "judged").records[0].reason == "very good"
