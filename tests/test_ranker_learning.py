"""Learning the ranker's weights from judgements and outcomes, over a small made-up market."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, date, datetime

import numpy as np
import pytest
from sklearn.utils.estimator_checks import check_estimator

from matcher.errors import InputError, ModelFileError
from matcher.features import FEATURES
from matcher.learning.clicks import (
    DECLINED,
    GRADE_TARGETS,
    STAGE_TARGETS,
    LoggedMatch,
    examination_of,
    labels_of_judged,
    labels_of_log,
    log_list,
    log_lists,
    read_log,
    target_of,
)
from matcher.learning.positions import fit_examination, shuffle_near_ties, ties_of
from matcher.learning.ranker import (
    KEYS,
    NEUTRAL,
    Labels,
    Prior,
    RankerEstimator,
    score_rows,
    solve,
    train_ranker,
)
from matcher.learning.release import HeldOut, compare, go_back, install
from matcher.learning.reliability import calibration_error, reliability_curve
from matcher.learning.whatif import estimate, new_ranks
from matcher.ranker import Ranker, load_ranker
from matcher.vocabulary import GRADES, Match, MatchList, Need, Outcome, Run

NAMED = ("affinity", "theme", "trl", "nearness", "mode")
SHOWN = 10


def ranker(intercept, *weights):
    return Ranker(1.0, {"zh": 1.5}, 1.6, -0.1, intercept, dict(zip(NAMED, weights, strict=True)))


START = ranker(-12.02, 17.55, 2.97, 1.49, 1.19, 1.19)
TRUTH = ranker(-9.0, 9.0, 3.0, 4.0, 0.3, 3.5)
UNSEEN = ranker(-12.02, 12.0, 4.0, 3.0, 1.0, 2.0)


def market(random, needs, offers=30):
    """Features (needs, offers, k): five drawn, those of later catalogues neutral."""
    shape = (needs, offers)
    found = np.broadcast_to(NEUTRAL, (*shape, len(KEYS))).copy()
    drawn = (random.normal(0.5, 0.15, shape), random.choice([0, 0.5, 1], shape),
             random.integers(0, 6, shape) / 5, random.uniform(0.1, 1, shape),
             random.choice([0, 0.5, 1], shape))
    for key, values in zip(NAMED, drawn, strict=True):
        found[..., KEYS.index(key)] = values
    return found


def looks(count):
    """Examination in the made-up market: 1 / rank of what was shown."""
    places = np.arange(1, count + 1)
    return np.where(places <= SHOWN, 1 / places, 0.0)


def year(random, needs):
    """A year's log: lists by START, near-ties shuffled, reactions by TRUTH where looked at."""
    rows = []
    for number, features in enumerate(market(random, needs)):
        chance = score_rows(START, features)
        order, propensities = shuffle_near_ties(np.log(chance / (1 - chance)), 0.5, random)
        wanted = random.random(len(order)) < score_rows(TRUTH, features)
        looked = random.random(len(order)) < looks(len(order))
        for place, offer in enumerate(order.tolist()):
            stage = "contract" if wanted[offer] else "shown" if random.random() < 0.7 else DECLINED
            stage = stage if looked[place] else "shown" if place < SHOWN else None
            rows.append(LoggedMatch("R", f"N{number:04}", f"O{offer}", place + 1,
                                    dict(zip(KEYS, features[offer].tolist(), strict=True)),
                                    stage, "", float(propensities[place])))
    return read_log(rows)


def held_out(random, needs):
    return [HeldOut(f"H{i}", x, random.binomial(3, score_rows(TRUTH, x)))
            for i, x in enumerate(market(random, needs))]


def true_value(random, weights, needs=8000):
    """Helpful matches seen in a list when everything is known."""
    features = market(random, needs)
    flat = features.reshape(-1, len(KEYS))
    scores, wanted = (score_rows(r, flat).reshape(needs, -1) for r in (weights, TRUTH))
    ranked = np.take_along_axis(wanted, np.argsort(-scores, axis=1), axis=1)
    return float((ranked @ looks(ranked.shape[1])).mean())


@pytest.fixture(scope="module")
def log():
    return year(np.random.default_rng(5), 480)


# ---- the estimator ------------------------------------------------------------------------


@pytest.mark.parametrize("directions", [1, 0])
def test_the_estimator_keeps_scikit_learns_contract(directions):
    found = check_estimator(RankerEstimator(directions=directions), on_skip=None)
    assert len(found) > 50
    assert {row["check_name"] for row in found if row["status"] != "passed"} <= {
        "check_array_api_input"}  # wants an environment variable of scipy's


X = np.array([[0.9, 0.1], [0.8, 0.9], [0.2, 0.8], [0.1, 0.2]])
Y = np.array([1, 1, 0, 0])


def test_a_weight_never_turns_against_its_direction():
    learned = RankerEstimator(directions=(1, 1)).fit(X, Y[::-1]).weights_
    free = RankerEstimator(directions=0).fit(X, Y[::-1]).weights_
    assert learned.min() == 0
    assert free[0] < 0


def test_falling_features_may_fall():
    assert RankerEstimator(directions=(-1, 1)).fit(X, Y[::-1]).weights_[0] < 0


@pytest.mark.parametrize(("scale", "distance"), [(1e-3, 0.01), (0.1, 0.3), (10.0, 9.0)])
def test_the_narrower_the_prior_the_nearer_the_start(scale, distance):
    model = RankerEstimator(start=(2.0, 1.0), scale=scale).fit(X, Y)
    assert np.abs(model.weights_ - (2.0, 1.0)).max() < distance


def test_without_rows_the_solution_is_the_start_exactly():
    prior = Prior(np.array([17.55, 2.97]), np.array([9.0, 1.5]), np.array([1, 1]), -12.02, 6.0)
    found = solve(np.zeros((0, 2)), np.zeros(0), np.zeros(0), prior)
    assert (found.weights.tolist(), found.intercept) == ([17.55, 2.97], -12.02)


def test_the_log_odds_are_those_of_the_ranker():
    model = RankerEstimator((17.55, 2.97), -12.02, neutral=0.5).fit(X, Y, np.full(4, 1e-12))
    odds = -12.02 + (X - 0.5) @ (17.55, 2.97)
    assert model.predict_proba(X)[:, 1] == pytest.approx(1 / (1 + np.exp(-odds)))


@pytest.mark.parametrize("weights", [[1, 1, 1], [1, 1, 1, -1], [0, 0, 0, 0]])
def test_weights_of_rows_are_checked(weights):
    with pytest.raises(ValueError, match="sample_weight must hold 4 numbers of 0 or more"):
        RankerEstimator().fit(X, Y, weights)


@pytest.mark.parametrize(("wrong", "sentence"), [
    ({"scale": 0.0, "directions": 2}, "scale must be above 0; directions must be -1, 0 or 1"),
    ({"start": (-1.0, 0.0)}, "start must not have another sign than directions"),
    ({"neutral": (0.5,) * 3}, r"neutral must be one number or 2 of them, found \(3,\)"),
])
def test_every_fault_of_the_parameters_is_named(wrong, sentence):
    with pytest.raises(ValueError, match=sentence):
        RankerEstimator(**wrong).fit(X, Y)


# ---- targets and the log ------------------------------------------------------------------


def test_tables_cover_grades_and_stages():
    assert tuple(GRADE_TARGETS) == GRADES
    assert list(STAGE_TARGETS.values()) == sorted(STAGE_TARGETS.values())
    assert [target_of(DECLINED, r) for r in ("off-topic", "no idea", "", "busy")] == [0, 0, 0, None]
    assert target_of(None) is None


def outcome(offer, stage, day, reason="", run="R"):
    return Outcome("N", offer, stage, datetime(2026, 11, day, tzinfo=UTC), "", reason, run)


def test_a_list_is_joined_with_what_became_of_it():
    values = dict.fromkeys(KEYS, 0.5)
    found = MatchList(Need("N"), tuple(Match("N", o, i, 0.5, values) for i, o in
                                       enumerate("abcd", 1)), Run("R", "", "", "", date(2026, 11, 1)))
    rows = log_list(found, [
        outcome("a", "meeting", 3), outcome("a", "contacted", 4), outcome("a", "shown", 1),
        outcome("b", DECLINED, 5, "busy"), outcome("b", "contacted", 2),
        outcome("c", "contract", 6, run="another"), outcome("d", "contacted", 2),
    ], propensities=(1.0, 0.5, 0.5, 1.0), shown=3)
    assert [(r.offer_id, r.position, r.stage, r.reason, r.propensity) for r in rows] == [
        ("a", 1, "meeting", "", 1.0), ("b", 2, DECLINED, "busy", 0.5), ("c", 3, "shown", "", 0.5),
        ("d", 4, None, "", 1.0)]


MONDAY, FRIDAY = (MatchList(Need("N"), tuple(Match("N", o, i, 0.5, dict.fromkeys(KEYS, 0.5)) for i, o in enumerate("ab", 1)),
                            Run(run, "", "", "", date(2026, 11, 1))) for run in ("Monday", "Friday"))


@pytest.mark.parametrize(("decided", "monday", "friday"), [
    ([("contract", "", "Monday")], "contract", "elsewhere"),
    ([(DECLINED, "known", "Monday")], DECLINED, "elsewhere"),
    ([("shortlisted", "", "Monday"), (DECLINED, "off-topic", "Friday")], DECLINED, "elsewhere"),
    ([("shortlisted", "", "Monday"), ("contract", "", "Friday")], "contract", "elsewhere"),
    ([("contacted", "", "Friday")], "elsewhere", "contacted"),
    ([("contacted", "", None)], "elsewhere", "elsewhere"),
    ([], "shown", "shown"),
])
def test_what_became_of_a_pair_is_told_in_one_of_its_lists(decided, monday, friday):
    outcomes = [outcome("a", stage, 9 + i, reason, run) for i, (stage, reason, run) in enumerate(decided)]
    rows = log_lists([MONDAY, FRIDAY], outcomes)
    assert [(r.run_id, r.stage) for r in rows if r.offer_id == "a"] == [("Monday", monday), ("Friday", friday)]
    assert [r.stage for r in rows if r.offer_id == "b"] == ["shown", "shown"]
    log = read_log(rows)
    assert log.shown.all()
    assert log.reacted.sum() == sum(stage not in ("shown", "elsewhere") for stage in (monday, friday))
    assert np.isnan(log.target).sum() == sum(target_of(r.stage, r.reason) is None for r in rows)


ROW = LoggedMatch("R", "N", "a", 1, dict.fromkeys(KEYS, 0.5), "contract")


@pytest.mark.parametrize(("rows", "sentence"), [
    ([], "it has no rows"),
    ([replace(ROW, stage="bought", propensity=0.0)],
     "R/N/a: there is no stage “bought”; R/N/a: propensity 0.0, wanted above 0 and at most 1"),
    ([replace(ROW, features={})], f"R/N/a: no value of {', '.join(sorted(KEYS))}"),
    ([ROW, replace(ROW, offer_id="b")], "R/N: positions are not 1 to 2"),
    ([ROW, replace(ROW, offer_id="b", position=3)], "R/N: positions are not 1 to 2"),
])
def test_every_fault_of_a_log_is_named(rows, sentence):
    with pytest.raises(InputError, match=f"The log cannot be used: {sentence}"):
        read_log(rows)


def test_reactions_weigh_inversely_to_the_chance_of_a_look():
    rows = [replace(ROW, offer_id=f"{i}", position=i, stage=s, reason=r)
            for i, (s, r) in enumerate([("contacted", ""), ("contract", ""), (DECLINED, "busy"),
                                        ("shown", ""), (None, "")], 1)]
    log = read_log(rows)
    labels = labels_of_log(log, examination_of(log))
    assert labels.targets == pytest.approx([0.8, 2.0, 0.0])  # without ties: 1 / position
    assert labels.shares == pytest.approx([1, 1 / 2, 1 / 4])


# ---- positions ----------------------------------------------------------------------------


def test_near_ties_are_shuffled_and_far_scores_keep_their_order():
    scores = np.array([0.50, 0.90, 0.52, 0.51, 0.10])
    seen = [shuffle_near_ties(scores, 0.05, np.random.default_rng(i), 3) for i in range(300)]
    assert all((order[0], order[4]) == (1, 4) for order, _ in seen)
    whole = [tuple(order[1:4].tolist()) for order, p in seen if p[1] == pytest.approx(1 / 3)]
    assert len(set(whole)) == 6
    assert all(p[[0, 4]].tolist() == [1, 1] for _, p in seen)


def test_logged_propensities_are_the_observed_frequencies():
    scores, random = np.array([0.3, 0.2, 0.1, 0.0]), np.random.default_rng(2)
    seen = [shuffle_near_ties(scores, 1.0, random, 2) for _ in range(4000)]
    pairs = [order for order, p in seen if p.tolist() == [0.5] * 4]
    alone = [order for order, p in seen if p.tolist() == [1, 0.5, 0.5, 1]]
    assert len(pairs) + len(alone) == 4000
    assert np.mean([o[1] == 0 for o in pairs]) == pytest.approx(0.5, abs=0.04)
    assert np.mean([o[1] == 1 for o in alone]) == pytest.approx(0.5, abs=0.04)


@pytest.mark.parametrize(("width", "longest"), [(-0.1, 4), (float("nan"), 4), (0.1, 0)])
def test_a_width_below_nothing_is_refused(width, longest):
    with pytest.raises(InputError, match=f"width of 0 or more .* found {width} and {longest}"):
        shuffle_near_ties(np.ones(3), width, np.random.default_rng(1), longest)


def test_ties_are_read_back_from_propensities():
    assert ties_of(np.array([1, 0.5, 0.5, 1 / 3, 1 / 3])).tolist() == [0, 1, 1, 2, 2]
    with pytest.raises(InputError, match="From position 2 on a tie of 2 is logged, but"):
        ties_of(np.array([1, 0.5, 0.25]))


def test_examination_is_found_whatever_the_offers_are_worth():
    random = np.random.default_rng(3)
    order = np.array([shuffle_near_ties(-np.arange(4.0), 9.0, random)[0] for _ in range(6000)])
    _, cuts = np.unique([1, 2, 2, 3], return_inverse=True)
    truth, worth = np.array([1, 0.8, 0.3, 0.2]), np.array([0.1, 0.9, 0.2, 0.7])
    ties = (np.arange(6000)[:, None] * 3 + 0 * cuts).ravel()  # one tie a list: all four positions
    shuffled = np.array([random.permutation(row) for row in order])
    reacted = random.random(shuffled.shape) < truth * worth[shuffled]
    found = fit_examination(np.tile(np.arange(1, 5), 6000), ties, reacted.ravel().astype(float))
    assert found.chances == pytest.approx(truth, abs=0.04)
    assert found.reactions == reacted.sum()
    assert found.at(np.array([1, 5])).tolist() == [1, 0]


def test_without_ties_examination_is_the_prior():
    found = fit_examination(np.array([1, 2, 3]), np.array([0, 1, 2]), np.ones(3))
    assert (found.chances.tolist(), found.reactions) == (pytest.approx([1, 1 / 2, 1 / 3]), 0)


# ---- training -----------------------------------------------------------------------------


def test_without_labels_the_trained_ranker_is_the_start():
    empty = Labels(np.zeros((0, len(KEYS))), np.zeros(0), np.zeros(0))
    assert train_ranker(START) is START
    assert train_ranker(START, empty, empty) is START


def test_few_labels_move_the_start_little_and_many_find_the_truth():
    random = np.random.default_rng(4)
    features = market(random, 200).reshape(-1, len(KEYS))
    grades = np.where(random.random(len(features)) < score_rows(TRUTH, features), 3, 0)
    few = train_ranker(START, labels_of_judged(features[:10], grades[:10]))
    many = train_ranker(START, labels_of_judged(features, grades))
    assert [few.weights[k] for k in NAMED] == pytest.approx(list(START.weights.values()), abs=4)
    assert [many.weights[k] for k in NAMED] == pytest.approx(list(TRUTH.weights.values()), abs=1.0)
    assert all(many.weights[f.key] * f.direction >= 0 for f in FEATURES)
    assert calibration_error(reliability_curve(score_rows(many, features), grades / 3)) < 0.02


def test_rare_outcomes_do_not_lower_the_scores():
    random = np.random.default_rng(6)
    features = market(random, 100).reshape(-1, len(KEYS))
    helpful = random.random(len(features)) < score_rows(TRUTH, features)
    contacted = helpful & (random.random(len(features)) < 0.2)
    judged, outcomes = (Labels(features, y.astype(float), np.ones(len(y)))
                        for y in (helpful, contacted))
    found = train_ranker(START, judged, outcomes)
    assert score_rows(found, features).mean() == pytest.approx(helpful.mean(), abs=0.02)


def test_a_year_of_biased_outcomes_brings_more_than_five_points(log):
    learned = train_ranker(START, outcomes=labels_of_log(log, examination_of(log)))
    found = compare(START, learned, held_out(np.random.default_rng(7), 200),
                    np.random.default_rng(8))
    assert found.difference.low > 0.05
    assert found.better


def test_reliability_compares_scores_with_what_came_true():
    curve = reliability_curve(np.array([0.1] * 10 + [0.9] * 10), np.array([0.0] * 9 + [1.0] * 11), 2)
    assert [(b.score, b.share, b.pairs) for b in curve] == [
        (pytest.approx(0.1), 0.1, 10), (pytest.approx(0.9), 1.0, 10)]
    assert all(b.low <= b.share <= b.high for b in curve)
    assert calibration_error(curve) == pytest.approx(0.05)
    with pytest.raises(InputError, match="found 0 scores and 1 targets"):
        reliability_curve(np.zeros(0), np.ones(1))


# ---- what if ------------------------------------------------------------------------------


def test_what_if_meets_the_truth_of_weights_nobody_has_seen(log):
    found = estimate(log, START, UNSEEN, np.random.default_rng(9))
    truth = true_value(np.random.default_rng(10), UNSEEN)
    for interval in (found.self_normalised, found.doubly_robust):
        assert interval.low <= truth <= interval.high
    assert found.gain.low > 0
    assert found.support > 0.85
    assert found.effective > 500


def test_what_if_of_the_same_lists_is_what_happened():
    again = estimate(year(np.random.default_rng(13), 160), START, START, np.random.default_rng(9))
    assert again.doubly_robust.value == pytest.approx(again.logged.value, rel=0.03)
    assert again.gain.low < 0 < again.gain.high
    assert again.support > 0.98


def test_a_thin_log_is_refused_with_every_reason():
    thin = year(np.random.default_rng(11), 20)
    backwards = ranker(0.0, 0.0, 0.0, 0.0, 9.0, 0.0)
    found = estimate(thin, START, backwards, np.random.default_rng(9))
    words = [m.id.format(**m.fields) for m in found.refusals]
    assert words[0] == "The log has 20 needs; at least 30 are wanted."
    assert [w.split(" ")[0] for w in words] == ["The", "The", "The", "Only"]
    assert found.doubly_robust is None


def test_new_ranks_follow_the_new_weights_inside_each_list():
    rows = [replace(ROW, need_id=n, offer_id=o, position=p, features={**ROW.features, "trl": t})
            for n, o, p, t in [("N1", "a", 1, 0.2), ("N1", "b", 2, 0.9), ("N2", "c", 1, 0.5),
                               ("N2", "d", 2, 0.5)]]
    assert new_ranks(read_log(rows), START).tolist() == [2, 1, 1, 2]


# ---- comparison and release ---------------------------------------------------------------


def test_the_same_ranker_is_not_better_and_few_needs_are_refused():
    needs = held_out(np.random.default_rng(12), 30)
    found = compare(START, START, needs, np.random.default_rng(1))
    assert (found.better, found.difference.value, str(found.difference)) == (
        False, 0.0, "0.000 [0.000, 0.000]")
    with pytest.raises(InputError, match=r"at least 20 judged needs .* found 19"):
        compare(START, TRUTH, needs[:19], np.random.default_rng(1))


def test_a_new_ranker_is_installed_and_one_call_goes_back(tmp_path):
    first = install(tmp_path, START)
    second = install(tmp_path, TRUTH, {"day": "2026-11-24"})
    assert (first.weights, second.weights) == (START.weights, TRUTH.weights)
    assert json.loads((tmp_path / "ranker.json").read_text())["about"] == {"day": "2026-11-24"}
    assert go_back(tmp_path) == first == load_ranker(tmp_path / "ranker.json")
    assert go_back(tmp_path) == second
    assert sorted(p.name for p in tmp_path.iterdir()) == [
        "manifest.json", "ranker.json", "ranker.previous.json"]


def test_the_embedded_ranker_survives_being_written(tmp_path):
    assert replace(install(tmp_path, load_ranker()), revision="") == replace(load_ranker(), revision="")


def test_there_is_no_way_back_before_the_first_change(tmp_path):
    install(tmp_path, START)
    with pytest.raises(InputError, match="There is no earlier ranker"):
        go_back(tmp_path)


def test_a_damaged_ranker_is_not_kept_as_the_way_back(tmp_path):
    install(tmp_path, START)
    (tmp_path / "ranker.json").write_text("{}")
    with pytest.raises(ModelFileError, match=r"ranker\.json cannot be used: its sha256 is not"):
        install(tmp_path, TRUTH)


@pytest.mark.parametrize("moves", [0, 1, 2])
def test_a_change_cut_off_while_moving_is_ended_by_the_next_call(tmp_path, monkeypatch, moves):
    install(tmp_path, START)
    done = []
    real = type(tmp_path).replace

    def broken(path, target):
        if path.name.endswith(".next"):
            if len(done) == moves:
                raise KeyboardInterrupt
            done.append(path)
        return real(path, target)

    monkeypatch.setattr(type(tmp_path), "replace", broken)
    with pytest.raises(KeyboardInterrupt):
        install(tmp_path, TRUTH)
    monkeypatch.undo()
    assert go_back(tmp_path).weights == START.weights
    assert go_back(tmp_path).weights == TRUTH.weights
