"""The region's counts: themes, which themes meet, stages, scores, places."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from conftest import DAY, NEEDS, NOW, OFFERS

from matcher import workflow
from matcher.access import Viewer
from matcher.decisions import Change, decide
from matcher.errors import ForbiddenError
from matcher.insight.overview import funnel, histogram, theme_gaps, theme_matrix
from matcher.region import Desk, desk, overview
from matcher.vocabulary import Need, Offer

ROOT = Viewer("s", "system-admin")


def test_themes_with_most_needs_for_each_offer_come_first():
    needs = [Need("A", themes=("defence", "biomedicine")), Need("B", themes=("biomedicine",))]
    gaps = theme_gaps(needs, [Offer("O", themes=("biomedicine",))])
    assert [(g.theme, g.needs, g.offers, g.pressure) for g in gaps[:2]] == [("defence", 1, 0, None), ("biomedicine", 2, 1, 2.0)]
    assert len(gaps) == 7


def test_the_matrix_counts_a_pair_in_each_of_its_themes():
    pair = (Need("A", themes=("defence", "biomedicine")), Offer("O", themes=("biomedicine",)))
    assert theme_matrix([pair, pair]) == {("defence", "biomedicine"): 2, ("biomedicine", "biomedicine"): 2}


@pytest.mark.parametrize(("stages", "counts"), [
    ([], [0, 0, 0, 0, 0]), (["contract"], [1, 1, 1, 1, 1]), (["shortlisted", "meeting", "declined"], [2, 1, 1, 0, 0])])
def test_the_funnel_counts_who_came_so_far(stages, counts):
    assert [n for _, n in funnel(stages)] == counts


@pytest.mark.parametrize(("score", "bin_"), [(0.0, 0), (0.05, 0), (0.1, 1), (0.999, 9), (1.0, 9)])
def test_scores_fall_into_ten_bins(score, bin_):
    assert [i for i, (*_, n) in enumerate(histogram([score])) if n] == [bin_]


def test_a_centres_overview_counts_its_own_needs_and_lists(space):
    workflow.log_shown(space.store, next(workflow.match(space, needs=["N1"], day=DAY)), NOW)
    decide(space.store, ROOT, Change("N1", "O1", "mou"), NOW)
    found = overview(space, Viewer("r", "reader", centre="CTSP"), "CTSP")
    assert (found.needs, found.offers, sum(n for *_, n in found.scores)) == (1, len(OFFERS), len(
        next(workflow.match(space, needs=["N1"], day=DAY)).matches))
    assert dict(found.stages)["mou"] == 1
    assert {(p.name["en"], p.needs, p.offers) for p in found.points} == {
        ("Central Taiwan Science Park", 1, 2), ("Pingtung Agricultural Biotechnology Park", 0, 1)}
    assert overview(space, ROOT, None).needs == len(NEEDS)


def test_themes_count_what_is_open_and_may_meet(space):
    gone, coming = DAY - timedelta(1), DAY + timedelta(1)
    space.store.put(needs=[replace(NEEDS[0], need_id="N3", valid_from=coming)], offers=[
        replace(OFFERS[0], valid_to=gone), replace(OFFERS[1], themes=("smart-machinery",), reach="centre")])
    gaps = {centre: next(g for g in overview(space, ROOT, centre, DAY).gaps if g.theme == "smart-machinery")
            for centre in ("CTSP", "PABP", None)}
    assert {centre: (g.needs, g.offers) for centre, g in gaps.items()} == {"CTSP": (1, 1), "PABP": (0, 2), None: (1, 2)}


def test_another_centres_overview_is_refused(space):
    with pytest.raises(ForbiddenError):
        overview(space, Viewer("r", "reader", centre="CTSP"), "PABP")


def test_a_desk_counts_what_waits_in_its_centre(space):
    admin = Viewer("a", "centre-admin", centre="CTSP")
    assert desk(space, admin, "CTSP", DAY) == Desk(1, 0, 1, 0, 0, 0)
    workflow.log_shown(space.store, next(workflow.match(space, needs=["N1"], day=DAY)), NOW)
    decide(space.store, admin, Change("N1", "O1", "meeting", next_date=DAY.replace(day=1)), NOW)
    space.store.put(needs=[replace(NEEDS[0], need_id="N3", valid_from=DAY)])
    assert desk(space, admin, "CTSP", DAY) == Desk(2, 1, 1, 0, 0, 1)
    space.store.put(needs=[replace(NEEDS[0], need_id="N3", valid_from=DAY + timedelta(1))])
    assert desk(space, admin, "CTSP", DAY) == Desk(2, 0, 0, 0, 0, 1)
    with pytest.raises(ForbiddenError):
        desk(space, admin, "PABP", DAY)
