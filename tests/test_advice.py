"""Why an offer stands where it does, and the team for a need, by verb and by command."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from click.testing import CliRunner
from conftest import DAY, NEEDS, OFFERS, PARTIES

from matcher import advice, workflow
from matcher.access import Viewer
from matcher.cli import main
from matcher.decisions import Change, decide
from matcher.errors import InputError, UnknownRecordError
from matcher.features import Record
from matcher.store.decisions import decision
from matcher.vocabulary import Conflict, Need

NOW = datetime(2026, 11, 24, 4, tzinfo=UTC)
STAFF = Viewer("command line", "system-admin")


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


def run_of(store, stage):
    """Decide about N1 and O1; give the run the decision belongs to."""
    return decision(store, decide(store, STAFF, Change("N1", "O1", stage), NOW)).run_id


@pytest.mark.parametrize(("words", "sentence"), [
    (["O1", "contacted"], "這筆媒合已在「會議」；請先復原"),
    (["O1", "declined"], "請說明婉拒的原因：主題不符"),
    (["O1", "mou", "--reason", "far"], "只有婉拒才需要原因，目前填「距離太遠」"),
    (["O1", "mou", "--jobs", "3"], "只有「合約」階段可填金額"),
    (["O1", "contract", "--value", "-1"], "合約金額（新臺幣）：應為 0 到 10,000,000,000,000 的整數"),
    (["O1", "contract", "--licences", "2147483648"], "授權件數：應為 0 到 2,147,483,647 的整數"),
    (["O1", "contract", "--jobs", "9" * 40], "新增就業：應為 0 到 2,147,483,647 的整數"),
    (["O99", "meeting"], "沒有編號為「O99」的供給"),
])
def test_an_outcome_that_does_not_fit_is_refused_in_words(space, tmp_path, monkeypatch, words, sentence):
    monkeypatch.setenv("MATCHER_DB", f"sqlite:///{tmp_path / 'matcher.db'}")
    decide(space.store, STAFF, Change("N1", "O1", "meeting"), NOW)
    done = CliRunner().invoke(main, ["outcome", "N1", *words])
    assert (done.exit_code, sentence in done.output) == (2, True), done.output
    assert [o.stage for o in space.store.outcomes("N1")] == ["meeting"]


@pytest.mark.parametrize(("words", "who"), [([], "command line"), (["--who", " "], "command line"), (["--who", "王主任"], "王主任")])
def test_an_outcome_keeps_who_said_so_and_what_a_contract_brought(space, tmp_path, monkeypatch, words, who):
    monkeypatch.setenv("MATCHER_DB", f"sqlite:///{tmp_path / 'matcher.db'}")
    done = CliRunner().invoke(main, ["outcome", "N1", "O1", "contract", "--value", "5000000", "--licences", "2147483647", "--jobs", "0",
                                     *words, "--json"])
    found = json.loads(done.output)
    assert [found[key] for key in ("who", "value_ntd", "licences", "jobs")] == [who, 5_000_000, 2_147_483_647, 0]


def test_an_outcome_belongs_to_the_list_that_last_showed_the_pair(space):
    found = next(workflow.match(space, needs=["N1"], day=DAY))
    assert run_of(space.store, "meeting") is None
    workflow.log_shown(space.store, found, NOW)
    assert run_of(space.store, "contract") == found.run.run_id
    assert [o.stage for o in space.store.outcomes("N1")] == ["meeting", "shown", "shown", "contract"]


def test_a_meeting_lifts_the_record_from_its_day_on(space):
    run_of(space.store, "meeting")
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
