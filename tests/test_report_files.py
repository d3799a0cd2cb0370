"""The files of a report, on one that holds what real months hold, and what goes wrong in them."""

from __future__ import annotations

import csv
import io
import json
import re
from dataclasses import replace
from datetime import UTC, date, datetime
from itertools import pairwise
from pathlib import Path

import pytest
from openpyxl import load_workbook

from matcher.errors import InputError, MissingFontError
from matcher.languages import render, translate
from matcher.report.files import FORMATS, fonts, format_of
from matcher.report.files.charts import picture, spoken
from matcher.report.files.plot import COLOURS, Bar, Marker, Text, axis_of, breadth, shorten
from matcher.report.files.plot import Path as Line
from matcher.report.files.wrapping import wrap
from matcher.report.files.xlsx import sheet_name
from matcher.report.model import HIDDEN, Chart, Column, Names, Report, Section, Table, to_report
from matcher.report.wording import Wording, clean
from matcher.vocabulary import Message

LONG = "高速主軸熱變位補償與即時監測系統導入評估，" * 12
NEEDS = Table(
    "needs", "Needs", (Column("id", "Need", "id"), Column("title", "Title"), Column("day", "Date", "date"),
                       Column("score", "Score", "score"), Column("offers", "Offers", "number"),
                       Column("change", "Change", "change"), Column("budget", "Budget", "money")),
    (("N1", "主軸熱變位補償", date(2026, 10, 3), 0.876, 1234, 2, 1_500_000),
     ("N2", '=HYPERLINK("http://x")', date(2026, 10, 31), 0.5, HIDDEN, -3, None),
     ("N3", "疫苗\x07佐劑 😀 ระบบ\tก", None, None, 0, 0, 0),
     ("007", LONG, date(2026, 10, 9), 1.0, 7, None, 90)),
    note=Message("There is no {what} with the id “{id}”.", {"what": Message("need"), "id": "N9"}))
SHARES = Table("shares", "Score", (Column("theme", "Theme"), Column("share", "Share", "percent")),
               (("半導體", 0.123), (Names("精密機械", "Precision machinery"), 0.5)))
EMPTY = Table("without", "Needs without an offer", (Column("title", "Title"),), ())
BARS = Chart("by-theme", "Needs", "bar", ("半導體", "精密機械"), (("Share", (0.123, 0.5)),), "shares")
LINES = Chart("trend", "Matches", "line", ("8月", "9月", "10月"),
              ((Message("Needs"), (4, None, 6)), (Names("媒合", "Matches"), (1, 2, 3))))
REPORT = Report(
    "CTSP", Names("中部科學園區", "Central Taiwan Science Park"), date(2026, 10, 1), date(2026, 11, 1),
    datetime(2026, 11, 1, 22, 30, tzinfo=UTC), "run-7", (
        Section("summary", "Needs", (Message("Known: {a}; {b}; {c}", {
            "a": 1234.5, "b": date(2026, 10, 31), "c": ("半導體", Names("光電", "Optics"))}),),
            (SHARES,), (BARS,)),
        Section("needs", "Needs of the centre", (), (NEEDS, EMPTY), (LINES,)),
        Section("nothing", "Matches")), draft=True)
# Everything but PDF needs no font; PDF is tried where the fonts are (the browser gate).
PLAIN = [row for row in FORMATS if row.key != "pdf"]


def written(key, lang="zh", report=REPORT):
    return format_of(key).write(report, lang)


def test_formats_are_known_by_their_keys():
    assert [(row.key, row.suffix) for row in FORMATS] == [
        ("html", ".html"), ("pdf", ".pdf"), ("xlsx", ".xlsx"), ("csv", ".csv"), ("json", ".json")]
    with pytest.raises(InputError) as caught:
        format_of("docx")
    assert render(caught.value.message, "en") == (
        "There is no report format “docx”. Known: html, pdf, xlsx, csv, json.")
    assert render(caught.value.message, "zh") == (
        "沒有「docx」這種報告格式；可用的格式：html, pdf, xlsx, csv, json。")


@pytest.mark.parametrize("lang", ["zh", "en"])
@pytest.mark.parametrize("row", PLAIN, ids=lambda row: row.key)
def test_the_same_report_gives_the_same_bytes(row, lang):
    assert row.write(REPORT, lang) == row.write(to_report(json.loads(written("json"))["report"]), lang)


@pytest.mark.parametrize("row", PLAIN, ids=lambda row: row.key)
def test_a_report_without_sections_is_written_too(row):
    assert row.write(replace(REPORT, sections=()), "zh")


# HTML

@pytest.mark.parametrize(("lang", "words"), [
    ("zh", ('<html lang="zh-Hant-TW">', "每月媒合報告 2026年10月", "中部科學園區", "資料時間", "2026-11-02 06:30",
            ">草稿<", "目錄", "本月沒有資料。", "未達 3 家，不顯示", "1,234", "12.3%", "+2", "−3", "精密機械", "1,234.5; 2026-10-31; 半導體、光電")),
    ("en", ('<html lang="en">', "Monthly match report October 2026", "Central Taiwan Science Park",
            "As it stood at", ">Draft<", "Contents", "Nothing this month.", "not shown (fewer than 3 firms)", "12.3 %",
            "Precision machinery", "半導體, Optics")),
])
def test_html_says_it_in_the_readers_language(lang, words):
    page = written("html", lang).decode()
    assert [word for word in words if word not in page] == []


def test_html_stands_alone():
    page = written("html").decode()
    assert re.findall(r"<(?:script|link|img|iframe|object)|url\(|@import|\s(?:src|on\w+)=", page) == []
    assert re.findall(r'href="(?!#)', page) == []
    assert "http" not in page.replace("=HYPERLINK(&#34;http://x&#34;)", "")


def test_html_links_reach_their_places():
    page = written("html").decode()
    ids = re.findall(r'\sid="([^"]+)"', page)
    assert len(ids) == len(set(ids))
    assert set(re.findall(r'href="#([^"]+)"', page)) <= set(ids)
    assert {"s-1", "s-2", "s-2-1", "s-2-2", "s-3"} <= set(ids)


def test_html_tables_and_charts_can_be_heard():
    page = written("html").decode()
    assert page.count('<svg ') == page.count('role="img"') == 2
    assert "<desc id=\"c-1-1-1-d\">Share: 半導體 12.3%; 精密機械 50.0%</desc>" in page
    assert page.count("<caption>") == page.count("<thead>") == 2
    assert '<th scope="row">N1</th>' in page
    assert '<th scope="col" class="right">' in page


def test_html_shows_text_as_text():
    table = replace(NEEDS, rows=(("<b>", "<script>x</script>", None, None, None, None, None),))
    page = written("html", report=replace(REPORT, sections=(Section("a", "Needs", (), (table,)),))).decode()
    assert "&lt;script&gt;x&lt;/script&gt;" in page
    assert "<script>" not in page


# CSV and JSON

def csv_rows(lang="zh"):
    content = written("csv", lang)
    assert content.startswith(b"\xef\xbb\xbf")
    assert content.count(b"\n") == content.count(b"\r\n")
    return list(csv.reader(io.StringIO(content.decode("utf-8-sig"), newline="")))


def test_csv_rows_say_where_they_stand_and_keep_plain_values():
    rows = csv_rows("en")
    assert rows[:5] == [["Monthly match report", "", "Centre", "Central Taiwan Science Park"],
                        ["Monthly match report", "", "Month", "2026-10"],
                        ["Monthly match report", "", "As it stood at", "2026-11-02T06:30+08:00"],
                        ["Monthly match report", "", "Run", "run-7"],
                        ["Monthly match report", "", "Draft", "yes"]]
    assert ["Needs", "Score", "半導體", "0.123"] in rows
    assert ["Needs of the centre", "Needs", "N1", "主軸熱變位補償", "2026-10-03", "0.876", "1234", "2", "1500000"] in rows
    assert ["Needs of the centre", "Needs without an offer", "Nothing this month."] in rows


def test_csv_text_never_runs_but_numbers_stay_numbers():
    row = next(row for row in csv_rows() if "N2" in row)
    assert row[3:] == ["'=HYPERLINK(\"http://x\")", "2026-10-31", "0.5", "未達 3 家，不顯示", "-3", ""]


def test_csv_has_no_control_characters():
    assert next(row for row in csv_rows() if "N3" in row)[3] == "疫苗佐劑 😀 ระบบ ก"


def test_json_reads_back_as_the_same_report():
    whole = json.loads(written("json", "en"))
    assert to_report(whole["report"]) == REPORT
    assert (whole["schema"], whole["language"]) == ("matcher-report/1", "en")
    assert whole["text"]["sections"][0]["sentences"] == ["Known: 1,234.5; 2026-10-31; 半導體, Optics"]
    assert whole["text"]["sections"][1]["tables"][0]["columns"][:3] == ["Need", "Title", "Date"]


# XLSX

@pytest.fixture(scope="module")
def book():
    return load_workbook(io.BytesIO(written("xlsx")))


def test_the_workbook_has_contents_a_sheet_a_section_and_charts(book):
    assert book.sheetnames == ["目錄", "需求", "園區需求數", "媒合", "圖表"]
    links = {cell.value: cell.hyperlink.location for row in book["目錄"] for cell in row if cell.hyperlink}
    assert links == {"需求": "'需求'!A1", "園區需求數": "'園區需求數'!A1", "媒合": "'媒合'!A1", "圖表": "'圖表'!A1"}
    assert book["目錄"]["A1"].value == "中部科學園區 每月媒合報告 2026年10月"
    assert book.properties.creator == "中部科學園區"
    assert book.properties.created == datetime(2026, 11, 1, 22, 30)


def test_cells_of_the_workbook_are_what_they_are(book):
    rows = {row[0].value: row for row in book["園區需求數"]}
    first = rows["N1"]
    assert [cell.value for cell in first] == [
        "N1", "主軸熱變位補償", datetime(2026, 10, 3), 0.876, 1234, 2, 1_500_000]
    assert [cell.number_format for cell in first][2:] == [
        "yyyy-mm-dd", "0.00", "#,##0", "+#,##0.##;−#,##0.##;0", "#,##0"]
    assert [cell.data_type for cell in rows["N2"]][:2] == ["s", "s"]
    assert rows["N2"][1].value == '=HYPERLINK("http://x")'
    assert rows["N2"][1].quotePrefix
    assert rows["N2"][4].value == "未達 3 家，不顯示"
    assert rows["N3"][1].value == "疫苗佐劑 😀 ระบบ ก"
    assert rows["007"][0].data_type == "s"
    assert book["需求"]["B6"].number_format == "0.0%"


def test_one_table_has_its_header_frozen_and_filtered(book):
    alone, several = book["需求"], book["園區需求數"]
    assert (alone.freeze_panes, alone.auto_filter.ref) == ("A6", "A5:B7")
    assert (several.freeze_panes, several.auto_filter.ref) == ("A2", "A6:G10")
    assert several.row_dimensions[10].height > 60  # the long cell is seen whole


@pytest.mark.parametrize(("title", "taken", "name"), [
    ("需求", set(), "需求"), ("a/b:c*[d]?", set(), "a b c  d"), ("x" * 40, set(), "x" * 31),
    ("x" * 40, {"x" * 31}, "x" * 29 + " 2"), ("Needs", {"needs"}, "Needs 2"), ("History", set(), "History –"),
    ("''", set(), "–"),
])
def test_names_of_sheets(title, taken, name):
    assert sheet_name(title, taken) == name


# charts

@pytest.mark.parametrize(("values", "ticks"), [
    ([1, 7], [0, 2, 4, 6, 8]), ([0.1, 0.5], [0, 0.2, 0.4, 0.6]), ([0, 0], [0, 1]), ([1, 2], [0, 1, 2]),
    ([-3, 5], [-4, -2, 0, 2, 4, 6]), ([1200], [0, 500, 1000, 1500]), ([], [0, 1]),
])
def test_an_axis_starts_at_zero_and_goes_by_round_steps(values, ticks):
    assert axis_of(values).ticks() == ticks


def shapes(chart, kind, table=None, lang="zh"):
    return [shape for shape in picture(chart, table, Wording(lang)).shapes if isinstance(shape, kind)]


def test_bars_are_as_long_as_their_values_and_say_them():
    short, long = shapes(BARS, Bar, SHARES)
    assert long.width / short.width == pytest.approx(0.5 / 0.123)
    assert {"12.3%", "50.0%", "半導體"} <= {text.text for text in shapes(BARS, Text, SHARES)}


def test_a_bar_below_zero_goes_to_the_left():
    down, up = shapes(replace(BARS, series=(("Change", (-2, 4)),)), Bar)
    assert down.x + down.width == pytest.approx(up.x)


def test_a_line_is_broken_where_a_value_is_missing():
    assert [(line.series, len(line.points)) for line in shapes(LINES, Line)] == [(0, 1), (0, 1), (1, 3)]
    assert len(shapes(LINES, Marker)) == 5
    assert {"需求 6", "媒合 3"} <= {text.text for text in shapes(LINES, Text)}


def test_names_at_the_ends_of_lines_do_not_touch():
    same = replace(LINES, series=tuple((f"S{n}", (1, 2, 3)) for n in range(8)))
    ys = sorted(text.y for text in shapes(same, Text) if text.series is not None)
    assert min(b - a for a, b in pairwise(ys)) >= 14.9


def test_what_finds_no_room_is_counted():
    many = replace(BARS, labels=tuple(map(str, range(50))), series=(("Share", tuple(range(50))),))
    assert picture(many, None, Wording("zh")).left_out == 20
    assert picture(replace(BARS, series=tuple((f"S{n}", (1, 2)) for n in range(10))), None,
                   Wording("zh")).left_out == 2
    page = written("html", report=replace(REPORT, sections=(Section("a", "Needs", charts=(many,)),))).decode()
    assert "……其餘 20 項請見表格" in page


@pytest.mark.parametrize("values", [(None, None), (0, 0.0), (None, 0)])
def test_a_chart_without_values_is_not_drawn(values):
    assert picture(replace(BARS, series=(("Share", values),)), SHARES, Wording("zh")) is None


def test_a_chart_is_told_in_words():
    assert spoken(LINES, None, Wording("en")) == "Needs: 8月 4; 10月 6. Matches: 8月 1; 9月 2; 10月 3"


def brightness(colour):
    parts = [int(colour[place:place + 2], 16) / 255 for place in (1, 3, 5)]
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


@pytest.mark.parametrize("colour", COLOURS)
def test_colours_are_seen_on_light_and_on_dark(colour):
    """3:1, as WCAG 1.4.11 asks of graphics, on the page's two papers."""
    light, own, dark = (brightness(c) + 0.05 for c in ("#ffffff", colour, "#14181d"))
    assert min(light / own, own / dark) >= 3


@pytest.mark.parametrize(("text", "width", "short"), [
    ("光電", 24, "光電"), ("光電與半導體", 40, "光電…"), ("abc", 30, "abc"),
])
def test_a_long_label_is_cut_where_one_sees_it(text, width, short):
    assert shorten(text, width) == short
    assert breadth(short) <= width


# text on paper

@pytest.mark.parametrize(("text", "width", "lines"), [
    ("需求與供給", 2, ["需求", "與供", "給"]),
    ("需求。供給", 2, ["需", "求。", "供給"]),
    ("需「求給」", 3, ["需「求", "給」"]),
    ("需「求」給", 3, ["需", "「求」", "給"]),
    ("two words", 5, ["two", "words"]),
    ("LoRaWAN傳輸", 7, ["LoRaWAN", "傳輸"]),
    ("abcdef", 4, ["abcd", "ef"]),
    ("a\nb", 9, ["a", "b"]),
    ("", 9, [""]),
    ("กำกี", 2, ["กำ", "กี"]),
])
def test_lines_break_as_chinese_is_set(text, width, lines):
    assert wrap(text, width, len) == lines


@pytest.mark.parametrize(("value", "written_as"), [(2, "+2"), (-3, "−3"), (0, "0"), (1234.5, "+1,234.5")])
def test_a_change_has_its_sign(value, written_as):
    assert Wording("zh").number(value, "change") == written_as


@pytest.mark.parametrize(("text", "kept"), [
    ("a\x00b\x1fc", "abc"), ("a\tb\r\nc\rd", "a b\nc d"), ("\ud800x\ufffe", "x"), ("😀ก", "😀ก"),
])
def test_what_no_file_can_carry_is_taken_out(text, kept):
    assert clean(text) == kept


# PDF

def test_a_pdf_is_refused_without_a_chinese_font(monkeypatch, tmp_path):
    monkeypatch.setattr(fonts, "FOLDERS", (tmp_path,))
    monkeypatch.setattr(fonts, "_ask_fontconfig", lambda: None)
    with pytest.raises(MissingFontError) as caught:
        written("pdf")
    assert caught.value.exit_code == 3
    assert render(caught.value.message, "en") == (
        "A PDF needs a font for Chinese, and this machine has none. Install one (on Debian: "
        "apt-get install fonts-noto-cjk) or take the report as HTML or XLSX.")
    assert "apt-get install fonts-noto-cjk" in render(caught.value.message, "zh")


def test_a_font_is_found_by_its_name_and_bold_is_not_asked_for(monkeypatch, tmp_path):
    monkeypatch.setattr(fonts, "FOLDERS", (tmp_path,))
    (tmp_path / "NotoSansCJK-Regular.ttc").touch()
    found = fonts.find_face()
    assert (found.regular.name, found.bold.name, found.number) == (
        "NotoSansCJK-Regular.ttc", "NotoSansCJK-Regular.ttc", 3)


def read_pdf(content):
    from pypdf import PdfReader

    return PdfReader(io.BytesIO(content))


def outline(reader):
    def titles(items):
        return [titles(item) if isinstance(item, list) else item.title for item in items]

    return titles(reader.outline)


@pytest.mark.browser
def test_a_pdf_has_cover_contents_bookmarks_and_numbers():
    pdf = read_pdf(written("pdf"))
    pages = [page.extract_text() for page in pdf.pages]
    assert [word for word in ("中部科學園區", "每月媒合報告", "2026年10月", "草稿", "主任簽章", "日期",
                              "2026-11-02 06:30") if word not in pages[0]] == []
    assert "目錄" in pages[1]
    assert [f"{n} / {len(pages)}" in text for n, text in enumerate(pages, 1)] == [True] * len(pages)
    assert outline(pdf) == ["需求", ["分數"], "園區需求數", ["需求", "沒有合適供給的需求"], "媒合"]
    assert (pdf.metadata.title, pdf.metadata.author) == ("每月媒合報告 2026年10月 – 中部科學園區", "中部科學園區")
    assert pdf.trailer["/Root"]["/Lang"] == "zh-Hant-TW"
    assert pdf.metadata.creation_date == REPORT.made


@pytest.mark.browser
def test_a_pdf_carries_its_fonts_and_says_what_the_report_says():
    pdf = read_pdf(written("pdf"))
    text = "".join(page.extract_text() for page in pdf.pages)
    assert [word for word in ("主軸熱變位補償", "未達 3 家，不顯示", "1,234", "12.3%", "−3", "本月沒有資料。", "=HYPERLINK",
                              "媒合 3") if word not in text] == []
    used = {name: font.get_object() for page in pdf.pages
            for name, font in page["/Resources"]["/Font"].items()}
    described = [f["/DescendantFonts"][0].get_object()["/FontDescriptor"].get_object() for f in used.values()]
    assert used
    assert all("/FontFile2" in d or "/FontFile3" in d for d in described)


@pytest.mark.browser
@pytest.mark.parametrize("lang", ["zh", "en"])
def test_the_same_report_gives_the_same_pdf(lang):
    assert written("pdf", lang) == written("pdf", lang)


@pytest.mark.browser
def test_a_character_without_a_font_is_seen_and_counted(monkeypatch):
    monkeypatch.setattr(fonts, "SPARES", ())
    table = Table("t", "Needs", (Column("a", "Title"),), (("ก需求",), ("😀ก",)))
    pdf = read_pdf(written("pdf", report=replace(REPORT, sections=(Section("a", "Needs", (), (table,)),))))
    text = "".join(page.extract_text() for page in pdf.pages)
    assert "□需求" in text
    assert "有 2 種字元在這台電腦上沒有字型可用，以 □ 代替。" in text


@pytest.mark.browser
def test_a_long_table_repeats_its_header_and_says_what_is_left_out():
    table = replace(NEEDS, rows=NEEDS.rows[:1] * 500)
    pdf = read_pdf(written("pdf", report=replace(REPORT, sections=(Section("a", "Needs", (), (table,)),))))
    pages = [page.extract_text() for page in pdf.pages][2:]
    assert sum(text.count("主軸熱變位補償") for text in pages) == 200
    assert all("分數" in text for text in pages if "主軸熱變位補償" in text)
    assert "……其餘 300 列請見試算表檔" in pages[-1]


@pytest.mark.browser
def test_a_wide_table_breaks_words_but_no_number():
    columns = (*(Column(f"t{n}", "Title") for n in range(7)), Column("id", "Need", "id"),
               Column("score", "Score", "score"), Column("day", "Date", "date"))
    row = (*["Internationalisation-of-everything"] * 7, "N0067", 0.85, date(2026, 10, 3))
    table = Table("t", "Needs", columns, (row,))
    pdf = read_pdf(written("pdf", report=replace(REPORT, sections=(Section("a", "Needs", (), (table,)),))))
    lines = pdf.pages[2].extract_text().split()
    assert {"N0067", "0.85", "2026-10-03"} <= set(lines)
    assert "Internationalisation-of-everything" not in lines


def test_every_title_of_the_files_is_translated():
    folder = Path(__file__).parent.parent / "matcher/report/files"
    keys = {key for path in (*folder.glob("*.py"), *folder.glob("templates/*.html"))
            for key in re.findall(r'(?:_|title)\("([A-Z…{][^"]+)"\)', path.read_text("utf-8"))}
    assert len(keys) > 8
    assert [key for key in sorted(keys) if translate(key, "zh") == key] == []


@pytest.mark.browser
def test_a_pdf_writes_characters_whose_number_unicode_keeps_for_pairs():
    """Noto's own numbers of 쨅 to 힣 are 0xD800 and up."""
    pdf = read_pdf(written("pdf", report=replace(REPORT, name=Names("쨅쩀園區힣", "쨅쩀 park 힣"))))
    assert "쨅쩀園區힣" in pdf.pages[0].extract_text()
