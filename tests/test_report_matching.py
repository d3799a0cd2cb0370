"""A month matched in two processes says what one process says; what stays behind is done here."""

from __future__ import annotations

import contextlib
import os
import sqlite3
import sys
import time
from dataclasses import replace
from datetime import UTC, date, datetime

import numpy as np
import pytest
from conftest import facts_of
from simulated_year import Concepts, Year

from matcher import forking, ranking
from matcher.forking import LeftBehindError
from matcher.report import matching
from matcher.report.job import Tools, make_report
from matcher.report.matching import Matching, cut, match_all
from matcher.store import open_store, schema
from matcher.store.reports import content_of
from matcher.workspace import Workspace

pytestmark = [pytest.mark.slow,
              pytest.mark.skipif(sys.platform != "linux", reason="processes are forked on Linux alone")]
FIRST, NOW = date(2026, 12, 1), datetime(2027, 1, 2, 4, tzinfo=UTC)
REPORT, HERE = "2026-12-CTSP", os.getpid()


@pytest.fixture
def small_parts(monkeypatch):
    """Two needs a part, and a second process for however little work."""
    for name in ("BLOCK", "LEAST_BLOCK"):
        monkeypatch.setattr(ranking, name, 2)
    monkeypatch.setattr(matching, "WORTH_TWO", 0)


def region_in(folder) -> Year:
    folder.mkdir()
    region = Year(open_store(f"sqlite:///{folder / 'matcher.db'}"), needs=24, offers=30, evidence=60)
    need = next(n for n in region.store.needs("CTSP"))
    region.store.put(  # the need stands word for word in an offer that came later
        needs=[replace(need, valid_from=date(2026, 1, 1), description="以震動感測改善刀具磨耗，不良率由百分之九降到百分之二，產線驗證於三十天內完成。")],
        offers=[replace(region.store.offers()[0], valid_from=date(2026, 6, 1), description=(
            "以震動感測改善刀具磨耗，不良率由百分之九降到百分之二，產線驗證於三十天內完成。本實驗室另有主軸熱變位的量測。"))])
    return region


def said(region, store, two, monkeypatch, first):
    """Make a month's report; give what is stored of it, all texts encoded, in order, and parts matched here."""
    here, done, asked = [], Matching.part, []

    class Asked(Concepts):
        def encode(self, texts):
            assert os.getpid() == HERE
            asked.append(list(texts))
            return super().encode(texts)

    def part(self, places, step):
        if os.getpid() == HERE:
            here.append(places)
            time.sleep(0.2 if two else 0)  # the other comes to its turn
        return done(self, places, step)

    monkeypatch.setattr(Matching, "part", part)
    monkeypatch.setattr(matching, "can_fork", lambda: two)
    space = Workspace(store, Asked(), region.space.ranker)
    make_report(space, "CTSP", first, region.rules, Tools(lambda: NOW.replace(month=first.month % 12 + 1), lambda *a: None), lambda made: None)
    monkeypatch.setattr(Matching, "part", done)
    with store.reading() as connection:
        rows = connection.execute(schema.matches.select().order_by(*schema.matches.primary_key.columns)).all()
    report_id = f"{first:%Y-%m}-CTSP"
    return (facts_of(store, report_id), content_of(store, report_id), rows, asked), here


def test_two_processes_say_what_one_says_and_share_what_is_known(tmp_path, small_parts, monkeypatch):
    region = region_in(tmp_path / "one")
    with contextlib.closing(sqlite3.connect(tmp_path / "one" / "matcher.db")) as database:
        database.execute("VACUUM INTO ?", [str(tmp_path / "two.db")])
    copy = open_store(f"sqlite:///{tmp_path / 'two.db'}")
    new = replace(region.store.needs("CTSP")[-1], need_id="N999", title="新需求", description="想減少塑膠再生時的異味。想知道電網調度的費用。")
    for first, more in ((FIRST, []), (date(2027, 1, 1), []), (date(2027, 2, 1), [new])):
        for store in (region.store, copy):
            store.put(needs=more)
        (one, all_parts), (two, parts) = (said(region, store, two, monkeypatch, first)
                                          for two, store in ((False, region.store), (True, copy)))
        assert one == two
        assert len(one[0]["listed"]) > 6
        assert 0 < len(parts) < len(all_parts)
        assert parts == sorted(parts, key=lambda part: part.start)
    assert "想知道電網調度的費用。" in one[3][-1]


@pytest.mark.parametrize(("count", "size", "lengths"), [
    (0, 4, []), (1, 4, [1]), (4, 4, [1] * 4), (11, 4, [1] * 11), (12, 4, [4, 1, 1, 1, 1, 4]), (1000, 128, [128] * 3 + [32] * 7 + [8] + [128] * 3),
    (3, 2, [1, 1, 1]), (6, 1, [1] * 6),
])
def test_parts_are_small_where_two_processes_meet(count, size, lengths):
    parts = cut(count, size)
    assert [part.stop - part.start for part in parts] == lengths
    assert [place for part in parts for place in range(count)[part]] == list(range(count))


def test_no_connection_and_no_encoder_is_used_in_the_other_process(tmp_path, monkeypatch):
    region = region_in(tmp_path / "one")
    known = region.space.embed_sentences(["一句話"])
    monkeypatch.setattr(forking, "_is_fork", True)
    for use in (region.store.snapshot, lambda: region.store.put(needs=[]), lambda: region.space.encode_rest(["x"]),
                lambda: region.space.embed_sentences(["另一句話"])):
        with pytest.raises(LeftBehindError):
            use()
    assert np.array_equal(region.space.embed_sentences(["一句話"]), known)


@pytest.mark.parametrize("two", [False, True])
def test_a_need_that_cannot_be_encoded_is_named_and_the_others_go_on(tmp_path, small_parts, monkeypatch, two):
    class Choosy(Concepts):
        def encode_query(self, texts):
            if any("壞" in text for text in texts):
                raise ValueError("this text cannot be encoded")
            return self.encode(texts)

    region = region_in(tmp_path / "one")
    bad = region.store.needs("CTSP")[3]
    region.store.put(needs=[replace(bad, description="壞掉的文字")])
    monkeypatch.setattr(matching, "can_fork", lambda: two)
    space, needs, told = Workspace(region.store, Choosy(), region.space.ranker), region.store.needs("CTSP"), []
    found = match_all(space, needs, date(2026, 12, 31), region.rules, lambda *progress: told.append(progress))
    assert [(s.record_id, s.problem.fields["problem"]) for s in found.skipped] == [(bad.need_id, "this text cannot be encoded")]
    assert [f.need.need_id for f in found.lists] == [n.need_id for n in needs if n.need_id != bad.need_id]
    counts = [done for step, done, total in told if step == "match"]
    assert counts == sorted(set(counts))
    assert counts[-1] == len(needs)


def test_a_damaged_vector_of_a_sentence_that_nobody_wants_harms_nobody(tmp_path, small_parts, monkeypatch):
    region = region_in(tmp_path / "one")
    region.store.put_vectors("concepts-1/sentence", {"0" * 64: np.ones(48, np.float32)})
    with region.store.writing() as connection:
        connection.execute(schema.vectors.update().values(content=b"abc").where(schema.vectors.c.hash == "0" * 64))
    needs = region.store.needs("CTSP")
    found = match_all(region.space, needs, date(2026, 12, 31), region.rules, lambda *progress: None)
    assert (len(found.lists), found.skipped) == (len(needs), ())


def test_stored_sentences_are_recalled_at_once_but_not_more_than_memory_holds(tmp_path, monkeypatch):
    region = region_in(tmp_path / "one")
    sentences = [f"第{number}句。" for number in range(6)]
    vectors = region.space.embed_sentences(sentences)
    region.space.keep_sentences(lambda: True)
    monkeypatch.setattr("matcher.workspace.SENTENCES_KEPT", 8)
    space = Workspace(region.store, Concepts(), region.space.ranker)
    space.recall_sentences()
    assert len(space._sentences.vectors) == 4
    assert np.array_equal(space.embed_sentences(sentences), vectors)
