"""Search and lists: what is found, what is counted, what an address keeps."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import date

import numpy as np
import pytest
from click.testing import CliRunner
from conftest import DAY, EVIDENCE, NOW, OFFERS, PARTIES
from hypothesis import given
from hypothesis import strategies as st

from matcher import listing
from matcher.access import Viewer
from matcher.cli import main
from matcher.cli.listing import FACETS as NAMED_FACETS
from matcher.decisions import Change, decide
from matcher.errors import InputError
from matcher.languages import INTERFACE_LANGUAGES
from matcher.listing import (
    FACETS,
    LONGEST_SEARCH,
    ORDERS,
    Catalogue,
    ListQuery,
    browse_needs,
    browse_offers,
    fold,
    label,
    listed_json,
    listed_rows,
    parse,
    read_query,
    record_id,
)
from matcher.vocabulary import Evidence, Need, Offer, Party
from matcher.workflow import today

RECORDS = (
    *OFFERS, Offer("O4", "GaN 功率元件封裝", "氮化鎵功率元件的熱管理。", "capability", None, "STSP", "臺南市", "zh", ("green-energy",), 4),
    Offer("O5", "Organ-on-chip", "Organs on chips for vaccine tests; began in Tainan.", "capability", None, None, "台南市", "en"),
    Offer("O6", "溫室環控", "溫室的蒸發冷卻。", "site", None, "PABP", None, "zh", valid_to=date(2026, 1, 1)),
    Offer("O7", "熱泵", "Heat\n  pump for water;\u3000在臺南示範。", "equipment", None, None, "台南市", "zh"),
)
ALL = {"O1", "O2", "O3", "O4", "O5", "O6", "O7"}
PARTIES_BY_ID = {p.party_id: p for p in PARTIES}
ROOT = Viewer("s", "system-admin")


def found(text="", day=DAY, **facets):
    catalogue = Catalogue(RECORDS, PARTIES_BY_ID, day, EVIDENCE)
    return catalogue.list(ListQuery(text, {k: (v,) if isinstance(v, str) else v for k, v in facets.items()}, "title"))


def ids(listed):
    return {record_id(h.record) for h in listed.hits}


def order(records, query, evidence=(), **more):
    return [record_id(h.record) for h in Catalogue(records, {}, DAY, evidence).list(query, **more).hits]


@pytest.mark.parametrize(("text", "wanted"), [
    ("疫苗", {"O2"}), ("溫室", {"O6"}), ("温室", {"O6"}), ("功率元件", {"O4"}), ("GaN", {"O4"}), ("gan", {"O4"}), ("ＧａＮ", {"O4"}),
    ("organ", {"O5"}), ("vaccine", {"O2", "O5"}), ("胃酸", {"O2"}), ("gastric", {"O2"}), ("功率 封裝", {"O4"}), ("功率 疫苗", set()),
    ('"功率元件 封裝"', set()), ('"spindle thermal"', {"O3"}), ("spindle -laser", set()), ("-spindle -gan", {"O1", "O2", "O5", "O6", "O7"}),
    ("臺南", {"O7"}), ("台南", {"O7"}), ("功率元件封装", {"O4"}), ("tain", {"O5"}), ("ainan", set()), ("溫\u202e室", {"O6"}), ("溫\u200f室", {"O6"}),
    ("－溫室 －gan －spindle", {"O1", "O2", "O5", "O7"}), ("溫室 -", {"O6"}), ("-", ALL),
    ("water heat", {"O7"}), ('"heat pump"', {"O7"}), ("O4", {"O4"}), ("", ALL), ("\x00", ALL),
    ("😀", set()), ("x" * 10_000, set()), ('"', ALL), ("41 µm", {"O1"}),
])
def test_words_of_any_length_are_found_in_title_text_and_evidence(text, wanted):
    assert ids(found(text)) == wanted


RANKED = (
    Offer("A", "別的", "談冷卻。", valid_from=date(2026, 9, 1)), Offer("B", "別的", "談到溫室。", valid_from=date(2026, 8, 1)),
    Offer("C", "溫室", "蒸發。", trl_now=3, valid_to=date(2026, 12, 1)), Offer("D", "溫室乙", "蒸發。", valid_to=date(2026, 11, 1)),
    Offer("E", "溫室甲", "蒸發。", trl_now=8, valid_from=date(2026, 7, 1)),
)


@pytest.mark.parametrize(("text", "sort", "wanted"), [
    ("溫室", "newest", "ECDBA"), ("溫室 蒸發", "newest", "ECD"), ("溫室 冷卻", "newest", "A"), ("", "newest", "ABECD"),
    ("", "deadline", "CABED"), ("溫室", "deadline", "CABED"), ("", "trl", "ECABD"), ("", "title", "ABCDE"), ("", "score", "DBAEC"),
])
def test_hits_in_titles_come_before_texts_and_evidence_unless_another_order_is_asked(text, sort, wanted):
    evidence = [Evidence("X", "A", "也在溫室裡試過。")]
    assert "".join(order(RANKED, ListQuery(text, {}, sort), evidence, scores={"D": 0.9, "B": 0.2})) == wanted


def test_an_order_by_score_without_scores_is_refused():
    with pytest.raises(InputError, match="no scores to be ordered by"):
        order(RANKED, ListQuery("", {}, "score"))


@pytest.mark.parametrize(("description", "text", "marked"), [
    ("談到溫室。", "溫室", "溫室"), ("談到溫室。", "温室", "溫室"), ("在 ＧａＮ 上", "gan", "ＧａＮ"), ("㎏級\u200b㎏ 的Ｇａ\u00adＮ元件", "gan 元件", "Ｇａ\u00adＮ"),
    ("organ, gander", "gan", "gan"), ("ﬁne  straße, \n\n heat\t pump!", '"heat pump"', "heat  pump"), ("STRASSE STRAßE", "straße", "STRASSE"),
    ("甲" * 90 + "溫室" + "乙" * 90, "溫室", "溫室"), ("e\u0301t\u0301 phase", "phase", "phase"), ("只在標題", "別的", ""),
])
def test_a_snippet_marks_the_first_hit_as_it_was_written(description, text, marked):
    hit = Catalogue([Offer("A", "別的", description)], {}, DAY).list(ListQuery(text)).hits[0]
    start, end = hit.marked
    assert hit.snippet[start:end] == marked
    assert len(hit.snippet) <= 90
    assert "\n" not in hit.snippet
    assert hit.snippet.strip("…") in description.replace("\n", " ").replace("\t", " ")
    assert hit.snippet.startswith("…") == hit.snippet.endswith("…") == (len(description) > 90)


def test_a_snippet_may_be_from_evidence_and_from_requirements():
    offer = Catalogue([Offer("A", "甲", "乙")], {}, DAY, [Evidence("E1", "A", "丙"), Evidence("E2", "A", "試過疫苗", "丁")])
    assert offer.list(ListQuery("疫苗")).hits[0].snippet == "丁 試過疫苗"
    need = Catalogue([Need("N", "甲", "乙", "要溫室")], {}, DAY)
    assert (need.list(ListQuery("溫室")).hits[0].snippet, need.list(ListQuery("n")).hits[0].snippet) == ("要溫室", "乙")


@pytest.mark.parametrize(("facets", "wanted"), [
    ({"kind": "site"}, {"O6"}), ({"kind": ("site", "equipment")}, {"O3", "O6", "O7"}), ({"trl": "4-6"}, {"O1", "O2", "O4"}),
    ({"open": "closed"}, {"O6"}), ({"language": "en", "theme": "smart-machinery"}, {"O3"}), ({"party": "institute"}, {"O2"}),
    ({"kind": "nothing"}, set()), ({"county": "臺南市"}, {"O4", "O5", "O7"}), ({"scale": "none", "kind": "site"}, {"O6"}), ({"kind": ()}, ALL),
])
def test_facets_keep_what_has_one_of_the_chosen_values(facets, wanted):
    assert ids(found(**facets)) == wanted


def test_a_facet_is_counted_under_the_others_not_itself():
    listed = found(kind="equipment", language="en")
    assert listed.counts["kind"] == {"capability": 1, "equipment": 1}
    assert listed.counts["language"] == {"en": 1, "zh": 1}
    assert listed.total == 1


VALUES = {"kind": ("capability", "site"), "language": ("zh", "en"), "trl": ("1-3", "none")}
WORDS = ("溫室", "疫苗")


def test_what_is_chosen_stays_shown_though_no_record_has_it():
    assert found(kind="nothing").counts["kind"]["nothing"] == 0
    assert found("vaccine", trl="7-9").counts["trl"] == {"4-6": 1, "none": 1, "7-9": 0}
    assert found("nowhere").counts == {}


ROWS = st.tuples(*(st.sampled_from(v) for v in VALUES.values()), st.sets(st.sampled_from(WORDS)), st.booleans())
CHOSEN = st.dictionaries(st.sampled_from(list(VALUES)), st.sets(st.sampled_from(["capability", "site", "zh", "en", "1-3", "none"]), min_size=1),
                         max_size=3)


@given(st.lists(ROWS, max_size=12), CHOSEN, st.sets(st.sampled_from(WORDS)), st.sets(st.sampled_from(WORDS)))
def test_counts_are_those_of_a_plain_count_of_what_is_seen(rows, chosen, wanted, excluded):
    records = [Offer(f"O{i}", "t", "，".join(words), kind=k, lang=lang, trl_now=2 if t == "1-3" else None)
               for i, (k, lang, t, words, _) in enumerate(rows)]
    query = ListQuery(" ".join([*wanted, *(f"-{w}" for w in excluded)]), {k: tuple(sorted(v)) for k, v in chosen.items()})
    listed = Catalogue(records, {}, DAY).list(query, np.array([row[-1] for row in rows], bool))
    plain = [dict(zip(VALUES, row, strict=False)) for row in rows if row[-1] and wanted <= row[3] and not excluded & row[3]]

    def passes(row, but=None):
        return all(row[k] in v for k, v in chosen.items() if k != but)

    assert listed.total == sum(passes(row) for row in plain)
    for facet in VALUES:
        counted = {v: sum(passes(row, facet) and row[facet] == v for row in plain) for v in {*VALUES[facet], *chosen.get(facet, ())}}
        shown = {v: n for v, n in counted.items() if n or v in chosen.get(facet, ())}
        assert listed.counts.get(facet, {}) == (shown if len(shown) > 1 or facet in chosen else {})


@given(st.text(st.characters(blacklist_categories=("Cs",)), max_size=30), st.sampled_from(ORDERS), st.integers(1, 99), st.integers(1, 200),
       st.dictionaries(st.sampled_from(list(FACETS)), st.lists(st.text("abc臺", min_size=1), min_size=1, max_size=3, unique=True), max_size=3))
def test_an_address_keeps_what_was_asked(text, sort, page, size, facets):
    query = ListQuery(text.strip(), {k: tuple(v) for k, v in facets.items()}, sort, page, size)
    args = {}
    for key, value in query.to_args():
        args.setdefault(key, []).append(value)
    assert read_query(args) == query


@pytest.mark.parametrize("args", [{"page": ["0"]}, {"page": ["x"]}, {"size": ["-1"]}, {"sort": ["colour"]}, {"page": ["٣"]}, {"page": ["9" * 5000]},
                                  {"colour": ["red"]}, {"q": ["溫" * (LONGEST_SEARCH + 1)]}, {"q": ["溫室 " * 350_000]}])
def test_an_address_that_cannot_be_shown_is_refused_by_name(args):
    ((key, (value,)),) = args.items()
    with pytest.raises(InputError, match=f"{key}={value[:40]}") as problem:
        read_query(args)
    assert len(str(problem.value)) < 400


def test_everything_wrong_with_an_address_is_said_at_once():
    with pytest.raises(InputError, match=r"page=x, sort=colour, colour=red\. Pages count from 1; orders: newest, .*; filters: centre, .* 500 characters"):
        read_query({"page": ["x"], "sort": ["colour"], "colour": ["red"], "kind": ["site"]})


def test_an_address_may_say_the_language_of_the_page_and_leave_fields_empty():
    assert read_query({"lang": [INTERFACE_LANGUAGES[0]], "q": [""], "kind": [], "page": [""]}) == ListQuery()
    assert read_query({"size": ["1000"], "kind": ["site", "site"]}) == ListQuery(facets={"kind": ("site",)}, size=200)


def test_a_search_of_a_million_characters_is_answered():
    assert found("溫室" * 500_000).total == 0
    assert parse("溫室 " * 300_000) == parse("温室")


def test_folding_twice_changes_nothing():
    for text in ("臺南　ＧａＮ", "a \t\n b", "\u00adİSTANBUL ß ﬁ ㎏", "😀\u200d\ufe0f"):
        assert fold(fold(text)) == fold(text)


def test_pages_cut_and_count():
    listed = Catalogue(RECORDS, {}, DAY).list(ListQuery("", {}, "title", 2, 4))
    assert (len(listed.hits), listed.total, listed.pages) == (3, 7, 2)
    assert Catalogue(RECORDS, {}, DAY).list(ListQuery("", page=9)).hits == ()
    assert Catalogue((), {}, DAY).list(ListQuery("溫室 -疫苗", {"kind": ("site",)})).pages == 1
    assert parse('a "b c" -d') == parse("a  “b c”   -d")


def test_viewers_find_what_they_may_see_and_count_nothing_else(space):
    firm, other = Viewer("f", "firm", party_id="P1"), Viewer("c", "centre-admin", centre="PABP")
    group = Viewer("g", "researcher", party_id="P3")
    assert ids(browse_needs(space, firm, ListQuery(), DAY)) == {"N1", "N2"}
    assert ids(browse_needs(space, Viewer("x", "firm", party_id="P9"), ListQuery(), DAY)) == set()
    assert ids(browse_needs(space, other, ListQuery(), DAY)) == {"N2"}
    assert browse_needs(space, group, ListQuery("主軸"), DAY).counts == {}
    assert ids(browse_offers(space, other, ListQuery(), DAY)) == {"O1", "O2", "O3"}
    mine = browse_offers(space, group, ListQuery("", {"kind": ("capability",)}), DAY)
    assert (ids(mine), mine.counts) == ({"O2"}, {"kind": {"capability": 1}})
    assert browse_offers(space, group, ListQuery("主軸"), DAY).total == 0


def test_a_firm_is_not_told_what_the_office_decided(space):
    decide(space.store, ROOT, Change("N1", "O1", "shortlisted", ""), NOW)
    firm, office = Viewer("f", "firm", party_id="P1"), Viewer("c", "centre-admin", centre="CTSP")
    asked = ListQuery("", {"stage": ("shortlisted",)})
    assert ids(browse_needs(space, firm, asked, DAY)) == set()
    assert browse_needs(space, firm, ListQuery(), DAY).counts.keys().isdisjoint({"stage"})
    assert ids(browse_needs(space, office, asked, DAY)) == {"N1"}


def test_a_catalogue_is_built_once_and_follows_what_is_stored(space, monkeypatch):
    built = []
    monkeypatch.setattr(listing, "Catalogue", lambda *a: built.append(1) or Catalogue(*a))
    for browse in (browse_needs, browse_offers, browse_needs, browse_offers):
        assert browse(space, ROOT, ListQuery("冷鏈"), DAY).total == 0
    assert len(built) == 2
    space.store.put(needs=[Need("N9", "冷鏈運輸", centre="PABP")], evidence=[Evidence("E9", "O1", "冷鏈")])
    assert (ids(browse_needs(space, ROOT, ListQuery("冷鏈"), DAY)), ids(browse_offers(space, ROOT, ListQuery("冷鏈"), DAY))) == ({"N9"}, {"O1"})
    space.store.put(needs=[Need("N9", "改了題目", centre="PABP")])
    assert browse_needs(space, ROOT, ListQuery("冷鏈"), DAY).total == 0


def test_a_need_has_the_stage_of_its_furthest_match(space):
    for offer, stage, reason in (("O1", "meeting", ""), ("O3", "contacted", ""), ("O2", "declined", "far")):
        decide(space.store, ROOT, Change("N1", offer, stage, reason), NOW)
    assert ids(browse_needs(space, ROOT, ListQuery("", {"stage": ("meeting",)}), DAY)) == {"N1"}
    assert ids(browse_needs(space, ROOT, ListQuery("", {"stage": ("undecided",)}), DAY)) == {"N2"}
    decide(space.store, ROOT, Change("N2", "O2", "declined", "far"), NOW)
    assert browse_needs(space, ROOT, ListQuery(), DAY).counts["stage"] == {"declined": 1, "meeting": 1}
    assert order((), ListQuery("", {}, "score"), scores={}) == []
    assert ids(browse_needs(space, ROOT, ListQuery("", {}, "score", size=1), DAY, {"N2": 0.8, "N1": 0.3})) == {"N2"}


@pytest.mark.parametrize(("facet", "value", "zh", "en"), [
    ("kind", "site", "場域", "Site"), ("trl", "4-6", "TRL 4-6", "TRL 4-6"), ("open", "closed", "已截止", "closed"),
    ("county", "none", "未填", "not said"), ("county", "臺南市", "臺南市", "Tainan City"), ("language", "ja", "日本語", "日本語"), ("scale", "11-49", "11-49", "11-49"), ("stage", "mou", "合作備忘錄", "MoU"), ("centre", "STSP", "南部科學園區", "Southern Taiwan Science Park"),
])
def test_values_have_names_in_both_languages(facet, value, zh, en):
    assert label(facet, value, "zh") == zh
    assert label(facet, value, "en").casefold() == en.casefold()


def test_rows_name_their_codes_and_the_question_keeps_every_choice():
    offer = Offer("O4", "溫室", "", "site", "P", "STSP", themes=("green-energy",), trl_now=4)
    listed = Catalogue([offer], {"P": Party("P", "甲", size="11-49")}, DAY).list(ListQuery("溫室", {"kind": ("site", "fund")}))
    row = listed_rows(listed, "en")[0]
    assert (row["id"], row["kinds"], row["kind_names"], row["centre_name"]) == ("O4", ["site"], ["Site"], "Southern Taiwan Science Park")
    assert listed_rows(listed, "zh")[0]["kind_names"] == ["場域"]
    shown = listed_json(listed, "zh")
    assert shown["query"] == {"q": ["溫室"], "kind": ["site", "fund"]}
    assert [(v["value"], v["count"]) for v in shown["facets"]["kind"]] == [("site", 1), ("fund", 0)]
    assert Catalogue([offer], {"P": Party("P", "甲", size="11-49")}, DAY).list(ListQuery("", {"scale": ("11-49",)})).total == 1


def test_the_command_finds_what_the_page_finds(space, tmp_path, monkeypatch):
    monkeypatch.setenv("MATCHER_HOME", str(tmp_path))
    space.store.put(offers=[replace(RECORDS[3])], evidence=[Evidence("E9", "O4", "溫室")])
    shown = CliRunner().invoke(main, ["search", "gan"]).output
    assert "1 筆" in shown
    assert "O4" in shown
    rows = json.loads(CliRunner().invoke(main, ["search", "主軸", "--needs", "--json"]).output)["rows"]
    assert [r["id"] for r in rows] == ["N1"]
    facet = json.loads(CliRunner().invoke(main, ["search", "溫室", "--facet", "kind", "site", "--json"]).output)
    assert (facet["total"], facet["facets"]["kind"][0]["label"]) == (0, "研發能量")
    short = json.loads(CliRunner().invoke(main, ["search", "", "--kind", "equipment", "--centre", "CTSP", "--sort", "title", "--json"]).output)
    assert [r["id"] for r in short["rows"]] == ["O3"]
    assert "colour" in CliRunner().invoke(main, ["search", "", "--sort", "colour"]).output
    assert tuple(FACETS) == NAMED_FACETS


@pytest.mark.parametrize("text", ["疫苗", "溫室", "功率元件", "GaN", "gan", "臺南"])
def test_the_command_gives_the_rows_of_the_verb_that_the_page_calls(space, tmp_path, monkeypatch, text):
    monkeypatch.setenv("MATCHER_HOME", str(tmp_path))
    space.store.put(offers=RECORDS[3:])
    rows = json.loads(CliRunner().invoke(main, ["search", text, "--json"]).output)["rows"]
    assert rows == listed_rows(browse_offers(space, ROOT, ListQuery(text), today()), "zh")
    assert rows
