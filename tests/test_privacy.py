"""Who sees what of a record, what both sides must agree to, and the rights of whom it is about."""

from __future__ import annotations

import json
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from itertools import product

import pytest
from conftest import DAY, NOW, PARTIES, account_in, facts_of
from hypothesis import given
from hypothesis import strategies as st

from matcher import mail, profiles, sessions, workflow
from matcher.access import ANONYMOUS, Viewer
from matcher.accounts import viewer_of
from matcher.encoding import load_encoder
from matcher.errors import ForbiddenError, InputError, UnknownRecordError
from matcher.languages import render
from matcher.profiles import Review
from matcher.profiles.cards import RELATIONS
from matcher.profiles.consents import CONSENTS, POINTS
from matcher.profiles.form import AUDIENCES, CONTACT, FORM_FIELDS, NAMING, audience_of
from matcher.profiles.pairs import pair_key
from matcher.ranker import load_ranker
from matcher.reading import read_texts, rules
from matcher.report.facts import Rules
from matcher.report.job import Tools, make_report
from matcher.settings import load_settings
from matcher.store import erasure, open_store, text_hash
from matcher.store import profiles as rows
from matcher.store.audit import AuditLine, note
from matcher.store.decisions import put_decisions
from matcher.store.outbox import alert_key, mails
from matcher.store.profiles import Card
from matcher.store.readings import readings
from matcher.store.reports import content_of
from matcher.vocabulary import (
    Conflict,
    Evidence,
    JudgedPair,
    Match,
    MatchList,
    Message,
    Need,
    Offer,
    Outcome,
    Party,
    Run,
)

FIRM = Viewer("f", "firm", party_id="P1")
RIVAL = Viewer("r", "firm", party_id="P9")
GROUP = Viewer("g", "researcher", party_id="P2")
OTHER_GROUP = Viewer("o", "researcher", party_id="P3")
OFFICE = Viewer("a", "centre-admin", centre="CTSP")
ELSEWHERE = Viewer("b", "centre-admin", centre="PABP")
ROOT = Viewer("s", "system-admin")
READER = Viewer("x", "reader", centre="CTSP")
VIEWERS = (ANONYMOUS, FIRM, RIVAL, GROUP, OTHER_GROUP, OFFICE, ELSEWHERE, ROOT, READER)
NEED_DRAFT, OFFER_DRAFT, RIVAL_DRAFT = "0" * 14 + "aa", "0" * 14 + "bb", "0" * 14 + "cc"
NEED_ID, OFFER_ID, RIVAL_ID = f"N-{NEED_DRAFT}", f"O-{OFFER_DRAFT}", f"N-{RIVAL_DRAFT}"
NEED = {"title": "主軸熱變位補償", "description": "五軸機主軸伸長 35 µm。", "centre": "CTSP",
        "budget_max_ntd": "120萬", "contact_name": "林小姐", "contact_email": "lin@example.org",
        "contact_phone": "06-505-1001", "anonymous": "yes"}
OFFER = {"kind": "capability", "title": "工具機熱誤差建模", "description": "補償主軸熱誤差。",
         "centre": "CTSP", "contact_name": "王教授", "contact_email": "wang@example.org"}
VERSION = profiles.consent_text("publish").version
LATER = NOW + timedelta(hours=1)


@pytest.fixture
def home(store):
    store.put(parties=[*PARTIES, Party("P9", "對手公司（樣本）", kind="firm")])
    return store


def publish(store, viewer, content, draft_id, side):
    profiles.save_draft(store, viewer, draft_id, content, 0, NOW, side=side)
    profiles.give_consent(store, viewer, draft_id, VERSION, NOW, "zh", "192.0.2.1")
    profiles.submit(store, viewer, draft_id, 1, NOW)
    return profiles.review(store, ROOT, draft_id, Review("accept"), 2, NOW)


def suggest(store, need_id, *offers):
    run = Run("run-" + need_id[-4:], "encoder", "ranker", "data", DAY)
    store.put_match_lists([MatchList(store.need(need_id), tuple(
        Match(need_id, offer_id, rank, 0.9 - rank / 10)
        for rank, offer_id in enumerate(offers, start=1)), run)])


@pytest.fixture
def pair(home):
    """An anonymous need of P1 and an offer of P2 on its list; nothing released yet."""
    publish(home, FIRM, NEED, NEED_DRAFT, "need")
    publish(home, GROUP, OFFER, OFFER_DRAFT, "offer")
    suggest(home, NEED_ID, OFFER_ID)
    return home


# ---- what a viewer sees -----------------------------------------------------------------------


keys = [f.key for f in FORM_FIELDS]
visibilities = st.dictionaries(st.sampled_from([*keys, "unknown"]), st.sampled_from(
    [*AUDIENCES, "everyone"]), max_size=12)


def full(side):
    if side == "need":
        return Need("N", "題", "說明", "規格", "P1", "CTSP", "臺中市", "zh", ("capability",),
                    ("smart-machinery",), 4, 7, 1, 2, DAY, DAY, ("licence",), ("IPC B23Q",))
    return Offer("O", "題", "說明", "capability", "P1", "CTSP", "臺中市", "zh",
                 ("smart-machinery",), 6, ("licence",), 1, 2, DAY, DAY, "national", ("IPC B23Q",))


@given(visibilities, st.booleans(), st.sampled_from(["need", "offer"]),
       st.sampled_from([*RELATIONS, "boss"]), st.sampled_from(VIEWERS))
def test_no_field_is_ever_given_to_a_viewer_below_its_audience(chosen, anonymous, side, relation,
                                                                viewer):
    contact = {"name": "林", "email": "l@example.org", "phone": "06", "web": "https://e.org"}
    card = Card(side, side[0].upper(), "P1", "f", anonymous, contact, chosen, organisation="範例")
    shown = set(profiles.shown_fields(card, full(side), viewer, relation)) - {"id"}
    is_owner = relation == "owner" and viewer == FIRM
    is_office = relation == "centre" and viewer in (OFFICE, ROOT)
    near = {"matched": 2, "released": 2}.get(relation, 3) if viewer.is_known else 3
    level = 0 if is_owner else 1 if is_office else near
    order = tuple(AUDIENCES)
    for key in shown:
        assert order.index(audience_of(key, chosen)) >= level
        if key in NAMING and not (is_owner or is_office or (relation == "matched"
                                                            and viewer.is_known)):
            assert not anonymous
            assert key not in CONTACT or audience_of(key, chosen) == "public"


@pytest.mark.parametrize(("relation", "viewer", "sees", "hidden"), [
    ("owner", FIRM, {"title", "budget_max_ntd", "contact_phone", "organisation"}, set()),
    ("owner", RIVAL, set(), {"id", "title"}),
    ("centre", OFFICE, {"title", "budget_max_ntd", "contact_email"}, {"contact_phone"}),
    ("centre", ELSEWHERE, set(), {"id", "title"}),
    ("matched", GROUP, {"title", "contact_email", "organisation"}, {"budget_max_ntd",
                                                                    "contact_phone"}),
    ("released", GROUP, {"title"}, {"contact_email", "organisation", "party_id"}),
    ("public", GROUP, set(), {"id", "title"}),
    ("matched", ANONYMOUS, set(), {"id", "title"}),
])
def test_an_anonymous_needs_fields_by_relation(relation, viewer, sees, hidden):
    contact = {"name": "林", "email": "l@example.org", "phone": "06"}
    card = Card("need", "N", "P1", "f", True, contact, {}, organisation="範例")
    shown = set(profiles.shown_fields(card, full("need"), viewer, relation))
    assert sees <= shown
    assert not hidden & shown


def test_an_abstract_may_be_public_and_everything_else_stays_closed():
    card = Card("offer", "O", "P1", "f", visibility={"title": "public", "description": "public"})
    assert profiles.shown_fields(card, full("offer"), ANONYMOUS, "public") == {
        "id": "O", "title": "題", "description": "說明"}


@pytest.mark.parametrize(("text", "words"), [
    ("範例精機開機兩小時後", "“範例精機（樣本）”"), ("We are SAMPLE Precision.", "Sample Precision Co."),
    ("統編 0459-5257 是 04595257", "04595257"), ("請洽 lin@example.org", "an e-mail address"),
    ("見 https://range.example", "a web address"), ("電話 06-505-1001 轉 2", "a telephone number"),
    ("專利 I123456 已獲證", "a patent number"), ("US 10,123,456 B2 covers it", "a patent number"),
    ("林小姐負責", "林小姐"),
])
def test_a_text_that_names_whose_it_is_is_warned_of(text, words):
    party = Party("P1", "範例精機（樣本）", "Sample Precision Co., Ltd.", tax_id="04595257")
    found = profiles.naming_problems(text, party, {"contact_name": "林小姐"})
    assert any(words in m.id.format(**{k: getattr(v, "id", v) for k, v in m.fields.items()})
               for m in found)


@pytest.mark.parametrize("text", ["主軸伸長 35 µm，誤差小於 8 µm。", "It works at 1,200 rpm in 2024.",
                                  "IPC B23Q11/00、ISO 230-3、6061-T6 鋁"])
def test_a_text_that_names_nobody_is_not_warned_of(text):
    assert profiles.naming_problems(text, PARTIES[0], {}) == ()


def test_a_long_run_of_letters_is_read_at_once():
    """A draft may hold a million characters; these took half an hour, in which no page was answered."""
    program = ("from matcher import profiles\nfrom matcher.vocabulary import Party\n"
               "print(profiles.naming_problems('a' * 200_000, Party('P', 'Acme', 'firm'), {}))")
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=120, check=False)
    assert (done.stdout, done.stderr) == ("()\n", "")


# ---- consent ----------------------------------------------------------------------------------


def test_every_consent_text_says_all_points_of_the_law_in_both_languages():
    assert {text.purpose for text in CONSENTS} == {"publish", "release", "agree"}
    for text, point in product(CONSENTS, POINTS):
        assert set(text.points[point]) == {"zh", "en"}
        assert all(len(words) > 8 for words in text.points[point].values())
    assert len({(t.purpose, t.version) for t in CONSENTS}) == len(CONSENTS)


def test_a_consent_keeps_version_time_language_and_address(home):
    profiles.save_draft(home, FIRM, NEED_DRAFT, NEED, 0, NOW, side="need")
    with pytest.raises(InputError, match="you were shown 2020-01"):
        profiles.give_consent(home, FIRM, NEED_DRAFT, "2020-01", NOW, "zh")
    for _ in range(2):
        profiles.give_consent(home, FIRM, NEED_DRAFT, VERSION, NOW, "en", "2001:db8::1")
    assert rows.consents(home) == (rows.ConsentRow("f", NEED_ID, "publish", VERSION, "en", NOW,
                                                   "2001:db8::1"),)


def test_who_takes_the_consent_back_leaves_all_lists_at_once(pair):
    space = workflow.Workspace(pair, load_encoder(), load_ranker())
    space.prepare()
    profiles.release(pair, FIRM, NEED_ID, OFFER_ID, NOW)
    profiles.withdraw_consent(pair, GROUP, "offer", OFFER_ID, LATER)
    assert (pair.offers(), pair.evidence(), rows.cards(pair, "offer")) == ((), (), {})
    assert profiles.my_matches(pair, FIRM, DAY) == profiles.my_matches(pair, GROUP, DAY) == ()
    assert [d.status for d in profiles.my_drafts(pair, GROUP)] == ["withdrawn"]
    assert {c.purpose for c in rows.consents(pair)} == {"publish"}
    assert sum(pair.vector_counts().values()) == 1  # the need's
    with pytest.raises(InputError) as caught:
        profiles.submit(pair, GROUP, OFFER_DRAFT, 4, LATER)
    assert "the consent to publication is missing" in render(caught.value.message, "en")


def test_consent_taken_back_during_review_stops_the_review(home):
    profiles.save_draft(home, FIRM, NEED_DRAFT, NEED, 0, NOW, side="need")
    profiles.give_consent(home, FIRM, NEED_DRAFT, VERSION, NOW, "zh")
    profiles.submit(home, FIRM, NEED_DRAFT, 1, NOW)
    profiles.withdraw_consent(home, FIRM, "need", NEED_ID, LATER)
    assert profiles.show_draft(home, FIRM, NEED_DRAFT).status == "draft"
    assert rows.consents(home) == ()


# ---- a pair -----------------------------------------------------------------------------------


def test_a_group_learns_of_a_need_by_its_release_and_of_the_firm_when_both_agree(pair):
    assert profiles.my_matches(pair, GROUP, DAY) == ()
    (listed,) = profiles.my_matches(pair, FIRM, DAY)
    assert (listed.state, listed.rank, listed.shown["title"]) == ("listed", 1, OFFER["title"])
    assert "contact_email" not in listed.shown

    assert profiles.release(pair, FIRM, NEED_ID, profiles.ALL_MATCHED, NOW) == 1
    (seen,) = profiles.my_matches(pair, GROUP, DAY)
    assert (seen.state, seen.rank, seen.score) == ("released", None, None)
    assert seen.shown["title"] == NEED["title"]
    assert not {*NAMING, "budget_max_ntd"} & set(seen.shown)

    assert profiles.agree(pair, GROUP, NEED_ID, OFFER_ID, NOW) == "waiting"
    assert [m.state for m in profiles.my_matches(pair, FIRM, DAY)] == ["asked"]
    assert profiles.agree(pair, FIRM, NEED_ID, OFFER_ID, NOW) == "matched"
    (seen,) = profiles.my_matches(pair, GROUP, DAY)
    assert seen.shown["contact_email"] == "lin@example.org"
    assert seen.shown["organisation"] == PARTIES[0].name
    assert "contact_phone" not in seen.shown
    (found,) = profiles.my_matches(pair, FIRM, DAY)
    assert found.shown["contact_email"] == "wang@example.org"

    profiles.take_back(pair, FIRM, NEED_ID, OFFER_ID, LATER)
    assert profiles.my_matches(pair, GROUP, DAY) == ()
    assert "contact_email" not in profiles.my_matches(pair, FIRM, DAY)[0].shown


@pytest.mark.parametrize("viewer", [RIVAL, GROUP, OFFICE, ROOT, ANONYMOUS])
def test_only_the_firm_itself_releases_its_need(pair, viewer):
    told = []
    for need_id in (NEED_ID, "N-nowhere"):
        with pytest.raises(UnknownRecordError) as caught:
            profiles.release(pair, viewer, need_id, OFFER_ID, NOW)
        told.append(str(caught.value).replace(need_id, "ID"))
    assert told[0] == told[1]


@pytest.mark.parametrize(("viewer", "need_id", "offer_id"), [
    (GROUP, NEED_ID, OFFER_ID), (OTHER_GROUP, NEED_ID, OFFER_ID), (FIRM, NEED_ID, OFFER_ID), (GROUP, "N-nowhere", OFFER_ID), (FIRM, NEED_ID, "O-no"),
])
def test_nobody_agrees_to_a_pair_that_was_not_released_to_them(pair, viewer, need_id, offer_id):
    for act in (profiles.agree, profiles.take_back):
        with pytest.raises(UnknownRecordError, match=f"no match with the id “{need_id}/{offer_id}”"):
            act(pair, viewer, need_id, offer_id, NOW)


def test_an_offer_that_is_not_on_the_list_is_not_released_to(pair):
    pair.put(offers=[Offer("O9", "別的", party_id="P3")])
    with pytest.raises(UnknownRecordError):
        profiles.release(pair, FIRM, NEED_ID, ["O9"], NOW)
    assert rows.pairs(pair, need_ids=[NEED_ID]) == {}


def test_ids_that_look_like_parts_of_others_are_never_mixed_up(home):
    for key in (pair_key("A%", "B"), pair_key("A_", "B"), pair_key("XA%", "BB")):
        rows.put_consents(home, [rows.ConsentRow("f", key, "release", "1", "zh", NOW)])
    assert set(rows.pairs(home, need_ids=["A%"])) == {("A%", "B")}
    assert set(rows.pairs(home, offer_ids=["B"])) == {("A%", "B"), ("A_", "B")}
    assert rows.pairs(home) == {}
    with pytest.raises(InputError, match="too long"):
        pair_key("N" * 60, "O" * 60)


def test_a_match_is_declined_with_a_reason_and_may_still_be_agreed_to(pair):
    profiles.release(pair, FIRM, NEED_ID, OFFER_ID, NOW)
    with pytest.raises(InputError, match="Say why it is declined"):
        profiles.decline(pair, GROUP, NEED_ID, OFFER_ID, "ugly", NOW)
    profiles.decline(pair, GROUP, NEED_ID, OFFER_ID, "busy", NOW)
    assert [m.state for m in profiles.my_matches(pair, GROUP, DAY)] == ["declined"]
    assert [m.state for m in profiles.my_matches(pair, FIRM, DAY)] == ["declined"]
    assert [(o.stage, o.reason, o.who) for o in pair.outcomes(NEED_ID)] == [("declined", "busy", "g")]
    assert profiles.agree(pair, GROUP, NEED_ID, OFFER_ID, LATER) == "waiting"


@pytest.mark.parametrize(("viewer", "relation"), [
    (FIRM, "owner"), (OFFICE, "centre"), (ROOT, "centre"), (GROUP, "released"),
    (OTHER_GROUP, "public"), (ELSEWHERE, "public"), (READER, "public"), (ANONYMOUS, "public"),
])
def test_a_released_need_is_shown_by_relation_and_unknown_to_others(pair, viewer, relation):
    profiles.release(pair, FIRM, NEED_ID, OFFER_ID, NOW)
    assert profiles.relation_of(pair, viewer, pair.need(NEED_ID)) == relation
    if relation == "public":
        with pytest.raises(UnknownRecordError):
            profiles.show_record(pair, viewer, "need", NEED_ID)
    else:
        assert profiles.show_record(pair, viewer, "need", NEED_ID)["title"] == NEED["title"]


@pytest.mark.parametrize(("viewer", "relation"), [
    (GROUP, "owner"), (OFFICE, "centre"), (ELSEWHERE, "released"), (FIRM, "released"),
    (RIVAL, "public"), (OTHER_GROUP, "public"), (ANONYMOUS, "public"),
])
def test_an_offer_is_shown_to_offices_and_to_the_firm_on_whose_list_it_stands(pair, viewer,
                                                                              relation):
    assert profiles.relation_of(pair, viewer, pair.offer(OFFER_ID)) == relation


# ---- nothing of a hidden need reaches others --------------------------------------------------


def everything_seen(store, viewer, ids):
    """All that the reading verbs of this room tell a viewer, and what they refuse, as bytes."""
    def told(act):
        try:
            return act()
        except (ForbiddenError, UnknownRecordError) as refused:
            return str(refused)

    reads = [lambda: profiles.my_drafts(store, viewer), lambda: profiles.my_records(store, viewer, DAY),
             lambda: profiles.my_matches(store, viewer, DAY),
             lambda: profiles.drafts_to_review(store, viewer),
             lambda: profiles.export_my_data(store, viewer),
             lambda: store.snapshot().split("-")[0]]
    reads += [lambda i=i: profiles.show_draft(store, viewer, i) for i in ids]
    reads += [lambda s=s, i=i: profiles.show_record(store, viewer, s, i)
              for s in ("need", "offer") for i in (*ids, NEED_ID, OFFER_ID, RIVAL_ID)]
    found = [told(act) for act in reads]
    return repr(found).encode()


@pytest.fixture
def two_worlds(tmp_path, monkeypatch):
    """Two stores that differ only in a need that a rival keeps to itself, at every stage."""
    worlds = []
    for name in ("one", "other"):
        ids = iter(f"{i:016x}" for i in range(1, 99))
        monkeypatch.setattr("secrets.token_hex", lambda *_, ids=ids: next(ids))
        store = open_store(f"sqlite:///{tmp_path / name}.db")
        store.put(parties=[*PARTIES, Party("P9", "對手公司（樣本）", kind="firm")])
        who = {role: viewer_of(account_in(store, role=role, party_id=party, name=party))
               for role, party in (("firm", "P1"), ("researcher", "P2"))}
        rival = viewer_of(account_in(store, role="firm", party_id="P9", name="rival"))
        publish(store, who["firm"], NEED, NEED_DRAFT, "need")
        publish(store, who["researcher"], OFFER, OFFER_DRAFT, "offer")
        suggest(store, NEED_ID, OFFER_ID)
        if name == "other":
            publish(store, rival, {**NEED, "title": "機密"}, RIVAL_DRAFT, "need")
            suggest(store, RIVAL_ID, OFFER_ID)
            put_decisions(store, [Outcome(RIVAL_ID, OFFER_ID, "contacted", NOW, "a", note="機密")])
            profiles.save_draft(store, rival, "d" * 16, {"title": "機密"}, 0, NOW, side="need")
        profiles.release(store, who["firm"], NEED_ID, OFFER_ID, LATER)
        worlds.append((store, who))
    return worlds


@pytest.mark.parametrize("role", ["firm", "researcher"])
def test_worlds_that_differ_in_a_rivals_hidden_need_look_the_same_to_a_byte(two_worlds, role):
    ids = (NEED_DRAFT, OFFER_DRAFT, RIVAL_DRAFT, "d" * 16)
    one, other = (everything_seen(store, who[role], ids) for store, who in two_worlds)
    assert one == other
    assert "機密".encode() not in other
    assert NEED["title"].encode() in other


# ---- my data ----------------------------------------------------------------------------------


REPORT = "2026-11-CTSP"
CANARY = "canary"


def texts(*names):
    return {name: f"{CANARY} {name}" for name in names}


@pytest.fixture
def lives(home):
    """Two accounts of parties of their own; every field of theirs holds a canary."""
    home.put(parties=[replace(PARTIES[1], name=f"{CANARY} party", address=f"{CANARY} street")])
    account = account_in(home, role="researcher", party_id="P2", name=f"{CANARY}-mail")
    viewer = viewer_of(account)
    offer = OFFER | texts("title", "title_en", "description", "description_en", "achievements",
                          "contact_name") | {
        "contact_email": f"{CANARY}@example.org", "contact_web": f"https://{CANARY}.example",
        "evidence": [texts("title", "text", "source")], "visibility": {"title": "public"}}
    publish(home, FIRM, NEED, NEED_DRAFT, "need")
    publish(home, viewer, offer, OFFER_DRAFT, "offer")
    profiles.save_draft(home, viewer, "e" * 16, texts("title"), 0, NOW, side="offer")
    profiles.save_draft(home, viewer, "e" * 16, texts("description"), 1, NOW)
    space = workflow.Workspace(home, load_encoder(), load_ranker())
    found = next(workflow.match(space, needs=[NEED_ID], day=DAY))
    warned = replace(found.matches[0], missing=(f"{CANARY} missing",),
                     warnings=(Message(f"{CANARY} warning"),))
    workflow.log_shown(home, replace(found, matches=(warned,)), NOW)
    tools = Tools(lambda: datetime(2026, 12, 2, tzinfo=UTC), workflow.silent)
    make_report(space, REPORT[8:], date(2026, 11, 1), Rules(threshold=0.0), tools, lambda made: None)
    put_decisions(home, [Outcome(NEED_ID, OFFER_ID, "contacted", NOW, "a", note=f"{CANARY} note")])
    home.put(judged=[JudgedPair(NEED_ID, OFFER_ID, 3, "a", DAY, f"{CANARY} reason")],
             conflicts=[Conflict("P2", "P1", f"{CANARY} conflict")])
    profiles.release(home, FIRM, NEED_ID, OFFER_ID, NOW)
    profiles.agree(home, viewer, NEED_ID, OFFER_ID, NOW, f"{CANARY} address")
    note(home, AuditLine(NOW, "a", "look", "offer", OFFER_ID, texts("before"), texts("after")))
    mail.queue(home, "key", account.email, Message(f"{CANARY} subject"), Message("body"), "en", NOW)
    sessions.put(load_settings({"MATCHER_DB": str(home._url), "MATCHER_HOME": "/nowhere"}),
                 "secret", account.account_id, texts("content"), NOW, NOW,
                 datetime.now(UTC) + timedelta(days=1))
    return home, viewer


def test_an_export_holds_everything_about_an_account_as_json_and_as_rows(lives):
    home, viewer = lives
    found = profiles.export_my_data(home, viewer)
    assert json.loads(json.dumps(found, ensure_ascii=False)) == found
    assert {t: len(r) for t, r in found.items()} == {
        "account": 1, "identities": 0, "party": 1, "decisions": 1, "drafts": 2, "needs": 0, "offers": 1,
        "evidence": 3, "cards": 1, "consents": 2, "audit": 5}
    flat = profiles.flat_rows(found)
    assert {"table": "cards", "record": "1", "field": "contact.email",
            "value": f"{CANARY}@example.org"} in flat
    assert {"table": "evidence", "record": "1", "field": "title",
            "value": f"{CANARY} title"} in flat
    assert set(flat[0]) == set(profiles.FLAT)
    assert not {"password", "number", "note", "reviewer"} & {
        key for listed in found.values() for row in listed for key in row}
    assert f"{CANARY} note" not in repr(found)


def test_a_decision_about_a_need_that_was_not_released_is_in_no_export(lives):
    home, viewer = lives
    publish(home, RIVAL, {**NEED, "title": "機密"}, RIVAL_DRAFT, "need")
    put_decisions(home, [Outcome(RIVAL_ID, OFFER_ID, "contacted", NOW, "a")])
    assert RIVAL_ID not in repr(profiles.export_my_data(home, viewer))
    profiles.take_back(home, FIRM, NEED_ID, OFFER_ID, LATER)
    assert profiles.export_my_data(home, viewer)["decisions"] == []


def test_after_deletion_no_byte_of_a_person_is_left_in_the_database(lives, tmp_path):
    home, viewer = lives
    holds = {f.name for f in tmp_path.glob("matcher.db*") if CANARY.encode() in f.read_bytes()}
    assert holds
    assert all(CANARY in repr(part(home, REPORT)) for part in (content_of, facts_of))
    for key in (f"report/{REPORT}/1/b", alert_key("b", NEED_ID, OFFER_ID), "invite:b"):
        named = "" if key == "invite:b" else CANARY
        mail.queue(home, key, "other@example.org", Message(f"{named} subject"), Message("body"), "en", NOW, [("a.html", "text/html", b"page")])
    before = home.snapshot()
    assert profiles.delete_my_data(home, viewer, LATER)
    assert not any(CANARY in repr(part(home, REPORT)) for part in (content_of, facts_of))
    assert [row[0] for row in content_of(home, REPORT)["sections"][2]["tables"][0]["rows"]] == [NEED_ID]
    left = [f.name for f in tmp_path.glob("matcher.db*") if CANARY.encode() in f.read_bytes()]
    assert left == []
    assert [m.key for m in mails(home)] == ["invite:b"]
    assert home.snapshot() != before
    assert [o.need_id for o in home.outcomes(NEED_ID)] == [NEED_ID, NEED_ID]
    assert home.judged()[0].grade == 3
    assert home.match_list(home.outcomes(NEED_ID)[0].run_id, NEED_ID).matches[0].offer_id == OFFER_ID
    with pytest.raises(ForbiddenError):
        profiles.export_my_data(home, viewer)
    with pytest.raises(UnknownRecordError):
        home.offer(OFFER_ID)


def test_deletion_takes_vectors_of_texts_nobody_else_has_and_no_others(lives):
    home, viewer = lives
    same = home.offer(OFFER_ID)
    home.put(offers=[replace(same, offer_id="O-copy", party_id="P3")],
             evidence=[Evidence("E-own", "O-copy", "別人的依據。")])
    space = workflow.Workspace(home, load_encoder(), load_ranker())
    space.prepare()
    before = home.vector_counts()
    profiles.delete_my_data(home, viewer, LATER)
    gone = {name.split("/")[1]: count - home.vector_counts()[name] for name, count in before.items()}
    assert gone == {"document": 3, "query": 0, "sentence": 2}
    own = [text_hash(f"{CANARY} {word}") for word in ("title", "text")]
    assert home.vectors(f"{space.encoder.revision}/sentence", own) == {}
    assert space.encoder.revision
    assert workflow.Workspace(home, load_encoder(), load_ranker()).pool().offers[0].offer_id == \
        "O-copy"


def test_what_was_read_and_encoded_of_erased_texts_goes_sentence_by_sentence(tmp_path):
    home, kept = open_store(f"sqlite:///{tmp_path}/matcher.db"), "別人的話。"
    own = ["需求一。", "需求二。", "第一句。", "第二句。", "依據一。", "依據二。", "標題"]
    home.put(needs=[Need("N", description="需求一。需求二。")],
             offers=[Offer("O", title="標題", description="第一句。第二句。"), Offer("P", description=kept)],
             evidence=[Evidence("E", "O", "依據一。依據二。")])
    space = workflow.Workspace(home, load_encoder(), load_ranker())
    space.prepare()
    space.embed_sentences([*own, kept])
    space.keep_sentences(lambda: True)
    space.count([need.text for need in home.needs()])
    read = [text_hash(text.text) for text in (*space.pool().texts, *home.needs())]
    assert set(readings(home, rules(), read)) == set(read)
    with home.writing() as connection:
        erasure.remove_records(connection, {"need": ["N"], "offer": ["O"]})
    name = space.encoder.revision
    assert home.vector_counts() == {f"{name}/document": 1, f"{name}/sentence": 1}
    assert set(readings(home, rules(), read)) == {text_hash(kept)}


@pytest.mark.parametrize("view", [lambda home: nullcontext(home), lambda home: home.frozen()])
def test_what_is_erased_while_texts_are_read_leaves_no_vector_and_no_reading(tmp_path, monkeypatch, view):
    home = open_store(f"sqlite:///{tmp_path}/matcher.db")
    home.put(offers=[Offer("O", description="第一句。"), Offer("P", description="別人的話。")])

    def erase_first(texts):
        monkeypatch.undo()
        with home.writing() as connection:
            erasure.remove_records(connection, {"offer": ["O"]})
        return read_texts(texts)

    space = workflow.Workspace(home, load_encoder(), load_ranker())
    monkeypatch.setattr("matcher.workspace.read_texts", erase_first)
    with view(home) as store:
        assert len(space.over(store).pool().offers) == 2  # as the store stood then
    assert (home.vector_counts(), readings(home, rules(), [text_hash("第一句。")])) == ({}, {})
    later = space.over(home)
    later.prepare()  # of what is left nothing is encoded again
    assert (later.encoded, sum(home.vector_counts().values())) == (0, 1)


def test_an_erasure_while_all_is_encoded_keeps_the_work_that_was_done(tmp_path, monkeypatch):
    home = open_store(f"sqlite:///{tmp_path}/matcher.db")
    home.put(offers=[Offer(f"O{n}", description=f"第 {n} 句。") for n in range(6)], needs=[Need("N", description="需求。")])
    monkeypatch.setattr("matcher.workspace.PORTION", 2)
    space = workflow.Workspace(home, load_encoder(), load_ranker())
    encode = space.encoder.encode_document

    def erase_once(texts):
        if home.last_erasure() == "0" and space.encoded == 2:
            with home.writing() as connection:
                erasure.remove_records(connection, {"offer": ["O0"]})
        return encode(texts)

    monkeypatch.setattr(space.encoder, "encode_document", erase_once)
    space.prepare()
    assert space.encoded == 7
    assert home.vector_counts() == {f"{space.encoder.revision}/document": 5, f"{space.encoder.revision}/query": 1}
    assert home.vectors(f"{space.encoder.revision}/document", [text_hash("第 0 句。")]) == {}
    pool = space.pool()
    space.prepare()  # nothing waits any more, the erased text neither
    assert space.pool() is pool


def test_of_colleagues_who_go_at_once_the_last_takes_the_party_along(home):
    home.put(parties=[PARTIES[1]], offers=[Offer("O9", description="水質感測", party_id="P2")])
    people = [viewer_of(account_in(home, role="researcher", party_id="P2", name=n)) for n in "abcdefgh"]
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda viewer: profiles.delete_my_data(home, viewer, LATER), people))
    assert "P2" not in home.parties()
    assert "O9" not in {offer.offer_id for offer in home.offers()}


@pytest.mark.parametrize("sql", ["UPDATE offers SET title = x'ff'", "UPDATE offers SET description = x'ff'", "UPDATE evidence SET title = x'ff'"])
def test_a_damaged_text_is_deleted_like_any_other(lives, sql):
    home, viewer = lives
    with home.writing() as connection:
        assert connection.exec_driver_sql(sql).rowcount
    assert profiles.delete_my_data(home, viewer, LATER)
    assert home.offers() == home.evidence() == ()


def test_a_colleagues_records_and_the_party_outlive_ones_account(lives):
    home, viewer = lives
    colleague = viewer_of(account_in(home, role="researcher", party_id="P2", name="colleague"))
    publish(home, colleague, OFFER, "f" * 16, "offer")
    profiles.delete_my_data(home, viewer, LATER)
    assert [o.offer_id for o in home.offers()] == ["O-" + "f" * 16]
    assert "P2" in home.parties()
    assert len(profiles.my_drafts(home, colleague)) == 1


def test_a_firms_need_in_stored_lists_is_reduced_to_its_id(lives):
    home, _ = lives
    firm = viewer_of(account_in(home, role="firm", party_id="P1", name="firm"))
    run = home.outcomes(NEED_ID)[0].run_id
    profiles.delete_my_data(home, firm, LATER)
    assert home.match_list(run, NEED_ID).need == Need(NEED_ID)
    assert home.needs() == ()


def test_nobody_in_particular_has_no_data_to_view_or_delete(home):
    for viewer in (ANONYMOUS, Viewer("gone", "firm", "P1")):
        for act in (lambda v=viewer: profiles.export_my_data(home, v),
                    lambda v=viewer: profiles.delete_my_data(home, v, NOW)):
            with pytest.raises(ForbiddenError):
                act()


def test_a_file_that_somebody_reads_is_compacted_later(tmp_path, monkeypatch):
    monkeypatch.setattr("matcher.store.database.BUSY_TIMEOUT_MS", 20)
    home = open_store(f"sqlite:///{tmp_path / 'matcher.db'}")
    with home.reading() as connection:
        connection.exec_driver_sql("SELECT count(*) FROM offers").fetchall()
        assert not erasure.compact(home)
    assert erasure.compact(home)
