from __future__ import annotations

import json
import re
from dataclasses import replace
from datetime import date, timedelta
from html import unescape

import pytest
from click.testing import CliRunner
from conftest import EVIDENCE, NEEDS, NOW, OFFERS, PARTIES, account_in, signed_in, token_of

from matcher import profiles
from matcher.accounts import viewer_of
from matcher.cli import main
from matcher.decisions import Change, decide, undo
from matcher.errors import StoreError
from matcher.store import open_store
from matcher.store.decisions import put_decisions
from matcher.store.outbox import mails
from matcher.store.profiles import drafts
from matcher.vocabulary import Need, Offer, Outcome
from web import HEADERS, create_app


@pytest.fixture
def client(settings):
    nasty = Need("N3", "<script>alert(1)</script>", "{{7*7}} <img onerror=x>", centre="CTSP")
    open_store(settings.database_url).put(parties=PARTIES, needs=(*NEEDS, nasty), offers=OFFERS,
                                          evidence=EVIDENCE)
    return signed_in(create_app(settings))


PAGES = ("/", "/centres/CTSP", "/needs/N1", "/match?text=疫苗&centre=PABP")


@pytest.mark.parametrize("path", PAGES)
@pytest.mark.parametrize(("header", "word", "lang"), [
    ("zh-TW", "區域創新媒合", "zh-Hant-TW"), ("en", "Regional innovation matching", "en")])
def test_every_page_in_both_languages(client, path, header, word, lang):
    page = client.get(path, headers={"Accept-Language": header})
    assert page.status_code == 200
    assert word in page.text
    assert f'<html lang="{lang}">' in page.text


def test_a_list_shows_score_evidence_distance_and_language(client):
    page = client.get("/needs/N1", headers={"Accept-Language": "zh"}).text
    for word in ("工具機熱誤差建模", "範例熱誤差實驗室（樣本）", "研發能量", "智慧機械", "臺中市 · 同一地區", "TRL 6", "· 繁體中文",
                 "<mark>", "分數怎麼來的", "文意相近度"):
        assert word in page, word


def test_a_page_says_what_is_missing_what_would_raise_the_score_and_how_far_it_looks(client):
    page = client.get("/needs/N1", headers={"Accept-Language": "en"}).text
    for word in ("Widened to: partner parks. In the narrower scope (whole country)", "Rank without each text",
                 "the profile&#39;s own words", "What is needed"):
        assert word in page, word


def test_what_a_page_showed_is_logged_once_and_a_typed_need_never(client, settings):
    for path in ("/needs/N1", "/needs/N1", "/match?text=疫苗"):
        assert client.get(path).status_code == 200
    logged = open_store(settings.database_url).outcomes()
    assert {(o.need_id, o.stage) for o in logged} == {("N1", "shown")}
    assert len({o.offer_id for o in logged}) == len(logged)


def test_a_list_is_shown_even_when_it_cannot_be_logged(client, monkeypatch):
    def refuse(*_args, **_options):
        raise StoreError("The database {url} cannot be used: {cause}.", url="x", cause="the disk is full")

    monkeypatch.setattr("matcher.workflow.log_shown", refuse)
    assert client.get("/needs/N1").status_code == 200


def test_the_language_is_remembered_and_other_parameters_are_kept(client):
    first = client.get("/match?text=spindle&lang=en")
    assert "lang=zh" in first.text
    assert "text=spindle" in first.text
    assert "Find offers" in client.get("/", headers={"Accept-Language": "zh"}).text


@pytest.mark.parametrize(("path", "status", "sentence"), [
    ("/needs/N9", 404, "沒有編號為「N9」的需求。"), ("/centres/XX", 404, "沒有編號為「XX」的園區。"),
    ("/nowhere", 404, "沒有這個頁面。"), ("/match?text=", 422, "請用幾句話寫下需求"),
    ("/match?text=" + "x" * 5001, 422, "最多 5000 字"),
    ("/match?text=x&centre=XX", 404, "沒有編號為「XX」的園區。"),
])
def test_errors_are_pages_with_a_sentence(client, path, status, sentence):
    page = client.get(path, headers={"Accept-Language": "zh-TW"})
    assert page.status_code == status
    assert sentence in page.text


@pytest.mark.parametrize("path", [*PAGES, "/nowhere", "/needs/N1.json", "/static/style.css"])
def test_every_answer_carries_the_protecting_headers(client, path):
    with client.get(path) as answer:
        found = answer.headers
    assert {name: found[name] for name in HEADERS if name != "Cache-Control"} == {
        name: value for name, value in HEADERS.items() if name != "Cache-Control"}


@pytest.mark.parametrize("path", ["/centres/CTSP", "/needs/N3"])
def test_text_of_people_is_never_markup(client, path):
    page = client.get(path).text
    assert "<script>alert" not in page
    assert "<img onerror" not in page
    assert "{{7*7}}" in page


def test_the_csv_opens_in_excel(client):
    answer = client.get("/needs/N1.csv")
    assert answer.data.startswith(b"\xef\xbb\xbf")
    assert "attachment" in answer.headers["Content-Disposition"]


def test_posts_are_refused_as_there_is_nothing_to_post(client):
    assert client.post("/match").status_code == 405


def test_no_page_asks_another_machine(client):
    for path in PAGES:
        page = client.get(path).text
        assert "http://" not in page
        assert "https://" not in page


@pytest.mark.parametrize("before", [None, ""])
def test_the_key_is_made_once_and_kept_private(settings, before):
    """An empty file is left where its writing broke off; with it nobody could sign in any more."""
    if before is not None:
        (settings.home / "secret_key").write_text(before)
    one, other = create_app(settings), create_app(settings)
    assert one.config["SECRET_KEY"] == other.config["SECRET_KEY"]
    assert len(one.config["SECRET_KEY"]) == 64
    assert (settings.home / "secret_key").stat().st_mode & 0o077 == 0


@pytest.mark.parametrize("text", ["疫苗", "溫室", "功率元件", "GaN", "gan", "主軸 -vaccine", "nothing at all"])
def test_page_api_and_command_find_the_same(client, settings, monkeypatch, text):
    store = open_store(settings.database_url)
    store.put(offers=[Offer("O7", "GaN 功率元件封裝", "氮化鎵功率元件。"), Offer("O8", "溫室環控", "蒸發冷卻。"), Offer("O9", "Organ", "chip")])
    monkeypatch.setenv("MATCHER_HOME", str(settings.home))
    page = client.get("/offers", query_string={"q": text, "size": 200}).text
    from_page = re.findall(r'id="r-(O\d)"', page)
    from_api = [row["id"] for row in client.get("/offers.json", query_string={"q": text, "size": 200}).json["rows"]]
    from_shell = [row["id"] for row in json.loads(CliRunner().invoke(main, ["search", text, "--json"]).output)["rows"]]
    assert from_page == from_api == from_shell
    assert bool(from_page) == (text != "nothing at all")


def test_the_writer_is_told_by_mail_what_the_office_decided(settings):
    store = open_store(settings.database_url)
    store.put(parties=PARTIES, needs=NEEDS, offers=OFFERS, evidence=EVIDENCE)
    app = create_app(settings)
    app.config["WTF_CSRF_ENABLED"] = False
    group, office = signed_in(app, role="researcher", party_id="P2"), signed_in(app, role="centre-admin", centre="CTSP")
    draft = profiles.new_draft_id()
    form = {"side": "offer", "version": "0", "kind": "capability", "title": "秘密題目", "description": "以七個溫度點補償主軸熱誤差。", "centre": "CTSP",
            "contact_name": "王", "contact_email": "w@example.org"}
    for decision, words in (("return", "附理由退回"), ("accept", "已刊登")):
        version = store_version(store, draft)
        group.post(f"/drafts/{draft}", data={**form, "version": version})
        group.post(f"/drafts/{draft}/submit", data={"version": store_version(store, draft), "consent": profiles.consent_text("publish").version})
        office.post(f"/review/{draft}", data={"decision": decision, "code": "unclear" if decision == "return" else [],
                                              "version": store_version(store, draft)})
        mail = mails(store)[-1]
        assert (mail.recipient, words in mail.subject, "秘密" in mail.subject + mail.body) == ("researcher@example.org", True, False)
    assert len(mails(store)) == 2


def store_version(store, draft_id):
    found = drafts(store, draft_id=draft_id)
    return str(found[0].version) if found else "0"


@pytest.mark.parametrize(("query", "shown"), [("", "O1 O3 O2"), ("km=30", "O1 O3"), ("order=near", "O1 O3 O2"), ("km=9&order=near", "O1 O3")])
def test_a_list_is_kept_to_a_distance_and_says_how_far_offers_are(client, settings, query, shown):
    open_store(settings.database_url).put(needs=[replace(NEEDS[0], kinds=())])
    page = client.get(f"/needs/N1?{query}", headers={"Accept-Language": "en"}).text
    assert re.findall(r'id="m-(\w+)"', page) == shown.split()
    assert "Taichung City · in the same area" in page
    assert ("Pingtung County · about 184 km" in page) == ("O2" in shown)
    assert client.get("/needs/N1?km=x").status_code == 422


def test_the_map_of_a_list_has_the_need_and_each_place_once(client, settings):
    open_store(settings.database_url).put(needs=[replace(NEEDS[0], kinds=())])
    page = client.get("/needs/N1", headers={"Accept-Language": "zh"}).text
    points = json.loads(unescape(re.search(r'id="points" hidden data-points="([^"]+)"', page)[1]))
    assert [(p["kind"], p["size"], p["lines"], p.get("id")) for p in points] == [
        ("need", 1, ["需求: 主軸熱變位補償"], None),
        ("offer", 2, ["臺中市 · 同一地區", "1. 工具機熱誤差建模", "2. Spindle thermal growth measurement"], "m-O1"),
        ("offer", 1, ["屏東縣 · 約 184 公里", "3. 豬用口服疫苗微膠囊"], "m-O2")]
    assert 'src="/vendor/leaflet/leaflet.js"' in page


def test_the_twins_of_a_list_say_how_far_offers_are(client):
    row = client.get("/needs/N1.json").json[0]
    assert (row["offer_id"], row["distance_km"]) == ("O1", 0.0)
    assert "distance_km" in client.get("/needs/N1.csv").text.splitlines()[0]


def test_the_history_of_a_pair_tells_who_decided_what_and_who_took_it_back(settings):
    store = open_store(settings.database_url)
    store.put(parties=PARTIES, needs=NEEDS, offers=OFFERS, evidence=EVIDENCE)
    office, group = (account_in(store, role=role, name=name, **where) for role, name, where in (
        ("centre-admin", "林小姐", {"centre": "CTSP"}), ("researcher", "機密研究員", {"centre": "PABP", "party_id": "P3"})))
    first = decide(store, viewer_of(office), Change("N1", "O1", "contacted", note="打過電話\n再約", next_date=date(2026, 12, 1)), NOW)
    put_decisions(store, [Outcome("N1", "O1", "declined", NOW, group.account_id, "busy"), Outcome("N1", "O1", "meeting", NOW, "command line"),
                          Outcome("N1", "O1", "meeting", NOW, "王主任")])
    for number in (first + 3, first + 2, first + 1):
        undo(store, viewer_of(office), number, NOW + timedelta(hours=1))
    client = signed_in(create_app(settings), role="centre-admin", centre="CTSP", name="同事")
    page = client.get("/needs/N1/why?offer=O1", headers={"Accept-Language": "en"}).text.split('id="history"')[1]
    for word in ("2026-11-24 12:00</td><td>林小姐", "<td>Contacted</td>", "打過電話\n再約", "2026-12-01", "<td>somebody not shown</td>",
                 "<del>Declined · No capacity</del><br><small>taken back by 林小姐, 2026-11-24 13:00", "<td>command line</td>", "<td>王主任</td>"):
        assert word in page, word
    assert "機密研究員" not in page
    page = client.get("/needs/N1/why?offer=O1", headers={"Accept-Language": "zh"}).text
    for word in ("決定紀錄", "林小姐 於 2026-11-24 13:00 撤回", "指令列"):
        assert word in page, word
    assert "/needs/N1/why?offer=O1#history" in client.get("/board").text
    assert "目前沒有這筆媒合的決定。" in client.get("/needs/N1/why?offer=O3", headers={"Accept-Language": "zh"}).text


def test_a_firm_sees_no_history(settings):
    store = open_store(settings.database_url)
    store.put(parties=PARTIES, needs=NEEDS, offers=OFFERS, evidence=EVIDENCE)
    page = signed_in(create_app(settings), role="firm", party_id="P1").get("/needs/N1/why?offer=O1")
    assert (page.status_code, 'id="history"' in page.text) == (200, False)


@pytest.mark.parametrize(("lang", "said"), [("en", "O1: Contacted"), ("zh", "O1：已聯繫")])
def test_a_notice_names_the_stage_in_the_readers_language(client, lang, said):
    page = client.get("/needs/N1", headers={"Accept-Language": lang})
    page = client.post("/needs/N1/offers/O1/decide", data={"csrf_token": token_of(page), "stage": "contacted"},
                       headers={"Accept-Language": lang}, follow_redirects=True)
    assert f"<span>{said}</span>" in page.text
