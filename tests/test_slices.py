"""Parts of judged sets, comparisons of two runs, nested choices, and the command over them."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import date

import numpy as np
import pytest
from click.testing import CliRunner
from conftest import DAY, NEEDS, OFFERS
from scipy.stats import permutation_test

from matcher import demonstration, judgements, shows_evaluation
from matcher.cli import main
from matcher.encoding import load_encoder
from matcher.errors import FileFormatError, InputError
from matcher.evaluation import (
    Measurement,
    Slicing,
    compare,
    measure,
    measure_folder,
    paired,
    slice_all,
)
from matcher.evaluation.expertise import rank_expertise, read_expertise
from matcher.evaluation.figures import Units, ndcg
from matcher.evaluation.nested import (
    FIXED,
    GRID,
    JOINS,
    Configuration,
    _choices,
    join_at,
    measure_nested,
    read_rated,
)
from matcher.evaluation.paired import Made, check_same, fingerprint, flip_signs
from matcher.learning.ranker import KEYS, NEUTRAL, score_rows
from matcher.learning.release import HeldOut
from matcher.learning.release import compare as compare_rankers
from matcher.pool import build_pool
from matcher.ranker import load_ranker
from matcher.ranking import TEMPERATURE, log_mean_exp
from matcher.vocabulary import Evidence, JudgedPair, Offer

MADE = Made("set", "d1", "encoder-1", "ranker-1", DAY)


# ---- parts --------------------------------------------------------------------------------

GRADES = {f"n{i}": {"a": 3, "b": 1} for i in range(6)} | {"m": {"a": 0}, "k": {"b": 2}}
LISTS = {need: ["b", "x", "a"] for need in GRADES}
KIND = {"a": "fund", "b": "site", "x": "site"}


def test_needs_are_cut_with_their_whole_lists():
    by_first = Slicing("letter", lambda need, _: (need[0],))
    found = slice_all(LISTS, GRADES, [by_first])
    assert [(s.value, s.needs, s.figures is None) for s in found] == [
        ("n", 6, False), ("k", 1, True), ("m", 0, True)]
    alone = {need: row for need, row in GRADES.items() if need[0] == "n"}
    assert found[0].figures == measure(LISTS, alone)


def test_offers_of_one_part_are_ranked_among_themselves():
    by_kind = Slicing("kind", lambda _, offer: (KIND[offer],), by_offer=True)
    site, fund = slice_all(LISTS, GRADES, [by_kind])
    assert [(s.value, s.needs) for s in (site, fund)] == [("site", 7), ("fund", 6)]
    assert (site.figures["nDCG@10"].mean, fund.figures["P@1"].mean) == (1.0, 1.0)


@pytest.mark.parametrize(("themes", "rows"), [
    (("x", "y"), [("x", 6), ("y", 6), (None, 1)]), ((None,), [(None, 7)])])
def test_a_need_counts_in_every_part_it_names_and_in_the_unnamed_one_otherwise(themes, rows):
    cut = Slicing("theme", lambda need, _: themes if need[0] == "n" else (None,))
    assert [(s.value, s.needs) for s in slice_all(LISTS, GRADES, [cut])] == rows


# ---- judged pairs of a store --------------------------------------------------------------


def judged(need, offer, grade, judge="", day=DAY):
    return JudgedPair(need, offer, grade, judge, day)


@pytest.fixture
def copies():
    """Six copies of the sample need and of the vaccine need, with ids of their own."""
    return [replace(need, need_id=f"{need.need_id}-{i}") for need in NEEDS for i in range(6)]


@pytest.fixture
def measured_space(space, copies):
    best = {"N1": {"O1": 3, "O2": 0}, "N2": {"O2": 3, "O1": 0}}
    space.store.put(needs=copies, judged=[
        judged(need.need_id, offer, grade) for need in copies
        for offer, grade in best[need.need_id[:2]].items()])
    return space


def test_judged_pairs_are_measured_whole_and_in_parts(measured_space):
    found = judgements.measure_judged(measured_space, "Judged pairs", DAY)
    assert found.measurement.units.figures()["nDCG@10"].mean == 1.0
    assert [(s.by, s.value, s.needs, s.figures is None) for s in found.slices] == [
        ("language", "en", 6, False), ("language", "zh", 6, False),
        ("pair", "other", 6, False), ("pair", "same", 6, False),
        ("centre", "CTSP", 6, False), ("centre", "PABP", 6, False),
        ("kind", "capability", 12, False),
        ("theme", "smart-machinery", 6, False), ("theme", None, 6, False)]


def test_a_closed_need_is_measured_as_on_the_day_it_was_judged(measured_space, copies):
    measured_space.store.put(needs=[replace(n, valid_to=DAY) for n in copies])
    later = judgements.measure_judged(measured_space, "Judged pairs", date(2027, 11, 24))
    assert later.measurement.units.figures()["P@1"].mean == 1.0


def test_several_judges_give_the_lower_median():
    given = [judged("N1", "O1", grade, judge) for judge, grade in zip("abcd", (3, 0, 2, 1), strict=True)]
    assert judgements.grades_of([*given, judged("N1", "O2", 2)]) == {"N1": {"O1": 1, "O2": 2}}


@pytest.mark.parametrize("pairs", [
    (), (("N1", "O1", 0),), (("N9", "O1", 3),), (("N1", "O9", 3),)])
def test_without_a_helpful_pair_in_the_store_there_is_nothing_to_measure(space, pairs):
    space.store.put(judged=[judged(*pair) for pair in pairs])
    with pytest.raises(InputError, match=r"nothing to measure\. Import some with `matcher import"):
        judgements.measure_judged(space, "Judged pairs", DAY)


def test_a_change_of_what_is_matched_makes_another_set(measured_space):
    before = judgements.measure_judged(measured_space, "Judged pairs", DAY).measurement
    again = judgements.measure_judged(measured_space, "Judged pairs", DAY, against=before)
    assert again.measurement.made == before.made
    measured_space.store.put(offers=[replace(OFFERS[1], description="Something else.")])
    with pytest.raises(InputError, match="must be the same: measure both on the same data"):
        judgements.measure_judged(measured_space, "Judged pairs", DAY, against=before)


# ---- two runs -----------------------------------------------------------------------------


def measurement(*values, metric="nDCG@10", **made):
    """One metric's values of needs n0, n1, …"""
    parts = np.array(values, float)[:, None]
    ids = tuple(f"n{i}" for i in range(len(values)))
    return Measurement(replace(MADE, **made), Units(ids, (metric,), parts, np.ones_like(parts)))


def test_two_runs_are_compared_need_by_need():
    old = measurement(0.1, 0.5, 0.5, 0.9, 0.2, 0.3, 0.4, 1.0)
    new = measurement(0.9, 0.5, 0.6, 0.1, 0.3, 0.5, 0.7, 1.0)
    found = compare(new, old)
    (one,) = found.differences
    assert (one.old, one.new) == (pytest.approx(3.9 / 8), pytest.approx(4.6 / 8))
    assert (one.wins, one.ties, one.losses) == (5, 2, 1)
    assert one.interval.value == pytest.approx(0.7 / 8)
    assert one.interval.low < 0 < one.interval.value < one.interval.high
    assert [(c.need, c.old, c.new) for c in found.better] == [
        ("n0", 0.1, 0.9), ("n6", 0.4, 0.7), ("n5", 0.3, 0.5), ("n2", 0.5, 0.6), ("n4", 0.2, 0.3)]
    assert [c.need for c in found.worse] == ["n3"]


def test_a_lower_loss_is_a_win():
    found = compare(measurement(0.1, 0.4, metric="loss"), measurement(0.3, 0.4, metric="loss"))
    assert (found.differences[0].wins, found.differences[0].losses) == (1, 0)
    assert [c.need for c in found.better] == ["n0"]


def test_equal_runs_differ_by_nothing():
    run = measurement(0.1, 0.7, 0.3)
    (one,) = compare(run, run).differences
    assert (str(one.interval), one.p, one.ties) == ("0.000 [0.000, 0.000]", 1.0, 3)


@pytest.mark.parametrize("seed", range(4))
def test_the_p_value_is_that_of_the_exact_randomisation_test(seed):
    differences = np.random.default_rng(seed).normal(0.3, 0.8, 10).round(2)
    exact = permutation_test((differences,), np.sum, permutation_type="samples", n_resamples=np.inf)
    assert flip_signs(differences[:, None])[0] == pytest.approx(exact.pvalue, abs=0.015)


def test_without_a_difference_small_p_values_come_as_often_as_they_say():
    random = np.random.default_rng(3)
    found = flip_signs(random.normal(0, 1, (25, 400)))
    assert np.mean(found < 0.05) == pytest.approx(0.05, abs=0.03)


def test_a_saved_run_comes_back_without_titles(tmp_path):
    run = replace(measurement(0.1, 0.25), titles={"n0": "secret"})
    paired.save(run, tmp_path / "run.json")
    text = (tmp_path / "run.json").read_text("utf-8")
    assert "secret" not in text
    assert {k: json.loads(text)[k] for k in ("set", "data", "encoder", "ranker", "day")} == {
        "set": "set", "data": "d1", "encoder": "encoder-1", "ranker": "ranker-1",
        "day": "2026-11-24"}
    back = paired.load(tmp_path / "run.json")
    assert (back.made, back.units.ids, back.units.parts.tolist()) == (
        run.made, run.units.ids, run.units.parts.tolist())


@pytest.mark.parametrize("content", [
    "{", "[]", "7", "{}", '{"format": 2}',
    '{"format": 2, "set": "s", "data": "d", "encoder": "e", "ranker": null, "day": "2026-11-24",'
    ' "metrics": ["m"], "values": {"a": [[1, 1]]}}',
    '{"format": 1, "set": "s", "data": "d", "encoder": "e", "ranker": null, "day": "yesterday",'
    ' "metrics": ["m"], "values": {"a": [[1, 1]]}}',
    '{"format": 1, "set": "s", "data": "d", "encoder": "e", "ranker": null, "day": "2026-11-24",'
    ' "metrics": ["m"], "values": {"a": [[NaN, 1]]}}',
    '{"format": 1, "set": "s", "data": "d", "encoder": "e", "ranker": null, "day": "2026-11-24",'
    ' "metrics": ["m", "n"], "values": {"a": [[1, 1]]}}'])
def test_a_file_that_is_no_saved_run_is_refused(tmp_path, content):
    (tmp_path / "run.json").write_text(content, "utf-8")
    with pytest.raises(FileFormatError, match=r"run\.json was not written by `matcher evaluate --save`"):
        paired.load(tmp_path / "run.json")


@pytest.mark.parametrize(("other", "sentence"), [
    (measurement(0.1, 0.2, data="d2", name="older"), "saved run was measured on “older” .d2., this one on “set” .d1."),
    (measurement(0.1, 0.2, metric="loss"), "The saved run has loss and 2 needs, this one nDCG@10 and 2"),
    (measurement(0.1), "The saved run has nDCG@10 and 1 needs, this one nDCG@10 and 2")])
def test_runs_of_another_set_are_not_compared(other, sentence):
    with pytest.raises(InputError, match=sentence):
        compare(measurement(0.1, 0.2), other)


def test_a_folder_is_known_by_its_content_not_by_its_name(tmp_path):
    first, second = (beir(tmp_path / name) for name in ("one", "two"))
    runs = [measure_folder(folder, load_encoder(), DAY) for folder in (first, second)]
    assert [run.made.name for run in runs] == ["one", "two"]
    check_same(*(run.made for run in runs))
    (second / "corpus.jsonl").write_text('{"_id": "a", "title": "", "text": "cooling"}', "utf-8")
    with pytest.raises(InputError, match="this one on “two”"):
        measure_folder(second, load_encoder(), DAY, against=runs[0])
    assert measure_folder(first, load_encoder(), DAY, alone=True).made.ranker is None
    assert runs[0].titles == {"1": "greenhouse cooling"}
    assert fingerprint({"a": (1, 2)}) != fingerprint({"a": (1, 3)})


def beir(folder):
    (folder / "qrels").mkdir(parents=True)
    (folder / "corpus.jsonl").write_text('{"_id": "a", "title": "", "text": "溫室降溫"}\n'
                                         '{"_id": "b", "title": "vaccine", "text": ""}', "utf-8")
    (folder / "queries.jsonl").write_text('{"_id": "1", "text": "greenhouse cooling"}', "utf-8")
    (folder / "qrels" / "test.tsv").write_text("q\td\ts\n1\ta\t1\n", "utf-8")
    return folder


def test_rankers_and_lists_are_compared_by_one_ndcg():
    random = np.random.default_rng(1)
    rows = np.broadcast_to(NEUTRAL, (20, 8, len(KEYS))) + random.normal(0, 0.1, (20, 8, len(KEYS)))
    needs = [HeldOut(f"N{i}", x, random.permutation([3, 2, 1, 0, 0, 0, 0, 0])) for i, x in enumerate(rows)]
    ranker = load_ranker()
    orders = {n.need_id: np.argsort(-score_rows(ranker, n.features), kind="stable") for n in needs}
    lists = {key: [str(i) for i in order] for key, order in orders.items()}
    grades = {n.need_id: {str(i): int(g) for i, g in enumerate(n.grades)} for n in needs}
    found = compare_rankers(ranker, ranker, needs, random)
    assert found.old == pytest.approx(measure(lists, grades)["nDCG@10"].mean)
    assert ndcg(np.array([0, 3]), np.array([3, 0, -2])) == pytest.approx(1 / np.log2(3))


# ---- nested choices -----------------------------------------------------------------------

TOPICS = ("spindle", "vaccine", "greenhouse", "battery", "turbine", "enzyme")


class Blind:
    """An encoder to which no two texts are near: only words can tell what fits."""

    revision, dimensions = "blind", 40

    def __init__(self):
        self.seen = {}

    def encode(self, texts):
        rows = [self.seen.setdefault(text, len(self.seen)) for text in texts]
        return np.eye(40, dtype=np.float32)[rows]

    encode_query = encode_document = encode


@pytest.fixture
def rated(tmp_path):
    """Six reviewers: each knows the paper of their own topic (5), and others less (3, 1)."""
    papers = [{"id": f"p{i}", "title": f"{word} wear", "abstract": ""} for i, word in enumerate(TOPICS)]
    own = [{"id": f"x{i}", "title": f"{word} study", "abstract": ""} for i, word in enumerate(TOPICS)]
    qrels = [f"r{i}\tp{(i + step) % 6}\t{grade}" for i in range(6)
             for step, grade in ((0, 5), (1, 3), (2, 3))]
    profiles = [f"{sample}\tr{i}\tx{i}" for sample in ("d1", "d2") for i in range(6)]
    for name, rows in (("papers", papers), ("profile_papers", own)):
        (tmp_path / f"{name}.jsonl").write_text("\n".join(map(json.dumps, rows)), "utf-8")
    (tmp_path / "qrels.tsv").write_text("\n".join(["reviewer\tpaper\texpertise", *qrels]), "utf-8")
    (tmp_path / "profiles.tsv").write_text("\n".join(["dataset\treviewer\tpaper", *profiles]), "utf-8")
    return tmp_path


def test_nested_folds_find_that_only_words_tell(rated):
    found = measure_nested(read_rated(rated), Blind(), load_ranker())
    assert {name: figure.mean for name, figure in found.figures.items()} == {
        "loss": 0.0, "easy pairs": 0.0, "hard pairs": 0.0}
    assert all(c.lexical_weight > 0 for c in found.chosen)
    assert (sum(found.chosen.values()), found.folds, found.spread) == (100, 100, 0.0)


def test_the_fixed_configuration_is_measured_as_the_ranking_ranks(rated):
    found = measure_nested(read_rated(rated), load_encoder(), load_ranker())
    ranked = rank_expertise(read_expertise(rated), load_encoder()).figures()
    assert found.fixed == ranked
    assert found.hindsight["loss"].mean <= found.figures["loss"].mean
    assert Configuration("temperature 0.2", None) == FIXED
    assert FIXED.join in {c.join for c in GRID}


def test_nobody_is_measured_with_a_choice_they_had_a_say_in():
    losses = np.random.default_rng(2).random((30, 12))
    for fold, taken in _choices(losses, np.random.default_rng(5)):
        changed = losses.copy()
        changed[:, fold] = np.random.default_rng(6).random((30, len(fold))) * 100
        again = {tuple(f): t for f, t in _choices(changed, np.random.default_rng(5))}
        assert again[tuple(fold)] == taken
        assert taken == np.delete(losses, fold, axis=1).sum(axis=1).argmin()


VALUES = np.float32([0.9, 0.1, 0.2, 0.3, 0.7, 0.5])


@pytest.fixture
def pool():
    """Offers of four, one and one texts; the median is one."""
    offers = [Offer("a"), Offer("b"), Offer("c")]
    evidence = [Evidence(f"e{i}", offer, "text") for i, offer in enumerate("aaaabc")]
    return build_pool(offers, evidence, Blind().encode, lambda offer: None)


@pytest.mark.parametrize("temperature", [0.05, 0.1, 0.2, 0.3])
def test_another_temperature_is_the_rankings_own_join(pool, temperature):
    found = join_at(VALUES, pool, temperature)
    first = temperature * np.log(np.exp(VALUES[:4].astype(float) / temperature).mean())
    assert found == pytest.approx([first, 0.7, 0.5], abs=1e-6)
    assert join_at(VALUES, pool, TEMPERATURE) == pytest.approx(log_mean_exp(VALUES, pool))


@pytest.mark.parametrize(("join", "wanted"), [
    ("mean", [0.375, 0.7, 0.5]), ("mean of the best three", [1.4 / 3, 0.7, 0.5])])
def test_means_of_texts(pool, join, wanted):
    assert JOINS[join](VALUES, pool) == pytest.approx(wanted)


@pytest.mark.parametrize(("join", "wanted"), [
    ("mean", [0.15, 0.5, 0.7]), ("mean of the best three", [0.15, 0.5, 0.7])])
def test_who_has_few_texts_is_filled_up_with_ordinary_ones(join, wanted):
    evidence = [Evidence(f"e{i}", offer, "text") for i, offer in enumerate("abbcc")]
    pool = build_pool([Offer("a"), Offer("b"), Offer("c")], evidence, Blind().encode, lambda o: None)
    found = JOINS[join](np.float32([0.2, 0.4, 0.6, 0.7, 0.7]), pool)  # lower quartile 0.4
    assert found == pytest.approx([0.3, *wanted[1:]])


def test_too_few_reviewers_and_other_folders_are_refused(rated, tmp_path):
    few = read_rated(rated)
    with pytest.raises(InputError, match="deals reviewers to 5 folds; found only 2"):
        measure_nested(replace(few, ratings=dict(list(few.ratings.items())[:2])), Blind(), load_ranker())
    with pytest.raises(InputError, match=r"has no profile_papers\.jsonl"):
        read_rated(tmp_path / "qrels")


# ---- the command --------------------------------------------------------------------------


@pytest.fixture
def run(tmp_path, monkeypatch, measured_space):
    """The command over a store with judged pairs."""
    monkeypatch.setenv("MATCHER_HOME", str(tmp_path))
    monkeypatch.setenv("MATCHER_LANG", "en")
    return lambda *words: CliRunner().invoke(main, ["evaluate", *map(str, words)])


def test_the_judged_pairs_of_the_store_as_a_table(run):
    done = run()
    assert done.exit_code == 0, done.output
    words = " ".join(done.output.split())
    assert words.startswith("Judged pairs (12) nDCG@10 1.000 [1.000, 1.000]")
    assert "By the need's language needs nDCG@10 MRR@10 recall@100 P@1 English 6 1.000" in words
    assert "By offer kind: offers of one kind alone" in words
    assert run("--judged").output == done.output


def test_the_judged_pairs_as_json_and_against_a_saved_run(run, tmp_path):
    assert run("--save", tmp_path / "a.json").output.endswith(f"Written: {tmp_path / 'a.json'}\n")
    found = json.loads(run("--against", tmp_path / "a.json", "--json").output)
    assert {"by": "theme", "value": None, "needs": 6}.items() <= found["slices"][-1].items()
    assert found["comparison"]["differences"][0]["interval"] == {"value": 0, "low": 0, "high": 0}
    text = " ".join(run("--against", tmp_path / "a.json").output.split())
    assert "(12 paired; difference = now − saved)" in text
    assert "p 1.0000 better 0, equal 12, worse 0" in text
    assert "Gained most" not in text


def test_needs_that_changed_are_shown_with_their_titles(run, tmp_path):
    run("--save", tmp_path / "a.json")
    row = json.loads((tmp_path / "a.json").read_text("utf-8"))
    row["values"]["N1-0"] = [[0, 1]] * 4
    (tmp_path / "a.json").write_text(json.dumps(row), "utf-8")
    assert "Gained most (nDCG@10):\n  0.000 → 1.000  N1-0  主軸熱變位補償" in run(
        "--against", tmp_path / "a.json").output


def test_the_sample_is_measured_where_it_is_asked_for(run, monkeypatch, measured_space):
    monkeypatch.setattr(demonstration, "load_sample", lambda *_: measured_space)
    assert run("--sample").output.startswith("Sample (12)")


def test_nested_says_that_the_fixed_configuration_was_not_its_choice(run, rated):
    done = run(rated, "--nested")
    assert done.exit_code == 0, done.output
    assert shows_evaluation.NOT_CHOSEN_BY_IT in done.output
    assert "Chosen, of 100 folds:" in done.output
    found = json.loads(run(rated, "--nested", "--json").output)
    assert (found["folds"], found["fixed_chosen_by_nested"]) == (100, False)


def test_expertise_ratings_are_saved_and_compared_by_reviewer(run, rated, tmp_path):
    run(rated, "--save", tmp_path / "a.json")
    found = json.loads(run(rated, "--encoder", "--against", tmp_path / "a.json", "--json").output)
    assert [d["metric"] for d in found["comparison"]["differences"]] == ["loss", "easy pairs", "hard pairs"]
    assert (found["comparison"]["old"]["ranker"], found["made"]["ranker"]) == (load_ranker().revision, None)


@pytest.mark.parametrize(("words", "sentence"), [
    (("--judged", "--sample"), "Give one of DIR, --judged and --sample."),
    ((".", "--judged"), "Give one of DIR, --judged and --sample."),
    (("--encoder",), "--encoder and --nested measure a folder: give DIR."),
    (("--nested",), "--encoder and --nested measure a folder: give DIR."),
    ((".", "--nested", "--encoder"), "--nested goes without --encoder, --save and --against."),
    ((".", "--nested"), "wants a folder of expertise ratings"),
])
def test_options_that_do_not_go_together_are_refused(run, words, sentence):
    done = run(*words)
    assert (done.exit_code, sentence in done.output) == (2, True), done.output


@pytest.mark.parametrize(("by", "value", "name"), [
    ("language", "vi", "Tiếng Việt"), ("pair", "other", "other languages"),
    ("centre", "Nowhere", "Nowhere"), ("kind", None, "not named"), ("kind", "fund", "Fund"),
    ("theme", "of old", "of old")])
def test_parts_are_named_in_words(by, value, name):
    assert shows_evaluation.value_name(by, value, "en") == name
