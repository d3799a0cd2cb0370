"""The coach: points for what is said, and what to add."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import date

import pytest
from click.testing import CliRunner
from conftest import NEEDS
from hypothesis import given
from hypothesis import strategies as st

from matcher.cli import main
from matcher.coach import CHECKS, CRITERIA, GRADES, advise, grade_of
from matcher.vocabulary import Evidence, Need, Offer

WHOLE = Need(
    "N", "轉爐石膨脹與道路鋪面", "一年有十二萬噸轉爐石堆在廠內，游離石灰 6 %，做級配遇水膨脹，廠區道路鼓起來。目前以蒸氣養護試過，成本太高。",
    "需要把膨脹率降到 0.5 % 以下，且環保單位接受的鋪面用途。", kinds=("capability",), themes=("circular-economy",), trl_now=4,
    valid_to=date(2027, 6, 30), modes=("joint-research",))
ENGLISH = Need(
    "E", "Thermal drift of a spindle", "Our five-axis machine drifts 35 µm in two hours and parts are rejected. Today we "
    "warm it up for an hour, which costs NT$ 900 a day. ", "We want the error below 8 µm within a process of eight hours, "
    "tested on our line by the end of 2027.", kinds=("capability",), themes=("smart-machinery",), trl_now=4,
    modes=("licence",))


@pytest.mark.parametrize(("need", "total", "grade"), [
    (WHOLE, 20, "excellent"), (ENGLISH, 20, "excellent"),
    (replace(WHOLE, modes=(), kinds=(), themes=(), trl_now=None, valid_to=None), 15, "good"),
    (Need("N", description="找廠商合作"), 5, "poor"), (Need("N", description="我們需要 AI"), 4, "rejected"),
    (Need("N", description=""), 0, "rejected"), (Need("N", description="😀😀"), 4, "rejected"),
])
def test_a_need_gets_points_for_what_it_says(need, total, grade):
    advice = advise(need)
    assert (advice.total, advice.grade) == (total, grade)


@pytest.mark.parametrize(("check", "sentence"), [
    ("problem", "轉爐石膨脹與道路鋪面"), ("today", "目前以蒸氣養護試過，成本太高。"), ("economics", "目前以蒸氣養護試過，成本太高。"),
    ("better", "需要把膨脹率降到 0.5 % 以下，且環保單位接受的鋪面用途。"), ("modes", None),
])
def test_the_sentence_that_earned_a_point_is_shown(check, sentence):
    said = advise(replace(WHOLE, title="轉爐石膨脹與道路鋪面", description="游離石灰遇水膨脹的問題。" + WHOLE.description)).said
    assert check in said
    assert said[check] == sentence or (check == "problem" and "問題" in said[check])


@pytest.mark.parametrize(("change", "words"), [
    ({"description": "找人", "requirements": ""}, "Say what the problem is"),
    ({"modes": ()}, "Choose the ways of working"), ({"title": ""}, "Give a title of its own"),
    ({"requirements": "電話 06-505-1001，信箱 a@b.tw。"}, "Take contact data out of the text"),
    ({"requirements": "快來!! 找我!!"}, "without !! or ??"),
    ({"description": "感測、雷射、光學、電池、馬達、晶片、水泥、溫室、疫苗、機器人、無人機、通訊。"}, "in place of a list of keywords"),
    ({"title": "題" * 300}, "Keep the title within 256 characters"),
])
def test_what_is_missing_is_said_as_a_thing_to_do(change, words):
    missing = [m.id for m in advise(replace(WHOLE, **change)).missing]
    assert any(words in text for text in missing), missing


def test_an_offer_is_asked_for_evidence_in_place_of_a_deadline():
    offer = Offer("O", "工具機熱誤差建模", "以七個溫度點補償主軸熱誤差，殘差 6 µm。")
    assert any("Add evidence" in m.id for m in advise(offer).missing)
    advice = advise(offer, [Evidence("E", "O", "實測。", year=2025)])
    assert {"evidence", "recent"} <= set(advice.said)
    assert not {"due", "kinds", "tests"} & set(advice.said)


def test_wording_is_left_out_in_languages_we_cannot_judge():
    advice = advise(Need("N", "초저전력 음향 감지 칩", "배터리로 3년 동안 동작하는 유리 파손 감지기를 만들고 있으나 상시 대기 전류가 180 µA라 1년도 못 갑니다. "
                         "오탐이 하루 20회 발생합니다. 대기 전류 15 µA 이하가 필요합니다.", kinds=("capability",), modes=("licence",),
                         themes=("asia-silicon-valley",), trl_now=3, valid_to=date(2027, 1, 1)))
    assert not advice.worded
    assert "advantage" not in advice.points
    assert advice.total >= 18


@given(st.sampled_from([c for c in CHECKS if c.criterion != "form"]), st.text(max_size=300))
def test_adding_a_missing_thing_never_lowers_the_sum(check, text):
    plain = Need("N", description=text)
    fuller = replace(plain, title=WHOLE.title, themes=WHOLE.themes, modes=WHOLE.modes, kinds=WHOLE.kinds, trl_now=4,
                     valid_to=WHOLE.valid_to)
    before, after = advise(plain), advise(fuller)
    assert after.worded != before.worded or after.total >= before.total
    assert check.add.id.endswith("(1 point).")


def test_each_side_has_five_checks_a_criterion_and_every_sum_a_grade():
    for side in ("need", "offer"):
        counted = [c.criterion for c in CHECKS if c.side in ("both", side)]
        assert {key: counted.count(key) for key in CRITERIA} == dict.fromkeys(CRITERIA, 5)
    assert [grade_of(n) for n in (0, 4, 5, 9, 10, 14, 15, 16, 17, 20)] == [
        "rejected", "rejected", "poor", "poor", "sufficient", "sufficient", "good", "good", "excellent", "excellent"]
    assert all({"zh", "en"} <= set(label) for _, _, label in GRADES)


@pytest.mark.parametrize(("options", "code", "words"), [
    (["--text", "找廠商合作"], 0, ["20 分中的 5 分：偏弱，宜先補充", "說明問題是什麼"]),
    (["--need", "N1"], 0, ["N1", "合作期待"]), (["--offer", "O1"], 0, ["O1"]), (["--centre", "CTSP"], 0, ["N1"]),
    (["--need", "N9"], 2, ["沒有編號為「N9」的需求"]), ([], 2, ["擇一"]), (["--centre", "XX"], 2, ["XX"]),
])
def test_the_command_says_it_in_words_and_in_json(space, tmp_path, monkeypatch, options, code, words):
    monkeypatch.setenv("MATCHER_DB", f"sqlite:///{tmp_path / 'matcher.db'}")
    monkeypatch.setenv("MATCHER_HOME", str(tmp_path))
    assert NEEDS
    shown = CliRunner().invoke(main, ["coach", *options])
    assert shown.exit_code == code, shown.output
    assert all(word in shown.output for word in words), shown.output
    if not code:
        assert {"id", "total", "grade", "missing"} <= set(json.loads(
            CliRunner().invoke(main, ["coach", *options, "--json"]).output)[0])
