"""The embedded sample: what it must hold, and how well it is ranked."""

from __future__ import annotations

import re
from collections import Counter

import pytest

from matcher import demonstration, intake, workflow
from matcher.reference import embedded_data, terms
from matcher.vocabulary import OFFER_KINDS, THEMES


@pytest.fixture(scope="module")
def sample():
    return demonstration.read_sample()


def test_every_file_passes_the_checks_without_a_warning():
    for what in demonstration.ORDER:
        found = intake.read(embedded_data() / "sample" / f"{what}.jsonl", what)
        assert found.problems == (), what


def test_it_is_large_and_varied_enough(sample):
    assert len(sample["needs"]) >= 80
    assert len(sample["offers"]) >= 240
    assert len(sample["evidence"]) >= 700
    assert len(sample["judged"]) >= 300
    assert {o.kind for o in sample["offers"]} == set(OFFER_KINDS) == set(terms("offer_kinds"))
    assert {t for n in sample["needs"] for t in n.themes} == set(THEMES) == set(terms("themes"))
    assert len({n.centre for n in sample["needs"]}) >= 8
    assert {p.grade for p in sample["judged"]} == {0, 1, 2, 3}


def test_its_languages(sample):
    texts = [r.lang for what in ("needs", "offers", "evidence") for r in sample[what]]
    share = {lang: n / len(texts) for lang, n in Counter(texts).items()}
    assert share.keys() == {"zh", "en", "ja", "ko", "vi", "id", "th", "ms"}
    assert 0.6 < share["zh"] < 0.75
    assert share["en"] > 0.15


def test_organisations_are_plainly_samples(sample):
    marks = ("樣本", "sample", "見本", "견본", "mẫu", "contoh", "ตัวอย่าง", "sampel")
    assert [p.name for p in sample["parties"] if not any(m in p.name for m in marks)] == []


@pytest.mark.parametrize("what", ["needs", "offers"])
def test_no_two_records_share_a_sentence(sample, what):
    found = Counter(s for r in sample[what] for s in set(re.split(r"[。！？!?\n]|\. ", r.text))
                    if len(s.strip()) > 4)
    assert [s for s, n in found.items() if n > 1] == []


def test_judged_pairs_name_records_that_could_be_matched(sample):
    needs = {n.need_id: n for n in sample["needs"]}
    offers = {o.offer_id: o for o in sample["offers"]}
    for pair in sample["judged"]:
        if pair.grade > 0:
            assert offers[pair.offer_id].kind in needs[pair.need_id].kinds, pair


def test_the_ranking_of_the_sample(sample_space):
    figures = demonstration.measure_sample(sample_space)
    assert figures["nDCG@10"].mean >= 0.80
    assert figures["nDCG@10 across languages"].mean >= 0.70
    found = list(workflow.match(sample_space, centre="STSP", day=demonstration.SAMPLE_DAY))
    assert all(m.evidence for f in found for m in f.matches)
