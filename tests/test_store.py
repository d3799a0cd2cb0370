from __future__ import annotations

import json
import subprocess
import sys
import threading
import time
from dataclasses import replace
from datetime import UTC, date, datetime

import numpy as np
import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from conftest import EVIDENCE, NEEDS, OFFERS, PARTIES

from matcher.errors import InputError, StoreError, UnknownRecordError
from matcher.store import Changes, open_store, records, text_hash
from matcher.store.database import to_json
from matcher.store.schema import metadata
from matcher.vocabulary import (
    Conflict,
    EvidencePair,
    Influence,
    JudgedPair,
    Match,
    MatchList,
    Message,
    Offer,
    Outcome,
    Party,
    Run,
)

ALL = {"parties": PARTIES, "needs": NEEDS, "offers": OFFERS, "evidence": EVIDENCE,
       "judged": [JudgedPair("N1", "O1", 3, "me", date(2026, 11, 1), "same problem")],
       "conflicts": [Conflict("P1", "P3", "shareholder")]}


def test_what_goes_in_comes_out(store):
    store.put(**ALL)
    assert tuple(store.parties().values()) == PARTIES
    assert (store.needs(), store.offers(), store.evidence()) == (NEEDS, OFFERS, EVIDENCE)
    assert (store.judged(), store.conflicts()) == (tuple(ALL["judged"]), tuple(ALL["conflicts"]))
    assert store.needs("CTSP") == NEEDS[:1]
    assert store.needs_by_centre() == {"CTSP": 1, "PABP": 1}


def test_an_empty_store_has_no_records_of_any_kind(store):
    assert [store.needs(), store.offers(), store.evidence("O1"), store.judged(), store.conflicts()] == [()] * 5
    assert store.parties() == {}
    with pytest.raises(UnknownRecordError, match="N1"):
        store.need("N1")
    with store.frozen() as frozen:
        assert not any(frozen.left_out.values())
        assert frozen.offers() == ()


def test_a_second_import_changes_only_what_changed(store):
    store.put(**ALL)
    before = store.snapshot()
    assert all(c.inserted + c.updated == 0 for c in store.put(**ALL).values())
    assert store.snapshot() == before
    edited = [replace(OFFERS[0], description="new"), *OFFERS[1:]]
    assert store.put(offers=edited)["offers"] == Changes(0, 1, 2)
    assert store.snapshot() != before
    assert store.offer("O1").description == "new"


@pytest.mark.parametrize(("sql", "what", "key", "field"), [
    ("UPDATE conflicts SET reason = x'ff' WHERE other_party_id = 'P3'", "conflicts", ("P1", "P3"), "reason"),
    ("UPDATE judged SET date = 'SECRET' WHERE judge = 'me'", "judged", ("N1", "O1", "me"), "date"),
    ("UPDATE judged SET grade = 'SECRET' WHERE judge = 'me'", "judged", ("N1", "O1", "me"), "grade"),
    ("UPDATE needs SET title = x'ff' WHERE need_id = 'N1'", "needs", ("N1",), "title"),
    ("UPDATE needs SET themes = '[1]' WHERE need_id = 'N1'", "needs", ("N1",), "themes"),
    ("UPDATE needs SET valid_from = 'SECRET' WHERE need_id = 'N1'", "needs", ("N1",), "valid_from"),
])
def test_a_damaged_row_is_left_out_by_its_whole_key_and_named_by_its_field(store, sql, what, key, field):
    others = [JudgedPair("N1", "O1", 2, "you"), JudgedPair("N1", "O2", 1, "me too")]
    store.put(**{**ALL, "judged": [*ALL["judged"], *others], "conflicts": [Conflict("P1", "P2", "kin"), *ALL["conflicts"]]})
    with store.writing() as connection:
        assert connection.exec_driver_sql(sql).rowcount == 1
    with store.frozen() as frozen:
        assert {kind: faults for kind, faults in frozen.left_out.items() if faults} == {what: {key: field}}
        assert frozen.judged() == tuple(others if what == "judged" else [*ALL["judged"], *others])
        assert frozen.conflicts() == (Conflict("P1", "P2", "kin"), Conflict("P1", "P3", "" if what == "conflicts" else "shareholder"))


def test_two_offers_with_the_same_sentence_are_two_records(store):
    store.put(offers=[Offer("A", "same"), Offer("B", "same")])
    assert [o.offer_id for o in store.offers()] == ["A", "B"]


def test_evidence_without_its_offer_is_named_and_nothing_is_kept(store):
    with pytest.raises(InputError, match="E1 → O1, E2 → O2"):
        store.put(parties=PARTIES, evidence=EVIDENCE)
    assert store.counts()["parties"] == 0


def test_deleting_an_offer_takes_its_evidence_along(store):
    store.put(**ALL)
    assert store.delete("offers", ["O1", "O2", "nobody"]) == 2
    assert store.evidence() == ()
    with pytest.raises(UnknownRecordError, match="no offer with the id “O1”"):
        store.offer("O1")


@pytest.mark.parametrize("many", [5000, 100])  # read by their keys, and in one pass over the table
def test_vectors_are_kept_exactly_and_by_encoder(store, monkeypatch, many):
    monkeypatch.setattr(records, "MANY", many)
    rows = np.random.default_rng(0).normal(size=(1200, 8)).astype(np.float32)
    vectors = {text_hash(str(i)): row for i, row in enumerate(rows)}
    store.put_vectors("a", vectors)
    store.put_vectors("a", vectors)
    found = store.vectors("a", [*vectors, "unknown"])
    assert found.keys() == vectors.keys()
    assert all((found[key] == vectors[key]).all() for key in vectors)
    assert store.vectors("a", list(vectors)[:300]).keys() == set(list(vectors)[:300])
    assert store.vectors("b", list(vectors)) == {}
    with pytest.raises(StoreError, match=r"length \[9\]; those stored have 8"):
        store.put_vectors("a", {"x": np.zeros(9, np.float32)})
    assert store.sweep_vectors(list(vectors)[:1]) == 1199


def test_a_match_list_comes_back_equal(store):
    pair = EvidencePair("need", "offer", 0.5, "E1", "zh")
    found = MatchList(NEEDS[0], (Match("N1", "O1", 1, 0.9, {"affinity": 0.5}, {"affinity": 1.0},
                                       (pair,), 12.5, ("a sentence",), (Influence("E1", 4), Influence(None, 2)),
                                       (Message("newer evidence"),), (Message("{count} hidden", {"count": 3}),), 0.5),
                                 Match("N1", "O2", 2, 0.1)),
                      Run("r1", "enc", "rank", "1-x", date(2026, 11, 24)), 3, "whole country",
                      Message("Widened to: {step}.", {"step": Message("whole country")}))
    store.put_match_lists([found])
    store.put_match_lists([found])
    assert store.match_list("r1", "N1") == found
    with pytest.raises(UnknownRecordError):
        store.match_list("r1", "N2")


def test_outcomes_are_appended_in_order(store):
    first = Outcome("N1", "O1", "shown", datetime(2026, 11, 1, 8, tzinfo=UTC), "me")
    store.put_outcomes([first])
    store.put_outcomes([replace(first, stage="contacted")])
    assert [o.stage for o in store.outcomes("N1")] == ["shown", "contacted"]
    assert store.outcomes()[0] == first


def test_the_migrations_make_the_schema(store):
    with store._engine.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), metadata) == []


def test_sqlite_is_set_up_for_many_readers_and_one_careful_writer(store):
    with store._engine.connect() as connection:
        found = {name: connection.exec_driver_sql(f"PRAGMA {name}").scalar()
                 for name in ("journal_mode", "synchronous", "foreign_keys", "busy_timeout")}
    assert found == {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1,
                     "busy_timeout": 5000}


@pytest.mark.parametrize(("make", "sentence"), [
    (lambda p: (p / "a.db").write_text("hello " * 500), "not a database"),
    (lambda p: (p / "a.db").mkdir(), "cannot be opened"),
])
def test_a_bad_database_is_refused_in_words(tmp_path, make, sentence):
    make(tmp_path)
    with pytest.raises(StoreError, match=sentence):
        open_store(f"sqlite:///{tmp_path / 'a.db'}")


def test_an_address_that_is_none_is_refused_without_its_password():
    with pytest.raises(StoreError, match="not understood") as raised:
        open_store("nonsense://me:secret@host/db")
    assert "secret" not in str(raised.value)


def test_a_newer_database_is_refused(tmp_path):
    url = f"sqlite:///{tmp_path / 'a.db'}"
    with open_store(url)._engine.begin() as connection:
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = '9999'")
    with pytest.raises(StoreError, match=r"newer version \(revision 9999\)"):
        open_store(url)


def test_two_writers_at_once_both_succeed(store):
    def write(prefix):
        for i in range(20):
            store.put(offers=[Offer(f"{prefix}{i}", "x")])

    threads = [threading.Thread(target=write, args=(p,)) for p in "ab"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert store.counts()["offers"] == 40


WRITER = """
import sys
from matcher.store import open_store
from matcher.vocabulary import Offer
store = open_store(sys.argv[1])
for batch in range(10_000):
    store.put(offers=[Offer(f"{batch:05d}-{i}", "x" * 200) for i in range(50)])
    print(batch, flush=True)
"""


@pytest.mark.parametrize("delay_s", [0.05, 0.15, 0.3])
def test_a_kill_in_mid_write_loses_nothing_acknowledged_and_leaves_no_half(tmp_path, delay_s):
    url = f"sqlite:///{tmp_path / 'a.db'}"
    open_store(url)
    with subprocess.Popen([sys.executable, "-c", WRITER, url], stdout=subprocess.PIPE,
                          text=True) as process:
        process.stdout.readline()
        time.sleep(delay_s)
        process.kill()
        acknowledged = 1 + len(process.stdout.read().splitlines())
    store = open_store(url)
    stored = store.counts()["offers"]
    assert stored % 50 == 0
    assert stored // 50 >= acknowledged
    with store._engine.connect() as connection:
        assert connection.exec_driver_sql("PRAGMA integrity_check").scalar() == "ok"


@pytest.mark.parametrize(("value", "text"), [
    ({"b": [1, 2.5, None, True], "a": "需求"}, '{"b":[1,2.5,null,true],"a":"需求"}'),
    ({"half": "\ud83c"}, '{"half": "\\ud83c"}'),
    ({1: "a"}, '{"1": "a"}'),
    ([2**70, 1e-7, -0.0], "[1180591620717411303424, 1e-07, -0.0]"),
])
def test_json_columns_say_the_same_whichever_library_writes_them(value, text):
    assert to_json(value) == text
    assert json.loads(to_json(value)) == json.loads(json.dumps(value))


@pytest.mark.parametrize("value", [date(2026, 1, 1), {"day": datetime(2026, 1, 1)}, {1, 2}, Party("P", "x")])
def test_what_is_no_json_is_refused(value):
    with pytest.raises(TypeError, match="not JSON serializable"):
        to_json(value)


def test_a_file_fault_while_a_store_is_frozen_is_not_the_databases(store):
    with pytest.raises(BrokenPipeError), store.frozen():
        raise BrokenPipeError
