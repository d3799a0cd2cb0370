"""Texts are read once: what was read is found again, in the same process and in the next."""

from __future__ import annotations

from datetime import date

import numpy as np
import pytest

from matcher import reading, workflow, workspace
from matcher.encoding import load_encoder
from matcher.errors import StoreError
from matcher.lexical import count_terms, group_of
from matcher.ranker import load_ranker
from matcher.reading import pack, read_texts, rules, stack_terms, unpack
from matcher.store import open_store, text_hash
from matcher.store.readings import put_readings, put_sentences, readings
from matcher.vocabulary import Evidence, Need, Offer

FAIR = ["五軸加工機的主軸熱補償。主軸主軸。", "GaN power devices, GaN test", "", "…"]
UNFAIR = "We mea\u200bsure. " + "GaN " * 9
SENTENCE = "我們量測主軸熱變位。"


@pytest.fixture
def space(tmp_path):
    store = open_store(f"sqlite:///{tmp_path}/matcher.db")
    store.put(needs=[Need("N", description="主軸熱補償")], offers=[Offer("O", description=SENTENCE)],
              evidence=[Evidence("E", "O", UNFAIR)])
    return workspace.Workspace(store, load_encoder(), load_ranker())


def test_a_packed_reading_is_the_same_again():
    for text, read in zip(FAIR, read_texts(FAIR), strict=True):
        again = unpack(text_hash(text), text, pack(read))
        assert (again.text, again.warnings) == (read.text, ()) == (text, ())
        assert again.group == read.group == group_of(text)
        assert again.terms == read.terms
        assert again.key == text_hash(text)


@pytest.mark.parametrize("texts", [FAIR, FAIR[:1], FAIR[2:3], []])
def test_stacked_terms_are_those_counted_together(texts):
    stacked, counted = stack_terms(read_texts(texts)), count_terms(texts)
    assert stacked.shape == counted.shape
    assert (stacked != counted).nnz == 0


def test_the_next_process_reads_only_what_is_new_or_unfair(space, monkeypatch):
    first, asked = space.pool(), []
    monkeypatch.setattr(workspace, "read_texts", lambda texts: asked.extend(texts) or read_texts(texts))
    later = workspace.Workspace(space.store, load_encoder(), load_ranker())
    again = later.pool()
    assert (asked, later.encoded) == ([UNFAIR], 0)
    assert np.array_equal(again.vectors, first.vectors)
    assert again.texts == first.texts
    assert (again.counts != first.counts).nnz == 0
    assert [w.id for w in again.texts[1].warnings] == [w.id for w in first.texts[1].warnings] != []


def test_terms_of_needs_are_counted_as_written_and_kept_for_the_next_process(space, monkeypatch):
    texts, asked = ["主軸熱補償", UNFAIR], []
    assert (space.count(texts) != count_terms(texts)).nnz == 0
    monkeypatch.setattr(workspace, "read_texts", lambda texts: asked.extend(texts) or read_texts(texts))
    again = workspace.Workspace(space.store, load_encoder(), load_ranker())
    assert (again.count(texts) != count_terms(texts)).nnz == 0
    assert asked == [UNFAIR]


@pytest.mark.parametrize("content", [b"", b"zh", b"zh\0" + bytes(12)])
def test_a_stored_reading_that_was_cut_short_is_read_again(space, content):
    """Two of them might otherwise be taken for one another's terms."""
    texts = [SENTENCE, "主軸熱補償", "second"]
    space.read(texts)
    with space.store.writing() as connection:
        connection.exec_driver_sql("UPDATE readings SET content = ?", (content,))
    later = workspace.Workspace(space.store, load_encoder(), load_ranker())
    assert (stack_terms(later.read(texts)) != count_terms(texts)).nnz == 0


def test_readings_by_other_rules_are_not_taken_and_go(space, monkeypatch):
    space.pool()
    key = text_hash(SENTENCE)
    assert set(readings(space.store, rules(), [key])) == {key}
    put_readings(space.store, "other", {key: b""})
    assert readings(space.store, rules(), [key]) == {}
    assert readings(space.store, "other", [key]) == {key: b""}


def test_the_rules_name_every_file_that_reading_goes_by(monkeypatch, tmp_path):
    before = rules.__wrapped__()
    for module in (reading, reading.integrity, reading.languages, reading.lexical):
        changed = tmp_path / f"{module.__name__}.py"
        changed.write_text("changed", "utf-8")
        with monkeypatch.context() as patch:
            patch.setattr(module, "__file__", str(changed))
            assert rules.__wrapped__() != before


@pytest.mark.parametrize(("answers", "kept"), [([True, True], 2), ([False], 0), ([True, False], 0)])
def test_sentences_are_kept_only_while_nothing_has_gone(space, answers, kept):
    vectors = space.embed_sentences([SENTENCE, "second"])
    said = iter(answers)
    space.keep_sentences(lambda: next(said))
    assert sum(space.store.vector_counts().values()) == kept
    assert np.array_equal(space.embed_sentences([SENTENCE, "second"]), vectors)


def test_sentences_of_many_centres_are_kept_though_memory_is_emptied(space, monkeypatch):
    monkeypatch.setattr(workspace, "SENTENCES_KEPT", 3)
    kept = []
    for centre in "甲乙丙":
        batch = space.over(space.store)
        for number in "一二三四五":
            batch.embed_sentences([f"{centre}園區第{number}句。"])
        space.keep_sentences(lambda: True)
        kept.append(sum(space.store.vector_counts().values()))
    assert kept == [1, 3, 6]


def test_kept_sentences_are_not_encoded_again(space, monkeypatch):
    vectors = space.embed_sentences([SENTENCE])
    space.keep_sentences(lambda: True)
    space.keep_sentences(pytest.fail)  # nothing new: nothing is asked
    later = workspace.Workspace(space.store, load_encoder(), load_ranker())
    monkeypatch.setattr(later.encoder, "encode", pytest.fail)
    assert np.array_equal(later.embed_sentences([SENTENCE]), vectors)


def test_a_stored_vector_that_was_cut_short_is_not_filled_up_with_another(space):
    space.embed(["first", "second"], "document")
    with space.store.writing() as connection:
        assert connection.exec_driver_sql(
            "UPDATE vectors SET content = x'' WHERE hash = ?", (text_hash("second"),)).rowcount == 1
    later = workspace.Workspace(space.store, load_encoder(), load_ranker())
    with pytest.raises(StoreError, match="damaged"):
        later.embed(["first", "second"], "document")
    with pytest.raises(StoreError, match="damaged"):
        later.embed(["second"], "document")


def test_vectors_of_sentences_that_were_cut_by_other_rules_go(space, monkeypatch):
    """An erasure, which looks for the sentences as they are cut now, could not find them."""
    def kept():
        return {name for name in ("old", "other", "new") if space.store.vectors("e/sentence", [name])}

    def put(name, rules):
        put_sentences(space.store, "e", rules, {name: np.ones(3, np.float32)})
        return kept()

    space.store.put_vectors("e/sentence", {"old": np.ones(3, np.float32)})  # before there were marks
    space.store.put_vectors("e/document", {"text": np.ones(3, np.float32)})
    snapshot = space.store.snapshot()
    assert [put("other", "a"), put("new", "a"), put("old", "b")] == [{"other"}, {"other", "new"}, {"old"}]
    assert (space.store.snapshot(), space.store.vector_counts()) == (snapshot, {"e/sentence": 1, "e/document": 1})


def test_of_a_typed_need_no_sentence_is_kept(space):
    typed = "主軸在開機後伸長，想找補償的方法。"
    workflow.match_text(space, typed, day=date(2026, 11, 28))
    space.keep_sentences(lambda: True)
    assert not [name for name in space.store.vector_counts() if name.endswith("/sentence")]
    list(workflow.match(space, needs=["N"], day=date(2026, 11, 28)))
    space.keep_sentences(lambda: True)
    assert space.store.vectors(f"{space.encoder.revision}/sentence", [text_hash(typed)]) == {}
    assert text_hash("主軸熱補償") in space.store.vectors(f"{space.encoder.revision}/sentence", [text_hash("主軸熱補償")])
