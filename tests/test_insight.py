"""Teams and bundles against brute force on cases small enough to see."""

from __future__ import annotations

from datetime import date
from itertools import combinations, product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from matcher.encoding import load_encoder
from matcher.explanation import need_sentences
from matcher.insight import Facet, aspect_coverage, form_bundles, form_team
from matcher.insight.teams import value_of
from matcher.pool import build_pool
from matcher.vocabulary import Evidence, Need, Offer

DAY = date(2026, 11, 25)
#                      heat  vaccine  market
COVERAGE = np.array([[1.0, 0.1, 0.8, 0.2, 0.3],
                     [0.1, 1.0, 0.7, 0.2, 0.3],
                     [0.2, 0.2, 0.2, 0.3, 0.4]], np.float32)


@pytest.mark.parametrize(("options", "members", "covered_by"), [
    ({"most": 1}, {2}, (2, None, None)),
    ({"most": 2}, {0, 1}, (0, 1, None)),
    ({"most": 3}, {0, 1, 4}, (0, 1, None)),
    ({"most": 5}, {0, 1, 4}, (0, 1, None)),
    ({"most": 2, "conflicts": [(0, 1)]}, {1, 2}, (2, 1, None)),
    ({"most": 3, "kinds": {0: "group", 1: "group", 3: "firm"}, "wanted": ("firm",)}, {0, 1, 3}, (0, 1, None)),
    ({"most": 3, "kinds": {0: "group", 1: "firm"}, "wanted": ("group", "firm"), "conflicts": [(0, 1)]},
     {0, 2, 4}, (0, None, None)),
    ({"most": 3, "kinds": {0: "group", 1: "firm", 2: "group"}, "wanted": ("group", "firm"), "conflicts": [(1, 2)]},
     {0, 1, 4}, (0, 1, None)),
])
def test_a_team_covers_the_aspects_and_says_what_nobody_covers(options, members, covered_by):
    team = form_team(COVERAGE, range(5), **options)
    assert set(team.members) == members
    assert team.covered_by == covered_by


def test_no_candidates_make_no_team():
    team = form_team(COVERAGE, [], 3)
    assert (team.members, team.covered_by, team.value) == ((), (None, None, None), 0.0)


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 10_000), st.integers(1, 3))
def test_a_team_is_near_the_best_of_all_teams(seed, most):
    coverage = np.random.default_rng(seed).random((4, 7)).astype(np.float32)
    best = max(value_of(coverage, team) for size in range(1, most + 1) for team in combinations(range(7), size))
    assert form_team(coverage, range(7), most).value >= (1 - 1 / np.e) * best


def test_a_need_of_two_aspects_gets_two_different_labs():
    need = Need("N", description="主軸熱變位要即時補償到 8 µm 以內。並要開發豬用口服疫苗的腸溶微膠囊。")
    offers = [Offer("heat", description="以溫度點補償工具機主軸熱誤差。", party_id="A"),
              Offer("heat-2", description="主軸熱伸長量測與補償模型。", party_id="B"),
              Offer("vaccine", description="Enteric microcapsules for oral vaccines of pigs.", party_id="C"),
              Offer("tea", description="茶園病蟲害影像辨識。", party_id="D")]
    encoder = load_encoder()
    pool = build_pool(offers, [Evidence("E", "tea", "無人機噴藥。")], encoder.encode, lambda o: None)
    coverage = aspect_coverage(encoder.encode(need_sentences(need)), pool)
    team = form_team(coverage, range(4), 2)
    names = [None if m is None else offers[m].offer_id for m in team.covered_by]
    assert names[0] in {"heat", "heat-2"}
    assert names[1] == "vaccine"
    assert len(team.members) == 2


OFFERS = {o.offer_id: o for o in (
    Offer("F1", kind="fund", money_min_ntd=1_000_000), Offer("F2", kind="fund", valid_to=date(2026, 1, 1)),
    Offer("S1", kind="site", money_min_ntd=300_000), Offer("S2", kind="site", money_min_ntd=100_000),
    Offer("E1", kind="equipment", money_min_ntd=50_000), Offer("E2", kind="equipment"))}
FUND = Facet("fund", True, {"F1": 0.6, "F2": 0.9})
SITE = Facet("site", True, {"S1": 0.9, "S2": 0.5})
TOOLS = Facet("equipment", False, {"E1": 0.8, "E2": 0.1})
TALENT = Facet("training", True, {})
OLD_FUND = Facet("fund", True, {"F2": 0.9})


@pytest.mark.parametrize(("facets", "budget", "chosen", "score", "missing"), [
    ([FUND, SITE, TOOLS], None, {"fund": "F1", "site": "S1", "equipment": "E1"}, 2.3, []),
    ([FUND, SITE, TOOLS], 320_000, {"fund": "F1", "site": "S1", "equipment": "E2"}, 1.6 + 0.3, None),
    ([FUND, SITE, TOOLS], 150_000, {"fund": "F1", "site": "S2", "equipment": "E1"}, 1.9, []),
    ([SITE, TALENT], None, {"site": "S1"}, 0.9, ["no offer of the kind {kind} is in reach"]),
    ([OLD_FUND, SITE], None, {"site": "S1"}, 0.9, ["none of {count} offers of the kind {kind} is open on {day}"]),
])
def test_the_best_bundle_within_the_budget(facets, budget, chosen, score, missing):
    best = form_bundles(facets, OFFERS, budget, DAY)[0]
    if missing is None:  # the dear site leaves no money for the better tools, the cheap one does
        assert best.offers == {"fund": "F1", "site": "S2", "equipment": "E1"}
        return
    assert best.offers == chosen
    assert best.score == pytest.approx(score)
    assert [m.id for m in best.missing] == missing


def test_nothing_is_given_when_what_must_be_there_is_too_dear():
    assert form_bundles([SITE], OFFERS, 50_000, DAY) == ()


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 10_000))
def test_the_three_best_bundles_equal_brute_force(seed):
    random = np.random.default_rng(seed)
    kinds = ("fund", "site", "equipment")
    offers = {f"{k}{i}": Offer(f"{k}{i}", kind=k, money_min_ntd=int(random.integers(1, 9)))
              for k in kinds for i in range(4)}
    facets = [Facet(k, True, {f"{k}{i}": float(random.random()) for i in range(4)}) for k in kinds]
    budget = int(random.integers(2, 16))
    sums = sorted((sum(f.scores[o] for f, o in zip(facets, chosen, strict=True))
                   for chosen in product(*(f.scores for f in facets))
                   if sum(offers[o].money_min_ntd for o in chosen if offers[o].kind != "fund") <= budget), reverse=True)
    found = form_bundles(facets, offers, budget, DAY)
    assert [b.score for b in found] == pytest.approx(sums[:3])
