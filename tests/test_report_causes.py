"""Causes of a difference, one small change a row."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime

import pytest

from matcher.languages import render
from matcher.report.causes import CAUSES, Months
from matcher.report.differences import compare_months
from matcher.report.facts import Entry, Facts, Rules, Skipped
from matcher.report.job import Tools, make_report, stored_facts
from matcher.vocabulary import Message, Run

ENTRY = Entry("主軸", "m1", "P1", "CTSP", "臺中市", "capability", (), None, None, "zh", "national", 1, 80, 5)
NEED, OFFER, OTHER = ENTRY, replace(ENTRY, party="P2"), replace(ENTRY, party="P3")


def facts(first, day, **changed):
    """A need N with the offers O (.8) and Q (.6), both matched, but for what is changed."""
    values = {
        "needs": {"N": NEED}, "offers": {"O": OFFER, "Q": OTHER}, "scores": {"N": {"O": 0.8, "Q": 0.6}}, "listed": {"N": ("O", "Q")},
        "steps": {"N": "own centre"}, "chosen": (("N", "O"), ("N", "Q")), "rules": Rules(), "run": Run("r", "e", "k", "d", day), **changed}
    return Facts("CTSP", first, day, datetime(2026, 12, 1, tzinfo=UTC), values.pop("run"), **values)


OCTOBER, NOVEMBER = (date(2026, 10, 1), date(2026, 10, 31)), (date(2026, 11, 1), date(2026, 11, 30))
ALONE = {"scores": {"N": {"Q": 0.6}}, "listed": {"N": ("Q",)}, "chosen": (("N", "Q"),)}
GONE = {"scores": {}, "listed": {}, "chosen": ()}


def offer(**changed):
    return {"offers": {"O": replace(OFFER, **changed), "Q": OTHER}}


def need(**changed):
    return {"needs": {"N": replace(NEED, **changed)}}


WITHOUT = {"offers": {"Q": OTHER}}
LEFT_OUT = {"skipped": (Skipped("offer", "O", Message("{problem}", {"problem": "x"})),)}
ROWS = [
    ("offer-new", {**ALONE, **WITHOUT}, {}, "the offer is new"),
    ("offer-opened", {**ALONE, **offer(since=date(2026, 11, 5))}, offer(since=date(2026, 11, 5)), "the offer opened on 2026-11-05"),
    ("offer-reopened", {**ALONE, **offer(until=date(2026, 10, 9))}, {}, "the offer was opened again"),
    ("offer-reopened", {**ALONE, **offer(since=date(2026, 1, 1), until=date(2026, 10, 9))}, offer(since=date(2026, 1, 1)),
     "the offer was opened again"),
    ("offer-postponed", {}, {**ALONE, **offer(since=date(2027, 1, 1))}, "the offer was put off to 2027-01-01"),
    ("offer-expired", {}, {**ALONE, **offer(until=date(2026, 11, 9))}, "the offer ended on 2026-11-09"),
    ("offer-withdrawn", {}, {**ALONE, **WITHOUT}, "the offer was withdrawn"),
    ("skipped", {}, {**ALONE, **WITHOUT, **LEFT_OUT}, "the job had to leave the record out"),
    ("text-skipped", {}, {**ALONE, **offer(mark="m2"), "torn": ("O",)}, "the job had to leave a text of the profile out"),
    ("text-restored", {**ALONE, **offer(mark="m2"), "torn": ("O",)}, {}, "the job can use a text of the profile again"),
    ("offer-edited", {"torn": ("O",)}, {**ALONE, **offer(mark="m2"), "torn": ("O",)}, "the profile was edited"),
    ("restored", {**ALONE, **WITHOUT, **LEFT_OUT}, {}, "the job can use the record again"),
    ("need-new", {"needs": {}, **GONE}, {}, "the need is new"),
    ("need-reopened", {**need(until=date(2026, 10, 9)), **GONE}, {}, "the need was opened again"),
    ("need-postponed", {}, {**need(since=date(2027, 1, 1)), **GONE}, "the need was put off to 2027-01-01"),
    ("need-withdrawn", {}, {"needs": {}, **GONE}, "the need was withdrawn"),
    ("need-moved", {}, {"needs": {}, **GONE, "moved": ("N",)}, "the need went to another centre"),
    ("conflict", {}, {**ALONE, "conflicts": (("P2", "P1"),)}, "a conflict of interest was declared"),
    ("conflict-lifted", {**ALONE, "conflicts": (("P1", "P2"),)}, {}, "a conflict of interest was lifted"),
    ("encoder", {**ALONE}, {"run": Run("r", "other", "k", "d", NOVEMBER[1])}, "the encoder changed"),
    ("scope", {**ALONE, "steps": {"N": "whole country"}}, {}, "the list looks less far or farther than before"),
    ("pool", {**ALONE}, {}, "other profiles changed how much its words weigh"),
    ("capacity", {}, {"chosen": (("N", "Q"),), "full": ("O",)}, "the offer is at its load with better matches"),
    ("shared", {"needs": {"N": NEED, "M": NEED}}, {"needs": {"N": NEED, "M": NEED}, "chosen": (("N", "Q"), ("M", "O")), "full": ("O",), "scores": {"N": {"O": 0.8, "Q": 0.6}, "M": {"O": 0.3}}},
     "the loads of both sides were shared out otherwise"),
    ("skipped", {}, {**GONE, "skipped": (Skipped("need", "N", Message("{problem}", {"problem": "x"})),)},
     "the job had to leave the record out"),
    ("capacity-freed", {"chosen": (("N", "Q"),), "full": ("O",)}, {}, "the offer has room again"),
]


@pytest.mark.parametrize(("key", "before", "now", "sentence"), ROWS, ids=[row[0] for row in ROWS])
def test_each_change_is_named(key, before, now, sentence):
    found = compare_months(facts(*OCTOBER, **before), facts(*NOVEMBER, **now))
    (told,) = [d for d in found if (d.need, d.offer) == ("N", "O")]
    assert [(c.key, render(c.message, "en")) for c in told.causes] == [(key, sentence)]


def test_a_new_need_has_no_conflict_to_compare():
    months = Months(facts(*OCTOBER, needs={}, **GONE), facts(*NOVEMBER))
    assert [c.key for c in months.of_need("N")] == ["need-new"]
    assert months.of_offer("N", "O") == []


def test_every_cause_is_said_in_chinese():
    for sentence in CAUSES.values():
        assert render(Message(sentence, {"offers": "", "day": ""}), "zh") != render(Message(sentence, {"offers": "", "day": ""}), "en"), sentence


def test_offers_of_a_list_keep_their_scores_however_many_are_better_elsewhere(space, monkeypatch):
    monkeypatch.setattr("matcher.report.matching.KEPT", 0)
    tools = Tools(lambda: datetime(2026, 12, 2, tzinfo=UTC), lambda step, done, total: None)
    found = make_report(space, "CTSP", NOVEMBER[0], Rules(threshold=0.0), tools, lambda made: None)
    kept = stored_facts(space.store, found.report_id)
    assert kept.listed["N1"]
    assert set(kept.scores["N1"]) == set(kept.listed["N1"])
    assert all(row[6] > 0 for row in found.report.table("matches").rows)
