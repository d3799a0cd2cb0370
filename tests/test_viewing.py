"""A list under a view: other weights, filters, what moved."""

from __future__ import annotations

from dataclasses import replace

import pytest
from conftest import DAY, NEEDS

from matcher import workflow
from matcher.errors import InputError
from matcher.viewing import View, kept_ranking, read_view, view_list, warm


@pytest.fixture
def need(space):
    asked = replace(NEEDS[0], kinds=())
    space.store.put(needs=[asked])
    return asked


def ids(viewed):
    return [m.offer_id for m in viewed.found.matches]


def test_a_plain_view_is_the_list_itself(space, need):
    plain = next(workflow.match(space, needs=["N1"], day=DAY))
    for view in (View(), View({"theme": 1.0}), read_view({"affinity": "1"})):
        viewed = view_list(space, need, view, top=10, day=DAY)
        assert viewed.found == plain
        assert [viewed.moved(m.offer_id, m.rank) for m in plain.matches] == [0, 0, 0]


def test_a_weight_turned_down_moves_offers_and_says_by_how_much(space, need):
    viewed = view_list(space, need, View(dict.fromkeys(("affinity", "theme", "nearness", "trl"), 0.0)), top=10, day=DAY)
    assert sorted(ids(viewed)) == ["O1", "O2", "O3"]
    assert {m.offer_id: viewed.places[m.offer_id] for m in viewed.found.matches} == {"O1": 1, "O3": 2, "O2": 3}
    assert sum(viewed.moved(m.offer_id, m.rank) for m in viewed.found.matches) == 0
    assert all(m.contributions["affinity"] == 0 for m in viewed.found.matches)


@pytest.mark.parametrize(("view", "shown", "left_out"), [
    (View(kinds=("equipment",)), ["O3"], 2), (View(counties=("屏東縣",)), ["O2"], 2), (View(langs=("en",)), ["O3"], 2),
    (View(themes=("smart-machinery",), trl=("4-6",)), ["O1"], 2), (View(trl=("1-3",)), [], 3),
    (View(trl=("4-6", "7-9")), ["O1", "O3", "O2"], 0),
    (View(within_km=30), ["O1", "O3"], 1), (View(within_km=300), ["O1", "O3", "O2"], 0),
])
def test_filters_leave_offers_out_and_count_them(space, need, view, shown, left_out):
    viewed = view_list(space, need, view, top=10, day=DAY)
    assert (ids(viewed), viewed.left_out) == (shown, left_out)


def test_an_offer_of_unknown_place_is_not_within_any_distance_and_comes_last_by_nearness(space, need):
    space.store.put(offers=[replace(space.store.offer("O1"), centre=None, county=None)])
    near = view_list(space, need, View(order="near"), top=10, day=DAY)
    assert [(m.offer_id, m.distance_km and round(m.distance_km)) for m in near.found.matches] == [("O3", 0), ("O2", 184), ("O1", None)]
    assert ids(view_list(space, need, View(within_km=30), top=10, day=DAY)) == ["O3"]


def test_strengths_tell_nothing_of_a_place_that_is_kept_back(space, need):
    """With the other weights at 0 a score would tell how near an offer is."""
    view, found = View(dict.fromkeys(("affinity", "theme", "trl"), 0.0) | {"nearness": 3.0}), {}
    for centre, county in (("CTSP", "臺中市"), ("PABP", "屏東縣")):
        space.store.put(offers=[replace(space.store.offer("O1"), centre=centre, county=county)])
        for placeless in (frozenset(), frozenset({"O1"})):
            viewed = view_list(space, need, view, top=10, day=DAY, placeless=placeless)
            row = next(m for m in viewed.found.matches if m.offer_id == "O1")
            found[centre, bool(placeless)] = (round(row.score, 6), round(row.features["nearness"], 2))
    assert found["CTSP", True] == found["PABP", True]
    assert [found[c, p][1] for c, p in (("CTSP", True), ("CTSP", False), ("PABP", False))] == [0.5, 1.0, 0.2]
    assert found["CTSP", False][0] > found["PABP", False][0]


def test_the_nearest_come_first_with_their_ranks_by_score(space, need):
    space.store.put(needs=[replace(need, centre="PABP", county="屏東縣")])
    viewed = view_list(space, space.store.need("N1"), View(order="near"), top=10, day=DAY)
    assert ids(viewed) == ["O2", "O1", "O3"]
    assert [m.rank for m in viewed.found.matches] == [viewed.places[i] for i in ids(viewed)]
    assert {viewed.moved(m.offer_id, m.rank) for m in viewed.found.matches} == {0}
    assert not View(order="near").is_plain


def test_an_offer_that_the_plain_list_does_not_show_is_new(space, need):
    viewed = view_list(space, need, View(counties=("屏東縣",)), top=1, day=DAY)
    assert (ids(viewed), viewed.moved("O2", 1)) == (["O2"], None)


@pytest.mark.parametrize(("strengths", "filters", "named"), [
    ({"colour": "1"}, {}, "colour"), ({"theme": "4"}, {}, "theme=4"), ({"theme": "much"}, {}, "theme=much"),
    ({"theme": "nan"}, {}, "theme=nan"), ({}, {"trl": ("10",)}, "10"),
    ({}, {"within_km": "0"}, "km=0"), ({}, {"within_km": "far"}, "km=far"), ({}, {"within_km": "100000"}, "km=100000"),
    ({}, {"order": "far"}, "order=far"),
])
def test_a_view_that_cannot_be_shown_is_refused_by_name(strengths, filters, named):
    with pytest.raises(InputError, match=named):
        read_view(strengths, **filters)


def test_a_ranking_is_made_once_for_the_same_data_and_anew_after_an_edit(space, need):
    first = kept_ranking(space, need, DAY)
    assert kept_ranking(space, need, DAY) is first
    space.store.put(offers=[replace(space.store.offer("O2"), description="別的內容")])
    assert kept_ranking(space, need, DAY) is not first


def test_warming_makes_every_list_once_and_the_next_look_encodes_nothing(space, need, monkeypatch):
    assert warm(space, 10, DAY, pause_s=0) == len(space.store.needs())
    for name in ("encode", "encode_query", "encode_document"):
        monkeypatch.setattr(type(space.encoder), name, lambda *_: pytest.fail("something was encoded again"))
    assert ids(view_list(space, need, View(), top=10, day=DAY)) == ["O1", "O3", "O2"]
