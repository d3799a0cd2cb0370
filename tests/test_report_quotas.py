"""Quotas of the month's matches: kept as far as they can be, with what they cost."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime
from itertools import combinations

import pytest

from matcher.errors import SettingError
from matcher.languages import render
from matcher.report.batch import rules_of
from matcher.report.choice import choose
from matcher.report.facts import (
    Entry,
    Facts,
    Owner,
    Quota,
    QuotaKept,
    Rules,
    from_json,
    quota_text,
    to_json,
)
from matcher.report.model import HIDDEN, Told
from matcher.report.month import Month
from matcher.report.sections.fairness import fairness
from matcher.report.sections.method import method
from matcher.settings import load_settings
from matcher.vocabulary import Match, MatchList, Message, Need, Run

DAY = date(2026, 11, 30)
RUN = Run("r", "e", "k", "d", DAY)
ENTRY = Entry("x", "m", "P1", "STSP", "臺南市", "capability", ("agri",), None, None, "zh", "national", 1, 80, 5)
OFFERS = {
    "A": ENTRY, "B": replace(ENTRY, county="屏東縣", party="P2"),
    "C": replace(ENTRY, kind="fund", themes=("semi", "agri"), county=None, party="P3"),
    "D": replace(ENTRY, county=None, party=None)}
OWNERS = {"P1": Owner("甲", "university", "1-10", None), "P2": Owner("乙", "firm", None, "屏東縣"),
          "P3": Owner("丙", "university", "11-50", "屏東縣")}
SCORES = {"N1": {"A": .9, "B": .5, "C": .4}, "N2": {"A": .8, "B": .3, "D": .6}, "N3": {"A": .7, "C": .1}}
LISTS = [MatchList(Need(need), tuple(Match(need, offer, rank, score, {}, {}) for rank, (offer, score) in enumerate(found.items(), 1)), RUN, 3)
         for need, found in SCORES.items()]
LOADS = Rules(0.2, 1, 2)


@pytest.mark.parametrize(("quotas", "pairs", "kept"), [
    ((), "N1A N2D N3A", []),
    ([Quota("county", "屏東縣", 1)], "N1B N2A N3A", [(1, .2)]),
    ([Quota("county", "屏東縣", 2)], "N1B N2B N3A", [(2, .7)]),
    ([Quota("county", "臺南市", 0, 1)], "N1B N2D N3A", [(1, .4)]),
    ([Quota("kind", "fund", 1)], "N1C N2A N3A", [(1, .3)]),
    ([Quota("theme", "semi", 1)], "N1C N2A N3A", [(1, .3)]),
    ([Quota("size", "1-10", 0, 0)], "N1B N2D", [(0, 1.1)]),
    ([Quota("party-kind", "firm", 1)], "N1B N2A N3A", [(1, .2)]),
    ([Quota("county", "屏東縣", 5)], "N1B N2B N3A", [(2, .7)]),  # cannot be kept: as far as it can
    ([Quota("county", "花蓮縣", 1)], "N1A N2D N3A", [(0, .0)]),
    ([Quota("county", "屏東縣", 1), Quota("kind", "fund", 1)], "N1C N2A N3A", [(1, .0), (1, .1)]),
])
def test_matches_keep_quotas_as_far_as_they_can(quotas, pairs, kept):
    found = choose(LISTS, replace(LOADS, quotas=tuple(quotas)), OFFERS, OWNERS)
    assert " ".join("".join(pair) for pair in found.pairs) == pairs
    assert [(k.matches, pytest.approx(k.price)) for k in found.quotas] == kept
    assert [k.quota for k in found.quotas] == list(quotas)


def best(quota, given):
    """Try every choice of pairs: as few as can be too few or many, then the highest sum of scores."""
    pairs = [(n, o, s) for n, row in SCORES.items() for o, s in row.items() if s >= LOADS.threshold]
    tried = []
    for size in range(len(pairs) + 1):
        for some in combinations(pairs, size):
            needs, offers = [p[0] for p in some], [p[1] for p in some]
            if max(map(needs.count, needs), default=0) <= LOADS.per_need and max(map(offers.count, offers), default=0) <= LOADS.per_offer:
                inside = sum(given[o].county == quota.value for o in offers)
                off = max(quota.least - inside, 0) + max(inside - (9 if quota.most is None else quota.most), 0)
                tried.append((-off, sum(p[2] for p in some), sorted(p[:2] for p in some)))
    return max(tried)


@pytest.mark.parametrize("quota", [Quota("county", county, least, most) for county in ("屏東縣", "臺南市") for least, most in
                                   ((0, 0), (0, 1), (1, None), (2, None), (3, 3), (2, 4))])
def test_no_other_choice_keeps_a_quota_better(quota):
    offers = {**OFFERS, "C": replace(OFFERS["C"], county="臺南市")}
    found = choose(LISTS, replace(LOADS, quotas=(quota,)), offers, OWNERS)
    off, total, _ = best(quota, offers)
    assert sum(SCORES[n][o] for n, o in found.pairs) == pytest.approx(total)
    (kept,) = found.quotas
    assert max(quota.least - kept.matches, 0) + max(kept.matches - (9 if quota.most is None else quota.most), 0) == -off


@pytest.fixture
def facts():
    rules = replace(LOADS, quotas=(Quota("county", "屏東縣", 3), Quota("kind", "capability", 1, 2)))
    kept = (QuotaKept(rules.quotas[0], 2, 0.5), QuotaKept(rules.quotas[1], 3, 0.0))
    return Facts("STSP", date(2026, 11, 1), date(2026, 12, 1), datetime(2026, 12, 1, tzinfo=UTC), RUN, rules, {}, OFFERS, OWNERS,
                 quotas=kept, listed={})


def test_the_report_says_how_quotas_were_kept_and_what_they_cost(facts):
    table = next(t for t in fairness(Month(facts, {})).tables if t.key == "quotas")
    hidden = [Told(2, HIDDEN), Told(1, HIDDEN), Told(0.5, HIDDEN)]  # of two parties only
    rows = [[render(cell, "zh") if isinstance(cell, Message) else getattr(cell, "zh", cell) for cell in row] for row in table.rows]
    assert rows == [["縣市", "屏東縣", 3, None, *hidden], ["供給類別", "研發能量", 1, 2, 3, 1, 0.0]]
    assert "代價" in render(table.note, "zh")
    assert [row[1] for row in method(Month(facts, {})).tables[0].rows if render(row[0], "zh") == "配額"] == ["county=屏東縣:3", "kind=capability:1-2"]


def test_without_quotas_nothing_is_said_of_them(facts):
    plain = replace(facts, rules=LOADS, quotas=())
    assert "quotas" not in [t.key for t in fairness(Month(plain, {})).tables]
    assert "配額" not in [render(row[0], "zh") for row in method(Month(plain, {})).tables[0].rows]


def test_quotas_come_back_from_the_store_and_old_facts_have_none(facts):
    assert from_json(to_json(facts)) == facts
    old = to_json(replace(facts, rules=LOADS, quotas=()))
    del old["quotas"], old["rules"]["quotas"]
    assert (from_json(old).quotas, from_json(old).rules) == ((), LOADS)


@pytest.mark.parametrize(("text", "quotas"), [
    ("", ()), (" ; ", ()),
    ("county=屏東縣:2-9", (Quota("county", "屏東縣", 2, 9),)),
    ("county=屏東縣:2-9；size=1-10:5;", (Quota("county", "屏東縣", 2, 9), Quota("size", "1-10", 5))),
])
def test_the_setting_says_quotas(tmp_path, text, quotas):
    rules = rules_of(load_settings({"MATCHER_HOME": str(tmp_path), "MATCHER_QUOTAS": text}))
    assert rules == Rules(0.2, 5, 10, 10, quotas)
    assert tuple(Quota(q.field, q.value, q.least, q.most) for q in rules.quotas) == quotas
    assert [quota_text(q) for q in quotas] == [part.strip() for part in text.replace("；", ";").split(";") if part.strip()]


def test_a_quota_said_twice_is_one(tmp_path):
    rules = rules_of(load_settings({"MATCHER_HOME": str(tmp_path), "MATCHER_QUOTAS": "county=屏東縣:2; county=屏東縣:2"}))
    assert rules.quotas == (Quota("county", "屏東縣", 2),)


@pytest.mark.parametrize(("text", "said"), [
    ("屏東縣", "「屏東縣」不是群組規則"),
    ("city=屏東縣:2", "「city」"),
    ("county=屏東縣:9-2", "至少 9，卻至多 2"),
])
def test_a_bad_quota_is_told_by_the_setting(tmp_path, text, said):
    with pytest.raises(SettingError) as caught:
        rules_of(load_settings({"MATCHER_HOME": str(tmp_path), "MATCHER_QUOTAS": text}))
    found = render(caught.value.message, "zh")
    assert found.startswith("設定 MATCHER_QUOTAS：")
    assert said in found
