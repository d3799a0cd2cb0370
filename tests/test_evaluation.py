from __future__ import annotations

import gzip
import json

import ir_measures
import numpy as np
import pytest

from matcher.errors import FileFormatError
from matcher.evaluation import bootstrap, evaluate, measure, read_beir

GRADES = {"q1": {"a": 3, "b": 1, "c": 0}, "q2": {"d": 2}, "q3": {"a": 0}}
LISTS = {"q1": ["b", "x", "a"], "q2": ["x", "y"], "q3": ["a"]}


def test_metrics_agree_with_ir_measures():
    ours = measure(LISTS, GRADES)
    run = {q: {d: -float(i) for i, d in enumerate(ids)} for q, ids in LISTS.items() if q != "q3"}
    judged = {q: row for q, row in GRADES.items() if q != "q3"}
    theirs = ir_measures.calc_aggregate(
        [ir_measures.parse_measure(m) for m in ("nDCG@10", "RR@10", "R@100", "P@1")], judged, run)
    assert [ours[m].mean for m in ("nDCG@10", "MRR@10", "recall@100", "P@1")] == pytest.approx(
        [theirs[ir_measures.parse_measure(m)] for m in ("nDCG@10", "RR@10", "R@100", "P@1")])


def test_the_interval_holds_the_mean_and_is_the_same_each_time():
    values = np.random.default_rng(1).random(50)
    found = bootstrap(values)
    assert found.low < found.mean < found.high
    assert found == bootstrap(values)


def beir(folder, corpus, zipped=False, unit="document"):
    (folder / "qrels").mkdir()
    text = "\n".join(json.dumps(row) for row in corpus)
    if zipped:
        (folder / "corpus.jsonl.gz").write_bytes(gzip.compress(text.encode()))
    else:
        (folder / "corpus.jsonl").write_text(text, "utf-8")
    (folder / "queries.jsonl").write_text(
        '{"_id": "1", "text": "greenhouse cooling"}\n{"_id": "2", "text": "疫苗"}', "utf-8")
    (folder / "qrels" / "test.tsv").write_text("q\td\ts\n1\ta\t1\n2\tb\t1\n9\ta\t1\n", "utf-8")
    (folder / "set.json").write_text(json.dumps({"unit": unit}), "utf-8")
    return folder


@pytest.mark.parametrize("zipped", [False, True])
def test_a_beir_folder_of_documents(tmp_path, zipped):
    corpus = [{"_id": "a", "title": "", "text": "溫室降溫"}, {"_id": "b", "title": "vaccine", "text": ""}]
    found = evaluate(read_beir(beir(tmp_path, corpus, zipped)))
    assert (found["nDCG@10"].mean, found["nDCG@10"].queries) == (1.0, 2)


def test_owners_are_ranked_where_the_set_says_so(tmp_path):
    corpus = [{"_id": "1", "owner": "a", "title": "", "text": "cooling a greenhouse"},
              {"_id": "2", "owner": "b", "title": "", "text": "an oral vaccine"},
              {"_id": "3", "owner": "b", "title": "", "text": "疫苗"}]
    judged = read_beir(beir(tmp_path, corpus, unit="owner"))
    assert judged.offers.offer_id.tolist() == ["a", "b"]
    assert evaluate(judged)["P@1"].mean == 1.0


@pytest.mark.parametrize(("name", "content", "sentence"), [
    ("queries.jsonl", "{", "queries.jsonl, line 1: not a JSON object"),
    ("qrels/test.tsv", "h\n1 a 1\n", "test.tsv, line 2: wanted need, offer, grade"),
])
def test_a_broken_folder_names_file_and_line(tmp_path, name, content, sentence):
    beir(tmp_path, [{"_id": "a", "title": "", "text": "x"}])
    (tmp_path / name).write_text(content, "utf-8")
    with pytest.raises(FileFormatError, match=sentence):
        read_beir(tmp_path)
