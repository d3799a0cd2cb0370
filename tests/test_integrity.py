"""What counts as evidence; what attackers plant in a profile must not lift it."""

from __future__ import annotations

import re
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from matcher import demonstration
from matcher.features import Record
from matcher.integrity import _AGAIN, find_pasted, least_shared, may_repeat, read_fairly
from matcher.lexical import count_terms, terms
from matcher.pasting import fewest_shared
from matcher.pool import build_pool, near_copies, spread_copies
from matcher.ranker import load_ranker
from matcher.ranking import Circumstances, Query, Ranking, rank
from matcher.reading import read_texts
from matcher.reference import place
from matcher.scope import choose_scope
from matcher.vocabulary import Need, Offer

HIDDEN, TWINS = "hidden characters were left out", "letters of another script"
AGAIN, LISTED = "words repeated over and over", "a list of keywords"
WORDS = "laser, optics, fibre, lens, mirror, prism, beam, photon, diode, sensor, camera"


@pytest.mark.parametrize(("text", "counts", "warning"), [
    ("We measure spindle error. 殘差 6 µm。", None, None),
    ("α-SiC與β-catenin的μm級量測，Ωcm。", None, None),
    ("Precision 1000000 Ω; 哈哈，好。", None, None),
    ("We mea\u200bsure.", "We measure.", HIDDEN),
    ("sаlmon fаrm", "salmon farm", TWINS),
    ("We test. " + "GaN " * 9, "We test.", AGAIN),
    ("光電元件" * 6 + "量測設備。", "量測設備。", AGAIN),
    ("We test.\nOurs is good.\nWe test.\nWe test!", "We test.\nOurs is good.", AGAIN),
    (f"We test. Keywords: {WORDS}.", "We test.", LISTED),
    ("量測設備。\n雷射、光學、光纖、透鏡、稜鏡、光束、光子、二極體、感測器、相機", "量測設備。", LISTED),
    ("量測設備。\n雷射 光學 光纖 透鏡 稜鏡 光束 光子 二極體 感測器 相機", "量測設備。", LISTED),
    ("We test. L" + WORDS.replace(",", "")[1:] + " imaging spectrum laser radar.", "We test.", LISTED),
    ("We test. L" + WORDS.replace(",", "")[1:] + " di agar imaging spectrum laser radar.", "We test.", LISTED),
    ("We test lasers, lenses and mirrors, with fibre optics.", None, None),
    ("溶氧 3 mg/L、氨氮 0.5 mg/L、亞硝酸 0.1 mg/L、鈣 400 mg/L、鎂 1,200 mg/L，每小時量測。", None, None),
    ("Alat ini mengukur kadar oksigen terlarut pH suhu salinitas air tambak udang setiap lima menit.",
     None, None),
    ("Sensor mengukur oksigen terlarut suhu kemasinan air kolam udang setiap lima minit tanpa wayar.",
     None, None),
])
def test_only_plain_sentences_count(text, counts, warning):
    found = read_fairly(text)
    assert found.text.strip() == (counts if counts else text).strip()
    assert [warning in w.id for w in found.warnings] == [True] * bool(warning)


NEED = "五軸加工機開機兩小時後主軸伸長三十五微米，需要在不加裝冷卻機的條件下補償到八微米以內。"


@pytest.mark.parametrize(("need", "text", "pasted"), [
    (NEED, f"我們做量測。{NEED}", True),
    (NEED, NEED[:30], True),
    (NEED, "以七個溫度點補償主軸熱誤差，殘差六微米，五軸加工機實測。", False),
    ("主軸熱變位補償", "主軸熱變位補償是我們的專長。", False),
    ("尋找蝴蝶蘭病毒快速檢測試劑", "蝴蝶蘭病毒快速檢測試劑，三十分鐘判讀。", False),
    ("We seek an oral vaccine against nervous necrosis virus for grouper larvae.",
     "Oral vaccine against nervous necrosis virus for grouper larvae.", True),
])
def test_a_need_pasted_into_a_profile_is_told_from_speaking_of_the_same(need, text, pasted):
    assert find_pasted(need, ["x", text]) == [1] * pasted


_SAID = st.lists(st.sampled_from(["主軸", "伸長", "laser", "beam", "補償", "of", "。", ", "]), max_size=60)


@given(_SAID, st.data())
@settings(max_examples=300, deadline=None)
def test_a_text_in_which_a_need_is_found_shares_so_many_terms_at_least(parts, data):
    need = "".join(f"{part} " for part in parts)
    rest = data.draw(_SAID)
    cut = data.draw(st.integers(0, len(parts)))
    text = " ".join([*rest[:5], *parts[: cut], *rest])
    if find_pasted(need, [text]):
        least = least_shared(need)
        assert least is not None
        assert len(set(terms(need)) & set(terms(text))) >= least
        assert fewest_shared(count_terms([need])) <= least


@pytest.mark.parametrize(("need", "least"), [
    ("laser beam", None),
    ("one two three four five six seven eight nine".replace("one", "first"), 2),
    ("beam " * 8 + "laser", None),
    ("beam beam beam laser lens prism mirror diode sensor camera", 1),
])
def test_the_least_shared_terms_follow_from_the_runs_of_a_need(need, least):
    assert least_shared(need) == least
    assert least is None or fewest_shared(count_terms([need])) <= least


def test_most_texts_are_told_from_a_pasted_need_by_counts_of_terms_alone():
    need = ("我們需要在高溫高濕環境下長時間穩定運作的溫室感測器，並能與既有的灌溉控制系統整合，"
            "降低人工巡檢的次數與能源的消耗。")
    assert (fewest_shared(count_terms([need])), least_shared(need)) == (23, 23)


@pytest.fixture(scope="module")
def world(sample_space):
    """The sample with remembered vectors and counts, so that one changed text costs one text."""
    sample, counts = demonstration.read_sample(), {}

    def remembered(kept, compute, texts):
        new = [t for t in dict.fromkeys(texts) if t not in kept]
        kept.update(zip(new, compute(new), strict=True) if new else ())
        return [kept[t] for t in texts]

    def embed(texts):
        return sample_space.embed(texts, "document")

    def pool(offers, evidence):
        return build_pool(offers, evidence, embed, lambda o: place(o.centre, o.county),
                          lambda texts: remembered(counts, read_texts, texts))

    def order(need, found, records=None):
        query = Query(need, embed([need.text])[0], place(need.centre, need.county))
        ranking = next(rank([query], found, load_ranker(), Circumstances(demonstration.SAMPLE_DAY, (), records or {}, embed)))
        return [found.offers[i].offer_id for i in ranking.order], ranking

    needs = [replace(n, kinds=()) for n in sample["needs"][::8]]
    return needs, list(sample["offers"]), list(sample["evidence"]), pool, order


def _keywords(need):
    return list(dict.fromkeys(re.findall(r"[\u4e00-\u9fff]{2,4}|[A-Za-z]{4,}|[\u0e00-\u0e7f]{4,}|[\u3040-\u30ff\uac00-\ud7af]{2,}", need.text)))


PLANTED = {
    "keywords": lambda need: "、".join(_keywords(need)),
    "keywords without commas": lambda need: " ".join(_keywords(need)),
    "one term again and again": lambda need: f"{_keywords(need)[0]} " * 500,
    "the need": lambda need: need.text,
    "the need with hidden characters": lambda need: "\u200b".join(need.text),
    "the need in look-alike letters": lambda need: need.text.translate(str.maketrans("aeopc", "аеорс")),
    "the need in invisible tags": lambda need: "".join(chr(0xE0000 + ord(c) % 128) for c in need.text),
}


@pytest.mark.parametrize("plant", PLANTED)
def test_planted_text_gains_no_place(world, plant):
    needs, offers, evidence, pool, order = world
    honest = pool(offers, evidence)
    flagged = 0
    for need in needs:
        before, _ = order(need, honest)
        victim = before[101]
        spoilt = [replace(o, description=f"{o.description}\n{PLANTED[plant](need)}")
                  if o.offer_id == victim else o for o in offers]
        after, ranking = order(need, pool(spoilt, evidence))
        assert after.index(victim) >= 101, (need.need_id, victim)
        flagged += bool(ranking.pasted)
    if "need" in plant and "tags" not in plant:
        assert flagged >= 0.95 * len(needs)


def test_hiding_all_but_the_best_text_gains_at_most_five_places(world):
    needs, offers, evidence, pool, order = world
    honest = pool(offers, evidence)
    for need in needs:
        before, ranking = order(need, honest)
        victim = before[101]
        rows = honest.texts_of([o.offer_id for o in offers].index(victim))
        best = honest.texts[max(rows, key=lambda row: ranking.text_affinity[row])].evidence_id
        kept = [e for e in evidence if e.offer_id != victim or e.evidence_id == best]
        bare = [replace(o, title="", description="") if best and o.offer_id == victim else o for o in offers]
        after, _ = order(need, pool(bare, kept))
        assert after.index(victim) >= 96, need.need_id


@pytest.mark.parametrize("place_before", [5, 20, 50, 101])
def test_a_ring_of_five_moves_a_pair_at_most_three_places(world, place_before):
    needs, offers, evidence, pool, order = world
    honest = pool(offers, evidence)
    for need in needs:
        before, _ = order(need, honest)
        ring = [before[place_before], *before[3::50]][:5]
        after, _ = order(need, honest, {offer: Record(5, 5) for offer in ring})
        assert before.index(ring[0]) - after.index(ring[0]) <= 3, need.need_id


def test_near_copies_of_one_party_are_grouped():
    offers = [Offer("a", party_id="P"), Offer("b", party_id="Q"), Offer("c", party_id="P"), Offer("d"), Offer("e", party_id="P")]
    vectors = np.array([[1, 0], [1, 0], [0.99, 0.14], [1, 0], [0, 1]], np.float32)
    assert near_copies(offers, vectors).tolist() == [0, -1, 0, -1, -1]


@pytest.mark.parametrize(("copies", "order"), [
    ([-1] * 14, list(range(14))),
    ([0] * 4 + [-1] * 10, [0, 1, 4, 5, 6, 7, 8, 9, 10, 11, 2, 3, 12, 13]),
    ([0] * 14, list(range(14))),
    ([0, 0, 0, 3, 3, 3], [0, 1, 3, 4, 2, 5]),
])
def test_at_most_two_near_copies_stand_among_the_first_ten(copies, order):
    assert spread_copies(np.arange(len(copies)), np.array(copies)).tolist() == order


def test_copies_do_not_keep_a_list_from_looking_further():
    copies = np.array([0] * 6 + [-1] * 3)
    offers = [Offer(f"c{i}", party_id="P", centre="STSP") for i in range(6)] + [Offer(f"o{i}") for i in range(3)]
    ranking = Ranking(Query(Need("N", "x", centre="STSP"), np.zeros(1, np.float32)), np.ones(9, bool), {},
                      np.zeros(9, np.float32) + 100, np.linspace(0.9, 0.5, 9), np.zeros(9, np.float32),
                      np.arange(9), np.ones(9))
    order, scope = choose_scope(ranking, SimpleNamespace(kept={}, offers=offers, copies=copies), 5, 0.2)
    assert scope.step == "whole country"
    assert [offers[i].offer_id for i in order] == ["c0", "c1", "o0", "o1", "o2", "c2", "c3", "c4", "c5"]


PIECES = st.sampled_from(["溫室", "gan ", "a", "aa", "功率元件", "，", " ", "、;", "ab", "abab", "。", "x\n", "熱 變位", "1"])


@settings(max_examples=300, deadline=None)
@given(st.lists(PIECES, max_size=14).map("".join), st.integers(1, 6))
def test_the_quick_look_overlooks_no_repetition(text, times):
    for whole in (text, text * times):
        if _AGAIN.search(whole):
            assert may_repeat(whole)


@pytest.mark.parametrize(("text", "found"), [
    ("溫室降溫，溫室降溫，溫室降溫，溫室降溫", True), ("aaaa", True), ("GaN GaN; GaN, GaN", True), ("溫室降溫，溫室降溫，溫室降溫", False),
    ("the greenhouse, the theme, the thermostat and the thesis", False), ("", False), ("1", False),
])
def test_words_said_four_times_without_a_pause(text, found):
    assert may_repeat(text) == found
