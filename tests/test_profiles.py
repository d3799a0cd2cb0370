"""Profiles and needs from draft to publication: form, drafts, review, lifetimes, commands."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import date, timedelta

import pytest
from click.testing import CliRunner
from conftest import DAY, NOW, PARTIES

from matcher import profiles, workflow
from matcher.access import ANONYMOUS, Viewer
from matcher.cli.profiles import drafts as drafts_command
from matcher.encoding import load_encoder
from matcher.errors import ForbiddenError, InputError, UnknownRecordError
from matcher.intake.fields import FIELDS
from matcher.intake.works import Proposal
from matcher.languages import render
from matcher.lexical import group_of
from matcher.profiles import DraftConflictError, Review
from matcher.profiles.content import MOST_EVIDENCE, content_of
from matcher.profiles.form import EVIDENCE_PARTS
from matcher.ranker import load_ranker
from matcher.ranking import Query, rank
from matcher.reference import terms
from matcher.settings import load_settings
from matcher.store import open_store
from matcher.store import profiles as rows
from matcher.store.audit import AuditLine, audit_lines, note
from matcher.vocabulary import OFFER_KINDS, Evidence, Need, Offer

FIRM = Viewer("f", "firm", party_id="P1")
COLLEAGUE = Viewer("f2", "firm", party_id="P1")
GROUP = Viewer("g", "researcher", party_id="P2")
RIVAL = Viewer("r", "firm", party_id="P3")
OFFICE = Viewer("a", "centre-admin", centre="CTSP")
ELSEWHERE = Viewer("b", "centre-admin", centre="PABP")
NEED_ID, OFFER_ID = "00000000000000aa", "00000000000000bb"
NEED = {"title": "主軸熱變位補償", "description": "五軸機開機兩小時後主軸伸長 35 µm。", "centre": "CTSP",
        "requirements": "誤差小於 8 µm。", "kinds": ["capability"], "themes": ["smart-machinery"],
        "trl_now": "4", "trl_target": "7", "budget_max_ntd": "120萬", "contact_name": "林小姐",
        "contact_email": "lin@example.org"}
OFFER = {"kind": "capability", "title": "工具機熱誤差建模", "title_en": "Thermal error modelling",
         "description": "以七個溫度點補償主軸熱誤差。", "centre": "中科", "county": "台中市",
         "description_en": "Seven sensors compensate the thermal growth of spindles.",
         "achievements": "三台加工機驗證，殘差 6 µm。", "contact_name": "王教授",
         "contact_email": "wang@example.org",
         "evidence": [{"title": "Spindle growth", "kind": "論文", "year": "2024"},
                      {"text": "連續切削九小時。", "year": "民國113"}]}
VERSION = profiles.consent_text("publish").version
LATER = NOW + timedelta(hours=1)


@pytest.fixture
def home(store):
    store.put(parties=PARTIES)
    return store


def saved(store, viewer=FIRM, content=NEED, draft_id=NEED_ID, side="need"):
    return profiles.save_draft(store, viewer, draft_id, content, 0, NOW, side=side)


def submitted(store, viewer=FIRM, content=NEED, draft_id=NEED_ID, side="need"):
    saved(store, viewer, content, draft_id, side)
    profiles.give_consent(store, viewer, draft_id, VERSION, NOW, "zh", "192.0.2.1")
    return profiles.submit(store, viewer, draft_id, 1, NOW)


def published(store, viewer=FIRM, content=NEED, draft_id=NEED_ID, side="need"):
    submitted(store, viewer, content, draft_id, side)
    return profiles.review(store, OFFICE, draft_id, Review("accept"), 2, NOW)


def offered(store, content=OFFER):
    return published(store, GROUP, content, OFFER_ID, "offer")


# ---- the form ---------------------------------------------------------------------------------


@pytest.mark.parametrize(("column", "zh", "en"), [
    ("contact_name", "聯絡人", "Contact"), ("evidence.0.year", "依據 1：年份", "Evidence 1, year"), ("visibility", "誰看得到", "Who sees it"),
    ("evidence", "依據", "Evidence"), ("evidence.x.y", "evidence.x.y", "evidence.x.y"), ("odd", "odd", "odd"),
])
def test_every_column_of_a_form_is_named_in_words(column, zh, en):
    assert dict(profiles.label_of(column)) == {"zh": zh, "en": en}


def test_every_field_of_the_form_has_words_limits_and_choices_that_exist():
    columns = {side: {f.name for f in FIELDS[f"{side}s"]} for side in ("need", "offer")}
    known = {"centres", "counties", "reaches"}
    for field in profiles.FORM_FIELDS:
        assert set(field.label) == set(field.help) == {"zh", "en"}
        assert all(field.label.values())
        assert field.limit > 0
        assert set(field.kinds) <= set(OFFER_KINDS)
        assert field.choices in known or not field.choices or terms(field.choices)
        own = field.key.startswith(("contact_", "organisation", "anonymous"))
        english = field.key.endswith("_en")
        for side in field.sides:
            assert own or english or field.evidence_kind or field.key in columns[side]
    assert len({f.key for f in profiles.FORM_FIELDS}) == len(profiles.FORM_FIELDS)


@pytest.mark.parametrize(("kind", "own"), [
    ("capability", "achievements"), ("equipment", "specification"), ("site", "conditions"),
    ("fund", "terms"), ("training", "syllabus"), ("channel", "markets"),
    ("supply", "certificates"),
])
def test_each_kind_of_offer_has_a_field_of_its_own(kind, own):
    shown = {f.key for f in profiles.form_fields("offer", kind)}
    others = {f.key for f in profiles.FORM_FIELDS if f.evidence_kind} - {own}
    assert own in shown
    assert not others & shown


@pytest.mark.parametrize(("change", "column", "words"), [
    ({"title": ""}, "title", "must not be empty"),
    ({"title": "題" * 257}, "title", "at most 256 characters, this has 257"),
    ({"description": " \u3000\u200b"}, "description", "must not be empty"),
    ({"trl_now": "11"}, "trl_now", "TRL from 1 to 9"),
    ({"budget_max_ntd": "很多"}, "budget_max_ntd", "whole number"),
    ({"budget_min_ntd": "200萬"}, "budget_min_ntd", "no more than"),
    ({"themes": ["smart-machinery", "poetry"]}, "themes", "wanted one of"),
    ({"centre": "Atlantis"}, "centre", "centre code"),
    ({"contact_email": "lin"}, "contact_email", "no e-mail address"),
    ({"contact_phone": "call me"}, "contact_phone", "telephone number"),
    ({"contact_web": "javascript:alert(1)"}, "contact_web", "web address"),
    ({"valid_to": "2026-11-23"}, "valid_to", "a day from 2026-11-24 to 2027-11-24"),
    ({"valid_to": "2027-11-25"}, "valid_to", "a day from 2026-11-24 to 2027-11-24"),
    ({"visibility": {"title": "owner"}}, "show.title", "centre, matched, public"),
])
def test_what_is_wrong_with_a_field_is_said_at_that_field(change, column, words):
    found = profiles.problems("need", {**NEED, **change}, DAY)
    assert [p.column for p in found if p.fatal] == [column]
    assert words in render(found[0].wanted, "en")


def test_all_problems_of_an_empty_form_are_told_at_once():
    found = {p.column for p in profiles.problems("offer", {}, DAY)}
    assert found == {"kind", "title", "description", "centre", "contact_name", "contact_email"}


def test_evidence_is_checked_as_the_rows_of_a_file_are():
    lines = [{"title": "Good", "year": "2024"}, {"title": "Bad", "year": "soon"}, {"kind": "論文"},
             {"title": "t" * 501}]
    found = profiles.problems("offer", {**OFFER, "evidence": lines[:3]}, DAY)
    assert [p.column for p in found] == ["evidence.1.year", "evidence.2.text"]
    found = profiles.problems("offer", {**OFFER, "evidence": lines[3:]}, DAY)
    assert [p.column for p in found] == ["evidence.0.title"]


def test_a_form_with_english_texts_alone_makes_an_english_record():
    english = {**NEED, "title": "", "description": "", "requirements": "",
               "title_en": "Spindle growth", "description_en": "It grows 35 µm in two hours."}
    made = profiles.fill("need", english, "N-1", "P1", DAY).record
    assert (made.title, made.description, made.lang) == (
        "Spindle growth", "It grows 35 µm in two hours.", "en")


def test_a_filled_form_makes_a_whole_record_with_its_days():
    made = profiles.fill("need", NEED, "N-1", "P1", DAY).record
    assert made == Need("N-1", NEED["title"], NEED["description"], NEED["requirements"], "P1",
                        "CTSP", None, "zh", ("capability",), ("smart-machinery",), 4, 7, None,
                        1_200_000, DAY, DAY + timedelta(days=365))


def test_an_offers_texts_in_both_languages_and_of_its_kind_become_its_evidence():
    filled = profiles.fill("offer", OFFER, "O-1", "P2", DAY)
    assert filled.record.county == "臺中市"
    assert filled.record.lang == "zh"
    assert {(e.kind, e.year, e.lang, e.source) for e in filled.evidence} == {
        ("publication", 2024, "en", None), ("project", 2024, "zh", None),
        ("case", None, "zh", "profile"), ("case", None, "en", "profile")}
    english = next(e for e in filled.evidence if e.lang == "en" and e.source == "profile")
    assert english.full_text.startswith("Thermal error modelling\nSeven sensors")


def test_a_form_cannot_choose_ids_so_that_it_takes_anothers_place():
    lines = [{"title": "Mine", "evidence_id": "E1"}]
    with pytest.raises(InputError, match="something else than text in: evidence"):
        profiles.problems("offer", {**OFFER, "evidence": lines}, DAY)
    taken = {**OFFER, "offer_id": "O1", "party_id": "P3"}
    assert profiles.fill("offer", taken, "O-1", "P2", DAY).record.party_id == "P2"


def test_a_pages_form_is_read_by_the_names_of_its_fields():
    found = profiles.read_form({
        "title": ["舊", "新"], "themes": ["smart-machinery", "green-energy"], "csrf_token": ["x"],
        "show.contact_phone": ["owner"], "show.unknown": ["public"], "evidence.1.title": ["B"],
        "evidence.0.title": ["A"], "evidence.0.id": ["E1"], "evidence.2.title": [" "]})
    assert found == {"title": "新", "themes": ["smart-machinery", "green-energy"],
                     "visibility": {"contact_phone": "owner"},
                     "evidence": [{"title": "A"}, {"title": "B"}]}


def test_confirmed_works_become_evidence_once():
    works = [Proposal("Spindle growth", "Abstract.", "publication", 2024, doi="10.1/x"),
             Proposal("Another", year=2020)]
    once = profiles.with_works({"title": "t"}, works)
    assert profiles.with_works(once, works) == once
    assert [e["title"] for e in once["evidence"]] == ["Spindle growth", "Another"]
    assert set(once["evidence"][0]) <= set(EVIDENCE_PARTS)


# ---- drafts -----------------------------------------------------------------------------------


def test_a_draft_is_saved_however_incomplete_and_unknown_fields_are_left_out(home):
    found = saved(home, content={"title": "未完", "trl_now": "maybe", "csrf_token": "x",
                                 "description": "a\0b\ud800"})
    assert found.content == {"title": "未完", "trl_now": "maybe", "description": "ab?"}
    assert profiles.show_draft(home, FIRM, NEED_ID) == found
    assert (found.status, found.version, found.record_id) == ("draft", 1, f"N-{NEED_ID}")


@pytest.mark.parametrize(("content", "words"), [
    ({"title": 7}, "title"), ({"themes": [1]}, "themes"), ({"title": ["a"]}, "title"),
    ({"visibility": {"nobody": "public"}}, "visibility"), ({"evidence": "x"}, "evidence"),
    ({"evidence": [{}] * (MOST_EVIDENCE + 1)}, "evidence"),
    ({"description": "長" * 1_000_001}, "over 1000000 characters"),
])
def test_content_that_is_no_form_is_refused(home, content, words):
    with pytest.raises(InputError, match=words):
        saved(home, content=content)


def test_the_same_save_sent_twice_makes_one_draft_and_one_version(home):
    assert saved(home) == saved(home)
    changed = {**NEED, "title": "新題"}
    once = profiles.save_draft(home, FIRM, NEED_ID, changed, 1, LATER)
    assert profiles.save_draft(home, FIRM, NEED_ID, changed, 1, LATER) == once
    assert (once.version, len(profiles.my_drafts(home, FIRM))) == (2, 1)


def test_a_new_form_sent_twice_in_one_moment_makes_one_draft_and_another_text_is_told(home, monkeypatch):
    first = saved(home)
    for content, told in ((NEED, None), ({**NEED, "title": "新題"}, DraftConflictError)):
        found = iter([None, first])  # read before the other was written, then after
        monkeypatch.setattr(rows, "draft", lambda *_, found=found: next(found))
        if told:
            with pytest.raises(told):
                saved(home, content=content)
        else:
            assert saved(home, content=content) == first


def test_an_older_version_gets_both_texts_and_nothing_is_lost(home):
    saved(home)
    profiles.save_draft(home, COLLEAGUE, NEED_ID, {**NEED, "title": "同事改的"}, 1, LATER)
    with pytest.raises(DraftConflictError, match="changed in between") as caught:
        profiles.save_draft(home, FIRM, NEED_ID, {**NEED, "title": "我改的"}, 1, LATER)
    conflict = caught.value
    assert (conflict.stored.content["title"], conflict.yours["title"]) == ("同事改的", "我改的")
    assert conflict.fields == ("title",)
    assert profiles.show_draft(home, FIRM, NEED_ID).content["title"] == "同事改的"
    again = profiles.save_draft(home, FIRM, NEED_ID, conflict.yours, conflict.stored.version, LATER)
    assert again.content["title"] == "我改的"


def test_of_two_who_save_at_the_same_moment_one_is_told(home, monkeypatch):
    seen = saved(home)
    profiles.save_draft(home, COLLEAGUE, NEED_ID, {"title": "先存"}, 1, LATER)
    found = iter([seen])
    monkeypatch.setattr(rows, "draft", lambda *_: next(found, None))  # read before the other wrote
    with pytest.raises(DraftConflictError):
        profiles.save_draft(home, FIRM, NEED_ID, {"title": "後存"}, 1, LATER)
    monkeypatch.undo()
    assert profiles.show_draft(home, FIRM, NEED_ID).content == {"title": "先存"}


@pytest.mark.parametrize(("viewer", "side"), [(GROUP, "need"), (ANONYMOUS, "need"),
                                              (ANONYMOUS, "offer"),
                                              (Viewer("x", "reader", centre="CTSP"), "offer")])
def test_who_may_not_post_a_side_cannot_begin_a_draft_of_it(home, viewer, side):
    with pytest.raises(ForbiddenError):
        saved(home, viewer, side=side)


@pytest.mark.parametrize(("draft_id", "version", "side"), [
    ("short", 0, "need"), ("../../etc/passwd0", 0, "need"), (NEED_ID, 3, "need"),
    (NEED_ID, 0, None), (NEED_ID, 0, "both"),
])
def test_a_draft_that_is_not_there_is_unknown(home, draft_id, version, side):
    with pytest.raises(UnknownRecordError):
        profiles.save_draft(home, FIRM, draft_id, NEED, version, NOW, side=side)


@pytest.mark.parametrize("viewer", [RIVAL, GROUP, OFFICE, ELSEWHERE, ANONYMOUS])
def test_a_draft_that_was_not_handed_in_is_unknown_to_everybody_else(home, viewer):
    saved(home)
    acts = (lambda: profiles.show_draft(home, viewer, NEED_ID),
            lambda: profiles.save_draft(home, viewer, NEED_ID, {}, 1, NOW),
            lambda: profiles.submit(home, viewer, NEED_ID, 1, NOW),
            lambda: profiles.withdraw(home, viewer, NEED_ID, NOW),
            lambda: profiles.give_consent(home, viewer, NEED_ID, VERSION, NOW, "zh"),
            lambda: profiles.review(home, viewer, NEED_ID, Review("accept"), 1, NOW))
    for act in acts:
        with pytest.raises(UnknownRecordError, match=f"no draft with the id “{NEED_ID}”"):
            act()
    assert profiles.my_drafts(home, viewer) == ()


def test_a_draft_cannot_take_the_place_of_a_record_that_is_or_was_there(home):
    home.put(needs=[Need(f"N-{NEED_ID}", "someone's", party_id="P3")])
    note(home, AuditLine(NOW, "x", "erase", "offer", f"O-{OFFER_ID}"))
    for draft_id, side, viewer in ((NEED_ID, "need", FIRM), (OFFER_ID, "offer", GROUP)):
        with pytest.raises(UnknownRecordError):
            saved(home, viewer, draft_id=draft_id, side=side)


# ---- submission and review --------------------------------------------------------------------


def test_a_draft_is_submitted_with_consent_and_without_problems_only(home):
    saved(home, content={**NEED, "title": "", "trl_now": "x"})
    with pytest.raises(InputError) as caught:
        profiles.submit(home, FIRM, NEED_ID, 1, NOW)
    assert render(caught.value.message, "en") == (
        "The form cannot be published yet: Title: this field must not be empty; TRL today: wanted a "
        "TRL from 1 to 9; the consent to publication is missing")
    assert profiles.show_draft(home, FIRM, NEED_ID).status == "draft"


def test_the_same_submission_twice_is_one(home):
    first = submitted(home)
    assert profiles.submit(home, FIRM, NEED_ID, 1, LATER) == first
    assert [line.act for line in audit_lines(home)] == ["consent", "submit"]


def test_what_is_in_review_is_not_changed_until_it_is_taken_back(home):
    submitted(home)
    with pytest.raises(InputError, match="take it back"):
        profiles.save_draft(home, FIRM, NEED_ID, {}, 2, LATER)
    assert profiles.withdraw(home, FIRM, NEED_ID, LATER).status == "draft"
    assert profiles.save_draft(home, FIRM, NEED_ID, NEED, 3, LATER).version == 4


def test_only_the_office_of_its_centre_sees_what_waits_and_no_private_telephone(home):
    content = {**NEED, "contact_phone": "06-505-1001"}
    submitted(home, content=content)
    waiting = profiles.drafts_to_review(home, OFFICE)
    assert [d.draft_id for d in waiting] == [NEED_ID]
    assert "contact_phone" not in waiting[0].content
    assert "contact_phone" not in profiles.show_draft(home, OFFICE, NEED_ID).content
    assert profiles.drafts_to_review(home, ELSEWHERE) == ()
    with pytest.raises(ForbiddenError):
        profiles.drafts_to_review(home, FIRM)


def test_a_return_says_why_and_the_writer_submits_again(home):
    submitted(home)
    back = profiles.review(home, OFFICE, NEED_ID, Review("return", ("figures",), "多少 µm？"), 2, NOW)
    assert back.status == "returned"
    mine = profiles.show_draft(home, FIRM, NEED_ID)
    assert profiles.reasons_of(mine) == Review("return", ("figures",), "多少 µm？")
    saved_again = profiles.save_draft(home, FIRM, NEED_ID, NEED, 3, LATER)
    assert saved_again.status == "returned"
    assert profiles.submit(home, FIRM, NEED_ID, 4, LATER).status == "submitted"
    accepted = profiles.review(home, OFFICE, NEED_ID, Review("accept"), 5, LATER)
    assert profiles.reasons_of(accepted) == Review("accept")


@pytest.mark.parametrize(("decided", "words"), [
    (Review("return"), "Say why"), (Review("return", ("ugly",)), "ugly"),
    (Review("maybe"), "maybe"), (Review("return", (), "長" * 2001), "up to 2000 characters"),
])
def test_a_review_that_says_nothing_useful_is_refused(home, decided, words):
    submitted(home)
    with pytest.raises(InputError, match=words):
        profiles.review(home, OFFICE, NEED_ID, decided, 2, NOW)


def test_the_office_accepts_the_version_it_saw_and_no_other(home):
    submitted(home)
    profiles.withdraw(home, FIRM, NEED_ID, LATER)
    profiles.submit(home, FIRM, NEED_ID, 3, LATER)
    with pytest.raises(DraftConflictError):
        profiles.review(home, OFFICE, NEED_ID, Review("accept"), 2, LATER)
    assert home.needs() == ()


def test_acceptance_writes_record_evidence_card_and_audit_and_twice_is_once(home):
    before = home.snapshot()
    done = offered(home)
    assert home.offer(f"O-{OFFER_ID}").party_id == "P2"
    assert len(home.evidence(f"O-{OFFER_ID}")) == 4
    card = rows.cards(home, "offer")[f"O-{OFFER_ID}"]
    assert (card.contact["email"], card.organisation) == ("wang@example.org", PARTIES[1].name)
    assert home.snapshot() != before
    assert profiles.review(home, OFFICE, OFFER_ID, Review("accept"), 2, LATER) == done
    lines = audit_lines(home, records=[("offer", f"O-{OFFER_ID}")])
    assert [(line.act, line.who) for line in lines] == [
        ("consent", "g"), ("submit", "g"), ("publish", "a")]
    assert "熱誤差" not in repr(lines)


def test_a_publication_that_fails_half_way_leaves_nothing(home, monkeypatch):
    submitted(home)
    monkeypatch.setattr(rows, "_put_card", lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        profiles.review(home, OFFICE, NEED_ID, Review("accept"), 2, NOW)
    assert home.needs() == ()
    assert profiles.show_draft(home, FIRM, NEED_ID).status == "submitted"


def test_a_hidden_need_does_not_change_the_snapshot_that_others_see(home):
    before = home.snapshot()
    published(home)
    profiles.close(home, FIRM, "need", f"N-{NEED_ID}", DAY, NOW)
    profiles.withdraw(home, FIRM, NEED_ID, NOW)
    assert (home.snapshot(), home.needs()) == (before, ())


def test_a_published_record_stands_until_its_new_draft_is_accepted(home):
    offered(home)
    new_id = "00000000000000cc"
    made = profiles.revise(home, GROUP, "offer", f"O-{OFFER_ID}", LATER, new_id)
    assert profiles.revise(home, GROUP, "offer", f"O-{OFFER_ID}", LATER).draft_id == new_id
    assert made.content["description_en"] == OFFER["description_en"]
    assert len(made.content["evidence"]) == 2
    changed = {**made.content, "title": "熱誤差新法", "evidence": made.content["evidence"][:1]}
    profiles.save_draft(home, GROUP, new_id, changed, 1, LATER)
    profiles.submit(home, GROUP, new_id, 2, LATER)
    assert home.offer(f"O-{OFFER_ID}").title == OFFER["title"]
    profiles.review(home, OFFICE, new_id, Review("accept"), 3, LATER)
    assert home.offer(f"O-{OFFER_ID}").title == "熱誤差新法"
    assert len(home.evidence(f"O-{OFFER_ID}")) == 3
    assert [(d.draft_id, d.status) for d in profiles.my_drafts(home, GROUP)] == [
        (new_id, "published")]


def test_a_record_from_a_file_is_opened_as_a_form(home):
    offer = Offer("O9", "舊檔案", "說明。", "equipment", "P2", "CTSP", "臺中市", "zh",
                  ("smart-machinery",), 6, ("licence",), 300_000, None, DAY, date(2027, 1, 1))
    home.put(offers=[offer], evidence=[Evidence("E9", "O9", "內容", "題", "patent", "zh", 2020)])
    made = profiles.revise(home, GROUP, "offer", "O9", NOW)
    back = profiles.fill("offer", {**made.content, "contact_name": "王", "contact_email":
                                   "w@example.org"}, "O9", "P2", DAY)
    assert back.record == offer
    assert [replace(e, evidence_id="E9") for e in back.evidence] == list(home.evidence("O9"))
    for viewer in (RIVAL, FIRM, ANONYMOUS, ELSEWHERE):
        with pytest.raises(UnknownRecordError):
            profiles.revise(home, viewer, "offer", "O9", NOW)
    assert content_of(Need("N")) == {"evidence": []}


# ---- ranking ----------------------------------------------------------------------------------


def test_texts_in_both_languages_count_in_the_ranking(home):
    bare = {k: v for k, v in OFFER.items() if k not in ("title_en", "description_en", "evidence")}
    offered(home, bare | {"title_en": OFFER["title_en"],
                          "description_en": OFFER["description_en"]})
    published(home, GROUP, bare, "00000000000000dd", "offer")
    space = workflow.Workspace(home, load_encoder(), load_ranker())
    needs = {"zh": Need("Z", NEED["title"], NEED["description"]),
             "en": Need("E", "Spindle grows", "Compensate the thermal growth of spindles.")}
    for lang, need in needs.items():
        vector = space.embed([need.text], "query")[0]
        found = next(rank([Query(need, vector, None)], space.pool(), space.ranker,
                          workflow.circumstances_of(space, DAY)))
        both, chinese = found.features["affinity"]
        assert group_of(need.text) == lang
        assert both > chinese if lang == "en" else both > 0


def test_a_needs_english_text_is_part_of_what_is_asked():
    english = {"title_en": "Spindle growth", "description_en": "Thermal error.",
               "requirements_en": "Below 8 µm."}
    made = profiles.fill("need", {**NEED, **english}, "N-1", "P1", DAY).record
    assert made.lang == "zh"
    assert made.title == NEED["title"]
    for text in (*english.values(), NEED["description"], NEED["requirements"]):
        assert text in made.text


# ---- lifetimes --------------------------------------------------------------------------------


def test_what_expires_is_told_a_fortnight_before_renewed_once_and_then_reviewed(home):
    published(home)
    key, end = f"N-{NEED_ID}", DAY + timedelta(days=365)
    soon = end - timedelta(days=14)
    assert profiles.expiring(home, soon - timedelta(days=1)) == ()
    assert [(own.record.need_id, own.may_renew) for own in profiles.expiring(home, soon)] == [
        (key, True)]
    assert profiles.renew(home, FIRM, "need", key, soon, LATER) == soon + timedelta(days=365)
    assert home.need(key).valid_to == soon + timedelta(days=365)
    assert profiles.expiring(home, soon) == ()
    with pytest.raises(InputError, match="renewed before"):
        profiles.renew(home, FIRM, "need", key, soon, LATER)


def test_a_closed_or_old_record_is_expired_and_its_history_stays(home):
    offered(home)
    key = f"O-{OFFER_ID}"
    assert [own.state for own in profiles.my_records(home, GROUP, DAY)] == ["published"]
    before = home.snapshot()
    profiles.close(home, GROUP, "offer", key, DAY, LATER)
    profiles.close(home, GROUP, "offer", key, DAY, LATER)
    (own,) = profiles.my_records(home, GROUP, DAY)
    assert (own.state, own.record.valid_to) == ("expired", DAY - timedelta(days=1))
    assert home.snapshot() != before
    mine = profiles.show_draft(home, GROUP, OFFER_ID)
    assert profiles.state_of(mine, own.record, DAY) == "expired"
    assert [line.act for line in audit_lines(home)].count("close") == 1


@pytest.mark.parametrize("act", [
    lambda store, viewer, key: profiles.renew(store, viewer, "need", key, DAY, NOW),
    lambda store, viewer, key: profiles.close(store, viewer, "need", key, DAY, NOW),
    lambda store, viewer, key: profiles.withdraw_consent(store, viewer, "need", key, NOW),
    lambda store, viewer, key: profiles.revise(store, viewer, "need", key, NOW),
])
def test_others_records_are_as_unknown_as_those_that_are_not_there(home, act):
    published(home)
    for viewer in (RIVAL, GROUP, ELSEWHERE, ANONYMOUS):
        told = []
        for key in (f"N-{NEED_ID}", "N-nowhere"):
            with pytest.raises(UnknownRecordError) as caught:
                act(home, viewer, key)
            told.append(str(caught.value).replace(key, "ID"))
        assert told[0] == told[1]


# ---- commands ---------------------------------------------------------------------------------


@pytest.fixture
def run(settings, monkeypatch):
    store = open_store(settings.database_url)
    store.put(parties=PARTIES)
    monkeypatch.setenv("MATCHER_HOME", str(settings.home))
    monkeypatch.setenv("MATCHER_LANG", "en")
    assert load_settings().database_url == settings.database_url
    return store, lambda *args: CliRunner().invoke(drafts_command, list(args))


def test_support_lists_shows_returns_and_accepts_drafts(run):
    store, call = run
    assert "no draft waits" in call("list").output.lower()
    submitted(store, content={**NEED, "anonymous": "yes", "description": "範例精機的問題。"})
    assert call("list").output.split()[:3] == [NEED_ID, "Need", "CTSP"]
    assert json.loads(call("list", "--json").output)[0]["draft_id"] == NEED_ID
    shown = call("show", NEED_ID).output
    assert "Title: 主軸熱變位補償" in shown
    assert "! “範例精機（樣本）” in the text says who you are" in shown
    assert json.loads(call("show", NEED_ID, "--json").output)["warnings"]
    assert call("return", NEED_ID, "--reason", "names").output == f"N-{NEED_ID}: Returned\n"
    profiles.submit(store, FIRM, NEED_ID, 3, LATER)
    assert isinstance(call("accept", NEED_ID, "--version", "3").exception, DraftConflictError)
    assert json.loads(call("accept", NEED_ID, "--json").output)["status"] == "published"
    assert store.need(f"N-{NEED_ID}").title == NEED["title"]
