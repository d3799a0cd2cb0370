"""A whole centre: its lists as a market, and its assignment, by verb and by command."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta

import numpy as np
import pytest
from click.testing import CliRunner
from conftest import DAY, NEEDS, OFFERS

from matcher import allocation
from matcher.allocation import Rules
from matcher.assignment import TIME_LIMIT, Assignment, Clash, GroupRule
from matcher.cli import main
from matcher.errors import InputError, UnknownRecordError
from matcher.market import POLICIES
from matcher.shows_centre import assigned_json, assigned_text
from matcher.vocabulary import Conflict


@pytest.fixture
def busy(space):
    """Two needs that both want O1 most, in one centre."""
    space.store.put(needs=[replace(NEEDS[0], kinds=()), replace(NEEDS[0], need_id="N3", kinds=(), requirements="")])
    return space


def test_both_sides_of_a_centre_are_scored(busy):
    found = allocation.rank_centre(busy, "CTSP", DAY)
    assert [n.need_id for n in found.needs] == ["N1", "N3"]
    assert found.interest.shape == found.welcome.shape == (2, 3)
    assert ((found.interest > 0) & (found.interest < 1)).all()
    assert not np.allclose(found.interest, found.welcome)


def test_a_pair_that_is_not_eligible_has_no_score_on_either_side(space):
    found = allocation.rank_centre(space, "CTSP", DAY)
    third = [o.offer_id for o in found.offers].index("O3")
    assert np.isnan(found.interest[0, third])
    assert np.isnan(found.welcome[0, third])


def test_the_market_of_a_centre_names_every_policy(busy):
    found = allocation.compare_market(busy, "CTSP", DAY, capacity=1)
    assert [row.policy for row in found] == [policy.key for policy in POLICIES]
    assert all(row.expected_matches > 0 for row in found)


@pytest.mark.parametrize(("rules", "pairs"), [
    (Rules(), {("N1", "O1"), ("N3", "O1")}),
    (Rules(per_need=(1, 1), per_offer=(0, 1), verdicts={("N3", "O1"): 1}), {("N1", "O3"), ("N3", "O1")}),
    (Rules(verdicts={("N1", "O1"): -1, ("N1", "O3"): -1}), {("N1", "O2"), ("N3", "O1")}),
])
def test_an_assignment_keeps_its_rules(busy, rules, pairs):
    found = allocation.assign(busy, "CTSP", DAY, rules)
    assert isinstance(found, Assignment)
    assert {(p.need_id, p.offer_id) for p in found.pairs} == pairs


@pytest.mark.parametrize(("rules", "offers"), [
    (Rules(per_need=(1, 1), per_offer=(0, 1)), ["O1", "O3"]),
    (Rules(per_need=(1, 1), verdicts={("N1", "O1"): -1, ("N3", "O1"): -1}), ["O3", "O3"]),
    (Rules(per_need=(0, 2), per_offer=(1, 1)), ["O1", "O2", "O3"]),
    (Rules(groups=(GroupRule("near", "offer", frozenset({"O1", "O3"}), 0, 0),)), ["O2", "O2"]),
])
def test_whoever_finds_the_best_offers_taken_gets_the_next(busy, monkeypatch, rules, offers):
    monkeypatch.setattr(allocation, "CANDIDATES", 1)
    found = allocation.assign(busy, "CTSP", DAY, rules)
    assert isinstance(found, Assignment), found.messages
    assert sorted(p.offer_id for p in found.pairs) == offers


@pytest.mark.parametrize(("closed", "rules"), [
    ({"needs": [replace(NEEDS[0], need_id="N3", valid_to=DAY - timedelta(1))]}, Rules(per_need=(1, 1))),
    ({"needs": [replace(NEEDS[0], need_id="N3", valid_from=DAY + timedelta(1))]}, Rules(floor=0.3)),
    ({"offers": [replace(OFFERS[1], valid_to=DAY - timedelta(1))]}, Rules(per_need=(0, 3), per_offer=(1, 3))),
])
def test_no_rule_asks_for_pairs_of_what_is_not_open(busy, closed, rules):
    busy.store.put(**closed)
    found = allocation.assign(busy, "CTSP", DAY, rules)
    assert isinstance(found, Assignment), found.messages
    assert found.worst > 0


def test_rules_that_clash_are_named_with_the_change_that_mends_them(busy):
    found = allocation.assign(busy, "CTSP", DAY, Rules(per_need=(2, 2), per_offer=(0, 1)))
    assert isinstance(found, Clash)
    assert found.messages
    assert found.changes


@pytest.mark.parametrize(("name", "value", "members"), [
    ("county", "臺中市", {"O1", "O3"}), ("kind", "equipment", {"O3"}), ("theme", "new-agriculture", {"O2"}),
    ("party-kind", "university", {"O1", "O3"}),
])
def test_offers_are_grouped_by_what_they_or_their_party_are(busy, name, value, members):
    assert allocation.group_rule(busy.store, name, value, 1).members == members


@pytest.mark.parametrize(("name", "value", "sentence"), [
    ("colour", "red", "not grouped by “colour”; wanted one of: county, kind"),
    ("county", "花蓮縣", "No offer has county “花蓮縣”; there are: 屏東縣, 臺中市"),
])
def test_a_group_that_is_none_is_refused_with_what_there_is(busy, name, value, sentence):
    with pytest.raises(InputError, match=sentence):
        allocation.group_rule(busy.store, name, value, 1)


def test_an_exposure_floor_is_kept_and_its_price_told(busy):
    floor = allocation.group_rule(busy.store, "county", "屏東縣", 1, priced=True)
    free, kept = (allocation.assign(busy, "CTSP", DAY, Rules(groups=g)) for g in ((), (floor,)))
    assert "O2" not in {p.offer_id for p in free.pairs}
    assert "O2" in {p.offer_id for p in kept.pairs}
    assert kept.prices == {"county=屏東縣": pytest.approx(free.total - kept.total)}


def test_an_answer_that_time_cut_short_says_so(busy):
    best = allocation.assign(busy, "CTSP", DAY, Rules())
    cut = replace(best, state=TIME_LIMIT, bound=2 * best.value)
    assert "best" not in assigned_text(best, "en")
    assert assigned_text(cut, "en").endswith("The time was up: these pairs may be up to 50 % below the best.")
    assert [assigned_json(found, "en")["state"] for found in (best, cut)] == ["optimal", "time limit"]


def test_a_pair_that_must_not_be_is_not_forced(busy):
    busy.store.put(conflicts=[Conflict("P1", "P2")])
    with pytest.raises(InputError, match="N1 and offer O1 cannot be forced together") as refused:
        allocation.assign(busy, "CTSP", DAY, Rules(verdicts={("N1", "O1"): 1}))
    assert refused.value.message.fields["reason"].id == "the two parties declared a conflict of interest"


def test_a_verdict_on_an_unknown_record_is_refused(busy):
    with pytest.raises(UnknownRecordError):
        allocation.assign(busy, "CTSP", DAY, Rules(verdicts={("N1", "O99"): 1}))


@pytest.mark.parametrize(("command", "code", "words"), [
    (["market", "--centre", "CTSP"], 0, ["預期媒合數", "吉尼"]),
    (["assign", "--centre", "CTSP"], 0, ["N1 → O1", "個配對"]),
    (["assign", "--centre", "CTSP", "--per-need", "2", "--per-offer", "0-1", "--never", "N1", "O2"], 2,
     ["無法同時成立", "最小的修正"]),
    (["assign", "--centre", "CTSP", "--exposure", "county=屏東縣:1"], 0, ["O2", "規則「county=屏東縣」的代價"]),
    (["assign", "--centre", "CTSP", "--group", "kind=equipment:2-2"], 0, ["N1 → O3", "N3 → O3"]),
    (["assign", "--per-need", "3-1"], 2, ["「3-1」不是範圍"]),
    (["assign", "--force", "N1", "O1", "--never", "N1", "O1"], 2, ["N1", "O1", "必須配對又規定不得配對"]),
    (["assign", "--group", "county"], 2, ["「county」不是群組規則"]),
])
def test_commands_say_it_in_words_and_in_json(busy, tmp_path, monkeypatch, command, code, words):
    monkeypatch.setenv("MATCHER_DB", f"sqlite:///{tmp_path / 'matcher.db'}")
    monkeypatch.setenv("MATCHER_HOME", str(tmp_path))
    assert OFFERS
    shown = CliRunner().invoke(main, command)
    assert shown.exit_code == code, shown.output
    assert all(word in shown.output for word in words), shown.output
    if code == 0 or "--per-offer" in command:
        json.loads(CliRunner().invoke(main, [*command, "--json"]).output)
