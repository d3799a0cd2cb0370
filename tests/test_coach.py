"""The coach: points for what is said, and what to add."""

from __future__ import annotations

import json
import tracemalloc
from dataclasses import fields, replace
from datetime import date

import pytest
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st

from matcher.cli import main
from matcher.coach import CHECKS, CRITERIA, DECISIVE, GRADES, RUBRIC, advise, grade_of
from matcher.cues import CUES, cue, plain_of
from matcher.languages import fold_han, render
from matcher.vocabulary import Evidence, Need, Offer

WHOLE = Need(
    "N", "轉爐石膨脹與道路鋪面", "一年有十二萬噸轉爐石堆在廠內，做級配遇水膨脹，去年廠區道路鼓起來，已經無法再堆。目前以蒸氣養護試過，成本太高。",
    "需要把膨脹率降到 0.5 % 以下，並在廠區鋪一段路驗證半年。", kinds=("capability",), themes=("circular-economy",), trl_now=4,
    trl_target=7, budget_max_ntd=3_000_000, valid_to=date(2027, 6, 30), modes=("joint-research",))
ENGLISH = Need(
    "E", "Thermal drift of a spindle", "Our five-axis machine drifts 35 µm in two hours and parts are rejected. Today we "
    "warm it up for an hour, which costs NT$ 900 a day.", "We want the error reduced to 8 µm within eight hours of cutting, "
    "tested on our own line in summer and in winter.", kinds=("capability",), themes=("smart-machinery",), trl_now=4,
    trl_target=7, budget_max_ntd=2_000_000, valid_to=date(2027, 6, 30), modes=("licence",))
KOREAN = Need(
    "K", "초저전력 음향 감지 칩", "배터리로 3년 동안 동작하는 유리 파손 감지기를 만들고 있으나 상시 대기 전류가 180 µA라 1년도 못 갑니다. "
    "오탐이 하루 20회 발생합니다. 대기 전류 15 µA 이하가 필요합니다.", kinds=("capability",), themes=("asia-silicon-valley",),
    trl_now=3, trl_target=6, budget_max_ntd=900_000, valid_to=date(2027, 1, 1), modes=("licence",))
OFFER = Offer(
    "O", "工具機熱誤差建模", "五軸機開機後主軸伸長的問題，可在七個溫度點量測後即時補償，殘差降到 6 µm。適用於航太零件廠，停機損失一年少三百萬元。",
    themes=("smart-machinery",), trl_now=6, modes=("licence",), money_min_ntd=300_000, valid_to=date(2027, 3, 1))
PROOF = (Evidence("E", "O", "三款機台連續切削九小時實測。", year=2025),)
FIELDS = {"title": "", "themes": (), "kinds": (), "modes": (), "trl_now": None, "budget_max_ntd": None, "valid_to": None}


def words(messages):
    return [render(message, "en") for message in messages]


@pytest.mark.parametrize(("need", "total", "grade"), [
    (WHOLE, 20, "excellent"), (ENGLISH, 20, "excellent"), (KOREAN, 20, "excellent"),
    (replace(WHOLE, description=fold_han(WHOLE.description)), 20, "excellent"),
    (replace(WHOLE, budget_max_ntd=None, trl_target=None), 18, "excellent"),
    (replace(WHOLE, **FIELDS), 13, "sufficient"), (replace(ENGLISH, **FIELDS), 13, "sufficient"),
    (replace(WHOLE, description="", requirements=""), 7, "poor"),
    (Need("N", description="找廠商合作"), 0, "rejected"), (Need("N", description="我們需要 AI"), 0, "rejected"),
    (Need("N", description="我們公司成立三十年，品質第一、服務至上，誠徵優秀夥伴，歡迎來信洽談，謝謝。"), 4, "rejected"),
    (Need("N", description="We are a leading company and welcome every partner to a bright common future"), 4, "rejected"),
    (Need("N", title="AI", description="AI"), 0, "rejected"),
])
def test_a_need_gets_points_for_what_it_says(need, total, grade):
    advice = advise(need)
    assert (advice.total, advice.grade) == (total, grade)
    assert advice.total == round(20 * sum(advice.points.values()) / 5 / len(advice.points)) or not advice.worded


@pytest.mark.parametrize(("check", "sentence"), [
    ("problem", "一年有十二萬噸轉爐石堆在廠內，做級配遇水膨脹，去年廠區道路鼓起來，已經無法再堆。"), ("today", "目前以蒸氣養護試過，成本太高。"),
    ("target", "需要把膨脹率降到 0.5 % 以下，並在廠區鋪一段路驗證半年。"), ("modes", None), ("calm", None),
])
def test_the_sentence_that_earned_a_point_is_shown_as_it_was_written(check, sentence):
    assert advise(WHOLE).said[check] == sentence


def test_what_firms_decide_by_is_answered_with_a_sentence_or_no():
    assert advise(replace(WHOLE, description="目前以蒸氣養護試過，成本太高。", requirements="")).decisive == {
        "problem": (True, "目前以蒸氣養護試過，成本太高。"), "better": (False, None), "economics": (True, "目前以蒸氣養護試過，成本太高。")}
    assert advise(replace(OFFER, description="以七個溫度點量測主軸。")).decisive["economics"] == (True, None)


def test_a_title_names_but_does_not_say():
    assert not set(DECISIVE) & set(advise(Need("N", "成本太高的問題，要降低三成")).said)


@pytest.mark.parametrize(("change", "asked"), [
    ({"description": "機台要改造。", "requirements": ""}, "Say what the problem is and what it does to you (+1 of 20 points)"),
    ({"modes": ()}, "Choose the ways of working you accept (+1 of 20 points)"),
    ({"title": ""}, "Give a title of its own, not the text's first sentence (+1 of 20 points)"),
    ({"title": "題" * 300}, "Shorten the texts that are over their limit (+1 of 20 points)"),
    ({"title": "目前以蒸氣養護試過", "description": "目前以蒸氣養護試過。成本太高，一年十二萬噸無處可去，廠方非常困擾。"},
     "Give a title of its own, not the text's first sentence (+1 of 20 points)"),
    ({"trl_now": None}, "Give the technology readiness level today and the one wanted (+1 of 20 points)"),
    ({"requirements": "快來!! 找我!!"}, "Write without capitals throughout and without !! or ?? (+1 of 20 points)"),
    ({"requirements": "感測、雷射、光學、電池、馬達、晶片、水泥、溫室、疫苗、機器人、無人機、通訊。"},
     "Write sentences: no keyword lists, repetitions or hidden characters (+1 of 20 points)"),
    ({"requirements": "需要\ufffd\ufffd以下的膨脹率"}, "Mend broken characters, glued words, tags and open brackets (+1 of 20 points)"),
    ({"requirements": "需要低膨脹的鋪面（須經環保單位同意。"}, "Mend broken characters, glued words, tags and open brackets (+1 of 20 points)"),
    ({"requirements": "需要低膨脹率的"}, "Write two full sentences or more and end with a full stop (+1 of 20 points)"),
])
def test_what_is_missing_is_said_as_a_thing_to_do_with_its_points(change, asked):
    assert asked in words(advise(replace(WHOLE, **change)).missing)


def test_the_thing_with_most_points_comes_first_and_a_whole_need_lacks_nothing():
    asked = words(advise(Need("N", description="找廠商合作")).missing)
    assert asked[0] == "Write two sentences or more; so short a text cannot be judged for its form (+5 of 20 points)"
    assert len(asked) == 16
    assert advise(WHOLE).missing == advise(WHOLE).warnings == ()


@pytest.mark.parametrize(("text", "warned"), [
    ("電話 (06)505-1001 洽詢。", "Take contact data out"), ("手機０９１２－３４５－６７８。", "Take contact data out"),
    ("Call +886 6 505 1001.", "Take contact data out"), ("信箱lab@example.edu.tw。", "Take contact data out"),
    ("見 https://example.org。", "Take contact data out"), ("LINE ID：abc123。", "Take contact data out"),
    ("需要\u202e鋪面。", "1 hidden characters were left out"),
    ("路" * 4001, "The requirements has 4001 characters; at most 4000 are wanted"),
])
def test_contact_data_hidden_signs_and_length_are_warned_of(text, warned):
    assert any(found.startswith(warned) for found in words(advise(replace(WHOLE, requirements=text)).warnings))


@pytest.mark.parametrize("text", ["誤差 0.123456789 mm。", "產線 line 3 的良率。", "2026-11-25 前。", "1,234,567,890 元。", "ISO 10303-21"])
def test_numbers_are_not_taken_for_telephones(text):
    assert advise(replace(WHOLE, requirements=text)).warnings == ()


@pytest.mark.parametrize(("name", "yes", "no"), [
    ("number", "35 µm;誤差15µm以下;三成;百萬分之五;3 年;八小時;pH 2;99.999 %;１２０ 度;20 units;a 14-month trial;十二萬噸",
     "2026 年;一次;5 a day;第 3 版;v2.1;GPT4;一成不變;ISO 9001"),
    ("problem", "良率太低;抓不到裂紋;人手不足;無法量產;the part fails;it was rejected;資料讀不出來;问题很多",
     "沒有問題;no problem;誤差不超過 8 個;判斷;裂解爐;不到 5 %"),
    ("better", "降低能耗;縮短工時;比現在快一倍;更準;不必停機;cut waste;automatically;非破壞", "沒有改善;抗體;耐心;cutting;感覺比較"),
    ("today", "目前靠師傅;試過三種;人工撿螺;換了兩種;市售機型;done by hand;so far", "可靠;出現在;使用過程;添加過量;靠近;人工智慧;knowhow"),
    ("economics", "每噸四千元;成本;一年兩千噸;訂單;NT$40 million;$5;900 tonnes a year;low price;出口歐洲;損失八十萬", "元件;單元;貴公司;出口處;accost;元素"),
    ("tests", "驗證;試量產;tested;field trials;ISO 10993;under damp conditions", "latest;greatest;contest"),
    ("due", "六個月內;半年內;年底;by Q3;within two years;2027/06", "換季;四季;三分鐘內;standby"),
    ("asks", "需要;希望;想找;要能;we seek;looking for", "重要;主要;不要;要求;需求;期待;unwanted"),
    ("bound", "5 % 以內;三元內;低於 20 ppm;三週之內;at least 8 dB;within a day", "廠內;國內;雷達;馬達;內部;underline"),
    ("modes", "委託研究;技術移轉;joint research;licensing", "委員;合作愉快"),
    ("budget", "預算 300 萬元;經費五十萬;a budget of two million", "超出預算;budget"),
])
def test_cue_words_find_what_they_mean_and_not_what_looks_like_it(name, yes, no):
    assert [text for text in yes.split(";") if not cue(name).search(plain_of(text))] == []
    assert [text for text in no.split(";") if cue(name).search(plain_of(text))] == []


def test_an_offer_is_asked_for_evidence_in_place_of_what_a_need_is_asked_for():
    bare, whole = advise(OFFER), advise(OFFER, PROOF)
    assert "Add evidence: a project, publication, patent or case (+1 of 20 points)" in words(bare.missing)
    assert (bare.total, whole.total, whole.missing) == (17, 20, ())
    assert not {"asks", "kinds", "target", "due", "budget"} & set(whole.said)


def test_wording_is_left_out_in_languages_we_cannot_judge_and_fields_still_count():
    advice = advise(replace(KOREAN, modes=(), themes=()))
    assert not advice.worded
    assert (advice.total, set(advice.said) & {"problem", "better", "today"}) == (17, set())
    assert words(advice.missing) == ["Choose a theme or a code (+1.5 of 20 points)",
                                     "Choose the ways of working you accept (+1.5 of 20 points)"]
    malay = Need("M", description="Sensor bunyi jimat kuasa 15 µA.", lang="ms")
    assert not advise(malay).worded
    assert advise(replace(malay, lang=None)).worded


ADDED = {
    "problem": ("機台常常故障，造成很多麻煩。", "The machine fails again and again."), "better": ("希望能夠縮短換線的時間。", "It shall be much faster than this."),
    "economics": ("這樣的成本大家都負擔不來。", "The cost is more than we can bear."), "target": ("目標是誤差低於 8 µm。", "We aim for an error below 8 µm."),
    "today": ("現在都由師傅憑經驗調整。", "So far we adjust it by hand."), "asks": ("我們需要一套線上量測的方法。", "We need a method for measuring it on our line."),
    "tests": ("會在我們的產線上做驗證。", "It will be tested on our own line."),
    "length": ("這條產線的每一站都要看，包含進料、加工、清洗、檢查與包裝，各站的節拍都不同，人員輪三班，每班由一位領班負責，所有紀錄都寫在紙本，沒有連到任何系統。",
               "There are several stations on the line, for loading, milling, washing, checking and packing, and each of them has a pace "
               "of its own, while the people of three shifts write all records on paper that nobody ever reads again."),
}
FILLED = {"title": {"title": "線上量測與補償"}, "themes": {"themes": ("biomedicine",)}, "kinds": {"kinds": ("site",)},
          "modes": {"modes": ("licence",)}, "trl": {"trl_now": 3, "trl_target": 5}, "budget": {"budget_max_ntd": 9}, "due": {"valid_to": date(2027, 1, 1)}}
LETTERS = st.text(st.sampled_from("機台壓力問題降低成本測試的，。！？、；「」（）ABCxyz 0123.%μm元年\n\t\u202e\x00\ufffd😀"), max_size=80)
KEYS = st.sets(st.sampled_from(sorted(ADDED | FILLED)))


def with_thing(need, key, english):
    if key in FILLED:
        return replace(need, **FILLED[key])
    return replace(need, description=f"{need.description}\n{ADDED[key][english]}")


@given(LETTERS, KEYS, st.sampled_from(sorted(ADDED | FILLED)), st.booleans())
@settings(max_examples=300, deadline=None)
def test_adding_a_missing_thing_earns_its_points_and_never_lowers_the_sum(text, others, key, english):
    need = Need("N", description=text)
    for other in sorted(others - {key}):
        need = with_thing(need, other, english)
    before, after = advise(need), advise(with_thing(need, key, english))
    assert after.total >= before.total + (key not in before.said)
    assert key in after.said
    assert set(before.said) - {"calm"} <= set(after.said)


@given(KEYS, st.sampled_from(sorted(FILLED)))
@settings(deadline=None)
def test_a_filled_field_never_lowers_the_sum_in_another_language(others, key):
    need = replace(KOREAN, **FIELDS)
    for other in sorted(others & set(FILLED) - {key}):
        need = with_thing(need, other, False)
    assert advise(with_thing(need, key, False)).total > advise(need).total


@given(st.text(max_size=400), st.sampled_from([Need, Offer]))
@settings(deadline=None)
def test_any_text_is_judged_within_bounds(text, noun):
    advice = advise(noun("X", title=text[:40], description=text))
    assert 0 <= advice.total <= 20
    assert all(0 <= points <= 5 for points in advice.points.values())
    assert all(render(m, lang) for m in (*advice.missing, *advice.warnings) for lang in ("zh", "en"))


@pytest.mark.parametrize("piece", ["a", "1", "1.", "x1", "溫室、", "不", "每年1", "（", "。", "😀", "\u202e\x00", "ﷺ", "a.b@", "too ", "ウイルス。", "\n"])
def test_a_hundred_thousand_characters_are_judged_in_little_room_and_earn_next_to_nothing(piece):
    text = piece * (100_000 // len(piece))
    tracemalloc.start()
    advice = advise(Need("N", description=text))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert advice.grade == "rejected"
    assert peak < 40_000_000
    assert any("at most 4000 are wanted" in warning for warning in words(advice.warnings))


def test_each_side_has_its_points_every_sum_a_grade_and_each_row_its_words():
    for side in ("need", "offer"):
        keys = [check.key for check in CHECKS if check.side in ("both", side)]
        assert len(keys) == len(set(keys))
        assert [len(row.of(side)) for row in RUBRIC] == [5, 5, 5, 5]
    assert [grade_of(n) for n in (0, 4, 5, 9, 10, 14, 15, 16, 17, 20)] == [
        "rejected", "rejected", "poor", "poor", "sufficient", "sufficient", "good", "good", "excellent", "excellent"]
    assert all({"zh", "en"} <= set(label) for label in [*CRITERIA.values(), *(row[2] for row in GRADES)])
    assert all(cue(name).pattern for name in CUES)
    assert {"title", "description", "requirements"} <= {f.name for f in fields(Need)}


@pytest.mark.parametrize(("options", "code", "shown"), [
    (["--text", "找廠商合作"], 0, ["0 of 20 points: not fit to publish", "+ Say what the problem is"]), (["--text", ""], 0, ["0 of 20"]),
    (["--need", "N1"], 0, ["N1", "Cooperation expectations"]), (["--offer", "O1"], 0, ["O1"]), (["--centre", "CTSP"], 0, ["N1"]),
    (["--need", "N9"], 2, ["no need with the id"]), ([], 2, ["Give one of"]), (["--centre", "XX"], 2, ["XX"]),
])
def test_the_command_says_it_in_words_and_in_json(space, tmp_path, monkeypatch, options, code, shown):
    for name, value in (("DB", f"sqlite:///{tmp_path / 'matcher.db'}"), ("HOME", str(tmp_path)), ("LANG", "en")):
        monkeypatch.setenv(f"MATCHER_{name}", value)
    found = CliRunner().invoke(main, ["coach", *options])
    assert found.exit_code == code, found.output
    assert all(word in found.output for word in shown), found.output
    if not code:
        assert {"id", "total", "grade", "said", "missing"} <= set(json.loads(
            CliRunner().invoke(main, ["coach", *options, "--json"]).output)[0])
