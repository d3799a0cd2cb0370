"""Search and lists: what is found, what is counted, what an address keeps."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import date

import pytest
from click.testing import CliRunner
from conftest import DAY, EVIDENCE, NOW, OFFERS, PARTIES
from hypothesis import given
from hypothesis import strategies as st

from matcher.access import Viewer
from matcher.cli import main
from matcher.decisions import Change, decide
from matcher.errors import InputError
from matcher.listing import (
    FACETS,
    SORTS,
    Catalogue,
    ListQuery,
    browse_needs,
    browse_offers,
    label,
    parse,
    read_query,
    record_id,
)
from matcher.vocabulary import Evidence, Offer

RECORDS = (
    *OFFERS, Offer("O4", "GaN 功率元件封裝", "氮化鎵功率元件的熱管理。", "capability", None, "STSP", "臺南市", "zh", ("green-energy",), 4),
    Offer("O5", "Organ-on-chip", "Organs on chips for vaccine tests; began in Tainan.", "capability", None, None, "台南市", "en"),
    Offer("O6", "溫室環控", "溫室的蒸發冷卻。", "site", None, "PABP", None, "zh", valid_to=date(2026, 1, 1)),
)
PARTIES_BY_ID = {p.party_id: p for p in PARTIES}
ROOT = Viewer("s", "system-admin")


def found(text="", day=DAY, **facets):
    catalogue = Catalogue(RECORDS, PARTIES_BY_ID, day, EVIDENCE)
    return catalogue.list(ListQuery(text, {k: (v,) if isinstance(v, str) else v for k, v in facets.items()}, "title"))


def ids(listed):
    return {record_id(h.record) for h in listed.hits}


@pytest.mark.parametrize(("text", "wanted"), [
    ("疫苗", {"O2"}), ("溫室", {"O6"}), ("温室", {"O6"}), ("功率元件", {"O4"}), ("GaN", {"O4"}), ("gan", {"O4"}), ("ＧａＮ", {"O4"}),
    ("organ", {"O5"}), ("vaccine", {"O2", "O5"}), ("胃酸", {"O2"}), ("gastric", {"O2"}), ("功率 封裝", {"O4"}), ("功率 疫苗", set()),
    ('"功率元件 封裝"', set()), ('"spindle thermal"', {"O3"}), ("spindle -laser", set()), ("-spindle -gan", {"O1", "O2", "O5", "O6"}),
    ("O4", {"O4"}), ("", {"O1", "O2", "O3", "O4", "O5", "O6"}), ("\x00", {"O1", "O2", "O3", "O4", "O5", "O6"}),
    ("😀", set()), ("x" * 10_000, set()), ('"', {"O1", "O2", "O3", "O4", "O5", "O6"}), ("41 µm", {"O1"}),
])
def test_words_of_any_length_are_found_in_title_text_and_evidence(text, wanted):
    assert ids(found(text)) == wanted


def test_a_hit_in_the_title_comes_first_and_the_snippet_marks_the_word():
    records = [Offer("A", "別的", "談到溫室。"), Offer("B", "溫室", "蒸發冷卻。")]
    hits = Catalogue(records, {}, DAY).list(ListQuery("溫室")).hits
    assert [record_id(h.record) for h in hits] == ["B", "A"]
    start, end = hits[1].marked
    assert hits[1].snippet[start:end] == "溫室"


@pytest.mark.parametrize(("facets", "wanted"), [
    ({"kind": "site"}, {"O6"}), ({"kind": ("site", "equipment")}, {"O3", "O6"}), ({"trl": "4-6"}, {"O1", "O2", "O4"}),
    ({"open": "closed"}, {"O6"}), ({"lang": "en", "theme": "smart-machinery"}, {"O3"}), ({"party": "institute"}, {"O2"}),
    ({"kind": "nothing"}, set()), ({"county": "臺南市"}, {"O4"}),
])
def test_facets_keep_what_has_one_of_the_chosen_values(facets, wanted):
    assert ids(found(**facets)) == wanted


def test_a_facet_is_counted_under_the_others_not_itself():
    listed = found(kind="equipment", lang="en")
    assert listed.counts["kind"] == {"capability": 1, "equipment": 1}
    assert listed.counts["lang"] == {"en": 1}
    assert listed.total == 1


VALUES = {"kind": ("capability", "site"), "lang": ("zh", "en"), "trl": ("1-3", "none")}


@given(st.lists(st.tuples(*(st.sampled_from(v) for v in VALUES.values())), max_size=12),
       st.dictionaries(st.sampled_from(list(VALUES)), st.sets(st.sampled_from(["capability", "site", "zh", "en", "1-3", "none"]),
                                                              min_size=1), max_size=2))
def test_counts_are_those_of_a_plain_count(rows, chosen):
    records = [Offer(f"O{i}", "t", "x", kind=k, lang=lang, trl_now=2 if t == "1-3" else None) for i, (k, lang, t) in enumerate(rows)]
    listed = Catalogue(records, {}, DAY).list(ListQuery("", {k: tuple(sorted(v)) for k, v in chosen.items()}))
    plain = [dict(zip(VALUES, row, strict=True)) for row in rows]

    def passes(row, but=None):
        return all(row[k] in v for k, v in chosen.items() if k != but)

    assert listed.total == sum(passes(row) for row in plain)
    for facet, counts in listed.counts.items():
        for value, count in counts.items() if facet in VALUES else ():
            assert count == sum(passes(row, facet) and row[facet] == value for row in plain)


@given(st.text(st.characters(blacklist_categories=("Cs",)), max_size=30), st.sampled_from(SORTS), st.integers(1, 99), st.integers(1, 200),
       st.dictionaries(st.sampled_from(list(FACETS)), st.lists(st.text("abc臺", min_size=1), min_size=1, max_size=3, unique=True), max_size=3))
def test_an_address_keeps_what_was_asked(text, sort, page, size, facets):
    query = ListQuery(text.strip(), {k: tuple(v) for k, v in facets.items()}, sort, page, size)
    args = {}
    for key, value in query.to_args():
        args.setdefault(key, []).append(value)
    assert read_query(args) == query


@pytest.mark.parametrize("args", [{"page": ["0"]}, {"page": ["x"]}, {"size": ["-1"]}, {"sort": ["colour"]}, {"page": ["٣"]}])
def test_an_address_that_cannot_be_shown_is_refused_by_name(args):
    ((key, (value,)),) = args.items()
    with pytest.raises(InputError, match=f"{key}={value}"):
        read_query(args)


def test_pages_cut_and_count():
    listed = Catalogue(RECORDS, {}, DAY).list(ListQuery("", {}, "title", 2, 4))
    assert (len(listed.hits), listed.total, listed.pages) == (2, 6, 2)
    assert parse('a "b c" -d') == parse("a  “b c”   -d")


def test_viewers_find_what_they_may_see_and_count_nothing_else(space):
    firm, other = Viewer("f", "firm", party_id="P1"), Viewer("c", "centre-admin", centre="PABP")
    group = Viewer("g", "researcher", party_id="P3")
    assert ids(browse_needs(space, firm, ListQuery(), DAY)) == {"N1", "N2"}
    assert ids(browse_needs(space, Viewer("x", "firm", party_id="P9"), ListQuery(), DAY)) == set()
    assert ids(browse_needs(space, other, ListQuery(), DAY)) == {"N2"}
    assert browse_needs(space, group, ListQuery("主軸"), DAY).counts == {}
    assert ids(browse_offers(space, other, ListQuery(), DAY)) == {"O1", "O2", "O3"}
    assert ids(browse_offers(space, group, ListQuery(), DAY)) == {"O2"}


def test_a_need_has_the_stage_of_its_furthest_match(space):
    for offer, stage, reason in (("O1", "meeting", ""), ("O3", "contacted", ""), ("O2", "declined", "far")):
        decide(space.store, ROOT, Change("N1", offer, stage, reason), NOW)
    assert ids(browse_needs(space, ROOT, ListQuery("", {"stage": ("meeting",)}), DAY)) == {"N1"}
    assert ids(browse_needs(space, ROOT, ListQuery("", {"stage": ("undecided",)}), DAY)) == {"N2"}


@pytest.mark.parametrize(("facet", "value", "zh", "en"), [
    ("kind", "site", "場域", "Site"), ("trl", "4-6", "TRL 4-6", "TRL 4-6"), ("open", "closed", "已截止", "closed"),
    ("county", "none", "未填", "not said"), ("stage", "mou", "合作備忘錄", "MoU"), ("centre", "STSP", "南部科學園區", "Southern Taiwan Science Park"),
])
def test_values_have_names_in_both_languages(facet, value, zh, en):
    assert label(facet, value, "zh") == zh
    assert label(facet, value, "en").casefold() == en.casefold()


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
