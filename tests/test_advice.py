"""Why an offer stands where it does, and the team for a need, by verb and by command."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from click.testing import CliRunner
from conftest import DAY, NEEDS, OFFERS, PARTIES

from matcher import advice, workflow
from matcher.cli import main
from matcher.errors import InputError, UnknownRecordError
from matcher.features import Record
from matcher.vocabulary import Conflict, Need

NOW = datetime(2026, 11, 24, 4, tzinfo=UTC)


def test_a_listed_offer_is_explained_as_in_its_list(space):
    found = advice.why(space, "N1", "O1", DAY)
    assert found.match.rank == 1
    assert found.reasons == ()
    assert found.around[0] == ("O1", pytest.approx(found.match.score))
    assert [i.evidence_id for i in found.match.influence] == [None, "E1"]


@pytest.mark.parametrize(("change", "reason"), [
    ({"valid_to": DAY.replace(year=2020)}, "the offer is not open on that day"),
    ({"kind": "fund"}, "the need asks for other kinds of offers"),
    ({"reach": "centre", "centre": "HSP"}, "the offer is for its own centre only"),
    ({"party_id": "P1"}, "need and offer are of one and the same party"),
])
def test_an_offer_that_cannot_be_matched_says_why(space, change, reason):
    space.store.put(offers=[replace(OFFERS[0], **change)])
    found = advice.why(space, "N1", "O1", DAY)
    assert found.match is None
    assert [m.id for m in found.reasons] == [reason]


def test_every_reason_is_given_at_once(space):
    space.store.put(needs=[replace(NEEDS[0], valid_to=DAY.replace(year=2020))], conflicts=[Conflict("P1", "P2")])
    found = advice.why(space, "N1", "O3", DAY)
    assert [m.id for m in found.reasons] == [
        "the need is not open on that day", "the need asks for other kinds of offers",
        "the two parties declared a conflict of interest"]


def test_an_unknown_pair_is_refused(space):
    with pytest.raises(UnknownRecordError):
        advice.why(space, "N1", "O99", DAY)


def test_a_team_names_who_covers_what_and_what_nobody_covers(space):
    space.store.put(needs=[Need("N9", description="主軸熱變位要補償到 8 µm。豬用口服疫苗要耐胃酸。", party_id="P1")])
    found = advice.team(space, "N9", DAY)
    assert found.covered_by[1] == "O2"
    assert found.covered_by[0] in {"O1", "O3"}
    assert found.uncovered == ()
    assert advice.team(space, "N9", DAY, most=1).uncovered != ()
    assert "O2" in advice.team(space, "N9", DAY, most=1, kinds=("institute",)).members


@pytest.mark.parametrize(("command", "words"), [
    (["why", "N1", "O1"], ["第 1 名", "文意相近度"]),
    (["why", "N1", "O3"], ["需求要的是其他種類的供給"]),
    (["team", "N1"], ["O1"]),
    (["outcome", "N1", "O1", "meeting"], ["N1 ↔ O1"]),
    (["outcome", "N1", "O1", "declined", "--reason", "budget", "--who", "me"], ["declined"]),
])
def test_commands_say_it_in_words_and_in_json(space, tmp_path, monkeypatch, command, words):
    monkeypatch.setenv("MATCHER_DB", f"sqlite:///{tmp_path / 'matcher.db'}")
    monkeypatch.setenv("MATCHER_HOME", str(tmp_path))
    assert PARTIES
    shown = CliRunner().invoke(main, command)
    assert shown.exit_code == 0, shown.output
    assert all(word in shown.output for word in words)
    found = json.loads(CliRunner().invoke(main, [*command, "--json"]).output)
    assert found["need_id"] == "N1"


def test_an_outcome_belongs_to_the_list_that_last_showed_the_pair(space):
    found = next(workflow.match(space, needs=["N1"], day=DAY))
    assert workflow.note_outcome(space.store, "N1", "O1", "meeting", time=NOW).run_id is None
    workflow.log_shown(space.store, found, NOW)
    assert workflow.note_outcome(space.store, "N1", "O1", "contract", time=NOW).run_id == found.run.run_id
    with pytest.raises(UnknownRecordError):
        workflow.note_outcome(space.store, "N1", "O99", "meeting", time=NOW)
    assert [o.stage for o in space.store.outcomes("N1")] == ["meeting", "shown", "shown", "contract"]


def test_a_meeting_lifts_the_record_from_its_day_on(space):
    workflow.note_outcome(space.store, "N1", "O1", "meeting", time=NOW)
    records = [workflow.track_records(space.store, day) for day in (DAY.replace(day=1), DAY)]
    assert records == [{}, {"O1": Record(1, 1)}]
    runs = [workflow.make_run(space, NEEDS, day, 10).rules for day in (DAY.replace(day=1), DAY)]
    assert runs[0] != runs[1]


def test_a_need_without_text_and_a_store_without_offers_have_an_empty_team(space):
    space.store.put(needs=[Need("N8", title=" ")])
    assert advice.team(space, "N8", DAY).members == ()
    space.store.delete("offers", ["O1", "O2", "O3"])
    assert advice.team(space, "N1", DAY).members == ()


def test_a_bundle_takes_one_offer_of_each_kind_within_the_budget(space):
    need = replace(NEEDS[0], need_id="N7", kinds=("capability", "equipment"), budget_max_ntd=1_000_000)
    space.store.put(needs=[need], offers=[replace(OFFERS[2], money_min_ntd=900_000)])
    best = advice.bundles(space, "N7", DAY).bundles[0]
    assert (dict(best.offers), best.cost_ntd) == ({"capability": "O1", "equipment": "O3"}, 900_000)
    space.store.put(needs=[replace(need, budget_max_ntd=500_000)])
    best = advice.bundles(space, "N7", DAY).bundles[0]
    assert dict(best.offers) == {"capability": "O1"}
    assert advice.bundles(space, "N7", DAY, must=("equipment",)).bundles == ()


@pytest.mark.parametrize(("kinds", "must"), [((), ()), (("capability",), ("fund",))])
def test_a_bundle_of_kinds_that_the_need_does_not_name_is_refused(space, kinds, must):
    space.store.put(needs=[replace(NEEDS[0], need_id="N7", kinds=kinds)])
    with pytest.raises(InputError, match="A bundle takes one offer of each kind"):
        advice.bundles(space, "N7", DAY, must)


def test_the_bundle_command_says_it_in_words_and_in_json(space, tmp_path, monkeypatch):
    monkeypatch.setenv("MATCHER_DB", f"sqlite:///{tmp_path / 'matcher.db'}")
    monkeypatch.setenv("MATCHER_HOME", str(tmp_path))
    space.store.put(needs=[replace(NEEDS[0], need_id="N7", kinds=("capability", "fund"))])
    shown = CliRunner().invoke(main, ["bundle", "N7"])
    assert all(word in shown.output for word in ("組合 1：", "研發能量: O1 工具機熱誤差建模", "沒有「資金」類的供給")), shown.output
    found = json.loads(CliRunner().invoke(main, ["bundle", "N7", "--json"]).output)
    assert found["bundles"][0]["offers"] == {"capability": "O1"}
