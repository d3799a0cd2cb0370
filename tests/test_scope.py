"""The scope ladder: how far a list looks, and what it says of it."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

from matcher.languages import render
from matcher.ranking import Query, Ranking
from matcher.scope import STEPS, choose_scope, steps_of
from matcher.vocabulary import Need, Offer

NEED = Need("N", "x", centre="STSP")
# Own centre, 20 km away, Hsinchu, no place known, a partner park abroad.
OFFERS = [Offer("own", centre="STSP"), Offer("near", county="臺南市"), Offer("far", centre="HSP"),
          Offer("nowhere"), Offer("abroad", centre="TSP-TH")]
DISTANCES = np.array([0, 20, 230, np.nan, 1800], np.float32)


def test_each_offer_has_its_step():
    assert steps_of(NEED, OFFERS, DISTANCES).tolist() == [0, 1, 2, 2, 3]
    assert steps_of(Need("N", "x"), OFFERS, DISTANCES).tolist() == [1, 1, 2, 2, 3]


@pytest.mark.parametrize(("scores", "wanted", "step", "shown"), [
    ([0.9, 0.9, 0.9, 0.9, 0.9], 1, "own centre", "own"),
    ([0.9, 0.8, 0.9, 0.9, 0.9], 2, "within 45 km", "own near"),
    ([0.2, 0.8, 0.9, 0.1, 0.9], 2, "whole country", "far near own nowhere"),
    ([0.9, 0.8, 0.7, 0.6, 0.5], 5, "partner parks", "own near far nowhere abroad"),
    ([0.1, 0.1, 0.1, 0.1, 0.1], 1, "partner parks", "own near far nowhere abroad"),
])
def test_a_list_is_widened_only_while_it_is_thin(scores, wanted, step, shown):
    scores = np.array(scores)
    order = np.argsort(-scores, kind="stable")
    ranking = Ranking(Query(NEED, np.zeros(1, np.float32)), np.ones(5, bool), {}, DISTANCES, scores,
                      np.zeros(5, np.float32), order, scores)
    kept, scope = choose_scope(ranking, SimpleNamespace(kept={}, offers=OFFERS, copies=np.full(5, -1)), wanted, 0.5)
    assert " ".join(OFFERS[i].offer_id for i in kept) == shown
    assert scope.step == step
    assert (scope.reason is None) is (step == STEPS[0])
    if step == "whole country":
        assert render(scope.reason, "en") == ("Widened to: whole country. In the narrower scope (within 45 km) "
                                              "1 offers fit well; 2 were asked for.")
