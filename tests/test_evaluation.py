from __future__ import annotations

import gzip
import json
import re

import ir_measures
import numpy as np
import pytest

from matcher.errors import FileFormatError, InputError
from matcher.evaluation import (
    bootstrap,
    evaluate,
    evaluate_encoder,
    evaluate_ranking,
    measure,
    read_beir,
)
from matcher.evaluation.expertise import kendall_cost, right_pairs
from matcher.evaluation.figures import share

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


def random_run(seed):
    """Twelve needs: grades -1…3 of some documents, tied scores of others, some lists over 100.

    A tie is broken by document id, the last first, as trec_eval does.
    """
    random, documents = np.random.default_rng(seed), [f"d{i:03}" for i in range(140)]
    grades, scores, lists = {}, {}, {}
    for need in (f"q{i}" for i in range(12)):
        judged = random.choice(documents, random.integers(1, 40), replace=False).tolist()
        grades[need] = dict(zip(judged, random.integers(-1, 4, len(judged)).tolist(), strict=True))
        listed = random.choice(documents, random.integers(1, 140), replace=False).tolist()
        scores[need] = dict(zip(listed, random.integers(0, 9, len(listed)) / 4, strict=True))
        lists[need] = sorted(listed, key=lambda d: (scores[need][d], d), reverse=True)
    return grades, scores, lists


@pytest.mark.parametrize("seed", range(6))
def test_metrics_agree_with_ir_measures_on_graded_tied_and_unjudged_documents(seed):
    grades, scores, lists = random_run(seed)
    del scores["q3"], lists["q3"]  # a judged need without a list scores 0
    wanted = {q: row for q, row in grades.items() if max(row.values()) > 0}
    ours = measure(lists, grades)
    theirs = [aggregate(name, wanted, scores) for name in ("nDCG@10", "R@100", "P@1")]
    first = {q: {d: scores[q][d] for d in ids[:10]} for q, ids in lists.items()}
    theirs.insert(1, aggregate("RR", wanted, first))  # its RR@10 breaks ties another way
    assert [f.queries for f in ours.values()] == [len(wanted)] * 4
    assert [f.mean for f in ours.values()] == pytest.approx(theirs)


def aggregate(name, grades, scores):
    wanted = ir_measures.parse_measure(name)
    return ir_measures.calc_aggregate([wanted], grades, scores)[wanted]


def test_the_interval_holds_the_mean_and_is_the_same_each_time():
    values = np.random.default_rng(1).random(50)
    found = bootstrap(values)
    assert found.low < found.mean < found.high
    assert found == bootstrap(values)


@pytest.mark.parametrize(("parts", "wholes", "wanted"), [
    ([1, 0], [1, 0], (1.0, 1.0, 1.0)),  # who has nothing to get wrong tells nothing, drawn alone as well
    ([1, 2, 0], [2, 4, 0], (0.5, 0.5, 0.5)),
    ([0, 0], [0, 0], (0.0, 0.0, 0.0)),
])
def test_draws_of_nothing_do_not_widen_an_interval(parts, wholes, wanted):
    found = share(np.array(parts, float), np.array(wholes, float))
    assert (found.mean, found.low, found.high) == wanted


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
    ("qrels/test.tsv", "h\n1\ta\t²\n", "test.tsv, line 2: wanted need, offer, grade"),
    ("qrels/test.tsv", "h\n1\ta\t1\n1\ta\t0\n", "test.tsv, line 3: 1 and a have the grade 0, further up they have 1"),
    ("qrels/test.tsv", "h\n1\ta\t0\n2\ta\t-1\n", "has a document with a grade above 0"),
    ("queries.jsonl", '{"_id": "1", "text": ["x"]}', "queries.jsonl, line 1: “text” is no text"),
    ("corpus.jsonl", '{"_id": "", "text": "x"}', "corpus.jsonl, line 1: not a JSON object with “_id”"),
    ("corpus.jsonl", '{"_id": null}', "corpus.jsonl, line 1: not a JSON object with “_id”"),
    ("set.json", "{", "set.json, line 1: not a JSON object"),
    ("set.json", "[1]", "set.json, line 1: not a JSON object with “unit”"),
    ("set.json", '{"unit": "owner"}', "The document a has no owner"),
])
def test_a_broken_folder_names_file_and_line(tmp_path, name, content, sentence):
    beir(tmp_path, [{"_id": "a", "title": "", "text": "x"}])
    (tmp_path / name).write_text(content, "utf-8")
    with pytest.raises(FileFormatError, match=sentence):
        read_beir(tmp_path)


@pytest.mark.parametrize(("name", "content", "sentence"), [
    ("corpus.jsonl", "溫室".encode("cp950"), "corpus.jsonl is not UTF-8 text; save it as UTF-8"),
    ("qrels/test.tsv", "溫室".encode("cp950"), "test.tsv is not UTF-8 text"),
    ("queries.jsonl.gz", gzip.compress(b'{"_id": "1"}' * 99)[:-20], "queries.jsonl.gz is damaged: "),
    ("queries.jsonl.gz", b"no gzip", "queries.jsonl.gz is damaged: Not a gzipped file"),
])
def test_a_file_that_cannot_be_read_is_named(tmp_path, name, content, sentence):
    beir(tmp_path, [{"_id": "a", "title": "", "text": "x"}])
    if name.endswith(".gz"):
        (tmp_path / name.removesuffix(".gz")).unlink()
    (tmp_path / name).write_bytes(content)
    with pytest.raises(FileFormatError, match=re.escape(sentence)):
        read_beir(tmp_path)


@pytest.mark.parametrize("head", ["query-id\tcorpus-id\tscore\n", "", "\ufeff", "\ufeffq\td\ts\r\n"])
def test_grades_are_read_with_or_without_a_header(tmp_path, head):
    beir(tmp_path, [{"_id": "a", "title": "", "text": "x"}])
    (tmp_path / "qrels" / "test.tsv").write_text(f"{head}1\ta\t1\n2\ta\t1\n2\ta\t1\n", "utf-8", newline="")
    assert read_beir(tmp_path).grades == {"1": {"a": 1}, "2": {"a": 1}}


SAME = {"溫室": "greenhouse", "疫苗": "vaccine", "口服": "oral", "降溫": "cool"}


class Words:
    """An encoder of known words: a text is the sum of its words' axes."""

    axes = ("cool", "greenhouse", "vaccine", "oral")
    revision, dimensions = "words", 4

    def encode(self, texts):
        if not texts:
            return np.zeros((0, 4), np.float32)
        rows = np.array([[1e-3 + (axis in [SAME.get(w, w) for w in text.split()])
                          for axis in self.axes] for text in texts], np.float32)
        return rows / np.linalg.norm(rows, axis=1, keepdims=True)

    encode_query = encode_document = encode


def test_translations_are_measured_both_ways(tmp_path):
    (tmp_path / "zh-en.en.txt").write_text("cool greenhouse\noral vaccine\noral vaccine\n", "utf-8")
    (tmp_path / "zh-en.zh.txt").write_text("溫室 降溫\n口服 疫苗\n口服 疫苗\n", "utf-8")
    (tmp_path / "zh-en.zh_plain.txt").write_text("溫室\n疫苗\n口服\n", "utf-8")
    found = evaluate_encoder(Words(), tmp_path)
    assert list(found) == [
        "zh-en accuracy", "zh-en F1", "zh_plain-en accuracy", "zh_plain-en F1"]
    assert found["zh-en accuracy"].mean == pytest.approx(2 / 3)


def test_f1_is_that_of_sklearn():
    from sklearn.metrics import f1_score

    from matcher.evaluation.sentences import _f1

    found = np.array([0, 0, 2, 1, 4])
    assert _f1(found).mean() == pytest.approx(
        f1_score(np.arange(5), found, average="weighted", zero_division=0))


def test_similarity_is_a_rank_correlation(tmp_path):
    (tmp_path / "sts.tsv").write_text(
        "s1\ts2\tscore\noral vaccine\toral vaccine\t5\noral vaccine\tvaccine\t3\noral\tcool\t0\n",
        "utf-8")
    assert evaluate_encoder(Words(), tmp_path)["sts Spearman"].mean == pytest.approx(1.0)


def test_a_beir_folder_is_ranked_by_vectors_alone(tmp_path):
    corpus = [{"_id": "1", "owner": "a", "title": "cool", "text": "greenhouse"},
              {"_id": "2", "owner": "b", "title": "", "text": "oral vaccine"},
              {"_id": "3", "owner": "b", "title": "", "text": "疫苗"}]
    beir(tmp_path, corpus, unit="owner")
    (tmp_path / "queries.jsonl").write_text(
        '{"_id": "1", "text": "cool greenhouse"}\n{"_id": "2", "text": "口服 疫苗"}', "utf-8")
    assert evaluate_encoder(Words(), tmp_path)["nDCG@10"].mean == 1.0


@pytest.mark.parametrize(("scores", "cost"), [
    ([3, 2, 1], 0), ([1, 2, 3], 4), ([1, 1, 1], 2), ([2, 3, 1], 1)])
def test_wrong_orders_cost_the_difference_of_the_ratings(scores, cost):
    assert kendall_cost(np.array(scores, float), np.array([5.0, 4.0, 3.0])) == (cost, 4)


def test_expertise_is_measured_over_samples_and_reviewers(tmp_path):
    papers = [{"id": "p", "title": "cool greenhouse", "abstract": None},
              {"id": "q", "title": "oral vaccine", "abstract": ""}]
    own = [{"id": "x", "title": "greenhouse", "abstract": "cool"}]
    for name, rows in (("papers", papers), ("profile_papers", own)):
        (tmp_path / f"{name}.jsonl").write_text("\n".join(map(json.dumps, rows)), "utf-8")
    (tmp_path / "profiles.tsv").write_text("dataset\treviewer\tpaper\nd1\tr\tx\nd2\tr\tx\n", "utf-8")
    (tmp_path / "qrels.tsv").write_text("reviewer\tpaper\texpertise\nr\tp\t5\nr\tq\t1\n", "utf-8")
    for measured in (evaluate_encoder(Words(), tmp_path), evaluate_ranking(tmp_path, Words())):
        assert [(k, f.mean) for k, f in measured.items()] == [("loss", 0), ("easy pairs", 1), ("hard pairs", 0)]


@pytest.mark.parametrize(("scores", "easy", "hard"), [
    ([4, 3, 2, 1], (2, 2), (1, 1)), ([1, 2, 3, 4], (0, 2), (0, 1)), ([1, 1, 1, 1], (0, 2), (0, 1)),
    ([3, 4, 2, 1], (2, 2), (0, 1))])
def test_easy_and_hard_pairs_are_counted_apart(scores, easy, hard):
    grades, given = np.array([5.0, 4.0, 3.0, 2.0]), np.array(scores, float)
    assert right_pairs(given, grades, hard=False) == easy
    assert right_pairs(given, grades, hard=True) == hard



@pytest.mark.parametrize(("files", "sentence"), [
    ({}, "holds nothing to measure an encoder on"),
    ({"a-b.a.txt": "x\ny", "a-b.b.txt": "x"}, r"a-b\.a\.txt has 2 lines and a-b\.b\.txt has 1"),
    ({"a-b.a.txt": "", "a-b.b.txt": ""}, r"a-b\.a\.txt has no rows"),
    ({"s.tsv": "s1\ts2\tscore\n"}, r"s\.tsv has no rows"),
    ({"qrels/test.tsv": "q\td\ts\n", "queries.jsonl": "", "corpus.jsonl": ""}, "no judged query"),
    ({"qrels/test.tsv": "q\td\ts\n", "queries.jsonl": "", "corpus.jsonl": "[1]"}, "line 1: not a JSON"),
    ({"papers.jsonl": "", "profile_papers.jsonl": "", "qrels.tsv": "h\n", "profiles.tsv": "h\n"},
     "no reviewer with both"),
    ({"s.tsv": "s1\ts2\tscore\nx\ty\t1\nx\ty\tnan"}, r"s\.tsv, line 3: wanted two sentences and a score"),
    ({"papers.jsonl": '{"id": 1}', "profile_papers.jsonl": '{"id": 2}', "profiles.tsv": "h\ns\tr\t2\n",
      "qrels.tsv": "h\nr\t1\tnan\n"}, "the rating “nan” is no number"),
    ({"s.tsv": "s1\ts2\tscore\nx\ty\t1\nx\ty"}, r"s\.tsv, line 3: wanted two sentences and a score"),
])
def test_what_cannot_be_measured_is_named(tmp_path, files, sentence):
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text, "utf-8")
    with pytest.raises((InputError, FileFormatError), match=sentence):
        evaluate_encoder(Words(), tmp_path)
