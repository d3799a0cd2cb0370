"""Assignment on problems small enough to solve by eye, or by trying every set of pairs."""

from __future__ import annotations

from dataclasses import replace
from itertools import combinations
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from scipy.optimize import Bounds, LinearConstraint

from matcher.assignment import (
    CANCELLED,
    CONFLICT,
    FORCED,
    OPTIMAL,
    TIME_LIMIT,
    Assignment,
    Clash,
    GroupRule,
    Limits,
    Problem,
    Rule,
    Side,
    apply_changes,
    check,
    describe_rule,
    exposure_floor,
    find_breaches,
    front,
    highest_floor,
    optimise,
    solve,
)
from matcher.assignment.model import build_model, build_programme
from matcher.assignment.rules import describe_change
from matcher.errors import InputError, MatcherError
from matcher.languages import render

NEEDS, OFFERS = ("N1", "N2", "N3"), ("A", "B", "C")
SCORES = ((.9, .8, .1),  # two needs want A most; N3 is the one nobody answers well
          (.9, .5, .2),
          (.35, .2, .1))


def table(scores=SCORES, needs=(0, 1), offers=(0, 1), verdicts=None, **rules):
    """A problem in which every need (row) may have every offer (column) with a score."""
    scores = np.array(scores)
    rows, columns = np.nonzero(~np.isnan(scores))
    verdict = np.zeros(len(rows), int)
    for (need, offer), value in (verdicts or {}).items():
        verdict[(rows == NEEDS.index(need)) & (columns == OFFERS.index(offer))] = value
    return Problem(Side(NEEDS[:scores.shape[0]], *needs), Side(OFFERS[:scores.shape[1]], *offers),
                   rows, columns, scores[rows, columns], verdict, **rules)


def group(label, members, least=0, most=None, side="offer", **more):
    return GroupRule(label, side, frozenset(members), least, most, **more)


def named(answer):
    assert isinstance(answer, Assignment), [render(m, "en") for m in answer.messages]
    return " ".join(f"{pair.need_id}{pair.offer_id}" for pair in answer.pairs)


def words(messages):
    return [render(message, "en") for message in messages]


# --- the best pairs under each kind of rule -----------------------------------------------------

@pytest.mark.parametrize(("change", "pairs", "total"), [
    ({}, "N1B N2A N3C", 1.8),
    ({"offers": (0, 2)}, "N1B N2A N3A", 2.05),
    ({"offers": (0, (1, 0, 1))}, "N1A N2C", 1.1),
    ({"needs": (0, (2, 1, 0))}, "N1A N1B N2C", 1.9),
    ({"needs": ((0, 0, 1), 1), "offers": (0, (1, 1, 0))}, "N1B N3A", 1.15),
    ({"needs": (0, 0)}, "", 0.0),
    ({"offers": (0, 0)}, "", 0.0),
    ({"needs": (0, 3), "offers": (3, 3)}, "N1A N1B N1C N2A N2B N2C N3A N3B N3C", 4.05),
    ({"verdicts": {("N2", "A"): CONFLICT}}, "N1A N2B N3C", 1.5),
    ({"verdicts": {("N3", "A"): FORCED}}, "N1B N2C N3A", 1.35),
    ({"verdicts": {("N3", "A"): FORCED, ("N1", "B"): CONFLICT}}, "N1C N2B N3A", .95),
    ({"floor": .2}, "N1B N2C N3A", 1.35),
    ({"groups": (group("county", "AB", most=1),)}, "N1A N2C", 1.1),
    ({"groups": (group("county", "C", least=1),), "needs": (0, (1, 1, 0))}, "N1A N2C", 1.1),
    ({"groups": (group("size", ("N1", "N2"), most=1, side="need"),)}, "N1B N3A", 1.15),
])
def test_the_best_pairs_keep_every_rule(change, pairs, total):
    answer = solve(table(**change))
    assert (named(answer), answer.total) == (pairs, pytest.approx(total))
    assert (answer.state, answer.gap) == (OPTIMAL, pytest.approx(0, abs=1e-6))


def test_the_sum_worst_and_chosen_positions_belong_to_the_pairs():
    problem = table()
    answer = solve(problem)
    assert [problem.score[j] for j in answer.chosen] == [pair.score for pair in answer.pairs]
    assert (answer.total, answer.worst) == (pytest.approx(1.8), pytest.approx(.1))


def test_a_need_that_may_have_no_pair_is_not_the_worst_off():
    answer = solve(table(needs=(0, (1, 1, 0)), floor=.5))
    assert (named(answer), answer.worst) == ("N1B N2A", pytest.approx(.8))


def test_a_pair_that_is_not_listed_is_never_assigned():
    nan = float("nan")
    assert named(solve(table([[nan, .2], [.9, .1]]))) == "N1B N2A"


def test_a_pair_of_score_zero_is_assigned_only_where_a_rule_asks_for_it():
    scores = [[0, 0], [.5, 0]]
    assert named(solve(table(scores))) == "N2A"
    assert named(solve(table(scores, needs=(1, 1)))) == "N1B N2A"


def test_an_empty_problem_has_an_empty_answer():
    none = Problem(Side(()), Side(()), *np.zeros((3, 0)))
    lonely = Problem(Side(("N1",)), Side(()), *np.zeros((3, 0)))
    assert [(solve(p).pairs, solve(p).worst) for p in (none, lonely)] == [((), None), ((), 0.0)]


# --- ties and order ----------------------------------------------------------------------------

def test_equal_scores_go_to_the_smaller_ids():
    assert named(solve(table([[.5, .5, .5]]))) == "N1A"
    assert named(solve(table([[.5, .5, .5], [.5, .5, .5]], offers=(0, 2)))) == "N1A N2A"


@pytest.mark.parametrize("seed", range(5))
def test_the_order_in_which_parts_are_listed_changes_nothing(seed):
    chance = np.random.default_rng(seed)
    problem = table(chance.integers(0, 4, (3, 3)) / 4, needs=((0, 1, 0), 2), floor=.25,
                    groups=(group("b", "BC", least=2), group("a", "A", most=1)))
    needs, offers, pairs = chance.permutation(3), chance.permutation(3), chance.permutation(9)
    shuffled = Problem(
        Side(tuple(NEEDS[i] for i in needs), problem.needs.bounds[0][needs], 2),
        Side(tuple(OFFERS[i] for i in offers)), np.argsort(needs)[problem.need[pairs]],
        np.argsort(offers)[problem.offer[pairs]], problem.score[pairs],
        groups=problem.groups[::-1], floor=.25)
    first, second = solve(problem), solve(shuffled)
    if isinstance(first, Clash):
        assert first == second
    else:
        assert (first.pairs, first.alternates) == (second.pairs, second.alternates)


# --- groups, exposure, soft limits, alternates ---------------------------------------------------

def test_an_exposure_floor_is_kept_and_its_price_is_told():
    small = exposure_floor("small labs", ["C"], 1)
    free, fair = (solve(table(needs=(0, (1, 1, 0)), groups=groups)) for groups in ((), (small,)))
    assert (free.total, "C" in named(free)) == (pytest.approx(1.7), False)
    assert (fair.total, "C" in named(fair)) == (pytest.approx(1.1), True)
    assert (free.prices, fair.prices) == ({}, {"small labs": pytest.approx(.6)})


def test_a_price_that_is_cut_short_is_left_out():
    # The search without the rule is called off; the answer itself needs none.
    small = exposure_floor("small labs", ["A", "B", "C"], 2)
    stop = Limits(on_step=lambda step: False)
    answer = solve(replace(FRACTIONAL, groups=(*FRACTIONAL.groups[:1], small)), stop)
    assert answer.prices == {"small labs": pytest.approx(0)}
    forced = replace(FRACTIONAL, groups=(*FRACTIONAL.groups, exposure_floor("A", ["A"], 1)))
    assert (named(solve(forced, stop)), solve(forced, stop).prices) == ("N1A", {})
    assert solve(forced).prices == {"A": pytest.approx(0)}


def test_a_floor_that_holds_anyway_costs_nothing():
    answer = solve(table(groups=(exposure_floor("all", OFFERS, 2),)))
    assert answer.prices == {"all": pytest.approx(0, abs=1e-9)}


@pytest.mark.parametrize(("penalty", "pairs", "beyond"), [
    (.05, "N1A N2A N3A", 2), (.12, "N1B N2A N3A", 1), (.3, "N1B N2A N3B", 0)])
def test_a_soft_limit_gives_way_until_its_penalty_weighs_more(penalty, pairs, beyond):
    answer = solve(table(offers=(0, 3), groups=(group("A", "A", most=1, penalty=penalty),)))
    assert (named(answer), sum(o.pairs for o in answer.overruns)) == (pairs, beyond)
    assert answer.value == pytest.approx(answer.total - penalty * beyond)


def test_a_heavier_penalty_never_brings_more_overrun():
    beyond = []
    for penalty in (.01, .1, .2, .4, .8, 1.6):
        rule = group("C", "C", least=3, penalty=penalty)
        answer = solve(table(offers=(0, 3), groups=(rule,)))
        beyond.append(sum(o.pairs for o in answer.overruns))
    assert beyond == sorted(beyond, reverse=True)
    assert (beyond[0], beyond[-1]) == (3, 0)


def test_a_soft_limit_that_cannot_be_kept_is_an_overrun_not_a_clash():
    answer = solve(table(groups=(group("A", "A", least=5, penalty=.5),)))
    assert [(o.label, o.pairs, o.penalty) for o in answer.overruns] == [("A", 4, 2.0)]


def test_alternates_are_the_next_best_offers_with_load_left():
    answer = solve(table(needs=(0, (1, 1, 0)), offers=(0, (1, 2, 1)),
                         verdicts={("N2", "C"): CONFLICT}))
    assert named(answer) == "N1B N2A"
    assert answer.alternates == {"N1": ("C",), "N2": ("B",), "N3": ("B", "C")}
    assert solve(table(offers=(0, 3)), alternates=1).alternates["N1"] == ("B",)


# --- the floor and its front ---------------------------------------------------------------------

# Two experts everybody wants (A, B) and two plain ones, two for each paper: the highest sum, 3.7,
# leaves P3 with 0.8; for 0.1 of it, P3 gets both experts and 1.0.
PAPERS = Problem(Side(("P1", "P2", "P3"), 2, 2), Side(("A", "B", "C", "D"), 0, 2),
                 np.repeat([0, 1, 2], 4), np.tile([0, 1, 2, 3], 3),
                 np.array([.9, .8, .5, .3, .9, .7, .2, .4, .6, .4, .2, .1]))


def test_a_higher_floor_costs_total_and_lifts_the_worst_off():
    points = list(front(PAPERS, points=6))
    totals, worst = [p.total for p in points], [p.worst for p in points]
    assert (points[0].total, points[0].worst) == (pytest.approx(solve(PAPERS).total),
                                                  pytest.approx(solve(PAPERS).worst))
    assert totals == sorted(totals, reverse=True)
    assert worst == sorted(worst)
    assert worst[-1] > worst[0]
    assert all(p.worst >= p.floor - 1e-5 for p in points)


def test_the_front_is_that_of_trying_everything():
    everything = [chosen for chosen in subsets(PAPERS) if keeps(PAPERS, chosen)]
    for point in front(PAPERS, floors=(.3, .5, .7, .8)):
        best = max(PAPERS.score[list(c)].sum() for c in everything
                   if totals(PAPERS, c).min() >= point.floor - 1e-9)
        assert point.total == pytest.approx(best)


def test_a_floor_beyond_reach_gives_no_point_and_a_problem_without_needs_no_front():
    assert [p.floor for p in front(PAPERS, floors=(.3, 1.9))] == [.3]
    assert list(front(table(needs=(0, 0)))) == []
    assert list(front(table(needs=(2, 2), offers=(0, 1)))) == []


def test_no_floor_above_the_highest_can_be_kept():
    highest = highest_floor(PAPERS)
    best = max(totals(PAPERS, c).min() for c in subsets(PAPERS) if keeps(PAPERS, c))
    assert highest >= best - 1e-6
    assert isinstance(solve(replace(PAPERS, floor=highest + .01)), Clash)
    assert highest_floor(table(needs=(0, 0))) is None


def test_naive_lists_overload_one_offer_and_an_assignment_none():
    # Twelve papers of three reviews each, nine reviewers of four: reviewer R0 suits everybody.
    score = np.round(np.random.default_rng(10).random((12, 9)) * .5, 2)
    score[:, 0] += .45
    problem = Problem(Side(tuple(f"P{i:02}" for i in range(12)), 3, 3),
                      Side(tuple(f"R{i}" for i in range(9)), 0, 4),
                      np.repeat(range(12), 9), np.tile(range(9), 12), score.ravel())
    naive = np.argsort(-score, axis=1)[:, :3]
    assert np.bincount(naive.ravel(), minlength=9)[0] == 12
    answer = solve(problem)
    assert np.bincount(problem.offer[answer.chosen], minlength=9).tolist() == [4] * 9
    assert answer.total < np.take_along_axis(score, naive, 1).sum()
    fair = list(front(problem, points=4))
    assert len(fair) == 4
    assert fair[-1].worst > answer.worst + .25
    assert fair[-1].total > .85 * answer.total


# --- why not, and what would mend it ---------------------------------------------------------------

@pytest.mark.parametrize(("change", "rules", "changes"), [
    ({"needs": (1, 1), "offers": (0, (1, 1, 0))},
     ["Offers for need N1: at least 1 (candidates: 3).",
      "Offers for need N2: at least 1 (candidates: 3).",
      "Offers for need N3: at least 1 (candidates: 3).",
      "Needs for offer A: at most 1.", "Needs for offer B: at most 1.",
      "Needs for offer C: at most 0."], 1),
    ({"needs": ((0, 4, 0), 4)}, ["Offers for need N2: at least 4 (candidates: 3)."],
     ["Offers for need N2: at least 3 instead of 4."]),
    ({"groups": (group("Tainan", "BC", least=3),)},
     ["Needs for offer B: at most 1.", "Needs for offer C: at most 1.",
      "Pairs of the group “Tainan”: at least 3 (candidates: 6)."], 1),
    ({"verdicts": {("N1", "A"): FORCED, ("N2", "A"): FORCED}},
     ["Needs for offer A: at most 1.", "Need N1 and offer A are forced together.",
      "Need N2 and offer A are forced together."],
     ["Needs for offer A: at most 2 instead of 1."]),
    ({"verdicts": {("N1", offer): CONFLICT for offer in OFFERS}, "needs": ((1, 0, 0), 1)},
     ["Offers for need N1: at least 1 (candidates: 3).", "Need N1 and offer A are in conflict.",
      "Need N1 and offer B are in conflict.", "Need N1 and offer C are in conflict."],
     ["Offers for need N1: at least 0 instead of 1."]),
    ({"verdicts": {("N1", "A"): FORCED}, "groups": (group("big", "A", most=0),)},
     ["Need N1 and offer A are forced together.", "Pairs of the group “big”: at most 0."],
     ["Pairs of the group “big”: at most 1 instead of 0."]),
    ({"offers": ((0, 4, 0), 4)}, ["Needs for offer B: at least 4 (candidates: 3)."],
     ["Needs for offer B: at least 3 instead of 4."]),
    ({"groups": (group("small", "C", least=1), group("far", "C", most=0))},
     ["Pairs of the group “far”: at most 0.",
      "Pairs of the group “small”: at least 1 (candidates: 3)."], 1),
    ({"floor": .5}, ["Offers for need N3: at most 1.",
                     "The scores of need N3 add up to at least 0.5."],
     ["Lower the floor from 0.5 to 0.2."]),
])
def test_the_smallest_set_of_clashing_rules_and_the_smallest_change(change, rules, changes):
    problem = table(**change)
    clash = solve(problem)
    assert words(clash.messages) == rules
    assert words(describe_rule(problem, rule) for rule in clash.rules) == rules
    said = words(change.message for change in clash.changes)
    assert said == changes if isinstance(changes, list) else len(said) == changes
    assert isinstance(solve(apply_changes(problem, clash.changes)), Assignment)


def test_many_rules_of_a_kind_share_a_sentence():
    needs = tuple(f"N{i:02}" for i in range(15))
    problem = Problem(Side(needs, 1), Side(("A", "B"), 0, 7), np.repeat(range(15), 2),
                      np.tile([0, 1], 15), np.full(30, .5))
    clash = solve(problem)
    assert words(clash.messages) == [
        "Offers for 15 needs together: at least 15. The needs: "
        + ", ".join(needs[:12]) + " ….",
        "Needs for offer A: at most 7.", "Needs for offer B: at most 7."]
    assert len(clash.rules) == 17
    assert len(clash.changes) == 1


def test_a_clash_too_long_to_take_apart_says_so(monkeypatch):
    monkeypatch.setattr("matcher.assignment.conflict.REDUCED", 5)
    problem = table(needs=(1, 1), offers=(0, (1, 1, 0)))
    clash = solve(problem)
    assert (clash.irreducible, len(clash.rules)) == (False, 6)


def test_a_clash_that_is_not_known_in_time_says_so(monkeypatch):
    """Of any two offers at most one: that three cannot be had is told by search alone."""
    monkeypatch.setattr("matcher.assignment.conflict.PART", 0.0)
    problem = table([[.5, .5, .5]], needs=(0, 3), floor=.75, groups=tuple(
        group(members, members, most=1) for members in ("AB", "AC", "BC")))
    clash = solve(problem)
    assert (clash.irreducible, len(clash.rules)) == (False, 4)
    assert isinstance(solve(apply_changes(problem, clash.changes)), Assignment)


def test_two_clashes_at_once_are_both_mended_and_the_shorter_is_told():
    problem = table(needs=((0, 4, 0), 4), groups=(group("Tainan", "BC", least=3),))
    clash = solve(problem)
    assert words(clash.messages) == ["Offers for need N2: at least 4 (candidates: 3)."]
    assert len(clash.changes) == 2
    assert isinstance(solve(apply_changes(problem, clash.changes)), Assignment)


def test_rules_that_only_fractions_could_keep_are_found_too():
    # Of any two offers at most one: fractions could make 1.5 pairs, whole pairs only one.
    problem = table([[.5, .5, .5]], needs=(0, 3), floor=.75, groups=tuple(
        group(members, members, most=1) for members in ("AB", "AC", "BC")))
    clash = solve(problem)
    assert words(clash.messages) == [
        "The scores of need N1 add up to at least 0.75.", "Pairs of the group “AB”: at most 1.",
        "Pairs of the group “AC”: at most 1.", "Pairs of the group “BC”: at most 1."]
    assert words(change.message for change in clash.changes) == [
        "Lower the floor from 0.75 to 0.5."]


# One rule of each kind that is in the way, and what its sentences say.
EVERY_KIND = table(needs=((1, 0, 0), 2), offers=(0, (2, 1, 1)), floor=.5,
                   verdicts={("N1", "A"): FORCED, ("N2", "B"): CONFLICT},
                   groups=(group("county", "AB", 1, 2),))


@pytest.mark.parametrize(("rule", "sentence"), [
    (Rule("need", ("N1",), "at least"), "Offers for need N1: at least 1 (candidates: 3)."),
    (Rule("need", ("N2",), "at most"), "Offers for need N2: at most 2."),
    (Rule("offer", ("B",), "at least"), "Needs for offer B: at least 0 (candidates: 3)."),
    (Rule("offer", ("A",), "at most"), "Needs for offer A: at most 2."),
    (Rule("pair", ("N1", "A"), "at least"), "Need N1 and offer A are forced together."),
    (Rule("pair", ("N2", "B"), "at most"), "Need N2 and offer B are in conflict."),
    (Rule("floor", ("N3",), "at least"), "The scores of need N3 add up to at least 0.5."),
    (Rule("group", ("county",), "at least"),
     "Pairs of the group “county”: at least 1 (candidates: 6)."),
    (Rule("group", ("county",), "at most"), "Pairs of the group “county”: at most 2."),
])
def test_every_kind_of_rule_has_its_sentence(rule, sentence):
    assert render(describe_rule(EVERY_KIND, rule), "en") == sentence


@pytest.mark.parametrize(("rule", "value", "sentence", "found"), [
    (Rule("need", ("N1",), "at least"), 0, "Offers for need N1: at least 0 instead of 1.",
     lambda p: p.needs.bounds[0].tolist() == [0, 0, 0]),
    (Rule("need", ("N3",), "at most"), 3, "Offers for need N3: at most 3 instead of 2.",
     lambda p: p.needs.bounds[1].tolist() == [2, 2, 3]),
    (Rule("offer", ("A",), "at most"), 4, "Needs for offer A: at most 4 instead of 2.",
     lambda p: p.offers.bounds[1].tolist() == [4, 1, 1]),
    (Rule("pair", ("N1", "A"), "at least"), 0, "Do not force need N1 and offer A together.",
     lambda p: p.verdicts.tolist() == [0, 0, 0, 0, -1, 0, 0, 0, 0]),
    (Rule("floor", (), "at least"), .25, "Lower the floor from 0.5 to 0.25.",
     lambda p: p.floor == .25),
    (Rule("group", ("county",), "at least"), 0,
     "Pairs of the group “county”: at least 0 instead of 1.", lambda p: p.groups[0].least == 0),
    (Rule("group", ("county",), "at most"), 5,
     "Pairs of the group “county”: at most 5 instead of 2.", lambda p: p.groups[0].most == 5),
])
def test_a_change_changes_one_rule_and_leaves_the_problem_given(rule, value, sentence, found):
    change = describe_change(EVERY_KIND, rule, value)
    assert render(change.message, "en") == sentence
    assert found(apply_changes(EVERY_KIND, [change]))
    assert not found(EVERY_KIND)


# --- every answer is checked again ------------------------------------------------------------------

CHECKED = table(needs=((0, 1, 0), 1), verdicts={("N3", "C"): FORCED, ("N1", "A"): CONFLICT},
                groups=(group("B", "B", least=1), group("soft", "A", most=0, penalty=.2)),
                floor=.1)


def told(positions):
    """An answer that claims these pairs (need × 3 + offer), with sums that are right."""
    pairs = [(i, solve(CHECKED).pairs[0].__class__(NEEDS[i // 3], OFFERS[i % 3],
                                                   float(CHECKED.score[i]))) for i in positions]
    total = sum(pair.score for _, pair in pairs)
    worst = min(sum(p.score for _, p in pairs if p.need_id == need) for need in NEEDS)
    return replace(solve(CHECKED), pairs=tuple(p for _, p in pairs), total=total, value=total - .2,
                   worst=worst, bound=9.0, chosen=np.array(positions, np.intp), alternates={})


def test_a_sound_answer_has_no_breach():
    assert named(solve(CHECKED)) == "N1B N2A N3C"
    assert list(find_breaches(CHECKED, told([1, 3, 8]))) == []


@pytest.mark.parametrize(("positions", "breach"), [
    ([1, 4, 8], "The offer B has 2 pairs; wanted 0…1."),
    ([1, 8], "The need N2 has 0 pairs; wanted 1…1."),
    ([0, 4, 8], "N1 and A are in conflict."),
    ([1, 3, 6], "N3 and C are forced together, and are not."),
    ([4, 8], "The scores of need N1 add up to 0.0, below 0.1."),
    ([3, 8], "The group “B” has 0 pairs; wanted 1…None."),
    ([1, 1, 3, 8], "The pairs are repeated or are not those of the problem."),
])
def test_a_broken_rule_is_named(positions, breach):
    assert breach in words(find_breaches(CHECKED, told(positions)))


@pytest.mark.parametrize(("change", "breach"), [
    ({"total": 2.0}, "The total is said to be 2.0, but is 1.8."),
    ({"value": 1.7}, "The value is said to be 1.7, but is 1.6."),
    ({"worst": None}, "The worst is said to be None, but is 0.1."),
    ({"bound": 1.0}, "The value 1.6 is above its bound 1.0."),
    ({"overruns": ()}, "The group “soft” has 1 pairs; wanted 0…0."),
    ({"alternates": {"N1": ("B",)}}, "The alternate B of need N1 is not free."),
])
def test_a_wrong_figure_is_named_and_stops_the_answer(change, breach):
    wrong = replace(told([1, 3, 8]), **change)
    assert breach in [text.replace("1.8000000000000003", "1.8").replace("1.6000000000000003", "1.6")
                      for text in words(find_breaches(CHECKED, wrong))]
    with pytest.raises(MatcherError, match="fails its check, so it is not used"):
        check(CHECKED, wrong)


# --- time, progress, cancel ---------------------------------------------------------------------------

# Of any two offers the need may have one: fractions would take half of each, so a search follows.
FRACTIONAL = table([[.5, .5, .5]], needs=(0, 3), groups=tuple(
    group(members, members, most=1) for members in ("AB", "AC", "BC")))


def test_progress_is_told_with_value_and_bound():
    steps = []
    answer = solve(FRACTIONAL, Limits(on_step=lambda step: steps.append(step) or True))
    assert (named(answer), answer.state, answer.value) == ("N1A", OPTIMAL, .5)
    assert [(step.value, step.bound) for step in steps] == [(None, pytest.approx(.75))]


def test_cancelling_before_the_first_answer_is_an_error_that_says_so():
    with pytest.raises(MatcherError, match="cancelled before a first answer"):
        solve(FRACTIONAL, Limits(on_step=lambda step: False))
    with pytest.raises(MatcherError, match="cancelled before a first answer"):
        list(front(FRACTIONAL, floors=(.2,), limits=Limits(on_step=lambda step: False)))
    with pytest.raises(MatcherError, match="cancelled before a first answer"):
        solve(table(floor=.5), Limits(on_step=lambda step: False))


def stuck(found):
    """A solver that is never done: with the best pairs it knows, or without any."""
    def milp(cost, **kwargs):
        done = REAL(cost, **kwargs)
        return SimpleNamespace(status=1, x=done.x if found else None, mip_dual_bound=-99.0,
                               message="")
    return milp


REAL = optimise.milp


def test_cancelling_later_gives_the_best_so_far_with_its_gap(monkeypatch):
    monkeypatch.setattr(optimise, "milp", stuck(True))
    answer = solve(FRACTIONAL, Limits(on_step=lambda step: step.value is None))
    assert (answer.state, answer.value) == (CANCELLED, .5)
    assert (answer.bound, answer.gap) == (pytest.approx(.75), pytest.approx(1 / 3))


def test_a_stuck_search_ends_with_the_best_so_far_or_with_the_cause(monkeypatch):
    monkeypatch.setattr(optimise, "milp", stuck(True))
    answer = solve(FRACTIONAL, Limits(seconds=5))
    assert (answer.state, answer.value, answer.bound) == (TIME_LIMIT, .5, pytest.approx(.75))
    monkeypatch.setattr(optimise, "milp", stuck(False))
    with pytest.raises(MatcherError, match="within the time limit, and none was ruled out"):
        solve(FRACTIONAL, Limits(seconds=5))


def test_a_solver_that_gives_up_is_quoted(monkeypatch):
    failed = SimpleNamespace(status=4, message="Numbers too large.", x=None)
    monkeypatch.setattr(optimise, "milp", lambda *_, **__: failed)
    with pytest.raises(MatcherError, match="gave up: Numbers too large"):
        solve(FRACTIONAL)
    monkeypatch.setattr(optimise, "linprog", lambda *_, **__: failed)
    with pytest.raises(MatcherError, match="gave up: Numbers too large"):
        solve(table())


# --- what is refused ------------------------------------------------------------------------------------

def test_all_faults_of_a_problem_are_told_at_once():
    with pytest.raises(InputError) as refused:
        Problem(Side(("N1", "N1"), (0, 3), (1, 2)), Side(("A",)), [0, 5, 0], [0, 0, 0],
                [.5, 1.2, float("nan")], [0, 2, 0],
                (GroupRule("g", "offer", frozenset("AZ"), 2, 1, penalty=0), GroupRule("g", "x",
                                                                                    frozenset())),
                floor=-1)
    for text in ("has 13 faults", "Two needs have the same id.",
                 "The load of need N1 is at least 3 and at most 2.",
                 "There is no need at position 5; there are 2.",
                 "The score of pair 1 is 1.2; wanted 0…1.", "The score of pair 2 is nan",
                 "The verdict on pair 1 is 2; wanted -1, 0 or 1.", "1 pairs are listed twice.",
                 "The group “g” has members that are not in the problem: Z.",
                 "The group “g” wants at least 2 and at most 1 pairs.",
                 "The group “g” is of the side “x”; wanted need or offer.",
                 "Two groups have the label “g”.", "The floor is -1; wanted a number ≥ 0."):
        assert text in str(refused.value)


@pytest.mark.parametrize(("make", "text"), [
    (lambda: Side(("N1",), 0, 1.5), "whole number of pairs; found 1.5"),
    (lambda: Problem(Side(("N1",), (0, 0)), Side(("A",)), [0], [0], [.5]), "not one for each id"),
    (lambda: Problem(Side(("N1",)), Side(("A",)), [0], [0, 0], [.5]), r"differ in length: \[1, 2\]"),
    (lambda: table(groups=(group("g", "A", penalty=-1),)), "wanted a number > 0"),
])
def test_a_fault_is_named_with_what_was_found(make, text):
    with pytest.raises(InputError, match=text):
        make()


# --- random problems against trying everything --------------------------------------------------------

def subsets(problem):
    for size in range(len(problem.need) + 1):
        yield from combinations(range(len(problem.need)), size)


def totals(problem, chosen):
    chosen = list(chosen)
    return np.bincount(problem.need[chosen], problem.score[chosen], len(problem.needs.ids))


def rules_of(problem):
    """Every rule as (its name, a test of a set of pairs), written without the model."""
    for kind, side, places in (("need", problem.needs, problem.need),
                               ("offer", problem.offers, problem.offer)):
        for i, (least, most) in enumerate(zip(*side.bounds, strict=True)):
            mine = set(np.flatnonzero(places == i))
            yield (kind, (side.ids[i],), "at least"), (
                lambda c, m=mine, n=least: len(m & set(c)) >= n)
            yield (kind, (side.ids[i],), "at most"), (
                lambda c, m=mine, n=most: len(m & set(c)) <= n)
    for j in np.flatnonzero(problem.verdicts):
        who = problem.needs.ids[problem.need[j]], problem.offers.ids[problem.offer[j]]
        if problem.verdicts[j] == FORCED:
            yield ("pair", who, "at least"), lambda c, j=j: j in c
        else:
            yield ("pair", who, "at most"), lambda c, j=j: j not in c
    for i, most in enumerate(problem.needs.bounds[1]):
        if problem.floor and most:
            yield ("floor", (problem.needs.ids[i],), "at least"), (
                lambda c, i=i: totals(problem, c)[i] >= problem.floor - 1e-9)
    for rule in problem.groups:
        if rule.penalty is None:
            mine = set(np.flatnonzero(problem.is_member(rule)))
            yield ("group", (rule.label,), "at least"), (
                lambda c, m=mine, r=rule: len(m & set(c)) >= r.least)
            yield ("group", (rule.label,), "at most"), (
                lambda c, m=mine, r=rule: r.most is None or len(m & set(c)) <= r.most)


def keeps(problem, chosen, only=None):
    return all(test(chosen) for name, test in rules_of(problem) if only is None or name in only)


def value_of(problem, chosen):
    value = problem.score[list(chosen)].sum()
    for rule in problem.groups:
        count = int(problem.is_member(rule)[list(chosen)].sum())
        beyond = max(rule.least - count, 0 if rule.most is None else count - rule.most, 0)
        value -= beyond * (rule.penalty or 0)
    return value


@st.composite
def problems(draw):
    loads = st.integers(0, 2)
    least = [draw(st.lists(loads, min_size=3, max_size=3)) for _ in range(2)]
    most = [[low + draw(loads) for low in side] for side in least]
    listed = sorted(draw(st.sets(st.integers(0, 8), min_size=3, max_size=7)))
    score = [draw(st.integers(0, 20)) / 20 for _ in listed]
    verdict = [draw(st.sampled_from((0, 0, 0, 0, 1, -1))) for _ in listed]
    groups = []
    for label in draw(st.sampled_from(("", "g", "gh"))):
        side = draw(st.sampled_from(("need", "offer")))
        low = draw(loads)
        groups.append(GroupRule(
            label, side, frozenset(draw(st.sets(st.sampled_from(NEEDS if side == "need" else OFFERS)))),
            low, draw(st.sampled_from((None, low, low + 1))), draw(st.sampled_from((None, .1, .6))),
            priced=draw(st.booleans())))
    return Problem(Side(NEEDS, least[0], most[0]), Side(OFFERS, least[1], most[1]),
                   [j // 3 for j in listed], [j % 3 for j in listed], score, verdict,
                   tuple(groups), draw(st.sampled_from((None, None, .3, .7))))


@settings(max_examples=80, deadline=None, derandomize=True,
          suppress_health_check=[HealthCheck.too_slow])
@given(problems())
def test_an_answer_is_the_best_of_all_and_a_clash_is_one_without_a_rule_too_many(problem):
    possible = [chosen for chosen in subsets(problem) if keeps(problem, chosen)]
    answer = solve(problem)
    if possible:
        check(problem, answer)
        assert answer.value == pytest.approx(max(value_of(problem, c) for c in possible), abs=1e-6)
        assert all(price >= 0 for price in answer.prices.values())
        return
    assert isinstance(solve(apply_changes(problem, answer.changes)), Assignment)
    names = {(rule.kind, rule.who, rule.bound) for rule in answer.rules}
    assert not any(keeps(problem, chosen, names) for chosen in subsets(problem))
    for name in names:
        assert any(keeps(problem, chosen, names - {name}) for chosen in subsets(problem))


@settings(max_examples=25, deadline=None, derandomize=True)
@given(st.integers(0, 10**6))
def test_larger_random_problems_are_solved_as_well_as_by_the_plain_solver(seed):
    chance = np.random.default_rng(seed)
    listed = np.flatnonzero(chance.random(12 * 9) < .4)
    problem = Problem(
        Side(tuple(f"N{i:02}" for i in range(12)), 0, chance.integers(0, 4, 12)),
        Side(tuple(f"O{i}" for i in range(9)), 0, chance.integers(0, 4, 9)),
        listed // 9, listed % 9, chance.random(len(listed)), floor=chance.choice([None, .2]),
        groups=(GroupRule("g", "offer", frozenset(("O1", "O4", "O7")), 0, 5),
                GroupRule("h", "need", frozenset(("N00", "N03")), 2, penalty=.3)))
    answer, plain = solve(problem), solve_plainly(problem)
    if isinstance(answer, Clash):
        assert plain is None
        assert isinstance(solve(apply_changes(problem, answer.changes)), Assignment)
    else:
        check(problem, answer)
        assert answer.value == pytest.approx(plain, abs=1e-5)


def solve_plainly(problem):
    """The whole programme at once, without relaxation, columns left out, or slices."""
    rows = build_programme(build_model(problem))
    done = REAL(-rows.gain, integrality=rows.whole, bounds=Bounds(0, rows.most),
                constraints=LinearConstraint(rows.matrix, rows.low, rows.high))
    return None if done.x is None else -done.fun
