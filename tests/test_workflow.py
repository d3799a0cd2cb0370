"""One verb for everybody: page, file, command line and DataFrame give the same list."""

from __future__ import annotations

import json
from dataclasses import replace

import pandas as pd
import pytest
from click.testing import CliRunner
from conftest import DAY, EVIDENCE, NEEDS, OFFERS, PARTIES, signed_in

import matcher
from matcher import workflow
from matcher.cli import main
from matcher.errors import InputError, UnknownRecordError
from matcher.store import open_store, text_hash
from matcher.vocabulary import Conflict
from web import create_app


def offer_ids(found):
    return [m.offer_id for m in found.matches]


def one(space, need="N1", **options):
    return next(workflow.match(space, needs=[need], day=DAY, **options))


def frame(records):
    import dataclasses

    return pd.DataFrame([dataclasses.asdict(r) for r in records])


def test_page_json_command_line_and_frames_give_the_same_list(settings, monkeypatch):
    monkeypatch.setenv("MATCHER_HOME", str(settings.home))
    store = open_store(settings.database_url)
    store.put(parties=PARTIES, needs=NEEDS, offers=OFFERS, evidence=EVIDENCE)
    client = signed_in(create_app(settings))
    from_page = [(r["offer_id"], r["score"]) for r in client.get("/needs/N1.json").json]
    done = CliRunner().invoke(main, ["match", "--need", "N1", "--json"])
    from_shell = [(m["offer_id"], m["score"]) for m in json.loads(done.output)[0]["matches"]]
    found = matcher.match(frame(NEEDS[:1]), frame(OFFERS), frame(EVIDENCE), day=workflow.today())
    from_frame = [(o, round(s, 4)) for o, s in zip(found.offer_id, found.score, strict=True)]
    assert from_page == from_shell == from_frame
    assert found.evidence.notna().all()


def test_an_edited_offer_is_in_the_next_list(space):
    assert offer_ids(one(space))[0] == "O1"
    space.store.put(offers=[replace(OFFERS[0], title="烘焙課程", description="教做麵包。"),
                            replace(OFFERS[1], title="主軸熱變位補償", description="補償主軸熱伸長。")])
    space.store.delete("evidence", ["E1"])
    assert offer_ids(one(space)) == ["O2", "O1"]


def test_only_new_texts_are_encoded(space, monkeypatch):
    one(space)
    encoded = []
    original = space.encoder.encode_document
    monkeypatch.setattr(space.encoder, "encode_document",
                        lambda texts: encoded.extend(texts) or original(texts))
    space.store.put(offers=[replace(OFFERS[0], description="改過的文字")])
    one(space)
    assert encoded == ["工具機熱誤差建模\n改過的文字"]
    again = workflow.Workspace(space.store, space.encoder, space.ranker)
    one(again)
    assert len(encoded) == 1


def test_a_conflict_declared_later_takes_effect(space):
    space.store.put(conflicts=[Conflict("P1", "P2", "family")])
    assert offer_ids(one(space)) == ["O2"]


def test_equal_inputs_give_equal_lists_and_run_ids(space):
    assert one(space) == one(space)


def test_another_firms_need_changes_nothing_of_a_list_not_even_its_run_id(space):
    before = one(space)
    space.store.put(needs=[replace(NEEDS[1], need_id="N9", description="秘密")])
    assert one(space) == before
    space.store.put(needs=[replace(NEEDS[0], description="另一個問題")])
    assert one(space).run.run_id != before.run.run_id


def test_a_typed_need_is_answered_and_not_stored(space):
    found = workflow.match_text(space, "spindle thermal error", day=DAY)
    assert offer_ids(found)[0] in ("O1", "O3")
    assert space.store.counts()["needs"] == 2
    key = text_hash("spindle thermal error")
    assert space.store.vectors(f"{space.encoder.revision}/query", [key]) == {}


def test_threads_share_a_workspace(space):
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(8) as threads:
        found = list(threads.map(lambda n: offer_ids(one(space, n)), ["N1", "N2"] * 20))
    assert found == [offer_ids(one(space, n)) for n in ("N1", "N2")] * 20


def test_an_unknown_need_is_named(space):
    with pytest.raises(UnknownRecordError, match="no need with the id “N9”"):
        one(space, "N9")


@pytest.mark.parametrize(("needs", "offers", "sentence"), [
    (pd.DataFrame({"id": ["1"]}), frame(OFFERS), "no column need_id"),
    (frame(NEEDS), pd.DataFrame({"offer_id": ["1"]}), "no text column"),
    (frame([NEEDS[0], NEEDS[0]]), frame(OFFERS), "“N1” twice"),
])
def test_a_frame_that_cannot_be_used_says_why(needs, offers, sentence):
    with pytest.raises(InputError, match=sentence):
        matcher.match(needs, offers)


def test_the_smallest_frames_work_and_top_none_gives_every_pair():
    needs = pd.DataFrame({"need_id": [1, 2], "description": ["greenhouse", "溫室"]})
    offers = pd.DataFrame({"offer_id": ["a", "b"], "title": ["溫室感測", "surgery"]})
    found = matcher.match(needs, offers, top=None)
    assert len(found) == 4
    assert found.merge(needs, on="need_id").shape[0] == 4
    assert found[found["rank"] == 1].offer_id.tolist() == ["a", "a"]
    assert matcher.match(needs, offers, top=1).shape[0] == 2
    assert matcher.match(needs, offers.iloc[:0]).empty


def test_offers_may_be_known_by_their_evidence_alone():
    needs = pd.DataFrame({"need_id": ["1"], "description": ["greenhouse cooling"]})
    offers = pd.DataFrame({"offer_id": ["a", "b"]})
    evidence = pd.DataFrame({"offer_id": ["a", "b"], "text": ["surgery", "溫室降溫"]})
    assert matcher.match(needs, offers, evidence).offer_id.tolist() == ["b", "a"]
