from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import date

import numpy as np
import pytest
from conftest import DAY, EVIDENCE, NEEDS, OFFERS

from matcher import lexical
from matcher.eligibility import eligible
from matcher.encoding import load_encoder
from matcher.errors import ModelFileError
from matcher.explanation import explain
from matcher.features import FEATURES, Context, Record, compute_features, mirror_features
from matcher.languages import INTERFACE_LANGUAGES
from matcher.lexical import LexicalIndex, count_terms, terms
from matcher.pool import build_pool
from matcher.ranker import load_ranker
from matcher.ranking import (
    FEW_TIES,
    Circumstances,
    Query,
    _falling,
    distances_km,
    log_mean_exp,
    rank,
)
from matcher.reference import place
from matcher.vocabulary import Conflict, Evidence, Need, Offer

ENCODER, RANKER = load_encoder(), load_ranker()


def pool_of(offers=OFFERS, evidence=EVIDENCE):
    return build_pool(offers, evidence, ENCODER.encode_document,
                      lambda o: place(o.centre, o.county))


def ranked(need, pool, day=DAY, conflicts=()):
    query = Query(need, ENCODER.encode_query([need.text])[0], place(need.centre, need.county))
    return next(rank([query], pool, RANKER, Circumstances(day, conflicts)))


def ids(ranking, pool):
    return [pool.offers[i].offer_id for i in ranking.order]


@pytest.mark.parametrize(("need", "first"), [(NEEDS[0], "O1"), (NEEDS[1], "O2")])
def test_the_right_offer_comes_first_even_across_languages(need, first):
    pool = pool_of()
    assert ids(ranked(need, pool), pool)[0] == first


@pytest.mark.parametrize(("change", "left"), [
    ({}, {"O1", "O2"}),
    ({"kinds": ()}, {"O1", "O2", "O3"}),
    ({"kinds": ("fund",)}, set()),
    ({"valid_to": date(2026, 11, 23)}, set()),
    ({"valid_from": date(2026, 11, 25)}, set()),
    ({"party_id": "P2"}, {"O2"}),
])
def test_eligible_by_kind_dates_and_own_party(change, left):
    need = replace(NEEDS[0], **change)
    assert {o.offer_id for o, ok in zip(OFFERS, eligible(need, OFFERS, DAY), strict=True)
            if ok} == left


@pytest.mark.parametrize(("change", "ok"), [
    ({"valid_to": date(2026, 11, 23)}, False), ({"valid_to": DAY}, True),
    ({"reach": "centre"}, True), ({"reach": "centre", "centre": "PABP"}, False),
    ({"reach": "national", "centre": "PABP"}, True),
])
def test_eligible_by_the_offers_dates_and_reach(change, ok):
    assert eligible(NEEDS[0], [replace(OFFERS[0], **change)], DAY).tolist() == [ok]


def test_a_declared_conflict_removes_the_pair_in_both_directions():
    pool = pool_of()
    for pair in (("P1", "P2"), ("P2", "P1")):
        assert ids(ranked(NEEDS[0], pool, conflicts=[Conflict(*pair)]), pool) == ["O2"]


def test_scores_are_probabilities_and_contributions_add_up_to_them():
    pool = pool_of()
    for match in explain(ranked(NEEDS[0], pool), pool, RANKER, ENCODER.encode):
        odds = RANKER.intercept + sum(match.contributions.values())
        assert match.score == pytest.approx(1 / (1 + np.exp(-odds)), abs=1e-5)
        assert 0 <= match.score <= 1


def test_every_match_shows_both_sentences():
    pool = pool_of()
    found = explain(ranked(NEEDS[1], pool), pool, RANKER, ENCODER.encode)
    pair = found[0].evidence[0]
    assert pair.need_sentence == NEEDS[1].description
    assert (pair.offer_sentence, pair.evidence_id, pair.lang) in {
        (OFFERS[1].description, None, "zh"), (EVIDENCE[1].text, "E2", "en")}


def test_batch_equals_single():
    pool = pool_of()
    queries = [Query(n, ENCODER.encode_query([n.text])[0], place(n.centre, n.county))
               for n in NEEDS * 20]
    together = list(rank(queries, pool, RANKER, Circumstances(DAY)))
    for query, found in zip(queries, together, strict=True):
        np.testing.assert_allclose(found.scores, ranked(query.need, pool).scores, atol=1e-6)


@pytest.mark.parametrize("entries", [1, 3, 1000])
def test_shares_of_words_are_tf_idf_cosines_however_many_entries_are_added_at_once(monkeypatch, entries):
    monkeypatch.setattr(lexical, "ENTRIES", entries)
    texts = ["spindle heat", "heat heat error", "", "mirror"]
    queries = ["heat of the spindle", "error", "laser", ""]
    index = LexicalIndex(np.array([0, 2, 3, 5]), count_terms(texts), 6)
    values = np.full((4, 6), 0.5, np.float32)
    index.add_cosines(count_terms(queries), 2.0, list(values))
    idf = dict(zip(("spindl", "heat", "error", "mirror", "laser"), np.log(5 / np.array([2, 3, 2, 2, 1])) + 1, strict=True))

    def vector(text):
        found = Counter(terms(text))
        weights = {term: (1 + np.log(count)) * idf[term] for term, count in found.items()}
        length = np.sqrt(sum(weight ** 2 for weight in weights.values())) or 1
        return {term: weight / length for term, weight in weights.items()}

    wanted = np.full((4, 6), 0.5)
    for row, query in enumerate(map(vector, queries)):
        for at, text in zip((0, 2, 3, 5), map(vector, texts), strict=True):
            wanted[row, at] += 2 * sum(weight * text.get(term, 0) for term, weight in query.items())
    np.testing.assert_allclose(values, wanted, atol=1e-6)


@pytest.mark.parametrize("repeated", [0, 1, FEW_TIES // 2, 400, 2999])
def test_many_scores_are_sorted_with_ties_as_they_come(repeated):
    random = np.random.default_rng(repeated)
    values = random.random(3000)
    values[random.permutation(3000)[:repeated]] = values[random.integers(0, 3000 // (1 + repeated) + 1, repeated)]
    assert _falling(values).tolist() == sorted(range(3000), key=lambda place: -values[place])


def test_ties_go_by_offer_id():
    same = [replace(OFFERS[0], offer_id=i) for i in ("B", "A", "C")]
    pool = pool_of(same, ())
    assert ids(ranked(NEEDS[0], pool), pool) == ["A", "B", "C"]


def test_log_mean_exp_lies_between_mean_and_maximum():
    pool = pool_of()
    values = np.array([0.1, 0.5, 0.2, 0.2, 0.3], np.float32)
    joined = log_mean_exp(values, pool)
    assert 0.3 < joined[0] < 0.5
    assert joined[1] == pytest.approx(0.2, abs=1e-6)
    filled = np.log((np.exp(1.5) + np.exp(1)) / 2) / 5  # one text less than the median offer
    assert joined[2] == pytest.approx(filled, abs=1e-6)


def test_an_offer_without_any_text_is_ranked_not_dropped():
    pool = pool_of([*OFFERS, Offer("O9")])
    assert ids(ranked(replace(NEEDS[0], kinds=()), pool), pool)[1:].count("O9") == 1


def test_an_empty_pool_gives_an_empty_ranking():
    pool = pool_of((), ())
    assert ids(ranked(NEEDS[0], pool), pool) == []


def test_distances():
    taipei, kaohsiung = place(None, "臺北市"), place(None, "高雄市")
    found = distances_km(taipei, [taipei, kaohsiung, None])
    assert found[0] == 0
    assert found[1] == pytest.approx(297, abs=5)
    assert np.isnan(found[2])


NEED_ROWS = (Need("N", "x"), NEEDS[0], replace(NEEDS[0], modes=("licence",), trl_now=9))


@pytest.mark.parametrize("feature", FEATURES, ids=lambda f: f.key)
@pytest.mark.parametrize("need", NEED_ROWS, ids=("empty", "full", "odd"))
def test_a_feature_keeps_its_contract(feature, need):
    offers = [*OFFERS, Offer("O9"), replace(OFFERS[0], modes=("licence",), trl_now=1)]
    n = len(offers)
    evidence = [EVIDENCE[:1], EVIDENCE[1:], (), (), (Evidence("E9", "O1", "x", year=1950),)]
    context = Context(need, offers, np.linspace(-1, 1, n).astype(np.float32),
                      np.array([0, 10, 300, np.nan, 45], np.float32), evidence,
                      {"O1": Record(4, 3)}, DAY)
    values = compute_features(context)[feature.key]
    assert values.shape == (n,)
    assert values.dtype == np.float32
    assert np.isfinite(values).all()
    assert ((values >= feature.low) & (values <= feature.high)).all()
    assert feature.low <= feature.neutral <= feature.high
    assert feature.direction in (1, -1)
    assert all(feature.label[lang] for lang in INTERFACE_LANGUAGES)
    assert np.sign(RANKER.weights.get(feature.key, feature.weight)) == feature.direction


@pytest.mark.parametrize(("need", "offer", "value"), [
    ("zh", "zh", 1), ("zh", "en", 1), ("ja", "vi", 0), (None, "zh", 0.5), ("zh", None, 0.5)])
def test_two_languages_are_shared_or_not(need, offer, value):
    context = Context(Need("N", lang=need), [Offer("O", lang=offer)], np.zeros(1), np.zeros(1))
    assert compute_features(context)["language"].tolist() == [value]


def test_a_changed_ranker_file_is_refused(tmp_path):
    (tmp_path / "manifest.json").write_text('{"ranker.json": "0"}', "utf-8")
    (tmp_path / "ranker.json").write_text("{}", "utf-8")
    with pytest.raises(ModelFileError, match=r"ranker\.json"):
        load_ranker(tmp_path / "ranker.json")


def test_an_explanation_says_what_is_missing_what_carries_it_and_what_would_raise_it():
    both = Need("N", description="主軸熱變位要補償到 8 µm。Piglets need an oral vaccine.", trl_now=8, trl_target=9)
    pool = pool_of()
    found = {m.offer_id: m for m in explain(ranked(both, pool), pool, RANKER, ENCODER.encode)}
    assert found["O1"].missing == ("Piglets need an oral vaccine.",)
    assert found["O2"].missing == ("主軸熱變位要補償到 8 µm。",)
    assert [i.evidence_id for i in found["O1"].influence] == [None, "E1"]
    assert all(1 <= i.rank_without <= 3 for m in found.values() for i in m.influence)
    assert found["O3"].influence == ()
    assert next(m.id for m in found["O1"].raises) == "a technology readiness level within the need's span"
    assert found["O1"].warnings == ()


def test_what_a_title_answers_is_not_missing():
    offers = (Offer("A", "蝴蝶蘭病毒快速檢測試劑", "30 分鐘判讀。"), Offer("B", description="以 qPCR 檢測豬隻病毒。"))
    pool = pool_of(offers, ())
    found = explain(ranked(Need("N", description="尋找蝴蝶蘭病毒快速檢測試劑"), pool), pool, RANKER, ENCODER.encode)
    assert [(m.offer_id, bool(m.missing)) for m in found] == [("A", False), ("B", True)]
    assert [p.offer_sentence for p in found[0].evidence] == ["30 分鐘判讀。"]


def test_what_no_offer_answers_is_not_told_of_the_nearest_one():
    pool = pool_of((Offer("A", description="Quantum codes for superconducting qubits."),), ())
    match, = explain(ranked(Need("N", description="豬瘟"), pool), pool, RANKER, ENCODER.encode)
    assert match.evidence[0].affinity < 0
    assert match.missing == ()


@pytest.mark.parametrize("evidence", [
    EVIDENCE, [replace(EVIDENCE[0], title="", text=OFFERS[0].description)]])
def test_no_sentence_is_shown_twice_as_evidence(evidence):
    pool = pool_of(evidence=evidence)
    need = replace(NEEDS[0], requirements=NEEDS[0].description + NEEDS[0].requirements)
    for match in explain(ranked(need, pool), pool, RANKER, ENCODER.encode):
        for side in ("need_sentence", "offer_sentence"):
            shown = [getattr(pair, side) for pair in match.evidence]
            assert len(shown) == len(set(shown)) >= 1


FORM = "技術說明：\n以浸泡方式免疫石斑魚苗，存活率提高到 82%。\n【聯絡資訊】\n王小姐，電話：(08) 770-3202\n信箱：wang@example.org"


@pytest.mark.parametrize(("description", "requirements", "asked"), [
    ("需求說明：\n石斑魚苗感染病毒。\n聯絡人：林經理，電話：0912345678", "無", ["石斑魚苗感染病毒。"]),
    ("石斑魚苗感染病毒大量死亡，急需浸泡疫苗，意者請洽 lin@example.org。", "N/A",
     ["石斑魚苗感染病毒大量死亡，急需浸泡疫苗，意者請洽 lin@example.org。"]),
    ("需求說明：", "", ["需求說明："]),
    ("尋找治療石斑魚苗病毒感染的浸泡疫苗廠商，條件如下：", "", ["尋找治療石斑魚苗病毒感染的浸泡疫苗廠商，條件如下："]),
    ("石斑魚苗用，黏度 5000-100000 cP，孔徑 100 200 400 nm。", "", ["石斑魚苗用，黏度 5000-100000 cP，孔徑 100 200 400 nm。"]),
])
def test_headings_addresses_and_empty_answers_are_no_evidence(description, requirements, asked):
    pool = pool_of((Offer("A", "石斑魚疫苗", FORM),), ())
    need = Need("N", description=description, requirements=requirements)
    match, = explain(ranked(need, pool), pool, RANKER, ENCODER.encode)
    assert [p.need_sentence for p in match.evidence] == asked
    assert [p.offer_sentence for p in match.evidence] == ["以浸泡方式免疫石斑魚苗，存活率提高到 82%。"]
    assert match.missing == ()


def test_the_rank_without_a_text_is_the_rank_in_a_list_made_without_it():
    pool, fewer = pool_of(), pool_of(evidence=EVIDENCE[1:])
    need = replace(NEEDS[0], kinds=())
    match = next(m for m in explain(ranked(need, pool), pool, RANKER, ENCODER.encode) if m.offer_id == "O1")
    assert match.influence[1].rank_without == ids(ranked(need, fewer), fewer).index("O1") + 1


def test_what_was_not_counted_is_said_with_the_match():
    offer = replace(OFFERS[0], description=OFFERS[0].description + NEEDS[0].description + NEEDS[0].requirements + "GaN " * 9)
    pool = pool_of([offer, *OFFERS[1:]])
    need = replace(NEEDS[0], description=NEEDS[0].description * 2)
    match = next(m for m in explain(ranked(need, pool), pool, RANKER, ENCODER.encode) if m.offer_id == "O1")
    assert [w.id.split()[0] for w in match.warnings] == ["the", "words"]


@pytest.mark.parametrize(("asked", "given", "seen_by_need", "seen_by_offer"), [
    (("IPC B23Q11/00",), ("IPC B23Q11/00",), 1.0, 1.0),
    (("DGBAS 2912",), ("DGBAS 29",), 0.5, 1.0),
    (("DGBAS 2912", "IPC H01L"), ("IPC H02J",), 0.5, 0.5),
    (("DGBAS 2912",), ("IPC B23Q",), 0.5, 0.5), ((), ("DGBAS 29",), 0.5, 0.5),
    (("DGBAS 2912",), ("DGBAS 01", "DGBAS 2913"), 0.75, 0.375),
])
def test_codes_of_one_scheme_agree_by_their_common_beginning(asked, given, seen_by_need, seen_by_offer):
    need, offer = replace(NEEDS[0], codes=asked), replace(OFFERS[0], codes=given)
    context = Context(need, (offer,), np.zeros(1, np.float32), np.zeros(1, np.float32))
    own = compute_features(context)
    found = [features["codes"][0] for features in (own, mirror_features(context, own))]
    assert found == pytest.approx([seen_by_need, seen_by_offer])
