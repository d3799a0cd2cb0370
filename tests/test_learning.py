"""Training, end to end on a handful of pairs; needs the extra ``train``, so marked ``st``."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from matcher.errors import InputError
from matcher.learning.corpus import pair_weights
from matcher.learning.edict import read_edict
from matcher.learning.plan import read_plan

PAIRS = [("greenhouse sensor", "溫室感測器"), ("oral vaccine", "口服疫苗"), ("spindle error", "主軸誤差"),
         ("waste acid", "廢酸"), ("solar module", "太陽能模組"), ("fish farm", "魚塭"),
         ("a sensor of the greenhouse", "溫室的感測器"), ("vaccine for fish", "魚的疫苗")]


def test_registers_weigh_as_the_table_says():
    weights = pair_weights(["general", "law", "tech-doc", "new"], ["a", "b", "ms-cpp-docs", "d"])
    assert weights == pytest.approx([8.0, 0.4, 0.15, 1.0])


@pytest.mark.parametrize(("text", "sentence"), [
    ('data = "a"\nwork = "b"', "out: missing"),
    ('data = "a"\nwork = "b"\nout = "c"\nstep = 3', "step: unknown, use one of .*seed"),
    ('data = "a"\nwork = "b"\nout = "c"\n[transformer]\nsteps = "x"\nrate = 1',
     "transformer.steps: 'x' is no int; transformer.rate: unknown"),
    ("data =", "plan.toml"),
])
def test_every_fault_of_a_plan_is_named_at_once(tmp_path, text, sentence):
    (tmp_path / "plan.toml").write_text(text, "utf-8")
    with pytest.raises(InputError, match=sentence):
        read_plan(tmp_path / "plan.toml")


def test_japanese_forms_that_chinese_does_not_write_are_folded():
    from matcher.learning.vocabulary import folding_rules, japanese_forms

    forms = japanese_forms(["研究開發", "芸芸眾生"], ["気候の研究", "開発", "芸術"] * 30)
    assert (forms["気"], forms["発"]) == ("气", "发")
    assert "芸" not in forms
    rules = folding_rules(set("气发开究研"), forms)
    assert [rules.get(sign, sign) for sign in "気発開研龘é"] == ["气", "发", "开", "研", "〓", "é"]


# The format of EDICT with words of our own choosing; none of its lines.
EDICT = """\
　？？？ /EDICT, a heading/Created: 2021/
温室 [おんしつ] /(n) greenhouse/hothouse/(P)/
ワクチン /(n) (med) vaccine (for injection)/vaccination/
軸 [じく] /(n) (1) spindle/axle/(n) (2) stalk/(3) axis/(4) scroll/(P)/
何処 [どこ] /(pn) (uk) where/(P)/
蒲焼 [かばやき] /(n) kabayaki (grilled eel)/(n) (2) 鰻/
古語 [こご] /(n) (arch) old word/
長い [ながい] /(adj-i) a gloss that goes on and on until it is longer than sixty characters are/
"""


def test_a_dictionary_gives_the_first_gloss_of_each_sense(tmp_path):
    (tmp_path / "edict").write_bytes(EDICT.encode("euc-jp"))
    found = [(w.japanese, w.english, w.is_common) for w in read_edict(tmp_path / "edict")]
    assert found == [
        ("温室", "greenhouse", True), ("ワクチン", "vaccine", False), ("軸", "spindle", True), ("軸", "stalk", True),
        ("軸", "axis", True), ("どこ", "where", True), ("蒲焼", "kabayaki", False)]


@pytest.mark.parametrize(("content", "sentence"), [
    (None, "The dictionary .*edict cannot be read: .*No such file"),
    ("軸 /spindle/".encode("utf-16"), "The dictionary .*edict cannot be read"),
    (b"spindle;axle", "The dictionary .*edict cannot be read: no line of the form 漢字"),
])
def test_a_file_that_is_no_dictionary_is_refused_by_name(tmp_path, content, sentence):
    if content is not None:
        (tmp_path / "edict").write_bytes(content)
    with pytest.raises(InputError, match=sentence):
        read_edict(tmp_path / "edict")


@pytest.mark.st
def test_a_dictionary_stands_behind_the_sentences_of_japanese_alone(tmp_path):
    import pyarrow as pa
    import pyarrow.parquet as pq

    from matcher.learning.corpus import read_corpus

    for code in ("ja", "ko"):
        pq.write_table(pa.table({"en": ["fish farm"], "text": [code], "domain": ["general"], "source": ["ours"]}),
                       tmp_path / f"en-{code}.parquet")
    (tmp_path / "edict").write_bytes(EDICT.encode("euc-jp"))
    corpus = read_corpus(tmp_path, str(tmp_path / "edict"))
    assert corpus.other == ["ja", "温室", "ワクチン", *["軸"] * 3, "どこ", "蒲焼", "ko"]
    assert corpus.languages.tolist() == ["ja"] * 8 + ["ko"]
    assert corpus.sources[1:4].tolist() == ["edict-common", "edict", "edict-common"]
    common, rare, general = corpus.weights[[1, 2, 0]] / corpus.weights[2]
    assert (common, rare, general) == pytest.approx((10, 1, 80 / 3))


@pytest.fixture(scope="module")
def plan(tmp_path_factory):
    """A plan of a few steps over parquet files made here: eight pairs, and papers of six lines."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    folder = tmp_path_factory.mktemp("training")
    lines = [(english, other, "general", "ours") for english, other in PAIRS * 3]
    for number in range(4):
        lines.append((f"Paper {number} about fish", f"論文{number}談魚", "science", "science_arxiv_daily"))
        lines += [(f"Sentence {number}{i} on a greenhouse sensor.", f"第{number}{i}句談溫室感測器。", "science",
                   "science_arxiv_daily") for i in range(6)]
    names = ("en", "text", "domain", "source")
    pq.write_table(pa.table(dict(zip(names, map(list, zip(*lines, strict=True)), strict=True))),
                   folder / "en-zh.parquet")
    (folder / "plan.toml").write_text(
        f'data = "{folder}"\nwork = "{folder}/work"\nout = "{folder}/out"\npieces = 200\n'
        "sample = 60\nheld_papers = 2\nheld_pairs = 4\n"
        "[static]\nsteps = 60\nbatch = 16\ndimensions = 32\npapers = 0.5\n"
        "[transformer]\nsteps = 3\npairs = 12\ntokens = 64\nwarmup = 1\ncooldown = 1\n", "utf-8")
    return folder / "plan.toml"


@pytest.mark.st
@pytest.mark.filterwarnings("ignore")
def test_a_whole_training_writes_a_folder_that_encodes(plan):
    from matcher.encoding import ChannelsEncoder, load_encoder
    from matcher.learning.encoder import train_encoder

    found = read_plan(plan)
    assert train_encoder(plan) == found.out
    small, exact = load_encoder(str(found.out)), ChannelsEncoder(found.work / "exact")
    texts = [text for pair in PAIRS for text in pair]
    assert small.dimensions == 384 + 32
    assert ((small.encode(texts) * exact.encode(texts)).sum(axis=1) > 0.98).all()
    assert (small.encode(["溫室感測器"]) @ small.encode(["温室感测器"]).T).item() >= 0.999


@pytest.mark.st
@pytest.mark.filterwarnings("ignore")
def test_english_is_cut_and_read_as_the_teacher_does_before_training(plan):
    import torch

    from matcher.learning.encoder import prepare
    from matcher.learning.static import load_teacher
    from matcher.learning.student import starting_student

    vocabulary, _, _, _, static = prepare(read_plan(plan))
    teacher = load_teacher()
    student = starting_student(teacher[0].model, vocabulary, static).eval()
    for text in ("Naïve Zürich: 3 sensors (GaN).", "Compensating thermal displacement"):
        ids = vocabulary.layout.to_rows(np.array(vocabulary.tokenizer.encode(text).ids))
        with torch.inference_mode():
            mine = student(torch.from_numpy(ids)[None], torch.ones(1, len(ids)))[0].numpy()
        assert mine @ teacher.encode(text) == pytest.approx(1, abs=1e-4)


@pytest.mark.st
@pytest.mark.filterwarnings("ignore")
def test_a_stopped_training_goes_on_to_the_same_weights(plan, tmp_path):
    from matcher.learning.encoder import prepare, prepare_transformer

    found = read_plan(plan)
    vocabulary, held, corpus, sides, static = prepare(found)
    ends = []
    for name, stops in (("whole", (3,)), ("parts", (2, 3))):
        (tmp_path / name).mkdir()
        for steps in stops:
            steady = dataclasses.replace(found.transformer, steps=steps, cooldown=0)
            here = dataclasses.replace(found, work=tmp_path / name, transformer=steady)
            student = prepare_transformer(vocabulary, held, corpus, sides, static, here)
        ends.append(student.weights())
    assert ends[0].keys() == ends[1].keys()
    for key, value in ends[0].items():
        np.testing.assert_allclose(ends[1][key], value, atol=1e-4, err_msg=key)


@pytest.mark.st
@pytest.mark.filterwarnings("ignore")
def test_what_has_no_rate_stays_as_it_is(plan, tmp_path):
    from matcher.learning.encoder import prepare, prepare_transformer

    found = read_plan(plan)
    vocabulary, held, corpus, sides, static = prepare(found)
    made = []
    for name, english in (("a", 0.3), ("b", 1.0)):
        rows = dataclasses.replace(found.transformer, layer_rate=0.0, known_rate=0.0, row_rate=1e-2, english=english, steps=9)
        here = dataclasses.replace(found, work=tmp_path / name, transformer=dataclasses.replace(rows, average=0.0))
        here.work.mkdir()
        before = prepare_transformer(vocabulary, held, corpus, sides, static, dataclasses.replace(
            here, transformer=dataclasses.replace(rows, steps=0))).weights()
        after = prepare_transformer(vocabulary, held, corpus, sides, static, here).weights()
        made.append({key for key in before if not np.array_equal(before[key], after[key])})
        known = vocabulary.layout.teacher
        assert np.array_equal(before["rows.weight"][:known], after["rows.weight"][:known])
    assert made == [{"rows.weight"}, set()]  # of English alone there is nothing to learn


@pytest.mark.st
def test_a_paper_is_cut_into_two_parts_in_either_language():
    from matcher.learning.papers import Papers
    from matcher.learning.sides import Side

    # One paper of rows 3…6 (title, three sentences), one token a row: 3…6 and 13…16.
    papers = Papers(np.array([3]), np.array([7]))
    sides = tuple(Side(np.arange(first, first + 8, dtype=np.uint32), np.arange(9))
                  for first in (0, 10))
    random, seen = np.random.default_rng(1), set()
    for _ in range(20):
        for pair in papers.pairs(sides, 80, 1.0, 160, random):
            left, right = (np.split(ids.numpy(), starts.numpy()[1:]) for ids, starts in pair)
            seen |= {(tuple(a.tolist()), tuple(b.tolist())) for a, b in zip(left, right, strict=True)}
    cuts = [((3,), (4, 5, 6)), ((3, 4), (5, 6)), ((3, 4, 5), (6,))]
    moved = [tuple(tuple(t + shift for t in part) for part, shift in zip(cut, shifts, strict=True))
             for cut in cuts for shifts in ((0, 0), (0, 10), (10, 0), (10, 10))]
    assert seen == set(moved)


@pytest.mark.st
def test_a_held_out_paper_is_no_training_paper(plan):
    from matcher.learning.corpus import read_corpus
    from matcher.learning.heldout import find_papers, hold_out
    from matcher.learning.papers import training_papers

    corpus = read_corpus(read_plan(plan).data)
    held, rest = hold_out(corpus, 2, 0, 1)
    kept = training_papers(rest)
    titles = {title for title, _ in find_papers(corpus)} - {title for title, _ in held.papers}
    assert set(kept.first.tolist()) == titles
    assert (kept.last - kept.first == 7).all()


# Rows: 0 padding, 1 "cat", 2 "##s", 3 "sat", 4 "on", 5 猫, 6 고양이, 7 座る.
@pytest.mark.st
@pytest.mark.parametrize(("sentence", "language", "part", "mixed"), [
    ([1, 3, 4], 0, 1.0, {(5, 7, 4), (1, 7, 4), (5, 3, 4), (1, 3, 4)}),
    ([1, 3, 4], 1, 1.0, {(6, 3, 4), (1, 3, 4)}),
    ([1, 2, 3], 0, 1.0, {(1, 2, 7), (1, 2, 3)}),  # "cats" is one word and not in the dictionary
    ([1, 3, 4], 0, 0.0, {(1, 3, 4)}),
])
def test_words_give_way_to_translations_of_one_language(sentence, language, part, mixed):
    from matcher.learning.mixing import Dictionary

    rows = np.zeros((2, 8), np.int64)
    rows[0, [1, 3]], rows[1, 1] = (5, 7), 6
    tail = np.arange(8) == 2
    words = Dictionary(rows, tail, np.eye(2)[language])
    texts = np.array([[*sentence, 0]] * 200)
    found = words.mix(texts, part, np.random.default_rng(1))
    assert {tuple(row[:3]) for row in found.tolist()} == mixed
    assert not found[:, 3].any()


@pytest.mark.st
@pytest.mark.filterwarnings("ignore")
def test_translations_are_read_off_the_static_rows(plan, monkeypatch):
    from matcher.learning import mixing
    from matcher.learning.encoder import prepare

    monkeypatch.setattr(mixing, "LANGUAGES", {"zh": 1.0})
    monkeypatch.setattr(mixing, "OFTEN", 1)
    vocabulary, _, corpus, (_, other), _ = prepare(read_plan(plan))
    ids = vocabulary.tokenizer.get_vocab()
    row = {name: int(vocabulary.layout.to_rows(np.array(ids[name]))) for name in ("greenhouse", "温室")}
    static = np.random.default_rng(0).normal(size=(vocabulary.layout.rows, 64)).astype(np.float32)
    static[row["温室"]] = static[row["greenhouse"]]
    words = mixing.learn_dictionary(static, vocabulary, other, corpus.languages)
    assert words.rows[0, row["greenhouse"]] == row["温室"]
    assert (words.rows > 0).sum() == 1


@pytest.mark.st
def test_the_static_channel_takes_the_share_that_finds_translations_and_keeps_english():
    from matcher.encoding.channels import Channels
    from matcher.learning.shares import Parts, agreement, choose_shares

    random = np.random.default_rng(3)
    meaning = random.normal(size=(60, 8)).astype(np.float32)
    noise = random.normal(size=(60, 8)).astype(np.float32)
    words = np.hstack([meaning, random.normal(size=(60, 8))]).astype(np.float32)
    english = Parts(meaning, words, np.zeros(60, np.float32))
    other = Parts(noise, words, np.ones(60, np.float32))
    first = Channels(10, 20, 30, english=0.0, other=0.5, saturation=0.35)
    chosen = choose_shares({"ja": (other, english)}, first)
    assert chosen.other == 0.8
    assert agreement(english, chosen) >= 0.97
    assert agreement(english, first) == pytest.approx(1)


@pytest.mark.st
def test_a_work_folder_of_another_plan_is_refused(plan, tmp_path):
    from matcher.learning.plan import claim_work

    mine = dataclasses.replace(read_plan(plan), work=tmp_path / "work")
    claim_work(mine)
    claim_work(dataclasses.replace(mine, out=tmp_path / "elsewhere"))
    with pytest.raises(InputError, match="holds the work of another plan"):
        claim_work(dataclasses.replace(mine, seed=1))


@pytest.mark.st
@pytest.mark.filterwarnings("ignore")
def test_a_published_folder_can_be_gone_on_from(plan, tmp_path):
    from matcher.encoding import load_encoder
    from matcher.learning.encoder import train_encoder
    from matcher.learning.vocabulary import load_vocabulary

    first = read_plan(plan)
    if not (first.out / "manifest.json").is_file():
        train_encoder(plan)
    text = plan.read_text("utf-8").replace("/work", "/again").replace("/out", "/second")
    text = f'start = "{first.out}"\n' + text.replace("steps = 60", "steps = 0").replace("steps = 3", "steps = 0")
    (tmp_path / "more.toml").write_text(text, "utf-8")
    out = train_encoder(tmp_path / "more.toml")
    texts = [text for pair in PAIRS for text in pair]
    old, new = load_encoder(str(first.out)), load_encoder(str(out))
    assert old.channels.rows == new.channels.rows == load_vocabulary(first.work).layout.rows
    new.channels = old.channels
    assert ((old.encode(texts) * new.encode(texts)).sum(axis=1) > 0.995).all()


@pytest.mark.st
def test_whole_numbers_do_not_overflow_on_any_processor(tmp_path):
    """Inputs and weights at their ends: without VNNI a sum of two products leaves 16 bits."""
    import onnx
    from onnx import TensorProto, helper, numpy_helper

    from matcher.encoding.channels import _open_session

    weights = np.full((64, 64), 127, np.int8)
    values = {"w": weights, "one": np.ones(1, np.float32), "zero": np.zeros(1, np.uint8)}
    node = helper.make_node("MatMulIntegerToFloat", ["x", "w", "one", "one", "zero"], ["y"], domain="com.microsoft")
    graph = helper.make_graph(
        [node], "sum", [helper.make_tensor_value_info("x", TensorProto.UINT8, [2, 64])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [2, 64])],
        [numpy_helper.from_array(value, name) for name, value in values.items()])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20), helper.make_opsetid("com.microsoft", 1)])
    model.ir_version = 10
    onnx.save(model, str(tmp_path / "model.onnx"))
    found = _open_session(tmp_path / "model.onnx", 1).run(None, {"x": np.full((2, 64), 255, np.uint8)})[0]
    assert set(found.ravel().tolist()) == {64 * 255 * 127}
