from __future__ import annotations

from dataclasses import FrozenInstanceError, replace

import numpy as np
import pytest

from matcher.errors import InputError
from matcher.languages import INTERFACE_LANGUAGES
from matcher.market import (
    POLICIES,
    Lists,
    Market,
    Scores,
    additive_surplus,
    compare_lists,
    gini,
    logarithmic,
    make_lists,
    measure,
    mutual_scores,
    mutual_surplus,
    reciprocal,
    simulate_preferences,
    solve_market,
)
from matcher.vocabulary import Message

NAN, NEVER = np.nan, -np.inf
# Two needs, three offers. Need 0 may not have offer 2, offer 1 may not have need 1.
WISHES = [[0.9, 0.4, NAN],
          [0.8, 0.5, 0.2]]
ANSWERS = [[0.5, 0.5],
           [1.0, NEVER],
           [0.7, 0.8]]


def small(**changes):
    return replace(Market(WISHES, ANSWERS), **changes)


def random_market(seed=0, needs=6, offers=9, **capacities):
    drawn = simulate_preferences(needs, offers, 0.5, np.random.default_rng(seed))
    return replace(drawn, **capacities)


def as_tuples(lists):
    return [tuple(row.tolist()) for row in lists]


def lists_of(market, key, shown=None):
    policy = next(p for p in POLICIES if p.key == key)
    return make_lists(market, policy.score(market), shown)


# The two sides

def test_a_pair_is_eligible_when_both_interests_are_known_and_both_have_capacity():
    assert small().eligible.tolist() == [[True, True, False], [True, False, True]]
    assert small(offer_capacity=[0, 1, 1]).eligible.tolist() == [
        [False, True, False], [False, False, True]]
    assert not small(need_capacity=0).eligible.any()


def test_what_is_not_eligible_counts_as_no_interest():
    assert small().p.tolist() == [[0.9, 0.4, 0], [0.8, 0, 0.2]]
    assert small().q.tolist() == [[0.5, 1, 0], [0.5, 0, 0.8]]


@pytest.mark.parametrize(("change", "sentence"), [
    ({"offer_interest": [[0.5, 0.5]]}, "found (1, 2) and (2, 3)."),
    ({"need_interest": 0.5}, "found (3, 2) and ()."),
    ({"need_interest": [[0.9, 0.4, 0], [1.5, 0.5, 0.2]]},
     "The interest of need no. 2 must be 0 to 1; found 1.5."),
    ({"offer_interest": [[-0.1, 0], [0, 0], [0, np.inf]]},
     "The interest of offer no. 1 must be 0 to 1; found -0.1."),
    ({"need_capacity": [1, 2, 3]}, "There must be one capacity for each need: 2; found (3,)."),
    ({"offer_capacity": [1, 2.5, 1]},
     "Each capacity of the offers must be a whole number, 0 or more; found 2.5."),
    ({"offer_capacity": -1}, "found -1.0."),
    ({"need_capacity": [1, np.inf]}, "found inf."),
    ({"need_capacity": [1, NAN]}, "found nan."),
])
def test_a_market_with_a_fault_is_refused_in_words(change, sentence):
    with pytest.raises(InputError) as caught:
        Market(**({"need_interest": WISHES, "offer_interest": ANSWERS} | change))
    assert str(caught.value).startswith("The market has 1 faults: ")
    assert str(caught.value).endswith(sentence)


def test_all_faults_are_named_at_once():
    with pytest.raises(InputError, match=r"3 faults.*need no\. 1.*for each need.*of the offers"):
        Market([[2.0]], [[0.5]], [1, 1], -1)


def test_the_mutual_score_is_the_root_of_the_product_and_orders_like_it():
    np.testing.assert_allclose(mutual_scores(small()), np.sqrt([[.45, .4, 0], [.4, 0, .16]]))
    market = random_market()
    assert (np.argsort(mutual_scores(market)) == np.argsort(market.p * market.q)).all()


# The market solution

@pytest.mark.parametrize("kernel", [0.1, 1.0, 5.0])
def test_a_pair_alone_matches_by_kernel_over_one_plus_kernel(kernel):
    found = solve_market(Market([[0.5]], [[0.5]]), lambda _: np.array([[2 * np.log(kernel)]]))
    assert found.matches[0, 0] == pytest.approx(kernel / (1 + kernel), abs=1e-8)


@pytest.mark.parametrize("surplus", [additive_surplus, mutual_surplus])
@pytest.mark.parametrize("market", [
    small(), random_market(), random_market(1, 9, 4), random_market(need_capacity=3),
    random_market(need_capacity=range(6), offer_capacity=[2] * 8 + [0]),
], ids=["small", "more offers", "more needs", "capacity 3", "capacities"])
def test_matches_and_unused_capacity_keep_the_rule_and_add_up(market, surplus):
    found, (needs, offers) = solve_market(market, surplus), market.capacities
    assert found.settled
    assert found.note is None
    np.testing.assert_allclose(found.matches.sum(axis=1) + found.need_unused, needs, atol=1e-8)
    np.testing.assert_allclose(found.matches.sum(axis=0) + found.offer_unused, offers, atol=1e-8)
    np.testing.assert_allclose(
        found.matches, np.exp(surplus(market) / 2)
        * np.sqrt(np.outer(found.need_unused, found.offer_unused)))
    assert (found.matches[~market.eligible] == 0).all()


def test_twice_the_capacities_make_twice_the_matches():
    once, twice = (solve_market(random_market(need_capacity=c, offer_capacity=c)) for c in (1, 2))
    np.testing.assert_allclose(twice.matches, 2 * once.matches)


def test_more_capacity_of_one_offer_takes_matches_from_the_others():
    before = solve_market(random_market()).matches.sum(axis=0)
    after = solve_market(random_market(offer_capacity=[3] + [1] * 8)).matches.sum(axis=0)
    assert (after > before).tolist() == [True] + [False] * 8


def test_an_answer_that_has_not_settled_says_so():
    found = solve_market(random_market(), most_rounds=1)
    assert (found.settled, found.rounds) == (False, 1)
    assert found.gap > 0.01
    assert found.note.id.format(**found.note.fields) == (
        "The market solution has not settled after 1 rounds; capacities are missed by up to "
        f"{100 * found.gap:.2g} %.")


def test_less_noise_makes_sharper_matches():
    market = random_market()
    peaks = [solve_market(market, lambda m, n=n: additive_surplus(m, n)).matches.max()
             for n in (1, 0.3, 0.1, 0.03)]
    assert peaks == sorted(peaks)


@pytest.mark.parametrize("noise", [0, -1, 0.009, NAN])
def test_too_little_noise_is_refused(noise):
    with pytest.raises(InputError, match=rf"^The noise must be at least 0.01; found {noise}\.$"):
        additive_surplus(small(), noise)


def test_only_ratios_of_interests_move_the_mutual_surplus():
    market = random_market()
    faint = replace(market, need_interest=market.need_interest * 1e-6)
    np.testing.assert_allclose(mutual_surplus(faint), mutual_surplus(market))


def test_nobody_who_wants_anybody_makes_no_matches():
    assert solve_market(Market(np.zeros((2, 3)), np.ones((3, 2)))).matches.sum() == 0


# Lists

def test_one_sided_and_product_lists_over_three_offers():
    assert as_tuples(lists_of(small(), "one-sided").for_needs) == [(0, 1), (0, 2)]
    assert as_tuples(lists_of(small(), "one-sided").for_offers) == [(0, 1), (0,), (1,)]
    fresh = Market([[0.9, 0.5]], [[0.1], [0.9]])
    assert as_tuples(lists_of(fresh, "one-sided").for_needs) == [(0, 1)]
    assert as_tuples(lists_of(fresh, "product").for_needs) == [(1, 0)]


def test_market_lists_spread_the_first_places_of_a_crowded_market():
    wishes = [[0.9, 0.8, 0.7]] * 3
    answers = np.transpose([[0.9, 0.5, 0.5], [0.8, 0.8, 0.5], [0.8, 0.7, 0.7]])
    crowded = Market(wishes, answers)
    firsts = {key: [int(row[0]) for row in lists_of(crowded, key).for_needs]
              for key in ("one-sided", "product", "market")}
    assert firsts == {"one-sided": [0, 0, 0], "product": [0, 0, 0], "market": [0, 1, 2]}


def test_of_two_equal_offers_the_one_with_more_capacity_comes_first():
    alike = Market(np.full((4, 2), 0.5), np.full((2, 4), 0.5), offer_capacity=[1, 3])
    assert {tuple(row) for row in lists_of(alike, "market").for_needs} == {(1, 0)}


@pytest.mark.parametrize("policy", POLICIES, ids=lambda p: p.key)
def test_a_policy_keeps_its_contract(policy):
    market = Market([[NAN, 0, 0.9], [0.8, NEVER, 0.2]], np.ones((3, 2)))
    lists = make_lists(market, policy.score(market))
    rows = [(i, int(j)) for i, row in enumerate(lists.for_needs) for j in row]
    columns = [(int(i), j) for j, row in enumerate(lists.for_offers) for i in row]
    assert sorted(rows) == sorted(columns) == [(0, 1), (0, 2), (1, 0), (1, 2)]
    assert as_tuples(lists.for_needs) == [(2, 1), (0, 2)]
    assert all(policy.label[lang] for lang in INTERFACE_LANGUAGES)
    equal = Market(np.full((5, 7), 0.3), np.full((7, 5), 0.6))
    in_order = make_lists(equal, policy.score(equal), shown=4)
    assert as_tuples(in_order.for_needs) == [(0, 1, 2, 3)] * 5
    assert as_tuples(in_order.for_offers) == [(0, 1, 2, 3)] * 7


@pytest.mark.parametrize("seed", [12, 13, 16])
def test_an_offer_and_its_equal_stand_in_the_given_order_in_market_lists(seed):
    drawn = random_market(seed, 19, 37)
    drawn.need_interest[:, -1], drawn.offer_interest[-1] = (
        drawn.need_interest[:, 0], drawn.offer_interest[0])
    for row in lists_of(replace(drawn), "market").for_needs:
        first = row.tolist().index(0)
        assert row[first + 1] == 36


@pytest.mark.parametrize("shape", [(0, 3), (2, 0), (0, 0)])
def test_an_empty_side_gives_empty_lists_and_no_matches(shape):
    found = compare_lists(Market(np.zeros(shape), np.zeros(shape[::-1])))
    assert [(m.expected_matches, m.envies, m.exposure_gini) for m in found] == [(0, 0, None)] * 3


# Measures

def test_examination_falls_with_the_position():
    positions = np.array([1.0, 2, 3, 7])
    np.testing.assert_allclose(reciprocal(positions), [1, 1 / 2, 1 / 3, 1 / 7])
    np.testing.assert_allclose(logarithmic(positions), [1, 1 / np.log2(3), 1 / 2, 1 / 3])


@pytest.mark.parametrize(("amounts", "wanted"), [
    ([1, 1, 1], 0), ([0, 0, 5], 2 / 3), ([3, 1], 0.25), ([1, 3], 0.25), ([7], 0),
    ([0, 0], None), ([], None),
])
def test_gini(amounts, wanted):
    found = gini(np.array(amounts, float))
    assert found == (None if wanted is None else pytest.approx(wanted))


def pair_lists(for_needs, for_offers):
    return Lists(*(tuple(np.array(row, np.intp) for row in side)
                   for side in (for_needs, for_offers)))


def test_measures_worked_by_hand():
    everybody_wants_everybody = Market(np.ones((2, 2)), np.ones((2, 2)))
    found = measure(everybody_wants_everybody, pair_lists([(0, 1), (0, 1)], [(0, 1), (0, 1)]))
    # Looks of needs: 1, ½ each; of offers: 1, ½ each. Matches: 1, ½ and ½, ¼.
    assert found.expected_matches == pytest.approx(1 + 0.5 + 0.5 + 0.25)
    assert found.within_capacity == pytest.approx(1 + 0.75)
    assert (found.need_envies, found.offer_envies, found.envies) == (1, 1, 2)
    assert found.exposure_gini == pytest.approx(gini(np.array([2.0, 1.0])))


@pytest.mark.parametrize(("needs", "offers", "fitting"), [
    (1, 1, 1.75), (2, 1, 1.75), (2, 2, 2.25), (1, [0, 5], 0.75), (5, [1, 2], 1.75),
])
def test_no_more_matches_fit_than_the_tighter_side_takes(needs, offers, fitting):
    market = Market(np.ones((2, 2)), np.ones((2, 2)), needs, offers)
    everybody = pair_lists([(0, 1), (0, 1)], [(0, 1), (0, 1)])
    assert measure(market, everybody).within_capacity == pytest.approx(fitting)


def test_a_fair_turn_for_each_leaves_nobody_envious():
    found = measure(Market(np.ones((2, 2)), np.ones((2, 2))),
                    pair_lists([(0, 1), (1, 0)], [(0, 1), (1, 0)]))
    assert (found.expected_matches, found.envies, found.exposure_gini) == (2.5, 0, 0)


def test_offers_that_nobody_may_have_do_not_count_in_the_exposure():
    assert measure(Market([[1.0, NAN]], [[1.0], [1.0]]), pair_lists([(0,)], [(0,), ()]),
                   "by hand").exposure_gini == 0


def envies_by_definition(market, lists, side):
    """Swap two places in every list of the other side, one pair at a time."""
    looks = [np.zeros(market.eligible.shape), np.zeros(market.eligible.T.shape)]
    for matrix, rows in zip(looks, (lists.for_needs, lists.for_offers), strict=True):
        for i, row in enumerate(rows):
            for place, j in enumerate(row, 1):
                matrix[i, j] = 1 / place
    likes = [market.p, market.q.T]
    if side == "offer":
        likes, looks = likes[::-1], looks[::-1]

    def matches(i, place):
        return sum(likes[0][i, j] * looks[0][i, j] * likes[1][j, i] * looks[1][j, place]
                   for j in range(likes[0].shape[1]))

    people = range(len(likes[0]))
    return sum(matches(i, k) > matches(i, i) + 1e-9 for i in people for k in people)


@pytest.mark.parametrize("shown", [None, 3])
@pytest.mark.parametrize("key", [p.key for p in POLICIES])
def test_envies_equal_a_count_by_definition(key, shown):
    drawn = random_market(3)
    holes = np.where(np.random.default_rng(4).random((6, 9)) < 0.2, NAN, drawn.need_interest)
    market = Market(holes, drawn.offer_interest)
    lists = lists_of(market, key, shown)
    found = measure(market, lists)
    assert found.need_envies == envies_by_definition(market, lists, "need")
    assert found.offer_envies == envies_by_definition(market, lists, "offer")


# A centre's comparison

def test_the_comparison_names_every_policy_in_order_and_is_frozen():
    found = compare_lists(random_market(), shown=5)
    assert [m.policy for m in found] == ["one-sided", "product", "market"]
    with pytest.raises(FrozenInstanceError):
        found[0].expected_matches = 0


def test_a_note_on_the_lists_reaches_the_measures():
    note = Message("The market solution has not settled after {rounds} rounds; capacities "
                   "are missed by up to {percent} %.", {"rounds": 1, "percent": 3})
    scores = Scores(small().p, small().q.T, note)
    assert measure(small(), make_lists(small(), scores), "market", scores.note).note is note
    assert all(m.note is None for m in compare_lists(small()))


def same_measures(one, other):
    found = [[(m.need_envies, m.offer_envies, m.expected_matches, m.within_capacity,
               m.exposure_gini) for m in compare_lists(market)] for market in (one, other)]
    return np.allclose(*found, rtol=1e-12)


def test_somebody_who_is_not_eligible_changes_nothing():
    market = random_market()
    wider = Market(np.c_[market.need_interest, np.full(6, NAN)],
                   np.r_[market.offer_interest, np.ones((1, 6))])
    assert same_measures(wider, market)


def test_the_order_in_which_needs_and_offers_stand_changes_nothing():
    market = random_market()
    turned = Market(market.need_interest[::-1, ::-1], market.offer_interest[::-1, ::-1])
    assert same_measures(turned, market)


def test_a_slower_fall_of_attention_brings_more_matches():
    market = random_market()
    for fast, slow in zip(compare_lists(market), compare_lists(market, examination=logarithmic),
                          strict=True):
        assert slow.expected_matches > fast.expected_matches


# Simulated markets

def test_simulated_interest_is_popularity_and_chance_in_the_given_shares():
    random = np.random.default_rng
    popular = simulate_preferences(2, 3, 1, random(0))
    assert popular.need_interest.tolist() == [[1, 0.5, 0]] * 2
    assert popular.offer_interest.tolist() == [[1, 0]] * 3
    chance = simulate_preferences(2, 3, 0, random(0))
    assert (chance.need_interest == random(0).random((2, 3))).all()
    half = simulate_preferences(2, 3, 0.5, random(0))
    np.testing.assert_allclose(half.need_interest,
                               (popular.need_interest + chance.need_interest) / 2)


@pytest.mark.parametrize("crowding", [-0.1, 1.1, NAN])
def test_crowding_beyond_its_range_is_refused(crowding):
    with pytest.raises(InputError, match=rf"^Crowding must be 0 to 1; found {crowding}\.$"):
        simulate_preferences(2, 3, crowding, np.random.default_rng(0))


def simulated(crowding, random, seeds):
    """Mean expected matches and envies of one-sided, product, market and additive lists."""
    found = []
    for seed in seeds:
        market = simulate_preferences(30, 40, crowding, random(seed))
        matches = solve_market(market, additive_surplus).matches
        additive = measure(market, make_lists(market, Scores(matches, matches.T)))
        found.append([(m.expected_matches, m.envies)
                      for m in (*compare_lists(market), additive)])
    return np.mean(found, axis=0)


@pytest.mark.parametrize(("crowding", "figures"), [
    (0.25, [(8.1, 947), (25.6, 154), (27.6, 70)]),
    (0.50, [(8.0, 1094), (17.9, 586), (21.9, 143)]),
    (0.75, [(8.9, 1184), (12.1, 1050), (15.9, 448)]),
])
def test_the_figures_of_the_published_code_are_found_again(crowding, figures):
    """One-sided, product and additive market on the seeds and random numbers of that code."""
    found = simulated(crowding, np.random.RandomState, range(3))[[0, 1, 3]]
    assert [(round(matches, 1), round(envies)) for matches, envies in found] == figures


def test_the_market_brings_a_fifth_more_matches_with_a_third_of_the_envy():
    product, market, additive = simulated(0.5, np.random.default_rng, range(10))[1:]
    for matches, envies in (market, additive):
        assert matches >= 1.2 * product[0]
        assert envies <= product[1] / 3


@pytest.mark.parametrize("power", [1, 3, 8])
@pytest.mark.parametrize("crowding", [0.25, 0.5, 0.75])
def test_market_lists_beat_product_lists_however_rare_interest_is(crowding, power):
    gains = []
    for seed in range(5):
        drawn = simulate_preferences(30, 40, crowding, np.random.default_rng(seed))
        product, market = compare_lists(
            Market(drawn.need_interest**power, drawn.offer_interest**power))[1:]
        gains.append((market.expected_matches / product.expected_matches,
                      market.envies < product.envies))
    assert np.mean(gains, axis=0)[0] >= 1
    assert all(fairer for _, fairer in gains)
