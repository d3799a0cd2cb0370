"""Learning from the sample's judgements and from shown lists; near-ties; the way back."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from click.testing import CliRunner

from matcher import demonstration, tuning, workflow
from matcher.cli import main
from matcher.encoding import load_encoder
from matcher.errors import InputError
from matcher.learning.release import go_back
from matcher.learning.whatif import WhatIf
from matcher.ranker import load_ranker
from matcher.shows_ranker import what_if_text
from matcher.store import open_store
from matcher.vocabulary import JudgedPair, Message

# A ranker that asks for TRL and nearness more than for the matter itself: easily bettered.
POOR = replace(load_ranker(), weights={**load_ranker().weights, "affinity": 8.0, "trl": 6.0, "nearness": 6.0})
DAY, NOW = demonstration.SAMPLE_DAY, datetime(2026, 11, 24, 4, tzinfo=UTC)


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    return tmp_path_factory.mktemp("tuning")


@pytest.fixture(scope="module")
def space(home):
    store = open_store(f"sqlite:///{home / 'matcher.db'}")
    store.put(**demonstration.read_sample())
    return workflow.Workspace(store, load_encoder(), POOR)


def test_a_better_ranker_is_installed_and_can_be_taken_back(space, home):
    tried = tuning.train(space, home / "models", DAY, dry_run=True)
    assert tried.comparison.better
    assert not tried.installed
    assert not (home / "models").exists()
    done = tuning.train(space, home / "models", DAY)
    assert done.installed
    assert load_ranker(home / "models" / "ranker.json").weights == pytest.approx(dict(tried.ranker.weights))
    again = tuning.train(workflow.Workspace(space.store, space.encoder, done.ranker), home / "models", DAY)
    assert not again.installed
    assert go_back(home / "models").weights == pytest.approx(dict(space.ranker.weights))
    assert go_back(home / "models").weights == pytest.approx(dict(done.ranker.weights))


def test_needs_kept_out_are_never_learned_from(space):
    held = tuning.judged_needs(space, DAY)
    kept = {need.need_id for need in held if tuning._is_kept_out(need.need_id)}
    assert 20 <= len(kept) <= 40
    found = next(workflow.match(space, needs=[min(kept)], day=DAY))
    workflow.log_shown(space.store, found, NOW)
    assert tuning.labels_of_shown(space, kept) == (None, 0)
    assert tuning.labels_of_shown(space, set())[1] == 1


@pytest.fixture
def judged(tmp_path, space):
    """A space with two needs of the sample, their offers and judged pairs alone, to add to."""
    store, sample = open_store(f"sqlite:///{tmp_path / 'matcher.db'}"), demonstration.read_sample()
    store.put(parties=sample["parties"], needs=[n for n in sample["needs"] if n.need_id in ("N001", "N002")],
              offers=[o for o in sample["offers"] if o.offer_id.startswith(("O001", "O002"))],
              judged=[JudgedPair("N001", "O001A", 3, "a", DAY), JudgedPair("N002", "O002A", 2, "a", DAY)])
    return workflow.Workspace(store, space.encoder, space.ranker)


def given(space, need, day=DAY):
    """Give the grades above 0 a need is learned from."""
    return [g for n in tuning.judged_needs(space, day) if n.need_id == need for g in n.grades.tolist() if g]


@pytest.mark.parametrize(("others", "grade"), [({}, 3), ({"b": 3, "z": 0}, 3), ({"b": 1}, 1), ({"b": 0, "c": 1}, 1)])
def test_several_judges_are_learned_from_as_they_are_measured(judged, others, grade):
    judged.store.put(judged=[JudgedPair("N001", "O001A", g, judge, DAY) for judge, g in others.items()])
    assert given(judged, "N001") == [grade]


def test_a_need_that_has_closed_is_learned_from_as_on_the_day_it_was_judged(judged):
    store = judged.store
    store.put(needs=[replace(store.need("N001"), valid_to=DAY)], offers=[replace(store.offer("O002A"), valid_to=DAY)])
    assert [given(judged, need, DAY + timedelta(days=40)) for need in ("N001", "N002")] == [[3], [2]]


def test_a_list_is_logged_once_with_its_ranks_and_chances(space):
    found = next(workflow.match(space, needs=["N003"], day=DAY))
    for _ in range(2):
        workflow.log_shown(space.store, found, NOW)
    assert [o.stage for o in space.store.outcomes("N003")] == ["shown"] * len(found.matches)
    stored = space.store.match_list(found.run.run_id, "N003")
    assert stored == found
    assert all(0 < m.propensity <= 1 for m in stored.matches)


def test_a_typed_need_is_never_logged(space):
    before = len(space.store.outcomes())
    found = workflow.match_text(space, "主軸熱變位補償", day=DAY)
    workflow.log_shown(space.store, found, NOW)
    assert len(space.store.outcomes()) == before


def test_near_ties_stand_in_the_same_random_order_whenever_the_list_is_the_same(space):
    ranking = workflow.rank_one(space, space.store.need("N005"), DAY)
    scores = np.zeros(len(ranking.scores))
    scores[ranking.order[:10]] = 0.5 + np.linspace(0.001, 0, 10)
    tied, run = replace(ranking, scores=scores), workflow.make_run(space, (), DAY, 10)
    days = [DAY.replace(day=n) for n in (1, 2, 3, 1, 2)]
    orders = [tuple(workflow.shuffle(tied, replace(run, day=day), 10).order[:10].tolist()) for day in days]
    assert orders[:2] == orders[3:]
    assert len(set(orders)) > 1
    assert all(set(order) == set(ranking.order[:10].tolist()) for order in orders)
    other = replace(run, run_id="x", data="another state of other needs")
    assert workflow.shuffle(tied, other, 10).order.tolist() == workflow.shuffle(tied, run, 10).order.tolist()
    assert workflow.shuffle(tied, run, 10).propensities.min() < 1


@pytest.mark.parametrize(("weights", "sentence"), [
    ({"themes": 1.0}, "There is no feature themes; wanted one of: affinity"),
])
def test_an_unknown_feature_is_named(space, weights, sentence):
    with pytest.raises(InputError, match=sentence):
        tuning.what_if(space, weights)


@pytest.mark.parametrize(("refusals", "said"), [((), True), ((Message("The log is thin."),), False)])
def test_an_estimate_says_that_only_listed_offers_count(refusals, said):
    text = what_if_text(WhatIf(40, 35, 60, 300.0, 0.9, refusals), "en")
    assert ("Only the offers of these lists count" in text) is said


@pytest.mark.parametrize(("command", "code", "words"), [
    (["what-if", "theme=5"], 0, ["項需求，至少須 30 項", "有用的結果，至少須 50 個"]),
    (["what-if", "theme=x"], 2, ["「theme=x」不是權重"]),
    (["what-if", "theme=nan"], 2, ["「theme=nan」不是權重"]),
    (["what-if", "trl=1", "theme=-inf"], 2, ["「theme=-inf」不是權重"]),
    (["train", "ranker", "--dry-run"], 0, ["保留的需求上 nDCG@10"]),
    (["ranker", "show"], 0, ["文意相近度"]),
    (["ranker", "back"], 0, ["目前的排序模型是"]),
])
def test_commands_say_it_in_words(space, home, monkeypatch, command, code, words):
    monkeypatch.setenv("MATCHER_HOME", str(home))
    workflow.log_shown(space.store, next(workflow.match(space, needs=["N001"], day=DAY)), NOW)
    shown = CliRunner().invoke(main, command)
    assert shown.exit_code == code, shown.output
    assert all(word in shown.output for word in words), shown.output
    if code == 0 and command != ["ranker", "back"]:
        json.loads(CliRunner().invoke(main, [*command, "--json"]).output)
