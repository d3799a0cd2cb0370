from __future__ import annotations

from datetime import date

import pytest

from matcher.languages import INTERFACE_LANGUAGES, translate
from matcher.report import SECTIONS, month_of, write_reports
from matcher.report.month import next_month


def silent(*_):
    pass


def reports(space, folder, lang="zh"):
    return write_reports(space, date(2026, 11, 1), "CTSP", folder, threshold=0.2, lang=lang,
                         progress=silent)


def test_a_tiny_month(space):
    month = month_of(space, "CTSP", date(2026, 11, 1), 0.2, silent)
    rows = {s.key: s.rows(month) for s in SECTIONS}
    assert rows["summary"][:3] == [("Needs of the centre", 1), ("Needs with an offer", 1),
                                   ("Needs without an offer", 0)]
    assert [r[:4] for r in rows["matches"]] == [("N1", "主軸熱變位補償", 1, "工具機熱誤差建模")]
    assert rows["without_offer"] == []
    assert dict(rows["method"])["Run"] == month.run.run_id


def test_a_high_threshold_leaves_the_need_without_an_offer(space):
    month = month_of(space, "CTSP", date(2026, 11, 1), 1.0, silent)
    rows = {s.key: s.rows(month) for s in SECTIONS}
    assert rows["matches"] == []
    assert rows["without_offer"][0][:3] == ("N1", "主軸熱變位補償", "工具機熱誤差建模")


@pytest.mark.parametrize(("lang", "words"), [
    ("zh", ("每月媒合報告", "中部科學園區", "沒有合適供給的需求", "工具機熱誤差建模")),
    ("en", ("Monthly match report", "Central Taiwan Science Park", "Needs without an offer")),
])
def test_files_in_both_languages_are_byte_identical_when_run_twice(space, tmp_path, lang, words):
    files = reports(space, tmp_path, lang)
    first = [f.read_bytes() for f in files]
    assert [f.name for f in files] == ["2026-11-CTSP.html", "2026-11-CTSP.csv"]
    assert all(word in first[0].decode() for word in words)
    assert [f.read_bytes() for f in reports(space, tmp_path, lang)] == first
    assert "<script" not in first[0].decode()
    assert list(tmp_path.glob("*.part")) == []


def test_all_centres_with_needs_get_a_report(space, tmp_path):
    files = write_reports(space, date(2026, 11, 1), None, tmp_path, threshold=0.2, lang="zh",
                          progress=silent)
    assert sorted(f.name for f in files if f.suffix == ".html") == [
        "2026-11-CTSP.html", "2026-11-PABP.html"]


@pytest.mark.parametrize("section", SECTIONS, ids=lambda s: s.key)
def test_titles_and_columns_exist_in_every_language(section):
    for text in (section.title, *section.columns):
        if text and "zh" in INTERFACE_LANGUAGES:
            assert translate(text, "zh") != text, text


@pytest.mark.parametrize(("first", "after"), [
    (date(2026, 1, 1), date(2026, 2, 1)), (date(2026, 12, 1), date(2027, 1, 1)),
    (date(2028, 2, 1), date(2028, 3, 1)),
])
def test_the_month_ends_where_the_next_begins(first, after):
    assert next_month(first) == after
