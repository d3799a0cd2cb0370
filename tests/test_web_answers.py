"""Answers to each other on the pages: what a click takes back, what each side sees, odd input."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from datetime import date

import pytest
from conftest import EVIDENCE, NEEDS, NOW, OFFERS, PARTIES, account_in, signed_in

from matcher import decisions, profiles
from matcher.accounts import viewer_of
from matcher.profiles import Review
from matcher.store import open_store
from matcher.store.profiles import newest_list
from matcher.vocabulary import Need, Party
from web import create_app

WHO = {"firm": {"role": "firm", "party_id": "P1"}, "group": {"role": "researcher", "party_id": "P2"},
       "far": {"role": "researcher", "party_id": "P3"}, "office": {"role": "centre-admin", "centre": "CTSP"}}
EN = {"Accept-Language": "en"}
DRAFT, RECORD = "00000000000000bb", "O-00000000000000bb"
OFFER = {"kind": "capability", "title": "主軸熱誤差補償", "description": "以七個溫度點補償主軸熱誤差，殘差 6 µm。", "centre": "CTSP",
         "contact_name": "王教授", "contact_email": "wang@example.org"}


class Site:
    """The pages over a small store, with somebody of each kind signed in."""

    def __init__(self, settings):
        self.store = open_store(settings.database_url)
        self.store.put(parties=PARTIES, needs=NEEDS, offers=OFFERS, evidence=EVIDENCE)
        self.app = create_app(settings)
        self.app.config["WTF_CSRF_ENABLED"] = False
        self.clients = {name: signed_in(self.app, name=name, **who) for name, who in WHO.items()}

    def get(self, who, path):
        return self.clients[who].get(path, headers=EN)

    def post(self, who, path, **form):
        """Send a form; give the page it leads to and where the notice's Undo goes, None for no Undo."""
        page = self.clients[who].post(path, data=form, follow_redirects=True, headers=EN)
        found = re.search(r'<form method="post" action="([^"]*)">(?:<input[^>]*>)?<button class="quiet" data-key="u">', page.text)
        return page, found and found[1]

    def state(self, who, need="N1", offer="O1"):
        """Say where a pair stands on somebody's page; None where it is not there."""
        card = re.search(rf'id="x-{need}-{offer}">.*?class="badge[^>]*>([^<]*)<', self.get(who, "/matches").text, re.DOTALL)
        return card and card[1]

    def matched(self, offer="O1", group="group"):
        self.get("firm", "/needs/N1")
        for who, act in (("firm", "release"), (group, "agree"), ("firm", "agree")):
            self.post(who, f"/matches/N1/{offer}/{act}")

    def published(self):
        """Have an offer of the group published by the office."""
        viewer = viewer_of(account_in(self.store, name="ann", **WHO["group"]))
        office = viewer_of(account_in(self.store, name="boss", **WHO["office"]))
        profiles.save_draft(self.store, viewer, DRAFT, OFFER, 0, NOW, side="offer")
        profiles.give_consent(self.store, viewer, DRAFT, profiles.consent_text("publish").version, NOW, "zh")
        profiles.submit(self.store, viewer, DRAFT, 1, NOW)
        profiles.review(self.store, office, DRAFT, Review("accept"), 2, NOW)


@pytest.fixture
def site(settings):
    return Site(settings)


def test_an_old_page_cannot_withdraw_what_was_published_meanwhile(site):
    site.published()
    page, _ = site.post("group", f"/drafts/{DRAFT}/withdraw")
    assert (page.status_code, "This is published; change it from My records." in page.text) == (422, True)
    assert site.store.offer(RECORD).title == OFFER["title"]


def test_a_record_is_removed_from_my_records_with_the_consent(site):
    site.published()
    assert "This cannot be undone" in site.get("group", "/mine").text
    page, _ = site.post("group", f"/records/offer/{RECORD}/remove")
    assert "Removed, with its evidence and your consent to its publication." in page.text
    assert RECORD not in {o.offer_id for o in site.store.offers()}
    assert not profiles.has_consent(site.store, RECORD)
    assert site.clients["firm"].post("/records/offer/O1/remove").status_code == 404


def test_an_agreed_match_stays_on_the_firms_page_when_its_list_changes(site):
    site.matched("O2", "far")
    site.store.put(parties=[Party(f"Q{i}", f"實驗室{i}", kind="university", centre="CTSP", county="臺中市") for i in range(14)],
                   offers=[replace(OFFERS[0], offer_id=f"Z{i:02}", party_id=f"Q{i}", description=f"{OFFERS[0].description}第{i}型。")
                           for i in range(14)])
    site.get("firm", "/needs/N1")
    assert "O2" not in {row[0] for row in newest_list(site.store, "N1")}
    assert (site.state("firm", offer="O2"), site.state("far", offer="O2")) == ("Both agree", "Both agree")
    assert "Sample Vaccine Lab" in site.get("firm", "/matches").text
    site.post("firm", "/matches/N1/O2/back")
    assert (site.state("firm", offer="O2"), site.state("far", offer="O2")) == (None, None)


def test_a_firm_that_agreed_sees_the_groups_no_and_may_agree_again(site):
    site.get("firm", "/needs/N1")
    site.post("firm", "/matches/N1/O1/release")
    site.post("firm", "/matches/N1/O1/agree")
    assert site.state("firm") == "Waiting for them"
    site.post("group", "/matches/N1/O1/decline", reason="busy")
    assert (site.state("firm"), site.state("group")) == ("Declined", "Declined")
    site.post("group", "/matches/N1/O1/agree")
    assert (site.state("firm"), site.state("group")) == ("Both agree", "Both agree")


def test_undo_of_agreeing_leaves_the_release(site):
    site.get("firm", "/needs/N1")
    site.post("firm", "/matches/N1/O1/release")
    site.post("group", "/matches/N1/O1/agree")
    _, undo = site.post("firm", "/matches/N1/O1/agree")
    site.post("firm", undo)
    assert (site.state("firm"), site.state("group")) == ("Waiting for you", "Waiting for them")


def test_a_firm_answers_for_its_offer_as_a_group_does(site):
    site.store.put(offers=[replace(OFFERS[0], offer_id="O9", party_id="P1")], needs=[Need("N8", "主軸熱誤差", "主軸伸長。", "", "P3", "CTSP")])
    other = signed_in(site.app, name="other", role="firm", party_id="P3")
    other.get("/needs/N8")
    other.post("/matches/N8/O9/release")
    site.post("firm", "/matches/N8/O9/decline", reason="busy")
    card = site.get("firm", "/matches").text.partition('id="x-N8-O9"')[2].partition("</li>")[0]
    assert re.findall(r"/matches/N8/O9/([a-z]+)", card) == ["agree"]


def test_a_decision_that_stood_already_offers_no_undo(site):
    _, undo = site.post("office", "/needs/N1/offers/O1/decide", stage="contacted", note="rang them")
    assert undo
    assert site.post("office", "/needs/N1/offers/O1/decide", stage="contacted", note="rang them")[1] is None
    site.post("office", undo)
    assert decisions.stages_of(site.store, "N1") == {}


def test_a_decided_pair_whose_offer_has_gone_can_be_read_declined_and_undone(site):
    _, first = site.post("office", "/needs/N1/offers/O1/decide", stage="contacted")
    site.store.delete("offers", ["O1"])
    assert site.get("office", "/board").status_code == 200
    page, undo = site.post("office", "/needs/N1/offers/O1/decline/busy")
    assert (page.status_code, decisions.stages_of(site.store, "N1")) == (200, {"O1": "declined"})
    for address in (undo, first):
        assert site.clients["office"].post(address).status_code == 302
    assert decisions.stages_of(site.store, "N1") == {}
    assert site.clients["office"].post("/needs/N1/offers/O1/decide", data={"stage": "contacted"}).status_code == 404


@pytest.mark.parametrize("need_id", ["115/001", "115~001", "~1/~0", "a b/c", "規/格"])
def test_a_need_can_be_opened_whatever_its_id(site, need_id):
    site.store.put(needs=[replace(NEEDS[0], need_id=need_id)])
    links = re.findall(r'href="(/needs/[^"?]*)"', site.get("office", "/needs").text)
    (link,) = [link for link in links if link not in ("/needs/N1", "/needs/N2") and not link.endswith((".csv", ".json"))]
    assert site.get("office", link).status_code == 200
    assert "/" not in link.removeprefix("/needs/")


HUGE, NESTED = "9" * 5000, "[" * 100_000


@pytest.mark.parametrize(("who", "path", "form", "status"), [
    ("office", "/decisions/99999999999999999999/undo", {}, 404),
    ("office", "/reports/subscriptions/99999999999999999999/end", {}, 404),
    ("office", "/review/x", {"version": HUGE, "decision": "accept"}, 404),
    ("office", "/needs/N1/offers/O1/decide", {"stage": "contract", "value_ntd": "萬" * 3000}, 422),
    ("group", f"/drafts/{DRAFT}", {"side": "offer", "version": HUGE}, 404),
    ("group", f"/drafts/{DRAFT}", {"side": "offer", "version": "0", "kind": "fund", "title": "t", "money_max_ntd": "萬" * 3000,
                                   "evidence.0.title": "t", "evidence.0.year": HUGE}, 302),
    ("firm", f"/drafts/{DRAFT}", {"side": "need", "version": "0", "description": "ab" * 450_000, "anonymous": "yes"}, 302),
])
def test_numbers_beyond_all_bounds_are_answered(site, who, path, form, status):
    assert site.clients[who].post(path, data=form).status_code == status
    if status == 302:  # what was kept can be opened
        assert site.get(who, path).status_code == 200


WORK = {"title": "t", "text": "x", "kind": "project", "year": 2020, "venue": "", "source": "", "authors": []}


def test_works_nested_without_end_or_with_half_a_character_are_damaged_and_a_bad_referrer_is_none(site):
    site.post("group", f"/drafts/{DRAFT}", side="offer", version="0", title="t", kind="capability")
    for damaged in (NESTED, *(json.dumps({**WORK, key: "\ud800"}) for key in ("title", "doi", "lang"))):
        page, _ = site.post("group", f"/drafts/{DRAFT}/works/confirm", work=damaged)
        assert (page.status_code, "A work came back damaged; read the file again." in page.text) == (422, True)
    _, undo = site.post("office", "/needs/N1/offers/O1/decide", stage="shortlisted")
    assert site.clients["office"].post(undo, headers={"Referer": "http://[bad"}).status_code == 302


@pytest.mark.parametrize(("path", "referrer", "back"), [
    ("/drafts/00000000000000bb/submit", "http://localhost/drafts/00000000000000bb?x=1", "/drafts/00000000000000bb"),
    ("/drafts/00000000000000bb/submit", "http://localhost//evil.example/x", "/"),
    ("/drafts/00000000000000bb/submit", "http://[bad", "/"),
    ("/account", "http://localhost/account", ""),
])
def test_after_a_refused_form_the_language_link_leads_to_a_page(site, path, referrer, back):
    site.post("group", f"/drafts/{DRAFT}", side="offer", version="0", title="t", kind="capability")
    page = site.clients["group"].post(path, data={"name": ""}, headers={"Referer": referrer, **EN})
    assert page.status_code == 422
    assert f'<a href="{back}?lang=zh"' in page.text
    assert site.clients["group"].get((back or path) + "?lang=zh").status_code == 200


def test_the_browsers_language_decides_again_once_no_other_is_chosen(site):
    site.clients["group"].post("/account", data={"name": "Ann", "lang": "en"})
    assert 'lang="en"' in site.clients["group"].get("/mine", headers={"Accept-Language": "zh"}).text[:200]
    site.clients["group"].post("/account", data={"name": "Ann", "lang": ""})
    assert 'lang="zh-Hant-TW"' in site.clients["group"].get("/mine", headers={"Accept-Language": "zh"}).text[:200]


def test_what_has_ended_is_not_listed_for_an_agreement(site):
    site.matched()
    site.store.put(offers=[replace(OFFERS[0], valid_to=date(2026, 1, 1))])
    assert site.state("firm") is None
